//! What each rule is there to accept, checked and counted.

use super::*;

/// Accepted, and counting agrees.
#[track_caller]
fn accepted(party: Party, build: impl FnOnce(&mut Lines)) -> Checked {
    let (program, certificate) = forge(party, build);
    let checked = check(&program, &certificate).unwrap_or_else(|error| panic!("{error}\n{}", *program));
    let coalition = Coalition::of(&program, &[party]).unwrap();
    let given_own_samples = certificate.simulator >= Simulator::GivenOwnSamples;
    let options = exhaustive::Options { given_own_samples, ..exhaustive::Options::default() };
    match exhaustive::count_with(&program, coalition, options).unwrap() {
        Exhaustive::Private => {}
        Exhaustive::Leak(witness) => {
            assert!(witness.distance <= 2.0 * checked.statistical_distance, "{witness}\n{}", *program);
        }
    }
    let proved = privacy::prove(&program, coalition).certificate.is_some();
    assert!(proved || checked.statistical_distance > 0.0, "the prover finds it, too\n{}", *program);
    checked
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of what is accepted")]
fn each_rule_accepts_what_it_is_there_for() {
    // Slices apart, one of them sent as it is.
    accepted(P1, |l| {
        let (x, s) = (l.x(2), l.s(RING, 3));
        let (a, b) = (l.slice(s, 0, 2), l.slice(s, 2, 1));
        let m = l.p.add(x, a);
        l.uniform(m, &[a]);
        l.uniform(b, &[b]);
    });
    // The middle bit of a word, and a product with an odd matrix, from either side.
    accepted(P1, |l| {
        let (x, s) = (l.x(1), l.s(RING, 1));
        let (r, x) = (l.p.shift_right(s, 1), l.p.convert(x, Domain::Ring(1)));
        let r = l.p.convert(r, Domain::Ring(1));
        let m = l.p.add(x, r);
        l.uniform(m, &[s]);
    });
    for left in [false, true] {
        accepted(P1, |l| {
            let domain = Domain::Ring(2);
            let shape: Shape = if left { [2, 1].into() } else { [1, 2].into() };
            let x = l.p.input(P0, "x", 0, domain, shape.clone());
            let s = l.p.sample(PartySet::of(&[P0]), domain, shape);
            let k = l.words(&[1, 2, 1, 3], domain, [2, 2].into());
            let r = if left { l.p.matmul(k, s) } else { l.p.matmul(s, k) };
            let m = l.p.add(x, r);
            l.uniform(m, &[s]);
        });
    }
    // A table that is a bijection, and one that halves.
    for (entries, domain) in [(vec![3, 1, 0, 2, 7, 6, 5, 4], RING), (vec![0, 1, 1, 0, 1, 0, 0, 1], Domain::Ring(1))] {
        accepted(P1, |l| {
            let (x, s) = (l.x(1), l.s(RING, 1));
            let (r, x) = (l.p.function(WordFunction::Table { entries, domain }, s), l.p.convert(x, domain));
            let m = l.p.add(x, r);
            l.uniform(m, &[s]);
        });
    }
    // A function of a random word, handed over; two messages that have something uniform in common.
    accepted(P1, |l| {
        let s = l.s(RING, 1);
        let m = l.p.shift_left(s, 1);
        l.p.send(m, P1);
        l.handed = vec![s];
        l.steps.push(Step::Uniform { message: s, masks: vec![s] });
    });
    accepted(P1, |l| {
        let (x, s) = (l.x(1), l.s(RING, 1));
        let u = l.p.add(x, s);
        let (m, n) = (l.p.mul(u, u), l.p.shift_right(u, 1));
        l.p.send(m, P1);
        l.p.send(n, P1);
        l.handed = vec![u];
        l.steps.push(Step::Uniform { message: u, masks: vec![s] });
    });
    // The same computation twice, both sent.
    accepted(P1, |l| {
        let (x, s) = (l.x(1), l.s(RING, 1));
        let (m, n) = (l.p.add(x, s), l.p.add(x, s));
        l.uniform(m, &[s]);
        l.p.send(n, P1);
        l.same = vec![(m, n)];
    });
    // What is zero needs no step.
    accepted(P1, |l| {
        let x = l.x(1);
        let zero = l.p.sub(x, x);
        l.p.send(zero, P1);
        let none = l.splat(0, RING);
        let zero = l.p.mul(none, x);
        l.p.send(zero, P1);
    });
    // Outputs with odd factors, rearranged; under exclusive or; of a message that is drawn.
    accepted(Client, |l| {
        let (x, y, z) = (l.x(2), l.x(2), l.s(RING, 2));
        let (three, five) = (l.splat(3, RING), l.splat(5, RING));
        let z3 = l.p.mul(z, three);
        let (a, b) = (l.p.add(x, z), l.p.sub(y, z3));
        let (a, b) = (l.p.send(a, Client), l.p.send(b, Client));
        let a3 = l.p.mul(a, three);
        let sum = l.p.add(a3, b);
        let sum = l.p.mul(sum, five);
        let y = l.p.moved(sum, Move::Reshape([2, 1].into()));
        l.output(y, &[(a, Some(z)), (b, None)]);
    });
    accepted(Client, |l| {
        let (x, y, z) = (l.word(1), l.word(1), l.s(WORD, 1));
        let (a, b) = (l.p.xor(x, z), l.p.xor(y, z));
        let b = l.p.not(b);
        let (a, b) = (l.p.send(a, Client), l.p.send(b, Client));
        let y = l.p.xor(a, b);
        let y = l.p.convert(y, RING);
        l.output(y, &[(a, Some(z)), (b, None)]);
    });
    // What somebody else rearranged before sending it is a share as it is.
    accepted(Client, |l| {
        let x = l.x(2);
        let m = l.p.moved(x, Move::Reshape([2, 1].into()));
        let m = l.p.send(m, Client);
        l.output(m, &[(m, None)]);
    });
    let drawn = accepted(Client, |l| {
        let (x, s) = (l.x(1), l.s(RING, 1));
        let m = l.p.add(x, s);
        let m = l.p.send(m, Client);
        l.steps.push(Step::Uniform { message: m, masks: vec![s] });
        let y = l.p.mul(m, m);
        l.p.reveal(y, Client, "y", 0);
        l.simulator = Simulator::DrawsOwnSamples;
    });
    assert!(drawn.conditional);
}

#[test]
fn odd_words_and_joined_parts_keep_a_mask() {
    accepted(P1, |l| {
        let (x, s) = (l.x(2), l.s(RING, 2));
        let k = l.words(&[1, 3], RING, [2].into());
        let r = l.p.mul(s, k);
        let m = l.p.add(x, r);
        l.uniform(m, &[s]);
    });
    accepted(P1, |l| {
        let (x, y, r, s) = (l.x(1), l.x(1), l.s(RING, 1), l.s(RING, 1));
        let (a, b) = (l.p.add(x, r), l.p.sub(y, s));
        let m = l.p.concat(&[a, b], 0);
        l.uniform(m, &[r, s]);
    });
}

/// Too many words to count.
#[test]
fn a_matrix_of_64_rows_keeps_a_mask() {
    let (program, certificate) = forge(P1, |l| {
        let s = l.p.sample(PartySet::of(&[P0]), RING, [1, 64].into());
        let mut words = [2; 64];
        words[63] = 1;
        let k = l.words(&words, RING, [64, 1].into());
        let x = l.p.input(P0, "x", 0, RING, [1, 1].into());
        let r = l.p.matmul(s, k);
        let m = l.p.add(x, r);
        l.uniform(m, &[s]);
    });
    assert!(check(&program, &certificate).is_ok());
}

/// What a value is known to be below, seen by the distance of a mask of two bits.
#[test]
fn words_are_bounded_by_what_made_them() {
    let distance = |elements: usize, build: fn(&mut Lines) -> ValueId| {
        let checked = accepted(P1, |l| {
            let v = build(l);
            let v = l.p.convert(v, Domain::Ring(5));
            let s = l.s(Domain::Ring(4), elements);
            let w = l.p.convert(s, Domain::Ring(5));
            let m = l.p.add(v, w);
            l.wide(m, &[s]);
        });
        checked.statistical_distance
    };
    let bounded = |expected_bits: i32, build: fn(&mut Lines) -> ValueId| {
        assert_eq!(distance(1, build), 2f64.powi(expected_bits - 4));
    };
    // Each element of a message costs what one does.
    let one_bit = |l: &mut Lines| {
        let x = l.x(2);
        l.p.convert(x, Domain::Ring(1))
    };
    assert_eq!(distance(2, one_bit), 2.0 * 2f64.powi(1 - 4));
    bounded(3, |l| l.x(1));
    bounded(1, |l| {
        let x = l.x(1);
        l.p.convert(x, Domain::Ring(1))
    });
    bounded(2, |l| {
        let x = l.x(1);
        l.p.shift_right(x, 1)
    });
    bounded(1, |l| {
        let (x, k) = (l.word(1), l.splat(1, WORD));
        l.p.and(x, k)
    });
    bounded(3, |l| {
        let (x, y) = (l.word(1), l.word(1));
        l.p.and(x, y)
    });
    bounded(3, |l| {
        let (x, k) = (l.word(1), l.splat(1, WORD));
        l.p.xor(x, k)
    });
    bounded(2, |l| {
        let x = l.x(1);
        let a = l.p.shift_right(x, 2);
        let b = l.p.shift_right(x, 2);
        l.p.add(a, b)
    });
    bounded(3, |l| {
        let x = l.x(1);
        l.p.neg(x)
    });
    bounded(3, |l| {
        let x = l.x(1);
        l.p.shift_right_arithmetic(x, 2)
    });
    bounded(2, |l| {
        let x = l.x(1);
        l.p.function(WordFunction::Table { entries: vec![0, 1, 2, 3, 3, 2, 1, 0], domain: RING }, x)
    });
    bounded(2, |l| {
        let x = l.x(1);
        l.p.function(WordFunction::Remainder { modulus: 4, domain: RING }, x)
    });
    // Farther back than the checker looks.
    bounded(3, |l| {
        let x = l.x(1);
        let mut v = l.p.shift_right(x, 2);
        for _ in 0..4 {
            v = l.p.moved(v, Move::Reshape([1].into()));
        }
        v
    });
}

/// A value that a party owns, reveals and is sent: it is no message, whoever counts it among the sends.
#[test]
fn what_is_owned_revealed_and_sent_back_is_no_message() {
    let (program, _) = forge(P1, |l| {
        let s = l.p.sample(PartySet::of(&[P0, P1]), RING, [1].into());
        let revealed = l.p.reveal(s, P0, "s", 0);
        l.p.send(revealed, P1);
    });
    for party in [P0, P1, Client] {
        let coalition = Coalition::of(&program, &[party]).unwrap();
        let certificate = privacy::prove(&program, coalition).certificate.expect("nothing secret is in it");
        assert!(certificate.steps.is_empty());
        // P0 is told its own sample: given the output, it is not to be drawn afresh.
        // P1 knows P0's output, too: its samples and that output are not independent.
        let expected = match party {
            P0 => Simulator::GivenOwnSamples,
            P1 => Simulator::DrawsOwnSamples,
            _ => Simulator::JointlyWithOutputs,
        };
        assert_eq!(check(&program, &certificate).unwrap().simulator, expected);
    }
}
