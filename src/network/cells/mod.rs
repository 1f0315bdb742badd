//! Recurrent cells: how rates follow from inputs and from the rates before. Each is one file; [`cells!`] lists them.

use std::sync::{PoisonError, RwLock};

use dfdx::tensor::Cpu;
use dfdx::tensor_ops::Device;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::hyperparameters::{Hyperparameters, RecurrentInit};
use crate::network::definition::{Defined, Moment, Value};
use crate::network::engine::cpu::kernels::Fused;
use crate::network::engine::cuda::OnCuda;
use crate::network::{Network, ParameterSpec, Values};

/// A recurrent cell: its parameters, and its step in dfdx's operations.
///
/// [`RnnType::define`] makes one of your own known; a network then has it where `rnn_type` says so. It runs on the dfdx
/// engine, forward and back, with everything that the crate does with a network.
pub trait Cell: Send + Sync + 'static {
    /// Its name, `rnn_type` in `hp.json`.
    fn name(&self) -> &'static str;

    /// How many (trial, unit) matrices go from one step to the next; the first one holds the units' rates.
    fn states(&self) -> usize {
        1
    }

    /// Its parameters, without the outputs' `w_out` and `b_out`, which every network has.
    fn parameters(&self, hyperparameters: &Hyperparameters) -> Vec<ParameterSpec>;

    /// The states after a step, (trial, unit) each.
    ///
    /// # Errors
    /// The device's, and those of [`Moment`].
    fn step<D: Device<f32>>(&self, now: &Moment<'_, D>) -> Defined<Vec<Value<D>>, D>;

    /// An error that names the key if the cell does not support these hyper-parameters.
    ///
    /// # Errors
    /// As its cell has it; there is none by default.
    fn check(&self, _hyperparameters: &Hyperparameters) -> Result<()> {
        Ok(())
    }
}

/// What the crate's own cells are besides.
trait BuiltIn: Cell {
    /// Whether `use_separate_input` chooses it.
    const SEPARATE_INPUT: bool = false;

    /// Its form for the CPU engine.
    fn kernel(&self) -> Option<&'static dyn Kernel>;

    /// Its form for the CUDA engine; without one the CPU runs it.
    fn cuda(&self) -> Option<&'static dyn OnCuda> {
        None
    }

    /// Each parameter, and the variable of the published program that holds it. Parameters of one variable are its
    /// rows, one after the other.
    fn published(&self) -> &'static [(&'static str, &'static str)];
}

/// A cell as the CPU engine runs it.
pub(crate) trait Kernel: Send + Sync {
    /// Its products and passes.
    fn fused(&self) -> &'static dyn Fused;

    /// The arrays that it multiplies with, and those of the outputs, from the parameters.
    fn weights(&self, network: &Network) -> Values {
        network.parameters().values()
    }

    /// The gradients by the parameters, from those by [`Kernel::weights`].
    fn gradients(&self, _network: &Network, by_weights: Values) -> Values {
        by_weights
    }
}

/// A cell whose step is asked for on a device that is known only when it runs.
pub trait StepOn<D: Device<f32>> {
    /// [`Cell::step`].
    #[allow(missing_docs, clippy::missing_errors_doc, reason = "as `Cell::step`")]
    fn step_on(&self, now: &Moment<'_, D>) -> Defined<Vec<Value<D>>, D>;
}

impl<C: Cell, D: Device<f32>> StepOn<D> for C {
    fn step_on(&self, now: &Moment<'_, D>) -> Defined<Vec<Value<D>>, D> {
        self.step(now)
    }
}

#[cfg(not(feature = "cuda"))]
pub trait OnEveryDevice: StepOn<Cpu> {}
#[cfg(not(feature = "cuda"))]
impl<T: StepOn<Cpu>> OnEveryDevice for T {}
#[cfg(feature = "cuda")]
pub trait OnEveryDevice: StepOn<Cpu> + StepOn<dfdx::tensor::Cuda> {}
#[cfg(feature = "cuda")]
impl<T: StepOn<Cpu> + StepOn<dfdx::tensor::Cuda>> OnEveryDevice for T {}

/// A [`Cell`] of a type that nobody names.
pub trait AnyCell: OnEveryDevice + Send + Sync {
    fn name(&self) -> &'static str;
    fn states(&self) -> usize;
    fn parameters(&self, hyperparameters: &Hyperparameters) -> Vec<ParameterSpec>;
    fn check(&self, hyperparameters: &Hyperparameters) -> Result<()>;
}

impl<C: Cell> AnyCell for C {
    fn name(&self) -> &'static str {
        Cell::name(self)
    }

    fn states(&self) -> usize {
        Cell::states(self)
    }

    fn parameters(&self, hyperparameters: &Hyperparameters) -> Vec<ParameterSpec> {
        Cell::parameters(self, hyperparameters)
    }

    fn check(&self, hyperparameters: &Hyperparameters) -> Result<()> {
        Cell::check(self, hyperparameters)
    }
}

/// A cell that networks can have.
#[derive(Clone, Copy)]
pub(crate) struct KnownCell {
    pub(crate) cell: &'static dyn AnyCell,
    pub(crate) separate_input: bool,
    /// Its form for the CPU engine, if it has one.
    pub(crate) kernel: Option<&'static dyn Kernel>,
    /// Its form for the CUDA engine, if it has one.
    pub(crate) cuda: Option<&'static dyn OnCuda>,
    /// [`BuiltIn::published`]; empty for a cell of a user's own.
    pub(crate) published: &'static [(&'static str, &'static str)],
}

