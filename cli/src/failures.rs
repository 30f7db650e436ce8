//! How often an inference fails outright: the wraps of local truncations, by function, and what it costs to have none.

use crate::bill::{ASSUMED_MAGNITUDE, Price};
use crate::error::CliError;
use crate::inference;
use rayon::prelude::*;
use serde::Serialize;
use viewless_models::{Model, Prompt};
use viewless_protocols::program::Program;
use viewless_protocols::scheme::Truncation;
use viewless_protocols::suite::Suite;
use viewless_simulator::claims::RegionWraps;
use viewless_simulator::count::Schedule;
use viewless_simulator::execute::{Options, execute};
use viewless_simulator::failure;
use viewless_simulator::stream::Seed;

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

/// The report of `viewless audit MODEL`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailuresReport {
    /// Name or directory of the model.
    pub model: String,
    /// Tokens of a sequence.
    pub seq: usize,
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

/// Where the sizes of truncated numbers come from.
pub enum Numbers<'a> {
    /// Each has [`ASSUMED_MAGNITUDE`].
    Assumed,
    /// They are those of a run.
    Run {
        /// The model with its weights.
        model: &'a Model,
        /// The tokens of the text.
        tokens: &'a [u32],
        /// Decides everything random.
        seed: Seed,
    },
}

/// Sums the law over the Program of each suite under both truncations; `program` compiles one.
///
/// # Errors
/// What cannot be compiled or run.
pub fn failures(
    suites: &[Suite],
    numbers: &Numbers<'_>,
    limit: f64,
    program: &(dyn Fn(&Suite) -> Result<Program, CliError> + Sync),
) -> Result<Vec<SuiteFailures>, CliError> {
    let with = |suite: &Suite, truncation: Truncation| {
        let mut suite = suite.clone();
        suite.scheme.truncation = truncation;
        of_program(&program(&suite)?, truncation, numbers)
    };
    let one = |suite: &Suite| {
        let (local, exact) = (with(suite, Truncation::Local)?, with(suite, Truncation::Exact)?);
        let own = match suite.scheme.truncation {
            Truncation::Local => &local,
            Truncation::Exact => &exact,
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

fn of_program(program: &Program, truncation: Truncation, numbers: &Numbers<'_>) -> Result<Failures, CliError> {
    let by_function = match numbers {
        Numbers::Assumed => failure::predict_by_function(program, ASSUMED_MAGNITUDE),
        Numbers::Run { model, tokens, seed } => {
            let inputs = inference::ModelInputs { model, prompt: Prompt::Tokens(tokens) };
            let run = execute(program, &inputs, Options::new(seed.clone())).map_err(inference::InferenceError::from)?;
            failure::found_by_function(program, &run.findings)
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
    let probability = -(-expected_corrupted).exp_m1();
    Ok(Failures {
        truncation,
        truncated: by_function.iter().map(|(_, wraps)| wraps.elements).sum(),
        expected_corrupted,
        // Not -0.
        probability: probability.abs(),
        functions: by_function.iter().map(function).collect(),
        price: Price::of(crate::card::name_of(&truncation), program, Schedule::Asap, &[]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{self, Sizes};
    use crate::subject::Subject;
    use viewless_protocols::circuit::{Circuit, Owner};
    use viewless_protocols::scheme;

    fn of(suite: &str) -> SuiteFailures {
        let subject = Subject::find("bert-base").unwrap();
        let sizes = Sizes { seq: 8, batch: 1 };
        let suites = [arguments::suite(suite).unwrap()];
        let found = failures(&suites, &Numbers::Assumed, 1e-6, &|suite| subject.program(suite, sizes));
        found.unwrap().remove(0)
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
        let suites = [arguments::suite("secformer").unwrap()];
        let product = |suite: &Suite| {
            let mut c = Circuit::new();
            let (x, y) = (c.input(Owner::Client, "x", [1000]), c.input(Owner::Client, "y", [1000]));
            let z = c.mul(x, y);
            c.reveal(z, "z");
            Ok(scheme::compile(&c.finish()?, &suite.scheme, suite.fixed())?)
        };
        let found = failures(&suites, &Numbers::Assumed, 1e-6, &product).unwrap();
        assert_eq!((found[0].local.truncated, found[0].local.expected_corrupted), (1000, 1000.0 * 2f64.powi(-32)));
        assert!(found[0].safe, "a thousand of them are");
    }
}
