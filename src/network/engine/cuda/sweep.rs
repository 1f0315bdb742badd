//! A network over all time steps of a batch: which kernels run, and on what.
//!
//! All that is not recurrent runs over all steps at once: inputs, biases and noise before the sweep, outputs and cost
//! behind it, the gradients by weights after the way back, as products whose long sums are cut into layers that are
//! added up in their order. No number is added to by two threads: results are the same bits every time.

use crate::error::Result;
use crate::hyperparameters::{Activation, Hyperparameters, Loss};
use crate::network::engine::cpu::kernels::Dimensions;
use crate::network::engine::cuda::card::{Argument, Card};
use crate::network::engine::cuda::cell::{OnCuda, Product};
use crate::network::engine::cuda::work::{Factor, MatrixProduct, Places, Room, Work, behind, int};
use crate::network::{Cost, SweepNoise};

/// Threads of a block that runs trials, as step.cu has it.
pub(super) const SWEEP_THREADS: u32 = 512;
/// Trials of a block, at most, as step.cu has it.
pub(super) const BLOCK_TRIALS: usize = 4;

/// A network and a batch.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) cell: &'static dyn OnCuda,
    pub(super) hyperparameters: &'a Hyperparameters,
    pub(super) dimensions: Dimensions,
    pub(super) noise: SweepNoise,
    pub(super) places: &'a Places,
    /// Where the parameters are.
    pub(super) parameters: u64,
}

impl Job<'_> {
    /// Rows of the batch, a row a time step and trial.
    pub(super) fn rows(&self) -> usize {
        self.dimensions.steps * self.dimensions.trials
    }

    pub(super) fn gate_width(&self) -> usize {
        self.cell.gates() * self.dimensions.units
    }

    pub(super) fn kept_width(&self) -> usize {
        self.cell.kept() * self.dimensions.units
    }

    pub(super) fn parameter(&self, name: &str) -> Result<u64> {
        Ok(behind(self.parameters, self.places.get(name)?.1))
    }

    /// Numbers of the mask in each row.
    fn mask_width(&self) -> usize {
        mask_width(self.hyperparameters)
    }

    /// What the summed cost of the task is divided by.
    fn cost_count(&self) -> usize {
        self.rows() * self.mask_width()
    }

    /// The weights of absolute and of squared rates in the cost, the first divided by what it is a mean over.
    pub(super) fn activity_costs(&self) -> Option<[f32; 2]> {
        let Hyperparameters { l1_h, l2_h, .. } = *self.hyperparameters;
        let count = (self.rows() * self.dimensions.units) as f32;
        (l1_h != 0.0 || l2_h != 0.0).then(|| [l1_h as f32 / count, l2_h as f32])
    }
}

/// Numbers that the mask of a network's trials has in each time step and trial: one an output, or one.
pub(super) fn mask_width(hyperparameters: &Hyperparameters) -> usize {
    match hyperparameters.loss_type {
        Loss::LeastSquares => hyperparameters.n_output(),
        Loss::CrossEntropy => 1,
    }
}

/// The number of an activation in mathematics.cu.
pub(super) fn number_of(activation: Activation) -> i32 {
    match activation {
        Activation::Softplus => 0,
        Activation::Relu => 1,
        Activation::Tanh => 2,
        Activation::Power => 3,
        Activation::Retanh => 4,
        Activation::Elu => 5,
    }
}

impl<C: Card> Work<C> {
    /// Runs all steps forward over the inputs that were brought; rates and gates are then in their rooms.
    pub(super) fn forward(&mut self, job: &Job<'_>) -> Result<()> {
        self.take(job.cell.program());
        for product in job.cell.products(job.hyperparameters) {
            self.drive(job, &product)?;
        }
        self.add_noise(job)?;
        let Dimensions { steps, trials, units, .. } = job.dimensions;
        let kept = self.room(Room::Kept, (steps + 1) * trials * job.kept_width())?;
        let rates = self.room(Room::Rates, (steps + 1) * trials * units)?;
        let gates = self.room(Room::Gates, job.rows() * job.gate_width())?;
        let mut arguments = vec![Argument::Address(rates), Argument::Address(gates), Argument::Address(kept)];
        let products = job.cell.products(job.hyperparameters);
        if let (Some(clusters), [product]) = (self.clusters(job), &products[..]) {
            let weights = job.parameter(product.recurrent)?;
            return self.launch_clusters(&clusters, false, job, [weights, gates, gates, rates]);
        }
        for place in 0..2 {
            let weights = products.get(place).map_or(Ok(0), |product| job.parameter(product.recurrent))?;
            arguments.push(Argument::Address(weights));
        }
        self.launch_sweep("forward", job, arguments)
    }

