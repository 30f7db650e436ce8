//! What a single operation does to a uniform argument.

use viewless_protocols::program::{Constant, Local, Op, Program, Value, ValueId, WordFunction};
use viewless_protocols::shape::Move;

/// How an operation passes the uniformity of one argument on to its result, whatever the others are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passes {
    /// The result is uniform: with the other arguments fixed, the map is balanced (all fibres have the same size).
    Uniform,
    /// The result is uniform once every part is.
    WithAllParts,
    /// The result is the argument with zeros above: uniform on a part of its domain.
    Widened,
    /// The low bits of the result, this many, are uniform.
    LowBits(u8),
    /// Nothing can be said.
    Not(&'static str),
}

/// How the operation of `user` passes on the uniformity of its argument at `position`.
pub(super) fn passes(program: &Program, user: &Value, position: usize) -> Passes {
    let Op::Local(local, arguments) = &user.op else {
        return Passes::Not("it is no computation");
    };
    let argument = program.value(arguments[position]);
    let one_for_each = argument.shape.elements() == user.shape.elements();
    match local {
        Local::Add | Local::Sub | Local::Xor if one_for_each => Passes::Uniform,
        Local::Mul if one_for_each && is_odd_constant(program, arguments[1 - position]) => Passes::Uniform,
        Local::Move(Move::Broadcast(_)) if one_for_each => Passes::Uniform,
        Local::Add | Local::Sub | Local::Xor | Local::Move(Move::Broadcast(_)) => {
            Passes::Not("it is broadcast, so that one random word covers several elements")
        }
        Local::Neg
        | Local::Not
        | Local::BitReversal
        | Local::Sum(_)
        | Local::Move(Move::Reshape(_) | Move::Transpose(_) | Move::Slice { .. }) => Passes::Uniform,
        Local::Move(Move::Windows(_)) => {
            Passes::Not("it is spread into windows, so that one random word covers several elements")
        }
        Local::Convert(domain) if domain.bits() <= argument.domain.bits() => Passes::Uniform,
        Local::Convert(_) => Passes::Widened,
        Local::Concat(_) => Passes::WithAllParts,
        Local::MatMul if is_onto(program, arguments[1 - position], position) => Passes::Uniform,
        Local::Mul | Local::MatMul => Passes::Not("it is multiplied by something that need not be odd"),
        Local::And => Passes::Not("it is combined by AND, which can erase it"),
        Local::ShiftLeft(_) => Passes::Not("it is shifted left, so that the low bits are not covered"),
        Local::ShiftRight(shift) | Local::ShiftRightArithmetic(shift) => Passes::LowBits(user.domain.bits() - shift),
        Local::Function(function) if is_balanced(function) => Passes::Uniform,
        Local::Function(_) => Passes::Not("it goes through a function, which need not be a bijection"),
    }
}

fn is_odd_constant(program: &Program, id: ValueId) -> bool {
    match &program.value(id).op {
        Op::Constant(Constant::Splat(word)) => word % 2 == 1,
        Op::Constant(Constant::Words(words)) => words.iter().all(|word| word % 2 == 1),
        Op::Input { .. } | Op::Sample { .. } | Op::Local(..) | Op::Send(..) | Op::Reveal { .. } => false,
    }
}

/// Whether products of a uniform matrix, the factor at `position`, with this constant one are uniform: whether Gaussian elimination
/// modulo 2 finds an odd pivot for each column (for each row, where the constant stands on the left).
fn is_onto(program: &Program, constant: ValueId, position: usize) -> bool {
    let value = program.value(constant);
    let (Op::Constant(Constant::Words(words)), &[rows, columns]) = (&value.op, value.shape.axes()) else {
        return false;
    };
    if rows.max(columns) > 64 {
        return false;
    }
    let odd = |row: usize, column: usize| words[row * columns + column] % 2 == 1;
    let mut vectors: Vec<Vec<bool>> = if position == 0 {
        (0..columns).map(|column| (0..rows).map(|row| odd(row, column)).collect()).collect()
    } else {
        (0..rows).map(|row| (0..columns).map(|column| odd(row, column)).collect()).collect()
    };
    while let Some(vector) = vectors.pop() {
        let Some(pivot) = vector.iter().position(|&bit| bit) else { return false };
        for other in vectors.iter_mut().filter(|other| other[pivot]) {
            other.iter_mut().zip(&vector).for_each(|(bit, &with)| *bit ^= with);
        }
    }
    true
}

