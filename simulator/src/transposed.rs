//! Transposes that no run needs to carry out: a matrix that is read as the right operand of products alone is read where it lies, because
//! the kernel takes a transposed right operand. So the weights of a model, which files hold the other way round, are not moved.

use viewless_protocols::program::{Local, Op, Program};
use viewless_protocols::shape::Move;

/// For each value of a Program whether it is kept as it was before its last two axes were exchanged.
pub(crate) fn kept_untransposed(program: &Program) -> Vec<bool> {
    let is_transpose =
        |op: &Op| matches!(op, Op::Local(Local::Move(Move::Transpose(order)), _) if exchanges_last_two(order));
    let mut untransposed: Vec<bool> = program.iter().map(|(_, value)| is_transpose(&value.op)).collect();
    for (_, value) in program.iter() {
        let product = matches!(value.op, Op::Local(Local::MatMul, _));
        for (position, argument) in value.op.arguments().iter().enumerate() {
            untransposed[argument.index()] &= product && position == 1;
        }
    }
    for claim in &program.claims {
        claim.shares.iter().for_each(|share| untransposed[share.index()] = false);
    }
    untransposed
}

fn exchanges_last_two(order: &[u8]) -> bool {
    let Some((before, &[left, right])) = order.split_last_chunk::<2>() else { return false };
    let rank = order.len();
    before.iter().enumerate().all(|(axis, &from)| usize::from(from) == axis)
        && (usize::from(left), usize::from(right)) == (rank - 1, rank - 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::{Options, execute};
    use crate::stream::Seed;
    use std::collections::BTreeMap;
    use viewless_protocols::party::{Party, PartySet};
    use viewless_protocols::program::{ProgramBuilder, ValueId};
    use viewless_protocols::ring::Domain;

    /// x W^T for x of [batch, 3, 4] and W of [5, 4] or [batch, 5, 4]; `other` uses the transpose in another way, too.
    fn product(
        batch: usize,
        shared: bool,
        other: impl FnOnce(&mut ProgramBuilder, ValueId) -> Option<ValueId>,
    ) -> Program {
        let mut p = ProgramBuilder::new(PartySet::of(&[Party::P0]), Party::P0);
        let x = p.input(Party::P0, "x", 0, Domain::Z64, [batch, 3, 4].into());
        let (shape, order): (&[usize], &[u8]) = if shared { (&[5, 4], &[1, 0]) } else { (&[batch, 5, 4], &[0, 2, 1]) };
        let w = p.input(Party::P0, "w", 0, Domain::Z64, shape.into());
        let t = p.moved(w, Move::Transpose(order.into()));
        let y = p.matmul(x, t);
        p.reveal(y, Party::P0, "y", 0);
        if let Some(other) = other(&mut p, t) {
            p.reveal(other, Party::P0, "other", 0);
        }
        p.finish().unwrap()
    }

    fn run(program: &Program, batch: usize, shared: bool) -> Vec<f64> {
        let numbers =
            |count: usize, step: usize| (0..count).map(|i| ((i * step) % 17) as f64 - 8.0).collect::<Vec<f64>>();
        let (x, w) = (numbers(batch * 12, 7), numbers(if shared { 20 } else { batch * 20 }, 5));
        let truth: Vec<f64> = (0..batch * 15)
            .map(|i| {
                let (row, column) = (i / 5, i % 5);
                let right = if shared { 0 } else { row / 3 * 20 };
                (0..4).map(|k| x[row * 4 + k] * w[right + column * 4 + k]).sum()
            })
            .collect();
        let inputs = BTreeMap::from([("x".to_owned(), x), ("w".to_owned(), w)]);
        let execution = execute(program, &inputs, Options::new(Seed::from_u64(1))).unwrap();
        assert_eq!(execution.output("y").unwrap().values, truth);
        execution
            .outputs
            .into_iter()
            .find(|output| output.name == "other")
            .map_or_else(Vec::new, |output| output.values)
    }

    #[test]
    fn a_transpose_for_products_alone_is_read_where_it_lies_and_any_other_is_carried_out() {
        for (batch, shared) in [(1, true), (3, true), (2, false)] {
            let alone = product(batch, shared, |_, _| None);
            assert_eq!(kept_untransposed(&alone).iter().filter(|kept| **kept).count(), 1);
            run(&alone, batch, shared);
            let revealed = product(batch, shared, |_, t| Some(t));
            assert!(!kept_untransposed(&revealed).contains(&true));
            let transposed = run(&revealed, batch, shared);
            // The first column of W is the first row of its transpose.
            assert_eq!(transposed[1], ((4 * 5) % 17) as f64 - 8.0);
            let negated = product(batch, shared, |p, t| Some(p.neg(t)));
            assert!(!kept_untransposed(&negated).contains(&true));
            assert_eq!(run(&negated, batch, shared)[1], -transposed[1]);
        }
        let left = {
            let mut p = ProgramBuilder::new(PartySet::of(&[Party::P0]), Party::P0);
            let w = p.input(Party::P0, "w", 0, Domain::Z64, [4, 4].into());
            let t = p.moved(w, Move::Transpose([1, 0].as_slice().into()));
            let y = p.matmul(t, t);
            p.reveal(y, Party::P0, "y", 0);
            p.finish().unwrap()
        };
        assert!(!kept_untransposed(&left).contains(&true));
        assert!(!exchanges_last_two(&[1, 0, 2]) && !exchanges_last_two(&[0]) && exchanges_last_two(&[0, 1, 3, 2]));
    }
}
