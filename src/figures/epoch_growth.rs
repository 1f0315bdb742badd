//! The growth of activity in an epoch with training (Fig. S2B).

use plotly::common::{ErrorData, ErrorType, HoverInfo, Line, Marker, Mode};
use plotly::{Plot, Scatter};
use polars::frame::DataFrame;

use crate::error::Result;
use crate::figures::{About, Figure, style};
use crate::tables::Columns;
use crate::training::Stage;

/// The mean activity of selective units in an epoch against trials trained, a point a checkpoint, coloured by stage;
/// the intervals as bars, if the table has them.
///
/// `table` is that of [`crate::analysis::epoch_growth`].
///
/// ```
/// use maturation::prelude::*;
/// use polars::prelude::*;
///
/// let table = df![
///     "trials_trained" => [1280_u64, 2560], "stage" => ["early", "mature"],
///     "activity" => [0.4, 1.6], "units" => [90_u32, 120],
/// ]?;
/// let figure = figures::epoch_growth(&table, "Growth of delay1 activity")?;
/// assert!(figure.json().contains("trials trained"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If a column is missing or of another type.
pub fn epoch_growth(table: &DataFrame, about: impl Into<About>) -> Result<Figure> {
    let about = about.into();
    let columns = Columns::of(table, "the table of epoch growth");
    let rows = Rows {
        trials: columns.counts("trials_trained")?,
        stages: columns.names("stage")?,
        activity: columns.numbers("activity")?,
        units: columns.counts("units")?,
        intervals: style::interval(&columns)?,
    };
    let there: Vec<usize> = (0..rows.trials.len()).filter(|row| rows.activity[*row].is_finite()).collect();
    let mut plot = Plot::new();
    plot.add_trace(
        rows.scatter(&there)
            .mode(Mode::Lines)
            .line(Line::new().color("#bbbbbb").width(1.0))
            .show_legend(false)
            .hover_info(HoverInfo::Skip),
    );
    for stage in Stage::ALL {
        let of_stage: Vec<usize> = there.iter().copied().filter(|row| rows.stages[*row] == stage.name()).collect();
        if !of_stage.is_empty() {
            plot.add_trace(rows.points(stage, &of_stage));
        }
    }
    let normalisation = style::normalisation(&columns, about.rates)?;
    let y = style::axis(normalisation.axis());
    let mut layout = style::layout(&about.title, style::axis("trials trained").tick_format(","), y);
    if normalisation.is_relative() {
        layout.add_shape(style::horizontal_line(0.0));
    }
    if there.is_empty() {
        layout.add_annotation(style::nothing("no selective unit"));
    }
    plot.set_layout(layout);
    Ok(Figure::new(plot, format!("{}: {} checkpoints", about.title, there.len())))
}

/// The table's columns.
struct Rows {
    trials: Vec<u64>,
    stages: Vec<String>,
    activity: Vec<f64>,
    units: Vec<u64>,
    intervals: Option<[Vec<f64>; 2]>,
}

impl Rows {
    fn scatter(&self, rows: &[usize]) -> Box<Scatter<u64, f64>> {
        Scatter::new(
            rows.iter().map(|row| self.trials[*row]).collect(),
            rows.iter().map(|row| round(self.activity[*row])).collect(),
        )
    }

    /// The checkpoints of a stage, with their intervals as bars.
    fn points(&self, stage: Stage, rows: &[usize]) -> Box<Scatter<u64, f64>> {
        let colour = style::stage_colour(stage);
        let trace = self
            .scatter(rows)
            .name(format!("{stage} ({} checkpoints)", rows.len()))
            .mode(Mode::Markers)
            .marker(Marker::new().color(colour).size(8))
            .text_array(rows.iter().map(|row| format!("{} units", self.units[*row])).collect())
            .hover_template("%{fullData.name}<br>%{x:,} trials<br>activity %{y:.3f}<br>%{text}<extra></extra>");
        let Some([low, high]) = &self.intervals else { return trace };
        let length = |from: &dyn Fn(usize) -> f64| {
            rows.iter().map(|row| Some(from(*row)).filter(|length| length.is_finite()).map_or(0.0, round)).collect()
        };
        let bars = ErrorData::new(ErrorType::Data)
            .array(length(&|row| high[row] - self.activity[row]))
            .array_minus(length(&|row| self.activity[row] - low[row]));
        trace.error_y(bars.thickness(1.0).width(0).color(colour))
    }
}

fn round(value: f64) -> f64 {
    (1e4 * value).round() / 1e4
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn table() -> DataFrame {
        df![
            "trials_trained" => [0_u64, 1280, 2560],
            "stage" => ["early", "early", "mature"],
            "activity" => [None, Some(0.5), Some(2.0)],
            "units" => [0_u32, 10, 12],
            "low" => [None, Some(0.25), None],
            "high" => [None, Some(1.0), None],
        ]
        .unwrap()
    }

    #[test]
    fn the_picture_has_a_point_a_checkpoint_in_the_colour_of_its_stage() {
        let json = epoch_growth(&table(), "Growth").unwrap().json();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let traces = json["data"].as_array().unwrap();
        assert_eq!(traces.len(), 3, "the line, early and mature");
        assert_eq!(traces[0]["y"], serde_json::json!([0.5, 2.0]), "a checkpoint without units is left out");
        assert_eq!(traces[1]["error_y"]["array"], serde_json::json!([0.5]));
        assert_eq!(traces[1]["error_y"]["arrayminus"], serde_json::json!([0.25]));
        assert_eq!(traces[2]["error_y"]["array"], serde_json::json!([0.0]));
        assert_eq!(traces[2]["text"][0], "12 units");
        assert_ne!(traces[1]["marker"]["color"], traces[2]["marker"]["color"]);
    }

    #[test]
    fn nothing_selected_makes_a_picture_that_says_so_and_a_wrong_table_an_error() {
        assert!(epoch_growth(&table().clear(), "").unwrap().json().contains("no selective unit"));
        let message = epoch_growth(&table().drop("stage").unwrap(), "").unwrap_err().to_string();
        assert!(message.contains("`stage`"));
    }
}
