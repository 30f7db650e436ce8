//! A run that can be killed at any moment: everything that its rest depends on, in one file that is replaced whole.
//!
//! The file is a safetensors file. It holds the variables (`variable.NAME`), the averages of the optimiser (`first.NAME`, `second.NAME`), and,
//! under `state` of its metadata, the rest as JSON: step, stage, how much of the metrics is valid. Order and draws of the rows are functions
//! of the seed and the step, so that there is no other random state.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use bytemuck::{cast_slice, pod_collect_to_vec};
use safetensors::tensor::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::files;
use crate::optimiser::{AdamW, Moments};
use crate::origin::{Part, changed};
use crate::variables::Variables;

/// The file's name in the folder of a run.
pub const CHECKPOINT_FILE: &str = "checkpoint.safetensors";
/// Of the form of the file.
const VERSION: u32 = 1;

/// What the variables of a run were, and are to be, trained by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Digest of the recipe and the command.
    pub recipe: String,
    /// Digest of the rows.
    pub rows: String,
    /// Digest of the weights that the run began with, and of the teacher's.
    pub weights: String,
    /// The same part by part, for a message; empty in older checkpoints.
    #[serde(default)]
    pub parts: Vec<Part>,
}

const MADE_OTHERWISE: &str = "its checkpoint was made by another command (`train`, `train dc-vae` or `distill`), or by a recipe that was changed since";

/// The digest of a recipe and the command that it is given to.
pub(crate) fn recipe_digest(command: &str, recipe: &str) -> String {
    blake3::hash(format!("{command}\n{recipe}").as_bytes()).to_hex().to_string()
}

impl Identity {
    /// What is not the same of a run that goes on, in words.
    fn changed(&self, now: &Self) -> Option<String> {
        if self.recipe != now.recipe {
            return Some(MADE_OTHERWISE.to_owned());
        }
        let known = (!self.parts.is_empty()).then(|| changed(&self.parts, &now.parts)).flatten();
        known.or_else(|| {
            let others = [
                ("its rows or images are not those that it began with", &self.rows, &now.rows),
                ("the weights of its model or teacher are not those that it began with", &self.weights, &now.weights),
            ];
            others.iter().find(|(_, theirs, ours)| theirs != ours).map(|(what, ..)| (*what).to_owned())
        })
    }
}

/// The best epoch so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Its metric.
    pub value: f64,
    /// The epoch, from 1.
    pub epoch: usize,
}

/// Where a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    version: u32,
    /// Which run it is.
    pub identity: Identity,
    /// The stage, from 0.
    pub stage: usize,
    /// Steps of the stage that were made.
    pub step: usize,
    /// Steps of the optimiser.
    pub optimiser_step: u64,
    /// Sum of the losses of this epoch.
    pub epoch_loss: f64,
    /// The last loss of all.
    pub last_loss: f64,
    /// Bytes of the metrics that belong to these steps.
    pub metrics_bytes: u64,
    /// The best epoch of the stage.
    pub best: Option<Best>,
}

impl State {
    /// Before the first step.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self {
            version: VERSION,
            identity,
            stage: 0,
            step: 0,
            optimiser_step: 0,
            epoch_loss: 0.0,
            last_loss: 0.0,
            metrics_bytes: 0,
            best: None,
        }
    }
}

/// Numbers as a file has them.
struct Numbers<'a> {
    shape: Vec<usize>,
    values: Cow<'a, [f32]>,
}

impl View for Numbers<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        // The numbers of a file have their lowest byte first.
        match cfg!(target_endian = "little") {
            true => Cow::Borrowed(cast_slice(&self.values)),
            false => Cow::Owned(self.values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        }
    }

    fn data_len(&self) -> usize {
        4 * self.values.len()
    }
}

/// Writes variables alone, or all of a checkpoint.
///
/// # Errors
/// The file cannot be written; the one that was there stays.
pub fn save(path: &Path, variables: &Variables, rest: Option<(&AdamW, &State)>) -> Result<(), TrainError> {
    let mut tensors = Vec::new();
    for (name, var) in variables.iter() {
        let values = Cow::Owned(variables.values(name)?);
        tensors.push((format!("variable.{name}"), Numbers { shape: var.dims().to_vec(), values }));
    }
    let mut metadata = HashMap::new();
    if let Some((optimiser, state)) = rest {
        for (name, Moments { first, second }) in &optimiser.moments {
            for (kind, values) in [("first", first), ("second", second)] {
                let values = Cow::Borrowed(&values[..]);
                tensors.push((format!("{kind}.{name}"), Numbers { shape: vec![values.len()], values }));
            }
        }
        let state = State { optimiser_step: optimiser.step, ..state.clone() };
        metadata.insert("state".to_owned(), serde_json::to_string(&state).expect("a state has finite numbers"));
    }
    files::write_by(path, |file| {
        safetensors::serialize_to_file(tensors, Some(metadata), file).map_err(|error| match error {
            safetensors::SafeTensorError::IoError(source) => TrainError::Write { path: path.to_owned(), source },
            other => TrainError::Checkpoint { path: path.to_owned(), reason: other.to_string() },
        })
    })
}

