//! The compiled crate that cells are linked with: the very one that cargo makes for the command, and all that it needs,
//! as one shared library. Cells could be linked with the crates themselves, but each for seconds.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::problem::Problem;
use crate::progress;
use crate::setting::Setting;

/// The crate's name.
const CRATE: &str = "maturation";

/// The name of the crate that is the shared library, and names ours.
const SHARED: &str = "maturation_cells";

const REMEDY: &str = "Is the disk full? Set MATURATION_CACHE to a folder that can be written";

/// The file that says of which crates it is made.
const MADE: &str = "made-of.json";

/// A crate that ours is made of.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Made {
    /// Its version.
    pub version: String,
    /// Its features.
    pub features: Vec<String>,
}

/// A folder that holds the shared library, the crate, and what the crates that it needs say of themselves.
#[derive(Clone, Debug)]
pub struct Library {
    /// The folder, absolute.
    pub folder: PathBuf,
}

impl Library {
    /// Whether it is there.
    pub fn is_there(&self) -> bool {
        self.folder.join(shared_name()).is_file() && self.folder.join(MADE).is_file()
    }

    /// Files as if it were there.
    #[cfg(test)]
    pub fn pretend(&self) {
        std::fs::create_dir_all(&self.folder).unwrap();
        std::fs::write(self.folder.join(shared_name()), "").unwrap();
        self.write_made(&BTreeMap::new());
    }

    /// Compiles the crate, as the command does, and puts what cells need into this folder. What is compiled already is
    /// not compiled again. `jobs` crates are compiled at once.
    pub fn make(&self, setting: &Setting, checkout: &Path, jobs: usize) -> Result<(), Problem> {
        let mut cargo = setting.tool(&setting.cargo, ["build", "--release", "--lib", "--message-format=json"]);
        // The versions that are locked are those that were tested.
        if checkout.join("Cargo.lock").is_file() {
            cargo.arg("--locked");
        }
        cargo.current_dir(checkout).env("CARGO_BUILD_JOBS", jobs.to_string());
        let total = crates_to_compile(setting, checkout);
        let run = Problem::io("run", &setting.cargo, "Install Rust again from https://rustup.rs");
        let (status, answer) = progress::run(cargo, total).map_err(run)?;
        if !status.success() {
            for message in
                messages(&answer).filter_map(|message| message["message"]["rendered"].as_str().map(str::to_owned))
            {
                eprint!("{message}");
            }
            let message = "its messages are above; what is compiled so far is kept".to_owned();
            return Err(Problem::Failed { what: "compiling the crate".to_owned(), message });
        }
        let fresh = self.folder.with_extension("new");
        let _ = std::fs::remove_dir_all(&fresh);
        std::fs::create_dir_all(&fresh).map_err(Problem::io("make", &fresh, REMEDY))?;
        let crates = collect(&answer, &fresh)?;
        Library { folder: fresh.clone() }.write_made(&made(&answer));
        link_all(setting, &crates, &fresh)?;
        let _ = std::fs::remove_dir_all(&self.folder);
        std::fs::rename(&fresh, &self.folder).map_err(Problem::io("make", &self.folder, REMEDY))
    }

    /// Takes all that is in another library, as further names of the same files: whatever becomes of the other, this
    /// one stays as it is.
    pub fn take(&self, other: &Library) -> Result<(), Problem> {
        std::fs::create_dir_all(&self.folder).map_err(Problem::io("make", &self.folder, REMEDY))?;
        for path in files(&other.folder)? {
            link(&path, &self.folder.join(path.file_name().unwrap_or_default()))?;
        }
        Ok(())
    }

    /// The compiler's arguments to compile something that uses the crate, or names one of the crates that it needs.
    /// The crates of the names `added` are others, which the notebook has added.
    pub fn arguments(&self, added: &[&str]) -> Result<Vec<OsString>, Problem> {
        let file = |name: &str, file: &str| extern_argument(name, &self.folder.join(file));
        let mut arguments = search_argument(&self.folder);
        arguments.extend(file(CRATE, &crate_name()));
        arguments.extend(file(SHARED, &shared_name()));
        let is_added = |name: &str| added.iter().any(|one| one.replace('-', "_") == name);
        for (name, file) in self.crates()?.into_iter().filter(|(name, _)| !is_added(name)) {
            arguments.extend(extern_argument(&name, &file));
        }
        arguments.push(joined("-Clink-arg=-Wl,-rpath,", &self.folder));
        Ok(arguments)
    }

