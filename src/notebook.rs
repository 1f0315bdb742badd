//! How things show in a notebook.

use polars::prelude::*;

use crate::activity::Activity;
use crate::figures::escape;
use crate::hyperparameters::Hyperparameters;
use crate::network::Network;
use crate::tasks::{Epoch, Trials};
use crate::training::{Checkpoint, Checkpoints, Progress, Run};

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
        Summary::of_run(self).show();
    }
}

impl Show for Checkpoint {
    fn evcxr_display(&self) {
        Summary::of_checkpoints(std::slice::from_ref(self)).show();
    }
}

impl Show for Checkpoints {
    fn evcxr_display(&self) {
        Summary::of_checkpoints(self).show();
    }
}

impl Show for Network {
    fn evcxr_display(&self) {
        Summary::of_network(self).show();
    }
}

impl Show for Activity {
    fn evcxr_display(&self) {
        Summary::of_activity(self).show();
    }
}

impl Show for Trials {
    fn evcxr_display(&self) {
        Summary::of_trials(self).show();
    }
}

impl Show for Hyperparameters {
    fn evcxr_display(&self) {
        Summary::of_hyperparameters(self).show();
    }
}

impl Show for Progress {
    fn evcxr_display(&self) {
        Summary::of_progress(self).show();
    }
}

impl<T: Show> Show for Option<T> {
    fn evcxr_display(&self) {
        match self {
            Some(value) => value.evcxr_display(),
            None => content("text/plain", "none yet"),
        }
    }
}

fn content(kind: &str, text: &str) {
    println!("EVCXR_BEGIN_CONTENT {kind}\n{text}\nEVCXR_END_CONTENT");
}

/// A value in a few lines: what it is, then names and values.
#[derive(Debug, PartialEq)]
struct Summary {
    title: String,
    facts: Vec<(String, String)>,
}

impl Summary {
    fn new<const COUNT: usize>(title: impl Into<String>, facts: [(&str, String); COUNT]) -> Self {
        let facts = facts.into_iter().filter(|(_, value)| !value.is_empty());
        Summary { title: title.into(), facts: facts.map(|(name, value)| (name.to_owned(), value)).collect() }
    }

    fn of_run(run: &Run) -> Self {
        let hyperparameters = run.hyperparameters();
        let evaluations = run.evaluations().entries.len();
        let checkpoints = run.checkpoints().map_or(0, |checkpoints| checkpoints.len());
        let newest = run.evaluations().entries.last();
        Summary::new(
            format!("run {}", run.path().display()),
            [
                ("units", hyperparameters.n_rnn.to_string()),
                ("rules", comma(hyperparameters.rule_trains.iter())),
                ("seed", hyperparameters.seed.to_string()),
                ("trials trained", newest.map_or_else(String::new, |entry| entry.trials_trained.to_string())),
                ("at hand", format!("{evaluations} evaluations, {checkpoints} checkpoints")),
                ("newest performance", newest.map_or_else(String::new, |entry| entry.to_string())),
            ],
        )
    }

