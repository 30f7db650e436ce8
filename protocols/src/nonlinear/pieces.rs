//! Functions in pieces: comparisons against thresholds, and selections of what they decide.

use crate::circuit::{Bit, Circuit, Secret};
use crate::shape::Shape;

/// Fewer fraction bits for a bit that is used as a number: the product with it is then rescaled by less and does not come near
/// the end of the word. That rescaling is exact, because the product is a multiple of it.
pub(super) const BIT_GUARD_BITS: i8 = -8;

fn with_leading(length: usize, rest: &[usize]) -> Shape {
    std::iter::once(length).chain(rest.iter().copied()).collect()
}

/// [x >= `thresholds[0]`] and [x >= `thresholds[1]`] along a new leading axis of length 2, in one comparison.
pub(super) fn reaches(c: &mut Circuit, x: Secret, thresholds: [f64; 2]) -> Bit {
    let shape = with_leading(2, &vec![1; c.shape(x).rank()]);
    let thresholds = c.constant(&thresholds, shape, c.guard_bits(x));
    let below = c.less(x, thresholds);
    c.not(below)
}

/// The sum of `parts[i]` where bit i of [`reaches`] is 1, in one selection.
pub(super) fn sum_selected(c: &mut Circuit, reached: Bit, parts: [Secret; 2]) -> Secret {
    let shape = c.shape(parts[0]).clone();
    let parts = parts.map(|part| c.reshape(part, with_leading(1, shape.axes())));
    let parts = c.concat(&parts, 0);
    let selected = c.select(reached, parts);
    let sum = c.sum(selected, 0);
    c.reshape(sum, shape)
}

/// The sum of public multiples of secrets, plus a public number; each multiple is truncated by itself.
pub(super) fn combination(c: &mut Circuit, terms: &[(f64, Secret)], constant: f64) -> Secret {
    let (first, rest) = terms.split_first().expect("a combination has terms");
    let start = c.scale(first.1, first.0);
    let sum = rest.iter().fold(start, |sum, &(factor, secret)| {
        let term = c.scale(secret, factor);
        c.add(sum, term)
    });
    c.offset(sum, constant)
}
