//! Matrix products for the shapes of a sweep, in tiles that stay in registers.
//!
//! A general matrix product lays its factors out anew at each call, which for the few rows of a shard costs as much as a
//! tenth of the product. An AVX-512 kernel here keeps 4 rows × 64 columns of the result in registers and reads the
//! factors where they are: weights from panels that are laid out once for a whole sweep, rates and gradients from the
//! rows of the shard. Without AVX-512 the gemm crate does the products.

use crate::network::kernels::buffer::Buffer;
use crate::network::kernels::product::{View, multiply};
use crate::numerics::Level;

/// Columns of a panel: four AVX-512 registers.
const PANEL: usize = 64;
/// Rows of a tile: with four registers each, 16 sums, enough to hide the latency of a multiplication; a square of
/// registers needs the fewest loads.
const TILE_ROWS: usize = 4;

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

/// A matrix of weights, (inner, columns), that many rows are multiplied with.
#[derive(Debug, Default)]
pub(super) struct Panels {
    inner: usize,
    columns: usize,
    /// Row by row.
    plain: Vec<f32>,
    /// Panel by panel, each row by row with 64 columns, the last one filled up with zeros; unused without AVX-512.
    panels: Buffer,
}

impl Panels {
    /// Lays out a matrix that `write` fills in, row by row.
    pub(super) fn fill(&mut self, level: Level, inner: usize, columns: usize, write: impl FnOnce(&mut [f32])) {
        (self.inner, self.columns) = (inner, columns);
        self.plain.resize(inner * columns, 0.0);
        write(&mut self.plain);
        if !has_kernel(level) {
            return;
        }
        let count = columns.div_ceil(PANEL);
        self.panels.grow(count * inner * PANEL);
        for (panel, rows) in self.panels.chunks_exact_mut(inner * PANEL).take(count).enumerate() {
            let first = panel * PANEL;
            let width = PANEL.min(columns - first);
            for (row, packed) in rows.chunks_exact_mut(PANEL).enumerate() {
                packed[..width].copy_from_slice(&self.plain[row * columns + first..][..width]);
                packed[width..].fill(0.0);
            }
        }
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
        let Panels { inner, columns, .. } = *self;
        if has_kernel(level) {
            let left = Strided { data: left, row: left_stride, inner: 1 };
            let right = Right { data: &self.panels, row: PANEL, panel: inner * PANEL };
            return in_tiles(level, (rows, inner, columns), left, right, out, out_stride, keep);
        }
        let (left, weights) = (View::rows(left, left_stride), View::rows(&self.plain, columns));
        multiply((rows, inner, columns), out, out_stride, keep, left, weights);
    }
}

/// `out ← keep·out + leftᵀ·right` for `inner` rows of `left` and `right`, which are `left_stride` and `right_stride` apart;
/// the result has `rows` × `columns`, its rows one behind the other.
#[allow(clippy::too_many_arguments, reason = "three matrices within slices")]
pub(super) fn multiply_transposed(
    level: Level,
    (rows, inner, columns): (usize, usize, usize),
    left: &[f32],
    left_stride: usize,
    right: &[f32],
    right_stride: usize,
    out: &mut [f32],
    keep: f32,
) {
    if has_kernel(level) {
        let left = Strided { data: left, row: 1, inner: left_stride };
        let right = Right { data: right, row: right_stride, panel: PANEL };
        return in_tiles(level, (rows, inner, columns), left, right, out, columns, keep);
    }
    let (left, right) = (View::transposed(left, left_stride), View::rows(right, right_stride));
    multiply((rows, inner, columns), out, columns, keep, left, right);
}

/// The left factor: element (row, k) is at `row·row + k·inner`.
#[derive(Clone, Copy)]
struct Strided<'a> {
    data: &'a [f32],
    row: usize,
    inner: usize,
}

/// The right factor: element (k, column) is at `(column / 64)·panel + k·row + column % 64`.
#[derive(Clone, Copy)]
struct Right<'a> {
    data: &'a [f32],
    row: usize,
    panel: usize,
}

