//! Tiles for any processor, in safe code except for writing to the shared result.

use std::ops::Range;

use super::{PANEL, Packed, Tile};

/// Columns whose sums are kept at a time: with one row, as many as fit the registers of a plain processor.
const WIDTH: usize = 8;

/// # Safety
/// The elements of the tile in C are this task's to write.
pub(super) unsafe fn tile(tile: &Tile<'_>) {
    for first_column in (0..tile.columns).step_by(WIDTH) {
        for row in 0..tile.rows {
            let sums = sums(tile, row, first_column);
            // SAFETY: by this function's contract.
            unsafe { tile.write(row, first_column, &sums) };
        }
    }
}

fn sums(tile: &Tile<'_>, row: usize, first_column: usize) -> [u64; WIDTH] {
    let mut sums = [0u64; WIDTH];
    let a = &tile.a[row * tile.a_stride..][..tile.depth];
    for (&a, b) in a.iter().zip(tile.b[first_column..].chunks(tile.b_stride)) {
        let b = b.first_chunk::<WIDTH>().expect("rows of B are read in multiples of 8 columns");
        for (sum, &b) in sums.iter_mut().zip(b) {
            *sum = sum.wrapping_add(a.wrapping_mul(b));
        }
    }
    sums
}

/// Packs the columns `columns` and inner indices `inner` of a panel, where `b` holds the panel's columns, `b_stride` apart.
pub(super) fn pack_transposed(
    b: &[u64],
    b_stride: usize,
    inner: Range<usize>,
    columns: Range<usize>,
    packed: &mut Packed,
) {
    let (packed_rows, _) = packed.0.as_chunks_mut::<PANEL>();
    for column in columns {
        let from = &b[column * b_stride..][inner.clone()];
        for (packed_row, &element) in packed_rows[inner.clone()].iter_mut().zip(from) {
            packed_row[column] = element;
        }
    }
}
