//! Measures by stage, over runs.

use plotly::common::{ErrorData, ErrorType, HoverInfo, Line, Marker, Mode};
use plotly::layout::Axis;
use plotly::{Plot, Scatter};
use polars::frame::DataFrame;

use crate::error::{Error, Result};
use crate::figures::grid::{self, MOST_PANELS};
use crate::figures::over_runs::{self, MOST_LINES};
use crate::figures::{About, Figure, style};
use crate::tables::Columns;
use crate::training::Stage;

/// How far apart the marks of groups are.
const APART: f64 = 0.1;

/// Measures by stage over runs: a panel a measure, the mean over runs at each stage with its 95 % interval, and a thin
/// line for each single run, of at most [`MOST_LINES`] a group. Several groups of runs have colours of their own.
///
/// `across` and `by_run` are the tables of [`Summary::across`](crate::summary::Summary::across) and of
/// [`Summary::measures`](crate::summary::Summary::measures); the latter may be empty. `measures` says which are drawn,
/// six at most: the name, and where there are several of it also rule, epoch and test, as `delay_activity:odr:delay1`;
/// the first that fits is taken.
///
/// ```
/// use maturation::prelude::*;
///
/// let across = df![
///     "measure" => ["cue_response"; 3], "rule" => ["odrd"; 3], "selected_in" => ["stim1"; 3],
///     "test" => ["published"; 3], "stage" => ["early", "mid", "mature"], "measured_in" => ["rate ÷ baseline − 1"; 3],
///     "runs" => [10_u64; 3], "mean" => [2.0, 3.0, 4.0], "low" => [1.5, 2.5, 3.5], "high" => [2.5, 3.5, 4.5],
/// ]?;
/// let figure = figures::measures_over_runs(&across, &DataFrame::empty(), &["cue_response"], "Ten networks")?;
/// assert!(figure.json().contains("cue response"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If there is no such measure, or more than six are asked for; if a column is missing or of another type.
pub fn measures_over_runs(
    across: &DataFrame,
    by_run: &DataFrame,
    measures: &[&str],
    about: impl Into<About>,
) -> Result<Figure> {
    let title = about.into().title;
    if measures.len() > MOST_PANELS {
        let what = format!("{} measures are too many for one figure", measures.len());
        return Err(Error::argument(what, format!("draw {MOST_PANELS} at most")));
    }
    let (of_group, keys) = over_runs::groups(across, "measure")?;
    let rows = Rows::of(across, of_group)?;
    let lines = match by_run.height() {
        0 => None,
        _ => Some((Rows::of_runs(by_run, over_runs::of_keys(by_run, &keys)?)?, Columns::of(by_run, "").names("run")?)),
    };
    let groups = style::distinct(&rows.groups);
    let wanted = measures.iter().map(|measure| rows.which(measure)).collect::<Result<Vec<_>>>()?;

    let mut plot = Plot::new();
    let mut drawn = 0;
    let mut layout = style::layout("", Axis::new(), Axis::new()).legend(style::legend("runs"));
    for (panel, (of, place)) in wanted.iter().zip(grid::in_rows(wanted.len())).enumerate() {
        let [x, y] = grid::axes_of(panel);
        for (order, group) in groups.iter().enumerate() {
            let beside = APART * (order as f64 - 0.5 * (groups.len() - 1) as f64);
            let colour = if groups.len() == 1 { style::INK } else { over_runs::colour(order) };
            let thin = lines.as_ref().map(|(lines, runs)| lines.thin(runs, group, of)).unwrap_or_default();
            drawn = drawn.max(thin.len());
            for (stages, values) in thin {
                plot.add_trace(thin_line(stages, values, beside, colour).x_axis(&x).y_axis(&y));
            }
            let mean = rows.mean(group, of, beside, colour, groups.len() == 1);
            plot.add_trace(mean.show_legend(groups.len() > 1 && panel == 0).x_axis(&x).y_axis(&y));
        }
        let axis = |name: &str| style::axis(name).title(style::axis_title(name)).tick_font(style::small());
        let stages =
            axis("").domain(&place.across()).anchor(&y).range(vec![-0.4, 2.4]).tick_values(vec![0.0, 1.0, 2.0]);
        let stages = stages.tick_text(Stage::ALL.map(Stage::name).to_vec());
        layout = grid::with_axes(layout, panel, stages, axis(&of.measured_in).domain(&place.up()).anchor(&x));
        layout.add_annotation(place.title(&of.title()).font(style::small()));
    }
    let runs = rows.runs.iter().copied().max().unwrap_or(0);
    let note = format!("means over {runs} runs with 95 % intervals; {}", over_runs::lines_note(drawn, runs));
    let mut layout = layout.title(style::title(&style::heading(&title, &[note])));
    if wanted.is_empty() {
        layout.add_annotation(style::nothing("no measure"));
    }
    plot.set_layout(grid::layout_in_rows(layout, wanted.len()));
    let names = wanted.iter().map(|of| of.measure.replace('_', " ")).collect::<Vec<_>>().join(", ");
    Ok(Figure::new(plot, format!("{title}: {names} by stage over {runs} runs")))
}

