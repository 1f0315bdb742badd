//! Memory of trials that are done with.

use std::sync::{Mutex, PoisonError};

use crate::tasks::Trials;

/// The memory of a batch: of inputs, targets and mask.
pub(super) type Memory = [Vec<f32>; 3];

/// Memory of batches that are done with, for those that are made next: megabytes that the system would otherwise take
/// back and clear, page by page, each time.
#[derive(Debug, Default)]
pub(crate) struct Spares(Mutex<Vec<Memory>>);

impl Spares {
    /// The memory of a batch that is done with, or none.
    pub(super) fn take(&self) -> Memory {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Takes a batch that is done with.
    pub(crate) fn give(&self, trials: Trials) {
        let memory = [trials.inputs, trials.targets, trials.mask].map(|array| array.into_raw_vec_and_offset().0);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hyperparameters::Hyperparameters;
    use crate::numerics::random::RandomStream;
    use crate::tasks::{DrawnTrials, Rule};

    #[test]
    fn trials_in_memory_of_others_are_the_same_and_it_is_used_again() {
        let (paper, spares) = (Hyperparameters::paper(), Spares::default());
        let mut places = Vec::new();
        for (rule, count) in [(Rule::ODR, 20), (Rule::GAP, 20), (Rule::ODRD, 3), (Rule::ODR, 20), (Rule::ODR, 21)] {
            let drawn = DrawnTrials::random(&paper, rule, count, &mut RandomStream::new(1, 2)).unwrap();
            let made = drawn.into_trials(&spares).unwrap();
            let fresh = Trials::random(&paper, rule, count, &mut RandomStream::new(1, 2)).unwrap();
            assert_eq!((&made.inputs, &made.targets, &made.mask), (&fresh.inputs, &fresh.targets, &fresh.mask));
            places.push([made.inputs.as_ptr(), made.targets.as_ptr(), made.mask.as_ptr()]);
            spares.give(made);
        }
        assert_eq!(places[..4], [places[0]; 4]);
    }
}
