//! What many runs show together: what each shows in numbers, made once a run, and means, intervals and the paper's
//! claims over runs.
//!
//! ```no_run
//! use maturation::prelude::*;
//! use maturation::summary::{Summary, SummaryOptions};
//!
//! let summary = Summary::of_folder("runs/ten-networks", &SummaryOptions::default())?;
//! println!("{}", summary.claims()); // in how many runs each claim holds, and how large the effect is
//! println!("{}", summary.across()); // each measure at each stage: mean, spread, interval over runs
//! # Ok::<(), maturation::Error>(())
//! ```
//!
//! # Measures
//!
//! | measure | of | |
//! | --- | --- | --- |
//! | trials_trained | run | trials of training in all |
//! | trials_to | rule, stage | trials at the first evaluation after which performance, averaged over five evaluations around it, is above `early_target_perf`, `mid_target_perf` or `mature_target_perf` (0.35, 0.65, 0.95) |
//! | final_performance | rule | performance at the end, averaged so |
//! | delay_activity | odr | mean rate in delay1 at the preferred location, the mean over units, then over checkpoints |
//! | cue_response, distractor_response, response_after_distractor | odrd | highest activity of the average unit in stim1, in distract1 with the distractor at its preferred location, and in delay2 |
//! | delay2_activity | odrd | mean rate in delay2 at the last checkpoint of the stage |
//! | tuning_height, tuning_width | odrd | largest less smallest rate of a unit in stim1; 2 σ of the Gaussian fitted to the average curve |
//! | units_excited, units_inhibited, units_mixed, units_none | odr, odrd | number of units of that kind a checkpoint |
//! | same_preferred_location | odrd | share of the units selective in stim1 of odr and of odrd that prefer one location |
//! | performance_near_distractor, performance_opposite_distractor, distractor_cost | odrd | performance with the distractor where the stimulus was, opposite to it, and the latter less the former |
//! | saccade_spread, wild_saccades | gap | mean distance of responses from the target; percentage farther than 75° |
//! | decoder_diagonal, decoder_off_diagonal | odr | accuracy in delay1 at the last checkpoint of the stage, tested in the window trained in, and 500 ms or more apart |
//!
//! Measures of rule odrd are over the checkpoints from 20,000 trials before the rule leaves chance, as the published
//! pictures are.
//!
//! # What is resampled
//!
//! Runs are independent of each other, units of one network are not: they were trained together, and share whatever its
//! seed made of it. An interval over all units of all runs, as if they were so many independent ones, would be far too
//! narrow. So intervals are over **runs**: a bootstrap of the runs of a group ([`RunResamples`]), each with one value.
//!
//! Where that value is a mean over units, it is known only as well as the units tell, and one may ask what another
//! network *with other units* would show. For this there is a **bootstrap of runs, then of units within each run that
//! is drawn** ([`resample_units`]), in the columns `units_…` of [`Summary::claims`]. A mixed model (units nested in
//! networks) would answer the same question; the bootstrap is taken since it assumes neither that effects are normal
//! nor that networks are equally variable, both of which networks break, and since it needs no optimiser that might not
//! converge. Of few runs, below ten or so, percentile intervals are somewhat too narrow, by about √(1 − 1/n).
//!
//! Tables of single runs are read one after the other and never all at once; what is kept is a few numbers a measure,
//! so that memory does not grow with the number of runs. Two passes are made: the first counts the runs that have a
//! value, which decides what the second draws.
//!
//! [`resample_units`]: crate::statistics::resample_units

mod about;
mod across;
mod claims;
mod each;
mod groups;
mod growth;
mod run;
mod source;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use polars::prelude::*;

pub use run::{RunSummary, RunSummaryOptions};
pub use source::Source;

use crate::ensemble::{Ensemble, key_columns};
use crate::environment::unless_interrupted;
use crate::error::{Error, Result};
use crate::statistics::RunResamples;
use crate::summary::groups::{Group, groups, read, with_keys};
use crate::summary::run::{CLAIMS_FILE, MEASURES_FILE};
use crate::tables::{write_atomically, write_table};
use crate::training::{Run, Staging};

/// How many runs are summarised together.
#[derive(Clone, Debug, PartialEq)]
pub struct SummaryOptions {
    /// How each run is summarised.
    pub run: RunSummaryOptions,
    /// How stages are told.
    pub staging: Staging,
    /// Whether summaries that are missing or of another state of a run are made; else runs without one are left out.
    pub measure: bool,
    /// Whether runs of an ensemble that are not finished take part with what they show so far. Runs of other folders
    /// always do: nothing says there where a run ends.
    pub unfinished: bool,
    /// How many of them are made at once; 0: as many as there are processor cores.
    pub jobs: usize,
    /// How often runs are resampled for intervals.
    pub resamples: usize,
    /// Decides which.
    pub seed: u64,
}

