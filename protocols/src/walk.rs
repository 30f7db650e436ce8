//! Which elements of its arguments each element of a result is made of: where tensors are broadcast, rearranged, joined, summed and
//! multiplied as matrices. Tensors are row-major.
//!
//! Every interpreter that looks at single elements walks by these positions: the plaintext pass, the tape of a bound, the count over all
//! values of a small ring. The simulator's kernels move whole rows and are written apart, so that a mistake in one route shows in the
//! other: tests hold runs to plaintext, to bounds and to counts.

use crate::shape::{Move, Shape};
use crate::windows::Windows;
use std::ops::Range;

/// The position in an argument for each position of a result: a start, and a step along each axis of the result.
#[derive(Debug, Clone)]
pub struct Walk {
    /// Length of each axis of the result, and how far a step along it goes in the argument.
    axes: Vec<(usize, usize)>,
    start: usize,
    elements: usize,
    /// Whether every element stays in its place.
    is_straight: bool,
    /// Where windows are taken, of which shape: what the steps do not tell, since some elements are zero.
    windows: Option<(Windows, Shape)>,
}

impl Walk {
    /// Each element in its place.
    fn straight(elements: usize) -> Self {
        Self { axes: vec![(elements, 1)], start: 0, elements, is_straight: true, windows: None }
    }

    fn strided(to: &Shape, steps: impl IntoIterator<Item = usize>, start: usize) -> Self {
        let axes = to.axes().iter().copied().zip(steps).collect();
        Self { axes, start, elements: to.elements(), is_straight: false, windows: None }
    }

    /// Repeats elements along axes that are missing or of length 1; shapes are aligned at the right. `from` broadcasts to `to`.
    #[must_use]
    pub fn broadcast(from: &Shape, to: &Shape) -> Self {
        if from.elements() == to.elements() {
            return Self::straight(to.elements());
        }
        let of_argument = from.axes().iter().zip(steps(from)).map(|(&length, step)| if length == 1 { 0 } else { step });
        Self::strided(to, std::iter::repeat_n(0, to.rank() - from.rank()).chain(of_argument), 0)
    }

    /// Rearranges elements; `to` is the shape of `from` after the move.
    #[must_use]
    pub fn moved(from: &Shape, rearrangement: &Move, to: &Shape) -> Self {
        match rearrangement {
            Move::Reshape(_) => Self::straight(to.elements()),
            Move::Broadcast(_) => Self::broadcast(from, to),
            Move::Transpose(order) => {
                let steps = steps(from);
                Self::strided(to, order.iter().map(|&axis| steps[usize::from(axis)]), 0)
            }
            Move::Slice { axis, start, .. } => {
                let steps = steps(from);
                let first = start * steps[*axis];
                Self::strided(to, steps, first)
            }
            Move::Windows(windows) => {
                Self { windows: Some((*windows, from.clone())), is_straight: false, ..Self::straight(to.elements()) }
            }
        }
    }

    /// The position in the argument of a position in the result; none for a zero.
    #[must_use]
    pub fn source(&self, position: usize) -> Option<usize> {
        match &self.windows {
            Some((windows, from)) => windows.at(from, position),
            None => Some(self.stepped(position)),
        }
    }

    /// The same of a walk without zeros, which only [windows](Move::Windows) have.
    ///
    /// # Panics
    /// For a zero.
    #[must_use]
    pub fn at(&self, position: usize) -> usize {
        self.source(position).expect("only windows have zeros, and whoever takes them asks for the source")
    }

    fn stepped(&self, position: usize) -> usize {
        if self.is_straight {
            return position;
        }
        let mut rest = position;
        let mut at = self.start;
        for &(length, step) in self.axes.iter().rev() {
            at += rest % length * step;
            rest /= length;
        }
        at
    }

    /// The elements of the result.
    #[must_use]
    pub fn gather<T: Clone>(&self, argument: &[T], zero: &T) -> Vec<T> {
        if self.is_straight {
            return argument.to_vec();
        }
        let element = |position| self.source(position).map_or(zero, |at| &argument[at]).clone();
        (0..self.elements).map(element).collect()
    }
}

