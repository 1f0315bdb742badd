//! The product of a few rows with weights that are used at every time step.
//!
//! A general matrix product lays its factors out anew at each call, which for the few rows of a shard costs as much as a
//! tenth of the product. Here the weights are laid out once for a whole sweep, in panels of 32 columns, and an AVX-512
//! kernel keeps 8 rows × 32 columns of the result in registers. Without AVX-512 the gemm crate does the product.

use crate::network::kernels::buffer::Buffer;
use crate::network::kernels::product::{View, multiply};
use crate::numerics::Level;

/// Columns of a panel: two AVX-512 registers.
const PANEL: usize = 32;
/// Rows of a tile: with two registers each, 16 sums, enough to hide the latency of a multiplication.
const TILE_ROWS: usize = 8;

/// A matrix of weights, (inner, columns), laid out for [`Panels::multiply`].
#[derive(Debug, Default)]
pub(super) struct Panels {
    inner: usize,
    columns: usize,
    /// Row by row.
    plain: Vec<f32>,
    /// Panel by panel, each row by row with 32 columns, the last one filled up with zeros; unused without AVX-512.
    panels: Buffer,
}

impl Panels {
    /// Lays out a matrix whose rows `write` fills in, one after the other.
    pub(super) fn fill(&mut self, level: Level, inner: usize, columns: usize, write: impl FnOnce(&mut [f32])) {
        (self.inner, self.columns) = (inner, columns);
        self.plain.resize(inner * columns, 0.0);
        write(&mut self.plain);
        if !has_kernel(level) {
            return;
        }
        self.panels.grow(self.panel_count() * inner * PANEL);
        let panels = self.panels.chunks_exact_mut(inner * PANEL).take(columns.div_ceil(PANEL));
        for (panel, rows) in panels.enumerate() {
            let first = panel * PANEL;
            let width = PANEL.min(columns - first);
            for (row, packed) in rows.chunks_exact_mut(PANEL).enumerate() {
                packed[..width].copy_from_slice(&self.plain[row * columns + first..][..width]);
                packed[width..].fill(0.0);
            }
        }
    }

    fn panel_count(&self) -> usize {
        self.columns.div_ceil(PANEL)
    }

    /// `out ← keep·out + left·weights` for `rows` rows of `left`, which are `left_stride` apart, as those of `out` are
    /// `out_stride` apart.
    #[allow(clippy::too_many_arguments, reason = "two matrices within slices")]
    pub(super) fn multiply(
        &self,
        level: Level,
        rows: usize,
        left: &[f32],
        left_stride: usize,
        out: &mut [f32],
        out_stride: usize,
        keep: f32,
    ) {
        #[cfg(target_arch = "x86_64")]
        if has_kernel(level) && rows > 0 && self.inner > 0 {
            assert!((rows - 1) * left_stride + self.inner <= left.len(), "rows are missing");
            assert!(out_stride >= self.columns && (rows - 1) * out_stride + self.columns <= out.len(), "no room");
            let panels = self.panels.chunks_exact(self.inner * PANEL).take(self.panel_count());
            for (panel, weights) in panels.enumerate() {
                let width = PANEL.min(self.columns - panel * PANEL);
                for first in (0..rows).step_by(TILE_ROWS) {
                    let left = &left[first * left_stride..];
                    let out = &mut out[first * out_stride + panel * PANEL..];
                    let tile = Tile { weights, left, left_stride, out, out_stride, width, keep };
                    // SAFETY: the level says that the processor has AVX-512; the tile's rows lie within `left` and
                    // `out`, which was checked above for all of them, and its columns are the `width` that are there.
                    unsafe {
                        match (rows - first).min(TILE_ROWS) {
                            1 => tile.run::<1>(),
                            2 => tile.run::<2>(),
                            3 => tile.run::<3>(),
                            4 => tile.run::<4>(),
                            5 => tile.run::<5>(),
                            6 => tile.run::<6>(),
                            7 => tile.run::<7>(),
                            _ => tile.run::<8>(),
                        }
                    }
                }
            }
            return;
        }
        let (left, weights) = (View::rows(left, left_stride), View::rows(&self.plain, self.columns));
        multiply((rows, self.inner, self.columns), out, out_stride, keep, left, weights);
    }
}

/// Whether there is a kernel for this level.
fn has_kernel(level: Level) -> bool {
    #[cfg(target_arch = "x86_64")]
    return level.0 == crate::numerics::dispatch::Kind::Avx512;
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = level;
        false
    }
}

