//! One setup and several queries: what a served model really does, as one Program.
//!
//! What lives as long as the model is done once: weights, their shares, their masks, and the weights opened under these masks. Everything
//! else is done again for each query, with inputs and randomness of its own. So the sharing of masks between queries is in the
//! Program, and a proof about it is a proof about that reuse.

use std::sync::Arc;
use thiserror::Error;
use viewless_protocols::program::{Lifetime, Op, Program, ProgramDraft, ProgramError, Value, ValueId};

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

/// What lives as long as the model.
#[must_use]
pub fn done_once(program: &Program) -> Vec<bool> {
    program.iter().map(|(id, _)| program.lifetime(id) == Lifetime::Model).collect()
}

/// The Program of a setup and `queries` queries.
///
/// # Errors
/// [`QueriesError`] if there is none, or there are too many.
pub fn repeated(program: &Program, queries: usize) -> Result<Program, QueriesError> {
    repeated_with(program, queries, &done_once(program))
}

/// The same, with a given choice of what is done once; what this is computed from must be done once, too. A choice that keeps a mask of
/// inputs is a defect, to be refuted.
///
/// # Errors
/// [`QueriesError`] if there is no query, or there are too many.
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
                Op::Sample { lifetime, .. } => {
                    streams += 1;
                    Op::Sample { stream: streams - 1, lifetime: *lifetime }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::certificate::Simulator;
    use crate::privacy::{self, Coalition, Verdict};
    use viewless_protocols::circuit::{Circuit, Owner};
    use viewless_protocols::fixed::FixedPoint;
    use viewless_protocols::party::Party;
    use viewless_protocols::scheme;
    use viewless_protocols::suite::Suite;

    /// A product with a weight, and a square, under the faithful suite's scheme: weights keep their masks.
    fn product() -> Program {
        let mut c = Circuit::new();
        let (x, w) = (c.input(Owner::Client, "x", [1]), c.input(Owner::Model, "w", [1]));
        let y = c.mul(x, w);
        c.reveal(y, "y");
        let suite = Suite::built_in("faithful").unwrap();
        scheme::compile(&c.finish().unwrap(), &suite.scheme, FixedPoint::of::<8>()).unwrap()
    }

    #[test]
    fn four_queries_share_the_masks_of_weights_and_are_proved() {
        let one = product();
        let four = repeated(&one, 4).unwrap();
        let samples = |program: &Program| program.iter().filter(|(_, v)| matches!(v.op, Op::Sample { .. })).count();
        let kept = |id| one.lifetime(id) == Lifetime::Model;
        let once = one.iter().filter(|(id, v)| matches!(v.op, Op::Sample { .. }) && kept(*id)).count();
        assert!(once > 0, "a weight keeps its mask");
        assert_eq!(samples(&four), once + 4 * (samples(&one) - once));
        for coalition in privacy::promised_coalitions(&four) {
            let report = privacy::prove(&four, coalition);
            assert!(matches!(report.verdict, Verdict::Proved { .. }), "{coalition}: {:#?}", report.verdict);
            assert!(privacy::check::check(&four, &report.certificate.unwrap()).is_ok());
        }
        assert_eq!(repeated(&one, 1).unwrap().values.len(), one.values.len());
        assert!(matches!(repeated(&one, 0), Err(QueriesError::Count { .. })));
        assert!(matches!(repeated(&one, usize::MAX), Err(QueriesError::Count { .. })));
    }

    #[test]
    fn a_mask_of_inputs_that_is_kept_is_refuted() {
        let one = product();
        // Everything that no input enters is kept, so that two inputs are opened under one mask.
        let mut kept = done_once(&one);
        for (id, value) in one.iter() {
            let arguments = value.op.arguments();
            kept[id.index()] |=
                !matches!(value.op, Op::Input { .. }) && arguments.iter().all(|argument| kept[argument.index()]);
        }
        let two = repeated_with(&one, 2, &kept).unwrap();
        let leaks = [Party::P0, Party::P1].into_iter().any(|party| {
            let coalition = Coalition::of(&two, &[party]).unwrap();
            let proved = matches!(privacy::prove(&two, coalition).verdict, Verdict::Proved { .. });
            !proved && privacy::refute(&two, coalition, Simulator::GivenOwnSamples).is_some()
        });
        assert!(leaks, "differences of inputs are opened");
    }
}
