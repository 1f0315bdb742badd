//! The paper's analyses: activity in, table out.
//!
//! Each analysis has a typed form, which the figures use, and gives a table with documented columns.

#[cfg(test)]
mod golden;
mod psth;
mod rates;
mod selectivity;

pub use psth::{Grouping, Psth, PsthOptions};
pub use selectivity::{Kind, Selectivity, SelectivityOptions, Test, UnitSelectivity, selectivity, selectivity_with};
