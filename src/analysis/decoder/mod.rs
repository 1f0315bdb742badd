//! The cross-temporal decoder of the stimulus location (Fig. S5E).

mod split;
mod svc;
#[cfg(test)]
mod tests;
mod windows;

use std::fmt;
use std::ops::Range;

use ndarray::{Array2, Array3, Axis};
use polars::prelude::*;
use rayon::prelude::*;

use crate::activity::Activity;
use crate::analysis::components::chosen_locations;
use crate::environment::Interruption;
use crate::error::{Error, Result};
use split::{Fold, Split};
use svc::{Scratch, Svc};
use windows::Windows;

/// Samples that are predicted at once, and windows whose decoders predict them: the kernel stays in a core's cache.
const PREDICTED_AT_ONCE: usize = 256;
const WINDOWS_AT_ONCE: usize = 4;

/// More permutations than this would fill the memory before they tell more.
const MOST_PERMUTATIONS: usize = 10_000;

/// Which trials a decoder is scored on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scoring {
    /// Trials that it was not trained on, in every window.
    #[default]
    HeldOut,
    /// As published: held-out trials in the window that it was trained on, and all trials in the others. There seven of
    /// eight trials are those that it was trained on, and what is common to a trial's windows tells it the location.
    Published,
}

impl Scoring {
    /// Both.
    pub const ALL: [Scoring; 2] = [Scoring::HeldOut, Scoring::Published];

    /// How many trials of a fold are scored in the window that a decoder is trained in, or in another.
    fn trials(self, fold: &Fold, in_its_own: bool) -> usize {
        match self {
            Scoring::Published if !in_its_own => fold.held_out.len() + fold.training.len(),
            _ => fold.held_out.len(),
        }
    }

    /// The name used in figures.
    pub fn name(self) -> &'static str {
        match self {
            Scoring::HeldOut => "held-out trials",
            Scoring::Published => "published scoring",
        }
    }
}

impl fmt::Display for Scoring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Which trials of each location are held out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HoldOut {
    /// Drawn over the session: each location's trials, in order, are cut into as many stretches as are held out, and
    /// one of each is drawn, of every location that of the same time. A slow drift then moves held-out trials no
    /// farther from those trained on than these are from each other, and toward no location more than toward another.
    Drawn {
        /// Decides the draw.
        seed: u64,
    },
    /// As published: the first ones of each location, then the next ones. Where rates drift through a session, accuracy
    /// is too low.
    First,
}

impl Default for HoldOut {
    fn default() -> Self {
        HoldOut::Drawn { seed: 0 }
    }
}

impl fmt::Display for HoldOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HoldOut::Drawn { seed } => f.pad(&format!("held-out trials drawn over the session, seed {seed}")),
            HoldOut::First => f.pad("the first trials of each location held out, as published"),
        }
    }
}

/// How a decoder is trained and scored. The default is as published, but scored on held-out trials alone, which are
/// drawn over the session.
#[derive(Clone, Debug, PartialEq)]
pub struct DecoderOptions {
    /// ms over which rates are averaged.
    pub window_ms: f64,
    /// ms from the start of one window to that of the next.
    pub stride_ms: f64,
    /// Trials of each location that are held out.
    pub held_out: usize,
    /// Splits of the trials whose accuracies are averaged, each with other trials held out. One is as published; with
    /// as many as there are trials a location over `held_out`, each trial is held out once.
    pub folds: usize,
    /// Which trials are held out.
    pub hold_out: HoldOut,
    /// The locations to tell apart, 0 to `location_count` − 1; `None`: all that have trials.
    pub locations: Option<Vec<usize>>,
    /// Which trials are scored.
    pub scoring: Scoring,
    /// What chance would give.
    pub permutations: Permutations,
}

/// Permutations of the locations, which show what chance would give. The default makes none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Permutations {
    /// How many; up to 10,000.
    pub count: usize,
    /// Decides them.
    pub seed: u64,
    /// The share of them between chance_low and chance_high.
    pub band: f64,
}

impl Permutations {
    /// So many permutations.
    pub fn of(count: usize) -> Permutations {
        Permutations { count, ..Permutations::default() }
    }
}

impl Default for Permutations {
    fn default() -> Self {
        Permutations { count: 0, seed: 0, band: 0.95 }
    }
}

impl DecoderOptions {
    /// The published windows and hold-out at a time step of `dt` ms; a window and a stride are a step at least.
    pub fn published(dt: f64) -> DecoderOptions {
        DecoderOptions { hold_out: HoldOut::First, ..DecoderOptions::default() }.at_least(dt)
    }

