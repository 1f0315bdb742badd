//! A figure as a bitmap, a vector graphic or a page to print.

use std::ffi::OsString;
use std::fmt;

use crate::error::{Error, Result};
use crate::figures::browser::{Browser, with};
use crate::figures::page;

/// Width and height of a figure that does not say them, in pixels of a page.
const SIZE: [f64; 2] = [1040.0, 480.0];
/// Pixels of a bitmap for each pixel of a page, on either side: sharp in print at half a page's width.
const SCALE: u8 = 2;
/// Where the page leaves the picture for us.
const BEGIN: &str = "<pre id=\"picture\">";
const END: &str = "</pre>";

/// The kinds of pictures beside a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImageFormat {
    /// A bitmap, with two pixels for each of the page's.
    Png,
    /// A vector graphic.
    Svg,
    /// A vector graphic on a page of the figure's size.
    Pdf,
}

impl ImageFormat {
    /// All kinds.
    pub const ALL: [ImageFormat; 3] = [ImageFormat::Png, ImageFormat::Svg, ImageFormat::Pdf];

    /// The name that such files end in.
    pub fn extension(self) -> &'static str {
        match self {
            ImageFormat::Png => "png",
            ImageFormat::Svg => "svg",
            ImageFormat::Pdf => "pdf",
        }
    }
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.extension())
    }
}

/// A picture of plotly's JSON, drawn by the system's browser.
///
/// # Errors
/// If this is not plotly's JSON, there is no browser, or it gives no picture within 30 s.
pub(super) fn of_json(json: &str, format: ImageFormat) -> Result<Vec<u8>> {
    let plot: serde_json::Value = serde_json::from_str(json).map_err(|problem| {
        Error::picture(format!("this is not plotly's JSON ({problem})"), "Give what `Figure::json` gives".to_owned())
    })?;
    let size = size(&plot);
    let json = page::within_script(json);
    let browser = Browser::of_system();
    if format == ImageFormat::Pdf {
        let path = |folder: &std::path::Path| folder.join("picture.pdf");
        let arguments = |folder: &std::path::Path| {
            vec![OsString::from("--no-pdf-header-footer"), with("--print-to-pdf=", &path(folder))]
        };
        return browser.open(&printed(&json, size), arguments, path);
    }
    let arguments = |_: &std::path::Path| vec![OsString::from("--dump-dom")];
    let document = browser.open(&converted(&json, size, format), arguments, |folder| folder.join("output"))?;
    picture(&String::from_utf8_lossy(&document))
}

/// Width and height of a figure.
pub(super) fn size(plot: &serde_json::Value) -> [f64; 2] {
    let of = |name: &str| plot["layout"][name].as_f64().filter(|length| *length >= 1.0);
    [of("width").unwrap_or(SIZE[0]), of("height").unwrap_or(SIZE[1])]
}

/// A page that leaves the picture, or why there is none, where [`picture`] finds it.
fn converted(json: &str, [width, height]: [f64; 2], format: ImageFormat) -> String {
    let scale = if format == ImageFormat::Png { SCALE } else { 1 };
    format!(
        "<!doctype html>\n<html>\n<head><meta charset=\"utf-8\"></head>\n<body>{BEGIN}{END}\n{}\n<script>\n\
         const leave = text => {{ document.getElementById('picture').textContent = text; }};\n\
         const hexadecimal = bytes => Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');\n\
         const bytes = url => {{\n\
           const [kind, content] = [url.slice(0, url.indexOf(',')), url.slice(url.indexOf(',') + 1)];\n\
           return kind.endsWith('base64') ? Uint8Array.from(atob(content), one => one.charCodeAt(0))\n\
             : new TextEncoder().encode(decodeURIComponent(content));\n\
         }};\n\
         try {{\n\
           Plotly.toImage({json}, {{format: '{format}', width: {width}, height: {height}, scale: {scale}}})\n\
             .then(url => leave('picture:' + hexadecimal(bytes(url))))\n\
             .catch(problem => leave('problem:' + problem));\n\
         }} catch (problem) {{ leave('problem:' + problem); }}\n\
         </script>\n</body>\n</html>\n",
        page::plotly_script()
    )
}

/// A page of the figure's size to print.
fn printed(json: &str, [width, height]: [f64; 2]) -> String {
    format!(
        "<!doctype html>\n<html>\n<head><meta charset=\"utf-8\">\n\
         <style>@page {{ size: {width}px {height}px; margin: 0 }} html, body {{ margin: 0; padding: 0 }}\n\
         #figure {{ width: {width}px; height: {height}px; overflow: hidden; break-inside: avoid \
         }}</style>\n{}\n</head>\n<body><div id=\"figure\"></div><script>\nconst figure = {json};\n\
         Plotly.newPlot('figure', figure.data, {{...figure.layout, width: {width}, height: {height}}}, \
         {{staticPlot: true}});\n</script></body>\n</html>\n",
        page::plotly_script()
    )
}

