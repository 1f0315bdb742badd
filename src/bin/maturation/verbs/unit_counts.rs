//! `maturation units`: how many units the two tests of selectivity keep.

use clap::Args;
use maturation::analysis::{self, UnitCounts};
use maturation::figures::Section;
use maturation::prelude::*;
use maturation::readout::ReadoutOptions;
use maturation::training::Selection;

use crate::common::output::{FigureOut, TableOut, put_both};
use crate::common::page_rules::{rule_epochs, selectivity};
use crate::common::recording::{tell_of_run, tested};
use crate::common::selectivity::TestArguments;
use crate::common::source::{Opened, Source, open};
use crate::common::staging;

/// How many units the published and the unbiased test of selectivity keep at each stage.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation unit-counts runs/paper --rule odr --epoch stim1 --figure counts.html")]
pub struct Arguments {
    #[command(flatten)]
    pub source: Source,
    /// The epoch in which units are tested, for example stim1 or delay1.
    #[arg(long, value_name = "EPOCH")]
    pub epoch: Epoch,
    #[command(flatten)]
    pub tested: TestArguments,
    #[command(flatten)]
    pub table: TableOut,
    #[command(flatten)]
    pub figure: FigureOut,
}

/// The table and the figure of unit counts.
pub fn run(arguments: Arguments) -> Result<()> {
    let (epoch, options) = (arguments.epoch, SelectivityOptions::from(&arguments.tested));
    let (table, title) = match open(&arguments.source, Selection::All)? {
        Opened::Table(activity) => {
            let mut counts = UnitCounts::new();
            counts.add(None, &tested(&activity, epoch, &options)?);
            (counts.table()?, format!("Units selective in {epoch}"))
        }
        Opened::Run(run, selection, rule, readout) => {
            tell_of_run(&run, options.normalisation);
            let table = analysis::unit_counts(&run, selection, rule, epoch, &options, &readout)?;
            (table, format!("Units selective in {epoch}, rule {rule}{}", staging::about(&run)))
        }
    };
    put_both(table, &arguments.table, &arguments.figure, |table| figures::unit_counts(table, &title))
}

/// The page's sections on unit counts.
pub fn section(run: &Run) -> Result<Vec<Section>> {
    let mut sections = Vec::new();
    for (rule, epoch) in rule_epochs(run, &[(Rule::ODRD, Epoch::Stim1), (Rule::ODR, Epoch::Delay1)]) {
        let (options, readout) = (selectivity(run), ReadoutOptions::default());
        let table = analysis::unit_counts(run, Selection::All, rule, epoch, &options, &readout)?;
        let title = format!("Units selective in {epoch}, rule {rule}");
        sections.push(Section {
            id: format!("units-{rule}-{epoch}"),
            title: format!("{title}, by two tests"),
            text: format!(
                "How many units are selective in {epoch}: by the published test, which divides the rates of each \
                 location by a baseline measured there and so takes chance for tuning in part of the untuned units, \
                 and by the unbiased one, which compares absolute rates and bounds the share of false discoveries. \
                 Left, by stage and kind, averaged over checkpoints; right, all kinds together against trials trained."
            ),
            figure: figures::unit_counts(&table, &title)?,
            table,
        });
    }
    Ok(sections)
}
