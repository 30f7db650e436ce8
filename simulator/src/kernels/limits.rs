//! What this processor allows: rates that no kernel can exceed, measured, so that a kernel's own rate can be read beside them.

use super::elementwise::{self, Binary};
use super::{CodePath, Work};
use crate::stream::StreamKey;
use std::hint::black_box;
use std::time::Instant;

/// Each rate is the best of so many measurements: whatever disturbs one makes it slower.
const MEASUREMENTS: usize = 7;
/// Multiplications with addition of a measurement, at least.
const MULTIPLICATIONS: usize = 1 << 26;
/// Words of the stream that are made again and again: 16 KiB, in a level-one cache.
const STREAM_WORDS: usize = 1 << 11;
/// Words of each tensor that is read from memory and written to it: 64 MiB, in no cache.
const MEMORY_WORDS: usize = 1 << 23;

/// Multiplications with addition modulo 2^64 that one thread makes in a second when all operands are in registers.
#[must_use]
pub fn multiplications_per_second(path: CodePath) -> f64 {
    path.assert_available();
    best(|| {
        let started = Instant::now();
        let made = multiply(path);
        made as f64 / started.elapsed().as_secs_f64()
    })
}

/// Bytes of a stream that one thread makes in a second, into a level-one cache.
#[must_use]
pub fn stream_bytes_per_second() -> f64 {
    let key = StreamKey::from_bytes([7; 16]);
    let mut words = vec![0; STREAM_WORDS];
    best(|| {
        let started = Instant::now();
        for round in 0..1024 {
            key.fill(round * STREAM_WORDS as u64, black_box(&mut words));
        }
        (1024 * 8 * STREAM_WORDS) as f64 / started.elapsed().as_secs_f64()
    })
}

/// Bytes that all threads together read from memory and write to it in a second, adding two tensors.
#[must_use]
pub fn memory_bytes_per_second(path: CodePath) -> f64 {
    let (a, b) = (vec![1; MEMORY_WORDS], vec![2; MEMORY_WORDS]);
    let mut out = vec![0; MEMORY_WORDS];
    let shape = [MEMORY_WORDS];
    best(|| {
        let started = Instant::now();
        elementwise::binary(
            path,
            Binary::Add,
            u64::MAX,
            black_box(&a),
            &shape,
            black_box(&b),
            &shape,
            &mut out,
            &shape,
        );
        (3 * 8 * MEMORY_WORDS) as f64 / started.elapsed().as_secs_f64()
    })
}

fn best(mut measure: impl FnMut() -> f64) -> f64 {
    (0..MEASUREMENTS).map(|_| measure()).fold(0.0, f64::max)
}

/// Multiplies and adds in registers; gives how many times.
fn multiply(path: CodePath) -> usize {
    match path {
        // SAFETY: the caller has asserted that the processor can run the path.
        #[cfg(target_arch = "x86_64")]
        CodePath::Avx512 => unsafe { multiply_avx512() },
        CodePath::Scalar | CodePath::Avx2 => path.run(Multiply),
        #[cfg(not(target_arch = "x86_64"))]
        CodePath::Avx512 => unreachable!("not available, as the caller has asserted"),
    }
}

/// Twelve sums in vectors: more than the processor needs to be busy.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq")]
fn multiply_avx512() -> usize {
    use std::arch::x86_64::{_mm512_add_epi64, _mm512_mullo_epi64, _mm512_reduce_add_epi64, _mm512_set1_epi64};
    let factor = _mm512_set1_epi64(black_box(0x1234_5678_9abc_def1));
    let mut sums = [_mm512_set1_epi64(1); 12];
    let rounds = MULTIPLICATIONS / (8 * sums.len());
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_add_epi64(_mm512_mullo_epi64(*sum, factor), factor);
        }
    }
    black_box(sums.into_iter().fold(0i64, |all, sum| all ^ _mm512_reduce_add_epi64(sum)));
    rounds * sums.len() * 8
}

struct Multiply;

impl Work for Multiply {
    type Output = usize;

    #[inline(always)]
    fn work(self) -> usize {
        let factor = black_box(0x1234_5678_9abc_def1u64);
        let mut sums = [1u64; 48];
        let rounds = MULTIPLICATIONS / sums.len();
        for _ in 0..rounds {
            sums.iter_mut().for_each(|sum| *sum = sum.wrapping_mul(factor).wrapping_add(factor));
        }
        black_box(sums);
        rounds * sums.len()
    }
}
