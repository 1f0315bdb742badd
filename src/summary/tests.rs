use std::path::Path;

use super::*;
use crate::ensemble::{Plan, Sweep};
use crate::hyperparameters::Hyperparameters;
use crate::tables::{Columns, read_table};
use crate::tasks::Rule;
use crate::training::{Stage, Training};

/// Two little networks of each size, in a folder each, trained long enough for two checkpoints.
fn little_runs(folder: &Path, sizes: &[usize]) {
    for n_rnn in sizes {
        for seed in 0..2 {
            let small = Hyperparameters {
                n_rnn: *n_rnn,
                batch_size_test: 16,
                batch_size_train: 4,
                display_step: 5,
                rule_trains: vec![Rule::GAP, Rule::ODR, Rule::ODRD],
                seed,
                ..Hyperparameters::paper()
            };
            Training::new(small).max_trials(40).quiet().train(folder.join(format!("n-{n_rnn}.seed-{seed}"))).unwrap();
        }
    }
}

fn quick() -> SummaryOptions {
    SummaryOptions { resamples: 200, ..SummaryOptions::default() }
}

fn names(table: &DataFrame, column: &str) -> Vec<String> {
    Columns::of(table, "the table").names(column).unwrap()
}

fn numbers(table: &DataFrame, column: &str) -> Vec<f64> {
    Columns::of(table, "the table").numbers(column).unwrap()
}

#[test]
fn runs_of_a_folder_are_averaged_by_group_and_all_that_is_written_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    little_runs(folder.path(), &[8, 12]);
    let mut told = Vec::new();
    let folders = [folder.path().to_owned()];
    let summary = Summary::of_folders(&folders, &quick(), &mut |line| told.push(line.to_owned())).unwrap();
    assert_eq!((summary.count(), told.len()), (4, 4));
    let groups: Vec<_> = summary.groups().into_iter().map(|(keys, runs)| (keys[0].1.clone(), runs)).collect();
    assert_eq!(groups, [("8".to_owned(), 2), ("12".to_owned(), 2)]);

    // Every row of the table over runs is what the table of all runs has of it.
    let (across, all) = (summary.across(), summary.measures().unwrap());
    let keys = |table: &DataFrame| {
        let columns = ["n_rnn", "measure", "rule", "selected_in", "test", "stage"].map(|name| names(table, name));
        (0..table.height()).map(|row| columns.each_ref().map(|column| column[row].clone())).collect::<Vec<_>>()
    };
    let (of_across, of_all, values) = (keys(across), keys(&all), numbers(&all, "value"));
    let (means, runs, lacking) = (numbers(across, "mean"), numbers(across, "runs"), numbers(across, "lacking"));
    for (row, key) in of_across.iter().enumerate() {
        let here: Vec<f64> = (0..of_all.len()).filter(|at| of_all[*at] == *key).map(|at| values[at]).collect();
        let known: Vec<f64> = here.iter().copied().filter(|value| value.is_finite()).collect();
        assert_eq!(
            (here.len(), runs[row] as usize, (runs[row] + lacking[row]) as usize),
            (2, known.len(), 2),
            "{key:?}"
        );
        if !known.is_empty() {
            let mean = known.iter().sum::<f64>() / known.len() as f64;
            assert!((means[row] - mean).abs() <= 1e-12 * mean.abs().max(1.0), "{key:?}");
        }
    }
    let trained: Vec<usize> = (0..of_across.len()).filter(|row| of_across[*row][1] == "trials_trained").collect();
    assert_eq!(trained.iter().map(|row| means[*row]).collect::<Vec<_>>(), [40.0, 40.0]);

    let out = folder.path().join("summary");
    summary.write(&out).unwrap();
    let read = |name: &str| read_table(out.join(name)).unwrap();
    assert_eq!(numbers(&read("across.csv"), "mean").len(), across.height());
    assert_eq!(keys(&read("measures.csv")), of_all);
    assert_eq!(read("claims-by-run.csv").height(), summary.claims_by_run().unwrap().height());
    assert_eq!(read("growth.csv").height(), summary.growth().height());
    assert_eq!(names(&read("runs.csv"), "status"), ["summarised"; 4]);

    // The folder of tables is no run; threads change no bit; nothing is made twice.
    let one = SummaryOptions { jobs: 1, measure: false, ..quick() };
    let mut told = Vec::new();
    let again = Summary::of_folders(&folders, &one, &mut |line| told.push(line.to_owned())).unwrap();
    assert!(told.is_empty(), "{told:?}");
    assert!(again.across().equals_missing(across) && again.claims().equals_missing(summary.claims()));
    assert!(again.growth().equals_missing(summary.growth()));
    assert_eq!(summary.growth_by_run(1).unwrap().height() * 2, summary.growth_by_run(9).unwrap().height());
    assert_eq!(summary.measures_of(1).unwrap().height() * 2, all.height());
}

