//! Long short-term memory (Hochreiter and Schmidhuber, 1997), as TensorFlow has it.

use dfdx::tensor_ops::{Device, TryAdd, TryMatMul, TryMul};

use crate::error::Result;
use crate::hyperparameters::{Activation, Hyperparameters};
use crate::network::cells::{BuiltIn, Cell, Kernel, RnnType, no_choice_of_recurrent};
use crate::network::definition::{Defined, Moment, Value, columns, with_bias};
use crate::network::engine::cpu::kernels::*;
use crate::network::engine::cuda::{OnCuda, Parts, Product, Program};
use crate::network::{Initial, ParameterSpec, Role};
use crate::numerics::dispatch::{multiply_add, vectorised};
use crate::numerics::mathematics::sigmoid;

/// Added to what the forget gates receive, so that a network forgets little before it has learnt.
const FORGET_BIAS: f32 = 1.0;

/// With gates `i`, `f`, `o` and candidates `j` from `[i j f o] = x·w_in + h·w_rec + b_rec`,
///
/// ```text
/// c ← sigmoid(f + 1)·c + sigmoid(i)·act(j)        h ← sigmoid(o)·act(c)
/// ```
///
/// without noise and without a time constant, as in the published system.
pub(super) struct Lstm;

impl RnnType {
    /// Long short-term memory.
    pub const LSTM: RnnType = RnnType("LSTM");
}

impl Cell for Lstm {
    fn name(&self) -> &'static str {
        RnnType::LSTM.name()
    }

    /// The rates, and the memory.
    fn states(&self) -> usize {
        2
    }

    /// Weights are uniform as Glorot has it for input and recurrent weights as one matrix, biases 0.
    fn parameters(&self, hyperparameters: &Hyperparameters) -> Vec<ParameterSpec> {
        let (inputs, units) = (hyperparameters.n_input(), hyperparameters.n_rnn);
        let initial = Initial::glorot(inputs + units, 4 * units);
        vec![
            ParameterSpec::new("w_in", Role::Input, (inputs, 4 * units), initial).part_of("kernel"),
            ParameterSpec::new("w_rec", Role::Recurrent, (units, 4 * units), initial).part_of("kernel"),
            ParameterSpec::bias("b_rec", 4 * units, 0.0),
        ]
    }

    fn check(&self, hyperparameters: &Hyperparameters) -> Result<()> {
        no_choice_of_recurrent(self, hyperparameters)
    }

    fn step<D: Device<f32>>(&self, now: &Moment<'_, D>) -> Defined<Vec<Value<D>>, D> {
        let units = now.hyperparameters().n_rnn;
        let (rates, memory) = (now.state(0)?, now.state(1)?);
        let recurrent = rates.try_matmul(now.parameter("w_rec")?)?;
        let z = now.input().try_matmul(now.parameter("w_in")?)?.try_add(recurrent)?;
        let z = with_bias(z, now.parameter("b_rec")?)?;
        let gate = |place: usize| columns(z.clone(), place * units..(place + 1) * units);
        let new = now.activate(gate(1)?)?.try_mul(gate(0)?.try_sigmoid()?)?;
        let forget = gate(2)?.try_add(FORGET_BIAS)?.try_sigmoid()?;
        let memory = memory.try_mul(forget)?.try_add(new)?;
        let rates = now.activate(memory.clone())?.try_mul(gate(3)?.try_sigmoid()?)?;
        Ok(vec![rates, memory])
    }
}

impl BuiltIn for Lstm {
    fn kernel(&self) -> Option<&'static dyn Kernel> {
        Some(&Lstm)
    }

    fn cuda(&self) -> Option<&'static dyn OnCuda> {
        Some(&Lstm)
    }

    fn published(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("w_in", "rnn/lstm_cell/kernel"),
            ("w_rec", "rnn/lstm_cell/kernel"),
            ("b_rec", "rnn/lstm_cell/bias"),
            ("w_out", "output/weights"),
            ("b_out", "output/biases"),
        ]
    }
}

