//! What values are, whoever holds them: sums of multiples of atoms, each written in one way only, so that what cancels is gone.
//!
//! An atom is a leaf of the Program, something linear of another atom, a product of two sums, or anything else of sums. In Z_2^k the factors
//! of atoms are words of the ring and operations that are linear go to every atom by itself; among bits under exclusive or the same holds with
//! factors of 1. Two values are the same sum exactly when their difference has no terms.

use crate::program::{Local, ValueId};
use crate::ring::{Domain, bit_reversal};
use crate::shape::{Move, Shape};
use smallvec::{SmallVec, smallvec};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Terms of a sum beyond which it is taken as one atom: what could still cancel in it no longer does.
const MOST_TERMS: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct AtomId(u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct FormId(u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct LocalId(u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct LinearId(u32);

/// An operation that goes to every atom of a sum by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Linear {
    /// A rearrangement.
    Move(Move),
    /// Sum over an axis, in a ring.
    Sum(usize),
    /// The low bits, of a ring; the low bits or zeros above, of bits.
    Convert(Domain),
    /// Towards the high bits, of bits.
    ShiftLeft(u8),
    /// Towards the low bits, of bits.
    ShiftRight(u8),
    /// The bits in another order.
    BitReversal,
}

/// A product that is linear in both operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Product {
    /// Element by element, in a ring.
    Mul,
    /// Of matrices.
    MatMul,
    /// Bit by bit.
    And,
}

impl Product {
    pub(super) fn local(self) -> Local {
        match self {
            Self::Mul => Local::Mul,
            Self::MatMul => Local::MatMul,
            Self::And => Local::And,
        }
    }
}

impl Linear {
    /// What an operation on words of a domain is, if it is linear. In a ring a shift to the left is a factor.
    pub(super) fn of(local: &Local, domain: Domain) -> Option<Self> {
        match (local, domain) {
            (Local::Move(rearrangement), _) => Some(Self::Move(rearrangement.clone())),
            (&Local::Sum(axis), Domain::Ring(_)) => Some(Self::Sum(axis)),
            (&Local::Convert(to @ Domain::Ring(narrow)), Domain::Ring(bits)) if narrow <= bits => {
                Some(Self::Convert(to))
            }
            (&Local::Convert(to @ Domain::Bits(_)), Domain::Bits(_)) => Some(Self::Convert(to)),
            (&Local::ShiftLeft(shift), Domain::Bits(_)) => Some(Self::ShiftLeft(shift)),
            (&Local::ShiftRight(shift), Domain::Bits(_)) => Some(Self::ShiftRight(shift)),
            (Local::BitReversal, Domain::Bits(_)) => Some(Self::BitReversal),
            _ => None,
        }
    }

    pub(super) fn local(&self) -> Local {
        match self {
            Self::Move(rearrangement) => Local::Move(rearrangement.clone()),
            &Self::Sum(axis) => Local::Sum(axis),
            &Self::Convert(domain) => Local::Convert(domain),
            &Self::ShiftLeft(shift) => Local::ShiftLeft(shift),
            &Self::ShiftRight(shift) => Local::ShiftRight(shift),
            Self::BitReversal => Local::BitReversal,
        }
    }

    /// Domain and shape of its result.
    fn kind_after(&self, domain: Domain, shape: &Shape) -> (Domain, Shape) {
        match self {
            &Self::Convert(to) => (to, shape.clone()),
            Self::Move(rearrangement) => (domain, shape.moved(rearrangement).expect("the Program was checked")),
            &Self::Sum(axis) => (domain, shape.summed(axis).expect("the Program was checked")),
            Self::ShiftLeft(_) | Self::ShiftRight(_) | Self::BitReversal => (domain, shape.clone()),
        }
    }

    /// Whether it keeps what has this domain and shape as it is.
    fn keeps(&self, domain: Domain, shape: &Shape) -> bool {
        match self {
            Self::Move(Move::Transpose(order)) => order.iter().enumerate().all(|(i, &axis)| i == usize::from(axis)),
            Self::Move(Move::Reshape(to) | Move::Broadcast(to)) => to == shape,
            &Self::Move(Move::Slice { axis, length, .. }) => length == shape.axes()[axis],
            Self::Move(Move::Windows(_)) => false,
            &Self::Sum(axis) => shape.axes()[axis] == 1,
            &Self::Convert(to) => to == domain,
            &Self::ShiftLeft(shift) | &Self::ShiftRight(shift) => shift == 0,
            Self::BitReversal => false,
        }
    }

    /// Whether some elements of the result are zero, whatever the argument.
    fn puts_zeros(&self, shape: &Shape) -> bool {
        match self {
            Self::Move(Move::Windows(windows)) => windows.pads(shape.axes()[windows.axis]),
            Self::Move(Move::Reshape(_) | Move::Transpose(_) | Move::Broadcast(_) | Move::Slice { .. })
            | Self::Sum(_)
            | Self::Convert(_)
            | Self::ShiftLeft(_)
            | Self::ShiftRight(_)
            | Self::BitReversal => false,
        }
    }

    /// The result where every element is one word, and none is put to zero.
    fn of_word(&self, word: u64, bits: u8, shape: &Shape) -> u64 {
        match self {
            &Self::Sum(axis) => word.wrapping_mul(shape.axes()[axis] as u64),
            &Self::ShiftLeft(shift) => word << shift,
            &Self::ShiftRight(shift) => word >> shift,
            Self::BitReversal => bit_reversal(word, bits),
            Self::Move(_) | Self::Convert(_) => word,
        }
    }
}

/// What a sum is made of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Atom {
    /// An input, a sample, a public tensor.
    Leaf(ValueId),
    /// A linear operation on an atom.
    Linear(LinearId, AtomId),
    /// One on a sum that is not taken apart.
    LinearOfSum(LinearId, FormId),
    /// Sums joined along an axis.
    Joined(usize, SmallVec<[FormId; 4]>),
    /// A product of two sums: the second operand is the later one where they may be exchanged.
    Product(Product, FormId, FormId),
    /// Any other operation on sums.
    Other(LocalId, SmallVec<[FormId; 4]>),
    /// A sum of too many terms.
    Sealed(FormId),
}

