//! A card that is none: the kernels' own source, compiled for the CPU and run thread by thread.
//!
//! It is stricter than a card. Fresh memory is NaN, so that what is read before it was written shows; memory is fenced,
//! so that what is written beside it shows; calls must have the kernel's number of threads and the kinds of its
//! arguments; and threads may run in reverse, which shows races.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_void};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::network::engine::cuda::card::{Argument, Card, Launch};
use crate::network::engine::cuda::program::Program;

/// Runs a kernel: its name, the kinds of its arguments, blocks, threads, the arguments, whether threads run in reverse.
/// What comes back is a complaint, or null.
type Run = unsafe extern "C" fn(*const c_char, *const c_char, *const u32, i32, *mut *mut c_void, bool) -> *const c_char;

/// Numbers before and behind memory that nobody may write to.
const FENCE: usize = 64;
const FENCED: u32 = 0x7FC0_BEEF;

/// The compiler, if this machine has one.
fn compiler() -> Option<&'static str> {
    let works = |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    ["c++", "g++", "clang++"].into_iter().find(works)
}

/// Whether there can be a stand-in here; says so where there cannot.
pub(super) fn is_there() -> bool {
    let found = compiler().is_some();
    if !found {
        eprintln!("skipped: the GPU's kernels are tested on the CPU only where there is a C++ compiler (c++)");
    }
    found
}

/// A program's functions for the CPU; each program is compiled once.
fn compiled(program: &'static Program) -> Run {
    static COMPILED: Mutex<Vec<(&'static str, Run)>> = Mutex::new(Vec::new());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, run)) = compiled.iter().find(|(name, _)| *name == program.name) {
        return *run;
    }
    let folder = tempfile::tempdir().unwrap();
    let (source, library) = (folder.path().join("kernels.cpp"), folder.path().join("kernels.so"));
    let entries: Vec<String> = program.kernels().into_iter().map(|name| format!("ENTRY({name})")).collect();
    let text = format!(
        "{}\n#line 1 \"{}.cu\"\n{}\nstatic const stand_in::Entry ENTRIES[] = {{ {} }};\nSTAND_IN_END\n",
        include_str!("stand_in.cpp"),
        program.name,
        program.source(),
        entries.join(" ")
    );
    std::fs::write(&source, text).unwrap();
    compile(&source, &library);
    // SAFETY: the library was made right here, and has nothing that runs when it is loaded. It stays for good.
    let run = unsafe {
        let library = Box::leak(Box::new(libloading::Library::new(&library).unwrap()));
        *library.get::<Run>(b"stand_in_run").unwrap()
    };
    compiled.push((program.name, run));
    run
}

fn compile(source: &PathBuf, library: &PathBuf) {
    // Products are not contracted by the compiler's leave: the source says where a sum is fused. Fibers jump between
    // stacks, which checks of stack frames take for an error.
    let options = ["-O2", "-march=native", "-std=c++17", "-ffp-contract=off", "-fPIC", "-shared", "-w"];
    let output = Command::new(compiler().unwrap())
        .args(options)
        .args(["-U_FORTIFY_SOURCE", "-o"])
        .args([library, source])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A card on which the kernels run on the CPU.
#[derive(Debug)]
pub(super) struct StandIn {
    /// Whether the threads of a block run in reverse.
    pub(super) reversed: bool,
    /// Whether it has clusters of blocks.
    pub(super) clusters: bool,
    /// How many blocks it says that it runs at once.
    pub(super) processors: usize,
    /// Numbers that it has room for; more is out of memory.
    pub(super) room: usize,
    pub(super) used: std::rc::Rc<Cell<usize>>,
    pub(super) asked: std::rc::Rc<Cell<Asked>>,
}

/// What a card was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) allocations: usize,
    pub(super) uploads: usize,
    pub(super) downloads: usize,
    pub(super) launches: usize,
}

impl StandIn {
    fn count(&self, one: Asked) {
        let so_far = self.asked.get();
        self.asked.set(Asked {
            allocations: so_far.allocations + one.allocations,
            uploads: so_far.uploads + one.uploads,
            downloads: so_far.downloads + one.downloads,
            launches: so_far.launches + one.launches,
        });
    }

    pub(super) fn new() -> Self {
        StandIn {
            reversed: false,
            clusters: false,
            processors: 1,
            room: usize::MAX,
            used: Default::default(),
            asked: Default::default(),
        }
    }
}

/// Memory between two fences.
#[derive(Debug)]
pub(super) struct Fenced {
    begin: *mut f32,
    count: usize,
    used: std::rc::Rc<Cell<usize>>,
}

