//! The ring in which each value is held: as wide as what consumes it needs, and no wider.
//!
//! Shares that are shifted apart by s bits in Z_2^k are exact to one unit modulo 2^(k - s), for every split into shares, and cost nothing:
//! the wrap of the shares is a multiple of 2^(k - s). So a truncation that is followed by narrowing never fails
//! ([`Truncation::Narrowing`]), but the ring shrinks at each. [`Widths::plan`] therefore walks a circuit backwards, from what is revealed to what
//! is put in:
//!
//! - A linear operation modulo 2^k needs its arguments modulo 2^k.
//! - A truncation by s to Z_2^k needs its argument in Z_2^(k + s), if that is a word. Otherwise the ring is *refreshed*: the argument is opened
//!   behind a mask once, as by [`Truncation::Exact`], but in the narrowest ring that holds it, and the result may be in any ring.
//! - What is read as a number - compared, refreshed, revealed, or claimed to be in a domain - needs a ring that holds the number.
//! - A factor of an elementwise product is read as a number, too, where that is narrower than the ring of the product and nothing else opens it: it is
//!   *lifted* by its opening into the ring of the product ([`beaver`](super::additive2)).
//! - What is opened modulo a period or as the index of a table needs the bits that are opened, and those that are shifted out.
//!
//! How large a number may be is known from the domains that protocols claim, and from what follows from these; a number of which nothing is
//! known is claimed to be below 2^[`RANGE_BITS`](crate::fixed::RANGE_BITS), or what the suite says. Every such assumption is a claim of the Program
//! ([`ClaimKind::Headroom`](crate::program::ClaimKind::Headroom)), which the simulator checks and bounds respect.
//!
//! Under any other truncation all rings are Z_2^64.

mod lifting;

use super::gated::{Gated, Term};
use super::laws::{self, Angle, PERIOD_SHIFT, PowerWords};
use super::owned::Owned;
use super::{SchemeSpec, Triples, Truncation, Weights};
use crate::circuit::{CheckedCircuit, DomainClaim, Node, NodeId, Op, Opening, Sectors};
use crate::fixed::{FixedPoint, RING_BITS, power_of_two};
use crate::shape::Move;

/// Width of the narrowest ring: a value that nothing consumes is in it. Twice a number must be one of the ring.
const NARROWEST: u8 = 2;

/// What rounding may add to a number whose bound over the reals is known: a part of it, and units.
const ROUNDING: (f64, f64) = (1.0 / 64.0, 64.0);

/// The rings of the values of a circuit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Widths {
    /// By node: the ring that its shares are held in.
    held: Vec<u8>,
    /// By node: the ring in which its arguments are combined, before a truncation.
    working: Vec<u8>,
    /// By node: the widest ring in which an operation opens it behind a mask.
    opened: Vec<u8>,
    /// By node: the ring into which its opening lifts it, which is wider than the one in which it is opened.
    lifted: Vec<Option<u8>>,
    /// By node: whether its truncation, where it has one, opens a masked number.
    refreshed: Vec<bool>,
    /// The factors that are not opened, because what they are made of is.
    gated: Gated,
    /// Whether rings are narrower than a word at all.
    narrowed: bool,
}

impl Widths {
    /// The rings of a circuit under a scheme.
    #[must_use]
    pub fn of(circuit: &CheckedCircuit, spec: &SchemeSpec, fixed: FixedPoint) -> Self {
        match spec.truncation {
            Truncation::Local | Truncation::Exact => Self::whole(circuit.nodes().len()),
            Truncation::Narrowing => {
                let owned = Some(Owned::of(circuit, spec));
                let planner = Planner { circuit, fixed, sizes: sizes(circuit), owned };
                // Masks that are kept for a value serve all its products, and shares alone are lifted.
                if spec.sharing.triples() == Some(Triples::PerValue) && spec.weights() == Weights::Shared {
                    planner.lifting()
                } else {
                    planner.plan(&vec![None; circuit.nodes().len()], Gated::default())
                }
            }
        }
    }

