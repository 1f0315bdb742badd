//! A figure as a vector graphic, drawn without a browser.
//!
//! It stands in for plotly.js where no script runs: in a notebook on GitHub, in a page that nbconvert made, in a file.
//! It knows what the figures of this crate are made of (scatters, bars, boxes, heatmaps, shapes, annotations, legends),
//! lays them out much as plotly.js does, and says so where a plot has something else.

mod axes;
mod bitmap;
mod legend;
mod text;
mod traces;

use std::collections::HashMap;

use serde_json::Value;

use crate::figures::markup::escape;
use axes::{Axis, Extent, layout_name};
use text::{Font, Place, Text};

/// The traces that can be drawn.
const KINDS: [&str; 4] = ["scatter", "bar", "box", "heatmap"];

/// The part of the picture between its margins.
#[derive(Clone, Copy, Debug)]
struct Frame {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

/// Elements of the picture, in the order in which they are drawn.
#[derive(Debug, Default)]
struct Marks(String);

/// What is drawn of a shape or a trace: the colours of its area and its edge.
#[derive(Clone, Debug, Default)]
struct Look {
    fill: Option<String>,
    stroke: Option<String>,
    width: f64,
    dash: &'static str,
    opacity: f64,
}

impl Marks {
    fn push(&mut self, element: &str) {
        self.0.push_str(element);
    }

    fn line(&mut self, from: [f64; 2], to: [f64; 2], colour: &str, width: f64) {
        let look = Look { stroke: Some(colour.to_owned()), width, opacity: 1.0, ..Look::default() };
        self.path(&path([from, to]), &look);
    }

    fn path(&mut self, data: &str, look: &Look) {
        self.push(&format!("<path d=\"{data}\"{}/>", look.attributes()));
    }

    fn rectangle(&mut self, [left, top]: [f64; 2], [right, bottom]: [f64; 2], look: &Look) {
        let (x, y) = (left.min(right), top.min(bottom));
        let (width, height) = ((right - left).abs(), (bottom - top).abs());
        let [x, y, width, height] = [x, y, width, height].map(number);
        self.push(&format!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"{}/>", look.attributes()));
    }
}

impl Look {
    fn attributes(&self) -> String {
        let mut text = String::new();
        let mut paint = |name: &str, colour: &Option<String>| match colour {
            None => text.push_str(&format!(" {name}=\"none\"")),
            Some(colour) => {
                let (solid, opacity) = solid(colour);
                text.push_str(&format!(" {name}=\"{}\"", escape(&solid)));
                if opacity < 1.0 {
                    text.push_str(&format!(" {name}-opacity=\"{}\"", number(opacity)));
                }
            }
        };
        paint("fill", &self.fill);
        if self.stroke.is_some() && self.width > 0.0 {
            paint("stroke", &self.stroke);
            text.push_str(&format!(" stroke-width=\"{}\"", number(self.width)));
            if !self.dash.is_empty() {
                text.push_str(&format!(" stroke-dasharray=\"{}\"", self.dash));
            }
        }
        if self.opacity < 1.0 {
            text.push_str(&format!(" opacity=\"{}\"", number(self.opacity)));
        }
        text
    }
}

/// How large the picture says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// As wide as there is room for it, up to its own width.
    Page,
    /// Its own width and height, in pixels.
    Size,
}

/// What a plot has that this does not draw, by plotly's name.
fn unknown(plot: &Value) -> Option<String> {
    let kinds = plot["data"].as_array().into_iter().flatten().map(|trace| trace["type"].as_str().unwrap_or("scatter"));
    kinds.into_iter().find(|kind| !KINDS.contains(kind)).map(str::to_owned)
}

