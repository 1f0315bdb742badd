//! Which networks are trained: every combination of seeds, presets and hyper-parameters.

use std::collections::HashSet;

use polars::prelude::{Column, DataFrame};

use crate::ensemble::PlannedRun;
use crate::ensemble::draw::Distribution;
use crate::ensemble::keys::key_columns;
use crate::ensemble::planned::name_of;
use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::training::{Keep, check_max_trials};

/// The key under which a plan varies the published network that a run starts from.
pub(super) const PRESET: &str = "preset";
/// The key under which the number of a draw stands.
const DRAW: &str = "draw";
const SEED: &str = "seed";

/// More runs than this are a mistake.
pub(super) const MOST: usize = 100_000;

/// A key of `hp.json` (or `preset`), and its value as text.
pub(super) type KeyValue = (String, String);

/// What every run starts from, before the plan changes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Start {
    Preset(String),
    Given(Box<Hyperparameters>),
}

/// Hyper-parameters drawn at random, `count` times.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draws {
    pub(super) count: usize,
    pub(super) seed: u64,
    pub(super) keys: Vec<(String, Distribution)>,
}

/// Which networks are to be trained: each combination of the grid's values, with each entry of the list or each draw,
/// with each seed.
///
/// Keys are those of `hp.json`, and `preset`; values are text, as after `--set` on the command line. The order of runs
/// is that of the grid's keys, the first of them slowest, then the list or the draws, then the seeds.
///
/// ```
/// use maturation::prelude::*;
///
/// let plan = Plan::of_preset("units-64")
///     .grid("activation", ["softplus", "tanh"])
///     .draw(3, 0, [("learning_rate", Distribution::Log(1e-4, 1e-2))])
///     .seeds(0..5);
/// assert_eq!(plan.runs()?.len(), 2 * 3 * 5);
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// The same in a file, for [`Plan::read`] and `maturation sweep`:
///
/// ```toml
/// preset = "units-64"          # or hp = "FILE", an hp.json; the paper's model without either
/// seeds = [0, 1, 2, 3, 4]      # or { first = 0, count = 5 }
/// max_trials = 500_000         # as long as it takes without it
/// keep = "every 4"             # checkpoints: all (without it), last, or every 4th evaluation's
/// tasks = ["my-task.json"]     # tasks of your own
///
/// [set]                        # what all runs have
/// rule_trains = ["odr", "gap"]
///
/// [grid]                       # each value of each key with each of the others
/// activation = ["softplus", "tanh"]
///
/// [[list]]                     # or, in place of draws: these values together, one table an entry
/// n_rnn = 32
/// learning_rate = 0.002
///
/// [draw]                       # values drawn at random: choice, uniform, log, whole
/// count = 3
/// seed = 0
/// learning_rate = { log = [1e-4, 1e-2] }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub(super) start: Start,
    pub(super) set: Vec<KeyValue>,
    pub(super) grid: Vec<(String, Vec<String>)>,
    pub(super) list: Vec<Vec<KeyValue>>,
    pub(super) draws: Option<Draws>,
    pub(super) seeds: Vec<u64>,
    pub(super) max_trials: Option<u64>,
    pub(super) keep: Keep,
}

impl Plan {
    /// One run with these hyper-parameters, to begin with.
    pub fn new(hyperparameters: Hyperparameters) -> Plan {
        let seeds = vec![hyperparameters.seed];
        Plan { seeds, ..Plan::from_start(Start::Given(Box::new(hyperparameters))) }
    }

    /// One run of a [preset](crate::hyperparameters::Preset), to begin with.
    pub fn of_preset(name: impl Into<String>) -> Plan {
        Plan::from_start(Start::Preset(name.into()))
    }

    pub(super) fn from_start(start: Start) -> Plan {
        Plan {
            start,
            set: Vec::new(),
            grid: Vec::new(),
            list: Vec::new(),
            draws: None,
            seeds: vec![0],
            max_trials: None,
            keep: Keep::All,
        }
    }

