//! A folder in which one evcxr works: its crate, its settings, and what stands in for cargo.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::checkout::Checkout;
use crate::library::Library;
use crate::problem::Problem;
use crate::stand_in::Tool;
use crate::surroundings::Surroundings;
use crate::{rust_sources, tools};

/// The variable that tells every process of a kernel its folder.
pub const VARIABLE: &str = "MATURATION_KERNEL_FOLDER";

const REMEDY: &str = "Is the disk full? Set MATURATION_CACHE to a folder that can be written";

/// What is run when the crate is loaded. The variable has rust-analyzer read all that it is shown, and learn what `?` does,
/// which would otherwise take a second or two at the notebook's first variable.
const PRELUDE: &str = "\
use maturation::prelude::*;
let maturation_is_loaded: bool = \"odr\".parse::<Rule>()? == Rule::ODR;
";

/// A folder in which one evcxr works.
#[derive(Clone, Debug)]
pub struct Workplace {
    /// The folder, absolute.
    pub folder: PathBuf,
}

/// What all processes of a kernel need to know.
#[derive(Debug, Deserialize, Serialize)]
pub struct Setting {
    /// The folder that cells run in.
    pub notebook: PathBuf,
    /// The crate's folder, if there is one.
    pub checkout: Option<PathBuf>,
    /// Why the crate cannot be loaded.
    pub problem: Option<String>,
    /// Whether everything that the crate needs is compiled.
    pub compiled: bool,
    /// The toolchain's cargo.
    pub cargo: PathBuf,
    /// The linker, by evcxr's name for it.
    pub linker: String,
    /// The sources of Rust's library, if there are any.
    pub rust_sources: Option<PathBuf>,
    /// The environment in which the kernel was started.
    pub before: Surroundings,
}

impl Setting {
    /// The setting of an evcxr for a notebook's folder, in this process's environment.
    pub fn new(
        notebook: PathBuf,
        checkout: Result<&Checkout, &Problem>,
        cargo: Option<&Path>,
    ) -> Result<Self, Problem> {
        let search_path = tools::search_path(cargo)?;
        let absent = Problem::NoProgram { program: "cargo", remedy: "install Rust from https://rustup.rs" };
        let folder = match checkout {
            Ok(checkout) => Some(checkout.folder.clone()),
            Err(Problem::OtherVersion { folder, .. }) => Some(folder.clone()),
            Err(_) => None,
        };
        let cargo = tools::toolchain("cargo", &search_path).ok_or(absent)?;
        Ok(Setting {
            notebook,
            checkout: folder,
            problem: checkout.err().map(Problem::to_string),
            compiled: false,
            rust_sources: cargo.parent().and_then(Path::parent).and_then(rust_sources::of_toolchain),
            cargo,
            linker: tools::linker(&search_path).to_owned(),
            before: Surroundings::with_search_path(&search_path),
        })
    }
}

impl Setting {
    /// One of Rust's own tools, to be run in the environment in which the kernel was started.
    pub fn tool<'a>(&self, program: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(program);
        self.before.restore(command.args(arguments));
        command.env_remove(VARIABLE);
        command
    }

    /// One of Rust's own tools that links, with the linker that was chosen.
    pub fn linking(&self, program: &Path) -> Command {
        if self.linker == "mold" {
            let mut command = self.tool(Path::new("mold"), ["-run"]);
            command.arg(program);
            return command;
        }
        let mut command = self.tool(program, []);
        if self.linker == "lld" {
            command.arg("-Clink-arg=-fuse-ld=lld");
        }
        command
    }

    /// The toolchain's compiler.
    pub fn compiler(&self) -> PathBuf {
        self.cargo.with_file_name("rustc")
    }

    /// The folder of the toolchain.
    pub fn toolchain(&self) -> Option<&Path> {
        self.cargo.parent()?.parent()
    }

    /// The variable that names folders of shared libraries, with the one that cells need. Cargo moves a compiled cell one
    /// folder up after the compiler wrote into it where, relative to it, Rust's library lies.
    pub fn shared_libraries(&self) -> (&'static str, OsString) {
        let variable = if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };
        let before = std::env::var_os(variable).filter(|path| !path.is_empty()).unwrap_or_default();
        (variable, self.with_own_libraries(&before))
    }

    /// Folders of shared libraries, those first that were named before: but for folders with another build of our crate,
    /// such as `cargo run` and `cargo test` name, which cells would load in place of the one that they were compiled with.
    fn with_own_libraries(&self, before: &OsStr) -> OsString {
        let ours = format!("{}maturation{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        let toolchain = self.cargo.parent().and_then(Path::parent).map(|toolchain| toolchain.join("lib/rustlib"));
        let targets = toolchain.and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten();
        let own =
            targets.filter_map(|entry| entry.ok().map(|entry| entry.path().join("lib"))).filter(|path| path.is_dir());
        let before = std::env::split_paths(before).filter(|path| !path.join(&ours).exists());
        std::env::join_paths(before.chain(own)).unwrap_or_default()
    }
}

