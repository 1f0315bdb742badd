//! The gated recurrent unit with a leak (Song, Yang and Wang, eLife 2017).

use dfdx::tensor_ops::{Device, TryAdd, TryMatMul, TryMul, TrySub};

use crate::error::Result;
use crate::hyperparameters::{Activation, Hyperparameters};
use crate::network::cells::{BuiltIn, Cell, Kernel, RnnType, no_choice_of_recurrent};
use crate::network::definition::{Defined, Moment, Value, columns, with_bias};
use crate::network::engine::cpu::kernels::*;
use crate::network::engine::cuda::{OnCuda, Parts, Product, Program, Source};
use crate::network::{Initial, ParameterSpec, Role};
use crate::numerics::dispatch::{multiply_add, vectorised};
use crate::numerics::mathematics::sigmoid_in_place;

/// With reset gates `r` and update gates `u`, one after the other,
///
/// ```text
/// [r u] = sigmoid(x·gates_in + h·gates_rec + gates_bias)
/// c = f(x·candidate_in + (r·h)·candidate_rec + candidate_bias + noise)        h ← (1 − alpha·u)·h + alpha·u·c
/// ```
pub(super) struct LeakyGru;

impl RnnType {
    /// The gated recurrent unit with a leak.
    pub const LEAKY_GRU: RnnType = RnnType("LeakyGRU");
}

/// The parameters of a gated recurrent unit: weights uniform as Glorot has it for input and recurrent weights as one
/// matrix, biases of gates 1, those of candidates 0.
pub(super) fn parameters(hyperparameters: &Hyperparameters) -> Vec<ParameterSpec> {
    let (inputs, units) = (hyperparameters.n_input(), hyperparameters.n_rnn);
    let weights = |name, role, columns, matrix| {
        let rows = if role == Role::Input { inputs } else { units };
        let initial = Initial::glorot(inputs + units, columns);
        ParameterSpec::new(name, role, (rows, columns), initial).part_of(matrix)
    };
    vec![
        weights("gates_in", Role::Input, 2 * units, "gates"),
        weights("gates_rec", Role::Recurrent, 2 * units, "gates"),
        ParameterSpec::bias("gates_bias", 2 * units, 1.0),
        weights("candidate_in", Role::Input, units, "candidate"),
        weights("candidate_rec", Role::Recurrent, units, "candidate"),
        ParameterSpec::bias("candidate_bias", units, 0.0),
    ]
}

/// The candidates, with noise or without, and the update gates.
pub(super) fn candidate_and_gates<D: Device<f32>>(
    now: &Moment<'_, D>,
    with_noise: bool,
) -> Defined<(Value<D>, Value<D>), D> {
    let (rates, units) = (now.state(0)?, now.hyperparameters().n_rnn);
    let recurrent = rates.clone().try_matmul(now.parameter("gates_rec")?)?;
    let gates = now.input().try_matmul(now.parameter("gates_in")?)?.try_add(recurrent)?;
    let gates = with_bias(gates, now.parameter("gates_bias")?)?.try_sigmoid()?;
    let (reset, update) = (columns(gates.clone(), 0..units)?, columns(gates, units..2 * units)?);

    let recurrent = rates.try_mul(reset)?.try_matmul(now.parameter("candidate_rec")?)?;
    let z = now.input().try_matmul(now.parameter("candidate_in")?)?.try_add(recurrent)?;
    let z = with_bias(z, now.parameter("candidate_bias")?)?;
    let candidate = now.activate(if with_noise { now.noisy(z)? } else { z })?;
    Ok((candidate, update))
}

impl Cell for LeakyGru {
    fn name(&self) -> &'static str {
        RnnType::LEAKY_GRU.name()
    }

    fn parameters(&self, hyperparameters: &Hyperparameters) -> Vec<ParameterSpec> {
        parameters(hyperparameters)
    }

    fn check(&self, hyperparameters: &Hyperparameters) -> Result<()> {
        no_choice_of_recurrent(self, hyperparameters)
    }

    fn step<D: Device<f32>>(&self, now: &Moment<'_, D>) -> Defined<Vec<Value<D>>, D> {
        let rates = now.state(0)?;
        let (candidate, update) = candidate_and_gates(now, true)?;
        let change = candidate.try_sub(rates.clone())?.try_mul(update)?.try_mul(now.alpha())?;
        Ok(vec![rates.try_add(change)?])
    }
}

