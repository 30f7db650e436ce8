//! Every choice of a space, counted and certified.
//!
//! Loads add up under each schedule: a model's online phase is one thing after the other. So a protocol costs what a model of one and
//! of two layers costs with it, beyond the same with the protocols of the suite that serves models; what messages of neighbours share
//! is counted with it. What is chosen in the end is counted again, whole.

use super::{PlanningError, Space};
use crate::Progress;
use crate::bill::ASSUMED_MAGNITUDE;
use crate::comparison::certified;
use crate::sizes::Sizes;
use crate::subject::{Kind, Subject};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::{Add, Mul, Sub};
use std::sync::Arc;
use viewless_protocols::model::{Embedding, TransformerConfig, TransformerDraft};
use viewless_protocols::nonlinear::{Function, Protocol, Quality, Registry};
use viewless_protocols::program::{self, OnlineRound, PREDICTED_SCHEDULES, Program};
use viewless_protocols::scheme::{SchemeSpec, Sharing, Triples, Truncation};
use viewless_protocols::suite::Suite;
use viewless_simulator::failure;
use viewless_simulator::network::Network;
use viewless_simulator::work::Work;

/// The online rounds of a schedule, and the bytes of the fullest link of each, summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Rounds {
    /// Rounds.
    pub rounds: i64,
    /// Bytes on the fullest directed link of each round, over all rounds.
    pub bytes: i64,
}

/// What a query asks of network and processor: what is sent online under each schedule that a predicted time may follow, expected wraps, and
/// what is computed.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Load {
    /// As early as possible, in waves, as written: see [`program::online_rounds`].
    pub schedules: [Rounds; PREDICTED_SCHEDULES],
    /// Expected number of wrapped elements, if truncated numbers are about 1.
    pub wraps: f64,
    /// What all parties together compute, the setup and the dealer included.
    pub work: Work,
}

impl Add for Load {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let mut schedules = self.schedules;
        for (sum, more) in schedules.iter_mut().zip(other.schedules) {
            *sum = Rounds { rounds: sum.rounds + more.rounds, bytes: sum.bytes + more.bytes };
        }
        Self { schedules, wraps: self.wraps + other.wraps, work: self.work + other.work }
    }
}

impl Sub for Load {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + other * -1
    }
}

impl Mul<i64> for Load {
    type Output = Self;
    fn mul(self, times: i64) -> Self {
        let schedules = self.schedules.map(|s| Rounds { rounds: s.rounds * times, bytes: s.bytes * times });
        Self { schedules, wraps: self.wraps * times as f64, work: self.work * times }
    }
}

impl Load {
    /// Counts what a Program sends online and computes; its regions are named after protocols of the registry.
    #[must_use]
    pub fn of(program: &Program, registry: &Registry) -> Self {
        Self::counted(program, registry, &program::online_rounds(program))
    }

    /// The same from the rounds of the Program under each schedule.
    pub(super) fn counted(
        program: &Program,
        registry: &Registry,
        rounds: &[Vec<OnlineRound>; PREDICTED_SCHEDULES],
    ) -> Self {
        let sum = |rounds: &Vec<OnlineRound>| Rounds {
            rounds: rounds.len() as i64,
            bytes: rounds.iter().map(|round| round.bytes).sum::<u64>() as i64,
        };
        Self {
            schedules: rounds.each_ref().map(sum),
            wraps: failure::predict(program, registry, ASSUMED_MAGNITUDE).expected_wraps,
            work: Work::of(program),
        }
    }

    /// The least of each figure.
    fn least(self, other: Self) -> Self {
        let mut schedules = self.schedules;
        for (least, other) in schedules.iter_mut().zip(other.schedules) {
            *least = Rounds { rounds: least.rounds.min(other.rounds), bytes: least.bytes.min(other.bytes) };
        }
        Self { schedules, wraps: self.wraps.min(other.wraps), work: self.work.least(other.work) }
    }

    /// The fewest rounds that it can have.
    #[must_use]
    pub fn least_rounds(&self) -> i64 {
        self.schedules[0].rounds
    }

    /// Seconds of messages on a network under their fastest schedule.
    #[must_use]
    pub fn message_seconds(&self, network: &Network) -> f64 {
        self.schedules.iter().map(|rounds| rounds.seconds(network)).fold(f64::INFINITY, f64::min)
    }
}

impl Rounds {
    /// Seconds on a network: a latency for each round, and its bits at the bandwidth. Negative for a difference that is.
    #[must_use]
    pub fn seconds(&self, network: &Network) -> f64 {
        self.rounds as f64 * network.latency_seconds() + self.bytes as f64 * 8.0 / network.bandwidth_bits_per_second()
    }
}

