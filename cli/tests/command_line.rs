//! The binary as its users run it: exit codes, JSON, sentences. Nothing is downloaded.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use viewless_models::Precision;
use viewless_models::synthetic::{self, small_config};
use viewless_protocols::model::{self, Architecture, Head, KNOWN, TransformerConfig, TransformerDraft};
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
    for outside in ["<script", "<link", "<img", "http://", "https://", "url("] {
        assert!(!html.contains(outside), "{outside}");
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

#[test]
fn dump_prints_both_forms() {
    for protocol in nonlinear::Registry::built_in() {
        let name = protocol.card.name.as_str();
        assert!(success(&["dump", name, "--form", "circuit", "--seq", "4"]).contains("= input client `x`"), "{name}");
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
    let negative = write("n.toml", "name = \"n\"\nbandwidth_bits_per_second = -1.0\nlatency_seconds = 0.1\n");
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

/// Nobody asked for alternatives: one that cannot be compiled is a note, and the bill and the answer are there all the same.
#[test]
fn an_alternative_without_a_price_is_a_note_and_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let suite = folder.path().join("fine.toml");
    let text =
        include_str!("../../protocols/src/suites/secformer.toml").replace("fraction-bits = 16", "fraction-bits = 24");
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

fn text_of(output: &Output) -> String {
    format!("{}{}", text(&output.stdout), text(&output.stderr))
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

#[test]
fn a_private_inference_agrees_with_plaintext_and_reports_everything() {
    let folder = model(&small_config());
    let report = inferred(folder.path(), &["--suite", "faithful"]);
    assert!(report["cosine"].as_f64().unwrap() > 0.999, "{}", report["cosine"]);
    assert!(report["max_abs_error"].as_f64().unwrap() < 0.05, "{}", report["max_abs_error"]);
    for field in ["output", "plaintext"] {
        assert_eq!(array(&report[field], "pooled").len(), small_config().hidden_size);
    }
    let phases = report["cost"]["phases"].as_object().unwrap();
    let counted: u64 = phases.values().map(|phase| bytes(&phase["bytes_total"])).sum();
    assert_eq!(bytes(&report["bytes_moved"]), counted);
    assert_eq!((&report["wrap_probability"], &report["wraps"]), (&0.0.into(), &0.into()));
    assert_eq!(report["cost"]["failure_probability"], 0.0);
    assert_eq!(report["cost"]["alternatives"][0]["choice"], "truncation local");
    assert_eq!(report["cost"]["seq"].as_u64().unwrap(), array(&report, "tokens").len() as u64);
    assert_eq!(report["transcript_digest"].as_str().unwrap().len(), 64);
    assert_eq!((&report["suite"], &report["cost"]["suite"]), (&"faithful".into(), &"faithful".into()));
    assert!(report["text"].as_str().unwrap().contains("empty"));
    assert!(report["seconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn the_seed_alone_decides_the_transcript() {
    let folder = model(&small_config());
    let run = |arguments: &[&str]| {
        let report = inferred(folder.path(), arguments);
        (report["transcript_digest"].clone(), report["output"].clone(), report["seed"].as_str().unwrap().to_owned())
    };
    let one = run(&["--threads", "1", "--seed", "3"]);
    assert_eq!(one, run(&["--threads", "2", "--seed", "3"]));
    assert_eq!(one, run(&["--seed", &one.2]));
    assert_ne!(one.0, run(&["--seed", "4"]).0);
    let random = run(&["--random-seed"]);
    assert_ne!(random.0, run(&["--random-seed"]).0);
    assert_eq!(random, run(&["--seed", &random.2]), "the seed that is reported replays the run");
}

#[test]
fn a_classifier_names_its_label() {
    let labels = ["no", "perhaps", "yes"].map(str::to_owned).to_vec();
    let folder =
        model(&TransformerDraft { head: Head::Classifier { labels }, ..small_config().draft() }.check().unwrap());
    let report = inferred(folder.path(), &[]);
    assert_eq!(report["output"]["label"], report["plaintext"]["label"]);
    assert_eq!(array(&report["output"], "logits").len(), 3);
    assert!(success(&infer(folder.path(), &[])).contains("\nlabel "));
}

#[test]
fn a_decoder_gives_the_next_token_and_its_sites_are_audited_row_by_row() {
    let folder = model(&synthetic::small(Architecture::Gpt2));
    let report = inferred(folder.path(), &[]);
    assert_eq!(array(&report["output"], "logits").len(), 290);
    assert_eq!(report["output"]["label"], report["plaintext"]["label"]);
    assert!(report["notes"][0].as_str().unwrap().contains("tanh form"));
    let texts = folder.path().join("texts");
    std::fs::write(&texts, "the view is empty\n").unwrap();
    let (directory, texts) = (folder.path().to_str().unwrap(), texts.to_str().unwrap());
    let audit = ["audit", "--model", directory, "--text-file", texts, "--private-texts", "0"];
    let report = json(&audit);
    let sites: Vec<&str> = array(&report, "sites").iter().map(|site| site["site"].as_str().unwrap()).collect();
    assert_eq!(
        sites[..4],
        ["layer.0/attention/layernorm", "layer.0/softmax", "layer.0/output/layernorm", "layer.0/gelu"]
    );
    assert_eq!(sites.last(), Some(&"layernorm"));
    assert!(array(&report, "sites").iter().all(|site| site["outside"] == 0));
}

/// A picture of 4 x 4 pixels.
const PICTURE: &[u8] = &[
    137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 4, 0, 0, 0, 4, 8, 2, 0, 0, 0, 38, 147, 9,
    41, 0, 0, 0, 55, 73, 68, 65, 84, 120, 218, 5, 193, 49, 1, 0, 48, 8, 4, 177, 179, 129, 3, 102, 102, 28, 176, 32, 2,
    17, 191, 96, 163, 74, 16, 216, 4, 192, 177, 38, 68, 65, 154, 103, 116, 150, 114, 64, 225, 170, 214, 72, 11, 87,
    126, 211, 183, 186, 247, 1, 7, 99, 14, 17, 156, 253, 149, 64, 0, 0, 0, 0, 73, 69, 78, 68, 174, 66, 96, 130,
];

#[test]
fn a_model_of_images_is_asked_about_a_picture_and_about_nothing_else() {
    let labels = ["cat", "dog"].map(str::to_owned).to_vec();
    let head = Head::Classifier { labels };
    let folder = model(&TransformerDraft { head, ..synthetic::small(Architecture::Vit).draft() }.check().unwrap());
    let (directory, picture) = (folder.path().to_str().unwrap(), folder.path().join("picture.png"));
    std::fs::write(&picture, PICTURE).unwrap();
    let picture = picture.to_str().unwrap();
    let report = json(&["infer", "--model", directory, "--image", picture]);
    assert_eq!(array(&report["output"], "logits").len(), 2);
    assert!(report["cosine"].as_f64().unwrap() > 0.999, "{}", report["cosine"]);
    assert_eq!(report["cost"]["seq"], 10);
    assert!(
        success(&["infer", "--model", directory, "--image", picture]).contains("10: 9 patches and the class token")
    );
    let bert = model(&small_config());
    let bert = bert.path().to_str().unwrap();
    for (directory, option, asked, words) in [
        (directory, "--text", "a cat", "asked about images"),
        (directory, "--image", "/no/such/file.png", "/no/such/file.png"),
        (bert, "--image", picture, "asked about texts"),
    ] {
        // The seed comes first, on standard output, so that a run that fails can be replayed.
        let output = viewless(&["infer", "--model", directory, option, asked]);
        assert_eq!(output.status.code(), Some(2), "{asked}");
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
    refusal(&["infer", "--model", directory]);
}

#[test]
fn the_text_of_an_inference_starts_with_the_seed_and_tells_conventions() {
    let folder = model(&small_config());
    let text =
        success(&infer(folder.path(), &["--seed", "5", "--network", "wan", "--schedule", "as-written", "--explain"]));
    assert!(text.starts_with("seed 5 "), "{text}");
    for words in
        ["cosine", "max error", "with truncation local", "digest", "claims     all hold", "\nwan ", "as-written"]
    {
        assert!(text.contains(words), "`{words}` is missing in\n{text}");
    }
}

#[test]
fn a_run_that_breaks_a_claim_has_a_negative_verdict() {
    // 2Quad as published needs row sums below 2, which no sentence has.
    let folder = model(&small_config());
    let output = viewless(&infer(folder.path(), &["--suite", "secformer-code"]));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("NOT all hold"));
}

#[test]
fn a_model_directory_is_counted_without_its_weights() {
    let folder = model(&small_config());
    fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    let directory = folder.path().to_str().unwrap();
    assert_eq!(json(&["cost", directory, "--seq", "64"])["model"], directory);
    assert!(refusal(&["cost", directory, "--seq", "65"]).contains("1 to 64"));
    assert!(refusal(&["cost", directory]).contains("--seq 128"));
}

#[test]
fn models_and_texts_that_cannot_be_used_are_refused_by_infer() {
    let folder = model(&small_config());
    let refused = |arguments: &[&str]| {
        let output = viewless(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        text(&output.stderr).to_owned()
    };
    let directory = folder.path().to_str().unwrap();
    // A text without words is not one of them: it has the special tokens.
    success(&["infer", "--model", directory, "--text", ""]);
    // Nor is a text that is too long for a model of sentences: its end is left out, and that is said.
    assert!(success(&["infer", "--model", directory, "--text", &"the view ".repeat(40)]).contains("are left out"));
    assert!(refused(&["infer", "--model", "/no/such/model", "--text", "x"]).contains("/no/such/model"));
    fs::write(folder.path().join("model.safetensors"), "no weights").unwrap();
    assert!(refused(&["infer", "--model", directory, "--text", "x"]).contains("model.safetensors"));
}

#[test]
fn every_suite_is_proved_for_every_promised_coalition_and_its_certificates_check() {
    let folder = tempfile::tempdir().unwrap();
    for suite in Suite::names() {
        let file = folder.path().join(format!("{suite}.json"));
        let file = file.to_str().unwrap();
        let proof = json(&["prove", "bert-base", "--suite", suite, "--seq", "128", "--certificate", file]);
        assert!(array(&proof, "coalitions").iter().all(|coalition| coalition["verdict"] == "proved"), "{suite}");
        assert_eq!(array(&proof, "coalitions").len(), 5);
        let check = json(&["check", file, "--subject", "bert-base", "--suite", suite, "--seq", "128"]);
        assert_eq!((&check["digest"], &check["stated_by_user"]), (&proof["digest"], &true.into()));
        assert!(array(&check, "coalitions").iter().all(|coalition| coalition["valid"] == true), "{suite}");
    }
}

#[test]
fn two_computing_parties_together_learn_everything_and_the_verdict_says_where() {
    let output = viewless(&["prove", "gelu/cosine", "--seq", "2", "--coalition", "P0,P1", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let coalition = &report["coalitions"][0];
    assert_eq!((coalition["verdict"].as_str(), coalition["promised"].as_bool()), (Some("undecided"), Some(false)));
    assert!(array(coalition, "offending").iter().all(|one| one["region"].is_string() && one["why"].is_string()));
    assert!(!array(coalition, "offending").is_empty());
}

#[test]
fn forged_certificates_and_strange_coalitions_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("proof.json");
    let path = file.to_str().unwrap();
    success(&["prove", "exp/limit", "--seq", "4", "--certificate", path]);
    // A proof of four elements proves nothing of five, and not with its steps in another order.
    let stored: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let refused = |forged: &Value| {
        fs::write(&file, forged.to_string()).unwrap();
        let output = viewless(&["check", path]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        text(&output.stdout).to_owned()
    };
    let mut longer = stored.clone();
    longer["seq"] = 5.into();
    assert!(refused(&longer).contains("is about the Program"));
    let mut reversed = stored.clone();
    for claim in reversed["coalitions"].as_array_mut().unwrap() {
        claim["certificate"]["steps"].as_array_mut().unwrap().reverse();
    }
    assert!(refused(&reversed).contains("step"));
    // What the file says of itself is said to be the file's, and a built-in suite's name is not lent to other contents.
    let mut renamed = stored.clone();
    renamed["suite"]["name"] = "secformer".into();
    fs::write(&file, renamed.to_string()).unwrap();
    let own_words = success(&["check", path]);
    assert!(own_words.contains("as stated by the file") && own_words.contains("not the built-in suite of that name"));
    assert_eq!(viewless(&["check", path, "--subject", "exp/limit", "--seq", "4"]).status.code(), Some(0));
    assert_eq!(viewless(&["check", path, "--subject", "exp/limit", "--seq", "5"]).status.code(), Some(1));
    // A promised coalition that is not there.
    let mut fewer = stored.clone();
    fewer["coalitions"].as_array_mut().unwrap().retain(|claim| claim["parties"][0] == "Dealer");
    assert!(refused(&fewer).contains("the file says nothing of it"));
    fs::write(&file, "{}").unwrap();
    assert!(refusal(&["check", path]).contains("proof.json"));
    assert!(refusal(&["check", "/no/such/file"]).contains("/no/such/file"));
    assert!(refusal(&["prove", "exp/limit", "--coalition", "P7"]).contains("P7"));
    assert!(refusal(&["prove", "exp/limit", "--coalition", "P2"]).contains("P2"));
    assert!(
        refusal(&["prove", "exp/limit", "--certificate", "/no/such/folder/proof.json"]).contains("/no/such/folder")
    );
}

#[test]
fn a_served_model_with_a_public_table_is_inferred_and_its_messages_are_recorded() {
    let folder = model(&small_config());
    let suite = folder.path().join("served.toml");
    let faithful = serde_json::to_value(Suite::built_in("faithful").unwrap()).unwrap();
    let text = format!(
        "name = 'served'\nsummary = 'weights in clear at P0, public embedding table'\nfraction-bits = 16\nembedding = 'client'\n\
         [scheme]\nkind = 'additive2'\ntruncation = 'exact'\ncomparison = 'carry'\ntriples = 'fixed-weight'\nweights = 'server'\n\
         [protocols]\ngelu = {}\nsoftmax = {}\nlayernorm = {}\ntanh = {}\n",
        faithful["protocols"]["gelu"],
        faithful["protocols"]["softmax"],
        faithful["protocols"]["layernorm"],
        faithful["protocols"]["tanh"],
    );
    fs::write(&suite, text).unwrap();
    let transcript = folder.path().join("messages.jsonl");
    let report =
        inferred(folder.path(), &["--suite", suite.to_str().unwrap(), "--transcript", transcript.to_str().unwrap()]);
    assert!(report["cosine"].as_f64().unwrap() > 0.999);
    // Nobody but P0 sends weights, and the bytes recorded are those moved.
    assert!(report["cost"]["phases"]["setup"]["bytes_sent"].get("model-owner").is_none());
    let messages = fs::read_to_string(&transcript).unwrap();
    let messages = messages.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(messages.map(|message| bytes(&message["bytes"])).sum::<u64>(), bytes(&report["bytes_moved"]));
}

#[test]
fn an_audit_certifies_what_runs_show_and_draws_it() {
    let folder = tempfile::tempdir().unwrap();
    let plot = folder.path().join("error.svg");
    let plot = plot.to_str().unwrap();
    let report = json(&["audit", "gelu/cosine", "--domain", "-1:1", "--suite", "secformer", "--plot", plot]);
    let number = |field: &str| report[field].as_f64().unwrap();
    assert!(number("observed_max_error") <= number("certified_max_error"));
    assert_eq!((report["verdict"].as_str(), report["exhaustive"].as_bool()), (Some("holds"), Some(true)));
    assert!(fs::read_to_string(plot).unwrap().starts_with("<svg"));
    let picture = folder.path().join("error.png");
    let picture = picture.to_str().unwrap();
    success(&["audit", "gelu/cosine", "--domain", "-1:1", "--samples", "4096", "--plot", picture]);
    assert!(fs::read(picture).unwrap().starts_with(b"\x89PNG"));
    for (arguments, names) in [
        (["--domain", "1:-1"], "1:-1"),
        (["--domain", "0:1e30"], "2^31"),
        (["--domain", "1e-7:2e-7"], "no number with 16 fraction bits"),
        (["--domain", "middle"], "LO:HI"),
        (["--plot", "/no/such/folder/error.svg"], "/no/such/folder"),
        (["--plot", "error.gif"], "ends in .svg or .png"),
        (["--plot", "/proc/error.png"], "/proc/error.png"),
    ] {
        let sentence = refusal(&[&["audit", "gelu/cosine"][..], &arguments].concat());
        assert!(sentence.contains(names), "{sentence}");
    }
    assert!(refusal(&["audit", "gelu/none"]).contains("gelu/none"));
    // A claim about the reals that does not hold beyond the card's domain.
    let beyond = viewless(&["audit", "gelu/quad", "--domain", "-12:12", "--samples", "4096", "--json"]);
    assert_eq!(beyond.status.code(), Some(1), "{}", text(&beyond.stderr));
    let beyond: Value = serde_json::from_slice(&beyond.stdout).unwrap();
    assert_eq!((&beyond["verdict"], &beyond["findings"][0]["check"]), (&"exceeds".into(), &"claimed-error".into()));
}

#[test]
fn the_sites_of_a_model_are_judged_on_its_own_numbers() {
    let folder = model(&small_config());
    let texts = folder.path().join("texts.txt");
    fs::write(&texts, "the cat sat\n\nthe dog\n").unwrap();
    let (directory, texts) = (folder.path().to_str().unwrap(), texts.to_str().unwrap());
    let report = json(&["audit", "--model", directory, "--text-file", texts]);
    // Two layers, four sites in each, and the embeddings' normalisation.
    assert_eq!((array(&report, "sites").len(), report["texts"].as_u64()), (9, Some(2)));
    assert!(array(&report, "sites").iter().all(|site| site["outside"] == 0), "{report}");
    assert_eq!((array(&report["private"], "sites").len(), report["private"]["texts"].as_u64()), (9, Some(2)));
    assert!(report["private"].get("first_divergence").is_none());
    assert!(
        json(&["audit", "--model", directory, "--text-file", texts, "--private-texts", "0"]).get("private").is_none()
    );
    let suite = folder.path().join("undeflated.toml");
    fs::write(
        &suite,
        include_str!("../../protocols/src/suites/secformer.toml").replace("softmax/2quad", "softmax/2quad-code"),
    )
    .unwrap();
    let diverging =
        ["audit", "--model", directory, "--text-file", texts, "--suite", suite.to_str().expect("a plain name")];
    let output = viewless(&diverging);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).contains("diverges first at layer.0/softmax (region layer.0/softmax/softmax/2quad-code)")
    );
    assert!(refusal(&["audit"]).contains("PROTOCOL"));
    assert!(refusal(&["audit", "--model", directory]).contains("--text-file"));
    fs::write(texts, "\n").unwrap();
    assert!(refusal(&["audit", "--model", directory, "--text-file", texts]).contains("no text"));
}

#[test]
fn the_failures_of_a_model_are_summed_under_every_suite_and_a_run_sums_them_over_its_own_numbers() {
    let output = viewless(&["audit", "bert-base", "--seq", "8", "--json"]);
    assert_eq!(output.status.code(), Some(1), "suites with local truncation are not safe: {}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(array(&report, "suites").len(), Suite::names().count());
    for suite in array(&report, "suites") {
        assert_eq!(suite["safe"], suite["truncation"] == "exact", "{suite}");
        assert_eq!(suite["exact"]["expected_corrupted"], 0.0);
        assert!(suite["local"]["expected_corrupted"].as_f64().unwrap() > 0.0);
        assert!(bytes(&suite["exact"]["price"]["bytes_online"]) > bytes(&suite["local"]["price"]["bytes_online"]));
    }
    success(&["audit", "bert-base", "--seq", "8", "--suite", "faithful"]);
    success(&["audit", "bert-base", "--seq", "8", "--suite", "secformer", "--failure-limit", "1"]);
    let folder = model(&small_config());
    let directory = folder.path().to_str().unwrap();
    let report = json(&["audit", directory, "--text", "the cat sat", "--suite", "secformer", "--failure-limit", "1"]);
    let local = &report["suites"][0]["local"];
    assert!(local["functions"].as_array().unwrap().iter().all(|function| function["corrupted"].is_u64()));
    assert!(report.get("assumed_magnitude").is_none() && bytes(&local["truncated"]) > 1000);
    for (arguments, names) in [
        (["--failure-limit", "2"], "from 0 to 1"),
        (["--seq", "0"], "--seq"),
        (["--seq", "513"], "1 to 512"),
        (["--suite", "none"], "faithful"),
    ] {
        let sentence = refusal(&[&["audit", "bert-base"][..], &arguments].concat());
        assert!(sentence.contains(names), "{sentence}");
    }
    assert!(refusal(&["audit", "bert-base", "--text", "x"]).contains("bert-base"));
}

#[test]
fn an_assay_has_every_verdict_on_one_page() {
    let page = success(&["assay", "tanh/sine", "--seq", "4", "--runs", "16"]);
    assert!(
        ["CARD", "RIGHT", "PRIVATE", "STATISTICS", "CHEAP"]
            .iter()
            .all(|section| page.contains(&format!("== {section} ==")))
    );
    let assay = json(&["assay", "softmax/exp", "--seq", "8", "--runs", "1"]);
    assert_eq!(assay["statistics"]["coalitions"][0]["verdict"], "no evidence");
    assert_eq!(assay["right"]["verdict"], "holds");
    assert_eq!(assay["private"]["coalitions"][0]["verdict"], "proved");
    assert!(bytes(&assay["cheap"]["phases"]["online"]["bytes_total"]) > 0);
    assert!(refusal(&["assay", "bert-base"]).contains("a protocol is needed"));
}

#[test]
fn statistics_stand_beside_the_proof_and_show_two_parties_together() {
    let folder = tempfile::tempdir().unwrap();
    let plot = folder.path().join("views.svg");
    let plot = plot.to_str().unwrap();
    let alone = ["prove", "gelu/quad", "--seq", "2", "--statistics", "--runs", "40"];
    let report = json(&[&alone[..], &["--plot", plot]].concat());
    let statistics = &report["statistics"];
    assert_eq!((bytes(&statistics["runs"]), bytes(&statistics["seed"])), (40, 0));
    for coalition in array(statistics, "coalitions") {
        assert_eq!(coalition["verdict"], "no evidence", "{coalition}");
    }
    let picture = fs::read_to_string(plot).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("no evidence of leakage"));
    let page = success(&alone);
    assert!(page.contains("no evidence") && page.contains("found with 99 %"), "{page}");

    let together = viewless(&[&alone[..], &["--coalition", "P0,P1", "--json"]].concat());
    assert_eq!(together.status.code(), Some(1), "{}", text(&together.stderr));
    let together: Value = serde_json::from_slice(&together.stdout).unwrap();
    assert_eq!(together["statistics"]["coalitions"][0]["verdict"], "evidence", "{together}");

    for (arguments, names) in [
        (&["--statistics", "--runs", "0"][..], "from 1 to 1048576"),
        (&["--statistics", "--runs", "1048577"], "from 1 to 1048576"),
        (&["--runs", "8"], "--statistics"),
        (&["--statistics", "--plot", "views.gif"], "ends in .svg or .png"),
    ] {
        let sentence = refusal(&[&["prove", "gelu/quad", "--seq", "2"][..], arguments].concat());
        assert!(sentence.contains(names), "{sentence}");
    }
}
