//! Performance against the share of units that were silenced.

use plotly::common::{DashType, Line, Mode};
use plotly::layout::{Axis, ShapeLine};
use plotly::{Plot, Scatter};
use polars::frame::DataFrame;

use crate::error::Result;
use crate::figures::grid::{self, MOST_PANELS, PANELS_IN_A_ROW, Place};
use crate::figures::{About, Figure, chance, style};
use crate::tables::Columns;

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

/// Performance of each rule against the share of all units that was silenced: a panel for each target of the lesions, a
/// curve a rule, the average over draws; bands from the worst draw to the best. Chance is dotted, where it is known.
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
pub fn lesion(table: &DataFrame, about: impl Into<About>) -> Result<Figure> {
    let title = about.into().title;
    let columns = Columns::of(table, "the table of lesions");
    let rows = Rows {
        rules: columns.names("rule")?,
        targets: columns.names("target")?,
        shares: columns.numbers("share")?,
        performance: columns.numbers("performance")?,
    };
    let (curves, panels) = (style::distinct(&rows.rules), style::distinct(&rows.targets));
    let left_out = panels.len().saturating_sub(MOST_PANELS);
    let panels = &panels[..panels.len() - left_out];
    let widest = rows.shares.iter().copied().filter(|share| share.is_finite()).fold(0.01, f64::max);
    let chances = chance::of_rules(&curves);

    let dotted = if chances.is_empty() { "" } else { "; dotted: chance" };
    let mut notes = vec![format!("bands: from the worst draw of units to the best{dotted}")];
    if left_out > 0 {
        notes.push(format!("{left_out} further targets are in the table"));
    }
    let mut plot = Plot::new();
    let mut layout = style::layout(&style::heading(&title, &notes), Axis::new(), Axis::new());
    layout = layout.legend(style::legend("rule"));
    for (number, (target, place)) in panels.iter().zip(grid::in_rows(panels.len())).enumerate() {
        for (order, rule) in curves.iter().enumerate() {
            rows.draw(&mut plot, number, target, (order, rule));
        }
        layout = with_panel(layout, number, &place, widest);
        let [_, y] = grid::axes_of(number);
        for (chance, _) in &chances {
            let line = style::horizontal_line(*chance).x0(place.left).x1(place.right).y_ref(&y);
            layout.add_shape(line.line(ShapeLine::new().color(style::INK).width(1.0).dash(DashType::Dot)));
        }
        // A name too long for its panel would run into the next.
        layout.add_annotation(place.title(&target.replacen(" (", "<br>(", 1)).y_shift(4.0));
    }
    if panels.is_empty() {
        layout.add_annotation(style::nothing("no lesion"));
    }
    plot.set_layout(grid::layout_in_rows(layout, panels.len()));
    let names =
        |names: &[&String], between: &str| names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(between);
    let summary = format!("{title}: performance on {}, silenced: {}", names(&curves, ", "), names(panels, "; "));
    Ok(Figure::new(plot, summary))
}

/// The axes of a panel.
fn with_panel(layout: plotly::Layout, number: usize, place: &Place, widest: f64) -> plotly::Layout {
    let axis = |name: &str| style::axis(name).title(style::axis_title(name)).tick_font(style::small());
    let [x, y] = grid::axes_of(number);
    let across = axis("units silenced (% of all)").domain(&place.across()).anchor(&y);
    let of_performance = if number.is_multiple_of(PANELS_IN_A_ROW) { "performance" } else { "" };
    let up = axis(of_performance).domain(&place.up()).anchor(&x).range(vec![-0.03, 1.03]);
    grid::with_axes(layout, number, across.range(vec![-2.0, 102.0 * widest]), up)
}

/// The table's columns.
struct Rows {
    rules: Vec<String>,
    targets: Vec<String>,
    shares: Vec<f64>,
    performance: Vec<f64>,
}

impl Rows {
    /// The curve of a rule and its band, in a panel.
    fn draw(&self, plot: &mut Plot, panel: usize, target: &str, (order, rule): (usize, &str)) {
        let [x, y] = grid::axes_of(panel);
        let rows = (0..self.rules.len()).filter(|row| self.rules[*row] == rule && self.targets[*row] == target);
        let points = points(rows.map(|row| (self.shares[row], self.performance[row])));
        let colour = style::rule_or_series(rule, order);
        let percent: Vec<f64> = points.iter().map(|point| (1e4 * point.share).round() / 1e2).collect();
        let ends = |end: fn(&Point) -> f64| points.iter().map(end).collect::<Vec<_>>();
        let (low, high) = (ends(|point| point.low), ends(|point| point.high));
        if let Some(band) = style::interval_band(&percent, &low, &high, colour) {
            plot.add_trace(band.legend_group(rule).x_axis(&x).y_axis(&y));
        }
        let means = ends(|point| (1e4 * point.sum / point.draws as f64).round() / 1e4);
        let hover = format!("{rule}, {target}<br>%{{x}} % silenced, draws: %{{text}}<br>performance %{{y:.3f}}");
        plot.add_trace(
            Scatter::new(percent, means)
                .name(rule)
                .mode(Mode::LinesMarkers)
                .line(Line::new().color(colour).width(2.4))
                .text_array(points.iter().map(|point| point.draws.to_string()).collect())
                .legend_group(rule)
                .show_legend(panel == 0)
                .x_axis(&x)
                .y_axis(&y)
                .hover_template(hover + "<extra></extra>"),
        );
    }
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
