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
//! **Memory.** Views are counted while they are made and forgotten (module `tally`): what is kept does not depend on the number of
//! runs, is known before the first, and may not exceed [`Options::most_bytes`].
//!
//! **Power.** [`Power`] says what would have been found. No evidence is not privacy, and no verdict here says so: a leak of one
//! bit in 2^20 runs passes unseen, as does a relation among three messages that no pair of them shows; for such relations see
//! [`learned`](super::learned).

mod battery;
pub(in crate::privacy) mod columns;
pub mod plot;
pub(in crate::privacy) mod runs;
pub(in crate::privacy) mod tails;
mod tally;

pub use battery::{Of, Test};
pub use runs::Secrets;

use super::Coalition;
use super::view::View;
use battery::Battery;
use columns::Columns;
use runs::{Terms, Watch};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use tally::{Plan, Tally};
use thiserror::Error;
use viewless_protocols::decimal;
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
    /// Bytes that the counts may take.
    pub most_bytes: usize,
}

/// Most runs with each choice of secrets: the counts stay below 2^32.
pub const MOST_RUNS: u32 = 1 << 20;

/// Most elements kept of a message.
pub const MOST_ELEMENTS: usize = 1 << 12;

impl Options {
    fn check(&self) -> Result<(), AssayError> {
        let &Self { runs, false_alarm_rate, most_elements, .. } = self;
        let is_rate = false_alarm_rate > 0.0 && false_alarm_rate < 1.0;
        if (1..=MOST_RUNS).contains(&runs) && (1..=MOST_ELEMENTS).contains(&most_elements) && is_rate {
            return Ok(());
        }
        Err(AssayError::Options { runs, most_elements, false_alarm_rate })
    }
}

impl Default for Options {
    /// 256 runs with each choice of secrets, 64 elements of a message, 64 pairs, a false-alarm rate of 1e-7, 1 GiB.
    fn default() -> Self {
        Self { seed: 0, runs: 256, most_elements: 64, most_pairs: 64, false_alarm_rate: 1e-7, most_bytes: 1 << 30 }
    }
}

/// A battery that could not be run.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum AssayError {
    /// The Program did not run.
    #[error("a run for statistics failed: {0}")]
    Execute(#[from] ExecuteError),
    /// No runs or too many, or no level to test at.
    #[error(
        "{runs} runs that keep {most_elements} elements of a message, at a false-alarm rate of {false_alarm_rate}; choose 1 to \
         {MOST_RUNS} runs, 1 to {MOST_ELEMENTS} elements, and a rate between 0 and 1"
    )]
    Options {
        /// Runs asked for.
        runs: u32,
        /// Elements asked for.
        most_elements: usize,
        /// Rate asked for.
        false_alarm_rate: f64,
    },
    /// No pairs to learn from or too many, or no level to test at.
    #[error(
        "{pairs} pairs of runs, {most_features} bits learned together, a false-alarm rate of {false_alarm_rate}; choose 1 to {} \
         pairs, 1 to {} bits, and a rate between 0 and 1",
        super::learned::MOST_PAIRS,
        super::learned::MOST_FEATURES
    )]
    LearningOptions {
        /// Pairs asked for.
        pairs: u32,
        /// Bits asked for.
        most_features: usize,
        /// Rate asked for.
        false_alarm_rate: f64,
    },
    /// Counts, or bits to learn from, that would take too much memory.
    #[error(
        "statistics of {messages} messages would take {bytes} bytes, and {most_bytes} are allowed; choose a smaller subject, \
             or fewer runs"
    )]
    Memory {
        /// Messages to count.
        messages: usize,
        /// Bytes needed.
        bytes: usize,
        /// Bytes allowed.
        most_bytes: usize,
    },
    /// A classifier that could not be trained: a defect.
    #[error("a classifier could not be trained ({reason}); this is a defect of viewless, please report it")]
    Classifier {
        /// What the library said.
        reason: String,
    },
}

/// What the battery would have found, with a probability of at least 99 % each.
///
/// With n words, and level a for a single test (the false-alarm rate over the number of tests, Holm's first step):
/// - bit bias |p - 1/2|: the test rejects at a distance of sqrt(ln(2/a) / 2n) at the latest (Hoeffding), and the observed share
///   is within sqrt(ln(100) / 2n) of p, one-sided; the sum of both is found;
/// - distance of distributions, at any of 1024 equally spaced words: sqrt(ln(2/a) / 2n) + sqrt(ln(200) / 2n), both by Dvoretzky,
///   Kiefer, Wolfowitz;
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
            "{} tests on at least {} words each, false alarms below {}; found with 99 %: a bit bias of {:.4}, a distance of \
             distributions of {:.4}, a correlation of {:.4}; bytes {:.4} bits from uniform are rejected",
            self.tests,
            self.words,
            decimal::at_most(self.false_alarm_rate, 0),
            self.bit_bias,
            self.distance,
            self.correlation,
            self.byte_divergence_bits
        )
    }
}

