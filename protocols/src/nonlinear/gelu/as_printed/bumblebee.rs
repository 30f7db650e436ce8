//! `gelu/bumblebee`: PUMA's two polynomials with other thresholds, as BumbleBee prints it.
//!
//! 1. b0 = [x < -5], b1 = [x < -1.97], b2 = [3 < x].
//! 2. x^2, x^3 = x x^2, x^4 = x^2 x^2, x^6 = x^3 x^3; F0 and F1 as in `gelu/puma`.
//! 3. y = 0 below, F0 up to -1.97, F1 up to 3, x beyond: [x >= -5] F0 + [x >= -1.97] (F1 - F0) + [x > 3] (x - F1).
//!
//! The paper has -epsilon for 0 and x - epsilon for x, with an epsilon of 1e-4 in implementations that follow it; left out here.
//! What its authors ship is another function, `gelu/bumblebee-code`.
//!
//! **Cost.** Three comparisons, three squares and a product, three selections.
//! **Error.** At most 3.34e-2, at x = -5, where F0 is 0.0333: it was made for [-4, -1.95]. 4.1e-3 on average on [-5, 5].
//! **Domain.** [-16, 16], as `gelu/puma`.
//! **Privacy.** Comparisons, products, selections: every message is uniform.
//! **Source.** BumbleBee (Lu et al., NDSS 2025, ePrint 2023/1678), section on GELU.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::gelu::puma::{F0, F1};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    pieces, texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "gelu/bumblebee".into(),
    function: Function::GELU,
    summary: "PUMA's cubic and sextic with thresholds -5, -1.97 and 3".into(),
    source: "BumbleBee (NDSS 2025, ePrint 2023/1678), GELU".into(),
    reading: Reading::AsPrinted,
    interval: PerRow::of(|_| Interval { low: -16.0, high: 16.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 3.34e-2, relative: 0.0, truth: Truth::Gelu },
    claims: vec![
        CostClaim {
            by: "viewless".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(31)),
            bits: Some(Bits::per_element(3 * 3456 + 3 * 128 + 256 + 3 * 256)),
            holds: true,
            remark: "three comparisons 24 and 10368, powers 4 and 640, three selections".into(),
        },
        CostClaim {
            by: "viewless".into(),
            setting: Setting::LEAN,
            rounds: Some(Rounds::fixed(8)),
            bits: Some(Bits::per_element(3 * 504 + 3 * 128 + 256 + 3 * 130)),
            holds: true,
            remark: "comparison 7 beside the powers, selection 1".into(),
        },
    ],
    fails: vec![],
    known: texts(&[
        "F0 is PUMA's, made for [-4, -1.95]; at -5 it is 0.0333 where GeLU is -1.4e-6",
        "the code computes gelu/bumblebee-code, six times as accurate",
        "the epsilon of its tails is left out",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// GeLU elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let b0 = c.less_than(x, -5.0);
    let b1 = c.less_than(x, -1.97);
    let b2 = pieces::above(c, x, 3.0);
    let square = c.square(x);
    let cube = c.mul(x, square);
    let fourth = c.square(square);
    let sixth = c.square(cube);
    let f0 = pieces::combination(c, &[(F0[3], cube), (F0[2], square), (F0[1], x)], F0[0]);
    let f1 = pieces::combination(c, &[(F1[4], sixth), (F1[3], fourth), (F1[2], square), (F1[1], x)], F1[0]);
    let (from_first, from_second) = (c.not(b0), c.not(b1));
    let (second, third) = (c.sub(f1, f0), c.sub(x, f1));
    let first = c.select(from_first, f0);
    let second = c.select(from_second, second);
    let third = c.select(b2, third);
    let sum = c.add(first, second);
    c.add(sum, third)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{exact, testing};

    #[test]
    fn the_error_is_largest_where_the_cubic_begins() {
        let (error, _) = testing::largest_error(&PROTOCOL, testing::grid(-5.0, 5.0, 100_001), exact::gelu);
        assert!((error - 3.33e-2).abs() < 5e-5 && error <= CARD.error.absolute, "{error}");
        assert!(((testing::map(&PROTOCOL, &[-5.0])[0] - exact::gelu(-5.0)).abs() - error).abs() < 1e-9);
        let mean = testing::mean_error(&PROTOCOL, testing::grid(-5.0, 5.0, 100_001), exact::gelu);
        assert!((mean - 4.06e-3).abs() < 1e-5, "{mean}");
    }

    #[test]
    fn tails_are_exact() {
        let found = testing::map(&PROTOCOL, &[-16.0, -5.25, 3.25, 16.0]);
        let truth = [0.0, 0.0, 3.25, 16.0];
        assert!(found.iter().zip(truth).all(|(y, x)| f64::abs(y - x) < 1e-9), "{found:?}");
    }
}