/// Some rows of the product, one panel wide.
#[cfg(target_arch = "x86_64")]
struct Tile<'a> {
    weights: &'a [f32],
    left: &'a [f32],
    left_stride: usize,
    out: &'a mut [f32],
    out_stride: usize,
    width: usize,
    keep: f32,
}

#[cfg(target_arch = "x86_64")]
impl Tile<'_> {
    /// Makes `ROWS` rows.
    ///
    /// # Safety
    ///
    /// The processor must have AVX-512; `left` must hold `ROWS` rows `left_stride` apart, each as long as `weights` has
    /// rows of 32; `out` must hold `ROWS` rows of `width` ≤ 32 elements, `out_stride` apart.
    #[target_feature(enable = "avx512f")]
    unsafe fn run<const ROWS: usize>(self) {
        use std::arch::x86_64::*;
        let inner = self.weights.len() / PANEL;
        let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
        for k in 0..inner {
            // SAFETY: `k` is within the rows of the panel, whose 32 columns are two registers, and within every row of
            // `left`, as the caller promises.
            unsafe {
                let weights = self.weights.as_ptr().add(k * PANEL);
                let (low, high) = (_mm512_loadu_ps(weights), _mm512_loadu_ps(weights.add(16)));
                for (row, sums) in sums.iter_mut().enumerate() {
                    let left = _mm512_set1_ps(*self.left.as_ptr().add(row * self.left_stride + k));
                    sums[0] = _mm512_fmadd_ps(left, low, sums[0]);
                    sums[1] = _mm512_fmadd_ps(left, high, sums[1]);
                }
            }
        }
        let there = u32::MAX >> (PANEL - self.width);
        let masks = [there as u16, (there >> 16) as u16];
        let keep = _mm512_set1_ps(self.keep);
        for (row, sums) in sums.iter().enumerate() {
            for (half, (sum, mask)) in sums.iter().zip(masks).enumerate() {
                if mask == 0 {
                    continue;
                }
                // SAFETY: the mask lets through only the columns that are there; a half without any is passed over.
                unsafe {
                    let out = self.out.as_mut_ptr().add(row * self.out_stride + 16 * half);
                    let value = if self.keep == 0.0 {
                        *sum
                    } else {
                        _mm512_fmadd_ps(keep, _mm512_maskz_loadu_ps(mask, out), *sum)
                    };
                    _mm512_mask_storeu_ps(out, mask, value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_equal_the_sums_they_stand_for_and_touch_nothing_else() {
        let value = |seed: usize, i: usize| ((i * 37 + seed * 101) % 23) as f32 / 23.0 - 0.5;
        for level in Level::available() {
            for (rows, inner, columns) in
                [(1, 1, 1), (3, 5, 2), (16, 273, 256), (17, 33, 65), (8, 40, 31), (5, 7, 33), (64, 9, 48)]
            {
                let (left_stride, out_stride) = (inner + 3, columns + 5);
                let left: Vec<f32> = (0..rows * left_stride - 3).map(|i| value(1, i)).collect();
                let weights: Vec<f32> = (0..inner * columns).map(|i| value(2, i)).collect();
                let mut panels = Panels::default();
                // What an earlier, larger matrix left behind must not matter.
                panels.fill(level, inner + 4, columns + 40, |plain| plain.fill(f32::NAN));
                panels.fill(level, inner, columns, |plain| plain.copy_from_slice(&weights));
                for keep in [0.0, 0.8] {
                    let before: Vec<f32> = (0..rows * out_stride - 5).map(|i| value(3, i)).collect();
                    let mut out = before.clone();
                    panels.multiply(level, rows, &left, left_stride, &mut out, out_stride, keep);
                    for (place, found) in out.iter().enumerate() {
                        let (row, column) = (place / out_stride, place % out_stride);
                        let expected = if column < columns {
                            let terms = (0..inner).map(|k| {
                                f64::from(left[row * left_stride + k]) * f64::from(weights[k * columns + column])
                            });
                            f64::from(keep) * f64::from(before[place]) + terms.sum::<f64>()
                        } else {
                            f64::from(before[place])
                        };
                        let name = format!("{level:?} {rows} {inner} {columns} [{row}][{column}]");
                        assert!((f64::from(*found) - expected).abs() < 1e-4, "{name}: {found} {expected}");
                    }
                }
            }
        }
    }
}
