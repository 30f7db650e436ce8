//! What all rows together say.

use super::Evaluation;
use super::reason::{Cause, Reason};
use super::rows::{Answers, Prepared, Rows};
use super::run::{RowCost, RowRun, class};
use crate::inference::ExecutionMode;
use serde::Serialize;
use std::collections::BTreeMap;
use viewless_models::data::metrics::{Estimate, Metric, Undefined, accuracy, accuracy_difference};
use viewless_models::data::{Label, Labels};

/// Characters of a text that a report repeats.
const MOST_CHARACTERS: usize = 120;

/// The report of `viewless evaluate`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvaluationReport {
    /// Directory of the model.
    pub model: String,
    /// File of the rows.
    pub data: String,
    /// Name of the task of GLUE, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Rows that were evaluated.
    pub rows: usize,
    /// Rows of the file.
    pub of: usize,
    /// Rows whose end is left out, because the model has not as many positions.
    pub rows_cut: usize,
    /// Rows that are skipped for that, of which nothing here tells anything.
    pub rows_skipped: usize,
    /// What rows are rated by.
    pub rated: Rated,
    /// Names of the classes; none where rows have numbers.
    pub classes: Vec<String>,
    /// A row has the seed of this number and its line's.
    pub seed: u64,
    /// What was run.
    pub execution: ExecutionMode,
    /// Metrics of the plaintext pass.
    pub plaintext: Vec<Measure>,
    /// One for each suite.
    pub suites: Vec<SuiteEvaluation>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

impl EvaluationReport {
    /// Whether broken claims made an answer another: a row of another class than plaintext's whose run broke a claim, or, of numbers, any row whose
    /// run did.
    #[must_use]
    pub fn is_spoiled(&self) -> bool {
        self.suites.iter().any(|suite| match self.rated {
            Rated::Class => suite.differing.iter().any(|row| row.breaks_claims),
            Rated::Number | Rated::Cosine => suite.rows_breaking_claims > 0,
        })
    }

    /// Whether a suite computes other functions than the model's.
    #[must_use]
    pub fn computes_other_functions(&self) -> bool {
        self.suites.iter().any(|suite| !suite.other_functions.is_empty())
    }
}

/// What is compared with the label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rated {
    /// The class of the largest logit.
    Class,
    /// The number that a regressor answers.
    Number,
    /// The cosine between the vectors of two texts.
    Cosine,
}

/// A metric with its interval of 95 %.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measure {
    /// Its name.
    pub metric: String,
    /// Its value; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<f64>,
    /// Ends of the interval; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
    /// Why it has no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undefined: Option<String>,
}

impl Measure {
    fn of(metric: &str, result: Result<Estimate, Undefined>) -> Self {
        let (estimate, interval, undefined) = match result {
            Ok(Estimate { value, interval }) => (Some(value), interval, None),
            Err(why) => (None, None, Some(why.to_string())),
        };
        Self { metric: metric.to_owned(), estimate, interval, undefined }
    }
}

/// How often the private class is plaintext's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// Rows of the same class.
    pub rows: usize,
    /// Their share, with its interval.
    pub share: Measure,
    /// Private accuracy less that of plaintext, with its interval for paired rows.
    pub accuracy_difference: Measure,
    /// Rows of another class, by cause.
    pub causes: BTreeMap<Cause, usize>,
}

/// One suite.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SuiteEvaluation {
    /// Its name.
    pub suite: String,
    /// Metrics of the private answers.
    pub private: Vec<Measure>,
    /// Beside plaintext, where there are classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Agreement>,
    /// Largest difference between a private and a plaintext number.
    pub max_abs_error: f64,
    /// Mean over all rows of the largest difference in a row.
    pub mean_abs_error: f64,
    /// Rows whose class is another than plaintext's, and why.
    pub differing: Vec<DifferingRow>,
    /// Rows whose run broke a claim, whatever became of the answer.
    pub rows_breaking_claims: usize,
    /// Rows in whose runs a truncation wrapped.
    pub rows_wrapped: usize,
    /// Rows in whose runs a number was beyond the headroom.
    pub rows_beyond_headroom: usize,
    /// Rows in whose runs an argument left its domain.
    pub rows_outside_domains: usize,
    /// Regions whose domain was left, and in how many rows.
    pub domains_left: BTreeMap<String, usize>,
    /// Functions that are not the model's own, in sentences.
    pub other_functions: Vec<String>,
    /// Mean cost of a row.
    pub mean_bytes_online: f64,
    /// Mean rounds online of a row.
    pub mean_rounds_online: f64,
    /// The cost by length.
    pub by_length: Vec<LengthCost>,
    /// Mean duration of a private run, on one thread.
    pub seconds_per_row: f64,
}