    /// Z_2^64 for each of so many nodes.
    #[must_use]
    pub fn whole(nodes: usize) -> Self {
        let whole = || vec![RING_BITS; nodes];
        Self {
            held: whole(),
            working: whole(),
            opened: whole(),
            lifted: vec![None; nodes],
            refreshed: vec![true; nodes],
            gated: Gated::default(),
            narrowed: false,
        }
    }

    /// Width of the ring that holds the shares of a node.
    #[must_use]
    pub fn held(&self, node: NodeId) -> u8 {
        self.held[node.index()]
    }

    /// Width of the ring in which the arguments of a node are combined: before its truncation, where it has one, and for a comparison or an
    /// output the ring that holds the number.
    #[must_use]
    pub fn working(&self, node: NodeId) -> u8 {
        self.working[node.index()]
    }

    /// Width of the ring in which the terms of a trigonometric sum with `fraction_bits` are added, which are of `size` together, before `shift`
    /// bits are cut off.
    #[must_use]
    pub fn summed(&self, node: NodeId, size: f64, fraction_bits: u8, shift: u8) -> u8 {
        if !self.narrowed {
            return RING_BITS;
        }
        let number_bits = i32::from(fraction_bits) + i32::from(shift) + size.log2().ceil().max(0.0) as i32 + 1;
        before(self.held(node), i32::from(shift), number_bits)
    }

    /// Binary logarithm of the bound of the integer on which a node rests, so that its result is right: of the difference that it compares, the
    /// output that it reveals, the number that it truncates, the sum of its series with `shift` bits more than its own `fraction_bits`. A
    /// truncation for which the ring is narrowed rests on nothing but that numbers fit a word.
    #[must_use]
    pub fn room_bits(&self, circuit: &CheckedCircuit, node: NodeId, fraction_bits: u8, truncation: Truncation) -> u8 {
        let working = self.working(node);
        let cut = |refreshed: bool, ring: u8| if refreshed { ring - 2 } else { RING_BITS - 1 };
        match &circuit.nodes()[node.index()].op {
            Op::Less(..) | Op::LessThan(..) | Op::Equal(..) | Op::Reveal(..) => working - 1,
            Op::Scale(..) | Op::Precision(_) | Op::Mul(..) | Op::Square(_) | Op::MatMul(..) => {
                cut(self.refreshed[node.index()], working.max(3))
            }
            Op::Fourier(_, series) => {
                let size: f64 = series.cosines.iter().chain(&series.sines).map(|a| a.abs()).sum();
                let shift = laws::series_shift(series, fraction_bits, truncation);
                let ring = self.summed(node, size, fraction_bits, shift);
                cut(!self.narrowed || self.held(node) + shift > ring, ring)
            }
            &Op::Power(argument, sectors) => {
                let argument_bits = i16::from(fraction_bits) + i16::from(circuit.nodes()[argument.index()].guard_bits)
                    - i16::from(circuit.nodes()[node.index()].guard_bits);
                let words =
                    u8::try_from(argument_bits).ok().and_then(|bits| PowerWords::of(sectors, bits, fraction_bits));
                // Refused by the compiler where there are no such words.
                let Some(PowerWords { shift, .. }) = words else { return RING_BITS - 1 };
                let ring = self.summed(node, power_size(circuit, argument, sectors), fraction_bits, shift);
                cut(!self.narrowed || self.held(node) + shift > ring, ring)
            }
            Op::Input { .. }
            | Op::Constant(_)
            | Op::Add(..)
            | Op::Sub(..)
            | Op::Neg(_)
            | Op::Offset(..)
            | Op::Shift(..)
            | Op::Sum(..)
            | Op::Move(..)
            | Op::Concat(..)
            | Op::And(..)
            | Op::Xor(..)
            | Op::Not(_)
            | Op::Select(..)
            | Op::Real(_)
            | Op::Lookup(..)
            | Op::Level(..) => RING_BITS - 1,
        }
    }

