//! The joint statement: private and right together are not secure, and counting against a functionality says so.

use viewless_proofs::privacy::certificate::Simulator;
use viewless_proofs::privacy::exhaustive::{Exhaustive, Joint, JointError, Options, count_jointly, joint};
use viewless_proofs::privacy::{self, Coalition, Verdict, excess_bits};
use viewless_protocols::party::Party::{self, Client, Dealer, ModelOwner, P0, P1};
use viewless_protocols::party::PartySet;
use viewless_protocols::program::{Program, ProgramBuilder, ValueId};
use viewless_protocols::ring::Domain;

const RING: Domain = Domain::Ring(3);

fn program(build: impl FnOnce(&mut ProgramBuilder)) -> Program {
    let mut p = ProgramBuilder::new(PartySet::of(&[P0, P1, Dealer, Client, ModelOwner]), ModelOwner);
    build(&mut p);
    p.finish().unwrap()
}

fn input(p: &mut ProgramBuilder, owner: Party, name: &str) -> (ValueId, [ValueId; 2]) {
    let x = p.input(owner, name, 0, RING, [1].into());
    let x0 = p.sample(PartySet::of(&[owner, P0]), RING, [1].into());
    let x1 = p.sub(x, x0);
    (x, [x0, p.send(x1, P1)])
}

/// The owner shares something that it has computed.
fn shared(p: &mut ProgramBuilder, owner: Party, value: ValueId) -> [ValueId; 2] {
    let share0 = p.sample(PartySet::of(&[owner, P0]), RING, [1].into());
    let share1 = p.sub(value, share0);
    [share0, p.send(share1, P1)]
}

fn reveal(p: &mut ProgramBuilder, [a, b]: [ValueId; 2]) {
    let zero = p.sample(PartySet::of(&[P0, P1]), RING, [1].into());
    let (a, b) = (p.add(a, zero), p.sub(b, zero));
    let (a, b) = (p.send(a, Client), p.send(b, Client));
    let y = p.add(a, b);
    p.reveal(y, Client, "y", 0);
}

/// What a trusted party would do with x and w: add `rounding` to x.
fn trusted(rounding: impl FnOnce(&mut ProgramBuilder) -> Option<ValueId>) -> Program {
    program(|p| {
        let (x, _) = input(p, Client, "x");
        p.input(ModelOwner, "w", 0, RING, [1].into());
        let y = match rounding(p) {
            None => x,
            Some(coin) => p.add(x, coin),
        };
        p.reveal(y, Client, "y", 0);
    })
}

fn coin(p: &mut ProgramBuilder, owner: Party) -> ValueId {
    let bit = p.sample(PartySet::of(&[owner]), Domain::Ring(1), [1].into());
    p.convert(bit, RING)
}

/// y = x + a bit, which is a bit of the model owner's weight or a coin.
fn rounded(bit: impl FnOnce(&mut ProgramBuilder, ValueId) -> (Party, ValueId)) -> Program {
    program(|p| {
        let (_, x) = input(p, Client, "x");
        let w = p.input(ModelOwner, "w", 0, RING, [1].into());
        let (owner, bit) = bit(p, w);
        let bit = shared(p, owner, bit);
        let y = [p.add(x[0], bit[0]), p.add(x[1], bit[1])];
        reveal(p, y);
    })
}

/// The strongest claim that is proved of a party.
fn claim(program: &Program, party: Party) -> Simulator {
    match privacy::prove(program, Coalition::of(program, &[party]).unwrap()).verdict {
        Verdict::Proved { simulator, .. } => simulator,
        other => panic!("{party}: {other:?}"),
    }
}

fn decided(program: &Program, functionality: &Program, party: Party) -> Joint {
    joint(program, functionality, Coalition::of(program, &[party]).unwrap()).unwrap()
}

#[test]
fn an_output_that_carries_a_bit_of_a_weight_is_proved_and_right_and_not_secure() {
    let leaking = rounded(|p, w| {
        let low = p.convert(w, Domain::Ring(1));
        (ModelOwner, p.convert(low, RING))
    });
    // Private, relative to its output; and within one unit of x, so right. Each output may carry log2 3 bits.
    for party in [P0, P1, Client, ModelOwner, Dealer] {
        let verdict = privacy::prove(&leaking, Coalition::of(&leaking, &[party]).unwrap()).verdict;
        assert!(matches!(verdict, Verdict::Proved { .. }), "{party}");
        // Even the joint statement is proved: against the functionality that computes y as this Program does, which is the wrong one.
        let expected = if party == ModelOwner { Simulator::DrawsOwnSamples } else { Simulator::JointlyWithOutputs };
        assert!(claim(&leaking, party) <= expected, "{party}");
    }
    assert!((excess_bits(1.0, 0) - 3f64.log2()).abs() < 1e-15);
    // No functionality that computes x, exactly or with a rounding of its own, does the same.
    for functionality in [trusted(|_| None), trusted(|p| Some(coin(p, Client)))] {
        let found = decided(&leaking, &functionality, Client);
        assert!(matches!(found, Joint::Outputs { distance, .. } if distance >= 0.5), "{found:?}");
    }
}

