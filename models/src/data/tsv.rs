//! Lines and fields of a TSV without quoting.

use std::path::{Path, PathBuf};

use super::{DataError, MOST_DATA_BYTES};
use crate::error::ModelError;
use crate::fetch::known_data;
use crate::files;

const ADVICE: &str = "give the path of a TSV, or of a directory with train.tsv and dev.tsv";

const ADVICE_OF_FETCHED: &str = "data of that name are put into the cache by `viewless fetch`, which prints their folder; give the path of a TSV \
     below it, or of a directory there with train.tsv and dev.tsv";

/// What to give in the place of a file that is not there.
fn advice(file: &Path) -> &'static str {
    let begins_with = |name: &str| file.components().next().is_some_and(|first| first.as_os_str() == name);
    if known_data().any(begins_with) { ADVICE_OF_FETCHED } else { ADVICE }
}

/// A file of lines, all of them UTF-8.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) file: PathBuf,
    contents: String,
}

/// A line of a file, without its end, and its number from 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) number: usize,
    pub(super) text: &'a str,
}

impl<'a> Line<'a> {
    pub(super) fn fields(self) -> impl Iterator<Item = &'a str> {
        self.text.split('\t')
    }
}

impl Table {
    pub(super) fn read(file: &Path) -> Result<Self, DataError> {
        let bytes = files::read(file, MOST_DATA_BYTES, advice(file)).map_err(|error| match error {
            ModelError::NotAFile { file, kind } => DataError::NotAFile { file, kind },
            ModelError::TooLarge { file, bytes, most_bytes } => DataError::TooLarge { file, bytes, most_bytes },
            other => DataError::File(other),
        })?;
        Self::of_bytes(file, bytes)
    }

    pub(super) fn of_bytes(file: &Path, bytes: Vec<u8>) -> Result<Self, DataError> {
        if let Some(kind) = files::no_text(&bytes) {
            return Err(DataError::NotAFile { file: file.to_owned(), kind });
        }
        let contents = String::from_utf8(bytes).map_err(|error| not_utf8(file, &error))?;
        Ok(Self { file: file.to_owned(), contents })
    }

    /// Its lines, without what Windows puts before their ends, and without the mark of the byte order that MRPC's files begin with. A line
    /// break at the end of the file begins no line.
    pub(super) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let contents = self.contents.strip_prefix('\u{feff}').unwrap_or(&self.contents);
        let contents = contents.strip_suffix('\n').unwrap_or(contents);
        // Of an empty file there is no line, not an empty one.
        let contents = (!contents.is_empty()).then_some(contents);
        let lines = contents.into_iter().flat_map(|contents| contents.split('\n').enumerate());
        lines.map(|(index, line)| Line { number: index + 1, text: line.strip_suffix('\r').unwrap_or(line) })
    }

    /// The header, and the lines below it.
    pub(super) fn with_header(&self) -> Result<(Header<'_>, impl Iterator<Item = Line<'_>>), DataError> {
        let mut lines = self.lines();
        let first = lines.next().ok_or_else(|| DataError::NoRows { file: self.file.clone(), header: false })?;
        let columns: Vec<&str> = first.fields().map(str::trim).collect();
        for (index, column) in columns.iter().enumerate() {
            if !column.is_empty() && columns[..index].contains(column) {
                return Err(DataError::DuplicateColumn { file: self.file.clone(), column: shown(column) });
            }
        }
        Ok((Header { file: &self.file, columns }, lines))
    }
}

fn not_utf8(file: &Path, error: &std::string::FromUtf8Error) -> DataError {
    let (bytes, valid) = (error.as_bytes(), error.utf8_error().valid_up_to());
    let before = &bytes[..valid];
    let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    DataError::NotUtf8 {
        file: file.to_owned(),
        line: before.iter().filter(|&&byte| byte == b'\n').count() + 1,
        column: valid - start + 1,
        byte: bytes[valid],
    }
}

/// The names of columns.
pub(super) struct Header<'a> {
    file: &'a Path,
    pub(super) columns: Vec<&'a str>,
}

/// A column, by its place and name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) index: usize,
    pub(super) name: &'static str,
}

impl Header<'_> {
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn find(&self, name: &'static str) -> Option<Column> {
        self.columns.iter().position(|&column| column == name).map(|index| Column { index, name })
    }

    /// The first of these columns that there is.
    pub(super) fn first_of(&self, names: &[&'static str]) -> Result<Column, DataError> {
        names.iter().find_map(|name| self.find(name)).ok_or_else(|| DataError::MissingColumn {
            file: self.file.to_owned(),
            wanted: names.to_vec(),
            found: listed(&self.columns),
            advice: "the first line of a TSV names `text`, `label` and, for pairs, `text2`, with tabs between them",
        })
    }
}

/// Columns in words, whatever they hold.
pub(super) fn listed(columns: &[&str]) -> String {
    const MOST: usize = 12;
    let mut names: Vec<String> = columns.iter().take(MOST).map(|column| format!("`{}`", shown(column))).collect();
    if columns.len() > MOST {
        names.push(format!("{} more", columns.len() - MOST));
    }
    names.join(", ")
}

/// Somebody's text in a sentence of ours: one line, and not without end.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 60;
    let mut shown: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() {
        shown.push_str("...");
    }
    shown
}
