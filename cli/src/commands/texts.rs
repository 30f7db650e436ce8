//! A file of texts, one a line, for a model's sites.

use super::fetch;
use crate::error::CliError;
use crate::file;
use std::path::Path;
use viewless_models::Model;
use viewless_models::dcvae::is_autoencoder;
use viewless_workbench::sites::{Line, SitesError};

/// The texts of a file.
///
/// # Errors
/// A file that cannot be read or has no text.
pub(super) fn read(path: &Path) -> Result<String, CliError> {
    let texts = file::read(path)?;
    if Line::all(&texts).is_empty() { Err(CliError::NoText { path: path.to_owned() }) } else { Ok(texts) }
}

/// An error about texts names their file.
pub(super) fn named(error: SitesError, path: &Path) -> CliError {
    match error {
        SitesError::NoUsableText { .. } => CliError::Texts { path: path.to_owned(), error },
        other => other.into(),
    }
}

/// The model that texts are for; without a name the one that is part of the program.
///
/// # Errors
/// It cannot be used, or has no sites that texts reach.
pub(super) fn model(model: Option<&str>) -> Result<Model, CliError> {
    let directory = fetch::given_or_own(model, None)?;
    if is_autoencoder(&directory) {
        return Err(CliError::TextsForAutoencoder { model: directory });
    }
    Ok(Model::load(&directory)?)
}

/// The first text that a model can take.
///
/// # Errors
/// It can take none: the first is named, with what is wrong with it.
pub(super) fn first_usable<'a>(model: &Model, lines: &[Line<'a>], path: Option<&Path>) -> Result<Line<'a>, CliError> {
    let mut first = None;
    for &line in lines {
        match model.encode(line.text) {
            Ok(_) => return Ok(line),
            Err(error) => first = first.or(Some((line.number, error.to_string()))),
        }
    }
    let error =
        first.map_or(SitesError::NoText, |(line, why)| SitesError::NoUsableText { texts: lines.len(), line, why });
    Err(named(error, path.unwrap_or(Path::new(""))))
}
