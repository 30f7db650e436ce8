//! A safetensors file: its header is parsed and checked by the `safetensors` crate, its tensors are read one at a time.
//!
//! The file is never held in memory as a whole: reading needs the f32 values plus one buffer of [`BUFFER_BYTES`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use ndarray::{ArrayD, ArrayViewD, IxDyn};
use safetensors::tensor::{Dtype, Metadata, TensorInfo, View};
use viewless_protocols::model::Architecture;

use crate::config::read_error;
use crate::error::ModelError;

/// Bytes converted at a time; a multiple of every element size.
const BUFFER_BYTES: usize = 1 << 20;

/// The header starts with its own length as a little-endian u64.
const LENGTH_BYTES: u64 = 8;

/// Longest header accepted, as in the `safetensors` crate.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// How the elements of a weights file are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary16.
    F16,
    /// The upper half of a binary32.
    Bf16,
}

impl Precision {
    fn of(dtype: Dtype) -> Option<Self> {
        match dtype {
            Dtype::F32 => Some(Self::F32),
            Dtype::F16 => Some(Self::F16),
            Dtype::BF16 => Some(Self::Bf16),
            _ => None, // `Dtype` is non-exhaustive: everything else is refused by name.
        }
    }

    fn dtype(self) -> Dtype {
        match self {
            Self::F32 => Dtype::F32,
            Self::F16 => Dtype::F16,
            Self::Bf16 => Dtype::BF16,
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    fn decode(self, bytes: &[u8], values: &mut Vec<f32>) {
        match self {
            Self::F32 => values.extend(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))),
            Self::F16 => values.extend(bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())),
            Self::Bf16 => values.extend(bytes.chunks_exact(2).map(|b| bf16::from_le_bytes([b[0], b[1]]).to_f32())),
        }
    }

    fn encode(self, values: ArrayViewD<'_, f32>) -> Vec<u8> {
        match self {
            Self::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::F16 => values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
            Self::Bf16 => values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect(),
        }
    }
}

/// An open file with a checked header, addressed by normalised tensor names.
#[derive(Debug)]
pub(crate) struct SafetensorsFile {
    path: PathBuf,
    file: File,
    data_start: u64,
    tensors: BTreeMap<String, TensorInfo>,
}

impl SafetensorsFile {
    /// Reads the header and checks that the file is as long as the header says.
    pub(crate) fn open(path: &Path, architecture: Architecture) -> Result<Self, ModelError> {
        const ADVICE: &str = "publish or convert the model as a single safetensors file";
        let corrupt = |reason: String| ModelError::CorruptWeights { file: path.to_owned(), reason };

        let mut file = File::open(path).map_err(|source| read_error(path, ADVICE, source))?;
        let file_bytes = file.metadata().map_err(|source| read_error(path, ADVICE, source))?.len();
        let mut length = [0; LENGTH_BYTES as usize];
        file.read_exact(&mut length).map_err(|source| failed_read(path, source))?;
        let header_bytes = u64::from_le_bytes(length);
        let data_bytes = file_bytes.checked_sub(LENGTH_BYTES).and_then(|bytes| bytes.checked_sub(header_bytes));
        let Some(data_bytes) = data_bytes.filter(|_| header_bytes <= MAX_HEADER_BYTES) else {
            return Err(corrupt(format!("its header claims {header_bytes} bytes in a file of {file_bytes} bytes")));
        };
        let mut header = vec![0; usize::try_from(header_bytes).map_err(|error| corrupt(error.to_string()))?];
        file.read_exact(&mut header).map_err(|source| failed_read(path, source))?;
        let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| corrupt(error.to_string()))?;

