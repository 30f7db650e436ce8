//! One row under one suite.

use super::reason::{Reason, reason};
use super::rows::{Answers, Prepared, Run};
use super::{Evaluation, EvaluationError};
use crate::inference::{ExecutionMode, InferenceError, cosine, place, sites_of};
use crate::judgement;
use crate::model_inputs::ModelInputs;
use crate::sizes::Sizes;
use crate::subject::Subject;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use viewless_protocols::model::BY_FUNCTION;
use viewless_protocols::model::transformer::OUTPUT;
use viewless_protocols::program::{Phase, Program, Schedule, Shortened, bill};
use viewless_protocols::suite::{Suite, SuiteError};
use viewless_simulator::claims::Findings;
use viewless_simulator::execute::{Execution, LEAST_LANE, Options, execute, execute_fast, memory};
use viewless_simulator::stream::Seed;

/// Most Programs that are kept.
const MOST_PROGRAMS: usize = 64;

/// What the second text of a cosine adds to the seed of its row: more than any file has lines.
const SECOND_TEXT: u64 = 1 << 40;

/// What a row costs, counted from its Program; of two texts, bytes of both and the rounds of the longer, because they run at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCost {
    /// Rounds online.
    pub rounds_online: u64,
    /// Bytes online over all links.
    pub bytes_online: u64,
    /// Bytes of the setup over all links: once for a model or for each row, as the suite says.
    pub bytes_setup: u64,
    /// Bytes offline over all links.
    pub bytes_offline: u64,
}

/// A protocol whose arguments left its domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DomainLeft {
    /// Region of the protocol, behind the sites that it can be where the suite names protocols at sites.
    pub region: String,
    /// Interval on the card.
    pub claimed: (f64, f64),
    /// Smallest and largest number seen.
    pub seen: (f64, f64),
    /// Numbers outside.
    pub outside: u64,
}

/// What one row gave under one suite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowRun {
    /// Index of the suite.
    pub suite: usize,
    /// Index of the row among those that are evaluated.
    pub row: usize,
    /// Logits, or a cosine, in plaintext.
    pub plaintext: Vec<f64>,
    /// The same privately.
    pub private: Vec<f64>,
    /// What it costs.
    pub cost: RowCost,
    /// What the private run took, on one thread.
    pub seconds: f64,
    /// Truncations that wrapped.
    pub wraps: u64,
    /// Regions in which they did.
    pub wrapped_regions: Vec<String>,
    /// Numbers beyond the headroom of exact truncations, by region.
    pub headroom: BTreeMap<String, u64>,
    /// Protocols whose arguments left their domain.
    pub domains: Vec<DomainLeft>,
    /// Why the class is another than plaintext's, if it is.
    pub reason: Option<Reason>,
}

impl RowRun {
    /// Whether the run broke a claim that its answer rests on, as [`crate::inference::InferenceReport::breaks_claims`].
    #[must_use]
    pub fn breaks_claims(&self) -> bool {
        self.wraps > 0 || !self.headroom.is_empty() || !self.domains.is_empty()
    }

    fn add(&mut self, findings: &Findings, suite: &Suite) {
        self.wraps += findings.wraps;
        for region in &findings.wrapped_regions {
            if !self.wrapped_regions.contains(region) {
                self.wrapped_regions.push(region.clone());
            }
        }
        self.wrapped_regions.sort();
        for finding in &findings.headroom {
            *self.headroom.entry(finding.region.clone()).or_default() += finding.outside;
        }
        self.domains.extend(findings.violated_domains().map(|finding| DomainLeft {
            region: place(&sites_of(suite, &finding.region), &finding.region),
            claimed: finding.claimed,
            seen: finding.seen,
            outside: finding.outside,
        }));
        // A run without messages has its findings in another order.
        self.domains.sort_by(|a, b| a.region.cmp(&b.region));
    }
}

/// The class of some logits. Of equal ones the first counts, as everywhere.
pub(super) fn class(logits: &[f64]) -> usize {
    (0..logits.len()).rev().max_by(|&i, &j| logits[i].total_cmp(&logits[j])).unwrap_or(0)
}

