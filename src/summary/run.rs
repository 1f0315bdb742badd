//! What one run shows in numbers.

use std::fs;
use std::path::Path;

use polars::prelude::*;

use crate::analysis::claims::{decoder_by_stage, measures, no_units};
use crate::analysis::{Evidence, claims};
use crate::error::{Error, Result};
use crate::readout::ReadoutOptions;
use crate::summary::about::{ABOUT_FILE, About};
use crate::tables::{read_table, write_table};
use crate::tasks::Rule;
use crate::training::{Run, Stage};

/// The folder of a run that its summary lies in.
pub(super) const SUMMARY_FOLDER: &str = "summary";
pub(super) const MEASURES_FILE: &str = "measures.csv";
pub(super) const CLAIMS_FILE: &str = "claims.csv";
pub(super) const UNITS_FILE: &str = "units.parquet";
pub(super) const GROWTH_FILE: &str = "growth.parquet";

/// The rules whose stages decide which checkpoints are looked at.
const LOOKED_AT: [Rule; 3] = [Rule::ODR, Rule::ODRD, Rule::GAP];

/// How a run is summarised.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunSummaryOptions {
    /// At most so many checkpoints of each stage of the rules odr, odrd and gap are looked at, spread evenly, the last
    /// one among them; none: all. Most checkpoints of a long run are of one stage, and an average over 30 of them is
    /// hardly another than that over all.
    pub most_checkpoints: Option<usize>,
    /// How checkpoints are read out; with `threads: 1` many runs are best summarised side by side.
    pub readout: ReadoutOptions,
}

impl RunSummaryOptions {
    pub(super) fn check(&self) -> Result<()> {
        match self.most_checkpoints {
            Some(0) => Err(Error::argument("0 checkpoints of each stage show nothing", "take one or more, or all")),
            _ => Ok(()),
        }
    }
}

/// What a run shows in numbers: small tables, made once and found again in the run's folder, `summary/`.
///
/// ```no_run
/// use maturation::prelude::*;
/// use maturation::summary::{RunSummary, RunSummaryOptions};
///
/// let run = Run::open("runs/paper")?;
/// let summary = RunSummary::of(&run, &RunSummaryOptions::default())?; // a minute the first time, then at once
/// println!("{}", summary.measures);
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RunSummary {
    /// What is measured, a row a measure and stage (measures.csv).
    ///
    /// Columns: measure; rule (null: of all); selected_in and test, the epoch in which units were selected and the test
    /// that did (null where the measure is not one of selected units); stage, of the rule (null: of the whole run);
    /// value, null where the run cannot tell; measured_in; checkpoints, how many the value is the mean of (null where
    /// it is none); units, the mean number of units a checkpoint.
    /// The measures are listed [above](crate::summary#measures).
    pub measures: DataFrame,
    /// Of [`claims`] (claims.csv).
    pub claims: DataFrame,
    /// Of [`Evidence::units`]: what each unit does at each stage (units.parquet).
    pub units: DataFrame,
    /// trials_trained, rule, performance: all evaluations (growth.parquet).
    pub growth: DataFrame,
    pub(super) about: About,
}

impl RunSummary {
    /// The summary of a run: read from its folder if it is there and of the same log, checkpoints and options, else
    /// made and written there.
    ///
    /// # Errors
    /// If the run has no checkpoint, one cannot be read, or the summary cannot be written.
    pub fn of(run: &Run, options: &RunSummaryOptions) -> Result<RunSummary> {
        match RunSummary::known(run, options)? {
            Some(known) => Ok(known),
            None => {
                let made = RunSummary::make(run, options)?;
                made.write(run.path())?;
                Ok(made)
            }
        }
    }

    /// The summary in the run's folder, if it is there and of the same log, checkpoints and options.
    ///
    /// # Errors
    /// If a file of it cannot be read.
    pub fn known(run: &Run, options: &RunSummaryOptions) -> Result<Option<RunSummary>> {
        if RunSummary::is_current(run, options)? { RunSummary::read(run.path()) } else { Ok(None) }
    }

    /// Whether the folder has one.
    pub(super) fn is_current(run: &Run, options: &RunSummaryOptions) -> Result<bool> {
        let known = About::read(&run.path().join(SUMMARY_FOLDER))?;
        Ok(known.is_some_and(|known| About::of(run, options).is_ok_and(|now| now == known)))
    }

