//! The second checker (`second_checker/check.py`), in a process that answers line by line, and its agreement with the first.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::cell::RefCell;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use viewless_proofs::privacy::certificate::Certificate;
use viewless_proofs::privacy::check::{self, CheckError, Checked};
use viewless_protocols::program::Program;

/// A running script.
pub(crate) struct Script {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// A running second checker.
struct Second {
    script: Script,
    /// Digest of the Program that it was told last.
    program: String,
}

/// What it answers.
#[derive(Debug, Deserialize)]
struct Answer {
    holds: bool,
    why: String,
    distance: Option<f64>,
    messages: Option<usize>,
    conditional: Option<bool>,
}

impl Script {
    /// None, and a line that says so, if there is no Python.
    pub(crate) fn start(name: &str) -> Option<Self> {
        let script = format!("{}/second_checker/{name}", env!("CARGO_MANIFEST_DIR"));
        let arguments = ["-B", &script, "--stream"];
        let spawned = Command::new("python3").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        match spawned {
            Ok(mut child) => {
                let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
                Some(Self { child, input, output: BufReader::new(output) })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                println!("SKIPPED: there is no python3, so {name} was not asked");
                None
            }
            Err(error) => panic!("python3 does not start: {error}"),
        }
    }

    pub(crate) fn send(&mut self, question: &Value) {
        writeln!(self.input, "{question}").unwrap();
    }

    pub(crate) fn receive<A: DeserializeOwned>(&mut self) -> A {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }
}

impl Second {
    fn start() -> Option<Self> {
        Some(Self { script: Script::start("check.py")?, program: String::new() })
    }

    fn send(&mut self, program: &Program, certificate: &Certificate) {
        let mut question = serde_json::json!({ "certificate": certificate });
        let digest = program.digest().to_hex().to_string();
        if self.program != digest {
            question["program"] = program.to_string().into();
            self.program = digest;
        }
        self.script.send(&question);
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // It has answered all that it was asked; that it is gone already is no harm.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

thread_local! {
    static SECOND: RefCell<Option<Second>> = RefCell::new(Second::start());
}

/// Asks the second checker, which thinks while its caller does something else; [`answer`] in the order of the questions must follow.
pub(crate) fn ask(program: &Program, certificate: &Certificate) {
    SECOND.with_borrow_mut(|second| second.as_mut().map(|second| second.send(program, certificate)));
}

/// The first checker's answer, after the second was asked and said the same.
#[track_caller]
#[allow(dead_code, reason = "random.rs asks ahead")]
pub(crate) fn check(program: &Program, certificate: &Certificate) -> Result<Checked, CheckError> {
    ask(program, certificate);
    answer(program, certificate)
}

/// The first checker's answer to what the second was asked, which must have said the same.
#[track_caller]
pub(crate) fn answer(program: &Program, certificate: &Certificate) -> Result<Checked, CheckError> {
    let first = check::check(program, certificate);
    let second = SECOND.with_borrow_mut(|second| second.as_mut().map(|second| second.script.receive::<Answer>()));
    if let Some(second) = second {
        let same = match &first {
            Err(_) => !second.holds,
            Ok(checked) => {
                let distance = second.distance.unwrap_or(f64::INFINITY) - checked.statistical_distance;
                second.holds
                    && distance.abs() <= 1e-12
                    && second.messages == Some(checked.messages)
                    && second.conditional == Some(checked.conditional)
            }
        };
        assert!(
            same,
            "THE CHECKERS DISAGREE\nfirst: {first:?}\nsecond: {} {second:?}\n{}\n{}",
            second.why,
            serde_json::to_string(certificate).unwrap(),
            **program
        );
    }
    first
}
