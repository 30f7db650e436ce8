//! Everything about one model under one suite: bill, privacy, accuracy, failures, sites, and what to change.

use crate::Progress;
use crate::bill::{CostReport, Price, Setting};
use crate::comparison::SuiteEntry;
use crate::failures::{FailuresError, FailuresReport, SuiteFailures};
use crate::inference::{Asking, ExecutionMode, InferenceError, InferenceReport, Question, infer};
use crate::programs::Programs;
use crate::sites::{Line, Privately, SitesError, SitesReport};
use crate::subject::{Subject, SubjectError};
use serde::Serialize;
use thiserror::Error;
use viewless_models::Model;
use viewless_protocols::decimal;
use viewless_protocols::nonlinear::{Protocol, Registry};
use viewless_simulator::network::Network;
use viewless_simulator::stream::Seed;

/// Largest probability of any failure in one inference that counts as safe.
pub const FAILURE_LIMIT: f64 = 1e-6;

/// A report that could not be made.
#[derive(Debug, Error)]
pub enum ModelReportError {
    /// The Program.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// How often inferences fail.
    #[error(transparent)]
    Failures(#[from] FailuresError),
    /// The run.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// The sites.
    #[error(transparent)]
    Sites(#[from] SitesError),
}

/// The report.
#[derive(Debug, Clone, Serialize)]
pub struct ModelReport {
    /// What it costs.
    pub cost: CostReport,
    /// Certified errors of the suite's protocols, and privacy.
    pub verdicts: SuiteEntry,
    /// How often an inference fails outright.
    pub failures: SuiteFailures,
    /// A private run beside plaintext; absent where weights or a text are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inference: Option<InferenceReport>,
    /// What texts show at the sites of the model; absent where weights or texts are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sites: Option<SitesReport>,
    /// What to change, most important first.
    pub advice: Vec<Advice>,
}

/// Something to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// What is wrong, or could be better.
    pub because: String,
    /// What to do.
    pub change: String,
    /// Whether the suite cannot be used as it is.
    pub needed: bool,
}

/// What is run, where there are weights.
pub struct Runs<'a> {
    /// The model.
    pub model: &'a Model,
    /// What is asked of it, once.
    pub asking: Asking<'a>,
    /// Texts that are followed through its sites; none for a model of images.
    pub texts: &'a [Line<'a>],
    /// How many of them are run privately, and the seed of all runs.
    pub privately: Privately,
}

impl ModelReport {
    /// Counts, certifies, proves and, where there is something to run, runs. `progress` is told how many steps of how many are done.
    ///
    /// # Errors
    /// A model, suite, sizes or texts that cannot be used.
    pub fn new(
        subject: &Subject,
        setting: &Setting<'_>,
        runs: Option<&Runs<'_>>,
        progress: Progress<'_>,
    ) -> Result<Self, ModelReportError> {
        const STEPS: usize = 5;
        let (suite, registry) = (setting.suite, &subject.registry);
        progress(0, STEPS);
        let sizes = subject.sizes(setting.sizes);
        let programs = Programs::of(subject, suite, sizes);
        let cost = CostReport::of(&programs, setting)?;
        progress(1, STEPS);
        let networks = [Network::lan(), Network::wan()];
        let verdicts = SuiteEntry::of(&programs, suite, sizes, setting.schedule, &networks)?;
        progress(2, STEPS);
        let failures = FailuresReport::assumed_of(&programs, suite, FAILURE_LIMIT)?;
        progress(3, STEPS);
        let inference = match runs {
            None => None,
            Some(runs) => {
                let seed = Seed::from_u64(runs.privately.seed);
                let Setting { schedule, network, .. } = *setting;
                let question = Question {
                    model: runs.model,
                    suite,
                    registry,
                    asking: runs.asking,
                    seed,
                    network,
                    schedule,
                    certify: false,
                    execution: ExecutionMode::Explicit,
                    most_bytes: None,
                };
                Some(infer(&question, None, None)?)
            }
        };
        progress(4, STEPS);
        let sites = match runs {
            Some(runs) if !runs.texts.is_empty() => {
                let quiet = |_, _| {};
                Some(SitesReport::new(runs.model, suite, registry, runs.texts, runs.privately, &quiet, &quiet)?)
            }
            Some(_) | None => None,
        };
        let advice = advise(registry, &cost, &verdicts, &failures, sites.as_ref());
        Ok(Self { cost, verdicts, failures, inference, sites, advice })
    }

