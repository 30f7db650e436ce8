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

/// What a sum is made of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Atom {
    /// An input, a sample, a public tensor.
    Leaf(ValueId),
    /// A linear operation on an atom.
    Linear(LocalId, AtomId),
    /// Sums joined along an axis.
    Joined(usize, SmallVec<[FormId; 4]>),
    /// A product of two sums: the second operand is the later one where they may be exchanged.
    Product(LocalId, FormId, FormId),
    /// Any other operation on sums, or a linear one on a sum that is not taken apart.
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
}

impl Forms {
    pub(super) fn form(&self, id: FormId) -> &Form {
        &self.forms[id.0 as usize]
    }

    pub(super) fn atom(&self, id: AtomId) -> &Atom {
        &self.atoms[id.0 as usize].atom
    }

    pub(super) fn local(&self, id: LocalId) -> &Local {
        &self.locals[id.0 as usize]
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
        let mut terms: Vec<(AtomId, u64)> = Vec::new();
        let mut total = constant;
        for &(part, factor) in parts {
            let part = self.linear(&Local::Move(Move::Broadcast(shape.clone())), part);
            let form = self.form(part);
            terms.extend(form.terms.iter().map(|&(atom, word)| (atom, word.wrapping_mul(factor))));
            let constant = form.constant;
            total = match domain {
                Domain::Ring(_) => total.wrapping_add(constant.wrapping_mul(factor)),
                Domain::Bits(_) => total ^ constant,
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
        let mut kinds: Vec<(usize, Vec<Shape>, Vec<(Parts, u64)>)> = Vec::new();
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

    /// Sums joined along an axis; `None` when the shapes do not fit.
    pub(super) fn joined(&mut self, parts: &[FormId], axis: usize, shape: &Shape) -> FormId {
        let domain = self.form(parts[0]).domain;
        self.one(Atom::Joined(axis, parts.iter().copied().collect()), domain, shape.clone())
    }

    /// Whether an operation on a word of `domain` is linear and goes to every atom.
    pub(super) fn is_linear(local: &Local, domain: Domain) -> bool {
        match (local, domain) {
            (Local::Move(_), _) | (Local::Sum(_), Domain::Ring(_)) => true,
            (Local::Convert(to), Domain::Ring(bits)) => to.is_ring() && to.bits() <= bits,
            (Local::Convert(to), Domain::Bits(_)) => !to.is_ring(),
            (Local::ShiftLeft(_) | Local::ShiftRight(_) | Local::BitReversal, Domain::Bits(_)) => true,
            _ => false,
        }
    }

    /// A linear operation on a sum.
    pub(super) fn linear(&mut self, local: &Local, argument: FormId) -> FormId {
        let form = self.form(argument).clone();
        let (domain, shape) = kind_after(local, form.domain, &form.shape);
        if domain == form.domain && shape == form.shape && is_nothing(local) {
            return argument;
        }
        let mut parts: Vec<(FormId, u64)> = Vec::with_capacity(form.terms.len());
        for &(atom, word) in &form.terms {
            parts.push((self.linear_of_atom(local, atom), word));
        }
        let mut terms: Vec<(AtomId, u64)> = Vec::new();
        let bits = u32::from(form.domain.bits());
        let mut constant = match local {
            Local::Sum(axis) => form.constant.wrapping_mul(form.shape.axes()[*axis] as u64),
            Local::ShiftLeft(shift) => form.constant << shift,
            Local::ShiftRight(shift) => form.constant >> shift,
            Local::BitReversal => bit_reversal(form.constant, bits as u8),
            _ => form.constant,
        } & domain.mask();
        for (part, factor) in parts {
            let part = self.form(part);
            terms.extend(part.terms.iter().map(|&(atom, word)| (atom, word.wrapping_mul(factor))));
            constant = match domain {
                Domain::Ring(_) => constant.wrapping_add(part.constant.wrapping_mul(factor)),
                Domain::Bits(_) => constant ^ part.constant,
            };
        }
        self.of_terms(terms, constant, domain, &shape)
    }

    fn linear_of_atom(&mut self, local: &Local, atom: AtomId) -> FormId {
        let Kind { domain: from, shape: ref of, .. } = self.atoms[atom.0 as usize];
        let (domain, shape) = kind_after(local, from, of);
        if domain == from && shape == *of && is_nothing(local) {
            return self.only(atom);
        }
        match (local, self.atom(atom).clone()) {
            (
                Local::Move(outer @ (Move::Reshape(_) | Move::Broadcast(_) | Move::Transpose(_))),
                Atom::Linear(op, inner),
            ) => {
                let both = match (outer, self.local(op)) {
                    (Move::Reshape(_), Local::Move(Move::Reshape(_)))
                    | (Move::Broadcast(_), Local::Move(Move::Broadcast(_))) => Some(outer.clone()),
                    (Move::Transpose(outer), Local::Move(Move::Transpose(inner))) => {
                        Some(Move::Transpose(outer.iter().map(|&axis| inner[usize::from(axis)]).collect()))
                    }
                    _ => None,
                };
                if let Some(both) = both {
                    return self.linear_of_atom(&Local::Move(both), inner);
                }
            }
            (&Local::Move(Move::Slice { axis, start, length }), Atom::Joined(along, parts)) if axis == along => {
                let mut first = 0;
                for part in parts {
                    let extent = self.form(part).shape.axes()[axis];
                    if start >= first && start + length <= first + extent {
                        let slice = Move::Slice { axis, start: start - first, length };
                        return self.linear(&Local::Move(slice), part);
                    }
                    first += extent;
                }
            }
            _ => {}
        }
        let op = self.local_id(local);
        self.one(Atom::Linear(op, atom), domain, shape)
    }

    /// A product of two sums, of a shape: taken apart where one of them is a public word.
    pub(super) fn product(&mut self, local: &Local, a: FormId, b: FormId, shape: &Shape) -> FormId {
        let (a, b) = if matches!(local, Local::MatMul) || a <= b { (a, b) } else { (b, a) };
        let domain = self.form(a).domain;
        let word = |form: &Form| form.terms.is_empty().then_some(form.constant);
        let (left, right) = (word(self.form(a)), word(self.form(b)));
        if left == Some(0) || right == Some(0) {
            return self.constant(0, domain, shape);
        }
        if let Some((other, word)) = left.map(|word| (b, word)).or(right.map(|word| (a, word))) {
            match local {
                Local::Mul => return self.sum(&[(other, word)], 0, domain, shape),
                Local::And if word == domain.mask() => return self.sum(&[(other, 1)], 0, domain, shape),
                _ => {}
            }
        }
        let op = self.local_id(local);
        self.one(Atom::Product(op, a, b), domain, shape.clone())
    }

    /// Any other operation on sums.
    pub(super) fn other(&mut self, local: &Local, arguments: &[FormId], domain: Domain, shape: &Shape) -> FormId {
        let op = self.local_id(local);
        self.one(Atom::Other(op, arguments.iter().copied().collect()), domain, shape.clone())
    }

    /// The same sum with as few products and linear operations as are found: operations of one kind become one, of the sum of what they are
    /// applied to, and products with a common operand become one with the sum of the others, the most frequent operand first.
    pub(super) fn factored(&mut self, id: FormId) -> FormId {
        let mut id = id;
        while let Some(next) = self.one_group_less(id) {
            id = next;
        }
        id
    }

    fn one_group_less(&mut self, id: FormId) -> Option<FormId> {
        let form = self.form(id).clone();
        let (group, merged) = self.of_one_operation(&form).or_else(|| self.of_one_operand(&form))?;
        let rest = form.terms.iter().enumerate().filter(|(i, _)| !group.contains(i)).map(|(_, &term)| term).collect();
        let rest = self.of_terms(rest, form.constant, form.domain, &form.shape);
        Some(self.sum(&[(rest, 1), (merged, 1)], 0, form.domain, &form.shape))
    }

    /// Terms that are one linear operation of something, and that operation of their sum.
    fn of_one_operation(&mut self, form: &Form) -> Option<(SmallVec<[usize; 4]>, FormId)> {
        let mut groups: Vec<((LocalId, Domain, Shape), SmallVec<[usize; 4]>)> = Vec::new();
        for (i, &(atom, _)) in form.terms.iter().enumerate() {
            if let &Atom::Linear(op, inner) = self.atom(atom) {
                let Kind { domain, ref shape, .. } = self.atoms[inner.0 as usize];
                let key = (op, domain, shape.clone());
                match groups.iter_mut().find(|(other, _)| *other == key) {
                    Some((_, group)) => group.push(i),
                    None => groups.push((key, smallvec![i])),
                }
            }
        }
        let ((op, domain, shape), group) = groups.into_iter().find(|(_, group)| group.len() > 1)?;
        let half = form.domain.mask() >> 1;
        let inner = group.iter().map(|&i| {
            let (atom, word) = form.terms[i];
            let &Atom::Linear(_, inner) = self.atom(atom) else { unreachable!("a group is of linear operations") };
            // A factor above half the ring is a negative one, in the wider ring, too.
            (inner, if word > half { word.wrapping_sub(form.domain.mask()).wrapping_sub(1) } else { word })
        });
        let inner = inner.collect();
        let inner = self.of_terms(inner, 0, domain, &shape);
        let atom = self.atom_id(Atom::Other(op, smallvec![inner]), form.domain, form.shape.clone());
        Some((group, self.only(atom)))
    }

    /// Terms that are products with one operand, and its product with the sum of the others.
    fn of_one_operand(&mut self, form: &Form) -> Option<(SmallVec<[usize; 4]>, FormId)> {
        type Key = (LocalId, bool, FormId, Shape);
        let mut groups: Vec<(Key, SmallVec<[(usize, FormId); 4]>)> = Vec::new();
        for (i, &(atom, _)) in form.terms.iter().enumerate() {
            let &Atom::Product(op, a, b) = self.atom(atom) else { continue };
            // On which side an operand is matters for matrices alone.
            let is_matrix = matches!(self.local(op), Local::MatMul);
            for (common, other, second) in [(a, b, false), (b, a, true)] {
                let key = (op, is_matrix && second, common, self.form(other).shape.clone());
                match groups.iter_mut().find(|(known, _)| *known == key) {
                    // The square of the common operand is one term.
                    Some((_, group)) if group.last().is_some_and(|&(last, _)| last == i) => {}
                    Some((_, group)) => group.push((i, other)),
                    None => groups.push((key, smallvec![(i, other)])),
                }
            }
        }
        let frequency = |group: &(Key, SmallVec<[(usize, FormId); 4]>)| (group.1.len(), std::cmp::Reverse(group.0.2));
        let ((op, second, common, shape), group) =
            groups.into_iter().filter(|(_, group)| group.len() > 1).max_by_key(frequency)?;
        // A factor of all of them stays outside, so that the operand is the one that others multiply, too.
        let factors = || group.iter().map(|&(i, _)| form.terms[i].1);
        let first = factors().next()?;
        let (outside, shift) =
            if factors().all(|factor| factor == first) { (first, None) } else { shared_power(factors(), form.domain) };
        let inside = |factor: u64| shift.map_or(1, |shift| divided(factor, shift, form.domain));
        let others: Vec<(FormId, u64)> = group.iter().map(|&(i, other)| (other, inside(form.terms[i].1))).collect();
        let others = self.sum(&others, 0, form.domain, &shape);
        let local = self.local(op).clone();
        let (a, b) = if second { (others, common) } else { (common, others) };
        let merged = self.product(&local, a, b, &form.shape);
        let merged = self.sum(&[(merged, outside)], 0, form.domain, &form.shape);
        Some((group.into_iter().map(|(i, _)| i).collect(), merged))
    }

    /// The largest power of two that divides a sum of a ring, its binary logarithm, and the quotient; none where that is 1.
    pub(super) fn without_power_of_two(&mut self, id: FormId) -> Option<(u8, FormId)> {
        let Form { domain, ref shape, constant, ref terms } = *self.form(id);
        if !domain.is_ring() || terms.is_empty() {
            return None;
        }
        let words = terms.iter().map(|&(_, factor)| factor).chain((constant != 0).then_some(constant));
        let (_, shift) = shared_power(words, domain);
        let shift = shift.filter(|&shift| shift > 0)?;
        let terms = terms.iter().map(|&(atom, factor)| (atom, divided(factor, shift, domain))).collect();
        let shape = shape.clone();
        Some((shift, self.of_terms(terms, divided(constant, shift, domain), domain, &shape)))
    }

    /// How many products a sum takes.
    pub(super) fn products(&mut self, id: FormId) -> usize {
        let factored = self.factored(id);
        let terms = &self.form(factored).terms;
        terms.iter().filter(|(atom, _)| matches!(self.atom(*atom), Atom::Product(..))).count()
    }
}

/// The largest power of two that divides some words of a ring, none of them zero, and its binary logarithm.
fn shared_power(words: impl Iterator<Item = u64>, domain: Domain) -> (u64, Option<u8>) {
    let shift = words.map(u64::trailing_zeros).min().unwrap_or(0).min(u32::from(domain.bits()) - 1);
    (1 << shift, Some(shift as u8))
}

/// A word of a ring, read as signed, divided by a power of two that divides it: one of the words that give it when they are multiplied by that.
fn divided(word: u64, shift: u8, domain: Domain) -> u64 {
    (crate::ring::signed(word, domain.bits()) >> shift) as u64
}

/// Whether an operation that keeps domain and shape keeps the value.
fn is_nothing(local: &Local) -> bool {
    match local {
        Local::Move(Move::Transpose(order)) => order.iter().enumerate().all(|(i, &axis)| i == usize::from(axis)),
        Local::Move(_) | Local::Convert(_) | Local::ShiftLeft(0) | Local::ShiftRight(0) => true,
        // The sum over an axis of length 1.
        Local::Sum(_) => true,
        _ => false,
    }
}

/// Domain and shape after a linear operation.
fn kind_after(local: &Local, domain: Domain, shape: &Shape) -> (Domain, Shape) {
    match local {
        Local::Convert(to) => (*to, shape.clone()),
        Local::Move(rearrangement) => (domain, shape.moved(rearrangement).expect("the Program was checked")),
        Local::Sum(axis) => (domain, shape.summed(*axis).expect("the Program was checked")),
        _ => (domain, shape.clone()),
    }
}
