//! What things cost, beside one another and beside printed tables.

use super::{array, bytes, infer, json, model, refusal, success, text_of, viewless};
use serde_json::Value;
use std::fs;
use viewless_models::synthetic::small_config;
use viewless_protocols::model::KNOWN;
use viewless_protocols::nonlinear;
use viewless_protocols::suite::Suite;

#[test]
fn cost_of_a_known_model_adds_up() {
    for model in KNOWN {
        for schedule in ["asap", "as-written"] {
            let report =
                json(&["cost", model, "--seq", "16", "--batch", "2", "--suite", "secformer", "--schedule", schedule]);
            assert_eq!((&report["model"], &report["schedule"]), (&model.into(), &schedule.into()));
            // An image has its own number of tokens.
            let tokens = model::known(model).unwrap().image_tokens().unwrap_or(16);
            assert_eq!((&report["seq"], &report["batch"]), (&tokens.into(), &2.into()));
            let online = &report["phases"]["online"];
            let sum = |field: &str| array(&report, "regions").iter().map(|region| bytes(&region[field])).sum::<u64>();
            assert_eq!(sum("bytes_total"), bytes(&online["bytes_total"]));
            assert_eq!(sum("rounds"), bytes(&online["rounds"]));
            assert_eq!(sum("bytes_setup"), bytes(&report["phases"]["setup"]["bytes_total"]));
            assert_eq!(sum("bytes_offline"), bytes(&report["phases"]["offline"]["bytes_total"]));
            let sent = online["bytes_sent"].as_object().unwrap();
            assert_eq!(sent.values().map(bytes).sum::<u64>(), bytes(&online["bytes_total"]));
            assert!(report["failure_probability"].as_f64().unwrap() > 0.0);
            assert!(report["predicted_seconds"].as_f64().unwrap() > 0.0);
            assert_eq!(report["program"]["digest"].as_str().unwrap().len(), 64);
            assert!(bytes(&report["program"]["values"]) > 1000);
        }
    }
}

#[test]
fn cost_shows_our_own_cheaper_choices() {
    let report = json(&["cost", "bert-base", "--seq", "16", "--suite", "secformer"]);
    let online = bytes(&report["phases"]["online"]["bytes_total"]);
    let cheaper = |choice: &str| {
        let found = array(&report, "alternatives").iter().find(|price| price["choice"] == choice);
        bytes(&found.unwrap_or_else(|| panic!("no alternative {choice}"))["bytes_online"]) < online
    };
    assert!(["comparison carry", "gelu/cosine", "comparison carry, gelu/cosine"].into_iter().all(cheaper));
    assert!(success(&["cost", "bert-base", "--seq", "16", "--suite", "secformer"]).contains("with comparison carry"));
}

#[test]
fn cost_is_broken_down_as_asked() {
    let cost = |by: &str| success(&["cost", "bert-base", "--seq", "8", "--by", by]);
    assert!(cost("function").contains("\nlinear "));
    assert!(cost("layer").contains("\nlayer.11 "));
    assert!(cost("region").contains("\nlayer.11/gelu/gelu/cosine "));
    assert!(cost("party").contains("\nsent by dealer ") && cost("party").contains("\nP0 -> P1 "));
    assert!(cost("phase").contains("\noffline ") && !cost("phase").contains("\nlinear "));
}

#[test]
fn cost_counts_every_protocol_under_every_suite() {
    for protocol in nonlinear::Registry::built_in() {
        for suite in Suite::names() {
            let name = protocol.card.name.as_str();
            let report = json(&["cost", name, "--suite", suite, "--seq", "12", "--batch", "3"]);
            assert!(array(&report, "regions").iter().any(|region| region["name"] == name), "{name} {suite}");
            assert!(bytes(&report["phases"]["online"]["bytes_total"]) > 0, "{name} {suite}");
        }
    }
}