    /// Makes a summary, and leaves the run's folder as it is.
    ///
    /// # Errors
    /// As [`RunSummary::of`].
    pub fn make(run: &Run, options: &RunSummaryOptions) -> Result<RunSummary> {
        options.check()?;
        let about = About::of(run, options)?;
        let seen = match options.most_checkpoints {
            Some(most) => run.clone().only(&spread(run, most)?)?,
            None => run.clone(),
        };
        let evidence = Evidence::default().complete(&seen, &options.readout)?;
        let decoded = match seen.check_trained(Rule::ODR) {
            Ok(()) => decoder_by_stage(&seen, &options.readout, evidence.decoder.as_ref())?,
            Err(_) => Vec::new(),
        };
        let growth = run.log()?.select(["trials_trained", "rule", "performance"]);
        Ok(RunSummary {
            measures: measures(&seen, &evidence, &decoded)?,
            claims: claims(&seen, evidence.clone(), &options.readout)?,
            units: evidence.units.map_or_else(no_units, Ok)?,
            growth: growth.map_err(Error::table("making the table of growth"))?,
            about,
        })
    }

    /// The summary in a run's folder, whatever became of the run since; none if there is none.
    ///
    /// # Errors
    /// If a file of it is damaged or missing.
    pub fn read(run: impl AsRef<Path>) -> Result<Option<RunSummary>> {
        let folder = run.as_ref().join(SUMMARY_FOLDER);
        let Some(about) = About::read(&folder)? else { return Ok(None) };
        let read = |name: &str| read_table(folder.join(name));
        Ok(Some(RunSummary {
            measures: read(MEASURES_FILE)?,
            claims: read(CLAIMS_FILE)?,
            units: read(UNITS_FILE)?,
            growth: read(GROWTH_FILE)?,
            about,
        }))
    }

    /// Writes it into a run's folder; what says that it is there comes last.
    fn write(&self, run: &Path) -> Result<()> {
        let folder = run.join(SUMMARY_FOLDER);
        fs::create_dir_all(&folder).map_err(|source| Error::io("create", &folder, source))?;
        let before = folder.join(ABOUT_FILE);
        match fs::remove_file(&before) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("write", &before, source));
            }
            _ => {}
        }
        let tables = [
            (MEASURES_FILE, &self.measures),
            (CLAIMS_FILE, &self.claims),
            (UNITS_FILE, &self.units),
            (GROWTH_FILE, &self.growth),
        ];
        for (name, table) in tables {
            write_table(folder.join(name), &mut table.clone())?;
        }
        self.about.write(&folder)
    }

    /// Whether a folder has a summary.
    pub(super) fn is_there(run: &Path) -> Result<bool> {
        Ok(About::read(&run.join(SUMMARY_FOLDER))?.is_some())
    }

    /// Whether the run of a folder had reached its target when its summary was made.
    pub(super) fn reached_target(run: &Path) -> Result<bool> {
        Ok(About::read(&run.join(SUMMARY_FOLDER))?.is_some_and(|about| about.reached_target))
    }

    /// Trials trained at the run's last evaluation.
    pub fn trials_trained(&self) -> u64 {
        self.about.trials_trained
    }

    /// The version of this crate that made it.
    pub fn version(&self) -> &str {
        self.about.version()
    }
}

/// Units of the network in a folder that has a summary.
pub(super) fn units_of(run: &Path) -> Result<usize> {
    Ok(About::read(&run.join(SUMMARY_FOLDER))?.map_or(0, |about| about.units))
}

/// The trials of at most so many checkpoints of each stage of each rule.
fn spread(run: &Run, most: usize) -> Result<Vec<u64>> {
    let mut chosen = vec![run.last()?.trials_trained()];
    for rule in LOOKED_AT.into_iter().filter(|rule| run.check_trained(*rule).is_ok()) {
        for stage in Stage::ALL {
            match run.stage(rule, stage) {
                Ok(found) => chosen.extend(places(found.len(), most).map(|place| found[place].trials_trained())),
                Err(error) if error.is_missing_checkpoint() => {}
                Err(error) => return Err(error),
            }
        }
    }
    chosen.sort_unstable();
    chosen.dedup();
    Ok(chosen)
}

/// At most `most` of `count` places, evenly spread, the last among them.
fn places(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let kept = count.min(most);
    (1..=kept).map(move |place| place * count / kept - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_spread_evenly_and_have_the_last() {
        let of = |count, most| places(count, most).collect::<Vec<_>>();
        assert_eq!(of(3, 5), [0, 1, 2]);
        assert_eq!(of(10, 5), [1, 3, 5, 7, 9]);
        assert_eq!(of(100, 1), [99]);
        assert_eq!(of(0, 4), [0; 0]);
        assert_eq!(of(7, 3), [1, 3, 6]);
    }
}
