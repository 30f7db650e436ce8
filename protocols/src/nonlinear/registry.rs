//! Protocols by name: those that viewless brings, and those that somebody adds.

use super::card::is_name;
use super::family::{of_member, of_no_member};
use super::{Function, Kind, Protocol, exp, gelu, layernorm, leaky_relu, max, reciprocal, relu, rsqrt, softmax, tanh};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use thiserror::Error;

/// Protocols, each under a name of its own, in the order in which they came. A value: a clone costs nothing, and what is added to one is
/// in no other.
#[derive(Debug, Clone)]
pub struct Registry(Arc<Contents>);

#[derive(Debug, Clone)]
struct Contents {
    protocols: Vec<Arc<Protocol>>,
    positions: HashMap<String, usize>,
}

/// A name without a protocol, or a protocol that cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RegistryError {
    /// No protocol of that name.
    #[error("there is no protocol `{name}`; there are {}", known.join(", "))]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are: of the same function, if it has any.
        known: Vec<String>,
    },
    /// Ends in the name of a protocol that has no other intervals.
    #[error("`{name}` is on the interval of its card alone; only a family, as `gelu/series`, is on others")]
    NoFamily {
        /// The protocol.
        name: String,
    },
    /// An interval that no member of a family has.
    #[error("`{family}` has no member on {why}")]
    Member {
        /// The family.
        family: String,
        /// The interval, and what to write.
        why: String,
    },
    /// A name that is meant for that of a member.
    #[error("`{name}` names no interval; write `{family} on [-9, 12]`, with the ends that you want")]
    NotWritten {
        /// What was written.
        name: String,
        /// The family that it begins with.
        family: String,
    },
    /// The name is taken.
    #[error("there is a protocol `{name}` already; give the new one another name after the slash")]
    Taken {
        /// The name.
        name: String,
    },
    /// The name is not a function and a variant.
    #[error(
        "a protocol for {function} is named `{name}`; write `{function}/` and a variant in lower-case letters, digits and single hyphens"
    )]
    Name {
        /// The name.
        name: String,
        /// What it computes.
        function: Function,
    },
    /// Its builder is given other things than protocols of its function are.
    #[error("`{name}` is built from {found}; protocols for {function} are built from {needed}")]
    Kind {
        /// The protocol.
        name: String,
        /// What it computes.
        function: Function,
        /// What its builder is given.
        found: Kind,
        /// What is given to protocols of the function.
        needed: Kind,
    },
}

impl Registry {
    /// A registry without protocols.
    #[must_use]
    pub fn empty() -> Self {
        Self(Arc::new(Contents { protocols: Vec::new(), positions: HashMap::new() }))
    }

    /// The protocols that viewless brings.
    #[must_use]
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// The protocol of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Protocol>> {
        self.0.positions.get(name).map(|&position| &self.0.protocols[position])
    }

    /// The protocol of that name, or the names to choose from.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`].
    pub fn protocol(&self, name: &str) -> Result<&Arc<Protocol>, RegistryError> {
        self.get(name).ok_or_else(|| {
            let function = name.split('/').next().unwrap_or(name);
            let names = |alike: bool| {
                let chosen = self.iter().filter(|protocol| !alike || protocol.card.function.name() == function);
                chosen.map(|protocol| protocol.card.name.to_string()).collect::<Vec<_>>()
            };
            let alike = names(true);
            let known = if alike.is_empty() { names(false) } else { alike };
            RegistryError::Unknown { name: name.to_owned(), known }
        })
    }

    /// The protocol of that name, or the member of a family: `gelu/series on [-9, 12]`.
    ///
    /// # Errors
    /// [`RegistryError`]: the names to choose from, or the intervals.
    pub fn find(&self, name: &str) -> Result<Arc<Protocol>, RegistryError> {
        match of_member(name) {
            Some((family, ends)) => self.protocol(family)?.on(ends),
            None => match self.family_meant_by(name) {
                Some(family) => Err(RegistryError::NotWritten { name: name.to_owned(), family: family.to_owned() }),
                None => self.protocol(name).cloned(),
            },
        }
    }

    /// Whether a name is that of a member of a family, or meant for one: then [`Registry::find`] finds it, or says how it is written.
    #[must_use]
    pub fn is_of_member(&self, name: &str) -> bool {
        of_member(name).is_some() || self.family_meant_by(name).is_some()
    }

    /// The family that a name begins with which is not written as that of a member.
    fn family_meant_by<'a>(&self, name: &'a str) -> Option<&'a str> {
        of_no_member(name).filter(|family| self.get(family).is_some())
    }

    /// Every protocol, in the order in which they came.
    pub fn iter(&self) -> std::slice::Iter<'_, Arc<Protocol>> {
        self.0.protocols.iter()
    }

    /// The number of protocols.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.protocols.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.protocols.is_empty()
    }

    /// The protocols of a function.
    pub fn of<'a>(&'a self, function: &'a Function) -> impl Iterator<Item = &'a Arc<Protocol>> {
        self.iter().filter(move |protocol| protocol.card.function == *function)
    }

    /// Adds a protocol and gives it back as shared.
    ///
    /// # Errors
    /// [`RegistryError`] for a name that is taken or does not say the function, and for a builder of another kind than the function's.
    pub fn insert(&mut self, protocol: Protocol) -> Result<Arc<Protocol>, RegistryError> {
        protocol.check()?;
        let name = protocol.card.name.to_string();
        if self.get(&name).is_some() {
            return Err(RegistryError::Taken { name });
        }
        let protocol = Arc::new(protocol);
        let contents = Arc::make_mut(&mut self.0);
        contents.positions.insert(name, contents.protocols.len());
        contents.protocols.push(Arc::clone(&protocol));
        Ok(protocol)
    }
}

