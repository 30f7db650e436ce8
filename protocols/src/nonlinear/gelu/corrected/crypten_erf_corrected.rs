//! `gelu/crypten-erf-corrected`: GeLU by the Taylor series of erf that CrypTen means to compute.
//!
//! With u = x / sqrt 2, erf(u) = 2/sqrt(pi) u sum over n = 0..8 of c_n u^2n, c_n = (-1)^n / (n! (2n + 1)):
//! 1. q = (x/2)^2 = u^2 / 2, at most 1 on the domain, so that Horner's rule does not magnify its roundings.
//! 2. s = sum over n = 0..8 of sqrt(2/pi) c_n 2^n q^n, by Horner's rule.
//! 3. y = (x/2) (1 + x s).
//!
//! `gelu/crypten-erf` has the powers that CrypTen gives in their place. With the right ones the series is as good as its first missing term,
//! u^19 / (19 9!), which leaves GeLU at |x| <= 2 and explodes from 3 on.
//!
//! **Cost.** A square and nine products in a row.
//! **Error.** 1.0e-4 at |x| = 2, the first missing term.
//! **Domain.** [-2, 2].
//! **Privacy.** Square and products: every message is uniform.
//! **Source.** CrypTen's code (0.4.1), `common/functions/approximations.py`, `erf`; Horner's rule ours.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::gelu::crypten_erf::{TERMS, coefficient};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, Interval, PerRow, Protocol, Quality, Reading, Rounds,
    Setting, Truth, texts,
};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "gelu/crypten-erf-corrected".into(),
    function: Function::GELU,
    summary: "the Taylor series of erf that CrypTen means".into(),
    source: "CrypTen's code (0.4.1): common/functions/approximations.py, erf; powers mended".into(),
    reading: Reading::Corrected,
    interval: PerRow::of(|_| Interval { low: -2.0, high: 2.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 1.01e-4, relative: 0.0, truth: Truth::Gelu },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(10)),
        bits: Some(Bits::per_element(128 + 9 * 256)),
        holds: true,
        remark: "a square, seven products of Horner's rule, two with x".into(),
    }],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "it is GeLU on [-2, 2] only, and a model's arguments go beyond: at 3 it errs by 0.28, at 4 by 71, at 5 by 4926".into(),
    }],
    known: texts(&[
        "an iteration more moves the end of the domain by a fifth; a series around 0 is no way to a function with flat tails",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// GeLU elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let guard_bits = c.guard_bits(x);
    let half = c.shift(x, -1);
    let q = c.square_to(half, guard_bits);
    let scaled = |n: u32| FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * coefficient(n) * f64::from(1 << n);
    let first = c.scale(q, scaled(TERMS));
    let sum = (1..TERMS).rev().fold(first, |sum, n| {
        let factor = c.offset(sum, scaled(n));
        c.mul(factor, q)
    });
    let s = c.offset(sum, scaled(0));
    let erf = c.mul(s, x);
    let factor = c.offset(erf, 1.0);
    c.mul_to(half, factor, guard_bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{exact, testing};

    /// On [-1, 1] a true Taylor series of nine terms errs by 5e-12 on average, a billionth of what CrypTen's powers do.
    #[test]
    fn near_zero_the_error_is_that_of_a_taylor_series() {
        let mean = testing::mean_error(&PROTOCOL, testing::grid(-1.0, 1.0, 20_001), exact::gelu);
        assert!((4e-12..6e-12).contains(&mean), "{mean:e}");
    }

    #[test]
    fn beyond_its_domain_it_explodes_as_its_card_says() {
        for (x, error) in [(3.0, 0.278), (4.0, 70.9), (5.0, 4926.0)] {
            let found = (testing::map(&PROTOCOL, &[x])[0] - exact::gelu(x)).abs();
            assert!((found / error - 1.0).abs() < 1e-3, "{x}: {found}");
        }
    }
}
