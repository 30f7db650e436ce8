//! Files that are there whole or not at all.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use viewless_models::{ModelError, without_temporary};

use crate::error::TrainError;

/// How the names of files begin that are not whole yet.
pub(crate) const UNFINISHED: &str = ".unfinished-";

/// Writes a file beside its place, and puts it there when it is whole and on the disk. What was there stays until then.
///
/// # Errors
/// [`TrainError::Write`] names the file.
pub(crate) fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), TrainError> {
    let failed = |source| TrainError::Write { path: path.to_owned(), source: without_temporary(source) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // With the permissions of any new file: what was learnt is not secret.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = BufWriter::new(builder.prefix(UNFINISHED).tempfile_in(folder).map_err(failed)?);
    fill(&mut file).map_err(failed)?;
    let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Has another writer write the file, which takes a path, and puts it in its place as [`write`] does.
///
/// # Errors
/// [`TrainError::Write`] names the file; those of the other writer.
pub(crate) fn write_by<E: Into<TrainError>>(
    path: &Path,
    by: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), TrainError> {
    let failed = |source| TrainError::Write { path: path.to_owned(), source: without_temporary(source) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let scratch = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(folder).map_err(failed)?;
    let file = scratch.path().join("file");
    by(&file).map_err(|error| placed(error.into(), path))?;
    fs::File::open(&file).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(&file, path).map_err(failed)
}

/// The error of another writer, with the place of the file in the place of the name that it was given.
pub(crate) fn placed(error: TrainError, path: &Path) -> TrainError {
    match error {
        TrainError::Model(ModelError::Write { source, .. }) => {
            TrainError::Write { path: path.to_owned(), source: io::Error::other(source) }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_finished_leaves_the_old_one_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        write(&path, |file| file.write_all(b"old")).unwrap();
        let full = || io::Error::new(io::ErrorKind::StorageFull, "no space left on device");
        let error = write(&path, |file| file.write_all(b"half").and(Err(full()))).unwrap_err().to_string();
        assert!(error.contains("kept") && error.contains("no space left") && error.contains("--resume"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        // Another writer's error names what it was given, and nobody knows that name.
        let other = |file: &Path| Err(ModelError::Write { file: file.to_owned(), source: full().into() });
        let error = write_by(&path, other).unwrap_err().to_string();
        assert!(error.contains("kept:") && error.contains("no space left") && !error.contains(UNFINISHED), "{error}");
        write_by(&path, |file| fs::write(file, b"new").map_err(candle_core::Error::from)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
