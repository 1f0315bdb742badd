//! The PSTH of selective units by stage (Fig. 4E–G).

use std::ops::Range;

use plotly::common::{Anchor, DashType, Line, Mode};
use plotly::{Plot, Scatter};
use polars::frame::DataFrame;

use crate::activity::Activity;
use crate::analysis::SampleUnit;
use crate::error::Result;
use crate::figures::{Figure, TrialAbout, style};
use crate::tables::Columns;
use crate::tasks::{Epoch, Rule, Timeline};
use crate::training::Stage;

/// What a PSTH is of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PsthAbout {
    /// The title.
    pub title: String,
    /// The epochs to mark, ms from the trial's start.
    pub epochs: Vec<(Epoch, Range<f64>)>,
    /// Whether activity is relative to fix1 (rate / mean fix1 rate − 1), unless the table says what it is.
    pub normalised: bool,
}

impl PsthAbout {
    /// Units that are selective in `epoch` of `rule`, at a time step of `dt` ms.
    pub fn of(rule: Rule, epoch: Epoch, dt: f64) -> Self {
        let in_ms = |range: Range<usize>| range.start as f64 * dt..range.end as f64 * dt;
        let epochs = Timeline::of(rule, dt).epochs.into_iter().map(|(epoch, range)| (epoch, in_ms(range)));
        PsthAbout {
            title: format!("Average activity of {epoch}-selective units, rule {rule}"),
            epochs: epochs.collect(),
            normalised: true,
        }
    }

    /// Units of this activity, with its epochs.
    pub fn of_activity(activity: &Activity, title: impl Into<String>) -> Self {
        let TrialAbout { title, epochs, .. } = TrialAbout::of(activity, title);
        PsthAbout { title, epochs, normalised: true }
    }

    /// A unit of this activity, with its epochs.
    pub fn of_unit(unit: &SampleUnit, activity: &Activity) -> Self {
        let rule = activity.rule.map_or_else(String::new, |rule| format!(", rule {rule}"));
        let trained =
            activity.trials_trained.map_or_else(String::new, |trials| format!(", after {trials} trials of training"));
        PsthAbout {
            title: format!("Unit {}{rule}{trained}; in the middle its {} rates", unit.unit, unit.epoch),
            epochs: activity.epochs_in_ms(),
            normalised: false,
        }
    }

    /// The same with another title.
    pub fn titled(self, title: impl Into<String>) -> Self {
        PsthAbout { title: title.into(), ..self }
    }
}

