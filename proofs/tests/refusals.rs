//! The checker says no: a table of Programs, forged steps and the refusal that each must meet. Every refusal that there is, is met.
//!
//! Most rows are leaking protocols, with the certificate that somebody would write who wants them accepted; one line of the
//! checker stands between each and a verdict *proved*. Beside them: what each rule is there to accept, checked and counted. The
//! second checker is asked about every row, too, and must say the same.

mod second;

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

const RING: Domain = Domain::Ring(3);
const WORD: Domain = Domain::Bits(3);

/// P0 has secrets and samples; somebody else is sent something.
struct Lines {
    p: ProgramBuilder,
    steps: Vec<Step>,
    same: Vec<(ValueId, ValueId)>,
    handed: Vec<ValueId>,
    withheld: Vec<Withheld>,
    simulator: Simulator,
}

impl Lines {
    fn x(&mut self, elements: usize) -> ValueId {
        self.p.input(P0, "x", 0, RING, [elements].into())
    }

    fn word(&mut self, elements: usize) -> ValueId {
        self.p.input(P0, "w", 0, WORD, [elements].into())
    }

    fn s(&mut self, domain: Domain, elements: usize) -> ValueId {
        self.p.sample(PartySet::of(&[P0]), domain, [elements].into())
    }

    fn splat(&mut self, word: u64, domain: Domain) -> ValueId {
        self.p.constant(Constant::Splat(word), domain, Shape::scalar())
    }

    fn words(&mut self, words: &[u64], domain: Domain, shape: Shape) -> ValueId {
        self.p.constant(Constant::Words(words.to_vec().into()), domain, shape)
    }

    fn slice(&mut self, of: ValueId, start: usize, length: usize) -> ValueId {
        self.p.moved(of, Move::Slice { axis: 0, start, length })
    }

    /// Sent to P1, and claimed to be uniform because of some masks.
    fn uniform(&mut self, value: ValueId, masks: &[ValueId]) -> ValueId {
        let message = self.p.send(value, P1);
        self.steps.push(Step::Uniform { message, masks: masks.to_vec() });
        message
    }

    fn wide(&mut self, value: ValueId, masks: &[ValueId]) -> ValueId {
        let message = self.p.send(value, P1);
        self.steps.push(Step::Wide { message, masks: masks.to_vec() });
        message
    }

    fn output(&mut self, value: ValueId, shares: &[(ValueId, Option<ValueId>)]) {
        let output = self.p.reveal(value, Client, "y", 0);
        let shares = shares.iter().map(|&(message, mask)| Share { message, mask }).collect();
        self.steps.push(Step::Output { output, shares });
    }

    /// x + z and y - z, sent to the client.
    fn shares(&mut self, elements: usize) -> (ValueId, ValueId, ValueId) {
        let (x, y, z) = (self.x(elements), self.x(elements), self.s(RING, elements));
        let (a, b) = (self.p.add(x, z), self.p.sub(y, z));
        (self.p.send(a, Client), self.p.send(b, Client), z)
    }
}

fn forge(party: Party, build: impl FnOnce(&mut Lines)) -> (Program, Certificate) {
    let p = ProgramBuilder::new(PartySet::of(&[P0, P1, Client]), Party::ModelOwner);
    let simulator = Simulator::GivenOwnSamples;
    let (same, handed, withheld) = (Vec::new(), Vec::new(), Vec::new());
    let mut lines = Lines { p, steps: Vec::new(), same, handed, withheld, simulator };
    build(&mut lines);
    let Lines { p, steps, same, handed, withheld, simulator } = lines;
    let program = p.finish().unwrap();
    let digest = program.digest().to_hex().to_string();
    (program, Certificate { format: FORMAT, digest, coalition: vec![party], simulator, same, handed, withheld, steps })
}

