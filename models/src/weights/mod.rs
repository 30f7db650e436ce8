//! The tensors of a model, under their Hugging Face names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, ArrayView1, ArrayView2, ArrayViewD, Ix1, Ix2};
use viewless_protocols::model::tensors::{Tensor, dense_layer};
use viewless_protocols::model::{TransformerConfig, tensors};

use crate::error::ModelError;
use crate::files::WEIGHTS_FILE;
use crate::steps::Steps;

mod pickle;
mod precision;
mod pytorch_file;
mod safetensors_file;
mod stored;

pub use precision::Precision;
pub(crate) use safetensors_file::{SafetensorsFile, write as write_safetensors};
pub(crate) use stored::{Stored, form};

/// What a linear layer of a sentence-transformers model is called in the file of its own.
pub(crate) const DENSE_LAYER: &str = "linear";

/// The tensors listed by [`tensors`], as finite f32 numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Where they came from, for error messages.
    source: PathBuf,
    tensors: BTreeMap<String, ArrayD<f32>>,
}

impl Weights {
    /// Reads a file, safetensors or PyTorch's, in F64, F32, F16 or BF16. Tensors that the configuration does not need are skipped.
    ///
    /// # Errors
    /// An absent, unreadable, corrupt or truncated file; a tensor that is absent, has another shape or dtype, or holds
    /// a number that is not finite.
    pub fn load(file: &Path, config: &TransformerConfig) -> Result<Self, ModelError> {
        Self::take(Stored::open(file, config.architecture)?, config)
    }

    /// Reads the weights of a directory: a file, or several with an index, and those of linear layers in folders of their own.
    ///
    /// # Errors
    /// Those of [`Weights::load`]; an index that disagrees with the files it names.
    pub fn of_directory(directory: &Path, config: &TransformerConfig) -> Result<Self, ModelError> {
        let mut stored = Stored::of_directory(directory, config.architecture)?;
        let mut steps: Vec<(String, Stored)> = Vec::new();
        if !config.dense().is_empty() {
            for (step, folder) in Steps::read(directory)?.dense.iter().enumerate() {
                steps.push((dense_layer(step), Stored::of_directory(&directory.join(folder), config.architecture)?));
            }
        }
        let source = stored.path().to_owned();
        Self::read(source, config, |name, shape| {
            let of_step = |(layer, _): &&mut (String, Stored)| name.starts_with(&format!("{layer}."));
            match steps.iter_mut().find(of_step) {
                Some((layer, stored)) => stored.read(&name.replacen(&**layer, DENSE_LAYER, 1), shape),
                None => stored.read(name, shape),
            }
        })
    }

    fn take(mut stored: Stored, config: &TransformerConfig) -> Result<Self, ModelError> {
        Self::read(stored.path().to_owned(), config, |name, shape| stored.read(name, shape))
    }

    fn read(
        source: PathBuf,
        config: &TransformerConfig,
        mut tensor: impl FnMut(&str, &[usize]) -> Result<ArrayD<f32>, ModelError>,
    ) -> Result<Self, ModelError> {
        let mut loaded = BTreeMap::new();
        for Tensor { name, shape, .. } in tensors(config) {
            let values = tensor(&name, &shape)?;
            loaded.insert(name, values);
        }
        Ok(Self { source, tensors: loaded })
    }

    /// Those of the body, in a file, and those of each linear layer of a sentence-transformers model, in a file of its own folder.
    pub(crate) fn save_steps(
        &self,
        directory: &Path,
        folders: &[String],
        precision: Precision,
    ) -> Result<(), ModelError> {
        let of = |layer: &str| format!("{layer}.");
        let layers: Vec<String> = (0..folders.len()).map(|step| of(&dense_layer(step))).collect();
        let body = self.iter().filter(|(name, _)| !layers.iter().any(|layer| name.starts_with(layer)));
        safetensors_file::write(&directory.join(WEIGHTS_FILE), body, precision)?;
        for (layer, folder) in layers.iter().zip(folders) {
            let own: Vec<(String, ArrayViewD<'_, f32>)> = self
                .iter()
                .filter_map(|(name, values)| Some((format!("{DENSE_LAYER}.{}", name.strip_prefix(layer)?), values)))
                .collect();
            let file = directory.join(folder).join(WEIGHTS_FILE);
            let own = own.iter().map(|(name, values)| (name.as_str(), values.view()));
            safetensors_file::write(&file, own, precision)?;
        }
        Ok(())
    }

    /// Takes tensors made elsewhere; `source` stands for a file in error messages. Superfluous tensors are dropped.
    ///
    /// # Errors
    /// Sizes that no model has; a tensor that is absent, has another shape, or holds a number that is not finite.
    pub fn from_tensors(
        source: &Path,
        config: &TransformerConfig,
        mut made: BTreeMap<String, ArrayD<f32>>,
    ) -> Result<Self, ModelError> {
        let required: BTreeSet<String> = tensors(config).into_iter().map(|tensor| tensor.name).collect();
        made.retain(|name, _| required.contains(name));
        let weights = Self { source: source.to_owned(), tensors: made };
        weights.check(config)?;
        for (name, values) in weights.iter() {
            check_finite(source, name, values)?;
        }
        Ok(weights)
    }

    /// Writes a safetensors file. Values are rounded to the precision; beyond its range they become infinite, which
    /// [`Weights::load`] refuses.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, file: &Path, precision: Precision) -> Result<(), ModelError> {
        safetensors_file::write(file, self.iter(), precision)
    }

