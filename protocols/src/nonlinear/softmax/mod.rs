//! e^x over its row sum, and what papers put in its place.

pub mod exp;
pub mod two_quad;
pub mod two_quad_code;
