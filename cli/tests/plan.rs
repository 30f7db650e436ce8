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
    assert!(refuse(&node("T4", "0.0")).contains("a bandwidth of 0.0 Gbit/s"));
    let path = folder.path().join("free.toml");
    fs::write(&path, node("T4", "inf")).expect("a file");
    let text = success(&["plan", "amp", "--experiment", "homogeneous", "--cluster", path.to_str().expect("UTF-8")]);
    // What was measured was measured on the experiment's cluster.
    assert!(!text.contains("Published measurement"), "{text}");
    assert!(refusal(&["plan", "amp", "--experiment", "homogeneous", "--top", "0"]).contains("is not in 1.."));
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
    let deployment = fs::read_to_string(&deployment).expect("a file");
    assert!(deployment.contains("parts = [\"") && deployment.contains("stages = ["), "{deployment}");
    assert!(fs::read_to_string(&map).expect("a file").contains("one-way latency"));
    assert!(refusal(&plan(&["--error", "0"])).contains("the least is"));
    assert!(refusal(&plan(&["--error", "nan"])).contains("an error budget is a number"));
    assert!(refusal(&["plan", "distilbert", "--error", "1", "--suite-space", "additve2"]).contains("names no choice"));
    assert!(refusal(&plan(&["--error", "1", "--requests", "0"])).contains("at least one micro-batch"));
    assert!(refusal(&["plan", "gelu/cosine", "--error", "1"]).contains("is a protocol"));
}

#[test]
fn computation_is_measured_and_then_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    fs::create_dir(at("model")).expect("a folder");
    let config = "{\"model_type\": \"bert\", \"architectures\": [\"BertModel\"], \"vocab_size\": 30, \"hidden_size\": 32, \
                  \"num_attention_heads\": 2, \"intermediate_size\": 64, \"num_hidden_layers\": 2, \
                  \"max_position_embeddings\": 16, \"type_vocab_size\": 2, \"hidden_act\": \"gelu\", \"layer_norm_eps\": 1e-12}";
    fs::write(at("model/config.json"), config).expect("a file");
    let (model, machine) = (at("model"), at("machine.toml"));
    let sizes = ["--seq", "8", "--suite-space", "additive2,exact,carry"];
    let text = success(&[&["plan", "measure", &model, "--write", &machine], &sizes[..]].concat());
    assert!(text.contains("Computation of all parties in one process"), "{text}");
    let plan = |more: &[&'static str], machine: &str| {
        let machine = machine.to_owned();
        let arguments = [&["plan", &model, "--error", "1e3", "--machine", &machine], &sizes[..], more].concat();
        viewless(&arguments)
    };
    let output = plan(&["--json"], &machine);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let number = |name: &str| report["chosen"][name].as_f64().expect("a number");
    assert!(0.0 < number("computation_seconds") && number("computation_seconds") < number("seconds"));
    let words = String::from_utf8(plan(&[], &machine).stdout).expect("UTF-8");
    assert!(words.contains("of messages and computation for a query"), "{words}");
    assert!(words.contains("at 8 tokens with"), "{words}");
    let refused = |text: &str, more: &[&'static str]| {
        let path = at("other.toml");
        fs::write(&path, text).expect("a file");
        let output = plan(more, &path);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    let measured = fs::read_to_string(&machine).expect("a file");
    assert!(refused(&measured, &["--requests", "2"]).contains("one process that computes one query"));
    let without = measured.replace("[rates.sum]", "[rates.some]");
    assert!(refused(&without, &[]).contains("other.toml: TOML parse error"));
    let line = |name: &str| measured.lines().find(|line| line.starts_with(name)).expect("a rate").to_owned();
    let negative = measured.replacen(&line("seconds-per-unit"), "seconds-per-unit = -1.0", 1);
    assert!(refused(&negative, &[]).contains("it is a number from 0 to 1"));
    // What cannot be written is refused before the work.
    let output = plan(&["--write-suite", "/no/such/folder/suite.toml"], &machine);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/no/such/folder/suite.toml"));
}
