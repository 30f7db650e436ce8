//! Factors that are never opened, because the numbers of which they are made are.
//!
//! The factor r = F + b (G - F) + ..., a choice among numbers by secret bits, need not be computed before a product c r: where F, G - F, b and c are opened,
//! each behind its mask, each is public but for words that the dealer knows, and so is any sum of products of them. The dealer deals the products of these words,
//! and c r takes the round of its factors' openings alone ([`beaver`](super::additive2)). It costs a dealt word for each word of c times each of r: worth it
//! where r is the same for many elements of c, as the inverse deviation of a row is.

use crate::circuit::{CheckedCircuit, Node, NodeId, Op};

/// A summand of a factor that is not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    /// What is opened as a number.
    pub number: NodeId,
    /// A bit that it is multiplied with.
    pub bit: Option<NodeId>,
    /// Whether it is subtracted.
    pub negative: bool,
}

/// By node of a circuit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Gated {
    /// The summands of each factor that is not opened; none of another node.
    terms: Vec<Vec<Term>>,
    /// Whether a node is such a factor, or is needed for one only: it is not computed at all.
    inside: Vec<bool>,
}

impl Gated {
    /// The summands of a factor that is not opened.
    pub(super) fn terms(&self, node: NodeId) -> Option<&[Term]> {
        self.terms.get(node.index()).map(Vec::as_slice).filter(|terms| !terms.is_empty())
    }

    /// Whether a node is not computed.
    pub(super) fn is_inside(&self, node: NodeId) -> bool {
        self.inside.get(node.index()).is_some_and(|&inside| inside)
    }

    /// All factors of a circuit that can be left unopened.
    pub(super) fn of(circuit: &CheckedCircuit, known: &impl Known) -> Self {
        let nodes = circuit.nodes();
        let mut uses: Vec<Vec<NodeId>> = vec![Vec::new(); nodes.len()];
        for (i, node) in nodes.iter().enumerate() {
            node.op.arguments().iter().for_each(|argument| uses[argument.index()].push(NodeId::at(i)));
        }
        // A claim needs the number itself.
        let mut claimed = vec![false; nodes.len()];
        circuit.domains().iter().for_each(|claim| claimed[claim.value.index()] = true);
        let finder = Finder { nodes, uses, claimed, known };
        let mut gated = Self { terms: vec![Vec::new(); nodes.len()], inside: vec![false; nodes.len()] };
        for i in 0..nodes.len() {
            if let Some((terms, inside)) = finder.factor(NodeId::at(i), &gated) {
                inside.iter().for_each(|node| gated.inside[node.index()] = true);
                gated.terms[i] = terms;
            }
        }
        gated
    }
}

/// What must be known of nodes to tell.
pub(super) trait Known {
    /// Whether a node is a bit, held as the integer 0 or 1.
    fn is_bit(&self, node: NodeId) -> bool;
    /// Whether a product is not truncated.
    fn is_integral(&self, product: NodeId) -> bool;
    /// Whether a node is opened for products, if at all.
    fn is_factor(&self, node: NodeId) -> bool;
    /// Whether a node may be opened for elementwise products alone, as a number.
    fn is_liftable(&self, node: NodeId) -> bool;
}

struct Finder<'a, K> {
    nodes: &'a [Node],
    /// The nodes that take a node as an argument, once for each time.
    uses: Vec<Vec<NodeId>>,
    claimed: Vec<bool>,
    known: &'a K,
}

impl<K: Known> Finder<'_, K> {
    fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The summands of a factor, and the nodes that are not computed if it is not opened.
    fn factor(&self, id: NodeId, found: &Gated) -> Option<(Vec<Term>, Vec<NodeId>)> {
        let elements = self.node(id).shape.elements();
        let is_factor = |&user: &NodeId| {
            let user = self.node(user);
            let Op::Mul(a, b) = user.op else { return false };
            let other = if a == id { b } else { a };
            // What is as long as its product is opened at no higher cost.
            let is_spread = elements < user.shape.elements();
            is_spread
                && other != id
                && !self.known.is_bit(other)
                && self.known.is_factor(other)
                && found.terms(other).is_none()
        };
        let uses = &self.uses[id.index()];
        if uses.is_empty() || !uses.iter().all(is_factor) || self.claimed[id.index()] {
            return None;
        }
        let (mut terms, mut inside) = (Vec::new(), Vec::new());
        self.expand(id, false, &mut terms, &mut inside);
        let is_chosen = terms.iter().any(|term: &Term| term.bit.is_some());
        let all_liftable = terms.iter().all(|term| self.known.is_liftable(term.number));
        (is_chosen && all_liftable).then_some((terms, inside))
    }

    fn expand(&self, id: NodeId, negative: bool, terms: &mut Vec<Term>, inside: &mut Vec<NodeId>) {
        match self.node(id).op {
            Op::Add(a, b) | Op::Sub(a, b) => {
                inside.push(id);
                let is_difference = matches!(self.node(id).op, Op::Sub(..));
                self.summand(a, negative, terms, inside);
                self.summand(b, negative != is_difference, terms, inside);
            }
            Op::Mul(number, bit) | Op::Mul(bit, number) if self.is_gated(id, number, bit) => {
                inside.push(id);
                terms.push(Term { number, bit: Some(bit), negative });
            }
            _ => terms.push(Term { number: id, bit: None, negative }),
        }
    }

    /// Whether a node is a number times a bit, without a truncation.
    fn is_gated(&self, id: NodeId, number: NodeId, bit: NodeId) -> bool {
        number != bit && self.known.is_bit(bit) && self.known.is_liftable(bit) && self.known.is_integral(id)
    }

    /// A summand: taken apart where nothing else needs it.
    fn summand(&self, id: NodeId, negative: bool, terms: &mut Vec<Term>, inside: &mut Vec<NodeId>) {
        if self.uses[id.index()].len() == 1 && !self.claimed[id.index()] {
            self.expand(id, negative, terms, inside);
        } else {
            terms.push(Term { number: id, bit: None, negative });
        }
    }
}
