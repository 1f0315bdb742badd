//! Crates that a notebook adds by `:dep`.
//!
//! Those that our crate is made of are there already. All others cargo compiles, in the folder in which it has compiled
//! our crate, with the same versions, features and profile: what they share with it is not compiled again, and has the
//! same types.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::library::{Library, Made, extern_argument, link, messages, package, search_argument};
use crate::problem::Problem;
use crate::progress;
use crate::sandbox::Sandbox;
use crate::setting::Setting;

const REMEDY: &str = "Is the disk full? Restart the kernel";

/// A crate that a notebook wants.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// What stands behind the name in a manifest.
    pub config: String,
}

/// What the compiler is told of crates that were added.
#[derive(Deserialize, Serialize)]
struct Compiled {
    manifest: String,
    arguments: Vec<String>,
}

/// The crates that a manifest of evcxr's wants.
pub fn wanted(manifest: &str) -> Vec<Wanted> {
    let lines = manifest.split("[dependencies]").nth(1).unwrap_or_default().lines();
    let split = lines.filter_map(|line| line.split_once('='));
    let wanted = split.map(|(name, config)| Wanted { name: name.trim().to_owned(), config: config.trim().to_owned() });
    wanted.filter(|wanted| !wanted.name.is_empty()).collect()
}

/// The manifest without the crates that are there already.
pub fn without_provided(manifest: &str, library: &Library) -> String {
    let is_provided = |line: &str| {
        let wanted = line
            .split_once('=')
            .map(|(name, config)| Wanted { name: name.trim().to_owned(), config: config.trim().to_owned() });
        wanted.is_some_and(|wanted| wanted.provided_by(library).is_some())
    };
    let Some((head, dependencies)) = manifest.split_once("[dependencies]\n") else { return manifest.to_owned() };
    let kept: String = dependencies.split_inclusive('\n').filter(|line| !is_provided(line)).collect();
    format!("{head}[dependencies]\n{kept}")
}

