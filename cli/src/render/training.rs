//! Runs of training, in words and as a picture of their losses.

use super::chart::COLOURS;
use super::table::TextTable;
use super::{units, words};
use crate::commands::train::{Trained, TrainedAutoencoder};
use maud::{Markup, html};
use std::path::Path;
use viewless_training::TrainReport;
use viewless_training::log::Line;
use viewless_training::score::Scores;

/// The page.
#[must_use]
pub fn text(trained: &Trained, out: &Path, explain: bool) -> String {
    let Some(report) = &trained.report else {
        let (done, of) = (trained.steps_done, trained.steps_of_all);
        return words::first(&format!("{done} of {of} steps are done; the same command with --resume goes on."));
    };
    let TrainReport { source, labels, activation, attention, parameters, rows, cut, .. } = report;
    let kind = if labels.len() > 1 { format!("labels {}", labels.join(", ")) } else { "a number".to_owned() };
    let mut text = words::first(&format!("A model is in {}.", out.display()));
    text += &format!("\nbegins with {source}, {} of its tensors drawn\n", report.drawn);
    text +=
        &format!("functions   {activation} and {attention}\nanswers     {kind}\nsize        {parameters} numbers\n");
    text += &format!("rows        {rows}, {cut} of them cut\n");
    for stage in &report.stages {
        text += &format!(
            "{:12}{}, {}; {} tensors, each with a gradient\n",
            stage.stage,
            words::count(stage.epochs, "epoch"),
            words::count(stage.steps, "step"),
            stage.variables
        );
    }
    if let Some(epoch) = report.chosen_epoch {
        text += &format!("kept        epoch {epoch}, the best on the development rows\n");
    }
    if report.steps > 0 {
        let each = units::seconds(report.seconds / report.steps as f64);
        text += &format!("time        {}, {each} for a step\n", units::seconds(report.seconds));
    }
    text += &scores(report);
    if explain {
        text += "\nMetrics are those of the directory as it was read again, in plaintext, with intervals of 95 %. The recipe, the metrics of every step and a \
                 picture of the losses lie beside the weights.\n";
    }
    text
}

/// The page of an autoencoder.
#[must_use]
pub fn of_images(trained: &TrainedAutoencoder, out: &Path) -> String {
    let Some(report) = &trained.report else {
        let (done, of) = (trained.steps_done, trained.steps_of_all);
        return words::first(&format!("{done} of {of} steps are done; the same command with --resume goes on."));
    };
    let decibels =
        |mse: f64| if mse > 0.0 { format!("{:.2} dB", 10.0 * (4.0 / mse).log10()) } else { "exact".to_owned() };
    let mut table = TextTable::of_numbers(&["held-out images", "mean square", "PSNR"]);
    for (what, mse) in [
        ("this model, from the mean of the code", report.held_out_mse),
        ("principal components, as many", report.components_mse),
        ("the mean image", report.mean_image_mse),
    ] {
        table.row([what.to_owned(), format!("{mse:.5}"), decibels(mse)]);
    }
    format!(
        "{}\nimages      {} to learn from, {} to be judged by\nsize        {} numbers\nsteps       {} in all, {} before; {} here\n\n{}",
        words::first(&format!("An autoencoder is in {}.", out.display())),
        report.images,
        report.held_out_images,
        report.parameters,
        report.steps,
        report.steps_before,
        units::seconds(report.seconds),
        table.lines()
    )
}

fn scores(report: &TrainReport) -> String {
    let mut table = TextTable::of_numbers(&["metric", "rows", "value", "from", "to"]);
    let mut add = |name: &str, scores: &Scores| {
        for (metric, estimate) in &scores.metrics {
            let end = |end: Option<f64>| end.map_or_else(|| "-".to_owned(), |end| format!("{end:.4}"));
            table.row([
                format!("{metric}, {name}"),
                scores.rows.to_string(),
                format!("{:.4}", estimate.value),
                end(estimate.interval.map(|interval| interval.0)),
                end(estimate.interval.map(|interval| interval.1)),
            ]);
        }
    };
    let judged = [("development", &report.development), ("test", &report.test)];
    let judged: Vec<_> = judged.iter().filter_map(|(name, scores)| Some((*name, scores.as_ref()?))).collect();
    if judged.is_empty() {
        return String::new();
    }
    judged.iter().for_each(|(name, scores)| add(name, scores));
    format!("\n{}", table.lines())
}

const WIDTH: f64 = 960.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 24.0;
const HEIGHT: f64 = 220.0;
/// Between the tops of two panels.
const PANEL: f64 = HEIGHT + 90.0;

