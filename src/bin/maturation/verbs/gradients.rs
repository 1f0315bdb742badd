//! `maturation gradients`: the cost of a checkpoint, and its gradients.

use std::path::PathBuf;

use clap::Args;
use maturation::prelude::*;
use maturation::readout::ReadoutOptions;
use maturation::training::Selection;

use crate::common::output::say;
use crate::common::readout::open;
use crate::common::source::one;

/// The cost of a checkpoint on the test trials of a rule, without noise, and its gradients by the weights.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation gradients runs/paper --rule odr --out gradients.safetensors")]
pub struct Arguments {
    /// The run directory.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The checkpoint: the trials trained, or last.
    #[arg(long, alias = "trials", value_name = "N", default_value = "last")]
    pub checkpoints: Selection,
    /// The rule.
    #[arg(long, value_name = "RULE")]
    pub rule: Rule,
    /// Where to compute: cpu, cuda:N (a GPU of NVIDIA's, counted from 0), or auto.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: Device,
    /// Write the gradients to FILE (.safetensors).
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Writes the gradients, and says the cost.
pub fn run(arguments: Arguments) -> Result<()> {
    let run = Run::open(&arguments.run)?;
    let checkpoint = one(&run, &arguments.checkpoints, arguments.rule)?;
    let options = ReadoutOptions { device: arguments.device, ..ReadoutOptions::default() };
    let cost = open(options)?.gradients(&checkpoint, arguments.rule, &arguments.out)?;
    say(format!("cost {cost}"));
    Ok(())
}
