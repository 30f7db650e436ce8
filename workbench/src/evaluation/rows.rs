//! Rows in a model's tokens, and what is read from its answers.

use super::{Evaluation, EvaluationError};
use viewless_models::data::{Label, LabelledTexts, Labels};
use viewless_models::{Decision, Model, Prompt};
use viewless_protocols::model::Head;

/// What is read from the answers of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    /// The class of the largest logit.
    Class,
    /// The only logit.
    Number,
    /// The cosine between the vectors of two texts.
    Cosine,
}

impl Answers {
    pub(super) fn of(model: &Model, rows: &LabelledTexts) -> Result<Self, EvaluationError> {
        let (answers, is) = match &model.config.head {
            Head::Classifier { labels } if labels.len() == 1 => (Some(Self::Number), "answers one number"),
            Head::Classifier { .. } => match model.decision {
                Decision::OneLabel => (Some(Self::Class), "chooses a class"),
                Decision::ManyLabels => (None, "chooses any number of labels"),
                Decision::Regression => (None, "answers several numbers"),
            },
            Head::MeanPooling | Head::Pooler | Head::Pooling(_) | Head::Sentence(_) => {
                (Some(Self::Cosine), "answers with a vector")
            }
            Head::HiddenStates
            | Head::TokenClassifier { .. }
            | Head::AnswerSpan
            | Head::MaskedWord
            | Head::NextToken
            | Head::NextTokenByOwnTable => (None, "has another answer for each token"),
        };
        let fits = |answers: &Self| match answers {
            Self::Class => matches!(rows.labels(), Labels::Classes(_)),
            Self::Number => *rows.labels() == Labels::Numbers,
            Self::Cosine => *rows.labels() == Labels::Numbers && rows.are_pairs(),
        };
        answers.filter(fits).ok_or_else(|| {
            let labels = if *rows.labels() == Labels::Numbers { "numbers" } else { "classes" };
            let texts = if rows.are_pairs() { "pairs of texts" } else { "texts" };
            EvaluationError::Fit { model: is, data: format!("the rows are {texts} with {labels}") }
        })
    }
}

/// Tokens that are run at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) tokens: Vec<u32>,
    /// The first token of the second type, of a pair.
    pub(super) second: Option<usize>,
}

impl Run {
    pub(super) fn prompt(&self) -> Prompt<'_> {
        match self.second {
            Some(second) => Prompt::Pair { tokens: &self.tokens, second },
            None => Prompt::Tokens(&self.tokens),
        }
    }
}

/// A row in tokens: one run, or two whose vectors are compared.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Prepared {
    /// Its line in the file.
    pub(super) line: usize,
    pub(super) label: Label,
    pub(super) runs: Vec<Run>,
}

impl Prepared {
    /// What decides its Programs.
    pub(super) fn lengths(&self) -> Vec<(usize, Option<usize>)> {
        self.runs.iter().map(|run| (run.tokens.len(), run.second)).collect()
    }

    /// Tokens in all.
    pub(super) fn tokens(&self) -> usize {
        self.runs.iter().map(|run| run.tokens.len()).sum()
    }
}

/// All rows in tokens, and of how many the end is left out, as the model's `max_seq_length` asks.
pub(super) fn prepare(
    evaluation: &Evaluation<'_>,
    answers: Answers,
) -> Result<(Vec<Prepared>, usize), EvaluationError> {
    let (model, rows) = (evaluation.model, evaluation.rows());
    let mut left_out = 0;
    let mut prepare = |row: &viewless_models::data::LabelledText| {
        let mut shortened = false;
        let mut encode = |text: &str, pair: Option<&str>| {
            let encoded = model.encode_whole(text, pair).map_err(|source| EvaluationError::Row {
                file: rows.file().to_owned(),
                line: row.line,
                source,
            })?;
            shortened |= encoded.left_out > 0;
            let second = pair.and_then(|_| encoded.types.iter().position(|&kind| kind == 1));
            Ok::<_, EvaluationError>(Run { tokens: encoded.tokens, second })
        };
        let runs = match (answers, &row.pair) {
            (Answers::Cosine, Some(pair)) => vec![encode(&row.text, None)?, encode(pair, None)?],
            (Answers::Cosine | Answers::Class | Answers::Number, pair) => vec![encode(&row.text, pair.as_deref())?],
        };
        left_out += usize::from(shortened);
        Ok(Prepared { line: row.line, label: row.label, runs })
    };
    let prepared = rows.rows().iter().map(&mut prepare).collect::<Result<Vec<_>, EvaluationError>>()?;
    Ok((prepared, left_out))
}
