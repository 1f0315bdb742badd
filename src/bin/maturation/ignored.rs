//! Options that would have no effect beside the others that were given: these are refused, not passed over.

use clap::ArgMatches;
use clap::parser::ValueSource;
use maturation::prelude::*;

use crate::common::output::refuse;

/// When an option has an effect, and what to do where it has none.
struct Use {
    option: &'static str,
    /// The verbs in which this holds; empty: all that have the option.
    verbs: &'static [&'static str],
    /// Whether the option has an effect.
    has: fn(&Given) -> bool,
    /// What it needs, for the message.
    needs: &'static str,
}

/// The options that were given.
struct Given<'a> {
    matches: &'a ArgMatches,
}

impl Given<'_> {
    /// Whether the option was given, of a verb that has it.
    fn has(&self, option: &str) -> bool {
        let known = self.matches.try_contains_id(option).is_ok();
        known && self.matches.value_source(option) == Some(ValueSource::CommandLine)
    }

    fn flag(&self, option: &str) -> bool {
        self.matches.try_get_one::<bool>(option).ok().flatten().copied().unwrap_or(false)
    }

    fn count(&self, option: &str) -> usize {
        self.matches.try_get_one::<usize>(option).ok().flatten().copied().unwrap_or(0)
    }

    /// Whether units or inputs carry noise where a checkpoint is read out.
    fn is_noisy(&self) -> bool {
        !self.flag("no_noise") || self.flag("input_noise")
    }

    /// Whether the trials to read out are drawn.
    fn is_random(&self) -> bool {
        let mode = self.matches.try_get_one::<Mode>("mode").ok().flatten();
        let rule = self.matches.try_get_one::<Rule>("rule").ok().flatten();
        // The match tasks draw the places of their choices in the test trials too.
        mode.is_some_and(|mode| *mode == Mode::Random) || rule.is_some_and(|rule| rule.epochs().contains(&Epoch::Stim2))
    }
}

const OF_A_TABLE: &str = "it says how a table is read: give --activity FILE, or leave it out";
const OF_A_RUN: &str = "it is for the checkpoints of a run: give RUN, or leave it out";
const OF_NOISE: &str = "nothing is drawn at random: leave it out, or leave noise in";
const OF_SELECTIVE: &str = "it says how selective units are found: give --selective-in, or leave it out";

const OF_TRAINING: &str = "nothing is trained here: leave it out (tasks of Slurm's have --cpus and --runs-per-task)";
const OF_SLURM: &str = "it is for tasks of Slurm's: give --slurm, or leave it out";
const OF_RULES: &str = "it says how activity is read out: name the rules to export by --rules, or leave it out";

/// Shorthand for the table below.
const fn of(option: &'static str, has: fn(&Given) -> bool, needs: &'static str) -> Use {
    Use { option, verbs: &[], has, needs }
}

const fn within(
    verbs: &'static [&'static str],
    option: &'static str,
    has: fn(&Given) -> bool,
    needs: &'static str,
) -> Use {
    Use { option, verbs, has, needs }
}

/// The verbs that take a table of activity in place of a run.
const OF_ACTIVITY: &[&str] = &[
    "selectivity",
    "psth",
    "period-activity",
    "tuning",
    "epoch-growth",
    "sample-unit",
    "unit-counts",
    "dpca",
    "pca",
    "decoder",
];

fn table(given: &Given) -> bool {
    given.has("activity")
}

fn run(given: &Given) -> bool {
    !given.has("activity")
}

/// Whether a sweep trains, and does not only tell or ask others to.
fn trains(given: &Given) -> bool {
    !tells(given) && !on_slurm(given)
}

/// Whether a sweep only tells.
fn tells(given: &Given) -> bool {
    given.flag("status") || given.flag("dry_run")
}

fn on_slurm(given: &Given) -> bool {
    given.flag("slurm")
}

