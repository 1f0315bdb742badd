//! How performance grows, over runs.

use plotly::common::{HoverInfo, Line, Mode};
use plotly::layout::Axis;
use plotly::{Plot, Scatter};
use polars::frame::DataFrame;

use crate::error::Result;
use crate::figures::grid::{self, MOST_PANELS, PANELS_IN_A_ROW};
use crate::figures::over_runs::{self, MOST_LINES};
use crate::figures::{About, Figure, style};
use crate::tables::Columns;

/// The growth of performance over runs: a panel a rule, the mean over runs within its 95 % interval, and a thin line
/// for each single run, of at most [`MOST_LINES`] a group. Several groups of runs have colours of their own.
///
/// `growth` and `by_run` are the tables of [`Summary::growth`](crate::summary::Summary::growth) and of
/// [`Summary::growth_by_run`](crate::summary::Summary::growth_by_run); the latter may be empty. At most six rules are
/// drawn; the title says how many are not.
///
/// ```
/// use maturation::prelude::*;
///
/// let growth = df![
///     "rule" => ["odr", "odr"], "trials_trained" => [0.0, 1000.0], "mean" => [0.1, 0.9], "sd" => [0.05, 0.05],
///     "low" => [0.05, 0.85], "high" => [0.15, 0.95], "runs" => [10_u64, 10],
/// ]?;
/// let figure = figures::growth_over_runs(&growth, &DataFrame::empty(), "Ten networks")?;
/// assert!(figure.json().contains("trials trained"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If a column is missing or of another type.
pub fn growth_over_runs(growth: &DataFrame, by_run: &DataFrame, about: impl Into<About>) -> Result<Figure> {
    let title = about.into().title;
    let columns = Columns::of(growth, "the table of growth over runs");
    let (of_group, keys) = over_runs::groups(growth, "rule")?;
    let rows = Rows {
        groups: of_group,
        rules: columns.names("rule")?,
        trials: columns.numbers("trials_trained")?,
        mean: columns.numbers("mean")?,
        ends: [columns.numbers("low")?, columns.numbers("high")?],
        runs: columns.counts("runs")?,
    };
    let lines = Lines::of(by_run, &keys)?;
    let (groups, rules) = (style::distinct(&rows.groups), style::distinct(&rows.rules));
    let panels = &rules[..rules.len().min(MOST_PANELS)];

    let mut plot = Plot::new();
    let mut drawn = 0;
    let mut layout = Some(style::layout("", Axis::new(), Axis::new()).legend(style::legend("runs")));
    for (panel, (rule, place)) in panels.iter().zip(grid::in_rows(panels.len())).enumerate() {
        let [x, y] = grid::axes_of(panel);
        for (order, group) in groups.iter().enumerate() {
            let colour = match groups.len() {
                1 => style::rule_or_series(rule, panel),
                _ => over_runs::colour(order),
            };
            let thin = lines.of_group(group, rule);
            drawn = drawn.max(thin.len());
            for (trials, smoothed) in thin {
                plot.add_trace(thin_line(trials, smoothed, colour).x_axis(&x).y_axis(&y));
            }
            rows.draw(&mut plot, panel, (group, rule), colour, groups.len() > 1);
        }
        let axis = |name: &str| style::axis(name).title(style::axis_title(name)).tick_font(style::small());
        let across = axis("trials trained").domain(&place.across()).anchor(&y).tick_format("~s");
        let of_performance = if panel.is_multiple_of(PANELS_IN_A_ROW) { "performance" } else { "" };
        let up = axis(of_performance).domain(&place.up()).anchor(&x).range(vec![0.0, 1.03]);
        layout = layout.map(|layout| grid::with_axes(layout, panel, across, up));
        if let Some(layout) = &mut layout {
            layout.add_annotation(place.title(rule));
        }
    }
    let runs = rows.runs.iter().copied().max().unwrap_or(0);
    let mut notes =
        vec![format!("means over {runs} runs, bands: 95 % intervals; {}", over_runs::lines_note(drawn, runs))];
    if rules.len() > panels.len() {
        notes.push(format!("{} further rules are in the table", rules.len() - panels.len()));
    }
    let mut layout = layout.unwrap_or_default().title(style::title(&style::heading(&title, &notes)));
    if panels.is_empty() {
        layout.add_annotation(style::nothing("no run"));
    }
    plot.set_layout(grid::layout_in_rows(layout, panels.len()));
    let names = panels.iter().map(|rule| rule.as_str()).collect::<Vec<_>>().join(", ");
    Ok(Figure::new(plot, format!("{title}: performance on {names} over {runs} runs")))
}

fn thin_line(trials: Vec<f64>, smoothed: Vec<f64>, colour: &str) -> Box<Scatter<f64, f64>> {
    Scatter::new(trials, smoothed)
        .mode(Mode::Lines)
        .line(Line::new().color(colour.to_owned()).width(0.6))
        .opacity(0.45)
        .hover_info(HoverInfo::Skip)
        .show_legend(false)
}

/// The table's columns.
struct Rows {
    groups: Vec<String>,
    rules: Vec<String>,
    trials: Vec<f64>,
    mean: Vec<f64>,
    ends: [Vec<f64>; 2],
    runs: Vec<u64>,
}

