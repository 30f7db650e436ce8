//! The memory that a run takes, reckoned before it: the same batches, buffers and reuse, without words.

use super::engine::{claims_by_position, needed_after, values_by_last_use};
use super::part::Part;
use super::together::{Cutting, compile};
use crate::keys::Keyring;
use crate::local::Store;
use crate::stream::Seed;
use crate::transposed::kept_untransposed;
use serde::Serialize;
use viewless_protocols::program::{Constant, Local, Op, Program, ValueId};
use viewless_protocols::shape::Move;

/// Memory of the values of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Most bytes of values alive at once, each in whole pages.
    pub peak_value_bytes: u64,
    /// Most bytes held at once: what is dead is kept for a while, to be used again.
    pub held_bytes: u64,
}

/// The memory that [`super::execute`] takes for values, with these of its [`super::Options`]: whether claims are verified, whether messages are read
/// by anybody (hashed or observed), and from which length on lanes are computed together. Inputs, the Program and what a thread has in its caches
/// (less than 2 MiB for each) are not in it.
#[must_use]
pub fn memory(program: &Program, check_claims: bool, messages_are_read: bool, least_lane: usize) -> Memory {
    let part = Part::whole(program);
    let is_taken = |_: ValueId| false;
    let untransposed = kept_untransposed(program);
    let batches = Cutting {
        program,
        part: &part,
        untransposed: &untransposed,
        is_taken: &is_taken,
        messages_are_read,
        least_lane,
    }
    .batches();
    let claims = if check_claims { claims_by_position(program) } else { Vec::new() };
    let dying = values_by_last_use(program, &part, &claims);
    let needed = needed_after(program, &part, &batches, messages_are_read, check_claims);
    let keys = Keyring::simulated(&Seed::from_u64(0), program.parties);
    let mut store = Store::imagined(program.values.len());
    for batch in &batches {
        batch.alone.iter().for_each(|&id| alone(program, &mut store, id, untransposed[id.index()]));
        if !batch.group.values.is_empty() {
            let code = compile(program, &keys, 0, &store, &batch.group, &|id| needed[id.index()]);
            code.expect("a simulation has every key").reckon(&mut store);
        }
        let dead = batch.positions.clone().flat_map(|position| &dying[position]);
        dead.for_each(|&dead| store.free(dead));
    }
    Memory { peak_value_bytes: store.peak_bytes(), held_bytes: store.most_held_bytes() }
}

/// Stores a value that is computed by itself.
fn alone(program: &Program, store: &mut Store, id: ValueId, is_untransposed: bool) {
    let value = program.value(id);
    let same = match &value.op {
        Op::Input { .. } | Op::Constant(_) | Op::Sample { .. } => None,
        Op::Send(contents, _) | Op::Reveal { value: contents, .. } => Some(*contents),
        Op::Local(local, arguments) => match local {
            Local::Move(Move::Reshape(_)) => Some(arguments[0]),
            Local::Convert(_) => {
                let is_wider = program.value(arguments[0]).domain.bits() <= value.domain.bits();
                is_wider.then_some(arguments[0])
            }
            Local::Move(Move::Transpose(_)) => is_untransposed.then_some(arguments[0]),
            Local::Add | Local::Sub | Local::Mul | Local::And | Local::Xor | Local::Neg | Local::Not => None,
            Local::ShiftLeft(_) | Local::ShiftRight(_) | Local::ShiftRightArithmetic(_) | Local::BitReversal => None,
            Local::MatMul | Local::Sum(_) | Local::Concat(_) | Local::Function(_) => None,
            Local::Move(Move::Broadcast(_) | Move::Slice { .. } | Move::Windows(_)) => None,
        },
    };
    if let Some(same) = same {
        return store.alias(id, same);
    }
    let single = |argument: &ValueId| store.stored(*argument).length() == 1;
    let is_single = match &value.op {
        Op::Constant(Constant::Splat(_)) => true,
        Op::Local(local, arguments) => match local {
            Local::Add | Local::Sub | Local::Mul | Local::And | Local::Xor | Local::Neg | Local::Not => {
                arguments.iter().all(single)
            }
            Local::ShiftLeft(_) | Local::ShiftRight(_) | Local::ShiftRightArithmetic(_) => arguments.iter().all(single),
            Local::BitReversal | Local::Convert(_) => arguments.iter().all(single),
            Local::MatMul | Local::Sum(_) | Local::Concat(_) | Local::Function(_) | Local::Move(_) => false,
        },
        Op::Input { .. } | Op::Constant(Constant::Words(_)) | Op::Sample { .. } => false,
        Op::Send(..) | Op::Reveal { .. } => false,
    };
    let words = store.take(if is_single { 1 } else { value.shape.elements() });
    store.put(id, words);
}
