//! Many networks: a plan of runs, trained side by side into one folder.
//!
//! ```
//! use maturation::prelude::*;
//!
//! let rules = vec![Rule::GAP];
//! let small = Hyperparameters { n_rnn: 8, batch_size_test: 16, rule_trains: rules, ..Hyperparameters::paper() };
//! let plan = Plan::new(small).seeds(0..2).grid("learning_rate", ["0.001", "0.002"]).max_trials(640);
//!
//! # let folder = std::env::temp_dir().join(format!("maturation-doc-ensemble-{}", std::process::id()));
//! let ensemble: Ensemble = Sweep::new(plan).quiet().train(&folder)?; // as many networks at once as processor cores
//! assert_eq!(ensemble.runs()[3].name, "learning_rate-0.002.seed-1");
//! let run: Run = ensemble.run("learning_rate-0.002.seed-1")?; // a run like any other
//! assert_eq!(run.last()?.trials_trained(), 640);
//! println!("{}", ensemble.table()?); // what became of each
//! # std::fs::remove_dir_all(folder).unwrap();
//! # Ok::<(), maturation::Error>(())
//! ```

mod board;
mod draw;
mod estimate;
mod folder;
mod keys;
mod plan;
mod plan_file;
mod planned;
mod status;
mod sweep;

pub use board::SweepProgress;
pub use draw::Distribution;
pub use estimate::Estimate;
pub use folder::Ensemble;
pub(crate) use keys::key_columns;
pub use plan::Plan;
pub use planned::PlannedRun;
pub use status::{Counts, RunStatus};
pub use sweep::{NETWORKS_ON_A_GPU, Sweep};
