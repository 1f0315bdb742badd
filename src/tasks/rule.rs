//! Rules (what a trial asks for) and rulesets (which rules one network knows).

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::tasks::Epoch;

/// What a trial asks of the network. Each rule of a network's ruleset has an input channel of its own, which is on for
/// the whole trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// Oculomotor delayed response: remember the cue for 1,500 ms, then respond towards it.
    Odr,
    /// Delayed response with a delay of 500 ms.
    Odr500,
    /// Delayed response with a delay of 750 ms.
    Odr750,
    /// Delayed response with a delay of 1,000 ms.
    Odr1000,
    /// Delayed response with a delay of 1,100 ms.
    Odr1100,
    /// Delayed response with a delay of 1,200 ms.
    Odr1200,
    /// Delayed response with a delay of 1,300 ms.
    Odr1300,
    /// Delayed response with a delay of 1,400 ms.
    Odr1400,
    /// Delayed response with a delay of 3,000 ms.
    Odr3000,
    /// Delayed response with a delay of 6,000 ms.
    Odr6000,
    /// Delayed response with a delay of 15,000 ms.
    Odr15000,
    /// Delayed response with a distractor in the middle of the delay.
    Odrd,
    /// Anti-saccade, the fixation point going off with the stimulus.
    Overlap,
    /// Anti-saccade, the fixation point going off as the stimulus appears.
    ZeroGap,
    /// Anti-saccade, the fixation point going off 100 ms before the stimulus.
    Gap,
    /// Anti-saccade, the fixation point going off 500 ms before the stimulus.
    Gap500,
    /// Compare two stimuli, then choose the 'match' or 'non-match' target, whose places vary.
    MatchOrNon,
    /// Compare two stimuli; the 'match' target is always at 0 and the 'non-match' target at π.
    MatchOrNonEasy,
    /// See both stimuli and both targets but keep fixating.
    MatchOrNonPassive,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Rule; 19] = [
        Rule::Odr,
        Rule::Odr500,
        Rule::Odr750,
        Rule::Odr1000,
        Rule::Odr1100,
        Rule::Odr1200,
        Rule::Odr1300,
        Rule::Odr1400,
        Rule::Odr3000,
        Rule::Odr6000,
        Rule::Odr15000,
        Rule::Odrd,
        Rule::Overlap,
        Rule::ZeroGap,
        Rule::Gap,
        Rule::Gap500,
        Rule::MatchOrNon,
        Rule::MatchOrNonEasy,
        Rule::MatchOrNonPassive,
    ];

    /// The name used in files, tables and on the command line, as in the published system.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Odr => "odr",
            Rule::Odr500 => "odr500",
            Rule::Odr750 => "odr750",
            Rule::Odr1000 => "odr1000",
            Rule::Odr1100 => "odr1100",
            Rule::Odr1200 => "odr1200",
            Rule::Odr1300 => "odr1300",
            Rule::Odr1400 => "odr1400",
            Rule::Odr3000 => "odr3000",
            Rule::Odr6000 => "odr6000",
            Rule::Odr15000 => "odr15000",
            Rule::Odrd => "odrd",
            Rule::Overlap => "overlap",
            Rule::ZeroGap => "zero_gap",
            Rule::Gap => "gap",
            Rule::Gap500 => "gap500",
            Rule::MatchOrNon => "match_or_non",
            Rule::MatchOrNonEasy => "match_or_non_easy",
            Rule::MatchOrNonPassive => "match_or_non_passive",
        }
    }

    /// The epochs of the rule, in order of their beginning.
    pub fn epochs(self) -> &'static [Epoch] {
        use Epoch::*;
        match self {
            Rule::Odrd => &[Fix1, Stim1, Delay1, Distract1, Delay2, Go1],
            Rule::Overlap | Rule::ZeroGap => &[Fix1, Stim1, Go1],
            Rule::Gap | Rule::Gap500 => &[Fix1, Delay1, Stim1, Go1],
            Rule::MatchOrNon | Rule::MatchOrNonEasy | Rule::MatchOrNonPassive => {
                &[Fix1, Stim1, Delay1, Stim2, Delay2, Go1]
            }
            _ => &[Fix1, Stim1, Delay1, Go1],
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Rule {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Rule::ALL.into_iter().find(|rule| rule.name() == name);
        found.ok_or_else(|| Error::unknown_name("rule", name, Rule::ALL))
    }
}

/// The rules that one network knows, in the order of their input channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ruleset {
    /// The paper's six tasks: overlap, zero_gap, gap, odr, odrd, gap500.
    AllNew,
    /// The three anti-saccade rules: overlap, zero_gap, gap.
    Ozg,
    /// Delayed response with eight delays.
    OdrDelayCheck,
    /// The six tasks with a delay of 3,000 ms in place of 1,500 ms.
    AllNewOdr3000,
    /// The six tasks with a delay of 6,000 ms.
    AllNewOdr6000,
    /// The six tasks with a delay of 15,000 ms.
    AllNewOdr15000,
    /// The two match tasks.
    MoN,
    /// The two match tasks and the six tasks.
    MixMoN6tasks,
    /// All three match tasks and the six tasks.
    MixPMoN6tasks,
    /// Delayed response (500 ms), distractor and three anti-saccade rules, for training in sequence.
    SeqTrainTest,
}

