//! `viewless evaluate`: a model on labelled rows, privately and in plaintext.

use super::Outcome;
use super::fetch;
use crate::arguments::{self, FixedArguments};
use crate::error::CliError;
use crate::progress::Progress;
use crate::screen::{self, Manner};
use crate::{file, render};
use clap::{Args, ValueEnum};
use ndarray::Array3;
use std::path::{Path, PathBuf};
use viewless_models::Model;
use viewless_models::data::{self, DataError, Matching};
use viewless_models::dcvae::{DcVae, Resized, Wanted, is_autoencoder, read_images};
use viewless_protocols::suite::Suite;
use viewless_workbench::evaluation::{Evaluation, EvaluationError, Loaded, State, TooLong, evaluate, labelled, sample};
use viewless_workbench::inference::ExecutionMode;
use viewless_workbench::machine::available_bytes;
use viewless_workbench::named::DEFAULT_SUITE;
use viewless_workbench::pictures;

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Split {
    /// train.tsv
    Train,
    /// dev.tsv
    Dev,
    /// test.tsv
    Test,
}

/// What becomes of a row with more tokens than the model has positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Long {
    /// Its end is left out, of the longer text of a pair, as `train` does
    Cut,
    /// The row is left out
    Skip,
    /// The evaluation ends with an error
    Stop,
}

impl From<Long> for TooLong {
    fn from(long: Long) -> Self {
        match long {
            Long::Cut => Self::Cut,
            Long::Skip => Self::Skip,
            Long::Stop => Self::Stop,
        }
    }
}

/// What to evaluate, and how.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A model directory, or a name that `fetch` knows: a classifier, a regressor, or a sentence model for rated pairs [default: movies-small, which is part of the program, on texts labelled negative and positive]
    #[arg(long, value_name = "DIR|NAME")]
    model: Option<String>,
    /// Labelled rows: a TSV whose header names `text` (or `sentence`), `label` and, for pairs, `text2`; or a directory of SST-2, QNLI, CoLA, MRPC,
    /// STS-B or RTE as GLUE publishes them, or of such TSVs
    #[arg(long, value_name = "FILE|DIR")]
    data: PathBuf,
    /// Of an autoencoder, whose data are a PNG file or a folder of them: the pictures are sheets, each row of which is an image with a side of so many pixels
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    sheet_side: Option<u16>,
    /// Which file of a directory; of an autoencoder, the folder `train` or else `test`, where the data have such
    #[arg(long, value_enum, default_value_t = Split::Dev)]
    split: Split,
    /// Built-in suites or .toml files, separated by commas
    #[arg(long, alias = "suites", value_name = "SUITE|FILE,...", value_delimiter = ',', default_value = DEFAULT_SUITE, value_parser = arguments::suite)]
    suite: Vec<Suite>,
    #[command(flatten)]
    fixed: FixedArguments,
    /// Evaluate a random sample of so many rows, the same for the same seed [default: all]; of an autoencoder, the first so many images [default: 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rows: Option<u32>,
    /// What becomes of rows with more tokens than the model has positions; the report counts them
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Long::Cut)]
    too_long: Long,
    /// Decides everything random: a row has the seed of this number and its line's, with which `infer` repeats it
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Go on from this file, and add every result to it, one JSON object a line: a kill loses a row for each thread at most
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Compute and count what every party sends, too: the same numbers in more time
    #[arg(long)]
    explicit: bool,
    /// A suite may compute other functions than the model's own; without this that is a negative verdict
    #[arg(long)]
    accept_other_functions: bool,
    /// Run even if the values take more memory than is free
    #[arg(long)]
    force: bool,
    /// Rows at a time, each on one thread; the result does not depend on it [default: all processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Write the table of suites in Markdown, too
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Where fetched models are kept [default: as `fetch`]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

impl Arguments {
    /// Threads that are asked for.
    #[must_use]
    pub fn threads(&self) -> Option<usize> {
        self.threads.map(usize::from)
    }
}