#[test]
fn a_summary_is_made_again_when_the_run_or_the_options_are_others_and_is_enough_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    little_runs(folder.path(), &[8]);
    let path = folder.path().join("n-8.seed-1");
    let run = Run::open(&path).unwrap();
    let options = RunSummaryOptions::default();
    assert!(RunSummary::known(&run, &options).unwrap().is_none());
    let made = RunSummary::of(&run, &options).unwrap();
    assert_eq!(made.trials_trained(), 40);
    let known = RunSummary::known(&run, &options).unwrap().unwrap();
    assert_eq!(numbers(&known.measures, "value").len(), made.measures.height());
    assert_eq!(known.version(), env!("CARGO_PKG_VERSION"));
    for other in [
        RunSummary::known(&run, &RunSummaryOptions { most_checkpoints: Some(1), ..options.clone() }).unwrap(),
        RunSummary::known(&run.clone().with_staging(Staging { window: 3 }).unwrap(), &options).unwrap(),
        RunSummary::known(&run.clone().only(&[40]).unwrap(), &options).unwrap(),
    ] {
        assert!(other.is_none());
    }
    // Its weights gone, the run still takes part, and the table of runs says so.
    for entry in std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()) {
        match entry.is_dir() {
            true if !entry.ends_with("summary") => std::fs::remove_dir_all(entry).unwrap(),
            false => std::fs::remove_file(entry).unwrap(),
            true => {}
        }
    }
    let summary = Summary::of_folder(folder.path(), &quick()).unwrap();
    assert_eq!(summary.count(), 2);
    assert_eq!(names(summary.runs(), "note"), ["", "only its summary is here"]);
    assert_eq!(names(summary.runs(), "seed"), ["0", "1"]);
}

#[test]
fn what_is_wrong_with_a_run_leaves_it_out_with_the_reason_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    little_runs(folder.path(), &[8]);
    std::fs::write(folder.path().join("n-8.seed-1/log.json"), "{").unwrap();
    let summary = Summary::of_folder(folder.path(), &quick()).unwrap();
    let left_out = summary.left_out();
    assert_eq!((summary.count(), left_out[0].0.as_str()), (1, "n-8.seed-1"));
    assert!(left_out[0].1.contains("log.json"), "{left_out:?}");
    assert_eq!(names(summary.runs(), "status"), ["summarised", "left out"]);
    assert!(numbers(summary.across(), "low").iter().all(|low| low.is_nan()), "one run has no interval");

    let bare = tempfile::tempdir().unwrap();
    little_runs(bare.path(), &[8]);
    let options = SummaryOptions { measure: false, ..quick() };
    let message = Summary::of_folder(bare.path(), &options).unwrap_err().to_string();
    assert!(message.contains("no run can take part") && message.contains("it has no summary"), "{message}");
    let few = SummaryOptions { resamples: 3, ..quick() };
    assert!(Summary::of_folder(folder.path(), &few).unwrap_err().to_string().contains("3 resamples"));
    std::fs::write(folder.path().join("n-8.seed-0/summary/about.json"), "{\"format\": 1}").unwrap();
    let message = Summary::of_folder(folder.path(), &quick()).unwrap_err().to_string();
    assert!(message.contains("about.json") && message.contains("Delete it"), "{message}");
}

#[test]
fn an_interrupt_ends_the_summary_of_many_runs() {
    let folder = tempfile::tempdir().unwrap();
    little_runs(folder.path(), &[8]);
    let made = crate::environment::tests::interrupted(|| Summary::of_folder(folder.path(), &quick()));
    assert!(made.is_err_and(|error| error.is_interrupted()));
}

