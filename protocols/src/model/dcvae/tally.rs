//! What the linear layers of a circuit multiply, read off the circuit itself: what closed forms are held to.

use crate::circuit::{Circuit, NodeId, Op};
use crate::shape::Move;
use std::collections::BTreeSet;

/// The products of one layer: of one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerTally {
    /// Path of its region.
    pub region: String,
    /// Products of numbers.
    pub products: usize,
    /// Elements of the image that it reads, before windows are made of it. One that is read several times counts once.
    pub inputs: usize,
    /// Elements of its kernels.
    pub weights: usize,
    /// Elements of the matrices of windows.
    pub windows: usize,
    /// Elements of the products' results, each of which is rounded.
    pub outputs: usize,
}

/// All layers, in order, and the elements that are compared with zero.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Layers that multiply matrices.
    pub layers: Vec<LayerTally>,
    /// Elements that are selected by a comparison.
    pub selected: usize,
}

impl Tally {
    /// The sum over all layers of a quantity.
    #[must_use]
    pub fn sum(&self, of: impl Fn(&LayerTally) -> usize) -> usize {
        self.layers.iter().map(of).sum()
    }

    /// The layer of a region.
    #[must_use]
    pub fn layer(&self, region: &str) -> Option<&LayerTally> {
        self.layers.iter().find(|layer| layer.region == region)
    }
}

/// Counts the matrix products of a circuit by region.
#[must_use]
pub fn tally(circuit: &Circuit) -> Tally {
    let mut tally = Tally::default();
    let mut read: BTreeSet<(String, NodeId)> = BTreeSet::new();
    for node in circuit.nodes() {
        match node.op {
            Op::Select(..) => tally.selected += node.shape.elements(),
            Op::MatMul(left, right) => {
                let region = circuit.regions().path(node.region);
                let shape = |id: NodeId| &circuit.nodes()[id.index()].shape;
                let source = before_windows(circuit, left);
                if tally.layers.last().is_none_or(|last| last.region != region) {
                    let region = region.clone();
                    tally.layers.push(LayerTally {
                        region,
                        products: 0,
                        inputs: 0,
                        weights: 0,
                        windows: 0,
                        outputs: 0,
                    });
                }
                let Some(layer) = tally.layers.last_mut() else { continue };
                let inner = shape(left).axes().last().copied().unwrap_or(1);
                layer.products += node.shape.elements() * inner;
                layer.weights += shape(right).elements();
                layer.windows += shape(left).elements();
                layer.outputs += node.shape.elements();
                if read.insert((region, source)) {
                    layer.inputs += shape(source).elements();
                }
            }
            Op::Input { .. }
            | Op::Constant(_)
            | Op::Add(..)
            | Op::Sub(..)
            | Op::Neg(_)
            | Op::Scale(..)
            | Op::Offset(..)
            | Op::Shift(..)
            | Op::Precision(_)
            | Op::Mul(..)
            | Op::Square(_)
            | Op::Sum(..)
            | Op::Move(..)
            | Op::Concat(..)
            | Op::Less(..)
            | Op::LessThan(..)
            | Op::Equal(..)
            | Op::And(..)
            | Op::Xor(..)
            | Op::Not(_)
            | Op::Real(_)
            | Op::Fourier(..)
            | Op::Lookup(..)
            | Op::Power(..)
            | Op::Level(..)
            | Op::Reveal(..) => {}
        }
    }
    tally
}

/// The tensor that windows are made of: before all moves that neither repeat elements otherwise nor leave any out.
fn before_windows(circuit: &Circuit, mut id: NodeId) -> NodeId {
    while let Op::Move(argument, Move::Reshape(_) | Move::Transpose(_) | Move::Windows(_)) =
        circuit.nodes()[id.index()].op
    {
        id = argument;
    }
    id
}
