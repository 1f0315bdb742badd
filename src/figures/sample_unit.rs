//! One unit at every location, each panel where its location is on the ring, a polar plot in the middle (Fig. 3B).

use std::ops::Range;

use plotly::common::{Anchor, HoverInfo, Line, Marker, Mode};
use plotly::layout::{Axis, Layout, RangeMode};
use plotly::{Plot, Scatter};
use polars::frame::DataFrame;

use crate::error::Result;
use crate::figures::epochs::{self, Look};
use crate::figures::grid::{THREE_BY_THREE, axes_of, with_axes};
use crate::figures::{About, Figure, style};
use crate::tables::Columns;

/// The colour of the preferred location, and of the others.
const COLOURS: [&str; 2] = ["#d55e00", "#4d4d4d"];

/// The mean rate of a unit over the trial at each location, in a grid of panels placed as the locations are, the
/// standard error shaded; in the middle the unit's mean rates in the epoch as a polar plot, its preferred direction
/// marked.
///
/// `table` is that of [`crate::analysis::SampleUnit`]; `about` gives the title and the epochs to mark. On a ring of
/// more than eight locations, the panels show those nearest to multiples of 45°, and the polar plot all.
///
/// ```
/// use maturation::analysis::{Population, SampleUnit};
/// use maturation::prelude::*;
///
/// let activity = Run::open("data/6tasks")?.last()?.activity(Rule::ODR)?;
/// let unit = SampleUnit::of(&activity, Epoch::Stim1, None, &Population::default())?;
/// let figure = figures::sample_unit(&unit.table()?, About::of_unit(&unit, &activity))?;
/// assert!(figure.json().contains("135°"));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If a column is missing or of another type.
pub fn sample_unit(table: &DataFrame, about: impl Into<About>) -> Result<Figure> {
    let about = about.into();
    let unit = Unit::of(table)?;
    let mut plot = Plot::new();
    let mut layout = style::layout(&about.title, style::axis(""), style::axis("")).height(640).show_legend(false);
    let mut cells: Vec<[usize; 2]> = Vec::new();
    for panel in in_order_of_fit(&unit.panels) {
        let cell = cell(panel.angle);
        if !cells.contains(&cell) {
            cells.push(cell);
            unit.draw(panel, cell, &about, &mut plot, &mut layout);
        }
    }
    polar(&mut plot, &unit.panels);
    let mut layout = unit.axes(layout);
    if unit.panels.is_empty() {
        layout.add_annotation(style::nothing("no location"));
    }
    plot.set_layout(layout);
    Ok(Figure::new(plot, about.title))
}

/// A location of the table.
struct Panel {
    angle: f64,
    rows: Vec<usize>,
    epoch_rate: f64,
    preferred: bool,
}

/// The table, and what its panels have in common.
struct Unit {
    panels: Vec<Panel>,
    times: Vec<f64>,
    rates: Vec<f64>,
    errors: Vec<f64>,
    /// Of the axes of time and of rates.
    extent: Range<f64>,
    heights: Range<f64>,
}

impl Unit {
    fn of(table: &DataFrame) -> Result<Unit> {
        let columns = Columns::of(table, "the table of a sample unit");
        let (locations, angles) = (columns.counts("location")?, columns.numbers("angle")?);
        let (times, rates) = (columns.numbers("time_ms")?, columns.numbers("rate")?);
        let (errors, epoch_rates) = (columns.numbers("standard_error")?, columns.numbers("epoch_rate")?);
        let preferred = columns.counts("preferred")?;
        let mut panels: Vec<Panel> = Vec::new();
        let mut known: Vec<u64> = Vec::new();
        for (row, location) in locations.iter().enumerate() {
            if let Some(place) = known.iter().position(|other| other == location) {
                panels[place].rows.push(row);
                continue;
            }
            known.push(*location);
            let (angle, epoch_rate) = (angles[row], epoch_rates[row]);
            panels.push(Panel { angle, rows: vec![row], epoch_rate, preferred: preferred[row] == 1 });
        }
        let finite = |value: &f64| value.is_finite();
        let highest =
            rates.iter().zip(&errors).map(|(rate, error)| rate + if error.is_finite() { *error } else { 0.0 });
        let top = 1.08 * highest.filter(finite).fold(0.0, f64::max);
        let bottom = 1.08 * rates.iter().copied().filter(finite).fold(0.0, f64::min);
        let end = times.iter().copied().fold(0.0, f64::max);
        let begin = times.iter().copied().fold(f64::INFINITY, f64::min).min(end);
        Ok(Unit { panels, times, rates, errors, extent: begin..end, heights: bottom..top })
    }

