//! What resuming needs: the weights, the optimiser's memory and the step, in `state.safetensors`.
//!
//! Random numbers need no state: each is a function of the seed and the step.

use std::path::Path;

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::Network;
use crate::network::file::{named_weights, read_arrays, take_weights, write_arrays};
use crate::training::optimizer::{TrainingDevice, WeightOptimizer};

/// The kind and version of the file; the step follows.
const KIND: &str = "training state 1, step ";
const MOMENTS: [&str; 2] = ["first_moment.", "second_moment."];

/// Writes the state before training step `step`.
pub(crate) fn write<D: TrainingDevice>(
    path: &Path,
    network: &Network<D>,
    optimizer: &WeightOptimizer<D>,
    step: u64,
) -> Result<()> {
    let hyperparameters = network.hyperparameters();
    let mut arrays = named_weights(hyperparameters, "", network.to_host());
    for (kind, prefix) in MOMENTS.iter().enumerate() {
        if let [w_in, w_rec, b_rec, w_out, b_out] = optimizer.moments.as_slice() {
            let moments = [w_in, w_rec, b_rec, w_out, b_out].map(|moments| moments[kind].as_vec());
            arrays.extend(named_weights(hyperparameters, prefix, moments));
        }
    }
    write_arrays(path, &format!("{KIND}{step}"), &arrays)
}

/// The network, the optimiser and the next training step.
pub(crate) fn read<D: TrainingDevice>(
    path: &Path,
    hyperparameters: &Hyperparameters,
    device: D,
) -> Result<(Network<D>, WeightOptimizer<D>, u64)> {
    let (step, mut arrays) = read_arrays(path, KIND)?;
    let step = step.parse().map_err(|_| {
        Error::file(path, format!("its step is '{step}'"), "Restore the file, or train into another folder")
    })?;
    let weights = take_weights(path, hyperparameters, "", &mut arrays)?;
    let network = Network::from_host(device, hyperparameters, weights)?;
    let mut optimizer = WeightOptimizer::new(hyperparameters, &network)
        .map_err(|problem| Error::device("making the optimiser", problem))?;
    optimizer.updates = step;
    for (kind, prefix) in MOMENTS.iter().enumerate() {
        if !optimizer.moments.is_empty() {
            let values = take_weights(path, hyperparameters, prefix, &mut arrays)?;
            for (moments, values) in optimizer.moments.iter_mut().zip(values) {
                moments[kind].copy_from(&values);
            }
        }
    }
    Ok((network, optimizer, step))
}
