//! The walk from circuit to Program: scales, truncations, and everything linear. What is particular to a way of sharing
//! is asked of the [`Scheme`].

#![deny(clippy::wildcard_enum_match_arm, reason = "a catch-all hides a new operation from the pass that must learn it")]

mod clear;
mod held;
mod levels;

use super::laws::{self, Angle};
use super::owned::Owned;
use super::widths::Widths;
use super::{
    BitShares, CompileError, Cut, Product, RingSeries, RingTable, Scheme, SchemeSpec, Shares, Triples, Truncation,
    Weights,
};
use crate::circuit::{CheckedCircuit, Node, NodeId, Op, Opening, Owner, Series, Table};
use crate::fixed::{self, FixedPoint, RING_BITS, power_of_two};
use crate::program::{ClaimKind, Constant, Lifetime, Local, Program, ProgramBuilder, ValueId};
use crate::ring::Domain;
use crate::shape::Shape;
use smallvec::SmallVec;
use std::collections::HashMap;

/// How a circuit value is held.
#[derive(Debug, Clone)]
enum Held {
    /// By everyone.
    Public(ValueId),
    /// By the model owner, a computing party, or before it is shared.
    Clear(ValueId),
    /// In shares.
    Shared(Shares),
    /// In shares, a tensor of bits.
    Bit(BitShares),
    /// Nobody holds anything: the value was revealed, or what it is the sum of is opened in its place.
    Nothing,
}

struct Lowering<'a, S> {
    circuit: &'a CheckedCircuit,
    fixed: FixedPoint,
    weights: Weights,
    truncation: Truncation,
    widths: Widths,
    /// The rings that numbers are claimed to fit: those above, but in a witness.
    claimed: Widths,
    /// Whether a value is opened once for all its uses, in place of its rearrangements.
    opens_once: bool,
    scheme: S,
    p: ProgramBuilder,
    /// Each value, shares in the ring that is planned for it; what is known to a party is in Z_2^64.
    held: Vec<Held>,
    /// Where values are opened once: their shares in the ring in which that happens.
    opened: HashMap<NodeId, Shares>,
    /// What depends on the model alone.
    owned: Owned,
    /// What the owner of the model computed by itself.
    clear: HashMap<NodeId, ValueId>,
    /// Public zeros and ones as integers, by their node.
    masks: HashMap<NodeId, ValueId>,
}

pub(super) fn lower<S: Scheme>(
    circuit: &CheckedCircuit,
    spec: &SchemeSpec,
    fixed: FixedPoint,
    scheme: S,
    claimed: Option<Widths>,
) -> Result<Program, CompileError> {
    let p = ProgramBuilder::new(scheme.parties(), scheme.model_owner()).with_regions(circuit.regions().clone());
    let widths = Widths::of(circuit, spec, fixed);
    let mut lowering = Lowering {
        circuit,
        fixed,
        weights: spec.weights(),
        truncation: spec.truncation,
        claimed: claimed.unwrap_or_else(|| widths.clone()),
        widths,
        opens_once: spec.sharing.triples() == Some(Triples::PerValue),
        scheme,
        p,
        held: Vec::new(),
        opened: HashMap::new(),
        owned: Owned::of(circuit, spec),
        clear: HashMap::new(),
        masks: HashMap::new(),
    };
    let mut claims = circuit.domains().to_vec();
    claims.sort_by_key(|claim| claim.value);
    let mut claims = claims.into_iter().peekable();
    for (i, node) in circuit.nodes().iter().enumerate() {
        lowering.p.set_region(node.region);
        let id = NodeId::at(i);
        let from_model = lowering.owned.is_from_model(id);
        lowering.p.set_lifetime(if from_model { Lifetime::Model } else { Lifetime::Query });
        let held = if lowering.owned.is_in_clear(id) {
            lowering.in_clear(id, node)?
        } else if lowering.widths.is_inside(id) {
            Held::Nothing
        } else {
            lowering.node(id, node)?
        };
        lowering.claim_as_planned(id, node, &held);
        while let Some(claim) = claims.next_if(|claim| claim.value.index() == i) {
            lowering.p.set_region(claim.region);
            if let Held::Shared(shares) = &held {
                let fraction_bits = lowering.fraction_bits(node)?;
                let also = claim.also.map(|also| (also.at, also.most));
                lowering.p.claim(shares, ClaimKind::Domain { low: claim.low, high: claim.high, also, fraction_bits });
            }
        }
        lowering.held.push(held);
    }
    Ok(lowering.p.finish()?)
}

