//! The summaries of many runs, side by side.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::environment::Interruption;
use crate::error::Result;
use crate::summary::{RunSummary, RunSummaryOptions, Source, SummaryOptions};

/// What came of a run.
enum Outcome {
    /// Its summary was there.
    Known,
    /// It was made.
    Made,
    /// It takes part as it is, with this to be said.
    AsItIs(String),
    /// It takes no part.
    LeftOut(String),
}

/// Makes the summaries that are missing, as many at once as asked for, and says of each run that takes no part why.
/// Runs do not wait for each other, and none that fails keeps another from its summary.
///
/// # Errors
/// If it is interrupted; what was made until then is kept.
pub(super) fn summaries(
    sources: &mut [Source],
    options: &SummaryOptions,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<Option<String>>> {
    let jobs = match options.jobs {
        0 => thread::available_parallelism().map_or(1, std::num::NonZero::get),
        jobs => jobs,
    };
    let of_run = RunSummaryOptions {
        readout: crate::readout::ReadoutOptions { threads: 1, ..options.run.readout.clone() },
        ..options.run.clone()
    };
    let next = AtomicUsize::new(0);
    let interruption = Interruption::watch();
    let (sender, receiver) = mpsc::channel();
    let mut notes = vec![None; sources.len()];
    let count = sources.len();
    let found = thread::scope(|scope| {
        let (shared, next, of_run) = (&*sources, &next, &of_run);
        for _ in 0..jobs.min(count) {
            let sender = sender.clone();
            scope.spawn(move || {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(source) = shared.get(place) else { break };
                    if interruption.requested() || sender.send((place, outcome(source, of_run, options))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut found = Vec::with_capacity(count);
        for (place, outcome) in receiver {
            if let Outcome::Made = outcome {
                tell(&format!("[{}/{count}] {}", found.len() + 1, shared[place].name));
            }
            found.push((place, outcome));
        }
        found
    });
    interruption.check()?;
    for (place, outcome) in found {
        match outcome {
            Outcome::Known | Outcome::Made => {}
            Outcome::AsItIs(note) => notes[place] = Some(note),
            Outcome::LeftOut(reason) => sources[place].left_out = Some(reason),
        }
    }
    Ok(notes)
}

fn outcome(source: &Source, of_run: &RunSummaryOptions, options: &SummaryOptions) -> Outcome {
    if let Some(reason) = &source.left_out {
        return Outcome::LeftOut(reason.clone());
    }
    made(source, of_run, options).unwrap_or_else(|error| Outcome::LeftOut(error.to_string()))
}

fn made(source: &Source, of_run: &RunSummaryOptions, options: &SummaryOptions) -> Result<Outcome> {
    let Some(run) = source.run()? else {
        return Ok(match RunSummary::is_there(&source.folder)? {
            true => Outcome::AsItIs("only its summary is here".to_owned()),
            false => Outcome::LeftOut("it has not begun: there is no log.json".to_owned()),
        });
    };
    let run = run.with_staging(options.staging)?;
    if RunSummary::is_current(&run, of_run)? {
        return Ok(Outcome::Known);
    }
    if options.measure {
        RunSummary::of(&run, of_run)?;
        return Ok(Outcome::Made);
    }
    Ok(match RunSummary::is_there(&source.folder)? {
        true => Outcome::AsItIs("its summary is of another state of the run, or was made otherwise".to_owned()),
        false => Outcome::LeftOut("it has no summary, and none was to be made".to_owned()),
    })
}