/// Every option that has an effect only beside others.
const USES: &[Use] = &[
    of("epoch_ms", table, OF_A_TABLE),
    of("dt", table, OF_A_TABLE),
    within(OF_ACTIVITY, "time_unit", table, OF_A_TABLE),
    of("times_are", table, OF_A_TABLE),
    within(OF_ACTIVITY, "from_ms", table, OF_A_TABLE),
    within(OF_ACTIVITY, "to_ms", table, OF_A_TABLE),
    within(OF_ACTIVITY, "locations_on_ring", table, OF_A_TABLE),
    within(OF_ACTIVITY, "location_unit", table, OF_A_TABLE),
    within(OF_ACTIVITY, "pseudo_trials", table, OF_A_TABLE),
    of("pseudo_seed", |given| given.has("pseudo_trials"), "give --pseudo-trials, or leave it out"),
    of(
        "location_unit",
        |given| {
            let said = given.matches.try_get_one::<String>("locations_on_ring").ok().flatten();
            said.is_none_or(|text| text.trim().parse::<usize>().is_ok())
        },
        "--locations-on-ring names the locations in order already: leave one of the two out",
    ),
    within(OF_ACTIVITY, "checkpoints", run, OF_A_RUN),
    within(OF_ACTIVITY, "stage", run, OF_A_RUN),
    within(OF_ACTIVITY, "all", run, OF_A_RUN),
    within(OF_ACTIVITY, "follow", run, OF_A_RUN),
    within(OF_ACTIVITY, "same_noise", run, OF_A_RUN),
    within(OF_ACTIVITY, "by_checkpoint", run, OF_A_RUN),
    within(OF_ACTIVITY, "stage_window", run, OF_A_RUN),
    within(
        &["selectivity", "sample-unit", "dpca", "pca", "decoder"],
        "stage_window",
        |given| given.has("stage") || table(given),
        "it decides which checkpoints are at a --stage: give that, or leave it out",
    ),
    within(
        OF_ACTIVITY,
        "seed",
        |given| run(given) || given.count("bootstrap") > 0,
        "of a table it decides only the resamples of --bootstrap: give that, or leave it out",
    ),
    within(
        &["decoder"],
        "permutation_seed",
        |given| given.count("permutations") > 0,
        "give --permutations, or leave it out",
    ),
    within(
        &["dpca"],
        "held_out_seed",
        |given| {
            let given_value = given.matches.try_get_one::<analysis::Regularisation>("regularisation").ok().flatten();
            given.count("shuffles") > 0 || given_value == Some(&analysis::Regularisation::Automatic)
        },
        "with a given regularisation and no shuffles no trial is held out: leave it out",
    ),
    within(&["dpca"], "significance_out", |given| given.count("shuffles") > 0, "give --shuffles of 1 or more"),
    within(
        &["sample-unit"],
        "units",
        |given| !given.has("unit"),
        "--unit names the unit already: leave one of the two out",
    ),
    within(&["lesion"], "kinds", |given| given.has("selective_in"), OF_SELECTIVE),
    within(&["lesion"], "preferring", |given| given.has("selective_in"), OF_SELECTIVE),
    within(&["lesion"], "test", |given| given.has("selective_in"), OF_SELECTIVE),
    within(&["lesion"], "normalised", |given| given.has("selective_in"), OF_SELECTIVE),
    within(&["lesion"], "baseline_skip_ms", |given| given.has("selective_in"), OF_SELECTIVE),
    within(
        &["performance-growth"],
        "published_average",
        |given| given.flag("automatic"),
        "give --automatic, or leave it out",
    ),
    within(
        &["sweep"],
        "out",
        tells,
        "it is for the table of --status or --dry-run: give one of these, or leave it out",
    ),
    within(&["sweep"], "jobs", trains, OF_TRAINING),
    within(&["sweep"], "threads", trains, OF_TRAINING),
    within(&["sweep"], "device", |given| !tells(given) || on_slurm(given), OF_TRAINING),
    within(&["sweep"], "partition", on_slurm, OF_SLURM),
    within(&["sweep"], "time", on_slurm, OF_SLURM),
    within(&["sweep"], "cpus", on_slurm, OF_SLURM),
    within(&["sweep"], "gpus", on_slurm, OF_SLURM),
    within(&["sweep"], "runs_per_task", on_slurm, OF_SLURM),
    within(&["sweep"], "sbatch", on_slurm, OF_SLURM),
    within(&["export"], "mode", |given| given.has("rules"), OF_RULES),
    within(&["export"], "no_noise", |given| given.has("rules"), OF_RULES),
    within(&["export"], "input_noise", |given| given.has("rules"), OF_RULES),
    within(&["export"], "seed", |given| given.has("rules"), OF_RULES),
    within(&["export"], "same_noise", |given| given.has("rules"), OF_RULES),
    within(&["export"], "device", |given| given.has("rules"), OF_RULES),
    within(&["export"], "same_noise", |given| given.is_noisy(), OF_NOISE),
    within(&["export"], "seed", |given| given.is_noisy() || given.is_random(), OF_NOISE),
    within(&["activity", "outputs", "saccade", "distractor"], "same_noise", |given| given.is_noisy(), OF_NOISE),
    within(
        &["activity", "outputs", "saccade", "distractor"],
        "seed",
        |given| given.is_noisy() || given.is_random(),
        OF_NOISE,
    ),
    within(
        &["trials"],
        "seed",
        |given| given.flag("noise") || given.is_random(),
        "test trials without noise are always the same: give --noise or --mode random, or leave it out",
    ),
];

