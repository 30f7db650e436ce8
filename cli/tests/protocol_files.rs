//! Protocol files on the command line, as a stranger uses them: a first file, verdicts, a comparison, a suite.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn viewless(folder: &Path, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_viewless"));
    command.args(arguments.split(' ')).current_dir(folder).env("VIEWLESS_CACHE", "/nonexistent/viewless-cache");
    command.output().expect("the binary runs")
}

/// What is printed with an exit code.
fn printed(folder: &Path, arguments: &str, code: i32) -> String {
    let output = viewless(folder, arguments);
    let (out, error) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(code), "{arguments}: {out}{error}");
    out + &error
}

fn json(folder: &Path, arguments: &str) -> Value {
    serde_json::from_str(&printed(folder, &format!("{arguments} --json"), 0)).expect("JSON")
}

#[test]
fn a_first_file_passes_every_verdict_and_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    assert!(printed(at, "new gelu/mine --poly --degree 5", 0).contains("viewless assay mine.protocol"));
    let text = fs::read_to_string(at.join("mine.protocol")).unwrap();
    assert!(printed(at, "assay mine.protocol --seq 4 --runs 8", 0).starts_with("gelu/mine can be used"));
    assert!(printed(at, "new gelu/mine --poly", 2).contains("is there already and stays as it is"));
    assert_eq!(fs::read_to_string(at.join("mine.protocol")).unwrap(), text);
    let compared = json(at, "compare gelu/bolt --with mine.protocol --with gelu/quad --seq 4");
    let names: Vec<&str> =
        compared["variants"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["gelu/bolt", "gelu/mine (mine.protocol)", "gelu/quad"]);
    for (arguments, says) in [
        ("new gelu/mine --poly --output mine.txt", ".protocol"),
        ("new softmax/other --poly", "dump softmax/"),
        ("new gelu/other --poly --interval -4:3", "[-L, L]"),
        ("new gelu/other --poly --degree 99", "from 1 to 12"),
        ("compare bert-base --with mine.protocol", "is a model"),
        ("compare gelu --with none.protocol", "none.protocol"),
    ] {
        assert!(printed(at, arguments, 2).contains(says), "{arguments}");
    }
    assert_eq!(fs::read_dir(at).unwrap().count(), 1, "nothing else was left behind");
}

#[test]
fn an_exported_protocol_has_the_digest_of_the_built_in_one_alone_and_in_a_suite() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("gelu.protocol"), printed(at, "dump gelu/secformer --form file --seq 8", 0)).unwrap();
    let suite = |gelu: &str| {
        include_str!("../../protocols/src/suites/faithful.toml")
            .replace("gelu/cosine", gelu)
            .replace("name = \"faithful\"", "name = \"mine\"")
    };
    fs::write(at.join("mine.toml"), suite("gelu.protocol")).unwrap();
    fs::write(at.join("twin.toml"), suite("gelu/secformer")).unwrap();
    let digest = |arguments: &str| json(at, arguments)["program"]["digest"].clone();
    assert_eq!(digest("cost gelu.protocol --seq 5"), digest("cost gelu/secformer --seq 5"));
    assert_eq!(digest("cost bert-base --seq 4 --suite mine.toml"), digest("cost bert-base --seq 4 --suite twin.toml"));
    // A stored proof needs neither file any more.
    printed(at, "prove gelu.protocol --seq 4 --suite mine.toml --certificate proof.json", 0);
    fs::remove_file(at.join("gelu.protocol")).unwrap();
    assert!(printed(at, "check proof.json", 0).contains("stored with the proofs"));
    assert!(printed(at, "cost bert-base --suite mine.toml", 2).contains("gelu.protocol"));
}

#[test]
fn a_claim_that_fails_names_the_line_where_it_holds_and_what_others_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let text = "protocol gelu/mine\nsummary \"a\"\nsource \"b\"\ninterval [-64, 64]\nerror 0.2\nbuild x\n  a = x ^ 2\n  b = a ^ 2\n  \
                c = b * a\n  return (x - select(x < 0, x)) + select(c < -1, x)\n";
    fs::write(at.join("mine.protocol"), text).unwrap();
    for command in ["audit mine.protocol --samples 64", "assay mine.protocol --seq 4 --runs 1"] {
        let said = printed(at, command, 1).split_whitespace().collect::<Vec<_>>().join(" ");
        // At the first argument at which it can: there 32^6 is just the headroom, so that rounding decides.
        assert!(said.contains("line 9, `c = b * a`, may leave the headroom"), "{said}");
        assert!(said.contains("The claim holds on [-31.99") && said.contains("others gelu/"), "{said}");
    }
    fs::write(at.join("mine.protocol"), text.replace("[-64, 64]", "[-8, 8]").replace("0.2", "0.1")).unwrap();
    let said = printed(at, "audit mine.protocol --samples 64", 1);
    assert!(said.contains("over the reals") && said.contains("no operation"), "{said}");
}
