use super::*;
use viewless_protocols::circuit::{Circuit, Owner};
use viewless_protocols::fixed::FixedPoint;
use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::{ProgramBuilder, ValueId, WordFunction};
use viewless_protocols::ring::Domain;
use viewless_protocols::scheme::{
    self, Comparison, SchemeSpec, Sharing, Triples, Truncation, Weights, WeightsAmongThree,
};

const FEW: Options =
    Options { seed: 1, runs: 64, most_elements: 64, most_pairs: 64, false_alarm_rate: 1e-7, most_bytes: 1 << 30 };

/// The client masks x (64 words of `domain`) with what `mask` builds and sends it to P1.
fn masked(domain: Domain, mask: impl FnOnce(&mut ProgramBuilder, PartySet) -> ValueId) -> Program {
    let mut p = ProgramBuilder::new(PartySet::of(&[Party::P0, Party::P1, Party::Client]), Party::ModelOwner);
    let x = p.input(Party::Client, "x", 0, domain, [64].into());
    let mask = mask(&mut p, PartySet::of(&[Party::Client, Party::P0]));
    p.region("masked", |p| {
        let masked = p.add(x, mask);
        p.send(masked, Party::P1)
    });
    p.finish().unwrap()
}

fn assay_p1(program: &Program, options: &Options) -> Report {
    assay(program, Coalition::of(program, &[Party::P1]).unwrap(), options).unwrap()
}

fn tests_of(report: &Report) -> Vec<Test> {
    report.findings().iter().map(|finding| finding.test).collect()
}

#[test]
fn a_uniform_mask_shows_nothing_at_any_width() {
    for bits in [1, 2, 5, 8, 12, 20, 33, 64] {
        let program = masked(Domain::Ring(bits), |p, who| p.sample(who, Domain::Ring(bits), [64].into()));
        let report = assay_p1(&program, &FEW);
        assert!(matches!(report.verdict, BatteryVerdict::NoEvidence { .. }), "{report}");
    }
}

#[test]
fn a_constant_mask_is_evidence() {
    let program = masked(Domain::Z64, |p, _| p.splat(1 << 26, Domain::Z64));
    let report = assay_p1(&program, &FEW);
    assert!(tests_of(&report).contains(&Test::Bit(Of::Words, 26)), "{report}");
    assert!(report.findings().iter().all(|finding| finding.p_value < 1e-7 && finding.region == "masked"));
}

#[test]
fn a_mask_of_bounded_range_is_evidence_in_the_bits_above_it() {
    let program = masked(Domain::Z64, |p, who| {
        let wide = p.sample(who, Domain::Z64, [64].into());
        p.shift_right(wide, 16)
    });
    let report = assay_p1(&program, &FEW);
    let tests = tests_of(&report);
    assert!(tests.contains(&Test::Bit(Of::Words, 50)), "{report}");
    assert!(!tests.contains(&Test::Bit(Of::Words, 20)), "{report}");
}

#[test]
fn a_sampler_that_never_draws_one_value_of_a_small_ring_is_evidence() {
    // Three of four values: the last is replaced by the first.
    let domain = Domain::Ring(2);
    let program = masked(domain, |p, who| {
        let drawn = p.sample(who, domain, [64].into());
        p.function(WordFunction::Table { entries: vec![0, 1, 2, 0], domain }, drawn)
    });
    let report = assay_p1(&program, &FEW);
    assert!(tests_of(&report).contains(&Test::Frequencies(Of::Words, 0)), "{report}");
}

#[test]
fn one_mask_for_a_whole_tensor_is_evidence_between_neighbours() {
    let program = masked(Domain::Z64, |p, who| p.sample(who, Domain::Z64, [1].into()));
    let report = assay_p1(&program, &FEW);
    assert!(tests_of(&report).contains(&Test::Correlation(Of::Neighbours)), "{report}");
}

#[test]
fn a_mask_used_twice_is_evidence_between_messages() {
    let mut p = ProgramBuilder::new(PartySet::of(&[Party::P0, Party::P1, Party::Client]), Party::ModelOwner);
    let shape = || [8].into();
    let (x, y) =
        (p.input(Party::Client, "x", 0, Domain::Z64, shape()), p.input(Party::Client, "y", 0, Domain::Z64, shape()));
    let mask = p.sample(PartySet::of(&[Party::Client, Party::P0]), Domain::Z64, shape());
    for secret in [x, y] {
        let masked = p.sub(secret, mask);
        p.send(masked, Party::P1);
    }
    let report = assay_p1(&p.finish().unwrap(), &FEW);
    let tests = tests_of(&report);
    assert!(tests.contains(&Test::Frequencies(Of::Difference, 0)), "{report}");
    assert!(!tests.iter().any(|test| matches!(test, Test::Bit(Of::Words, _))), "{report}");
}

