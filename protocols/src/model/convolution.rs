//! Layers of convolutional networks as circuits. Images are `[images, rows, columns, channels]`, so that what a window reads lies together;
//! weights are as PyTorch files have them.
//!
//! A convolution is windows, which compute nothing, and a matrix product. What is divided by a power of two is divided by moving the binary
//! point: the result has guard bits, which the next product rounds away.

use crate::circuit::{Circuit, Secret};
use crate::windows::Windows;

/// Which windows a convolution takes; the same along rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Side of a window.
    pub kernel: usize,
    /// How far one window is from the next.
    pub stride: usize,
    /// Zeros around the image.
    pub padding: usize,
}

impl Geometry {
    /// Windows of three with a zero around: as many as there are elements.
    pub const SAME_3: Self = Self { kernel: 3, stride: 1, padding: 1 };
    /// Single elements.
    pub const POINT: Self = Self { kernel: 1, stride: 1, padding: 0 };

    /// Windows along a side; `None` if not one fits.
    #[must_use]
    pub fn windows(self, side: usize) -> Option<usize> {
        let padded = self.padding.checked_mul(2)?.checked_add(side)?;
        padded.checked_sub(self.kernel)?.checked_div(self.stride).map(|steps| steps + 1)
    }
}

fn axes(c: &Circuit, x: Secret) -> [usize; 4] {
    c.shape(x).axes().try_into().unwrap_or([1; 4])
}

/// Windows over rows and columns, as a matrix: a row for each window, by image, row, column; its columns by row, column, channel.
/// The first window reads `taps` elements from `start` on, along rows and columns, and there are `count` of them, `step` apart.
fn matrix(c: &mut Circuit, x: Secret, start: [i64; 2], taps: usize, step: i64, count: [usize; 2]) -> Secret {
    let [images, .., channels] = axes(c, x);
    let along =
        |axis, side: usize| Windows { axis, start: start[side], lengths: [count[side], taps], steps: [step, 1] };
    let rows = c.windows(x, along(1, 0));
    let both = c.windows(rows, along(3, 1));
    let together = c.transpose(both, &[0, 1, 3, 2, 4, 5]);
    let elements = |factors: &[usize]| factors.iter().fold(1usize, |product, &factor| product.saturating_mul(factor));
    c.reshape(together, [elements(&[images, count[0], count[1]]), elements(&[taps, taps, channels])])
}

/// The product of windows and the weight `[outputs, channels, rows, columns]`, divided by 2^`halvings` at no cost; it has the guard bits
/// that the weight had, or those of x if they are fewer.
fn product(c: &mut Circuit, windows: Secret, weight: Secret, outputs: usize, halvings: i8) -> Secret {
    let inputs = c.row_length(windows);
    let weight = c.transpose(weight, &[2, 3, 1, 0]);
    let weight = c.reshape(weight, [inputs, outputs]);
    let weight = c.shift(weight, -halvings);
    c.matmul(windows, weight)
}

/// A convolution with `weight` `[outputs, channels, kernel, kernel]`, divided by 2^`halvings`: `[images, rows, columns, outputs]`.
///
/// A kernel of another shape than the geometry's, or one that does not fit the image, is an error of the circuit.
pub fn conv2d(c: &mut Circuit, x: Secret, weight: Secret, geometry: Geometry, halvings: i8) -> Secret {
    let [images, rows, columns, channels] = axes(c, x);
    let outputs = axes(c, weight)[0];
    // A length of zero is refused where the windows are made.
    let count = [rows, columns].map(|side| geometry.windows(side).unwrap_or(0));
    let windows = if geometry == Geometry::POINT {
        c.reshape(x, [images * rows * columns, channels])
    } else {
        let (start, step) = (-(geometry.padding as i64), geometry.stride as i64);
        matrix(c, x, [start; 2], geometry.kernel, step, count)
    };
    let result = product(c, windows, weight, outputs, halvings);
    c.reshape(result, [images, count[0], count[1], outputs])
}