/// The name of a refusal; a new one must be given a name here, and then a row below.
fn name(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NoSuchValue(_) => "no such value",
        Refusal::NoMessage(_) => "no message",
        Refusal::SecondStep(_) => "second step",
        Refusal::NoUse(_) => "no use",
        Refusal::TwoUses { .. } => "two uses",
        Refusal::PartsOverlap { .. } => "parts overlap",
        Refusal::MaskKnown(_) => "mask known",
        Refusal::MaskNoSample(_) => "mask no sample",
        Refusal::NotBalanced { .. } => "not balanced",
        Refusal::NotCovered(_) => "not covered",
        Refusal::Widened => "widened",
        Refusal::NotWidened => "not widened",
        Refusal::WidenedElsewhere(_) => "widened elsewhere",
        Refusal::WidenedNoSum(_) => "widened no sum",
        Refusal::WidenedBroadcast(_) => "widened broadcast",
        Refusal::NoOutput(_) => "no output",
        Refusal::NoShares => "no shares",
        Refusal::NoShare(_) => "no share",
        Refusal::UnnamedShare(_) => "unnamed share",
        Refusal::LastShareMasked(_) => "last share masked",
        Refusal::ShareUnmasked(_) => "share unmasked",
        Refusal::NoSum(_) => "no sum",
        Refusal::ShareTwice(_) => "share twice",
        Refusal::ShareBroadcast(_) => "share broadcast",
        Refusal::EvenFactor(_) => "even factor",
        Refusal::MaskElsewhere { .. } => "mask elsewhere",
        Refusal::MaskNoSummand { .. } => "mask no summand",
        Refusal::MaskBroadcast { .. } => "mask broadcast",
        Refusal::NotCancelling(_) => "not cancelling",
        Refusal::ShareDependsOnDrawn(_) => "share depends on drawn",
        Refusal::KnownOtherwise(_) => "known otherwise",
    }
}

const NAMES: [&str; 31] = [
    "no such value",
    "no message",
    "second step",
    "no use",
    "two uses",
    "parts overlap",
    "mask known",
    "mask no sample",
    "not balanced",
    "not covered",
    "widened",
    "not widened",
    "widened elsewhere",
    "widened no sum",
    "widened broadcast",
    "no output",
    "no shares",
    "no share",
    "unnamed share",
    "last share masked",
    "share unmasked",
    "no sum",
    "share twice",
    "share broadcast",
    "even factor",
    "mask elsewhere",
    "mask no summand",
    "mask broadcast",
    "not cancelling",
    "share depends on drawn",
    "known otherwise",
];