    fn of_checkpoints(checkpoints: &[Checkpoint]) -> Self {
        let trials = checkpoints.iter().map(Checkpoint::trials_trained);
        let span = match (trials.clone().min(), trials.clone().max()) {
            (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
            (first, _) => first.map_or_else(String::new, |only| only.to_string()),
        };
        let count = checkpoints.len();
        Summary::new(
            format!("{count} checkpoint{}", if count == 1 { "" } else { "s" }),
            [
                ("trials trained", span),
                ("units", checkpoints.first().map_or_else(String::new, |one| one.hyperparameters().n_rnn.to_string())),
            ],
        )
    }

    fn of_network(network: &Network) -> Self {
        let hyperparameters = network.hyperparameters();
        let (mut names, mut count) = (Vec::new(), 0);
        for parameter in network.parameters() {
            let (rows, columns) = parameter.shape();
            names.push(format!("{} ({rows} × {columns})", parameter.name()));
            count += rows * columns;
        }
        Summary::new(
            format!("network of {} units", hyperparameters.n_rnn),
            [
                ("cell", hyperparameters.rnn_type.to_string()),
                ("activation", format!("{:?}", hyperparameters.activation).to_lowercase()),
                ("time constant", format!("{} ms, in steps of {} ms", hyperparameters.tau, hyperparameters.dt)),
                ("rules", comma(hyperparameters.rule_trains.iter())),
                ("weights", comma(names.iter())),
                ("parameters", count.to_string()),
            ],
        )
    }

    fn of_activity(activity: &Activity) -> Self {
        let (least, most) = activity
            .rates
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(least, most), rate| (least.min(*rate), most.max(*rate)));
        let rates = format!(
            "{} steps of {} ms × {} trials × {} units, from {} to {}",
            activity.steps(),
            activity.dt,
            activity.trials(),
            activity.units(),
            number_text(f64::from(least)),
            number_text(f64::from(most))
        );
        Summary::new(
            "activity",
            [
                ("rule", activity.rule.map_or_else(String::new, |rule| rule.to_string())),
                ("trials trained", activity.trials_trained.map_or_else(String::new, |trials| trials.to_string())),
                ("rates", rates),
                ("locations", activity.location_count.to_string()),
                ("epochs", epochs(&activity.epochs, activity.dt)),
            ],
        )
    }

    fn of_trials(trials: &Trials) -> Self {
        let shape = |array: &ndarray::Array3<f32>| {
            let (steps, trials, channels) = array.dim();
            format!("{steps} steps × {trials} trials × {channels} channels")
        };
        let ranges: Vec<_> =
            Epoch::ALL.into_iter().filter_map(|epoch| trials.epoch(epoch).ok().map(|range| (epoch, range))).collect();
        Summary::new(
            format!("{} trials of rule {}", trials.len(), trials.rule),
            [
                ("inputs", shape(&trials.inputs)),
                ("targets", shape(&trials.targets)),
                ("step", format!("{} ms", trials.dt)),
                ("epochs", epochs(&ranges, trials.dt)),
            ],
        )
    }

    fn of_hyperparameters(hyperparameters: &Hyperparameters) -> Self {
        let facts = hyperparameters.to_json().unwrap_or_default().into_iter();
        let text = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string().replace('"', ""),
        };
        Summary {
            title: "hyper-parameters".to_owned(),
            facts: facts.map(|(name, value)| (name, text(value))).collect(),
        }
    }

    fn of_progress(progress: &Progress) -> Self {
        Summary::new(
            if progress.finished { "training has ended" } else { "in training" },
            [
                ("trials", progress.trials_trained.to_string()),
                ("trials a second", format!("{:.0}", progress.trials_per_second())),
                ("time left", progress.time_left()),
                (
                    "newest performance",
                    progress.evaluation.as_ref().map_or_else(String::new, |entry| entry.to_string()),
                ),
            ],
        )
    }

    fn show(&self) {
        content("text/html", &self.html());
        content("text/plain", &self.text());
    }

    fn text(&self) -> String {
        let width = self.facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let lines = self.facts.iter().map(|(name, value)| format!("\n  {name:width$}  {value}"));
        self.title.clone() + &lines.collect::<String>()
    }

    fn html(&self) -> String {
        let rows = self.facts.iter().map(|(name, value)| {
            format!(
                "<tr><td style=\"padding:1px 14px 1px 0;border:none;text-align:left;opacity:.6\">{}</td>\
                 <td style=\"padding:1px 0;border:none;text-align:left\">{}</td></tr>",
                escape(name),
                escape(value)
            )
        });
        format!(
            "<b>{}</b><table style=\"border-collapse:collapse;margin:4px 0 0 0\"><tbody>{}</tbody></table>",
            escape(&self.title),
            rows.collect::<String>()
        )
    }
}

