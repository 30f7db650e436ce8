//! `gelu/shaft-poly`: max(x, 0) and a quartic of |x| between, the other option of SHAFT's code.
//!
//! 1. a = |x|; max(x, 0) = (x + a) / 2.
//! 2. g = a quartic of a, from a^2, a^3 = a a^2 and a^4 = a^2 a^2.
//! 3. y = max(x, 0) + [a < 3] g.
//!
//! **Cost.** Two comparisons, two selections, two squares and a product.
//! **Error.** At most 4.2e-3, at 0; 6.7e-4 on average on [-5, 5].
//! **Domain.** [-128, 128]: a^4 is computed for every a.
//! **Privacy.** Comparisons, products, selections: every message is uniform.
//! **Source.** SHAFT's code (NDSS 2025), the polynomial option of its GELU.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    pieces, texts,
};
use std::sync::LazyLock;

/// The quartic, from a^0 to a^4.
pub const QUARTIC: [f64; 5] = [0.00410626, -0.55386347, 0.5658561, -0.19719836, 0.02328962];
/// Where the quartic gives way to nothing.
pub const THRESHOLD: f64 = 3.0;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "gelu/shaft-poly".into(),
    function: Function::GELU,
    summary: "max(x, 0) and a quartic of |x| up to 3".into(),
    source: "SHAFT's code (NDSS 2025), GELU, polynomial option".into(),
    reading: Reading::AsCoded,
    interval: PerRow::of(|_| Interval { low: -128.0, high: 128.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 4.2e-3, relative: 0.0, truth: Truth::Gelu },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::LEAN,
        rounds: Some(Rounds::fixed(16)),
        bits: Some(Bits::per_element(2 * 504 + 2 * 130 + 2 * 128 + 256)),
        holds: true,
        remark: "comparison 7, selection 1, then comparison 7 beside the powers, selection 1".into(),
    }],
    fails: vec![],
    known: texts(&["how the code arranges its products was not checked; the powers here are the fewest rounds"]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// GeLU elementwise, with one guard bit more than x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let (_, a) = pieces::magnitude(c, x);
    let g = pieces::quartic(c, a, &QUARTIC);
    pieces::relu_corrected_below(c, x, a, g, THRESHOLD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{exact, testing};

    #[test]
    fn the_error_is_that_of_the_table() {
        let (error, _) = testing::largest_error(&PROTOCOL, testing::grid(-5.0, 5.0, 100_001), exact::gelu);
        assert!((error - 4.11e-3).abs() < 1e-5 && error <= CARD.error.absolute, "{error}");
        let mean = testing::mean_error(&PROTOCOL, testing::grid(-5.0, 5.0, 100_001), exact::gelu);
        assert!((mean - 6.72e-4).abs() < 1e-5, "{mean}");
        assert_eq!(testing::map(&PROTOCOL, &[-128.0, -3.25, 3.25, 128.0]), [0.0, 0.0, 3.25, 128.0]);
    }
}
