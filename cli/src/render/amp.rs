//! AMP's experiments in words.

use crate::render::table::TextTable;
use viewless_planner::amp::{Measured, Quirk, Report, Statistics, Trial};

/// The report, with the first candidates.
#[must_use]
pub fn text(report: &Report, top: usize) -> String {
    let mut text = answer(report);
    text.push('\n');
    text += &candidates(&report.candidates, top).lines();
    text.push('\n');
    text += &beside_the_log(report);
    if let Some(statistics) = &report.statistics {
        text += &measurements(statistics);
    }
    text += &speedups(report);
    text
}

/// How it was planned, in a few words.
fn method(quirks: &[Quirk]) -> &'static str {
    let has = |quirk| quirks.contains(&quirk);
    if has(Quirk::StoredValueDropsLink) {
        "by AMP's search as it is coded"
    } else if has(Quirk::FleetAverageSpeed) {
        "with AMP's cost model, minimised exactly"
    } else {
        "exactly, with each stage at the speed of its own GPUs"
    }
}

fn answer(report: &Report) -> String {
    let best = &report.candidates[0].candidate;
    let strategy = best.strategy;
    format!(
        "{}: the fastest of {} strategies {} takes a predicted {:.4} s: {} GPUs to a layer, {} replicas, {} stages of {} layers, \
         micro-batches of {}.\nNo cut of it takes less than {:.4} s.\n",
        report.experiment.name(),
        report.candidates.len(),
        method(&report.quirks),
        best.predicted.seconds(),
        strategy.tensor,
        strategy.data,
        strategy.pipeline,
        lengths(&best.lengths),
        strategy.micro_batch,
        best.lower_bound.seconds(),
    )
}

fn lengths(lengths: &[usize]) -> String {
    lengths.iter().map(usize::to_string).collect::<Vec<_>>().join(" ")
}

fn candidates(candidates: &[Measured], top: usize) -> TextTable {
    let mut table = TextTable::of_numbers(&[
        "",
        "tensor",
        "data",
        "stages",
        "micro-batch",
        "predicted s",
        "pipeline",
        "all-reduce",
        "log",
        "measured",
        "layers",
    ]);
    for (rank, measured) in candidates.iter().take(top).enumerate() {
        let candidate = &measured.candidate;
        let strategy = candidate.strategy;
        table.row([
            (rank + 1).to_string(),
            strategy.tensor.to_string(),
            strategy.data.to_string(),
            strategy.pipeline.to_string(),
            strategy.micro_batch.to_string(),
            format!("{:.4}", candidate.predicted.seconds()),
            format!("{:.4}", candidate.pipeline.seconds()),
            format!("{:.4}", candidate.all_reduce.seconds()),
            measured.logged.map_or_else(String::new, |logged| format!("{:.4}", logged.seconds())),
            trial(measured),
            lengths(&candidate.lengths),
        ]);
    }
    table
}

/// A measurement is of the stages of the log: a star says that these are others.
fn trial(measured: &Measured) -> String {
    let other = measured.logged_cuts.as_ref().is_some_and(|cuts| *cuts != measured.candidate.cuts);
    let star = if other { " *" } else { "" };
    match measured.trial {
        Some(Trial::Ran(seconds)) => format!("{seconds:.2}{star}"),
        Some(Trial::Failed) => format!("failed{star}"),
        Some(Trial::NotLaunched) => "not launched".to_owned(),
        None => String::new(),
    }
}

fn beside_the_log(report: &Report) -> String {
    let mut text = String::new();
    let all = report.candidates.len();
    if let Some(differ) = report.differ_from_log {
        text += &format!("{} of {all} predictions are the log's, to its last digit.\n", all - differ);
    }
    if let Some((count, most)) = report.improved {
        text += &format!(
            "{count} candidates are predicted at least 0.01 % faster than in the log, at most {:.2} %.\n",
            most * 100.0
        );
    }
    if report.candidates.iter().any(|measured| trial(measured).contains('*')) {
        text += "* measured, or failed, with the stages of the log, which are others.\n";
    }
    if report.infeasible > 0 {
        text += &format!(
            "{} strategies were left out: more stages than layers, or more GPUs to a layer than were measured.\n",
            report.infeasible
        );
    }
    text
}

fn measurements(statistics: &Statistics) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |value| format!("{value:.3}"));
    let percent =
        |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |value| format!("{:.1} %", value * 100.0));
    let memory = statistics.memory;
    format!(
        "\nAgainst the published measurements, these predictions for the stages of the log ({} ran, {} failed):\n\
         rank correlation {} over all, {} over those of the first thirty that ran; mean error {} over the first ten, {} over all\n\
         regret of trusting the first {}, of trying the first two {}, four {}\n\
         memory model: refuses {} that failed and {} that ran; admits {} that ran and {} that failed\n",
        statistics.ran,
        statistics.failed,
        number(statistics.spearman),
        number(statistics.spearman_first_thirty),
        percent(statistics.error_first_ten),
        percent(statistics.error_all),
        percent(statistics.regrets[0]),
        percent(statistics.regrets[1]),
        percent(statistics.regrets[3]),
        memory.refused_and_failed,
        memory.refused_but_ran,
        memory.admitted_and_ran,
        memory.admitted_but_failed,
    )
}

fn speedups(report: &Report) -> String {
    let ratio = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |value| format!("{value:.3}"));
    let published = report.published.map_or_else(String::new, |published| {
        format!(
            "Published measurement, which no model here produces: {:.2} s against {:.2} s, {:.2} times.\n",
            published.baseline_seconds,
            published.amp_seconds,
            published.speedup(),
        )
    });
    format!(
        "\nSpeedups: predicted {} over data parallelism alone, {} over the best uniform cut.\n{published}",
        ratio(report.data_parallel_over_best),
        ratio(report.uniform_over_best),
    )
}
