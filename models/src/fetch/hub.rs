//! Models by their name on the Hugging Face Hub, downloaded with Python's `huggingface_hub`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache;
use crate::error::FetchError;
use crate::fetch::Progress;
use crate::fetch::python::{self, Module};
use crate::files::{CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE};

/// Without these a directory is no model for us.
const REQUIRED_FILES: [&str; 3] = [CONFIG_FILE, WEIGHTS_FILE, TOKENIZER_FILE];

const HUGGINGFACE_HUB: Module = Module { name: "huggingface_hub", advice: "python3 -m pip install huggingface_hub" };

/// Takes the name and the folder as arguments, so that neither is ever part of the program text.
const SCRIPT: &str = "\
import sys
from huggingface_hub import snapshot_download
wanted = ['config.json', 'model.safetensors', 'tokenizer.json', 'modules.json', '*_Pooling/config.json']
snapshot_download(repo_id=sys.argv[1], local_dir=sys.argv[2], allow_patterns=wanted)
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
    let target = cache_dir.join(name.replace('/', "--"));
    if is_complete(&target) {
        progress(Progress::Reusing { directory: &target });
        return Ok(target);
    }
    let scratch = cache::scratch(cache_dir)?;
    let folder = scratch.path().join("model");
    fs::create_dir(&folder).map_err(cache::failed("create", &folder))?;
    progress(Progress::Downloading { what: &format!("{name} from the Hugging Face Hub") });
    download(&folder)?;
    if let Some(file) = REQUIRED_FILES.iter().find(|file| !folder.join(file).is_file()) {
        return Err(FetchError::Incomplete { name: name.to_owned(), file: (*file).to_owned() });
    }
    // The downloader's own notes on what it fetched.
    let notes = folder.join(".cache");
    if notes.exists() {
        fs::remove_dir_all(&notes).map_err(cache::failed("remove", &notes))?;
    }
    cache::install(&scratch, &folder, &target, is_complete)?;
    progress(Progress::Installed { directory: &target });
    Ok(target)
}

pub(crate) fn download(python: &str, name: &str, folder: &Path) -> Result<(), FetchError> {
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT, name]).arg(folder);
    python::run(command, folder, &format!("{name} from the Hugging Face Hub"), &HUGGINGFACE_HUB)
}

fn is_complete(directory: &Path) -> bool {
    REQUIRED_FILES.iter().all(|file| directory.join(file).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_is_installed_without_its_notes_and_then_reused() {
        let cache = tempfile::tempdir().unwrap();
        let download = |folder: &Path| {
            for file in REQUIRED_FILES {
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