#[test]
fn a_share_sent_to_the_holder_of_the_other_share_is_evidence_when_that_is_subtracted() {
    let mut p = ProgramBuilder::new(PartySet::of(&[Party::P0, Party::P1, Party::Client]), Party::ModelOwner);
    let x = p.input(Party::Client, "x", 0, Domain::Z64, [8].into());
    let x0 = p.sample(PartySet::of(&[Party::Client, Party::P1]), Domain::Z64, [8].into());
    let x1 = p.sub(x, x0);
    p.send(x1, Party::P1);
    let report = assay_p1(&p.finish().unwrap(), &FEW);
    assert!(!report.findings().is_empty() && report.findings().iter().all(|finding| finding.less_known), "{report}");
}

#[test]
fn a_share_of_an_output_is_excluded_and_the_others_are_tested() {
    let program = small_network(&SchemeSpec { truncation: Truncation::Local, ..CHOICES });
    let report = assay(&program, Coalition::of(&program, &[Party::Client]).unwrap(), &FEW).unwrap();
    assert_eq!((report.messages, report.excluded.len()), (1, 1), "{report}");
    assert!(report.findings().is_empty(), "{report}");
}

const CHOICES: SchemeSpec = SchemeSpec {
    sharing: Sharing::Additive2(Triples::Fresh, Weights::Shared),
    truncation: Truncation::Exact,
    comparison: Comparison::Carry,
};

/// A product with a weight, a square and a comparison.
fn small_network(spec: &SchemeSpec) -> Program {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [4, 4]);
    let w = c.input(Owner::Model, "w", [4, 4]);
    let y = c.matmul(x, w);
    let y = c.square(y);
    let b = c.less_than(y, 1.0);
    let y = c.select(b, y);
    c.reveal(y, "y");
    scheme::compile(&c.finish().unwrap(), spec, FixedPoint::of::<16>()).unwrap()
}

const REPLICATED: SchemeSpec = SchemeSpec { sharing: Sharing::Replicated3(WeightsAmongThree::Shared), ..CHOICES };

#[test]
fn sound_protocols_show_nothing_to_anybody_under_any_choice() {
    let fixed = SchemeSpec { sharing: Sharing::Additive2(Triples::FixedWeight, Weights::Shared), ..CHOICES };
    for scheme in [CHOICES, fixed, REPLICATED] {
        for (truncation, comparison) in [(Truncation::Local, Comparison::Spk), (Truncation::Exact, Comparison::Carry)] {
            let shared = SchemeSpec { truncation, comparison, ..scheme };
            for scheme in [shared, shared.served()] {
                let program = small_network(&scheme);
                for coalition in crate::privacy::promised_coalitions(&program) {
                    let report = assay(&program, coalition, &Options { runs: 40, ..FEW }).unwrap();
                    assert!(matches!(report.verdict, BatteryVerdict::NoEvidence { .. }), "{report}");
                }
            }
        }
    }
}

#[test]
fn two_computing_parties_together_are_evidence() {
    for spec in [CHOICES, REPLICATED] {
        let program = small_network(&spec);
        let both = Coalition::of(&program, &[Party::P0, Party::P1]).unwrap();
        assert!(!assay(&program, both, &FEW).unwrap().findings().is_empty());
    }
}

/// A coin of known bias: a table of a sample of `bits` bits in which `ones` more entries than half are 1.
fn biased(bits: u8, ones: usize) -> Program {
    let half = 1usize << (bits - 1);
    let entries = (0..2 * half).map(|i| u64::from(i < half + ones)).collect();
    masked(Domain::Ring(1), |p, who| {
        let drawn = p.sample(who, Domain::Ring(bits), [64].into());
        p.function(WordFunction::Table { entries, domain: Domain::Ring(1) }, drawn)
    })
}

#[test]
fn the_power_stated_is_kept_for_a_biased_bit() {
    let BatteryVerdict::NoEvidence { power } = assay_p1(&biased(10, 0), &FEW).verdict else { panic!("a fair coin") };
    let ones = (power.bit_bias * 1024.0).ceil() as usize;
    for seed in 0..50 {
        let options = Options { seed, ..FEW };
        assert!(!assay_p1(&biased(10, ones), &options).findings().is_empty(), "seed {seed}, {power}");
        assert!(assay_p1(&biased(10, ones / 8), &options).findings().is_empty(), "seed {seed}, {power}");
    }
}

#[test]
fn a_verdict_replays_and_says_what_it_could_have_found() {
    let program = small_network(&CHOICES);
    let coalition = Coalition::of(&program, &[Party::P0]).unwrap();
    let report = assay(&program, coalition, &FEW).unwrap();
    assert_eq!(report, assay(&program, coalition, &FEW).unwrap());
    let text = report.to_string();
    assert!(
        text.contains("no evidence of leakage at this power") && text.contains("false alarms below 1e-7"),
        "{text}"
    );
    println!("{text}");
}

#[test]
fn the_false_alarm_rate_is_kept_by_the_whole_battery() {
    let program = masked(Domain::Ring(8), |p, who| p.sample(who, Domain::Ring(8), [64].into()));
    let alarms = (0..100).filter(|&seed| {
        let options = Options { seed, runs: 8, false_alarm_rate: 0.05, ..FEW };
        !assay_p1(&program, &options).findings().is_empty()
    });
    // 5 expected at most; 14 is four standard deviations above.
    assert!(alarms.count() <= 14);
}
