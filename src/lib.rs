//! Train recurrent networks on working-memory tasks, and watch their units mature.
//!
//! Liu, Zhu, Constantinidis and Zhou (iScience 2021) trained recurrent networks on the tasks that monkeys did before
//! and after puberty, and found that the networks' units change with training much as prefrontal neurons do in
//! adolescence. This crate makes that result something that anyone can rerun, question and extend, in a Rust notebook
//! or from the command line, in minutes on a laptop.
//!
//! ```
//! use maturation::prelude::*;
//!
//! let run = Run::open("data/6tasks")?;                       // a run of the paper's model
//! let mature = run.stage(Rule::ODR, Stage::Mature)?;         // its checkpoints at which the task is mastered
//! let activity = mature.last().activity(Rule::ODR)?;         // rates: (time, trial, unit)
//! let units = selectivity(&activity, Epoch::Stim1)?;         // a table, one row a unit
//! figures::performance_growth(&run)?.save(std::env::temp_dir().join("growth.html"))?;
//! # assert_eq!(units.height(), 256);
//! # Ok::<(), maturation::Error>(())
//! ```
//!
//! # Overview
//!
//! Data flows one way, and each module knows only those before it:
//!
//! - [`tasks`]: rules, their timelines, batches of trials; [tasks of your own](tasks::Task);
//! - [`network`]: a network's parameters and cell, and the engines that run it over whole trials;
//! - [`training`]: training, evaluation, the run directory, stages of maturation;
//! - [`ensemble`]: many networks: a plan of runs, trained side by side;
//! - [`readout`] and [`activity`]: what the units of a checkpoint do;
//! - [`analysis`]: selectivity, PSTH, tuning, growth of performance and of activity, agreement of preferred locations,
//!   activity in a period, responses and distractors, principal and demixed components, the cross-temporal decoder,
//!   each a table; and the paper's claims held against a run;
//! - [`summary`]: what many runs show together, with intervals over runs;
//! - [`figures`]: each table as a picture;
//! - [`report`]: all figures of a run on one page, and each part of it by its name;
//! - [`notebook`]: how tables, runs, networks and activity show in a notebook.
//!
//! [`hyperparameters`] decide everything about a run, the seed included: the same seed gives the same bits on the same
//! machine, whatever the number of threads. [`statistics`], [`tables`] and [`numerics`] serve the others.
//!
//! # Cookbook
//!
//! Train a network of your own, and go on with it later:
//!
//! ```
//! use maturation::prelude::*;
//!
//! # let folder = std::env::temp_dir().join(format!("maturation-cookbook-{}", std::process::id()));
//! let small = Hyperparameters { n_rnn: 32, rule_trains: vec![Rule::GAP], ..Hyperparameters::paper() };
//! let run = Training::new(small.clone()).seed(1).quiet().max_trials(2560).train(&folder)?;
//! let run = Training::new(small).seed(1).quiet().max_trials(5120).train(run.path())?; // from where it stopped
//! println!("{}", run.log()?); // a table: a row for each evaluation and rule
//! # std::fs::remove_dir_all(&folder).ok();
//! # Ok::<(), maturation::Error>(())
//! ```
//!
//! Ask the units of a checkpoint something that no analysis asks, with ndarray, and draw the answer:
//!
//! ```
//! use maturation::prelude::*;
//!
//! let activity: Activity = Run::shipped()?.last()?.activity(Rule::ODR)?;
//! let mean: Vec<f64> = activity.rates.outer_iter().map(|step| f64::from(step.mean().unwrap_or(0.0))).collect();
//! let time: Vec<f64> = (0..mean.len()).map(|step| step as f64 * activity.dt).collect();
//! let table: DataFrame = df!["time_ms" => time, "rate" => mean]?;
//! let about = ChartAbout::of("time_ms", "rate").titled("Mean rate of all units");
//! figures::lines(&table, &about)?.save(std::env::temp_dir().join("mean.svg"))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Compare early and mature checkpoints:
//!
//! ```
//! use maturation::prelude::*;
//!
//! let run = Run::shipped()?;
//! for stage in [Stage::Early, Stage::Mature] {
//!     let checkpoint = run.stage(Rule::ODR, stage)?.last().clone();
//!     let units = Selectivity::of(&checkpoint.activity(Rule::ODR)?, Epoch::Delay1, &SelectivityOptions::default())?;
//!     println!("{stage}: {} units", units.units.iter().filter(|unit| unit.kind == Kind::Excited).count());
//! }
//! # Ok::<(), maturation::Error>(())
//! ```
//!
//! | to | look at |
//! | --- | --- |
//! | train a published variant | [`Preset`](hyperparameters::Preset), `maturation presets` |
//! | train a task of your own | [`Rule::define`](tasks::Rule::define), [`TaskDefinition`](tasks::TaskDefinition) |
//! | train in stages: rules one after the other, a delay that grows | [`CurriculumStage`](hyperparameters::CurriculumStage) |
//! | train a cell of your own, or add a term to the cost | [`RnnType::define`](network::RnnType::define), [`ExtraCost::define`](network::ExtraCost::define) |
//! | train many networks: seeds, sizes, any hyper-parameter | [`Sweep`](ensemble::Sweep), [`Plan`](ensemble::Plan), `maturation sweep` |
//! | run on a GPU | [`Device`](network::Device) |
//! | bring weights of another program | [`Run::import`](training::Run::import) |
//! | bring a run of the published program, as TensorFlow saved it | [`Run::import_published`](training::Run::import_published) |
//! | give a run to NumPy, PyTorch or MATLAB | [`export`], notebooks/PYTHON.md |
//! | analyse recorded neurons | [`Activity`](activity::Activity) |
//! | silence units | [`analysis::lesion`](analysis::lesion()) |
//! | make every figure of a run, or one part by its name | [`report::reproduce`], [`report::part`] |
//! | stop and ask why something failed | [`Error`] |
//!
//! # What is not supported
//!
//! - Networks of several recurrent layers, spiking units, and delays between units.
//! - GPUs other than NVIDIA's. macOS and Linux on ARM run the portable kernels or those for NEON.
//! - On Windows the library and the command build; the notebooks' kernel needs WSL.
//! - Reading NWB, MATLAB or Neo files: recordings come as tables (Parquet, CSV).
//!
//! # Where the paper's figures are
//!
//! <!-- figures of the paper -->
//!
//! | paper | | table | picture | verb | notebook |
//! | --- | --- | --- | --- | --- | --- |
//! | Fig. S7 | performance growth | [`analysis::performance_growth`](crate::analysis::performance_growth()) | [`figures::performance_growth`](crate::figures::performance_growth()) | `performance-growth` | 01-maturation |
//! | Fig. 4E–G | average activity over the trial | [`analysis::psth`](crate::analysis::psth()) | [`figures::psth`](crate::figures::psth()) | `psth` | 03-psth |
//! | Fig. 3B | a sample unit | [`analysis::SampleUnit`] | [`figures::sample_unit`](crate::figures::sample_unit()) | `sample-unit` | 02-sample-units |
//! | Fig. S3B | tuning curves | [`analysis::tuning`](crate::analysis::tuning()) | [`figures::tuning`](crate::figures::tuning()) | `tuning` | 04-tuning |
//! | Fig. S2B | growth of delay activity | [`analysis::epoch_growth`](crate::analysis::epoch_growth()) | [`figures::epoch_growth`](crate::figures::epoch_growth()) | `epoch-growth` | 05-growth |
//! | – | units of one stage followed through the others | [`analysis::psth`](crate::analysis::psth()) | [`figures::psth`](crate::figures::psth()) | `psth` | 03-psth |
//! | analysis of variance | activity in the second delay | [`analysis::period_activity`](crate::analysis::period_activity()) | [`figures::period_activity`](crate::figures::period_activity()) | `period-activity` | 07-period-and-agreement |
//! | direction agreement | agreement of preferred locations | [`analysis::agreement`](crate::analysis::agreement()) | [`figures::agreement`](crate::figures::agreement()) | `agreement` | 07-period-and-agreement |
//! | Fig. S5E | cross-temporal decoder | [`analysis::decoder`](crate::analysis::decoder()) | [`figures::decoder`](crate::figures::decoder()) | `decoder` | 09-decoder |
//! | Fig. 5E | demixed principal components | [`analysis::dpca`](crate::analysis::dpca()) | [`figures::dpca`](crate::figures::dpca()) | `dpca` | 10-dpca-and-pca |
//! | – | principal components | [`analysis::pca`](crate::analysis::pca()) | [`figures::pca`](crate::figures::pca()) | `pca` | 10-dpca-and-pca |
//! | distractor effect | distractors | [`analysis::distractor`](crate::analysis::distractor()) | [`figures::distractor`](crate::figures::distractor()) | `distractor` | 06-behaviour |
//! | saccade end points | where responses end | [`analysis::saccade`](crate::analysis::saccade()) | [`figures::saccade`](crate::figures::saccade()) | `saccade` | 06-behaviour |
//! | – | how many units are selective | [`analysis::unit_counts`](crate::analysis::unit_counts()) | [`figures::unit_counts`](crate::figures::unit_counts()) | `unit-counts` | 03-psth |
//!
//! <!-- end of the figures -->
//!
//! # For users of multitask, neurogym and PyTorch
//!
//! | there | here |
//! | --- | --- |
//! | `hp` dictionary, `hp.json` | [`Hyperparameters`](hyperparameters::Hyperparameters), the same keys as fields |
//! | `generate_trials(rule, hp, 'test')` | [`Trials::test`](tasks::Trials::test) |
//! | `trial.x`, `trial.y`, `trial.c_mask` | `inputs`, `targets`, `mask`, each (time, trial, channel) |
//! | `train(model_dir, hp, ...)` | [`Training::new(hp).train(path)`](training::Training) |
//! | `model.restore()`, `sess.run(model.h)` | [`Checkpoint::activity`](training::Checkpoint::activity) |
//! | `model_dir` with `model.ckpt.index` | [`Run::import_published`](training::Run::import_published) |
//! | `neuron_info_dict['exh_neurons']` | rows of [`selectivity`](analysis::selectivity) whose kind is `excited` |
//! | `h[:, trials, unit]` | `activity.rates.slice(ndarray::s![.., .., unit])` |
//!
//! # Features
//!
//! The default build is what a notebook needs, and trains on an NVIDIA GPU where there is one
//! ([`Device`](network::Device)). `cuda` adds, as a second opinion, dfdx's CUDA device (it needs the CUDA toolkit to
//! build); `cuda-check` only type-checks that path. `kernel` builds the Jupyter kernel, `maturation-kernel`, a program
//! of its own.
// No input of a user panics: what cannot happen says why where it stands.
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo,
        clippy::unimplemented
    )
)]
#![warn(missing_docs)]

