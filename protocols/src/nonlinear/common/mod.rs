//! What protocols of several functions share: the card, masks of rows, normalisation by powers of two, polynomials by pieces, best
//! polynomials and Fourier extensions.

pub mod card;
pub mod exact;
pub mod extension;
pub mod mask;
pub mod minimax;
pub mod normalize;
pub(in crate::nonlinear) mod pieces;
pub mod scales;
#[cfg(test)]
pub(in crate::nonlinear) mod testing;
