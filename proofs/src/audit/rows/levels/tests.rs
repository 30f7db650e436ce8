//! Claims about rows without a comparison: levels, powers, sums at several scales, and centred rows that are not divided.

use crate::audit::rows::certify::Problem;
use crate::audit::rows::judge::Judge;
use crate::audit::rows::tests::line;
use crate::audit::rows::truth::{RowTruth, View};
use crate::audit::rows::*;
use crate::bound::Cell;
use crate::bound::reduce::tests::reduced;
use crate::bound::reduce::{Reduced, Shift, reduce};
use viewless_protocols::circuit::{Levels, Secret, Sectors};
use viewless_protocols::fixed::FixedPoint;
use viewless_protocols::nonlinear::{Build, Card, ErrorClaim, Interval, LayerNormInputs, PerRow, Registry, Truth};
use viewless_protocols::suite::Suite;

fn frontier(protocol: &Protocol) -> Question<'_> {
    let suite = Suite::built_in("frontier").unwrap();
    Question { scheme: suite.scheme, fixed: suite.fixed(), ..Question::new(protocol) }
}

fn built_in(name: &str) -> &'static Protocol {
    Registry::built_in().get(name).unwrap()
}

/// Rows of every length, over ranges in which the card claims something: as much as is stated at most, and the claim holds.
#[test]
fn rows_without_a_comparison_have_certificates() {
    let stated = [
        ("max/histogram", (-126.0, 127.98), [(1, 4.0), (2, 4.0), (3, 4.0), (7, 4.0), (128, 4.0)].as_slice()),
        ("softmax/masked", (-16.0, 16.0), &[(2, 1.4e-4), (3, 1.7e-4), (7, 2.9e-4), (128, 3.8e-3)]),
        // 240.5 binary digits apart: all that never leaves the powers.
        ("softmax/masked", (-78.0, 88.6875), &[(2, 1.4e-4), (7, 2.9e-4), (128, 3.8e-3)]),
        ("layernorm/scales", (-16.0, 16.0), &[(2, 3e-3), (3, 3e-3), (7, 3e-3), (128, 8e-3)]),
    ];
    for (name, range, lengths) in stated {
        for &(length, most) in lengths {
            let report = audit_rows(&frontier(built_in(name)), length, range).unwrap();
            println!("{}", line(&report));
            assert_ne!(report.method, Method::Box, "{name}: {:?}", report.not_reduced);
            let certified = report.certified_max_error.unwrap();
            assert!(report.observed_max_error <= certified && certified <= most, "{name}, {length}: {certified:e}");
            assert_eq!(report.verdict, ClaimVerdict::Holds, "{name}, {length}");
        }
    }
}

/// As far as the card of the softmax speaks of rows.
#[test]
fn a_softmax_over_a_level_keeps_its_claim_for_rows_of_512() {
    assert!(is_certified(&frontier(built_in("softmax/masked")), 512, (-16.0, 16.0)).unwrap());
}

/// The exponential of a number that is seen through another lies on its line, wherever within the slack it is.
#[test]
fn what_is_seen_of_an_exponential_is_within_its_line() {
    let mut random = Random(7);
    let mut part = || random.below(2001) as f64 / 1000.0 - 1.0;
    for _ in 0..20_000 {
        let view = View { rate: 0.7 + 0.2 * part(), constant: -3.0 * part(), slack: 1e-4 * (1.0 + part()) };
        let (centre, radius) = (100.0 * part() - 50.0, 0.05 * (1.0 + part()));
        let line = RowTruth::softmax_seen(view).weight(centre, radius);
        let (along, beside) = (part(), part());
        let truth = ((centre + along * radius) * view.rate + view.constant + beside * view.slack).exp();
        let rest = truth - line.centre - along * line.slope;
        let slack = truth * 1e-13;
        assert!(line.rest.low - slack <= rest && rest <= line.rest.high + slack, "{view:?} {centre} {radius}");
        let loose = line.centre * (radius * radius + 2.0 * view.slack) * 2.0;
        assert!(line.rest.width() <= 2.0 * loose + slack, "{line:?}");
    }
}