/// A protocol as a choice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VariantEntry {
    /// Its name.
    pub protocol: String,
    /// What all its calls cost beyond the least of each figure among the protocols of its function.
    pub load: Load,
    /// Its certified error on its interval.
    pub certified_error: f64,
}

/// A function of a model, with what can compute it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FunctionChoice {
    /// Its name.
    pub function: String,
    /// How often the model needs it.
    pub calls: u64,
    /// Protocols that compute it.
    pub variants: Vec<VariantEntry>,
    /// Protocols that do not serve, and why.
    pub left_out: BTreeMap<String, String>,
}

/// A scheme, with what a model costs under it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CatalogueEntry {
    /// The scheme.
    pub scheme: SchemeSpec,
    /// Fraction bits of the fixed point.
    pub fraction_bits: u8,
    /// Everything else, with that least of every function.
    pub linear: Load,
    /// The functions.
    pub functions: Vec<FunctionChoice>,
}

/// A model's choices.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Catalogue {
    /// Name of the model.
    pub model: String,
    /// Tokens.
    pub seq: usize,
    /// Sequences.
    pub batch: usize,
    /// Layers.
    pub layers: usize,
    /// Look-up of tokens in the suites.
    #[serde(skip)]
    pub embedding: Embedding,
    /// The schemes.
    pub entries: Vec<CatalogueEntry>,
    /// Schemes under which some function has no protocol with a certified error, in words, and why.
    pub left_out: BTreeMap<String, String>,
}

/// Certified errors of protocols, by name, truncation and fraction bits; none where no finite one is certified. They are those of circuits under
/// the law of truncation, floor or one unit more, which all schemes obey, as far as numbers have room: how much they have is a matter of the
/// truncation, which may narrow rings. Comparison, masks and shares do not enter them.
#[derive(Debug, Default)]
struct Certified(Vec<((String, Truncation, u8), Option<f64>)>);

impl Certified {
    fn of(&self, protocol: &str, truncation: Truncation, fraction_bits: u8) -> Option<f64> {
        let same = |(name, law, bits): &(String, Truncation, u8)| {
            (name.as_str(), *law, *bits) == (protocol, truncation, fraction_bits)
        };
        self.0.iter().find(|(key, _)| same(key))?.1
    }
}

/// Choices that are worked on before progress is told.
const CHUNK: usize = 4;

impl Catalogue {
    /// Counts and certifies every choice of a space for a model.
    ///
    /// # Errors
    /// A subject that is no model, sizes that it cannot take, a function that nothing computes with a certified error.
    pub fn new(subject: &Subject, space: &Space, sizes: Sizes, progress: Progress<'_>) -> Result<Self, PlanningError> {
        let Kind::Model(config) = &subject.kind else {
            return Err(crate::SubjectError::NotAModel { name: subject.name.clone() }.into());
        };
        let sizes = subject.sizes(sizes);
        let schemes = space.schemes();
        // Of each truncation and number of fraction bits the first scheme: the others have its errors.
        let mut laws: Vec<(SchemeSpec, u8)> = Vec::new();
        for &(scheme, bits) in &schemes {
            if !laws.iter().any(|(law, of)| (law.truncation, *of) == (scheme.truncation, bits)) {
                laws.push((scheme, bits));
            }
        }
        let candidates: Vec<(Arc<Protocol>, usize, (SchemeSpec, u8))> = config
            .functions()
            .iter()
            .flat_map(|function| {
                let row = row(config, function, sizes);
                subject.registry.of(function).filter(|protocol| unfit(protocol).is_none()).map(move |p| (p, row))
            })
            .flat_map(|(protocol, row)| laws.iter().map(move |&law| (Arc::clone(protocol), row, law)))
            .collect();
        // A function of progress need not be shared among threads: what is done is told between chunks.
        let all = candidates.len() + schemes.len();
        let mut errors = Certified::default();
        for chunk in candidates.chunks(CHUNK) {
            let found: Result<Vec<_>, PlanningError> = chunk
                .par_iter()
                .map(|(protocol, row, (scheme, bits))| {
                    let error = certified(protocol, &suite(*scheme, *bits, &subject.registry)?, *row);
                    Ok(((protocol.card.name.to_string(), scheme.truncation, *bits), error))
                })
                .collect();
            errors.0.extend(found?);
            progress(errors.0.len(), all);
        }
        let (mut entries, mut left_out) = (Vec::with_capacity(schemes.len()), BTreeMap::new());
        let mut nothing = None;
        for chunk in schemes.chunks(CHUNK) {
            let counted: Vec<_> = chunk
                .par_iter()
                .map(|&(scheme, bits)| CatalogueEntry::new(subject, config, scheme, bits, sizes, &errors))
                .collect();
            for entry in counted {
                match entry {
                    Ok(entry) => entries.push(entry),
                    Err(PlanningError::NothingCertified { function, scheme }) => {
                        left_out
                            .insert(scheme.clone(), format!("no protocol for {function} has a finite certified error"));
                        nothing = nothing.or(Some(PlanningError::NothingCertified { function, scheme }));
                    }
                    Err(error) => return Err(error),
                }
            }
            progress(errors.0.len() + entries.len() + left_out.len(), all);
        }
        if let (true, Some(nothing)) = (entries.is_empty(), nothing) {
            return Err(nothing);
        }
        let (seq, batch) = (sizes.seq(), sizes.batch());
        let embedding = Suite::built_in(crate::named::DEFAULT_SUITE).map_err(crate::SubjectError::from)?.embedding;
        Ok(Self { model: subject.name.clone(), seq, batch, layers: config.layers, embedding, entries, left_out })
    }

