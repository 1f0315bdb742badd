//! How fast a GPU is: a training step for each cell and size, an evaluation, and networks side by side.
//!
//! ```sh
//! bash benches/gpu.sh                              # this, the tests, and the same step in other frameworks
//! cargo bench --bench gpu                          # this alone
//! cargo bench --bench gpu -- --device cpu --quick  # without a GPU, to see that it works
//! ```
//!
//! A step is that of `odr`, 64 trials: trials made of what was drawn of them, noise, cost, gradients, Adam. Times are
//! medians of rounds of many steps that nobody waits for but at the end, as in training; beside them stands what the
//! step takes with trials that were made on the processor and are copied.

use std::time::Instant;

use maturation::hyperparameters::RnnType;
use maturation::network::Learner;
use maturation::numerics::random::{Noise, RandomStream};
use maturation::prelude::*;
use maturation::tasks::DrawnTrials;
use maturation::training::evaluate;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().skip_while(|argument| *argument != name).nth(1);
    let device: Device = after("--device").map_or("cuda:0", String::as_str).parse()?;
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let (rounds, steps) = if quick { (1, 2) } else { (5, 100) };
    println!("{}", device.engine(0)?.description());
    println!("\n| a training step of odr, 64 trials | units | ms | with trials copied |\n| --- | ---: | ---: | ---: |");
    let paper = Hyperparameters::paper();
    let sizes: &[usize] = if quick { &[64] } else { &[64, 128, 256, 512, 1024] };
    for n_rnn in sizes {
        row(&Hyperparameters { n_rnn: *n_rnn, ..paper.clone() }, device, rounds, steps)?;
    }
    if !quick {
        for rnn_type in [RnnType::LEAKY_GRU, RnnType::GRU, RnnType::LSTM] {
            row(&Hyperparameters { rnn_type, ..paper.clone() }, device, rounds, steps)?;
        }
    }

    println!("\n| networks side by side, 256 units, the six rules in turn | ms a network's step |\n| --- | ---: |");
    for count in if quick { &[2][..] } else { &[1, 2, 4, 8, 16] } {
        println!("| {count} | {:.3} |", side_by_side(&paper, device, *count, 3 * steps)?);
    }

    let (mut engine, mut times) = (device.engine(0)?, Vec::new());
    let learner = Learner::new(Network::new(&paper)?)?;
    for _ in 0..rounds {
        let begin = Instant::now();
        evaluate(learner.network(), &paper.rule_trains, 0, learner.weight_cost(), &mut *engine)?;
        times.push(begin.elapsed().as_secs_f64());
    }
    println!("\nan evaluation of 6 rules × 512 trials, made, run and graded: {:.1} ms", 1e3 * median(times));
    Ok(())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn batch(hyperparameters: &Hyperparameters, rule: Rule) -> Result<DrawnTrials> {
    let trials = DrawnTrials::random(hyperparameters, rule, 64, &mut RandomStream::new(0, 0))?;
    Ok(trials.with_input_noise(hyperparameters.input_noise(), Noise::new(0, 2), 0))
}

/// A line of the table.
fn row(hyperparameters: &Hyperparameters, device: Device, rounds: usize, steps: u32) -> Result<()> {
    let mut engine = device.engine(0)?;
    let mut learner = Learner::new(Network::new(hyperparameters)?)?;
    let drawn = batch(hyperparameters, Rule::ODR)?;
    let made = drawn.make()?;
    let mut round = |steps: u32, copied: bool| {
        let begin = Instant::now();
        for step in 0..steps {
            let noise = SweepNoise::Gaussian { noise: Noise::new(0, 1), step };
            match copied {
                true => engine.train(&mut learner, &made, noise)?,
                false => engine.train_drawn(&mut learner, &drawn, noise)?,
            };
        }
        engine.settle(&mut learner)?;
        Ok::<f64, Error>(begin.elapsed().as_secs_f64() / f64::from(steps))
    };
    let mut times = |copied: bool| {
        // The first steps compile the kernels.
        round(2, copied)?;
        (0..rounds).map(|_| round(steps, copied)).collect::<Result<Vec<_>>>()
    };
    let [of_drawn, of_copied] = [median(times(false)?), median(times(true)?)].map(|seconds| 1e3 * seconds);
    println!("| {} | {} | {of_drawn:.3} | {of_copied:.3} |", hyperparameters.rnn_type, hyperparameters.n_rnn);
    Ok(())
}

/// Milliseconds of a network's step when so many train at once, each in a thread of its own.
fn side_by_side(hyperparameters: &Hyperparameters, device: Device, count: usize, count_of_steps: u32) -> Result<f64> {
    let batches = hyperparameters.rule_trains.iter().map(|rule| batch(hyperparameters, *rule));
    let batches = batches.collect::<Result<Vec<_>>>()?;
    let ready = std::sync::Barrier::new(count);
    let train = || {
        // One thread each where there is no GPU.
        let mut engine = device.engine(1)?;
        let mut learner = Learner::new(Network::new(hyperparameters)?)?;
        let mut steps = |wanted: u32| {
            for step in 0..wanted {
                let trials = &batches[step as usize % batches.len()];
                engine.train_drawn(&mut learner, trials, SweepNoise::Gaussian { noise: Noise::new(0, 1), step })?;
            }
            engine.settle(&mut learner)
        };
        let warmed = steps(2);
        ready.wait();
        let begin = Instant::now();
        warmed.and_then(|_| steps(count_of_steps))?;
        Ok::<f64, Error>(begin.elapsed().as_secs_f64())
    };
    let times = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(train)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a step does not panic")).collect::<Result<Vec<_>>>()
    })?;
    let longest = times.into_iter().fold(0.0, f64::max);
    Ok(1e3 * longest / (count as f64 * f64::from(count_of_steps)))
}
