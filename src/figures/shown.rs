//! A figure as a notebook keeps it: small, for light and for dark pages, and with a picture for where no script runs.

use serde_json::{Map, Value, json};

use crate::figures::markup::base64;

/// Lightness (CIE 1976, of 100) that a colour has at least, so that it stands out on a dark page; of a grey, which
/// letters have, that at which it stands out as much on a white one.
const LIGHTNESS: f64 = 43.0;
const LIGHTNESS_OF_GREY: f64 = 49.0;
/// A colour with less than this is a grey.
const CHROMA_OF_GREY: f64 = 6.0;
/// The grid's colour on any page.
const GRID: &str = "rgba(128,128,128,0.25)";
const TRANSPARENT: &str = "rgba(0,0,0,0)";
/// Values are rounded to this share of the largest of their kind: a tenth of a pixel.
const PRECISION: f64 = 1e-4;

/// The plot as the notebook's file has it: without a background of its own, in colours for either, its numbers short,
/// and with a bar that offers vector graphics and no upload.
pub(super) fn for_notebook(plot: &Value) -> Value {
    let mut plot = plot.clone();
    for trace in plot["data"].as_array_mut().into_iter().flatten() {
        shorten(trace);
    }
    recolour(&mut plot);
    let layout = &mut plot["layout"];
    if !layout.is_object() {
        *layout = json!({});
    }
    for background in ["paper_bgcolor", "plot_bgcolor"] {
        if matches!(layout[background].as_str(), None | Some("white" | "#fff" | "#ffffff")) {
            layout[background] = json!(TRANSPARENT);
        }
    }
    if layout["font"]["color"].is_null() {
        layout["font"]["color"] = json!(readable("#333333"));
    }
    let axes: Vec<String> =
        layout.as_object().into_iter().flat_map(Map::keys).filter(|key| is_axis(key)).cloned().collect();
    for axis in axes.into_iter().chain(["xaxis", "yaxis"].map(str::to_owned)) {
        layout[&axis]["gridcolor"] = json!(GRID);
        if layout[&axis]["zerolinecolor"].is_null() {
            layout[&axis]["zerolinecolor"] = json!(GRID);
        }
    }
    plot["config"] = config();
    // JupyterLab fits figures to its cells itself. Fitted by plotly.js too, when the window changes, a figure would
    // take the height of its output's first line.
    if let Some(config) = plot["config"].as_object_mut() {
        config.remove("responsive");
    }
    plot
}

/// How plotly.js behaves: it offers no upload, and a vector graphic in place of a bitmap.
pub(super) fn config() -> Value {
    json!({
        "responsive": true,
        "displaylogo": false,
        "showSendToCloud": false,
        "toImageButtonOptions": {"format": "svg"},
    })
}

fn is_axis(key: &str) -> bool {
    ["xaxis", "yaxis"]
        .iter()
        .any(|name| key.strip_prefix(name).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit())))
}

/// The plot with its long lists of numbers in four bytes each, as plotly.js reads them too: a notebook's file has a
/// line for each number of a list.
pub(super) fn packed(mut plot: Value) -> Value {
    for trace in plot["data"].as_array_mut().into_iter().flatten() {
        for key in ["x", "y", "z"] {
            pack(&mut trace[key]);
        }
        for key in ["array", "arrayminus"] {
            if trace["error_y"].is_object() {
                pack(&mut trace["error_y"][key]);
            }
        }
        if let Some(trace) = trace.as_object_mut() {
            trace.retain(|_, value| !value.is_null());
        }
    }
    plot
}

/// Lists that are shorter stay as they are, for whoever reads the file.
const PACKED: usize = 16;

