//! The directory in which downloaded models are kept, and how a model gets there in one step.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::error::{FetchError, ModelError};
use crate::fetch::{Folder, Progress};
use crate::files::{dangling, without_temporary};

/// Where downloaded models are kept: `$VIEWLESS_CACHE`, else `$XDG_CACHE_HOME/viewless`, else `~/.cache/viewless`.
///
/// # Errors
/// None of the three variables is set.
pub fn default_cache_dir() -> Result<PathBuf, FetchError> {
    cache_dir(|variable| env::var_os(variable))
}

fn cache_dir(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, FetchError> {
    let path = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    path("VIEWLESS_CACHE")
        // The XDG specification says to ignore a relative path.
        .or_else(|| path("XDG_CACHE_HOME").filter(|base| base.is_absolute()).map(|base| base.join("viewless")))
        .or_else(|| path("HOME").or_else(|| path("USERPROFILE")).map(|home| home.join(".cache").join("viewless")))
        .ok_or(FetchError::NoCacheDirectory)
}

/// Begins the names of scratch folders.
const SCRATCH_PREFIX: &str = ".fetching-";

/// The file in a scratch folder that its owner holds locked, for as long as it lives.
const OWNER_FILE: &str = "owner";

/// A scratch folder inside the cache, so that moving out of it is a rename and not a copy. Removed when dropped; when this process is killed, by
/// whoever makes the next one.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: TempDir,
    _abandoned: Folder,
    /// Locked.
    _owner: File,
}

impl Scratch {
    /// Makes a folder in the cache, and removes what processes have left there that are no more.
    pub(crate) fn new(cache_dir: &Path) -> Result<Self, FetchError> {
        // An absolute path, because downloaders run with another working directory.
        let cache_dir = std::path::absolute(cache_dir).map_err(failed("find", cache_dir))?;
        cache_dir.ancestors().try_for_each(leads_somewhere)?;
        fs::create_dir_all(&cache_dir).map_err(failed("create", &cache_dir))?;
        remove_orphans(&cache_dir);
        let folder = tempfile::Builder::new().prefix(SCRATCH_PREFIX).tempdir_in(&cache_dir);
        let folder = folder.map_err(without_temporary).map_err(failed("create a folder in", &cache_dir))?;
        let abandoned = Folder::of(folder.path());
        let file = folder.path().join(OWNER_FILE);
        let owner = File::create(&file).map_err(failed("create a file in", &cache_dir))?;
        // A file system without locks leaves nothing to be told by: such folders are not removed.
        if let Err(error) = owner.try_lock() {
            tracing::debug!(%error, "scratch folder without a lock");
        }
        Ok(Self { folder, _abandoned: abandoned, _owner: owner })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes scratch folders whose owner does not live any more: nobody holds its lock. What cannot be removed is left to the next.
fn remove_orphans(cache_dir: &Path) {
    let Ok(entries) = fs::read_dir(cache_dir) else { return };
    let is_scratch = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(SCRATCH_PREFIX))
    };
    for folder in entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_scratch) {
        let is_orphan = match File::open(folder.join(OWNER_FILE)) {
            Ok(owner) => owner.try_lock().is_ok(),
            // One that is being made has no owner for a moment; older ones never had.
            Err(_) => is_old(&folder),
        };
        if is_orphan {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

fn is_old(folder: &Path) -> bool {
    const OLD: Duration = Duration::from_secs(3600);
    let changed = fs::metadata(folder).and_then(|metadata| metadata.modified());
    changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > OLD))
}

/// Moves a complete model from the scratch folder to its place. A model that is already there is replaced, unless
/// `complete` says that another process has put a good one there in the meantime.
pub(crate) fn install(
    scratch: &Scratch,
    from: &Path,
    target: &Path,
    complete: impl Fn(&Path) -> bool,
) -> Result<(), FetchError> {
    if target.exists() && !complete(target) {
        let old = scratch.path().join("replaced");
        fs::rename(target, &old).map_err(failed("move away", target))?;
    }
    match fs::rename(from, target) {
        Err(_) if complete(target) => Ok(()),
        result => result.map_err(failed("create", target)),
    }
}

/// What is put into the cache: its name there, and how messages call what is downloaded for it.
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a str,
    pub(crate) from: &'a str,
}

