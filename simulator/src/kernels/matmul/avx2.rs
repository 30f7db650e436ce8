//! Tiles with 256-bit vectors, which have no 64-bit multiplication.
//!
//! With a = a1 · 2^32 + a0 and b = b1 · 2^32 + b0, modulo 2^64:  a · b = a0 · b0 + ((a1 · b0 + a0 · b1) mod 2^32) · 2^32.
//! `vpmuludq` makes a0 · b0. `vpmulld` of b with the exchanged halves of a makes a1 · b0 and a0 · b1 modulo 2^32, side by side;
//! these *cross* terms are added up in their own 32-bit lanes, and meet only once, after the last step.

use std::arch::x86_64::*;

use super::Tile;

/// Columns of a sub-tile: two vectors.
const WIDTH: usize = 8;
/// Rows of a sub-tile: its 2 × 2 vectors of low and cross sums take 8 of the 16 registers.
const ROWS: usize = 2;

/// # Safety
/// The tile lies within its operands, and its elements in C are this task's to write.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn tile(tile: &Tile<'_>) {
    for first_column in (0..tile.columns).step_by(WIDTH) {
        for first_row in (0..tile.rows).step_by(ROWS) {
            // SAFETY: by this function's contract; the rows are rows of the tile.
            unsafe {
                match tile.rows - first_row {
                    1 => sub_tile::<1>(tile, first_row, first_column),
                    _ => sub_tile::<ROWS>(tile, first_row, first_column),
                }
            }
        }
    }
}

/// # Safety
/// As for [`tile`]; the sub-tile's rows are rows of the tile, and its first column is a column of the tile.
#[target_feature(enable = "avx2")]
unsafe fn sub_tile<const R: usize>(tile: &Tile<'_>, first_row: usize, first_column: usize) {
    let a = tile.a[first_row * tile.a_stride..].as_ptr();
    let b = tile.b[first_column..].as_ptr();
    let mut low = [[_mm256_setzero_si256(); 2]; R];
    let mut cross = [[_mm256_setzero_si256(); 2]; R];
    for step in 0..tile.depth {
        // SAFETY: step < depth, so this is within row `step` of B, which has the columns up to the next multiple of 8, and
        // within row r < R of A; the tile lies within its operands by this function's contract.
        unsafe {
            let b = b.add(step * tile.b_stride).cast::<__m256i>();
            let b = [_mm256_loadu_si256(b), _mm256_loadu_si256(b.add(1))];
            for r in 0..R {
                let a = _mm256_set1_epi64x(*a.add(r * tile.a_stride + step) as i64);
                let a_exchanged = _mm256_shuffle_epi32::<0b10_11_00_01>(a);
                for v in 0..2 {
                    low[r][v] = _mm256_add_epi64(low[r][v], _mm256_mul_epu32(a, b[v]));
                    cross[r][v] = _mm256_add_epi32(cross[r][v], _mm256_mullo_epi32(a_exchanged, b[v]));
                }
            }
        }
    }
    for r in 0..R {
        let mut sums = [0; WIDTH];
        for v in 0..2 {
            // Both cross sums of an element, added in its high half: x + (x << 32) has there the sum of x's halves.
            let high = _mm256_add_epi32(cross[r][v], _mm256_slli_epi64::<32>(cross[r][v]));
            let high = _mm256_blend_epi32::<0b1010_1010>(_mm256_setzero_si256(), high);
            let sum = _mm256_add_epi64(low[r][v], high);
            // SAFETY: four elements from 4 * v on lie within the eight of `sums`.
            unsafe { _mm256_storeu_si256(sums[4 * v..].as_mut_ptr().cast(), sum) };
        }
        // SAFETY: by this function's contract.
        unsafe { tile.write(first_row + r, first_column, &sums) };
    }
}
