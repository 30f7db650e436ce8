//! Programs of any operations on words of any width, beside what they are shortened to.

use super::Source;
use crate::shortened::agree;
use smallvec::{SmallVec, smallvec};
use std::collections::BTreeMap;
use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::{
    Claim, ClaimKind, Constant, Lifetime, Local, Op, ProgramDraft, Value, ValueId, WordFunction,
};
use viewless_protocols::region::Regions;
use viewless_protocols::ring::Domain;
use viewless_protocols::shape::{Move, Shape};

const PARTIES: [Party; 2] = [Party::P0, Party::P1];

/// A Program as it grows: P0 computes everything, so that any operation is one that it can do.
struct Walk {
    draft: ProgramDraft,
    samples: u32,
}

/// Widths, and a seed; then a step for each five bytes: what to do, and four choices. Steps that no Program may take are left out.
pub(super) fn shortened_program(bytes: &[u8]) -> Result<(), String> {
    let mut source = Source::new(bytes);
    let (wide, narrow, seed) = (1 + source.byte() % 64, 1 + source.byte() % 64, source.byte());
    let mut walk = Walk::new();
    let (wide, narrow) = (wide.max(narrow), wide.min(narrow));
    for domain in [Domain::Ring(wide), Domain::Ring(wide), Domain::Ring(narrow), Domain::Bits(wide)] {
        walk.sample(domain, [2, 2].into());
    }
    let (steps, _) = source.rest().as_chunks::<5>();
    for &step in steps {
        walk.step(step, narrow);
    }
    walk.reveal_last();
    let program = walk.draft.check().map_err(|error| format!("the walk left the Program: {error}"))?;
    let run = agree(&program, &BTreeMap::new(), u64::from(seed));
    run.map(|_| ()).map_err(|why| format!("{why}\n{}", *program))
}

impl Walk {
    fn new() -> Self {
        let draft = ProgramDraft {
            parties: PartySet::of(&PARTIES),
            model_owner: Party::ModelOwner,
            values: Vec::new(),
            regions: Regions::default(),
            claims: Vec::new(),
        };
        Self { draft, samples: 0 }
    }

    /// Adds a value, if the Program may have it.
    fn push(&mut self, op: Op, domain: Domain, shape: Shape, holders: PartySet) -> Option<ValueId> {
        let id = ValueId(self.draft.values.len() as u32);
        self.draft.values.push(Value { op, domain, shape, holders, region: Regions::ROOT });
        let is_sound = self.draft.clone().check().is_ok();
        if !is_sound {
            self.draft.values.pop();
        }
        is_sound.then_some(id)
    }

    fn sample(&mut self, domain: Domain, shape: Shape) {
        let op = Op::Sample { stream: self.samples, lifetime: Lifetime::Query };
        self.samples += 1;
        self.push(op, domain, shape, PartySet::of(&PARTIES));
    }

    fn constant(&mut self, constant: Constant, domain: Domain, shape: Shape) {
        self.push(Op::Constant(constant), domain, shape, PartySet::of(&PARTIES));
    }

    /// An operation with the shape and the domain that it has, whichever they are: all that can be are tried.
    fn local(&mut self, local: &Local, arguments: SmallVec<[ValueId; 2]>) {
        let first = self.draft.value(arguments[0]).clone();
        let domain = match local {
            Local::Convert(domain) => *domain,
            Local::Function(function) => match &**function {
                WordFunction::Table { domain, .. } | WordFunction::Remainder { domain, .. } => *domain,
                WordFunction::Waves { .. } => Domain::Z64,
            },
            _ => first.domain,
        };
        let second = arguments.get(1).map(|&id| self.draft.value(id).shape.clone());
        let shape = match (local, second) {
            (Local::MatMul, Some(second)) => first.shape.matmul(&second).ok(),
            (Local::Add | Local::Sub | Local::Mul | Local::And | Local::Xor, Some(second)) => {
                first.shape.broadcast(&second).ok()
            }
            (Local::Concat(axis), _) => {
                let mut axes = first.shape.axes().to_vec();
                if let Some(length) = axes.get_mut(*axis) {
                    let shapes = arguments.iter().map(|&id| &self.draft.value(id).shape);
                    *length = shapes.map(|shape| shape.axes().get(*axis).copied().unwrap_or(0)).sum();
                }
                Some(axes.as_slice().into())
            }
            (Local::Move(rearrangement), _) => first.shape.moved(rearrangement).ok(),
            (&Local::Sum(axis), _) => first.shape.summed(axis).ok(),
            _ => Some(first.shape.clone()),
        };
        if let Some(shape) = shape {
            self.push(Op::Local(local.clone(), arguments), domain, shape, PartySet::of(&[Party::P0]));
        }
    }

