//! Operations on each element, with numpy's broadcasting, and sums along an axis.

use rayon::prelude::*;

use super::bits::ring_bits;
use super::blocks::{self, Stretch};
use super::layout::{Walk, broadcast_strides, elements};
use super::{CodePath, Work};

/// Elements that one thread makes at a time: three operands of 128 KiB fit a level-two cache.
const BLOCK: usize = 1 << 14;

/// An operation on two elements of a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binary {
    /// a + b.
    Add,
    /// a − b.
    Sub,
    /// a · b.
    Mul,
    /// Bitwise a ∧ b.
    And,
    /// Bitwise a ∨ b.
    Or,
    /// Bitwise a ⊕ b.
    Xor,
}

impl Binary {
    /// Every operation.
    pub const ALL: [Self; 6] = [Self::Add, Self::Sub, Self::Mul, Self::And, Self::Or, Self::Xor];
}

/// An operation on one element of the ring Z_2^k.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unary {
    /// −a.
    Neg,
    /// Bitwise ¬a, in k bits.
    Not,
    /// a · 2^shift, zero if the shift is k or more.
    ShiftLeft(u32),
    /// floor(a / 2^shift), a taken as unsigned.
    ShiftRight(u32),
    /// floor(a / 2^shift), a taken as signed: its sign is bit k − 1.
    ShiftRightArithmetic(u32),
    /// The bit-reversal permutation, k a power of two; see [`viewless_protocols::ring::bit_reversal`].
    BitReversal,
    /// a mod 2^k, for an operand from a larger ring; a zero-extended copy, for one from a smaller ring.
    Reduce,
    /// The operand, a word of this many bits (at most k), taken as signed.
    SignExtend(u32),
}

/// `out = op(a, b)` modulo the ring, where `a` and `b` are broadcast to `out_shape` as numpy does. Operands of the smaller ring
/// are expected; bits beyond the ring do not disturb the result's low bits and are cleared.
///
/// # Panics
/// If a slice does not have its shape's length, or a shape cannot be broadcast to `out_shape`.
#[expect(clippy::too_many_arguments, reason = "three tensors, each a slice and a shape")]
pub fn binary(
    path: CodePath,
    op: Binary,
    mask: u64,
    a: &[u64],
    a_shape: &[usize],
    b: &[u64],
    b_shape: &[usize],
    out: &mut [u64],
    out_shape: &[usize],
) {
    ring_bits(mask);
    assert_eq!(a.len(), elements(a_shape), "the left operand has the length of its shape {a_shape:?}");
    assert_eq!(b.len(), elements(b_shape), "the right operand has the length of its shape {b_shape:?}");
    assert_eq!(out.len(), elements(out_shape), "the result has the length of its shape {out_shape:?}");
    let strides = [broadcast_strides(a_shape, out_shape), broadcast_strides(b_shape, out_shape)];
    if out.is_empty() {
        return;
    }
    let walk = Walk::new(out_shape, [&strides[0], &strides[1]]);
    path.assert_available();
    // After coalescing, an operand's stride along the last axis is 1, or 0 if it is repeated there.
    let [a_stride, b_stride] = walk.run_strides();
    in_blocks(out, |start, block| {
        let mut rest = block;
        for run in walk.runs(start, rest.len()) {
            let (out, after) = std::mem::take(&mut rest).split_at_mut(run.length);
            rest = after;
            let [a_start, b_start] = run.starts;
            let (a, b) = (stretch(a, a_stride, a_start, out.len()), stretch(b, b_stride, b_start, out.len()));
            blocks::binary(path, op, mask, a, b, out);
        }
    });
}

/// A run of an operand: its words, or one that is repeated.
fn stretch(words: &[u64], stride: usize, start: usize, length: usize) -> Stretch<'_> {
    match stride {
        0 => Stretch::Word(words[start]),
        _ => Stretch::Words(&words[start..start + length]),
    }
}

/// `out = op(a)` in the ring, element by element.
///
/// # Panics
/// If the slices' lengths differ, or a sign is extended from no bits or from more bits than the ring has.
pub fn unary(path: CodePath, op: Unary, mask: u64, a: &[u64], out: &mut [u64]) {
    assert_eq!(a.len(), out.len(), "the result is as long as the operand");
    if let Unary::SignExtend(from) = op {
        assert!(
            (1..=ring_bits(mask)).contains(&from),
            "a sign is extended from 1 to {} bits, not {from}",
            ring_bits(mask)
        );
    }
    path.assert_available();
    in_blocks(out, |start, block| blocks::unary(path, op, mask, Stretch::Words(&a[start..start + block.len()]), block));
}