impl Wanted {
    /// What a key of the table behind the name is set to.
    fn key(&self, name: &str) -> Option<&str> {
        let place = self.config.match_indices(name).find(|(place, _)| {
            !self.config[..*place].ends_with(|letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_')
        })?;
        self.config[place.0 + name.len()..].trim_start().strip_prefix('=').map(str::trim_start)
    }

    /// The version that is wanted.
    fn version(&self) -> Option<&str> {
        let text = if self.config.starts_with('"') { Some(self.config.as_str()) } else { self.key("version") };
        text?.strip_prefix('"')?.split('"').next()
    }

    /// The crate that our crate is made of, if that is what is wanted.
    pub fn provided_by(&self, library: &Library) -> Option<Made> {
        if ["path", "git", "package", "registry"].iter().any(|key| self.key(key).is_some()) {
            return None;
        }
        let made = library.made().remove(&self.name)?;
        let features =
            self.key("features").and_then(|rest| rest.strip_prefix('[')?.split(']').next()).unwrap_or_default();
        let mut features =
            features.split(',').map(|feature| feature.trim().trim_matches('"')).filter(|name| !name.is_empty());
        let has_all = features.all(|feature| made.features.iter().any(|found| found == feature));
        (has_all && is_met(self.version()?, &made.version)).then_some(made)
    }

    /// The name by which cargo is asked for this crate and no other version of it.
    fn specification(&self) -> String {
        let version = self.version().filter(|version| version.starts_with(|first: char| first.is_ascii_digit()));
        let version = version.filter(|version| version.chars().all(|letter| letter.is_ascii_digit() || letter == '.'));
        version.map_or_else(|| self.name.clone(), |version| format!("{}@{version}", self.name))
    }
}

/// Whether a version is what a requirement asks for, as cargo reads `1.2` and `^1.2`.
fn is_met(requirement: &str, version: &str) -> bool {
    let numbers = |text: &str| -> Option<Vec<u64>> {
        text.split(['-', '+']).next()?.split('.').map(|part| part.parse().ok()).collect()
    };
    let requirement = requirement.trim().trim_start_matches('^');
    if requirement == "*" {
        return true;
    }
    let (Some(asked), Some(found)) = (numbers(requirement), numbers(version)) else { return false };
    // The first number that is not 0 must be the same, and nothing may be older.
    let place = asked.iter().position(|number| *number != 0).unwrap_or(asked.len().saturating_sub(1));
    found.len() >= asked.len() && found[..=place] == asked[..=place] && found[..] >= asked[..]
}

/// The compiler's arguments for crates that a notebook adds. What is not compiled is compiled now, and the notebook
/// told how far that is.
pub fn arguments(sandbox: &Sandbox, setting: &Setting, wanted: &[Wanted]) -> Result<Vec<OsString>, Problem> {
    let manifest = manifest(setting, wanted);
    let folder = sandbox.folder.join("added");
    let kept = folder.join("compiled.json");
    let compiled = std::fs::read_to_string(&kept).ok().and_then(|text| serde_json::from_str::<Compiled>(&text).ok());
    if let Some(compiled) = compiled.filter(|compiled| compiled.manifest == manifest) {
        return Ok(compiled.arguments.into_iter().map(OsString::from).collect());
    }
    let source = folder.join("src");
    std::fs::create_dir_all(&source).map_err(Problem::io("make", &source, REMEDY))?;
    let write = |path: PathBuf, text: &str| std::fs::write(&path, text).map_err(Problem::io("write", &path, REMEDY));
    write(source.join("lib.rs"), "")?;
    write(folder.join("Cargo.toml"), &manifest)?;
    if let (Some(checkout), false) = (&setting.checkout, folder.join("Cargo.lock").exists()) {
        // Without it cargo chooses versions anew.
        let _ = std::fs::copy(checkout.join("Cargo.lock"), folder.join("Cargo.lock"));
    }
    let answer = compile(sandbox, setting, &folder, wanted)?;
    let crates = folder.join("crates");
    std::fs::create_dir_all(&crates).map_err(Problem::io("make", &crates, REMEDY))?;
    let (arguments, files) = arguments_of(&answer, wanted, &crates);
    // In cargo's own folder the compiler would find our crate once more.
    for file in files {
        link(&file, &crates.join(file.file_name().unwrap_or_default()))?;
    }
    let text: Vec<String> = arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let compiled = Compiled { manifest, arguments: text };
    write(kept, &serde_json::to_string(&compiled).unwrap_or_default())?;
    Ok(arguments)
}

/// A manifest by which cargo makes the same of the crates that it shares with our crate: it has all that ours needs,
/// for tests too, and the same profile.
fn manifest(setting: &Setting, wanted: &[Wanted]) -> String {
    let ours = setting.checkout.as_ref();
    let read = ours.map(|checkout| std::fs::read_to_string(checkout.join("Cargo.toml")).unwrap_or_default());
    let is_shared = |title: &str| title == "dev-dependencies" || title.starts_with("profile.");
    let sections = read.as_deref().unwrap_or_default().split("\n[").skip(1);
    let shared: String = sections
        .filter(|section| section.split(']').next().is_some_and(is_shared))
        .map(|section| format!("[{}\n", section.trim_end()))
        .collect();
    let mut dependencies: String = wanted.iter().map(|one| format!("{} = {}\n", one.name, one.config)).collect();
    if let Some(checkout) = ours {
        dependencies += &format!("maturation = {{ path = {checkout:?} }}\n");
    }
    format!(
        "[package]\nname = \"added\"\nversion = \"1.0.0\"\nedition = \"2024\"\nresolver = \"1\"\n\n[workspace]\n\n\
         [dependencies]\n{dependencies}\n{shared}"
    )
}

fn compile(sandbox: &Sandbox, setting: &Setting, folder: &Path, wanted: &[Wanted]) -> Result<String, Problem> {
    let mut cargo = setting.tool(&setting.cargo, ["build", "--release", "--message-format=json"]);
    for one in wanted {
        cargo.arg("--package").arg(one.specification());
    }
    cargo.current_dir(folder).process_group(0);
    if let Some(target) = setting.checkout.as_ref().and_then(|checkout| target_folder(setting, checkout)) {
        cargo.arg("--target-dir").arg(target);
    }
    let say = |line: &str| {
        if let Ok(mut notices) = std::fs::File::options().append(true).open(sandbox.notices()) {
            let _ = writeln!(notices, "{}", line.trim_start());
        }
    };
    let started = |number: u32| {
        let _ = std::fs::write(sandbox.compiler_number(), number.to_string());
    };
    let run = Problem::io("run", &setting.cargo, "Install Rust again from https://rustup.rs");
    let ended = progress::run_and_tell(cargo, 0, started, say).map_err(run);
    let _ = std::fs::remove_file(sandbox.compiler_number());
    let (status, answer) = ended?;
    if status.success() {
        return Ok(answer);
    }
    let rendered = messages(&answer).filter_map(|message| message["message"]["rendered"].as_str().map(str::to_owned));
    let names: Vec<&str> = wanted.iter().map(|one| one.name.as_str()).collect();
    let message = rendered.collect::<Vec<String>>().join("\n");
    Err(Problem::Failed { what: format!("compiling {}", names.join(", ")), message })
}

/// The folder in which cargo compiles our crate.
fn target_folder(setting: &Setting, checkout: &Path) -> Option<PathBuf> {
    let arguments = ["metadata", "--no-deps", "--format-version=1", "--offline"];
    let output = setting.tool(&setting.cargo, arguments).current_dir(checkout).output().ok()?;
    let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
    answer["target_directory"].as_str().map(PathBuf::from)
}

/// What the compiler must be told, by what cargo says it has made, once the files that come second are in a folder.
fn arguments_of(answer: &str, wanted: &[Wanted], crates: &Path) -> (Vec<OsString>, Vec<PathBuf>) {
    let (mut arguments, mut needed) = (search_argument(crates), Vec::new());
    for message in messages(answer) {
        for path in message["linked_paths"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            arguments.extend([OsString::from("-L"), OsString::from(path)]);
        }
        let files = message["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str).map(PathBuf::from);
        let is_linked = |path: &PathBuf| {
            let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
            extension == "rlib" || extension == std::env::consts::DLL_EXTENSION
        };
        let Some(file) = files.into_iter().find(is_linked) else { continue };
        let package = package(&message).map(|(name, _)| name).unwrap_or_default();
        let is_renamed =
            |one: &&Wanted| one.key("package").is_some_and(|name| name.starts_with(&format!("\"{package}\"")));
        if let Some(one) = wanted.iter().find(|one| one.name == package || is_renamed(one)) {
            let own = message["target"]["name"].as_str().unwrap_or_default();
            let name = if one.name == package { own } else { &one.name };
            let place = crates.join(file.file_name().unwrap_or_default());
            arguments.extend(extern_argument(&name.replace('-', "_"), &place));
        }
        needed.push(file);
    }
    (arguments, needed)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn one(name: &str, config: &str) -> Wanted {
        Wanted { name: name.to_owned(), config: config.to_owned() }
    }

    #[test]
    fn versions_are_met_as_cargo_has_it() {
        for (requirement, version) in
            [("0.17", "0.17.2"), ("1", "1.9.0"), ("^1.2", "1.2.3"), ("*", "7.0.0"), ("0.17.1", "0.17.2")]
        {
            assert!(is_met(requirement, version), "{requirement} {version}");
        }
        for (requirement, version) in
            [("0.16", "0.17.2"), ("2", "1.9.0"), ("1.3", "1.2.3"), ("=1.2", "1.2.3"), ("x", "1.0.0")]
        {
            assert!(!is_met(requirement, version), "{requirement} {version}");
        }
    }

    #[test]
    fn what_a_manifest_wants_is_read() {
        let manifest = "[package]\nname = \"ctx\"\n\n[dependencies]\nrand = \"0.9\"\nserde = { version = \"1\", \
                        features = [\"derive\"] }\n";
        assert_eq!(wanted(manifest).len(), 2);
        assert_eq!(wanted(manifest)[0], one("rand", "\"0.9\""));
        assert_eq!(one("rand", "\"0.9\"").specification(), "rand@0.9");
        assert_eq!(one("rand", "{ git = \"https://x\" }").specification(), "rand");
        assert_eq!(one("a", "{ version = \"=1.0\" }").specification(), "a");
    }

    #[test]
    fn crates_that_ours_is_made_of_are_there_already() {
        let folder = tempfile::tempdir().unwrap();
        let library = Library { folder: folder.path().to_owned() };
        library.write_made(&BTreeMap::from([(
            "ndarray".to_owned(),
            Made { version: "0.17.2".to_owned(), features: vec!["std".to_owned()] },
        )]));
        for config in [
            "\"0.17\"",
            "{ version = \"0.17\", default-features = false }",
            "{ version = \"0.17\", features = [\"std\"] }",
        ] {
            assert!(one("ndarray", config).provided_by(&library).is_some(), "{config}");
        }
        for config in ["\"0.16\"", "{ version = \"0.17\", features = [\"rayon\"] }", "{ path = \"../ndarray\" }"] {
            assert!(one("ndarray", config).provided_by(&library).is_none(), "{config}");
        }
        let manifest = "[package]\n[dependencies]\nndarray = \"0.17\"\nlinfa = \"0.8\"\n";
        assert_eq!(without_provided(manifest, &library), "[package]\n[dependencies]\nlinfa = \"0.8\"\n");
    }

    #[test]
    fn the_compiler_is_told_what_cargo_has_made() {
        let said = [
            serde_json::json!({"reason": "build-script-executed", "linked_paths": ["native=/n"]}),
            serde_json::json!({
                "reason": "compiler-artifact", "package_id": "registry+https://x#rand_distr@0.5.0",
                "target": {"name": "rand_distr"},
                "filenames": ["/t/deps/librand_distr-1.rlib", "/t/deps/librand_distr-1.rmeta"],
            }),
            serde_json::json!({
                "reason": "compiler-artifact", "package_id": "registry+https://x#libm@0.2.0",
                "target": {"name": "libm"}, "filenames": ["/t/deps/liblibm-1.rlib"],
            }),
        ];
        let answer = said.map(|message| message.to_string()).join("\n");
        let (arguments, files) = arguments_of(&answer, &[one("rand_distr", "\"0.5\"")], Path::new("/c"));
        let expected = ["-L", "dependency=/c", "-L", "native=/n", "--extern", "rand_distr=/c/librand_distr-1.rlib"];
        assert_eq!(arguments, expected);
        assert_eq!(files, ["/t/deps/librand_distr-1.rlib", "/t/deps/liblibm-1.rlib"].map(PathBuf::from));
    }
}
