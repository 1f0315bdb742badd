//! A run as arrays for other programs: NumPy, PyTorch, MATLAB.
//!
//! [`Run::export`] writes a folder, in which arrays are `.npz` or `.safetensors`:
//!
//! | file | array | axes, and what it is |
//! | --- | --- | --- |
//! | `hp.json` | | the hyper-parameters, and what follows from them (`alpha`) |
//! | `log` | trials_trained, seconds | (evaluation) |
//! | | rule | (rule), names |
//! | | cost, regularisation_cost, performance | (evaluation, rule) |
//! | `TRIALS/weights` | w_in, w_rec, b_rec, w_out, b_out for the paper's cell | (input, unit), (from unit, to unit), (unit), (unit, output), (output) |
//! | `TRIALS/RULE` | rates | (time, trial, unit), as [`Activity::rates`](crate::activity::Activity::rates) |
//! | | inputs | (time, trial, channel), what the network received |
//! | | time_ms | (time), the start of each step |
//! | | location | (trial), where the stimulus was, counted from 0 |
//! | | epoch, epoch_from, epoch_to | (epoch), names, and the time steps that they last, the second not included |
//! | `TRIALS/RULE_selectivity` | the columns of [`selectivity`](crate::analysis::selectivity()) | (row), a row for each epoch and unit, all epochs but fix1 |
//!
//! `TRIALS` are the trials trained before the checkpoint. The Python in notebooks/PYTHON.md reads them.

use std::path::Path;

use polars::frame::DataFrame;

use crate::analysis::{Selectivity, SelectivityOptions};
use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::WeightNames;
use crate::readout::{Readout, ReadoutOptions};
use crate::tables::{Array, ArrayFormat, Elements, columns_of, write_arrays};
use crate::tasks::{Epoch, Rule};
use crate::training::{
    Checkpoint, CheckpointProgress, Evaluation, Log, Run, Selection, check_free, write_hyperparameters,
};

/// What of a run is exported, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportOptions {
    /// What arrays are written as.
    pub format: ArrayFormat,
    /// What weights are called.
    pub names: WeightNames,
    /// Which checkpoints; [`Selection::Stage`] is about the first of the rules, or the first that was trained.
    pub checkpoints: Selection,
    /// The rules whose activity and selectivity are written; none by default, since activity is large.
    pub rules: Vec<Rule>,
    /// How activity is read out.
    pub readout: ReadoutOptions,
    /// How selectivity is tested.
    pub selectivity: SelectivityOptions,
}

impl Default for ExportOptions {
    fn default() -> Self {
        ExportOptions {
            format: ArrayFormat::default(),
            names: WeightNames::default(),
            checkpoints: Selection::All,
            rules: Vec::new(),
            readout: ReadoutOptions::default(),
            selectivity: SelectivityOptions::default(),
        }
    }
}

impl Run {
    /// Writes the run as arrays for other programs into a new folder ([what there is](crate::export)), and tells
    /// `listener` of each checkpoint.
    ///
    /// Each file is written whole or not at all, and `hp.json` last. Weights, imported again ([`Run::import`]), are the
    /// same to the last bit.
    ///
    /// ```
    /// use maturation::export::ExportOptions;
    /// use maturation::prelude::*;
    ///
    /// let folder = std::env::temp_dir().join(format!("maturation-doc-arrays-{}", std::process::id()));
    /// let options =
    ///     ExportOptions { checkpoints: Selection::Last, rules: vec![Rule::GAP], ..ExportOptions::default() };
    /// Run::open("data/6tasks")?.export(&folder, &options, |progress| println!("{progress}"))?;
    /// assert!(folder.join("572160/gap.npz").exists());
    /// # std::fs::remove_dir_all(folder).unwrap();
    /// # Ok::<(), maturation::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the folder holds anything already or cannot be written to, a checkpoint or rule is not there, or the weights
    /// of a cell of your own are to have published names.
    pub fn export(
        &self,
        folder: impl AsRef<Path>,
        options: &ExportOptions,
        mut listener: impl FnMut(&CheckpointProgress),
    ) -> Result<()> {
        let folder = folder.as_ref();
        let hyperparameters = self.hyperparameters();
        let rule = options.rules.iter().chain(&hyperparameters.rule_trains).next().copied();
        let chosen = self.visit(&options.checkpoints, rule.unwrap_or(Rule::ODR))?;
        let of = chosen.len();
        if let Some(unknown) = options.rules.iter().find(|rule| !hyperparameters.ruleset.rules().contains(rule)) {
            return Err(Error::unknown_name("rule in this network", unknown.name(), hyperparameters.ruleset.rules()));
        }
        check_free(folder, "Export into a new folder")?;
        let file = |name: String| folder.join(format!("{name}.{}", options.format));
        let mut readout = Readout::new(options.readout.clone())?;
        let selectivity = options.selectivity.of_run(self);
        for (place, visited) in chosen.enumerate() {
            let visited = visited?;
            let trials_trained = visited.trials_trained();
            let network = visited.checkpoint.network()?;
            let own = folder.join(trials_trained.to_string());
            std::fs::create_dir_all(&own).map_err(|source| Error::io("create", &own, source))?;
            network.export(file(format!("{trials_trained}/weights")), options.names)?;
            for rule in &options.rules {
                let (activity, units) = of_rule(&mut readout, &visited.checkpoint, *rule, &selectivity)?;
                write_arrays(&file(format!("{trials_trained}/{rule}")), &activity)?;
                write_arrays(&file(format!("{trials_trained}/{rule}_selectivity")), &units)?;
            }
            listener(&CheckpointProgress { done: place + 1, of, trials_trained });
        }
        write_arrays(&file("log".to_owned()), &log(self.evaluations(), hyperparameters))?;
        write_hyperparameters(&folder.join("hp.json"), hyperparameters)
    }
}