    fn step(&mut self, [what, a, b, c, d]: [u8; 5], narrow: u8) {
        let count = self.draft.values.len();
        // Late values are chosen more often, so that walks go deep.
        let pick = |choice: u8| {
            let choice = usize::from(choice);
            ValueId(if choice < 160 { count - 1 - (choice % 12).min(count - 1) } else { choice % count } as u32)
        };
        let (x, y, z) = (pick(a), pick(b), pick(c));
        let (domain, shape) = (self.draft.value(x).domain, self.draft.value(x).shape.clone());
        let bits = domain.bits();
        let two = || smallvec![x, y];
        let one = || smallvec![x];
        let word = u64::from(c) << (d % 64) | u64::from(d >> 6);
        match what % 28 {
            0 => self.sample(domain, [usize::from(1 + c % 2), 2].into()),
            1 => self.constant(Constant::Splat(word & domain.mask()), domain, Shape::scalar()),
            2 => {
                let words = (0..shape.elements() as u64).map(|i| word.wrapping_mul(i + 1) & domain.mask());
                let words: Vec<u64> = words.collect();
                self.constant(Constant::Words(words.into()), domain, shape);
            }
            3..=5 => self.local(if domain.is_ring() { &Local::Add } else { &Local::Xor }, two()),
            6 | 7 => self.local(if domain.is_ring() { &Local::Sub } else { &Local::Xor }, two()),
            8..=10 => self.local(if domain.is_ring() { &Local::Mul } else { &Local::And }, two()),
            11 | 12 => self.local(&Local::MatMul, two()),
            13 if domain.is_ring() => self.local(&Local::Neg, one()),
            13 if c % 2 == 0 => self.local(&Local::Not, one()),
            13 => {
                // Of a number of bits that can be reversed.
                self.local(&Local::Convert(Domain::Bits(8 << (d % 3))), one());
                self.local(&Local::BitReversal, smallvec![ValueId(self.draft.values.len() as u32 - 1)]);
            }
            14 => self.local(&Local::ShiftLeft(c % bits), one()),
            15 => self.local(&Local::ShiftRight(c % bits), one()),
            16 => self.local(&Local::ShiftRightArithmetic(c % bits), one()),
            17 => self.local(&Local::Convert(Domain::Ring([narrow, 1 + d % 64][usize::from(c % 2)])), one()),
            18 => self.local(&Local::Convert(Domain::Bits([bits, 1 + d % 64][usize::from(c % 2)])), one()),
            19 => self.local(&Local::Sum(usize::from(c % 2)), one()),
            20 => self.local(&Local::Concat(usize::from(d % 2)), smallvec![x, y]),
            21 => self.local(&Local::Move(Move::Transpose([1, 0].as_slice().into())), one()),
            22 => {
                let (axis, start) = (usize::from(c % 2), usize::from(d % 4));
                self.local(&Local::Move(Move::Slice { axis, start, length: 1 + usize::from(d / 64) }), one());
            }
            23 => {
                let axes = shape.axes();
                let to: Shape =
                    if c % 2 == 0 { [1, shape.elements()].into() } else { axes.iter().rev().copied().collect() };
                self.local(&Local::Move(Move::Reshape(to)), one());
            }
            24 => {
                let to = [usize::from(1 + c % 3), usize::from(1 + d % 3)].into();
                self.local(&Local::Move(Move::Broadcast(to)), one());
            }
            25 => self.function(x, (c, d)),
            26 => self.claim(&[x, y, z][..1 + usize::from(d % 3)], (c, d)),
            _ => self.reveal(x),
        }
    }