        if metadata.data_len() as u64 != data_bytes {
            let claimed = metadata.data_len();
            return Err(corrupt(format!("its header describes {claimed} bytes of tensors, but {data_bytes} follow")));
        }
        let prefix = architecture.layout().prefix;
        let mut tensors = BTreeMap::new();
        for (name, info) in metadata.tensors() {
            let name = normalised(&name, prefix);
            if tensors.insert(name.clone(), info.clone()).is_some() {
                return Err(ModelError::DuplicateTensor { file: path.to_owned(), tensor: name, prefix });
            }
        }
        Ok(Self { path: path.to_owned(), file, data_start: LENGTH_BYTES + header_bytes, tensors })
    }

    pub(crate) fn contains(&self, tensor: &str) -> bool {
        self.tensors.contains_key(tensor)
    }

    /// Reads one tensor, which must have the given shape and hold only finite numbers.
    pub(crate) fn read(&mut self, tensor: &str, shape: &[usize]) -> Result<ArrayD<f32>, ModelError> {
        let (file, tensor) = (self.path.clone(), tensor.to_owned());
        let Some(info) = self.tensors.get(&tensor) else {
            return Err(ModelError::MissingTensor { file, tensor, shape: shape.to_vec() });
        };
        if info.shape != shape {
            return Err(ModelError::WrongShape { file, tensor, expected: shape.to_vec(), found: info.shape.clone() });
        }
        let Some(precision) = Precision::of(info.dtype) else {
            return Err(ModelError::UnsupportedDtype { file, tensor, dtype: format!("{:?}", info.dtype) });
        };
        let (start, end) = info.data_offsets;
        let values = read_values(&mut self.file, self.data_start + start as u64, end - start, precision)
            .map_err(|source| failed_read(&self.path, source))?;
        check_finite(&file, &tensor, values.iter())?;
        ArrayD::from_shape_vec(IxDyn(shape), values)
            .map_err(|error| ModelError::CorruptWeights { file, reason: format!("tensor `{tensor}`: {error}") })
    }
}

fn read_values(file: &mut File, start: u64, bytes: usize, precision: Precision) -> std::io::Result<Vec<f32>> {
    file.seek(SeekFrom::Start(start))?;
    let mut values = Vec::with_capacity(bytes / precision.bytes());
    let mut buffer = vec![0; bytes.min(BUFFER_BYTES)];
    let mut remaining = bytes;
    while remaining > 0 {
        let part = &mut buffer[..remaining.min(BUFFER_BYTES)];
        file.read_exact(part)?;
        precision.decode(part, &mut values);
        remaining -= part.len();
    }
    Ok(values)
}

/// A file that ends too early is corrupt; any other failure is the operating system's.
fn failed_read(file: &Path, source: std::io::Error) -> ModelError {
    match source.kind() {
        ErrorKind::UnexpectedEof => {
            ModelError::CorruptWeights { file: file.to_owned(), reason: "it ends too early".to_owned() }
        }
        _ => ModelError::Read { file: file.to_owned(), source },
    }
}

pub(crate) fn check_finite<'a>(
    file: &Path,
    tensor: &str,
    values: impl Iterator<Item = &'a f32>,
) -> Result<(), ModelError> {
    match values.enumerate().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some((index, &value)) => {
            Err(ModelError::NonFinite { file: file.to_owned(), tensor: tensor.to_owned(), index, value })
        }
    }
}

/// The name under which the tensor of a bare model is stored today: models with a head store the body under a prefix such as
/// `bert.`, and checkpoints converted from TensorFlow call the parameters of LayerNorm `gamma` and `beta`.
fn normalised(name: &str, prefix: &str) -> String {
    let name = name.strip_prefix(prefix).unwrap_or(name);
    if let Some(norm) = name.strip_suffix("LayerNorm.gamma") {
        format!("{norm}LayerNorm.weight")
    } else if let Some(norm) = name.strip_suffix("LayerNorm.beta") {
        format!("{norm}LayerNorm.bias")
    } else {
        name.to_owned()
    }
}

/// Writes tensors, encoding one at a time.
pub(crate) fn write<'a>(
    path: &Path,
    tensors: impl Iterator<Item = (&'a str, ArrayViewD<'a, f32>)>,
    precision: Precision,
) -> Result<(), ModelError> {
    let views = tensors.map(|(name, values)| (name, Encoded { values, precision }));
    // Hugging Face's loader asks for this entry.
    let metadata = [("format".to_owned(), "pt".to_owned())].into_iter().collect();
    safetensors::serialize_to_file(views, Some(metadata), path)
        .map_err(|source| ModelError::Write { file: path.to_owned(), source: source.into() })
}

struct Encoded<'a> {
    values: ArrayViewD<'a, f32>,
    precision: Precision,
}

impl View for Encoded<'_> {
    fn dtype(&self) -> Dtype {
        self.precision.dtype()
    }

    fn shape(&self) -> &[usize] {
        self.values.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.precision.encode(self.values.view()))
    }

    fn data_len(&self) -> usize {
        self.values.len() * self.precision.bytes()
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
    }

    #[test]
    fn tensors_longer_than_the_buffer_are_read_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.safetensors");
        let length = BUFFER_BYTES / 2 + 3;
        let values = ArrayD::from_shape_fn(IxDyn(&[length]), |index| (index[0] % 2048) as f32);
        for precision in [Precision::F32, Precision::F16] {
            write(&path, [("t", values.view())].into_iter(), precision).unwrap();
            assert_eq!(SafetensorsFile::open(&path, Architecture::Bert).unwrap().read("t", &[length]).unwrap(), values);
        }
    }
}
