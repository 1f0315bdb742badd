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
mod work;

pub use options::SlurmOptions;
pub use states::states;
pub use submission::{show, submit};
pub use work::Work;