    /// The crates that ours is made of, by name.
    pub fn made(&self) -> BTreeMap<String, Made> {
        let text = std::fs::read_to_string(self.folder.join(MADE)).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Keeps what [`Library::made`] gives.
    pub fn write_made(&self, made: &BTreeMap<String, Made>) {
        // Without it cargo is asked for each crate that a notebook wants.
        let _ = std::fs::write(self.folder.join(MADE), serde_json::to_string(made).unwrap_or_default());
    }

    /// The crates that ours needs: their names, and what they say of themselves. Of what is there in two versions none.
    fn crates(&self) -> Result<BTreeMap<String, PathBuf>, Problem> {
        let mut found: BTreeMap<String, Option<PathBuf>> = BTreeMap::new();
        for path in files(&self.folder)? {
            let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
            let name = stem.strip_prefix("lib").and_then(|rest| rest.rsplit_once('-'));
            if let (Some((name, _)), Some("rmeta")) = (name, path.extension().and_then(OsStr::to_str)) {
                let is_first = !found.contains_key(name);
                found.insert(name.to_owned(), is_first.then_some(path));
            }
        }
        Ok(found.into_iter().filter_map(|(name, path)| Some((name, path?))).collect())
    }

    /// What a cell's source must name so that it is linked with the shared library.
    pub fn mention() -> String {
        format!("extern crate {SHARED} as _;")
    }
}

fn joined(before: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(before);
    argument.push(path);
    argument
}

/// The argument that names a folder of crates that others need.
pub fn search_argument(folder: &Path) -> Vec<OsString> {
    vec!["-L".into(), joined("dependency=", folder)]
}

/// The arguments that name a crate.
pub fn extern_argument(name: &str, file: &Path) -> [OsString; 2] {
    ["--extern".into(), joined(&format!("{name}="), file)]
}

fn shared_name() -> String {
    format!("{}{SHARED}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

fn crate_name() -> String {
    format!("lib{CRATE}.rlib")
}

/// Makes the shared library of the crate in a folder and of all crates that it needs, which lie in `crates`.
fn link_all(setting: &Setting, crates: &Path, folder: &Path) -> Result<(), Problem> {
    let source = folder.join("shared.rs");
    std::fs::write(&source, format!("pub extern crate {CRATE};\n")).map_err(Problem::io("write", &source, REMEDY))?;
    let mut compiler = setting.linking(&setting.compiler());
    compiler.arg(format!("--crate-name={SHARED}")).args(["--edition=2024", "--crate-type=dylib"]).arg(&source);
    compiler.args(["-Cprefer-dynamic", "-Cstrip=debuginfo", "--out-dir"]).arg(folder);
    compiler.args(search_argument(crates)).args(extern_argument(CRATE, &folder.join(crate_name())));
    let output = compiler.output().map_err(Problem::io("run", &setting.compiler(), "Install Rust again"))?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Problem::Failed { what: "linking the crate".to_owned(), message })
}

/// Puts what cells need of what cargo says it has made into a folder, and gives the folder in which the crates lie.
fn collect(answer: &str, folder: &Path) -> Result<PathBuf, Problem> {
    let mut crates = None;
    for path in messages(answer).flat_map(|message| needed(&message)) {
        let name = path.file_name().unwrap_or_default();
        if path.extension() == Some(OsStr::new("rlib")) {
            link(&path, &folder.join(crate_name()))?;
        } else {
            link(&path, &folder.join(name))?;
            crates = path.parent().map(Path::to_owned);
        }
    }
    let failed =
        |message: &str| Problem::Failed { what: "compiling the crate".to_owned(), message: message.to_owned() };
    if !folder.join(crate_name()).is_file() {
        return Err(failed("cargo did not say where the crate is"));
    }
    crates.ok_or_else(|| failed("cargo did not say where the crates are"))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let unreadable = || Problem::io("read", folder, REMEDY);
    let entries = std::fs::read_dir(folder).map_err(unreadable())?;
    entries.map(|entry| Ok(entry.map_err(unreadable())?.path())).collect()
}

/// A further name for a file, or a copy where there cannot be one.
pub fn link(from: &Path, to: &Path) -> Result<(), Problem> {
    let _ = std::fs::remove_file(to);
    if std::fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    std::fs::copy(from, to).map(drop).map_err(Problem::io("copy", from, REMEDY))
}

/// What cargo said, a message a line.
pub fn messages(answer: &str) -> impl Iterator<Item = Value> {
    answer.lines().filter_map(|line| serde_json::from_str(line).ok())
}

/// The name and the version of the package that a message of cargo's is of.
pub fn package(message: &Value) -> Option<(&str, &str)> {
    message["package_id"].as_str()?.rsplit_once('#')?.1.split_once('@')
}

/// The crates that cargo says it has made. Of what is there in two versions none.
fn made(answer: &str) -> BTreeMap<String, Made> {
    let mut found: BTreeMap<String, Option<Made>> = BTreeMap::new();
    for message in messages(answer).filter(|message| message["reason"] == "compiler-artifact") {
        let kinds = message["target"]["kind"].as_array().into_iter().flatten();
        let (Some((name, version)), true) = (package(&message), kinds.into_iter().any(|kind| kind == "lib")) else {
            continue;
        };
        let features = message["features"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let made = Made { version: version.to_owned(), features: features.map(str::to_owned).collect() };
        let is_first = !found.contains_key(name);
        found.insert(name.to_owned(), is_first.then_some(made));
    }
    found.into_iter().filter_map(|(name, made)| Some((name, made?))).collect()
}

/// The files that a message of cargo's names and cells need: our crate, what other crates say of themselves, and
/// macros, which are programs of the compiler's.
fn needed(message: &Value) -> Vec<PathBuf> {
    if message["reason"] != "compiler-artifact" {
        return Vec::new();
    }
    let kinds: Vec<&str> =
        message["target"]["kind"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let wanted = match () {
        () if message["target"]["name"] == CRATE && kinds.contains(&"lib") => "rlib",
        () if kinds.contains(&"proc-macro") => std::env::consts::DLL_EXTENSION,
        () => "rmeta",
    };
    let files = message["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str).map(PathBuf::from);
    files.filter(|path| path.extension() == Some(OsStr::new(wanted))).collect()
}

/// How many crates there are to compile, as far as cargo can tell.
fn crates_to_compile(setting: &Setting, checkout: &Path) -> usize {
    let tree = ["tree", "--locked", "--prefix", "none", "--edges", "normal,build"];
    let output = setting.tool(&setting.cargo, tree).current_dir(checkout).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let lines = text.lines().map(|line| line.trim_end_matches(" (*)"));
    lines.collect::<std::collections::BTreeSet<&str>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cells_need_is_collected_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, name).unwrap();
            path.to_string_lossy().into_owned()
        };
        let message = |name: &str, kinds: &[&str], files: &[String]| {
            let target = serde_json::json!({"name": name, "kind": kinds});
            serde_json::json!({"reason": "compiler-artifact", "target": target, "filenames": files}).to_string()
        };
        let shared = format!("libderive-2{}", std::env::consts::DLL_SUFFIX);
        let answer = [
            message("serde", &["lib"], &[file("libserde-1.rlib"), file("libserde-1.rmeta")]),
            message("derive", &["proc-macro"], &[file(&shared)]),
            message("build-script-build", &["custom-build"], &[file("build-script-build")]),
            message(CRATE, &["lib", "dylib"], &[file("libmaturation-7.rlib"), file("libmaturation.so")]),
            "{\"reason\":\"build-finished\",\"success\":true}".to_owned(),
        ];
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        std::fs::create_dir(&first).unwrap();
        assert_eq!(collect(&answer.join("\n"), &first).unwrap(), folder.path());
        let [first, second] = [first, second].map(|folder| Library { folder });
        second.take(&first).unwrap();
        for library in [&first, &second] {
            let entries = std::fs::read_dir(&library.folder).unwrap();
            let mut names: Vec<String> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            let mut expected = vec![shared.clone(), crate_name(), "libserde-1.rmeta".to_owned()];
            expected.sort();
            assert_eq!(names, expected);
            assert_eq!(library.crates().unwrap().keys().collect::<Vec<_>>(), ["serde"]);
            assert!(!library.is_there(), "it is not linked");
        }
        let message = collect("", folder.path()).unwrap_err().to_string();
        assert!(message.contains("where the crate is"), "{message}");
    }
}