/// Evaluates and prints. `infer` judges one run, and so any broken claim is a negative verdict there; here the verdict is negative when a broken claim
/// made an answer another: a row of another class than plaintext's whose run broke a claim, or, where rows are rated by numbers, any row whose run did.
/// It is also negative when a suite computes other functions than the model's, unless that is accepted. Rows that differ by approximation or
/// rounding alone, and claims that were broken without consequence, are counted in the report.
///
/// # Errors
/// A model, rows, a suite or a state that cannot be used.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    let Arguments { suite, fixed, rows, seed, .. } = arguments;
    let suites = suite.iter().map(|suite| fixed.of(suite.clone())).collect::<Result<Vec<_>, _>>()?;
    // What cannot be written is known before anything is run.
    let markdown = arguments.markdown.as_deref().map(file::Pending::create).transpose()?;
    let directory = fetch::given_or_own(arguments.model.as_deref(), arguments.cache.as_deref())?;
    if is_autoencoder(&directory) {
        return on_pictures(arguments, &suites, &directory, manner);
    }
    let model = Model::load(&directory)?;
    let split = match arguments.split {
        Split::Train => data::Split::Train,
        Split::Dev => data::Split::Development,
        Split::Test => data::Split::Test,
    };
    let mut loaded = match (&arguments.model, labelled(&model, &arguments.data, split)) {
        (Some(_), loaded) => loaded?,
        (None, loaded) => of_own_model(loaded, &arguments.data)?,
    };
    if let Some(rows) = rows {
        loaded = sample(loaded, *rows as usize, *seed);
    }
    // It begins a file, so everything else that may be refused comes before it.
    let state = arguments.state.as_deref().map(State::open).transpose()?;
    let execution = if arguments.explicit { ExecutionMode::Explicit } else { ExecutionMode::Fast };
    let most_bytes = if arguments.force { None } else { available_bytes() };
    let registry = arguments::registry();
    let evaluation = Evaluation {
        model: &model,
        loaded: &loaded,
        suites: &suites,
        registry,
        seed: *seed,
        execution,
        too_long: arguments.too_long.into(),
        most_bytes,
    };
    let progress = Progress::start("evaluating");
    let report = evaluate(&evaluation, state, Some(&|done, of| progress.tell(done, of)))?;
    drop(progress);
    if let Some(markdown) = markdown {
        markdown.finish(render::evaluation::markdown(&report).as_bytes())?;
    }
    screen::show(&report, manner, |explain| render::evaluation::text(&report, explain))?;
    let own_functions = !report.computes_other_functions() || arguments.accept_other_functions;
    Ok((own_functions && !report.is_spoiled()).into())
}

/// Rows for the model that is taken where none is named: those only of whose labels it is known that they are its own.
fn of_own_model(loaded: Result<Loaded, EvaluationError>, data: &Path) -> Result<Loaded, CliError> {
    let loaded = match loaded {
        Ok(loaded) => loaded,
        // It was not chosen for these rows, or they are no rows, but pictures.
        Err(
            error @ (EvaluationError::Fit { .. }
            | EvaluationError::Class { .. }
            | EvaluationError::Data(DataError::NotUtf8 { .. } | DataError::NotAFile { .. })),
        ) => {
            return Err(CliError::OfOwnModel { error });
        }
        Err(error) => return Err(error.into()),
    };
    if loaded.rows.are_pairs() || loaded.matching == Matching::Numbers {
        let has = if loaded.rows.are_pairs() { "pairs of texts" } else { "classes of other names" };
        return Err(CliError::NotOfOwnModel { data: data.to_owned(), has });
    }
    Ok(loaded)
}

/// Images of an evaluation, unless another number is asked for.
const IMAGES: u32 = 64;

/// Evaluates an autoencoder. The verdict is negative when some run broke a claim.
fn on_pictures(arguments: &Arguments, suites: &[Suite], directory: &Path, manner: Manner) -> Result<Outcome, CliError> {
    let unused = [("--state", arguments.state.is_some()), ("--markdown", arguments.markdown.is_some())];
    if let Some((option, _)) = unused.into_iter().find(|(_, given)| *given) {
        return Err(CliError::NotOfAutoencoders { option });
    }
    let model = DcVae::load(directory)?;
    let (channels, side) = (model.config.channels(), model.config.side());
    let split = if arguments.split == Split::Train { "train" } else { "test" };
    let split = Some(arguments.data.join(split)).filter(|folder| folder.is_dir());
    let read = read_images(&Wanted {
        path: split.as_deref().unwrap_or(&arguments.data),
        channels,
        side,
        sheet_side: arguments.sheet_side.map(usize::from),
        most: arguments.rows.unwrap_or(IMAGES) as usize,
    })?;
    if let Some(Resized { images, file, pixels: [columns, rows] }) = &read.resized {
        let file = file.display();
        screen::note(format_args!(
            "{images} of {} are resized to the {side} x {side} of the model, the first from {file} of {columns} x {rows} pixels; \
             of a sheet, each row of which is an image, --sheet-side says the side of its images",
            render::words::count(read.len(), "image"),
        ));
    }
    let images: Vec<Array3<f64>> = (0..read.len()).map(|number| read.array(number)).collect();
    let evaluation = pictures::evaluation::Evaluation {
        name: &directory.display().to_string(),
        model: &model,
        images: &images,
        suites,
        registry: arguments::registry(),
        seed: arguments.seed,
        execution: if arguments.explicit { ExecutionMode::Explicit } else { ExecutionMode::Fast },
        most_bytes: if arguments.force { None } else { available_bytes() },
    };
    let progress = Progress::start("evaluating");
    let report = pictures::evaluation::evaluate(&evaluation, Some(&|done, of| progress.tell(done, of)))?;
    drop(progress);
    screen::show(&report, manner, |_| render::autoencoder::evaluation(&report))?;
    let own_functions = !report.computes_other_functions() || arguments.accept_other_functions;
    Ok((own_functions && !report.is_in_doubt()).into())
}
