//! Hyper-parameters drawn at random, the same for the same seed.

use rand::RngExt;

use crate::error::{Error, Result};
use crate::numerics::fnv;
use crate::numerics::random::RandomStream;
use crate::seed::Purpose;

/// What a hyper-parameter of a [plan](crate::ensemble::Plan) is drawn from.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// One of these values, all as likely.
    Choice(Vec<String>),
    /// A number between two, all as likely.
    Uniform(f64, f64),
    /// A number between two above 0 whose logarithm is uniform: each factor of ten is as likely.
    Log(f64, f64),
    /// A whole number from the first to the second, both included, all as likely.
    Whole(i64, i64),
}

/// Digits that a drawn number is rounded to, so that it can be read and written.
const DIGITS: usize = 4;

impl Distribution {
    /// An error if nothing can be drawn.
    pub(super) fn check(&self, key: &str) -> Result<()> {
        let (problem, remedy) = match *self {
            Distribution::Choice(ref values) if values.is_empty() => ("no value to choose from", "give at least one"),
            Distribution::Uniform(low, high) if !(low.is_finite() && high.is_finite() && low < high) => {
                ("no range to draw from", "give two numbers, the smaller one first")
            }
            Distribution::Log(low, high) if !(low > 0.0 && high.is_finite() && low < high) => {
                ("no range to draw logarithms from", "give two numbers above 0, the smaller one first")
            }
            Distribution::Whole(low, high) if low > high => {
                ("no whole numbers to draw from", "give the smaller one first")
            }
            _ => return Ok(()),
        };
        Err(Error::argument(format!("`{key}` has {problem}"), remedy))
    }

    /// The value of `key` in the draw of this number.
    pub(super) fn draw(&self, seed: u64, draw: usize, key: &str) -> String {
        // By the key's name, so that a further key leaves the values of the others as they were.
        let mut stream = RandomStream::new(seed, Purpose::DrawnHyperparameters.stream([draw as u64, fnv(key.bytes())]));
        match *self {
            Distribution::Choice(ref values) => values[stream.random_range(0..values.len())].clone(),
            Distribution::Uniform(low, high) => rounded(low + (high - low) * stream.random::<f64>()),
            Distribution::Log(low, high) => {
                rounded((low.ln() + (high.ln() - low.ln()) * stream.random::<f64>()).exp().clamp(low, high))
            }
            Distribution::Whole(low, high) => stream.random_range(low..=high).to_string(),
        }
    }
}

/// A number, rounded to a few significant digits.
fn rounded(value: f64) -> String {
    let text = format!("{value:.*e}", DIGITS - 1);
    text.parse::<f64>().map_or(text, |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(distribution: &Distribution) -> Vec<f64> {
        (0..2000).map(|draw| distribution.draw(3, draw, "key").parse().unwrap()).collect()
    }

    #[test]
    fn draws_have_the_mean_that_their_distribution_has() {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let near = |found: f64, expected: f64, spread: f64| (found - expected).abs() < 4.0 * spread / 2000_f64.sqrt();
        let uniform = many(&Distribution::Uniform(2.0, 6.0));
        assert!(
            near(mean(&uniform), 4.0, 4.0 / 12_f64.sqrt()) && uniform.iter().all(|value| (2.0..=6.0).contains(value))
        );
        let logarithms: Vec<f64> = many(&Distribution::Log(1e-4, 1e-2)).iter().map(|value| value.log10()).collect();
        assert!(near(mean(&logarithms), -3.0, 2.0 / 12_f64.sqrt()));
        let whole = many(&Distribution::Whole(1, 3));
        for value in [1.0, 2.0, 3.0] {
            let share = whole.iter().filter(|drawn| **drawn == value).count() as f64 / 2000.0;
            assert!(near(share, 1.0 / 3.0, 0.48), "{value}: {share}");
        }
        let chosen = many(&Distribution::Choice(vec!["32".to_owned(), "64".to_owned()]));
        assert!(near(mean(&chosen), 48.0, 16.0));
    }

    #[test]
    fn a_draw_is_the_same_for_ever_and_knows_no_other_key() {
        let distribution = Distribution::Log(1e-4, 1e-2);
        let values: Vec<String> = (0..3).map(|draw| distribution.draw(1, draw, "learning_rate")).collect();
        assert_eq!(values, (0..3).map(|draw| distribution.draw(1, draw, "learning_rate")).collect::<Vec<_>>());
        assert_ne!(values[0], values[1]);
        assert_ne!(values[0], distribution.draw(2, 0, "learning_rate"));
        assert_ne!(values[0], distribution.draw(1, 0, "sigma_rec"));
        assert!(values.iter().all(|value| value.len() <= 10), "{values:?}");
    }

    #[test]
    fn what_cannot_be_drawn_from_is_refused_with_the_key() {
        for wrong in [
            Distribution::Choice(vec![]),
            Distribution::Uniform(1.0, 1.0),
            Distribution::Uniform(f64::NAN, 1.0),
            Distribution::Log(0.0, 1.0),
            Distribution::Whole(3, 2),
        ] {
            assert!(wrong.check("sigma_rec").unwrap_err().to_string().contains("`sigma_rec`"));
        }
    }
}
