//! Rulesets: which rules one network knows.

use std::fmt;
use std::str::FromStr;
use std::sync::{PoisonError, RwLock};

use serde::de::Error as _;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::tasks::{Epoch, Rule};

/// The rules that one network knows, in the order of their input channels: one of the published sets, or
/// [one of your own](Ruleset::of).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ruleset {
    name: &'static str,
    rules: &'static [Rule],
}

/// The published rulesets, one after the other.
macro_rules! rulesets {
    ($($(#[$about:meta])* $set:ident = $name:literal: $($rule:ident)*;)*) => {
        impl Ruleset {
            $($(#[$about])* pub const $set: Ruleset = Ruleset { name: $name, rules: &[$(Rule::$rule),*] };)*

            /// Every published ruleset.
            pub const ALL: &[Ruleset] = &[$(Ruleset::$set),*];
        }
    };
}

rulesets! {
    /// The paper's six tasks.
    ALL_NEW = "all_new": OVERLAP ZERO_GAP GAP ODR ODRD GAP500;
    /// The three anti-saccade rules.
    OZG = "ozg": OVERLAP ZERO_GAP GAP;
    /// Delayed response with eight delays.
    ODR_DELAY_CHECK = "odr_delay_check": ODR500 ODR750 ODR1000 ODR1100 ODR1200 ODR1300 ODR1400 ODR;
    /// The six tasks with a delay of 3,000 ms in place of 1,500 ms.
    ALL_NEW_ODR3000 = "all_new_odr3000": OVERLAP ZERO_GAP GAP ODR3000 ODRD GAP500;
    /// The six tasks with a delay of 6,000 ms.
    ALL_NEW_ODR6000 = "all_new_odr6000": OVERLAP ZERO_GAP GAP ODR6000 ODRD GAP500;
    /// The six tasks with a delay of 15,000 ms.
    ALL_NEW_ODR15000 = "all_new_odr15000": OVERLAP ZERO_GAP GAP ODR15000 ODRD GAP500;
    /// The two match tasks.
    MON = "MoN": MATCH_OR_NON MATCH_OR_NON_EASY;
    /// The two match tasks and the six tasks.
    MIX_MON_6TASKS = "mix_MoN_6tasks": MATCH_OR_NON MATCH_OR_NON_EASY OVERLAP ZERO_GAP GAP ODR ODRD GAP500;
    /// All three match tasks and the six tasks.
    MIX_P_MON_6TASKS = "mix_p_MoN_6tasks":
        MATCH_OR_NON MATCH_OR_NON_EASY MATCH_OR_NON_PASSIVE OVERLAP ZERO_GAP GAP ODR ODRD GAP500;
    /// Delayed response (500 ms), distractor and three anti-saccade rules, for training in sequence.
    SEQ_TRAIN_TEST = "seq_train_test": ODR500 ODRD OVERLAP ZERO_GAP GAP;
}

/// Rulesets of users' own, each once.
static OWN: RwLock<Vec<Ruleset>> = RwLock::new(Vec::new());

impl Ruleset {
    /// The ruleset of these rules in this order, the crate's or your own.
    ///
    /// ```
    /// use maturation::prelude::*;
    ///
    /// let two = Ruleset::of(&[Rule::ODR, Rule::GAP])?;
    /// assert_eq!((two.name(), two.rules().len()), ("odr,gap", 2));
    /// assert_eq!("odr,gap".parse::<Ruleset>()?, two);
    /// # Ok::<(), maturation::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there is no rule, or one is there twice.
    pub fn of(rules: &[Rule]) -> Result<Ruleset> {
        if rules.is_empty() {
            return Err(Error::argument("a ruleset of no rules", "give at least one"));
        }
        if let Some(place) = (1..rules.len()).find(|place| rules[..*place].contains(&rules[*place])) {
            return Err(Error::argument(format!("rule `{}` is twice in a ruleset", rules[place]), "give each once"));
        }
        // A rule that was defined anew is the same by name only.
        let same = |known: &Ruleset| {
            known.rules.len() == rules.len() && known.rules.iter().zip(rules).all(|(a, b)| std::ptr::eq(a.0, b.0))
        };
        let published = Ruleset::ALL.iter().find(|known| known.rules == rules);
        let mut own = OWN.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = published.or_else(|| own.iter().find(|known| same(known))) {
            return Ok(*found);
        }
        let name = rules.iter().map(|rule| rule.name()).collect::<Vec<_>>().join(",");
        // It lives as long as the program, as its rules do.
        own.push(Ruleset {
            name: Box::leak(name.into_boxed_str()),
            rules: Box::leak(rules.to_vec().into_boxed_slice()),
        });
        Ok(own[own.len() - 1])
    }

    /// The name used in `hp.json`; for a ruleset of your own, its rules' names with commas between.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// The rules, in the order of their input channels.
    pub fn rules(self) -> &'static [Rule] {
        self.rules
    }

    /// The further input channels that its rules need, in the order in which they are first named.
    pub fn channels(self) -> Vec<String> {
        let mut channels = Vec::new();
        for channel in self.rules.iter().flat_map(|rule| rule.channels()) {
            if !channels.contains(&channel) {
                channels.push(channel);
            }
        }
        channels
    }

    /// The place of `rule` among the rule channels; an error that lists the ruleset's rules if it is not one of them.
    pub fn index(self, rule: Rule) -> Result<usize> {
        let place = self.rules.iter().position(|known| *known == rule);
        place.ok_or_else(|| Error::unknown_name("rule in this ruleset", rule.name(), self.rules))
    }

    /// The first published ruleset that knows `rule`; for a rule of your own, that of this rule alone.
    pub fn containing(rule: Rule) -> Ruleset {
        let found = Ruleset::ALL.iter().find(|ruleset| ruleset.rules.contains(&rule)).copied();
        found.or_else(|| Ruleset::of(&[rule]).ok()).unwrap_or(Ruleset::ALL_NEW)
    }
}

impl fmt::Display for Ruleset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

impl FromStr for Ruleset {
    type Err = Error;

    /// A published ruleset by its name, or one of your own by its rules' names with commas between.
    fn from_str(name: &str) -> Result<Self> {
        if let Some(found) = Ruleset::ALL.iter().find(|ruleset| ruleset.name == name) {
            return Ok(*found);
        }
        let rules: Result<Vec<Rule>> = name.split(',').map(|rule| rule.trim().parse()).collect();
        match rules {
            Ok(rules) => Ruleset::of(&rules),
            Err(unknown) if name.contains(',') => Err(unknown),
            Err(_) => Err(Error::unknown_name("ruleset", name, Ruleset::ALL)),
        }
    }
}

/// By name; a ruleset of one's own is the list of its rules.
impl serde::Serialize for Ruleset {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match Ruleset::ALL.contains(self) {
            true => serializer.serialize_str(self.name),
            false => serializer.collect_seq(self.rules),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Ruleset {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(name) => name.parse().map_err(D::Error::custom),
            list => {
                let rules: Vec<Rule> = serde_json::from_value(list).map_err(D::Error::custom)?;
                Ruleset::of(&rules).map_err(D::Error::custom)
            }
        }
    }
}

/// Reads and writes a value by its `name`, so that files, tables and the command line share one vocabulary.
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
serde_by_name!(Rule, Epoch);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rulesets_read_back_from_their_name_or_their_rules() {
        for ruleset in Ruleset::ALL {
            assert_eq!(ruleset.name().parse::<Ruleset>().unwrap(), *ruleset);
            assert_eq!(Ruleset::of(ruleset.rules()).unwrap(), *ruleset);
        }
        let own = Ruleset::of(&[Rule::GAP, Rule::ODR3000]).unwrap();
        let json = serde_json::to_value(own).unwrap();
        assert_eq!(json, serde_json::json!(["gap", "odr3000"]));
        assert_eq!(serde_json::from_value::<Ruleset>(json).unwrap(), own);
        let message = Ruleset::OZG.index(Rule::ODR).unwrap_err().to_string();
        assert!(message.contains("`odr`") && message.contains("overlap, zero_gap, gap"), "{message}");
        for (text, words) in [("ozgg", "there is no ruleset `ozgg`"), ("gap,gup", "`gup`"), ("gap,gap", "twice")] {
            let message = text.parse::<Ruleset>().unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