/// The directory of an entry, made if it is not complete: `download` fills a folder, `make` makes the directory of that folder, both of them in a scratch folder,
/// and the directory comes to its place in one step.
pub(crate) fn provide(
    cache_dir: &Path,
    entry: &Entry<'_>,
    complete: impl Fn(&Path) -> bool,
    download: impl FnOnce(&Path) -> Result<(), FetchError>,
    make: impl FnOnce(&Path, &Path, &mut dyn FnMut(Progress<'_>)) -> Result<(), FetchError>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, FetchError> {
    let made = |made: &Path, progress: &mut dyn FnMut(Progress<'_>)| {
        let downloaded = made.with_file_name("downloaded");
        fs::create_dir(&downloaded).map_err(failed("create", &downloaded))?;
        progress(Progress::Downloading { what: entry.from });
        download(&downloaded)?;
        make(&downloaded, made, progress)
    };
    assemble(cache_dir, entry.name, complete, made, progress)
}

/// The directory of a name, made if it is not complete: `make` makes it in a scratch folder, where it is not there yet, and it comes to its place in one step.
pub(crate) fn assemble(
    cache_dir: &Path,
    name: &str,
    complete: impl Fn(&Path) -> bool,
    make: impl FnOnce(&Path, &mut dyn FnMut(Progress<'_>)) -> Result<(), FetchError>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, FetchError> {
    let target = cache_dir.join(name);
    if complete(&target) {
        progress(Progress::Reusing { directory: &target });
        return Ok(target);
    }
    leads_somewhere(&target)?;
    let scratch = Scratch::new(cache_dir)?;
    let made = scratch.path().join("made");
    make(&made, progress).map_err(|error| placed(error, &scratch, cache_dir, name))?;
    install(&scratch, &made, &target, complete)?;
    progress(Progress::Installed { directory: &target });
    Ok(target)
}

/// Refuses a link that leads nowhere, before anything is downloaded for it.
fn leads_somewhere(path: &Path) -> Result<(), FetchError> {
    match dangling(path) {
        Some(to) => Err(FetchError::DanglingLink { link: path.to_owned(), to }),
        None => Ok(()),
    }
}

/// An error that names the place in the cache which a file was for: its scratch folder is gone by then.
fn placed(error: FetchError, scratch: &Scratch, cache_dir: &Path, name: &str) -> FetchError {
    let place = |path: PathBuf| match path.strip_prefix(scratch.path()) {
        Err(_) => path,
        Ok(inside) => match inside.strip_prefix("made") {
            Ok(file) => cache_dir.join(name).join(file),
            Err(_) => cache_dir.to_owned(),
        },
    };
    match error {
        FetchError::Cache { action, path, source } => FetchError::Cache { action, path: place(path), source },
        FetchError::Made { name, error: ModelError::Write { file, source } } => {
            FetchError::Made { name, error: ModelError::Write { file: place(file), source } }
        }
        other => other,
    }
}

/// Whether a directory has files of these lengths.
pub(crate) fn has<'a>(directory: &Path, mut files: impl Iterator<Item = (&'a str, u64)>) -> bool {
    files.all(|(file, bytes)| {
        let metadata = fs::metadata(directory.join(file));
        metadata.is_ok_and(|metadata| metadata.is_file() && metadata.len() == bytes)
    })
}

pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FetchError {
    let path = path.to_owned();
    move |source| FetchError::Cache { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<PathBuf, FetchError> {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        cache_dir(find)
    }

    #[test]
    fn the_three_variables_are_asked_in_order() {
        let all = [("VIEWLESS_CACHE", "/own"), ("XDG_CACHE_HOME", "/xdg"), ("HOME", "/home/me")];
        assert_eq!(from(&all).unwrap(), Path::new("/own"));
        assert_eq!(from(&all[1..]).unwrap(), Path::new("/xdg/viewless"));
        assert_eq!(from(&all[2..]).unwrap(), Path::new("/home/me/.cache/viewless"));
    }

    #[test]
    fn empty_variables_and_a_relative_xdg_path_are_ignored() {
        let variables = [("VIEWLESS_CACHE", ""), ("XDG_CACHE_HOME", "relative"), ("HOME", "/home/me")];
        assert_eq!(from(&variables).unwrap(), Path::new("/home/me/.cache/viewless"));
    }

    #[test]
    fn without_any_variable_the_error_names_them() {
        let sentence = from(&[]).unwrap_err().to_string();
        assert!(sentence.contains("VIEWLESS_CACHE") && sentence.contains("XDG_CACHE_HOME"), "{sentence}");
    }

    #[test]
    fn an_incomplete_model_is_replaced_and_a_complete_one_is_kept() {
        let cache = tempfile::tempdir().unwrap();
        let target = cache.path().join("model");
        let complete = |directory: &Path| directory.join("done").exists();
        let put = |text: &str| {
            let scratch = Scratch::new(cache.path()).unwrap();
            let from = scratch.path().join("new");
            fs::create_dir(&from).unwrap();
            fs::write(from.join("done"), text).unwrap();
            install(&scratch, &from, &target, complete).unwrap();
            fs::read_to_string(target.join("done")).unwrap()
        };
        fs::create_dir(&target).unwrap();
        fs::write(target.join("half"), "").unwrap();
        assert_eq!(put("first"), "first");
        assert!(!target.join("half").exists());
        assert_eq!(put("second"), "first");
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1, "scratch folders are removed");
    }

    #[test]
    fn a_cache_that_is_a_file_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("occupied");
        fs::write(&file, "").unwrap();
        assert!(Scratch::new(&file).unwrap_err().to_string().contains("occupied"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_is_named_before_anything_is_made_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let link = |name: &str| {
            let link = folder.path().join(name);
            std::os::unix::fs::symlink("/nonexistent/there", &link).unwrap();
            link
        };
        let made = |cache: &Path, name: &str| {
            let make = |_: &Path, _: &mut dyn FnMut(Progress<'_>)| panic!("it is made for nothing");
            assemble(cache, name, |_| false, make, &mut |_| {}).unwrap_err().to_string()
        };
        for (link, said) in
            [(link("model"), made(folder.path(), "model")), (link("cache"), made(&link("other"), "model"))]
        {
            assert!(said.contains("is a link to `/nonexistent/there`, where nothing is"), "{said}");
            assert!(link.is_symlink());
        }
        assert!(made(&folder.path().join("cache").join("below"), "model").contains("cache` is a link to"));
        // A link to a directory is as good as one.
        let real = folder.path().join("real");
        fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, folder.path().join("good")).unwrap();
        assert_eq!(
            assemble(folder.path(), "good", Path::is_dir, |_, _| panic!(), &mut |_| {}).unwrap(),
            folder.path().join("good")
        );
    }

    #[test]
    fn a_file_that_cannot_be_made_is_named_by_its_place_in_the_cache() {
        let cache = tempfile::tempdir().unwrap();
        let said = |inside: &'static str| {
            let make = |made: &Path, _: &mut dyn FnMut(Progress<'_>)| {
                let file = made.parent().unwrap().join(inside);
                Err(failed("write", &file)(io::Error::from(io::ErrorKind::StorageFull)))
            };
            assemble(cache.path(), "model", |_| false, make, &mut |_| {}).unwrap_err().to_string()
        };
        let at = cache.path().display();
        assert!(said("made/config.json").contains(&format!("cannot write `{at}/model/config.json`")));
        assert!(said("downloaded/x.whl").contains(&format!("cannot write `{at}`")));
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_a_living_one_works_in_is_not() {
        let cache = tempfile::tempdir().unwrap();
        let living = Scratch::new(cache.path()).unwrap();
        fs::write(living.path().join("half"), "").unwrap();
        let (killed, begun, other) = (".fetching-killed", ".fetching-begun", "model");
        for folder in [killed, begun, other] {
            fs::create_dir(cache.path().join(folder)).unwrap();
        }
        for folder in [killed, other] {
            fs::write(cache.path().join(folder).join(OWNER_FILE), "").unwrap();
        }
        let next = Scratch::new(cache.path()).unwrap();
        assert!(living.path().join("half").exists() && next.path().exists());
        assert!(!cache.path().join(killed).exists());
        assert!(cache.path().join(begun).exists() && cache.path().join(other).exists());
    }
}
