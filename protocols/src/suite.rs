//! A suite: one choice for everything that a private inference needs.
//!
//! Suites are TOML; [`Suite::built_in`] holds those that come with viewless. A protocol may be named by the file that it is written in; the
//! suite then holds the text of that file, so that it is complete by itself wherever it goes, a stored proof included.

mod error;

pub use error::SuiteError;

use crate::file::read_protocol;
use crate::fixed::{FixedPoint, RANGE_BITS, RING_BITS};
use crate::model::{Embedding, ModelProtocols};
use crate::nonlinear::{Function, Protocol, Quality, Registry};
pub use crate::nonlinear::{MissingProtocol, Protocols};
use crate::plain::{first_not_plain, plain};
use crate::scheme::{SchemeSpec, Truncation, WrittenScheme};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// A scheme, a fixed point, a protocol for each function, and the treatment of embeddings.
///
/// What it names protocols for is looked up in a registry by [`Suite::resolve`]; everything else is right by its type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenSuite", into = "WrittenSuite")]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// One line on what it is for.
    pub summary: String,
    fixed: FixedPoint,
    /// Look-up of tokens.
    pub embedding: Embedding,
    /// The scheme with its choices.
    pub scheme: SchemeSpec,
    /// For each function that its models need a protocol: its name, or a protocol file ([`is_protocol_file`]) whose text is among
    /// `protocol_files`.
    pub protocols: BTreeMap<Function, String>,
    /// For sites of a model ([`Site::name`](crate::model::Site::name)) the protocol that stands there in the place of its function's; it computes the same function. Empty for a suite
    /// that serves any model.
    pub sites: BTreeMap<String, String>,
    /// The texts of the protocol files that `protocols` and `sites` name, each under the name that stands there. Whoever reads a suite from a file puts
    /// them here ([`Suite::missing_files`]); a suite may also bring them itself, in a table `[protocol-files]`.
    pub protocol_files: BTreeMap<String, String>,
}

/// How the name of a file of a protocol ends.
pub const PROTOCOL_FILE: &str = ".protocol";

/// Whether a name is that of a protocol file, and not of a protocol in a registry.
#[must_use]
pub fn is_protocol_file(name: &str) -> bool {
    name.ends_with(PROTOCOL_FILE)
}

/// A suite as files write it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenSuite {
    /// Its name.
    name: String,
    /// One line on what it is for.
    summary: String,
    /// Fraction bits of the fixed point.
    fraction_bits: u8,
    /// Binary logarithm of the bound of numbers of which nothing is known, for rings that are narrowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    range_bits: Option<u8>,
    /// Look-up of tokens.
    embedding: Embedding,
    /// The scheme with its choices.
    scheme: WrittenScheme,
    /// For each function its protocol, or a protocol file.
    protocols: BTreeMap<Function, String>,
    /// For each site the protocol in the place of its function's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sites: BTreeMap<String, String>,
    /// The texts of these files.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    protocol_files: BTreeMap<String, String>,
}

/// Fraction bits that a suite may have: with fewer, no protocol computes anything; with more, none has room for its guard bits.
pub const FRACTION_BITS: RangeInclusive<u8> = 4..=24;

/// The most sites that a suite names protocols for: those of a model of some three hundred layers.
pub const MOST_SITES: usize = 1200;

const BUILT_IN: [(&str, &str); 15] = [
    ("faithful", include_str!("suites/faithful.toml")),
    ("faithful-narrow", include_str!("suites/faithful-narrow.toml")),
    ("frontier", include_str!("suites/frontier.toml")),
    ("frontier-2quad", include_str!("suites/frontier-2quad.toml")),
    ("secformer", include_str!("suites/secformer.toml")),
    ("secformer-printed", include_str!("suites/secformer-printed.toml")),
    ("secformer-code", include_str!("suites/secformer-code.toml")),
    ("mpcformer", include_str!("suites/mpcformer.toml")),
    ("mpcformer-as-benchmarked", include_str!("suites/mpcformer-as-benchmarked.toml")),
    ("crypten", include_str!("suites/crypten.toml")),
    ("puma", include_str!("suites/puma.toml")),
    ("puma-as-in-secformer-code", include_str!("suites/puma-as-in-secformer-code.toml")),
    ("bolt-functions", include_str!("suites/bolt-functions.toml")),
    ("shaft-functions", include_str!("suites/shaft-functions.toml")),
    ("client-server", include_str!("suites/client-server.toml")),
];

