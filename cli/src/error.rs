//! What can go wrong between the user and the other crates. Every variant ends the command with exit code 2.

use crate::file;
use std::io;
use std::path::PathBuf;
use thiserror::Error;
use viewless_models::{FetchError, ModelError};
use viewless_proofs::audit::AuditError;
use viewless_protocols::file::ExportError;
use viewless_protocols::nonlinear::RegistryError;
use viewless_protocols::suite::SuiteError;
use viewless_published::PublishedError;
use viewless_simulator::stream::SeedError;
use viewless_training::TrainError;
use viewless_workbench::assay::AssayError;
use viewless_workbench::bench::BenchError;
use viewless_workbench::certificate::CertificateError;
use viewless_workbench::draft::DraftError;
use viewless_workbench::evaluation::EvaluationError;
use viewless_workbench::failures::FailuresError;
use viewless_workbench::inference::InferenceError;
use viewless_workbench::model_report::ModelReportError;
use viewless_workbench::named::{Named, NamedError};
use viewless_workbench::plan::PlanningError;
use viewless_workbench::proof::ProofError;
use viewless_workbench::sites::SitesError;
use viewless_workbench::statistics::StatisticsError;
use viewless_workbench::{SizeError, SubjectError};

/// Bad usage or input, in one sentence that says what to do.
#[derive(Debug, Error)]
pub enum CliError {
    /// A benchmark.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// The statistics.
    #[error(transparent)]
    Statistics(#[from] StatisticsError),
    /// A subject that cannot be found or built.
    #[error("{error}{hint}")]
    Subject {
        /// What is wrong.
        error: SubjectError,
        /// The argument that takes such a name, if another does.
        hint: &'static str,
    },
    /// A member of a family that is not there.
    #[error(transparent)]
    Member(#[from] RegistryError),
    /// A suite that would be written where none is looked for.
    #[error("{} is no place for a suite: commands know a file of one by its end; choose a name that ends in .toml", path.display())]
    NoSuiteFile {
        /// The path.
        path: PathBuf,
    },
    /// A suite, network or seed that is none.
    #[error(transparent)]
    Named(#[from] NamedError),
    /// Protocols beside suites.
    #[error(
        "--with puts protocols side by side, and --suites suites; leave one of them out, or write `--with published`"
    )]
    SuitesWithProtocols,
    /// A model of which nothing is recorded.
    #[error("nothing is recorded of {of}; there are records of {recorded}, of one sequence each")]
    NothingPublished {
        /// What was asked for.
        of: String,
        /// What there is.
        recorded: String,
    },
    /// A name that a command which lists does not know.
    #[error("nothing is called `{name}`; `viewless list` shows all names")]
    UnknownName {
        /// The name asked for.
        name: String,
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
    /// A file that would be written in the place of what the same command reads or writes.
    #[error("the command names {} more than once, and would write over it; give each file a name of its own", path.display())]
    NamedTwice {
        /// The file.
        path: PathBuf,
    },
    /// A file that is there already, where a new one was to be.
    #[error("{} is there already and stays as it is; give another file with --output", path.display())]
    FileExists {
        /// The file.
        path: PathBuf,
    },
    /// A name for a protocol file that does not end as such names do.
    #[error("{}: the name of a protocol file ends in .protocol", path.display())]
    NotAProtocolFile {
        /// The file.
        path: PathBuf,
    },
    /// A first file that cannot be drafted.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// A protocol that no file can hold.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A file that is none of certificates.
    #[error("{}, which should come from `viewless prove --certificate`: {error}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: CertificateError,
    },
    /// A file that holds other things than runs of the swarm, or other runs.
    #[error("{} {reason}; give another file with --results", path.display())]
    SwarmResults {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of runs that cannot be written any further.
    #[error("cannot write {}: {source}; the runs that stand in it are kept, and the same command goes on from there", path.display())]
    SwarmWrite {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A model without weights.
    #[error(
        "{name} is known by its sizes alone, which `cost`, `compare`, `prove` and `plan` take; here a model needs its files: give a directory, or a name \
         that `viewless fetch` knows: {}",
        known.join(", ")
    )]
    SizesAlone {
        /// Its name.
        name: String,
        /// Names that can be fetched.
        known: Vec<&'static str>,
    },
    /// A protocol, a suite or a network where a model is needed.
    #[error("`{name}` is a {is}; a model is needed here: a directory, or a name that `viewless fetch` knows: {}", known.join(", "))]
    NotAModel {
        /// The name.
        name: String,
        /// What it is.
        is: Named,
        /// Names that can be fetched.
        known: Vec<&'static str>,
    },
    /// A text for an autoencoder.
    #[error("{} is an autoencoder of images; give it a picture with --image FILE, or draw from it with `viewless sample`", model.display())]
    Autoencoder {
        /// Its directory.
        model: PathBuf,
    },
    /// Texts for an autoencoder.
    #[error(
        "{0} is an autoencoder of images, and no text reaches its sites; give a model of texts, or see what suites cost for it with `viewless compare {0}`",
        model.display()
    )]
    TextsForAutoencoder {
        /// Its directory.
        model: PathBuf,
    },
    /// A file in which there is no text.
    #[error("{} has no text; give a file with one text in each line", path.display())]
    NoText {
        /// The file.
        path: PathBuf,
    },
    /// Texts of which a model can take none.
    #[error("{}: {error}", path.display())]
    Texts {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        error: SitesError,
    },
    /// Another model where an autoencoder is needed.
    #[error("{} is no autoencoder of images (its `model_type` is not dc-vae); only such a model gives pictures", model.display())]
    NotAnAutoencoder {
        /// Its directory.
        model: PathBuf,
    },
    /// An option that autoencoders have no use for.
    #[error("{option} is not for autoencoders of images; leave it out")]
    NotOfAutoencoders {
        /// The option.
        option: &'static str,
    },
    /// A picture of pixels in a format for lines.
    #[error("{}: images are written as PNG; give a name that ends in .png", path.display())]
    OnlyPng {
        /// The file asked for.
        path: PathBuf,
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
    /// The audit of a model's sites.
    #[error(transparent)]
    Sites(#[from] SitesError),
    /// How often inferences fail.
    #[error(transparent)]
    Failures(#[from] FailuresError),
    /// The proof.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// All about a model.
    #[error(transparent)]
    ModelReport(#[from] ModelReportError),
    /// All verdicts about a protocol.
    #[error(transparent)]
    Assay(#[from] AssayError),
    /// A size.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// The audit.
    #[error(transparent)]
    Audit(Box<AuditError>),
    /// A result that is no JSON: a defect.
    #[error("the result cannot be written as JSON; this is a defect of viewless, please report it: {0}")]
    Json(#[from] serde_json::Error),
    /// Standard output that cannot be written to.
    #[error("cannot write the result: {0}{written}", written = file::and_written())]
    Write(#[from] io::Error),
    /// A published table.
    #[error(transparent)]
    Published(#[from] PublishedError),
    /// The model directory.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The download.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A training run.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The operating system's entropy.
    #[error(transparent)]
    Entropy(#[from] SeedError),
    /// The run.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// The evaluation.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
    /// Rows that the model which was not asked for does not answer.
    #[error("without --model the model in the program, movies-small, is evaluated: {error}")]
    OfOwnModel {
        /// Why it does not.
        error: EvaluationError,
    },
    /// Rows of which it is not known that the model which was not asked for was made for them.
    #[error(
        "{} has {has}, and without --model the model in the program, movies-small, is evaluated, which was made for single texts that are negative or \
         positive; pass --model DIR|NAME (`--model movies-small` takes classes in their order)",
        data.display()
    )]
    NotOfOwnModel {
        /// The rows.
        data: PathBuf,
        /// What they have.
        has: &'static str,
    },
    /// No subject of a plan.
    #[error("name a model and --error, or `amp` and --experiment")]
    NothingToPlan,
    /// The plan.
    #[error(transparent)]
    Planning(#[from] PlanningError),
}

impl From<SuiteError> for CliError {
    fn from(error: SuiteError) -> Self {
        Self::Named(error.into())
    }
}

impl From<SubjectError> for CliError {
    fn from(error: SubjectError) -> Self {
        let is = if let SubjectError::Unknown { is, .. } = &error { *is } else { None };
        let hint = match is {
            Some(Named::Suite) => ", and a suite is chosen by --suite",
            Some(Named::Network) => ", and a network is chosen by --network",
            Some(Named::Model | Named::Protocol) | None => "",
        };
        Self::Subject { error, hint }
    }
}

impl From<AuditError> for CliError {
    fn from(error: AuditError) -> Self {
        Self::Audit(Box::new(error))
    }
}
