//! Certificates: accepted as written, refused when they are about another Program, reordered, or forged.

use viewless_proofs::privacy::certificate::{Certificate, FORMAT, Simulator, Step};
use viewless_proofs::privacy::check::{CheckError, check};
use viewless_proofs::privacy::{self, Coalition};
use viewless_protocols::circuit::{Circuit, Owner};
use viewless_protocols::fixed::FixedPoint;
use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::{Op, Program, ProgramBuilder, ValueId};
use viewless_protocols::ring::Domain;
use viewless_protocols::scheme::{self, Comparison, SchemeSpec, Sharing, Triples, Truncation, Weights};

fn program(build: impl FnOnce(&mut Circuit)) -> Program {
    let mut c = Circuit::new();
    build(&mut c);
    let spec = SchemeSpec {
        sharing: Sharing::Additive2(Triples::FixedWeight, Weights::Shared),
        truncation: Truncation::Exact,
        comparison: Comparison::Carry,
    };
    scheme::compile(&c.finish().unwrap(), &spec, FixedPoint::of::<16>()).unwrap()
}

fn example() -> Program {
    program(|c| {
        let x = c.input(Owner::Client, "x", [2, 3]);
        let w = c.input(Owner::Model, "w", [3, 3]);
        let y = c.matmul(x, w);
        let bit = c.less_than(y, 0.0);
        let y = c.select(bit, y);
        let z = c.matmul(y, w);
        c.reveal(z, "z");
    })
}

fn certificate(program: &Program, party: Party) -> Certificate {
    let coalition = Coalition::of(program, &[party]).unwrap();
    privacy::prove(program, coalition).certificate.unwrap()
}

#[test]
fn certificates_survive_json() {
    let program = example();
    for party in program.parties.iter() {
        let certificate = certificate(&program, party);
        let text = serde_json::to_string(&certificate).unwrap();
        let read: Certificate = serde_json::from_str(&text).unwrap();
        assert_eq!(read, certificate);
        assert!(check(&program, &read).is_ok());
    }
}

#[test]
fn a_certificate_for_another_program_is_refused() {
    let other = program(|c| {
        let x = c.input(Owner::Client, "x", [2]);
        c.reveal(x, "y");
    });
    let refused = check(&other, &certificate(&example(), Party::P1));
    assert!(matches!(refused, Err(CheckError::OtherProgram { .. })), "{refused:?}");
}

#[test]
fn a_certificate_for_another_coalition_is_refused() {
    let program = example();
    let original = certificate(&program, Party::P1);
    for coalition in
        [vec![Party::P0], vec![Party::P0, Party::P1], vec![Party::P1, Party::Dealer], vec![], vec![Party::P2]]
    {
        let forged = Certificate { coalition, ..original.clone() };
        assert!(check(&program, &forged).is_err(), "{:?}", forged.coalition);
    }
}

#[test]
fn dropping_any_step_is_refused() {
    let program = example();
    for party in [Party::P0, Party::P1, Party::Client] {
        let original = certificate(&program, party);
        for step in 0..original.steps.len() {
            let mut forged = original.clone();
            forged.steps.remove(step);
            assert!(check(&program, &forged).is_err(), "{party} without step {step}");
        }
    }
}

#[test]
fn repeating_any_step_is_refused_at_the_repetition() {
    let program = example();
    let original = certificate(&program, Party::P1);
    for step in 0..original.steps.len() {
        let mut forged = original.clone();
        forged.steps.push(forged.steps[step].clone());
        let last = original.steps.len();
        assert!(matches!(check(&program, &forged), Err(CheckError::Step { step, .. }) if step == last));
    }
}

#[test]
fn the_opposite_order_is_refused() {
    let program = example();
    for party in [Party::P0, Party::P1] {
        let mut forged = certificate(&program, party);
        forged.steps.reverse();
        assert!(matches!(check(&program, &forged), Err(CheckError::Step { .. })));
    }
}

#[test]
fn a_step_too_early_is_refused_and_named() {
    let program = example();
    let original = certificate(&program, Party::P1);
    let last = original.steps.len() - 1;
    let mut forged = original;
    let step = forged.steps.remove(last);
    forged.steps.insert(0, step);
    // The opening of an operand, eliminated before the dealer's correction that its mask flows into.
    assert!(matches!(check(&program, &forged), Err(CheckError::Step { step: 0, .. })));
}

#[test]
fn any_other_mask_is_refused() {
    let program = example();
    let samples: Vec<ValueId> =
        program.iter().filter(|(_, value)| matches!(value.op, Op::Sample { .. })).map(|(id, _)| id).collect();
    let original = certificate(&program, Party::P1);
    for step in 0..original.steps.len() {
        let Step::Uniform { message, masks } = &original.steps[step] else { continue };
        for &other in samples.iter().filter(|other| !masks.contains(other)) {
            let mut forged = original.clone();
            forged.steps[step] = Step::Uniform { message: *message, masks: vec![other] };
            assert!(check(&program, &forged).is_err(), "step {step} with mask %{}", other.0);
        }
        for bad in [vec![], vec![*message], vec![ValueId(u32::MAX)]] {
            let mut forged = original.clone();
            forged.steps[step] = Step::Uniform { message: *message, masks: bad };
            assert!(matches!(check(&program, &forged), Err(CheckError::Step { step: at, .. }) if at == step));
        }
    }
}

