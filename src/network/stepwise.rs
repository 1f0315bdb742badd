//! The recurrent sweep in dfdx's own operations, one time step after the other: for any device.
//!
//! Slower than the kernels, but free of assumptions about the device, and the second opinion that the kernels are
//! tested against.

use dfdx::shapes::{Axis, Rank0};
use dfdx::tensor::{NoneTape, OwnedTape, PutTape, SplitTape, Tape, Tensor};
use dfdx::tensor_ops::*;
use ndarray::{Array3, Axis as ArrayAxis};

use crate::error::{Error, Result};
use crate::hyperparameters::{Activation, Loss};
use crate::network::kernels::Cost;
use crate::network::sweep::{dimensions, elements, shaped};
use crate::network::{Graded, Matrix, Network, Rollout, SweepNoise, TapedCost, number};
use crate::tasks::Trials;

/// The cost of `trials`, on a tape: as [`crate::network::RecurrentSweep::cost`].
pub fn cost<D: Device<f32>>(network: &Network<D>, trials: &Trials, noise: SweepNoise) -> Result<Graded<D>> {
    let sweep = Stepwise { network, inputs: &trials.inputs, graded: Some(trials), noise };
    let (cost, parts) = sweep.go(OwnedTape::default(), |_, _| ())?;
    Ok(Graded { cost, parts })
}

/// The cost and the outputs of `trials`: as [`crate::network::RecurrentSweep::evaluate`].
pub fn evaluate<D: Device<f32>>(
    network: &Network<D>,
    trials: &Trials,
    noise: SweepNoise,
) -> Result<(Cost, Array3<f32>)> {
    let mut outputs = Vec::new();
    let sweep = Stepwise { network, inputs: &trials.inputs, graded: Some(trials), noise };
    let (_, parts) = sweep.go(NoneTape, |_, values| outputs.extend(values.as_vec()))?;
    Ok((parts, shaped(trials.targets.dim(), outputs)?))
}

/// Rates and outputs for `inputs`, (time, trial, input): as [`crate::network::RecurrentSweep::run`].
pub fn run<D: Device<f32>>(network: &Network<D>, inputs: &Array3<f32>, noise: SweepNoise) -> Result<Rollout> {
    let (mut hidden, mut outputs) = (Vec::new(), Vec::new());
    Stepwise { network, inputs, graded: None, noise }.go(NoneTape, |rates, values| {
        hidden.extend(rates.as_vec());
        outputs.extend(values.as_vec());
    })?;
    let (steps, trials, _) = inputs.dim();
    let hyperparameters = network.hyperparameters();
    Ok(Rollout {
        hidden: shaped((steps, trials, hyperparameters.n_rnn), hidden)?,
        outputs: shaped((steps, trials, hyperparameters.n_output()), outputs)?,
    })
}

/// One sweep over a batch.
struct Stepwise<'a, D: Device<f32>> {
    network: &'a Network<D>,
    inputs: &'a Array3<f32>,
    /// The trials to grade the outputs by, if they are to be graded.
    graded: Option<&'a Trials>,
    noise: SweepNoise,
}

/// A (trial, unit) or (trial, output) tensor on a tape.
type Taped<D, T> = Tensor<(usize, usize), f32, D, T>;

