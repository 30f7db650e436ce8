//! Why a claim about a function of one number is not true: where it still holds, and which operation fails first beyond.
//!
//! The search goes outwards from a number that keeps the claim, over cells that are halved where their bound does not, to the first number
//! of its own that fails; where that takes too long, the numbers beyond are probed one by one, and what is proved ends earlier. Where a run of that number leaves the headroom, the first step
//! that does is the operation to name.

use super::number::circuit_of;
use super::{AuditError, Certifier, Question, cell, function_of};
use crate::bound::search::split_evenly;
use crate::bound::{Arithmetic, Cell, Interpreter, Left, Register, Tape};
use crate::reference::Piecewise;
use serde::Serialize;
use viewless_protocols::circuit::CheckedCircuit;
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::nonlinear::ErrorClaim;

/// Where a claim holds, and what fails beyond.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diagnosis {
    /// An interval on which the claim is proved, as large as was found; absent where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds_on: Option<(f64, f64)>,
    /// A number that does not keep it, next to the interval where that could be told; of the two sides the one nearer to zero.
    pub fails_at: f64,
    /// The operation whose result leaves the headroom there, or may; absent where all numbers stay within, and the function is missed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// The error over the reals there, certified.
    pub error: f64,
    /// What the card claims there.
    pub claimed: f64,
}

/// An operation of the circuit of one number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Operation {
    /// Position of its node in the circuit.
    pub node: usize,
    /// The operation, as in the text form of the circuit.
    pub name: String,
    /// Path of the region that it is in.
    pub region: String,
    /// Its result over the reals.
    pub value: f64,
    /// Whether it leaves the headroom in every run; otherwise it may, because the bound of what rounding made of its arguments is too wide to tell.
    pub surely: bool,
    /// The power of x with which that grows between half the number and the number, if it is near a whole one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grows_with_power: Option<i32>,
}

/// Cells that the search begins with on either side.
const START: u64 = 1 << 12;
/// Cells that are halved on either side at most; then what is proved so far has to do.
const MOST_HALVED: usize = 1 << 12;
/// Numbers at which a beginning is sought, beside the one nearest to zero.
const BEGINNINGS: u64 = 64;

/// Why a protocol does not keep its claim on the domain of a question; nothing if it does.
///
/// # Errors
/// [`AuditError`]: a protocol of rows, a domain that cannot be audited.
pub fn diagnose(question: &Question<'_>) -> Result<Option<Diagnosis>, AuditError> {
    let (protocol, fixed) = (question.protocol, question.fixed);
    let card = &protocol.card;
    let usual = function_of(card.error.truth)
        .ok_or_else(|| AuditError::OfRows { name: card.name.clone(), function: card.function.clone() })?;
    let claimed = card.interval.at(1);
    let (low, high) = question.domain.unwrap_or((claimed.low, claimed.high));
    let domain = cell(low, high, fixed)?;
    let unit = power_of_two(-i32::from(fixed.fraction_bits()));
    let real = |x: i64| x as f64 * unit;
    let truth = Piecewise::new(question.reference.unwrap_or(usual), real(domain.low), real(domain.high))?;
    let circuit = circuit_of(protocol, 1)?;
    let certifier = Certifier::new(&circuit, &truth, domain, fixed, &question.scheme)?;
    let (holds_on, fails_at) = match beginning(&certifier, domain, &card.error)? {
        None => (None, 0.clamp(domain.low, domain.high)),
        Some(start) => {
            let right = side(&certifier, Cell { low: start, high: domain.high }, &card.error, false)?;
            let left = side(&certifier, Cell { low: domain.low, high: start }, &card.error, true)?;
            let Some(fails_at) = left.fails_at.into_iter().chain(right.fails_at).min_by_key(|x| x.unsigned_abs())
            else {
                return Ok(None);
            };
            (Some((real(left.proved_to), real(right.proved_to))), fails_at)
        }
    };
    let (error, size, leaves) = certifier.at(fails_at)?;
    let operation =
        if leaves { leaving(&circuit, question, &[fails_at as f64], &[(fails_at / 2) as f64])? } else { None };
    let claimed = card.error.absolute + card.error.relative * size;
    Ok(Some(Diagnosis { holds_on, fails_at: real(fails_at), operation, error, claimed }))
}

