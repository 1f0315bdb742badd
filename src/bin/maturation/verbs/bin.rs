//! `maturation bin`: rates out of spike times.

use std::path::PathBuf;

use clap::Args;
use maturation::prelude::*;
use maturation::tables::{read_table, write_table};

use crate::common::output::{TableOut, put_table, say};
use crate::common::recording::{RingArguments, tell};

/// Count spikes in bins around an event of each trial: a table of activity, of rates in Hz.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  maturation bin spikes.csv cues.csv --bin-ms 20 --from-ms 0 --to-ms 500 --out rates.csv"
)]
pub struct Arguments {
    /// A table with a row a spike (.parquet or .csv): unit, time_s (or time_ms) and, of several sessions, session.
    #[arg(value_name = "SPIKES")]
    pub spikes: PathBuf,
    /// A table with a row a trial: trial, location, start_s (or start_ms) on the same clock, further events in columns
    /// that end in _s or _ms and, of several sessions, session.
    #[arg(value_name = "TRIALS")]
    pub trials: PathBuf,
    /// ms a bin.
    #[arg(long, value_name = "MS")]
    pub bin_ms: f64,
    /// Smooth rates with a Gaussian of this standard deviation, ms.
    #[arg(long, value_name = "MS")]
    pub smooth_ms: Option<f64>,
    /// Smooth with the half of the Gaussian that looks back.
    #[arg(long, requires = "smooth_ms")]
    pub causal: bool,
    /// The event that time counts from: a column of TRIALS, with or without _s or _ms [default: start].
    #[arg(long, value_name = "COLUMN")]
    pub align: Option<String>,
    /// The start of the window, ms from that event.
    #[arg(long, value_name = "MS", allow_hyphen_values = true)]
    pub from_ms: f64,
    /// The end of the window, ms from that event.
    #[arg(long, value_name = "MS", allow_hyphen_values = true)]
    pub to_ms: f64,
    /// What times are in, ms or s, where the names of their columns do not say it.
    #[arg(long, value_name = "UNIT")]
    pub time_unit: Option<TimeUnit>,
    #[command(flatten)]
    pub ring: RingArguments,
    /// Write the times of the events of each trial to FILE (.parquet or .csv): trial, event, time_ms.
    #[arg(long, value_name = "FILE")]
    pub events_out: Option<PathBuf>,
    #[command(flatten)]
    pub table: TableOut,
}

/// Counts, tells what was found, and writes the table of activity.
pub fn run(arguments: Arguments) -> Result<()> {
    let options = SpikeOptions {
        bin_ms: arguments.bin_ms,
        smooth_ms: arguments.smooth_ms,
        causal: arguments.causal,
        align: arguments.align.clone(),
        from_ms: arguments.from_ms,
        to_ms: arguments.to_ms,
        time_unit: arguments.time_unit,
        ring: arguments.ring.options(),
        pseudo: arguments.ring.pseudo(),
    };
    let (spikes, trials) = (read_table(&arguments.spikes)?, read_table(&arguments.trials)?);
    let (activity, mut events) = Activity::from_spikes(&spikes, &trials, &options)?;
    activity.notes.iter().for_each(tell);
    for line in spans(&events)? {
        eprintln!("{line}");
    }
    if let Some(path) = &arguments.events_out {
        write_table(path, &mut events)?;
    }
    let (steps, count, units) = activity.rates.dim();
    let table = activity.table()?;
    if let Some(path) = &arguments.table.out {
        put_table(table, &arguments.table)?;
        say(format!("{units} units, {count} trials of {steps} bins of {} ms: {}", activity.dt, path.display()));
        return Ok(());
    }
    put_table(table, &arguments.table)
}

/// When each event is, over trials: what `--epoch-ms` wants to know.
fn spans(events: &DataFrame) -> Result<Vec<String>> {
    let means = events.mean_by(&["event"], &["time_ms"])?;
    let mut lines = Vec::new();
    for row in 0..means.height() {
        let of = means.slice(row as i64, 1);
        let name = of.column("event").ok().and_then(|column| column.str().ok()?.get(0).map(str::to_owned));
        let name = name.unwrap_or_default();
        let times = events.rows_where("event", &name)?;
        let sorted = times.sorted_up_by("time_ms")?;
        let first = sorted.number("time_ms", 0)?;
        let last = times.sorted_by("time_ms")?.number("time_ms", 0)?;
        let mean = of.number("time_ms", 0)?;
        let span = if first == last { format!("{first} ms") } else { format!("{first} to {last} ms, mean {mean:.1}") };
        if mean.is_nan() {
            lines.push(format!("event {name}: in no trial"));
        } else {
            lines.push(format!("event {name}: {span}"));
        }
    }
    Ok(lines)
}
