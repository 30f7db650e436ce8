//! The values that give wanted sums: each after what it is made of, each once.

use super::forms::{Atom, AtomId, Form, FormId, Forms, Linear};
use crate::party::PartySet;
use crate::program::{
    Arguments, Claim, ClaimKind, Constant, Local, Op, Program, ProgramDraft, Value, ValueId, check, lifetime, phase,
};
use crate::region::{RegionId, Regions};
use crate::ring::Domain;
use crate::shape::{Move, Shape};
use smallvec::{SmallVec, smallvec};
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

/// How a sum comes about.
#[derive(Debug, Clone)]
enum Plan {
    /// A value of the Program as it is.
    Leaf(ValueId),
    /// The same word everywhere.
    Word(u64),
    /// Another sum, which is the same.
    Same(FormId),
    /// An operation on sums.
    Apply(Local, SmallVec<[FormId; 4]>),
    /// Multiples of sums and a word; the first has the shape of the result.
    Sum(Vec<(FormId, u64)>, u64),
}

struct Emitter<'p> {
    program: &'p Program,
    forms: Forms,
    /// Shares of which each is what the others leave of their sum: that, and the sum with the others.
    left: HashMap<FormId, (FormId, Vec<FormId>)>,
    /// Sums that are planned: those that are not emitted yet wait for what they are made of.
    planned: HashSet<FormId>,
    values: Vec<Value>,
    emitted: HashMap<FormId, ValueId>,
    words: HashMap<(Domain, u64), ValueId>,
    /// Where the first value that is this sum was built.
    regions: HashMap<FormId, RegionId>,
    region: RegionId,
}

/// The values that the outputs of a Program need, and what its claims are about.
pub(super) fn emit(program: &Program, forms: Forms, of: &[FormId], with_claims: bool) -> Program {
    let mut regions = HashMap::with_capacity(of.len());
    for ((_, value), &form) in program.iter().zip(of) {
        regions.entry(form).or_insert(value.region);
    }
    let mut emitter = Emitter {
        program,
        forms,
        left: HashMap::new(),
        planned: HashSet::new(),
        values: Vec::new(),
        emitted: HashMap::new(),
        words: HashMap::new(),
        regions,
        region: Regions::ROOT,
    };
    emitter.find_shares(of);
    let mut claims = Vec::new();
    if with_claims {
        for claim in &program.claims {
            let shares: SmallVec<[ValueId; 3]> =
                emitter.claimed(claim, of).into_iter().map(|form| emitter.value_of(form)).collect();
            claims.push(Claim { shares, ..claim.clone() });
        }
    }
    for (id, value) in program.iter() {
        if let Op::Reveal { to, name, fraction_bits, .. } = &value.op {
            let output = emitter.value_of(of[id.index()]);
            let op = Op::Reveal { value: output, to: *to, name: name.clone(), fraction_bits: *fraction_bits };
            emitter.values.push(Value { op, ..value.clone() });
        }
    }
    let draft = ProgramDraft {
        parties: program.parties,
        model_owner: program.model_owner,
        values: emitter.values,
        regions: program.regions.clone(),
        claims,
    };
    let (phases, lifetimes) = (phase::derive(&draft), lifetime::derive(&draft));
    Program { draft, phases, lifetimes, digest: OnceLock::new() }
}