/// Refused at a step, for the reason named; returns the name.
#[track_caller]
fn refused(party: Party, expected: &'static str, build: impl FnOnce(&mut Lines)) -> &'static str {
    let (program, certificate) = forge(party, build);
    match check(&program, &certificate) {
        Err(CheckError::Step { why, .. }) => {
            assert_eq!(name(&why), expected, "{why}\n{}", *program);
            expected
        }
        other => panic!("expected `{expected}`, found {other:?}\n{}", *program),
    }
}

/// Messages that no operation covers, though a mask enters: each operation that does not keep uniformity.
#[expect(clippy::too_many_lines, reason = "a table of forgeries")]
fn unbalanced() -> Vec<&'static str> {
    let is = "not balanced";
    let masked = |build: fn(&mut Lines, ValueId, ValueId) -> ValueId, domain: Domain, elements: usize| {
        refused(P1, is, |l| {
            let x = if domain.is_ring() { l.x(2) } else { l.word(2) };
            let s = l.s(domain, elements);
            let m = build(l, x, s);
            l.uniform(m, &[s]);
        })
    };
    vec![
        // One random word for two elements: added, multiplied, broadcast on its own.
        masked(|l, x, s| l.p.add(x, s), RING, 1),
        masked(|l, x, s| l.p.sub(x, s), RING, 1),
        masked(|l, x, s| l.p.xor(x, s), WORD, 1),
        masked(
            |l, x, s| {
                let r = l.p.moved(s, Move::Broadcast([2].into()));
                l.p.add(x, r)
            },
            RING,
            1,
        ),
        masked(
            |l, x, s| {
                let k = l.words(&[1, 3], RING, [2].into());
                let r = l.p.mul(s, k);
                l.p.add(x, r)
            },
            RING,
            1,
        ),
        // Products with what is even somewhere, is no constant, or is a secret.
        masked(
            |l, x, s| {
                let k = l.splat(2, RING);
                let r = l.p.mul(s, k);
                l.p.add(x, r)
            },
            RING,
            2,
        ),
        masked(
            |l, x, s| {
                let k = l.words(&[1, 4], RING, [2].into());
                let r = l.p.mul(s, k);
                l.p.add(x, r)
            },
            RING,
            2,
        ),
        masked(
            |l, x, s| {
                let r = l.p.mul(s, x);
                l.p.add(x, r)
            },
            RING,
            2,
        ),
        // Bits that are lost.
        masked(
            |l, x, s| {
                let r = l.p.and(s, x);
                l.p.xor(x, r)
            },
            WORD,
            2,
        ),
        masked(
            |l, x, s| {
                let r = l.p.shift_left(s, 1);
                l.p.add(x, r)
            },
            RING,
            2,
        ),
        masked(
            |l, x, s| {
                let r = l.p.shift_right(s, 1);
                l.p.add(x, r)
            },
            RING,
            2,
        ),
        masked(
            |l, x, s| {
                let r = l.p.shift_right_arithmetic(s, 1);
                l.p.add(x, r)
            },
            RING,
            2,
        ),
        // Shifted by one bit, three remain of which one is no bit of the mask.
        masked(
            |l, _, s| {
                let r = l.p.shift_right(s, 1);
                l.p.convert(r, WORD)
            },
            RING,
            2,
        ),
        // A table that misses a word, and one that has a word more often than others.
        masked(
            |l, x, s| {
                let table = WordFunction::Table { entries: vec![0, 1, 2, 3, 4, 5, 6, 6], domain: RING };
                let r = l.p.function(table, s);
                l.p.add(x, r)
            },
            RING,
            2,
        ),
        masked(
            |l, _, s| {
                l.p.function(WordFunction::Table { entries: vec![0, 1, 1, 1, 1, 1, 1, 1], domain: Domain::Ring(1) }, s)
            },
            RING,
            2,
        ),
        masked(
            |l, x, s| {
                let r = l.p.function(WordFunction::Remainder { modulus: 7, domain: RING }, s);
                l.p.add(x, r)
            },
            RING,
            2,
        ),
        // Matrices that are singular modulo 2, from either side; one that is no constant.
        refused(P1, is, |l| {
            let s = l.p.sample(PartySet::of(&[P0]), RING, [1, 2].into());
            let k = l.words(&[1, 1, 3, 3], RING, [2, 2].into());
            let m = l.p.matmul(s, k);
            l.uniform(m, &[s]);
        }),
        refused(P1, is, |l| {
            let s = l.p.sample(PartySet::of(&[P0]), RING, [2, 1].into());
            let k = l.words(&[1, 3, 1, 3], RING, [2, 2].into());
            let m = l.p.matmul(k, s);
            l.uniform(m, &[s]);
        }),
        // Three results of two random words: onto in the other direction only.
        refused(P1, is, |l| {
            let s = l.p.sample(PartySet::of(&[P0]), RING, [1, 2].into());
            let k = l.words(&[1, 0, 1, 0, 1, 1], RING, [2, 3].into());
            let m = l.p.matmul(s, k);
            l.uniform(m, &[s]);
        }),
        refused(P1, is, |l| {
            let s = l.p.sample(PartySet::of(&[P0]), RING, [1, 2].into());
            let k = l.p.input(P0, "k", 0, RING, [2, 2].into());
            let m = l.p.matmul(s, k);
            l.uniform(m, &[s]);
        }),
    ]
}