#[test]
fn a_coin_that_is_used_nowhere_else_is_the_functionality_s_rounding() {
    let sound = rounded(|p, _| (Dealer, coin(p, Dealer)));
    let functionality = trusted(|p| Some(coin(p, Client)));
    for party in [P0, P1, Client, ModelOwner] {
        assert_eq!(decided(&sound, &functionality, party), Joint::Holds, "{party}");
        // And so at full size: the prover needs no functionality to see that the rounding comes from samples used nowhere else.
        assert_eq!(claim(&sound, party), Simulator::JointlyWithOutputs, "{party}");
    }
    assert_eq!(claim(&sound, Dealer), Simulator::DrawsOwnSamples);
    // The dealer knows the coin, and with it the client's rounding: its view depends on another party's output.
    assert!(matches!(decided(&sound, &functionality, Dealer), Joint::View(_)));
    assert!(matches!(decided(&sound, &trusted(|_| None), P0), Joint::Outputs { .. }));
}

#[test]
fn a_party_that_knows_the_rounding_of_another_s_output_is_found() {
    // Local truncation: P0's share decides how the client's output is rounded (Li et al., USENIX Security 2023). Its view is
    // private; together with the client's output it is not what any functionality with a rounding of its own gives.
    let truncated = program(|p| {
        let (_, x) = input(p, Client, "x");
        let y = [p.shift_right(x[0], 1), p.shift_right(x[1], 1)];
        reveal(p, y);
    });
    let p0 = Coalition::of(&truncated, &[P0]).unwrap();
    assert_eq!(claim(&truncated, P0), Simulator::DrawsOwnSamples);
    assert!(privacy::refute(&truncated, p0, Simulator::JointlyWithOutputs).is_some());
    // The functionality that rounds in exactly this way: the outputs agree, the view does not.
    let functionality = program(|p| {
        let x = p.input(Client, "x", 0, RING, [1].into());
        let r = p.sample(PartySet::of(&[Client]), RING, [1].into());
        let rest = p.sub(x, r);
        let (a, b) = (p.shift_right(r, 1), p.shift_right(rest, 1));
        let y = p.add(a, b);
        p.reveal(y, Client, "y", 0);
    });
    assert!(matches!(joint(&truncated, &functionality, p0).unwrap(), Joint::View(witness) if witness.distance > 0.0));
}

#[test]
fn another_interface_is_refused() {
    let functionality = program(|p| {
        let x = p.input(Client, "x", 0, RING, [1].into());
        p.reveal(x, Client, "z", 0);
    });
    let program = trusted(|_| None);
    let coalition = Coalition::of(&program, &[P0]).unwrap();
    assert!(matches!(joint(&program, &functionality, coalition), Err(JointError::Interface { .. })));
}

#[test]
fn an_own_sample_that_is_an_output_is_given_and_a_message_that_is_an_output_of_another_tells_it() {
    let claim = |program: &Program| count_jointly(program, Coalition::of(program, &[P0]).unwrap(), Options::default());
    // P0 outputs its sample, and so does the client: P0's output says all that its sample does.
    let own = program(|p| {
        let r = p.sample(PartySet::of(&[P0]), RING, [1].into());
        p.reveal(r, P0, "own", 0);
        let sent = p.send(r, Client);
        let twice = p.add(sent, sent);
        p.reveal(twice, Client, "y", 0);
    });
    assert_eq!(claim(&own), Ok(Exhaustive::Private));
    // P0 is sent what P1 has as its output: no function of what P0 is given makes that up.
    let of_another = |also_own: bool| {
        program(|p| {
            let r = p.sample(PartySet::of(&[P1]), RING, [1].into());
            let y = p.add(r, r);
            let sent = p.send(y, P0);
            p.reveal(y, P1, "y", 0);
            if also_own {
                p.reveal(sent, P0, "own", 0);
            }
        })
    };
    assert!(matches!(claim(&of_another(false)), Ok(Exhaustive::Leak(_))));
    assert_eq!(claim(&of_another(true)), Ok(Exhaustive::Private));
}
