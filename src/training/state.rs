//! What resuming needs: the weights, the optimiser's memory and the step, in `state.safetensors`.
//!
//! Random numbers need no state: each is a function of the seed and the step.

use std::path::Path;

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::file::{file_of_arrays, named_values, read_arrays, take_values};
use crate::network::{Learner, Network, WeightCost};
use crate::tables::write_bytes;
use crate::training::noise_step;

/// The kind and version of the file; the step follows, and the optimiser's updates where they are not as many.
const KIND: &str = "training state 1, step ";
const UPDATES: &str = ", updates ";
const MOMENTS: [&str; 2] = ["first_moment.", "second_moment."];

/// Writes the state before training step `step`.
pub(crate) fn write(path: &Path, learner: &Learner, step: u64) -> Result<()> {
    write_bytes(path, &file(path, learner, step)?)
}

/// What [`write()`] writes; `path` is named where it cannot be made.
pub(crate) fn file(path: &Path, learner: &Learner, step: u64) -> Result<Vec<u8>> {
    let parameters = learner.network.parameters();
    let mut arrays = named_values(parameters, "", parameters.values());
    for (moments, prefix) in learner.optimizer.moments.iter().zip(MOMENTS) {
        arrays.extend(named_values(parameters, prefix, moments.clone()));
    }
    let updates = match learner.optimizer.updates {
        updates if updates == step => String::new(),
        updates => format!("{UPDATES}{updates}"),
    };
    file_of_arrays(path, &format!("{KIND}{step}{updates}"), arrays)
}

/// The network with its optimiser, and the next training step.
pub(crate) fn read(path: &Path, hyperparameters: &Hyperparameters, weight_cost: WeightCost) -> Result<(Learner, u64)> {
    let (moment, mut arrays) = read_arrays(path, KIND)?;
    let (step, updates) = moment.split_once(UPDATES).unwrap_or((&moment, &moment));
    let number = |text: &str| {
        let remedy = "Restore the file, or train into another folder";
        let number = text.parse::<u64>().ok().filter(|step| noise_step(*step).is_ok());
        number.ok_or_else(|| Error::file(path, format!("its step is '{moment}'"), remedy))
    };
    let (step, updates) = (number(step)?, number(updates)?);
    let layout = Network::layout(hyperparameters)?;
    let values = take_values(path, &layout, "", &mut arrays)?;
    let mut learner = Learner::with_cost(Network::with_values(hyperparameters, values)?, weight_cost);
    learner.optimizer.updates = updates;
    for (moments, prefix) in learner.optimizer.moments.iter_mut().zip(MOMENTS) {
        // What the optimiser remembers nothing of is not in the file.
        let remembered = layout.iter().zip(moments).filter(|(_, moments)| !moments.is_empty());
        for (spec, moments) in remembered {
            let found = take_values(path, std::slice::from_ref(spec), prefix, &mut arrays)?;
            moments.clone_from(&found[0]);
        }
    }
    Ok((learner, step))
}
