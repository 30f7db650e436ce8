//! The theorem, tried: real runs of random circuits, and of every elementwise protocol, lie in their certified intervals.

use super::{Arithmetic, Cell, Interpreter, Tape, search};
use crate::reference::{Enclosure, PRECISION};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::collections::BTreeMap;
use viewless_protocols::circuit::{Bit, CheckedCircuit, Circuit, Opening, Owner, Secret, Series};
use viewless_protocols::fixed::{self, FixedPoint};
use viewless_protocols::nonlinear::{self, Build, Function};
use viewless_protocols::scheme::{self, Comparison, SchemeSpec, Sharing, Triples, Truncation, Weights};
use viewless_simulator::execute::{Options, execute};
use viewless_simulator::stream::Seed;

const FIXED: FixedPoint = FixedPoint::of::<16>();
const UNIT: f64 = 1.0 / 65536.0;
/// Elements of a row.
const N: usize = 3;

fn spec(truncation: Truncation, comparison: Comparison) -> SchemeSpec {
    SchemeSpec { sharing: Sharing::Additive2(Triples::Fresh, Weights::Shared), truncation, comparison }
}

/// One step of a random circuit: an operation, two operands modulo what exists, a number.
type Recipe = Vec<(u8, u8, u8, i16)>;

/// The circuit of a recipe on rows of three, each row by itself.
#[expect(clippy::too_many_lines, reason = "one arm for each operation")]
fn build(recipe: &Recipe, rows: usize) -> CheckedCircuit {
    let mut c = Circuit::new();
    let mut values: Vec<Secret> = vec![c.input(Owner::Client, "x", [rows, N]), c.input(Owner::Model, "w", [rows, N])];
    let mut bits: Vec<Bit> = Vec::new();
    for &(operation, a, b, parameter) in recipe {
        let pick = |i: u8| values[values.len() - 1 - usize::from(i) % values.len().min(4)];
        let (x, y) = (pick(a), pick(b));
        let number = f64::from(parameter) / 4096.0;
        let bit = (!bits.is_empty()).then(|| bits[usize::from(a) % bits.len()]);
        let (gx, gy) = (c.guard_bits(x), c.guard_bits(y));
        let same = |c: &mut Circuit| c.precision(y, gx);
        let value = match operation % 20 {
            0 => {
                let y = same(&mut c);
                c.add(x, y)
            }
            1 => {
                let y = same(&mut c);
                c.sub(x, y)
            }
            2 => c.neg(x),
            3 => c.scale_to(x, number, i8::try_from(parameter % 5).unwrap()),
            4 => c.offset(x, number),
            5 => {
                let shifted = c.shift(x, i8::try_from(parameter % 4).unwrap());
                c.precision(shifted, 1)
            }
            6 => c.precision(x, i8::try_from(parameter % 7).unwrap()),
            7 | 8 => c.mul_to(x, y, gx.min(gy)),
            9 => c.square(x),
            10 => {
                // Twice y less x y^2: what affine forms are for.
                let square = c.square_to(y, 4);
                let product = c.mul_to(square, x, gy);
                let twice = c.add(y, y);
                c.sub(twice, product)
            }
            11 | 12 => {
                let period = [16.0, 20.0, 2.5, 8.0, 6.75][usize::from(b) % 5];
                let sines = vec![number / 8.0, -0.25, 0.0, 0.125];
                let cosines = if b.is_multiple_of(2) { vec![] } else { vec![0.5, 0.0, number / 16.0] };
                let x = c.precision(x, i8::try_from(b % 3).unwrap());
                c.fourier(
                    x,
                    Series {
                        period,
                        constant: number,
                        cosines,
                        sines,
                        opening: Opening::Period,
                        most_guard_bits: None,
                    },
                )
            }
            13 => {
                let y = same(&mut c);
                bits.push(if parameter % 3 == 0 { c.equal(x, y) } else { c.less(x, y) });
                continue;
            }
            14 => {
                bits.push(c.less_than(x, number));
                continue;
            }
            15 => {
                let Some(bit) = bit else { continue };
                c.select(bit, x)
            }
            16 => {
                let Some(bit) = bit else { continue };
                c.real(bit, i8::try_from(parameter % 3).unwrap())
            }
            17 => {
                let Some(bit) = bit else { continue };
                let other = bits[usize::from(b) % bits.len()];
                let new = match parameter % 3 {
                    0 => c.and(bit, other),
                    1 => c.xor(bit, other),
                    _ => c.not(bit),
                };
                bits.push(new);
                continue;
            }
            18 => {
                let sum = c.sum(x, 1);
                let constant = c.constant(&[0.5, number, -0.25], [N], 2);
                c.mul_to(sum, constant, 0)
            }
            _ => {
                let left = c.reshape(x, [rows, 1, N]);
                let right = c.reshape(y, [rows, N, 1]);
                let right = c.precision(right, 0);
                let left = c.precision(left, 0);
                let product = c.matmul(left, right);
                let product = c.reshape(product, [rows, 1]);
                let tail = c.slice(x, 1, 1, N - 1);
                let tail = c.precision(tail, 0);
                c.concat(&[product, tail], 1)
            }
        };
        values.push(value);
    }
    for (i, &value) in values.iter().enumerate().rev().take(3) {
        c.reveal(value, &format!("y{i}"));
    }
    c.finish().unwrap()
}

