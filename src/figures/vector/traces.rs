//! Traces: scatters, bars, boxes and heatmaps.

use serde_json::Value;

use super::axes::{Axis, Extent};
use super::text::{Place, Text};
use super::{Look, Marks, axis_of, bitmap, colour, font, number, path};

/// Plotly's own colours, for traces that name none.
const USUAL: [&str; 10] =
    ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"];
/// Some of the colours of Viridis, evenly apart.
const VIRIDIS: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];
/// Shades of a heatmap; one more stands for what is missing.
const SHADES: usize = 255;

/// A trace's coordinates in one direction; where it has none, their places counted.
fn coordinates(trace: &Value, direction: &str, axis: &Axis, count: usize) -> Vec<f64> {
    match trace[direction].as_array() {
        Some(values) => values.iter().map(|value| axis.value(value)).collect(),
        None => {
            let part = |key: &str, usual: f64| trace[format!("{key}{direction}")].as_f64().unwrap_or(usual);
            let first = trace[format!("{direction}0")].as_f64().unwrap_or(0.0);
            (0..count).map(|place| first + place as f64 * part("d", 1.0)).collect()
        }
    }
}

fn points(trace: &Value, [x, y]: [&Axis; 2]) -> Vec<[f64; 2]> {
    let count = |direction: &str| trace[direction].as_array().map_or(0, Vec::len);
    let count = count("x").max(count("y"));
    coordinates(trace, "x", x, count).into_iter().zip(coordinates(trace, "y", y, count)).map(|(x, y)| [x, y]).collect()
}

fn kind(trace: &Value) -> &str {
    trace["type"].as_str().unwrap_or("scatter")
}

fn mode(trace: &Value) -> &str {
    trace["mode"].as_str().unwrap_or(if points_of(trace) < 20 { "lines+markers" } else { "lines" })
}

fn points_of(trace: &Value) -> usize {
    trace["x"].as_array().or(trace["y"].as_array()).map_or(0, Vec::len)
}

/// The colour of a trace, wherever it says it.
pub(super) fn colour_of(trace: &Value, place: usize) -> String {
    let said = [&trace["line"]["color"], &trace["marker"]["color"]].into_iter().find_map(|colour| colour.as_str());
    said.unwrap_or(USUAL[place % USUAL.len()]).to_owned()
}

/// The look of a line as plotly's JSON says it.
pub(super) fn line_look(line: &Value, usual: &str, opacity: f64) -> Look {
    let dash = match line["dash"].as_str() {
        Some("dash") => "9 9",
        Some("dot") => "3 3",
        Some("dashdot") => "9 3 3 3",
        Some("longdash") => "15 6",
        _ => "",
    };
    let width = line["width"].as_f64().unwrap_or(2.0);
    Look { stroke: Some(line["color"].as_str().unwrap_or(usual).to_owned()), width, dash, opacity, ..Look::default() }
}

/// Takes what a trace shows into the extents of its axes.
pub(super) fn extend(all: &[Value], trace: &Value, layout: &Value, axes: [&Axis; 2], [x, y]: [&mut Extent; 2]) {
    let found = points(trace, axes);
    match kind(trace) {
        "heatmap" => {
            for (direction, axis, extent) in [("x", axes[0], x), ("y", axes[1], y)] {
                let edges = edges(&cells(trace, direction, axis));
                extent.add(edges, false);
            }
        }
        "bar" => {
            let stacked = layout["barmode"] == "stack";
            let tops = bars(all, trace, axes, stacked);
            let across = trace["orientation"] == "h";
            let (along, up) = if across { (y, x) } else { (x, y) };
            along.add(tops.iter().flat_map(|bar| [bar.place - 0.5 * bar.slot, bar.place + 0.5 * bar.slot]), false);
            up.add(tops.iter().flat_map(|bar| [bar.from, bar.to]), true);
            up.ground();
        }
        "box" => {
            x.add(found.iter().flat_map(|point| [point[0] - 0.5, point[0] + 0.5]), false);
            y.add(found.iter().map(|point| point[1]), true);
        }
        _ => {
            let errors = errors(trace);
            let ends = |place: usize| errors.as_ref().map_or([0.0, 0.0], |errors| errors(place));
            x.add(found.iter().map(|point| point[0]), mode(trace).contains("markers"));
            let up = found.iter().enumerate().flat_map(|(place, point)| {
                let [low, high] = ends(place);
                [point[1] - low, point[1] + high]
            });
            y.add(up, true);
            if trace["fill"] == "tozeroy" {
                y.ground();
            }
        }
    }
}

