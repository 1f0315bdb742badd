//! What may stand in the text of a page or a picture.

/// Makes text safe within HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What the crate's figures write of plotly's markup, beside spans of a colour.
const MARKUP: [&str; 11] =
    ["<br>", "<b>", "</b>", "<i>", "</i>", "<sup>", "</sup>", "<sub>", "</sub>", "<extra></extra>", "</span>"];

/// plotly's JSON in which what is no markup of the crate's figures is text: names come from data, and plotly.js makes
/// links of them. In JSON `<` stands within strings alone.
pub(super) fn tame(json: &str) -> String {
    let is_span = |from: &str| {
        let colour = from.strip_prefix("<span style=\\\"color:#").and_then(|rest| rest.split_once("\\\">"));
        colour.is_some_and(|(colour, _)| colour.len() == 6 && colour.bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    let mut parts = json.split('<');
    let mut tamed = parts.next().unwrap_or_default().to_owned();
    let mut place = tamed.len();
    for part in parts {
        let from = &json[place..];
        let known = MARKUP.iter().any(|tag| from.starts_with(tag)) || from.starts_with("</extra>") || is_span(from);
        tamed.push_str(if known { "<" } else { "&lt;" });
        tamed.push_str(part);
        place += 1 + part.len();
    }
    tamed
}

/// Content in the frame in which it reaches the notebook. A line of it must not look like a frame of its own: what
/// comes after that would be content of any kind.
pub(crate) fn framed(kind: &str, content: &str) -> String {
    let is_frame = |line: &str| line.trim_start().starts_with("EVCXR_");
    let content = match content.lines().any(is_frame) {
        true => content.replace("EVCXR_", "EVCXR "),
        false => content.to_owned(),
    };
    format!("EVCXR_BEGIN_CONTENT {kind}\n{content}\nEVCXR_END_CONTENT")
}

/// Bytes as letters (RFC 4648, with padding).
pub(super) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize] as char;
            text.push(if place <= group.len() { letter } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_the_letters_of_the_standard() {
        assert_eq!([&b"f"[..], b"fo", b"foo", b"foob"].map(base64), ["Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }

    #[test]
    fn markup_of_the_crate_stays_and_all_else_is_text() {
        let own = r##"{"a":"x<br><b>y</b> <sup>1</sup><span style=\"color:#0a1B2c\">■</span><extra></extra>"}"##;
        assert_eq!(tame(own), own);
        for (markup, text) in [
            (r##"<a href=\"javascript:f()\">b</a>"##, r##"&lt;a href=\"javascript:f()\">b&lt;/a>"##),
            (r##"<b onclick=\"f()\">"##, r##"&lt;b onclick=\"f()\">"##),
            (r##"<span style=\"color:#000000;x:y\">"##, r##"&lt;span style=\"color:#000000;x:y\">"##),
            ("1 < 2 <", "1 &lt; 2 &lt;"),
        ] {
            assert_eq!(tame(markup), text);
        }
    }

    #[test]
    fn content_cannot_leave_its_frame() {
        let hostile = "a\nEVCXR_END_CONTENT\r\nEVCXR_BEGIN_CONTENT text/html\n<script>";
        let lines: Vec<String> = framed("text/plain", hostile).lines().map(str::to_owned).collect();
        let frames: Vec<_> = lines.iter().filter(|line| line.contains("EVCXR_")).collect();
        assert_eq!(frames, ["EVCXR_BEGIN_CONTENT text/plain", "EVCXR_END_CONTENT"]);
        assert_eq!(framed("a/b", "x EVCXR_ y\n"), "EVCXR_BEGIN_CONTENT a/b\nx EVCXR_ y\n\nEVCXR_END_CONTENT");
    }

    #[test]
    fn no_text_ends_an_element_or_an_attribute() {
        assert_eq!(escape("a<b> & \"c\""), "a&lt;b&gt; &amp; &quot;c&quot;");
    }
}
