//! `tanh/bolt`: a quintic of |x| in Motzkin's form, as BOLT prints it.
//!
//! 1. a = |x|.
//! 2. p = (a + t0) a + t1.
//! 3. q = (p + a + t2) p t3 a + t4 a + t5: three products give a quintic.
//! 4. v = q for a <= 2.855, 1 beyond; y = v for x >= 0, -v below.
//!
//! Published on homomorphic encryption and oblivious transfer with 12 fraction bits; here the same circuit on shares.
//!
//! **Cost.** Two comparisons, three products, three selections.
//! **Error.** At most 6.7e-3, at |x| = 2.855 where the quintic gives way.
//! **Domain.** [-64, 64]: the quintic is computed for every a.
//! **Privacy.** Comparisons, products, selections: every message is uniform.
//! **Source.** BOLT (Pang et al., IEEE S&P 2024, ePrint 2023/1893), section 5.3; t0 to t5 with all digits from its code.
//!
//! | here | paper |
//! |---|---|
//! | `T` | t0 to t5 |

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    pieces, texts,
};
use std::sync::LazyLock;

/// Motzkin's coefficients.
pub const T: [f64; 6] = [
    -4.259314087994767,
    18.86353816972803,
    -36.42402897526823,
    -0.013232131886235352,
    -3.3289339650097993,
    -0.0024920889620412097,
];
/// The quintic that they make, from a^0 to a^5, as printed.
pub const QUINTIC: [f64; 6] = [
    -0.0024920889620412097,
    1.0542492677156243,
    -0.17616532856475706,
    -0.20093640347818847,
    0.09948747962825866,
    -0.013232131886235352,
];
/// Where the quintic gives way to 1.
pub const THRESHOLD: f64 = 2.855;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "tanh/bolt".into(),
    function: Function::TANH,
    summary: "a quintic of |x| by three products, between -1 and 1".into(),
    source: "BOLT (IEEE S&P 2024, ePrint 2023/1893) section 5.3, tanh in Motzkin's form".into(),
    reading: Reading::AsPrinted,
    interval: PerRow::of(|_| Interval { low: -64.0, high: 64.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 6.7e-3, relative: 0.0, truth: Truth::Tanh },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::LEAN,
        rounds: Some(Rounds::fixed(17)),
        bits: Some(Bits::per_element(2 * 504 + 3 * 130 + 3 * 256)),
        holds: true,
        remark: "comparison 7, selection 1, then comparison 7 beside the products, two selections".into(),
    }],
    fails: vec![],
    known: texts(&["tanh(0) is -0.0025, and just below 0 it is 0.0025: a step of 0.005"]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// tanh elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let (negative, a) = pieces::magnitude(c, x);
    let q = motzkin(c, a);
    let beyond = pieces::above(c, a, THRESHOLD);
    let difference = c.subtract_from(1.0, q);
    let tail = c.select(beyond, difference);
    let v = c.add(q, tail);
    let below = c.select(negative, v);
    let twice = c.add(below, below);
    c.sub(v, twice)
}

/// Steps 2 and 3.
fn motzkin(c: &mut Circuit, a: Secret) -> Secret {
    let factor = c.offset(a, T[0]);
    let product = c.mul(factor, a);
    let p = c.offset(product, T[1]);
    let sum = c.add(p, a);
    let factor = c.offset(sum, T[2]);
    let product = c.mul(factor, p);
    let scaled = c.scale(product, T[3]);
    let factor = c.offset(scaled, T[4]);
    let product = c.mul(factor, a);
    c.offset(product, T[5])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn motzkin_s_form_is_the_printed_quintic() {
        for a in testing::grid(0.0, 3.0, 301) {
            let quintic = QUINTIC.iter().rev().fold(0.0, |sum, coefficient| sum * a + coefficient);
            assert!((testing::map_with(&[a], motzkin)[0] - quintic).abs() < 1e-12, "{a}");
        }
    }

    #[test]
    fn the_error_is_that_of_the_table() {
        let (error, _) = testing::largest_error(&PROTOCOL, testing::grid(-5.0, 5.0, 100_001), libm::tanh);
        assert!((error - 6.6e-3).abs() < 1e-4 && error <= CARD.error.absolute, "{error}");
        assert_eq!(testing::map(&PROTOCOL, &[-64.0, -3.0, 3.0, 64.0]), [-1.0, -1.0, 1.0, 1.0]);
    }
}
