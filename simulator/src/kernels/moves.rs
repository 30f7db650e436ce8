//! Data moves: the elements of the result are elements of the operand, in another order.

use rayon::prelude::*;

use viewless_protocols::windows::Windows;

use super::layout::{Axes, Walk, broadcast_strides, contiguous_strides, elements};

/// Elements that one thread moves at a time.
const BLOCK: usize = 1 << 14;
/// Side of the square tiles of a matrix transpose: 16 * 16 elements are 2 KiB on each side, in whole cache lines.
const TILE: usize = 16;

/// Permutes axes: axis `i` of the result is axis `permutation[i]` of the operand, as in numpy's `transpose`.
///
/// # Panics
/// If `permutation` is not a permutation of the axes of `shape`, or a slice does not have the shape's length.
pub fn transpose(a: &[u64], shape: &[usize], permutation: &[usize], out: &mut [u64]) {
    let mut seen: Axes<bool> = shape.iter().map(|_| false).collect();
    for &axis in permutation {
        assert!(
            axis < shape.len() && !std::mem::replace(&mut seen[axis], true),
            "{permutation:?} permutes the axes of {shape:?}"
        );
    }
    assert_eq!(permutation.len(), shape.len(), "{permutation:?} permutes the axes of {shape:?}");
    assert_eq!(a.len(), elements(shape), "the operand has the length of its shape {shape:?}");
    assert_eq!(out.len(), a.len(), "the result is as long as the operand");
    if out.is_empty() {
        return;
    }
    let strides = contiguous_strides(shape);
    let out_shape: Axes<usize> = permutation.iter().map(|&axis| shape[axis]).collect();
    let out_strides: Axes<usize> = permutation.iter().map(|&axis| strides[axis]).collect();
    let walk = Walk::new(&out_shape, [&out_strides]);
    match (&walk.lengths[..], &walk.strides[..]) {
        (&[.., rows, columns], &[.., [1], [column_stride]]) => {
            transpose_matrices(a, &walk, rows, columns, column_stride, out);
        }
        _ => gather(a, &walk, out),
    }
}

/// Repeats the operand along axes that are missing or of length 1, as numpy's `broadcast_to` does.
///
/// # Panics
/// If `shape` cannot be broadcast to `out_shape`, or a slice does not have its shape's length.
pub fn broadcast_to(a: &[u64], shape: &[usize], out: &mut [u64], out_shape: &[usize]) {
    assert_eq!(a.len(), elements(shape), "the operand has the length of its shape {shape:?}");
    assert_eq!(out.len(), elements(out_shape), "the result has the length of its shape {out_shape:?}");
    let strides = broadcast_strides(shape, out_shape);
    if !out.is_empty() {
        gather(a, &Walk::new(out_shape, [&strides]), out);
    }
}

/// `out[o, j, i] = a[o, start + j, i]`, where `a` has shape `[outer, axis_length, inner]` and `out` has
/// `[outer, range.len(), inner]`.
///
/// # Panics
/// If the range exceeds the axis, or a slice does not have its shape's length.
pub fn slice_axis(
    a: &[u64],
    outer: usize,
    axis_length: usize,
    inner: usize,
    range: std::ops::Range<usize>,
    out: &mut [u64],
) {
    assert!(range.start <= range.end && range.end <= axis_length, "{range:?} lies in an axis of length {axis_length}");
    assert_eq!(a.len(), outer * axis_length * inner, "the operand has shape [outer, axis_length, inner]");
    assert_eq!(out.len(), outer * range.len() * inner, "the result has shape [outer, range, inner]");
    if !out.is_empty() {
        let walk = Walk::new(&[outer, range.len() * inner], [&[axis_length * inner, 1]]);
        gather(&a[range.start * inner..], &walk, out);
    }
}

/// Replaces an axis by positions and taps, see [`Windows`]: `a` has shape `[outer, axis_length, inner]`, and `out`
/// `[outer, positions, taps, inner]`.
///
/// # Panics
/// If a slice does not have its shape's length.
pub fn windows(a: &[u64], axis_length: usize, inner: usize, windows: Windows, out: &mut [u64]) {
    let [positions, taps] = windows.lengths;
    assert_eq!(a.len() % (axis_length * inner), 0, "the operand has shape [outer, axis_length, inner]");
    let outer = a.len() / (axis_length * inner);
    assert_eq!(out.len(), outer * positions * taps * inner, "the result has shape [outer, positions, taps, inner]");
    // One part for each position, so that a single image in few channels is shared among threads, too.
    let part = taps * inner;
    let least = BLOCK.div_ceil(part);
    out.par_chunks_mut(part).with_min_len(least).enumerate().for_each(|(at, out)| {
        let (o, position) = (at / positions, at % positions);
        let rows = &a[o * axis_length * inner..(o + 1) * axis_length * inner];
        for (tap, out) in out.chunks_mut(inner).enumerate() {
            match windows.source(position, tap, axis_length) {
                Some(source) => out.copy_from_slice(&rows[source * inner..(source + 1) * inner]),
                None => out.fill(0),
            }
        }
    });
}

