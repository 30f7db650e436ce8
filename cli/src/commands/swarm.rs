//! `viewless swarm`: runs that draw everything at random, and cross-check whatever viewless says.

use super::Outcome;
use crate::error::CliError;
use crate::interruption;
use crate::progress::Progress;
use crate::render::swarm as words;
use crate::screen::{self, Manner};
use clap::Args;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;
use viewless_simulator::stream::Seed;
use viewless_simulator::text_file;
use viewless_tests::swarm::{Line, SwarmReport, Workings, from_hexadecimal, replay, run as run_one};

/// What to run.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How many runs
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = runs)]
    runs: u64,
    /// Decides every run: a whole number [default: that of the results file, or a random one]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Add a line for each run to this file, and go on behind those that it has
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// Run again what a failure was made smaller to: the digits that it shows
    #[arg(long, value_name = "DIGITS", value_parser = digits, conflicts_with_all = ["runs", "seed", "results"])]
    replay: Option<Bytes>,
}

/// What decides one run.
#[derive(Debug, Clone)]
struct Bytes(Vec<u8>);

fn digits(text: &str) -> Result<Bytes, String> {
    let bytes = from_hexadecimal(text).filter(|bytes| !bytes.is_empty());
    bytes.map(Bytes).ok_or_else(|| "hexadecimal digits as a failure shows them are needed".to_owned())
}

fn runs(text: &str) -> Result<u64, String> {
    const MOST: u64 = 1_000_000_000;
    let runs = text.parse().ok().filter(|runs| (1..=MOST).contains(runs));
    runs.ok_or_else(|| format!("the number of runs is a whole number from 1 to {MOST}"))
}

/// The first line of a results file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    seed: u64,
}

/// Runs, until one fails.
///
/// # Errors
/// A results file that cannot be used.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let report = match &arguments.replay {
        Some(Bytes(bytes)) => {
            let started = Instant::now();
            let line = replay(bytes, &Workings::default());
            let mut tally = Tally::new(None, 1, started);
            tally.add(line);
            tally.report()
        }
        None => all(arguments)?,
    };
    screen::show(&report, manner, |_| words::text(&report))?;
    Ok(report.failed.is_none().into())
}

/// From the operating system.
fn random_seed() -> Result<u64, CliError> {
    let digits = Seed::from_os()?.to_hex();
    Ok(u64::from_str_radix(&digits[..16], 16).expect("a seed is written in hexadecimal digits"))
}

/// Runs of which each adds a line to a file, if there is one.
fn all(arguments: &Arguments) -> Result<SwarmReport, CliError> {
    let started = Instant::now();
    let mut results = arguments.results.as_deref().map(|path| Results::open(path, arguments.seed)).transpose()?;
    let seed = match (&results, arguments.seed) {
        (Some(results), _) => results.seed,
        (None, Some(seed)) => seed,
        (None, None) => random_seed()?,
    };
    let mut tally = Tally::new(Some(seed), arguments.runs, started);
    for line in results.iter_mut().flat_map(|results| std::mem::take(&mut results.lines)) {
        tally.resumed += 1;
        tally.add(line);
    }
    if let Some(results) = &results {
        results.tell(tally.runs);
    }
    screen::note(words::drawn(seed, arguments.runs, tally.resumed));
    let progress = Progress::start("swarming");
    // So many at a time that all threads have work, and that little is lost when the command is killed.
    let portion = 4 * rayon::current_num_threads() as u64;
    while tally.runs < arguments.runs && tally.failed.is_none() {
        let next = tally.runs..arguments.runs.min(tally.runs + portion);
        let lines: Vec<Line> = next.into_par_iter().map(|number| run_one(seed, number, &Workings::default())).collect();
        for line in lines {
            if let Some(results) = &mut results {
                results.add(&line)?;
            }
            let fails = line.failure.is_some();
            tally.add(line);
            if fails {
                break;
            }
        }
        if let Some(results) = &results {
            results.tell(tally.runs);
        }
        progress.tell(tally.runs as usize, arguments.runs as usize);
    }
    Ok(tally.report())
}

/// What is known so far.
struct Tally {
    seed: Option<u64>,
    asked: u64,
    started: Instant,
    runs: u64,
    resumed: u64,
    subjects: BTreeMap<String, u64>,
    failed: Option<Line>,
}

