//! Shapes of tensors and the moves that rearrange their elements without computing on them.

use crate::windows::Windows;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::fmt;
use thiserror::Error;

/// Lengths of the axes of a tensor, outermost first (row-major). The empty shape is a single element.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shape(SmallVec<[usize; 4]>);

/// A shape that an operation cannot work on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ShapeError {
    /// Two shapes that do not broadcast together.
    #[error(
        "shapes {left} and {right} do not broadcast: aligned at the right, each pair of axes must be equal or one of them 1"
    )]
    Broadcast {
        /// Shape of the first operand.
        left: Shape,
        /// Shape of the second operand.
        right: Shape,
    },
    /// Operands of a matrix product that do not fit.
    #[error(
        "{left} x {right} is no matrix product: it takes [..., m, k] x [..., k, n] with equal leading axes, or [..., m, k] x [k, n]"
    )]
    MatMul {
        /// Shape of the left operand.
        left: Shape,
        /// Shape of the right operand.
        right: Shape,
    },
    /// An axis that the shape lacks.
    #[error("shape {shape} has no axis {axis}")]
    Axis {
        /// The shape.
        shape: Shape,
        /// The axis asked for.
        axis: usize,
    },
    /// A rearrangement that does not apply.
    #[error("shape {shape} cannot be rearranged by {rearrangement}")]
    Move {
        /// The shape.
        shape: Shape,
        /// The move, in words.
        rearrangement: String,
    },
    /// Parts that cannot be joined.
    #[error("shapes {first} and {other} cannot be joined along axis {axis}: all other axes must agree")]
    Concat {
        /// Shape of the first part.
        first: Shape,
        /// The part that differs.
        other: Shape,
        /// The axis of joining.
        axis: usize,
    },
    /// More elements than can be addressed.
    #[error("shape {shape} is empty or has more than 2^40 elements")]
    Size {
        /// The shape.
        shape: Shape,
    },
}

/// Rearranges elements; computes nothing. Every party can do it to what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Move {
    /// The same elements in the same order under another shape.
    Reshape(Shape),
    /// Axis i of the result is axis `order[i]` of the argument.
    Transpose(SmallVec<[u8; 6]>),
    /// Repeats elements along axes of length 1 and along new leading axes.
    Broadcast(Shape),
    /// Elements `start..start + length` of one axis.
    Slice {
        /// The axis.
        axis: usize,
        /// First element kept.
        start: usize,
        /// Number of elements kept.
        length: usize,
    },
    /// Replaces an axis by positions and taps, with zeros outside.
    Windows(Windows),
}

const MOST_ELEMENTS: usize = 1 << 40;

impl Shape {
    /// The shape of a single element.
    #[must_use]
    pub fn scalar() -> Self {
        Self::default()
    }

    /// Lengths of the axes.
    #[must_use]
    pub fn axes(&self) -> &[usize] {
        &self.0
    }

