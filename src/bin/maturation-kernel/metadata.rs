//! What rust-analyzer is shown of the dependencies.
//!
//! evcxr's rust-analyzer loads the sources of every crate that `cargo metadata` names, in all some two hundred, to
//! learn the types of variables and to complete names. Notebooks name types of a few of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The crates, besides ours, whose types and methods a notebook that uses it names.
pub const NAMED: [&str; 3] = ["polars", "polars-core", "ndarray"];

/// Leaves, of an answer of `cargo metadata`, the package itself, our crate and those of its dependencies that are to be
/// shown, and everything that any other dependency of the package needs: what a notebook adds itself is shown in full.
pub fn lean(metadata: &mut Value, shown: &[&str]) {
    let Some(root) = metadata["resolve"]["root"].as_str().map(str::to_owned) else { return };
    let kept = kept(metadata, root, shown);
    let is_kept = |id: &Value| id.as_str().is_some_and(|id| kept.contains(id));
    if let Some(packages) = metadata["packages"].as_array_mut() {
        packages.retain(|package| is_kept(&package["id"]));
    }
    let Some(nodes) = metadata["resolve"]["nodes"].as_array_mut() else { return };
    nodes.retain(|node| is_kept(&node["id"]));
    for node in nodes {
        if let Some(dependencies) = node["deps"].as_array_mut() {
            dependencies.retain(|dependency| is_kept(&dependency["pkg"]));
        }
        if let Some(dependencies) = node["dependencies"].as_array_mut() {
            dependencies.retain(is_kept);
        }
    }
}

/// The ids of the packages to keep.
fn kept(metadata: &Value, root: String, shown: &[&str]) -> BTreeSet<String> {
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let names: BTreeMap<String, String> =
        items(&metadata["packages"]).iter().map(|package| (text(&package["id"]), text(&package["name"]))).collect();
    let needs: BTreeMap<String, Vec<String>> = items(&metadata["resolve"]["nodes"])
        .iter()
        .map(|node| (text(&node["id"]), items(&node["deps"]).iter().map(|needed| text(&needed["pkg"])).collect()))
        .collect();
    let is_ours = |id: &str| names.get(id).is_some_and(|name| name == "maturation");
    let is_shown = |id: &str| names.get(id).is_some_and(|name| shown.contains(&name.as_str()));

    let mut kept = BTreeSet::from([root.clone()]);
    let direct = needs.get(&root).cloned().unwrap_or_default();
    // Ours first: what it shares with another dependency is then visited again, and completed.
    for id in direct.iter().filter(|id| is_ours(id)) {
        visit(id, &needs, &|id| is_shown(id), &mut kept);
    }
    let mut whole = BTreeSet::new();
    for id in direct.iter().filter(|id| !is_ours(id)) {
        visit(id, &needs, &|_| true, &mut whole);
    }
    kept.extend(whole);
    kept
}

/// Adds a package and those that it needs, directly or not, as far as they are wanted.
fn visit(id: &str, needs: &BTreeMap<String, Vec<String>>, wanted: &dyn Fn(&str) -> bool, found: &mut BTreeSet<String>) {
    if !found.insert(id.to_owned()) {
        return;
    }
    for needed in needs.get(id).into_iter().flatten().filter(|needed| wanted(needed)) {
        visit(needed, needs, wanted, found);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An answer of `cargo metadata` in which each package needs the ones listed.
    fn answer(packages: &[(&str, &[&str])]) -> Value {
        let all: Vec<Value> =
            packages.iter().map(|(name, _)| json!({"id": format!("{name}#1"), "name": name})).collect();
        let nodes: Vec<Value> = packages
            .iter()
            .map(|(name, needs)| {
                let ids: Vec<String> = needs.iter().map(|needed| format!("{needed}#1")).collect();
                let deps: Vec<Value> = ids.iter().map(|id| json!({"pkg": id, "name": "any"})).collect();
                json!({"id": format!("{name}#1"), "deps": deps, "dependencies": ids})
            })
            .collect();
        json!({"packages": all, "resolve": {"root": "ctx#1", "nodes": nodes}})
    }

    fn names(metadata: &Value) -> Vec<&str> {
        metadata["packages"].as_array().unwrap().iter().map(|package| package["name"].as_str().unwrap()).collect()
    }

    #[test]
    fn only_crates_whose_types_are_named_are_left_and_nothing_refers_to_the_others() {
        let mut metadata = answer(&[
            ("ctx", &["maturation"]),
            ("maturation", &["polars", "ndarray", "dfdx"]),
            ("polars", &["polars-core", "polars-parquet"]),
            ("polars-core", &["rayon"]),
            ("polars-parquet", &["polars-core"]),
            ("ndarray", &["rawpointer"]),
            ("rawpointer", &[]),
            ("rayon", &[]),
            ("dfdx", &["ndarray"]),
        ]);
        lean(&mut metadata, &NAMED);
        assert_eq!(names(&metadata), ["ctx", "maturation", "polars", "polars-core", "ndarray"]);
        let text = metadata.to_string();
        for gone in ["dfdx", "rayon", "rawpointer", "parquet"] {
            assert!(!text.contains(gone), "{gone} in {text}");
        }
        assert!(text.contains("polars-core#1"));
        lean(&mut metadata, &[]);
        assert_eq!(names(&metadata), ["ctx", "maturation"]);
    }

    #[test]
    fn what_a_notebook_adds_itself_is_shown_in_full() {
        let mut metadata = answer(&[
            ("ctx", &["maturation", "linfa"]),
            ("maturation", &["ndarray", "rayon"]),
            ("linfa", &["ndarray"]),
            ("ndarray", &["rawpointer"]),
            ("rawpointer", &[]),
            ("rayon", &[]),
        ]);
        lean(&mut metadata, &NAMED);
        assert_eq!(names(&metadata), ["ctx", "maturation", "linfa", "ndarray", "rawpointer"]);
    }

    #[test]
    fn an_answer_without_dependencies_stays_as_it_is() {
        let without = json!({"packages": [{"id": "ctx#1", "name": "ctx"}], "resolve": null});
        for before in [answer(&[("ctx", &[])]), without] {
            let mut metadata = before.clone();
            lean(&mut metadata, &NAMED);
            assert_eq!(metadata, before);
        }
    }
}
