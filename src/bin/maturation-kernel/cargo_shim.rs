//! What stands in for `cargo`, and for the `rustup` that evcxr asks for one, in a kernel's own processes.
//!
//! It shows rust-analyzer few crates ([`metadata`]), compiles the crate beforehand when a notebook loads it for the
//! first time, keeps the versions that it was compiled with, and tells the notebook what goes wrong. Everything else it
//! hands on to the real tool.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Output, Stdio};

use crate::added::Wanted;
use crate::cache::Cache;
use crate::checkout::Checkout;
use crate::description::Description;
use crate::library::Library;
use crate::problem::Problem;
use crate::sandbox::{self, Sandbox};
use crate::setting::{self, Setting};
use crate::tools::Tool;
use crate::{added, metadata, session, source, tools, types};

/// How cargo ends when it fails.
const FAILED: u8 = 101;

/// Does what the tool would do.
pub fn run(tool: Tool, sandbox: &Sandbox) -> Result<ExitCode, Problem> {
    let setting = sandbox.setting()?;
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if tool == Tool::Rustup {
        if arguments == ["which", "cargo"] {
            println!("{}", sandbox.shim(Tool::Cargo).display());
            return Ok(ExitCode::SUCCESS);
        }
        let rustup = tools::find("rustup", &setting.before.search_path());
        let rustup =
            rustup.ok_or(Problem::NoProgram { program: "rustup", remedy: "cargo and rustc are used without it" })?;
        return Err(become_command(&mut real(rustup, &arguments, &setting)));
    }
    let within = std::env::current_dir().ok().and_then(|folder| folder.canonicalize().ok());
    let is_ours = within.is_some() && within == sandbox.crate_folder().canonicalize().ok();
    match subcommand(&arguments) {
        Some("metadata") if is_ours => describe(sandbox, setting, &arguments),
        Some("build") if is_ours => Ok(build(sandbox, &setting).unwrap_or_else(|problem| refuse(&problem))),
        Some("check") if is_ours => Ok(check(sandbox, &setting).unwrap_or_else(|problem| refuse(&problem))),
        Some("rustc") if is_ours && arguments.iter().any(|argument| argument == "--print") => {
            let compiler = setting.cargo.with_file_name("rustc");
            Err(become_command(&mut real(compiler, &printing(&arguments), &setting)))
        }
        _ => Err(become_command(&mut real(setting.cargo.clone(), &arguments, &setting))),
    }
}

/// What cargo is asked to do.
fn subcommand(arguments: &[OsString]) -> Option<&str> {
    arguments.iter().filter_map(|argument| argument.to_str()).find(|argument| !argument.starts_with(['-', '+']))
}

/// The compiler's arguments for what rust-analyzer has cargo ask it: the target's properties, which the compiler knows
/// without cargo looking at every crate.
fn printing(arguments: &[OsString]) -> Vec<OsString> {
    let own = arguments.iter().skip_while(|argument| *argument != "rustc").skip(1);
    own.filter(|argument| *argument != "--").cloned().collect()
}

/// The real tool, in the environment in which the kernel was started.
fn real(program: PathBuf, arguments: &[OsString], setting: &Setting) -> Command {
    let mut command = setting.tool(&program, []);
    command.args(arguments);
    command
}

/// Becomes another program; comes back only if that fails.
fn become_command(command: &mut Command) -> Problem {
    let program = PathBuf::from(command.get_program());
    Problem::io("run", &program, "Install Rust again from https://rustup.rs")(command.exec())
}