impl Tally {
    fn new(seed: Option<u64>, asked: u64, started: Instant) -> Self {
        Self { seed, asked, started, runs: 0, resumed: 0, subjects: BTreeMap::new(), failed: None }
    }

    fn add(&mut self, line: Line) {
        self.runs += 1;
        *self.subjects.entry(line.subject.clone()).or_default() += 1;
        if line.failure.is_some() && self.failed.is_none() {
            self.failed = Some(line);
        }
    }

    fn report(self) -> SwarmReport {
        let Self { seed, asked, started, runs, resumed, subjects, failed } = self;
        SwarmReport { seed, asked, runs, resumed, subjects, failed, seconds: started.elapsed().as_secs_f64() }
    }
}

/// A file with a line for each run. Lines are added whole; what a killed command left of its last one is cut off.
struct Results {
    seed: u64,
    lines: Vec<Line>,
    file: File,
    path: PathBuf,
}

impl Results {
    fn open(path: &Path, seed: Option<u64>) -> Result<Self, CliError> {
        /// A hundred million runs.
        const MOST_BYTES: u64 = 1 << 36;
        let unusable = |reason: String| CliError::SwarmResults { path: path.to_owned(), reason };
        let failed = |source: io::Error| CliError::WriteFile { path: path.to_owned(), source };
        let text = match text_file::read(path, MOST_BYTES) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(CliError::ReadFile { path: path.to_owned(), source }),
        };
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut found = text[..whole].lines();
        let header = found.next().map(|line| serde_json::from_str::<Header>(line).map_err(|_| "is no file of a swarm"));
        let header = header.transpose().map_err(|reason| unusable(reason.to_owned()))?;
        if header.is_none() && !text.is_empty() {
            return Err(unusable("is no file of a swarm".to_owned()));
        }
        if let (Some(Header { seed: theirs }), Some(asked)) = (header, seed)
            && theirs != asked
        {
            return Err(unusable(format!("has runs of the seed {theirs}; leave --seed out")));
        }
        let lines = found.map(serde_json::from_str).collect::<Result<Vec<Line>, _>>();
        let lines = lines.map_err(|error| unusable(format!("has a line that is no run: {error}")))?;
        if let Some((expected, line)) = (0..).zip(&lines).find(|(expected, line)| line.run != *expected) {
            return Err(unusable(format!("has run {} where run {expected} belongs", line.run)));
        }
        let mut file = OpenOptions::new().append(true).create(true).open(path).map_err(failed)?;
        file.set_len(whole as u64).map_err(failed)?;
        let seed = match (header, seed) {
            (Some(Header { seed }), _) | (None, Some(seed)) => seed,
            (None, None) => random_seed()?,
        };
        if header.is_none() {
            writeln!(file, "{}", serde_json::to_string(&Header { seed })?).map_err(|source| unwritten(path, source))?;
        }
        Ok(Self { seed, lines, file, path: path.to_owned() })
    }

    /// What an interruption would leave.
    fn tell(&self, runs: u64) {
        let path = self.path.display();
        interruption::keeps(format!("{runs} runs are kept in {path}, and the same command goes on from there"));
    }

    fn add(&mut self, line: &Line) -> Result<(), CliError> {
        // One write for one line: whoever is killed leaves whole lines, or one that has no end.
        let text = format!("{}\n", serde_json::to_string(line)?);
        self.file.write_all(text.as_bytes()).map_err(|source| unwritten(&self.path, source))
    }
}

fn unwritten(path: &Path, source: io::Error) -> CliError {
    CliError::SwarmWrite { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_results_is_gone_on_with_and_half_a_line_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("swarm.jsonl");
        let mut results = Results::open(&path, Some(3)).unwrap();
        let lines = [0, 1].map(|number| run_one(3, number, &Workings::default()));
        lines.iter().for_each(|line| results.add(line).unwrap());
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], b"{\"run\":2,\"sub"].concat()).unwrap();
        let again = Results::open(&path, None).unwrap();
        assert_eq!((again.seed, &again.lines[..]), (3, &lines[..]));
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        assert!(Results::open(&path, Some(4)).err().unwrap().to_string().contains("seed 3"));
        for wrong in ["words\n", "words", "{\"seed\":3}\n{\"run\":5}\n"] {
            std::fs::write(&path, wrong).unwrap();
            assert!(Results::open(&path, None).is_err(), "{wrong}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), wrong);
        }
    }
}
