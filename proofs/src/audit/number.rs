//! The audit of a function of one number: certified over every input of the domain, and run.

use super::findings;
use super::{AuditError, Certifier, Claim, ClaimVerdict, Compile, Limits, Observed, Question, Report};
use super::{MOST_SAMPLES, breakpoints, cell, coefficients, observe, runs, sample};
use crate::bound::Cell;
use crate::bound::search::Maximum;
use crate::reference::{PRECISION, Piecewise, RealFunction};
use std::time::Instant;
use viewless_protocols::circuit::CheckedCircuit;
use viewless_protocols::fixed::{FixedPoint, RING_BITS, power_of_two};
use viewless_protocols::nonlinear::{Protocol, Truth};
use viewless_protocols::scheme;

/// A report with what a picture needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// The report.
    pub report: Report,
    /// The runs.
    pub observed: Observed,
    /// The fixed point of the inputs.
    pub fixed: FixedPoint,
    /// The inputs.
    pub domain: Cell,
    /// The truth.
    pub truth: Piecewise,
}

/// The reference for a truth that is a function of one number.
#[must_use]
pub fn function_of(truth: Truth) -> Option<RealFunction> {
    match truth {
        Truth::Exp => Some(RealFunction::Exp),
        Truth::Reciprocal => Some(RealFunction::Reciprocal),
        Truth::Rsqrt => Some(RealFunction::Rsqrt),
        Truth::Relu => Some(RealFunction::Relu),
        Truth::LeakyRelu => Some(RealFunction::LeakyRelu),
        Truth::Gelu => Some(RealFunction::GeluErf),
        Truth::GeluTanh => Some(RealFunction::GeluTanh),
        Truth::Tanh => Some(RealFunction::Tanh),
        Truth::Max | Truth::Softmax | Truth::TwoQuad { .. } | Truth::TwoRelu | Truth::LayerNorm => None,
    }
}

pub(super) fn circuit_of(protocol: &Protocol, elements: usize) -> Result<CheckedCircuit, AuditError> {
    Ok(runs::circuit(protocol, elements).finish()?)
}

/// Audits a protocol.
///
/// # Errors
/// [`AuditError`] says what to change.
pub fn audit(question: &Question<'_>) -> Result<Report, AuditError> {
    audit_with_points(question).map(|audit| audit.report)
}

/// As [`audit`], with what a picture needs.
///
/// # Errors
/// [`AuditError`] says what to change.
pub fn audit_with_points(question: &Question<'_>) -> Result<Audit, AuditError> {
    audit_compiled(question, &|circuit| scheme::compile(circuit, &question.scheme, question.fixed))
}

