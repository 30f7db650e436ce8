//! Windows over an axis: the one rearrangement that convolutional networks need. The index map is six numbers, whatever the tensor.

use crate::shape::{Shape, ShapeError};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Replaces an axis by two, positions and taps: element (i, j) is element `start` + i `steps[0]` + j `steps[1]` of the axis, or zero where
/// that lies outside. Windows of a convolution with stride, dilation and padding, padding alone, zeros put in between, and an axis in
/// reverse are of this form.
///
/// ```
/// use viewless_protocols::windows::Windows;
///
/// // Windows of three, padded by one on both sides, over four elements.
/// let windows = Windows { axis: 0, start: -1, lengths: [4, 3], steps: [1, 1] };
/// assert_eq!((windows.source(0, 0, 4), windows.source(0, 1, 4), windows.source(3, 2, 4)), (None, Some(0), None));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Windows {
    /// The axis that two axes replace.
    pub axis: usize,
    /// Element of the axis that the first tap of the first position reads; negative for padding before it.
    pub start: i64,
    /// Number of positions, and of taps at each of them.
    pub lengths: [usize; 2],
    /// How far one position, and one tap, is from the next.
    pub steps: [i64; 2],
}

/// How far from the start of an axis windows may read: an axis has 2^40 elements at most.
const FARTHEST: u64 = 1 << 40;

impl Windows {
    /// The element that a tap of a position reads, of an axis of `extent` elements; none where it reads zero.
    #[must_use]
    pub fn source(&self, position: usize, tap: usize, extent: usize) -> Option<usize> {
        let at = self.start + position as i64 * self.steps[0] + tap as i64 * self.steps[1];
        usize::try_from(at).ok().filter(|&at| at < extent)
    }

    /// Whether a tap of some position reads zero.
    #[must_use]
    pub fn pads(&self, extent: usize) -> bool {
        // What is read lies between the corners, so one of them is outside if anything is.
        let [positions, taps] = self.lengths;
        [(0, 0), (positions - 1, 0), (0, taps - 1), (positions - 1, taps - 1)]
            .into_iter()
            .any(|(position, tap)| self.source(position, tap, extent).is_none())
    }

    /// The shape after the move.
    pub(crate) fn applied_to(&self, shape: &Shape) -> Result<Shape, ShapeError> {
        let error = || ShapeError::Move { shape: shape.clone(), rearrangement: self.to_string() };
        if self.axis >= shape.rank() {
            return Err(ShapeError::Axis { shape: shape.clone(), axis: self.axis });
        }
        let far = |length: usize, step: i64| (length as u64).saturating_sub(1).saturating_mul(step.unsigned_abs());
        let farthest = self
            .lengths
            .iter()
            .zip(self.steps)
            .fold(self.start.unsigned_abs(), |sum, (&length, step)| sum.saturating_add(far(length, step)));
        if self.lengths.contains(&0)
            || self.lengths.iter().any(|&length| length as u64 > FARTHEST)
            || farthest > FARTHEST
        {
            return Err(error());
        }
        let axes = shape.axes();
        let result: Shape =
            axes[..self.axis].iter().chain(&self.lengths).chain(&axes[self.axis + 1..]).copied().collect();
        result.validate()?;
        Ok(result)
    }

    /// The position in a tensor of shape `from` for a position in the result; none for zero.
    pub(crate) fn at(&self, from: &Shape, position: usize) -> Option<usize> {
        let axes = from.axes();
        let inner: usize = axes[self.axis + 1..].iter().product();
        let [positions, taps] = self.lengths;
        let (rest, along) = (position / inner, position % inner);
        let (rest, tap) = (rest / taps, rest % taps);
        let (outer, window) = (rest / positions, rest % positions);
        let extent = axes[self.axis];
        self.source(window, tap, extent).map(|at| (outer * extent + at) * inner + along)
    }
}

impl fmt::Display for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { axis, start, lengths: [positions, taps], steps: [step, tap_step] } = self;
        write!(f, "windows axis {axis} from {start} for {positions},{taps} by {step},{tap_step}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Move;
    use crate::walk::Walk;
    use proptest::prelude::*;

    fn moved(values: &[i32], shape: &Shape, windows: Windows) -> Vec<i32> {
        let rearrangement = Move::Windows(windows);
        let to = shape.moved(&rearrangement).unwrap();
        Walk::moved(shape, &rearrangement, &to).gather(values, &0)
    }

    #[test]
    fn padding_windows_zeros_between_and_reverse_are_instances() {
        let of = |start, lengths, steps| moved(&[1, 2, 3], &[3].into(), Windows { axis: 0, start, lengths, steps });
        assert_eq!(of(-1, [3, 3], [1, 1]), [0, 1, 2, 1, 2, 3, 2, 3, 0]);
        assert_eq!(of(-1, [2, 2], [2, 1]), [0, 1, 2, 3]);
        assert_eq!(of(-2, [7, 1], [1, 1]), [0, 0, 1, 2, 3, 0, 0]);
        assert_eq!(of(2, [3, 1], [-1, 1]), [3, 2, 1]);
        // One element, and after it a zero, for each: zeros are put in between.
        let single = Windows { axis: 1, start: 0, lengths: [2, 1], steps: [1, 1] };
        assert_eq!(moved(&[1, 2, 3], &[3, 1].into(), single), [1, 0, 2, 0, 3, 0]);
    }

    #[test]
    fn windows_without_end_or_without_elements_are_refused() {
        let shape: Shape = [4, 4].into();
        let good = Windows { axis: 1, start: -1, lengths: [4, 3], steps: [1, 1] };
        assert_eq!(shape.moved(&Move::Windows(good)), Ok([4, 4, 3].into()));
        for bad in [
            Windows { axis: 2, ..good },
            Windows { lengths: [0, 3], ..good },
            Windows { lengths: [4, 0], ..good },
            Windows { lengths: [usize::MAX, 2], ..good },
            Windows { lengths: [1 << 30, 1 << 30], ..good },
            Windows { start: i64::MIN, ..good },
            Windows { steps: [i64::MAX, 1], ..good },
            Windows { steps: [1, i64::MIN], ..good },
        ] {
            assert!(shape.moved(&Move::Windows(bad)).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn each_element_is_the_one_that_its_tap_reads(
            axes in proptest::collection::vec(1usize..4, 1..4), along in 0usize..3, start in -3i64..4,
            lengths in [1usize..4, 1usize..4], steps in [-2i64..3, -2i64..3]
        ) {
            let shape: Shape = axes.iter().copied().collect();
            let axis = along % shape.rank();
            let windows = Windows { axis, start, lengths, steps };
            let values: Vec<i32> = (1..=shape.elements() as i32).collect();
            let found = moved(&values, &shape, windows);
            let inner: usize = axes[axis + 1..].iter().product();
            let mut wanted = Vec::new();
            for outer in values.chunks(axes[axis] * inner) {
                for i in 0..lengths[0] as i64 {
                    for j in 0..lengths[1] as i64 {
                        let at = start + i * steps[0] + j * steps[1];
                        for k in 0..inner {
                            let inside = (0..axes[axis] as i64).contains(&at);
                            wanted.push(if inside { outer[at as usize * inner + k] } else { 0 });
                        }
                    }
                }
            }
            prop_assert_eq!(&found, &wanted);
            prop_assert_eq!(windows.pads(axes[axis]), wanted.contains(&0));
        }
    }
}