#[derive(Debug)]
struct Kind {
    atom: Atom,
    domain: Domain,
    shape: Shape,
}

/// `constant` in every element, and a multiple of each of some atoms of the same shape, sorted, no factor zero.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Form {
    pub(super) domain: Domain,
    pub(super) shape: Shape,
    pub(super) constant: u64,
    pub(super) terms: SmallVec<[(AtomId, u64); 4]>,
}

/// An operation with its parameters: functions by where they lie, because tables are large.
#[derive(Debug)]
struct LocalKey(Local);

impl PartialEq for LocalKey {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Local::Function(a), Local::Function(b)) => Arc::ptr_eq(a, b),
            (a, b) => a == b,
        }
    }
}

impl Eq for LocalKey {}

impl Hash for LocalKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(&self.0).hash(state);
        match &self.0 {
            Local::Function(function) => Arc::as_ptr(function).hash(state),
            Local::Move(rearrangement) => rearrangement.hash(state),
            Local::Convert(domain) => domain.hash(state),
            Local::Sum(axis) | Local::Concat(axis) => axis.hash(state),
            Local::ShiftLeft(shift) | Local::ShiftRight(shift) | Local::ShiftRightArithmetic(shift) => {
                shift.hash(state)
            }
            Local::Add
            | Local::Sub
            | Local::Neg
            | Local::Mul
            | Local::MatMul
            | Local::And
            | Local::Xor
            | Local::Not
            | Local::BitReversal => {}
        }
    }
}

/// All atoms and sums that were met, each once.
#[derive(Debug, Default)]
pub(super) struct Forms {
    atoms: Vec<Kind>,
    atom_ids: HashMap<Atom, AtomId>,
    forms: Vec<Form>,
    form_ids: HashMap<Form, FormId>,
    locals: Vec<Local>,
    local_ids: HashMap<LocalKey, LocalId>,
    linears: Vec<Linear>,
    linear_ids: HashMap<Linear, LinearId>,
}

