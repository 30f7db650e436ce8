//! Rows in a model's tokens, and what is read from its answers.

use super::{Evaluation, EvaluationError};
use viewless_models::data::{Label, LabelledText, LabelledTexts, Labels};
use viewless_models::{Decision, Model, ModelError, Prompt};
use viewless_protocols::model::Head;
use viewless_protocols::plain::plain;

/// What becomes of a row whose text has more tokens than the model has positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooLong {
    /// Its end is left out, of the longer text of a pair, as training does.
    Cut,
    /// The row is.
    Skip,
    /// The evaluation ends there.
    Stop,
}

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
    /// What a model with its head is asked for, if anything.
    pub(super) fn asked(model: &Model) -> Option<Self> {
        match &model.config.head {
            Head::Classifier { labels } if labels.len() == 1 => Some(Self::Number),
            Head::Classifier { .. } => match model.decision {
                Decision::OneLabel => Some(Self::Class),
                Decision::ManyLabels | Decision::Regression => None,
            },
            Head::MeanPooling | Head::Pooler | Head::Pooling(_) | Head::Sentence(_) => Some(Self::Cosine),
            Head::HiddenStates
            | Head::TokenClassifier { .. }
            | Head::AnswerSpan
            | Head::MaskedWord
            | Head::NextToken
            | Head::NextTokenByOwnTable => None,
        }
    }

    pub(super) fn of(model: &Model, rows: &LabelledTexts) -> Result<Self, EvaluationError> {
        let fits = |answers: &Self| match answers {
            Self::Class => matches!(rows.labels(), Labels::Classes(_)),
            Self::Number => *rows.labels() == Labels::Numbers,
            Self::Cosine => *rows.labels() == Labels::Numbers && rows.are_pairs(),
        };
        Self::asked(model).filter(fits).ok_or_else(|| Self::unfit(model, rows))
    }

    /// The error of a model that does not answer such rows: what it answers, what they are, and what answers them.
    pub(super) fn unfit(model: &Model, rows: &LabelledTexts) -> EvaluationError {
        const SHOWN: usize = 6;
        let names = |names: &[String]| {
            let more = if names.len() > SHOWN { format!(" and {} more", names.len() - SHOWN) } else { String::new() };
            format!("{}{more}", names.iter().take(SHOWN).map(|name| plain(name)).collect::<Vec<_>>().join(", "))
        };
        let answers = match (Self::asked(model), &model.config.head) {
            (Some(Self::Class), Head::Classifier { labels }) => format!("chooses a class of {}", names(labels)),
            (Some(Self::Class), _) => "chooses a class".to_owned(),
            (Some(Self::Number), _) => "answers one number".to_owned(),
            (Some(Self::Cosine), _) => "answers with a vector".to_owned(),
            (None, Head::Classifier { .. }) => "answers several numbers of which none is the one label".to_owned(),
            (None, _) => "has another answer for each token".to_owned(),
        };
        let texts = if rows.are_pairs() { "pairs of texts" } else { "texts" };
        let (labels, advice) = match (rows.labels(), rows.are_pairs()) {
            (Labels::Classes(labels), true) => (names(labels), "a classifier that was trained on such pairs"),
            (Labels::Classes(labels), false) => (
                names(labels),
                "a classifier of these classes; movies-small, which is part of the program, has negative and positive",
            ),
            (Labels::Numbers, true) => (
                "numbers".to_owned(),
                "a sentence model, as all-MiniLM-L6-v2, or a model of one number that was trained on such pairs",
            ),
            (Labels::Numbers, false) => (
                "numbers".to_owned(),
                "a model of one number (a regressor), or, where the numbers are classes, a classifier of as many",
            ),
        };
        EvaluationError::Fit {
            model: model.directory.clone(),
            answers,
            file: rows.file().to_owned(),
            rows: format!("{texts} labelled with {labels}"),
            advice,
        }
    }
}

impl Answers {
    /// How many numbers a row is answered with.
    pub(super) fn numbers(self, model: &Model) -> usize {
        match (self, &model.config.head) {
            (Self::Class, Head::Classifier { labels }) => labels.len(),
            (Self::Class | Self::Number | Self::Cosine, _) => 1,
        }
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

/// All rows in tokens.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) prepared: Vec<Prepared>,
    /// Of how many the end is left out, as the model's `max_seq_length` asks.
    pub(super) left_out: usize,
    /// Lines of those whose end is left out, because the model has not as many positions.
    pub(super) cut: Vec<usize>,
    /// Lines of those that are skipped for that.
    pub(super) skipped: Vec<usize>,
}

/// Brings all rows into tokens.
pub(super) fn prepare(evaluation: &Evaluation<'_>, answers: Answers) -> Result<Rows, EvaluationError> {
    let (model, data) = (evaluation.model, evaluation.rows());
    let most_tokens = model.config.most_tokens();
    // Made when it is needed: it is as large as the vocabulary.
    let mut cutting = None;
    let mut rows = Rows { prepared: Vec::new(), left_out: 0, cut: Vec::new(), skipped: Vec::new() };
    for row in data.rows() {
        let failed = |source| EvaluationError::Row { file: data.file().to_owned(), line: row.line, source };
        let (mut left_out, mut cut) = (false, false);
        let mut encode = |text: &str, pair: Option<&str>| {
            let encoded = match (model.encode_whole(text, pair), &model.tokenizer) {
                (Err(ModelError::TooManyTokens { .. } | ModelError::TextTooLong { .. }), Some(tokenizer))
                    if evaluation.too_long == TooLong::Cut =>
                {
                    cut = true;
                    if cutting.is_none() {
                        cutting = Some(tokenizer.at_most(most_tokens)?);
                    }
                    cutting.as_ref().unwrap_or(tokenizer).encode_whole(text, pair)?
                }
                (encoded, _) => {
                    let encoded = encoded?;
                    left_out |= encoded.left_out > 0;
                    encoded
                }
            };
            let second = pair.and_then(|_| encoded.types.iter().position(|&kind| kind == 1));
            Ok::<_, ModelError>(Run { tokens: encoded.tokens, second })
        };
        match texts(answers, row).into_iter().map(|(text, pair)| encode(text, pair)).collect::<Result<_, _>>() {
            Ok(runs) => rows.prepared.push(Prepared { line: row.line, label: row.label, runs }),
            Err(ModelError::TooManyTokens { .. } | ModelError::TextTooLong { .. })
                if evaluation.too_long == TooLong::Skip =>
            {
                rows.skipped.push(row.line);
                continue;
            }
            Err(error) => return Err(failed(error)),
        }
        rows.left_out += usize::from(left_out);
        rows.cut.extend(cut.then_some(row.line));
    }
    if rows.prepared.is_empty() {
        return Err(EvaluationError::AllTooLong {
            file: data.file().to_owned(),
            rows: rows.skipped.len(),
            most_tokens,
        });
    }
    Ok(rows)
}

/// What is run of a row: two texts one by one, whose vectors are compared, or both at once.
fn texts(answers: Answers, row: &LabelledText) -> Vec<(&str, Option<&str>)> {
    match (answers, &row.pair) {
        (Answers::Cosine, Some(pair)) => vec![(&row.text, None), (pair, None)],
        (Answers::Cosine | Answers::Class | Answers::Number, pair) => vec![(&row.text, pair.as_deref())],
    }
}
