//! `gelu/series`: GeLU of a bounded number in one round, on an interval that is wide enough for models as they were trained (ours).
//!
//! 1. y = GeLU(x) on [-18, 26] by a Fourier extension of GeLU itself, of period 64 with 40 frequencies, one opening.
//!
//! **Cost.** One round; an opening of 22 bit each way at 16 fraction bits. Offline 80 dealt words, of which P0's share comes from a key.
//! **Error.** That of the fit, 1.2e-5, and the rounding of 40 waves.
//! **Domain.** [-18, 26], and not beyond: there the sum repeats itself and means nothing, so whoever uses it must know that numbers stay
//! inside. (all-MiniLM-L6-v2 has -17.2 to 24.5.) The audit of a model's domains tells.
//! **Family.** `gelu/series on [LOW, HIGH]` has the shortest period and the fewest frequencies with which the fit is as good on that interval.
//! **Privacy.** One masked opening: a uniform message.
//! **Source.** Ours; the opening is SecFormer's (arXiv 2401.00793, Algorithm 4), the fit is [`extension`]. Unlike `gelu/cosine-bounded`, x does
//! not take part in the result: it need be held no wider than it is opened. A period that is a power of two takes the place of a
//! multiplication and a truncation.

use crate::circuit::{Circuit, Secret, Series};
use crate::nonlinear::extension::{self, Extension, Request, Waves};
use crate::nonlinear::{
    ARGUMENT, Bits, Build, Card, CostClaim, ErrorClaim, Family, Function, Interval, PerRow, Protocol, Reading, Rounds,
    Setting, Truth, exact, family::Quantity,
};
use std::sync::LazyLock;
use std::sync::OnceLock;

/// Fraction bits of waves beyond those of the result.
const WAVE_GUARD_BITS: u8 = 2;

/// The interval.
const ENDS: (f64, f64) = (-18.0, 26.0);

/// The largest error of a fit.
const FIT_ERROR: f64 = 1.2e-5;
/// The part of a period that an interval may fill: the rest is where the sum is free.
const LARGEST_PART: f64 = 44.0 / 64.0;
/// The shortest period of a member, and the longest.
const PERIODS: (f64, f64) = (4.0, 128.0);
/// The most frequencies of a member.
const MOST_TERMS: usize = 96;

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| card("gelu/series".into(), ENDS, &fitted().series));

/// Where it comes from.
const SOURCE: &str = "ours; opening of SecFormer (arXiv 2401.00793) Algorithm 4 with a Fourier extension";

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| {
    let widest = (-PERIODS.1 * LARGEST_PART, PERIODS.1 * LARGEST_PART);
    Protocol::built_in(&CARD, Build::map(build)).with_family(Family { of: Quantity::Argument, widest, member })
});

/// GeLU elementwise for -18 <= x <= 26, with the guard bits of x.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    evaluate(c, x, ENDS, &fitted().series)
}

/// The card of a sum on an interval.
fn card(name: String, (low, high): (f64, f64), series: &Series) -> Card {
    let (terms, period) = (series.cosines.len(), series.period);
    // 16 fraction bits, and those of a period.
    let opened = 16 + i64::from((period as u64).ilog2());
    let cost = |setting: Setting, remark: String| CostClaim {
        by: "viewless".into(),
        setting,
        rounds: Some(Rounds::fixed(1)),
        bits: Some(Bits::per_element(2 * opened)),
        holds: true,
        remark,
    };
    Card {
        name,
        function: Function::GELU,
        summary: format!("{terms} waves of period {period}: one round, for {low} <= x <= {high}"),
        source: SOURCE.into(),
        reading: Reading::Ours,
        interval: PerRow::of(move |_| Interval { low, high, of: ARGUMENT.into() }),
        error: ErrorClaim { absolute: FIT_ERROR, relative: 0.0, truth: Truth::Gelu },
        claims: vec![
            cost(Setting::LEAN, format!("one opening of {opened} bit each way")),
            cost(Setting::PUBLISHED, "the same: there is nothing to schedule".into()),
        ],
        fails: vec![],
        known: vec![
            format!(
                "outside of [{low}, {high}] the result is periodic nonsense: for a model whose numbers are known to stay inside"
            ),
            format!("{} words are dealt for each element", 2 * terms),
            "`gelu/series on [LOW, HIGH]` is the same for another interval, at most 88 wide".to_owned(),
        ],
    }
}

fn evaluate(c: &mut Circuit, x: Secret, (low, high): (f64, f64), series: &Series) -> Secret {
    c.claim_domain(x, low, high);
    // Waves of 18 fraction bits: with more the sum would leave no room above it in a ring of 64 bits for the ring that the next matrix needs.
    c.fourier(x, Series { most_guard_bits: Some(WAVE_GUARD_BITS), ..series.clone() })
}

