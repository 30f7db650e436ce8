//! `max/crypten`: the largest element of each row as CrypTen's code finds it, with its position, which nobody asked for.
//!
//! 1. int(ln n) times: split the row into two halves x and y (an odd last element waits); keep x where x >= y, else y, as the sum of two
//!    selections one after the other. The natural logarithm leaves k elements, more than one.
//! 2. Compare each of them with every other (k - 1 rotations of the row at once); multiply an element's bits: 1 where it is largest.
//! 3. Choose one of the largest, see below; m = sum of the elements times this choice.
//! 4. The function returns the position as well: compare all n elements with m for equality, and choose one again. Softmax drops it.
//!
//! To choose one among elements of weight 0 or 1: running sums s of the weights, W their last; r uniform in [0, 1) from 16 random bits
//! converted to the ring; 1 where s > r W, less the same for the element before.
//!
//! A circuit has no randomness. In r's place stands half of the mean of 16 squares of the first weight, that is 0 or 1/2: the squares
//! open as many words as the conversion of the bits (16 for each row, each masked), one of the largest is chosen for every r in [0, 1),
//! and the maximum does not depend on which.
//!
//! **Cost.** 10 int(ln n) + ceil(log2(k - 1)) + 36 rounds and 9088 n + 3712 k^2 - 4224 k + 4608 bit for a row of n: 99 rounds and 1186.875
//! byte for each element at n = 512, where `max/tree` takes 81 rounds and 463 byte. Of these, 17 rounds and 641 byte are step 4.
//! **Error.** None: weights are 0 or 1, so that the products of step 3 keep an element as it is.
//! **Domain.** As `max/tree`.
//! **Privacy.** Comparison, equality, selection, products, squares: every message is uniform.
//! **Source.** CrypTen's code, `common/functions/maximum.py` (`log_reduction`, the default) and `sampling.py` (`weighted_index`).
//!
//! | here | code |
//! |---|---|
//! | `halvings` | `steps` |
//! | `one_of` | `weighted_index` |
//! | `running` | `x`, the cumulative sum |

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::max::tree;
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, PerRow, Protocol, Reading, Rounds, Setting, Truth, texts,
};
use crate::shape::Shape;
use std::sync::LazyLock;

