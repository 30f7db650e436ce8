//! A learned distinguisher: classifiers that try to tell from a view which secrets it was made with.
//!
//! **The game.** Runs come in pairs. Both runs of a pair have the same inputs of the coalition; a fair coin decides which of them gets
//! the secrets of label 0 and which those of label 1 (see [`Contrast`]). A classifier is trained on half of the pairs, with their
//! labels, and judged on the other half: of a pair it has to say which run has label 1.
//!
//! **Null hypothesis.** Given the coalition's inputs and outputs, its view (messages *and* own samples) is independent of the
//! secrets. Nothing is assumed about the law of the view: it need not be uniform.
//!
//! **The p-value is exact, and conditional on the outputs.** Only pairs whose two runs gave the coalition the same outputs are used, to
//! train and to judge. Under the null hypothesis the two views of such a pair may be exchanged without changing their joint law,
//! so whatever the classifier does, it is right with probability 1/2 in every pair in which it prefers one of the runs,
//! independently: the number of pairs won is binomial. (The two accuracies of DT-SIM, arXiv 2403.04991, of a classifier that sees the
//! view and of one that sees outputs alone, can be compared exactly only if the second is the best possible one.)
//!
//! **Classifiers**: decision trees; the best exclusive or of one to three bits (of four, where at most 64 bits are seen); an exclusive or
//! of any number of bits that holds in all training runs. So relations of three and more messages are found that no pair of them shows. They see single bits: of each
//! message, of each message less what the coalition can subtract, of own samples and inputs and of outputs; the lowest and highest
//! bits of the first elements before others, as many as [`Options::most_features`] allows. Where that is fewer than one for each
//! message (a model), neighbours in Program order are learned together in groups.
//!
//! **False alarms.** Holm over all classifiers, contrasts and groups keeps the chance of any false alarm below
//! [`Options::false_alarm_rate`]. **No evidence is not privacy**: what these classifiers cannot express or find, passes.

mod features;
mod labelled;
mod learners;

pub use features::Feature;

use super::Coalition;
use super::statistical::runs::{Seen, Watch, by_own_inputs, seed_of};
use super::statistical::{AssayError, tails};
use super::view::View;
use features::Features;
use labelled::Labelled;
use learners::{ExclusiveOr, Rows, Scores};
use std::fmt;
use viewless_protocols::decimal;
use viewless_protocols::program::{Op, Program, ValueId};
use viewless_simulator::stream::StreamKey;

/// How much to learn.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Decides all randomness.
    pub seed: u64,
    /// Pairs of runs for each contrast; half of them train, half judge.
    pub pairs: u32,
    /// Bits that are learned from together.
    pub most_features: usize,
    /// Secret inputs of which a single bit is to be told; the first ones.
    pub most_inputs: usize,
    /// Bound of the probability that a view without a flaw shows evidence.
    pub false_alarm_rate: f64,
    /// Bytes that the bits kept of the runs of a contrast may take.
    pub most_bytes: usize,
}

impl Default for Options {
    /// 512 pairs for each contrast, 160 bits, 4 inputs, a false-alarm rate of 1e-7, 1 GiB.
    fn default() -> Self {
        Self { seed: 0, pairs: 512, most_features: 160, most_inputs: 4, false_alarm_rate: 1e-7, most_bytes: 1 << 30 }
    }
}

/// Most pairs of runs.
pub const MOST_PAIRS: u32 = 1 << 14;
/// Most bits learned from together: triples of them are searched.
pub const MOST_FEATURES: usize = 512;
/// Fewest pairs on either side for a classifier to be worth training.
const FEWEST_PAIRS: usize = 16;
/// Rows beyond bits that make an exact relation mean something.
const SPARE_ROWS: usize = 64;

/// Which secrets the two labels stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contrast {
    /// All zero, against words fixed once for all runs, of which the first of each input is -1.
    Assignments,
    /// The lowest bit of the first element of this input; all other bits are random, new in each pair.
    LowBit(ValueId),
}

/// A kind of classifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learner {
    /// A decision tree.
    Tree,
    /// The exclusive or of one to three bits (four, where there are at most 64) that agrees with the label most often.
    SmallParity,
    /// An exclusive or of any number of bits that always agrees.
    ExactParity,
}

impl Learner {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tree, Self::SmallParity, Self::ExactParity];
}

impl fmt::Display for Learner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tree => "a decision tree",
            Self::SmallParity => "an exclusive or of few bits",
            Self::ExactParity => "an exclusive or of bits",
        })
    }
}

