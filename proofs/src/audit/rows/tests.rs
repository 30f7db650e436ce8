//! Claims about the audits of the registry's protocols of rows.

use super::certify::Problem;
use super::*;
use crate::audit::function_of;
use crate::bound::Cell;
use crate::bound::reduce::{Reduced, reduce};
use std::sync::Arc;
use viewless_protocols::fixed::FixedPoint;
use viewless_protocols::nonlinear::{Build, Card, ErrorClaim, Interval, PerRow, Registry, Truth};
use viewless_protocols::scheme::Truncation;

fn of_rows() -> impl Iterator<Item = &'static Arc<Protocol>> {
    Registry::built_in().iter().filter(|protocol| function_of(protocol.card.error.truth).is_none())
}

fn question(name: &str, truncation: Truncation) -> Question<'static> {
    let mut question = Question::new(Registry::built_in().get(name).unwrap());
    question.scheme.truncation = truncation;
    question
}

/// A range in which many rows lie in a protocol's domain.
fn range(name: &str) -> (f64, f64) {
    match name {
        "softmax/2quad-code" | "softmax/2quad-code-13" => (-5.4, -4.6),
        "softmax/2quad" => (-3.0, 3.0),
        "softmax/2quad-mpcformer" => (-8.0, -2.0),
        "softmax/puma-as-in-secformer-code" => (0.0, 1.0),
        "softmax/shaft" => (-4.0, 12.0),
        "layernorm/batchnorm-as-benchmarked" => (-1.0, 1.0),
        "layernorm/secformer-code" | "layernorm/secformer-code-8" => (-3.0, 3.0),
        name if name.starts_with("layernorm/") => (-20.0, 20.0),
        _ => (-8.0, 8.0),
    }
}

/// How far found and certified may be apart: further where the low end of a domain has few units, so that all roundings of one row never come
/// together as the bound must fear. Of a centred row that is cut off instead of divided each element may be off by a unit, which also its square is
/// in proportion; in a row that is known, by what its own fraction leaves, which is half a unit for most.
fn ratio(name: &str) -> f64 {
    match name {
        "layernorm/scales" => 3.0,
        "softmax/2quad-scales" => 6.0,
        "layernorm/puma" | "layernorm/normalized-wide" => 1.6,
        _ => 1.3,
    }
}

/// Protocols whose elements meet in sums and maxima alone. Of the others each row is one circuit of all its elements, and a search over long rows
/// takes minutes.
fn is_reduced(protocol: &Protocol) -> bool {
    let question = question(&protocol.card.name, Truncation::Exact);
    let judge = Judge::new(&question, 8).unwrap();
    reduce(judge.ring().tape(), "x", &[("gamma", 1.0), ("beta", 0.0)]).is_ok()
}

/// What is known of rows, in a line to be read.
pub(super) fn line(report: &RowReport) -> String {
    format!(
        "{:22} n = {:4} {:?}: observed {:.3e} <= found {:.3e} <= certified {:.3e} (ratio {:.2}); reals {:.3e}, of the claim {:.3} to {:.3}: {:?}; sums {:?}; {} cells {:.2} s, search {:.2} s",
        report.protocol,
        report.row_length,
        report.method,
        report.observed_on_worst_row,
        report.certified_on_worst_row,
        report.certified_max_error.unwrap_or(f64::INFINITY),
        report.ratio.unwrap_or(f64::INFINITY),
        report.approximation_max_error.unwrap_or(f64::INFINITY),
        report.refuting_of_claim,
        report.approximation_of_claim.unwrap_or(f64::INFINITY),
        report.verdict,
        report.row_sums,
        report.cells,
        report.seconds_certified,
        report.seconds_searched,
    )
}

/// observed <= found <= certified, no further apart than `ratio`, and the claim decided in its favour.
fn is_a_bracket(report: &RowReport, ratio: f64) {
    println!("{}", line(report));
    let name = &report.protocol;
    let certified = report.certified_max_error.unwrap_or(f64::INFINITY);
    assert!(report.observed_on_worst_row <= report.certified_on_worst_row, "{name}");
    assert!(report.certified_on_worst_row <= certified, "{name}");
    if report.method == Method::Box {
        return;
    }
    assert!(report.ratio.is_some_and(|found| found <= ratio), "{name}: {:?} {:?}", report.ratio, report.not_reduced);
    assert_eq!(report.verdict, ClaimVerdict::Holds, "{name}");
    assert!(report.approximation_of_claim.is_some_and(|bound| report.refuting_of_claim <= bound), "{name}");
}

