//! `relu/quad`: the best quadratic on [-4, 4].
//!
//! 1. y = x^2 / 8 + x / 2 + 1/4, as x (x / 8 + 1/2) + 1/4: dividing by 8 moves the binary point.
//!
//! |t| is t^2 + 1/8 on [-1, 1] to within 1/8, its best quadratic; max(x, 0) is (x + |x|) / 2.
//!
//! **Cost.** One product.
//! **Error.** 1/4 at -4, -2, 0, 2 and 4, with alternating signs: no quadratic is nearer. (1e-6 more is claimed, because bounds are rounded outwards.) Four times as far out it errs by 24 and more.
//! **Domain.** [-4, 4].
//! **Privacy.** One product: every message is uniform.
//! **Source.** Ours. The benchmarks of MPCFormer and SecFormer run the same quadratic in the place of GeLU.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::gelu::quad::quadratic;
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, Interval, PerRow, Protocol, Quality, Reading, Rounds,
    Setting, Truth, texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "relu/quad".into(),
    function: Function::RELU,
    summary: "x^2 / 8 + x / 2 + 1/4, for models trained with it".into(),
    source: "ours; the best quadratic on [-4, 4]".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|_| Interval { low: -4.0, high: 4.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 0.250_001, relative: 0.0, truth: Truth::Relu },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(1)),
        bits: Some(Bits::per_element(256)),
        holds: true,
        remark: "one product".into(),
    }],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "it is another function than ReLU, which a model must be trained with: off by 1/4 at -4, -2, 0, 2 and 4, and it grows beyond".into(),
    }],
    known: texts(&[]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// The quadratic elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    quadratic(c, x, 0.5, 0.25)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    /// Five alternating extremes of a difference from a quadratic: Chebyshev's sign that no quadratic is nearer.
    #[test]
    fn the_error_is_a_quarter_five_times_with_alternating_signs() {
        let at = [-4.0_f64, -2.0, 0.0, 2.0, 4.0];
        let errors: Vec<f64> = testing::map(&PROTOCOL, &at).iter().zip(at).map(|(y, x)| y - x.max(0.0)).collect();
        assert_eq!(errors, [0.25, -0.25, 0.25, -0.25, 0.25]);
        let (largest, _) = testing::largest_error(&PROTOCOL, testing::grid(-4.0, 4.0, 8001), |x| x.max(0.0));
        assert!(largest <= 0.25);
    }
}
