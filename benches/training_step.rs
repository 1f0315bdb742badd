//! How fast a training step is, against what the machine's matrix product allows.
//!
//! ```sh
//! cargo bench --bench training_step                # all cores
//! cargo bench --bench training_step -- --threads 1
//! cargo bench --bench training_step -- --rule odr  # one rule
//! cargo bench --bench training_step -- --quick     # a second a rule, for a smoke test
//! ```
//!
//! For each of the six rules, 64 trials and 256 units: milliseconds of a training step (cost, gradients, Adam), of a
//! forward pass and of making the trials; floating-point operations a second; and the ratio of both to the rate of a
//! large square product, measured in turns with them; then a whole evaluation. Times are the shortest of many, since other work only adds to them.

use std::time::Instant;

use dfdx::optim::Optimizer;
use dfdx::tensor::Cpu;
use dfdx::tensor_ops::Backward;
use maturation::network::WeightCost;
use maturation::network::kernels::{Dimensions, matrix_product_rate};
use maturation::numerics::random::{Noise, RandomStream};
use maturation::prelude::*;
use maturation::training::{WeightOptimizer, evaluate};

/// The shortest time of one call, in seconds.
fn shortest(best: &mut f64, mut work: impl FnMut()) {
    let begin = Instant::now();
    work();
    *best = best.min(begin.elapsed().as_secs_f64());
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let after =
        |name: &str| arguments.iter().position(|argument| argument == name).map(|place| &arguments[place + 1..]);
    let threads = after("--threads").and_then(|rest| rest.first()?.parse().ok()).unwrap_or(cores);
    let only: Option<Rule> = after("--rule").and_then(|rest| rest.first()?.parse().ok());
    let rounds = if arguments.iter().any(|argument| argument == "--quick") { 1 } else { 6 };

    let hyperparameters = Hyperparameters::paper();
    let mut network = Network::new(&hyperparameters)?;
    let mut optimizer = WeightOptimizer::new(&hyperparameters, &network)
        .map_err(|problem| Error::Device { operation: "making the optimiser", problem: problem.to_string() })?;
    let mut workspace = Cpu::workspace(threads)?;
    let noise = SweepNoise::Gaussian { noise: Noise::new(0, 1), step: 0 };

    println!("{threads} threads, 64 trials, 256 units");
    println!("rule       steps   step ms  GFLOP/s  ratio   forward ms  GFLOP/s  ratio   trials ms   sgemm GFLOP/s");
    for rule in hyperparameters.rule_trains.iter().filter(|rule| only.is_none_or(|only| only == **rule)) {
        let make = || {
            let mut trials = Trials::random(&hyperparameters, *rule, 64, &mut RandomStream::new(0, 0))?;
            trials.add_input_noise(&hyperparameters, Noise::new(0, 2), 0);
            Ok::<Trials, Error>(trials)
        };
        let trials = make()?;
        let (steps, count, inputs) = trials.inputs.dim();
        let dimensions = Dimensions {
            units: hyperparameters.n_rnn,
            inputs,
            outputs: hyperparameters.n_output(),
            steps,
            trials: count,
        };
        let (mut rate, mut step, mut forward, mut making) = (0.0_f64, f64::MAX, f64::MAX, f64::MAX);
        for _ in 0..rounds {
            rate = rate.max(matrix_product_rate(threads, 0.3));
            for _ in 0..15 {
                shortest(&mut step, || {
                    let graded = Cpu::cost(&network, &trials, noise, &mut workspace).expect("the sizes fit");
                    optimizer.update(&mut network, &graded.cost.backward()).expect("the CPU has memory");
                });
                shortest(&mut forward, || {
                    Cpu::evaluate(&network, &trials, noise, &mut workspace).expect("the sizes fit");
                });
                shortest(&mut making, || drop(make()));
            }
        }
        let speed = |operations: f64, seconds: f64| (operations / seconds / 1e9, operations / seconds / rate);
        let (step_rate, step_ratio) = speed(dimensions.training_operations(), step);
        let (forward_rate, forward_ratio) = speed(dimensions.forward_operations(), forward);
        println!(
            "{rule:<10} {steps:5} {:9.2} {step_rate:8.1} {step_ratio:6.3} {:12.2} {forward_rate:8.1} {forward_ratio:6.3} \
             {:11.3} {:15.1}",
            1e3 * step,
            1e3 * forward,
            1e3 * making,
            rate / 1e9
        );
    }
    if only.is_none() {
        evaluation(&network, &mut workspace, threads, rounds)?;
    }
    Ok(())
}

/// A whole evaluation: six rules, 512 trials each, made, run and graded.
fn evaluation(
    network: &Network<Cpu>,
    workspace: &mut <Cpu as RecurrentSweep>::Workspace,
    threads: usize,
    rounds: usize,
) -> Result<()> {
    let hyperparameters = network.hyperparameters();
    let rules = &hyperparameters.rule_trains;
    let weight_cost = WeightCost::new(network.device(), hyperparameters)?;
    let mut operations = 0.0;
    for rule in rules {
        let dimensions = Dimensions {
            units: hyperparameters.n_rnn,
            inputs: hyperparameters.n_input(),
            outputs: hyperparameters.n_output(),
            steps: Trials::test(hyperparameters, *rule, Mode::Test)?.steps(),
            trials: hyperparameters.batch_size_test,
        };
        operations += dimensions.forward_operations();
    }
    let (mut rate, mut best) = (0.0_f64, f64::MAX);
    for _ in 0..rounds {
        rate = rate.max(matrix_product_rate(threads, 0.3));
        for _ in 0..3 {
            shortest(&mut best, || {
                evaluate(network, rules, 0, &weight_cost, workspace).expect("the sizes fit");
            });
        }
    }
    println!(
        "an evaluation of {} rules × {} trials: {:.1} ms, {:.2} × its arithmetic",
        rules.len(),
        hyperparameters.batch_size_test,
        1e3 * best,
        best * rate / operations
    );
    Ok(())
}