/// [`average_pool2`] of a convolution of windows of three: windows of four, two apart, whose kernel is the mean of four shifted copies.
/// 16 products for an element of the result, where there are 36.
pub fn conv2d_then_pool2(c: &mut Circuit, x: Secret, weight: Secret, halvings: i8) -> Secret {
    let [outputs, channels, ..] = axes(c, weight);
    let copy = |c: &mut Circuit, w: Secret, axis: usize, shift: i64| {
        let placed = c.windows(w, Windows { axis, start: -shift, lengths: [4, 1], steps: [1, 1] });
        c.reshape(placed, [outputs, channels, 4, if axis == 3 { 4 } else { 3 }])
    };
    let both = |c: &mut Circuit, w: Secret, axis: usize| {
        let copies = [0, 1].map(|shift| copy(c, w, axis, shift));
        c.add(copies[0], copies[1])
    };
    let rows = both(c, weight, 2);
    let kernel = both(c, rows, 3);
    conv2d(c, x, kernel, Geometry { kernel: 4, stride: 2, padding: 1 }, halvings + 2)
}

/// A convolution of windows of three of an image doubled by [`Upsampling::Nearest`]: four convolutions of windows of two of the image
/// itself, one for each place in two by two elements. 4 products for an element of the result, where there are 9.
pub fn nearest2_then_conv2d(c: &mut Circuit, x: Secret, weight: Secret) -> Secret {
    let [images, rows, columns, _] = axes(c, x);
    let [outputs, channels, ..] = axes(c, weight);
    let pieces = [0, 1].map(|down| {
        let along = [0, 1].map(|right| {
            let kernel = merged_taps(c, weight, 2, down, [outputs, channels, 2, 3]);
            let kernel = merged_taps(c, kernel, 3, right, [outputs, channels, 2, 2]);
            let windows = matrix(c, x, [down - 1, right - 1], 2, 1, [rows, columns]);
            let result = product(c, windows, kernel, outputs, 0);
            c.reshape(result, [images, rows, 1, columns, 1, outputs])
        });
        c.concat(&along, 4)
    });
    let all = c.concat(&pieces, 2);
    c.reshape(all, [images, 2 * rows, 2 * columns, outputs])
}

/// The taps of a kernel of three along an axis, added where they read the same element: the first alone and the others, for the first of two
/// places; the last alone, for the second.
fn merged_taps(c: &mut Circuit, weight: Secret, axis: usize, place: i64, shape: [usize; 4]) -> Secret {
    // Zero is read before the first tap and after the last one.
    let takes = if place == 0 { [(0, 1), (-1, 3)] } else { [(0, 2), (1, 2)] };
    let parts = takes.map(|(start, step)| {
        let part = c.windows(weight, Windows { axis, start, lengths: [2, 1], steps: [step, 1] });
        c.reshape(part, shape)
    });
    c.add(parts[0], parts[1])
}

/// Adds a number for each channel.
pub fn bias(c: &mut Circuit, x: Secret, bias: Secret) -> Secret {
    let guard_bits = c.guard_bits(x);
    let bias = c.precision(bias, guard_bits);
    c.add(x, bias)
}

/// A transposed convolution with `weight` `[channels, outputs, kernel, kernel]`: zeros are put between the elements, and the kernel is
/// turned round.
pub fn conv_transpose2d(c: &mut Circuit, x: Secret, weight: Secret, geometry: Geometry) -> Secret {
    let Geometry { kernel, stride, padding } = geometry;
    let [images, rows, columns, channels] = axes(c, x);
    let outputs = axes(c, weight)[1];
    let spread = |axis| Windows { axis, start: 0, lengths: [stride, 1], steps: [1, 1] };
    let single = c.reshape(x, [images, rows, 1, columns, 1, channels]);
    let spread_columns = c.windows(single, spread(4));
    let spread_rows = c.windows(spread_columns, spread(2));
    let spaced = c.reshape(spread_rows, [images, rows * stride, columns * stride, channels]);

    let turned = |axis| Windows { axis, start: kernel as i64 - 1, lengths: [kernel, 1], steps: [-1, 1] };
    let weight = c.windows(weight, turned(3));
    let weight = c.windows(weight, turned(2));
    let weight = c.reshape(weight, [channels, outputs, kernel, kernel]);
    let weight = c.transpose(weight, &[1, 0, 2, 3]);

    let count = [rows, columns].map(|side| ((side - 1) * stride + kernel).saturating_sub(2 * padding));
    let start = padding as i64 + 1 - kernel as i64;
    let windows = matrix(c, spaced, [start; 2], kernel, 1, count);
    let result = product(c, windows, weight, outputs, 0);
    c.reshape(result, [images, count[0], count[1], outputs])
}