    fn function(&mut self, x: ValueId, (c, d): (u8, u8)) {
        let domain = self.draft.value(x).domain;
        let function = match c % 2 {
            0 if domain.bits() <= 8 => {
                let to = Domain::Ring(1 + d % 64);
                let entry = |t: u64| (t.wrapping_mul(u64::from(d) | 1) ^ u64::from(c)).wrapping_mul(t + 3) & to.mask();
                WordFunction::Table { entries: (0..1u64 << domain.bits()).map(entry).collect(), domain: to }
            }
            _ => WordFunction::Remainder { modulus: 1 + u64::from(d), domain: Domain::Bits(8 + c % 8) },
        };
        self.local(&Local::Function(function.into()), smallvec![x]);
    }

    fn claim(&mut self, shares: &[ValueId], (c, d): (u8, u8)) {
        let bits = self.draft.value(shares[0]).domain.bits();
        let kind = match c % 4 {
            0 => ClaimKind::Headroom { bits: d % bits },
            1 => ClaimKind::Domain { low: -f64::from(d), high: f64::from(d), also: None, fraction_bits: c / 4 % bits },
            _ => ClaimKind::LocalTruncation { shift: d % bits, fraction_bits: 0 },
        };
        self.draft.claims.push(Claim { shares: shares.iter().copied().collect(), kind, region: Regions::ROOT });
        if self.draft.clone().check().is_err() {
            self.draft.claims.pop();
        }
    }

    /// Reveals a value, in two halves where a number would not hold all its bits.
    fn reveal(&mut self, id: ValueId) {
        let Value { domain, shape, .. } = self.draft.value(id).clone();
        let mut halves = vec![id];
        if domain.bits() > 50 {
            let before = self.draft.values.len();
            self.local(&Local::Convert(Domain::Ring(32)), smallvec![id]);
            self.local(&Local::ShiftRight(32), smallvec![id]);
            halves = (before..self.draft.values.len()).map(|i| ValueId(i as u32)).collect();
        }
        for half in halves {
            let name = format!("y{}", half.0).into();
            let op = Op::Reveal { value: half, to: Party::P0, name, fraction_bits: 0 };
            let domain = self.draft.value(half).domain;
            self.push(op, domain, shape.clone(), PartySet::of(&[Party::P0]));
        }
    }

    fn reveal_last(&mut self) {
        let count = self.draft.values.len();
        (count.saturating_sub(6)..count).for_each(|i| self.reveal(ValueId(i as u32)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use viewless_protocols::program::Program;

    fn operations(program: &Program) -> BTreeSet<String> {
        let name = |value: &Value| {
            let Op::Local(local, _) = &value.op else { return None };
            format!("{local:?}").split('(').next().map(str::to_owned)
        };
        program.values.iter().filter_map(name).collect()
    }

    #[test]
    fn walks_meet_every_operation() {
        let mut met = BTreeSet::new();
        let mut word = 1u64;
        for width in (2u8..=64).step_by(2) {
            let mut walk = Walk::new();
            for domain in [Domain::Ring(width), Domain::Ring(5), Domain::Bits(8)] {
                walk.sample(domain, [2, 2].into());
            }
            for _ in 0..400 {
                word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let [_, _, step @ .., _] = word.to_be_bytes();
                walk.step(step, 5);
            }
            met.extend(operations(&walk.draft.check().unwrap()));
        }
        for operation in [
            "Add",
            "Sub",
            "Neg",
            "Mul",
            "MatMul",
            "Sum",
            "And",
            "Xor",
            "Not",
            "ShiftLeft",
            "ShiftRight",
            "ShiftRightArithmetic",
            "BitReversal",
            "Convert",
            "Move",
            "Concat",
            "Function",
        ] {
            assert!(met.contains(operation), "{operation} of {met:?}");
        }
    }
}
