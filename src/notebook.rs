//! How things show in a notebook, and whether this is one.

use polars::prelude::*;

use crate::figures::escape;
use crate::training::Run;

/// Rows shown at the beginning and at the end of a long table.
const ROWS: [usize; 2] = [6, 6];
/// Columns shown at the beginning of a wide table, where the telling ones stand, and at its end.
const COLUMNS: [usize; 2] = [12, 3];

/// Shows a value where a notebook cell ends in it. The prelude brings it into scope, which is all that a cell needs.
pub trait Show {
    /// Prints the value in the forms that evcxr hands on to the notebook.
    fn evcxr_display(&self);
}

impl Show for DataFrame {
    fn evcxr_display(&self) {
        content("text/html", &html_table(self));
        content("text/plain", &self.to_string());
    }
}

impl Show for Run {
    fn evcxr_display(&self) {
        content("text/plain", &summary(self));
    }
}

fn content(kind: &str, text: &str) {
    println!("EVCXR_BEGIN_CONTENT {kind}\n{text}\nEVCXR_END_CONTENT");
}

/// A run in a few lines.
fn summary(run: &Run) -> String {
    let hyperparameters = run.hyperparameters();
    let rules: Vec<&str> = hyperparameters.rule_trains.iter().map(|rule| rule.name()).collect();
    let newest = run.evaluations().entries.last();
    let performance = newest.map_or_else(String::new, |entry| {
        let each: Vec<String> =
            entry.rules.iter().map(|rule| format!("{} {:.2}", rule.rule, rule.performance)).collect();
        format!("\nafter {} trials: {}", entry.trials_trained, each.join(", "))
    });
    format!(
        "run {}: {} units, seed {}, rules {}\n{} evaluations, {} checkpoints{performance}",
        run.path().display(),
        hyperparameters.n_rnn,
        hyperparameters.seed,
        rules.join(", "),
        run.evaluations().entries.len(),
        run.checkpoints().map_or(0, |checkpoints| checkpoints.len()),
    )
}

/// Which of `count` places to show: all, or some at either end with a gap (`None`) between.
fn shown(count: usize, [first, last]: [usize; 2]) -> Vec<Option<usize>> {
    if count <= first + last + 1 {
        return (0..count).map(Some).collect();
    }
    (0..first).map(Some).chain([None]).chain((count - last..count).map(Some)).collect()
}

/// A table as HTML: its shape, the names and types of the columns, head and tail; numbers to the right and short.
pub fn html_table(table: &DataFrame) -> String {
    let (height, width) = table.shape();
    let columns = shown(width, COLUMNS);
    let cell = |style: &str, tag: &str, text: &str| {
        format!("<{tag} style=\"padding:2px 10px;border:none;{style}\">{}</{tag}>", escape(text))
    };
    let mut html =
        String::from("<table style=\"border-collapse:collapse;font-variant-numeric:tabular-nums\"><thead><tr>");
    for place in &columns {
        let (name, kind) = match place {
            None => ("…".to_owned(), String::new()),
            Some(place) => {
                let column = &table.columns()[*place];
                (column.name().to_string(), column.dtype().to_string())
            }
        };
        html.push_str(&format!(
            "<th style=\"padding:2px 10px;text-align:right;border:none\">{}<br>\
             <span style=\"font-weight:normal;opacity:.6\">{}</span></th>",
            escape(&name),
            escape(&kind)
        ));
    }
    html.push_str("</tr></thead><tbody>");
    for row in shown(height, ROWS) {
        html.push_str("<tr>");
        for place in &columns {
            let text = match (row, place) {
                (Some(row), Some(place)) => value(&table.columns()[*place], row),
                _ => "…".to_owned(),
            };
            html.push_str(&cell("text-align:right;", "td", &text));
        }
        html.push_str("</tr>");
    }
    html.push_str(&format!("</tbody></table><p style=\"opacity:.6\">{height} rows × {width} columns</p>"));
    html
}

/// One value, short.
fn value(column: &Column, row: usize) -> String {
    match column.get(row) {
        Err(_) | Ok(AnyValue::Null) => "null".to_owned(),
        Ok(AnyValue::Float64(number)) => number_text(number),
        Ok(AnyValue::Float32(number)) => number_text(f64::from(number)),
        Ok(AnyValue::String(text)) => text.chars().take(60).collect(),
        Ok(other) => other.to_string(),
    }
}

/// A number in at most four significant digits, or in powers of ten where that is shorter.
fn number_text(number: f64) -> String {
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

    #[test]
    fn long_tables_show_head_and_tail_and_short_numbers() {
        let table = df![
            "unit" => (0..100_u32).collect::<Vec<_>>(),
            "rate<>" => (0..100).map(|i| (i != 2).then_some(f64::from(i) / 3.0)).collect::<Vec<_>>(),
            "kind" => (0..100).map(|i| format!("k{i}")).collect::<Vec<_>>(),
        ]
        .unwrap();
        let html = html_table(&table);
        assert_eq!(html.matches("<tr>").count(), 1 + ROWS[0] + ROWS[1] + 1);
        for part in ["100 rows × 3 columns", "rate&lt;&gt;", ">0.3333<", ">k99<", ">null<", "u32"] {
            assert!(html.contains(part), "{part}");
        }
        assert!(!html.contains(">k50<"));
    }

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, 1.5, 12345.678, 1e-9, 0.04999, f64::NAN, -2.0, 3e12].map(number_text);
        assert_eq!(texts, ["0", "1.5", "12346", "1.00e-9", "0.04999", "NaN", "-2", "3.00e12"]);
    }
}
