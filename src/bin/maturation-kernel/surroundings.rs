//! The environment in which a kernel was started, for the cells and for the real tools.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::process::Command;

use serde::{Deserialize, Serialize};

/// The variables that a kernel, and evcxr, change for their own processes.
const CHANGED: [&str; 12] = [
    "PATH",
    "CARGO_HOME",
    "JUPYTER_PATH",
    "EVCXR_CONFIG_DIR",
    "EVCXR_TMPDIR",
    "RUST_SRC_PATH",
    "RUST_BACKTRACE",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_BUILD_DIR",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
];

/// The variables that a kernel changes, as they were before.
#[derive(Debug, Deserialize, Serialize)]
pub struct Surroundings {
    variables: BTreeMap<String, Option<String>>,
}

impl Surroundings {
    /// Those of this process, with another search path.
    pub fn with_search_path(search_path: &OsStr) -> Surroundings {
        let value = |name: &str| match name {
            "PATH" => Some(search_path.to_string_lossy().into_owned()),
            name => std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()),
        };
        Surroundings { variables: CHANGED.iter().map(|name| ((*name).to_owned(), value(name))).collect() }
    }

    /// The search path for programs.
    pub fn search_path(&self) -> OsString {
        self.variables.get("PATH").cloned().flatten().unwrap_or_default().into()
    }

    /// Has a command run in these surroundings.
    pub fn restore<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for (name, value) in &self.variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_set_is_removed_and_the_rest_is_as_it_was() {
        let variables = [("PATH", Some("/a")), ("CARGO_HOME", None)];
        let variables =
            variables.map(|(name, value): (&str, Option<&str>)| (name.to_owned(), value.map(str::to_owned))).into();
        let before = Surroundings { variables };
        let mut command = Command::new("true");
        command.env("CARGO_HOME", "/stand-in").env("PATH", "/stand-in/bin:/a").env("OTHER", "1");
        before.restore(&mut command);
        let after: BTreeMap<_, _> = command.get_envs().collect();
        assert_eq!(after[OsStr::new("PATH")], Some(OsStr::new("/a")));
        assert_eq!(after[OsStr::new("CARGO_HOME")], None);
        assert_eq!(after[OsStr::new("OTHER")], Some(OsStr::new("1")));
    }
}
