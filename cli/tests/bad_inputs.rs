//! A user who makes mistakes: odd files and absurd numbers wherever a command takes one. Each is refused with exit code 2, nothing on standard output,
//! and with `--json` one line of JSON at the end of standard error that is short and has no control characters.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use viewless_models::Precision;
use viewless_models::synthetic::{small_config, write_synthetic};
use viewless_protocols::model::{Head, TransformerDraft};
use viewless_protocols::plain::first_not_plain;

/// Runs a command in a folder; gives what is wrong with how it refuses, if anything.
fn complaint(folder: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_viewless"));
    command.args(arguments).arg("--json").current_dir(folder).stdin(Stdio::null());
    // A cache below a file cannot be made: nothing is fetched.
    command.env("VIEWLESS_CACHE", folder.join("empty.toml").join("cache")).env_remove("VIEWLESS_LOG");
    let output = command.output().expect("the binary runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let last = stderr.lines().last().unwrap_or_default();
    let refusal: Option<Value> = serde_json::from_str(last).ok();
    let sentence = refusal.as_ref().and_then(|refusal| refusal["error"].as_str());
    let wrong = match (output.status.code(), sentence) {
        (Some(2), Some("")) => "an empty sentence".to_owned(),
        (Some(2), Some(_)) if !output.stdout.is_empty() => "something on standard output".to_owned(),
        (Some(2), Some(_)) if last.len() > 1500 => format!("{} characters", last.len()),
        (Some(2), Some(_)) if stderr.contains('\u{1b}') => "a control character".to_owned(),
        (Some(2), Some(sentence)) if sentence.contains("defect") => format!("a defect: {sentence}"),
        (Some(2), Some(_)) => return None,
        (code, _) => format!("exit code {code:?}, last line {last:.200}"),
    };
    Some(format!("{arguments:?}: {wrong}"))
}

fn refused(folder: &Path, commands: &[Vec<&str>]) {
    let (first, second) = commands.split_at(commands.len() / 2);
    let complaints = |commands: &[Vec<&str>]| -> Vec<String> {
        commands.iter().filter_map(|command| complaint(folder, command)).collect()
    };
    let all = std::thread::scope(|scope| {
        let other = scope.spawn(|| complaints(first));
        let mut all = complaints(second);
        all.extend(other.join().expect("no command panics here"));
        all
    });
    assert!(all.is_empty(), "{} of {} commands:\n{}", all.len(), commands.len(), all.join("\n"));
}

/// A folder of odd files, and their names.
fn odd_files() -> (tempfile::TempDir, Vec<&'static str>) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, contents: &[u8]| fs::write(folder.path().join(name), contents).unwrap();
    write("empty.toml", b"");
    write("bytes.toml", &(0..3000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>());
    write("latin-1.toml", b"name = \"caf\xe9\"\n");
    write("many-keys.toml", (0..200_000).map(|i| format!("k{i} = {i}\n")).collect::<String>().as_bytes());
    write("nul.toml", b"name = \"a\0b\"\n");
    write("escape.toml", b"name = \"\\u001b[31mred\"\nsummary = \"x\"\n");
    write("words.toml", b"these are words and no settings");
    write("twice.toml", b"name = \"a\"\nname = \"b\"\n");
    write("recipe.toml", b"[data]\ndirectory = \"folder.toml\"\ntask = \"classification\"\n");
    fs::create_dir(folder.path().join("folder.toml")).unwrap();
    write("rows.tsv", b"text\tlabel\nthe view\tyes\na view\tno\n");
    write("numbers.tsv", b"text\tlabel\nthe view\t0.5\na view\tNaN\n");
    write("fields.tsv", b"text\tlabel\nthe view\tyes\tno\n");
    write("latin-1.tsv", b"text\tlabel\ncaf\xe9\tyes\n");
    let labels = ["no", "yes"].map(str::to_owned).to_vec();
    let classifier = TransformerDraft { head: Head::Classifier { labels }, ..small_config().draft() }.check().unwrap();
    write_synthetic(&folder.path().join("classifier"), &classifier, 1, Precision::F32).unwrap();
    let made = viewless_models::fetch("dc-vae-8", &folder.path().join("made"), &mut |_| {}).unwrap();
    fs::rename(made, folder.path().join("autoencoder")).unwrap();
    write("picture.png", include_bytes!("schemas/picture.png"));
    let recipe = "[data]\ntrain = \"picture.png\"\n[model]\nchannels = 1\nencoder-width = 2\ndecoder-width = 2\nlatent = 2\nbottom = 1\n";
    write("images.toml", recipe.as_bytes());
    fs::create_dir(folder.path().join("sizeless")).unwrap();
    write("sizeless/config.json", b"{\"model_type\": \"dc-vae\", \"channels\": 99999999999}");
    let mut names = vec![
        "empty.toml",
        "bytes.toml",
        "latin-1.toml",
        "many-keys.toml",
        "nul.toml",
        "escape.toml",
        "words.toml",
        "twice.toml",
        "folder.toml",
        "missing.toml",
        "",
        "\u{1b}[31m.toml",
    ];
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        symlink("/dev/zero", folder.path().join("endless.toml")).unwrap();
        symlink("around.toml", folder.path().join("around.toml")).unwrap();
        names.extend(["endless.toml", "around.toml", "/dev/null"]);
        if Command::new("mkfifo").arg(folder.path().join("pipe.toml")).status().is_ok_and(|made| made.success()) {
            names.push("pipe.toml");
        }
    }
    (folder, names)
}

#[test]
fn odd_files_are_refused_wherever_a_file_is_taken() {
    let (folder, names) = odd_files();
    let mut commands: Vec<Vec<&str>> = Vec::new();
    for name in names {
        commands.extend([
            vec!["cost", "bert-base", "--suite", name],
            vec!["cost", "bert-base", "--network", name],
            vec!["compare", "bert-base", "--suites", name],
            vec!["compare", name, "--with", "published"],
            vec!["plan", "bert-base", "--error", "50", "--machine", name],
            vec!["plan", "bert-base", "--error", "50", "--cluster", name],
            vec!["plan", "bert-base", "--error", "50", "--network", name],
            vec!["prove", "bert-base", "--suite", name],
            vec!["audit", name],
            vec!["assay", name],
            vec!["check", name],
            vec!["infer", "--image", name],
            vec!["infer", "--model", name, "--text", "a"],
            vec!["infer", "--model", "autoencoder", "--image", name],
            vec!["sample", "--model", name],
            vec!["sample", "--model", "autoencoder", "--suite", name],
            vec!["evaluate", "--model", "classifier", "--data", name],
            vec!["evaluate", "--model", name, "--data", "rows.tsv"],
            vec!["evaluate", "--model", "classifier", "--data", "rows.tsv", "--suite", name],
            vec!["list", "--model", name],
            vec!["train", "--config", name, "--out", "new"],
            vec!["train", "dc-vae", "--config", name, "--out", "new"],
            vec!["train", "dc-vae", "--config", "images.toml", "--data", name, "--out", "new"],
            vec!["evaluate", "--model", "autoencoder", "--data", name],
            vec!["distill", "--config", name, "--teacher", "folder.toml", "--out", "new"],
            vec!["train", "--config", "recipe.toml", "--model", name, "--out", "new"],
            vec!["train", "--config", "recipe.toml", "--data", name, "--model", "folder.toml", "--out", "new"],
        ]);
        // A file that is not there, or is empty, is begun.
        if !matches!(name, "empty.toml" | "missing.toml" | "\u{1b}[31m.toml") {
            commands.push(vec!["swarm", "--runs", "1", "--results", name]);
            commands.push(vec!["evaluate", "--model", "classifier", "--data", "rows.tsv", "--state", name]);
        }
    }
    refused(folder.path(), &commands);
}

#[test]
fn absurd_numbers_are_refused_wherever_a_number_is_taken() {
    let (folder, _) = odd_files();
    let numbers = [
        "0",
        "-1",
        "18446744073709551615",
        "18446744073709551616",
        "1e9",
        "nan",
        "",
        "a",
        "1.5",
        "\u{ff11}",
        "99999999999999999999999999",
    ];
    let mut commands: Vec<Vec<&str>> = Vec::new();
    for number in numbers {
        commands.extend([
            vec!["cost", "bert-base", "--seq", number],
            vec!["cost", "bert-base", "--batch", number],
            vec!["prove", "gelu/bolt", "--seq", number],
            vec!["prove", "bert-base", "--queries", number],
            vec!["audit", "softmax/bolt", "--row", number],
            vec!["compare", "bert-base", "--fraction-bits", number],
            vec!["infer", "--text", "a", "--threads", number],
            vec!["sample", "--model", "autoencoder", "--images", number],
            vec!["evaluate", "--model", "autoencoder", "--data", "latin-1.tsv", "--rows", number],
            vec!["evaluate", "--model", "classifier", "--data", "latin-1.tsv", "--rows", number],
            vec!["evaluate", "--model", "classifier", "--data", "latin-1.tsv", "--seed", number],
            vec!["evaluate", "--model", "classifier", "--data", "rows.tsv", "--threads", number],
            vec!["evaluate", "--model", "classifier", "--data", "rows.tsv", "--fraction-bits", number],
            vec!["evaluate", "--model", "classifier", "--data", "rows.tsv", "--too-long", number],
            vec!["plan", "bert-base", "--error", "50", "--requests", number],
            vec!["bench", "--runs", number],
            vec!["bench", "--only", number],
            vec!["swarm", "--runs", number],
            vec!["train", "--config", "recipe.toml", "--steps", number, "--model", "folder.toml", "--out", "new"],
            vec!["train", "--config", "recipe.toml", "--seed", number, "--model", "folder.toml", "--out", "new"],
            vec!["swarm", "--runs", "1", "--seed", number, "--results", "folder.toml"],
        ]);
    }
    refused(folder.path(), &commands);
}

#[test]
fn outputs_that_cannot_be_written_are_refused_before_the_work() {
    let (folder, _) = odd_files();
    let mut commands: Vec<Vec<&str>> = Vec::new();
    for place in ["folder.toml", "/nonexistent/x", ""] {
        commands.extend([
            vec!["audit", "gelu/bolt", "--plot", place],
            vec!["sample", "--model", "autoencoder", "--picture", place],
            vec!["infer", "--model", "autoencoder", "--image", "picture.png", "--picture", place],
            vec!["report", "bert-base", "--html", place],
            vec!["compare", "bert-base", "--html", place],
            vec!["prove", "gelu/bolt", "--certificate", place],
            vec!["plan", "measure", "bert-base", "--write", place],
            vec!["swarm", "--runs", "1", "--results", place],
            vec!["train", "--config", "recipe.toml", "--model", "folder.toml", "--out", place],
            vec!["evaluate", "--model", "classifier", "--data", "rows.tsv", "--state", place],
            vec!["evaluate", "--model", "classifier", "--data", "rows.tsv", "--markdown", place],
        ]);
    }
    refused(folder.path(), &commands);
}

/// What a command writes does not take the place of what it reads, nor of what else it writes.
#[test]
fn a_file_is_not_written_over_what_the_same_command_reads_or_writes() {
    let (folder, _) = odd_files();
    let write = |name: &str, contents: &str| fs::write(folder.path().join(name), contents).unwrap();
    let protocol = "protocol gelu/mine\nsummary \"a\"\nsource \"b\"\ninterval [-8, 8]\nerror 9\nbuild x\n  return x\n";
    let suite = include_str!("../../protocols/src/suites/faithful.toml").replacen("\"faithful\"", "\"mine\"", 1);
    let kept =
        [("mine.protocol", protocol), ("suite.toml", &suite), ("rows.tsv", "text\tlabel\nthe view\tyes\na view\tno\n")];
    for (name, contents) in kept {
        write(name, contents);
    }
    let commands: Vec<Vec<&str>> = vec![
        vec!["prove", "mine.protocol", "--certificate", "mine.protocol"],
        vec!["prove", "mine.protocol", "--certificate", "./mine.protocol"],
        vec!["prove", "gelu/bolt", "--suite", "suite.toml", "--certificate=suite.toml"],
        vec!["prove", "gelu/quad", "--statistics", "--certificate", "new.svg", "--plot", "new.svg"],
        vec!["compare", "gelu", "--with", "mine.protocol", "--html", "mine.protocol"],
        vec!["compare", "bert-base", "--suites", "faithful,suite.toml", "--html", "suite.toml"],
        vec!["infer", "--model", "classifier", "--text", "a", "--suite", "suite.toml", "--transcript", "suite.toml"],
        vec!["report", "bert-base", "--suite", "suite.toml", "--html", "suite.toml"],
        vec!["plan", "bert-base", "--error", "50", "--write-suite", "new.toml", "--write-deployment", "new.toml"],
        vec!["evaluate", "--model", "classifier", "--data", "rows.tsv", "--markdown", "rows.tsv"],
        vec!["evaluate", "--model", "classifier", "--data", "rows.tsv", "--state", "new", "--markdown", "new"],
    ];
    refused(folder.path(), &commands);
    for (name, contents) in kept {
        assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), contents, "{name}");
    }
    assert!(!["new.svg", "new.toml", "new"].iter().any(|name| folder.path().join(name).exists()));
}

