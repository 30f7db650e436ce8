//! x for positive x, a fifth of it for negative x.

pub mod compare;