    /// Number of axes.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Number of elements.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.0.iter().product()
    }

    /// Refuses shapes without elements, and shapes of more than 2^40.
    ///
    /// # Errors
    /// [`ShapeError::Size`].
    pub fn validate(&self) -> Result<(), ShapeError> {
        let elements = self.0.iter().try_fold(1usize, |product, &axis| product.checked_mul(axis));
        match elements {
            Some(1..=MOST_ELEMENTS) => Ok(()),
            _ => Err(ShapeError::Size { shape: self.clone() }),
        }
    }

    /// The shape of an elementwise operation on `self` and `other` (aligned at the right, lengths equal or one of them 1).
    ///
    /// # Errors
    /// [`ShapeError::Broadcast`].
    pub fn broadcast(&self, other: &Self) -> Result<Self, ShapeError> {
        if self == other {
            return Ok(self.clone());
        }
        let rank = self.rank().max(other.rank());
        let mut axes = SmallVec::with_capacity(rank);
        for axis in 0..rank {
            let length = |shape: &Self| (axis + shape.rank()).checked_sub(rank).map_or(1, |i| shape.0[i]);
            match (length(self), length(other)) {
                (a, b) if a == b || b == 1 => axes.push(a),
                (1, b) => axes.push(b),
                _ => return Err(ShapeError::Broadcast { left: self.clone(), right: other.clone() }),
            }
        }
        Ok(Self(axes))
    }

    /// The shape of `self` x `right`: `[..., m, k] x [..., k, n]` with equal leading axes, or `[..., m, k] x [k, n]`.
    ///
    /// # Errors
    /// [`ShapeError::MatMul`].
    pub fn matmul(&self, right: &Self) -> Result<Self, ShapeError> {
        let error = || ShapeError::MatMul { left: self.clone(), right: right.clone() };
        let (&[ref batch @ .., m, k], &[ref right_batch @ .., inner, n]) = (self.axes(), right.axes()) else {
            return Err(error());
        };
        if k != inner || !(right_batch.is_empty() || batch == right_batch) {
            return Err(error());
        }
        Ok(batch.iter().copied().chain([m, n]).collect())
    }

    /// The shape after summing over `axis`, which keeps length 1.
    ///
    /// # Errors
    /// [`ShapeError::Axis`].
    pub fn summed(&self, axis: usize) -> Result<Self, ShapeError> {
        let mut result = self.clone();
        *result.0.get_mut(axis).ok_or_else(|| ShapeError::Axis { shape: self.clone(), axis })? = 1;
        Ok(result)
    }

    /// The shape after a move.
    ///
    /// # Errors
    /// [`ShapeError::Move`] or [`ShapeError::Axis`].
    pub fn moved(&self, rearrangement: &Move) -> Result<Self, ShapeError> {
        let error = || ShapeError::Move { shape: self.clone(), rearrangement: rearrangement.to_string() };
        match rearrangement {
            Move::Reshape(shape) => {
                shape.validate()?;
                if shape.elements() == self.elements() { Ok(shape.clone()) } else { Err(error()) }
            }
            Move::Transpose(order) => {
                let mut seen = vec![false; self.rank()];
                for &axis in order {
                    match seen.get_mut(usize::from(axis)) {
                        Some(flag) if !*flag => *flag = true,
                        _ => return Err(error()),
                    }
                }
                if order.len() != self.rank() {
                    return Err(error());
                }
                Ok(order.iter().map(|&axis| self.0[usize::from(axis)]).collect())
            }
            Move::Broadcast(shape) => {
                shape.validate()?;
                match self.broadcast(shape) {
                    Ok(result) if result == *shape => Ok(result),
                    _ => Err(error()),
                }
            }
            &Move::Slice { axis, start, length } => {
                let mut result = self.clone();
                let extent = result.0.get_mut(axis).ok_or_else(|| ShapeError::Axis { shape: self.clone(), axis })?;
                if length == 0 || start.checked_add(length).is_none_or(|end| end > *extent) {
                    return Err(error());
                }
                *extent = length;
                Ok(result)
            }
            Move::Windows(windows) => windows.applied_to(self),
        }
    }

    /// The shape of parts joined along `axis`.
    ///
    /// # Errors
    /// [`ShapeError::Concat`] or [`ShapeError::Axis`].
    pub fn concat<'a>(mut parts: impl Iterator<Item = &'a Self>, axis: usize) -> Result<Self, ShapeError> {
        let Some(first) = parts.next() else {
            return Err(ShapeError::Axis { shape: Self::scalar(), axis });
        };
        let mut result = first.summed(axis)?;
        let mut extent = first.0[axis];
        for part in parts {
            if part.summed(axis).ok().as_ref() != Some(&result) {
                return Err(ShapeError::Concat { first: first.clone(), other: part.clone(), axis });
            }
            extent += part.0[axis];
        }
        result.0[axis] = extent;
        Ok(result)
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(axes: I) -> Self {
        Self(axes.into_iter().collect())
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(axes: [usize; N]) -> Self {
        axes.into_iter().collect()
    }
}

impl From<&[usize]> for Shape {
    fn from(axes: &[usize]) -> Self {
        Self(SmallVec::from_slice(axes))
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, axis) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{axis}")?;
        }
        f.write_str("]")
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reshape(shape) => write!(f, "reshape {shape}"),
            Self::Transpose(order) => write!(f, "transpose {:?}", order.as_slice()),
            Self::Broadcast(shape) => write!(f, "broadcast {shape}"),
            Self::Slice { axis, start, length } => write!(f, "slice axis {axis} from {start} for {length}"),
            Self::Windows(windows) => fmt::Display::fmt(windows, f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape<const N: usize>(axes: [usize; N]) -> Shape {
        axes.into()
    }

    #[test]
    fn broadcasting_aligns_at_the_right() {
        assert_eq!(shape([3, 1]).broadcast(&shape([2, 1, 4])), Ok(shape([2, 3, 4])));
        assert_eq!(Shape::scalar().broadcast(&shape([5])), Ok(shape([5])));
        assert!(shape([3]).broadcast(&shape([4])).is_err());
    }

    #[test]
    fn matrix_products_take_equal_or_absent_leading_axes() {
        assert_eq!(shape([2, 3, 4]).matmul(&shape([2, 4, 5])), Ok(shape([2, 3, 5])));
        assert_eq!(shape([2, 3, 4]).matmul(&shape([4, 5])), Ok(shape([2, 3, 5])));
        assert!(shape([2, 3, 4]).matmul(&shape([3, 4, 5])).is_err());
        assert!(shape([3, 4]).matmul(&shape([5, 4])).is_err());
        assert!(shape([4]).matmul(&shape([4])).is_err());
    }

    #[test]
    fn moves_that_lose_or_repeat_elements_are_refused() {
        let s = shape([2, 3]);
        assert_eq!(s.moved(&Move::Transpose(SmallVec::from_slice(&[1, 0]))), Ok(shape([3, 2])));
        for bad in [
            Move::Reshape(shape([5])),
            Move::Transpose(SmallVec::from_slice(&[0, 0])),
            Move::Transpose(SmallVec::from_slice(&[0])),
            Move::Transpose(SmallVec::from_slice(&[0, 2])),
            Move::Broadcast(shape([3, 3])),
            Move::Slice { axis: 1, start: 1, length: 3 },
            Move::Slice { axis: 2, start: 0, length: 1 },
            Move::Slice { axis: 0, start: usize::MAX, length: 2 },
            Move::Slice { axis: 0, start: 0, length: 0 },
        ] {
            assert!(s.moved(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn joining_needs_all_other_axes_to_agree() {
        let parts = [shape([2, 3]), shape([4, 3])];
        assert_eq!(Shape::concat(parts.iter(), 0), Ok(shape([6, 3])));
        assert!(Shape::concat(parts.iter(), 1).is_err());
        assert!(Shape::concat(parts.iter(), 2).is_err());
        assert!(Shape::concat([].iter(), 0).is_err());
    }

    #[test]
    fn empty_and_unaddressable_shapes_are_refused() {
        assert!(shape([2, 0]).validate().is_err());
        assert!(shape([usize::MAX, 2]).validate().is_err());
        assert!(shape([1 << 20, 1 << 21]).validate().is_err());
        assert!(Shape::scalar().validate().is_ok());
    }
}
