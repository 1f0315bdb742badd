//! Recorded neurons, or another program's network: a table of rates in, selectivity and PSTH out.

use std::path::PathBuf;

use maturation::activity::{
    Activity, BinTime, LocationUnit, PseudoPopulation, RecordingOptions, RingOptions, SpikeOptions, TimeUnit,
};
use maturation::analysis::{
    self, AverageOptions, Bootstrap, DecoderOptions, DpcaOptions, Grouping, Kind, Normalisation, PcaOptions,
    Population, Psth, PsthOptions, SampleUnit, Selectivity, SelectivityOptions, SelectivityTest, Tuning, remarks,
    selectivity,
};
use maturation::tables::{read_table, write_table};
use maturation::tasks::Epoch;
use maturation::training::Stage;
use polars::prelude::*;

/// 24 trials at four locations with 10 ms bins: unit_0 prefers location 2, unit_1 responds to all alike.
fn recording() -> DataFrame {
    let (mut trials, mut locations, mut times) = (Vec::new(), Vec::new(), Vec::new());
    let mut units = [Vec::new(), Vec::new()];
    for trial in 0..24_i64 {
        for bin in 0..60_i64 {
            let location = trial % 4;
            trials.push(1000 + trial);
            locations.push(location);
            times.push(bin as f64 * 10.0);
            let jitter = ((trial * 31 + bin * 17) % 13) as f64 * 0.1;
            let on = if bin >= 30 { 1.0 } else { 0.0 };
            units[0].push(5.0 + jitter + on * if location == 2 { 20.0 } else { 1.0 });
            units[1].push(8.0 + jitter + on * 3.0);
        }
    }
    let [first, second] = units;
    df!["trial" => trials, "location" => locations, "time_ms" => times, "unit_0" => first, "unit_1" => second].unwrap()
}

struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_recording_in_a_file_gives_selectivity_and_a_psth() {
    for extension in ["csv", "parquet"] {
        let path = std::env::temp_dir().join(format!("maturation-recording-{}.{extension}", std::process::id()));
        let _removed = Removed(path.clone());
        write_table(&path, &mut recording()).unwrap();

        let activity = Activity::from_table(&read_table(&path).unwrap(), None).unwrap();
        assert_eq!((activity.dt, activity.steps(), activity.trials(), activity.units()), (10.0, 60, 24, 2));
        let message = selectivity(&activity, Epoch::Stim1).unwrap_err().to_string();
        assert!(message.contains("no epochs"), "{message}");
        let activity = activity.with_epochs_in_ms(&[(Epoch::Fix1, 0.0..300.0), (Epoch::Stim1, 300.0..600.0)]).unwrap();

        let found = Selectivity::of(&activity, Epoch::Stim1, &SelectivityOptions::default()).unwrap();
        assert!(found.units[0].unbiased_selective && found.units[0].preferred_location == 2);
        assert!(!found.units[1].unbiased_selective);
        assert_eq!(found.units[0].absolute.len(), 4, "the labels 0 to 3 tell the ring");

        write_table(&path, &mut found.table().unwrap()).unwrap();
        let read = Selectivity::from_table(&read_table(&path).unwrap()).unwrap();
        assert_eq!(read[0].units[0].rates, found.units[0].rates);

        let mut psth = Psth::new(PsthOptions { grouping: Grouping::Checkpoint, ..PsthOptions::default() });
        psth.add(Stage::Mature, &activity, &read[0]).unwrap();
        let table = psth.table().unwrap();
        assert_eq!(table.height(), 60);
        assert_eq!(table.column("trials_trained").unwrap().null_count(), 60);
    }
}

/// A file beside make_recordings.py, which made the numbers in expected.json.
fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/recordings")).join(name)
}

fn expected(name: &str) -> serde_json::Value {
    let text = std::fs::read_to_string(fixture("expected.json")).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap()[name].clone()
}

/// A recording of the fixtures with its epochs.
fn recorded(name: &str) -> Activity {
    let epochs = [(Epoch::Fix1, 0.0..800.0), (Epoch::Stim1, 800.0..1200.0), (Epoch::Delay1, 1200.0..2000.0)];
    Activity::read(fixture(name), &RecordingOptions::default()).unwrap().with_epochs_in_ms(&epochs).unwrap()
}

fn tested(activity: &Activity) -> Selectivity {
    Selectivity::of(activity, Epoch::Stim1, &SelectivityOptions::default()).unwrap()
}

#[track_caller]
fn assert_near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1e-12), "{found} is not {expected}");
}

