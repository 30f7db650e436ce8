//! Coefficients from their definition: what a circuit really multiplies with, beside what the paper says the numbers are.
//!
//! The circuit is asked, not its author: the waves of its trigonometric sum are read off, and a polynomial is recovered from its values
//! at 0, 1, 2, ... by divided differences in 256 bits. So a constant that was mistyped, or two that were exchanged, are found even where
//! the error against the truth stays small.

use crate::audit::{Check, FailedCheck};
use crate::bound::{BoundError, Tape};
use crate::reference::{Enclosure, PRECISION, series};
use viewless_protocols::circuit::{CheckedCircuit, Op};
use viewless_protocols::fixed::FixedPoint;

/// How the coefficients of a circuit of one number are defined.
#[derive(Debug, Clone, PartialEq)]
pub enum Definition {
    /// The k-th sine of its first trigonometric sum has 1/P times the integral over [-P, P] of erf(u) sin(k pi u / P).
    ErfSines {
        /// P.
        half_period: f64,
    },
    /// It is this polynomial, from the constant term upwards.
    Polynomial(Vec<f64>),
}

/// Digits to which published coefficients are printed, and compared.
const DIGITS: i32 = 6;

/// Every coefficient that is not the defined one, rounded to six digits.
///
/// # Errors
/// [`BoundError`] for a circuit that is no function of one number.
pub fn departing(circuit: &CheckedCircuit, definition: &Definition) -> Result<Vec<FailedCheck>, BoundError> {
    let pairs: Vec<(String, f64, f64)> = match definition {
        Definition::ErfSines { half_period } => {
            let waves = circuit.nodes().iter().find_map(|node| match &node.op {
                Op::Fourier(_, series) => Some(series),
                Op::Input { .. }
                | Op::Constant(_)
                | Op::Add(..)
                | Op::Sub(..)
                | Op::Neg(_)
                | Op::Scale(..)
                | Op::Offset(..)
                | Op::Shift(..)
                | Op::Precision(_)
                | Op::Mul(..)
                | Op::Square(_)
                | Op::MatMul(..)
                | Op::Sum(..)
                | Op::Less(..)
                | Op::Equal(..)
                | Op::LessThan(..)
                | Op::And(..)
                | Op::Xor(..)
                | Op::Not(_)
                | Op::Select(..)
                | Op::Real(_)
                | Op::Lookup(..)
                | Op::Power(..)
                | Op::Level(..)
                | Op::Move(..)
                | Op::Concat(..)
                | Op::Reveal(..) => None,
            });
            let sines = waves.map_or(&[][..], |series| &series.sines);
            let defined = |k: u32| series::erf_coefficient(k, *half_period, PRECISION).middle();
            (1..).zip(sines).map(|(k, &used)| (format!("sine {k}"), used, defined(k))).collect()
        }
        Definition::Polynomial(defined) => {
            // One more than the degree asks for, so that a higher power shows.
            let used = recovered(circuit, defined.len() + 1)?;
            let defined = defined.iter().copied().chain([0.0]);
            (0..)
                .zip(used.into_iter().zip(defined))
                .map(|(k, (used, defined))| (format!("x^{k}"), used, defined))
                .collect()
        }
    };
    if pairs.is_empty() {
        let why = "the circuit has no coefficients of this kind".to_owned();
        return Ok(vec![FailedCheck { check: Check::Coefficients, why }]);
    }
    let differs = |used: f64, defined: f64| {
        let place = if defined == 0.0 { 0.0 } else { defined.abs().log10().floor() };
        (used - defined).abs() > 0.5 * 10f64.powf(place + 1.0 - f64::from(DIGITS)) * (1.0 + 1e-9)
    };
    let finding = |(name, used, defined): (String, f64, f64)| {
        let why = || format!("the coefficient of {name} is {used}, by its definition {defined:.12}");
        differs(used, defined).then(|| FailedCheck { check: Check::Coefficients, why: why() })
    };
    Ok(pairs.into_iter().filter_map(finding).collect())
}

