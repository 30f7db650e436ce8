//! The files of a model directory: what they are called, and how they are opened.
//!
//! A directory is somebody else's data. Nothing but a regular file is opened (a pipe would wait for ever, a device never end), a
//! file that is read whole has a limit on its size, and a pointer of Git LFS, which stands where a large file should be, is
//! called by its name.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::error::ModelError;

/// Name of the configuration in a model directory.
pub const CONFIG_FILE: &str = "config.json";
/// Name of the weights in a model directory.
pub const WEIGHTS_FILE: &str = "model.safetensors";
/// Name of the tokenizer in a model directory.
pub const TOKENIZER_FILE: &str = "tokenizer.json";
/// Name of the file that says how pictures are prepared.
pub const PREPROCESSOR_FILE: &str = "preprocessor_config.json";
/// Says which file holds which tensor, where the weights lie in several.
pub(crate) const WEIGHTS_INDEX_FILE: &str = "model.safetensors.index.json";
/// The weights as PyTorch saves them.
pub(crate) const PYTORCH_FILE: &str = "pytorch_model.bin";
/// The index of several such files.
pub(crate) const PYTORCH_INDEX_FILE: &str = "pytorch_model.bin.index.json";
/// Overrides some of what the tokenizer's file says.
pub(crate) const TOKENIZER_CONFIG_FILE: &str = "tokenizer_config.json";
/// Names the special tokens, in older directories.
pub(crate) const SPECIAL_TOKENS_FILE: &str = "special_tokens_map.json";
/// Tokens added after training, in older directories.
pub(crate) const ADDED_TOKENS_FILE: &str = "added_tokens.json";
/// The words of a WordPiece, one a line.
pub(crate) const WORDS_FILE: &str = "vocab.txt";
/// The vocabulary of a byte-level BPE: an object from tokens to identifiers.
pub(crate) const VOCABULARY_FILE: &str = "vocab.json";
/// The merges of a byte-level BPE: one pair a line, most frequent first.
pub(crate) const MERGES_FILE: &str = "merges.txt";
/// Lists the steps of a sentence-transformers model.
pub(crate) const MODULES_FILE: &str = "modules.json";
/// Prompts of a sentence-transformers model.
pub(crate) const SENTENCE_TRANSFORMERS_FILE: &str = "config_sentence_transformers.json";
/// How a sentence-transformers model prepares its texts.
pub(crate) const SENTENCE_BERT_FILE: &str = "sentence_bert_config.json";

/// The same under names that older versions gave it. The first that is there and not empty is read, as the library does.
pub(crate) const OLDER_SENTENCE_FILES: [&str; 6] = [
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];
/// May say how pictures are prepared, in the place of [`PREPROCESSOR_FILE`].
pub(crate) const PROCESSOR_FILE: &str = "processor_config.json";

/// Settings for generating texts: looked at, and not used.
pub(crate) const GENERATION_FILE: &str = "generation_config.json";
/// Names an adapter, with which the model would be another: looked for, and refused.
pub(crate) const ADAPTER_FILE: &str = "adapter_config.json";

/// Every file beside the weights by which an answer is decided, and the settings and linear layers of steps in folders of their own: what must come with
/// the weights when a model is brought from elsewhere.
pub(crate) const DECIDING_FILES: [&str; 19] = [
    CONFIG_FILE,
    GENERATION_FILE,
    ADAPTER_FILE,
    TOKENIZER_FILE,
    TOKENIZER_CONFIG_FILE,
    SPECIAL_TOKENS_FILE,
    ADDED_TOKENS_FILE,
    WORDS_FILE,
    VOCABULARY_FILE,
    MERGES_FILE,
    PREPROCESSOR_FILE,
    MODULES_FILE,
    SENTENCE_TRANSFORMERS_FILE,
    SENTENCE_BERT_FILE,
    "sentence_*_config.json",
    PROCESSOR_FILE,
    "*/config.json",
    "*_Dense/model.safetensors",
    "*_Dense/pytorch_model.bin",
];
/// The weights, in one file or in parts, each with its index.
pub(crate) const SAFETENSORS_FILES: [&str; 3] = [WEIGHTS_FILE, WEIGHTS_INDEX_FILE, "model-*-of-*.safetensors"];
/// The same in PyTorch's form.
pub(crate) const PYTORCH_FILES: [&str; 3] = [PYTORCH_FILE, PYTORCH_INDEX_FILE, "pytorch_model-*-of-*.bin"];

/// Largest configuration that is read: published ones are below 100 kB, those with names of 21,000 labels below 2 MB.
pub(crate) const MOST_CONFIGURATION_BYTES: u64 = 1 << 24;
/// Largest vocabulary that is read: the largest published ones, with 250,000 words, have about 35 MB.
pub(crate) const MOST_VOCABULARY_BYTES: u64 = 1 << 28;
/// Largest picture that is read.
pub(crate) const MOST_PICTURE_BYTES: u64 = 1 << 28;