/// How far a scatter's error bars reach down and up from a point.
fn errors(trace: &Value) -> Option<impl Fn(usize) -> [f64; 2]> {
    let spec = &trace["error_y"];
    let up = spec["array"].as_array().filter(|_| spec["visible"] != false)?;
    let down = spec["arrayminus"].as_array().unwrap_or(up);
    let of = |values: &Vec<Value>| values.iter().map(|value| value.as_f64().unwrap_or(0.0)).collect::<Vec<_>>();
    let (up, down) = (of(up), of(down));
    let at = |values: &[f64], place: usize| values.get(place).copied().unwrap_or(0.0);
    Some(move |place: usize| [at(&down, place), at(&up, place)])
}

/// Draws the traces of a pair of axes: heatmaps first, then bars and boxes, then scatters.
pub(super) fn draw(all: &[Value], [x, y]: [&String; 2], axes: [&Axis; 2], layout: &Value, out: &mut Marks) {
    let here = |trace: &Value| axis_of(trace, "xaxis", "x") == *x && axis_of(trace, "yaxis", "y") == *y;
    for wanted in ["heatmap", "bar", "box", "scatter"] {
        let mut before: Option<Vec<[f64; 2]>> = None;
        for (place, trace) in all.iter().enumerate().filter(|(_, trace)| kind(trace) == wanted && here(trace)) {
            let colour = colour_of(trace, place);
            match wanted {
                "heatmap" => heatmap(trace, axes, out),
                "bar" => bar(all, trace, axes, layout, &colour, out),
                "box" => boxed(trace, axes, &colour, out),
                _ => before = Some(scatter(trace, axes, &colour, before, layout, out)),
            }
        }
    }
}

/// Draws a scatter; gives its points in the picture, to which the next one may be filled.
fn scatter(
    trace: &Value,
    [x, y]: [&Axis; 2],
    usual: &str,
    before: Option<Vec<[f64; 2]>>,
    layout: &Value,
    out: &mut Marks,
) -> Vec<[f64; 2]> {
    let values = points(trace, [x, y]);
    let at: Vec<[f64; 2]> = values.iter().map(|value| [x.at(value[0]), y.at(value[1])]).collect();
    // What the line and the area below it run through.
    let places = stepped(&at, trace["line"]["shape"].as_str().unwrap_or("linear"));
    let opacity = trace["opacity"].as_f64().unwrap_or(1.0);
    let fill = trace["fillcolor"].as_str().map_or_else(|| format!("{usual}80"), str::to_owned);
    let area = Look { fill: Some(fill), opacity, ..Look::default() };
    let known = || places.iter().copied().filter(|place| place.iter().all(|end| end.is_finite()));
    match trace["fill"].as_str() {
        Some("toself") => out.path(&(path(known()) + "Z"), &area),
        Some("tozeroy") => {
            let ends = known().next().into_iter().chain(known().next_back()).map(|[at, _]| [at, y.at(0.0)]);
            let ends: Vec<_> = ends.collect();
            out.path(&(path(known().chain(ends.into_iter().rev())) + "Z"), &area);
        }
        Some("tonexty") => {
            let back = before.unwrap_or_default();
            out.path(&(path(known().chain(back.into_iter().rev())) + "Z"), &area);
        }
        _ => {}
    }
    let mode = mode(trace);
    if mode.contains("lines") {
        out.path(&path(places.iter().copied()), &line_look(&trace["line"], usual, opacity));
    }
    if let Some(errors) = errors(trace) {
        let spec = &trace["error_y"];
        let look = spec["color"].as_str().unwrap_or(usual);
        for ([at, value], place) in values.iter().zip(0..).filter(|([_, value], _)| value.is_finite()) {
            let [low, high] = errors(place);
            let ends = [value - low, value + high].map(|end| [x.at(*at), y.at(end)]);
            out.line(ends[0], ends[1], look, spec["thickness"].as_f64().unwrap_or(2.0));
        }
    }
    if mode.contains("markers") {
        markers(&trace["marker"], &at, usual, opacity, out);
    }
    if mode.contains("text") {
        let font = font(&trace["textfont"], &layout["font"], 12.0);
        for (place, [left, top]) in at.iter().enumerate() {
            let text = Text::of(trace["text"][place].as_str().unwrap_or_default());
            out.push(&text.element(Place { x: *left, y: *top, across: "middle", down: 0.5, turned: 0.0 }, &font));
        }
    }
    places
}

