//! Tasks of a user's own, as code and as a list: trained, saved, resumed, read out, analysed, and opened elsewhere.

use std::f64::consts::{FRAC_PI_2, PI, TAU};
use std::path::Path;
use std::process::Command;

use maturation::numerics::random::RandomStream;
use maturation::prelude::*;
use maturation::tasks::{
    Clock, Event, EventDefinition, Ring, Said, Shown, ShownDefinition, Task, TaskDefinition, Timeline, TrialKind,
};

/// Respond up where the level of a further channel is positive, down where it is negative.
struct Sign {
    name: &'static str,
}

impl Sign {
    fn trial(level: f64) -> Condition {
        let response = if level > 0.0 { FRAC_PI_2 } else { 3.0 * FRAC_PI_2 };
        Condition::new(response, vec![Shown::Level(level)], Some(response))
    }
}

impl Task for Sign {
    fn name(&self) -> &str {
        self.name
    }

    fn channels(&self) -> Vec<String> {
        vec!["evidence".to_owned()]
    }

    fn timeline(&self, clock: &Clock) -> Timeline {
        let on = clock.epoch(Epoch::Fix1, 200.0);
        let go = on + clock.epoch(Epoch::Stim1, 400.0);
        let end = go + clock.epoch(Epoch::Go1, 300.0);
        Timeline {
            epochs: vec![(Epoch::Fix1, 0..on), (Epoch::Stim1, on..go), (Epoch::Go1, go..end)],
            events: vec![Event::on_channel("evidence", on..go)],
            fixation_off: Some(go),
            response_on: Some(go),
            graded_from: go + clock.steps(100.0),
            end,
        }
    }

    fn random(&self, _: &Ring, stream: &mut RandomStream) -> Condition {
        Sign::trial(if stream.random::<bool>() { 0.5 } else { -0.5 })
    }

    fn test(&self, _: &Ring, place: usize, _: &mut RandomStream) -> Condition {
        Sign::trial(if place.is_multiple_of(2) { 0.5 } else { -0.5 })
    }

    /// On the right side is near enough.
    fn correct(&self, condition: &Condition, said: Said) -> bool {
        said.is_within(condition.response, FRAC_PI_2)
    }
}

/// Two bumps opposite each other; respond to the stronger one.
fn stronger(name: &str) -> TaskDefinition {
    let kind = |first: f64| TrialKind {
        shows: vec![ShownDefinition::Bump(0.0, first), ShownDefinition::Bump(180.0, 1.0 - first)],
        response: Some(if first > 0.5 { 0.0 } else { 180.0 }),
        location: Some(if first > 0.5 { 0.0 } else { 180.0 }),
    };
    TaskDefinition {
        name: name.to_owned(),
        epochs: vec![(Epoch::Fix1, 200.0), (Epoch::Stim1, 400.0), (Epoch::Delay1, 300.0), (Epoch::Go1, 300.0)],
        varied: vec![(Epoch::Delay1, 100.0, 300.0)],
        events: vec![EventDefinition::new("ring", &[Epoch::Stim1]), EventDefinition::new("ring", &[Epoch::Stim1])],
        trials: [0.9, 0.7, 0.3, 0.1].map(kind).to_vec(),
        turned: true,
        tolerance: 60.0,
        ..TaskDefinition::default()
    }
}

fn small(rules: &[Rule]) -> Hyperparameters {
    Hyperparameters {
        n_rnn: 12,
        batch_size_train: 8,
        batch_size_test: 24,
        display_step: 5,
        ruleset: Ruleset::of(rules).unwrap(),
        rule_trains: rules.to_vec(),
        ..Hyperparameters::paper()
    }
}

fn train(hyperparameters: &Hyperparameters, path: &Path, trials: u64) -> Run {
    Training::new(hyperparameters.clone()).quiet().max_trials(trials).train(path).unwrap()
}

#[test]
fn own_tasks_train_beside_the_crates_resume_and_are_analysed_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let sign = Rule::define(Sign { name: "sign" }).unwrap();
    let decision = Rule::define(stronger("stronger")).unwrap();
    let hyperparameters = small(&[Rule::GAP, decision, sign]);
    // Fixation, eight directions, the evidence, three rules.
    assert_eq!((hyperparameters.rule_start(), hyperparameters.n_input()), (10, 13));
    let whole = train(&hyperparameters, &path("whole"), 160);
    train(&hyperparameters, &path("resumed"), 24);
    let resumed = train(&hyperparameters, &path("resumed"), 160);
    let values = |run: &Run| run.last().unwrap().network().unwrap().parameters().values();
    assert_eq!(values(&whole), values(&resumed));
    assert_eq!(whole.evaluations().entries[0].rules.len(), 3);

    let opened = Run::open(path("whole")).unwrap();
    let (found, asked) = (opened.hyperparameters().to_json().unwrap(), hyperparameters.to_json().unwrap());
    assert_eq!(found, asked);
    assert_eq!(found["tasks"]["sign"], "code");
    for rule in [decision, sign] {
        let checkpoint = opened.last().unwrap();
        let activity = checkpoint.activity(rule).unwrap();
        assert_eq!((activity.units(), activity.trials(), activity.rule), (12, 128, Some(rule)));
        assert_eq!(selectivity(&activity, Epoch::Stim1).unwrap().height(), 12);
        let outputs = Readout::new(ReadoutOptions::default()).unwrap().outputs(&checkpoint, rule).unwrap();
        assert_eq!(outputs.height(), 128);
    }
    let about = About::of_selective(decision, Epoch::Stim1, 20.0);
    let (options, readout) = (PsthOptions::default(), ReadoutOptions::default());
    let curves = analysis::psth(&opened, Selection::Last, decision, Epoch::Stim1, &options, &readout).unwrap();
    figures::psth(&curves, &about).unwrap();
    figures::performance_growth(&opened).unwrap();
    analysis::dpca(&opened.last().unwrap().activity(decision).unwrap(), &DpcaOptions::default()).unwrap();
}

