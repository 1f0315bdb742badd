//! The engine itself, on whatever card.

use ndarray::Array3;

use crate::error::Result;
use crate::network::cells::KnownCell;
use crate::network::engine::cpu::kernels::{Cost, Dimensions};
use crate::network::engine::cuda::batch::Batch;
use crate::network::engine::cuda::card::Card;
use crate::network::engine::cuda::cell::OnCuda;
use crate::network::engine::cuda::sweep::Job;
use crate::network::engine::cuda::training::Resident;
use crate::network::engine::cuda::work::{Places, Room, Work};
use crate::network::engine::{CpuEngine, Diverged, Engine, Rollout, SweepNoise, shaped};
use crate::network::{Learner, Network, Values};
use crate::tasks::{DrawnTrials, Outline, Trials};

/// Runs the crate's cells on a card. A network whose cell has no form for it, or that has a cost term of a user's own,
/// it hands to the CPU's engine, and says so where it is asked what runs the network.
#[derive(Debug)]
pub(crate) struct CardEngine<C: Card> {
    pub(super) work: Work<C>,
    /// The network in training, between a step and [`Engine::settle`].
    pub(super) resident: Option<Resident<C::Memory>>,
    threads: usize,
    instead: Option<CpuEngine>,
}

impl<C: Card> CardEngine<C> {
    /// An engine on a card; `threads` are those of the CPU's engine, should it be needed.
    pub(crate) fn new(card: C, threads: usize) -> Self {
        CardEngine { work: Work::new(card), resident: None, threads, instead: None }
    }

    /// The engine for networks that cannot be on the card.
    fn instead(&mut self) -> Result<&mut CpuEngine> {
        let engine = match self.instead.take() {
            Some(engine) => engine,
            None => CpuEngine::new(self.threads)?,
        };
        Ok(self.instead.insert(engine))
    }

    /// The sweep of a network whose parameters are copied to the card for it.
    fn visiting<T>(
        &mut self,
        network: &Network,
        cell: &'static dyn OnCuda,
        batch: Batch<'_>,
        noise: SweepNoise,
        work: impl FnOnce(&mut Work<C>, &Job<'_>) -> Result<T>,
    ) -> Result<T> {
        let dimensions = batch.dimensions(network)?;
        let places = Places::of(network.parameters().iter().map(|parameter| parameter.spec().clone()).collect());
        let parameters = self.work.upload(Room::Parameters, &network.parameters().values().concat())?;
        let hyperparameters = network.hyperparameters();
        let job = Job { cell, hyperparameters, dimensions, noise, places: &places, parameters };
        self.work.bring(batch)?;
        work(&mut self.work, &job)
    }

    /// The cost of trials, and the outputs of their last `kept` time steps, if they have so many.
    fn evaluate_on_card(
        &mut self,
        cell: &'static dyn OnCuda,
        network: &Network,
        batch: Batch<'_>,
        noise: SweepNoise,
        kept: usize,
    ) -> Result<(Cost, Array3<f32>)> {
        self.visiting(network, cell, batch, noise, |work, job| {
            work.forward(job)?;
            work.outputs(job, true, false, None)?;
            let Dimensions { steps, trials, outputs, .. } = job.dimensions;
            let kept = kept.min(steps);
            let of_step = trials * outputs;
            let values = work.download(Room::Values, (steps - kept) * of_step, kept * of_step)?;
            Ok((work.cost(job)?, shaped((kept, trials, outputs), values)?))
        })
    }
}

/// The form of a network's cell for the card, if it has one and the card also knows all of the network's cost.
pub(super) fn on_card(network: &Network) -> Option<&'static dyn OnCuda> {
    let KnownCell { cuda, .. } = network.known_cell();
    cuda.filter(|_| network.hyperparameters().extra_cost.is_none())
}

impl<C: Card> Engine for CardEngine<C> {
    fn description(&self) -> String {
        self.work.card.name()
    }

    fn runs(&self, network: &Network) -> String {
        if on_card(network).is_some() {
            return self.description();
        }
        let hyperparameters = network.hyperparameters();
        let why = match hyperparameters.extra_cost {
            Some(term) => format!("the cost term `{term}` is"),
            None => format!("the cell `{}` is", hyperparameters.rnn_type),
        };
        format!("CPU, in place of {}: {why} not written in CUDA", self.description())
    }

