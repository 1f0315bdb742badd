//! Which rules there are: the families' and those that users define.

use std::str::FromStr;
use std::sync::{PoisonError, RwLock};

use crate::error::{Error, Result};
use crate::tasks::{Rule, Task, anti_saccade, delayed_response, match_to_sample};

/// The crate's own rules.
const FAMILIES: [&[Rule]; 3] = [delayed_response::RULES, anti_saccade::RULES, match_to_sample::RULES];

/// Rules that users have defined, the newest last.
static DEFINED: RwLock<Vec<Rule>> = RwLock::new(Vec::new());

impl Rule {
    /// Every rule: the crate's own, then those that were defined.
    pub fn all() -> Vec<Rule> {
        let mut all = FAMILIES.concat();
        all.extend(DEFINED.read().unwrap_or_else(PoisonError::into_inner).iter());
        all
    }

    /// Makes a task of your own known under its name, for as long as this program runs. One of that name that was
    /// defined before is replaced, for hyper-parameters that are made or read from now on.
    ///
    /// # Errors
    /// If the crate has a rule of that name, the name is not made of letters, digits, `_` and `-`, or the task
    /// contradicts itself: something happens outside of its trial, a condition does not fit its events, or a channel is
    /// not among those that it names.
    pub fn define(task: impl Task) -> Result<Rule> {
        let name = task.name().to_owned();
        let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        if name.is_empty() || !name.chars().all(fits) {
            return Err(Error::argument(
                format!("a task cannot have the name `{name}`"),
                "make it of letters, digits, `_` and `-`, without spaces",
            ));
        }
        if FAMILIES.concat().iter().any(|rule| rule.name() == name) {
            return Err(Error::argument(format!("the crate has a rule `{name}` already"), "give yours another name"));
        }
        task.check()?;
        let rule = Rule::of_own(task);
        rule.check()?;
        let mut defined = DEFINED.write().unwrap_or_else(PoisonError::into_inner);
        defined.retain(|known| *known != rule);
        defined.push(rule);
        Ok(rule)
    }
}

impl FromStr for Rule {
    type Err = Error;

    /// The rule of that name; an error that lists those that there are.
    fn from_str(name: &str) -> Result<Self> {
        let found = Rule::all().into_iter().find(|rule| rule.name() == name);
        found.ok_or_else(|| Error::unknown_name("rule", name, Rule::all()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::Ruleset;

    #[test]
    fn names_read_back_and_no_two_rules_share_a_name_or_streams() {
        let all = FAMILIES.concat();
        for (place, rule) in all.iter().enumerate() {
            assert_eq!(rule.name().parse::<Rule>().unwrap(), *rule);
            assert_eq!(rule.task().name(), rule.name());
            assert!(Ruleset::containing(*rule).rules().contains(rule), "{rule} belongs to no ruleset");
            assert!(all[..place].iter().all(|other| other != rule && other.stream() != rule.stream()), "{rule}");
        }
    }

    #[test]
    fn an_unknown_rule_lists_the_known_ones() {
        let message = "ordd".parse::<Rule>().unwrap_err().to_string();
        assert!(message.contains("`ordd`") && message.contains("odrd"), "{message}");
    }
}
