//! The growth of performance with training (Fig. S7).

use polars::prelude::*;

use crate::error::{Error, Result};
use crate::tables::Columns;
use crate::training::{AutomaticChoice, Run, Stage, moving_average};

/// How the growth of performance is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct GrowthOptions {
    /// Evaluations that the curves are averaged over, an odd number; the paper's figure has 5.
    pub window: usize,
    /// Tells which evaluations this choice takes for each stage.
    pub automatic: Option<AutomaticChoice>,
}

impl Default for GrowthOptions {
    fn default() -> Self {
        GrowthOptions { window: 5, automatic: None }
    }
}

/// Each rule's performance against trials trained, and its moving average (Fig. S7).
///
/// Columns: trials_trained, rule, performance, smoothed (the average over `window` evaluations around each, an odd
/// number), stage (as [`Run::staging`] has it); with `automatic`, also automatic_early, automatic_mid and
/// automatic_mature: whether the choice takes the evaluation for that stage of the rule. An evaluation can stand for
/// two stages. Rows are rule by rule, in the order of training within.
///
/// ```
/// use maturation::analysis::{GrowthOptions, performance_growth};
/// use maturation::prelude::*;
///
/// let run = Run::open("data/6tasks")?;
/// assert!(performance_growth(&run, &GrowthOptions::default())?.height() > 1000);
/// let options = GrowthOptions { automatic: Some(AutomaticChoice::default()), ..GrowthOptions::default() };
/// let growth = performance_growth(&run, &options)?;
/// assert!(growth.column("automatic_mature")?.bool()?.iter().any(|chosen| chosen == Some(true)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the window is 0.
pub fn performance_growth(run: &Run, options: &GrowthOptions) -> Result<DataFrame> {
    if options.window == 0 {
        return Err(Error::argument("a window of 0 evaluations averages nothing", "use 1 or more"));
    }
    let log = run.log()?;
    let hyperparameters = run.hyperparameters();
    let columns = Columns::of(&log, "the log");
    let (trials, performance) = (columns.counts("trials_trained")?, columns.numbers("performance")?);
    let rules = columns.names("rule")?;
    let (mut order, mut smoothed, mut stages) = (Vec::new(), Vec::new(), Vec::new());
    let mut chosen: [Vec<bool>; 3] = Default::default();
    for rule in &hyperparameters.rule_trains {
        let rows: Vec<usize> = (0..rules.len()).filter(|row| rules[*row] == rule.name()).collect();
        let curve: Vec<f64> = rows.iter().map(|row| performance[*row]).collect();
        smoothed.extend(moving_average(&curve, options.window));
        let stage = |performance| {
            Stage::of(performance, hyperparameters.early_target_perf, hyperparameters.mid_target_perf).name()
        };
        stages.extend(moving_average(&curve, run.staging().window).into_iter().map(stage));
        if let Some(choice) = &options.automatic {
            for (chosen, places) in chosen.iter_mut().zip(choice.places(&curve, hyperparameters)) {
                chosen.extend((0..rows.len()).map(|place| places.binary_search(&place).is_ok()));
            }
        }
        order.extend(rows);
    }
    let mut columns = vec![
        Column::new("trials_trained".into(), order.iter().map(|row| trials[*row]).collect::<Vec<_>>()),
        Column::new("rule".into(), order.iter().map(|row| rules[*row].as_str()).collect::<Vec<_>>()),
        Column::new("performance".into(), order.iter().map(|row| performance[*row]).collect::<Vec<_>>()),
        Column::new("smoothed".into(), smoothed),
        Column::new("stage".into(), stages),
    ];
    if options.automatic.is_some() {
        for (stage, chosen) in Stage::ALL.into_iter().zip(chosen) {
            columns.push(Column::new(format!("automatic_{stage}").into(), chosen));
        }
    }
    DataFrame::new(order.len(), columns).map_err(Error::table("making the table of performance growth"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::Rule;
    use crate::training::Staging;

    fn shipped() -> Run {
        Run::open(concat!(env!("CARGO_MANIFEST_DIR"), "/data/6tasks")).unwrap()
    }

    /// The rows of rule odrd: (trials trained, stage, chosen for each stage).
    fn rows(table: &DataFrame) -> Vec<(u64, String, [bool; 3])> {
        let columns = Columns::of(table, "the table");
        let (trials, rules) = (columns.counts("trials_trained").unwrap(), columns.names("rule").unwrap());
        let stages = columns.names("stage").unwrap();
        let chosen = Stage::ALL.map(|stage| columns.counts(&format!("automatic_{stage}")).unwrap());
        let row = |row: usize| (trials[row], stages[row].clone(), [0, 1, 2].map(|stage| chosen[stage][row] == 1));
        (0..rules.len()).filter(|place| rules[*place] == "odrd").map(row).collect()
    }

    #[test]
    fn the_automatic_choice_is_that_of_the_run() {
        let run = shipped();
        let choice = AutomaticChoice::default();
        let options = GrowthOptions { automatic: Some(choice), ..GrowthOptions::default() };
        let rows = rows(&performance_growth(&run, &options).unwrap());
        for (place, stage) in Stage::ALL.into_iter().enumerate() {
            let marked: Vec<u64> = rows.iter().filter(|row| row.2[place]).map(|row| row.0).collect();
            assert!(!marked.is_empty() && marked.len() <= choice.most, "{stage}: {}", marked.len());
            let checkpoints = run.automatic(Rule::ODRD, stage, &choice).unwrap();
            assert!(checkpoints.iter().all(|checkpoint| marked.contains(&checkpoint.trials_trained())));
        }
        assert_eq!(performance_growth(&run, &GrowthOptions::default()).unwrap().width(), 5);
    }

    #[test]
    fn stages_by_averages_are_those_of_the_run_and_flip_less() {
        let flips = |window: usize| {
            let run = shipped().with_staging(Staging { window }).unwrap();
            let options = GrowthOptions { automatic: Some(AutomaticChoice::default()), ..GrowthOptions::default() };
            let rows = rows(&performance_growth(&run, &options).unwrap());
            for (trials, stage, _) in &rows {
                let of_run = run.stage_at(Rule::ODRD, *trials).unwrap();
                assert_eq!(of_run.name(), stage);
                let thresholds = (run.hyperparameters().early_target_perf, run.hyperparameters().mid_target_perf);
                let alone = run.performance_at(Rule::ODRD, *trials).unwrap();
                assert!(window > 1 || of_run == Stage::of(alone, thresholds.0, thresholds.1));
            }
            assert_eq!(run.stage_at(Rule::ODRD, 1), None);
            rows.windows(2).filter(|pair| pair[0].1 != pair[1].1).count()
        };
        assert!(flips(9) < flips(1), "{} flips, {} without averaging", flips(9), flips(1));
        assert!(shipped().with_staging(Staging { window: 0 }).unwrap_err().to_string().contains("1 or more"));
        let options = GrowthOptions { window: 0, automatic: None };
        assert!(performance_growth(&shipped(), &options).unwrap_err().to_string().contains("1 or more"));
    }
}