impl Suite {
    /// Names of the built-in suites.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// A built-in suite.
    ///
    /// # Errors
    /// [`SuiteError::Unknown`] lists the names.
    pub fn built_in(name: &str) -> Result<Self, SuiteError> {
        let found = BUILT_IN.iter().find(|(known, _)| *known == name);
        let (_, text) = found.ok_or_else(|| SuiteError::Unknown {
            name: name.to_owned(),
            known: Self::names().map(str::to_owned).collect(),
        })?;
        Self::parse(name, text)
    }

    /// Reads a suite from TOML; `origin` names it in errors.
    ///
    /// # Errors
    /// [`SuiteError`] says what to change.
    pub fn parse(origin: &str, text: &str) -> Result<Self, SuiteError> {
        let written: WrittenSuite = toml::from_str(text)
            .map_err(|error| SuiteError::Parse { origin: origin.to_owned(), message: error.to_string() })?;
        Self::try_from(written)
    }

    /// The same suite with other fraction bits, in words of `ring_bits`.
    ///
    /// # Errors
    /// [`SuiteError::FractionBits`] for a fixed point without room for products; [`SuiteError::Ring`] for words that are not built.
    pub fn with_fixed(mut self, fraction_bits: Option<u8>, ring_bits: Option<u8>) -> Result<Self, SuiteError> {
        if let Some(ring_bits) = ring_bits.filter(|&bits| bits != RING_BITS) {
            return Err(SuiteError::Ring { suite: self.name, ring_bits });
        }
        if let Some(fraction_bits) = fraction_bits {
            let refused = || SuiteError::FractionBits { suite: self.name.clone(), fraction_bits };
            self.fixed = self.with_point(fraction_bits).ok_or_else(refused)?;
        }
        Ok(self)
    }

    /// The protocol files that it names and does not hold the texts of, each once.
    #[must_use]
    pub fn missing_files(&self) -> Vec<String> {
        let missing = |name: &&String| is_protocol_file(name) && !self.protocol_files.contains_key(*name);
        let names: BTreeSet<&String> = self.named().filter(missing).collect();
        names.into_iter().cloned().collect()
    }

    /// Every name of a protocol, those at sites too.
    pub fn named(&self) -> impl Iterator<Item = &String> {
        self.protocols.values().chain(self.sites.values())
    }

    /// Names a protocol for a function, at every site.
    pub fn choose(&mut self, function: Function, name: String) {
        self.sites.retain(|site, _| function_of(site) != function.name());
        self.protocols.insert(function, name);
    }

    /// The fixed point.
    #[must_use]
    pub fn fixed(&self) -> FixedPoint {
        self.fixed
    }

    /// Fraction bits of the fixed point in Z_2^64, among [`FRACTION_BITS`].
    #[must_use]
    pub fn fraction_bits(&self) -> u8 {
        self.fixed.fraction_bits()
    }

    /// The same suite with other fraction bits.
    ///
    /// # Errors
    /// [`SuiteError::FractionBits`] for what is not among [`FRACTION_BITS`].
    pub fn with_fraction_bits(self, fraction_bits: u8) -> Result<Self, SuiteError> {
        match self.with_point(fraction_bits) {
            Some(fixed) => Ok(Self { fixed, ..self }),
            None => Err(SuiteError::FractionBits { suite: self.name, fraction_bits }),
        }
    }

    /// Other fraction bits, and the same range.
    fn with_point(&self, fraction_bits: u8) -> Option<FixedPoint> {
        fixed_point(fraction_bits)?.with_range(self.fixed.range_bits())
    }

