//! Performance growth (Fig. S7): how well each rule is done against trials trained.

use plotly::common::{Anchor, Line, Marker, MarkerSymbol, Mode};
use plotly::{Plot, Scatter};
use polars::frame::DataFrame;

use crate::analysis::{self, GrowthOptions};
use crate::error::Result;
use crate::figures::{Figure, style};
use crate::tables::Columns;
use crate::tasks::Rule;
use crate::training::{Run, Stage};

/// Evaluations averaged around each point.
const WINDOW: usize = 5;
/// What guessing earns: the tolerance of 36° on either side is a fifth of the circle.
const CHANCE: f64 = 0.2;
/// The performances at which the paper's early and mid stages end.
const STAGE_LIMITS: [f64; 2] = [0.35, 0.65];

/// The growth of performance in a run, smoothed over five evaluations, the stages shaded (Fig. S7).
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
    let columns = Columns::of(table, "the table of performance growth");
    let (trials, rules) = (columns.counts("trials_trained")?, columns.names("rule")?);
    let smoothed = columns.numbers("smoothed")?;
    let stages = if columns.has("stage") { Some(columns.names("stage")?) } else { None };
    let ranges = Stage::ALL.into_iter().map(|stage| format!("automatic_{stage}"));
    let ranges: Vec<Vec<u64>> =
        ranges.filter(|name| columns.has(name)).map(|name| columns.counts(&name)).collect::<Result<_>>()?;

    let mut names: Vec<&String> = Vec::new();
    for rule in &rules {
        if !names.contains(&rule) {
            names.push(rule);
        }
    }
    let mut plot = Plot::new();
    for (place, name) in names.iter().enumerate() {
        let rows = || (0..rules.len()).filter(|row| rules[*row] == **name && smoothed[*row].is_finite());
        let colour = match name.parse::<Rule>() {
            Ok(rule) => style::rule_colour(rule),
            Err(_) => style::SERIES[place % style::SERIES.len()],
        };
        let x: Vec<u64> = rows().map(|row| trials[row]).collect();
        let y: Vec<f64> = rows().map(|row| (1e4 * smoothed[row]).round() / 1e4).collect();
        plot.add_trace(
            Scatter::new(x, y)
                .name(name.as_str())
                .mode(Mode::Lines)
                .line(Line::new().color(colour).width(2.5))
                .hover_text_array(
                    rows().map(|row| stages.as_ref().map_or(String::new(), |stages| stages[row].clone())).collect(),
                )
                .hover_template(
                    "%{fullData.name}<br>%{x:,} trials<br>performance %{y:.2f}<br>%{hovertext}<extra></extra>",
                ),
        );
    }

    let x = style::axis("trials trained").tick_format(",").range_mode(plotly::layout::RangeMode::ToZero);
    let y = style::axis("performance (share of trials right)").range(vec![0.0, 1.03]);
    let mut title = "Performance grows with training".to_owned();
    if !note.is_empty() {
        title.push_str(&format!("<br><sup>{note}</sup>"));
    }
    let mut layout = match ranges.len() {
        3 => {
            let [lines, curves] = [[0.0, 0.2], [0.27, 1.0]];
            let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
            let axis = style::axis("")
                .domain(&lines)
                .range(vec![names.len() as f64 - 0.5, -0.5])
                .tick_values((0..names.len()).map(|place| place as f64).collect())
                .tick_text(names)
                .show_grid(false)
                .auto_margin(true);
            style::layout(&title, x.anchor("y2"), y.domain(&curves)).y_axis2(axis.anchor("x")).height(620)
        }
        _ => style::layout(&title, x, y),
    };
    if let [_, _, _] = &ranges[..] {
        let text = "evaluations that the automatic choice of checkpoints takes for each stage";
        layout.add_annotation(style::label(text, ("paper", 0.5), ("paper", 0.2), Anchor::Center));
        for (stage, chosen) in Stage::ALL.into_iter().zip(&ranges) {
            for (place, name) in names.iter().enumerate() {
                let rows: Vec<usize> = (0..rules.len()).filter(|row| rules[*row] == **name).collect();
                let chosen: Vec<(u64, bool)> = rows.iter().map(|row| (trials[*row], chosen[*row] > 0)).collect();
                let at: Vec<u64> = chosen.iter().filter(|(_, chosen)| *chosen).map(|(trials, _)| *trials).collect();
                if at.is_empty() {
                    continue;
                }
                let trace = Scatter::new(at.clone(), vec![place as f64; at.len()])
                    .name(format!("{name}: {} {stage}", at.len()))
                    .mode(Mode::Markers)
                    .marker(
                        Marker::new()
                            .color(style::stage_colour(stage))
                            .symbol(MarkerSymbol::LineNSOpen)
                            .size(9)
                            .line(Line::new().color(style::stage_colour(stage)).width(2.0)),
                    )
                    .show_legend(false)
                    .y_axis("y2")
                    .hover_template("%{fullData.name} evaluations<br>%{x:,} trials<extra></extra>");
                plot.add_trace(trace);
            }
        }
    }
    let bands = [(Stage::Early, 0.0, early), (Stage::Mid, early, mid), (Stage::Mature, mid, 1.03)];
    for (stage, from, to) in bands {
        layout.add_shape(style::horizontal_band(from, to, style::stage_colour(stage)));
        layout.add_annotation(style::label(stage.name(), ("paper", 0.5), ("y", from), Anchor::Center));
    }
    layout.add_shape(style::horizontal_line(CHANCE));
    layout.add_annotation(style::label("chance", ("paper", 0.65), ("y", CHANCE - 0.09), Anchor::Center));
    if names.is_empty() {
        layout.add_annotation(style::nothing("no evaluation yet"));
    }
    plot.set_layout(layout);
    let most = trials.iter().max().copied().unwrap_or_default();
    Ok(Figure::new(plot, format!("Performance of {} rules over {most} trials of training", names.len())))
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
