//! The binary as its users run it: exit codes, JSON, sentences. Nothing is downloaded.

mod counting;
mod inference;
mod verdicts;

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use viewless_models::Precision;
use viewless_models::synthetic;
use viewless_protocols::model::{self, TransformerConfig};
use viewless_protocols::nonlinear;
use viewless_protocols::suite::Suite;

/// A cache in which there is nothing, so that no test depends on what was fetched.
const NO_CACHE: &str = "/nonexistent/viewless-cache";

fn viewless(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_viewless"));
    command.args(arguments).env("VIEWLESS_CACHE", NO_CACHE).env_remove("VIEWLESS_LOG");
    command.output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("output is UTF-8")
}

/// Standard output of a command that must succeed, and say nothing else.
fn success(arguments: &[&str]) -> String {
    let output = viewless(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

fn json(arguments: &[&str]) -> Value {
    let text = success(&[arguments, &["--json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?} printed no JSON: {error}"))
}

/// The sentence on standard error of a command that must be refused, with nothing on standard output.
fn refusal(arguments: &[&str]) -> String {
    let output = viewless(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stdout));
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
    let sentence = text(&output.stderr).to_owned();
    assert!(sentence.starts_with("error: "), "{arguments:?}: {sentence}");
    assert!(!sentence.contains("panicked"), "{arguments:?}: {sentence}");
    sentence
}

fn bytes(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number of bytes"))
}

fn array<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().unwrap_or_else(|| panic!("`{field}` is no list in {value}"))
}

#[test]
fn help_names_every_command_and_version_is_told() {
    let help = success(&["--help"]);
    for command in [
        "list",
        "fetch",
        "infer",
        "cost",
        "compare",
        "report",
        "reproduce",
        "audit",
        "assay",
        "new",
        "prove",
        "check",
        "plan",
        "dump",
    ] {
        assert!(help.contains(command), "{command}");
        assert!(success(&[command, "--help"]).contains("--json"), "{command}");
    }
    assert!(success(&["--version"]).contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn list_has_every_protocol_suite_model_and_network() {
    let (all, everything) = (success(&["list"]), json(&["list"]));
    let names = |kind: &str| -> Vec<String> {
        array(&everything, kind).iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
    };
    let protocols: Vec<&str> =
        nonlinear::Registry::built_in().iter().map(|protocol| protocol.card.name.as_str()).collect();
    assert_eq!(names("protocols"), protocols);
    assert_eq!(names("suites"), Suite::names().collect::<Vec<_>>());
    for name in ["protocols", "suites", "models", "networks"].iter().flat_map(|kind| names(kind)) {
        assert!(all.contains(&name), "{name}");
        assert!(success(&["list", &name]).starts_with(&name), "{name}");
        assert!(json(&["list", &name]).is_object(), "{name}");
    }
}

#[test]
fn dump_prints_both_forms() {
    for protocol in nonlinear::Registry::built_in() {
        let name = protocol.card.name.as_str();
        assert!(success(&["dump", name, "--form", "circuit", "--seq", "4"]).contains("= input client \"x\""), "{name}");
        let program = success(&["dump", name, "--form", "program", "--seq", "4"]);
        assert!(program.starts_with("program among {P0,P1,dealer,client") && program.contains("= send"), "{name}");
    }
    let dump = json(&["dump", "gelu/cosine", "--form", "program", "--seq", "4"]);
    let cost = json(&["cost", "gelu/cosine", "--seq", "4"]);
    assert_eq!(dump["digest"], cost["program"]["digest"]);
    assert_eq!(array(&dump["program"], "values").len() as u64, bytes(&cost["program"]["values"]));
    assert!(json(&["dump", "bert-base", "--form", "circuit", "--seq", "4"])["circuit"].is_object());
}

#[test]
fn a_reader_that_stops_reading_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_viewless"))
        .args(["dump", "bert-base", "--form", "program", "--seq", "4"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the binary ends");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn bad_usage_is_refused_with_a_sentence_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let negative = write("n.toml", "name = \"n\"\nbandwidth-bits-per-second = -1.0\nlatency-seconds = 0.1\n");
    let no_suite = write("s.toml", "name = \"s\"\n");
    let empty = folder.path().to_str().unwrap().to_owned();
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage"),
        (&["costs"], "cost"),
        (&["cost"], "MODEL|DIR|PROTOCOL"),
        (&["cost", "bert-huge"], "`viewless list`"),
        (&["cost", "gelu/none"], "`viewless list`"),
        (&["cost", "faithful", "--suite", "bert-base"], "`bert-base` is a model"),
        (&["cost", "faithful"], "`faithful` is a suite"),
        (&["cost", "lan"], "`lan` is a network"),
        (&["cost", "bert-base", "--suite", "none"], "faithful"),
        (&["cost", "bert-base", "--suite", "none.toml"], "none.toml"),
        (&["cost", "bert-base", "--suite", &no_suite], "s.toml"),
        (&["cost", "bert-base", "--network", "moon"], "moon"),
        (&["cost", "bert-base", "--network", &negative], "must be positive"),
        (&["cost", "bert-base", "--seq", "0"], "--seq"),
        (&["cost", "bert-base", "--seq", "-3"], "-3"),
        (&["cost", "bert-base", "--seq", "513"], "1 to 512"),
        (&["cost", "bert-base", "--batch", "0"], "--batch"),
        (&["cost", "bert-base", "--seq", "512", "--batch", "1048576"], "--batch 1048576"),
        (&["cost", "bert-base", "--by", "colour"], "function"),
        (&["cost", "bert-base", "--schedule", "never"], "as-written"),
        (&["cost", &empty], "config.json"),
        (&["cost", "/no/such/model"], "/no/such/model"),
        (&["cost", "all-MiniLM-L6-v2"], "viewless fetch all-MiniLM-L6-v2"),
        (&["compare", "bert-base", "--suites", "faithful,none"], "none"),
        (&["compare", "none"], "none"),
        (&["dump", "gelu/cosine"], "--form"),
        (&["dump", "gelu/cosine", "--form", "poem"], "circuit"),
        (&["list", "nothing"], "nothing"),
        (&["fetch", "nothing"], "all-MiniLM-L6-v2"),
        (&["infer"], "--text"),
        (&["infer", "--text", "x", "--seed", "minus one"], "64 hexadecimal digits"),
        (&["infer", "--text", "x", "--seed", "1", "--random-seed"], "cannot be used with"),
        (&["infer", "--text", "x", "--threads", "0"], "--threads"),
    ];
    for (arguments, words) in cases {
        if arguments.is_empty() {
            // Without a command, clap prints the help, to standard error.
            assert_eq!(viewless(&[]).status.code(), Some(2));
            continue;
        }
        let sentence = refusal(arguments);
        assert!(sentence.contains(words), "{arguments:?}: {sentence}");
    }
}

fn text_of(output: &Output) -> String {
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// The first line answers the question, and the legend is there for who asks for it.
#[test]
fn every_report_begins_with_a_sentence_and_explains_itself_when_asked() {
    let commands: &[&[&str]] = &[
        &["cost", "bert-base", "--seq", "8"],
        &["compare", "bert-base", "--seq", "8", "--suites", "faithful"],
        &["compare", "tanh", "--seq", "8"],
        &["prove", "exp/limit", "--seq", "4"],
        &["assay", "tanh/sine", "--seq", "4"],
        &["audit", "bert-base", "--seq", "8", "--suite", "faithful"],
        &["report", "bert-base", "--seq", "8"],
    ];
    for command in commands {
        let (short, long) = (success(command), success(&[command, &["--explain"][..]].concat()));
        let sentence = short.split("\n\n").next().unwrap().split('\n').collect::<Vec<_>>().join(" ");
        assert!(sentence.contains(' ') && short.contains(". ") || short.contains(".\n"), "{command:?}: {short}");
        assert!(short.contains("--explain") && !long.contains("--explain says"), "{command:?}");
        assert!(long.len() > short.len() + 100, "{command:?}");
    }
}

/// A synthetic model in a temporary folder.
fn model(config: &TransformerConfig) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    synthetic::write_synthetic(folder.path(), config, 1, Precision::F32).unwrap();
    folder
}

fn infer<'a>(model: &'a Path, arguments: &[&'a str]) -> Vec<&'a str> {
    let model = model.to_str().expect("temporary folders have plain names");
    [&["infer", "--model", model, "--text", "the view is empty and nobody sees a secret"], arguments].concat()
}

/// The JSON of an inference, whose seed goes to standard error.
fn inferred(model: &Path, arguments: &[&str]) -> Value {
    let arguments = infer(model, arguments);
    let output = viewless(&[&arguments, &["--json"][..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).starts_with("seed "));
    serde_json::from_slice(&output.stdout).expect("the report is JSON")
}
