//! `layernorm/scales`: layer normalisation without a comparison, its inverse root by sums at three scales (ours).
//!
//! 1. centred = (n x - sum of x) 2^-k, 2^k the power of two that is not below n: the centred row times c = n 2^-k, by one truncation and no division.
//! 2. S = sum of centred^2 + c^2 n epsilon, with 8 guard bits.
//! 3. r = sqrt(n / S), see [`scales`](crate::nonlinear::scales); the factor sqrt(n) is in the coefficients. So c cancels.
//! 4. y = centred (r gamma) + beta: the product with gamma is made before that with the row, because r needs no refreshing.
//!
//! In a model, gamma and beta are taken into the matrix that follows, and y = centred r: a round less. Where the matrix before takes in the mean of its columns,
//! rows come centred, and step 1 is left out; S is multiplied with c^2.
//!
//! **Cost.** One square and two products for each element; three openings, two look-ups and two products for each row. Where truncations are free
//! five rounds: square, sums beside look-ups, products of these, r gamma, and the product with the row. A scheme that opens each value once need not open r.
//! **Error.** The fit, 4e-6 relative; S and the sums are rounded at 22 fraction bits of a scale.
//! **Domain.** S 2^-k in [0.00037, 126]: for rows of 768, S, which is from a quarter of the sum of squares to all of it, in [0.375, 129000].
//! (all-MiniLM-L6-v2 has 1 to 50,000.) A row of smaller variance is outside of it, a row of variance zero too.
//! **Family.** `layernorm/scales on [LOW, HIGH]` is for rows of a variance in that interval, with no more scales than it needs: one scale spans five octaves at
//! least, and with one there is neither a look-up nor a product of sums.
//! **Privacy.** Masked openings, squares and products: every message is uniform.
//! **Source.** Ours.

use super::SQUARE_GUARD_BITS;
use crate::circuit::{Circuit, Secret};
use crate::fixed::power_of_two;
use crate::nonlinear::family::Quantity;
use crate::nonlinear::scales::{self, Power, halvings, last_start};
use crate::nonlinear::{
    Build, Card, CostClaim, ErrorClaim, Family, Function, Interval, LayerNormInputs, Parts, PerRow, Protocol, Reading,
    Rounds, RowInputs, Setting, Truth, texts,
};
use std::sync::{Arc, LazyLock};

/// What the domain is about.
const SCALED_SUM_OF_SQUARES: &str =
    "the sum of squares of the centred row times (n / 2^k)^2, 2^k the power of two not below n";

/// Guard bits of the sum of squares.
const SUM_GUARD_BITS: i8 = 8;
/// Guard bits of r, and of r gamma: no more, so that the product of the two, with the row's, needs no refreshing.
const FACTOR_GUARD_BITS: i8 = 1;
/// Binary logarithms of the ends for rows of 2^k elements, less k: the lower end is 1.5 times its power of two.
const EXPONENTS: (i8, i8) = (-12, 7);

/// The variances of a row that a member may be asked for, and the most octaves of one.
const VARIANCES: (f64, f64) = (0.000_5, 8192.0);
const MOST_OCTAVES: i8 = 19;

/// What the sum of squares is claimed to be for rows of n elements, and the exponents of the scales that cover it.
#[derive(Debug, Clone, Copy)]
struct Sums {
    claimed: (f64, f64),
    exponents: (i8, i8),
}

impl Sums {
    /// Those of the card.
    fn of_card(n: usize) -> Self {
        let row = n.next_power_of_two() as f64;
        let halvings = halvings(n);
        Self {
            claimed: (1.5 * power_of_two(EXPONENTS.0.into()) * row, 126.0 * row),
            exponents: (EXPONENTS.0 + halvings, EXPONENTS.1 + halvings),
        }
    }

