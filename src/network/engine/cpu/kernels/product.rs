//! Matrix products, through the gemm crate.

use std::time::Instant;

/// A matrix within a slice: element (row, column) is at `row·row_stride + column·column_stride`.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    data: &'a [f32],
    row_stride: usize,
    column_stride: usize,
}

impl<'a> View<'a> {
    /// A matrix stored row by row, `stride` elements from one row to the next.
    pub(super) fn rows(data: &'a [f32], stride: usize) -> Self {
        View { data, row_stride: stride, column_stride: 1 }
    }

    /// The transpose of a matrix stored row by row.
    pub(super) fn transposed(data: &'a [f32], stride: usize) -> Self {
        View { data, row_stride: 1, column_stride: stride }
    }

    fn holds(&self, rows: usize, columns: usize) -> bool {
        rows > 0 && columns > 0 && (rows - 1) * self.row_stride + (columns - 1) * self.column_stride < self.data.len()
    }
}

/// `out ← keep·out + left·right`, with `out` stored row by row; (rows, inner, columns) are the sizes of the product.
///
/// Nothing is read of `out` where `keep` is 0.
pub(super) fn multiply(
    (rows, inner, columns): (usize, usize, usize),
    out: &mut [f32],
    out_stride: usize,
    keep: f32,
    left: View<'_>,
    right: View<'_>,
) {
    assert!(left.holds(rows, inner) && right.holds(inner, columns), "a factor is too small for the product");
    assert!(out_stride >= columns && View::rows(out, out_stride).holds(rows, columns), "the product does not fit");
    // SAFETY: every element that gemm reads or writes, (rows-1)·row_stride + (columns-1)·column_stride at the most, was
    // just checked to lie within its slice; `out` is borrowed mutably, so it overlaps neither factor.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            out.as_mut_ptr(),
            1,
            out_stride as isize,
            keep != 0.0,
            left.data.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.data.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            keep,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// How many floating-point operations a second this machine reaches in products of large square matrices, on `threads`
/// threads at once: the limit that training is measured against.
///
/// The best of several products of 512, 768 and 1,024 rows; takes about `seconds`.
pub fn matrix_product_rate(threads: usize, seconds: f64) -> f64 {
    let rate = |size: usize, begin: Instant| {
        let factor = vec![1.0 / size as f32; size * size];
        let mut out = vec![0.0; size * size];
        let mut best = 0.0_f64;
        while best == 0.0 || begin.elapsed().as_secs_f64() < seconds / 3.0 {
            let start = Instant::now();
            multiply((size, size, size), &mut out, size, 0.0, View::rows(&factor, size), View::rows(&factor, size));
            best = best.max(2.0 * (size as f64).powi(3) / start.elapsed().as_secs_f64());
        }
        best
    };
    let mut best = 0.0_f64;
    for size in [512, 768, 1024] {
        let begin = Instant::now();
        let total: f64 = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(|| rate(size, begin))).collect();
            workers.into_iter().filter_map(|worker| worker.join().ok()).sum()
        });
        best = best.max(total);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_equal_the_sums_they_stand_for_and_touch_nothing_else() {
        for (rows, inner, columns) in [(1, 1, 1), (3, 5, 2), (16, 273, 256), (17, 33, 65)] {
            let value = |seed: usize, i: usize| ((i * 37 + seed * 101) % 23) as f32 / 23.0 - 0.5;
            let left: Vec<f32> = (0..inner * (rows + 2)).map(|i| value(1, i)).collect();
            let right: Vec<f32> = (0..inner * columns).map(|i| value(2, i)).collect();
            let stride = columns + 3;
            let before: Vec<f32> = (0..rows * stride).map(|i| value(3, i)).collect();
            let mut out = before.clone();
            let left_view = View::transposed(&left, rows + 2);
            multiply((rows, inner, columns), &mut out, stride, 0.8, left_view, View::rows(&right, columns));
            for row in 0..rows {
                for column in 0..stride {
                    let place = row * stride + column;
                    let expected = if column < columns {
                        let sum: f64 = (0..inner)
                            .map(|k| f64::from(left[k * (rows + 2) + row]) * f64::from(right[k * columns + column]))
                            .sum();
                        0.8 * f64::from(before[place]) + sum
                    } else {
                        f64::from(before[place])
                    };
                    assert!((f64::from(out[place]) - expected).abs() < 1e-4, "{rows} {inner} {columns}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "the product does not fit")]
    fn a_product_that_does_not_fit_is_refused() {
        multiply((2, 2, 2), &mut [0.0; 3], 2, 0.0, View::rows(&[0.0; 4], 2), View::rows(&[0.0; 4], 2));
    }
}