/// A row whose class is another than plaintext's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DifferingRow {
    /// Its line in the file.
    pub line: usize,
    /// The seed with which `infer` repeats it.
    pub seed: u64,
    /// The beginning of its text.
    pub text: String,
    /// The class that is right.
    pub label: String,
    /// The class in plaintext.
    pub plaintext: String,
    /// The class that came out privately.
    pub private: String,
    /// Whether its run broke a claim.
    pub breaks_claims: bool,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// What rows of one length cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LengthCost {
    /// Tokens of a row, special ones included; of both texts of a pair.
    pub length: usize,
    /// Rows of that length.
    pub rows: usize,
    /// What each of them costs.
    pub cost: RowCost,
}

/// Makes the report of results in the order of suites and rows.
pub(super) fn report(
    evaluation: &Evaluation<'_>,
    answers: Answers,
    of: &Rows,
    done: &[RowRun],
    other_functions: &[Vec<String>],
) -> EvaluationReport {
    let data = evaluation.rows();
    let rows = &of.prepared[..];
    let mut notes = evaluation.model.notes.clone();
    notes.extend(evaluation.loaded.notes.iter().cloned());
    notes.extend(of_lengths(of, evaluation.model.config.most_tokens()));
    let of_suite = |suite: usize| done.iter().filter(move |run| run.suite == suite).collect::<Vec<_>>();
    let metrics = |runs: &[&RowRun], values: fn(&RowRun) -> &[f64]| measures(evaluation, answers, rows, runs, values);
    let suites = evaluation.suites.iter().enumerate().map(|(index, suite)| {
        let runs = of_suite(index);
        let private = metrics(&runs, |run| &run.private);
        of_one(evaluation, answers, rows, &runs, (&suite.name, private, &other_functions[index]))
    });
    EvaluationReport {
        model: evaluation.model.directory.display().to_string(),
        data: data.file().display().to_string(),
        task: data.task().map(|task| task.name().to_owned()),
        rows: rows.len(),
        of: evaluation.loaded.of,
        rows_cut: of.cut.len(),
        rows_skipped: of.skipped.len(),
        rated: match answers {
            Answers::Class => Rated::Class,
            Answers::Number => Rated::Number,
            Answers::Cosine => Rated::Cosine,
        },
        classes: match data.labels() {
            Labels::Classes(names) => names.clone(),
            Labels::Numbers => Vec::new(),
        },
        seed: evaluation.seed,
        execution: evaluation.execution,
        plaintext: metrics(&of_suite(0), |run| &run.plaintext),
        suites: suites.collect(),
        notes,
    }
}

/// Lines that a note names.
const MOST_LINES: usize = 8;

/// What became of rows that are too long, in sentences.
fn of_lengths(rows: &Rows, most_tokens: usize) -> Vec<String> {
    let named = |lines: &[usize]| {
        let first = lines.iter().take(MOST_LINES).map(usize::to_string).collect::<Vec<_>>().join(", ");
        let more = lines.len().saturating_sub(MOST_LINES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}: line{} {first}{more}", lines.len(), if lines.len() == 1 { "" } else { "s" })
    };
    let mut notes = Vec::new();
    if rows.left_out > 0 {
        notes.push(format!("of {} rows the end is left out, as the model's `max_seq_length` asks", rows.left_out));
    }
    if !rows.cut.is_empty() {
        let cut = named(&rows.cut);
        notes.push(format!(
            "the end of rows is left out that have more tokens than the model's {most_tokens} positions, of {cut}; `infer` takes no such text whole"
        ));
    }
    if !rows.skipped.is_empty() {
        let skipped = named(&rows.skipped);
        notes.push(format!(
            "rows are skipped that have more tokens than the model's {most_tokens} positions, {skipped}"
        ));
    }
    notes
}

/// The metrics that belong to the rows: those of the task, else those of their labels.
fn measures(
    evaluation: &Evaluation<'_>,
    answers: Answers,
    rows: &[Prepared],
    runs: &[&RowRun],
    values: fn(&RowRun) -> &[f64],
) -> Vec<Measure> {
    let classes = || -> Vec<(usize, usize)> {
        runs.iter().filter_map(|run| Some((label_class(&rows[run.row])?, class(values(run))))).collect()
    };
    let numbers = || -> Vec<(f64, f64)> {
        let label = |row: &Prepared| if let Label::Number(number) = row.label { Some(number) } else { None };
        runs.iter().filter_map(|run| Some((label(&rows[run.row])?, *values(run).first()?))).collect()
    };
    let task = evaluation.rows().task().map(|task| task.metrics().to_vec());
    match answers {
        Answers::Class => {
            let mut wanted = vec![Metric::Accuracy];
            match evaluation.rows().labels() {
                Labels::Classes(names) if names.len() == 2 => wanted.extend([Metric::F1, Metric::Matthews]),
                Labels::Classes(_) | Labels::Numbers => wanted.push(Metric::Matthews),
            }
            // What the task is judged by comes first.
            let first = task.unwrap_or_default();
            wanted.sort_by_key(|metric| !first.contains(metric));
            let rows = classes();
            wanted.iter().filter_map(|metric| Some(Measure::of(metric.name(), metric.of_classes(&rows)?))).collect()
        }
        Answers::Number | Answers::Cosine => {
            let rows = numbers();
            let wanted = [Metric::Pearson, Metric::Spearman];
            wanted.iter().filter_map(|metric| Some(Measure::of(metric.name(), metric.of_numbers(&rows)?))).collect()
        }
    }
}

