//! `rsqrt/sqrt-reciprocal`: the inverse of a square root as two functions of CrypTen one after the other, with three Newton steps for the root;
//! `rsqrt/sqrt-reciprocal-8`: with eight.
//!
//! 1. s = x times 1 / sqrt(x), by `rsqrt/newton`: the square root, as CrypTen has it.
//! 2. Return 1 / s, by `reciprocal/newton-signed`.
//!
//! Step 1 had the result in its hands.
//!
//! **Cost.** (8 + 3 t) + 1 + 38 rounds, 1024 + 640 t + 256 + 8832 bit: 56 and 12032 for t = 3, 71 and 15232 for t = 8.
//! **Error.** Those of the two parts: 0.5 percent for t = 3 at the lower end, 1e-7 for t = 8.
//! **Domain.** That of `rsqrt/newton` with as many steps; the root then lies between 0.1 and 14, far inside the reciprocal's.
//! **Privacy.** Comparison, selection, products and squares: every message is uniform.
//! **Source.** SecFormer's repository at 4c1db49, `efficiency/utils.py` (`crypten_norm`) and `operation/inv_sqrt.py`; functions of CrypTen,
//! `common/functions/approximations.py`, `sqrt` and `reciprocal`.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::reciprocal::newton_signed;
use crate::nonlinear::rsqrt::newton::{self, ITERATIONS, MORE_ITERATIONS};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Protocol, Reading, Rounds, Setting, Truth, texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "rsqrt/sqrt-reciprocal".into(),
    function: Function::RSQRT,
    summary: "CrypTen's reciprocal of CrypTen's square root, three Newton steps for the root".into(),
    source: "SecFormer's repository at 4c1db49, efficiency/utils.py, crypten_norm; functions of CrypTen (NeurIPS 2021)"
        .into(),
    reading: Reading::AsBenchmarked,
    interval: newton::CARD.interval.clone(),
    error: ErrorClaim { absolute: 0.0, relative: 5e-3, truth: Truth::Rsqrt },
    claims: vec![CostClaim {
        by: "CrypTen, measured".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::fixed(56)),
        bits: Some(Bits::per_element(12032)),
        holds: true,
        remark: "1504 byte: 368 for the inverse root, 32 for the product that makes it a root, 1104 for the reciprocal"
            .into(),
    }],
    fails: vec![],
    known: texts(&[
        "CrypTen's square root is x times its inverse square root, which was wanted: 39 of 56 rounds are for nothing",
    ]),
});

/// The card with eight steps.
pub static CARD_8: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "rsqrt/sqrt-reciprocal-8".into(),
    function: Function::RSQRT,
    summary: "CrypTen's reciprocal of CrypTen's square root, eight Newton steps for the root".into(),
    source: "SecFormer's repository at 4c1db49, operation/inv_sqrt.py; functions of CrypTen (NeurIPS 2021)".into(),
    reading: Reading::AsBenchmarked,
    interval: newton::CARD_8.interval.clone(),
    error: ErrorClaim { absolute: 0.0, relative: 1.1e-7, truth: Truth::Rsqrt },
    claims: vec![
        CostClaim {
            by: "CrypTen, measured (sqrt_nr_iters = 8)".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(71)),
            bits: Some(Bits::per_element(15232)),
            holds: true,
            remark: "1904 byte: 768 for the inverse root, 32 for the product that makes it a root, 1104 for the reciprocal".into(),
        },
        CostClaim {
            by: "SecFormer, Figure 7 (CrypTen)".into(),
            setting: Setting::PUBLISHED,
            rounds: None,
            bits: Some(Bits::per_element(16512)),
            holds: false,
            remark: "2064 byte: 800 for the root and 1264 for the reciprocal, of which a Newton step is charged as two products".into(),
        },
    ],
    fails: vec![],
    known: texts(&["published tables that only eight steps reproduce do not say that the default was changed"]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// The protocol with eight steps.
pub static PROTOCOL_8: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD_8, Build::map(build_8)));

/// 1/sqrt(x) elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    sqrt_reciprocal(c, x, ITERATIONS)
}

/// The same with eight steps.
pub fn build_8(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD_8.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    sqrt_reciprocal(c, x, MORE_ITERATIONS)
}

/// The same as a part of another protocol, which claims its own domain.
pub(in crate::nonlinear) fn sqrt_reciprocal(c: &mut Circuit, x: Secret, iterations: usize) -> Secret {
    let inverse = newton::newton(c, x, iterations);
    let root = c.mul(inverse, x);
    newton_signed::signed(c, root)
}
