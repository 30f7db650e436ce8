//! The works that are timed.

use super::clock::{Spent, timed};
use super::{BenchError, Figure, Limits};
use crate::error_audit::{ErrorAudit, question};
use crate::sizes::Sizes;
use crate::subject::Subject;
use rayon::ThreadPoolBuilder;
use std::borrow::Cow;
use viewless_proofs::privacy::{self, Coalition, check};
use viewless_protocols::model::{Input, TransformerConfig, TransformerDraft};
use viewless_protocols::nonlinear::Registry;
use viewless_protocols::party::Party;
use viewless_protocols::program::{Grouping, Program, Schedule, Shortened, bill};
use viewless_protocols::shape::Shape;
use viewless_protocols::suite::Suite;
use viewless_simulator::execute::{Inputs, Options, Reals, execute};
use viewless_simulator::kernels::CodePath;
use viewless_simulator::kernels::matmul::{Product, matmul};
use viewless_simulator::stream::{Seed, StreamKey};
use viewless_simulator::work::Work;

/// Suites whose runs are timed.
const SUITES: [&str; 3] = ["secformer", "faithful", "crypten"];
/// Tokens of the models that are run.
const TOKENS: usize = 128;
/// Layers of the model by which a layer is timed.
const LAYERS: usize = 4;
/// Words of its vocabulary.
const WORDS: usize = 8;

/// How things are measured.
pub(super) struct Measure<'a> {
    pub(super) part: &'static str,
    pub(super) runs: usize,
    pub(super) limits: &'a Limits,
    pub(super) registry: &'a Registry,
}

