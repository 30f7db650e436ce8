//! The certified bound: an interval that contains the output of every run that does not wrap, whatever the randomness.
//!
//! A circuit becomes a [`Tape`] of arithmetic on single numbers. The [`Interpreter`] runs it over forms (an interval and an affine
//! form of each number) by the laws of fixed point ([`viewless_protocols::scheme::laws`]), or over the reals without any rounding.
//! Its inputs are [`Cell`]s, runs of consecutive fixed-point numbers down to a single one; so what holds of a cell holds of each
//! number in it. [`reduce`] makes tapes of one number from the circuit of a row. [`search`] splits cells until the largest error is known. [`Tape::enclose`] is the same circuit by MPFR.
//!
//! A number that may leave the headroom of 2^62 before a truncation, or 2^63 elsewhere, makes its cell *unbounded*: beyond, the ring
//! wraps.

#![deny(clippy::wildcard_enum_match_arm, reason = "a catch-all hides a new operation from the pass that must learn it")]

mod angle;
mod exact;
mod form;
mod interpret;
mod power;
pub mod reduce;
pub mod search;
mod table;
mod tape;
mod waves;

#[cfg(test)]
mod tests;

pub use interpret::{Interpreter, Left};
pub use tape::{Register, Scalar, Step, Tape, TapeClaim, TapeError, TapeInput, TapeOutput};

use form::LANES;

/// Cases that [`Interpreter::intervals_of_many`] runs in the time of one.
pub const CASES_AT_ONCE: usize = LANES;
use rayon::prelude::*;
use thiserror::Error;
use viewless_protocols::fixed::{EncodeError, power_of_two};
use viewless_protocols::scheme::Truncation;

/// What numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// Fixed point in Z_2^64, every truncation giving floor or ceiling as it likes, until it wraps.
    Ring(Truncation),
    /// Real numbers: what the circuit means. The bound is then that of the approximation alone.
    Reals,
}

/// A tape that cannot be bounded.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum BoundError {
    /// No tape.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// A public number without an encoding.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A trigonometric sum that cannot be compiled.
    #[error("a period of {units} units is no word of 2 to 32 bits")]
    Period {
        /// Units of a period.
        units: f64,
    },
    /// A look-up that cannot be compiled.
    #[error(
        "an index of {index_bits} bits, {index_fraction_bits} of them fraction bits, of a number with {argument_bits} fraction bits is no part \
         of its word"
    )]
    Index {
        /// Binary logarithm of the number of entries.
        index_bits: u8,
        /// Binary logarithm of the steps in a unit.
        index_fraction_bits: i8,
        /// Fraction bits of the argument.
        argument_bits: u8,
    },
    /// A power of two that no words are made for.
    #[error("a power of two with {fraction_bits} fraction bits of an exponent with {argument_bits} leaves its words")]
    Power {
        /// Fraction bits of the exponent.
        argument_bits: u8,
        /// Fraction bits of the power.
        fraction_bits: u8,
    },
    /// A circuit that is not a function of one number.
    #[error("the circuit has {inputs} input and {outputs} output elements; a function of one number has one of each")]
    NotElementwise {
        /// Elements of its inputs.
        inputs: usize,
        /// Elements of its outputs.
        outputs: usize,
    },
}

/// The fixed-point numbers from `low` to `high`, both included, in units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// The smallest.
    pub low: i64,
    /// The largest.
    pub high: i64,
}

/// What the runs on the numbers of a cell can give, in real units.
///
/// For the number at `t` in [-1, 1] of the way from the middle of the cell to its end, the output is `centre` + `slope` t to within
/// `rest`; and it is between `low` and `high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Response {
    /// Output in the middle.
    pub centre: f64,
    /// Change towards the upper end.
    pub slope: f64,
    /// What randomness, rounding and curvature may add.
    pub rest: f64,
    /// Smallest output.
    pub low: f64,
    /// Largest output.
    pub high: f64,
    /// Whether all this holds: no number of any run leaves the headroom.
    pub bounded: bool,
    /// Expected number of truncations that wrap in one run, at most.
    pub wraps: f64,
}

/// An interval of outputs, in real units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Smallest output.
    pub low: f64,
    /// Largest output.
    pub high: f64,
}

impl Cell {
    /// Numbers in it.
    #[must_use]
    pub fn count(self) -> u64 {
        self.high.abs_diff(self.low) + 1
    }

    /// A number in the middle.
    #[must_use]
    pub fn middle(self) -> i64 {
        self.low + (self.high.abs_diff(self.low) / 2) as i64
    }

