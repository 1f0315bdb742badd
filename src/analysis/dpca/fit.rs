//! Components from the covariances of units.

use nalgebra::{DMatrix, DVector};
use ndarray::Array2;

use crate::activity::Activity;
use crate::analysis::components::{descending_eigen, sign_of};
use crate::analysis::dpca::leading::leading;
use crate::analysis::dpca::{DemixedComponent, Dpca, Marginalisation, Rates};

/// Centred rates and the covariances (sums of products) of units, in all and in each marginalisation.
pub(super) struct Covariances {
    /// Centred rates, (unit, location · steps + step).
    pub(super) rates: DMatrix<f64>,
    pub(super) locations: usize,
    pub(super) steps: usize,
    pub(super) total: DMatrix<f64>,
    /// In the order of [`Marginalisation::ALL`]; they add up to the total.
    pub(super) parts: [DMatrix<f64>; 3],
    /// The average over locations, (unit, step).
    time: DMatrix<f64>,
    /// The average over time, (unit, location).
    stimulus: DMatrix<f64>,
}

impl Covariances {
    pub(super) fn of(rates: Rates) -> Covariances {
        let Rates { rates, locations, steps, units } = rates;
        let mut rates = DMatrix::from_vec(units, locations * steps, rates);
        let mean = rates.column_mean();
        for mut column in rates.column_iter_mut() {
            column -= &mean;
        }
        let mut time = DMatrix::zeros(units, steps);
        let mut stimulus = DMatrix::zeros(units, locations);
        for (index, column) in rates.column_iter().enumerate() {
            time.column_mut(index % steps).axpy(1.0 / locations as f64, &column, 1.0);
            stimulus.column_mut(index / steps).axpy(1.0 / steps as f64, &column, 1.0);
        }
        let total = &rates * rates.transpose();
        let of_time = locations as f64 * (&time * time.transpose());
        let of_stimulus = steps as f64 * (&stimulus * stimulus.transpose());
        let mixed = &total - &of_time - &of_stimulus;
        Covariances { rates, locations, steps, total, parts: [of_time, of_stimulus, mixed], time, stimulus }
    }

    /// The most dimensions that a marginalisation can have.
    fn rank(&self, part: Marginalisation) -> usize {
        let most = match part {
            Marginalisation::Time => self.steps - 1,
            Marginalisation::Stimulus => self.locations - 1,
            Marginalisation::Mixed => (self.locations - 1) * (self.steps - 1),
        };
        most.min(self.rates.nrows())
    }

    /// Orthonormal columns whose span holds a marginalisation; none where they would be as many as units.
    fn basis(&self, part: Marginalisation) -> Option<DMatrix<f64>> {
        let columns = match part {
            Marginalisation::Time => self.time.clone(),
            Marginalisation::Stimulus => self.stimulus.clone(),
            Marginalisation::Mixed => {
                // The locations of a mixed part add up to nothing: the last one adds no dimension.
                let count = (self.locations - 1) * self.steps;
                if count >= self.rates.nrows() {
                    return None;
                }
                let mut mixed = self.rates.columns(0, count).into_owned();
                for (index, mut column) in mixed.column_iter_mut().enumerate() {
                    column -= self.time.column(index % self.steps);
                    column -= self.stimulus.column(index / self.steps);
                }
                mixed
            }
        };
        (columns.ncols() < columns.nrows()).then(|| columns.qr().q())
    }
}

/// The components of one marginalisation at one regularisation, columns strongest first.
pub(super) struct Fit {
    /// P, (unit, component).
    pub(super) encoders: DMatrix<f64>,
    /// D, (unit, component).
    pub(super) decoders: DMatrix<f64>,
}

