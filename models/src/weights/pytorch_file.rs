//! A file of `torch.save`: a zip archive of one pickle, which says what the tensors are, and of their numbers.
//!
//! The pickle is read as data ([`super::pickle`]); nothing in it is executed. The numbers lie uncompressed in files of their own,
//! `data/0`, `data/1`, …, and a tensor is a view of one of them, perhaps transposed. Files that PyTorch wrote before version
//! 1.6 are no archives, and are refused.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, IxDyn};
use zip::{CompressionMethod, ZipArchive};

use super::Precision;
use super::pickle::{SavedTensor, saved_tensors};
use crate::error::ModelError;
use crate::files;

/// The longest pickle that is read: one of a thousand tensors has about 100 kB.
const MOST_PICKLE_BYTES: u64 = 1 << 26;

/// What a file of PyTorch before 1.6 begins with: the pickled number 0x1950a86a20f9469cfc6c.
const BEFORE_1_6: &[u8] = &[0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9];

/// An open archive, its tensors by their names in the file.
#[derive(Debug)]
pub(crate) struct PytorchFile {
    path: PathBuf,
    archive: ZipArchive<File>,
    /// The folder that holds everything.
    root: String,
    tensors: BTreeMap<String, SavedTensor>,
}

impl PytorchFile {
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        const ADVICE: &str = "download it again";
        let corrupt = |reason: String| ModelError::CorruptWeights { file: path.to_owned(), reason };
        let (mut file, _) = files::open(path, ADVICE)?;
        let mut first = Vec::new();
        let failed = |source| files::read_error(path, ADVICE, source);
        (&mut file).take(64).read_to_end(&mut first).map_err(failed)?;
        files::refuse_pointer(path, &first)?;
        if first.starts_with(BEFORE_1_6) {
            return Err(ModelError::OldPytorch { file: path.to_owned() });
        }
        let mut archive = ZipArchive::new(file).map_err(|error| corrupt(error.to_string()))?;
        let pickle = archive.file_names().find(|name| name.ends_with("/data.pkl")).map(str::to_owned);
        let pickle = pickle.ok_or_else(|| corrupt("it holds no `data.pkl`".to_owned()))?;
        let root = pickle.trim_end_matches("data.pkl").to_owned();
        if let Ok(order) = entry(&mut archive, &format!("{root}byteorder"), 16)
            && order != b"little"
        {
            return Err(corrupt("its numbers are not little-endian".to_owned()));
        }
        let pickle = entry(&mut archive, &pickle, MOST_PICKLE_BYTES).map_err(&corrupt)?;
        let mut tensors = BTreeMap::new();
        for (name, tensor) in saved_tensors(&pickle).map_err(|reason| corrupt(format!("its pickle: {reason}")))? {
            let tensor = tensor.ok_or_else(|| corrupt(format!("`{name}` is no tensor")))?;
            if tensors.insert(name.clone(), tensor).is_some() {
                return Err(corrupt(format!("`{name}` stands twice")));
            }
        }
        Ok(Self { path: path.to_owned(), archive, root, tensors })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub(crate) fn shape(&self, name: &str) -> Option<Vec<usize>> {
        let sizes = self.tensors.get(name)?.shape.iter();
        sizes.map(|&size| usize::try_from(size).ok()).collect()
    }

