//! The leaky network in double precision, one number at a time: what the kernels are tested against.

use crate::hyperparameters::{Activation, Loss};
use crate::network::engine::cpu::kernels::{Batch, Cost, Dimensions, Sweep};
use crate::numerics::random::{Noise, RandomStream};

/// A random network and batch.
pub(super) struct Case {
    pub(super) dimensions: Dimensions,
    pub(super) sweep: Sweep,
    pub(super) w_in: Vec<f32>,
    pub(super) w_rec: Vec<f32>,
    b_rec: Vec<f32>,
    w_out: Vec<f32>,
    b_out: Vec<f32>,
    pub(super) inputs: Vec<f32>,
    targets: Vec<f32>,
    mask: Vec<f32>,
}

/// What the sweep should give, in double precision.
pub(super) struct Expected {
    pub(super) w_in: Vec<f64>,
    pub(super) w_rec: Vec<f64>,
    pub(super) b_rec: Vec<f64>,
    pub(super) w_out: Vec<f64>,
    pub(super) b_out: Vec<f64>,
    pub(super) hidden: Vec<f64>,
    pub(super) outputs: Vec<f64>,
}

/// Asserts that arrays agree to `tolerance` times the largest expected value.
pub(super) fn close(found: &[f32], expected: &[f64], tolerance: f64, name: &str) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let largest = expected.iter().fold(1e-6_f64, |largest, value| largest.max(value.abs()));
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(*found) - expected).abs() / largest;
        assert!(error < tolerance, "{name}[{place}]: {found} should be {expected}");
    }
}

impl Case {
    pub(super) fn new(dimensions: Dimensions, activation: Activation, loss: Loss, seed: u64) -> Self {
        let mut stream = RandomStream::new(seed, 99);
        let mut normals = |count: usize, scale: f64| -> Vec<f32> {
            (0..count).map(|_| (scale * stream.standard_normal()) as f32).collect()
        };
        let Dimensions { units, inputs, outputs, steps, trials } = dimensions;
        // A network of squared rates runs away with weights that the others bear.
        let strength = if activation == Activation::Power { 0.1 } else { 0.6 };
        let recurrent = strength / (units as f64).sqrt();
        let mask_width = if loss == Loss::LeastSquares { outputs } else { 1 };
        let mut case = Case {
            dimensions,
            sweep: Sweep {
                activation,
                loss,
                alpha: 0.2,
                noise_deviation: 0.1,
                noise: Noise::new(seed, 5),
                noise_step: 3,
                l1_h: 0.0,
                l2_h: 0.0,
            },
            w_in: normals(inputs * units, 0.5),
            w_rec: normals(units * units, recurrent),
            b_rec: normals(units, 0.3),
            w_out: normals(units * outputs, 0.5),
            b_out: normals(outputs, 0.3),
            inputs: normals(steps * trials * inputs, 1.0),
            targets: normals(steps * trials * outputs, 0.4),
            mask: normals(steps * trials * mask_width, 1.0),
        };
        if loss == Loss::CrossEntropy {
            case.targets.fill(0.0);
            for (row, targets) in case.targets.chunks_exact_mut(outputs).enumerate() {
                targets[(row * 7) % outputs] = 1.0;
            }
        }
        case
    }

    /// The arrays of the leaky cell, and those of the outputs.
    pub(super) fn weights(&self) -> Vec<&[f32]> {
        vec![&self.w_in, &self.w_rec, &self.b_rec, &self.w_out, &self.b_out]
    }

