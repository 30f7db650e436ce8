//! `gelu/crypten-erf`: GeLU with CrypTen's error function, wrong powers and all.
//!
//! 1. u = x / sqrt 2.
//! 2. For n = 1..8 the power of u that CrypTen gives for 2n + 1, each from the start: an odd power p > 1 is u^3 raised to (p - 1) / 2,
//!    so that u^5, u^7, u^9, u^11, u^13, u^15, u^17 come out as u^6, u^9, u^12, u^18, u^18, u^27, u^24.
//! 3. erf = 2/sqrt(pi) (u + sum of (-1)^n / (n! (2n + 1)) u^(2n + 1)), each coefficient cut to 16 fraction bits: the last two vanish.
//! 4. y = (x/2) (1 + erf).
//!
//! Right would be x (x^2)^((p - 1) / 2) in step 2; `gelu/crypten-erf-corrected` has it. SecFormer's class for this form forgets the 1 of
//! step 4; with the 1 it is the row CrypTen of its Table 4.
//!
//! **Cost.** As written 35 rounds and 6272 bit = 784 byte: powers 34 and 6016, the last product 1 and 256. MPCFormer's Table 1 (14.8 GB for
//! BERT-base at 512 tokens) counts it so.
//! **Error.** 1.66e-2 on [-1, 1], then it explodes: 778 at 3.
//! **Domain.** [-3, 3]: beyond it u^27, which is computed though its coefficient vanishes, leaves no headroom below 2^62.
//! **Privacy.** Squares and products: every message is uniform.
//! **Source.** CrypTen's code (0.4.1), `common/functions/approximations.py`, `erf`, and `common/functions/power.py`, `pow`; issue 495 there.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, Interval, PerRow, Protocol, Quality, Reading, Rounds,
    Setting, Truth, texts,
};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};
use std::sync::LazyLock;

/// Terms of the series after the first.
pub const TERMS: u32 = 8;
/// Fraction bits to which CrypTen cuts public numbers.
const ENCODING_BITS: i32 = 16;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "gelu/crypten-erf".into(),
    function: Function::GELU,
    summary: "CrypTen's Taylor series of erf with wrong odd powers".into(),
    source: "CrypTen's code (0.4.1): common/functions/approximations.py, erf, and power.py, pow".into(),
    reading: Reading::AsCoded,
    interval: PerRow::of(|_| Interval { low: -3.0, high: 3.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 780.0, relative: 0.0, truth: Truth::Gelu },
    claims: vec![
        CostClaim {
            by: "CrypTen, measured".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(35)),
            bits: Some(Bits::per_element(8 * 784)),
            holds: true,
            remark: "eight powers 34 and 6016, a product 1 and 256".into(),
        },
        CostClaim {
            by: "MPCFormer, Table 1 (GeLU, BERT-base)".into(),
            setting: Setting::PUBLISHED,
            rounds: None,
            bits: Some(Bits::per_element(8 * 784)),
            holds: true,
            remark: "14.8 GB = 784 byte for each of 12 x 512 x 3072 elements".into(),
        },
    ],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "u^11 and u^13 come out as u^18: the error is 0.0166 at -1, 9.9 at 2.4 and 778 at 3; beyond 4.7 the powers leave the word".into(),
    }],
    known: texts(&[
        "in place of x^5, x^7, x^9, x^11, x^13, x^15, x^17 CrypTen computes x^6, x^9, x^12, x^18, x^18, x^27, x^24",
        "the last two coefficients, 1/75600 and 1/685440, are 0 with 16 fraction bits; their powers are computed for nothing",
        "SecFormer's Table 4 gives it mean errors 0.001, 30437.717 and 7480209.5 on [-1, 1], [-5, 5] and [-10, 10]; CrypTen's \
         integers with one party give 0.00137, 306302 and 7525596 on a grid; with two, truncations wrap and each wrap adds up to 2^32",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// What CrypTen gives, elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let u = c.scale(x, FRAC_1_SQRT_2);
    let erf = erf(c, u);
    let factor = c.offset(erf, 1.0);
    let half = c.scale(x, 0.5);
    c.mul(half, factor)
}

/// CrypTen's erf, with the guard bits of x.
fn erf(c: &mut Circuit, x: Secret) -> Secret {
    let sum = (1..=TERMS).fold(x, |sum, n| {
        let power = power(c, x, 2 * n + 1);
        let term = c.scale(power, encoded(coefficient(n)));
        c.add(sum, term)
    });
    c.scale(sum, encoded(FRAC_2_SQRT_PI))
}

/// What CrypTen gives for x^p.
fn power(c: &mut Circuit, x: Secret, p: u32) -> Secret {
    if p == 1 {
        return x;
    }
    let square = c.square(x);
    if p == 2 {
        return square;
    }
    let base = if p.is_multiple_of(2) { square } else { c.mul(square, x) };
    power(c, base, p / 2)
}

/// (-1)^n / (n! (2n + 1)).
pub(in crate::nonlinear) fn coefficient(n: u32) -> f64 {
    let sign = if n.is_multiple_of(2) { 1.0 } else { -1.0 };
    let factorial: f64 = (1..=n).map(f64::from).product();
    sign / (factorial * f64::from(2 * n + 1))
}

/// A public number as CrypTen encodes it: cut to its fraction bits, towards zero.
fn encoded(number: f64) -> f64 {
    let scale = crate::fixed::power_of_two(ENCODING_BITS);
    (number * scale).trunc() / scale
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{exact, testing};

    #[test]
    fn odd_powers_are_those_of_crypten() {
        for (p, wrong) in [(1, 1), (3, 3), (5, 6), (7, 9), (9, 12), (11, 18), (13, 18), (15, 27), (17, 24)] {
            assert_eq!(testing::map_with(&[2.0], |c, x| power(c, x, p)), [f64::powi(2.0, wrong)], "{p}");
        }
    }

    /// Integers at 16 fraction bits that CrypTen 0.4.1 gives with a single party. Its roundings are towards zero, at most a unit for each of
    /// 42 steps, multiplied by later powers: by less than 18 |x|^17 + 1.
    #[test]
    fn crypten_s_own_values_are_reproduced_up_to_its_rounding() {
        for (x, y) in [(0.5, 34005), (-1.0, -39850), (1.0, 55228), (2.0, -11_500_342)] {
            let found = testing::map_with(&[x], erf)[0];
            let units = 42.0 * (1.0 + 18.0 * f64::abs(x).powi(17) * 49.0 / 65536.0);
            assert!((found - f64::from(y) / 65536.0).abs() <= units / 65536.0, "{x}: {found}");
        }
    }

    #[test]
    fn the_last_two_coefficients_vanish() {
        assert_eq!([7, 8].map(|n| encoded(coefficient(n))), [0.0, 0.0]);
        assert_eq!([5, 6].map(|n| encoded(coefficient(n)) * 65536.0), [-49.0, 7.0]);
    }

    /// Table 4 prints 0.001 with variance 8.37e-6.
    #[test]
    fn near_zero_the_errors_are_those_of_secformer_s_table_4() {
        let mean = testing::mean_error(&PROTOCOL, testing::grid(-1.0, 1.0, 20_001), exact::gelu);
        assert!((mean - 0.00136).abs() < 1e-5, "{mean}");
    }
}
