//! Axes: where values lie in the picture, and their ticks, grids and titles.

use std::collections::HashMap;

use serde_json::Value;

use super::text::{Place, Text};
use super::{Frame, Marks, font};

/// An axis, across or up.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) across: bool,
    /// Where it begins and ends in the picture.
    pub(super) from: f64,
    pub(super) to: f64,
    /// The values there; the logarithms of them on a logarithmic axis.
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) logarithmic: bool,
    categories: Vec<String>,
    spec: Value,
}

/// The values that an axis has to show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    low: f64,
    high: f64,
    padded: bool,
    /// Whether no room is left below, since bars stand there.
    grounded: bool,
}

impl Default for Extent {
    fn default() -> Self {
        Extent { low: f64::INFINITY, high: f64::NEG_INFINITY, padded: false, grounded: false }
    }
}

impl Extent {
    pub(super) fn add(&mut self, values: impl IntoIterator<Item = f64>, padded: bool) {
        for value in values.into_iter().filter(|value| value.is_finite()) {
            self.low = self.low.min(value);
            self.high = self.high.max(value);
        }
        self.padded |= padded;
    }

    pub(super) fn ground(&mut self) {
        self.add([0.0], false);
        self.grounded = true;
    }
}

impl Axis {
    /// The axis of a layout's `spec` in a frame, for data of this extent.
    pub(super) fn new(spec: &Value, across: bool, frame: &Frame, extent: Extent, categories: Vec<String>) -> Axis {
        let domain = |end: usize, usual: f64| spec["domain"][end].as_f64().unwrap_or(usual);
        let (start, end) = (domain(0, 0.0), domain(1, 1.0));
        let (from, to) = match across {
            true => (frame.left + start * frame.width, frame.left + end * frame.width),
            false => (frame.top + (1.0 - start) * frame.height, frame.top + (1.0 - end) * frame.height),
        };
        let logarithmic = spec["type"] == "log";
        let mut axis = Axis { across, from, to, low: 0.0, high: 1.0, logarithmic, categories, spec: spec.clone() };
        (axis.low, axis.high) = axis.range(extent);
        axis
    }

    /// The values at both ends: as the layout says, or such that all data are seen.
    fn range(&self, extent: Extent) -> (f64, f64) {
        let given = |end: usize| self.spec["range"][end].as_f64();
        if let (Some(low), Some(high)) = (given(0), given(1)) {
            return (low, high);
        }
        let Extent { mut low, mut high, padded, grounded } = extent;
        if low > high {
            return (-1.0, 6.0);
        }
        if matches!(self.spec["rangemode"].as_str(), Some("tozero" | "nonnegative")) && !self.logarithmic {
            (low, high) = (low.min(0.0), high.max(0.0));
        }
        if low == high {
            return (low - 1.0, high + 1.0);
        }
        let room = if padded { 0.055 * (high - low) } else { 0.0 };
        let is_ground = |value: f64| value == 0.0 && (grounded || self.spec["rangemode"] == "tozero");
        (low - if is_ground(low) { 0.0 } else { room }, high + if is_ground(high) { 0.0 } else { room })
    }

    /// Where a value lies; of a logarithmic axis, its logarithm is expected, as [`Axis::value`] gives it.
    pub(super) fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// A coordinate as plotly's JSON has it: a number, or the name of a category; NaN for none.
    pub(super) fn value(&self, coordinate: &Value) -> f64 {
        match coordinate {
            Value::String(text) => match self.categories.iter().position(|name| name == text) {
                Some(place) => place as f64,
                None => text.parse().unwrap_or(f64::NAN),
            },
            other => {
                let value = other.as_f64().unwrap_or(f64::NAN);
                if self.logarithmic { value.log10() } else { value }
            }
        }
    }

    /// Pixels of a unit of the axis.
    pub(super) fn scale(&self) -> f64 {
        (self.to - self.from).abs() / (self.high - self.low).abs()
    }

    /// Makes the axis shorter about its middle, so that a unit has `scale` pixels.
    pub(super) fn shrink_to(&mut self, scale: f64) {
        let (middle, half) = (0.5 * (self.from + self.to), 0.5 * scale / self.scale());
        (self.from, self.to) = (middle + half * (self.from - self.to), middle + half * (self.to - self.from));
    }

