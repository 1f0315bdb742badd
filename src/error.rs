//! The one error of the crate.
//!
//! Every message says what was wrong, where, and what to do about it, because in a notebook the message is all that
//! a reader sees.

use std::path::{Path, PathBuf};

/// What went wrong, where, and what to do.
///
/// Its words are for a reader. A program asks it:
///
/// ```
/// use maturation::prelude::*;
///
/// let error = Run::open("runs/not-there").unwrap_err();
/// assert!(error.is_missing_file());
/// assert!(error.path().is_some_and(|path| path.starts_with("runs/not-there")));
///
/// let error = "ordd".parse::<Rule>().unwrap_err();
/// assert!(error.is_unknown_name());
/// assert!(error.to_string().contains("odrd"));
/// ```
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Kind>);

/// Its words, as `unwrap` and a program's end show it; with `#` what it is made of.
impl std::fmt::Debug for Error {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if formatter.alternate() { std::fmt::Debug::fmt(&self.0, formatter) } else { write!(formatter, "{self}") }
    }
}

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of this kind. (`From` would leave the compiler a choice at each `?` of a closure.)
    pub(crate) fn of(kind: Kind) -> Self {
        Error(Box::new(kind))
    }

    /// An impossible hyper-parameter.
    pub(crate) fn hyperparameter(key: &str, value: impl std::fmt::Display, expected: impl Into<String>) -> Self {
        Error::of(Kind::Hyperparameter { key: key.to_owned(), value: value.to_string(), expected: expected.into() })
    }

    /// A name that is not among `choices`.
    pub(crate) fn unknown_name(
        kind: &'static str,
        name: &str,
        choices: impl IntoIterator<Item = impl std::fmt::Display>,
    ) -> Self {
        let choices = choices.into_iter().map(|choice| choice.to_string()).collect();
        Error::of(Kind::UnknownName { kind, name: name.to_owned(), choices })
    }

    /// An argument that cannot be worked with: what is wrong, and what to do. Tasks, cells and cost terms of your own
    /// refuse by it.
    pub fn argument(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Error::of(Kind::Argument { what: what.into(), remedy: remedy.into() })
    }

    /// A system error on a path, with the remedy that fits its kind.
    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let remedy = match source.kind() {
            ErrorKind::NotFound => "Check the path",
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                "Choose a folder that you may write to, or change its permissions"
            }
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                "Free some disk space and run the same command again: nothing that was finished is lost"
            }
            ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::AlreadyExists => {
                "A file stands where a folder should be, or the reverse: choose another path"
            }
            _ => "Check the path and the disk, then run the same command again",
        };
        Error::of(Kind::Io { action, path: path.to_owned(), source, remedy })
    }

    /// A file whose content is not usable.
    pub(crate) fn file(path: &Path, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Error::of(Kind::File { path: path.to_owned(), problem: problem.into(), remedy: remedy.into() })
    }

    /// The same error, said of the file whose content led to it; one that names a file already stays as it is.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        match *self.0 {
            Kind::Argument { what, remedy } => {
                let mut rest = remedy.chars();
                let first = rest.next().map_or_else(String::new, |first| first.to_uppercase().to_string());
                Error::file(path, what, first + rest.as_str())
            }
            Kind::File { .. } | Kind::Io { .. } => self,
            other => Error::file(path, other.to_string(), "Correct the file"),
        }
    }

    /// An operation of the tensor library that failed.
    pub(crate) fn device(operation: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Error::of(Kind::Device { operation, source: source.into() })
    }

    /// A picture that the browser did not make.
    pub(crate) fn picture(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Error::of(Kind::Picture { problem: problem.into(), remedy: remedy.into() })
    }

    /// A table operation that failed.
    pub(crate) fn table(operation: impl Into<String>) -> impl FnOnce(polars::error::PolarsError) -> Self {
        let operation = operation.into();
        move |source| Error::of(Kind::Table { operation, source })
    }

    /// An array whose shape does not fit.
    pub(crate) fn shape(operation: &'static str, name: &str, found: &[usize], expected: &[usize]) -> Self {
        let (found, expected) = (found.to_vec(), expected.to_vec());
        Error::of(Kind::Shape { operation, name: name.to_owned(), found, expected })
    }

    /// Training that was asked to stop.
    pub(crate) fn stopped(path: &Path, trials_trained: u64) -> Self {
        Error::of(Kind::Stopped { path: path.to_owned(), trials_trained })
    }

    /// The training of many runs that was asked to stop.
    pub(crate) fn stopped_sweep(path: &Path) -> Self {
        Error::of(Kind::SweepStopped { path: path.to_owned() })
    }

    /// An analysis that was asked to stop.
    pub(crate) fn interrupted() -> Self {
        Error::of(Kind::Interrupted)
    }

    /// What was wrong, without what to do, where the two are apart.
    pub(crate) fn without_remedy(&self) -> String {
        match &*self.0 {
            Kind::Argument { what, .. } => what.clone(),
            other => other.to_string(),
        }
    }

    /// The file or folder that it is about, if it is about one.
    pub fn path(&self) -> Option<&Path> {
        match &*self.0 {
            Kind::Io { path, .. }
            | Kind::File { path, .. }
            | Kind::RunInUse { path, .. }
            | Kind::NoCheckpoint { path, .. }
            | Kind::SweepStopped { path }
            | Kind::Stopped { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Whether a file or folder is not there.
    pub fn is_missing_file(&self) -> bool {
        matches!(&*self.0, Kind::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }

    /// Whether the disk takes no more, whatever the file: it is full, or cannot be written to.
    pub(crate) fn is_disk_trouble(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let trouble =
            |source: &std::io::Error| matches!(source.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem);
        matches!(&*self.0, Kind::Io { source, .. } if trouble(source))
    }

    /// Whether the system could not read or write a file or folder; a missing one is such a case.
    pub fn is_io(&self) -> bool {
        matches!(*self.0, Kind::Io { .. })
    }

    /// Whether a file could be read, but is not what it should be.
    pub fn is_unusable_file(&self) -> bool {
        matches!(*self.0, Kind::File { .. })
    }

    /// Whether a rule, an epoch, a preset, … of that name does not exist.
    pub fn is_unknown_name(&self) -> bool {
        matches!(*self.0, Kind::UnknownName { .. })
    }

    /// Whether a hyper-parameter has a value that is invalid.
    pub fn is_invalid_hyperparameter(&self) -> bool {
        matches!(*self.0, Kind::Hyperparameter { .. })
    }

    /// Whether another process is writing the run directory.
    pub fn is_run_in_use(&self) -> bool {
        matches!(*self.0, Kind::RunInUse { .. })
    }

    /// Whether a run has no checkpoint that fits what was asked for.
    pub fn is_missing_checkpoint(&self) -> bool {
        matches!(*self.0, Kind::NoCheckpoint { .. })
    }

    /// Whether training ended because the cost was no longer a finite number.
    pub fn is_not_finite(&self) -> bool {
        matches!(*self.0, Kind::NotFinite { .. })
    }

    /// Whether training was asked to stop, by Ctrl-C, by an interrupt of the notebook's kernel or by `stop()`.
    pub fn is_stopped(&self) -> bool {
        matches!(*self.0, Kind::Stopped { .. } | Kind::SweepStopped { .. })
    }

    /// Whether an analysis was ended by an interrupt of the notebook's kernel.
    pub fn is_interrupted(&self) -> bool {
        matches!(*self.0, Kind::Interrupted)
    }
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    /// A hyper-parameter has a value that no network or training run can have.
    #[error("hyper-parameter `{key}` is {value}: expected {expected}")]
    Hyperparameter {
        /// The key, as in `hp.json`.
        key: String,
        /// The value that was given.
        value: String,
        /// What would have been accepted.
        expected: String,
    },

    /// A name (of a rule, an epoch, a preset, a stage, ...) that does not exist.
    #[error("there is no {kind} `{name}`: choose one of {}", .choices.join(", "))]
    UnknownName {
        /// What was named, for example `rule`.
        kind: &'static str,
        /// The name that was given.
        name: String,
        /// The names that exist here.
        choices: Vec<String>,
    },

    /// An argument that a function cannot work with.
    #[error("{what}: {remedy}")]
    Argument {
        /// What was wrong.
        what: String,
        /// What to do.
        remedy: String,
    },

    /// Arrays whose shapes do not fit together.
    #[error("{operation}: `{name}` has shape {found:?}, expected {expected:?}")]
    Shape {
        /// What was being done.
        operation: &'static str,
        /// The array.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that was needed.
        expected: Vec<usize>,
    },

    /// A file or folder that could not be read or written.
    #[error("cannot {action} `{}`: {source}. {remedy}", .path.display())]
    Io {
        /// What was being done, for example `read`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
        /// What to do.
        remedy: &'static str,
    },

    /// A file that was read but is not what it should be: truncated, of another version, with missing or
    /// non-finite values.
    #[error("`{}` cannot be used: {problem}. {remedy}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        remedy: String,
    },

    /// Another process is writing this run directory.
    #[error(
        "the run `{}` is being written by {holder}: wait for it to end, stop it, or train into another folder",
        .path.display()
    )]
    RunInUse {
        /// The run directory.
        path: PathBuf,
        /// Who writes it, as far as that is known.
        holder: String,
    },

    /// The run has no checkpoint that fits what was asked for.
    #[error("the run `{}` has no checkpoint {wanted}: {available}", .path.display())]
    NoCheckpoint {
        /// The run directory.
        path: PathBuf,
        /// What was looked for.
        wanted: String,
        /// What there is.
        available: String,
    },

    /// A cost or a weight is not a finite number, so training stopped; no file holds it.
    #[error(
        "{what} became {value} at step {step} (after {trials_trained} trials), so training stopped; \
         the last good checkpoint is {last_checkpoint}. Lower `learning_rate` or choose another `activation`"
    )]
    NotFinite {
        /// The cost, with its rule, or the array of weights.
        what: String,
        /// The optimiser step, counted from 0.
        step: u64,
        /// Trials trained before this step.
        trials_trained: u64,
        /// Infinite or NaN.
        value: f64,
        /// The trial count of the newest checkpoint, or `none`.
        last_checkpoint: String,
    },

    /// The tensor library refused an operation (on a GPU: usually for want of memory).
    #[error("{operation} failed on the device: {source}. Use a smaller batch or network, or the CPU")]
    Device {
        /// What was being done.
        operation: &'static str,
        /// The device's reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// A picture could not be made: that takes a browser.
    #[error("the picture cannot be made: {problem}. {remedy}")]
    Picture {
        /// What was wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },

    /// A table could not be made, read or written.
    #[error("{operation}: {source}")]
    Table {
        /// What was being done.
        operation: String,
        /// The reason of polars.
        #[source]
        source: polars::error::PolarsError,
    },

    /// Training was stopped by Ctrl-C, by an interrupt of the notebook's kernel or by `stop()`; the run so far is kept.
    #[error(
        "training was stopped after {trials_trained} trials: what was finished until then is kept, \
         `Run::open(\"{}\")` opens it, and the same command goes on from there",
        .path.display()
    )]
    Stopped {
        /// The run directory.
        path: PathBuf,
        /// Trials trained so far.
        trials_trained: u64,
    },

    /// The training of many runs was stopped in the same ways; all that they have trained is kept.
    #[error(
        "the sweep was stopped: what its runs have trained until then is kept in `{}`, and the same command goes on \
         from there",
        .path.display()
    )]
    SweepStopped {
        /// The ensemble's folder.
        path: PathBuf,
    },

    /// An analysis was ended by an interrupt of the notebook's kernel. It had changed nothing.
    #[error("interrupted: this analysis gave no result, and all that there was before is as it was")]
    Interrupted,
}