impl Workplace {
    /// The folder of the kernel that this process belongs to, if it belongs to one.
    pub fn of_environment() -> Result<Option<Workplace>, Problem> {
        let Some(folder) = std::env::var_os(VARIABLE).map(PathBuf::from) else { return Ok(None) };
        if folder.is_dir() {
            return Ok(Some(Workplace { folder }));
        }
        let remedy = "Restart the kernel";
        let source = std::io::Error::from(std::io::ErrorKind::NotFound);
        Err(Problem::Io { action: "work in", path: folder, source, remedy })
    }

    /// Where evcxr writes cells, and cargo compiles them.
    pub fn crate_folder(&self) -> PathBuf {
        self.folder.join("crate")
    }

    /// The compiled crate.
    pub fn cells_library(&self) -> Library {
        Library { folder: self.folder.join("crates") }
    }

    /// What is told to the notebook while a cell runs: lines are added here.
    pub fn notices(&self) -> PathBuf {
        self.folder.join("notices")
    }

    /// The number of the process that runs the cells.
    pub fn runtime_number(&self) -> PathBuf {
        self.folder.join("runtime")
    }

    /// The number of the group of processes that compile; it is there only while they do.
    pub fn compiler_number(&self) -> PathBuf {
        self.folder.join("compiler")
    }

    /// The types of variables, where evcxr has asked for them.
    pub fn types(&self) -> PathBuf {
        self.folder.join("types.json")
    }

    /// A file that is there once the cell that runs is compiled.
    pub fn is_compiled(&self) -> PathBuf {
        self.folder.join("compiled")
    }

    /// A file that is there once the cell that runs was interrupted before it was compiled.
    pub fn is_stopped(&self) -> PathBuf {
        self.folder.join("stopped")
    }

    /// The versions of all crates that ours was compiled with.
    pub fn crate_versions(&self) -> PathBuf {
        self.folder.join("Cargo.lock")
    }

    /// A file that is locked by the process that works here.
    pub fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// What stands in for this tool.
    pub fn stand_in(&self, tool: Tool) -> PathBuf {
        self.cargo_home().join("bin").join(tool.name())
    }

    /// The sources of Rust's library, as rust-analyzer is shown them.
    fn rust_library(&self) -> PathBuf {
        self.folder.join("library")
    }

    fn cargo_home(&self) -> PathBuf {
        self.folder.join("home")
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("evcxr")
    }