    /// Sizes at which everything is counted.
    pub(super) fn sizes(&self) -> Sizes {
        Sizes::new(self.seq, self.batch).expect("the catalogue was made at these sizes")
    }
}

/// Why a protocol does not serve: it is known to fail at being right or private.
pub(super) fn unfit(protocol: &Protocol) -> Option<String> {
    let mut fails = protocol.card.fails.iter().filter(|failing| failing.quality != Quality::Cheap);
    fails.next().map(|failing| failing.why.to_string())
}

impl CatalogueEntry {
    fn new(
        subject: &Subject,
        config: &TransformerConfig,
        scheme: SchemeSpec,
        fraction_bits: u8,
        sizes: Sizes,
        errors: &Certified,
    ) -> Result<Self, PlanningError> {
        let base = complete(suite(scheme, fraction_bits, &subject.registry)?, config, &subject.registry);
        let base = fitting(base, config, errors, &subject.registry);
        let of_layers = |suite: &Suite, layers: usize| {
            let draft = TransformerDraft { layers, ..config.draft() };
            let config = draft.check().expect("one layer or two are no more than a configuration may have");
            let subject = Subject::of_model(&subject.name, config, &subject.registry);
            Ok::<_, PlanningError>(subject.program(suite, sizes)?)
        };
        let load = |program: &Program| Load::of(program, &subject.registry);
        // Every layer beyond the first costs the same.
        let extended = |one: Load, two: Load| one + (two - one) * (config.layers as i64 - 1);
        let of_suite = |suite: &Suite| {
            let [one, two] = [of_layers(suite, 1)?, of_layers(suite, 2)?];
            Ok::<_, PlanningError>(extended(load(&one), load(&two)))
        };
        let is_certified = |name: &String| errors.of(name, scheme.truncation, fraction_bits).is_some();
        let nothing_certified = |function: String| {
            let scheme = format!("{} with {fraction_bits} fraction bits", spelled_out(&scheme));
            PlanningError::NothingCertified { function, scheme }
        };
        let uncertified = base.protocols.iter().find(|(function, name)| {
            config.functions().iter().any(|needed| needed == *function) && !is_certified(name)
        });
        // What no protocol computes is why a model cannot be built, and a better reason than where its building ends.
        let built = |layers| {
            of_layers(&base, layers)
                .map_err(|error| uncertified.map_or(error, |(function, _)| nothing_certified(function.to_string())))
        };
        let (one, two) = (built(1)?, built(2)?);
        let whole = extended(load(&one), load(&two));
        let mut linear = whole;
        let mut functions = Vec::new();
        for (function, calls) in places(config, &calls(&one, &base), &calls(&two, &base)) {
            let mut choice = FunctionChoice {
                function: function.to_string(),
                calls,
                variants: Vec::new(),
                left_out: BTreeMap::new(),
            };
            for protocol in subject.registry.of(&function) {
                let name = protocol.card.name.to_string();
                if let Some(why) = unfit(protocol) {
                    choice.left_out.insert(name, why);
                    continue;
                }
                let Some(certified_error) = errors.of(&name, scheme.truncation, fraction_bits) else {
                    choice.left_out.insert(name, "no finite error is certified".to_owned());
                    continue;
                };
                let swapped = with_protocols(base.clone(), &[(choice.function.clone(), name.clone())].into());
                match of_suite(&swapped) {
                    Ok(load) => {
                        choice.variants.push(VariantEntry { protocol: name, load: load - whole, certified_error })
                    }
                    Err(error) => {
                        choice.left_out.insert(name, error.to_string());
                    }
                }
            }
            if let Some(least) = choice.variants.iter().map(|variant| variant.load).reduce(Load::least) {
                choice.variants.iter_mut().for_each(|variant| variant.load = variant.load - least);
                linear = linear + least;
            }
            if choice.variants.is_empty() {
                return Err(nothing_certified(choice.function));
            }
            functions.push(choice);
        }
        Ok(Self { scheme, fraction_bits, linear, functions })
    }
}

