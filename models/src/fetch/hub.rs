//! Models by their name on the Hugging Face Hub, downloaded with Python's `huggingface_hub`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache;
use crate::error::FetchError;
use crate::fetch::Progress;
use crate::fetch::python::{self, Module};
use crate::files::{
    self, CONFIG_FILE, DECIDING_FILES, PREPROCESSOR_FILE, PYTORCH_FILES, SAFETENSORS_FILES, TOKENIZER_FILE,
    VOCABULARY_FILE, WEIGHTS_FILE, WORDS_FILE,
};
use crate::weights::form;

/// What takes the place of a tokenizer, or is one.
const READERS: [&str; 4] = [TOKENIZER_FILE, WORDS_FILE, VOCABULARY_FILE, PREPROCESSOR_FILE];

const HUGGINGFACE_HUB: Module = Module { name: "huggingface_hub", advice: "python3 -m pip install huggingface_hub" };

/// Takes the name, the folder and the names of files as arguments, so that none is ever part of the program text: those that decide, those of the
/// weights, and those of the weights in the other form, which are wanted where the first are not there.
const SCRIPT: &str = "\
import os, sys
from huggingface_hub import snapshot_download
name, folder, deciding, weights, others = sys.argv[1:]
bring = lambda files: snapshot_download(repo_id=name, local_dir=folder, allow_patterns=files.split())
bring(deciding + ' ' + weights)
if not any(file.startswith('model') and '.safetensors' in file for file in os.listdir(folder)):
    bring(others)
";

/// Whether a name has the form `organisation/model`, with characters that the Hub allows and no way to leave the cache.
pub(crate) fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && part.chars().all(|c| c.is_ascii_alphanumeric() || ['.', '-', '_'].contains(&c))
    };
    name.split_once('/').is_some_and(|(organisation, model)| part(organisation) && part(model))
}

pub(crate) fn fetch(
    name: &str,
    cache_dir: &Path,
    download: impl FnOnce(&Path) -> Result<(), FetchError>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, FetchError> {
    let entry = cache::Entry { name: &name.replace('/', "--"), from: &format!("{name} from the Hugging Face Hub") };
    let make = |downloaded: &Path, model: &Path, _: &mut dyn FnMut(Progress<'_>)| {
        if let Some(file) = missing(downloaded) {
            return Err(FetchError::Incomplete { name: name.to_owned(), file: file.to_owned() });
        }
        // The downloader's own notes on what it fetched.
        let notes = downloaded.join(".cache");
        if notes.exists() {
            fs::remove_dir_all(&notes).map_err(cache::failed("remove", &notes))?;
        }
        fs::rename(downloaded, model).map_err(cache::failed("create", model))
    };
    cache::provide(cache_dir, &entry, is_complete, download, make, progress)
}

pub(crate) fn download(python: &str, name: &str, folder: &Path) -> Result<(), FetchError> {
    let mut command = Command::new(python);
    let files = [DECIDING_FILES.join(" "), SAFETENSORS_FILES.join(" "), PYTORCH_FILES.join(" ")];
    command.args(["-c", SCRIPT, name]).arg(folder).args(files);
    python::run(command, folder, &format!("{name} from the Hugging Face Hub"), &HUGGINGFACE_HUB)
}

fn is_complete(directory: &Path) -> bool {
    missing(directory).is_none()
}

/// A file without which a directory is no model; none of a whole one.
fn missing(directory: &Path) -> Option<&'static str> {
    if !files::has(directory, CONFIG_FILE) {
        Some(CONFIG_FILE)
    } else if form(directory).is_none() {
        Some(WEIGHTS_FILE)
    } else if !READERS.iter().any(|file| files::has(directory, file)) {
        Some(TOKENIZER_FILE)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_is_installed_without_its_notes_and_then_reused() {
        let cache = tempfile::tempdir().unwrap();
        let download = |folder: &Path| {
            for file in [CONFIG_FILE, WEIGHTS_FILE, TOKENIZER_FILE] {
                fs::write(folder.join(file), "").unwrap();
            }
            fs::create_dir(folder.join(".cache")).unwrap();
            Ok(())
        };
        let directory = fetch("some/model", cache.path(), download, &mut |_| {}).unwrap();
        assert_eq!(directory, cache.path().join("some--model"));
        assert!(is_complete(&directory) && !directory.join(".cache").exists());
        let again = fetch("some/model", cache.path(), |_| panic!("downloaded again"), &mut |step| {
            assert!(matches!(step, Progress::Reusing { .. }));
        });
        assert_eq!(again.unwrap(), directory);
    }

    #[test]
    fn a_model_without_safetensors_is_refused_and_not_installed() {
        let cache = tempfile::tempdir().unwrap();
        let download = |folder: &Path| {
            fs::write(folder.join(CONFIG_FILE), "").unwrap();
            Ok(())
        };
        let error = fetch("some/model", cache.path(), download, &mut |_| {}).unwrap_err();
        assert!(matches!(error, FetchError::Incomplete { .. }));
        let sentence = error.to_string();
        assert!(sentence.contains("some/model") && sentence.contains(WEIGHTS_FILE), "{sentence}");
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
    }

    /// A stand-in for the library that writes down what it is asked for and has weights of one form alone.
    #[test]
    fn every_file_that_is_read_is_asked_for_and_the_other_form_of_weights_where_the_first_is_absent() {
        let folder = tempfile::tempdir().unwrap();
        let library = "\
            import fnmatch, os\n\
            def snapshot_download(repo_id, local_dir, allow_patterns):\n\
            \x20   print('asked', *allow_patterns)\n\
            \x20   for file in os.environ['HELD'].split():\n\
            \x20       if any(fnmatch.fnmatch(file, pattern) for pattern in allow_patterns):\n\
            \x20           open(os.path.join(local_dir, file), 'w').close()\n";
        fs::write(folder.path().join("huggingface_hub.py"), library).unwrap();
        let brought = |held: &str| -> Option<(String, Vec<String>)> {
            let target = tempfile::tempdir().unwrap();
            let files = [DECIDING_FILES.join(" "), SAFETENSORS_FILES.join(" "), PYTORCH_FILES.join(" ")];
            let mut command = Command::new("python3");
            command.args(["-c", SCRIPT, "some/model"]).arg(target.path()).args(files);
            let output = command.env("PYTHONPATH", folder.path()).env("HELD", held).output().ok()?;
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let names =
                fs::read_dir(target.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<String> = names.collect();
            names.sort();
            Some((String::from_utf8(output.stdout).unwrap(), names))
        };
        let Some((asked, names)) = brought("config.json sentence_bert_config.json pytorch_model.bin model.safetensors")
        else {
            println!("skipped: there is no python3");
            return;
        };
        assert_eq!(names, ["config.json", "model.safetensors", "sentence_bert_config.json"]);
        for file in DECIDING_FILES {
            assert!(asked.contains(file), "{file}");
        }
        let (_, names) = brought("config.json pytorch_model-00001-of-00002.bin pytorch_model.bin.index.json").unwrap();
        assert_eq!(names.len(), 3, "{names:?}");
    }

    #[test]
    fn names_that_could_leave_the_cache_or_pass_for_options_are_no_names() {
        assert!(is_name("sentence-transformers/all-MiniLM-L6-v2") && is_name("a/b.c_d-1"));
        for name in
            ["a", "/a", "a/", "a/b/c", "../b", "a/..", "a/.", ".a/b", "-a/b", "a/-b", "a/b c", "a\\b/c", "a/b\0"]
        {
            assert!(!is_name(name), "{name:?}");
        }
    }
}
