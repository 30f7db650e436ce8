//! Sizes of what is counted, proved or run.

use thiserror::Error;
use viewless_protocols::model::Query;

/// A size that nothing can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a size is a whole number from 1 to {}, and not {size}", Sizes::LARGEST)]
pub struct SizeError {
    /// The size asked for.
    pub size: usize,
}

/// Tokens and sequences; for a protocol alone, elements of a row and rows. Both are from 1 to [`Sizes::LARGEST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    seq: usize,
    batch: usize,
}

impl Sizes {
    /// The largest size; a product of two still fits a word.
    pub const LARGEST: usize = 1 << 20;

    /// Checks both sizes.
    ///
    /// # Errors
    /// [`SizeError`] for zero, and for more than [`Sizes::LARGEST`].
    pub fn new(seq: usize, batch: usize) -> Result<Self, SizeError> {
        Ok(Self { seq: Self::one(seq)?, batch: Self::one(batch)? })
    }

    /// Checks one size.
    ///
    /// # Errors
    /// [`SizeError`] for zero, and for more than [`Sizes::LARGEST`].
    pub fn one(size: usize) -> Result<usize, SizeError> {
        if (1..=Self::LARGEST).contains(&size) { Ok(size) } else { Err(SizeError { size }) }
    }

    /// Tokens of each sequence; for a protocol, elements of each row.
    #[must_use]
    pub fn seq(self) -> usize {
        self.seq
    }

    /// Sequences; for a protocol, rows.
    #[must_use]
    pub fn batch(self) -> usize {
        self.batch
    }

    /// The sizes as a model takes them.
    #[must_use]
    pub fn query(self) -> Query {
        Query { tokens: self.seq, batch: self.batch }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_positive_and_bounded() {
        assert_eq!(Sizes::new(512, 2).map(|sizes| (sizes.seq(), sizes.batch())), Ok((512, 2)));
        assert!(Sizes::new(Sizes::LARGEST, Sizes::LARGEST).is_ok());
        for (seq, batch) in [(0, 1), (1, 0), (Sizes::LARGEST + 1, 1), (1, usize::MAX)] {
            assert!(Sizes::new(seq, batch).is_err(), "{seq} {batch}");
        }
    }
}