/// Compiles a cell: without cargo, which would look at two hundred crates each time, and would compile each of them in
/// a way of its own.
fn build(sandbox: &Sandbox, setting: &Setting) -> Result<ExitCode, Problem> {
    if sandbox.is_stopped().exists() {
        return Ok(ExitCode::from(FAILED));
    }
    let source = sandbox.crate_folder().join(SOURCE);
    let mention = if sandbox.cells_library().is_there() { Library::mention() } else { String::new() };
    write(&source, &source::prepared(&read(&source)?, &mention))?;
    let output = cells_folder(sandbox)?;
    let mut compiler = compiler(sandbox, setting, SOURCE)?;
    compiler.args(["--emit=link", "-Copt-level=0"]);
    let status = in_own_group(sandbox, &mut compiler)?.status;
    if status.success() {
        // evcxr looks here for what it is to load.
        if let Some(path) = std::env::var_os("EVCXR_EXECUTION_SO_PATH") {
            let cell = output.join(format!("{}ctx{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX));
            let _ = std::fs::write(path, cell.to_string_lossy().as_bytes());
        }
        let _ = std::fs::write(sandbox.is_compiled(), "");
    }
    Ok(code(status))
}

/// Checks a cell, which evcxr wants when rust-analyzer does not know the type of a variable: is there an error in it?
/// If there is none, the compiler is asked for the types.
fn check(sandbox: &Sandbox, setting: &Setting) -> Result<ExitCode, Problem> {
    if sandbox.is_stopped().exists() {
        return Ok(ExitCode::from(FAILED));
    }
    cells_folder(sandbox)?;
    let (asked, questions) = types::with_questions(&read(&sandbox.crate_folder().join(SOURCE))?);
    write(&sandbox.crate_folder().join(QUESTIONS), &asked)?;
    let mut asking = compiler(sandbox, setting, QUESTIONS)?;
    asking.arg("--emit=metadata").args(types::OPTIONS).env(types::ALLOWED.0, types::ALLOWED.1);
    let answer = in_own_group(sandbox, asking.stderr(Stdio::piped()))?;
    if let Some(types) = types::answers(&String::from_utf8_lossy(&answer.stderr), &questions) {
        write(&sandbox.types(), &serde_json::json!(types).to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut checking = compiler(sandbox, setting, SOURCE)?;
    Ok(code(in_own_group(sandbox, checking.arg("--emit=metadata"))?.status))
}

/// The source that evcxr makes of a cell, and ours with questions in it, in evcxr's folder.
const SOURCE: &str = "src/lib.rs";
const QUESTIONS: &str = "src/questions.rs";

/// Where compiled cells are put.
fn cells_folder(sandbox: &Sandbox) -> Result<PathBuf, Problem> {
    let folder = sandbox.crate_folder().join("target/cells");
    std::fs::create_dir_all(&folder).map_err(Problem::io("make", &folder, "Is the disk full?"))?;
    Ok(folder)
}

fn read(path: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(path).map_err(Problem::io("read", path, "Restart the kernel"))
}

fn write(path: &Path, text: &str) -> Result<(), Problem> {
    std::fs::write(path, text).map_err(Problem::io("write", path, "Is the disk full?"))
}

/// The compiler, about to compile a cell. It says no word of warning, since evcxr takes those for errors.
fn compiler(sandbox: &Sandbox, setting: &Setting, source: &str) -> Result<Command, Problem> {
    let mut compiler = setting.linking(&setting.compiler());
    compiler.current_dir(sandbox.crate_folder()).arg(source);
    compiler.args(["--crate-name=ctx", "--edition=2024", "--crate-type=cdylib", "-Cprefer-dynamic"]);
    compiler.args(["--error-format=json", "-Awarnings", "--out-dir"]).arg(cells_folder(sandbox)?);
    let library = sandbox.cells_library();
    let manifest = std::fs::read_to_string(sandbox.crate_folder().join("Cargo.toml")).unwrap_or_default();
    let is_own = |one: &Wanted| one.name != "maturation" && one.provided_by(&library).is_none();
    let own: Vec<Wanted> = added::wanted(&manifest).into_iter().filter(is_own).collect();
    if library.is_there() {
        compiler.args(library.arguments(&own.iter().map(|one| one.name.as_str()).collect::<Vec<_>>())?);
    }
    if !own.is_empty() {
        compiler.args(added::arguments(sandbox, setting, &own)?);
    }
    Ok(compiler)
}

/// Says to evcxr what the compiler would say, in its words.
fn refuse(problem: &Problem) -> ExitCode {
    let words = serde_json::json!({"message": problem.to_string(), "level": "error", "spans": [], "children": []});
    eprintln!("{words}");
    ExitCode::from(FAILED)
}

/// Runs what compiles as a group of processes of its own, which an interrupt can end.
fn in_own_group(sandbox: &Sandbox, command: &mut Command) -> Result<Output, Problem> {
    let program = PathBuf::from(command.get_program());
    let failed = || Problem::io("run", &program, "Install Rust again from https://rustup.rs");
    let child = command.process_group(0).spawn().map_err(failed())?;
    let _ = std::fs::write(sandbox.compiler_number(), child.id().to_string());
    let output = child.wait_with_output().map_err(failed());
    let _ = std::fs::remove_file(sandbox.compiler_number());
    output
}

/// Describes the crate and what it needs: to evcxr, which only wants to know whether a dependency can be had, or to
/// rust-analyzer.
fn describe(sandbox: &Sandbox, setting: Setting, arguments: &[OsString]) -> Result<ExitCode, Problem> {
    let manifest = std::fs::read_to_string(sandbox.crate_folder().join("Cargo.toml")).unwrap_or_default();
    if manifest.contains("evcxr_dummy_validate_dep") {
        return validate(sandbox, setting, &manifest, arguments);
    }
    keep_versions(sandbox, &setting)?;
    let is_whole = !arguments.iter().any(|argument| argument == "--no-deps");
    let is_for_analysis = arguments.iter().any(|argument| argument == "--filter-platform");
    if !(is_whole && is_for_analysis) {
        return Err(become_command(&mut real(setting.cargo.clone(), arguments, &setting)));
    }
    let reduced = added::without_provided(&manifest, &sandbox.cells_library());
    let kept = Description::read(sandbox).filter(|_| setting.compiled);
    if let Some(answer) = kept.and_then(|kept| kept.serves(&reduced)) {
        println!("{}", answer.replace(Description::FOLDER, &sandbox.folder.to_string_lossy()));
        return Ok(ExitCode::SUCCESS);
    }
    let output = describe_reduced(sandbox, &setting, &reduced, arguments)?;
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    match serde_json::from_slice::<serde_json::Value>(&output.stdout) {
        Ok(mut answer) => {
            metadata::lean(&mut answer, &metadata::NAMED);
            if !setting.compiled {
                Description::of(&manifest, &answer, sandbox).write(sandbox)?;
                metadata::lean(&mut answer, &[]);
            }
            println!("{answer}");
        }
        Err(_) => print!("{}", String::from_utf8_lossy(&output.stdout)),
    }
    Ok(code(output.status))
}

/// What cargo says of a manifest in place of evcxr's: it wants no crate that is here already, with features of which
/// cargo would fetch and show hundreds more.
fn describe_reduced(
    sandbox: &Sandbox,
    setting: &Setting,
    manifest: &str,
    arguments: &[OsString],
) -> Result<Output, Problem> {
    let (theirs, ours) = (sandbox.crate_folder(), sandbox.folder.join("described"));
    let source = ours.join("src");
    std::fs::create_dir_all(&source).map_err(Problem::io("make", &source, "Is the disk full?"))?;
    write(&source.join("lib.rs"), "")?;
    write(&ours.join("Cargo.toml"), manifest)?;
    let _ = std::fs::copy(theirs.join("Cargo.lock"), ours.join("Cargo.lock"));
    let (their_name, our_name) = (theirs.to_string_lossy().into_owned(), ours.to_string_lossy().into_owned());
    let renamed = |argument: &OsString| OsString::from(argument.to_string_lossy().replace(&their_name, &our_name));
    let arguments: Vec<OsString> = arguments.iter().map(renamed).collect();
    let mut cargo = real(setting.cargo.clone(), &arguments, setting);
    let output = cargo.current_dir(&ours).output();
    let mut output = output.map_err(Problem::io("run", &setting.cargo, "Install Rust again from https://rustup.rs"))?;
    output.stdout = String::from_utf8_lossy(&output.stdout).replace(&our_name, &their_name).into_bytes();
    Ok(output)
}

/// Whether a dependency that a notebook names can be had. What is written here on standard error, the cell shows.
fn validate(
    sandbox: &Sandbox,
    mut setting: Setting,
    manifest: &str,
    arguments: &[OsString],
) -> Result<ExitCode, Problem> {
    if let Some(wanted) = wanted_checkout(manifest) {
        let found = Checkout::at(&wanted);
        let is_ours = found.as_ref().is_none_or(|found| Some(&found.folder) == setting.checkout.as_ref());
        if let (Some(problem), true) = (&setting.problem, is_ours) {
            eprintln!("{problem}");
            return Ok(ExitCode::from(FAILED));
        }
        if let Some(Err(problem)) = found.map(Checkout::of_this_version) {
            eprintln!("{problem}");
            return Ok(ExitCode::from(FAILED));
        }
        if is_ours && !setting.compiled && !compile_beforehand(sandbox, &mut setting)? {
            return Ok(ExitCode::from(FAILED));
        }
        if is_ours && setting.compiled {
            sandbox.show_library(&setting)?;
        }
        let plain = sandbox::dependency(&wanted);
        if is_ours && plain.trim_start_matches(":dep").trim() == dependency_line(manifest) {
            return Ok(ExitCode::SUCCESS);
        }
    }
    if let Some(wanted) = added::wanted(manifest).first()
        && let Some(made) = wanted.provided_by(&sandbox.cells_library())
    {
        let features =
            if made.features.is_empty() { String::new() } else { format!(" ({})", made.features.join(", ")) };
        let words =
            format!("{} {}{features} is here already: the one that maturation uses.", wanted.name, made.version);
        tell(sandbox, &words);
        return Ok(ExitCode::SUCCESS);
    }
    keep_versions(sandbox, &setting)?;
    Err(become_command(&mut real(setting.cargo.clone(), arguments, &setting)))
}

/// Tells the notebook something.
fn tell(sandbox: &Sandbox, words: &str) {
    use std::io::Write;
    if let Ok(mut notices) = File::options().append(true).open(sandbox.notices()) {
        let _ = writeln!(notices, "{words}");
    }
}

/// Compiles everything that the crate needs into the folder that all kernels share, and takes it from there. In that
/// folder itself there is nothing to do beforehand.
fn compile_beforehand(sandbox: &Sandbox, setting: &mut Setting) -> Result<bool, Problem> {
    let (Some(checkout), true) = (setting.checkout.clone(), setting.notebook != sandbox.folder) else {
        return Ok(true);
    };
    let notices = sandbox.notices();
    let unwritable = || Problem::io("write", &notices, "Is the disk full?");
    let output = File::options().append(true).open(&notices).map_err(unwritable())?;
    let errors = output.try_clone().map_err(unwritable())?;
    let program = std::env::current_exe().map_err(Problem::io("find", Path::new("this program"), "Start it again"))?;
    let mut precompiling = Command::new(program);
    setting.before.restore(precompiling.args([
        OsStr::new("--precompile"),
        OsStr::new("--checkout"),
        checkout.as_os_str(),
    ]));
    let precompiling =
        precompiling.env_remove(setting::FOLDER_VARIABLE).current_dir(&setting.notebook).stdout(output).stderr(errors);
    let status = precompiling.status().map_err(Problem::io(
        "run",
        &checkout,
        "Run `maturation-kernel --precompile` in a terminal",
    ))?;
    if !status.success() || !session::fill(&Cache::of_user()?, sandbox, setting)? {
        eprintln!(
            "the crate could not be compiled: see the messages below, or run `maturation-kernel --precompile` in a \
             terminal"
        );
        return Ok(false);
    }
    sandbox.save(setting)?;
    Ok(true)
}

/// The line of the manifest that names the dependency.
fn dependency_line(manifest: &str) -> &str {
    manifest.split("[dependencies]").nth(1).unwrap_or_default().trim()
}

/// The folder from which a manifest wants our crate.
fn wanted_checkout(manifest: &str) -> Option<PathBuf> {
    let line = dependency_line(manifest);
    let rest = line.strip_prefix("maturation")?.trim_start().strip_prefix('=')?;
    let after = rest.split("path").nth(1)?.trim_start().strip_prefix('=')?;
    after.split('"').nth(1).map(PathBuf::from)
}

/// Puts the versions back with which everything was compiled. Without it cargo would choose anew, perhaps newer ones,
/// because evcxr begins with a crate that needs nothing, for which cargo forgets all versions.
fn keep_versions(sandbox: &Sandbox, setting: &Setting) -> Result<(), Problem> {
    let folder = sandbox.crate_folder();
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let needs_ours = read("Cargo.toml").lines().any(|line| line.trim_start().starts_with("maturation ="));
    if !needs_ours || read("Cargo.lock").contains("name = \"maturation\"") {
        return Ok(());
    }
    let of_checkout = setting.checkout.as_ref().map(|checkout| checkout.join("Cargo.lock"));
    let versions = [Some(sandbox.crate_versions()), of_checkout].into_iter().flatten().find(|path| path.is_file());
    let Some(versions) = versions else { return Ok(()) };
    let target = folder.join("Cargo.lock");
    std::fs::copy(versions, &target).map(drop).map_err(Problem::io("write", &target, "Is the disk full?"))
}

fn code(status: ExitStatus) -> ExitCode {
    ExitCode::from(status.code().map_or(FAILED, |code| u8::try_from(code).unwrap_or(FAILED)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkout::BUILT_FROM;

    const DUMMY: &str = "\n    [package]\n    name = \"evcxr_dummy_validate_dep\"\n\n    [dependencies]\n    ";

    fn sandbox(folder: &Path) -> (Sandbox, Setting) {
        let sandbox = Sandbox { folder: folder.to_owned() };
        let checkout = Checkout::at(Path::new(BUILT_FROM)).unwrap();
        let setting = Setting::new(folder.to_owned(), Ok(&checkout), None).unwrap();
        sandbox.furnish(&setting, true).unwrap();
        (sandbox, setting)
    }

    #[test]
    fn the_subcommand_is_found_behind_options() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert_eq!(subcommand(&words("--offline build --target x")), Some("build"));
        assert_eq!(subcommand(&words("metadata --format-version=1")), Some("metadata"));
        assert_eq!(subcommand(&words("--version")), None);
    }

    #[test]
    fn the_compiler_is_asked_without_cargo() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        let asked = printing(&words("rustc -Z unstable-options --print cfg --target x -- -O"));
        assert_eq!(asked, words("-Z unstable-options --print cfg --target x -O"));
    }

    #[test]
    fn the_folder_that_a_notebook_wants_the_crate_from_is_read() {
        let wanted = |line: &str| wanted_checkout(&format!("{DUMMY}{line}\n    "));
        assert_eq!(wanted("maturation = { path = \"/a b\" }"), Some(PathBuf::from("/a b")));
        assert_eq!(wanted("maturation = { features = [\"cuda\"], path=\"/a\" }"), Some(PathBuf::from("/a")));
        assert_eq!(wanted("maturation = \"0.1\""), None);
        assert_eq!(wanted("maturation_of_cheese = { path = \"/a\" }"), None);
        assert_eq!(wanted("rand = \"0.9\""), None);
    }

    #[test]
    fn versions_are_put_back_when_the_crate_is_needed_and_cargo_has_forgotten_them() {
        let folder = tempfile::tempdir().unwrap();
        let (sandbox, setting) = sandbox(folder.path());
        let (manifest, lock) = (sandbox.crate_folder().join("Cargo.toml"), sandbox.crate_folder().join("Cargo.lock"));
        std::fs::write(&lock, "name = \"ctx\"").unwrap();
        std::fs::write(&manifest, "[dependencies]\n").unwrap();
        keep_versions(&sandbox, &setting).unwrap();
        assert_eq!(std::fs::read_to_string(&lock).unwrap(), "name = \"ctx\"");
        std::fs::write(&manifest, "[dependencies]\nmaturation = { path = \"/a\" }\n").unwrap();
        keep_versions(&sandbox, &setting).unwrap();
        assert!(std::fs::read_to_string(&lock).unwrap().contains("name = \"polars-core\""));
        std::fs::write(&lock, "name = \"ctx\"").unwrap();
        std::fs::write(sandbox.crate_versions(), "name = \"maturation\" # precompiled").unwrap();
        keep_versions(&sandbox, &setting).unwrap();
        assert_eq!(std::fs::read_to_string(&lock).unwrap(), "name = \"maturation\" # precompiled");
    }

    #[test]
    fn the_crate_that_is_loaded_costs_nothing_more_and_a_problem_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (sandbox, mut setting) = sandbox(folder.path());
        setting.compiled = true;
        let checkout = setting.checkout.clone().unwrap();
        let manifest = format!("{DUMMY}maturation = {{ path = {checkout:?} }}\n    ");
        // A cargo that does not exist: nothing is asked of it.
        setting.cargo = PathBuf::from("/nonexistent/cargo");
        sandbox.save(&setting).unwrap();
        let answer = validate(&sandbox, sandbox.setting().unwrap(), &manifest, &[]).unwrap();
        assert_eq!(answer, ExitCode::SUCCESS);
        setting.problem = Some("moved".to_owned());
        assert_eq!(validate(&sandbox, setting, &manifest, &[]).unwrap(), ExitCode::from(FAILED));
        let other = validate(&sandbox, sandbox.setting().unwrap(), &format!("{DUMMY}rand = \"1\""), &[]);
        assert!(other.unwrap_err().to_string().contains("/nonexistent/cargo"));
    }
}