/// A classifier with its judgement.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What it had to tell apart.
    pub contrast: Contrast,
    /// Its kind.
    pub learner: Learner,
    /// First and last value that it sees.
    pub values: (ValueId, ValueId),
    /// The bits whose exclusive or it is; empty for a tree, and for an exclusive or that no bit takes part in.
    pub bits: Vec<Feature>,
    /// Held-out pairs.
    pub held_out: u64,
    /// Of these, pairs in which it preferred one of the runs.
    pub decided: u64,
    /// Of these, pairs in which it was right.
    pub won: u64,
    /// Natural logarithm of the probability that a coin does as well: exact.
    pub ln_p_value: f64,
    /// The logarithm of what Holm's first step makes of it: times the number of tests, at most 1.
    pub ln_corrected: f64,
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { contrast, learner, values, bits, held_out, decided, won, ln_p_value, .. } = self;
        write!(f, "{learner}")?;
        if !bits.is_empty() {
            let bits: Vec<String> = bits.iter().map(Feature::to_string).collect();
            write!(f, " ({})", bits.join(", "))?;
        }
        match contrast {
            Contrast::Assignments => write!(f, " tells secrets all zero from fixed ones")?,
            Contrast::LowBit(input) => write!(f, " tells the lowest bit of %{}", input.0)?,
        }
        write!(
            f,
            " from what is seen from %{} to %{}: right in {won} of {decided} pairs decided of {held_out}; p at most 10^{}",
            values.0.0,
            values.1.0,
            decimal::decimals_at_most(ln_p_value / 10f64.ln(), 1)
        )
    }
}

/// What the classifiers would have found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Power {
    /// Classifiers judged.
    pub tests: usize,
    /// Held-out pairs of each: the fewest.
    pub held_out: u64,
    /// Bound of the chance of any false alarm.
    pub false_alarm_rate: f64,
    /// A classifier that decides every pair, and is right with this probability, is found with 99 %; 1 and more: none is.
    pub accuracy: f64,
}

impl Power {
    fn new(tests: usize, held_out: u64, false_alarm_rate: f64) -> Self {
        let ln_level = false_alarm_rate.ln() - (tests.max(1) as f64).ln();
        let accuracy = match tails::critical(held_out, ln_level) {
            Some(won) => tails::found_with(won, held_out, 0.99),
            None => f64::INFINITY,
        };
        Self { tests, held_out, false_alarm_rate, accuracy }
    }
}

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tests, held_out, false_alarm_rate, accuracy } = self;
        write!(
            f,
            "{tests} classifiers judged on at least {held_out} pairs each, false alarms below {}; ",
            decimal::at_most(*false_alarm_rate, 0)
        )?;
        if *accuracy <= 1.0 {
            write!(f, "found with 99 %: one that is right with probability {accuracy:.4}")
        } else {
            write!(f, "too few pairs to find anything")
        }
    }
}

/// What was learned. It never says that a view is private.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Whose view.
    pub coalition: Coalition,
    /// Messages seen.
    pub messages: usize,
    /// Pairs run, and pairs that gave the coalition the same outputs, in all contrasts.
    pub pairs: (u64, u64),
    /// All classifiers, smallest p-value first.
    pub judged: Vec<Judged>,
    /// How many of them, from the first, are evidence by Holm's decision.
    pub rejected: usize,
    /// What would have been found.
    pub power: Power,
}

impl Report {
    /// The classifiers that are evidence.
    #[must_use]
    pub fn findings(&self) -> &[Judged] {
        &self.judged[..self.rejected]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} messages seen: ", self.coalition, self.messages)?;
        let (run, used) = self.pairs;
        if self.judged.is_empty() {
            return write!(f, "nothing judged; {used} of {run} pairs of runs have the same outputs");
        }
        match self.findings().first() {
            None => write!(f, "nothing learned at this power: {}", self.power),
            Some(worst) => write!(f, "evidence of leakage by {} classifiers; {worst}; {}", self.rejected, self.power),
        }
    }
}

/// Trains and judges classifiers on the view of `coalition`.
///
/// # Errors
/// [`AssayError`] when the options make no sense or the Program cannot be run.
pub fn learn(program: &Program, coalition: Coalition, options: &Options) -> Result<Report, AssayError> {
    Ok(learn_each(program, &[coalition], options, &mut |_, _| {})?.remove(0))
}

