//! `maturation export`: a run as arrays for NumPy, PyTorch and MATLAB.

use std::path::PathBuf;

use clap::Args;
use maturation::export::ExportOptions;
use maturation::network::WeightNames;
use maturation::prelude::*;
use maturation::tables::ArrayFormat;

use crate::common::output::{say, watched};
use crate::common::readout::ReadoutArguments;

/// Export a run as arrays for NumPy, PyTorch and MATLAB: weights, log, and of rules the activity and selectivity.
///
/// The folder gets hp.json, log, TRIALS/weights, and for each rule TRIALS/RULE (rates, inputs, time_ms, location,
/// epoch) and TRIALS/RULE_selectivity, the columns of `maturation selectivity`. notebooks/PYTHON.md names every array
/// and its axes, and reads them in Python. MATLAB's own format is not written; SciPy makes a .mat of a file in one
/// line: scipy.io.savemat("odr.mat", dict(numpy.load("odr.npz"))).
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation export runs/paper arrays --checkpoints last --rules gap")]
pub struct Arguments {
    /// The run directory.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The folder to make.
    #[arg(value_name = "FOLDER")]
    pub to: PathBuf,
    /// What arrays are written as: npz (numpy.load) or safetensors.
    #[arg(long, value_name = "FORMAT", default_value = "npz")]
    pub format: ArrayFormat,
    /// What weights are called: own (w_in, w_rec, …) or published (rnn/leaky_rnn_cell/kernel, …), as the published
    /// program's variables.
    #[arg(long, value_name = "NAMES", default_value = "own")]
    pub names: WeightNames,
    /// The checkpoints: N,N,… (trials trained), A..B, last or all.
    #[arg(long, alias = "trials", value_name = "CHECKPOINTS", default_value = "all")]
    pub checkpoints: Selection,
    /// The rules whose activity and selectivity to export, for example odr,gap; without it, none.
    #[arg(long, alias = "rule", value_name = "RULE,…", value_delimiter = ',')]
    pub rules: Vec<Rule>,
    #[command(flatten)]
    pub readout: ReadoutArguments,
}

/// Writes the folder.
pub fn run(arguments: Arguments) -> Result<()> {
    let run = Run::open(&arguments.run)?;
    let options = ExportOptions {
        format: arguments.format,
        names: arguments.names,
        checkpoints: arguments.checkpoints,
        rules: arguments.rules,
        readout: arguments.readout.into(),
        ..ExportOptions::default()
    };
    let mut exported = 0;
    let mut watched = watched();
    run.export(&arguments.to, &options, |progress| {
        exported = progress.done;
        watched(progress);
    })?;
    let s = if exported == 1 { "" } else { "s" };
    say(format!("{}: {exported} checkpoint{s} as .{}", arguments.to.display(), options.format));
    Ok(())
}