    /// The mean rate at a location, with its standard error, in the panel of this column and row.
    fn draw(&self, panel: &Panel, [column, row]: [usize; 2], about: &About, plot: &mut Plot, layout: &mut Layout) {
        let ([x, _], [_, y]) = (axes_of(column), axes_of(row));
        let Range { start: bottom, end: top } = self.heights;
        let colour = COLOURS[usize::from(!panel.preferred)];
        epochs::mark(layout, &about.epochs, &x, (&y, bottom, top), Look::Bands);
        let at = |values: &[f64]| panel.rows.iter().map(|row| values[*row]).collect::<Vec<_>>();
        let ends =
            |sign: f64| panel.rows.iter().map(|row| self.rates[*row] + sign * self.errors[*row]).collect::<Vec<_>>();
        if let Some(band) = style::interval_band(&at(&self.times), &ends(-1.0), &ends(1.0), colour) {
            plot.add_trace(band.x_axis(&x).y_axis(&y));
        }
        let name = format!("{:.0}°", panel.angle);
        let rounded = at(&self.rates).iter().map(|rate| (1e5 * rate).round() / 1e5).collect();
        plot.add_trace(
            Scatter::new(at(&self.times), rounded)
                .name(&name)
                .mode(Mode::Lines)
                .line(Line::new().color(colour).width(if panel.preferred { 2.4 } else { 1.6 }))
                .hover_template("%{fullData.name}, %{x} ms<br>rate %{y:.3f}<extra></extra>")
                .x_axis(&x)
                .y_axis(&y),
        );
        let text = if panel.preferred { format!("<b>{name}, preferred</b>") } else { name };
        let left = self.extent.start + 0.02 * (self.extent.end - self.extent.start);
        layout.add_annotation(style::label(&text, (&x, left), (&y, 0.98 * top), Anchor::Left).y_anchor(Anchor::Top));
    }

    /// The axes of three columns and three rows, and hidden ones for the polar plot in the middle.
    fn axes(&self, layout: Layout) -> Layout {
        let Range { start: begin, end } = self.extent;
        let Range { start: bottom, end: top } = self.heights;
        let titles = [["", ""], [style::time_axis(self.times.iter().copied()), "rate"], ["", ""]];
        let layout = titles.iter().zip(&THREE_BY_THREE).enumerate().fold(layout, |layout, (number, ([x, y], band))| {
            let x = style::axis(x).domain(band).range(vec![begin, end.max(begin + 1.0)]).anchor("y").n_ticks(4);
            let range = vec![bottom, if top > bottom { top } else { 1.0 }];
            with_axes(layout, number, x, style::axis(y).domain(band).range(range).anchor("x").n_ticks(4))
        });
        let hidden = || Axis::new().visible(false).domain(&THREE_BY_THREE[1]).range_mode(RangeMode::Normal);
        let x = hidden().anchor("y4").range(vec![-1.3, 1.3]);
        with_axes(layout, 3, x, hidden().anchor("x4").range(vec![-1.3, 1.3]).scale_anchor("x4").scale_ratio(1.0))
    }
}

/// The panels, those at multiples of 45° first.
fn in_order_of_fit(panels: &[Panel]) -> Vec<&Panel> {
    let distance = |panel: &Panel| {
        let turns = panel.angle / 45.0;
        (turns - turns.round()).abs()
    };
    let mut panels: Vec<&Panel> = panels.iter().collect();
    panels.sort_by(|left, right| distance(left).total_cmp(&distance(right)));
    panels
}

/// The column from the left and the row from the bottom of an angle: to the right is 0°, up is 90°.
fn cell(degrees: f64) -> [usize; 2] {
    let angle = ((degrees / 45.0).round() * 45.0).to_radians();
    [angle.cos(), angle.sin()].map(|place| (place.round() + 1.0) as usize)
}

