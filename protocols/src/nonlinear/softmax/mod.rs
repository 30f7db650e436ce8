//! e^x over its row sum, and what papers put in its place.

pub mod bolt;
pub mod crypten;
pub mod crypten_tree;
pub mod exp;
pub mod fourier;
pub mod masked;
pub mod puma;
pub mod puma_in_secformer_code;
pub mod shaft;
pub mod two_quad;
pub mod two_quad_code;
pub mod two_quad_mpcformer;
pub mod two_quad_scales;
pub mod two_relu;