impl Fenced {
    fn new(count: usize, used: std::rc::Rc<Cell<usize>>) -> Self {
        let mut all = vec![f32::from_bits(FENCED); FENCE + count + FENCE].into_boxed_slice();
        all[FENCE..FENCE + count].fill(f32::NAN);
        used.set(used.get() + count);
        Fenced { begin: Box::into_raw(all).cast(), count, used }
    }

    fn all(&self) -> &[f32] {
        // SAFETY: so many numbers were allocated in one piece, and no kernel runs while anybody looks.
        unsafe { std::slice::from_raw_parts(self.begin, FENCE + self.count + FENCE) }
    }

    /// Fails if somebody wrote beside the memory.
    fn check(&self) {
        let (before, rest) = self.all().split_at(FENCE);
        let fences = before.iter().chain(&rest[self.count..]);
        assert!(fences.map(|number| number.to_bits()).all(|bits| bits == FENCED), "a kernel wrote beside its memory");
    }
}

impl Drop for Fenced {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.check();
        }
        self.used.set(self.used.get() - self.count);
        let all = std::ptr::slice_from_raw_parts_mut(self.begin, FENCE + self.count + FENCE);
        // SAFETY: it came from a box of just this size, and nobody else frees it.
        drop(unsafe { Box::from_raw(all) });
    }
}

impl Card for StandIn {
    type Memory = Fenced;

    fn name(&self) -> String {
        "stand-in".to_owned()
    }

    fn has_clusters(&self) -> bool {
        self.clusters
    }

    fn processors(&self) -> usize {
        self.processors
    }

    fn allocate(&self, count: usize) -> Result<Fenced> {
        self.count(Asked { allocations: 1, ..Asked::default() });
        if self.used.get() + count > self.room {
            return Err(Error::argument("its memory is full", "use a smaller batch"));
        }
        Ok(Fenced::new(count, self.used.clone()))
    }

    fn address(&self, memory: &Fenced) -> u64 {
        memory.begin.wrapping_add(FENCE) as u64
    }

    fn upload(&self, memory: &mut Fenced, first: usize, values: &[f32]) -> Result<()> {
        self.count(Asked { uploads: 1, ..Asked::default() });
        assert!(first + values.len() <= memory.count);
        // SAFETY: the range was just checked, and it overlaps nothing of the caller's.
        unsafe { memory.begin.add(FENCE + first).copy_from_nonoverlapping(values.as_ptr(), values.len()) };
        Ok(())
    }

    fn download(&self, memory: &Fenced, first: usize, into: &mut [f32]) -> Result<()> {
        self.count(Asked { downloads: 1, ..Asked::default() });
        memory.check();
        into.copy_from_slice(&memory.all()[FENCE..][first..first + into.len()]);
        Ok(())
    }

    fn launch(&mut self, launch: &Launch<'_>) -> Result<()> {
        self.count(Asked { launches: 1, ..Asked::default() });
        let run = compiled(launch.program);
        let kind = |argument: &Argument| match argument {
            Argument::Address(_) => b'p',
            Argument::Int(_) => b'i',
            Argument::Word(_) => b'u',
            Argument::Float(_) => b'f',
        };
        let kinds = CString::new(launch.arguments.iter().map(kind).collect::<Vec<u8>>()).unwrap();
        let place = |argument: &Argument| match argument {
            Argument::Address(value) => std::ptr::from_ref(value).cast_mut().cast::<c_void>(),
            Argument::Int(value) => std::ptr::from_ref(value).cast_mut().cast(),
            Argument::Word(value) => std::ptr::from_ref(value).cast_mut().cast(),
            Argument::Float(value) => std::ptr::from_ref(value).cast_mut().cast(),
        };
        let mut arguments: Vec<*mut c_void> = launch.arguments.iter().map(place).collect();
        let name = CString::new(launch.kernel).unwrap();
        let (blocks, threads) = (launch.blocks.as_ptr(), launch.threads as i32);
        // SAFETY: names and kinds end in a null; there are as many arguments as kinds, and they are compared with the
        // kernel's own before it runs. Addresses are those of this card's memory, which is fenced.
        let complaint =
            unsafe { run(name.as_ptr(), kinds.as_ptr(), blocks, threads, arguments.as_mut_ptr(), self.reversed) };
        if !complaint.is_null() {
            // SAFETY: a complaint is a C string that stays until this thread runs the next kernel.
            let complaint = unsafe { CStr::from_ptr(complaint) }.to_string_lossy().into_owned();
            panic!("kernel `{}` of `{}`: {complaint}", launch.kernel, launch.program.name);
        }
        Ok(())
    }
}
