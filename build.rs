//! What the page of figures says of how the program was built.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=Cargo.lock");
    let compiler = std::env::var_os("RUSTC").and_then(|rustc| Command::new(rustc).arg("--version").output().ok());
    let compiler =
        compiler.map_or_else(String::new, |output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    println!("cargo:rustc-env=MATURATION_RUSTC={compiler}");

    // A dependency of another crate has no lock file of its own.
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let lock = std::fs::read_to_string(Path::new(&folder).join("Cargo.lock")).unwrap_or_default();
    for name in ["dfdx", "plotly", "polars"] {
        let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{name}\"\n")));
        let version = entry.and_then(|entry| entry.split("version = \"").nth(1)?.split('"').next()).unwrap_or_default();
        println!("cargo:rustc-env=MATURATION_{}={version}", name.to_uppercase());
    }
}