/// What a checkpoint says of its run; nothing where there is no checkpoint.
///
/// # Errors
/// A file that is no checkpoint, or one of another run.
pub fn load(path: &Path, variables: &mut Variables, identity: &Identity) -> Result<Option<(AdamW, State)>, TrainError> {
    let Some(bytes) = read(path)? else { return Ok(None) };
    let state = state_of(path, &bytes)?;
    if let Some(changed) = state.identity.changed(identity) {
        return Err(other_run(path, changed));
    }
    let found = tensors(path, &bytes)?;
    let moments = moments(path, &found)?;
    restore(path, variables, &found)?;
    Ok(Some((AdamW { step: state.optimiser_step, moments }, state)))
}

/// Refuses the checkpoint of another run.
///
/// # Errors
/// It is of another; or it is no checkpoint.
pub(crate) fn refuse_changed(path: &Path, identity: &Identity) -> Result<(), TrainError> {
    let Some(bytes) = read(path)? else { return Ok(()) };
    state_of(path, &bytes)?.identity.changed(identity).map_or(Ok(()), |changed| Err(other_run(path, changed)))
}

/// Refuses a checkpoint that was made by another recipe or command than that of this digest.
///
/// # Errors
/// It was; or it is no checkpoint, or is gone.
pub(crate) fn refuse_other(path: &Path, recipe: &str) -> Result<(), TrainError> {
    let gone = || TrainError::Checkpoint { path: path.to_owned(), reason: "it is gone".to_owned() };
    let state = state_of(path, &read(path)?.ok_or_else(gone)?)?;
    if state.identity.recipe == recipe { Ok(()) } else { Err(other_run(path, MADE_OTHERWISE.to_owned())) }
}

fn other_run(path: &Path, changed: String) -> TrainError {
    TrainError::OtherRun { path: path.parent().unwrap_or(Path::new("")).to_owned(), changed }
}

fn state_of(path: &Path, bytes: &[u8]) -> Result<State, TrainError> {
    let bad = |reason: String| TrainError::Checkpoint { path: path.to_owned(), reason };
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| bad(error.to_string()))?;
    let state = metadata.metadata().as_ref().and_then(|metadata| metadata.get("state"));
    let state = state.ok_or_else(|| bad("it has no state".to_owned()))?;
    let state: State = serde_json::from_str(state).map_err(|error| bad(error.to_string()))?;
    if state.version == VERSION { Ok(state) } else { Err(bad(format!("it has form {}", state.version))) }
}

/// Puts the variables of the best epoch in the place of those that there are, or only looks whether it could.
///
/// # Errors
/// A file that does not hold them.
pub(crate) fn load_best(path: &Path, variables: &mut Variables, put: bool) -> Result<(), TrainError> {
    let bytes = read(path)?;
    let bytes = bytes.ok_or_else(|| TrainError::Beside { path: path.to_owned(), reason: "is not there".to_owned() })?;
    let found = tensors(path, &bytes)
        .and_then(|found| if put { restore(path, variables, &found) } else { fits(path, variables, &found) });
    found.map_err(|error| match error {
        TrainError::Checkpoint { path, reason } => {
            TrainError::Beside { path, reason: format!("does not hold the variables of the best epoch ({reason})") }
        }
        other => other,
    })
}

type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

fn read(path: &Path) -> Result<Option<Vec<u8>>, TrainError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TrainError::Read { path: path.to_owned(), source }),
    }
}

fn tensors(path: &Path, bytes: &[u8]) -> Result<Tensors, TrainError> {
    let bad = |reason: String| TrainError::Checkpoint { path: path.to_owned(), reason };
    let found = SafeTensors::deserialize(bytes).map_err(|error| bad(error.to_string()))?;
    let mut tensors = Tensors::new();
    for (name, view) in found.iter() {
        if view.dtype() != Dtype::F32 {
            return Err(bad(format!("`{name}` has numbers of another type")));
        }
        let words: Vec<[u8; 4]> = pod_collect_to_vec(view.data());
        let values = words.into_iter().map(f32::from_le_bytes).collect();
        tensors.insert(name.to_owned(), (view.shape().to_vec(), values));
    }
    Ok(tensors)
}

fn moments(path: &Path, found: &Tensors) -> Result<BTreeMap<String, Moments>, TrainError> {
    let mut moments = BTreeMap::new();
    for (name, (_, first)) in found.iter().filter_map(|(name, of)| Some((name.strip_prefix("first.")?, of))) {
        let second = found.get(&format!("second.{name}")).map(|(_, second)| second);
        let second = second.filter(|second| second.len() == first.len()).cloned();
        let missing =
            || TrainError::Checkpoint { path: path.to_owned(), reason: format!("`second.{name}` is missing") };
        moments.insert(name.to_owned(), Moments { first: first.clone(), second: second.ok_or_else(missing)? });
    }
    Ok(moments)
}

