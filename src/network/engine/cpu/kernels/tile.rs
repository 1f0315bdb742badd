//! Matrix products for the shapes of a sweep, in tiles that stay in registers.
//!
//! A general matrix product lays its factors out anew at each call, which for the few rows of a shard costs as much as
//! a tenth of the product. The kernels here keep a tile of the result in registers, 4 rows × 64 columns with AVX-512
//! and 4 × 24 with AVX2, and read the factors where they are: weights from [`Panels`] that are laid out once for a
//! whole sweep, rates and gradients from the rows of the shard. On other processors the gemm crate does the products.

use std::ops::Range;

use crate::network::engine::cpu::kernels::panels::{Panels, tile_columns};
use crate::network::engine::cpu::kernels::product::{View, multiply};
use crate::numerics::Level;
use crate::numerics::dispatch::Kind;

/// Rows of a tile: with the registers of a panel each, enough sums to hide the latency of a multiplication.
const TILE_ROWS: usize = 4;

/// Columns that [`multiply_weights_but_zeros`] looks through.
const MOST_LOOKED_AT: usize = 64;

/// `out ← left·weights`, to the last bit as [`multiply_weights`] has it, where many columns of `left` from `certain` on
/// are zero in every row: those are left out. A network is told little at most times, unless its inputs carry noise.
#[allow(clippy::too_many_arguments, reason = "two matrices within slices")]
pub(crate) fn multiply_weights_but_zeros(
    weights: &Panels,
    inner: Range<usize>,
    certain: usize,
    rows: usize,
    left: &[f32],
    left_stride: usize,
    out: &mut [f32],
    out_stride: usize,
) {
    let mut found = [0; MOST_LOOKED_AT];
    let more = match tile_columns(weights.level()) {
        Some(_) => not_zero(rows, left, left_stride, certain..inner.len(), &mut found),
        None => None,
    };
    let Some(more) = more else {
        return multiply_weights(weights, inner, rows, left, left_stride, out, out_stride, 0.0);
    };
    let sizes = (rows, inner.len(), weights.columns());
    let left = Strided { data: left, row: left_stride, inner: 1 };
    let (data, row) = (&weights.data()[inner.start * weights.width()..], weights.width());
    let right = Right { data, row, panel: weights.inner() * row };
    in_tiles(weights.level(), sizes, (certain, more), left, right, out, out_stride, 0.0);
}

/// The columns that are not zero in every row, ascending; none if these are all, or too many to look through.
fn not_zero<'a>(
    rows: usize,
    left: &[f32],
    stride: usize,
    columns: Range<usize>,
    found: &'a mut [u32; MOST_LOOKED_AT],
) -> Option<&'a [u32]> {
    if columns.len() > MOST_LOOKED_AT {
        return None;
    }
    let mut bits = [0; MOST_LOOKED_AT];
    for (row, values) in left.chunks(stride).take(rows).enumerate() {
        // All but the sign.
        bits.iter_mut().zip(&values[columns.clone()]).for_each(|(bits, value)| *bits |= value.to_bits() << 1);
        if row == 0 && bits[..columns.len()].iter().all(|bits| *bits != 0) {
            return None;
        }
    }
    let mut count = 0;
    for (column, _) in columns.zip(bits).filter(|(_, bits)| *bits != 0) {
        found[count] = column as u32;
        count += 1;
    }
    Some(&found[..count])
}

/// `out ← keep·out + left·weights` for `rows` rows of `left`, which are `left_stride` apart, as those of `out` are
/// `out_stride` apart; only the weights' rows `inner` are taken, and as many elements of a row of `left`.
#[allow(clippy::too_many_arguments, reason = "two matrices within slices")]
pub(crate) fn multiply_weights(
    weights: &Panels,
    inner: Range<usize>,
    rows: usize,
    left: &[f32],
    left_stride: usize,
    out: &mut [f32],
    out_stride: usize,
    keep: f32,
) {
    let sizes = (rows, inner.len(), weights.columns());
    if tile_columns(weights.level()).is_some() {
        let left = Strided { data: left, row: left_stride, inner: 1 };
        let (data, row) = (&weights.data()[inner.start * weights.width()..], weights.width());
        let right = Right { data, row, panel: weights.inner() * row };
        return in_tiles(weights.level(), sizes, (inner.len(), &[]), left, right, out, out_stride, keep);
    }
    let right = View::rows(&weights.data()[inner.start * weights.width()..], weights.width());
    multiply(sizes, out, out_stride, keep, View::rows(left, left_stride), right);
}

