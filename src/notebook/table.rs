//! Tables in a notebook: a box of rows that can be scrolled.

use polars::prelude::*;

use crate::error::{Error, Result};
use crate::figures::escape;

/// A table of at most so many rows is shown whole; of a longer one, this many at its beginning and at its end.
const ROWS: usize = 40;
const ENDS: [usize; 2] = [20, 20];
/// Columns shown at the beginning of a wide table, where the telling ones stand, and at its end.
const COLUMNS: [usize; 2] = [12, 3];
/// Rows that a notebook's file can bear.
const MOST_ROWS: usize = 10_000;
/// Height of the box, in pixels: some 15 rows.
const HEIGHT: usize = 460;

/// Shows all of a table; the prelude brings it into scope.
///
/// ```
/// use maturation::prelude::*;
///
/// let log: DataFrame = Run::open("data/6tasks")?.log()?.rows_where("rule", Rule::ODR)?;
/// log.show_all()?; // at the end of a cell; the table alone shows its first and last 20 rows
/// # Ok::<(), maturation::Error>(())
/// ```
pub trait ShowAll {
    /// All rows and columns, to be shown where a notebook cell ends in them.
    ///
    /// # Errors
    /// If the table has more than 10,000 rows.
    fn show_all(&self) -> Result<WholeTable>;
}

impl ShowAll for DataFrame {
    fn show_all(&self) -> Result<WholeTable> {
        match self.height() <= MOST_ROWS {
            true => Ok(WholeTable(self.clone())),
            false => Err(Error::argument(
                format!("the table has {} rows, more than the {MOST_ROWS} that a notebook shows well", self.height()),
                "choose some of them (`rows_where`, `rows_between`, `filter`, `head`), or write it to a file \
                 (`write_table`)",
            )),
        }
    }
}

/// All rows and columns of a table, to be shown: [`ShowAll::show_all`] makes it.
#[derive(Clone, Debug)]
pub struct WholeTable(DataFrame);

impl WholeTable {
    pub(super) fn html(&self) -> String {
        let (height, width) = self.0.shape();
        table_of(&self.0, &(0..height).map(Some).collect::<Vec<_>>(), &(0..width).map(Some).collect::<Vec<_>>(), "")
    }

    pub(super) fn text(&self) -> String {
        self.0.to_string()
    }
}

/// A table as HTML: its shape, the names and types of the columns; all rows up to 40, or the first and the last 20;
/// numbers to the right and short, words to the left. What has no room in its box can be scrolled.
pub fn html_table(table: &DataFrame) -> String {
    let (height, width) = table.shape();
    let rows = shown(height, ROWS, ENDS);
    let columns = shown(width, COLUMNS[0] + COLUMNS[1] + 1, COLUMNS);
    let more = rows.contains(&None) || columns.contains(&None);
    let remedy =
        if more { "; <code>.show_all()?</code> shows all of it, <code>.describe()?</code> a row a column" } else { "" };
    table_of(table, &rows, &columns, remedy)
}

/// Which of `count` places to show: all up to `whole` of them, or some at either end with a gap (`None`) between.
fn shown(count: usize, whole: usize, [first, last]: [usize; 2]) -> Vec<Option<usize>> {
    if count <= whole {
        return (0..count).map(Some).collect();
    }
    (0..first).map(Some).chain([None]).chain((count - last..count).map(Some)).collect()
}

fn table_of(table: &DataFrame, rows: &[Option<usize>], columns: &[Option<usize>], remedy: &str) -> String {
    let (height, width) = table.shape();
    // Every cell says on which side its text stands: some viewers leave out style sheets.
    let side = |place: &Option<usize>| {
        let is_text = place.is_some_and(|place| table.columns()[place].dtype() == &DataType::String);
        if is_text { "text-align:left;white-space:nowrap" } else { "text-align:right;white-space:nowrap" }
    };
    let mut html = format!(
        "<div style=\"overflow:auto;max-height:{HEIGHT}px\"><table cellpadding=\"3\" \
         style=\"border-collapse:collapse;font-variant-numeric:tabular-nums\"><thead><tr>"
    );
    for place in columns {
        let (name, kind) = match place {
            None => ("…".to_owned(), String::new()),
            Some(place) => {
                let column = &table.columns()[*place];
                (column.name().to_string(), column.dtype().to_string())
            }
        };
        // The names stay in sight while rows are scrolled.
        html.push_str(&format!(
            "<th style=\"position:sticky;top:0;background:var(--jp-layout-color0,Canvas);{}\">{}<br>\
             <span style=\"font-weight:normal;opacity:.6\">{}</span></th>",
            side(place),
            escape(&name),
            escape(&kind)
        ));
    }
    html.push_str("</tr></thead><tbody>");
    for row in rows {
        html.push_str("<tr>");
        for place in columns {
            let text = match (row, place) {
                (Some(row), Some(place)) => value(&table.columns()[*place], *row),
                _ => "…".to_owned(),
            };
            html.push_str(&format!("<td style=\"{}\">{}</td>", side(place), escape(&text)));
        }
        html.push_str("</tr>");
    }
    let plural = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let shape = format!("{} × {}", plural(height, "row"), plural(width, "column"));
    html.push_str(&format!("</tbody></table></div><p style=\"opacity:.6\">{shape}{remedy}</p>"));
    html
}

