//! Claims about the audits of the registry's protocols.

use super::number::circuit_of;
use super::*;
use crate::bound::{Arithmetic, Interpreter, Tape, TapeClaim, TapeOutput};
use crate::reference::RealFunction;
use std::sync::Arc;
use viewless_protocols::nonlinear::{self, Function as Computed, Protocol};
use viewless_protocols::nonlinear::{Build, Card};
use viewless_protocols::scheme::{Comparison, Truncation};

fn elementwise() -> impl Iterator<Item = &'static Arc<Protocol>> {
    nonlinear::Registry::built_in().iter().filter(|protocol| function_of(protocol.card.error.truth).is_some())
}

fn built_in(name: &str) -> &'static Protocol {
    nonlinear::Registry::built_in().get(name).unwrap()
}

/// SecFormer's own setting.
fn secformer(low: f64, high: f64) -> Question<'static> {
    let mut question = Question { domain: Some((low, high)), ..Question::new(built_in("gelu/secformer")) };
    question.scheme.comparison = Comparison::Spk;
    question
}

/// The bracket, and how wide it may be: randomness that is worst in every truncation at once is not seen in a sample of this size.
#[test]
fn every_elementwise_protocol_has_a_bracket_and_keeps_its_claim() {
    for protocol in elementwise() {
        for truncation in [Truncation::Exact, Truncation::Local] {
            let mut question = Question { samples: 1 << 15, ..Question::new(protocol) };
            question.scheme.truncation = truncation;
            let report = audit(&question).unwrap();
            let certified = report.certified_max_error.unwrap();
            println!(
                "{:22} {truncation:?}: observed {:.4e}, certified {certified:.4e} at {}, approximation {:.4e} at {}, {:.4} of the claim, excess \
                 {:.1} ulp, failure {:.1e}, {:.2} s",
                report.protocol,
                report.observed_max_error,
                report.certified_at,
                report.approximation_max_error,
                report.approximation_at,
                report.approximation_of_claim,
                report.certified_excess_ulp.unwrap(),
                report.failure_probability_per_element.unwrap(),
                report.seconds_certified,
            );
            assert!(report.observed_max_error <= certified, "{}", report.protocol);
            // What an exact protocol is certified to err by is what bounds in double precision lose: far below a unit.
            let lost = 0.01 * viewless_protocols::fixed::power_of_two(-i32::from(question.fixed.fraction_bits()));
            assert!(certified <= (5.0 * report.observed_max_error).max(lost), "{}", report.protocol);
            assert_eq!(report.verdict, ClaimVerdict::Holds, "{}", report.protocol);
            assert_eq!(report.findings, [], "{}", report.protocol);
            let circuit = circuit_of(protocol, 1).unwrap();
            let program = viewless_protocols::scheme::compile(&circuit, &question.scheme, question.fixed).unwrap();
            let local = |claim: &viewless_protocols::program::Claim| {
                matches!(claim.kind, viewless_protocols::program::ClaimKind::LocalTruncation { .. })
            };
            assert_eq!(report.failure_probability_per_element != Some(0.0), program.claims.iter().any(local));
        }
    }
}

#[test]
fn the_error_of_secformer_s_gelu_is_found_over_every_input() {
    let report = audit(&secformer(-8.0, 8.0)).unwrap();
    println!("{} s certified, {} s observed", report.seconds_certified, report.seconds_observed);
    assert_eq!((report.inputs, report.executed, report.exhaustive), ((1 << 20) + 1, 1 << 20 | 1, true));
    let certified = report.certified_max_error.unwrap();
    assert!(report.observed_max_error <= certified && certified <= 1.01 * report.observed_max_error);
    assert!((report.approximation_max_error - 1.9485e-2).abs() < 5e-7);
    assert!((report.approximation_at.abs() - 2.4042).abs() < 1e-4);
    assert_eq!(report.verdict, ClaimVerdict::Holds);
    assert!(report.max_jump > 1.9e-2, "the segments do not meet");
    let misprinted: Vec<&str> =
        report.coefficients.iter().filter(|of| !of.printed_is_exact).map(|of| of.name.as_str()).collect();
    assert_eq!((report.coefficients.len(), misprinted), (7, vec!["beta_7"]));
}

/// `gelu/secformer` with the coefficients of the paper, the seventh with two digits exchanged.
fn with_printed_coefficients(
    c: &mut viewless_protocols::circuit::Circuit,
    x: viewless_protocols::circuit::Secret,
) -> viewless_protocols::circuit::Secret {
    let sines = vec![1.25772, -0.0299154, 0.382155, -0.0519123, 0.196033, -0.0624557, 0.118029];
    piecewise(c, x, nonlinear::gelu::secformer::THRESHOLD, sines)
}

