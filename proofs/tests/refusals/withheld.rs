//! What a party that completes an output itself is not sent, and forgeries about it.

use super::*;

/// P0 shares x with P1 and then completes it, or something else, for P1: values are the share, its mask, and x.
fn completed(l: &mut Lines, elements: usize) -> (ValueId, ValueId, ValueId) {
    let (x, s) = (l.x(elements), l.s(RING, elements));
    let rest = l.p.sub(x, s);
    (l.uniform(rest, &[s]), s, x)
}

impl Lines {
    /// P1 makes something of a message, which is withheld for it.
    fn withheld(&mut self, message: ValueId, output: ValueId) {
        let output = self.p.reveal(output, P1, "y", 0);
        self.withheld.push(Withheld { message, output });
        self.simulator = Simulator::GivenOwnRandomness;
    }
}

/// Refused, because an output does not determine what is withheld.
#[track_caller]
fn not_withheld(expected: &'static str, build: impl FnOnce(&mut Lines)) -> &'static str {
    let (program, certificate) = forge(P1, build);
    match check(&program, &certificate) {
        Err(CheckError::Withheld { why, .. }) => {
            assert_eq!(name(&why), expected, "{why}\n{}", *program);
            expected
        }
        other => panic!("expected `{expected}`, found {other:?}\n{}", *program),
    }
}

/// Messages that a party could not make from its output: each tells it something that it should not know.
#[allow(clippy::too_many_lines, reason = "a table of forgeries")]
pub(super) fn withheld() -> Vec<&'static str> {
    vec![
        // Anything at all, withheld for no output of the party: of nobody, of somebody else, or a number beyond the end.
        not_withheld("no output", |l| {
            let x = l.x(1);
            let m = l.p.send(x, P1);
            l.withheld(m, m);
            l.withheld[0].output = m;
        }),
        not_withheld("no output", |l| {
            let x = l.x(1);
            let m = l.p.send(x, P1);
            l.withheld(m, m);
            l.withheld[0].output = l.p.reveal(x, P0, "own", 0);
        }),
        not_withheld("no such value", |l| {
            let x = l.x(1);
            let m = l.p.send(x, P1);
            l.withheld(m, m);
            l.withheld[0].output = ValueId(99);
        }),
        not_withheld("no such value", |l| {
            let x = l.x(1);
            let m = l.p.send(x, P1);
            l.withheld(m, m);
            l.withheld.push(Withheld { message: ValueId(99), output: l.withheld[0].output });
        }),
        // An output that loses bits of the message, by a factor, a shift, a product, or that has nothing of it.
        not_withheld("even factor", |l| {
            let x = l.x(1);
            let m = l.p.send(x, P1);
            let twice = l.p.add(m, m);
            l.withheld(m, twice);
        }),
        not_withheld("even factor", |l| {
            let (rest, s, x) = completed(l, 1);
            let m = l.p.send(s, P1);
            let y = l.p.add(rest, rest);
            l.withheld(m, y);
            l.p.reveal(x, P0, "own", 0);
        }),
        not_withheld("no sum", |l| {
            let x = l.x(1);
            let m = l.p.send(x, P1);
            let half = l.p.shift_right(m, 1);
            l.withheld(m, half);
        }),
        not_withheld("no sum", |l| {
            let x = l.x(1);
            let m = l.p.send(x, P1);
            let square = l.p.mul(m, m);
            let y = l.p.add(m, square);
            l.withheld(m, y);
        }),
        // Two secrets, one of which is to be found from the sum of both, which somebody else computed.
        not_withheld("no sum", |l| {
            let (x, y) = (l.x(1), l.x(1));
            let m = l.p.send(x, P1);
            let sum = l.p.add(x, y);
            let n = l.p.send(sum, P1);
            l.withheld(m, n);
            l.withheld.push(Withheld { message: n, output: l.withheld[0].output });
        }),
        // Two secrets that one output is to determine both.
        not_withheld("no sum", |l| {
            let (x, y) = (l.x(1), l.x(1));
            let (m, n) = (l.p.send(x, P1), l.p.send(y, P1));
            let sum = l.p.add(m, n);
            l.withheld(m, sum);
            l.withheld.push(Withheld { message: n, output: l.withheld[0].output });
        }),
        // One element of two.
        not_withheld("share broadcast", |l| {
            let (x, y) = (l.x(1), l.s(RING, 2));
            let m = l.p.send(x, P1);
            let n = l.uniform(y, &[y]);
            let sum = l.p.add(m, n);
            l.withheld(m, sum);
        }),
        // What is known all the same: computed from what is not withheld, a sample of its own, or not sent at all.
        not_withheld("known otherwise", |l| {
            let (rest, ..) = completed(l, 1);
            let twice = l.p.add(rest, rest);
            l.withheld(twice, twice);
        }),
        not_withheld("known otherwise", |l| {
            let s = l.p.sample(PartySet::of(&[P0, P1]), RING, [1].into());
            l.withheld(s, s);
        }),
    ]
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table of what is accepted and what is not")]
fn an_output_is_completed_and_nothing_else() {
    let sound = |simulator: Simulator, build: fn(&mut Lines)| {
        let (program, mut right) = forge(P1, build);
        right.simulator = simulator;
        check(&program, &right).map(|checked| checked.simulator)
    };
    // The simplest reconstruction: the strongest claim.
    let simplest = |l: &mut Lines| {
        let (rest, s, _) = completed(l, 2);
        let m = l.p.send(s, P1);
        let y = l.p.add(rest, m);
        l.withheld(m, y);
    };
    // Truncated by shares: the rounding depends on the share that P1 was sent, and only the weakest claim holds.
    let truncated = |l: &mut Lines| {
        let (rest, s, _) = completed(l, 1);
        let (a, b) = (l.p.shift_right(rest, 1), l.p.shift_right(s, 1));
        let m = l.p.send(b, P1);
        let y = l.p.sub(m, a);
        l.withheld(m, y);
    };
    // A mask of which a part covers the message that stays.
    let sliced = |l: &mut Lines| {
        let (x, s) = (l.x(1), l.s(RING, 2));
        let (a, b) = (l.slice(s, 0, 1), l.slice(s, 1, 1));
        let rest = l.p.sub(x, a);
        let rest = l.uniform(rest, &[a]);
        let other = l.p.add(a, b);
        let m = l.p.send(other, P1);
        let y = l.p.add(rest, m);
        l.withheld(m, y);
    };
    for (build, strongest) in [
        (simplest as fn(&mut Lines), Simulator::JointlyWithOutputs),
        (truncated, Simulator::GivenOwnRandomness),
        (sliced, Simulator::GivenOwnRandomness),
    ] {
        for simulator in [
            Simulator::JointlyWithOutputs,
            Simulator::DrawsOwnSamples,
            Simulator::GivenOwnSamples,
            Simulator::GivenOwnRandomness,
        ] {
            let found = sound(simulator, build);
            if simulator >= strongest {
                assert_eq!(found, Ok(simulator));
            } else {
                assert!(matches!(found, Err(CheckError::OwnSamples { .. })), "{found:?}");
            }
        }
        // Counting says the same, and the prover finds the strongest claim.
        let (program, right) = forge(P1, build);
        let coalition = Coalition::of(&program, &[P1]).unwrap();
        let withheld: Vec<ValueId> = right.withheld.iter().map(|withheld| withheld.message).collect();
        let options = exhaustive::Options::default();
        let counted = exhaustive::count_given_randomness(&program, coalition, &withheld, options).unwrap();
        assert_eq!(counted, Exhaustive::Private);
        if strongest <= Simulator::DrawsOwnSamples {
            let options = exhaustive::Options::stronger();
            assert_eq!(exhaustive::count_with(&program, coalition, options).unwrap(), Exhaustive::Private);
        }
        let found = privacy::prove(&program, coalition).certificate.expect("it is sound");
        assert!(check(&program, &found).unwrap().simulator <= strongest);
    }
    // Of the truncated one, the stronger claims are false.
    let (program, _) = forge(P1, truncated);
    let coalition = Coalition::of(&program, &[P1]).unwrap();
    assert!(matches!(exhaustive::count(&program, coalition), Ok(Exhaustive::Leak(_))));
    // What was rearranged before it was sent is an output as it is.
    let rearranged = |l: &mut Lines| {
        let x = l.x(2);
        let m = l.p.moved(x, Move::Reshape([2, 1].into()));
        let m = l.p.send(m, P1);
        l.withheld(m, m);
    };
    // And P1 may rearrange what it completes.
    let rearranging = |l: &mut Lines| {
        let (rest, s, _) = completed(l, 2);
        let m = l.p.send(s, P1);
        let y = l.p.add(rest, m);
        let y = l.p.moved(y, Move::Reshape([2, 1].into()));
        l.withheld(m, y);
    };
    for build in [rearranged as fn(&mut Lines), rearranging] {
        assert_eq!(sound(Simulator::GivenOwnRandomness, build), Ok(Simulator::GivenOwnRandomness));
    }
    // With the randomness given nothing may be handed over, and no step is about an output.
    let (program, mut forged) = forge(P1, simplest);
    forged.handed = vec![forged.withheld[0].message];
    forged.steps.push(Step::Uniform { message: forged.handed[0], masks: vec![forged.handed[0]] });
    assert!(check(&program, &forged).is_err());
    forged.steps.swap(0, 1);
    assert!(check(&program, &forged).is_err());
    // Even something that has nothing to do with it, and has a step: what is handed over would be randomness that outputs may depend on.
    let (program, mut forged) = forge(P1, |l| {
        simplest(l);
        l.s(RING, 1);
    });
    let other = ValueId(program.values.len() as u32 - 1);
    forged.handed = vec![other];
    forged.steps.push(Step::Uniform { message: other, masks: vec![other] });
    assert_eq!(check(&program, &forged), Err(CheckError::GivenRandomness));
    let (program, mut forged) = forge(Client, |l| {
        let (a, b, z) = l.shares(1);
        let y = l.p.add(a, b);
        l.output(y, &[(a, Some(z)), (b, None)]);
    });
    assert!(check(&program, &forged).is_ok());
    forged.simulator = Simulator::GivenOwnRandomness;
    assert_eq!(check(&program, &forged), Err(CheckError::GivenRandomness));
    // The rest must be covered all the same: withheld is the mask, not what it covers.
    let (program, forged) = forge(P1, |l| {
        let (x, s) = (l.x(1), l.s(RING, 1));
        let m = l.p.add(x, s);
        let (m, n) = (l.p.send(m, P1), l.p.send(s, P1));
        let y = l.p.sub(m, n);
        l.withheld(n, y);
        l.p.send(x, P1);
        l.steps.push(Step::Uniform { message: m, masks: vec![s] });
    });
    assert!(matches!(check(&program, &forged), Err(CheckError::Missing { .. })));
}