    fn makes_trials(&self, network: &Network) -> bool {
        on_card(network).is_some()
    }

    fn make_trials(&mut self, trials: &DrawnTrials) -> Result<Trials> {
        self.work.make(trials)?;
        let Outline { steps, inputs, outputs, mask_width, .. } = *trials.outline();
        let array = |room: Room, width: usize| {
            let shape = (steps, trials.conditions().len(), width);
            shaped(shape, self.work.download(room, 0, shape.0 * shape.1 * width)?)
        };
        let (inputs, targets) = (array(Room::Inputs, inputs)?, array(Room::Targets, outputs)?);
        Ok(trials.clone().with_arrays(inputs, targets, array(Room::Mask, mask_width)?))
    }

    fn run(&mut self, network: &Network, inputs: &Array3<f32>, noise: SweepNoise) -> Result<Rollout> {
        let Some(cell) = network.known_cell().cuda else { return self.instead()?.run(network, inputs, noise) };
        self.visiting(network, cell, Batch::Inputs(inputs), noise, |work, job| {
            work.forward(job)?;
            work.outputs(job, false, false, None)?;
            let Dimensions { steps, trials, units, outputs, .. } = job.dimensions;
            let hidden = work.download(Room::Rates, trials * units, steps * trials * units)?;
            let values = work.download(Room::Values, 0, steps * trials * outputs)?;
            Ok(Rollout {
                hidden: shaped((steps, trials, units), hidden)?,
                outputs: shaped((steps, trials, outputs), values)?,
            })
        })
    }

    fn evaluate(&mut self, network: &Network, trials: &Trials, noise: SweepNoise) -> Result<(Cost, Array3<f32>)> {
        let Some(cell) = on_card(network) else { return self.instead()?.evaluate(network, trials, noise) };
        self.evaluate_on_card(cell, network, Batch::Trials(trials), noise, usize::MAX)
    }

    fn grade(&mut self, network: &Network, trials: &Trials, noise: SweepNoise) -> Result<(Cost, Array3<f32>)> {
        let Some(cell) = on_card(network) else { return self.instead()?.grade(network, trials, noise) };
        self.evaluate_on_card(cell, network, Batch::Trials(trials), noise, 1)
    }

    fn grade_drawn(
        &mut self,
        network: &Network,
        trials: &DrawnTrials,
        noise: SweepNoise,
    ) -> Result<(Cost, Array3<f32>)> {
        let Some(cell) = on_card(network) else { return self.instead()?.grade_drawn(network, trials, noise) };
        self.evaluate_on_card(cell, network, Batch::Drawn(trials), noise, 1)
    }

    fn gradients(&mut self, network: &Network, trials: &Trials, noise: SweepNoise) -> Result<(Cost, Values)> {
        let Some(cell) = on_card(network) else { return self.instead()?.gradients(network, trials, noise) };
        self.visiting(network, cell, Batch::Trials(trials), noise, |work, job| {
            work.forward(job)?;
            work.outputs(job, true, true, None)?;
            work.backward(job)?;
            let all = work.download(Room::Gradients, 0, job.places.count())?;
            let of_parameter = |(spec, first): (&crate::network::ParameterSpec, usize)| match spec.role {
                crate::network::Role::Fixed => Vec::new(),
                _ => all[first..first + spec.count()].to_vec(),
            };
            Ok((work.cost(job)?, job.places.iter().map(of_parameter).collect()))
        })
    }

    fn train(&mut self, learner: &mut Learner, trials: &Trials, noise: SweepNoise) -> Result<Option<f64>> {
        match on_card(learner.network()) {
            Some(cell) => self.train_on_card(cell, learner, Batch::Trials(trials), noise).map(|()| None),
            None => self.instead()?.train(learner, trials, noise),
        }
    }

    fn train_drawn(&mut self, learner: &mut Learner, trials: &DrawnTrials, noise: SweepNoise) -> Result<Option<f64>> {
        match on_card(learner.network()) {
            Some(cell) => self.train_on_card(cell, learner, Batch::Drawn(trials), noise).map(|()| None),
            None => self.instead()?.train_drawn(learner, trials, noise),
        }
    }

    fn settle(&mut self, learner: &mut Learner) -> Result<Option<Diverged>> {
        match self.resident.take() {
            Some(resident) => self.bring_back(resident, learner),
            None => Ok(None),
        }
    }
}
