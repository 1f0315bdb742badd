//! Where the crate is running.

/// Whether this is a cell of a Rust notebook: evcxr tells its children so.
pub(crate) fn is_notebook() -> bool {
    std::env::var_os("EVCXR_IS_RUNTIME").is_some()
}
