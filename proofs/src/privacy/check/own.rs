//! Whether the outputs of a coalition depend on randomness that it knows: its own samples and, where messages are withheld, the masks of
//! its messages. In the joint statement, the outputs of all parties on any of these.
//!
//! Let each of these samples s become s + delta(s) for arbitrary tensors delta (in a domain of bits: exclusive or). The *change* of a value is
//! what is added to it then: a linear combination, with coefficients modulo 2^k, of *terms*. A term is a delta with linear operations
//! applied to it; two terms are the same if they are written the same way. Outputs whose change is the empty combination are
//! functions of other things than these samples. `SOUNDNESS.md`, section 5.

use super::Checker;
use crate::privacy::certificate::{Certificate, Simulator};
use std::collections::{BTreeMap, HashMap, HashSet};
use viewless_protocols::program::{Constant, Local, Op};
use viewless_protocols::ring::Domain;
use viewless_protocols::shape::Shape;

/// Coefficients of terms; `None` when nothing is known of the change.
type Change = Option<BTreeMap<usize, u64>>;

/// Far more than an opening leaves; beyond, the change is taken for unknown.
const MOST_TERMS: usize = 64;

struct Changes<'c, 'p> {
    checker: &'c Checker<'p>,
    /// Whether own samples change.
    own: bool,
    /// Samples outside that change.
    masks: HashSet<usize>,
    /// Of origins.
    changes: Vec<Change>,
    /// The ways that terms are written.
    terms: HashMap<String, usize>,
}

impl Checker<'_> {
    /// The first output that may depend on randomness that the simulator is not given, but draws.
    pub(super) fn output_of_randomness(&self, certificate: &Certificate) -> Option<usize> {
        let everybody = certificate.simulator == Simulator::JointlyWithOutputs;
        let (own, masks) = match (certificate.simulator, certificate.withheld.is_empty()) {
            (Simulator::DrawsOwnSamples, true) => (true, HashSet::new()),
            (Simulator::JointlyWithOutputs, _) => (true, self.masks_of(&certificate.steps)),
            (Simulator::DrawsOwnSamples, false) => (true, self.masks_of(&certificate.steps)),
            (Simulator::GivenOwnSamples, false) => (false, self.masks_of(&certificate.steps)),
            (Simulator::GivenOwnSamples, true) | (Simulator::GivenOwnRandomness, _) => return None,
        };
        let changes = Vec::with_capacity(self.origin.len());
        let changes = Changes { checker: self, own, masks, changes, terms: HashMap::new() }.all();
        let unchanged = |output: usize| changes[self.origin[output]].as_ref().is_some_and(BTreeMap::is_empty);
        self.outputs_of(|to| everybody || self.coalition.members().contains(to)).find(|&output| !unchanged(output))
    }
}

impl Changes<'_, '_> {
    fn all(mut self) -> Vec<Change> {
        for (id, value) in self.checker.program.iter() {
            let change = match &value.op {
                Op::Sample { .. }
                    if self.masks.contains(&id.index()) || self.own && self.checker.coalition.meets(value.holders) =>
                {
                    Some(BTreeMap::from([(self.term(format!("delta {}", id.0)), 1)]))
                }
                Op::Input { .. } | Op::Constant(_) | Op::Sample { .. } => Some(BTreeMap::new()),
                Op::Local(local, _) => self.computed(id.index(), local),
                // Never looked at: a copy is its origin.
                Op::Send(..) | Op::Reveal { .. } => None,
            };
            self.changes.push(change.filter(|change| change.len() <= MOST_TERMS));
        }
        self.changes
    }

    fn term(&mut self, written: String) -> usize {
        let next = self.terms.len();
        *self.terms.entry(written).or_insert(next)
    }