    /// The same with windows and strides of a step at least.
    pub fn at_least(self, dt: f64) -> DecoderOptions {
        DecoderOptions { window_ms: self.window_ms.max(dt), stride_ms: self.stride_ms.max(dt), ..self }
    }
}

impl Default for DecoderOptions {
    fn default() -> Self {
        DecoderOptions {
            window_ms: 200.0,
            stride_ms: 20.0,
            held_out: 2,
            folds: 1,
            hold_out: HoldOut::default(),
            locations: None,
            scoring: Scoring::HeldOut,
            permutations: Permutations::default(),
        }
    }
}

/// How well a decoder trained in one window of the trial tells locations apart in another.
///
/// A support vector classifier with a Gaussian kernel (cost 1, gamma 1 / (units · variance), one class against one, as
/// scikit-learn's `SVC`) is trained on the mean rates in each window and predicts the location in every window.
///
/// ```
/// use maturation::activity::Activity;
/// use maturation::analysis::{Decoder, DecoderOptions};
/// use ndarray::Array3;
///
/// // Four locations, each with a unit of its own in the first half of the trial and another in the second.
/// let locations: Vec<usize> = (0..32).map(|trial| trial / 8).collect();
/// let rates = Array3::from_shape_fn((40, 32, 4), |(step, trial, unit)| {
///     let jitter = 0.01 * ((step * 7 + trial * 13 + unit * 5) % 11) as f32;
///     let preferred = if step < 20 { unit } else { (unit + 1) % 4 };
///     jitter + if trial / 8 == preferred { 2.0 } else { 1.0 }
/// });
/// let activity = Activity::new(rates, locations, 4, 20.0)?;
/// let decoder = Decoder::of(&activity, &DecoderOptions { stride_ms: 200.0, ..DecoderOptions::default() })?;
/// assert_eq!(decoder.starts_ms, [0.0, 200.0, 400.0, 600.0]);
/// assert_eq!(decoder.diagonal(), [1.0; 4]);
/// assert_eq!(decoder.accuracy[[0, 3]], 0.0);
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Decoder {
    /// The start of each window, ms from the trial's start.
    pub starts_ms: Vec<f64>,
    /// ms a window.
    pub window_ms: f64,
    /// The share of trials whose location is told, (window trained in, window tested in).
    pub accuracy: Array2<f64>,
    /// The same with permuted locations, (permutation, window trained in, window tested in); none without permutations.
    pub permuted: Array3<f32>,
    /// Locations that have trials; guessing tells one in so many.
    pub classes: usize,
    /// The share of permutations between chance_low and chance_high.
    pub chance_band: f64,
    /// Checkpoints that are averaged.
    pub checkpoints: usize,
}

/// What chance gives, each (window trained in, window tested in).
#[derive(Clone, Debug, PartialEq)]
pub struct Chance {
    /// The accuracy below which lies half of what [`Permutations::band`] leaves.
    pub low: Array2<f64>,
    /// The accuracy above which lies the other half.
    pub high: Array2<f64>,
    /// The probability of an accuracy at least as high by chance: (1 + permutations at least as high) /
    /// (1 + permutations).
    pub p_value: Array2<f64>,
    /// The same for the highest accuracy of all cells, so that the probability of any cell below 0.05 by chance is
    /// 0.05.
    pub p_corrected: Array2<f64>,
}

/// How well a decoder trained in one window of the trial tells locations apart in another (Fig. S5E), one row for each
/// two windows: train_ms and test_ms (the start of the window trained in and of that tested in, ms from the trial's
/// start), accuracy (0 to 1). With permutations also chance_low, chance_high, p_value and p_corrected, see [`Chance`].
///
/// ```
/// use maturation::analysis::{DecoderOptions, decoder};
/// use maturation::prelude::*;
///
/// let activity = Run::open("data/6tasks")?.last()?.activity(Rule::GAP)?;
/// let table = decoder(&activity, &DecoderOptions { stride_ms: 100.0, ..DecoderOptions::default() })?;
/// assert_eq!(table.height(), 16 * 16);
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// As [`Decoder::of`].
pub fn decoder(activity: &Activity, options: &DecoderOptions) -> Result<DataFrame> {
    Decoder::of(activity, options)?.table()
}

