//! Six tasks of GLUE (Wang et al., ICLR 2019), as their directories are published: which columns, which labels, which metrics.

use std::path::Path;

use super::metrics::Metric;
use super::tsv::{Column, Table, listed};
use super::{DataError, LabelledTexts, Split, Wanted, rows};

/// A task of GLUE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Task {
    /// Stanford Sentiment Treebank: whether a sentence of a review of a film speaks for it.
    Sst2,
    /// Questions and sentences: whether the sentence answers the question.
    Qnli,
    /// Corpus of Linguistic Acceptability: whether a sentence is grammatical. Its files have no header.
    Cola,
    /// Microsoft Research Paraphrase Corpus: whether two sentences say the same.
    Mrpc,
    /// Semantic Textual Similarity: how alike two sentences are, from 0 to 5.
    StsB,
    /// Recognising Textual Entailment: whether the second sentence follows from the first.
    Rte,
}

impl Task {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Sst2, Self::Qnli, Self::Cola, Self::Mrpc, Self::StsB, Self::Rte];

    /// Its name, as its directory is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sst2 => "SST-2",
            Self::Qnli => "QNLI",
            Self::Cola => "CoLA",
            Self::Mrpc => "MRPC",
            Self::StsB => "STS-B",
            Self::Rte => "RTE",
        }
    }

    /// The task of a name, whatever its capitals and dashes: `sst2` is SST-2.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let plain = |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        let name = plain(name);
        Self::ALL.into_iter().find(|task| plain(task.name()) == name)
    }

    /// The task that a directory is named for.
    pub(super) fn named_by(directory: &Path) -> Option<Self> {
        Self::of_name(directory.file_name()?.to_str()?)
    }

    /// Names of its classes by their numbers, as Hugging Face's `glue` has them; none where the label is a number.
    #[must_use]
    pub fn classes(self) -> Option<[&'static str; 2]> {
        match self {
            Self::Sst2 => Some(["negative", "positive"]),
            Self::Qnli | Self::Rte => Some(["entailment", "not_entailment"]),
            Self::Cola => Some(["unacceptable", "acceptable"]),
            Self::Mrpc => Some(["not_equivalent", "equivalent"]),
            Self::StsB => None,
        }
    }

    /// What GLUE judges it by.
    #[must_use]
    pub fn metrics(self) -> &'static [Metric] {
        match self {
            Self::Sst2 | Self::Qnli | Self::Rte => &[Metric::Accuracy],
            Self::Cola => &[Metric::Matthews],
            Self::Mrpc => &[Metric::Accuracy, Metric::F1],
            Self::StsB => &[Metric::Pearson, Metric::Spearman],
        }
    }

    /// Columns of the first text, the second and the label.
    fn columns(self) -> (&'static str, Option<&'static str>, &'static str) {
        match self {
            Self::Sst2 => ("sentence", None, "label"),
            Self::Qnli => ("question", Some("sentence"), "label"),
            Self::Cola => ("the fourth", None, "the second"),
            Self::Mrpc => ("#1 String", Some("#2 String"), "Quality"),
            Self::StsB => ("sentence1", Some("sentence2"), "score"),
            Self::Rte => ("sentence1", Some("sentence2"), "label"),
        }
    }

    /// The same in words.
    fn columns_in_words(self) -> &'static str {
        match self {
            Self::Sst2 => "the columns `sentence` and `label`",
            Self::Qnli => "the columns `question`, `sentence` and `label`",
            Self::Cola => "no header and four columns, of which the second is 0 or 1 and the fourth the sentence",
            Self::Mrpc => "the columns `Quality`, `#1 String` and `#2 String`",
            Self::StsB => "the columns `sentence1`, `sentence2` and `score`",
            Self::Rte => "the columns `sentence1`, `sentence2` and `label`",
        }
    }

    /// The task whose columns the first line has. SST-2's are those of a plain file, and say nothing.
    pub(super) fn of_columns(table: &Table) -> Option<Self> {
        Self::ALL.into_iter().find(|&task| task != Self::Sst2 && task.has_columns(table))
    }

    pub(super) fn has_columns(self, table: &Table) -> bool {
        let Some(first) = table.lines().next() else { return false };
        let fields: Vec<&str> = first.fields().map(str::trim).collect();
        let has = |name: &str| fields.contains(&name);
        let (text, pair, label) = self.columns();
        match self {
            Self::Cola => fields.len() == 4 && matches!(fields[1], "0" | "1"),
            Self::Sst2 => fields == [text, label],
            Self::Qnli | Self::Mrpc | Self::StsB | Self::Rte => has(text) && pair.is_none_or(has) && has(label),
        }
    }

    /// Reads its rows.
    pub(super) fn rows(self, table: &Table, split: Split, wanted: Wanted<'_>) -> Result<LabelledTexts, DataError> {
        let of_file = self.classes().map(|names| names.map(str::to_owned));
        let labelled = match (&of_file, wanted) {
            (Some(_), Wanted::Numbers) => {
                return Err(DataError::OtherLabels { task: self.name(), has: "classes", wanted: "numbers" });
            }
            (None, Wanted::Classes(_) | Wanted::ClassesOfFile) => {
                return Err(DataError::OtherLabels { task: self.name(), has: "numbers", wanted: "classes" });
            }
            // The file writes its own classes; which of them are whose is a question of names, and comes afterwards.
            (Some(names), Wanted::Classes(_) | Wanted::ClassesOfFile) => Wanted::Classes(names),
            (None, Wanted::Numbers) => Wanted::Numbers,
        };
        let rows = match self {
            Self::Cola => self.without_header(table, labelled),
            Self::Sst2 | Self::Qnli | Self::Mrpc | Self::StsB | Self::Rte => self.with_header(table, split, labelled),
        }?;
        match wanted {
            Wanted::Classes(names) => Ok(rows.with_classes(names)?.0),
            Wanted::ClassesOfFile | Wanted::Numbers => Ok(rows),
        }
    }

    fn with_header(self, table: &Table, split: Split, wanted: Wanted<'_>) -> Result<LabelledTexts, DataError> {
        let (header, lines) = table.with_header()?;
        let (text, pair, label) = self.columns();
        let find = |name: &'static str| header.find(name).ok_or_else(|| self.wrong(table, &header.columns));
        let (text, pair) = (find(text)?, pair.map(find).transpose()?);
        let label = header.find(label).ok_or_else(|| match split {
            Split::Test => DataError::MissingColumn {
                file: table.file.clone(),
                wanted: vec![label],
                found: listed(&header.columns),
                advice: "GLUE publishes no labels of its tests; take the development set",
            },
            Split::Train | Split::Development => self.wrong(table, &header.columns),
        })?;
        rows::parse(table, lines, &rows::Columns { text, pair, label }, header.width(), wanted, Some(self))
    }

    fn without_header(self, table: &Table, wanted: Wanted<'_>) -> Result<LabelledTexts, DataError> {
        let Some(first) = table.lines().next() else {
            return Err(DataError::NoRows { file: table.file.clone(), header: false });
        };
        if !self.has_columns(table) {
            return Err(self.wrong(table, &first.fields().collect::<Vec<_>>()));
        }
        let label = Column { index: 1, name: "label" };
        let columns = rows::Columns { text: Column { index: 3, name: "sentence" }, pair: None, label };
        rows::parse(table, table.lines(), &columns, 4, wanted, Some(self))
    }

    fn wrong(self, table: &Table, columns: &[&str]) -> DataError {
        DataError::WrongTask {
            file: table.file.clone(),
            task: self.name(),
            expected: self.columns_in_words(),
            found: listed(columns),
        }
    }
}
