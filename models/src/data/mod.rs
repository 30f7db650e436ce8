//! Labelled texts: what a model is trained on and judged by.
//!
//! Two forms are read. A **GLUE directory** holds `train.tsv` and `dev.tsv` of one of six tasks ([`Task`]); a **plain file** is a TSV whose header
//! names `text` (or `sentence`), `label` and, for pairs, `text2`; a directory may hold plain files, too, and then `test.tsv`. In both, a line is a
//! row, a tab ends a field, and nothing is quoted: a quotation mark is a character of the text, as GLUE has it.
//!
//! A file is somebody else's data. It is read with a limit, every row is checked when it is read, and what is wrong is told with file, line
//! and column ([`DataError`]); a [`LabelledTexts`] holds at least one row, no empty text, no label that is not one of its labels, no number that is not finite.

mod error;
mod glue;
pub mod metrics;
mod rows;
mod tsv;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use error::DataError;
pub use glue::Task;
pub use rows::{Label, LabelledText, LabelledTexts, Labels, Matching};

use tsv::Table;

/// Largest file of rows that is read: the largest of GLUE's six tasks has 20 MB.
pub const MOST_DATA_BYTES: u64 = 1 << 28;
/// Longest text, in bytes: models here take a few thousand tokens at most.
pub const MOST_TEXT_BYTES: usize = 1 << 16;
/// Most classes that are taken from a file that nobody gave names for: more are numbers, or identifiers of rows.
pub const MOST_CLASSES: usize = 1000;

/// A part of a data set, by the name of its file in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// `train.tsv`: what a model learns from.
    Train,
    /// `dev.tsv`: what is chosen by.
    Development,
    /// `test.tsv`: what is reported. GLUE publishes no labels of its tests.
    Test,
}

impl Split {
    /// The name of its file.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Train => "train.tsv",
            Self::Development => "dev.tsv",
            Self::Test => "test.tsv",
        }
    }
}

/// What labels the reader of a file has a use for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wanted<'a> {
    /// These classes. A file writes them by name or as 0, 1, 2, ...
    Classes(&'a [String]),
    /// The classes that the file has, in the order of their numbers if all are whole numbers from 0 on, else of their names. Of a task of GLUE, the
    /// task's classes.
    ClassesOfFile,
    /// Finite numbers.
    Numbers,
}

/// Reads a plain file, or the split of a directory.
///
/// # Errors
/// Those of [`load_file`] and [`load_directory`].
pub fn load(path: &Path, split: Split, wanted: Wanted<'_>) -> Result<LabelledTexts, DataError> {
    if path.is_dir() { load_directory(path, None, split, wanted) } else { load_file(path, wanted) }
}

/// Reads a plain file: a header with `text` or `sentence`, `label`, and `text2` where it has pairs. Other columns are left alone. A file of a task of
/// GLUE, known by its columns, or by its directory's name where they fit that, is read as such.
///
/// # Errors
/// [`DataError`] names the file, and the line and the column where there is one.
pub fn load_file(file: &Path, wanted: Wanted<'_>) -> Result<LabelledTexts, DataError> {
    let table = Table::read(file)?;
    let named = file.parent().and_then(Task::named_by).filter(|task| task.has_columns(&table));
    match named.or_else(|| Task::of_columns(&table)) {
        Some(task) => task.rows(&table, Split::Development, wanted),
        None => plain(&table, wanted),
    }
}

/// Reads the split of a directory. Without a `task`, it is the one that the directory is named for (`SST-2`, `sst2`, ...), else the one whose columns
/// the file has, else the file is a plain one.
///
/// # Errors
/// [`DataError`] names the file, and the line and the column where there is one; a file of another task than the directory's is one.
pub fn load_directory(
    directory: &Path,
    task: Option<Task>,
    split: Split,
    wanted: Wanted<'_>,
) -> Result<LabelledTexts, DataError> {
    let table = Table::read(&directory.join(split.file_name()))?;
    match task.or_else(|| Task::named_by(directory)).or_else(|| Task::of_columns(&table)) {
        Some(task) => task.rows(&table, split, wanted),
        None => plain(&table, wanted),
    }
}

fn plain(table: &Table, wanted: Wanted<'_>) -> Result<LabelledTexts, DataError> {
    let (header, rows) = table.with_header()?;
    let text = header.first_of(&["text", "sentence"])?;
    let columns = rows::Columns { text, pair: header.find("text2"), label: header.first_of(&["label"])? };
    rows::parse(table, rows, &columns, header.width(), wanted, None)
}