impl Decoder {
    /// Trains and scores the decoders of an activity.
    ///
    /// Units that are silent in all windows are no trouble: their decoder guesses.
    ///
    /// # Errors
    /// If trials are at fewer than two locations, a chosen location has none, a location has too few for the folds, the
    /// window or the stride does not fit the trial, or there are too many permutations.
    pub fn of(activity: &Activity, options: &DecoderOptions) -> Result<Decoder> {
        let [decoder] = Decoder::scored(activity, options, [options.scoring])?;
        Ok(decoder)
    }

    /// The same decoders, trained once and scored in several ways, whatever the options say.
    ///
    /// # Errors
    /// As [`Decoder::of`].
    pub(crate) fn scored<const COUNT: usize>(
        activity: &Activity,
        options: &DecoderOptions,
        scorings: [Scoring; COUNT],
    ) -> Result<[Decoder; COUNT]> {
        activity.check()?;
        let chosen: Activity;
        let activity = match &options.locations {
            None => activity,
            Some(locations) => {
                let locations = chosen_locations(activity, Some(locations), 2)?;
                chosen = activity.at_locations(&locations);
                &chosen
            }
        };
        let Permutations { count: permutations, seed, band } = options.permutations;
        if permutations > MOST_PERMUTATIONS {
            return Err(Error::argument(
                format!("{permutations} permutations"),
                format!("choose up to {MOST_PERMUTATIONS}"),
            ));
        }
        if !(band > 0.0 && band < 1.0) {
            return Err(Error::argument(
                format!("the band of chance is to hold {band} of the permutations"),
                "choose a share between 0 and 1",
            ));
        }
        let split = Split::of(activity, options)?;
        let windows = Windows::of(activity, options)?;
        let labellings: Vec<Vec<usize>> = std::iter::once(split.labels.clone())
            .chain((0..permutations).map(|number| split.permuted(seed, number as u64)))
            .collect();

        // (labelling, window trained in, window tested in), each the mean over the folds.
        let count = windows.len();
        let mut totals = scorings
            .map(|_| (Array3::<f32>::zeros((labellings.len(), count, count)), Array2::<f64>::zeros((count, count))));
        let interruption = Interruption::watch();
        let starts: Vec<usize> = (0..count).step_by(WINDOWS_AT_ONCE).collect();
        for fold in &split.folds {
            let scorer = Scorer::new(&windows, fold, &scorings, &labellings, split.class_count, interruption);
            let several = |start: &usize| scorer.rows(*start..(start + WINDOWS_AT_ONCE).min(count));
            let rows: Vec<Vec<Array3<u32>>> = starts.par_iter().map(several).collect();
            interruption.check()?;
            for (window, correct) in rows.iter().flatten().enumerate() {
                for ((place, labelling, other), correct) in correct.indexed_iter() {
                    let scored = scorings[place].trials(fold, other == window) as f64;
                    let share = f64::from(*correct) / scored / split.folds.len() as f64;
                    let (accuracy, exact) = &mut totals[place];
                    accuracy[[labelling, window, other]] += share as f32;
                    if labelling == 0 {
                        exact[[window, other]] += share;
                    }
                }
            }
        }
        Ok(totals.map(|(accuracy, exact)| Decoder {
            starts_ms: windows.starts_ms.clone(),
            window_ms: windows.window_ms,
            accuracy: exact,
            permuted: accuracy.slice_move(ndarray::s![1.., .., ..]),
            classes: split.class_count,
            chance_band: band,
            checkpoints: 1,
        }))
    }

    /// The accuracy of each window's decoder in that window.
    pub fn diagonal(&self) -> Vec<f64> {
        self.accuracy.diag().to_vec()
    }

    /// The mean accuracy over all cells, and the mean over all but the diagonal (none if there is a single window).
    pub fn means(&self) -> (f64, Option<f64>) {
        let (sum, cells) = (self.accuracy.sum(), self.accuracy.len() as f64);
        let (diagonal, windows) = (self.accuracy.diag().sum(), self.starts_ms.len() as f64);
        (sum / cells, (windows > 1.0).then(|| (sum - diagonal) / (cells - windows)))
    }

