//! The plan with lifted factors: which numbers are opened for elementwise products alone, in narrower rings, and which factors are not opened at all.

use super::super::gated::{Gated, Known};
use super::{Planner, Widths, root};
use crate::circuit::{NodeId, Op};
use crate::fixed::RING_BITS;

impl Planner<'_> {
    /// The plan in which factors of elementwise products are lifted: those that are narrower than the rings that the products need of them otherwise.
    pub(super) fn lifting(&self) -> Widths {
        let nodes = self.circuit.nodes();
        let without = self.plan(&vec![None; nodes.len()], Gated::default());
        let mut known = Vec::with_capacity(nodes.len());
        let (mut factor, mut other) = (vec![false; nodes.len()], vec![false; nodes.len()]);
        for (i, node) in nodes.iter().enumerate() {
            let arguments = node.op.arguments();
            let is_input = matches!(node.op, Op::Input { .. });
            let is_known = !is_input && arguments.iter().all(|argument| known[argument.index()]);
            known.push(is_known);
            let is_product = matches!(node.op, Op::Mul(..) | Op::Square(_));
            let opens = is_product || matches!(node.op, Op::MatMul(..) | Op::Select(..));
            if !opens || self.is_in_clear(i) {
                continue;
            }
            let is_opened = !arguments.iter().any(|argument| known[argument.index()]);
            let uses = if is_product && is_opened { &mut factor } else { &mut other };
            arguments.iter().for_each(|&argument| uses[root(self.circuit, argument).0.index()] = true);
        }
        let factors = Factors { planner: self, known, other };
        let gated = Gated::of(self.circuit, &factors);
        let mut summand = vec![false; nodes.len()];
        for i in 0..nodes.len() {
            let terms = gated.terms(NodeId::at(i)).unwrap_or_default();
            terms.iter().for_each(|term| summand[term.number.index()] = true);
        }
        let lifted = |i: usize| {
            let id = NodeId::at(i);
            let opened = factors.opened(id);
            let pays = summand[i] || factor[i] && opened < without.opened[i];
            (pays && factors.is_liftable(id) && !gated.is_inside(id)).then_some(opened)
        };
        let lifted: Vec<Option<u8>> = (0..nodes.len()).map(lifted).collect();
        self.plan(&lifted, gated)
    }
}

/// What is opened for products alone, and how.
struct Factors<'a> {
    planner: &'a Planner<'a>,
    /// By node: whether it is public.
    known: Vec<bool>,
    /// By node: whether a matrix product or a selection opens it, too.
    other: Vec<bool>,
}

impl Factors<'_> {
    /// The ring in which a node is opened as a number.
    fn opened(&self, id: NodeId) -> u8 {
        let node = &self.planner.circuit.nodes()[id.index()];
        if self.is_bit(id) {
            1
        } else {
            self.planner.holding(node, self.planner.sizes[id.index()]).saturating_add(1).max(3)
        }
    }
}

impl Known for Factors<'_> {
    fn is_bit(&self, id: NodeId) -> bool {
        let node = &self.planner.circuit.nodes()[id.index()];
        let Op::Lookup(_, table) = &node.op else { return false };
        self.planner.fraction_bits(node) == 0 && table.entries.iter().all(|&entry| entry == 0.0 || entry == 1.0)
    }

    fn is_integral(&self, product: NodeId) -> bool {
        self.planner.excess(&self.planner.circuit.nodes()[product.index()]) == 0
    }

    fn is_factor(&self, id: NodeId) -> bool {
        !self.known[root(self.planner.circuit, id).0.index()]
    }

    fn is_liftable(&self, id: NodeId) -> bool {
        let is_from_model = self.planner.owned.as_ref().is_some_and(|owned| owned.is_from_model(id));
        let is_itself = root(self.planner.circuit, id).0 == id;
        is_itself && !is_from_model && !self.other[id.index()] && self.opened(id) <= RING_BITS - 2
    }
}
