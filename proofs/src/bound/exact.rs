//! A tape over the reals by MPFR: what the circuit means, to any precision, for given numbers.

use super::tape::{Register, Scalar, Tape};
use crate::reference::{Enclosure, series};
use viewless_protocols::fixed::power_of_two;

impl Tape {
    /// The outputs for given inputs, in real units and in order; `None` when a comparison is too close to call at this precision.
    ///
    /// # Panics
    /// When the number of inputs is not that of the circuit.
    #[must_use]
    pub fn enclose(&self, inputs: &[Enclosure]) -> Option<Vec<Enclosure>> {
        let expected: usize = self.inputs.iter().map(|input| input.elements).sum();
        assert_eq!(inputs.len(), expected, "one number for each input element");
        let bits = inputs.first().map_or(crate::reference::PRECISION, Enclosure::bits);
        let mut values: Vec<Enclosure> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let value = self.step(&step.scalar, step.fraction_bits, inputs, &values, bits)?;
            values.push(value);
        }
        let outputs = self.outputs.iter().flat_map(|output| &output.registers);
        Some(outputs.map(|&register| values[register as usize].clone()).collect())
    }

    fn step(
        &self,
        scalar: &Scalar,
        fraction_bits: u8,
        inputs: &[Enclosure],
        values: &[Enclosure],
        bits: u32,
    ) -> Option<Enclosure> {
        let at = |register: Register| &values[register as usize];
        let zero = || Enclosure::of(0.0, bits);
        let one = || Enclosure::of(1.0, bits);
        let number = |number: f64| Enclosure::of(number, bits);
        Some(match scalar {
            &Scalar::Input(i) => inputs[i].clone(),
            &Scalar::Constant(value) => number(value),
            &Scalar::Add(a, b) => at(a).add(at(b)),
            &Scalar::Sub(a, b) => at(a).sub(at(b)),
            &Scalar::Neg(a) => at(a).neg(),
            &Scalar::Scale(a, factor) => at(a).scale(factor),
            &Scalar::Offset(a, summand) => at(a).add(&number(summand)),
            &Scalar::Shift(a) => {
                // The binary point moved: by as much as the fraction bits differ.
                let before = self.steps[a as usize].fraction_bits;
                at(a).scale(power_of_two(i32::from(before) - i32::from(fraction_bits)))
            }
            &Scalar::Precision(a) | &Scalar::Real(a) => at(a).clone(),
            &Scalar::Mul(a, b) | &Scalar::And(a, b) | &Scalar::Select(a, b) => at(a).mul(at(b)),
            &Scalar::Square(a) => at(a).square(),
            Scalar::Dot(terms) => terms.iter().fold(zero(), |sum, &(a, b)| sum.add(&at(a).mul(at(b)))),
            Scalar::Sum(terms) => terms.iter().fold(zero(), |sum, &a| sum.add(at(a))),
            &Scalar::Less(a, b) => less(at(a), at(b))?,
            &Scalar::Equal(a, b) => equal(at(a), at(b))?,
            &Scalar::LessThan(a, bound) => less(at(a), &number(bound))?,
            &Scalar::Xor(a, b) => at(a).sub(at(b)).square(),
            &Scalar::Not(a) => one().sub(at(a)),
            Scalar::Fourier(a, sum) => series::at(sum, at(*a))?,
            &Scalar::Power(a, sectors) => {
                // Which turn of the modulus the exponent is in must be certain, and that it is not above 0 there.
                let (modulus, reach) = (sectors.modulus(), sectors.reach());
                let [low, high] = [at(a).low(), at(a).high()].map(|end| ((end + reach) / modulus).floor());
                let exponent = at(a).sub(&number(low * modulus));
                if low != high || exponent.high() > 0.0 && exponent.low() <= 0.0 {
                    return None;
                }
                if exponent.low() > 0.0 { zero() } else { exponent.exp2() }
            }
            Scalar::Level(terms, levels) => {
                let level = |end: fn(&Enclosure) -> f64| levels.of(terms.iter().map(|&term| end(at(term))));
                let (low, high) = (level(Enclosure::low), level(Enclosure::high));
                if low != high {
                    return None;
                }
                number(low)
            }
            Scalar::Lookup(a, table) => {
                // The ends are rounded outwards: the index is certain where both have the same.
                let [low, high] = [at(*a).low(), at(*a).high()].map(|end| table.steps(end).floor());
                if low != high {
                    return None;
                }
                number(table.entry(low as i64))
            }
        })
    }
}

/// The bit a = b, where it is certain.
fn equal(a: &Enclosure, b: &Enclosure) -> Option<Enclosure> {
    let differ = a.is_below(b) || b.is_below(a);
    match (differ, a == b && a.width() == 0.0) {
        (true, _) => Some(Enclosure::of(0.0, a.bits())),
        (false, true) => Some(Enclosure::of(1.0, a.bits())),
        (false, false) => None,
    }
}

/// The bit a < b, where it is certain.
fn less(a: &Enclosure, b: &Enclosure) -> Option<Enclosure> {
    let bits = a.bits();
    let never = b.is_below(a) || (a == b && a.width() == 0.0);
    match (a.is_below(b), never) {
        (true, _) => Some(Enclosure::of(1.0, bits)),
        (false, true) => Some(Enclosure::of(0.0, bits)),
        (false, false) => None,
    }
}