/// Where rows may leave what powers reach, the certificate is of those that do not, and says so.
#[test]
fn rows_that_leave_the_powers_are_not_covered() {
    let report = audit_rows(&frontier(built_in("softmax/masked")), 7, (-87.0, 88.6875)).unwrap();
    println!("{}", line(&report));
    // They are outside of the card, which holds.
    assert_eq!(report.verdict, ClaimVerdict::Holds);
    assert!(report.outside_card.is_some_and(|outside| outside.observed_error > 0.9));
    assert!(report.certified_max_error.is_some_and(|certified| certified < 3e-4));
    let left: Vec<&str> =
        report.covered.iter().filter(|claim| !claim.is_kept).map(|claim| claim.protocol.as_str()).collect();
    assert_eq!(left, ["softmax/masked"], "{:?}", report.covered);
    // Nor does a level mean anything where elements are beyond all of them.
    let question = Question { domain: Some((-300.0, 300.0)), ..frontier(built_in("max/histogram")) };
    let report = audit_rows(&question, 3, (-300.0, 300.0)).unwrap();
    assert_eq!((report.method, report.verdict), (Method::Level, ClaimVerdict::NotCovered));
    assert!(report.outside_card.is_some_and(|outside| outside.observed_error > 4.0));
}

/// Numbers at which levels and sectors change, on either side, and ends of a range.
fn borders((low, high): (f64, f64), per_bit: f64) -> Vec<f64> {
    let unit = 2f64.powi(-16);
    let near = |x: f64| [-2.0, -1.0, 0.0, 1.0].map(|by| x + by * unit);
    let multiples = (-64..64).map(|k| 2.0 * f64::from(k) / per_bit);
    let numbers = multiples.flat_map(near).chain([low, high, 0.0, unit, -unit, high - unit]);
    numbers.map(|x| (x / unit).round() * unit).filter(|x| (low..=high).contains(x)).collect()
}

/// No run on rows of border numbers leaves what is certified of all rows: of equal maxima, of one large element, of any mixture, and of random ones.
#[test]
fn no_row_at_a_border_leaves_its_certificate() {
    let per_bit = std::f64::consts::LOG2_E;
    for (name, range, per_bit) in [
        ("max/histogram", (-126.0, 127.98), 1.0),
        ("softmax/masked", (-78.0, 88.6875), per_bit),
        ("softmax/masked", (-4.0, 4.0), per_bit),
        ("layernorm/scales", (-2.0, 2.0), 1.0),
        ("layernorm/scales", (-0.0625, 0.0625), 1.0),
    ] {
        for length in [1, 2, 3, 7, 128] {
            let question = frontier(built_in(name));
            let Ok(certified) = certified_max_error(&question, length, range) else { continue };
            // Rows of one have no reduction but a level's.
            let Some(certified) = certified else {
                assert_eq!(length, 1, "{name}");
                continue;
            };
            let judge = Judge::new(&question, length).unwrap();
            let borders = borders(range, per_bit);
            let mut random = Random(length as u64 + 1);
            let rows: Vec<Vec<f64>> = (0..2048 / length.max(8))
                .map(|i| {
                    let top = borders[random.below(borders.len())];
                    let low = borders[random.below(borders.len())].min(top);
                    let element = |random: &mut Random, j: usize| match i % 4 {
                        0 => top,
                        1 => [top, low][usize::from(j > 0)],
                        2 => [top, low][random.below(2)],
                        _ => borders[random.below(borders.len())],
                    };
                    (0..length).map(|j| element(&mut random, j)).collect()
                })
                .filter(|row: &Vec<f64>| judge.is_inside(row))
                .collect();
            if rows.is_empty() {
                continue;
            }
            let largest = judge.largest_error(&question, &rows, 8).unwrap();
            println!("{name} {length} {range:?}: {} rows, {largest:e} <= {certified:e}", rows.len());
            assert!(largest <= certified, "{name} {length}: {largest:e} > {certified:e}");
        }
    }
}

/// A linear congruence (Knuth's MMIX), for rows.
struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % count
    }
}

fn card(truth: Truth, absolute: f64) -> Card {
    let mut card = built_in("softmax/masked").card.clone();
    card.error = ErrorClaim { absolute, relative: 0.0, truth };
    card.name = "softmax/mine".into();
    card.interval = PerRow::of(|_| Interval { low: -100.0, high: 100.0, of: "the elements".into() });
    card
}

