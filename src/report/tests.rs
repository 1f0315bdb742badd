//! Names that look like markup or a script stay names, wherever they are shown: on the page of a run, in figures as
//! pages and as vector graphics, in plotly's JSON, in tables of a notebook.
//!
//! `MATURATION_HOSTILE=FOLDER` keeps what is made of them, for `tests/browser/hostile.py` to open in a browser.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::{Arc, Mutex};

use ndarray::Array3;
use polars::prelude::*;
use serde_json::Value;

use crate::activity::RingLabels;
use crate::analysis::{DecoderOptions, Evidence, claims};
use crate::error::{Error, Result};
use crate::figures::{self, About, ChartAbout, Figure, ImageFormat, Page, Section, TableSection};
use crate::hyperparameters::Hyperparameters;
use crate::network::{Cost, CpuEngine, Engine, Network, Rollout, SweepNoise, Values};
use crate::notebook::html_table;
use crate::readout::{Readout, ReadoutOptions};
use crate::tasks::{Rule, Ruleset, Trials};
use crate::training::{Run, Training};

/// What an attacker would call something, if its name were shown as it is.
const HOSTILE: [&str; 9] = [
    "<script>hostile()</script>",
    "</script><script>hostile()</script>",
    "\"><img src=x onerror=hostile()>",
    "'\"><svg onload=hostile()>",
    "<a href=\"javascript:hostile()\">here</a>",
    "<b onmouseover=\"hostile()\">here</b>",
    "<!--<script>hostile()",
    "');hostile();//\u{2028}hostile()//",
    "&lt;img src=x onerror=hostile()&gt;",
];
const HARMLESS: &str = "name";

/// The tags of a document in their order, each with the names of its attributes, and what its scripts say.
#[derive(Debug, Default, PartialEq)]
struct Skeleton {
    tags: Vec<String>,
    scripts: Vec<String>,
}

impl Skeleton {
    /// Reads a document as a browser does: tags begin with `<` and a letter or a slash, values may stand in quotes, and
    /// what is in some elements is no markup up to the tag that ends them.
    fn of(document: &str) -> Skeleton {
        let mut found = Skeleton::default();
        let mut rest = document;
        while let Some(place) = rest.find('<') {
            rest = &rest[place + 1..];
            if let Some(comment) = rest.strip_prefix("!--") {
                rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
                continue;
            }
            if !rest.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/') {
                continue;
            }
            let (tag, after) = Skeleton::tag(rest);
            rest = after;
            let name = tag.split(' ').next().unwrap_or_default().to_ascii_lowercase();
            if ["script", "style", "title", "textarea"].contains(&name.as_str()) {
                let lower = rest.to_ascii_lowercase();
                let end = lower.find(&format!("</{name}")).unwrap_or(rest.len());
                if name == "script" {
                    found.scripts.push(rest[..end].to_owned());
                }
                rest = &rest[end..];
            }
            found.tags.push(tag);
        }
        found
    }

    /// The name of a tag and those of its attributes, with the values that a browser would run or open, and what comes
    /// after it.
    fn tag(text: &str) -> (String, &str) {
        let ends_name = |letter: char| letter.is_whitespace() || "/>=".contains(letter);
        let name_end = text[1..].find(ends_name).map_or(text.len(), |end| end + 1);
        let (name, mut rest) = text.split_at(name_end);
        let mut tag = name.to_ascii_lowercase();
        loop {
            rest = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '/');
            if rest.is_empty() || rest.starts_with('>') {
                return (tag, rest.strip_prefix('>').unwrap_or(rest));
            }
            let (attribute, after) = rest.split_at(rest[1..].find(ends_name).map_or(rest.len(), |end| end + 1));
            let value;
            (value, rest) = match after.trim_start().strip_prefix('=').map(str::trim_start) {
                None => ("", after),
                Some(given) => match given.chars().next().filter(|quote| ['"', '\''].contains(quote)) {
                    Some(quote) => given[1..].split_once(quote).unwrap_or((&given[1..], "")),
                    None => {
                        given.split_at(given.find(|end: char| end.is_whitespace() || end == '>').unwrap_or(given.len()))
                    }
                },
            };
            tag.push_str(&format!(" {attribute}"));
            if attribute.starts_with("on") {
                let call = value.strip_prefix("download('").and_then(|rest| rest.strip_suffix(".csv')"));
                let is_plain = |letter: char| letter.is_alphanumeric() || "-_', ".contains(letter);
                assert!(call.is_some_and(|call| call.chars().all(is_plain)), "{attribute}={value}");
                assert_eq!(value.matches('\'').count(), 4, "{attribute}={value}");
            }
            if ["href", "src"].contains(&attribute) {
                assert!(value.starts_with('#') || value.starts_with("data:image/png;base64,"), "{attribute}={value}");
            }
        }
    }

    /// The figures in its scripts, which must be JSON between the words that draw them.
    fn figures(&self) -> Vec<Value> {
        let drawn = self.scripts.iter().filter_map(|script| script.strip_prefix("(function() { const figure = "));
        let json = |script: &str| {
            assert!(!script.contains(['\u{2028}', '\u{2029}']), "older browsers end a line there");
            let (json, call) = script.split_once(";\ndocument.getElementById('").expect("the call");
            assert_eq!(call.matches('\n').count(), 1, "{call}");
            serde_json::from_str(&json.replace("<\\!--", "<!--")).expect("JSON")
        };
        drawn.map(json).collect()
    }
}

