//! Training with everything on the card: weights and the optimiser's memory go there before the first step and come
//! back when somebody wants to look at them.

use crate::error::{Error, Result};
use crate::network::engine::cuda::batch::Batch;
use crate::network::engine::cuda::card::{Argument, Card};
use crate::network::engine::cuda::cell::OnCuda;
use crate::network::engine::cuda::engine::CardEngine;
use crate::network::engine::cuda::sweep::Job;
use crate::network::engine::cuda::work::{Places, Room, int, whole};
use crate::network::engine::{Diverged, SweepNoise};
use crate::network::optimizer::GRADIENT_LIMIT;
use crate::network::{Learner, Values};

/// Whether and where training diverged, and the cost there: see sum_costs in outputs.cu.
const STATUS: usize = 4;

/// Numbers of a part of the parameters, as update.cu has it.
const PART_WORDS: usize = 5;

/// A network in training, on the card. Its arrays hold the parameters one behind the other.
#[derive(Debug)]
pub(super) struct Resident<M> {
    /// Whose it is.
    learner: u64,
    places: Places,
    parameters: M,
    /// Adam's two running means; none for plain descent.
    moments: Option<[M; 2]>,
    /// Initial values, and half the penalty on leaving them.
    anchors: Option<[M; 2]>,
    /// The parts of the parameters that train, as update.cu reads them, and how many they are.
    parts: (M, usize),
    status: M,
    /// The learner's updates when it came here.
    updates_before: u64,
}

/// One array of what each parameter has, zeros where it has nothing.
fn flat(places: &Places, values: &Values) -> Vec<f32> {
    let mut all = vec![0.0; places.count()];
    for ((_, first), values) in places.iter().zip(values) {
        all[first..first + values.len()].copy_from_slice(values);
    }
    all
}

/// Copies one array back to what each parameter has.
fn unpack(places: &Places, all: &[f32], values: &mut Values) {
    for ((_, first), values) in places.iter().zip(values) {
        let count = values.len();
        values.copy_from_slice(&all[first..first + count]);
    }
}

impl<C: Card> CardEngine<C> {
    fn put(&self, values: &[f32]) -> Result<C::Memory> {
        let mut memory = self.work.card.allocate(values.len())?;
        self.work.card.upload(&mut memory, 0, values)?;
        Ok(memory)
    }

    /// Copies a learner to the card.
    fn take_in(&self, learner: &Learner) -> Result<Resident<C::Memory>> {
        let network = learner.network();
        let places = Places::of(network.parameters().iter().map(|parameter| parameter.spec().clone()).collect());
        let [means, squares] = &learner.optimizer.moments;
        let moments = match learner.optimizer.remembers() {
            true => Some([self.put(&flat(&places, means))?, self.put(&flat(&places, squares))?]),
            false => None,
        };
        let anchors = match learner.weight_cost.anchors() {
            Some([initial, penalties]) => {
                Some([self.put(&flat(&places, &initial))?, self.put(&flat(&places, &penalties))?])
            }
            None => None,
        };
        let mut parts = Vec::new();
        for (place, ((spec, first), trained)) in places.iter().zip(learner.optimizer.trained()).enumerate() {
            if !trained.is_empty() {
                let [l1, l2] = learner.weight_cost.shares(network.parameters(), place);
                let held = whole(usize::from(spec.role.is_weight()));
                parts.extend([whole(first + trained.start), whole(first + trained.end), l1, l2, held]);
            }
        }
        Ok(Resident {
            learner: learner.identity(),
            parts: (self.put(&parts)?, parts.len() / PART_WORDS),
            parameters: self.put(&network.parameters().values().concat())?,
            moments,
            anchors,
            status: self.put(&[0.0; STATUS])?,
            updates_before: learner.optimizer.updates,
            places,
        })
    }