/// Packs a list of numbers, or a list of such lists of one length; null is not a number. Anything else stays.
fn pack(list: &mut Value) {
    let number = |value: &Value| match value {
        Value::Null => Some(f32::NAN),
        other => other.as_f64().map(|value| value as f32),
    };
    let numbers = |list: &Value| list.as_array()?.iter().map(number).collect::<Option<Vec<f32>>>();
    let rows = list.as_array().map(|rows| rows.iter().map(numbers).collect::<Option<Vec<_>>>());
    let (all, shape) = match (numbers(list), rows) {
        (Some(all), _) => (all, None),
        (None, Some(Some(rows))) if rows.iter().all(|row| row.len() == rows[0].len()) => {
            let shape = format!("{}, {}", rows.len(), rows[0].len());
            (rows.concat(), Some(shape))
        }
        _ => return,
    };
    if all.len() < PACKED {
        return;
    }
    let bytes: Vec<u8> = all.iter().flat_map(|value| value.to_le_bytes()).collect();
    *list = json!({"dtype": "f4", "bdata": base64(&bytes)});
    if let Some(shape) = shape {
        list["shape"] = json!(shape);
    }
}

/// Rounds a trace's numbers to what can be seen, and says evenly spaced ones by the first and the distance.
fn shorten(trace: &mut Value) {
    for key in ["x", "y"] {
        if let Some(values) = trace[key].as_array_mut() {
            round(values);
        }
    }
    for key in ["array", "arrayminus"] {
        if let Some(values) = trace["error_y"][key].as_array_mut() {
            round(values);
        }
    }
    for row in trace["z"].as_array_mut().into_iter().flatten() {
        if let Some(values) = row.as_array_mut() {
            round(values);
        }
    }
    let points = trace["y"].as_array().map_or(0, Vec::len);
    if matches!(trace["type"].as_str(), None | Some("scatter"))
        && let Some((first, apart)) =
            evenly_spaced(&trace["x"]).filter(|_| trace["x"].as_array().map_or(0, Vec::len) == points)
        && let Some(trace) = trace.as_object_mut()
    {
        trace.remove("x");
        trace.insert("x0".to_owned(), json!(first));
        trace.insert("dx".to_owned(), json!(apart));
    }
}

fn round(values: &mut [Value]) {
    let largest = values.iter().filter_map(Value::as_f64).fold(0.0, |largest: f64, value| largest.max(value.abs()));
    if !(largest > 0.0 && largest.is_finite()) {
        return;
    }
    let digits = (-(PRECISION * largest).log10()).ceil().clamp(0.0, 12.0) as usize;
    for value in values.iter_mut().filter(|value| value.is_f64()) {
        // By way of the text: a division would leave digits of its own.
        let text = value.as_f64().map(|value| format!("{value:.digits$}"));
        if let Some(short) = text.and_then(|text| text.parse::<f64>().ok()) {
            *value = if short.fract() == 0.0 && short.abs() < 1e15 { json!(short as i64) } else { json!(short) };
        }
    }
}

/// The first of at least four numbers, and how far apart they are, if this is the same for all.
fn evenly_spaced(values: &Value) -> Option<(f64, f64)> {
    let numbers = values.as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>()?;
    let (first, apart) = (*numbers.first()?, numbers.get(1)? - numbers.first()?);
    let near = |(place, value): (usize, &f64)| (first + place as f64 * apart - value).abs() <= 1e-6 * apart.abs();
    (numbers.len() > 3 && apart != 0.0 && numbers.iter().enumerate().all(near)).then_some((first, apart))
}

/// Makes every colour readable on light and on dark pages, but for the scales of heatmaps, which are pages of their
/// own.
fn recolour(value: &mut Value) {
    match value {
        Value::Object(parts) => {
            for (key, part) in parts.iter_mut().filter(|(key, _)| *key != "colorscale") {
                match part {
                    Value::String(text) if key.ends_with("color") => *text = readable(text),
                    Value::Array(colours) if key == "color" => colours.iter_mut().for_each(|colour| {
                        if let Value::String(text) = colour {
                            *text = readable(text);
                        }
                    }),
                    Value::String(text) if key == "text" => *text = with_readable_spans(text),
                    other => recolour(other),
                }
            }
        }
        Value::Array(parts) => parts.iter_mut().for_each(recolour),
        _ => {}
    }
}

/// A text whose spans have readable colours.
fn with_readable_spans(text: &str) -> String {
    let mut parts = text.split("color:#");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|letter: char| !letter.is_ascii_hexdigit()).unwrap_or(part.len());
        whole.push_str(&format!("color:{}{}", readable(&format!("#{}", &part[..end])), &part[end..]));
    }
    whole
}