#[test]
fn inputs_of_further_channels_and_grading_are_the_tasks() {
    let sign = Rule::define(Sign { name: "sign_inputs" }).unwrap();
    let hyperparameters = small(&[Rule::ODR, sign]);
    let trials = Trials::test(&hyperparameters, sign, Mode::Test).unwrap();
    assert_eq!(trials.inputs.dim(), (45, 128, 12));
    for (trial, level) in [(0, 0.5), (1, -0.5)] {
        let channel = |step: usize, channel: usize| trials.inputs[[step, trial, channel]];
        assert_eq!([9, 10, 29, 30].map(|step| channel(step, 9)), [0.0, level, level, 0.0]);
        assert_eq!((channel(20, 10), channel(20, 11)), (0.0, 1.0), "the rule's channel is the last");
    }
    // 80° beside the target is right for it, and would not be by the crate's grading.
    let mut outputs = trials.targets.clone();
    let beside = Ring::new(8).encode(FRAC_PI_2 + 80_f64.to_radians(), maturation::tasks::Encoding::Bump);
    for (channel, value) in beside.into_iter().enumerate() {
        outputs[[44, 0, 1 + channel]] = value;
    }
    let graded = maturation::training::answers(&trials, &outputs).unwrap();
    assert!(graded[0].correct && graded[0].distance.unwrap() > maturation::training::TOLERANCE);
    // A network without the rule has no such trials.
    let message = Trials::test(&small(&[Rule::ODR]), sign, Mode::Test).unwrap_err().to_string();
    assert!(message.contains("`sign_inputs`") && message.contains("odr"), "{message}");
}

#[test]
fn random_trials_turn_by_any_angle_and_vary_their_delays() {
    let decision = Rule::define(stronger("varied")).unwrap();
    let hyperparameters = small(&[decision]);
    let trials = Trials::random(&hyperparameters, decision, 200, &mut RandomStream::new(1, 2)).unwrap();
    let mut goes = Vec::new();
    for (trial, condition) in trials.conditions.iter().enumerate() {
        let [Shown::Direction { at: first, strength }, Shown::Direction { at: second, strength: other }] =
            condition.shown[..]
        else {
            panic!("{condition:?}");
        };
        assert!((maturation::tasks::circular_distance(first, second) - PI).abs() < 1e-9 && first < TAU);
        assert!((strength + other - 1.0).abs() < 1e-12);
        let stronger = if strength > other { first } else { second };
        assert!((condition.response.unwrap() - stronger).abs() < 1e-9);
        goes.push((0..60).find(|step| trials.required_response(*step, trial).is_some()).unwrap());
    }
    // The response is asked for 100 to 300 ms after 600 ms.
    let (first, last) = (goes.iter().min().unwrap(), goes.iter().max().unwrap());
    assert!(*first >= 35 && *first <= 36 && *last >= 43 && *last <= 45, "{first} {last}");
    let near = |target: f64| trials.conditions.iter().filter(|one| one.stimulus < target).count();
    assert!(near(PI).abs_diff(100) < 36, "{}", near(PI));
}

fn command(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_maturation")).args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), text)
}

#[test]
fn a_run_keeps_its_tasks_and_says_which_one_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let listed = Rule::define(stronger("kept")).unwrap();
    train(&small(&[listed]), Path::new(&path("listed")), 16);
    let coded = Rule::define(Sign { name: "coded" }).unwrap();
    train(&small(&[coded, Rule::GAP]), Path::new(&path("coded")), 16);

    // Another program knows the one from the run, and says of the other what to do.
    let (right, text) = command(&["outputs", &path("listed"), "--rule", "kept"]);
    assert!(right && text.contains("performance"), "{text}");
    let (right, text) = command(&["log", &path("coded")]);
    assert!(!right, "{text}");
    assert!(["hp.json", "task `coded` is code", "Rule::define"].iter().all(|words| text.contains(words)), "{text}");

    // A task that was changed since is not taken for the one of the run.
    Rule::define(TaskDefinition { tolerance: 20.0, ..stronger("kept") }).unwrap();
    let message = Run::open(path("listed")).unwrap_err().to_string();
    assert!(message.contains("`tolerance` is 20.0, there it is 60.0"), "{message}");
    Rule::define(stronger("kept")).unwrap();
    Run::open(path("listed")).unwrap();
}

#[test]
fn the_template_trains_from_the_command_line_beside_a_task_of_the_crate() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run").display().to_string();
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/data/task-template.json");
    let name = TaskDefinition::read(template).unwrap().name;
    let rules = format!("odr,{name}");
    let mut arguments = vec!["train", &run, "--task", template, "--rules", &rules, "--max-trials", "32"];
    arguments.extend(["--set", "n_rnn=8", "--set", "batch_size_train=8", "--set", "batch_size_test=16"]);
    let (right, text) = command(&arguments);
    assert!(right, "{text}");
    let (right, text) = command(&["outputs", &run, "--rule", &name]);
    assert!(right && text.contains("performance"), "{text}");
    let (right, text) = command(&["trials", "--task", template, "--rule", &name]);
    assert!(right && text.contains("time_ms"), "{text}");
    let (right, text) = command(&["train", &run, "--task", "nowhere.json", "--max-trials", "40"]);
    assert!(!right && text.contains("nowhere.json"), "{text}");
}
