//! Compiling kernels with NVRTC: for one kind of card, or, where the compiler does not know that, for an earlier
//! generation in a form that the driver translates.

use std::ffi::{CStr, CString, c_char};

use cudarc::nvrtc::{Ptx, result, sys};

use crate::network::engine::cuda::program::Program;

/// A generation of cards, (major, minor).
pub(super) type Capability = (i32, i32);

/// What compiled kernels are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Cards of this kind alone; any driver of the compiler's CUDA version takes it.
    Card(Capability),
    /// These and later ones; the driver must be as new as the compiler.
    From(Capability),
}

/// Compiles a program for the driver to load; the error is the compiler's words.
pub(super) fn compile(program: &Program, target: Target) -> Result<Ptx, String> {
    let code = compiled(program, target)?;
    Ok(match target {
        Target::Card(_) => Ptx::from_binary(code),
        Target::From(_) => Ptx::from_src(String::from_utf8_lossy(&code)),
    })
}

/// What the compiler makes of a program: machine code for one kind of card, and otherwise a text.
fn compiled(program: &Program, target: Target) -> Result<Vec<u8>, String> {
    let architecture = match target {
        Target::Card((major, minor)) => format!("--gpu-architecture=sm_{major}{minor}"),
        Target::From((major, minor)) => format!("--gpu-architecture=compute_{major}{minor}"),
    };
    let compilation = Compilation::begin(program)?;
    compilation.compile(&[architecture, "--std=c++17".to_owned()])?;
    match target {
        Target::Card(_) => compilation.machine_code(),
        Target::From(_) => compilation.portable(),
    }
}

/// The version of CUDA that the compiler is of, (major, minor); none if it does not tell.
pub(super) fn version() -> Option<(i32, i32)> {
    let (mut major, mut minor) = (0, 0);
    // SAFETY: both places are there for as long as the call takes.
    let told = unsafe { sys::nvrtcVersion(&mut major, &mut minor) };
    told.result().is_ok().then_some((major, minor))
}

/// A program in the compiler's hands.
struct Compilation {
    program: sys::nvrtcProgram,
    // The compiler may refer to them for as long as it has the program.
    _source: CString,
    _name: CString,
}

/// A refusal that has no words of its own.
fn refusal(doing: &str) -> impl Fn(result::NvrtcError) -> String {
    move |error| format!("{doing}: {:?}", error.0)
}

impl Compilation {
    fn begin(program: &Program) -> Result<Self, String> {
        let text = |text: String| CString::new(text).map_err(|_| "the source has a zero in it".to_owned());
        let (source, name) = (text(program.source())?, text(format!("{}.cu", program.name))?);
        let program = result::create_program(&source, Some(&name)).map_err(refusal("taking the source"))?;
        Ok(Compilation { program, _source: source, _name: name })
    }

    fn compile(&self, options: &[String]) -> Result<(), String> {
        // SAFETY: the program was made by `begin` and lives until this value is dropped.
        let compiled = unsafe { result::compile_program(self.program, options) };
        compiled.map_err(|error| {
            // SAFETY: as above.
            let log = unsafe { result::get_program_log(self.program) }.unwrap_or_default();
            let words = text_of(&log);
            if words.is_empty() { refusal("compiling")(error) } else { words }
        })
    }

    fn portable(&self) -> Result<Vec<u8>, String> {
        // SAFETY: the program was made by `begin`, and has been compiled.
        let text = unsafe { result::get_ptx(self.program) }.map_err(refusal("taking what was compiled"))?;
        Ok(text_of(&text).into_bytes())
    }

    fn machine_code(&self) -> Result<Vec<u8>, String> {
        let failed = refusal("taking what was compiled");
        let mut size = 0;
        // SAFETY: the program was made by `begin`, and has been compiled; `size` takes one number.
        unsafe { sys::nvrtcGetCUBINSize(self.program, &mut size) }.result().map_err(&failed)?;
        let mut code = vec![0_u8; size];
        // SAFETY: as above, and there is as much room as was asked for.
        unsafe { sys::nvrtcGetCUBIN(self.program, code.as_mut_ptr().cast::<c_char>()) }.result().map_err(&failed)?;
        Ok(code)
    }
}

impl Drop for Compilation {
    fn drop(&mut self) {
        // SAFETY: the program was made by `begin`, and this is the only place that ends it.
        let _ = unsafe { result::destroy_program(self.program) };
    }
}

/// The text up to its closing zero.
fn text_of(characters: &[c_char]) -> String {
    let bytes: Vec<u8> = characters.iter().map(|character| *character as u8).collect();
    CStr::from_bytes_until_nul(&bytes).map_or_else(|_| String::new(), |text| text.to_string_lossy().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::cells;
    use crate::network::engine::cuda::gpu::CLUSTERS_FROM;
    use crate::network::engine::cuda::{Parts, faults, nvrtc, trials};

    /// Generations of cards from the oldest on; clusters of blocks come with the third.
    const GENERATIONS: [Capability; 4] = [faults::OLDEST, (8, 0), (9, 0), (10, 0)];

    /// No card is needed for it, only NVRTC: `pip install nvidia-cuda-nvrtc` into the active Python environment.
    #[test]
    fn all_kernels_compile_for_every_generation_of_cards() {
        if !nvrtc::is_there(i32::MAX) {
            eprintln!("skipped: CUDA's run-time compiler (NVRTC) is not installed");
            return;
        }
        assert!(version().is_some_and(|(major, _)| major >= 12), "{:?}", version());
        let compiles = |program: &Program, generation: Capability| {
            let name = format!("{} {generation:?}", program.name);
            let code = compiled(program, Target::Card(generation));
            let code = code.unwrap_or_else(|log| panic!("{name}: {log}"));
            let holds = |text: &str| code.windows(text.len()).any(|part| part == text.as_bytes());
            for kernel in program.kernels() {
                assert!(holds(&format!(".text.{kernel}")), "{name} {kernel}");
            }
        };
        GENERATIONS.into_iter().for_each(|generation| compiles(&trials::PROGRAM, generation));
        for cell in cells::built_in().into_iter().filter_map(|known| known.cuda) {
            for generation in GENERATIONS {
                let in_clusters = cell.in_registers().iter().filter(|_| generation >= CLUSTERS_FROM);
                std::iter::once(cell.program()).chain(in_clusters).for_each(|program| compiles(program, generation));
            }
            let text = String::from_utf8(compiled(cell.program(), Target::From(faults::OLDEST)).unwrap()).unwrap();
            assert!(text.contains(".target sm_75") && text.contains(".entry forward("), "{}", cell.program().name);
        }
    }

    #[test]
    fn what_does_not_compile_is_an_error_with_the_compilers_words() {
        static WRONG: Program = Program { name: "wrong", parts: Parts::Cell("nonsense;") };
        if nvrtc::is_there(i32::MAX) {
            let log = compile(&WRONG, Target::Card((9, 0))).unwrap_err();
            assert!(log.contains("wrong.cu") && log.contains("nonsense"), "{log}");
            let message = faults::not_compiled(0, WRONG.name, &log).to_string();
            assert!(message.contains("nonsense") && !message.contains('\n'), "{message}");
            assert!(!compile(&WRONG, Target::Card((1, 1))).unwrap_err().is_empty());
        }
    }
}
