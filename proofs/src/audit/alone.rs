//! What one party alone computes of a protocol of sums and products: words modulo 2^64, and every truncation exact, also that of a word that
//! has wrapped.
//!
//! So CrypTen computes with a single party, which is how a paper can print the errors of a series whose powers have left the word: they
//! are those of wrapped words. Two parties compute something else there, because truncations of shares wrap, too.

use super::AuditError;
use viewless_protocols::circuit::{CheckedCircuit, NodeId, Op};
use viewless_protocols::fixed::{self, FixedPoint, RING_BITS};

/// Where a result is, and the fraction bits that it is read at.
type Words = (Vec<u64>, u8);

/// The output of a circuit with one input, elementwise.
///
/// # Errors
/// [`AuditError::NotAlone`] for an operation that is no sum or product, and [`AuditError::Bound`] for a number that is
/// no word.
pub(super) fn evaluate(circuit: &CheckedCircuit, fixed: FixedPoint, inputs: &[f64]) -> Result<Vec<f64>, AuditError> {
    let mut values: Vec<Words> = Vec::with_capacity(circuit.nodes().len());
    for node in circuit.nodes() {
        let bits = fixed.fraction_bits().saturating_add_signed(node.guard_bits);
        let word = |number: f64, bits: u8| {
            fixed::encode(number, bits, RING_BITS).map_err(|error| AuditError::Bound(error.into()))
        };
        let value = |id: NodeId| &values[id.index()];
        let zip = |a: NodeId, b: NodeId, f: &dyn Fn(u64, u64) -> u64| -> Vec<u64> {
            let (left, right) = (&value(a).0, &value(b).0);
            let at = |words: &[u64], i: usize| words[if words.len() == 1 { 0 } else { i }];
            (0..left.len().max(right.len())).map(|i| f(at(left, i), at(right, i))).collect()
        };
        let product = |a: NodeId, b: NodeId| {
            let shift = value(a).1 + value(b).1 - bits;
            zip(a, b, &|x, y| truncated(x.wrapping_mul(y), shift))
        };
        let words = match &node.op {
            Op::Input { .. } => inputs.iter().map(|&x| word(x, bits)).collect::<Result<_, _>>()?,
            Op::Constant(numbers) => numbers.iter().map(|&x| word(x, bits)).collect::<Result<_, _>>()?,
            &Op::Add(a, b) => zip(a, b, &u64::wrapping_add),
            &Op::Sub(a, b) => zip(a, b, &u64::wrapping_sub),
            &Op::Neg(a) => value(a).0.iter().map(|x| x.wrapping_neg()).collect(),
            &Op::Offset(a, number) => {
                let summand = word(number, bits)?;
                value(a).0.iter().map(|x| x.wrapping_add(summand)).collect()
            }
            &Op::Scale(a, number) => {
                let factor = word(number, fixed.fraction_bits())?;
                let shift = value(a).1 + fixed.fraction_bits() - bits;
                value(a).0.iter().map(|x| truncated(x.wrapping_mul(factor), shift)).collect()
            }
            &Op::Mul(a, b) => product(a, b),
            &Op::Square(a) => product(a, a),
            &Op::Reveal(a, _) => value(a).0.clone(),
            Op::Shift(..)
            | Op::Precision(_)
            | Op::MatMul(..)
            | Op::Sum(..)
            | Op::Move(..)
            | Op::Concat(..)
            | Op::Less(..)
            | Op::LessThan(..)
            | Op::Equal(..)
            | Op::And(..)
            | Op::Xor(..)
            | Op::Not(_)
            | Op::Select(..)
            | Op::Real(_)
            | Op::Fourier(..)
            | Op::Lookup(..)
            | Op::Power(..)
            | Op::Level(..) => {
                let region = circuit.regions().path(node.region);
                return Err(AuditError::NotAlone { region });
            }
        };
        values.push((words, bits));
    }
    let (words, bits) = values.pop().unwrap_or_default();
    Ok(words.into_iter().map(|word| fixed::decode(word, bits, RING_BITS)).collect())
}

/// A signed word divided by 2^shift, rounded towards zero, as CrypTen rounds.
fn truncated(word: u64, shift: u8) -> u64 {
    let quotient = word.cast_signed().unsigned_abs() >> shift;
    if word.cast_signed() < 0 { quotient.wrapping_neg() } else { quotient }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::mean_error::{Evaluation, Grid, average};
    use crate::reference::RealFunction;
    use viewless_protocols::nonlinear::Registry;

    #[test]
    fn quotients_are_rounded_towards_zero() {
        let truncated = |word: i64, shift| truncated(word.cast_unsigned(), shift).cast_signed();
        assert_eq!([7, -7, -8, 1, -1].map(|word| truncated(word, 2)), [1, -1, -2, 0, 0]);
        assert_eq!((truncated(i64::MIN, 16), truncated(-3, 0)), (-(1 << 47), -3));
    }

    /// Where no word wraps it is what runs of several parties give, up to their roundings.
    #[test]
    fn inside_its_domain_a_protocol_is_what_it_is_over_the_reals() {
        let protocol = Registry::built_in().get("gelu/crypten-erf").unwrap();
        let grid = Grid::symmetric(1.0, 1001);
        let alone = Evaluation::Alone { fixed: FixedPoint::of::<16>() };
        let [alone, reals] = [alone, Evaluation::Reals]
            .map(|evaluation| average(protocol, RealFunction::GeluErf, grid, evaluation).unwrap());
        assert!(alone != reals && (alone.mean - reals.mean).abs() < 2e-5, "{} {}", alone.mean, reals.mean);
    }

    #[test]
    fn what_is_no_sum_or_product_is_refused() {
        let protocol = Registry::built_in().get("gelu/puma").unwrap();
        let alone = Evaluation::Alone { fixed: FixedPoint::of::<16>() };
        let found = average(protocol, RealFunction::GeluErf, Grid::symmetric(1.0, 3), alone);
        assert!(matches!(found, Err(AuditError::NotAlone { .. })), "{found:?}");
    }
}
