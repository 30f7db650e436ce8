//! Suites side by side: cost, error, failure and privacy under one set of conventions.

use crate::bill::{ASSUMED_MAGNITUDE, Price};
use crate::error_audit::{ROW_RANGE, is_of_rows, question};
use crate::pictures::other_functions;
use crate::privacy::Privacy;
use crate::programs::Programs;
use crate::records::{self, Record};
use crate::sizes::Sizes;
use crate::subject::{Kind, Subject, SubjectError, relu_of};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use viewless_proofs::audit::{self, Question};
use viewless_protocols::nonlinear::{Failing, Function, Protocol, Quality};
use viewless_protocols::program::Phase;
use viewless_protocols::program::{COMPUTING, RegionBill, Schedule};
use viewless_protocols::suite::Suite;
use viewless_simulator::failure;
use viewless_simulator::network::Network;

/// Suites side by side.
#[derive(Debug, Clone, Serialize)]
pub struct SuiteComparison {
    /// Name of the model or protocol.
    pub model: String,
    /// Tokens, or elements of a row.
    pub seq: usize,
    /// Sequences, or rows.
    pub batch: usize,
    /// What one of its runs takes, in words: so many tokens or images.
    #[serde(skip)]
    pub length: String,
    /// How rounds were formed.
    pub schedule: Schedule,
    /// Networks of the predicted times.
    pub networks: Vec<Network>,
    /// One entry for each suite.
    pub suites: Vec<SuiteEntry>,
    /// What is published of other systems for the same model and length, where that was asked for.
    pub published: Vec<Record>,
}

/// What is known of one suite.
#[derive(Debug, Clone, Serialize)]
pub struct SuiteEntry {
    /// What it costs, in one line.
    #[serde(flatten)]
    pub price: Price,
    /// The suite itself.
    pub suite: Suite,
    /// Online bytes that each party sends.
    pub bytes_sent_online: BTreeMap<String, u64>,
    /// Online bytes that the busiest computing party sends and receives.
    pub bytes_sent_and_received_online: u64,
    /// Bills of the functions, largest first.
    pub regions: Vec<RegionBill>,
    /// Expected number of wrapped elements in one inference.
    pub expected_wraps: f64,
    /// Every function that the suite names a protocol for, and in the place of one that it names protocols at sites for, these sites; of an autoencoder,
    /// its activation alone.
    pub functions: Vec<FunctionEntry>,
    /// Verdicts about every single party's view.
    pub privacy: Privacy,
    /// Bytes on the busiest directed link in each online round of each schedule, for predictions.
    #[serde(skip)]
    pub rounds_bytes: Vec<Vec<u64>>,
}

/// A protocol of a suite, with its worst error.
#[derive(Debug, Clone, Serialize)]
pub struct FunctionEntry {
    /// What it computes.
    pub function: String,
    /// The site of the model where it stands, where the suite names one for each: `layer.0/gelu`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Its name.
    pub protocol: String,
    /// Largest error of any run that does not wrap, on any input of the card's domain; `None` where no finite bound is known.
    pub certified_max_error: Option<f64>,
    /// The domain of that.
    pub domain: String,
    /// Why it is not the function that a model has in this place, if it is not.
    pub not_right: Option<String>,
}

impl SuiteComparison {
    /// Counts, certifies and proves.
    ///
    /// # Errors
    /// A suite or sizes that cannot be counted.
    pub fn new(subject: &Subject, suites: Vec<Suite>, sizes: Sizes, schedule: Schedule) -> Result<Self, SubjectError> {
        let sizes = subject.sizes(sizes);
        let networks = vec![Network::lan(), Network::wan()];
        let entry =
            |suite: Suite| SuiteEntry::of(&Programs::of(subject, &suite, sizes), &suite, sizes, schedule, &networks);
        let suites = suites.into_par_iter().map(entry).collect::<Result<_, _>>()?;
        Ok(Self {
            model: subject.name.clone(),
            seq: sizes.seq(),
            batch: sizes.batch(),
            length: subject.length(sizes),
            schedule,
            networks,
            suites,
            published: Vec::new(),
        })
    }

    /// The same with what is published of other systems beside it; `None` where nothing is recorded of the model at this length.
    #[must_use]
    pub fn with_published(mut self) -> Option<Self> {
        self.published = records::records(&self.model, self.seq);
        (!self.published.is_empty() && self.batch == 1).then_some(self)
    }
}

impl SuiteEntry {
    /// What is known of a suite, from Programs that other parts of a report use, too.
    pub(crate) fn of(
        programs: &Programs<'_>,
        suite: &Suite,
        sizes: Sizes,
        schedule: Schedule,
        networks: &[Network],
    ) -> Result<Self, SubjectError> {
        let program = programs.under(suite)?;
        let networks: Vec<&Network> = networks.iter().collect();
        let bill = viewless_protocols::program::bill(&program, schedule, viewless_protocols::model::BY_FUNCTION);
        let failure = failure::predict(&program, &programs.subject.registry, ASSUMED_MAGNITUDE);
        let price = Price::counted(suite.name.clone(), &bill, &failure, &networks);
        let online = &bill.phases[&Phase::Online];
        let registry = &programs.subject.registry;
        let entry = |protocol: &Arc<Protocol>| FunctionEntry::new(protocol, suite, sizes.seq());
        let functions: Vec<FunctionEntry> = match &programs.subject.kind {
            Kind::Protocol(protocol) => vec![entry(protocol)],
            // It has no other function, whatever the suite names for Transformers.
            Kind::Autoencoder(_) => {
                let of_relu = entry(&relu_of(suite, registry)?);
                let other = other_functions(suite, registry)?.into_iter().next();
                vec![FunctionEntry { not_right: of_relu.not_right.clone().or(other), ..of_relu }]
            }
            Kind::Model(_) => {
                let protocols = suite.resolve(registry)?;
                let is_at_sites =
                    |function: &Function| protocols.at_sites().any(|(_, other)| other.card.function == *function);
                let everywhere = protocols.by_function().filter(|one| !is_at_sites(&one.card.function)).map(entry);
                let at_site =
                    |(site, one): (&String, &Arc<Protocol>)| FunctionEntry { site: Some(site.clone()), ..entry(one) };
                everywhere.chain(protocols.at_sites().map(at_site)).collect()
            }
        };
        Ok(Self {
            price,
            bytes_sent_online: online.bytes_sent.clone(),
            bytes_sent_and_received_online: sent_and_received(&online.bytes_by_link),
            expected_wraps: failure.expected_wraps,
            functions,
            privacy: Privacy::of(&program),
            rounds_bytes: bill.online_schedules(),
            regions: bill.regions,
            suite: suite.clone(),
        })
    }