    /// Takes another checkpoint into the average.
    ///
    /// # Errors
    /// If its windows, locations or permutations are others.
    pub fn add(&mut self, other: &Decoder) -> Result<()> {
        let same = self.starts_ms == other.starts_ms
            && self.window_ms == other.window_ms
            && self.classes == other.classes
            && self.permuted.dim() == other.permuted.dim();
        if !same {
            return Err(Error::argument(
                "the decoders differ in their windows, locations or permutations",
                "average checkpoints of one rule, decoded with the same options",
            ));
        }
        let (own, others) = (self.checkpoints as f64, other.checkpoints as f64);
        let share = others / (own + others);
        self.accuracy.zip_mut_with(&other.accuracy, |mean, value| *mean += share * (value - *mean));
        self.permuted.zip_mut_with(&other.permuted, |mean, value| *mean += share as f32 * (value - *mean));
        self.checkpoints += other.checkpoints;
        Ok(())
    }

    /// What chance gives, by the permutations; none without.
    pub fn chance(&self) -> Option<Chance> {
        let (permutations, windows, _) = self.permuted.dim();
        if permutations == 0 {
            return None;
        }
        let maxima: Vec<f32> =
            self.permuted.outer_iter().map(|cells| cells.fold(f32::NEG_INFINITY, |a, b| a.max(*b))).collect();
        let empty = Array2::zeros((windows, windows));
        let mut chance = Chance { low: empty.clone(), high: empty.clone(), p_value: empty.clone(), p_corrected: empty };
        // Averages over folds and checkpoints are rounded: what is equal but for that counts as equal.
        let p_value = |values: &[f32], found: f64| {
            let reached = values.iter().filter(|value| f64::from(**value) >= found - 1e-6).count();
            (1 + reached) as f64 / (1 + permutations) as f64
        };
        let tail = 0.5 * (1.0 - self.chance_band);
        let mut values = vec![0.0; permutations];
        for (cell, lane) in self.permuted.lanes(Axis(0)).into_iter().enumerate() {
            let cell = [cell / windows, cell % windows];
            values.iter_mut().zip(lane).for_each(|(value, permuted)| *value = *permuted);
            values.sort_unstable_by(f32::total_cmp);
            chance.low[cell] = quantile(&values, tail);
            chance.high[cell] = quantile(&values, 1.0 - tail);
            chance.p_value[cell] = p_value(&values, self.accuracy[cell]);
            chance.p_corrected[cell] = p_value(&maxima, self.accuracy[cell]);
        }
        Some(chance)
    }

    /// The table that [`decoder`] describes.
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn table(&self) -> Result<DataFrame> {
        let starts = &self.starts_ms;
        let train = starts.iter().flat_map(|start| std::iter::repeat_n(*start, starts.len()));
        let test = starts.iter().flat_map(|_| starts.iter().copied());
        let cells = |values: &Array2<f64>| values.iter().copied().collect::<Vec<f64>>();
        let mut columns = vec![
            Column::new("train_ms".into(), train.collect::<Vec<_>>()),
            Column::new("test_ms".into(), test.collect::<Vec<_>>()),
            Column::new("accuracy".into(), cells(&self.accuracy)),
        ];
        if let Some(chance) = self.chance() {
            columns.extend([
                Column::new("chance_low".into(), cells(&chance.low)),
                Column::new("chance_high".into(), cells(&chance.high)),
                Column::new("p_value".into(), cells(&chance.p_value)),
                Column::new("p_corrected".into(), cells(&chance.p_corrected)),
            ]);
        }
        DataFrame::new(columns[0].len(), columns).map_err(Error::table("cannot make the table of the decoder"))
    }
}

/// The value below which a share of the sorted values lies, between two of them where need be.
fn quantile(sorted: &[f32], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    f64::from(below) + place.fract() * f64::from(above - below)
}

/// Trains the decoders of a fold and scores them, a few windows at a time.
struct Scorer<'a> {
    windows: &'a Windows,
    fold: &'a Fold,
    scorings: &'a [Scoring],
    /// The trials to predict.
    trials: Vec<usize>,
    /// For each of `trials`, whether it is held out.
    is_held_out: Vec<bool>,
    /// The class of each trial: the true ones, then permuted ones.
    labellings: &'a [Vec<usize>],
    class_count: usize,
    /// `trials` in every window.
    samples: windows::Samples,
    /// What is left undone after it is of no use.
    interruption: Interruption,
}

/// The classifiers of a window, one for each labelling.
struct Trained {
    svcs: Vec<Svc>,
    /// Training samples that support any of them, ascending.
    support: Vec<usize>,
    /// The place of each training sample among these.
    rows: Vec<usize>,
    gamma: f64,
}

