//! The laws of schemes: every operation is right under every choice of every scheme, truncations keep their law, and nobody holds too
//! much. A new scheme is tested here as soon as it is one of `SchemeKind::ALL`.

use std::collections::BTreeSet;
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Levels, Opening, Owner, Secret, Sectors, Series, Table};
use viewless_protocols::fixed::FixedPoint;
use viewless_protocols::nonlinear::{self, Protocol};
use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::Op;
use viewless_protocols::scheme::laws::PowerWords;
use viewless_protocols::scheme::{self, Comparison, SchemeSpec, Truncation};
use viewless_tests::random_circuit::bound;
use viewless_tests::{FIXED, PUBLISHED, REPLICATED, compile, every_scheme, map_circuit, run};

/// One unit of the last place at 16 fraction bits.
const UNIT: f64 = 1.0 / 65536.0;

fn numbers(count: usize) -> Vec<f64> {
    (0..count).map(|i| ((i * 7919 + 13) % 4001) as f64 / 200.0 - 10.0).collect()
}

/// Runs x -> build(x) and compares with `truth` to `units`, under every choice.
fn agrees(units: f64, build: fn(&mut Circuit, Secret) -> Secret, truth: fn(f64) -> f64) {
    let x = numbers(64);
    let encoded: Vec<f64> = x.iter().map(|x| (x * 65536.0).round() / 65536.0).collect();
    for spec in every_scheme() {
        let program = compile(&map_circuit(&[64], build), &spec);
        let execution = run(&program, &[("x", &x)], 7);
        for (x, y) in encoded.iter().zip(&execution.output("y").unwrap().values) {
            assert!((truth(*x) - y).abs() <= units * UNIT, "{spec:?}: f({x}) = {} but got {y}", truth(*x));
        }
        assert_eq!(execution.findings.wraps, 0);
    }
}

#[test]
fn linear_operations_are_exact() {
    agrees(
        0.0,
        |c, x| {
            let n = c.neg(x);
            let s = c.add(n, x);
            let y = c.sub(x, s);
            c.offset(y, 0.5)
        },
        |x| x + 0.5,
    );
    agrees(0.0, |c, x| c.scale(x, 3.0), |x| 3.0 * x);
    agrees(0.0, |c, x| c.shift(x, -3), |x| x / 8.0);
    agrees(
        1.0,
        |c, x| {
            let y = c.shift(x, -3);
            c.precision(y, 0)
        },
        |x| x / 8.0,
    );
}

#[test]
fn products_err_by_at_most_a_unit() {
    agrees(1.0, |c, x| c.square(x), |x| x * x);
    agrees(1.0, |c, x| c.mul(x, x), |x| x * x);
    agrees(
        0.0,
        |c, x| {
            let y = c.square_to(x, 16);
            c.shift(y, 0)
        },
        |x| x * x,
    );
    // A multiplier has 17 significant bits: half a unit of 2^-16 relative, on values up to 10.
    agrees(1.0 + 10.0 * 0.5, |c, x| c.scale(x, 0.1), |x| x * 0.1);
}

#[test]
fn bits_are_exact() {
    agrees(
        0.0,
        |c, x| {
            let b = c.less_than(x, 0.7);
            c.real(b, 0)
        },
        |x| f64::from(u8::from(x < 0.7)),
    );
    agrees(
        0.0,
        |c, x| {
            let b = c.less_than(x, -3.0);
            let b = c.not(b);
            c.select(b, x)
        },
        |x| if x < -3.0 { 0.0 } else { x },
    );
    agrees(
        0.0,
        |c, x| {
            let (a, b) = (c.less_than(x, 2.0), c.less_than(x, -2.0));
            let (both, one) = (c.and(a, b), c.xor(a, b));
            let (both, one) = (c.real(both, 0), c.real(one, 0));
            let twice = c.scale(one, 2.0);
            c.add(both, twice)
        },
        |x| {
            if x < -2.0 {
                1.0
            } else if x < 2.0 {
                2.0
            } else {
                0.0
            }
        },
    );
    agrees(
        0.0,
        |c, x| {
            let n = c.neg(x);
            let b = c.less(x, n);
            c.real(b, 0)
        },
        |x| f64::from(u8::from(x < 0.0)),
    );
    // x where it is below 2.5 and zero elsewhere is equal to x only there; one unit more is equal nowhere.
    agrees(
        0.0,
        |c, x| {
            let below = c.less_than(x, 2.5);
            let kept = c.select(below, x);
            let equal = c.equal(kept, x);
            let above = c.offset(x, UNIT);
            let next = c.equal(x, above);
            let (equal, next) = (c.real(equal, 0), c.real(next, 0));
            let twice = c.scale(next, 2.0);
            c.add(equal, twice)
        },
        |x| f64::from(u8::from(x < 2.5)),
    );
}

