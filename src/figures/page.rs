//! One page of many figures that needs no network.

use std::path::Path;

use plotly::Plot;
use polars::prelude::*;

use crate::error::{Error, Result};
use crate::figures::markup::escape;
use crate::figures::{Figure, shown};
use crate::tables::write_bytes;

/// The look of a page.
const STYLE: &str = "
body { font: 17px/1.55 Georgia, 'Times New Roman', serif; color: #222; max-width: 1080px; margin: 2.5em auto;
  padding: 0 1.2em; }
h1, h2, nav, table, .about, button { font-family: Helvetica, Arial, sans-serif; }
h1 { font-size: 1.9em; margin-bottom: 0.2em; } h2 { font-size: 1.25em; margin-top: 2.6em; }
.about { color: #666; font-size: 0.85em; } nav ol { padding-left: 1.4em; font-size: 0.95em; }
a { color: #542788; } .figure { min-height: 480px; }
button { font-size: 0.85em; border: 1px solid #bbb; background: #fafafa; border-radius: 4px; padding: 0.35em 0.8em;
  cursor: pointer; }
table { border-collapse: collapse; font-size: 0.85em; } td { border-top: 1px solid #e5e5e5; padding: 0.25em 1em 0.25em \
0; }
#facts td:first-child { color: #666; } td { overflow-wrap: anywhere; }
.shown th { text-align: left; padding: 0.25em 1em 0.25em 0; } .shown td { vertical-align: top; }
";

/// Hands the table behind a figure to the reader as a file.
const DOWNLOAD: &str = "
function download(id, name) {
  const text = document.getElementById(id).textContent.trim().replaceAll('<\\\\', '<');
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type: 'text/csv'}));
  link.download = name;
  link.click();
}
";

/// Makes JSON safe within a script element, which ends at the first `</`, and for older browsers, which end a line at
/// two further characters.
pub(super) fn within_script(json: &str) -> String {
    let json = json.replace("</", "<\\/").replace("<!--", "<\\!--");
    json.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// Makes CSV safe within a script element; `download` takes the backslashes out again.
fn within_element(csv: &str) -> String {
    csv.replace("<\\", "<\\\\").replace("</", "<\\/").replace("<!", "<\\!")
}

/// A name for an element, of letters, digits and hyphens.
fn identifier(name: &str) -> String {
    name.chars().map(|letter| if letter.is_alphanumeric() || letter == '_' { letter } else { '-' }).collect()
}

/// The script element that brings plotly.js along.
pub(super) fn plotly_script() -> String {
    // The scripts that plotly embeds are plotly.js and, behind it, MathJax, which nothing here needs.
    let scripts = Plot::offline_js_sources();
    let end = "</script>";
    scripts.find(end).map_or_else(|| scripts.clone(), |place| scripts[..place + end.len()].to_owned())
}

/// The element that a figure is drawn in, and the call that draws it. Until then, and where no script may run, it says
/// what the figure shows.
pub(super) fn plot_element(id: &str, figure: &Figure) -> String {
    let (json, config) = (within_script(&figure.json()), shown::config());
    let about = escape(&figure.summary);
    format!(
        "<div id=\"{id}\" class=\"figure\" role=\"img\" aria-label=\"{about}\">{about}</div>\n<script>(function() {{ \
         const figure = {json};\ndocument.getElementById('{id}').textContent = '';\n\
         Plotly.newPlot('{id}', figure.data, figure.layout, {config}); }})();</script>\n",
    )
}

/// A whole document with plotly.js in it.
pub(super) fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n\
         <style>{STYLE}</style>\n{}\n<script>{DOWNLOAD}</script>\n</head>\n<body>\n{body}\n</body>\n</html>\n",
        escape(title),
        plotly_script()
    )
}

/// A figure with what it shows and the table behind it.
#[derive(Clone, Debug)]
pub struct Section {
    /// A short name for links and file names, of letters, digits and hyphens.
    pub id: String,
    /// The heading.
    pub title: String,
    /// What the figure shows, in a sentence or two.
    pub text: String,
    /// The figure.
    pub figure: Figure,
    /// The table behind it, which the reader can download as CSV.
    pub table: DataFrame,
}