impl<'a> Scorer<'a> {
    fn new(
        windows: &'a Windows,
        fold: &'a Fold,
        scorings: &'a [Scoring],
        labellings: &'a [Vec<usize>],
        class_count: usize,
        interruption: Interruption,
    ) -> Self {
        let trials = match scorings.contains(&Scoring::Published) {
            true => (0..fold.training.len() + fold.held_out.len()).collect(),
            false => fold.held_out.clone(),
        };
        let samples = windows.samples(0..windows.len(), &trials);
        let is_held_out = trials.iter().map(|trial| fold.held_out.binary_search(trial).is_ok()).collect();
        Scorer { windows, fold, scorings, trials, is_held_out, labellings, class_count, samples, interruption }
    }

    fn train(&self, window: usize) -> Trained {
        let training = self.windows.samples(window..window + 1, &self.fold.training);
        let gamma = training.gamma();
        let kernel = Self::training_kernel(&training, gamma);
        let svcs = self.labellings.iter().take_while(|_| !self.interruption.requested()).map(|labels| {
            let labels: Vec<usize> = self.fold.training.iter().map(|trial| labels[*trial]).collect();
            Svc::fit(kernel.view(), &labels, self.class_count)
        });
        let svcs: Vec<Svc> = svcs.collect();
        let mut support: Vec<usize> = svcs.iter().flat_map(Svc::support).collect();
        support.sort_unstable();
        support.dedup();
        let mut rows = vec![0; training.len()];
        support.iter().enumerate().for_each(|(row, sample)| rows[*sample] = row);
        Trained { svcs, support, rows, gamma }
    }

    /// The kernel between training samples, in single precision, in which libsvm keeps it too.
    fn training_kernel(training: &windows::Samples, gamma: f64) -> Array2<f32> {
        let mut kernel = training.distances(training, 0..training.len());
        windows::gaussian(kernel.view_mut(), gamma);
        let mut kernel = kernel.mapv(|value| value as f32);
        kernel.diag_mut().fill(1.0);
        kernel
    }

    /// Trials whose location is told right by the decoders of some windows, for each of them (scoring, labelling,
    /// window tested in).
    fn rows(&self, windows: Range<usize>) -> Vec<Array3<u32>> {
        let decoders: Vec<Trained> = windows.clone().map(|window| self.train(window)).collect();
        let empty = Array3::zeros((self.scorings.len(), self.labellings.len(), self.windows.len()));
        let mut correct = vec![empty; decoders.len()];
        let each = self.fold.training.len();
        let support = decoders.iter().enumerate();
        let support = support.flat_map(|(place, decoder)| decoder.support.iter().map(move |one| place * each + one));
        let support: Vec<usize> = support.collect();
        let vectors = self.windows.samples(windows.clone(), &self.fold.training).chosen(&support);

        let at_once = (PREDICTED_AT_ONCE / self.trials.len()).max(1);
        let mut scratch = Scratch::default();
        for first in (0..self.windows.len()).step_by(at_once) {
            let tested = first..(first + at_once).min(self.windows.len());
            let columns = tested.start * self.trials.len()..tested.end * self.trials.len();
            let mut kernels = vectors.distances(&self.samples, columns.clone());
            let mut begin = 0;
            for ((window, decoder), correct) in windows.clone().zip(&decoders).zip(&mut correct) {
                let rows = begin..begin + decoder.support.len();
                begin = rows.end;
                let mut kernel = kernels.slice_mut(ndarray::s![rows, ..]);
                windows::gaussian(kernel.view_mut(), decoder.gamma);
                for (labelling, svc) in decoder.svcs.iter().enumerate() {
                    if self.interruption.requested() {
                        break;
                    }
                    svc.predict(kernel.view(), &decoder.rows, &mut scratch);
                    for (other, predicted) in tested.clone().zip(scratch.predicted.chunks_exact(self.trials.len())) {
                        for (place, scoring) in self.scorings.iter().enumerate() {
                            let right =
                                self.right(predicted, labelling, *scoring == Scoring::Published && other != window);
                            correct[[place, labelling, other]] = right;
                        }
                    }
                }
            }
        }
        correct
    }

    /// How many trials are told right: all, or those held out.
    fn right(&self, predicted: &[usize], labelling: usize, all: bool) -> u32 {
        let labels = &self.labellings[labelling];
        let told = predicted.iter().zip(&self.trials).zip(&self.is_held_out);
        told.filter(|((class, trial), is_held_out)| **class == labels[**trial] && (all || **is_held_out)).count() as u32
    }
}