#[test]
fn measures_of_the_shipped_run_are_those_of_its_claims() {
    let run = Run::shipped().unwrap();
    let options = RunSummaryOptions { most_checkpoints: Some(2), ..RunSummaryOptions::default() };
    let summary = RunSummary::make(&run, &options).unwrap();
    let (measures, claims) = (&summary.measures, &summary.claims);
    let keys = ["measure", "rule", "selected_in", "test", "stage"].map(|name| names(measures, name));
    let values = numbers(measures, "value");
    let value = |wanted: [&str; 5]| {
        let row = (0..values.len()).find(|row| (0..5).all(|column| keys[column][*row] == wanted[column]));
        values[row.unwrap_or_else(|| panic!("no {wanted:?}"))]
    };
    let found = names(claims, "measure");
    let mut compared = 0;
    for (measure, rule, epoch, test, of_claim) in [
        ("delay_activity", "odr", "stim1", "published", "delay1 of odr, units selective in stim1, as"),
        ("delay_activity", "odr", "delay1", "published", "delay1 of odr, units selective in delay1"),
        ("delay2_activity", "odrd", "delay2", "published", "delay2 of odrd, last checkpoint"),
        ("cue_response", "odrd", "stim1", "published", "highest activity in stim1 of odrd"),
        ("response_after_distractor", "odrd", "stim1", "published", "highest activity in delay2"),
        ("distractor_response", "odrd", "stim1", "published", "highest activity in distract1"),
        ("tuning_height", "odrd", "stim1", "published", "largest − smallest rate"),
        ("tuning_width", "odrd", "stim1", "published", "2 σ"),
        ("tuning_height", "odrd", "stim1", "unbiased", "height of tuning"),
        ("tuning_width", "odrd", "stim1", "unbiased", "width of tuning"),
        ("same_preferred_location", "odrd", "stim1", "published", "share of the units selective"),
        ("performance_near_distractor", "odrd", "", "", "performance on odrd, distractor where"),
        ("performance_opposite_distractor", "odrd", "", "", "performance on odrd, distractor opposite"),
        ("saccade_spread", "gap", "", "", "mean distance from the target"),
        ("wild_saccades", "gap", "", "", "% of responses"),
    ] {
        let row = found.iter().position(|measure| measure.starts_with(of_claim)).unwrap();
        for stage in Stage::ALL {
            let (here, there) = (value([measure, rule, epoch, test, stage.name()]), numbers(claims, stage.name())[row]);
            assert!(here == there || here.is_nan() && there.is_nan(), "{measure} {stage}: {here}, not {there}");
            compared += usize::from(here.is_finite());
        }
    }
    assert!(compared > 40, "{compared}");
    let cost = |stage| value(["distractor_cost", "odrd", "", "", stage]);
    let [near, far] =
        ["near", "opposite"].map(|at| value([&format!("performance_{at}_distractor"), "odrd", "", "", "mature"]));
    assert!((cost("mature") - (far - near)).abs() < 1e-12);
    // Read off the log: the first averages over five evaluations that are above 0.35, 0.65 and 0.95.
    let [early, mid, mature] = ["early", "mid", "mature"].map(|stage| value(["trials_to", "odrd", "", "", stage]));
    assert!(450_000.0 < early && early < mid && mid < mature && mature <= 572_160.0, "{early} {mid} {mature}");
    assert!(
        value(["decoder_diagonal", "odr", "", "", "mature"]) > value(["decoder_off_diagonal", "odr", "", "", "mature"])
    );
    let kinds = ["excited", "inhibited", "mixed", "none"];
    let all: f64 =
        kinds.map(|kind| value([&format!("units_{kind}"), "odr", "delay1", "published", "mature"])).iter().sum();
    assert!((all - 256.0).abs() < 1e-9);

    // What claims say is behind them is in the table of units, and its mean is near.
    let behind = names(claims, "units");
    let of_units = ["measure", "rule", "selected_in", "test"].map(|name| names(&summary.units, name));
    let known: Vec<String> = (0..summary.units.height())
        .map(|row| of_units.each_ref().map(|column| column[row].clone()).join(" "))
        .collect();
    assert_eq!(behind.iter().filter(|units| !units.is_empty()).count(), 5);
    for (row, units) in behind.iter().enumerate().filter(|(_, units)| !units.is_empty()) {
        assert!(known.contains(units), "{units}");
        assert!(numbers(claims, "effect")[row].is_finite(), "{units}");
    }
    assert!(!run.path().join("summary").exists(), "the run's folder stays as it is");
}