/// Rows of one run: the same numbers with other randomness.
const ROWS: usize = 64;

fn runs_lie_in_their_intervals(
    recipe: &Recipe,
    numbers: &[f64; 2 * N],
    spec: &SchemeSpec,
    runs: u64,
) -> Result<bool, TestCaseError> {
    let (x, w) = numbers.split_at(N);
    let inputs: Vec<(f64, f64)> = numbers.iter().map(|x| ((x / UNIT).round(), (x / UNIT).round())).collect();
    let bound = |arithmetic| {
        let tape = Tape::new(&build(recipe, 1), FIXED).unwrap();
        Interpreter::new(tape, arithmetic).unwrap().intervals(&inputs)
    };
    // The reals first: the bound without rounding contains what MPFR makes of the same tape.
    let exact: Vec<f64> = inputs.iter().map(|ends| ends.0 * UNIT).collect();
    let tape = Tape::new(&build(recipe, 1), FIXED).unwrap();
    let enclosed = exact.iter().map(|&x| Enclosure::of(x, PRECISION)).collect::<Vec<_>>();
    let enclosed = tape.enclose(&enclosed);
    if let (Some(intervals), Some(enclosed)) = (bound(Arithmetic::Reals), enclosed) {
        for (interval, truth) in intervals.iter().zip(enclosed) {
            prop_assert!(truth.width() <= 1e-50 * truth.magnitude().max(1.0));
            prop_assert!(interval.low <= truth.high() && truth.low() <= interval.high, "{truth:?} not in {interval:?}");
        }
    }
    let Some(intervals) = bound(Arithmetic::Ring(spec.truncation)) else { return Ok(false) };
    let program = scheme::compile(&build(recipe, ROWS), spec, FIXED).unwrap();
    let repeated = |row: &[f64]| row.iter().copied().cycle().take(ROWS * N).collect::<Vec<_>>();
    let inputs = BTreeMap::from([("x".to_owned(), repeated(x)), ("w".to_owned(), repeated(w))]);
    for seed in 0..runs {
        let run = execute(&program, &inputs, Options::new(Seed::from_u64(seed))).unwrap();
        if run.findings.wraps > 0 {
            continue;
        }
        let mut start = 0;
        for output in &run.outputs {
            let width = output.values.len() / ROWS;
            for (i, &y) in output.values.iter().enumerate() {
                let interval = intervals[start + i % width];
                prop_assert!(
                    interval.low <= y && y <= interval.high,
                    "{} {i}: {y} not in {interval:?}, {} units off",
                    output.name,
                    (y - interval.low.max(y.min(interval.high))) / UNIT
                );
            }
            start += width;
        }
    }
    Ok(true)
}

fn recipes() -> impl Strategy<Value = Recipe> {
    prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>(), any::<i16>()), 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn every_run_of_a_random_circuit_lies_in_its_interval(
        recipe in recipes(),
        numbers in prop::array::uniform6(-3.0..3.0f64),
        exact in any::<bool>(),
        carry in any::<bool>(),
    ) {
        let truncation = if exact { Truncation::Exact } else { Truncation::Local };
        let comparison = if carry { Comparison::Carry } else { Comparison::Spk };
        runs_lie_in_their_intervals(&recipe, &numbers, &spec(truncation, comparison), 2)?;
    }
}

