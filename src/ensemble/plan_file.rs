//! Plans as TOML files.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::ensemble::Plan;
use crate::ensemble::draw::Distribution;
use crate::ensemble::plan::{Draws, KeyValue, MOST, PRESET, Start};
use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::tables::write_bytes;
use crate::tasks::{Rule, Ruleset, TaskDefinition};
use crate::training::{Keep, write_hyperparameters};

/// The keys of a plan.
const KEYS: [&str; 10] = ["preset", "hp", "tasks", "seeds", "max_trials", "keep", "set", "grid", "list", "draw"];

/// What a plan's folder holds of the hyper-parameters that its runs start from, where those are no preset's.
const START_FILE: &str = "hp.json";

type Value<'i> = Spanned<DeValue<'i>>;
type Key<'i> = Spanned<std::borrow::Cow<'i, str>>;

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// If the file cannot be read or is not TOML, has a key that no plan has, or a value that its key cannot have; the
    /// message names the line. Whether its runs are possible is told by [`Plan::runs`].
    pub fn read(path: impl AsRef<Path>) -> Result<Plan> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| Error::io("read", path, source))?;
        let text =
            String::from_utf8(bytes).map_err(|_| Error::file(path, "it is no text (UTF-8)", "Give a plan in TOML"))?;
        let text = text.trim_start_matches('\u{feff}');
        let source = Source { path, text };
        let table = DeTable::parse(text).map_err(|problem| {
            let line = problem.span().map_or(1, |span| source.line(span.start));
            let first = problem.message().lines().next().unwrap_or("it is not TOML");
            Error::file(path, format!("line {line}: {first}"), "Write it as TOML, such as `seeds = [0, 1, 2]`")
        })?;
        source.plan(table.get_ref())
    }

    /// Writes the plan into a folder, whole: what its runs start from goes beside it, where that is no preset.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        if let Start::Given(given) = &self.start {
            write_hyperparameters(&path.with_file_name(START_FILE), given)?;
        }
        write_bytes(path, self.to_toml().as_bytes())
    }

    /// The plan as TOML.
    fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut line = |line: String| {
            text.push_str(&line);
            text.push('\n');
        };
        match &self.start {
            Start::Preset(name) => line(format!("preset = {}", quoted(name))),
            Start::Given(_) => line(format!("hp = {}", quoted(START_FILE))),
        }
        line(format!("seeds = [{}]", self.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")));
        if let Some(trials) = self.max_trials {
            line(format!("max_trials = {trials}"));
        }
        if self.keep != Keep::All {
            line(format!("keep = {}", quoted(&self.keep.to_string())));
        }
        let pair = |(key, value): &KeyValue| format!("{key} = {}", scalar(value));
        if !self.set.is_empty() {
            line(format!("\n[set]\n{}", self.set.iter().map(pair).collect::<Vec<_>>().join("\n")));
        }
        if !self.grid.is_empty() {
            line("\n[grid]".to_owned());
            for (key, values) in &self.grid {
                line(format!("{key} = [{}]", values.iter().map(|value| scalar(value)).collect::<Vec<_>>().join(", ")));
            }
        }
        for entry in &self.list {
            line(format!("\n[[list]]\n{}", entry.iter().map(pair).collect::<Vec<_>>().join("\n")));
        }
        if let Some(Draws { count, seed, keys }) = &self.draws {
            line(format!("\n[draw]\ncount = {count}\nseed = {seed}"));
            for (key, from) in keys {
                let from = match from {
                    Distribution::Choice(values) => {
                        let values = values.iter().map(|value| scalar(value)).collect::<Vec<_>>();
                        format!("choice = [{}]", values.join(", "))
                    }
                    Distribution::Uniform(low, high) => format!("uniform = [{low:?}, {high:?}]"),
                    Distribution::Log(low, high) => format!("log = [{low:?}, {high:?}]"),
                    Distribution::Whole(low, high) => format!("whole = [{low}, {high}]"),
                };
                line(format!("{key} = {{ {from} }}"));
            }
        }
        text
    }
}

/// A text in TOML's quotes, which are JSON's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A value as a person would write it: without quotes where TOML takes it for the same number or word.
fn scalar(value: &str) -> String {
    let plain = DeValue::parse(value).ok().and_then(|parsed| text_of(parsed.get_ref()));
    if plain.as_deref() == Some(value) { value.to_owned() } else { quoted(value) }
}

