//! The one style of all figures.

use plotly::color::NamedColor;
use plotly::common::{Anchor, Fill, Font, HoverInfo, Line, Mode, Orientation, Pad, Title};
use plotly::layout::{Annotation, Axis, HoverMode, Legend, Margin, Shape, ShapeLayer, ShapeLine, ShapeType};

use plotly::{Layout, Scatter};

use crate::analysis::{Kind, Normalisation};
use crate::error::Result;
use crate::tables::Columns;
use crate::tasks::Rule;
use crate::training::Stage;

/// Font family of all text.
const FONT: &str = "Helvetica, Arial, sans-serif";
/// Size of text in a figure: legible when a figure is shown at half a page's width.
const TEXT: usize = 14;
/// The colour of grids.
pub(super) const GRID: &str = "#ececec";
/// The colour of axes and text.
pub(super) const INK: &str = "#333333";

/// The colour of a stage. The three differ in lightness too, so that they survive grey printing.
pub(super) fn stage_colour(stage: Stage) -> &'static str {
    match stage {
        Stage::Early => "#6baed6",
        Stage::Mid => "#e08214",
        Stage::Mature => "#542788",
    }
}

/// The colours of the crate's rules; a network knows one delayed response, or shows several side by side.
const RULES: &[(&[Rule], &str)] = &[
    (
        &[
            Rule::ODR,
            Rule::ODR500,
            Rule::ODR750,
            Rule::ODR1000,
            Rule::ODR1100,
            Rule::ODR1200,
            Rule::ODR1300,
            Rule::ODR1400,
            Rule::ODR3000,
            Rule::ODR6000,
            Rule::ODR15000,
        ],
        "#0072b2",
    ),
    (&[Rule::ODRD], "#d55e00"),
    (&[Rule::OVERLAP], "#009e73"),
    (&[Rule::ZERO_GAP], "#e69f00"),
    (&[Rule::GAP], "#56b4e9"),
    (&[Rule::GAP500], "#cc79a7"),
    (&[Rule::MATCH_OR_NON], "#000000"),
    (&[Rule::MATCH_OR_NON_EASY], "#777777"),
    (&[Rule::MATCH_OR_NON_PASSIVE], "#b5a400"),
];

/// Colours of tasks of a user's own, from Paul Tol's muted palette: none is that of a rule beside which they are
/// trained.
const OWN_TASKS: [&str; 5] = ["#882255", "#44aa99", "#332288", "#999933", "#aa4499"];

/// The colour of a rule, from the palette of Okabe and Ito, which colour-blind readers can tell apart.
pub(super) fn rule_colour(rule: Rule) -> &'static str {
    let found = RULES.iter().find(|(rules, _)| rules.contains(&rule)).map(|(_, colour)| *colour);
    // A task of a user's own has none: its place among those that there are decides.
    let place = || Rule::all().into_iter().filter(|rule| rule.is_own()).position(|own| own == rule).unwrap_or(0);
    found.unwrap_or_else(|| OWN_TASKS[place() % OWN_TASKS.len()])
}

/// The colour of the stage of this name, or that of another curve at this place.
pub(super) fn stage_or_series(name: &str, place: usize) -> &'static str {
    name.parse().map_or(SERIES[place % SERIES.len()], stage_colour)
}

/// The colour of the rule of this name, or that of another curve at this place.
pub(super) fn rule_or_series(name: &str, place: usize) -> &'static str {
    name.parse().map_or(SERIES[place % SERIES.len()], rule_colour)
}

/// The colour of a kind of units.
pub(super) fn kind_colour(kind: Kind) -> &'static str {
    match kind {
        Kind::Excited => "#d55e00",
        Kind::Mixed => "#e8c27a",
        Kind::Inhibited => "#0072b2",
        Kind::NotSelective => "#cccccc",
    }
}

/// Colours round the ring of locations, from 0° in steps of 45°: a closed curve in lightness, blue to yellow and red to
/// green. Any two differ by at least 24 (CIE 1976) for readers without red or green cones, 33 for others, and
/// neighbours on the ring are alike.
const RING: [[u8; 3]; 8] = [
    [0x9a, 0xc2, 0xca],
    [0xc4, 0xbe, 0x6c],
    [0xbd, 0x8c, 0x00],
    [0x9e, 0x47, 0x00],
    [0x7e, 0x04, 0x33],
    [0x61, 0x1a, 0x7e],
    [0x20, 0x56, 0xd1],
    [0x3e, 0x97, 0xf3],
];

/// The colour of a location on a ring of `count`, between those of [`RING`] where the ring has not 8.
pub(super) fn location_colour(location: usize, count: usize) -> String {
    let place = (location % count.max(1)) as f64 / count.max(1) as f64 * RING.len() as f64;
    let (before, share) = (place.floor() as usize % RING.len(), place.fract());
    let after = (before + 1) % RING.len();
    let mix = |channel: usize| {
        let [from, to] = [before, after].map(|place| f64::from(RING[place][channel]));
        (from + share * (to - from)).round() as u8
    };
    format!("#{:02x}{:02x}{:02x}", mix(0), mix(1), mix(2))
}