#[test]
fn trigonometric_sums_are_right_for_periods_that_are_and_are_not_powers_of_two() {
    fn series(period: f64) -> Series {
        Series {
            period,
            constant: 0.25,
            cosines: vec![0.5, 0.0, -0.125],
            sines: vec![1.0, 0.3],
            opening: Opening::Period,
            most_guard_bits: None,
        }
    }
    // With local truncation waves and factors have 18 fraction bits, each off by at most 2^-19. A frequency of amplitude A
    // brings sqrt 2 (A + 1) 2^-19: in all sqrt 2 (1.118 + 0.3 + 0.125 + 3) 2^-19 = 0.81 units; truncation adds 1.
    agrees(1.81, |c, x| c.fourier(x, series(16.0)), |x| series(16.0).at(x));
    // Period 20: the turn is exact to one step of 20/2^21, 0.63 units; the slope is at most 2 pi/20 (1.118 + 0.6 + 0.375) < 0.66.
    // The multiplier is exact to 2^-25 of the turn, which |x| <= 10 makes less than 0.02 units.
    agrees(1.81 + 0.66 * 0.65, |c, x| c.fourier(x, series(20.0)), |x| series(20.0).at(x));
}

/// Every entry of the law, and no other: the floor's, or the next where the number is no multiple of the step; negative numbers and those
/// beyond the table are found where it repeats itself.
#[test]
fn a_look_up_gives_one_of_two_neighbouring_entries() {
    let entries: Vec<f64> = (0..16).map(|i| f64::from(i * i) / 8.0 - 3.0).collect();
    let table = Table { index_fraction_bits: 2, entries };
    let x: Vec<f64> =
        numbers(512).iter().enumerate().map(|(i, x)| if i % 4 == 0 { (x * 4.0).round() / 4.0 } else { *x }).collect();
    let encoded: Vec<f64> = x.iter().map(|x| (x * 65536.0).round() / 65536.0).collect();
    for spec in every_scheme() {
        let mut c = Circuit::new();
        let secret = c.input(Owner::Client, "x", [512]);
        let y = c.lookup(secret, table.clone(), -3);
        c.reveal(y, "y");
        let execution = run(&compile(&c.finish().unwrap(), &spec), &[("x", &x)], 7);
        let (mut floors, mut ceilings) = (0, 0);
        for (x, y) in encoded.iter().zip(&execution.output("y").unwrap().values) {
            let steps = table.steps(*x);
            let [floor, ceiling] = [steps.floor(), steps.ceil()].map(|index| table.entry(index as i64));
            assert!(*y == floor || *y == ceiling, "{spec:?}: {x}: {y}");
            floors += usize::from(*y == floor && floor != ceiling);
            ceilings += usize::from(*y == ceiling && floor != ceiling);
        }
        assert!(floors > 100 && ceilings > 100, "{spec:?}: {floors} {ceilings}");
        assert_eq!(execution.findings.wraps, 0);
    }
}

