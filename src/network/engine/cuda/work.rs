//! A card and its memory, as the sweeps use them.

use std::collections::HashMap;
use std::ops::Range;

use crate::error::{Error, Result};
use crate::network::ParameterSpec;
use crate::network::engine::cuda::card::{Argument, Card, Launch};
use crate::network::engine::cuda::program::Program;

/// Bytes of a number.
const WIDTH: u64 = 4;

/// An array in the card's memory that is made anew by each sweep; rows are (time, trial) unless something else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Room {
    /// Parameters of a network that is not in training.
    Parameters,
    /// What was drawn of the trials that are to be made.
    Drawn,
    /// (time, trial, input).
    Inputs,
    /// (time, trial, output).
    Targets,
    /// (time, trial, output), or one a row.
    Mask,
    /// (time + 1, trial, unit).
    Rates,
    /// (time, trial, gate).
    Gates,
    /// (time + 1, trial, number).
    Kept,
    /// Outputs and, before that, their pre-activations.
    Values,
    /// The gradient by the outputs' pre-activations.
    ByValues,
    /// What the cost itself adds to the gradient by the rates.
    Added,
    /// The gradient by the rates, a row a trial.
    ByRates,
    /// What a cell passes back from step to step, a row a trial.
    Carried,
    /// What each row costs for its outputs.
    TaskCosts,
    /// What each row costs for its rates.
    ActivityCosts,
    /// The whole cost.
    Totals,
    /// Parts of sums.
    Layers,
    /// Products that are made at once.
    Products,
    /// Input weights behind a mix, and the gradient by them.
    Mixed,
    /// The transpose of a product's recurrent weights.
    Transposed(usize),
    /// Gradients by the parameters.
    Gradients,
    /// The number 1.
    One,
}

/// Where the parameters of a network stand in one array, one behind the other.
#[derive(Debug)]
pub(super) struct Places(Vec<(ParameterSpec, usize)>);

impl Places {
    pub(super) fn of(layout: Vec<ParameterSpec>) -> Self {
        let mut next = 0;
        let place = |spec: ParameterSpec| {
            let first = next;
            next += spec.count();
            (spec, first)
        };
        Places(layout.into_iter().map(place).collect())
    }

    /// Elements of all parameters.
    pub(super) fn count(&self) -> usize {
        self.0.last().map_or(0, |(spec, first)| first + spec.count())
    }

    /// Each parameter, and its first element.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&ParameterSpec, usize)> {
        self.0.iter().map(|(spec, first)| (spec, *first))
    }

    /// A parameter, and its first element.
    pub(super) fn get(&self, name: &str) -> Result<(&ParameterSpec, usize)> {
        let found = self.iter().find(|(spec, _)| spec.name == name);
        found.ok_or_else(|| Error::unknown_name("parameter", name, self.0.iter().map(|(spec, _)| spec.name)))
    }
}

/// A matrix in the card's memory as a factor: its two strides. A stride of 0 repeats a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Factor {
    pub(super) at: u64,
    pub(super) row: usize,
    pub(super) column: usize,
}

impl Factor {
    /// Rows of `width`, of which any part may be used.
    pub(super) fn rows(at: u64, width: usize) -> Self {
        Factor { at, row: width, column: 1 }
    }

    /// The same matrix with rows and columns exchanged.
    pub(super) fn transposed(self) -> Self {
        Factor { at: self.at, row: self.column, column: self.row }
    }
}

/// `out = keep·out + bias + left·right`.
#[derive(Clone, Copy, Debug)]
pub(super) struct MatrixProduct {
    pub(super) out: u64,
    /// Distance of its rows.
    pub(super) out_row: usize,
    pub(super) left: Factor,
    pub(super) right: Factor,
    /// A row that is added to each; 0: none.
    pub(super) bias: u64,
    pub(super) keep: f32,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) inner: usize,
}

/// Rows of a product's tile, and its columns.
const TILE: usize = 64;
/// Sums over at least so many rows are cut into layers.
const LAYER_ROWS: usize = 512;
/// The most layers of a sum.
const MOST_LAYERS: usize = 64;

