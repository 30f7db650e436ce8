//! How good a model is on labelled rows, in plaintext.

use std::collections::BTreeMap;

use candle_core::DType;
use serde::{Deserialize, Serialize};
use viewless_models::data::Label;
use viewless_models::data::metrics::{Estimate, Metric, Undefined};

use crate::bert::Bert;
use crate::error::TrainError;
use crate::rows::Rows;

/// Rows that are judged together.
const BATCH: usize = 64;

/// What is found on rows. A metric that has no value there is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Scores {
    /// Rows that were judged.
    pub rows: usize,
    /// Each metric with its interval of 95 %.
    pub metrics: BTreeMap<Metric, Estimate>,
}

impl Scores {
    /// What epochs are chosen by: accuracy, or Pearson's correlation; the lowest number where there is none.
    #[must_use]
    pub fn chosen_by(&self) -> f64 {
        let value = |metric| self.metrics.get(&metric).map(|estimate| estimate.value);
        value(Metric::Accuracy).or_else(|| value(Metric::Pearson)).unwrap_or(f64::MIN)
    }
}

/// The logits of all rows, in their order.
///
/// # Errors
/// A logit that is no finite number; the library of tensors.
pub fn logits(bert: &Bert, rows: &Rows) -> Result<Vec<Vec<f32>>, TrainError> {
    let mut all = vec![Vec::new(); rows.len()];
    for batch in rows.by_length(BATCH) {
        let pass = bert.forward(&rows.texts(&batch, DType::F32)?)?;
        let logits = pass.logits.ok_or_else(|| TrainError::NoVariable { name: "classifier.weight".to_owned() })?;
        for (&row, logits) in batch.iter().zip(logits.to_vec2::<f32>()?) {
            if logits.iter().any(|logit| !logit.is_finite()) {
                return Err(TrainError::Answers { file: rows.file.clone() });
            }
            all[row] = logits;
        }
    }
    Ok(all)
}

/// Judges a model. The first of equal logits decides.
///
/// # Errors
/// The library of tensors.
pub fn score(bert: &Bert, rows: &Rows) -> Result<Scores, TrainError> {
    let (mut classes, mut numbers) = (Vec::new(), Vec::new());
    for (row, logits) in logits(bert, rows)?.iter().enumerate() {
        match rows.label(row) {
            Label::Class(class) => classes.push((class, largest(logits))),
            Label::Number(number) => numbers.push((number, f64::from(logits[0]))),
        }
    }
    let of_classes =
        [Metric::Accuracy, Metric::F1, Metric::Matthews].map(|metric| (metric, metric.of_classes(&classes)));
    let of_numbers = [Metric::Pearson, Metric::Spearman].map(|metric| (metric, metric.of_numbers(&numbers)));
    let asked = if classes.is_empty() { of_numbers.to_vec() } else { of_classes.to_vec() };
    let defined = |(metric, found): (Metric, Option<Result<Estimate, Undefined>>)| Some((metric, found?.ok()?));
    Ok(Scores { rows: rows.len(), metrics: asked.into_iter().filter_map(defined).collect() })
}

fn largest(logits: &[f32]) -> usize {
    let better = |best: usize, other: usize| if logits[other] > logits[best] { other } else { best };
    (1..logits.len()).fold(0, better)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_logits_decides() {
        assert_eq!([largest(&[1.0, 1.0]), largest(&[0.0, 2.0, 2.0]), largest(&[-1.0])], [0, 1, 0]);
    }
}
