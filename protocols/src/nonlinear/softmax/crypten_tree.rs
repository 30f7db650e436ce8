//! `softmax/crypten-tree`: CrypTen's softmax after a plain tree of comparisons, without the position that nobody uses.
//!
//! As `softmax/crypten`, with `max/tree` in step 1.
//!
//! **Cost.** 9 ceil(log2 n) + 37 rounds; 3712 (n - 1) + 1152 n + 4992 bit for a row of n: at n = 512 118 rounds and 608 byte for each
//! element instead of 136 and 1332.
//! **Error, domain, privacy.** Those of `softmax/crypten`.
//! **Source.** As there; the tree is described in CrypTen (Knott et al., NeurIPS 2021), Appendix C.

use super::crypten::{self, after};
use crate::circuit::{Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, Function, Protocol, Reading, Rounds, Setting, SoftmaxInputs, max, texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "softmax/crypten-tree".into(),
    function: Function::SOFTMAX,
    summary: "CrypTen's softmax with the maximum by a tree, its position not sought".into(),
    source: "CrypTen (NeurIPS 2021) Appendix C; code at 775868a: common/functions/approximations.py, softmax".into(),
    reading: Reading::AsPrinted,
    interval: crypten::CARD.interval.clone(),
    error: crypten::CARD.error,
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::PUBLISHED,
        rounds: Some(Rounds::Linear { fixed: 37, per_halving: 9 }),
        bits: Some(Bits::Linear { per_element: 3712 + 1152, per_row: 4992 - 3712, per_column: 0 }),
        holds: true,
        remark: "n - 1 comparisons and selections, exp, one reciprocal for each row, one product for each element"
            .into(),
    }],
    fails: crypten::CARD.fails.clone(),
    known: texts(&[
        "its reciprocal is right for row sums up to 100 only, and diverges from 254 on",
        "the error over the reals grows with the row: 8.6e-4 for 2 elements, 1.3e-2 for 128, 2.1e-2 for 512",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::softmax(build)));

/// Softmax of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, inputs: SoftmaxInputs) -> Secret {
    after(c, inputs, &max::tree::PROTOCOL)
}
