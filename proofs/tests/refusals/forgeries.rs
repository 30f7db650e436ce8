//! Forgeries that balance nothing, mask nothing or count too wide.

use super::*;

fn table(entries: Vec<u64>, domain: Domain) -> WordFunction {
    WordFunction::Table { entries, domain }
}

/// Messages that no operation covers, though a mask enters: each operation that does not keep uniformity.
#[expect(clippy::too_many_lines, reason = "a table of forgeries")]
pub(super) fn unbalanced() -> Vec<&'static str> {
    let is = "not balanced";
    let masked = |build: fn(&mut Lines, ValueId, ValueId) -> ValueId, domain: Domain, elements: usize| {
        refused(P1, is, |l| {
            let x = if domain.is_ring() { l.x(2) } else { l.word(2) };
            let s = l.s(domain, elements);
            let m = build(l, x, s);
            l.uniform(m, &[s]);
        })
    };
    // The same, with something made of the mask added to the secret.
    let added = |build: fn(&mut Lines, ValueId, ValueId) -> ValueId, elements: usize| {
        refused(P1, is, |l| {
            let (x, s) = (l.x(2), l.s(RING, elements));
            let r = build(l, x, s);
            let m = l.p.add(x, r);
            l.uniform(m, &[s]);
        })
    };
    let times = |words: &'static [u64], elements: usize| {
        refused(P1, is, |l| {
            let (x, s) = (l.x(2), l.s(RING, elements));
            let k = l.words(words, RING, [2].into());
            let r = l.p.mul(s, k);
            let m = l.p.add(x, r);
            l.uniform(m, &[s]);
        })
    };
    // A mask behind a matrix, from the right or the left.
    let matrix = |mask: [usize; 2], words: &'static [u64], shape: [usize; 2], from_left: bool| {
        refused(P1, is, |l| {
            let s = l.p.sample(PartySet::of(&[P0]), RING, mask.into());
            let k = l.words(words, RING, shape.into());
            let m = if from_left { l.p.matmul(k, s) } else { l.p.matmul(s, k) };
            l.uniform(m, &[s]);
        })
    };
    vec![
        // One random word for two elements: added, multiplied, broadcast on its own.
        masked(|l, x, s| l.p.add(x, s), RING, 1),
        masked(|l, x, s| l.p.sub(x, s), RING, 1),
        masked(|l, x, s| l.p.xor(x, s), WORD, 1),
        added(|l, _, s| l.p.moved(s, Move::Broadcast([2].into())), 1),
        times(&[1, 3], 1),
        // Products with what is even somewhere, is no constant, or is a secret.
        added(
            |l, _, s| {
                let k = l.splat(2, RING);
                l.p.mul(s, k)
            },
            2,
        ),
        times(&[1, 4], 2),
        times(&[2, 4], 2),
        added(|l, x, s| l.p.mul(s, x), 2),
        // Bits that are lost.
        masked(
            |l, x, s| {
                let r = l.p.and(s, x);
                l.p.xor(x, r)
            },
            WORD,
            2,
        ),
        added(|l, _, s| l.p.shift_left(s, 1), 2),
        added(|l, _, s| l.p.shift_right(s, 1), 2),
        added(|l, _, s| l.p.shift_right_arithmetic(s, 1), 2),
        // Shifted by one bit, three remain of which one is no bit of the mask.
        masked(
            |l, _, s| {
                let r = l.p.shift_right(s, 1);
                l.p.convert(r, WORD)
            },
            RING,
            2,
        ),
        // Tables that miss words, though those that occur may occur equally often, and one that has a word more often than others.
        added(|l, _, s| l.p.function(table(vec![0, 0, 0, 0, 2, 2, 2, 2], RING), s), 2),
        added(|l, _, s| l.p.function(table(vec![0, 1, 2, 3, 4, 5, 6, 6], RING), s), 2),
        masked(|l, _, s| l.p.function(table(vec![0, 1, 1, 1, 1, 1, 1, 1], Domain::Ring(1)), s), RING, 2),
        added(|l, _, s| l.p.function(WordFunction::Remainder { modulus: 7, domain: RING }, s), 2),
        // Matrices that are singular modulo 2, from either side; one that is no constant.
        matrix([1, 2], &[1, 1, 3, 3], [2, 2], false),
        matrix([2, 1], &[1, 3, 1, 3], [2, 2], true),
        // Three results of two random words: onto in the other direction only.
        matrix([1, 2], &[1, 0, 1, 0, 1, 1], [2, 3], false),
        // Longer than the checkers look.
        matrix([1, 65], &[1; 65], [65, 1], false),
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
pub(super) fn masks() -> Vec<&'static str> {
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
        // What is drawn covers itself, but must be named.
        refused(P1, "not covered", |l| {
            let s = l.s(RING, 1);
            l.uniform(s, &[]);
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
pub(super) fn wide() -> Vec<&'static str> {
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
