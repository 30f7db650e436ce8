//! What single operations do to a uniform argument, and bounds of words.

use super::{Checker, State};
use std::collections::HashMap;
use viewless_protocols::program::{Constant, Local, Op, WordFunction};
use viewless_protocols::shape::Move;

/// Whether the result of an operation is uniform when one argument is, whatever the others are.
pub(super) enum Keeps {
    Yes,
    /// When all parts are.
    WithAllParts,
    /// The result has zeros above.
    Widened,
    /// The low bits of the result, this many, are.
    LowBits(u8),
    No,
}

impl Checker<'_> {
    pub(super) fn keeps_uniform(&self, user: usize, position: usize) -> Keeps {
        let value = &self.program.values[user];
        let Op::Local(local, arguments) = &value.op else { return Keeps::No };
        let argument = self.program.value(arguments[position]);
        let yes_if = |yes: bool| if yes { Keeps::Yes } else { Keeps::No };
        let as_many = argument.shape.elements() == value.shape.elements();
        match local {
            Local::Add | Local::Sub | Local::Xor => yes_if(as_many),
            Local::Mul => {
                let odd = match self.constant(arguments[1 - position].index()) {
                    Some(Constant::Splat(word)) => word & 1 == 1,
                    Some(Constant::Words(words)) => words.iter().all(|word| word & 1 == 1),
                    None => false,
                };
                yes_if(as_many && odd)
            }
            Local::MatMul => yes_if(self.matrix_keeps(arguments[1 - position].index(), position)),
            Local::Neg | Local::Not | Local::BitReversal | Local::Sum(_) => Keeps::Yes,
            Local::Move(Move::Reshape(_) | Move::Transpose(_) | Move::Slice { .. }) => Keeps::Yes,
            Local::Move(Move::Broadcast(_)) => yes_if(as_many),
            Local::Move(Move::Windows(_)) => Keeps::No,
            Local::Concat(_) => Keeps::WithAllParts,
            Local::Convert(domain) if domain.bits() > argument.domain.bits() => Keeps::Widened,
            Local::Convert(_) => Keeps::Yes,
            Local::ShiftRight(shift) | Local::ShiftRightArithmetic(shift) => {
                Keeps::LowBits(value.domain.bits().saturating_sub(*shift))
            }
            Local::Function(function) => yes_if(is_even(function)),
            Local::And | Local::ShiftLeft(_) => Keeps::No,
        }
    }

    pub(super) fn constant(&self, value: usize) -> Option<&Constant> {
        match &self.program.values[self.origin[value]].op {
            Op::Constant(constant) => Some(constant),
            Op::Input { .. } | Op::Sample { .. } | Op::Local(..) | Op::Send(..) | Op::Reveal { .. } => None,
        }
    }

    /// Whether the product with a constant matrix, at the other side of a uniform one at `position`, reaches every result equally
    /// often: whether the matrix modulo 2 has as many independent columns (rows, if it is the left one) as there are.
    fn matrix_keeps(&self, matrix: usize, position: usize) -> bool {
        let Some(Constant::Words(words)) = self.constant(matrix) else { return false };
        let &[rows, columns] = self.program.values[matrix].shape.axes() else { return false };
        let (count, length) = if position == 0 { (columns, rows) } else { (rows, columns) };
        if length > u64::BITS as usize {
            return false;
        }
        let vector = |i: usize| {
            (0..length).fold(0, |bits, j| {
                let word = words[if position == 0 { j * columns + i } else { i * columns + j }];
                bits | (word & 1) << j
            })
        };
        let mut basis: Vec<u64> = Vec::new();
        (0..count).map(vector).all(|vector| {
            let rest = basis.iter().fold(vector, |rest, &base| rest.min(rest ^ base));
            basis.push(rest);
            rest != 0
        })
    }

    /// The words of a value are below 2^b for this b; looks a few operations back.
    pub(super) fn bits_at_most(&self, value: usize, depth: usize) -> u8 {
        let value = &self.program.values[value];
        let width = value.domain.bits();
        let Some(depth) = depth.checked_sub(1) else { return width };
        let argument = |i: usize| self.bits_at_most(value.op.arguments()[i].index(), depth);
        let size = |word: &u64| u64::BITS as u8 - word.leading_zeros() as u8;
        let bits = match &value.op {
            Op::Constant(Constant::Splat(word)) => size(word),
            Op::Constant(Constant::Words(words)) => words.iter().map(size).max().unwrap_or(0),
            Op::Send(..) | Op::Reveal { .. } | Op::Local(Local::Convert(_) | Local::Move(_), _) => argument(0),
            Op::Local(Local::ShiftRight(shift), _) => argument(0).saturating_sub(*shift),
            Op::Local(Local::And, _) => argument(0).min(argument(1)),
            Op::Local(Local::Xor, _) => argument(0).max(argument(1)),
            Op::Local(Local::Add, _) => argument(0).max(argument(1)).saturating_add(1),
            Op::Local(Local::Concat(_), parts) => (0..parts.len()).map(argument).max().unwrap_or(width),
            Op::Local(Local::Function(function), _) => match &**function {
                WordFunction::Table { entries, .. } => entries.iter().map(size).max().unwrap_or(width),
                WordFunction::Remainder { modulus, .. } => size(&(modulus - 1)),
                WordFunction::Waves { .. } => width,
            },
            Op::Input { .. } | Op::Sample { .. } | Op::Local(..) => width,
        };
        bits.min(width)
    }

    /// Whether two slices of one tensor have no element in common.
    pub(super) fn are_apart(&self, one: usize, other: usize) -> bool {
        let slice = |value: usize| match &self.program.values[value].op {
            Op::Local(Local::Move(Move::Slice { axis, start, length }), _) => Some((*axis, *start, start + length)),
            Op::Input { .. }
            | Op::Constant(_)
            | Op::Sample { .. }
            | Op::Local(..)
            | Op::Send(..)
            | Op::Reveal { .. } => None,
        };
        match (slice(one), slice(other)) {
            (Some((axis, start, end)), Some((other_axis, other_start, other_end))) => {
                axis == other_axis && (end <= other_start || other_end <= start)
            }
            (None, _) | (_, None) => false,
        }
    }

    /// What the coalition applies public bijections to, to make an output: the value before all rearrangements of elements or
    /// bits. (What somebody else rearranged before sending it is not looked into.)
    pub(super) fn before_bijections(&self, output: usize) -> usize {
        let mut at = output;
        while self.state[at] == State::Derived {
            let Some(argument) = self.before_bijection(at) else { break };
            at = argument;
        }
        at
    }

    /// The argument of a public bijection.
    pub(super) fn before_bijection(&self, at: usize) -> Option<usize> {
        let Op::Local(local, arguments) = &self.program.values[at].op else { return None };
        let argument = self.origin[arguments[0].index()];
        let is_bijection = match local {
            Local::Move(Move::Reshape(_) | Move::Transpose(_)) | Local::BitReversal => true,
            Local::Convert(to) => to.bits() == self.program.values[argument].domain.bits(),
            Local::Add
            | Local::Sub
            | Local::Neg
            | Local::Mul
            | Local::MatMul
            | Local::Sum(_)
            | Local::And
            | Local::Xor
            | Local::Not
            | Local::ShiftLeft(_)
            | Local::ShiftRight(_)
            | Local::ShiftRightArithmetic(_)
            | Local::Move(_)
            | Local::Concat(_)
            | Local::Function(_) => false,
        };
        is_bijection.then_some(argument)
    }
}

/// Whether a function reaches every word of its domain, each from equally many words.
fn is_even(function: &WordFunction) -> bool {
    match function {
        WordFunction::Table { entries, domain } => {
            let mut count: HashMap<u64, usize> = HashMap::new();
            entries.iter().for_each(|&entry| *count.entry(entry).or_default() += 1);
            let all = domain.bits() < 32 && count.len() as u64 == 1 << domain.bits();
            all && count.values().all(|&times| times == entries.len() / count.len())
        }
        WordFunction::Waves { .. } | WordFunction::Remainder { .. } => false,
    }
}