impl<D: Device<f32>> Stepwise<'_, D> {
    /// Runs all steps, shows `visit` the rates and outputs of each, and sums the cost.
    fn go<T: Tape<f32, D>>(
        &self,
        tape: T,
        visit: impl FnMut(&Matrix<D>, &Matrix<D>),
    ) -> Result<(TapedCost<D, T>, Cost)> {
        dimensions(self.network.hyperparameters(), self.inputs)?;
        let inputs = elements(self.inputs, "inputs")?;
        self.steps(inputs, tape, visit).map_err(|problem| Error::device("a sweep over a batch", problem))
    }

    fn steps<T: Tape<f32, D>>(
        &self,
        inputs: &[f32],
        mut tape: T,
        mut visit: impl FnMut(&Matrix<D>, &Matrix<D>),
    ) -> Result<(TapedCost<D, T>, Cost), D::Err> {
        let Network { hyperparameters, device, w_in, w_rec, b_rec, w_out, b_out } = self.network;
        let (steps, trials, channels) = self.inputs.dim();
        let (units, outputs) = (hyperparameters.n_rnn, hyperparameters.n_output());
        let alpha = hyperparameters.alpha() as f32;
        let (noise, noise_step, deviation) = self.noise.parts(hyperparameters);
        let shape = (trials, units);

        let mut rates: Matrix<D> = device.try_zeros_like(&shape)?;
        let mut total: Tensor<Rank0, f32, D> = device.try_zeros_like(&())?;
        let mut parts = Cost::default();
        for step in 0..steps {
            let now = inputs[step * trials * channels..][..trials * channels].to_vec();
            let now = device.try_tensor_from_vec(now, (trials, channels))?;
            let (recurrent, carried) = rates.clone().put_tape(tape).try_matmul(w_rec.clone())?.split_tape();
            let (drive, carried) = now.put_tape(carried).try_matmul(w_in.clone())?.try_add(recurrent)?.split_tape();
            let bias = b_rec.clone().put_tape(carried).try_reshape_like(&(units,))?;
            let mut z = bias.try_broadcast_like::<_, Axis<0>>(&shape)?.try_add(drive)?;
            if deviation != 0.0 {
                let mut normals = vec![0.0; trials * units];
                for (trial, row) in normals.chunks_exact_mut(units).enumerate() {
                    noise.fill(noise_step, trial as u32, step as u32, row);
                    row.iter_mut().for_each(|normal| *normal *= deviation);
                }
                z = z.try_add(device.try_tensor_from_vec(normals, shape)?)?;
            }
            let (renewed, carried) = activate(hyperparameters.activation, z)?.try_mul(alpha)?.split_tape();
            let kept = rates.put_tape(carried).try_mul(1.0 - alpha)?;
            let (after, carried) = kept.try_add(renewed)?.split_tape();
            rates = after;

            let bias = b_out.clone().put_tape(carried).try_reshape_like(&(outputs,))?;
            let (bias, carried) = bias.try_broadcast_like::<_, Axis<0>>(&(trials, outputs))?.split_tape();
            let u = rates.clone().put_tape(carried).try_matmul(w_out.clone())?.try_add(bias)?;
            let (values, term, carried) = self.grade(step, u, &mut parts)?;
            visit(&rates, &values);
            tape = carried;
            if let Some(term) = term {
                let (sum, carried) = total.put_tape(tape).try_add(term)?.split_tape();
                (total, tape) = (sum, carried);
            }
            if self.graded.is_some() && (hyperparameters.l1_h != 0.0 || hyperparameters.l2_h != 0.0) {
                let l1 = (hyperparameters.l1_h / (steps * trials * units) as f64) as f32;
                let l2 = 0.5 * hyperparameters.l2_h as f32;
                let (absolute, carried) = rates.clone().put_tape(tape).try_abs()?.try_mul(l1)?.split_tape();
                let costly = rates.clone().put_tape(carried).try_square()?.try_mul(l2)?.try_add(absolute)?;
                let (term, carried) = costly.try_sum::<Rank0, _>()?.split_tape();
                parts.activity += number(&term);
                let (sum, carried) = total.put_tape(carried).try_add(term)?.split_tape();
                (total, tape) = (sum, carried);
            }
        }
        Ok((total.put_tape(tape), parts))
    }

    /// Outputs from their pre-activations and, where the batch is graded, this step's term of the cost.
    #[allow(clippy::type_complexity, reason = "outputs, term and tape of one step")]
    fn grade<T: Tape<f32, D>>(
        &self,
        step: usize,
        u: Taped<D, T>,
        parts: &mut Cost,
    ) -> Result<(Matrix<D>, Option<Tensor<Rank0, f32, D>>, T), D::Err> {
        let loss = self.network.hyperparameters.loss_type;
        let device = &self.network.device;
        let (steps, trials, _) = self.inputs.dim();
        let shape = (trials, self.network.hyperparameters.n_output());
        let Some(graded) = self.graded else {
            let (values, tape) = match loss {
                Loss::LeastSquares => u.try_sigmoid()?.split_tape(),
                Loss::CrossEntropy => u.try_softmax::<Axis<1>>()?.split_tape(),
            };
            return Ok((values, None, tape));
        };
        let targets: Vec<f32> = graded.targets.index_axis(ArrayAxis(0), step).iter().copied().collect();
        let mask = graded.mask.index_axis(ArrayAxis(0), step);
        let mask: Vec<f32> = mask.broadcast(shape).map(|mask| mask.iter().copied().collect()).unwrap_or_default();
        let (values, term) = match loss {
            Loss::LeastSquares => {
                let scale = 1.0 / (steps * trials * shape.1) as f32;
                let (values, tape) = u.try_sigmoid()?.split_tape();
                let targets = device.try_tensor_from_vec(targets, shape)?;
                let mask = device.try_tensor_from_vec(mask, shape)?;
                let difference = values.clone().put_tape(tape).try_sub(targets)?.try_mul(mask)?;
                (values, difference.try_square()?.try_sum::<Rank0, _>()?.try_mul(scale)?)
            }
            Loss::CrossEntropy => {
                let scale = -1.0 / (steps * trials) as f32;
                let weighted = targets.iter().zip(&mask).map(|(target, mask)| target * mask).collect();
                let weighted = device.try_tensor_from_vec(weighted, shape)?;
                let (logarithms, tape) = u.try_log_softmax::<Axis<1>>()?.split_tape();
                let values = logarithms.clone().try_exp()?;
                (values, logarithms.put_tape(tape).try_mul(weighted)?.try_sum::<Rank0, _>()?.try_mul(scale)?)
            }
        };
        let (term, tape) = term.split_tape();
        parts.task += number(&term);
        Ok((values, Some(term), tape))
    }
}

