//! The paper's analyses: activity in, table out.
//!
//! Each analysis has a typed form, which the figures use, and gives a table with documented columns.

mod agreement;
mod distractor;
#[cfg(test)]
mod golden;
mod of_run;
mod performance_growth;
mod period_activity;
mod psth;
mod rates;
mod saccade;
mod selectivity;
mod stages;

pub use agreement::{Agreement, AgreementOptions, RuleEpoch, agreement};
pub use distractor::{Distractor, DistractorOptions, distractor};
pub use of_run::{psth, psth_with, selectivity_of_run};
pub use performance_growth::{GrowthOptions, performance_growth, performance_growth_with};
pub use period_activity::{
    Period, PeriodActivity, PeriodAnova, PeriodCheckpoint, PeriodOptions, PeriodStage, UnitPeriod, period_activity,
};
pub use psth::{Grouping, Psth, PsthOptions};
pub use saccade::{SaccadeHistogram, SaccadeOptions, Saccades, saccade};
pub use selectivity::{Kind, Selectivity, SelectivityOptions, Test, UnitSelectivity, selectivity, selectivity_with};
