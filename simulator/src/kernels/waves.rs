//! The public trigonometric functions of a Program: cosine cos(h angle) + sine sin(h angle), angle = 2 pi t / 2^m.
//!
//! Bit-identical on every platform and code path: additions and multiplications of doubles in a fixed order, none of them contracted. Harmonics of
//! one angle are reduced to a turn exactly, h t mod 2^m in integers, before anything is rounded; the angle is then folded into an eighth of a
//! turn, also exactly, where the polynomials are those of fdlibm (`k_cos.c`, `k_sin.c`; Sun Microsystems, 1993), whose error is below a unit in
//! the last place. So the results are those of `libm`, many at a time.

use super::blocks::Stretch;
use super::{CodePath, Work};
use std::f64::consts::PI;
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::program::Wave;

/// Writes a wave of `angles`, words of `bits` bits, as words of Z_2^64 with `fraction_bits`, rounded to nearest, ties away from zero.
///
/// # Panics
/// If there are not as many angles as results, or an angle has no or more than 63 bits.
pub fn evaluate(path: CodePath, wave: &Wave, fraction_bits: u8, bits: u8, angles: Stretch<'_>, out: &mut [u64]) {
    assert!((1..64).contains(&bits), "an angle is a word of 1 to 63 bits, not of {bits}");
    let scale = power_of_two(i32::from(fraction_bits));
    match angles {
        Stretch::Words(angles) => {
            assert_eq!(angles.len(), out.len(), "every angle has its result");
            path.run(Evaluate { wave, scale, bits, angles, out });
        }
        Stretch::Word(angle) => {
            let mut word = [0];
            path.run(Evaluate { wave, scale, bits, angles: &[angle], out: &mut word });
            out.fill(word[0]);
        }
    }
}

struct Evaluate<'a> {
    wave: &'a Wave,
    scale: f64,
    bits: u8,
    angles: &'a [u64],
    out: &'a mut [u64],
}

impl Work for Evaluate<'_> {
    type Output = ();

    #[inline(always)]
    fn work(self) {
        let Self { wave, scale, bits, angles, out } = self;
        let turn = 1u64 << bits;
        // A turn of one bit has no quarter; its sines are zero.
        let quarter = turn / 4;
        let harmonic = u64::from(wave.harmonic);
        let cosine = |position: u64| cosine_at(position & (turn - 1), turn);
        let word = |number: f64| rounded(number * scale) as i64 as u64;
        // One loop for each form, so that each is vectorised.
        match (wave.cosine != 0.0, wave.sine != 0.0) {
            (true, true) => {
                for (out, &angle) in out.iter_mut().zip(angles) {
                    let position = angle.wrapping_mul(harmonic);
                    let sine = wave.sine * cosine(position.wrapping_sub(quarter));
                    *out = word(wave.cosine * cosine(position) + sine);
                }
            }
            (true, false) => {
                for (out, &angle) in out.iter_mut().zip(angles) {
                    *out = word(wave.cosine * cosine(angle.wrapping_mul(harmonic)));
                }
            }
            (false, true) => {
                for (out, &angle) in out.iter_mut().zip(angles) {
                    *out = word(wave.sine * cosine(angle.wrapping_mul(harmonic).wrapping_sub(quarter)));
                }
            }
            (false, false) => out.fill(0),
        }
    }
}

/// Cosine of 2 pi `position` / `turn`. Folded into the first eighth of a turn, so that opposite and mirrored angles have exactly opposite and
/// equal cosines.
#[inline(always)]
fn cosine_at(position: u64, turn: u64) -> f64 {
    let mirrored = position.min(turn.wrapping_sub(position));
    let is_negative = mirrored > turn / 4;
    let folded = if is_negative { turn / 2 - mirrored } else { mirrored };
    let is_cosine = folded <= turn / 8;
    let eighth = if is_cosine { folded } else { (turn / 4).wrapping_sub(folded) };
    let angle = 2.0 * PI * (eighth as i64) as f64 / (turn as i64) as f64;
    let (cosine, sine) = (cosine_of(angle), sine_of(angle));
    let size = if is_cosine { cosine } else { sine };
    if is_negative { -size } else { size }
}

