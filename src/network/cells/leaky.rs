//! Leaky rates, the cell of the paper's model (STAR Methods).

use dfdx::tensor_ops::{Device, TryAdd, TryMatMul, TryMul};

use crate::hyperparameters::Hyperparameters;
use crate::network::cells::{BuiltIn, Cell, Kernel, RnnType};
use crate::network::definition::{Defined, Moment, Value, with_bias};
use crate::network::engine::cpu::kernels::*;
use crate::network::engine::cuda::{OnCuda, Parts, Product, Program};
use crate::network::{Initial, ParameterSpec, Role};

/// `h ← (1−alpha)·h + alpha·f(x·w_in + h·w_rec + b_rec + noise)`.
pub(crate) struct Leaky;

impl RnnType {
    /// Rates with a leak.
    pub const LEAKY_RNN: RnnType = RnnType("LeakyRNN");
}

impl Cell for Leaky {
    fn name(&self) -> &'static str {
        RnnType::LEAKY_RNN.name()
    }

    /// Input weights are Gaussian with variance 1/I, recurrent ones as `w_rec_init` says, biases 0.
    fn parameters(&self, hyperparameters: &Hyperparameters) -> Vec<ParameterSpec> {
        let (inputs, units) = (hyperparameters.n_input(), hyperparameters.n_rnn);
        let from_inputs = Initial::Gaussian(1.0 / (inputs as f64).sqrt());
        vec![
            ParameterSpec::new("w_in", Role::Input, (inputs, units), from_inputs).part_of("kernel"),
            ParameterSpec::new("w_rec", Role::Recurrent, (units, units), Initial::Recurrent).part_of("kernel"),
            ParameterSpec::bias("b_rec", units, 0.0),
        ]
    }

    fn step<D: Device<f32>>(&self, now: &Moment<'_, D>) -> Defined<Vec<Value<D>>, D> {
        let rates = now.state(0)?;
        let recurrent = rates.clone().try_matmul(now.parameter("w_rec")?)?;
        let drive = now.input().try_matmul(now.parameter("w_in")?)?.try_add(recurrent)?;
        let z = now.noisy(with_bias(drive, now.parameter("b_rec")?)?)?;
        let renewed = now.activate(z)?.try_mul(now.alpha())?;
        Ok(vec![rates.try_mul(1.0 - now.alpha())?.try_add(renewed)?])
    }
}

impl BuiltIn for Leaky {
    fn kernel(&self) -> Option<&'static dyn Kernel> {
        Some(&Leaky)
    }

    fn cuda(&self) -> Option<&'static dyn OnCuda> {
        Some(&Leaky)
    }

    fn published(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("w_in", "rnn/leaky_rnn_cell/kernel"),
            ("w_rec", "rnn/leaky_rnn_cell/kernel"),
            ("b_rec", "rnn/leaky_rnn_cell/bias"),
            ("w_out", "output/weights"),
            ("b_out", "output/biases"),
        ]
    }
}

impl Kernel for Leaky {
    fn fused(&self) -> &'static dyn Fused {
        &Leaky
    }
}

/// One product `[h | x | 1] · [w_rec; w_in; b_rec]` and one pass, which leaves the slopes `f′(z)` in the gates.
impl Fused for Leaky {
    fn arrays(&self, &Dimensions { units, inputs, .. }: &Dimensions) -> Vec<Array> {
        vec![
            Array { name: "w_in", shape: (inputs, units) },
            Array { name: "w_rec", shape: (units, units) },
            Array { name: "b_rec", shape: (1, units) },
        ]
    }

    fn blocks(&self) -> &'static [&'static [usize]] {
        &[&[1, 0, 2]]
    }

    fn gates(&self, units: usize) -> usize {
        units
    }

    fn stacks<'a>(&self, &Dimensions { units, .. }: &Dimensions, arrays: &[&'a [f32]], _: bool) -> Vec<Stack<'a>> {
        vec![(units, [1, 0, 2].map(|place| Block::rows(arrays[place], units)).to_vec())]
    }

    fn recurrent<'a>(&self, &Dimensions { units, .. }: &Dimensions, arrays: &[&'a [f32]]) -> Vec<Block<'a>> {
        vec![Block::transposed(arrays[1], units)]
    }

    fn forward(&self, step: Forward<'_>) {
        let Forward { level, sweep, units, inputs, trials, row, gate_row, mut normals, .. } = step;
        // Before the first step no unit is active: only inputs and bias count.
        let (inner, rates) = if step.is_first { (units..units + inputs + 1, 0) } else { (0..units + inputs + 1, units) };
        let left = &step.before[inner.start..];
        multiply_weights_but_zeros(&step.panels[0], inner, rates, trials, left, row, step.gates, gate_row);
        let activate = if step.with_slopes { activate } else { activate_only };
        let rows = step.gates.chunks_exact_mut(gate_row).zip(step.before.chunks_exact(row));
        for (trial, ((gates, before), after)) in rows.zip(step.after.chunks_exact_mut(row)).enumerate() {
            let (gates, before, after) = (&mut gates[..units], &before[..units], &mut after[..units]);
            let (deviation, normals) = (sweep.noise_deviation, normals.of(trial));
            activate(level, sweep.activation, gates, normals, deviation, sweep.alpha, before, after);
        }
    }

    fn remains(&self, sweep: &Sweep) -> f32 {
        1.0 - sweep.alpha
    }

    fn backward(&self, step: Backward<'_>) {
        let Backward { level, sweep, units, gates, gate_row, gradient, .. } = step;
        for (slopes, gradient) in gates.chunks_exact_mut(gate_row).zip(gradient.chunks_exact(units)) {
            through_activation(level, &mut slopes[..units], gradient, sweep.alpha);
        }
    }

    fn add_gradients(&self, of: &Accumulation<'_>, sums: &mut [Buffer], keep: f32) {
        let sizes = (of.units + of.inputs + 1, of.count, of.units);
        multiply_transposed(of.level, sizes, of.rows, of.row, of.gates, of.gate_row, &mut sums[0], keep);
    }
}

/// The kernels of leaky rates.
static PROGRAM: Program = Program { name: "leaky", parts: Parts::Cell(include_str!("leaky.cu")) };

/// The kernels with weights in registers, of which a thread has up to 64.
static IN_REGISTERS: [Program; 3] = [
    in_registers("leaky_up_to_128_units", 128, 1),
    in_registers("leaky_up_to_256_units", 256, 2),
    in_registers("leaky_up_to_512_units", 512, 8),
];

const fn in_registers(name: &'static str, units: usize, blocks: usize) -> Program {
    Program { name, parts: Parts::Clusters { units, blocks, kernels: include_str!("leaky_clusters.cu") } }
}

impl OnCuda for Leaky {
    fn program(&self) -> &'static Program {
        &PROGRAM
    }

    fn in_registers(&self) -> &'static [Program] {
        &IN_REGISTERS
    }

    fn gates(&self) -> usize {
        1
    }

    fn numbers(&self, hyperparameters: &Hyperparameters) -> [f32; 2] {
        [hyperparameters.alpha() as f32, 0.0]
    }

    fn is_noisy(&self) -> bool {
        true
    }

    fn products(&self, hyperparameters: &Hyperparameters) -> Vec<Product> {
        vec![Product::simple(hyperparameters, 0..1, ["w_in", "w_rec"], &["b_rec"])]
    }
}
