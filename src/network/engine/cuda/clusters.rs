//! Sweeps with the weights in registers, for networks that fit and cards with clusters of blocks.

use crate::error::Result;
use crate::network::engine::cpu::kernels::Dimensions;
use crate::network::engine::cuda::card::{Argument, Card};
use crate::network::engine::cuda::program::{Parts, Program};
use crate::network::engine::cuda::sweep::{BLOCK_TRIALS, Job, SWEEP_THREADS, number_of};
use crate::network::engine::cuda::work::{Work, int};

/// Kernels that sweep with the weights in registers, and the blocks of a cluster.
pub(super) struct Clusters {
    program: &'static Program,
    blocks: usize,
}

impl<C: Card> Work<C> {
    /// The kernels with weights in registers, if the network fits and the card has clusters.
    pub(super) fn clusters(&self, job: &Job<'_>) -> Option<Clusters> {
        let fitting = |program: &'static Program| match program.parts {
            Parts::Clusters { units, blocks, .. } if job.dimensions.units <= units => {
                Some(Clusters { program, blocks })
            }
            _ => None,
        };
        self.card.has_clusters().then(|| job.cell.in_registers().iter().find_map(fitting)).flatten()
    }

    /// Sweeps with the weights in registers; the addresses are those of the matrix, the drive, the gates and the rates.
    pub(super) fn launch_clusters(
        &mut self,
        &Clusters { program, blocks }: &Clusters,
        back: bool,
        job: &Job<'_>,
        addresses: [u64; 4],
    ) -> Result<()> {
        let Dimensions { steps, trials, units, .. } = job.dimensions;
        // One trial a cluster is fastest as long as all clusters run at once.
        let of_cluster = if trials * blocks <= self.card.processors() { 1 } else { BLOCK_TRIALS };
        let kernel = match (back, of_cluster) {
            (false, 1) => "forward_one",
            (false, _) => "forward_four",
            (true, 1) => "backward_one",
            (true, _) => "backward_four",
        };
        let mut arguments = addresses.map(Argument::Address).to_vec();
        arguments.extend([int(units)?, int(steps)?, int(trials)?]);
        arguments.push(Argument::Int(number_of(job.hyperparameters.activation)));
        arguments.push(Argument::Float(job.cell.numbers(job.hyperparameters)[0]));
        let blocks = trials.div_ceil(of_cluster) * blocks;
        self.launch_of(program, kernel, [blocks, 1, 1], SWEEP_THREADS, &arguments)
    }
}