fn floats(table: &DataFrame, name: &str) -> Vec<f64> {
    table.column(name).unwrap().cast(&DataType::Float64).unwrap().f64().unwrap().iter().map(Option::unwrap).collect()
}

/// The mean activity in stim1 of the curves in a direction; none if there is no such curve.
fn mean_in_stim1(table: &DataFrame, direction: &str) -> Option<f64> {
    use maturation::prelude::Rows;
    let rows = table.rows_where("direction", direction).unwrap().rows_between("time_ms", 800.0..1200.0).unwrap();
    let values = floats(&rows, "activity");
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[test]
fn p_values_kinds_and_preferred_locations_are_those_of_scipy_on_every_scale_and_ring() {
    for (name, normalisation) in [
        ("hz", Normalisation::Ratio),
        ("zscored", Normalisation::Absolute),
        ("zero_based", Normalisation::Ratio),
        ("six", Normalisation::Ratio),
        ("degrees", Normalisation::Ratio),
        ("lowrate", Normalisation::Absolute),
    ] {
        let (found, expected) = (tested(&recorded(&format!("{name}.csv"))), expected(name));
        assert_eq!(found.normalisation, normalisation, "{name}");
        for (unit, expected) in found.units.iter().zip(expected["units"].as_array().unwrap()) {
            let number = |key: &str| expected[key].as_f64().unwrap();
            // Rates are single-precision numbers here.
            assert_near(unit.p_value.unwrap(), number("p_value"), 1e-4);
            assert_near(unit.unbiased_p_value.unwrap(), number("absolute_p_value"), 1e-4);
            assert_eq!(serde_json::json!(unit.selective), expected["selective"], "{name} unit {}", unit.unit);
            assert_eq!(serde_json::json!(unit.preferred_location), expected["preferred"], "{name} unit {}", unit.unit);
            assert_eq!(unit.response.name(), expected["response"], "{name} unit {}", unit.unit);
        }
    }
}

#[test]
fn one_population_is_the_same_in_hz_z_scores_changes_and_differences() {
    let hz = recorded("hz.csv");
    let of = |change: &dyn Fn(usize, f32) -> f32| {
        let mut other = hz.clone();
        other.rates.indexed_iter_mut().for_each(|((_, _, unit), rate)| *rate = change(unit, *rate));
        tested(&other)
    };
    let mean = |unit: usize| hz.rates.slice(maturation::ndarray::s![.., .., unit]).mean().unwrap();
    let scales: [(&str, Selectivity); 4] = [
        ("Hz", tested(&hz)),
        ("z-scores", of(&|unit, rate| (rate - mean(unit)) / (1.0 + unit as f32))),
        ("dF/F", of(&|unit, rate| rate / mean(unit) - 1.0)),
        ("difference", of(&|unit, rate| rate - 20.0 - mean(unit))),
    ];
    for (name, found) in &scales {
        let tuned: Vec<_> =
            found.units.iter().filter(|unit| unit.kind(SelectivityTest::Published) != Kind::NotSelective).collect();
        let told: Vec<_> = tuned.iter().map(|unit| (unit.unit, unit.kind, unit.preferred_location)).collect();
        let excited = Kind::Excited;
        assert_eq!(told, [(0, excited, 0), (2, excited, 3), (4, excited, 5)], "{name}");
        let unbiased: Vec<_> = found.units.iter().filter(|unit| unit.unbiased_selective).collect();
        let told: Vec<_> = unbiased.iter().map(|unit| (unit.unit, unit.kind(SelectivityTest::Unbiased))).collect();
        assert_eq!(told, [(0, excited), (2, excited), (4, excited)], "{name}");
        let normalisation = if *name == "Hz" { Normalisation::Ratio } else { Normalisation::Absolute };
        assert_eq!(found.normalisation, normalisation, "{name}");
    }
    let negative = of(&|_, rate| -rate);
    assert!(negative.units.iter().filter(|unit| unit.selective).all(|unit| unit.kind == Kind::Inhibited));
}

#[test]
fn what_is_not_a_ratio_says_so_in_table_figure_and_remarks() {
    let activity = recorded("zscored.csv");
    let (found, options) = (tested(&activity), SelectivityOptions::default());
    let said = remarks(&activity, &found, &options).unwrap();
    assert!(said.len() == 1 && said[0].contains("rates are absolute") && said[0].contains("6 of 6"), "{said:?}");
    assert!(remarks(&recorded("hz.csv"), &tested(&recorded("hz.csv")), &options).unwrap().is_empty());

    let mut psth = Psth::new(PsthOptions::default());
    psth.add("monkey", &activity, &found).unwrap();
    let table = psth.table().unwrap();
    assert_eq!(table.column("normalisation").unwrap().str().unwrap().get(0), Some("absolute"));
    assert_near(mean_in_stim1(&table, "preferred").unwrap(), expected("zscored")["preferred"].as_f64().unwrap(), 1e-5);
    let about = maturation::figures::About::of(&activity, "z-scores");
    let json = maturation::figures::psth(&table, &about).unwrap().json();
    assert!(json.contains("rate (absolute)") && !json.contains("fixation rate"));
    let mut tuning = Tuning::new(AverageOptions::default());
    tuning.add(None, &found, &found).unwrap();
    assert!(tuning.table().unwrap().get_column_index("normalisation").is_some());

    let difference = SelectivityOptions { normalisation: Normalisation::Difference, ..options.clone() };
    let found = Selectivity::of(&activity, Epoch::Stim1, &difference).unwrap();
    assert_eq!(found.units.iter().filter(|unit| unit.kind == Kind::Excited).count(), 3);
    let mut psth = Psth::new(PsthOptions::default());
    psth.add("monkey", &activity, &found).unwrap();
    let json = maturation::figures::psth(&psth.table().unwrap(), &about).unwrap().json();
    assert!(json.contains("rate − fixation rate"));

    let ratio = SelectivityOptions { normalisation: Normalisation::Ratio, ..options };
    let found = Selectivity::of(&activity, Epoch::Stim1, &ratio).unwrap();
    assert!(found.units.iter().all(|unit| unit.p_value.is_none() && unit.not_tested.is_some()));
    let said = remarks(&activity, &found, &ratio).unwrap();
    assert!(
        said[0].contains("6 of 6 units could not be tested") && said[0].contains("baseline is negative"),
        "{said:?}"
    );
}

#[test]
fn a_ring_of_any_size_and_labels_has_opposite_locations_offsets_and_angles() {
    for name in ["zero_based", "six", "degrees"] {
        let activity = recorded(&format!("{name}.csv"));
        let (units, expected) = (tested(&activity), expected(name));
        let mut psth = Psth::new(PsthOptions { opposite: true, ..PsthOptions::default() });
        psth.add("monkey", &activity, &units).unwrap();
        let table = psth.table().unwrap();
        for direction in ["preferred", "opposite"] {
            let found = mean_in_stim1(&table, direction).unwrap();
            assert_near(found, expected[direction].as_f64().unwrap(), 1e-5);
        }
        assert_eq!(serde_json::json!(floats(&table, "units")[0] as u64), expected["selected"]);
        let mut tuning = Tuning::new(AverageOptions::default());
        tuning.add(None, &units, &units).unwrap();
        let count = activity.location_count;
        let offsets: Vec<f64> = floats(&tuning.table().unwrap(), "offset");
        assert_eq!(offsets, (0..=count).map(|k| k as f64 - (count / 2) as f64).collect::<Vec<_>>(), "{name}");
        let unit = SampleUnit::of(&activity, Epoch::Stim1, Some(0), &Population::default()).unwrap();
        let angles: Vec<f64> = unit.locations.iter().map(|at| at.angle).collect();
        assert_eq!(angles, (0..count).map(|k| 360.0 * k as f64 / count as f64).collect::<Vec<_>>(), "{name}");
    }
    let degrees = recorded("degrees.csv");
    assert_eq!((degrees.location_name(3), degrees.opposite(3)), ("135".to_owned(), Some(7)));
    assert!(degrees.notes[0].contains("0, 45, 90"), "{:?}", degrees.notes);
    // What is written reads back, labels and all.
    let again = Activity::from_table(&degrees.table().unwrap(), None).unwrap();
    assert_eq!((again.location_count, again.locations, again.ring.labels), (8, degrees.locations, degrees.ring.labels));
}

#[test]
fn a_location_that_was_never_recorded_leaves_out_its_point_alone() {
    let whole = recorded("zero_based.csv");
    let table = whole.table().unwrap();
    let kept: BooleanChunked = whole_numbers(&table, "location").into_iter().map(|place| Some(place != 5)).collect();
    let activity = Activity::from_table(&table.filter(&kept).unwrap(), None).unwrap();
    assert_eq!(activity.location_count, 8, "the table carries the ring");
    let activity = activity.with_epochs(whole.epochs.clone()).unwrap();
    let (units, all) = (tested(&activity), tested(&whole));
    let said = remarks(&activity, &units, &SelectivityOptions::default()).unwrap();
    assert!(said.iter().any(|remark| remark.contains("no trial is at location 5 of the 8")), "{said:?}");
    let curve = |units: &Selectivity, bootstrap: usize| {
        let mut tuning =
            Tuning::new(AverageOptions { bootstrap: Bootstrap::of(bootstrap), ..AverageOptions::default() });
        tuning.add(None, units, units).unwrap();
        (tuning.table().unwrap(), tuning.fits().unwrap())
    };
    let ((part, fits), (full, _)) = (curve(&units, 100), curve(&all, 100));
    assert_eq!(floats(&part, "units")[0], 3.0, "no unit is left out");
    assert_eq!(part.height(), full.height(), "each offset has a unit that was recorded there");
    assert!(fits.column("width").unwrap().f64().unwrap().get(0).is_some());
    // Preferring 0, 2 and 6, the units lack the offsets −3 (5 − 0), 3 (5 − 2) and −1 (5 − 6).
    for (row, offset) in floats(&full, "offset").into_iter().enumerate() {
        let same = (floats(&full, "activity")[row] - floats(&part, "activity")[row]).abs() < 1e-12;
        assert_eq!(same, ![-3.0, 3.0, -1.0].contains(&offset), "offset {offset}");
    }
    let mut psth = Psth::new(PsthOptions { opposite: true, ..PsthOptions::default() });
    psth.add("monkey", &activity, &units).unwrap();
    assert!(mean_in_stim1(&psth.table().unwrap(), "opposite").is_some());
    let unit = SampleUnit::of(&activity, Epoch::Stim1, Some(0), &Population::default()).unwrap();
    assert_eq!(unit.locations.len(), 7);
    let decoder = analysis::Decoder::of(&activity, &DecoderOptions { held_out: 1, ..DecoderOptions::published(100.0) });
    assert_eq!(decoder.unwrap().classes, 7);
    assert_eq!(analysis::dpca(&activity, &DpcaOptions::default()).unwrap().locations, [0, 1, 2, 3, 4, 6, 7]);
}

fn whole_numbers(table: &DataFrame, name: &str) -> Vec<usize> {
    floats(table, name).into_iter().map(|value| value as usize).collect()
}

#[test]
fn sixty_frames_a_second_are_sixty_whether_times_are_exact_or_rounded() {
    for name in ["hz60_exact.csv", "hz60.csv"] {
        let activity = Activity::read(fixture(name), &RecordingOptions::default()).unwrap();
        assert_eq!(activity.dt, 1000.0 / 60.0, "{name}");
        let epochs = [(Epoch::Fix1, 0.0..3000.0), (Epoch::Stim1, 3000.0..3500.0)];
        let activity = activity.with_epochs_in_ms(&epochs).unwrap();
        assert_eq!(activity.epoch(Epoch::Stim1).unwrap(), 180..210, "{name}");
        let unit = SampleUnit::of(&activity, Epoch::Stim1, Some(0), &Population::default()).unwrap();
        assert_near(unit.locations[0].epoch_rate, expected("hz60")["unit_0_at_0"].as_f64().unwrap(), 1e-6);
        let times = floats(&unit.table().unwrap(), "time_ms");
        assert_near(*times.last().unwrap(), expected("hz60")["last_ms"].as_f64().unwrap(), 1e-12);
    }
}

#[test]
fn parquet_of_any_type_of_number_reads_the_same() {
    let plain = recorded("plain.parquet");
    assert_eq!(recorded("extra_datetime.parquet").rates, plain.rates, "a datetime that is not needed is not read");
    let counts = recorded("spike_counts_uint8.parquet");
    assert!(counts.rates.iter().all(|rate| rate.fract() == 0.0) && counts.rates.dim() == plain.rates.dim());
    let (many, csv) = (recorded("many_types.parquet"), recorded("zero_based.csv"));
    assert_eq!((many.locations, many.dt), (csv.locations, csv.dt));
    let same = many.rates.iter().zip(&csv.rates).all(|(many, csv)| (many - 10.0 * csv).abs() <= 0.51);
    assert!(same, "8- and 16-bit numbers, categories, floats");
    let message = read_table(fixture("many_types.parquet")).unwrap_err().to_string();
    for word in ["`when`", "timestamp", "Activity::read"] {
        assert!(message.contains(word) && !message.contains("truncated"), "{message}");
    }
}

/// A small recording as text: 4 trials of 4 steps at locations 0 to 3, one unit.
fn text_of(line: impl Fn(usize, usize) -> String) -> String {
    let rows = (0..4).flat_map(|trial| (0..4).map(move |step| (trial, step)));
    rows.map(|(trial, step)| line(trial, step) + "\n").collect()
}

/// What reading a text gives: the notes, or the message of the error.
fn read(text: &str, options: &RecordingOptions) -> Result<Activity, String> {
    static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("maturation-input-{}-{number}.csv", std::process::id()));
    let _removed = Removed(path.clone());
    std::fs::write(&path, text).unwrap();
    Activity::read(&path, options).map_err(|error| error.to_string())
}

