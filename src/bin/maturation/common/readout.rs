//! How a checkpoint is read out.

use clap::Args;
use maturation::prelude::*;
use maturation::readout::{Readout, ReadoutOptions};

#[derive(Clone, Debug, Args)]
pub struct ReadoutArguments {
    /// Which trials: test (16 at each of 8 locations), test-S-D (odrd: stimulus and distractor location), random.
    #[arg(long, value_name = "MODE", default_value = "test")]
    pub mode: Mode,
    /// Leave the recurrent noise out: the repeats of a trial are then identical.
    #[arg(long)]
    pub no_noise: bool,
    /// Add the input noise, which the published analyses leave out.
    #[arg(long)]
    pub input_noise: bool,
    /// The seed of the noise [default: that of the run].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Give every checkpoint the same noise, for paired comparisons.
    #[arg(long)]
    pub same_noise: bool,
    /// Where to compute: cpu, cuda:N (a GPU of NVIDIA's, counted from 0), or auto.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: Device,
}

/// Opens a readout; where the device was left open, says which it is.
pub fn open(options: ReadoutOptions) -> Result<Readout> {
    let is_open = options.device == Device::Best;
    let readout = Readout::new(options)?;
    if is_open {
        // Standard output is for the table.
        eprintln!("computed on {}", readout.computes_on());
    }
    Ok(readout)
}

impl From<ReadoutArguments> for ReadoutOptions {
    fn from(arguments: ReadoutArguments) -> Self {
        ReadoutOptions {
            mode: arguments.mode,
            input_noise: arguments.input_noise,
            recurrent_noise: !arguments.no_noise,
            seed: arguments.seed,
            same_noise: arguments.same_noise,
            threads: 0,
            device: arguments.device,
        }
    }
}
