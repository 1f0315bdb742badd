//! A support vector classifier on a kernel that is at hand.
//!
//! For each two classes, `β` maximises `Σ y β − ½ Σ β K β` with `0 ≤ y β ≤ C` and `Σ β = 0`, by sequential minimal
//! optimisation: the two samples to move are the one that most violates the optimum and the one that gains most with it
//! (Fan, Chen and Lin, J. Mach. Learn. Res. 6, 2005). Order, tolerance, precision and ties are those of libsvm, on
//! which scikit-learn's `SVC` stands: near chance, classes are told apart by less than the tolerance, and another path
//! to the optimum would predict otherwise.

use ndarray::{ArrayView2, ArrayViewMut1};

/// What a violated margin costs (scikit-learn's default).
const C: f64 = 1.0;
/// How far the conditions of the optimum may be missed (scikit-learn's default).
const TOLERANCE: f64 = 1e-3;
/// The curvature along a direction that has none, as between two equal samples.
const LEAST_CURVATURE: f64 = 1e-12;
/// Moves after which a fit ends anyway; a window of activity takes some hundreds.
const MOST_MOVES: usize = 10_000_000;

/// The classifier of two classes.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    /// The classes; a positive decision is for the first.
    pub(super) classes: [usize; 2],
    /// Support vectors: the training sample and its coefficient, positive in the first class.
    pub(super) support: Vec<(usize, f64)>,
    pub(super) intercept: f64,
}

/// A one-vs-one classifier of several classes.
#[derive(Clone, Debug)]
pub(super) struct Svc {
    /// Each two classes, the first with all later ones, then the second, …
    pub(super) machines: Vec<Machine>,
    class_count: usize,
}

impl Svc {
    /// Fits each two classes. `kernel` is (training sample, training sample), `labels` the class of each sample, below
    /// `class_count`; a class without a sample loses every vote.
    pub(super) fn fit(kernel: ArrayView2<f32>, labels: &[usize], class_count: usize) -> Svc {
        let mut members = vec![Vec::new(); class_count];
        for (sample, label) in labels.iter().enumerate() {
            members[*label].push(sample);
        }
        let mut machines = Vec::with_capacity(class_count * class_count.saturating_sub(1) / 2);
        for first in 0..class_count {
            for second in first + 1..class_count {
                if !members[first].is_empty() && !members[second].is_empty() {
                    machines.push(Machine::fit(kernel, [first, second], &members[first], &members[second]));
                }
            }
        }
        Svc { machines, class_count }
    }

    /// The samples that support any of the machines, ascending.
    pub(super) fn support(&self) -> Vec<usize> {
        let mut support: Vec<usize> =
            self.machines.iter().flat_map(|machine| machine.support.iter().map(|(sample, _)| *sample)).collect();
        support.sort_unstable();
        support.dedup();
        support
    }

    /// The class of each sample to predict: the one with most votes, of equals the first. `kernel` is (support vector,
    /// sample to predict), `rows` the row of each training sample in it.
    pub(super) fn predict(&self, kernel: ArrayView2<f64>, rows: &[usize], scratch: &mut Scratch) {
        let samples = kernel.ncols();
        scratch.votes.clear();
        scratch.votes.resize(samples * self.class_count, 0);
        for machine in &self.machines {
            scratch.decisions.clear();
            scratch.decisions.resize(samples, 0.0);
            machine.decide(kernel, rows, ArrayViewMut1::from(&mut scratch.decisions[..]));
            let [first, second] = machine.classes;
            for (votes, decision) in scratch.votes.chunks_exact_mut(self.class_count).zip(&scratch.decisions) {
                votes[if *decision > 0.0 { first } else { second }] += 1;
            }
        }
        scratch.predicted.clear();
        scratch.predicted.extend(scratch.votes.chunks_exact(self.class_count).map(|votes| {
            let most = votes.iter().max().copied().unwrap_or_default();
            votes.iter().position(|count| *count == most).unwrap_or_default()
        }));
    }
}

/// Room that [`Svc::predict`] works in, and what it finds.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    decisions: Vec<f64>,
    votes: Vec<u32>,
    /// The class of each sample.
    pub(super) predicted: Vec<usize>,
}

