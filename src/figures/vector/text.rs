//! Text with plotly's markup as elements of a vector graphic.

use crate::figures::markup::escape;

use super::number;

/// Distance between the baselines of two lines, in sizes of the font.
pub(super) const LINE: f64 = 1.3;

/// A piece of a line that looks the same throughout.
#[derive(Clone, Debug, Default, PartialEq)]
struct Span {
    text: String,
    bold: bool,
    italic: bool,
    /// Raised (1), lowered (−1) or neither.
    raised: i8,
    colour: Option<String>,
}

/// A text in lines, of plotly's markup: `<br>`, `<b>`, `<i>`, `<sup>`, `<sub>` and a span's colour. What it does not
/// know it leaves out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Text {
    lines: Vec<Vec<Span>>,
}

/// Where a text stands: its middle or an end across, and which part of it down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) y: f64,
    /// `start`, `middle` or `end`.
    pub(super) across: &'static str,
    /// Which part of the height lies at `y`: 0 the top, 0.5 the middle, 1 the bottom.
    pub(super) down: f64,
    /// Degrees clockwise about the place.
    pub(super) turned: f64,
}

/// The size and the colour of a font.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Font {
    pub(super) size: f64,
    pub(super) colour: String,
}

impl Text {
    pub(super) fn of(markup: &str) -> Text {
        let mut lines = vec![Vec::new()];
        let (mut style, mut outer) = (Span::default(), Vec::new());
        let mut rest = markup;
        loop {
            let (before, tag) = match rest.split_once('<') {
                Some((before, after)) if after.contains('>') => (before, after.split_once('>')),
                _ => (rest, None),
            };
            if !before.is_empty()
                && let Some(line) = lines.last_mut()
            {
                line.push(Span { text: plain(before), ..style.clone() });
            }
            let Some((tag, after)) = tag else { return Text { lines } };
            rest = after;
            if tag.starts_with("br") {
                lines.push(Vec::new());
            } else if tag.starts_with('/') {
                style = outer.pop().unwrap_or_default();
            } else {
                outer.push(style.clone());
                match tag.split(' ').next().unwrap_or_default() {
                    "b" => style.bold = true,
                    "i" => style.italic = true,
                    "sup" => style.raised = 1,
                    "sub" => style.raised = -1,
                    _ => style.colour = colour_of(tag).or(style.colour),
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.iter().all(Vec::is_empty)
    }

    /// The width of the widest line, as a sans-serif font of usual proportions takes it.
    pub(super) fn width(&self, size: f64) -> f64 {
        let of_span = |span: &Span| {
            let scale = if span.raised == 0 { 1.0 } else { 0.7 } * if span.bold { 1.06 } else { 1.0 };
            span.text.chars().map(advance).sum::<f64>() * scale * size
        };
        self.lines.iter().map(|line| line.iter().map(of_span).sum()).fold(0.0, f64::max)
    }

    pub(super) fn height(&self, size: f64) -> f64 {
        self.lines.len() as f64 * LINE * size
    }

    /// The text as an element; none if there is no text.
    pub(super) fn element(&self, place: Place, font: &Font) -> String {
        if self.is_empty() {
            return String::new();
        }
        let Font { size, colour } = font;
        let first = place.y - place.down * self.height(*size) + 0.98 * size;
        let turned = match place.turned {
            0.0 => String::new(),
            angle => format!(" transform=\"rotate({} {} {})\"", number(angle), number(place.x), number(place.y)),
        };
        let mut element = format!(
            "<text text-anchor=\"{}\" font-size=\"{}\" fill=\"{}\"{turned}>",
            place.across,
            number(*size),
            escape(colour)
        );
        for (row, line) in self.lines.iter().enumerate() {
            let y = first + row as f64 * LINE * size;
            element.push_str(&format!("<tspan x=\"{}\" y=\"{}\">", number(place.x), number(y)));
            line.iter().for_each(|span| element.push_str(&span.element()));
            element.push_str("</tspan>");
        }
        element + "</text>"
    }
}

impl Span {
    fn element(&self) -> String {
        let mut attributes = String::new();
        if self.bold {
            attributes.push_str(" font-weight=\"bold\"");
        }
        if self.italic {
            attributes.push_str(" font-style=\"italic\"");
        }
        if let Some(colour) = &self.colour {
            attributes.push_str(&format!(" fill=\"{}\"", escape(colour)));
        }
        match self.raised {
            1 => attributes.push_str(" font-size=\"70%\" baseline-shift=\"super\""),
            -1 => attributes.push_str(" font-size=\"70%\" baseline-shift=\"sub\""),
            _ => {}
        }
        let text = escape(&self.text);
        if attributes.is_empty() { text } else { format!("<tspan{attributes}>{text}</tspan>") }
    }
}

/// The colour that a tag's style names.
fn colour_of(tag: &str) -> Option<String> {
    let (_, rest) = tag.split_once("color:")?;
    let end = rest.find([';', '"', '\'']).unwrap_or(rest.len());
    Some(rest[..end].trim().to_owned())
}

/// Text without the few entities that plotly's markup knows.
fn plain(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\u{a0}").replace("&amp;", "&")
}

/// The width of a letter, in sizes of the font: that of the widest of the usual sans-serif fonts, so that words have
/// room in each.
fn advance(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | '|' | '\'' | '.' | ',' | ':' | ';' | '!' | 'I' => 0.3,
        ' ' | 'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '/' | '-' => 0.39,
        'm' | 'M' | 'w' | 'W' | '%' | '@' => 0.94,
        'A'..='Z' | '−' | '+' | '=' | '<' | '>' | '≤' | '≥' => 0.74,
        _ => 0.62,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(markup: &str) -> String {
        let place = Place { x: 10.0, y: 20.0, across: "start", down: 0.0, turned: 0.0 };
        Text::of(markup).element(place, &Font { size: 10.0, colour: "#333333".to_owned() })
    }

    #[test]
    fn markup_becomes_elements_and_letters_stay_letters() {
        let found = element("a <b>b</b><br>c &lt; <i>d</i> & \"e\"<sup>2</sup>");
        assert_eq!(
            found,
            "<text text-anchor=\"start\" font-size=\"10\" fill=\"#333333\"><tspan x=\"10\" y=\"29.8\">a \
             <tspan font-weight=\"bold\">b</tspan></tspan><tspan x=\"10\" y=\"42.8\">c &lt; <tspan \
             font-style=\"italic\">d</tspan> &amp; &quot;e&quot;<tspan font-size=\"70%\" \
             baseline-shift=\"super\">2</tspan></tspan></text>"
        );
        assert!(
            element("<span style=\"color:#6baed6\">■</span> early").contains("<tspan fill=\"#6baed6\">■</tspan> early")
        );
        assert_eq!(element(""), "");
        assert!(element("1 < 2").contains("1 &lt; 2"), "a sign that begins no tag");
        assert!(element("</b>x<").contains("x&lt;"));
    }

    #[test]
    fn a_longer_text_is_wider_and_more_lines_are_higher() {
        assert!(Text::of("early (141 units)").width(14.0) > Text::of("early").width(14.0));
        assert_eq!(Text::of("a<br>b").height(10.0), 2.0 * LINE * 10.0);
        assert!(Text::of("<sup>note</sup>").width(14.0) < Text::of("note").width(14.0));
    }
}
