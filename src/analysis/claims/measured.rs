//! What a run shows in numbers: the measures that are compared between runs.

use polars::prelude::*;

use crate::analysis::claims::by_stage::ByStage;
use crate::analysis::claims::decoder::Decoded;
use crate::analysis::claims::{Evidence, agreement, decoder, delayed, distracted, distractor, learning, saccade};
use crate::analysis::{Normalisation, SelectivityTest};
use crate::error::{Error, Result};
use crate::tasks::{Epoch, Rule};
use crate::training::{Run, Stage};

/// A measure at each stage, of the units that a test selects in an epoch where it is one of units.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    measure: String,
    rule: Option<Rule>,
    selected: Option<(Epoch, SelectivityTest)>,
    measured_in: &'static str,
    /// None: of the whole run.
    stages: Option<[Stage; 3]>,
    by_stage: ByStage,
    /// The mean number of units a checkpoint.
    units: [Option<f64>; 3],
}

impl Measured {
    /// A measure of each stage of a rule.
    pub(super) fn by_stage(measure: &str, rule: Rule, measured_in: &'static str, by_stage: ByStage) -> Measured {
        let (measure, rule) = (measure.to_owned(), Some(rule));
        Measured { measure, rule, selected: None, measured_in, stages: Some(Stage::ALL), by_stage, units: [None; 3] }
    }

    /// A measure of the whole run.
    pub(super) fn of_run(measure: &str, rule: Option<Rule>, measured_in: &'static str, value: Option<f64>) -> Measured {
        let by_stage = ByStage { values: [value, None, None], checkpoints: [0; 3] };
        let measure = measure.to_owned();
        Measured { measure, rule, selected: None, measured_in, stages: None, by_stage, units: [None; 3] }
    }

    /// The same of units that a test selects in an epoch; `units` are their mean numbers.
    pub(super) fn of_units(mut self, epoch: Epoch, test: SelectivityTest, units: ByStage) -> Measured {
        self.selected = Some((epoch, test));
        self.units = units.values;
        self
    }

    fn rows(&self) -> impl Iterator<Item = (Option<Stage>, usize)> {
        let places = if self.stages.is_some() { 0..3 } else { 0..1 };
        places.map(|place| (self.stages.map(|stages| stages[place]), place))
    }
}

/// What rates are measured in.
pub(super) fn of_rates(run: &Run) -> &'static str {
    match Normalisation::Automatic.of_run(run) {
        Normalisation::Absolute => "rate",
        _ => "rate ÷ baseline − 1",
    }
}

/// The measures of a run, from its evidence and from what the decoder tells at each stage: the table that the summary
/// of a run describes.
pub(crate) fn measures(run: &Run, evidence: &Evidence, decoded: &[Decoded]) -> Result<DataFrame> {
    let dt = run.hyperparameters().dt;
    let in_rates = of_rates(run);
    let all = [
        learning::measures(evidence, run)?,
        delayed::measures(evidence, in_rates)?,
        distracted::measures(evidence, dt, in_rates)?,
        distracted::counts(evidence)?,
        agreement::measures(evidence)?,
        distractor::measures(evidence)?,
        saccade::measures(evidence)?,
        decoder::measures(decoded),
    ]
    .concat();
    table(&all)
}

fn table(measures: &[Measured]) -> Result<DataFrame> {
    let rows: Vec<(&Measured, Option<Stage>, usize)> =
        measures.iter().flat_map(|found| found.rows().map(move |(stage, place)| (found, stage, place))).collect();
    let names = |of: &dyn Fn(&Measured) -> Option<String>| rows.iter().map(|row| of(row.0)).collect::<Vec<_>>();
    let checkpoints = |(found, stage, place): &(&Measured, Option<Stage>, usize)| {
        stage.map(|_| found.by_stage.checkpoints[*place]).filter(|count| *count > 0)
    };
    df![
        "measure" => names(&|found| Some(found.measure.clone())),
        "rule" => names(&|found| found.rule.map(|rule| rule.name().to_owned())),
        "selected_in" => names(&|found| found.selected.map(|(epoch, _)| epoch.to_string())),
        "test" => names(&|found| found.selected.map(|(_, test)| test.name().to_owned())),
        "stage" => rows.iter().map(|row| row.1.map(Stage::name)).collect::<Vec<_>>(),
        "value" => rows.iter().map(|(found, _, place)| found.by_stage.values[*place]).collect::<Vec<_>>(),
        "measured_in" => names(&|found| Some(found.measured_in.to_owned())),
        "checkpoints" => rows.iter().map(checkpoints).collect::<Vec<_>>(),
        "units" => rows.iter().map(|(found, _, place)| found.units[*place]).collect::<Vec<_>>(),
    ]
    .map_err(Error::table("making the table of measures"))
}
