//! Vectorised mathematics and counter-based random numbers: the numeric ground that tasks and networks stand on.
//!
//! Loops here are written so that the compiler vectorises them, and are compiled once for each instruction level of
//! the processor family (`Level`); which one runs is decided at run time, so that one binary is fast everywhere.

pub(crate) mod dispatch;
pub(crate) mod exponential;
mod fnv;
pub(crate) mod mathematics;
mod normals;
mod philox;
pub mod random;

pub(crate) use dispatch::Level;
pub use fnv::fnv;
