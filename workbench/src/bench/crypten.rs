//! One layer of BERT-base under CrypTen on this machine, in alternation with the same layer here.

use super::figures::Measure;
use super::{BenchError, Figure};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What CrypTen runs, over its public interface.
const SCRIPT: &str = include_str!("crypten_layer.py");
/// Tokens, hidden size, intermediate size and heads: a layer of BERT-base.
const SIZES: [&str; 4] = ["128", "768", "3072", "12"];
/// Whose functions the script knows, and the suites that compute them here.
const FUNCTIONS: [&str; 2] = ["crypten", "secformer"];
/// What is installed, CrypTen apart: its list of requirements has names that can no longer be installed.
const REQUIREMENTS: [&str; 7] = ["torch==1.13.1", "numpy<2", "omegaconf", "pyyaml", "scipy", "scikit-learn", "onnx"];
const CRYPTEN: &str = "crypten==0.4.1";
/// Lines of a failed command that are worth showing.
const LAST_LINES: usize = 8;

/// A virtual environment with CrypTen in it.
#[derive(Debug)]
pub struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// The environment in a folder; made through pip if it is not there, which takes about 4 GB and some minutes.
    ///
    /// # Errors
    /// [`BenchError::Python`] says what could not be run.
    pub fn in_folder(folder: &Path) -> Result<Self, BenchError> {
        let environment = Self { folder: folder.join("crypten-0.4.1") };
        let complete = environment.folder.join("complete");
        if complete.is_file() {
            return Ok(environment);
        }
        // What an interrupted installation left is made anew.
        let what = "making a virtual environment";
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment.folder), what)?;
        let install = |arguments: &[&str]| {
            let mut pip = Command::new(environment.python());
            pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]).args(arguments);
            run(&mut pip, &format!("installing {}", arguments.join(" ")))
        };
        install(&REQUIREMENTS)?;
        install(&["--no-deps", CRYPTEN])?;
        let written = std::fs::write(&complete, CRYPTEN);
        written.map_err(|error| BenchError::Python {
            what: "noting the installation".into(),
            reason: error.to_string(),
        })?;
        Ok(environment)
    }

    fn python(&self) -> PathBuf {
        self.folder.join("bin").join("python")
    }

    fn layer(&self, functions: &str) -> Result<Spent, BenchError> {
        let mut python = Command::new(self.python());
        python.args(["-c", SCRIPT, functions]).args(SIZES).arg("1");
        let text = run(&mut python, "a layer under CrypTen")?;
        let line = text.lines().last().unwrap_or_default();
        serde_json::from_str(line).map_err(|error| BenchError::Python {
            what: "a layer under CrypTen".to_owned(),
            reason: format!("its last line is no result ({error}): {line:.200}"),
        })
    }
}

/// What the script prints.
#[derive(Debug, Clone, Deserialize)]
struct Spent {
    crypten: String,
    torch: String,
    seconds: f64,
    processor_seconds: f64,
}

/// The same layer under CrypTen and here, pair by pair.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Whose functions are computed, and the suite here.
    pub functions: &'static str,
    /// Versions of CrypTen and PyTorch.
    pub versions: String,
    /// The pairs, in the order in which they were run.
    pub pairs: Vec<Pair>,
    /// Processor time of CrypTen's processes over that of all parties here, the median of the pairs.
    pub processor_ratio: f64,
}

/// A layer under CrypTen, and then here.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Pair {
    /// Duration under CrypTen.
    pub crypten_seconds: f64,
    /// Processor time of both processes.
    pub crypten_processor_seconds: f64,
    /// Duration here, under the suite of these functions.
    pub viewless_seconds: f64,
    /// Processor time of all parties and the dealer.
    pub viewless_processor_seconds: f64,
}

/// Runs pairs, with each of the functions.
pub(super) fn compare(environment: &Environment, measure: &Measure<'_>) -> Result<Vec<Comparison>, BenchError> {
    FUNCTIONS.into_iter().map(|functions| compare_with(functions, environment, measure)).collect()
}

fn compare_with(
    functions: &'static str,
    environment: &Environment,
    measure: &Measure<'_>,
) -> Result<Comparison, BenchError> {
    let mut pairs = Vec::new();
    let mut versions = String::new();
    // As there, the first layer is not counted: it finds no memory that was used before.
    measure.one_layer(functions, 1)?;
    for _ in 0..measure.runs {
        let theirs = environment.layer(functions)?;
        let Figure { seconds, processor_seconds, .. } = measure.one_layer(functions, 1)?;
        versions = format!("CrypTen {}, PyTorch {}", theirs.crypten, theirs.torch);
        pairs.push(Pair {
            crypten_seconds: theirs.seconds,
            crypten_processor_seconds: theirs.processor_seconds,
            viewless_seconds: seconds,
            // Where the system does not tell, all threads were busy at most.
            viewless_processor_seconds: processor_seconds.unwrap_or(seconds * rayon::current_num_threads() as f64),
        });
    }
    let mut ratios: Vec<f64> =
        pairs.iter().map(|pair| pair.crypten_processor_seconds / pair.viewless_processor_seconds).collect();
    ratios.sort_by(f64::total_cmp);
    let processor_ratio = ratios[ratios.len() / 2];
    Ok(Comparison { functions, versions, pairs, processor_ratio })
}

/// Runs a command; gives its standard output.
fn run(command: &mut Command, what: &str) -> Result<String, BenchError> {
    let failed = |reason: String| BenchError::Python { what: what.to_owned(), reason };
    let output = command.stdin(Stdio::null()).output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    Err(failed(lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_says_when_it_fails_is_told() {
        let failing = run(Command::new("sh").args(["-c", "echo one >&2; echo two >&2; exit 3"]), "trying");
        assert_eq!(
            failing.unwrap_err().to_string(),
            "trying failed: one\ntwo; the comparison needs Python 3.8 to 3.11 with venv and pip, and PyPI"
        );
        assert!(run(&mut Command::new("no-such-command"), "trying").is_err());
        assert_eq!(run(Command::new("sh").args(["-c", "echo one"]), "trying").unwrap(), "one\n");
    }
}