/// Whether each word of the result comes from equally many words.
fn is_balanced(function: &WordFunction) -> bool {
    let WordFunction::Table { entries, domain } = function else { return false };
    let mut sorted = entries.clone();
    sorted.sort_unstable();
    let Some(each) = entries.len().checked_shr(u32::from(domain.bits())).filter(|&each| each > 0) else { return false };
    sorted.chunks(each).enumerate().all(|(word, chunk)| chunk.iter().all(|&entry| entry == word as u64))
}

/// Whether two values are slices, along one axis, without a common element.
pub(super) fn are_apart(program: &Program, one: ValueId, other: ValueId) -> bool {
    let range = |id: ValueId| {
        let Op::Local(Local::Move(Move::Slice { axis, start, length }), _) = &program.value(id).op else { return None };
        Some((*axis, *start..start + length))
    };
    match (range(one), range(other)) {
        (Some((axis, one)), Some((same, other))) if axis == same => one.end <= other.start || other.end <= one.start,
        (Some(_), Some(_)) | (None, _) | (_, None) => false,
    }
}

/// A number of bits that the words of a value, read as unsigned, do not exceed, from the operations near it.
pub(super) fn bound_bits(program: &Program, id: ValueId, depth: usize) -> u8 {
    let value = program.value(id);
    let width = value.domain.bits();
    let length = |word: u64| (64 - word.leading_zeros()) as u8;
    if depth == 0 {
        return width;
    }
    let of = |argument: &ValueId| bound_bits(program, *argument, depth - 1);
    let bound = match &value.op {
        Op::Constant(Constant::Splat(word)) => length(*word),
        Op::Constant(Constant::Words(words)) => words.iter().map(|&word| length(word)).max().unwrap_or(0),
        Op::Send(argument, _) | Op::Reveal { value: argument, .. } => of(argument),
        Op::Input { .. } | Op::Sample { .. } => width,
        Op::Local(local, arguments) => match local {
            Local::Convert(_) | Local::Move(_) => of(&arguments[0]),
            Local::ShiftRight(shift) => of(&arguments[0]).saturating_sub(*shift),
            Local::And => of(&arguments[0]).min(of(&arguments[1])),
            Local::Xor => of(&arguments[0]).max(of(&arguments[1])),
            Local::Add => of(&arguments[0]).max(of(&arguments[1])).saturating_add(1),
            Local::Concat(_) => arguments.iter().map(of).max().unwrap_or(width),
            Local::Function(function) => match &**function {
                WordFunction::Table { entries, .. } => {
                    entries.iter().map(|&entry| length(entry)).max().unwrap_or(width)
                }
                WordFunction::Remainder { modulus, .. } => length(modulus - 1),
                WordFunction::Waves { .. } => width,
            },
            Local::Sub
            | Local::Neg
            | Local::Mul
            | Local::MatMul
            | Local::Sum(_)
            | Local::Not
            | Local::ShiftLeft(_)
            | Local::ShiftRightArithmetic(_)
            | Local::BitReversal => width,
        },
    };
    bound.min(width)
}

/// Distance of v + s from s, over all `elements`, for s uniform in 0..2^`mask_bits` and v in 0..2^`bits`: each element is off
/// by at most (2^bits - 1) / 2^mask_bits.
pub(super) fn wide_distance(elements: usize, bits: u8, mask_bits: u8) -> f64 {
    let exact = |exponent: u8| 2f64.powi(i32::from(exponent));
    elements as f64 * (exact(bits) / exact(mask_bits))
}