/// All strings in a JSON value.
fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| strings(value, found)),
        Value::Object(values) => values.iter().for_each(|(key, value)| {
            found.push(key.clone());
            strings(value, found);
        }),
        _ => {}
    }
}

/// Whether plotly.js finds none but the crate's own markup in a figure.
fn assert_tame(figure: &Value, place: &str) {
    let mut all = Vec::new();
    strings(figure, &mut all);
    let own = ["br>", "b>", "i>", "sup>", "sub>", "extra>", "span>", "span style=\"color:#"];
    for text in all {
        for tag in text.split('<').skip(1) {
            let tag = tag.strip_prefix('/').unwrap_or(tag);
            assert!(own.iter().any(|own| tag.starts_with(own)), "{place}: {text}");
        }
    }
}

/// Figures in which everything that can be called something is called this.
fn all_figures(name: &str) -> Vec<(&'static str, Figure)> {
    let about = About { ring: RingLabels { labels: vec![name.to_owned(); 8], first_degrees: 0.0 }, ..About::new(name) };
    let chart = ChartAbout::of(name, "value").grouped_by("group").titled(name);
    let mut table =
        df!["x" => [1.0, 2.0], "value" => [1.0, 2.0], "group" => [name, name], "category" => [name, name]].unwrap();
    table.rename("x", name.into()).unwrap();
    let growth = df!["trials_trained" => [0_u64, 1], "rule" => [name, name], "smoothed" => [0.1, 0.2]].unwrap();
    let agreement = df![
        "trials_trained" => [0_u64], "first" => [name], "second" => [name], "first_stage" => [name],
        "second_stage" => [name], "first_selective" => [1_u32], "second_selective" => [1_u32], "both" => [1_u32],
        "same" => [1_u32], "different" => [0_u32],
    ];
    let psth = df![
        "group" => [name, name], "direction" => [name, name], "time_ms" => [0.0, 20.0], "activity" => [1.0, 2.0],
        "units" => [1.0, 1.0],
    ];
    let lesion = df!["rule" => [name], "target" => [name], "share" => [0.5], "performance" => [0.5]];
    let scores =
        df!["component" => [name, name], "location" => [0_u32, 0], "time_ms" => [0.0, 20.0], "score" => [1.0, 2.0]];
    let explained = df!["component" => [name], "explained_variance_ratio" => [0.5]];
    let decoder = df!["train_ms" => [0.0, 20.0], "test_ms" => [0.0, 20.0], "accuracy" => [1.0, 1.0]].unwrap();
    let options = DecoderOptions::default();
    let bars = ChartAbout::of("category", "value").grouped_by("group").with_axes(name, name);
    vec![
        ("lines", figures::lines(&table, &chart).unwrap()),
        ("points", figures::points(&table, &chart).unwrap()),
        ("bars", figures::bars(&table, &bars.titled(name)).unwrap()),
        ("heatmap", figures::heatmap(&table, name, &ChartAbout::of("value", "value").titled(name)).unwrap()),
        ("performance_growth", figures::performance_growth_of(&growth).unwrap()),
        ("agreement", figures::agreement(&agreement.unwrap()).unwrap()),
        ("psth", figures::psth(&psth.unwrap(), &about).unwrap()),
        ("lesion", figures::lesion(&lesion.unwrap(), name).unwrap()),
        ("pca", figures::pca(&scores.unwrap(), &explained.unwrap(), &about).unwrap()),
        ("decoder", figures::decoder_compared((name, &decoder), (name, &decoder), &options, &about).unwrap()),
    ]
}

