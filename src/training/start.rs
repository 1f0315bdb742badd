//! What a run begins with: initial weights, or those of another run's checkpoint.

use std::path::Path;

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::Network;
use crate::training::run::{HYPERPARAMETERS_FILE, MODEL_FILE};

/// The network that a run with these hyper-parameters begins with.
///
/// # Errors
/// If the checkpoint that it is to begin with cannot be read, or is of a network of another kind or size.
pub(super) fn network(hyperparameters: &Hyperparameters) -> Result<Network> {
    let Some(folder) = &hyperparameters.load_dir else { return Network::new(hyperparameters) };
    let folder = Path::new(folder);
    let of_its_run = folder.parent().unwrap_or(folder).join(HYPERPARAMETERS_FILE);
    check_fits(folder, &Hyperparameters::read(of_its_run)?, hyperparameters)?;
    Network::load(hyperparameters, folder.join(MODEL_FILE))
}

/// An error that names the first key by which a checkpoint's network has other parameters than the one that is asked
/// for.
fn check_fits(checkpoint: &Path, there: &Hyperparameters, asked: &Hyperparameters) -> Result<()> {
    let sizes = |hyperparameters: &Hyperparameters| -> Result<Vec<_>> {
        let layout = Network::layout(hyperparameters)?;
        Ok(layout.into_iter().map(|spec| (spec.name, spec.shape)).collect())
    };
    if sizes(there)? == sizes(asked)? {
        return Ok(());
    }
    let (there, asked) = (there.to_json()?, asked.to_json()?);
    let keys = ["rnn_type", "use_separate_input", "mix_rule", "n_rnn", "n_eachring", "ruleset"];
    let differs = keys.into_iter().find(|key| there.get(*key) != asked.get(*key)).unwrap_or("rnn_type");
    let value = |of: &serde_json::Map<String, serde_json::Value>| of.get(differs).cloned().unwrap_or_default();
    let problem = format!("its run has `{differs}` = {}, but {} is asked for", value(&there), value(&asked));
    let remedy = "Weights fit only a network of the same cell and sizes: leave these keys as they are";
    Err(Error::file(checkpoint, problem, remedy))
}
