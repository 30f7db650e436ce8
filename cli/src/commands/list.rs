//! `viewless list`: what there is, from the registries.

use super::{Outcome, fetch};
use crate::arguments;
use crate::error::CliError;
use crate::render::table::{TextTable, hanging};
use crate::render::{card, units};
use crate::screen::{self, Manner};
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use viewless_models::dcvae::is_autoencoder;
use viewless_models::{Inventory, Use, inventory, known_models, read_config, shipped};
use viewless_protocols::model::{self, Input, TransformerConfig, TransformerDraft};
use viewless_protocols::suite::Suite;
use viewless_simulator::network::Network;
use viewless_workbench::SubjectError;
use viewless_workbench::card::{CardReport, name_of};
use viewless_workbench::named::{self, NETWORKS, network};

/// What to list.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A protocol, suite (or a .toml file of one), model or network, to see all about it
    name: Option<String>,
    /// A model directory, or a name that `fetch` knows, to see what of its files is read, and why the rest is not; fetched first if it is not there
    #[arg(long, value_name = "DIR|NAME", conflicts_with = "name")]
    model: Option<String>,
    /// With --model: where fetched models are kept [default: as `fetch`]
    #[arg(long, value_name = "DIR", requires = "model")]
    cache: Option<PathBuf>,
}

/// Everything there is.
#[derive(Serialize)]
struct Everything {
    /// The cards of all protocols.
    protocols: Vec<CardReport>,
    /// All built-in suites.
    suites: Vec<Suite>,
    /// All models that are known by name.
    models: Vec<ModelEntry>,
    /// All built-in networks.
    networks: Vec<Network>,
}

/// One thing there is.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Entry {
    /// The card of a protocol.
    Protocol(CardReport),
    /// A suite.
    Suite(Suite),
    /// A model.
    Model(ModelEntry),
    /// A network.
    Network(Network),
}

/// A model that can be named.
#[derive(Serialize)]
struct ModelEntry {
    /// Its name.
    name: &'static str,
    /// Whether `viewless fetch` gets its weights.
    fetchable: bool,
    /// Its sizes, where they are known without files.
    config: Option<TransformerConfig>,
}

/// Lists everything, or shows one thing.
///
/// # Errors
/// A name that nothing has.
pub fn run(arguments: &Arguments, manner: Manner) -> Result<Outcome, CliError> {
    if let Some(model) = &arguments.model {
        let directory = fetch::directory(model, arguments.cache.as_deref())?;
        if is_autoencoder(&directory) {
            return Err(SubjectError::NotForAutoencoders { name: model.clone() }.into());
        }
        let found = inventory(&directory, &read_config(&directory)?)?;
        if manner.json {
            screen::print_json(&found)?
        } else {
            screen::print(inventory_text(&found))?
        }
        return Ok(Outcome::Positive);
    }
    let everything = Everything::collect()?;
    match (&arguments.name, manner.json) {
        (None, true) => screen::print_json(&everything)?,
        (None, false) => screen::print(everything.text())?,
        (Some(name), json) => {
            let registry = arguments::registry();
            let entry = if registry.is_of_member(name) {
                // Of a family there are too many to be listed.
                Entry::Protocol(CardReport::new(&registry.find(name)?.card))
            } else if name.ends_with(".toml") {
                Entry::Suite(named::suite(name, registry)?)
            } else {
                everything.find(name).ok_or_else(|| CliError::UnknownName { name: name.clone() })?
            };
            if json { screen::print_json(&entry)? } else { screen::print(entry.text())? }
        }
    }
    Ok(Outcome::Positive)
}

/// What becomes of each file, key and tensor.
fn inventory_text(found: &Inventory) -> String {
    let table = |title: &str, uses: &BTreeMap<String, Use>| {
        let mut table = TextTable::of_text(&[title, ""]).wrapped();
        for (name, of) in uses {
            let what = match of {
                Use::Used => "used".to_owned(),
                Use::Harmless(reason) => format!("not read: {reason}"),
                Use::Unknown => "unknown, and not read".to_owned(),
            };
            table.row([name.clone(), what]);
        }
        table.lines() + "\n"
    };
    let mut text = table("file", &found.files);
    found.keys.iter().for_each(|(file, keys)| text.push_str(&table(file, keys)));
    if let Some(weights) = &found.weights {
        text.push_str(&table(&format!("tensors of {weights}"), &found.tensors));
    }
    text
}

