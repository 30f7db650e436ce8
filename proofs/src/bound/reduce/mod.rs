//! A circuit of one row, reduced to tapes of one number each.
//!
//! In a protocol of rows every element is treated alike, and elements meet only in sums over the row and in its maximum. So the
//! registers of a tape fall into
//! - *row* registers, made of public numbers and of what was reduced over the row;
//! - *element* registers, one for each position, made of that position's element and of row registers. The i-th element register of
//!   every position must be the same operation on corresponding arguments: then all positions share one *template*;
//! - mixed registers, in which positions meet.
//!
//! **Sums.** A sum of one template over every position, each once, is a row register.
//!
//! **Maxima.** A mixed register that is proved (`largest.rs`) to be the largest element of some positions counts as one; over all
//! positions it is a row register.
//!
//! **Levels.** A level of one template over every position, each once, is a row register too: less than two steps below the largest.
//!
//! **Twins.** A product with a public number for each column makes one row register for each position, each with a truncation of its own. Where the numbers
//! are the same, these are the same operation on the same arguments: what is known of one of them, given S, is known of the other. So a template may have one
//! of them for all positions, as a factor of the output and nowhere else: what is summed over the row, or taken from it, must be the same register for all.
//!
//! Registers on which no output depends are left out: whether they wrap is nothing to the output.
//!
//! **What is left** ([`Normalised`]): elements u = x - c, where c is nothing, the maximum, or a mean (a function of the row's sum), or n x less the sum without a division,
//! or a multiple of x less a level of these multiples;
//! one sum S over the row of a function of u; and the output a(u) W(S), a product of an element register that knows only u
//! with row registers that know only S. (Some published code takes the maximum from the function of u instead of from x: both that
//! function and a(u) then fall by it.) Everything else is [`Irreducible`], with the reason.
//!
//! Registers are never merged for being equal: each truncation has randomness of its own.

mod largest;
mod product;
mod sort;

#[cfg(test)]
pub(crate) mod tests;

use super::tape::Tape;
use sort::Sorter;
use thiserror::Error;
use viewless_protocols::circuit::Levels;

/// Why a circuit is not reduced.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("step {step}: {why}")]
pub struct Irreducible {
    /// Position in the tape, or in the list of what is the same for every element.
    pub step: usize,
    /// What was found.
    pub why: &'static str,
}

/// A reduced circuit.
#[derive(Debug, Clone, PartialEq)]
pub enum Reduced {
    /// The output is the largest element itself.
    Maximum,
    /// The output is a level of the row, by the law of [`Levels`], and these domains are claimed for its elements.
    Level(Levels, Vec<ClaimUsed>),
    /// The output is an element function over a row function.
    Normalised(Box<Normalised>),
}

/// See the module's text.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalised {
    /// What is taken from every element first.
    pub shift: Shift,
    /// From u to what it adds to the sum, and to a(u): outputs `summand` and `factor`.
    pub element: Tape,
    /// Whether both are less, by the largest element of the row, than the tape says.
    pub falls: bool,
    /// From S to the row factors of the output, in order, then to the claimed row quantities.
    pub row: Tape,
    /// Number of row factors.
    pub factors: usize,
    /// How the output is made of a(u), from the inside out.
    pub links: Vec<Link>,
    /// Domains claimed for the row outputs after the factors.
    pub row_claims: Vec<ClaimUsed>,
    /// Domains claimed for the element itself.
    pub claims_of_element: Vec<ClaimUsed>,
    /// Domains claimed for u.
    pub claims_of_shifted: Vec<ClaimUsed>,
    /// u^2 + `linear` u + `constant`, to within so many units, if the summand is a square; and a(u) likewise.
    pub summand: Option<Quadratic>,
    /// See `summand`.
    pub factor: Option<Quadratic>,
    /// For each step of the circuit's tape whether `element`, `row` or `links` hold it, with the bound that it rests on: whoever bounds these need not
    /// bound it again.
    pub held: Vec<bool>,
}

/// A claimed domain that restricts the rows to be bounded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClaimUsed {
    /// Smallest number claimed.
    pub low: f64,
    /// Largest number claimed.
    pub high: f64,
    /// Position among the tape's claims.
    pub position: usize,
    /// What is added to a number before it is what is claimed about; `low` and `high` are without it.
    pub offset: f64,
}

/// What is taken from every element first.
#[derive(Debug, Clone, PartialEq)]
pub enum Shift {
    /// Nothing.
    None,
    /// The largest element of the row, exactly.
    Maximum,
    /// What the tape makes of the sum of all elements.
    Mean(Tape),
    /// A level of the row of what is made of the elements: nothing, or a multiple.
    Level {
        /// Which there are.
        levels: Levels,
        /// From an element to that of which it is a level, its only output.
        scaled: Tape,
        /// The factor; `None` where elements are taken as they are.
        factor: Option<f64>,
    },
    /// The exact mean, and all of it is multiplied by a number: u is `factor` (x - mean), without an error.
    Centred {
        /// The number.
        factor: f64,
    },
}

/// One step of the output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Link {
    /// Times a row factor; the product has so many fraction bits before it is brought to another precision.
    Factor(usize, i32),
    /// Times a public number, as it is encoded in the ring, and as it is meant.
    Number {
        /// In the ring.
        ring: f64,
        /// Over the reals.
        real: f64,
        /// Fraction bits of the product.
        bits: i32,
    },
    /// Truncated to so many fraction bits.
    Truncation(u8),
    /// With so many fraction bits it must be below 2^`room_bits` units, because a ring narrower than a word is planned for it.
    Room {
        /// Fraction bits.
        bits: i32,
        /// Binary logarithm of the bound.
        room_bits: u8,
    },
}

/// `square` u^2 + `linear` u + `constant`, exactly over the reals; in the ring to within `error` + `growth` |u|, in real units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quadratic {
    /// Coefficient of u^2.
    pub square: f64,
    /// Coefficient of u.
    pub linear: f64,
    /// The rest.
    pub constant: f64,
    /// Bound of what truncations add.
    pub error: f64,
    /// The same, for each unit of |u|.
    pub growth: f64,
}

/// Reduces the circuit of one row: elements are those of the input called `input`, and other inputs are public numbers, the same in
/// every column.
///
/// # Errors
/// [`Irreducible`] says which step is not of the kind described above.
pub fn reduce(tape: &Tape, input: &str, others: &[(&str, f64)]) -> Result<Reduced, Irreducible> {
    let row = tape.inputs.iter().find(|candidate| candidate.name == input);
    let row = row.ok_or(Irreducible { step: 0, why: "there is no such input" })?;
    Sorter::sort(tape, row, others)?.finish()
}
