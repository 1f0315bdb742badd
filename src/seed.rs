//! One seed decides every random number of a run: each use draws from a stream of its own.

/// What a stream of random numbers is for. Streams never overlap, so that evaluating more often, say, leaves the
/// training as it was.
///
/// A purpose's place in this list decides its streams, so that new ones go to the end, and none is taken out: the same
/// seed gives the same run for ever.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// Initial weights.
    InitialWeights,
    /// Which weights `p_weight_train` leaves free.
    FreeWeights,
    /// The rule of each training step.
    RuleOrder,
    /// The trials of a training step.
    TrainingTrials,
    /// Input noise of a training step.
    TrainingInput,
    /// Recurrent noise of a training step.
    TrainingNoise,
    /// The trials of an evaluation.
    EvaluationTrials,
    /// Input noise of an evaluation.
    EvaluationInput,
    /// Recurrent noise of an evaluation.
    EvaluationNoise,
    /// What is random in a test batch (the places of the choice targets).
    TestTrials,
    /// Input noise where hidden activity is read out.
    ActivityInput,
    /// Recurrent noise where hidden activity is read out.
    ActivityNoise,
    /// Units that intervals are resampled from.
    Bootstrap,
    /// The trials that cross-validation of demixed principal components holds out.
    HeldOutTrials,
    /// The order of trials whose locations are shuffled, and the trials held out then.
    ShuffledTrials,
    /// The trials that a decoder is not trained on.
    DecoderSplit,
    /// Permuted locations, which show what a decoder tells by chance.
    DecoderPermutation,
    /// The units that a lesion silences.
    Lesion,
    /// The trials of each unit that make a pseudo-population.
    PseudoPopulation,
    /// Hyper-parameters that a plan draws.
    DrawnHyperparameters,
    /// Runs that intervals over many of them are resampled from.
    RunResamples,
    /// Units that are resampled within a resampled run.
    UnitsOfRuns,
}

impl Purpose {
    /// The number of the stream for this purpose and two further distinctions (a step, a rule, a checkpoint).
    pub(crate) fn stream(self, parts: [u64; 2]) -> u64 {
        let mixed = mix(self as u64 + 1);
        let mixed = mix(mixed ^ parts[0]);
        mix(mixed ^ parts[1].rotate_left(32))
    }
}

/// A bijection of 64-bit numbers in which every bit of the input moves every bit of the output (SplitMix64's
/// finaliser).
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn streams_differ() {
        let mut seen = HashSet::new();
        for purpose in [Purpose::InitialWeights, Purpose::TrainingTrials, Purpose::ActivityNoise] {
            for first in 0..50 {
                for second in 0..50 {
                    assert!(seen.insert(purpose.stream([first, second])));
                }
            }
        }
    }
}
