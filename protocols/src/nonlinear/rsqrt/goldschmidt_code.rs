//! `rsqrt/goldschmidt-code`: SecFormer's inverse square root as its efficiency code runs it, with 7 iterations and no deflation;
//! `rsqrt/goldschmidt-code-8`: with 8.
//!
//! 1. p = 1.
//! 2. t times: m = (3 - x) / 2; x = x m^2; p = p m. The first p is m itself. The last x is computed though nobody reads it.
//! 3. Return p.
//!
//! **Cost.** t squares and 2 t - 1 products, one after the other: 3 t - 1 rounds, 640 t - 256 bit.
//! **Error.** 1.01e-3 of the truth at both ends of the domain, nothing in the middle.
//! **Domain.** [0.0247, 2.716] for t = 7, [0.0111, 2.812] for t = 8. From 3 on it diverges.
//! **Privacy.** Products and squares only: every message is uniform.
//! **Source.** SecFormer's repository at 4c1db49, `efficiency/utils.py` (`secformer_norm`, t = 7), `operation/inv_sqrt.py` and
//! `operation/layernorm.py` (t = 8).

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, Interval, PerRow, Protocol, Quality, Reading, Rounds,
    Setting, Truth, texts,
};
use std::borrow::Cow;
use std::sync::LazyLock;

/// Iterations of the timing code.
pub const ITERATIONS: usize = 7;
/// Iterations of the code of single operations.
pub const MORE_ITERATIONS: usize = 8;

/// Where the relative error is below 1.01e-3, for a quantity in words.
#[must_use]
pub const fn domain(of: &'static str) -> Interval {
    Interval { low: 0.0247, high: 2.716, of: Cow::Borrowed(of) }
}

/// The same for 8 iterations.
#[must_use]
pub const fn domain_8(of: &'static str) -> Interval {
    Interval { low: 0.0111, high: 2.812, of: Cow::Borrowed(of) }
}

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "rsqrt/goldschmidt-code".into(),
    function: Function::RSQRT,
    summary: "7 Goldschmidt iterations without deflation".into(),
    source: "SecFormer's repository at 4c1db49, efficiency/utils.py, secformer_norm".into(),
    reading: Reading::AsCoded,
    interval: PerRow::of(|_| domain("the argument")),
    error: ErrorClaim { absolute: 0.0, relative: 1.01e-3, truth: Truth::Rsqrt },
    claims: vec![CostClaim {
        by: "SecFormer's code, measured".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(20)),
        bits: Some(Bits::per_element(4224)),
        holds: true,
        remark: "528 byte, 3t - 1 rounds and 80t - 32 byte: a square and two products one after the other, the first product apart".into(),
    }],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "a variance of 3 diverges: the paper's division by 2000 is missing; sums of squares and variances of models lie beyond".into(),
    }],
    known: texts(&["the paper divides by 2000 and iterates 11 times", "the last update of x is not read"]),
}
});

/// The card with 8 iterations.
pub static CARD_8: LazyLock<Card> = LazyLock::new(|| Card {
    name: "rsqrt/goldschmidt-code-8".into(),
    function: Function::RSQRT,
    summary: "8 Goldschmidt iterations without deflation".into(),
    source: "SecFormer's repository at 4c1db49, operation/inv_sqrt.py and operation/layernorm.py".into(),
    reading: Reading::AsBenchmarked,
    interval: PerRow::of(|_| domain_8("the argument")),
    error: ErrorClaim { absolute: 0.0, relative: 1e-3, truth: Truth::Rsqrt },
    claims: vec![CostClaim {
        by: "SecFormer, Figure 7 (608 byte for each element); its code, measured".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(23)),
        bits: Some(Bits::per_element(4864)),
        holds: true,
        remark: "3t - 1 rounds and 80t - 32 byte".into(),
    }],
    fails: CARD.fails.clone(),
    known: texts(&[
        "the paper divides by 2000 and iterates 11 times",
        "the benchmark multiplies in place: after its first call the input is about 1, and later calls run on that",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// The protocol with 8 iterations.
pub static PROTOCOL_8: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD_8, Build::map(build_8)));

/// 1/sqrt(x) elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = domain("");
    c.claim_domain(x, domain.low, domain.high);
    iterate(c, x, ITERATIONS)
}

/// The same with 8 iterations.
pub fn build_8(c: &mut Circuit, x: Secret) -> Secret {
    let domain = domain_8("");
    c.claim_domain(x, domain.low, domain.high);
    iterate(c, x, MORE_ITERATIONS)
}

/// Step 2, every product of it.
pub(in crate::nonlinear) fn iterate(c: &mut Circuit, x: Secret, iterations: usize) -> Secret {
    let guard_bits = c.guard_bits(x);
    let mut q = x;
    let mut p = None;
    for _ in 0..iterations {
        let twice = c.subtract_from(3.0, q);
        let m = c.shift(twice, -1);
        let square = c.square_to(m, guard_bits);
        q = c.mul_to(q, square, guard_bits);
        p = Some(p.map_or(m, |p| c.mul_to(p, m, guard_bits)));
    }
    p.expect("at least one iteration")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn it_is_as_good_as_claimed_up_to_the_ends_and_diverges_at_three() {
        for (protocol, domain, worse) in
            [(&PROTOCOL, domain(""), [0.0245, 2.719]), (&PROTOCOL_8, domain_8(""), [0.011, 2.814])]
        {
            let claimed = protocol.card.error.relative;
            let points = testing::grid(domain.low, domain.high, 20_001);
            let (_, relative) = testing::largest_error(protocol, points, |x| 1.0 / x.sqrt());
            assert!(relative <= claimed);
            let outside = testing::map(protocol, &worse);
            assert!(worse.iter().zip(outside).all(|(x, y)| (y * x.sqrt() - 1.0).abs() > claimed));
            let far = testing::map(protocol, &[3.0, 4.0]);
            assert!(far[0] == 0.0 && (far[1].is_nan() || (far[1] * 2.0 - 1.0).abs() >= 1.0));
        }
    }
}
