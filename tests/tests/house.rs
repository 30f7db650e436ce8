//! No file of the workspace is longer than a reader takes in.

use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Lines of a file at most. (Lines of a function at most: `clippy.toml`.)
const MOST_LINES: usize = 600;

/// Every file of Rust below a folder, without what is built.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the workspace can be read") {
        let path = entry.expect("the workspace can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Names of the files that have more lines than `most`, below the root.
fn too_long(files: &[PathBuf], most: usize) -> Vec<String> {
    let lines = |file: &PathBuf| fs::read_to_string(file).expect("a source is text").lines().count();
    let long = files.iter().filter(|file| lines(file) > most);
    long.map(|file| file.strip_prefix(ROOT).expect("it was found there").display().to_string()).collect()
}

#[test]
fn no_file_has_more_than_600_lines() {
    let mut files = Vec::new();
    sources(Path::new(ROOT), &mut files);
    assert!(files.len() > 300, "only {} files were found", files.len());
    let long = too_long(&files, MOST_LINES);
    assert!(long.is_empty(), "split by what a reader would look for: {}", long.join(", "));
    // The canary: a smaller limit finds some.
    assert!(!too_long(&files, MOST_LINES / 2).is_empty());
}

/// Lines of a file that name the built-in registry, but for documentation and tests.
fn names_the_built_in_registry(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("a source is text");
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines();
    let is_named = |line: &&str| !line.trim_start().starts_with("//") && line.contains("Registry::built_in()");
    code.filter(is_named).map(|line| format!("{}: {}", file.display(), line.trim())).collect()
}

#[test]
fn only_front_ends_name_the_built_in_registry() {
    let named = |room: &str| {
        let mut files = Vec::new();
        sources(&Path::new(ROOT).join(room).join("src"), &mut files);
        files.retain(|file| file.file_name().is_some_and(|name| name != "tests.rs"));
        assert!(!files.is_empty(), "{room}");
        files.iter().flat_map(|file| names_the_built_in_registry(file)).collect::<Vec<_>>()
    };
    for room in ["simulator", "models", "training", "proofs", "planner", "workbench"] {
        let lines = named(room);
        assert!(lines.is_empty(), "take the registry of the caller: {}", lines.join("\n"));
    }
    // The canary, and the only place of the command line.
    assert_eq!(named("cli").len(), 1, "{:?}", named("cli"));
}

/// Lines that write a number with `{:e}`, whose text may be `1.3e0` or `-0e0`, but for tests.
fn writes_exponents(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("a source is text");
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines();
    let is_one = |line: &&str| !line.trim_start().starts_with("//") && line.contains("e}") && has_exponent(line);
    code.filter(is_one).map(|line| format!("{}: {}", file.display(), line.trim())).collect()
}

/// Whether some braces hold a format that ends with `e`, as `{x:.3e}`.
fn has_exponent(line: &str) -> bool {
    let of_braces =
        |part: &str| part.split('}').next().and_then(|inside| inside.split_once(':').map(|(_, f)| f.to_owned()));
    let is_exponent = |format: String| {
        let digits = format.strip_suffix('e');
        digits.is_some_and(|digits| digits.chars().all(|c| c.is_ascii_alphanumeric() || "+.$_".contains(c)))
    };
    line.split('{').skip(1).filter_map(of_braces).any(is_exponent)
}

#[test]
fn numbers_with_exponents_are_written_in_one_place_which_knows_bounds_and_zeros() {
    let mut found = Vec::new();
    for room in ["protocols", "simulator", "models", "training", "proofs", "published", "planner", "workbench", "cli"] {
        let mut files = Vec::new();
        sources(&Path::new(ROOT).join(room).join("src"), &mut files);
        files.retain(|file| file.file_name().is_some_and(|name| name != "tests.rs"));
        found.extend(files.iter().flat_map(|file| writes_exponents(file)));
    }
    let (home, elsewhere): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|line| line.contains("/protocols/src/decimal.rs"));
    assert!(elsewhere.is_empty(), "use `viewless_protocols::decimal`: {}", elsewhere.join("\n"));
    // The canary.
    assert!(!home.is_empty());
}