/// A test that rejects.
#[derive(Debug, Clone, PartialEq)]
pub struct RejectingTest {
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
    /// The logarithm of what Holm's first step makes of it: times the number of tests, at most 1.
    pub ln_corrected: f64,
}

impl fmt::Display for RejectingTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message %{} in `{}`", self.message.0, self.region)?;
        if self.less_known {
            write!(f, " less what the coalition knows")?;
        }
        if let Some(other) = self.other {
            write!(f, " with %{}", other.0)?;
        }
        write!(
            f,
            ": {}; secrets {}; p below 10^{}",
            self.test,
            self.secrets.name(),
            decimal::decimals_at_most(self.ln_p_value / 10f64.ln(), 1)
        )
    }
}

/// What the battery found. It never says that a view is private.
#[derive(Debug, Clone, PartialEq)]
pub enum BatteryVerdict {
    /// No test rejects.
    NoEvidence {
        /// What would have been found.
        power: Power,
    },
    /// Some do.
    Evidence {
        /// The tests that reject, smallest p-value first.
        findings: Vec<RejectingTest>,
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
    pub verdict: BatteryVerdict,
    /// The smallest p-value of all tests, whether it rejects or not.
    pub smallest: Option<RejectingTest>,
    /// The tests by the outermost regions of their messages: the layers of a model.
    pub parts: Vec<Part>,
    /// Bytes that the counts took, as known before the first run, for all coalitions that looked at the same runs.
    pub bytes: usize,
    /// What a picture shows.
    pub picture: Picture,
}

/// The tests of messages of one region.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The outermost region.
    pub region: String,
    /// Messages tested.
    pub messages: usize,
    /// Tests performed.
    pub tests: usize,
    /// Logarithm of the smallest p-value, times the number of all tests of the battery, at most 1.
    pub ln_corrected: f64,
}

/// What a person would look at.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Picture {
    /// The message with the smallest p-value, and whether what the coalition knows was subtracted.
    pub message: Option<(ValueId, bool)>,
    /// The width of its words.
    pub bits: u8,
    /// How often its words fell into each part of their range, low to high.
    pub words: Vec<u32>,
    /// How often its lowest bits (eight, or as many as there are) had each value.
    pub low_bits: Vec<u64>,
    /// Natural logarithms of all p-values, ascending.
    pub ln_p_values: Vec<f64>,
    /// Secrets and words, scaled to (-1, 1), of the message and the secret with the smallest p-value of correlation.
    pub points: Vec<(f32, f32)>,
    /// Which these are.
    pub points_of: Option<(ValueId, ValueId)>,
}

impl Report {
    /// What the battery could have found.
    #[must_use]
    pub fn power(&self) -> &Power {
        match &self.verdict {
            BatteryVerdict::NoEvidence { power } | BatteryVerdict::Evidence { power, .. } => power,
        }
    }

    /// The tests that reject.
    #[must_use]
    pub fn findings(&self) -> &[RejectingTest] {
        match &self.verdict {
            BatteryVerdict::NoEvidence { .. } => &[],
            BatteryVerdict::Evidence { findings, .. } => findings,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} messages tested, {} excluded: ", self.coalition, self.messages, self.excluded.len())?;
        match &self.verdict {
            BatteryVerdict::NoEvidence { power } => write!(f, "no evidence of leakage at this power: {power}"),
            BatteryVerdict::Evidence { findings, power } => {
                let worst = findings.first().map(|finding| format!("; worst: {finding}")).unwrap_or_default();
                write!(f, "evidence of leakage by {} tests{worst}; {power}", findings.len())
            }
        }
    }
}

/// Runs the battery on the view of `coalition`.
///
/// # Errors
/// [`AssayError`] when the options make no sense, the counts take too much memory, or the Program cannot be run.
pub fn assay(program: &Program, coalition: Coalition, options: &Options) -> Result<Report, AssayError> {
    Ok(assay_each(program, &[coalition], options, &mut |_, _| {})?.remove(0))
}

/// Runs the battery on the view of each coalition, and tells after each run how many of how many are done. Coalitions that own the
/// same inputs look at the same runs. The false-alarm rate is that of one coalition.
///
/// # Errors
/// As [`assay`]; the memory is that of all coalitions that look at the same runs.
pub fn assay_each(
    program: &Program,
    coalitions: &[Coalition],
    options: &Options,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Report>, AssayError> {
    options.check()?;
    let views: Vec<View<'_>> = coalitions.iter().map(|&coalition| View::new(program, coalition)).collect();
    let groups = runs::by_own_inputs(program, coalitions);
    let mut reports: Vec<Option<Report>> = vec![None; coalitions.len()];
    let runs_of_group = Secrets::ALL.len() * options.runs as usize;
    for (done, group) in groups.iter().enumerate() {
        let members: Vec<Columns> = group.iter().map(|&member| columns::columns(&views[member])).collect();
        let mut told = |runs: usize| progress(done * runs_of_group + runs, groups.len() * runs_of_group);
        let together = Together { program, coalition: coalitions[group[0]], columns: &members, options };
        for (&member, report) in group.iter().zip(together.assay(&mut told)?) {
            reports[member] = Some(Report { coalition: coalitions[member], ..report });
        }
    }
    Ok(reports.into_iter().map(|report| report.expect("every coalition is in one group")).collect())
}

/// Coalitions that look at the same runs: they own the same inputs.
struct Together<'a> {
    program: &'a Program,
    /// Any of them.
    coalition: Coalition,
    columns: &'a [Columns],
    options: &'a Options,
}

