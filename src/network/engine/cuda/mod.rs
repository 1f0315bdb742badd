//! The crate's cells on a GPU of NVIDIA's, in every build: the driver and CUDA's run-time compiler are loaded when a
//! GPU is first asked for, and missed by nobody who does not.
//!
//! [`card`] is what the engine asks of a card, and `gpu` is that of NVIDIA; [`batch`] and [`trials`] bring batches
//! there or make them there; [`sweep`], [`gradients`] and [`training`] decide which kernels run on what. The kernels
//! are CUDA C++ in files beside these, a cell's own steps beside the cell. The tests compile them for the CPU as well,
//! where a stand-in runs them thread by thread.

mod batch;
mod card;
mod cell;
mod clusters;
mod compiler;
mod engine;
mod faults;
mod gpu;
mod gradients;
mod nvrtc;
mod program;
mod sweep;
mod training;
mod trials;
mod work;

pub(crate) use cell::{FromInputs, OnCuda, Product, Source};
pub(crate) use program::{Parts, Program};

use crate::error::Result;
use crate::network::Engine;
use engine::CardEngine;
use gpu::Gpu;

/// An engine on the GPU of this number; `threads` are the CPU's, for networks that cannot be on a GPU.
///
/// # Errors
/// If there is no such GPU, driver or compiler, or it is too old; the message says what to do.
pub(super) fn open(ordinal: usize, threads: usize) -> Result<Box<dyn Engine>> {
    // A driver from before the functions that are called is a panic where one of them is first looked for.
    let opened = std::panic::catch_unwind(|| Gpu::open(ordinal));
    let card = opened.unwrap_or_else(|_| Err(faults::old_driver(ordinal)))?;
    Ok(Box::new(CardEngine::new(card, threads)))
}

/// How many GPUs the driver knows.
///
/// # Errors
/// If there is no driver.
pub(super) fn count() -> Result<usize> {
    gpu::count(0)
}

#[cfg(test)]
mod stand_in;
#[cfg(test)]
mod tests;