    pub(super) fn is_visible(&self) -> bool {
        self.spec["visible"] != false
    }

    /// Values and words of the ticks, within the axis.
    fn ticks(&self) -> Vec<(f64, String)> {
        let (low, high) = (self.low.min(self.high), self.low.max(self.high));
        let slack = 1e-9 * (high - low);
        let within = |value: f64| value >= low - slack && value <= high + slack;
        if let Some(values) = self.spec["tickvals"].as_array() {
            let words = |place: usize, value: f64| {
                let text = self.spec["ticktext"][place].as_str().map(str::to_owned);
                text.unwrap_or_else(|| plain_number(value, 0.0))
            };
            let values = values.iter().enumerate().map(|(place, value)| (place, self.value(value)));
            return values
                .filter(|(_, value)| within(*value))
                .map(|(place, value)| (value, words(place, value)))
                .collect();
        }
        if !self.categories.is_empty() {
            let all = self.categories.iter().enumerate().map(|(place, name)| (place as f64, name.clone()));
            return all.filter(|(place, _)| within(*place)).collect();
        }
        let step = self.step(high - low);
        if !(step > 0.0 && step.is_finite()) {
            return Vec::new();
        }
        let first = (low / step - 1e-9).ceil();
        let count = ((high - low) / step) as usize;
        let values = (0..=count.min(200)).map(|place| (first + place as f64) * step).filter(|value| within(*value));
        values.map(|value| (value, self.word(value, step))).collect()
    }

    /// The distance between two ticks: as the layout says, or a round number that leaves room for their words.
    fn step(&self, span: f64) -> f64 {
        if let Some(step) = self.spec["dtick"].as_f64() {
            return step;
        }
        let length = (self.to - self.from).abs();
        let room = if self.across { 80.0 } else { 40.0 };
        let usual = (length / room).clamp(4.0, 9.0) + 1.0;
        let most = self.spec["nticks"].as_f64().filter(|most| *most >= 1.0).unwrap_or(usual);
        let rough = span / most;
        let power = 10_f64.powf(rough.log10().floor());
        let rounded =
            [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough * 0.999);
        let step = rounded.unwrap_or(10.0 * power);
        if self.logarithmic { step.max(1.0).round() } else { step }
    }

    fn word(&self, value: f64, step: f64) -> String {
        if self.logarithmic {
            let power = 10_f64.powf(value);
            return if (1e-3..1e4).contains(&power) {
                plain_number(power, 0.0)
            } else {
                format!("10<sup>{value}</sup>")
            };
        }
        match self.spec["tickformat"].as_str() {
            Some(format) if format.ends_with('%') => format!("{}%", plain_number(100.0 * value, 100.0 * step)),
            Some(format) if format.starts_with(',') => crate::tables::signed_thousands(value),
            _ if value.abs() >= 1e4 && step >= 100.0 => format!("{}k", plain_number(value / 1e3, step / 1e3)),
            _ => plain_number(value, step),
        }
    }

    /// The grid, behind the data; `other` is the axis that this one stands on.
    pub(super) fn grid(&self, other: &Axis, out: &mut Marks) {
        if !self.is_visible() || self.spec["showgrid"] == false || !self.categories.is_empty() && self.across {
            return;
        }
        let colour = self.spec["gridcolor"].as_str().unwrap_or("#ececec");
        for (value, _) in self.ticks() {
            out.line(self.along(self.at(value), other.from), self.along(self.at(value), other.to), colour, 1.0);
        }
        if self.spec["zeroline"] == true && (self.low..self.high).contains(&0.0) {
            out.line(self.along(self.at(0.0), other.from), self.along(self.at(0.0), other.to), colour, 2.0);
        }
    }

    /// A point `along` this axis, and so far on the other.
    fn along(&self, along: f64, other: f64) -> [f64; 2] {
        if self.across { [along, other] } else { [other, along] }
    }