/// An input that users have, and what becomes of it: read, with words of its notes; or refused, with words of the
/// message.
struct Input {
    what: &'static str,
    text: String,
    options: RecordingOptions,
    outcome: Result<&'static [&'static str], &'static [&'static str]>,
}

fn input(what: &'static str, text: String, outcome: Result<&'static [&'static str], &'static [&'static str]>) -> Input {
    Input { what, text, options: RecordingOptions::default(), outcome }
}

#[test]
fn inputs_of_every_kind_are_read_with_a_note_or_refused_with_a_remedy() {
    let plain = |trial: usize, step: usize| format!("{trial},{trial},{},{}.5", 20 * step, step + trial);
    let head = "trial,location,time_ms,unit_0\n";
    let with = |what, options: RecordingOptions, text: String, outcome| Input { what, text, options, outcome };
    let none = RecordingOptions::default;
    let all = head.to_owned() + &text_of(plain);
    let inputs = vec![
        input("plain", all.clone(), Ok(&["4 locations"])),
        // Separators and numbers.
        input("semicolons", all.replace(',', ";"), Ok(&["4 locations"])),
        input("decimal commas", all.replace(',', ";").replace('.', ","), Ok(&["4 locations"])),
        input("tabs", all.replace(',', "\t"), Ok(&[])),
        input("blanks", all.replace(',', "   "), Ok(&[])),
        input("a byte-order mark", format!("\u{feff}{all}"), Ok(&[])),
        input("Windows' line ends and blank lines", all.replace('\n', "\r\n\r\n"), Ok(&[])),
        input("quoted names", all.replacen("trial,location", "\"trial\",\"location\"", 1), Ok(&[])),
        input("an index column", format!(",{head}") + &text_of(|t, s| format!("{s},{}", plain(t, s))), Ok(&[])),
        input("R's row names", head.to_owned() + &text_of(|t, s| format!("\"{t}{s}\",{}", plain(t, s))), Ok(&[])),
        input("R's NA", all.replacen("0.5", "NA", 1), Err(&["unit_0", "row 0", "trial 0", "`PseudoPopulation`"])),
        input("an empty value", all.replacen("0.5", "", 1), Err(&["unit_0", "row 0", "trial 0"])),
        input("a word among rates", all.replacen("1.5", "high", 1), Err(&["unit_0", "`high`", "row 1"])),
        input("a word as location", all.replacen("0,0,0", "0,up,0", 1), Err(&["trial 0", "up", "one location"])),
        input("one value too few", all.replacen("0,0,20,1.5", "0,0,20", 1), Err(&["line 3 has 3 values", "4 columns"])),
        input("a doubled column", all.replacen("unit_0", "trial", 1), Err(&["two columns are called `trial`"])),
        input("no names", text_of(plain), Err(&["no names of columns"])),
        input("other names", all.replacen("trial", "Trial", 1), Err(&["no column `trial`", "Trial"])),
        input("units from 1", all.replacen("unit_0", "unit_1", 1), Err(&["`unit_0`", "without a gap"])),
        // Trials.
        input("trials by name", all.replace("\n0,", "\nA,").replace("\n1,", "\nB,"), Ok(&[])),
        input("trial names that sort", head.to_owned() + &text_of(|t, s| format!("t{t},{t},{},1", 20 * s)), Ok(&[])),
        input(
            "a trial twice",
            all.clone() + &text_of(plain),
            Err(&["trial 0 has two rows at 0 ms", "0 and 16", "session"]),
        ),
        input("a row twice", all.clone() + "2,2,40,9\n", Err(&["trial 2", "two rows at 40 ms", "10 and 16"])),
        input(
            "sessions with the same trial numbers",
            format!("session,{head}")
                + &text_of(|t, s| format!("a,{}", plain(t, s)))
                + &text_of(|t, s| format!("b,{}", plain(t, s))),
            Ok(&["8 trials of 2 sessions"]),
        ),
        input("a trial at two locations", all.replacen("3,3,60", "3,2,60", 1), Err(&["trial 3", "row 12", "row 15"])),
        // Time.
        input("a missing step", all.replacen("2,2,20,3.5\n", "", 1), Err(&["trial 2", "40 ms", "20 ms was expected"])),
        input("an uneven time", all.replacen("2,2,20,", "2,2,27,", 1), Err(&["trial 2", "27 ms", "row 9", "20 ms"])),
        input(
            "uneven times everywhere",
            head.to_owned() + &text_of(|t, s| format!("{t},{t},{},1", [0, 10, 40, 60][s])),
            Err(&["trial 0", "10 ms", "evenly spaced"]),
        ),
        input(
            "shuffled times",
            "step,".to_owned() + head + &text_of(|t, s| format!("{s},{t},{t},{},1", 20 * [0, 2, 1, 3][s])),
            Err(&["trial 0", "step 2 at 20 ms", "step 1"]),
        ),
        input(
            "seconds under ms",
            all.replace(",20,", ",0.02,").replace(",40,", ",0.04,").replace(",60,", ",0.06,"),
            Err(&["TimeUnit::Seconds"]),
        ),
        with(
            "seconds that are said",
            RecordingOptions { time_unit: Some(TimeUnit::Seconds), ..none() },
            all.replace(",20,", ",0.02,").replace(",40,", ",0.04,").replace(",60,", ",0.06,"),
            Ok(&[]),
        ),
        input(
            "a column time_s",
            all.replace("time_ms", "time_s")
                .replace(",20,", ",0.02,")
                .replace(",40,", ",0.04,")
                .replace(",60,", ",0.06,"),
            Ok(&[]),
        ),
        input("a column time", all.replace("time_ms", "time"), Err(&["`time`", "TimeUnit::Seconds"])),
        input(
            "times of the session",
            head.to_owned() + &text_of(|t, s| format!("{t},{t},{},1", 5000 * t + 20 * s)),
            Err(&["trial 3 begins at 15000 ms", "each trial"]),
        ),
        input("a trial cut short", all.replacen("2,2,60,5.5\n", "", 1), Ok(&["cut to 0 to 60 ms", "trial 2"])),
        input(
            "a trial that hardly began",
            all.replacen("2,2,20,3.5\n2,2,40,4.5\n2,2,60,5.5\n", "", 1),
            Err(&["trial 2", "`to_ms`"]),
        ),
        input(
            "bin centres",
            head.to_owned() + &text_of(|t, s| format!("{t},{t},{},1", 20 * s + 10)),
            Ok(&["BinTime::Centre"]),
        ),
        input(
            "bin ends",
            head.to_owned() + &text_of(|t, s| format!("{t},{t},{},1", 20 * s + 20)),
            Ok(&["BinTime::End"]),
        ),
        input(
            "trials a third of a step apart",
            head.to_owned() + &text_of(|t, s| format!("{t},{t},{},1", 20 * s + 7 * (t % 2))),
            Err(&["trial 1 begins at 7 ms", "between two steps"]),
        ),
        with(
            "a step that is not that of the times",
            RecordingOptions { dt: Some(25.0), ..none() },
            all.clone(),
            Err(&["25 ms", "20 ms"]),
        ),
        input(
            "steps without times",
            all.replace("time_ms", "step").replace(",20,", ",1,").replace(",40,", ",2,").replace(",60,", ",3,"),
            Err(&["time step"]),
        ),
        with("a window", RecordingOptions { from_ms: Some(20.0), to_ms: Some(60.0), ..none() }, all.clone(), Ok(&[])),
        with(
            "a window beyond the trials",
            RecordingOptions { to_ms: Some(500.0), ..none() },
            all.clone(),
            Err(&["0 to 80 ms"]),
        ),
        with(
            "a window of nothing",
            RecordingOptions { from_ms: Some(60.0), to_ms: Some(20.0), ..none() },
            all.clone(),
            Err(&["no step"]),
        ),
        // Locations.
        input(
            "locations from 1",
            head.to_owned() + &text_of(|t, s| format!("{t},{},{},1", t + 1, 20 * s)),
            Ok(&["1, 2, 3, 4", "0 to 3"]),
        ),
        input(
            "degrees from 45",
            head.to_owned() + &text_of(|t, s| format!("{t},{},{},1", 45 + 90 * t, 20 * s)),
            Ok(&["45, 135, 225, 315"]),
        ),
        input(
            "degrees below zero",
            head.to_owned() + &text_of(|t, s| format!("{t},{},{},1", 90 * t as i32 - 90, 20 * s)),
            Ok(&["4 locations"]),
        ),
        input(
            "two opposite ones of eight",
            head.to_owned() + &text_of(|t, s| format!("{t},{},{},1", 4 * (t % 2), 20 * s)),
            Err(&["0, 4", "RingOptions::count"]),
        ),
        input(
            "uneven locations",
            head.to_owned() + &text_of(|t, s| format!("{t},{},{},1", [0, 10, 25, 200][t], 20 * s)),
            Err(&["0, 10, 25, 200"]),
        ),
        input(
            "names",
            head.to_owned() + &text_of(|t, s| format!("{t},{},{},1", ["n", "e", "s", "w"][t], 20 * s)),
            Err(&["e, n, s, w", "RingOptions::order"]),
        ),
        with(
            "names in an order",
            RecordingOptions {
                ring: RingOptions {
                    order: Some(["e", "n", "w", "s"].map(String::from).to_vec()),
                    ..RingOptions::default()
                },
                ..none()
            },
            head.to_owned() + &text_of(|t, s| format!("{t},{},{},1", ["n", "e", "s", "w"][t], 20 * s)),
            Ok(&[]),
        ),
        with(
            "degrees that are said, one missing",
            RecordingOptions {
                ring: RingOptions { count: Some(8), unit: Some(LocationUnit::Degrees), order: None },
                ..none()
            },
            head.to_owned() + &text_of(|t, s| format!("{t},{},{},1", 45 * t, 20 * s)),
            Ok(&["8 locations"]),
        ),
        input("no rows", head.to_owned(), Err(&["no rows"])),
        input("nothing", String::new(), Err(&["no line"])),
    ];
    let mut table = String::new();
    for Input { what, text, options, outcome } in inputs {
        let found = read(&text, &options);
        let (said, words) = match (&found, outcome) {
            (Ok(activity), Ok(words)) => {
                assert_eq!(activity.units(), 1, "{what}");
                (activity.notes.join("; "), words)
            }
            (Err(message), Err(words)) => (message.clone(), words),
            (found, outcome) => panic!("{what}: {found:?}, {outcome:?} was expected"),
        };
        for word in words {
            assert!(said.contains(word), "{what}: `{word}` is not in: {said}");
        }
        assert!(!said.contains("truncated"), "{what}: {said}");
        table.push_str(&format!("| {what} | {} | {said} |\n", if found.is_ok() { "read" } else { "refused" }));
    }
    // With --nocapture, the table of inputs and what is said of each.
    println!("{table}");
}

#[test]
fn time_may_begin_below_zero_and_bins_be_told_by_their_centre() {
    let head = "trial,location,time_ms,unit_0\n";
    let text = head.to_owned() + &text_of(|trial, step| format!("{trial},{trial},{},{step}", 20 * step as i32 - 30));
    let options = RecordingOptions { bins: BinTime::Centre, ..RecordingOptions::default() };
    let activity = read(&text, &options).unwrap();
    assert_eq!((activity.start_ms, activity.dt, activity.steps()), (-40.0, 20.0, 4));
    let epochs = [(Epoch::Fix1, -40.0..0.0), (Epoch::Stim1, 0.0..40.0)];
    let activity = activity.with_epochs_in_ms(&epochs).unwrap();
    assert_eq!((activity.epoch(Epoch::Fix1).unwrap(), activity.epoch(Epoch::Stim1).unwrap()), (0..2, 2..4));
    let unit = SampleUnit::of(&activity, Epoch::Stim1, Some(0), &Population::default()).unwrap();
    assert_eq!(floats(&unit.table().unwrap(), "time_ms")[..4], [-40.0, -20.0, 0.0, 20.0]);
    let pca = analysis::pca(&activity, &PcaOptions { components: 1, locations: None }).unwrap();
    assert_eq!(floats(&pca.table().unwrap(), "time_ms")[0], -40.0);
}

/// Numbers of spikes_expected.json, by trial and unit, then time.
fn spike_numbers(name: &str) -> Vec<Vec<f64>> {
    let text = std::fs::read_to_string(fixture("spikes_expected.json")).unwrap();
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    serde_json::from_value(all[name].clone()).unwrap()
}

#[test]
fn rates_of_spikes_are_those_of_numpy_scipy_and_elephant() {
    let (spikes, trials) = (read_table(fixture("spikes.csv")).unwrap(), read_table(fixture("trials.csv")).unwrap());
    let counted = SpikeOptions { align: Some("cue".into()), from_ms: -200.0, to_ms: 600.0, ..SpikeOptions::default() };
    let smoothed = SpikeOptions { smooth_ms: Some(50.0), ..counted.clone() };
    let causal = SpikeOptions { causal: true, ..smoothed.clone() };
    for (name, options) in [("counted", &counted), ("smoothed", &smoothed), ("causal", &causal)] {
        let (activity, events) = Activity::from_spikes(&spikes, &trials, options).unwrap();
        assert_eq!((activity.rates.dim(), activity.location_count), ((40, 8, 2), 8));
        assert_eq!((activity.start_ms, events.height()), (-200.0, 8 * 3));
        for (row, expected) in spike_numbers(name).iter().enumerate() {
            for (step, expected) in expected.iter().enumerate() {
                let found = f64::from(activity.rates[[step, row / 2, row % 2]]);
                assert!((found - expected).abs() < 1e-4, "{name}, row {row}, step {step}: {found}, {expected}");
            }
        }
    }
    let text = std::fs::read_to_string(fixture("spikes_expected.json")).unwrap();
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    let elephant: Vec<f64> = serde_json::from_value(all["elephant_trial_2_unit_3"].clone()).unwrap();
    let (activity, _) = Activity::from_spikes(&spikes, &trials, &counted).unwrap();
    let found: Vec<f64> =
        activity.rates.slice(maturation::ndarray::s![.., 2, 0]).iter().map(|r| f64::from(*r)).collect();
    assert_eq!(found, elephant);
}

#[test]
fn a_pseudo_population_goes_through_every_analysis_of_populations() {
    // Two sessions of the same trials: the units of one are missing in those of the other.
    let whole = recorded("zero_based.csv");
    let mut table = whole.table().unwrap();
    // Each trial's rank among those at its location.
    let rank: Vec<usize> = (0..whole.trials())
        .map(|trial| whole.locations[..trial].iter().filter(|place| **place == whole.locations[trial]).count())
        .collect();
    for unit in 0..6 {
        let name = format!("unit_{unit}");
        let there = floats(&table, "trial").into_iter().map(|trial| rank[trial as usize] % 2 == unit % 2);
        let values = there.zip(floats(&table, &name)).map(|(there, rate)| there.then_some(rate));
        let column = Column::new(name.as_str().into(), values.collect::<Vec<_>>());
        table.with_column(column).unwrap();
    }
    let message = Activity::from_table(&table, None).unwrap_err().to_string();
    assert!(message.contains("`PseudoPopulation`"), "{message}");
    let pseudo = |trials| RecordingOptions { pseudo: Some(PseudoPopulation { trials, seed: 1 }), ..Default::default() };
    let activity = Activity::from_table_with(&table, &pseudo(2)).unwrap();
    assert_eq!((activity.trials(), activity.units()), (16, 6));
    assert!(activity.notes.iter().any(|note| note.contains("pseudo-population of 6 units")), "{:?}", activity.notes);
    let activity = activity.with_epochs(whole.epochs.clone()).unwrap();
    let units = tested(&activity);
    assert!([0, 2, 4].iter().all(|unit| units.units[*unit].unbiased_p_value.unwrap() < 1e-3));
    let preferred: Vec<usize> = [0, 2, 4].iter().map(|unit| units.units[*unit].preferred_location).collect();
    // Two trials a location leave the preferred one uncertain by one.
    assert!(preferred.iter().zip([0, 2, 6]).all(|(found, truth)| [0, 1, 7].contains(&((found + 8 - truth) % 8))));
    let population = Population { kinds: Kind::ALL.to_vec(), ..Population::default() };
    let mut psth = Psth::new(PsthOptions { population, ..PsthOptions::default() });
    psth.add("both", &activity, &units).unwrap();
    assert!(psth.table().unwrap().height() > 0);
    let options = DecoderOptions { held_out: 1, ..DecoderOptions::default().at_least(100.0) };
    assert!(analysis::Decoder::of(&activity, &options).unwrap().means().0 > 0.125);
    assert_eq!(analysis::dpca(&activity, &DpcaOptions::default()).unwrap().locations.len(), 8);
    assert_eq!(analysis::pca(&activity, &PcaOptions::default()).unwrap().components.len(), 3);
    let message = Activity::from_table_with(&table, &pseudo(3)).unwrap_err().to_string();
    assert!(message.contains("no unit has 3 trials") && message.contains("draw fewer"), "{message}");

    let sessions = Activity::read(fixture("two_sessions.csv"), &RecordingOptions::default()).unwrap();
    assert_eq!((sessions.trials(), sessions.units()), (32, 2));
    let apart = Activity::read(fixture("two_sessions.csv"), &pseudo(2)).unwrap();
    assert_eq!((apart.trials(), apart.units()), (16, 4), "each session has units of its own");
}