impl Kernel for Lstm {
    fn fused(&self) -> &'static dyn Fused {
        &Lstm
    }
}

/// One product `[h | x | 1] · [w_rec; w_in; b_rec]` and one pass.
///
/// Going back, `dc` is the gradient by the memory after a step and `g` that by the rates. The pass leaves in the gates
/// what `dc` (for the output gate, `g`) is multiplied with; a step keeps the memory, `f`, and `o·act′(c)`:
///
/// ```text
/// dc ← dc + g·o·act′(c)          di = dc·j·i·(1−i)    dj = dc·i·act′(z_j)
/// df = dc·c_before·f·(1−f)       do = g·act(c)·o·(1−o)
/// dc ← dc·f
/// ```
impl Fused for Lstm {
    fn arrays(&self, &Dimensions { units, inputs, .. }: &Dimensions) -> Vec<Array> {
        vec![
            Array { name: "w_in", shape: (inputs, 4 * units) },
            Array { name: "w_rec", shape: (units, 4 * units) },
            Array { name: "b_rec", shape: (1, 4 * units) },
        ]
    }

    fn blocks(&self) -> &'static [&'static [usize]] {
        &[&[1, 0, 2]]
    }

    fn gates(&self, units: usize) -> usize {
        4 * units
    }

    fn kept(&self, units: usize) -> usize {
        3 * units
    }

    fn carried(&self, units: usize) -> usize {
        units
    }

    fn stacks<'a>(&self, &Dimensions { units, .. }: &Dimensions, arrays: &[&'a [f32]], _: bool) -> Vec<Stack<'a>> {
        vec![(4 * units, [1, 0, 2].map(|place| Block::rows(arrays[place], 4 * units)).to_vec())]
    }

    fn recurrent<'a>(&self, &Dimensions { units, .. }: &Dimensions, arrays: &[&'a [f32]]) -> Vec<Block<'a>> {
        vec![Block::transposed(arrays[1], 4 * units)]
    }

    fn forward(&self, step: Forward<'_>) {
        let Forward { level, sweep, units, inputs, trials, row, gate_row, kept_row, .. } = step;
        let (inner, rates) = if step.is_first { (units..units + inputs + 1, 0) } else { (0..units + inputs + 1, units) };
        let left = &step.before[inner.start..];
        multiply_weights_but_zeros(&step.panels[0], inner, rates, trials, left, row, step.gates, gate_row);
        let kept = step.kept_before.chunks_exact(kept_row).zip(step.kept.chunks_exact_mut(kept_row));
        let rows = step.gates.chunks_exact_mut(gate_row).zip(step.after.chunks_exact_mut(row));
        for ((gates, after), (memory, kept)) in rows.zip(kept) {
            let (gates, after) = (&mut gates[..4 * units], &mut after[..units]);
            remember(level, sweep.activation, gates, &memory[..units], &mut kept[..3 * units], after);
        }
    }

    fn remains(&self, _sweep: &Sweep) -> f32 {
        0.0
    }

    fn backward(&self, step: Backward<'_>) {
        let Backward { level, units, gate_row, kept_row, .. } = step;
        let kept = step.kept.chunks_exact(kept_row).zip(step.carried.chunks_exact_mut(units));
        let rows = step.gates.chunks_exact_mut(gate_row).zip(step.gradient.chunks_exact(units));
        for ((gates, gradient), (kept, carried)) in rows.zip(kept) {
            forget(level, &mut gates[..4 * units], gradient, &kept[units..3 * units], carried);
        }
    }

    fn add_gradients(&self, of: &Accumulation<'_>, sums: &mut [Buffer], keep: f32) {
        let sizes = (of.units + of.inputs + 1, of.count, 4 * of.units);
        multiply_transposed(of.level, sizes, of.rows, of.row, of.gates, of.gate_row, &mut sums[0], keep);
    }
}