impl Everything {
    fn collect() -> Result<Self, CliError> {
        let known = model::KNOWN.map(|name| ModelEntry { name, fetchable: false, config: model::known(name) });
        let fetchable = known_models().map(|name| ModelEntry { name, fetchable: true, config: None });
        Ok(Self {
            protocols: CardReport::all(arguments::registry()),
            suites: Suite::names().map(Suite::built_in).collect::<Result<_, _>>()?,
            models: known.into_iter().chain(fetchable).collect(),
            networks: NETWORKS.iter().map(|name| network(name)).collect::<Result<_, _>>()?,
        })
    }

    fn find(self, name: &str) -> Option<Entry> {
        let Self { protocols, suites, models, networks } = self;
        let protocol = protocols.into_iter().find(|card| card.name == name).map(Entry::Protocol);
        let suite = || suites.into_iter().find(|suite| suite.name == name).map(Entry::Suite);
        let model = || models.into_iter().find(|model| model.name == name).map(Entry::Model);
        let network = || networks.into_iter().find(|network| network.name() == name).map(Entry::Network);
        protocol.or_else(suite).or_else(model).or_else(network)
    }

    fn text(&self) -> String {
        let protocols: String = self.protocols.iter().map(card::entry).collect();
        let mut suites = TextTable::of_text(&["suite", "summary"]).wrapped();
        self.suites.iter().for_each(|suite| suites.row([&suite.name, &suite.summary]));
        let mut models = TextTable::of_text(&["model", ""]).wrapped();
        self.models.iter().for_each(|model| models.row([model.name.to_owned(), model.summary()]));
        let mut networks = TextTable::of_text(&["network", ""]);
        self.networks.iter().for_each(|network| networks.row([network.name().to_owned(), summary(network)]));
        format!(
            "{protocols}\n{}\n{}\n{}\n\
             `viewless list NAME` shows all about one of them: a protocol's claims and known defects, a suite's choices.\n",
            suites.lines(),
            models.lines(),
            networks.lines()
        )
    }
}

impl Entry {
    fn text(&self) -> String {
        match self {
            Self::Protocol(report) => card::text(report),
            Self::Suite(suite) => suite_text(suite),
            Self::Model(model) => format!("{}: {}\n", model.name, model.summary()),
            Self::Network(network) => format!("{}: {}\n", network.name(), summary(network)),
        }
    }
}

impl ModelEntry {
    fn summary(&self) -> String {
        let sizes = self.config.as_ref().map(|config| {
            let TransformerDraft { architecture, layers, hidden_size, heads, intermediate_size, .. } = &**config;
            let input = match config.input {
                Input::Text { vocab_size, .. } => format!("vocabulary {vocab_size}"),
                Input::Image { image_size, patch_size, .. } => {
                    format!("images of {image_size} x {image_size} in patches of {patch_size} x {patch_size}")
                }
            };
            format!(
                "{architecture}, {layers} layers, hidden {hidden_size}, {heads} heads, intermediate {intermediate_size}, \
                 {input}; sizes only"
            )
        });
        let fetch = || {
            if self.name == shipped::NAME {
                return "with weights, part of the program; the default of `infer`".to_owned();
            }
            format!("with weights: `viewless fetch {}`", self.name)
        };
        sizes.unwrap_or_else(fetch)
    }
}

fn summary(network: &Network) -> String {
    let bandwidth = units::bandwidth(network.bandwidth_bits_per_second());
    format!("{bandwidth} on each directed link, {} one way", units::seconds(network.latency_seconds()))
}

fn suite_text(suite: &Suite) -> String {
    let scheme = &suite.scheme;
    let choices = [
        ("scheme", name_of(&scheme.kind())),
        ("truncation", name_of(&scheme.truncation)),
        ("comparison", name_of(&scheme.comparison)),
        ("triples", scheme.sharing.triples().map_or_else(|| "none".to_owned(), |triples| name_of(&triples))),
        ("weights", name_of(&scheme.weights())),
        ("fraction bits", suite.fraction_bits().to_string()),
        ("range bits", suite.fixed().range_bits().to_string()),
        ("embedding", name_of(&suite.embedding)),
    ];
    let protocols = suite.protocols.iter().map(|(function, name)| (function.name(), name.clone()));
    let lines: String =
        choices.into_iter().chain(protocols).map(|(label, value)| format!("{label:<15}{value}\n")).collect();
    let sites: String = suite.sites.iter().map(|(site, name)| format!("{site}: {name}\n")).collect();
    format!("{}\n{lines}{sites}", hanging(&format!("{}: ", suite.name), &suite.summary))
}
