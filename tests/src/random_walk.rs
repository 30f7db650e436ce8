//! The random walks of `proofs/tests`, sound and unsound, as they stand there: the prover's own tests do not build this crate.

#[expect(dead_code, reason = "instructions come from bytes here")]
#[path = "../../proofs/tests/random_programs/mod.rs"]
mod programs;
#[path = "../../proofs/tests/random_programs/verdicts.rs"]
pub(crate) mod verdicts;

pub(crate) use programs::{Instruction, Xorshift, coalitions, forged, program};
