//! Scores of components against time: a panel a component, a curve a location.

use std::ops::Range;

use plotly::common::{Anchor, Line, Mode};
use plotly::layout::{Annotation, Axis, Layout, Margin};
use plotly::{Plot, Scatter};
use polars::frame::DataFrame;

use crate::activity::{Activity, RingLabels};
use crate::error::Result;
use crate::figures::{Figure, style};
use crate::tables::Columns;
use crate::tasks::Epoch;

/// More panels than this would be too small to read; plotly's layout has eight pairs of axes at most.
pub(super) const MOST_PANELS: usize = 6;
pub(super) const PANELS_IN_A_ROW: usize = 3;

/// What a figure of a trial's time course is of.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialAbout {
    /// The title.
    pub title: String,
    /// The epochs to mark, ms from the trial's start.
    pub epochs: Vec<(Epoch, Range<f64>)>,
    /// Number of locations on the ring, which gives a location its angle and colour.
    pub location_count: usize,
    /// What the locations are called, and where the first one lies.
    pub ring: RingLabels,
}

impl Default for TrialAbout {
    fn default() -> Self {
        TrialAbout { title: String::new(), epochs: Vec::new(), location_count: 8, ring: RingLabels::default() }
    }
}

impl TrialAbout {
    /// A figure of this activity, with its epochs and ring.
    pub fn of(activity: &Activity, title: impl Into<String>) -> Self {
        TrialAbout {
            title: title.into(),
            epochs: activity.epochs_in_ms(),
            location_count: activity.location_count,
            ring: activity.ring.clone(),
        }
    }

    /// The same with another title.
    pub fn titled(self, title: impl Into<String>) -> Self {
        TrialAbout { title: title.into(), ..self }
    }

    /// The same with what this activity is of at the end of the title: its rule, and the trials trained.
    pub fn with_origin(self, activity: &Activity) -> Self {
        let rule = activity.rule.map_or_else(String::new, |rule| format!(", rule {rule}"));
        let trials = activity.trials_trained.map_or_else(String::new, |trials| format!(", {trials} trials trained"));
        TrialAbout { title: format!("{}{rule}{trials}", self.title), ..self }
    }

    /// A location's name, where it has one that is no number, or its angle.
    pub(super) fn angle(&self, location: usize) -> String {
        if let Some(name) = self.ring.labels.get(location).filter(|name| name.parse::<f64>().is_err()) {
            return name.clone();
        }
        let degrees = self.ring.first_degrees + 360.0 * location as f64 / self.location_count.max(1) as f64;
        format!("{}°", (10.0 * degrees).round() / 10.0)
    }
}

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

/// The part of the page (0 to 1) that a panel covers: from left, to right, from bottom, to top.
pub(super) fn place(panel: usize, count: usize) -> [f64; 4] {
    let (columns, rows) = (count.min(PANELS_IN_A_ROW), count.div_ceil(PANELS_IN_A_ROW));
    let (gap, below) = (0.07, if rows > 1 { 0.16 } else { 0.0 });
    let width = (1.0 - gap * (columns - 1) as f64) / columns as f64;
    let height = (1.0 - below * (rows - 1) as f64) / rows as f64;
    let left = (panel % PANELS_IN_A_ROW) as f64 * (width + gap);
    let top = 1.0 - (panel / PANELS_IN_A_ROW) as f64 * (height + below);
    [left, left + width, top - height, top]
}

