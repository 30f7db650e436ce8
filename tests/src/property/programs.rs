//! Programs, sound and unsound, and certificates about them.

use super::Source;
use crate::random_circuit::Recipe;
use crate::random_program::{Flaw, mutate};
use crate::random_walk::verdicts::{SMALL, count, prove};
use crate::random_walk::{Instruction, Xorshift, coalitions, forged, program};
use crate::{compile, every_scheme};
use viewless_proofs::privacy::certificate::{Certificate, Share, Simulator, Step};
use viewless_proofs::privacy::exhaustive::{self, Exhaustive};
use viewless_proofs::privacy::{Coalition, Verdict, check};
use viewless_protocols::program::{Program, ValueId};

/// A flaw, a place, a scheme, and a recipe.
pub(super) fn flawed_program(bytes: &[u8]) -> Result<(), String> {
    let mut source = Source::new(bytes);
    let (flaw, spec, place) =
        (source.pick(&Flaw::ALL), source.pick(&every_scheme()), u32::from_le_bytes(source.bytes()));
    let program = compile(&Recipe::from_bytes(source.rest()).build(spec.truncation), &spec);
    mutate(&program, flaw, place as usize).map_or(Ok(()), |mutant| mutant.is_refused())
}

fn walk(bits: u8, bytes: &[u8]) -> Program {
    let (steps, _) = bytes.as_chunks::<4>();
    let instructions: Vec<Instruction> = steps.iter().map(|&[what, a, b, c]| (what, a, b, c)).collect();
    program(1 + bits % 3, &instructions)
}

/// A width, and the steps of a walk.
pub(super) fn random_program(bytes: &[u8]) -> Result<(), String> {
    let mut source = Source::new(bytes);
    let program = walk(source.byte(), source.rest());
    for coalition in coalitions(&program) {
        let report = prove(&program, coalition);
        let Verdict::Proved { simulator, statistical_distance } = report.verdict else { continue };
        let certificate = report.certificate.as_ref().ok_or("a proof without a certificate")?;
        if let Err(error) = check::check(&program, certificate) {
            return Err(format!("{coalition}: certificate refused: {error}\n{certificate:#?}\n{}", *program));
        }
        is_right(&program, coalition, simulator, certificate, statistical_distance)?;
    }
    Ok(())
}

/// Counting does not refute a claim, where it can count. Each of the two laws is that near to the simulator's.
fn is_right(
    program: &Program,
    coalition: Coalition,
    simulator: Simulator,
    certificate: &Certificate,
    distance: f64,
) -> Result<(), String> {
    match count(program, coalition, simulator, Some(certificate)) {
        Ok(Exhaustive::Leak(witness)) if witness.distance > 2.0 * distance => {
            Err(format!("{coalition}: accepted at distance {distance}, but {witness}\n{certificate:#?}\n{}", **program))
        }
        Ok(Exhaustive::Leak(_) | Exhaustive::Private) | Err(_) => Ok(()),
    }
}

/// A width, a seed for an invented certificate, edits of a proved one, and the steps of a walk.
pub(super) fn altered_certificate(bytes: &[u8]) -> Result<(), String> {
    let mut source = Source::new(bytes);
    let (bits, choice, seed) = (source.byte(), source.byte(), u32::from_le_bytes(source.bytes()));
    let edit: [u8; 4] = source.bytes();
    let program = walk(bits, source.rest());
    let all = coalitions(&program);
    let coalition = all[usize::from(choice) % all.len()];
    // What counting refuses to count is not worth an invention.
    if exhaustive::count_with(&program, coalition, SMALL).is_err() {
        return Ok(());
    }
    let invented = forged(&program, coalition, &mut Xorshift(u64::from(seed) << 8 | 1));
    let proved = prove(&program, coalition).certificate;
    for certificate in proved.map(|proved| altered(proved, edit)).into_iter().chain([invented]) {
        if let Ok(checked) = check::check(&program, &certificate) {
            is_right(&program, coalition, certificate.simulator, &certificate, checked.statistical_distance)?;
        }
    }
    Ok(())
}

/// One thing of a certificate made otherwise.
fn altered(mut certificate: Certificate, [what, place, other, value]: [u8; 4]) -> Certificate {
    let length = certificate.steps.len().max(1);
    let (place, other) = (usize::from(place) % length, usize::from(other) % length);
    let near = |id: &mut ValueId| id.0 = id.0.wrapping_add(u32::from(value)).wrapping_sub(8);
    match what % 8 {
        0 if place < certificate.steps.len() => drop(certificate.steps.remove(place)),
        1 if !certificate.steps.is_empty() => certificate.steps.swap(place, other),
        2 => certificate.withheld.clear(),
        3 => certificate.handed.push(ValueId(u32::from(value))),
        4 => certificate.same.push((ValueId(place as u32), ValueId(u32::from(value)))),
        5 => {
            certificate.simulator = [
                Simulator::JointlyWithOutputs,
                Simulator::DrawsOwnSamples,
                Simulator::GivenOwnSamples,
                Simulator::GivenOwnRandomness,
            ][usize::from(value) % 4];
        }
        _ => match certificate.steps.get_mut(place) {
            Some(Step::Uniform { message, masks } | Step::Wide { message, masks }) => match masks.first_mut() {
                Some(mask) if other % 4 != 0 => near(mask),
                _ => near(message),
            },
            Some(Step::Output { output, shares }) => match shares.first_mut() {
                Some(Share { mask: Some(mask), .. }) if other % 4 == 1 => near(mask),
                Some(Share { message, .. }) if other % 4 != 0 => near(message),
                _ => near(output),
            },
            None => {}
        },
    }
    certificate
}
