//! The verbs: one file each, with its arguments and what it does.

mod activity;
mod agreement;
mod bin;
mod claims;
mod decoder;
mod distractor;
mod dpca;
mod epoch_growth;
mod export;
mod gradients;
mod import;
mod lab;
mod lesion;
mod log;
mod notebooks;
mod outputs;
mod pca;
mod performance_growth;
mod period_activity;
mod presets;
mod psth;
mod reproduce;
mod saccade;
mod sample_unit;
mod selectivity;
mod summary;
mod sweep;
mod train;
mod trials;
mod tuning;
mod unit_counts;

pub use reproduce::Arguments as Reproduce;

use clap::Subcommand;
use maturation::Result;

/// Makes the list of verbs: each a module with `Arguments`, whose documentation is its help, and `run`. An alias is a
/// name that the verb had in the version before.
macro_rules! verbs {
    ($($(#[$attribute:meta])* $Verb:ident: $module:ident),* $(,)?) => {
        /// What can be asked for, in the order of the help.
        #[derive(Debug, Subcommand)]
        pub enum Verb {
            $(
                $(#[$attribute])*
                $Verb($module::Arguments),
            )*
        }

        impl Verb {
            /// Does it.
            pub fn run(self) -> Result<()> {
                match self {
                    $(Verb::$Verb(arguments) => $module::run(arguments),)*
                }
            }
        }
    };
}

verbs! {
    Reproduce: reproduce,
    Lab: lab,
    Notebooks: notebooks,
    Presets: presets,
    Train: train,
    Sweep: sweep,
    Import: import,
    Export: export,
    Log: log,
    Trials: trials,
    Activity: activity,
    Outputs: outputs,
    Gradients: gradients,
    Bin: bin,
    Selectivity: selectivity,
    Psth: psth,
    #[command(alias = "growth")]
    PerformanceGrowth: performance_growth,
    Agreement: agreement,
    #[command(alias = "period")]
    PeriodActivity: period_activity,
    Distractor: distractor,
    Saccade: saccade,
    Tuning: tuning,
    EpochGrowth: epoch_growth,
    SampleUnit: sample_unit,
    #[command(alias = "units")]
    UnitCounts: unit_counts,
    Lesion: lesion,
    Claims: claims,
    Summary: summary,
    Dpca: dpca,
    Pca: pca,
    Decoder: decoder,
}

/// The names of all verbs.
#[cfg(test)]
pub fn names() -> Vec<String> {
    let command = Verb::augment_subcommands(clap::Command::new("maturation"));
    command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect()
}
