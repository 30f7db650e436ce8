//! `gelu/secformer-code`: what SecFormer's code runs and its Table 3 prices.
//!
//! With u = 0.7071067811865475 x:
//! 1. c0 = [u < -2.5].
//! 2. c1 = [u < 2.5].
//! 3. z0 = c0, z1 = c1 - c0, z2 = 1 - c1.
//! 4. delta = u - t, opened as a whole word.
//! 5. delta' = delta modulo 2 pi.
//! 6. f = sum over i = 1..7 of beta_i (sin(i pi delta' / 10) cos(i pi t / 10) + cos(i pi delta' / 10) sin(i pi t / 10)).
//! 7. y = (x/2) (1 - z0 + z1 f + z2).
//!
//! Step 5 is wrong: the series has period 20, not 2 pi. By it f is taken at u - 2 pi j for a j that depends on the mask t; so between the
//! thresholds y is x/2 (1 + some value of the series), the same for no two masks. `gelu/secformer` has 20 in its place.
//!
//! **Cost.** As written 19 rounds and 7552 bit = 944 byte: two comparisons (16, 6912), an opening of 64 bit each way (1, 128), two products
//! (2, 512).
//! **Error.** Up to 3.85 at |x| = 2.5 sqrt 2 = 3.54, where the segments end; 0.78 on average on [-4, 4].
//! **Domain.** [-128, 128].
//! **Privacy.** Here t is a fresh uniform word, so that every message is uniform. The code's own t is drawn from [-1024, 0) once, by party 0
//! when the module is made, and masks every input: it hides nothing.
//! **Source.** SecFormer's code, `operation/gelu.py`, class `GELU_FUR`, and `efficiency/utils.py`, class `secformer_gelu`.
//!
//! | here | code |
//! |---|---|
//! | `THRESHOLD` | 2.5 |
//! | `series().opening` | `delt % (2 * np.pi)` |

use crate::circuit::{Circuit, Opening, Secret, Series};
use crate::nonlinear::gelu::secformer;
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, Interval, PerRow, Protocol, Quality, Reading, Rounds,
    Setting, Truth, texts,
};
use std::f64::consts::{FRAC_1_SQRT_2, PI};
use std::sync::LazyLock;

/// Where the series gives way to the constants, in units of u.
pub const THRESHOLD: f64 = 2.5;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "gelu/secformer-code".into(),
    function: Function::GELU,
    summary: "SecFormer's code: thresholds 2.5, a whole word opened and reduced modulo 2 pi".into(),
    source: "SecFormer's code: operation/gelu.py, GELU_FUR; efficiency/utils.py, secformer_gelu; Table 3, Figure 5".into(),
    reading: Reading::AsCoded,
    interval: PerRow::of(|_| Interval { low: -128.0, high: 128.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 3.86, relative: 0.0, truth: Truth::Gelu },
    claims: vec![
        CostClaim {
            by: "SecFormer, Table 3 (BERT-base)".into(),
            setting: Setting::PUBLISHED,
            rounds: None,
            bits: Some(Bits::per_element(8 * 944)),
            holds: true,
            remark: "17.817 GB = 944 byte for each of 12 x 512 x 3072 elements".into(),
        },
        CostClaim {
            by: "CrypTen running that code, measured".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(19)),
            bits: Some(Bits::per_element(8 * 944)),
            holds: true,
            remark: "two comparisons 16 and 6912, opening 1 and 128, two products 2 and 512".into(),
        },
    ],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "between -3.54 and 3.54 the result depends on the mask: on [-4, 4] it errs by 0.78 on average and by up to 3.85, because what is \
              opened is reduced modulo 2 pi where the series has period 20".into(),
    }],
    known: texts(&[
        "the paper has 1.7 for 2.5; with 20 for 2 pi the largest error would still be 0.058, at |x| = 3.31",
        "the code's own mask is drawn once by party 0 and used for every input, so that party 0 reads u from delta: not private, and not \
         what is modelled here, where each element has a fresh mask of its own",
        "the dealt sines and cosines and their products with public numbers are priced at nothing, as dealt randomness is",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// What the code computes, elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let u = c.scale(x, FRAC_1_SQRT_2);
    let erf = secformer::segmented(c, u, THRESHOLD, series(), -1.0);
    let factor = c.offset(erf, 1.0);
    let half = c.scale(x, 0.5);
    c.mul(half, factor)
}

/// The series of u, opened as the code does.
#[must_use]
pub fn series() -> Series {
    let sines = secformer::PRINTED_COEFFICIENTS.to_vec();
    let opening = Opening::Remainder { modulus: 2.0 * PI };
    Series { period: 20.0, constant: 0.0, cosines: Vec::new(), sines, opening, most_guard_bits: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{exact, testing};

    /// At the mask 0 the series is taken at u modulo 2 pi: right for u in [0, 2.5), wrong below.
    #[test]
    fn over_the_reals_it_is_right_above_zero_only() {
        let (right, _) = testing::largest_error(&PROTOCOL, testing::grid(0.0, 3.535, 10_001), exact::gelu);
        let (wrong, _) = testing::largest_error(&PROTOCOL, testing::grid(-3.535, 0.0, 10_001), exact::gelu);
        assert!(right < 0.0582 && wrong > 3.0, "{right} {wrong}");
    }

    #[test]
    fn tails_are_exact() {
        let found = testing::map(&PROTOCOL, &[-128.0, -3.54, 3.54, 128.0]);
        assert_eq!(found, [0.0, 0.0, 3.54, 128.0]);
    }
}
