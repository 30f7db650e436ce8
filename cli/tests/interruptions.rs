//! Commands that are interrupted end within a second, say what is kept, and leave nothing half written.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use viewless_models::picture::{Levels, png_of_rows};
use viewless_models::{Precision, synthetic};
use viewless_protocols::model::{Architecture, Input, TransformerDraft};

/// What an interrupted command may take to end; it computes on, so it may have to wait for a processor.
const AT_ONCE: Duration = Duration::from_secs(2);

fn start(folder: &Path, arguments: &[&str], path: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_viewless"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("VIEWLESS_CACHE", folder.join("cache")).env("PATH", path).env_remove("VIEWLESS_LOG");
    command.spawn().expect("the binary runs")
}

fn tell(signal: &str, process: u32) -> bool {
    let told = Command::new("kill").args([signal, &process.to_string()]).stderr(Stdio::null()).status();
    told.expect("there is kill").success()
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(120), "waited for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Interrupts a command and gives what it said.
fn interrupted(child: Child, signal: &str) -> String {
    let started = Instant::now();
    assert!(tell(signal, child.id()), "it had ended already");
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let took = started.elapsed();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!((status.code(), stdout.len()), (Some(130), 0), "{said}");
    assert!(took < AT_ONCE, "{took:?}");
    said.lines().last().unwrap_or_default().to_owned()
}

fn path() -> String {
    std::env::var("PATH").unwrap()
}

/// A model on which a run takes long.
fn large_model(folder: &Path) {
    let input = Input::Text { vocab_size: 120, max_positions: 600, type_vocab_size: 2 };
    let draft = TransformerDraft { layers: 12, input, ..synthetic::small(Architecture::Bert).draft() };
    synthetic::write_synthetic(&folder.join("model"), &draft.check().unwrap(), 1, Precision::F32).unwrap();
}

#[test]
fn what_is_begun_is_taken_away_and_what_was_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    large_model(folder.path());
    let text = "the ".repeat(500);
    for (signal, arguments) in [
        ("-INT", vec!["infer", "--model", "model", "--text", &text, "--certify", "--transcript", "kept"]),
        ("-TERM", vec!["compare", "bert-large", "--html", "kept"]),
        ("-HUP", vec!["report", "bert-large", "--html", "kept"]),
    ] {
        fs::write(folder.path().join("kept"), "before").unwrap();
        let child = start(folder.path(), &arguments, &path());
        wait_until("a file under construction", || names(folder.path()).len() == 3);
        let said = interrupted(child, signal);
        assert!(said.starts_with("interrupted; nothing was written to ") && said.ends_with("kept"), "{said}");
        assert_eq!(names(folder.path()), ["kept", "model"]);
        assert_eq!(fs::read_to_string(folder.path().join("kept")).unwrap(), "before");
    }
}

#[test]
fn an_interrupted_swarm_keeps_its_runs_and_goes_on_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("runs");
    let lines = || fs::read_to_string(&results).unwrap_or_default().lines().count();
    let child = start(folder.path(), &["swarm", "--runs", "1000000", "--seed", "1", "--results", "runs"], &path());
    wait_until("some runs", || lines() > 20);
    let said = interrupted(child, "-INT");
    assert!(said.contains("runs are kept in runs"), "{said}");
    let kept = lines() - 1;
    let again = start(folder.path(), &["swarm", "--runs", &kept.to_string(), "--results", "runs", "--json"], &path());
    let output = again.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["runs"], report["resumed"]);
    assert_eq!(names(folder.path()), ["runs"]);
}

#[test]
fn an_interrupted_training_says_what_its_folder_holds_and_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let image = |number: usize| Levels::from_shape_fn((1, 8, 8), |(_, y, x)| (number * 20 + y * 8 + x) as u8);
    fs::create_dir(folder.path().join("images")).unwrap();
    for number in 0..9 {
        let file = folder.path().join(format!("images/{number}.png"));
        fs::write(file, png_of_rows(&[vec![image(number)]]).unwrap()).unwrap();
    }
    let recipe = "checkpoint-steps = 2\n[data]\ntrain = \"images\"\n[model]\nchannels = 1\nencoder-width = 4\ndecoder-width = 4\n\
                  latent = 3\nbottom = 1\n[training]\nsteps = 1000000\nbatch = 4\n";
    fs::write(folder.path().join("recipe.toml"), recipe).unwrap();
    let arguments = ["train", "dc-vae", "--config", "recipe.toml", "--out", "learnt"];
    let child = start(folder.path(), &arguments, &path());
    wait_until("a checkpoint", || folder.path().join("learnt/checkpoint.safetensors").exists());
    let said = interrupted(child, "-INT");
    assert!(said.contains("kept in learnt up to its last checkpoint") && said.contains("--resume"), "{said}");
    let again: Vec<&str> = arguments.into_iter().chain(["--resume", "--steps", "1"]).collect();
    let output = start(folder.path(), &again, &path()).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A folder with a program `python3` that downloads half a file and then takes its time.
fn slow_python(folder: &Path) -> (String, PathBuf) {
    let (programs, process) = (folder.join("programs"), folder.join("process"));
    fs::create_dir(&programs).unwrap();
    let script = format!(
        "#!/bin/sh\necho half > half.whl\necho $$ > {0}.new\nmv {0}.new {0}\nexec sleep 100\n",
        process.display()
    );
    fs::write(programs.join("python3"), script).unwrap();
    fs::set_permissions(programs.join("python3"), fs::Permissions::from_mode(0o755)).unwrap();
    (format!("{}:{}", programs.display(), path()), process)
}

#[test]
fn an_interrupted_fetch_leaves_no_folder_and_no_downloader() {
    let folder = tempfile::tempdir().unwrap();
    let (path, process) = slow_python(folder.path());
    let child = start(folder.path(), &["fetch"], &path);
    wait_until("the downloader", || process.exists());
    assert_eq!(names(&folder.path().join("cache")).len(), 1);
    let said = interrupted(child, "-INT");
    assert_eq!(said, "interrupted; nothing was written");
    assert_eq!(names(&folder.path().join("cache")), [""; 0]);
    let downloader = fs::read_to_string(&process).unwrap().trim().parse().unwrap();
    assert!(!tell("-0", downloader), "the downloader goes on");
}

#[test]
fn what_a_killed_fetch_leaves_the_next_one_removes() {
    let folder = tempfile::tempdir().unwrap();
    let (path, process) = slow_python(folder.path());
    let mut killed = start(folder.path(), &["fetch"], &path);
    wait_until("the downloader", || process.exists());
    let left = names(&folder.path().join("cache"));
    killed.kill().unwrap();
    killed.wait().unwrap();
    tell("-KILL", fs::read_to_string(&process).unwrap().trim().parse().unwrap());
    assert_eq!(names(&folder.path().join("cache")), left);
    fs::remove_file(&process).unwrap();
    let next = start(folder.path(), &["fetch"], &path);
    wait_until("the downloader", || process.exists());
    let found = names(&folder.path().join("cache"));
    interrupted(next, "-INT");
    assert!(found.len() == 1 && found != left, "{found:?}");
}
