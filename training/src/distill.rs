//! Distillation: a student with functions that are cheap in private learns to do what its teacher does (MPCFormer, section 3.2).
//!
//! Stage one compares embeddings, attention scores and hidden states of every layer; stage two the logits. The student begins with the teacher's
//! weights where shapes agree. If its hidden states are narrower or wider, a linear map to the teacher's width is learnt with it and thrown
//! away in the end; if it has fewer layers, each learns from the one that [`taught_by`](crate::loss::taught_by) names.
//!
//! **Source.** MPCFormer's repository, `src/main/task_distill.py`, which SecFormer's has, too. Stage two of a regression learns the labels of
//! the rows, as that code does.

use std::cell::OnceCell;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use viewless_models::Decision;
use viewless_protocols::model::tensors::Role;

use crate::bert::Bert;
use crate::directory::prepare;
use crate::error::TrainError;
use crate::loss::{layers, soft_cross_entropy};
use crate::prepare::{Texts, configuration, initialise, vocabulary};
use crate::recipe::{Keep, Recipe, Task};
use crate::rows::Rows;
use crate::run::{Observer, Run, Stage};
use crate::score::logits;
use crate::source::Source;
use crate::train::{Description, Made, TrainReport, judge, supervised};

/// What the names of the map between two widths begin with.
pub(crate) const PROJECTION: &str = "projection.";
const PROJECTION_WEIGHT: &str = "projection.weight";

/// Distils a teacher in a folder. Gives nothing if the observer ended the run before its end.
///
/// # Errors
/// A teacher, rows or a recipe that cannot be used; a loss that is no number; a folder that cannot be written.
pub fn distill(
    teacher: &Path,
    recipe: &Recipe,
    out: &Path,
    resume: bool,
    observe: &mut Observer<'_>,
) -> Result<Option<TrainReport>, TrainError> {
    if recipe.layers.epochs + recipe.prediction.epochs == 0 {
        return Err(TrainError::NoEpochs { tables: "[layers] or [prediction]" });
    }
    let mut source = Source::read(teacher, true)?;
    let texts = rows_for(&source, recipe)?;
    let tokenizer = vocabulary(&mut source, &texts, recipe)?;
    let config = configuration(&source, &recipe.model, texts.labels.clone())?;
    let teaching = Bert::new(&source.config, source.variables.frozen())?;
    Bert::new(&config, Default::default())?;
    let (mut variables, drawn) = initialise(&config, &source, recipe)?;
    let untaught: Vec<String> = drawn.iter().filter(|name| is_of_head(name)).cloned().collect();
    if recipe.prediction.epochs == 0 && !untaught.is_empty() {
        return Err(TrainError::UntaughtHead { names: untaught });
    }
    let _alone = prepare(out, resume, "distill", &recipe.to_toml())?;
    let description = Description { source: &source, config: &config, recipe, tokenizer: tokenizer.as_ref() };
    let (encoded, identity) = description.write("distill", out, &texts)?;
    let (own, taught) = (config.hidden_size, source.config.hidden_size);
    if recipe.layers.epochs > 0 && own != taught {
        variables.draw(PROJECTION_WEIGHT, &[taught, own], Role::Linear { inputs: own }, recipe.seed)?;
    }
    let student = Bert::new(&config, variables.tracked())?;
    let lesson = Lesson { teacher: &teaching, student: &student, rows: &encoded.train, answers: OnceCell::new() };
    let projection = variables.tracked().remove(PROJECTION_WEIGHT);
    let stages = [
        Stage {
            name: "layers",
            recipe: &recipe.layers,
            variables: variables.only(|name| !is_of_head(name)),
            loss: Box::new(|batch| lesson.layers(batch, projection.as_ref())),
            judge: None,
            keeps_best: false,
        },
        Stage {
            name: "prediction",
            recipe: &recipe.prediction,
            variables: variables.only(|name| !name.starts_with(PROJECTION)),
            loss: Box::new(|batch| match recipe.data.task {
                Task::Classification => lesson.prediction(batch),
                Task::Regression => supervised(&student, &encoded.train, batch, Task::Regression),
            }),
            judge: judge(&config, &variables, &encoded)?,
            keeps_best: recipe.keep == Keep::Best,
        },
    ];
    let run = Run {
        folder: out,
        rows: &encoded.train,
        seed: recipe.seed,
        checkpoint_steps: recipe.checkpoint_steps,
        variables: &mut variables,
        identity,
    };
    let progress = run.go(&stages, observe)?;
    let made = Made { recipe, out, config: &config, source: teacher, encoded: &encoded, drawn: drawn.len() };
    made.finish(&variables, &stages, progress)
}

