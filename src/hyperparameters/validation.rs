//! Which hyper-parameters a network and a training run can have.

use crate::error::{Error, Result};
use crate::hyperparameters::{Hyperparameters, RnnType};
use crate::tasks::Rule;

impl Hyperparameters {
    /// Whether a network and a training run with these values can exist; the error names the key, the value and what
    /// would do.
    pub fn validate(&self) -> Result<()> {
        let positive = |key: &str, value: f64| match value.is_finite() && value > 0.0 {
            true => Ok(()),
            false => Err(Error::hyperparameter(key, value, "a number above 0")),
        };
        let not_negative = |key: &str, value: f64| match value.is_finite() && value >= 0.0 {
            true => Ok(()),
            false => Err(Error::hyperparameter(key, value, "a number that is not negative")),
        };
        let at_least = |key: &str, value: usize, least: usize, most: usize| match (least..=most).contains(&value) {
            true => Ok(()),
            false => Err(Error::hyperparameter(key, value, format!("a whole number from {least} to {most}"))),
        };
        at_least("batch_size_train", self.batch_size_train, 1, 1 << 20)?;
        at_least("batch_size_test", self.batch_size_test, 1, 1 << 20)?;
        at_least("n_rnn", self.n_rnn, 1, 1 << 16)?;
        at_least("n_eachring", self.n_eachring, 2, 360)?;
        RnnType::check(self)?;
        positive("tau", self.tau)?;
        positive("dt", self.dt)?;
        if self.dt > self.tau {
            let value = format!("{} with a `tau` of {}", self.dt, self.tau);
            return Err(Error::hyperparameter("dt", value, "at most `tau` (alpha = dt / tau must not exceed 1)"));
        }
        if !(0.5..=100.0).contains(&self.dt) {
            return Err(Error::hyperparameter("dt", self.dt, "0.5 to 100 ms, the shortest event being 100 ms long"));
        }
        not_negative("sigma_rec", self.sigma_rec)?;
        not_negative("sigma_x", self.sigma_x)?;
        positive("learning_rate", self.learning_rate)?;
        for (key, value) in [
            ("l1_h", self.l1_h),
            ("l2_h", self.l2_h),
            ("l1_weight", self.l1_weight),
            ("l2_weight", self.l2_weight),
            ("l2_weight_init", self.l2_weight_init),
        ] {
            not_negative(key, value)?;
        }
        if let Some(share) = self.p_weight_train
            && !(share > 0.0 && share <= 1.0)
        {
            return Err(Error::hyperparameter("p_weight_train", share, "a share above 0 and up to 1, or none"));
        }
        for (key, value) in [
            ("early_target_perf", self.early_target_perf),
            ("mid_target_perf", self.mid_target_perf),
            ("mature_target_perf", self.mature_target_perf),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return Err(Error::hyperparameter(key, value, "a performance from 0 to 1"));
            }
        }
        if !(self.target_perf.is_finite() && self.target_perf >= 0.0) {
            let expected = "a performance from 0 to 1 (above 1: never stop by itself)";
            return Err(Error::hyperparameter("target_perf", self.target_perf, expected));
        }
        if self.early_target_perf > self.mid_target_perf || self.mid_target_perf > self.mature_target_perf {
            let value = format!("{}, {}, {}", self.early_target_perf, self.mid_target_perf, self.mature_target_perf);
            let key = "early_target_perf, mid_target_perf, mature_target_perf";
            return Err(Error::hyperparameter(key, value, "three performances in rising order"));
        }
        if self.rule_trains.is_empty() {
            return Err(Error::hyperparameter("rule_trains", "empty", "at least one rule of the ruleset"));
        }
        for (place, rule) in self.rule_trains.iter().enumerate() {
            if !self.ruleset.rules().contains(rule) {
                let rules = self.ruleset.rules().iter().map(|rule| rule.name()).collect::<Vec<_>>().join(", ");
                let expected = format!("rules of the ruleset `{}`: {rules}", self.ruleset);
                return Err(Error::hyperparameter("rule_trains", rule, expected));
            }
            if self.rule_trains[..place].contains(rule) {
                return Err(Error::hyperparameter("rule_trains", rule, "each rule once"));
            }
        }
        if let Some(weights) = &self.rule_probs {
            let usable = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0)
                && weights.iter().sum::<f64>() > 0.0
                && weights.len() == self.rule_trains.len();
            if !usable {
                let expected = format!("{} probabilities, one for each trained rule", self.rule_trains.len());
                return Err(Error::hyperparameter("rule_probs", format!("{weights:?}"), expected));
            }
        }
        if let Some(stages) = &self.curriculum {
            stages.iter().try_for_each(|stage| stage.check(&self.rule_trains))?;
            let staged = |rule: &&Rule| stages.iter().any(|stage| stage.rules.contains(*rule));
            if let Some(rule) = self.rule_trains.iter().find(|rule| !staged(rule)) {
                let text = stages.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                return Err(Error::hyperparameter("curriculum", text, format!("a stage that trains {rule} too")));
            }
        }
        at_least("display_step", self.display_step.min(usize::MAX as u64) as usize, 1, 1 << 40)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::RandomStream;
    use crate::tasks::{Condition, Mode, Trials};

    #[test]
    fn impossible_values_are_refused_by_key() {
        for (key, value) in [
            ("n_rnn", "0"),
            ("n_rnn", "-3"),
            ("n_rnn", "many"),
            ("batch_size_train", "0"),
            ("tau", "10"),
            ("dt", "-20"),
            ("dt", "1000"),
            ("sigma_rec", "-0.1"),
            ("sigma_x", "NaN"),
            ("learning_rate", "0"),
            ("learning_rate", "-1e-3"),
            ("activation", "swish"),
            ("rnn_type", "Transformer"),
            ("rule_trains", "odr,unknown"),
            ("rule_trains", "odr3000"),
            ("rule_trains", "odr,odr"),
            ("rule_probs", "0.5,0.5"),
            ("p_weight_train", "1.5"),
            ("trainables", "some"),
            ("curriculum", "odr;gap"),
            ("extra_cost", "unheard-of"),
            ("early_target_perf", "0.9"),
            ("display_step", "0"),
            ("n_eachring", "1"),
        ] {
            let mut hyperparameters = Hyperparameters::paper();
            let outcome = hyperparameters.set(key, value).and_then(|()| hyperparameters.validate());
            let message = outcome.expect_err(&format!("{key}={value} passed")).to_string();
            let named = if key == "tau" { "dt" } else { key };
            assert!(message.contains(named), "{key}={value}: {message}");
        }
        assert!(Hyperparameters::paper().set("alpha", "0.5").is_err());
    }

    #[test]
    fn trials_of_impossible_hyperparameters_are_refused_with_their_key() {
        let condition = Condition::delayed_response(0.0);
        let cases = [
            ("n_eachring", Hyperparameters { n_eachring: 0, ..Hyperparameters::paper() }),
            ("n_eachring", Hyperparameters { n_eachring: 1, ..Hyperparameters::paper() }),
            ("n_eachring", Hyperparameters { n_eachring: usize::MAX, ..Hyperparameters::paper() }),
            ("dt", Hyperparameters { dt: 0.0, ..Hyperparameters::paper() }),
            ("dt", Hyperparameters { dt: f64::NAN, ..Hyperparameters::paper() }),
        ];
        for (key, impossible) in cases {
            for rule in [Rule::ODR, Rule::ODRD, Rule::MATCH_OR_NON] {
                let answers = [
                    Trials::random(&impossible, rule, 3, &mut RandomStream::new(1, 0)),
                    Trials::test(&impossible, rule, Mode::Test),
                    Trials::of_mode(&impossible, rule, Mode::Random, true),
                    Trials::from_conditions(&impossible, rule, vec![condition.clone()]),
                ];
                for answer in answers {
                    let message = answer.unwrap_err().to_string();
                    assert!(message.contains(&format!("`{key}`")), "{message}");
                }
            }
        }
    }
}
