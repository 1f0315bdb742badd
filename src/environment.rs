//! Where the crate is running, and being interrupted there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Whether this is a cell of a Rust notebook: evcxr tells its children so.
pub(crate) fn is_notebook() -> bool {
    std::env::var_os("EVCXR_IS_RUNTIME").is_some()
}

/// What an interruption of the notebook's kernel ends.
static WATCHED: Mutex<Vec<Weak<AtomicBool>>> = Mutex::new(Vec::new());

/// Asked for within this time again, an interruption that nothing heeded ends the process.
const INSIST: Duration = Duration::from_secs(5);

/// Heeds interruptions of a notebook's kernel for as long as it lives. Elsewhere Ctrl-C belongs to the program.
pub(crate) struct Interruption(Arc<AtomicBool>);

impl Interruption {
    /// Raises `flag` when the kernel is interrupted.
    pub(crate) fn raises(flag: Arc<AtomicBool>) -> Self {
        if is_notebook() {
            static HANDLER: Once = Once::new();
            // Where no handler can be set, a notebook works as before, without interruptions.
            HANDLER.call_once(|| drop(ctrlc::set_handler(handler())));
            watched().push(Arc::downgrade(&flag));
        }
        Interruption(flag)
    }

    /// Whether the kernel was interrupted.
    pub(crate) fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Interruption {
    fn drop(&mut self) {
        watched().retain(|flag| flag.upgrade().is_some_and(|flag| !Arc::ptr_eq(&flag, &self.0)));
    }
}

fn watched() -> std::sync::MutexGuard<'static, Vec<Weak<AtomicBool>>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn handler() -> impl FnMut() + 'static + Send {
    let mut unheeded: Option<Instant> = None;
    move || {
        if raise_all() {
            unheeded = None;
        } else if unheeded.is_some_and(|moment| moment.elapsed() < INSIST) {
            std::process::exit(130);
        } else {
            unheeded = Some(Instant::now());
            println!("this cell cannot be stopped half-way; interrupt again to end it, which loses all variables");
        }
    }
}

/// Raises every watched flag that is not up yet; whether there was one.
fn raise_all() -> bool {
    // Not `any`, which would stop at the first.
    watched().iter().filter_map(Weak::upgrade).filter(|flag| !flag.swap(true, Ordering::Relaxed)).count() > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_watched_is_raised_and_forgotten_afterwards() {
        let flags = [false, false].map(|up| Arc::new(AtomicBool::new(up)));
        let watch = |flag: &Arc<AtomicBool>| {
            watched().push(Arc::downgrade(flag));
            Interruption(flag.clone())
        };
        let interruptions = flags.each_ref().map(watch);
        assert!(interruptions.iter().all(|interruption| !interruption.requested()));
        assert!(raise_all());
        assert!(interruptions.iter().all(Interruption::requested));
        assert!(!raise_all(), "heeded once, a second interruption finds nothing to raise");
        drop(interruptions);
        assert!(watched().is_empty());
    }
}
