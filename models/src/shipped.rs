//! The model that is part of the program: a BERT of two layers that says whether a sentence about a film is positive, so that a first private
//! inference needs neither a directory nor a network.
//!
//! **Source.** Its files are what `viewless distill` wrote; `models/shipped/README.md` has the commands, the seeds and the metrics.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cache;
use crate::error::FetchError;
use crate::fetch::{Progress, source};

/// Its name, wherever a model's name is asked for.
pub const NAME: &str = "movies-small";

/// What its directory holds.
const FILES: [(&str, &[u8]); 4] = [
    ("config.json", include_bytes!("../shipped/config.json")),
    ("tokenizer.json", include_bytes!("../shipped/tokenizer.json")),
    ("model.safetensors", include_bytes!("../shipped/model.safetensors")),
    ("recipe.toml", include_bytes!("../shipped/recipe.toml")),
];

/// Writes the model into the cache, unless it is there byte for byte, and returns its directory.
pub(crate) fn put(cache_dir: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<PathBuf, FetchError> {
    let make = |model: &Path, progress: &mut dyn FnMut(Progress<'_>)| {
        progress(Progress::Unpacking { what: NAME });
        FILES.iter().try_for_each(|(name, bytes)| source::write(&model.join(name), bytes))
    };
    cache::assemble(cache_dir, NAME, is_complete, make, progress)
}

/// Whether a directory holds this very model.
#[must_use]
pub fn is_complete(directory: &Path) -> bool {
    FILES.iter().all(|(name, bytes)| fs::read(directory.join(name)).is_ok_and(|found| found == *bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Model;

    /// More would be felt in every copy of the program.
    const MOST_BYTES: usize = 6_000_000;

    #[test]
    fn the_model_is_small_and_is_unpacked_once_and_again_where_a_byte_of_it_changed() {
        assert!(FILES.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() <= MOST_BYTES);
        let cache = tempfile::tempdir().unwrap();
        let mut told = Vec::new();
        let mut put = || put(cache.path(), &mut |step| told.push(step.to_string())).unwrap();
        let directory = put();
        assert_eq!(put(), directory);
        let config = directory.join("config.json");
        let changed = fs::read_to_string(&config).unwrap().replacen(' ', "\t", 1);
        fs::write(&config, changed).unwrap();
        put();
        assert_eq!(fs::read(&config).unwrap(), FILES[0].1);
        let begun = |word: &str| told.iter().filter(|step| step.starts_with(word)).count();
        assert_eq!((begun("unpacking"), begun("using")), (2, 1), "{told:?}");
        let model = Model::load(&directory).unwrap();
        assert_eq!(model.config.layers, 2);
    }
}
