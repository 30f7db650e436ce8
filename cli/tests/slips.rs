//! Slips of users that were seen, each with what the command must say of it.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;
use viewless_models::Precision;
use viewless_models::synthetic::{small_config, write_synthetic};
use viewless_protocols::model::{Head, TransformerDraft};

/// A folder with a classifier of texts, an autoencoder, and texts.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, contents: &[u8]| fs::write(folder.path().join(name), contents).unwrap();
    let labels = ["no", "yes"].map(str::to_owned).to_vec();
    let classifier = TransformerDraft { head: Head::Classifier { labels }, ..small_config().draft() }.check().unwrap();
    write_synthetic(&folder.path().join("classifier"), &classifier, 1, Precision::F32).unwrap();
    let made = viewless_models::fetch("dc-vae-8", &folder.path().join("made"), &mut |_| {}).unwrap();
    fs::rename(made, folder.path().join("autoencoder")).unwrap();
    write("texts.txt", b"the view\n\na view is empty\n");
    write("empty.txt", b"\n  \n");
    write("binary.txt", b"the view\n\x89PNG\0\xff\n");
    write("latin-1.txt", b"the view\na caf\xe9\n");
    write("long.txt", &[b"\n", &b"the view ".repeat(1_200_000)[..]].concat());
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_viewless"));
    command.args(arguments).current_dir(folder).env("VIEWLESS_CACHE", folder.join("cache")).env_remove("VIEWLESS_LOG");
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn refused(folder: &Path, arguments: &[&str], says: &[&str]) {
    let output = command(folder, arguments).output().unwrap();
    let said = said(&output);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}: {said}");
    assert!(says.iter().all(|part| said.contains(part)), "{arguments:?}: {said}");
}

/// What is printed as JSON, and what on standard error.
fn json(folder: &Path, arguments: &[&str]) -> (Value, String) {
    let output = command(folder, arguments).arg("--json").output().unwrap();
    let read = serde_json::from_slice(&output.stdout);
    (read.unwrap_or_else(|_| panic!("{arguments:?}: {}", said(&output))), said(&output))
}

/// Commands that take a model and a file of texts.
fn with_texts<'a>(model: &'a str, texts: &'a str) -> [Vec<&'a str>; 3] {
    [
        vec!["calibrate", "--model", model, "--text-file", texts, "--out", "new.toml"],
        vec!["audit", "--model", model, "--text-file", texts],
        vec!["report", model, "--text-file", texts, "--seq", "8"],
    ]
}

#[test]
fn a_file_without_a_text_and_one_that_is_no_text_are_named_and_the_line_too() {
    let folder = folder();
    for (file, says) in [
        ("empty.txt", "empty.txt has no text; give a file with one text in each line"),
        ("binary.txt", "binary.txt: line 2 is not in UTF-8; it is no text"),
        ("latin-1.txt", "latin-1.txt: line 2 is not in UTF-8; save it as UTF-8"),
    ] {
        for arguments in with_texts("classifier", file) {
            refused(folder.path(), &arguments, &[says]);
        }
    }
}

/// Ten million bytes take a minute to be brought into tokens. That it is not done is seen by what is counted.
#[test]
fn a_text_that_is_far_too_long_is_not_even_brought_into_tokens() {
    let folder = folder();
    let says = ["long.txt", "line 2: the text has 10799999 bytes, but the model takes at most"];
    for arguments in with_texts("classifier", "long.txt") {
        refused(folder.path(), &arguments, &says);
    }
    let text = "the view ".repeat(10_000);
    let says = ["the text has 90000 bytes, but the model takes at most"];
    refused(folder.path(), &["infer", "--model", "classifier", "--text", &text], &says);
    // Among others it is left out and named.
    fs::write(folder.path().join("mixed.txt"), format!("the view\n{text}\n")).unwrap();
    let (report, _) = json(folder.path(), &with_texts("classifier", "mixed.txt")[0]);
    assert!(report["left_out"].to_string().contains("has 89999 bytes"), "{report}");
}

