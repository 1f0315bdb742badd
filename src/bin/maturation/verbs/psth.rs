//! `maturation psth`: the activity of selective units over the trial.

use clap::Args;
use maturation::analysis::{self, Grouping, Psth, PsthOptions};
use maturation::figures::{PsthAbout, Section};
use maturation::prelude::*;
use maturation::training::Selection;

use crate::common::output::{FigureOut, TableOut, put_both};
use crate::common::page_rules::{relative, rule_epochs};
use crate::common::population::{PopulationArguments, seed};
use crate::common::source::{Opened, Source, open};

/// The average activity of selective units over the trial, by stage (paper, Fig. 4E-G).
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation psth runs/paper --rule odr --epoch stim1 --opposite --figure psth.html")]
pub struct Arguments {
    #[command(flatten)]
    pub source: Source,
    /// The epoch in which units must be selective, for example stim1 or delay1.
    #[arg(long, value_name = "EPOCH")]
    pub epoch: Epoch,
    /// Show the activity at the location opposite the preferred one too.
    #[arg(long)]
    pub opposite: bool,
    /// A curve for each checkpoint in place of each stage.
    #[arg(long)]
    pub by_checkpoint: bool,
    #[command(flatten)]
    pub population: PopulationArguments,
    #[command(flatten)]
    pub table: TableOut,
    #[command(flatten)]
    pub figure: FigureOut,
}

/// The table and the figure of a PSTH.
pub fn run(arguments: Arguments) -> Result<()> {
    let population = arguments.population.options(arguments.source.seed.unwrap_or(0));
    let selectivity = population.selectivity.clone();
    let mut options = PsthOptions {
        kinds: population.kinds,
        normalised: selectivity.normalised,
        opposite: arguments.opposite,
        test: population.test,
        grouping: if arguments.by_checkpoint { Grouping::Checkpoint } else { Grouping::Stage },
        baseline_skip_ms: selectivity.baseline_skip_ms,
        follow: population.follow,
        bootstrap: population.bootstrap,
        seed: population.seed,
    };
    let epoch = arguments.epoch;
    let (table, mut about) = match open(&arguments.source, Selection::All)? {
        Opened::Table(activity) => {
            let units = Selectivity::of(&activity, epoch, &selectivity)?;
            let mut psth = Psth::new(PsthOptions { grouping: Grouping::Stage, ..options });
            psth.add("recording", &activity, &units)?;
            let title = format!("Average activity of {epoch}-selective units");
            (psth.table()?, PsthAbout::of_activity(&activity, title))
        }
        Opened::Run(run, selection, rule, readout) => {
            options.seed = seed(arguments.source.seed, &run);
            let checkpoints = run.selected(&selection, rule)?;
            let table = analysis::psth_with(&run, &checkpoints, rule, epoch, &options, &selectivity, &readout)?;
            (table, PsthAbout::of(rule, epoch, run.hyperparameters().dt))
        }
    };
    about.normalised = selectivity.normalised;
    about.title.push_str(&arguments.population.about());
    put_both(table, &arguments.table, &arguments.figure, |table| figures::psth(table, &about))
}

/// The page's section on the units of one stage, followed through the others.
pub fn section(run: &Run) -> Result<Vec<Section>> {
    let mut sections = Vec::new();
    for (rule, epoch) in rule_epochs(run, &[(Rule::ODRD, Epoch::Stim1), (Rule::ODR, Epoch::Delay1)]) {
        let has = |stage: &Stage| run.stage(rule, *stage).is_ok();
        let Some(stage) = Stage::ALL.into_iter().rev().find(has) else { continue };
        let options = PsthOptions {
            follow: Some(stage),
            bootstrap: 1000,
            normalised: relative(run),
            seed: run.hyperparameters().seed,
            ..PsthOptions::default()
        };
        let table = analysis::psth(run, &Selection::All, rule, epoch, &options)?;
        let mut about = PsthAbout { normalised: relative(run), ..PsthAbout::of(rule, epoch, run.hyperparameters().dt) };
        about.title.push_str(&format!(", units of the last {stage} checkpoint followed"));
        sections.push(Section {
            id: format!("followed-{rule}-{epoch}").replace('_', "-"),
            title: format!("Units that end up {epoch}-selective, followed through training, rule {rule}"),
            text: format!(
                "The excited and mixed units that are selective in {epoch} at the last {stage} checkpoint, with the \
                 locations that they prefer there, followed through the checkpoints of all stages: what the same units \
                 did before. Bands hold 95 % of the averages over 1000 resamples of the units."
            ),
            figure: figures::psth(&table, &about)?,
            table,
        });
    }
    Ok(sections)
}
