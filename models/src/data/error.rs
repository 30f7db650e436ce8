//! What can be wrong with labelled texts.

use std::path::PathBuf;

use thiserror::Error;

use crate::error::ModelError;

/// A file of labelled texts that cannot be used.
#[derive(Debug, Error)]
pub enum DataError {
    /// The file is absent, cannot be opened, or is a pointer.
    #[error(transparent)]
    File(#[from] ModelError),
    /// A name that is no regular file, or a file that is no text.
    #[error("`{file}` is {kind}, not a file of rows; give a TSV, or a directory with train.tsv and dev.tsv")]
    NotAFile {
        /// The name.
        file: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// More bytes than any data set here has.
    #[error(
        "`{file}` has {bytes} bytes, and at most {most_bytes} are read of labelled texts; split it, or take a sample"
    )]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// Its length.
        bytes: u64,
        /// The longest that is read.
        most_bytes: u64,
    },
    /// Bytes that are no UTF-8: mostly Latin-1, as older data sets are.
    #[error(
        "`{file}`, line {line}: byte {column} is 0x{byte:02x}, which is not UTF-8; if the file is Latin-1, convert it: \
         `iconv -f LATIN1 -t UTF-8 old.tsv > new.tsv`"
    )]
    NotUtf8 {
        /// The file.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// The byte of the line, from 1.
        column: usize,
        /// What stands there.
        byte: u8,
    },
    /// No rows at all.
    #[error("`{file}` holds no rows{}; give at least one", if *header { " below its header" } else { "" })]
    NoRows {
        /// The file.
        file: PathBuf,
        /// Whether it has a header.
        header: bool,
    },
    /// A header without a column that is needed.
    #[error("`{file}`, line 1: there is no column `{}`, only {found}; {advice}", wanted.join("` or `"))]
    MissingColumn {
        /// The file.
        file: PathBuf,
        /// What the column may be called.
        wanted: Vec<&'static str>,
        /// The columns that there are.
        found: String,
        /// What to do.
        advice: &'static str,
    },
    /// Two columns of one name.
    #[error("`{file}`, line 1: two columns are called `{column}`; rename one")]
    DuplicateColumn {
        /// The file.
        file: PathBuf,
        /// The name.
        column: String,
    },
    /// The columns are those of another task.
    #[error("`{file}`, line 1: {task} has {expected}, and this file has {found}; it is of another task, or of none")]
    WrongTask {
        /// The file.
        file: PathBuf,
        /// The task that was asked for, or that the directory is named for.
        task: &'static str,
        /// The task's columns.
        expected: &'static str,
        /// The columns of the file.
        found: String,
    },
    /// A row of more or fewer fields than the others.
    #[error(
        "`{file}`, line {line}: {found} fields between tabs, and {expected} are expected; a text holds no tab and no line break"
    )]
    Fields {
        /// The file.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// Fields of the line.
        found: usize,
        /// Fields that it should have.
        expected: usize,
    },
    /// A line without anything on it, before the end.
    #[error("`{file}`, line {line} is empty; remove it")]
    EmptyRow {
        /// The file.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
    },
    /// A text without a visible character.
    #[error("`{file}`, line {line}: the column `{column}` is empty; remove the row or give it a text")]
    EmptyText {
        /// The file.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// The column.
        column: &'static str,
    },
    /// A text longer than any model takes.
    #[error(
        "`{file}`, line {line}: the column `{column}` has {bytes} bytes, and at most {MOST} are read of a text; shorten it",
        MOST = super::MOST_TEXT_BYTES
    )]
    LongText {
        /// The file.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// The column.
        column: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// A label that is none of the classes.
    #[error("`{file}`, line {line}: the column `{column}` is \"{found}\", which is no class; classes are {known}")]
    UnknownLabel {
        /// The file.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// The column.
        column: &'static str,
        /// What stands there.
        found: String,
        /// The classes, with their numbers.
        known: String,
    },
    /// A label that is no finite number.
    #[error("`{file}`, line {line}: the column `{column}` is \"{found}\", and must be a finite number")]
    NotANumber {
        /// The file.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// The column.
        column: &'static str,
        /// What stands there.
        found: String,
    },
    /// As many classes as only numbers or identifiers have.
    #[error(
        "`{file}`, line {line}: this is class {count} of the file, and at most {MOST} are taken; if labels are numbers, ask for a regression",
        MOST = super::MOST_CLASSES
    )]
    TooManyClasses {
        /// The file.
        file: PathBuf,
        /// The line that brought one too many, from 1.
        line: usize,
        /// How many there are so far.
        count: usize,
    },
    /// Numbers were asked for and the task has classes, or the other way round.
    #[error("{task} is labelled with {has}, and {wanted} were asked for; choose another task, or another head")]
    OtherLabels {
        /// The task.
        task: &'static str,
        /// What it has.
        has: &'static str,
        /// What was asked for.
        wanted: &'static str,
    },
    /// The classes of the data are not those of the model.
    #[error("`{file}` has the {count} classes {found}, and the model has {known}; use a model for this task")]
    OtherClasses {
        /// The file.
        file: PathBuf,
        /// How many classes it has.
        count: usize,
        /// Their names.
        found: String,
        /// Those of the model.
        known: String,
    },
}
