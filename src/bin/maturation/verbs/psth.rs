//! `maturation psth`: the activity of selective units over the trial.

use clap::Args;
use maturation::analysis::{self, Grouping, Psth, PsthOptions};
use maturation::figures::{PsthAbout, Section};
use maturation::prelude::*;
use maturation::training::Selection;

use crate::common::output::{FigureOut, TableOut, put_both};
use crate::common::page_rules::{bootstrap, of_rates, of_the_paper, population, relative, rule_epochs};
use crate::common::population::{AverageArguments, seed};
use crate::common::recording::{tell, tell_of_run, tested};
use crate::common::source::{Opened, Source, open};
use crate::common::staging;

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
    pub average: AverageArguments,
    #[command(flatten)]
    pub table: TableOut,
    #[command(flatten)]
    pub figure: FigureOut,
}

/// The table and the figure of a PSTH.
pub fn run(arguments: Arguments) -> Result<()> {
    let average = arguments.average.options(arguments.source.seed.unwrap_or(0));
    let mut options = PsthOptions {
        population: average.population,
        opposite: arguments.opposite,
        grouping: if arguments.by_checkpoint { Grouping::Checkpoint } else { Grouping::Stage },
        follow: average.follow,
        bootstrap: average.bootstrap,
    };
    let epoch = arguments.epoch;
    let (table, mut about) = match open(&arguments.source, Selection::All)? {
        Opened::Table(activity) => {
            let units = tested(&activity, epoch, &options.population.selectivity)?;
            if options.opposite && activity.location_count % 2 == 1 {
                tell(format!("a ring of {} locations has no opposite ones: none are shown", activity.location_count));
            }
            let mut psth = Psth::new(PsthOptions { grouping: Grouping::Stage, ..options });
            psth.add("recording", &activity, &units)?;
            let title = format!("Average activity of {epoch}-selective units");
            (psth.table()?, PsthAbout::of_activity(&activity, title))
        }
        Opened::Run(run, selection, rule, readout) => {
            options.bootstrap.seed = seed(arguments.source.seed, &run);
            tell_of_run(&run, options.population.selectivity.normalisation);
            if options.opposite && run.hyperparameters().n_eachring % 2 == 1 {
                tell("a ring of an odd number of locations has no opposite ones: none are shown");
            }
            let table = analysis::psth(&run, selection, rule, epoch, &options, &readout)?;
            let about = PsthAbout::of(rule, epoch, run.hyperparameters().dt);
            (table, PsthAbout { title: about.title + &staging::about(&run), ..about })
        }
    };
    about.title.push_str(&arguments.average.about());
    put_both(table, &arguments.table, &arguments.figure, |table| figures::psth(table, &about))
}

/// The epochs whose selective units the page shows over the trial.
const PSTHS: [(Rule, Epoch); 4] =
    [(Rule::ODRD, Epoch::Stim1), (Rule::ODR, Epoch::Stim1), (Rule::ODR, Epoch::Delay1), (Rule::GAP, Epoch::Stim1)];

/// The same for a variant of the paper's model: what the published scripts draw of their variants.
const PSTHS_OF_A_VARIANT: [(Rule, Epoch); 8] = [
    (Rule::ODR, Epoch::Stim1),
    (Rule::ODR, Epoch::Delay1),
    (Rule::ODRD, Epoch::Stim1),
    (Rule::ODRD, Epoch::Delay1),
    (Rule::ODRD, Epoch::Delay2),
    (Rule::OVERLAP, Epoch::Stim1),
    (Rule::ZERO_GAP, Epoch::Stim1),
    (Rule::GAP, Epoch::Stim1),
];

/// The page's sections on the selective units of each stage.
pub fn section(run: &Run) -> Result<Vec<Section>> {
    let hyperparameters = run.hyperparameters();
    let wanted: &[_] = if of_the_paper(run) { &PSTHS } else { &PSTHS_OF_A_VARIANT };
    let baseline = match relative(run) {
        true => " The baseline includes the start-up transient of the first 100 ms, as published.",
        false => "",
    };
    let section = |(rule, epoch): (Rule, Epoch)| {
        let options = PsthOptions { opposite: true, population: population(run), ..PsthOptions::default() };
        let table = analysis::psth(run, Selection::All, rule, epoch, &options, &ReadoutOptions::default())?;
        Ok(Section {
            id: format!("psth-{rule}-{epoch}").replace('_', "-"),
            title: format!("Activity of {epoch}-selective units, rule {rule} (paper, Fig. 4E–G)"),
            text: format!(
                "The average activity of the excited and mixed units that are selective in {epoch}, each at its \
                 preferred location (solid) and at the opposite one (dashed), {}; averaged over the checkpoints of \
                 each stage that are at hand.{baseline}",
                of_rates(run)
            ),
            figure: figures::psth(&table, &PsthAbout::of(rule, epoch, hyperparameters.dt))?,
            table,
        })
    };
    rule_epochs(run, wanted).into_iter().map(section).collect()
}

/// The page's section on the units of one stage, followed through the others.
pub fn followed(run: &Run) -> Result<Vec<Section>> {
    let mut sections = Vec::new();
    for (rule, epoch) in rule_epochs(run, &[(Rule::ODRD, Epoch::Stim1), (Rule::ODR, Epoch::Delay1)]) {
        let has = |stage: &Stage| run.stage(rule, *stage).is_ok();
        let Some(stage) = Stage::ALL.into_iter().rev().find(has) else { continue };
        let options = PsthOptions {
            follow: Some(stage),
            bootstrap: bootstrap(run),
            population: population(run),
            ..PsthOptions::default()
        };
        let table = analysis::psth(run, Selection::All, rule, epoch, &options, &ReadoutOptions::default())?;
        let mut about = PsthAbout::of(rule, epoch, run.hyperparameters().dt);
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
