//! Random circuits, with shrinking.
//!
//! A [`Recipe`] is a list of steps; each names an operation and operands *modulo what exists* when the step is taken, so that
//! every recipe makes a circuit, and leaving out steps, which is how proptest shrinks, makes a smaller one. A step that does
//! not apply (no bit is there yet, or a value would leave the range) does nothing. Ranges are tracked by interval arithmetic.
//!
//! [`bound`] derives how far a run may be off, element by element; [`property`] is what must hold of every recipe, the same
//! for the test and for the fuzz target.

pub mod bound;
mod builder;
pub mod property;

use crate::FIXED;
use builder::Builder;
use proptest::prelude::*;
use viewless_protocols::circuit::CheckedCircuit;
use viewless_protocols::fixed::FixedPoint;
use viewless_protocols::scheme::Truncation;

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is named for the method of `Circuit` that it calls")]
pub enum Operation {
    Add,
    Neg,
    Sub,
    Offset,
    Client,
    Model,
    Constant,
    Scale,
    Shift,
    Precision,
    Mul,
    Square,
    Sum,
    Mean,
    Reshape,
    Transpose,
    Broadcast,
    Slice,
    Windows,
    Concat,
    MatMul,
    LessThan,
    Less,
    Equal,
    Not,
    And,
    Xor,
    Select,
    Real,
    Fourier,
    Lookup,
    Power,
    Level,
    Claim,
    Reveal,
}

impl Operation {
    /// Every operation, simple ones first: shrinking goes towards the front.
    pub const ALL: [Self; 35] = [
        Self::Add,
        Self::Neg,
        Self::Sub,
        Self::Offset,
        Self::Client,
        Self::Model,
        Self::Constant,
        Self::Scale,
        Self::Shift,
        Self::Precision,
        Self::Mul,
        Self::Square,
        Self::Sum,
        Self::Mean,
        Self::Reshape,
        Self::Transpose,
        Self::Broadcast,
        Self::Slice,
        Self::Windows,
        Self::Concat,
        Self::MatMul,
        Self::LessThan,
        Self::Less,
        Self::Equal,
        Self::Not,
        Self::And,
        Self::Xor,
        Self::Select,
        Self::Real,
        Self::Fourier,
        Self::Lookup,
        Self::Power,
        Self::Level,
        Self::Claim,
        Self::Reveal,
    ];
}

/// One step: an operation, two operands modulo what exists, and a parameter that each operation reads in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What to do.
    pub operation: Operation,
    /// First operand.
    pub a: u8,
    /// Second operand.
    pub b: u8,
    /// A public number, an axis, a number of guard bits.
    pub parameter: i16,
}

/// A circuit to be built, and the numbers to run it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The steps, taken in order after one client input.
    pub steps: Vec<Step>,
    /// Decides the values of the inputs.
    pub data: u32,
}

/// Recipes of at most `steps` steps.
pub fn recipes(steps: usize) -> impl Strategy<Value = Recipe> {
    let step = (prop::sample::select(Operation::ALL.to_vec()), any::<u8>(), any::<u8>(), any::<i16>())
        .prop_map(|(operation, a, b, parameter)| Step { operation, a, b, parameter });
    (prop::collection::vec(step, 1..=steps), any::<u32>()).prop_map(|(steps, data)| Recipe { steps, data })
}

impl Recipe {
    /// Reads a recipe from any bytes: five for a step, after four for the data.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let (data, steps) = bytes.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        let step = |&[operation, a, b, low, high]: &[u8; 5]| Step {
            operation: Operation::ALL[usize::from(operation) % Operation::ALL.len()],
            a,
            b,
            parameter: i16::from_le_bytes([low, high]),
        };
        let (steps, _) = steps.as_chunks::<5>();
        Self { steps: steps.iter().map(step).collect(), data: u32::from_le_bytes(*data) }
    }

    /// Builds the circuit, within the range that `truncation` serves.
    ///
    /// # Panics
    /// When the builder refuses a step: a defect of this generator or of the builder.
    #[must_use]
    pub fn build(&self, truncation: Truncation) -> CheckedCircuit {
        self.build_for(truncation, FIXED)
    }

    /// The same for another fixed point than [`FIXED`].
    ///
    /// # Panics
    /// When the builder refuses a step: a defect of this generator or of the builder.
    #[must_use]
    pub fn build_for(&self, truncation: Truncation, fixed: FixedPoint) -> CheckedCircuit {
        let mut builder = Builder::new(truncation, fixed);
        for step in &self.steps {
            builder.step(step);
        }
        builder.finish()
    }

    /// The numbers of an input: from -3 to 3, half of them multiples of 1/16.
    #[must_use]
    pub fn numbers(&self, name: &str, count: usize) -> Vec<f64> {
        let mut state = name.bytes().fold(u64::from(self.data) + 1, |state, byte| mix(state ^ u64::from(byte)));
        let mut next = || {
            state = mix(state);
            let integer = (state >> 33) as i32 - (1 << 30);
            let number = f64::from(integer) * INPUT_MAGNITUDE / f64::from(1 << 30);
            if state & 1 == 0 { (number * 16.0).round() / 16.0 } else { number }
        };
        (0..count).map(|_| next()).collect()
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014) after its increment.
fn mix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ state >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ state >> 31
}

const INPUT_MAGNITUDE: f64 = 3.0;