/// A page in which everything is called this.
fn page(name: &str) -> Page {
    let (text, table) = (|| name.to_owned(), df![name => [name, "b"], "value" => [1, 2]].unwrap());
    let figure = all_figures(name).swap_remove(0).1;
    Page {
        title: text(),
        about: text(),
        tables: vec![TableSection {
            id: format!("table-{name}"),
            title: text(),
            text: text(),
            columns: vec![(text(), text())],
            table: table.clone(),
        }],
        sections: vec![Section { id: text(), title: text(), text: text(), figure, table }],
        left_out: vec![(text(), text())],
        facts: vec![(text(), text())],
    }
}

/// Documents in which everything is called this, each with where it is.
fn documents(name: &str) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let mut made = vec![("page.html".to_owned(), page(name).html().unwrap())];
    for (what, figure) in all_figures(name) {
        let path = folder.path().join("figure.html");
        figure.save(&path).unwrap();
        made.push((format!("{what}.html"), std::fs::read_to_string(path).unwrap()));
        let svg = String::from_utf8(figure.image(ImageFormat::Svg).unwrap()).unwrap();
        made.push((format!("{what}.svg"), svg));
    }
    let table = df![name => [name, "b"], "number" => [1.5, 2.5]].unwrap();
    made.push(("table.html".to_owned(), html_table(&table)));
    made
}

#[test]
fn no_name_becomes_markup_or_a_script() {
    let expected = documents(HARMLESS);
    for (number, name) in HOSTILE.into_iter().enumerate() {
        for ((place, document), (_, harmless)) in documents(name).iter().zip(&expected) {
            let [skeleton, plain] = [document, harmless].map(|document| Skeleton::of(document));
            let place = format!("{place} of {name:?}");
            if !place.contains(".svg") {
                assert_eq!(skeleton.tags, plain.tags, "{place}");
            }
            assert_eq!(skeleton.scripts.len(), plain.scripts.len(), "{place}");
            let figures = skeleton.figures();
            assert_eq!(figures.len(), plain.figures().len(), "{place}");
            figures.iter().for_each(|figure| assert_tame(figure, &place));
            if let Some(folder) = std::env::var_os("MATURATION_HOSTILE") {
                let file = place.split(' ').next().unwrap();
                std::fs::write(Path::new(&folder).join(format!("{number}-{file}")), document).unwrap();
            }
        }
    }
}