    /// Writes a safetensors file as [`Weights::save`] does, with the names that the class of a model with a head has: `prefix` before all but
    /// the tensors of these heads.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_with_head(
        &self,
        file: &Path,
        precision: Precision,
        prefix: &str,
        heads: &[&str],
    ) -> Result<(), ModelError> {
        let is_head =
            |name: &str| heads.iter().any(|head| name.strip_prefix(head).is_some_and(|rest| rest.starts_with('.')));
        let named = self
            .iter()
            .map(|(name, values)| (if is_head(name) { name.to_owned() } else { format!("{prefix}{name}") }, values));
        let named: Vec<(String, ArrayViewD<'_, f32>)> = named.collect();
        let views = named.iter().map(|(name, values)| (name.as_str(), values.view()));
        safetensors_file::write(file, views, precision)
    }

    /// A tensor by its Hugging Face name in a bare model: without a prefix such as `bert.`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<ArrayViewD<'_, f32>> {
        self.tensors.get(name).map(ArrayD::view)
    }

    /// All tensors, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, ArrayViewD<'_, f32>)> {
        self.tensors.iter().map(|(name, values)| (name.as_str(), values.view()))
    }

    /// Number of parameters: elements of all tensors.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.tensors.values().map(ArrayD::len).sum()
    }

    /// Refuses a configuration other than the one these tensors were read for.
    pub(crate) fn check(&self, config: &TransformerConfig) -> Result<(), ModelError> {
        for Tensor { name, shape, .. } in tensors(config) {
            let found = self.tensor(&name, &shape)?.shape();
            if found != shape {
                return Err(self.wrong_shape(&name, shape, found));
            }
        }
        Ok(())
    }

    pub(crate) fn matrix(&self, name: &str) -> Result<ArrayView2<'_, f32>, ModelError> {
        let values = self.tensor(name, &[])?;
        values.view().into_dimensionality::<Ix2>().map_err(|_| self.wrong_shape(name, vec![0, 0], values.shape()))
    }

    /// A tensor of any rank as rows of so many columns.
    pub(crate) fn rows(&self, name: &str, columns: usize) -> Result<ArrayView2<'_, f32>, ModelError> {
        let values = self.tensor(name, &[])?;
        let rows = values.len() / columns.max(1);
        values
            .view()
            .into_shape_with_order((rows, columns))
            .map_err(|_| self.wrong_shape(name, vec![rows, columns], values.shape()))
    }

    pub(crate) fn vector(&self, name: &str) -> Result<ArrayView1<'_, f32>, ModelError> {
        let values = self.tensor(name, &[])?;
        values.view().into_dimensionality::<Ix1>().map_err(|_| self.wrong_shape(name, vec![0], values.shape()))
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<&ArrayD<f32>, ModelError> {
        self.tensors.get(name).ok_or_else(|| ModelError::MissingTensor {
            file: self.source.clone(),
            tensor: name.to_owned(),
            shape: shape.to_vec(),
        })
    }

    fn wrong_shape(&self, name: &str, expected: Vec<usize>, found: &[usize]) -> ModelError {
        ModelError::WrongShape { file: self.source.clone(), tensor: name.to_owned(), expected, found: found.to_vec() }
    }
}

