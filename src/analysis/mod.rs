//! The paper's analyses: activity in, table out.
//!
//! Each analysis has a typed form, which the figures use, and gives a table with documented columns.

mod components;
mod dpca;
#[cfg(test)]
mod golden;
mod of_run;
mod pca;
mod performance_growth;
mod psth;
mod rates;
mod selectivity;

pub use dpca::{
    DemixedComponent, Dpca, DpcaOptions, Marginalisation, Regularisation, RegularisationError, Significance, dpca,
};
pub use of_run::{psth, psth_with, selectivity_of_run};
pub use pca::{Pca, PcaOptions, PrincipalComponent, pca};
pub use performance_growth::performance_growth;
pub use psth::{Grouping, Psth, PsthOptions};
pub use selectivity::{Kind, Selectivity, SelectivityOptions, Test, UnitSelectivity, selectivity, selectivity_with};