fn protocol(card: Card, build: fn(&mut Circuit, Secret) -> Secret) -> Protocol {
    Protocol { card, build: Build::map(build), parts: None, file: None, family: None }
}

/// All rows of a fixed point with `fraction_bits` between two ends, the largest error of so many runs on each, and what is certified.
fn exhausted(protocol: &Protocol, fraction_bits: u8, length: u32, (low, high): (i32, i32), runs: u64) -> (f64, f64) {
    let question = Question { fixed: FixedPoint::new(fraction_bits).unwrap(), ..frontier(protocol) };
    let unit = 2f64.powi(-i32::from(fraction_bits));
    let range = (f64::from(low) * unit, f64::from(high) * unit);
    let certified = certified_max_error(&question, length as usize, range).unwrap().unwrap();
    let judge = Judge::new(&question, length as usize).unwrap();
    let count = (high - low + 1) as usize;
    let row = |i: usize| -> Vec<f64> {
        (0..length).map(|j| (f64::from(low) + (i / count.pow(j) % count) as f64) * unit).collect()
    };
    let rows: Vec<Vec<f64>> = (0..count.pow(length)).map(row).collect();
    let largest = rows.chunks(4096).map(|rows| judge.largest_error(&question, rows, runs).unwrap()).fold(0.0, f64::max);
    println!("rows of {length}: {}, {largest} <= {certified}", rows.len());
    (largest, certified)
}

/// All rows of up to three elements at eight levels, run: what is certified is attained to the last unit but one. (An element whose lower bits are all ones has
/// no carry to lose; the law of levels does not say so.)
#[test]
fn the_certificate_of_a_level_is_what_all_short_rows_show() {
    const LEVELS: Levels = Levels { index_bits: 3, step_exponent: 0 };
    let protocol = protocol(card(Truth::Max, 2.0), |c, x| c.level(x, LEVELS));
    for length in 1..=3 {
        // From -3, which is a step above the lowest level, to a unit below 4.
        let (largest, certified) = exhausted(&protocol, 2, length, (-12, 15), 8);
        assert_eq!((largest, certified), (1.5, 1.75), "rows of {length}");
    }
}

/// A softmax over a level as `softmax/masked` takes it, `offset` below which its exponents are.
fn over_level(c: &mut Circuit, x: Secret, offset: f64) -> Secret {
    let bits = c.scale(x, std::f64::consts::LOG2_E);
    let level = c.level(bits, Levels { index_bits: 5, step_exponent: 1 });
    let difference = c.sub(bits, level);
    let exponent = c.offset(difference, -offset);
    let powers = c.power(exponent, Sectors { modulus_bits: 6, sector_bits: 2 }, c.guard_bits(x) + 4);
    let sum = c.sum(powers, c.last_axis(x));
    let inverse = viewless_protocols::nonlinear::reciprocal::normalized::over(c, sum, -5, 2);
    c.mul_to(powers, inverse, c.guard_bits(x))
}

/// All rows of two on a coarse fixed point, run: the certificate encloses the largest error, and is not much larger.
#[test]
fn the_certificate_of_a_softmax_over_a_level_encloses_what_all_rows_of_two_show() {
    let protocol = protocol(card(Truth::Softmax, 0.1), |c, x| over_level(c, x, 4.0));
    let (largest, certified) = exhausted(&protocol, 8, 2, (-128, 128), 8);
    assert!(largest <= certified && certified <= 4.0 * largest, "{largest:e} {certified:e}");
}

/// Exponents that are lowered by one less than two steps may be above zero, where a power is nonsense: a run shows it, and nothing useful is certified.
#[test]
fn an_offset_that_is_one_too_small_has_no_certificate() {
    let protocol = protocol(card(Truth::Softmax, 0.1), |c, x| over_level(c, x, 3.0));
    let report = audit_rows(&frontier(&protocol), 4, (-8.0, 8.0)).unwrap();
    println!("{}", line(&report));
    assert!(report.observed_max_error > 0.1, "{:e}", report.observed_max_error);
    assert!(report.certified_max_error.is_none_or(|certified| certified >= report.observed_max_error));
}