/// A number, a word or a text as text; none of anything else.
fn text_of(value: &DeValue) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(integer) if integer.radix() == 10 => Some(integer.as_str().trim_start_matches('+').to_owned()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|n| n.to_string()),
        DeValue::Float(float) => Some(float.as_str().trim_start_matches('+').to_owned()),
        DeValue::Boolean(boolean) => Some(boolean.to_string()),
        _ => None,
    }
}

/// The keys of a table as they stand in the file, since the first of a grid changes slowest.
fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t Key<'i>, &'t Value<'i>)> {
    let mut keys: Vec<_> = table.iter().collect();
    keys.sort_by_key(|(key, _)| key.span().start);
    keys
}

/// A plan's file, for messages that say where.
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    /// The line of a place in the text, counted from 1.
    fn line(&self, place: usize) -> usize {
        1 + self.text.bytes().take(place).filter(|byte| *byte == b'\n').count()
    }

    fn wrong<T>(&self, at: &std::ops::Range<usize>, problem: String, remedy: impl Into<String>) -> Result<T> {
        Err(Error::file(self.path, format!("line {}: {problem}", self.line(at.start)), remedy))
    }

    /// A value that its key cannot have.
    fn expected<T>(&self, key: &str, value: &Value, expected: &str) -> Result<T> {
        let found = value.get_ref().type_str();
        let remedy = format!("Write {expected}");
        self.wrong(&value.span(), format!("`{key}` is {found} that cannot be used there"), remedy)
    }

    fn plan(&self, table: &DeTable) -> Result<Plan> {
        for (key, _) in table.iter() {
            if !KEYS.contains(&key.get_ref().as_ref()) {
                let problem = format!("a plan has no key `{}`", key.get_ref());
                let keys = KEYS.join(", ");
                let remedy =
                    format!("Its keys are {keys}; those of hp.json stand under [set], [grid], [[list]] or [draw]");
                return self.wrong(&key.span(), problem, remedy);
            }
        }
        let mut plan = Plan::from_start(self.start(table)?);
        if let Some(seeds) = table.get("seeds") {
            plan.seeds = self.seeds(seeds)?;
        }
        if let Some(trials) = table.get("max_trials") {
            plan.max_trials = Some(self.number(trials, "max_trials", "a whole number of trials")?);
        }
        if let Some(keep) = table.get("keep") {
            let text = text_of(keep.get_ref()).unwrap_or_default();
            plan.keep = match text.parse() {
                Ok(keep) => keep,
                Err(error) => return self.wrong(&keep.span(), error.to_string(), "Correct the line"),
            };
        }
        if let Some(set) = table.get("set") {
            plan.set = self.pairs("set", set)?;
        }
        if let Some(grid) = table.get("grid") {
            for (key, values) in in_order(self.table("grid", grid)?) {
                let key = self.hyperparameter(key)?;
                let values = self.values(&key, values)?;
                plan.grid.push((key, values));
            }
        }
        if let Some(list) = table.get("list") {
            let Some(entries) = list.get_ref().as_array() else {
                return self.expected("list", list, "each entry as a table [[list]]");
            };
            plan.list = entries.iter().map(|entry| self.pairs("list", entry)).collect::<Result<_>>()?;
        }
        if let Some(draw) = table.get("draw") {
            plan.draws = Some(self.draws(draw)?);
        }
        self.own_tasks(table, &mut plan)?;
        Ok(plan)
    }

    fn start(&self, table: &DeTable) -> Result<Start> {
        match (table.get(PRESET), table.get("hp")) {
            (None, None) => Ok(Start::Preset("paper".to_owned())),
            (Some(preset), None) => match preset.get_ref().as_str() {
                Some(name) => Ok(Start::Preset(name.to_owned())),
                None => self.expected(PRESET, preset, "the name of one; several stand under [grid]"),
            },
            (None, Some(hp)) => match hp.get_ref().as_str() {
                Some(file) => Ok(Start::Given(Box::new(Hyperparameters::read(self.beside(file))?))),
                None => self.expected("hp", hp, "the path of an hp.json"),
            },
            (Some(_), Some(hp)) => {
                let problem = "a plan starts from `preset` or from `hp`, not from both".to_owned();
                self.wrong(&hp.span(), problem, "Leave one of them out")
            }
        }
    }

    /// A path that the plan names.
    fn beside(&self, file: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(file)
    }

    /// Makes the plan's own tasks known; its runs then start from hyper-parameters that hold them.
    fn own_tasks(&self, table: &DeTable, plan: &mut Plan) -> Result<()> {
        let Some(tasks) = table.get("tasks") else { return Ok(()) };
        let Some(files) = tasks.get_ref().as_array() else {
            return self.expected("tasks", tasks, "a list of files, such as [\"my-task.json\"]");
        };
        let mut rules = Vec::new();
        for file in files.iter() {
            let Some(name) = file.get_ref().as_str() else {
                return self.expected("tasks", file, "the path of a file that defines a task");
            };
            rules.push(Rule::define(TaskDefinition::read(self.beside(name))?)?);
        }
        // Beside the rules that the plan trains, if it names any, as `maturation train --task` has it.
        let trained = plan.set.iter().find(|(key, _)| key == "rule_trains").map(|(_, rules)| rules.clone());
        let mut all = Vec::new();
        for name in trained.iter().flat_map(|rules| rules.split(',')) {
            let rule: Rule = name.trim().parse()?;
            if !all.contains(&rule) {
                all.push(rule);
            }
        }
        all.extend(rules.into_iter().filter(|rule| !all.contains(rule)).collect::<Vec<_>>());
        let mut start = match &plan.start {
            Start::Preset(name) => Hyperparameters::preset(name)?,
            Start::Given(given) => (**given).clone(),
        };
        start.set("ruleset", Ruleset::of(&all)?.name())?;
        plan.start = Start::Given(Box::new(start));
        Ok(())
    }

    fn seeds(&self, value: &Value) -> Result<Vec<u64>> {
        const EXPECTED: &str = "a list such as [0, 1, 2], or { first = 0, count = 20 }";
        match value.get_ref() {
            DeValue::Array(seeds) => seeds.iter().map(|seed| self.number(seed, "seeds", EXPECTED)).collect(),
            DeValue::Table(range) => {
                for (key, _) in range.iter() {
                    if !["first", "count"].contains(&key.get_ref().as_ref()) {
                        let problem = format!("`seeds` has no key `{}`", key.get_ref());
                        return self.wrong(&key.span(), problem, format!("Write {EXPECTED}"));
                    }
                }
                let first: u64 = range.get("first").map_or(Ok(0), |first| self.number(first, "first", EXPECTED))?;
                let Some(count) = range.get("count") else { return self.expected("seeds", value, EXPECTED) };
                let many: u64 = self.number(count, "count", EXPECTED)?;
                match first.checked_add(many).filter(|_| many <= MOST as u64) {
                    Some(end) => Ok((first..end).collect()),
                    None => {
                        let problem = format!("{many} seeds from {first} on are too many");
                        self.wrong(&count.span(), problem, format!("A plan has {MOST} runs at the most"))
                    }
                }
            }
            _ => self.expected("seeds", value, EXPECTED),
        }
    }

    fn number<T: std::str::FromStr>(&self, value: &Value, key: &str, expected: &str) -> Result<T> {
        match text_of(value.get_ref()).map(|text| text.parse()) {
            Some(Ok(number)) => Ok(number),
            _ => self.expected(key, value, expected),
        }
    }

    fn table<'t, 'i>(&self, key: &str, value: &'t Value<'i>) -> Result<&'t DeTable<'i>> {
        match value.get_ref().as_table() {
            Some(table) => Ok(table),
            None => self.expected(key, value, &format!("a table: [{key}], then a line for each key")),
        }
    }

    /// A key that a plan may change.
    fn hyperparameter(&self, key: &Key) -> Result<String> {
        let name = key.get_ref().as_ref();
        if name == "seed" {
            let problem = "`seed` is no key to vary here".to_owned();
            return self.wrong(&key.span(), problem, "Give the seeds at the top of the plan: seeds = [0, 1, 2]");
        }
        let known = Hyperparameters::paper().to_json()?;
        if name == PRESET || name == "curriculum" || known.contains_key(name) {
            return Ok(name.to_owned());
        }
        let names = known.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let problem = format!("there is no hyper-parameter `{name}`");
        self.wrong(&key.span(), problem, format!("Choose one of {names}, or {PRESET}"))
    }

    fn pairs(&self, place: &str, value: &Value) -> Result<Vec<KeyValue>> {
        let table = self.table(place, value)?;
        let pair = |(key, value): (&Key, &Value)| Ok((self.hyperparameter(key)?, self.value(key.get_ref(), value)?));
        in_order(table).into_iter().map(pair).collect()
    }

    /// One value of a key; a list is the value of a key that takes lists.
    fn value(&self, key: &str, value: &Value) -> Result<String> {
        let one = |value: &Value| match text_of(value.get_ref()) {
            Some(text) => Ok(text),
            None => self.expected(key, value, "a number, a word or a text in quotes"),
        };
        match value.get_ref().as_array() {
            Some(items) => {
                let items = items.iter().map(one).collect::<Result<Vec<_>>>()?;
                Ok(items.join(if key == "curriculum" { "; " } else { "," }))
            }
            None => one(value),
        }
    }

    /// The values of a key of the grid.
    fn values(&self, key: &str, values: &Value) -> Result<Vec<String>> {
        let Some(items) = values.get_ref().as_array() else {
            return self.expected(key, values, "a list of values; a single one stands under [set]");
        };
        items.iter().map(|value| self.value(key, value)).collect()
    }

    fn draws(&self, value: &Value) -> Result<Draws> {
        let table = self.table("draw", value)?;
        let Some(count) = table.get("count") else {
            return self.wrong(&value.span(), "[draw] has no `count`".to_owned(), "Say how often to draw: count = 10");
        };
        let mut draws = Draws { count: self.number(count, "count", "a whole number")?, seed: 0, keys: Vec::new() };
        if let Some(seed) = table.get("seed") {
            draws.seed = self.number(seed, "seed", "a whole number")?;
        }
        for (key, value) in in_order(table) {
            if ["count", "seed"].contains(&key.get_ref().as_ref()) {
                continue;
            }
            let key = self.hyperparameter(key)?;
            let from = self.distribution(&key, value)?;
            draws.keys.push((key, from));
        }
        Ok(draws)
    }

    fn distribution(&self, key: &str, value: &Value) -> Result<Distribution> {
        const EXPECTED: &str = "{ choice = [...] }, or two ends: { uniform = [0.0, 0.1] }, { log = [1e-4, 1e-2] } or \
                                { whole = [16, 64] }";
        let of = value.get_ref().as_table().filter(|table| table.len() == 1).and_then(|table| table.iter().next());
        let Some((kind, values)) = of else { return self.expected(key, value, EXPECTED) };
        let items = values.get_ref().as_array();
        let two = || match items.map(|items| items.iter().collect::<Vec<_>>()).as_deref() {
            Some([low, high]) => Ok((*low, *high)),
            _ => self.expected(key, values, EXPECTED),
        };
        let ends = || {
            let (low, high) = two()?;
            Ok::<_, Error>((self.number(low, key, EXPECTED)?, self.number(high, key, EXPECTED)?))
        };
        match kind.get_ref().as_ref() {
            "choice" => Ok(Distribution::Choice(self.values(key, values)?)),
            "uniform" => ends().map(|(low, high)| Distribution::Uniform(low, high)),
            "log" => ends().map(|(low, high)| Distribution::Log(low, high)),
            "whole" => {
                let (low, high) = two()?;
                Ok(Distribution::Whole(self.number(low, key, EXPECTED)?, self.number(high, key, EXPECTED)?))
            }
            other => {
                let problem = format!("`{key}` cannot be drawn by `{other}`");
                self.wrong(&kind.span(), problem, format!("Write {EXPECTED}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Plan> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.toml");
        std::fs::write(&path, text).unwrap();
        Plan::read(&path)
    }

    #[test]
    fn a_plan_survives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.toml");
        let plans = [
            Plan::of_preset("units-64").seeds(0..3),
            Plan::of_preset("paper")
                .set("rule_trains", "odr,gap")
                .set("l2_weight", 1e-7)
                .grid("activation", ["softplus", "tanh"])
                .grid("n_rnn", [16, 32])
                .draw(2, 5, [("learning_rate", Distribution::Log(1e-4, 1e-2)), ("tau", Distribution::Whole(50, 100))])
                .max_trials(640)
                .keep(Keep::Every(4)),
            Plan::of_preset("paper")
                .entry([("n_rnn", "16"), ("rule_trains", "odr"), ("curriculum", "odr delay1=500; odr")])
                .entry([("n_rnn", "32")])
                .seeds([7]),
            Plan::of_preset("paper").draw(
                1,
                0,
                [
                    ("sigma_rec", Distribution::Uniform(0.0, 0.1)),
                    ("w_rec_init", Distribution::Choice(vec!["diag".to_owned(), "randortho".to_owned()])),
                ],
            ),
        ];
        for plan in plans {
            plan.write(&path).unwrap();
            assert_eq!(Plan::read(&path).unwrap(), plan, "{}", plan.to_toml());
            assert!(!plan.runs().unwrap().is_empty());
        }
        let own = Hyperparameters { n_rnn: 12, seed: 3, ..Hyperparameters::paper() };
        let plan = Plan::new(own.clone());
        plan.write(&path).unwrap();
        let runs = Plan::read(&path).unwrap().runs().unwrap();
        assert_eq!((runs.len(), runs[0].hyperparameters.n_rnn, runs[0].hyperparameters.seed), (1, 12, 3));
    }

    #[test]
    fn seeds_are_a_list_or_a_count_and_values_are_numbers_words_or_lists() {
        let plan = read(
            "seeds = { first = 3, count = 2 }\n[set]\nrule_trains = ['odr', 'gap']\nuse_separate_input = true\n\
             [grid]\nlearning_rate = [1e-3, 0x10, 1_0.5]\nrule_probs = [[1, 3], 'none']\n",
        )
        .unwrap();
        assert_eq!(plan.seeds, [3, 4]);
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(plan.set, [pair("rule_trains", "odr,gap"), pair("use_separate_input", "true")]);
        let values = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        assert_eq!(plan.grid[0], ("learning_rate".to_owned(), values(&["1e-3", "16", "10.5"])));
        assert_eq!(plan.grid[1], ("rule_probs".to_owned(), values(&["1,3", "none"])));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_a_remedy() {
        let cases = [
            ("seeds = [0\nn_rnn = 3\n", "line 2:", "TOML"),
            ("seeds = [0]\n\nseedz = [1]\n", "line 3: a plan has no key `seedz`", "seeds"),
            ("[set]\nn_rnns = 64\n", "line 2: there is no hyper-parameter `n_rnns`", "n_rnn,"),
            ("[grid]\n\nn_rnn = 64\n", "line 3: `n_rnn` is integer", "[set]"),
            ("[grid]\nseed = [1, 2]\n", "line 2: `seed` is no key to vary here", "seeds = [0, 1, 2]"),
            ("[set]\nn_rnn = { a = 1 }\n", "line 2: `n_rnn` is", "a number"),
            ("seeds = 3\n", "line 1: `seeds` is integer", "count = 20"),
            ("seeds = [-1]\n", "line 1: `seeds` is integer", "[0, 1, 2]"),
            ("seeds = { from = 1 }\n", "line 1: `seeds` has no key `from`", "first"),
            ("seeds = { count = 100001 }\n", "line 1: 100001 seeds from 0 on are too many", "100000 runs"),
            ("max_trials = 1.5\n", "line 1: `max_trials` is float", "whole number"),
            ("keep = 'some'\n", "line 1: checkpoints cannot be kept by `some`", "every 4"),
            ("\npreset = 'paper'\nhp = 'hp.json'\n", "line 3: a plan starts from", "Leave one"),
            ("preset = ['paper', 'tanh']\n", "line 1: `preset` is array", "[grid]"),
            ("list = 3\n", "line 1: `list` is integer", "[[list]]"),
            ("[draw]\nsigma_rec = { uniform = [0, 1] }\n", "[draw] has no `count`", "count = 10"),
            (
                "[draw]\ncount = 2\nsigma_rec = { gauss = [0, 1] }\n",
                "line 3: `sigma_rec` cannot be drawn by",
                "uniform",
            ),
            ("[draw]\ncount = 2\nsigma_rec = { uniform = [0] }\n", "line 3: `sigma_rec` is array", "two ends"),
            ("[draw]\ncount = 2\nsigma_rec = 3\n", "line 3: `sigma_rec` is integer", "choice"),
            ("tasks = 'mine.json'\n", "line 1: `tasks` is string", "my-task.json"),
        ];
        for (text, problem, remedy) in cases {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains("plan.toml") && message.contains(problem), "{text}: {message}");
            assert!(message.contains(remedy), "{text}: {message}");
        }
        assert!(read("hp = 'not-there.json'\n").unwrap_err().is_missing_file());
        assert!(read("tasks = ['not-there.json']\n").unwrap_err().is_missing_file());
    }
}
