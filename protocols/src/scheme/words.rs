//! What words of a ring and words under exclusive or have in common: a sum, a difference, a product.

use super::Product;
use crate::program::{ProgramBuilder, ValueId};

/// x + y, or x XOR y.
pub(super) fn plus(p: &mut ProgramBuilder, x: ValueId, y: ValueId) -> ValueId {
    if p.value(x).domain.is_ring() { p.add(x, y) } else { p.xor(x, y) }
}

/// x - y, or x XOR y.
pub(super) fn minus(p: &mut ProgramBuilder, x: ValueId, y: ValueId) -> ValueId {
    if p.value(x).domain.is_ring() { p.sub(x, y) } else { p.xor(x, y) }
}

/// x y, or x AND y.
pub(super) fn multiply(p: &mut ProgramBuilder, product: Product, x: ValueId, y: ValueId) -> ValueId {
    match product {
        Product::Matrix => p.matmul(x, y),
        Product::Elementwise if p.value(x).domain.is_ring() => p.mul(x, y),
        Product::Elementwise => p.and(x, y),
    }
}
