//! Which trials are held out, and the labels that chance would give.

use rand::RngExt;

use crate::activity::Activity;
use crate::analysis::{DecoderOptions, HoldOut};
use crate::error::{Error, Result};
use crate::numerics::random::RandomStream;
use crate::seed::Purpose;

/// The trials that a classifier is trained on, and those held out, both ascending.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fold {
    pub(super) training: Vec<usize>,
    pub(super) held_out: Vec<usize>,
}

/// How the trials are split.
#[derive(Clone, Debug)]
pub(super) struct Split {
    /// The class of each trial: the rank of its location among those that have trials.
    pub(super) labels: Vec<usize>,
    pub(super) class_count: usize,
    pub(super) folds: Vec<Fold>,
}

impl Split {
    /// # Errors
    /// If fewer than two locations have trials, or one has too few for the folds.
    pub(super) fn of(activity: &Activity, options: &DecoderOptions) -> Result<Split> {
        let mut by_location = activity.trials_by_location();
        let at = by_location.iter().enumerate().filter(|(_, trials)| !trials.is_empty());
        let fewest = at.clone().map(|(location, trials)| (trials.len(), location)).min();
        let class_count = at.count();
        let (fewest, location) = match fewest {
            Some(fewest) if class_count > 1 => fewest,
            _ => {
                return Err(Error::argument(
                    format!("the trials are at {class_count} location"),
                    "a decoder tells locations apart: give it trials at two or more",
                ));
            }
        };
        if options.held_out == 0 || options.held_out >= fewest {
            return Err(Error::argument(
                format!(
                    "location {location} has {fewest} trial{}, of which {} are to be held out",
                    if fewest == 1 { "" } else { "s" },
                    options.held_out
                ),
                "hold out at least 1, and leave at least 1 to train on",
            ));
        }
        if options.folds == 0 || options.folds > fewest / options.held_out {
            return Err(Error::argument(
                format!("{} folds of {} held-out trials a location", options.folds, options.held_out),
                format!(
                    "location {location} has {fewest} trials: choose 1 to {} folds, or hold out fewer",
                    fewest / options.held_out
                ),
            ));
        }
        let mut labels = vec![0; activity.trials()];
        for (class, trials) in by_location.iter().filter(|trials| !trials.is_empty()).enumerate() {
            trials.iter().for_each(|trial| labels[*trial] = class);
        }
        if let HoldOut::Drawn { seed } = options.hold_out {
            let mut random = RandomStream::new(seed, Purpose::DecoderSplit.stream([0, 0]));
            // The same draw for every location: if each had its own, the trials next to a held-out one in the session
            // would be those of all locations but its own, and where rates drift these are the nearest.
            let most = by_location.iter().map(Vec::len).max().unwrap_or(0);
            let keys: Vec<Vec<usize>> = (0..options.held_out)
                .map(|_| {
                    let mut keys: Vec<usize> = (0..most).collect();
                    shuffle(&mut keys, &mut random);
                    keys
                })
                .collect();
            by_location.iter_mut().for_each(|trials| *trials = spread(trials, &keys));
        }
        let folds = (0..options.folds).map(|fold| {
            let mut is_held_out = vec![false; labels.len()];
            for trials in by_location.iter().filter(|trials| !trials.is_empty()) {
                for trial in &trials[fold * options.held_out..(fold + 1) * options.held_out] {
                    is_held_out[*trial] = true;
                }
            }
            let (held_out, training) = (0..labels.len()).partition(|trial| is_held_out[*trial]);
            Fold { training, held_out }
        });
        Ok(Split { folds: folds.collect(), labels, class_count })
    }

    /// The labels of a permutation: shuffled among trials that are always held out or trained on together, so that
    /// every set of trials keeps as many of each label.
    pub(super) fn permuted(&self, seed: u64, permutation: u64) -> Vec<usize> {
        let mut random = RandomStream::new(seed, Purpose::DecoderPermutation.stream([permutation, 0]));
        let mut never = vec![true; self.labels.len()];
        let mut labels = self.labels.clone();
        for fold in &self.folds {
            fold.held_out.iter().for_each(|trial| never[*trial] = false);
            shuffle_among(&mut labels, &fold.held_out, &mut random);
        }
        let never: Vec<usize> = (0..labels.len()).filter(|trial| never[*trial]).collect();
        shuffle_among(&mut labels, &never, &mut random);
        labels
    }
}

/// Trials in an order of which every few, as many as there are lists of keys, come from all of as many stretches of
/// them, one each, as long as these last. Within a stretch the keys decide the order, those of a place in the stretch
/// being the same however many trials the stretch has.
fn spread(trials: &[usize], keys: &[Vec<usize>]) -> Vec<usize> {
    let ends = |stretch: usize| stretch * trials.len() / keys.len();
    let ordered = |(stretch, keys): (usize, &Vec<usize>)| {
        let of_stretch = &trials[ends(stretch)..ends(stretch + 1)];
        let mut places: Vec<usize> = (0..of_stretch.len()).collect();
        places.sort_by_key(|place| keys[place * keys.len() / of_stretch.len()]);
        places.into_iter().map(|place| of_stretch[place]).collect::<Vec<usize>>()
    };
    let stretches: Vec<Vec<usize>> = keys.iter().enumerate().map(ordered).collect();
    let most = stretches.iter().map(Vec::len).max().unwrap_or(0);
    // A stretch that is one trial longer than others gives it last.
    (0..most).flat_map(|place| stretches.iter().filter_map(move |trials| trials.get(place).copied())).collect()
}

fn shuffle<T>(values: &mut [T], random: &mut RandomStream) {
    for last in (1..values.len()).rev() {
        values.swap(last, random.random_range(0..=last));
    }
}

/// Shuffles the labels of some trials among them.
fn shuffle_among(labels: &mut [usize], trials: &[usize], random: &mut RandomStream) {
    let mut some: Vec<usize> = trials.iter().map(|trial| labels[*trial]).collect();
    shuffle(&mut some, random);
    for (trial, label) in trials.iter().zip(some) {
        labels[*trial] = label;
    }
}