impl Forms {
    pub(super) fn form(&self, id: FormId) -> &Form {
        &self.forms[id.0 as usize]
    }

    pub(super) fn atom(&self, id: AtomId) -> &Atom {
        &self.atoms[id.0 as usize].atom
    }

    /// Domain and shape of an atom.
    pub(super) fn kind(&self, id: AtomId) -> (Domain, &Shape) {
        let Kind { domain, ref shape, .. } = self.atoms[id.0 as usize];
        (domain, shape)
    }

    pub(super) fn local(&self, id: LocalId) -> &Local {
        &self.locals[id.0 as usize]
    }

    pub(super) fn linear_operation(&self, id: LinearId) -> &Linear {
        &self.linears[id.0 as usize]
    }

    fn linear_id(&mut self, linear: &Linear) -> LinearId {
        if let Some(&id) = self.linear_ids.get(linear) {
            return id;
        }
        let id = LinearId(self.linears.len() as u32);
        self.linears.push(linear.clone());
        self.linear_ids.insert(linear.clone(), id);
        id
    }

    fn local_id(&mut self, local: &Local) -> LocalId {
        let key = LocalKey(local.clone());
        let next = LocalId(self.locals.len() as u32);
        let id = *self.local_ids.entry(key).or_insert(next);
        if id == next {
            self.locals.push(local.clone());
        }
        id
    }

    fn atom_id(&mut self, atom: Atom, domain: Domain, shape: Shape) -> AtomId {
        if let Some(&id) = self.atom_ids.get(&atom) {
            return id;
        }
        let id = AtomId(self.atoms.len() as u32);
        self.atom_ids.insert(atom.clone(), id);
        self.atoms.push(Kind { atom, domain, shape });
        id
    }

    fn form_id(&mut self, form: Form) -> FormId {
        if let Some(&id) = self.form_ids.get(&form) {
            return id;
        }
        let id = FormId(self.forms.len() as u32);
        self.form_ids.insert(form.clone(), id);
        self.forms.push(form);
        id
    }

    /// One atom as a sum.
    pub(super) fn only(&mut self, atom: AtomId) -> FormId {
        let Kind { domain, ref shape, .. } = self.atoms[atom.0 as usize];
        let form = Form { domain, shape: shape.clone(), constant: 0, terms: smallvec![(atom, 1)] };
        self.form_id(form)
    }

    fn one(&mut self, atom: Atom, domain: Domain, shape: Shape) -> FormId {
        let atom = self.atom_id(atom, domain, shape);
        self.only(atom)
    }

    /// An input, a sample or a public tensor.
    pub(super) fn leaf(&mut self, value: ValueId, domain: Domain, shape: &Shape) -> FormId {
        self.one(Atom::Leaf(value), domain, shape.clone())
    }

    /// The same public word in every element.
    pub(super) fn constant(&mut self, word: u64, domain: Domain, shape: &Shape) -> FormId {
        let form = Form { domain, shape: shape.clone(), constant: word & domain.mask(), terms: SmallVec::new() };
        self.form_id(form)
    }

    /// A sum taken as one atom if it has too many terms.
    pub(super) fn sealed(&mut self, id: FormId) -> FormId {
        let form = self.form(id);
        if form.terms.len() <= MOST_TERMS {
            return id;
        }
        let (domain, shape) = (form.domain, form.shape.clone());
        self.one(Atom::Sealed(id), domain, shape)
    }

    /// The sum of multiples of sums, which are broadcast to `shape`, and of a public word.
    pub(super) fn sum(&mut self, parts: &[(FormId, u64)], constant: u64, domain: Domain, shape: &Shape) -> FormId {
        let broadcast = Linear::Move(Move::Broadcast(shape.clone()));
        let parts: Vec<(FormId, u64)> =
            parts.iter().map(|&(part, factor)| (self.linear(&broadcast, part), factor)).collect();
        self.total(&parts, constant, domain, shape)
    }

