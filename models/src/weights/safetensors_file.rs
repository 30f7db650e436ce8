//! A safetensors file: its header is parsed and checked by the `safetensors` crate, its tensors are read one at a time.
//!
//! The file is never held in memory as a whole: reading needs the f32 values plus one buffer of [`BUFFER_BYTES`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, ArrayViewD, IxDyn};
use safetensors::tensor::{Dtype, Metadata, TensorInfo, View};

use super::Precision;
use crate::error::ModelError;
use crate::fields::parse_json;
use crate::files;

/// Bytes converted at a time; a multiple of every element size.
const BUFFER_BYTES: usize = 1 << 20;

/// The header starts with its own length as a little-endian u64.
const LENGTH_BYTES: u64 = 8;

/// Longest header accepted, as in the `safetensors` crate.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// An open file with a checked header, its tensors by their names in the file.
#[derive(Debug)]
pub(crate) struct SafetensorsFile {
    path: PathBuf,
    file: File,
    data_start: u64,
    tensors: BTreeMap<String, TensorInfo>,
}

impl SafetensorsFile {
    /// Reads the header and checks that the file is as long as the header says.
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        const ADVICE: &str = "publish the model with its weights as safetensors files, or as `pytorch_model.bin`";
        let corrupt = |reason: String| ModelError::CorruptWeights { file: path.to_owned(), reason };

        let (mut file, file_bytes) = files::open(path, ADVICE)?;
        let mut length = [0; LENGTH_BYTES as usize];
        file.read_exact(&mut length).map_err(|source| failed_read(path, source))?;
        let header_bytes = u64::from_le_bytes(length);
        let data_bytes = file_bytes.checked_sub(LENGTH_BYTES).and_then(|bytes| bytes.checked_sub(header_bytes));
        let Some(data_bytes) = data_bytes.filter(|_| header_bytes <= MAX_HEADER_BYTES) else {
            let mut first = length.to_vec();
            file.take(64).read_to_end(&mut first).map_err(|source| failed_read(path, source))?;
            files::refuse_pointer(path, &first)?;
            return Err(corrupt(format!("its header claims {header_bytes} bytes in a file of {file_bytes} bytes")));
        };
        let mut header = vec![0; usize::try_from(header_bytes).map_err(|error| corrupt(error.to_string()))?];
        file.read_exact(&mut header).map_err(|source| failed_read(path, source))?;
        let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| corrupt(error.to_string()))?;
        // The library keeps one of two entries of the same name.
        parse_json(path, &header)?;

        if metadata.data_len() as u64 != data_bytes {
            let claimed = metadata.data_len();
            return Err(corrupt(format!("its header describes {claimed} bytes of tensors, but {data_bytes} follow")));
        }
        let tensors = metadata.tensors().into_iter().map(|(name, info)| (name, info.clone())).collect();
        Ok(Self { path: path.to_owned(), file, data_start: LENGTH_BYTES + header_bytes, tensors })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub(crate) fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.tensors.get(name).map(|info| info.shape.clone())
    }

    /// Reads one tensor.
    pub(crate) fn read(&mut self, name: &str) -> Result<ArrayD<f32>, ModelError> {
        let (file, tensor) = (self.path.clone(), name.to_owned());
        let Some(info) = self.tensors.get(name) else {
            return Err(ModelError::CorruptWeights { file, reason: format!("no tensor `{name}`") });
        };
        let Some(precision) = Precision::of(info.dtype) else {
            return Err(ModelError::UnsupportedDtype { file, tensor, dtype: format!("{:?}", info.dtype) });
        };
        let (start, end) = info.data_offsets;
        let values = read_values(&mut self.file, self.data_start + start as u64, end - start, precision)
            .map_err(|source| failed_read(&self.path, source))?;
        ArrayD::from_shape_vec(IxDyn(&info.shape), values)
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
    fn tensors_longer_than_the_buffer_are_read_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.safetensors");
        let length = BUFFER_BYTES / 2 + 3;
        let values = ArrayD::from_shape_fn(IxDyn(&[length]), |index| (index[0] % 2048) as f32);
        for precision in [Precision::F32, Precision::F16] {
            write(&path, [("t", values.view())].into_iter(), precision).unwrap();
            assert_eq!(SafetensorsFile::open(&path).unwrap().read("t").unwrap(), values);
        }
    }
}