/// The picture that a page left.
fn picture(document: &str) -> Result<Vec<u8>> {
    let left = document.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).map_or("", |(left, _)| left);
    let problem = || {
        let said = left.strip_prefix("problem:").unwrap_or("it ended before the picture was done");
        Error::picture(
            format!("the browser gave none ({said})"),
            "Try again; a page (.html) always works, and the camera button there saves a picture".to_owned(),
        )
    };
    let digits = left.strip_prefix("picture:").ok_or_else(problem)?;
    let value = |digit: &u8| (*digit as char).to_digit(16).map(|value| value as u8);
    let byte = |pair: &[u8]| Some(16 * value(pair.first()?)? + value(pair.get(1)?)?);
    digits.as_bytes().chunks(2).map(byte).collect::<Option<Vec<u8>>>().ok_or_else(problem)
}

#[cfg(test)]
mod tests {
    use plotly::layout::{Axis, Layout};
    use plotly::{Plot, Scatter};

    use super::*;
    use crate::figures::Figure;

    fn figure() -> Figure {
        let mut plot = Plot::new();
        plot.add_trace(Scatter::new(vec![0.0, 1.0], vec![1.0, 2.0]).name("a"));
        plot.add_trace(Scatter::new(vec![0.0, 1.0], vec![2.0, 1.0]).name("&lt;/script>"));
        plot.set_layout(Layout::new().x_axis(Axis::new().title("time (ms) from α")).width(600).height(300));
        Figure::new(plot, "a figure")
    }

    /// The picture; none where there is no browser, which is told.
    fn drawn(format: ImageFormat) -> Option<Vec<u8>> {
        match figure().image(format) {
            Ok(bytes) => Some(bytes),
            Err(problem) if problem.to_string().contains("Install Chromium") => {
                eprintln!("skipped, since there is no browser: a picture as {format}");
                None
            }
            Err(problem) => panic!("{problem}"),
        }
    }

    #[test]
    fn a_bitmap_has_two_pixels_for_each_of_the_page() {
        let Some(bytes) = drawn(ImageFormat::Png) else { return };
        assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
        let number = |from: usize| u32::from_be_bytes(bytes[from..from + 4].try_into().unwrap());
        assert_eq!((&bytes[12..16], number(16), number(20)), (&b"IHDR"[..], 1200, 600));
        assert!(bytes.ends_with(b"IEND\xaeB`\x82"), "whole to its end");
        assert!(bytes.len() > 5_000, "an empty picture would be smaller than {} bytes", bytes.len());
    }

    #[test]
    fn a_vector_graphic_has_its_text_and_needs_no_browser() {
        let bytes = figure().image(ImageFormat::Svg).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>"));
        assert!(text.contains("time (ms) from α") && text.contains("width=\"600\" height=\"300\""));
        assert!(is_balanced(&text));
        assert!(text.contains("&lt;/script&gt;") && text.contains("<title>a figure</title>"));
    }

    /// Whether each element of a document is closed where it should be.
    fn is_balanced(text: &str) -> bool {
        let mut open = Vec::new();
        for tag in text.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag) {
            let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap_or_default();
            if tag.starts_with('/') {
                if open.pop() != Some(name) {
                    return false;
                }
            } else if !tag.ends_with('/') {
                open.push(name);
            }
        }
        open.is_empty()
    }

    #[test]
    fn a_page_to_print_is_one_page() {
        let Some(bytes) = drawn(ImageFormat::Pdf) else { return };
        assert!(bytes.starts_with(b"%PDF-"));
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("/Count 1"), "one page");
    }

    #[test]
    fn a_figure_without_a_size_has_one() {
        let mut plot = Plot::new();
        plot.set_layout(Layout::new().height(700));
        let size = |figure: &Figure| size(&serde_json::from_str(&figure.json()).unwrap());
        assert_eq!(size(&Figure::new(plot, "")), [1040.0, 700.0]);
        assert_eq!(size(&figure()), [600.0, 300.0]);
        assert!(of_json("{", ImageFormat::Png).unwrap_err().to_string().contains("not plotly's JSON"));
    }

    #[test]
    fn what_a_page_left_is_a_picture_or_a_reason() {
        let left = |text: &str| picture(&format!("<body>{BEGIN}{text}{END}<p>{BEGIN}picture:00{END}"));
        assert_eq!(left("picture:00ff10").unwrap(), [0, 255, 16]);
        for (text, word) in [("problem:Error: no", "Error: no"), ("", "ended before"), ("picture:0g", "gave none")] {
            assert!(left(text).unwrap_err().to_string().contains(word));
        }
        assert!(picture("").unwrap_err().to_string().contains(".html"));
    }
}