    /// The change of a computation.
    fn computed(&mut self, origin: usize, local: &Local) -> Change {
        let value = &self.checker.program.values[origin];
        let arguments: Vec<usize> = self.checker.arguments(origin).collect();
        if arguments.iter().all(|&argument| self.changes[argument].as_ref().is_some_and(BTreeMap::is_empty)) {
            return Some(BTreeMap::new());
        }
        let from = self.checker.program.values[arguments[0]].domain;
        let is_fixed = |this: &Self, i: usize| this.changes[arguments[i]].as_ref().is_some_and(BTreeMap::is_empty);
        let (domain, shape) = (value.domain, &value.shape);
        match local {
            Local::Add | Local::Xor => self.sum(&arguments, [1, 1], domain, shape),
            Local::Sub => self.sum(&arguments, [1, u64::MAX], domain, shape),
            Local::Neg => self.scaled(arguments[0], u64::MAX, domain),
            Local::Not => self.changes[arguments[0]].clone(),
            Local::Mul | Local::MatMul | Local::And => {
                // Linear in one argument, the other being what it was.
                let (moving, fixed) = match (is_fixed(self, 0), is_fixed(self, 1)) {
                    (false, true) => (0, 1),
                    (true, false) => (1, 0),
                    (false, false) | (true, true) => return None,
                };
                let factor = &self.checker.program.values[arguments[fixed]];
                match (&factor.op, local) {
                    (Op::Constant(Constant::Splat(word)), Local::Mul)
                        if self.checker.program.values[arguments[moving]].shape == *shape =>
                    {
                        self.scaled(arguments[moving], *word, domain)
                    }
                    _ => self.applied(arguments[moving], &format!("{local:?} {moving} with %{}", arguments[fixed])),
                }
            }
            // Homomorphisms: of Z_2^k, of words under exclusive or, or of both.
            Local::Sum(_) | Local::Move(_) => self.applied(arguments[0], &format!("{local:?}")),
            Local::ShiftLeft(shift) if domain.is_ring() => self.scaled(arguments[0], 1 << shift, domain),
            Local::ShiftLeft(_) | Local::BitReversal => self.applied(arguments[0], &format!("{local:?}")),
            Local::ShiftRight(_) if !domain.is_ring() => self.applied(arguments[0], &format!("{local:?}")),
            Local::Convert(_) if from.is_ring() == domain.is_ring() && domain.bits() <= from.bits() => {
                self.applied(arguments[0], &format!("{local:?}"))
            }
            Local::Concat(_) => None,
            Local::ShiftRight(_) | Local::ShiftRightArithmetic(_) | Local::Convert(_) | Local::Function(_) => None,
        }
    }

    /// The change of a sum or difference; where an argument is broadcast, its terms are written so.
    fn sum(&mut self, arguments: &[usize], factors: [u64; 2], domain: Domain, shape: &Shape) -> Change {
        let mut total = BTreeMap::new();
        for (&argument, factor) in arguments.iter().zip(factors) {
            let same = self.checker.program.values[argument].shape == *shape;
            let change =
                if same { self.changes[argument].clone() } else { self.applied(argument, &format!("{shape}")) };
            add(&mut total, &change?, factor, domain);
        }
        Some(total)
    }

    fn scaled(&self, argument: usize, factor: u64, domain: Domain) -> Change {
        let mut scaled = BTreeMap::new();
        add(&mut scaled, self.changes[argument].as_ref()?, factor, domain);
        Some(scaled)
    }

    /// Each term with one more linear operation applied to it.
    fn applied(&mut self, argument: usize, operation: &str) -> Change {
        let terms = self.changes[argument].clone()?;
        Some(terms.into_iter().map(|(term, factor)| (self.term(format!("{operation} of {term}")), factor)).collect())
    }
}

/// Adds a multiple of a combination. Coefficients are modulo 2^k; under exclusive or, modulo 2.
fn add(total: &mut BTreeMap<usize, u64>, change: &BTreeMap<usize, u64>, factor: u64, domain: Domain) {
    let mask = if domain.is_ring() { domain.mask() } else { 1 };
    for (&term, &coefficient) in change {
        let sum = total.get(&term).copied().unwrap_or(0).wrapping_add(coefficient.wrapping_mul(factor)) & mask;
        if sum == 0 {
            total.remove(&term)
        } else {
            total.insert(term, sum)
        };
    }
}
