//! `relu/compare`: max(x, 0) by one comparison and one selection.
//!
//! 1. negative = `[x < 0]`.
//! 2. y = x where it is not negative, else 0.
//!
//! **Cost.** A comparison and a selection.
//! **Error.** None: elements are kept as they are. (1e-7 is claimed, because bounds are computed in double precision, which knows numbers of 2^20 to
//! about 2e-10.)
//! **Domain.** The comparison's word; [-2^20, 2^20] is far inside for up to 40 fraction bits.
//! **Privacy.** Comparison and selection: every message is uniform.
//! **Source.** CrypTen's code, `mpc.py`: `relu` is x times `ge(0)`.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "relu/compare".into(),
    function: Function::RELU,
    summary: "one comparison and one selection".into(),
    source: "CrypTen's code: mpc.py, relu".into(),
    reading: Reading::AsCoded,
    interval: PerRow::of(|_| Interval { low: -1_048_576.0, high: 1_048_576.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 1e-7, relative: 0.0, truth: Truth::Relu },
    claims: claims(),
    fails: vec![],
    known: texts(&[]),
});

/// The cost of one comparison and one selection.
pub(in crate::nonlinear) fn claims() -> Vec<CostClaim> {
    let claim = |setting, rounds, bits| CostClaim {
        by: "viewless".into(),
        setting,
        rounds: Some(Rounds::fixed(rounds)),
        bits: Some(Bits::per_element(bits)),
        holds: true,
        remark: "a comparison and a selection".into(),
    };
    vec![claim(Setting::PUBLISHED, 9, 3456 + 256), claim(Setting::LEAN, 8, 504 + 130)]
}

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// max(x, 0) elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let negative = c.less_than(x, 0.0);
    let positive = c.not(negative);
    c.select(positive, x)
}