/// In the place where the numbers are, so that passes which share them see the new ones.
fn restore(path: &Path, variables: &mut Variables, found: &Tensors) -> Result<(), TrainError> {
    fits(path, variables, found)?;
    for (name, var) in variables.iter() {
        let (shape, values) = &found[&format!("variable.{name}")];
        var.set(&candle_core::Tensor::from_slice(values, shape.as_slice(), var.device())?)?;
    }
    Ok(())
}

/// Refuses a file without some variable.
fn fits(path: &Path, variables: &Variables, found: &Tensors) -> Result<(), TrainError> {
    let is_there =
        |name: &str, shape: &[usize]| found.get(&format!("variable.{name}")).is_some_and(|(own, _)| own == shape);
    match variables.iter().find(|(name, var)| !is_there(name, var.dims())) {
        None => Ok(()),
        Some((name, _)) => Err(TrainError::Checkpoint {
            path: path.to_owned(),
            reason: format!("the variable `{name}` is missing or has another shape"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::DType;

    fn identity() -> Identity {
        Identity { recipe: "a".to_owned(), rows: "b".to_owned(), weights: "c".to_owned(), parts: Vec::new() }
    }

    fn variables(value: f32) -> Variables {
        let mut variables = Variables::new(DType::F32);
        variables.insert("x.weight", &[2, 3], vec![value, 1e-38, -0.0, f32::MIN_POSITIVE, 3.0, 1.0 / 3.0]).unwrap();
        variables
    }

    fn moments() -> AdamW {
        let moments = Moments { first: vec![0.1; 6], second: vec![0.2; 6] };
        AdamW { step: 5, moments: [("x.weight".to_owned(), moments)].into() }
    }

    #[test]
    fn a_checkpoint_gives_back_every_bit_and_is_the_same_file_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CHECKPOINT_FILE);
        let state = State { step: 7, epoch_loss: 0.1 + 0.2, optimiser_step: 5, ..State::new(identity()) };
        save(&path, &variables(2.5), Some((&moments(), &state))).unwrap();
        let first = fs::read(&path).unwrap();
        let mut back = variables(0.0);
        let (optimiser, found) = load(&path, &mut back, &identity()).unwrap().unwrap();
        let bits = |variables: &Variables| {
            variables.values("x.weight").unwrap().into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        assert_eq!((bits(&back), &optimiser, &found), (bits(&variables(2.5)), &moments(), &state));
        save(&path, &back, Some((&optimiser, &found))).unwrap();
        assert_eq!(fs::read(&path).unwrap(), first);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn another_runs_checkpoint_and_what_is_none_are_refused_and_an_absent_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CHECKPOINT_FILE);
        let load = |identity: &Identity| load(&path, &mut variables(0.0), identity);
        assert!(load(&identity()).unwrap().is_none());
        save(&path, &variables(1.0), Some((&moments(), &State::new(identity())))).unwrap();
        let other = Identity { rows: "other".to_owned(), ..identity() };
        let refused = load(&other).unwrap_err().to_string();
        assert!(refused.contains("its rows or images are not those"), "{refused}");
        assert!(refused.contains(&format!("the run in {} goes on", folder.path().display())), "{refused}");
        let whole = fs::read(&path).unwrap();
        for length in [0, 4, 20, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            let error = load(&identity()).unwrap_err();
            assert!(matches!(error, TrainError::Checkpoint { .. }), "{length}: {error}");
        }
        save(&path, &Variables::new(DType::F32), Some((&moments(), &State::new(identity())))).unwrap();
        assert!(load(&identity()).unwrap_err().to_string().contains("`x.weight` is missing"));
    }

    #[test]
    fn a_checkpoint_of_before_parts_were_kept_is_told_by_its_digests_alone() {
        let old: Identity = serde_json::from_str("{\"recipe\":\"a\",\"rows\":\"b\",\"weights\":\"c\"}").unwrap();
        let part =
            |digest: &str| Part { what: "rows".to_owned(), place: "x".to_owned(), count: 1, digest: digest.to_owned() };
        let now = Identity { parts: vec![part("d")], ..identity() };
        assert_eq!((old.parts.len(), old.changed(&now)), (0, None));
        let other = |now: Identity| old.changed(&now).unwrap();
        assert!(other(Identity { recipe: "x".to_owned(), ..now.clone() }).contains("another command"));
        assert!(other(Identity { rows: "x".to_owned(), ..now.clone() }).contains("rows or images"));
        assert!(other(Identity { weights: "x".to_owned(), ..now.clone() }).contains("model or teacher"));
        assert_eq!(now.changed(&now), None);
        assert!(now.changed(&Identity { parts: vec![part("e")], ..now.clone() }).unwrap().contains("`x`"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn where_nothing_can_be_written_the_folder_is_named() {
        let error = save(Path::new("/proc/checkpoint"), &variables(1.0), None).unwrap_err();
        assert!(matches!(error, TrainError::Write { .. }) && error.to_string().contains("/proc/checkpoint"), "{error}");
    }
}
