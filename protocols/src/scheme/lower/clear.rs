//! What the model's owner computes by itself ([`Owned`](super::super::owned::Owned)), and shares where it is needed so.
//!
//! It computes in whole words. That no product leaves them follows from what is claimed of its factors, which are as large as the owner sees them.

use super::super::laws;
use super::super::{CompileError, Scheme, Shares};
use super::{Held, Lowering};
use crate::circuit::{Node, NodeId, Op};
use crate::fixed::RING_BITS;
use crate::program::{ClaimKind, ValueId};
use crate::ring::Domain;
use smallvec::{SmallVec, smallvec};

/// Binary logarithm of the bound of a product that is rounded in a word.
const PRODUCT_BITS: u8 = RING_BITS - 2;

impl<S: Scheme> Lowering<'_, S> {
    /// A node that the owner computes, in whole words, each truncation to the nearest number.
    pub(super) fn in_clear(&mut self, id: NodeId, node: &Node) -> Result<Held, CompileError> {
        let value = self.known_result(node)?;
        self.clear.insert(id, value);
        // What is rearranged is shared as it was before, if it is: a product may open that in its place.
        let before = node.op.arguments().first().map(|argument| self.held[argument.index()].clone());
        match (&node.op, before) {
            (Op::Move(_, rearrangement), Some(shared @ Held::Shared(_))) => {
                return Ok(self.map(&shared, |p, share| p.moved(share, rearrangement.clone())));
            }
            (Op::Shift(..), Some(shared @ Held::Shared(_))) => return Ok(shared),
            _ => {}
        }
        if !self.owned.is_shared(id) {
            return Ok(Held::Clear(value));
        }
        let ring = self.widths.held(id).max(self.widths.opened(id));
        let clear = self.p.convert(value, Domain::Ring(ring));
        let owner = self.scheme.model_owner();
        Ok(Held::Shared(self.scheme.share(&mut self.p, owner, clear)))
    }

    /// What the owner knows of a node: it is public, or was computed.
    fn known(&self, id: NodeId) -> ValueId {
        match (self.clear.get(&id), &self.held[id.index()]) {
            (Some(value), _) | (None, Held::Public(value)) => *value,
            (None, Held::Clear(_) | Held::Shared(_) | Held::Bit(_) | Held::Nothing) => {
                unreachable!("arguments of what the owner computes are computed by it, or public")
            }
        }
    }

    fn known_result(&mut self, node: &Node) -> Result<ValueId, CompileError> {
        let to = self.fraction_bits(node)?;
        Ok(match &node.op {
            Op::Input { name, .. } => {
                let owner = self.scheme.model_owner();
                self.p.input(owner, name, to, Domain::Z64, node.shape.clone())
            }
            &Op::Add(a, b) => self.p.add(self.known(a), self.known(b)),
            &Op::Sub(a, b) => self.p.sub(self.known(a), self.known(b)),
            &Op::Neg(a) => self.p.neg(self.known(a)),
            &Op::Offset(a, number) => {
                let word = self.encode(node, number, to)?;
                let word = self.p.splat(word, Domain::Z64);
                self.p.add(self.known(a), word)
            }
            &Op::Shift(a, _) => self.known(a),
            &Op::Precision(a) => self.rounded(node, self.known(a), i32::from(self.argument_bits(a)?), to)?,
            &Op::Scale(a, number) => {
                let (multiplier, exponent) = laws::multiplier(number, to, self.fixed);
                let word = self.p.splat(multiplier as u64, Domain::Z64);
                let value = self.known(a);
                let multiplier_bits = (u64::BITS - multiplier.unsigned_abs().leading_zeros()) as u8;
                self.claim_below(value, PRODUCT_BITS.saturating_sub(multiplier_bits));
                let product = self.p.mul(value, word);
                self.rounded(node, product, i32::from(self.argument_bits(a)?) + exponent, to)?
            }
            &Op::Mul(a, b) | &Op::MatMul(a, b) => {
                let from = i32::from(self.argument_bits(a)?) + i32::from(self.argument_bits(b)?);
                let inner = if let Op::Mul(..) = node.op {
                    1
                } else {
                    self.argument(a).shape.axes().last().copied().unwrap_or(1)
                };
                self.claim_factors([a, b], inner)?;
                let (a, b) = (self.known(a), self.known(b));
                let product = if let Op::Mul(..) = node.op { self.p.mul(a, b) } else { self.p.matmul(a, b) };
                self.rounded(node, product, from, to)?
            }
            &Op::Square(a) => {
                self.claim_factors([a, a], 1)?;
                let product = self.p.mul(self.known(a), self.known(a));
                self.rounded(node, product, 2 * i32::from(self.argument_bits(a)?), to)?
            }
            &Op::Sum(a, axis) => self.p.sum(self.known(a), axis),
            Op::Move(a, rearrangement) => self.p.moved(self.known(*a), rearrangement.clone()),
            Op::Concat(parts, axis) => {
                let parts: SmallVec<[ValueId; 4]> = parts.iter().map(|&part| self.known(part)).collect();
                self.p.concat(&parts, *axis)
            }
            Op::Constant(_)
            | Op::Less(..)
            | Op::LessThan(..)
            | Op::Equal(..)
            | Op::And(..)
            | Op::Xor(..)
            | Op::Not(_)
            | Op::Select(..)
            | Op::Real(_)
            | Op::Fourier(..)
            | Op::Lookup(..)
            | Op::Power(..)
            | Op::Level(..)
            | Op::Reveal(..) => unreachable!("the owner computes sums, products and rearrangements only"),
        })
    }

    /// Claims that two factors are so small that a sum of `terms` of their products is one of a word: the integer bits that are left are theirs in equal parts.
    fn claim_factors(&mut self, factors: [NodeId; 2], terms: usize) -> Result<(), CompileError> {
        let sum_bits = terms.next_power_of_two().ilog2() as u8;
        let [a, b] = [self.argument_bits(factors[0])?, self.argument_bits(factors[1])?];
        let integer_bits = PRODUCT_BITS.saturating_sub(a.saturating_add(b).saturating_add(sum_bits));
        let of_first = integer_bits.div_ceil(2);
        for (factor, bits) in factors.into_iter().zip([a + of_first, b + (integer_bits - of_first)]) {
            let value = self.known(factor);
            self.claim_below(value, bits);
        }
        Ok(())
    }

    /// Claims that a number that the owner knows is below 2^`bits`.
    fn claim_below(&mut self, value: ValueId, bits: u8) {
        if self.p.value(value).holders.contains(self.scheme.model_owner()) {
            let alone: Shares = smallvec![value];
            self.p.claim(&alone, ClaimKind::Headroom { bits: bits.min(PRODUCT_BITS) });
        }
    }

    /// A number brought from `from` to `to` fraction bits, to the nearest.
    fn rounded(&mut self, node: &Node, value: ValueId, from: i32, to: u8) -> Result<ValueId, CompileError> {
        let shift = from - i32::from(to);
        let bits = self.shift_bits(node, shift)?;
        if shift <= 0 {
            return Ok(self.p.shift_left(value, bits));
        }
        debug_assert!(bits < RING_BITS, "checked by the size of the shift");
        let half = self.p.splat(1 << (bits - 1), Domain::Z64);
        let raised = self.p.add(value, half);
        Ok(self.p.shift_right_arithmetic(raised, bits))
    }
}