/// The corners of a line through points, which goes straight or in steps: across (h) and up (v) in turn.
fn stepped(points: &[[f64; 2]], shape: &str) -> Vec<[f64; 2]> {
    let corners = |[x, y]: [f64; 2], [next, above]: [f64; 2]| match shape {
        "hv" => vec![[next, y]],
        "vh" => vec![[x, above]],
        "hvh" => vec![[0.5 * (x + next), y], [0.5 * (x + next), above]],
        "vhv" => vec![[x, 0.5 * (y + above)], [next, 0.5 * (y + above)]],
        _ => Vec::new(),
    };
    let first = points.first().copied().into_iter();
    first.chain(points.windows(2).flat_map(|pair| corners(pair[0], pair[1]).into_iter().chain([pair[1]]))).collect()
}

fn markers(marker: &Value, places: &[[f64; 2]], usual: &str, opacity: f64, out: &mut Marks) {
    let opacity = opacity * marker["opacity"].as_f64().unwrap_or(1.0);
    for (place, point) in places.iter().enumerate().filter(|(_, point)| point.iter().all(|end| end.is_finite())) {
        let size = marker["size"].as_f64().or(marker["size"][place].as_f64()).unwrap_or(6.0);
        let colour = marker["color"].as_str().or(marker["color"][place].as_str()).unwrap_or(usual);
        let symbol = marker["symbol"].as_str().or(marker["symbol"][place].as_str()).unwrap_or("circle");
        out.push(&symbol_at(*point, size, symbol, colour, &marker["line"], opacity));
    }
}

/// A marker as an element.
pub(super) fn symbol_at([x, y]: [f64; 2], size: f64, symbol: &str, colour: &str, line: &Value, opacity: f64) -> String {
    let open = symbol.ends_with("-open");
    let edge = line["color"].as_str().map(str::to_owned);
    let width = line["width"].as_f64().unwrap_or(if open { 1.5 } else { 0.0 });
    let stroke = if open { Some(colour.to_owned()) } else { edge };
    let look = Look { fill: (!open).then(|| colour.to_owned()), stroke, width, opacity, ..Look::default() };
    let half = 0.5 * size;
    let closed = |corners: &[[f64; 2]]| {
        let corners = corners.iter().map(|[right, down]| [x + right * half, y + down * half]);
        format!("<path d=\"{}Z\"{}/>", path(corners), look.attributes())
    };
    match symbol.trim_end_matches("-open") {
        "square" => closed(&[[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]),
        "diamond" => closed(&[[0.0, -1.3], [1.3, 0.0], [0.0, 1.3], [-1.3, 0.0]]),
        "triangle-up" => closed(&[[0.0, -1.2], [1.1, 0.7], [-1.1, 0.7]]),
        "triangle-down" => closed(&[[0.0, 1.2], [1.1, -0.7], [-1.1, -0.7]]),
        "line-ns" => {
            let look = Look { stroke: Some(colour.to_owned()), width: width.max(1.0), fill: None, ..look };
            format!("<path d=\"{}\"{}/>", path([[x, y - 1.4 * half], [x, y + 1.4 * half]]), look.attributes())
        }
        "cross" | "x" => {
            let (a, b) = (0.4, 1.2);
            let plus = [
                [-a, -b],
                [a, -b],
                [a, -a],
                [b, -a],
                [b, a],
                [a, a],
                [a, b],
                [-a, b],
                [-a, a],
                [-b, a],
                [-b, -a],
                [-a, -a],
            ];
            let turn = |[right, down]: [f64; 2]| [0.707 * (right - down), 0.707 * (right + down)];
            closed(&plus.map(|corner| if symbol.starts_with('x') { turn(corner) } else { corner }))
        }
        _ => {
            let [x, y, half] = [x, y, half].map(number);
            format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{half}\"{}/>", look.attributes())
        }
    }
}