/// The losses of each stage by step, on a logarithmic scale, and the mean of each epoch.
#[must_use]
pub fn losses(lines: &[Line]) -> String {
    let mut stages: Vec<Curve> = Vec::new();
    for line in lines {
        let (Line::Step { stage, loss, .. } | Line::Epoch { stage, loss, .. }) = line;
        if stages.iter().all(|curve| curve.stage != *stage) {
            stages.push(Curve { stage: stage.clone(), steps: Vec::new(), epochs: Vec::new() });
        }
        let Some(curve) = stages.iter_mut().find(|curve| curve.stage == *stage) else { continue };
        match line {
            Line::Step { .. } => curve.steps.push(*loss),
            Line::Epoch { .. } => curve.epochs.push((curve.steps.len(), *loss)),
        }
    }
    let height = PANEL * stages.len() as f64 + 20.0;
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(WIDTH) height=(height) viewBox=(format!("0 0 {WIDTH} {height}"))
            font-family="sans-serif" font-size="13" fill="#1b1b1b" {
            rect width=(WIDTH) height=(height) fill="#ffffff" {}
            @for (i, curve) in stages.iter().enumerate() { (curve.panel(40.0 + PANEL * i as f64)) }
        }
    };
    svg.into_string()
}

/// The losses of a stage.
struct Curve {
    stage: String,
    steps: Vec<f64>,
    /// Steps before each end of an epoch, and its mean.
    epochs: Vec<(usize, f64)>,
}

impl Curve {
    fn panel(&self, top: f64) -> Markup {
        // A loss of zero, or below, has no place on a logarithmic scale: it lies on the edge.
        let positive = self.steps.iter().copied().filter(|loss| *loss > 0.0);
        let (low, high) = positive.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), x| (low.min(x), high.max(x)));
        let (low, high) = if low < high { (low, high) } else { (0.1, 1.0) };
        let x = |step: usize| LEFT + (WIDTH - LEFT - RIGHT) * step as f64 / self.steps.len().max(1) as f64;
        let y = |loss: f64| {
            let part = (loss.max(low) / low).ln() / (high / low).ln();
            top + HEIGHT * (1.0 - part.clamp(0.0, 1.0))
        };
        let point = |step: usize, loss: f64| format!("{:.1},{:.1}", x(step), y(loss));
        let steps: Vec<String> = self.steps.iter().enumerate().map(|(i, &loss)| point(i + 1, loss)).collect();
        let epochs: Vec<String> = self.epochs.iter().map(|&(step, loss)| point(step, loss)).collect();
        html! {
            text x=(LEFT) y=(top - 14.0) font-weight="bold" { (self.stage) ": loss of each step, and the mean of each epoch" }
            @for tick in viewless_proofs::ticks::logarithmic(low, high) {
                line x1=(LEFT) x2=(WIDTH - RIGHT) y1=(y(tick)) y2=(y(tick)) stroke="#d9d9d9" {}
                text x=(LEFT - 8.0) y=(y(tick) + 4.0) text-anchor="end" { (units::exact(tick)) }
            }
            @for (step, _) in &self.epochs {
                line x1=(x(*step)) x2=(x(*step)) y1=(top) y2=(top + HEIGHT) stroke="#d9d9d9" {}
            }
            polyline points=(steps.join(" ")) fill="none" stroke=(COLOURS[0]) stroke-width="1" {}
            polyline points=(epochs.join(" ")) fill="none" stroke="#d55e00" stroke-width="2.5" {}
            @for (step, loss) in &self.epochs { circle cx=(x(*step)) cy=(y(*loss)) r="4" fill="#d55e00" {} }
            text x=(WIDTH - RIGHT) y=(top + HEIGHT + 20.0) text-anchor="end" { (self.steps.len()) " steps" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_has_a_panel_with_every_step_and_a_point_for_each_epoch() {
        let step = |stage: &str, loss| Line::Step {
            stage: stage.to_owned(),
            epoch: 1,
            step: 1,
            loss,
            norm: 1.0,
            learning_rate: 1e-5,
        };
        let epoch = |stage: &str| Line::Epoch { stage: stage.to_owned(), epoch: 1, loss: 0.5, development: None };
        let lines =
            [step("layers", 2.0), step("layers", 0.0), epoch("layers"), step("prediction", 0.5), epoch("prediction")];
        let svg = losses(&lines);
        let count = |what: &str| svg.matches(what).count();
        assert_eq!((count("font-weight=\"bold\""), count("<polyline"), count("<circle")), (2, 4, 2));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(losses(&[]).starts_with("<svg"));
    }
}