fn label_class(row: &Prepared) -> Option<usize> {
    if let Label::Class(class) = row.label { Some(class) } else { None }
}

fn of_one(
    evaluation: &Evaluation<'_>,
    answers: Answers,
    rows: &[Prepared],
    runs: &[&RowRun],
    (suite, private, other_functions): (&str, Vec<Measure>, &[String]),
) -> SuiteEvaluation {
    let error = |run: &RowRun| run.plaintext.iter().zip(&run.private).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let n = runs.len().max(1) as f64;
    let mean = |of: &dyn Fn(&RowRun) -> f64| runs.iter().map(|run| of(run)).sum::<f64>() / n;
    let count = |holds: fn(&RowRun) -> bool| runs.iter().filter(|run| holds(run)).count();
    let mut domains_left = BTreeMap::<String, usize>::new();
    let mut lengths = BTreeMap::<(usize, u64), LengthCost>::new();
    for run in runs {
        let regions: std::collections::BTreeSet<&str> = run.domains.iter().map(|left| left.region.as_str()).collect();
        regions.into_iter().for_each(|region| *domains_left.entry(region.to_owned()).or_default() += 1);
        let tokens = rows[run.row].tokens();
        // Pairs of one length may be cut at other places, and pay the same or not.
        let entry = lengths.entry((tokens, run.cost.bytes_online));
        entry.or_insert(LengthCost { length: tokens, rows: 0, cost: run.cost }).rows += 1;
    }
    SuiteEvaluation {
        suite: suite.to_owned(),
        private,
        agreement: (answers == Answers::Class).then(|| agreement(rows, runs)),
        max_abs_error: runs.iter().map(|run| error(run)).fold(0.0, f64::max),
        mean_abs_error: mean(&error),
        differing: differing(evaluation, rows, runs, answers),
        rows_breaking_claims: count(RowRun::breaks_claims),
        rows_wrapped: count(|run| run.wraps > 0),
        rows_beyond_headroom: count(|run| !run.headroom.is_empty()),
        rows_outside_domains: count(|run| !run.domains.is_empty()),
        domains_left,
        other_functions: other_functions.to_vec(),
        mean_bytes_online: mean(&|run| run.cost.bytes_online as f64),
        mean_rounds_online: mean(&|run| run.cost.rounds_online as f64),
        by_length: lengths.into_values().collect(),
        seconds_per_row: mean(&|run| run.seconds),
    }
}

fn agreement(rows: &[Prepared], runs: &[&RowRun]) -> Agreement {
    let pairs: Vec<(usize, usize)> = runs.iter().map(|run| (class(&run.plaintext), class(&run.private))).collect();
    let all: Vec<(usize, usize, usize)> = runs
        .iter()
        .zip(&pairs)
        .filter_map(|(run, &(plaintext, private))| Some((label_class(&rows[run.row])?, plaintext, private)))
        .collect();
    let mut causes = BTreeMap::new();
    for reason in runs.iter().filter_map(|run| run.reason.as_ref()) {
        *causes.entry(reason.cause).or_default() += 1;
    }
    Agreement {
        rows: pairs.iter().filter(|(plaintext, private)| plaintext == private).count(),
        share: Measure::of("agreement", accuracy(&pairs)),
        accuracy_difference: Measure::of("accuracy difference", accuracy_difference(&all)),
        causes,
    }
}

fn differing(evaluation: &Evaluation<'_>, rows: &[Prepared], runs: &[&RowRun], answers: Answers) -> Vec<DifferingRow> {
    let data = evaluation.rows();
    let name = |class: usize| match data.labels() {
        Labels::Classes(names) => names.get(class).cloned().unwrap_or_else(|| class.to_string()),
        Labels::Numbers => class.to_string(),
    };
    let differs = |run: &&&RowRun| answers == Answers::Class && class(&run.plaintext) != class(&run.private);
    // Rows that are skipped have no runs, so that the place of a run is not that of its row.
    let text = |line| data.rows().iter().find(|row| row.line == line).map_or("", |row| &row.text);
    let row = |run: &&RowRun| {
        let Prepared { line, .. } = rows[run.row];
        DifferingRow {
            line,
            seed: evaluation.seed.wrapping_add(line as u64),
            text: text(line).chars().take(MOST_CHARACTERS).collect(),
            label: label_class(&rows[run.row]).map(name).unwrap_or_default(),
            plaintext: name(class(&run.plaintext)),
            private: name(class(&run.private)),
            breaks_claims: run.breaks_claims(),
            reason: run.reason.clone(),
        }
    };
    runs.iter().filter(differs).map(row).collect()
}
