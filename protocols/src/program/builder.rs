//! The builder of Programs. It derives domain, shape and holders of each value; it never inserts a send.

use super::check::{self, ProgramError};
use super::{
    Arguments, Claim, ClaimKind, Constant, Lifetime, Local, Op, Program, ProgramDraft, Value, ValueId, WordFunction,
};
use crate::party::{Party, PartySet};
use crate::region::{RegionId, Regions};
use crate::ring::Domain;
use crate::shape::{Move, Shape};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;

/// A Program under construction. The first error is kept and returned by [`ProgramBuilder::finish`].
#[derive(Debug)]
pub struct ProgramBuilder {
    draft: ProgramDraft,
    region: RegionId,
    next_stream: u32,
    lifetime: Lifetime,
    error: Option<ProgramError>,
}

impl ProgramBuilder {
    /// An empty Program among `parties`.
    #[must_use]
    pub fn new(parties: PartySet, model_owner: Party) -> Self {
        let draft =
            ProgramDraft { parties, model_owner, values: Vec::new(), regions: Regions::default(), claims: Vec::new() };
        Self { draft, region: Regions::ROOT, next_stream: 0, lifetime: Lifetime::Query, error: None }
    }

    /// Checks the Program and closes it.
    ///
    /// # Errors
    /// The first [`ProgramError`], with region and value.
    pub fn finish(self) -> Result<Program, ProgramError> {
        match self.error {
            Some(error) => Err(error),
            None => self.draft.check(),
        }
    }

    /// Takes over a tree of regions made elsewhere (by a circuit).
    #[must_use]
    pub fn with_regions(mut self, regions: Regions) -> Self {
        self.draft.regions = regions;
        self
    }

    /// Builds what follows in `region`.
    pub fn set_region(&mut self, region: RegionId) {
        self.region = region;
    }

    /// Builds inside a new region called `name`.
    pub fn region<T>(&mut self, name: &str, build: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.region;
        self.region = self.draft.regions.add(outer, name);
        let result = build(self);
        self.region = outer;
        result
    }

    /// A value built before.
    #[must_use]
    pub fn value(&self, id: ValueId) -> &Value {
        self.draft.value(id)
    }

    /// Shape of a value built before.
    #[must_use]
    pub fn shape(&self, id: ValueId) -> Shape {
        self.value(id).shape.clone()
    }

    fn push(&mut self, op: Op, domain: Domain, shape: Shape, holders: PartySet) -> ValueId {
        let id = ValueId(u32::try_from(self.draft.values.len()).expect("fewer than 2^32 values fit in memory"));
        self.draft.values.push(Value { op, domain, shape, holders, region: self.region });
        id
    }

    /// A private input of `owner`.
    pub fn input(&mut self, owner: Party, name: &str, fraction_bits: u8, domain: Domain, shape: Shape) -> ValueId {
        self.push(Op::Input { name: name.into(), fraction_bits }, domain, shape, PartySet::of(&[owner]))
    }

    /// The same public word everywhere; broadcasts from a single element.
    pub fn splat(&mut self, word: u64, domain: Domain) -> ValueId {
        self.constant(Constant::Splat(word & domain.mask()), domain, Shape::scalar())
    }

    /// A public tensor.
    pub fn constant(&mut self, constant: Constant, domain: Domain, shape: Shape) -> ValueId {
        let everyone = self.draft.parties;
        self.push(Op::Constant(constant), domain, shape, everyone)
    }

    /// Says how long the samples that follow live; at first, one query.
    pub fn set_lifetime(&mut self, lifetime: Lifetime) {
        self.lifetime = lifetime;
    }

