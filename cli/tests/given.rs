//! Cases of users' model directories whose right value is what the command line does: `models/tests/cases/`.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use viewless_models::{Model, Precision, synthetic};
use viewless_protocols::model::{
    Activation, Architecture, Dense, DenseActivation, Head, Pooling, Sentence, TransformerDraft,
};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/cases").join(name)
}

fn model(name: &str) -> String {
    case(name).join("model").display().to_string()
}

fn viewless(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_viewless"));
    command.args(arguments).env("VIEWLESS_CACHE", "/nonexistent/viewless-cache").env_remove("VIEWLESS_LOG");
    command.output().expect("the binary runs")
}

/// Exit code and JSON of a command that answers.
fn json(arguments: &[&str]) -> (i32, Value) {
    let output = viewless(&[arguments, &["--json"]].concat());
    let read = serde_json::from_slice(&output.stdout);
    let value = read.unwrap_or_else(|_| panic!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().expect("it ends by itself"), value)
}

#[test]
fn a_line_that_the_model_cannot_take_is_named_and_the_others_are_audited() {
    let texts = case("text-file-error-without-line").join("texts.txt").display().to_string();
    let model = model("text-file-error-without-line");
    let (code, report) = json(&["audit", "--model", &model, "--text-file", &texts, "--private-texts", "2"]);
    assert_eq!((code, &report["texts"], &report["left_out"][0]["line"]), (1, &3.into(), &3.into()));
    assert!(report["left_out"][0]["why"].as_str().unwrap().contains("102 tokens"), "{report}");
    assert_eq!(report["private"]["texts"], 2);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("texts.txt");
    let long = "the ".repeat(100);
    fs::write(&file, format!("\n{long}\n")).unwrap();
    let refused = viewless(&["audit", "--model", &model, "--text-file", &file.display().to_string()]);
    let sentence = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2));
    assert!(sentence.contains("line 2") && sentence.contains("102 tokens"), "{sentence}");
}

#[test]
fn a_text_may_begin_with_a_dash() {
    let model = model("transcript-rounds-as-written");
    for text in ["-5 degrees", "- hello", "--text"] {
        let (_, apart) = json(&["infer", "--model", &model, "--text", text]);
        let (_, joined) = json(&["infer", "--model", &model, &format!("--text={text}")]);
        assert_eq!((&apart["text"], &apart["output"]), (&text.into(), &joined["output"]));
    }
}

#[test]
fn rounds_in_a_transcript_are_those_of_the_schedule_of_the_bill() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("messages.jsonl");
    let path = file.display().to_string();
    let model = model("transcript-rounds-as-written");
    for schedule in ["asap", "as-written"] {
        let asked =
            ["infer", "--model", &model, "--text", "hello the view", "--schedule", schedule, "--transcript", &path];
        let (_, report) = json(&asked);
        let messages = fs::read_to_string(&file).unwrap();
        let messages: Vec<Value> = messages.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(messages.iter().all(|message| message["schedule"] == schedule));
        for phase in ["offline", "setup", "online"] {
            let rounds = messages.iter().filter(|message| message["phase"] == phase);
            let largest = rounds.map(|message| message["round"].as_u64().unwrap()).max().unwrap_or(0);
            assert_eq!(report["cost"]["phases"][phase]["rounds"], largest, "{schedule} {phase}");
        }
    }
}

#[test]
fn a_suite_of_other_functions_than_the_models_is_named_and_a_negative_verdict() {
    let ask = |name: &str, more: &[&str]| {
        let model = model(name);
        let asked = ["infer", "--model", &model, "--text", "hello the view", "--suite", "secformer"];
        let (code, report) = json(&[&asked, more].concat());
        (code, report["other_functions"].as_array().unwrap().len(), report["not_certified"].clone())
    };
    // Nothing in its file says that it is distilled, so plaintext has softmax and the suite has not.
    let (code, others, nothing) = ask("suite-of-distilled-models-compared-with-softmax", &["--certify"]);
    assert_eq!((code, others), (1, 1));
    assert!(nothing.as_str().unwrap().contains("another function"), "{nothing}");
    // Accepting the functions is not accepting another label than plaintext's.
    assert_eq!(ask("suite-of-distilled-models-compared-with-softmax", &["--accept-other-functions"]).0, 1);
    // `softmax_act: 2quad` says so: the plaintext row is 2Quad, too.
    let (_, others, _) = ask("softmax-act-ignored", &[]);
    assert_eq!(others, 0);
}