    /// Two halves; `None` for a single number.
    #[must_use]
    pub fn halves(self) -> Option<[Self; 2]> {
        let middle = self.middle();
        (self.low < self.high)
            .then_some([Self { low: self.low, high: middle }, Self { low: middle + 1, high: self.high }])
    }
}

/// Comparisons that are tried both ways.
const MOST_CASES: u32 = 3;

/// The ends of the only input in each lane, in units of which the cells count parts.
fn ends_of(cells: &[Cell], grain: f64) -> impl Fn(usize, usize) -> (f64, f64) + use<'_> {
    move |_, lane| {
        let cell = cells[lane.min(cells.len() - 1)];
        (cell.low as f64 * grain, cell.high as f64 * grain)
    }
}

impl Response {
    /// What holds of both.
    fn join(&self, other: &Self) -> Self {
        let middle = |a: f64, b: f64| (a + b) / 2.0;
        let apart = |a: f64, b: f64| (a - b).abs() / 2.0;
        let (centre, slope) = (middle(self.centre, other.centre), middle(self.slope, other.slope));
        let apart = apart(self.centre, other.centre) + apart(self.slope, other.slope);
        let slack =
            4.0 * f64::EPSILON * (self.centre.abs() + other.centre.abs() + self.slope.abs() + other.slope.abs());
        Self {
            centre,
            slope,
            rest: self.rest.max(other.rest) + apart + slack,
            low: self.low.min(other.low),
            high: self.high.max(other.high),
            bounded: self.bounded && other.bounded,
            wraps: self.wraps.max(other.wraps),
        }
    }
}

impl Interpreter {
    /// Bounds a function of one number on each of many cells, in parallel.
    ///
    /// # Errors
    /// [`BoundError::NotElementwise`].
    pub fn respond(&self, cells: &[Cell]) -> Result<Vec<Response>, BoundError> {
        let tape = self.tape();
        let inputs = tape.inputs.iter().map(|input| input.elements).sum();
        let outputs = tape.outputs.iter().map(|output| output.registers.len()).sum();
        if inputs != 1 || outputs != 1 {
            return Err(BoundError::NotElementwise { inputs, outputs });
        }
        Ok(self.respond_each(cells)?.into_iter().flatten().collect())
    }

    /// As [`Interpreter::respond`], of a circuit of one number with any number of outputs: for each cell, one response each, in order.
    ///
    /// # Errors
    /// [`BoundError::NotElementwise`].
    pub fn respond_each(&self, cells: &[Cell]) -> Result<Vec<Vec<Response>>, BoundError> {
        let tape = self.tape();
        let inputs = tape.inputs.iter().map(|input| input.elements).sum();
        let outputs = tape.outputs.iter().map(|output| output.registers.len()).sum();
        if inputs != 1 {
            return Err(BoundError::NotElementwise { inputs, outputs });
        }
        let block = |cells: &[Cell]| {
            let outcome = self.run(ends_of(cells, 1.0));
            (0..cells.len()).map(|lane| self.responses(&outcome, lane)).collect::<Vec<_>>()
        };
        Ok(cells.par_chunks(LANES).flat_map_iter(block).collect())
    }

    /// As [`Interpreter::respond_each`], where comparisons that a cell leaves open are tried both ways, and what all ways give is
    /// joined: for cells of real numbers, which cannot be split at a threshold. The cells count parts of a unit of the input, `grain`,
    /// which is a power of two.
    ///
    /// # Errors
    /// [`BoundError::NotElementwise`].
    pub fn respond_by_cases(&self, cells: &[Cell], grain: f64) -> Result<Vec<Vec<Response>>, BoundError> {
        let tape = self.tape();
        let inputs = tape.inputs.iter().map(|input| input.elements).sum();
        let outputs = tape.outputs.iter().map(|output| output.registers.len()).sum();
        if inputs != 1 {
            return Err(BoundError::NotElementwise { inputs, outputs });
        }
        let block = |cells: &[Cell]| {
            let outcome = self.run(ends_of(cells, grain));
            (0..cells.len()).map(|lane| (self.responses(&outcome, lane), outcome.undecided[lane])).collect::<Vec<_>>()
        };
        let (mut found, undecided): (Vec<Vec<Response>>, Vec<u32>) =
            cells.par_chunks(LANES).flat_map_iter(block).unzip();
        for count in 1..=MOST_CASES {
            let which: Vec<usize> = (0..cells.len()).filter(|&i| undecided[i] == count).collect();
            let cells: Vec<Cell> = which.iter().map(|&i| cells[i]).collect();
            let assume = |outcomes: u32| -> Vec<Vec<Response>> {
                let block = |cells: &[Cell]| {
                    let outcome = self.run_assuming(ends_of(cells, grain), ([outcomes; LANES], count));
                    (0..cells.len()).map(|lane| self.responses(&outcome, lane)).collect::<Vec<_>>()
                };
                cells.par_chunks(LANES).flat_map_iter(block).collect()
            };
            let ways: Vec<Vec<Vec<Response>>> = (0..1 << count).map(assume).collect();
            for (k, &i) in which.iter().enumerate() {
                for (output, response) in found[i].iter_mut().enumerate() {
                    let join = |joined: Response, way: &Vec<Vec<Response>>| joined.join(&way[k][output]);
                    *response = ways[1..].iter().fold(ways[0][k][output], join);
                }
            }
        }
        Ok(found)
    }