/// cos x for 0 <= x <= pi/4.
#[inline(always)]
fn cosine_of(x: f64) -> f64 {
    let z = x * x;
    let w = z * z;
    let low = z * (4.166_666_666_666_66e-2 + z * (-1.388_888_888_887_411e-3 + z * 2.480_158_728_947_673e-5));
    let high = -2.755_731_435_139_066_3e-7 + z * (2.087_572_321_298_175e-9 + z * -1.135_964_755_778_819_5e-11);
    let r = low + w * w * high;
    let half = 0.5 * z;
    let one = 1.0 - half;
    one + (((1.0 - one) - half) + z * r)
}

/// sin x for 0 <= x <= pi/4.
#[inline(always)]
fn sine_of(x: f64) -> f64 {
    let z = x * x;
    let w = z * z;
    let low = 8.333_333_333_322_49e-3 + z * (-1.984_126_982_985_795e-4 + z * 2.755_731_370_707_006_8e-6);
    let r = low + z * w * (-2.505_076_025_340_686_3e-8 + z * 1.589_690_995_211_55e-10);
    let v = z * x;
    x + v * (-1.666_666_666_666_663_2e-1 + z * r)
}

/// The nearest integer, ties away from zero: as `f64::round`, which is not vectorised.
#[inline(always)]
pub(super) fn rounded(number: f64) -> f64 {
    const BELOW_HALF: f64 = 0.499_999_999_999_999_94;
    (number + BELOW_HALF.copysign(number)).trunc()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
            for (wave, out) in waves.iter().zip(out.chunks_mut(angles.len())) {
                evaluate(CodePath::detect(), wave, 22, bits, Stretch::Words(&angles), out);
            }
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

    /// Folded in the same way, by `libm`.
    fn by_libm(position: u64, turn: u64) -> f64 {
        let mirrored = position.min(turn - position);
        let (folded, sign) = if 4 * mirrored > turn { (turn / 2 - mirrored, -1.0) } else { (mirrored, 1.0) };
        let angle = |t: u64| 2.0 * PI * t as f64 / turn as f64;
        sign * if 8 * folded <= turn { libm::cos(angle(folded)) } else { libm::sin(angle(turn / 4 - folded)) }
    }

    proptest! {
        #[test]
        fn cosines_are_those_of_libm_bit_for_bit(bits in 2u8..=60, word: u64) {
            let turn = 1u64 << bits;
            for position in [word & (turn - 1), (word % 64) & (turn - 1), (turn / 8 + word % 3).wrapping_sub(1) & (turn - 1), turn / 4, turn / 2, 0] {
                prop_assert_eq!(cosine_at(position, turn).to_bits() << 1, by_libm(position, turn).to_bits() << 1);
                prop_assert!(cosine_at(position, turn) == by_libm(position, turn));
            }
        }

        #[test]
        fn rounding_is_that_of_the_library(number in prop_oneof![-1e15f64..1e15, -1e17f64..1e17], half in -1_000_000i64..1_000_000) {
            for number in [number, half as f64 / 2.0, (half as f64 / 2.0).next_up(), (half as f64 / 2.0).next_down()] {
                prop_assert_eq!(rounded(number), number.round());
            }
        }

        #[test]
        fn every_code_path_gives_the_same_bits(
            length in 0usize..80, bits in 1u8..=63, fraction_bits in 0u8..=30, harmonic in 0u32..40, seed: u64, form in 0..4,
        ) {
            let amplitude = |on: bool, number: f64| if on { number } else { 0.0 };
            let wave = Wave { harmonic, cosine: amplitude(form & 1 == 1, 0.7), sine: amplitude(form & 2 == 2, -1.3) };
            let angles: Vec<u64> = (1..=length as u64).map(|i| i.wrapping_mul(seed | 1).rotate_left(17) >> (64 - bits)).collect();
            let made = |path| {
                let mut out = vec![1; length];
                evaluate(path, &wave, fraction_bits, bits, Stretch::Words(&angles), &mut out);
                out
            };
            let expected = made(CodePath::Scalar);
            for path in CodePath::available() {
                prop_assert_eq!(&made(path), &expected);
                if let Some(&angle) = angles.first() {
                    let mut single = [0; 3];
                    evaluate(path, &wave, fraction_bits, bits, Stretch::Word(angle), &mut single);
                    prop_assert_eq!(single, [expected[0]; 3]);
                }
            }
        }
    }
}