impl Together<'_> {
    fn assay(&self, told: &mut dyn FnMut(usize)) -> Result<Vec<Report>, AssayError> {
        let &Self { program, coalition, columns, options } = self;
        let wanted: BTreeSet<ValueId> = columns.iter().flat_map(|of| Terms::wanted(&of.tested)).collect();
        let messages = columns.iter().flat_map(|of| of.tested.iter().map(|column| column.message));
        let watch = Watch::new(program, messages, &wanted, options.most_elements);
        let terms: Vec<Terms> =
            columns.iter().map(|of| Terms::new(&watch, &of.tested, options.most_elements)).collect();
        let own = |input: ValueId| coalition.meets(program.value(input).holders);
        let plans: Vec<Plan> = columns
            .iter()
            .zip(&terms)
            .map(|(of, terms)| battery::plan(program, &of.tested, terms, options, own))
            .collect();
        let (bytes, most_bytes) = (plans.iter().map(Plan::memory).sum(), options.most_bytes);
        if bytes > most_bytes {
            let messages = columns.iter().map(Columns::messages).sum();
            return Err(AssayError::Memory { messages, bytes, most_bytes });
        }
        let mut batteries: Vec<Battery<'_>> =
            columns.iter().map(|of| Battery::new(program, &of.tested, options)).collect();
        let mut pictures = vec![Picture::default(); columns.len()];
        let mut first: Option<Vec<Tally>> = None;
        // Nobody who is sent nothing can learn anything; no runs are needed.
        let is_idle = columns.iter().all(|of| of.tested.is_empty());
        let choices: &[Secrets] = if is_idle { &[] } else { &Secrets::ALL };
        for (salt, &secrets) in choices.iter().enumerate() {
            let new = |plan: &Plan| Tally::new(plan, secrets == Secrets::Random);
            let mut tallies: Vec<Tally> = plans.iter().map(new).collect();
            for run in 0..options.runs {
                let seed = runs::seed_of(options.seed, run, salt as u32);
                let (most_elements, words) = (options.most_elements, RefCell::default());
                let chosen =
                    runs::Chosen { program, coalition, secrets, run, seed: seed.clone(), most_elements, words };
                let seen = watch.run(&chosen, seed)?;
                let secret_words = chosen.words.into_inner();
                tallies.iter_mut().zip(&terms).for_each(|(tally, terms)| tally.add(&terms.words(&seen), &secret_words));
                told(salt * options.runs as usize + run as usize + 1);
            }
            for (i, tally) in tallies.iter().enumerate() {
                let before = batteries[i].smallest().map_or(f64::INFINITY, |(_, smallest)| smallest.ln_p_value);
                batteries[i].one_sample(secrets, tally);
                first.iter().for_each(|first| batteries[i].two_samples(secrets, &first[i], tally));
                if let Some((column, smallest)) = batteries[i].smallest()
                    && smallest.ln_p_value < before
                {
                    pictures[i].of_column(&columns[i].tested[column], &tally.columns[column]);
                }
                pictures[i].of_secret(&columns[i].tested, tally);
            }
            first.get_or_insert(tallies);
        }
        let report = |((of, battery), mut picture): ((&Columns, Battery<'_>), Picture)| {
            picture.ln_p_values = battery.ln_p_values();
            picture.ln_p_values.sort_by(f64::total_cmp);
            let smallest = battery.smallest().map(|(_, finding)| finding);
            let (messages, excluded, parts) = (of.messages(), of.excluded.clone(), battery.parts());
            Report { coalition, messages, excluded, smallest, parts, bytes, picture, verdict: battery.verdict() }
        };
        Ok(columns.iter().zip(batteries).zip(pictures).map(report).collect())
    }
}

impl Picture {
    fn of_column(&mut self, column: &columns::Column, tally: &tally::Column) {
        self.message = Some((column.message, !column.less.is_empty()));
        self.bits = column.domain.bits();
        self.words.clone_from(&tally.distribution);
        self.low_bits = tally.words.by_place().next().map(|(_, counts)| counts).unwrap_or_default();
    }

    fn of_secret(&mut self, columns: &[columns::Column], tally: &Tally) {
        let ln_p = |with: &&tally::WithSecret| tails::correlation(with.products);
        let worst = tally.with_secrets.iter().min_by(|a, b| ln_p(a).total_cmp(&ln_p(b)));
        if let Some(with) = worst {
            self.points_of = Some((columns[with.column].message, with.input));
            self.points.clone_from(&with.points);
        }
    }
}

#[cfg(test)]
mod tests;