impl BuiltIn for LeakyGru {
    fn kernel(&self) -> Option<&'static dyn Kernel> {
        Some(&LeakyGru)
    }

    fn cuda(&self) -> Option<&'static dyn OnCuda> {
        Some(&LeakyGru)
    }

    fn published(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("gates_in", "rnn/leaky_gru_cell/gates/kernel"),
            ("gates_rec", "rnn/leaky_gru_cell/gates/kernel"),
            ("gates_bias", "rnn/leaky_gru_cell/gates/bias"),
            ("candidate_in", "rnn/leaky_gru_cell/candidate/kernel"),
            ("candidate_rec", "rnn/leaky_gru_cell/candidate/kernel"),
            ("candidate_bias", "rnn/leaky_gru_cell/candidate/bias"),
            ("w_out", "output/weights"),
            ("b_out", "output/biases"),
        ]
    }
}

impl Kernel for LeakyGru {
    fn fused(&self) -> &'static dyn Fused {
        &GatedKernel { renewal: |sweep| Renewal { least: 0.0, by_update: sweep.alpha, noise: sweep.noise_deviation } }
    }
}

/// The kernels of gated recurrent units.
pub(super) static PROGRAM: Program = Program { name: "leaky_gru", parts: Parts::Cell(include_str!("leaky_gru.cu")) };

/// The products of a gated recurrent unit, whose gates stand in the order candidate, reset, update.
pub(super) fn products(hyperparameters: &Hyperparameters) -> Vec<Product> {
    let candidate = Product::simple(hyperparameters, 0..1, ["candidate_in", "candidate_rec"], &["candidate_bias"]);
    vec![
        Product::simple(hyperparameters, 1..3, ["gates_in", "gates_rec"], &["gates_bias"]),
        Product { from: Source::Kept, ..candidate },
    ]
}

impl OnCuda for LeakyGru {
    fn program(&self) -> &'static Program {
        &PROGRAM
    }

    fn gates(&self) -> usize {
        3
    }

    fn kept(&self) -> usize {
        2
    }

    /// The share of a rate that is renewed is the first number and the second times the update gate.
    fn numbers(&self, hyperparameters: &Hyperparameters) -> [f32; 2] {
        [0.0, hyperparameters.alpha() as f32]
    }

    fn is_noisy(&self) -> bool {
        true
    }

    fn products(&self, hyperparameters: &Hyperparameters) -> Vec<Product> {
        products(hyperparameters)
    }
}

/// How much of a rate is renewed in a step: the share `least + by_update·u`.
pub(super) struct Renewal {
    pub(super) least: f32,
    pub(super) by_update: f32,
    /// Standard deviation of the noise on candidates.
    pub(super) noise: f32,
}

/// A gated recurrent unit for the kernels. Its gates stand in the order candidate, reset, update.
///
/// A step is two products and two passes: `[h | x | 1]` times the gates' weights, from which follows `r·h`, then
/// `[x | 1]` and `r·h` times the candidates'. It keeps `r·h` and `c`. With `s = least + by_update·u` it is
///
/// ```text
/// h_t = h + s·(c − h)
/// ```
///
/// and going back, with `g = ∂cost/∂h_t`, `p = dz_c·candidate_recᵀ`:
///
/// ```text
/// dz_c = s·g·f′(z_c)    dz_u = by_update·g·(c − h)·u·(1−u)    dz_r = p·h·r·(1−r)    ∂cost/∂h = (1−s)·g + p·r + …
/// ```
///
/// where `…` comes through the gates.
pub(super) struct GatedKernel {
    pub(super) renewal: fn(&Sweep) -> Renewal,
}

impl Fused for GatedKernel {
    fn arrays(&self, &Dimensions { units, inputs, .. }: &Dimensions) -> Vec<Array> {
        vec![
            Array { name: "gates_in", shape: (inputs, 2 * units) },
            Array { name: "gates_rec", shape: (units, 2 * units) },
            Array { name: "gates_bias", shape: (1, 2 * units) },
            Array { name: "candidate_in", shape: (inputs, units) },
            Array { name: "candidate_rec", shape: (units, units) },
            Array { name: "candidate_bias", shape: (1, units) },
        ]
    }

