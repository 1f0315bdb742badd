//! Performance growth (Fig. S7): how well each rule is done against trials trained.

use plotly::common::{Anchor, Line, Marker, MarkerSymbol, Mode};
use plotly::layout::{Layout, RangeMode};
use plotly::{Plot, Scatter};
use polars::frame::DataFrame;

use crate::analysis::{self, GrowthOptions};
use crate::error::Result;
use crate::figures::{Figure, chance, style};
use crate::tables::Columns;
use crate::training::{Run, Stage};

/// Evaluations averaged around each point.
const WINDOW: usize = 5;
/// The performances at which the paper's early and mid stages end.
const STAGE_LIMITS: [f64; 2] = [0.35, 0.65];

/// The growth of performance in a run, smoothed over five evaluations, the stages shaded and chance
/// marked, for the rules whose chance is known (Fig. S7).
///
/// ```
/// use maturation::prelude::*;
///
/// let run = Run::open("data/6tasks")?;
/// let figure = figures::performance_growth(&run)?;
/// assert!(figure.json().contains("trials trained"));
/// # Ok::<(), maturation::Error>(())
/// ```
pub fn performance_growth(run: &Run) -> Result<Figure> {
    performance_growth_with(run, &GrowthOptions { window: WINDOW, ..GrowthOptions::default() })
}

/// The growth of performance with all options; the evaluations that the automatic choice of checkpoints takes for each
/// stage stand below the curves, a line a rule.
///
/// ```
/// use maturation::analysis::GrowthOptions;
/// use maturation::prelude::*;
///
/// let options = GrowthOptions { automatic: Some(AutomaticChoice::default()), ..GrowthOptions::default() };
/// let figure = figures::performance_growth_with(&Run::open("data/6tasks")?, &options)?;
/// assert!(figure.json().contains("automatic choice"));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If the window is 0.
pub fn performance_growth_with(run: &Run, options: &GrowthOptions) -> Result<Figure> {
    let hyperparameters = run.hyperparameters();
    let limits = [hyperparameters.early_target_perf, hyperparameters.mid_target_perf];
    let mut notes = vec![match options.window {
        1 => "each evaluation".to_owned(),
        window => format!("averages over {window} evaluations"),
    }];
    if run.staging().window > 1 {
        notes.push(format!("stages by averages over {}", run.staging().window));
    }
    draw(&analysis::performance_growth(run, options)?, limits, &notes.join("; "))
}

/// The same from a table of [`analysis::performance_growth`], which may be smoothed otherwise or joined from several
/// runs.
///
/// # Errors
/// If a column is missing or of another type.
pub fn performance_growth_of(table: &DataFrame) -> Result<Figure> {
    draw(table, STAGE_LIMITS, "")
}

fn draw(table: &DataFrame, [early, mid]: [f64; 2], note: &str) -> Result<Figure> {
    let rows = Rows::of(table)?;
    let names = style::distinct(&rows.rules);
    let mut plot = Plot::new();
    for (place, name) in names.iter().enumerate() {
        plot.add_trace(rows.curve(name, place));
    }
    let mut layout = rows.layout(&style::heading("Performance grows with training", &[note.to_owned()]), &names);
    if let [_, _, _] = &rows.chosen[..] {
        let text = "evaluations that the automatic choice of checkpoints takes for each stage";
        layout.add_annotation(style::label(text, ("paper", 0.5), ("paper", 0.2), Anchor::Center));
        for (stage, chosen) in Stage::ALL.into_iter().zip(&rows.chosen) {
            let lines = names.iter().enumerate();
            let marks = lines.filter_map(|(line, name)| rows.marks(stage, chosen, line, name));
            marks.for_each(|trace| plot.add_trace(trace));
        }
    }
    let bands = [(Stage::Early, 0.0, early), (Stage::Mid, early, mid), (Stage::Mature, mid, 1.03)];
    for (stage, from, to) in bands {
        layout.add_shape(style::horizontal_band(from, to, style::stage_colour(stage)));
        layout.add_annotation(style::label(stage.name(), ("paper", 0.5), ("y", from), Anchor::Center));
    }
    mark_chance(&mut layout, &names);
    if names.is_empty() {
        layout.add_annotation(style::nothing("no evaluation yet"));
    }
    plot.set_layout(layout);
    let most = rows.trials.iter().max().copied().unwrap_or_default();
    Ok(Figure::new(plot, format!("Performance of {} rules over {most} trials of training", names.len())))
}

/// A line for each chance that the rules have; where they differ, it says whose it is.
fn mark_chance(layout: &mut Layout, names: &[&String]) {
    let chances = chance::of_rules(names);
    for (chance, rules) in &chances {
        layout.add_shape(style::horizontal_line(*chance));
        let all = chances.len() == 1 && rules.len() == names.len();
        let text = if all { "chance".to_owned() } else { format!("chance, {}", rules.join(", ")) };
        layout.add_annotation(style::label(&text, ("paper", 0.65), ("y", chance - 0.09), Anchor::Center));
    }
}

/// The table's columns.
struct Rows {
    trials: Vec<u64>,
    rules: Vec<String>,
    smoothed: Vec<f64>,
    stages: Option<Vec<String>>,
    /// For each stage, how often the automatic choice takes each evaluation; nothing if the table does not have it.
    chosen: Vec<Vec<u64>>,
}