/// How a pointer of Git LFS begins.
const GIT_LFS: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Opens a file for reading, with its length in bytes.
pub(crate) fn open(file: &Path, advice: &'static str) -> Result<(File, u64), ModelError> {
    let failed = |source| read_error(file, advice, source);
    let regular = |kind: fs::FileType| match kind.is_file() {
        true => Ok(()),
        false => Err(ModelError::NotAFile { file: file.to_owned(), kind: kind_of(kind) }),
    };
    // Before it is opened, because opening a pipe waits; and afterwards, because it may be another file by then.
    regular(fs::metadata(file).map_err(failed)?.file_type())?;
    let opened = File::open(file).map_err(failed)?;
    let metadata = opened.metadata().map_err(failed)?;
    regular(metadata.file_type())?;
    Ok((opened, metadata.len()))
}

/// Reads a file of at most so many bytes.
pub(crate) fn read(file: &Path, most_bytes: u64, advice: &'static str) -> Result<Vec<u8>, ModelError> {
    let (opened, bytes) = open(file, advice)?;
    let too_large = |bytes| ModelError::TooLarge { file: file.to_owned(), bytes, most_bytes };
    if bytes > most_bytes {
        return Err(too_large(bytes));
    }
    let mut contents = Vec::new();
    // It may grow while it is read.
    opened.take(most_bytes + 1).read_to_end(&mut contents).map_err(|source| read_error(file, advice, source))?;
    if contents.len() as u64 > most_bytes {
        return Err(too_large(contents.len() as u64));
    }
    refuse_pointer(file, &contents)?;
    Ok(contents)
}

/// Refuses what begins like a pointer of Git LFS.
pub(crate) fn refuse_pointer(file: &Path, first: &[u8]) -> Result<(), ModelError> {
    match first.starts_with(GIT_LFS) {
        true => Err(ModelError::GitLfsPointer { file: file.to_owned() }),
        false => Ok(()),
    }
}

/// Tells an absent file, for which `advice` helps, from one that cannot be read.
pub(crate) fn read_error(file: &Path, advice: &'static str, source: std::io::Error) -> ModelError {
    match source.kind() {
        ErrorKind::NotFound => ModelError::MissingFile { file: file.to_owned(), advice },
        _ => ModelError::Read { file: file.to_owned(), source },
    }
}

/// Whether a directory has a file of that name; a link that leads nowhere counts, so that its name stands in the error.
pub(crate) fn has(directory: &Path, name: &str) -> bool {
    fs::symlink_metadata(directory.join(name)).is_ok()
}

/// A path inside a directory that a file of it names. Nothing outside is ever read because of what a file says.
pub(crate) fn inside(directory: &Path, named: &str) -> Option<PathBuf> {
    use std::path::Component;
    let path = Path::new(named);
    let stays = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    stays.then(|| directory.join(path))
}

fn kind_of(kind: fs::FileType) -> &'static str {
    if kind.is_dir() { "a directory" } else { "a pipe, a device or a socket" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_regular_file_is_refused_without_waiting() {
        let directory = tempfile::tempdir().unwrap();
        let refused = |file: &Path| read(file, 10, "").unwrap_err();
        assert!(matches!(refused(directory.path()), ModelError::NotAFile { kind: "a directory", .. }));
        let pipe = directory.path().join("config.json");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        if made.is_ok_and(|status| status.success()) {
            let error = refused(&pipe);
            assert!(
                matches!(error, ModelError::NotAFile { .. }) && error.to_string().contains("config.json"),
                "{error}"
            );
        }
        if Path::new("/dev/zero").exists() {
            assert!(matches!(refused(Path::new("/dev/zero")), ModelError::NotAFile { .. }));
        }
    }

    #[test]
    fn a_file_of_one_byte_too_many_is_refused_and_one_byte_less_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.json");
        fs::write(&file, [7; 10]).unwrap();
        assert_eq!(read(&file, 10, "").unwrap(), [7; 10]);
        let error = read(&file, 9, "").unwrap_err();
        assert!(matches!(error, ModelError::TooLarge { bytes: 10, most_bytes: 9, .. }), "{error}");
    }

    #[test]
    fn a_pointer_of_git_lfs_is_called_that() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("model.safetensors");
        fs::write(&file, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n").unwrap();
        let error = read(&file, 1000, "").unwrap_err().to_string();
        assert!(error.contains("Git LFS") && error.contains("model.safetensors"), "{error}");
    }

    #[test]
    fn no_named_path_leads_out_of_the_directory() {
        let directory = Path::new("/models/one");
        assert_eq!(inside(directory, "1_Pooling"), Some(PathBuf::from("/models/one/1_Pooling")));
        assert_eq!(inside(directory, ""), Some(PathBuf::from("/models/one/")));
        for out in ["..", "../two", "/etc", "a/../../b"] {
            assert_eq!(inside(directory, out), None, "{out}");
        }
    }
}
