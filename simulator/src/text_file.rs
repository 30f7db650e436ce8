//! Text files that a user names: regular ones, of bounded size. What blocks, never ends or is too large is refused before it is read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Bytes that a file of settings may have: suites, networks, clusters, machines.
pub const MOST_SETTINGS_BYTES: u64 = 1 << 20;

/// Reads a text.
///
/// # Errors
/// What the system says; a path that is no regular file, more than `most_bytes`, text that is not UTF-8.
pub fn read(path: &Path, most_bytes: u64) -> io::Result<String> {
    let refuse = |reason: String| Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return refuse("not a regular file".to_owned());
    }
    if metadata.len() > most_bytes {
        return refuse(format!("{} bytes; such a file has at most {most_bytes}", metadata.len()));
    }
    let mut bytes = Vec::new();
    // It may grow while it is read.
    let read = File::open(path)?.take(most_bytes + 1).read_to_end(&mut bytes)?;
    if read as u64 > most_bytes {
        return refuse(format!("more than {most_bytes} bytes"));
    }
    String::from_utf8(bytes).or_else(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let what = if error.as_bytes().contains(&0) { "; it is no text" } else { "; save it as UTF-8" };
        refuse(format!("line {line} is not in UTF-8{what}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_of_that_size_is_refused() {
        let own = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/text_file.rs"));
        let length = fs::metadata(own).unwrap().len();
        assert_eq!(read(own, length).unwrap().len() as u64, length);
        let said = |path: &Path, most_bytes| read(path, most_bytes).unwrap_err().to_string();
        assert_eq!(said(own, length - 1), format!("{length} bytes; such a file has at most {}", length - 1));
        assert_eq!(said(Path::new(env!("CARGO_MANIFEST_DIR")), 10), "not a regular file");
        assert!(read(Path::new("/nowhere/at all"), 10).is_err());
        if cfg!(unix) {
            assert_eq!(said(Path::new("/dev/zero"), 10), "not a regular file");
        }
    }
}
