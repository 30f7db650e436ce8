//! Files are written whole or not at all.

use crate::error::CliError;
use crate::interruption::Beginning;
use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tempfile::NamedTempFile;
use viewless_models::{dangling, without_temporary};
use viewless_simulator::text_file;

/// Bytes of the largest file that is read: proofs of the largest models have a few million.
const MOST_BYTES: u64 = 1 << 30;

/// A file under construction, beside its destination. It appears there by [`Pending::commit`]; dropped, or when the
/// command is interrupted, it leaves no trace.
pub struct Pending {
    file: BufWriter<NamedTempFile>,
    /// As the user named it.
    path: PathBuf,
    /// Where it is put: what a link leads to.
    target: PathBuf,
    beginning: Beginning,
}

impl Pending {
    /// Begins a file.
    ///
    /// # Errors
    /// [`CliError::WriteFile`] if its folder cannot be written to, or something is there that is no file; [`CliError::NamedTwice`] if the command
    /// line names it for something else, too.
    pub fn create(path: &Path) -> Result<Self, CliError> {
        if times_named(path, std::env::args_os().skip(1)) > 1 {
            return Err(CliError::NamedTwice { path: path.to_owned() });
        }
        if let Some(to) = dangling(path) {
            let nowhere = format!("it is a link to {}, where nothing is", to.display());
            return Err(failed(path, io::Error::other(nowhere)));
        }
        // Through a link is written to what it leads to; the link stays.
        let target = if path.is_symlink() { std::fs::canonicalize(path) } else { Ok(path.to_owned()) };
        let target = target.map_err(|source| failed(path, source))?;
        // A name that is too long, and whatever else is no place for a file, is known before the work.
        if let Err(source) = std::fs::symlink_metadata(&target)
            && source.kind() != io::ErrorKind::NotFound
        {
            return Err(failed(path, source));
        }
        // What is put in the place of a device or a folder would take it away from everybody.
        if std::fs::metadata(&target).is_ok_and(|there| !there.is_file()) {
            return Err(failed(path, io::Error::other("a folder, a device or a pipe is there")));
        }
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = temporary().tempfile_in(folder).map_err(|source| failed(path, source))?;
        let beginning = Beginning::of(file.path(), path);
        Ok(Self { file: BufWriter::new(file), path: path.to_owned(), target, beginning })
    }

    /// Writes these contents and commits.
    ///
    /// # Errors
    /// [`CliError::WriteFile`]; what was there before is still there.
    pub fn finish(mut self, contents: &[u8]) -> Result<(), CliError> {
        self.file.write_all(contents).map_err(|source| failed(&self.path, source))?;
        self.commit()
    }

    /// Puts the file in its place: a reader never sees half of it.
    ///
    /// # Errors
    /// [`CliError::WriteFile`]; what was there before is still there.
    pub fn commit(self) -> Result<(), CliError> {
        let Self { file, path, target, beginning: _beginning } = self;
        let file = file.into_inner().map_err(|error| failed(&path, error.into_error()))?;
        file.as_file().sync_all().map_err(|source| failed(&path, source))?;
        file.persist(&target).map_err(|error| failed(&path, error.error))?;
        written(&path);
        Ok(())
    }

    /// As [`Pending::commit`], but never in the place of a file that is there.
    ///
    /// # Errors
    /// [`CliError::FileExists`], and [`CliError::WriteFile`].
    pub fn commit_new(self) -> Result<(), CliError> {
        let Self { file, path, target, beginning: _beginning } = self;
        let file = file.into_inner().map_err(|error| failed(&path, error.into_error()))?;
        file.as_file().sync_all().map_err(|source| failed(&path, source))?;
        match file.persist_noclobber(&target) {
            Ok(_) => {
                written(&path);
                Ok(())
            }
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(CliError::FileExists { path }),
            Err(error) => Err(failed(&path, error.error)),
        }
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(without_temporary)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(without_temporary)
    }
}

/// What this process put in its place.
static WRITTEN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Remembers that a file, or a folder, is as the command was to make it: whoever does not see the result is told.
pub fn written(path: &Path) {
    WRITTEN.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_owned());
}

/// What to add to a sentence that a result cannot be shown: the files that are written nevertheless.
#[must_use]
pub fn and_written() -> String {
    let written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    let names: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    if names.is_empty() { String::new() } else { format!("; written is {}", names.join(" and ")) }
}

/// Options that take words and no files.
const OF_WORDS: [&str; 3] = ["--text", "--text-pair", "--prompt"];