/// One value, short.
fn value(column: &Column, row: usize) -> String {
    match column.get(row) {
        Err(_) | Ok(AnyValue::Null) => "null".to_owned(),
        Ok(AnyValue::Float64(number)) => number_text(number),
        Ok(AnyValue::Float32(number)) => number_text(f64::from(number)),
        Ok(value) => match value.get_str() {
            Some(text) => text.chars().take(60).collect(),
            None => value.to_string(),
        },
    }
}

/// A number in at most four significant digits, or in powers of ten where that is shorter.
pub(super) fn number_text(number: f64) -> String {
    match number.abs() {
        size if !size.is_finite() => format!("{number}"),
        0.0 => "0".to_owned(),
        size if !(1e-3..1e7).contains(&size) => format!("{number:.2e}"),
        size if size >= 1000.0 => format!("{number:.0}"),
        size => {
            let digits = (3 - size.log10().floor() as i32).clamp(0, 6) as usize;
            let text = format!("{number:.digits$}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: u32) -> DataFrame {
        df![
            "unit" => (0..rows).collect::<Vec<_>>(),
            "rate<>" => (0..rows).map(|i| (i != 2).then_some(f64::from(i) / 3.0)).collect::<Vec<_>>(),
            "kind" => (0..rows).map(|i| format!("k{i}")).collect::<Vec<_>>(),
        ]
        .unwrap()
    }

    #[test]
    fn forty_rows_are_shown_and_of_more_the_ends_with_the_way_to_all() {
        let html = html_table(&table(40));
        assert_eq!(html.matches("<tr>").count(), 1 + 40);
        assert!(html.contains("40 rows × 3 columns") && !html.contains("show_all"));
        let html = html_table(&table(100));
        assert_eq!(html.matches("<tr>").count(), 1 + 20 + 1 + 20);
        for part in ["100 rows × 3 columns", "rate&lt;&gt;", ">0.3333<", ">k99<", ">null<", "u32", ".show_all()?"] {
            assert!(html.contains(part), "{part}");
        }
        assert!(!html.contains(">k50<"));
        let side = |text: &str| html[..html.find(text).unwrap()].rsplit("text-align:").next().unwrap();
        assert!(side(">0.3333<").starts_with("right") && side(">k99<").starts_with("left"));
        assert!(html.contains("overflow:auto;max-height:460px"), "in a box that scrolls");
    }

    #[test]
    fn a_row_alone_has_no_quotes() {
        let html = html_table(&table(100).slice(7, 1));
        assert!(html.contains(">k7<") && !html.contains("quot"), "{html}");
        assert!(html.contains("1 row × 3 columns"), "{html}");
    }

    #[test]
    fn all_rows_are_shown_on_request_but_not_a_file_full() {
        let whole = table(300).show_all().unwrap();
        assert_eq!(whole.html().matches("<tr>").count(), 301);
        assert!(whole.html().contains(">k150<") && whole.text().contains("shape: (300, 3)"));
        let message = table(10_001).show_all().unwrap_err().to_string();
        assert!(message.contains("10001 rows") && message.contains("write_table"), "{message}");
        assert!(html_table(&DataFrame::empty()).contains("0 rows × 0 columns"));
    }

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, 1.5, 12345.678, 1e-9, 0.04999, f64::NAN, -2.0, 3e12].map(number_text);
        assert_eq!(texts, ["0", "1.5", "12346", "1.00e-9", "0.04999", "NaN", "-2", "3.00e12"]);
    }
}