impl Protocol {
    /// Refuses a name that does not say the function, and a builder of another kind than the function's.
    pub(crate) fn check(&self) -> Result<(), RegistryError> {
        let (name, function) = (self.card.name.to_string(), self.card.function.clone());
        let family = of_member(&name).map_or(&name[..], |(family, _)| family);
        match family.split_once('/') {
            Some((before, variant)) if before == function.name() && is_name(variant) => {}
            Some(_) | None => return Err(RegistryError::Name { name, function }),
        }
        let (found, needed) = (self.build.kind(), Kind::of(&function));
        if found == needed { Ok(()) } else { Err(RegistryError::Kind { name, function, found, needed }) }
    }
}

impl Default for Registry {
    /// The protocols that viewless brings, to add to.
    fn default() -> Self {
        Self::built_in().clone()
    }
}

impl<'a> IntoIterator for &'a Registry {
    type Item = &'a Arc<Protocol>;
    type IntoIter = std::slice::Iter<'a, Arc<Protocol>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

static BUILT_IN: LazyLock<Registry> = LazyLock::new(|| {
    let mut registry = Registry::empty();
    for protocol in REGISTERED {
        registry.insert(Protocol::clone(protocol)).expect("a test adds each of them");
    }
    registry
});

/// Every protocol that viewless brings, by function and name.
static REGISTERED: &[&LazyLock<Protocol>] = &[
    &exp::bolt::PROTOCOL,
    &exp::crypten::PROTOCOL,
    &exp::fourier::PROTOCOL,
    &exp::limit::PROTOCOL,
    &exp::masked::PROTOCOL,
    &exp::puma::PROTOCOL,
    &reciprocal::goldschmidt::PROTOCOL,
    &reciprocal::newton::PROTOCOL,
    &reciprocal::newton_signed::PROTOCOL,
    &reciprocal::normalized::PROTOCOL,
    &reciprocal::scales::PROTOCOL,
    &rsqrt::goldschmidt::PROTOCOL,
    &rsqrt::goldschmidt_code::PROTOCOL,
    &rsqrt::goldschmidt_code::PROTOCOL_8,
    &rsqrt::newton::PROTOCOL,
    &rsqrt::newton::PROTOCOL_8,
    &rsqrt::normalized::PROTOCOL,
    &rsqrt::sqrt_reciprocal::PROTOCOL,
    &rsqrt::sqrt_reciprocal::PROTOCOL_8,
    &max::crypten::PROTOCOL,
    &max::histogram::PROTOCOL,
    &max::tree::PROTOCOL,
    &relu::compare::PROTOCOL,
    &relu::quad::PROTOCOL,
    &leaky_relu::compare::PROTOCOL,
    &gelu::bolt::PROTOCOL,
    &gelu::bumblebee::PROTOCOL,
    &gelu::bumblebee_code::PROTOCOL,
    &gelu::cosine::PROTOCOL,
    &gelu::cosine_bounded::PROTOCOL,
    &gelu::series::PROTOCOL,
    &gelu::crypten_erf::PROTOCOL,
    &gelu::crypten_erf_corrected::PROTOCOL,
    &gelu::crypten_tanh::PROTOCOL,
    &gelu::nimbus_example::PROTOCOL,
    &gelu::puma::PROTOCOL,
    &gelu::puma_in_secformer_code::PROTOCOL,
    &gelu::quad::PROTOCOL,
    &gelu::quad_benchmarked::PROTOCOL,
    &gelu::secformer::PROTOCOL,
    &gelu::secformer_code::PROTOCOL,
    &gelu::secformer_printed::PROTOCOL,
    &gelu::secformer_printed_beta::PROTOCOL,
    &gelu::shaft::PROTOCOL,
    &gelu::shaft_poly::PROTOCOL,
    &gelu::sigma::PROTOCOL,
    &tanh::bolt::PROTOCOL,
    &tanh::sigmoid::PROTOCOL,
    &tanh::sine::PROTOCOL,
    &softmax::bolt::PROTOCOL,
    &softmax::crypten::PROTOCOL,
    &softmax::crypten_tree::PROTOCOL,
    &softmax::exp::PROTOCOL,
    &softmax::fourier::PROTOCOL,
    &softmax::masked::PROTOCOL,
    &softmax::puma::PROTOCOL,
    &softmax::puma_in_secformer_code::PROTOCOL,
    &softmax::shaft::PROTOCOL,
    &softmax::two_quad::PROTOCOL,
    &softmax::two_quad_code::PROTOCOL,
    &softmax::two_quad_code::PROTOCOL_13,
    &softmax::two_quad_mpcformer::PROTOCOL,
    &softmax::two_quad_scales::PROTOCOL,
    &softmax::two_relu::PROTOCOL,
    &layernorm::batchnorm::PROTOCOL,
    &layernorm::crypten::PROTOCOL,
    &layernorm::crypten::PROTOCOL_8,
    &layernorm::goldschmidt::PROTOCOL,
    &layernorm::normalized::PROTOCOL,
    &layernorm::normalized_wide::PROTOCOL,
    &layernorm::puma::PROTOCOL,
    &layernorm::puma_in_secformer_code::PROTOCOL,
    &layernorm::puma_in_secformer_code::PROTOCOL_8,
    &layernorm::scales::PROTOCOL,
    &layernorm::secformer_code::PROTOCOL,
    &layernorm::secformer_code::PROTOCOL_8,
    &layernorm::secformer_printed::PROTOCOL,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::Build;

    fn renamed(of: &str, name: &str) -> Protocol {
        let mut protocol = Protocol::clone(Registry::built_in().get(of).unwrap());
        protocol.card.name = name.to_owned();
        protocol
    }

    #[test]
    fn what_is_added_is_found_and_the_built_in_registry_stays_as_it_is() {
        let mut registry = Registry::default();
        let before = registry.len();
        registry.insert(renamed("gelu/cosine", "gelu/mine")).unwrap();
        assert_eq!(registry.get("gelu/mine").unwrap().card.name, "gelu/mine");
        assert_eq!((registry.len(), Registry::built_in().len()), (before + 1, before));
        assert_eq!(registry.of(&Function::GELU).last().unwrap().card.name, "gelu/mine");
        assert!(Registry::built_in().get("gelu/mine").is_none());
    }

    #[test]
    fn a_function_that_nobody_has_thought_of_needs_no_change() {
        let mut registry = Registry::default();
        let mut swish = renamed("gelu/cosine", "swish/mine");
        swish.card.function = Function::of("swish").unwrap();
        registry.insert(swish).unwrap();
        assert_eq!(registry.of(&Function::of("swish").unwrap()).count(), 1);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut registry = Registry::default();
        let refused = |registry: &mut Registry, protocol| registry.insert(protocol).unwrap_err();
        assert!(matches!(refused(&mut registry, renamed("gelu/cosine", "gelu/cosine")), RegistryError::Taken { .. }));
        for name in ["gelu", "tanh/mine", "gelu/", "gelu/Mine", "gelu/a--b", "gelu/a/b"] {
            assert!(
                matches!(refused(&mut registry, renamed("gelu/cosine", name)), RegistryError::Name { .. }),
                "{name}"
            );
        }
        let rows = Protocol { build: Build::softmax(|_, inputs| inputs.x), ..renamed("gelu/cosine", "gelu/rows") };
        let error = refused(&mut registry, rows).to_string();
        assert!(error.contains("rows with a mask") && error.contains("one tensor"), "{error}");
        let unknown = registry.protocol("gelu/none").unwrap_err().to_string();
        assert!(unknown.contains("gelu/cosine") && !unknown.contains("softmax/exp"), "{unknown}");
        assert!(registry.protocol("none").unwrap_err().to_string().contains("softmax/exp"));
        for name in ["", "GeLU", "a b", "-a", "a-"] {
            assert!(Function::of(name).is_err(), "{name}");
        }
    }
}
