//! Noise on the inputs of trials.

use std::ops::Range;

use crate::numerics::random::Noise;

/// Trials whose noise is made together, so that what is written at a time step is more than a cache line.
const TOGETHER: usize = 8;

/// Noise on inputs: independent normals of this standard deviation for every trial, time step and channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InputNoise {
    pub(crate) deviation: f64,
    pub(crate) noise: Noise,
    pub(crate) step: u32,
}

impl InputNoise {
    /// Adds it to `inputs`, (time, trial, channel), of the trials of these numbers; `normals` is room for what it
    /// makes.
    pub(super) fn add(self, inputs: &mut [f32], channels: usize, trials: Range<usize>, normals: &mut Vec<f32>) {
        let (deviation, of_step) = (self.deviation as f32, trials.len() * channels);
        if deviation == 0.0 || of_step == 0 || inputs.is_empty() {
            return;
        }
        let of_trial = inputs.len() / trials.len();
        normals.resize(TOGETHER.min(trials.len()) * of_trial, 0.0);
        for first in (0..trials.len()).step_by(TOGETHER) {
            let together = TOGETHER.min(trials.len() - first);
            for (place, normals) in normals.chunks_exact_mut(of_trial).take(together).enumerate() {
                self.noise.fill(self.step, (trials.start + first + place) as u32, 0, normals);
            }
            for (time, inputs) in inputs.chunks_exact_mut(of_step).enumerate() {
                for place in 0..together {
                    let inputs = &mut inputs[(first + place) * channels..][..channels];
                    add_scaled(inputs, deviation, &normals[place * of_trial + time * channels..][..channels]);
                }
            }
        }
    }
}

/// Adds `factor` times each number, by fours, so that most of a short row is in vectors; and by place, since a row is
/// shorter than the making of a `zip` where that stays a call.
#[inline]
fn add_scaled(out: &mut [f32], factor: f32, numbers: &[f32]) {
    let numbers = &numbers[..out.len()];
    let whole = out.len() / 4 * 4;
    for first in (0..whole).step_by(4) {
        for place in first..first + 4 {
            out[place] += factor * numbers[place];
        }
    }
    for place in whole..out.len() {
        out[place] += factor * numbers[place];
    }
}
