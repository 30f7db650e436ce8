//! Statistics on real runs: looks for evidence that a view depends on the secrets, at full width.
//!
//! **What is tested.** For each choice of [`Secrets`] the Program is run many times with different randomness, and the words of
//! each message to the coalition are collected; also of each message less what the coalition can subtract from it (so a share
//! sent to who holds the other one shows). The null hypothesis is what the schemes promise and the symbolic prover proves:
//! *given the coalition's inputs and samples, its messages are uniform, independent of each other and of the secrets.* Then so
//! are these differences. A protocol that is private although its messages are not uniform (with masks of bounded range, say)
//! would show evidence here; the two-sample tests alone make no use of uniformity.
//!
//! **Outputs.** A share of an output is determined by the output and the other shares: the last message of each output's sum
//! is not tested, nor any message that an output depends on in another way. [`Report::excluded`] lists them.
//!
//! **Tests**, each with a p-value that is exact or a proved upper bound (module `tails`):
//! - frequencies of bytes at each place of the words (of whole words of 8 bits or fewer), chi-square in its likelihood-ratio form;
//! - balance of each bit, exact;
//! - distribution of the words (Kolmogorov, Smirnov);
//! - neighbours in a tensor: correlation of pairs, bytes of differences;
//! - pairs of messages of one size: correlation, bytes of differences and of sums;
//! - random secrets of the same size: correlation, balance of each bit of (message XOR secret), bytes of differences;
//! - two samples, with secrets all zero and with others: bytes at each place, distribution.
//!
//! **False alarms.** Holm's correction holds the chance that *any* test of a battery fails on a view that satisfies the null
//! hypothesis below [`Options::false_alarm_rate`], whatever the dependence between the tests; 1e-7 by default. (The generator of
//! the samples is taken for random.) Seeds are fixed, so a verdict replays.
//!
//! **Power.** [`Power`] says what would have been found. No evidence is not privacy, and no verdict here says so: a leak of one
//! bit in 2^20 runs passes unseen, as does a relation among three messages that no pair of them shows.

mod battery;
mod columns;
mod runs;
mod tails;

pub use battery::{Of, Test};
pub use runs::Secrets;

use super::Coalition;
use super::view::View;
use std::fmt;
use thiserror::Error;
use viewless_protocols::program::{Program, ValueId};
use viewless_simulator::execute::ExecuteError;

/// How much to test.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Decides all randomness.
    pub seed: u64,
    /// Runs with each choice of secrets.
    pub runs: u32,
    /// Elements kept of each message of a run, the first ones.
    pub most_elements: usize,
    /// Pairs of messages that are compared.
    pub most_pairs: usize,
    /// Bound of the probability that a view without a flaw shows evidence.
    pub false_alarm_rate: f64,
}

impl Default for Options {
    /// 256 runs with each choice of secrets, 64 elements of a message, 64 pairs, a false-alarm rate of 1e-7.
    fn default() -> Self {
        Self { seed: 0, runs: 256, most_elements: 64, most_pairs: 64, false_alarm_rate: 1e-7 }
    }
}

/// A battery that could not be run.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum AssayError {
    /// The Program did not run.
    #[error("a run for statistics failed: {0}")]
    Execute(#[from] ExecuteError),
    /// No runs, or no level to test at.
    #[error(
        "{runs} runs at a false-alarm rate of {false_alarm_rate}; choose at least one run, and a rate between 0 and 1"
    )]
    Options {
        /// Runs asked for.
        runs: u32,
        /// Rate asked for.
        false_alarm_rate: f64,
    },
}

/// What the battery would have found, with a probability of at least 99 % each.
///
/// With n words, and level a for a single test (the false-alarm rate over the number of tests, Holm's first step):
/// - bit bias |p - 1/2|: the test rejects at a distance of sqrt(ln(2/a) / 2n) at the latest (Hoeffding), and the observed share
///   is within sqrt(ln(100) / 2n) of p, one-sided; the sum of both is found;
/// - distance of distributions: sqrt(ln(2/a) / 2n) + sqrt(ln(200) / 2n), both by Dvoretzky, Kiefer, Wolfowitz;
/// - correlation rho = 3 E u v of centred words u, v in (-1, 1), over m pairs: (sqrt(2 ln(2/a) / 3) + sqrt(2 ln(100))) 3 / sqrt(m).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Power {
    /// Words of a message with each choice of secrets: the fewest.
    pub words: usize,
    /// Tests in the battery.
    pub tests: usize,
    /// Bound of the chance of a false alarm of the whole battery.
    pub false_alarm_rate: f64,
    /// Smallest bias of a bit, |p - 1/2|, that is found; 0.5 and more means none.
    pub bit_bias: f64,
    /// Smallest distance between distribution functions that is found.
    pub distance: f64,
    /// Smallest correlation of two messages, or with a secret, that is found.
    pub correlation: f64,
    /// Observed relative entropy of a byte with respect to a uniform one, in bits, from which on its test rejects.
    pub byte_divergence_bits: f64,
}

