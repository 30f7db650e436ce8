//! Rows that were checked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::tsv::{Column, Line, Table, shown};
use super::{DataError, MOST_CLASSES, MOST_TEXT_BYTES, Task, Wanted};

/// What a text is labelled with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Label {
    /// The class of this index.
    Class(usize),
    /// A finite number.
    Number(f64),
}

/// What texts are labelled with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Labels {
    /// One of these classes each.
    Classes(Vec<String>),
    /// A number each.
    Numbers,
}

/// One row: a text or a pair of texts, and its label.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledText {
    /// The text, or the first of two.
    pub text: String,
    /// The second text, in data of pairs.
    pub pair: Option<String>,
    /// Its label; of the kind that [`LabelledTexts::labels`] says.
    pub label: Label,
    /// Its line in the file, from 1.
    pub line: usize,
}

/// How the classes of data were found among those of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// By their names.
    Names,
    /// By their numbers, because their names are others.
    Numbers,
}

/// Rows of one file, at least one, all of them labelled alike, all of them pairs or none.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledTexts {
    file: PathBuf,
    task: Option<Task>,
    labels: Labels,
    rows: Vec<LabelledText>,
}

impl LabelledTexts {
    /// The file that they were read from.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The task of GLUE, if it is one.
    #[must_use]
    pub fn task(&self) -> Option<Task> {
        self.task
    }

    /// What they are labelled with.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The rows, in the order of the file.
    #[must_use]
    pub fn rows(&self) -> &[LabelledText] {
        &self.rows
    }

    /// Whether each row is a pair of texts.
    #[must_use]
    pub fn are_pairs(&self) -> bool {
        self.rows[0].pair.is_some()
    }

    /// The same rows with the classes of a model: by name where the names are the same but for capitals, in whatever order, else by number
    /// where there are as many. Numbers stay as they are.
    ///
    /// # Errors
    /// [`DataError::OtherClasses`] where there are more or fewer classes.
    pub fn with_classes(mut self, names: &[String]) -> Result<(Self, Matching), DataError> {
        let Labels::Classes(own) = &mut self.labels else { return Ok((self, Matching::Names)) };
        if own.len() != names.len() {
            return Err(DataError::OtherClasses {
                file: self.file,
                count: own.len(),
                found: own.join(", "),
                known: names.join(", "),
            });
        }
        let place = |name: &String| names.iter().position(|known| known.eq_ignore_ascii_case(name));
        let places: Option<Vec<usize>> = own.iter().map(place).collect();
        let places = places.filter(|places| places.iter().collect::<BTreeSet<_>>().len() == places.len());
        let matching = if places.is_some() { Matching::Names } else { Matching::Numbers };
        for row in &mut self.rows {
            if let (Label::Class(class), Some(places)) = (&mut row.label, &places) {
                *class = places[*class];
            }
        }
        *own = names.to_vec();
        Ok((self, matching))
    }

    /// The rows whose indices are given, in that order: a sample. An index beyond the end is left out; without any there is no data set.
    #[must_use]
    pub fn only(&self, indices: &[usize]) -> Option<Self> {
        let rows: Vec<_> = indices.iter().filter_map(|&index| self.rows.get(index).cloned()).collect();
        let Self { file, task, labels, .. } = self;
        (!rows.is_empty()).then(|| Self { file: file.clone(), task: *task, labels: labels.clone(), rows })
    }
}

/// Where in a line is what.
pub(super) struct Columns {
    pub(super) text: Column,
    pub(super) pair: Option<Column>,
    pub(super) label: Column,
}