/// A colour `#rrggbb`, or `#rrggbbaa`, light enough for a dark page; any other as it is.
fn readable(colour: &str) -> String {
    let Some(digits) = colour.strip_prefix('#').filter(|digits| matches!(digits.len(), 6 | 8) && digits.is_ascii())
    else {
        return colour.to_owned();
    };
    let channel = |from: usize| u8::from_str_radix(&digits[from..from + 2], 16).ok();
    let (Some(red), Some(green), Some(blue)) = (channel(0), channel(2), channel(4)) else { return colour.to_owned() };
    let [lightness, a, b] = lab([red, green, blue]);
    let least = if a.hypot(b) < CHROMA_OF_GREY { LIGHTNESS_OF_GREY } else { LIGHTNESS };
    if lightness >= least {
        return colour.to_owned();
    }
    let [red, green, blue] = from_lab([least, a, b]);
    format!("#{red:02x}{green:02x}{blue:02x}{}", &digits[6..])
}

/// The white point of screens (D65).
const WHITE: [f64; 3] = [0.95047, 1.0, 1.08883];

fn lab(colour: [u8; 3]) -> [f64; 3] {
    let linear = colour.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    let [red, green, blue] = linear;
    let xyz = [
        0.4124 * red + 0.3576 * green + 0.1805 * blue,
        0.2126 * red + 0.7152 * green + 0.0722 * blue,
        0.0193 * red + 0.1192 * green + 0.9505 * blue,
    ];
    let [x, y, z] = [0, 1, 2].map(|place| {
        let share: f64 = xyz[place] / WHITE[place];
        if share > 0.008856 { share.cbrt() } else { 7.787 * share + 16.0 / 116.0 }
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn from_lab([lightness, a, b]: [f64; 3]) -> [u8; 3] {
    let y = (lightness + 16.0) / 116.0;
    let roots = [y + a / 500.0, y, y - b / 200.0];
    let [x, y, z] = [0, 1, 2].map(|place| {
        let root: f64 = roots[place];
        let share = if root.powi(3) > 0.008856 { root.powi(3) } else { (root - 16.0 / 116.0) / 7.787 };
        share * WHITE[place]
    });
    let linear = [
        3.2406 * x - 1.5372 * y - 0.4986 * z,
        -0.9689 * x + 1.8758 * y + 0.0415 * z,
        0.0557 * x - 0.2040 * y + 1.0570 * z,
    ];
    linear.map(|part| {
        let part = if part <= 0.0031308 { 12.92 * part } else { 1.055 * part.powf(1.0 / 2.4) - 0.055 };
        (255.0 * part).round().clamp(0.0, 255.0) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much a colour stands out from another: the contrast ratio of web pages.
    fn contrast(one: &str, other: &str) -> f64 {
        let luminance = |colour: &str| {
            let channel = |from: usize| u8::from_str_radix(&colour[from..from + 2], 16).unwrap();
            let lightness = lab([channel(1), channel(3), channel(5)])[0];
            if lightness > 8.0 { ((lightness + 16.0) / 116.0).powi(3) } else { lightness / 903.3 }
        };
        let [low, high] = [luminance(one), luminance(other)].map(|value| value + 0.05);
        if low > high { low / high } else { high / low }
    }

    #[test]
    fn every_colour_of_the_style_stands_out_on_white_and_on_black() {
        for ink in ["#333333", "#000000"] {
            let grey = readable(ink);
            assert!(contrast(&grey, "#ffffff") > 4.4 && contrast(&grey, "#111111") > 4.0, "{ink} became {grey}");
        }
        for colour in ["#542788", "#7e0433", "#611a7e", "#9e4700", "#0072b2", "#d55e00", "#2056d1", "#053061"] {
            let found = readable(colour);
            assert!(contrast(&found, "#111111") > 3.0 && contrast(&found, "#ffffff") > 2.5, "{colour} became {found}");
        }
        assert_eq!(readable("#56b4e9"), "#56b4e9", "what is light stays");
        assert_eq!(&readable("#54278822")[7..], "22", "as opaque as before");
        assert_eq!(
            ["rgba(0,0,0,0)", "white", "#é2345é", "#12"].map(readable),
            ["rgba(0,0,0,0)", "white", "#é2345é", "#12"]
        );
        assert_eq!(from_lab(lab([12, 200, 99])), [12, 200, 99]);
    }

    #[test]
    fn a_plot_loses_its_background_and_its_upload_but_not_its_data() {
        let plot = json!({
            "data": [
                {"type": "scatter", "x": [0.0, 20.0, 40.0, 60.0], "y": [0.123456789, 1.0, null, 2.000001],
                    "line": {"color": "#542788"}, "text": "<span style=\"color:#000000\">a</span> b"},
                {"type": "heatmap", "z": [[0.5, 0.25]], "colorscale": [[0, "#000000"], [1, "#ffffff"]]},
            ],
            "layout": {"paper_bgcolor": "white", "xaxis2": {"gridcolor": "#ececec"}, "font": {"color": "#333333"}},
        });
        let found = for_notebook(&plot);
        assert_eq!(found["layout"]["paper_bgcolor"], TRANSPARENT);
        assert_eq!(found["layout"]["plot_bgcolor"], TRANSPARENT);
        assert_eq!(found["layout"]["xaxis2"]["gridcolor"], GRID);
        assert_eq!(found["config"]["showSendToCloud"], false);
        assert_eq!(found["config"]["toImageButtonOptions"]["format"], "svg");
        let line = &found["data"][0];
        assert_eq!((&line["x0"], &line["dx"], &line["x"]), (&json!(0.0), &json!(20.0), &Value::Null));
        assert_eq!(line["y"], json!([0.1235, 1, null, 2]));
        assert_ne!(line["line"]["color"], "#542788");
        assert!(line["text"].as_str().unwrap().starts_with("<span style=\"color:#7"), "{}", line["text"]);
        assert_eq!(found["data"][1]["colorscale"], plot["data"][1]["colorscale"]);
    }

    #[test]
    fn long_lists_are_packed_and_others_stay() {
        let numbers: Vec<f64> = (0..20).map(|place| f64::from(place) / 2.0).collect();
        let packed = packed(json!({"data": [
            {"x": numbers, "y": vec![Value::Null; 20], "z": vec![vec![1.5; 5]; 4], "error_y": {"array": numbers}},
            {"x": [1, 2], "y": vec!["a"; 20], "z": [[1], [2, 3]]},
        ]}));
        let [long, short] = [&packed["data"][0], &packed["data"][1]];
        // 0, 0.5 and 1 in four bytes each, the lowest first.
        assert!(long["x"]["bdata"].as_str().unwrap().starts_with("AAAAAAAAAD8AAIA/"), "{}", long["x"]);
        assert_eq!((&long["x"]["dtype"], &long["z"]["shape"]), (&json!("f4"), &json!("4, 5")));
        assert!(long["y"]["bdata"].is_string() && long["error_y"]["array"]["bdata"].is_string());
        assert_eq!(short, &json!({"x": [1, 2], "y": vec!["a"; 20], "z": [[1], [2, 3]]}));
    }

    #[test]
    fn what_is_not_evenly_spaced_is_listed() {
        for (values, expected) in [
            (json!([0, 1, 2, 3]), Some((0.0, 1.0))),
            (json!([0, 1, 2, 3.5]), None),
            (json!([0, 1, 2]), None),
            (json!([1, 1, 1, 1]), None),
            (json!(["a", "b", "c", "d"]), None),
            (json!([0, null, 2, 3]), None),
            (Value::Null, None),
        ] {
            assert_eq!(evenly_spaced(&values), expected, "{values}");
        }
        let mut values = [json!(0), json!(f64::MAX), json!("a")];
        round(&mut values);
        let mut large = [json!(572_160.25), json!(-3.0)];
        round(&mut large);
        assert_eq!(large, [json!(572_160), json!(-3)]);
    }
}
