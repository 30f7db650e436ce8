//! Suites side by side: cost, error, failure and privacy under one set of conventions.
//!
//! [`Comparison::new`] gathers what is counted, certified and proved; [`summary`](Comparison::summary) and
//! [`functions`](Comparison::functions) lay it out as tables for text, Markdown and the [`page`].

pub mod chart;
pub mod page;

use crate::arguments::Sizes;
use crate::bill::Price;
use crate::bill::render;
use crate::card::hanging;
use crate::commands::audit::ROW_RANGE;
use crate::error::CliError;
use crate::subject::{Kind, Subject};
use crate::table::Table;
use crate::units;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use viewless_proofs::audit::{self, Question, function_of};
use viewless_proofs::privacy::{promised_coalitions, prove_each};
use viewless_protocols::nonlinear::{Failing, Protocol, Quality, Registry};
use viewless_protocols::program::{Phase, Program};
use viewless_protocols::suite::Suite;
use viewless_simulator::count::{self, Bill, COMPUTING, Grouping, RegionBill, Schedule};
use viewless_simulator::failure;
use viewless_simulator::network::Network;

/// Suites side by side.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Name of the model or protocol.
    pub model: String,
    /// Tokens, or elements of a row.
    pub seq: usize,
    /// Sequences, or rows.
    pub batch: usize,
    /// How rounds were formed.
    pub schedule: Schedule,
    /// Networks of the predicted times.
    pub networks: Vec<Network>,
    /// One entry for each suite.
    pub suites: Vec<Entry>,
}

/// What is known of one suite.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
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
    /// Every function that the suite names a protocol for.
    pub functions: Vec<FunctionEntry>,
    /// Verdicts about every single party's view.
    pub privacy: Vec<PrivacyEntry>,
    /// Bytes on the busiest directed link in each online round of each schedule, for predictions.
    #[serde(skip)]
    pub rounds_bytes: Vec<Vec<u64>>,
}

/// A protocol of a suite, with its worst error.
#[derive(Debug, Clone, Serialize)]
pub struct FunctionEntry {
    /// What it computes.
    pub function: String,
    /// Its name.
    pub protocol: String,
    /// Largest error of any run that does not wrap, on any input of the card's domain; `None` where no finite bound is known.
    pub certified_max_error: Option<f64>,
    /// The domain of that.
    pub domain: String,
    /// Why it is not the function that a model has in this place, if it is not.
    pub not_right: Option<String>,
}

/// The verdict about one coalition.
#[derive(Debug, Clone, Serialize)]
pub struct PrivacyEntry {
    /// Its members.
    pub coalition: String,
    /// `proved`, `refuted` or `undecided`.
    pub verdict: &'static str,
}

impl Comparison {
    /// Counts, certifies and proves.
    ///
    /// # Errors
    /// A suite or sizes that cannot be counted.
    pub fn new(subject: &Subject, suites: Vec<Suite>, sizes: Sizes, schedule: Schedule) -> Result<Self, CliError> {
        let sizes = subject.sizes(sizes);
        let networks = vec![Network::lan(), Network::wan()];
        let entry = |suite| Entry::new(subject, suite, sizes, schedule, &networks);
        let suites = suites.into_par_iter().map(entry).collect::<Result<_, _>>()?;
        Ok(Self { model: subject.name.clone(), seq: sizes.seq, batch: sizes.batch, schedule, networks, suites })
    }

    /// What stands above every form of it.
    #[must_use]
    pub fn heading(&self) -> String {
        format!("{}, {} tokens, batch {}", self.model, self.seq, self.batch)
    }

    /// One line for each suite.
    #[must_use]
    pub fn summary(&self) -> Table {
        let mut header = vec!["suite", "rounds", "online", "party", "setup", "offline", "P0 <-> P1"];
        header.extend(self.networks.iter().map(Network::name));
        header.extend(["any wrap", "wraps", "private", "not right"]);
        let mut table = Table::of_numbers(&header);
        for entry in &self.suites {
            let price = &entry.price;
            let mut cells = vec![price.choice.clone(), price.rounds_online.to_string()];
            cells.extend(
                [
                    price.bytes_online,
                    entry.bytes_sent_and_received_online,
                    price.bytes_setup,
                    price.bytes_offline,
                    price.bytes_between_computing_parties,
                ]
                .map(units::bytes),
            );
            let seconds = |network: &Network| units::seconds(price.predicted_seconds[network.name()]);
            cells.extend(self.networks.iter().map(seconds));
            cells.push(units::probability(price.failure_probability));
            cells.push(units::probability(entry.expected_wraps));
            cells.push(entry.privacy_in_words());
            cells.push(entry.not_right().join(", "));
            table.row(cells);
        }
        table
    }

    /// One line for each function of each suite.
    #[must_use]
    pub fn functions(&self) -> Table {
        let mut table = Table::of_text(&["suite", "function", "protocol", "worst error", "on"]);
        for entry in &self.suites {
            for function in &entry.functions {
                let mark = if function.not_right.is_some() { " *" } else { "" };
                table.row([
                    entry.price.choice.clone(),
                    function.function.clone(),
                    format!("{}{mark}", function.protocol),
                    function.error_in_words(),
                    function.domain.clone(),
                ]);
            }
        }
        table
    }