/// A thousand runs of each of fewer circuits.
#[test]
fn a_thousand_runs_lie_in_their_intervals() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut bounded = 0;
    for case in 0..40 {
        let (recipe, numbers) =
            (recipes(), prop::array::uniform6(-3.0..3.0f64)).new_tree(&mut runner).unwrap().current();
        let truncation = if case % 2 == 0 { Truncation::Exact } else { Truncation::Local };
        let holds = runs_lie_in_their_intervals(&recipe, &numbers, &spec(truncation, Comparison::Carry), 16);
        bounded += u32::from(holds.unwrap());
    }
    assert!(bounded >= 30, "only {bounded} of 40 circuits stay within the headroom");
}

fn protocol(name: &str, arithmetic: Arithmetic) -> Interpreter {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [1]);
    let y = nonlinear::Registry::built_in().get(name).unwrap().build(&mut c, x);
    c.reveal(y, "y");
    Interpreter::new(Tape::new(&c.finish().unwrap(), FIXED).unwrap(), arithmetic).unwrap()
}

fn is_elementwise(protocol: &nonlinear::Protocol) -> bool {
    matches!(protocol.build, Build::Map(_)) && protocol.card.function != Function::MAX
}

/// Numbers all over a domain: near its ends, near zero, and in every octave.
fn numbers_of(low: f64, high: f64) -> Vec<i64> {
    let (low, high) = ((low / UNIT).ceil() as i64, (high / UNIT).floor() as i64);
    let mut numbers: Vec<i64> = (0..40).flat_map(|i| [low + i, high - i, low + (high - low) / 41 * (i + 1)]).collect();
    numbers.extend((0..40).flat_map(|e| [3i64 << e >> 1, -(5i64 << e >> 2)]));
    numbers.extend([-157_556, -157_555, 157_555, 157_556, 262_143, 262_144]);
    numbers.retain(|x| (low..=high).contains(x));
    numbers
}

#[test]
fn every_run_of_every_elementwise_protocol_lies_in_its_interval() {
    for found in nonlinear::Registry::built_in().iter().filter(|protocol| is_elementwise(protocol)) {
        let domain = found.card.interval.at(1);
        let numbers = numbers_of(domain.low, domain.high);
        let cells: Vec<Cell> = numbers.iter().map(|&x| Cell { low: x, high: x }).collect();
        let inputs = BTreeMap::from([("x".to_owned(), numbers.iter().map(|&x| x as f64 * UNIT).collect::<Vec<_>>())]);
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [numbers.len()]);
        let y = found.build(&mut c, x);
        c.reveal(y, "y");
        let circuit = c.finish().unwrap();
        for truncation in [Truncation::Exact, Truncation::Local] {
            let responses = protocol(&found.card.name, Arithmetic::Ring(truncation)).respond(&cells).unwrap();
            assert!(responses.iter().all(|response| response.bounded), "{}", found.card.name);
            let program = scheme::compile(&circuit, &spec(truncation, Comparison::Carry), FIXED).unwrap();
            for seed in 0..8 {
                let run = execute(&program, &inputs, Options::new(Seed::from_u64(seed))).unwrap();
                if run.findings.wraps > 0 {
                    continue;
                }
                let expected: f64 = responses.iter().map(|response| response.wraps).sum();
                assert!(run.findings.expected_wraps <= expected * (1.0 + 1e-9), "{}", found.card.name);
                for ((y, response), x) in run.outputs[0].values.iter().zip(&responses).zip(&numbers) {
                    assert!(response.low <= *y && *y <= response.high, "{} {x}: {y} {response:?}", found.card.name);
                }
            }
        }
    }
}