#[test]
fn of_an_ensemble_what_is_not_finished_is_left_out_unless_asked_for() {
    let small = Hyperparameters {
        n_rnn: 8,
        batch_size_test: 16,
        batch_size_train: 4,
        display_step: 5,
        rule_trains: vec![Rule::GAP],
        ..Hyperparameters::paper()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two");
    let ensemble = Sweep::new(Plan::new(small).seeds(0..2).max_trials(40)).quiet().train(&path).unwrap();
    let summary = Summary::of(&ensemble, &quick()).unwrap();
    assert_eq!((summary.count(), summary.left_out().len()), (2, 0));
    assert_eq!(names(summary.runs(), "seed"), ["0", "1"]);
    let rules = names(summary.claims(), "claim");
    assert!(!rules.is_empty() && rules.iter().all(|claim| claim == "Responses sharpen"), "{rules:?}");

    std::fs::write(
        path.join("plan.toml"),
        std::fs::read_to_string(path.join("plan.toml")).unwrap().replace("40", "80"),
    )
    .unwrap();
    let message = Summary::of_folder(&path, &quick()).unwrap_err().to_string();
    assert!(message.contains("not finished") && message.contains("40 trials"), "{message}");
    let asked = SummaryOptions { unfinished: true, ..quick() };
    assert_eq!(Summary::of_folder(&path, &asked).unwrap().count(), 2);
    std::fs::write(path.join("runs/seed-1/failure.txt"), "the disk was full").unwrap();
    let summary = Summary::of_folder(&path, &asked).unwrap();
    assert_eq!(summary.count(), 1);
    assert!(summary.left_out()[0].1.contains("it failed: the disk was full"), "{:?}", summary.left_out());
}

#[test]
fn keys_of_which_some_are_whole_are_numbers_in_every_table() {
    let folder = tempfile::tempdir().unwrap();
    let small =
        Hyperparameters { n_rnn: 8, batch_size_test: 16, rule_trains: vec![Rule::GAP], ..Hyperparameters::paper() };
    let plan = Plan::new(small).grid("sigma_rec", ["0", "0.15"]).max_trials(64);
    let ensemble = Sweep::new(plan).quiet().train(folder.path()).unwrap();
    let summary = Summary::of(&ensemble, &quick()).unwrap();
    let tables = [summary.measures(), summary.claims_by_run(), summary.growth_by_run(2), Ok(summary.across().clone())];
    for table in tables {
        let values = numbers(&table.unwrap(), "sigma_rec");
        assert_eq!((values[0], values[values.len() - 1]), (0.0, 0.15));
    }
}

#[test]
fn damaged_tables_of_a_summary_are_named_and_give_no_wrong_number() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/units-64/seed-1/summary");
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("seed-1/summary");
    std::fs::create_dir_all(&place).unwrap();
    let text = |file: &str| std::fs::read_to_string(shipped.join(file)).unwrap();
    let twice = |file: &str| format!("{}{}\n", text(file), text(file).lines().nth(1).unwrap());
    for (file, damaged, words) in [
        (
            "about.json",
            text("about.json").replace("\"units\": 64", "\"units\": 9000000000000000000"),
            "65536 are the most",
        ),
        ("measures.csv", twice("measures.csv"), "is of what an earlier one is of"),
        ("claims.csv", twice("claims.csv"), "is of what an earlier one is of"),
        ("claims.csv", text("claims.csv").replacen("verdict", "verdicts", 1), "no column `verdict`"),
        ("measures.csv", "measure\n".to_owned(), "no column `rule`"),
    ] {
        for other in ["about.json", "measures.csv", "claims.csv", "units.parquet", "growth.parquet"] {
            std::fs::copy(shipped.join(other), place.join(other)).unwrap();
        }
        assert!(Summary::of_folder(folder.path(), &quick()).is_ok());
        std::fs::write(place.join(file), damaged).unwrap();
        let message = Summary::of_folder(folder.path(), &quick()).unwrap_err().to_string();
        assert!(message.contains(file) && message.contains(words), "{file}: {message}");
    }
}
