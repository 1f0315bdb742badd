//! How far from the target responses end.

use std::collections::BTreeMap;

use polars::prelude::*;

use crate::analysis::stages::Span;
use crate::analysis::survey::{Asked, Batches, Need, Survey};
use crate::error::{Error, Result};
use crate::readout::ReadoutOptions;
use crate::tasks::{Rule, Timeline};
use crate::training::{Answer, Run, Selection, Stage};

/// Bins of a distribution of response distances, from 0° to 180°.
pub(super) const BINS: usize = 30;
/// Width of a bin in degrees.
const BIN_WIDTH: f64 = 180.0 / BINS as f64;

/// How many trials end how far from their target, in bins of 6° from 0° to 180°.
///
/// The distance is that of the population vector of the response ring from the required response, at the trial's last
/// time step. A network that still fixates there has made no response, though its outputs have a direction: such trials
/// are counted apart. Both together are what the published system counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SaccadeHistogram {
    /// Responding trials in each bin.
    pub responding: [u64; BINS],
    /// Trials in each bin that still fixate.
    pub fixating: [u64; BINS],
    /// Sum of the distances of the responding trials, degrees.
    sum: f64,
}

impl SaccadeHistogram {
    /// Adds a trial; one that asks to keep fixating has no distance and is left out.
    pub fn add(&mut self, answer: &Answer) {
        let Some(distance) = answer.distance.map(f64::to_degrees) else { return };
        let bin = ((distance / BIN_WIDTH) as usize).min(BINS - 1);
        if answer.fixating() {
            self.fixating[bin] += 1;
        } else {
            self.responding[bin] += 1;
            self.sum += distance;
        }
    }

    /// Mean distance of the responding trials, degrees; none if no trial responds.
    pub fn mean(&self) -> Option<f64> {
        let count: u64 = self.responding.iter().sum();
        (count > 0).then(|| self.sum / count as f64)
    }

    /// The histogram as columns, one row a bin: from_degrees, to_degrees, trials, fixating and share.
    pub(super) fn rows(&self) -> impl Iterator<Item = SaccadeRow> {
        let all: u64 = self.responding.iter().sum();
        (0..BINS).map(move |bin| SaccadeRow {
            from: bin as f64 * BIN_WIDTH,
            to: (bin + 1) as f64 * BIN_WIDTH,
            trials: self.responding[bin],
            fixating: self.fixating[bin],
            share: (all > 0).then(|| self.responding[bin] as f64 / all as f64),
        })
    }
}

/// A bin of a histogram.
pub(super) struct SaccadeRow {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) trials: u64,
    pub(super) fixating: u64,
    pub(super) share: Option<f64>,
}

/// The columns from_degrees, to_degrees, trials, fixating and share.
pub(super) fn bin_columns(rows: &[SaccadeRow]) -> Vec<Column> {
    vec![
        Column::new("from_degrees".into(), rows.iter().map(|row| row.from).collect::<Vec<_>>()),
        Column::new("to_degrees".into(), rows.iter().map(|row| row.to).collect::<Vec<_>>()),
        Column::new("trials".into(), rows.iter().map(|row| row.trials).collect::<Vec<_>>()),
        Column::new("fixating".into(), rows.iter().map(|row| row.fixating).collect::<Vec<_>>()),
        Column::new("share".into(), rows.iter().map(|row| row.share).collect::<Vec<_>>()),
    ]
}

/// How responses are read out. The default is as published, but that fixating trials are counted apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaccadeOptions {
    /// How often the batch of test trials is run at each checkpoint, each time with other noise.
    pub batches: usize,
}

impl Default for SaccadeOptions {
    fn default() -> Self {
        SaccadeOptions { batches: 8 }
    }
}

/// The distributions of response distances of checkpoints, by stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saccades {
    stages: BTreeMap<Stage, (usize, SaccadeHistogram)>,
    spans: BTreeMap<Stage, Span>,
}

impl Saccades {
    /// Adds a checkpoint of a stage.
    pub fn add<'a>(&mut self, stage: Stage, answers: impl IntoIterator<Item = &'a Answer>) {
        let (checkpoints, histogram) = self.stages.entry(stage).or_default();
        *checkpoints += 1;
        answers.into_iter().for_each(|answer| histogram.add(answer));
    }

    /// The distribution of a stage; none if it has no checkpoint.
    pub fn stage(&self, stage: Stage) -> Option<&SaccadeHistogram> {
        self.stages.get(&stage).map(|(_, histogram)| histogram)
    }

    /// The table that [`saccade`] describes.
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn table(&self) -> Result<DataFrame> {
        let (mut stages, mut counts, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        let mut spans = Vec::new();
        for (stage, (checkpoints, histogram)) in &self.stages {
            rows.extend(histogram.rows());
            spans.resize(rows.len(), self.spans.get(stage).copied().unwrap_or_default());
            stages.resize(rows.len(), stage.name());
            counts.resize(rows.len(), *checkpoints as u32);
        }
        let mut columns = vec![Column::new("stage".into(), stages), Column::new("checkpoints".into(), counts)];
        columns.extend(bin_columns(&rows));
        columns.extend(Span::columns(&spans));
        DataFrame::new(rows.len(), columns).map_err(Error::table("making the table of response distances"))
    }
}