/// Joins tensors along an axis: each part is a slice and its length along the axis, of shape `[outer, length, inner]`.
///
/// # Panics
/// If a slice does not have its shape's length.
pub fn concat(parts: &[(&[u64], usize)], outer: usize, inner: usize, out: &mut [u64]) {
    for (part, length) in parts {
        assert_eq!(part.len(), outer * length * inner, "a part has shape [outer, length, inner]");
    }
    let out_row = parts.iter().map(|(_, length)| length * inner).sum::<usize>();
    assert_eq!(out.len(), outer * out_row, "the result has shape [outer, sum of lengths, inner]");
    if out.is_empty() {
        return;
    }
    let copy_row = |(index, out): (usize, &mut [u64])| {
        let mut rest = out;
        for (part, length) in parts {
            let part_row = length * inner;
            let (here, after) = std::mem::take(&mut rest).split_at_mut(part_row);
            here.copy_from_slice(&part[index * part_row..][..part_row]);
            rest = after;
        }
    };
    if out.len() <= BLOCK || outer == 1 {
        out.chunks_exact_mut(out_row).enumerate().for_each(copy_row);
    } else {
        out.par_chunks_exact_mut(out_row).with_min_len(BLOCK.div_ceil(out_row)).enumerate().for_each(copy_row);
    }
}

/// Walks the result in order and fetches each element.
fn gather(a: &[u64], walk: &Walk<1>, out: &mut [u64]) {
    let [stride] = walk.run_strides();
    let task = |start: usize, block: &mut [u64]| {
        let mut rest = block;
        for run in walk.runs(start, rest.len()) {
            let (out, after) = std::mem::take(&mut rest).split_at_mut(run.length);
            rest = after;
            let a = &a[run.starts[0]..];
            match stride {
                0 => out.fill(a[0]),
                1 => out.copy_from_slice(&a[..run.length]),
                _ => out.iter_mut().zip(a.iter().step_by(stride)).for_each(|(out, &a)| *out = a),
            }
        }
    };
    if out.len() <= BLOCK {
        task(0, out);
    } else {
        out.par_chunks_mut(BLOCK).enumerate().for_each(|(index, block)| task(index * BLOCK, block));
    }
}