impl<S: Scheme> Lowering<'_, S> {
    fn region(&self, node: &Node) -> String {
        self.circuit.regions().path(node.region)
    }

    /// Fraction bits of a node's value in the ring.
    fn fraction_bits(&self, node: &Node) -> Result<u8, CompileError> {
        let wanted = i32::from(self.fixed.fraction_bits()) + i32::from(node.guard_bits);
        match u8::try_from(wanted) {
            Ok(bits) if bits <= RING_BITS - 3 => Ok(bits),
            _ => Err(CompileError::FractionBits { region: self.region(node), wanted }),
        }
    }

    fn argument(&self, id: NodeId) -> &Node {
        &self.circuit.nodes()[id.index()]
    }

    fn argument_bits(&self, id: NodeId) -> Result<u8, CompileError> {
        self.fraction_bits(self.argument(id))
    }

    fn encode(&self, node: &Node, number: f64, fraction_bits: u8) -> Result<u64, CompileError> {
        fixed::encode(number, fraction_bits, RING_BITS)
            .map_err(|error| CompileError::Encode { region: self.region(node), error })
    }

    /// Brings a value from `from` to `to` fraction bits, and from the ring in which it was made to Z_2^`ring`.
    fn rescale(&mut self, node: &Node, held: Held, from: i32, to: u8, ring: u8) -> Result<Held, CompileError> {
        let shift = from - i32::from(to);
        let bits = self.shift_bits(node, shift)?;
        if shift <= 0 {
            return Ok(self.map(&held, |p, value| p.shift_left(value, bits)));
        }
        Ok(match held {
            Held::Shared(shares) => {
                let cut = Cut { shift: bits, fraction_bits: fraction_bits_label(from), ring };
                Held::Shared(self.scheme.truncate(&mut self.p, &shares, cut))
            }
            known @ (Held::Public(_) | Held::Clear(_) | Held::Bit(_) | Held::Nothing) => {
                self.map(&known, |p, value| p.shift_right_arithmetic(value, bits))
            }
        })
    }

    /// The size of a shift to either side.
    fn shift_bits(&self, node: &Node, shift: i32) -> Result<u8, CompileError> {
        let shift = shift.abs();
        match u8::try_from(shift) {
            Ok(bits) if bits <= RING_BITS - 3 => Ok(bits),
            _ => Err(CompileError::Shift { region: self.region(node), shift }),
        }
    }

    /// Shares of a product of shared values, brought from `from` to `to` fraction bits.
    fn settle(
        &mut self,
        node: &Node,
        product: S::Unsettled,
        from: i32,
        to: u8,
        ring: u8,
    ) -> Result<Held, CompileError> {
        let shift = from - i32::from(to);
        if shift <= 0 {
            let shares = self.scheme.settle(&mut self.p, product);
            return self.rescale(node, Held::Shared(shares), from, to, ring);
        }
        let cut = Cut { shift: self.shift_bits(node, shift)?, fraction_bits: fraction_bits_label(from), ring };
        Ok(Held::Shared(self.scheme.settle_truncated(&mut self.p, product, cut)))
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each operation")]
    fn node(&mut self, id: NodeId, node: &Node) -> Result<Held, CompileError> {
        let (ring, working) = (self.widths.held(id), self.widths.working(id));
        match &node.op {
            Op::Input { owner, name } => {
                let fraction_bits = self.fraction_bits(node)?;
                let party = match owner {
                    Owner::Client => self.scheme.client(),
                    Owner::Model => self.scheme.model_owner(),
                };
                let clear = self.p.input(party, name, fraction_bits, Domain::Z64, node.shape.clone());
                Ok(match (owner, self.weights) {
                    (Owner::Model, Weights::Server | Weights::ClientServer) => Held::Clear(clear),
                    (Owner::Client, Weights::Shared | Weights::Server | Weights::ClientServer)
                    | (Owner::Model, Weights::Shared) => {
                        let clear = self.p.convert(clear, Domain::Ring(ring));
                        Held::Shared(self.scheme.share(&mut self.p, party, clear))
                    }
                })
            }
            Op::Constant(values) => {
                let fraction_bits = self.fraction_bits(node)?;
                let words =
                    values.iter().map(|&x| self.encode(node, x, fraction_bits)).collect::<Result<Vec<_>, _>>()?;
                let constant = Constant::Words(words.into());
                Ok(Held::Public(self.p.constant(constant, Domain::Z64, node.shape.clone())))
            }
            &Op::Add(a, b) => Ok(self.sum(a, b, &Local::Add, ring)),
            &Op::Sub(a, b) => Ok(self.sum(a, b, &Local::Sub, ring)),
            &Op::Neg(a) => {
                let held = self.value(a, ring);
                Ok(self.map(&held, ProgramBuilder::neg))
            }
            &Op::Offset(a, number) => {
                let word = self.encode(node, number, self.fraction_bits(node)?)?;
                Ok(match self.value(a, ring) {
                    Held::Shared(mut shares) => {
                        let word = self.p.splat(word, Domain::Ring(ring));
                        shares[0] = self.p.add(shares[0], word);
                        Held::Shared(shares)
                    }
                    known @ (Held::Public(_) | Held::Clear(_) | Held::Bit(_) | Held::Nothing) => {
                        let word = self.p.splat(word, Domain::Z64);
                        self.map(&known, |p, value| p.add(value, word))
                    }
                })
            }
            &Op::Scale(a, number) => self.scale(id, node, a, number),
            &Op::Shift(a, _) => Ok(self.value(a, ring)),
            &Op::Precision(a) => {
                let (from, to) = (self.argument_bits(a)?, self.fraction_bits(node)?);
                let held = self.value(a, working);
                self.rescale(node, held, i32::from(from), to, ring)
            }
            &Op::Mul(x, mask) if self.selects(mask) => self.selection(id, node, x, mask),
            &Op::Mul(mask, x) if self.selects(mask) => self.selection(id, node, x, mask),
            &Op::Mul(a, b) => self.product(id, node, Product::Elementwise, a, b),
            &Op::MatMul(a, b) => self.product(id, node, Product::Matrix, a, b),
            &Op::Square(a) => {
                let (from, to) = (self.argument_bits(a)?, self.fraction_bits(node)?);
                let from = 2 * i32::from(from);
                match self.held[a.index()].clone() {
                    Held::Shared(_) => {
                        let operand = self.operand(a, working);
                        let product = self.scheme.square(&mut self.p, &operand);
                        self.settle(node, product, from, to, ring)
                    }
                    known @ (Held::Public(_) | Held::Clear(_) | Held::Bit(_) | Held::Nothing) => {
                        let held = self.map(&known, |p, value| p.mul(value, value));
                        self.rescale(node, held, from, to, ring)
                    }
                }
            }
            &Op::Sum(a, axis) => {
                let held = self.value(a, ring);
                Ok(self.map(&held, |p, value| p.sum(value, axis)))
            }
            Op::Move(a, rearrangement) => {
                let held = self.value(*a, ring);
                Ok(self.map(&held, |p, value| p.moved(value, rearrangement.clone())))
            }
            Op::Concat(parts, axis) => Ok(self.concat(parts, *axis, ring)),
            &Op::Less(a, b) => {
                let shares = self.difference(id, a, b);
                Ok(Held::Bit(self.scheme.negative(&mut self.p, &shares)))
            }
            &Op::Equal(a, b) => {
                let shares = self.difference(id, a, b);
                Ok(Held::Bit(self.scheme.zero(&mut self.p, &shares)))
            }
            &Op::LessThan(a, bound) => {
                let word = self.encode(node, bound, self.argument_bits(a)?)?;
                let mut shares = self.shares(a, working);
                let word = self.p.splat(word, Domain::Ring(working));
                shares[0] = self.p.sub(shares[0], word);
                self.claim_to_fit(&shares, id);
                Ok(Held::Bit(self.scheme.negative(&mut self.p, &shares)))
            }
            &Op::And(a, b) => {
                let (a, b) = (self.bit(a), self.bit(b));
                Ok(Held::Bit(self.scheme.and(&mut self.p, &a, &b)))
            }
            &Op::Xor(a, b) => {
                let (a, b) = (self.bit(a), self.bit(b));
                Ok(Held::Bit(self.scheme.xor(&mut self.p, &a, &b)))
            }
            &Op::Not(a) => {
                let a = self.bit(a);
                Ok(Held::Bit(self.scheme.not(&mut self.p, &a)))
            }
            &Op::Select(bit, x) => {
                let (bit, x) = (self.bit(bit), self.operand(x, working));
                Ok(Held::Shared(self.scheme.select(&mut self.p, &bit, &x)))
            }
            &Op::Real(bit) => {
                let (bit, fraction_bits) = (self.bit(bit), self.fraction_bits(node)?);
                let integer = Held::Shared(self.scheme.integer(&mut self.p, &bit, ring));
                Ok(self.map(&integer, |p, value| p.shift_left(value, fraction_bits)))
            }
            Op::Fourier(x, series) => self.fourier(id, node, *x, series),
            Op::Lookup(x, table) => self.lookup(id, node, *x, table),
            &Op::Power(x, sectors) => self.power(id, node, x, sectors),
            &Op::Level(x, levels) => self.level(id, node, x, levels),
            Op::Reveal(a, name) => {
                let fraction_bits = self.fraction_bits(node)?;
                let shares = self.shares(*a, working);
                self.claim_to_fit(&shares, id);
                let client = self.scheme.client();
                self.scheme.reveal(&mut self.p, &shares, client, name, fraction_bits);
                Ok(Held::Nothing)
            }
        }
    }

    /// Product with a public number, brought to m / 2^e with an odd integer m: a power of two costs only the shift.
    fn scale(&mut self, id: NodeId, node: &Node, a: NodeId, number: f64) -> Result<Held, CompileError> {
        let (from, to) = (self.argument_bits(a)?, self.fraction_bits(node)?);
        let (ring, working) = (self.widths.held(id), self.widths.working(id));
        let held = self.value(a, working);
        let (multiplier, exponent) = laws::multiplier(number, to, self.fixed);
        let held = if multiplier == 1 {
            held
        } else {
            let domain = if matches!(held, Held::Shared(_)) { Domain::Ring(working) } else { Domain::Z64 };
            let word = self.p.splat(multiplier as u64, domain);
            self.map(&held, |p, value| p.mul(value, word))
        };
        self.rescale(node, held, i32::from(from) + exponent, to, ring)
    }

    fn selects(&self, id: NodeId) -> bool {
        matches!(&self.argument(id).op, Op::Constant(values) if laws::selects(values))
    }

    /// Product with public zeros and ones, which are taken as integers: nothing is truncated.
    fn selection(&mut self, id: NodeId, node: &Node, x: NodeId, mask: NodeId) -> Result<Held, CompileError> {
        let (from, to) = (self.argument_bits(x)?, self.fraction_bits(node)?);
        let (ring, working) = (self.widths.held(id), self.widths.working(id));
        let mask = self.selection_mask(mask);
        let held = self.value(x, working);
        let mask = if matches!(held, Held::Shared(_)) { self.p.convert(mask, Domain::Ring(working)) } else { mask };
        let held = self.map(&held, |p, value| p.mul(value, mask));
        self.rescale(node, held, i32::from(from), to, ring)
    }

    /// The integers of a constant of zeros and ones; one value for all its uses.
    fn selection_mask(&mut self, id: NodeId) -> ValueId {
        if let Some(&mask) = self.masks.get(&id) {
            return mask;
        }
        let node = &self.circuit.nodes()[id.index()];
        let Op::Constant(values) = &node.op else { unreachable!("only constants select") };
        let words: Vec<u64> = values.iter().map(|&value| u64::from(value == 1.0)).collect();
        let mask = self.p.constant(Constant::Words(words.into()), Domain::Z64, node.shape.clone());
        self.masks.insert(id, mask);
        mask
    }

    fn product(
        &mut self,
        id: NodeId,
        node: &Node,
        product: Product,
        a: NodeId,
        b: NodeId,
    ) -> Result<Held, CompileError> {
        let (ring, working) = (self.widths.held(id), self.widths.working(id));
        let from = i32::from(self.argument_bits(a)?) + i32::from(self.argument_bits(b)?);
        let to = self.fraction_bits(node)?;
        let local = |p: &mut ProgramBuilder, x, y| match product {
            Product::Elementwise => p.mul(x, y),
            Product::Matrix => p.matmul(x, y),
        };
        if self.widths.terms(a).is_some() || self.widths.terms(b).is_some() {
            let (x, y) = (self.operand(a, working), self.operand(b, working));
            let product = self.scheme.product(&mut self.p, product, &x, &y);
            return self.settle(node, product, from, to, ring);
        }
        let held = match (self.held[a.index()].clone(), self.held[b.index()].clone()) {
            (Held::Shared(_), Held::Public(y)) => {
                let (x, y) = (self.value(a, working), self.p.convert(y, Domain::Ring(working)));
                self.map(&x, |p, x| local(p, x, y))
            }
            (Held::Public(x), Held::Shared(_)) => {
                let (x, y) = (self.p.convert(x, Domain::Ring(working)), self.value(b, working));
                self.map(&y, |p, y| local(p, x, y))
            }
            (Held::Shared(x), Held::Clear(w)) => {
                let x = self.narrow(&x, working);
                let product = self.scheme.product_with_clear(&mut self.p, product, &x, w);
                return self.settle(node, product, from, to, ring);
            }
            (Held::Clear(w), Held::Shared(x)) if product == Product::Elementwise => {
                let x = self.narrow(&x, working);
                let product = self.scheme.product_with_clear(&mut self.p, product, &x, w);
                return self.settle(node, product, from, to, ring);
            }
            (Held::Public(x), Held::Public(y)) => Held::Public(local(&mut self.p, x, y)),
            (Held::Public(x) | Held::Clear(x), Held::Public(y) | Held::Clear(y)) => {
                Held::Clear(local(&mut self.p, x, y))
            }
            (Held::Bit(_) | Held::Nothing, _) | (_, Held::Bit(_) | Held::Nothing) => {
                unreachable!("the circuit's checker admits real values only")
            }
            // The scheme multiplies a matrix in clear at the left as a shared one.
            (Held::Shared(_) | Held::Clear(_), Held::Shared(_)) => {
                let (x, y) = (self.operand(a, working), self.operand(b, working));
                let product = self.scheme.product(&mut self.p, product, &x, &y);
                return self.settle(node, product, from, to, ring);
            }
        };
        self.rescale(node, held, from, to, ring)
    }

    fn concat(&mut self, parts: &[NodeId], axis: usize, ring: u8) -> Held {
        if parts.iter().all(|part| matches!(self.held[part.index()], Held::Public(_))) {
            let parts: SmallVec<[ValueId; 4]> =
                parts.iter().flat_map(|part| self.shares(*part, RING_BITS).into_iter().take(1)).collect();
            return Held::Public(self.p.concat(&parts, axis));
        }
        let parts: Vec<Shares> = parts.iter().map(|&part| self.shares(part, ring)).collect();
        let count = parts[0].len();
        let share = |p: &mut ProgramBuilder, i: usize| {
            let parts: SmallVec<[ValueId; 4]> = parts.iter().map(|shares| shares[i]).collect();
            p.concat(&parts, axis)
        };
        Held::Shared((0..count).map(|i| share(&mut self.p, i)).collect())
    }

    fn lookup(&mut self, id: NodeId, node: &Node, x: NodeId, table: &Table) -> Result<Held, CompileError> {
        let (from, to) = (self.argument_bits(x)?, self.fraction_bits(node)?);
        let index_bits = table.index_bits();
        let shift = laws::index_shift(from, table).ok_or_else(|| CompileError::Table {
            region: self.region(node),
            why: format!(
                "an index of {index_bits} bits, {} of them fraction bits, of a number with {from} fraction bits; an index has no more \
                 fraction bits than its number, and ends within the word",
                table.index_fraction_bits
            ),
        })?;
        // The dealt table has so many words.
        let dealt: Shape = std::iter::once(table.entries.len()).chain(node.shape.axes().iter().copied()).collect();
        dealt.validate().map_err(|error| CompileError::Table {
            region: self.region(node),
            why: format!("one table for each element is too much: {error}"),
        })?;
        let entries = table.entries.iter().map(|&entry| self.encode(node, entry, to)).collect::<Result<_, _>>()?;
        let x = self.shares(x, self.widths.working(id));
        let table = RingTable { entries, shift, index_bits, ring: self.widths.held(id) };
        Ok(Held::Shared(self.scheme.lookup(&mut self.p, &x, &table)))
    }

    fn fourier(&mut self, id: NodeId, node: &Node, x: NodeId, series: &Series) -> Result<Held, CompileError> {
        let fraction_bits = self.fraction_bits(node)?;
        let error = |why: String| CompileError::Series { region: self.region(node), why };
        let angle = Angle::of(series.period, fraction_bits).ok_or_else(|| {
            let units = series.period * power_of_two(i32::from(fraction_bits));
            error(format!("a period of {units} units is no word of 2 to 32 bits"))
        })?;
        let size: f64 = series.cosines.iter().chain(&series.sines).map(|coefficient| coefficient.abs()).sum();
        if size == 0.0 {
            return Err(error("a series without terms other than zero; use a constant".to_owned()));
        }
        // The sum has twice the fraction bits of its factors before it is truncated.
        let wave_bits = i32::from(laws::wave_bits(series, fraction_bits, self.truncation));
        if 2 * wave_bits >= i32::from(RING_BITS) - 3 || size >= power_of_two(i32::from(RING_BITS) - 3 - 2 * wave_bits) {
            return Err(error(format!(
                "a sum of size {size} with {wave_bits} fraction bits in each factor does not fit {RING_BITS} bits; use fewer \
                 guard bits or smaller coefficients"
            )));
        }
        let constant = self.encode(node, series.constant, fraction_bits)?;
        let x = self.shares(x, self.widths.working(id));
        let modulus = match series.opening {
            Opening::Period => None,
            Opening::Remainder { modulus } => Some(angle.units(modulus / series.period).max(1)),
        };
        let ring = self.widths.held(id);
        let shift = laws::series_shift(series, fraction_bits, self.truncation);
        let wave_bits = laws::wave_bits(series, fraction_bits, self.truncation);
        let sum_ring = self.widths.summed(id, size, fraction_bits, shift);
        let series = RingSeries { series, fraction_bits, wave_bits, angle, sum_ring, ring, modulus };
        let mut result = self.scheme.fourier(&mut self.p, &x, &series);
        if constant != 0 {
            let constant = self.p.splat(constant, Domain::Ring(ring));
            result[0] = self.p.add(result[0], constant);
        }
        Ok(Held::Shared(result))
    }
}

/// Fraction bits of what is truncated, for labels of reports: saturates, because the true number need not fit the word.
fn fraction_bits_label(from: i32) -> u8 {
    u8::try_from(from).unwrap_or(RING_BITS - 1).min(RING_BITS - 1)
}