/// Algorithm 1 with other thresholds and coefficients.
fn piecewise(
    c: &mut viewless_protocols::circuit::Circuit,
    x: viewless_protocols::circuit::Secret,
    threshold: f64,
    sines: Vec<f64>,
) -> viewless_protocols::circuit::Secret {
    let (c0, c1) = (c.less_than(x, -threshold), c.less_than(x, threshold));
    let (z0, below) = (c.real(c0, -8), c.real(c1, -8));
    let z1 = c.sub(below, z0);
    let z2 = c.subtract_from(1.0, below);
    let f = c.fourier(x, viewless_protocols::circuit::Series { sines, ..nonlinear::gelu::secformer::series() });
    let inside = c.mul_to(z1, f, 0);
    let outside = c.sub(z2, z0);
    let outside = c.precision(outside, 0);
    let erf = c.add(inside, outside);
    let factor = c.offset(erf, 1.0);
    let twice = c.mul(x, factor);
    c.shift(twice, -1)
}

/// SecFormer, Table 4: mean errors 0.000998, 0.005008, 0.002504. They are those of the printed coefficients; with the exact seventh
/// one the first is 0.001007.
#[test]
fn the_mean_errors_of_the_paper_s_table_are_reproduced_by_runs_with_the_printed_coefficients() {
    let card = built_in("gelu/secformer").card.clone();
    let as_printed =
        Protocol { card, build: Build::map(with_printed_coefficients), parts: None, file: None, family: None };
    for (bound, printed) in [(1.0, 0.000998), (5.0, 0.005008), (10.0, 0.002504)] {
        let question = Question { domain: Some((-bound, bound)), samples: 1 << 21, ..Question::new(&as_printed) };
        let report = audit(&question).unwrap();
        assert!(report.exhaustive);
        assert!((report.mean_error - printed).abs() < 1e-6, "{bound}: {}", report.mean_error);
    }
    let exact = audit(&Question { domain: Some((-1.0, 1.0)), ..Question::new(built_in("gelu/secformer")) }).unwrap();
    assert!((exact.mean_error - 0.001007).abs() < 1e-6);
}

#[test]
fn the_tanh_form_of_gelu_is_another_truth() {
    let question = Question { samples: 1 << 12, ..Question::new(built_in("gelu/cosine")) };
    let erf = audit(&question).unwrap();
    let tanh = audit(&Question { reference: Some(RealFunction::GeluTanh), ..question }).unwrap();
    assert_eq!((erf.verdict, tanh.verdict), (ClaimVerdict::Holds, ClaimVerdict::Exceeds));
    assert!((4.0e-4..5.5e-4).contains(&tanh.approximation_max_error));
    assert_eq!((erf.reference.as_str(), tanh.reference.as_str()), ("gelu (erf), 256-bit", "gelu (tanh), 256-bit"));
}

#[test]
fn what_cannot_be_audited_is_refused_with_what_to_change() {
    let at = |name: &str, domain| audit(&Question { domain, ..Question::new(built_in(name)) }).unwrap_err().to_string();
    assert!(at("softmax/exp", None).contains("by rows"));
    assert!(at("gelu/cosine", Some((8.0, -8.0))).contains("the smaller first"));
    assert!(at("gelu/cosine", Some((f64::NAN, 1.0))).contains("the smaller first"));
    assert!(at("gelu/cosine", Some((1e-7, 2e-7))).contains("no number with 16 fraction bits"));
    assert!(at("gelu/cosine", Some((0.0, 1e12))).contains("below 2^31"));
    assert!(at("reciprocal/newton", Some((-1.0, 1.0))).contains("reciprocal cannot be enclosed"));
    let many = Question { domain: Some((-1e6, 1e6)), samples: u64::MAX, ..Question::new(built_in("gelu/cosine")) };
    assert!(audit(&many).unwrap_err().to_string().contains("16777216 that are run at most"));
    let wrong = Question { reference: Some(RealFunction::Exp), ..Question::new(built_in("tanh/sine")) };
    assert!(audit(&wrong).unwrap_err().to_string().contains("exp is not its truth"));
}

/// Outside its domain exp/limit leaves the headroom: no theorem, and the verdict says so.
#[test]
fn a_domain_on_which_numbers_overflow_has_no_certified_error() {
    let question = Question { domain: Some((-2000.0, 0.0)), samples: 1 << 10, ..Question::new(built_in("exp/limit")) };
    match audit(&question) {
        Ok(report) => {
            assert_eq!((report.certified_max_error, report.verdict), (None, ClaimVerdict::Exceeds));
            assert_eq!(report.failure_probability_per_element, None);
        }
        Err(error) => panic!("{error}"),
    }
}

fn claiming(card: &Card, absolute: f64) -> Card {
    let mut card = card.clone();
    card.error.absolute = absolute;
    card
}

