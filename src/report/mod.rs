//! Every figure of a run: the parts of one page, each to be had by its name too.
//!
//! ```no_run
//! use maturation::prelude::*;
//! use maturation::report;
//!
//! let run = Run::open("data/6tasks")?;
//! report::reproduce(&run)?.write("figures/index.html")?; // all of it, half a minute or so
//!
//! let tuning = report::part("tuning")?.sections(&run)?; // one part: figures, each with its table
//! tuning[0].figure.save("tuning.svg")?;
//! # Ok::<(), maturation::Error>(())
//! ```

mod agreement;
mod claims;
mod decoder;
mod distractor;
mod dpca;
mod epoch_growth;
mod parts;
mod pca;
mod performance_growth;
mod period_activity;
mod psth;
mod rules;
mod saccade;
mod sample_unit;
mod summary;
#[cfg(test)]
mod tests;
mod tuning;
mod unit_counts;

pub use parts::{PARTS, Part, part};
pub use summary::summary_page;

use crate::analysis::survey::{Survey, told_now_and_then};
use crate::error::{Error, Result};
use crate::figures::Page;
use crate::readout::{Readout, ReadoutOptions};
use crate::training::Run;

/// The page of a run: every part that the run can be shown in, what it shows of the paper's claims, and its
/// hyper-parameters. What a run cannot have is in [`Page::left_out`], with the reason.
///
/// # Errors
/// If a file of the run cannot be read.
pub fn reproduce(run: &Run) -> Result<Page> {
    reproduce_and_tell(run, &mut |_| {})
}

/// As [`reproduce`]; how far reading the checkpoints out has come, each part before it is made, and what was left out
/// are told to `tell`.
///
/// # Errors
/// As [`reproduce`].
pub fn reproduce_and_tell(run: &Run, tell: &mut dyn FnMut(&str)) -> Result<Page> {
    page_by(Readout::new(ReadoutOptions::default())?, run, tell)
}

/// The page of a run that is read out in this way. Every part asks first; then each checkpoint is read out once.
fn page_by(readout: Readout, run: &Run, tell: &mut dyn FnMut(&str)) -> Result<Page> {
    let mut page = Page {
        title: "How the units of a recurrent network mature".to_owned(),
        about: about(run)?,
        facts: facts(run)?,
        ..Page::default()
    };
    let mut survey = Survey::on(run, readout);
    let plans: Vec<_> = PARTS.iter().map(|part| part.plan(run, &mut survey)).collect();
    let of_claims = claims::plan(run, &mut survey);
    let together = survey.carry_out(&mut told_now_and_then(tell));
    let (plans, of_claims) = match together {
        Ok(()) => (plans, of_claims),
        Err(error) => {
            // A rule that cannot be read out spoils what all asked together: each for itself, the others can be made.
            tell(&format!("each part by itself, since not all can be made: {}", reason(error)?));
            (PARTS.iter().map(|part| Ok(part.alone(run))).collect(), Ok(claims::alone(run)))
        }
    };
    let steps = PARTS.len() + 1;
    for (step, (part, plan)) in PARTS.iter().zip(plans).enumerate() {
        tell(&format!("[{}/{steps}] {} …", step + 1, part.about()));
        match plan.and_then(|plan| plan()) {
            Ok(made) => page.sections.extend(made),
            Err(error) => page.left_out.push((part.what.to_owned(), reason(error)?)),
        }
    }
    let what = "the paper's claims";
    tell(&format!("[{steps}/{steps}] {what} …"));
    match of_claims.and_then(|plan| plan(&page.sections)) {
        Ok(made) => page.tables.push(made),
        Err(error) => page.left_out.push((what.to_owned(), reason(error)?)),
    }
    for (what, why) in &page.left_out {
        tell(&format!("left out: {what}: {why}"));
    }
    Ok(page)
}

/// What the figures are of.
fn about(run: &Run) -> Result<String> {
    let hyperparameters = run.hyperparameters();
    let rules = hyperparameters.rule_trains.iter().map(|rule| rule.name()).collect::<Vec<_>>().join(", ");
    let entries = &run.evaluations().entries;
    Ok(format!(
        "Run {}: {} units trained on {rules} over {} trials, seed {}; {} checkpoints of {} evaluations are at hand{}.",
        run.path().display(),
        hyperparameters.n_rnn,
        entries.last().map_or(0, |entry| entry.trials_trained),
        hyperparameters.seed,
        run.checkpoints()?.len(),
        entries.len(),
        rules::of_stages(run)
    ))
}

/// Versions, and the run's hyper-parameters.
fn facts(run: &Run) -> Result<Vec<(String, String)>> {
    let keys =
        run.hyperparameters().to_json()?.into_iter().map(|(key, value)| (key, value.to_string().replace('"', "")));
    Ok(versions().chain(keys).collect())
}

/// The versions of what made the page.
fn versions() -> impl Iterator<Item = (String, String)> {
    let versions = [
        ("maturation", env!("CARGO_PKG_VERSION")),
        ("compiler", env!("MATURATION_RUSTC")),
        ("polars", env!("MATURATION_POLARS")),
        ("plotly", env!("MATURATION_PLOTLY")),
        ("dfdx", env!("MATURATION_DFDX")),
    ];
    let known = |version: &str| if version.is_empty() { "not known".to_owned() } else { version.to_owned() };
    versions.into_iter().map(move |(name, version)| (name.to_owned(), known(version)))
}

/// Why a part is not on the page. What would spoil the other parts too ends the page.
fn reason(error: Error) -> Result<String> {
    if error.is_interrupted() || error.is_io() || error.is_unusable_file() {
        return Err(error);
    }
    Ok(error.to_string())
}