/// The choices of a scheme that differ between schemes of a space, in words.
#[must_use]
pub fn spelled_out(scheme: &SchemeSpec) -> String {
    let masks = match scheme.sharing {
        Sharing::Additive2(Triples::Fresh, _) => ", a mask for each use",
        Sharing::Additive2(Triples::PerValue, _) => ", a mask for each value",
        Sharing::Additive2(Triples::FixedWeight, _) | Sharing::Replicated3(_) => "",
    };
    let words = format!("{:?}, {:?} truncation, {:?} comparison", scheme.kind(), scheme.truncation, scheme.comparison);
    format!("{}{masks}", words.to_lowercase())
}

/// The suite that serves models, under another scheme and fixed point, as far as the registry has its protocols.
pub(super) fn suite(scheme: SchemeSpec, fraction_bits: u8, registry: &Registry) -> Result<Suite, PlanningError> {
    let mut suite = Suite::built_in(crate::named::DEFAULT_SUITE).map_err(crate::SubjectError::from)?;
    suite.scheme = scheme;
    suite.protocols.retain(|_, name| registry.get(name).is_some());
    Ok(suite.with_fraction_bits(fraction_bits).map_err(crate::SubjectError::from)?)
}

/// The same with these protocols; functions that are not named keep theirs.
pub(super) fn with_protocols(mut suite: Suite, chosen: &BTreeMap<String, String>) -> Suite {
    for (function, protocol) in chosen {
        if let Ok(function) = Function::of(function) {
            suite.choose(function, protocol.clone());
        }
    }
    suite
}

/// The suite with a protocol for every function that a model needs, the first of the registry where it names none.
pub(super) fn complete(mut suite: Suite, config: &TransformerConfig, registry: &Registry) -> Suite {
    for function in config.functions() {
        if let Some(first) = registry.of(&function).next() {
            suite.protocols.entry(function.clone()).or_insert_with(|| first.card.name.clone());
        }
    }
    suite
}

/// The suite with another protocol for every function whose own has no certified error with these fraction bits, often because it cannot be
/// built with them: the first that has one.
fn fitting(mut suite: Suite, config: &TransformerConfig, errors: &Certified, registry: &Registry) -> Suite {
    let (truncation, bits) = (suite.scheme.truncation, suite.fraction_bits());
    let is_certified = |name: &str| errors.of(name, truncation, bits).is_some();
    for function in config.functions() {
        let has_own = suite.protocols.get(&function).is_some_and(|name| is_certified(name));
        let mut certified = registry.of(&function).map(|protocol| protocol.card.name.to_string());
        if let (false, Some(other)) = (has_own, certified.find(|name| is_certified(name))) {
            suite.choose(function.clone(), other);
        }
    }
    suite
}

/// How often each function occurs in a Program: every call of a protocol is a region of its name.
fn calls(program: &Program, suite: &Suite) -> BTreeMap<String, u64> {
    let of = |(function, protocol): (&Function, &String)| {
        let calls = program.regions.ids().filter(|&id| program.regions.name(id) == protocol).count();
        (function.name().to_owned(), calls as u64)
    };
    suite.protocols.iter().map(of).collect()
}

/// Elements of a row of a function's argument.
fn row(config: &TransformerConfig, function: &Function, sizes: Sizes) -> usize {
    if *function == Function::SOFTMAX {
        sizes.seq()
    } else if *function == Function::LAYERNORM || *function == Function::TANH {
        config.hidden_size
    } else {
        config.intermediate_size
    }
}

/// The functions of a model and how often each occurs, from how often it does in models of one and of two layers.
fn places(
    config: &TransformerConfig,
    one: &BTreeMap<String, u64>,
    two: &BTreeMap<String, u64>,
) -> Vec<(Function, u64)> {
    let more = config.layers as u64 - 1;
    let place = |function: Function| {
        let of = |calls: &BTreeMap<String, u64>| calls.get(function.name()).copied().unwrap_or(0);
        let calls = of(one) + (of(two) - of(one)) * more;
        (calls > 0).then_some((function, calls))
    };
    config.functions().into_iter().filter_map(place).collect()
}
