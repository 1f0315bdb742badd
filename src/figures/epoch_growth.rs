//! The growth of activity in an epoch with training (Fig. S2B).

use plotly::common::{ErrorData, ErrorType, HoverInfo, Line, Marker, Mode};
use plotly::{Plot, Scatter};
use polars::frame::DataFrame;

use crate::error::Result;
use crate::figures::{Figure, style};
use crate::tables::Columns;
use crate::training::Stage;

/// The mean activity of selective units in an epoch against trials trained, a point a checkpoint, coloured by stage;
/// the intervals as bars, if the table has them.
///
/// `table` is that of [`crate::analysis::epoch_growth`]; `normalised` says whether rates are relative to fix1, unless
/// the table says what they are.
///
/// ```
/// use maturation::prelude::*;
/// use polars::prelude::*;
///
/// let table = df![
///     "trials_trained" => [1280_u64, 2560], "stage" => ["early", "mature"],
///     "activity" => [0.4, 1.6], "units" => [90_u32, 120],
/// ]?;
/// let figure = figures::epoch_growth(&table, "Growth of delay1 activity", true)?;
/// assert!(figure.json().contains("trials trained"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If a column is missing or of another type.
pub fn epoch_growth(table: &DataFrame, title: &str, normalised: bool) -> Result<Figure> {
    let columns = Columns::of(table, "the table of epoch growth");
    let (trials, stages) = (columns.counts("trials_trained")?, columns.names("stage")?);
    let (activity, units) = (columns.numbers("activity")?, columns.counts("units")?);
    let intervals = match columns.has("low") {
        true => Some((columns.numbers("low")?, columns.numbers("high")?)),
        false => None,
    };
    let round = |value: f64| (1e4 * value).round() / 1e4;
    let there: Vec<usize> = (0..trials.len()).filter(|row| activity[*row].is_finite()).collect();

    let mut plot = Plot::new();
    plot.add_trace(
        Scatter::new(
            there.iter().map(|row| trials[*row]).collect(),
            there.iter().map(|row| round(activity[*row])).collect::<Vec<_>>(),
        )
        .mode(Mode::Lines)
        .line(Line::new().color("#bbbbbb").width(1.0))
        .show_legend(false)
        .hover_info(HoverInfo::Skip),
    );
    for stage in Stage::ALL {
        let rows: Vec<usize> = there.iter().copied().filter(|row| stages[*row] == stage.name()).collect();
        if rows.is_empty() {
            continue;
        }
        let text = rows.iter().map(|row| format!("{} units", units[*row])).collect();
        let mut trace = Scatter::new(
            rows.iter().map(|row| trials[*row]).collect(),
            rows.iter().map(|row| round(activity[*row])).collect::<Vec<_>>(),
        )
        .name(format!("{stage} ({} checkpoints)", rows.len()))
        .mode(Mode::Markers)
        .marker(Marker::new().color(style::stage_colour(stage)).size(8))
        .text_array(text)
        .hover_template("%{fullData.name}<br>%{x:,} trials<br>activity %{y:.3f}<br>%{text}<extra></extra>");
        if let Some((low, high)) = &intervals {
            let length = |from: &dyn Fn(usize) -> f64| {
                rows.iter().map(|row| Some(from(*row)).filter(|length| length.is_finite()).map_or(0.0, round)).collect()
            };
            trace = trace.error_y(
                ErrorData::new(ErrorType::Data)
                    .array(length(&|row| high[row] - activity[row]))
                    .array_minus(length(&|row| activity[row] - low[row]))
                    .thickness(1.0)
                    .width(0)
                    .color(style::stage_colour(stage)),
            );
        }
        plot.add_trace(trace);
    }
    let normalisation = style::normalisation(&columns, normalised)?;
    let y = style::axis(normalisation.axis());
    let mut layout = style::layout(title, style::axis("trials trained").tick_format(","), y);
    if normalisation.is_relative() {
        layout.add_shape(style::horizontal_line(0.0));
    }
    if there.is_empty() {
        layout.add_annotation(style::nothing("no selective unit"));
    }
    plot.set_layout(layout);
    Ok(Figure::new(plot, format!("{title}: {} checkpoints", there.len())))
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
        let json = epoch_growth(&table(), "Growth", true).unwrap().json();
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
        assert!(epoch_growth(&table().clear(), "", false).unwrap().json().contains("no selective unit"));
        let message = epoch_growth(&table().drop("stage").unwrap(), "", true).unwrap_err().to_string();
        assert!(message.contains("`stage`"));
    }
}
