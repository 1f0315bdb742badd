//! How the cost of a training step grows with units, trials and time steps.
//!
//! ```sh
//! cargo bench --bench growth                  # on one thread and on all cores
//! cargo bench --bench growth -- --quick       # the small sizes, for a smoke test
//! ```
//!
//! For each size: milliseconds of a forward and backward sweep, its floating-point operations a second as a share of
//! what a large matrix product reaches in turns with it, and the history that a thread keeps. At the end the peak
//! memory of the whole process, which by then has trained 1,024 units on trials of 775 steps (rule odr15000).

use std::time::Instant;

use maturation::network::engine::matrix_product_rate;
use maturation::numerics::random::{Noise, RandomStream};
use maturation::prelude::*;
use maturation::tasks::Timeline;
use ndarray::Array3;

/// Units, trials, time steps.
const SIZES: [(usize, usize, usize); 18] = [
    (64, 64, 175),
    (128, 64, 175),
    (256, 64, 175),
    (512, 64, 175),
    (1024, 64, 175),
    (256, 8, 175),
    (256, 16, 175),
    (256, 128, 175),
    (256, 512, 175),
    (256, 64, 80),
    (256, 64, 325),
    (256, 64, 775),
    (64, 16, 80),
    (64, 512, 775),
    (128, 16, 80),
    (128, 512, 775),
    (1024, 16, 80),
    (1024, 64, 775),
];

fn main() -> Result<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let threads: Vec<usize> = if cores == 1 { vec![1] } else { vec![1, cores] };
    println!(
        "units  trials  steps  history MB  {}",
        threads.iter().map(|threads| format!("{threads:>2} threads: ms  ratio")).collect::<Vec<_>>().join("  ")
    );
    for (units, trials, steps) in SIZES {
        if quick && units * units * trials * steps > 1_000_000_000 {
            continue;
        }
        let mut line = format!("{units:5}  {trials:6}  {steps:5}  {:10.1}", history(units, steps) / 1e6);
        for threads in &threads {
            let (seconds, ratio) = measure((units, trials, steps), *threads, if quick { 0.3 } else { 3.0 })?;
            line += &format!("  {:14.2}  {ratio:5.3}", 1e3 * seconds);
        }
        println!("{line}");
    }
    if let Some(peak) = peak_memory() {
        println!("peak memory of the process: {peak:.0} MB");
    }
    Ok(())
}

/// Bytes that a thread keeps of a shard of eight trials until it has gone back through them: for every step and trial a
/// row of rates and inputs, and one of slopes and output gradients.
fn history(units: usize, steps: usize) -> f64 {
    let (inputs, outputs) = (Hyperparameters::paper().n_input(), Hyperparameters::paper().n_output());
    let row = (units + inputs + 1).next_multiple_of(16) + (units + outputs).next_multiple_of(16);
    (4 * 8 * (steps + 1) * row) as f64
}

/// The shortest time of a sweep, and its share of the best rate of a matrix product, measured in turns for about
/// `seconds`.
fn measure((units, trials, steps): (usize, usize, usize), threads: usize, seconds: f64) -> Result<(f64, f64)> {
    let network = Network::new(&Hyperparameters { n_rnn: units, ..Hyperparameters::paper() })?;
    let hyperparameters = network.hyperparameters();
    let mut stream = RandomStream::new(1, 1);
    let given = Array3::from_shape_simple_fn((steps, trials, hyperparameters.n_input()), || {
        (0.3 * stream.standard_normal()) as f32
    });
    // Trials of no rule: only their sizes matter.
    let batch = Trials {
        timeline: Timeline { end: steps, ..Timeline::of(Rule::ODR, hyperparameters.dt) },
        inputs: given,
        targets: Array3::from_elem((steps, trials, hyperparameters.n_output()), 0.05),
        mask: Array3::ones((steps, trials, hyperparameters.n_output())),
        ..Trials::random(hyperparameters, Rule::ODR, trials, &mut stream)?
    };
    let noise = SweepNoise::Gaussian { noise: Noise::new(0, 1), step: 0 };
    let mut engine = CpuEngine::new(threads)?;
    let (mut best, mut rate) = (f64::MAX, 0.0_f64);
    let begin = Instant::now();
    while best == f64::MAX || begin.elapsed().as_secs_f64() < seconds {
        rate = rate.max(matrix_product_rate(threads, 0.1 * seconds));
        let round = Instant::now();
        while round.elapsed().as_secs_f64() < 0.2 * seconds {
            let step = Instant::now();
            engine.gradients(&network, &batch, noise)?;
            best = best.min(step.elapsed().as_secs_f64());
        }
    }
    Ok((best, network.operations(steps, trials)[1] / best / rate))
}

/// The most memory that this process has had, in megabytes, where the system tells.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1e3)
}
