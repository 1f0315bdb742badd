//! The memory that training surely takes, asked for before it begins: a process that finds none in the middle is ended
//! by the system, without a word.

use crate::error::{Error, Result};
use crate::hyperparameters::{Hyperparameters, RnnType};
use crate::network::Network;
use crate::tasks::Clock;

/// Bytes of a float32.
const FLOAT: u64 = 4;

/// What a training takes at the least, in bytes.
struct Needs {
    /// Weights, their gradient and two moments.
    weights: u64,
    /// The longest trials, and the states of all their steps, which the way back needs.
    batch: u64,
}

impl Needs {
    fn of(hyperparameters: &Hyperparameters) -> Result<Needs> {
        let parameters: u64 = Network::layout(hyperparameters)?.iter().map(|spec| spec.count() as u64).sum();
        let clock = Clock::new(hyperparameters.dt);
        let steps = hyperparameters.rule_trains.iter().map(|rule| rule.timeline(&clock).end).max().unwrap_or(0);
        let states = RnnType::cell(hyperparameters)?.cell.states() * hyperparameters.n_rnn;
        let row = (hyperparameters.n_input() + 2 * hyperparameters.n_output() + states) as u64;
        let of_batch = [steps as u64, hyperparameters.batch_size_train as u64, row, FLOAT];
        Ok(Needs {
            weights: parameters.saturating_mul(4 * FLOAT),
            batch: of_batch.into_iter().fold(1, u64::saturating_mul),
        })
    }
}

/// An error if this machine has not the memory that training takes at the least. What it takes in all is more.
pub(super) fn check(hyperparameters: &Hyperparameters) -> Result<()> {
    let needs = Needs::of(hyperparameters)?;
    let all = needs.weights.saturating_add(needs.batch);
    let there = available();
    if there.is_none_or(|there| all <= there) && can_be_reserved(all) {
        return Ok(());
    }
    let gigabytes = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
    let there = there.map_or(String::new(), |there| format!(", and {} are free here", gigabytes(there)));
    let what = format!(
        "training takes {} of memory at the least ({} units: {}; batches of {} trials: {}){there}",
        gigabytes(all),
        hyperparameters.n_rnn,
        gigabytes(needs.weights),
        hyperparameters.batch_size_train,
        gigabytes(needs.batch),
    );
    Err(Error::argument(what, "lower `n_rnn` or `batch_size_train`, or train on a machine with more memory"))
}

/// Whether the system would give so much at once. It is given back untouched.
fn can_be_reserved(bytes: u64) -> bool {
    usize::try_from(bytes).is_ok_and(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok())
}

/// Bytes of memory that Linux says are free, those of swap among them, within what the process's group may have. None
/// where this is not told.
fn available() -> Option<u64> {
    let free = kilobytes(&std::fs::read_to_string("/proc/meminfo").ok()?)?;
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    Some(limit.unwrap_or(u64::MAX).min(free.saturating_mul(1024)))
}

/// The free memory and swap in a text as `/proc/meminfo` has it, in kilobytes.
fn kilobytes(text: &str) -> Option<u64> {
    let of = |key: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
        rest.trim_start_matches(':').split_whitespace().next()?.parse::<u64>().ok()
    };
    Some(of("MemAvailable")? + of("SwapFree").unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_model_fits_and_one_of_sixty_thousand_units_is_refused_by_its_keys() {
        check(&Hyperparameters::paper()).unwrap();
        let needs = Needs::of(&Hyperparameters::paper()).unwrap();
        // Some 256 · (15 + 256 + 1) + 257 · 9 parameters, and 200 steps.
        assert!(needs.weights > 70_000 * 16 && needs.weights < 80_000 * 16, "{}", needs.weights);
        assert!(needs.batch > 150 * 64 * 256 * 4 && needs.batch < 300 * 64 * 350 * 4, "{}", needs.batch);
        let large = Hyperparameters { n_rnn: 65_536, batch_size_train: 1 << 20, ..Hyperparameters::paper() };
        let message = check(&large).unwrap_err().to_string();
        for word in ["GB", "65536 units", "1048576 trials", "lower `n_rnn` or `batch_size_train`"] {
            assert!(message.contains(word), "'{word}' is not in: {message}");
        }
    }

    #[test]
    fn free_memory_is_read_as_linux_writes_it() {
        let text = "MemTotal:  24689772 kB\nMemFree:  1 kB\nMemAvailable:   22000000 kB\nSwapFree:        500 kB\n";
        assert_eq!(kilobytes(text), Some(22_000_500));
        assert_eq!(kilobytes("MemTotal: 5 kB"), None);
    }
}