/// Guard bits of numbers that are 0 or 1 or a small count: few, because a product with an element is truncated by as many as are left,
/// and wraps the less often the fewer they are. (CrypTen keeps them without fraction bits.)
const COUNT_GUARD_BITS: i8 = -8;
/// Random bits of a choice.
const RANDOM_BITS: usize = 16;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "max/crypten".into(),
    function: Function::MAX,
    summary: "int(ln n) halvings, pairwise comparison of the rest, and the position of the maximum".into(),
    source: "CrypTen's code at 775868a: common/functions/maximum.py, log_reduction; sampling.py, weighted_index".into(),
    reading: Reading::AsCoded,
    interval: tree::CARD.interval.clone(),
    error: ErrorClaim { absolute: 0.0, relative: 0.0, truth: Truth::Max },
    claims: vec![
        CostClaim {
            by: "CrypTen, measured for rows of 16 to 512".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::OfRow {
                at: PerRow::of(rounds),
                formula: "10 int(ln n) + ceil(log2(k - 1)) + 36, k = n halved int(ln n) times".into(),
            }),
            bits: Some(Bits::OfRow {
                at: PerRow::of(bits),
                formula: "9088 n + 3712 k^2 - 4224 k + 4608, k = n halved int(ln n) times".into(),
            }),
            holds: true,
            remark: "at n = 512 99 rounds, 1186.875 byte for each element, of which 17 rounds and 641 byte find the position".into(),
        },
        CostClaim {
            by: "SecFormer, section 2 (maximum by log n comparisons)".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::Linear { fixed: 0, per_halving: 7 }),
            bits: None,
            holds: false,
            remark: "a comparison takes 8 rounds and a selection one more, and the code is no plain tree".into(),
        },
    ],
    fails: vec![],
    known: texts(&[
        "it halves int(ln n) times, not log2 n, and compares what is left pairwise",
        "it finds the position of the maximum too, though softmax has no use for it",
        "CrypTen breaks ties by a random number; here a number made of the row stands in its place, with the same messages",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// int(ln n).
fn halvings(row_length: usize) -> u32 {
    libm::log(row_length as f64) as u32
}

/// Elements left after all halvings.
fn left(row_length: usize) -> usize {
    (0..halvings(row_length)).fold(row_length, |length, _| length.div_ceil(2))
}

/// Rotations with which a row of a length is compared.
fn rotations(length: usize) -> usize {
    length.max(2) - 1
}

pub(in crate::nonlinear) fn rounds(row_length: usize) -> u64 {
    let products = u64::from(rotations(left(row_length)).next_power_of_two().ilog2());
    10 * u64::from(halvings(row_length)) + products + 36
}

pub(in crate::nonlinear) fn bits(row_length: usize) -> i64 {
    let (n, k) = (row_length as i64, left(row_length) as i64);
    let rotations = rotations(left(row_length)) as i64;
    let (comparison, equality, product, square) = (3456, 1664, 256, 128);
    let halvings = (n - k) * (comparison + 2 * product);
    let pairs = rotations * k * comparison + (rotations - 1) * k * product;
    let choice = |length: i64| RANDOM_BITS as i64 * square + product + length * comparison;
    halvings + pairs + choice(k) + k * product + n * equality + choice(n)
}

/// The largest element of each row; the last axis has length 1 then. The guard bits are those of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let reduced = (0..halvings(c.row_length(x))).fold(x, |row, _| halved(c, row));
    let largest = by_pairs(c, reduced);
    c.region("position", |c| {
        let equal = c.equal(x, largest);
        let weights = c.real(equal, COUNT_GUARD_BITS);
        one_of(c, weights);
    });
    largest
}

/// Step 1, once.
fn halved(c: &mut Circuit, row: Secret) -> Secret {
    let (axis, length) = (c.last_axis(row), c.row_length(row));
    let half = length / 2;
    let x = c.slice(row, axis, 0, half);
    let y = c.slice(row, axis, half, half);
    let less = c.less(x, y);
    let from_y = c.select(less, y);
    let at_least = c.not(less);
    let from_x = c.select(at_least, x);
    let kept = c.add(from_x, from_y);
    if length.is_multiple_of(2) {
        return kept;
    }
    let odd = c.slice(row, axis, length - 1, 1);
    c.concat(&[kept, odd], axis)
}

/// Steps 2 and 3.
fn by_pairs(c: &mut Circuit, row: Secret) -> Secret {
    let (axis, length, guard_bits) = (c.last_axis(row), c.row_length(row), c.guard_bits(row));
    let stacked: Shape = std::iter::once(1).chain(c.shape(row).axes().iter().copied()).collect();
    let rotated: Vec<Secret> = (1..=rotations(length))
        .map(|by| {
            let by = by % length;
            let rotated = if by == 0 {
                row
            } else {
                let tail = c.slice(row, axis, length - by, by);
                let head = c.slice(row, axis, 0, length - by);
                c.concat(&[tail, head], axis)
            };
            c.reshape(rotated, stacked.clone())
        })
        .collect();
    let rotated = c.concat(&rotated, 0);
    let less = c.less(row, rotated);
    let at_least = c.not(less);
    let at_least = c.real(at_least, COUNT_GUARD_BITS);
    let weights = product_of_rows(c, at_least);
    let shape = c.shape(row).clone();
    let weights = c.reshape(weights, shape);
    let choice = one_of(c, weights);
    let chosen = c.mul_to(row, choice, guard_bits);
    c.sum(chosen, axis)
}

/// The product over the first axis, by halving.
fn product_of_rows(c: &mut Circuit, mut rows: Secret) -> Secret {
    while c.shape(rows).axes()[0] > 1 {
        let length = c.shape(rows).axes()[0];
        let x = c.slice(rows, 0, 0, length / 2);
        let y = c.slice(rows, 0, length / 2, length / 2);
        let product = c.mul(x, y);
        rows = if length.is_multiple_of(2) {
            product
        } else {
            let odd = c.slice(rows, 0, length - 1, 1);
            c.concat(&[product, odd], 0)
        };
    }
    rows
}

/// 1 for one element of each row among those of weight 1, zero for all others.
fn one_of(c: &mut Circuit, weights: Secret) -> Secret {
    let (axis, length) = (c.last_axis(weights), c.row_length(weights));
    let running = running_sums(c, weights);
    let total = c.slice(running, axis, length - 1, 1);
    let first = c.slice(weights, axis, 0, 1);
    let mut bits = c.shape(first).axes().to_vec();
    if let Some(last) = bits.last_mut() {
        *last = RANDOM_BITS;
    }
    let first = c.broadcast(first, bits.as_slice());
    let squares = c.square(first);
    let sum = c.sum(squares, axis);
    let r = c.shift(sum, -5);
    let threshold = c.mul_to(r, total, COUNT_GUARD_BITS);
    let above = c.less(threshold, running);
    let above = c.real(above, COUNT_GUARD_BITS);
    let before = delayed(c, above, 1);
    c.sub(above, before)
}

/// Sums of the first 1, 2, ... n elements of each row, by doubling distances; free.
fn running_sums(c: &mut Circuit, row: Secret) -> Secret {
    let length = c.row_length(row);
    let mut sums = row;
    let mut distance = 1;
    while distance < length {
        let before = delayed(c, sums, distance);
        sums = c.add(sums, before);
        distance *= 2;
    }
    sums
}

/// Each row moved towards its end by `distance` elements, zeros first.
fn delayed(c: &mut Circuit, row: Secret, distance: usize) -> Secret {
    let (axis, length, guard_bits) = (c.last_axis(row), c.row_length(row), c.guard_bits(row));
    let distance = distance.min(length);
    let mut zeros = c.shape(row).axes().to_vec();
    if let Some(last) = zeros.last_mut() {
        *last = distance;
    }
    let zero = c.constant(&[0.0], [1], guard_bits);
    let zeros = c.broadcast(zero, zeros.as_slice());
    if distance == length {
        return zeros;
    }
    let kept = c.slice(row, axis, 0, length - distance);
    c.concat(&[zeros, kept], axis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    laws! {
        fn the_largest_element_of_any_row_is_found(row: Vec<i32>) -> bool {
            let row: Vec<f64> = row.iter().map(|&x| f64::from(x) / 65536.0).collect();
            row.is_empty() || testing::map(&PROTOCOL, &row) == [row.iter().copied().fold(f64::MIN, f64::max)]
        }

        fn one_of_the_largest_is_chosen_however_many_there_are(weights: Vec<bool>) -> bool {
            let weights: Vec<f64> = weights.iter().map(|&weight| f64::from(u8::from(weight))).collect();
            if !weights.contains(&1.0) {
                return true;
            }
            let choice = testing::map_with(&weights, |c, x| {
                let x = c.precision(x, COUNT_GUARD_BITS);
                one_of(c, x)
            });
            let chosen: Vec<usize> = (0..choice.len()).filter(|&i| choice[i] != 0.0).collect();
            matches!(chosen[..], [i] if choice[i] == 1.0 && weights[i] == 1.0)
        }
    }

    /// Rounds and bytes for each element, measured in CrypTen 0.4.1.
    #[test]
    fn the_formulas_give_the_measured_costs() {
        for (n, measured_rounds, measured_bytes) in [
            (16, 58, 1504.0),
            (32, 68, 1320.0),
            (64, 78, 1228.0),
            (128, 79, 1339.5),
            (256, 89, 1237.75),
            (512, 99, 1186.875),
        ] {
            assert_eq!((rounds(n), bits(n) as f64 / 8.0 / n as f64), (measured_rounds, measured_bytes), "{n}");
            let (n, k) = (n as i64, left(n) as i64);
            assert_eq!(bits(n as usize), 9088 * n + 3712 * k * k - 4224 * k + 4608);
        }
    }
}