/// The Fourier extension of GeLU on [-18, 26].
pub fn fitted() -> &'static Extension {
    static FITTED: OnceLock<Extension> = OnceLock::new();
    FITTED.get_or_init(|| fit_on(ENDS, 64.0, 40))
}

fn fit_on((low, high): (f64, f64), period: f64, terms: usize) -> Extension {
    extension::fit(exact::gelu, &Request { low, high, period, terms, waves: Waves::Both, ridge: 1e-13 })
}

/// The member of the family for an interval.
fn member(name: String, ends: (f64, f64)) -> Result<Protocol, String> {
    let width = ends.1 - ends.0;
    let periods = std::iter::successors(Some(PERIODS.0), |period| Some(2.0 * period));
    let mut wide_enough = periods.take_while(|&period| period <= PERIODS.1).filter(|p| width <= p * LARGEST_PART);
    let refused = || format!("[{}, {}]; it may be at most {} wide", ends.0, ends.1, PERIODS.1 * LARGEST_PART);
    let period = wide_enough.next().ok_or_else(refused)?;
    // The error falls with the number of frequencies but for rounding, so the fewest are found by halves; the fit that is taken is measured itself.
    let (mut too_few, mut enough) = (0, MOST_TERMS);
    while enough - too_few > 1 {
        let middle = usize::midpoint(too_few, enough);
        let is_enough = fit_on(ends, period, middle).max_error <= FIT_ERROR;
        if is_enough { enough = middle } else { too_few = middle }
    }
    let found = fit_on(ends, period, enough);
    if found.max_error > FIT_ERROR {
        return Err(format!("[{}, {}]: {MOST_TERMS} frequencies do not fit GeLU to {FIT_ERROR}", ends.0, ends.1));
    }
    let card = card(name, ends, &found.series);
    Ok(Protocol::built_in(&card, Build::map(move |c, x| evaluate(c, x, ends, &found.series))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    #[test]
    fn the_error_is_that_of_the_fit_on_the_domain_and_nonsense_beyond() {
        let grid = testing::grid(ENDS.0, ENDS.1, 280_001);
        let (inside, _) = testing::largest_error(&PROTOCOL, grid, exact::gelu);
        let size: f64 = fitted().series.cosines.iter().chain(&fitted().series.sines).map(|a| a.abs()).sum();
        println!("fit {:e}, found {inside:e}, size {size}", fitted().max_error);
        assert!(inside <= CARD.error.absolute && inside <= 1.01 * fitted().max_error, "{inside:e}");
        assert!((testing::map(&PROTOCOL, &[46.0])[0] - 46.0).abs() > 1.0);
    }

    #[test]
    fn a_member_is_as_exact_on_its_interval_and_its_sum_is_no_larger_in_size() {
        let size = |series: &Series| series.cosines.iter().chain(&series.sines).map(|a| a.abs()).sum::<f64>();
        for (ends, period) in [
            ((-0.1, 0.1), 4.0),
            ((-5.0, 6.0), 16.0),
            ((-9.5, 12.25), 32.0),
            ((-3.0, 19.0), 32.0),
            ((-18.0, 26.0), 64.0),
            ((2.0, 80.0), 128.0),
            ((-44.0, 44.0), 128.0),
            ((-88.0, -1.0), 128.0),
        ] {
            let member = PROTOCOL.on(ends).unwrap();
            let grid = testing::grid(ends.0, ends.1, 50_001);
            let (inside, _) = testing::largest_error(&member, grid, exact::gelu);
            println!("{}: {} found {inside:e}", member.card.name, member.card.summary);
            assert!(inside <= FIT_ERROR, "{}: {inside:e}", member.card.name);
            assert!(member.card.summary.contains(&format!("period {period}:")), "{}", member.card.summary);
            assert_eq!(member.card.interval.at(1).low, ends.0);
            let terms =
                |protocol: &Protocol| protocol.card.summary.split(' ').next().unwrap().parse::<usize>().unwrap();
            assert!(ends.0 < -18.0 || ends.1 > 26.0 || terms(&member) <= 40);
            let wide = fit_on(ends, period, terms(&member));
            println!("size {}", size(&wide.series));
        }
    }

    #[test]
    fn intervals_that_no_member_has_are_refused_with_what_to_write() {
        for ends in
            [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (-60.0, 60.0), (0.0, 1e-9), (0.0, 89.0)]
        {
            let refused = PROTOCOL.on(ends).unwrap_err().to_string();
            assert!(refused.contains("`gelu/series` has no member on") && refused.contains(']'), "{ends:?}: {refused}");
        }
    }
}
