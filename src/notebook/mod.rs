//! How things show in a notebook.

mod table;

use polars::frame::DataFrame;

use crate::activity::Activity;
use crate::figures::{escape, framed};
use crate::hyperparameters::Hyperparameters;
use crate::network::Network;
use crate::tasks::{Epoch, Trials};
use crate::training::{Checkpoint, Checkpoints, Progress, Run, duration};
use table::number_text;
pub use table::{ShowAll, WholeTable, html_table};

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

impl Show for WholeTable {
    fn evcxr_display(&self) {
        content("text/html", &self.html());
        content("text/plain", &self.text());
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
    println!("{}", framed(kind, text));
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
                ("epochs", in_ms(activity.epochs_in_ms().into_iter())),
                ("notes", activity.notes.join("; ")),
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
                ("time left", progress.seconds_left().map_or_else(String::new, duration)),
                (
                    "ends",
                    match progress.max_trials {
                        Some(most) => format!("at {most} trials, or when every rule is above {}", progress.target),
                        None => format!("when every rule is above {}", progress.target),
                    },
                ),
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
    in_ms(ranges.iter().map(|(epoch, range)| (*epoch, time(range.start)..time(range.end))))
}

fn in_ms(ranges: impl Iterator<Item = (Epoch, std::ops::Range<f64>)>) -> String {
    comma(ranges.map(|(epoch, range)| format!("{epoch} {}–{} ms", range.start, range.end)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::{Mode, Rule};

    #[test]
    fn summaries_tell_what_a_value_is_in_text_and_in_html() {
        let run = Run::open("data/6tasks").unwrap();
        let checkpoint = run.last().unwrap();
        let network = checkpoint.network().unwrap();
        let activity = checkpoint.activity(Rule::ODR).unwrap();
        let trials = Trials::test(run.hyperparameters(), Rule::GAP, Mode::Test).unwrap();
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
}