/// A Program, ready to be run for any row of its length.
struct Compiled {
    program: Program,
    shortened: Option<Shortened>,
    /// What sees the claims of a Program whose rings are narrowed.
    witness: Option<Shortened>,
    cost: RowCost,
    needed_bytes: u64,
}

type Key = (usize, usize, Option<usize>);

/// Runs rows, and keeps what they share.
pub(super) struct Runner<'a> {
    evaluation: &'a Evaluation<'a>,
    answers: Answers,
    subject: Subject,
    other_functions: Vec<Vec<String>>,
    compiled: Mutex<BTreeMap<Key, Arc<Compiled>>>,
}

impl<'a> Runner<'a> {
    pub(super) fn new(evaluation: &'a Evaluation<'a>, answers: Answers) -> Result<Self, EvaluationError> {
        let Evaluation { model, suites, registry, .. } = *evaluation;
        let others = |suite: &viewless_protocols::suite::Suite| {
            let protocols = suite.model(registry)?;
            Ok(judgement::other_functions(&model.config, &protocols.protocols).map_err(SuiteError::from)?)
        };
        let others = suites
            .iter()
            .map(|suite| others(suite).map_err(|source| EvaluationError::Run { suite: suite.name.clone(), source }));
        let other_functions = others.collect::<Result<_, _>>()?;
        let subject = Subject::of_model(&model.directory.display().to_string(), model.config.clone(), registry);
        Ok(Self { evaluation, answers, subject, other_functions, compiled: Mutex::default() })
    }

    /// Functions of each suite that are not the model's own, in sentences.
    pub(super) fn other_functions(&self) -> &[Vec<String>] {
        &self.other_functions
    }

    /// Runs a row while `at_once` others may run.
    pub(super) fn run(
        &self,
        suite: usize,
        index: usize,
        row: &Prepared,
        at_once: u64,
        pool: &rayon::ThreadPool,
    ) -> Result<RowRun, EvaluationError> {
        let run = self.answered(suite, index, row, at_once, pool);
        let mut run =
            run.map_err(|source| EvaluationError::Run { suite: self.evaluation.suites[suite].name.clone(), source })?;
        if self.answers == Answers::Class && class(&run.plaintext) != class(&run.private) {
            let circuit =
                self.subject.circuit_of(&self.evaluation.suites[suite], sizes(&row.runs[0]), row.runs[0].second);
            let circuit = circuit.map_err(|error| EvaluationError::Run {
                suite: self.evaluation.suites[suite].name.clone(),
                source: error.into(),
            })?;
            let inputs = ModelInputs { model: self.evaluation.model, prompt: row.runs[0].prompt() };
            let real = circuit.evaluate(|_, name| inputs.numbers(name))?;
            let real = real.outputs.into_iter().find(|(name, ..)| name == OUTPUT).map(|(_, _, values)| values);
            run.reason = Some(reason(&run, &real.unwrap_or_default(), !self.other_functions[suite].is_empty()));
        }
        Ok(run)
    }

    fn answered(
        &self,
        suite: usize,
        index: usize,
        row: &Prepared,
        at_once: u64,
        pool: &rayon::ThreadPool,
    ) -> Result<RowRun, InferenceError> {
        let mut result = RowRun {
            suite,
            row: index,
            plaintext: Vec::new(),
            private: Vec::new(),
            cost: RowCost::default(),
            seconds: 0.0,
            wraps: 0,
            wrapped_regions: Vec::new(),
            headroom: BTreeMap::new(),
            domains: Vec::new(),
            reason: None,
        };
        let mut vectors = Vec::new();
        for (which, run) in (0..).zip(&row.runs) {
            let compiled = self.compiled(suite, run, at_once)?;
            let line = self.evaluation.seed.wrapping_add(row.line as u64);
            let seed = Seed::from_u64(line.wrapping_add(which * SECOND_TEXT));
            let (plaintext, execution, findings) = pool.install(|| {
                let plaintext = self.evaluation.model.forward(run.prompt())?;
                let started = Instant::now();
                let execution = self.execute(&compiled, run, seed.clone())?;
                result.seconds += started.elapsed().as_secs_f64();
                let findings = match &compiled.witness {
                    Some(witness) => {
                        let inputs = ModelInputs { model: self.evaluation.model, prompt: run.prompt() };
                        execute_fast(witness, &inputs, Options::unhashed(seed))?.findings
                    }
                    None => execution.findings.clone(),
                };
                Ok::<_, InferenceError>((plaintext, execution, findings))
            })?;
            let output = execution.output(OUTPUT).ok_or(InferenceError::NoOutput)?;
            result.add(&findings, &self.evaluation.suites[suite]);
            let (cost, more) = (&mut result.cost, compiled.cost);
            cost.rounds_online = cost.rounds_online.max(more.rounds_online);
            cost.bytes_online += more.bytes_online;
            cost.bytes_setup += more.bytes_setup;
            cost.bytes_offline += more.bytes_offline;
            let plaintext: Vec<f64> = plaintext.output.iter().map(|&x| f64::from(x)).collect();
            vectors.push((plaintext, output.values.clone()));
        }
        (result.plaintext, result.private) = match &vectors[..] {
            [(plain_a, private_a), (plain_b, private_b)] => {
                (vec![cosine(plain_a, plain_b)], vec![cosine(private_a, private_b)])
            }
            _ => vectors.swap_remove(0),
        };
        Ok(result)
    }

