//! How often an inference fails outright: the wraps of local truncations, by function, and what it costs to have none.

use crate::bill::{ASSUMED_MAGNITUDE, Price};
use crate::model_inputs::ModelInputs;
use crate::programs::Programs;
use crate::sizes::{SizeError, Sizes};
use crate::subject::{Subject, SubjectError};
use rayon::prelude::*;
use serde::Serialize;
use std::sync::Arc;
use thiserror::Error;
use viewless_models::{Model, ModelError, Prompt};
use viewless_protocols::nonlinear::Registry;
use viewless_protocols::program::Program;
use viewless_protocols::program::Schedule;
use viewless_protocols::scheme::Truncation;
use viewless_protocols::suite::Suite;
use viewless_simulator::claims::RegionWraps;
use viewless_simulator::execute::{ExecuteError, Options, execute};
use viewless_simulator::failure;
use viewless_simulator::stream::Seed;

/// A count of failures that could not be made.
#[derive(Debug, Error)]
pub enum FailuresError {
    /// The Program.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// The number of tokens.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// The text.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The run.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
}

/// Local truncations of one function.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FunctionFailures {
    /// The function: linear, gelu, ...
    pub function: String,
    /// Elements truncated in one inference.
    pub truncated: u64,
    /// Expected number of them that come out wrong by a large power of two.
    pub expected_corrupted: f64,
    /// How many did, in the run; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrupted: Option<u64>,
}

/// A suite with one of the truncations.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Failures {
    /// The truncation.
    pub truncation: Truncation,
    /// Elements truncated by a method that can wrap, in one inference.
    pub truncated: u64,
    /// Expected number of them that come out wrong by a large power of two.
    pub expected_corrupted: f64,
    /// Probability of any in one inference.
    pub probability: f64,
    /// By function, the most frequent first.
    pub functions: Vec<FunctionFailures>,
    /// What the suite costs with this truncation.
    pub price: Price,
}

/// One suite.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SuiteFailures {
    /// Name of the suite.
    pub suite: String,
    /// Its own truncation.
    pub truncation: Truncation,
    /// Probability of any failure in one inference with its own truncation.
    pub probability: f64,
    /// Whether that is at most the limit.
    pub safe: bool,
    /// With truncations that can wrap.
    pub local: Failures,
    /// With truncations that cannot.
    pub exact: Failures,
}

/// How often inferences of a model fail outright, under each suite.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailuresReport {
    /// Name or directory of the model.
    pub model: String,
    /// Tokens of a sequence.
    pub seq: usize,
    /// The same in words: so many tokens or images.
    #[serde(skip)]
    pub length: String,
    /// The text that was run; the law is then summed over its true numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Magnitude assumed of every truncated number, where nothing was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assumed_magnitude: Option<f64>,
    /// Largest probability of any failure in one inference that counts as safe.
    pub limit: f64,
    /// The suites.
    pub suites: Vec<SuiteFailures>,
}

/// What is run, so that the law is summed over true numbers.
pub struct Run<'a> {
    /// The model with its weights.
    pub model: &'a Model,
    /// The text.
    pub text: &'a str,
    /// Decides everything random.
    pub seed: Seed,
}

/// Where the sizes of truncated numbers come from.
enum Numbers<'a> {
    /// Each has [`ASSUMED_MAGNITUDE`].
    Assumed,
    /// They are those of a run on these tokens.
    Run { model: &'a Model, tokens: &'a [u32], seed: Seed },
}

impl FailuresReport {
    /// Sums the law over the Program of each suite under both truncations, with every truncated number taken as
    /// [`ASSUMED_MAGNITUDE`] in size.
    ///
    /// # Errors
    /// What cannot be compiled.
    pub fn assumed(subject: &Subject, suites: &[Suite], sizes: Sizes, limit: f64) -> Result<Self, FailuresError> {
        let program = |suite: &Suite| Ok(Arc::new(subject.program(suite, sizes)?));
        let suites = failures(suites, &subject.registry, &Numbers::Assumed, limit, &program)?;
        let (model, seq, length) = (subject.name.clone(), subject.sizes(sizes).seq(), subject.length(sizes));
        Ok(Self { model, seq, length, text: None, assumed_magnitude: Some(ASSUMED_MAGNITUDE), limit, suites })
    }

    /// As [`FailuresReport::assumed`] of one suite, from Programs that other parts of a report use, too.
    pub(crate) fn assumed_of(
        programs: &Programs<'_>,
        suite: &Suite,
        limit: f64,
    ) -> Result<SuiteFailures, FailuresError> {
        let program = |suite: &Suite| Ok(programs.under(suite)?);
        let suites =
            failures(std::slice::from_ref(suite), &programs.subject.registry, &Numbers::Assumed, limit, &program)?;
        Ok(suites.into_iter().next().expect("one suite gives one entry"))
    }

    /// Sums the law over the true numbers of a run.
    ///
    /// # Errors
    /// What cannot be compiled or run.
    pub fn of_run(subject: &Subject, suites: &[Suite], run: &Run<'_>, limit: f64) -> Result<Self, FailuresError> {
        let Run { model, text, seed } = run;
        let tokens = model.encode(text)?;
        let sizes = Sizes::new(tokens.len(), 1)?;
        let program = |suite: &Suite| Ok(Arc::new(subject.program(suite, sizes)?));
        let numbers = Numbers::Run { model, tokens: &tokens, seed: seed.clone() };
        let suites = failures(suites, &subject.registry, &numbers, limit, &program)?;
        let (name, text, length) = (subject.name.clone(), (*text).to_owned(), subject.length(sizes));
        Ok(Self { model: name, seq: tokens.len(), length, text: Some(text), assumed_magnitude: None, limit, suites })
    }