fn thin_line(stages: Vec<f64>, values: Vec<f64>, beside: f64, colour: &str) -> Box<Scatter<f64, f64>> {
    Scatter::new(stages.iter().map(|stage| stage + beside).collect(), values)
        .mode(Mode::Lines)
        .line(Line::new().color(colour.to_owned()).width(0.7))
        .opacity(0.4)
        .hover_info(HoverInfo::Skip)
        .show_legend(false)
}

/// A measure that is drawn.
struct Which {
    measure: String,
    rule: String,
    selected_in: String,
    test: String,
    measured_in: String,
}

impl Which {
    fn title(&self) -> String {
        let units = match self.selected_in.as_str() {
            "" => String::new(),
            epoch if self.test == "published" => format!(", units of {epoch}"),
            epoch => format!(", units of {epoch} ({})", self.test),
        };
        format!("{}<br><sup>{}{units}</sup>", self.measure.replace('_', " "), self.rule)
    }
}

/// The columns of either table.
struct Rows {
    groups: Vec<String>,
    /// measure, rule, selected_in, test
    names: [Vec<String>; 4],
    stages: Vec<String>,
    measured_in: Vec<String>,
    values: Vec<f64>,
    ends: [Vec<f64>; 2],
    runs: Vec<u64>,
}

impl Rows {
    fn of(table: &DataFrame, groups: Vec<String>) -> Result<Rows> {
        let columns = Columns::of(table, "the table of measures over runs");
        let ends = [columns.numbers("low")?, columns.numbers("high")?];
        let (values, runs) = (columns.numbers("mean")?, columns.counts("runs")?);
        Rows::with(&columns, groups, values, ends, runs)
    }

    fn of_runs(table: &DataFrame, groups: Vec<String>) -> Result<Rows> {
        let columns = Columns::of(table, "the table of measures of runs");
        let values = columns.numbers("value")?;
        Rows::with(&columns, groups, values, [Vec::new(), Vec::new()], Vec::new())
    }

    fn with(
        columns: &Columns,
        groups: Vec<String>,
        values: Vec<f64>,
        ends: [Vec<f64>; 2],
        runs: Vec<u64>,
    ) -> Result<Rows> {
        let [measure, rule, selected, test] =
            ["measure", "rule", "selected_in", "test"].map(|name| columns.names(name));
        let names = [measure?, rule?, selected?, test?];
        let (stages, measured_in) = (columns.names("stage")?, columns.names("measured_in")?);
        Ok(Rows { groups, names, stages, measured_in, values, ends, runs })
    }

    /// The first measure of stages that a text such as `delay_activity:odr:delay1` fits.
    fn which(&self, text: &str) -> Result<Which> {
        let fits = |row: &usize| {
            let parts = text.split(':').enumerate();
            parts.into_iter().all(|(place, part)| self.names.get(place).is_some_and(|names| names[*row] == part))
        };
        let found = (0..self.stages.len()).find(|row| !self.stages[*row].is_empty() && fits(row));
        let Some(row) = found else {
            let of_stages = (0..self.stages.len()).filter(|row| !self.stages[*row].is_empty());
            let known = of_stages.map(|row| &self.names[0][row]);
            return Err(Error::unknown_name("measure by stage", text, style::distinct(known)));
        };
        let name = |place: usize| self.names[place][row].clone();
        let [measure, rule, selected_in, test] = [0, 1, 2, 3].map(name);
        Ok(Which { measure, rule, selected_in, test, measured_in: self.measured_in[row].clone() })
    }

    /// The rows of a measure in a group, by stage.
    fn rows(&self, group: &str, of: &Which) -> Vec<(Stage, usize)> {
        let wanted = [&of.measure, &of.rule, &of.selected_in, &of.test];
        let here = |row: &usize| {
            self.groups[*row] == group && self.names.iter().zip(wanted).all(|(names, wanted)| names[*row] == *wanted)
        };
        let known = (0..self.stages.len()).filter(here).filter(|row| self.values[*row].is_finite());
        known.filter_map(|row| Some((self.stages[row].parse().ok()?, row))).collect()
    }

    /// The lines of single runs.
    fn thin(&self, runs: &[String], group: &str, of: &Which) -> Vec<(Vec<f64>, Vec<f64>)> {
        let rows = self.rows(group, of);
        let all: Vec<_> = rows.chunk_by(|one, other| runs[one.1] == runs[other.1]).collect();
        let kept = all.len().min(MOST_LINES);
        let line = |rows: &&[(Stage, usize)]| {
            rows.iter().map(|(stage, row)| (*stage as usize as f64, (1e4 * self.values[*row]).round() / 1e4)).unzip()
        };
        (0..kept).map(|place| &all[place * all.len() / kept]).map(line).collect()
    }