    fn execute(&self, compiled: &Compiled, run: &Run, seed: Seed) -> Result<Execution, InferenceError> {
        let inputs = ModelInputs { model: self.evaluation.model, prompt: run.prompt() };
        let options = Options::unhashed(seed);
        Ok(match &compiled.shortened {
            Some(shortened) => execute_fast(shortened, &inputs, options)?,
            None => execute(&compiled.program, &inputs, options)?,
        })
    }

    /// The Program of a run's length, compiled once.
    fn compiled(&self, suite: usize, run: &Run, at_once: u64) -> Result<Arc<Compiled>, InferenceError> {
        let key = (suite, run.tokens.len(), run.second);
        // Whoever waits here needs the same Program, mostly.
        let mut known = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let compiled = match known.get(&key) {
            Some(compiled) => Arc::clone(compiled),
            None => {
                let compiled = Arc::new(self.compile(suite, run)?);
                if known.len() >= MOST_PROGRAMS {
                    known.clear();
                }
                known.insert(key, Arc::clone(&compiled));
                compiled
            }
        };
        let needed_bytes = compiled.needed_bytes.saturating_mul(at_once);
        match self.evaluation.most_bytes {
            Some(most_bytes) if needed_bytes > most_bytes => Err(InferenceError::Memory { needed_bytes, most_bytes }),
            Some(_) | None => Ok(compiled),
        }
    }

    fn compile(&self, suite: usize, run: &Run) -> Result<Compiled, InferenceError> {
        let suite = &self.evaluation.suites[suite];
        let sizes = Sizes::new(run.tokens.len(), 1)?;
        let program = match run.second {
            Some(second) => self.subject.program_of_pair(suite, sizes, second),
            None => self.subject.program(suite, sizes),
        };
        let program = program.map_err(|error| crate::inference::room(error, &self.subject, suite, sizes))?;
        let counted = bill(&program, Schedule::Asap, BY_FUNCTION);
        let bytes = |phase: Phase| counted.phases.get(&phase).map_or(0, |bill| bill.bytes_total);
        let cost = RowCost {
            rounds_online: counted.phases.get(&Phase::Online).map_or(0, |bill| u64::from(bill.rounds)),
            bytes_online: bytes(Phase::Online),
            bytes_setup: bytes(Phase::Setup),
            bytes_offline: bytes(Phase::Offline),
        };
        let shortened = match self.evaluation.execution {
            ExecutionMode::Fast => Some(Shortened::new(&program, true)),
            ExecutionMode::Explicit => None,
        };
        let to_run = shortened.as_ref().map_or(&program, Shortened::for_a_run);
        let needed_bytes = memory(to_run, true, false, LEAST_LANE).held_bytes;
        let witness = self.subject.witness(suite, sizes, run.second)?;
        let witness = witness.map(|witness| Shortened::new(&witness, true));
        Ok(Compiled { program, shortened, witness, cost, needed_bytes })
    }
}

fn sizes(run: &Run) -> Sizes {
    Sizes::new(run.tokens.len(), 1).expect("the row was run at this size")
}
