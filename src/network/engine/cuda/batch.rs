//! What a sweep is of, and how it comes onto the card.

use ndarray::Array3;

use crate::error::{Error, Result};
use crate::network::Network;
use crate::network::engine::cpu::kernels::Dimensions;
use crate::network::engine::cuda::card::Card;
use crate::network::engine::cuda::sweep::mask_width;
use crate::network::engine::cuda::work::{Room, Work};
use crate::network::engine::{check_inputs, elements};
use crate::tasks::{DrawnTrials, Trials};

/// What a sweep is of.
#[derive(Clone, Copy)]
pub(super) enum Batch<'a> {
    /// Inputs alone, (time, trial, input).
    Inputs(&'a Array3<f32>),
    /// Trials, with what they are graded by.
    Trials(&'a Trials),
    /// The same, whose arrays the card makes.
    Drawn(&'a DrawnTrials),
}

impl Batch<'_> {
    /// The sizes of a network and the batch; an error if it is empty or of another network.
    pub(super) fn dimensions(self, network: &Network) -> Result<Dimensions> {
        let hyperparameters = network.hyperparameters();
        let (units, inputs, outputs) = (hyperparameters.n_rnn, hyperparameters.n_input(), hyperparameters.n_output());
        let mask_width = mask_width(hyperparameters);
        let (steps, trials) = match self {
            Batch::Inputs(inputs) => check_inputs(network, inputs)?,
            Batch::Trials(trials) => check_inputs(network, &trials.inputs)?,
            Batch::Drawn(drawn) => (drawn.outline().steps, drawn.outline().trials.len()),
        };
        let widths = match self {
            Batch::Inputs(_) => Vec::new(),
            Batch::Trials(of) => vec![("targets", of.targets.dim(), outputs), ("mask", of.mask.dim(), mask_width)],
            Batch::Drawn(drawn) => {
                let of = drawn.outline();
                let array = |name, found, expected| (name, (steps, trials, found), expected);
                vec![
                    array("inputs", of.inputs, inputs),
                    array("targets", of.outputs, outputs),
                    array("mask", of.mask_width, mask_width),
                ]
            }
        };
        for (name, found, width) in widths {
            if found != (steps, trials, width) {
                let found = [found.0, found.1, found.2];
                return Err(Error::shape("sweep over a batch", name, &found, &[steps, trials, width]));
            }
        }
        Ok(Dimensions { units, inputs, outputs, steps, trials })
    }
}

impl<C: Card> Work<C> {
    /// Brings a batch onto the card: inputs, and what outputs are graded by if it has that, are then in their rooms.
    pub(super) fn bring(&mut self, batch: Batch<'_>) -> Result<()> {
        match batch {
            Batch::Inputs(inputs) => _ = self.upload(Room::Inputs, elements(inputs, "inputs")?)?,
            Batch::Trials(trials) => {
                self.upload(Room::Inputs, elements(&trials.inputs, "inputs")?)?;
                self.upload(Room::Targets, elements(&trials.targets, "targets")?)?;
                self.upload(Room::Mask, elements(&trials.mask, "mask")?)?;
            }
            Batch::Drawn(drawn) => self.make(drawn)?,
        }
        Ok(())
    }
}