/// The place `count` numbers behind another.
pub(super) fn behind(address: u64, count: usize) -> u64 {
    address + count as u64 * WIDTH
}

/// A size as kernels take it.
///
/// # Errors
/// If it is beyond them.
pub(super) fn int(size: usize) -> Result<Argument> {
    i32::try_from(size).map(Argument::Int).map_err(|_| {
        Error::argument(
            format!("{size} rows or numbers at once are more than the GPU's kernels take"),
            "use a smaller batch or network",
        )
    })
}

/// A whole number among the numbers of a table, whose bits it has.
pub(super) fn whole(number: usize) -> f32 {
    f32::from_bits(number as u32)
}

/// A place in memory in a table: two of its numbers.
fn place(address: u64) -> [f32; 2] {
    [whole(address as u32 as usize), whole((address >> 32) as usize)]
}

/// A card, the arrays that are on it, and the program of the cell at hand.
#[derive(Debug)]
pub(super) struct Work<C: Card> {
    pub(super) card: C,
    rooms: HashMap<Room, (C::Memory, usize)>,
    /// The bits of the table of products that is on the card.
    products: Vec<u32>,
    program: Option<&'static Program>,
}

impl<C: Card> Work<C> {
    pub(super) fn new(card: C) -> Self {
        Work { card, rooms: HashMap::new(), products: Vec::new(), program: None }
    }

    /// Takes kernels from this program from now on.
    pub(super) fn take(&mut self, program: &'static Program) {
        self.program = Some(program);
    }

    /// The place of an array of at least `count` numbers; what stood there is lost if it must grow.
    pub(super) fn room(&mut self, room: Room, count: usize) -> Result<u64> {
        if self.rooms.get(&room).is_none_or(|(_, capacity)| *capacity < count) {
            // The old one goes first: there may not be memory for both.
            self.rooms.remove(&room);
            let memory = self.card.allocate(count)?;
            self.rooms.insert(room, (memory, count));
        }
        Ok(self.rooms.get(&room).map_or(0, |(memory, _)| self.card.address(memory)))
    }

    /// Whether an array is there.
    pub(super) fn has(&self, room: Room) -> bool {
        self.rooms.contains_key(&room)
    }

    /// Copies numbers into an array, from its beginning on.
    pub(super) fn upload(&mut self, room: Room, values: &[f32]) -> Result<u64> {
        let address = self.room(room, values.len())?;
        if let Some((memory, _)) = self.rooms.get_mut(&room) {
            self.card.upload(memory, 0, values)?;
        }
        Ok(address)
    }

    /// Copies numbers of an array back, from `first` on, when everything before is done.
    pub(super) fn download(&self, room: Room, first: usize, count: usize) -> Result<Vec<f32>> {
        let mut values = vec![0.0; count];
        if let Some((memory, _)) = self.rooms.get(&room) {
            self.card.download(memory, first, &mut values)?;
        }
        Ok(values)
    }

    /// Runs a kernel in a grid of blocks.
    pub(super) fn launch(
        &mut self,
        kernel: &'static str,
        blocks: [usize; 3],
        threads: u32,
        arguments: &[Argument],
    ) -> Result<()> {
        let Some(program) = self.program else { return Ok(()) };
        self.launch_of(program, kernel, blocks, threads, arguments)
    }

    /// Runs a kernel of another program.
    pub(super) fn launch_of(
        &mut self,
        program: &'static Program,
        kernel: &'static str,
        blocks: [usize; 3],
        threads: u32,
        arguments: &[Argument],
    ) -> Result<()> {
        let mut grid = [0; 3];
        for (size, blocks) in grid.iter_mut().zip(blocks) {
            int(blocks)?;
            *size = blocks as u32;
        }
        self.card.launch(&Launch { program, kernel, blocks: grid, threads, arguments })
    }

    /// Runs a kernel that has a thread for each of `count` things.
    pub(super) fn launch_each(
        &mut self,
        kernel: &'static str,
        count: usize,
        threads: u32,
        arguments: &[Argument],
    ) -> Result<()> {
        self.launch(kernel, [count.div_ceil(threads as usize), 1, 1], threads, arguments)
    }