/// A number that keeps the claim: the one nearest to zero, or one of some that are evenly apart.
fn beginning(certifier: &Certifier<'_>, domain: Cell, claim: &ErrorClaim) -> Result<Option<i64>, AuditError> {
    let mut numbers = vec![0.clamp(domain.low, domain.high)];
    numbers.extend(split_evenly(domain, BEGINNINGS).into_iter().map(Cell::middle));
    let cells: Vec<Cell> = numbers.iter().map(|&x| Cell { low: x, high: x }).collect();
    let keeps = certifier.keeps(&cells, claim)?;
    Ok(numbers.into_iter().zip(keeps).find(|(_, keeps)| *keeps).map(|(x, _)| x))
}

/// What is known of the numbers on one side of a beginning.
struct Side {
    /// The last number up to which the claim is proved.
    proved_to: i64,
    /// The first number that was found not to keep it. It need not be the next one, if the search for that was too long.
    fails_at: Option<i64>,
}

/// Goes outwards from the lower end of a range, or from its upper end if `downwards`.
fn side(certifier: &Certifier<'_>, range: Cell, claim: &ErrorClaim, downwards: bool) -> Result<Side, AuditError> {
    let step = if downwards { -1 } else { 1 };
    Ok(match first_unproved(certifier, range, claim, downwards)? {
        None => Side { proved_to: if downwards { range.low } else { range.high }, fails_at: None },
        Some((x, true)) => Side { proved_to: x - step, fails_at: Some(x) },
        Some((x, false)) => {
            let rest = if downwards { Cell { high: x, ..range } } else { Cell { low: x, ..range } };
            Side { proved_to: x - step, fails_at: probed(certifier, rest, claim, downwards)? }
        }
    })
}

/// The first number that was not proved to keep the claim, and whether it does not: if not, the search was too long.
fn first_unproved(
    certifier: &Certifier<'_>,
    range: Cell,
    claim: &ErrorClaim,
    downwards: bool,
) -> Result<Option<(i64, bool)>, AuditError> {
    let mut cells = split_evenly(range, START);
    if downwards {
        cells.reverse();
    }
    let keeps = certifier.keeps(&cells, claim)?;
    let mut halved = 0;
    for (&cell, _) in cells.iter().zip(&keeps).filter(|(_, keeps)| !**keeps) {
        // Cells that may fail, the nearest last.
        let mut pending = vec![cell];
        while let Some(cell) = pending.pop() {
            let near = if downwards { cell.high } else { cell.low };
            let Some([low, high]) = cell.halves() else { return Ok(Some((near, true))) };
            if halved == MOST_HALVED {
                return Ok(Some((near, false)));
            }
            halved += 1;
            let halves = if downwards { [low, high] } else { [high, low] };
            let keeps = certifier.keeps(&halves, claim)?;
            pending.extend(halves.into_iter().zip(keeps).filter(|(_, keeps)| !keeps).map(|(half, _)| half));
        }
    }
    Ok(None)
}

/// A number that does not keep the claim, next to one that does: the first among some numbers of the range that are evenly apart, and
/// then by halves.
fn probed(
    certifier: &Certifier<'_>,
    range: Cell,
    claim: &ErrorClaim,
    downwards: bool,
) -> Result<Option<i64>, AuditError> {
    let single = |x: i64| Cell { low: x, high: x };
    let mut numbers: Vec<i64> = split_evenly(range, START).into_iter().flat_map(|cell| [cell.low, cell.high]).collect();
    if downwards {
        numbers.reverse();
    }
    let keeps = certifier.keeps(&numbers.iter().copied().map(single).collect::<Vec<_>>(), claim)?;
    let Some(first) = keeps.iter().position(|keeps| !keeps) else { return Ok(None) };
    let (mut kept, mut failing) = (numbers[first.saturating_sub(1)], numbers[first]);
    while kept.abs_diff(failing) > 1 {
        let middle = kept.midpoint(failing);
        if certifier.keeps(&[single(middle)], claim)?[0] { kept = middle } else { failing = middle }
    }
    Ok(Some(failing))
}

