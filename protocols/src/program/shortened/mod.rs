//! What a Program computes, without the parties: the same outputs, bit for bit, with no work that cancels.
//!
//! A product of shared tensors takes five products of shares, and what its result is opened to takes one: masks that are added and taken
//! away again, shares that are summed, cross terms that complete each other. So each value is written as a sum of multiples of atoms, whoever
//! holds it, in which what cancels is gone; what an output needs is then computed from the fewest products that common operands give. What
//! does depend on the shares (the rounding of a truncation, a wrap) is computed from the very samples that the parties would draw, so nothing
//! is different: for sweeps over many inputs, where only the numbers are looked at.
//!
//! Nobody holds anything in a [`Shortened`] Program and it sends nothing: nothing can be learned from it about views, rounds or bytes.

mod emit;
mod factor;
mod forms;

use super::{Constant, Local, Op, Program};
use crate::ring::Domain;
use crate::shape::Shape;
use forms::{FormId, Forms, Linear, Product};

/// A Program that gives the outputs of another, and, if that was asked for, what its claims are about, without parties or messages.
#[derive(Debug, Clone)]
pub struct Shortened(Program);

impl Shortened {
    /// Shortens a Program; `with_claims` if its claims are to be verified in a run.
    #[must_use]
    pub fn new(program: &Program, with_claims: bool) -> Self {
        let mut forms = Forms::default();
        let values = forms_of(program, &mut forms);
        Self(emit::emit(program, forms, &values, with_claims))
    }

    /// What to run: samples have the holders whose key makes them, everything else is said to be held by everyone, which no check of a
    /// Program would accept.
    #[must_use]
    pub fn for_a_run(&self) -> &Program {
        &self.0
    }
}

/// The sum that each value is.
fn forms_of(program: &Program, forms: &mut Forms) -> Vec<FormId> {
    let mut of: Vec<FormId> = Vec::with_capacity(program.values.len());
    for (id, value) in program.iter() {
        let (domain, shape) = (value.domain, &value.shape);
        let form = match &value.op {
            Op::Constant(Constant::Splat(word)) => forms.constant(*word, domain, shape),
            Op::Input { .. } | Op::Sample { .. } | Op::Constant(Constant::Words(_)) => forms.leaf(id, domain, shape),
            Op::Send(argument, _) | Op::Reveal { value: argument, .. } => of[argument.index()],
            Op::Local(local, arguments) => {
                let arguments: Vec<FormId> = arguments.iter().map(|argument| of[argument.index()]).collect();
                local_of(forms, local, &arguments, domain, &value.shape)
            }
        };
        of.push(forms.sealed(form));
    }
    of
}

fn local_of(forms: &mut Forms, local: &Local, arguments: &[FormId], domain: Domain, shape: &Shape) -> FormId {
    const MINUS_ONE: u64 = u64::MAX;
    match (local, arguments) {
        (Local::Add | Local::Xor, &[a, b]) => forms.sum(&[(a, 1), (b, 1)], 0, domain, shape),
        (Local::Sub, &[a, b]) => forms.sum(&[(a, 1), (b, MINUS_ONE)], 0, domain, shape),
        (Local::Neg, &[a]) => forms.sum(&[(a, MINUS_ONE)], 0, domain, shape),
        (Local::Not, &[a]) => forms.sum(&[(a, 1)], domain.mask(), domain, shape),
        (&Local::ShiftLeft(shift), &[a]) if domain.is_ring() => forms.sum(&[(a, 1 << shift)], 0, domain, shape),
        (Local::Mul, &[a, b]) => forms.product(Product::Mul, a, b, shape),
        (Local::MatMul, &[a, b]) => forms.product(Product::MatMul, a, b, shape),
        (Local::And, &[a, b]) => forms.product(Product::And, a, b, shape),
        (&Local::Concat(axis), parts) => forms.joined(parts, axis, shape),
        (local, arguments) => match arguments.first().and_then(|&a| Linear::of(local, forms.form(a).domain)) {
            Some(linear) => forms.linear(&linear, arguments[0]),
            None => forms.other(local, arguments, domain, shape),
        },
    }
}
