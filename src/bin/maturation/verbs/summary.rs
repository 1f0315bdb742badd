//! `maturation summary`: what many runs show together.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use maturation::prelude::*;
use maturation::report::summary_page;
use maturation::summary::{RunSummaryOptions, Summary, SummaryOptions};

use crate::common::output::{refuse, say};

/// What many runs show together: measures and the paper's claims over runs, with intervals, tables and one page.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation summary runs/ten-networks --out together")]
pub struct Arguments {
    /// A folder of runs (what sweep made, or any folder whose folders are runs), or several folders, each a run or of
    /// runs.
    #[arg(value_name = "FOLDER", required = true)]
    pub folders: Vec<PathBuf>,
    /// The folder for tables and index.html [default: summary in FOLDER].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Take the runs' summaries as they are, and leave out runs that have none.
    #[arg(long)]
    pub no_measure: bool,
    /// Take runs of a plan that are not finished too, with what they show so far.
    #[arg(long)]
    pub unfinished: bool,
    /// Look at N checkpoints of each stage of each rule at most, evenly spread [default: all].
    #[arg(long, value_name = "N")]
    pub checkpoints_per_stage: Option<usize>,
    /// How many runs to summarise at once [default: one a processor core].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub jobs: usize,
    /// Evaluations that the performance is averaged over before it decides the stage (an odd number).
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub stage_window: usize,
    /// How often runs are resampled for intervals.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub resamples: usize,
    /// The seed of the resamples.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

/// Makes what is missing, then the tables and the page.
pub fn run(arguments: Arguments) -> Result<()> {
    let begin = Instant::now();
    let out = match (&arguments.out, arguments.folders.as_slice()) {
        (Some(out), _) => out.clone(),
        (None, [folder]) if !folder.join("hp.json").is_file() => folder.join("summary"),
        (None, _) => return Err(refuse("it is not said where tables and page go", "give --out DIR")),
    };
    let options = SummaryOptions {
        run: RunSummaryOptions { most_checkpoints: arguments.checkpoints_per_stage, ..RunSummaryOptions::default() },
        staging: Staging { window: arguments.stage_window },
        measure: !arguments.no_measure,
        unfinished: arguments.unfinished,
        jobs: arguments.jobs,
        resamples: arguments.resamples,
        seed: arguments.seed,
    };
    let summary = Summary::of_folders(&arguments.folders, &options, &mut |line| eprintln!("{line}"))?;
    summary.write(&out)?;
    let page = summary_page(&summary)?;
    let index = out.join("index.html");
    page.write(&index)?;
    for (what, why) in &page.left_out {
        say(format!("left out: {what}: {why}"));
    }
    let count = summary.count();
    let runs = if count == 1 { "1 run".to_owned() } else { format!("{count} runs") };
    say(format!("{runs}: tables and {} ({:.1} s)", index.display(), begin.elapsed().as_secs_f64()));
    Ok(())
}