/// A bar: where it stands, how much of the axis is its own, and its ends.
struct Bar {
    place: f64,
    slot: f64,
    width: f64,
    from: f64,
    to: f64,
}

/// The bars of a trace, beside those of other traces or on top of the earlier ones.
fn bars(all: &[Value], trace: &Value, [x, y]: [&Axis; 2], stacked: bool) -> Vec<Bar> {
    let across = trace["orientation"] == "h";
    let of = |trace: &Value| {
        let (along, up) = (if across { 1 } else { 0 }, if across { 0 } else { 1 });
        points(trace, [x, y]).into_iter().map(|point| (point[along], point[up])).collect::<Vec<_>>()
    };
    let same =
        |other: &&Value| kind(other) == "bar" && other["xaxis"] == trace["xaxis"] && other["yaxis"] == trace["yaxis"];
    let others: Vec<&Value> = all.iter().filter(same).collect();
    let own = others.iter().position(|other| *other == trace).unwrap_or(0);
    let mut places: Vec<f64> =
        others.iter().flat_map(|other| of(other)).map(|bar| bar.0).filter(|at| at.is_finite()).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let slot = places.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
    let slot = if slot.is_finite() { slot } else { 1.0 };
    let beside = if stacked { 1.0 } else { others.len().max(1) as f64 };
    let shift = if stacked { 0.0 } else { (own as f64 + 0.5) / beside - 0.5 };
    let below = |at: f64, sign: f64| -> f64 {
        if !stacked {
            return 0.0;
        }
        let earlier = others[..own].iter().flat_map(|other| of(other));
        earlier.filter(|(place, value)| *place == at && value.signum() == sign).map(|(_, value)| value).sum()
    };
    let made = of(trace).into_iter().filter(|(place, value)| place.is_finite() && value.is_finite());
    made.map(|(place, value)| {
        let from = below(place, value.signum());
        Bar { place: place + 0.8 * shift * slot, slot, width: 0.8 * slot / beside, from, to: from + value }
    })
    .collect()
}

fn bar(all: &[Value], trace: &Value, [x, y]: [&Axis; 2], layout: &Value, colour: &str, out: &mut Marks) {
    let opacity = trace["opacity"].as_f64().unwrap_or(1.0);
    for (place, bar) in bars(all, trace, [x, y], layout["barmode"] == "stack").into_iter().enumerate() {
        let own = trace["marker"]["color"][place].as_str().unwrap_or(colour);
        let look = Look { fill: Some(own.to_owned()), opacity, ..Look::default() };
        let (low, high) = (bar.place - 0.5 * bar.width, bar.place + 0.5 * bar.width);
        match trace["orientation"] == "h" {
            true => out.rectangle([x.at(bar.from), y.at(low)], [x.at(bar.to), y.at(high)], &look),
            false => out.rectangle([x.at(low), y.at(bar.from)], [x.at(high), y.at(bar.to)], &look),
        }
    }
}

