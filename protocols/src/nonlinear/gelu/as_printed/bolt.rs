//! `gelu/bolt`: a quartic of |x| in Motzkin's form, as BOLT prints it.
//!
//! 1. a = |x|.
//! 2. y = (g0 a + g1) a + g2.
//! 3. p = (y + g0 a + g3) y + g4: two products give a quartic, the even part of GeLU.
//! 4. p + x/2 for a <= 2.7, x for x > 2.7, 0 for x < -2.7; the last two are (x + a) / 2.
//!
//! Published on homomorphic encryption and oblivious transfer, words of 37 bits and 12 fraction bits; here the same circuit on shares.
//!
//! **Cost.** As written 20 rounds and 7936 bit: two comparisons 16 and 6912, four products 4 and 1024.
//! **Error.** At most 9.4e-3, just beyond |x| = 2.7, where the quartic has given way; 1.2e-3 on average on [-5, 5].
//! **Domain.** [-128, 128].
//! **Privacy.** Comparisons, products, selections: every message is uniform.
//! **Source.** BOLT (Pang, Zhu, Moellering, Zheng, Schneider; IEEE S&P 2024, ePrint 2023/1893), section on GELU.
//!
//! | here | paper |
//! |---|---|
//! | `G` | g0 to g4 |
//! | `y`, `p` | P0, P1 |

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    pieces, texts,
};
use std::sync::LazyLock;

/// Motzkin's coefficients.
pub const G: [f64; 5] =
    [0.14439048359960427, -0.7077117131613893, 4.5702822654246535, -8.15444702051307, 16.382265425072532];
/// The quartic that they make, from a^0 to a^4, as printed.
pub const QUARTIC: [f64; 5] =
    [0.001620808531841547, -0.03798164612714154, 0.5410550166368381, -0.18352506127082727, 0.020848611754127593];
/// Where the quartic gives way.
pub const THRESHOLD: f64 = 2.7;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "gelu/bolt".into(),
    function: Function::GELU,
    summary: "a quartic of |x| by two products, between 0 and x".into(),
    source: "BOLT (IEEE S&P 2024, ePrint 2023/1893), GELU in Motzkin's form".into(),
    reading: Reading::AsPrinted,
    interval: PerRow::of(|_| Interval { low: -128.0, high: 128.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 9.4e-3, relative: 0.0, truth: Truth::Gelu },
    claims: vec![
        CostClaim {
            by: "SHAFT, comparison of GELU protocols on CrypTen".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(20)),
            bits: Some(Bits::per_element(8 * 992)),
            holds: true,
            remark: "372 MB (of 2^20 byte) for 128 x 3072 elements: two comparisons and four products".into(),
        },
        CostClaim {
            by: "viewless".into(),
            setting: Setting::LEAN,
            rounds: Some(Rounds::fixed(16)),
            bits: Some(Bits::per_element(2 * 504 + 2 * 130 + 2 * 256)),
            holds: true,
            remark: "comparison 7, selection 1, then comparison 7 beside the products, selection 1".into(),
        },
    ],
    fails: vec![],
    known: texts(&["steps of 0.011 at 2.7 and at -2.7"]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// GeLU elementwise, with one guard bit more than x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let (_, a) = pieces::magnitude(c, x);
    let p = motzkin(c, a);
    pieces::even_part_up_to(c, x, a, p, THRESHOLD)
}

/// Steps 2 and 3.
fn motzkin(c: &mut Circuit, a: Secret) -> Secret {
    let scaled = c.scale(a, G[0]);
    let factor = c.offset(scaled, G[1]);
    let product = c.mul(factor, a);
    let y = c.offset(product, G[2]);
    let sum = c.add(y, scaled);
    let factor = c.offset(sum, G[3]);
    let product = c.mul(factor, y);
    c.offset(product, G[4])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{exact, testing};

    /// SHAFT's code calls BOLT's coefficients wrong. They are right.
    #[test]
    fn motzkin_s_form_is_the_printed_quartic() {
        for a in testing::grid(0.0, 3.0, 301) {
            let quartic = QUARTIC.iter().rev().fold(0.0, |sum, coefficient| sum * a + coefficient);
            assert!((testing::map_with(&[a], motzkin)[0] - quartic).abs() < 1e-12, "{a}");
        }
    }

    #[test]
    fn the_error_is_largest_at_the_threshold() {
        let (error, _) = testing::largest_error(&PROTOCOL, testing::grid(-5.0, 5.0, 100_001), exact::gelu);
        assert!((9.3e-3..=CARD.error.absolute).contains(&error));
        assert!((2.701 - exact::gelu(2.701) - error).abs() < 1e-4);
        let mean = testing::mean_error(&PROTOCOL, testing::grid(-5.0, 5.0, 100_001), exact::gelu);
        assert!((mean - 1.18e-3).abs() < 1e-5, "{mean}");
        assert_eq!(testing::map(&PROTOCOL, &[-128.0, -2.75, 2.75, 128.0]), [0.0, 0.0, 2.75, 128.0]);
    }
}
