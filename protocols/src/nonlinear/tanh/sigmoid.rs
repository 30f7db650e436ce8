//! `tanh/sigmoid`: tanh x = 2 sigmoid(2x) - 1 by an exponential and a reciprocal, as CrypTen runs it.
//!
//! With u = 2x:
//! 1. n = [u < 0]; s = 1 - 2n; m = u s = |u|.
//! 2. d = 1 + e^-m, the exponential as in `exp/crypten`: d is in (1, 2].
//! 3. p = 1/d by three Newton steps p + (p - p^2 d) from 0.75; the first, of public numbers and d, is local.
//! 4. sigmoid(u) = (1 - n) p + n (1 - p).
//! 5. y = 2 sigmoid(u) - 1.
//!
//! **Cost.** As written 23 rounds and 6016 bit: comparison 8 and 3456, |u| 1 and 256, exponential 8 and 1024, two Newton steps of a square
//! and a product 4 and 768, two products for the selection 2 and 512.
//! **Error.** 3.91e-3 at 0, where 1/2 comes out as 0.498: three steps from 0.75 leave (1/2)^8 of 1/d at d = 2. The limit that stands for
//! the exponential adds to it elsewhere.
//! **Domain.** [-128, 128]: beyond it e^-m would leave the domain of `exp/crypten`.
//! **Privacy.** Comparison, products and squares: every message is uniform.
//! **Source.** CrypTen's code, `common/functions/approximations.py`: `tanh`, `sigmoid` with method `reciprocal`.
//!
//! | here | code |
//! |---|---|
//! | `negative` | `ltz` |
//! | `magnitude` | `pos_input` |
//! | `denominator` | `denominator` |
//! | `positive` | `pos_output` |

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::exp::crypten::exponential;
use crate::nonlinear::pieces::BIT_GUARD_BITS;
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "tanh/sigmoid".into(),
    function: Function::TANH,
    summary: "2 sigmoid(2x) - 1 by exponential and reciprocal".into(),
    source: "CrypTen's code: common/functions/approximations.py, tanh and sigmoid".into(),
    reading: Reading::AsCoded,
    interval: PerRow::of(|_| Interval { low: -128.0, high: 128.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 3.92e-3, relative: 0.0, truth: Truth::Tanh },
    claims: vec![CostClaim {
        by: "CrypTen, measured".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(23)),
        bits: Some(Bits::per_element(8 * 752)),
        holds: true,
        remark: "comparison 8 and 3456, |x| 1 and 256, exp 8 and 1024, two Newton steps 4 and 768, selection 2 and 512"
            .into(),
    }],
    fails: vec![],
    known: texts(&[
        "tanh(0) is -2^-8: three Newton steps from 0.75 do not reach 1/2",
        "beyond |x| = 256 its exponential explodes",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// tanh elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    tanh(c, x)
}

/// The same as a part of another protocol, which claims its own domain.
pub(in crate::nonlinear) fn tanh(c: &mut Circuit, x: Secret) -> Secret {
    let doubled = c.add(x, x);
    let sigmoid = sigmoid(c, doubled);
    let doubled = c.add(sigmoid, sigmoid);
    c.offset(doubled, -1.0)
}

/// 1 / (1 + e^-x) for |x| <= 256, with the guard bits of x.
pub(in crate::nonlinear) fn sigmoid(c: &mut Circuit, x: Secret) -> Secret {
    let guard_bits = c.guard_bits(x);
    let negative = c.less_than(x, 0.0);
    let negative = c.real(negative, BIT_GUARD_BITS);
    let minus_two = c.scale(negative, -2.0);
    let sign = c.offset(minus_two, 1.0);
    let magnitude = c.mul_to(x, sign, guard_bits);

    let exponent = c.neg(magnitude);
    let exponential = exponential(c, exponent);
    let denominator = c.offset(exponential, 1.0);

    // 2 (3/4) - (3/4)^2 d, the first Newton step from 3/4.
    let scaled = c.scale(denominator, -0.5625);
    let first = c.offset(scaled, 1.5);
    let positive = (0..2).fold(first, |p, _| {
        let square = c.square(p);
        let product = c.mul(square, denominator);
        let correction = c.sub(p, product);
        c.add(p, correction)
    });

    let not_negative = c.subtract_from(1.0, negative);
    let right = c.mul_to(positive, not_negative, guard_bits);
    let mirrored = c.subtract_from(1.0, positive);
    let left = c.mul_to(mirrored, negative, guard_bits);
    c.add(right, left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    /// Integers at 16 fraction bits that CrypTen 0.4.1 gives with a single party. Over the reals the exponential is not rounded at x/256,
    /// which is worth up to 2^-9 of e^-x, and each of the other steps by less than a unit: 2^-9 times sigmoid's slope by d, at most 1/4,
    /// plus 20 units.
    #[test]
    fn crypten_s_own_values_are_reproduced_up_to_its_rounding() {
        let tolerance = 0.25 / 512.0 + 20.0 / 65536.0;
        let sigmoids = [(-5.0, 416), (-1.0, 17578), (0.0, 32640), (1.0, 47958), (5.0, 65120)];
        for (x, y) in sigmoids {
            let found = testing::map_with(&[x], sigmoid)[0];
            assert!((found - f64::from(y) / 65536.0).abs() <= tolerance, "{x}: {found}");
        }
        for (x, y) in [(-1.0, -50044), (0.0, -256), (0.5, 30380), (2.0, 63254)] {
            let found = testing::map(&PROTOCOL, &[x])[0];
            assert!((found - f64::from(y) / 65536.0).abs() <= 2.0 * tolerance, "{x}: {found}");
        }
        assert_eq!(testing::map(&PROTOCOL, &[0.0]), [-1.0 / 256.0]);
    }
}
