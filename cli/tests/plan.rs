//! `viewless plan` as its users run it: answers, exit codes, sentences, files.

use serde_json::Value;
use std::fs;
use std::process::{Command, Output};

fn viewless(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_viewless")).args(arguments).output().expect("the binary runs")
}

fn success(arguments: &[&str]) -> String {
    let output = viewless(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("output is UTF-8")
}

fn refusal(arguments: &[&str]) -> String {
    let output = viewless(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    String::from_utf8(output.stderr).expect("output is UTF-8")
}

/// A plan of a small query, with more arguments.
fn plan<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["plan", "distilbert", "--seq", "8", "--suite-space", "additive2,exact,carry"], more].concat()
}

#[test]
fn amp_is_answered_as_coded_and_exactly() {
    let best = |answer: &str| {
        let text = success(&["plan", "amp", "--experiment", "het-cluster", answer, "--json"]);
        let report: Value = serde_json::from_str(&text).expect("JSON");
        report["candidates"][0].clone()
    };
    assert_eq!(best("--as-coded")["cuts"], serde_json::json!([0, 7, 14, 20, 30]));
    assert_eq!(best("--exact")["lengths"], serde_json::json!([9, 7, 7, 7]));
    assert_eq!(best("--per-stage-speed")["lengths"], serde_json::json!([8, 7, 7, 8]));
    let text = success(&["plan", "amp", "--experiment", "het-model"]);
    assert!(text.contains("Published measurement, which no model here produces"), "{text}");
}

#[test]
fn degenerate_clusters_are_refused_with_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let refuse = |text: &str| {
        let path = folder.path().join("cluster.toml");
        fs::write(&path, text).expect("a file");
        refusal(&["plan", "amp", "--experiment", "homogeneous", "--cluster", path.to_str().expect("UTF-8")])
    };
    let node = |gpu: &str, between: &str| {
        format!(
            "[[node]]\ngpu = \"{gpu}\"\ngpus = 4\nbetween-nodes-gigabits-per-second = {between}\n\
             within-node-gigabits-per-second = 50.0\n"
        )
    };
    assert!(refuse("").contains("the cluster is empty"));
    assert!(refuse(&node("A100", "50.0")).contains("known: T4, V100"));
    assert!(refuse(&node("T4", "0.0")).contains("a bandwidth of 0e0 Gbit/s"));
    let path = folder.path().join("free.toml");
    fs::write(&path, node("T4", "inf")).expect("a file");
    success(&["plan", "amp", "--experiment", "homogeneous", "--cluster", path.to_str().expect("UTF-8")]);
}

#[test]
fn a_private_plan_is_a_suite_that_other_commands_take_and_unreachable_budgets_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (suite, deployment, map) = (at("suite.toml"), at("deployment.toml"), at("map.svg"));
    let files = ["--write-suite", &suite, "--write-deployment", &deployment, "--plot-map", &map];
    let text = success(&plan(&[&["--error", "1e3", "--json"], &files[..]].concat()));
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let counted = success(&["cost", "distilbert", "--seq", "8", "--suite", &suite, "--json"]);
    let counted: Value = serde_json::from_str(&counted).expect("JSON");
    let planned = report["chosen"]["seconds"].as_f64().expect("a number");
    assert_eq!(counted["network_seconds"].as_f64(), Some(planned));
    // What is proved is about the parts added up: as a whole some messages may leave earlier.
    let added_up = report["added_up_seconds"].as_f64().expect("a number");
    assert!(planned <= added_up * (1.0 + 1e-9));
    assert!(report["lower_bound_seconds"].as_f64().expect("a number") <= added_up * (1.0 + 1e-9));
    assert!(fs::read_to_string(&deployment).expect("a file").contains("stages = ["));
    assert!(fs::read_to_string(&map).expect("a file").contains("one-way latency"));
    assert!(refusal(&plan(&["--error", "0"])).contains("the least is"));
    assert!(refusal(&plan(&["--error", "nan"])).contains("an error budget is a number"));
    assert!(refusal(&["plan", "distilbert", "--error", "1", "--suite-space", "additve2"]).contains("names no choice"));
    assert!(refusal(&plan(&["--error", "1", "--requests", "0"])).contains("at least one micro-batch"));
    assert!(refusal(&["plan", "gelu/cosine", "--error", "1"]).contains("is a protocol"));
}