/// The law of powers in their interval, for every scheme: within the roundings of the words and a unit of the truth, never below 0; and from 0 to the power
/// of a sector's length out of it.
#[test]
fn powers_of_two_are_right_down_to_the_end_of_their_interval_and_bounded_beyond() {
    let sectors = Sectors { modulus_bits: 6, sector_bits: 2 };
    let inside: Vec<f64> = (0..400).map(|i| -f64::from(i) * 0.15 - UNIT * f64::from(i % 3)).collect();
    let x: Vec<f64> = inside.iter().copied().chain([0.25, 3.0, 17.5, -61.0, -63.75, 1000.0, -5000.0]).collect();
    let words = PowerWords::of(sectors, 16, 20).unwrap();
    let unit = UNIT / 16.0;
    for spec in every_scheme() {
        let mut c = Circuit::new();
        let secret = c.input(Owner::Client, "x", [x.len()]);
        let y = c.power(secret, sectors, 4);
        c.reveal(y, "y");
        let execution = run(&compile(&c.finish().unwrap(), &spec), &[("x", &x)], 11);
        let y = &execution.output("y").unwrap().values;
        for (i, (x, y)) in x.iter().zip(y).enumerate() {
            let encoded = (x / UNIT).round() * UNIT;
            if i < inside.len() {
                let off = (y - encoded.exp2()).abs();
                assert!(off <= (words.rounding(sectors) + 1.0) * unit && *y >= 0.0, "{spec:?} {x}: {y}");
            } else {
                assert!((0.0..=16.0 + unit).contains(y), "{spec:?} {x}: {y}");
            }
        }
        assert_eq!((y[0], execution.findings.wraps), (1.0, 0));
    }
}

/// The level of a row is the multiple next below its largest element, or one step less, both of which occur; whatever else is in the row.
#[test]
fn the_level_of_a_row_is_at_most_two_steps_below_its_largest() {
    let (rows, columns) = (200, 5);
    let levels = Levels { index_bits: 5, step_exponent: -1 };
    let x: Vec<f64> = (0..rows * columns).map(|i| 7.4 * (i as f64 * 1.37 + (i * i) as f64).sin()).collect();
    for spec in every_scheme() {
        let mut c = Circuit::new();
        let secret = c.input(Owner::Client, "x", [rows, columns]);
        let y = c.level(secret, levels);
        c.reveal(y, "y");
        let execution = run(&compile(&c.finish().unwrap(), &spec), &[("x", &x)], 12);
        let (mut same, mut less) = (0, 0);
        for (row, y) in x.chunks(columns).zip(&execution.output("y").unwrap().values) {
            let level = levels.of(row.iter().copied());
            assert!(*y == level || *y == level - 0.5, "{spec:?}: {row:?} {y}");
            same += usize::from(*y == level);
            less += usize::from(*y != level);
        }
        assert!(same > 20 && less > 20, "{spec:?}: {same} {less}");
    }
}

/// An index finer than its number, one that leaves the word, and a table that is no power of two.
#[test]
fn a_look_up_that_cannot_be_is_refused_with_what_to_change() {
    let circuit = |index_fraction_bits: i8, entries: usize, guard_bits: i8| {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [1]);
        let x = c.precision(x, guard_bits);
        let y = c.lookup(x, Table { index_fraction_bits, entries: vec![1.0; entries] }, 0);
        c.reveal(y, "y");
        c.finish()
    };
    let compiled = |index_fraction_bits, entries, guard_bits| {
        let circuit = circuit(index_fraction_bits, entries, guard_bits).unwrap();
        scheme::compile(&circuit, &PUBLISHED, FixedPoint::of::<16>())
    };
    assert!(compiled(16, 1 << 16, 0).is_ok() && compiled(-2, 4, 40).is_ok() && compiled(-8, 4, 37).is_ok());
    for (index_fraction_bits, entries, guard_bits) in [(17, 4, 0), (-8, 16, 37), (-30, 4, 30)] {
        let error = compiled(index_fraction_bits, entries, guard_bits).unwrap_err().to_string();
        assert!(error.contains("no more fraction bits than its number"), "{error}");
    }
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [1 << 32]);
    // 2^32 numbers, the most that a circuit takes, with 2^9 words each are more than the 2^40 that a Program takes.
    let y = c.lookup(x, Table { index_fraction_bits: 0, entries: vec![1.0; 1 << 9] }, 0);
    c.reveal(y, "y");
    let error = scheme::compile(&c.finish().unwrap(), &PUBLISHED, FixedPoint::of::<16>()).unwrap_err();
    assert!(error.to_string().contains("one table for each element is too much"), "{error}");
    for entries in [0, 1, 3, 1 << 17] {
        assert!(circuit(2, entries, 0).unwrap_err().to_string().contains("a power of two"), "{entries}");
    }
}