/// The colour of a marginalisation: time, stimulus, mixed.
pub(super) const MARGINALISATIONS: [(&str, &str); 3] =
    [("time", "#999999"), ("stimulus", "#0072b2"), ("mixed", "#e69f00")];

/// Colours for curves that stand for neither a stage nor a rule.
pub(super) const SERIES: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#e69f00", "#56b4e9", "#cc79a7", "#000000"];

fn font(size: usize) -> Font {
    Font::new().family(FONT).size(size).color(INK)
}

/// An axis with its title.
pub(super) fn axis(title: &str) -> Axis {
    Axis::new()
        .title(Title::with_text(title).font(font(TEXT + 1)))
        .tick_font(font(TEXT))
        .grid_color(GRID)
        .show_line(true)
        .line_color(INK)
        .zero_line(false)
}

/// The title of an axis of a small panel.
pub(super) fn axis_title(text: &str) -> Title {
    Title::with_text(text).font(small())
}

/// The font of a small panel.
pub(super) fn small() -> Font {
    font(TEXT - 2)
}

/// The font of labels that stand close together.
pub(super) fn tiny() -> Font {
    font(TEXT - 4)
}

/// A legend on the right with a title; a click hides a curve in all panels.
pub(super) fn legend(title: &str) -> Legend {
    Legend::new()
        .orientation(Orientation::Vertical)
        .font(font(TEXT))
        .x(1.02)
        .y(1.0)
        .trace_group_gap(0)
        .title(Title::with_text(title).font(small()))
}

/// A legend for a place of its own.
pub(super) fn plain_legend() -> Legend {
    Legend::new().orientation(Orientation::Vertical).font(small())
}

/// The title of a figure.
pub(super) fn title(text: &str) -> Title {
    Title::with_text(text).font(font(TEXT + 3)).x(0.02).y(1.0).y_anchor(Anchor::Top).pad(Pad::new(24, 0, 0))
}

/// A layout with a title, its two axes, and the legend on the right.
pub(super) fn layout(title: &str, x: Axis, y: Axis) -> Layout {
    Layout::new()
        .title(self::title(title))
        .font(font(TEXT))
        .x_axis(x)
        .y_axis(y)
        .height(480)
        .margin(
            Margin::new().left(75).right(20).top(85 + 20 * title.matches("<br>").count().saturating_sub(1)).bottom(65),
        )
        .paper_background_color(NamedColor::White)
        .plot_background_color(NamedColor::White)
        .hover_mode(HoverMode::Closest)
        .legend(Legend::new().orientation(Orientation::Vertical).font(font(TEXT)).x(1.02).y(1.0))
}

/// A band over the whole height (`x_ref` "x") between two positions, behind the data.
pub(super) fn vertical_band(from: f64, to: f64, colour: &str) -> Shape {
    band(colour).x_ref("x").y_ref("paper").x0(from).x1(to).y0(0.0).y1(1.0)
}

/// A band over the whole width between two values, behind the data.
pub(super) fn horizontal_band(from: f64, to: f64, colour: &str) -> Shape {
    band(colour).x_ref("paper").y_ref("y").x0(0.0).x1(1.0).y0(from).y1(to)
}

fn band(colour: &str) -> Shape {
    Shape::new()
        .shape_type(ShapeType::Rect)
        .fill_color(colour.to_owned())
        .opacity(0.12)
        .line(ShapeLine::new().width(0.0))
        .layer(ShapeLayer::Below)
}

/// A thin dotted line over the whole width.
pub(super) fn horizontal_line(value: f64) -> Shape {
    Shape::new()
        .shape_type(ShapeType::Line)
        .x_ref("paper")
        .y_ref("y")
        .x0(0.0)
        .x1(1.0)
        .y0(value)
        .y1(value)
        .line(ShapeLine::new().color(INK).width(1.0))
        .opacity(0.5)
        .layer(ShapeLayer::Below)
}

/// The area between two curves, as of an interval about a third; none where there are no finite values.
pub(super) fn interval_band(x: &[f64], low: &[f64], high: &[f64], colour: &str) -> Option<Box<Scatter<f64, f64>>> {
    let there: Vec<usize> = (0..x.len()).filter(|at| low[*at].is_finite() && high[*at].is_finite()).collect();
    if there.len() < 2 {
        return None;
    }
    let round = |value: f64| (1e5 * value).round() / 1e5;
    let (forth, back) = (there.iter(), there.iter().rev());
    let xs = forth.clone().chain(back.clone()).map(|at| x[*at]).collect();
    let ys = forth.map(|at| round(low[*at])).chain(back.map(|at| round(high[*at]))).collect();
    let band = Scatter::new(xs, ys).mode(Mode::Lines).line(Line::new().color(colour.to_owned()).width(0.0));
    Some(band.fill(Fill::ToSelf).fill_color(translucent(colour)).hover_info(HoverInfo::Skip).show_legend(false))
}

/// The lower and the upper ends of a table's intervals, if it has them.
pub(super) fn interval(columns: &Columns) -> Result<Option<[Vec<f64>; 2]>> {
    columns.has("low").then(|| Ok([columns.numbers("low")?, columns.numbers("high")?])).transpose()
}