    /// Whether the suite serves this model: it computes the model's functions, is private, fails seldom, and no run broke a claim.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let broken = self.inference.as_ref().is_some_and(InferenceReport::breaks_claims);
        !broken && !self.advice.iter().any(|advice| advice.needed)
    }
}

/// What to change, from all that is known.
fn advise(
    registry: &Registry,
    cost: &CostReport,
    verdicts: &SuiteEntry,
    failures: &SuiteFailures,
    sites: Option<&SitesReport>,
) -> Vec<Advice> {
    let own = cost.price();
    let mut advice = Vec::new();
    let mut needed = |because: String, change: String| advice.push(Advice { because, change, needed: true });
    for privacy in verdicts.privacy.unproved() {
        needed(
            format!("that {} learns nothing is {}", privacy.coalition, privacy.verdict),
            "see `viewless prove` for the message that shows it".to_owned(),
        );
    }
    let mut functions: Vec<_> = verdicts.functions.iter().collect();
    // At sites it is the same one, and as right at each.
    functions.dedup_by_key(|function| &function.function);
    for function in functions {
        if let Some(why) = &function.not_right {
            needed(
                format!("{} is not right: {why}", function.protocol),
                format!("choose another protocol for {0}: `viewless compare {0}` shows which", function.function),
            );
        }
    }
    if !failures.safe {
        let exact = &failures.exact.price;
        needed(
            format!(
                "some truncation fails in an inference with probability {}",
                decimal::scientific(failures.probability, 1)
            ),
            format!(
                "choose truncation = \"exact\", which never fails and takes {} rounds and {} bytes online instead of {} and {}",
                exact.rounds_online, exact.bytes_online, own.rounds_online, own.bytes_online
            ),
        );
    }
    for site in sites.iter().flat_map(|sites| &sites.sites).filter(|site| site.outside > 0) {
        let (low, high) = site.seen;
        needed(
            format!(
                "{} brings {} numbers from {low:.3} to {high:.3}, and {} are outside its claims",
                site.site, site.protocol, site.outside
            ),
            wider(registry, &site.protocol, site.seen),
        );
    }
    let cheaper =
        |price: &&Price| price.bytes_online < own.bytes_online && price.failure_probability <= cost.failure_probability;
    advice.extend(cost.alternatives.iter().filter(cheaper).map(|price| Advice {
        because: format!(
            "{} takes {} rounds and {} bytes online, where the suite takes {} and {}",
            price.choice, price.rounds_online, price.bytes_online, own.rounds_online, own.bytes_online
        ),
        change: format!("choose {}", price.choice),
        needed: false,
    }));
    advice
}

/// The protocols of the same function whose intervals are of single numbers and hold all that was seen.
fn wider(registry: &Registry, name: &str, (low, high): (f64, f64)) -> String {
    let Some(protocol) = registry.get(name) else { return "choose another protocol".to_owned() };
    let quantity = protocol.card.interval.at(1).of;
    let holds = |other: &Protocol| {
        let interval = other.card.interval.at(1);
        interval.of == quantity && interval.low <= low && interval.high >= high
    };
    let names: Vec<&str> = registry
        .of(&protocol.card.function)
        .filter(|other| other.card.name != name && other.card.fails.is_empty() && holds(other))
        .map(|other| other.card.name.as_str())
        .collect();
    match names.as_slice() {
        [] => format!(
            "no protocol for {} in the registry takes these numbers: train the model so that they stay smaller",
            protocol.card.function
        ),
        names => format!("choose one whose interval holds them: {}", names.join(", ")),
    }
}
