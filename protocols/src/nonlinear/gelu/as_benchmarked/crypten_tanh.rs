//! `gelu/crypten-tanh`: the tanh form of GeLU with CrypTen's tanh, as SecFormer's benchmark runs it for CrypTen.
//!
//! 1. c = x^3, by a square and a product.
//! 2. z = sqrt(2/pi) (x + 0.044715 c).
//! 3. t = tanh z as in `tanh/sigmoid`.
//! 4. y = (x/2) (1 + t).
//!
//! CrypTen has no GeLU; this one is SecFormer's.
//!
//! **Cost.** As written 26 rounds and 6656 bit = 832 byte: power 2 and 384, tanh 23 and 6016, product 1 and 256.
//! **Error.** At most 1.32e-3 against the erf form, of which the tanh form itself is 4.73e-4; at 16 fraction bits up to 1.6e-3.
//! **Domain.** [-14, 14]: there |2z| <= 247, which the exponential within tanh bears.
//! **Privacy.** Comparison, products and squares: every message is uniform.
//! **Source.** SecFormer's code, `efficiency/utils.py`, class `crypten_gelu`; CrypTen's, `common/functions/approximations.py`.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::tanh::sigmoid::tanh;
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    texts,
};
use std::sync::LazyLock;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "gelu/crypten-tanh".into(),
    function: Function::GELU,
    summary: "the tanh form with CrypTen's tanh".into(),
    source: "SecFormer's code: efficiency/utils.py, crypten_gelu; CrypTen's: common/functions/approximations.py, tanh".into(),
    reading: Reading::AsBenchmarked,
    interval: PerRow::of(|_| Interval { low: -14.0, high: 14.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 1.32e-3, relative: 0.0, truth: Truth::Gelu },
    claims: vec![
        CostClaim {
            by: "CrypTen running that code, measured".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(26)),
            bits: Some(Bits::per_element(8 * 832)),
            holds: true,
            remark: "power 2 and 384, tanh 23 and 6016, product 1 and 256".into(),
        },
        CostClaim {
            by: "SecFormer, Table 3 (CrypTen, BERT-base)".into(),
            setting: Setting::PUBLISHED,
            rounds: None,
            bits: Some(Bits::per_element(8 * 1520)),
            holds: false,
            remark: "28.689 GB is 1520 byte for each of 12 x 512 x 3072 elements, which is the cell of PUMA repeated: this code moves 832".into(),
        },
    ],
    fails: vec![],
    known: texts(&["the paper calls its CrypTen baseline a Taylor series of erf; its timing code runs this"]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// GeLU elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let square = c.square(x);
    let cube = c.mul(square, x);
    let cubic = c.scale(cube, 0.044715);
    let sum = c.add(x, cubic);
    let z = c.scale(sum, std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2);
    let t = tanh(c, z);
    let factor = c.offset(t, 1.0);
    let half = c.scale(x, 0.5);
    c.mul(half, factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{exact, testing};

    /// CrypTen 0.4.1, two parties, this code on 10,000 numbers in equal steps from -4 to 4: mean error 6.48e-4, largest 1.581e-3, at 1.709.
    /// Its rounding of m/256 is worth up to 2^-8 of e^-m, of which x/2 and the slopes of reciprocal and tanh, at most 1/4 and 2, leave 4e-4.
    #[test]
    fn the_errors_are_near_those_that_crypten_shows() {
        let mean = testing::mean_error(&PROTOCOL, testing::grid(-4.0, 4.0, 10_000), exact::gelu);
        let (largest, _) = testing::largest_error(&PROTOCOL, testing::grid(-4.0, 4.0, 10_000), exact::gelu);
        assert!((mean - 6.48e-4).abs() < 1e-5 && (largest - 1.581e-3).abs() < 4e-4, "{mean} {largest}");
    }
}
