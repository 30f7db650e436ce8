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
use crate::nonlinear::{Bits, Build, Card, CostClaim, ErrorClaim, Function, Protocol, Reading, Rounds, Setting, Truth};

/// The card.
pub const CARD: Card = Card {
    name: "exp/crypten",
    function: Function::Exp,
    summary: "(1 + x/256)^256 without guard bits",
    source: "CrypTen (NeurIPS 2021) Appendix C; code: common/functions/approximations.py, exp",
    reading: Reading::AsCoded,
    domain: |_| DOMAIN,
    error: ErrorClaim { absolute: 1.06e-3, relative: 0.031, truth: Truth::Exp },
    claims: &[CostClaim {
        by: "CrypTen, measured",
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(8)),
        bits: Some(Bits::per_element(1024)),
        holds: true,
        remark: "eight squares",
    }],
    fails: &[],
    known: &["rounding x/256 to 16 fraction bits costs up to 2^-9 relative, more than the limit itself for small x"],
};

/// The protocol.
pub const PROTOCOL: Protocol = Protocol { card: &CARD, build: Build::Map(build) };

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
