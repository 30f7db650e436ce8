//! The scheme `additive2`: every operation is right under every choice, and costs what its table says.

use viewless_protocols::circuit::{Circuit, Owner, Secret, Series};
use viewless_protocols::party::Party;
use viewless_protocols::program::Phase;
use viewless_protocols::scheme::{Comparison, SchemeSpec, Truncation, Weights};
use viewless_simulator::count::{Grouping, Schedule, bill, timetable};
use viewless_tests::{PUBLISHED, compile, every_scheme, map_circuit, run};

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
}

#[test]
fn trigonometric_sums_are_right_for_periods_that_are_and_are_not_powers_of_two() {
    fn series(period: f64) -> Series {
        Series { period, constant: 0.25, cosines: vec![0.5, 0.0, -0.125], sines: vec![1.0, 0.3] }
    }
    // With local truncation waves and factors have 18 fraction bits, each off by at most 2^-19. A frequency of amplitude A
    // brings sqrt 2 (A + 1) 2^-19: in all sqrt 2 (1.118 + 0.3 + 0.125 + 3) 2^-19 = 0.81 units; truncation adds 1.
    agrees(1.81, |c, x| c.fourier(x, series(16.0)), |x| series(16.0).at(x));
    // Period 20: the turn is exact to one step of 20/2^21, 0.63 units; the slope is at most 2 pi/20 (1.118 + 0.6 + 0.375) < 0.66.
    // The multiplier is exact to 2^-25 of the turn, which |x| <= 10 makes less than 0.02 units.
    agrees(1.81 + 0.66 * 0.65, |c, x| c.fourier(x, series(20.0)), |x| series(20.0).at(x));
}

#[test]
fn matrix_products_work_for_shared_and_served_weights_and_batches() {
    let (x, w) = (numbers(2 * 3 * 4), numbers(4 * 5));
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
                    assert!((truth - y[(b * 3 + i) * 5 + j]).abs() < 4.0 * 20.0 * UNIT, "{spec:?}");
                }
            }
            for i in 0..4 {
                for j in 0..5 {
                    let truth: f64 = (0..3).map(|k| x[(b * 3 + k) * 4 + i] * y[(b * 3 + k) * 5 + j]).sum();
                    assert!((truth - z[(b * 4 + i) * 5 + j]).abs() < 400.0 * UNIT, "{spec:?}");
                }
            }
        }
    }
}

/// Online rounds, bits between the computing parties and bits from the dealer of y = build(x), per element.
fn cost(spec: SchemeSpec, build: impl FnOnce(&mut Circuit, Secret) -> Secret) -> (u32, u64, u64) {
    // 8 elements, so that bits of one bit fill a byte.
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [8]);
    // A computed value: the share of an input that is a common random word could be opened before the input is known.
    let x = c.square(x);
    let y = c.region("measured", |c| build(c, x));
    c.reveal(y, "y");
    let program = compile(&c.finish().unwrap(), &spec);
    let bill = bill(&program, Schedule::AsWritten, Grouping::Region);
    let region = bill.region("measured").unwrap();
    let dealt = timetable(&program, Schedule::AsWritten)
        .messages
        .into_iter()
        .filter(|message| message.from == Party::Dealer && program.regions.path(message.region) == "measured");
    (region.rounds, region.bytes_between_computing_parties, dealt.map(|message| message.bytes).sum())
}

#[test]
fn costs_are_those_of_the_scheme_s_table() {
    let carry = SchemeSpec { comparison: Comparison::Carry, ..PUBLISHED };
    let exact = SchemeSpec { truncation: Truncation::Exact, ..PUBLISHED };
    assert_eq!(cost(PUBLISHED, |c, x| c.mul(x, x)), (1, 256, 64));
    assert_eq!(cost(PUBLISHED, |c, x| c.square(x)), (1, 128, 64));
    assert_eq!(
        cost(exact, |c, x| {
            let y = c.shift(x, -1);
            c.precision(y, 0)
        }),
        (1, 128, 128)
    );
    assert_eq!(
        cost(PUBLISHED, |c, x| {
            let y = c.shift(x, -1);
            c.precision(y, 0)
        }),
        (0, 0, 0)
    );
    assert_eq!(
        cost(PUBLISHED, |c, x| {
            let b = c.less_than(x, 0.0);
            c.real(b, 0)
        }),
        (8, 3456, 896)
    );
    let (rounds, bits, offline) = cost(carry, |c, x| {
        let b = c.less_than(x, 0.0);
        c.real(b, 0)
    });
    assert_eq!((rounds, bits), (7 + 1, 504 + 2));
    assert_eq!(offline, 64 + 2 * (32 + 16 + 8 + 4 + 2) + 1 + 64);
    assert_eq!(
        cost(carry, |c, x| {
            let b = c.less_than(x, 0.0);
            c.select(b, x)
        }),
        (7 + 1, 504 + 130, 189 + 128)
    );
    assert_eq!(
        cost(PUBLISHED, |c, x| {
            let b = c.less_than(x, 0.0);
            c.select(b, x)
        }),
        (8 + 1, 3456 + 256, 896 + 64)
    );
    let series = |period| Series { period, constant: 0.0, cosines: vec![], sines: vec![1.0, 1.0, 1.0] };
    assert_eq!(cost(PUBLISHED, |c, x| c.fourier(x, series(16.0))), (1, 2 * 20, 3 * 128));
    assert_eq!(cost(PUBLISHED, |c, x| c.fourier(x, series(20.0))), (1, 42, 3 * 128));
}

#[test]
fn a_tied_weight_is_opened_once_with_a_fixed_mask_and_twice_with_fresh_ones() {
    use viewless_protocols::scheme::Triples;
    let opened = |triples| {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [2, 4]);
        let w = c.input(Owner::Model, "w", [4, 4]);
        let y = c.matmul(x, w);
        let z = c.matmul(y, w);
        c.reveal(z, "z");
        let spec = SchemeSpec { triples, ..PUBLISHED };
        let bill = bill(&compile(&c.finish().unwrap(), &spec), Schedule::Asap, Grouping::Region);
        Phase::ALL.map(|phase| bill.phase(phase).bytes_between_computing_parties).iter().sum::<u64>()
    };
    // x and y are 2 x 4, the weight is 4 x 4; 16 bytes an element.
    assert_eq!(opened(Triples::Fresh), 16 * (8 + 8 + 16 + 16));
    assert_eq!(opened(Triples::FixedWeight), 16 * (8 + 8 + 16));
}

#[test]
fn served_weights_cost_one_direction_online() {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [2, 4]);
    let w = c.input(Owner::Model, "w", [4, 3]);
    let y = c.region("product", |c| c.matmul(x, w));
    c.reveal(y, "y");
    let spec = SchemeSpec { weights: Weights::Server, ..PUBLISHED };
    let bill = bill(&compile(&c.finish().unwrap(), &spec), Schedule::Asap, Grouping::Region);
    let region = bill.region("product").unwrap();
    assert_eq!((region.bytes_total, region.bytes_setup, region.bytes_offline), (8 * 8, 8 * 12, 8 * 6));
}
