//! Random small Programs, sound and unsound, and random certificates for them.

use viewless_proofs::privacy::certificate::{Certificate, FORMAT, Share, Simulator, Step, Withheld};
use viewless_proofs::privacy::view::{Knowledge, View};
use viewless_proofs::privacy::{self, Coalition};
use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::{Constant, Op, Program, ProgramBuilder, ValueId, WordFunction};
use viewless_protocols::ring::Domain;
use viewless_protocols::shape::{Move, Shape};
use viewless_protocols::windows::Windows;

const PARTIES: [Party; 4] = [Party::P0, Party::P1, Party::Dealer, Party::Client];

/// One step of a random walk: what to do, and three choices.
pub(crate) type Instruction = (u8, u8, u8, u8);

/// The Program that instructions spell; every list spells one.
#[expect(clippy::too_many_lines, reason = "one arm for each operation")]
pub(crate) fn program(bits: u8, instructions: &[Instruction]) -> Program {
    let mut p = ProgramBuilder::new(PartySet::of(&PARTIES), Party::ModelOwner);
    let domain = Domain::Ring(bits);
    let shape = |choice: u8| -> Shape { if choice.is_multiple_of(5) { [2].into() } else { [1].into() } };
    let mut values: Vec<ValueId> = Vec::new();
    for (i, party) in [Party::P0, Party::P1, Party::Client].into_iter().enumerate() {
        values.push(p.input(party, &format!("x{i}"), 0, domain, [1].into()));
    }
    let pairs = [
        [Party::Dealer, Party::P0],
        [Party::Dealer, Party::P1],
        [Party::P0, Party::P1],
        [Party::Client, Party::P0],
        [Party::P0, Party::P0],
        [Party::P1, Party::P1],
    ];
    for &(what, a, b, c) in instructions {
        // Recent values are chosen more often, so that walks go deep.
        let pick = |choice: u8| {
            let back = usize::from(choice % 16).min(values.len() - 1);
            if choice < 160 { values[values.len() - 1 - back] } else { values[usize::from(choice) % values.len()] }
        };
        let (x, y) = (pick(a), pick(b));
        let meet = |p: &ProgramBuilder| !p.value(x).holders.intersection(p.value(y).holders).is_empty();
        let fits = |p: &ProgramBuilder| {
            meet(p) && p.value(x).domain == p.value(y).domain && p.shape(x).broadcast(&p.shape(y)).is_ok()
        };
        let ring = p.value(x).domain.is_ring();
        match what % 32 {
            0..=2 => {
                let domain = if c.is_multiple_of(3) { Domain::Ring(1 + c % bits) } else { domain };
                values.push(p.sample(PartySet::of(&pairs[usize::from(a) % pairs.len()]), domain, shape(b)));
            }
            3 | 4 if fits(&p) => values.push(if ring { p.add(x, y) } else { p.xor(x, y) }),
            5 | 6 if fits(&p) => values.push(if ring { p.sub(x, y) } else { p.xor(x, y) }),
            7 if fits(&p) => values.push(if ring { p.mul(x, y) } else { p.and(x, y) }),
            8 => values.push(if ring { p.neg(x) } else { p.not(x) }),
            9 if p.value(x).domain.bits() > 1 => {
                let by = 1 + b % (p.value(x).domain.bits() - 1);
                values.push(match c % 2 {
                    0 => p.shift_left(x, by),
                    _ => p.shift_right(x, by),
                });
            }
            10 => {
                let width = 1 + b % bits;
                values.push(p.convert(x, if c.is_multiple_of(3) { Domain::Bits(width) } else { Domain::Ring(width) }));
            }
            11 if ring => {
                let k = p.constant(
                    Constant::Splat(u64::from(b) & p.value(x).domain.mask()),
                    p.value(x).domain,
                    Shape::scalar(),
                );
                values.push(p.mul(x, k));
            }
            12 => {
                let length = p.shape(x).elements();
                values.push(match c % 3 {
                    0 if c / 3 % 3 == 1 && length <= 2 => {
                        let start = i64::from(c / 9 % 3) - 1;
                        let windows = Windows { axis: 0, start, lengths: [1, length], steps: [1, 1] };
                        let spread = p.moved(x, Move::Windows(windows));
                        p.moved(spread, Move::Reshape([length].into()))
                    }
                    0 if length == 2 => p.moved(x, Move::Slice { axis: 0, start: usize::from(b % 2), length: 1 }),
                    2 if length <= 2 => p.moved(x, Move::Broadcast([2].into())),
                    _ if ring => p.sum(x, 0),
                    _ => p.not(x),
                });
            }
            13 if meet(&p)
                && p.value(x).domain == p.value(y).domain
                && p.shape(x).elements() + p.shape(y).elements() <= 3 =>
            {
                values.push(p.concat(&[x, y], 0));
            }
            // A masked message: the building block of everything sound.
            14..=17 => {
                let holders = p.value(x).holders;
                let from = holders.iter().nth(usize::from(b) % holders.len()).unwrap();
                let to = PARTIES[usize::from(c) % PARTIES.len()];
                if !holders.contains(to) && from != to {
                    let (domain, shape) = (p.value(x).domain, p.shape(x));
                    let third = PARTIES[usize::from(a ^ c) % PARTIES.len()];
                    let known_to = if third == to { PartySet::of(&[from]) } else { PartySet::of(&[from, third]) };
                    let mask = p.sample(known_to, domain, shape);
                    let masked = if ring { p.sub(x, mask) } else { p.xor(x, mask) };
                    values.push(mask);
                    if !p.value(masked).holders.contains(to) {
                        values.push(p.send(masked, to));
                    }
                }
            }
            18 | 19 => {
                let to = PARTIES[usize::from(b) % PARTIES.len()];
                if !p.value(x).holders.contains(to) {
                    values.push(p.send(x, to));
                }
            }
            20 => {
                let holders = p.value(x).holders;
                let to = holders.iter().nth(usize::from(b) % holders.len()).unwrap();
                let revealed = p.reveal(x, to, "y", 0);
                // What is revealed may be used and sent like anything else.
                if c.is_multiple_of(3) {
                    values.push(revealed);
                }
            }
            // A table, a bijection or not.
            29 => {
                let domain = p.value(x).domain;
                let entry = |t: u64| (t.wrapping_mul(u64::from(a)) ^ u64::from(b)).wrapping_add(t >> 1) & domain.mask();
                let entries = (0..1u64 << domain.bits()).map(entry).collect();
                values.push(p.function(WordFunction::Table { entries, domain }, x));
            }
            // A part of a mask under something, and perhaps another part under something else.
            30 => {
                let holders = p.value(x).holders;
                let from = holders.iter().nth(usize::from(b) % holders.len()).unwrap();
                let to = PARTIES[usize::from(c) % PARTIES.len()];
                if !holders.contains(to) && p.shape(x).elements() == 1 && p.shape(x).rank() == 1 {
                    let mask = p.sample(PartySet::of(&[from]), p.value(x).domain, [2].into());
                    for start in [0, usize::from(a % 3 != 0)] {
                        let part = p.moved(mask, Move::Slice { axis: 0, start, length: 1 });
                        let masked = if ring { p.add(x, part) } else { p.xor(x, part) };
                        values.push(p.send(masked, to));
                    }
                }
            }
            // Some bits out of the middle of a word.
            31 if p.value(x).domain.bits() > 1 => {
                let shifted = p.shift_right(x, 1);
                let width = p.value(x).domain.bits() - u8::from(!b.is_multiple_of(4));
                values.push(p.convert(shifted, Domain::Ring(width)));
            }
            // Something of one bit under a mask of two, in a word of three.
            22 if bits == 3 && ring => {
                let holders = p.value(x).holders;
                let from = holders.iter().nth(usize::from(b) % holders.len()).unwrap();
                let to = PARTIES[usize::from(c) % PARTIES.len()];
                if !holders.contains(to) {
                    let (shape, low) = (p.shape(x), p.convert(x, Domain::Bits(1)));
                    let low = p.convert(low, domain);
                    let mask = p.sample(PartySet::of(&[from]), Domain::Ring(2), shape);
                    let mask = p.convert(mask, domain);
                    let masked = if a.is_multiple_of(2) { p.add(low, mask) } else { p.sub(mask, low) };
                    values.push(p.send(masked, to));
                }
            }
            // A party that has one share by a message completes an output with the other, truncated or not, masked well or badly.
            22 if ring => {
                let holders = p.value(x).holders;
                let from = holders.iter().nth(usize::from(b) % holders.len()).unwrap();
                let to = PARTIES[usize::from(c / 8) % PARTIES.len()];
                if !holders.contains(to) && from != to {
                    let (domain, shape) = (p.value(x).domain, p.shape(x));
                    let known_to = if c % 8 == 7 { PartySet::of(&[from, to]) } else { PartySet::of(&[from]) };
                    let mask = p.sample(known_to, domain, shape.clone());
                    let rest = p.sub(x, mask);
                    let rest = p.send(rest, to);
                    let (mut one, mut other) = (rest, mask);
                    match c % 8 {
                        0 | 1 if domain.bits() > 1 => {
                            (one, other) = (p.shift_right(one, 1), p.shift_right(other, 1));
                        }
                        2 if fits(&p) && p.shape(y) == shape && p.value(y).holders.contains(from) => {
                            other = p.add(other, y)
                        }
                        3 => one = p.mul(one, one),
                        _ => {}
                    }
                    if p.value(other).holders.contains(from) {
                        let sent = if p.value(other).holders.contains(to) { other } else { p.send(other, to) };
                        let sum = p.add(one, sent);
                        p.reveal(sum, to, "completed", 0);
                        values.extend([mask, rest, sum]);
                    }
                }
            }
            // A mask that something was done to, well or badly.
            23..=25 => {
                let holders = p.value(x).holders;
                let from = holders.iter().nth(usize::from(b) % holders.len()).unwrap();
                let to = PARTIES[usize::from(c / 8) % PARTIES.len()];
                if !holders.contains(to) {
                    let (domain, shape) = (p.value(x).domain, p.shape(x));
                    let shape = if b.is_multiple_of(4) { [1].into() } else { shape };
                    let mask = p.sample(PartySet::of(&[from]), domain, shape);
                    let factor = p.splat(u64::from(b), domain);
                    let mask = match c % 8 {
                        0 if domain.bits() > 1 => p.shift_left(mask, 1),
                        1 if domain.bits() > 1 => p.shift_right(mask, 1),
                        2 | 3 if ring => p.mul(mask, factor),
                        2 | 3 => p.and(mask, factor),
                        4 if ring => p.mul(mask, x),
                        4 => p.and(mask, x),
                        5 if ring => p.neg(mask),
                        5 => p.not(mask),
                        _ => mask,
                    };
                    let masked = if ring { p.add(x, mask) } else { p.xor(x, mask) };
                    values.push(mask);
                    values.push(p.send(masked, to));
                }
            }
            // An output that is a function of a message and something of the receiver's, and need not be a bijection.
            26 if p.value(x).holders.contains(Party::Client) => {
                let result = match c % 4 {
                    0 if fits(&p) && ring => p.mul(x, y),
                    1 if fits(&p) && ring => p.add(x, y),
                    2 if ring => p.mul(x, x),
                    _ => x,
                };
                if p.value(result).holders.contains(Party::Client) {
                    p.reveal(result, Party::Client, "function", 0);
                }
            }
            // Two shares with signs that need not cancel, and a mask that need not be theirs alone.
            27 | 28 if ring && p.value(x).domain == p.value(y).domain && p.shape(x) == p.shape(y) => {
                let (Some(one), Some(other)) = (p.value(x).holders.iter().next(), p.value(y).holders.iter().last())
                else {
                    continue;
                };
                let to = Party::Client;
                if one == to || other == to || p.value(x).holders.contains(to) || p.value(y).holders.contains(to) {
                    continue;
                }
                let (domain, shape) = (p.value(x).domain, p.shape(x));
                let zero = p.sample(PartySet::of(&[one, other]), domain, shape);
                let a = if c & 1 == 0 { p.add(x, zero) } else { p.sub(x, zero) };
                let b = if c & 2 == 0 { p.add(y, zero) } else { p.sub(zero, y) };
                let (a, b) = (p.send(a, to), p.send(b, to));
                let sum = if c & 4 == 0 { p.add(a, b) } else { p.sub(a, b) };
                values.extend([zero, sum]);
                p.reveal(sum, to, "signs", 0);
            }
            // Shares of an output.
            21 if fits(&p) || p.value(x).domain == p.value(y).domain && p.shape(x) == p.shape(y) => {
                let (Some(one), Some(other)) = (p.value(x).holders.iter().next(), p.value(y).holders.iter().last())
                else {
                    continue;
                };
                let to = Party::Client;
                if one == other || p.value(x).holders.contains(to) || p.value(y).holders.contains(to) {
                    continue;
                }
                let (domain, shape) = (p.value(x).domain, p.shape(x));
                let zero = p.sample(PartySet::of(&[one, other]), domain, shape);
                let (a, b) = if ring { (p.add(x, zero), p.sub(y, zero)) } else { (p.xor(x, zero), p.xor(y, zero)) };
                if p.value(a).holders.is_empty() || p.value(b).holders.is_empty() {
                    continue;
                }
                let (a, b) = (p.send(a, to), p.send(b, to));
                let sum = if ring { p.add(a, b) } else { p.xor(a, b) };
                values.push(sum);
                p.reveal(sum, to, "sum", 0);
            }
            _ => {}
        }
    }
    p.finish().unwrap()
}

