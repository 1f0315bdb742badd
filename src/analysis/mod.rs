//! The paper's analyses: activity in, table out.
//!
//! Each analysis has a typed form, which the figures use, and gives a table with documented columns.

mod decoder;
#[cfg(test)]
mod golden;
mod of_run;
mod performance_growth;
mod psth;
mod rates;
mod selectivity;

pub use decoder::{Chance, Decoder, DecoderOptions, Scoring, decoder};
pub use of_run::{decoder_by_checkpoint, decoder_of_run, psth, psth_with, selectivity_of_run};
pub use performance_growth::performance_growth;
pub use psth::{Grouping, Psth, PsthOptions};
pub use selectivity::{Kind, Selectivity, SelectivityOptions, Test, UnitSelectivity, selectivity, selectivity_with};