    /// Builds with samples that live as long as the model.
    pub fn for_the_model<T>(&mut self, build: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.lifetime, Lifetime::Model);
        let result = build(self);
        self.lifetime = outer;
        result
    }

    /// Fresh uniform randomness known to `holders`, on a stream of its own.
    pub fn sample(&mut self, holders: PartySet, domain: Domain, shape: Shape) -> ValueId {
        let stream = self.next_stream;
        self.next_stream += 1;
        self.push(Op::Sample { stream, lifetime: self.lifetime }, domain, shape, holders)
    }

    /// A local computation, held by all who hold all arguments.
    pub fn local(&mut self, local: Local, arguments: Arguments) -> ValueId {
        let holders = arguments
            .iter()
            .map(|&argument| self.value(argument).holders)
            .reduce(PartySet::intersection)
            .unwrap_or(PartySet::EMPTY);
        let inferred = check::infer(&self.draft.values, &local, &arguments);
        let (domain, shape) = inferred.unwrap_or_else(|rule| {
            self.fail(rule);
            // As many axes as it would have, each of length 1: what follows finds the axes that it looks for.
            let of_argument = |&argument: &ValueId| self.value(argument).shape.rank();
            let rank = if let Local::Move(Move::Reshape(shape) | Move::Broadcast(shape)) = &local {
                shape.rank()
            } else if let Local::Move(Move::Windows(_)) = &local {
                arguments.first().map(of_argument).unwrap_or(0) + 1
            } else {
                arguments.iter().map(of_argument).max().unwrap_or(0)
            };
            (Domain::Z64, std::iter::repeat_n(1, rank).collect())
        });
        if holders.is_empty() {
            let holders = arguments.iter().map(|&argument| self.value(argument).holders.to_string()).collect();
            self.fail(check::Rule::NoCommonHolder { arguments: holders });
        }
        self.push(Op::Local(local, arguments), domain, shape, holders)
    }

    fn fail(&mut self, rule: check::Rule) {
        if self.error.is_none() {
            let region = self.draft.regions.path(self.region);
            self.error = Some(ProgramError { value: self.draft.values.len(), region, rule: Box::new(rule) });
        }
    }

    fn binary(&mut self, local: Local, a: ValueId, b: ValueId) -> ValueId {
        self.local(local, smallvec![a, b])
    }

    fn unary(&mut self, local: Local, a: ValueId) -> ValueId {
        self.local(local, smallvec![a])
    }

    /// a + b.
    pub fn add(&mut self, a: ValueId, b: ValueId) -> ValueId {
        self.binary(Local::Add, a, b)
    }

    /// a - b.
    pub fn sub(&mut self, a: ValueId, b: ValueId) -> ValueId {
        self.binary(Local::Sub, a, b)
    }

    /// -a.
    pub fn neg(&mut self, a: ValueId) -> ValueId {
        self.unary(Local::Neg, a)
    }

    /// a b.
    pub fn mul(&mut self, a: ValueId, b: ValueId) -> ValueId {
        self.binary(Local::Mul, a, b)
    }

    /// The matrix product of a and b.
    pub fn matmul(&mut self, a: ValueId, b: ValueId) -> ValueId {
        self.binary(Local::MatMul, a, b)
    }

    /// a AND b.
    pub fn and(&mut self, a: ValueId, b: ValueId) -> ValueId {
        self.binary(Local::And, a, b)
    }

    /// a XOR b.
    pub fn xor(&mut self, a: ValueId, b: ValueId) -> ValueId {
        self.binary(Local::Xor, a, b)
    }

    /// NOT a.
    pub fn not(&mut self, a: ValueId) -> ValueId {
        self.unary(Local::Not, a)
    }

    /// a shifted towards the high bits.
    pub fn shift_left(&mut self, a: ValueId, shift: u8) -> ValueId {
        if shift == 0 { a } else { self.unary(Local::ShiftLeft(shift), a) }
    }

    /// a shifted towards the low bits, zeros coming in.
    pub fn shift_right(&mut self, a: ValueId, shift: u8) -> ValueId {
        if shift == 0 { a } else { self.unary(Local::ShiftRight(shift), a) }
    }

    /// floor(a / 2^shift) of the signed word.
    pub fn shift_right_arithmetic(&mut self, a: ValueId, shift: u8) -> ValueId {
        if shift == 0 { a } else { self.unary(Local::ShiftRightArithmetic(shift), a) }
    }

    /// The bits in bit-reversed order of their positions.
    pub fn bit_reversal(&mut self, a: ValueId) -> ValueId {
        self.unary(Local::BitReversal, a)
    }

    /// The same bits read in another domain.
    pub fn convert(&mut self, a: ValueId, domain: Domain) -> ValueId {
        if self.value(a).domain == domain { a } else { self.unary(Local::Convert(domain), a) }
    }

    /// A rearrangement.
    pub fn moved(&mut self, a: ValueId, rearrangement: Move) -> ValueId {
        self.unary(Local::Move(rearrangement), a)
    }

    /// Sum over an axis.
    pub fn sum(&mut self, a: ValueId, axis: usize) -> ValueId {
        self.unary(Local::Sum(axis), a)
    }

    /// Tensors joined along an axis.
    pub fn concat(&mut self, parts: &[ValueId], axis: usize) -> ValueId {
        self.local(Local::Concat(axis), SmallVec::from_slice(parts))
    }

    /// A public function, elementwise.
    pub fn function(&mut self, function: WordFunction, a: ValueId) -> ValueId {
        self.unary(Local::Function(Arc::new(function)), a)
    }

    /// Makes a value known to one more party.
    pub fn send(&mut self, value: ValueId, to: Party) -> ValueId {
        let Value { domain, ref shape, holders, .. } = *self.value(value);
        let shape = shape.clone();
        self.push(Op::Send(value, to), domain, shape, holders.with(to))
    }

    /// Declares a value to be the output of `to`.
    pub fn reveal(&mut self, value: ValueId, to: Party, name: &str, fraction_bits: u8) -> ValueId {
        let Value { domain, ref shape, .. } = *self.value(value);
        let shape = shape.clone();
        self.push(Op::Reveal { value, to, name: name.into(), fraction_bits }, domain, shape, PartySet::of(&[to]))
    }

    /// States something about a shared value.
    pub fn claim(&mut self, shares: &[ValueId], kind: ClaimKind) {
        self.draft.claims.push(Claim { shares: SmallVec::from_slice(shares), kind, region: self.region });
    }
}
