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
    /// It is made once, however often it is asked for.
    #[must_use]
    pub fn digest(&self) -> blake3::Hash {
        *self.digest.get_or_init(|| self.hashed())
    }

    fn hashed(&self) -> blake3::Hash {
        let mut hashing = Hashing(blake3::Hasher::new(), String::with_capacity(1 << 15));
        self.write_text(&mut hashing).expect("writing to memory cannot fail");
        hashing.0.update(hashing.1.as_bytes());
        hashing.0.finalize()
    }
}

#[cfg(test)]
mod tests {
    use crate::party::{Party, PartySet};
    use crate::program::ProgramBuilder;
    use crate::ring::Domain;

    #[test]
    fn a_digest_is_made_once_and_a_changed_program_has_another() {
        let program = |name: &str| {
            let mut p = ProgramBuilder::new(PartySet::of(&[Party::P0, Party::P1]), Party::P0);
            p.input(Party::P0, name, 0, Domain::Z64, [2].into());
            p.finish().unwrap()
        };
        let x = program("x");
        assert_eq!(x.digest.get(), None);
        let digest = x.digest();
        assert_eq!((x.digest.get(), x.clone().digest.get()), (Some(&digest), Some(&digest)));
        // What is asked for later is what was made, and not made again.
        assert_eq!((x.digest(), x.hashed()), (digest, digest));
        // Whether it was asked for makes no difference between two Programs, and another Program begins without one.
        assert_eq!(x, program("x"));
        let changed = x.into_draft().check().unwrap();
        assert_eq!(changed.digest.get(), None);
        assert_ne!(program("y").digest(), digest);
    }
}