#[test]
fn matrix_products_work_for_shared_and_served_weights_and_batches() {
    // Of encoded numbers a product is exact until it is truncated, once for each element, which moves it by less than two units.
    let encoded = |numbers: Vec<f64>| numbers.into_iter().map(|x| (x / UNIT).round() * UNIT).collect::<Vec<f64>>();
    let (x, w) = (encoded(numbers(2 * 3 * 4)), encoded(numbers(4 * 5)));
    for spec in every_scheme() {
        let mut c = Circuit::new();
        let xs = c.input(Owner::Client, "x", [2, 3, 4]);
        let ws = c.input(Owner::Model, "w", [4, 5]);
        let y = c.matmul(xs, ws);
        let xt = c.transpose(xs, &[0, 2, 1]);
        let z = c.matmul(xt, y);
        c.reveal(y, "y");
        c.reveal(z, "z");
        let program = compile(&c.finish().unwrap(), &spec);
        let execution = run(&program, &[("x", &x), ("w", &w)], 3);
        let (y, z) = (&execution.output("y").unwrap().values, &execution.output("z").unwrap().values);
        for b in 0..2 {
            for i in 0..3 {
                for j in 0..5 {
                    let truth: f64 = (0..4).map(|k| x[(b * 3 + i) * 4 + k] * w[k * 5 + j]).sum();
                    assert!((truth - y[(b * 3 + i) * 5 + j]).abs() < 2.0 * UNIT, "{spec:?}");
                }
            }
            for i in 0..4 {
                for j in 0..5 {
                    let truth: f64 = (0..3).map(|k| x[(b * 3 + k) * 4 + i] * y[(b * 3 + k) * 5 + j]).sum();
                    assert!((truth - z[(b * 4 + i) * 5 + j]).abs() < 2.0 * UNIT, "{spec:?}");
                }
            }
        }
    }
}

#[test]
fn what_the_model_owner_holds_is_added_and_subtracted_whoever_holds_it_and_in_any_shape() {
    let (x, w) = (numbers(2 * 3), numbers(3));
    for spec in every_scheme() {
        let mut c = Circuit::new();
        let xs = c.input(Owner::Client, "x", [2, 3]);
        let ws = c.input(Owner::Model, "w", [3]);
        let one = c.slice(xs, 0, 0, 1);
        let wide = c.broadcast(ws, [2, 3]);
        let results = [c.add(xs, ws), c.sub(xs, ws), c.sub(ws, xs), c.add(one, wide), c.concat(&[one, wide], 0)];
        results.iter().zip(["a", "b", "c", "d", "e"]).for_each(|(&y, name)| c.reveal(y, name));
        let execution = run(&compile(&c.finish().unwrap(), &spec), &[("x", &x), ("w", &w)], 3);
        let encoded = |x: f64| (x / UNIT).round() * UNIT;
        let (x, w) = (|i: usize| encoded(x[i]), |i: usize| encoded(w[i % 3]));
        let is = |name: &str, truth: &dyn Fn(usize) -> f64| {
            let values = &execution.output(name).unwrap().values;
            let expected: Vec<f64> = (0..values.len()).map(truth).collect();
            assert_eq!(values, &expected, "{name}, {spec:?}");
        };
        is("a", &|i| x(i) + w(i));
        is("b", &|i| x(i) - w(i));
        is("c", &|i| w(i) - x(i));
        is("d", &|i| x(i % 3) + w(i));
        is("e", &|i| if i < 3 { x(i) } else { w(i) });
    }
}

/// x 2^-20, rounded to whole units: one truncation by 20 bits.
const SHIFT: i8 = 20;
/// Numbers truncated at once.
const ELEMENTS: usize = 1 << 14;