/// A table that the page shows itself.
#[derive(Clone, Debug)]
pub struct TableSection {
    /// A short name for links and file names, of letters, digits and hyphens.
    pub id: String,
    /// The heading.
    pub title: String,
    /// What the table shows, in a sentence or two.
    pub text: String,
    /// The columns that are shown, and their headings.
    pub columns: Vec<(String, String)>,
    /// The table, which the reader can download as CSV.
    pub table: DataFrame,
}

/// One page of figures.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The heading of the page.
    pub title: String,
    /// A line under it: what the figures are of.
    pub about: String,
    /// Tables, before the figures.
    pub tables: Vec<TableSection>,
    /// The figures.
    pub sections: Vec<Section>,
    /// Figures that could not be made, each with the reason.
    pub left_out: Vec<(String, String)>,
    /// Names and values in a table at the end: hyper-parameters, versions, the seed.
    pub facts: Vec<(String, String)>,
}

impl Page {
    /// Writes the page to `path`, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        write_bytes(path, self.html()?.as_bytes())
    }

    /// The page as HTML.
    ///
    /// # Errors
    /// If a table cannot be written, or lacks a column that is to be shown.
    pub fn html(&self) -> Result<String> {
        let mut body = format!("<h1>{}</h1>\n<p class=\"about\">{}</p>\n", escape(&self.title), escape(&self.about));
        body.push_str("<nav><ol>\n");
        let tables = self.tables.iter().map(|section| (&section.id, &section.title));
        for (id, title) in tables.chain(self.sections.iter().map(|section| (&section.id, &section.title))) {
            let id = identifier(id);
            body.push_str(&format!("<li><a href=\"#{id}\">{}</a></li>\n", escape(title)));
        }
        if !self.left_out.is_empty() {
            body.push_str("<li><a href=\"#left-out\">Left out</a></li>\n");
        }
        body.push_str("<li><a href=\"#facts\">Hyper-parameters and versions</a></li>\n</ol></nav>\n");
        for TableSection { id, title, text, columns, table } in &self.tables {
            let shown = shown(table, columns).map_err(Error::table(format!("the table `{id}`")))?;
            body.push_str(&section(id, title, text, &shown, table)?);
        }
        for Section { id, title, text, figure, table } in &self.sections {
            body.push_str(&section(
                id,
                title,
                text,
                &plot_element(&format!("{}-figure", identifier(id)), figure),
                table,
            )?);
        }
        if !self.left_out.is_empty() {
            body.push_str("<section id=\"left-out\">\n<h2>Left out</h2>\n<table>\n");
            for (what, why) in &self.left_out {
                body.push_str(&format!("<tr><td>{}</td><td>{}</td></tr>\n", escape(what), escape(why)));
            }
            body.push_str("</table>\n</section>\n");
        }
        body.push_str("<section id=\"facts\">\n<h2>Hyper-parameters and versions</h2>\n<table>\n");
        for (name, value) in &self.facts {
            body.push_str(&format!("<tr><td>{}</td><td>{}</td></tr>\n", escape(name), escape(value)));
        }
        body.push_str("</table>\n</section>\n");
        Ok(document(&self.title, &body))
    }
}

/// A section with its content and the button that hands its table out.
fn section(id: &str, title: &str, text: &str, content: &str, table: &DataFrame) -> Result<String> {
    let mut csv = Vec::new();
    CsvWriter::new(&mut csv)
        .finish(&mut table.clone())
        .map_err(Error::table(format!("the table of section `{id}`")))?;
    let id = identifier(id);
    Ok(format!(
        "<section id=\"{id}\">\n<h2>{}</h2>\n<p>{}</p>\n{content}<button onclick=\"download('{id}-table', \
         '{id}.csv')\">Download the table ({} rows)</button>\n<script id=\"{id}-table\" type=\"text/csv\">\n{}\
         </script>\n</section>\n",
        escape(title),
        escape(text),
        table.height(),
        within_element(&String::from_utf8_lossy(&csv)),
    ))
}

