//! Stages of maturation: what a checkpoint's performance makes it, and which checkpoints stand for a stage.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;

/// How mature a network is at a task, by its performance there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Performance up to 0.35 (`early_target_perf`).
    Early,
    /// Performance above that, up to 0.65 (`mid_target_perf`).
    Mid,
    /// Performance above that.
    Mature,
}

impl Stage {
    /// All stages, the earliest first.
    pub const ALL: [Stage; 3] = [Stage::Early, Stage::Mid, Stage::Mature];

    /// The stage of a performance, given the highest performance that is early and the highest that is mid.
    pub fn of(performance: f64, early: f64, mid: f64) -> Self {
        if performance > mid {
            Stage::Mature
        } else if performance > early {
            Stage::Mid
        } else {
            Stage::Early
        }
    }

    /// The name used in tables and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Early => "early",
            Stage::Mid => "mid",
            Stage::Mature => "mature",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Stage {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Stage::ALL.into_iter().find(|stage| stage.name() == name);
        found.ok_or_else(|| Error::unknown_name("stage", name, Stage::ALL))
    }
}

/// How a run's log tells the stage of a checkpoint. The default is as published.
///
/// Single evaluations are noisy: a curve can cross a threshold many times.
///
/// ```
/// use maturation::prelude::*;
///
/// let run = Run::open("data/6tasks")?.with_staging(Staging { window: 9 })?; // every analysis of it goes by averages
/// assert!(!run.stage(Rule::ODRD, Stage::Mature)?.is_empty());
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Staging {
    /// Evaluations that the performance is averaged over around each before it decides the stage, as
    /// [`moving_average`] does (an odd number); 1 takes it as it is.
    pub window: usize,
}

impl Default for Staging {
    fn default() -> Self {
        Staging { window: 1 }
    }
}

impl Staging {
    /// An error if it averages nothing.
    pub(crate) fn check(self) -> Result<Self> {
        match self.window {
            0 => Err(Error::argument("a window of 0 evaluations averages nothing", "use 1 or more")),
            _ => Ok(self),
        }
    }
}

/// A centred moving average over `window` points (an odd number; an even one counts as the next odd one), with fewer
/// points where the curve ends.
pub fn moving_average(curve: &[f64], window: usize) -> Vec<f64> {
    let half = window / 2;
    (0..curve.len())
        .map(|place| {
            let around = &curve[place.saturating_sub(half)..curve.len().min(place + half + 1)];
            around.iter().sum::<f64>() / around.len() as f64
        })
        .collect()
}

/// The moving average of the published system: over a point and the `window` points after it, fewer where the curve
/// ends. It moves a curve to the left; use it only to compare with published figures.
pub fn published_average(curve: &[f64], window: usize) -> Vec<f64> {
    (0..curve.len())
        .map(|place| {
            let ahead = &curve[place..curve.len().min(place.saturating_add(window).saturating_add(1))];
            ahead.iter().sum::<f64>() / ahead.len() as f64
        })
        .collect()
}

/// How the automatic choice of checkpoints works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AutomaticChoice {
    /// Evaluations that are averaged before looking at the performance.
    pub window: usize,
    /// How far from a stage's performance an evaluation may be.
    pub margin: f64,
    /// The most checkpoints of a stage.
    pub most: usize,
    /// Whether to average as the published system did ([`published_average`]).
    pub published_average: bool,
}

impl Default for AutomaticChoice {
    fn default() -> Self {
        AutomaticChoice { window: 9, margin: 0.05, most: 30, published_average: false }
    }
}

impl AutomaticChoice {
    /// The places on a performance curve that stand for each stage, in the order of [`Stage::ALL`].
    ///
    /// A place is early if the averaged performance is within the margin of `early_target_perf`, mid if it is so of
    /// `mid_target_perf`, mature if it is above `mature_target_perf` less the margin; each brings the `window` places
    /// after it along. At most `most` are kept: the last early ones, the middle mid ones, the first mature ones.
    pub fn places(&self, performance: &[f64], hyperparameters: &Hyperparameters) -> [Vec<usize>; 3] {
        let averaged = match self.published_average {
            true => published_average(performance, self.window),
            false => moving_average(performance, self.window),
        };
        let mut places: [Vec<usize>; 3] = Default::default();
        let near = |value: f64, target: f64| target - self.margin <= value && value <= target + self.margin;
        for (place, value) in averaged.into_iter().enumerate() {
            let stage = if near(value, hyperparameters.early_target_perf) {
                0
            } else if near(value, hyperparameters.mid_target_perf) {
                1
            } else if value >= hyperparameters.mature_target_perf - self.margin {
                2
            } else {
                continue;
            };
            places[stage].extend(place..performance.len().min(place.saturating_add(self.window).saturating_add(1)));
        }
        for (stage, chosen) in places.iter_mut().enumerate() {
            chosen.sort_unstable();
            chosen.dedup();
            let surplus = chosen.len().saturating_sub(self.most);
            let first = [surplus, surplus / 2, 0][stage];
            *chosen = chosen[first..first + chosen.len() - surplus].to_vec();
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_follow_the_thresholds() {
        assert_eq!(Stage::of(0.35, 0.35, 0.65), Stage::Early);
        assert_eq!(Stage::of(0.36, 0.35, 0.65), Stage::Mid);
        assert_eq!(Stage::of(0.65, 0.35, 0.65), Stage::Mid);
        assert_eq!(Stage::of(0.66, 0.35, 0.65), Stage::Mature);
        for stage in Stage::ALL {
            assert_eq!(stage.name().parse::<Stage>().unwrap(), stage);
        }
        assert!("adult".parse::<Stage>().unwrap_err().to_string().contains("early, mid, mature"));
    }

    #[test]
    fn averages_are_centred() {
        let curve = [0.0, 0.0, 5.0, 0.0, 0.0];
        assert_eq!(moving_average(&curve, 5), [5.0 / 3.0, 1.25, 1.0, 1.25, 5.0 / 3.0]);
        assert_eq!(moving_average(&curve, 1), curve);
        assert_eq!(moving_average(&[], 5), [0.0; 0]);
        let mean = curve.iter().sum::<f64>() / curve.len() as f64;
        for most in [usize::MAX, usize::MAX - 1] {
            assert_eq!((moving_average(&curve, most)[2], published_average(&curve, most)[0]), (mean, mean));
            let choice = AutomaticChoice { window: most, published_average: true, ..AutomaticChoice::default() };
            assert_eq!(choice.places(&[1.0, 1.0], &Hyperparameters::paper()), [vec![], vec![], vec![0, 1]]);
        }
    }

    #[test]
    fn at_most_so_many_checkpoints_and_never_none() {
        let hyperparameters = Hyperparameters::paper();
        let choice = AutomaticChoice { window: 1, ..AutomaticChoice::default() };
        for count in 1..80 {
            let [early, mid, mature] = choice.places(&vec![0.65; count], &hyperparameters);
            assert_eq!((early.len(), mid.len(), mature.len()), (0, count.min(30), 0));
            assert!(mid[0].abs_diff(count - 1 - mid[mid.len() - 1]) <= 1, "the middle ones: {mid:?} of {count}");
            let [early, ..] = choice.places(&vec![0.35; count], &hyperparameters);
            assert_eq!(early.last(), Some(&(count - 1)));
            let [.., mature] = choice.places(&vec![0.99; count], &hyperparameters);
            assert_eq!(mature[0], 0);
        }
    }
}
