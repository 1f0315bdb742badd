//! Weights laid out for the products.

use rayon::prelude::*;

use crate::network::engine::cpu::kernels::buffer::Buffer;
use crate::numerics::Level;
use crate::numerics::dispatch::Kind;

/// Columns of a panel of weights, which are those of a tile; `None` where there is no kernel.
pub(super) fn tile_columns(level: Level) -> Option<usize> {
    match level.0 {
        Kind::Portable => None,
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => Some(3 * 8),
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => Some(4 * 16),
    }
}

/// A matrix of weights, (inner, columns), that many rows are multiplied with.
///
/// Its columns are cut into panels as wide as a tile of the product. A panel stands in one piece, row by row, so that a
/// product reads it from beginning to end; the last one is filled up with zeros. Where there is no kernel, the whole
/// matrix is one panel.
#[derive(Debug)]
pub(crate) struct Panels {
    level: Level,
    inner: usize,
    columns: usize,
    width: usize,
    data: Buffer,
}

impl Default for Panels {
    fn default() -> Self {
        Panels { level: Level::detect(), inner: 0, columns: 0, width: 0, data: Buffer::default() }
    }
}

/// Some rows of a matrix of weights: element (row, column) is at `row·row_stride + column·column_stride`.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    data: &'a [f32],
    rows: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Block<'a> {
    /// A matrix that is stored row by row.
    pub(crate) fn rows(data: &'a [f32], columns: usize) -> Self {
        Block { data, rows: data.len() / columns, row_stride: columns, column_stride: 1 }
    }

    /// The transpose of a matrix with `columns` columns that is stored row by row.
    pub(crate) fn transposed(data: &'a [f32], columns: usize) -> Self {
        Block { data, rows: columns, row_stride: 1, column_stride: columns }
    }

    /// Writes columns `first .. first + count`, the rows of `panel` being `width` long.
    fn copy_columns(&self, first: usize, count: usize, panel: &mut [f32], width: usize) {
        if self.column_stride == 1 {
            for (row, packed) in panel.chunks_exact_mut(width).enumerate() {
                packed[..count].copy_from_slice(&self.data[row * self.row_stride + first..][..count]);
                packed[count..].fill(0.0);
            }
            return;
        }
        /// Rows at a time, so that what is written to stays in cache.
        const ROWS: usize = 16;
        for (strip, packed) in panel.chunks_mut(ROWS * width).enumerate() {
            for column in 0..count {
                let from = &self.data[(first + column) * self.column_stride + strip * ROWS * self.row_stride..];
                for (packed, value) in packed.chunks_exact_mut(width).zip(from.iter().step_by(self.row_stride)) {
                    packed[column] = *value;
                }
            }
            packed.chunks_exact_mut(width).for_each(|packed| packed[count..].fill(0.0));
        }
    }
}

impl Panels {
    /// Lays out the matrix whose rows are those of `blocks`, one block below the other, on all threads.
    pub(super) fn fill(&mut self, level: Level, columns: usize, blocks: &[Block<'_>]) {
        let inner = blocks.iter().map(|block| block.rows).sum();
        let width = tile_columns(level).unwrap_or(columns);
        *self = Panels { level, inner, columns, width, data: std::mem::take(&mut self.data) };
        let size = columns.div_ceil(width) * inner * width;
        self.data.grow(size);
        self.data[..size].par_chunks_exact_mut(inner * width).enumerate().for_each(|(index, panel)| {
            let first = index * width;
            let mut rest = panel;
            for block in blocks {
                let part;
                (part, rest) = rest.split_at_mut(block.rows * width);
                block.copy_columns(first, width.min(columns - first), part, width);
            }
        });
    }

    /// The vector instructions that the layout is for.
    pub(super) fn level(&self) -> Level {
        self.level
    }

    /// Rows.
    pub(super) fn inner(&self) -> usize {
        self.inner
    }

    /// Columns.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Columns of a panel.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The elements, panel by panel.
    pub(super) fn data(&self) -> &[f32] {
        &self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_hold_the_blocks_one_below_the_other() {
        let (rows, across) = (values(3 * 70, 0.0), values(70 * 5, 1000.0));
        for level in Level::available() {
            let mut panels = Panels::default();
            panels.fill(level, 70, &[Block::rows(&rows, 70), Block::transposed(&across, 5)]);
            assert_eq!((panels.inner(), panels.columns()), (8, 70));
            let width = panels.width();
            for row in 0..8 {
                for column in 0..70_usize.next_multiple_of(width) {
                    let expected = match (row, column) {
                        (_, 70..) => 0.0,
                        (0..3, _) => rows[row * 70 + column],
                        _ => across[column * 5 + row - 3],
                    };
                    let place = column / width * 8 * width + row * width + column % width;
                    assert_eq!(panels.data()[place], expected, "{level:?} {row} {column}");
                }
            }
        }
    }

    fn values(count: usize, first: f32) -> Vec<f32> {
        (0..count).map(|place| first + place as f32).collect()
    }
}
