//! An answer of `cargo metadata` that is kept, since cargo takes a second for it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::problem::Problem;
use crate::sandbox::Sandbox;

/// What cargo says of evcxr's crate and what it needs, as rust-analyzer is shown it.
#[derive(Deserialize, Serialize)]
pub struct Description {
    manifest: String,
    answer: String,
}

impl Description {
    /// What stands for the kernel's folder in a kept answer.
    pub const FOLDER: &str = "<the kernel's folder>";

    /// The answer for a manifest in a kernel's folder, without the folder.
    pub fn of(manifest: &str, answer: &Value, sandbox: &Sandbox) -> Description {
        let answer = answer.to_string().replace(&*sandbox.folder.to_string_lossy(), Description::FOLDER);
        Description { manifest: manifest.to_owned(), answer }
    }

    /// The answer, if it is for this manifest.
    pub fn serves(self, manifest: &str) -> Option<String> {
        (self.manifest == manifest).then_some(self.answer)
    }

    /// What is kept in a kernel's folder.
    pub fn read(sandbox: &Sandbox) -> Option<Description> {
        serde_json::from_str(&std::fs::read_to_string(file(&sandbox.folder)).ok()?).ok()
    }

    /// Keeps this in a kernel's folder.
    pub fn write(&self, sandbox: &Sandbox) -> Result<(), Problem> {
        let path = file(&sandbox.folder);
        let text = serde_json::to_string(self).unwrap_or_default();
        std::fs::write(&path, text).map_err(Problem::io("write", &path, "Is the disk full?"))
    }

    /// Copies what is kept in one folder into another, if it is there.
    pub fn copy(from: &Sandbox, to: &Sandbox) {
        // Without it cargo is asked.
        let _ = std::fs::copy(file(&from.folder), file(&to.folder));
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("metadata.json")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_kept_without_its_folder_for_its_manifest_alone() {
        let base = tempfile::tempdir().unwrap();
        let [precompiled, session] = ["precompiled", "session"].map(|name| Sandbox { folder: base.path().join(name) });
        for sandbox in [&precompiled, &session] {
            std::fs::create_dir(&sandbox.folder).unwrap();
        }
        let answer = json!({"workspace_root": precompiled.crate_folder()});
        Description::of("[package]", &answer, &precompiled).write(&precompiled).unwrap();
        Description::copy(&precompiled, &session);
        let kept = Description::read(&session).unwrap().serves("[package]").unwrap();
        let read: Value =
            serde_json::from_str(&kept.replace(Description::FOLDER, &session.folder.to_string_lossy())).unwrap();
        assert_eq!(read, json!({"workspace_root": session.crate_folder()}));
        assert!(Description::read(&session).unwrap().serves("[package] # changed").is_none());
        assert!(Description::read(&Sandbox { folder: base.path().join("none") }).is_none());
    }
}
