//! A folder in which one evcxr works: its crate, its settings, and what stands in for cargo.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::library::Library;
use crate::problem::Problem;
use crate::setting::{FOLDER_VARIABLE, Setting};
use crate::tools::Tool;
use crate::{rust_sources, tools};

const REMEDY: &str = "Is the disk full? Set MATURATION_CACHE to a folder that can be written";

/// What is run when the crate is loaded. The variable has rust-analyzer read all that it is shown, and learn what `?`
/// does, which would otherwise take a second or two at the notebook's first variable.
const PRELUDE: &str = "\
use maturation::prelude::*;
let maturation_is_loaded: bool = \"odr\".parse::<Rule>()? == Rule::ODR;
";

/// A folder in which one evcxr works.
#[derive(Clone, Debug)]
pub struct Sandbox {
    /// The folder, absolute.
    pub folder: PathBuf,
}

impl Sandbox {
    /// The folder of the kernel that this process belongs to, if it belongs to one.
    pub fn of_environment() -> Result<Option<Sandbox>, Problem> {
        let Some(folder) = std::env::var_os(FOLDER_VARIABLE).map(PathBuf::from) else { return Ok(None) };
        if folder.is_dir() {
            return Ok(Some(Sandbox { folder }));
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
    pub fn shim(&self, tool: Tool) -> PathBuf {
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
            let link = self.shim(tool);
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

    /// Shows rust-analyzer, once the crate is loaded, the three crates of Rust's library whose types variables have, if
    /// there are sources of them. The rest of the library would take as much memory again.
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
        // rust-analyzer asks the cargo in CARGO_HOME first; evcxr asks the first rustup on the search path for its
        // cargo.
        command
            .current_dir(&self.folder)
            .env(FOLDER_VARIABLE, &self.folder)
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
    use crate::checkout::{BUILT_FROM, Checkout};

    #[test]
    fn a_furnished_folder_has_what_evcxr_reads() {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox { folder: folder.path().to_owned() };
        let checkout = Checkout::at(Path::new(BUILT_FROM)).unwrap();
        let setting = Setting::new(PathBuf::from("/notes"), Ok(&checkout), None).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        sandbox.furnish(&setting, false).unwrap();
        assert_eq!(read("evcxr/prelude.rs"), format!(":linker {}\n", setting.linker));
        sandbox.furnish(&setting, true).unwrap();
        assert!(read("evcxr/prelude.rs").contains(&format!("path = {:?}", checkout.folder)));
        assert!(read("evcxr/prelude.rs").contains("use maturation::prelude::*;"));
        assert!(read("evcxr.toml").contains(&format!("{:?}", sandbox.crate_folder())));
        assert_eq!(sandbox.setting().unwrap().checkout, Some(checkout.folder));
        let program = std::env::current_exe().unwrap();
        assert_eq!(std::fs::read_link(sandbox.shim(Tool::Cargo)).unwrap(), program);
        let command = sandbox.command(&setting).unwrap();
        let path = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value).unwrap();
        assert_eq!(tools::find("cargo", path), Some(sandbox.shim(Tool::Cargo)));
    }

    #[test]
    fn the_library_is_shown_when_asked_for_and_the_toolchain_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox { folder: folder.path().join("work") };
        let sources = folder.path().join("sources");
        let problem = Problem::Moved(PathBuf::from("/gone"));
        let mut setting = Setting::new(PathBuf::from("/notes"), Err(&problem), None).unwrap();
        setting.rust_sources = None;
        let core = sandbox.rust_library().join("core");
        sandbox.furnish(&setting, false).unwrap();
        sandbox.show_library(&setting).unwrap();
        assert!(core.is_dir(), "rust-analyzer would look elsewhere");
        std::fs::create_dir_all(sources.join("core/src")).unwrap();
        setting.rust_sources = Some(sources.clone());
        for _ in 0..2 {
            sandbox.show_library(&setting).unwrap();
            assert!(core.join("src").exists());
        }
        std::fs::remove_dir_all(&sandbox.folder).unwrap();
        assert!(sources.join("core/src").exists());
    }
}