/// How far a step along each axis goes.
fn steps(shape: &Shape) -> Vec<usize> {
    let mut steps = vec![1; shape.rank()];
    for axis in (1..shape.rank()).rev() {
        steps[axis - 1] = steps[axis] * shape.axes()[axis];
    }
    steps
}

/// Elements of one step along an axis.
fn inner(shape: &Shape, axis: usize) -> usize {
    shape.axes()[axis + 1..].iter().product()
}

/// Parts joined along an axis: the number of a part and a range of its elements, in the order of the result.
pub fn joined<'a>(parts: &'a [&'a Shape], axis: usize) -> impl Iterator<Item = (usize, Range<usize>)> + 'a {
    let rows: usize = parts.first().map_or(0, |first| first.axes()[..axis].iter().product());
    let range = move |row: usize, part: &Shape| {
        let length = part.axes()[axis] * inner(part, axis);
        row * length..(row + 1) * length
    };
    (0..rows).flat_map(move |row| parts.iter().enumerate().map(move |(i, part)| (i, range(row, part))))
}

/// The positions that are summed for each element of a sum over an axis.
pub fn summed(from: &Shape, axis: usize) -> impl Fn(usize) -> std::iter::StepBy<Range<usize>> + use<> {
    let (length, inner) = (from.axes()[axis], inner(from, axis));
    move |position| {
        let first = position / inner * length * inner + position % inner;
        (first..first + length * inner).step_by(inner)
    }
}

/// A product of matrices, along the last two axes; the right one may serve every matrix of a batch.
#[derive(Debug, Clone, Copy)]
pub struct MatrixProduct {
    rows: usize,
    inner: usize,
    columns: usize,
    serves_all: bool,
}

impl MatrixProduct {
    /// The product of tensors of these shapes, which [`Shape::matmul`] admits.
    ///
    /// # Panics
    /// For tensors of less than two axes.
    #[must_use]
    pub fn of(left: &Shape, right: &Shape) -> Self {
        let (&[.., rows, inner], &[.., columns]) = (left.axes(), right.axes()) else {
            panic!("{left} and {right} are no matrices");
        };
        Self { rows, inner, columns, serves_all: right.rank() == 2 }
    }

    /// The positions at the left and at the right that are multiplied and summed for an element of the result.
    pub fn terms(self, position: usize) -> impl Iterator<Item = (usize, usize)> {
        let Self { rows, inner, columns, serves_all } = self;
        let (row, column) = (position / columns, position % columns);
        let right = if serves_all { 0 } else { row / rows * inner * columns };
        (0..inner).map(move |k| (row * inner + k, right + k * columns + column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The multi-index of a position, and back: what the walks must agree with, one axis at a time.
    fn index(mut position: usize, shape: &Shape) -> Vec<usize> {
        let mut index: Vec<usize> = shape
            .axes()
            .iter()
            .rev()
            .map(|&length| {
                let at = position % length;
                position /= length;
                at
            })
            .collect();
        index.reverse();
        index
    }

    fn position(index: &[usize], shape: &Shape) -> usize {
        index.iter().zip(shape.axes()).fold(0, |position, (&at, &length)| position * length + at)
    }

    fn shapes() -> impl Strategy<Value = Shape> {
        proptest::collection::vec(1usize..4, 1..5).prop_map(|axes| axes.into_iter().collect())
    }

    proptest! {
        #[test]
        fn a_broadcast_repeats_along_axes_that_are_missing_or_single(to in shapes(), flat in any::<u8>(), cut in 0usize..4) {
            let cut = cut.min(to.rank());
            let from: Shape = to.axes().iter().enumerate().skip(cut)
                .map(|(axis, &length)| if flat >> axis & 1 == 1 { 1 } else { length }).collect();
            let walk = Walk::broadcast(&from, &to);
            for at in 0..to.elements() {
                let wanted: Vec<usize> = index(at, &to)[cut..].iter().zip(from.axes())
                    .map(|(&at, &length)| if length == 1 { 0 } else { at }).collect();
                prop_assert_eq!(walk.at(at), position(&wanted, &from));
            }
        }

        #[test]
        fn a_move_takes_each_element_from_its_place(from in shapes(), order in any::<[u8; 4]>(), along in 0usize..4, start in 0usize..3) {
            let mut axes: Vec<u8> = (0..from.rank() as u8).collect();
            axes.sort_by_key(|&axis| order[usize::from(axis)]);
            let transpose = Move::Transpose(axes.iter().copied().collect());
            let to = from.moved(&transpose).unwrap();
            let walk = Walk::moved(&from, &transpose, &to);
            for at in 0..to.elements() {
                let mut wanted = vec![0; from.rank()];
                axes.iter().zip(index(at, &to)).for_each(|(&axis, at)| wanted[usize::from(axis)] = at);
                prop_assert_eq!(walk.at(at), position(&wanted, &from));
            }
            let axis = along % from.rank();
            let start = start % from.axes()[axis];
            let slice = Move::Slice { axis, start, length: from.axes()[axis] - start };
            let to = from.moved(&slice).unwrap();
            let walk = Walk::moved(&from, &slice, &to);
            for at in 0..to.elements() {
                let mut wanted = index(at, &to);
                wanted[axis] += start;
                prop_assert_eq!(walk.at(at), position(&wanted, &from));
            }
        }

        #[test]
        fn a_sum_takes_one_element_of_each_step_along_its_axis(from in shapes(), along in 0usize..4) {
            let axis = along % from.rank();
            let to = from.summed(axis).unwrap();
            let sum = summed(&from, axis);
            for at in 0..to.elements() {
                let wanted: Vec<usize> = (0..from.axes()[axis]).map(|step| {
                    let mut index = index(at, &to);
                    index[axis] = step;
                    position(&index, &from)
                }).collect();
                prop_assert_eq!(sum(at).collect::<Vec<_>>(), wanted);
            }
        }

        #[test]
        fn a_join_takes_the_parts_one_after_the_other(first in shapes(), extents in proptest::collection::vec(1usize..4, 1..4), along in 0usize..4) {
            let axis = along % first.rank();
            let parts: Vec<Shape> = extents.iter().map(|&extent| {
                first.axes().iter().enumerate().map(|(i, &length)| if i == axis { extent } else { length }).collect()
            }).collect();
            let parts: Vec<&Shape> = parts.iter().collect();
            let to = Shape::concat(parts.iter().copied(), axis).unwrap();
            let found: Vec<(usize, usize)> =
                joined(&parts, axis).flat_map(|(part, range)| range.map(move |at| (part, at))).collect();
            prop_assert_eq!(found.len(), to.elements());
            for (at, found) in found.into_iter().enumerate() {
                let (mut wanted, mut part) = (index(at, &to), 0);
                while wanted[axis] >= extents[part] {
                    wanted[axis] -= extents[part];
                    part += 1;
                }
                prop_assert_eq!(found, (part, position(&wanted, parts[part])));
            }
        }

        #[test]
        fn a_matrix_product_multiplies_rows_by_columns(
            batch in proptest::collection::vec(1usize..3, 0..3), rows in 1usize..4, inner in 1usize..4, columns in 1usize..4, all in any::<bool>()
        ) {
            let of = |batch: &[usize], last: [usize; 2]| batch.iter().copied().chain(last).collect::<Shape>();
            let left = of(&batch, [rows, inner]);
            let right = of(if all { &[] } else { &batch }, [inner, columns]);
            let to = left.matmul(&right).unwrap();
            let product = MatrixProduct::of(&left, &right);
            for at in 0..to.elements() {
                let place = index(at, &to);
                let (batch, last) = place.split_at(place.len() - 2);
                let with = |batch: &[usize], last: [usize; 2], shape: &Shape| position(&[batch, &last].concat(), shape);
                let wanted: Vec<(usize, usize)> = (0..inner)
                    .map(|k| (with(batch, [last[0], k], &left), with(if right.rank() == 2 { &[] } else { batch }, [k, last[1]], &right)))
                    .collect();
                prop_assert_eq!(product.terms(at).collect::<Vec<_>>(), wanted);
            }
        }
    }
}
