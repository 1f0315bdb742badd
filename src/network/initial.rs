//! Initial weights.

use rand::RngExt;

use crate::hyperparameters::{Activation, Hyperparameters, RecurrentInit};
use crate::network::{Initial, ParameterSpec, Values};
use crate::numerics::random::RandomStream;
use crate::seed::Purpose;

/// The initial values of parameters, decided by the seed. Each one that is random has a stream of its own, numbered in
/// the order of the layout.
pub(super) fn values(hyperparameters: &Hyperparameters, layout: &[ParameterSpec]) -> Values {
    let mut part = 0;
    let mut next_stream = || {
        part += 1;
        RandomStream::new(hyperparameters.seed, Purpose::InitialWeights.stream([part - 1, 0]))
    };
    let single = |values: Vec<f64>, scale: f64| values.into_iter().map(|value| (scale * value) as f32).collect();
    let values = |spec: &ParameterSpec| -> Vec<f32> {
        let count = spec.count();
        match spec.initial {
            Initial::Constant(value) => vec![value; count],
            Initial::Gaussian(deviation) => single(gaussian(&mut next_stream(), count, deviation), 1.0),
            Initial::Uniform(limit) => {
                let mut stream = next_stream();
                (0..count).map(|_| stream.random_range(-limit..limit) as f32).collect()
            }
            Initial::Recurrent => {
                let (mut stream, units) = (next_stream(), spec.shape.0);
                let scale = recurrent_scale(hyperparameters.activation);
                match hyperparameters.w_rec_init {
                    RecurrentInit::RandOrtho => single(random_orthogonal(&mut stream, units), scale),
                    RecurrentInit::Diag => single(identity(units), scale),
                    RecurrentInit::RandGauss => {
                        single(gaussian(&mut stream, count, 1.0 / (units as f64).sqrt()), scale)
                    }
                }
            }
            Initial::Orthogonal => single(random_orthogonal(&mut next_stream(), spec.shape.0), 1.0),
        }
    };
    layout.iter().map(values).collect()
}

/// How strong the recurrent weights begin: weaker where rates can grow faster than their inputs.
fn recurrent_scale(activation: Activation) -> f64 {
    match activation {
        Activation::Softplus | Activation::Relu | Activation::Retanh | Activation::Elu => 0.5,
        Activation::Tanh => 1.0,
        Activation::Power => 0.01,
    }
}

fn gaussian(stream: &mut RandomStream, count: usize, deviation: f64) -> Vec<f64> {
    (0..count).map(|_| deviation * stream.standard_normal()).collect()
}

fn identity(size: usize) -> Vec<f64> {
    (0..size * size).map(|place| if place % (size + 1) == 0 { 1.0 } else { 0.0 }).collect()
}

/// A random orthogonal matrix, uniform over all of them (Haar): Gaussian rows made orthonormal one after the other.
///
/// Each row is orthogonalised twice, which keeps the result orthogonal to rounding error ('twice is enough').
fn random_orthogonal(stream: &mut RandomStream, size: usize) -> Vec<f64> {
    let mut matrix: Vec<f64> = Vec::with_capacity(size * size);
    while matrix.len() < size * size {
        let mut row = gaussian(stream, size, 1.0);
        for _ in 0..2 {
            for earlier in matrix.chunks_exact(size) {
                let overlap: f64 = row.iter().zip(earlier).map(|(a, b)| a * b).sum();
                row.iter_mut().zip(earlier).for_each(|(value, earlier)| *value -= overlap * earlier);
            }
        }
        let length = row.iter().map(|value| value * value).sum::<f64>().sqrt();
        // A draw that lies within the span of the rows so far has no direction left: draw again.
        if length > 1e-6 {
            matrix.extend(row.iter().map(|value| value / length));
        }
    }
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Network;

    #[test]
    fn random_orthogonal_matrices_are_orthogonal_and_uniform() {
        let mut stream = RandomStream::new(0, 0);
        for size in [1, 2, 40] {
            let matrix = random_orthogonal(&mut stream, size);
            for a in 0..size {
                for b in 0..size {
                    let product: f64 = (0..size).map(|k| matrix[a * size + k] * matrix[b * size + k]).sum();
                    assert!((product - f64::from(a == b)).abs() < 1e-12);
                }
            }
        }
        // Under the uniform measure an entry has mean 0 and variance 1/N.
        let draws: Vec<f64> = (0..4000).map(|_| random_orthogonal(&mut stream, 3)[4]).collect();
        let mean = draws.iter().sum::<f64>() / 4000.0;
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / 4000.0;
        assert!(mean.abs() < 0.05 && (variance - 1.0 / 3.0).abs() < 0.03, "{mean} {variance}");
    }

    #[test]
    fn weights_begin_as_the_hyperparameters_say() {
        let paper = Hyperparameters { n_rnn: 100, ..Hyperparameters::paper() };
        let of = |hyperparameters: &Hyperparameters| Network::new(hyperparameters).unwrap().parameters().values();
        let [w_in, w_rec, b_rec, w_out, b_out] = of(&paper).try_into().unwrap();
        let variance = w_in.iter().map(|w| f64::from(w * w)).sum::<f64>() / w_in.len() as f64;
        assert!((variance * 15.0 - 1.0).abs() < 0.15, "{variance}");
        let row: f64 = w_rec[..100].iter().map(|w| f64::from(w * w)).sum();
        assert!((row - 0.25).abs() < 1e-5, "{row}");
        let limit = (6.0_f32 / 109.0).sqrt();
        assert!(w_out.iter().all(|w| w.abs() <= limit) && w_out.iter().any(|w| w.abs() > 0.9 * limit));
        assert!(b_rec.iter().chain(&b_out).all(|bias| *bias == 0.0));
        let diagonal = Hyperparameters { w_rec_init: RecurrentInit::Diag, activation: Activation::Tanh, ..paper };
        assert_eq!(of(&diagonal)[1][..102].iter().filter(|w| **w == 1.0).count(), 2);
        assert_ne!(of(&Hyperparameters { seed: 1, ..diagonal.clone() })[0], of(&diagonal)[0]);
    }
}
