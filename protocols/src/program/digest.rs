//! The digest of a Program: BLAKE3 of its text form.

use super::Program;
use std::fmt::{self, Write};

struct Hashing(blake3::Hasher, String);

impl Write for Hashing {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.1.push_str(text);
        if self.1.len() >= 1 << 14 {
            self.0.update(self.1.as_bytes());
            self.1.clear();
        }
        Ok(())
    }
}

impl Program {
    /// BLAKE3 of the text form: two Programs with the same digest have the same values, holders, regions and claims.
    #[must_use]
    pub fn digest(&self) -> blake3::Hash {
        let mut hashing = Hashing(blake3::Hasher::new(), String::with_capacity(1 << 15));
        self.write_text(&mut hashing).expect("writing to memory cannot fail");
        hashing.0.update(hashing.1.as_bytes());
        hashing.0.finalize()
    }
}
