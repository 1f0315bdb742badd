//! What the engine asks of a card: memory, copies, and kernels that run one after the other.

use std::fmt::Debug;

use crate::error::Result;
use crate::network::engine::cuda::program::Program;

/// An argument of a kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Argument {
    /// A place in the card's memory; 0 where a kernel may go without.
    Address(u64),
    Int(i32),
    Word(u32),
    Float(f32),
}

/// A kernel to be run.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    /// The program that has it.
    pub(crate) program: &'static Program,
    /// Its name there.
    pub(crate) kernel: &'static str,
    /// Blocks along the three axes of the grid.
    pub(crate) blocks: [u32; 3],
    /// Threads of a block.
    pub(crate) threads: u32,
    /// Its arguments, in order.
    pub(crate) arguments: &'a [Argument],
}

/// A card, or what stands in for one. Everything happens in the order in which it is asked for; only
/// [`Card::download`] waits for it.
pub(crate) trait Card: Debug {
    /// Numbers in the card's memory, which are free again when it is dropped.
    type Memory: Debug;

    /// What it is, for logs.
    fn name(&self) -> String;

    /// Whether blocks in clusters reach into each other's memory.
    fn has_clusters(&self) -> bool;

    /// How many blocks it runs at the same time without any having to wait, roughly.
    fn processors(&self) -> usize;

    /// Memory for so many numbers, which can be anything at first.
    fn allocate(&self, count: usize) -> Result<Self::Memory>;

    /// Where memory begins.
    fn address(&self, memory: &Self::Memory) -> u64;

    /// Copies numbers to the card, from place `first` of the memory on.
    fn upload(&self, memory: &mut Self::Memory, first: usize, values: &[f32]) -> Result<()>;

    /// Waits for all that was asked for, and copies numbers back.
    fn download(&self, memory: &Self::Memory, first: usize, into: &mut [f32]) -> Result<()>;

    /// Runs a kernel.
    fn launch(&mut self, launch: &Launch<'_>) -> Result<()>;
}
