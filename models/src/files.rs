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
    // A configuration is what is read first of a model's directory.
    let is_of_model = file.file_name().is_some_and(|name| name == CONFIG_FILE);
    if let Some(error) = file.parent().filter(|_| is_of_model).and_then(in_place_of_directory) {
        return error;
    }
    if let Some(to) = dangling(file) {
        return ModelError::DanglingLink { link: file.to_owned(), to };
    }
    match source.kind() {
        ErrorKind::NotFound => ModelError::MissingFile { file: file.to_owned(), advice },
        _ => ModelError::Read { file: file.to_owned(), source },
    }
}

/// Refuses a folder without a configuration that can be opened.
///
/// # Errors
/// It is not there, or is no file; or a file stands in the place of the folder.
pub fn require_config(directory: &Path) -> Result<(), ModelError> {
    open(&directory.join(CONFIG_FILE), "give the directory of a model").map(drop)
}

/// What a file is that is no text, by how it begins.
pub(crate) fn no_text(first: &[u8]) -> Option<&'static str> {
    let begins = |marks: &[&[u8]]| marks.iter().any(|mark| first.starts_with(mark));
    if begins(&[b"\x89PNG", b"\xff\xd8\xff", b"GIF8"]) || begins(&[b"RIFF"]) && first.get(8..12) == Some(b"WEBP") {
        return Some("a picture");
    }
    begins(&[b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ"]).then_some("a packed archive")
}

/// Where a link leads to, if nothing is there.
#[must_use]
pub fn dangling(path: &Path) -> Option<PathBuf> {
    let leads_nowhere = path.is_symlink() && fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    leads_nowhere.then(|| fs::read_link(path).ok()).flatten()
}

/// What is wrong with a path where the directory of a model is wanted, if a file is there, or a link that leads nowhere.
#[must_use]
pub fn in_place_of_directory(path: &Path) -> Option<ModelError> {
    if let Some(to) = dangling(path) {
        return Some(ModelError::DanglingLink { link: path.to_owned(), to });
    }
    if !path.is_file() {
        return None;
    }
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_any = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let what = if name == CONFIG_FILE {
        "the configuration of one"
    } else if is_any(&[".safetensors", ".bin", ".pt", ".pth", ".gguf", ".onnx", ".h5"]) {
        "a file of weights"
    } else if [TOKENIZER_FILE, TOKENIZER_CONFIG_FILE, WORDS_FILE, VOCABULARY_FILE].contains(&name) {
        "the tokenizer of one"
    } else {
        "a file"
    };
    let folder = path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let folder = folder.filter(|folder| folder.join(CONFIG_FILE).is_file()).map(Path::to_owned);
    Some(ModelError::NotADirectory { path: path.to_owned(), what, folder })
}

/// An error without the path that `tempfile` adds to it: that of a file which nobody has named, and which is gone when the error is read.
#[must_use]
pub fn without_temporary(error: std::io::Error) -> std::io::Error {
    // The path stands there as Rust writes texts, so that no other quotation mark in it has a space before it.
    match error.to_string().rsplit_once(" at path \"") {
        Some((cause, _)) if error.get_ref().is_some() => std::io::Error::new(error.kind(), cause),
        Some(_) | None => error,
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

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_is_called_that_and_a_file_is_not_taken_for_a_directory() {
        use std::os::unix::fs::symlink;
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        symlink("/nonexistent/there", at("link")).unwrap();
        let said = |path: &Path| read(path, 10, "advice").unwrap_err().to_string();
        let link = said(&at("link"));
        assert!(link.contains("link` is a link to `/nonexistent/there`, where nothing is"), "{link}");
        assert_eq!(said(&at("link").join(CONFIG_FILE)), link);
        assert!(said(&at("absent")).ends_with("does not exist; advice"));
        fs::write(at("words.txt"), "").unwrap();
        let file = said(&at("words.txt").join(CONFIG_FILE));
        assert!(
            file.contains("words.txt` is a file, and a model is a folder; give the folder that has config.json"),
            "{file}"
        );
        fs::write(at(CONFIG_FILE), "").unwrap();
        let file = said(&at(CONFIG_FILE).join(CONFIG_FILE));
        assert!(file.contains("is the configuration of one, and a model is a folder; give `"), "{file}");
        symlink("words.txt", at("good")).unwrap();
        assert_eq!((dangling(&at("good")), dangling(&at("absent"))), (None, None));
    }

    #[test]
    fn the_path_of_a_temporary_file_is_left_out_and_what_the_system_said_is_not() {
        let said = |folder: &Path| without_temporary(tempfile::tempfile_in(folder).unwrap_err()).to_string();
        let named = |folder: &Path| tempfile::Builder::new().tempfile_in(folder).unwrap_err();
        for folder in [Path::new("/nonexistent/ at path \"x"), Path::new("/nonexistent")] {
            let (with, without) = (named(folder).to_string(), without_temporary(named(folder)).to_string());
            assert!(with.contains(" at path ") && !without.contains("at path"), "{without}");
            assert!(!said(folder).contains(" at path ") && without.contains("os error"), "{without}");
        }
        let other = || std::io::Error::other("it lies at path a");
        assert_eq!(without_temporary(other()).to_string(), other().to_string());
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