    pub(super) fn batch(&self) -> Batch<'_> {
        Batch { inputs: &self.inputs, targets: &self.targets, mask: &self.mask }
    }

    fn rate(&self, z: f64) -> (f64, f64) {
        let step = f64::from(z > 0.0);
        match self.sweep.activation {
            Activation::Softplus => (z.exp().ln_1p(), 1.0 / (1.0 + (-z).exp())),
            Activation::Relu => (z * step, step),
            Activation::Tanh => (z.tanh(), 1.0 - z.tanh().powi(2)),
            Activation::Power => (z * z * step, 2.0 * z * step),
            Activation::Retanh => (z.tanh() * step, (1.0 - z.tanh().powi(2)) * step),
            Activation::Elu => (if z > 0.0 { z } else { z.exp_m1() }, if z > 0.0 { 1.0 } else { z.exp() }),
        }
    }

    /// Forward and back through time, and the cost.
    #[allow(clippy::needless_range_loop, reason = "indices as in the formulas")]
    pub(super) fn reference(&self) -> (Expected, Cost) {
        let Dimensions { units, inputs, outputs, steps, trials } = self.dimensions;
        let alpha = f64::from(self.sweep.alpha);
        let at = |array: &[f32], place: usize| f64::from(array[place]);
        let mut hidden = vec![0.0; steps * trials * units];
        let mut slopes = vec![0.0; steps * trials * units];
        let mut values = vec![0.0; steps * trials * outputs];
        let mut by_value = vec![0.0; steps * trials * outputs];
        let mut cost = Cost::default();
        let count = match self.sweep.loss {
            Loss::LeastSquares => (steps * trials * outputs) as f64,
            Loss::CrossEntropy => (steps * trials) as f64,
        };
        for t in 0..steps {
            for b in 0..trials {
                let row = t * trials + b;
                let mut noise = vec![0.0; units];
                self.sweep.noise.fill(self.sweep.noise_step, b as u32, t as u32, &mut noise);
                for j in 0..units {
                    let mut z = at(&self.b_rec, j) + f64::from(self.sweep.noise_deviation) * at(&noise, j);
                    for i in 0..inputs {
                        z += at(&self.inputs, row * inputs + i) * at(&self.w_in, i * units + j);
                    }
                    let mut before = 0.0;
                    if t > 0 {
                        for i in 0..units {
                            z += hidden[(row - trials) * units + i] * at(&self.w_rec, i * units + j);
                        }
                        before = hidden[(row - trials) * units + j];
                    }
                    let (rate, slope) = self.rate(z);
                    hidden[row * units + j] = (1.0 - alpha) * before + alpha * rate;
                    slopes[row * units + j] = slope;
                }
                let u: Vec<f64> = (0..outputs)
                    .map(|k| {
                        let sum: f64 =
                            (0..units).map(|i| hidden[row * units + i] * at(&self.w_out, i * outputs + k)).sum();
                        at(&self.b_out, k) + sum
                    })
                    .collect();
                let total: f64 = u.iter().map(|u| u.exp()).sum();
                for k in 0..outputs {
                    let place = row * outputs + k;
                    let target = at(&self.targets, place);
                    match self.sweep.loss {
                        Loss::LeastSquares => {
                            let (y, mask) = (1.0 / (1.0 + (-u[k]).exp()), at(&self.mask, place));
                            cost.task += ((y - target) * mask).powi(2) / count;
                            by_value[place] = 2.0 * (y - target) * mask * mask * y * (1.0 - y) / count;
                            values[place] = y;
                        }
                        Loss::CrossEntropy => {
                            let (y, mask) = (u[k].exp() / total, at(&self.mask, row));
                            cost.task -= mask * target * y.ln() / count;
                            by_value[place] = mask * (y - target) / count;
                            values[place] = y;
                        }
                    }
                }
            }
        }
        let l1 = f64::from(self.sweep.l1_h) / (steps * trials * units) as f64;
        let l2 = f64::from(self.sweep.l2_h);
        cost.activity = hidden.iter().map(|h| l1 * h.abs() + 0.5 * l2 * h * h).sum();

        let mut gradients = Expected {
            w_in: vec![0.0; inputs * units],
            w_rec: vec![0.0; units * units],
            b_rec: vec![0.0; units],
            w_out: vec![0.0; units * outputs],
            b_out: vec![0.0; outputs],
            hidden: Vec::new(),
            outputs: Vec::new(),
        };
        for b in 0..trials {
            let mut by_rate = vec![0.0; units];
            for t in (0..steps).rev() {
                let row = t * trials + b;
                let mut dz = vec![0.0; units];
                for j in 0..units {
                    let rate = hidden[row * units + j];
                    let sign = if rate == 0.0 { 0.0 } else { rate.signum() };
                    by_rate[j] += l1 * sign + l2 * rate;
                    for k in 0..outputs {
                        let by_value = by_value[row * outputs + k];
                        by_rate[j] += by_value * at(&self.w_out, j * outputs + k);
                        gradients.w_out[j * outputs + k] += by_value * rate;
                    }
                    dz[j] = alpha * by_rate[j] * slopes[row * units + j];
                }
                for k in 0..outputs {
                    gradients.b_out[k] += by_value[row * outputs + k];
                }
                for j in 0..units {
                    gradients.b_rec[j] += dz[j];
                    for i in 0..inputs {
                        gradients.w_in[i * units + j] += dz[j] * at(&self.inputs, row * inputs + i);
                    }
                }
                for i in 0..units {
                    by_rate[i] *= 1.0 - alpha;
                    for j in 0..units {
                        by_rate[i] += dz[j] * at(&self.w_rec, i * units + j);
                        if t > 0 {
                            gradients.w_rec[i * units + j] += dz[j] * hidden[(row - trials) * units + i];
                        }
                    }
                }
            }
        }
        gradients.hidden = hidden;
        gradients.outputs = values;
        (gradients, cost)
    }
}

/// The reference itself is right: its gradients follow from its own cost by finite differences.
#[test]
fn the_plain_computation_agrees_with_finite_differences() {
    let dimensions = Dimensions { units: 5, inputs: 3, outputs: 3, steps: 6, trials: 2 };
    for activation in [Activation::Softplus, Activation::Tanh, Activation::Elu, Activation::Power, Activation::Retanh] {
        for loss in [Loss::LeastSquares, Loss::CrossEntropy] {
            let mut case = Case::new(dimensions, activation, loss, 3);
            case.sweep.l2_h = 0.01;
            let (gradients, _) = case.reference();
            for place in 0..25 {
                let original = case.w_rec[place];
                let mut cost_at = |weight: f32| {
                    case.w_rec[place] = weight;
                    let (_, cost) = case.reference();
                    (cost.task + cost.activity, f64::from(weight))
                };
                let (high, low) = (cost_at(original + 1e-3), cost_at(original - 1e-3));
                let slope = (high.0 - low.0) / (high.1 - low.1);
                case.w_rec[place] = original;
                let error = (slope - gradients.w_rec[place]).abs();
                assert!(
                    error < 2e-5 * (1.0 + slope.abs()),
                    "{activation:?} {loss:?}: {slope} {}",
                    gradients.w_rec[place]
                );
            }
        }
    }
}
