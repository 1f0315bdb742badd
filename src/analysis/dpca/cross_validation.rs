//! The regularisation that predicts held-out trials best.

use rayon::prelude::*;

use crate::analysis::dpca::fit::{Covariances, Fit, Model, Subspaces};
use crate::analysis::dpca::{Data, HeldOut, Marginalisation, Rates, RegularisationError};
use crate::environment::Interruption;

/// The regularisations that are tried: 45, each 1.4 times the one before.
pub(super) fn regularisations() -> Vec<f64> {
    (0..45).map(|power| 1e-7 * 1.4_f64.powi(power)).collect()
}

/// The error of each regularisation, averaged over the folds; of no use after an interruption.
pub(super) fn cross_validate(
    data: &Data,
    means: &Rates,
    held_out: &[HeldOut],
    components: usize,
    interruption: Interruption,
) -> Vec<RegularisationError> {
    let errors = errors(data, means, held_out, components, interruption);
    let regularisations = regularisations();
    let mean = |place: usize, part: usize| {
        errors.iter().map(|fold| fold[part][place]).sum::<f64>() / errors.len().max(1) as f64
    };
    let average = |(place, regularisation)| RegularisationError {
        regularisation,
        errors: std::array::from_fn(|part| mean(place, part)),
    };
    regularisations.into_iter().enumerate().map(average).collect()
}

/// The error of each (fold, marginalisation, regularisation).
pub(super) fn errors(
    data: &Data,
    means: &Rates,
    held_out: &[HeldOut],
    components: usize,
    interruption: Interruption,
) -> Vec<[Vec<f64>; 3]> {
    let folds: Vec<(Model, Covariances)> = held_out
        .par_iter()
        .map(|held_out| {
            let (rest, held) = data.split(means, held_out);
            (Model::new(rest), Covariances::of(held))
        })
        .collect();
    let places: Vec<(usize, Marginalisation)> =
        (0..folds.len()).flat_map(|fold| Marginalisation::ALL.map(|part| (fold, part))).collect();
    let subspaces: Vec<(Subspaces, &Covariances, Marginalisation)> = places
        .into_par_iter()
        .map(|(fold, part)| (Subspaces::new(&folds[fold].0, part), &folds[fold].1, part))
        .collect();
    let regularisations = regularisations();
    let all: Vec<f64> = (0..subspaces.len() * regularisations.len())
        .into_par_iter()
        .map(|place| {
            if interruption.requested() {
                return f64::NAN;
            }
            let (subspaces, held, part) = &subspaces[place / regularisations.len()];
            prediction_error(&subspaces.fit(regularisations[place % regularisations.len()], components), held, *part)
        })
        .collect();
    let mut all = all.chunks_exact(regularisations.len()).map(<[f64]>::to_vec);
    folds.iter().map(|_| Marginalisation::ALL.map(|_| all.next().unwrap_or_default())).collect()
}

/// ‖Y_φ − (P Dᵀ − diagonal) Y‖²: the error of predicting a part of held-out rates Y, each unit from all others.
///
/// Written out, it needs only the covariances of Y and of its part, since other parts are orthogonal to it.
pub(super) fn prediction_error(fit: &Fit, held: &Covariances, part: Marginalisation) -> f64 {
    let (total, of_part) = (&held.total, &held.parts[part as usize]);
    let own = fit.encoders.component_mul(&fit.decoders).column_sum();
    let predicted = total * &fit.decoders;
    let of_part_predicted = of_part * &fit.encoders;
    let cross = of_part_predicted.dot(&fit.decoders) - own.dot(&of_part.diagonal());
    let with_own = fit.encoders.component_mul(&predicted).column_sum().dot(&own);
    let own_only = own.component_mul(&own).dot(&total.diagonal());
    of_part.trace() - 2.0 * cross + predicted.dot(&fit.decoders) - 2.0 * with_own + own_only
}