    /// Binary logarithm of a bound of the result of a truncation by an opening, which keeps the number that is opened one of its ring; `None` for
    /// every other node, and in Z_2^64.
    pub(super) fn refreshed_bits(
        &self,
        circuit: &CheckedCircuit,
        node: NodeId,
        fixed: FixedPoint,
        truncation: Truncation,
    ) -> Option<u8> {
        if !self.narrowed {
            return None;
        }
        let planner = Planner { circuit, fixed, sizes: Vec::new(), owned: None };
        let at = &circuit.nodes()[node.index()];
        let fraction_bits = u8::try_from(planner.fraction_bits(at)).ok()?;
        let room_bits = self.room_bits(circuit, node, fraction_bits, truncation);
        // None of a trigonometric sum, which its coefficients bound.
        let shift = planner.excess(at);
        // Floor and one unit more: of a number below 2^(room) both are at most 2^(room - shift).
        u8::try_from(i32::from(room_bits) - shift).ok().filter(|_| shift > 0 && room_bits < RING_BITS - 2)
    }

    /// Whether the truncation of a node, where it has one, opens a masked number.
    #[must_use]
    pub fn refreshed(&self, node: NodeId) -> bool {
        self.refreshed[node.index()]
    }

    /// Width of the widest ring in which an operation on it, or on a rearrangement of it, opens a node behind a mask.
    #[must_use]
    pub fn opened(&self, node: NodeId) -> u8 {
        self.opened[node.index()]
    }

    /// Width of the ring into which the opening of a node lifts it.
    #[must_use]
    pub(super) fn lifted(&self, node: NodeId) -> Option<u8> {
        self.lifted[node.index()]
    }

    /// Binary logarithm of the bound of a node's integers on which its lifted opening rests; `None` of a bit, too, which is one of its ring whatever happens.
    #[must_use]
    pub fn lifted_bits(&self, node: NodeId) -> Option<u8> {
        self.lifted(node).and_then(|_| self.opened(node).checked_sub(2))
    }

    /// The summands that are opened in the place of a factor.
    #[must_use]
    pub(super) fn terms(&self, node: NodeId) -> Option<&[Term]> {
        self.gated.terms(node)
    }

    /// Whether a node is not computed, because summands are opened in its place.
    #[must_use]
    pub(super) fn is_inside(&self, node: NodeId) -> bool {
        self.gated.is_inside(node)
    }
}

/// The value that a product opens in place of its operand: what the operand is a rearrangement of, as long as that has no more elements. Spread
/// in windows or broadcast, a value is opened once.
///
/// The operand is the moves that are given back, of the root.
#[must_use]
pub(super) fn root(circuit: &CheckedCircuit, mut id: NodeId) -> (NodeId, Vec<Move>) {
    let nodes = circuit.nodes();
    let elements = |id: NodeId| nodes[id.index()].shape.elements();
    let mut moves = Vec::new();
    loop {
        match &nodes[id.index()].op {
            Op::Move(argument, rearrangement) if elements(*argument) <= elements(id) => {
                moves.push(rearrangement.clone());
                id = *argument;
            }
            // Only the binary point moves: the integers are the same.
            Op::Shift(argument, _) => id = *argument,
            _ => break,
        }
    }
    moves.reverse();
    (id, moves)
}

struct Planner<'a> {
    circuit: &'a CheckedCircuit,
    fixed: FixedPoint,
    /// By node: a bound over the reals, where one is known.
    sizes: Vec<Option<f64>>,
    /// What the owner of the model computes by itself, where rings are planned.
    owned: Option<Owned>,
}