/// Learns from the view of each coalition, and tells after each run how many of how many are done. Coalitions that own the same inputs
/// look at the same runs. The false-alarm rate is that of one coalition.
///
/// # Errors
/// As [`learn`].
pub fn learn_each(
    program: &Program,
    coalitions: &[Coalition],
    options: &Options,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Report>, AssayError> {
    options.check()?;
    let groups: Vec<(Vec<usize>, Vec<Contrast>)> = by_own_inputs(program, coalitions)
        .into_iter()
        .map(|group| {
            let contrasts = contrasts(program, coalitions[group[0]], options.most_inputs);
            (group, contrasts)
        })
        .collect();
    let runs_of_contrast = 2 * options.pairs as usize;
    let all: usize = groups.iter().map(|(_, contrasts)| contrasts.len() * runs_of_contrast).sum();
    let mut reports: Vec<Option<Report>> = vec![None; coalitions.len()];
    let mut done = 0;
    for (group, contrasts) in &groups {
        let views: Vec<View<'_>> = group.iter().map(|&member| View::new(program, coalitions[member])).collect();
        let watch = Features::watch(program, &views);
        let features: Vec<Features> =
            views.iter().map(|view| Features::new(view, &watch, options.most_features)).collect();
        let bytes = features.iter().map(|features| features.memory(options.pairs)).sum();
        if bytes > options.most_bytes {
            let messages = features.iter().map(|features| features.messages).sum();
            return Err(AssayError::Memory { messages, bytes, most_bytes: options.most_bytes });
        }
        let is_idle = features.iter().all(|features| features.messages == 0);
        let mut learned = vec![(Vec::new(), (0u64, 0u64)); group.len()];
        if is_idle {
            done += contrasts.len() * runs_of_contrast;
        }
        for (salt, &contrast) in contrasts.iter().enumerate().filter(|_| !is_idle) {
            let game = Game { program, views: &views, watch: &watch, contrast, options, salt: salt as u32 };
            let played = game.play(&features, &mut |runs| progress(done + runs, all))?;
            done += runs_of_contrast;
            for (((judged, pairs), rows), features) in learned.iter_mut().zip(played).zip(&features) {
                if features.messages == 0 {
                    continue;
                }
                pairs.0 += u64::from(options.pairs);
                pairs.1 += rows.first().map_or(0, |rows| rows.labels.len() as u64 / 2);
                for (group, rows) in features.groups.iter().zip(&rows) {
                    judged.extend(judge(contrast, group, rows)?);
                }
            }
        }
        for ((&member, (judged, pairs)), features) in group.iter().zip(learned).zip(&features) {
            let report = Report::new(coalitions[member], features.messages, pairs, judged, options);
            reports[member] = Some(report);
        }
    }
    Ok(reports.into_iter().map(|report| report.expect("every coalition is in one group")).collect())
}

impl Report {
    fn new(
        coalition: Coalition,
        messages: usize,
        pairs: (u64, u64),
        mut judged: Vec<Judged>,
        options: &Options,
    ) -> Self {
        let (tests, fewest) = (judged.len(), judged.iter().map(|judged| judged.held_out).min().unwrap_or(0));
        judged.sort_by(|a, b| a.ln_p_value.total_cmp(&b.ln_p_value));
        for judged in &mut judged {
            judged.ln_corrected = (judged.ln_p_value + (tests as f64).ln()).min(0.0);
        }
        let ln_p: Vec<f64> = judged.iter().map(|judged| judged.ln_p_value).collect();
        let rejected = tails::holm(&ln_p, options.false_alarm_rate.ln()).len();
        let power = Power::new(tests, fewest, options.false_alarm_rate);
        Self { coalition, messages, pairs, judged, rejected, power }
    }
}

impl Options {
    fn check(&self) -> Result<(), AssayError> {
        let &Self { pairs, most_features, false_alarm_rate, .. } = self;
        let is_rate = false_alarm_rate > 0.0 && false_alarm_rate < 1.0;
        if (1..=MOST_PAIRS).contains(&pairs) && (1..=MOST_FEATURES).contains(&most_features) && is_rate {
            return Ok(());
        }
        Err(AssayError::LearningOptions { pairs, most_features, false_alarm_rate })
    }
}

/// What is to be told apart: nothing if the coalition owns all inputs.
fn contrasts(program: &Program, coalition: Coalition, most_inputs: usize) -> Vec<Contrast> {
    let secrets: Vec<ValueId> = program
        .iter()
        .filter(|(_, value)| matches!(value.op, Op::Input { .. }) && !coalition.meets(value.holders))
        .map(|(id, _)| id)
        .collect();
    let all = (!secrets.is_empty()).then_some(Contrast::Assignments);
    all.into_iter().chain(secrets.iter().take(most_inputs).map(|&input| Contrast::LowBit(input))).collect()
}

/// The runs of one contrast, for coalitions that own the same inputs.
struct Game<'a> {
    program: &'a Program,
    views: &'a [View<'a>],
    watch: &'a Watch,
    contrast: Contrast,
    options: &'a Options,
    salt: u32,
}