#[test]
fn a_comparison_is_a_page_without_anything_outside_it_and_a_markdown_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    let page = path.to_str().unwrap();
    let arguments = ["compare", "bert-base", "--seq", "8", "--suites", "secformer,faithful"];
    let markdown = success(&[&arguments[..], &["--markdown", "--html", page]].concat());
    let cells: Vec<Vec<&str>> =
        markdown.lines().filter(|line| line.starts_with('|')).map(|line| line.split('|').collect()).collect();
    assert!(cells[0].len() > 10 && cells[..4].iter().all(|row| row.len() == cells[0].len()), "{markdown}");
    let html = fs::read_to_string(&path).unwrap();
    assert!(html.starts_with("<!DOCTYPE html>") && html.trim_end().ends_with("</html>"));
    // Hatches are in the page itself.
    let elsewhere = html.replace("url(#hatch-", "");
    for outside in ["<script", "<link", "<img", "http://", "https://", "url("] {
        assert!(!elsewhere.contains(outside), "{outside}");
    }
    // Every number of the table for people is on the page, too.
    let report = json(&arguments);
    for suite in array(&report, "suites") {
        assert!(html.contains(suite["choice"].as_str().unwrap()) && html.contains(&suite["rounds_online"].to_string()));
        assert!(array(suite, "privacy").iter().all(|privacy| privacy["verdict"] == "proved"));
        let sent: u64 = suite["bytes_sent_online"].as_object().unwrap().values().map(bytes).sum();
        assert_eq!(sent, bytes(&suite["bytes_online"]));
    }
    let nowhere = refusal(&[&arguments[..], &["--html", "/nonexistent/page.html"]].concat());
    assert!(nowhere.contains("/nonexistent/page.html"), "{nowhere}");
}

#[test]
fn a_published_table_is_reproduced_cell_by_cell() {
    let report = json(&["reproduce", "secformer-table1"]);
    assert_eq!(report["table"], "secformer-table1");
    let cells = array(&report, "cells");
    let verdict = |row: &str, column: &str| {
        let cell = cells.iter().find(|cell| cell["row"] == row && cell["column"] == column);
        cell.unwrap_or_else(|| panic!("{row}, {column}"))["verdict"].clone()
    };
    assert_eq!(verdict("LT", "bits"), "equal");
    assert_eq!(verdict("LT", "rounds"), "not-reproducible");
    let text = success(&["reproduce", "secformer-table1"]);
    assert!(text.contains(&format!("{} cells: ", cells.len())), "{text}");
    assert!(refusal(&["reproduce", "secformer-table9"]).contains("secformer-table3"));
}

#[test]
fn compare_puts_suites_side_by_side() {
    let names = |report: &Value| -> Vec<String> {
        array(report, "suites").iter().map(|price| price["choice"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&json(&["compare", "bert-base", "--seq", "8"])), Suite::names().collect::<Vec<_>>());
    let report = json(&["compare", "bert-base", "--seq", "8", "--suites", "secformer,faithful"]);
    assert_eq!(names(&report), ["secformer", "faithful"]);
    for price in array(&report, "suites") {
        let predicted = |network: &str| price["predicted_seconds"][network].as_f64().unwrap();
        assert!(predicted("wan") > predicted("lan"));
    }
    // The same Program is counted alike by both commands.
    let cost = json(&["cost", "bert-base", "--seq", "8", "--suite", "faithful"]);
    assert_eq!(report["suites"][1]["bytes_online"], cost["phases"]["online"]["bytes_total"]);
    assert_eq!(report["suites"][1]["rounds_online"], cost["phases"]["online"]["rounds"]);
}

/// Nobody asked for alternatives: one that cannot be compiled is a note, and the bill and the answer are there all the same.
#[test]
fn an_alternative_without_a_price_is_a_note_and_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let suite = folder.path().join("fine.toml");
    let text = include_str!("../../../protocols/src/suites/secformer.toml")
        .replace("fraction-bits = 16", "fraction-bits = 24")
        .replace("name = \"secformer\"", "name = \"fine\"");
    assert!(text.contains("fraction-bits = 24"));
    fs::write(&suite, text).unwrap();
    let suite = suite.to_str().unwrap();
    let report = json(&["cost", "bert-base", "--seq", "8", "--suite", suite]);
    let notes = array(&report, "notes");
    assert!(notes.iter().any(|note| note.as_str().unwrap().starts_with("no price with ")), "{notes:?}");
    assert!(bytes(&report["phases"]["online"]["bytes_total"]) > 0);
    let model = model(&small_config());
    let output = viewless(&infer(model.path(), &["--suite", suite]));
    // The run may break claims of protocols that are meant for other fixed points; it must not be thrown away.
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", text_of(&output));
    assert!(text_of(&output).contains("digest"));
}

#[test]
fn protocols_of_a_function_stand_side_by_side() {
    let report = json(&["compare", "tanh", "--seq", "16"]);
    let names: Vec<&str> = array(&report, "variants").iter().map(|variant| variant["name"].as_str().unwrap()).collect();
    assert!(names.len() >= 3 && names.iter().all(|name| name.starts_with("tanh/")), "{names:?}");
    let text = success(&["compare", "tanh/sine", "tanh/sigmoid", "--seq", "16"]);
    assert!(text.starts_with("Of 2 protocols"), "{text}");
    assert!(refusal(&["compare", "tanh/sine", "bert-base"]).contains("bert-base"));
}
