//! The process that runs the cells.

use std::io::{Read, Seek, SeekFrom};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::interrupt;
use crate::kernel::FOLDER_SOCKET;
use crate::problem::Problem;
use crate::workplace::Workplace;

/// Set where the process has the environment and the folder of the notebook.
const SETTLED: &str = "MATURATION_KERNEL_SETTLED";

/// Whether evcxr started this process to run cells.
pub fn is_wanted() -> bool {
    std::env::var_os("EVCXR_IS_RUNTIME").is_some()
}

/// Runs cells until evcxr has no more.
pub fn run(workplace: &Workplace) -> Result<ExitCode, Problem> {
    if std::env::var_os(SETTLED).is_none() {
        return Err(settle(workplace)?);
    }
    let path = workplace.runtime_number();
    let number = std::process::id().to_string();
    std::fs::write(&path, number).map_err(Problem::io("write", &path, "Is the disk full? Restart the kernel"))?;
    interrupt::survive();
    show_notices(workplace.notices());
    evcxr::runtime_hook();
    Ok(ExitCode::SUCCESS)
}

/// Starts this process again, in the folder and with the environment that the notebook should see. Comes back only if
/// that fails.
fn settle(workplace: &Workplace) -> Result<Problem, Problem> {
    let setting = workplace.setting()?;
    if std::env::current_dir().is_ok_and(|folder| folder == workplace.folder) && setting.notebook != workplace.folder {
        // The kernel began here because evcxr takes its settings from the folder that it starts in. Now that it has them
        // it moves, and by the end of this stream it has.
        let path = PathBuf::from(FOLDER_SOCKET);
        let failed = || Problem::io("connect to", &path, "Restart the kernel");
        let mut stream = UnixStream::connect(&path).map_err(failed())?;
        stream.read_to_end(&mut Vec::new()).map_err(failed())?;
    }
    let program = std::env::current_exe().map_err(Problem::io("find", &workplace.folder, "Restart the kernel"))?;
    let mut command = Command::new(&program);
    let (variable, folders) = setting.shared_libraries();
    command.args(std::env::args_os().skip(1)).current_dir(&setting.notebook).env(SETTLED, "1").env(variable, folders);
    setting.before.restore(&mut command);
    Ok(Problem::io("run", &program, "Restart the kernel")(command.exec()))
}

/// Writes what is added to the notices from now on to standard error, which evcxr hands on to the notebook at once.
fn show_notices(path: PathBuf) {
    std::thread::spawn(move || {
        let Ok(mut file) = std::fs::File::open(path) else { return };
        let _ = file.seek(SeekFrom::End(0));
        loop {
            let mut text = String::new();
            if file.read_to_string(&mut text).is_ok() && !text.is_empty() {
                eprint!("{text}");
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    });
}
