//! What an error names: the file, folder or model that the user gave, what it is, and what to give in its place.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;
use viewless_models::Precision;
use viewless_models::synthetic::{small_config, write_synthetic};
use viewless_protocols::model::{Head, TransformerDraft};

/// A folder with a classifier, an autoencoder, rows, and pictures in several formats.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, contents: &[u8]| fs::write(folder.path().join(name), contents).unwrap();
    let labels = ["no", "yes"].map(str::to_owned).to_vec();
    let classifier = TransformerDraft { head: Head::Classifier { labels }, ..small_config().draft() }.check().unwrap();
    write_synthetic(&folder.path().join("classifier"), &classifier, 1, Precision::F32).unwrap();
    let made = viewless_models::fetch("dc-vae-8", &folder.path().join("made"), &mut |_| {}).unwrap();
    fs::rename(made, folder.path().join("autoencoder")).unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    write("rows.tsv", b"text\tlabel\nthe view\tyes\na view\tno\n");
    write(
        "films.tsv",
        b"text\tlabel\nA quiet film that stays with you.\tpositive\nA dull and tiresome mess.\tnegative\n",
    );
    write("rated.tsv", b"text\ttext2\tlabel\nthe view\ta view\t0.5\na view\tno view\t2\n");
    write("pairs.tsv", b"text\ttext2\tlabel\nthe view\ta view\tpositive\na view\tno view\tnegative\n");
    write("picture.png", include_bytes!("schemas/picture.png"));
    write("picture.gif", b"GIF89a\x01\0\x01\0\0\0\0;");
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_viewless"));
    command.args(arguments).current_dir(folder).env("VIEWLESS_CACHE", folder.join("cache")).env_remove("VIEWLESS_LOG");
    command
}

fn sentence(output: &Output, arguments: &[&str]) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}: {said}");
    said
}

fn refused(folder: &Path, arguments: &[&str], says: &[&str]) {
    let said = sentence(&command(folder, arguments).output().unwrap(), arguments);
    assert!(says.iter().all(|part| said.contains(part)), "{arguments:?}: {said}");
}

fn json(folder: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = command(folder, arguments).arg("--json").output().unwrap();
    let read = serde_json::from_slice(&output.stdout);
    (
        output.status.code(),
        read.unwrap_or_else(|_| panic!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr))),
    )
}

#[test]
fn a_certificate_whose_suite_names_what_there_is_not_is_refused_whatever_it_is_about() {
    let folder = folder();
    let at = folder.path();
    let proved = command(at, &["prove", "gelu/bolt", "--certificate", "good.json", "--seq", "4"]).output().unwrap();
    assert_eq!(proved.status.code(), Some(0));
    assert_eq!(json(at, &["check", "good.json"]).0, Some(0));
    let good = fs::read_to_string(at.join("good.json")).unwrap();
    for (from, to, says) in [
        ("softmax/fourier", "softmax/nothing", "names `softmax/nothing` for softmax, and there is no such protocol"),
        ("tanh/sine", "gelu/bolt", "names `gelu/bolt` for tanh, but it computes gelu"),
        ("\"tanh\":", "\"tanx\":", "no protocol computes tanx"),
    ] {
        let forged = good.replacen(from, to, 1);
        assert_ne!(forged, good);
        fs::write(at.join("forged.json"), forged).unwrap();
        for stated in [&["check", "forged.json"][..], &["check", "forged.json", "--subject", "gelu/bolt", "--seq", "4"]]
        {
            refused(at, stated, &["forged.json", says, "prove again"]);
        }
    }
    // The same suite is refused where it is read from a file of its own.
    let suite = include_str!("../../protocols/src/suites/faithful.toml").replacen("\"faithful\"", "\"mine\"", 1);
    fs::write(at.join("mine.toml"), suite.replace("softmax/fourier", "softmax/nothing")).unwrap();
    for command in ["cost", "prove", "audit"] {
        refused(at, &[command, "gelu/bolt", "--suite", "mine.toml"], &["`mine` names `softmax/nothing` for softmax"]);
    }
}

