//! How the elements of a tensor in row-major order are found: shapes, strides, and walks over a result.

use smallvec::SmallVec;

/// One number for each axis. Tensors of a Program rarely have more than four axes.
pub(super) type Axes<T> = SmallVec<[T; 8]>;

/// The number of elements of a shape; one if it has no axes.
pub(super) fn elements(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// The shape of the result of combining two shapes, aligned at their last axes: an axis of length 1, or one that is missing,
/// is repeated as often as the other operand needs. `None` if two lengths differ and neither is 1.
pub fn broadcast_shape(a_shape: &[usize], b_shape: &[usize]) -> Option<Vec<usize>> {
    let rank = a_shape.len().max(b_shape.len());
    let length = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    (0..rank)
        .map(|axis| match (length(a_shape, axis), length(b_shape, axis)) {
            (a, b) if a == b => Some(a),
            (a, 1) => Some(a),
            (1, b) => Some(b),
            _ => None,
        })
        .collect()
}

/// Strides, in elements, of a contiguous tensor.
pub(super) fn contiguous_strides(shape: &[usize]) -> Axes<usize> {
    let mut strides: Axes<usize> = shape.iter().map(|_| 0).collect();
    let mut stride = 1;
    for (slot, length) in strides.iter_mut().zip(shape).rev() {
        *slot = stride;
        stride *= length;
    }
    strides
}

/// Strides with which a contiguous tensor of shape `shape` is read as one of shape `out_shape`: zero along repeated axes.
///
/// # Panics
/// If `shape` cannot be broadcast to `out_shape`.
pub(super) fn broadcast_strides(shape: &[usize], out_shape: &[usize]) -> Axes<usize> {
    let missing = out_shape
        .len()
        .checked_sub(shape.len())
        .unwrap_or_else(|| panic!("{shape:?} has more axes than {out_shape:?}"));
    let mut strides: Axes<usize> = out_shape[..missing].iter().map(|_| 0).collect();
    for ((&length, &stride), &out_length) in shape.iter().zip(&contiguous_strides(shape)).zip(&out_shape[missing..]) {
        assert!(length == out_length || length == 1, "{shape:?} cannot be broadcast to {out_shape:?}");
        strides.push(if length == out_length { stride } else { 0 });
    }
    strides
}

/// A contiguous result whose elements are made from the elements at certain strides of `OPERANDS` operands, with as few axes
/// as possible. Axes have at least one element; there is at least one axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Walk<const OPERANDS: usize> {
    pub(super) lengths: Axes<usize>,
    pub(super) strides: Axes<[usize; OPERANDS]>,
}

/// A stretch of a walk along its last axis.
pub(super) struct Run<const OPERANDS: usize> {
    /// First element of each operand.
    pub(super) starts: [usize; OPERANDS],
    /// Number of elements.
    pub(super) length: usize,
}

impl<const OPERANDS: usize> Walk<OPERANDS> {
    /// A walk over a result of shape `shape`, with one list of strides for each operand. Axes of length 1 are dropped, and
    /// neighbouring axes that every operand runs through evenly become one. The shape must not be empty of elements.
    pub(super) fn new(shape: &[usize], operand_strides: [&[usize]; OPERANDS]) -> Self {
        assert!(elements(shape) > 0, "a walk over {shape:?} has elements to visit");
        let mut walk = Self { lengths: Axes::new(), strides: Axes::new() };
        for (axis, &length) in shape.iter().enumerate().filter(|&(_, &length)| length != 1) {
            let strides: [usize; OPERANDS] = std::array::from_fn(|operand| operand_strides[operand][axis]);
            match (walk.lengths.last_mut(), walk.strides.last_mut()) {
                (Some(outer_length), Some(outer_strides))
                    if (0..OPERANDS).all(|operand| outer_strides[operand] == strides[operand] * length) =>
                {
                    *outer_length *= length;
                    *outer_strides = strides;
                }
                _ => {
                    walk.lengths.push(length);
                    walk.strides.push(strides);
                }
            }
        }
        if walk.lengths.is_empty() {
            walk.lengths.push(1);
            walk.strides.push([1; OPERANDS]);
        }
        walk
    }

    /// The strides along the last axis, on which all runs lie.
    pub(super) fn run_strides(&self) -> [usize; OPERANDS] {
        *self.strides.last().expect("a walk has an axis")
    }

