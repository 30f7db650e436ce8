//! Files are written whole or not at all.

use crate::error::CliError;
use std::io::Write;
use std::path::Path;
use tempfile::NamedTempFile;

/// Writes beside the destination, then renames: a reader never sees half a file, and a failure loses nothing.
///
/// # Errors
/// [`CliError::WriteFile`] names the file.
pub fn write(path: &Path, contents: &[u8]) -> Result<(), CliError> {
    let failed = |source| CliError::WriteFile { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(contents).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Reads a text.
///
/// # Errors
/// [`CliError::ReadFile`] names the file.
pub fn read(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|source| CliError::ReadFile { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_is_named_and_the_old_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        write(&path, b"old").unwrap();
        let missing = folder.path().join("no/such/folder");
        assert!(write(&missing, b"new").unwrap_err().to_string().contains("no/such/folder"));
        write(&path, b"new").unwrap();
        assert_eq!(read(&path).unwrap(), "new");
    }
}