const LEVELS: Levels = Levels { index_bits: 5, step_exponent: 1 };

/// A sum over some elements of powers of what elements are above a level of some.
fn softmax(c: &mut Circuit, x: Secret, leveled: fn(&mut Circuit, Secret) -> Secret, summed: &[usize]) -> Secret {
    let bits = c.scale(x, std::f64::consts::LOG2_E);
    let leveled = leveled(c, bits);
    let level = c.level(leveled, LEVELS);
    let difference = c.sub(bits, level);
    let exponent = c.offset(difference, -4.0);
    let powers = c.power(exponent, Sectors { modulus_bits: 6, sector_bits: 2 }, 4);
    let parts: Vec<Secret> = summed.iter().map(|&i| c.slice(powers, 1, i, 1)).collect();
    let terms = c.concat(&parts, 1);
    let sum = c.sum(terms, 1);
    let factor = c.scale(sum, 0.5);
    c.mul_to(powers, factor, 0)
}

#[test]
fn a_softmax_over_a_level_is_reduced_and_one_with_a_wrong_level_or_sum_is_not() {
    let Reduced::Normalised(found) = reduced(|c, x| softmax(c, x, |_, x| x, &[0, 1, 2, 3, 4])).unwrap() else {
        panic!()
    };
    assert!(matches!(found.shift, Shift::Level { levels: LEVELS, factor: Some(std::f64::consts::LOG2_E), .. }));
    // An element left out of the level, one twice, and the level of other numbers.
    let without = reduced(|c, x| softmax(c, x, |c, x| c.slice(x, 1, 0, 4), &[0, 1, 2, 3, 4]));
    let twice = reduced(|c, x| {
        let leveled = |c: &mut Circuit, x: Secret| {
            let (first, rest) = (c.slice(x, 1, 0, 1), c.slice(x, 1, 0, 4));
            c.concat(&[first, rest], 1)
        };
        softmax(c, x, leveled, &[0, 1, 2, 3, 4])
    });
    let of_others = reduced(|c, x| softmax(c, x, |c, x| c.scale(x, 0.5), &[0, 1, 2, 3, 4]));
    // A sum that lacks an element, and one that has an element twice.
    let lacking = reduced(|c, x| softmax(c, x, |_, x| x, &[0, 1, 2, 3]));
    let doubled = reduced(|c, x| softmax(c, x, |_, x| x, &[0, 1, 2, 3, 3]));
    for broken in [without, twice, of_others, lacking, doubled] {
        println!("{}", broken.unwrap_err());
    }
    assert!(matches!(reduced(|c, x| c.level(x, LEVELS)), Ok(Reduced::Level(LEVELS, _))));
    assert!(
        reduced(|c, x| {
            let part = c.slice(x, 1, 1, 4);
            c.level(part, LEVELS)
        })
        .is_err()
    );
}

/// n x less the sum, squares and their sum, and a factor for each column that is made of the sum.
fn normalised(c: &mut Circuit, x: Secret, factor: f64, gamma: &[f64; 5], late: bool) -> Secret {
    let times = c.scale(x, factor);
    let sum = c.sum(x, 1);
    let centred = c.sub(times, sum);
    let centred = c.shift(centred, -3);
    let centred = c.precision(centred, 0);
    let squares = c.square_to(centred, 16);
    let gamma = c.constant(gamma, [5], 0);
    if late {
        let sum = c.sum(squares, 1);
        let factor = c.mul_to(sum, gamma, 0);
        return c.mul_to(centred, factor, 0);
    }
    // Summed after each column has a factor of its own.
    let public = c.constant(&[0.3], [1], 0);
    let factor = c.mul_to(public, gamma, 0);
    let scaled = c.mul_to(squares, factor, 16);
    let sum = c.sum(scaled, 1);
    c.mul_to(centred, sum, 0)
}

