//! What can go wrong with a training run, in sentences that say what to do.

use std::io;
use std::path::PathBuf;
use thiserror::Error;
use viewless_models::ModelError;
use viewless_models::data::DataError;

/// Why a run does not start, or does not go on.
#[derive(Debug, Error)]
pub enum TrainError {
    /// A model directory.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Labelled rows.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file that cannot be written.
    #[error(
        "cannot write {}: {source}; what was there before is still there: the same command with --resume goes on from the last checkpoint, or begins \
         where there is none yet",
        path.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A folder in which no run can be.
    #[error("cannot use the folder {}: {source}; give one with --out that can be made and written", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A folder in which another process trains.
    #[error("another process trains in {}; wait until it ends, or give another folder with --out", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// A recipe that is no recipe.
    #[error("{}: {reason}", path.display())]
    Recipe {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// A number or a word of a recipe that cannot be meant.
    #[error("the recipe's `{field}` is {value}; give {expected}")]
    Field {
        /// The field, with its table.
        field: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A model that is not trained here.
    #[error("`{}` is a model of {architecture}, and only BERT is trained; give a BERT directory", directory.display())]
    Architecture {
        /// The directory.
        directory: PathBuf,
        /// Its family.
        architecture: String,
    },
    /// A function that is not differentiated here.
    #[error("the model's activation `{activation}` is not trained; give `gelu` or `quad`")]
    Activation {
        /// Its name.
        activation: String,
    },
    /// A teacher without logits.
    #[error("the teacher `{}` has no classifier or regressor; make one of it with `viewless train` first", directory.display())]
    TeacherWithoutLogits {
        /// Its directory.
        directory: PathBuf,
    },
    /// A teacher that answers another question than the data asks.
    #[error("the teacher has {teacher} outputs ({names}) and the data {data}; give data with the teacher's labels")]
    OutputCount {
        /// Outputs of the teacher.
        teacher: usize,
        /// Their names.
        names: String,
        /// Labels of the data.
        data: usize,
    },
    /// A teacher of numbers for data of classes, or the reverse.
    #[error("the teacher answers with {teacher} and the recipe's `task` asks for {data}; change the one or the other")]
    OtherTask {
        /// What the teacher gives.
        teacher: &'static str,
        /// What is asked for.
        data: &'static str,
    },
    /// Data with one class.
    #[error("all rows of `{}` are labelled `{label}`; a classifier needs two classes or more", file.display())]
    OneClass {
        /// The file.
        file: PathBuf,
        /// The class.
        label: String,
    },
    /// No stage has an epoch.
    #[error("the recipe has no epochs: give `epochs` of at least 1 in {tables}")]
    NoEpochs {
        /// The tables of the stages.
        tables: &'static str,
    },
    /// No pre-trained directory.
    #[error("the recipe names no model to begin with; give `directory` in [model], or --model")]
    NoModel,
    /// Pairs of texts for a model without token types.
    #[error("the data holds pairs of texts, and the model has {types} token types; a model for pairs needs 2")]
    NoPairs {
        /// Rows of the table of types.
        types: usize,
    },
    /// Some variables would never change.
    #[error(
        "{} of {of} variables receive no gradient, so the run does not start: {}; the loss that the recipe asks for does not depend on them; where none \
         of its weights is 0, this is a defect of viewless, please report it",
        names.len(), some_of(names)
    )]
    NoGradient {
        /// Their names.
        names: Vec<String>,
        /// All variables.
        of: usize,
    },
    /// A head that no stage changes, though it is drawn.
    #[error(
        "the student's head ({}) is drawn and receives no gradient: without epochs of [prediction] no stage learns it; give `epochs` of at least 1 there",
        some_of(names)
    )]
    UntaughtHead {
        /// Names of its variables.
        names: Vec<String>,
    },
    /// A variable that the pass needs and that is not there.
    #[error("there is no variable `{name}`; this is a defect of viewless, please report it")]
    NoVariable {
        /// Its name.
        name: String,
    },
    /// A loss that is no number.
    #[error(
        "the loss of {stage}, step {step}, is {loss}; the batch holds lines {lines} of `{}`; lower the learning rate, or look at these rows",
        file.display()
    )]
    Loss {
        /// The stage of the run.
        stage: &'static str,
        /// The step of the stage, from 1.
        step: usize,
        /// What the loss is.
        loss: f64,
        /// Lines of the batch's rows.
        lines: String,
        /// Where these rows stand.
        file: PathBuf,
    },
    /// A gradient that is no number, though the loss is.
    #[error(
        "the gradients of {stage}, step {step}, have no finite norm; lower the learning rate (2Quad's sum may be zero)"
    )]
    Gradient {
        /// The stage of the run.
        stage: &'static str,
        /// The step of the stage, from 1.
        step: usize,
    },
    /// Answers that are no numbers.
    #[error("the model's answers on `{}` are no numbers; lower the learning rate (2Quad's sum may be zero)", file.display())]
    Answers {
        /// The rows that it was asked about.
        file: PathBuf,
    },
    /// Sizes that no autoencoder has.
    #[error("the recipe's [model]: {0}")]
    Sizes(viewless_protocols::model::dcvae::DcVaeConfigError),
    /// Fewer images than a step takes.
    #[error("{} holds {images} images to learn from, and a step takes {batch}; give more, or a smaller `batch`", path.display())]
    FewImages {
        /// Images that there are.
        images: usize,
        /// Images of a step.
        batch: usize,
        /// Where they are.
        path: PathBuf,
    },
    /// A folder that holds something already.
    #[error("{} is not empty; give an empty or new folder with --out, or go on with the run that is there with --resume", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A finished run.
    #[error("{} holds a finished run; its metrics are in {}; give another folder to train again", path.display(), crate::log::METRICS_FILE)]
    Finished {
        /// The folder.
        path: PathBuf,
    },
    /// A folder to go on in that holds no run.
    #[error(
        "{} is not empty, and neither {} nor {} is there to go on with; give the folder of a run, or an empty or new one, with --out",
        path.display(), crate::directory::RECIPE_FILE, crate::checkpoint::CHECKPOINT_FILE
    )]
    NoRun {
        /// The folder.
        path: PathBuf,
    },
    /// Another beginning than that of the run that is there.
    #[error("the run in {} goes on only as it began, and {changed}; put that back, or train anew in another folder with --out", path.display())]
    OtherRun {
        /// The folder.
        path: PathBuf,
        /// What is not the same, in words.
        changed: String,
    },
    /// A checkpoint that cannot be used.
    #[error("{} is no checkpoint of this version of viewless: {reason}; remove it to begin anew", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file without which a checkpoint is of no use.
    #[error(
        "{} {reason}, and the run goes on from its checkpoint only with this file as it was; put it back, or remove {} beside it to begin anew",
        path.display(), crate::checkpoint::CHECKPOINT_FILE
    )]
    Beside {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The library of tensors: a defect.
    #[error("a tensor operation failed: {0}; this is a defect of viewless, please report it")]
    Tensor(#[from] candle_core::Error),
}

/// The first of many names.
fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 4;
    let more = names.len().saturating_sub(SHOWN);
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}
