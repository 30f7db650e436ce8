//! Operations of one secret with one opening, brought to integers: what a scheme needs to know of them.

use super::Cut;
use super::laws::{Angle, PowerWords};
use crate::circuit::{Sectors, Series};

/// A trigonometric sum brought to integers: what a scheme needs to know of a circuit's series.
pub(crate) struct RingSeries<'a> {
    /// The coefficients.
    pub(crate) series: &'a Series,
    /// Fraction bits of argument and result.
    pub(crate) fraction_bits: u8,
    /// Fraction bits of the dealt waves and of their public factors.
    pub(crate) wave_bits: u8,
    /// How the argument becomes an angle.
    pub(crate) angle: Angle,
    /// Width of the ring in which the terms are summed.
    pub(crate) sum_ring: u8,
    /// Width of the ring of the result.
    pub(crate) ring: u8,
    /// For [`Opening::Remainder`](crate::circuit::Opening::Remainder): the argument less its mask is opened as a whole word, and reduced modulo so many
    /// units of the angle, which loses the argument.
    pub(crate) modulus: Option<u64>,
}

/// A table brought to integers: what a scheme needs to know of a circuit's table.
pub(crate) struct RingTable {
    /// The entries, as words.
    pub(crate) entries: Vec<u64>,
    /// Bits of the argument below its index; `shift` + `index_bits` is at most 64.
    pub(crate) shift: u8,
    /// Binary logarithm of the number of entries.
    pub(crate) index_bits: u8,
    /// Width of the ring of the entries.
    pub(crate) ring: u8,
}

/// A power of two brought to integers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RingPower {
    /// How far down, and in which pieces.
    pub(crate) sectors: Sectors,
    /// The words that it is made of.
    pub(crate) words: PowerWords,
    /// Fraction bits of the exponent.
    pub(crate) argument_bits: u8,
    /// Fraction bits of the result.
    pub(crate) fraction_bits: u8,
    /// Width of the ring in which the factors are multiplied.
    pub(crate) sum_ring: u8,
    /// Width of the ring of the result.
    pub(crate) ring: u8,
}

impl RingPower {
    /// How the product of the factors is truncated.
    pub(crate) fn cut(&self) -> Cut {
        let shift = self.words.shift;
        Cut { shift, fraction_bits: self.fraction_bits + shift, ring: self.ring }
    }
}

/// Levels of rows brought to integers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RingLevel {
    /// Bits of an element below its level.
    pub(crate) below: u8,
    /// Width of the words in which elements are opened: `below` and `index_bits`.
    pub(crate) bits: u8,
    /// Binary logarithm of the number of levels.
    pub(crate) index_bits: u8,
    /// Width of the words in which elements of a row are counted.
    pub(crate) count_bits: u8,
    /// Width of the ring of the result.
    pub(crate) ring: u8,
}