impl KnownCell {
    fn built_in<C: BuiltIn>(cell: &'static C) -> Self {
        KnownCell {
            cell,
            separate_input: C::SEPARATE_INPUT,
            kernel: cell.kernel(),
            cuda: cell.cuda(),
            published: cell.published(),
        }
    }
}

impl std::fmt::Debug for KnownCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.cell.name())
    }
}

/// The crate's cells: a file each, and the type in it.
macro_rules! cells {
    ($($file:ident: $cell:ident),* $(,)?) => {
        $(mod $file;)*
        #[cfg(test)]
        pub(crate) use leaky::Leaky;

        /// The crate's cells.
        pub(crate) fn built_in() -> Vec<KnownCell> {
            vec![$(KnownCell::built_in(&$file::$cell)),*]
        }
    };
}

cells! {
    leaky: Leaky,
    separate_input: LeakySeparateInput,
    leaky_gru: LeakyGru,
    gru: Gru,
    lstm: Lstm,
}

/// An error if `w_rec_init` is set for a cell that has initial weights of its own.
fn no_choice_of_recurrent(cell: &impl Cell, hyperparameters: &Hyperparameters) -> Result<()> {
    if hyperparameters.w_rec_init == RecurrentInit::RandOrtho {
        return Ok(());
    }
    let value = format!("{:?}", hyperparameters.w_rec_init).to_lowercase();
    let name = Cell::name(cell);
    let expected =
        format!("randortho, or `rnn_type` LeakyRNN: {name} begins uniform as Glorot has it, whatever it says");
    Err(Error::hyperparameter("w_rec_init", value, expected))
}

/// Cells that users have defined, the newest last.
static DEFINED: RwLock<Vec<KnownCell>> = RwLock::new(Vec::new());

/// Every cell that networks can have, the crate's own first.
pub(crate) fn all() -> Vec<KnownCell> {
    let mut cells = built_in();
    cells.extend(DEFINED.read().unwrap_or_else(PoisonError::into_inner).iter());
    cells
}

/// The kind of recurrent cell, by name: `rnn_type` in `hp.json`.
///
/// ```
/// use maturation::hyperparameters::RnnType;
///
/// let known: Vec<&str> = RnnType::all().into_iter().map(|cell| cell.name()).collect();
/// assert!(known.contains(&"LeakyRNN"));
/// assert!("Transformer".parse::<RnnType>().unwrap_err().to_string().contains("LeakyRNN"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RnnType(&'static str);

impl RnnType {
    /// Every kind, the crate's own first, then those that were defined.
    pub fn all() -> Vec<RnnType> {
        let mut kinds: Vec<RnnType> = Vec::new();
        for known in all() {
            let kind = RnnType(known.cell.name());
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds
    }

    /// The name.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// Makes a cell of your own known under its name, for as long as this program runs. One of that name that was
    /// defined before is replaced, for networks that are made from now on.
    ///
    /// # Errors
    /// If the crate has a cell of that name, or the cell says that it has no state.
    pub fn define(cell: impl Cell) -> Result<RnnType> {
        let name = Cell::name(&cell);
        if built_in().iter().any(|known| known.cell.name() == name) {
            return Err(Error::argument(format!("the crate has a cell `{name}` already"), "give yours another name"));
        }
        if Cell::states(&cell) == 0 {
            return Err(Error::argument(
                format!("cell `{name}` says that it has no state"),
                "it needs one at least, the units' rates",
            ));
        }
        let mut defined = DEFINED.write().unwrap_or_else(PoisonError::into_inner);
        defined.retain(|known| known.cell.name() != name);
        // It lives as long as the program: networks may have it in any thread.
        defined.push(KnownCell {
            cell: Box::leak(Box::new(cell)),
            separate_input: false,
            kernel: None,
            cuda: None,
            published: &[],
        });
        Ok(RnnType(name))
    }

    /// Whether there is a cell of these hyper-parameters, and it can be with them; the error names the key.
    pub(crate) fn check(hyperparameters: &Hyperparameters) -> Result<()> {
        RnnType::cell(hyperparameters)?.cell.check(hyperparameters)
    }

    /// The cell of these hyper-parameters.
    ///
    /// # Errors
    /// If there is no such cell, or none with separate inputs where these are asked for.
    pub(crate) fn cell(hyperparameters: &Hyperparameters) -> Result<KnownCell> {
        let (name, separate) = (hyperparameters.rnn_type.0, hyperparameters.use_separate_input);
        let of_name = || all().into_iter().filter(|known| known.cell.name() == name);
        if let Some(found) = of_name().find(|known| known.separate_input == separate) {
            return Ok(found);
        }
        if of_name().next().is_none() {
            return Err(Error::unknown_name("cell", name, RnnType::all()));
        }
        let with = all().into_iter().filter(|known| known.separate_input).map(|known| known.cell.name());
        let with = with.collect::<Vec<_>>().join(", ");
        let value = format!("{separate} with `rnn_type` {name}");
        Err(Error::hyperparameter("use_separate_input", value, format!("false, or one of the cells {with}")))
    }
}

impl std::fmt::Display for RnnType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.0)
    }
}

impl std::str::FromStr for RnnType {
    type Err = Error;

    /// The kind of that name; an error that lists those that there are.
    fn from_str(name: &str) -> Result<Self> {
        let found = RnnType::all().into_iter().find(|kind| kind.0 == name);
        found.ok_or_else(|| Error::unknown_name("cell", name, RnnType::all()))
    }
}

impl Serialize for RnnType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for RnnType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
