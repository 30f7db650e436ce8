//! Operations on short stretches of tensors, by the calling thread: what is made of a stretch is read again while it lies in a cache.

use super::bits::{ring_bits, shift_left, shift_right, shift_right_arithmetic, signed};
use super::elementwise::{Binary, Unary};
use super::layout::{Walk, broadcast_strides};
use super::{CodePath, Work};
use viewless_protocols::ring::bit_reversal;

/// A stretch of an operand.
#[derive(Debug, Clone, Copy)]
pub enum Stretch<'a> {
    /// A word for each element.
    Words(&'a [u64]),
    /// The same word for each.
    Word(u64),
}

impl Stretch<'_> {
    fn is_as_long_as(&self, length: usize) -> bool {
        match self {
            Self::Words(words) => words.len() == length,
            Self::Word(_) => true,
        }
    }
}

/// `out = op(a, b)` modulo the ring, element by element.
///
/// # Panics
/// If the lengths differ.
pub fn binary(path: CodePath, op: Binary, mask: u64, a: Stretch<'_>, b: Stretch<'_>, out: &mut [u64]) {
    assert!(
        a.is_as_long_as(out.len()) && b.is_as_long_as(out.len()),
        "operands and result are stretches of one length"
    );
    path.run(BinaryStretch { op, mask, a, b, out });
}

/// `out = op(a)` in the ring, element by element.
///
/// # Panics
/// If the lengths differ.
pub fn unary(path: CodePath, op: Unary, mask: u64, a: Stretch<'_>, out: &mut [u64]) {
    assert!(a.is_as_long_as(out.len()), "operand and result are stretches of one length");
    path.run(UnaryStretch { op, mask, a, out });
}

/// `out = out + a` modulo 2^64, element by element.
///
/// # Panics
/// If the lengths differ.
pub fn add_to(path: CodePath, a: Stretch<'_>, out: &mut [u64]) {
    assert!(a.is_as_long_as(out.len()), "operand and result are stretches of one length");
    path.run(AddTo { a, out });
}

/// `out = out mod 2^k`, element by element, for the mask 2^k - 1.
pub fn reduce(path: CodePath, mask: u64, out: &mut [u64]) {
    path.run(ReduceAll { mask, out });
}

struct ReduceAll<'a> {
    mask: u64,
    out: &'a mut [u64],
}

impl Work for ReduceAll<'_> {
    type Output = ();

    #[inline(always)]
    fn work(self) {
        self.out.iter_mut().for_each(|word| *word &= self.mask);
    }
}

struct BinaryStretch<'a> {
    op: Binary,
    mask: u64,
    a: Stretch<'a>,
    b: Stretch<'a>,
    out: &'a mut [u64],
}

impl Work for BinaryStretch<'_> {
    type Output = ();

    /// One loop for each operation, so that each is vectorised; in the ring Z_2^64 there is nothing to reduce.
    #[inline(always)]
    fn work(self) {
        let mask = self.mask;
        match (self.op, mask == u64::MAX) {
            (Binary::Add, true) => self.for_each(u64::wrapping_add),
            (Binary::Sub, true) => self.for_each(u64::wrapping_sub),
            (Binary::Mul, true) => self.for_each(u64::wrapping_mul),
            (Binary::And, true) => self.for_each(|a, b| a & b),
            (Binary::Or, true) => self.for_each(|a, b| a | b),
            (Binary::Xor, true) => self.for_each(|a, b| a ^ b),
            (Binary::Add, false) => self.for_each(|a, b| a.wrapping_add(b) & mask),
            (Binary::Sub, false) => self.for_each(|a, b| a.wrapping_sub(b) & mask),
            (Binary::Mul, false) => self.for_each(|a, b| a.wrapping_mul(b) & mask),
            (Binary::And, false) => self.for_each(|a, b| a & b & mask),
            (Binary::Or, false) => self.for_each(|a, b| (a | b) & mask),
            (Binary::Xor, false) => self.for_each(|a, b| (a ^ b) & mask),
        }
    }
}

