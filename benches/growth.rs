//! How the cost of a training step grows with units, trials and time steps.
//!
//! ```sh
//! cargo bench --bench growth                  # on one thread and on all cores
//! cargo bench --bench growth -- --quick       # the small sizes, for a smoke test
//! ```
//!
//! For each size: milliseconds of a forward and backward sweep, its floating-point operations a second as a share of
//! what a large matrix product reaches in turns with it, and the history that a thread keeps. At the end the peak memory
//! of the whole process, which by then has trained 1,024 units on trials of 775 steps (rule odr15000).

use std::time::Instant;

use maturation::hyperparameters::{Activation, Loss};
use maturation::network::kernels::{
    Batch, Dimensions, Sweep, WeightGradients, Weights, Workspace, matrix_product_rate,
};
use maturation::numerics::random::{Noise, RandomStream};
use maturation::prelude::*;

/// Units, trials, time steps.
const SIZES: [(usize, usize, usize); 17] = [
    (64, 64, 175),
    (128, 64, 175),
    (256, 64, 175),
    (512, 64, 175),
    (1024, 64, 175),
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
        let dimensions = Dimensions { units, inputs: 15, outputs: 9, steps, trials };
        let mut line = format!("{units:5}  {trials:6}  {steps:5}  {:10.1}", history(&dimensions) / 1e6);
        for threads in &threads {
            let (seconds, rate) = measure(dimensions, *threads, if quick { 0.3 } else { 3.0 })?;
            let ratio = dimensions.training_operations() / seconds / rate;
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
fn history(dimensions: &Dimensions) -> f64 {
    let Dimensions { units, inputs, outputs, steps, .. } = *dimensions;
    let row = (units + inputs + 1).next_multiple_of(16) + (units + outputs).next_multiple_of(16);
    (4 * 8 * (steps + 1) * row) as f64
}

/// The shortest time of a sweep and the best rate of a matrix product, measured in turns for about `seconds`.
fn measure(dimensions: Dimensions, threads: usize, seconds: f64) -> Result<(f64, f64)> {
    let Dimensions { units, inputs, outputs, steps, trials } = dimensions;
    let mut stream = RandomStream::new(1, 1);
    let mut normals = |count: usize, deviation: f64| -> Vec<f32> {
        (0..count).map(|_| (deviation * stream.standard_normal()) as f32).collect()
    };
    let (w_in, w_rec) = (normals(inputs * units, 0.3), normals(units * units, 0.5 / (units as f64).sqrt()));
    let (w_out, b_rec, b_out) = (normals(units * outputs, 0.1), vec![0.0; units], vec![0.0; outputs]);
    let weights = Weights { w_in: &w_in, w_rec: &w_rec, b_rec: &b_rec, w_out: &w_out, b_out: &b_out };
    let (given, targets) = (normals(steps * trials * inputs, 0.3), vec![0.05; steps * trials * outputs]);
    let mask = vec![1.0; targets.len()];
    let batch = Batch { inputs: &given, targets: &targets, mask: &mask };
    let sweep = Sweep {
        activation: Activation::Softplus,
        loss: Loss::LeastSquares,
        alpha: 0.2,
        noise_deviation: 0.15,
        noise: Noise::new(0, 1),
        noise_step: 0,
        l1_h: 0.0,
        l2_h: 0.0,
    };
    let mut workspace = Workspace::new(threads)?;
    let mut gradients = WeightGradients::default();
    let (mut best, mut rate) = (f64::MAX, 0.0_f64);
    let begin = Instant::now();
    while best == f64::MAX || begin.elapsed().as_secs_f64() < seconds {
        rate = rate.max(matrix_product_rate(threads, 0.1 * seconds));
        let round = Instant::now();
        while round.elapsed().as_secs_f64() < 0.2 * seconds {
            let step = Instant::now();
            workspace.gradients(dimensions, &weights, &batch, &sweep, &mut gradients)?;
            best = best.min(step.elapsed().as_secs_f64());
        }
    }
    Ok((best, rate))
}

/// The most memory that this process has had, in megabytes, where the system tells.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1e3)
}