impl Planner<'_> {
    /// The plan in which these nodes are lifted from the rings given, and these factors are not opened.
    fn plan(&self, lifted_from: &[Option<u8>], gated: Gated) -> Widths {
        let nodes = self.circuit.nodes();
        let narrowest = || vec![NARROWEST; nodes.len()];
        // A bit is opened modulo 2.
        let (mut held, mut working, mut opened) = (narrowest(), narrowest(), vec![1; nodes.len()]);
        let mut lifted = vec![None; nodes.len()];
        for claim in self.circuit.domains() {
            let at = claim.value.index();
            held[at] = held[at].max(self.holding(&nodes[at], self.sizes[at]));
        }
        for (i, node) in nodes.iter().enumerate().rev() {
            held[i] = held[i].max(self.least(node));
            let is_rearrangement = matches!(node.op, Op::Move(..) | Op::Shift(..));
            if self.is_in_clear(i) && !is_rearrangement {
                working[i] = RING_BITS;
                continue;
            }
            working[i] = self.arguments(i, held[i]);
            let opens = matches!(node.op, Op::Mul(..) | Op::MatMul(..) | Op::Square(_) | Op::Select(..));
            for argument in node.op.arguments() {
                let root = root(self.circuit, argument).0.index();
                // A summand of what is not opened is opened itself.
                let opens = opens || gated.is_inside(NodeId::at(i)) && lifted_from[root].is_some();
                let from = lifted_from[root].filter(|_| opens);
                let needed = from.unwrap_or(working[i]);
                held[argument.index()] = held[argument.index()].max(needed);
                if opens {
                    opened[root] = opened[root].max(needed);
                    // A product's own ring may have become narrower than its factor, by lifting what comes behind.
                    lifted[root] = from.map(|from| working[i].max(from).max(lifted[root].unwrap_or(NARROWEST)));
                }
            }
        }
        let cut = |i: usize| {
            !self.is_in_clear(i)
                && self.excess(&nodes[i]) > 0
                && i32::from(held[i]) + self.excess(&nodes[i]) > i32::from(working[i])
        };
        let refreshed = (0..nodes.len()).map(cut).collect();
        Widths { held, working, opened, lifted, refreshed, gated, narrowed: true }
    }

    fn is_in_clear(&self, node: usize) -> bool {
        self.owned.as_ref().is_some_and(|owned| owned.is_in_clear(NodeId::at(node)))
    }

    /// Fraction bits of a node. (What does not fit is refused by the compiler.)
    fn fraction_bits(&self, node: &Node) -> i32 {
        i32::from(self.fixed.fraction_bits()) + i32::from(node.guard_bits)
    }

    /// Width of the ring that holds a number below `size` with the fraction bits of `node`: a bit more than these at least.
    fn holding(&self, node: &Node, size: Option<f64>) -> u8 {
        word(self.fraction_bits(node) + self.range_bits(node, size).max(0) + 1)
    }

    /// Binary logarithm, rounded up, of a bound of a number as it is in the ring.
    fn range_bits(&self, node: &Node, size: Option<f64>) -> i32 {
        let Some(size) = size else { return i32::from(self.fixed.range_bits()) };
        let unit = power_of_two(-self.fraction_bits(node));
        let bound = size * (1.0 + ROUNDING.0) + ROUNDING.1 * unit;
        // Finite and positive; clamped, so that what no word holds saturates.
        bound.log2().ceil().clamp(-100.0, 100.0) as i32
    }

    /// The narrowest ring in which a node can be made: a shift must be by less than the word.
    fn least(&self, node: &Node) -> u8 {
        let shifted_left = if let Op::Real(_) = node.op { self.fraction_bits(node) } else { -self.excess(node) };
        word(1 + shifted_left)
    }

    /// By how many bits a node is truncated; less than none for a shift to the left.
    fn excess(&self, node: &Node) -> i32 {
        let nodes = self.circuit.nodes();
        let bits = |id: NodeId| self.fraction_bits(&nodes[id.index()]);
        let selects = |id: NodeId| matches!(&nodes[id.index()].op, Op::Constant(values) if laws::selects(values));
        let from = match &node.op {
            &Op::Precision(a) => bits(a),
            &Op::Scale(a, number) => {
                let to = u8::try_from(self.fraction_bits(node).clamp(0, i32::from(RING_BITS))).unwrap_or(RING_BITS);
                bits(a) + laws::multiplier(number, to, self.fixed).1
            }
            &Op::Mul(x, mask) if selects(mask) => bits(x),
            &Op::Mul(mask, x) if selects(mask) => bits(x),
            &Op::Mul(a, b) | &Op::MatMul(a, b) => bits(a) + bits(b),
            &Op::Square(a) => 2 * bits(a),
            Op::Input { .. }
            | Op::Constant(_)
            | Op::Add(..)
            | Op::Sub(..)
            | Op::Neg(_)
            | Op::Offset(..)
            | Op::Shift(..)
            | Op::Sum(..)
            | Op::Move(..)
            | Op::Concat(..)
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
            | Op::Reveal(..) => return 0,
        };
        from - self.fraction_bits(node)
    }

    /// The ring in which the arguments of node `i`, held in `ring`, are combined.
    fn arguments(&self, i: usize, ring: u8) -> u8 {
        let node = &self.circuit.nodes()[i];
        let of = |id: NodeId| (&self.circuit.nodes()[id.index()], self.sizes[id.index()]);
        match &node.op {
            Op::Input { .. }
            | Op::Constant(_)
            | Op::Add(..)
            | Op::Sub(..)
            | Op::Neg(_)
            | Op::Offset(..)
            | Op::Shift(..)
            | Op::Sum(..)
            | Op::Move(..)
            | Op::Concat(..)
            | Op::Select(..) => ring,
            Op::And(..) | Op::Xor(..) | Op::Not(_) | Op::Real(_) => NARROWEST,
            Op::Scale(..) | Op::Precision(_) | Op::Mul(..) | Op::Square(_) | Op::MatMul(..) => {
                let (shift, number_bits) =
                    (self.excess(node), self.number_bits(node, self.sizes[i], self.excess(node)));
                let wide = before(ring, shift, number_bits);
                let narrow = narrowest_before(shift, number_bits);
                if shift > 0 && self.spares_a_refresh(node, wide, narrow) { narrow } else { wide }
            }
            &Op::Less(a, b) | &Op::Equal(a, b) => {
                let ((first, a), (_, b)) = (of(a), of(b));
                self.holding(first, a.zip(b).map(|(a, b)| a + b))
            }
            &Op::LessThan(a, bound) => {
                let (node, size) = of(a);
                self.holding(node, size.map(|size| size + bound.abs()))
            }
            &Op::Reveal(a, _) => {
                let (node, size) = of(a);
                self.holding(node, size)
            }
            Op::Fourier(_, series) => match series.opening {
                Opening::Remainder { .. } => RING_BITS,
                Opening::Period => {
                    let bits = u8::try_from(self.fraction_bits(node)).unwrap_or(RING_BITS);
                    // Refused by the compiler where there is no such angle.
                    let Some(angle) = Angle::of(series.period, bits) else { return RING_BITS };
                    angle.bits + angle.multiplier.map_or(0, |_| PERIOD_SHIFT)
                }
            },
            Op::Lookup(a, table) => {
                let bits = u8::try_from(self.fraction_bits(of(*a).0)).unwrap_or(RING_BITS);
                laws::index_shift(bits, table).map_or(RING_BITS, |shift| shift + table.index_bits())
            }
            &Op::Power(a, sectors) => {
                let bits = u8::try_from(self.fraction_bits(of(a).0)).unwrap_or(RING_BITS);
                bits.saturating_add(sectors.modulus_bits).min(RING_BITS)
            }
            &Op::Level(a, levels) => {
                let bits = u8::try_from(self.fraction_bits(of(a).0)).unwrap_or(RING_BITS);
                laws::level_words(levels, bits).map_or(RING_BITS, |(_, bits)| bits)
            }
        }
    }

    /// Binary logarithm of a bound of an integer before its truncation by `shift`, of a number with the bound `size`.
    fn number_bits(&self, node: &Node, size: Option<f64>, shift: i32) -> i32 {
        self.fraction_bits(node) + shift + self.range_bits(node, size)
    }

    /// Whether a node that takes its arguments in a `narrow` ring, and so is refreshed itself, spares an argument of more elements that: one made of dealt words, whose sum
    /// has no room above a ring as `wide`.
    fn spares_a_refresh(&self, node: &Node, wide: u8, narrow: u8) -> bool {
        let nodes = self.circuit.nodes();
        node.op.arguments().iter().any(|&argument| {
            let made = &nodes[root(self.circuit, argument).0.index()];
            let has_room = |ring: u8| i32::from(ring) + self.cut_of_dealt(made) <= i32::from(RING_BITS);
            made.shape.elements() > node.shape.elements() && has_room(narrow) && !has_room(wide)
        })
    }

    /// The bits that are cut off a sum of dealt words; none of any other node.
    fn cut_of_dealt(&self, node: &Node) -> i32 {
        let Ok(bits) = u8::try_from(self.fraction_bits(node)) else { return 0 };
        if let Op::Fourier(_, series) = &node.op {
            i32::from(laws::series_shift(series, bits, Truncation::Narrowing))
        } else if let Op::Power(argument, sectors) = node.op {
            let argument_bits = u8::try_from(self.fraction_bits(&self.circuit.nodes()[argument.index()]));
            let words = argument_bits.ok().and_then(|argument_bits| PowerWords::of(sectors, argument_bits, bits));
            words.map_or(0, |words| i32::from(words.shift))
        } else {
            0
        }
    }
}

