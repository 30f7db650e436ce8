//! x/2 (1 + erf(x / sqrt 2)).

pub mod cosine;
pub mod secformer;
