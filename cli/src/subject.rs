//! What a command is about: a model or a single protocol, as a circuit of given sizes.

use crate::arguments::{Sizes, instead};
use crate::error::CliError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use viewless_models::{default_cache_dir, known_models, read_config};
use viewless_protocols::circuit::{CheckedCircuit, Circuit, CircuitError, Owner};
use viewless_protocols::model::{self, BuildError, TransformerConfig};
use viewless_protocols::nonlinear::{Build, LayerNormInputs, Protocol, Registry};
use viewless_protocols::program::Program;
use viewless_protocols::scheme;
use viewless_protocols::suite::Suite;

/// Added to the variance where a layer normalisation stands alone, as in BERT.
const EPSILON: f64 = 1e-12;

/// A model or a protocol, found by its name.
#[derive(Debug, Clone)]
pub struct Subject {
    /// As the user named it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// What a subject is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A model's sizes, without its weights.
    Model(TransformerConfig),
    /// A protocol of the registry.
    Protocol(Arc<Protocol>),
}

impl Subject {
    /// Finds a known model, a protocol, a model directory, or a fetched model, in this order.
    ///
    /// # Errors
    /// There is none, or its directory cannot be used.
    pub fn find(name: &str) -> Result<Self, CliError> {
        let kind = if let Some(config) = model::known(name) {
            Kind::Model(config)
        } else if let Some(protocol) = Registry::built_in().get(name) {
            Kind::Protocol(Arc::clone(protocol))
        } else {
            Kind::Model(read_config(&directory(name)?)?)
        };
        Ok(Self { name: name.to_owned(), kind })
    }

    /// Finds a model.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn find_model(name: &str) -> Result<Self, CliError> {
        let subject = Self::find(name)?;
        match subject.kind {
            Kind::Model(_) => Ok(subject),
            Kind::Protocol(_) => Err(CliError::NotAModel { name: subject.name }),
        }
    }

    /// The sizes at which it is built: the number of tokens of an image is the model's, whatever is asked for.
    #[must_use]
    pub fn sizes(&self, asked: Sizes) -> Sizes {
        match &self.kind {
            Kind::Model(config) => Sizes { seq: config.image_tokens().unwrap_or(asked.seq), ..asked },
            Kind::Protocol(_) => asked,
        }
    }

    /// The circuit.
    ///
    /// # Errors
    /// Sizes that the model cannot take.
    pub fn circuit(&self, suite: &Suite, sizes: Sizes) -> Result<CheckedCircuit, CliError> {
        let built = match &self.kind {
            Kind::Model(config) => {
                model::circuit(config, &suite.model(Registry::built_in())?, self.sizes(sizes).query())
            }
            Kind::Protocol(protocol) => protocol_circuit(protocol, sizes).map_err(BuildError::from),
        };
        let Sizes { seq, batch } = sizes;
        built.map_err(|error| CliError::Size { subject: self.name.clone(), seq, batch, error })
    }

    /// The Program.
    ///
    /// # Errors
    /// Sizes that the model cannot take, numbers that do not fit the suite's fixed point.
    pub fn program(&self, suite: &Suite, sizes: Sizes) -> Result<Program, CliError> {
        Ok(scheme::compile(&self.circuit(suite, sizes)?, &suite.scheme, suite.fixed())?)
    }
}

/// A model directory, or the place of a fetched model.
fn directory(name: &str) -> Result<PathBuf, CliError> {
    let path = Path::new(name);
    if path.is_dir() {
        return Ok(path.to_owned());
    }
    if known_models().any(|known| known == name) {
        let cache = default_cache_dir()?;
        let fetched = cache.join(name);
        return if fetched.is_dir() { Ok(fetched) } else { Err(CliError::NotFetched { name: name.to_owned(), cache }) };
    }
    Err(CliError::UnknownSubject { name: name.to_owned(), hint: instead(name) })
}

/// A protocol alone, on `batch` rows of `seq` elements: what a model would make of it, without the model.
fn protocol_circuit(protocol: &Protocol, sizes: Sizes) -> Result<CheckedCircuit, CircuitError> {
    let Sizes { seq, batch } = sizes;
    let mut c = Circuit::new();
    let y = match &protocol.build {
        Build::Map(_) | Build::Softmax(_) => {
            let x = c.region("input", |c| c.input(Owner::Client, "x", [batch, seq]));
            protocol.build(&mut c, x)
        }
        Build::LayerNorm(_) => {
            let (x, gamma, beta) = c.region("input", |c| {
                let x = c.input(Owner::Client, "x", [batch, seq]);
                (x, c.input(Owner::Model, "gamma", [seq]), c.input(Owner::Model, "beta", [seq]))
            });
            protocol.build(&mut c, LayerNormInputs { x, gamma, beta, epsilon: EPSILON })
        }
    };
    c.region("output", |c| c.reveal(y, "y"));
    c.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments;

    #[test]
    fn every_protocol_is_a_subject_that_compiles() {
        let suite = arguments::suite("faithful").unwrap();
        for protocol in Registry::built_in() {
            let subject = Subject::find(&protocol.card.name).unwrap();
            assert!(subject.program(&suite, Sizes { seq: 5, batch: 2 }).is_ok(), "{}", protocol.card.name);
        }
    }

    #[test]
    fn what_is_no_subject_is_refused_with_what_it_is() {
        assert!(Subject::find("faithful").unwrap_err().to_string().contains("--suite faithful"));
        assert!(Subject::find("lan").unwrap_err().to_string().contains("--network lan"));
        assert!(matches!(Subject::find("/no/such/directory"), Err(CliError::UnknownSubject { .. })));
        assert!(matches!(Subject::find_model("gelu/cosine"), Err(CliError::NotAModel { .. })));
    }
}