    fn mean(&self, group: &str, of: &Which, beside: f64, colour: &str, by_stage: bool) -> Box<Scatter<f64, f64>> {
        let rows = self.rows(group, of);
        let value = |values: &[f64]| rows.iter().map(|(_, row)| values[*row]).collect::<Vec<_>>();
        let (means, low, high) = (value(&self.values), value(&self.ends[0]), value(&self.ends[1]));
        let reach = |ends: &[f64], sign: f64| {
            let reach = ends.iter().zip(&means).map(|(end, mean)| sign * (end - mean));
            reach.map(|reach| if reach.is_finite() { reach } else { 0.0 }).collect::<Vec<_>>()
        };
        let errors = ErrorData::new(ErrorType::Data)
            .array(reach(&high, 1.0))
            .array_minus(reach(&low, -1.0))
            .symmetric(false)
            .thickness(2.0)
            .width(5);
        let colours = rows.iter().map(|(stage, _)| if by_stage { style::stage_colour(*stage) } else { colour });
        let marker = Marker::new().size(10).color_array(colours.map(str::to_owned).collect());
        let name = if group.is_empty() { "mean" } else { group };
        Scatter::new(rows.iter().map(|(stage, _)| *stage as usize as f64 + beside).collect(), means.clone())
            .name(name)
            .mode(Mode::LinesMarkers)
            .line(Line::new().color(colour.to_owned()).width(2.4))
            .marker(marker)
            .error_y(errors.color(colour.to_owned()))
            .text_array(rows.iter().map(|(stage, row)| format!("{stage}, {} runs", self.runs[*row])).collect())
            .hover_template("%{text}<br>%{y:.3f}<extra>".to_owned() + name + "</extra>")
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn across() -> DataFrame {
        df![
            "measure" => ["cue_response", "cue_response", "cue_response", "final_performance"],
            "rule" => ["odrd", "odrd", "odrd", "odr"],
            "selected_in" => [Some("stim1"), Some("stim1"), Some("stim1"), None],
            "test" => [Some("published"), Some("published"), Some("published"), None],
            "stage" => [Some("early"), Some("mid"), Some("mature"), None],
            "measured_in" => ["rate"; 4],
            "runs" => [12_u64; 4],
            "mean" => [Some(2.0), None, Some(4.0), Some(1.0)],
            "low" => [Some(1.5), None, Some(3.5), Some(1.0)],
            "high" => [Some(2.25), None, Some(4.5), Some(1.0)],
        ]
        .unwrap()
    }

    #[test]
    fn a_mean_has_its_interval_and_a_stage_without_value_no_mark() {
        let by_run = df![
            "run" => (0..80).map(|row| format!("seed-{}", row / 2)).collect::<Vec<_>>(),
            "measure" => vec!["cue_response"; 80],
            "rule" => vec!["odrd"; 80],
            "selected_in" => vec!["stim1"; 80],
            "test" => vec!["published"; 80],
            "stage" => (0..80).map(|row| ["early", "mature"][row % 2]).collect::<Vec<_>>(),
            "measured_in" => vec!["rate"; 80],
            "value" => vec![1.0; 80],
        ]
        .unwrap();
        let figure = measures_over_runs(&across(), &by_run, &["cue_response:odrd:stim1"], "Measures").unwrap();
        let json: serde_json::Value = serde_json::from_str(&figure.json()).unwrap();
        let traces = json["data"].as_array().unwrap();
        let mean = traces.last().unwrap();
        assert_eq!((&mean["x"], &mean["y"]), (&serde_json::json!([0.0, 2.0]), &serde_json::json!([2.0, 4.0])));
        assert_eq!(mean["error_y"]["array"], serde_json::json!([0.25, 0.5]));
        assert_eq!(mean["error_y"]["arrayminus"], serde_json::json!([0.5, 0.5]));
        assert_eq!(traces.len(), 1 + MOST_LINES);
        assert!(figure.image(crate::figures::ImageFormat::Svg).is_ok());
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let none = DataFrame::empty();
        let message = measures_over_runs(&across(), &none, &["tuning"], "a").unwrap_err().to_string();
        assert!(message.contains("`tuning`") && message.contains("cue_response"), "{message}");
        assert!(measures_over_runs(&across(), &none, &["final_performance"], "a").is_err(), "it has no stages");
        assert!(measures_over_runs(&across(), &none, &["a"; 7], "a").unwrap_err().to_string().contains("6 at most"));
        assert!(measures_over_runs(&across(), &none, &[], "a").unwrap().json().contains("no measure"));
    }
}
