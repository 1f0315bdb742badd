//! A run of one checkpoint from the weights of another program.

use std::path::Path;

use crate::error::Result;
use crate::hyperparameters::Hyperparameters;
use crate::network::{CpuEngine, Learner, Network};
use crate::training::evaluation;
use crate::training::log::{Log, LogEntry};
use crate::training::new_run::{INTO_A_NEW_FOLDER, NewRun, check_free};
use crate::training::run::Run;

impl Run {
    /// Makes the run `path` of the network whose weights are in a file of another program ([`Network::import`]): a
    /// checkpoint after `trials_trained` trials, evaluated on every trained rule, which all analyses take.
    ///
    /// With 0 trials the run can be trained on as it is; its optimiser begins anew. With more it is the end of a run
    /// whose beginning is not here, and another run can start from it.
    ///
    /// ```
    /// use maturation::prelude::*;
    ///
    /// let folder = std::env::temp_dir().join(format!("maturation-doc-import-{}", std::process::id()));
    /// let small = Hyperparameters { n_rnn: 16, batch_size_test: 32, ..Hyperparameters::paper() };
    /// let weights = std::env::temp_dir().join(format!("maturation-doc-weights-{}.safetensors", std::process::id()));
    /// Network::new(&small)?.save(&weights)?; // or numpy.savez, or safetensors.numpy.save_file
    /// let run = Run::import(&weights, &small, &folder, 0)?;
    /// assert_eq!(run.last()?.activity(Rule::GAP)?.units(), 16);
    /// # std::fs::remove_dir_all(folder).unwrap();
    /// # std::fs::remove_file(weights).unwrap();
    /// # Ok::<(), maturation::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Network::import`]; if the folder holds anything already or cannot be written to. Nothing is written then.
    pub fn import(
        weights: impl AsRef<Path>,
        hyperparameters: &Hyperparameters,
        path: impl AsRef<Path>,
        trials_trained: u64,
    ) -> Result<Run> {
        let path = path.as_ref();
        let network = Network::import(hyperparameters, weights)?;
        check_free(path, INTO_A_NEW_FOLDER)?;
        let learner = Learner::new(network)?;
        let mut engine = CpuEngine::new(0)?;
        let rules = &hyperparameters.rule_trains;
        let rules = evaluation::evaluate(learner.network(), rules, trials_trained, learner.weight_cost(), &mut engine)?;

        let mut run = NewRun::claim(path)?;
        run.checkpoint(trials_trained, learner.network())?;
        if trials_trained == 0 {
            run.state(&learner, 0)?;
        }
        let entries = vec![LogEntry { trials_trained, seconds: 0.0, rules, stage_performance: None }];
        run.finish(hyperparameters, &Log { entries, ..Log::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hyperparameters::RnnType;
    use crate::tasks::Rule;
    use crate::training::Training;

    fn small() -> Hyperparameters {
        Hyperparameters { n_rnn: 6, batch_size_test: 16, rule_trains: vec![Rule::GAP], ..Hyperparameters::paper() }
    }

    /// The hyper-parameters of every cell of the crate.
    fn cells() -> Vec<Hyperparameters> {
        let named = [RnnType::LEAKY_RNN, RnnType::LEAKY_GRU, RnnType::GRU, RnnType::LSTM];
        let mut cells: Vec<_> = named.into_iter().map(|rnn_type| Hyperparameters { rnn_type, ..small() }).collect();
        for mix_rule in [false, true] {
            cells.push(Hyperparameters { use_separate_input: true, mix_rule, ..small() });
        }
        cells
    }

    #[test]
    fn a_network_of_every_cell_comes_back_as_it_was_saved() {
        let folder = tempfile::tempdir().unwrap();
        for (place, hyperparameters) in cells().into_iter().enumerate() {
            let weights = folder.path().join(format!("{place}.safetensors"));
            let network = Network::new(&hyperparameters).unwrap();
            network.save(&weights).unwrap();
            let run = Run::import(&weights, &hyperparameters, folder.path().join(place.to_string()), 0).unwrap();
            assert_eq!(run.last().unwrap().network().unwrap().parameters().values(), network.parameters().values());
            assert_eq!(run.evaluations().entries.len(), 1);
            assert_eq!(run.hyperparameters().rnn_type, hyperparameters.rnn_type);
        }
    }

    #[test]
    fn an_imported_run_is_trained_on_and_never_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("weights.safetensors");
        let network = Network::new(&Hyperparameters { seed: 9, ..small() }).unwrap();
        network.save(&weights).unwrap();
        let (begun, ended) = (folder.path().join("begun"), folder.path().join("ended"));
        Run::import(&weights, &small(), &begun, 0).unwrap();
        let run = Training::new(small()).quiet().max_trials(1280).train(&begun).unwrap();
        assert_eq!(run.checkpoint(0).unwrap().network().unwrap().parameters().values(), network.parameters().values());
        let moved = run.last().unwrap().network().unwrap().array("w_rec").unwrap() - network.array("w_rec").unwrap();
        assert!(moved.iter().all(|change| change.abs() < 0.1), "training began elsewhere");
        assert!(moved.iter().any(|change| *change != 0.0));

        Run::import(&weights, &small(), &ended, 6400).unwrap();
        let message = Training::new(small()).quiet().max_trials(12800).train(&ended).err().unwrap().to_string();
        assert!(message.contains("state.safetensors"), "{message}");
        assert_eq!(Run::open(&ended).unwrap().last().unwrap().trials_trained(), 6400);
    }

    #[test]
    fn weights_that_do_not_fit_are_refused_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (weights, run) = (folder.path().join("weights.safetensors"), folder.path().join("run"));
        Network::new(&small()).unwrap().save(&weights).unwrap();
        let refused = |hyperparameters: &Hyperparameters, words: &[&str]| {
            let message = Run::import(&weights, hyperparameters, &run, 0).unwrap_err().to_string();
            words.iter().for_each(|word| assert!(message.contains(word), "'{word}' is not in: {message}"));
            assert!(!run.exists());
        };
        refused(&Hyperparameters { n_rnn: 7, ..small() }, &["weights.safetensors", "`w_in`", "[15, 6]", "[15, 7]"]);
        refused(&Hyperparameters { rnn_type: RnnType::GRU, ..small() }, &["no place", "`b_rec`", "`gates_in`"]);
        refused(&Hyperparameters { rnn_type: RnnType::LSTM, ..small() }, &["[15, 24]"]);
        refused(&Hyperparameters { use_separate_input: true, ..small() }, &["no place", "`sensory_in`"]);
        std::fs::create_dir(&run).unwrap();
        std::fs::write(run.join("notes.txt"), "mine").unwrap();
        let message = Run::import(&weights, &small(), &run, 0).unwrap_err().to_string();
        assert!(message.contains("not empty") && message.contains("new folder"), "{message}");
    }
}
