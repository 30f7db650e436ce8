//! What single operations do to a uniform argument, and bounds of words.

use super::Checker;
use viewless_protocols::program::{Constant, Function, Local, Op};
use viewless_protocols::shape::Move;

/// Whether the result of an operation is uniform when one argument is, whatever the others are.
pub(super) enum Keeps {
    Yes,
    WithAllParts,
    Widened,
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
                let factor = &self.program.values[self.origin[arguments[1 - position].index()]];
                let odd = match &factor.op {
                    Op::Constant(Constant::Splat(word)) => word & 1 == 1,
                    Op::Constant(Constant::Words(words)) => words.iter().all(|word| word & 1 == 1),
                    Op::Input { .. } | Op::Sample { .. } | Op::Local(..) | Op::Send(..) | Op::Reveal { .. } => false,
                };
                yes_if(as_many && odd)
            }
            Local::Neg | Local::Not | Local::BitReversal | Local::Sum(_) => Keeps::Yes,
            Local::Move(Move::Reshape(_) | Move::Transpose(_) | Move::Slice { .. }) => Keeps::Yes,
            Local::Move(Move::Broadcast(_)) => yes_if(as_many),
            Local::Concat(_) => Keeps::WithAllParts,
            Local::Convert(domain) if domain.bits() > argument.domain.bits() => Keeps::Widened,
            Local::Convert(_) => Keeps::Yes,
            Local::MatMul
            | Local::And
            | Local::ShiftLeft(_)
            | Local::ShiftRight(_)
            | Local::ShiftRightArithmetic(_)
            | Local::Function(_) => Keeps::No,
        }
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
                Function::Table { entries, .. } => entries.iter().map(size).max().unwrap_or(width),
                Function::Remainder { modulus, .. } => size(&(modulus - 1)),
                Function::Waves { .. } => width,
            },
            Op::Input { .. } | Op::Sample { .. } | Op::Local(..) => width,
        };
        bits.min(width)
    }
}