#[test]
fn an_autoencoder_is_said_to_take_no_texts() {
    let folder = folder();
    let says =
        ["autoencoder is an autoencoder of images, and no text reaches its sites", "`viewless compare autoencoder`"];
    for arguments in with_texts("autoencoder", "texts.txt") {
        refused(folder.path(), &arguments, &says);
    }
    refused(folder.path(), &with_texts("dc-vae-8", "texts.txt")[0], &["dc-vae-8 is an autoencoder of images"]);
}

#[test]
fn a_name_that_is_too_long_for_a_file_is_told_before_the_work() {
    let folder = folder();
    let long = format!("{}.toml", "n".repeat(300));
    let name = long.as_str();
    for arguments in [
        // There is no such model, which is not told: the file comes first.
        vec!["calibrate", "--model", "nothing", "--text-file", "texts.txt", "--out", name],
        vec!["evaluate", "--model", "nothing", "--data", "rows.tsv", "--markdown", name],
        vec!["compare", "nothing", "--html", name],
        vec!["report", "nothing", "--html", name],
    ] {
        refused(folder.path(), &arguments, &["cannot write nnn", "File name too long", "nothing was changed"]);
    }
    for arguments in [
        vec!["prove", "gelu/bolt", "--certificate", name],
        vec!["infer", "--model", "classifier", "--text", "the view", "--transcript", name],
        vec!["new", "gelu/mine", "--poly", "--output", &name.replace(".toml", ".protocol")],
    ] {
        refused(folder.path(), &arguments, &["cannot write nnn", "File name too long", "nothing was changed"]);
    }
}

/// A result that cannot be shown is no reason to keep silent about the files that it came with.
#[cfg(target_os = "linux")]
#[test]
fn where_the_result_cannot_be_shown_the_files_that_are_written_are_named() {
    let folder = folder();
    let full = || Stdio::from(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    for (arguments, file) in [
        (with_texts("classifier", "texts.txt")[0].clone(), "new.toml"),
        (vec!["compare", "gelu/bolt", "gelu/puma", "--html", "page.html"], "page.html"),
        (vec!["prove", "gelu/quad", "--certificate", "proof.json"], "proof.json"),
    ] {
        let output = command(folder.path(), &arguments).stdout(full()).output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("cannot write the result: ") && said.contains(&format!("; written is {file}")), "{said}");
        assert!(folder.path().join(file).is_file(), "{file}");
    }
    let output = command(folder.path(), &["cost", "gelu/bolt"]).stdout(full()).output().unwrap();
    assert!(!said(&output).contains("written is"), "{}", said(&output));
}

