//! Each reference against values that others published, and against a second route to the same number.

use super::{Enclosure, PRECISION, Piecewise, RealFunction, Symmetry, row, series};
use crate::bound::Tape;
use proptest::prelude::*;
use viewless_protocols::circuit::{Circuit, Opening, Owner, Series};
use viewless_protocols::fixed::FixedPoint;
use viewless_protocols::nonlinear::gelu;

fn exact(x: f64) -> Enclosure {
    Enclosure::of(x, PRECISION)
}

fn at(function: RealFunction, x: f64) -> Enclosure {
    function.at(&exact(x)).unwrap()
}

/// Whether two enclosures of the same number share a point, and both are sharp.
fn agree(a: &Enclosure, b: &Enclosure) -> bool {
    let sharp = |x: &Enclosure| x.width() <= 1e-60 * x.magnitude().max(1e-30);
    !a.is_below(b) && !b.is_below(a) && sharp(a) && sharp(b)
}

/// The operator tests of ONNX (`onnx/backend/test/case/node/{gelu,exp,tanh,reciprocal,softmax}.py`), which print seven to eight digits.
#[test]
fn the_values_of_the_onnx_operator_tests_are_reproduced() {
    for (function, x, published) in [
        (RealFunction::GeluErf, -1.0, -0.15865526),
        (RealFunction::GeluErf, 0.0, 0.0),
        (RealFunction::GeluErf, 1.0, 0.84134474),
        (RealFunction::GeluTanh, -1.0, -0.158808),
        (RealFunction::GeluTanh, 0.0, 0.0),
        (RealFunction::GeluTanh, 1.0, 0.841192),
        (RealFunction::Relu, -1.0, 0.0),
        (RealFunction::Relu, 1.5, 1.5),
        (RealFunction::LeakyRelu, -1.0, -0.2),
        (RealFunction::LeakyRelu, 1.5, 1.5),
        (RealFunction::Exp, -1.0, 0.36787945),
        (RealFunction::Exp, 0.0, 1.0),
        (RealFunction::Exp, 1.0, 2.71828175),
        (RealFunction::Tanh, -1.0, -0.76159418),
        (RealFunction::Tanh, 1.0, 0.76159418),
        (RealFunction::Reciprocal, -4.0, -0.25),
        (RealFunction::Reciprocal, 2.0, 0.5),
    ] {
        assert!((at(function, x).middle() - published).abs() < 5e-7, "{function} at {x}");
    }
    let softmax = row::softmax(&[-1.0, 0.0, 1.0], PRECISION).unwrap();
    for (y, published) in softmax.iter().zip([0.09003058, 0.24472848, 0.66524094]) {
        assert!((y.middle() - published).abs() < 5e-8);
    }
    let softmax = row::softmax(&[10000.0, 10001.0, 10002.0, 10003.0], PRECISION).unwrap();
    for (y, published) in softmax.iter().zip([0.0320586, 0.0871443, 0.2368828, 0.6439143]) {
        assert!((y.middle() - published).abs() < 5e-8);
    }
    let quads = row::two_quad(&[1.0, 2.0, 3.0, 4.0], 5.0, PRECISION).unwrap();
    for (y, square) in quads.iter().zip([36.0, 49.0, 64.0, 81.0]) {
        assert!(agree(y, &exact(square).over(230)));
    }
}

/// Values of tables: Abramowitz and Stegun, table 7.1, erf at 1/2 and 1 to ten digits; 1/sqrt(3) and 1/sqrt(5).
#[test]
fn erf_and_inverse_roots_have_the_values_of_tables() {
    for (function, x, published) in [
        (RealFunction::Erf, 0.5, 0.5204998778),
        (RealFunction::Erf, 1.0, 0.8427007929),
        (RealFunction::Erf, -1.0, -0.8427007929),
        (RealFunction::Rsqrt, 3.0, 0.5773502692),
        (RealFunction::Rsqrt, 5.0, 0.4472135955),
    ] {
        assert!((at(function, x).middle() - published).abs() <= 5.1e-11, "{function} at {x}");
    }
}

