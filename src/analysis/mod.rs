//! The paper's analyses: activity in, table out.
//!
//! Each analysis has a typed form, which the figures use, and gives a table with documented columns.

mod agreement;
mod average;
pub(crate) mod claims;
mod components;
mod decoder;
mod distractor;
mod dpca;
mod epoch_growth;
#[cfg(test)]
pub(crate) mod golden;
mod group;
mod lesion;
mod normalisation;
mod of_run;
mod pca;
mod performance_growth;
mod period_activity;
mod population;
mod psth;
mod rates;
mod remarks;
mod saccade;
mod sample_unit;
mod selectivity;
mod stages;
pub(crate) mod survey;
mod tuning;
mod unit_counts;

pub use agreement::{Agreement, RuleEpoch, agreement};
pub use average::{AverageOptions, Bootstrap};
pub use claims::{DelayedUnits, DistractedUnits, Evidence, Verdict, claims};
pub use decoder::{Chance, Decoder, DecoderOptions, HoldOut, Permutations, Scoring, decoder};
pub use distractor::{Distractor, DistractorOptions, distractor};
pub use dpca::{
    DemixedComponent, Dpca, DpcaOptions, Marginalisation, Regularisation, RegularisationError, Significance, dpca,
};
pub use epoch_growth::EpochGrowth;
pub use group::Group;
pub use lesion::{LesionOptions, LesionTarget, lesion};
pub use normalisation::Normalisation;
pub use of_run::{decoder_by_checkpoint, decoder_of_run, epoch_growth, psth, selectivity_of_run, tuning, unit_counts};
pub use pca::{Pca, PcaOptions, PrincipalComponent, pca};
pub use performance_growth::{GrowthOptions, performance_growth};
pub use period_activity::{
    Period, PeriodActivity, PeriodAnova, PeriodCheckpoint, PeriodStage, UnitPeriod, period_activity,
};
pub use population::Population;
pub use psth::{Grouping, Psth, PsthOptions, psth_of};
pub use remarks::remarks;
pub use saccade::{SaccadeHistogram, SaccadeOptions, Saccades, saccade};
pub use sample_unit::{SampleLocation, SampleUnit};
pub use selectivity::{Kind, Selectivity, SelectivityOptions, SelectivityTest, UnitSelectivity, selectivity};
pub use tuning::Tuning;
pub use unit_counts::UnitCounts;
