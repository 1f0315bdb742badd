//! What stands beside the data: legends and the scales of heatmaps; and the room that they take.

use serde_json::Value;

use super::text::{LINE, Place, Text};
use super::{Font, Frame, Look, Marks, font, number, traces};

/// Width of the sample of a line or marker before a name.
const SAMPLE: f64 = 30.0;
/// From the left of a sample to its name.
const INDENT: f64 = 38.0;
/// Room between entries that stand side by side, and about a scale.
const GAP: f64 = 12.0;

/// An entry of the legend: a trace's name, its place among the traces, and the trace.
struct Entry<'a> {
    name: Text,
    place: usize,
    trace: &'a Value,
}

fn entries<'a>(layout: &Value, traces: &'a [Value]) -> Vec<Entry<'a>> {
    let named = traces.iter().enumerate().filter(|(_, trace)| {
        trace["showlegend"] != false && !matches!(trace["type"].as_str(), Some("heatmap")) && trace["name"].is_string()
    });
    let found: Vec<Entry> = named
        .map(|(place, trace)| Entry { name: Text::of(trace["name"].as_str().unwrap_or_default()), place, trace })
        .collect();
    let wanted = layout["showlegend"] == true || found.len() > 1 && layout["showlegend"] != false;
    if wanted { found } else { Vec::new() }
}

fn row_height(font: &Font) -> f64 {
    (LINE * font.size).max(16.0) + 3.0
}

/// Width and height of the legend.
fn size(layout: &Value, entries: &[Entry], room: f64) -> [f64; 2] {
    let font = font(&layout["legend"]["font"], &layout["font"], 12.0);
    let width = |entry: &Entry| INDENT + entry.name.width(font.size);
    if layout["legend"]["orientation"] == "h" {
        let (mut rows, mut used) = (1.0, 0.0);
        for entry in entries {
            if used > 0.0 && used + width(entry) > room {
                (rows, used) = (rows + 1.0, 0.0);
            }
            used += width(entry) + GAP;
        }
        return [room, rows * row_height(&font)];
    }
    let title = Text::of(layout["legend"]["title"]["text"].as_str().unwrap_or_default());
    let title_height = if title.is_empty() { 0.0 } else { row_height(&font) };
    let widest = entries.iter().map(width).fold(title.width(font.size), f64::max);
    [widest + 8.0, title_height + entries.len() as f64 * row_height(&font)]
}

/// The scales of heatmaps that show one.
fn scales(traces: &[Value]) -> impl Iterator<Item = &Value> {
    traces.iter().filter(|trace| trace["type"] == "heatmap" && trace["showscale"] != false)
}

/// Width that a scale takes, words included.
fn scale_width(trace: &Value, layout: &Value) -> f64 {
    let bar = &trace["colorbar"];
    let words = font(&bar["tickfont"], &layout["font"], 12.0);
    let widest = scale_ticks(trace).iter().map(|(_, word)| Text::of(word).width(words.size)).fold(0.0, f64::max);
    let title = Text::of(bar["title"]["text"].as_str().unwrap_or_default());
    let title = title.width(font(&bar["title"]["font"], &layout["font"], 12.0).size);
    GAP + (bar["thickness"].as_f64().unwrap_or(30.0) + 6.0 + widest).max(title)
}

fn scale_ticks(trace: &Value) -> Vec<(f64, String)> {
    let bar = &trace["colorbar"];
    match (bar["tickvals"].as_array(), bar["ticktext"].as_array()) {
        (Some(values), Some(words)) => {
            let pair = |(value, word): (&Value, &Value)| Some((value.as_f64()?, word.as_str()?.to_owned()));
            values.iter().zip(words).filter_map(pair).collect()
        }
        _ => {
            let (low, high) = traces::limits(trace);
            (0..=4).map(|part| low + f64::from(part) / 4.0 * (high - low)).map(|value| (value, number(value))).collect()
        }
    }
}

/// The part of the picture that axes may fill: less its margins, or less what stands there, whichever is more.
pub(super) fn frame(layout: &Value, traces: &[Value], [width, height]: [f64; 2]) -> Frame {
    let margin = |key: &str, usual: f64| layout["margin"][key].as_f64().unwrap_or(usual);
    let (left, top) = (margin("l", 80.0), margin("t", 100.0));
    let mut across = width - left - margin("r", 80.0);
    let mut down = height - top - margin("b", 80.0);
    let entries = entries(layout, traces);
    if !entries.is_empty() {
        let place = |key: &str, usual: f64| layout["legend"][key].as_f64().unwrap_or(usual);
        let [wide, high] = size(layout, &entries, across);
        let (x, y) = (place("x", 1.02), place("y", 1.0));
        if x > 0.5 {
            across = across.min((width - left - wide) / x);
        }
        if y < 0.0 {
            down = down.min((height - top - high - 4.0) / (1.0 - y));
        }
    }
    for trace in scales(traces) {
        let x = trace["colorbar"]["x"].as_f64().unwrap_or(1.02);
        if x > 0.5 {
            across = across.min((width - left - scale_width(trace, layout)) / x);
        }
    }
    Frame { left, top, width: across.max(40.0), height: down.max(40.0) }
}

