//! How far from the target responses end: one distribution a stage.

use plotly::common::{Anchor, DashType, Fill, Line, LineShape, Mode};
use plotly::layout::{Shape, ShapeLine, ShapeType};
use plotly::{Plot, Scatter};
use polars::frame::DataFrame;

use crate::error::Result;
use crate::figures::{Figure, style};
use crate::tables::{Columns, thousands};
use crate::tasks::Rule;
use crate::training::Stage;

/// The distribution of one stage.
pub(super) struct Distribution {
    pub(super) stage: Stage,
    pub(super) checkpoints: u64,
    /// Where each bin begins, degrees.
    from: Vec<f64>,
    /// Where the last one ends.
    end: f64,
    trials: Vec<u64>,
    fixating: u64,
}

impl Distribution {
    /// The distributions of the rows that are chosen, by stage, the earliest first.
    pub(super) fn all(columns: &Columns, chosen: impl Fn(usize) -> bool) -> Result<Vec<Distribution>> {
        let stages = columns.names("stage")?;
        let checkpoints = columns.counts("checkpoints")?;
        let (from, to) = (columns.numbers("from_degrees")?, columns.numbers("to_degrees")?);
        let (trials, fixating) = (columns.counts("trials")?, columns.counts("fixating")?);
        let of = |stage: Stage| {
            let rows: Vec<usize> =
                (0..stages.len()).filter(|row| stages[*row] == stage.name() && chosen(*row)).collect();
            let last = *rows.last()?;
            Some(Distribution {
                stage,
                checkpoints: checkpoints[last],
                from: rows.iter().map(|row| from[*row]).collect(),
                end: to[last],
                trials: rows.iter().map(|row| trials[*row]).collect(),
                fixating: rows.iter().map(|row| fixating[*row]).sum(),
            })
        };
        Ok(Stage::ALL.into_iter().filter_map(of).collect())
    }

    pub(super) fn responding(&self) -> u64 {
        self.trials.iter().sum()
    }

    /// What there is of the stage, for the legend.
    pub(super) fn name(&self) -> String {
        let plural = if self.checkpoints == 1 { "" } else { "s" };
        format!("{} ({} checkpoint{plural})", self.stage, self.checkpoints)
    }

    /// Steps over the bins, in percent of the responding trials, on the axes `x` and `y`; none without such a trial.
    pub(super) fn trace(&self, [x, y]: [&str; 2], legend: bool) -> Option<Box<Scatter<f64, f64>>> {
        let all = self.responding();
        if all == 0 {
            return None;
        }
        let share = |count: &u64| (1e4 * *count as f64 / all as f64).round() / 1e2;
        let mut shares: Vec<f64> = self.trials.iter().map(share).collect();
        let mut starts = self.from.clone();
        // Steps end where the last bin does.
        starts.push(self.end);
        shares.extend(shares.last().copied());
        let colour = style::stage_colour(self.stage);
        let bins = self.from.iter().zip(starts.iter().skip(1)).zip(&self.trials);
        let hover = bins.map(|((from, to), trials)| format!("{from:.0}° to {to:.0}°: {trials} of {all} trials"));
        let trace = Scatter::new(starts.clone(), shares)
            .name(self.name())
            .legend_group(self.stage.name())
            .show_legend(legend)
            .mode(Mode::Lines)
            .line(Line::new().color(colour).width(2.5).shape(LineShape::Hv))
            .fill(Fill::ToZeroY)
            .fill_color(style::faint(colour))
            .hover_text_array(hover.collect())
            .hover_template("%{fullData.name}<br>%{hovertext}<br>%{y:.1f} %<extra></extra>")
            .x_axis(x)
            .y_axis(y);
        Some(trace)
    }
}

/// Which checkpoints each stage stands on, and what decides the stage, if the table has it.
pub(super) fn stands_on(columns: &Columns) -> Result<String> {
    if !(columns.has("first_trials") && columns.has("last_trials") && columns.has("stage_window")) {
        return Ok(String::new());
    }
    let (stages, windows) = (columns.names("stage")?, columns.numbers("stage_window")?);
    let (first, last) = (columns.numbers("first_trials")?, columns.numbers("last_trials")?);
    let of = |stage: Stage| {
        let row = stages.iter().position(|name| name == stage.name()).filter(|row| first[*row].is_finite())?;
        let [first, last] = [first[row], last[row]].map(|trials| thousands(trials as u64));
        Some(if first == last { format!("{stage} at {first}") } else { format!("{stage} from {first} to {last}") })
    };
    let each: Vec<String> = Stage::ALL.into_iter().filter_map(of).collect();
    if each.is_empty() {
        return Ok(String::new());
    }
    let decided = match windows.iter().copied().find(|window| window.is_finite()) {
        Some(window) if window > 1.0 => format!("by the average of {window} evaluations around it"),
        _ => "by its own evaluation alone".to_owned(),
    };
    Ok(format!("checkpoints {} trials; the stage of each {decided}", each.join(", ")))
}

/// The line at which a response to a rule stops being right, over the whole height of the axis `x_ref`.
pub(super) fn tolerance(rule: Rule, x_ref: &str, y_ref: &str) -> Shape {
    let degrees = rule.task().tolerance().to_degrees();
    Shape::new()
        .shape_type(ShapeType::Line)
        .x_ref(x_ref)
        .x0(degrees)
        .x1(degrees)
        .y_ref(y_ref)
        .y0(0.0)
        .y1(1.0)
        .line(ShapeLine::new().color(style::INK).width(1.2).dash(DashType::Dot))
}

/// The axis of the response's distance from the target.
pub(super) fn distance_axis(title: &str) -> plotly::layout::Axis {
    style::axis(title).range(vec![0.0, 180.0]).tick_values(vec![0.0, 45.0, 90.0, 135.0, 180.0])
}

