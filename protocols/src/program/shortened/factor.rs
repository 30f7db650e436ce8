//! The same sum from fewer products and linear operations.

use super::forms::{Atom, Form, FormId, Forms, LinearId, Product};
use crate::ring::{Domain, signed};
use crate::shape::Shape;
use smallvec::{SmallVec, smallvec};
use std::cmp::Reverse;

/// Positions of terms.
type Group = SmallVec<[usize; 4]>;
/// A product, whether its second operand is the common one, that, and the shape of the others; and the terms with their other operands.
type CommonOperand = ((Product, bool, FormId, Shape), SmallVec<[(usize, FormId); 4]>);

impl Forms {
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
    fn of_one_operation(&mut self, form: &Form) -> Option<(Group, FormId)> {
        let mut groups: Vec<((LinearId, Domain, Shape), Group)> = Vec::new();
        for (i, &(atom, _)) in form.terms.iter().enumerate() {
            if let &Atom::Linear(op, inner) = self.atom(atom) {
                let (domain, shape) = self.kind(inner);
                let key = (op, domain, shape.clone());
                match groups.iter_mut().find(|(other, _)| *other == key) {
                    Some((_, group)) => group.push(i),
                    None => groups.push((key, smallvec![i])),
                }
            }
        }
        let ((op, domain, shape), group) = groups.into_iter().find(|(_, group)| group.len() > 1)?;
        let inner = group.iter().map(|&i| {
            let (atom, word) = form.terms[i];
            let &Atom::Linear(_, inner) = self.atom(atom) else { unreachable!("a group is of linear operations") };
            // A factor above half the ring is a negative one, in the wider ring, too.
            (inner, if form.domain.is_ring() { signed(word, form.domain.bits()) as u64 } else { word })
        });
        let inner = inner.collect();
        let inner = self.of_terms(inner, 0, domain, &shape);
        Some((group, self.linear_of_sum(op, inner, form.domain, &form.shape)))
    }

    /// Terms that are products with one operand, and its product with the sum of the others.
    fn of_one_operand(&mut self, form: &Form) -> Option<(Group, FormId)> {
        let mut groups: Vec<CommonOperand> = Vec::new();
        for (i, &(atom, _)) in form.terms.iter().enumerate() {
            let &Atom::Product(product, a, b) = self.atom(atom) else { continue };
            for (common, other, second) in [(a, b, false), (b, a, true)] {
                // On which side an operand is matters for matrices alone.
                let key = (product, product == Product::MatMul && second, common, self.form(other).shape.clone());
                match groups.iter_mut().find(|(known, _)| *known == key) {
                    // The square of the common operand is one term.
                    Some((_, group)) if group.last().is_some_and(|&(last, _)| last == i) => {}
                    Some((_, group)) => group.push((i, other)),
                    None => groups.push((key, smallvec![(i, other)])),
                }
            }
        }
        let several = groups.into_iter().filter(|(_, group)| group.len() > 1);
        let most = several.max_by_key(|((_, _, common, _), group)| (group.len(), Reverse(*common)))?;
        let ((product, second, common, shape), group) = most;
        // A factor of all of them stays outside, so that the operand is the one that others multiply, too.
        let factors = || group.iter().map(|&(i, _)| form.terms[i].1);
        let first = factors().next()?;
        let (outside, shift) =
            if factors().all(|factor| factor == first) { (first, None) } else { shared_power(factors(), form.domain) };
        let inside = |factor: u64| shift.map_or(1, |shift| divided(factor, shift, form.domain));
        let others: Vec<(FormId, u64)> = group.iter().map(|&(i, other)| (other, inside(form.terms[i].1))).collect();
        let others = self.sum(&others, 0, form.domain, &shape);
        let (a, b) = if second { (others, common) } else { (common, others) };
        let merged = self.product(product, a, b, &form.shape);
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
    (signed(word, domain.bits()) >> shift) as u64
}
