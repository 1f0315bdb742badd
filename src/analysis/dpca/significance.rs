//! Whether components tell locations apart better than by chance.

use rand::seq::SliceRandom;
use rayon::prelude::*;

use crate::analysis::dpca::fit::Model;
use crate::analysis::dpca::{Data, Dpca, DpcaOptions, HeldOut, Marginalisation, Significance};
use crate::environment::Interruption;
use crate::error::Result;
use crate::numerics::random::RandomStream;
use crate::seed::Purpose;

/// The marginalisations that locations can be told from.
const PARTS: [Marginalisation; 2] = [Marginalisation::Stimulus, Marginalisation::Mixed];

/// Accuracy by part, component and step.
type Accuracy = [Vec<Vec<f64>>; 2];

/// Puts the comparison with shuffled locations into the components of stimulus and mixed.
///
/// # Errors
/// If the kernel is interrupted.
pub(super) fn significance(
    dpca: &mut Dpca,
    data: &Data,
    options: &DpcaOptions,
    interruption: Interruption,
) -> Result<()> {
    // Place 0 is for the data as they are.
    let accuracies: Vec<Accuracy> = (0..=options.shuffles)
        .into_par_iter()
        .map(|shuffle| {
            let mut stream = RandomStream::new(options.seed, Purpose::ShuffledTrials.stream([shuffle as u64, 0]));
            match shuffle {
                0 => accuracy(data, dpca.regularisation, options, &mut stream, interruption),
                _ => accuracy(&shuffled(data, &mut stream), dpca.regularisation, options, &mut stream, interruption),
            }
        })
        .collect();
    interruption.check()?;
    let (found, by_chance) = accuracies.split_at(1);
    for (place, part) in PARTS.into_iter().enumerate() {
        for (number, component) in dpca.components[part as usize].iter_mut().enumerate() {
            let accuracy = found[0][place][number].clone();
            let chance: Vec<&Vec<f64>> = by_chance.iter().map(|shuffle| &shuffle[place][number]).collect();
            let largest = |step: usize| chance.iter().map(|accuracy| accuracy[step]).fold(0.0, f64::max);
            let mean = |accuracy: &[f64]| accuracy.iter().sum::<f64>() / accuracy.len() as f64;
            // Equal shares of trials may differ in the last bits of their averages.
            let as_good = chance.iter().filter(|chance| mean(chance) >= mean(&accuracy) - 1e-9).count();
            component.significance = Some(Significance {
                shuffled: (0..accuracy.len()).map(largest).collect(),
                accuracy,
                p_value: (1 + as_good) as f64 / (1 + chance.len()) as f64,
            });
        }
    }
    Ok(())
}

/// The same trials, the locations shuffled among them. Each location keeps its number of trials.
fn shuffled<'a>(data: &Data<'a>, stream: &mut RandomStream) -> Data<'a> {
    let mut all = data.trials.concat();
    all.shuffle(stream);
    let mut rest = all.into_iter();
    let trials = data.trials.iter().map(|trials| rest.by_ref().take(trials.len()).collect()).collect();
    Data::new(data.activity, trials)
}

/// The share of held-out trials whose location is that of the nearest mean score.
fn accuracy(
    data: &Data,
    regularisation: f64,
    options: &DpcaOptions,
    stream: &mut RandomStream,
    interruption: Interruption,
) -> Accuracy {
    let means = data.means();
    let (locations, steps) = (means.locations, means.steps);
    let orders: Vec<Vec<usize>> = data
        .trials
        .iter()
        .map(|trials| {
            let mut order: Vec<usize> = (0..trials.len()).collect();
            order.shuffle(stream);
            order
        })
        .collect();
    let mut sums: Option<Accuracy> = None;
    for split in (0..options.splits).take_while(|_| !interruption.requested()) {
        // Whole trials, each once before any comes again.
        let trial = |(_, location): (usize, usize)| orders[location][split % orders[location].len()];
        let (rest, held) = data.split(&means, &HeldOut::from_shape_fn((means.units, locations), trial));
        let model = Model::new(rest);
        let mut held = nalgebra::DMatrix::from_vec(held.units, locations * steps, held.rates);
        let mean = held.column_mean();
        held.column_iter_mut().for_each(|mut column| column -= &mean);
        let split: Accuracy = PARTS.map(|part| {
            let decoders = model.fit(part, regularisation, options.components).decoders;
            // (component, location · steps + step)
            let known = decoders.tr_mul(&model.covariances.rates);
            let new = decoders.tr_mul(&held);
            let right = |component: usize, step: usize| {
                let score = |of: &nalgebra::DMatrix<f64>, location: usize| of[(component, location * steps + step)];
                let nearest = |location: usize| {
                    let distance = |other: usize| (score(&known, other) - score(&new, location)).abs();
                    (1..locations).fold(0, |best, other| if distance(other) < distance(best) { other } else { best })
                };
                (0..locations).filter(|location| nearest(*location) == *location).count()
            };
            let share = |component, step| right(component, step) as f64 / (locations * options.splits) as f64;
            (0..decoders.ncols()).map(|component| (0..steps).map(|step| share(component, step)).collect()).collect()
        });
        match &mut sums {
            None => sums = Some(split),
            Some(sums) => {
                let sums = sums.iter_mut().flatten().flatten();
                sums.zip(split.iter().flatten().flatten()).for_each(|(sum, share)| *sum += share);
            }
        }
    }
    sums.unwrap_or_default()
}
