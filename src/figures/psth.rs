//! The PSTH of selective units by stage (Fig. 4E–G).

use plotly::common::{DashType, Line, Mode};
use plotly::{Plot, Scatter};
use polars::frame::DataFrame;

use crate::error::Result;
use crate::figures::epochs::{self, Look};
use crate::figures::{About, Figure, style};
use crate::tables::Columns;
use crate::training::Stage;

/// The average activity of selective units over the trial: a curve a stage (or checkpoint), the opposite direction
/// dashed, the epochs marked; the intervals shaded, if the table has them.
///
/// `table` is that of [`crate::analysis::psth`]. A stage without selective units has no curve, and the title says so.
///
/// ```
/// use maturation::analysis::{self, PsthOptions};
/// use maturation::prelude::*;
///
/// let run = Run::open("data/6tasks")?;
/// let (options, readout) = (PsthOptions::default(), ReadoutOptions::default());
/// let table = analysis::psth(&run, Selection::Last, Rule::ODR, Epoch::Stim1, &options, &readout)?;
/// let about = About::of_selective(Rule::ODR, Epoch::Stim1, 20.0).titled("The last checkpoint");
/// let figure = figures::psth(&table, &about)?;
/// assert!(figure.json().contains("mature") && figure.json().contains("The last checkpoint"));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If a column is missing or of another type.
pub fn psth(table: &DataFrame, about: impl Into<About>) -> Result<Figure> {
    let about = about.into();
    let rows = Rows::of(table)?;
    let curves = rows.curves();
    let mut plot = Plot::new();
    for (place, (group, direction)) in curves.iter().enumerate() {
        rows.draw(&mut plot, place, group, direction);
    }
    let columns = Columns::of(table, TABLE);
    let title = style::heading(&about.title, &rows.notes(&columns)?);
    let normalisation = style::normalisation(&columns, about.rates)?;
    let time = style::time_axis(rows.times.iter().copied());
    let mut layout = style::layout(&title, style::axis(time), style::axis(normalisation.axis()));
    if normalisation.is_relative() {
        layout.add_shape(style::horizontal_line(0.0));
    }
    epochs::mark(&mut layout, &about.epochs, "x", ("paper", 0.0, 1.0), Look::Large);
    if curves.is_empty() {
        layout.add_annotation(style::nothing("no selective unit"));
    }
    plot.set_layout(layout);
    Ok(Figure::new(plot, format!("{}: {} curves", about.title, curves.len())))
}

const TABLE: &str = "the table of the PSTH";

/// What curves are grouped by.
#[derive(Clone, Copy, PartialEq)]
enum Grouped {
    Stage,
    Checkpoint,
    Other,
}

/// The table's columns.
struct Rows {
    grouped: Grouped,
    groups: Vec<String>,
    directions: Vec<String>,
    times: Vec<f64>,
    activity: Vec<f64>,
    units: Vec<f64>,
    intervals: Option<[Vec<f64>; 2]>,
}

impl Rows {
    fn of(table: &DataFrame) -> Result<Rows> {
        let columns = Columns::of(table, TABLE);
        let (grouped, name) = match (columns.has("stage"), columns.has("group")) {
            (true, _) => (Grouped::Stage, "stage"),
            (false, true) => (Grouped::Other, "group"),
            (false, false) => (Grouped::Checkpoint, "trials_trained"),
        };
        Ok(Rows {
            grouped,
            groups: columns.names(name)?,
            directions: columns.names("direction")?,
            times: columns.numbers("time_ms")?,
            activity: columns.numbers("activity")?,
            units: columns.numbers("units")?,
            intervals: style::interval(&columns)?,
        })
    }

    /// Each group with each of its directions, in the order of the table.
    fn curves(&self) -> Vec<(&str, &str)> {
        let mut curves = Vec::new();
        for curve in self.groups.iter().map(String::as_str).zip(self.directions.iter().map(String::as_str)) {
            if !curves.contains(&curve) {
                curves.push(curve);
            }
        }
        curves
    }

    fn draw(&self, plot: &mut Plot, place: usize, group: &str, direction: &str) {
        let is_of_it = |row: &usize| {
            self.groups[*row] == group && self.directions[*row] == direction && self.activity[*row].is_finite()
        };
        let rows: Vec<usize> = (0..self.groups.len()).filter(is_of_it).collect();
        let colour = style::stage_or_series(group, place);
        let group = if self.grouped == Grouped::Checkpoint { format!("{group} trials") } else { group.to_owned() };
        let count = rows.first().map_or(0.0, |row| self.units[*row]);
        let opposite = direction == "opposite";
        let name = if opposite { format!("{group}, opposite") } else { format!("{group} ({count:.0} units)") };
        let at = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<_>>();
        if let Some([low, high]) = &self.intervals
            && let Some(band) = style::interval_band(&at(&self.times), &at(low), &at(high), colour)
        {
            plot.add_trace(band.legend_group(name.as_str()));
        }
        let line = Line::new().color(colour).width(if opposite { 1.8 } else { 2.8 });
        let line = if opposite { line.dash(DashType::Dash) } else { line };
        let rounded = rows.iter().map(|row| (1e5 * self.activity[*row]).round() / 1e5).collect::<Vec<_>>();
        plot.add_trace(
            Scatter::new(at(&self.times), rounded)
                .legend_group(name.as_str())
                .name(name)
                .mode(Mode::Lines)
                .line(line)
                .hover_template("%{fullData.name}<br>%{x} ms<br>activity %{y:.3f}<extra></extra>"),
        );
    }