/// Lines of text fall otherwise where a name is longer: what a vector graphic may hold is listed.
#[test]
fn vector_graphics_hold_shapes_and_text_alone() {
    for name in HOSTILE {
        for (place, document) in documents(name).iter().filter(|(place, _)| place.ends_with(".svg")) {
            for tag in Skeleton::of(document).tags {
                let (element, attributes) = tag.split_once(' ').unwrap_or((&tag, ""));
                let known = [
                    "svg",
                    "title",
                    "g",
                    "rect",
                    "path",
                    "line",
                    "circle",
                    "text",
                    "tspan",
                    "image",
                    "defs",
                    "clippath",
                    "lineargradient",
                    "stop",
                    "polyline",
                    "polygon",
                    "style",
                ];
                assert!(known.contains(&element.trim_start_matches('/')), "{place} of {name}: {tag}");
                assert!(!attributes.split(' ').any(|name| name.starts_with("on")), "{place} of {name}: {tag}");
            }
        }
    }
}

/// A folder may be called anything but what has a slash in it.
#[test]
fn a_run_in_a_folder_with_a_hostile_name_has_a_harmless_page() {
    let parent = tempfile::tempdir().unwrap();
    let hyperparameters = Hyperparameters {
        n_rnn: 8,
        batch_size_test: 64,
        display_step: 20,
        ruleset: Ruleset::of(&[Rule::GAP]).unwrap(),
        rule_trains: vec![Rule::GAP],
        ..Hyperparameters::paper()
    };
    let page = |name: &str| {
        let folder = parent.path().join(name);
        let run = Training::new(hyperparameters.clone()).quiet().max_trials(1280).train(&folder).unwrap();
        let page = Page { about: super::about(&run).unwrap(), facts: super::facts(&run).unwrap(), ..Page::default() };
        let sections = super::part("performance-growth").unwrap().sections(&run).unwrap();
        (Page { sections, ..page }.html().unwrap(), Run::open(&folder).unwrap())
    };
    let name = "\"><img src=x onerror=hostile()><!--";
    let ((hostile, run), (harmless, _)) = (page(name), page(HARMLESS));
    assert_eq!(Skeleton::of(&hostile).tags, Skeleton::of(&harmless).tags);
    assert!(hostile.contains("&lt;img src=x onerror=hostile()&gt;&lt;!--"), "it is shown as it is");
    assert!(run.path().ends_with(name));
    // What a run's files say is looked at before it is shown: no rule has such a name.
    let path = run.path().join("hp.json");
    let text = std::fs::read_to_string(&path).unwrap().replace("\"gap\"", "\"<img src=x onerror=hostile()>\"");
    std::fs::write(&path, text).unwrap();
    assert!(Run::open(run.path()).unwrap_err().to_string().contains("<img src=x"));
}

/// The reader of this test finds what it should: it would not pass whatever is made.
#[test]
fn markup_is_found_where_there_is_some() {
    for name in HOSTILE.into_iter().take(6) {
        let document = format!("<p title=\"{name}\">{name}</p><script>const name = '{name}';</script>");
        let plain = format!("<p title=\"{HARMLESS}\">{HARMLESS}</p><script>const name = '{HARMLESS}';</script>");
        let [found, plain] = [document, plain]
            .map(|document| std::panic::catch_unwind(|| Skeleton::of(&document).tags).unwrap_or_default());
        assert_ne!(found, plain, "{name}");
    }
}

/// Counts what it is asked for; fails at it if it is to.
#[derive(Debug)]
struct Counting {
    engine: CpuEngine,
    /// Activities and batches of answers, each network, inputs and noise as one number.
    asked: Arc<Mutex<[Vec<u64>; 2]>>,
    fails: bool,
}

impl Counting {
    fn count(&self, kind: usize, network: &Network, inputs: &Array3<f32>, noise: SweepNoise) -> Result<()> {
        let mut hasher = DefaultHasher::new();
        let weights = network.parameters().iter().flat_map(|parameter| parameter.tensor.as_vec());
        weights.chain(inputs.iter().copied()).for_each(|value| value.to_bits().hash(&mut hasher));
        format!("{noise:?}").hash(&mut hasher);
        self.asked.lock().unwrap()[kind].push(hasher.finish());
        if self.fails { Err(Error::argument("a rate is not finite", "take another network")) } else { Ok(()) }
    }
}