    /// Inputs and biases of a product, for all steps.
    fn drive(&mut self, job: &Job<'_>, product: &Product) -> Result<()> {
        let Dimensions { units, inputs: channels, .. } = job.dimensions;
        let (rows, columns) = (job.rows(), product.columns.len() * units);
        let gates = self.room(Room::Gates, rows * job.gate_width())?;
        let out = behind(gates, product.columns.start * units);
        let inputs = self.room(Room::Inputs, rows * channels)?;
        let mut step = MatrixProduct {
            out,
            out_row: job.gate_width(),
            left: Factor::rows(inputs, channels),
            right: Factor::rows(0, columns),
            bias: 0,
            keep: 0.0,
            rows,
            columns,
            inner: 0,
        };
        let (first_bias, other_biases) =
            product.biases.split_first().map_or((None, &[][..]), |(one, rest)| (Some(*one), rest));
        for (place, part) in product.inputs.iter().enumerate() {
            let mut weights = job.parameter(part.weights)?;
            if let Some(mix) = part.mixed_by {
                let (mix, mixed) = (job.parameter(mix)?, self.room(Room::Mixed, part.channels.len() * columns)?);
                self.product(&MatrixProduct {
                    out: mixed,
                    out_row: columns,
                    left: Factor::rows(mix, part.channels.len()),
                    right: Factor::rows(weights, columns),
                    bias: 0,
                    keep: 0.0,
                    rows: part.channels.len(),
                    columns,
                    inner: part.channels.len(),
                })?;
                weights = mixed;
            }
            step.left.at = behind(inputs, part.channels.start);
            step.right.at = weights;
            step.inner = part.channels.len();
            (step.bias, step.keep) = match (place, first_bias) {
                (0, Some(bias)) => (job.parameter(bias)?, 0.0),
                (0, None) => (0, 0.0),
                _ => (0, 1.0),
            };
            self.product(&step)?;
        }
        let one = self.one()?;
        for bias in other_biases {
            let right = Factor::rows(job.parameter(bias)?, columns);
            self.product(&MatrixProduct { left: one, right, bias: 0, keep: 1.0, inner: 1, ..step })?;
        }
        Ok(())
    }

    /// A matrix of ones.
    pub(super) fn one(&mut self) -> Result<Factor> {
        let at = if self.has(Room::One) { self.room(Room::One, 1)? } else { self.upload(Room::One, &[1.0])? };
        Ok(Factor { at, row: 0, column: 0 })
    }

    fn add_noise(&mut self, job: &Job<'_>) -> Result<()> {
        let (noise, noise_step, deviation) = job.noise.parts(job.hyperparameters);
        if deviation == 0.0 || !job.cell.is_noisy() {
            return Ok(());
        }
        let Dimensions { steps, trials, units, .. } = job.dimensions;
        let gates = self.room(Room::Gates, job.rows() * job.gate_width())?;
        let [first_key, second_key] = noise.key();
        let arguments = [
            Argument::Address(gates),
            int(job.gate_width())?,
            int(units)?,
            int(steps)?,
            int(trials)?,
            Argument::Float(deviation),
            Argument::Word(first_key),
            Argument::Word(second_key),
            Argument::Word(noise_step),
        ];
        // A thread makes four normals; rows are made in packs of 32.
        self.launch_each("add_noise", job.rows() * units.div_ceil(32) * 8, 256, &arguments)
    }

