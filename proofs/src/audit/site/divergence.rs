//! One site of a private run: does what came out differ from the function of what went in by more than its protocol may?
//!
//! The site is judged on the numbers that reached it in the private run, so that it answers for itself and not for what an earlier one
//! spoiled. It may err by its card's claim, which is about the reals, and by the largest distance between the certified interval of
//! outputs on these very numbers and that of the circuit over the reals, which is what fixed point and randomness can do without a wrap.
//! So inside its domain no run is beyond. What is beyond has diverged: the numbers lie outside the protocol's domain, left the headroom,
//! or something wrapped. Weights count as they are encoded.

use super::{Site, SiteError, circuit};
use crate::audit::function_of;
use crate::bound::{Arithmetic, Interpreter, Tape};
use crate::reference::double::exact;
use serde::{Deserialize, Serialize};
use viewless_protocols::fixed::{FixedPoint, power_of_two};
use viewless_protocols::nonlinear::Protocol;
use viewless_protocols::scheme::Truncation;

/// What a private run did at one site.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Divergence {
    /// Largest difference between an output and the exact function of the private input.
    pub own_error: f64,
    /// The most by which such a difference exceeds what claim, fixed point and randomness explain; negative when it never does.
    pub beyond: f64,
    /// Whether every number of every run on these inputs keeps the headroom.
    pub headroom: bool,
}

impl Divergence {
    /// Whether the run left what its protocol may do here.
    #[must_use]
    pub fn diverges(&self) -> bool {
        // Not a number is beyond everything.
        !self.headroom || self.beyond.is_nan() || self.beyond > 0.0
    }
}

/// Judges the outputs of a private run at a site whose values are those that reached it.
///
/// # Errors
/// [`SiteError`] for numbers or protocols that do not fit.
pub fn divergence(
    protocol: &Protocol,
    site: &Site<'_>,
    outputs: &[f64],
    fixed: FixedPoint,
    truncation: Truncation,
) -> Result<Divergence, SiteError> {
    let units = power_of_two(i32::from(fixed.fraction_bits()));
    let encoded = |numbers: &[f64]| -> Vec<f64> { numbers.iter().map(|x| (x * units).round() / units).collect() };
    let weights = site.normalisation.map(|(gamma, beta, epsilon)| (encoded(gamma), encoded(beta), epsilon));
    let normalisation = weights.as_ref().map(|(gamma, beta, epsilon)| (gamma.as_slice(), beta.as_slice(), *epsilon));
    let site = &Site { normalisation, ..*site };
    let Site { values, columns, .. } = *site;
    if outputs.len() != values.len() {
        return Err(SiteError::Outputs { values: values.len(), outputs: outputs.len() });
    }
    let truth = exact(protocol.card.error.truth, values, columns, normalisation).ok_or_else(|| {
        SiteError::Function { protocol: protocol.card.name.clone(), function: protocol.card.function.clone() }
    })?;
    // A function of one number is bounded number by number.
    let width = if function_of(protocol.card.error.truth).is_some() { 1 } else { columns };
    let circuit = circuit(protocol, 1, width, normalisation.map(|(_, _, epsilon)| epsilon))?;
    let tape = Tape::new(&circuit, fixed).map_err(crate::bound::BoundError::from)?;
    let ring = Interpreter::new(tape.clone(), Arithmetic::Ring(truncation))?;
    let reals = Interpreter::new(tape, Arithmetic::Reals)?;
    let point = |x: &f64| ((x * units).round(), (x * units).round());
    let parameters: Vec<(f64, f64)> =
        normalisation.iter().flat_map(|(gamma, beta, _)| gamma.iter().chain(*beta)).map(point).collect();
    let cases: Vec<Vec<(f64, f64)>> =
        values.chunks(width).map(|row| row.iter().map(point).chain(parameters.iter().copied()).collect()).collect();
    let (ring, reals) = (ring.intervals_of_many(&cases), reals.intervals_of_many(&cases));
    let mut followed = Divergence { own_error: 0.0, beyond: f64::NEG_INFINITY, headroom: true };
    let claim = protocol.card.error;
    let rows = ring.iter().zip(&reals).zip(outputs.chunks(width)).zip(truth.chunks(width));
    for (((ring, reals), outputs), truth) in rows {
        followed.headroom &= ring.is_some();
        let distance = |i: usize| {
            let (ring, reals) = (ring.as_ref()?[i], reals.as_ref()?[i]);
            Some((ring.high - reals.low).max(reals.high - ring.low))
        };
        for (i, (output, truth)) in outputs.iter().zip(truth).enumerate() {
            let error = (output - truth.value).abs();
            // The last term is for the truth in f64.
            let explained = claim.absolute
                + claim.relative * truth.claimed.abs()
                + distance(i).unwrap_or(0.0)
                + 1e-12 * truth.value.abs().max(1.0);
            followed.own_error = worst(followed.own_error, error);
            followed.beyond = worst(followed.beyond, error - explained);
        }
    }
    Ok(followed)
}