#[test]
fn sites_are_named_where_a_fitted_suite_is_compared_and_where_a_run_leaves_one() {
    let folder = folder();
    let at = folder.path();
    fs::write(at.join("one.txt"), "the view\n").unwrap();
    let fit = ["calibrate", "--model", "classifier", "--text-file", "one.txt", "--slack", "0", "--out", "fitted.toml"];
    let (fitted, _) = json(at, &fit);
    let (compared, _) = json(at, &["compare", "classifier", "--suites", "fitted.toml", "--seq", "8"]);
    let functions = compared["suites"][0]["functions"].as_array().unwrap();
    for site in fitted["sites"].as_array().unwrap() {
        let there: Vec<&Value> = functions.iter().filter(|function| function["site"] == site["site"]).collect();
        assert_eq!(there.len(), 1, "{compared}");
        assert_eq!(there[0]["protocol"], site["protocol"]);
    }
    // A function whose protocols are all at sites has no other.
    assert!(functions.iter().all(|function| function["function"] != "gelu" || function["site"].is_string()));
    assert!(functions.iter().any(|function| function["function"] == "softmax" && function["site"].is_null()));
    let text = command(at, &["compare", "classifier", "--suites", "fitted.toml", "--seq", "8"]).output().unwrap();
    assert!(String::from_utf8_lossy(&text.stdout).contains("layer.0/attention/layernorm"));

    let ask = ["infer", "--model", "classifier", "--suite", "fitted.toml", "--text", "a view is empty"];
    let (report, _) = json(at, &ask);
    let violations = report["domain_violations"].as_array().unwrap();
    assert!(!violations.is_empty(), "{report}");
    let text = command(at, &ask).output().unwrap();
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    fs::write(at.join("rows.tsv"), "text\tlabel\na view is empty\tyes\n").unwrap();
    let evaluate = ["evaluate", "--model", "classifier", "--data", "rows.tsv", "--suite", "fitted.toml"];
    let rows = json(at, &evaluate).0["suites"][0]["domains_left"].to_string();
    for violation in violations {
        let region = violation["region"].as_str().unwrap();
        let sites: Vec<&str> =
            violation["sites"].as_array().unwrap().iter().map(|site| site.as_str().unwrap()).collect();
        assert!(!sites.is_empty(), "{violation}");
        for site in sites {
            let protocol = fitted["suite"]["sites"][site].as_str().unwrap();
            assert!(region.contains(protocol) && region.split('/').next() == site.split('/').next(), "{violation}");
            assert!(text.contains(site) && rows.contains(site), "{site}: {text}{rows}");
        }
    }
}

#[test]
fn what_is_named_twice_is_compared_once() {
    let folder = folder();
    let names = ["gelu/series on [-9, 12]", "gelu/bolt", "gelu/series on [-9,12.0]", "gelu/bolt"];
    let (report, said) = json(folder.path(), &[&["compare"][..], &names].concat());
    assert_eq!(report["variants"].as_array().unwrap().len(), 2, "{report}");
    assert_eq!(said.matches("is named twice, and shown once").count(), 2, "{said}");
    let (report, said) = json(folder.path(), &["compare", "classifier", "--suites", "faithful,faithful", "--seq", "8"]);
    assert_eq!(report["suites"].as_array().unwrap().len(), 1);
    assert!(said.contains("faithful is named twice, and shown once"), "{said}");
}

#[test]
fn rows_that_are_fetched_are_said_to_be() {
    let folder = folder();
    let evaluate = ["evaluate", "--model", "classifier", "--data", "rated-sentences/movies"];
    refused(
        folder.path(),
        &evaluate,
        &["`rated-sentences/movies` does not exist", "`viewless fetch`, which prints their folder"],
    );
}

#[test]
fn training_and_distilling_take_names_of_models_as_every_command_does() {
    let folder = folder();
    let at = folder.path();
    fs::create_dir(at.join("rows")).unwrap();
    let row = |i: usize| format!("A film of {i}.\t{}\n", if i.is_multiple_of(2) { "negative" } else { "positive" });
    let rows: String = (0..8).map(row).collect();
    fs::write(at.join("rows/train.tsv"), format!("text\tlabel\n{rows}")).unwrap();
    let recipe = "[data]\ndirectory = \"rows\"\ntask = \"classification\"\nmost-tokens = 16\n[training]\nbatch = 4\nepochs = 2\n";
    fs::write(at.join("recipe.toml"), recipe).unwrap();
    for (command, option) in [("train", "--model"), ("distill", "--teacher")] {
        let with =
            |name: &'static str| [command, "--config", "recipe.toml", "--steps", "1", "--out", command, option, name];
        refused(at, &with("bert-base"), &["bert-base is known by its sizes alone"]);
        refused(at, &with("gelu/bolt"), &["`gelu/bolt` is a protocol; a model is needed here"]);
        let (report, _) = json(at, &with("movies-small"));
        assert_eq!((&report["finished"], &report["steps_done"]), (&false.into(), &1.into()), "{report}");
    }
}
