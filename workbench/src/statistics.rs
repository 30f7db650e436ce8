//! What statistics of real runs show of the views of coalitions: evidence of leakage, or none at a stated power. Never that a view is
//! private.

use crate::Progress;
use crate::sizes::Sizes;
use crate::subject::{Kind, Subject, SubjectError};
use serde::Serialize;
use std::time::Instant;
use thiserror::Error;
use viewless_proofs::privacy::statistical::{self, AssayError, plot};
use viewless_proofs::privacy::{self, Coalition, CoalitionError, learned};
use viewless_protocols::program::Program;
use viewless_protocols::suite::Suite;

/// Statistics that could not be made.
#[derive(Debug, Error)]
pub enum StatisticsError {
    /// The Program.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// A coalition of nobody or strangers.
    #[error(transparent)]
    Coalition(#[from] CoalitionError),
    /// The runs.
    #[error(transparent)]
    Runs(#[from] AssayError),
}

/// How much to look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Runs with each choice of secrets for the battery, and pairs of runs with each contrast for the learner, which takes no more than
    /// [`learned::MOST_PAIRS`].
    pub runs: u32,
    /// Decides all randomness.
    pub seed: u64,
    /// Bound of the probability of any false alarm, over all tests of all coalitions.
    pub false_alarm_rate: f64,
}

impl Settings {
    /// Runs that take seconds for a protocol.
    pub const RUNS: u32 = 64;
    /// A false alarm in ten million reports.
    pub const FALSE_ALARM_RATE: f64 = 1e-7;

    /// That many runs, from seed 0, at the usual rate of false alarms.
    #[must_use]
    pub fn with_runs(runs: u32) -> Self {
        Self { runs, seed: 0, false_alarm_rate: Self::FALSE_ALARM_RATE }
    }
}

/// What was found of every coalition asked about.
#[derive(Debug, Serialize)]
pub struct StatisticsReport {
    /// Model or protocol, as it was named.
    pub subject: String,
    /// Name of the suite.
    pub suite: String,
    /// Tokens, or elements of a row.
    pub seq: usize,
    /// Sequences, or rows.
    pub batch: usize,
    /// Decided all randomness.
    pub seed: u64,
    /// Runs with each choice of secrets, and pairs of runs with each contrast.
    pub runs: u32,
    /// Bound of the probability of any false alarm in this report.
    pub false_alarm_rate: f64,
    /// Bytes of counts, known before the first run: the most at a time.
    pub count_bytes: usize,
    /// One finding for each coalition.
    pub coalitions: Vec<CoalitionStatistics>,
    /// How long it took.
    pub seconds: f64,
}

/// What was found of one coalition.
#[derive(Debug, Serialize)]
pub struct CoalitionStatistics {
    /// Members of the coalition.
    pub parties: Vec<String>,
    /// `evidence` or `no evidence`; never `private`.
    pub verdict: &'static str,
    /// Messages tested.
    pub messages: usize,
    /// Messages that an output determines, and that are not tested by the battery.
    pub excluded: usize,
    /// The classical tests.
    pub battery: Tests,
    /// A bit whose bias, |p - 1/2|, is this is found with 99 %; 0.5 and more: none.
    pub found_bit_bias: f64,
    /// A correlation of this size is found with 99 %; more than 1: none.
    pub found_correlation: f64,
    /// The tests by the outermost regions of their messages: the layers of a model.
    pub parts: Vec<PartStatistics>,
    /// The classifiers.
    pub learner: Tests,
    /// Pairs of runs, and those with equal outputs, which alone can be judged.
    pub pairs: (u64, u64),
    /// A classifier that decides every pair and is right with this probability is found with 99 %; absent: none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_accuracy: Option<f64>,
}

/// Tests together, and the most striking of them.
#[derive(Debug, Serialize)]
pub struct Tests {
    /// How many were performed.
    pub tests: usize,
    /// How many are evidence, by Holm's decision.
    pub rejected: usize,
    /// The smallest p-value times the number of tests, at most 1; absent if there was no test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrected_p_value: Option<f64>,
    /// Its decimal logarithm, for what is too small to write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrected_log10: Option<f64>,
    /// Which test it is, and where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smallest: Option<String>,
}

/// Tests of one region's messages.
#[derive(Debug, Serialize)]
pub struct PartStatistics {
    /// The outermost region.
    pub region: String,
    /// Messages tested.
    pub messages: usize,
    /// Tests performed.
    pub tests: usize,
    /// The smallest p-value times the number of all tests of the battery, at most 1.
    pub corrected_p_value: f64,
}

/// A report with what is needed to draw it.
pub struct Statistics {
    /// The findings.
    pub report: StatisticsReport,
    program: Program,
    batteries: Vec<statistical::Report>,
}

impl StatisticsReport {
    /// Whether no coalition's view shows evidence. Not that any is private.
    #[must_use]
    pub fn shows_nothing(&self) -> bool {
        self.coalitions.iter().all(|coalition| coalition.battery.rejected + coalition.learner.rejected == 0)
    }
}

impl Statistics {
    /// Looks at the views of the named coalitions, or of all that are promised if none is named. `progress` is told how many runs are
    /// done.
    ///
    /// # Errors
    /// A subject, suite, coalition or number of runs that cannot be used.
    pub fn new(
        subject: &Subject,
        suite: &Suite,
        sizes: Sizes,
        coalitions: &[String],
        settings: Settings,
        progress: Progress<'_>,
    ) -> Result<Self, StatisticsError> {
        let started = Instant::now();
        let sizes = subject.sizes(sizes);
        let program = subject.program(suite, sizes)?;
        let asked = if coalitions.is_empty() {
            privacy::promised_coalitions(&program)
        } else {
            coalitions.iter().map(|names| Coalition::parse(&program, names)).collect::<Result<_, _>>()?
        };
        let Settings { runs, seed, false_alarm_rate } = settings;
        // A battery and a learner for each coalition; their rates add up.
        let each = false_alarm_rate / (2 * asked.len()) as f64;
        let options = statistical::Options { seed, runs, false_alarm_rate: each, ..statistical::Options::default() };
        // A run of a model is long, and each input to be told apart costs two of them for a pair.
        let most_inputs = match subject.kind {
            Kind::Model(_) | Kind::Autoencoder(_) => 1,
            Kind::Protocol(_) => learned::Options::default().most_inputs,
        };
        let learning = learned::Options {
            seed,
            pairs: runs.min(learned::MOST_PAIRS),
            most_inputs,
            false_alarm_rate: each,
            ..learned::Options::default()
        };
        // Half of the work each, roughly.
        let batteries = statistical::assay_each(&program, &asked, &options, &mut |done, of| progress(done, 2 * of))?;
        let learners = learned::learn_each(&program, &asked, &learning, &mut |done, of| progress(of + done, 2 * of))?;
        let report = StatisticsReport {
            subject: subject.name.clone(),
            suite: suite.name.clone(),
            seq: sizes.seq(),
            batch: sizes.batch(),
            seed,
            runs,
            false_alarm_rate,
            count_bytes: batteries.iter().map(|battery| battery.bytes).max().unwrap_or(0),
            coalitions: batteries.iter().zip(&learners).map(|(battery, learner)| describe(battery, learner)).collect(),
            seconds: started.elapsed().as_secs_f64(),
        };
        Ok(Self { report, program, batteries })
    }

