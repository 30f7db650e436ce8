//! The weights of a directory, whichever of the four published forms they have.
//!
//! In Hugging Face's order: `model.safetensors`, several safetensors files with an index, `pytorch_model.bin`, several such files with
//! an index. The first that is there is read, and the others are not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use viewless_protocols::model::Architecture;

use super::check_finite;
use super::pytorch_file::PytorchFile;
use super::safetensors_file::SafetensorsFile;
use crate::error::ModelError;
use crate::fields::Fields;
use crate::files::{self, PYTORCH_FILE, PYTORCH_INDEX_FILE, WEIGHTS_FILE, WEIGHTS_INDEX_FILE};

/// The forms, first choice first.
pub(crate) const WEIGHT_FORMS: [&str; 4] = [WEIGHTS_FILE, WEIGHTS_INDEX_FILE, PYTORCH_FILE, PYTORCH_INDEX_FILE];

/// Open weights with checked headers, addressed by the names that tensors have in a bare model.
#[derive(Debug)]
pub(crate) struct Stored {
    /// The file, or the index of several.
    path: PathBuf,
    files: Vec<StoredFile>,
    /// By name in a bare model: which file, and the name there.
    tensors: BTreeMap<String, (usize, String)>,
}

#[derive(Debug)]
enum StoredFile {
    Safetensors(SafetensorsFile),
    Pytorch(PytorchFile),
}

/// The form in which a directory holds its weights.
pub(crate) fn form(directory: &Path) -> Option<&'static str> {
    WEIGHT_FORMS.into_iter().find(|name| files::has(directory, name))
}

impl Stored {
    /// Opens the weights of a directory.
    pub(crate) fn of_directory(directory: &Path, architecture: Architecture) -> Result<Self, ModelError> {
        let name = form(directory).unwrap_or(WEIGHTS_FILE);
        let path = directory.join(name);
        if name == WEIGHTS_FILE || name == PYTORCH_FILE {
            return Self::open(&path, architecture);
        }
        let map = weight_map(&path)?;
        let names: BTreeSet<&String> = map.values().collect();
        let mut opened = Vec::new();
        for name in names {
            let outside = || ModelError::OutsideDirectory { file: path.clone(), named: name.clone() };
            opened.push((name.clone(), StoredFile::open(&files::inside(directory, name).ok_or_else(outside)?)?));
        }
        for (name, file) in &opened {
            if let Some(tensor) = file.names().into_iter().find(|tensor| map.get(tensor) != Some(name)) {
                let (file, tensor, shard) = (path.clone(), tensor, name.clone());
                return Err(ModelError::IndexDisagrees { file, tensor, shard });
            }
        }
        let stored = Self::new(path.clone(), opened.into_iter().map(|(_, file)| file).collect(), architecture)?;
        match map.keys().find(|tensor| !stored.tensors.values().any(|(_, name)| name == *tensor)) {
            Some(tensor) => {
                Err(ModelError::IndexDisagrees { file: path, tensor: tensor.clone(), shard: map[tensor].clone() })
            }
            None => Ok(stored),
        }
    }

    /// Opens a single file.
    pub(crate) fn open(path: &Path, architecture: Architecture) -> Result<Self, ModelError> {
        Self::new(path.to_owned(), vec![StoredFile::open(path)?], architecture)
    }

    fn new(path: PathBuf, files: Vec<StoredFile>, architecture: Architecture) -> Result<Self, ModelError> {
        let prefix = architecture.layout().prefix;
        let mut tensors = BTreeMap::new();
        for (position, file) in files.iter().enumerate() {
            for raw in file.names() {
                let name = normalised(&raw, prefix);
                if tensors.insert(name.clone(), (position, raw)).is_some() {
                    return Err(ModelError::DuplicateTensor { file: path, tensor: name, prefix });
                }
            }
        }
        Ok(Self { path, files, tensors })
    }

