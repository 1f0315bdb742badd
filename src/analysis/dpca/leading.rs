//! The first eigenvectors of a symmetric matrix, where a few of many are wanted.

use nalgebra::DMatrix;
use rand::RngExt;

use crate::analysis::components::descending_eigen;
use crate::numerics::random::RandomStream;

/// Columns beyond those asked for; the more there are, the faster these are found.
const MORE: usize = 10;
/// A matrix with fewer rows than this many times the columns is left to the exact method, which is then as fast.
const LARGE: usize = 4;
/// A round costs as much as this many of the matrix's rows cost the exact method.
const ROUND: usize = 20;
/// Products of the matrix in a round.
const DEGREE: usize = 4;
/// How far the span may be off, as an angle: this, and more where an eigenvalue is but a small share of the largest,
/// since what lies in its direction then counts for as much less.
const TOLERANCE: f64 = 1e-11;
/// A share of the largest eigenvalue that is hardly more than rounding.
const LEAST: f64 = 1e-12;
/// How much more than the last direction that is asked for the first may grow in a round.
const MOST_MAGNIFIED: f64 = 1e14;

/// An orthonormal basis (columns) of the first `count` eigenvectors of a symmetric matrix without negative eigenvalues;
/// none where the exact method finds them as fast.
///
/// A large matrix is multiplied with a few more columns than asked for, which begin at random, until these hold the
/// eigenvectors (subspace iteration with a polynomial of Chebyshev's: Zhou and Saad, SIAM J. Matrix Anal. Appl. 29,
/// 2007). How far their span is off is at most the residual over the gap to the next eigenvalue, and where there is
/// next to no gap none is found. No direction is missed: in a random start each has a share, which grows faster than
/// those of smaller eigenvalues.
pub(super) fn leading(matrix: &DMatrix<f64>, count: usize) -> Option<DMatrix<f64>> {
    let (size, columns) = (matrix.nrows(), count + MORE);
    if count == 0 || size < LARGE * columns {
        return None;
    }
    // Any start will do; this one is always the same.
    let mut stream = RandomStream::new(0, 0);
    let mut block = matrix * DMatrix::from_fn(size, columns, |_, _| stream.random_range(-1.0..1.0));
    for rounds_left in (0..size / ROUND).rev() {
        let basis = block.qr().q();
        let image = matrix * &basis;
        let (values, rotation) = descending_eigen(basis.transpose() * &image);
        let (vectors, image) = (basis * &rotation, image * &rotation);
        let (first, last, next) = (values[0], values[count - 1], values[count]);
        if last.is_nan() || last <= LEAST * first {
            return None;
        }
        let off: f64 =
            (0..count).map(|place| (image.column(place) - values[place] * vectors.column(place)).norm_squared()).sum();
        let allowed = TOLERANCE * first * (last - next) / last;
        if off.sqrt() < allowed {
            return Some(vectors.columns(0, count).into_owned());
        }
        let edge = values[columns - 1].max(LEAST * first);
        let degree = (MOST_MAGNIFIED.ln() / (first / last).ln()).clamp(1.0, DEGREE as f64).floor();
        let growth_of_round = degree * (2.0 * last / edge - 1.0).acosh();
        if (off.sqrt() / allowed).ln() > growth_of_round * rounds_left as f64 {
            return None;
        }
        block = filtered(matrix, vectors, image, edge, degree as usize);
    }
    None
}

