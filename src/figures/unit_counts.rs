//! How many units each test of selectivity keeps.

use plotly::common::{DashType, Line, Marker, MarkerSymbol, Mode};
use plotly::layout::{BarMode, RangeMode};
use plotly::{Bar, Plot, Scatter};
use polars::frame::DataFrame;

use crate::analysis::{Kind, SelectivityTest};
use crate::error::Result;
use crate::figures::{Figure, style};
use crate::tables::Columns;
use crate::training::Stage;

/// The kinds of selective units, from the bottom of a bar to its top.
const KINDS: [Kind; 3] = [Kind::Excited, Kind::Mixed, Kind::Inhibited];

/// The selective units by the published and the unbiased test: on the left by stage and kind, averaged over
/// checkpoints; on the right against trials trained.
///
/// `table` is that of [`crate::analysis::unit_counts`].
///
/// ```
/// use maturation::analysis::{Selectivity, SelectivityOptions, UnitCounts};
/// use maturation::prelude::*;
///
/// let run = Run::open("data/6tasks")?;
/// let activity = run.last()?.activity(Rule::GAP)?;
/// let mut counts = UnitCounts::new();
/// counts.add(Some(Stage::Mature), &Selectivity::of(&activity, Epoch::Stim1, &SelectivityOptions::default())?);
/// let figure = figures::unit_counts(&counts.table()?, "Selective units, gap stim1")?;
/// assert!(figure.json().contains("unbiased"));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If a column is missing or of another type.
pub fn unit_counts(table: &DataFrame, title: &str) -> Result<Figure> {
    let columns = Columns::of(table, "the table of unit counts");
    let (trials, stages) = (columns.numbers("trials_trained")?, columns.names("stage")?);
    let (tests, kinds) = (columns.names("test")?, columns.names("kind")?);
    let (units, shared) = (columns.numbers("units")?, columns.numbers("shared")?);
    let rows = || 0..tests.len();
    let stage_names = Stage::ALL.map(Stage::name);
    let present: Vec<&str> =
        stage_names.into_iter().chain([""]).filter(|name| rows().any(|row| stages[row] == *name)).collect();

    let mut plot = Plot::new();
    // A bar for each stage and test.
    let bars: Vec<(&str, SelectivityTest)> =
        present.iter().flat_map(|stage| SelectivityTest::ALL.iter().map(|test| (*stage, *test))).collect();
    let labels: Vec<String> = bars
        .iter()
        .map(|(stage, test)| format!("{test}<br><b>{}</b>", if stage.is_empty() { "recording" } else { stage }))
        .collect();
    for kind in KINDS {
        let mean = |values: &[f64], stage: &str, test: SelectivityTest| {
            let of_bar = || rows().filter(|row| stages[*row] == stage && tests[*row] == test.name());
            let found: Vec<f64> = of_bar().filter(|row| kinds[*row] == kind.name()).map(|row| values[row]).collect();
            found.iter().sum::<f64>() / found.len().max(1) as f64
        };
        let heights: Vec<f64> = bars.iter().map(|(stage, test)| mean(&units, stage, *test)).collect();
        let text = bars.iter().map(|(stage, test)| format!("{:.1}", mean(&shared, stage, *test))).collect();
        plot.add_trace(
            Bar::new(labels.clone(), heights.iter().map(|height| (1e2 * height).round() / 1e2).collect())
                .name(kind.name())
                .marker(Marker::new().color(style::kind_colour(kind)))
                .text_array(text)
                .text_position(plotly::common::TextPosition::None)
                .hover_template("%{x}<br>%{fullData.name}: %{y:.1f} units, %{text} by both tests<extra></extra>"),
        );
    }

    for &test in SelectivityTest::ALL {
        let mut points: Vec<(f64, &str, f64)> = Vec::new();
        let selective = |row: &usize| tests[*row] == test.name() && kinds[*row] != Kind::NotSelective.name();
        for row in rows().filter(selective).filter(|row| trials[*row].is_finite()) {
            match points.iter_mut().find(|point| point.0 == trials[row]) {
                Some(point) => point.2 += units[row],
                None => points.push((trials[row], &stages[row], units[row])),
            }
        }
        if points.is_empty() {
            continue;
        }
        let colours = points
            .iter()
            .map(|(_, stage, _)| stage.parse::<Stage>().map_or(style::INK, style::stage_colour).to_owned());
        let (dash, symbol) = match test {
            SelectivityTest::Published => (DashType::Solid, MarkerSymbol::Circle),
            SelectivityTest::Unbiased => (DashType::Dot, MarkerSymbol::DiamondOpen),
        };
        plot.add_trace(
            Scatter::new(points.iter().map(|point| point.0).collect(), points.iter().map(|point| point.2).collect())
                .name(format!("{test}, by checkpoint"))
                .mode(Mode::LinesMarkers)
                .line(Line::new().color("#999999").width(1.0).dash(dash))
                .marker(Marker::new().color_array(colours.collect::<Vec<_>>()).symbol(symbol).size(8))
                .text_array(points.iter().map(|point| point.1).collect())
                .hover_template("%{fullData.name}<br>%{x:,} trials, %{text}<br>%{y} units<extra></extra>")
                .x_axis("x2")
                .y_axis("y2"),
        );
    }
    let counted = Stage::ALL.into_iter().map(|stage| {
        let mut of: Vec<f64> = rows().filter(|row| stages[*row] == stage.name()).map(|row| trials[row]).collect();
        of.dedup();
        (stage, of.len() as u64)
    });
    let heading = style::heading(title, &[style::averaged(counted.filter(|(_, count)| *count > 0))]);
    let count = || style::axis("selective units").range_mode(RangeMode::ToZero);
    let mut layout = style::layout(&heading, style::axis("").domain(&[0.0, 0.47]).tick_font(style::tiny()), count())
        .bar_mode(BarMode::Stack)
        .x_axis2(style::axis("trials trained").tick_format(",").domain(&[0.56, 1.0]).anchor("y2"))
        .y_axis2(count().anchor("x2").title("").matches("y"));
    if present.is_empty() {
        layout.add_annotation(style::nothing("no checkpoint"));
    }
    plot.set_layout(layout);
    Ok(Figure::new(plot, title))
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn table() -> DataFrame {
        let mut counts = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (trials, stage, plus) in [(0_u64, "early", 0_u32), (1280, "early", 2), (2560, "mature", 10)] {
            for test in SelectivityTest::ALL {
                for (place, kind) in Kind::ALL.iter().enumerate() {
                    counts.0.push(trials);
                    counts.1.push(stage);
                    counts.2.push(test.name());
                    counts.3.push(kind.name());
                    counts.4.push(place as u32 + plus);
                }
            }
        }
        df![
            "trials_trained" => counts.0, "stage" => counts.1, "test" => counts.2, "kind" => counts.3,
            "units" => counts.4.clone(), "shared" => counts.4,
        ]
        .unwrap()
    }

    #[test]
    fn the_picture_has_bars_by_stage_and_curves_by_checkpoint() {
        let figure = unit_counts(&table(), "Selective units").unwrap();
        let json: serde_json::Value = serde_json::from_str(&figure.json()).unwrap();
        let traces = json["data"].as_array().unwrap();
        assert_eq!(traces.len(), 5);
        assert_eq!(traces[0]["name"], "excited");
        assert_eq!(traces[0]["y"], serde_json::json!([1.0, 1.0, 10.0, 10.0]), "averages over a stage's checkpoints");
        assert_eq!(traces[0]["x"][2], "published<br><b>mature</b>");
        assert_eq!(traces[3]["y"], serde_json::json!([3.0, 9.0, 33.0]), "all kinds but none together");
        assert_ne!(traces[3]["marker"]["symbol"], traces[4]["marker"]["symbol"]);
        assert_eq!(traces[4]["xaxis"], "x2");
        assert!(json["layout"].to_string().contains("checkpoints averaged: early 2, mature 1"));
    }

    #[test]
    fn a_recording_has_bars_alone_and_no_checkpoint_a_picture_that_says_so() {
        let mut recording = table().head(Some(8));
        for (name, kind) in [("trials_trained", DataType::UInt64), ("stage", DataType::String)] {
            recording.with_column(Column::full_null(name.into(), 8, &kind)).unwrap();
        }
        let json = unit_counts(&recording, "Neurons").unwrap().json();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["data"].as_array().unwrap().len(), 3);
        assert_eq!(json["data"][1]["x"][0], "published<br><b>recording</b>");
        assert!(unit_counts(&table().clear(), "").unwrap().json().contains("no checkpoint"));
        assert!(unit_counts(&table().drop("kind").unwrap(), "").unwrap_err().to_string().contains("`kind`"));
    }
}