/// How far from the target the responses of each stage end (paper: distributions of saccade end points): steps over
/// bins of 6°, in percent of the responding trials.
///
/// `table` is that of [`crate::analysis::saccade`]. A stage without responses has no curve, and the title says so.
///
/// ```
/// use maturation::analysis::{SaccadeOptions, saccade};
/// use maturation::prelude::*;
/// use maturation::readout::ReadoutOptions;
///
/// let run = Run::open("data/6tasks")?;
/// let options = SaccadeOptions { batches: 1 };
/// let table = saccade(&run, Selection::Last, Rule::GAP, &options, &ReadoutOptions::default())?;
/// assert!(figures::saccade(&table, Rule::GAP)?.json().contains("distance of the response from the target"));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If a column is missing or of another type.
pub fn saccade(table: &DataFrame, rule: Rule) -> Result<Figure> {
    let columns = Columns::of(table, "the table of response distances");
    let found = Distribution::all(&columns, |_| true)?;
    let mut plot = Plot::new();
    found.iter().filter_map(|stage| stage.trace(["x", "y"], true)).for_each(|trace| plot.add_trace(trace));

    let counts = found.iter().map(|stage| {
        let all = stage.responding() + stage.fixating;
        format!("{} {} of {all}", stage.stage, stage.fixating)
    });
    let mut notes = Vec::new();
    if !found.is_empty() {
        notes.push(format!("still fixating, not counted: {}", counts.collect::<Vec<_>>().join(", ")));
    }
    let missing: Vec<&str> = Stage::ALL
        .into_iter()
        .filter(|stage| !found.iter().any(|found| found.stage == *stage))
        .map(Stage::name)
        .collect();
    if !found.is_empty() && !missing.is_empty() {
        notes.push(format!("no checkpoint: {}", missing.join(", ")));
    }
    let notes = [notes.join("; "), stands_on(&columns)?];
    let title = style::heading(&format!("Where responses end, rule {rule}"), &notes);
    let x = distance_axis("distance of the response from the target (degrees)");
    let mut layout = style::layout(&title, x, style::axis("responding trials (%)"));
    layout.add_shape(tolerance(rule, "x", "paper"));
    let degrees = (10.0 * rule.task().tolerance().to_degrees()).round() / 10.0;
    let text = format!("right up to {degrees}°");
    layout.add_annotation(style::label(&text, ("x", degrees + 2.0), ("paper", 0.93), Anchor::Left));
    layout.add_shape(style::horizontal_line(100.0 / 30.0));
    layout.add_annotation(style::label("chance", ("paper", 0.98), ("y", 100.0 / 30.0), Anchor::Right));
    if found.iter().all(|stage| stage.responding() == 0) {
        layout.add_annotation(style::nothing("no response"));
    }
    plot.set_layout(layout);
    Ok(Figure::new(plot, format!("Distance of the response from the target, rule {rule}, {} stages", found.len())))
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn table() -> DataFrame {
        df![
            "stage" => ["early", "early", "mature", "mature"],
            "checkpoints" => [4_u32, 4, 1, 1],
            "from_degrees" => [0.0, 90.0, 0.0, 90.0],
            "to_degrees" => [90.0, 180.0, 90.0, 180.0],
            "trials" => [10_u64, 30, 5, 0],
            "fixating" => [3_u64, 4, 0, 0],
            "share" => [0.25, 0.75, 1.0, 0.0],
        ]
        .unwrap()
    }

    #[test]
    fn the_picture_has_steps_a_stage_and_tells_the_fixating_trials() {
        let json: serde_json::Value = serde_json::from_str(&saccade(&table(), Rule::GAP).unwrap().json()).unwrap();
        let traces = json["data"].as_array().unwrap();
        assert_eq!(traces.len(), 2);
        assert_eq!(traces[0]["name"], "early (4 checkpoints)");
        assert_eq!(traces[1]["name"], "mature (1 checkpoint)");
        assert_eq!(traces[0]["x"], serde_json::json!([0.0, 90.0, 180.0]));
        assert_eq!(traces[0]["y"], serde_json::json!([25.0, 75.0, 75.0]));
        assert_eq!(traces[0]["hovertext"][1], "90° to 180°: 30 of 40 trials");
        let text = json["layout"].to_string();
        for word in [
            "from the target (degrees)",
            "still fixating, not counted: early 7 of 47, mature 0 of 5",
            "no checkpoint: mid",
            "chance",
        ] {
            assert!(text.contains(word), "{word}: {text}");
        }
    }

    #[test]
    fn the_title_says_which_checkpoints_a_stage_stands_on() {
        let mut table = table();
        table.with_column(Column::new("first_trials".into(), [0_u64, 0, 2560, 2560])).unwrap();
        table.with_column(Column::new("last_trials".into(), [1280_u64, 1280, 2560, 2560])).unwrap();
        table.with_column(Column::new("stage_window".into(), [5_u32; 4])).unwrap();
        let json = saccade(&table, Rule::GAP).unwrap().json();
        assert!(json.contains("early from 0 to 1,280, mature at 2,560 trials"), "{json}");
        assert!(json.contains("the average of 5 evaluations"));
        table.with_column(Column::new("stage_window".into(), [1_u32; 4])).unwrap();
        assert!(saccade(&table, Rule::GAP).unwrap().json().contains("its own evaluation alone"));
    }

    #[test]
    fn no_response_makes_a_picture_that_says_so_and_a_wrong_table_an_error() {
        assert!(saccade(&table().clear(), Rule::GAP).unwrap().json().contains("no response"));
        assert!(saccade(&table().drop("fixating").unwrap(), Rule::GAP).unwrap_err().to_string().contains("`fixating`"));
    }
}
