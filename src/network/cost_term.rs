//! Terms of the cost that a user adds.

use std::sync::{PoisonError, RwLock};

use dfdx::tensor::Cpu;
use dfdx::tensor_ops::Device;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::network::definition::{Defined, Scalar, Swept};

/// A term of the cost, in dfdx's operations on what a network did with a batch.
///
/// [`ExtraCost::define`] makes one known; a network then has it where `extra_cost` says so. Its gradients come from
/// dfdx's tape, so such a network trains on the dfdx engine, whatever its cell.
pub trait CostTerm: Send + Sync + 'static {
    /// Its name, `extra_cost` in `hp.json`.
    fn name(&self) -> &'static str;

    /// What is added to the cost of a batch.
    ///
    /// # Errors
    /// The device's, and those of [`Swept`].
    fn cost<D: Device<f32>>(&self, swept: &Swept<'_, D>) -> Defined<Scalar<D>, D>;
}

/// A cost term that is asked for on a device that is known only when it runs.
pub trait CostOn<D: Device<f32>>: Send + Sync {
    #[allow(missing_docs, clippy::missing_errors_doc, reason = "as `CostTerm::cost`")]
    fn cost_on(&self, swept: &Swept<'_, D>) -> Defined<Scalar<D>, D>;
}

impl<C: CostTerm, D: Device<f32>> CostOn<D> for C {
    fn cost_on(&self, swept: &Swept<'_, D>) -> Defined<Scalar<D>, D> {
        self.cost(swept)
    }
}

#[cfg(not(feature = "cuda"))]
pub trait AnyCost: CostOn<Cpu> {}
#[cfg(not(feature = "cuda"))]
impl<T: CostOn<Cpu>> AnyCost for T {}
#[cfg(feature = "cuda")]
pub trait AnyCost: CostOn<Cpu> + CostOn<dfdx::tensor::Cuda> {}
#[cfg(feature = "cuda")]
impl<T: CostOn<Cpu> + CostOn<dfdx::tensor::Cuda>> AnyCost for T {}

/// Terms that users have defined.
static DEFINED: RwLock<Vec<(&'static str, &'static dyn AnyCost)>> = RwLock::new(Vec::new());

/// The name of a cost term that was defined: `extra_cost` in `hp.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExtraCost(&'static str);

impl ExtraCost {
    /// Makes a cost term known under its name, for as long as this program runs. One of that name that was defined
    /// before is replaced.
    pub fn define(term: impl CostTerm) -> ExtraCost {
        let name = term.name();
        let mut defined = DEFINED.write().unwrap_or_else(PoisonError::into_inner);
        defined.retain(|(known, _)| *known != name);
        // It lives as long as the program: networks may have it in any thread.
        defined.push((name, Box::leak(Box::new(term))));
        ExtraCost(name)
    }

    /// Every term that was defined.
    pub fn all() -> Vec<ExtraCost> {
        DEFINED.read().unwrap_or_else(PoisonError::into_inner).iter().map(|(name, _)| ExtraCost(name)).collect()
    }

    /// The name.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// The term of that name.
    pub(crate) fn term(self) -> Result<&'static dyn AnyCost> {
        let defined = DEFINED.read().unwrap_or_else(PoisonError::into_inner);
        let found = defined.iter().find(|(name, _)| *name == self.0).map(|(_, term)| *term);
        found.ok_or_else(|| unknown(self.0))
    }
}

fn unknown(name: &str) -> Error {
    let known = ExtraCost::all().into_iter().map(|cost| cost.0).collect::<Vec<_>>();
    let known = if known.is_empty() { "there is none".to_owned() } else { format!("there is {}", known.join(", ")) };
    Error::argument(
        format!("no cost term `{name}` was defined ({known})"),
        "define it with `ExtraCost::define` before a network with it is used",
    )
}

impl std::fmt::Display for ExtraCost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.0)
    }
}

impl std::str::FromStr for ExtraCost {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        ExtraCost::all().into_iter().find(|known| known.0 == name).ok_or_else(|| unknown(name))
    }
}

impl Serialize for ExtraCost {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for ExtraCost {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