/// The coefficients of the polynomial of `terms` terms through the circuit's values at 0, 1, ...
fn recovered(circuit: &CheckedCircuit, terms: usize) -> Result<Vec<f64>, BoundError> {
    // Fraction bits do not matter over the reals.
    let tape = Tape::new(circuit, FixedPoint::of::<16>())?;
    let (inputs, outputs) =
        (tape.inputs.iter().map(|input| input.elements).sum(), tape.outputs.iter().map(|o| o.registers.len()).sum());
    if (inputs, outputs) != (1, 1) {
        return Err(BoundError::NotElementwise { inputs, outputs });
    }
    let number = |x: usize| Enclosure::of(x as f64, PRECISION);
    let mut table: Vec<Enclosure> = Vec::with_capacity(terms);
    for x in 0..terms {
        // A comparison that is too close to call has no value; such a circuit is no polynomial.
        let values = tape.enclose(&[number(x)]).unwrap_or_default();
        table.push(values.into_iter().next().unwrap_or_else(|| Enclosure::between(f64::MIN, f64::MAX, PRECISION)));
    }
    // In place: table[k] becomes the k-th divided difference.
    for order in 1..terms {
        for k in (order..terms).rev() {
            table[k] = table[k].sub(&table[k - 1]).over(order as u32);
        }
    }
    // Horner's scheme on c_0 + (x - 0)(c_1 + (x - 1)(c_2 + ...)).
    let mut powers: Vec<Enclosure> = Vec::new();
    for (k, difference) in table.iter().enumerate().rev() {
        let mut next = vec![difference.clone()];
        next.extend(powers.iter().cloned());
        for (i, power) in powers.iter().enumerate() {
            next[i] = next[i].sub(&power.scale(k as f64));
        }
        powers = next;
    }
    Ok(powers.iter().map(Enclosure::middle).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_protocols::circuit::{Circuit, Owner, Secret};
    use viewless_protocols::nonlinear::gelu::secformer;

    fn circuit(build: impl FnOnce(&mut Circuit, Secret) -> Secret) -> CheckedCircuit {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [1]);
        let y = build(&mut c, x);
        c.reveal(y, "y");
        c.finish().unwrap()
    }

    /// 2 - 3 x + x^3 / 8.
    fn cubic(c: &mut Circuit, x: Secret) -> Secret {
        let square = c.square(x);
        let cube = c.mul(square, x);
        let eighth = c.scale(cube, 0.125);
        let line = c.scale(x, -3.0);
        let sum = c.add(eighth, line);
        c.offset(sum, 2.0)
    }

    #[test]
    fn a_polynomial_is_recovered_from_the_circuit() {
        let cubic = circuit(cubic);
        assert_eq!(recovered(&cubic, 6).unwrap(), [2.0, -3.0, 0.0, 0.125, 0.0, 0.0]);
        let of = |definition: &[f64]| departing(&cubic, &Definition::Polynomial(definition.to_vec())).unwrap();
        assert_eq!(of(&[2.0, -3.0, 0.0, 0.125]), []);
        assert_eq!(of(&[2.0, -3.0, 0.0, 0.12501]).len(), 1);
        assert_eq!(of(&[-3.0, 2.0, 0.0, 0.125]).len(), 2, "exchanged");
        assert!(of(&[2.0, -3.0]).iter().any(|finding| finding.why.contains("x^2")), "a higher power shows");
    }

    #[test]
    fn sines_are_those_of_the_integral() {
        let sines = |f: &dyn Fn(&mut Vec<f64>)| {
            let mut series = secformer::series();
            f(&mut series.sines);
            let circuit = circuit(|c, x| c.fourier(x, series));
            departing(&circuit, &Definition::ErfSines { half_period: 10.0 }).unwrap()
        };
        assert_eq!(sines(&|_| {}), []);
        assert_eq!(sines(&|sines| sines[0] = 1.25772), [], "rounded to six digits");
        let exchanged = sines(&|sines| sines[6] = 0.118029);
        assert_eq!(exchanged.len(), 1);
        assert!(exchanged[0].why.contains("sine 7") && exchanged[0].why.contains("0.118091849520"));
        let none = departing(&circuit(cubic), &Definition::ErfSines { half_period: 10.0 }).unwrap();
        assert_eq!(none.len(), 1, "no waves");
    }
}