fn truncated() -> CheckedCircuit {
    map_circuit(&[ELEMENTS], |c, x| {
        let y = c.shift(x, -SHIFT);
        c.precision(y, 0)
    })
}

fn with_truncation(truncation: Truncation) -> impl Iterator<Item = SchemeSpec> {
    every_scheme().into_iter().filter(move |spec| spec.truncation == truncation)
}

/// Numbers up to an eighth of the ring, truncated by 20 bits: wraps are frequent, and each puts the result off by 2^(64 - 20).
#[test]
fn a_local_truncation_is_floor_or_one_more_and_wraps_by_its_law() {
    // Words of up to 2^61, exact in double precision: multiples of 2^10.
    let words: Vec<i64> =
        (0..ELEMENTS as i64).map(|i| ((i * 7919) % (1 << 14) - (1 << 13)) << 48).map(|x| x + (3 << 10)).collect();
    let x: Vec<f64> = words.iter().map(|&word| word as f64 * UNIT).collect();
    for spec in with_truncation(Truncation::Local) {
        let execution = run(&compile(&truncated(), &spec), &[("x", &x)], 5);
        let mut wraps = 0;
        for (&word, y) in words.iter().zip(&execution.output("y").unwrap().values) {
            let result = (y / UNIT) as i64;
            let floor = word >> SHIFT;
            let off = result - floor;
            if off == 0 || (off == 1 && word & ((1 << SHIFT) - 1) != 0) {
                continue;
            }
            wraps += 1;
            let off = off.abs() - (1 << (64 - SHIFT));
            assert!((-1..=1).contains(&off), "{spec:?}: {word} becomes {result}");
        }
        assert_eq!(wraps, execution.findings.wraps, "{spec:?}");
        // A sum of independent bits: its deviation is at most the root of its expectation.
        let expected = words.iter().map(|&word| word.unsigned_abs() as f64 / 64f64.exp2()).sum::<f64>();
        assert!((execution.findings.expected_wraps - expected).abs() < 1e-6 * expected, "{spec:?}");
        assert!((wraps as f64 - expected).abs() < 5.0 * expected.sqrt(), "{spec:?}: {wraps} wraps, not {expected}");
    }
}

#[test]
fn an_exact_truncation_is_floor_or_one_more_up_to_its_headroom_and_unbiased() {
    // Up to 2^62; a quarter of a unit remains.
    let words: Vec<i64> =
        (0..ELEMENTS as i64).map(|i| ((i * 7919) % (1 << 14) - (1 << 13)) << 49).map(|x| x + (1 << 18)).collect();
    let x: Vec<f64> = words.iter().map(|&word| word as f64 * UNIT).collect();
    for spec in with_truncation(Truncation::Exact) {
        let execution = run(&compile(&truncated(), &spec), &[("x", &x)], 5);
        assert!(execution.findings.headroom.is_empty(), "{spec:?}");
        let mut rounded_up = 0;
        for (&word, y) in words.iter().zip(&execution.output("y").unwrap().values) {
            let up = (y / UNIT) as i64 - (word >> SHIFT);
            assert!((0..=1).contains(&up), "{spec:?}: {word}");
            rounded_up += up;
        }
        let (expected, deviation) = (ELEMENTS as f64 / 4.0, (ELEMENTS as f64 * 3.0 / 16.0).sqrt());
        assert!((rounded_up as f64 - expected).abs() < 5.0 * deviation, "{spec:?}: {rounded_up} rounded up");
    }
}

/// Every kind of operation, so that every part of a scheme is in the Program.
fn everything(c: &mut Circuit, x: Secret) -> Secret {
    let w = c.input(Owner::Model, "w", [4, 4]);
    let product = c.matmul(x, w);
    let y = c.mul(product, x);
    let y = c.square(y);
    let bit = c.less(x, y);
    let other = c.less_than(y, 0.5);
    let equal = c.equal(x, y);
    let (both, one) = (c.and(bit, other), c.xor(bit, equal));
    let (both, one) = (c.not(both), c.real(one, 0));
    let y = c.select(both, y);
    let series = Series {
        period: 20.0,
        constant: 0.0,
        cosines: vec![1.0],
        sines: vec![],
        opening: Opening::Period,
        most_guard_bits: None,
    };
    let y = c.fourier(y, series);
    let y = c.lookup(y, Table::of(|x| x, -1.0, 3, 4), 0);
    c.add(y, one)
}