impl Measure<'_> {
    /// The fastest of the runs, by processor time where it is told.
    fn fastest<T>(&self, mut work: impl FnMut() -> Result<T, BenchError>) -> Result<(T, Spent), BenchError> {
        let mut best: Option<(T, Spent)> = None;
        for _ in 0..self.runs {
            let (done, spent) = timed(&mut work);
            let time = |spent: &Spent| spent.processor_seconds.unwrap_or(spent.seconds);
            if best.as_ref().is_none_or(|(_, best)| time(&spent) < time(best)) {
                best = Some((done?, spent));
            }
        }
        Ok(best.expect("there is at least one run"))
    }

    fn figure(&self, work: String, spent: Spent, limit_processor_seconds: Option<f64>) -> Figure {
        let Spent { seconds, processor_seconds } = spent;
        let of_limit = limit_processor_seconds.zip(processor_seconds).map(|(limit, spent)| limit / spent);
        let threads = rayon::current_num_threads();
        let (part, memory_bytes) = (self.part, None);
        Figure { part, work, threads, seconds, processor_seconds, limit_processor_seconds, of_limit, memory_bytes }
    }

    /// Products of the shapes of BERT-base, by one thread and by all.
    pub(super) fn products(&self) -> Vec<Figure> {
        let shapes = [
            ("128 x 768 x 768", Product::new(128, 768, 768)),
            ("128 x 768 x 3072", Product::new(128, 768, 3072)),
            ("128 x 3072 x 768", Product::new(128, 3072, 768)),
            ("12 times 128 x 64 x 128, transposed", Product::new(128, 64, 128).batched(12).transposed_right()),
            ("12 times 128 x 128 x 64", Product::new(128, 128, 64).batched(12)),
        ];
        let mut counts = vec![1, rayon::current_num_threads()];
        counts.dedup();
        let mut figures = Vec::new();
        for threads in counts {
            // Where no threads can be made, there is nothing to measure with them.
            let Ok(pool) = ThreadPoolBuilder::new().num_threads(threads).build() else { continue };
            figures.extend(shapes.iter().map(|(name, product)| {
                let spent = pool.install(|| self.product(product));
                let limit = product.multiplications() as f64
                    / if threads == 1 {
                        self.limits.multiplications_per_second
                    } else {
                        self.limits.multiplications_per_second_of_all
                    };
                // By the clock: threads that wait take no processor time.
                let of_limit = Some(limit / spent.seconds);
                let limit = Some(limit * threads as f64);
                let spent = Spent { processor_seconds: None, ..spent };
                Figure { threads, of_limit, ..self.figure(format!("product {name}"), spent, limit) }
            }));
        }
        figures
    }

    /// Seconds of one product, the best of several.
    fn product(&self, product: &Product) -> Spent {
        let numbers = |count: usize, key: u8| {
            let mut words = vec![0; count];
            StreamKey::from_bytes([key; 16]).fill(0, &mut words);
            words
        };
        let a = numbers(product.batch * product.rows * product.inner, 1);
        let b = numbers(product.batch * product.inner * product.columns, 2);
        let mut c = vec![0; product.result_elements()];
        let spent = (0..10 * self.runs).map(|_| timed(|| matmul(CodePath::detect(), product, &a, &b, &mut c)).1);
        spent.min_by(|a, b| a.seconds.total_cmp(&b.seconds)).expect("there is at least one run")
    }

    /// One layer of BERT-base for all parties, dealer included, under several suites, with messages that are hashed, and without parties.
    pub(super) fn layers(&self) -> Result<Vec<Figure>, BenchError> {
        let manners = SUITES.iter().flat_map(|suite| Manner::ALL.map(|manner| (suite, manner)));
        manners.map(|(suite, manner)| self.layer(suite, manner, self.runs)).collect()
    }

    /// One layer, messages counted only, the fastest of `runs`.
    pub(super) fn one_layer(&self, suite: &str, runs: usize) -> Result<Figure, BenchError> {
        self.layer(suite, Manner::Explicit, runs)
    }

    /// A part of a model of some layers whose vocabulary is so small that its embedding takes next to nothing. What it takes is counted to the layers.
    fn layer(&self, suite: &str, manner: Manner, runs: usize) -> Result<Figure, BenchError> {
        let input = Input::Text { vocab_size: WORDS, max_positions: TOKENS, type_vocab_size: 2 };
        let draft = TransformerDraft { layers: LAYERS, input, ..TransformerConfig::bert_base().draft() };
        let program = manner.applied(self.program(suite, draft)?);
        let (_, spent) = Measure { runs, ..*self }.run(&program, manner)?;
        let of_one = |all: f64| all / LAYERS as f64;
        let spent = Spent { seconds: of_one(spent.seconds), processor_seconds: spent.processor_seconds.map(of_one) };
        let limit = of_one(self.limits.processor_seconds(&Work::of(&program)));
        let manner = manner.name();
        Ok(self.figure(format!("a layer of bert-base, {TOKENS} tokens, {suite}{manner}"), spent, Some(limit)))
    }

    /// BERT-base for all parties, from the tokens to the pooled output.
    pub(super) fn models(&self) -> Result<Vec<Figure>, BenchError> {
        let figure = |suite: &str, manner: Manner| {
            let program = manner.applied(self.bert_base(suite)?);
            let (peak, spent) = self.run(&program, manner)?;
            let limit = self.limits.processor_seconds(&Work::of(&program));
            let work = format!("bert-base, {TOKENS} tokens, {suite}{}", manner.name());
            Ok(Figure { memory_bytes: Some(peak), ..self.figure(work, spent, Some(limit)) })
        };
        let manners = SUITES.iter().flat_map(|suite| [Manner::Explicit, Manner::Fast].map(|manner| (suite, manner)));
        manners.map(|(suite, manner)| figure(suite, manner)).collect()
    }

    fn bert_base(&self, suite: &str) -> Result<Program, BenchError> {
        self.program(suite, TransformerConfig::bert_base().draft())
    }

    fn program(&self, suite: &str, draft: TransformerDraft) -> Result<Program, BenchError> {
        let config = draft.check().map_err(|error| defect("a part of a model", &error))?;
        let subject = Subject::of_model("bert-base", config, self.registry);
        let sizes = Sizes::new(TOKENS, 1).expect("a model takes 128 tokens");
        Ok(subject.program(&Suite::built_in(suite)?, sizes)?)
    }

    /// Runs on small numbers; gives the most bytes that were held.
    fn run(&self, program: &Program, manner: Manner) -> Result<(u64, Spent), BenchError> {
        let run = || {
            let options = Options { digest: manner == Manner::Hashed, ..Options::new(Seed::from_u64(0)) };
            let execution = execute(program, &Small::new(program), options).map_err(|error| defect("a run", &error))?;
            Ok(execution.memory.held_bytes)
        };
        self.fastest(run)
    }

    /// Building and counting BERT-large.
    pub(super) fn counting(&self) -> Result<Vec<Figure>, BenchError> {
        let subject = Subject::find_model("bert-large", self.registry)?;
        let sizes = Sizes::new(512, 1).expect("a model takes 512 tokens");
        let suite = Suite::built_in("faithful")?;
        let count = || {
            let program = subject.program(&suite, sizes)?;
            Ok(bill(&program, Schedule::Asap, Grouping::Region).phases.len())
        };
        let (_, spent) = self.fastest(count)?;
        Ok(vec![self.figure("building and counting bert-large, 512 tokens, faithful".to_owned(), spent, None)])
    }

    /// Proving BERT-base against one party, and checking it.
    pub(super) fn proving(&self) -> Result<Vec<Figure>, BenchError> {
        let program = self.bert_base("faithful")?;
        let coalition = Coalition::of(&program, &[Party::P0]).map_err(|error| defect("a coalition", &error))?;
        let (certificate, proved) = self.fastest(|| {
            let report = privacy::prove(&program, coalition);
            report.certificate.ok_or_else(|| defect("a proof", &"it is not found"))
        })?;
        let check = || check::check(&program, &certificate).map_err(|error| defect("a check", &error));
        let (_, checked) = self.fastest(check)?;
        let of = |what: &str| format!("{what} bert-base, {TOKENS} tokens, faithful, against P0");
        Ok(vec![self.figure(of("proving"), proved, None), self.figure(of("checking the proof of"), checked, None)])
    }

    /// Bounding the error of a GeLU over all inputs and running it on all of them.
    pub(super) fn auditing(&self) -> Result<Vec<Figure>, BenchError> {
        let suite = Suite::built_in("secformer")?;
        let subject = Subject::find_protocol("gelu/secformer", self.registry)?;
        let protocol = subject.protocol()?;
        let question = question(protocol, &suite);
        let audit = || ErrorAudit::new(&question, 1).map_err(|error| defect("an audit", &error));
        let (audit, spent) = self.fastest(audit)?;
        let inputs = match audit {
            ErrorAudit::Number(report) => report.inputs,
            ErrorAudit::Rows(_) => 0,
        };
        let work = format!("auditing gelu/secformer on {inputs} inputs, bounds and runs");
        Ok(vec![self.figure(work, spent, None)])
    }
}