    /// The same of sums that have the shape.
    fn total(&mut self, parts: &[(FormId, u64)], constant: u64, domain: Domain, shape: &Shape) -> FormId {
        let mut terms: Vec<(AtomId, u64)> = Vec::new();
        let mut total = constant;
        for &(part, factor) in parts {
            let form = self.form(part);
            terms.extend(form.terms.iter().map(|&(atom, word)| (atom, word.wrapping_mul(factor))));
            total = match domain {
                Domain::Ring(_) => total.wrapping_add(form.constant.wrapping_mul(factor)),
                Domain::Bits(_) => total ^ form.constant,
            };
        }
        self.of_terms(terms, total, domain, shape)
    }

    /// The sum of terms in any order.
    pub(super) fn of_terms(
        &mut self,
        mut terms: Vec<(AtomId, u64)>,
        constant: u64,
        domain: Domain,
        shape: &Shape,
    ) -> FormId {
        terms.sort_unstable_by_key(|&(atom, _)| atom);
        let mut merged: SmallVec<[(AtomId, u64); 4]> = SmallVec::new();
        for (atom, word) in terms {
            match merged.last_mut() {
                Some((last, sum)) if *last == atom => *sum = sum.wrapping_add(word),
                _ => merged.push((atom, word)),
            }
        }
        let mask = match domain {
            Domain::Ring(_) => domain.mask(),
            Domain::Bits(_) => 1,
        };
        merged.iter_mut().for_each(|(_, word)| *word &= mask);
        merged.retain(|(_, word)| *word != 0);
        let form = Form { domain, shape: shape.clone(), constant: constant & domain.mask(), terms: merged };
        self.joined_together(form)
    }

    /// What is joined in the same way is added part by part.
    fn joined_together(&mut self, mut form: Form) -> FormId {
        type Parts = SmallVec<[FormId; 4]>;
        /// An axis, the shapes of the parts, and what is joined so, with its factors.
        type Joined = (usize, Vec<Shape>, Vec<(Parts, u64)>);
        let mut kinds: Vec<Joined> = Vec::new();
        for &(atom, word) in &form.terms {
            if let Atom::Joined(axis, parts) = self.atom(atom) {
                let shapes: Vec<Shape> = parts.iter().map(|&part| self.form(part).shape.clone()).collect();
                match kinds.iter_mut().find(|(other, of, _)| other == axis && *of == shapes) {
                    Some((_, _, all)) => all.push((parts.clone(), word)),
                    None => kinds.push((*axis, shapes, vec![(parts.clone(), word)])),
                }
            }
        }
        kinds.retain(|(_, _, all)| all.len() > 1 || all[0].1 != 1);
        if kinds.is_empty() {
            return self.form_id(form);
        }
        for (axis, shapes, all) in kinds {
            let of_kind: Vec<AtomId> =
                all.iter().map(|(parts, _)| self.atom_ids[&Atom::Joined(axis, parts.clone())]).collect();
            form.terms.retain(|(atom, _)| !of_kind.contains(atom));
            let parts: Parts = shapes
                .iter()
                .enumerate()
                .map(|(i, shape)| {
                    let parts: Vec<_> = all.iter().map(|(parts, word)| (parts[i], *word)).collect();
                    self.sum(&parts, 0, form.domain, shape)
                })
                .collect();
            let is_nothing = |&part: &FormId| self.form(part).terms.is_empty() && self.form(part).constant == 0;
            if !parts.iter().all(is_nothing) {
                let atom = self.atom_id(Atom::Joined(axis, parts), form.domain, form.shape.clone());
                form.terms.push((atom, 1));
            }
        }
        form.terms.sort_unstable_by_key(|&(atom, _)| atom);
        self.form_id(form)
    }

    /// Sums joined along an axis, one or more, as in a Program that was checked.
    pub(super) fn joined(&mut self, parts: &[FormId], axis: usize, shape: &Shape) -> FormId {
        let domain = self.form(parts[0]).domain;
        self.one(Atom::Joined(axis, parts.iter().copied().collect()), domain, shape.clone())
    }