/// The picture of a plot, of plotly's JSON. `about` tells those who do not see it what it shows.
///
/// The error is the kind of a trace that this cannot draw.
pub(super) fn svg(plot: &Value, [width, height]: [f64; 2], fit: Fit, about: &str) -> Result<String, String> {
    if let Some(kind) = unknown(plot) {
        return Err(kind);
    }
    let (layout, none) = (&plot["layout"], Vec::new());
    let shown: Vec<Value> =
        plot["data"].as_array().unwrap_or(&none).iter().filter(|trace| trace["visible"] != false).cloned().collect();
    let frame = legend::frame(layout, &shown, [width, height]);
    let axes = Axes::of(layout, &shown, &frame);
    let mut out = Marks::default();
    let whole = Look { fill: colour(&layout["paper_bgcolor"]), opacity: 1.0, ..Look::default() };
    if layout["paper_bgcolor"] != "rgba(0,0,0,0)" {
        out.rectangle([0.0, 0.0], [width, height], &whole);
    }
    let pairs = axes.pairs(&shown);
    // The same number for the same picture, and hardly ever that of another on the page.
    let name = plot.to_string().bytes().fold(5381_u64, |sum, byte| sum.wrapping_mul(33) ^ u64::from(byte));
    shapes(layout, &axes, &frame, "below", &mut out);
    for (number, (x, y)) in pairs.iter().enumerate() {
        let (across, up) = (axes.get(x), axes.get(y));
        across.grid(up, &mut out);
        up.grid(across, &mut out);
        let clip = format!("m{name:x}-{number}");
        out.push(&format!("<clipPath id=\"{clip}\">"));
        let [left, right] = [across.from - 1.0, across.to + 1.0];
        out.rectangle([left, up.to - 1.0], [right, up.from + 1.0], &Look { opacity: 1.0, ..Look::default() });
        out.push(&format!("</clipPath><g clip-path=\"url(#{clip})\">"));
        traces::draw(&shown, [x, y], [across, up], layout, &mut out);
        out.push("</g>");
    }
    axes.frames(layout, &frame, &mut out);
    shapes(layout, &axes, &frame, "above", &mut out);
    annotations(layout, &axes, &frame, &mut out);
    legend::draw(layout, &shown, &frame, [width, height], &mut out);
    title(layout, &frame, [width, height], &mut out);
    let [width, height] = [width, height].map(number);
    let own = match fit {
        Fit::Page => format!("style=\"max-width:{width}px\""),
        Fit::Size => format!("width=\"{width}\" height=\"{height}\""),
    };
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" {own} \
         role=\"img\" font-family=\"Helvetica, Arial, sans-serif\"><title>{}</title>{}</svg>\n",
        escape(about),
        out.0
    ))
}

/// The axes by the names that traces have for them.
struct Axes(HashMap<String, Axis>);

impl Axes {
    fn of(layout: &Value, traces: &[Value], frame: &Frame) -> Axes {
        let mut extents: HashMap<String, Extent> = HashMap::new();
        let categories = axes::categories(traces, layout);
        for pass in [("x", "xaxis"), ("y", "yaxis")] {
            extents.entry(pass.0.to_owned()).or_default();
            for trace in traces {
                extents.entry(axis_of(trace, pass.1, pass.0)).or_default();
            }
        }
        // Their ranges need the places of categories, and these no ranges.
        let made = |extents: &HashMap<String, Extent>| {
            let axis = |(name, extent): (&String, &Extent)| {
                let key = layout_name(name);
                let named = categories.get(&key).cloned().unwrap_or_default();
                (name.clone(), Axis::new(&layout[&key], name.starts_with('x'), frame, *extent, named))
            };
            Axes(extents.iter().map(axis).collect())
        };
        let blank = made(&extents);
        for trace in traces {
            let names = [axis_of(trace, "xaxis", "x"), axis_of(trace, "yaxis", "y")];
            let [x, y] = names.each_ref().map(|name| blank.get(name));
            let [mut across, mut up] = names.each_ref().map(|name| extents[name]);
            traces::extend(traces, trace, layout, [x, y], [&mut across, &mut up]);
            let [x, y] = names;
            extents.insert(x, across);
            extents.insert(y, up);
        }
        let mut axes = made(&extents);
        axes.equalise(layout);
        axes
    }

    /// Gives axes that are to have one scale the smaller of the two.
    fn equalise(&mut self, layout: &Value) {
        let mut names: Vec<String> = self.0.keys().cloned().collect();
        names.sort();
        for name in names {
            let spec = &layout[layout_name(&name)];
            let Some(other) = spec["scaleanchor"].as_str().filter(|other| self.0.contains_key(*other)) else {
                continue;
            };
            let ratio = spec["scaleratio"].as_f64().unwrap_or(1.0);
            let (own, its) = (self.get(&name).scale() / ratio, self.get(other).scale());
            let scale = own.min(its);
            if let Some(axis) = self.0.get_mut(&name) {
                axis.shrink_to(scale * ratio);
            }
            if let Some(axis) = self.0.get_mut(other) {
                axis.shrink_to(scale);
            }
        }
    }

    fn get(&self, name: &str) -> &Axis {
        self.0.get(name).or_else(|| self.0.get(&name[..1])).unwrap_or_else(|| &self.0["x"])
    }