impl Rows {
    fn of(table: &DataFrame) -> Result<Rows> {
        let columns = Columns::of(table, "the table of performance growth");
        let chosen = Stage::ALL.into_iter().map(|stage| format!("automatic_{stage}"));
        Ok(Rows {
            trials: columns.counts("trials_trained")?,
            rules: columns.names("rule")?,
            smoothed: columns.numbers("smoothed")?,
            stages: columns.has("stage").then(|| columns.names("stage")).transpose()?,
            chosen: chosen.filter(|name| columns.has(name)).map(|name| columns.counts(&name)).collect::<Result<_>>()?,
        })
    }

    fn curve(&self, name: &str, place: usize) -> Box<Scatter<u64, f64>> {
        let rows = || (0..self.rules.len()).filter(|row| self.rules[*row] == name && self.smoothed[*row].is_finite());
        let stage = |row: usize| self.stages.as_ref().map_or(String::new(), |stages| stages[row].clone());
        let performance = rows().map(|row| (1e4 * self.smoothed[row]).round() / 1e4).collect();
        Scatter::new(rows().map(|row| self.trials[row]).collect(), performance)
            .name(name)
            .mode(Mode::Lines)
            .line(Line::new().color(style::rule_or_series(name, place)).width(2.5))
            .hover_text_array(rows().map(stage).collect())
            .hover_template("%{fullData.name}<br>%{x:,} trials<br>performance %{y:.2f}<br>%{hovertext}<extra></extra>")
    }

    /// Room for the curves, and below them for a line of marks a rule if the automatic choice is shown.
    fn layout(&self, title: &str, names: &[&String]) -> Layout {
        let x = style::axis("trials trained").tick_format(",").range_mode(RangeMode::ToZero);
        let y = style::axis("performance (share of trials right)").range(vec![0.0, 1.03]);
        if self.chosen.len() != 3 {
            return style::layout(title, x, y);
        }
        let [lines, curves] = [[0.0, 0.2], [0.27, 1.0]];
        let axis = style::axis("")
            .domain(&lines)
            .range(vec![names.len() as f64 - 0.5, -0.5])
            .tick_values((0..names.len()).map(|place| place as f64).collect())
            .tick_text(names.iter().map(|name| name.to_string()).collect())
            .show_grid(false)
            .auto_margin(true);
        style::layout(title, x.anchor("y2"), y.domain(&curves)).y_axis2(axis.anchor("x")).height(620)
    }

    /// The evaluations of a rule that the automatic choice takes for a stage, on the rule's line.
    fn marks(&self, stage: Stage, chosen: &[u64], line: usize, name: &str) -> Option<Box<Scatter<u64, f64>>> {
        let is_chosen = |row: &usize| self.rules[*row] == name && chosen[*row] > 0;
        let at: Vec<u64> = (0..self.rules.len()).filter(is_chosen).map(|row| self.trials[row]).collect();
        let colour = style::stage_colour(stage);
        let mark = Marker::new().color(colour).symbol(MarkerSymbol::LineNSOpen).size(9);
        (!at.is_empty()).then(|| {
            Scatter::new(at.clone(), vec![line as f64; at.len()])
                .name(format!("{name}: {} {stage}", at.len()))
                .mode(Mode::Markers)
                .marker(mark.line(Line::new().color(colour).width(2.0)))
                .show_legend(false)
                .y_axis("y2")
                .hover_template("%{fullData.name} evaluations<br>%{x:,} trials<extra></extra>")
        })
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    #[test]
    fn the_picture_has_a_curve_a_rule_the_stages_and_chance() {
        let table = df![
            "trials_trained" => [0_u64, 1280, 0, 1280],
            "rule" => ["odr", "odr", "gap", "gap"],
            "smoothed" => [Some(0.2), Some(0.5), Some(0.3), None],
        ]
        .unwrap();
        let json: serde_json::Value = serde_json::from_str(&performance_growth_of(&table).unwrap().json()).unwrap();
        let traces = json["data"].as_array().unwrap();
        assert_eq!(traces.len(), 2);
        assert_eq!(traces[0]["name"], "odr");
        assert_eq!(traces[0]["y"], serde_json::json!([0.2, 0.5]));
        assert_eq!(traces[1]["x"], serde_json::json!([0]), "what is not a number is left out");
        assert_ne!(traces[0]["line"]["color"], traces[1]["line"]["color"]);
        let text = json["layout"].to_string();
        for word in ["trials trained", "performance", "early", "mid", "mature", "chance"] {
            assert!(text.contains(word), "{word}");
        }
        assert_eq!(json["layout"]["shapes"].as_array().unwrap().len(), 4);
    }

    #[test]
    fn an_empty_log_makes_a_picture_that_says_so_and_a_wrong_table_an_error() {
        let empty = df![
            "trials_trained" => Vec::<u64>::new(), "rule" => Vec::<String>::new(), "smoothed" => Vec::<f64>::new(),
        ]
        .unwrap();
        assert!(performance_growth_of(&empty).unwrap().json().contains("no evaluation yet"));
        let wrong = df!["trials_trained" => [1_u64]].unwrap();
        assert!(performance_growth_of(&wrong).unwrap_err().to_string().contains("`rule`"));
    }
}