#[test]
fn shares_of_an_output_need_the_mask_that_cancels() {
    // Where a product or a weight is revealed, the random share that was dealt or sent of it would cancel, too.
    let program = program(|c| {
        let x = c.input(Owner::Client, "x", [2]);
        let y = c.offset(x, 1.0);
        c.reveal(y, "y");
        let z = c.neg(x);
        c.reveal(z, "z");
    });
    let original = certificate(&program, Party::Client);
    let (step, output, shares) = original
        .steps
        .iter()
        .enumerate()
        .find_map(|(i, step)| match step {
            Step::Output { output, shares } => Some((i, *output, shares.clone())),
            Step::Uniform { .. } | Step::Wide { .. } => None,
        })
        .expect("the client has an output");
    let refused = |shares| {
        let mut forged = original.clone();
        forged.steps[step] = Step::Output { output, shares };
        assert!(check(&program, &forged).is_err());
    };
    let mut without_mask = shares.clone();
    without_mask[0].mask = None;
    refused(without_mask);
    for (id, value) in program.iter() {
        if matches!(value.op, Op::Sample { .. }) && Some(id) != shares[0].mask {
            let mut other_mask = shares.clone();
            other_mask[0].mask = Some(id);
            refused(other_mask);
        }
    }
    refused(shares[..1].to_vec());
    refused(shares[1..].to_vec());
    refused(Vec::new());
    // The shares of an output are drawn with the output at hand, not without.
    let masks = shares[0].mask.into_iter().collect();
    let mut forged = original.clone();
    forged.steps[step] = Step::Uniform { message: shares[0].message, masks };
    assert!(check(&program, &forged).is_err());
}

#[test]
fn another_format_is_refused() {
    let program = example();
    let forged = Certificate { format: 0, ..certificate(&program, Party::P0) };
    assert!(matches!(check(&program, &forged), Err(CheckError::Format { found: 0 })));
}

/// P0 sends the client, or P1, a message that the sample `mask` does not cover; a forger says that it does.
#[track_caller]
fn is_refused_for(to: Party, build: impl FnOnce(&mut ProgramBuilder, ValueId) -> (ValueId, ValueId), why: &str) {
    let parties = PartySet::of(&[Party::P0, Party::P1, Party::Client]);
    let mut p = ProgramBuilder::new(parties, Party::ModelOwner);
    let x = p.input(Party::P0, "x", 0, Domain::Ring(3), [2].into());
    let (message, mask) = build(&mut p, x);
    let program = p.finish().unwrap();
    let digest = program.digest().to_hex().to_string();
    let steps = vec![Step::Uniform { message, masks: vec![mask] }];
    let simulator = Simulator::GivenOwnSamples;
    let forged = Certificate {
        format: FORMAT,
        digest,
        coalition: vec![to],
        simulator,
        same: Vec::new(),
        handed: Vec::new(),
        withheld: Vec::new(),
        steps,
    };
    let error = check(&program, &forged).expect_err("the message is not covered").to_string();
    assert!(error.contains(why), "{error}");
}

#[test]
fn a_mask_that_is_broadcast_is_refused() {
    let build = |p: &mut ProgramBuilder, x| {
        let mask = p.sample(PartySet::of(&[Party::P0]), Domain::Ring(3), [1].into());
        let masked = p.add(x, mask);
        (p.send(masked, Party::P1), mask)
    };
    is_refused_for(Party::P1, build, "is not uniform whenever");
}

#[test]
fn a_mask_of_one_part_of_a_joined_tensor_is_refused() {
    let build = |p: &mut ProgramBuilder, x| {
        let mask = p.sample(PartySet::of(&[Party::P0]), Domain::Ring(3), [2].into());
        let masked = p.add(x, mask);
        let joined = p.concat(&[masked, x], 0);
        (p.send(joined, Party::P1), mask)
    };
    is_refused_for(Party::P1, build, "do not cover");
}

#[test]
fn a_mask_that_is_known_is_refused() {
    let build = |p: &mut ProgramBuilder, x| {
        let mask = p.sample(PartySet::of(&[Party::P0, Party::P1]), Domain::Ring(3), [2].into());
        let masked = p.add(x, mask);
        (p.send(masked, Party::P1), mask)
    };
    is_refused_for(Party::P1, build, "knows the mask");
}

#[test]
fn a_mask_that_is_no_sample_is_refused() {
    let build = |p: &mut ProgramBuilder, x| {
        let copy = p.neg(x);
        (p.send(copy, Party::P1), x)
    };
    is_refused_for(Party::P1, build, "is no sample");
}