    /// The protocols that it names, in the registry or in files; a file may call those of the registry.
    ///
    /// # Errors
    /// [`SuiteError`]: a name that is unknown, a protocol of another function, a file that says something wrong.
    pub fn resolve(&self, registry: &Registry) -> Result<Protocols, SuiteError> {
        let mut protocols = Protocols::none(&self.name);
        for (function, name) in &self.protocols {
            let protocol = self.protocol(registry, name, function)?;
            protocols.put(function, protocol);
        }
        for (site, name) in &self.sites {
            let no_function = || SuiteError::Site { suite: self.name.clone(), site: site.clone() };
            let function = Function::of(function_of(site)).map_err(|_| no_function())?;
            let usual = protocols.get(&function).map_err(|_| no_function())?;
            let protocol = self.protocol(registry, name, &function)?;
            if protocol.card.error.truth != usual.card.error.truth || is_right(&protocol) != is_right(usual) {
                let (suite, site, usual) = (self.name.clone(), site.clone(), usual.card.name.clone());
                return Err(SuiteError::OtherAtSite { suite, site, at_site: name.clone(), usual });
            }
            protocols.put_at(site, protocol);
        }
        Ok(protocols)
    }

    /// Refuses what it names and [`Suite::resolve`] would not find, for functions that nothing uses, too. A suite whose protocols are those of the
    /// built-in one of its name is right in any registry: of one that has none of them, only what is used is asked for.
    ///
    /// # Errors
    /// As [`Suite::resolve`].
    pub fn resolvable(&self, registry: &Registry) -> Result<(), SuiteError> {
        let is_of = |built_in: Self| built_in.protocols == self.protocols && self.sites.is_empty();
        let built_in = Self::built_in(&self.name).is_ok_and(is_of);
        if built_in { Ok(()) } else { self.resolve(registry).map(drop) }
    }

    /// What a model is built with.
    ///
    /// # Errors
    /// As [`Suite::resolve`].
    pub fn model(&self, registry: &Registry) -> Result<ModelProtocols, SuiteError> {
        let mut protocols = self.resolve(registry)?;
        // Folded weights are computed by their owner where rings are narrowed; elsewhere a normalisation scales its rows itself, and costs what it costs alone.
        if self.scheme.truncation != Truncation::Narrowing {
            protocols.replace(|protocol| {
                let whole = || Arc::new(Protocol { parts: None, ..Protocol::clone(protocol) });
                Ok::<_, SuiteError>(if protocol.rows_in_parts().is_some() { whole() } else { Arc::clone(protocol) })
            })?;
        }
        Ok(ModelProtocols { protocols, embedding: self.embedding })
    }

    fn protocol(&self, registry: &Registry, name: &str, function: &Function) -> Result<Arc<Protocol>, SuiteError> {
        let known = || registry.of(function).map(|protocol| protocol.card.name.to_string()).collect();
        let (suite, name, function) = (self.name.clone(), name.to_owned(), function.clone());
        let found = if registry.is_of_member(&name) {
            Some(registry.find(&name).map_err(|error| SuiteError::Member { suite: suite.clone(), error })?)
        } else if !is_protocol_file(&name) {
            registry.get(&name).cloned()
        } else if let Some(text) = self.protocol_files.get(&name) {
            let read = read_protocol(&name, text, registry);
            Some(Arc::new(read.map_err(|error| SuiteError::File { suite: suite.clone(), error })?))
        } else {
            return Err(SuiteError::NoText { suite, name, function });
        };
        match found {
            Some(protocol) if protocol.card.function == function => Ok(protocol),
            Some(protocol) => {
                let (computes, known) = (protocol.card.function.clone(), known());
                Err(SuiteError::WrongFunction { suite, name, function, computes, known })
            }
            None => {
                let known = known();
                Err(SuiteError::UnknownProtocol { suite, name, function, known })
            }
        }
    }
}

/// Whether a protocol computes what its card states the truth of, and no other function in its place.
fn is_right(protocol: &Protocol) -> bool {
    protocol.card.fails.iter().all(|failing| failing.quality != Quality::Right)
}

/// The function of a site: the last part of its name.
fn function_of(site: &str) -> &str {
    site.rsplit('/').next().unwrap_or(site)
}

fn fixed_point(fraction_bits: u8) -> Option<FixedPoint> {
    FixedPoint::new(fraction_bits).ok().filter(|_| FRACTION_BITS.contains(&fraction_bits))
}

impl TryFrom<WrittenSuite> for Suite {
    type Error = SuiteError;