/// What components at any regularisation need.
///
/// With S the covariance of all and S_φ that of a part, the encoders are the first eigenvectors of
/// S_φ (S + μ)⁻¹ S_φ and the decoders (S + μ)⁻¹ S_φ P. Eigenvectors of S, found once, make the inverse a division for
/// every μ, and a basis of S_φ makes the matrix small where the part has few dimensions.
pub(super) struct Model {
    pub(super) covariances: Covariances,
    eigenvalues: DVector<f64>,
    eigenvectors: DMatrix<f64>,
    bases: [Option<DMatrix<f64>>; 3],
    /// basisᵀ · S_φ · eigenvectors.
    projected: [DMatrix<f64>; 3],
}

impl Model {
    pub(super) fn new(rates: Rates) -> Model {
        let covariances = Covariances::of(rates);
        let (eigenvalues, eigenvectors) = descending_eigen(covariances.total.clone());
        let bases = Marginalisation::ALL.map(|part| covariances.basis(part));
        let projected = Marginalisation::ALL.map(|part| {
            let part = part as usize;
            match &bases[part] {
                Some(basis) => basis.tr_mul(&covariances.parts[part]) * &eigenvectors,
                None => &covariances.parts[part] * &eigenvectors,
            }
        });
        Model { covariances, eigenvalues, eigenvectors, bases, projected }
    }

    /// ‖X‖²: the total variance, as a sum of squares.
    pub(super) fn total_variance(&self) -> f64 {
        self.covariances.total.trace()
    }

    /// Diagonal of (S + μ)⁻¹ in the coordinates of its eigenvectors.
    fn inverse(&self, regularisation: f64) -> DVector<f64> {
        let penalty = (regularisation * self.total_variance()).powi(2);
        // Without a penalty, directions in which rates vary by rounding alone are left out (the pseudo-inverse).
        let size = self.eigenvalues.len().max(self.covariances.rates.ncols());
        let negligible = self.eigenvalues[0] * f64::EPSILON * size as f64;
        self.eigenvalues.map(|value| {
            let value = if value > negligible { value } else { 0.0 };
            if value + penalty > 0.0 { 1.0 / (value + penalty) } else { 0.0 }
        })
    }

    /// The components of a part, at most `count`.
    pub(super) fn fit(&self, part: Marginalisation, regularisation: f64, count: usize) -> Fit {
        let inverse = self.inverse(regularisation);
        let vectors = self.first(part, &inverse, count.min(self.covariances.rank(part)));
        self.decoded(part, &inverse, vectors)
    }

    /// The first eigenvectors of S_φ (S + μ)⁻¹ S_φ, in the basis of the part.
    fn first(&self, part: Marginalisation, inverse: &DVector<f64>, count: usize) -> DMatrix<f64> {
        descending_eigen(self.weighted(part, inverse)).1.columns(0, count).into_owned()
    }

    /// S_φ (S + μ)⁻¹ S_φ, in the basis of the part.
    fn weighted(&self, part: Marginalisation, inverse: &DVector<f64>) -> DMatrix<f64> {
        let mut scaled = self.projected[part as usize].clone();
        for (mut column, weight) in scaled.column_iter_mut().zip(inverse) {
            column *= weight.sqrt();
        }
        &scaled * scaled.transpose()
    }

    /// Encoders, orthonormal in the basis of the part, with their decoders.
    fn decoded(&self, part: Marginalisation, inverse: &DVector<f64>, vectors: DMatrix<f64>) -> Fit {
        let mut weights = self.projected[part as usize].tr_mul(&vectors);
        for (mut row, weight) in weights.row_iter_mut().zip(inverse) {
            row *= *weight;
        }
        let mut decoders = &self.eigenvectors * weights;
        let mut encoders = match &self.bases[part as usize] {
            Some(basis) => basis * &vectors,
            None => vectors,
        };
        for (mut encoder, mut decoder) in encoders.column_iter_mut().zip(decoders.column_iter_mut()) {
            let sign = sign_of(encoder.iter());
            encoder *= sign;
            decoder *= sign;
        }
        Fit { encoders, decoders }
    }

