//! How a value is held, and what is done to all of its parts: narrowed, mapped, added, claimed.

use super::super::gated::Term;
use super::super::widths;
use super::super::{BitShares, Operand, Scheme, Shares, Summand};
use super::{Held, Lowering};
use crate::circuit::{Node, NodeId, Op};
use crate::fixed::RING_BITS;
use crate::program::{ClaimKind, Local, ProgramBuilder, ValueId};
use crate::ring::Domain;
use crate::shape::Move;
use smallvec::smallvec;

impl<S: Scheme> Lowering<'_, S> {
    /// The value in shares of Z_2^`ring`, whoever held it so far.
    pub(super) fn shares(&mut self, id: NodeId, ring: u8) -> Shares {
        let shares = match self.held[id.index()].clone() {
            Held::Shared(shares) => shares,
            Held::Public(known) | Held::Clear(known) => self.scheme.trivial(&mut self.p, known),
            Held::Bit(_) | Held::Nothing => {
                unreachable!("the circuit's checker admits real values only, and what is not computed is a factor only")
            }
        };
        self.narrow(&shares, ring)
    }

    /// Shares modulo 2^`ring`.
    pub(super) fn narrow(&mut self, shares: &Shares, ring: u8) -> Shares {
        debug_assert!(
            self.p.value(shares[0]).domain.bits() >= ring,
            "a ring is planned as wide as all that consumes it"
        );
        shares.iter().map(|&share| self.p.convert(share, Domain::Ring(ring))).collect()
    }

    /// The value, its shares modulo 2^`ring`. What a party knows stays a whole word.
    pub(super) fn value(&mut self, id: NodeId, ring: u8) -> Held {
        match self.held[id.index()].clone() {
            Held::Shared(shares) => Held::Shared(self.narrow(&shares, ring)),
            known @ (Held::Public(_) | Held::Clear(_) | Held::Bit(_) | Held::Nothing) => known,
        }
    }

    /// The value as an operand in Z_2^`ring`.
    pub(super) fn operand(&mut self, id: NodeId, ring: u8) -> Operand {
        let weight = self.owned.is_from_model(id);
        if !self.opens_once {
            let shares = self.shares(id, ring);
            return Operand { node: id, shares, moves: Vec::new(), ring, lifted: None, weight, summands: Vec::new() };
        }
        let (node, moves) = widths::root(self.circuit, id);
        if let Some(terms) = self.widths.terms(node).map(<[_]>::to_vec) {
            let within = self.widths.held(node);
            let summand = |term: Term| Summand {
                number: self.operand(term.number, within),
                bit: term.bit.map(|bit| self.operand(bit, within)),
                negative: term.negative,
            };
            let summands = terms.into_iter().map(summand).collect();
            return Operand { node, shares: Shares::new(), moves, ring, lifted: Some(within), weight, summands };
        }
        let shares = match self.opened.get(&node) {
            Some(shares) => shares.clone(),
            None => {
                let shares = self.shares(node, self.widths.opened(node));
                self.opened.insert(node, shares.clone());
                shares
            }
        };
        Operand { node, shares, moves, ring, lifted: self.widths.lifted(node), weight, summands: Vec::new() }
    }

    pub(super) fn bit(&self, id: NodeId) -> BitShares {
        match &self.held[id.index()] {
            Held::Bit(bit) => bit.clone(),
            other @ (Held::Public(_) | Held::Clear(_) | Held::Shared(_) | Held::Nothing) => {
                unreachable!("the circuit's checker admits bits only, not {other:?}")
            }
        }
    }

    /// Applies a linear map to every part of a value.
    pub(super) fn map(&mut self, held: &Held, mut f: impl FnMut(&mut ProgramBuilder, ValueId) -> ValueId) -> Held {
        match held {
            Held::Public(value) => Held::Public(f(&mut self.p, *value)),
            Held::Clear(value) => Held::Clear(f(&mut self.p, *value)),
            Held::Shared(shares) => Held::Shared(shares.iter().map(|&share| f(&mut self.p, share)).collect()),
            Held::Bit(_) | Held::Nothing => unreachable!("the circuit's checker admits real values only"),
        }
    }

    /// a + b or a - b, modulo 2^`ring`.
    pub(super) fn sum(&mut self, a: NodeId, b: NodeId, local: &Local, ring: u8) -> Held {
        let apply = |p: &mut ProgramBuilder, a, b| p.local(local.clone(), smallvec![a, b]);
        match (self.value(a, ring), self.value(b, ring)) {
            (Held::Public(a), Held::Public(b)) => Held::Public(apply(&mut self.p, a, b)),
            (Held::Public(a) | Held::Clear(a), Held::Clear(b)) | (Held::Clear(a), Held::Public(b)) => {
                Held::Clear(apply(&mut self.p, a, b))
            }
            (Held::Shared(a), Held::Clear(b)) => {
                let result = self.scheme.combine_with_clear(&mut self.p, local, a, b);
                Held::Shared(self.unify_shapes(result))
            }
            // Something public is added to one share alone.
            (Held::Shared(a), Held::Public(b)) => {
                let b = self.p.convert(b, Domain::Ring(ring));
                let mut result = a;
                result[0] = apply(&mut self.p, result[0], b);
                Held::Shared(self.unify_shapes(result))
            }
            (Held::Shared(_), Held::Shared(_)) | (Held::Public(_) | Held::Clear(_), Held::Shared(_)) => {
                let (a, b) = (self.shares(a, ring), self.shares(b, ring));
                Held::Shared(a.iter().zip(&b).map(|(&a, &b)| apply(&mut self.p, a, b)).collect())
            }
            (Held::Bit(_) | Held::Nothing, _) | (_, Held::Bit(_) | Held::Nothing) => {
                unreachable!("the circuit's checker admits real values only")
            }
        }
    }

    /// Shares of a - b for node `id`, whose ring is claimed to hold the difference.
    pub(super) fn difference(&mut self, id: NodeId, a: NodeId, b: NodeId) -> Shares {
        let ring = self.widths.working(id);
        let shares = match self.sum(a, b, &Local::Sub, ring) {
            Held::Shared(shares) => shares,
            Held::Public(known) | Held::Clear(known) => {
                let shares = self.scheme.trivial(&mut self.p, known);
                self.narrow(&shares, ring)
            }
            Held::Bit(_) | Held::Nothing => unreachable!("a difference is a real value"),
        };
        self.claim_to_fit(&shares, id);
        shares
    }

    /// Claims that a number that node `id` reads is one of the ring in which it is read, where that is narrower than a word.
    pub(super) fn claim_to_fit(&mut self, shares: &Shares, id: NodeId) {
        let ring = self.claimed.working(id);
        if ring < RING_BITS {
            self.p.claim(shares, ClaimKind::Headroom { bits: ring - 1 });
        }
    }

    /// In a witness: claims of the result of a truncation that what is truncated, a number of whole words here, is one of the ring in which it
    /// is opened otherwise; and of what is lifted otherwise that it is one of its ring.
    pub(super) fn claim_as_planned(&mut self, id: NodeId, node: &Node, held: &Held) {
        let (Held::Shared(shares), true) = (held, self.claimed != self.widths) else { return };
        if let Some(bits) = self.claimed.lifted_bits(id) {
            self.p.claim(shares, ClaimKind::Headroom { bits });
        }
        if let Some(bits) = self.claimed.refreshed_bits(self.circuit, id, self.fixed, self.truncation)
            && !matches!(node.op, Op::Reveal(..))
        {
            self.p.claim(shares, ClaimKind::Headroom { bits });
        }
    }

    /// Broadcasts all shares to the shape of the first.
    pub(super) fn unify_shapes(&mut self, shares: Shares) -> Shares {
        let shape = self.p.shape(shares[0]);
        shares
            .into_iter()
            .map(|share| {
                if self.p.value(share).shape == shape {
                    share
                } else {
                    self.p.moved(share, Move::Broadcast(shape.clone()))
                }
            })
            .collect()
    }
}