    /// The pairs of axes that traces are drawn on, in order.
    fn pairs(&self, traces: &[Value]) -> Vec<(String, String)> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for trace in traces {
            let pair = (axis_of(trace, "xaxis", "x"), axis_of(trace, "yaxis", "y"));
            if !pairs.contains(&pair) {
                pairs.push(pair);
            }
        }
        if pairs.is_empty() {
            pairs.push(("x".to_owned(), "y".to_owned()));
        }
        pairs
    }

    /// Lines, ticks and titles of all axes, each at its place on the axis that it is anchored to.
    fn frames(&self, layout: &Value, frame: &Frame, out: &mut Marks) {
        let mut names: Vec<&String> = self.0.keys().collect();
        names.sort();
        for name in names {
            let spec = &layout[layout_name(name)];
            let usual = if name.starts_with('x') { "y" } else { "x" };
            let edge = match spec["anchor"].as_str().unwrap_or(usual) {
                "free" if name.starts_with('x') => frame.top + frame.height,
                "free" => frame.left,
                other => self.get(other).from,
            };
            self.0[name].frame(edge, layout, out);
        }
    }

    /// Where a coordinate of a shape or an annotation lies, in terms of an axis or of the whole frame.
    fn place(&self, reference: &Value, across: bool, coordinate: &Value, frame: &Frame) -> f64 {
        let value = coordinate.as_f64().unwrap_or(f64::NAN);
        let share = |from: f64, to: f64| from + value * (to - from);
        match reference.as_str().unwrap_or("paper") {
            "paper" if across => share(frame.left, frame.left + frame.width),
            "paper" => share(frame.top + frame.height, frame.top),
            name => match name.strip_suffix(" domain") {
                Some(name) => share(self.get(name).from, self.get(name).to),
                None => self.get(name).at(self.get(name).value(coordinate)),
            },
        }
    }
}

/// The name of the axis that a trace is drawn on.
fn axis_of(trace: &Value, key: &str, usual: &str) -> String {
    trace[key].as_str().unwrap_or(usual).to_owned()
}

/// The layout's rectangles and lines, those that lie below the data or above them.
fn shapes(layout: &Value, axes: &Axes, frame: &Frame, layer: &str, out: &mut Marks) {
    for shape in layout["shapes"].as_array().into_iter().flatten() {
        if shape["layer"].as_str().unwrap_or("above") != layer {
            continue;
        }
        let x = |key: &str| axes.place(&shape["xref"], true, &shape[key], frame);
        let y = |key: &str| axes.place(&shape["yref"], false, &shape[key], frame);
        let (from, to) = ([x("x0"), y("y0")], [x("x1"), y("y1")]);
        if from.iter().chain(&to).any(|place| !place.is_finite()) {
            continue;
        }
        let opacity = shape["opacity"].as_f64().unwrap_or(1.0);
        let line = traces::line_look(&shape["line"], "#444444", opacity);
        if shape["type"] == "line" {
            out.path(&path([from, to]), &line);
        } else {
            out.rectangle(from, to, &Look { fill: colour(&shape["fillcolor"]), ..line });
        }
    }
}

fn annotations(layout: &Value, axes: &Axes, frame: &Frame, out: &mut Marks) {
    for note in layout["annotations"].as_array().into_iter().flatten() {
        let shift = |key: &str| note[key].as_f64().unwrap_or(0.0);
        let x = axes.place(&note["xref"], true, &note["x"], frame) + shift("xshift");
        let y = axes.place(&note["yref"], false, &note["y"], frame) - shift("yshift");
        if note["visible"] == false || !x.is_finite() || !y.is_finite() {
            continue;
        }
        let across = match note["xanchor"].as_str() {
            Some("left") => "start",
            Some("right") => "end",
            _ => "middle",
        };
        let down = match note["yanchor"].as_str() {
            Some("top") => 0.0,
            Some("bottom") => 1.0,
            _ => 0.5,
        };
        let turned = note["textangle"].as_f64().unwrap_or(0.0);
        let text = Text::of(note["text"].as_str().unwrap_or_default());
        out.push(&text.element(Place { x, y, across, down, turned }, &font(&note["font"], &layout["font"], 12.0)));
    }
}