/// The names in a column, each once, in their order.
pub(super) fn distinct<'a>(names: impl IntoIterator<Item = &'a String>) -> Vec<&'a String> {
    let mut found = Vec::new();
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// A colour `#rrggbb`, one fifth opaque.
pub(super) fn translucent(colour: &str) -> String {
    let part = |from: usize| colour.get(from..from + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or(128);
    format!("rgba({},{},{},0.2)", part(1), part(3), part(5))
}

/// A small label; `x_ref` and `y_ref` say what its position counts in ("x", "y" or "paper").
pub(super) fn label(text: &str, (x_ref, x): (&str, f64), (y_ref, y): (&str, f64), anchor: Anchor) -> Annotation {
    Annotation::new()
        .text(text)
        .x_ref(x_ref)
        .x(x)
        .y_ref(y_ref)
        .y(y)
        .x_anchor(anchor)
        .y_anchor(Anchor::Bottom)
        .show_arrow(false)
        .font(font(TEXT - 1))
}

/// What rates of a table are: what its column says, or, where it has none, `otherwise`.
pub(super) fn normalisation(columns: &Columns, otherwise: Normalisation) -> Result<Normalisation> {
    if columns.has("normalisation")
        && let Some(name) = columns.names("normalisation")?.first()
    {
        return name.parse();
    }
    Ok(otherwise)
}

/// What an axis of these times is called: they count from the trial's start, or from another event.
pub(super) fn time_axis(times: impl IntoIterator<Item = f64>) -> &'static str {
    let first = times.into_iter().fold(f64::INFINITY, f64::min);
    if first < 0.0 { "time (ms)" } else { "time from trial start (ms)" }
}

/// A title with a line of small print for each note.
pub(super) fn heading(title: &str, notes: &[String]) -> String {
    let notes = notes.iter().filter(|note| !note.is_empty()).map(|note| format!("<br><sup>{note}</sup>"));
    title.to_owned() + &notes.collect::<String>()
}

/// A probability in few digits.
pub(super) fn probability(value: f64) -> String {
    match value {
        value if value < 1e-300 => "below 1e-300".to_owned(),
        value if value < 1e-3 => format!("{value:.1e}"),
        value => format!("{value:.3}"),
    }
}

/// How many checkpoints a curve of each stage is the average of.
pub(super) fn averaged(counts: impl IntoIterator<Item = (impl std::fmt::Display, u64)>) -> String {
    let each: Vec<String> = counts.into_iter().map(|(stage, count)| format!("{stage} {count}")).collect();
    if each.is_empty() { String::new() } else { format!("checkpoints averaged: {}", each.join(", ")) }
}

/// A picture's place for 'there is nothing to show'.
pub(super) fn nothing(text: &str) -> Annotation {
    label(text, ("paper", 0.5), ("paper", 0.5), Anchor::Center).font(font(TEXT + 4))
}

/// A colour of the form `#rrggbb`, see-through, to fill what lies below a curve.
pub(super) fn faint(colour: &str) -> String {
    format!("{colour}22")
}

/// A filled rectangle; each position says what it counts in ("x", "y" or "paper").
pub(super) fn solid(
    colour: &str,
    (x_ref, left, right): (&str, f64, f64),
    (y_ref, low, high): (&str, f64, f64),
) -> Shape {
    Shape::new()
        .shape_type(ShapeType::Rect)
        .x_ref(x_ref)
        .x0(left)
        .x1(right)
        .y_ref(y_ref)
        .y0(low)
        .y1(high)
        .fill_color(colour.to_owned())
        .line(ShapeLine::new().width(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_notes_stand_below_the_title() {
        assert_eq!([0.0, 3.04e-5, 0.0123].map(probability), ["below 1e-300", "3.0e-5", "0.012"]);
        assert_eq!(heading("a", &["b".into(), String::new()]), "a<br><sup>b</sup>");
        assert_eq!(averaged([("early", 3), ("mid", 1)]), "checkpoints averaged: early 3, mid 1");
        assert_eq!(averaged(Vec::<(&str, u64)>::new()), "");
    }

    #[test]
    fn every_rule_of_the_crate_has_a_colour() {
        for rule in Rule::all().into_iter().filter(|rule| !rule.is_own()) {
            let places = RULES.iter().filter(|(rules, _)| rules.contains(&rule)).count();
            assert_eq!(places, 1, "{rule}");
        }
        assert!(RULES.iter().all(|(_, colour)| !OWN_TASKS.contains(colour)));
    }

    #[test]
    fn locations_have_their_own_colours_round_the_ring() {
        assert_eq!(location_colour(0, 8), "#9ac2ca");
        assert_eq!(location_colour(6, 8), "#2056d1");
        assert_eq!(location_colour(3, 4), location_colour(6, 8), "the same angle has the same colour");
        for count in [1, 3, 8, 12, 36] {
            let colours: std::collections::HashSet<String> = (0..count).map(|at| location_colour(at, count)).collect();
            assert_eq!(colours.len(), count);
        }
    }
}