/// `out[o, i] = sum over j of a[o, j, i]` modulo the ring, where `a` has shape `[outer, axis_length, inner]`.
///
/// # Panics
/// If a slice does not have its shape's length.
pub fn sum_axis(path: CodePath, a: &[u64], outer: usize, axis_length: usize, inner: usize, mask: u64, out: &mut [u64]) {
    ring_bits(mask);
    assert_eq!(a.len(), outer * axis_length * inner, "the operand has shape [outer, axis_length, inner]");
    assert_eq!(out.len(), outer * inner, "the result has shape [outer, inner]");
    path.assert_available();
    let sum = |run: &[u64]| path.run(Sum(run));
    match (out, inner) {
        ([], _) => {}
        // A few long sums: each is divided among the threads.
        (out, 1) if axis_length > BLOCK => {
            for (out, run) in out.iter_mut().zip(a.chunks_exact(axis_length)) {
                *out = run.par_chunks(BLOCK).map(sum).reduce(|| 0, u64::wrapping_add) & mask;
            }
        }
        (out, 1) if axis_length > 0 => {
            // As many sums to a task as make a block of the operand.
            let sums = BLOCK.div_ceil(axis_length);
            let task = |out: &mut [u64], a: &[u64]| {
                for (out, run) in out.iter_mut().zip(a.chunks_exact(axis_length)) {
                    *out = sum(run) & mask;
                }
            };
            if a.len() <= BLOCK {
                return task(out, a);
            }
            out.par_chunks_mut(sums).zip(a.par_chunks(sums * axis_length)).for_each(|(out, a)| task(out, a));
        }
        (out, _) => {
            let task = |(index, out): (usize, &mut [u64])| {
                path.run(SumRows { a, axis_length, inner, mask, start: index * SUM_BLOCK, out });
            };
            if a.len() <= BLOCK {
                out.chunks_mut(SUM_BLOCK).enumerate().for_each(task);
            } else {
                out.par_chunks_mut(SUM_BLOCK).enumerate().for_each(task);
            }
        }
    }
}

/// Sums made side by side: 8 KiB, so that they stay in a level-one cache while the axis is walked.
const SUM_BLOCK: usize = 1 << 10;

/// One sum of many elements.
struct Sum<'a>(&'a [u64]);

impl Work for Sum<'_> {
    type Output = u64;

    #[inline(always)]
    fn work(self) -> u64 {
        self.0.iter().fold(0, |sum, &element| sum.wrapping_add(element))
    }
}

/// The sums `start ..` of [`sum_axis`] for `inner > 1`.
struct SumRows<'a> {
    a: &'a [u64],
    axis_length: usize,
    inner: usize,
    mask: u64,
    start: usize,
    out: &'a mut [u64],
}

impl Work for SumRows<'_> {
    type Output = ();

    #[inline(always)]
    fn work(self) {
        let Self { a, axis_length, inner, mask, start, out } = self;
        let mut done = 0;
        while done < out.len() {
            let (outer_index, inner_index) = ((start + done) / inner, (start + done) % inner);
            let length = (inner - inner_index).min(out.len() - done);
            let sums = &mut out[done..done + length];
            sums.fill(0);
            for j in 0..axis_length {
                let first = (outer_index * axis_length + j) * inner + inner_index;
                for (sum, &element) in sums.iter_mut().zip(&a[first..first + length]) {
                    *sum = sum.wrapping_add(element);
                }
            }
            sums.iter_mut().for_each(|sum| *sum &= mask);
            done += length;
        }
    }
}

/// Calls `task(start, block)` for blocks that make up `out`, by several threads if there are several blocks.
fn in_blocks(out: &mut [u64], task: impl Fn(usize, &mut [u64]) + Sync) {
    if out.len() <= BLOCK {
        task(0, out);
    } else {
        out.par_chunks_mut(BLOCK).enumerate().for_each(|(index, block)| task(index * BLOCK, block));
    }
}

#[cfg(test)]
mod tests {
    use super::super::bits::{ring_mask, shift_left, shift_right, shift_right_arithmetic, signed};
    use super::super::layout::{broadcast_shape, contiguous_strides};
    use super::*;
    use proptest::prelude::*;
    use viewless_protocols::ring::bit_reversal;