/// Masks that are none, or are not this message's alone.
#[expect(clippy::too_many_lines, reason = "a table of forgeries")]
fn masks() -> Vec<&'static str> {
    vec![
        refused(P1, "no such value", |l| {
            let x = l.x(1);
            l.uniform(x, &[ValueId(999)]);
        }),
        refused(P1, "no message", |l| {
            let x = l.x(1);
            l.steps.push(Step::Uniform { message: x, masks: vec![] });
        }),
        // Computed from what P1 knows: no step, because it is none of its messages.
        refused(P1, "no message", |l| {
            let s = l.s(RING, 1);
            let m = l.uniform(s, &[s]);
            let n = l.p.neg(m);
            l.steps.push(Step::Uniform { message: n, masks: vec![s] });
        }),
        refused(P1, "second step", |l| {
            let (x, s) = (l.x(1), l.s(RING, 1));
            let m = l.p.add(x, s);
            let m = l.uniform(m, &[s]);
            l.steps.push(Step::Uniform { message: m, masks: vec![s] });
        }),
        refused(P1, "no use", |l| {
            let (x, s) = (l.x(1), l.s(RING, 1));
            l.uniform(x, &[s]);
        }),
        // One mask, two messages.
        refused(P1, "two uses", |l| {
            let (x, y, s) = (l.x(1), l.x(1), l.s(RING, 1));
            let (m, n) = (l.p.add(x, s), l.p.add(y, s));
            l.uniform(m, &[s]);
            l.uniform(n, &[s]);
        }),
        // The same, behind something that was computed from the mask.
        refused(P1, "two uses", |l| {
            let (x, y, s) = (l.x(1), l.x(1), l.s(RING, 1));
            let s1 = l.p.neg(s);
            let (m, n) = (l.p.add(x, s1), l.p.add(y, s1));
            l.uniform(m, &[s]);
            l.uniform(n, &[s]);
        }),
        // A mask that enters twice, and cancels.
        refused(P1, "two uses", |l| {
            let (x, s) = (l.x(1), l.s(RING, 1));
            let m = l.p.add(x, s);
            let m = l.p.sub(m, s);
            l.uniform(m, &[s]);
        }),
        // Parts of a mask with an element in common; the whole beside a part; parts along different axes.
        refused(P1, "parts overlap", |l| {
            let (x, y, s) = (l.x(2), l.x(2), l.s(RING, 3));
            let (a, b) = (l.slice(s, 0, 2), l.slice(s, 1, 2));
            let (m, n) = (l.p.add(x, a), l.p.add(y, b));
            l.uniform(m, &[a]);
            l.uniform(n, &[b]);
        }),
        refused(P1, "parts overlap", |l| {
            let (x, y, s) = (l.x(1), l.x(2), l.s(RING, 2));
            let a = l.slice(s, 0, 1);
            let (m, n) = (l.p.add(x, a), l.p.add(y, s));
            l.uniform(m, &[a]);
            l.uniform(n, &[s]);
        }),
        refused(P1, "parts overlap", |l| {
            let s = l.p.sample(PartySet::of(&[P0]), RING, [2, 2].into());
            let a = l.p.moved(s, Move::Slice { axis: 0, start: 0, length: 1 });
            let b = l.p.moved(s, Move::Slice { axis: 1, start: 1, length: 1 });
            l.uniform(a, &[a]);
            l.uniform(b, &[b]);
        }),
        refused(P1, "mask known", |l| {
            let x = l.x(1);
            let s = l.p.sample(PartySet::of(&[P0, P1]), RING, [1].into());
            let m = l.p.add(x, s);
            l.uniform(m, &[s]);
        }),
        // A mask that P1 was sent.
        refused(P1, "mask known", |l| {
            let (x, s) = (l.x(1), l.s(RING, 1));
            l.uniform(s, &[s]);
            let m = l.p.add(x, s);
            l.uniform(m, &[s]);
        }),
        refused(P1, "mask known", |l| {
            let x = l.x(1);
            let s = l.p.sample(PartySet::of(&[P0, P1]), RING, [2].into());
            let a = l.slice(s, 0, 1);
            let m = l.p.add(x, a);
            l.uniform(m, &[a]);
        }),
        refused(P1, "mask no sample", |l| {
            let x = l.x(1);
            let y = l.p.neg(x);
            l.uniform(y, &[x]);
        }),
        // A message named as its own mask; a slice of a secret as a mask.
        refused(P1, "mask no sample", |l| {
            let x = l.x(1);
            let m = l.p.neg(x);
            l.uniform(m, &[m]);
        }),
        refused(P1, "mask no sample", |l| {
            let x = l.x(2);
            let m = l.slice(x, 0, 1);
            l.uniform(m, &[m]);
        }),
        refused(P1, "not covered", |l| {
            let x = l.x(1);
            l.uniform(x, &[]);
        }),
        // One part of two that are joined; the same part named twice.
        refused(P1, "not covered", |l| {
            let (x, s) = (l.x(1), l.s(RING, 1));
            let m = l.p.concat(&[s, x], 0);
            l.uniform(m, &[s, s]);
        }),
        // A mask that goes through another message that remains: it is known there.
        refused(P1, "no use", |l| {
            let (x, s) = (l.x(1), l.s(RING, 1));
            let u = l.p.add(x, s);
            let y = l.x(1);
            let m = l.p.mul(u, y);
            let first = l.p.send(m, P1);
            l.steps.push(Step::Uniform { message: first, masks: vec![s] });
            l.uniform(u, &[s]);
        }),
    ]
}

