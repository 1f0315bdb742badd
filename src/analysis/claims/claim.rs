//! A claim held against what a run shows.

use crate::analysis::SelectivityTest;
use crate::analysis::claims::Verdict;
use crate::analysis::claims::by_stage::ByStage;
use crate::tasks::{Epoch, Rule};

/// How large what a claim is about is, as one number that can be averaged over runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Effect {
    /// What the number is.
    pub(super) is: &'static str,
    pub(super) found: Option<f64>,
    /// The same of the published numbers, where these are numbers.
    pub(super) published: Option<f64>,
}

/// A claim, what was published, what the run shows, and whether that is the same.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) claim: &'static str,
    pub(super) source: &'static str,
    pub(super) measure: String,
    pub(super) published: String,
    pub(super) found: String,
    pub(super) by_stage: ByStage,
    pub(super) effect: Effect,
    /// The measure of single units that the effect is the mean of: measure, rule, epoch and test of the table of units.
    pub(super) nested: Option<String>,
    pub(super) verdict: Verdict,
    pub(super) reason: String,
}

impl Claim {
    /// A claim about a number at each stage.
    pub(super) fn by_stage(
        (claim, source, measure): (&'static str, &'static str, &str),
        published: &str,
        (by_stage, digits): (ByStage, usize),
        (verdict, reason): (Verdict, String),
    ) -> Claim {
        let counts: Vec<String> =
            by_stage.known().into_iter().map(|(stage, _)| by_stage.checkpoints[stage as usize].to_string()).collect();
        let found = match counts.is_empty() {
            true => by_stage.text(digits),
            false if counts == ["1"] => format!("{} (1 checkpoint)", by_stage.text(digits)),
            false => format!("{} ({} checkpoints)", by_stage.text(digits), counts.join(", ")),
        };
        let found_effect = by_stage.values[2].zip(by_stage.values[0]).map(|(mature, early)| mature - early);
        let reason = [Some(reason), by_stage.few()].into_iter().flatten().filter(|text| !text.is_empty());
        Claim {
            claim,
            source,
            measure: measure.to_owned(),
            published: published.to_owned(),
            found,
            by_stage,
            effect: Effect { is: "mature − early", found: found_effect, published: None },
            nested: None,
            verdict,
            reason: reason.collect::<Vec<_>>().join("; "),
        }
    }

    /// A claim about something else.
    pub(super) fn other(
        (claim, source, measure): (&'static str, &'static str, &str),
        published: &str,
        found: String,
        (verdict, reason): (Verdict, String),
    ) -> Claim {
        let (measure, published) = (measure.to_owned(), published.to_owned());
        let (by_stage, effect) = (ByStage::default(), Effect::default());
        Claim { claim, source, measure, published, found, by_stage, effect, nested: None, verdict, reason }
    }

    /// The same with the published size of the effect.
    pub(super) fn published_effect(mut self, published: f64) -> Claim {
        self.effect.published = Some(published);
        self
    }

    /// The same, whose effect is the mean of what these units do.
    pub(super) fn of_units(mut self, measure: &str, rule: Rule, selected: Epoch, test: SelectivityTest) -> Claim {
        self.nested = Some(format!("{measure} {rule} {selected} {test}"));
        self
    }

    /// The same with another effect than the change from early to mature.
    pub(super) fn with_effect(mut self, is: &'static str, found: Option<f64>, published: Option<f64>) -> Claim {
        self.effect = Effect { is, found, published };
        self
    }
}

/// What is asked of the units of the unbiased test, which the paper does not have.
pub(super) const UNBIASED: (&str, &str) = ("The same of units kept by the unbiased test", "not in the paper");

/// The claim that two themes bear on.
pub(super) const DELAY: &str = "Delay activity grows with maturation";

/// How a text begins that sets what the published test gives beside the unbiased one.
pub(crate) const BESIDE: &str = "by the published test: ";

/// What the published test gives, to stand beside the unbiased one.
pub(super) fn beside(of_published: &ByStage) -> String {
    format!("{BESIDE}{}", of_published.text(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_says_on_how_many_checkpoints_it_stands() {
        let found = ByStage { values: [Some(-0.5), Some(1.0), Some(2.0)], checkpoints: [1, 30, 2] };
        let claim = Claim::by_stage(("claim", "figure", "measure"), "published", (found, 1), found.rises());
        assert_eq!(claim.found, "early −0.5, mid 1.0, mature 2.0 (1, 30, 2 checkpoints)");
        assert!(claim.reason.ends_with("few checkpoints: early 1, mature 2"));
        assert_eq!(claim.effect, Effect { is: "mature − early", found: Some(2.5), published: None });
        let claim = claim.with_effect("mature", Some(2.0), None).published_effect(3.0);
        assert_eq!(claim.effect, Effect { is: "mature", found: Some(2.0), published: Some(3.0) });
    }
}
