//! The growth of performance with training (Fig. S7).

use polars::prelude::*;

use crate::error::{Error, Result};
use crate::tables::Columns;
use crate::training::{Run, moving_average};

/// Each rule's performance against trials trained, and its moving average.
///
/// Columns: trials_trained, rule, performance, smoothed (the average over `window` evaluations around each, an odd
/// number), stage (of the performance itself); rows rule by rule, in the order of training within.
///
/// ```
/// use maturation::analysis::performance_growth;
/// use maturation::prelude::*;
///
/// let growth = performance_growth(&Run::open("data/6tasks")?, 5)?;
/// assert!(growth.height() > 1000);
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If `window` is 0.
pub fn performance_growth(run: &Run, window: usize) -> Result<DataFrame> {
    if window == 0 {
        return Err(Error::argument("a window of 0 evaluations averages nothing", "use 1 or more"));
    }
    let log = run.log()?;
    let columns = Columns::of(&log, "the log");
    let (trials, performance) = (columns.counts("trials_trained")?, columns.numbers("performance")?);
    let (rules, stages) = (columns.names("rule")?, columns.names("stage")?);
    let (mut order, mut smoothed) = (Vec::new(), Vec::new());
    for rule in &run.hyperparameters().rule_trains {
        let rows: Vec<usize> = (0..rules.len()).filter(|row| rules[*row] == rule.name()).collect();
        let curve: Vec<f64> = rows.iter().map(|row| performance[*row]).collect();
        smoothed.extend(moving_average(&curve, window));
        order.extend(rows);
    }
    df![
        "trials_trained" => order.iter().map(|row| trials[*row]).collect::<Vec<_>>(),
        "rule" => order.iter().map(|row| rules[*row].as_str()).collect::<Vec<_>>(),
        "performance" => order.iter().map(|row| performance[*row]).collect::<Vec<_>>(),
        "smoothed" => smoothed,
        "stage" => order.iter().map(|row| stages[*row].as_str()).collect::<Vec<_>>(),
    ]
    .map_err(Error::table("making the table of performance growth"))
}
