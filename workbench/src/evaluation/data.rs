//! Rows for a model, and a sample of them.

use super::EvaluationError;
use super::rows::Answers;
use std::path::Path;
use viewless_models::Model;
use viewless_models::data::{
    DataError, Label, LabelledText, LabelledTexts, Labels, Matching, Split, Task, Wanted, load,
};
use viewless_protocols::model::Head;
use viewless_simulator::stream::{Seed, StreamKey};

/// Rows as a model is asked about them.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The rows.
    pub rows: LabelledTexts,
    /// Rows of the file that they are a sample of.
    pub of: usize,
    /// How their classes were found among the model's.
    pub matching: Matching,
    /// What a reader must know about the labels.
    pub notes: Vec<String>,
}

/// Reads rows for a model: a file, or a split of a directory. Classes are those of the model, by name, else by number.
///
/// # Errors
/// Those of [`load`]; rows that a model with its head does not answer; as many classes as the model has not.
pub fn labelled(model: &Model, path: &Path, split: Split) -> Result<Loaded, EvaluationError> {
    let asked = Answers::asked(model);
    let classes = match (&model.config.head, asked) {
        (Head::Classifier { labels }, Some(Answers::Class)) => Some(labels),
        _ => None,
    };
    let wanted = classes.map_or(Wanted::Numbers, |labels| Wanted::Classes(labels));
    let (rows, matching) = match load(path, split, wanted) {
        Ok(rows) => {
            let matching = matching(&rows, classes);
            (rows, matching)
        }
        Err(error) => {
            let rows = is_of_labels(&error).then(|| otherwise(path, split, classes.is_some())).flatten();
            let Some(rows) = rows else { return Err(refused(model, error)) };
            match classes.filter(|_| are_names(rows.labels())) {
                // Other names: as many classes may be the same ones. Numbers are no names.
                Some(labels) if !matches!(error, DataError::OtherClasses { .. }) => {
                    rows.with_classes(labels).map_err(|_| refused(model, error))?
                }
                // The rows are as they should be, and the model is another.
                Some(_) | None => return Err(Answers::unfit(model, &rows)),
            }
        }
    };
    Answers::of(model, &rows)?;
    let note = "the file names its classes otherwise than the model, and they are taken in order: the first is the model's first";
    let notes = if matching == Matching::Numbers { vec![note.to_owned()] } else { Vec::new() };
    Ok(Loaded { of: rows.rows().len(), rows, matching, notes })
}

fn refused(model: &Model, error: DataError) -> EvaluationError {
    match error {
        source @ DataError::UnknownLabel { .. } => EvaluationError::Class { model: model.directory.clone(), source },
        error => error.into(),
    }
}

/// How classes that were read were found: a task of GLUE has names of its own, whatever its file writes.
fn matching(rows: &LabelledTexts, classes: Option<&Vec<String>>) -> Matching {
    let (Some(names), Some(labels)) = (rows.task().and_then(Task::classes), classes) else { return Matching::Names };
    let known = |name: &&str| labels.iter().any(|label| label.eq_ignore_ascii_case(name));
    if names.iter().all(known) { Matching::Names } else { Matching::Numbers }
}

/// Whether a file was refused for its labels alone, which another model may have.
fn is_of_labels(error: &DataError) -> bool {
    matches!(
        error,
        DataError::UnknownLabel { .. }
            | DataError::NotANumber { .. }
            | DataError::OtherLabels { .. }
            | DataError::OtherClasses { .. }
    )
}

/// The same rows with the labels that they have, if these are of the other kind: names where numbers were wanted, and fractions where classes were; or
/// other names.
fn otherwise(path: &Path, split: Split, classes_were_wanted: bool) -> Option<LabelledTexts> {
    let classes = load(path, split, Wanted::ClassesOfFile).ok().filter(|rows| are_names(rows.labels()));
    classes.or_else(|| {
        let numbers = load(path, split, Wanted::Numbers).ok().filter(|_| classes_were_wanted)?;
        let is_fraction = |row: &LabelledText| matches!(row.label, Label::Number(number) if number.fract() != 0.0);
        // Whole numbers are classes, of which the model has not so many.
        numbers.rows().iter().any(is_fraction).then_some(numbers)
    })
}

fn are_names(labels: &Labels) -> bool {
    matches!(labels, Labels::Classes(names) if names.iter().all(|name| name.parse::<f64>().is_err()))
}

/// A sample of so many rows, or all if there are no more, in the order of the file; the same for the same seed.
#[must_use]
pub fn sample(loaded: Loaded, rows: usize, seed: u64) -> Loaded {
    let of = loaded.rows.rows().len();
    if rows >= of {
        return loaded;
    }
    // Each row has a key, and those with the smallest are taken: of a sample that grows, all rows stay.
    let key = StreamKey::derive(&Seed::from_u64(seed), u32::MAX);
    let mut order: Vec<usize> = (0..of).collect();
    order.sort_by_key(|&row| (key.word(row as u64), row));
    order.truncate(rows.max(1));
    order.sort_unstable();
    match loaded.rows.only(&order) {
        Some(rows) => Loaded { rows, ..loaded },
        None => loaded,
    }
}
