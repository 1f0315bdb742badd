//! Performance against the share of units that were silenced.

use plotly::common::{DashType, Line, Mode};
use plotly::layout::{Axis, Margin, ShapeLine};
use plotly::{Plot, Scatter};
use polars::frame::DataFrame;

use crate::error::Result;
use crate::figures::panels::{MOST_PANELS, PANELS_IN_A_ROW, panel_title, place, with_axes};
use crate::figures::{Figure, style};
use crate::tables::Columns;
use crate::tasks::Rule;

/// A response within 36° of its target is right, so that guessing earns a fifth.
const CHANCE: f64 = 0.2;

/// What is known of a curve at one share of units.
struct Point {
    share: f64,
    sum: f64,
    draws: usize,
    low: f64,
    high: f64,
}

/// The points of a curve, from (share, performance) of each draw.
fn points(draws: impl Iterator<Item = (f64, f64)>) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    for (share, performance) in draws {
        match points.iter_mut().find(|point| point.share == share) {
            Some(point) => {
                point.sum += performance;
                point.draws += 1;
                point.low = point.low.min(performance);
                point.high = point.high.max(performance);
            }
            None => points.push(Point { share, sum: performance, draws: 1, low: performance, high: performance }),
        }
    }
    points.sort_by(|a, b| a.share.total_cmp(&b.share));
    points
}

/// The names in a column, each once, in their order.
fn distinct(names: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in names {
        if !found.contains(name) {
            found.push(name.clone());
        }
    }
    found
}