    fn try_from(written: WrittenSuite) -> Result<Self, SuiteError> {
        let WrittenSuite {
            name,
            summary,
            fraction_bits,
            range_bits,
            embedding,
            scheme,
            protocols,
            sites,
            protocol_files,
        } = written;
        let named = protocols.values().chain(sites.keys()).chain(sites.values()).chain(protocol_files.keys());
        if let Some(text) = [&name, &summary].into_iter().chain(named).find(|text| first_not_plain(text).is_some()) {
            return Err(SuiteError::NotPlain { text: plain(text) });
        }
        let Some(fixed) = fixed_point(fraction_bits) else {
            return Err(SuiteError::FractionBits { suite: name, fraction_bits });
        };
        if sites.len() > MOST_SITES {
            return Err(SuiteError::Sites { suite: name, sites: sites.len() });
        }
        let all = protocols.values().chain(sites.values());
        let unused = |name: &&String| !(is_protocol_file(name) && all.clone().any(|named| named == *name));
        if let Some(unused) = protocol_files.keys().find(unused).cloned() {
            return Err(SuiteError::UnusedText { suite: name, name: unused });
        }
        let scheme = match SchemeSpec::try_from(scheme) {
            Ok(scheme) => scheme,
            Err(error) => return Err(SuiteError::Scheme { suite: name, error }),
        };
        let fixed = match range_bits {
            None => fixed,
            Some(range_bits) => match fixed.with_range(range_bits) {
                Some(fixed) if scheme.truncation == Truncation::Narrowing => fixed,
                Some(_) | None => return Err(SuiteError::Range { suite: name, range_bits }),
            },
        };
        Ok(Self { name, summary, fixed, embedding, scheme, protocols, sites, protocol_files })
    }
}

