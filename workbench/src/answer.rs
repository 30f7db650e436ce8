//! What a model answers.

use serde::Serialize;
use viewless_models::{Decision, Model};
use viewless_protocols::model::Head;

/// What a model computes: one vector, and what is read from it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// The vector.
    #[serde(flatten)]
    pub numbers: AnswerNumbers,
    /// The vector divided by its length, where the model does so at the end. None of a vector of which a part was kept, because the length is that
    /// of the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalised: Option<Vec<f64>>,
    /// What a classifier or a decoder says by it.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
}

/// The vector, by what it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerNumbers {
    /// Mean-pooled or pooler output, `[hidden]`.
    Pooled(Vec<f64>),
    /// Last hidden states, row-major `[tokens, hidden]`, of a model without head.
    HiddenStates(Vec<f64>),
    /// Logits of a classifier, or of the next token.
    Logits(Vec<f64>),
}

/// What logits say.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decided {
    /// The label, or the text of the token, of the largest logit.
    Label(String),
    /// The labels of the positive logits, where several may hold.
    Labels(Vec<String>),
}

/// A vector divided by its length, as PyTorch does: by 1e-12 at least.
fn normalised(values: &[f64]) -> Vec<f64> {
    let length = values.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-12);
    values.iter().map(|x| x / length).collect()
}

impl Answer {
    pub(crate) fn new(model: &Model, values: Vec<f64>) -> Self {
        // Of equal logits the first counts, as everywhere.
        let best = || (0..values.len()).rev().max_by(|&i, &j| values[i].total_cmp(&values[j]));
        let decided = match &model.config.head {
            Head::HiddenStates => {
                return Self { numbers: AnswerNumbers::HiddenStates(values), normalised: None, decided: None };
            }
            Head::MeanPooling | Head::Pooler | Head::Pooling(_) | Head::Sentence(_) => {
                let is_whole = !matches!(&model.config.head, Head::Sentence(sentence) if sentence.kept.is_some());
                let normalised = (model.normalises && is_whole).then(|| normalised(&values));
                return Self { numbers: AnswerNumbers::Pooled(values), normalised, decided: None };
            }
            // Rows of logits, one for each token: no single label.
            Head::TokenClassifier { .. } | Head::AnswerSpan | Head::MaskedWord => None,
            Head::Classifier { labels } => match model.decision {
                Decision::OneLabel => best().and_then(|best| labels.get(best).cloned()).map(Decided::Label),
                Decision::ManyLabels => {
                    let positive = values.iter().zip(labels).filter(|(value, _)| **value > 0.0);
                    Some(Decided::Labels(positive.map(|(_, label)| label.clone()).collect()))
                }
                Decision::Regression => None,
            },
            Head::NextToken | Head::NextTokenByOwnTable => {
                let best = best().and_then(|best| u32::try_from(best).ok());
                best.map(|best| Decided::Label(model.token(best)))
            }
        };
        Self { numbers: AnswerNumbers::Logits(values), normalised: None, decided }
    }

    /// The numbers, whatever they are called.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        let (AnswerNumbers::Pooled(values) | AnswerNumbers::HiddenStates(values) | AnswerNumbers::Logits(values)) =
            &self.numbers;
        values
    }

    /// The label, where one is chosen.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        match &self.decided {
            Some(Decided::Label(label)) => Some(label),
            Some(Decided::Labels(_)) | None => None,
        }
    }

    /// The labels, where several may hold.
    #[must_use]
    pub fn labels(&self) -> Option<&[String]> {
        match &self.decided {
            Some(Decided::Labels(labels)) => Some(labels),
            Some(Decided::Label(_)) | None => None,
        }
    }
}