    /// Elements that look random and need no state.
    fn numbers(count: usize, seed: u64) -> Vec<u64> {
        (0..count as u64)
            .map(|i| (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ seed << 1).rotate_left(29).wrapping_mul(seed | 1))
            .collect()
    }

    fn reference(op: Binary, mask: u64, a: u64, b: u64) -> u64 {
        let (a, b) = (u128::from(a), u128::from(b));
        let result = match op {
            Binary::Add => a + b,
            Binary::Sub => (1 << 64) + a - b,
            Binary::Mul => a * b,
            Binary::And => a & b,
            Binary::Or => a | b,
            Binary::Xor => a ^ b,
        };
        (result & u128::from(mask)) as u64
    }

    /// Two shapes that broadcast, of different ranks and with repeated axes.
    fn shapes() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
        prop::collection::vec((1usize..6, 0u8..3), 0..5).prop_flat_map(|axes| {
            let a: Vec<usize> = axes.iter().map(|&(length, repeat)| if repeat == 1 { 1 } else { length }).collect();
            let b: Vec<usize> = axes.iter().map(|&(length, repeat)| if repeat == 2 { 1 } else { length }).collect();
            (0..=a.len(), any::<bool>()).prop_map(move |(dropped, swap)| {
                let (a, b) = (a.clone(), b[dropped..].to_vec());
                if swap { (b, a) } else { (a, b) }
            })
        })
    }

    proptest! {
        #[test]
        fn binary_operations_broadcast_as_numpy_does(
            (a_shape, b_shape) in shapes(), bits in 1u32..=64, op in prop::sample::select(&Binary::ALL[..]), seed in any::<u64>(),
        ) {
            let mask = ring_mask(bits);
            let out_shape = broadcast_shape(&a_shape, &b_shape).expect("these shapes broadcast");
            let (a, b) = (numbers(elements(&a_shape), seed), numbers(elements(&b_shape), !seed));
            let mut out = vec![u64::MAX; elements(&out_shape)];
            binary(CodePath::detect(), op, mask, &a, &a_shape, &b, &b_shape, &mut out, &out_shape);
            let strides = [broadcast_strides(&a_shape, &out_shape), broadcast_strides(&b_shape, &out_shape)];
            let full = contiguous_strides(&out_shape);
            for (position, &found) in out.iter().enumerate() {
                let [a_at, b_at] = [0, 1].map(|operand| {
                    (0..out_shape.len()).map(|axis| position / full[axis] % out_shape[axis] * strides[operand][axis]).sum::<usize>()
                });
                prop_assert_eq!(found, reference(op, mask, a[a_at], b[b_at]));
            }
        }

        #[test]
        fn every_code_path_gives_the_same_bits(length in 1usize..300, bits in 1u32..=64, seed in any::<u64>(), shift in 0u32..70) {
            let mask = ring_mask(bits);
            let (a, b) = (numbers(length, seed), numbers(length, !seed));
            let unary_operations = [
                Unary::Neg, Unary::Not, Unary::ShiftLeft(shift), Unary::ShiftRight(shift), Unary::ShiftRightArithmetic(shift),
                Unary::Reduce, Unary::SignExtend(1 + shift % bits),
            ];
            let reversal = bits.is_power_of_two().then_some(Unary::BitReversal);
            for path in CodePath::available() {
                let (mut expected, mut found) = (vec![0; length], vec![0; length]);
                for op in Binary::ALL {
                    let shape = [length];
                    binary(CodePath::Scalar, op, mask, &a, &shape, &b, &shape, &mut expected, &shape);
                    binary(path, op, mask, &a, &shape, &b, &shape, &mut found, &shape);
                    prop_assert_eq!(&expected, &found);
                }
                for op in unary_operations.into_iter().chain(reversal) {
                    unary(CodePath::Scalar, op, mask, &a, &mut expected);
                    unary(path, op, mask, &a, &mut found);
                    prop_assert_eq!(&expected, &found);
                }
            }
        }

        #[test]
        fn unary_operations_follow_their_definitions(number in any::<u64>(), bits in 1u32..=64, shift in 0u32..70) {
            let mask = ring_mask(bits);
            let word = number & mask;
            let from = 1 + shift % bits;
            let result = |op| { let mut out = [0]; unary(CodePath::detect(), op, mask, &[word], &mut out); out[0] };
            prop_assert_eq!(result(Unary::Neg), 0u64.wrapping_sub(word) & mask);
            prop_assert_eq!(result(Unary::Not), mask - word);
            prop_assert_eq!(result(Unary::ShiftLeft(shift)), shift_left(word, shift, bits));
            prop_assert_eq!(result(Unary::ShiftRight(shift)), shift_right(word, shift, bits));
            prop_assert_eq!(result(Unary::ShiftRightArithmetic(shift)), shift_right_arithmetic(word, shift, bits));
            if bits.is_power_of_two() {
                prop_assert_eq!(result(Unary::BitReversal), bit_reversal(word, bits as u8));
            }
            prop_assert_eq!(result(Unary::Reduce), word);
            prop_assert_eq!(result(Unary::SignExtend(from)), signed(word & ring_mask(from), from) as u64 & mask);
            // Bits of a larger ring never show.
            for op in [Unary::Neg, Unary::Not, Unary::ShiftLeft(shift), Unary::ShiftRight(shift), Unary::ShiftRightArithmetic(shift),
                       Unary::Reduce, Unary::SignExtend(from)] {
                let mut out = [0];
                unary(CodePath::detect(), op, mask, &[number], &mut out);
                prop_assert_eq!(out[0], result(op));
            }
        }

        #[test]
        fn sums_follow_their_definition(outer in 0usize..5, axis_length in 0usize..40, inner in 0usize..40, bits in 1u32..=64) {
            let mask = ring_mask(bits);
            let a = numbers(outer * axis_length * inner, 3);
            let mut out = vec![7; outer * inner];
            sum_axis(CodePath::detect(), &a, outer, axis_length, inner, mask, &mut out);
            for (position, &found) in out.iter().enumerate() {
                let (o, i) = (position / inner, position % inner);
                let sum: u128 = (0..axis_length).map(|j| u128::from(a[(o * axis_length + j) * inner + i])).sum();
                prop_assert_eq!(found, (sum & u128::from(mask)) as u64);
            }
        }
    }

    #[test]
    fn large_tensors_are_the_same_for_any_thread_count() {
        let mask = ring_mask(61);
        let (rows, columns) = (301, 257);
        let (a, row, column) = (numbers(rows * columns, 1), numbers(columns, 2), numbers(rows, 3));
        let results = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a small pool starts");
            pool.install(|| {
                let shape = [rows, columns];
                let mut by_row = vec![0; a.len()];
                binary(CodePath::detect(), Binary::Mul, mask, &a, &shape, &row, &[columns], &mut by_row, &shape);
                let mut by_column = vec![0; a.len()];
                binary(CodePath::detect(), Binary::Sub, mask, &column, &[rows, 1], &a, &shape, &mut by_column, &shape);
                let mut shifted = vec![0; a.len()];
                unary(CodePath::detect(), Unary::ShiftRightArithmetic(9), mask, &a, &mut shifted);
                let [mut rows_sum, mut columns_sum, mut sum] = [vec![0; rows], vec![0; columns], vec![0; 1]];
                sum_axis(CodePath::detect(), &a, rows, columns, 1, mask, &mut rows_sum);
                sum_axis(CodePath::detect(), &a, 1, rows, columns, mask, &mut columns_sum);
                sum_axis(CodePath::detect(), &a, 1, rows * columns, 1, mask, &mut sum);
                (by_row, by_column, shifted, rows_sum, columns_sum, sum)
            })
        };
        let expected = results(1);
        for (position, &a) in a.iter().enumerate() {
            let (i, j) = (position / columns, position % columns);
            assert_eq!(expected.0[position], reference(Binary::Mul, mask, a, row[j]));
            assert_eq!(expected.1[position], reference(Binary::Sub, mask, column[i], a));
        }
        assert_eq!(expected.5[0], a.iter().fold(0u64, |sum, &element| sum.wrapping_add(element)) & mask);
        for threads in [2, 3, 5] {
            assert!(results(threads) == expected, "{threads} threads");
        }
    }

    #[test]
    fn an_empty_tensor_has_no_elements_to_make() {
        binary(CodePath::detect(), Binary::Add, 1, &[], &[0, 3], &[1, 1, 1], &[3], &mut [], &[0, 3]);
        unary(CodePath::detect(), Unary::Neg, 1, &[], &mut []);
        sum_axis(CodePath::detect(), &[], 0, 3, 4, 1, &mut []);
    }

    #[test]
    #[should_panic(expected = "cannot be broadcast")]
    fn shapes_that_do_not_fit_are_our_bug() {
        binary(CodePath::detect(), Binary::Add, 1, &[0; 2], &[2], &[0; 3], &[3], &mut [0; 3], &[3]);
    }
}