#[test]
fn every_protocol_of_rows_has_a_bracket() {
    for protocol in of_rows() {
        for truncation in [Truncation::Exact, Truncation::Local] {
            let name = &protocol.card.name;
            is_a_bracket(&audit_rows(&question(name, truncation), 8, range(name)).unwrap(), ratio(name));
        }
    }
}

#[test]
fn every_protocol_of_rows_has_a_bracket_for_rows_of_128() {
    for protocol in of_rows().filter(|protocol| is_reduced(protocol)) {
        let name = &protocol.card.name;
        is_a_bracket(&audit_rows(&question(name, Truncation::Exact), 128, range(name)).unwrap(), ratio(name));
    }
}

/// Elements of 3,000 as well as of a few hundred units. What a row of small variance loses to rounding is much of the bound: the tiny range.
#[test]
fn the_wide_layer_normalisation_has_a_bracket_over_ranges_from_tiny_to_massive() {
    let name = "layernorm/normalized-wide";
    for (length, range, most) in [(8, (-0.0625, 0.0625), 0.01), (8, (-4000.0, 4000.0), 0.2), (128, (-20.0, 20.0), 0.2)]
    {
        let report = audit_rows(&question(name, Truncation::Exact), length, range).unwrap();
        println!("{}", line(&report));
        let certified = report.certified_max_error.unwrap();
        assert!(report.observed_on_worst_row <= report.certified_on_worst_row, "{range:?}");
        assert!(report.certified_on_worst_row <= certified && certified < most, "{range:?} {certified}");
        assert_eq!(report.verdict, ClaimVerdict::Holds, "{range:?}");
    }
}

/// Half a minute: rows of 512 one by one are what takes the time.
#[test]
#[ignore = "the search over rows of 512 elements takes half a minute"]
fn every_protocol_of_rows_has_a_bracket_for_rows_of_512() {
    for protocol in of_rows().filter(|protocol| is_reduced(protocol)) {
        let name = &protocol.card.name;
        is_a_bracket(&audit_rows(&question(name, Truncation::Exact), 512, range(name)).unwrap(), ratio(name));
    }
}