    /// What a lane gave, in real units, by the only input.
    fn responses(&self, outcome: &interpret::Outcome, lane: usize) -> Vec<Response> {
        let tape = self.tape();
        let input = tape.steps.iter().position(|step| matches!(step.scalar, Scalar::Input(_))).unwrap_or(0) as u32;
        let bits = tape.outputs.iter().flat_map(|output| output.registers.iter().map(|_| output.fraction_bits));
        let response = |(output, bits): (&form::Form, u8)| {
            let unit = power_of_two(-i32::from(bits));
            let slope = output.terms.iter().find(|(symbol, _)| *symbol == input);
            let slope = slope.map_or(0.0, |(_, slope)| slope[lane]);
            Response {
                centre: output.centre[lane] * unit,
                slope: slope * unit,
                rest: (output.radius[lane] - slope.abs()).max(0.0) * (1.0 + 1e-12) * unit
                    + output.radius[lane] * f64::EPSILON * unit,
                low: output.low[lane] * unit,
                high: output.high[lane] * unit,
                bounded: outcome.left[lane].is_none(),
                wraps: outcome.wraps[lane],
            }
        };
        outcome.outputs.iter().zip(bits).map(response).collect()
    }

    /// The interval of each output element for given inputs, in units, each element a pair of ends; `None` when a number may leave the
    /// headroom. The inputs are those of the circuit, in order, joined.
    ///
    /// # Panics
    /// When the number of inputs is not that of the circuit.
    #[must_use]
    pub fn intervals(&self, inputs: &[(f64, f64)]) -> Option<Vec<Interval>> {
        self.intervals_of_many(&[inputs]).pop().flatten()
    }

    /// The first number that leaves the headroom, or may, in runs on each of many inputs, which are as those of
    /// [`Interpreter::intervals`]; absent where all stay within.
    ///
    /// # Panics
    /// When the number of inputs of a case is not that of the circuit.
    #[must_use]
    pub fn first_to_leave<C: AsRef<[(f64, f64)]> + Sync>(&self, cases: &[C]) -> Vec<Option<Left>> {
        self.blocks(cases, |outcome, count| outcome.left[..count].to_vec())
    }

    /// What is read off the outcome of each block of at most [`CASES_AT_ONCE`] cases, joined.
    fn blocks<C: AsRef<[(f64, f64)]> + Sync, T: Send>(
        &self,
        cases: &[C],
        read: impl Fn(&interpret::Outcome, usize) -> Vec<T> + Sync,
    ) -> Vec<T> {
        let expected: usize = self.tape().inputs.iter().map(|input| input.elements).sum();
        assert!(cases.iter().all(|case| case.as_ref().len() == expected), "one pair of ends for each input element");
        let block = |cases: &[C]| {
            let outcome = self.run(|element, lane| cases[lane.min(cases.len() - 1)].as_ref()[element]);
            read(&outcome, cases.len())
        };
        cases.par_chunks(LANES).flat_map_iter(block).collect()
    }

    /// As [`Interpreter::intervals`] for many cases, in parallel.
    ///
    /// # Panics
    /// When the number of inputs of a case is not that of the circuit.
    #[must_use]
    pub fn intervals_of_many<C: AsRef<[(f64, f64)]> + Sync>(&self, cases: &[C]) -> Vec<Option<Vec<Interval>>> {
        let tape = self.tape();
        let bits = || tape.outputs.iter().flat_map(|output| output.registers.iter().map(|_| output.fraction_bits));
        self.blocks(cases, |outcome, count| {
            let interval = |lane: usize| {
                let one = |(form, bits): (&form::Form, u8)| {
                    let unit = power_of_two(-i32::from(bits));
                    Interval { low: form.low[lane] * unit, high: form.high[lane] * unit }
                };
                outcome.left[lane].is_none().then(|| outcome.outputs.iter().zip(bits()).map(one).collect::<Vec<_>>())
            };
            (0..count).map(interval).collect()
        })
    }
}