/// No sample is known to everyone, and whoever owns the weights is a party of the scheme; inputs are held by their owners, and only the
/// client learns an output.
#[test]
fn every_sample_is_unknown_to_somebody_and_only_the_client_learns() {
    for spec in every_scheme() {
        let program = compile(&map_circuit(&[4, 4], everything), &spec);
        assert!(program.parties.contains(program.model_owner), "{spec:?}");
        for (_, value) in program.iter() {
            match &value.op {
                Op::Sample { .. } => {
                    assert_ne!(value.holders, program.parties, "{spec:?}: everyone knows a sample");
                }
                Op::Input { name, .. } => {
                    let owner = if &**name == "w" { program.model_owner } else { Party::Client };
                    assert_eq!(value.holders, PartySet::of(&[owner]), "{spec:?}: {name}");
                }
                Op::Reveal { to, .. } => assert_eq!(*to, Party::Client, "{spec:?}"),
                Op::Constant(_) | Op::Local(..) | Op::Send(..) => {}
            }
        }
    }
}

/// A protocol on two rows of eight.
fn rows(protocol: &Protocol) -> CheckedCircuit {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [2, 8]);
    let y = protocol.build_alone(&mut c, x, 1e-5);
    c.reveal(y, "y");
    c.finish().unwrap()
}

#[test]
fn every_protocol_of_the_registry_runs_on_every_scheme_within_the_derived_bound() {
    // Exact, because no local truncation may wrap here.
    let exact = |spec| SchemeSpec { truncation: Truncation::Exact, ..spec };
    let schemes = [PUBLISHED, REPLICATED, SchemeSpec { comparison: Comparison::Spk, ..REPLICATED }].map(exact);
    let (mut finite, mut elements, mut outside) = (0, 0, BTreeSet::new());
    for protocol in nonlinear::Registry::built_in() {
        let circuit = rows(protocol);
        // Within the domain of most protocols; the others are left out, because what leaves its domain may leave the ring.
        let number = |i: usize| match protocol.card.function.name() {
            "reciprocal" | "rsqrt" => 5.0 + i as f64 / 16.0,
            "exp" => -(i as f64) / 16.0,
            _ => (1.0 + i as f64 / 16.0) * if i.is_multiple_of(3) { -1.0 } else { 1.0 },
        };
        let input = |name: &str| (0..if name == "x" { 16 } else { 8 }).map(number).collect::<Vec<_>>();
        for spec in schemes {
            let bounded = bound::outputs(&circuit, FIXED, spec.truncation, input);
            let (x, gamma, beta) = (input("x"), input("gamma"), input("beta"));
            let inputs: &[(&str, &[f64])] = &[("x", &x), ("gamma", &gamma), ("beta", &beta)];
            let execution = run(&compile(&circuit, &spec), inputs, 11);
            if execution.findings.violated_domains().next().is_some() {
                outside.insert(protocol.card.name.clone());
                continue;
            }
            let headroom = &execution.findings.headroom;
            assert!(headroom.is_empty(), "{}, {spec:?}: {headroom:?}", protocol.card.name);
            let computed = &execution.output("y").unwrap().values;
            for ((y, truth), error) in computed.iter().zip(&bounded[0].1.values).zip(&bounded[0].1.errors) {
                assert!((y - truth).abs() <= *error, "{}, {spec:?}: {y} but {truth}", protocol.card.name);
                finite += u32::from(error.is_finite());
                elements += 1;
            }
        }
    }
    assert!(3 * outside.len() <= nonlinear::Registry::built_in().len(), "{outside:?}");
    assert!(2 * finite > elements, "most results must be compared: {finite} of {elements}");
}
