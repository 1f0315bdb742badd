//! Interrupts: Jupyter sends the signal to all processes of a kernel at once.
//!
//! A compilation ends by it. The kernel and the process that runs the cells survive it: a cell that looks for it, as
//! training does, ends by itself, and all variables stay. A second interrupt soon after the first ends the process that
//! runs the cells, and its variables with it, whatever the cell does.

use std::io::Write;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::SIGINT;

use crate::workplace::Workplace;

/// Two interrupts within this time mean: now.
const SOON: Duration = Duration::from_secs(4);

/// From here on this process survives interrupts, each of which raises the flag. What it starts does not inherit that,
/// which a signal that is merely ignored would be.
pub fn survive() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    // Where signals cannot be handled, an interrupt ends the process, as it would any other.
    let _ = signal_hook::flag::register(SIGINT, interrupted.clone());
    interrupted
}

/// Survives interrupts, and ends the process that runs the cells at the second one soon after the first.
pub fn watch(workplace: Workplace) {
    let interrupted = survive();
    std::thread::spawn(move || {
        let mut last: Option<Instant> = None;
        loop {
            std::thread::sleep(Duration::from_millis(100));
            if !interrupted.swap(false, Ordering::Relaxed) {
                continue;
            }
            if last.is_some_and(|before| before.elapsed() < SOON) {
                end_cells(&workplace);
            }
            last = Some(Instant::now());
        }
    });
}

/// Ends the process that runs the cells. evcxr starts another one, whose first word says what happened.
fn end_cells(workplace: &Workplace) {
    let Ok(number) = std::fs::read_to_string(workplace.runtime_number()) else { return };
    // Its answer is of no interest: while Jupyter ends the kernel, the process may be gone already.
    let ended = Command::new("kill").args(["-KILL", number.trim()]).output();
    if ended.is_ok_and(|output| output.status.success()) {
        std::thread::sleep(Duration::from_millis(500));
        if let Ok(mut notices) = std::fs::File::options().append(true).open(workplace.notices()) {
            let _ = writeln!(
                notices,
                "Interrupted twice: the cell was ended, and all variables are lost. Run the notebook from its first cell."
            );
        }
    }
}