    /// A product of matrices.
    pub(super) fn product(&mut self, product: &MatrixProduct) -> Result<()> {
        self.sliced(product, product.inner.max(1))
    }

    /// A product whose sums are over many rows, cut into layers that are added up in their order.
    pub(super) fn long_product(&mut self, product: &MatrixProduct) -> Result<()> {
        let (slice, layers) = layers(product.inner);
        if layers <= 1 {
            return self.product(product);
        }
        let count = product.rows * product.columns;
        let parts = self.room(Room::Layers, layers * count)?;
        self.sliced(&MatrixProduct { out: parts, out_row: product.columns, ..*product }, slice)?;
        self.add_up(product.out, parts, count, count, layers)
    }

    /// Products whose sums are over the same many rows, at once, each to its place in `out`, which has room for `count`
    /// numbers. They have neither bias nor anything to keep.
    pub(super) fn long_products(&mut self, out: u64, count: usize, products: &[(usize, MatrixProduct)]) -> Result<()> {
        let Some((_, MatrixProduct { inner, .. })) = products.first() else { return Ok(()) };
        let (slice, layers) = layers(*inner);
        let (mut table, mut tiles) = (Vec::new(), 0);
        for (at, MatrixProduct { left, right, rows, columns, .. }) in products {
            tiles += rows.div_ceil(TILE) * columns.div_ceil(TILE);
            table.extend(place(left.at));
            table.extend([left.row, left.column].map(whole));
            table.extend(place(right.at));
            table.extend([right.row, right.column, *rows, *columns, *at, tiles].map(whole));
        }
        let bits: Vec<u32> = table.iter().map(|number| number.to_bits()).collect();
        if self.products != bits {
            self.products.clear();
            self.upload(Room::Products, &table)?;
            self.products = bits;
        }
        let table = self.room(Room::Products, table.len())?;
        let to = if layers > 1 { self.room(Room::Layers, layers * count)? } else { out };
        let mut arguments = [to, table].map(Argument::Address).to_vec();
        arguments.extend([int(count)?, int(*inner)?, int(slice)?]);
        self.launch("products", [tiles, layers, 1], 256, &arguments)?;
        if layers <= 1 {
            return Ok(());
        }
        // Between them may be what no product makes.
        let mut made =
            products.iter().map(|(at, product)| *at..at + product.rows * product.columns).collect::<Vec<_>>();
        made.sort_by_key(|range| range.start);
        for range in joined(made) {
            self.add_up(behind(out, range.start), behind(to, range.start), range.len(), count, layers)?;
        }
        Ok(())
    }

    fn add_up(&mut self, out: u64, parts: u64, count: usize, apart: usize, layers: usize) -> Result<()> {
        let arguments = [Argument::Address(out), Argument::Address(parts), int(count)?, int(apart)?, int(layers)?];
        self.launch_each("add_up", count, 256, &arguments)
    }

    fn sliced(&mut self, product: &MatrixProduct, slice: usize) -> Result<()> {
        let MatrixProduct { out, out_row, left, right, bias, keep, rows, columns, inner } = *product;
        let arguments = [
            Argument::Address(out),
            int(out_row)?,
            Argument::Address(left.at),
            int(left.row)?,
            int(left.column)?,
            Argument::Address(right.at),
            int(right.row)?,
            int(right.column)?,
            Argument::Address(bias),
            Argument::Float(keep),
            int(rows)?,
            int(columns)?,
            int(inner)?,
            int(slice)?,
        ];
        let blocks = [rows.div_ceil(TILE), columns.div_ceil(TILE), inner.div_ceil(slice).max(1)];
        self.launch("product", blocks, 256, &arguments)
    }
}

/// The rows of a layer of a sum over so many, and the layers.
fn layers(rows: usize) -> (usize, usize) {
    let slice = rows.div_ceil(MOST_LAYERS).max(LAYER_ROWS);
    (slice, rows.div_ceil(slice))
}

/// Ranges, in their order, those that touch being one.
fn joined(ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match all.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => all.push(range),
        }
    }
    all
}
