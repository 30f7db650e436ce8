//! Rows for a model, and a sample of them.

use super::EvaluationError;
use std::path::Path;
use viewless_models::Model;
use viewless_models::data::{DataError, LabelledTexts, Labels, Matching, Split, Wanted, load};
use viewless_protocols::model::Head;
use viewless_simulator::stream::{Seed, StreamKey};

/// Rows as a model is asked about them.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The rows.
    pub rows: LabelledTexts,
    /// Rows of the file that they are a sample of.
    pub of: usize,
    /// What a reader must know about the labels.
    pub notes: Vec<String>,
}

/// Reads rows for a model: a file, or a split of a directory. Classes are those of the model, by name, else by number.
///
/// # Errors
/// Those of [`load`]; as many classes as the model has not.
pub fn labelled(model: &Model, path: &Path, split: Split) -> Result<Loaded, EvaluationError> {
    let (rows, matching) = match &model.config.head {
        Head::Classifier { labels } if labels.len() > 1 => match load(path, split, Wanted::Classes(labels)) {
            Ok(rows) => (rows, Matching::Names),
            // Other names: as many classes may be the same ones. Numbers are no names.
            Err(unknown @ DataError::UnknownLabel { .. }) => {
                let of_file = load(path, split, Wanted::ClassesOfFile).ok();
                let of_file = of_file.filter(|rows| are_names(rows.labels()));
                of_file.and_then(|rows| rows.with_classes(labels).ok()).ok_or(unknown)?
            }
            Err(error) => return Err(error.into()),
        },
        _ => (load(path, split, Wanted::Numbers)?, Matching::Names),
    };
    let note = "the file names its classes otherwise than the model, and they are taken in order: the first is the model's first";
    let notes = if matching == Matching::Numbers { vec![note.to_owned()] } else { Vec::new() };
    Ok(Loaded { of: rows.rows().len(), rows, notes })
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