    /// Those of rows whose variance is in an interval.
    fn of_variances((low, high): (f64, f64), n: usize) -> Self {
        let scale = n as f64 / n.next_power_of_two() as f64;
        let claimed = (scale * scale * n as f64 * low, scale * scale * n as f64 * high);
        let lowest = (claimed.0 / 1.5).log2().floor() as i8;
        let mut top = lowest + 2;
        while power_of_two(top.into()) - power_of_two(i32::from(last_start(lowest, top))) < claimed.1 {
            top += 1;
        }
        Self { claimed, exponents: (lowest, top) }
    }
}

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| Card {
    name: "layernorm/scales".into(),
    function: Function::LAYERNORM,
    summary: "inverse root by sums at three scales, and look-ups that say which holds: no comparison".into(),
    source: "ours; opening of SecFormer (arXiv 2401.00793) Algorithm 4 with a Fourier extension".into(),
    reading: Reading::Ours,
    interval: interval(Sums::of_card),
    error: ErrorClaim { absolute: 0.0, relative: 4e-4, truth: Truth::LayerNorm },
    claims: vec![CostClaim {
        by: "viewless".into(),
        setting: Setting::LEAN,
        rounds: Some(Rounds::fixed(5)),
        bits: None,
        holds: true,
        remark: "square 1, sums and look-ups 1, products of them 1, two products".into(),
    }],
    fails: vec![],
    known: texts(&[
        "outside of its interval the result is nonsense: for a model whose variances are known to stay inside",
        "`layernorm/scales on [LOW, HIGH]` is the same for rows of a variance from LOW to HIGH, with as few scales as these need",
        "sums are truncated at 50 fraction bits: with local truncation they wrap with probability 2^-9, use exact or narrowing",
    ]),
});

fn interval(sums: impl Fn(usize) -> Sums + Send + Sync + 'static) -> PerRow<Interval> {
    PerRow::of(move |n| {
        let (low, high) = sums(n).claimed;
        Interval { low, high, of: SCALED_SUM_OF_SQUARES.into() }
    })
}

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| {
    let family = Family { of: Quantity::Variance, widest: VARIANCES, member };
    Protocol::built_in(&CARD, Build::layer_norm(build)).in_parts(rows(Sums::of_card)).with_family(family)
});

/// Layer normalisation of each row, with the guard bits of x.
pub fn build(c: &mut Circuit, inputs: LayerNormInputs) -> Secret {
    evaluate(c, inputs, Sums::of_card)
}

/// The member of the family for rows of a variance in an interval.
fn member(name: String, ends: (f64, f64)) -> Result<Protocol, String> {
    let (low, high) = ends;
    if high > low * power_of_two(i32::from(MOST_OCTAVES)) {
        return Err(format!("[{low}, {high}]; the larger end may be 2^{MOST_OCTAVES} times the smaller"));
    }
    let sums = move |n| Sums::of_variances(ends, n);
    let card = Card {
        name,
        summary: format!(
            "inverse root by sums at as many scales as a variance from {low} to {high} needs: no comparison"
        ),
        interval: interval(sums),
        claims: vec![],
        ..CARD.clone()
    };
    Ok(Protocol::built_in(&card, Build::layer_norm(move |c, inputs| evaluate(c, inputs, sums))).in_parts(rows(sums)))
}

fn evaluate(c: &mut Circuit, inputs: LayerNormInputs, sums: impl Fn(usize) -> Sums) -> Secret {
    let guard_bits = c.guard_bits(inputs.x);
    let rows = RowInputs { x: inputs.x, epsilon: inputs.epsilon, centred: false };
    let [centred, inverse_deviation] = factors(c, rows, sums);
    let factor = c.mul_to(inverse_deviation, inputs.gamma, FACTOR_GUARD_BITS);
    let scaled = c.mul_to(centred, factor, guard_bits);
    let beta = c.precision(inputs.beta, guard_bits);
    c.add(scaled, beta)
}

/// Steps 1 to 3, and the product of the row with r.
fn rows(sums: impl Fn(usize) -> Sums + Send + Sync + 'static) -> Parts {
    let build = move |c: &mut Circuit, inputs: RowInputs| {
        let guard_bits = c.guard_bits(inputs.x);
        let [centred, inverse_deviation] = factors(c, inputs, &sums);
        c.mul_to(centred, inverse_deviation, guard_bits)
    };
    Parts::LayerNorm { build: Arc::new(build) }
}