/// Sums of two by two elements.
pub fn sum_pool2(c: &mut Circuit, x: Secret) -> Secret {
    let [images, rows, columns, channels] = axes(c, x);
    let split = c.reshape(x, [images, rows / 2, 2, columns / 2, 2, channels]);
    let sum = c.sum(split, 4);
    let sum = c.sum(sum, 2);
    c.reshape(sum, [images, rows / 2, columns / 2, channels])
}

/// Means of two by two elements, with two guard bits more: nothing is rounded.
pub fn average_pool2(c: &mut Circuit, x: Secret) -> Secret {
    let sum = sum_pool2(c, x);
    c.shift(sum, -2)
}

/// How an image is made twice as high and wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Upsampling {
    /// Each element four times.
    Nearest,
    /// Between the centres of elements, and constant beyond the outermost: 9, 3, 3 and 1 sixteenths. Four guard bits more.
    Bilinear,
}

/// An image twice as high and wide.
pub fn upsample2(c: &mut Circuit, x: Secret, upsampling: Upsampling) -> Secret {
    let [images, rows, columns, channels] = axes(c, x);
    match upsampling {
        Upsampling::Nearest => {
            let single = c.reshape(x, [images, rows, 1, columns, 1, channels]);
            let repeated = c.broadcast(single, [images, rows, 2, columns, 2, channels]);
            c.reshape(repeated, [images, 2 * rows, 2 * columns, channels])
        }
        Upsampling::Bilinear => {
            let higher = between(c, x, 1, [images, 2 * rows, columns, channels]);
            between(c, higher, 2, [images, 2 * rows, 2 * columns, channels])
        }
    }
}

/// Twice as many elements along an axis, each 3/4 of one and 1/4 of the one beside it.
fn between(c: &mut Circuit, x: Secret, axis: usize, shape: [usize; 4]) -> Secret {
    let length = axes(c, x)[axis];
    let ends = [c.slice(x, axis, 0, 1), c.slice(x, axis, length - 1, 1)];
    let beside = if length == 1 {
        ends
    } else {
        let (before, after) = (c.slice(x, axis, 0, length - 1), c.slice(x, axis, 1, length - 1));
        [c.concat(&[ends[0], before], axis), c.concat(&[after, ends[1]], axis)]
    };
    let three = c.scale(x, 3.0);
    let mut axes = axes(c, x).to_vec();
    axes.insert(axis + 1, 1);
    let halves = beside.map(|beside| {
        let sum = c.add(three, beside);
        c.reshape(sum, axes.as_slice())
    });
    let joined = c.concat(&halves, axis + 1);
    let joined = c.reshape(joined, shape);
    c.shift(joined, -2)
}

/// The nearest of [`low`, `high`] to each element: two comparisons and two selections.
pub fn clamp(c: &mut Circuit, x: Secret, low: f64, high: f64) -> Secret {
    let below = c.less_than(x, low);
    let beyond = c.less_than(x, high);
    let beyond = c.not(beyond);
    let missing = c.subtract_from(low, x);
    let raised = c.select(below, missing);
    let excess = c.offset(x, -high);
    let lowered = c.select(beyond, excess);
    let x = c.add(x, raised);
    c.sub(x, lowered)
}

#[cfg(test)]
mod tests;
