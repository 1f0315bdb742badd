//! An ensemble on a cluster, by Slurm: its runs as tasks of job arrays, and what Slurm says of them.
//!
//! The library knows nothing of it: a task is `maturation sweep OUT --index …`, which anything can run.

mod arrays;
mod jobs;
mod options;
mod scripts;
mod slurm;
mod states;
mod submission;

pub use options::SlurmOptions;
pub use states::{SlurmStates, states};
pub use submission::{Work, show, submit};
