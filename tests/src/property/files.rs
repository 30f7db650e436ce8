//! Model directories: good ones of which one file is any bytes, or has edits.

use super::Source;
use super::source::file;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use viewless_models::synthetic::{small, write_synthetic};
use viewless_models::{
    CONFIG_FILE, ModelError, PREPROCESSOR_FILE, Precision, TOKENIZER_FILE, Tokenizer, WEIGHTS_FILE, Weights, inventory,
    read_config, read_image,
};
use viewless_protocols::model::{Architecture, Input, TransformerConfig};

thread_local! {
    /// A folder of this thread's, whose files are written over.
    static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a folder can be made");
}

/// Puts a file of this name into a folder of its own, beside others.
pub(super) fn with_files<T>(files: &[(&str, &[u8])], look: impl FnOnce(&Path) -> T) -> Result<T, String> {
    FOLDER.with(|folder| {
        for (name, contents) in files {
            fs::write(folder.path().join(name), contents).map_err(|error| error.to_string())?;
        }
        let seen = look(folder.path());
        for (name, _) in files {
            fs::remove_file(folder.path().join(name)).map_err(|error| error.to_string())?;
        }
        Ok(seen)
    })
}

/// The same with one file.
pub(super) fn with_file(
    contents: &[u8],
    name: &str,
    look: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<(), String> {
    with_files(&[(name, contents)], |folder| look(&folder.join(name)))?
}

/// The files of a small model.
struct Files {
    config: TransformerConfig,
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Files {
    fn new(architecture: Architecture) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let config = small(architecture);
        write_synthetic(folder.path(), &config, 1, Precision::Bf16).expect("a small model can be written");
        let read = |name| Some((name, fs::read(folder.path().join(name)).ok()?));
        let files = [CONFIG_FILE, TOKENIZER_FILE, PREPROCESSOR_FILE, WEIGHTS_FILE].into_iter().filter_map(read);
        Self { config, files: files.collect() }
    }

    fn file(&self, name: &str) -> &[u8] {
        self.files.iter().find(|(other, _)| *other == name).map_or(&[], |(_, contents)| contents)
    }
}

static BERT: LazyLock<Files> = LazyLock::new(|| Files::new(Architecture::Bert));
static GPT2: LazyLock<Files> = LazyLock::new(|| Files::new(Architecture::Gpt2));
static VIT: LazyLock<Files> = LazyLock::new(|| Files::new(Architecture::Vit));

/// The weights of a directory that PyTorch wrote, with its configuration.
static PICKLED: LazyLock<(TransformerConfig, Vec<u8>)> = LazyLock::new(|| {
    let folder: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "../models/tests/cases/weights-pytorch-bin/model"].iter().collect();
    let config = read_config(&folder).expect("the case has a configuration");
    (config, fs::read(folder.join("pytorch_model.bin")).expect("the case has weights"))
});

/// An error that says something, in a bounded line.
fn refused(error: &ModelError) -> Result<(), String> {
    let sentence = error.to_string();
    match sentence.len() {
        1..=4000 => Ok(()),
        length => Err(format!("an error of {length} bytes: {sentence:.200}")),
    }
}

pub(super) fn model_config(bytes: &[u8]) -> Result<(), String> {
    let mut source = Source::new(bytes);
    let templates = [&*BERT, &*GPT2, &*VIT].map(|files| files.file(CONFIG_FILE));
    let contents = file(&mut source, &templates);
    with_files(&[(CONFIG_FILE, &contents), (WEIGHTS_FILE, BERT.file(WEIGHTS_FILE))], |folder| {
        match read_config(folder) {
            Ok(config) => {
                if super::texts::json(&contents).is_none() {
                    return Err("what is no JSON is a configuration".to_owned());
                }
                let _notes = inventory(folder, &config);
                let sizes = config.draft();
                let are_numbers = sizes.layers > 0 && sizes.heads > 0 && sizes.hidden_size % sizes.heads == 0;
                if are_numbers { Ok(()) } else { Err(format!("a model of {sizes:?}")) }
            }
            Err(error) => refused(&error),
        }
    })?
}

pub(super) fn tokenizer(bytes: &[u8]) -> Result<(), String> {
    let mut source = Source::new(bytes);
    let contents = file(&mut source, &[BERT.file(TOKENIZER_FILE)]);
    with_files(&[(TOKENIZER_FILE, &contents)], |folder| match Tokenizer::of_directory(folder, &BERT.config) {
        Ok(tokenizer) => {
            let Input::Text { vocab_size, .. } = BERT.config.input else { return Ok(()) };
            match tokenizer.encode("Nobody saw this sentence.") {
                Ok(tokens) if tokens.iter().all(|&token| (token as usize) < vocab_size) => Ok(()),
                Ok(tokens) => Err(format!("tokens that the model does not have: {tokens:?}")),
                Err(error) => refused(&error),
            }
        }
        Err(error) => refused(&error),
    })?
}

pub(super) fn weights(bytes: &[u8]) -> Result<(), String> {
    let mut source = Source::new(bytes);
    let (config, template, name) = match source.byte() % 2 {
        0 => (&BERT.config, BERT.file(WEIGHTS_FILE), WEIGHTS_FILE),
        _ => (&PICKLED.0, &PICKLED.1[..], "pytorch_model.bin"),
    };
    // Edits fall on the header of a safetensors file, of which the numbers are the most.
    let contents = file(&mut source, &[template]);
    with_file(&contents, name, |path| match Weights::load(path, config) {
        Ok(weights) if weights.iter().all(|(_, tensor)| tensor.iter().all(|x| x.is_finite())) => Ok(()),
        Ok(_) => Err("weights that are no numbers".to_owned()),
        Err(error) => refused(&error),
    })
}

pub(super) fn picture(bytes: &[u8]) -> Result<(), String> {
    const PNG: &[u8] = include_bytes!("../../../models/tests/cases/vit-patch-does-not-divide/p.png");
    let contents = file(&mut Source::new(bytes), &[PNG]);
    with_files(&[("p.png", &contents), (PREPROCESSOR_FILE, VIT.file(PREPROCESSOR_FILE))], |folder| {
        match read_image(folder, &VIT.config, &folder.join("p.png")) {
            Ok(pixels) if pixels.dim() == (3, 12, 12) && pixels.iter().all(|x| x.is_finite()) => Ok(()),
            Ok(pixels) => Err(format!("pixels of {:?}", pixels.dim())),
            Err(error) => refused(&error),
        }
    })?
}
