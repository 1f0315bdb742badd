//! `maturation decoder`.

use clap::Args;
use maturation::analysis::{Decoder, Scoring, decoder_by_checkpoint, decoder_of_run};
use maturation::figures::Section;
use maturation::prelude::*;
use maturation::training::Selection;

use crate::common::output::{FigureOut, TableOut, put_both};
use crate::common::page_rules::counterparts_or_any;
use crate::common::source::{Opened, Source, open};

/// How well a decoder trained in one window of the trial tells locations apart in another (paper, Fig. S5E).
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation decoder runs/paper --rule odr --figure decoder.html")]
pub struct Arguments {
    #[command(flatten)]
    pub source: Source,
    /// ms over which rates are averaged.
    #[arg(long, value_name = "MS", default_value_t = 200.0)]
    pub window_ms: f64,
    /// ms from the start of one window to that of the next.
    #[arg(long, value_name = "MS", default_value_t = 20.0)]
    pub stride_ms: f64,
    /// Trials of each location that are held out.
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub held_out: usize,
    /// Splits of the trials to average, each with other trials held out; 8 use every trial of the test once.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub folds: usize,
    /// Draw the trials to hold out with this seed [default: the first ones of each location, as published].
    #[arg(long, value_name = "N")]
    pub split_seed: Option<u64>,
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

impl From<&Arguments> for DecoderOptions {
    fn from(arguments: &Arguments) -> Self {
        DecoderOptions {
            window_ms: arguments.window_ms,
            stride_ms: arguments.stride_ms,
            held_out: arguments.held_out,
            folds: arguments.folds,
            split_seed: arguments.split_seed,
            scoring: if arguments.published_scoring { Scoring::Published } else { Scoring::HeldOut },
            permutations: arguments.permutations,
            permutation_seed: arguments.permutation_seed,
            ..DecoderOptions::default()
        }
    }
}

/// Makes the table and the figure.
pub fn run(arguments: Arguments) -> Result<()> {
    let options = DecoderOptions::from(&arguments);
    let (table, mut about) = match open(&arguments.source, Selection::Last)? {
        Opened::Table(activity) => (analysis::decoder(&activity, &options)?, DecoderAbout::of(&activity, &options)),
        Opened::Run(run, selection, rule, readout) => {
            let checkpoints = run.selected(&selection, rule)?;
            let which = match checkpoints.len() {
                1 => format!("after {} trials", checkpoints.first().trials_trained()),
                count => format!("{count} checkpoints"),
            };
            eprintln!("decoding the location in trials of {rule}, {which}");
            let about = DecoderAbout::of_run(&run, rule, &options);
            let about = DecoderAbout { title: format!("{}, {which}", about.title), ..about };
            let table = if arguments.by_checkpoint {
                decoder_by_checkpoint(&run, &selection, rule, &options, &readout)?
            } else {
                decoder_of_run(&run, &selection, rule, &options, &readout)?.table()?
            };
            (table, about)
        }
    };
    about.title.push_str(&format!(", {}", options.scoring));
    put_both(table, &arguments.table, &arguments.figure, |table| figures::decoder(table, &about))
}

/// The sections of the page: the last checkpoint on the delayed-response task, if the run was trained on it.
pub fn section(run: &Run) -> Result<Vec<Section>> {
    let rule = counterparts_or_any(run, &[Rule::ODR, Rule::ODRD])[0];
    let checkpoint = run.last()?;
    let activity = checkpoint.activity(rule)?;
    let held_out = DecoderOptions::default();
    let published = DecoderOptions { scoring: Scoring::Published, ..held_out.clone() };
    let [held_out, published] = [Decoder::of(&activity, &held_out)?, Decoder::of(&activity, &published)?];
    let table = held_out.table()?;
    let about = DecoderAbout::of(&activity, &DecoderOptions::default());
    let title = format!("{}, after {} trials", about.title, checkpoint.trials_trained());
    let names = Scoring::ALL.map(Scoring::name);
    let figure = figures::decoder_compared(
        (names[0], &table),
        (names[1], &published.table()?),
        &DecoderAbout { title, ..about },
    )?;
    Ok(vec![Section {
        id: format!("decoder-{rule}"),
        title: format!("The location decoded across time, rule {rule} (paper, Fig. S5E)"),
        text: format!(
            "A classifier is trained to tell the stimulus location from the rates in one window of the trial (14 of 16 \
             trials a location) and tested in every other. A code that stays the same would fill the square; one that \
             moves on is read along the diagonal alone. Left: tested on the trials held out. Right: as published, off \
             the diagonal on all trials, those trained on included. Mean accuracy over all cells: {:.3} held out, {:.3} \
             as published.",
            held_out.means().0,
            published.means().0
        ),
        figure,
        table,
    }])
}
