//! The joint statement of outputs that are made with a sample of P1's: it holds if the sample leaves them unchanged, and the rules of changes
//! must see that it does, and must not where it does not.

use super::*;

/// P0 makes an output for the client with a sample that P1 knows, too; whether the joint statement is accepted of P1. Counting must agree.
#[track_caller]
fn unchanged(build: impl FnOnce(&mut Lines) -> ValueId) -> bool {
    let (program, certificate) = forge(P1, |l| {
        let output = build(l);
        let output = l.p.send(output, Client);
        l.p.reveal(output, Client, "y", 0);
        l.simulator = Simulator::JointlyWithOutputs;
    });
    let coalition = Coalition::of(&program, &[P1]).unwrap();
    let counted = exhaustive::count_jointly(&program, coalition, exhaustive::Options::default()).unwrap();
    match check(&program, &certificate) {
        Ok(_) => {
            assert_eq!(counted, Exhaustive::Private, "{}", *program);
            true
        }
        Err(error) => {
            assert!(matches!(error, CheckError::OwnSamples { .. }), "{error}\n{}", *program);
            assert!(matches!(counted, Exhaustive::Leak(_)), "{}", *program);
            false
        }
    }
}

/// A sample of P1's that P0 knows.
fn own(l: &mut Lines, domain: Domain, shape: Shape) -> ValueId {
    l.p.sample(PartySet::of(&[P0, P1]), domain, shape)
}

#[test]
fn what_cancels_leaves_an_output_as_it_was() {
    // Twice a sample by a shift, three times by a constant.
    assert!(unchanged(|l| {
        let (x, s) = (l.x(1), own(l, RING, [1].into()));
        let twice = l.p.shift_left(s, 1);
        let y = l.p.add(x, twice);
        let y = l.p.sub(y, s);
        l.p.sub(y, s)
    }));
    assert!(unchanged(|l| {
        let (x, s, three) = (l.x(1), own(l, RING, [1].into()), l.splat(3, RING));
        let thrice = l.p.mul(s, three);
        let y = l.p.add(x, thrice);
        (0..3).fold(y, |y, _| l.p.sub(y, s))
    }));
    // Bits of a sum are the sum of the bits.
    assert!(unchanged(|l| {
        let (w, s) = (l.word(1), own(l, WORD, [1].into()));
        let both = l.p.xor(w, s);
        let (a, b) = (l.p.shift_right(both, 1), l.p.shift_right(s, 1));
        l.p.xor(a, b)
    }));
}

#[test]
fn what_does_not_cancel_is_seen_in_an_output() {
    // A bit moved up is another bit, and no multiple of it.
    assert!(!unchanged(|l| {
        let (w, s) = (l.word(1), own(l, WORD, [1].into()));
        let up = l.p.shift_left(s, 1);
        l.p.xor(w, up)
    }));
    // The carry of a sum into what is wider; that of a sum of words that were added bit by bit.
    assert!(!unchanged(|l| {
        let (x, s) = (l.x(1), own(l, RING, [1].into()));
        let sum = l.p.add(x, s);
        let (a, b) = (l.p.convert(sum, Domain::Ring(4)), l.p.convert(s, Domain::Ring(4)));
        l.p.sub(a, b)
    }));
    assert!(!unchanged(|l| {
        let (w, s) = (l.word(1), own(l, WORD, [1].into()));
        let sum = l.p.xor(w, s);
        let (a, b) = (l.p.convert(sum, RING), l.p.convert(s, RING));
        l.p.sub(a, b)
    }));
    // The first row of two elements, repeated, is both of them; the first of two elements is one.
    assert!(!unchanged(|l| {
        let domain = Domain::Ring(1);
        let (x, s) = (l.p.input(P0, "x", 0, domain, [1, 2].into()), own(l, domain, [2].into()));
        let ones = |l: &mut Lines, rows: usize| l.p.constant(Constant::Splat(1), domain, [rows, 2].into());
        let (two, one) = (ones(l, 2), ones(l, 1));
        let both = l.p.mul(s, two);
        let (row, first) = (l.slice(both, 0, 1), l.slice(s, 0, 1));
        let first = l.p.mul(first, one);
        let y = l.p.add(x, row);
        l.p.sub(y, first)
    }));
}