/// The response of a cell covers that of each of its numbers.
#[test]
fn a_cell_covers_its_numbers() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for name in [
        "gelu/secformer",
        "gelu/cosine",
        "exp/limit",
        "reciprocal/normalized",
        "rsqrt/goldschmidt",
        "reciprocal/newton",
    ] {
        let domain = nonlinear::Registry::built_in().get(name).unwrap().card.interval.at(1);
        for arithmetic in [Arithmetic::Reals, Arithmetic::Ring(Truncation::Exact)] {
            let interpreter = protocol(name, arithmetic);
            let property = |x: f64, width: i64, t: f64| {
                let low = (x / UNIT) as i64;
                let cell = Cell { low, high: low + width };
                let inside = low + (t * width as f64) as i64;
                let single = Cell { low: inside, high: inside };
                let [outer, inner] = interpreter.respond(&[cell, single]).unwrap()[..] else { unreachable!() };
                if outer.bounded {
                    let slack = 1e-9;
                    prop_assert!(outer.low <= inner.low + slack && inner.high <= outer.high + slack, "{name} {cell:?}");
                    let place = (inside - low) as f64 / width as f64 * 2.0 - 1.0;
                    let (low, high) = (
                        outer.low.max(outer.centre + outer.slope * place - outer.rest),
                        outer.high.min(outer.centre + outer.slope * place + outer.rest),
                    );
                    let (inner_low, inner_high) =
                        (inner.low.max(inner.centre - inner.rest), inner.high.min(inner.centre + inner.rest));
                    // Both contain every run; neither need contain the other, but they must meet.
                    prop_assert!(
                        inner_low <= high + slack && low <= inner_high + slack,
                        "{name} {cell:?} {outer:?} {inner:?}"
                    );
                }
                Ok(())
            };
            let inside = (domain.low + 0.01)..(domain.high - 0.02);
            runner.run(&(inside, 1i64..600, 0.0..1.0f64), |(x, width, t)| property(x, width, t)).unwrap();
        }
    }
}

#[test]
fn the_search_finds_the_largest_of_a_bumpy_quantity() {
    let quantity = |x: i64| (x as f64 * 0.001).sin() * 3.0 + if x == 77_777 { 5.0 } else { 0.0 };
    let bounds = |cells: &[Cell]| -> Result<Vec<f64>, ()> {
        Ok(cells.iter().map(|cell| (cell.low..=cell.high).map(quantity).fold(f64::MIN, f64::max)).collect())
    };
    let found = search::maximum(
        Cell { low: -200_000, high: 200_000 },
        search::Tolerance { relative: 0.01, absolute: 0.0 },
        bounds,
    )
    .unwrap();
    assert_eq!(found.at, 77_777);
    assert!(found.bound >= quantity(77_777) && found.bound <= 1.01 * quantity(77_777));
}

#[test]
fn what_can_leave_the_headroom_is_reported_as_unbounded() {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [1]);
    let y = c.square(x);
    let z = c.square(y);
    c.reveal(z, "z");
    let tape = Tape::new(&c.finish().unwrap(), FIXED).unwrap();
    let interpreter = Interpreter::new(tape, Arithmetic::Ring(Truncation::Exact)).unwrap();
    let at = |x: f64| {
        let word = fixed::encode(x, 16, 64).unwrap() as i64;
        interpreter.respond(&[Cell { low: word, high: word }]).unwrap()[0].bounded
    };
    assert!(at(150.0) && !at(200.0) && !at(1e9));
}

/// The fourth power of x leaves the headroom in every run where x^4 2^32 is 2^62 or more, from 181.02 on. Two roundings of one number differ by at
/// most a unit; sixteen thousand times, three times over, that difference may be anything, though over the reals it is nothing: it may leave, and
/// is not said to.
#[test]
fn what_leaves_the_headroom_in_every_run_is_told_from_what_may() {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [1]);
    let y = c.square(x);
    let z = c.square(y);
    let (p, q) = (c.scale(x, 0.3), c.scale(x, 0.3));
    let mut d = c.sub(p, q);
    for _ in 0..3 {
        d = c.scale(d, 16_384.0);
    }
    let e = c.square(d);
    c.reveal(z, "z");
    c.reveal(e, "e");
    let tape = Tape::new(&c.finish().unwrap(), FIXED).unwrap();
    let steps = tape.steps.len();
    let interpreter = Interpreter::new(tape, Arithmetic::Ring(Truncation::Exact)).unwrap();
    let numbers = [1.0, 150.0, 182.0, 200.0];
    let cases: Vec<Vec<(f64, f64)>> = numbers.iter().map(|x| vec![(x / UNIT, x / UNIT)]).collect();
    let left = interpreter.first_to_leave(&cases).into_iter().map(|left| left.expect("one of them may leave"));
    let left: Vec<_> = left.map(|left| (left.surely, left.step == steps - 1)).collect();
    assert_eq!(left, [(false, true), (false, true), (true, false), (true, false)]);
}
