//! Scores of components against time: a panel a component, a curve a location.

use std::ops::Range;

use plotly::common::{Line, Mode};
use plotly::layout::Axis;
use plotly::{Plot, Scatter};
use polars::frame::DataFrame;

use crate::error::Result;
use crate::figures::epochs::{self, Look};
use crate::figures::{About, Figure, grid, style};
use crate::tables::Columns;

/// Scores by component and location, as their table has them.
pub(super) struct Scores {
    /// Components in the order of the table.
    pub(super) components: Vec<String>,
    /// Locations, ascending.
    pub(super) locations: Vec<usize>,
    rows: Vec<(usize, usize, f64, f64)>,
}

impl Scores {
    pub(super) fn of(table: &DataFrame) -> Result<Scores> {
        let columns = Columns::of(table, "the table of scores");
        let (names, places) = (columns.names("component")?, columns.counts("location")?);
        let (times, scores) = (columns.numbers("time_ms")?, columns.numbers("score")?);
        let mut components: Vec<String> = Vec::new();
        let mut locations: Vec<usize> = places.iter().map(|location| *location as usize).collect();
        locations.sort_unstable();
        locations.dedup();
        let mut rows = Vec::with_capacity(names.len());
        for (row, name) in names.into_iter().enumerate() {
            let component = components.iter().position(|known| *known == name).unwrap_or_else(|| {
                components.push(name);
                components.len() - 1
            });
            rows.push((component, places[row] as usize, times[row], scores[row]));
        }
        Ok(Scores { components, locations, rows })
    }

    /// Times and scores of a component at a location; what is not finite is left out.
    pub(super) fn curve(&self, component: &str, location: usize) -> (Vec<f64>, Vec<f64>) {
        let wanted = self.components.iter().position(|known| known == component);
        let rows = self.rows.iter().filter(|row| Some(row.0) == wanted && row.1 == location && row.3.is_finite());
        rows.map(|row| (row.2, (1e5 * row.3).round() / 1e5)).unzip()
    }
}

/// One panel.
pub(super) struct Panel {
    pub(super) component: String,
    pub(super) title: String,
    /// Times to underline, ms.
    pub(super) underlined: Vec<Range<f64>>,
}

/// The scores against time: the first six panels side by side, the epochs marked.
pub(super) fn draw(scores: &Scores, panels: &[Panel], about: &About, subtitle: &str) -> Figure {
    let panels = &panels[..panels.len().min(grid::MOST_PANELS)];
    let title = style::heading(&about.title, &[subtitle.to_owned()]);
    let axis = |name: &str| style::axis(name).title(style::axis_title(name)).tick_font(style::small());
    let time = style::time_axis(scores.rows.iter().map(|row| row.2));
    let mut plot = Plot::new();
    let mut layout = style::layout(&title, Axis::new(), Axis::new()).legend(style::legend("location"));
    for (number, (panel, place)) in panels.iter().zip(grid::in_rows(panels.len())).enumerate() {
        let [x, y] = grid::axes_of(number);
        for location in &scores.locations {
            plot.add_trace(curve(scores, panel, *location, about).show_legend(number == 0).x_axis(&x).y_axis(&y));
        }
        let of_score = if number.is_multiple_of(grid::PANELS_IN_A_ROW) { "score" } else { "" };
        let x_axis = axis(time).domain(&place.across()).anchor(&y).n_ticks(5);
        layout = grid::with_axes(layout, number, x_axis, axis(of_score).domain(&place.up()).anchor(&x));
        epochs::mark(&mut layout, &about.epochs, &x, ("paper", place.bottom, place.top), Look::Small);
        for range in &panel.underlined {
            let thickness = 0.012 * (place.top - place.bottom);
            let line = style::vertical_band(range.start, range.end, "#000000").x_ref(&x);
            layout.add_shape(line.y0(place.bottom).y1(place.bottom + thickness).opacity(1.0));
        }
        layout.add_annotation(place.title(&panel.title));
    }
    if panels.is_empty() {
        layout.add_annotation(style::nothing("no component"));
    }
    plot.set_layout(grid::layout_in_rows(layout, panels.len()));
    Figure::new(plot, format!("{}: {} components", about.title, panels.len()))
}

/// The scores of a component at a location.
fn curve(scores: &Scores, panel: &Panel, location: usize, about: &About) -> Box<Scatter<f64, f64>> {
    let (times, values) = scores.curve(&panel.component, location);
    let angle = about.angle(location);
    Scatter::new(times, values)
        .name(&angle)
        .mode(Mode::Lines)
        .line(Line::new().color(style::location_colour(location, about.location_count)).width(2.2))
        .legend_group(&angle)
        .hover_template(format!("{} at {angle}<br>%{{x}} ms<br>score %{{y:.2f}}<extra></extra>", panel.component))
}
