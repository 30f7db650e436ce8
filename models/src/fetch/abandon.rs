//! Giving up a download from another thread, as a handler of interruptions does: the downloader ends and what it brought goes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What downloads of this process have in hand.
struct Begun {
    downloader: Option<Arc<Mutex<Child>>>,
    folders: BTreeSet<PathBuf>,
}

static BEGUN: Mutex<Begun> = Mutex::new(Begun { downloader: None, folders: BTreeSet::new() });

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the downloader that runs, if one does, and removes the scratch folders of this process. For a process that is about to end: a download
/// that is under way fails.
pub fn abandon_fetch() {
    let Begun { downloader, folders } = &*locked(&BEGUN);
    if let Some(downloader) = downloader {
        let mut downloader = locked(downloader);
        // One that has ended needs neither.
        let _ = downloader.kill();
        let _ = downloader.wait();
    }
    for folder in folders {
        // Another thread may still write into it, or remove it itself.
        for _ in 0..20 {
            if fs::remove_dir_all(folder).is_ok() || !folder.exists() {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A downloader that is ended when the download is given up, until this is dropped.
pub(crate) struct Downloader(pub(crate) Arc<Mutex<Child>>);

impl Downloader {
    pub(crate) fn of(child: Child) -> Self {
        let child = Arc::new(Mutex::new(child));
        locked(&BEGUN).downloader = Some(Arc::clone(&child));
        Self(child)
    }
}

impl Drop for Downloader {
    fn drop(&mut self) {
        locked(&BEGUN).downloader = None;
    }
}

/// A folder that is removed when the download is given up, until this is dropped.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn of(path: &Path) -> Self {
        locked(&BEGUN).folders.insert(path.to_owned());
        Self(path.to_owned())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        locked(&BEGUN).folders.remove(&self.0);
    }
}