/// Reads rows of `width` fields.
pub(super) fn parse<'a>(
    table: &Table,
    lines: impl Iterator<Item = Line<'a>>,
    columns: &Columns,
    width: usize,
    wanted: Wanted<'_>,
    task: Option<Task>,
) -> Result<LabelledTexts, DataError> {
    let file = &table.file;
    let mut found = Vec::new();
    for line in lines {
        if line.text.trim().is_empty() {
            return Err(DataError::EmptyRow { file: file.clone(), line: line.number });
        }
        let fields: Vec<&str> = line.fields().collect();
        if fields.len() != width {
            return Err(DataError::Fields {
                file: file.clone(),
                line: line.number,
                found: fields.len(),
                expected: width,
            });
        }
        let text = |column: Column| text(file, line.number, column, fields[column.index]);
        let pair = columns.pair.map(text).transpose()?;
        found.push((line.number, text(columns.text)?, pair, fields[columns.label.index].trim()));
    }
    if found.is_empty() {
        return Err(DataError::NoRows { file: file.clone(), header: table.lines().next().is_some() });
    }
    let labels = match wanted {
        Wanted::Numbers => Labels::Numbers,
        Wanted::Classes(names) => Labels::Classes(names.to_vec()),
        Wanted::ClassesOfFile => {
            Labels::Classes(classes(file, found.iter().map(|(line, _, _, label)| (*line, *label)))?)
        }
    };
    let rows = found.into_iter().map(|(line, text, pair, label)| {
        let label = parsed(file, line, columns.label.name, label, &labels)?;
        Ok(LabelledText { text, pair, label, line })
    });
    let rows = rows.collect::<Result<_, DataError>>()?;
    Ok(LabelledTexts { file: file.clone(), task, labels, rows })
}

fn text(file: &Path, line: usize, column: Column, text: &str) -> Result<String, DataError> {
    let (file, column) = (|| file.to_owned(), column.name);
    if text.trim().is_empty() {
        return Err(DataError::EmptyText { file: file(), line, column });
    }
    if text.len() > MOST_TEXT_BYTES {
        return Err(DataError::LongText { file: file(), line, column, bytes: text.len() });
    }
    Ok(text.to_owned())
}

/// The classes of a file: numbers from 0 on in their order, else names in theirs.
fn classes<'a>(file: &Path, labels: impl Iterator<Item = (usize, &'a str)>) -> Result<Vec<String>, DataError> {
    let mut names = BTreeSet::new();
    for (line, label) in labels {
        if label.is_empty() {
            let known = "whatever the file has, but not nothing".to_owned();
            return Err(DataError::UnknownLabel {
                file: file.to_owned(),
                line,
                column: "label",
                found: String::new(),
                known,
            });
        }
        if names.insert(label) && names.len() > MOST_CLASSES {
            return Err(DataError::TooManyClasses { file: file.to_owned(), line, count: names.len() });
        }
    }
    let numbers: Option<BTreeSet<usize>> = names.iter().map(|name| index(name)).collect();
    match numbers {
        // A class that no row of this file has is a class.
        Some(numbers) if numbers.last().is_some_and(|&last| last < MOST_CLASSES) => {
            let most = numbers.last().copied().unwrap_or(0).max(1);
            Ok((0..=most).map(|class| class.to_string()).collect())
        }
        Some(_) | None => Ok(names.into_iter().map(str::to_owned).collect()),
    }
}

/// A whole number as a class is written: 1, and not 01 or +1.
fn index(label: &str) -> Option<usize> {
    label.parse::<usize>().ok().filter(|number| number.to_string() == label)
}

fn parsed(file: &Path, line: usize, column: &'static str, label: &str, labels: &Labels) -> Result<Label, DataError> {
    match labels {
        Labels::Numbers => match label.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Label::Number(number)),
            _ => Err(DataError::NotANumber { file: file.to_owned(), line, column, found: shown(label) }),
        },
        Labels::Classes(names) => {
            let exactly = names.iter().position(|name| name == label);
            let nearly = || names.iter().position(|name| name.eq_ignore_ascii_case(label));
            let by_number = || index(label).filter(|&class| class < names.len());
            exactly.or_else(nearly).or_else(by_number).map(Label::Class).ok_or_else(|| DataError::UnknownLabel {
                file: file.to_owned(),
                line,
                column,
                found: shown(label),
                known: known(names),
            })
        }
    }
}

/// Classes with their numbers, in words.
fn known(names: &[String]) -> String {
    const MOST: usize = 12;
    let named = |(class, name): (usize, &String)| {
        if *name == class.to_string() { name.clone() } else { format!("{} ({class})", shown(name)) }
    };
    let mut words: Vec<String> = names.iter().enumerate().take(MOST).map(named).collect();
    if names.len() > MOST {
        words.push(format!("{} more", names.len() - MOST));
    }
    words.join(", ")
}
