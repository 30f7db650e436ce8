//! `gelu/sigma`: max(x, 0) less a table of 256 entries in |x|, as SIGMA prints it.
//!
//! 1. a = |x|; max(x, 0) = (x + a) / 2.
//! 2. b = min(a, 4 - 1/64), by [a < 4 - 1/64] and one selection.
//! 3. t = T[floor(64 b)], T_i = max(a, 0) - GeLU(a) at a = i/64: an index of 8 bits, 6 of them fraction bits.
//! 4. y = max(x, 0) - t.
//!
//! Published on function secret sharing, with 12 fraction bits; here on shares, with the table dealt.
//!
//! **Cost.** Two comparisons, two selections, one opening of 8 bit each way. Offline 256 words for each element, of which one party's come
//! from a key.
//! **Error.** 7.8e-3 just above 0: the index is cut (or cut and one more), and GeLU's distance from max(x, 0) has slope 1/2 there, for a
//! step of 1/64.
//! **Domain.** [-128, 128].
//! **Privacy.** Comparisons, selections, one masked opening: every message is uniform.
//! **Source.** SIGMA (Gupta et al., PoPETs 2024, ePrint 2023/1269), section on GeLU.

use crate::circuit::{Circuit, Secret, Table};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    pieces, texts,
};
use std::sync::LazyLock;

/// Bits of the index.
pub const INDEX_BITS: u8 = 8;
/// Fraction bits of the index.
pub const INDEX_FRACTION_BITS: i8 = 6;
/// The last entry's argument: larger |x| take it too.
pub const LAST: f64 = 4.0 - 1.0 / 64.0;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "gelu/sigma".into(),
    function: Function::GELU,
    summary: "max(x, 0) less a table of 256 entries in |x|".into(),
    source: "SIGMA (PoPETs 2024, ePrint 2023/1269), GeLU".into(),
    reading: Reading::AsPrinted,
    interval: PerRow::of(|_| Interval { low: -128.0, high: 128.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 7.9e-3, relative: 0.0, truth: Truth::Gelu },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::LEAN,
        rounds: Some(Rounds::fixed(17)),
        bits: Some(Bits::per_element(2 * 504 + 2 * 130 + 16)),
        holds: true,
        remark: "two comparisons 14, two selections 2, look-up 1; offline 16384 bit for the table".into(),
    }],
    fails: vec![],
    known: texts(&[
        "SIGMA's own cost, 5 rounds and 2 (m - f) + 2 n + 34 bits, is that of function secret sharing, with keys in place of comparisons",
        "it cuts the index; here the law is floor or one more, which errs by as much on the other side",
    ]),
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// GeLU elementwise, with one guard bit more than x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let guard_bits = c.guard_bits(x);
    let (_, a) = pieces::magnitude(c, x);
    let inside = c.less_than(a, LAST);
    let below = c.offset(a, -LAST);
    let below = c.select(inside, below);
    let index = c.offset(below, LAST);
    let difference = c.lookup(index, table(), guard_bits);
    let twice = c.add(x, a);
    let twice = c.sub(twice, difference);
    let twice = c.sub(twice, difference);
    c.shift(twice, -1)
}

/// max(a, 0) - GeLU(a) = a (1 - erf(a / sqrt 2)) / 2 at the steps of [0, 4).
#[must_use]
pub fn table() -> Table {
    Table::of(|a| a * libm::erfc(a / std::f64::consts::SQRT_2) / 2.0, 0.0, INDEX_FRACTION_BITS, INDEX_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{exact, testing};

    /// The paper's 31 units of 2^-12 are 7.57e-3, at numbers with 12 fraction bits; the supremum is 1/64 less GeLU(1/64), 7.71e-3.
    #[test]
    fn the_error_is_that_of_the_paper() {
        let (error, _) = testing::largest_error(&PROTOCOL, testing::grid(-5.0, 5.0, 100_001), exact::gelu);
        assert!((7.57e-3..7.72e-3).contains(&error) && error <= CARD.error.absolute, "{error}");
        let mean = testing::mean_error(&PROTOCOL, testing::grid(-5.0, 5.0, 100_001), exact::gelu);
        assert!((mean - 5.44e-4).abs() < 1e-5, "{mean}");
    }

    #[test]
    fn tails_are_those_of_the_last_entry() {
        let last = table().at(LAST);
        assert!((1e-4..1.4e-4).contains(&last), "{last}");
        let found = testing::map(&PROTOCOL, &[-128.0, 128.0]);
        assert!((found[0] + last).abs() < 1e-12 && (found[1] - 128.0 + last).abs() < 1e-12, "{found:?}");
    }
}