impl BinaryStretch<'_> {
    #[inline(always)]
    fn for_each(self, op: impl Fn(u64, u64) -> u64) {
        match (self.a, self.b) {
            (Stretch::Words(a), Stretch::Words(b)) => {
                for ((out, &a), &b) in self.out.iter_mut().zip(a).zip(b) {
                    *out = op(a, b);
                }
            }
            (Stretch::Words(a), Stretch::Word(b)) => self.out.iter_mut().zip(a).for_each(|(out, &a)| *out = op(a, b)),
            (Stretch::Word(a), Stretch::Words(b)) => self.out.iter_mut().zip(b).for_each(|(out, &b)| *out = op(a, b)),
            (Stretch::Word(a), Stretch::Word(b)) => self.out.fill(op(a, b)),
        }
    }
}

struct UnaryStretch<'a> {
    op: Unary,
    mask: u64,
    a: Stretch<'a>,
    out: &'a mut [u64],
}

impl Work for UnaryStretch<'_> {
    type Output = ();

    #[inline(always)]
    fn work(self) {
        let mask = self.mask;
        let bits = ring_bits(mask);
        match self.op {
            Unary::Neg => self.for_each(|a| a.wrapping_neg() & mask),
            Unary::Not => self.for_each(|a| !a & mask),
            Unary::ShiftLeft(shift) => self.for_each(|a| shift_left(a, shift, bits)),
            Unary::ShiftRight(shift) => self.for_each(|a| shift_right(a & mask, shift, bits)),
            Unary::ShiftRightArithmetic(shift) => self.for_each(|a| shift_right_arithmetic(a, shift, bits)),
            Unary::BitReversal => self.for_each(|a| bit_reversal(a, bits as u8)),
            Unary::Reduce => self.for_each(|a| a & mask),
            Unary::SignExtend(from) => self.for_each(|a| signed(a, from) as u64 & mask),
        }
    }
}

impl UnaryStretch<'_> {
    #[inline(always)]
    fn for_each(self, op: impl Fn(u64) -> u64) {
        match self.a {
            Stretch::Words(a) => self.out.iter_mut().zip(a).for_each(|(out, &a)| *out = op(a)),
            Stretch::Word(a) => self.out.fill(op(a)),
        }
    }
}

struct AddTo<'a> {
    a: Stretch<'a>,
    out: &'a mut [u64],
}

impl Work for AddTo<'_> {
    type Output = ();

    #[inline(always)]
    fn work(self) {
        match self.a {
            Stretch::Words(a) => self.out.iter_mut().zip(a).for_each(|(out, &a)| *out = out.wrapping_add(a)),
            Stretch::Word(a) => self.out.iter_mut().for_each(|out| *out = out.wrapping_add(a)),
        }
    }
}

/// A tensor read as one of a larger shape, as numpy broadcasts it.
#[derive(Debug, Clone)]
pub struct Broadcast(Walk<1>);

impl Broadcast {
    /// A tensor of shape `from` read as one of shape `to`, which has elements.
    ///
    /// # Panics
    /// If `from` cannot be broadcast to `to`.
    pub fn new(from: &[usize], to: &[usize]) -> Self {
        Self(Walk::new(to, [&broadcast_strides(from, to)]))
    }

    /// The one element of `from` that the elements `start .. start + length` of `to` repeat, if it is one.
    pub fn single(&self, start: usize, length: usize) -> Option<usize> {
        let run = self.0.runs(start, length).next()?;
        (run.length == length && (self.0.run_strides() == [0] || length == 1)).then_some(run.starts[0])
    }