    /// How many checkpoints each stage has, and which stages have none.
    fn notes(&self, columns: &Columns) -> Result<Vec<String>> {
        if self.grouped != Grouped::Stage || self.groups.is_empty() {
            return Ok(Vec::new());
        }
        let first = |stage: Stage| self.groups.iter().position(|group| group == stage.name());
        let mut notes = Vec::new();
        if columns.has("checkpoints") {
            let counts = columns.counts("checkpoints")?;
            notes
                .push(style::averaged(Stage::ALL.into_iter().filter_map(|stage| Some((stage, counts[first(stage)?])))));
        }
        let missing: Vec<&str> =
            Stage::ALL.into_iter().filter(|stage| first(*stage).is_none()).map(Stage::name).collect();
        if !missing.is_empty() {
            notes.push(format!("no selective unit or checkpoint: {}", missing.join(", ")));
        }
        Ok(notes)
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;
    use crate::tasks::{Epoch, Rule};

    fn table() -> DataFrame {
        df![
            "stage" => ["early", "early", "mature", "mature", "mature", "mature"],
            "direction" => ["preferred", "preferred", "preferred", "preferred", "opposite", "opposite"],
            "step" => [0_u32, 1, 0, 1, 0, 1],
            "time_ms" => [0.0, 20.0, 0.0, 20.0, 0.0, 20.0],
            "activity" => [0.1, 0.2, 0.3, 0.4, -0.1, -0.2],
            "units" => [12.0, 12.0, 34.4, 34.4, 34.4, 34.4],
        ]
        .unwrap()
    }

    #[test]
    fn the_title_says_how_many_checkpoints_are_averaged() {
        let mut table = table();
        table.with_column(Column::new("checkpoints".into(), [9_u32, 9, 2, 2, 2, 2])).unwrap();
        let json = psth(&table, About::default()).unwrap().json();
        assert!(json.contains("checkpoints averaged: early 9, mature 2"), "{json}");
        assert!(json.contains("no selective unit or checkpoint: mid"));
    }

    #[test]
    fn the_picture_has_a_curve_a_stage_and_direction() {
        let figure = psth(&table(), About::of_selective(Rule::ODRD, Epoch::Stim1, 20.0)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&figure.json()).unwrap();
        let traces = json["data"].as_array().unwrap();
        let names: Vec<_> = traces.iter().map(|trace| trace["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["early (12 units)", "mature (34 units)", "mature, opposite"]);
        assert_eq!(traces[1]["y"], serde_json::json!([0.3, 0.4]));
        assert_eq!(traces[1]["line"]["color"], traces[2]["line"]["color"]);
        assert_eq!(traces[2]["line"]["dash"], "dash");
        let text = json["layout"].to_string();
        for word in ["stim1", "distract1", "time from trial start (ms)", "odrd", "no selective unit or checkpoint: mid"]
        {
            assert!(text.contains(word), "{word}");
        }
    }

    #[test]
    fn intervals_are_shaded_behind_their_curve() {
        let (low, high) = ([Some(0.0), Some(0.1), Some(0.2), None, None, None], [Some(0.5); 6]);
        let mut table = table();
        table.with_column(Column::new("low".into(), low)).unwrap();
        table.with_column(Column::new("high".into(), high)).unwrap();
        let figure = psth(&table, About::default()).unwrap();
        let json: serde_json::Value = serde_json::from_str(&figure.json()).unwrap();
        let traces = json["data"].as_array().unwrap();
        assert_eq!(traces.len(), 4, "one band: the others have no interval");
        assert_eq!(traces[0]["y"], serde_json::json!([0.0, 0.1, 0.5, 0.5]));
        assert_eq!((&traces[0]["fill"], &traces[0]["showlegend"]), (&"toself".into(), &false.into()));
        assert_eq!(traces[0]["legendgroup"], traces[1]["legendgroup"]);
    }

    #[test]
    fn nothing_selected_makes_a_picture_that_says_so_and_a_wrong_table_an_error() {
        assert!(psth(&table().clear(), "").unwrap().json().contains("no selective unit"));
        assert!(psth(&table().drop("activity").unwrap(), "").unwrap_err().to_string().contains("`activity`"));
    }
}
