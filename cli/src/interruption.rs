//! What happens when a command is told to stop (Ctrl-C, a terminal that closes, `kill`): what it has begun to write is taken away, whoever it has
//! started ends, what is kept is said, and the exit code is [`INTERRUPTED`]. All of that within a moment, whatever is being computed.

use crate::screen;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Mutex, MutexGuard, PoisonError};
use viewless_training::checkpoint::CHECKPOINT_FILE;

/// The exit code of a command that was interrupted, as shells have it.
pub const INTERRUPTED: u8 = 130;

/// What a command has in hand.
struct Begun {
    /// Files under construction, each with the place that it is for.
    files: BTreeMap<PathBuf, PathBuf>,
    /// What stays if the command ends now.
    kept: Option<String>,
    /// The folder of a run that keeps what it learnt there.
    learning: Option<PathBuf>,
}

static BEGUN: Mutex<Begun> = Mutex::new(Begun { files: BTreeMap::new(), kept: None, learning: None });

/// Whoever was interrupted while it held the list has left it whole: nothing is done to it but one insertion or removal.
fn begun() -> MutexGuard<'static, Begun> {
    BEGUN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on an interruption ends this process in order; where the system knows no signals, it does it itself.
pub fn listen() {
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let listening = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]).and_then(|mut signals| {
            std::thread::Builder::new().name("interruptions".to_owned()).spawn(move || {
                if signals.forever().next().is_some() {
                    end();
                }
            })
        });
        if let Err(error) = listening {
            tracing::debug!(%error, "interruptions end this process as the system does");
        }
    }
}

/// Takes away what was begun, says what is kept, and ends the process.
#[cfg_attr(not(unix), expect(dead_code, reason = "nobody tells of an interruption"))]
fn end() {
    // Held to the end: nothing new is begun any more.
    let begun = begun();
    viewless_models::abandon_fetch();
    for file in begun.files.keys() {
        // Whoever has put it in its place or away in the meantime has done what is wanted.
        let _ = fs::remove_file(file);
    }
    screen::note(sentence(&begun));
    process::exit(i32::from(INTERRUPTED));
}

fn sentence(begun: &Begun) -> String {
    let untouched = |places: Vec<String>| format!("nothing was written to {}", places.join(" and "));
    let places: Vec<String> = begun.files.values().map(|place| place.display().to_string()).collect();
    let learnt = || begun.learning.as_deref().and_then(learnt);
    let told = begun.kept.clone().or_else(learnt).or_else(|| (!places.is_empty()).then(|| untouched(places)));
    screen::sentence(&format!("interrupted; {}", told.as_deref().unwrap_or("nothing was written")))
}

/// What the folder of a run holds, and how to go on; nothing of an empty one.
fn learnt(folder: &Path) -> Option<String> {
    let place = folder.display();
    if folder.join(CHECKPOINT_FILE).is_file() {
        return Some(format!(
            "the run is kept in {place} up to its last checkpoint, and the same command with --resume goes on from there"
        ));
    }
    let has_files = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    has_files
        .then(|| format!("there is no checkpoint in {place} yet; the same command with --resume begins again there"))
}

/// A file that is taken away when the command is interrupted, until this is dropped.
pub struct Beginning(PathBuf);

impl Beginning {
    /// Of a file under construction, for a place.
    #[must_use]
    pub fn of(file: &Path, place: &Path) -> Self {
        // The command may change its folder.
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        begun().files.insert(file.clone(), place.to_owned());
        Self(file)
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        begun().files.remove(&self.0);
    }
}

/// Comes back only if the command is not being interrupted: what an interruption makes fail is no failure.
pub fn goes_before() {
    drop(begun());
}

/// A run learns in a folder from now on: an interruption tells what is there then.
pub fn learns_in(folder: &Path) {
    begun().learning = Some(folder.to_owned());
}

/// Says what stays if the command is interrupted from now on.
pub fn keeps(what: String) {
    begun().kept = Some(what);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_said_and_what_was_begun_is_named() {
        let begun = |files: &[&str], kept: Option<&str>| {
            let files = files.iter().map(|file| (Path::new("/tmp/.x").join(file), PathBuf::from(file))).collect();
            sentence(&Begun { files, kept: kept.map(str::to_owned), learning: None })
        };
        assert_eq!(begun(&[], None), "interrupted; nothing was written");
        assert_eq!(begun(&["a\n"], None), "interrupted; nothing was written to a");
        assert_eq!(begun(&["a", "b"], None), "interrupted; nothing was written to a and b");
        let folder = tempfile::tempdir().unwrap();
        let learning =
            || sentence(&Begun { files: BTreeMap::new(), kept: None, learning: Some(folder.path().to_owned()) });
        assert_eq!(learning(), "interrupted; nothing was written");
        fs::write(folder.path().join("recipe.toml"), "").unwrap();
        assert!(learning().contains("no checkpoint") && learning().contains("--resume"));
        fs::write(folder.path().join(CHECKPOINT_FILE), "").unwrap();
        assert!(learning().contains("up to its last checkpoint") && learning().contains("--resume"));
        assert_eq!(begun(&["a"], Some("8 runs are kept")), "interrupted; 8 runs are kept");
    }
}
