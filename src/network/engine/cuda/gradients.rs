//! Back through all time steps, and the gradients by every parameter.

use crate::error::Result;
use crate::network::Role;
use crate::network::engine::cpu::kernels::Dimensions;
use crate::network::engine::cuda::card::{Argument, Card};
use crate::network::engine::cuda::cell::{Product, Source};
use crate::network::engine::cuda::sweep::Job;
use crate::network::engine::cuda::work::{Factor, MatrixProduct, Room, Work, behind, int};

impl<C: Card> Work<C> {
    /// Goes back through all steps after [`Work::outputs`], and makes the gradients by the parameters, which stand in
    /// their room as the parameters do in theirs.
    pub(super) fn backward(&mut self, job: &Job<'_>) -> Result<()> {
        let Dimensions { steps, trials, units, outputs, .. } = job.dimensions;
        let rows = job.rows();
        let by_values = self.room(Room::ByValues, rows * outputs)?;
        let added = self.room(Room::Added, rows * units)?;
        self.product(&MatrixProduct {
            out: added,
            out_row: units,
            left: Factor::rows(by_values, outputs),
            right: Factor::rows(job.parameter("w_out")?, outputs).transposed(),
            bias: 0,
            keep: 0.0,
            rows,
            columns: units,
            inner: outputs,
        })?;
        let rates = self.room(Room::Rates, (steps + 1) * trials * units)?;
        if let Some([l1, l2]) = job.activity_costs() {
            let mut arguments = [added, behind(rates, trials * units)].map(Argument::Address).to_vec();
            arguments.extend([int(rows)?, int(units)?, Argument::Float(l1), Argument::Float(l2)]);
            self.launch_each("activity_gradient", rows * units, 256, &arguments)?;
        }
        let gates = self.room(Room::Gates, rows * job.gate_width())?;
        let kept = self.room(Room::Kept, (steps + 1) * trials * job.kept_width())?;
        let by_rates = self.room(Room::ByRates, trials * units)?;
        let carried = self.room(Room::Carried, trials * units)?;
        let mut arguments = [rates, gates, kept, added, by_rates, carried].map(Argument::Address).to_vec();
        let products = job.cell.products(job.hyperparameters);
        let mut transposed = [0; 2];
        for (place, product) in products.iter().take(transposed.len()).enumerate() {
            transposed[place] = self.transposed(job, place, product.recurrent)?;
        }
        match self.clusters(job) {
            Some(clusters) => self.launch_clusters(&clusters, true, job, [transposed[0], added, gates, 0])?,
            None => {
                arguments.extend(transposed.map(Argument::Address));
                self.launch_sweep("backward", job, arguments)?;
            }
        }
        let mut gradients = Gradients::new(job);
        for product in &products {
            self.gradients_of(product, &mut gradients)?;
        }
        let (from_rates, one) = (Factor::rows(behind(rates, trials * units), units), self.one()?);
        gradients.add("w_out", from_rates, Factor::rows(by_values, outputs))?;
        gradients.add("b_out", one, Factor::rows(by_values, outputs))?;
        let out = self.room(Room::Gradients, job.places.count())?;
        self.long_products(out, job.places.count(), &gradients.products)
    }

    /// The transpose of a parameter.
    fn transposed(&mut self, job: &Job<'_>, place: usize, name: &str) -> Result<u64> {
        let (rows, columns) = job.places.get(name)?.0.shape;
        let out = self.room(Room::Transposed(place), rows * columns)?;
        let mut arguments = [out, job.parameter(name)?].map(Argument::Address).to_vec();
        arguments.extend([int(rows)?, int(columns)?]);
        self.launch_each("transpose", rows * columns, 256, &arguments)?;
        Ok(out)
    }

    /// The gradients by all parameters of a product: those behind a mix at once, the others with all others.
    fn gradients_of(&mut self, product: &Product, gradients: &mut Gradients<'_>) -> Result<()> {
        let job = gradients.job;
        let Dimensions { trials, units, inputs: channels, steps, .. } = job.dimensions;
        let gates = self.room(Room::Gates, job.rows() * job.gate_width())?;
        let by_gates = Factor::rows(behind(gates, product.columns.start * units), job.gate_width());
        let source = match product.from {
            Source::Rates => Factor::rows(self.room(Room::Rates, (steps + 1) * trials * units)?, units),
            Source::Kept => {
                let kept = self.room(Room::Kept, (steps + 1) * trials * job.kept_width())?;
                Factor::rows(behind(kept, trials * job.kept_width()), job.kept_width())
            }
        };
        gradients.add(product.recurrent, source, by_gates)?;
        let inputs = self.room(Room::Inputs, job.rows() * channels)?;
        for part in &product.inputs {
            let of_channels = Factor::rows(behind(inputs, part.channels.start), channels);
            let Some(mix) = part.mixed_by else {
                gradients.add(part.weights, of_channels, by_gates)?;
                continue;
            };
            let ((spec, first), (count, columns)) =
                (job.places.get(part.weights)?, (part.channels.len(), product.columns.len() * units));
            let mixed = self.room(Room::Mixed, count * columns)?;
            self.long_product(&gradient_product(mixed, of_channels, by_gates, (count, columns), job.rows()))?;
            let all = self.room(Room::Gradients, job.places.count())?;
            self.product(&MatrixProduct {
                out: behind(all, first),
                out_row: columns,
                left: Factor::rows(job.parameter(mix)?, count).transposed(),
                right: Factor::rows(mixed, columns),
                bias: 0,
                keep: 0.0,
                rows: spec.shape.0,
                columns,
                inner: count,
            })?;
        }
        let one = self.one()?;
        product.biases.iter().try_for_each(|bias| gradients.add(bias, one, by_gates))
    }
}

/// Gradients by parameters that are to be made together.
struct Gradients<'a> {
    job: &'a Job<'a>,
    /// Each with its place among the gradients by all parameters.
    products: Vec<(usize, MatrixProduct)>,
}

impl<'a> Gradients<'a> {
    fn new(job: &'a Job<'a>) -> Self {
        Gradients { job, products: Vec::new() }
    }

    /// The gradient by a parameter: the sum over all rows of what came in times the gradient by what went out.
    fn add(&mut self, name: &str, source: Factor, by_product: Factor) -> Result<()> {
        let (spec, first) = self.job.places.get(name)?;
        if spec.role != Role::Fixed {
            let product = gradient_product(0, source, by_product, spec.shape, self.job.rows());
            self.products.push((first, product));
        }
        Ok(())
    }
}

/// `out = sourceᵀ · by_product`, summed over so many rows.
fn gradient_product(
    out: u64,
    source: Factor,
    by_product: Factor,
    shape: (usize, usize),
    count: usize,
) -> MatrixProduct {
    let (rows, columns) = shape;
    let left = source.transposed();
    MatrixProduct { out, out_row: columns, left, right: by_product, bias: 0, keep: 0.0, rows, columns, inner: count }
}
