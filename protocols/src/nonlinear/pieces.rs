//! Functions in three pieces: one comparison against two thresholds, and one selection of what they decide.

use crate::circuit::{Bit, Circuit, Secret};
use crate::shape::Shape;

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
