//! `softmax/2quad`: SecFormer's stand-in for softmax, (x + 5)^2 over its row sum, with a deflation that follows the row length.
//!
//! 1. s = (x + 5)^2.
//! 2. S = sum of s over the row.
//! 3. r = 1 / S by `reciprocal/goldschmidt` with eta = 5000 n / 128 and t = 13, once for each row.
//! 4. y = s r.
//!
//! Under a mask, s is zero where an element takes no part, and S and r are scaled by n over the number of elements that do, so that
//! the deflation fits rows of every length.
//!
//! The paper iterates on the whole row vector (p = s / eta at the start), which takes 13 products for every element; its code
//! and its published volumes take the reciprocal of the row sum, as here.
//!
//! **Cost.** One square and one product for each element, 25 products and one more operand for each row: as written 27 rounds,
//! 128 n + 128 n + 6400 + 128 bit for a row of n.
//! **Error.** Relative 2.8e-4 at the ends of the domain, nothing in the middle. Rounding: s has 4 fraction bits fewer than x, so
//! that the last product stays far from the end of the word; the iteration adds at most 26 units of 2 guard bits, 1e-4 relative.
//! **Domain.** Row sums in [0.001 eta, 1.999 eta]. Scores near 0 sum to 25 n = 0.64 eta for every row length; the printed
//! eta = 5000 diverges for such rows of 512.
//! **Privacy.** Squares and products only: every message is uniform.
//! **Source.** SecFormer (arXiv 2401.00793), Equation 4 and Appendix B, Algorithm 3; c = 5 from MPCFormer (ICLR 2023) and the
//! code of both. The scaling of eta is ours.
//!
//! | here | paper |
//! |---|---|
//! | `SHIFT` | c |
//! | `squares`, `sum` | p, q before deflation |
//! | `division(n)` | eta, t |

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::reciprocal::goldschmidt::Division;
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Failing, Function, PerRow, Protocol, Quality, Reading, Rounds, Setting,
    SoftmaxInputs, Truth, texts,
};
use std::sync::LazyLock;

/// Added to every score.
pub const SHIFT: f64 = 5.0;
/// Fraction bits of the squares beyond those of the fixed point: fewer, see the module's text.
const SQUARE_GUARD_BITS: i8 = -4;
/// What a domain of this function is about.
pub(super) const ROW_SUM: &str = "the row sum of (x + 5)^2";

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "softmax/2quad".into(),
    function: Function::SOFTMAX,
    summary: "(x + 5)^2 over its row sum; eta follows the row length".into(),
    source: "SecFormer (arXiv 2401.00793) Equation 4, Appendix B Algorithm 3; c = 5 from MPCFormer (ICLR 2023)".into(),
    reading: Reading::AsPrinted,
    interval: PerRow::of(|row_length| division(row_length).domain(ROW_SUM)),
    error: ErrorClaim { absolute: 0.0, relative: 2.8e-4, truth: Truth::TwoQuad { shift: SHIFT } },
    claims: vec![
        CostClaim {
            by: "SecFormer, cost of 2Quad".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(23)),
            bits: Some(Bits::per_element(6784)),
            holds: false,
            remark: "13 + 1 = 14 rounds would follow from its own count; 6656 bit are charged to every element, though the division \
                     is done once for each row, and the last product is not counted".into(),
        },
        CostClaim {
            by: "viewless".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(27)),
            bits: Some(Bits::Linear { per_element: 256, per_row: 6528, per_column: 0 }),
            holds: true,
            remark: "a square and a product for each element, a division for each row".into(),
        },
    ],
    fails: vec![Failing {
        quality: Quality::Right,
        why: "it is not softmax: below -5 scores rise again, so it needs distilled weights; right about its own function".into(),
    }],
    known: texts(&[
        "it is another function than softmax and needs a model distilled for it",
        "it is symmetric about -5: scores below -5 rise again, so a mask must multiply by 0 after the square, not add -inf",
        "with the printed eta = 5000 rows of 512 unmasked scores diverge",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::softmax(build)));

/// Deflation for rows of a length: the paper's 5000 was chosen for 128.
#[must_use]
pub const fn division(row_length: usize) -> Division {
    Division { eta: 5000.0 * row_length as f64 / 128.0, iterations: 13 }
}

/// 2Quad of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, SoftmaxInputs { x, mask }: SoftmaxInputs) -> Secret {
    let guard_bits = c.guard_bits(x);
    let shifted = c.offset(x, SHIFT);
    let squares = c.square_to(shifted, SQUARE_GUARD_BITS);
    let squares = mask.map_or(squares, |mask| mask.keep(c, squares));
    let sum = c.sum(squares, c.last_axis(x));
    let sum = mask.map_or(sum, |mask| mask.per_part(c, sum));
    let division = division(c.row_length(x));
    let reciprocal = division.reciprocal(c, sum);
    let reciprocal = mask.map_or(reciprocal, |mask| mask.per_part(c, reciprocal));
    c.mul_to(squares, reciprocal, guard_bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn the_golden_row_is_reproduced() {
        let found = testing::map(&PROTOCOL, &[1.0, 2.0, 3.0, 4.0]);
        for (y, square) in found.iter().zip([36.0, 49.0, 64.0, 81.0]) {
            assert!((y - square / 230.0).abs() <= 2.8e-4 * square / 230.0);
        }
    }

    #[test]
    fn rows_of_any_length_are_right_to_the_claimed_error() {
        for n in [1, 4, 128, 384, 512] {
            for spread in [0.0, 1.0, 3.0] {
                let row: Vec<f64> = (0..n).map(|i| spread * libm::sin(i as f64 * 1.7)).collect();
                let sum: f64 = row.iter().map(|x| (x + 5.0) * (x + 5.0)).sum();
                for (x, y) in row.iter().zip(testing::map(&PROTOCOL, &row)) {
                    let truth = (x + 5.0) * (x + 5.0) / sum;
                    assert!((y - truth).abs() <= CARD.error.relative * truth, "{n} {spread}");
                }
            }
        }
    }
}
