//! What can go wrong, in words that tell what to do.

use std::path::{Path, PathBuf};

/// Why the kernel cannot do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A file or folder that could not be read or written.
    #[error("cannot {action} `{}`: {source}. {remedy}", .path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
        /// What to do.
        remedy: &'static str,
    },

    /// Neither a home folder nor a variable that names the folder that is needed.
    #[error("this account has no home folder (HOME is not set): set {variable} to a folder for {purpose}")]
    NoHome {
        /// The variable to set.
        variable: &'static str,
        /// What the folder is for.
        purpose: &'static str,
    },

    /// A program that is needed and absent.
    #[error("cannot find `{program}`: {remedy}")]
    NoProgram {
        /// The program.
        program: &'static str,
        /// What to do.
        remedy: &'static str,
    },

    /// The crate is not where it was when the kernel was installed.
    #[error(
        "the crate maturation is no longer in `{}`, where this kernel was installed from. Either move it back, or go \
         to where it is now and run `{INSTALL}`", .0.display()
    )]
    Moved(PathBuf),

    /// The crate beside the notebook, or where the kernel was installed from, is another version than the kernel.
    #[error(
        "this kernel is maturation {kernel}, but the crate in `{}` is {found}. Install the kernel of that version: go \
         to that folder and run `{INSTALL}`, then restart the kernel", .folder.display()
    )]
    OtherVersion {
        /// The kernel's version.
        kernel: &'static str,
        /// The crate's version.
        found: String,
        /// The crate's folder.
        folder: PathBuf,
    },

    /// The kernel was started without the file in which Jupyter says where to talk to it.
    #[error("the kernel is started by Jupyter, with a connection file")]
    NoConnection,

    /// A file that does not hold what it should.
    #[error("`{}` cannot be understood: {reason}. {remedy}", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What was wrong.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },

    /// evcxr, or a cell that must work, failed.
    #[error("{what} failed:\n{message}")]
    Failed {
        /// What was being done.
        what: String,
        /// The reason.
        message: String,
    },
}

/// The command that installs the kernel, run in the crate's folder.
pub const INSTALL: &str = "cargo run --release --features kernel --bin maturation-kernel -- --install";

impl Problem {
    /// A file or folder that could not be read or written.
    pub fn io(action: &'static str, path: &Path, remedy: &'static str) -> impl FnOnce(std::io::Error) -> Problem {
        let path = path.to_owned();
        move |source| Problem::Io { action, path, source, remedy }
    }
}
