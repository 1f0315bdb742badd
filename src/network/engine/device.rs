//! What networks are computed on.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::network::engine::{CpuEngine, Engine, cuda};

/// What networks are computed on: the processor, or a GPU of NVIDIA's.
///
/// Every build has both; a GPU needs NVIDIA's driver and CUDA's run-time compiler (NVRTC), which are looked for when
/// one is asked for. Results agree to float precision, and a training run may change its device from session to
/// session.
///
/// ```
/// use maturation::prelude::*;
///
/// assert_eq!("cuda:1".parse::<Device>()?, Device::Cuda(1));
/// let mut engine = Device::Best.engine(0)?; // a GPU if there is one that can be used, and otherwise the processor
/// println!("{}", engine.description());
/// let network = Network::new(&Hyperparameters { n_rnn: 16, ..Hyperparameters::paper() })?;
/// let trials = Trials::test(network.hyperparameters(), Rule::GAP, Mode::Test)?;
/// let rates = engine.run(&network, &trials.inputs, SweepNoise::None)?.hidden;
/// assert_eq!(rates.dim(), (85, 128, 16)); // (time, trial, unit)
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// The GPU of this number, counted from 0.
    Cuda(usize),
    /// The first GPU that can be used; the processor where there is none.
    Best,
}

impl Device {
    /// An engine on this device; `threads` are the processor's, 0 for one a core.
    ///
    /// # Errors
    /// If the GPU that is asked for cannot be used: the message says why, and what to do. [`Device::Best`] never fails
    /// for want of a GPU; [`Engine::description`] says what was taken, and why it was no GPU.
    pub fn engine(self, threads: usize) -> Result<Box<dyn Engine>> {
        match self {
            Device::Cpu => Ok(Box::new(CpuEngine::new(threads)?)),
            Device::Cuda(ordinal) => cuda::open(ordinal, threads),
            Device::Best => best(threads),
        }
    }
}

/// The first GPU that can be used, or the processor.
fn best(threads: usize) -> Result<Box<dyn Engine>> {
    let mut reason = None;
    // Without a driver, the first one says so.
    for ordinal in 0..cuda::count().unwrap_or(0).max(1) {
        match cuda::open(ordinal, threads) {
            Ok(engine) => return Ok(engine),
            Err(problem) => _ = reason.get_or_insert(problem),
        }
    }
    let engine = CpuEngine::new(threads)?;
    Ok(Box::new(match reason {
        Some(problem) => engine.in_place_of_a_gpu(&problem),
        None => engine,
    }))
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cpu => f.pad("cpu"),
            Device::Cuda(ordinal) => f.pad(&format!("cuda:{ordinal}")),
            Device::Best => f.pad("auto"),
        }
    }
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "cpu" => Ok(Device::Cpu),
            "auto" => Ok(Device::Best),
            _ => {
                let ordinal = name.strip_prefix("cuda:").and_then(|number| number.parse().ok());
                let choices = ["cpu", "cuda:N with N counted from 0", "auto"];
                ordinal.map(Device::Cuda).ok_or_else(|| Error::unknown_name("device", name, choices))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_read_as_it_is_written() {
        for device in [Device::Cpu, Device::Cuda(0), Device::Cuda(11), Device::Best] {
            assert_eq!(device.to_string().parse::<Device>().unwrap(), device);
        }
        for wrong in ["gpu", "cuda", "cuda:", "cuda:-1", "cuda:x"] {
            let message = wrong.parse::<Device>().unwrap_err().to_string();
            assert!(message.contains("cuda:N") && message.contains("auto"), "{message}");
        }
    }

    /// Where a machine has no GPU, asking for one is an error with a remedy, and asking for the best is not.
    #[test]
    fn a_gpu_that_is_not_there_is_told_and_the_best_device_does_without() {
        let best = Device::Best.engine(1).unwrap().description();
        match Device::Cuda(99).engine(1) {
            Err(problem) => assert!(problem.to_string().contains("Device::Cpu"), "{problem}"),
            Ok(engine) => panic!("{}", engine.description()),
        }
        if let Err(problem) = Device::Cuda(0).engine(1) {
            assert!(problem.to_string().contains("or compute on the CPU"), "{problem}");
            assert!(best.starts_with("CPU, 1 thread") && best.contains("no GPU"), "{best}");
        } else {
            assert!(best.starts_with("cuda:0"), "{best}");
        }
    }
}