/// All coalitions, of which privacy is promised or not.
pub(crate) fn coalitions(program: &Program) -> Vec<Coalition> {
    let mut all = privacy::promised_coalitions(program);
    all.extend(privacy::unpromised_coalitions(program));
    all
}

/// A small generator of random words, for tests that can be repeated.
pub(crate) struct Xorshift(pub(crate) u64);

impl Xorshift {
    /// The next word.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// As many random instructions.
pub(crate) fn instructions(length: usize, random: &mut Xorshift) -> Vec<Instruction> {
    let instruction = |_| {
        let [a, b, c, d, ..] = random.next().to_le_bytes();
        (a, b, c, d)
    };
    (0..length).map(instruction).collect()
}

/// A certificate that nobody proved: the messages in a random order that is often the opposite one, each with a random rule and
/// a sample made shortly before it.
pub(crate) fn forged(program: &Program, coalition: Coalition, random: &mut Xorshift) -> Certificate {
    let view = View::new(program, coalition);
    let samples: Vec<ValueId> =
        program.iter().filter(|(_, value)| matches!(value.op, Op::Sample { .. })).map(|(id, _)| id).collect();
    let is_message = |&&message: &&ValueId| view.knowledge(message) == Knowledge::Message;
    let mut messages: Vec<ValueId> = view.messages().iter().rev().filter(is_message).copied().collect();
    for _ in 0..if messages.is_empty() { 0 } else { random.next() % 3 } {
        let (i, j) = (random.next() as usize % messages.len(), random.next() as usize % messages.len());
        messages.swap(i, j);
    }
    let mask = |message: ValueId, random: &mut Xorshift| {
        // At times anything at all: the message itself, something computed, an input.
        if random.next().is_multiple_of(6) {
            let back = random.next() as u32 % 5;
            return Some(ValueId(message.0.saturating_sub(back)));
        }
        let before = samples.partition_point(|&sample| sample < message);
        let back = 1 + random.next() as usize % 4;
        samples.get(before.saturating_sub(back)).copied()
    };
    let mut steps = Vec::new();
    while let Some(message) = messages.pop() {
        steps.push(match (view.outputs(), random.next() % 6) {
            (outputs @ [_, ..], 0..=2) => {
                let output = outputs[random.next() as usize % outputs.len()];
                let mut shares = vec![Share { message, mask: None }];
                if let (Some(other), 0..=4) = (messages.pop(), random.next() % 6) {
                    shares.insert(0, Share { message: other, mask: mask(other, random) });
                }
                Step::Output { output, shares }
            }
            (_, 3) => Step::Wide { message, masks: mask(message, random).into_iter().collect() },
            _ => Step::Uniform { message, masks: mask(message, random).into_iter().collect() },
        });
    }
    // At times a message is withheld because of an output, with any claim.
    let (mut withheld, mut simulator) = (Vec::new(), Simulator::GivenOwnSamples);
    if let (outputs @ [_, ..], Some(_), 0) = (view.outputs(), steps.first(), random.next() % 2) {
        simulator = [
            Simulator::GivenOwnRandomness,
            Simulator::GivenOwnSamples,
            Simulator::DrawsOwnSamples,
            Simulator::JointlyWithOutputs,
        ][random.next() as usize % 4];
        steps.retain(|step| !matches!(step, Step::Output { .. }));
        if !steps.is_empty() && !random.next().is_multiple_of(8) {
            let message = match steps.remove(random.next() as usize % steps.len()) {
                Step::Uniform { message, .. } | Step::Wide { message, .. } => message,
                Step::Output { output, .. } => output,
            };
            withheld.push(Withheld { message, output: outputs[random.next() as usize % outputs.len()] });
        }
    }
    // At times something is handed over, with a step of its own at any place.
    let mut handed = Vec::new();
    if withheld.is_empty() && random.next().is_multiple_of(4) {
        let value = ValueId(random.next() as u32 % program.values.len() as u32);
        handed.push(value);
        let at = random.next() as usize % (steps.len() + 1);
        steps.insert(at, Step::Uniform { message: value, masks: mask(value, random).into_iter().collect() });
    }
    steps.reverse();
    let (digest, coalition) = (program.digest().to_hex().to_string(), coalition.members().iter().collect());
    Certificate { format: FORMAT, digest, coalition, simulator, same: Vec::new(), handed, withheld, steps }
}
