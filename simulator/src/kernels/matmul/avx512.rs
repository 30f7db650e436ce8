//! Tiles with 512-bit vectors and their 64-bit multiplication (`vpmullq`): 16 sums of 8 elements each in registers.

use std::arch::x86_64::*;

use super::{DEPTH, PANEL, Packed, Tile, portable};

/// Elements of a vector.
const LANES: usize = 8;

/// # Safety
/// The tile lies within its operands, and its elements in C are this task's to write.
#[target_feature(enable = "avx512f,avx512dq")]
pub(super) unsafe fn tile(tile: &Tile<'_>) {
    // SAFETY: by this function's contract; the constants are the tile's rows and its columns in vectors.
    unsafe {
        match tile.columns.div_ceil(LANES) {
            1 => tile_of_vectors::<1>(tile),
            2 => tile_of_vectors::<2>(tile),
            3 => tile_of_vectors::<3>(tile),
            _ => tile_of_vectors::<4>(tile),
        }
    }
}

/// # Safety
/// As for [`tile`], and V is the number of vectors that the tile's columns take.
#[target_feature(enable = "avx512f,avx512dq")]
unsafe fn tile_of_vectors<const V: usize>(tile: &Tile<'_>) {
    // SAFETY: as above.
    unsafe {
        match tile.rows {
            1 => fixed_tile::<1, V>(tile),
            2 => fixed_tile::<2, V>(tile),
            3 => fixed_tile::<3, V>(tile),
            _ => fixed_tile::<4, V>(tile),
        }
    }
}

/// # Safety
/// As for [`tile`], and the tile has R rows and V vectors of columns, the last of which may be partly used.
#[target_feature(enable = "avx512f,avx512dq")]
unsafe fn fixed_tile<const R: usize, const V: usize>(tile: &Tile<'_>) {
    let (a, b) = (tile.a.as_ptr(), tile.b.as_ptr());
    let mut sums = [[_mm512_setzero_si512(); V]; R];
    for step in 0..tile.depth {
        // SAFETY: step < depth, so this is within row `step` of B, which has V whole vectors, and within row r < R of A; the
        // tile lies within its operands by this function's contract. A prefetch may have any address.
        unsafe {
            let b_row = b.add(step * tile.b_stride);
            let ahead = step % 16 * tile.prefetch.stride + step / 16 * tile.prefetch.stride_of_16;
            _mm_prefetch::<_MM_HINT_T1>(tile.prefetch.start.wrapping_add(ahead).cast());
            let mut b = [_mm512_setzero_si512(); V];
            for (v, b) in b.iter_mut().enumerate() {
                *b = _mm512_loadu_si512(b_row.add(v * LANES).cast());
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let a = _mm512_set1_epi64(*a.add(r * tile.a_stride + step) as i64);
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum = _mm512_add_epi64(*sum, _mm512_mullo_epi64(a, b));
                }
            }
        }
    }
    let ring = _mm512_set1_epi64(tile.mask as i64);
    let unused_lanes = V * LANES - tile.columns;
    for (r, sums) in sums.iter().enumerate() {
        for (v, &sum) in sums.iter().enumerate() {
            let lanes: __mmask8 = if v == V - 1 { 0xff >> unused_lanes } else { 0xff };
            // SAFETY: the lanes selected are elements of the tile in C, which are this task's by this function's contract;
            // lanes not selected are neither read nor written.
            unsafe {
                let c = tile.c.add(r * tile.c_stride + v * LANES).cast::<i64>();
                let before = if tile.accumulate { _mm512_maskz_loadu_epi64(lanes, c) } else { _mm512_setzero_si512() };
                _mm512_mask_storeu_epi64(c, lanes, _mm512_and_si512(_mm512_add_epi64(before, sum), ring));
            }
        }
    }
}

/// Packs `depth` inner indices of the `width` columns of a panel, where `b` holds the panel's columns, `b_stride` apart: squares
/// of 8 by 8 elements in registers, and what is left one by one.
///
/// # Panics
/// If `b` is shorter than that.
#[target_feature(enable = "avx512f,avx512dq")]
pub(super) fn pack_transposed(b: &[u64], b_stride: usize, depth: usize, width: usize, packed: &mut Packed) {
    assert!((1..=DEPTH).contains(&depth) && (1..=PANEL).contains(&width));
    assert!(b.len() >= (width - 1) * b_stride + depth);
    let (whole_depth, whole_width) = (depth / LANES * LANES, width / LANES * LANES);
    for column in (0..whole_width).step_by(LANES) {
        for step in (0..whole_depth).step_by(LANES) {
            // SAFETY: columns `column .. column + 8` of B have the elements `step .. step + 8`, and the packed rows
            // `step .. step + 8` have the columns `column .. column + 8`, because both lie below the asserted bounds.
            unsafe {
                let from = b.as_ptr().add(column * b_stride + step);
                let to = packed.0.as_mut_ptr().add(step * PANEL + column);
                transpose_square(from, b_stride, to, PANEL);
            }
        }
    }
    portable::pack_transposed(b, b_stride, whole_depth..depth, 0..whole_width, packed);
    portable::pack_transposed(b, b_stride, 0..depth, whole_width..width, packed);
}

/// Writes the transpose of 8 rows of 8 elements: first pairs of elements change places, then pairs of pairs, then halves.
///
/// # Safety
/// Eight elements can be read at `from + i * from_stride` and written at `to + i * to_stride`, for i in 0..8.
#[target_feature(enable = "avx512f,avx512dq")]
unsafe fn transpose_square(from: *const u64, from_stride: usize, to: *mut u64, to_stride: usize) {
    // SAFETY: by this function's contract, here and below.
    let row = |i: usize| unsafe { _mm512_loadu_si512(from.add(i * from_stride).cast()) };
    let pairs = [(row(0), row(1)), (row(2), row(3)), (row(4), row(5)), (row(6), row(7))];
    for odd in 0..2 {
        let [p, q, r, s] = pairs.map(|(upper, lower)| match odd {
            0 => _mm512_unpacklo_epi64(upper, lower),
            _ => _mm512_unpackhi_epi64(upper, lower),
        });
        // Each of p, q, r, s holds pairs of the columns odd, odd + 2, odd + 4 and odd + 6.
        let (even_upper, even_lower) = (_mm512_shuffle_i64x2::<0x88>(p, q), _mm512_shuffle_i64x2::<0x88>(r, s));
        let (odd_upper, odd_lower) = (_mm512_shuffle_i64x2::<0xdd>(p, q), _mm512_shuffle_i64x2::<0xdd>(r, s));
        let columns = [
            _mm512_shuffle_i64x2::<0x88>(even_upper, even_lower),
            _mm512_shuffle_i64x2::<0x88>(odd_upper, odd_lower),
            _mm512_shuffle_i64x2::<0xdd>(even_upper, even_lower),
            _mm512_shuffle_i64x2::<0xdd>(odd_upper, odd_lower),
        ];
        for (index, column) in columns.into_iter().enumerate() {
            // SAFETY: 2 * index + odd is below 8.
            unsafe { _mm512_storeu_si512(to.add((2 * index + odd) * to_stride).cast(), column) };
        }
    }
}