    /// The picture: a row for each coalition.
    #[must_use]
    pub fn svg(&self) -> String {
        let StatisticsReport { subject, suite, seed, runs, .. } = &self.report;
        let title = format!("{subject}, suite {suite}: {runs} runs with each of 5 choices of secrets, seed {seed}");
        plot::svg(&title, &self.program, &self.batteries.iter().collect::<Vec<_>>())
    }
}

fn tests(tests: usize, rejected: usize, smallest: Option<(f64, String)>) -> Tests {
    let ln_corrected = smallest.as_ref().map(|(ln_corrected, _)| *ln_corrected);
    Tests {
        tests,
        rejected,
        corrected_p_value: ln_corrected.map(f64::exp),
        // No negative zero.
        corrected_log10: ln_corrected.map(|ln| ln / std::f64::consts::LN_10 + 0.0),
        smallest: smallest.map(|(_, what)| what),
    }
}

fn describe(battery: &statistical::Report, learner: &learned::Report) -> CoalitionStatistics {
    let found = battery.findings().len() + learner.rejected;
    let part = |part: &statistical::Part| PartStatistics {
        region: part.region.clone(),
        messages: part.messages,
        tests: part.tests,
        corrected_p_value: part.ln_corrected.exp(),
    };
    let smallest = battery.smallest.as_ref().map(|finding| (finding.ln_corrected, finding.to_string()));
    let learned = learner.judged.first().map(|judged| (judged.ln_corrected, judged.to_string()));
    CoalitionStatistics {
        parties: battery.coalition.members().iter().map(|party| party.to_string()).collect(),
        verdict: if found == 0 { "no evidence" } else { "evidence" },
        messages: battery.messages,
        excluded: battery.excluded.len(),
        battery: tests(battery.power().tests, battery.findings().len(), smallest),
        found_bit_bias: battery.power().bit_bias,
        found_correlation: battery.power().correlation,
        parts: battery.parts.iter().map(part).collect(),
        learner: tests(learner.judged.len(), learner.rejected, learned),
        pairs: learner.pairs,
        found_accuracy: Some(learner.power.accuracy).filter(|accuracy| *accuracy <= 1.0),
    }
}
