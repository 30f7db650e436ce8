//! What a model answers.

use serde::Serialize;
use viewless_models::{Decision, Model};
use viewless_protocols::model::Head;

/// What a model computes: one of the vectors, with what belongs to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// Mean-pooled or pooler output, `[hidden]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pooled: Option<Vec<f64>>,
    /// Last hidden states, row-major `[tokens, hidden]`, of a model without head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden_states: Option<Vec<f64>>,
    /// Logits of a classifier, or of the next token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logits: Option<Vec<f64>>,
    /// The label, or the text of the token, of the largest logit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The labels of the positive logits, where several may hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
}

impl Answer {
    pub(crate) fn new(model: &Model, values: Vec<f64>) -> Self {
        let mut answer = Self { pooled: None, hidden_states: None, logits: None, label: None, labels: None };
        // Of equal logits the first counts, as everywhere.
        let best = || (0..values.len()).rev().max_by(|&i, &j| values[i].total_cmp(&values[j]));
        match &model.config.head {
            Head::HiddenStates => answer.hidden_states = Some(values),
            Head::MeanPooling | Head::Pooler | Head::Pooling(_) => answer.pooled = Some(values),
            // Rows of logits, one for each token: no single label.
            Head::TokenClassifier { .. } | Head::AnswerSpan | Head::MaskedWord => answer.logits = Some(values),
            Head::Classifier { labels } => {
                match model.decision {
                    Decision::OneLabel => answer.label = best().and_then(|best| labels.get(best).cloned()),
                    Decision::ManyLabels => {
                        let positive = values.iter().zip(labels).filter(|(value, _)| **value > 0.0);
                        answer.labels = Some(positive.map(|(_, label)| label.clone()).collect());
                    }
                    Decision::Regression => {}
                }
                answer.logits = Some(values);
            }
            Head::NextToken | Head::NextTokenByOwnTable => {
                answer.label = best().and_then(|best| u32::try_from(best).ok()).map(|best| model.token(best));
                answer.logits = Some(values);
            }
        }
        answer
    }

    /// The numbers, whatever they are called.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        [&self.pooled, &self.hidden_states, &self.logits].into_iter().flatten().next().map_or(&[], Vec::as_slice)
    }
}
