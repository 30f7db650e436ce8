//! `reciprocal/scales`: a reciprocal in two rounds and without a comparison, by sums at three scales (ours).
//!
//! See [`scales`](crate::nonlinear::scales).
//!
//! **Cost.** Two rounds where truncations are free. Three openings of 24 bit each way, two look-ups and two products. Offline 288 dealt
//! words and tables of 512 and 32.
//! **Error.** The fit, 6e-6 relative; argument and sums are rounded at 22 fraction bits, of which the upper end of a scale keeps 17.
//! **Domain.** [0.046875, 248].
//! **Privacy.** Masked openings and products: every message is uniform.
//! **Source.** Ours; the opening is SecFormer's (arXiv 2401.00793, Algorithm 4), the fit is [`extension`](crate::nonlinear::extension).

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::scales::{self, Power};
use crate::nonlinear::{
    Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth, texts,
};
use std::sync::LazyLock;

/// Guard bits of the result.
pub const GUARD_BITS: i8 = 8;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "reciprocal/scales".into(),
    function: Function::RECIPROCAL,
    summary: "sums at three scales, and look-ups that say which holds: no comparison".into(),
    source: "ours; opening of SecFormer (arXiv 2401.00793) Algorithm 4 with a Fourier extension".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|_| Interval { low: 0.046875, high: 248.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 0.0, relative: 6e-5, truth: Truth::Reciprocal },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::LEAN,
        rounds: Some(Rounds::fixed(2)),
        bits: None,
        holds: true,
        remark: "sums and look-ups 1, products 1".into(),
    }],
    fails: vec![],
    known: texts(&[
        "sums are truncated at 50 fraction bits: with local truncation they wrap with probability 2^-9, use exact or narrowing",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// 1/x elementwise; 8 guard bits.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    over(c, x, -5, 8, GUARD_BITS)
}

/// 1/x with `guard_bits`, for x in [1.5 2^`lowest`, 2^(`top` - 1)].
pub fn over(c: &mut Circuit, x: Secret, lowest: i8, top: i8, guard_bits: i8) -> Secret {
    scales::over(c, x, Power::Reciprocal, (lowest, top), 1.0, guard_bits)
}