    /// One step of training; nothing waits for it.
    pub(super) fn train_on_card(
        &mut self,
        cell: &'static dyn OnCuda,
        learner: &mut Learner,
        batch: Batch<'_>,
        noise: SweepNoise,
    ) -> Result<()> {
        let resident = match self.resident.take() {
            Some(resident) if resident.learner == learner.identity() => resident,
            Some(other) => {
                self.resident = Some(other);
                return Err(Error::argument(
                    "another network is in training on this engine",
                    "call `settle` with that one first, or give each an engine of its own",
                ));
            }
            None => self.take_in(learner)?,
        };
        let trained = self.step(cell, &resident, learner, batch, noise);
        self.resident = Some(resident);
        trained?;
        learner.optimizer.updates += 1;
        Ok(())
    }

    fn step(
        &mut self,
        cell: &'static dyn OnCuda,
        resident: &Resident<C::Memory>,
        learner: &Learner,
        batch: Batch<'_>,
        noise: SweepNoise,
    ) -> Result<()> {
        let (network, work) = (learner.network(), &mut self.work);
        let status = work.card.address(&resident.status);
        let taken = learner.optimizer.updates - resident.updates_before;
        let job = Job {
            cell,
            hyperparameters: network.hyperparameters(),
            dimensions: batch.dimensions(network)?,
            noise,
            places: &resident.places,
            parameters: work.card.address(&resident.parameters),
        };
        work.bring(batch)?;
        work.forward(&job)?;
        work.outputs(&job, true, true, Some((status, taken as f32)))?;
        work.backward(&job)?;

        let gradients = work.room(Room::Gradients, resident.places.count())?;
        let [means, squares] = match &resident.moments {
            Some(moments) => [&moments[0], &moments[1]].map(|memory| work.card.address(memory)),
            None => [0; 2],
        };
        let anchors = resident.anchors.as_ref().map(|all| [&all[0], &all[1]].map(|memory| work.card.address(memory)));
        let rate = learner.optimizer.rate_of_update(learner.optimizer.updates + 1) as f32;
        let [initial, penalties] = anchors.unwrap_or_default();
        let (parts, part_count) = (work.card.address(&resident.parts.0), resident.parts.1);
        let arguments = [job.parameters, gradients, means, squares, initial, penalties, status, parts];
        let mut arguments = arguments.map(Argument::Address).to_vec();
        let count = resident.places.count();
        arguments.extend([int(part_count)?, int(count)?]);
        arguments.extend([rate, GRADIENT_LIMIT as f32].map(Argument::Float));
        work.launch_each("update", count, 256, &arguments)
    }

    /// Copies a network back that was in training; tells at which of its steps it diverged, if it did.
    pub(super) fn bring_back(
        &mut self,
        resident: Resident<C::Memory>,
        learner: &mut Learner,
    ) -> Result<Option<Diverged>> {
        if resident.learner != learner.identity() {
            self.resident = Some(resident);
            return Ok(None);
        }
        let card = &self.work.card;
        let mut all = vec![0.0; resident.places.count()];
        card.download(&resident.parameters, 0, &mut all)?;
        let mut values = learner.network.parameters().values();
        unpack(&resident.places, &all, &mut values);
        for (parameter, values) in learner.network.parameters_mut().iter_mut().zip(&values) {
            parameter.tensor.copy_from(values);
        }
        if let Some(memories) = &resident.moments {
            for (memory, moments) in memories.iter().zip(&mut learner.optimizer.moments) {
                card.download(memory, 0, &mut all)?;
                unpack(&resident.places, &all, moments);
            }
        }
        let mut status = [0.0; STATUS];
        card.download(&resident.status, 0, &mut status)?;
        if status[0] == 0.0 {
            return Ok(None);
        }
        // No weight has moved since.
        learner.optimizer.updates = resident.updates_before + status[1] as u64;
        Ok(Some(Diverged { update: learner.optimizer.updates, cost: f64::from(status[2]) + f64::from(status[3]) }))
    }
}
