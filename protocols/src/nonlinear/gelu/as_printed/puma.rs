//! `gelu/puma`: two polynomials between 0 and x, as PUMA prints it.
//!
//! Numbered as PUMA's protocol for GeLU:
//! 1. b0 = [x < -4], b1 = [x < -1.95], b2 = [3 < x].
//! 2. z0 = b0 XOR b1, z1 = b1 XOR b2 XOR 1, z2 = b2.
//! 3. x^2 = x x, x^3 = x x^2, x^4 = x^2 x^2, x^6 = x^3 x^3.
//! 4. F0(x), a cubic, and F1(x), a sextic without its odd terms but the first, from the powers.
//! 5. y = z0 F0(x) + z1 F1(x) + z2 x; the first piece is 0.
//!
//! Published for three parties with replicated sharing; on two parties with a dealer it is the same circuit.
//!
//! **Cost.** Three comparisons, three squares and a product, two exclusive ors of bits, three selections. As written with CrypTen's
//! comparison, where bits are numbers and their exclusive or is a product: 33 rounds, 12416 bit; with the carry tree, in as few rounds as
//! can be, see the card.
//! **Error.** At most 1.99e-2, at x = 3 where F1 gives 3.0159; 2.9e-3 on average on [-5, 5].
//! **Domain.** [-25, 25]. The comparisons work for any x; but x^6 is computed for every x, and 25 is where it still leaves headroom with
//! 18 fraction bits, x^3, x^6 and the term of x^6 with three fraction bits fewer. What leaves it is multiplied by 0 all the same.
//! **Privacy.** Comparisons, products and selections: every message is uniform.
//! **Source.** PUMA (arXiv 2307.12533), section on the protocol for GeLU, F0 and F1 with all their digits.

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::pieces::{above, combination};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    texts,
};
use std::sync::LazyLock;

/// Coefficients of F0, from x^0 to x^3.
pub const F0: [f64; 4] = [-0.5054031199708174, -0.42226581151983866, -0.11807612951181953, -0.011034134030615728];
/// Coefficients of F1 at x^0, x, x^2, x^4, x^6.
pub const F1: [f64; 5] = [0.008526321541038084, 0.5, 0.3603292692789629, -0.037688200365904236, 0.0018067462606141187];

/// Fraction bits that x^3, x^6 and its term have less than x, so that the term of 25^6 stays in the word with 18 fraction bits: 15 of the power, 28 before
/// the point and 18 of the coefficient are 61 of 62. The term is then right to a unit of 15 fraction bits, 3e-5.
const COARSER_BITS: i8 = 3;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "gelu/puma".into(),
    function: Function::GELU,
    summary: "a cubic and a sextic between 0 and x, three comparisons".into(),
    source: "PUMA (arXiv 2307.12533), protocol for GeLU".into(),
    reading: Reading::AsPrinted,
    interval: PerRow::of(|_| Interval { low: -25.0, high: 25.0, of: "the argument".into() }),
    error: ErrorClaim { absolute: 2.0e-2, relative: 0.0, truth: Truth::Gelu },
    claims: vec![
        CostClaim {
            by: "viewless".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(33)),
            bits: Some(Bits::per_element(3 * 3456 + 2 * 256 + 3 * 128 + 256 + 3 * 256)),
            holds: true,
            remark: "three comparisons 24 and 10368, two products of bits, three squares and a product of powers, three selections".into(),
        },
        CostClaim {
            by: "viewless".into(),
            setting: Setting::LEAN,
            rounds: Some(Rounds::fixed(8)),
            bits: Some(Bits::per_element(3 * 504 + 3 * 128 + 256 + 3 * 130)),
            holds: true,
            remark: "comparison 7 beside the powers, selection 1".into(),
        },
    ],
    fails: vec![],
    known: texts(&[
        "PUMA claims a largest error below 0.01403: it is 0.0199, at x = 3, where F1 gives 3.0159 for 2.9960",
        "claimed mean error below 0.00168: on [-1, 1] it is 0.0053, on [-5, 5] 0.0029, on [-10, 10] 0.0014",
        "with local truncation x^6 wraps with probability x^6 2^-32 at 16 fraction bits: harmless beyond 3, where the piece is multiplied by 0",
        "a step down of 0.0159 at x = 3, so that it is not monotone there, and one up of 0.0072 at -1.95",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// GeLU elementwise, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = CARD.interval.at(1);
    c.claim_domain(x, domain.low, domain.high);
    let b0 = c.less_than(x, -4.0);
    let b1 = c.less_than(x, -1.95);
    let b2 = above(c, x, 3.0);
    let z0 = c.xor(b0, b1);
    let not_z1 = c.xor(b1, b2);
    let z1 = c.not(not_z1);
    let square = c.square(x);
    let fourth = c.square(square);
    let guard_bits = c.guard_bits(x);
    let coarse_cube = c.mul_to(x, square, guard_bits - COARSER_BITS);
    let coarse_sixth = c.square(coarse_cube);
    let coarse_term = c.scale(coarse_sixth, F1[4]);
    let [cube, sixth_term] = [coarse_cube, coarse_term].map(|coarse| c.precision(coarse, guard_bits));
    let f0 = combination(c, &[(F0[3], cube), (F0[2], square), (F0[1], x)], F0[0]);
    let f1 = combination(c, &[(F1[3], fourth), (F1[2], square), (F1[1], x)], F1[0]);
    let f1 = c.add(f1, sixth_term);
    let below = c.select(z0, f0);
    let middle = c.select(z1, f1);
    let over = c.select(b2, x);
    let sum = c.add(below, middle);
    c.add(sum, over)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::{exact, testing};

    #[test]
    fn the_largest_error_is_the_step_at_three_and_refutes_the_paper_s_bound() {
        let (error, _) = testing::largest_error(&PROTOCOL, testing::grid(-5.0, 5.0, 100_001), exact::gelu);
        assert!((0.0198..=CARD.error.absolute).contains(&error), "{error}");
        let found = testing::map(&PROTOCOL, &[3.0, 3.0001]);
        assert!((found[0] - exact::gelu(3.0) - error).abs() < 1e-9 && error > 0.01403);
        assert!((found[0] - found[1] - 0.0158).abs() < 1e-4, "{found:?}");
    }

    #[test]
    fn the_mean_errors_are_those_of_secformer_s_table_4() {
        for (bound, mean, printed) in [(1.0, 0.0053, 0.005), (5.0, 0.00286, 0.003), (10.0, 0.00143, 0.002)] {
            let found = testing::mean_error(&PROTOCOL, testing::grid(-bound, bound, 100_001), exact::gelu);
            assert!((found - mean).abs() < 5e-5, "{bound}: {found}");
            assert!((found - printed).abs() < 6e-4);
        }
    }

    #[test]
    fn tails_are_exact() {
        assert_eq!(testing::map(&PROTOCOL, &[-25.0, -4.001, 3.001, 25.0]), [0.0, 0.0, 3.001, 25.0]);
    }
}