/// The rates of the epoch as a closed curve about the middle, within two circles at half and at the whole of the
/// largest; rates below zero lie in the middle.
fn polar(plot: &mut Plot, panels: &[Panel]) {
    let largest = panels.iter().map(|panel| panel.epoch_rate).fold(0.0, f64::max);
    if panels.is_empty() || largest <= 0.0 {
        return;
    }
    let quiet = |trace: Box<Scatter<f64, f64>>| trace.hover_info(HoverInfo::Skip).x_axis("x4").y_axis("y4");
    for radius in [0.5, 1.0] {
        let angles = || (0..=72).map(|step| (5.0 * f64::from(step)).to_radians());
        let circle = Scatter::new(
            angles().map(|angle| radius * angle.cos()).collect(),
            angles().map(|angle| radius * angle.sin()).collect(),
        );
        plot.add_trace(quiet(circle).mode(Mode::Lines).line(Line::new().color("#cccccc").width(1.0)));
    }
    if let Some(panel) = panels.iter().find(|panel| panel.preferred) {
        let (sine, cosine) = panel.angle.to_radians().sin_cos();
        let line = Scatter::new(vec![0.0, 1.2 * cosine], vec![0.0, 1.2 * sine]);
        plot.add_trace(quiet(line).mode(Mode::Lines).line(Line::new().color(COLOURS[0]).width(2.5)));
    }
    let closed: Vec<&Panel> = panels.iter().chain(panels.first()).collect();
    let radius = |panel: &Panel| (panel.epoch_rate / largest).max(0.0);
    plot.add_trace(
        Scatter::new(
            closed.iter().map(|panel| radius(panel) * panel.angle.to_radians().cos()).collect(),
            closed.iter().map(|panel| radius(panel) * panel.angle.to_radians().sin()).collect::<Vec<_>>(),
        )
        .name("epoch rates")
        .mode(Mode::LinesMarkers)
        .line(Line::new().color("#0072b2").width(2.0))
        .marker(Marker::new().color("#0072b2").size(5))
        .text_array(closed.iter().map(|panel| format!("{:.0}°: {:.3}", panel.angle, panel.epoch_rate)).collect())
        .hover_template("epoch rate at %{text}<extra></extra>")
        .x_axis("x4")
        .y_axis("y4"),
    );
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn table(count: u32) -> DataFrame {
        let rows = || (0..count).flat_map(|location| (0..3_u32).map(move |step| (location, step)));
        df![
            "unit" => vec![7_u32; 3 * count as usize],
            "location" => rows().map(|(location, _)| location).collect::<Vec<_>>(),
            "angle" => rows().map(|(location, _)| 360.0 * f64::from(location) / f64::from(count)).collect::<Vec<_>>(),
            "step" => rows().map(|(_, step)| step).collect::<Vec<_>>(),
            "time_ms" => rows().map(|(_, step)| 20.0 * f64::from(step)).collect::<Vec<_>>(),
            "rate" => rows().map(|(location, step)| f64::from(location + step)).collect::<Vec<_>>(),
            "standard_error" => rows().map(|(location, _)| (location > 0).then_some(0.5)).collect::<Vec<_>>(),
            "epoch_rate" => rows().map(|(location, _)| f64::from(location + 1)).collect::<Vec<_>>(),
            "preferred" => rows().map(|(location, _)| location == 2).collect::<Vec<_>>(),
        ]
        .unwrap()
    }

    #[test]
    fn every_location_has_its_panel_and_the_middle_a_polar_plot() {
        let figure = sample_unit(&table(8), "Unit 7").unwrap();
        let json: serde_json::Value = serde_json::from_str(&figure.json()).unwrap();
        let traces = json["data"].as_array().unwrap();
        let of = |name: &str| traces.iter().find(|trace| trace["name"] == name).unwrap();
        let axes = |name: &str| (of(name)["xaxis"].as_str().unwrap(), of(name)["yaxis"].as_str().unwrap());
        assert_eq!(axes("0°"), ("x3", "y2"));
        assert_eq!(axes("90°"), ("x2", "y3"));
        assert_eq!(axes("180°"), ("x", "y2"));
        assert_eq!(axes("225°"), ("x", "y"));
        assert_eq!(traces.len(), 8 + 7 + 4, "panels, bands where there is an error, and the polar plot");
        let polar = of("epoch rates");
        assert_eq!(polar["x"].as_array().unwrap().len(), 9, "closed");
        assert!((polar["x"][0].as_f64().unwrap() - 1.0 / 8.0).abs() < 1e-12);
        assert!(json["layout"].to_string().contains("90°, preferred"));
    }

    #[test]
    fn other_rings_and_empty_tables() {
        let json: serde_json::Value = serde_json::from_str(&sample_unit(&table(12), "").unwrap().json()).unwrap();
        let panels = json["data"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|trace| trace["name"].as_str().is_some_and(|name| name.ends_with('°')));
        let axes: Vec<_> = panels.map(|trace| (trace["xaxis"].clone(), trace["yaxis"].clone())).collect();
        assert_eq!(axes.len(), 8);
        for (place, pair) in axes.iter().enumerate() {
            assert!(!axes[..place].contains(pair), "two panels in one place");
        }
        assert!(sample_unit(&table(8).clear(), "").unwrap().json().contains("no location"));
        assert!(sample_unit(&table(8).drop("angle").unwrap(), "").unwrap_err().to_string().contains("`angle`"));
    }
}
