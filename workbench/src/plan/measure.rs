//! How long this machine computes: one layer of a model is run under every choice of a space, by the clock.

use super::catalogue::{complete, suite, unfit, with_protocols};
use super::{PlanningError, Space};
use crate::Progress;
use crate::sizes::Sizes;
use crate::subject::{Kind, Subject};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use viewless_protocols::model::{TransformerConfig, TransformerDraft};
use viewless_protocols::nonlinear::Registry;
use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::{ClaimKind, Program, ProgramBuilder, Wave, WordFunction};
use viewless_protocols::ring::Domain;
use viewless_protocols::scheme::SchemeSpec;
use viewless_protocols::shape::{Move, Shape};
use viewless_simulator::execute::{Inputs, Options, Reals, execute};
use viewless_simulator::stream::Seed;
use viewless_simulator::work::{Measured, Rates};

/// What a machine was measured to take, and by which runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MachineFile {
    /// The model whose layers were run.
    pub model: String,
    /// Tokens of the runs.
    pub seq: usize,
    /// Sequences of the runs.
    pub batch: usize,
    /// Threads of the runs.
    pub threads: usize,
    /// Seconds for each kind of work.
    pub rates: Rates,
}

/// Runs one layer of a model under suites that together have every scheme and every protocol of the space, and fits what each kind of work
/// took. Kinds that no such run has are measured apart.
///
/// # Errors
/// A subject that is no model, sizes that it cannot take, a space without a Program.
pub fn measure(
    subject: &Subject,
    space: &Space,
    sizes: Sizes,
    progress: Progress<'_>,
) -> Result<MachineFile, PlanningError> {
    let Kind::Model(config) = &subject.kind else {
        return Err(crate::SubjectError::NotAModel { name: subject.name.clone() }.into());
    };
    let sizes = subject.sizes(sizes);
    let registry = &subject.registry;
    let layer = TransformerDraft { layers: 1, ..config.draft() }.check().expect("one layer is no more than there are");
    let layer = Subject::of_model(&subject.name, layer, registry);
    let runs = runs(config, registry, &space.schemes());
    let mut measured = Measured::default();
    for (done, (scheme, bits, protocols)) in runs.iter().enumerate() {
        progress(done, runs.len());
        let suite = with_protocols(complete(suite(*scheme, *bits, registry)?, config, registry), protocols);
        // A protocol that a scheme or a fixed point cannot have is none that a plan chooses.
        if let Ok(program) = layer.program(&suite, sizes) {
            measured.merge(&time(&program)?);
        }
    }
    progress(runs.len(), runs.len());
    let rates = measured.or(&time(&every_kind())?).rates().map_err(defect)?;
    let threads = rayon::current_num_threads();
    Ok(MachineFile { model: subject.name.clone(), seq: sizes.seq(), batch: sizes.batch(), threads, rates })
}

/// Scheme, fraction bits and protocols of a run.
type Run = (SchemeSpec, u8, BTreeMap<String, String>);

/// As few runs as have every scheme and every protocol: each takes the next of everything.
fn runs(config: &TransformerConfig, registry: &Registry, schemes: &[(SchemeSpec, u8)]) -> Vec<Run> {
    let protocols = |function| {
        let fit = registry.of(function).filter(|protocol| unfit(protocol).is_none());
        (function.to_string(), fit.map(|protocol| protocol.card.name.to_string()).collect::<Vec<_>>())
    };
    let functions: Vec<(String, Vec<String>)> = config.functions().iter().map(protocols).collect();
    let most = functions.iter().map(|(_, protocols)| protocols.len()).chain([schemes.len()]).max().unwrap_or(0);
    let run = |i: usize| {
        let (scheme, bits) = schemes[i % schemes.len()];
        let has_any = functions.iter().filter(|(_, protocols)| !protocols.is_empty());
        let chosen = has_any.map(|(function, protocols)| (function.clone(), protocols[i % protocols.len()].clone()));
        (scheme, bits, chosen.collect())
    };
    if schemes.is_empty() { Vec::new() } else { (0..most).map(run).collect() }
}

/// What a run of a Program on small numbers took.
fn time(program: &Program) -> Result<Measured, PlanningError> {
    Ok(execute(program, &Small, Options::new(Seed::from_u64(0))).map_err(defect)?.measured)
}

fn defect(error: impl ToString) -> PlanningError {
    PlanningError::Defect { reason: error.to_string() }
}

/// Small numbers for whatever is asked: how long a run takes does not depend on its numbers.
struct Small;

impl Inputs for Small {
    fn input(&self, _: Party, _: &str, shape: &Shape) -> Option<Reals<'_>> {
        let number = |i: usize| (i % 97) as f32 / 512.0 - 0.09375;
        Some(Reals::F32(Cow::Owned((0..shape.elements()).map(number).collect())))
    }
}

/// A Program with work of every kind.
fn every_kind() -> Program {
    const SIDE: usize = 256;
    const NARROW: Domain = Domain::Ring(8);
    let mut p = ProgramBuilder::new(PartySet::of(&[Party::P0, Party::P1]), Party::P0);
    let x = p.input(Party::P0, "x", 16, Domain::Z64, [SIDE, SIDE].into());
    let mask = p.sample(PartySet::of(&[Party::P0]), Domain::Z64, [SIDE, SIDE].into());
    let masked = p.add(x, mask);
    let product = p.matmul(masked, x);
    let turned = p.moved(product, Move::Transpose([1u8, 0].as_slice().into()));
    let bits = p.convert(turned, Domain::Bits(64));
    let reversed = p.bit_reversal(bits);
    let sum = p.sum(turned, 1);
    let low = p.convert(masked, NARROW);
    let waves = vec![Wave { harmonic: 1, cosine: 1.0, sine: 0.0 }];
    let wave = p.function(WordFunction::Waves { waves, fraction_bits: 16 }, low);
    let table = WordFunction::Table { entries: (0..1 << NARROW.bits()).collect(), domain: NARROW };
    let looked_up = p.function(table, low);
    p.claim(&[sum], ClaimKind::Headroom { bits: 63 });
    for value in [sum, reversed, wave, looked_up] {
        let sent = p.send(value, Party::P1);
        p.reveal(sent, Party::P1, &format!("y{}", value.index()), 0);
    }
    p.finish().expect("it is well-formed, as a test shows")
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_simulator::work::Kind;

    #[test]
    fn a_measurement_has_every_kind_of_work_and_every_choice() {
        let measured = time(&every_kind()).unwrap();
        assert!(measured.rates().is_ok());
        assert!(Kind::ALL.iter().all(|&kind| measured.seconds(kind) > 0.0));
        let config = TransformerConfig::bert_base();
        let schemes = Space::of_words(&[], &[16, 20]).unwrap().schemes();
        let runs = runs(&config, Registry::built_in(), &schemes);
        for scheme in &schemes {
            assert!(runs.iter().any(|run| (run.0, run.1) == *scheme));
        }
        for function in config.functions() {
            for protocol in Registry::built_in().of(&function).filter(|protocol| unfit(protocol).is_none()) {
                let name = protocol.card.name.to_string();
                assert!(runs.iter().any(|run| run.2.get(function.name()) == Some(&name)), "{name}");
            }
        }
    }
}
