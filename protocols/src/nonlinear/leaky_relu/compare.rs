//! `leaky-relu/compare`: x, and a fifth of it below zero, by one comparison and one selection.
//!
//! 1. below = x where `[x < 0]`, else 0.
//! 2. y = x - 4/5 below.
//!
//! **Cost.** That of `relu/compare`: a comparison and a selection; the product with 4/5 is local.
//! **Error.** None over the reals.
//! **Domain.** The comparison's word; [-2^20, 2^20] is far inside.
//! **Privacy.** Comparison and selection: every message is uniform.
//! **Source.** Ours; the slope is that of ProGAN (arXiv 1710.10196, appendix A).

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::exact::LEAK;
use crate::nonlinear::relu::compare::claims;
use crate::nonlinear::{Build, Card, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Truth, texts};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "leaky-relu/compare".into(),
    function: Function::LEAKY_RELU,
    summary: "one comparison and one selection".into(),
    source: "ours; slope of ProGAN (arXiv 1710.10196) appendix A".into(),
    reading: Reading::Ours,
    interval: PerRow::of(|_| Interval { low: -1_048_576.0, high: 1_048_576.0, of: "the argument".into() }),
    // 1 - 1/5 is no dyadic number: two roundings of f64.
    error: ErrorClaim { absolute: 1e-7, relative: 1e-14, truth: Truth::LeakyRelu },
    claims: claims(),
    fails: vec![],
    known: texts(&[]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// The function elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let negative = c.less_than(x, 0.0);
    let below = c.select(negative, x);
    let lost = c.scale(below, 1.0 - LEAK);
    c.sub(x, lost)
}
