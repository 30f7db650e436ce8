//! The picture of the crates in CONTRIBUTING.md is what their manifests say: no arrow is missing, none is too many.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Each room with the rooms that it uses.
type Arrows = BTreeMap<String, BTreeSet<String>>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the workspace")
}

/// The packages of the workspace, as cargo reads them; nothing is downloaded for that.
fn packages() -> Vec<Value> {
    let manifest = root().join("Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"])
        .arg(manifest)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    metadata["packages"].as_array().expect("there are packages").clone()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("`{field}` is no text in {value}"))
}

/// A room is named after its folder, which is the package's name without `viewless-`; the package `viewless` is the command line.
fn room(package: &str) -> Option<String> {
    match package {
        "viewless" => Some("cli".to_owned()),
        other => other.strip_prefix("viewless-").map(str::to_owned),
    }
}

/// What a package depends on, leaving out what its own tests alone use.
fn dependencies(package: &Value) -> impl Iterator<Item = &str> {
    let all = package["dependencies"].as_array().expect("there is a list");
    all.iter().filter(|dependency| dependency["kind"].is_null()).map(|dependency| text(dependency, "name"))
}

fn of_manifests(packages: &[Value]) -> Arrows {
    let name = |package: &Value| room(text(package, "name")).expect("packages are named after viewless");
    packages.iter().map(|package| (name(package), dependencies(package).filter_map(room).collect())).collect()
}

/// The table under `## Rooms`: a room, what it uses, what it is.
fn of_picture() -> Arrows {
    let page = fs::read_to_string(root().join("CONTRIBUTING.md")).expect("the page is there");
    let (_, section) = page.split_once("\n## Rooms\n").expect("the page has rooms");
    let section = section.split("\n## ").next().expect("a section has a first part");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let words = |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        assert!(cells.len() >= 3 && cells[2].trim().ends_with('.'), "a room has a sentence: {row}");
        let name = cells[0].trim().trim_end_matches('`').to_owned();
        (name, words(cells[1]))
    })
    .collect()
}

#[test]
fn the_picture_of_the_rooms_is_what_manifests_say() {
    assert_eq!(of_picture(), of_manifests(&packages()));
}

#[test]
fn arrows_point_one_way() {
    let arrows = of_manifests(&packages());
    let mut left: BTreeSet<&String> = arrows.keys().collect();
    while !left.is_empty() {
        let free: Vec<&String> =
            left.iter().copied().filter(|room| arrows[*room].iter().all(|used| !left.contains(used))).collect();
        assert!(!free.is_empty(), "a circle among {left:?}");
        for room in free {
            left.remove(room);
        }
    }
}

#[test]
fn only_the_command_line_knows_clap_and_no_test_knows_the_command_line() {
    for package in packages() {
        let name = text(&package, "name");
        assert_eq!(dependencies(&package).any(|dependency| dependency == "clap"), name == "viewless", "{name}");
        let all = package["dependencies"].as_array().expect("there is a list");
        assert!(all.iter().all(|dependency| text(dependency, "name") != "viewless"), "{name} uses the command line");
    }
}
