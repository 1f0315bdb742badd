//! A GPU of NVIDIA's, by way of its driver and of NVRTC, both of which are loaded when they are first asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::{CudaContext, CudaFunction, CudaModule, CudaSlice, CudaStream};
use cudarc::driver::{DevicePtr, DriverError, LaunchConfig, PushKernelArg, sys};
use cudarc::nvrtc::Ptx;

use crate::error::Result;
use crate::network::engine::cuda::card::{Argument, Card, Launch};
use crate::network::engine::cuda::compiler::{self, Capability, Target, compile};
use crate::network::engine::cuda::program::Program;
use crate::network::engine::cuda::{faults, nvrtc};

/// The generations that a compiler may know which does not know the card's own, the newest first: the driver translates
/// for newer cards.
const EARLIER: [Capability; 3] = [(9, 0), (8, 0), (7, 5)];

/// Cards from this one on have clusters of blocks.
pub(super) const CLUSTERS_FROM: Capability = (9, 0);

/// A card with a stream of its own, so that several networks train side by side.
pub(super) struct Gpu {
    ordinal: usize,
    name: String,
    capability: Capability,
    processors: usize,
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    /// Compiled programs by name.
    modules: HashMap<&'static str, Arc<CudaModule>>,
    /// Kernels by their program's name and their own.
    kernels: HashMap<(&'static str, &'static str), CudaFunction>,
}

/// A program for cards of a kind.
struct Compiled {
    program: &'static str,
    capability: Capability,
    ptx: Ptx,
}

impl std::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gpu").field("ordinal", &self.ordinal).field("name", &self.name).finish()
    }
}

/// What the driver says of a refusal.
fn explain(ordinal: usize, doing: &str, error: DriverError) -> crate::Error {
    let text = error.error_string().map(|text| text.to_string_lossy().into_owned());
    faults::refused(ordinal, doing, error.0, &text.unwrap_or_else(|_| format!("{:?}", error.0)))
}

/// How many cards the driver knows.
///
/// # Errors
/// If there is no driver.
pub(super) fn count(wanted: usize) -> Result<usize> {
    // SAFETY: it only tries to load the driver's library, whose initialisation any program may run.
    if !unsafe { sys::is_culib_present() } {
        return Err(faults::no_driver(wanted));
    }
    match CudaContext::device_count() {
        Ok(count) => Ok(count.max(0) as usize),
        Err(DriverError(sys::CUresult::CUDA_ERROR_NO_DEVICE)) => Ok(0),
        Err(error) => Err(explain(wanted, "counting the cards", error)),
    }
}

/// The version of CUDA that the driver is of, (major, minor); one that does not tell is taken for the newest.
fn driver_version() -> (i32, i32) {
    let mut version = i32::MAX;
    // SAFETY: the driver is there, and the place is for as long as the call takes.
    let told = unsafe { sys::cuDriverGetVersion(&mut version) };
    match told.result() {
        Ok(()) => (version / 1000, version % 1000 / 10),
        Err(_) => (i32::MAX, 0),
    }
}

impl Gpu {
    /// Opens a card.
    ///
    /// # Errors
    /// If driver, NVRTC or the card are not there, or it is too old.
    pub(super) fn open(ordinal: usize) -> Result<Self> {
        let count = count(ordinal)?;
        if ordinal >= count {
            return Err(faults::no_such_device(ordinal, count));
        }
        let driver = driver_version();
        if !nvrtc::is_there(driver.0) {
            return Err(faults::no_nvrtc(ordinal));
        }
        if let Some(compiler) = compiler::version().filter(|compiler| compiler.0 > driver.0) {
            return Err(faults::newer_compiler(ordinal, compiler, driver));
        }
        let failed = |error| explain(ordinal, "opening the card", error);
        let context = CudaContext::new(ordinal).map_err(failed)?;
        let name = context.name().map_err(failed)?;
        let capability = context.compute_capability().map_err(failed)?;
        if capability < faults::OLDEST {
            return Err(faults::too_old(ordinal, &name, capability));
        }
        let processors = context
            .attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)
            .map_err(failed)?
            .max(1) as usize;
        // SAFETY: an engine's memory is made, used and freed on its one stream and is never lent out, so that no event
        // need keep streams apart.
        unsafe { context.disable_event_tracking() };
        let stream = context.new_stream().map_err(failed)?;
        Ok(Gpu {
            ordinal,
            name,
            capability,
            processors,
            context,
            stream,
            modules: HashMap::new(),
            kernels: HashMap::new(),
        })
    }

    /// A kernel of a program, compiled when it is first asked for.
    fn kernel(&mut self, program: &'static Program, name: &'static str) -> Result<CudaFunction> {
        if let Some(kernel) = self.kernels.get(&(program.name, name)) {
            return Ok(kernel.clone());
        }
        let failed = |error| explain(self.ordinal, "loading the kernels", error);
        if !self.modules.contains_key(program.name) {
            let module = self.context.load_module(self.compiled(program)?).map_err(failed)?;
            self.modules.insert(program.name, module);
        }
        let kernel = self.modules[program.name].load_function(name).map_err(failed)?;
        self.kernels.insert((program.name, name), kernel.clone());
        Ok(kernel)
    }

    /// A program for this card; each is compiled once in a process, whatever the number of engines.
    fn compiled(&self, program: &'static Program) -> Result<Ptx> {
        static COMPILED: Mutex<Vec<Compiled>> = Mutex::new(Vec::new());
        // A panic elsewhere leaves whole entries behind.
        let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        let found = compiled.iter().find(|one| one.program == program.name && one.capability == self.capability);
        if let Some(found) = found {
            return Ok(found.ptx.clone());
        }
        let earlier = EARLIER.into_iter().filter(|generation| *generation < self.capability);
        let mut first_refusal = None;
        for target in std::iter::once(Target::Card(self.capability)).chain(earlier.map(Target::From)) {
            match compile(program, target) {
                Ok(ptx) => {
                    let (program, capability) = (program.name, self.capability);
                    compiled.push(Compiled { program, capability, ptx: ptx.clone() });
                    return Ok(ptx);
                }
                Err(refusal) => {
                    first_refusal.get_or_insert(refusal);
                }
            }
        }
        Err(faults::not_compiled(self.ordinal, program.name, &first_refusal.unwrap_or_default()))
    }
}

