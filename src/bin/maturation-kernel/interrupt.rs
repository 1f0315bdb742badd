//! Interrupts. Jupyter sends the kernel a message; what is done depends on what a cell is at.
//!
//! A compilation is ended. A cell that runs is told by a signal, at which training and the long analyses end by
//! themselves. A kernel that is idle does nothing. The process that runs the cells is never ended, and so no variable
//! is ever lost: a cell that does not look for interrupts goes on, and the notebook is told so.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use signal_hook::consts::SIGINT;

use crate::console::{Console, Stream};
use crate::sandbox::Sandbox;

/// How long a cell has to end before the notebook is told that it does not.
const PATIENCE: Duration = Duration::from_secs(3);

/// The number of the cell that runs, and, in between, of the one that ran.
static CELL: AtomicU64 = AtomicU64::new(0);

/// From here on this process survives interrupts by the signal, such as one from a terminal. What it starts does not
/// inherit that, which a signal that is merely ignored would be.
pub fn survive() {
    let interrupted = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    // Where signals cannot be handled, an interrupt ends the process, as it would any other.
    let _ = signal_hook::flag::register(SIGINT, interrupted);
}

/// A cell, from its first compilation to its end.
pub struct Running {
    sandbox: Sandbox,
}

/// A cell begins.
pub fn begin(sandbox: &Sandbox) -> Running {
    for path in [sandbox.is_stopped(), sandbox.is_compiled(), sandbox.compiler_number()] {
        let _ = std::fs::remove_file(path);
    }
    // Odd numbers are those of cells that run.
    CELL.fetch_add(1, Ordering::SeqCst);
    Running { sandbox: sandbox.clone() }
}

impl Running {
    /// The cell has ended; tells whether it was stopped before it ran.
    pub fn end(self) -> bool {
        CELL.fetch_add(1, Ordering::SeqCst);
        self.sandbox.is_stopped().exists()
    }
}

/// Whether the cell that has just ended was compiled, and so ran.
pub fn has_run(sandbox: &Sandbox) -> bool {
    sandbox.is_compiled().exists()
}

/// Interrupts the cell that runs, if one does.
pub fn interrupt(sandbox: &Sandbox, console: &std::sync::Arc<Console>) {
    let cell = CELL.load(Ordering::SeqCst);
    if cell.is_multiple_of(2) {
        return;
    }
    if !has_run(sandbox) {
        // Whatever compiles from here on for this cell ends at once.
        let _ = std::fs::write(sandbox.is_stopped(), "");
        end_compilation(sandbox);
        return;
    }
    let Ok(number) = std::fs::read_to_string(sandbox.runtime_number()) else { return };
    signal("-INT", number.trim());
    let console = console.clone();
    std::thread::spawn(move || {
        std::thread::sleep(PATIENCE);
        if CELL.load(Ordering::SeqCst) == cell {
            console.say(
                Stream::Output,
                "This cell does not look for interrupts, and goes on to its end. Kernel → Restart ends it at once, and \
                 all variables with it.\n",
            );
        }
    });
}

/// Ends what is compiled.
pub fn end_compilation(sandbox: &Sandbox) {
    if let Ok(number) = std::fs::read_to_string(sandbox.compiler_number()) {
        // The whole group of processes.
        signal("-INT", &format!("-{}", number.trim()));
    }
}

/// Ends the process that runs the cells.
pub fn end_cells(sandbox: &Sandbox) {
    if let Ok(number) = std::fs::read_to_string(sandbox.runtime_number()) {
        signal("-KILL", number.trim());
    }
}

fn signal(name: &str, number: &str) {
    // Its answer is of no interest: the process may be gone already.
    let _ = Command::new("kill").args([name, "--", number]).output();
}