/// Quartiles as plotly has them: the value at a share of sorted ones, between two where it falls between.
fn quartile(sorted: &[f64], share: f64) -> f64 {
    let place = (share * sorted.len() as f64 - 0.5).clamp(0.0, sorted.len() as f64 - 1.0);
    let (before, part) = (place.floor() as usize, place.fract());
    sorted[before] + part * (sorted[(before + 1).min(sorted.len() - 1)] - sorted[before])
}

fn boxed(trace: &Value, [x, y]: [&Axis; 2], colour: &str, out: &mut Marks) {
    let found = points(trace, [x, y]);
    let mut places: Vec<f64> = found.iter().map(|point| point[0]).filter(|place| place.is_finite()).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    for place in places {
        let mut values: Vec<f64> =
            found.iter().filter(|point| point[0] == place && point[1].is_finite()).map(|point| point[1]).collect();
        if values.is_empty() {
            continue;
        }
        if trace["boxpoints"] == "all" {
            // Spread by the golden ratio in place of chance: the same picture each time.
            let spread = |number: usize| ((number as f64 * 0.618).fract() - 0.5) * 0.5;
            let dots: Vec<[f64; 2]> =
                values.iter().enumerate().map(|(number, value)| [x.at(place + spread(number)), y.at(*value)]).collect();
            markers(&trace["marker"], &dots, colour, 1.0, out);
        }
        values.sort_by(f64::total_cmp);
        let [low, middle, high] = [0.25, 0.5, 0.75].map(|share| quartile(&values, share));
        let reach = 1.5 * (high - low);
        let inner = || values.iter().copied().filter(|value| (low - reach..=high + reach).contains(value));
        let whiskers = [inner().fold(low, f64::min), inner().fold(high, f64::max)];
        let edge = line_look(&trace["line"], colour, 1.0);
        let fill = trace["fillcolor"].as_str().map_or_else(|| format!("{colour}80"), str::to_owned);
        let (left, right, centre) = (x.at(place - 0.25), x.at(place + 0.25), x.at(place));
        out.rectangle([left, y.at(high)], [right, y.at(low)], &Look { fill: Some(fill), ..edge.clone() });
        out.path(&path([[left, y.at(middle)], [right, y.at(middle)]]), &edge);
        for (end, side) in whiskers.into_iter().zip([low, high]) {
            out.path(&path([[centre, y.at(side)], [centre, y.at(end)]]), &edge);
            let cap = 0.25 * (right - left);
            out.path(&path([[centre - cap, y.at(end)], [centre + cap, y.at(end)]]), &edge);
        }
        if trace["boxmean"] == true {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let dashed = Look { dash: "4 3", ..edge };
            out.path(&path([[left, y.at(mean)], [right, y.at(mean)]]), &dashed);
        }
    }
}

/// The middles of a heatmap's cells in one direction.
fn cells(trace: &Value, direction: &str, axis: &Axis) -> Vec<f64> {
    let rows = trace["z"].as_array().map_or(0, Vec::len);
    let count = if direction == "y" { rows } else { trace["z"][0].as_array().map_or(0, Vec::len) };
    coordinates(trace, direction, axis, count)
}

/// Where the first cell begins and the last one ends.
fn edges(middles: &[f64]) -> [f64; 2] {
    match middles {
        [] => [0.0, 1.0],
        [only] => [only - 0.5, only + 0.5],
        [first, second, ..] => {
            let (last, before) = (middles[middles.len() - 1], middles[middles.len() - 2]);
            [first - 0.5 * (second - first), last + 0.5 * (last - before)]
        }
    }
}