impl Default for SummaryOptions {
    fn default() -> Self {
        SummaryOptions {
            run: RunSummaryOptions::default(),
            staging: Staging::default(),
            measure: true,
            unfinished: false,
            jobs: 0,
            resamples: 2000,
            seed: 0,
        }
    }
}

impl SummaryOptions {
    /// What would be found wrong after the last run was read.
    fn check(&self) -> Result<()> {
        self.staging.check()?;
        self.run.check()?;
        RunResamples::new(self.resamples, 0, self.seed).map(|_| ())
    }
}

/// What many runs show together. Runs that have all keys but the seed in common are a group; what is averaged over is
/// the runs of a group.
#[derive(Clone, Debug)]
pub struct Summary {
    sources: Vec<Source>,
    groups: Vec<Group>,
    runs: DataFrame,
    across: DataFrame,
    claims: DataFrame,
    growth: DataFrame,
}

impl Summary {
    /// The runs of an ensemble, those left out that failed, have not begun or are not finished. What is missing of
    /// their summaries is made and kept in their folders.
    ///
    /// # Errors
    /// As [`Summary::of_folder`].
    pub fn of(ensemble: &Ensemble, options: &SummaryOptions) -> Result<Summary> {
        Summary::of_sources(Source::of_ensemble(ensemble, options.unfinished)?, options, &mut |_| {})
    }

    /// The runs in a folder: that of an ensemble, or any that has runs, each in a folder of its own.
    ///
    /// # Errors
    /// If there is no run that can take part, a file cannot be read or written, or an option is impossible.
    /// What is wrong with a single run leaves that run out, and [`Summary::runs`] says why.
    pub fn of_folder(path: impl AsRef<Path>, options: &SummaryOptions) -> Result<Summary> {
        Summary::of_folders(&[path.as_ref().to_owned()], options, &mut |_| {})
    }

    /// The same of several folders, each one of runs or of a single one; each run is told to `tell` once its summary is
    /// made.
    ///
    /// # Errors
    /// As [`Summary::of_folder`].
    pub fn of_folders(folders: &[PathBuf], options: &SummaryOptions, tell: &mut dyn FnMut(&str)) -> Result<Summary> {
        let sources = match folders {
            [folder] if Ensemble::is_there(folder) => {
                Source::of_ensemble(&Ensemble::open(folder)?, options.unfinished)?
            }
            _ => Source::in_folders(folders)?,
        };
        Summary::of_sources(sources, options, tell)
    }

    /// The same of runs in hand, each with a name and with keys of one's own: runs with the same keys, `seed` aside,
    /// are a group.
    ///
    /// # Errors
    /// As [`Summary::of_folder`].
    pub fn of_runs(
        runs: impl IntoIterator<Item = (String, Vec<(String, String)>, Run)>,
        options: &SummaryOptions,
    ) -> Result<Summary> {
        let sources = runs.into_iter().map(|(name, keys, run)| Source::new(name, run.path(), keys));
        Summary::of_sources(sources.collect(), options, &mut |_| {})
    }