/// Performance of each rule against the share of all units that was silenced: a panel for each target of the lesions, a
/// curve a rule, the average over draws; bands from the worst draw to the best. Chance is dotted.
///
/// `table` is that of [`crate::analysis::lesion`]. At most six targets are drawn; the title says how many are not.
///
/// ```
/// use maturation::analysis::{LesionOptions, LesionTarget, lesion};
/// use maturation::prelude::*;
///
/// let network = Run::open("data/6tasks")?.last()?.network()?;
/// let options = LesionOptions { shares: vec![0.0, 0.5, 1.0], repeats: 3, trials: 32, ..LesionOptions::default() };
/// let table = lesion(&network, &[LesionTarget::All], &[Rule::GAP], &options)?;
/// assert!(figures::lesion(&table, "Lesions of the last checkpoint")?.json().contains("all units"));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If a column is missing or of another type.
pub fn lesion(table: &DataFrame, title: &str) -> Result<Figure> {
    let columns = Columns::of(table, "the table of lesions");
    let (rules, targets) = (columns.names("rule")?, columns.names("target")?);
    let (shares, performance) = (columns.numbers("share")?, columns.numbers("performance")?);
    let (curves, panels) = (distinct(&rules), distinct(&targets));
    let left_out = panels.len().saturating_sub(MOST_PANELS);
    let panels = &panels[..panels.len() - left_out];
    let widest = shares.iter().copied().filter(|share| share.is_finite()).fold(0.01, f64::max);

    let mut notes = vec!["bands: from the worst draw of units to the best; dotted: chance".to_owned()];
    if left_out > 0 {
        notes.push(format!("{left_out} further targets are in the table"));
    }
    let mut plot = Plot::new();
    let mut layout = style::layout(&style::heading(title, &notes), Axis::new(), Axis::new());
    layout = layout.legend(style::legend("rule"));
    for (number, target) in panels.iter().enumerate() {
        let [left, right, bottom, top] = place(number, panels.len());
        let suffix = if number == 0 { String::new() } else { (number + 1).to_string() };
        let (x, y) = (format!("x{suffix}"), format!("y{suffix}"));
        for (place, rule) in curves.iter().enumerate() {
            let rows = (0..rules.len()).filter(|row| rules[*row] == *rule && targets[*row] == *target);
            let points = points(rows.map(|row| (shares[row], performance[row])));
            let colour = rule.parse::<Rule>().map_or(style::SERIES[place % style::SERIES.len()], style::rule_colour);
            let percent: Vec<f64> = points.iter().map(|point| (1e4 * point.share).round() / 1e2).collect();
            let ends = |end: fn(&Point) -> f64| points.iter().map(end).collect::<Vec<_>>();
            let (low, high) = (ends(|point| point.low), ends(|point| point.high));
            if let Some(band) = style::interval_band(&percent, &low, &high, colour) {
                plot.add_trace(band.legend_group(rule.as_str()).x_axis(&x).y_axis(&y));
            }
            let means = ends(|point| (1e4 * point.sum / point.draws as f64).round() / 1e4);
            let hover = format!("{rule}, {target}<br>%{{x}} % silenced, draws: %{{text}}<br>performance %{{y:.3f}}");
            plot.add_trace(
                Scatter::new(percent, means)
                    .name(rule)
                    .mode(Mode::LinesMarkers)
                    .line(Line::new().color(colour).width(2.4))
                    .text_array(points.iter().map(|point| point.draws.to_string()).collect())
                    .legend_group(rule.as_str())
                    .show_legend(number == 0)
                    .x_axis(&x)
                    .y_axis(&y)
                    .hover_template(hover + "<extra></extra>"),
            );
        }
        let axis = |name: &str| style::axis(name).title(style::axis_title(name)).tick_font(style::small());
        let x_axis = axis("units silenced (% of all)").domain(&[left, right]).anchor(&y);
        let of_performance = if number % PANELS_IN_A_ROW == 0 { "performance" } else { "" };
        let y_axis = axis(of_performance).domain(&[bottom, top]).anchor(&x).range(vec![-0.03, 1.03]);
        layout = with_axes(layout, number, x_axis.range(vec![-2.0, 102.0 * widest]), y_axis);
        let chance = style::horizontal_line(CHANCE).x0(left).x1(right).y_ref(&y);
        layout.add_shape(chance.line(ShapeLine::new().color(style::INK).width(1.0).dash(DashType::Dot)));
        // A name too long for its panel would run into the next.
        let name = target.replacen(" (", "<br>(", 1);
        layout.add_annotation(panel_title(&name, 0.5 * (left + right), top).y_shift(4.0));
    }
    if panels.is_empty() {
        layout.add_annotation(style::nothing("no lesion"));
    }
    let height = if panels.len() > PANELS_IN_A_ROW { 900 } else { 520 };
    plot.set_layout(layout.height(height).margin(Margin::new().left(75).right(20).top(135).bottom(65)));
    Ok(Figure::new(plot, format!("{title}: performance on {}, silenced: {}", curves.join(", "), panels.join("; "))))
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn table(targets: usize) -> DataFrame {
        let names: Vec<String> = (0..targets).flat_map(|k| std::iter::repeat_n(format!("target {k}"), 4)).collect();
        let each = |values: [f64; 4]| (0..targets).flat_map(|_| values).collect::<Vec<_>>();
        df![
            "rule" => vec!["odr"; 4 * targets],
            "target" => names,
            "share" => each([0.0, 0.5, 0.5, 0.5]),
            "performance" => each([1.0, 0.4, 0.6, 0.8]),
        ]
        .unwrap()
    }

    #[test]
    fn a_curve_is_the_average_of_the_draws_within_a_band_of_all() {
        let figure: serde_json::Value = serde_json::from_str(&lesion(&table(1), "Lesions").unwrap().json()).unwrap();
        let traces = figure["data"].as_array().unwrap();
        let curve = traces.iter().find(|trace| trace["name"] == "odr").unwrap();
        assert_eq!(curve["x"], serde_json::json!([0.0, 50.0]));
        assert_eq!(curve["y"], serde_json::json!([1.0, 0.6]));
        let band = traces.iter().find(|trace| trace["fill"] == "toself").unwrap();
        assert_eq!(band["y"], serde_json::json!([1.0, 0.4, 0.8, 1.0]));
    }

    #[test]
    fn targets_beyond_the_sixth_are_counted_and_an_empty_table_says_so() {
        assert!(lesion(&table(8), "Lesions").unwrap().json().contains("2 further targets"));
        assert!(lesion(&table(0), "Lesions").unwrap().json().contains("no lesion"));
        let message = lesion(&table(1).drop("share").unwrap(), "Lesions").unwrap_err().to_string();
        assert!(message.contains("`share`"), "{message}");
    }
}