impl Card for Gpu {
    type Memory = CudaSlice<f32>;

    fn name(&self) -> String {
        format!("cuda:{} ({})", self.ordinal, self.name)
    }

    fn has_clusters(&self) -> bool {
        self.capability >= CLUSTERS_FROM
    }

    fn processors(&self) -> usize {
        self.processors
    }

    fn allocate(&self, count: usize) -> Result<CudaSlice<f32>> {
        // SAFETY: whatever bits are there are numbers, and each kernel writes what a later one reads; the stand-in of
        // the tests fills memory with NaN and would show them.
        let made = unsafe { self.stream.alloc(count.max(1)) };
        made.map_err(|error| explain(self.ordinal, &format!("making room for {} MiB", count >> 18), error))
    }

    fn address(&self, memory: &CudaSlice<f32>) -> u64 {
        memory.device_ptr(&self.stream).0
    }

    fn upload(&self, memory: &mut CudaSlice<f32>, first: usize, values: &[f32]) -> Result<()> {
        let mut part = memory.slice_mut(first..first + values.len());
        let copied = self.stream.memcpy_htod(values, &mut part);
        copied.map_err(|error| explain(self.ordinal, "copying to the card", error))
    }

    fn download(&self, memory: &CudaSlice<f32>, first: usize, into: &mut [f32]) -> Result<()> {
        let part = memory.slice(first..first + into.len());
        let copied = self.stream.memcpy_dtoh(&part, into).and_then(|()| self.stream.synchronize());
        copied.map_err(|error| explain(self.ordinal, "computing", error))
    }

    fn launch(&mut self, launch: &Launch<'_>) -> Result<()> {
        if launch.blocks.contains(&0) {
            return Ok(());
        }
        let kernel = self.kernel(launch.program, launch.kernel)?;
        let mut call = self.stream.launch_builder(&kernel);
        for argument in launch.arguments {
            match argument {
                Argument::Address(value) => call.arg(value),
                Argument::Int(value) => call.arg(value),
                Argument::Word(value) => call.arg(value),
                Argument::Float(value) => call.arg(value),
            };
        }
        let [x, y, z] = launch.blocks;
        let config = LaunchConfig { grid_dim: (x, y, z), block_dim: (launch.threads, 1, 1), shared_mem_bytes: 0 };
        // SAFETY: number and types of the arguments are those of the kernel, and no kernel leaves the memory that it is
        // given: the same calls run the same source in the tests' stand-in, which compares the types and fences memory.
        let launched = unsafe { call.launch(config) };
        launched.map(drop).map_err(|error| explain(self.ordinal, launch.kernel, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    /// On a machine without a driver this is a message, and nothing panics.
    #[test]
    fn a_card_that_cannot_be_opened_says_why() {
        match Gpu::open(0) {
            Ok(card) => assert!(card.name().starts_with("cuda:0 ("), "{}", card.name()),
            Err(problem) => {
                assert!(problem.to_string().starts_with("the GPU cuda:0 cannot be used, since"), "{problem}")
            }
        }
        assert!(Gpu::open(1_000_000).is_err());
    }
}