impl Engine for Counting {
    fn description(&self) -> String {
        self.engine.description()
    }

    fn run(&mut self, network: &Network, inputs: &Array3<f32>, noise: SweepNoise) -> Result<Rollout> {
        self.count(0, network, inputs, noise)?;
        self.engine.run(network, inputs, noise)
    }

    fn evaluate(&mut self, network: &Network, trials: &Trials, noise: SweepNoise) -> Result<(Cost, Array3<f32>)> {
        self.count(1, network, &trials.inputs, noise)?;
        self.engine.evaluate(network, trials, noise)
    }

    fn gradients(&mut self, network: &Network, trials: &Trials, noise: SweepNoise) -> Result<(Cost, Values)> {
        self.engine.gradients(network, trials, noise)
    }
}

/// A small run of the rules that most parts take.
fn small_run(folder: &Path) -> Run {
    let rules = [Rule::ODR, Rule::ODRD, Rule::GAP];
    let hyperparameters = Hyperparameters {
        n_rnn: 8,
        batch_size_test: 64,
        display_step: 20,
        ruleset: Ruleset::of(&rules).unwrap(),
        rule_trains: rules.to_vec(),
        ..Hyperparameters::paper()
    };
    Training::new(hyperparameters).quiet().max_trials(3840).train(folder).unwrap()
}

fn counted(run: &Run, fails: bool) -> (Page, [Vec<u64>; 2]) {
    let asked = Arc::default();
    let engine = Counting { engine: CpuEngine::new(2).unwrap(), asked: Arc::clone(&asked), fails };
    let page = super::page_by(Readout::on(engine, ReadoutOptions::default()), run, &mut |_| {}).unwrap();
    let asked = asked.lock().unwrap().clone();
    (page, asked)
}

#[test]
fn the_page_reads_everything_out_once_and_shows_what_each_part_shows_alone() {
    let folder = tempfile::tempdir().unwrap();
    let run = small_run(folder.path());
    let checkpoints = run.checkpoints().unwrap().len();
    assert!(checkpoints > 2);
    let (page, asked) = counted(&run, false);
    assert_eq!(asked.each_ref().map(Vec::len), [3 * checkpoints, (64 + 2 * 8) * checkpoints]);
    for asked in asked {
        assert_eq!(asked.iter().collect::<BTreeSet<_>>().len(), asked.len(), "something is read out twice");
    }
    let alone: Vec<Section> = super::PARTS.iter().filter_map(|part| part.sections(&run).ok()).flatten().collect();
    assert_eq!(page.sections.len(), alone.len());
    assert!(page.sections.len() > 15, "{}", page.sections.len());
    for (together, alone) in page.sections.iter().zip(&alone) {
        assert_eq!((&together.id, &together.text), (&alone.id, &alone.text));
        assert!(together.table.equals_missing(&alone.table), "{}", alone.id);
        assert_eq!(together.figure.json(), alone.figure.json(), "{}", alone.id);
    }
    let evidence = Evidence::default().complete(&run, &ReadoutOptions::default()).unwrap();
    assert!(page.tables[0].table.equals_missing(&claims(&run, evidence, &ReadoutOptions::default()).unwrap()));
}

#[test]
fn where_not_all_can_be_read_out_each_part_is_made_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let run = small_run(folder.path());
    let (expected, _) = counted(&run, false);
    let (page, [activities, _]) = counted(&run, true);
    assert!(!activities.is_empty());
    let tables = |page: &Page| page.sections.iter().map(|section| section.table.clone()).collect::<Vec<_>>();
    let pairs = tables(&page).into_iter().zip(tables(&expected));
    assert!(pairs.into_iter().all(|(found, expected)| found.equals_missing(&expected)));
    assert_eq!((page.sections.len(), page.left_out), (expected.sections.len(), expected.left_out));
    assert!(page.tables[0].table.equals_missing(&expected.tables[0].table));
}
