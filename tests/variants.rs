//! Every published network: trained for a moment, then shown on the page, with the figures that the authors drew of it.

use std::path::Path;
use std::process::Command;

use maturation::prelude::*;

/// What the published analysis script draws of one of its runs, beside the growth of performance: each rule and epoch
/// whose selective units it shows over the trial, the rules whose saccades it counts, and whether distractors.
struct Drawn {
    published: &'static [&'static str],
    psth: &'static [&'static str],
    saccade: &'static [&'static str],
    distractor: bool,
}

/// The delayed responses, which most runs are drawn for.
const DELAYED: &[&str] = &["odr-stim1", "odr-delay1", "odrd-stim1", "odrd-delay1", "odrd-delay2"];

const DRAWN: [Drawn; 10] = [
    Drawn {
        published: &[
            "set1_exp1",
            "set1_exp2",
            "set1_exp3",
            "set1_exp4",
            "set2_exp1",
            "set2_exp2",
            "set2_exp3",
            "set3_exp1",
            "set3_exp2",
            "set4_exp1",
            "set5_exp1",
        ],
        psth: DELAYED,
        saccade: &[],
        distractor: false,
    },
    Drawn {
        published: &["set6_exp1"],
        psth: &["odr3000-stim1", "odr3000-delay1", "odrd-stim1", "odrd-delay1", "odrd-delay2"],
        saccade: &[],
        distractor: false,
    },
    Drawn {
        published: &["set6_exp2"],
        psth: &["odr6000-stim1", "odr6000-delay1", "odrd-stim1", "odrd-delay1", "odrd-delay2"],
        saccade: &[],
        distractor: false,
    },
    Drawn {
        published: &["indi_odrd"],
        psth: &["odrd-stim1", "odrd-delay1", "odrd-delay2"],
        saccade: &[],
        distractor: true,
    },
    Drawn { published: &["indi_odr_odrd"], psth: DELAYED, saccade: &["odr"], distractor: true },
    Drawn { published: &["indi_overlap"], psth: &["overlap-stim1"], saccade: &["overlap"], distractor: false },
    Drawn { published: &["indi_gap"], psth: &["gap-stim1"], saccade: &["gap"], distractor: false },
    Drawn { published: &["indi_zero_gap"], psth: &["zero-gap-stim1"], saccade: &["zero-gap"], distractor: false },
    Drawn {
        published: &["set7_exp1", "set7_exp2"],
        psth: &[
            "odr-stim1",
            "odr-delay1",
            "odrd-stim1",
            "odrd-delay1",
            "odrd-delay2",
            "overlap-stim1",
            "zero-gap-stim1",
            "gap-stim1",
        ],
        saccade: &["zero-gap", "gap", "overlap", "odr"],
        distractor: true,
    },
    // Runs that the script draws the growth of performance of, and no more, for want of learning, or not at all.
    Drawn {
        published: &["set2_exp4", "set4_exp2", "set4_exp3", "set5_exp2", "set6_exp3", "indi_odr", "6tasks"],
        psth: &[],
        saccade: &[],
        distractor: false,
    },
];

fn maturation(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_maturation")).args(arguments).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!message.contains("panicked"), "{arguments:?}: {message}");
    (output.status.success(), message)
}

/// Trains 2,000 trials of a preset and makes its page, in which all that was drawn of it must be.
fn check(preset: &Preset, folder: &Path) {
    let name = preset.name;
    let (run, out) = (folder.join(name), folder.join(format!("{name}-page")));
    let (run, out) = (run.to_str().unwrap(), out.to_str().unwrap());
    // The number of units makes no difference to what a variant is, where it is not the variant itself.
    let smaller = preset.hyperparameters().n_rnn == Hyperparameters::paper().n_rnn;
    let units = if smaller { "n_rnn=32" } else { "display_step=20" };
    let (trained, message) = maturation(&[
        "train",
        run,
        "--preset",
        name,
        "--max-trials",
        "2000",
        "--set",
        units,
        "--set",
        "batch_size_test=64",
    ]);
    if trained {
        assert!(Run::open(run).unwrap().last().unwrap().trials_trained() >= 1280, "{name}");
    } else {
        // With fewer units or other noise a network that diverges may do so at another step.
        assert!(preset.outcome.contains("diverges"), "{name}: {message}");
        for word in ["the cost of rule", "at step", "the last good checkpoint is 0"] {
            assert!(message.contains(word), "{name}: '{word}' is not in: {message}");
        }
    }
    let (made, message) = maturation(&["reproduce", run, "--out", out]);
    assert!(made, "{name}: {message}");
    let html = std::fs::read_to_string(Path::new(out).join("index.html")).unwrap();
    let section = |id: String| assert!(html.contains(&format!("<section id=\"{id}\">")), "{name}: no {id}: {message}");
    let drawn = DRAWN.iter().find(|drawn| drawn.published.contains(&preset.published)).unwrap();
    section("performance-growth".to_owned());
    drawn.psth.iter().for_each(|of| section(format!("psth-{of}")));
    drawn.saccade.iter().for_each(|rule| section(format!("saccade-{rule}")));
    if drawn.distractor {
        section("distractor".to_owned());
    }
    // Whatever is not there is said, with the reason.
    for line in message.lines().filter(|line| line.starts_with("left out: ")) {
        assert!(line.contains("it takes rule") || line.contains("is selective"), "{name}: {line}");
        let what = line.trim_start_matches("left out: ").split(':').next().unwrap();
        assert!(html.contains(&format!("<tr><td>{what}</td><td>")), "{name}: {what} is not on the page");
    }
    // Ratios to a baseline are for units whose rates are positive; the published figures of relu and elu have none.
    let absolute = ["relu", "elu", "tanh", "power"].contains(&name);
    assert_eq!(html.contains("as an absolute rate"), absolute, "{name}");
}

/// The presets in two halves, which run side by side.
fn half(which: usize) {
    let folder = tempfile::tempdir().unwrap();
    for preset in Preset::ALL.iter().skip(which).step_by(2) {
        check(preset, folder.path());
    }
}

#[test]
fn every_published_network_trains_and_is_shown_first_half() {
    half(0);
}

#[test]
fn every_published_network_trains_and_is_shown_second_half() {
    half(1);
}

#[test]
fn the_list_of_presets_names_every_published_network() {
    let output = Command::new(env!("CARGO_BIN_EXE_maturation")).arg("presets").output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    for preset in Preset::ALL {
        assert!(listed.contains(preset.published), "{}", preset.published);
        assert!(preset.changes().unwrap().iter().all(|(key, value)| listed.contains(&format!("{key}={value}"))));
    }
    let published = DRAWN.iter().flat_map(|drawn| drawn.published);
    for name in published {
        assert!(Preset::ALL.iter().any(|preset| preset.published == *name), "{name} is no preset");
    }
}