    /// Writes everything that an evcxr which starts here reads. With `load`, it loads the crate at once.
    pub fn furnish(&self, setting: &Setting, load: bool) -> Result<(), Problem> {
        for folder in [self.crate_folder(), self.configuration(), self.cargo_home().join("bin")] {
            std::fs::create_dir_all(&folder).map_err(Problem::io("make", &folder, REMEDY))?;
        }
        let program =
            std::env::current_exe().map_err(Problem::io("find", Path::new("this program"), "Start it again"))?;
        for tool in [Tool::Cargo, Tool::Rustup] {
            let link = self.stand_in(tool);
            // An earlier version of this program may have left one.
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(&program, &link).map_err(Problem::io("make", &link, REMEDY))?;
        }
        // Cells are compiled without optimisation: they are glue, and every second counts.
        let text = format!("[evcxr]\ntmpdir = {:?}\nopt_level = \"0\"\n", self.crate_folder());
        write(&self.folder.join("evcxr.toml"), &text)?;
        // evcxr would read commands from init.evcxr too, but compile once more for it.
        let mut prelude = format!(":linker {}\n", setting.linker);
        if let (Some(checkout), true) = (&setting.checkout, load) {
            prelude.push_str(&dependency(checkout));
            prelude.push_str(PRELUDE);
        }
        write(&self.configuration().join("prelude.rs"), &prelude)?;
        // An earlier version of this program wrote it.
        let _ = std::fs::remove_file(self.configuration().join("init.evcxr"));
        write(&self.notices(), "")?;
        let hidden = self.rust_library().join("core");
        std::fs::create_dir_all(&hidden).map_err(Problem::io("make", &hidden, REMEDY))?;
        self.save(setting)
    }

    /// Shows rust-analyzer, once the crate is loaded, the three crates of Rust's library whose types variables have, if there
    /// are sources of them. The rest of the library would take as much memory again.
    pub fn show_library(&self, setting: &Setting) -> Result<(), Problem> {
        let library = self.rust_library();
        // rust-analyzer takes a folder for the library if this is in it.
        let core = library.join("core");
        let Some(sources) = setting.rust_sources.as_ref().filter(|_| !core.is_symlink()) else { return Ok(()) };
        std::fs::remove_dir_all(&library).map_err(Problem::io("remove", &library, REMEDY))?;
        std::fs::create_dir_all(&library).map_err(Problem::io("make", &library, REMEDY))?;
        for name in rust_sources::CRATES {
            let link = library.join(name);
            std::os::unix::fs::symlink(sources.join(name), &link).map_err(Problem::io("make", &link, REMEDY))?;
        }
        Ok(())
    }

    /// The program of this process, to be run as a process of the kernel that works here.
    pub fn command(&self, setting: &Setting) -> Result<Command, Problem> {
        let program =
            std::env::current_exe().map_err(Problem::io("find", Path::new("this program"), "Start it again"))?;
        let mut command = Command::new(program);
        // rust-analyzer asks the cargo in CARGO_HOME first; evcxr asks the first rustup on the search path for its cargo.
        command
            .current_dir(&self.folder)
            .env(VARIABLE, &self.folder)
            .env("EVCXR_CONFIG_DIR", self.configuration())
            .env("CARGO_HOME", self.cargo_home())
            .env("PATH", tools::extended(&setting.before.search_path(), &self.cargo_home().join("bin"), true))
            .env("RUST_SRC_PATH", self.rust_library())
            // A folder that is not there: evcxr's kernel would replace an evcxr kernel that it finds installed.
            .env("JUPYTER_PATH", self.folder.join("none"));
        Ok(command)
    }

    /// What all processes of this kernel need to know.
    pub fn setting(&self) -> Result<Setting, Problem> {
        let path = self.folder.join("setting.json");
        let text = std::fs::read_to_string(&path).map_err(Problem::io("read", &path, "Restart the kernel"))?;
        serde_json::from_str(&text).map_err(|error| Problem::Format {
            path,
            reason: error.to_string(),
            remedy: "Restart the kernel",
        })
    }

    /// Writes a changed setting.
    pub fn save(&self, setting: &Setting) -> Result<(), Problem> {
        let path = self.folder.join("setting.json");
        let text = serde_json::to_string_pretty(setting).map_err(|error| Problem::Format {
            path: path.clone(),
            reason: error.to_string(),
            remedy: "Restart the kernel",
        })?;
        write(&path, &text)
    }
}

/// The line of a notebook that loads the crate from a folder.
pub fn dependency(checkout: &Path) -> String {
    format!(":dep maturation = {{ path = {:?} }}\n", checkout)
}