pub(crate) fn check_finite(file: &Path, tensor: &str, values: ArrayViewD<'_, f32>) -> Result<(), ModelError> {
    // All at once where they lie together: nearly every tensor is finite.
    let are_finite = |values: &[f32]| values.iter().fold(true, |all, value| all & value.is_finite());
    if values.as_slice().is_some_and(are_finite) {
        return Ok(());
    }
    match values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some((index, &value)) => {
            Err(ModelError::NonFinite { file: file.to_owned(), tensor: tensor.to_owned(), index, value })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::safetensors_file::SafetensorsFile;
    use super::*;
    use crate::synthetic::{small_config, synthetic_weights};
    use ndarray::IxDyn;
    use std::fs;
    use tempfile::TempDir;

    const QUERY: &str = "encoder.layer.1.attention.self.query.weight";

    type Tensors = BTreeMap<String, ArrayD<f32>>;

    /// The tensors of the small model after `change`, in a file.
    fn written(change: impl FnOnce(&mut Tensors)) -> TempDir {
        let mut tensors = synthetic_weights(&small_config(), 1).unwrap().tensors;
        change(&mut tensors);
        let directory = tempfile::tempdir().unwrap();
        let views = tensors.iter().map(|(name, values)| (name.as_str(), values.view()));
        safetensors_file::write(&directory.path().join(WEIGHTS_FILE), views, Precision::F32).unwrap();
        directory
    }

    fn load(directory: &TempDir) -> Result<Weights, ModelError> {
        Weights::load(&directory.path().join(WEIGHTS_FILE), &small_config())
    }

    fn sentence_naming_file(error: &ModelError) -> String {
        let sentence = error.to_string();
        assert!(sentence.contains("model.safetensors"), "does not name the file: {sentence}");
        sentence
    }

    /// A safetensors file with the given header text and data.
    fn raw(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn all_four_precisions_hold_the_synthetic_weights_exactly() {
        let config = small_config();
        let weights = synthetic_weights(&config, 7).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(WEIGHTS_FILE);
        for precision in [Precision::F64, Precision::F32, Precision::F16, Precision::Bf16] {
            weights.save(&file, precision).unwrap();
            assert!(fs::metadata(&file).unwrap().len() as usize > precision.bytes() * weights.parameters());
            assert_eq!(Weights::load(&file, &config).unwrap().tensors, weights.tensors, "{precision:?}");
        }
    }

    #[test]
    fn halves_are_rounded_to_nearest_even_when_written() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(WEIGHTS_FILE);
        let third = ArrayD::from_elem(IxDyn(&[1]), 1.0_f32 / 3.0);
        for (precision, expected) in [(Precision::F16, 0.333_251_95), (Precision::Bf16, 0.333_984_38)] {
            safetensors_file::write(&file, [("t", third.view())].into_iter(), precision).unwrap();
            assert_eq!(SafetensorsFile::open(&file).unwrap().read("t").unwrap()[[0]], expected);
        }
    }

    #[test]
    fn prefixed_names_and_superfluous_tensors_change_nothing() {
        let plain = load(&written(|_| {})).unwrap();
        let prefixed = load(&written(|tensors| {
            *tensors = tensors.iter().map(|(name, values)| (format!("bert.{name}"), values.clone())).collect();
            tensors.insert("cls.predictions.bias".to_owned(), ArrayD::from_elem(IxDyn(&[3]), f32::NAN));
        }));
        assert_eq!(prefixed.unwrap().tensors, plain.tensors);
    }

    #[test]
    fn each_absent_tensor_is_missed_by_name() {
        for Tensor { name, .. } in tensors(&small_config()) {
            let error = load(&written(|tensors| drop(tensors.remove(&name)))).unwrap_err();
            assert!(matches!(error, ModelError::MissingTensor { .. }));
            assert!(sentence_naming_file(&error).contains(&name));
        }
    }

    #[test]
    fn a_wrong_shape_names_the_tensor_and_both_shapes() {
        let directory = written(|tensors| {
            tensors.insert(QUERY.to_owned(), ArrayD::zeros(IxDyn(&[32, 31])));
        });
        let error = load(&directory).unwrap_err();
        assert!(matches!(error, ModelError::WrongShape { .. }));
        let sentence = sentence_naming_file(&error);
        assert!(sentence.contains(QUERY) && sentence.contains("[32, 31]") && sentence.contains("[32, 32]"));
    }

    #[test]
    fn infinities_and_nans_name_the_tensor_and_the_index() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let directory = written(|tensors| tensors.get_mut(QUERY).unwrap()[[1, 2]] = value);
            let error = load(&directory).unwrap_err();
            assert!(matches!(error, ModelError::NonFinite { index: 34, .. }), "{error}");
            assert!(sentence_naming_file(&error).contains(QUERY));
        }
    }

    #[test]
    fn a_tensor_stored_with_and_without_prefix_is_refused() {
        let error = load(&written(|tensors| {
            tensors.insert(format!("bert.{QUERY}"), tensors[QUERY].clone());
        }))
        .unwrap_err();
        assert!(matches!(error, ModelError::DuplicateTensor { .. }));
        assert!(sentence_naming_file(&error).contains(QUERY));
    }

    #[test]
    fn other_dtypes_are_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(WEIGHTS_FILE);
        let name = "embeddings.word_embeddings.weight";
        for (dtype, element_bytes) in [("I64", 8), ("I8", 1), ("F8_E4M3", 1)] {
            let bytes = 120 * 32 * element_bytes;
            let header = format!(r#"{{"{name}":{{"dtype":"{dtype}","shape":[120,32],"data_offsets":[0,{bytes}]}}}}"#);
            fs::write(&file, raw(&header, &vec![0; bytes])).unwrap();
            let error = load(&directory).unwrap_err();
            assert!(matches!(error, ModelError::UnsupportedDtype { .. }), "{error}");
            let sentence = sentence_naming_file(&error);
            assert!(sentence.contains(name) && sentence.contains(dtype), "{sentence}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_called_corrupt_or_truncated() {
        let directory = written(|_| {});
        let file = directory.path().join(WEIGHTS_FILE);
        let whole = fs::read(&file).unwrap();
        for kept in [0, 1, 7, 8, 9, 100, 2000, whole.len() / 2, whole.len() - 1] {
            fs::write(&file, &whole[..kept]).unwrap();
            let error = load(&directory).unwrap_err();
            assert!(matches!(error, ModelError::CorruptWeights { .. }), "{kept} bytes: {error}");
            assert!(sentence_naming_file(&error).contains("truncated"));
        }
    }

    #[test]
    fn nonsense_headers_are_called_corrupt() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(WEIGHTS_FILE);
        let entry = |info: &str| raw(&format!(r#"{{"t":{info}}}"#), &[0; 8]);
        for bytes in [
            u64::MAX.to_le_bytes().to_vec(),
            vec![0xff; 64],
            raw("", &[]),
            raw("[]", &[]),
            raw("{\"t\":", &[]),
            raw("{}", &[0]),
            entry(r#"{"dtype":"F32","shape":[3],"data_offsets":[0,8]}"#),
            entry(r#"{"dtype":"F32","shape":[2],"data_offsets":[8,0]}"#),
            entry(r#"{"dtype":"F32","shape":[2],"data_offsets":[4,12]}"#),
            entry(r#"{"dtype":"F31","shape":[2],"data_offsets":[0,8]}"#),
            entry(r#"{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}"#),
        ] {
            fs::write(&file, bytes).unwrap();
            let error = load(&directory).unwrap_err();
            assert!(matches!(error, ModelError::CorruptWeights { .. }), "{error}");
            sentence_naming_file(&error);
        }
    }

    #[test]
    fn an_absent_file_is_named_and_a_directory_in_its_place_too() {
        let directory = tempfile::tempdir().unwrap();
        let error = load(&directory).unwrap_err();
        assert!(matches!(error, ModelError::MissingFile { .. }));
        sentence_naming_file(&error);
        fs::create_dir(directory.path().join(WEIGHTS_FILE)).unwrap();
        sentence_naming_file(&load(&directory).unwrap_err());
    }

    #[test]
    fn tensors_made_elsewhere_are_checked_like_a_file() {
        let config = small_config();
        let good = synthetic_weights(&config, 1).unwrap().tensors;
        let made = |tensors: Tensors| Weights::from_tensors(Path::new("made"), &config, tensors);
        assert!(made(good.clone()).is_ok());
        let mut tensors = good.clone();
        tensors.remove(QUERY);
        assert!(matches!(made(tensors).unwrap_err(), ModelError::MissingTensor { .. }));
        let mut tensors = good.clone();
        tensors.insert(QUERY.to_owned(), ArrayD::zeros(IxDyn(&[1])));
        assert!(matches!(made(tensors).unwrap_err(), ModelError::WrongShape { .. }));
        let mut tensors = good;
        tensors.get_mut(QUERY).unwrap()[[0, 0]] = f32::NAN;
        assert!(matches!(made(tensors).unwrap_err(), ModelError::NonFinite { .. }));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("absent").join(WEIGHTS_FILE);
        let error = synthetic_weights(&small_config(), 1).unwrap().save(&file, Precision::F32).unwrap_err();
        assert!(matches!(error, ModelError::Write { .. }));
        sentence_naming_file(&error);
    }
}
