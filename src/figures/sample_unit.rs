//! One unit at every location, each panel where its location is on the ring, a polar plot in the middle (Fig. 3B).

use plotly::common::{Anchor, HoverInfo, Line, Marker, Mode};
use plotly::layout::{Axis, RangeMode};
use plotly::{Plot, Scatter};
use polars::frame::DataFrame;

use crate::error::Result;
use crate::figures::{Figure, PsthAbout, style};
use crate::tables::Columns;
use crate::tasks::Epoch;

/// Where the columns and rows of panels lie, from the left and from the bottom.
const BANDS: [[f64; 2]; 3] = [[0.0, 0.29], [0.355, 0.645], [0.71, 1.0]];
/// The colour of the preferred location, and of the others.
const COLOURS: [&str; 2] = ["#d55e00", "#4d4d4d"];

/// A location of the table.
struct Panel {
    angle: f64,
    rows: Vec<usize>,
    epoch_rate: f64,
    preferred: bool,
}

/// The mean rate of a unit over the trial at each location, in a grid of panels placed as the locations are, the
/// standard error shaded; in the middle the unit's mean rates in the epoch as a polar plot, its preferred direction
/// marked.
///
/// `table` is that of [`crate::analysis::SampleUnit`]; `about` gives the title and the epochs to mark. On a ring of
/// more than eight locations, the panels show those nearest to multiples of 45°, and the polar plot all.
///
/// ```
/// use maturation::analysis::{Population, SampleUnit};
/// use maturation::figures::PsthAbout;
/// use maturation::prelude::*;
///
/// let activity = Run::open("data/6tasks")?.last()?.activity(Rule::ODR)?;
/// let unit = SampleUnit::of(&activity, Epoch::Stim1, None, &Population::default())?;
/// let figure = figures::sample_unit(&unit.table()?, &PsthAbout::of(Rule::ODR, Epoch::Stim1, 20.0))?;
/// assert!(figure.json().contains("135°"));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If a column is missing or of another type.
pub fn sample_unit(table: &DataFrame, about: &PsthAbout) -> Result<Figure> {
    let columns = Columns::of(table, "the table of a sample unit");
    let (locations, angles) = (columns.counts("location")?, columns.numbers("angle")?);
    let (times, rates) = (columns.numbers("time_ms")?, columns.numbers("rate")?);
    let (errors, epoch_rates) = (columns.numbers("standard_error")?, columns.numbers("epoch_rate")?);
    let preferred = columns.counts("preferred")?;
    let mut panels: Vec<Panel> = Vec::new();
    let mut known: Vec<u64> = Vec::new();
    for row in 0..locations.len() {
        match known.iter().position(|location| *location == locations[row]) {
            Some(place) => panels[place].rows.push(row),
            None => {
                known.push(locations[row]);
                panels.push(Panel {
                    angle: angles[row],
                    rows: vec![row],
                    epoch_rate: epoch_rates[row],
                    preferred: preferred[row] == 1,
                });
            }
        }
    }
    let finite = |value: &f64| value.is_finite();
    let highest = rates.iter().zip(&errors).map(|(rate, error)| rate + if error.is_finite() { *error } else { 0.0 });
    let top = 1.08 * highest.filter(finite).fold(0.0, f64::max);
    let bottom = 1.08 * rates.iter().copied().filter(finite).fold(0.0, f64::min);
    let end = times.iter().copied().fold(0.0, f64::max);
    let begin = times.iter().copied().fold(f64::INFINITY, f64::min).min(end);

    let mut plot = Plot::new();
    let mut layout = style::layout(&about.title, style::axis(""), style::axis("")).height(640).show_legend(false);
    let mut cells: Vec<(i32, i32)> = Vec::new();
    for panel in in_order_of_fit(&panels) {
        let cell = cell(panel.angle);
        if cells.contains(&cell) {
            continue;
        }
        cells.push(cell);
        let [x_axis, y_axis] = [axis_name('x', cell.0), axis_name('y', cell.1)];
        let colour = COLOURS[usize::from(!panel.preferred)];
        for (epoch, range) in &about.epochs {
            if matches!(epoch, Epoch::Stim1 | Epoch::Stim2 | Epoch::Distract1) {
                let band = style::vertical_band(range.start, range.end, "#555555");
                layout.add_shape(band.x_ref(&x_axis).y_ref(&y_axis).y0(bottom).y1(top));
            }
        }
        let at = |values: &[f64]| panel.rows.iter().map(|row| values[*row]).collect::<Vec<_>>();
        let ends = |sign: f64| panel.rows.iter().map(|row| rates[*row] + sign * errors[*row]).collect::<Vec<_>>();
        if let Some(band) = style::interval_band(&at(&times), &ends(-1.0), &ends(1.0), colour) {
            plot.add_trace(band.x_axis(&x_axis).y_axis(&y_axis));
        }
        let name = format!("{:.0}°", panel.angle);
        plot.add_trace(
            Scatter::new(at(&times), at(&rates).iter().map(|rate| (1e5 * rate).round() / 1e5).collect())
                .name(&name)
                .mode(Mode::Lines)
                .line(Line::new().color(colour).width(if panel.preferred { 2.4 } else { 1.6 }))
                .hover_template("%{fullData.name}, %{x} ms<br>rate %{y:.3f}<extra></extra>")
                .x_axis(&x_axis)
                .y_axis(&y_axis),
        );
        let text = if panel.preferred { format!("<b>{name}, preferred</b>") } else { name };
        let place = (x_axis.as_str(), begin + 0.02 * (end - begin));
        layout.add_annotation(style::label(&text, place, (&y_axis, 0.98 * top), Anchor::Left).y_anchor(Anchor::Top));
    }
    polar(&mut plot, &panels);

    let x = |column: i32, title: &str| {
        let axis = style::axis(title).domain(&BANDS[(column + 1) as usize]).range(vec![begin, end.max(begin + 1.0)]);
        axis.anchor("y").n_ticks(4)
    };
    let y = |row: i32, title: &str| {
        let range = vec![bottom, if top > bottom { top } else { 1.0 }];
        style::axis(title).domain(&BANDS[(row + 1) as usize]).range(range).anchor("x").n_ticks(4)
    };
    let hidden = || Axis::new().visible(false).domain(&BANDS[1]).range_mode(RangeMode::Normal);
    layout = layout
        .x_axis(x(-1, ""))
        .x_axis2(x(0, style::time_axis(times.iter().copied())))
        .x_axis3(x(1, ""))
        .y_axis(y(-1, ""))
        .y_axis2(y(0, "rate"))
        .y_axis3(y(1, ""))
        .x_axis4(hidden().anchor("y4").range(vec![-1.3, 1.3]))
        .y_axis4(hidden().anchor("x4").range(vec![-1.3, 1.3]).scale_anchor("x4").scale_ratio(1.0));
    if panels.is_empty() {
        layout.add_annotation(style::nothing("no location"));
    }
    plot.set_layout(layout);
    Ok(Figure::new(plot, about.title.clone()))
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

/// The column and the row of an angle, −1 to 1: to the right is 0°, up is 90°.
fn cell(degrees: f64) -> (i32, i32) {
    let angle = ((degrees / 45.0).round() * 45.0).to_radians();
    (angle.cos().round() as i32, angle.sin().round() as i32)
}

/// Plotly's name of the axis of a column or row.
fn axis_name(kind: char, place: i32) -> String {
    match place {
        -1 => kind.to_string(),
        _ => format!("{kind}{}", place + 2),
    }
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
        let figure = sample_unit(&table(8), &PsthAbout { title: "Unit 7".into(), ..PsthAbout::default() }).unwrap();
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
        let about = PsthAbout::default();
        let json: serde_json::Value = serde_json::from_str(&sample_unit(&table(12), &about).unwrap().json()).unwrap();
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
        assert!(sample_unit(&table(8).clear(), &about).unwrap().json().contains("no location"));
        assert!(sample_unit(&table(8).drop("angle").unwrap(), &about).unwrap_err().to_string().contains("`angle`"));
    }
}
