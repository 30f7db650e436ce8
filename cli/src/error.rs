//! What can go wrong between the user and the other crates. Every variant ends the command with exit code 2.

use crate::domains::DomainsError;
use crate::inference::InferenceError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;
use viewless_models::{FetchError, ModelError};
use viewless_proofs::audit::AuditError;
use viewless_proofs::privacy::CoalitionError;
use viewless_protocols::circuit::CircuitError;
use viewless_protocols::model::BuildError;
use viewless_protocols::scheme::CompileError;
use viewless_protocols::suite::SuiteError;
use viewless_published::PublishedError;
use viewless_simulator::network::NetworkError;
use viewless_simulator::stream::SeedError;

/// Bad usage or input, in one sentence that says what to do.
#[derive(Debug, Error)]
pub enum CliError {
    /// Neither a known model, nor a directory, nor a protocol.
    #[error("there is no model, directory or protocol `{name}`{hint}; `viewless list` shows what there is")]
    UnknownSubject {
        /// The name asked for.
        name: String,
        /// What the name is, if it is something else.
        hint: String,
    },
    /// A protocol where a model is needed.
    #[error("`{name}` is a protocol; this command takes a model: a known name or a directory")]
    NotAModel {
        /// The name asked for.
        name: String,
    },
    /// A model where a protocol is needed.
    #[error("`{name}` is a model; this command takes a protocol, see `viewless list`")]
    NotAProtocol {
        /// The name asked for.
        name: String,
    },
    /// A model that can be fetched, and was not.
    #[error("{} is not in the cache {}; run `viewless fetch {name}` first", name, cache.display())]
    NotFetched {
        /// Its name.
        name: String,
        /// The cache directory.
        cache: PathBuf,
    },
    /// A name that a command which lists does not know.
    #[error("nothing is called `{name}`; `viewless list` shows all names")]
    UnknownName {
        /// The name asked for.
        name: String,
    },
    /// A suite that is not one, but something else is.
    #[error("{error}{hint}")]
    UnknownSuite {
        /// What the suites' reader says.
        error: SuiteError,
        /// What the name is, if it is something else.
        hint: String,
    },
    /// A suite's file that cannot be read.
    #[error("cannot read the suite {}: {source}", path.display())]
    ReadSuite {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A number for a seed that is none.
    #[error("a seed is a whole number below 2^64 or 64 hexadecimal digits; `{text}` is neither")]
    Seed {
        /// The text.
        text: String,
    },
    /// A size at which the subject cannot be built.
    #[error("{subject} cannot be built for --seq {seq} --batch {batch}: {error}")]
    Size {
        /// Model or protocol.
        subject: String,
        /// Tokens, or elements of a row.
        seq: usize,
        /// Sequences, or rows.
        batch: usize,
        /// Why.
        error: BuildError,
    },
    /// The pool of threads could not be made.
    #[error("cannot start {threads} threads: {reason}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// What the library said.
        reason: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file that cannot be written.
    #[error("cannot write {}: {source}; nothing was changed", path.display())]
    WriteFile {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file that is none of certificates.
    #[error("{} is no file of `viewless prove --certificate`: {reason}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A picture in a format that is not drawn.
    #[error("{}: plots are SVG or PNG; give a name that ends in .svg or .png", path.display())]
    PlotFormat {
        /// The file asked for.
        path: PathBuf,
    },
    /// A picture that cannot be drawn: a defect.
    #[error(
        "the plot cannot be drawn as PNG ({reason}); this is a defect of viewless, please report it; SVG needs no drawing"
    )]
    Picture {
        /// What the library said.
        reason: String,
    },
    /// A picture of a function of rows.
    #[error("{}: only functions of one number are drawn; leave --plot out for a protocol of rows", path.display())]
    PlotOfRows {
        /// The file asked for.
        path: PathBuf,
    },
    /// Neither a protocol nor a model with texts.
    #[error("name a protocol, or a model with --model and its texts with --text-file")]
    NothingToAudit,
    /// The audit of a model's domains.
    #[error(transparent)]
    Domains(#[from] DomainsError),
    /// The audit.
    #[error(transparent)]
    Audit(Box<AuditError>),
    /// A coalition of nobody or strangers.
    #[error(transparent)]
    Coalition(#[from] CoalitionError),
    /// A result that is no JSON: a defect.
    #[error("the result cannot be written as JSON; this is a defect of viewless, please report it: {0}")]
    Json(#[from] serde_json::Error),
    /// Standard output that cannot be written to.
    #[error("cannot write the result: {0}")]
    Write(#[from] io::Error),
    /// The suite.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// A published table.
    #[error(transparent)]
    Published(#[from] PublishedError),
    /// The network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The model directory.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The download.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The circuit.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    /// The compilation.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The operating system's entropy.
    #[error(transparent)]
    Entropy(#[from] SeedError),
    /// The run.
    #[error(transparent)]
    Inference(#[from] InferenceError),
}

impl From<AuditError> for CliError {
    fn from(error: AuditError) -> Self {
        Self::Audit(Box::new(error))
    }
}
