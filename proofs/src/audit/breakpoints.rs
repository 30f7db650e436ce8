//! Where a circuit of one number changes its mind: the inputs at which a comparison turns.

use crate::bound::{Register, Scalar, Tape};
use viewless_protocols::fixed::power_of_two;

/// The thresholds of all comparisons between public numbers and linear functions of the input, as inputs, in order. Comparisons of
/// anything else have no place that could be read off, and the steps of a table are too many to be called breakpoints.
#[must_use]
pub fn breakpoints(tape: &Tape) -> Vec<f64> {
    // Each register as slope x + offset, where it is that.
    let mut lines: Vec<Option<(f64, f64)>> = Vec::with_capacity(tape.steps.len());
    let mut found = Vec::new();
    for step in &tape.steps {
        let at = |register: Register| lines[register as usize];
        let before = |register: Register| i32::from(tape.steps[register as usize].fraction_bits);
        let map = |register: Register, f: &dyn Fn(f64, f64) -> (f64, f64)| at(register).map(|(a, b)| f(a, b));
        let line = match &step.scalar {
            Scalar::Input(_) => Some((1.0, 0.0)),
            &Scalar::Constant(number) => Some((0.0, number)),
            &Scalar::Add(a, b) => at(a).zip(at(b)).map(|(a, b)| (a.0 + b.0, a.1 + b.1)),
            &Scalar::Sub(a, b) => at(a).zip(at(b)).map(|(a, b)| (a.0 - b.0, a.1 - b.1)),
            &Scalar::Neg(a) => map(a, &|a, b| (-a, -b)),
            &Scalar::Scale(a, factor) => map(a, &|a, b| (a * factor, b * factor)),
            &Scalar::Offset(a, summand) => map(a, &|a, b| (a, b + summand)),
            &Scalar::Shift(a) => {
                let factor = power_of_two(before(a) - i32::from(step.fraction_bits));
                map(a, &|a, b| (a * factor, b * factor))
            }
            &Scalar::Precision(a) => at(a),
            &Scalar::Less(a, b) | &Scalar::Equal(a, b) => {
                found.extend(at(a).zip(at(b)).map(|(a, b)| (a.0 - b.0, a.1 - b.1)));
                None
            }
            &Scalar::LessThan(a, bound) => {
                found.extend(map(a, &|a, b| (a, b - bound)));
                None
            }
            Scalar::Mul(..)
            | Scalar::Square(_)
            | Scalar::Dot(_)
            | Scalar::Sum(_)
            | Scalar::And(..)
            | Scalar::Xor(..)
            | Scalar::Not(_)
            | Scalar::Select(..)
            | Scalar::Real(_)
            | Scalar::Fourier(..)
            | Scalar::Lookup(..)
            | Scalar::Power(..)
            | Scalar::Level(..) => None,
        };
        lines.push(line);
    }
    let roots = found.into_iter().filter(|(slope, _)| *slope != 0.0).map(|(slope, offset)| -offset / slope);
    let mut roots: Vec<f64> = roots.filter(|root| root.is_finite()).collect();
    roots.sort_by(f64::total_cmp);
    roots.dedup();
    roots
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_protocols::circuit::{Circuit, Owner};
    use viewless_protocols::fixed::FixedPoint;

    #[test]
    fn thresholds_of_linear_functions_are_brought_back_to_the_input() {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [1]);
        let scaled = c.scale(x, -0.5);
        let line = c.offset(scaled, 1.0);
        let halved = c.shift(x, -3);
        let square = c.square(x);
        let three = c.constant(&[3.0], [1], 0);
        let bits = [c.less_than(x, 1.5), c.less_than(line, 2.0), c.less_than(halved, 0.25), c.less_than(square, 7.0)];
        let last = c.less(three, x);
        let bit = bits.into_iter().fold(last, |a, b| c.and(a, b));
        let y = c.select(bit, x);
        c.reveal(y, "y");
        let tape = Tape::new(&c.finish().unwrap(), FixedPoint::of::<16>()).unwrap();
        assert_eq!(breakpoints(&tape), [-2.0, 1.5, 2.0, 3.0], "and nothing for the square");
    }
}