impl From<Suite> for WrittenSuite {
    fn from(suite: Suite) -> Self {
        let Suite { name, summary, fixed, embedding, scheme, protocols, sites, protocol_files } = suite;
        let is_other = fixed.range_bits() != RANGE_BITS && scheme.truncation == Truncation::Narrowing;
        let range_bits = is_other.then_some(fixed.range_bits());
        let (fraction_bits, scheme) = (fixed.fraction_bits(), scheme.into());
        Self { name, summary, fraction_bits, range_bits, embedding, scheme, protocols, sites, protocol_files }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::{Sharing, WeightsAmongThree};

    #[test]
    fn every_built_in_suite_can_be_used() {
        for name in Suite::names() {
            let suite = Suite::built_in(name).unwrap();
            assert_eq!(suite.name, name);
            suite.resolve(Registry::built_in()).unwrap();
        }
    }

    #[test]
    fn a_suite_of_replicated_shares_needs_no_triples() {
        let text = include_str!("suites/faithful.toml").replace("additive2", "replicated3");
        let without = Suite::parse("test", &text.replace("triples = \"fixed-weight\"\n", "")).unwrap();
        let none = Suite::parse("test", &text.replace("fixed-weight", "none")).unwrap();
        assert_eq!(without.scheme, none.scheme);
        assert_eq!(without.scheme.sharing, Sharing::Replicated3(WeightsAmongThree::Shared));
        // Written again, it says so: what reads it need not know what is usual.
        let again = toml::Table::try_from(without).unwrap();
        assert_eq!(again["scheme"]["triples"].as_str(), Some("none"));
    }

    #[test]
    fn another_fixed_point_is_taken_and_one_without_room_or_in_another_ring_is_refused() {
        let suite = || Suite::built_in("faithful").unwrap();
        assert_eq!(suite().with_fixed(Some(18), Some(64)).unwrap().fixed().fraction_bits(), 18);
        assert_eq!(suite().with_fixed(None, None).unwrap(), suite());
        assert!(matches!(suite().with_fixed(Some(25), None), Err(SuiteError::FractionBits { fraction_bits: 25, .. })));
        for ring_bits in [48, 128] {
            let error = suite().with_fixed(None, Some(ring_bits)).unwrap_err();
            assert!(error.to_string().contains(&format!("{ring_bits} bits are not built")), "{error}");
        }
    }

    #[test]
    fn suites_that_cannot_be_used_are_refused_with_what_to_change() {
        let text = include_str!("suites/faithful.toml");
        let parse = |from: &str, to: &str| Suite::parse("test", &text.replace(from, to)).unwrap_err();
        let resolve = |from: &str, to: &str| {
            let suite = Suite::parse("test", &text.replace(from, to)).unwrap();
            suite.resolve(Registry::built_in()).unwrap_err()
        };
        assert!(
            matches!(resolve("gelu/cosine", "gelu/none"), SuiteError::UnknownProtocol { known, .. } if known.contains(&"gelu/cosine".to_owned()))
        );
        assert!(matches!(
            resolve("gelu/cosine", "softmax/exp"),
            SuiteError::WrongFunction { computes, .. } if computes == Function::SOFTMAX
        ));
        // A function of which nobody has a protocol: nothing is offered as if there were some.
        for (from, to) in
            [("tanh = \"tanh/sine\"", "tanx = \"tanh/sine\""), ("tanh = \"tanh/sine\"", "tanx = \"tanx/a\"")]
        {
            let refused = resolve(from, to).to_string();
            assert!(refused.contains("no protocol computes tanx, so leave it out"), "{refused}");
        }
        assert!(matches!(
            parse("fraction-bits = 16", "fraction-bits = 40"),
            SuiteError::FractionBits { fraction_bits: 40, .. }
        ));
        assert!(matches!(parse("additive2", "additive3"), SuiteError::Parse { .. }));
        for (from, to, choose) in [
            ("additive2", "replicated3", "leave `triples` out"),
            ("triples = \"fixed-weight\"", "", "choose triples = \"fresh\", \"fixed-weight\" or \"per-value\""),
        ] {
            let error = parse(from, to);
            assert!(matches!(error, SuiteError::Scheme { .. }) && error.to_string().contains(choose), "{error}");
        }
        assert!(matches!(parse("summary", "sumary"), SuiteError::Parse { .. }));
        let among_three = include_str!("suites/client-server.toml")
            .replace("additive2", "replicated3")
            .replace("triples = \"fixed-weight\"\n", "");
        let error = Suite::parse("test", &among_three).unwrap_err();
        assert!(error.to_string().contains("two computing parties"), "{error}");
        assert!(matches!(Suite::built_in("none"), Err(SuiteError::Unknown { .. })));
    }

    #[test]
    fn a_suite_takes_a_protocol_from_a_file_and_says_what_is_wrong_with_it() {
        let file = include_str!("../examples/bolt.protocol");
        let text = include_str!("suites/faithful.toml").replace("gelu/cosine", "mine/bolt.protocol");
        let mut suite = Suite::parse("test", &text).unwrap();
        assert_eq!(suite.missing_files(), ["mine/bolt.protocol"]);
        let refused = |suite: &Suite| suite.resolve(Registry::built_in()).unwrap_err();
        assert!(matches!(refused(&suite), SuiteError::NoText { name, .. } if name == "mine/bolt.protocol"));
        suite.protocol_files.insert("mine/bolt.protocol".to_owned(), file.replace("return", "retrn"));
        let wrong = refused(&suite).to_string();
        assert!(wrong.contains("`faithful`: mine/bolt.protocol:"), "{wrong}");
        suite.protocol_files.insert("mine/bolt.protocol".to_owned(), file.to_owned());
        assert!(suite.missing_files().is_empty());
        let found = suite.resolve(Registry::built_in()).unwrap();
        assert_eq!(found.get(&Function::GELU).unwrap().card.name, "gelu/bolt");
        let softmax = Suite { protocols: [(Function::SOFTMAX, "mine/bolt.protocol".to_owned())].into(), ..suite };
        assert!(matches!(refused(&softmax), SuiteError::WrongFunction { computes, .. } if computes == Function::GELU));
        // In the suite's own file, which needs no other then.
        let whole = format!("{text}\n[protocol-files]\n\"mine/bolt.protocol\" = '''\n{file}'''\n");
        Suite::parse("test", &whole).unwrap().resolve(Registry::built_in()).unwrap();
        let unused = format!("{text}\n[protocol-files]\n\"bolt.protocol\" = \"\"\n");
        assert!(
            matches!(Suite::parse("test", &unused), Err(SuiteError::UnusedText { name, .. }) if name == "bolt.protocol")
        );
    }
}