/// Rows small enough for a sheet of paper: 2ReLU of 1, -2, 3 is 1/4, 0, 3/4; normalising 1, 2, 3, 4 gives odd multiples of 1/sqrt(5).
#[test]
fn rows_have_the_values_that_are_reckoned_by_hand() {
    let relu = row::two_relu(&[1.0, -2.0, 3.0], PRECISION).unwrap();
    assert!(relu.iter().zip([0.25, 0.0, 0.75]).all(|(y, by_hand)| y.contains(by_hand) && y.width() < 1e-70));
    assert!(row::two_relu(&[-1.0, -2.0], PRECISION).is_none(), "nothing is positive");
    let norm = row::layer_norm(&[1.0, 2.0, 3.0, 4.0], &[1.0; 4], &[0.0; 4], 0.0, PRECISION).unwrap();
    let root = exact(5.0).sqrt().unwrap().recip().unwrap();
    assert!(norm.iter().zip([-3.0, -1.0, 1.0, 3.0]).all(|(y, odd)| agree(y, &root.scale(odd))));
    assert_eq!(row::max(&[1.0, -2.0, 3.0]), 3.0);
}

/// Each operation of a circuit once, by MPFR and by the circuit's own evaluation in f64.
#[test]
fn every_operation_of_a_circuit_has_a_reference() {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [2, 2]);
    let w = c.input(Owner::Model, "w", [2, 2]);
    let k = c.constant(&[0.75, -1.5], [2], 0);
    let (sum, difference, negative) = (c.add(x, k), c.sub(x, w), c.neg(x));
    let (scaled, offset, shifted) = (c.scale(x, 0.3), c.offset(w, -0.2), c.shift(x, -2));
    let (fine, product, square, matrix) = (c.precision(x, 4), c.mul(x, w), c.square(x), c.matmul(x, w));
    let (column, moved, joined) = (c.sum(x, 0), c.transpose(w, &[1, 0]), c.concat(&[x, w], 0));
    let (less, below) = (c.less(x, w), c.less_than(x, 0.5));
    let (and, xor, not, equal) = (c.and(less, below), c.xor(less, below), c.not(less), c.equal(x, w));
    let (selected, real, series) = (c.select(and, x), c.real(xor, 0), c.fourier(x, gelu::secformer::series()));
    let (opposite, same) = (c.select(not, w), c.real(equal, 0));
    let all = [
        sum, difference, negative, scaled, offset, shifted, fine, product, square, matrix, column, moved, joined,
        selected, real, series, opposite, same,
    ];
    all.into_iter().enumerate().for_each(|(i, value)| c.reveal(value, &format!("y{i}")));
    let circuit = c.finish().unwrap();
    let (x, w) = ([0.25, -1.5, 2.0, 0.375], [0.25, 3.0, -0.5, 1.25]);
    let plain =
        circuit.evaluate(|owner, _| Some(if owner == Owner::Client { x.to_vec() } else { w.to_vec() })).unwrap();
    let tape = Tape::new(&circuit, FixedPoint::of::<16>()).unwrap();
    let inputs: Vec<Enclosure> = x.iter().chain(&w).map(|&x| exact(x)).collect();
    let found = tape.enclose(&inputs).unwrap();
    let plain: Vec<f64> = plain.outputs.iter().flat_map(|(_, _, values)| values.iter().copied()).collect();
    assert_eq!(found.len(), plain.len());
    for (i, (found, plain)) in found.iter().zip(&plain).enumerate() {
        assert!((found.middle() - plain).abs() < 1e-12 && found.width() < 1e-60, "{i}: {found:?} {plain}");
    }
}

/// erf x = 2/sqrt(pi) e^(-x^2) sum over n of 2^n x^(2n+1) / (1 3 5 ... (2n+1)); the terms fall by half once 2n + 3 > 4 x^2, so
/// that what is left out is less than the last term added.
#[test]
fn erf_is_its_series() {
    for x in [0.0, 0.125, 0.5, 1.0, 1.7, 2.5, -3.0] {
        let mut term = exact(x);
        let mut sum = term.clone();
        for n in 1..400u32 {
            term = term.mul(&exact(x).square()).scale(2.0).over(2 * n + 1);
            sum = sum.add(&term);
        }
        let rest = term.clone().hull(term.neg());
        let scale = Enclosure::pi(PRECISION).sqrt().unwrap().recip().unwrap().scale(2.0);
        let by_series = sum.add(&rest).mul(&scale).mul(&exact(x).square().neg().exp());
        assert!(agree(&by_series, &at(RealFunction::Erf, x)), "{x}");
    }
}