impl Ruleset {
    /// Every ruleset.
    pub const ALL: [Ruleset; 10] = [
        Ruleset::AllNew,
        Ruleset::Ozg,
        Ruleset::OdrDelayCheck,
        Ruleset::AllNewOdr3000,
        Ruleset::AllNewOdr6000,
        Ruleset::AllNewOdr15000,
        Ruleset::MoN,
        Ruleset::MixMoN6tasks,
        Ruleset::MixPMoN6tasks,
        Ruleset::SeqTrainTest,
    ];

    /// The name used in `hp.json`.
    pub fn name(self) -> &'static str {
        match self {
            Ruleset::AllNew => "all_new",
            Ruleset::Ozg => "ozg",
            Ruleset::OdrDelayCheck => "odr_delay_check",
            Ruleset::AllNewOdr3000 => "all_new_odr3000",
            Ruleset::AllNewOdr6000 => "all_new_odr6000",
            Ruleset::AllNewOdr15000 => "all_new_odr15000",
            Ruleset::MoN => "MoN",
            Ruleset::MixMoN6tasks => "mix_MoN_6tasks",
            Ruleset::MixPMoN6tasks => "mix_p_MoN_6tasks",
            Ruleset::SeqTrainTest => "seq_train_test",
        }
    }

    /// The rules, in the order of their input channels.
    pub fn rules(self) -> &'static [Rule] {
        use Rule::*;
        match self {
            Ruleset::AllNew => &[Overlap, ZeroGap, Gap, Odr, Odrd, Gap500],
            Ruleset::Ozg => &[Overlap, ZeroGap, Gap],
            Ruleset::OdrDelayCheck => &[Odr500, Odr750, Odr1000, Odr1100, Odr1200, Odr1300, Odr1400, Odr],
            Ruleset::AllNewOdr3000 => &[Overlap, ZeroGap, Gap, Odr3000, Odrd, Gap500],
            Ruleset::AllNewOdr6000 => &[Overlap, ZeroGap, Gap, Odr6000, Odrd, Gap500],
            Ruleset::AllNewOdr15000 => &[Overlap, ZeroGap, Gap, Odr15000, Odrd, Gap500],
            Ruleset::MoN => &[MatchOrNon, MatchOrNonEasy],
            Ruleset::MixMoN6tasks => &[MatchOrNon, MatchOrNonEasy, Overlap, ZeroGap, Gap, Odr, Odrd, Gap500],
            Ruleset::MixPMoN6tasks => {
                &[MatchOrNon, MatchOrNonEasy, MatchOrNonPassive, Overlap, ZeroGap, Gap, Odr, Odrd, Gap500]
            }
            Ruleset::SeqTrainTest => &[Odr500, Odrd, Overlap, ZeroGap, Gap],
        }
    }

    /// The place of `rule` among the rule channels; an error that lists the ruleset's rules if it is not one of them.
    pub fn index(self, rule: Rule) -> Result<usize> {
        let place = self.rules().iter().position(|known| *known == rule);
        place.ok_or_else(|| Error::unknown_name("rule in this ruleset", rule.name(), self.rules()))
    }

    /// The first ruleset that knows `rule`.
    pub fn containing(rule: Rule) -> Ruleset {
        let found = Ruleset::ALL.into_iter().find(|ruleset| ruleset.rules().contains(&rule));
        found.unwrap_or(Ruleset::AllNew)
    }
}

impl fmt::Display for Ruleset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Ruleset {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Ruleset::ALL.into_iter().find(|ruleset| ruleset.name() == name);
        found.ok_or_else(|| Error::unknown_name("ruleset", name, Ruleset::ALL))
    }
}

/// Reads and writes an enum by its `name`, so that files, tables and the command line share one vocabulary.
macro_rules! serde_by_name {
    ($($type:ty),*) => {$(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                let name = <String as serde::Deserialize>::deserialize(deserializer)?;
                name.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
serde_by_name!(Rule, Ruleset, Epoch);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for rule in Rule::ALL {
            assert_eq!(rule.name().parse::<Rule>().unwrap(), rule);
            assert!(Ruleset::containing(rule).rules().contains(&rule), "{rule} belongs to no ruleset");
        }
        for ruleset in Ruleset::ALL {
            assert_eq!(ruleset.name().parse::<Ruleset>().unwrap(), ruleset);
        }
    }

    #[test]
    fn an_unknown_rule_lists_the_known_ones() {
        let message = "ordd".parse::<Rule>().unwrap_err().to_string();
        assert!(message.contains("`ordd`") && message.contains("odrd"), "{message}");
        let message = Ruleset::Ozg.index(Rule::Odr).unwrap_err().to_string();
        assert!(message.contains("`odr`") && message.contains("overlap, zero_gap, gap"), "{message}");
    }
}