/// Draws the legend and the scales.
pub(super) fn draw(layout: &Value, traces: &[Value], frame: &Frame, [width, _]: [f64; 2], out: &mut Marks) {
    scales(traces).for_each(|trace| scale(trace, layout, frame, out));
    let entries = entries(layout, traces);
    if entries.is_empty() {
        return;
    }
    let spec = &layout["legend"];
    let own = font(&spec["font"], &layout["font"], 12.0);
    let [wide, high] = size(layout, &entries, frame.width);
    let (x, y) = (spec["x"].as_f64().unwrap_or(1.02), spec["y"].as_f64().unwrap_or(1.0));
    let left = (frame.left + x * frame.width - if spec["xanchor"] == "right" { wide } else { 0.0 }).min(width - wide);
    let at = frame.top + (1.0 - y) * frame.height;
    let share = match spec["yanchor"].as_str() {
        Some("top") => 0.0,
        Some("middle") => 0.5,
        Some("bottom") => 1.0,
        _ if y >= 2.0 / 3.0 => 0.0,
        _ if y <= 1.0 / 3.0 => 1.0,
        _ => 0.5,
    };
    let mut top = at - share * high;
    let title = Text::of(spec["title"]["text"].as_str().unwrap_or_default());
    let horizontal = spec["orientation"] == "h";
    if !title.is_empty() && !horizontal {
        let place = Place { x: left, y: top + 0.5 * row_height(&own), across: "start", down: 0.5, turned: 0.0 };
        out.push(&title.element(place, &font(&spec["title"]["font"], &layout["font"], 12.0)));
        top += row_height(&own);
    }
    let mut used = 0.0;
    for entry in &entries {
        let taken = INDENT + entry.name.width(own.size);
        if horizontal && used > 0.0 && used + taken > frame.width {
            (used, top) = (0.0, top + row_height(&own));
        }
        sample(entry, [left + used, top + 0.5 * row_height(&own)], out);
        let (x, y) = (left + used + INDENT, top + 0.5 * row_height(&own));
        out.push(&entry.name.element(Place { x, y, across: "start", down: 0.5, turned: 0.0 }, &own));
        if horizontal {
            used += taken + GAP;
        } else {
            top += row_height(&own);
        }
    }
}

/// What a trace looks like, before its name.
fn sample(entry: &Entry, [x, y]: [f64; 2], out: &mut Marks) {
    let trace = entry.trace;
    let colour = traces::colour_of(trace, entry.place);
    let (lines, markers) = traces::drawn(trace);
    let from = x + 4.0;
    if lines {
        if let Some(fill) = traces::fill_of(trace).filter(|_| trace["fill"].is_string()) {
            let look = Look { fill: Some(fill), opacity: 1.0, ..Look::default() };
            out.rectangle([from, y], [from + SAMPLE, y + 6.0], &look);
        }
        let look = traces::line_look(&trace["line"], &colour, 1.0);
        out.path(&super::path([[from, y], [from + SAMPLE, y]]), &look);
    }
    if markers {
        let marker = &trace["marker"];
        let own = marker["color"].as_str().unwrap_or(&colour);
        let size = marker["size"].as_f64().unwrap_or(6.0).min(12.0);
        let symbol = marker["symbol"].as_str().or(marker["symbol"][0].as_str()).unwrap_or("circle");
        out.push(&traces::symbol_at([from + 0.5 * SAMPLE, y], size, symbol, own, &marker["line"], 1.0));
    }
    if !lines && !markers {
        let look = Look { fill: Some(colour), opacity: 1.0, ..Look::default() };
        out.rectangle([from + 9.0, y - 6.0], [from + 21.0, y + 6.0], &look);
    }
}

/// The scale of a heatmap: its colours, the ticks' words to the right, the title above.
fn scale(trace: &Value, layout: &Value, frame: &Frame, out: &mut Marks) {
    let bar = &trace["colorbar"];
    let thickness = bar["thickness"].as_f64().unwrap_or(30.0);
    let length = match (bar["len"].as_f64(), bar["lenmode"] == "pixels") {
        (Some(pixels), true) => pixels,
        (share, _) => share.unwrap_or(1.0) * frame.height - 24.0,
    };
    let left = frame.left + bar["x"].as_f64().unwrap_or(1.02) * frame.width + GAP - 2.0;
    let y = bar["y"].as_f64().unwrap_or(0.5);
    let at = frame.top + (1.0 - y) * frame.height;
    let top = match bar["yanchor"].as_str() {
        Some("top") => at + 24.0,
        Some("bottom") => at - length,
        _ => at - 0.5 * length,
    };
    let shades = 64;
    for shade in 0..shades {
        let [red, green, blue] = traces::scale_colour(trace, (f64::from(shade) + 0.5) / f64::from(shades));
        let look = Look { fill: Some(format!("#{red:02x}{green:02x}{blue:02x}")), opacity: 1.0, ..Look::default() };
        let bottom = top + length * (1.0 - f64::from(shade) / f64::from(shades));
        out.rectangle([left, bottom - length / f64::from(shades) - 0.3], [left + thickness, bottom], &look);
    }
    let (low, high) = traces::limits(trace);
    let words = font(&bar["tickfont"], &layout["font"], 12.0);
    for (value, word) in scale_ticks(trace) {
        let y = top + length * (1.0 - (value - low) / (high - low));
        let place = Place { x: left + thickness + 5.0, y, across: "start", down: 0.5, turned: 0.0 };
        out.push(&Text::of(&word).element(place, &words));
    }
    let title = Text::of(bar["title"]["text"].as_str().unwrap_or_default());
    let place = Place { x: left, y: top - 6.0, across: "start", down: 1.0, turned: 0.0 };
    out.push(&title.element(place, &font(&bar["title"]["font"], &layout["font"], 12.0)));
}
