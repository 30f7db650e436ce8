//! Metrics of a run: a file of JSON lines, one for each step and one for each judgement of an epoch.
//!
//! Nothing in it depends on the clock, so that a run that was killed and went on has the same file.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::score::Scores;

/// The file's name in the folder of a run.
pub const METRICS_FILE: &str = "metrics.jsonl";

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Line {
    /// A step.
    Step {
        /// Its stage.
        stage: String,
        /// Its epoch, from 1.
        epoch: usize,
        /// The step of the stage, from 1.
        step: usize,
        /// The loss of its batch.
        loss: f64,
        /// The norm of all gradients, before they are scaled.
        norm: f64,
        /// The learning rate.
        #[serde(rename = "learning-rate")]
        learning_rate: f64,
    },
    /// The end of an epoch.
    Epoch {
        /// Its stage.
        stage: String,
        /// The epoch, from 1.
        epoch: usize,
        /// The mean of the losses of its steps.
        loss: f64,
        /// On the development rows, where the stage is judged by them.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        development: Option<Scores>,
    },
}

/// The open file.
#[derive(Debug)]
pub struct Log {
    file: File,
    path: PathBuf,
    bytes: u64,
}

impl Log {
    /// Opens the file of a folder, and cuts off what was written after the checkpoint that the run goes on from.
    ///
    /// # Errors
    /// A file that cannot be written, or that does not hold what was written before the checkpoint.
    pub fn open(folder: &Path, bytes: u64) -> Result<Self, TrainError> {
        let path = folder.join(METRICS_FILE);
        if bytes > 0 {
            as_kept(&path, bytes).map_err(|reason| TrainError::Beside { path: path.clone(), reason })?;
        }
        let failed = |source| TrainError::Write { path: path.clone(), source };
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        file.set_len(bytes).and_then(|()| file.seek(SeekFrom::Start(bytes))).map_err(failed)?;
        Ok(Self { file, path, bytes })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add(&mut self, line: &Line) -> Result<(), TrainError> {
        let text = format!("{}\n", serde_json::to_string(line).expect("a line has texts for keys"));
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|source| TrainError::Write { path: self.path.clone(), source })?;
        self.bytes += text.len() as u64;
        Ok(())
    }

    /// Bytes so far, on the disk.
    ///
    /// # Errors
    /// The disk.
    pub fn kept(&self) -> Result<u64, TrainError> {
        self.file.sync_data().map_err(|source| TrainError::Write { path: self.path.clone(), source })?;
        Ok(self.bytes)
    }
}

/// Looks whether a file begins with so many bytes of whole lines; says what it has instead.
fn as_kept(path: &Path, bytes: u64) -> Result<(), String> {
    let found = std::fs::read(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => "is not there".to_owned(),
        _ => format!("cannot be read ({error})"),
    })?;
    let kept = usize::try_from(bytes).ok().and_then(|bytes| found.get(..bytes));
    let kept =
        kept.ok_or_else(|| format!("has {} bytes, and had {bytes} when the checkpoint was made", found.len()))?;
    let other = |number: usize| format!("was changed: its line {} is no line of metrics", number + 1);
    let lines = kept.split_inclusive(|&byte| byte == b'\n').enumerate();
    for (number, line) in lines {
        if !line.ends_with(b"\n") || serde_json::from_slice::<Line>(line).is_err() {
            return Err(other(number));
        }
    }
    Ok(())
}

/// All lines of a run.
///
/// # Errors
/// A file that cannot be read, or that holds other lines.
pub fn read(folder: &Path) -> Result<Vec<Line>, TrainError> {
    let path = folder.join(METRICS_FILE);
    let text = std::fs::read_to_string(&path).map_err(|source| TrainError::Read { path: path.clone(), source })?;
    let line = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| TrainError::Recipe {
            path: path.clone(),
            reason: format!("line {} is no line of metrics: {error}", number + 1),
        })
    };
    text.lines().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(step: usize) -> Line {
        let stage = "training".to_owned();
        Line::Step { stage, epoch: 1, step, loss: 0.1, norm: 1.0, learning_rate: 1e-5 }
    }

    #[test]
    fn what_was_written_after_the_checkpoint_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path(), 0).unwrap();
        log.add(&line(1)).unwrap();
        let kept = log.kept().unwrap();
        log.add(&line(2)).unwrap();
        let mut log = Log::open(folder.path(), kept).unwrap();
        log.add(&line(3)).unwrap();
        assert_eq!(read(folder.path()).unwrap(), [line(1), line(3)]);
        // What the checkpoint rests on must be there as it was, and what is refused stays as it is.
        let path = folder.path().join(METRICS_FILE);
        let whole = std::fs::read(&path).unwrap();
        let length = whole.len() as u64;
        let refused = |bytes: u64| {
            let error = Log::open(folder.path(), bytes).unwrap_err();
            assert!(matches!(error, TrainError::Beside { .. }), "{error}");
            error.to_string()
        };
        let short = refused(10_000);
        assert!(
            short.contains(METRICS_FILE) && short.contains("had 10000") && short.contains("put it back"),
            "{short}"
        );
        assert!(refused(kept + 1).contains("its line 2 is no line"));
        std::fs::write(&path, [b"{}\n", &whole[3..]].concat()).unwrap();
        assert!(refused(length).contains("its line 1 is no line"));
        std::fs::write(&path, &whole).unwrap();
        drop(Log::open(folder.path(), length).unwrap());
        std::fs::remove_file(&path).unwrap();
        assert!(refused(length).contains("is not there") && !path.exists());
    }
}
