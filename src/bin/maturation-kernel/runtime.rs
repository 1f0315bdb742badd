//! The process that runs the cells.

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::forward::forward;
use crate::interrupt;
use crate::kernel::FOLDER_SOCKET;
use crate::problem::Problem;
use crate::sandbox::Sandbox;

/// Set where the process has the environment and the folder of the notebook.
const SETTLED: &str = "MATURATION_KERNEL_SETTLED";

/// Whether evcxr started this process to run cells.
pub fn is_wanted() -> bool {
    std::env::var_os("EVCXR_IS_RUNTIME").is_some()
}

/// Runs cells until evcxr has no more.
pub fn run(sandbox: &Sandbox) -> Result<ExitCode, Problem> {
    if std::env::var_os(SETTLED).is_none() {
        return Err(settle(sandbox)?);
    }
    let path = sandbox.runtime_number();
    let number = std::process::id().to_string();
    std::fs::write(&path, number).map_err(Problem::io("write", &path, "Is the disk full? Restart the kernel"))?;
    interrupt::survive();
    forward_output().map_err(Problem::io("hand on", Path::new("what cells print"), "Restart the kernel"))?;
    evcxr::runtime_hook();
    Ok(ExitCode::SUCCESS)
}

/// From here on what this process prints goes to evcxr by way of [`forward`].
fn forward_output() -> std::io::Result<()> {
    let evcxr = std::fs::File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    let (source, printed) = std::io::pipe()?;
    rustix::stdio::dup2_stdout(&printed)?;
    std::thread::spawn(move || forward(source, std::io::BufWriter::new(evcxr), std::io::stderr()));
    Ok(())
}

/// Starts this process again, in the folder and with the environment that the notebook should see. Comes back only if
/// that fails.
fn settle(sandbox: &Sandbox) -> Result<Problem, Problem> {
    let setting = sandbox.setting()?;
    if std::env::current_dir().is_ok_and(|folder| folder == sandbox.folder) && setting.notebook != sandbox.folder {
        // The kernel began here because evcxr takes its settings from the folder that it starts in. Now that it has
        // them it moves, and by the end of this stream it has.
        let path = PathBuf::from(FOLDER_SOCKET);
        let failed = || Problem::io("connect to", &path, "Restart the kernel");
        let mut stream = UnixStream::connect(&path).map_err(failed())?;
        stream.read_to_end(&mut Vec::new()).map_err(failed())?;
    }
    let program = std::env::current_exe().map_err(Problem::io("find", &sandbox.folder, "Restart the kernel"))?;
    let mut command = Command::new(&program);
    let (variable, folders) = setting.shared_libraries();
    command.args(std::env::args_os().skip(1)).current_dir(&setting.notebook).env(SETTLED, "1").env(variable, folders);
    setting.before.restore(&mut command);
    // evcxr asks for backtraces, which tell of its own inside.
    command.env("RUST_BACKTRACE", "0");
    Ok(Problem::io("run", &program, "Restart the kernel")(command.exec()))
}