/// Masks of fewer bits.
fn wide() -> Vec<&'static str> {
    let narrow = Domain::Ring(2);
    vec![
        refused(P1, "widened", |l| {
            let (x, s) = (l.x(1), l.s(narrow, 1));
            let w = l.p.convert(s, RING);
            let m = l.p.add(x, w);
            l.uniform(m, &[s]);
        }),
        refused(P1, "not widened", |l| {
            let (x, s) = (l.x(1), l.s(RING, 1));
            let m = l.p.add(x, s);
            l.wide(m, &[s]);
        }),
        refused(P1, "widened elsewhere", |l| {
            let (x, s) = (l.x(1), l.s(narrow, 1));
            let w = l.p.convert(s, RING);
            let w = l.p.neg(w);
            let m = l.p.add(x, w);
            l.wide(m, &[s]);
        }),
        refused(P1, "widened no sum", |l| {
            let (x, s) = (l.x(1), l.s(narrow, 1));
            let w = l.p.convert(s, RING);
            let m = l.p.mul(x, w);
            l.wide(m, &[s]);
        }),
        refused(P1, "widened broadcast", |l| {
            let (x, s) = (l.x(2), l.s(narrow, 1));
            let w = l.p.convert(s, RING);
            let m = l.p.add(x, w);
            l.wide(m, &[s]);
        }),
    ]
}