#[test]
fn twins_are_factors_of_the_output_and_nothing_else() {
    let alike = [1.25; 5];
    let Reduced::Normalised(found) = reduced(|c, x| normalised(c, x, 5.0, &alike, true)).unwrap() else { panic!() };
    assert_eq!((found.shift, found.factors), (Shift::Centred { factor: 0.625 }, 1));
    let uneven = reduced(|c, x| normalised(c, x, 5.0, &[1.25, 1.25, 1.25, 1.25, 1.5], true));
    assert!(uneven.unwrap_err().why.contains("treated differently"));
    assert!(reduced(|c, x| normalised(c, x, 4.0, &alike, true)).is_err(), "n - 1 times the element is not centred");
    let summed = reduced(|c, x| normalised(c, x, 5.0, &alike, false));
    assert!(summed.unwrap_err().why.contains("a number of their own"));
    let shifted = reduced(|c, x| {
        let mean = c.mean(x, 1);
        let gamma = c.constant(&alike, [5], 0);
        let means = c.mul_to(mean, gamma, 0);
        let centred = c.sub(x, means);
        let squares = c.square(centred);
        let sum = c.sum(squares, 1);
        c.mul_to(centred, sum, 0)
    });
    assert!(shifted.unwrap_err().why.contains("a number of their own"));
}

/// Forgetting by how much sums are off is caught by runs.
#[test]
fn a_wrong_reduction_of_a_level_falls_below_what_runs_show() {
    let question = frontier(built_in("softmax/masked"));
    let (length, claim) = (512, question.protocol.card.error);
    let judge = Judge::new(&question, length).unwrap();
    let tape = judge.ring().tape();
    let Ok(Reduced::Normalised(normalised)) = reduce(tape, "x", &[]) else { panic!() };
    let problem = Problem { tape, normalised: &normalised, question: &question, length };
    let elements: Cell = crate::audit::cell(-16.0, 16.0, question.fixed).unwrap();
    let mut prepared = problem.prepare(elements).unwrap().unwrap();
    let right = prepared.conclude(&claim).error;
    prepared.ring.curve.forget_gaps();
    let wrong = prepared.conclude(&claim).error;
    let report = audit_rows(&question, length, (-16.0, 16.0)).unwrap();
    println!("{wrong:e} < {:e} <= {right:e}", report.observed_max_error);
    assert!(report.observed_max_error <= right && wrong < report.observed_max_error);
}

/// A layer normalisation times 2^20, for which no ring of a narrow suite is planned: nothing is known of a centred row.
fn large(c: &mut Circuit, inputs: LayerNormInputs) -> Secret {
    let y = viewless_protocols::nonlinear::layernorm::normalized::build(c, inputs);
    c.scale(y, 1_048_576.0)
}

/// Rings that are planned for what claims leave are judged by what the reduction knows: certificates are those of whole words, and runs keep them; a result that
/// leaves its ring has none.
#[test]
fn rows_in_narrow_rings_have_the_certificates_of_whole_words_as_long_as_they_stay_in_them() {
    let under = |suite: &str, protocol: &Protocol, range: (f64, f64)| {
        let suite = Suite::built_in(suite).unwrap();
        let question = Question { scheme: suite.scheme, fixed: suite.fixed(), ..Question::new(protocol) };
        audit_rows(&question, 16, range).unwrap()
    };
    for (name, range) in [("softmax/exp", (-16.0, 16.0)), ("layernorm/normalized", (-16.0, 16.0))] {
        let [whole, narrow] = ["faithful", "faithful-narrow"].map(|suite| under(suite, built_in(name), range));
        println!("{}\n{}", line(&whole), line(&narrow));
        assert_eq!((narrow.method, narrow.verdict), (Method::RowsReduced, ClaimVerdict::Holds), "{name}");
        assert_eq!(narrow.certified_max_error, whole.certified_max_error, "{name}");
        assert!(narrow.observed_max_error <= narrow.certified_max_error.unwrap(), "{name}");
    }
    let mut card = card(Truth::LayerNorm, 1e7);
    card.interval = built_in("layernorm/normalized").card.interval.clone();
    let protocol = Protocol { card, build: Build::layer_norm(large), parts: None, file: None, family: None };
    let [whole, narrow] = ["faithful", "faithful-narrow"].map(|suite| under(suite, &protocol, (-4.0, 4.0)));
    println!("{}\n{}", line(&whole), line(&narrow));
    assert!(whole.certified_max_error.is_some() && narrow.certified_max_error.is_none());
}
