//! Verdicts about a random Program by proof and by count.

use viewless_proofs::privacy::certificate::{Certificate, Simulator};
use viewless_proofs::privacy::exhaustive::{self, CountError, Exhaustive, Options};
use viewless_proofs::privacy::view::View;
use viewless_proofs::privacy::{self, Coalition, Report, symbolic};
use viewless_protocols::program::{Program, ValueId};

/// Tables small enough for many Programs.
pub(crate) const SMALL: Options = Options { most_bits: 18, most_entries: 1 << 26, given_own_samples: true };

/// Proved exactly, or at any distance.
pub(crate) fn prove(program: &Program, coalition: Coalition) -> Report {
    let exact = privacy::prove(program, coalition);
    if exact.certificate.is_some() {
        return exact;
    }
    symbolic::prove(program, coalition, &symbolic::Options { largest_distance: 0.99, ..symbolic::Options::default() })
}

/// Counts a claim. What is withheld is contents: every message with these is.
pub(crate) fn count(
    program: &Program,
    coalition: Coalition,
    simulator: Simulator,
    certificate: Option<&Certificate>,
) -> Result<Exhaustive, CountError> {
    match (simulator, certificate) {
        (Simulator::JointlyWithOutputs, _) => exhaustive::count_jointly(program, coalition, SMALL),
        (Simulator::DrawsOwnSamples, _) => {
            exhaustive::count_with(program, coalition, Options { given_own_samples: false, ..SMALL })
        }
        (Simulator::GivenOwnSamples, _) | (Simulator::GivenOwnRandomness, None) => {
            exhaustive::count_with(program, coalition, SMALL)
        }
        (Simulator::GivenOwnRandomness, Some(certificate)) => {
            let view = View::reading(program, coalition, &[], &certificate.same, &[]);
            let is_withheld = |id: &ValueId| {
                certificate.withheld.iter().any(|withheld| view.contents(withheld.message) == view.contents(*id))
            };
            let withheld: Vec<ValueId> = program.iter().map(|(id, _)| id).filter(is_withheld).collect();
            exhaustive::count_given_randomness(program, coalition, &withheld, SMALL)
        }
    }
}
