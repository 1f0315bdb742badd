//! What the crate depends on and what it hands on: each dependency has its reason, and the package is whole and small.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The names in a section of Cargo.toml.
fn dependencies(section: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (_, rest) = manifest.split_once(&format!("\n[{section}]\n")).unwrap();
    let section = rest.split_once("\n[").map_or(rest, |(section, _)| section);
    let named = section.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
    named.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn each_dependency_has_its_reason_and_each_reason_its_dependency() {
    let page = fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let (_, table) = page.split_once("| crate | why it is here |\n| --- | --- |\n").unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let mut explained = BTreeSet::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert!(cells.len() == 4 && cells[2].len() > 3, "{row}");
        explained.extend(cells[1].split(", ").map(str::to_owned));
    }
    assert_eq!(explained, dependencies("dependencies"));
}

#[test]
fn the_package_holds_what_it_builds_from_and_nothing_large() {
    let listed = Command::new(env!("CARGO"))
        .args(["package", "--list", "--allow-dirty", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let files = String::from_utf8(listed.stdout).unwrap();
    let files: Vec<&str> = files.lines().collect();
    let made = ["Cargo.toml.orig", ".cargo_vcs_info.json"];
    let size: u64 = files
        .iter()
        .filter(|file| !made.contains(file))
        .map(|file| fs::metadata(root().join(file)).unwrap_or_else(|problem| panic!("{file}: {problem}")).len())
        .sum();
    assert!(size < 5_000_000, "{size} bytes, not packed yet");
    for needed in ["src/lib.rs", "build.rs", "Cargo.lock", "README.md", "LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md"]
    {
        assert!(files.contains(&needed), "{needed} is not in the package");
    }
    // Whatever a source includes has to be there too.
    for file in files.iter().filter(|file| file.ends_with(".rs")) {
        let source = fs::read_to_string(root().join(file)).unwrap();
        for part in source.split("include_str!(\"").skip(1).filter_map(|rest| rest.split_once('"')) {
            let place = root().join(file).parent().unwrap().join(part.0).canonicalize().unwrap();
            let name = place.strip_prefix(root().canonicalize().unwrap()).unwrap().to_string_lossy().into_owned();
            assert!(files.contains(&name.as_str()), "{file} includes {name}, which is not in the package");
        }
    }
}