    /// The components at a regularisation, and how much they explain.
    pub(super) fn describe(
        &self,
        activity: &Activity,
        locations: Vec<usize>,
        regularisation: f64,
        count: usize,
    ) -> Dpca {
        let covariances = &self.covariances;
        let total = self.total_variance();
        let mut all = DMatrix::zeros(covariances.rates.nrows(), covariances.rates.nrows());
        let components = Marginalisation::ALL.map(|part| {
            let fit = self.fit(part, regularisation, count);
            all += &fit.encoders * fit.decoders.transpose();
            let components = fit.encoders.column_iter().zip(fit.decoders.column_iter());
            components
                .map(|(encoder, decoder)| {
                    let scores = covariances.rates.tr_mul(&decoder);
                    let variance = |covariance: &DMatrix<f64>| (covariance * decoder).dot(&decoder);
                    let of_scores = variance(&covariances.total);
                    let with_rates = (&covariances.total * encoder).dot(&decoder);
                    let shares = covariances.parts.each_ref().map(|covariance| {
                        if of_scores > 0.0 { variance(covariance).max(0.0) / of_scores } else { 0.0 }
                    });
                    DemixedComponent {
                        encoder: encoder.iter().copied().collect(),
                        decoder: decoder.iter().copied().collect(),
                        scores: Array2::from_shape_fn(
                            (covariances.locations, covariances.steps),
                            |(location, step)| scores[location * covariances.steps + step],
                        ),
                        explained_variance: (2.0 * with_rates - of_scores) / total,
                        score_variance: of_scores / total,
                        shares,
                        significance: None,
                    }
                })
                .collect()
        });
        let predicted = &all * &covariances.total;
        let explained = 2.0 * predicted.trace() - predicted.component_mul(&all).sum();
        Dpca {
            trials_trained: activity.trials_trained,
            rule: activity.rule,
            locations,
            dt: activity.dt,
            start_ms: activity.start_ms,
            regularisation,
            tried: Vec::new(),
            marginal_variance: covariances.parts.each_ref().map(|part| part.trace().max(0.0) / total),
            explained_by_all: explained / total,
            components,
        }
    }
}

/// Finds, for many regularisations of a part, components with the same P Dᵀ as [`Model::fit`]'s: others of the same
/// span.
pub(super) struct Subspaces<'a> {
    model: &'a Model,
    part: Marginalisation,
    /// Products of the columns of `projected`, where these are many: with roots of the weights on both sides they have
    /// the eigenvalues of S_φ (S + μ)⁻¹ S_φ, without a product of matrices for each μ.
    products: Option<DMatrix<f64>>,
}

impl<'a> Subspaces<'a> {
    pub(super) fn new(model: &'a Model, part: Marginalisation) -> Subspaces<'a> {
        let projected = &model.projected[part as usize];
        let products = model.bases[part as usize].is_none().then(|| projected.transpose() * projected);
        Subspaces { model, part, products }
    }

    /// Components at a regularisation, at most `count`.
    pub(super) fn fit(&self, regularisation: f64, count: usize) -> Fit {
        let Subspaces { model, part, .. } = *self;
        let inverse = model.inverse(regularisation);
        let count = count.min(model.covariances.rank(part));
        let vectors = match &self.products {
            None => leading(&model.weighted(part, &inverse), count),
            Some(products) => {
                let roots = inverse.map(f64::sqrt);
                let scaled = |matrix: &DMatrix<f64>| {
                    let mut scaled = matrix.clone();
                    scaled.column_iter_mut().for_each(|mut column| column.component_mul_assign(&roots));
                    scaled
                };
                let mut matrix = scaled(products);
                matrix.column_iter_mut().zip(&roots).for_each(|(mut column, root)| column *= *root);
                let found = leading(&matrix, count);
                found.map(|found| (&model.projected[part as usize] * scaled(&found)).qr().q())
            }
        };
        model.decoded(part, &inverse, vectors.unwrap_or_else(|| model.first(part, &inverse, count)))
    }
}
