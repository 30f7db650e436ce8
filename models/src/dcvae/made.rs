//! Models of the known sizes with weights that need no file, so that everything that a directory is good for can be tried without one.

use super::{DcVae, portable, read_config, write};
use crate::cache;
use crate::error::FetchError;
use crate::fetch::Progress;
use std::fs;
use std::path::{Path, PathBuf};
use viewless_protocols::model::dcvae::DcVaeConfig;

/// Puts the model of those sizes into the cache, if it is not there, and returns its directory. Nothing is downloaded: weights are made of the names of
/// their tensors, and have learnt nothing.
pub(crate) fn put(
    name: &str,
    config: DcVaeConfig,
    cache_dir: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, FetchError> {
    let is_complete =
        |directory: &Path| read_config(directory).is_ok_and(|found| found == config) && DcVae::load(directory).is_ok();
    let make = |model: &Path, progress: &mut dyn FnMut(Progress<'_>)| {
        fs::create_dir(model).map_err(cache::failed("create", model))?;
        progress(Progress::Making { what: name });
        let tensors = portable::weights(&config);
        write(model, &DcVae { config, tensors }).map_err(|error| FetchError::Made { name: name.to_owned(), error })
    };
    cache::assemble(cache_dir, name, is_complete, make, progress)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::WEIGHTS_FILE;

    #[test]
    fn a_model_is_made_once_and_again_where_its_files_are_damaged() {
        let cache = tempfile::tempdir().unwrap();
        let mut told = Vec::new();
        let mut put = || {
            let mut tell = |step: Progress<'_>| told.push(step.to_string());
            crate::fetch("dc-vae-8", cache.path(), &mut tell).unwrap()
        };
        let directory = put();
        let made = DcVae::load(&directory).unwrap();
        assert_eq!(put(), directory);
        fs::write(directory.join(WEIGHTS_FILE), "cut off").unwrap();
        assert!(DcVae::load(&directory).is_err());
        put();
        assert_eq!(DcVae::load(&directory).unwrap(), made);
        let steps: Vec<&str> = told.iter().filter_map(|step| step.split(' ').next()).collect();
        assert_eq!(steps, ["making", "installed", "using", "making", "installed"]);
        let exact = portable::weights(&made.config);
        let name = "enc.block1.c1.weight";
        let rounded = exact[name].mapv(|x| f64::from(x as f32));
        assert_eq!(made.tensors[name], rounded);
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1);
    }
}