impl Machine {
    fn fit(kernel: ArrayView2<f32>, classes: [usize; 2], first: &[usize], second: &[usize]) -> Machine {
        let samples: Vec<usize> = first.iter().chain(second).copied().collect();
        let count = samples.len();
        // The square of these two classes, row by row.
        let mut square = Vec::with_capacity(count * count);
        for row in &samples {
            let row = kernel.row(*row);
            square.extend(samples.iter().map(|column| f64::from(row[*column])));
        }
        let (coefficients, intercept) = optimise(&square, first.len());
        let support = samples.into_iter().zip(coefficients).filter(|(_, coefficient)| *coefficient != 0.0).collect();
        Machine { classes, support, intercept }
    }

    /// Puts the decision on each sample into `decisions`, which are 0; see [`Svc::predict`].
    pub(super) fn decide(&self, kernel: ArrayView2<f64>, rows: &[usize], mut decisions: ArrayViewMut1<f64>) {
        for (sample, coefficient) in &self.support {
            decisions.scaled_add(*coefficient, &kernel.row(rows[*sample]));
        }
        decisions += self.intercept;
    }
}

/// The coefficients and the intercept for two classes, the first of which has the first `positive` samples. `kernel` is
/// square, row by row.
fn optimise(kernel: &[f64], positive: usize) -> (Vec<f64>, f64) {
    let count = (kernel.len() as f64).sqrt() as usize;
    let row = |sample: usize| &kernel[sample * count..(sample + 1) * count];
    let lower = |sample: usize| if sample < positive { 0.0 } else { -C };
    let upper = |sample: usize| if sample < positive { C } else { 0.0 };
    let mut coefficients = vec![0.0_f64; count];
    // The sample's label less its decision without the intercept.
    let mut residuals: Vec<f64> = (0..count).map(|sample| if sample < positive { 1.0 } else { -1.0 }).collect();
    for _ in 0..MOST_MOVES {
        let mut up = None;
        let mut highest = f64::NEG_INFINITY;
        for sample in 0..count {
            if coefficients[sample] < upper(sample) && residuals[sample] >= highest {
                (up, highest) = (Some(sample), residuals[sample]);
            }
        }
        let Some(up) = up else { break };
        let from = row(up);
        let mut down = None;
        let (mut lowest, mut best) = (f64::INFINITY, f64::NEG_INFINITY);
        for sample in (0..count).filter(|sample| coefficients[*sample] > lower(*sample)) {
            lowest = lowest.min(residuals[sample]);
            let violation = highest - residuals[sample];
            if violation > 0.0 {
                let gain = violation * violation / curvature(from[up], row(sample)[sample], from[sample]);
                if gain >= best {
                    (down, best) = (Some(sample), gain);
                }
            }
        }
        let Some(down) = down.filter(|_| highest - lowest >= TOLERANCE) else { break };
        let to = row(down);
        let before = [coefficients[up], coefficients[down]];
        let total = before[0] + before[1];
        let room = (upper(up) - before[0]).min(before[1] - lower(down));
        let wanted = (highest - residuals[down]) / curvature(from[up], to[down], from[down]);
        // The one that reaches its bound is put there, and the other where the sum stays: with rounding, a sample next
        // to its bound would count as free.
        (coefficients[up], coefficients[down]) = if wanted < room {
            (before[0] + wanted, before[1] - wanted)
        } else if upper(up) - before[0] <= before[1] - lower(down) {
            (upper(up), total - upper(up))
        } else {
            (total - lower(down), lower(down))
        };
        let moved = [coefficients[up] - before[0], coefficients[down] - before[1]];
        for (residual, (from, to)) in residuals.iter_mut().zip(from.iter().zip(to)) {
            *residual -= moved[0] * from + moved[1] * to;
        }
    }
    let is_free = |sample: &usize| coefficients[*sample] > lower(*sample) && coefficients[*sample] < upper(*sample);
    let free: Vec<usize> = (0..count).filter(is_free).collect();
    let intercept = if free.is_empty() {
        let can_rise = (0..count).filter(|sample| coefficients[*sample] < upper(*sample));
        let can_fall = (0..count).filter(|sample| coefficients[*sample] > lower(*sample));
        let least = can_rise.map(|sample| residuals[sample]).fold(f64::NEG_INFINITY, f64::max);
        let most = can_fall.map(|sample| residuals[sample]).fold(f64::INFINITY, f64::min);
        0.5 * (least + most)
    } else {
        free.iter().map(|sample| residuals[*sample]).sum::<f64>() / free.len() as f64
    };
    (coefficients, intercept)
}

/// The curvature of the objective where one coefficient rises as much as another falls.
fn curvature(first: f64, second: f64, both: f64) -> f64 {
    let curvature = first + second - 2.0 * both;
    if curvature > 0.0 { curvature } else { LEAST_CURVATURE }
}