    /// Runs a kernel whose blocks run trials through all steps.
    pub(super) fn launch_sweep(
        &mut self,
        kernel: &'static str,
        job: &Job<'_>,
        mut arguments: Vec<Argument>,
    ) -> Result<()> {
        let Dimensions { steps, trials, units, .. } = job.dimensions;
        let of_block = trials.div_ceil(self.card.processors()).clamp(1, BLOCK_TRIALS);
        let [first, second] = job.cell.numbers(job.hyperparameters);
        for size in [units, job.gate_width(), job.kept_width(), steps, trials, of_block] {
            arguments.push(int(size)?);
        }
        arguments.push(Argument::Int(number_of(job.hyperparameters.activation)));
        arguments.extend([first, second].map(Argument::Float));
        self.launch(kernel, [trials.div_ceil(of_block), 1, 1], SWEEP_THREADS, &arguments)
    }

    /// The outputs of all steps after [`Work::forward`]; graded by what was brought, also the cost, and with `status`,
    /// whether it is finite. With gradients to follow, those by the outputs' pre-activations.
    pub(super) fn outputs(
        &mut self,
        job: &Job<'_>,
        graded: bool,
        for_gradients: bool,
        status: Option<(u64, f32)>,
    ) -> Result<()> {
        let Dimensions { steps, trials, units, outputs, .. } = job.dimensions;
        let rows = job.rows();
        let rates = behind(self.room(Room::Rates, (steps + 1) * trials * units)?, trials * units);
        let values = self.room(Room::Values, rows * outputs)?;
        self.product(&MatrixProduct {
            out: values,
            out_row: outputs,
            left: Factor::rows(rates, units),
            right: Factor::rows(job.parameter("w_out")?, outputs),
            bias: job.parameter("b_out")?,
            keep: 0.0,
            rows,
            columns: outputs,
            inner: units,
        })?;
        let [targets, mask, costs] = match graded {
            false => [0; 3],
            true => [
                self.room(Room::Targets, rows * outputs)?,
                self.room(Room::Mask, rows * job.mask_width())?,
                self.room(Room::TaskCosts, rows)?,
            ],
        };
        let gradient = if for_gradients { self.room(Room::ByValues, rows * outputs)? } else { 0 };
        let loss = match job.hyperparameters.loss_type {
            Loss::LeastSquares => 0,
            Loss::CrossEntropy => 1,
        };
        let mut arguments = [values, targets, mask, gradient, costs].map(Argument::Address).to_vec();
        arguments.extend([int(rows)?, int(outputs)?, Argument::Int(loss)]);
        arguments.push(Argument::Float(1.0 / job.cost_count() as f32));
        self.launch_each("grade", rows, 128, &arguments)?;
        if !graded {
            return Ok(());
        }
        let mut of_rates = 0;
        if let Some([l1, l2]) = job.activity_costs() {
            of_rates = self.room(Room::ActivityCosts, rows)?;
            let mut arguments = [rates, of_rates].map(Argument::Address).to_vec();
            arguments.extend([int(rows)?, int(units)?, Argument::Float(l1), Argument::Float(l2)]);
            self.launch_each("activity_cost", rows, 128, &arguments)?;
        }
        let totals = self.room(Room::Totals, 4)?;
        let (status, step) = status.unwrap_or((0, 0.0));
        let mut arguments = [costs, of_rates].map(Argument::Address).to_vec();
        arguments.extend([int(rows)?, Argument::Address(totals), Argument::Address(status), Argument::Float(step)]);
        self.launch("sum_costs", [1, 1, 1], 256, &arguments)
    }

    /// The cost that [`Work::outputs`] found; waits for it.
    pub(super) fn cost(&self, job: &Job<'_>) -> Result<Cost> {
        let totals: Vec<f64> = self.download(Room::Totals, 0, 4)?.into_iter().map(f64::from).collect();
        Ok(Cost {
            task: (totals[0] + totals[1]) / job.cost_count() as f64,
            activity: totals[2] + totals[3],
            extra: 0.0,
        })
    }
}