    /// Whether every suite with its own truncation fails at most as often as the limit.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        self.suites.iter().all(|suite| suite.safe)
    }
}

/// Sums the law over the Program of each suite under both truncations; `program` compiles one.
fn failures(
    suites: &[Suite],
    registry: &Registry,
    numbers: &Numbers<'_>,
    limit: f64,
    program: &(dyn Fn(&Suite) -> Result<Arc<Program>, FailuresError> + Sync),
) -> Result<Vec<SuiteFailures>, FailuresError> {
    let with = |suite: &Suite, truncation: Truncation| {
        let mut suite = suite.clone();
        suite.scheme.truncation = truncation;
        of_program(&*program(&suite)?, registry, truncation, numbers)
    };
    let one = |suite: &Suite| {
        let (local, exact) = (with(suite, Truncation::Local)?, with(suite, Truncation::Exact)?);
        let own = match suite.scheme.truncation {
            Truncation::Local => &local,
            Truncation::Exact => &exact,
            Truncation::Narrowing => &with(suite, Truncation::Narrowing)?,
        };
        let (probability, truncation) = (own.probability, own.truncation);
        Ok(SuiteFailures {
            suite: suite.name.clone(),
            truncation,
            probability,
            safe: probability <= limit,
            local,
            exact,
        })
    };
    match numbers {
        Numbers::Assumed => suites.par_iter().map(one).collect(),
        // A run needs the memory of a model, and uses all threads by itself.
        Numbers::Run { .. } => suites.iter().map(one).collect(),
    }
}

fn of_program(
    program: &Program,
    registry: &Registry,
    truncation: Truncation,
    numbers: &Numbers<'_>,
) -> Result<Failures, FailuresError> {
    let (by_function, probability) = match numbers {
        Numbers::Assumed => {
            let probability = failure::predict(program, registry, ASSUMED_MAGNITUDE).probability();
            (failure::predict_by_function(program, registry, ASSUMED_MAGNITUDE), probability)
        }
        Numbers::Run { model, tokens, seed } => {
            let inputs = ModelInputs { model, prompt: Prompt::Tokens(tokens) };
            let run = execute(program, &inputs, Options::unhashed(seed.clone()))?;
            (failure::found_by_function(program, &run.findings), run.findings.wrap_probability())
        }
    };
    let sum = |f: fn(&RegionWraps) -> f64| by_function.iter().map(|(_, wraps)| f(wraps)).sum::<f64>();
    let expected_corrupted = sum(|wraps| wraps.expected);
    let has_run = matches!(numbers, Numbers::Run { .. });
    let function = |(function, wraps): &(String, RegionWraps)| FunctionFailures {
        function: function.clone(),
        truncated: wraps.elements,
        expected_corrupted: wraps.expected,
        corrupted: has_run.then_some(wraps.wraps),
    };
    Ok(Failures {
        truncation,
        truncated: by_function.iter().map(|(_, wraps)| wraps.elements).sum(),
        expected_corrupted,
        probability,
        functions: by_function.iter().map(function).collect(),
        price: Price::of(crate::card::name_of(&truncation), program, registry, Schedule::Asap, &[]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_protocols::circuit::{Circuit, Owner};
    use viewless_protocols::scheme;

    fn of(suite: &str) -> SuiteFailures {
        let subject = Subject::find("bert-base", Registry::built_in()).unwrap();
        let sizes = Sizes::new(8, 1).unwrap();
        let suites = [Suite::built_in(suite).unwrap()];
        FailuresReport::assumed(&subject, &suites, sizes, 1e-6).unwrap().suites.remove(0)
    }

    /// The functions add up to the whole, which is what `cost` says; exact truncation fails never, costs more, and the verdict is
    /// about the suite's own.
    #[test]
    fn functions_add_up_and_exact_truncation_brings_failures_to_zero_at_a_price() {
        for (suite, safe) in [("secformer", false), ("faithful", true)] {
            let found = of(suite);
            let sum: f64 = found.local.functions.iter().map(|function| function.expected_corrupted).sum();
            assert!((sum / found.local.expected_corrupted - 1.0).abs() < 1e-12);
            assert!((found.local.probability / found.local.price.failure_probability - 1.0).abs() < 1e-9);
            assert!(found.local.expected_corrupted > 0.0 && found.local.functions.len() >= 4);
            assert_eq!((found.exact.expected_corrupted, found.exact.probability), (0.0, 0.0));
            assert!(found.exact.functions.is_empty());
            assert!(found.exact.price.rounds_online > found.local.price.rounds_online);
            assert!(found.exact.price.bytes_online > found.local.price.bytes_online);
            assert_eq!(found.safe, safe, "{suite}");
        }
    }

    /// A product of size v with 16 fraction bits in 64 bits fails with probability v 2^-32.
    #[test]
    fn one_product_of_one_fails_once_in_four_billion() {
        let suites = [Suite::built_in("secformer").unwrap()];
        let product = |suite: &Suite| {
            let mut c = Circuit::new();
            let (x, y) = (c.input(Owner::Client, "x", [1000]), c.input(Owner::Client, "y", [1000]));
            let z = c.mul(x, y);
            c.reveal(z, "z");
            Ok(Arc::new(scheme::compile(&c.finish().unwrap(), &suite.scheme, suite.fixed()).unwrap()))
        };
        let found = failures(&suites, Registry::built_in(), &Numbers::Assumed, 1e-6, &product).unwrap();
        assert_eq!((found[0].local.truncated, found[0].local.expected_corrupted), (1000, 1000.0 * 2f64.powi(-32)));
        assert!(found[0].safe, "a thousand of them are");
    }
}
