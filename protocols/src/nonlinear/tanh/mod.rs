//! tanh x, the activation of BERT's pooler.

pub mod sine;