fn comma(items: impl Iterator<Item = impl std::fmt::Display>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

/// Epochs with their times in ms.
fn epochs(ranges: &[(Epoch, std::ops::Range<usize>)], dt: f64) -> String {
    let time = |step: usize| step as f64 * dt;
    comma(ranges.iter().map(|(epoch, range)| format!("{epoch} {}–{} ms", time(range.start), time(range.end))))
}

/// Which of `count` places to show: all, or some at either end with a gap (`None`) between.
fn shown(count: usize, [first, last]: [usize; 2]) -> Vec<Option<usize>> {
    if count <= first + last + 1 {
        return (0..count).map(Some).collect();
    }
    (0..first).map(Some).chain([None]).chain((count - last..count).map(Some)).collect()
}

/// A table as HTML: its shape, the names and types of the columns, head and tail; numbers to the right and short, words to
/// the left. Where it is wider than the page, it can be scrolled.
pub fn html_table(table: &DataFrame) -> String {
    let (height, width) = table.shape();
    let columns = shown(width, COLUMNS);
    // Every cell says how it looks: some viewers leave out style sheets.
    let style = |place: &Option<usize>| {
        let is_text = place.is_some_and(|place| table.columns()[place].dtype() == &DataType::String);
        let side = if is_text { "left" } else { "right" };
        format!("padding:2px 10px;border:none;white-space:nowrap;text-align:{side}")
    };
    let mut html = String::from(
        "<div style=\"overflow-x:auto\"><table style=\"border-collapse:collapse;font-variant-numeric:tabular-nums\">\
         <thead><tr>",
    );
    for place in &columns {
        let (name, kind) = match place {
            None => ("…".to_owned(), String::new()),
            Some(place) => {
                let column = &table.columns()[*place];
                (column.name().to_string(), column.dtype().to_string())
            }
        };
        html.push_str(&format!(
            "<th style=\"{}\">{}<br><span style=\"font-weight:normal;opacity:.6\">{}</span></th>",
            style(place),
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
            html.push_str(&format!("<td style=\"{}\">{}</td>", style(place), escape(&text)));
        }
        html.push_str("</tr>");
    }
    html.push_str(&format!("</tbody></table></div><p style=\"opacity:.6\">{height} rows × {width} columns</p>"));
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
    use crate::tasks::{Mode, Rule};

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
        let side = |text: &str| html[..html.find(text).unwrap()].rsplit("text-align:").next().unwrap();
        assert!(side(">0.3333<").starts_with("right") && side(">k99<").starts_with("left"));
    }

    #[test]
    fn summaries_tell_what_a_value_is_in_text_and_in_html() {
        let run = Run::open("data/6tasks").unwrap();
        let checkpoint = run.last().unwrap();
        let network = checkpoint.network().unwrap();
        let activity = checkpoint.activity(Rule::Odr).unwrap();
        let trials = Trials::test(run.hyperparameters(), Rule::Gap, Mode::Test).unwrap();
        for (summary, words) in [
            (Summary::of_run(&run), vec!["data/6tasks", "256", "448 evaluations", "odr 1.00"]),
            (Summary::of_checkpoints(&run.checkpoints().unwrap()), vec!["checkpoints", "0 to 572160"]),
            (Summary::of_checkpoints(&[checkpoint]), vec!["1 checkpoint", "572160"]),
            (
                Summary::of_network(&network),
                vec!["256 units", "w_rec (256 × 256)", "softplus", "100 ms, in steps of 20"],
            ),
            (Summary::of_activity(&activity), vec!["odr", "175 steps", "128 trials", "stim1 1000–1500 ms"]),
            (Summary::of_trials(&trials), vec!["rule gap", "channels", "20 ms", "stim1"]),
            (Summary::of_hyperparameters(run.hyperparameters()), vec!["n_rnn", "256", "softplus"]),
        ] {
            for word in words {
                assert!(summary.text().contains(word), "{word} in {}", summary.text());
                assert!(summary.html().contains(word), "{word} in {}", summary.html());
            }
        }
        let awkward = Summary::new("<run>", [("a&b", "<c>".to_owned()), ("nothing", String::new())]);
        assert!(awkward.html().contains("&lt;run&gt;") && awkward.html().contains("a&amp;b"));
        assert_eq!(awkward.text(), "<run>\n  a&b  <c>");
    }

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, 1.5, 12345.678, 1e-9, 0.04999, f64::NAN, -2.0, 3e12].map(number_text);
        assert_eq!(texts, ["0", "1.5", "12346", "1.00e-9", "0.04999", "NaN", "-2", "3.00e12"]);
    }
}