#[test]
fn exp_is_the_square_of_half_its_argument_and_its_inverse_the_opposite() {
    for x in [-17.3, -1.0, 0.0, 0.5, 3.75] {
        let half = at(RealFunction::Exp, x / 2.0);
        assert!(agree(&half.square(), &at(RealFunction::Exp, x)));
        assert!(agree(&at(RealFunction::Exp, -x).recip().unwrap(), &at(RealFunction::Exp, x)));
    }
}

/// tanh x = 1 - 2 / (e^(2x) + 1); 1/x times x and rsqrt squared times x are 1.
#[test]
fn tanh_reciprocal_and_rsqrt_obey_their_identities() {
    let one = exact(1.0);
    for x in [0.01, 0.7, 1.0, 6.0, 1234.5] {
        let by_exp = one.sub(&exact(2.0 * x).exp().add(&one).recip().unwrap().scale(2.0));
        assert!(agree(&by_exp, &at(RealFunction::Tanh, x)));
        assert!(agree(&at(RealFunction::Reciprocal, x).scale(x), &one));
        assert!(agree(&at(RealFunction::Rsqrt, x).square().scale(x), &one));
    }
    assert!(RealFunction::Reciprocal.at(&Enclosure::between(-1.0, 1.0, 64)).is_none());
}

/// gelu(x) - gelu(-x) = x in both forms, and the forms differ by at most 4.8e-4.
#[test]
fn the_two_forms_of_gelu_are_different_functions() {
    let mut largest: f64 = 0.0;
    for i in 0..=800 {
        let x = f64::from(i) / 100.0;
        for form in [RealFunction::GeluErf, RealFunction::GeluTanh] {
            assert!(at(form, x).sub(&at(form, -x)).sub(&exact(x)).magnitude() < 1e-70);
        }
        largest = largest.max(at(RealFunction::GeluErf, x).sub(&at(RealFunction::GeluTanh, x)).magnitude());
    }
    assert!((4.6e-4..4.8e-4).contains(&largest), "{largest:e}");
}

/// Each symmetry that a function states holds of it, and fails of the others that state another or none.
#[test]
fn functions_have_the_symmetries_that_they_state_and_no_other() {
    for function in RealFunction::ALL {
        for symmetry in [Symmetry::Odd, Symmetry::Complement] {
            let defect = |x: f64| {
                let (right, left) = (at(function, x), function.at(&exact(-x))?);
                Some(symmetry.defect(x, right.middle(), left.middle()).abs())
            };
            let worst = [0.25, 1.0, 3.5].into_iter().map(|x| defect(x).unwrap_or(f64::INFINITY)).fold(0.0, f64::max);
            assert_eq!(function.symmetry() == Some(symmetry), worst < 1e-12, "{function} {symmetry}: {worst:e}");
        }
    }
}

#[test]
fn softmax_ignores_shifts_and_layer_norm_shifts_and_scales() {
    let x = [0.25, -3.5, 7.0, 1.125];
    let shifted = x.map(|x| x + 1024.0);
    let scaled = x.map(|x| x * 8.0 - 3.0);
    let pairs = row::softmax(&x, PRECISION).unwrap().into_iter().zip(row::softmax(&shifted, PRECISION).unwrap());
    assert!(pairs.into_iter().all(|(a, b)| agree(&a, &b)));
    let norm = |x: &[f64]| row::layer_norm(x, &[1.0; 4], &[0.0; 4], 0.0, PRECISION).unwrap();
    assert!(norm(&x).iter().zip(&norm(&scaled)).all(|(a, b)| agree(a, b)));
    let squares = norm(&x).iter().fold(exact(0.0), |sum, y| sum.add(&y.square()));
    assert!(agree(&squares, &exact(4.0)));
    assert!(row::layer_norm(&[2.0; 3], &[1.0; 3], &[0.0; 3], 0.0, PRECISION).is_none(), "no variance");
}