    /// Sets a key in all runs.
    pub fn set(mut self, key: impl Into<String>, value: impl ToString) -> Plan {
        self.set.push((key.into(), value.to_string()));
        self
    }

    /// Varies a key: each of the values, with each combination of the others.
    pub fn grid<V: ToString>(mut self, key: impl Into<String>, values: impl IntoIterator<Item = V>) -> Plan {
        self.grid.push((key.into(), values.into_iter().map(|value| value.to_string()).collect()));
        self
    }

    /// Adds an entry to the list: these values together.
    pub fn entry<K: Into<String>, V: ToString>(mut self, values: impl IntoIterator<Item = (K, V)>) -> Plan {
        self.list.push(values.into_iter().map(|(key, value)| (key.into(), value.to_string())).collect());
        self
    }

    /// Draws the values of these keys at random, `count` times; the same seed draws the same.
    pub fn draw<K: Into<String>>(
        mut self,
        count: usize,
        seed: u64,
        keys: impl IntoIterator<Item = (K, Distribution)>,
    ) -> Plan {
        let keys = keys.into_iter().map(|(key, distribution)| (key.into(), distribution)).collect();
        self.draws = Some(Draws { count, seed, keys });
        self
    }

    /// Trains each combination with each of these seeds; without them with one.
    pub fn seeds(mut self, seeds: impl IntoIterator<Item = u64>) -> Plan {
        self.seeds = seeds.into_iter().collect();
        self
    }

    /// Ends each run after this many trials at the latest.
    pub fn max_trials(mut self, trials: u64) -> Plan {
        self.max_trials = Some(trials);
        self
    }

    /// Which checkpoints each run keeps.
    pub fn keep(mut self, keep: Keep) -> Plan {
        self.keep = keep;
        self
    }