/// Shares of outputs.
#[expect(clippy::too_many_lines, reason = "a table of forgeries")]
fn outputs() -> Vec<&'static str> {
    vec![
        // An output of somebody outside the coalition.
        refused(Client, "no output", |l| {
            let x = l.x(1);
            let m = l.p.send(x, Client);
            let output = l.p.reveal(m, P0, "y", 0);
            l.steps.push(Step::Output { output, shares: vec![Share { message: m, mask: None }] });
        }),
        // A value that nobody revealed.
        refused(Client, "no output", |l| {
            let x = l.x(1);
            let m = l.p.send(x, Client);
            l.steps.push(Step::Output { output: m, shares: vec![Share { message: m, mask: None }] });
        }),
        refused(Client, "no shares", |l| {
            let x = l.x(1);
            let m = l.p.send(x, Client);
            l.output(m, &[]);
        }),
        refused(Client, "no share", |l| {
            let (x, y) = (l.x(1), l.x(1));
            let (m, n) = (l.p.send(x, Client), l.p.send(y, Client));
            l.output(m, &[(n, None)]);
        }),
        refused(Client, "unnamed share", |l| {
            let (a, b, _) = l.shares(1);
            let y = l.p.add(a, b);
            l.output(y, &[(b, None)]);
        }),
        refused(Client, "last share masked", |l| {
            let (a, b, z) = l.shares(1);
            let y = l.p.add(a, b);
            l.output(y, &[(a, Some(z)), (b, Some(z))]);
        }),
        refused(Client, "share unmasked", |l| {
            let (a, b, _) = l.shares(1);
            let y = l.p.add(a, b);
            l.output(y, &[(a, None), (b, None)]);
        }),
        refused(Client, "no sum", |l| {
            let x = l.x(1);
            let m = l.p.send(x, Client);
            let y = l.p.mul(m, m);
            l.output(y, &[(m, None)]);
        }),
        // What somebody else made of a message before sending it is no sum of messages.
        refused(Client, "no sum", |l| {
            let (x, s) = (l.x(1), l.s(RING, 1));
            let m = l.p.add(x, s);
            let m1 = l.p.send(m, Client);
            let n = l.p.moved(m, Move::Reshape([1, 1].into()));
            let n = l.p.mul(n, n);
            let n = l.p.send(n, Client);
            l.output(n, &[(m1, None)]);
        }),
        refused(Client, "share twice", |l| {
            let x = l.x(1);
            let m = l.p.send(x, Client);
            let y = l.p.add(m, m);
            l.output(y, &[(m, None)]);
        }),
        refused(Client, "share broadcast", |l| {
            let (x, y) = (l.x(1), l.x(2));
            let (m, n) = (l.p.send(x, Client), l.p.send(y, Client));
            let y = l.p.add(m, n);
            l.output(y, &[(m, None), (n, None)]);
        }),
        // Twice a message does not tell it.
        refused(Client, "even factor", |l| {
            let x = l.x(1);
            let m = l.p.send(x, Client);
            let two = l.splat(2, RING);
            let y = l.p.mul(m, two);
            l.output(y, &[(m, None)]);
        }),
        // A mask of the shares that is sent, too, under nothing else.
        refused(Client, "mask elsewhere", |l| {
            let (a, b, z) = l.shares(1);
            let n = l.p.neg(z);
            let n = l.p.send(n, Client);
            let y = l.p.add(a, b);
            l.output(y, &[(a, Some(z)), (b, None)]);
            l.steps.push(Step::Uniform { message: n, masks: vec![z] });
        }),
        // A mask of one share only.
        refused(Client, "mask elsewhere", |l| {
            let (x, y, z) = (l.x(1), l.x(1), l.s(RING, 1));
            let a = l.p.add(x, z);
            let (a, b) = (l.p.send(a, Client), l.p.send(y, Client));
            let y = l.p.add(a, b);
            l.output(y, &[(a, Some(z)), (b, None)]);
        }),
        // A mask that is doubled on its way: it cancels, and does not cover.
        refused(Client, "mask no summand", |l| {
            let (x, y, z) = (l.x(1), l.x(1), l.s(RING, 1));
            let two = l.splat(2, RING);
            let zz = l.p.mul(z, two);
            let a = l.p.add(x, zz);
            let zz = l.p.mul(z, two);
            let b = l.p.sub(y, zz);
            let (a, b) = (l.p.send(a, Client), l.p.send(b, Client));
            let y = l.p.add(a, b);
            l.output(y, &[(a, Some(z)), (b, None)]);
        }),
        // A mask under a shift.
        refused(Client, "mask no summand", |l| {
            let (x, y, z) = (l.word(1), l.word(1), l.s(WORD, 1));
            let half = l.p.shift_right(z, 1);
            let a = l.p.xor(x, half);
            let half = l.p.shift_right(z, 1);
            let b = l.p.xor(y, half);
            let (a, b) = (l.p.send(a, Client), l.p.send(b, Client));
            let y = l.p.xor(a, b);
            l.output(y, &[(a, Some(z)), (b, None)]);
        }),
        refused(Client, "mask broadcast", |l| {
            let (x, y, z) = (l.x(2), l.x(2), l.s(RING, 1));
            let (a, b) = (l.p.add(x, z), l.p.sub(y, z));
            let (a, b) = (l.p.send(a, Client), l.p.send(b, Client));
            let y = l.p.add(a, b);
            l.output(y, &[(a, Some(z)), (b, None)]);
        }),
        // The signs: both add it; the output subtracts.
        refused(Client, "not cancelling", |l| {
            let (x, y, z) = (l.x(1), l.x(1), l.s(RING, 1));
            let (a, b) = (l.p.add(x, z), l.p.add(y, z));
            let (a, b) = (l.p.send(a, Client), l.p.send(b, Client));
            let y = l.p.add(a, b);
            l.output(y, &[(a, Some(z)), (b, None)]);
        }),
        refused(Client, "not cancelling", |l| {
            let (a, b, z) = l.shares(1);
            let y = l.p.sub(a, b);
            l.output(y, &[(a, Some(z)), (b, None)]);
        }),
        // A share made from a message that is drawn without the output.
        refused(Client, "share depends on drawn", |l| {
            let (x, s, y, z) = (l.x(1), l.s(RING, 1), l.x(1), l.s(RING, 1));
            let m = l.p.add(x, s);
            let sent = l.p.send(m, Client);
            l.steps.push(Step::Uniform { message: sent, masks: vec![s] });
            let square = l.p.mul(m, m);
            let (a, b) = (l.p.add(square, z), l.p.sub(y, z));
            let (a, b) = (l.p.send(a, Client), l.p.send(b, Client));
            let y = l.p.add(a, b);
            l.output(y, &[(a, Some(z)), (b, None)]);
        }),
    ]
}

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
fn withheld() -> Vec<&'static str> {
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
        (simplest as fn(&mut Lines), Simulator::DrawsOwnSamples),
        (truncated, Simulator::GivenOwnRandomness),
        (sliced, Simulator::GivenOwnRandomness),
    ] {
        for simulator in [Simulator::DrawsOwnSamples, Simulator::GivenOwnSamples, Simulator::GivenOwnRandomness] {
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
        if strongest == Simulator::DrawsOwnSamples {
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
    // With the randomness given nothing may be handed over, and no step is about an output.
    let (program, mut forged) = forge(P1, simplest);
    forged.handed = vec![forged.withheld[0].message];
    forged.steps.push(Step::Uniform { message: forged.handed[0], masks: vec![forged.handed[0]] });
    assert!(check(&program, &forged).is_err());
    forged.steps.swap(0, 1);
    assert!(check(&program, &forged).is_err());
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
}

/// Accepted, and counting agrees.
#[track_caller]
fn accepted(party: Party, build: impl FnOnce(&mut Lines)) -> Checked {
    let (program, certificate) = forge(party, build);
    let checked = check(&program, &certificate).unwrap_or_else(|error| panic!("{error}\n{}", *program));
    let coalition = Coalition::of(&program, &[party]).unwrap();
    let given_own_samples = certificate.simulator == Simulator::GivenOwnSamples;
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

/// What a value is known to be below, seen by the distance of a mask of two bits.
#[test]
fn words_are_bounded_by_what_made_them() {
    let bounded = |expected_bits: i32, build: fn(&mut Lines) -> ValueId| {
        let checked = accepted(P1, |l| {
            let v = build(l);
            let v = l.p.convert(v, Domain::Ring(5));
            let s = l.s(Domain::Ring(4), 1);
            let w = l.p.convert(s, Domain::Ring(5));
            let m = l.p.add(v, w);
            l.wide(m, &[s]);
        });
        assert_eq!(checked.statistical_distance, 2f64.powi(expected_bits - 4));
    };
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
        let expected = if party == P0 { Simulator::GivenOwnSamples } else { Simulator::DrawsOwnSamples };
        assert_eq!(check(&program, &certificate).unwrap().simulator, expected);
    }
}