    /// The same of runs as they are listed, some of them perhaps left out.
    ///
    /// # Errors
    /// As [`Summary::of_folder`].
    pub fn of_sources(
        mut sources: Vec<Source>,
        options: &SummaryOptions,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Summary> {
        options.check()?;
        let notes = each::summaries(&mut sources, options, tell)?;
        let groups = groups(&sources);
        if groups.is_empty() {
            let reason = sources.iter().find_map(|source| Some((&source.name, source.left_out.as_ref()?)));
            let what = match reason {
                Some((name, reason)) => format!("no run can take part; `{name}`: {reason}"),
                None => "there is no run".to_owned(),
            };
            return Err(Error::argument(what, "train runs first, or give a folder that has some"));
        }
        let runs = table_of_runs(&sources, &notes)?;
        let across = across::across(&sources, &groups, options)?;
        let claims = claims::claims_over_runs(&sources, &groups, options)?;
        let growth = growth::growth(&sources, &groups, options)?;
        Ok(Summary { sources, groups, runs, across, claims, growth })
    }

    /// The runs, a row each. Columns: run; the keys in which runs differ; status (summarised, left out); trials_trained
    /// and checkpoints, which the summary is of; reached_target, whether every rule was above `target_perf` at the end:
    /// a run that was not was ended or is still on its way, and takes part with what it shows; note, why it is left
    /// out, or what else is to be said.
    pub fn runs(&self) -> &DataFrame {
        &self.runs
    }

    /// Each measure over the runs of each group. Columns: the keys of groups; measure, rule, selected_in, test, stage,
    /// measured_in as [`RunSummary::measures`] has them; runs, how many have a value, and lacking, how many have none;
    /// mean and sd, their mean and standard deviation; low and high, the 95 % interval of the mean over resamples of
    /// runs (null of fewer than two); smallest and largest.
    pub fn across(&self) -> &DataFrame {
        &self.across
    }

    /// The paper's claims over the runs of each group. Columns: the keys of groups; claim, source, measure as
    /// [`crate::analysis::claims`](crate::analysis::claims()) has them; runs, of the group; agree, differ,
    /// cannot_tell, how many of them show the claim, something else, or cannot show it; lacking, how many were not
    /// asked (not trained on the rule); share_agree, the share of those that can tell which agree, and share_low and
    /// share_high, its 95 % interval (Wilson); effect_is, what the effect is (mature − early, say); effect and
    /// effect_sd, its mean and standard deviation over the effect_runs that have one, effect_low and effect_high its
    /// 95 % interval over resamples of runs; published_effect, that of the published numbers (null where these are no
    /// numbers); units, what single units' values the effect is a mean of (null where of none); units_effect, the
    /// mean difference of all their values, each unit at each checkpoint counting once, units_low and units_high, its
    /// 95 % interval over resamples of runs, then of units, and units_runs, the runs that have it; early, mid and
    /// mature, the means over runs; published, in words.
    pub fn claims(&self) -> &DataFrame {
        &self.claims
    }

    /// How performance grows. Columns: the keys of groups; rule; trials_trained, 161 points from 0 to the end of the
    /// group's longest run; mean and sd over runs of the performance there (averaged over five evaluations, between
    /// evaluations on a straight line; a run that reached its target stays where it ended), low and high, the 95 %
    /// interval of the mean; runs, how many have a value there.
    pub fn growth(&self) -> &DataFrame {
        &self.growth
    }

    /// The curves of single runs, of at most `most` of each group, evenly chosen. Columns: run; its keys; rule;
    /// trials_trained; smoothed, as [`Summary::growth`] averages.
    ///
    /// # Errors
    /// If a run's summary cannot be read.
    pub fn growth_by_run(&self, most: usize) -> Result<DataFrame> {
        growth::growth_by_run(&self.sources, &self.groups, most)
    }

    /// The measures of all runs, one below the other: run; its keys; then as [`RunSummary::measures`]. Unlike all else
    /// here this grows with the number of runs.
    ///
    /// # Errors
    /// If a run's summary cannot be read.
    pub fn measures(&self) -> Result<DataFrame> {
        joined(self.part(), MEASURES_FILE, NUMBERS_OF_MEASURES)
    }

    /// The measures of at most `most` runs of each group, evenly chosen; else as [`Summary::measures`].
    ///
    /// # Errors
    /// If a run's summary cannot be read.
    pub fn measures_of(&self, most: usize) -> Result<DataFrame> {
        let chosen = self.groups.iter().flat_map(|group| group.spread(most)).map(|run| &self.sources[run]);
        joined(chosen, MEASURES_FILE, NUMBERS_OF_MEASURES)
    }

    /// The claims of all runs, one below the other: run; its keys; then as [`RunSummary::claims`].
    ///
    /// # Errors
    /// If a run's summary cannot be read.
    pub fn claims_by_run(&self) -> Result<DataFrame> {
        joined(self.part(), CLAIMS_FILE, NUMBERS_OF_CLAIMS)
    }

    /// What is to be known of the runs that take no part, or not quite: their names, and why.
    pub fn left_out(&self) -> Vec<(String, String)> {
        let left_out = |source: &Source| Some((source.name.clone(), source.left_out.clone()?));
        self.sources.iter().filter_map(left_out).collect()
    }

    /// How many runs take part.
    pub fn count(&self) -> usize {
        self.groups.iter().map(|group| group.runs.len()).sum()
    }

    /// The keys of each group, and how many runs it has.
    pub fn groups(&self) -> Vec<(Vec<(String, String)>, usize)> {
        self.groups.iter().map(|group| (group.keys.clone(), group.runs.len())).collect()
    }

    /// Writes all tables into a folder, as CSV: runs, measures, across, claims-by-run, claims, growth. Those that have
    /// rows of every run are written run by run.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<()> {
        let folder = folder.as_ref();
        fs::create_dir_all(folder).map_err(|source| Error::io("create", folder, source))?;
        let whole =
            [("runs", &self.runs), ("across", &self.across), ("claims", &self.claims), ("growth", &self.growth)];
        for (name, table) in whole {
            write_table(folder.join(format!("{name}.csv")), &mut table.clone())?;
        }
        self.stream(MEASURES_FILE, &folder.join("measures.csv"))?;
        self.stream(CLAIMS_FILE, &folder.join("claims-by-run.csv"))
    }

