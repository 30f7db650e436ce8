//! Random Programs of rearrangements, whose lanes must be found right, run together and each value by itself.

use crate::execute::{Execution, LEAST_LANE, Options, execute, memory};
use crate::stream::Seed;
use proptest::prelude::*;
use std::collections::BTreeMap;
use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::{Constant, Op, Program, ProgramBuilder, ValueId, Wave, WordFunction};
use viewless_protocols::ring::Domain;
use viewless_protocols::shape::{Move, Shape};
use viewless_protocols::windows::Windows;

const PARTIES: PartySet = PartySet::of(&[Party::P0, Party::P1]);
const ANGLE: Domain = Domain::Ring(12);

/// A Program in which each instruction makes a value of earlier ones, chosen by its numbers; what does not fit is left out.
fn program(instructions: &[[u8; 4]]) -> Program {
    let mut p = ProgramBuilder::new(PARTIES, Party::P0);
    let x = p.input(Party::P0, "x", 0, Domain::Z64, [4, 3, 2].into());
    let mut values = vec![(x, Shape::from([4, 3, 2]))];
    for &[kind, first, second, number] in instructions {
        let (a, shape) = values[usize::from(first) % values.len()].clone();
        let (b, other) = values[usize::from(second) % values.len()].clone();
        let number = usize::from(number);
        let axis = number % shape.rank().max(1);
        let made = match kind % 14 {
            0 => {
                let axes: Vec<usize> = (0..1 + number % 3).map(|i| 1 + (number >> i) % 5).collect();
                Some(p.sample(PartySet::of(&[Party::P0]), Domain::Z64, axes[..].into()))
            }
            1 if shape.broadcast(&other).is_ok() => Some(p.add(a, b)),
            2 if shape.broadcast(&other).is_ok() => Some(p.mul(a, b)),
            3 => Some(p.shift_right(a, (number % 60) as u8)),
            4 if shape.rank() > 0 => {
                let extent = shape.axes()[axis];
                let start = usize::from(second) % extent;
                Some(p.moved(a, Move::Slice { axis, start, length: 1 + number % (extent - start) }))
            }
            5 if shape.rank() > 0 && shape.rank() == other.rank() => {
                let fits = Shape::concat([&shape, &other].into_iter(), axis).is_ok();
                fits.then(|| p.concat(&[a, b], axis))
            }
            6 if shape.rank() > 0 => Some(p.sum(a, axis)),
            7 => Some(p.moved(a, Move::Reshape([shape.elements()].into()))),
            8 => {
                let to: Vec<usize> = std::iter::once(1 + number % 4).chain(shape.axes().iter().copied()).collect();
                Some(p.moved(a, Move::Broadcast(to[..].into())))
            }
            9 if shape.rank() > 1 => {
                let order: Vec<u8> = (0..shape.rank() as u8).rev().collect();
                Some(p.moved(a, Move::Transpose(order[..].into())))
            }
            12 if shape.rank() > 0 && shape.elements() < 40 => {
                let (start, steps) = (number as i64 % 5 - 2, [i64::from(second) % 3, 1]);
                let windows = Windows { axis, start, lengths: [1 + number % 3, 2], steps };
                Some(p.moved(a, Move::Windows(windows)))
            }
            10 => {
                let low = p.convert(a, ANGLE);
                let wave = |harmonic| Wave { harmonic, cosine: 1.0, sine: f64::from(harmonic) };
                Some(p.function(WordFunction::Waves { waves: vec![wave(1), wave(3)], fraction_bits: 16 }, low))
            }
            11 => {
                let sent = p.send(a, Party::P1);
                p.reveal(sent, Party::P1, &format!("sent {}", sent.index()), 0);
                None
            }
            12 => {
                let words: Vec<u64> =
                    (0..shape.axes().last().copied().unwrap_or(1) as u64).map(|i| i * 7 + 1).collect();
                let constant = p.constant(Constant::Words(words[..].into()), Domain::Z64, [words.len()].into());
                shape.broadcast(&[words.len()].into()).is_ok().then(|| p.add(a, constant))
            }
            _ => None,
        };
        if let Some(made) = made {
            let shape = p.value(made).shape.clone();
            if shape.elements() <= 2000 {
                values.push((made, shape));
            }
        }
    }
    let (last, _) = values[values.len() - 1];
    p.reveal(last, Party::P0, "last", 0);
    p.finish().expect("every party computes with what it holds")
}

fn run(program: &Program, least_lane: usize, digest: bool) -> Execution {
    let inputs: BTreeMap<String, Vec<f64>> = [("x".to_owned(), (0..24).map(f64::from).collect())].into();
    execute(program, &inputs, Options { least_lane, digest, ..Options::new(Seed::from_u64(3)) })
        .expect("it has its inputs")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rearrangements_are_the_same_together_and_alone(
        instructions in prop::collection::vec(any::<[u8; 4]>(), 1..40), digest: bool,
    ) {
        let program = program(&instructions);
        let alone = run(&program, usize::MAX, digest);
        for least_lane in [1, 2, 5, LEAST_LANE] {
            let together = run(&program, least_lane, digest);
            prop_assert_eq!(&together.outputs, &alone.outputs);
            prop_assert_eq!(together.transcript_digest, alone.transcript_digest);
            prop_assert_eq!(memory(&program, true, digest, least_lane), together.memory);
        }
    }
}

/// The property would say nothing if hardly anything were computed together.
#[test]
fn most_values_of_random_programs_are_computed_together() {
    let mut bytes = (0u32..).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8);
    let (mut members, mut all) = (0, 0);
    for _ in 0..50 {
        let instructions: Vec<[u8; 4]> = (0..40).map(|_| std::array::from_fn(|_| bytes.next().unwrap())).collect();
        let program = program(&instructions);
        let part = crate::execute::part::Part::whole(&program);
        let is_taken = |_: ValueId| false;
        let untransposed = crate::transposed::kept_untransposed(&program);
        let cutting = super::Cutting {
            program: &program,
            part: &part,
            untransposed: &untransposed,
            is_taken: &is_taken,
            messages_are_read: true,
            least_lane: 1,
        };
        members += cutting.batches().iter().map(|batch| batch.group.values.len()).sum::<usize>();
        let computes = |op: &Op| !matches!(op, Op::Input { .. } | Op::Constant(_) | Op::Send(..) | Op::Reveal { .. });
        all += program.iter().filter(|(_, value)| computes(&value.op)).count();
    }
    assert!(2 * members > all, "{members} of {all}");
}