    /// The keys that vary, in the order of [`PlannedRun::keys`].
    pub fn varied(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.grid.iter().map(|(key, _)| key.clone()).collect();
        let listed = self.list.iter().flatten().map(|(key, _)| key);
        let drawn = self.draws.iter().flat_map(|draws| draws.keys.iter().map(|(key, _)| key));
        for key in listed.chain(drawn) {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        keys.extend(self.draws.iter().map(|_| DRAW.to_owned()));
        keys.push(SEED.to_owned());
        keys
    }

    /// The runs, in their order.
    ///
    /// # Errors
    /// If there is none, or more than 100,000; if a key is not one of `hp.json` or stands in two places; if a value is
    /// impossible, or two runs are the same.
    pub fn runs(&self) -> Result<Vec<PlannedRun>> {
        self.check()?;
        let varied = self.varied();
        let mut runs = Vec::new();
        let mut names = HashSet::new();
        for combination in self.combinations()? {
            let shared = self.hyperparameters(&combination)?;
            for seed in &self.seeds {
                let mut named = combination.named.clone();
                named.push((SEED.to_owned(), seed.to_string()));
                let name = name_of(&named);
                if !names.insert(name.clone()) {
                    let what = format!("the plan has two runs `{name}`");
                    return Err(Error::argument(what, "leave one out: each seed, value and entry stands once"));
                }
                let value = |key: &String| match key.as_str() {
                    SEED => seed.to_string(),
                    _ => combination.value(key).unwrap_or_default(),
                };
                runs.push(PlannedRun {
                    index: runs.len(),
                    name,
                    keys: varied.iter().map(|key| (key.clone(), value(key))).collect(),
                    hyperparameters: Hyperparameters { seed: *seed, ..shared.clone() },
                    max_trials: self.max_trials,
                });
            }
        }
        Ok(runs)
    }

    /// The runs as a table. Columns: index, run (its name), and the keys that vary (numbers where all
    /// values are such; null where a run has none).
    ///
    /// # Errors
    /// Those of [`Plan::runs`].
    pub fn table(&self) -> Result<DataFrame> {
        table_of(&self.runs()?)
    }

    /// An error if the plan is none.
    fn check(&self) -> Result<()> {
        check_max_trials(self.max_trials)?;
        self.keep.check()?;
        let empty = |what: String| Err(Error::argument(what, "give at least one"));
        if self.seeds.is_empty() {
            return empty("the plan has no seed".to_owned());
        }
        for (key, values) in &self.grid {
            if values.is_empty() {
                return empty(format!("`{key}` of the grid has no value"));
            }
        }
        if let Some(draws) = &self.draws {
            if draws.count == 0 || draws.keys.is_empty() {
                return empty("the plan draws nothing".to_owned());
            }
            if !self.list.is_empty() {
                let what = "the plan has both a list and draws";
                return Err(Error::argument(what, "take one of them; each may stand beside a grid"));
            }
            draws.keys.iter().try_for_each(|(key, distribution)| distribution.check(key))?;
        }
        if self.list.iter().any(Vec::is_empty) {
            return empty("an entry of the list has no key".to_owned());
        }
        self.check_keys()?;
        let entries = self.draws.as_ref().map_or(self.list.len().max(1), |draws| draws.count);
        let runs = self.grid.iter().map(|(_, values)| values.len()).fold(1, usize::saturating_mul);
        let runs = runs.saturating_mul(entries).saturating_mul(self.seeds.len());
        if runs > MOST {
            let what = format!("the plan has {runs} runs, and {MOST} are the most");
            return Err(Error::argument(what, "leave some values out, or draw them"));
        }
        Ok(())
    }

    /// An error if a key stands in two places, or has one of its own.
    fn check_keys(&self) -> Result<()> {
        let mut seen: Vec<(&str, &'static str)> = Vec::new();
        let listed: HashSet<&str> = self.list.iter().flatten().map(|(key, _)| key.as_str()).collect();
        let places = self.set.iter().map(|(key, _)| (key.as_str(), "set"));
        let places = places.chain(self.grid.iter().map(|(key, _)| (key.as_str(), "the grid")));
        let places = places.chain(listed.into_iter().map(|key| (key, "the list")));
        let drawn = self.draws.iter().flat_map(|draws| draws.keys.iter());
        for (key, place) in places.chain(drawn.map(|(key, _)| (key.as_str(), "the draws"))) {
            if key == SEED {
                let what = format!("`seed` stands in {place}");
                return Err(Error::argument(what, "give the seeds under `seeds`"));
            }
            if let Some((_, before)) = seen.iter().find(|(other, _)| *other == key) {
                let what = format!("`{key}` stands in {before} and in {place}");
                return Err(Error::argument(what, "leave it in one of them"));
            }
            seen.push((key, place));
        }
        for entry in &self.list {
            let twice =
                entry.iter().enumerate().find(|(at, (key, _))| entry[..*at].iter().any(|(other, _)| other == key));
            if let Some((_, (key, _))) = twice {
                let what = format!("`{key}` stands twice in an entry of the list");
                return Err(Error::argument(what, "leave it in once"));
            }
        }
        Ok(())
    }

    /// All combinations of what varies, but the seeds.
    fn combinations(&self) -> Result<Vec<Combination>> {
        let mut combinations = vec![Combination::default()];
        for (key, values) in &self.grid {
            let with = |combination: &Combination, value: &String| combination.with(&[(key.clone(), value.clone())]);
            combinations = combinations
                .iter()
                .flat_map(|combination| values.iter().map(move |value| with(combination, value)))
                .collect();
        }
        if !self.list.is_empty() {
            let with_each = |combination: &Combination| -> Vec<Combination> {
                self.list.iter().map(|entry| combination.with(entry)).collect()
            };
            combinations = combinations.iter().flat_map(with_each).collect();
        }
        if let Some(draws) = &self.draws {
            let with_each = |combination: &Combination| -> Vec<Combination> {
                (0..draws.count).map(|number| combination.with_draw(draws, number)).collect()
            };
            combinations = combinations.iter().flat_map(with_each).collect();
        }
        Ok(combinations)
    }

    /// The hyper-parameters of a combination, whatever the seed.
    fn hyperparameters(&self, combination: &Combination) -> Result<Hyperparameters> {
        let preset = self.set.iter().chain(&combination.values).find(|(key, _)| key == PRESET).map(|(_, name)| name);
        let mut hyperparameters = match (preset, &self.start) {
            (Some(name), _) | (None, Start::Preset(name)) => Hyperparameters::preset(name)?,
            (None, Start::Given(given)) => (**given).clone(),
        };
        let mut changes: Vec<&KeyValue> = self.set.iter().chain(&combination.values).collect();
        // A ruleset brings its rules, and these their probabilities, which the others may change.
        changes.sort_by_key(|(key, _)| ["ruleset", "rule_trains"].iter().position(|first| first == key).unwrap_or(2));
        for (key, value) in changes.into_iter().filter(|(key, _)| key != PRESET) {
            hyperparameters.set(key, value)?;
        }
        hyperparameters.validate()?;
        Ok(hyperparameters)
    }
}

/// A table of runs with the keys that vary.
pub(super) fn table_of(runs: &[PlannedRun]) -> Result<DataFrame> {
    let indices: Vec<u64> = runs.iter().map(|run| run.index as u64).collect();
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    let mut columns = vec![Column::new("index".into(), indices), Column::new("run".into(), names)];
    columns.extend(key_columns(runs.iter().map(|run| run.keys.as_slice())));
    DataFrame::new(runs.len(), columns).map_err(Error::table("making the table of runs"))
}

/// Values of what varies.
#[derive(Clone, Debug, Default)]
struct Combination {
    values: Vec<KeyValue>,
    /// What the name of the run is made of.
    named: Vec<KeyValue>,
}

impl Combination {
    fn with(&self, more: &[KeyValue]) -> Combination {
        Combination { values: [&self.values, more].concat(), named: [&self.named, more].concat() }
    }

    fn with_draw(&self, draws: &Draws, number: usize) -> Combination {
        let drawn = draws.keys.iter().map(|(key, from)| (key.clone(), from.draw(draws.seed, number, key)));
        let named = [&self.named[..], &[(DRAW.to_owned(), number.to_string())]].concat();
        Combination { values: self.values.iter().cloned().chain(drawn).collect(), named }
    }

    fn value(&self, key: &str) -> Option<String> {
        let found = self.values.iter().chain(&self.named).find(|(name, _)| name == key);
        found.map(|(_, value)| value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_every_combination_in_order_and_named_by_what_differs() {
        let plan =
            Plan::of_preset("units-64").grid("preset", ["units-64", "tanh"]).grid("n_rnn", [16, 32]).seeds([5, 6]);
        let runs = plan.runs().unwrap();
        let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
        assert_eq!(names.len(), 8);
        assert_eq!(
            names[..3],
            ["preset-units-64.n_rnn-16.seed-5", "preset-units-64.n_rnn-16.seed-6", "preset-units-64.n_rnn-32.seed-5"]
        );
        let last = &runs[7];
        let expected = Hyperparameters { n_rnn: 32, seed: 6, ..Hyperparameters::preset("tanh").unwrap() };
        assert_eq!((last.index, &last.hyperparameters), (7, &expected));
        let keys: Vec<(&str, &str)> = last.keys.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(keys, [("preset", "tanh"), ("n_rnn", "32"), ("seed", "6")]);
        let table = plan.table().unwrap();
        assert_eq!(
            (table.height(), table.get_column_names().iter().map(|name| name.as_str()).collect::<Vec<_>>().join(",")),
            (8, "index,run,preset,n_rnn,seed".to_owned())
        );
    }

    #[test]
    fn a_list_is_an_entry_each_and_an_entry_without_a_key_leaves_it_as_it_is() {
        let plan = Plan::of_preset("paper")
            .set("rule_trains", "gap")
            .entry([("n_rnn", "16"), ("learning_rate", "0.002")])
            .entry([("n_rnn", "32")]);
        let runs = plan.runs().unwrap();
        assert_eq!([&runs[0].name, &runs[1].name], ["n_rnn-16.learning_rate-0.002.seed-0", "n_rnn-32.seed-0"]);
        assert_eq!([runs[0].hyperparameters.learning_rate, runs[1].hyperparameters.learning_rate], [0.002, 0.001]);
        assert_eq!(runs[1].keys[1], ("learning_rate".to_owned(), String::new()));
        assert_eq!(runs[0].hyperparameters.rule_trains.len(), 1);
    }

    #[test]
    fn drawn_values_are_keys_too_and_more_draws_leave_the_first_as_they_were() {
        let plan = |count| Plan::of_preset("paper").draw(count, 4, [("learning_rate", Distribution::Log(1e-4, 1e-2))]);
        let (two, three) = (plan(2).runs().unwrap(), plan(3).runs().unwrap());
        assert_eq!(two[..], three[..2]);
        assert_eq!(three[2].name, "draw-2.seed-0");
        let rate = three[2].hyperparameters.learning_rate;
        assert_eq!(three[2].keys[0], ("learning_rate".to_owned(), rate.to_string()));
        assert!((1e-4..=1e-2).contains(&rate));
    }

    #[test]
    fn a_ruleset_goes_before_the_rules_that_are_trained() {
        let plan = Plan::of_preset("paper").set("rule_trains", "odr3000").grid("ruleset", ["all_new_odr3000"]);
        assert_eq!(plan.runs().unwrap()[0].hyperparameters.rule_trains.len(), 1);
    }

    #[test]
    fn impossible_plans_say_what_is_wrong() {
        let paper = || Plan::of_preset("paper");
        let none: [u64; 0] = [];
        let log = || [("tau", Distribution::Log(1.0, 2.0))];
        let cases = [
            (paper().seeds(none), "no seed"),
            (paper().grid("n_rnn", none), "`n_rnn` of the grid has no value"),
            (paper().entry::<String, u64>([]), "an entry of the list has no key"),
            (paper().draw(0, 0, log()), "draws nothing"),
            (paper().draw(1, 0, [("tau", Distribution::Log(0.0, 2.0))]), "`tau`"),
            (paper().entry([("n_rnn", 1)]).draw(1, 0, log()), "both a list and draws"),
            (paper().set("n_rnn", 3).grid("n_rnn", [1]), "`n_rnn` stands in set and in the grid"),
            (paper().grid("n_rnn", [1]).grid("n_rnn", [2]), "`n_rnn` stands in the grid and in the grid"),
            (paper().entry([("n_rnn", 1), ("n_rnn", 2)]), "`n_rnn` stands twice"),
            (paper().grid("seed", [1]), "`seed` stands in the grid"),
            (paper().seeds([1, 1]), "two runs `seed-1`"),
            (paper().grid("n_rnn", [16, 16]), "two runs `n_rnn-16.seed-0`"),
            (paper().grid("n_rnns", [16]), "n_rnns"),
            (paper().grid("n_rnn", [0]), "n_rnn"),
            (paper().grid("preset", ["papr"]), "papr"),
            (paper().max_trials(0), "0 trials"),
            (paper().keep(Keep::Every(0)), "every 0th"),
            (paper().seeds(0..1001).grid("tau", 100..200), "100100 runs"),
        ];
        for (plan, problem) in cases {
            let message = plan.runs().unwrap_err().to_string();
            assert!(message.contains(problem), "{problem}: {message}");
        }
    }
}