    /// The runs that make the elements `start .. start + length` of the result, in order.
    #[inline(always)]
    pub(super) fn runs(&self, start: usize, length: usize) -> Runs<'_, OPERANDS> {
        let last = self.lengths.len() - 1;
        let mut rest = start / self.lengths[last];
        let mut index: Axes<usize> = self.lengths[..last].iter().map(|_| 0).collect();
        let mut starts = [0; OPERANDS];
        for axis in (0..last).rev() {
            index[axis] = rest % self.lengths[axis];
            rest /= self.lengths[axis];
            shift(&mut starts, |start, stride| start + index[axis] * stride, &self.strides[axis]);
        }
        Runs { walk: self, index, starts, offset_in_run: start % self.lengths[last], left: length }
    }
}

/// An iterator over [`Run`]s.
pub(super) struct Runs<'a, const OPERANDS: usize> {
    walk: &'a Walk<OPERANDS>,
    /// Position on each axis but the last.
    index: Axes<usize>,
    /// Elements of the operands where the current run would begin, were it whole.
    starts: [usize; OPERANDS],
    offset_in_run: usize,
    /// Elements not yet visited.
    left: usize,
}

impl<const OPERANDS: usize> Iterator for Runs<'_, OPERANDS> {
    type Item = Run<OPERANDS>;

    #[inline(always)]
    fn next(&mut self) -> Option<Run<OPERANDS>> {
        if self.left == 0 {
            return None;
        }
        let Walk { lengths, strides } = self.walk;
        let last = lengths.len() - 1;
        let mut starts = self.starts;
        shift(&mut starts, |start, stride| start + self.offset_in_run * stride, &strides[last]);
        let length = self.left.min(lengths[last] - self.offset_in_run);
        self.left -= length;
        self.offset_in_run = 0;
        for axis in (0..last).rev() {
            self.index[axis] += 1;
            shift(&mut self.starts, |start, stride| start + stride, &strides[axis]);
            if self.index[axis] < lengths[axis] {
                break;
            }
            self.index[axis] = 0;
            shift(&mut self.starts, |start, stride| start - lengths[axis] * stride, &strides[axis]);
        }
        Some(Run { starts, length })
    }
}

/// Moves each operand's start by its own stride.
#[inline(always)]
fn shift<const OPERANDS: usize>(
    starts: &mut [usize; OPERANDS],
    by: impl Fn(usize, usize) -> usize,
    strides: &[usize; OPERANDS],
) {
    starts.iter_mut().zip(strides).for_each(|(start, &stride)| *start = by(*start, stride));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shapes_broadcast_as_numpy_does() {
        assert_eq!(broadcast_shape(&[], &[]), Some(vec![]));
        assert_eq!(broadcast_shape(&[3, 1], &[4]), Some(vec![3, 4]));
        assert_eq!(broadcast_shape(&[2, 3, 4], &[1, 4]), Some(vec![2, 3, 4]));
        assert_eq!(broadcast_shape(&[0], &[1]), Some(vec![0]));
        assert_eq!(broadcast_shape(&[2], &[3]), None);
    }

    #[test]
    fn axes_that_are_walked_evenly_become_one() {
        let shape = [2, 3, 4, 5];
        let strides = contiguous_strides(&shape);
        assert_eq!(Walk::new(&shape, [&strides]).lengths[..], [120]);
        let row = broadcast_strides(&[4, 5], &shape);
        assert_eq!(Walk::new(&shape, [&strides, &row]).lengths[..], [6, 20]);
        let column = broadcast_strides(&[2, 3, 1, 1], &shape);
        assert_eq!(Walk::new(&shape, [&strides, &column]).lengths[..], [6, 20]);
        assert_eq!(Walk::new(&[1, 1], [&[1, 1]]).lengths[..], [1]);
    }

    proptest! {
        #[test]
        fn runs_visit_every_element_in_order(
            shape in prop::collection::vec(1usize..5, 0..5),
            repeated in prop::collection::vec(any::<bool>(), 5),
            cut in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        ) {
            let small: Vec<usize> = shape.iter().zip(&repeated).map(|(&length, &repeat)| if repeat { 1 } else { length }).collect();
            let strides = broadcast_strides(&small, &shape);
            let total = elements(&shape);
            let (start, end) = (cut.0.index(total + 1), cut.1.index(total + 1));
            let (start, end) = (start.min(end), start.max(end));
            let walk = Walk::new(&shape, [&strides]);
            let mut visited = Vec::new();
            let stride = walk.run_strides()[0];
            for run in walk.runs(start, end - start) {
                visited.extend((0..run.length).map(|position| run.starts[0] + position * stride));
            }
            let full = contiguous_strides(&shape);
            let expected: Vec<usize> = (start..end)
                .map(|position| {
                    (0..shape.len()).map(|axis| position / full[axis] % shape[axis] * strides[axis]).sum()
                })
                .collect();
            prop_assert_eq!(visited, expected);
        }
    }
}