/// Some columns of a table as an element, with their headings.
fn shown(table: &DataFrame, columns: &[(String, String)]) -> PolarsResult<String> {
    let mut html = String::from("<table class=\"shown\">\n<tr>");
    let mut cells = Vec::new();
    for (name, heading) in columns {
        html.push_str(&format!("<th>{}</th>", escape(heading)));
        cells.push(table.column(name)?.cast(&DataType::String)?);
    }
    html.push_str("</tr>\n");
    for row in 0..table.height() {
        html.push_str("<tr>");
        for column in &cells {
            html.push_str(&format!("<td>{}</td>", escape(column.str()?.get(row).unwrap_or_default())));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n");
    Ok(html)
}

#[cfg(test)]
mod tests {
    use plotly::Scatter;

    use super::*;

    fn page() -> Page {
        let mut plot = Plot::new();
        plot.add_trace(Scatter::new(vec![1, 2], vec![3, 4]).name("</script><b>"));
        let section = Section {
            id: "one".into(),
            title: "A < B".into(),
            text: "What & why.".into(),
            figure: Figure::new(plot, "a figure"),
            table: df!["name" => ["</script>"], "value" => [1.5]].unwrap(),
        };
        let facts = vec![("seed".into(), "<0>".into())];
        let table = TableSection {
            id: "claims".into(),
            title: "Claims".into(),
            text: "held against a run".into(),
            columns: vec![("claim".into(), "The claim".into()), ("value".into(), "Here".into())],
            table: df!["claim" => ["a < b", "c"], "value" => [Some(1.5), None], "more" => [1, 2]].unwrap(),
        };
        let (title, about) = ("Figures".into(), "of a run".into());
        let left_out = vec![("tuning".into(), "no rule <odrd>".into())];
        Page { title, about, tables: vec![table], sections: vec![section], left_out, facts }
    }

    #[test]
    fn a_page_is_whole_and_asks_nothing_of_the_network() {
        let html = page().html().unwrap();
        for part in
            ["A &lt; B", "What &amp; why.", "&lt;0&gt;", "Plotly.newPlot('one-figure'", ">a figure</div>", "name,value"]
        {
            assert!(html.contains(part), "{part}");
        }
        assert!(!html.contains("<script src") && !html.contains("<link"), "nothing is loaded from elsewhere");
        // Within elements, `</script>` stands only where a script ends: as often as one begins.
        let own = html.replace(&plotly_script(), "");
        assert_eq!(own.matches("<script").count(), own.matches("</script>").count());
        assert!(html.len() < 6_000_000, "{}", html.len());
    }

    #[test]
    fn a_table_shows_the_columns_that_are_asked_for_and_hands_all_out() {
        let html = page().html().unwrap();
        for part in [
            "<tr><th>The claim</th><th>Here</th></tr>",
            "<tr><td>a &lt; b</td><td>1.5</td></tr>",
            "<tr><td>c</td><td></td></tr>",
            "<li><a href=\"#claims\">Claims</a></li>\n<li><a href=\"#one\">",
            "<tr><td>tuning</td><td>no rule &lt;odrd&gt;</td></tr>",
            "claim,value,more",
        ] {
            assert!(html.contains(part), "{part}");
        }
        let mut wrong = page();
        wrong.tables[0].columns[0].0 = "nothing".into();
        assert!(wrong.html().unwrap_err().to_string().contains("`claims`"));
    }

    #[test]
    fn a_figure_saves_as_html_and_refuses_other_kinds() {
        let folder = tempfile::tempdir().unwrap();
        let figure = page().sections[0].figure.clone();
        figure.save(folder.path().join("figure.html")).unwrap();
        let html = std::fs::read_to_string(folder.path().join("figure.html")).unwrap();
        assert!(html.contains("Plotly.newPlot('figure'"));
        let message = figure.save(folder.path().join("figure.gif")).unwrap_err().to_string();
        assert!(message.contains("figure.gif") && message.contains(".html"), "{message}");
        let message = figure.save(folder.path().join("nowhere/figure.html")).unwrap_err().to_string();
        assert!(message.contains("nowhere"), "{message}");
    }
}