fn worst(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_protocols::nonlinear::Registry;
    use viewless_protocols::nonlinear::Truth;
    use viewless_simulator::execute::{Options, execute};
    use viewless_simulator::stream::Seed;

    const FIXED: FixedPoint = FixedPoint::of::<16>();
    /// No numbers of fixed point.
    const GAMMA: f64 = 7.300_003;
    const BETA: f64 = -0.700_007;

    /// The outputs of a run, as a model would get them.
    fn run(protocol: &Protocol, values: &[f64], columns: usize) -> Vec<f64> {
        let norm = protocol.card.error.truth == Truth::LayerNorm;
        let circuit = circuit(protocol, values.len() / columns, columns, norm.then_some(1e-12)).unwrap();
        let mut spec = crate::audit::Question::new(protocol).scheme;
        spec.truncation = Truncation::Exact;
        let program = viewless_protocols::scheme::compile(&circuit, &spec, FIXED).unwrap();
        let inputs = std::collections::BTreeMap::from([
            ("x".to_owned(), values.to_vec()),
            ("gamma".to_owned(), vec![GAMMA; columns]),
            ("beta".to_owned(), vec![BETA; columns]),
        ]);
        execute(&program, &inputs, Options::new(Seed::from_u64(3))).unwrap().outputs.remove(0).values
    }

    fn followed(name: &str, values: &[f64], columns: usize, change: impl Fn(&mut Vec<f64>)) -> Divergence {
        let protocol = Registry::built_in().get(name).unwrap();
        let (gamma, beta) = (vec![GAMMA; columns], vec![BETA; columns]);
        let norm = protocol.card.error.truth == Truth::LayerNorm;
        let normalisation = norm.then_some((gamma.as_slice(), beta.as_slice(), 1e-12));
        let mut outputs = run(protocol, values, columns);
        change(&mut outputs);
        divergence(protocol, &Site { values, columns, normalisation }, &outputs, FIXED, Truncation::Exact).unwrap()
    }

    /// Numbers of 16 fraction bits, as a private run has them.
    fn row(columns: usize, spread: f64) -> Vec<f64> {
        (0..columns).map(|i| (libm::sin(i as f64 * 1.7) * spread * 65536.0).round() / 65536.0).collect()
    }

    #[test]
    fn runs_inside_their_domains_are_explained_and_one_changed_number_is_not() {
        for (name, columns) in [
            ("gelu/cosine", 8),
            ("gelu/secformer", 8),
            ("tanh/sine", 8),
            ("softmax/exp", 8),
            ("softmax/2quad", 16),
            ("layernorm/normalized", 16),
        ] {
            let values = row(4 * columns, 3.0);
            let sound = followed(name, &values, columns, |_| {});
            assert!(!sound.diverges() && sound.own_error < 0.03, "{name}: {sound:?}");
            let changed = followed(name, &values, columns, |outputs| outputs[3] += 0.2);
            assert!(changed.diverges() && changed.beyond > 0.1, "{name}: {changed:?}");
            let lost = followed(name, &values, columns, |outputs| outputs[0] = f64::NAN);
            assert!(lost.diverges(), "{name}");
        }
    }

    /// Goldschmidt with eta = 2000 on a sum of squares of 50,000, as LayerNorms of real models have.
    #[test]
    fn a_normalisation_outside_its_interval_diverges() {
        let wide: Vec<f64> = (0..384).map(|i| if i % 2 == 0 { 11.5 } else { -11.5 }).collect();
        assert!(followed("layernorm/goldschmidt", &wide, 384, |_| {}).diverges());
        assert!(!followed("layernorm/normalized", &wide, 384, |_| {}).diverges());
    }

    #[test]
    fn outputs_that_do_not_belong_to_the_inputs_are_refused() {
        let site = Site { values: &[0.0, 1.0], columns: 2, normalisation: None };
        let refused =
            divergence(Registry::built_in().get("gelu/cosine").unwrap(), &site, &[0.0], FIXED, Truncation::Exact);
        assert!(matches!(refused, Err(SiteError::Outputs { values: 2, outputs: 1 })));
    }
}