    /// Why protocols are not what a model has in their place, each once.
    fn not_right(&self) -> Vec<(&str, &str)> {
        let functions = self.suites.iter().flat_map(|entry| &entry.functions);
        let all = functions.filter_map(|function| Some((function.protocol.as_str(), function.not_right.as_deref()?)));
        all.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What the figures mean, line by line.
    #[must_use]
    pub fn conventions(&self) -> String {
        render::conventions_of_suites(self.schedule, &self.networks)
            + "wraps    expected number of wrapped elements in one inference, under the same assumption\n\
               party    online bytes that the busiest computing party sends and receives\n\
               private  proofs that the view of every single party can be simulated\n\
               not right  functions that a suite computes otherwise, or not on the arguments that models have (*, with the reason)\n\
               error    of any run that does not wrap, on any input of the domain, against what the card says is computed\n"
    }

    /// As text.
    #[must_use]
    pub fn text(&self) -> String {
        let (summary, functions) = (self.summary().lines(), self.functions().lines());
        let reasons: String = self.not_right().iter().map(|(name, why)| hanging(&format!("* {name}: "), why)).collect();
        format!("{}\n\n{summary}\n{functions}\n{reasons}\n{}", self.heading(), self.conventions())
    }

    /// As Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let (summary, functions) = (self.summary().markdown(), self.functions().markdown());
        let reasons: String = self.not_right().iter().map(|(name, why)| format!("- \\* {name}: {why}\n")).collect();
        format!("# {}\n\n{summary}\n{functions}\n{reasons}\n```text\n{}```\n", self.heading(), self.conventions())
    }
}

impl Entry {
    fn new(
        subject: &Subject,
        suite: Suite,
        sizes: Sizes,
        schedule: Schedule,
        networks: &[Network],
    ) -> Result<Self, CliError> {
        let program = subject.program(&suite, sizes)?;
        let networks: Vec<&Network> = networks.iter().collect();
        let bill = count::bill(&program, schedule, Grouping::Function);
        let rounds_bytes = bill.online_schedules();
        let Bill { phases, regions, .. } = bill;
        let failure = failure::predict(&program, crate::bill::ASSUMED_MAGNITUDE);
        let online = &phases[&Phase::Online];
        let protocols = match &subject.kind {
            Kind::Protocol(protocol) => vec![Arc::clone(protocol)],
            Kind::Model(_) => suite.resolve(Registry::built_in())?.iter().cloned().collect(),
        };
        let functions = protocols.into_iter().map(|protocol| FunctionEntry::new(&protocol, &suite, sizes.seq));
        Ok(Self {
            price: Price::of(suite.name.clone(), &program, schedule, &networks),
            bytes_sent_online: online.bytes_sent.clone(),
            bytes_sent_and_received_online: sent_and_received(&online.bytes_by_link),
            regions,
            expected_wraps: failure.expected_wraps,
            functions: functions.collect(),
            privacy: privacy(&program),
            rounds_bytes,
            suite,
        })
    }

    /// Whether every single party's view is proved.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.privacy.iter().all(|privacy| privacy.verdict == "proved")
    }

    /// Functions that the suite computes otherwise than a model has them, or not on the arguments that models have.
    #[must_use]
    pub fn not_right(&self) -> Vec<&str> {
        let functions = self.functions.iter();
        functions.filter(|function| function.not_right.is_some()).map(|function| function.function.as_str()).collect()
    }

    /// The verdicts in a word or two.
    fn privacy_in_words(&self) -> String {
        let proved = self.privacy.iter().filter(|privacy| privacy.verdict == "proved").count();
        if self.is_private() { "proved".to_owned() } else { format!("{proved} of {} proved", self.privacy.len()) }
    }
}

impl FunctionEntry {
    fn new(protocol: &Protocol, suite: &Suite, row_length: usize) -> Self {
        let card = &protocol.card;
        let domain = card.interval.at(row_length);
        let elements = match function_of(card.error.truth) {
            Some(_) => String::new(),
            None => format!("; rows of {row_length} in [{}, {}]", ROW_RANGE.0, ROW_RANGE.1),
        };
        let not_right = |failing: &&Failing| failing.quality == Quality::Right;
        Self {
            function: card.function.to_string(),
            protocol: card.name.clone(),
            certified_max_error: certified(protocol, suite, row_length),
            domain: format!("{} in [{}, {}]{elements}", domain.of, domain.low, domain.high),
            not_right: card.fails.iter().find(not_right).map(|failing| failing.why.clone()),
        }
    }

    fn error_in_words(&self) -> String {
        self.certified_max_error.map_or_else(|| "no bound".to_owned(), |error| format!("{error:.1e}"))
    }
}

/// The largest error of any run that does not wrap, under a suite's scheme and fixed point; `None` where no finite bound is known.
fn certified(protocol: &Protocol, suite: &Suite, row_length: usize) -> Option<f64> {
    let name = &protocol.card.name;
    let question = Question { scheme: suite.scheme, fixed: suite.fixed(), samples: 1, ..Question::new(name) };
    let bound = match function_of(protocol.card.error.truth) {
        Some(_) => audit::audit(&question).map(|report| report.certified_max_error),
        None => audit::rows::certified_max_error(protocol, &question, row_length, ROW_RANGE),
    };
    bound.unwrap_or_else(|error| {
        tracing::warn!("{name} under suite {}: {error}", suite.name);
        None
    })
}

fn privacy(program: &Program) -> Vec<PrivacyEntry> {
    let reports = prove_each(program, &promised_coalitions(program));
    reports
        .into_iter()
        .map(|report| PrivacyEntry { coalition: report.coalition.to_string(), verdict: report.verdict.name() })
        .collect()
}

/// What the busiest computing party sends and receives, from the bytes on each directed link.
fn sent_and_received(links: &BTreeMap<String, u64>) -> u64 {
    let of = |party: String| -> u64 {
        links.iter().filter(|(link, _)| link.split("->").any(|end| end == party)).map(|(_, bytes)| bytes).sum()
    };
    COMPUTING.iter().map(|party| of(party.to_string())).max().unwrap_or(0)
}