/// Whether it is of what stage two alone changes.
fn is_of_head(name: &str) -> bool {
    name.starts_with("pooler.") || name.starts_with("classifier.")
}

/// The rows with the teacher's labels, of a teacher that answers what they ask.
fn rows_for(source: &Source, recipe: &Recipe) -> Result<Texts, TrainError> {
    let labels =
        source.labels().ok_or_else(|| TrainError::TeacherWithoutLogits { directory: source.directory.clone() })?;
    let teacher = match source.decision {
        Decision::OneLabel => "one label",
        Decision::ManyLabels => "several labels at once",
        Decision::Regression => "a number",
    };
    let fits = match recipe.data.task {
        Task::Classification => source.decision == Decision::OneLabel && labels.len() > 1,
        Task::Regression => source.decision == Decision::Regression && labels.len() == 1,
    };
    if !fits {
        let data = if recipe.data.task == Task::Classification { "one label" } else { "a number" };
        return Err(TrainError::OtherTask { teacher, data });
    }
    let found = Texts::read(recipe, None)?;
    match recipe.data.task {
        Task::Regression => Ok(found),
        Task::Classification if found.labels.len() != labels.len() => {
            Err(TrainError::OutputCount { teacher: labels.len(), names: labels.join(", "), data: found.labels.len() })
        }
        Task::Classification => Texts::read(recipe, Some(labels)),
    }
}

/// What a student learns from.
struct Lesson<'a> {
    teacher: &'a Bert,
    student: &'a Bert,
    rows: &'a Rows,
    /// The teacher's logits of all rows, from when they are first asked for.
    answers: OnceCell<Vec<Vec<f32>>>,
}

impl Lesson<'_> {
    fn layers(&self, batch: &[usize], projection: Option<&Tensor>) -> Result<Tensor, TrainError> {
        let texts = self.rows.texts(batch, DType::F32)?;
        let (student, teacher) = (self.student.forward(&texts)?, self.teacher.forward(&texts)?);
        layers(&student, &teacher, &texts, &|x| match projection {
            None => Ok(x.clone()),
            Some(weight) => {
                let (rows, tokens, own) = x.dims3()?;
                Ok(x.reshape((rows * tokens, own))?.matmul(&weight.t()?)?.reshape((rows, tokens, ()))?)
            }
        })
    }

    fn prediction(&self, batch: &[usize]) -> Result<Tensor, TrainError> {
        let texts = self.rows.texts(batch, DType::F32)?;
        let found = self.student.forward(&texts)?.logits;
        let found = found.ok_or_else(|| TrainError::NoVariable { name: "classifier.weight".to_owned() })?;
        // It does not change, so it is asked once.
        let answers = match self.answers.get() {
            Some(answers) => answers,
            None => {
                let answers = logits(self.teacher, self.rows)?;
                self.answers.get_or_init(|| answers)
            }
        };
        let wanted: Vec<f32> = batch.iter().flat_map(|&row| answers[row].iter().copied()).collect();
        soft_cross_entropy(&found, &Tensor::from_vec(wanted, found.dims(), &Device::Cpu)?)
    }
}
