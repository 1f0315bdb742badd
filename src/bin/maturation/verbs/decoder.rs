//! `maturation decoder`.

use clap::Args;
use maturation::analysis::{HoldOut, Permutations, Scoring, decoder_by_checkpoint, decoder_of_run};
use maturation::prelude::*;
use maturation::training::Selection;

use crate::common::output::{FigureOut, TableOut, put_both, refuse};
use crate::common::recording::chosen_locations;
use crate::common::source::{Opened, Source, open};

/// How well a decoder trained in one window of the trial tells locations apart in another (paper, Fig. S5E).
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation decoder runs/paper --rule odr --figure decoder.html")]
pub struct Arguments {
    #[command(flatten)]
    pub source: Source,
    /// The locations to tell apart, for example 0,4 [default: all that have trials].
    #[arg(long, value_name = "L,…", value_delimiter = ',')]
    pub locations: Option<Vec<String>>,
    /// ms over which rates are averaged [default: 200, or a time step if that is longer].
    #[arg(long, value_name = "MS")]
    pub window_ms: Option<f64>,
    /// ms from the start of one window to that of the next [default: 20, or a time step if that is longer].
    #[arg(long, value_name = "MS")]
    pub stride_ms: Option<f64>,
    /// Trials of each location that are held out.
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub held_out: usize,
    /// Splits of the trials to average, each with other trials held out; 8 use every trial of the test once.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub folds: usize,
    /// Decides which trials are held out: they are drawn over the session.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub split_seed: u64,
    /// Hold out the first trials of each location, as published; a drift through the session then lowers accuracy.
    #[arg(long, conflicts_with = "split_seed")]
    pub published_hold_out: bool,
    /// Score windows other than the one trained in on all trials, those trained on included, as published.
    #[arg(long)]
    pub published_scoring: bool,
    /// Permute the locations N times to tell what chance gives: adds a band and p-values.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub permutations: usize,
    /// Decides the permutations.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub permutation_seed: u64,
    /// The table of each checkpoint, one below the other, in place of their average.
    #[arg(long)]
    pub by_checkpoint: bool,
    #[command(flatten)]
    pub table: TableOut,
    #[command(flatten)]
    pub figure: FigureOut,
}

impl Arguments {
    /// The options at a time step of `dt` ms.
    fn options(&self, dt: f64, locations: Option<Vec<usize>>) -> DecoderOptions {
        let usual = DecoderOptions::default().at_least(dt);
        DecoderOptions {
            window_ms: self.window_ms.unwrap_or(usual.window_ms),
            stride_ms: self.stride_ms.unwrap_or(usual.stride_ms),
            held_out: self.held_out,
            folds: self.folds,
            hold_out: match self.published_hold_out {
                true => HoldOut::First,
                false => HoldOut::Drawn { seed: self.split_seed },
            },
            locations,
            scoring: if self.published_scoring { Scoring::Published } else { Scoring::HeldOut },
            permutations: Permutations { seed: self.permutation_seed, ..Permutations::of(self.permutations) },
        }
    }
}

/// Makes the table and the figure.
pub fn run(arguments: Arguments) -> Result<()> {
    let title = |rule: Option<Rule>| {
        let rule = rule.map_or_else(String::new, |rule| format!(", rule {rule}"));
        format!("Location decoded across time{rule}")
    };
    let (table, mut about, options) = match open(&arguments.source, Selection::Last)? {
        Opened::Table(activity) => {
            let locations = chosen_locations(arguments.locations.as_deref(), &activity)?;
            let options = arguments.options(activity.dt, locations);
            (analysis::decoder(&activity, &options)?, About::of(&activity, title(activity.rule)), options)
        }
        Opened::Run(run, selection, rule, readout) => {
            let hyperparameters = run.hyperparameters();
            let number = |text: &String| text.trim().parse::<usize>();
            let locations = arguments.locations.as_ref().map(|given| given.iter().map(number).collect());
            let locations = locations.transpose().map_err(|_| {
                let most = hyperparameters.n_eachring - 1;
                refuse("--locations names no numbers", format!("give numbers from 0 to {most}"))
            })?;
            let options = arguments.options(hyperparameters.dt, locations);
            let checkpoints = run.selected(selection, rule)?;
            let which = match checkpoints.len() {
                1 => format!("after {} trials", checkpoints.first().trials_trained()),
                count => format!("{count} checkpoints"),
            };
            eprintln!("decoding the location in trials of {rule}, {which}");
            let about = About::of_run(&run, rule, format!("{}, {which}", title(Some(rule))));
            let table = if arguments.by_checkpoint {
                decoder_by_checkpoint(&run, checkpoints, rule, &options, &readout)?
            } else {
                decoder_of_run(&run, checkpoints, rule, &options, &readout)?.table()?
            };
            (table, about, options)
        }
    };
    about.title.push_str(&format!(", {}", options.scoring));
    put_both(table, &arguments.table, &arguments.figure, |table| figures::decoder(table, &options, &about))
}