    /// The file, or the index of several.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Names of all tensors, as they are in a bare model.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub(crate) fn contains(&self, tensor: &str) -> bool {
        self.tensors.contains_key(tensor)
    }

    /// The shape of a tensor.
    pub(crate) fn shape(&self, tensor: &str) -> Option<Vec<usize>> {
        let (file, name) = self.tensors.get(tensor)?;
        match &self.files[*file] {
            StoredFile::Safetensors(file) => file.shape(name),
            StoredFile::Pytorch(file) => file.shape(name),
        }
    }

    /// Reads one tensor, which must have the given shape and hold only finite numbers.
    pub(crate) fn read(&mut self, tensor: &str, shape: &[usize]) -> Result<ArrayD<f32>, ModelError> {
        let file = self.path.clone();
        let Some(found) = self.shape(tensor) else {
            return Err(ModelError::MissingTensor { file, tensor: tensor.to_owned(), shape: shape.to_vec() });
        };
        if found != shape {
            let (tensor, expected) = (tensor.to_owned(), shape.to_vec());
            return Err(ModelError::WrongShape { file, tensor, expected, found });
        }
        let (position, name) = &self.tensors[tensor];
        let values = match &mut self.files[*position] {
            StoredFile::Safetensors(file) => file.read(name)?,
            StoredFile::Pytorch(file) => file.read(name)?,
        };
        check_finite(&file, tensor, values.view())?;
        Ok(values)
    }
}

impl StoredFile {
    fn open(path: &Path) -> Result<Self, ModelError> {
        match path.extension().is_some_and(|ending| ending == "bin") {
            true => PytorchFile::open(path).map(Self::Pytorch),
            false => SafetensorsFile::open(path).map(Self::Safetensors),
        }
    }

    fn names(&self) -> Vec<String> {
        match self {
            Self::Safetensors(file) => file.names().map(str::to_owned).collect(),
            Self::Pytorch(file) => file.names().map(str::to_owned).collect(),
        }
    }
}

/// Which file holds which tensor.
fn weight_map(index: &Path) -> Result<BTreeMap<String, String>, ModelError> {
    let fields = Fields::read(index.to_owned(), "")?;
    let bad = |value: &serde_json::Value| fields.invalid("weight_map", value, "an object from tensors to files");
    let null = serde_json::Value::Null;
    let value = fields.values.get("weight_map").unwrap_or(&null);
    let entries = value.as_object().ok_or_else(|| bad(value))?;
    let named = entries.iter().map(|(tensor, file)| Some((tensor.clone(), file.as_str()?.to_owned())));
    named.collect::<Option<_>>().ok_or_else(|| bad(value))
}

/// What version 5 of transformers calls parts of a ViT's layers in memory, and so in files that PyTorch wrote of it, and what they are called
/// everywhere else.
const VIT_IN_MEMORY: [(&str, &str); 6] = [
    (".attention.q_proj.", ".attention.attention.query."),
    (".attention.k_proj.", ".attention.attention.key."),
    (".attention.v_proj.", ".attention.attention.value."),
    (".attention.o_proj.", ".attention.output.dense."),
    (".mlp.fc1.", ".intermediate.dense."),
    (".mlp.fc2.", ".output.dense."),
];

/// The name under which the tensor of a bare model is stored today: models with a head store the body under a prefix such as
/// `bert.`, and checkpoints converted from TensorFlow call the parameters of LayerNorm `gamma` and `beta`.
fn normalised(name: &str, prefix: &str) -> String {
    let name = name.strip_prefix(prefix).unwrap_or(name);
    if let (Some(rest), "vit.") = (name.strip_prefix("layers."), prefix) {
        let part = VIT_IN_MEMORY.iter().find(|(found, _)| rest.contains(found));
        return format!(
            "encoder.layer.{}",
            part.map_or(rest.to_owned(), |(found, name)| rest.replacen(found, name, 1))
        );
    }
    if let Some(norm) = name.strip_suffix("LayerNorm.gamma") {
        format!("{norm}LayerNorm.weight")
    } else if let Some(norm) = name.strip_suffix("LayerNorm.beta") {
        format!("{norm}LayerNorm.bias")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_headed_and_converted_models_become_those_of_a_bare_one() {
        for (stored, name) in [
            ("embeddings.LayerNorm.weight", "embeddings.LayerNorm.weight"),
            ("bert.embeddings.LayerNorm.gamma", "embeddings.LayerNorm.weight"),
            ("bert.encoder.layer.0.output.LayerNorm.beta", "encoder.layer.0.output.LayerNorm.bias"),
            ("bert.pooler.dense.weight", "pooler.dense.weight"),
            ("classifier.weight", "classifier.weight"),
        ] {
            assert_eq!(normalised(stored, "bert."), name);
        }
        for (stored, name) in [
            ("vit.layers.1.attention.q_proj.bias", "encoder.layer.1.attention.attention.query.bias"),
            ("layers.0.mlp.fc2.weight", "encoder.layer.0.output.dense.weight"),
            ("layers.0.layernorm_after.weight", "encoder.layer.0.layernorm_after.weight"),
            ("layernorm.weight", "layernorm.weight"),
        ] {
            assert_eq!(normalised(stored, "vit."), name);
        }
    }
}