    /// Writes the elements `start ..` of `to` from the elements `a` of `from`.
    pub fn read(&self, a: &[u64], start: usize, out: &mut [u64]) {
        let [stride] = self.0.run_strides();
        let mut rest = out;
        for run in self.0.runs(start, rest.len()) {
            let (out, after) = std::mem::take(&mut rest).split_at_mut(run.length);
            rest = after;
            let first = run.starts[0];
            match stride {
                0 => out.fill(a[first]),
                _ => out.copy_from_slice(&a[first..first + run.length]),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bits::ring_mask;
    use super::super::elementwise;
    use super::super::layout::elements;
    use super::*;
    use proptest::prelude::*;

    fn numbers(count: usize, seed: u64) -> Vec<u64> {
        (0..count as u64).map(|i| (i ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)).collect()
    }

    proptest! {
        #[test]
        fn stretches_are_made_as_whole_tensors_are(
            length in 1usize..70, bits in 1u32..=64, seed: u64, shift in 0u32..70, single in (any::<bool>(), any::<bool>()),
        ) {
            let mask = ring_mask(bits);
            let (a, b) = (numbers(length, seed), numbers(length, !seed));
            let (a_shape, b_shape) = ([if single.0 { 1 } else { length }], [if single.1 { 1 } else { length }]);
            let stretch = |words, single| if single { Stretch::Word(a_word(words)) } else { Stretch::Words(words) };
            let mut expected = vec![0; length];
            for path in CodePath::available() {
                let mut found = vec![1; length];
                for op in Binary::ALL {
                    let (x, y) = (&a[..a_shape[0]], &b[..b_shape[0]]);
                    elementwise::binary(path, op, mask, x, &a_shape, y, &b_shape, &mut expected, &[length]);
                    binary(path, op, mask, stretch(&a, single.0), stretch(&b, single.1), &mut found);
                    prop_assert_eq!(&expected, &found);
                }
                let reversal = bits.is_power_of_two().then_some(Unary::BitReversal);
                let operations = [
                    Unary::Neg, Unary::Not, Unary::ShiftLeft(shift), Unary::ShiftRight(shift),
                    Unary::ShiftRightArithmetic(shift), Unary::Reduce, Unary::SignExtend(1 + shift % bits),
                ];
                for op in operations.into_iter().chain(reversal) {
                    let x = if single.0 { vec![a[0]; length] } else { a.clone() };
                    elementwise::unary(path, op, mask, &x, &mut expected);
                    unary(path, op, mask, stretch(&a, single.0), &mut found);
                    prop_assert_eq!(&expected, &found);
                }
                let before = found.clone();
                add_to(path, stretch(&a, single.0), &mut found);
                for i in 0..length {
                    prop_assert_eq!(found[i], before[i].wrapping_add(a[if single.0 { 0 } else { i }]));
                }
            }
        }

        #[test]
        fn a_broadcast_is_read_from_anywhere(
            shape in prop::collection::vec(1usize..5, 1..5), repeated in prop::collection::vec(any::<bool>(), 5),
            dropped in 0usize..3, cut in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        ) {
            let from: Vec<usize> = shape.iter().zip(&repeated).map(|(&length, &repeat)| if repeat { 1 } else { length }).collect();
            let leading = from.iter().take_while(|&&length| length == 1).count().min(dropped);
            let from = &from[leading..];
            let a = numbers(elements(from), 3);
            let mut whole = vec![0; elements(&shape)];
            super::super::moves::broadcast_to(&a, from, &mut whole, &shape);
            let (start, end) = (cut.0.index(whole.len()), cut.1.index(whole.len()));
            let (start, end) = (start.min(end), start.max(end) + 1);
            let broadcast = Broadcast::new(from, &shape);
            let mut out = vec![0; end - start];
            broadcast.read(&a, start, &mut out);
            prop_assert_eq!(&out, &whole[start..end]);
            if let Some(single) = broadcast.single(start, end - start) {
                prop_assert!(out.iter().all(|&word| word == a[single]));
            } else {
                prop_assert!(end - start > 1);
            }
        }
    }

    fn a_word(words: &[u64]) -> u64 {
        words[0]
    }

    #[test]
    #[should_panic(expected = "one length")]
    fn stretches_of_other_lengths_are_our_bug() {
        binary(CodePath::Scalar, Binary::Add, u64::MAX, Stretch::Words(&[1]), Stretch::Word(2), &mut [0; 2]);
    }
}