/// The product, tile by tile; only for a level that has a kernel.
fn in_tiles(
    level: Level,
    (rows, inner, columns): (usize, usize, usize),
    left: Strided<'_>,
    right: Right<'_>,
    out: &mut [f32],
    out_stride: usize,
    keep: f32,
) {
    if rows == 0 || inner == 0 || columns == 0 {
        return;
    }
    assert!(has_kernel(level), "there is no kernel for this processor");
    let last_panel = (columns - 1) / PANEL;
    let last_column = last_panel * right.panel + (inner - 1) * right.row + (columns - 1) % PANEL;
    assert!((rows - 1) * left.row + (inner - 1) * left.inner < left.data.len(), "the left factor is too small");
    assert!(last_column < right.data.len(), "the right factor is too small");
    assert!(out_stride >= columns && (rows - 1) * out_stride + columns <= out.len(), "the product does not fit");
    #[cfg(target_arch = "x86_64")]
    for panel in 0..=last_panel {
        let width = PANEL.min(columns - panel * PANEL);
        for first in (0..rows).step_by(TILE_ROWS) {
            let tile = Tile {
                inner,
                left: &left.data[first * left.row..],
                left_row: left.row,
                left_inner: left.inner,
                right: &right.data[panel * right.panel..],
                right_row: right.row,
                out: &mut out[first * out_stride + panel * PANEL..],
                out_stride,
                width,
                keep,
            };
            // SAFETY: the level says that the processor has AVX-512. The last elements of both factors and of the
            // result lie within their slices, as was checked above, and those of a tile come before them.
            unsafe {
                match (rows - first).min(TILE_ROWS) {
                    1 => tile.of_rows::<1>(),
                    2 => tile.of_rows::<2>(),
                    3 => tile.of_rows::<3>(),
                    _ => tile.of_rows::<4>(),
                }
            }
        }
    }
}

/// Some rows of the product, one panel wide.
#[cfg(target_arch = "x86_64")]
struct Tile<'a> {
    inner: usize,
    left: &'a [f32],
    left_row: usize,
    left_inner: usize,
    right: &'a [f32],
    right_row: usize,
    out: &'a mut [f32],
    out_stride: usize,
    width: usize,
    keep: f32,
}