/// How far from the target a run's responses end, by stage (paper: distributions of saccade end points).
///
/// Columns: stage; checkpoints, their number at that stage; from_degrees and to_degrees, the bin (30 of them from 0° to
/// 180°) of the distance between response and target at the trial's last time step; trials, the responding trials in
/// that bin; fixating, trials that still fixate and whose outputs point there; share, of the stage's responding trials
/// (null if there is none); first_trials and last_trials, the trials trained at the stage's first and last checkpoint;
/// stage_window, the evaluations that the performance is averaged over to decide the stage. A stage without checkpoints
/// has no rows.
///
/// ```
/// use maturation::analysis::{SaccadeOptions, saccade};
/// use maturation::prelude::*;
/// use maturation::readout::ReadoutOptions;
///
/// let run = Run::open("data/6tasks")?;
/// let options = SaccadeOptions { batches: 1 };
/// let table = saccade(&run, Selection::Last, Rule::GAP, &options, &ReadoutOptions::default())?;
/// assert_eq!(table.height(), 30);
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If there is no such checkpoint, the run was not trained on the rule, the rule asks for no response, or an option is
/// 0.
pub fn saccade(
    run: &Run,
    checkpoints: impl Into<Selection>,
    rule: Rule,
    options: &SaccadeOptions,
    readout: &ReadoutOptions,
) -> Result<DataFrame> {
    Survey::alone(run, readout, |survey| survey.saccade(checkpoints, rule, options))?.table()
}

impl Survey<'_> {
    /// Asks for what [`saccade`] makes its table of.
    pub(crate) fn saccade(
        &mut self,
        checkpoints: impl Into<Selection>,
        rule: Rule,
        options: &SaccadeOptions,
    ) -> Result<Asked<Saccades>> {
        self.run().check_trained(rule)?;
        if Timeline::of(rule, self.run().hyperparameters().dt).response_on.is_none() {
            let what = format!("rule `{rule}` asks to keep fixating");
            return Err(Error::argument(what, "choose a rule with a response"));
        }
        if options.batches == 0 {
            return Err(Error::argument("0 batches hold no trial", "use 1 or more"));
        }
        let need = Need::Answers(rule, Batches::Test(options.batches));
        let nothing = Saccades::default();
        self.ask((checkpoints, rule), [need.clone()], nothing, move |saccades, seen| {
            let stage = seen.stage_of(rule)?;
            saccades.add(stage, seen.answers(&need)?.iter().flatten());
            saccades.spans.entry(stage).or_default().add(&seen.visited);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::golden;
    use crate::hyperparameters::Hyperparameters;
    use crate::tasks::{Mode, Trials};
    use crate::training::answers;

    /// An answer so many degrees from its target.
    fn answer(degrees: f64, fixation: f32) -> Answer {
        let distance = Some(degrees.to_radians());
        Answer { fixation, direction: Some(1.0), distance, correct: false }
    }

    #[test]
    fn agrees_with_the_published_system() {
        let expected = golden::json("saccade");
        let trials = Trials::test(&Hyperparameters::paper(), Rule::GAP, Mode::Test).unwrap();
        let outputs = golden::outputs("gap");
        assert_eq!(outputs.len(), 3 * 8);
        let mut saccades = Saccades::default();
        for (batches, stage) in outputs.chunks(8).zip(expected["stages"].as_array().unwrap()) {
            let answers: Vec<Answer> = batches.iter().flat_map(|outputs| answers(&trials, outputs).unwrap()).collect();
            saccades.add(stage.as_str().unwrap().parse().unwrap(), &answers);
        }
        for stage in Stage::ALL {
            let found = saccades.stage(stage).unwrap();
            assert_eq!(serde_json::json!(found.responding), expected["counts"][stage.name()], "{stage}");
            assert_eq!(found.fixating, [0; BINS]);
        }
        let table = saccades.table().unwrap();
        assert_eq!(table.height(), 3 * BINS);
        let columns = ["stage", "checkpoints", "from_degrees", "to_degrees", "trials", "fixating", "share"];
        assert_eq!(table.get_column_names()[..7], columns);
        assert_eq!(table.get_column_names()[7..], ["first_trials", "last_trials", "stage_window"]);
        let shares: f64 = table.column("share").unwrap().f64().unwrap().iter().flatten().sum();
        assert!((shares - 3.0).abs() < 1e-12);
    }

    #[test]
    fn fixating_trials_are_counted_apart_and_edges_belong_to_the_bin_above() {
        let mut saccades = Saccades::default();
        let trials = [answer(0.0, 0.1), answer(5.9, 0.2), answer(6.1, 0.1), answer(180.0, 0.1), answer(90.1, 0.9)];
        saccades.add(Stage::Mid, &trials);
        saccades.add(Stage::Mid, &[Answer { distance: None, ..answer(0.0, 0.1) }]);
        let found = saccades.stage(Stage::Mid).unwrap();
        assert_eq!((found.responding[0], found.responding[1], found.responding[29]), (2, 1, 1));
        assert_eq!((found.fixating[15], found.fixating.iter().sum::<u64>()), (1, 1));
        assert!((found.mean().unwrap() - 48.0).abs() < 1e-9);
        assert_eq!(saccades.table().unwrap().height(), BINS);
    }

    #[test]
    fn a_stage_that_never_responds_has_no_share() {
        let mut saccades = Saccades::default();
        assert_eq!((saccades.table().unwrap().height(), saccades.table().unwrap().width()), (0, 10));
        saccades.add(Stage::Early, &[answer(3.0, 0.9)]);
        assert_eq!(saccades.stage(Stage::Early).unwrap().mean(), None);
        assert_eq!(saccades.table().unwrap().column("share").unwrap().null_count(), BINS);
        assert_eq!(saccades.stage(Stage::Mature), None);
    }
}