impl Emitter<'_> {
    /// The last share of a truncation is the sum less the others, where that saves products: both are needed anyway.
    fn find_shares(&mut self, of: &[FormId]) {
        let program = self.program;
        let mut kept: HashSet<FormId> = HashSet::new();
        for claim in &program.claims {
            if !matches!(claim.kind, ClaimKind::LocalTruncation { .. }) {
                continue;
            }
            let shares: Vec<FormId> = claim.shares.iter().map(|share| of[share.index()]).collect();
            let sum = self.sum_of(&shares);
            let products: Vec<usize> = shares.iter().map(|&share| self.forms.products(share)).collect();
            let most = (0..shares.len()).rev().max_by_key(|&i| products[i]).unwrap_or(0);
            let others: Vec<FormId> = (0..shares.len()).filter(|&i| i != most).map(|i| shares[i]).collect();
            let involved = || others.iter().chain([&sum]);
            let is_free = !kept.contains(&shares[most])
                && involved().all(|form| !self.left.contains_key(form) && *form != shares[most]);
            if is_free && self.forms.products(sum) < products[most] {
                kept.extend(involved());
                self.left.insert(shares[most], (sum, others));
            }
        }
    }

    fn sum_of(&mut self, shares: &[FormId]) -> FormId {
        let Form { domain, ref shape, .. } = *self.forms.form(shares[0]);
        let shape = shape.clone();
        let parts: Vec<(FormId, u64)> = shares.iter().map(|&share| (share, 1)).collect();
        self.forms.sum(&parts, 0, domain, &shape)
    }

    /// What a claim is verified on: each share where a wrap depends on them, otherwise their sum.
    fn claimed(&mut self, claim: &Claim, of: &[FormId]) -> Vec<FormId> {
        let shares: Vec<FormId> = claim.shares.iter().map(|share| of[share.index()]).collect();
        match claim.kind {
            ClaimKind::LocalTruncation { .. } => shares,
            ClaimKind::Headroom { .. } | ClaimKind::Domain { .. } => vec![self.sum_of(&shares)],
        }
    }

    /// The value that is a sum, and before it all that it is made of. The way down is kept in a list: it may be as long as the Program.
    fn value_of(&mut self, wanted: FormId) -> ValueId {
        let mut pending: Vec<(FormId, Option<Plan>)> = vec![(wanted, None)];
        while let Some((form, plan)) = pending.pop() {
            if self.emitted.contains_key(&form) {
                continue;
            }
            if let Some(plan) = plan {
                self.region = self.regions.get(&form).copied().unwrap_or(self.region);
                let value = self.made(form, &plan);
                self.emitted.insert(form, value);
                continue;
            }
            if !self.planned.insert(form) {
                // It waits for itself, which only a share can that is to be what others leave, where they or the sum are made of it: shares
                // that wait are computed in their own way.
                let planned = &self.planned;
                self.left.retain(|share, _| !planned.contains(share));
            }
            let plan = self.plan(form);
            let needed: SmallVec<[FormId; 4]> = match &plan {
                Plan::Leaf(_) | Plan::Word(_) => SmallVec::new(),
                Plan::Same(other) => smallvec![*other],
                Plan::Apply(_, arguments) => arguments.clone(),
                Plan::Sum(parts, _) => parts.iter().map(|&(part, _)| part).collect(),
            };
            pending.push((form, Some(plan)));
            let missing = needed.into_iter().rev().filter(|needed| !self.emitted.contains_key(needed));
            pending.extend(missing.map(|needed| (needed, None)));
        }
        self.emitted[&wanted]
    }

    fn plan(&mut self, id: FormId) -> Plan {
        const MINUS_ONE: u64 = u64::MAX;
        let Form { domain, ref shape, .. } = *self.forms.form(id);
        let shape = shape.clone();
        if let Some((sum, others)) = self.left.get(&id) {
            let others = others.iter().map(|&other| (other, MINUS_ONE & domain.mask()));
            return Plan::Sum([(*sum, 1)].into_iter().chain(others).collect(), 0);
        }
        if domain.is_ring() && !self.left.is_empty() {
            let opposite = self.forms.sum(&[(id, MINUS_ONE)], 0, domain, &shape);
            if opposite != id && self.left.contains_key(&opposite) {
                return Plan::Sum(vec![(opposite, MINUS_ONE & domain.mask())], 0);
            }
        }
        if let Some((shift, quotient)) = self.forms.without_power_of_two(id) {
            return Plan::Apply(Local::ShiftLeft(shift), smallvec![quotient]);
        }
        let factored = self.forms.factored(id);
        let Form { constant, ref terms, .. } = *self.forms.form(factored);
        match *terms.as_slice() {
            [] => Plan::Word(constant),
            [(atom, 1)] if constant == 0 => self.plan_of_atom(atom),
            _ => {
                let terms = terms.clone();
                let whole = terms.iter().map(|&(atom, factor)| (self.forms.only(atom), factor)).collect::<Vec<_>>();
                let mut parts: Vec<(FormId, u64)> = Vec::with_capacity(whole.len());
                let mut broadcast = Vec::new();
                for (&(atom, factor), &part) in terms.iter().zip(&whole) {
                    match self.before_broadcast(atom) {
                        Some(small) => broadcast.push((small, factor)),
                        None => parts.push(part),
                    }
                }
                if parts.is_empty() {
                    return Plan::Sum(whole, constant);
                }
                // The first is added to nothing, so it is to be one that is not taken away.
                let half = domain.mask() >> 1;
                if let Some(first) = parts.iter().position(|&(_, factor)| factor <= half || factor == 1) {
                    parts.swap(0, first);
                }
                parts.extend(broadcast);
                Plan::Sum(parts, constant)
            }
        }
    }

    /// What an atom repeats, if it does nothing else: sums repeat it by themselves.
    fn before_broadcast(&mut self, atom: AtomId) -> Option<FormId> {
        let is_broadcast = |op| matches!(self.forms.linear_operation(op), Linear::Move(Move::Broadcast(_)));
        match *self.forms.atom(atom) {
            Atom::Linear(op, inner) if is_broadcast(op) => Some(self.forms.only(inner)),
            Atom::LinearOfSum(op, inner) if is_broadcast(op) => Some(inner),
            Atom::Leaf(_)
            | Atom::Linear(..)
            | Atom::LinearOfSum(..)
            | Atom::Joined(..)
            | Atom::Product(..)
            | Atom::Other(..)
            | Atom::Sealed(_) => None,
        }
    }

    fn plan_of_atom(&mut self, atom: AtomId) -> Plan {
        match self.forms.atom(atom).clone() {
            Atom::Leaf(value) => Plan::Leaf(value),
            Atom::Linear(op, inner) => {
                let inner = self.forms.only(inner);
                Plan::Apply(self.forms.linear_operation(op).local(), smallvec![inner])
            }
            Atom::LinearOfSum(op, inner) => Plan::Apply(self.forms.linear_operation(op).local(), smallvec![inner]),
            Atom::Joined(axis, parts) => Plan::Apply(Local::Concat(axis), parts),
            Atom::Product(product, a, b) => Plan::Apply(product.local(), smallvec![a, b]),
            Atom::Other(op, arguments) => Plan::Apply(self.forms.local(op).clone(), arguments),
            Atom::Sealed(form) => Plan::Same(form),
        }
    }

    fn made(&mut self, id: FormId, plan: &Plan) -> ValueId {
        let Form { domain, ref shape, .. } = *self.forms.form(id);
        let shape = shape.clone();
        match plan {
            Plan::Leaf(value) => {
                let value = self.program.value(*value).clone();
                self.push(value)
            }
            Plan::Word(word) => self.constant(*word, domain, shape),
            Plan::Same(form) => self.emitted[form],
            Plan::Apply(local, arguments) => {
                let arguments: Arguments = arguments.iter().map(|form| self.emitted[form]).collect();
                self.apply(local.clone(), arguments)
            }
            Plan::Sum(parts, constant) => self.sum(parts, *constant, domain),
        }
    }

    fn sum(&mut self, parts: &[(FormId, u64)], constant: u64, domain: Domain) -> ValueId {
        let mut sum: Option<ValueId> = None;
        let half = domain.mask() >> 1;
        for &(part, factor) in parts {
            let value = self.emitted[&part];
            let is_taken_away = domain.is_ring() && factor > half && factor != 1;
            let multiple = if is_taken_away { factor.wrapping_neg() & domain.mask() } else { factor };
            let value = self.multiple(value, multiple, domain);
            sum = Some(match (sum, domain, is_taken_away) {
                (None, _, false) => value,
                (None, _, true) => self.apply(Local::Neg, smallvec![value]),
                (Some(sum), Domain::Ring(_), false) => self.apply(Local::Add, smallvec![sum, value]),
                (Some(sum), Domain::Ring(_), true) => self.apply(Local::Sub, smallvec![sum, value]),
                (Some(sum), Domain::Bits(_), _) => self.apply(Local::Xor, smallvec![sum, value]),
            });
        }
        let sum = sum.expect("a sum has parts");
        if constant == 0 {
            return sum;
        }
        if constant == domain.mask() && !domain.is_ring() {
            return self.apply(Local::Not, smallvec![sum]);
        }
        let word = self.word(constant, domain);
        self.apply(if domain.is_ring() { Local::Add } else { Local::Xor }, smallvec![sum, word])
    }

    fn multiple(&mut self, value: ValueId, factor: u64, domain: Domain) -> ValueId {
        match factor {
            1 => value,
            _ if factor.is_power_of_two() => {
                self.apply(Local::ShiftLeft(factor.trailing_zeros() as u8), smallvec![value])
            }
            _ => {
                let word = self.word(factor, domain);
                self.apply(Local::Mul, smallvec![value, word])
            }
        }
    }

    /// A public word, which repeats itself as often as it must.
    fn word(&mut self, word: u64, domain: Domain) -> ValueId {
        if let Some(&value) = self.words.get(&(domain, word)) {
            return value;
        }
        let value = self.constant(word, domain, Shape::scalar());
        self.words.insert((domain, word), value);
        value
    }

    fn constant(&mut self, word: u64, domain: Domain, shape: Shape) -> ValueId {
        let holders = self.program.parties;
        self.push(Value { op: Op::Constant(Constant::Splat(word)), domain, shape, holders, region: self.region })
    }

    fn apply(&mut self, local: Local, arguments: Arguments) -> ValueId {
        let (domain, shape) = check::infer(&self.values, &local, &arguments).expect("as in the Program it came from");
        let holders: PartySet = self.program.parties;
        self.push(Value { op: Op::Local(local, arguments), domain, shape, holders, region: self.region })
    }

    fn push(&mut self, value: Value) -> ValueId {
        let id = ValueId(u32::try_from(self.values.len()).expect("shorter than a Program"));
        self.values.push(value);
        id
    }
}