/// The ring before a truncation by `shift` to Z_2^`ring`, of an integer below 2^`number_bits`: so wide that nothing needs to be opened, or else
/// the narrowest that holds the integer beside its mask.
pub(super) fn before(ring: u8, shift: i32, number_bits: i32) -> u8 {
    match i32::from(ring) + shift.max(0) {
        wide if wide <= i32::from(RING_BITS) => word(wide),
        _ => narrowest_before(shift, number_bits),
    }
}

/// The narrowest ring that holds an integer below 2^`number_bits` beside its mask, before a truncation by `shift`.
fn narrowest_before(shift: i32, number_bits: i32) -> u8 {
    word(number_bits + 2).max(word(shift + 3))
}

/// A width that is one of a word.
fn word(bits: i32) -> u8 {
    bits.clamp(i32::from(NARROWEST), i32::from(RING_BITS)) as u8
}

/// A bound of a power of two: 1 where its exponent is claimed to be one that there is, else whatever the words of a power can give.
pub(super) fn power_size(circuit: &CheckedCircuit, exponent: NodeId, sectors: Sectors) -> f64 {
    let claimed = |claim: &DomainClaim| {
        claim.value == exponent && claim.low > -sectors.reach() && claim.high <= 0.0 && claim.also.is_none()
    };
    if circuit.domains().iter().any(claimed) { 1.0 } else { power_of_two(sectors.length() as i32) }
}

