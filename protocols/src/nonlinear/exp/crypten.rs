//! `exp/crypten`: e^x as (1 + x / 2^8)^(2^8) without guard bits, as CrypTen runs it.
//!
//! 1. q = x / 2^8, truncated to the fixed point's fraction bits.
//! 2. Square 1 + q eight times.
//!
//! **Cost.** 8 rounds, 1024 bit with local truncation (step 1 is then free).
//! **Error.** Over the reals that of `exp/limit`. In fixed point half a unit of q becomes half a unit times 2^8: 2^-9
//! relative at 16 fraction bits.
//! **Domain.** [-256, 4], see `exp/limit`.
//! **Privacy.** Squares only: every message is uniform.
//! **Source.** CrypTen's code, `common/functions/approximations.py`, `exp`.

use super::limit::{self, DOMAIN, SQUARINGS};
use crate::circuit::{Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, PerRow, Protocol, Reading, Rounds, Setting, Truth, texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "exp/crypten".into(),
    function: Function::EXP,
    summary: "(1 + x/256)^256 without guard bits".into(),
    source: "CrypTen (NeurIPS 2021) Appendix C; code: common/functions/approximations.py, exp".into(),
    reading: Reading::AsCoded,
    interval: PerRow::of(|_| DOMAIN),
    error: ErrorClaim { absolute: 1.06e-3, relative: 0.031, truth: Truth::Exp },
    claims: vec![CostClaim {
        by: "CrypTen, measured".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(8)),
        bits: Some(Bits::per_element(1024)),
        holds: true,
        remark: "eight squares".into(),
    }],
    fails: vec![],
    known: texts(&[
        "rounding x/256 to 16 fraction bits costs up to 2^-9 relative, more than the limit itself for small x",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// e^x elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    c.claim_domain(x, DOMAIN.low, DOMAIN.high);
    exponential(c, x)
}

/// The same as a part of another protocol, which claims its own domain.
pub(in crate::nonlinear) fn exponential(c: &mut Circuit, x: Secret) -> Secret {
    let guard_bits = c.guard_bits(x);
    let quotient = c.shift(x, -(SQUARINGS as i8));
    let quotient = c.precision(quotient, guard_bits);
    limit::power(c, quotient, SQUARINGS)
}