pub mod activity;
pub mod analysis;
pub mod ensemble;
mod environment;
pub mod error;
pub mod export;
pub mod figures;
pub mod hyperparameters;
mod json;
pub mod network;
pub mod notebook;
pub mod numerics;
pub mod readout;
pub mod report;
mod seed;
pub mod statistics;
pub mod summary;
pub mod tables;
pub mod tasks;
pub mod training;

/// The tensor library that networks are defined in, for cells and cost terms of your own.
pub use dfdx;
pub use error::{Error, Result};
/// The crates whose types this one takes and gives, in its own versions: a notebook names them without a `:dep`.
pub use {ndarray, plotly, polars, rand, serde_json};

/// What a notebook needs: `use maturation::prelude::*;`.
///
/// Beside this crate's own names it has those of polars, ndarray, plotly, serde_json and rand that a cell uses most,
/// and these crates themselves, so that a cell needs no `:dep` to write `ndarray::s![…]` or
/// `plotly::common::Mode::Lines`.
///
/// ```
/// use maturation::prelude::*;
///
/// let activity: Activity = Run::open("data/6tasks")?.last()?.activity(Rule::ODR)?;
/// let units: DataFrame = selectivity(&activity, Epoch::Stim1)?;
/// let sharp: DataFrame = units.filter(&units.column("unbiased_p_value")?.f64()?.lt(1e-10))?;
/// assert!((1..=256).contains(&sharp.height()));
///
/// let delay = activity.epoch(Epoch::Delay1)?;
/// let of_a_unit: Array2<f32> = activity.rates.slice(ndarray::s![delay, .., 17]).to_owned(); // (time, trial)
/// let mean: Vec<f32> = of_a_unit.mean_axis(Axis(1)).unwrap_or_default().to_vec();
/// let mut plot = Plot::new();
/// plot.add_trace(Scatter::new((0..mean.len()).collect(), mean).mode(plotly::common::Mode::Lines));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub mod prelude {
    pub use ndarray::{Array1, Array2, Array3, Axis, array, s};
    pub use plotly::{Bar, BoxPlot, HeatMap, Histogram, Layout, Plot, Scatter};
    pub use polars::prelude::{
        AnyValue, BooleanChunked, ChunkAgg, ChunkCompareEq, ChunkCompareIneq, Column, DataFrame, DataFrameJoinOps,
        DataType, IntoColumn, JoinArgs, JoinType, NamedFrom, Series, SortMultipleOptions, df,
    };
    pub use rand::{RngExt, SeedableRng};
    pub use serde_json::json;

    pub use crate::activity::{
        Activity, BinTime, PseudoPopulation, RecordingOptions, RingOptions, SpikeOptions, TimeUnit,
    };
    pub use crate::analysis::{
        self, AverageOptions, Bootstrap, Decoder, DecoderOptions, Dpca, DpcaOptions, Grouping, Kind, Normalisation,
        Pca, PcaOptions, Permutations, Population, Psth, PsthOptions, SampleUnit, Scoring, Selectivity,
        SelectivityOptions, SelectivityTest, selectivity,
    };
    pub use crate::ensemble::{Distribution, Ensemble, Plan, PlannedRun, RunStatus, Sweep};
    pub use crate::error::{Error, Result};
    pub use crate::figures::{self, About, ChartAbout, Figure, ImageFormat};
    pub use crate::hyperparameters::{Activation, Hyperparameters, Loss, OptimizerKind, Preset, RecurrentInit};
    pub use crate::network::{CpuEngine, Device, Engine, Network, SweepNoise};
    pub use crate::notebook::{Show, ShowAll};
    pub use crate::readout::{Readout, ReadoutOptions};
    pub use crate::summary::{RunSummary, Summary, SummaryOptions};
    pub use crate::tables::{Rows, read_table, write_table};
    pub use crate::tasks::{Condition, Epoch, Mode, Rule, Ruleset, Trials};
    pub use crate::training::{
        AutomaticChoice, BackgroundTraining, Checkpoint, Checkpoints, Keep, Progress, Run, Selection, Stage, Staging,
        Training,
    };
    pub use crate::{ndarray, plotly, polars, rand, serde_json};
}
