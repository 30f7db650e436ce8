//! What every registered protocol must keep.

use super::{Build, Function, Schedule, Setting, find, registry, testing};
use crate::scheme::{Comparison, Truncation};
use std::collections::HashSet;

#[test]
fn names_are_unique_and_say_the_function() {
    let names: HashSet<&str> = registry().iter().map(|protocol| protocol.card.name).collect();
    assert_eq!(names.len(), registry().len());
    for protocol in registry() {
        let function = protocol.card.name.split('/').next().unwrap();
        assert_eq!(function, protocol.card.function.to_string());
        assert_eq!(find(protocol.card.name).unwrap().card.name, protocol.card.name);
        assert_eq!(matches!(protocol.build, Build::LayerNorm(_)), protocol.card.function == Function::LayerNorm);
    }
    assert!(find("gelu/none").is_none());
}

#[test]
fn every_domain_is_an_interval_that_the_circuit_claims() {
    for protocol in registry() {
        for row_length in [1, 7, 128, 512] {
            let domain = (protocol.card.domain)(row_length);
            assert!(domain.low < domain.high, "{}", protocol.card.name);
            let circuit = testing::circuit(protocol, 2, row_length);
            let claim = circuit.domains().iter().find(|claim| circuit.regions().path(claim.region) == protocol.card.name);
            let claim = claim.unwrap_or_else(|| panic!("{} claims no domain", protocol.card.name));
            assert_eq!((claim.low, claim.high), (domain.low, domain.high), "{}", protocol.card.name);
        }
    }
}

#[test]
fn every_protocol_compiles_with_every_truncation_and_comparison() {
    for protocol in registry() {
        let circuit = testing::circuit(protocol, 2, 12);
        for truncation in [Truncation::Local, Truncation::Exact] {
            for comparison in [Comparison::Spk, Comparison::Carry] {
                testing::compile(&circuit, &Setting { comparison, truncation, schedule: Schedule::Asap });
            }
        }
    }
}

#[test]
fn a_cost_claim_holds_exactly_when_its_card_says_so() {
    for protocol in registry() {
        assert!(!protocol.card.claims.is_empty(), "{}", protocol.card.name);
        for claim in protocol.card.claims {
            let equal = [(1, 2), (3, 8), (2, 13)].map(|(rows, row_length)| {
                let program = testing::compile(&testing::circuit(protocol, rows, row_length), &claim.setting);
                let (rounds, bits) = testing::count(&program, protocol.card.name, claim.setting.schedule);
                println!("{} {rows}x{row_length} {:?}: {rounds} rounds, {bits} bit", protocol.card.name, claim.setting);
                claim.rounds.is_none_or(|stated| stated.at(row_length) == rounds)
                    && claim.bits.is_none_or(|stated| stated.at(rows, row_length) == bits)
            });
            assert_eq!(equal, [claim.holds; 3], "{} by {}", protocol.card.name, claim.by);
        }
    }
}