    /// A linear operation on a sum.
    pub(super) fn linear(&mut self, linear: &Linear, argument: FormId) -> FormId {
        let form = self.form(argument);
        if linear.keeps(form.domain, &form.shape) {
            return argument;
        }
        let form = form.clone();
        let (domain, shape) = linear.kind_after(form.domain, &form.shape);
        if form.constant != 0 && linear.puts_zeros(&form.shape) {
            // The public word is not in every element of the result.
            let op = self.linear_id(linear);
            return self.linear_of_sum(op, argument, domain, &shape);
        }
        let parts: Vec<(FormId, u64)> =
            form.terms.iter().map(|&(atom, word)| (self.linear_of_atom(linear, atom), word)).collect();
        let constant = linear.of_word(form.constant, form.domain.bits(), &form.shape);
        self.total(&parts, constant, domain, &shape)
    }

    fn linear_of_atom(&mut self, linear: &Linear, atom: AtomId) -> FormId {
        let Kind { domain: from, shape: ref of, atom: ref kind } = self.atoms[atom.0 as usize];
        if linear.keeps(from, of) {
            return self.only(atom);
        }
        match (linear, kind.clone()) {
            (Linear::Move(outer), Atom::Linear(op, inner)) => {
                let both = match (outer, self.linear_operation(op)) {
                    (Move::Reshape(_), Linear::Move(Move::Reshape(_)))
                    | (Move::Broadcast(_), Linear::Move(Move::Broadcast(_))) => Some(outer.clone()),
                    (Move::Transpose(outer), Linear::Move(Move::Transpose(inner))) => {
                        Some(Move::Transpose(outer.iter().map(|&axis| inner[usize::from(axis)]).collect()))
                    }
                    _ => None,
                };
                if let Some(both) = both {
                    return self.linear_of_atom(&Linear::Move(both), inner);
                }
            }
            (&Linear::Move(Move::Slice { axis, start, length }), Atom::Joined(along, parts)) if axis == along => {
                let mut first = 0;
                for part in parts {
                    let extent = self.form(part).shape.axes()[axis];
                    if start >= first && start + length <= first + extent {
                        let slice = Move::Slice { axis, start: start - first, length };
                        return self.linear(&Linear::Move(slice), part);
                    }
                    first += extent;
                }
            }
            _ => {}
        }
        let Kind { domain: from, shape: ref of, .. } = self.atoms[atom.0 as usize];
        let (domain, shape) = linear.kind_after(from, of);
        let op = self.linear_id(linear);
        self.one(Atom::Linear(op, atom), domain, shape)
    }

    /// A product of two sums, of a shape: taken apart where one of them is a public word.
    pub(super) fn product(&mut self, product: Product, a: FormId, b: FormId, shape: &Shape) -> FormId {
        let (a, b) = if product == Product::MatMul || a <= b { (a, b) } else { (b, a) };
        let domain = self.form(a).domain;
        let word = |form: &Form| form.terms.is_empty().then_some(form.constant);
        let (left, right) = (word(self.form(a)), word(self.form(b)));
        if left == Some(0) || right == Some(0) {
            return self.constant(0, domain, shape);
        }
        if let Some((other, word)) = left.map(|word| (b, word)).or(right.map(|word| (a, word))) {
            match product {
                Product::Mul => return self.sum(&[(other, word)], 0, domain, shape),
                Product::And if word == domain.mask() => return self.sum(&[(other, 1)], 0, domain, shape),
                Product::And | Product::MatMul => {}
            }
        }
        self.one(Atom::Product(product, a, b), domain, shape.clone())
    }

    /// A linear operation on a sum as one atom.
    pub(super) fn linear_of_sum(&mut self, op: LinearId, inner: FormId, domain: Domain, shape: &Shape) -> FormId {
        self.one(Atom::LinearOfSum(op, inner), domain, shape.clone())
    }

    /// Any other operation on sums.
    pub(super) fn other(&mut self, local: &Local, arguments: &[FormId], domain: Domain, shape: &Shape) -> FormId {
        let op = self.local_id(local);
        self.one(Atom::Other(op, arguments.iter().copied().collect()), domain, shape.clone())
    }
}