#[test]
fn words_that_mean_nothing_are_refused() {
    let (folder, _) = odd_files();
    let commands: Vec<Vec<&str>> = vec![
        vec![],
        vec!["bench", "--against", "nothing"],
        vec!["bench", "--cache", "folder.toml"],
        vec!["bench", "--only", "products,nothing"],
        vec!["fetch", "../x"],
        vec!["fetch", ""],
        vec!["list", "\u{1b}[31m"],
        vec!["dump", "bert-base", "--form", "file"],
        vec!["infer"],
        vec!["infer", "--model", "autoencoder", "--text", "a"],
        vec!["infer", "--model", "autoencoder", "--image", "picture.png", "--certify"],
        vec!["infer", "--model", "autoencoder", "--image", "picture.png", "--picture", "lines.svg"],
        vec!["infer", "--model", "classifier", "--image", "picture.png", "--picture", "three.png"],
        vec!["infer", "--model", "sizeless", "--image", "picture.png"],
        vec!["cost", "sizeless"],
        vec!["evaluate", "--model", "autoencoder", "--data", "rows.tsv"],
        vec!["evaluate", "--model", "autoencoder", "--data", "picture.png", "--state", "new"],
        vec!["evaluate", "--model", "classifier", "--data", "fields.tsv", "--state", "new"],
        vec!["evaluate", "--model", "missing", "--data", "rows.tsv", "--state", "new"],
        vec!["evaluate", "--model", "autoencoder", "--data", "picture.png", "--sheet-side", "7"],
        vec!["infer", "--model", "autoencoder", "--image", "picture.png", "--text-pair", "b"],
        vec!["infer", "--model", "autoencoder", "--image", "picture.png", "--prompt", "b"],
        vec!["train", "dc-vae", "--config", "recipe.toml", "--out", "new"],
        vec!["train", "dc-vae", "--config", "images.toml", "--model", "autoencoder", "--out", "new"],
        vec!["train", "dc-vae", "--config", "images.toml", "--out", "new"],
        vec!["sample"],
        vec!["sample", "--model", "classifier"],
        vec!["sample", "--model", "sizeless"],
        vec!["sample", "--model", "autoencoder", "--picture", "lines.svg"],
        vec!["evaluate"],
        vec!["evaluate", "--model", "classifier", "--data", "rows.tsv", "--split", "words"],
        vec!["evaluate", "--model", "classifier", "--data", "rows.tsv", "--suite", "faithful,faithful"],
        vec!["evaluate", "--model", "classifier", "--data", "."],
        vec!["evaluate", "--model", "classifier", "--data", "numbers.tsv"],
        vec!["evaluate", "--model", "classifier", "--data", "fields.tsv"],
        vec!["evaluate", "--model", "classifier", "--data", "latin-1.tsv"],
        vec!["infer", "--text", "a", "--image", "b"],
        vec!["prove", "bert-base", "--coalition", "nobody"],
        vec!["new", "nothing/x", "--poly"],
        vec!["reproduce", "nothing"],
        vec!["assay", "nothing"],
        vec!["audit", "gelu/bolt", "--domain", "nan:1"],
        vec!["audit", "gelu/bolt", "--domain", "1:0"],
        vec!["audit", "gelu/bolt", "--domain", ":"],
        vec!["train"],
        vec!["train", "--config", "recipe.toml", "--out", "new"],
        vec!["distill", "--config", "recipe.toml", "--out", "new"],
        vec!["swarm", "--replay", ""],
        vec!["swarm", "--replay", "0"],
        vec!["swarm", "--replay", "words"],
        vec!["swarm", "--replay", "00", "--seed", "1"],
    ];
    refused(folder.path(), &commands);
    assert!(!folder.path().join("new").exists(), "what is refused begins no file and no folder");
}