    fn blocks(&self) -> &'static [&'static [usize]] {
        &[&[1, 0, 2], &[3, 5], &[4]]
    }

    fn gates(&self, units: usize) -> usize {
        3 * units
    }

    fn first_recurrent_gate(&self, units: usize) -> usize {
        units
    }

    fn kept(&self, units: usize) -> usize {
        2 * units
    }

    fn stacks<'a>(
        &self,
        &Dimensions { units, .. }: &Dimensions,
        arrays: &[&'a [f32]],
        for_training: bool,
    ) -> Vec<Stack<'a>> {
        let mut stacks = vec![
            (2 * units, [1, 0, 2].map(|place| Block::rows(arrays[place], 2 * units)).to_vec()),
            (units, [3, 5].map(|place| Block::rows(arrays[place], units)).to_vec()),
            (units, vec![Block::rows(arrays[4], units)]),
        ];
        if for_training {
            stacks.push((units, vec![Block::transposed(arrays[4], units)]));
        }
        stacks
    }

    fn recurrent<'a>(&self, &Dimensions { units, .. }: &Dimensions, arrays: &[&'a [f32]]) -> Vec<Block<'a>> {
        vec![Block::transposed(arrays[1], 2 * units)]
    }

    fn forward(&self, step: Forward<'_>) {
        let Forward { level, sweep, units, inputs, trials, row, gates, gate_row, kept, kept_row, .. } = step;
        let (before, mut normals) = (step.before, step.normals);
        // Before the first step no unit is active: only inputs and bias count.
        let (inner, rates) = if step.is_first { (units..units + inputs + 1, 0) } else { (0..units + inputs + 1, units) };
        let left = &before[inner.start..];
        multiply_weights_but_zeros(&step.panels[0], inner, rates, trials, left, row, &mut gates[units..], gate_row);
        multiply_weights_but_zeros(&step.panels[1], 0..inputs + 1, 0, trials, &before[units..], row, gates, gate_row);
        let rows = gates.chunks_exact_mut(gate_row).zip(before.chunks_exact(row));
        for ((gates, before), kept) in rows.zip(kept.chunks_exact_mut(kept_row)) {
            sigmoid_in_place(level, &mut gates[units..3 * units]);
            let reset = gates[units..2 * units].iter().zip(&before[..units]);
            kept[..units].iter_mut().zip(reset).for_each(|(product, (reset, rate))| *product = reset * rate);
        }
        if !step.is_first {
            multiply_weights(&step.panels[2], 0..units, trials, kept, kept_row, gates, gate_row, 1.0);
        }
        let Renewal { least, by_update, noise } = (self.renewal)(sweep);
        let rows = gates.chunks_exact_mut(gate_row).zip(before.chunks_exact(row)).zip(kept.chunks_exact_mut(kept_row));
        for (trial, (((gates, before), kept), after)) in rows.zip(step.after.chunks_exact_mut(row)).enumerate() {
            let (candidate, rest) = gates.split_at_mut(units);
            let update = &rest[units..2 * units];
            let normals = if noise == 0.0 { normals.none() } else { normals.of(trial) };
            let (before, kept, after) = (&before[..units], &mut kept[units..2 * units], &mut after[..units]);
            renew(level, sweep.activation, candidate, update, normals, noise, [least, by_update], before, kept, after);
        }
    }

    fn remains(&self, _sweep: &Sweep) -> f32 {
        1.0
    }

    fn backward(&self, step: Backward<'_>) {
        let Backward { level, sweep, units, trials, gates, gate_row, gradient, before, row, kept, kept_row, .. } = step;
        let Renewal { least, by_update, .. } = (self.renewal)(sweep);
        let rows = gates.chunks_exact_mut(gate_row).zip(before.chunks_exact(row));
        let rows = rows.zip(gradient.chunks_exact_mut(units)).zip(kept.chunks_exact(kept_row));
        for (((gates, before), gradient), kept) in rows {
            let (candidate, rest) = gates.split_at_mut(units);
            let update = &mut rest[units..2 * units];
            through_renewal(level, candidate, update, [least, by_update], &before[..units], &kept[units..], gradient);
        }
        // The candidates are not wanted any more; their place takes the gradient by `r·h`.
        let by_product = &mut kept[units..];
        multiply_weights(&step.panels[3], 0..units, trials, gates, gate_row, by_product, kept_row, 0.0);
        let rows = gates.chunks_exact_mut(gate_row).zip(before.chunks_exact(row));
        let rows = rows.zip(gradient.chunks_exact_mut(units)).zip(kept.chunks_exact(kept_row));
        for (((gates, before), gradient), kept) in rows {
            through_reset(level, &mut gates[units..2 * units], &before[..units], &kept[units..2 * units], gradient);
        }
    }

    fn add_gradients(&self, of: &Accumulation<'_>, sums: &mut [Buffer], keep: f32) {
        let Accumulation { level, units, inputs, rows, row, gates, gate_row, kept, kept_row, .. } = *of;
        let sizes = (units + inputs + 1, of.count, 2 * units);
        multiply_transposed(level, sizes, rows, row, &gates[units..], gate_row, &mut sums[0], keep);
        let sizes = (inputs + 1, of.count, units);
        multiply_transposed(level, sizes, &rows[units..], row, gates, gate_row, &mut sums[1], keep);
        let sizes = (units, of.kept_count, units);
        multiply_transposed(level, sizes, kept, kept_row, gates, gate_row, &mut sums[2], keep);
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "rows of a kernel, passed as slices")]
fn renew_with<F: RateFunction, const FUSED: bool>(
    candidate: &mut [f32],
    update: &[f32],
    noise: &[f32],
    deviation: f32,
    [least, by_update]: [f32; 2],
    before: &[f32],
    kept: &mut [f32],
    after: &mut [f32],
) {
    let rows = candidate.iter_mut().zip(update).zip(noise).zip(before).zip(kept).zip(after);
    for (((((candidate, update), noise), before), kept), after) in rows {
        let (rate, slope) = F::rate_and_slope::<FUSED>(multiply_add::<FUSED>(deviation, *noise, *candidate));
        let share = multiply_add::<FUSED>(by_update, *update, least);
        *after = multiply_add::<FUSED>(share, rate - before, *before);
        *kept = rate;
        *candidate = slope;
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "rows of a kernel, passed as slices")]
fn renew_body<const FUSED: bool>(
    activation: Activation,
    candidate: &mut [f32],
    update: &[f32],
    noise: &[f32],
    deviation: f32,
    share: [f32; 2],
    before: &[f32],
    kept: &mut [f32],
    after: &mut [f32],
) {
    by_activation!(activation, F => {
        renew_with::<F, FUSED>(candidate, update, noise, deviation, share, before, kept, after)
    })
}
vectorised! {
    /// One trial's units, one step: pre-activations of candidates → candidates in `kept`, their slopes, and the rates.
    fn renew(
        activation: Activation,
        candidate: &mut [f32],
        update: &[f32],
        noise: &[f32],
        deviation: f32,
        share: [f32; 2],
        before: &[f32],
        kept: &mut [f32],
        after: &mut [f32],
    ) = renew_body
}