/// As [`audit_with_points`], for a compiler of one's own: the bound is that of the circuit, and the runs are those of the Program that
/// the compiler makes of it.
///
/// # Errors
/// [`AuditError`]; a Program that errs by more than the circuit can is [`AuditError::BeyondCertified`].
#[expect(clippy::too_many_lines, reason = "half of it is one report, whose fields are set in one place")]
pub fn audit_compiled(question: &Question<'_>, compile: &Compile<'_>) -> Result<Audit, AuditError> {
    let (protocol, fixed) = (question.protocol, question.fixed);
    let card = &protocol.card;
    let (name, function) = (card.name.clone(), card.function.clone());
    let usual =
        function_of(card.error.truth).ok_or(AuditError::OfRows { name: name.clone(), function: function.clone() })?;
    let reference = question.reference.unwrap_or(usual);
    let is_gelu = |reference| matches!(reference, RealFunction::GeluErf | RealFunction::GeluTanh);
    if reference != usual && !(is_gelu(usual) && is_gelu(reference)) {
        return Err(AuditError::WrongReference { name, function, reference });
    }
    let claimed = card.interval.at(1);
    let (low, high) = question.domain.unwrap_or((claimed.low, claimed.high));
    let domain = cell(low, high, fixed)?;
    let samples = question.samples.min(domain.count());
    if samples > MOST_SAMPLES {
        return Err(AuditError::TooManySamples { samples, most: MOST_SAMPLES });
    }
    let unit = power_of_two(-i32::from(fixed.fraction_bits()));
    let real = |x: i64| x as f64 * unit;

    let started = Instant::now();
    let truth = Piecewise::new(reference, real(domain.low), real(domain.high))?;
    let certifier = Certifier::new(&circuit_of(protocol, 1)?, &truth, domain, fixed, &question.scheme)?;
    let certified = certifier.certify(&card.error)?;
    let mut attention = vec![certified.error.at, certified.approximation.at, certified.excess.at];
    let turns = breakpoints(certifier.tape()).into_iter().map(|x| (x / unit).floor());
    attention.extend(turns.filter(|x| (domain.low as f64..=domain.high as f64).contains(x)).map(|x| x as i64));
    let cells = sample(domain, question.samples, &attention);
    let keeps_its_claim = certified.of_claim.bound <= 1.0 && certified.error.bound.is_finite();
    let limits = Limits {
        error: certified.error.bound,
        randomness: randomness(&certifier, domain)?,
        claim: card.error,
        // By the theorem no run is further from a true claim than this; of a false one, randomness has to do.
        rounding: if keeps_its_claim { certified.excess.bound.max(0.0) } else { 0.0 },
    };
    let seconds_certified = started.elapsed().as_secs_f64();

    let started = Instant::now();
    let observed = observe(protocol, compile, fixed, question.seed, &cells, &truth, limits)?;
    let seconds_observed = started.elapsed().as_secs_f64();
    if observed.corrupted > observed.wraps {
        return Err(AuditError::BeyondCertified {
            corrupted: observed.corrupted,
            certified: certified.error.bound,
            observed: observed.worst_corruption,
            at: real(observed.worst_corruption_at),
            wraps: observed.wraps,
        });
    }
    let finite = |maximum: Maximum| maximum.bound.is_finite().then_some(maximum.bound);
    let ulp = |x: f64| x / unit;
    let mut report = Report {
        protocol: protocol.title(),
        scheme: question.scheme,
        ring_bits: RING_BITS,
        fraction_bits: fixed.fraction_bits(),
        domain: (low, high),
        inputs: domain.count(),
        executed: observed.inputs,
        exhaustive: observed.inputs == domain.count(),
        reference: format!("{reference}, {PRECISION}-bit"),
        claim: Claim {
            absolute: card.error.absolute,
            relative: card.error.relative,
            truth: card.error.truth.to_string(),
            domain: (claimed.low, claimed.high),
        },
        certified_max_error: finite(certified.error),
        certified_max_error_ulp: finite(certified.error).map(ulp),
        certified_at: real(certified.error.at),
        certified_excess: finite(certified.excess),
        certified_excess_ulp: finite(certified.excess).map(ulp),
        certified_excess_at: real(certified.excess.at),
        approximation_max_error: certified.approximation.bound,
        approximation_at: real(certified.approximation.at),
        approximation_of_claim: certified.of_claim.bound,
        observed_max_error: observed.max_error,
        observed_max_error_ulp: ulp(observed.max_error),
        observed_at: real(observed.max_error_at),
        mean_error: observed.mean_error,
        mean_error_ulp: ulp(observed.mean_error),
        bias: observed.bias,
        bias_ulp: ulp(observed.bias),
        max_jump: observed.jump.value,
        max_jump_ulp: ulp(observed.jump.value),
        max_jump_at: real(observed.jump.at),
        monotone_violations: observed.monotone_violations,
        max_reversal: observed.reversal.value,
        max_reversal_ulp: ulp(observed.reversal.value),
        max_reversal_at: real(observed.reversal.at),
        symmetry: reference.symmetry().filter(|_| observed.asymmetry.is_some()).map(|symmetry| symmetry.to_string()),
        max_asymmetry: observed.asymmetry.map(|peak| peak.value),
        max_asymmetry_ulp: observed.asymmetry.map(|peak| ulp(peak.value)),
        max_asymmetry_at: observed.asymmetry.map(|peak| real(peak.at)),
        failure_probability_per_element: finite(certified.wraps).filter(|_| certified.error.bound.is_finite()),
        wraps: observed.wraps,
        verdict: if keeps_its_claim { ClaimVerdict::Holds } else { ClaimVerdict::Exceeds },
        findings: findings::seen(&observed, unit),
        coefficients: coefficients::published()
            .into_iter()
            .filter(|of| protocol.file.is_none() && of.protocol == card.name)
            .collect(),
        cells: certified.error.cells
            + certified.excess.cells
            + certified.approximation.cells
            + certified.of_claim.cells
            + certified.wraps.cells,
        seconds_certified,
        seconds_observed,
    };
    report.findings.extend(findings::certified(&report));
    report.findings.sort_by_key(|finding| finding.check);
    Ok(Audit { report, observed, fixed, domain, truth })
}

/// The largest width of an output interval among some thousand single inputs, evenly over the domain, and evenly on a logarithmic
/// scale where it is positive.
fn randomness(certifier: &Certifier<'_>, domain: Cell) -> Result<f64, AuditError> {
    let runs = sample(domain, 1 << 18, &[domain.low, domain.high]);
    let cells = runs.iter().flat_map(|&run| crate::bound::search::split_evenly(run, (1 << 12) / runs.len() as u64));
    let singles: Vec<Cell> = cells.map(|cell| Cell { low: cell.middle(), high: cell.middle() }).collect();
    let widths = certifier.envelope(&singles)?.into_iter().map(|(_, response)| response.high - response.low);
    Ok(widths.fold(0.0, f64::max))
}
