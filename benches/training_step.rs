//! How fast a training step is, against what the machine's matrix product allows.
//!
//! ```sh
//! cargo bench --bench training_step                # all cores
//! cargo bench --bench training_step -- --threads 1
//! cargo bench --bench training_step -- --rule odr  # one rule
//! cargo bench --bench training_step -- --cell GRU  # one cell
//! cargo bench --bench training_step -- --cell none # the evaluation alone
//! cargo bench --bench training_step -- --quick     # a second a rule
//! cargo bench --bench training_step -- --at-least 0.3 # fails where a ratio is lower
//! ```
//!
//! For each cell and, of the paper's, each of the six rules, 64 trials and 256 units: milliseconds of a training step
//! (cost, gradients, Adam), of a forward pass and of making the trials; floating-point operations a second; and the
//! ratio of both to the rate of a large square product, measured in turns with them; then a whole evaluation. Times are
//! the shortest of many, since other work only adds to them. A cell that has lost its vectors comes to a
//! ratio of 0.2.

use std::time::Instant;

use maturation::hyperparameters::RnnType;
use maturation::network::Learner;
use maturation::network::engine::matrix_product_rate;
use maturation::numerics::random::{Noise, RandomStream};
use maturation::prelude::*;
use maturation::training::evaluate;

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
    let cell = after("--cell").and_then(|rest| rest.first());
    let unread = || Error::argument("`--at-least` is not followed by a number", "give a ratio, such as 0.3");
    let least = match after("--at-least") {
        Some(rest) => rest.first().and_then(|number| number.parse().ok()).ok_or_else(unread)?,
        None => 0.0,
    };
    let only: Option<Rule> = after("--rule").and_then(|rest| rest.first()?.parse().ok());
    let rounds = if arguments.iter().any(|argument| argument == "--quick") { 1 } else { 6 };

    let mut engine = CpuEngine::new(threads)?;
    println!("{threads} threads, 64 trials, 256 units");
    println!(
        "cell       rule       steps   step ms  GFLOP/s  ratio   forward ms  GFLOP/s  ratio   trials ms   sgemm GFLOP/s"
    );
    let paper = Hyperparameters::paper();
    let cells = RnnType::all().into_iter().map(|rnn_type| Hyperparameters { rnn_type, ..paper.clone() });
    let separate = Hyperparameters { use_separate_input: true, ..paper.clone() };
    for (place, hyperparameters) in cells.chain([separate]).enumerate() {
        let name = match hyperparameters.use_separate_input {
            true => "separate".to_owned(),
            false => hyperparameters.rnn_type.to_string(),
        };
        if cell.is_some_and(|cell| *cell != name) {
            continue;
        }
        // The paper's cell on each of its rules, the others on one.
        let all = place == 0 || only.is_some();
        for rule in paper.rule_trains.iter().filter(|rule| only.is_none_or(|only| only == **rule)) {
            if all || *rule == Rule::ODR {
                let ratio = of_cell(&name, &hyperparameters, *rule, &mut engine, threads, rounds)?;
                if ratio < least {
                    let what =
                        format!("{name} on {rule} comes to {ratio:.3} of the rate of a matrix product, not {least}");
                    return Err(Error::argument(what, "look with `perf` what its passes call (CONTRIBUTING.md)"));
                }
            }
        }
    }
    if only.is_none() && cell.is_none_or(|cell| cell == "none") {
        evaluation(&paper, &mut engine, threads, rounds)?;
    }
    Ok(())
}

/// A line of the table, and the lower of its two ratios.
fn of_cell(
    name: &str,
    hyperparameters: &Hyperparameters,
    rule: Rule,
    engine: &mut CpuEngine,
    threads: usize,
    rounds: usize,
) -> Result<f64> {
    let mut learner = Learner::new(Network::new(hyperparameters)?)?;
    let noise = SweepNoise::Gaussian { noise: Noise::new(0, 1), step: 0 };
    let make = || {
        let mut trials = Trials::random(hyperparameters, rule, 64, &mut RandomStream::new(0, 0))?;
        trials.add_input_noise(hyperparameters.input_noise(), Noise::new(0, 2), 0);
        Ok::<Trials, Error>(trials)
    };
    let trials = make()?;
    let (steps, count, _) = trials.inputs.dim();
    let [forward_operations, operations] = learner.network().operations(steps, count);
    let (mut rate, mut step, mut forward, mut making) = (0.0_f64, f64::MAX, f64::MAX, f64::MAX);
    for _ in 0..rounds {
        rate = rate.max(matrix_product_rate(threads, 0.3));
        for _ in 0..15 {
            shortest(&mut step, || {
                engine.train(&mut learner, &trials, noise).expect("the sizes fit");
            });
            shortest(&mut forward, || {
                engine.evaluate(learner.network(), &trials, noise).expect("the sizes fit");
            });
            shortest(&mut making, || drop(make()));
        }
    }
    let speed = |operations: f64, seconds: f64| (operations / seconds / 1e9, operations / seconds / rate);
    let (step_rate, step_ratio) = speed(operations, step);
    let (forward_rate, forward_ratio) = speed(forward_operations, forward);
    println!(
        "{name:<10} {rule:<10} {steps:5} {:9.2} {step_rate:8.1} {step_ratio:6.3} {:12.2} {forward_rate:8.1} \
         {forward_ratio:6.3} {:11.3} {:15.1}",
        1e3 * step,
        1e3 * forward,
        1e3 * making,
        rate / 1e9
    );
    Ok(step_ratio.min(forward_ratio))
}

/// A whole evaluation: six rules, 512 trials each, made, run and graded.
fn evaluation(hyperparameters: &Hyperparameters, engine: &mut CpuEngine, threads: usize, rounds: usize) -> Result<()> {
    let learner = Learner::new(Network::new(hyperparameters)?)?;
    let (network, rules) = (learner.network(), &hyperparameters.rule_trains);
    let mut operations = 0.0;
    for rule in rules {
        let steps = Trials::test(hyperparameters, *rule, Mode::Test)?.steps();
        operations += network.operations(steps, hyperparameters.batch_size_test)[0];
    }
    let batches = rules
        .iter()
        .map(|rule| {
            let count = hyperparameters.batch_size_test;
            let mut trials = Trials::random(hyperparameters, *rule, count, &mut RandomStream::new(0, 0))?;
            trials.add_input_noise(hyperparameters.input_noise(), Noise::new(0, 2), 0);
            Ok(trials)
        })
        .collect::<Result<Vec<Trials>>>()?;
    let noise = SweepNoise::Gaussian { noise: Noise::new(0, 1), step: 0 };
    let (mut rate, mut best, mut network_alone) = (0.0_f64, f64::MAX, f64::MAX);
    for _ in 0..rounds {
        rate = rate.max(matrix_product_rate(threads, 0.3));
        for _ in 0..3 {
            shortest(&mut best, || {
                evaluate(network, rules, 0, learner.weight_cost(), engine).expect("the sizes fit");
            });
            shortest(&mut network_alone, || {
                for trials in &batches {
                    engine.grade(network, trials, noise).expect("the sizes fit");
                }
            });
        }
    }
    println!(
        "an evaluation of {} rules × {} trials: {:.1} ms, {:.2} × its arithmetic; the network alone {:.1} ms, {:.2} ×",
        rules.len(),
        hyperparameters.batch_size_test,
        1e3 * best,
        best * rate / operations,
        1e3 * network_alone,
        network_alone * rate / operations
    );
    Ok(())
}