/// How many words of a command line name a file. What is written would be lost, or take the place of what is read, if more than one did.
fn times_named(path: &Path, words: impl Iterator<Item = OsString>) -> usize {
    let Some(wanted) = place(path) else { return 0 };
    let is_named = |word: &str| place(Path::new(word)).is_some_and(|named| named == wanted);
    let mut words = words.map(|word| word.to_string_lossy().into_owned());
    let mut times = 0;
    while let Some(word) = words.next() {
        let (option, value) = match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, value),
            _ => (word.as_str(), word.as_str()),
        };
        if OF_WORDS.contains(&option) {
            if option == value {
                words.next();
            }
            continue;
        }
        times += usize::from(is_named(value) || value.contains(',') && value.split(',').any(is_named));
    }
    times
}

/// A file by the one name that it has, whether it is there or not.
fn place(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    path.canonicalize().or_else(|_| Ok::<_, io::Error>(folder.canonicalize()?.join(name))).ok()
}

/// With the permissions of any new file, where the system has such: results are not secret.
fn temporary() -> tempfile::Builder<'static, 'static> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}

/// That a file could not be written; of the temporary one, which nobody has named, nothing is said.
pub fn failed(path: &Path, source: io::Error) -> CliError {
    CliError::WriteFile { path: path.to_owned(), source: without_temporary(source) }
}

/// Writes a whole file.
///
/// # Errors
/// [`CliError::WriteFile`] names it.
pub fn write(path: &Path, contents: &[u8]) -> Result<(), CliError> {
    Pending::create(path)?.finish(contents)
}

/// Reads a text.
///
/// # Errors
/// [`CliError::ReadFile`] names the file.
pub fn read(path: &Path) -> Result<String, CliError> {
    text_file::read(path, MOST_BYTES).map_err(|source| CliError::ReadFile { path: path.to_owned(), source })
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
        let said = write(&missing, b"new").unwrap_err().to_string();
        assert!(said.contains("no/such/folder: ") && !said.contains(" at path "), "{said}");
        let mut abandoned = Pending::create(&path).unwrap();
        abandoned.write_all(b"half").unwrap();
        drop(abandoned);
        assert_eq!(read(&path).unwrap(), "old");
        write(&path, b"new").unwrap();
        assert_eq!(read(&path).unwrap(), "new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            write(&link, b"through").unwrap();
            assert!(link.is_symlink());
            assert_eq!(read(&path).unwrap(), "through");
            std::fs::remove_file(&link).unwrap();
            write(&path, b"new").unwrap();
            let nowhere = folder.path().join("nowhere");
            std::os::unix::fs::symlink("/nonexistent/there", &nowhere).unwrap();
            let said = write(&nowhere, b"lost").unwrap_err().to_string();
            assert!(said.contains("nowhere: it is a link to /nonexistent/there, where nothing is"), "{said}");
            std::fs::remove_file(&nowhere).unwrap();
        }
        assert!(Pending::create(folder.path()).err().unwrap().to_string().contains("a folder, a device or a pipe"));
        #[cfg(unix)]
        assert!(Pending::create(Path::new("/dev/null")).is_err());
        let mut second = Pending::create(&path).unwrap();
        second.write_all(b"newest").unwrap();
        assert!(matches!(second.commit_new(), Err(CliError::FileExists { .. })));
        assert_eq!((read(&path).unwrap().as_str(), std::fs::read_dir(folder.path()).unwrap().count()), ("new", 1));
    }

    #[test]
    fn a_file_is_named_by_every_word_that_leads_to_it_and_by_no_text() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("there");
        write(&there, b"").unwrap();
        let new = folder.path().join("new");
        let times = |path: &Path, words: &str| {
            let at = folder.path().display().to_string();
            times_named(path, words.split(' ').map(|word| word.replace('@', &at).into()))
        };
        for path in [&there, &new] {
            let name = path.file_name().unwrap().to_str().unwrap();
            let words = |pattern: &str| pattern.replace('%', name);
            assert_eq!(times(path, &words("prove @/% --certificate @/%")), 2);
            assert_eq!(times(path, &words("prove @/./% --certificate=@/%")), 2);
            assert_eq!(times(path, &words("compare m --suites a,@/% --html @/%")), 2);
            assert_eq!(times(path, &words("prove gelu/bolt --certificate @/%")), 1);
            assert_eq!(times(path, &words("infer --text @/% --transcript @/%")), 1);
            assert_eq!(times(path, &words("infer --text=@/% --transcript @/%")), 1);
            assert_eq!(times(path, &words("infer --text a --transcript @/%.x @ / .. =")), 0);
        }
    }
}
