//! One protocol for each function, and others at sites of a model: what a suite chose.

use super::{Function, Protocol, RegistryError};
use std::collections::BTreeMap;
use std::sync::Arc;
use thiserror::Error;

/// Protocols by function: what a suite names, found in a registry.
#[derive(Debug, Clone)]
pub struct Protocols {
    suite: String,
    by_function: BTreeMap<Function, Arc<Protocol>>,
    by_site: BTreeMap<String, Arc<Protocol>>,
}

/// A function without a protocol.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "suite `{suite}` names no protocol for {function}, which is needed; add a line `{function} = \"{function}/...\"` to its [protocols]"
)]
pub struct MissingProtocol {
    /// The suite.
    pub suite: String,
    /// What it should name a protocol for.
    pub function: Function,
}

impl Protocols {
    /// No protocols yet; `suite` names them in errors.
    #[must_use]
    pub fn none(suite: &str) -> Self {
        Self { suite: suite.to_owned(), by_function: BTreeMap::new(), by_site: BTreeMap::new() }
    }

    /// Chooses a protocol for its function, in place of the one that may stand there.
    ///
    /// # Errors
    /// [`RegistryError`] for a protocol that no registry would take.
    pub fn choose(&mut self, protocol: Arc<Protocol>) -> Result<(), RegistryError> {
        protocol.check()?;
        self.by_function.insert(protocol.card.function.clone(), protocol);
        Ok(())
    }

    /// Puts a protocol that a registry or a file vouches for.
    pub(crate) fn put(&mut self, function: &Function, protocol: Arc<Protocol>) {
        self.by_function.insert(function.clone(), protocol);
    }

    /// Puts a protocol at a site, which computes what that of its function does.
    pub(crate) fn put_at(&mut self, site: &str, protocol: Arc<Protocol>) {
        self.by_site.insert(site.to_owned(), protocol);
    }

    /// The protocol of a function at a site.
    ///
    /// # Errors
    /// As [`Protocols::get`].
    pub fn at(&self, site: &str, function: &Function) -> Result<&Arc<Protocol>, MissingProtocol> {
        let at_site = self.by_site.get(site).filter(|protocol| protocol.card.function == *function);
        at_site.map_or_else(|| self.get(function), Ok)
    }

    /// Those that stand at a site in the place of the function's, by its name.
    pub fn at_sites(&self) -> impl Iterator<Item = (&String, &Arc<Protocol>)> {
        self.by_site.iter()
    }

    /// Those of functions, by the names of these: they stand wherever no site has another.
    pub fn by_function(&self) -> impl Iterator<Item = &Arc<Protocol>> {
        self.by_function.values()
    }

    /// Puts another protocol in the place of each, those at sites too.
    ///
    /// # Errors
    /// The first of `other`.
    pub fn replace<E>(&mut self, mut other: impl FnMut(&Arc<Protocol>) -> Result<Arc<Protocol>, E>) -> Result<(), E> {
        for protocol in self.by_function.values_mut().chain(self.by_site.values_mut()) {
            *protocol = other(protocol)?;
        }
        Ok(())
    }

    /// The protocol of a function where no site has another.
    ///
    /// # Errors
    /// [`MissingProtocol`] names the suite and the function.
    pub fn get(&self, function: &Function) -> Result<&Arc<Protocol>, MissingProtocol> {
        let missing = || MissingProtocol { suite: self.suite.clone(), function: function.clone() };
        self.by_function.get(function).ok_or_else(missing)
    }

    /// Every protocol, by the name of its function; then those at sites, by the name of these.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Protocol>> {
        self.by_function.values().chain(self.by_site.values())
    }
}
