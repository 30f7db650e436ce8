//! Functions in pieces: comparisons against thresholds, and selections of what they decide.

use crate::circuit::{Bit, Circuit, Secret};
use crate::shape::Shape;

/// Fewer fraction bits for a bit that is used as a number: the product with it is then rescaled by less and does not come near
/// the end of the word. That rescaling is exact, because the product is a multiple of it.
pub(in crate::nonlinear) const BIT_GUARD_BITS: i8 = -8;

fn with_leading(length: usize, rest: &[usize]) -> Shape {
    std::iter::once(length).chain(rest.iter().copied()).collect()
}

/// [x >= `thresholds[0]`] and [x >= `thresholds[1]`] along a new leading axis of length 2, in one comparison.
pub(in crate::nonlinear) fn reaches(c: &mut Circuit, x: Secret, thresholds: [f64; 2]) -> Bit {
    let shape = with_leading(2, &vec![1; c.shape(x).rank()]);
    let thresholds = c.constant(&thresholds, shape, c.guard_bits(x));
    let below = c.less(x, thresholds);
    c.not(below)
}

/// The sum of `parts[i]` where bit i of [`reaches`] is 1, in one selection.
pub(in crate::nonlinear) fn sum_selected(c: &mut Circuit, reached: Bit, parts: [Secret; 2]) -> Secret {
    let shape = c.shape(parts[0]).clone();
    let parts = parts.map(|part| c.reshape(part, with_leading(1, shape.axes())));
    let parts = c.concat(&parts, 0);
    let selected = c.select(reached, parts);
    let sum = c.sum(selected, 0);
    c.reshape(sum, shape)
}

/// The sum of public multiples of secrets, plus a public number; each multiple is truncated by itself.
pub(in crate::nonlinear) fn combination(c: &mut Circuit, terms: &[(f64, Secret)], constant: f64) -> Secret {
    let (first, rest) = terms.split_first().expect("a combination has terms");
    let start = c.scale(first.1, first.0);
    let sum = rest.iter().fold(start, |sum, &(factor, secret)| {
        let term = c.scale(secret, factor);
        c.add(sum, term)
    });
    c.offset(sum, constant)
}

/// [x < 0] and |x|, by one comparison and one selection.
pub(in crate::nonlinear) fn magnitude(c: &mut Circuit, x: Secret) -> (Bit, Secret) {
    let negative = c.less_than(x, 0.0);
    let below = c.select(negative, x);
    let twice = c.add(below, below);
    (negative, c.sub(x, twice))
}

/// 1 where x > `bound`.
pub(in crate::nonlinear) fn above(c: &mut Circuit, x: Secret, bound: f64) -> Bit {
    let bound = c.constant(&[bound], [1], c.guard_bits(x));
    c.less(bound, x)
}

/// x/2 + p for |x| = a up to `threshold` and max(x, 0) beyond, with one guard bit more than x: half of x + 2p + [a > threshold] (a - 2p).
pub(in crate::nonlinear) fn even_part_up_to(
    c: &mut Circuit,
    x: Secret,
    a: Secret,
    p: Secret,
    threshold: f64,
) -> Secret {
    let beyond = above(c, a, threshold);
    let doubled = c.add(p, p);
    let difference = c.sub(a, doubled);
    let tail = c.select(beyond, difference);
    let inside = c.add(x, doubled);
    let twice = c.add(inside, tail);
    c.shift(twice, -1)
}

/// max(x, 0) + [|x| < threshold] g for |x| = a, with one guard bit more than x.
pub(in crate::nonlinear) fn relu_corrected_below(
    c: &mut Circuit,
    x: Secret,
    a: Secret,
    g: Secret,
    threshold: f64,
) -> Secret {
    let inside = c.less_than(a, threshold);
    let correction = c.select(inside, g);
    let twice = c.add(x, a);
    let twice = c.add(twice, correction);
    let twice = c.add(twice, correction);
    c.shift(twice, -1)
}

/// A quartic with coefficients from a^0 to a^4, from a^2, a^3 = a a^2 and a^4 = a^2 a^2.
pub(in crate::nonlinear) fn quartic(c: &mut Circuit, a: Secret, coefficients: &[f64; 5]) -> Secret {
    let square = c.square(a);
    let cube = c.mul(a, square);
    let fourth = c.square(square);
    let terms = [(coefficients[4], fourth), (coefficients[3], cube), (coefficients[2], square), (coefficients[1], a)];
    combination(c, &terms, coefficients[0])
}