fn write(path: &Path, text: &str) -> Result<(), Problem> {
    std::fs::write(path, text).map_err(Problem::io("write", path, REMEDY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkout::BUILT_FROM;

    #[test]
    fn a_furnished_folder_has_what_evcxr_reads() {
        let folder = tempfile::tempdir().unwrap();
        let workplace = Workplace { folder: folder.path().to_owned() };
        let checkout = Checkout::at(Path::new(BUILT_FROM)).unwrap();
        let setting = Setting::new(PathBuf::from("/notes"), Ok(&checkout), None).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        workplace.furnish(&setting, false).unwrap();
        assert_eq!(read("evcxr/prelude.rs"), format!(":linker {}\n", setting.linker));
        workplace.furnish(&setting, true).unwrap();
        assert!(read("evcxr/prelude.rs").contains(&format!("path = {:?}", checkout.folder)));
        assert!(read("evcxr/prelude.rs").contains("use maturation::prelude::*;"));
        assert!(read("evcxr.toml").contains(&format!("{:?}", workplace.crate_folder())));
        assert_eq!(workplace.setting().unwrap().checkout, Some(checkout.folder));
        let program = std::env::current_exe().unwrap();
        assert_eq!(std::fs::read_link(workplace.stand_in(Tool::Cargo)).unwrap(), program);
        let command = workplace.command(&setting).unwrap();
        let path = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value).unwrap();
        assert_eq!(tools::find("cargo", path), Some(workplace.stand_in(Tool::Cargo)));
    }

    #[test]
    fn the_library_is_shown_when_asked_for_and_the_toolchain_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let workplace = Workplace { folder: folder.path().join("work") };
        let sources = folder.path().join("sources");
        let problem = Problem::Moved(PathBuf::from("/gone"));
        let mut setting = Setting::new(PathBuf::from("/notes"), Err(&problem), None).unwrap();
        setting.rust_sources = None;
        let core = workplace.rust_library().join("core");
        workplace.furnish(&setting, false).unwrap();
        workplace.show_library(&setting).unwrap();
        assert!(core.is_dir(), "rust-analyzer would look elsewhere");
        std::fs::create_dir_all(sources.join("core/src")).unwrap();
        setting.rust_sources = Some(sources.clone());
        for _ in 0..2 {
            workplace.show_library(&setting).unwrap();
            assert!(core.join("src").exists());
        }
        std::fs::remove_dir_all(&workplace.folder).unwrap();
        assert!(sources.join("core/src").exists());
    }

    #[test]
    fn cells_find_the_shared_library_of_rust() {
        let problem = Problem::Moved(PathBuf::from("/gone"));
        let setting = Setting::new(PathBuf::from("/notes"), Err(&problem), None).unwrap();
        let (_, path) = setting.shared_libraries();
        let holds_it = |folder: PathBuf| {
            let entries = std::fs::read_dir(folder).into_iter().flatten();
            entries.filter_map(Result::ok).any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
        };
        assert!(std::env::split_paths(&path).any(holds_it), "{path:?}");
    }

    #[test]
    fn cells_load_no_other_build_of_the_crate() {
        let base = tempfile::tempdir().unwrap();
        let [build, other] = ["target/release/deps", "lib"].map(|name| base.path().join(name));
        for folder in [&build, &other] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let library = format!("{}maturation{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        std::fs::write(build.join(library), "").unwrap();
        let problem = Problem::Moved(PathBuf::from("/gone"));
        let setting = Setting::new(PathBuf::from("/notes"), Err(&problem), None).unwrap();
        let before = std::env::join_paths([&build, &other]).unwrap();
        let path = setting.with_own_libraries(&before);
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        assert!(folders.contains(&other) && !folders.contains(&build), "{folders:?}");
    }

    #[test]
    fn a_problem_is_kept_for_the_notebook() {
        let problem = Problem::Moved(PathBuf::from("/gone"));
        let setting = Setting::new(PathBuf::from("/notes"), Err(&problem), None).unwrap();
        assert_eq!(setting.checkout, None);
        assert!(setting.problem.unwrap().contains("/gone"));
    }
}