/// Chebyshev's polynomial of the matrix, times columns whose `image` is their product with the matrix: what belongs to
/// eigenvalues up to `edge` stays as large as it is, and all else grows, the more the larger its eigenvalue.
fn filtered(
    matrix: &DMatrix<f64>,
    columns: DMatrix<f64>,
    mut image: DMatrix<f64>,
    edge: f64,
    degree: usize,
) -> DMatrix<f64> {
    let (mut before, scale) = (columns, 2.0 / edge);
    image *= scale;
    image -= &before;
    for _ in 1..degree {
        // before = 2 (scale · matrix · image − image) − before
        before += 2.0 * &image;
        before.gemm(2.0 * scale, matrix, &image, -1.0);
        std::mem::swap(&mut before, &mut image);
    }
    image
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A matrix with these eigenvalues, and its eigenvectors.
    fn with_eigenvalues(values: &[f64], seed: u64) -> (DMatrix<f64>, DMatrix<f64>) {
        let mut stream = RandomStream::new(seed, 0);
        let vectors = DMatrix::from_fn(values.len(), values.len(), |_, _| stream.standard_normal()).qr().q();
        let matrix = &vectors * DMatrix::from_diagonal(&values.to_vec().into()) * vectors.transpose();
        (0.5 * (&matrix + matrix.transpose()), vectors)
    }

    /// How far a span is off from that of the first eigenvectors, as the sine of the largest angle, or more.
    fn off(found: &DMatrix<f64>, vectors: &DMatrix<f64>) -> f64 {
        let exact = vectors.columns(0, found.ncols()).into_owned();
        (found - &exact * (exact.transpose() * found)).norm()
    }

    #[test]
    fn the_span_is_that_of_the_first_eigenvectors() {
        for (size, count, decay) in [(80, 10, 0.5_f64), (120, 10, 0.8), (200, 3, 0.9), (320, 5, 0.95), (320, 1, 0.3)] {
            let values: Vec<f64> = (0..size).map(|place| 7.0 * decay.powi(place as i32)).collect();
            let (matrix, vectors) = with_eigenvalues(&values, 1);
            let found = leading(&matrix, count).unwrap_or_else(|| panic!("size {size}, decay {decay}"));
            assert_eq!(found.shape(), (size, count));
            assert!((found.transpose() * &found - DMatrix::identity(count, count)).norm() < 1e-12);
            let allowed = TOLERANCE * values[0] / values[count - 1] + 1e-12;
            assert!(off(&found, &vectors) < allowed, "size {size}, decay {decay}: {}", off(&found, &vectors));
        }
    }

    #[test]
    fn equal_eigenvalues_within_the_span_are_no_trouble_and_across_its_end_are_left_to_the_exact_method() {
        let with = |equal: std::ops::Range<usize>| -> Vec<f64> {
            (0..160)
                .map(|place| 0.7_f64.powi(if equal.contains(&place) { equal.start } else { place } as i32))
                .collect()
        };
        for equal in [0..10, 4..7, 0..2, 10..16] {
            let (matrix, vectors) = with_eigenvalues(&with(equal.clone()), 2);
            let found = leading(&matrix, 10).unwrap_or_else(|| panic!("{equal:?}"));
            assert!(off(&found, &vectors) < 1e-9, "{equal:?}: {}", off(&found, &vectors));
        }
        for equal in [9..11, 0..160, 5..25] {
            assert!(leading(&with_eigenvalues(&with(equal.clone()), 3).0, 10).is_none(), "{equal:?}");
        }
    }

    /// Units in groups that have nothing to do with each other: no direction of one is seen from another.
    #[test]
    fn a_direction_apart_from_all_others_is_not_missed() {
        let values: Vec<f64> = (0..120).map(|place| 0.8_f64.powi(place)).collect();
        for place in [0, 9, 10, 40] {
            let mut matrix = with_eigenvalues(&values, 4).0.resize(121, 121, 0.0);
            matrix[(120, 120)] = values[place] * 1.05;
            let found = leading(&matrix, 10).unwrap();
            let share = found.row(120).norm();
            assert!(if place < 10 { (share - 1.0).abs() < 1e-9 } else { share < 1e-9 }, "{place}: {share}");
        }
    }

    #[test]
    fn small_and_flat_matrices_and_those_of_too_low_rank_are_left_to_the_exact_method() {
        assert!(leading(&with_eigenvalues(&[3.0, 2.0, 1.0], 5).0, 2).is_none());
        assert!(leading(&DMatrix::zeros(200, 200), 10).is_none());
        assert!(leading(&with_eigenvalues(&[1.0; 200], 6).0, 0).is_none());
        let values: Vec<f64> = (0..200).map(|place| 1.0 - 0.001 * f64::from(place)).collect();
        assert!(leading(&with_eigenvalues(&values, 6).0, 10).is_none());
        for rank in 0..10 {
            let values: Vec<f64> = (0..200).map(|place| if place < rank { 1.0 } else { 0.0 }).collect();
            assert!(leading(&with_eigenvalues(&values, 7).0, 10).is_none(), "rank {rank}");
        }
        let values: Vec<f64> = (0..200).map(|place| if place < 12 { 0.9_f64.powi(place) } else { 0.0 }).collect();
        let (matrix, vectors) = with_eigenvalues(&values, 8);
        assert!(off(&leading(&matrix, 10).unwrap(), &vectors) < 1e-10, "rank 12");
        assert!(leading(&(f64::NAN * matrix), 10).is_none());
    }
}