    /// Reads one tensor.
    pub(crate) fn read(&mut self, name: &str) -> Result<ArrayD<f32>, ModelError> {
        let corrupt = |reason| ModelError::CorruptWeights { file: self.path.clone(), reason };
        let tensor = self.tensors.get(name).ok_or_else(|| corrupt(format!("no tensor `{name}`")))?;
        let Some(precision) = precision(&tensor.storage.kind) else {
            let (file, dtype) = (self.path.clone(), tensor.storage.kind.clone());
            return Err(ModelError::UnsupportedDtype { file, tensor: name.to_owned(), dtype });
        };
        let bytes = tensor.storage.elements.checked_mul(precision.bytes() as u64);
        let bytes = bytes.ok_or_else(|| corrupt(format!("tensor `{name}` has more bytes than can be counted")))?;
        let data = entry(&mut self.archive, &format!("{}data/{}", self.root, tensor.storage.key), bytes);
        let data = data.map_err(&corrupt)?;
        if data.len() as u64 != bytes {
            return Err(corrupt(format!("the storage of `{name}` has {} bytes and not {bytes}", data.len())));
        }
        let mut stored = Vec::new();
        precision.decode(&data, &mut stored);
        gather(tensor, &stored).ok_or_else(|| corrupt(format!("tensor `{name}` does not fit its storage")))
    }
}

/// The elements of a view of a storage, in row-major order.
fn gather(tensor: &SavedTensor, stored: &[f32]) -> Option<ArrayD<f32>> {
    let size = |size: &u64| usize::try_from(*size).ok();
    let shape = tensor.shape.iter().map(size).collect::<Option<Vec<_>>>()?;
    let strides = tensor.strides.iter().map(size).collect::<Option<Vec<_>>>()?;
    let offset = size(&tensor.offset)?;
    // The pickle's reader has checked that the view ends within the storage, and so may hold no more elements than it by
    // repeating some with a stride of zero.
    if tensor.elements()? > stored.len() as u64 || tensor.end()? > stored.len() as u64 {
        return None;
    }
    let at = |index: IxDyn| offset + (0..strides.len()).map(|axis| index[axis] * strides[axis]).sum::<usize>();
    Some(ArrayD::from_shape_fn(IxDyn(&shape), |index| stored[at(index)]))
}

/// A whole file of the archive, which must not be compressed, so that it cannot be longer than the archive.
fn entry(archive: &mut ZipArchive<File>, name: &str, most_bytes: u64) -> Result<Vec<u8>, String> {
    let file = archive.by_name(name).map_err(|error| format!("`{name}`: {error}"))?;
    if file.compression() != CompressionMethod::Stored {
        return Err(format!("`{name}` is compressed, which `torch.save` does not do"));
    }
    if file.size() > most_bytes {
        return Err(format!("`{name}` has {} bytes where at most {most_bytes} belong", file.size()));
    }
    let mut contents = Vec::new();
    file.take(most_bytes).read_to_end(&mut contents).map_err(|error| format!("`{name}`: {error}"))?;
    Ok(contents)
}

fn precision(kind: &str) -> Option<Precision> {
    match kind {
        "Float" => Some(Precision::F32),
        "Double" => Some(Precision::F64),
        "Half" => Some(Precision::F16),
        "BFloat16" => Some(Precision::Bf16),
        // Whole numbers and truth values are no weights; newer formats are refused by name.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::pickle::Storage;

    #[test]
    fn a_transposed_view_is_read_by_its_strides() {
        let storage = Storage { kind: "Float".to_owned(), key: "0".to_owned(), elements: 6 };
        let tensor = SavedTensor { storage, offset: 0, shape: vec![2, 3], strides: vec![1, 2] };
        let values = gather(&tensor, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!(values.iter().copied().collect::<Vec<_>>(), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
        assert_eq!(gather(&tensor, &[0.0; 5]), None);
    }

    #[test]
    fn what_is_no_archive_is_corrupt_and_what_is_too_old_is_called_that() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pytorch_model.bin");
        for bytes in [&b""[..], b"PK\x03\x04", b"no archive"] {
            std::fs::write(&path, bytes).unwrap();
            assert!(matches!(PytorchFile::open(&path).unwrap_err(), ModelError::CorruptWeights { .. }));
        }
        std::fs::write(&path, [BEFORE_1_6, &[0; 100]].concat()).unwrap();
        let error = PytorchFile::open(&path).unwrap_err().to_string();
        assert!(error.contains("pytorch_model.bin") && error.contains("1.6"), "{error}");
    }
}