/// For each node a bound of its numbers over the reals, where one follows from what is claimed of arguments, and from public numbers.
fn sizes(circuit: &CheckedCircuit) -> Vec<Option<f64>> {
    let nodes = circuit.nodes();
    let mut claimed = vec![None; nodes.len()];
    for claim in circuit.domains() {
        let ends = claim.low.abs().max(claim.high.abs()).max(claim.also.map_or(0.0, |also| also.most.abs()));
        let least: &mut Option<f64> = &mut claimed[claim.value.index()];
        *least = Some(least.map_or(ends, |size| size.min(ends)));
    }
    let mut sizes: Vec<Option<f64>> = Vec::with_capacity(nodes.len());
    for (i, node) in nodes.iter().enumerate() {
        let of = |id: &NodeId| sizes[id.index()];
        let both = |a: &NodeId, b: &NodeId, f: fn(f64, f64) -> f64| of(a).zip(of(b)).map(|(a, b)| f(a, b));
        let length = |id: &NodeId, axis: usize| nodes[id.index()].shape.axes()[axis] as f64;
        let derived = match &node.op {
            Op::Input { .. } => None,
            Op::Constant(values) => Some(values.iter().fold(0.0, |most: f64, x| most.max(x.abs()))),
            Op::Add(a, b) | Op::Sub(a, b) => both(a, b, |a, b| a + b),
            Op::Neg(a) | Op::Precision(a) | Op::Move(a, _) | Op::Select(_, a) | Op::Reveal(a, _) => of(a),
            Op::Scale(a, number) => of(a).map(|a| a * number.abs()),
            Op::Offset(a, number) => of(a).map(|a| a + number.abs()),
            Op::Shift(a, exponent) => of(a).map(|a| a * power_of_two(i32::from(*exponent))),
            Op::Mul(a, b) => both(a, b, |a, b| a * b),
            Op::Square(a) => of(a).map(|a| a * a),
            Op::MatMul(a, b) => {
                let inner = nodes[a.index()].shape.rank().checked_sub(1).map_or(1.0, |axis| length(a, axis));
                both(a, b, |a, b| a * b).map(|product| product * inner)
            }
            Op::Sum(a, axis) => of(a).map(|size| size * length(a, *axis)),
            Op::Concat(parts, _) => parts.iter().try_fold(0.0, |most: f64, part| of(part).map(|size| most.max(size))),
            Op::Less(..) | Op::LessThan(..) | Op::Equal(..) | Op::And(..) | Op::Xor(..) | Op::Not(_) | Op::Real(_) => {
                Some(1.0)
            }
            Op::Fourier(_, series) => {
                let waves = series.cosines.iter().chain(&series.sines).map(|a| a.abs()).sum::<f64>();
                Some(waves + series.constant.abs())
            }
            Op::Lookup(_, table) => Some(table.entries.iter().fold(0.0, |most: f64, x| most.max(x.abs()))),
            &Op::Power(argument, sectors) => Some(power_size(circuit, argument, sectors)),
            Op::Level(_, levels) => Some(levels.half()),
        };
        sizes.push(least(derived, claimed[i]));
    }
    // What is claimed of a result bounds the only argument that it is made of.
    for (i, node) in nodes.iter().enumerate().rev() {
        let Some(size) = sizes[i] else { continue };
        let (argument, size) = match &node.op {
            Op::Neg(a) | Op::Precision(a) | Op::Reveal(a, _) => (a, size),
            // Each element of the argument is one of the result.
            Op::Move(a, Move::Reshape(_) | Move::Transpose(_) | Move::Broadcast(_)) => (a, size),
            Op::Offset(a, number) => (a, size + number.abs()),
            Op::Shift(a, exponent) => (a, size * power_of_two(-i32::from(*exponent))),
            Op::Input { .. }
            | Op::Constant(_)
            | Op::Add(..)
            | Op::Sub(..)
            | Op::Scale(..)
            | Op::Mul(..)
            | Op::Square(_)
            | Op::MatMul(..)
            | Op::Sum(..)
            | Op::Move(..)
            | Op::Concat(..)
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
            | Op::Level(..) => continue,
        };
        let known = &mut sizes[argument.index()];
        *known = least(*known, Some(size));
    }
    sizes
}

/// The lesser of two bounds, as far as they are known.
fn least(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (known, None) | (None, known) => known,
    }
}
