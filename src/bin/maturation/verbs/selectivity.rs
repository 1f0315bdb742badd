//! `maturation selectivity`: which units are selective, and for which location.

use clap::Args;
use maturation::analysis;
use maturation::prelude::*;
use maturation::training::Selection;

use crate::common::output::{TableOut, put_table, say};
use crate::common::recording::{labelled, tell_of_run, tested};
use crate::common::selectivity::TestArguments;
use crate::common::source::{Opened, Source, open};

/// Which units are selective for the stimulus in an epoch, and for which location.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation selectivity runs/paper --rule odr --epoch delay1 --out units.csv")]
pub struct Arguments {
    #[command(flatten)]
    pub source: Source,
    /// The epoch whose rates are tested, for example stim1 or delay1.
    #[arg(long, value_name = "EPOCH")]
    pub epoch: Epoch,
    #[command(flatten)]
    pub test: TestArguments,
    #[command(flatten)]
    pub table: TableOut,
}

/// Tests the units, and puts the table where it is asked for.
pub fn run(arguments: Arguments) -> Result<()> {
    let options = SelectivityOptions::from(&arguments.test);
    let table = match open(&arguments.source, Selection::Last)? {
        Opened::Table(activity) => labelled(tested(&activity, arguments.epoch, &options)?.table()?, &activity)?,
        Opened::Run(run, selection, rule, readout) => {
            tell_of_run(&run, options.normalisation);
            analysis::selectivity_of_run(&run, selection, rule, arguments.epoch, &options, &readout)?
        }
    };
    if arguments.table.out.is_some() {
        return put_table(table, &arguments.table);
    }
    for found in Selectivity::from_table(&table)? {
        say(summary(&found));
    }
    say(telling(&table));
    Ok(())
}

/// What was found, in a sentence.
fn summary(found: &Selectivity) -> String {
    let count = |test: SelectivityTest, kind: Kind| found.units.iter().filter(|unit| unit.kind(test) == kind).count();
    let of_test = |test: SelectivityTest| {
        let selective = found.units.iter().filter(|unit| unit.is_selective(test)).count();
        let [excited, inhibited, mixed] = [Kind::Excited, Kind::Inhibited, Kind::Mixed].map(|kind| count(test, kind));
        format!("{selective} selective by the {test} test ({excited} excited, {inhibited} inhibited, {mixed} mixed)")
    };
    let untested = found.units.iter().filter(|unit| unit.not_tested.is_some()).count();
    let after = found.trials_trained.map_or_else(String::new, |trials| format!(" after {trials} trials"));
    format!(
        "{} units in {}{after}: {}, {}; {untested} not tested",
        found.units.len(),
        found.epoch,
        of_test(SelectivityTest::Published),
        of_test(SelectivityTest::Unbiased)
    )
}

/// The columns that tell most, for the screen; files have all.
fn telling(table: &DataFrame) -> DataFrame {
    let differ = |name: &str| table.column(name).is_ok_and(|column| column.n_unique().is_ok_and(|count| count > 1));
    let mut names = vec!["unit", "kind", "preferred_location"];
    if differ("trials_trained") {
        names.insert(0, "trials_trained");
    }
    if table.get_column_index("preferred_label").is_some() {
        names.push("preferred_label");
    }
    names.extend(["p_value", "unbiased_selective", "unbiased_q_value"]);
    if table.column("not_tested").is_ok_and(|column| column.null_count() < column.len()) {
        names.push("not_tested");
    }
    table.select(names).unwrap_or_else(|_| table.clone())
}