/// The centred row times c, and r; or the row itself and c r, where it comes centred: S is the same.
fn factors(c: &mut Circuit, RowInputs { x, epsilon, centred }: RowInputs, sums: impl Fn(usize) -> Sums) -> [Secret; 2] {
    let (axis, row_length, guard_bits) = (c.last_axis(x), c.row_length(x), c.guard_bits(x));
    let halvings = halvings(row_length);
    let n = row_length as f64;
    let scale = n * power_of_two(-i32::from(halvings));
    let row = if centred {
        x
    } else {
        let times = c.scale(x, n);
        let sum = c.sum(x, axis);
        let centred = c.sub(times, sum);
        let centred = c.shift(centred, -halvings);
        c.precision(centred, guard_bits)
    };
    let squares = c.square_to(row, SQUARE_GUARD_BITS);
    let sum = c.sum(squares, axis);
    // An odd number over a power of two: of few bits.
    let sum = if centred { c.scale_to(sum, scale * scale, SUM_GUARD_BITS) } else { c.precision(sum, SUM_GUARD_BITS) };
    let sum_of_squares = c.offset(sum, scale * scale * n * epsilon);
    let Sums { claimed: (low, high), exponents } = sums(row_length);
    c.claim_domain(sum_of_squares, low, high);
    let factor = if centred { scale * n.sqrt() } else { n.sqrt() };
    [row, scales::over(c, sum_of_squares, Power::InverseRoot, exponents, factor, FACTOR_GUARD_BITS)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::layernorm::tests::relative_error;

    #[test]
    fn the_error_is_claimed_on_the_domain() {
        for n in [8_usize, 768] {
            for part in [3.7e-4, 1e-3, 0.03, 0.043, 0.75, 2.0, 3.0, 125.9] {
                let sum_of_squares = part * n.next_power_of_two() as f64;
                let scale = n as f64 / n.next_power_of_two() as f64;
                let error = relative_error(&PROTOCOL, n, sum_of_squares / (scale * scale));
                assert!(error <= 6e-6, "{n} {sum_of_squares}: {error:e}");
            }
        }
    }

    #[test]
    fn a_member_is_as_exact_on_its_variances_with_the_scales_that_they_need() {
        let scales = |protocol: &Protocol, n: usize| {
            let mut c = Circuit::new();
            let x = c.input(crate::circuit::Owner::Client, "x", [1, n]);
            protocol.build_alone(&mut c, x, 1e-12);
            c.nodes().iter().filter(|node| matches!(node.op, crate::circuit::Op::Fourier(..))).count()
        };
        for (ends, most) in [
            ((0.001, 0.01), 1),
            ((0.9, 12.0), 1),
            ((48.0, 365.0), 1),
            ((0.1, 1000.0), 3),
            ((0.001, 500.0), 4),
            ((0.02, 8192.0), 4),
        ] {
            let member = PROTOCOL.on(ends).unwrap();
            for n in [8_usize, 96, 384, 768, 1024] {
                assert!(scales(&member, n) <= most, "{} {n}: {} scales", member.card.name, scales(&member, n));
                for part in [0.0, 0.001, 0.3, 0.5, 0.77, 0.999, 1.0] {
                    let variance = ends.0 * (ends.1 / ends.0).powf(part);
                    let error = relative_error(&member, n, variance * n as f64);
                    assert!(error <= 6e-6, "{} {n} {variance}: {error:e}", member.card.name);
                }
            }
        }
        assert_eq!(scales(&PROTOCOL, 768), 3);
    }

    #[test]
    fn variances_that_no_member_has_are_refused() {
        for ends in [(0.0, 1.0), (0.001, 9000.0), (0.001, 600.0)] {
            assert!(PROTOCOL.on(ends).is_err(), "{ends:?}");
        }
    }
}