/// The arrays of the activity of a checkpoint on a rule, and those of its selectivity.
fn of_rule(
    readout: &mut Readout,
    checkpoint: &Checkpoint,
    rule: Rule,
    options: &SelectivityOptions,
) -> Result<(Vec<Array>, Vec<Array>)> {
    let activity = readout.activity(checkpoint, rule)?;
    let inputs = readout.trials(checkpoint, rule)?.inputs;
    let whole = |numbers: Vec<usize>| Elements::I64(numbers.into_iter().map(|number| number as i64).collect());
    let (steps, trials, units) = activity.rates.dim();
    let times = (0..steps).map(|step| activity.start_ms + step as f64 * activity.dt).collect();
    let (epochs, lasting): (Vec<Epoch>, Vec<_>) = activity.epochs.iter().cloned().unzip();
    let arrays = vec![
        Array::new("rates", [steps, trials, units], Elements::F32(activity.rates.iter().copied().collect())),
        Array::new("inputs", inputs.shape(), Elements::F32(inputs.iter().copied().collect())),
        Array::row("time_ms", Elements::F64(times)),
        Array::row("location", whole(activity.locations.clone())),
        Array::row("epoch", Elements::Names(epochs.iter().map(|epoch| epoch.name().to_owned()).collect())),
        Array::row("epoch_from", whole(lasting.iter().map(|steps| steps.start).collect())),
        Array::row("epoch_to", whole(lasting.iter().map(|steps| steps.end).collect())),
    ];
    let mut table: Option<DataFrame> = None;
    for epoch in epochs.into_iter().filter(|epoch| *epoch != Epoch::Fix1) {
        let of_epoch = Selectivity::of(&activity, epoch, options)?.table()?;
        table = Some(match table {
            Some(table) => table.vstack(&of_epoch).map_err(Error::table("putting tables below each other"))?,
            None => of_epoch,
        });
    }
    Ok((arrays, table.map_or_else(|| Ok(Vec::new()), |table| columns_of(&table))?))
}

/// The arrays of a log.
fn log(log: &Log, hyperparameters: &Hyperparameters) -> Vec<Array> {
    let rules = &hyperparameters.rule_trains;
    let shape = [log.entries.len(), rules.len()];
    let numbers = |value: fn(&Evaluation) -> f64| {
        Elements::F64(log.entries.iter().flat_map(|entry| entry.rules.iter().map(value)).collect())
    };
    let trials = log.entries.iter().map(|entry| entry.trials_trained as i64).collect();
    vec![
        Array::row("trials_trained", Elements::I64(trials)),
        Array::row("seconds", Elements::F64(log.entries.iter().map(|entry| entry.seconds).collect())),
        Array::row("rule", Elements::Names(rules.iter().map(|rule| rule.name().to_owned()).collect())),
        Array::new("cost", shape, numbers(|rule| rule.cost)),
        Array::new("regularisation_cost", shape, numbers(|rule| rule.regularisation_cost)),
        Array::new("performance", shape, numbers(|rule| rule.performance)),
    ]
}