/// The last two axes of the result, `rows` and `columns`, are a matrix whose columns are contiguous in the operand,
/// `column_stride` elements apart. Tiles keep both sides in whole cache lines.
fn transpose_matrices(a: &[u64], walk: &Walk<1>, rows: usize, columns: usize, column_stride: usize, out: &mut [u64]) {
    let outer_axes = walk.lengths.len() - 2;
    let matrix_start = |matrix: usize| {
        let mut rest = matrix;
        let mut start = 0;
        for axis in (0..outer_axes).rev() {
            start += rest % walk.lengths[axis] * walk.strides[axis][0];
            rest /= walk.lengths[axis];
        }
        start
    };
    let strip = |matrix: usize, first_row: usize, out: &mut [u64]| {
        let a = &a[matrix_start(matrix) + first_row..];
        for first_column in (0..columns).step_by(TILE) {
            let tile_columns = TILE.min(columns - first_column);
            for (row, out) in out.chunks_exact_mut(columns).enumerate() {
                let from = a[first_column * column_stride + row..].iter().step_by(column_stride);
                out[first_column..first_column + tile_columns].iter_mut().zip(from).for_each(|(out, &a)| *out = a);
            }
        }
    };
    let matrix_strips = |(matrix, out): (usize, &mut [u64])| {
        for (index, out) in out.chunks_mut(TILE * columns).enumerate() {
            strip(matrix, index * TILE, out);
        }
    };
    let matrix = rows * columns;
    if out.len() <= BLOCK {
        out.chunks_exact_mut(matrix).enumerate().for_each(matrix_strips);
    } else if matrix <= BLOCK {
        out.par_chunks_exact_mut(matrix).with_min_len(BLOCK / matrix).enumerate().for_each(matrix_strips);
    } else {
        for (matrix, out) in out.chunks_exact_mut(matrix).enumerate() {
            out.par_chunks_mut(TILE * columns).enumerate().for_each(|(index, out)| strip(matrix, index * TILE, out));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counting(count: usize) -> Vec<u64> {
        (0..count as u64).collect()
    }

    /// The element of the result at `position`, by numpy's definition.
    fn transposed_element(shape: &[usize], permutation: &[usize], position: usize) -> u64 {
        let out_shape: Vec<usize> = permutation.iter().map(|&axis| shape[axis]).collect();
        let (strides, out_strides) = (contiguous_strides(shape), contiguous_strides(&out_shape));
        (0..shape.len()).map(|i| position / out_strides[i] % out_shape[i] * strides[permutation[i]]).sum::<usize>()
            as u64
    }

    fn check_transpose(shape: &[usize], permutation: &[usize]) {
        let a = counting(elements(shape));
        let mut out = vec![u64::MAX; a.len()];
        transpose(&a, shape, permutation, &mut out);
        for (position, &found) in out.iter().enumerate() {
            assert_eq!(
                found,
                transposed_element(shape, permutation, position),
                "{shape:?} {permutation:?} at {position}"
            );
        }
    }

    proptest! {
        #[test]
        fn axes_are_permuted_as_numpy_does(
            (shape, permutation) in prop::collection::vec(1usize..20, 0..5).prop_flat_map(|shape| {
                let axes: Vec<usize> = (0..shape.len()).collect();
                (Just(shape), Just(axes).prop_shuffle())
            })
        ) {
            check_transpose(&shape, &permutation);
        }

        #[test]
        fn slices_of_a_concatenation_are_its_parts(
            outer in 0usize..5, inner in 0usize..5, lengths in prop::collection::vec(0usize..5, 0..4),
        ) {
            let parts: Vec<Vec<u64>> = lengths.iter().enumerate()
                .map(|(index, length)| (0..outer * length * inner).map(|i| (index * 1000 + i) as u64).collect()).collect();
            let with_lengths: Vec<(&[u64], usize)> = parts.iter().map(Vec::as_slice).zip(lengths.iter().copied()).collect();
            let axis_length: usize = lengths.iter().sum();
            let mut whole = vec![0; outer * axis_length * inner];
            concat(&with_lengths, outer, inner, &mut whole);
            let mut start = 0;
            for (part, length) in with_lengths {
                let mut back = vec![0; part.len()];
                slice_axis(&whole, outer, axis_length, inner, start..start + length, &mut back);
                prop_assert_eq!(&back, part);
                start += length;
            }
        }
    }

    #[test]
    fn large_transposes_follow_the_definition() {
        check_transpose(&[300, 257], &[1, 0]);
        check_transpose(&[40, 12, 64], &[1, 0, 2]);
        check_transpose(&[40, 12, 64], &[1, 2, 0]);
        check_transpose(&[40, 12, 64], &[2, 1, 0]);
        check_transpose(&[3, 130, 129], &[0, 2, 1]);
        check_transpose(&[100, 17, 19], &[0, 2, 1]);
        check_transpose(&[0, 3], &[1, 0]);
        check_transpose(&[], &[]);
    }

    #[test]
    fn broadcasts_repeat_rows_columns_and_scalars() {
        let mut out = vec![0; 12];
        broadcast_to(&[1, 2, 3], &[3], &mut out, &[4, 3]);
        assert_eq!(out, [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
        broadcast_to(&[1, 2, 3, 4], &[4, 1], &mut out, &[4, 3]);
        assert_eq!(out, [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
        broadcast_to(&[5], &[], &mut out, &[4, 3]);
        assert_eq!(out, [5; 12]);
        let row = counting(700);
        let mut large = vec![0; 100 * 700];
        broadcast_to(&row, &[700], &mut large, &[100, 700]);
        assert!(large.chunks(700).all(|out| out == row));
    }

    #[test]
    fn large_concatenations_keep_every_row() {
        let (a, b) = (counting(500 * 30), counting(500 * 41));
        let mut out = vec![0; 500 * 71];
        concat(&[(&a, 30), (&b, 41)], 500, 1, &mut out);
        for (row, out) in out.chunks(71).enumerate() {
            assert_eq!(out[..30], a[row * 30..][..30]);
            assert_eq!(out[30..], b[row * 41..][..41]);
        }
    }

    #[test]
    #[should_panic(expected = "permutes the axes")]
    fn a_repeated_axis_is_our_bug() {
        transpose(&[0; 4], &[2, 2], &[1, 1], &mut [0; 4]);
    }
}
