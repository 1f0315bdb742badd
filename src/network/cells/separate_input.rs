//! Leaky rates whose stimuli and rules come in by weights of their own.

use dfdx::tensor_ops::{Device, TryAdd, TryMatMul, TryMul};

use crate::hyperparameters::Hyperparameters;
use crate::network::cells::leaky::Leaky;
use crate::network::cells::{BuiltIn, Cell, Kernel, RnnType};
use crate::network::definition::{Defined, Moment, Value, columns, with_bias};
use crate::network::engine::cpu::kernels::Fused;
use crate::network::engine::cuda::{FromInputs, OnCuda, Product, Program, Source};
use crate::network::{Initial, Network, ParameterSpec, Role, Values};

/// `h ← (1−alpha)·h + alpha·f(s·sensory_in + sensory_bias + r·rule_mix·rule_in + h·w_rec + b_rec + noise)`, with the
/// fixation and stimulus channels `s` and the rule channels `r`; without `mix_rule` there is no `rule_mix`.
pub(super) struct LeakySeparateInput;

impl Cell for LeakySeparateInput {
    fn name(&self) -> &'static str {
        RnnType::LEAKY_RNN.name()
    }

    /// Input weights are uniform as Glorot has it, the mix of rules is a random rotation, recurrent weights are as
    /// `w_rec_init` says, biases 0.
    fn parameters(&self, hyperparameters: &Hyperparameters) -> Vec<ParameterSpec> {
        let (sensory, units) = (hyperparameters.rule_start(), hyperparameters.n_rnn);
        let rules = hyperparameters.n_input() - sensory;
        let input = |name, rows| ParameterSpec::new(name, Role::Input, (rows, units), Initial::glorot(rows, units));
        let bias = ParameterSpec::bias("sensory_bias", units, 0.0).part_of("sensory_in");
        let mut parameters =
            vec![input("sensory_in", sensory), bias, input("rule_in", rules)];
        if hyperparameters.mix_rule {
            parameters.push(ParameterSpec::new("rule_mix", Role::Fixed, (rules, rules), Initial::Orthogonal));
        }
        parameters.push(ParameterSpec::new("w_rec", Role::Recurrent, (units, units), Initial::Recurrent));
        parameters.push(ParameterSpec::bias("b_rec", units, 0.0));
        parameters
    }

    fn step<D: Device<f32>>(&self, now: &Moment<'_, D>) -> Defined<Vec<Value<D>>, D> {
        let sensory = now.hyperparameters().rule_start();
        let stimuli = columns(now.input(), 0..sensory)?.try_matmul(now.parameter("sensory_in")?)?;
        let mut rules = columns(now.input(), sensory..now.hyperparameters().n_input())?;
        if now.hyperparameters().mix_rule {
            rules = rules.try_matmul(now.parameter("rule_mix")?)?;
        }
        let rules = rules.try_matmul(now.parameter("rule_in")?)?;
        let rates = now.state(0)?;
        let recurrent = rates.clone().try_matmul(now.parameter("w_rec")?)?;
        let drive = with_bias(stimuli, now.parameter("sensory_bias")?)?.try_add(rules)?.try_add(recurrent)?;
        let z = now.noisy(with_bias(drive, now.parameter("b_rec")?)?)?;
        let renewed = now.activate(z)?.try_mul(now.alpha())?;
        Ok(vec![rates.try_mul(1.0 - now.alpha())?.try_add(renewed)?])
    }
}

impl BuiltIn for LeakySeparateInput {
    const SEPARATE_INPUT: bool = true;

    fn kernel(&self) -> Option<&'static dyn Kernel> {
        Some(&LeakySeparateInput)
    }

    fn cuda(&self) -> Option<&'static dyn OnCuda> {
        Some(&LeakySeparateInput)
    }

    fn published(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("sensory_in", "sen_input/kernel"),
            ("sensory_bias", "sen_input/bias"),
            ("rule_mix", "mix_rule/kernel"),
            ("rule_in", "rule_input/kernel"),
            ("w_rec", "rnn/leaky_rnn_cell_separate_input/kernel"),
            ("b_rec", "rnn/leaky_rnn_cell_separate_input/bias"),
            ("w_out", "output/kernel"),
            ("b_out", "output/bias"),
        ]
    }
}