    /// The runs that take part, in their order.
    fn part(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| source.left_out.is_none())
    }

    fn stream(&self, file: &str, path: &Path) -> Result<()> {
        write_atomically(path, |out: &mut File| {
            for (place, source) in unless_interrupted(self.part()).enumerate() {
                let source = source?;
                let mut table = with_keys(source, &read(source, file)?)?;
                let mut writer = CsvWriter::new(&mut *out).include_header(place == 0);
                writer.finish(&mut table).map_err(Error::table(format!("cannot write `{}`", path.display())))?;
            }
            Ok(())
        })
    }
}

/// A table of several runs, one below the other.
fn joined<'a>(sources: impl Iterator<Item = &'a Source>, file: &str, numbers: &[&str]) -> Result<DataFrame> {
    let failed = || Error::table("joining the tables of runs");
    let mut all: Option<DataFrame> = None;
    // Types of keys are found from all runs: of one alone, 0 would be a whole number and 0.15 none.
    let (mut names, mut keys) = (Vec::new(), Vec::new());
    for source in unless_interrupted(sources) {
        let source = source?;
        let table = typed(&read(source, file)?, numbers)?;
        names.extend(std::iter::repeat_n(source.name.as_str(), table.height()));
        keys.extend(std::iter::repeat_n(source.keys.as_slice(), table.height()));
        match &mut all {
            None => all = Some(table),
            Some(all) => _ = all.vstack_mut(&table).map_err(failed())?,
        }
    }
    let Some(all) = all else { return Ok(DataFrame::empty()) };
    let mut columns = vec![Column::new("run".into(), names)];
    columns.extend(key_columns(keys));
    columns.extend(all.columns().iter().cloned());
    DataFrame::new(all.height(), columns).map_err(failed())
}

/// The columns of numbers in the tables of runs; all others are text.
const NUMBERS_OF_MEASURES: &[&str] = &["value", "checkpoints", "units"];
const NUMBERS_OF_CLAIMS: &[&str] = &[
    "early",
    "mid",
    "mature",
    "early_checkpoints",
    "mid_checkpoints",
    "mature_checkpoints",
    "effect",
    "published_effect",
];

/// A table read from a file, whose columns have the types that they have in every run: in a file a column without a
/// single value has none of its own.
fn typed(table: &DataFrame, numbers: &[&str]) -> Result<DataFrame> {
    let kind = |name: &str| if numbers.contains(&name) { DataType::Float64 } else { DataType::String };
    let columns = table.columns().iter().map(|column| column.cast(&kind(column.name())));
    let columns = columns.collect::<PolarsResult<Vec<_>>>();
    columns
        .and_then(|columns| DataFrame::new(table.height(), columns))
        .map_err(Error::table("joining the tables of runs"))
}

fn table_of_runs(sources: &[Source], notes: &[Option<String>]) -> Result<DataFrame> {
    let mut abouts = Vec::with_capacity(sources.len());
    for source in sources {
        abouts.push(match source.left_out {
            None => about::About::read(&source.folder.join(run::SUMMARY_FOLDER))?,
            Some(_) => None,
        });
    }
    let of =
        |value: &dyn Fn(&about::About) -> u64| abouts.iter().map(|about| about.as_ref().map(value)).collect::<Vec<_>>();
    let status = sources.iter().map(|source| if source.left_out.is_some() { "left out" } else { "summarised" });
    let notes = sources.iter().zip(notes).map(|(source, note)| source.left_out.clone().or_else(|| note.clone()));
    let reached: Vec<Option<bool>> =
        abouts.iter().map(|about| about.as_ref().map(|about| about.reached_target)).collect();
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    let mut columns = vec![Column::new("run".into(), names)];
    columns.extend(key_columns(sources.iter().map(|source| source.keys.as_slice())));
    columns.extend([
        Column::new("status".into(), status.collect::<Vec<_>>()),
        Column::new("trials_trained".into(), of(&|about| about.trials_trained)),
        Column::new("checkpoints".into(), of(&|about| about.checkpoints)),
        Column::new("reached_target".into(), reached),
        Column::new("note".into(), notes.collect::<Vec<_>>()),
    ]);
    DataFrame::new(sources.len(), columns).map_err(Error::table("making the table of runs"))
}