/// Rates from inputs.
fn activate<D: Device<f32>, T: Tape<f32, D>>(activation: Activation, z: Taped<D, T>) -> Result<Taped<D, T>, D::Err> {
    match activation {
        Activation::Softplus => {
            // max(z, 0) + ln(1 + e^(−|z|)): the plain form overflows.
            let (z, tape) = z.split_tape();
            let (positive, tape) = z.clone().put_tape(tape).try_relu()?.split_tape();
            let correction = z.put_tape(tape).try_abs()?.try_negate()?.try_exp()?.try_add(1.0)?.try_ln()?;
            correction.try_add(positive)
        }
        Activation::Relu => z.try_relu(),
        Activation::Tanh => z.try_tanh(),
        Activation::Power => z.try_relu()?.try_square(),
        Activation::Retanh => z.try_relu()?.try_tanh(),
        Activation::Elu => {
            let (z, tape) = z.split_tape();
            let (positive, tape) = z.clone().put_tape(tape).try_relu()?.split_tape();
            let negative = z.put_tape(tape).try_negate()?.try_relu()?.try_negate()?.try_exp()?.try_sub(1.0)?;
            negative.try_add(positive)
        }
    }
}

#[cfg(test)]
mod tests {
    use dfdx::tensor::Cpu;

    use super::*;
    use crate::hyperparameters::{Hyperparameters, RecurrentInit};
    use crate::network::RecurrentSweep;
    use crate::network::kernels::Workspace;
    use crate::numerics::Level;
    use crate::numerics::random::{Noise, RandomStream};
    use crate::tasks::Rule;

    /// The largest difference between two arrays, relative to the largest element.
    fn difference(found: &[f32], expected: &[f32]) -> f32 {
        assert_eq!(found.len(), expected.len());
        let largest = expected.iter().fold(1e-12_f32, |largest, value| largest.max(value.abs()));
        found.iter().zip(expected).map(|(a, b)| (a - b).abs() / largest).fold(0.0, f32::max)
    }

    #[test]
    fn inputs_that_are_empty_or_of_another_network_are_refused_by_either_sweep() {
        let hyperparameters = Hyperparameters { n_rnn: 8, ..Hyperparameters::paper() };
        let (network, mut workspace) = (Network::new(&hyperparameters).unwrap(), Workspace::new(1).unwrap());
        let channels = hyperparameters.n_input();
        let cases = [
            ((5, 0, channels), "0 trials of 5 steps"),
            ((0, 4, channels), "4 trials of 0 steps"),
            ((5, 4, channels - 1), "`inputs` has shape [5, 4, 14], expected [5, 4, 15]"),
        ];
        for (shape, words) in cases {
            let inputs = Array3::zeros(shape);
            let kernels = Cpu::run(&network, &inputs, SweepNoise::None, &mut workspace).map(drop).unwrap_err();
            let plain = run(&network, &inputs, SweepNoise::None).map(drop).unwrap_err();
            for message in [kernels.to_string(), plain.to_string()] {
                assert!(message.contains(words), "{message}");
            }
        }
    }