    /// Functions that the suite computes otherwise than a model has them, or not on the arguments that models have.
    #[must_use]
    pub fn not_right(&self) -> Vec<&str> {
        let functions = self.functions.iter().filter(|function| function.not_right.is_some());
        let mut names: Vec<&str> = functions.map(|function| function.function.as_str()).collect();
        names.dedup();
        names
    }
}

impl FunctionEntry {
    /// Where it stands: its site, or all sites of its function.
    #[must_use]
    pub fn place(&self) -> &str {
        self.site.as_ref().unwrap_or(&self.function)
    }

    fn new(protocol: &Protocol, suite: &Suite, row_length: usize) -> Self {
        let card = &protocol.card;
        let domain = card.interval.at(row_length);
        let elements = match is_of_rows(protocol) {
            false => String::new(),
            true => format!("; rows of {row_length} in [{}, {}]", ROW_RANGE.0, ROW_RANGE.1),
        };
        let not_right = |failing: &&Failing| failing.quality == Quality::Right;
        Self {
            function: card.function.to_string(),
            site: None,
            protocol: protocol.title(),
            certified_max_error: certified(protocol, suite, row_length),
            domain: format!("{} in [{}, {}]{elements}", domain.of, domain.low, domain.high),
            not_right: card.fails.iter().find(not_right).map(|failing| failing.why.to_string()),
        }
    }
}

/// The largest error of any run that does not wrap, under a suite's scheme and fixed point; `None` where no finite bound is known.
pub(crate) fn certified(protocol: &Protocol, suite: &Suite, row_length: usize) -> Option<f64> {
    let question = Question { samples: 1, ..question(protocol, suite) };
    let bound = match is_of_rows(protocol) {
        false => audit::audit(&question).map(|report| report.certified_max_error),
        true => audit::rows::certified_max_error(&question, row_length, ROW_RANGE),
    };
    bound.unwrap_or_else(|error| {
        tracing::warn!("{} under suite {}: {error}", protocol.card.name, suite.name);
        None
    })
}

/// What the busiest computing party sends and receives, from the bytes on each directed link.
fn sent_and_received(links: &BTreeMap<String, u64>) -> u64 {
    let of = |party: String| -> u64 {
        links.iter().filter(|(link, _)| link.split("->").any(|end| end == party)).map(|(_, bytes)| bytes).sum()
    };
    COMPUTING.iter().map(|party| of(party.to_string())).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_protocols::nonlinear::Registry;

    /// It has ReLU and nothing of a Transformer: a suite is right for it by its ReLU.
    #[test]
    fn an_autoencoder_is_served_by_every_suite_whose_relu_is_one() {
        let subject = Subject::find("dc-vae-8", Registry::built_in()).unwrap();
        let suites = ["faithful", "mpcformer"].map(|name| Suite::built_in(name).unwrap());
        let mut quadratic = suites[0].clone();
        quadratic.protocols.insert(viewless_protocols::nonlinear::Function::RELU, "relu/quad".to_owned());
        let of = |suites: Vec<Suite>| {
            SuiteComparison::new(&subject, suites, Sizes::new(128, 1).unwrap(), Schedule::Asap).unwrap()
        };
        let found = of(suites.to_vec());
        assert_eq!((found.length.as_str(), found.seq), ("1 image", 1));
        for entry in &found.suites {
            let functions: Vec<&str> = entry.functions.iter().map(|function| function.function.as_str()).collect();
            assert_eq!((functions, entry.not_right().len()), (vec!["relu"], 0), "{}", entry.price.choice);
        }
        let [other] = of(vec![quadratic]).suites.try_into().unwrap();
        assert_eq!(other.not_right(), ["relu"]);
    }

    /// max(x, 0) is x/2 erfc(x / sqrt 2) away from GeLU, at most 0.17.
    #[test]
    fn a_protocol_of_a_file_is_certified_itself_and_not_what_viewless_has_under_its_name() {
        let suite = Suite::built_in("faithful").unwrap();
        for name in ["gelu/mine", "gelu/bolt"] {
            let text = format!(
                "protocol {name}\nsummary \"a\"\nsource \"b\"\ninterval [-8, 8]\nerror 0.2\nbuild x\n  return x - select(x < 0, x)\n"
            );
            let subject = Subject::of_text("mine.protocol", text, Registry::built_in()).unwrap();
            let error = certified(subject.protocol().unwrap(), &suite, 8).expect("it has a bound");
            assert!((0.169..0.171).contains(&error), "{name}: {error}");
        }
    }
}