/// Salts that the battery does not use.
const RUNS: u32 = 0x4000_0000;
const PAIRS: u32 = 0x5000_0000;
const ASSIGNMENT: u32 = 0x6000_0000;

impl Game<'_> {
    /// For each view the rows of each group: pairs of neighbouring rows with different labels and the same outputs.
    fn play(&self, features: &[Features], told: &mut dyn FnMut(usize)) -> Result<Vec<Vec<Rows>>, AssayError> {
        let &Self { program, contrast, options, .. } = self;
        let coalition = self.views[0].coalition;
        let Options { seed, pairs, .. } = *options;
        let mut played: Vec<Vec<Rows>> =
            features.iter().map(|features| vec![Rows::default(); features.groups.len()]).collect();
        let assignment = seed_of(seed, 0, ASSIGNMENT);
        for pair in 0..pairs {
            let shared = seed_of(seed, pair, PAIRS + self.salt);
            let mut coin = [0u64];
            // No input has this stream: inputs count down from the largest.
            StreamKey::derive(&shared, 0).fill(0, &mut coin);
            let first = coin[0] & 1 == 1;
            let run = |side: u32| {
                let label = first ^ (side == 1);
                let (pair_seed, assignment) = (shared.clone(), assignment.clone());
                let inputs = Labelled { program, coalition, contrast, label, pair: pair_seed, assignment };
                self.watch.run(&inputs, seed_of(seed, 2 * pair + side, RUNS + self.salt))
            };
            let both = [run(0)?, run(1)?];
            for ((view, features), groups) in self.views.iter().zip(features).zip(&mut played) {
                if !same_outputs(view, self.watch, &both) {
                    continue;
                }
                for (seen, label) in both.iter().zip([first, !first]) {
                    for (rows, bits) in groups.iter_mut().zip(features.bits(seen)) {
                        rows.bits.push(bits);
                        rows.labels.push(label);
                    }
                }
            }
            told(2 * pair as usize + 2);
        }
        Ok(played)
    }
}

/// Whether two runs gave a coalition the same outputs, word for word: rounded to real numbers they might only look the same.
fn same_outputs(view: &View<'_>, watch: &Watch, [one, other]: &[Seen; 2]) -> bool {
    let mut shown = features::outputs(view).filter_map(|contents| watch.shown(contents));
    shown.all(|send| one.whole.get(&send) == other.whole.get(&send))
}

/// Trains on the first half of the pairs, and judges on the rest.
fn judge(contrast: Contrast, group: &[Feature], rows: &Rows) -> Result<Vec<Judged>, AssayError> {
    let pairs = rows.labels.len() / 2;
    if pairs / 2 < FEWEST_PAIRS {
        return Ok(Vec::new());
    }
    let split = pairs / 2 * 2;
    let part = |range: std::ops::Range<usize>| Rows {
        bits: rows.bits[range.clone()].to_vec(),
        labels: rows.labels[range].to_vec(),
    };
    let (train, held_out) = (part(0..split), part(split..2 * pairs));
    let values = (group[0].value, group[group.len() - 1].value);
    let mut judged = Vec::new();
    for learner in Learner::ALL {
        let parity = match learner {
            Learner::Tree => None,
            Learner::SmallParity => learners::small_parity(&train),
            Learner::ExactParity if split < group.len() + SPARE_ROWS => continue,
            Learner::ExactParity => learners::exact_parity(&train),
        };
        let undecided = || vec![0.0; held_out.labels.len()];
        let scores = match learner {
            Learner::Tree => learners::tree(&train, &held_out)?,
            Learner::SmallParity | Learner::ExactParity => {
                parity.as_ref().map_or_else(undecided, |parity| parity.scores(&held_out))
            }
        };
        let bits =
            parity.map_or_else(Vec::new, |ExclusiveOr { bits, .. }| bits.into_iter().map(|bit| group[bit]).collect());
        let (decided, won) = contest(&scores, &held_out.labels);
        let ln_p_value = tails::at_least(won, decided);
        let held_out = held_out.labels.len() as u64 / 2;
        judged.push(Judged { contrast, learner, values, bits, held_out, decided, won, ln_p_value, ln_corrected: 0.0 });
    }
    Ok(judged)
}

/// Of neighbouring rows with different labels: in how many pairs the scores differ, and in how many label 1 has the higher one.
fn contest(scores: &Scores, labels: &[bool]) -> (u64, u64) {
    let (mut decided, mut won) = (0, 0);
    for (scores, labels) in scores.chunks_exact(2).zip(labels.chunks_exact(2)) {
        if scores[0] != scores[1] {
            decided += 1;
            won += u64::from((scores[0] > scores[1]) == labels[0]);
        }
    }
    (decided, won)
}

#[cfg(test)]
mod tests;
