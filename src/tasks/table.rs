//! Trials as a table.

use ndarray::Axis;
use polars::prelude::*;

use crate::error::{Error, Result};
use crate::tasks::Trials;

impl Trials {
    /// The trials as a table, trial by trial and step by step within: trial, step, time_ms, the inputs x_0 …, the
    /// targets y_0 …, the cost mask mask_0 …, and the response that is required (degrees; null while fixating).
    ///
    /// # Errors
    /// If there is no trial, or the fields were changed so that they do not fit together.
    pub fn table(&self) -> Result<DataFrame> {
        self.check()?;
        let (steps, trials) = (self.steps(), self.len());
        let places = || (0..trials).flat_map(move |trial| (0..steps).map(move |step| (trial, step)));
        let mut columns = vec![
            Column::new("trial".into(), places().map(|(trial, _)| trial as u32).collect::<Vec<_>>()),
            Column::new("step".into(), places().map(|(_, step)| step as u32).collect::<Vec<_>>()),
            Column::new("time_ms".into(), places().map(|(_, step)| step as f64 * self.dt).collect::<Vec<_>>()),
        ];
        for (prefix, array) in [("x", &self.inputs), ("y", &self.targets), ("mask", &self.mask)] {
            for channel in 0..array.len_of(Axis(2)) {
                let values: Vec<f32> = places().map(|(trial, step)| array[[step, trial, channel]]).collect();
                columns.push(Column::new(format!("{prefix}_{channel}").into(), values));
            }
        }
        let responses = places().map(|(trial, step)| self.required_response(step, trial).map(f64::to_degrees));
        columns.push(Column::new("response".into(), responses.collect::<Vec<_>>()));
        DataFrame::new(steps * trials, columns).map_err(Error::table("making the table of trials"))
    }
}
