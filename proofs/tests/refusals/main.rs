//! The checker says no: a table of Programs, forged steps and the refusal that each must meet. Every refusal that there is, is met.
//!
//! Most rows are leaking protocols, with the certificate that somebody would write who wants them accepted; one line of the
//! checker stands between each and a verdict *proved*. Beside them: what each rule is there to accept, checked and counted. The
//! second checker is asked about every row, too, and must say the same.

#[path = "../second/mod.rs"]
mod second;

mod acceptance;
mod changes;
mod forgeries;
mod lines;
mod outputs;
mod withheld;

use forgeries::{masks, unbalanced, wide};
use lines::{Lines, NAMES, RING, WORD, forge, name, refused};
use outputs::outputs;
use second::check;
use std::collections::BTreeSet;
use viewless_proofs::privacy::certificate::{Certificate, FORMAT, Share, Simulator, Step, Withheld};
use viewless_proofs::privacy::check::{CheckError, Checked, Refusal};
use viewless_proofs::privacy::exhaustive::{self, Exhaustive};
use viewless_proofs::privacy::{self, Coalition};
use viewless_protocols::party::Party::{self, Client, P0, P1};
use viewless_protocols::party::PartySet;
use viewless_protocols::program::{Constant, Program, ProgramBuilder, ValueId, WordFunction};
use viewless_protocols::ring::Domain;
use viewless_protocols::shape::{Move, Shape};
use withheld::withheld;

#[test]
fn every_refusal_is_met_by_a_forgery() {
    let met: BTreeSet<&str> = [masks(), unbalanced(), wide(), outputs(), withheld()].concat().into_iter().collect();
    assert_eq!(met, NAMES.into_iter().collect::<BTreeSet<_>>());
}

#[test]
fn every_other_error_is_met_by_a_forgery() {
    let masked = |l: &mut Lines| {
        let (x, s) = (l.x(1), l.s(RING, 1));
        let m = l.p.add(x, s);
        l.uniform(m, &[s]);
    };
    let (program, right) = forge(P1, masked);
    assert!(check(&program, &right).is_ok());
    let with = |change: fn(&mut Certificate)| {
        let mut forged = right.clone();
        change(&mut forged);
        check(&program, &forged).expect_err("it is forged")
    };
    assert!(matches!(with(|c| c.format = 1), CheckError::Format { found: 1 }));
    assert!(matches!(with(|c| c.digest = "00".to_owned()), CheckError::OtherProgram { .. }));
    assert!(matches!(with(|c| c.coalition.clear()), CheckError::Coalition(_)));
    assert!(matches!(with(|c| c.coalition = vec![Party::P2]), CheckError::Coalition(_)));
    assert!(matches!(with(|c| c.steps.clear()), CheckError::Missing { .. }));
    assert!(matches!(with(|c| c.handed = vec![ValueId(99)]), CheckError::Handed { value: 99 }));
    // Handed over is a message like any other: it needs a step.
    assert!(matches!(with(|c| c.handed = vec![ValueId(0)]), CheckError::Missing { message: 0, .. }));
    // Not the same: not both computations, the wrong way round, other arguments, another operation, other parameters.
    for (first, second) in [(0, 1), (2, 2), (1, 0)] {
        let mut forged = right.clone();
        forged.same = vec![(ValueId(first), ValueId(second))];
        assert!(matches!(check(&program, &forged), Err(CheckError::NotSame { .. })), "{first} {second}");
    }
    let mut pairs = Vec::new();
    let (program, mut forged) = forge(P1, |l| {
        let (x, y) = (l.x(2), l.x(2));
        let a = l.p.add(x, y);
        let (b, c) = (l.p.add(x, x), l.p.sub(x, y));
        let (d, e) = (l.slice(x, 0, 1), l.slice(x, 1, 1));
        pairs.extend([(a, b), (a, c), (d, e)]);
    });
    for pair in pairs {
        forged.same = vec![pair];
        assert!(matches!(check(&program, &forged), Err(CheckError::NotSame { .. })), "{pair:?}");
    }
    // Distances that say nothing, and outputs of what is only near.
    let (program, forged) = forge(P1, |l| {
        let (x, s) = (l.x(1), l.s(Domain::Ring(2), 1));
        let w = l.p.convert(s, RING);
        let m = l.p.add(x, w);
        l.wide(m, &[s]);
    });
    assert!(matches!(check(&program, &forged), Err(CheckError::Distance { distance }) if distance == 2.0));
    let (program, forged) = forge(P1, |l| {
        let (x, s) = (l.x(1), l.s(Domain::Ring(2), 1));
        let (w, low) = (l.p.convert(s, RING), l.p.convert(x, Domain::Ring(1)));
        let low = l.p.convert(low, RING);
        let m = l.p.add(low, w);
        let m = l.wide(m, &[s]);
        l.p.reveal(m, P1, "y", 0);
    });
    assert!(matches!(check(&program, &forged), Err(CheckError::Output { .. })));
    // The stronger claim, where the client's own sharing rounds its output.
    let (program, mut forged) = forge(Client, |l| {
        let x = l.p.input(Client, "x", 0, RING, [1].into());
        let r = l.p.sample(PartySet::of(&[P0, Client]), RING, [1].into());
        let rest = l.p.sub(x, r);
        let rest = l.p.send(rest, P1);
        let z = l.p.sample(PartySet::of(&[P0, P1]), RING, [1].into());
        let (a, b) = (l.p.shift_right_arithmetic(r, 1), l.p.shift_right_arithmetic(rest, 1));
        let (a, b) = (l.p.add(a, z), l.p.sub(b, z));
        let (a, b) = (l.p.send(a, Client), l.p.send(b, Client));
        let y = l.p.add(a, b);
        l.output(y, &[(a, Some(z)), (b, None)]);
    });
    assert!(check(&program, &forged).is_ok());
    forged.simulator = Simulator::DrawsOwnSamples;
    assert!(matches!(check(&program, &forged), Err(CheckError::OwnSamples { .. })));
    jointly_is_refused();
}