/// The first operation whose result leaves the headroom, or may, in a run of some inputs, in units; `half` are these inputs halved.
pub(super) fn leaving(
    circuit: &CheckedCircuit,
    question: &Question<'_>,
    inputs: &[f64],
    half: &[f64],
) -> Result<Option<Operation>, AuditError> {
    let (tape, ends) =
        Tape::by_node_under(circuit, &question.scheme, question.fixed).map_err(crate::bound::BoundError::from)?;
    let single = |inputs: &[f64]| inputs.iter().map(|&x| (x, x)).collect::<Vec<_>>();
    let case = single(inputs);
    let ring = Interpreter::new(tape.clone(), Arithmetic::Ring(question.scheme.truncation))?;
    let Some(Left { step: outside, surely }) = ring.first_to_leave(&[case])[0] else { return Ok(None) };
    let Some(node) = ends.iter().position(|&end| end > outside) else { return Ok(None) };
    let reals = Interpreter::new(tape.up_to(outside as Register), Arithmetic::Reals)?;
    let value = |inputs: &[f64]| {
        let intervals = reals.intervals(&single(inputs));
        intervals.map_or(f64::NAN, |intervals| f64::midpoint(intervals[0].low, intervals[0].high))
    };
    let (value, power) = (value(inputs), (value(inputs) / value(half)).abs().log2());
    let name = circuit.to_string();
    let name = name.lines().find_map(|line| line.strip_prefix(&format!("%{node}: "))).unwrap_or_default();
    Ok(Some(Operation {
        node,
        name: name.split_once(" = ").map_or(name, |(_, operation)| operation).to_owned(),
        region: circuit.regions().path(circuit.nodes()[node].region),
        value,
        surely,
        grows_with_power: (power.is_finite() && (power - power.round()).abs() < 0.15).then_some(power.round() as i32),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_protocols::file::read_protocol;
    use viewless_protocols::nonlinear::Protocol;
    use viewless_protocols::nonlinear::Registry;

    fn file(interval: &str, error: &str, lines: &str) -> Protocol {
        let text = format!(
            "protocol gelu/mine\nsummary \"a\"\nsource \"b\"\ninterval {interval}\nerror {error}\nbuild x\n{lines}\n"
        );
        read_protocol("mine.protocol", &text, Registry::built_in()).unwrap()
    }

    fn diagnosed(protocol: &Protocol) -> Diagnosis {
        diagnose(&Question::new(protocol)).unwrap().expect("it fails")
    }

    /// a^6 with 16 fraction bits is below 2^62 before its truncation by 16 up to a^6 2^32 = 2^62, which is a = 32.
    #[test]
    fn a_sixth_power_leaves_the_headroom_at_thirty_two() {
        let lines = "  a = x ^ 2\n  b = a ^ 2\n  c = b * a\n  return x + select(x < 0, x) + select(c < -1, x)";
        let found = diagnosed(&file("[-64, 64]", "1e9", lines));
        let (low, high) = found.holds_on.unwrap();
        assert!((31.9..32.0).contains(&high) && (-32.0..-31.9).contains(&low), "[{low}, {high}]");
        let operation = found.operation.unwrap();
        assert_eq!((operation.grows_with_power, operation.name.starts_with("mul")), (Some(6), true), "{operation:?}");
        assert!(operation.region.ends_with("gelu/mine") && (operation.value - 32.0_f64.powi(6)).abs() < 1e6);
    }

    #[test]
    fn a_claim_that_is_missed_over_the_reals_names_no_operation() {
        // max(x, 0): gelu is x/2 erfc(x / sqrt 2) away from it, 0.1 at 0.246 and again at 1.5.
        let found = diagnosed(&file("[-8, 8]", "0.1", "  return x - select(x < 0, x)"));
        let (low, high) = found.holds_on.unwrap();
        assert!(found.operation.is_none() && found.error > found.claimed);
        let gap = |x: f64| x.abs() / 2.0 * libm::erfc(x.abs() / std::f64::consts::SQRT_2);
        assert!((gap(high) - 0.1).abs() < 1e-4 && low == -high && found.fails_at.abs() > high, "[{low}, {high}]");
    }

    #[test]
    fn what_holds_has_no_diagnosis() {
        for name in ["gelu/secformer", "tanh/sine", "exp/limit", "reciprocal/normalized"] {
            let protocol = Registry::built_in().get(name).unwrap();
            assert_eq!(diagnose(&Question::new(protocol)).unwrap(), None, "{name}");
        }
    }
}
