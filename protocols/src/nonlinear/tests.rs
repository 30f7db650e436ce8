//! What every registered protocol must keep.

use super::{Kind, Registry, Setting, testing};
use crate::circuit::{Circuit, Owner};
use crate::fixed::FixedPoint;
use crate::program::Schedule;
use crate::scheme::{self, Comparison, CompileError, Truncation};

#[test]
fn every_protocol_is_found_by_its_name_and_its_builder_is_given_what_its_function_needs() {
    for protocol in Registry::built_in() {
        let found = Registry::built_in().get(&protocol.card.name).unwrap();
        assert!(std::sync::Arc::ptr_eq(found, protocol));
        assert_eq!(protocol.build.kind(), Kind::of(&protocol.card.function));
    }
    assert!(Registry::built_in().get("gelu/none").is_none());
}

#[test]
fn every_domain_is_an_interval_that_the_circuit_claims() {
    for protocol in Registry::built_in() {
        for row_length in [1, 7, 128, 512] {
            let domain = protocol.card.interval.at(row_length);
            assert!(domain.low < domain.high, "{}", protocol.card.name);
            let circuit = testing::circuit(protocol, 2, row_length);
            // The interval is claimed of what the protocol itself, or one of its parts, is given.
            let claims = circuit.domains().iter();
            let own = claims.filter(|claim| circuit.regions().path(claim.region).starts_with(&*protocol.card.name));
            let claimed: Vec<(f64, f64)> = own.map(|claim| (claim.low, claim.high)).collect();
            assert!(claimed.contains(&(domain.low, domain.high)), "{}: {claimed:?}", protocol.card.name);
        }
    }
}

#[test]
fn a_card_alone_is_enough_the_interval_is_claimed_and_no_cost_need_be() {
    let mut protocol = super::Protocol::clone(Registry::built_in().get("gelu/quad").unwrap());
    protocol.card.name = "gelu/mine".to_owned();
    protocol.card.claims.clear();
    protocol.build = super::Build::map(|c, x| c.square(x));
    let registered = Registry::default().insert(protocol).unwrap();
    let circuit = testing::circuit(&registered, 2, 5);
    let interval = registered.card.interval.at(5);
    let claims: Vec<(f64, f64, usize)> =
        circuit.domains().iter().map(|claim| (claim.low, claim.high, claim.value.index())).collect();
    assert_eq!(claims, [(interval.low, interval.high, 0)]);
    // One that is claimed by the builder is not claimed again.
    let own = Registry::built_in().get("gelu/quad").unwrap();
    assert_eq!(testing::circuit(own, 2, 5).domains().len(), 1);
}

#[test]
fn every_protocol_compiles_with_every_truncation_and_comparison() {
    for protocol in Registry::built_in() {
        let circuit = testing::circuit(protocol, 2, 12);
        for truncation in Truncation::ALL {
            for comparison in [Comparison::Spk, Comparison::Carry] {
                testing::compile(&circuit, &Setting { comparison, truncation, schedule: Schedule::Asap });
            }
        }
    }
}

/// What a user can type, up to the largest of both: a Program or an error, and no panic.
#[test]
fn no_size_makes_a_protocol_panic_or_a_scheme_emit_what_is_ill_formed() {
    let sizes =
        [(1 << 20, 1 << 20), (1, 1 << 20), (1 << 20, 1), (1 << 14, 1 << 18), (4097, (1 << 20) - 1), (usize::MAX, 2)];
    let (mut built, mut refused) = (0, 0);
    for protocol in Registry::built_in() {
        for (rows, row_length) in sizes {
            // Pairs of a long row, each on its own, are not a question of size but of patience.
            if protocol.card.name.starts_with("max/crypten") && row_length > 1 << 18 && rows == 1 {
                continue;
            }
            let mut c = Circuit::new();
            let x = c.input(Owner::Client, "x", [rows, row_length]);
            let y = protocol.build_alone(&mut c, x, 1e-12);
            c.reveal(y, "y");
            let Ok(circuit) = c.finish() else {
                refused += 1;
                continue;
            };
            for setting in [Setting::LEAN, Setting::PUBLISHED] {
                let compiled = scheme::compile(&circuit, &testing::scheme(&setting), FixedPoint::of::<16>());
                if let Err(error) = compiled {
                    assert!(
                        !matches!(error, CompileError::Program(_)),
                        "{} {rows}x{row_length}: {error}",
                        protocol.card.name
                    );
                }
            }
            built += 1;
        }
    }
    assert!(built > 0 && refused > 0, "{built} {refused}");
}

#[test]
fn a_cost_claim_holds_exactly_when_its_card_says_so() {
    for protocol in Registry::built_in() {
        for claim in &protocol.card.claims {
            let equal = [(1, 5), (3, 8), (2, 13), (2, 128), (1, 512)].map(|(rows, row_length)| {
                let program = testing::compile(&testing::circuit(protocol, rows, row_length), &claim.setting);
                let (rounds, bits) = testing::count(&program, &protocol.card.name, claim.setting.schedule);
                println!("{} {rows}x{row_length}: {rounds} rounds, {bits} bit", protocol.card.name);
                claim.rounds.as_ref().is_none_or(|stated| stated.at(row_length) == rounds)
                    && claim.bits.as_ref().is_none_or(|stated| stated.at(rows, row_length) == bits)
            });
            assert_eq!(equal, [claim.holds; 5], "{} by {}", protocol.card.name, claim.by);
        }
    }
}

/// Elementwise functions against libm, on points that are dense near both ends of the domain and near zero.
#[test]
fn elementwise_protocols_err_by_no_more_than_their_cards_claim() {
    for protocol in Registry::built_in() {
        let Some(truth) = protocol.card.error.truth.of_number() else { continue };
        let domain = protocol.card.interval.at(1);
        let mut points: Vec<f64> = testing::grid(domain.low, domain.high, 40_001).collect();
        if domain.low > 0.0 {
            points.extend(testing::grid(domain.low.ln(), domain.high.ln(), 40_001).map(f64::exp));
            points.retain(|x| (domain.low..=domain.high).contains(x));
        } else {
            points.extend(testing::grid(domain.low.max(-5.0), domain.high.min(5.0), 40_001));
        }
        let claim = protocol.card.error;
        let (mut absolute, mut relative): (f64, f64) = (0.0, 0.0);
        for (&x, y) in points.iter().zip(testing::map(protocol, &points)) {
            let (error, truth) = ((y - truth(x)).abs(), truth(x).abs());
            assert!(error <= claim.absolute + claim.relative * truth, "{} at {x}: {y}", protocol.card.name);
            (absolute, relative) = (absolute.max(error), relative.max(error / truth));
        }
        println!("{}: absolute {absolute:.3e}, relative {relative:.3e}", protocol.card.name);
    }
}