/// Refuses what was given without effect.
pub fn refuse_ignored(matches: &ArgMatches) -> Result<()> {
    let Some((verb, matches)) = matches.subcommand() else { return Ok(()) };
    let given = Given { matches };
    for found in USES.iter().filter(|found| found.verbs.is_empty() || found.verbs.contains(&verb)) {
        if given.has(found.option) && !(found.has)(&given) {
            let option = found.option.replace('_', "-");
            return Err(refuse(format!("--{option} would have no effect here"), found.needs));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::{Arg, ArgAction, Command, CommandFactory};

    use super::*;
    use crate::Arguments;

    /// Options that have an effect whatever else is given, by verb; with what USES says, these must be all that there
    /// are.
    const ALWAYS: &[(&str, &[&str])] = &[
        ("reproduce", &["run", "out", "stage_window"]),
        ("presets", &["out"]),
        ("sweep", &["plan", "folder", "retry", "changed", "dry_run", "index", "status", "slurm"]),
        (
            "summary",
            &[
                "folders",
                "out",
                "no_measure",
                "unfinished",
                "checkpoints_per_stage",
                "jobs",
                "stage_window",
                "resamples",
                "seed",
            ],
        ),
        (
            "train",
            &[
                "curriculum",
                "run",
                "preset",
                "hp",
                "from",
                "set",
                "seed",
                "rules",
                "max_trials",
                "keep",
                "task",
                "device",
                "threads",
            ],
        ),
        ("import", &["from", "run", "hp", "checkpoints", "trials"]),
        ("export", &["run", "to", "format", "names", "checkpoints", "rules"]),
        ("log", &["run", "out"]),
        ("trials", &["rule", "task", "ruleset", "mode", "noise", "out"]),
        ("activity", &["run", "device", "checkpoints", "rule", "mode", "no_noise", "input_noise", "out"]),
        ("outputs", &["run", "device", "checkpoints", "rule", "mode", "no_noise", "input_noise", "out"]),
        ("gradients", &["run", "device", "checkpoints", "rule", "out"]),
        (
            "bin",
            &[
                "spikes",
                "trials",
                "bin_ms",
                "smooth_ms",
                "causal",
                "align",
                "from_ms",
                "to_ms",
                "time_unit",
                "locations_on_ring",
                "pseudo_trials",
                "events_out",
                "out",
            ],
        ),
        ("selectivity", &["run", "activity", "rule", "epoch", "normalised", "baseline_skip_ms", "out"]),
        (
            "psth",
            &[
                "run",
                "activity",
                "rule",
                "epoch",
                "opposite",
                "units",
                "test",
                "bootstrap",
                "normalised",
                "baseline_skip_ms",
                "out",
                "figure",
            ],
        ),
        ("performance-growth", &["run", "window", "stage_window", "automatic", "out", "figure"]),
        (
            "agreement",
            &[
                "run",
                "first",
                "second",
                "checkpoints",
                "stage_window",
                "units",
                "test",
                "normalised",
                "baseline_skip_ms",
                "seed",
                "same_noise",
                "out",
                "figure",
            ],
        ),
        (
            "period-activity",
            &[
                "run",
                "activity",
                "rule",
                "epoch",
                "selected_in",
                "show",
                "units",
                "test",
                "normalised",
                "baseline_skip_ms",
                "out",
                "figure",
            ],
        ),
        (
            "distractor",
            &[
                "run",
                "checkpoints",
                "stage",
                "repeats",
                "show",
                "stage_window",
                "no_noise",
                "input_noise",
                "out",
                "figure",
            ],
        ),
        (
            "saccade",
            &[
                "run",
                "device",
                "rule",
                "checkpoints",
                "batches",
                "stage_window",
                "mode",
                "no_noise",
                "input_noise",
                "out",
                "figure",
            ],
        ),
        (
            "tuning",
            &[
                "run",
                "activity",
                "rule",
                "epoch",
                "show",
                "units",
                "test",
                "bootstrap",
                "normalised",
                "baseline_skip_ms",
                "out",
                "figure",
            ],
        ),
        (
            "epoch-growth",
            &[
                "run",
                "activity",
                "rule",
                "epoch",
                "measured",
                "units",
                "test",
                "bootstrap",
                "normalised",
                "baseline_skip_ms",
                "out",
                "figure",
            ],
        ),
        (
            "sample-unit",
            &["run", "activity", "rule", "epoch", "unit", "test", "normalised", "baseline_skip_ms", "out", "figure"],
        ),
        ("unit-counts", &["run", "activity", "rule", "epoch", "normalised", "baseline_skip_ms", "out", "figure"]),
        (
            "lesion",
            &[
                "run",
                "device",
                "checkpoints",
                "rules",
                "silence",
                "selective_in",
                "shares",
                "repeats",
                "unmatched",
                "trials_per_rule",
                "seed",
                "out",
                "figure",
            ],
        ),
        ("claims", &["run", "seed", "stage_window", "out"]),
        (
            "dpca",
            &[
                "run",
                "activity",
                "rule",
                "regularisation",
                "locations",
                "components",
                "shuffles",
                "unbalanced",
                "out",
                "explained_out",
                "figure",
                "explained_figure",
            ],
        ),
        (
            "pca",
            &[
                "run",
                "activity",
                "rule",
                "components",
                "locations",
                "out",
                "explained_out",
                "figure",
                "trajectory_figure",
            ],
        ),
        (
            "decoder",
            &[
                "run",
                "activity",
                "rule",
                "locations",
                "window_ms",
                "stride_ms",
                "held_out",
                "folds",
                "split_seed",
                "published_hold_out",
                "published_scoring",
                "permutations",
                "out",
                "figure",
            ],
        ),
    ];

    /// Verbs that read no run and no table: setting up and executing notebooks.
    const OTHERS: &[&str] = &["lab", "notebooks"];

    fn verbs() -> Vec<Command> {
        let command = Arguments::command();
        command.get_subcommands().filter(|verb| !OTHERS.contains(&verb.get_name())).cloned().collect()
    }

    fn options(verb: &Command) -> Vec<Arg> {
        verb.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())).cloned().collect()
    }

    fn uses_of<'a>(verb: &'a str, option: &'a str) -> impl Iterator<Item = &'static Use> + 'a {
        USES.iter()
            .filter(move |found| found.option == option && (found.verbs.is_empty() || found.verbs.contains(&verb)))
    }

    /// A value that the option takes.
    fn value(arg: &Arg) -> String {
        let id = arg.get_id().as_str();
        let known = match id {
            "rule" | "rules" => "odr",
            "epoch" | "selected_in" | "measured" => "stim1",
            "epoch_ms" => "fix1=0..800",
            "first" | "second" | "selective_in" => "odr:stim1",
            "stage" | "follow" => "mid",
            "trials" | "checkpoints" => "1280",
            "time_unit" => "s",
            "times_are" => "centre",
            "location_unit" => "degrees",
            "locations_on_ring" => "8",
            "test" => "unbiased",
            "units" | "kinds" => "excited",
            "mode" => "test",
            "format" => "npz",
            "names" => "own",
            "normalised" => "absolute",
            "ruleset" => "all_new",
            "preset" => "paper",
            "regularisation" => "0.1",
            "show" => return arg.get_possible_values()[0].get_name().to_owned(),
            "device" => "cpu",
            "out" | "figure" => "file.csv",
            "set" => "n_rnn=8",
            "keep" => "last",
            _ => "3",
        };
        known.to_owned()
    }

    /// The option with a value, as it stands on the command line.
    fn given(arg: &Arg) -> Vec<String> {
        match (arg.get_long(), arg.get_action()) {
            (None, _) => vec!["data/6tasks".to_owned()],
            (Some(long), ArgAction::SetTrue) => vec![format!("--{long}")],
            (Some(long), _) => vec![format!("--{long}"), value(arg)],
        }
    }

    /// Parses a verb with these options and what it cannot do without; whether it is accepted.
    fn accepted(verb: &Command, chosen: &[&Arg], source: &str) -> Result<(), String> {
        let mut line = vec!["maturation".to_owned(), verb.get_name().to_owned()];
        let has = |id: &str| chosen.iter().any(|arg| arg.get_id() == id);
        let known = |id: &str| options(verb).into_iter().find(|arg| arg.get_id() == id);
        for arg in options(verb) {
            let id = arg.get_id().as_str();
            let needed = match id {
                "run" | "activity" => known("activity").is_some() && id == source,
                "rule" => source == "run" || known("activity").is_none(),
                _ => false,
            };
            if (arg.is_required_set() || needed) && !has(id) {
                line.extend(given(&arg));
            }
        }
        chosen.iter().for_each(|arg| line.extend(given(arg)));
        let matches = Arguments::command().try_get_matches_from(&line).map_err(|error| error.to_string())?;
        refuse_ignored(&matches).map_err(|error| error.to_string())
    }

    #[test]
    fn every_option_of_every_verb_is_accounted_for() {
        for verb in verbs() {
            let name = verb.get_name().to_owned();
            let always =
                ALWAYS.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{name} is not listed")).1;
            let options = options(&verb);
            let ids: BTreeSet<&str> = options.iter().map(|arg| arg.get_id().as_str()).collect();
            for id in &ids {
                let conditional = uses_of(&name, id).next().is_some();
                assert!(always.contains(id) != conditional, "{name} --{id} is in neither list or in both");
            }
            for id in always {
                assert!(ids.contains(id), "{name} has no option {id}");
            }
        }
    }

    #[test]
    fn every_pair_of_options_is_used_or_refused() {
        let (mut used, mut refused) = (0, 0);
        for verb in verbs() {
            let name = verb.get_name().to_owned();
            let all = options(&verb);
            let sources: &[&str] = if OF_ACTIVITY.contains(&&name[..]) { &["run", "activity"] } else { &["run"] };
            for source in sources {
                let free: Vec<&Arg> =
                    all.iter().filter(|arg| !["run", "activity"].contains(&arg.get_id().as_str())).collect();
                for (place, first) in free.iter().enumerate() {
                    for second in &free[place + 1..] {
                        let found = accepted(&verb, &[first, second], source);
                        let ids = [first.get_id().as_str(), second.get_id().as_str()];
                        // An option that needs what is not there must not be accepted.
                        let lacks = |id: &str| match id {
                            "epoch_ms" | "dt" | "time_unit" | "times_are" | "locations_on_ring" | "location_unit"
                            | "pseudo_trials" | "from_ms" | "to_ms"
                                if name != "bin" =>
                            {
                                *source == "run"
                            }
                            "causal" => !ids.contains(&"smooth_ms"),
                            "pseudo_seed" => !ids.contains(&"pseudo_trials"),
                            "permutation_seed" => !ids.contains(&"permutations"),
                            "published_average" => !ids.contains(&"automatic"),
                            "significance_out" => !ids.contains(&"shuffles"),
                            "checkpoints" | "stage" | "all" | "follow" | "same_noise" | "by_checkpoint"
                                if *source == "activity" =>
                            {
                                true
                            }
                            "stage_window" => *source == "activity",
                            "mode" | "no_noise" | "input_noise" | "seed" | "same_noise" | "device"
                                if name == "export" =>
                            {
                                !ids.contains(&"rules")
                            }
                            "out" if name == "sweep" => !ids.contains(&"status") && !ids.contains(&"dry_run"),
                            "jobs" | "threads" | "device" if name == "sweep" => ids.iter().any(|id| {
                                ["status", "dry_run"].contains(id) || (*id == "slurm" && !ids.contains(&"device"))
                            }),
                            "partition" | "time" | "cpus" | "gpus" | "runs_per_task" | "sbatch" => {
                                !ids.contains(&"slurm")
                            }
                            "seed" if *source == "activity" => !ids.contains(&"bootstrap"),
                            "kinds" | "preferring" => !ids.contains(&"selective_in"),
                            "test" | "normalised" | "baseline_skip_ms" if name == "lesion" => {
                                !ids.contains(&"selective_in")
                            }
                            _ => false,
                        };
                        if ids.iter().any(|id| lacks(id)) {
                            assert!(found.is_err(), "{name} of a {source} passes over one of {ids:?}");
                        }
                        match found {
                            Ok(()) => used += 1,
                            Err(message) => {
                                refused += 1;
                                let why = ["no effect", "cannot be used", "required", "not provided"];
                                assert!(why.iter().any(|word| message.contains(word)), "{name} {ids:?}: {message}");
                            }
                        }
                    }
                }
            }
        }
        assert!(used > 500 && refused > 500, "{used} {refused}");
    }

    #[test]
    fn what_has_no_effect_is_refused_with_what_it_needs() {
        for (line, words) in [
            ("pca data/6tasks --rule odr --dt 5", &["--dt", "--activity FILE"][..]),
            ("psth data/6tasks --rule odr --epoch stim1 --epoch-ms fix1=0..100", &["--epoch-ms", "--activity FILE"]),
            ("pca --activity a.csv --seed 3", &["--seed", "--bootstrap"]),
            ("psth --activity a.csv --epoch stim1 --seed 3", &["--seed", "--bootstrap"]),
            ("decoder --activity a.csv --by-checkpoint", &["--by-checkpoint", "RUN"]),
            ("decoder data/6tasks --rule odr --permutation-seed 3", &["--permutation-seed", "--permutations"]),
            (
                "dpca --activity a.csv --regularisation 0.1 --held-out-seed 3",
                &["--held-out-seed", "no trial is held out"],
            ),
            ("lesion data/6tasks --normalised no", &["--normalised", "--selective-in"]),
            ("activity data/6tasks --rule odr --no-noise --seed 3", &["--seed", "at random"]),
            ("trials --rule odr --seed 3", &["--seed", "--mode random"]),
            ("export data/6tasks arrays --no-noise", &["--no-noise", "--rules"]),
            ("export data/6tasks arrays --rules odr --no-noise --same-noise", &["--same-noise", "at random"]),
            (
                "pca --activity a.csv --locations-on-ring up,down --location-unit degrees",
                &["--location-unit", "names the locations"],
            ),
        ] {
            let line: Vec<&str> = std::iter::once("maturation").chain(line.split(' ')).collect();
            let matches = Arguments::command().try_get_matches_from(&line).unwrap();
            let message = refuse_ignored(&matches).unwrap_err().to_string();
            for word in words {
                assert!(message.contains(word), "{line:?}: {message}");
            }
        }
        for line in [
            "psth --activity a.csv --epoch stim1 --seed 3 --bootstrap 100",
            "activity data/6tasks --rule odr --no-noise --input-noise --seed 3",
            "trials --rule odr --seed 3 --mode random",
            "dpca --activity a.csv --held-out-seed 3",
            "pca --activity a.csv",
        ] {
            let line: Vec<&str> = std::iter::once("maturation").chain(line.split(' ')).collect();
            refuse_ignored(&Arguments::command().try_get_matches_from(&line).unwrap()).unwrap();
        }
    }
}
