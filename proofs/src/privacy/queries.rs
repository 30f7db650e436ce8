//! One setup and several queries: what a served model really does, as one Program.
//!
//! The setup phase, and whatever it is computed from, is done once: weights, their shares, their masks, and the weights opened
//! under these masks. Everything else is done again for each query, with inputs and randomness of its own. So the sharing of
//! masks between queries is in the Program, and a proof about it is a proof about that reuse.

use std::sync::Arc;
use thiserror::Error;
use viewless_protocols::program::{Op, Phase, Program, ProgramDraft, ProgramError, Value, ValueId};

/// Queries that cannot be put together.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum QueriesError {
    /// None at all, or so many that the values cannot be numbered.
    #[error("{queries} queries of {values} values each: at least one, and {MOST_VALUES} values in all")]
    Count {
        /// The number asked for.
        queries: usize,
        /// Values of one query.
        values: usize,
    },
    /// The joined draft breaks a rule; a defect of the joining.
    #[error("put together, the queries are no Program: {0}")]
    Program(#[from] ProgramError),
}

/// Largest number of values of the Program of all queries.
const MOST_VALUES: usize = 1 << 26;

/// What is computed once: the setup phase and all that it depends on.
#[must_use]
pub fn done_once(program: &Program) -> Vec<bool> {
    let mut once: Vec<bool> = program.iter().map(|(id, _)| program.phase(id) == Phase::Setup).collect();
    for (id, value) in program.iter().rev() {
        let constant = matches!(value.op, Op::Constant(_));
        once[id.index()] |= constant;
        if once[id.index()] {
            value.op.arguments().iter().for_each(|argument| once[argument.index()] = true);
        }
    }
    once
}

/// The Program of a setup and `queries` queries.
///
/// # Errors
/// [`QueriesError`] if there is none, or there are too many.
pub fn repeated(program: &Program, queries: usize) -> Result<Program, QueriesError> {
    repeated_with(program, queries, &done_once(program))
}

/// The same, with a given choice of what is done once. A choice that keeps a mask of inputs is a defect, to be refuted.
///
/// # Errors
/// [`QueriesError`] if there is no query, or there are too many, or what is done once depends on what is not.
pub fn repeated_with(program: &Program, queries: usize, once: &[bool]) -> Result<Program, QueriesError> {
    let values = program.values.len();
    if queries == 0 || queries.checked_mul(values).is_none_or(|all| all > MOST_VALUES) {
        return Err(QueriesError::Count { queries, values });
    }
    let mut draft = ProgramDraft {
        parties: program.parties,
        model_owner: program.model_owner,
        values: Vec::new(),
        regions: program.regions.clone(),
        claims: Vec::new(),
    };
    let mut renamed = vec![ValueId(0); values];
    let mut streams = 0;
    for query in 0..queries {
        for (id, value) in program.iter() {
            if once[id.index()] && query > 0 {
                continue;
            }
            let suffix = |name: &Arc<str>| -> Arc<str> {
                if once[id.index()] || query == 0 {
                    name.clone()
                } else {
                    format!("{name}, query {}", query + 1).into()
                }
            };
            let mut op = match &value.op {
                Op::Sample { .. } => {
                    streams += 1;
                    Op::Sample { stream: streams - 1 }
                }
                Op::Input { name, fraction_bits } => Op::Input { name: suffix(name), fraction_bits: *fraction_bits },
                Op::Reveal { value, to, name, fraction_bits } => {
                    Op::Reveal { value: *value, to: *to, name: suffix(name), fraction_bits: *fraction_bits }
                }
                Op::Constant(_) | Op::Local(..) | Op::Send(..) => value.op.clone(),
            };
            op.arguments_mut().iter_mut().for_each(|argument| *argument = renamed[argument.index()]);
            renamed[id.index()] = ValueId(draft.values.len() as u32);
            draft.values.push(Value { op, ..value.clone() });
        }
    }
    Ok(draft.check()?)
}