fn prepared<T>(name: &str, length: usize, range: (f64, f64), then: impl Fn(&Problem<'_>, Cell) -> T) -> T {
    let question = question(name, Truncation::Exact);
    let judge = Judge::new(&question, length).unwrap();
    let Reduced::Normalised(normalised) = reduce(judge.ring().tape(), "x", &[("gamma", 1.0), ("beta", 0.0)]).unwrap()
    else {
        panic!("{name} is a maximum")
    };
    let elements = crate::audit::cell(range.0, range.1, question.fixed).unwrap();
    let tape = judge.ring().tape();
    then(&Problem { tape, normalised: &normalised, question: &question, length }, elements)
}

/// A reduction that forgets by how much the protocol's row sum differs from the truth's is caught by the first bad row.
#[test]
fn a_wrong_reduction_falls_below_what_runs_show() {
    let (name, length) = ("softmax/exp", 16);
    let honest = audit_rows(&question(name, Truncation::Exact), length, range(name)).unwrap();
    let claim = Registry::built_in().get(name).unwrap().card.error;
    let [right, wrong] = prepared(name, length, range(name), |problem, elements| {
        let mut prepared = problem.prepare(elements).unwrap().unwrap();
        let right = prepared.conclude(&claim).error;
        prepared.ring.curve.forget_gaps();
        [right, prepared.conclude(&claim).error]
    });
    assert_eq!(Some(right), honest.certified_max_error);
    assert!(honest.observed_on_worst_row <= right);
    assert!(wrong < 0.5 * honest.observed_on_worst_row, "{wrong}");
}

/// No random row of the domain has a larger bound of its own, nor any of its runs a larger error, than all rows have.
#[test]
fn random_rows_lie_below_the_bound_of_all_rows() {
    for name in ["softmax/exp", "softmax/2quad", "layernorm/goldschmidt"] {
        let question = question(name, Truncation::Local);
        let (length, (low, high)) = (11, range(name));
        let report = audit_rows(&question, length, (low, high)).unwrap();
        let certified = report.certified_max_error.unwrap();
        let judge = Judge::new(&question, length).unwrap();
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let numbers = proptest::collection::vec(low..high, length);
        runner
            .run(&numbers, |row| {
                let row: Vec<f64> = row.iter().map(|x| (x * 65536.0).round() / 65536.0).collect();
                if let Some(error) = judge.judge_one(&row) {
                    let observed = judge.run(&question, &row).unwrap();
                    proptest::prop_assert!(
                        observed <= certified && error <= certified * (1.0 + 1e-9),
                        "{} {}",
                        observed,
                        error
                    );
                }
                Ok(())
            })
            .unwrap();
    }
}

/// All rows of two on a coarse fixed point, run: the bracket encloses the largest error, and is not much larger.
#[test]
fn the_bracket_encloses_what_all_rows_of_a_coarse_fixed_point_show() {
    for (name, fraction_bits, range, factor) in
        [("softmax/exp", 8, (-1.5, 0.0), 1.5), ("softmax/2quad", 8, (-3.0, -2.0), 3.0)]
    {
        let mut question = question(name, Truncation::Exact);
        question.fixed = FixedPoint::new(fraction_bits).unwrap();
        let report = audit_rows(&question, 2, range).unwrap();
        let judge = Judge::new(&question, 2).unwrap();
        let elements = crate::audit::cell(range.0, range.1, question.fixed).unwrap();
        let numbers: Vec<f64> =
            (elements.low..=elements.high).map(|x| x as f64 / f64::from(1 << fraction_bits)).collect();
        let rows: Vec<Vec<f64>> = numbers
            .iter()
            .flat_map(|&a| numbers.iter().map(move |&b| vec![a, b]))
            .filter(|row| judge.is_inside(row))
            .collect();
        let largest = judge.largest_error(&question, &rows, 4).unwrap();
        let certified = report.certified_max_error.unwrap();
        println!("{name}: {} rows, {largest:e} <= {certified:e}", rows.len());
        assert!(report.observed_on_worst_row <= largest * 1.5 && largest <= certified);
        assert!(certified <= factor * largest, "{name}");
    }
}

fn claiming(card: &Card, absolute: f64, relative: f64) -> Card {
    let mut card = card.clone();
    (card.error.absolute, card.error.relative) = (absolute, relative);
    card
}

/// Half the true error is refuted, by a row.
#[test]
fn a_claim_of_half_the_error_is_refuted_by_a_row() {
    for protocol in of_rows().filter(|protocol| protocol.card.error.truth != Truth::Max) {
        let name = &protocol.card.name;
        let report = audit_rows(&question(name, Truncation::Exact), 8, range(name)).unwrap();
        let true_part = report.refuting_of_claim;
        if true_part < 1e-3 {
            // Far from the ends of its domain an iteration has no error over the reals to speak of.
            continue;
        }
        let ErrorClaim { absolute, relative, .. } = protocol.card.error;
        let card = claiming(&protocol.card, absolute * true_part / 2.0, relative * true_part / 2.0);
        let proud = Protocol { card, build: protocol.build.clone(), parts: None, file: None, family: None };
        let report =
            audit_rows(&Question { protocol: &proud, ..question(name, Truncation::Exact) }, 8, range(name)).unwrap();
        println!("{}", line(&report));
        assert_eq!((report.verdict, report.refuting_row.len()), (ClaimVerdict::Exceeds, 8), "{name}");
        assert!(report.refuting_of_claim > 1.9, "{name}: {}", report.refuting_of_claim);
    }
}

/// The longer the row, the more its largest element gains: an error of 2e-3, as was claimed once, is refuted at 8 elements, and sixfold
/// at 128.
#[test]
fn an_error_that_grows_with_the_row_is_found_at_every_length() {
    let softmax = Registry::built_in().get("softmax/exp").unwrap();
    let proud = Protocol {
        card: claiming(&softmax.card, 2e-3, 0.0),
        build: softmax.build.clone(),
        parts: None,
        file: None,
        family: None,
    };
    for (length, times) in [(8, 1.7), (128, 6.6)] {
        let question = Question { protocol: &proud, ..question("softmax/exp", Truncation::Exact) };
        let report = audit_rows(&question, length, (-8.0, 8.0)).unwrap();
        assert_eq!(report.verdict, ClaimVerdict::Exceeds);
        assert!(report.refuting_of_claim > times, "{length}: {}", report.refuting_of_claim);
        assert!(report.approximation_of_claim.is_some_and(|bound| bound < 1.03 * report.refuting_of_claim));
    }
}

/// Elements that meet otherwise than in sums and maxima have no reduction; the box says what it can, and that it is a box.
#[test]
fn what_is_not_reduced_is_bounded_as_a_box_and_says_so() {
    fn twice(c: &mut Circuit, x: viewless_protocols::circuit::Secret) -> viewless_protocols::circuit::Secret {
        let first = viewless_protocols::nonlinear::softmax::two_quad::PROTOCOL.build(c, x);
        let axis = c.last_axis(x);
        let sum = c.sum(first, axis);
        c.mul(first, sum)
    }
    let card = Registry::built_in().get("softmax/2quad").unwrap().card.clone();
    let protocol = Protocol { card, build: Build::map(twice), parts: None, file: None, family: None };
    let question = Question { protocol: &protocol, ..question("softmax/2quad", Truncation::Exact) };
    let report = audit_rows(&question, 4, (-0.5, 0.5)).unwrap();
    println!("{} {:?}", line(&report), report.not_reduced);
    assert_eq!(report.method, Method::Box);
    assert!(report.not_reduced.is_some() && report.verdict == ClaimVerdict::Undecided);
    assert!(report.certified_on_worst_row <= report.certified_max_error.unwrap());
}

#[test]
fn a_report_of_rows_is_the_same_after_a_round_trip() {
    let report = audit_rows(&question("softmax/2quad", Truncation::Exact), 4, (-3.0, 3.0)).unwrap();
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((&json["verdict"], &json["method"]), (&"holds".into(), &"rows-reduced".into()));
    assert_eq!(serde_json::from_value::<RowReport>(json).unwrap(), report);
}

/// A protocol's parts claim no less than its card: every row that keeps the card's domain is covered, and shorter intervals would be refused.
#[test]
fn no_card_of_rows_is_wider_than_the_parts_of_its_protocol() {
    let normalised = |protocol: &&Arc<Protocol>| protocol.card.error.truth != Truth::Max && is_reduced(protocol);
    for protocol in of_rows().filter(normalised) {
        let name: &str = &protocol.card.name;
        for length in [8, 128, 512] {
            // The whole range that models have, where rows lie that the card claims nothing for.
            for range in [range(name), (-16.0, 16.0)] {
                let covered = prepared(name, length, range, |problem, elements| {
                    problem.prepare(elements).map(|prepared| prepared.unwrap().covered().to_vec())
                });
                let covered = match covered {
                    Ok(covered) => covered,
                    Err(AuditError::NoRow { .. }) => continue,
                    Err(error) => panic!("{name}, {length}: {error}"),
                };
                let wider: Vec<&CoveredClaim> =
                    covered.iter().filter(|claim| !claim.of_card && !claim.is_kept).collect();
                assert!(wider.is_empty(), "{name}, rows of {length} in {range:?}: {wider:?}");
            }
        }
    }
}

/// As the card of `softmax/puma-as-in-secformer-code` once was: elements in [0, 1] and nothing about the sum that a part divides by. The row of 128 ones
/// errs by thousands to hundreds of millions in some of its runs, and once "every run on every row" was certified to 1.28.
#[test]
fn a_card_that_is_wider_than_a_part_is_not_covered_and_its_bad_row_is_shown() {
    let puma = Registry::built_in().get("softmax/puma-as-in-secformer-code").unwrap();
    let mut wide = Protocol::clone(puma);
    wide.card.interval = PerRow::of(|_| Interval { low: 0.0, high: 1.0, of: "the elements".into() });
    let asked = question("softmax/puma-as-in-secformer-code", Truncation::Exact);
    let question = Question { protocol: &wide, ..asked };
    let report = audit_rows(&question, 128, (0.0, 1.0)).unwrap();
    println!(
        "{} {:?} {:?}",
        line(&report),
        report.covered,
        report.not_covered.as_ref().map(|not| (not.rows, not.observed_error))
    );
    assert_eq!(report.verdict, ClaimVerdict::NotCovered);
    let left: Vec<&str> =
        report.covered.iter().filter(|claim| !claim.is_kept).map(|claim| claim.protocol.as_str()).collect();
    assert_eq!(left, ["softmax/puma-as-in-secformer-code/reciprocal/newton-signed"]);
    assert!(report.not_covered.is_some_and(|not| not.rows > 0));
    let judge = Judge::new(&question, 128).unwrap();
    assert_eq!(judge.position(&[1.0; 128]), super::judge::Position::LeavesPart);
    let ones = judge.largest_error(&question, &vec![vec![1.0; 128]; 128], 8).unwrap();
    println!("128 ones: {ones:e}");
    assert!(ones > 100.0, "a hundred times what was certified, and more");
    // As the card is now, the row is outside: nothing is claimed for it.
    let judge = Judge::new(&asked, 128).unwrap();
    assert_eq!(judge.position(&[1.0; 128]), super::judge::Position::LeavesCard);
    let asked = Question { domain: Some((0.0, 1.0)), ..asked };
    let report = audit_rows(&asked, 128, (0.0, 1.0)).unwrap();
    assert_eq!(report.verdict, ClaimVerdict::NotCovered, "a range that was asked for is not all covered");
    assert!(report.outside_card.is_some_and(|outside| outside.rows > 0));
}

/// What runs on simple rows show, at lengths and truncations at which one worst certified row showed next to nothing.
#[test]
fn runs_on_simple_rows_find_the_errors_that_rows_have() {
    for (name, length, least) in
        [("softmax/bolt", 128, 1.17e-3), ("softmax/puma", 256, 0.136), ("softmax/crypten", 512, 2.09e-2)]
    {
        let report = audit_rows(&question(name, Truncation::Exact), length, (-16.0, 16.0)).unwrap();
        println!("{}", line(&report));
        for kind in &report.observed_by_kind {
            println!("    {:16} {:4} rows {:.4e}", kind.kind, kind.rows, kind.observed_error);
        }
        assert!(report.observed_max_error >= least, "{name}: {:e}", report.observed_max_error);
        assert!(
            report.certified_max_error.is_none_or(|certified| report.observed_max_error <= certified * (1.0 + 1e-9))
        );
    }
}

/// What has no reduction and no bound has an answer all the same.
#[test]
fn shaft_s_iteration_ends_undecided() {
    let report = audit_rows(&question("softmax/shaft", Truncation::Exact), 128, (-4.0, 12.0)).unwrap();
    println!("{}", line(&report));
    assert_eq!(report.method, Method::Box);
    assert!(matches!(report.verdict, ClaimVerdict::Undecided | ClaimVerdict::Exceeds));
    assert!(report.observed_max_error > 0.13);
}

/// Long rows take minutes: from the beginning something is told, and every stage to its end.
#[test]
fn an_audit_of_rows_tells_what_it_does_from_beginning_to_end() {
    let told = std::cell::RefCell::new(Vec::new());
    let tell = |stage: Stage, done: usize, of: usize| told.borrow_mut().push((stage.words(), done, of));
    audit_rows_with_progress(&question("softmax/2quad", Truncation::Exact), 16, (-3.0, 3.0), &tell).unwrap();
    let told = told.into_inner();
    assert_eq!(told[0], (Stage::Certify.words(), 0, 1));
    for stage in [Stage::Certify, Stage::Run, Stage::Bound] {
        let of: Vec<_> = told.iter().filter(|(words, ..)| *words == stage.words()).collect();
        assert!(of.len() >= 2 && of.iter().all(|(_, done, of)| done <= of), "{}", stage.words());
    }
}
