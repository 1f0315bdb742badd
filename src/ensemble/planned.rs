//! One run of a plan, and the name of its folder.

use crate::hyperparameters::Hyperparameters;
use crate::numerics::fnv;

/// The longest name of a folder; file systems allow 255 bytes.
const LONGEST: usize = 120;

/// A run that a [plan](crate::ensemble::Plan) asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedRun {
    /// Its place in the plan, counted from 0.
    pub index: usize,
    /// The name of its folder, made of the keys and values by which it differs from the others, not of its place: a
    /// plan that grows finds what is finished.
    pub name: String,
    /// The keys that the plan varies, each with the value that it has here, the seed last; empty where a key has none
    /// here. What was drawn has the number of the draw under `draw`.
    pub keys: Vec<(String, String)>,
    /// All of its hyper-parameters.
    pub hyperparameters: Hyperparameters,
    /// Where training stops at the latest.
    pub max_trials: Option<u64>,
}

/// The name of a run's folder.
pub(super) fn name_of(keys: &[(String, String)]) -> String {
    let plain = |text: &str| -> String {
        text.chars()
            .map(|letter| match letter {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' | '+' => letter,
                ',' => '+',
                _ => '_',
            })
            .collect()
    };
    let whole = keys.iter().map(|(key, value)| format!("{key}-{}", plain(value))).collect::<Vec<_>>().join(".");
    if whole.len() <= LONGEST {
        return whole;
    }
    format!("{}-{:016x}", &whole[..LONGEST - 17], fnv(whole.bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_plain_letters_and_no_longer_than_a_folder_may_be() {
        let name = |key: &str, value: &str| name_of(&[(key.to_owned(), value.to_owned())]);
        assert_eq!(name("rule_trains", "odr,gap"), "rule_trains-odr+gap");
        assert_eq!(name("curriculum", "odr delay1=500; ../é"), "curriculum-odr_delay1_500__..__");
        let (one, other) = (name("curriculum", &"odr;".repeat(99)), name("curriculum", &"odr;".repeat(98)));
        assert!(one.len() == LONGEST && other.len() == LONGEST && one != other);
    }
}