#[test]
fn without_a_model_the_one_in_the_program_is_evaluated_on_rows_of_its_labels_alone() {
    let folder = folder();
    let at = folder.path();
    let (code, report) = json(at, &["evaluate", "--data", "films.tsv"]);
    assert_eq!((code, &report["rows"]), (Some(0), &2.into()), "{report}");
    assert!(report["model"].as_str().unwrap().ends_with("movies-small"), "{report}");
    let own = "without --model the model in the program, movies-small, is evaluated";
    refused(at, &["evaluate", "--data", "rated.tsv"], &[own, "a sentence model, as all-MiniLM-L6-v2", "with --model"]);
    refused(at, &["evaluate", "--data", "picture.png"], &[own, "is a picture, not a file of rows"]);
    refused(at, &["evaluate", "--data", "rows.tsv"], &[own, "classes of other names", "pass --model"]);
    refused(at, &["evaluate", "--data", "pairs.tsv"], &[own, "pairs of texts", "pass --model"]);
    // Who names it gets it, with a note.
    let (_, report) = json(at, &["evaluate", "--model", "movies-small", "--data", "rows.tsv"]);
    assert!(report["notes"].to_string().contains("taken in order"), "{report}");
    refused(
        at,
        &["evaluate", "--model", "classifier", "--data", "rated.tsv"],
        &["the model classifier chooses a class of no, yes", "`rated.tsv` has pairs of texts labelled with numbers"],
    );
}

#[test]
fn a_file_in_the_place_of_a_model_and_a_name_without_files_are_called_what_they_are() {
    let folder = folder();
    let at = folder.path();
    let config = "is the configuration of one, and a model is a folder; give `classifier`";
    for command in [
        &["infer", "--text", "a", "--model", "classifier/config.json"][..],
        &["cost", "classifier/config.json"],
        &["list", "--model", "classifier/config.json"],
        &["evaluate", "--data", "rows.tsv", "--model", "classifier/config.json"],
        &["sample", "--model", "classifier/config.json"],
    ] {
        refused(at, command, &["`classifier/config.json`", config]);
    }
    refused(at, &["infer", "--text", "a", "--model", "classifier/model.safetensors"], &["a file of weights"]);
    refused(
        at,
        &["infer", "--text", "a", "--model", "rows.tsv"],
        &["`rows.tsv` is a file", "the folder that has config.json"],
    );
    refused(
        at,
        &["infer", "--text", "a", "--model", "bert-base"],
        &["bert-base is known by its sizes alone", "movies-small"],
    );
    refused(
        at,
        &["infer", "--text", "a", "--model", "gelu/bolt"],
        &["`gelu/bolt` is a protocol; a model is needed here"],
    );
    refused(at, &["sample", "--model", "empty"], &["`empty/config.json` does not exist"]);
    refused(at, &["sample", "--model", "classifier"], &["classifier is no autoencoder"]);
    refused(at, &["list", "--model", "autoencoder"], &["`autoencoder` is an autoencoder"]);
    let (code, listed) = json(at, &["list", "--model", "movies-small"]);
    assert_eq!(code, Some(0));
    assert!(listed["files"]["config.json"].is_string() || listed["files"]["config.json"].is_object(), "{listed}");
    assert!(at.join("cache/movies-small").is_dir());
}

#[test]
fn formats_of_pictures_are_told_where_one_is_read_and_where_one_is_written() {
    let folder = folder();
    let at = folder.path();
    for name in ["x.jpg", "x.svg", "x"] {
        let asked = ["infer", "--model", "autoencoder", "--image", "picture.png", "--picture", name];
        refused(at, &asked, &[&format!("{name}: images are written as PNG; give a name that ends in .png")]);
    }
    refused(
        at,
        &["infer", "--model", "autoencoder", "--image", "picture.gif"],
        &["`picture.gif`", "PNG, JPEG or WebP"],
    );
    let recipe = "[data]\ntrain = \"x\"\nsheet-side = 32\n[model]\nchannels = 1\nencoder-width = 2\ndecoder-width = 2\nlatent = 2\nbottom = 1\n";
    fs::write(at.join("sheets.toml"), recipe).unwrap();
    let train = ["train", "dc-vae", "--config", "sheets.toml", "--data", "picture.png", "--out", "new"];
    refused(at, &train, &["`picture.png` is no sheet of images with a side of 32 pixels", "sheet-side"]);
    assert!(!at.join("new").exists());
    let gone = ["train", "dc-vae", "--config", "sheets.toml", "--data", "gone", "--out", "new"];
    refused(at, &gone, &["`gone` does not exist; give a folder of PNG files, or a PNG, JPEG or WebP picture"]);
}

