//! Jupyter's folder of kernels.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::cache;
use crate::checkout::{Checkout, VERSION};
use crate::problem::Problem;
use crate::tools;

/// The kernel's name, as `jupyter kernelspec list` and notebooks' metadata have it.
pub const NAME: &str = "maturation";

/// The kernel's name, as Jupyter shows it.
pub const DISPLAY_NAME: &str = "Rust (maturation)";

/// The variable in which Jupyter hands the kernel the folder of the crate that it was installed for.
pub const CHECKOUT_VARIABLE: &str = "MATURATION_CHECKOUT";

/// The variable in which Jupyter hands the kernel the `cargo` that it was installed with.
pub const CARGO_VARIABLE: &str = "MATURATION_CARGO";

const LOGO: &str = concat!(
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 64 64\"><rect width=\"64\" height=\"64\" rx=\"12\" ",
    "fill=\"#fff\"/><path d=\"M6 50 C18 50 20 46 25 30 C28 18 31 12 34 12 C38 12 39 44 58 46\" fill=\"none\" ",
    "stroke=\"#b7410e\" stroke-width=\"6\" stroke-linecap=\"round\"/></svg>\n",
);

/// For whom a kernel is installed.
#[derive(Clone, Debug)]
pub enum Place {
    /// This user, whatever Python's Jupyter runs.
    User,
    /// The Jupyter of one environment: its folder is `PREFIX/share/jupyter`.
    Prefix(PathBuf),
}

const REMEDY: &str =
    "If this folder cannot be written, install with `--prefix DIR` or `--sys-prefix`, or set JUPYTER_DATA_DIR";

/// The folder of our kernel.
pub fn kernel_folder(place: &Place) -> Result<PathBuf, Problem> {
    let data = match place {
        Place::Prefix(prefix) => std::path::absolute(prefix).unwrap_or_else(|_| prefix.clone()).join("share/jupyter"),
        Place::User => user_data_folder(|name| std::env::var_os(name).map(PathBuf::from))?,
    };
    Ok(data.join("kernels").join(NAME))
}

