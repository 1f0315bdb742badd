//! `maturation sample-unit`: one unit at every location.

use clap::Args;
use maturation::activity::Activity;
use maturation::figures::{PsthAbout, Section};
use maturation::prelude::*;
use maturation::readout::Readout;
use maturation::training::Selection;

use crate::common::output::{FigureOut, TableOut, put_both};
use crate::common::page_rules::{counterparts_or_any, population};
use crate::common::population::UnitArguments;
use crate::common::recording::{labelled, tested};
use crate::common::source::{Opened, Source, one, open};

/// One unit at every location, with its polar plot (paper, Fig. 3B).
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  maturation sample-unit runs/paper --rule odr --epoch stim1 --unit 3 --figure unit.html"
)]
pub struct Arguments {
    #[command(flatten)]
    pub source: Source,
    /// The epoch of the polar plot, which decides the preferred location, for example stim1 or delay1.
    #[arg(long, value_name = "EPOCH")]
    pub epoch: Epoch,
    /// The unit [default: of the selective --units whose highest rate is at least the median one, the most sharply
    /// tuned, by the vector strength of its rates over locations].
    #[arg(long, value_name = "N")]
    pub unit: Option<usize>,
    #[command(flatten)]
    pub units: UnitArguments,
    #[command(flatten)]
    pub table: TableOut,
    #[command(flatten)]
    pub figure: FigureOut,
}

/// What the figure of a unit is of.
fn about(unit: &SampleUnit, activity: &Activity) -> PsthAbout {
    let rule = activity.rule.map_or_else(String::new, |rule| format!(", rule {rule}"));
    let trained =
        activity.trials_trained.map_or_else(String::new, |trials| format!(", after {trials} trials of training"));
    PsthAbout {
        title: format!("Unit {}{rule}{trained}; in the middle its {} rates", unit.unit, unit.epoch),
        epochs: activity.epochs_in_ms(),
        normalised: false,
    }
}

/// The table and the figure of a unit.
pub fn run(arguments: Arguments) -> Result<()> {
    let population = arguments.units.population();
    let activity = match open(&arguments.source, Selection::Last)? {
        Opened::Table(activity) => {
            tested(&activity, arguments.epoch, &population.selectivity)?;
            activity
        }
        Opened::Run(run, selection, rule, readout) => {
            Readout::new(readout)?.activity(&one(&run, &selection, rule)?, rule)?
        }
    };
    let unit = SampleUnit::of(&activity, arguments.epoch, arguments.unit, &population)?;
    let about = about(&unit, &activity);
    put_both(labelled(unit.table()?, &activity)?, &arguments.table, &arguments.figure, |table| {
        figures::sample_unit(table, &about)
    })
}

/// The page's section on a sample unit.
pub fn section(run: &Run) -> Result<Vec<Section>> {
    let (rule, epoch) = (counterparts_or_any(run, &[Rule::ODR, Rule::ODRD])[0], Epoch::Stim1);
    let activity = run.last()?.activity(rule)?;
    let unit = SampleUnit::of(&activity, epoch, None, &population(run))?;
    let table = unit.table()?;
    Ok(vec![Section {
        id: "sample-unit".to_owned(),
        title: format!("A sample unit, rule {rule} (paper, Fig. 3B)"),
        text: format!(
            "The mean rate of unit {} over the trial at each location, the panels placed as the locations are, with \
             the standard error over trials; in the middle its mean rates in {epoch}, the outer circle at the largest, \
             and its preferred direction. It is the most sharply tuned (by vector strength) of the selective units \
             whose highest rate is at least the median one, at the last checkpoint.",
            unit.unit
        ),
        figure: figures::sample_unit(&table, &about(&unit, &activity))?,
        table,
    }])
}