#[test]
fn what_is_known_to_be_unlike_what_a_model_learnt_from_is_noted() {
    let folder = folder();
    let at = folder.path();
    let notes = |arguments: &[&str]| {
        let (_, report) = json(at, &[&["infer", "--fast"], arguments].concat());
        report["notes"].to_string()
    };
    let pair = notes(&["--text", "A quiet film.", "--text-pair", "A dull one."]);
    assert!(pair.contains("movies-small learnt from single texts"), "{pair}");
    let long = notes(&["--text", &"a quiet film ".repeat(25)]);
    assert!(long.contains("at most 64 of each (recipe.toml beside it)"), "{long}");
    let unknown = notes(&["--text", "\u{4e2d}\u{6587}"]);
    assert!(unknown.contains("is not in the vocabulary") || unknown.contains("is in the vocabulary"), "{unknown}");
    assert_eq!(notes(&["--text", "A quiet film."]), "[]");
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_nowhere_is_named_with_where_it_leads() {
    use std::os::unix::fs::symlink;
    let folder = folder();
    let at = folder.path();
    fs::create_dir(at.join("cache")).unwrap();
    for link in ["link", "cache/movies-small", "cache/dc-vae-8", "elsewhere", "plot.svg"] {
        symlink("/nonexistent/there", at.join(link)).unwrap();
    }
    let nowhere = "is a link to `/nonexistent/there`, where nothing is";
    refused(at, &["infer", "--text", "a"], &["cache/movies-small`", nowhere]);
    refused(at, &["infer", "--model", "movies-small", "--text", "a"], &["cache/movies-small`", nowhere]);
    refused(at, &["cost", "movies-small"], &["cache/movies-small`", nowhere]);
    refused(at, &["fetch", "dc-vae-8"], &["cache/dc-vae-8`", nowhere]);
    refused(at, &["fetch", "dc-vae-8", "--cache", "elsewhere"], &["elsewhere`", nowhere]);
    for command in [
        &["infer", "--text", "a", "--model", "link"][..],
        &["cost", "link"],
        &["list", "--model", "link"],
        &["evaluate", "--model", "classifier", "--data", "link"],
        &["infer", "--model", "autoencoder", "--image", "link"],
    ] {
        refused(at, command, &["`link` ", nowhere]);
    }
    let written = "plot.svg: it is a link to /nonexistent/there, where nothing is";
    refused(at, &["audit", "gelu/bolt", "--plot", "plot.svg"], &[written]);
    assert!(at.join("link").is_symlink() && at.join("cache/movies-small").is_symlink());
}

/// As on a full disk: files can be begun, and not a byte of them be written.
#[cfg(unix)]
#[test]
fn what_cannot_be_written_is_called_by_the_name_that_was_given() {
    let folder = folder();
    let at = folder.path();
    let recipe = "[data]\ntrain = \"picture.png\"\n[model]\nchannels = 1\nencoder-width = 2\ndecoder-width = 2\nlatent = 2\nbottom = 1\n";
    fs::write(at.join("images.toml"), recipe).unwrap();
    let kept = "and the same command goes on from there";
    for (arguments, named, says) in [
        (&["audit", "gelu/bolt", "--plot", "out/a.svg"][..], "out/a.svg", "nothing was changed"),
        (&["prove", "gelu/bolt", "--seq", "4", "--certificate", "out/c"], "out/c", "nothing was changed"),
        (&["compare", "gelu", "--html", "out/h"], "out/h", "nothing was changed"),
        (
            &["infer", "--model", "classifier", "--text", "the view", "--transcript", "out/t"],
            "out/t",
            "nothing was changed",
        ),
        (&["sample", "--model", "autoencoder", "--picture", "out/p.png"], "out/p.png", "nothing was changed"),
        (&["sample", "--model", "autoencoder", "--transcript", "out/t"], "out/t", "nothing was changed"),
        (
            &["evaluate", "--model", "classifier", "--data", "rows.tsv", "--markdown", "out/m"],
            "out/m",
            "nothing was changed",
        ),
        (&["new", "gelu/mine", "--poly", "--output", "out/mine.protocol"], "out/mine.protocol", "nothing was changed"),
        (&["evaluate", "--model", "classifier", "--data", "rows.tsv", "--state", "out/s"], "out/s", kept),
        (&["swarm", "--runs", "1", "--results", "out/w"], "out/w", kept),
        (&["fetch", "dc-vae-8"], "cache/dc-vae-8/config.json", "free space"),
    ] {
        let _ = fs::remove_dir_all(at.join("out"));
        fs::create_dir(at.join("out")).unwrap();
        let mut limited = Command::new("sh");
        limited.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_viewless")]);
        limited.args(arguments).current_dir(at).env("VIEWLESS_CACHE", "cache").env_remove("VIEWLESS_LOG");
        let output = limited.output().unwrap();
        let said = sentence(&output, arguments);
        let last = said.lines().last().unwrap();
        assert!(
            last.contains(named) && last.contains("File too large") && last.contains(says),
            "{arguments:?}: {said}"
        );
        assert!(["at path", ".tmp", ".fetching", ".unfinished"].iter().all(|part| !last.contains(part)), "{said}");
        let left: Vec<_> = fs::read_dir(at.join("out")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.is_empty() || says == kept && left.len() == 1, "{arguments:?}: {left:?}");
    }
}
