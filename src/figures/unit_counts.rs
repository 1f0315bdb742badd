//! How many units each test of selectivity keeps.

use plotly::common::{DashType, Line, Marker, MarkerSymbol, Mode};
use plotly::layout::{BarMode, RangeMode};
use plotly::{Bar, Plot, Scatter};
use polars::frame::DataFrame;

use crate::analysis::{Kind, SelectivityTest};
use crate::error::Result;
use crate::figures::{About, Figure, style};
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
pub fn unit_counts(table: &DataFrame, about: impl Into<About>) -> Result<Figure> {
    let about = about.into();
    let columns = Columns::of(table, "the table of unit counts");
    let rows = Rows {
        trials: columns.numbers("trials_trained")?,
        stages: columns.names("stage")?,
        tests: columns.names("test")?,
        kinds: columns.names("kind")?,
        units: columns.numbers("units")?,
        shared: columns.numbers("shared")?,
    };
    let mut plot = Plot::new();
    let bars = rows.bars();
    KINDS.into_iter().for_each(|kind| plot.add_trace(rows.stacked(kind, &bars)));
    SelectivityTest::ALL.iter().filter_map(|test| rows.by_checkpoint(*test)).for_each(|trace| plot.add_trace(trace));

    let counted = Stage::ALL.into_iter().map(|stage| (stage, rows.checkpoints(stage)));
    let heading = style::heading(&about.title, &[style::averaged(counted.filter(|(_, count)| *count > 0))]);
    let count = || style::axis("selective units").range_mode(RangeMode::ToZero);
    let mut layout = style::layout(&heading, style::axis("").domain(&[0.0, 0.47]).tick_font(style::tiny()), count())
        .bar_mode(BarMode::Stack)
        .x_axis2(style::axis("trials trained").tick_format(",").domain(&[0.56, 1.0]).anchor("y2"))
        .y_axis2(count().anchor("x2").title("").matches("y"));
    if bars.is_empty() {
        layout.add_annotation(style::nothing("no checkpoint"));
    }
    plot.set_layout(layout);
    Ok(Figure::new(plot, about.title))
}

/// The table's columns.
struct Rows {
    trials: Vec<f64>,
    stages: Vec<String>,
    tests: Vec<String>,
    kinds: Vec<String>,
    units: Vec<f64>,
    shared: Vec<f64>,
}

impl Rows {
    fn all(&self) -> std::ops::Range<usize> {
        0..self.tests.len()
    }

    /// A bar for each stage (nothing: a recording) and test.
    fn bars(&self) -> Vec<(&'static str, SelectivityTest)> {
        let stages = Stage::ALL.map(Stage::name).into_iter().chain([""]);
        let present = stages.filter(|name| self.all().any(|row| self.stages[row] == *name));
        present.flat_map(|stage| SelectivityTest::ALL.iter().map(move |test| (stage, *test))).collect()
    }

    /// The units of a kind in each bar.
    fn stacked(&self, kind: Kind, bars: &[(&str, SelectivityTest)]) -> Box<Bar<String, f64>> {
        let mean = |values: &[f64], stage: &str, test: SelectivityTest| {
            let of_bar = |row: &usize| self.stages[*row] == stage && self.tests[*row] == test.name();
            let of_kind = |row: &usize| of_bar(row) && self.kinds[*row] == kind.name();
            let found: Vec<f64> = self.all().filter(of_kind).map(|row| values[row]).collect();
            found.iter().sum::<f64>() / found.len().max(1) as f64
        };
        let name = |(stage, test): &(&str, SelectivityTest)| {
            format!("{test}<br><b>{}</b>", if stage.is_empty() { "recording" } else { stage })
        };
        let height = |(stage, test): &(&str, SelectivityTest)| (1e2 * mean(&self.units, stage, *test)).round() / 1e2;
        let text = |(stage, test): &(&str, SelectivityTest)| format!("{:.1}", mean(&self.shared, stage, *test));
        Bar::new(bars.iter().map(name).collect(), bars.iter().map(height).collect())
            .name(kind.name())
            .marker(Marker::new().color(style::kind_colour(kind)))
            .text_array(bars.iter().map(text).collect())
            .text_position(plotly::common::TextPosition::None)
            .hover_template("%{x}<br>%{fullData.name}: %{y:.1f} units, %{text} by both tests<extra></extra>")
    }

    /// All units that a test keeps, against trials trained; none for a recording.
    fn by_checkpoint(&self, test: SelectivityTest) -> Option<Box<Scatter<f64, f64>>> {
        let mut points: Vec<(f64, &str, f64)> = Vec::new();
        let selective = |row: &usize| self.tests[*row] == test.name() && self.kinds[*row] != Kind::NotSelective.name();
        for row in self.all().filter(selective).filter(|row| self.trials[*row].is_finite()) {
            match points.iter_mut().find(|point| point.0 == self.trials[row]) {
                Some(point) => point.2 += self.units[row],
                None => points.push((self.trials[row], &self.stages[row], self.units[row])),
            }
        }
        if points.is_empty() {
            return None;
        }
        let colour = |stage: &str| stage.parse().map_or(style::INK, style::stage_colour).to_owned();
        let (dash, symbol) = match test {
            SelectivityTest::Published => (DashType::Solid, MarkerSymbol::Circle),
            SelectivityTest::Unbiased => (DashType::Dot, MarkerSymbol::DiamondOpen),
        };
        let colours: Vec<String> = points.iter().map(|point| colour(point.1)).collect();
        let trace =
            Scatter::new(points.iter().map(|point| point.0).collect(), points.iter().map(|point| point.2).collect())
                .name(format!("{test}, by checkpoint"))
                .mode(Mode::LinesMarkers)
                .line(Line::new().color("#999999").width(1.0).dash(dash))
                .marker(Marker::new().color_array(colours).symbol(symbol).size(8))
                .text_array(points.iter().map(|point| point.1).collect())
                .hover_template("%{fullData.name}<br>%{x:,} trials, %{text}<br>%{y} units<extra></extra>");
        Some(trace.x_axis("x2").y_axis("y2"))
    }

    fn checkpoints(&self, stage: Stage) -> u64 {
        let mut of: Vec<f64> =
            self.all().filter(|row| self.stages[*row] == stage.name()).map(|row| self.trials[row]).collect();
        of.dedup();
        of.len() as u64
    }
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