/// The kernels of long short-term memory.
static PROGRAM: Program = Program { name: "lstm", parts: Parts::Cell(include_str!("lstm.cu")) };

impl OnCuda for Lstm {
    fn program(&self) -> &'static Program {
        &PROGRAM
    }

    fn gates(&self) -> usize {
        4
    }

    fn kept(&self) -> usize {
        3
    }

    fn is_noisy(&self) -> bool {
        false
    }

    fn products(&self, hyperparameters: &Hyperparameters) -> Vec<Product> {
        vec![Product::simple(hyperparameters, 0..4, ["w_in", "w_rec"], &["b_rec"])]
    }
}

#[inline(always)]
fn remember_with<F: RateFunction, const FUSED: bool>(
    gates: &mut [f32],
    memory: &[f32],
    kept: &mut [f32],
    after: &mut [f32],
) {
    let units = after.len();
    let (input, rest) = gates.split_at_mut(units);
    let (new, rest) = rest.split_at_mut(units);
    let (forget, output) = rest.split_at_mut(units);
    let (memory_after, rest) = kept.split_at_mut(units);
    let (kept_forget, through_output) = rest.split_at_mut(units);
    let gates = input.iter_mut().zip(new).zip(forget).zip(output);
    let kept = memory_after.iter_mut().zip(kept_forget).zip(through_output);
    for (((gates, kept), memory), after) in gates.zip(kept).zip(memory).zip(after) {
        let (((input, new), forget), output) = gates;
        let ((memory_after, kept_forget), through_output) = kept;
        let [i, f, o] = [*input, *forget + FORGET_BIAS, *output].map(sigmoid::<FUSED>);
        let (j, j_slope) = F::rate_and_slope::<FUSED>(*new);
        let c = multiply_add::<FUSED>(f, *memory, i * j);
        let (rate, rate_slope) = F::rate_and_slope::<FUSED>(c);
        *after = o * rate;
        (*memory_after, *kept_forget, *through_output) = (c, f, o * rate_slope);
        *input = j * i * (1.0 - i);
        *new = i * j_slope;
        *forget = memory * f * (1.0 - f);
        *output = rate * o * (1.0 - o);
    }
}

#[inline(always)]
fn remember_body<const FUSED: bool>(
    activation: Activation,
    gates: &mut [f32],
    memory: &[f32],
    kept: &mut [f32],
    after: &mut [f32],
) {
    by_activation!(activation, F => remember_with::<F, FUSED>(gates, memory, kept, after))
}
vectorised! {
    /// One trial's units, one step: pre-activations `gates` and the memory before → what is kept, and the rates.
    fn remember(activation: Activation, gates: &mut [f32], memory: &[f32], kept: &mut [f32], after: &mut [f32])
        = remember_body
}

#[inline(always)]
fn forget_body<const FUSED: bool>(gates: &mut [f32], gradient: &[f32], kept: &[f32], carried: &mut [f32]) {
    let units = carried.len();
    let (input, rest) = gates.split_at_mut(units);
    let (new, rest) = rest.split_at_mut(units);
    let (forget, output) = rest.split_at_mut(units);
    let (kept_forget, through_output) = kept.split_at(units);
    let gates = input.iter_mut().zip(new).zip(forget).zip(output);
    let kept = kept_forget.iter().zip(through_output);
    for (((gates, kept), gradient), carried) in gates.zip(kept).zip(gradient).zip(carried) {
        let (((input, new), forget), output) = gates;
        let by_memory = multiply_add::<FUSED>(*gradient, *kept.1, *carried);
        *input *= by_memory;
        *new *= by_memory;
        *forget *= by_memory;
        *output *= gradient;
        *carried = by_memory * kept.0;
    }
}
vectorised! {
    /// One trial's units, one step back: what `remember` left in `gates` → gradients by pre-activations.
    fn forget(gates: &mut [f32], gradient: &[f32], kept: &[f32], carried: &mut [f32]) = forget_body
}