/// Wherever a word is taken, one that would forge a report, or is a hundred thousand letters long, is repeated in one short line that shows as itself.
#[test]
fn whatever_an_error_repeats_shows_as_itself() {
    let (folder, _) = odd_files();
    let long = "x".repeat(100_000);
    let commands =
        ["cost", "dump", "audit", "prove", "check", "compare", "assay", "report", "list", "reproduce", "fetch", "new"];
    let forged = "gone\u{1b}[2J\nall is well: proved\u{9b}31m\u{202e}x\r";
    for word in [forged, &long] {
        let of_word = commands.iter().map(|command| vec![*command, word]);
        let others = [
            vec![word],
            vec!["cost", "bert-base", word],
            vec!["cost", "bert-base", "--suite", word],
            vec!["cost", "bert-base", "--network", word],
            vec!["cost", "bert-base", "--seq", word],
            vec!["audit", "gelu/bolt", "--domain", word],
            vec!["audit", "--model", word, "--text-file", word],
            vec!["infer", "--model", word, "--text", "a"],
            vec!["infer", "--model", "folder.toml", "--text", "a", "--seed", word],
            vec!["prove", "bert-base", "--coalition", word],
            vec!["swarm", "--replay", word],
        ];
        for arguments in of_word.chain(others) {
            for as_json in [false, true] {
                let mut command = Command::new(env!("CARGO_BIN_EXE_viewless"));
                command.args(&arguments).args(as_json.then_some("--json")).current_dir(folder.path());
                command
                    .env("VIEWLESS_CACHE", folder.path().join("empty.toml").join("cache"))
                    .env_remove("VIEWLESS_LOG");
                let output = command.stdin(Stdio::null()).output().expect("the binary runs");
                let said = String::from_utf8(output.stderr).expect("text");
                let told = || format!("{:.20?} {}: {said:.300}", arguments, as_json);
                assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{}", told());
                assert!(said.len() < 3000 && !said.contains("\nall is well"), "{}", told());
                assert_eq!(first_not_plain(&said.replace('\n', " ")), None, "{}", told());
            }
        }
    }
}