    /// The line, the ticks' words and the title, at `edge` of the axis that this one stands on.
    pub(super) fn frame(&self, edge: f64, layout: &Value, out: &mut Marks) {
        if !self.is_visible() {
            return;
        }
        if self.spec["showline"] == true {
            let colour = self.spec["linecolor"].as_str().unwrap_or("#444444");
            out.line(self.along(self.from, edge), self.along(self.to, edge), colour, 1.0);
        }
        let words_font = font(&self.spec["tickfont"], &layout["font"], 12.0);
        let mut widest: f64 = 0.0;
        let ticks = if self.spec["showticklabels"] == false { Vec::new() } else { self.ticks() };
        let texts: Vec<(f64, Text)> = ticks.iter().map(|(value, word)| (*value, Text::of(word))).collect();
        let turned = self.turned(&texts, words_font.size);
        for (value, text) in &texts {
            widest = widest.max(text.width(words_font.size));
            let place = match (self.across, turned) {
                (true, 0.0) => Place { x: self.at(*value), y: edge + 5.0, across: "middle", down: 0.0, turned },
                (true, _) => Place { x: self.at(*value) + 4.0, y: edge + 10.0, across: "end", down: 0.5, turned },
                (false, _) => Place { x: edge - 5.0, y: self.at(*value), across: "end", down: 0.5, turned: 0.0 },
            };
            out.push(&text.element(place, &words_font));
        }
        let below = match (ticks.is_empty(), turned) {
            (true, _) => 5.0,
            (_, 0.0) => 5.0 + texts.iter().map(|(_, text)| text.height(words_font.size)).fold(0.0, f64::max),
            _ => 12.0 + 0.7 * widest,
        };
        self.title(edge, if self.across { below } else { 8.0 + widest }, layout, out);
    }

    /// By how much the words below an axis are turned, so that they do not run into each other.
    fn turned(&self, texts: &[(f64, Text)], size: f64) -> f64 {
        if let Some(angle) = self.spec["tickangle"].as_f64() {
            return angle;
        }
        let apart =
            texts.windows(2).map(|pair| (self.at(pair[1].0) - self.at(pair[0].0)).abs()).fold(f64::INFINITY, f64::min);
        let widest = texts.iter().map(|(_, text)| text.width(size)).fold(0.0, f64::max);
        if self.across && widest > apart { -30.0 } else { 0.0 }
    }

    fn title(&self, edge: f64, away: f64, layout: &Value, out: &mut Marks) {
        let title = &self.spec["title"];
        let text = Text::of(title["text"].as_str().or(title.as_str()).unwrap_or_default());
        let font = font(&title["font"], &layout["font"], 14.0);
        let middle = 0.5 * (self.from + self.to);
        let place = match self.across {
            true => Place { x: middle, y: edge + away + 3.0, across: "middle", down: 0.0, turned: 0.0 },
            // Never beyond the picture's edge.
            false => {
                let x = (edge - away - 4.0).max(text.height(font.size) + 1.0);
                Place { x, y: middle, across: "middle", down: 1.0, turned: -90.0 }
            }
        };
        out.push(&text.element(place, &font));
    }
}

/// The categories of each axis, in the order in which traces name them.
pub(super) fn categories(traces: &[Value], layout: &Value) -> HashMap<String, Vec<String>> {
    let mut found: HashMap<String, Vec<String>> = HashMap::new();
    for (direction, usual) in [("x", "xaxis"), ("y", "yaxis")] {
        for trace in traces {
            let axis = layout_name(trace[usual].as_str().unwrap_or(direction));
            let names = trace[direction].as_array().into_iter().flatten().filter_map(Value::as_str);
            let asked = layout[&axis]["type"] == "category";
            for name in names.filter(|name| asked || name.parse::<f64>().is_err()) {
                let known = found.entry(axis.clone()).or_default();
                if !known.iter().any(|other| other == name) {
                    known.push(name.to_owned());
                }
            }
        }
    }
    found
}

/// The name in the layout of an axis that traces call `x2`.
pub(super) fn layout_name(axis: &str) -> String {
    let (direction, rest) = axis.split_at(1.min(axis.len()));
    format!("{direction}axis{rest}")
}

/// A number in as many digits as steps of this size ask for.
fn plain_number(value: f64, step: f64) -> String {
    let digits = if step > 0.0 { (-step.log10() + 1.0 - 1e-9).ceil().clamp(0.0, 8.0) as usize } else { 6 };
    let exact = format!("{value:.digits$}");
    let short = if exact.contains('.') { exact.trim_end_matches('0').trim_end_matches('.') } else { &exact };
    if short == "-0" { "0".to_owned() } else { short.replace('-', "−") }
}