/// The joint statement where a party knows the rounding of another's output: by a sample of its own, by a mask of a message, by a mask of a
/// share of an output of its own, of which the other's output has a bit.
fn jointly_is_refused() {
    let by_a_sample = forge(P1, |l| {
        let s = l.p.sample(PartySet::of(&[P0, P1]), RING, [1].into());
        let x = l.x(1);
        let half = l.p.shift_right(s, 1);
        let y = l.p.add(x, half);
        let y = l.p.send(y, Client);
        l.p.reveal(y, Client, "y", 0);
    });
    let by_a_mask = forge(P1, |l| {
        let (x, s) = (l.x(1), l.s(RING, 1));
        let m = l.p.add(x, s);
        l.uniform(m, &[s]);
        let half = l.p.shift_right(s, 1);
        let y = l.p.add(x, half);
        l.p.reveal(y, P0, "y", 0);
    });
    let by_a_share = forge(Client, |l| {
        let (a, b, z) = l.shares(1);
        let y = l.p.add(a, b);
        l.output(y, &[(a, Some(z)), (b, None)]);
        let half = l.p.shift_right(z, 1);
        l.p.reveal(half, P0, "half", 0);
    });
    for (program, mut forged) in [by_a_sample, by_a_mask, by_a_share] {
        forged.simulator = Simulator::DrawsOwnSamples;
        assert!(check(&program, &forged).is_ok());
        forged.simulator = Simulator::JointlyWithOutputs;
        assert!(matches!(check(&program, &forged), Err(CheckError::OwnSamples { .. })), "{}", *program);
        let coalition = Coalition::of(&program, &forged.coalition).unwrap();
        let counted = exhaustive::count_jointly(&program, coalition, exhaustive::Options::default());
        assert!(matches!(counted, Ok(Exhaustive::Leak(_))), "{counted:?}\n{}", *program);
    }
}
