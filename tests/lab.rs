//! `maturation lab` and `maturation notebooks` on machines that lack one thing or another. The machines are folders:
//! their Python, cargo and kernel are scripts that answer as the real ones do, and write down what they were asked for.
#![cfg(unix)]

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

const VERSION: &str = env!("CARGO_PKG_VERSION");

const PYTHON: &str = r#"#!/bin/sh
echo "python $*" >> "$DONE"
case "$1 $2" in
    "-c "*import*ensurepip*) printf '3.12\nvenv\n' ;;
    "-m venv") mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
esac
"#;

const KERNEL: &str = r#"#!/bin/sh
echo "kernel $*" >> "$DONE"
[ "$1" != --version ] || echo "maturation-kernel VERSION"
"#;

/// Builds the kernel into the folder after --target-dir.
const CARGO: &str = r#"#!/bin/sh
echo "cargo $*" >> "$DONE"
for target; do :; done
mkdir -p "$target/release/examples"
cp "$KERNEL_TO_BUILD" "$target/release/examples/maturation-kernel"
"#;

struct Machine {
    folder: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

/// Held by the one test that runs: a program that one test writes cannot be started while another test, which starts
/// programs too, holds it open for a moment.
static ALONE: Mutex<()> = Mutex::new(());

impl Machine {
    /// A machine that has this program and nothing else.
    fn bare() -> Machine {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let machine = Machine { folder: tempfile::tempdir().unwrap(), _alone: alone };
        for folder in ["bin", "home", "app"] {
            std::fs::create_dir(machine.path(folder)).unwrap();
        }
        std::fs::copy(env!("CARGO_BIN_EXE_maturation"), machine.path("app/maturation")).unwrap();
        for tool in ["mkdir", "cp"] {
            let found =
                ["/bin", "/usr/bin"].iter().map(|folder| Path::new(folder).join(tool)).find(|path| path.exists());
            std::os::unix::fs::symlink(found.unwrap(), machine.path("bin").join(tool)).unwrap();
        }
        machine
    }