/// sin^2 + cos^2 = 1 and the sum of both waves, against f64.
#[test]
fn trigonometric_sums_are_enclosed() {
    let sums = Series {
        period: 20.0,
        constant: 0.5,
        cosines: vec![0.25, -1.0],
        sines: vec![1.5, 0.0, 2.0],
        opening: Opening::Period,
        most_guard_bits: None,
    };
    for x in [-31.0, -1.0, 0.0, 0.3, 9.99, 4000.0] {
        let y = series::at(&sums, &exact(x)).unwrap();
        assert!((y.middle() - sums.at(x)).abs() < 1e-9 && y.width() < 1e-65);
        let (cosine, sine) = exact(x).cos_sin();
        assert!(agree(&cosine.square().add(&sine.square()), &exact(1.0)));
    }
    let wide = Enclosure::between(0.0, 1.0, PRECISION).cos_sin();
    assert!(wide.1.contains(0.0) && wide.1.contains(0.84) && wide.0.contains(0.5403023058681398));
}

#[test]
fn seven_coefficients_of_erf_are_as_printed_but_the_last() {
    let printed = [1.25772, -0.0299154, 0.382155, -0.0519123, 0.196033, -0.0624557, 0.118029];
    for (i, printed) in (1..).zip(printed) {
        let found = series::erf_coefficient(i, 10.0, PRECISION);
        let near = (found.middle() - printed).abs() < 5e-6;
        assert_eq!(near, i != 7, "{i}: {found:?}");
    }
    assert!((series::erf_coefficient(7, 10.0, PRECISION).middle() - 0.118091849520).abs() < 1e-12);
}

/// Differences of the function at 256 bits against the derivative: f(x + h) - f(x - h) = 2 h f' + h^3/3 f'''(xi).
#[test]
fn taylor_coefficients_are_derivatives() {
    let h = 2f64.powi(-40);
    for function in RealFunction::ALL {
        for x in [0.75, 1.5, 2.25] {
            let taylor = function.taylor(&exact(x), 5).unwrap();
            let (left, right) =
                (function.taylor(&exact(x - h), 5).unwrap(), function.taylor(&exact(x + h), 5).unwrap());
            for k in 0..4 {
                let slope = (right[k].sub(&left[k])).scale(1.0 / (2.0 * h)).middle() / (k + 1) as f64;
                assert!((slope - taylor[k + 1].middle()).abs() < 1e-14, "{function} {x} {k}");
            }
        }
    }
}

#[test]
fn polynomials_contain_the_function_everywhere() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for (function, low, high) in [
        (RealFunction::Exp, -16.0, 4.0),
        (RealFunction::Reciprocal, 0.0078125, 64.0),
        (RealFunction::Rsqrt, 0.015625, 64.0),
        (RealFunction::Tanh, -8.0, 8.0),
        (RealFunction::Erf, -6.0, 6.0),
        (RealFunction::Relu, -7.0, 5.3),
        (RealFunction::LeakyRelu, -7.0, 5.3),
        (RealFunction::GeluErf, -16.0, 16.0),
        (RealFunction::GeluTanh, -16.0, 16.0),
    ] {
        let pieces = Piecewise::new(function, low, high).unwrap();
        assert!(
            pieces.error() <= 1e-13 * (1.0 / low).max(high.exp().min(60.0)).max(1.0),
            "{function}: {:e}",
            pieces.error()
        );
        let property = |x: f64, radius: f64, t: f64| {
            let truth = at(function, x);
            let piece = pieces.piece(x);
            prop_assert!((piece.at(x) - truth.middle()).abs() <= piece.error, "{function} at {x}");
            let radius = radius.min(x - low).min(high - x);
            let (value, slope, error) = pieces.linear(x, radius);
            let y = x + t * radius;
            let truth = at(function, y).middle();
            prop_assert!((value + slope * (y - x) - truth).abs() <= error * (1.0 + 1e-9) + 1e-15);
            Ok(())
        };
        runner.run(&(low..high, 0.0..1.5f64, -1.0..1.0f64), |(x, radius, t)| property(x, radius, t)).unwrap();
    }
    assert!(Piecewise::new(RealFunction::Reciprocal, -1.0, 1.0).is_err());
}
