//! The one style of all figures.

use plotly::Layout;
use plotly::color::NamedColor;
use plotly::common::{Anchor, Font, Orientation, Title};
use plotly::layout::{Annotation, Axis, HoverMode, Legend, Margin, Shape, ShapeLayer, ShapeLine, ShapeType};

use crate::tasks::Rule;
use crate::training::Stage;

/// Font family of all text.
const FONT: &str = "Helvetica, Arial, sans-serif";
/// Size of text in a figure: legible when a figure is shown at half a page's width.
const TEXT: usize = 14;
const GRID: &str = "#ececec";
const INK: &str = "#333333";

/// The colour of a stage. The three differ in lightness too, so that they survive grey printing.
pub(super) fn stage_colour(stage: Stage) -> &'static str {
    match stage {
        Stage::Early => "#6baed6",
        Stage::Mid => "#e08214",
        Stage::Mature => "#542788",
    }
}

/// The colour of a rule, from the palette of Okabe and Ito, which colour-blind readers can tell apart.
pub(super) fn rule_colour(rule: Rule) -> &'static str {
    match rule {
        Rule::Odrd => "#d55e00",
        Rule::Overlap => "#009e73",
        Rule::ZeroGap => "#e69f00",
        Rule::Gap => "#56b4e9",
        Rule::Gap500 => "#cc79a7",
        Rule::MatchOrNon => "#000000",
        Rule::MatchOrNonEasy => "#777777",
        Rule::MatchOrNonPassive => "#b5a400",
        _ => "#0072b2",
    }
}

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

/// A legend for a place of its own.
pub(super) fn legend() -> Legend {
    Legend::new().orientation(Orientation::Vertical).font(small())
}

/// A layout with a title, its two axes, and the legend on the right.
pub(super) fn layout(title: &str, x: Axis, y: Axis) -> Layout {
    Layout::new()
        .title(Title::with_text(title).font(font(TEXT + 3)).x(0.02))
        .font(font(TEXT))
        .x_axis(x)
        .y_axis(y)
        .height(480)
        .margin(Margin::new().left(75).right(20).top(85).bottom(65))
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

/// A picture's place for 'there is nothing to show'.
pub(super) fn nothing(text: &str) -> Annotation {
    label(text, ("paper", 0.5), ("paper", 0.5), Anchor::Center).font(font(TEXT + 4))
}
