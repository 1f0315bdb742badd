//! `maturation gradients`: the cost of a checkpoint, and its gradients.

use std::path::PathBuf;

use clap::Args;
use maturation::prelude::*;
use maturation::readout::ReadoutOptions;

use crate::common::output::say;
use crate::common::readout::open;
use crate::common::source::CheckpointArguments;

/// The cost of a checkpoint on the test trials of a rule, without noise, and its gradients by the weights.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation gradients runs/paper --rule odr --out gradients.safetensors")]
pub struct Arguments {
    #[command(flatten)]
    pub source: CheckpointArguments,
    /// Where to compute: cpu, cuda:N (a GPU of NVIDIA's, counted from 0), or auto.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: Device,
    /// Write the gradients to FILE (.safetensors).
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Writes the gradients, and says the cost.
pub fn run(arguments: Arguments) -> Result<()> {
    let (checkpoint, rule) = (arguments.source.open()?, arguments.source.rule);
    let options = ReadoutOptions { device: arguments.device, ..ReadoutOptions::default() };
    let cost = open(options)?.gradients(&checkpoint, rule, &arguments.out)?;
    say(format!("cost {cost}"));
    Ok(())
}