    #[test]
    fn kernels_and_plain_operations_agree() {
        for (activation, loss, units) in [
            (Activation::Softplus, Loss::LeastSquares, 256),
            (Activation::Softplus, Loss::CrossEntropy, 17),
            (Activation::Relu, Loss::LeastSquares, 64),
            (Activation::Tanh, Loss::CrossEntropy, 100),
            (Activation::Power, Loss::LeastSquares, 3),
            (Activation::Retanh, Loss::LeastSquares, 33),
            (Activation::Elu, Loss::LeastSquares, 1),
        ] {
            let hyperparameters = Hyperparameters {
                activation,
                loss_type: loss,
                n_rnn: units,
                l1_h: 1e-3,
                l2_h: 1e-6,
                ..Hyperparameters::paper()
            };
            let name = format!("{activation:?} {loss:?} {units}");
            agree(&hyperparameters, 20, &mut Cpu::workspace(2).unwrap(), &name);
        }
    }

    #[test]
    fn kernels_and_plain_operations_agree_for_odd_sizes_at_every_level() {
        for units in [1, 3, 17, 64, 100, 256, 1000] {
            let hyperparameters = Hyperparameters {
                n_rnn: units,
                // Long steps, so that a trial has few of them.
                dt: 100.0,
                tau: 500.0,
                w_rec_init: RecurrentInit::RandGauss,
                ..Hyperparameters::paper()
            };
            for count in [1, 5, 64] {
                for level in Level::available() {
                    // More threads than trials, and so than shards, for the two small batches.
                    let mut workspace = Workspace::with_level(6, level).unwrap();
                    agree(
                        &hyperparameters,
                        count,
                        &mut workspace,
                        &format!("{units} units, {count} trials, {level:?}"),
                    );
                }
            }
        }
    }

    /// Compares cost, gradients, rates and outputs of the kernels with those of dfdx's operations.
    fn agree(hyperparameters: &Hyperparameters, count: usize, workspace: &mut Workspace, name: &str) {
        let mut network = Network::new(hyperparameters).unwrap();
        let mut stream = RandomStream::new(1, 1);
        let bias = (0..hyperparameters.n_rnn).map(|_| 0.1 * stream.standard_normal() as f32).collect::<Vec<_>>();
        network.b_rec.copy_from(&bias);
        let trials = Trials::random(hyperparameters, Rule::Gap, count, &mut stream).unwrap();
        let noise = SweepNoise::Gaussian { noise: Noise::new(1, 2), step: 4 };

        let fused = Cpu::cost(&network, &trials, noise, workspace).unwrap();
        let plain = cost(&network, &trials, noise).unwrap();
        assert!((fused.parts.task - plain.parts.task).abs() < 2e-5 * plain.parts.task, "{name}");
        assert!((fused.parts.activity - plain.parts.activity).abs() <= 2e-5 * plain.parts.activity, "{name}");
        let (fused, plain) = (fused.cost.backward(), plain.cost.backward());
        for (parameter, name_of) in network.parameters().into_iter().zip(crate::network::PARAMETERS) {
            let error = difference(&fused.get(parameter).as_vec(), &plain.get(parameter).as_vec());
            assert!(error < 1e-4, "{name} {name_of}: {error}");
        }

        let kernels = Cpu::run(&network, &trials.inputs, noise, workspace).unwrap();
        let plain = run(&network, &trials.inputs, noise).unwrap();
        assert!(difference(kernels.hidden.as_slice().unwrap(), plain.hidden.as_slice().unwrap()) < 1e-5, "{name}");
        let (_, outputs) = evaluate(&network, &trials, noise).unwrap();
        assert!(difference(kernels.outputs.as_slice().unwrap(), outputs.as_slice().unwrap()) < 1e-5, "{name}");
    }
}