/// The average activity of selective units over the trial: a curve a stage (or checkpoint), the opposite direction
/// dashed, the epochs marked; the intervals shaded, if the table has them.
///
/// `table` is that of [`crate::analysis::psth`]. A stage without selective units has no curve, and the title says so.
///
/// ```
/// use maturation::analysis::{self, PsthOptions};
/// use maturation::figures::PsthAbout;
/// use maturation::prelude::*;
///
/// let run = Run::open("data/6tasks")?;
/// let (options, readout) = (PsthOptions::default(), ReadoutOptions::default());
/// let table = analysis::psth(&run, Selection::Last, Rule::ODR, Epoch::Stim1, &options, &readout)?;
/// let about = PsthAbout::of(Rule::ODR, Epoch::Stim1, 20.0).titled("The last checkpoint");
/// let figure = figures::psth(&table, &about)?;
/// assert!(figure.json().contains("mature") && figure.json().contains("The last checkpoint"));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If a column is missing or of another type.
pub fn psth(table: &DataFrame, about: &PsthAbout) -> Result<Figure> {
    let columns = Columns::of(table, "the table of the PSTH");
    let by_stage = columns.has("stage");
    let by_checkpoint = !by_stage && !columns.has("group");
    let groups = columns.names(match (by_stage, by_checkpoint) {
        (true, _) => "stage",
        (_, true) => "trials_trained",
        _ => "group",
    })?;
    let directions = columns.names("direction")?;
    let (times, activity) = (columns.numbers("time_ms")?, columns.numbers("activity")?);
    let units = columns.numbers("units")?;
    let intervals = match columns.has("low") {
        true => Some((columns.numbers("low")?, columns.numbers("high")?)),
        false => None,
    };

    let mut curves: Vec<(&str, &str)> = Vec::new();
    for (group, direction) in groups.iter().zip(&directions) {
        let curve = (group.as_str(), direction.as_str());
        if !curves.contains(&curve) {
            curves.push(curve);
        }
    }
    let mut plot = Plot::new();
    for (place, (group, direction)) in curves.iter().enumerate() {
        let rows: Vec<usize> = (0..groups.len())
            .filter(|row| groups[*row] == *group && directions[*row] == *direction && activity[*row].is_finite())
            .collect();
        let colour = match group.parse::<Stage>() {
            Ok(stage) => style::stage_colour(stage),
            Err(_) => style::SERIES[place % style::SERIES.len()],
        };
        let group = if by_checkpoint { format!("{group} trials") } else { (*group).to_owned() };
        let count = rows.first().map_or(0.0, |row| units[*row]);
        let opposite = *direction == "opposite";
        let name = if opposite { format!("{group}, opposite") } else { format!("{group} ({count:.0} units)") };
        if let Some((low, high)) = &intervals {
            let at = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<_>>();
            if let Some(band) = style::interval_band(&at(&times), &at(low), &at(high), colour) {
                plot.add_trace(band.legend_group(name.as_str()));
            }
        }
        let line = Line::new().color(colour).width(if opposite { 1.8 } else { 2.8 });
        let line = if opposite { line.dash(DashType::Dash) } else { line };
        plot.add_trace(
            Scatter::new(
                rows.iter().map(|row| times[*row]).collect(),
                rows.iter().map(|row| (1e5 * activity[*row]).round() / 1e5).collect::<Vec<_>>(),
            )
            .legend_group(name.as_str())
            .name(name)
            .mode(Mode::Lines)
            .line(line)
            .hover_template("%{fullData.name}<br>%{x} ms<br>activity %{y:.3f}<extra></extra>"),
        );
    }

    let missing: Vec<&str> = Stage::ALL
        .into_iter()
        .map(Stage::name)
        .filter(|stage| by_stage && !curves.is_empty() && !groups.iter().any(|group| group == stage))
        .collect();
    let mut notes = Vec::new();
    if by_stage && columns.has("checkpoints") {
        let counts = columns.counts("checkpoints")?;
        let of = |stage: Stage| groups.iter().position(|group| group == stage.name()).map(|row| (stage, counts[row]));
        notes.push(style::averaged(Stage::ALL.into_iter().filter_map(of)));
    }
    if !missing.is_empty() {
        notes.push(format!("no selective unit or checkpoint: {}", missing.join(", ")));
    }
    let title = style::heading(&about.title, &notes);
    let normalisation = style::normalisation(&columns, about.normalised)?;
    let unit = normalisation.axis();
    let mut layout = style::layout(&title, style::axis(style::time_axis(times.iter().copied())), style::axis(unit));
    if normalisation.is_relative() {
        layout.add_shape(style::horizontal_line(0.0));
    }
    let mut marked = f64::NEG_INFINITY;
    for (epoch, range) in &about.epochs {
        if matches!(epoch, Epoch::Stim1 | Epoch::Stim2 | Epoch::Distract1) {
            layout.add_shape(style::vertical_band(range.start, range.end, "#555555"));
        }
        // Epochs can overlap; a label stands where its own part begins.
        let from = range.start.max(marked);
        layout.add_annotation(style::label(
            epoch.name(),
            ("x", 0.5 * (from + range.end)),
            ("paper", 1.0),
            Anchor::Center,
        ));
        marked = range.end;
    }
    if curves.is_empty() {
        layout.add_annotation(style::nothing("no selective unit"));
    }
    plot.set_layout(layout);
    Ok(Figure::new(plot, format!("{}: {} curves", about.title, curves.len())))
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

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
        let json = psth(&table, &PsthAbout::default()).unwrap().json();
        assert!(json.contains("checkpoints averaged: early 9, mature 2"), "{json}");
        assert!(json.contains("no selective unit or checkpoint: mid"));
    }

    #[test]
    fn the_picture_has_a_curve_a_stage_and_direction() {
        let figure = psth(&table(), &PsthAbout::of(Rule::ODRD, Epoch::Stim1, 20.0)).unwrap();
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
        let figure = psth(&table, &PsthAbout::default()).unwrap();
        let json: serde_json::Value = serde_json::from_str(&figure.json()).unwrap();
        let traces = json["data"].as_array().unwrap();
        assert_eq!(traces.len(), 4, "one band: the others have no interval");
        assert_eq!(traces[0]["y"], serde_json::json!([0.0, 0.1, 0.5, 0.5]));
        assert_eq!((&traces[0]["fill"], &traces[0]["showlegend"]), (&"toself".into(), &false.into()));
        assert_eq!(traces[0]["legendgroup"], traces[1]["legendgroup"]);
    }

    #[test]
    fn nothing_selected_makes_a_picture_that_says_so_and_a_wrong_table_an_error() {
        let about = PsthAbout::default();
        assert!(psth(&table().clear(), &about).unwrap().json().contains("no selective unit"));
        assert!(psth(&table().drop("activity").unwrap(), &about).unwrap_err().to_string().contains("`activity`"));
    }
}
