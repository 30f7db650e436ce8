//! `reciprocal/newton`: CrypTen's reciprocal of a positive number.
//!
//! 1. y = 3 exp(1 - 2x) + 0.003.
//! 2. Ten times: y = y (2 - x y), computed as y + (y - y^2 x).
//!
//! **Cost.** 8 + 2 x 10 = 28 rounds; 1024 + 10 (128 + 256) = 4864 bit.
//! **Error.** e = 1 - x y is squared by each step, so ten steps raise it to the power 1024. It starts below 0.984 on the domain
//! (largest near x = 4), which leaves 1e-7 relative over the reals. At 16 fraction bits the result errs by some units, a
//! percent of 1/100 or so.
//! **Domain.** [0.01, 100]. Towards x = 257 the base of the exponential comes to -1, and its power and the start grow: from 254 on the
//! start is beyond 2/x and the iteration diverges. Below that, 16 fraction bits leave 1/200 an error of half its value.
//! **Privacy.** Products and squares only: every message is uniform.
//! **Source.** CrypTen (Knott et al., NeurIPS 2021), Appendix C; code: `common/functions/approximations.py`, `reciprocal`
//! with `all_pos=True`.
//!
//! | here | code |
//! |---|---|
//! | `y` | `result` |
//! | `ITERATIONS` | `reciprocal_nr_iters` |

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::exp::crypten::exponential;
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    texts,
};
use std::sync::LazyLock;

/// Newton steps.
pub const ITERATIONS: usize = 10;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "reciprocal/newton".into(),
    function: Function::RECIPROCAL,
    summary: "ten Newton steps from 3 exp(1 - 2x) + 0.003".into(),
    source: "CrypTen (NeurIPS 2021) Appendix C; code: common/functions/approximations.py, reciprocal, all_pos".into(),
    reading: Reading::AsCoded,
    interval: PerRow::of(|_| Interval { low: 0.01, high: 100.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 0.0, relative: 1e-7, truth: Truth::Reciprocal },
    claims: vec![
        CostClaim {
            by: "CrypTen, measured (all_pos)".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(28)),
            bits: Some(Bits::per_element(4864)),
            holds: true,
            remark: "608 byte: exp, then a square and a product for each step".into(),
        },
        CostClaim {
            by: "SecFormer, Table 1 (Div)".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(36)),
            bits: Some(Bits::per_element(10368)),
            holds: false,
            remark: "16 + 2t rounds at t = 10; counts a comparison and two products for the sign, a division's last product, \
                     and two products where the code has a square and a product".into(),
        },
    ],
    fails: vec![],
    known: texts(&[
        "papers still print the starting value 3 exp(1/2 - x) + 0.003 that CrypTen gave up in 2020",
        "from x = 254 on it diverges, because exp is a limit that is used below its domain",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// 1/x elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    newton(c, x)
}

/// The same as a part of another protocol, which claims its own domain.
pub(in crate::nonlinear) fn newton(c: &mut Circuit, x: Secret) -> Secret {
    let doubled = c.add(x, x);
    let exponent = c.subtract_from(1.0, doubled);
    let exponential = exponential(c, exponent);
    let tripled = c.scale(exponential, 3.0);
    let mut y = c.offset(tripled, 0.003);
    for _ in 0..ITERATIONS {
        let square = c.square(y);
        let product = c.mul(square, x);
        let correction = c.sub(y, product);
        y = c.add(y, correction);
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn it_diverges_where_the_exponential_of_the_start_explodes() {
        let far = testing::map(&PROTOCOL, &[253.0, 254.0]);
        assert!((far[0] * 253.0 - 1.0).abs() < 1e-6);
        assert!(far[1].is_nan() || (far[1] * 254.0 - 1.0).abs() > 1.0);
    }
}