    /// A machine with a Python and with the kernel beside this program.
    fn whole() -> Machine {
        let machine = Machine::bare();
        machine.add("bin/python3", PYTHON);
        machine.add("app/maturation-kernel", &KERNEL.replace("VERSION", VERSION));
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn add(&self, name: &str, script: &str) {
        std::fs::write(self.path(name), script).unwrap();
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path("app/maturation"));
        command.args(arguments).env_clear().current_dir(self.folder.path());
        command.env("PATH", self.path("bin")).env("HOME", self.path("home")).env("DONE", self.path("done"));
        command.env("KERNEL_TO_BUILD", self.path("kernel-to-build"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs the command, which must succeed, and gives what it printed.
    fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the command, which must fail with status 2 and a message that has all `words`.
    fn fails(&self, arguments: &[&str], words: &[&str]) {
        let output = self.run(arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.starts_with("maturation: ") && !message.contains("panicked"), "{message}");
        words.iter().for_each(|word| assert!(message.contains(word), "no '{word}' in: {message}"));
    }

    /// What the scripts were asked for since the last look.
    fn done(&self) -> String {
        let done = std::fs::read_to_string(self.path("done")).unwrap_or_default();
        let _ = std::fs::remove_file(self.path("done"));
        done
    }
}

#[test]
fn a_first_start_sets_up_and_a_second_makes_nothing_anew() {
    let machine = Machine::whole();
    let said = machine.succeeds(&["lab", "--no-browser", "--", "--ServerApp.token=secret"]);
    let cache = machine.path("home/.cache/maturation");
    let environment = cache.join("jupyter");
    for words in ["Python 3.12", "JupyterLab 4.", "takes 1 min", "done in", cache.to_str().unwrap()] {
        assert!(said.contains(words), "no '{words}' in: {said}");
    }
    let done = machine.done();
    let order = [
        "-m venv --clear",
        "-m pip install",
        "binder/requirements.txt",
        &format!("kernel --install --checkout {}", env!("CARGO_MANIFEST_DIR")),
        &format!("--prefix {}", environment.display()),
        "kernel --precompile",
        "-m jupyterlab",
        "--port=",
        "--no-browser",
        "/notebooks --ServerApp.token=secret",
    ];
    let mut rest = done.as_str();
    for words in order {
        rest = rest.split_once(words).unwrap_or_else(|| panic!("no '{words}' in the rest of: {done}")).1;
    }
    assert!(done.contains("--ServerApp.ip=127.0.0.1") && !done.contains("--config"), "the token is the user's: {done}");
    let settings = environment.join("share/jupyter/lab/settings/overrides.json");
    assert!(std::fs::read_to_string(settings).unwrap().contains("fetchNews"));

    let said = machine.succeeds(&["lab", "--no-browser"]);
    assert!(said.contains("done before"), "{said}");
    let done = machine.done();
    assert!(!done.contains("venv --clear") && !done.contains("-m pip") && done.contains("-m jupyterlab"), "{done}");
}

#[test]
fn jupyterlab_listens_on_this_machine_alone_and_asks_for_a_token() {
    let machine = Machine::whole();
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let said = machine.succeeds(&["lab", "--no-browser"]);
        let done = machine.done();
        assert!(done.contains("--ServerApp.ip=127.0.0.1"), "{done}");
        let file = done.split_once("--config=").unwrap().1.split_whitespace().next().unwrap();
        let mode = std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
        let folder = Path::new(file).parent().unwrap();
        assert_eq!(std::fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700, "{}", folder.display());
        let settings = std::fs::read_to_string(file).unwrap();
        let token = settings.split('"').nth(5).unwrap().to_owned();
        assert_eq!(token.len(), 48, "{settings}");
        for words in ["http://127.0.0.1:", &format!("/lab?token={token}"), "this machine alone"] {
            assert!(said.contains(words), "no '{words}' in: {said}");
        }
        assert!(!done.contains(&token), "other users see what a program is started with: {done}");
        tokens.push(token);
    }
    assert_ne!(tokens[0], tokens[1]);

    let said = machine.succeeds(&["lab", "--no-browser", "--", "--ServerApp.ip=localhost"]);
    let done = machine.done();
    assert!(said.contains("token=") && done.matches("ServerApp.ip").count() == 1, "Jupyter takes one: {done}");
    machine.fails(&["lab", "--", "--ServerApp.ip=0.0.0.0"], &["0.0.0.0", "other machines", "ssh -L"]);
    machine.fails(&["lab", "--", "--ServerApp.token="], &["token", "every user", "leave it out"]);
    assert_eq!(machine.done(), "", "nothing was started");
}

#[test]
fn an_environment_is_made_anew_when_it_was_made_from_something_else() {
    let machine = Machine::whole();
    machine.succeeds(&["lab"]);
    machine.done();
    std::fs::write(machine.path("home/.cache/maturation/jupyter/made-from.txt"), "jupyterlab==1.0").unwrap();
    machine.succeeds(&["lab"]);
    let done = machine.done();
    assert!(done.contains("venv --clear") && done.contains("-m pip"), "{done}");
}

#[test]
fn a_dry_run_tells_the_plan_and_changes_nothing() {
    let machine = Machine::whole();
    for command in [["lab", "--dry-run"], ["notebooks", "--dry-run"]] {
        let said = machine.succeeds(&command);
        assert!(said.contains("virtual environment") && said.contains("takes"), "{said}");
        let done = machine.done();
        assert!(!done.contains("-m ") && !done.contains("--precompile"), "{done}");
    }
    assert_eq!(std::fs::read_dir(machine.path("home")).unwrap().count(), 0);
}

#[test]
fn a_missing_python_is_named() {
    let machine = Machine::whole();
    std::fs::remove_file(machine.path("bin/python3")).unwrap();
    machine.fails(&["lab"], &["no Python", "3.11 or later", "--python"]);
    machine.fails(&["lab", "--python", "nowhere/python"], &["nowhere/python", "does not answer"]);
}

#[test]
fn an_old_python_is_named_unless_a_newer_one_is_there_too() {
    let machine = Machine::whole();
    machine.add("bin/python3", "#!/bin/sh\nprintf '3.8\\nvenv\\n'\n");
    machine.fails(&["lab"], &["bin/python3 is Python 3.8", "too old", "3.11 or later"]);
    machine.add("bin/python3.12", PYTHON);
    let said = machine.succeeds(&["lab", "--dry-run"]);
    assert!(said.contains("bin/python3.12"), "{said}");
}

#[test]
fn a_python_without_its_venv_module_is_named() {
    let machine = Machine::whole();
    machine.add("bin/python3", "#!/bin/sh\necho 3.13\n");
    machine.fails(&["lab"], &["bin/python3", "virtual environments", "apt install python3-venv"]);
}

#[test]
fn the_words_of_a_failing_pip_are_shown_and_the_next_start_tries_again() {
    let machine = Machine::whole();
    let offline = "    \"-m pip\") echo 'No matching distribution' >&2; exit 1 ;;\nesac";
    machine.add("bin/python3", &PYTHON.replace("esac", offline));
    machine.fails(&["lab"], &["pip could not install JupyterLab", "No matching distribution", "connection"]);
    machine.add("bin/python3", PYTHON);
    machine.done();
    machine.succeeds(&["lab"]);
    assert!(machine.done().contains("-m pip"));
}

#[test]
fn a_port_in_use_is_named() {
    let machine = Machine::whole();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    machine.fails(&["lab", "--port", &port], &[&port, "in use", "--port"]);
    assert!(!machine.path("home/.cache").exists(), "nothing is set up in vain");
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let machine = Machine::whole();
    // A file where a folder should be stops even the superuser, which permissions do not.
    std::fs::write(machine.path("home/.cache"), "").unwrap();
    machine.fails(&["lab"], &["cannot write", "home/.cache/maturation", "MATURATION_CACHE"]);
    let output = machine.command(&["lab"]).env("MATURATION_CACHE", machine.path("elsewhere")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(machine.path("elsewhere/jupyter").is_dir());
}

#[test]
fn a_checkout_of_another_version_is_named() {
    let machine = Machine::whole();
    let manifest = "[package]\nname = \"maturation\"\nversion = \"99.0.0\"\n";
    std::fs::write(machine.path("app/Cargo.toml"), manifest).unwrap();
    machine.fails(&["lab"], &[VERSION, "99.0.0", "cargo run --release -- lab"]);
}

#[test]
fn a_kernel_of_another_version_is_replaced_if_cargo_is_there_and_named_if_not() {
    let machine = Machine::whole();
    machine.add("app/maturation-kernel", &KERNEL.replace("VERSION", "0.0.1"));
    machine.fails(&["lab"], &["maturation-kernel is of version 0.0.1", VERSION, "rustup"]);
    std::fs::remove_file(machine.path("app/maturation-kernel")).unwrap();
    machine.fails(&["lab"], &["no maturation-kernel", "rustup"]);

    // Among cargo's outputs, cargo is asked, whatever version lies there.
    std::fs::create_dir_all(machine.path("target/release")).unwrap();
    std::fs::write(machine.path("target/CACHEDIR.TAG"), "").unwrap();
    std::fs::rename(machine.path("app/maturation"), machine.path("target/release/maturation")).unwrap();
    std::fs::remove_dir(machine.path("app")).unwrap();
    std::os::unix::fs::symlink("target/release", machine.path("app")).unwrap();
    machine.add("bin/cargo", CARGO);
    machine.add("kernel-to-build", &KERNEL.replace("VERSION", VERSION));
    machine.done();
    machine.succeeds(&["lab"]);
    let done = machine.done();
    assert!(
        done.contains("cargo build --locked --release --example maturation-kernel") && done.contains("--precompile"),
        "{done}"
    );

    machine.add("kernel-to-build", &KERNEL.replace("VERSION", "0.0.2"));
    machine.fails(&["lab"], &["version 0.0.2", VERSION]);
}

#[test]
fn wrong_folders_and_notebooks_are_named() {
    let machine = Machine::whole();
    machine.fails(&["lab", "--dir", "nowhere"], &["nowhere", "--dir"]);
    machine.fails(&["notebooks", "no-such"], &["no-such", "01-maturation"]);
    machine.fails(&["notebooks", "--dir", "nowhere"], &["nowhere", "--dir"]);
}

#[test]
fn notebooks_are_handed_to_the_environment_and_a_failure_is_passed_on() {
    let machine = Machine::whole();
    machine.succeeds(&["notebooks", "01-maturation", "--out", "pages"]);
    let done = machine.done();
    let last = done.rsplit_once("--kernel").unwrap().1;
    assert!(last.contains("maturation --out pages") && last.trim_end().ends_with("01-maturation.ipynb"), "{last}");
    let environment = machine.path("home/.cache/maturation/jupyter/bin/python");
    std::fs::write(environment, "#!/bin/sh\nexit 1\n").unwrap();
    machine.fails(&["notebooks", "01-maturation"], &["not all notebooks"]);
}
