//! The public trigonometric functions of a Program: cosine cos(h angle) + sine sin(h angle), angle = 2 pi t / 2^m.
//!
//! Bit-identical on every platform: `libm` computes in software, and the sums are in a fixed order. Harmonics of one angle are
//! reduced to a turn exactly, h t mod 2^m in integers, before anything is rounded.

use rayon::prelude::*;
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::program::Wave;

/// Elements handled by one thread at a time.
const BLOCK: usize = 1 << 10;

/// Angles of at most this many bits are looked up in a table made once for each call that is large enough.
const TABLE_BITS: u8 = 22;

/// Cosine of each angle 2 pi t / 2^m; the sine is the cosine a quarter of a turn back.
enum Cosines {
    Table(Vec<f64>),
    Direct,
}

fn cosine_at(position: u64, bits: u8) -> f64 {
    // Reduce to the first eighth of a turn, so that opposite and mirrored angles have exactly opposite and equal cosines.
    let turn = 1u64 << bits;
    let position = position & (turn - 1);
    let mirrored = position.min(turn - position);
    let (folded, sign) = if 4 * mirrored > turn { (turn / 2 - mirrored, -1.0) } else { (mirrored, 1.0) };
    let angle = |t: u64| 2.0 * std::f64::consts::PI * t as f64 / turn as f64;
    sign * if 8 * folded <= turn { libm::cos(angle(folded)) } else { libm::sin(angle(turn / 4 - folded)) }
}

/// Writes the waves of `angles`, words of `bits` bits: wave-major, words of Z_2^64 with `fraction_bits`, rounded to nearest.
pub(crate) fn evaluate(waves: &[Wave], fraction_bits: u8, bits: u8, angles: &[u64], out: &mut [u64]) {
    let scale = power_of_two(i32::from(fraction_bits));
    let turn = 1u64 << bits;
    let harmonics = waves.iter().map(|wave| wave.harmonic).collect::<std::collections::HashSet<_>>().len();
    let cosines = if (2..=TABLE_BITS).contains(&bits) && angles.len() * harmonics >= turn as usize {
        let mut table = vec![0.0; turn as usize];
        table
            .par_iter_mut()
            .enumerate()
            .with_min_len(BLOCK)
            .for_each(|(t, cosine)| *cosine = cosine_at(t as u64, bits));
        Cosines::Table(table)
    } else {
        Cosines::Direct
    };
    let cosine = |position: u64| match &cosines {
        Cosines::Table(table) => table[(position & (turn - 1)) as usize],
        Cosines::Direct => cosine_at(position, bits),
    };
    let quarter = turn / 4;
    for (wave, out) in waves.iter().zip(out.chunks_mut(angles.len().max(1))) {
        let harmonic = u64::from(wave.harmonic);
        out.par_chunks_mut(BLOCK).zip(angles.par_chunks(BLOCK)).for_each(|(out, angles)| {
            for (out, &angle) in out.iter_mut().zip(angles) {
                let position = angle.wrapping_mul(harmonic) & (turn - 1);
                let mut number = 0.0;
                if wave.cosine != 0.0 {
                    number += wave.cosine * cosine(position);
                }
                if wave.sine != 0.0 {
                    number += wave.sine * cosine(position.wrapping_sub(quarter));
                }
                *out = (number * scale).round() as i64 as u64;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_are_the_trigonometric_functions_to_half_a_unit() {
        let waves = [
            Wave { harmonic: 1, cosine: 1.0, sine: 0.0 },
            Wave { harmonic: 3, cosine: 0.0, sine: 1.0 },
            Wave { harmonic: 7, cosine: 0.25, sine: -2.0 },
        ];
        for bits in [2u8, 5, 13, 20] {
            let angles: Vec<u64> = (0..1u64 << bits).step_by(1 << bits.saturating_sub(6)).collect();
            let mut out = vec![0; waves.len() * angles.len()];
            evaluate(&waves, 22, bits, &angles, &mut out);
            for (w, wave) in waves.iter().enumerate() {
                for (i, &t) in angles.iter().enumerate() {
                    let angle =
                        2.0 * std::f64::consts::PI * t as f64 / (1u64 << bits) as f64 * f64::from(wave.harmonic);
                    let truth = wave.cosine * angle.cos() + wave.sine * angle.sin();
                    let found = out[w * angles.len() + i] as i64 as f64 / 4_194_304.0;
                    assert!((found - truth).abs() <= 0.5 / 4_194_304.0 + 1e-12, "bits {bits} wave {w} t {t}");
                }
            }
        }
    }

    #[test]
    fn the_table_and_the_direct_path_agree() {
        let waves = [Wave { harmonic: 5, cosine: 0.7, sine: 0.3 }];
        let angles: Vec<u64> = (0..4096).collect();
        let mut by_table = vec![0; 4096];
        evaluate(&waves, 30, 12, &angles, &mut by_table);
        for (t, &word) in by_table.iter().enumerate() {
            let mut direct = [0];
            evaluate(&waves, 30, 12, &[t as u64], &mut direct);
            assert_eq!(direct[0], word);
        }
    }
}