fn heatmap(trace: &Value, [x, y]: [&Axis; 2], out: &mut Marks) {
    let none = Vec::new();
    let rows = trace["z"].as_array().unwrap_or(&none);
    let width = rows.first().and_then(Value::as_array).map_or(0, Vec::len);
    if width == 0 {
        return;
    }
    let (low, high) = limits(trace);
    let shade = |value: &Value| match value.as_f64().filter(|value| value.is_finite()) {
        Some(value) => {
            ((value - low) / (high - low) * (SHADES - 1) as f64).round().clamp(0.0, (SHADES - 1) as f64) as u8
        }
        None => SHADES as u8,
    };
    let row = |row: &Value| (0..width).map(|column| shade(&row[column])).collect::<Vec<_>>();
    let mut shades: Vec<Vec<u8>> = rows.iter().map(row).collect();
    let [left, right] = edges(&cells(trace, "x", x)).map(|edge| x.at(edge));
    let [bottom, top] = edges(&cells(trace, "y", y)).map(|edge| y.at(edge));
    // The first row of a heatmap lies at its bottom, that of a bitmap on top.
    if bottom > top {
        shades.reverse();
    }
    if left > right {
        shades.iter_mut().for_each(|row| row.reverse());
    }
    let mut colours: Vec<[u8; 4]> = (0..SHADES)
        .map(|shade| scale_colour(trace, shade as f64 / (SHADES - 1) as f64))
        .map(|[r, g, b]| [r, g, b, 255])
        .collect();
    colours.push([0; 4]);
    let [at, above, across, down] =
        [left.min(right), bottom.min(top), (right - left).abs(), (bottom - top).abs()].map(number);
    out.push(&format!(
        "<image x=\"{at}\" y=\"{above}\" width=\"{across}\" height=\"{down}\" preserveAspectRatio=\"none\" \
         style=\"image-rendering:pixelated\" href=\"{}\"/>",
        bitmap::address(width, &shades.concat(), &colours)
    ));
}

/// The values at both ends of a heatmap's colours.
pub(super) fn limits(trace: &Value) -> (f64, f64) {
    let all = || trace["z"].as_array().into_iter().flatten().flat_map(|row| row.as_array().into_iter().flatten());
    let values = || all().filter_map(Value::as_f64);
    let low = trace["zmin"].as_f64().unwrap_or_else(|| values().fold(f64::INFINITY, f64::min));
    let high = trace["zmax"].as_f64().unwrap_or_else(|| values().fold(f64::NEG_INFINITY, f64::max));
    if low < high { (low, high) } else { (low, low + 1.0) }
}

/// The colour at a share of a heatmap's scale.
pub(super) fn scale_colour(trace: &Value, share: f64) -> [u8; 3] {
    let given = trace["colorscale"].as_array().map(|stops| {
        let stop = |stop: &Value| Some((stop[0].as_f64()?, hexadecimal(stop[1].as_str()?)?));
        stops.iter().filter_map(stop).collect::<Vec<_>>()
    });
    let usual = || VIRIDIS.iter().enumerate().map(|(place, colour)| (place as f64 / 8.0, *colour)).collect();
    let stops = given.filter(|stops| stops.len() > 1).unwrap_or_else(usual);
    let after = stops.iter().position(|(at, _)| *at >= share).unwrap_or(stops.len() - 1).max(1);
    let ((from, low), (to, high)) = (stops[after - 1], stops[after]);
    let part = if to > from { ((share - from) / (to - from)).clamp(0.0, 1.0) } else { 1.0 };
    [0, 1, 2].map(|channel| {
        let [low, high] = [low, high].map(|colour| f64::from(colour[channel]));
        (low + part * (high - low)).round() as u8
    })
}

fn hexadecimal(colour: &str) -> Option<[u8; 3]> {
    let digits = colour.strip_prefix('#').filter(|digits| digits.len() >= 6)?;
    let part = |from: usize| digits.get(from..from + 2).and_then(|part| u8::from_str_radix(part, 16).ok());
    Some([part(0)?, part(2)?, part(4)?])
}

/// Whether a scatter has markers or lines, for the legend.
pub(super) fn drawn(trace: &Value) -> (bool, bool) {
    match kind(trace) {
        "scatter" => (mode(trace).contains("lines"), mode(trace).contains("markers")),
        _ => (false, false),
    }
}

pub(super) fn fill_of(trace: &Value) -> Option<String> {
    colour(&trace["fillcolor"])
}