#[inline(always)]
fn through_renewal_body<const FUSED: bool>(
    candidate: &mut [f32],
    update: &mut [f32],
    [least, by_update]: [f32; 2],
    before: &[f32],
    kept: &[f32],
    gradient: &mut [f32],
) {
    let rows = candidate.iter_mut().zip(update).zip(before).zip(kept).zip(gradient);
    for ((((candidate, update), before), kept), gradient) in rows {
        let share = multiply_add::<FUSED>(by_update, *update, least);
        *candidate *= share * *gradient;
        *update = by_update * *gradient * (kept - before) * *update * (1.0 - *update);
        *gradient *= 1.0 - share;
    }
}
vectorised! {
    /// One trial's units, one step back: slopes of candidates and update gates → gradients by their pre-activations; in
    /// `gradient` stays what goes back past the candidates.
    fn through_renewal(
        candidate: &mut [f32],
        update: &mut [f32],
        share: [f32; 2],
        before: &[f32],
        kept: &[f32],
        gradient: &mut [f32],
    ) = through_renewal_body
}

#[inline(always)]
fn through_reset_body<const FUSED: bool>(
    reset: &mut [f32],
    before: &[f32],
    by_product: &[f32],
    gradient: &mut [f32],
) {
    for (((reset, before), by_product), gradient) in reset.iter_mut().zip(before).zip(by_product).zip(gradient) {
        *gradient = multiply_add::<FUSED>(*by_product, *reset, *gradient);
        *reset = by_product * before * *reset * (1.0 - *reset);
    }
}
vectorised! {
    /// Reset gates → gradients by their pre-activations; what goes back through `r·h` is added to `gradient`.
    fn through_reset(reset: &mut [f32], before: &[f32], by_product: &[f32], gradient: &mut [f32]) = through_reset_body
}
