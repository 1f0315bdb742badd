//! The kernel: evcxr's, in a folder of its own that holds everything compiled beforehand.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::cache::Cache;
use crate::cell::{Cells, Outcome};
use crate::checkout::{BUILT_FROM, Checkout};
use crate::jupyter::{CARGO_VARIABLE, CHECKOUT_VARIABLE};
use crate::problem::Problem;
use crate::sandbox::Sandbox;
use crate::setting::Setting;
use crate::{interrupt, server, session};

/// Where the process that runs the cells waits for the kernel to move into the notebook's folder.
pub const FOLDER_SOCKET: &str = "folder.socket";

/// Prepares a folder for a kernel that serves the notebook in the current folder, and becomes that kernel, started with
/// these arguments. Comes back only if that fails.
pub fn start(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Problem, Problem> {
    let notebook =
        std::env::current_dir().map_err(Problem::io("find", Path::new("."), "Start the kernel elsewhere"))?;
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let installed_from = variable(CHECKOUT_VARIABLE).unwrap_or_else(|| PathBuf::from(BUILT_FROM));
    let checkout = Checkout::of_notebook(&notebook, &installed_from).and_then(Checkout::of_this_version);
    let mut setting = Setting::new(notebook, checkout.as_ref(), variable(CARGO_VARIABLE).as_deref())?;
    let cache = Cache::of_user()?;
    session::sweep(&cache.sessions());
    let sandbox = session::open(&cache)?;
    let load = match &checkout {
        Ok(checkout) => cache.is_precompiled_for(checkout, &setting) && session::fill(&cache, &sandbox, &mut setting)?,
        Err(_) => false,
    };
    sandbox.furnish(&setting, load)?;
    let mut command = sandbox.command(&setting)?;
    command.args(arguments);
    Ok(Problem::io("start", &sandbox.folder, "Restart the kernel")(command.exec()))
}

/// Is the kernel, until Jupyter ends it.
pub fn serve(connection_file: &Path, sandbox: &Sandbox) -> Result<ExitCode, Problem> {
    work(sandbox, || server::serve(connection_file, sandbox))
}

/// Runs cells that come by standard input, each a line of JSON with its `code`, and says of each on standard output, in
/// a line of JSON too, what it `printed`, its `content`, and why it failed (`failure`), if it did.
pub fn serve_lines(sandbox: &Sandbox) -> Result<ExitCode, Problem> {
    work(sandbox, || {
        let printed = Arc::new(Mutex::new(String::new()));
        let kept = printed.clone();
        let mut cells = Cells::open(sandbox, move |_, text| {
            kept.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
        })?;
        let mut answers = std::io::stdout();
        for line in std::io::stdin().lines() {
            let line = line.map_err(Problem::io("read", Path::new("standard input"), "Try again"))?;
            let request: Value = serde_json::from_str(&line).unwrap_or_default();
            let Outcome { content, failure } =
                cells.run(request["code"].as_str().unwrap_or_default(), &|_, _| String::new());
            let printed = std::mem::take(&mut *printed.lock().unwrap_or_else(PoisonError::into_inner));
            let failure = failure.map(|failure| failure.text);
            let answer = json!({"printed": printed, "content": content, "failure": failure});
            writeln!(answers, "{answer}").map_err(Problem::io("write", Path::new("standard output"), "Try again"))?;
        }
        Ok(())
    })
}

/// Works in a folder until the work ends, and takes the folder away.
fn work(sandbox: &Sandbox, work: impl FnOnce() -> Result<(), Problem>) -> Result<ExitCode, Problem> {
    let _occupied = session::occupy(sandbox)?;
    interrupt::survive();
    move_when_settings_are_read(sandbox)?;
    let served = work();
    interrupt::end_compilation(sandbox);
    interrupt::end_cells(sandbox);
    let cleared = std::fs::remove_dir_all(&sandbox.folder);
    served?;
    cleared.map_err(Problem::io("remove", &sandbox.folder, "Remove it by hand"))?;
    Ok(ExitCode::SUCCESS)
}

/// Moves this process into the notebook's folder as soon as evcxr has read its settings from this one. evcxr starts the
/// process that runs the cells right then, and that process waits for the move.
fn move_when_settings_are_read(sandbox: &Sandbox) -> Result<(), Problem> {
    let path = Path::new(FOLDER_SOCKET);
    let listener = UnixListener::bind(path).map_err(Problem::io("make", path, "Restart the kernel"))?;
    let notebook = sandbox.setting()?.notebook;
    std::thread::spawn(move || {
        if let Ok((_stream, _)) = listener.accept()
            && let Err(error) = std::env::set_current_dir(&notebook)
        {
            eprintln!("maturation-kernel: cannot work in {}: {error}", notebook.display());
        }
    });
    Ok(())
}
