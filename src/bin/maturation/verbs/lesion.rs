//! `maturation lesion`: what a network can still do without some of its units.

use std::path::PathBuf;

use clap::Args;
use maturation::analysis::{LesionOptions, LesionTarget, RuleEpoch, lesion};
use maturation::prelude::*;

use crate::common::output::{FigureOut, TableOut, put_both, refuse};
use crate::common::selectivity::TestArguments;
use crate::common::source::one;

/// What a network can still do without some of its units: performance of each rule against the share silenced.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation lesion runs/paper --selective-in odr:delay1 --figure lesions.html")]
pub struct Arguments {
    /// The run directory.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The checkpoint: the trials trained, or last.
    #[arg(long, alias = "trials", value_name = "N", default_value = "last")]
    pub checkpoints: Selection,
    /// The rules to test after each lesion, for example odr,gap [default: all that were trained].
    #[arg(long, value_name = "RULE,…", value_delimiter = ',')]
    pub rules: Vec<Rule>,
    /// Silence these units, counted from 0 [default: any].
    #[arg(long, value_name = "UNIT,…", value_delimiter = ',')]
    pub silence: Vec<usize>,
    /// Silence units that are selective in an epoch of a rule, for example odr:delay1; may be repeated, each a target
    /// of its own.
    #[arg(long, value_name = "RULE:EPOCH")]
    pub selective_in: Vec<RuleEpoch>,
    /// With --selective-in: the kinds of units, of excited, inhibited and mixed [default: all three].
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', requires = "selective_in")]
    pub kinds: Vec<Kind>,
    /// With --selective-in: units that prefer one of these locations, counted from 0 [default: any].
    #[arg(long, value_name = "LOCATION,…", value_delimiter = ',', requires = "selective_in")]
    pub preferring: Vec<usize>,
    /// The shares of the target's units to silence [default: 0,0.01,0.02,0.05,0.1,0.15,0.2,0.3,0.5,0.75,1].
    #[arg(long, value_name = "SHARE,…", value_delimiter = ',')]
    pub shares: Vec<f64>,
    /// Random draws of each share.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub repeats: usize,
    /// Leave out the lesions of as many units drawn from all.
    #[arg(long)]
    pub unmatched: bool,
    /// Random trials of each rule on which performance is measured.
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub trials_per_rule: usize,
    /// With --selective-in: the test that decides which units are selective, published or unbiased.
    #[arg(long, value_name = "TEST", default_value = "published", visible_alias = "selected-by")]
    pub test: SelectivityTest,
    #[command(flatten)]
    pub tested: TestArguments,
    /// The seed of the draws.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Where to compute: cpu, cuda:N (a GPU of NVIDIA's, counted from 0), or auto.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: Device,
    #[command(flatten)]
    pub table: TableOut,
    #[command(flatten)]
    pub figure: FigureOut,
}

/// Makes the table and the figure.
pub fn run(arguments: Arguments) -> Result<()> {
    let run = Run::open(&arguments.run)?;
    let or = |given: Vec<Rule>| if given.is_empty() { run.hyperparameters().rule_trains.clone() } else { given };
    let rules = or(arguments.rules);
    let first = *rules.first().ok_or_else(|| refuse("there is no rule to test", "give --rules"))?;
    let checkpoint = one(&run, &arguments.checkpoints, first)?;
    let kinds = match arguments.kinds.is_empty() {
        true => vec![Kind::Excited, Kind::Inhibited, Kind::Mixed],
        false => arguments.kinds,
    };
    let population =
        Population { kinds, test: arguments.test, selectivity: SelectivityOptions::from(&arguments.tested) };
    let locations = arguments.preferring;
    let selective = |at: RuleEpoch| {
        let (population, locations) = (population.clone(), locations.clone());
        LesionTarget::Selective { at, population, locations }
    };
    let mut targets: Vec<LesionTarget> = arguments.selective_in.into_iter().map(selective).collect();
    if !arguments.silence.is_empty() {
        targets.push(LesionTarget::Listed(arguments.silence));
    }
    if targets.is_empty() {
        targets.push(LesionTarget::All);
    }
    let defaults = LesionOptions::default();
    let options = LesionOptions {
        shares: if arguments.shares.is_empty() { defaults.shares } else { arguments.shares },
        repeats: arguments.repeats,
        matched: !arguments.unmatched,
        trials: arguments.trials_per_rule,
        seed: arguments.seed,
        device: arguments.device,
    };
    let table = lesion(&checkpoint.network()?, &targets, &rules, &options)?;
    let trained = checkpoint.trials_trained();
    let title = format!("Performance without some units, after {trained} trials of training");
    put_both(table, &arguments.table, &arguments.figure, |table| figures::lesion(table, &title))
}
