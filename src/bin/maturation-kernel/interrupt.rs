//! Interrupts: Jupyter sends the signal to all processes of a kernel at once.
//!
//! A compilation ends by it. The kernel and the process that runs the cells survive it: a cell that looks for it, as
//! training does, ends by itself, and all variables stay. A second interrupt soon after the first ends the process that
//! runs the cells, and its variables with it, whatever the cell does.

use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::workplace::Workplace;

/// The signal's number, the same on Linux and macOS.
const SIGINT: i32 = 2;

/// Two interrupts within this time mean: now.
const SOON: Duration = Duration::from_secs(4);

static INTERRUPTS: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
}

extern "C" fn note(_: i32) {
    INTERRUPTS.fetch_add(1, Ordering::Relaxed);
}

/// From here on this process survives interrupts. What it starts does not inherit that, which a signal that is merely
/// ignored would be.
pub fn survive() {
    // SAFETY: the handler only adds to an atomic number, which a signal may interrupt anything for.
    unsafe { signal(SIGINT, note) };
}

/// Survives interrupts, and ends the process that runs the cells at the second one soon after the first.
pub fn watch(workplace: Workplace) {
    survive();
    std::thread::spawn(move || {
        let mut last: Option<(usize, Instant)> = None;
        loop {
            std::thread::sleep(Duration::from_millis(100));
            let (count, now) = (INTERRUPTS.load(Ordering::Relaxed), Instant::now());
            let seen = last.map_or(0, |(seen, _)| seen);
            if count == seen {
                continue;
            }
            if last.is_some_and(|(_, before)| now.duration_since(before) < SOON) {
                end_cells(&workplace);
            }
            last = Some((count, now));
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