#[cfg(target_arch = "x86_64")]
impl Tile<'_> {
    /// Makes `ROWS` rows of as many registers as the width fills.
    ///
    /// # Safety
    ///
    /// The processor must have AVX-512. `width` is from 1 to 64. Element (row, k) of `left`, (k, column) of `right` and
    /// (row, column) of `out` must lie within their slices for each row < `ROWS`, k < `inner` and column < `width`.
    #[target_feature(enable = "avx512f")]
    unsafe fn of_rows<const ROWS: usize>(self) {
        // SAFETY: as the caller promises; the registers hold the width.
        unsafe {
            match self.width.div_ceil(16) {
                1 => self.run::<ROWS, 1>(),
                2 => self.run::<ROWS, 2>(),
                3 => self.run::<ROWS, 3>(),
                _ => self.run::<ROWS, 4>(),
            }
        }
    }

    /// Makes `ROWS` rows of `REGISTERS` registers.
    ///
    /// # Safety
    ///
    /// As [`Tile::of_rows`], and `width` is at most 16·`REGISTERS`.
    #[target_feature(enable = "avx512f")]
    unsafe fn run<const ROWS: usize, const REGISTERS: usize>(self) {
        use std::arch::x86_64::*;
        let there = u64::MAX >> (PANEL - self.width);
        let mask = |register: usize| (there >> (16 * register)) as u16;
        let mut sums = [[_mm512_setzero_ps(); REGISTERS]; ROWS];
        let (left, right) = (self.left.as_ptr(), self.right.as_ptr());
        let full = self.width == 16 * REGISTERS;
        for k in 0..self.inner {
            let mut row_of_right = [_mm512_setzero_ps(); REGISTERS];
            for (register, loaded) in row_of_right.iter_mut().enumerate() {
                // SAFETY: where the tile is not full, the mask lets through only the columns that are there.
                unsafe {
                    // The address may lie beyond the slice where the mask is empty, so it is not made by `add`.
                    let place = right.wrapping_add(k * self.right_row + 16 * register);
                    *loaded = if full { _mm512_loadu_ps(place) } else { _mm512_maskz_loadu_ps(mask(register), place) };
                }
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: the element is one of those that the caller promises.
                let factor = unsafe { _mm512_set1_ps(*left.add(row * self.left_row + k * self.left_inner)) };
                for (sum, right) in sums.iter_mut().zip(row_of_right) {
                    *sum = _mm512_fmadd_ps(factor, right, *sum);
                }
            }
        }
        let keep = _mm512_set1_ps(self.keep);
        for (row, sums) in sums.iter().enumerate() {
            for (register, sum) in sums.iter().enumerate() {
                let mask = mask(register);
                let out = self.out.as_mut_ptr().wrapping_add(row * self.out_stride + 16 * register);
                // SAFETY: the mask lets through only the columns that are there.
                unsafe {
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

    const SIZES: [(usize, usize, usize); 8] =
        [(1, 1, 1), (3, 5, 2), (16, 273, 256), (17, 33, 65), (8, 40, 31), (5, 7, 33), (64, 9, 130), (24, 6, 9)];

    fn value(seed: usize, place: usize) -> f32 {
        ((place * 37 + seed * 101) % 23) as f32 / 23.0 - 0.5
    }

    fn values(seed: usize, count: usize) -> Vec<f32> {
        (0..count).map(|place| value(seed, place)).collect()
    }

    /// Compares `out` with `keep·before + product` where there is one, and with `before` elsewhere.
    fn check(
        name: &str,
        out: &[f32],
        before: &[f32],
        (columns, out_stride): (usize, usize),
        keep: f32,
        product: impl Fn(usize, usize) -> f64,
    ) {
        for (place, (found, before)) in out.iter().zip(before).enumerate() {
            let (row, column) = (place / out_stride, place % out_stride);
            let expected = match column < columns {
                true => f64::from(keep) * f64::from(*before) + product(row, column),
                false => f64::from(*before),
            };
            assert!((f64::from(*found) - expected).abs() < 1e-4, "{name}[{row}][{column}]: {found} {expected}");
        }
    }

    #[test]
    fn products_with_weights_equal_the_sums_they_stand_for_and_touch_nothing_else() {
        for level in Level::available() {
            for (rows, inner, columns) in SIZES {
                let (left_stride, out_stride) = (inner + 3, columns + 5);
                let left = values(1, rows * left_stride - 3);
                let weights = values(2, inner * columns);
                let mut panels = Panels::default();
                // What an earlier, larger matrix left behind must not matter.
                panels.fill(level, inner + 4, columns + 40, |plain| plain.fill(f32::NAN));
                panels.fill(level, inner, columns, |plain| plain.copy_from_slice(&weights));
                for keep in [0.0, 0.8] {
                    let before = values(3, rows * out_stride - 5);
                    let mut out = before.clone();
                    panels.multiply(level, rows, &left, left_stride, &mut out, out_stride, keep);
                    let product = |row: usize, column: usize| -> f64 {
                        let term =
                            |k| f64::from(left[row * left_stride + k]) * f64::from(weights[k * columns + column]);
                        (0..inner).map(term).sum()
                    };
                    let name = format!("{level:?} {rows} {inner} {columns}");
                    check(&name, &out, &before, (columns, out_stride), keep, product);
                }
            }
        }
    }

    #[test]
    fn transposed_products_equal_the_sums_they_stand_for() {
        for level in Level::available() {
            for (rows, inner, columns) in SIZES {
                let (left_stride, right_stride) = (rows + 2, columns + 1);
                // As short as they may be: an element too many would be read beyond the end.
                let left = values(1, inner * left_stride - 2);
                let right = values(2, inner * right_stride - 1);
                for keep in [0.0, 1.0] {
                    let before = values(3, rows * columns);
                    let mut out = before.clone();
                    let sizes = (rows, inner, columns);
                    multiply_transposed(level, sizes, &left, left_stride, &right, right_stride, &mut out, keep);
                    let product = |row: usize, column: usize| -> f64 {
                        let term =
                            |k| f64::from(left[k * left_stride + row]) * f64::from(right[k * right_stride + column]);
                        (0..inner).map(term).sum()
                    };
                    check(&format!("{level:?} {sizes:?}"), &out, &before, (columns, columns), keep, product);
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "too small")]
    fn a_factor_that_is_too_small_is_refused() {
        let mut out = [0.0; 4];
        multiply_transposed(Level::detect(), (2, 2, 2), &[0.0; 3], 2, &[0.0; 4], 2, &mut out, 0.0);
    }
}