/// The user's Jupyter folder, by Jupyter's own rules.
fn user_data_folder(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, Problem> {
    let set = |name: &str| variable(name).filter(|path| !path.as_os_str().is_empty());
    if let Some(folder) = set("JUPYTER_DATA_DIR") {
        return Ok(folder);
    }
    let home = set("HOME");
    let data = if cfg!(target_os = "macos") {
        home.map(|home| home.join("Library/Jupyter"))
    } else {
        set("XDG_DATA_HOME").or_else(|| home.map(|home| home.join(".local/share"))).map(|data| data.join("jupyter"))
    };
    data.ok_or(Problem::NoHome { variable: "JUPYTER_DATA_DIR", purpose: "Jupyter's kernels" })
}

/// The prefix of the Python that `python3` is.
pub fn prefix_of_python() -> Result<PathBuf, Problem> {
    let absent =
        || Problem::NoProgram { program: "python3", remedy: "install Python, or give the prefix with --prefix" };
    let output =
        Command::new("python3").args(["-c", "import sys; print(sys.prefix)"]).output().map_err(|_| absent())?;
    let text = String::from_utf8(output.stdout).map_err(|_| absent())?;
    if output.status.success() { Ok(PathBuf::from(text.trim())) } else { Err(absent()) }
}

/// Writes the kernel's description for Jupyter, and says where.
pub fn install(place: &Place, checkout: &Checkout, search_path: &OsStr) -> Result<PathBuf, Problem> {
    let folder = kernel_folder(place)?;
    let program = std::env::current_exe().map_err(Problem::io("find", Path::new("this program"), "Start it again"))?;
    let cargo = tools::find("cargo", search_path);
    let cache = std::env::var_os(cache::VARIABLE).map(PathBuf::from);
    std::fs::create_dir_all(&folder).map_err(Problem::io("make", &folder, REMEDY))?;
    let description = description(&program, checkout, cargo.as_deref(), cache.as_deref());
    write(&folder.join("logo-svg.svg"), LOGO)?;
    let file = folder.join("kernel.json");
    write(&file, &format!("{description:#}\n"))?;
    Ok(file)
}

/// Removes the kernel's folder, and says which, if it was there.
pub fn uninstall(place: &Place) -> Result<Option<PathBuf>, Problem> {
    let folder = kernel_folder(place)?;
    if !folder.exists() {
        return Ok(None);
    }
    std::fs::remove_dir_all(&folder).map_err(Problem::io("remove", &folder, "Remove it by hand"))?;
    Ok(Some(folder))
}

fn description(program: &Path, checkout: &Checkout, cargo: Option<&Path>, cache: Option<&Path>) -> Value {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut environment = json!({ CHECKOUT_VARIABLE: text(&checkout.folder) });
    if let Some(cargo) = cargo {
        environment[CARGO_VARIABLE] = text(cargo).into();
    }
    if let Some(cache) = cache {
        environment[cache::VARIABLE] = text(&std::path::absolute(cache).unwrap_or_else(|_| cache.to_owned())).into();
    }
    json!({
        "argv": [text(program), "--control-file", "{connection_file}"],
        "display_name": DISPLAY_NAME,
        "language": "rust",
        "interrupt_mode": "message",
        "env": environment,
        "metadata": { "version": VERSION },
    })
}

fn write(path: &Path, text: &str) -> Result<(), Problem> {
    std::fs::write(path, text).map_err(Problem::io("write", path, REMEDY))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout() -> Checkout {
        Checkout { folder: PathBuf::from("/crate"), version: VERSION.to_owned() }
    }

    #[test]
    fn a_kernel_is_installed_found_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Prefix(folder.path().to_owned());
        let written = install(&place, &checkout(), OsStr::new("")).unwrap();
        assert_eq!(written, folder.path().join("share/jupyter/kernels/maturation/kernel.json"));
        let read: Value = serde_json::from_str(&std::fs::read_to_string(&written).unwrap()).unwrap();
        assert_eq!(read["display_name"], "Rust (maturation)");
        assert_eq!(read["language"], "rust");
        assert_eq!(read["interrupt_mode"], "message");
        assert_eq!(read["argv"][1], "--control-file");
        assert_eq!(read["argv"][2], "{connection_file}");
        assert!(Path::new(read["argv"][0].as_str().unwrap()).is_absolute());
        assert_eq!(read["env"][CHECKOUT_VARIABLE], "/crate");
        assert_eq!(read["metadata"]["version"], VERSION);
        assert!(uninstall(&place).unwrap().is_some());
        assert!(!written.exists());
        assert!(uninstall(&place).unwrap().is_none());
    }

    #[test]
    fn what_was_chosen_at_install_is_kept() {
        let description =
            description(Path::new("/bin/k"), &checkout(), Some(Path::new("/rust/cargo")), Some(Path::new("/cache")));
        assert_eq!(description["env"][CARGO_VARIABLE], "/rust/cargo");
        assert_eq!(description["env"][cache::VARIABLE], "/cache");
    }

    #[test]
    fn jupyters_rules_for_its_folder_are_followed() {
        let of = |set: &[(&str, &str)]| {
            let set: Vec<(String, PathBuf)> =
                set.iter().map(|(name, path)| ((*name).to_owned(), path.into())).collect();
            user_data_folder(|name| set.iter().find(|(key, _)| key == name).map(|(_, path)| path.clone()))
        };
        assert_eq!(of(&[("JUPYTER_DATA_DIR", "/j"), ("HOME", "/h")]).unwrap(), Path::new("/j"));
        if cfg!(target_os = "macos") {
            assert_eq!(of(&[("HOME", "/h")]).unwrap(), Path::new("/h/Library/Jupyter"));
        } else {
            assert_eq!(of(&[("HOME", "/h")]).unwrap(), Path::new("/h/.local/share/jupyter"));
            assert_eq!(of(&[("HOME", "/h"), ("XDG_DATA_HOME", "/x")]).unwrap(), Path::new("/x/jupyter"));
            assert_eq!(of(&[("HOME", "/h"), ("XDG_DATA_HOME", "")]).unwrap(), Path::new("/h/.local/share/jupyter"));
        }
        assert!(of(&[]).unwrap_err().to_string().contains("JUPYTER_DATA_DIR"));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let message = install(&Place::Prefix(file), &checkout(), OsStr::new("")).unwrap_err().to_string();
        assert!(message.contains("file") && message.contains("--prefix DIR"), "{message}");
    }
}