/// A checker must be able to fail: a claim one part in a thousand too small, and a wrong threshold.
#[test]
fn a_claim_that_is_too_small_and_a_threshold_that_is_wrong_exceed() {
    let secformer = built_in("gelu/secformer");
    let asked = |protocol| audit(&Question { samples: 1 << 10, ..Question::new(protocol) }).unwrap();
    let proud = Protocol {
        card: claiming(&secformer.card, 1.947e-2),
        build: secformer.build.clone(),
        parts: None,
        file: None,
        family: None,
    };
    assert_eq!(asked(&proud).verdict, ClaimVerdict::Exceeds);
    fn thresholds_of_the_argument(
        c: &mut viewless_protocols::circuit::Circuit,
        x: viewless_protocols::circuit::Secret,
    ) -> viewless_protocols::circuit::Secret {
        piecewise(c, x, 1.7, nonlinear::gelu::secformer::series().sines)
    }
    let wrong = Protocol {
        card: secformer.card.clone(),
        build: Build::map(thresholds_of_the_argument),
        parts: None,
        file: None,
        family: None,
    };
    let report = asked(&wrong);
    assert_eq!(report.verdict, ClaimVerdict::Exceeds);
    assert!(
        (report.approximation_max_error - 0.075761).abs() < 1e-5 && (report.approximation_at.abs() - 1.7).abs() < 1e-4
    );
}

#[test]
fn a_report_is_the_same_after_a_round_trip_and_has_the_keys_of_the_design() {
    let report = audit(&Question { samples: 1 << 10, ..Question::new(built_in("gelu/cosine")) }).unwrap();
    let json = serde_json::to_value(&report).unwrap();
    for key in [
        "protocol",
        "scheme",
        "ring_bits",
        "fraction_bits",
        "domain",
        "inputs",
        "exhaustive",
        "reference",
        "certified_max_error",
        "certified_max_error_ulp",
        "certified_at",
        "observed_max_error",
        "mean_error",
        "bias",
        "max_jump",
        "monotone_violations",
        "max_reversal",
        "symmetry",
        "max_asymmetry",
        "findings",
        "failure_probability_per_element",
        "verdict",
    ] {
        assert!(json.get(key).is_some(), "{key}");
    }
    assert_eq!(json["verdict"], "holds");
    assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);
}

/// Written where `VIEWLESS_PLOTS` says, to be looked at.
#[test]
fn pictures_are_drawn_with_their_three_curves() {
    // A domain on both sides of 0, one with a logarithmic axis, one with thresholds, one with a claim in proportion to the truth.
    let drawn = ["gelu/secformer", "gelu/puma", "tanh/sine", "exp/limit", "reciprocal/newton"];
    for protocol in drawn.map(built_in) {
        let domain = (protocol.card.function == Computed::GELU).then_some((-8.0, 8.0));
        let question = Question { domain, samples: 1 << 16, ..Question::new(protocol) };
        let picture = plot::svg(protocol, &audit_with_points(&question).unwrap()).unwrap();
        assert_eq!(picture.matches("<polyline").count(), 2, "certified and claimed");
        assert!(picture.matches("<circle").count() > 400 && picture.contains(&protocol.card.name));
        assert!(!picture.contains("NaN") && !picture.contains("inf"));
        if let Ok(folder) = std::env::var("VIEWLESS_PLOTS") {
            std::fs::write(format!("{folder}/{}.svg", protocol.card.name.replace('/', "-")), picture).unwrap();
        }
    }
}

/// A card's interval keeps the intervals of the parts of its protocol. Between numbers of a cell the claimed quantity is enclosed, so a thousandth of
/// an interval is no reason to call it left.
#[test]
fn no_card_of_numbers_is_wider_than_the_parts_of_its_protocol() {
    for protocol in elementwise() {
        let name: &str = &protocol.card.name;
        let interval = protocol.card.interval.at(1);
        let fixed = Question::new(built_in(name)).fixed;
        let mut tape = Tape::new(&circuit_of(protocol, 1).unwrap(), fixed).unwrap();
        let claims = tape.claims.clone();
        let named = claims.iter().map(|claim| (claim.region.as_str(), (claim.low, claim.high)));
        let own = rows::of_card(name, &interval, named);
        let output = |claim: &TapeClaim| TapeOutput {
            name: claim.region.clone(),
            registers: claim.registers.clone(),
            fraction_bits: tape.steps[claim.registers[0] as usize].fraction_bits,
            room_bits: None,
        };
        tape.outputs = claims.iter().map(output).collect();
        let domain = cell(interval.low, interval.high, fixed).unwrap();
        let cells = crate::bound::search::split_evenly(domain, 1 << 14);
        let seen = Interpreter::new(tape, Arithmetic::Reals).unwrap().respond_by_cases(&cells, 1.0).unwrap();
        for (i, claim) in claims.iter().enumerate().filter(|(i, _)| !own[*i]) {
            let low = seen.iter().map(|responses| responses[i].low).fold(f64::INFINITY, f64::min);
            let high = seen.iter().map(|responses| responses[i].high).fold(f64::NEG_INFINITY, f64::max);
            let slack = 1e-3 * claim.low.abs().max(claim.high.abs());
            println!("{name}: {} in [{low}, {high}] of [{}, {}]", claim.region, claim.low, claim.high);
            assert!(low >= claim.low - slack && high <= claim.high + slack, "{name}: {}", claim.region);
        }
    }
}