/// `out ← keep·out + leftᵀ·right` for `inner` rows of `left` and `right`, which are `left_stride` and `right_stride`
/// apart; the result has `rows` × `columns`, its rows one behind the other.
#[allow(clippy::too_many_arguments, reason = "three matrices within slices")]
pub(crate) fn multiply_transposed(
    level: Level,
    (rows, inner, columns): (usize, usize, usize),
    left: &[f32],
    left_stride: usize,
    right: &[f32],
    right_stride: usize,
    out: &mut [f32],
    keep: f32,
) {
    if let Some(width) = tile_columns(level) {
        let left = Strided { data: left, row: 1, inner: left_stride };
        let right = Right { data: right, row: right_stride, panel: width };
        return in_tiles(level, (rows, inner, columns), (inner, &[]), left, right, out, columns, keep);
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

/// The right factor: element (k, column) is at `(column / width)·panel + k·row + column % width`, with the width of a
/// tile.
#[derive(Clone, Copy)]
struct Right<'a> {
    data: &'a [f32],
    row: usize,
    panel: usize,
}

/// The product, tile by tile; only for a level that has a kernel. Of the inner terms the first few are taken, and then
/// those that are named.
#[allow(clippy::too_many_arguments, reason = "three matrices within slices")]
fn in_tiles(
    level: Level,
    (rows, inner, columns): (usize, usize, usize),
    (first_terms, more_terms): (usize, &[u32]),
    left: Strided<'_>,
    right: Right<'_>,
    out: &mut [f32],
    out_stride: usize,
    keep: f32,
) {
    if rows == 0 || inner == 0 || columns == 0 {
        return;
    }
    #[allow(clippy::unreachable, reason = "both callers have asked for it")]
    let Some(panel_columns) = tile_columns(level) else { unreachable!("there is no kernel for this processor") };
    let last_panel = (columns - 1) / panel_columns;
    let last_column = last_panel * right.panel + (inner - 1) * right.row + (columns - 1) % panel_columns;
    assert!((rows - 1) * left.row + (inner - 1) * left.inner < left.data.len(), "the left factor is too small");
    assert!(last_column < right.data.len(), "the right factor is too small");
    assert!(first_terms <= inner, "there are fewer terms");
    assert!(more_terms.iter().all(|term| (*term as usize) < inner), "there are fewer terms");
    assert!(out_stride >= columns && (rows - 1) * out_stride + columns <= out.len(), "the product does not fit");
    #[cfg(target_arch = "x86_64")]
    for panel in 0..=last_panel {
        let width = panel_columns.min(columns - panel * panel_columns);
        for first in (0..rows).step_by(TILE_ROWS) {
            let tile = x86::Tile {
                first_terms,
                more_terms,
                left: &left.data[first * left.row..],
                left_row: left.row,
                left_inner: left.inner,
                right: &right.data[panel * right.panel..],
                right_row: right.row,
                out: &mut out[first * out_stride + panel * panel_columns..],
                out_stride,
                rows: (rows - first).min(TILE_ROWS),
                width,
                keep,
            };
            // SAFETY: the level says that the processor has the instructions. The last elements of both factors and of
            // the result lie within their slices, as was checked above, and those of a tile come before them.
            unsafe {
                match level.0 {
                    Kind::Avx512 => tile.avx512(),
                    _ => tile.avx2(),
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m256, __m512};

    use crate::network::engine::cpu::kernels::vector::Vector;

    /// Some rows of the product, one panel wide.
    pub(super) struct Tile<'a> {
        pub(super) first_terms: usize,
        pub(super) more_terms: &'a [u32],
        pub(super) left: &'a [f32],
        pub(super) left_row: usize,
        pub(super) left_inner: usize,
        pub(super) right: &'a [f32],
        pub(super) right_row: usize,
        pub(super) out: &'a mut [f32],
        pub(super) out_stride: usize,
        pub(super) rows: usize,
        pub(super) width: usize,
        pub(super) keep: f32,
    }

    /// Calls `run` with as many rows as the tile has.
    macro_rules! by_rows {
        ($tile:ident, $vector:ty, $registers:literal) => {
            match $tile.rows {
                1 => $tile.run::<$vector, 1, $registers>(),
                2 => $tile.run::<$vector, 2, $registers>(),
                3 => $tile.run::<$vector, 3, $registers>(),
                _ => $tile.run::<$vector, 4, $registers>(),
            }
        };
    }

    impl Tile<'_> {
        /// Makes the tile in four registers a row.
        ///
        /// # Safety
        ///
        /// The processor must have AVX-512. There are 1 to 4 rows, and `width` is from 1 to 64. Element (row, k) of
        /// `left`, (k, column) of `right` and (row, column) of `out` must lie within their slices for each row <
        /// `rows`, k < `first_terms` or among `more_terms`, and column < `width`.
        #[target_feature(enable = "avx512f")]
        pub(super) unsafe fn avx512(self) {
            // SAFETY: as the caller promises; the registers hold the width.
            unsafe {
                match self.width.div_ceil(16) {
                    1 => by_rows!(self, __m512, 1),
                    2 => by_rows!(self, __m512, 2),
                    3 => by_rows!(self, __m512, 3),
                    _ => by_rows!(self, __m512, 4),
                }
            }
        }

        /// Makes the tile in three registers a row.
        ///
        /// # Safety
        ///
        /// As [`Tile::avx512`], but the processor must have AVX2 and FMA, and `width` is at most 24.
        #[target_feature(enable = "avx2,fma")]
        pub(super) unsafe fn avx2(self) {
            // SAFETY: as the caller promises; the registers hold the width.
            unsafe {
                match self.width.div_ceil(8) {
                    1 => by_rows!(self, __m256, 1),
                    2 => by_rows!(self, __m256, 2),
                    _ => by_rows!(self, __m256, 3),
                }
            }
        }

        /// Makes `ROWS` rows of `REGISTERS` registers.
        ///
        /// # Safety
        ///
        /// As [`Tile::avx512`] for the processor and the slices, with `ROWS` rows, and a `width` that `REGISTERS`
        /// registers hold and that one less does not.
        #[inline(always)]
        unsafe fn run<V: Vector, const ROWS: usize, const REGISTERS: usize>(self) {
            let full = self.width == V::LANES * REGISTERS;
            let count = |register: usize| V::LANES.min(self.width - V::LANES * register);
            let (left, right) = (self.left.as_ptr(), self.right.as_ptr());
            // SAFETY: the processor has the instructions. The elements are those that the caller promises: where the
            // tile is not full, only the columns that are there are loaded and stored.
            unsafe {
                let mut sums = [[V::splat(0.0); REGISTERS]; ROWS];
                // No function, so that the sums stay in registers from one loop to the next.
                macro_rules! add_term {
                    ($k:expr) => {
                        let k = $k;
                        let mut row_of_right = [V::splat(0.0); REGISTERS];
                        for (register, loaded) in row_of_right.iter_mut().enumerate() {
                            let place = right.add(k * self.right_row + V::LANES * register);
                            *loaded = if full { V::load(place) } else { V::load_first(place, count(register)) };
                        }
                        for (row, sums) in sums.iter_mut().enumerate() {
                            let factor = V::splat(*left.add(row * self.left_row + k * self.left_inner));
                            for (sum, right) in sums.iter_mut().zip(row_of_right) {
                                *sum = factor.multiply_add(right, *sum);
                            }
                        }
                    };
                }
                for k in 0..self.first_terms {
                    add_term!(k);
                }
                for k in self.more_terms {
                    add_term!(*k as usize);
                }
                let keep = V::splat(self.keep);
                for (row, sums) in sums.iter().enumerate() {
                    for (register, sum) in sums.iter().enumerate() {
                        let out = self.out.as_mut_ptr().add(row * self.out_stride + V::LANES * register);
                        let value = match self.keep {
                            0.0 => *sum,
                            _ => keep.multiply_add(V::load_first(out, count(register)), *sum),
                        };
                        value.store_first(out, count(register));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::engine::cpu::kernels::panels::Block;

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
                let larger = vec![f32::NAN; (inner + 4) * (columns + 40)];
                panels.fill(level, columns + 40, &[Block::rows(&larger, columns + 40)]);
                panels.fill(level, columns, &[Block::rows(&weights, columns)]);
                for keep in [0.0, 0.8] {
                    let before = values(3, rows * out_stride - 5);
                    let mut out = before.clone();
                    multiply_weights(&panels, 0..inner, rows, &left, left_stride, &mut out, out_stride, keep);
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
    fn products_without_columns_of_zeros_have_the_same_bits() {
        for level in Level::available() {
            for (certain, looked_at) in [(0, 5), (40, 24), (256, 23), (7, 64), (7, 65), (9, 0)] {
                let (rows, inner, columns, stride) = (11, certain + looked_at, 70, certain + looked_at + 3);
                let mut panels = Panels::default();
                panels.fill(level, columns, &[Block::rows(&values(2, inner * columns), columns)]);
                // Zero but for every so many columns, of which all but the first are zero in some rows.
                for every in [1, 2, 7, 100] {
                    let mut left = values(1, rows * stride - 3);
                    for (row, left) in left.chunks_mut(stride).enumerate() {
                        for (place, value) in left[certain..inner].iter_mut().enumerate() {
                            if place % every != 0 || (place > 2 && row % 3 == 0) {
                                *value = if place % 2 == 0 { 0.0 } else { -0.0 };
                            }
                        }
                    }
                    let (mut found, mut expected) = (vec![f32::NAN; rows * columns], vec![f32::NAN; rows * columns]);
                    let sizes = (rows, &left[..], stride);
                    multiply_weights(&panels, 0..inner, sizes.0, sizes.1, sizes.2, &mut expected, columns, 0.0);
                    multiply_weights_but_zeros(&panels, 0..inner, certain, rows, &left, stride, &mut found, columns);
                    assert_eq!(found, expected, "{level:?} {certain} {looked_at} {every}");
                    left[certain.min(inner - 1) + stride] = f32::NAN;
                    multiply_weights_but_zeros(&panels, 0..inner, certain, rows, &left, stride, &mut found, columns);
                    assert!(found[columns].is_nan() && !found[0].is_nan(), "a NaN is handed on");
                }
            }
        }
    }

    #[test]
    fn columns_that_are_zero_in_every_row_are_found() {
        let mut room = [0; MOST_LOOKED_AT];
        let left = [9.0, 0.0, 1.0, -0.0, 0.0, 9.0, 0.0, 0.0, -2.0, 0.0];
        assert_eq!(not_zero(2, &left, 5, 1..5, &mut room), Some(&[2, 3][..]));
        assert_eq!(not_zero(1, &left, 5, 1..5, &mut room), Some(&[2][..]));
        assert_eq!(not_zero(2, &left, 5, 2..3, &mut room), None, "it is not in the first row");
        assert_eq!(not_zero(2, &[0.0; 300], 150, 1..66, &mut room), None, "too many");
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

    /// Every number of rows and of columns that a tile can have, beside and below whole tiles; slices as short as may
    /// be.
    #[test]
    fn tiles_of_every_size_stay_within_their_slices() {
        for level in Level::available() {
            for (rows, columns) in (1..=5).flat_map(|rows| (1..=130).map(move |columns| (rows, columns))) {
                let inner = 3;
                let (right, before) = (values(2, inner * columns), values(3, rows * columns));
                let mut panels = Panels::default();
                panels.fill(level, columns, &[Block::rows(&right, columns)]);
                for (first, keep) in [(0, 0.0), (2, 0.5)] {
                    let count = inner - first;
                    let name = format!("{level:?} {rows} {columns} {first}");
                    let mut out = before.clone();
                    let left = values(1, rows * count);
                    multiply_weights(&panels, first..inner, rows, &left, count, &mut out, columns, keep);
                    check(&name, &out, &before, (columns, columns), keep, |row, column| {
                        let term =
                            |k| f64::from(left[row * count + k]) * f64::from(right[(first + k) * columns + column]);
                        (0..count).map(term).sum()
                    });
                    let mut out = before.clone();
                    let (left, right) = (values(4, count * rows), values(5, count * columns));
                    multiply_transposed(level, (rows, count, columns), &left, rows, &right, columns, &mut out, keep);
                    check(&name, &out, &before, (columns, columns), keep, |row, column| {
                        let term = |k| f64::from(left[k * rows + row]) * f64::from(right[k * columns + column]);
                        (0..count).map(term).sum()
                    });
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