/// The scores against time: the first six panels side by side, the epochs marked.
pub(super) fn draw(scores: &Scores, panels: &[Panel], about: &TrialAbout, subtitle: &str) -> Figure {
    let panels = &panels[..panels.len().min(MOST_PANELS)];
    let title =
        if subtitle.is_empty() { about.title.clone() } else { format!("{}<br><sup>{subtitle}</sup>", about.title) };
    let axis = |name: &str| style::axis(name).title(style::axis_title(name)).tick_font(style::small());
    let mut plot = Plot::new();
    let mut layout = style::layout(&title, Axis::new(), Axis::new());
    layout = layout.legend(style::legend("location"));
    for (number, panel) in panels.iter().enumerate() {
        let [left, right, bottom, top] = place(number, panels.len());
        let suffix = if number == 0 { String::new() } else { (number + 1).to_string() };
        let (x, y) = (format!("x{suffix}"), format!("y{suffix}"));
        for location in &scores.locations {
            let (times, values) = scores.curve(&panel.component, *location);
            let angle = about.angle(*location);
            plot.add_trace(
                Scatter::new(times, values)
                    .name(&angle)
                    .mode(Mode::Lines)
                    .line(Line::new().color(style::location_colour(*location, about.location_count)).width(2.2))
                    .legend_group(&angle)
                    .show_legend(number == 0)
                    .x_axis(&x)
                    .y_axis(&y)
                    .hover_template(format!(
                        "{} at {angle}<br>%{{x}} ms<br>score %{{y:.2f}}<extra></extra>",
                        panel.component
                    )),
            );
        }
        let x_axis =
            axis(style::time_axis(scores.rows.iter().map(|row| row.2))).domain(&[left, right]).anchor(&y).n_ticks(5);
        let y_axis = axis(if number % PANELS_IN_A_ROW == 0 { "score" } else { "" }).domain(&[bottom, top]).anchor(&x);
        layout = with_axes(layout, number, x_axis, y_axis);
        mark_epochs(&mut layout, about, &x, [bottom, top]);
        for range in &panel.underlined {
            layout.add_shape(
                style::vertical_band(range.start, range.end, "#000000")
                    .x_ref(&x)
                    .y0(bottom)
                    .y1(bottom + 0.012 * (top - bottom))
                    .opacity(1.0),
            );
        }
        let middle = 0.5 * (left + right);
        layout.add_annotation(panel_title(&panel.title, middle, top));
    }
    if panels.is_empty() {
        layout.add_annotation(style::nothing("no component"));
    }
    let height = if panels.len() > PANELS_IN_A_ROW { 900 } else { 520 };
    let layout = layout.height(height).margin(Margin::new().left(75).right(20).top(135).bottom(65));
    plot.set_layout(layout);
    Figure::new(plot, format!("{}: {} components", about.title, panels.len()))
}

pub(super) fn panel_title(text: &str, x: f64, top: f64) -> Annotation {
    style::label(text, ("paper", x), ("paper", top), Anchor::Center).y_shift(26.0)
}

/// Shades stimuli and, fainter, the response, and names all epochs above the panel.
fn mark_epochs(layout: &mut Layout, about: &TrialAbout, x: &str, [bottom, top]: [f64; 2]) {
    // The names of many epochs would run into each other on one line.
    let second_line = if about.epochs.len() > 4 { 11.0 } else { 0.0 };
    let mut marked = f64::NEG_INFINITY;
    for (number, (epoch, range)) in about.epochs.iter().enumerate() {
        let opacity = match epoch {
            Epoch::Stim1 | Epoch::Stim2 | Epoch::Distract1 => 0.14,
            Epoch::Go1 => 0.06,
            _ => 0.0,
        };
        if opacity > 0.0 {
            let band = style::vertical_band(range.start, range.end, "#555555");
            layout.add_shape(band.x_ref(x).y0(bottom).y1(top).opacity(opacity));
        }
        // Epochs can overlap; a label stands where its own part begins.
        let from = range.start.max(marked);
        let middle = 0.5 * (from + range.end);
        layout.add_annotation(
            style::label(epoch.name(), (x, middle), ("paper", top), Anchor::Center)
                .font(style::tiny())
                .y_shift(if number % 2 == 0 { 0.0 } else { second_line }),
        );
        marked = range.end;
    }
}

pub(super) fn with_axes(layout: Layout, number: usize, x: Axis, y: Axis) -> Layout {
    match number {
        0 => layout.x_axis(x).y_axis(y),
        1 => layout.x_axis2(x).y_axis2(y),
        2 => layout.x_axis3(x).y_axis3(y),
        3 => layout.x_axis4(x).y_axis4(y),
        4 => layout.x_axis5(x).y_axis5(y),
        _ => layout.x_axis6(x).y_axis6(y),
    }
}