#[test]
fn the_bill_of_weights_in_parts_is_that_of_the_same_weights_in_one_file() {
    let parts = case("cost-drops-pooler-of-sharded-weights").join("model");
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(&parts).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if !name.contains("safetensors") {
            fs::copy(entry.path(), folder.path().join(name)).unwrap();
        }
    }
    let model = Model::load(&parts).unwrap();
    model.weights.save(&folder.path().join("model.safetensors"), Precision::F32).unwrap();
    let bill = |directory: &Path| json(&["cost", &directory.display().to_string(), "--seq", "8"]).1["phases"].clone();
    assert_eq!(bill(&parts), bill(folder.path()));
}

#[test]
fn another_fixed_point_is_taken_and_what_has_no_room_is_refused_with_the_reason() {
    let model = model("transcript-rounds-as-written");
    let error = |bits: &str| {
        let (code, report) = json(&["infer", "--model", &model, "--text", "hello the view", "--fraction-bits", bits]);
        assert_eq!(code, 0, "{report}");
        report["max_abs_error"].as_f64().unwrap()
    };
    assert!(error("18") < error("14"));
    // Where protocols have less room than a product, the most that they have is told, and has it.
    let refused = viewless(&["infer", "--model", &model, "--text", "hello the view", "--fraction-bits", "22"]);
    let sentence = String::from_utf8_lossy(&refused.stderr).into_owned();
    let (_, most) = sentence.split_once("with --fraction-bits ").unwrap_or_else(|| panic!("{sentence}"));
    error(most.split(' ').next().unwrap());
    for command in [&["cost", &model][..], &["audit", "gelu/cosine"], &["infer", "--model", &model, "--text", "x"]] {
        for (option, why) in [
            (["--fraction-bits", "25"], "room"),
            (["--ring-bits", "128"], "not built"),
            (["--ring-bits", "48"], "not built"),
        ] {
            let refused = viewless(&[command, &option].concat());
            let sentence = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(refused.status.code() == Some(2) && sentence.contains(why), "{command:?} {option:?}: {sentence}");
        }
    }
}

#[test]
fn a_picture_is_looked_at_before_a_model_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("odd.png");
    fs::write(&odd, "no picture").unwrap();
    let picture = case("exif-orientation").join("phone.jpg");
    // The default model is not there, and nothing can be fetched into this cache.
    for (file, says) in [(&odd, "odd.png"), (&folder.path().join("absent.png"), "absent.png"), (&picture, "not images")]
    {
        let refused = viewless(&["infer", "--image", &file.display().to_string()]);
        let sentence = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && sentence.contains(says), "{sentence}");
        assert!(!sentence.contains("cache"), "{sentence}");
    }
}

#[test]
fn without_a_model_the_one_in_the_program_answers_whatever_a_folder_here_is_called() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("movies-small")).unwrap();
    for (text, label) in [("A quiet film that stays with you.", "positive"), ("A dull and tiresome mess.", "negative")]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_viewless"));
        command.args(["infer", "--fast", "--json", "--text", text]).current_dir(folder.path());
        let output = command.env("VIEWLESS_CACHE", folder.path().join("cache")).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let answers = ["output", "plaintext"].map(|of| report[of]["label"].as_str().map(str::to_owned));
        assert_eq!(
            (output.status.code(), answers),
            (Some(0), [Some(label.to_owned()), Some(label.to_owned())]),
            "{report}"
        );
    }
}

#[test]
fn poolings_side_by_side_and_linear_layers_are_private_too_and_a_vector_may_be_cut() {
    let dense = |outputs, activation| Dense { outputs, has_bias: true, activation };
    let sentence = Sentence {
        poolings: vec![Pooling::FirstToken, Pooling::Mean],
        dense: vec![dense(16, DenseActivation::Tanh), dense(12, DenseActivation::Of(Activation::Gelu))],
        kept: None,
    };
    for architecture in [Architecture::Mpnet, Architecture::Electra] {
        let head = Head::Sentence(sentence.clone());
        let config = TransformerDraft { head, ..synthetic::small(architecture).draft() }.check().unwrap();
        let folder = tempfile::tempdir().unwrap();
        synthetic::write_synthetic(folder.path(), &config, 3, Precision::F32).unwrap();
        let model = folder.path().display().to_string();
        let ask = |more: &[&str]| {
            let (code, report) = json(&[&["infer", "--model", &model, "--text", "the view is empty"], more].concat());
            assert_eq!(code, 0, "{report}");
            report
        };
        let whole = ask(&[]);
        assert!(whole["max_abs_error"].as_f64().unwrap() < 0.01, "{whole}");
        let cut = ask(&["--truncate-dim", "5"]);
        let numbers = |report: &Value| report["plaintext"]["pooled"].as_array().unwrap().clone();
        assert_eq!((numbers(&whole).len(), numbers(&cut)), (12, numbers(&whole)[..5].to_vec()));
    }
}
