//! Where the crate is running, and being interrupted there.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// Whether this is a cell of a Rust notebook: evcxr tells its children so.
pub(crate) fn is_notebook() -> bool {
    std::env::var_os("EVCXR_IS_RUNTIME").is_some()
}

/// Interruptions of the notebook's kernel so far.
static INTERRUPTIONS: AtomicU64 = AtomicU64::new(0);

/// Looks for interruptions of a notebook's kernel that come after it was made. Elsewhere Ctrl-C belongs to the program.
///
/// The kernel hands an interruption on to the process that runs the cells, and tells the notebook if the cell goes on
/// all the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interruption {
    counted: &'static AtomicU64,
    /// Those that came before: they were meant for other cells.
    before: u64,
}

impl Interruption {
    /// Looks from now on.
    pub(crate) fn watch() -> Self {
        if is_notebook() {
            static HANDLER: Once = Once::new();
            // Where no handler can be set, a notebook works as before, without interruptions.
            HANDLER.call_once(|| drop(ctrlc::set_handler(interrupt)));
        }
        let counted = counted();
        Interruption { counted, before: counted.load(Ordering::Relaxed) }
    }

    /// Whether the kernel was interrupted.
    pub(crate) fn requested(&self) -> bool {
        self.counted.load(Ordering::Relaxed) != self.before
    }

    /// An error if the kernel was interrupted.
    pub(crate) fn check(&self) -> Result<()> {
        if self.requested() { Err(Error::interrupted()) } else { Ok(()) }
    }
}

#[cfg(not(test))]
fn counted() -> &'static AtomicU64 {
    &INTERRUPTIONS
}

#[cfg(test)]
fn counted() -> &'static AtomicU64 {
    tests::OWN.get().unwrap_or(&INTERRUPTIONS)
}

fn interrupt() {
    INTERRUPTIONS.fetch_add(1, Ordering::Relaxed);
}

/// The items, each but for an interruption, which ends them.
pub(crate) fn unless_interrupted<T>(items: impl IntoIterator<Item = T>) -> impl Iterator<Item = Result<T>> {
    let interruption = Interruption::watch();
    items.into_iter().map(move |item| interruption.check().map(|()| item))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use super::*;

    thread_local! {
        /// Interruptions of this thread's work alone: other tests run at the same time.
        pub(super) static OWN: Cell<Option<&'static AtomicU64>> = const { Cell::new(None) };
    }

    /// Has `work` interrupted a millisecond after it began, and again and again.
    pub(crate) fn interrupted<T>(work: impl FnOnce() -> T) -> T {
        let own: &'static AtomicU64 = Box::leak(Box::default());
        OWN.set(Some(own));
        let done = AtomicBool::new(false);
        let result = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(1));
                    own.fetch_add(1, Ordering::Relaxed);
                }
            });
            let result = work();
            done.store(true, Ordering::Relaxed);
            result
        });
        OWN.set(None);
        result
    }

    #[test]
    fn an_interruption_ends_what_began_before_it_and_nothing_after() {
        let elsewhere = Interruption::watch();
        let own: &'static AtomicU64 = Box::leak(Box::default());
        OWN.set(Some(own));
        let early = Interruption::watch();
        let mut items = unless_interrupted(0..);
        assert!(matches!(items.next(), Some(Ok(0))));
        own.fetch_add(1, Ordering::Relaxed);
        let late = Interruption::watch();
        assert!(early.check().is_err_and(|error| error.is_interrupted()));
        assert!(items.next().is_some_and(|item| item.is_err_and(|error| error.is_interrupted())));
        assert!(late.check().is_ok(), "it was not meant for what comes after");
        assert!(!elsewhere.requested());
        OWN.set(None);
        interrupted(|| {
            let begun = Interruption::watch();
            while !begun.requested() {
                std::thread::yield_now();
            }
        });
    }
}