impl Rows {
    /// A group's mean and band.
    fn draw(&self, plot: &mut Plot, panel: usize, (group, rule): (&str, &str), colour: &str, in_legend: bool) {
        let [x, y] = grid::axes_of(panel);
        let here: Vec<usize> =
            (0..self.rules.len()).filter(|row| self.groups[*row] == group && self.rules[*row] == rule).collect();
        let of = |values: &[f64]| here.iter().map(|row| values[*row]).collect::<Vec<_>>();
        let trials = of(&self.trials);
        if let Some(band) = style::interval_band(&trials, &of(&self.ends[0]), &of(&self.ends[1]), colour) {
            plot.add_trace(band.legend_group(group).x_axis(&x).y_axis(&y));
        }
        let name = if group.is_empty() { "mean" } else { group };
        let means = of(&self.mean).into_iter().map(|mean| (1e4 * mean).round() / 1e4).collect();
        plot.add_trace(
            Scatter::new(trials, means)
                .name(name)
                .mode(Mode::Lines)
                .line(Line::new().color(colour.to_owned()).width(2.6))
                .legend_group(group)
                .show_legend(in_legend && panel == 0)
                .text_array(here.iter().map(|row| self.runs[*row].to_string()).collect())
                .hover_template(format!(
                    "{rule}<br>%{{x:,}} trials<br>%{{y:.2f}}, runs: %{{text}}<extra>{name}</extra>"
                ))
                .x_axis(&x)
                .y_axis(&y),
        );
    }
}

/// The curves of single runs.
#[derive(Default)]
struct Lines {
    groups: Vec<String>,
    runs: Vec<String>,
    rules: Vec<String>,
    trials: Vec<f64>,
    smoothed: Vec<f64>,
}

impl Lines {
    fn of(table: &DataFrame, keys: &[String]) -> Result<Lines> {
        if table.height() == 0 {
            return Ok(Lines::default());
        }
        let columns = Columns::of(table, "the table of growth by run");
        Ok(Lines {
            groups: over_runs::of_keys(table, keys)?,
            runs: columns.names("run")?,
            rules: columns.names("rule")?,
            trials: columns.numbers("trials_trained")?,
            smoothed: columns.numbers("smoothed")?,
        })
    }

    /// The curves of a group's runs on a rule, not more than are drawn, every so many points.
    fn of_group(&self, group: &str, rule: &str) -> Vec<(Vec<f64>, Vec<f64>)> {
        let here: Vec<usize> =
            (0..self.rules.len()).filter(|row| self.groups[*row] == group && self.rules[*row] == rule).collect();
        let curves = here.chunk_by(|one, other| self.runs[*one] == self.runs[*other]);
        let thinned = |rows: &[usize]| {
            let step = rows.len().div_ceil(POINTS_OF_A_LINE).max(1);
            let kept = rows.iter().step_by(step).chain(rows.last().filter(|_| !(rows.len() - 1).is_multiple_of(step)));
            let round = |value: f64| (1e3 * value).round() / 1e3;
            kept.map(|row| (self.trials[*row], round(self.smoothed[*row]))).unzip()
        };
        curves.take(MOST_LINES).map(thinned).collect()
    }
}

/// Points of a thin line: a figure of many is a file that a browser still opens.
const POINTS_OF_A_LINE: usize = 120;

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn growth(groups: &[&str]) -> DataFrame {
        let each = |values: [f64; 2]| groups.iter().flat_map(|_| values).collect::<Vec<_>>();
        df![
            "cell" => groups.iter().flat_map(|group| [*group; 2]).collect::<Vec<_>>(),
            "rule" => vec!["odr"; 2 * groups.len()],
            "trials_trained" => each([0.0, 1000.0]),
            "mean" => each([0.2, 0.9]),
            "low" => each([0.1, 0.8]),
            "high" => each([0.3, 1.0]),
            "runs" => vec![40_u64; 2 * groups.len()],
        ]
        .unwrap()
    }

    fn by_run(runs: usize) -> DataFrame {
        df![
            "run" => (0..2 * runs).map(|row| format!("seed-{}", row / 2)).collect::<Vec<_>>(),
            "cell" => vec!["gru"; 2 * runs],
            "rule" => vec!["odr"; 2 * runs],
            "trials_trained" => (0..2 * runs).map(|row| (row % 2 * 1000) as u64).collect::<Vec<_>>(),
            "smoothed" => vec![0.5; 2 * runs],
        ]
        .unwrap()
    }

    #[test]
    fn each_group_has_a_mean_a_band_and_thin_lines_of_which_there_are_not_too_many() {
        let figure = growth_over_runs(&growth(&["gru", "lstm"]), &by_run(40), "Growth").unwrap();
        let json: serde_json::Value = serde_json::from_str(&figure.json()).unwrap();
        let traces = json["data"].as_array().unwrap();
        let means: Vec<_> = traces.iter().filter(|trace| trace["line"]["width"] == 2.6).collect();
        let bands = traces.iter().filter(|trace| trace["fill"] == "toself").count();
        let thin = traces.iter().filter(|trace| trace["line"]["width"] == 0.6).count();
        assert_eq!((means.len(), bands, thin), (2, 2, MOST_LINES));
        assert_eq!(means[1]["name"], "cell lstm");
        assert_eq!(means[0]["y"], serde_json::json!([0.2, 0.9]));
        assert!(figure.json().contains("thin lines: 30 of 40 runs"));
        assert!(figure.image(crate::figures::ImageFormat::Svg).is_ok());
    }

    #[test]
    fn nothing_says_so_and_a_missing_column_is_named() {
        let empty = growth_over_runs(&growth(&[]), &DataFrame::empty(), "Growth").unwrap();
        assert!(empty.json().contains("no run"));
        let message = growth_over_runs(&growth(&["a"]).drop("low").unwrap(), &by_run(1), "Growth").unwrap_err();
        assert!(message.to_string().contains("`low`"), "{message}");
    }
}