/// For the kernels it is the leaky cell, with input weights `[sensory_in; rule_mix·rule_in]` and the bias
/// `sensory_bias + b_rec`.
impl Kernel for LeakySeparateInput {
    fn fused(&self) -> &'static dyn Fused {
        &Leaky
    }

    fn weights(&self, network: &Network) -> Values {
        let Parts { sensory_in, sensory_bias, rule_in, rule_mix, w_rec, b_rec, w_out, b_out } = Parts::of(network);
        let rules = match rule_mix {
            Some(mix) => product(&mix, &rule_in, network.hyperparameters().n_rnn),
            None => rule_in,
        };
        let bias = sensory_bias.iter().zip(&b_rec).map(|(sensory, recurrent)| sensory + recurrent).collect();
        vec![[sensory_in, rules].concat(), w_rec, bias, w_out, b_out]
    }

    fn gradients(&self, network: &Network, by_weights: Values) -> Values {
        let parts = Parts::of(network);
        let mut by_weights = by_weights.into_iter();
        let mut next = || by_weights.next().unwrap_or_default();
        let (mut sensory_in, w_rec, bias, w_out, b_out) = (next(), next(), next(), next(), next());
        let by_mixed = sensory_in.split_off(parts.sensory_in.len());
        let rules = parts.rule_in.len() / network.hyperparameters().n_rnn;
        let rule_in = match &parts.rule_mix {
            Some(mix) => {
                let transposed: Vec<f32> =
                    (0..rules * rules).map(|place| mix[place % rules * rules + place / rules]).collect();
                product(&transposed, &by_mixed, network.hyperparameters().n_rnn)
            }
            None => by_mixed,
        };
        let mut all = vec![sensory_in, bias.clone(), rule_in];
        if parts.rule_mix.is_some() {
            all.push(Vec::new());
        }
        all.extend([w_rec, bias, w_out, b_out]);
        all
    }
}

/// The leaky cell with input weights in two parts, the second of them behind the mix.
impl OnCuda for LeakySeparateInput {
    fn program(&self) -> &'static Program {
        OnCuda::program(&Leaky)
    }

    fn in_registers(&self) -> &'static [Program] {
        Leaky.in_registers()
    }

    fn gates(&self) -> usize {
        OnCuda::gates(&Leaky)
    }

    fn numbers(&self, hyperparameters: &Hyperparameters) -> [f32; 2] {
        OnCuda::numbers(&Leaky, hyperparameters)
    }

    fn is_noisy(&self) -> bool {
        OnCuda::is_noisy(&Leaky)
    }

    fn products(&self, hyperparameters: &Hyperparameters) -> Vec<Product> {
        let (sensory, channels) = (hyperparameters.rule_start(), hyperparameters.n_input());
        let mixed_by = hyperparameters.mix_rule.then_some("rule_mix");
        let inputs = vec![
            FromInputs { weights: "sensory_in", channels: 0..sensory, mixed_by: None },
            FromInputs { weights: "rule_in", channels: sensory..channels, mixed_by },
        ];
        let biases = &["sensory_bias", "b_rec"];
        vec![Product { columns: 0..1, inputs, biases, recurrent: "w_rec", from: Source::Rates }]
    }
}

/// The parameters by name.
struct Parts {
    sensory_in: Vec<f32>,
    sensory_bias: Vec<f32>,
    rule_in: Vec<f32>,
    rule_mix: Option<Vec<f32>>,
    w_rec: Vec<f32>,
    b_rec: Vec<f32>,
    w_out: Vec<f32>,
    b_out: Vec<f32>,
}

impl Parts {
    fn of(network: &Network) -> Self {
        let get = |name| network.parameters().get(name).map(|parameter| parameter.values()).ok();
        let known = |name| get(name).unwrap_or_default();
        Parts {
            sensory_in: known("sensory_in"),
            sensory_bias: known("sensory_bias"),
            rule_in: known("rule_in"),
            rule_mix: get("rule_mix"),
            w_rec: known("w_rec"),
            b_rec: known("b_rec"),
            w_out: known("w_out"),
            b_out: known("b_out"),
        }
    }
}

/// The product of a square matrix with one of `columns` columns, both row by row.
fn product(square: &[f32], right: &[f32], columns: usize) -> Vec<f32> {
    let size = right.len() / columns;
    let mut out = vec![0.0; right.len()];
    for (row, out) in square.chunks_exact(size).zip(out.chunks_exact_mut(columns)) {
        for (factor, right) in row.iter().zip(right.chunks_exact(columns)) {
            out.iter_mut().zip(right).for_each(|(sum, value)| *sum += factor * value);
        }
    }
    out
}
