//! `reciprocal/newton-signed`: CrypTen's reciprocal as it runs by default, of numbers of either sign.
//!
//! 1. s = sign of x, from one comparison; a = s x.
//! 2. r = 1 / a, by `reciprocal/newton`.
//! 3. Return s r.
//!
//! A product with the sign is x - 2 [x < 0] x: one selection, which opens the same two words.
//!
//! **Cost.** A comparison, two products and `reciprocal/newton`: 38 rounds, 3456 + 512 + 4864 = 8832 bit.
//! **Error.** That of `reciprocal/newton`.
//! **Domain.** [0.01, 100], and [-100, -0.01] as well.
//! **Privacy.** Comparison, selection, products and squares: every message is uniform.
//! **Source.** CrypTen's code, `common/functions/approximations.py`, `reciprocal` with `all_pos=False`, the default.

use super::newton;
use crate::circuit::{Bit, Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Protocol, Reading, Rounds, Setting, Truth, texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "reciprocal/newton-signed".into(),
    function: Function::RECIPROCAL,
    summary: "the sign apart, and ten Newton steps of the absolute value".into(),
    source: "CrypTen's code at 775868a: common/functions/approximations.py, reciprocal as configured by default".into(),
    reading: Reading::AsCoded,
    interval: newton::CARD.interval.clone(),
    error: ErrorClaim { absolute: 0.0, relative: 1e-7, truth: Truth::Reciprocal },
    claims: vec![
        CostClaim {
            by: "CrypTen, measured (as configured by default)".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(38)),
            bits: Some(Bits::per_element(8832)),
            holds: true,
            remark: "1104 byte: comparison, product with the sign, `reciprocal/newton`, product with the sign".into(),
        },
        CostClaim {
            by: "SecFormer, Figures 7 to 9".into(),
            setting: Setting::PUBLISHED,
            rounds: None,
            bits: Some(Bits::per_element(10112)),
            holds: false,
            remark: "1264 byte: a Newton step charged as two products, 512 bit, where the code has a square and a product, 384".into(),
        },
    ],
    fails: vec![],
    known: texts(&[
        "the sign costs 10 rounds and 496 byte, also where a caller knows that it is positive, as of a sum of squares",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// 1/x elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    signed(c, x)
}

/// The same as a part of another protocol, which claims its own domain.
pub(in crate::nonlinear) fn signed(c: &mut Circuit, x: Secret) -> Secret {
    let negative = c.less_than(x, 0.0);
    let positive = turned(c, negative, x);
    let reciprocal = newton::newton(c, positive);
    turned(c, negative, reciprocal)
}

/// -x where the bit is 1, x elsewhere.
fn turned(c: &mut Circuit, bit: Bit, x: Secret) -> Secret {
    let selected = c.select(bit, x);
    let twice = c.add(selected, selected);
    c.sub(x, twice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn negative_numbers_have_negative_reciprocals() {
        let (x, opposite) = ([0.01, 0.5, 1.0, 77.0], [-0.01, -0.5, -1.0, -77.0]);
        let (found, turned) = (testing::map(&PROTOCOL, &x), testing::map(&PROTOCOL, &opposite));
        assert!(found.iter().zip(&turned).all(|(a, b)| *a == -b));
        assert!(x.iter().zip(found).all(|(x, y)| (x * y - 1.0).abs() <= 1e-7));
    }
}