fn title(layout: &Value, frame: &Frame, [width, _]: [f64; 2], out: &mut Marks) {
    let title = &layout["title"];
    let text = Text::of(title["text"].as_str().or(title.as_str()).unwrap_or_default());
    let font = font(&title["font"], &layout["font"], 17.0);
    let x = title["x"].as_f64().unwrap_or(0.05) * width;
    let place = match title["yanchor"] == "top" {
        true => Place { x, y: title["pad"]["t"].as_f64().unwrap_or(0.0), across: "start", down: 0.0, turned: 0.0 },
        false => Place { x, y: 0.5 * frame.top, across: "start", down: 0.5, turned: 0.0 },
    };
    out.push(&text.element(place, &font));
}

/// A font, of the layout's where it says nothing itself.
fn font(own: &Value, layout: &Value, size: f64) -> Font {
    let colour = own["color"].as_str().or(layout["color"].as_str()).unwrap_or("#444444");
    Font { size: own["size"].as_f64().or(layout["size"].as_f64()).unwrap_or(size), colour: colour.to_owned() }
}

fn colour(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// A colour without its opacity, and that: older viewers know neither `#rrggbbaa` nor `rgba(…)`.
fn solid(colour: &str) -> (String, f64) {
    if let Some(digits) = colour.strip_prefix('#').filter(|digits| digits.len() == 8 && digits.is_ascii()) {
        let opacity = u8::from_str_radix(&digits[6..], 16).map_or(1.0, |part| f64::from(part) / 255.0);
        return (format!("#{}", &digits[..6]), opacity);
    }
    let parts = colour.strip_prefix("rgba(").and_then(|rest| rest.strip_suffix(')'));
    match parts.and_then(|parts| parts.rsplit_once(',')) {
        Some((solid, opacity)) => (format!("rgb({solid})"), opacity.trim().parse().unwrap_or(1.0)),
        None => (colour.to_owned(), 1.0),
    }
}

/// A number with at most two digits behind the point.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

/// A path through points, in steps of tenths of a pixel; a point that is not finite leaves a gap. Points that a
/// straight line between others comes near enough to are left out.
fn path(points: impl IntoIterator<Item = [f64; 2]>) -> String {
    let points: Vec<[f64; 2]> = points.into_iter().collect();
    let mut data = String::new();
    for piece in points.split(|point| point.iter().any(|place| !place.is_finite())) {
        let mut last = None;
        for [x, y] in simplified(piece).map(|point| point.map(|place| (10.0 * place).round() as i64)) {
            let (letter, across, down) = match last {
                None => ('M', x, y),
                Some((before, above)) => ('l', x - before, y - above),
            };
            data.push_str(&format!("{letter}{} {}", tenths(across), tenths(down)));
            last = Some((x, y));
        }
    }
    data
}

/// A number of tenths, short.
fn tenths(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    match (value.abs() / 10, value.abs() % 10) {
        (whole, 0) => format!("{sign}{whole}"),
        (0, part) => format!("{sign}.{part}"),
        (whole, part) => format!("{sign}{whole}.{part}"),
    }
}

/// How far a path may be from a point that it leaves out, in pixels.
const NEAR: f64 = 0.2;

/// The points that a path needs to come [`NEAR`] all of them (the method of Douglas and Peucker).
fn simplified(points: &[[f64; 2]]) -> impl Iterator<Item = [f64; 2]> {
    let mut kept = vec![false; points.len()];
    let mut open = vec![(0, points.len().saturating_sub(1))];
    for end in [0, points.len().saturating_sub(1)] {
        if let Some(kept) = kept.get_mut(end) {
            *kept = true;
        }
    }
    while let Some((first, last)) = open.pop() {
        let away = |place: usize| distance(points[place], points[first], points[last]);
        let farthest = (first + 1..last).max_by(|one, other| away(*one).total_cmp(&away(*other)));
        if let Some(place) = farthest.filter(|place| away(*place) > NEAR) {
            kept[place] = true;
            open.extend([(first, place), (place, last)]);
        }
    }
    points.iter().zip(kept).filter(|(_, kept)| *kept).map(|(point, _)| *point)
}

/// The distance of a point from the line between two others.
fn distance([x, y]: [f64; 2], [left, top]: [f64; 2], [right, bottom]: [f64; 2]) -> f64 {
    let (across, down) = (right - left, bottom - top);
    let squared = across * across + down * down;
    let along = if squared > 0.0 { (((x - left) * across + (y - top) * down) / squared).clamp(0.0, 1.0) } else { 0.0 };
    (x - left - along * across).hypot(y - top - along * down)
}

#[cfg(test)]
mod tests;
