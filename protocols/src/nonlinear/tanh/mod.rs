//! tanh x, the activation of BERT's pooler.

pub mod bolt;
pub mod sigmoid;
pub mod sine;
