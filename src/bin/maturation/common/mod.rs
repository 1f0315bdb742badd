//! What verbs share: where activity comes from, how units are chosen, where results go.

pub mod output;
pub mod own_tasks;
pub mod population;
pub mod readout;
pub mod recording;
pub mod selectivity;
pub mod source;
pub mod staging;
pub mod wording;