/// How a Program is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// All parties, messages counted only.
    Explicit,
    /// All parties, messages hashed.
    Hashed,
    /// What is left without the parties.
    Fast,
}

impl Manner {
    const ALL: [Self; 3] = [Self::Explicit, Self::Hashed, Self::Fast];

    /// After the name of a work.
    fn name(self) -> &'static str {
        match self {
            Self::Explicit => "",
            Self::Hashed => ", messages hashed",
            Self::Fast => ", fast",
        }
    }

    /// The Program that is run.
    fn applied(self, program: Program) -> Program {
        match self {
            Self::Explicit | Self::Hashed => program,
            Self::Fast => Shortened::new(&program, true).for_a_run().clone(),
        }
    }
}

fn defect(work: &str, reason: &dyn std::fmt::Display) -> BenchError {
    BenchError::Defect { work: work.to_owned(), reason: reason.to_string() }
}

/// Small numbers for whatever is asked, made beforehand: how long a run takes does not depend on its numbers.
struct Small(Vec<f32>);

impl Small {
    fn new(program: &Program) -> Self {
        let most = program.iter().map(|(_, value)| value.shape.elements()).max().unwrap_or(0);
        Self((0..most).map(|i| (i % 97) as f32 / 512.0 - 0.09375).collect())
    }
}

impl Inputs for Small {
    fn input(&self, _: Party, _: &str, shape: &Shape) -> Option<Reals<'_>> {
        Some(Reals::F32(Cow::Borrowed(&self.0[..shape.elements()])))
    }
}