impl Power {
    fn new(words: usize, tests: usize, false_alarm_rate: f64) -> Self {
        let n = words.max(1) as f64;
        let ln_level = false_alarm_rate.ln() - (tests.max(1) as f64).ln();
        let critical = 2f64.ln() - ln_level;
        let within = |ln_rate: f64| (ln_rate / (2.0 * n)).sqrt();
        Self {
            words,
            tests,
            false_alarm_rate,
            bit_bias: within(critical) + within(100f64.ln()),
            distance: within(critical) + within(200f64.ln()),
            correlation: ((2.0 * critical / 3.0).sqrt() + (2.0 * 100f64.ln()).sqrt()) * 3.0 / n.sqrt(),
            byte_divergence_bits: tails::frequencies_threshold(256, ln_level) / n / 2f64.ln(),
        }
    }
}

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} tests on at least {} words each, false alarms below {:.0e}; found with 99 %: a bit bias of {:.4}, a distance of \
             distributions of {:.4}, a correlation of {:.4}; bytes {:.4} bits from uniform are rejected",
            self.tests,
            self.words,
            self.false_alarm_rate,
            self.bit_bias,
            self.distance,
            self.correlation,
            self.byte_divergence_bits
        )
    }
}

/// A test that rejects.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The message.
    pub message: ValueId,
    /// The message that it is compared with, or the secret input.
    pub other: Option<ValueId>,
    /// Whether what the coalition knows was subtracted first.
    pub less_known: bool,
    /// Path of the region that sends it.
    pub region: String,
    /// Which test.
    pub test: Test,
    /// The secrets of the runs.
    pub secrets: Secrets,
    /// Bound of the probability of such an outcome if nothing is wrong. 0 when too small for an f64.
    pub p_value: f64,
    /// Its natural logarithm.
    pub ln_p_value: f64,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message %{} in `{}`", self.message.0, self.region)?;
        if self.less_known {
            write!(f, ", less what the coalition knows,")?;
        }
        if let Some(other) = self.other {
            write!(f, " with %{}", other.0)?;
        }
        write!(f, ": {}; secrets {}; p below 10^{:.1}", self.test, self.secrets.name(), self.ln_p_value / 10f64.ln())
    }
}

/// What the battery found. It never says that a view is private.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// No test rejects.
    NoEvidence {
        /// What would have been found.
        power: Power,
    },
    /// Some do.
    Evidence {
        /// The tests that reject, smallest p-value first.
        findings: Vec<Finding>,
        /// What would have been found.
        power: Power,
    },
}

/// A verdict with what it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Whose view.
    pub coalition: Coalition,
    /// Messages that were tested.
    pub messages: usize,
    /// Messages that were not, each with the output that determines it.
    pub excluded: Vec<(ValueId, ValueId)>,
    /// What was found.
    pub verdict: Verdict,
}

impl Report {
    /// The tests that reject.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        match &self.verdict {
            Verdict::NoEvidence { .. } => &[],
            Verdict::Evidence { findings, .. } => findings,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} messages tested, {} excluded: ", self.coalition, self.messages, self.excluded.len())?;
        match &self.verdict {
            Verdict::NoEvidence { power } => write!(f, "no evidence of leakage at this power: {power}"),
            Verdict::Evidence { findings, power } => {
                let worst = findings.first().map(|finding| format!("; worst: {finding}")).unwrap_or_default();
                write!(f, "evidence of leakage by {} tests{worst}; {power}", findings.len())
            }
        }
    }
}

/// Runs the battery on the view of `coalition`.
///
/// # Errors
/// [`AssayError`] when the Program cannot be run.
pub fn assay(program: &Program, coalition: Coalition, options: &Options) -> Result<Report, AssayError> {
    let &Options { runs, false_alarm_rate, .. } = options;
    if runs == 0 || !(false_alarm_rate > 0.0 && false_alarm_rate < 1.0) {
        return Err(AssayError::Options { runs, false_alarm_rate });
    }
    let view = View::new(program, coalition);
    let columns = columns::columns(&view);
    let runs = runs::Runs::new(program, coalition, &columns.tested, options);
    let mut battery = battery::Battery::new(program, &columns.tested, &runs, options);
    let mut first = None;
    // Nobody who is sent nothing can learn anything; no runs are needed.
    let choices: &[Secrets] = if columns.tested.is_empty() { &[] } else { &Secrets::ALL };
    for (salt, &secrets) in choices.iter().enumerate() {
        let words = runs.collect(secrets, salt as u32)?;
        battery.one_sample(secrets, &words);
        match &first {
            None => first = Some(words),
            Some(first) => battery.two_samples(secrets, first, &words),
        }
    }
    let messages = columns.tested.iter().filter(|column| column.less.is_empty()).count();
    Ok(Report { coalition, messages, excluded: columns.excluded, verdict: battery.verdict() })
}

#[cfg(test)]
mod tests;
