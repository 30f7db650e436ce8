//! What a job is about: a model or a single protocol, as a circuit of given sizes.

use crate::sizes::Sizes;
use crate::what_is::{Named, in_words, what_is};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;
use viewless_models::dcvae::is_autoencoder;
use viewless_models::{
    FetchError, ModelError, default_cache_dir, in_place_of_directory, known_models, read_config, shipped,
};
use viewless_protocols::circuit::{CheckedCircuit, Circuit, CircuitError, Owner};
use viewless_protocols::file::{FileError, MOST_BYTES, read_protocol};
use viewless_protocols::fixed::FixedPoint;
use viewless_protocols::model::dcvae::{self, DcVaeConfig};
use viewless_protocols::model::{self, BuildError, TransformerConfig};
use viewless_protocols::nonlinear::{Build, Function, LayerNormInputs, Protocol, Registry, RegistryError, relu};
use viewless_protocols::program::Program;
use viewless_protocols::scheme::{self, CompileError};
use viewless_protocols::suite::{Suite, SuiteError, is_protocol_file};
use viewless_simulator::text_file;

/// Added to the variance where a layer normalisation stands alone, as in BERT.
const EPSILON: f64 = 1e-12;

/// A subject that cannot be found or built.
#[derive(Debug, Error)]
pub enum SubjectError {
    /// Neither a known model, nor a directory, nor a protocol.
    #[error("there is no model, directory or protocol `{name}`{}; `viewless list` shows what there is", in_words(name, *is))]
    Unknown {
        /// The name asked for.
        name: String,
        /// What the name is, if it is something else.
        is: Option<Named>,
    },
    /// A protocol where a model is needed.
    #[error("`{name}` is a protocol; a model is needed here: a known name or a directory")]
    NotAModel {
        /// The name asked for.
        name: String,
    },
    /// An autoencoder where only Transformers are taken.
    #[error(
        "`{name}` is an autoencoder of images, of which this command knows nothing yet; use `cost`, `prove`, `dump`, `infer` or `sample`"
    )]
    NotForAutoencoders {
        /// The name asked for.
        name: String,
    },
    /// A member of a family that is not there.
    #[error(transparent)]
    Member(#[from] RegistryError),
    /// A model where a protocol is needed.
    #[error("`{name}` is a model; a protocol is needed here, see `viewless list`")]
    NotAProtocol {
        /// The name asked for.
        name: String,
    },
    /// A model that can be fetched, and was not.
    #[error("{} is not in the cache {}; run `viewless fetch {name}` first", name, cache.display())]
    NotFetched {
        /// Its name.
        name: String,
        /// The cache directory.
        cache: PathBuf,
    },
    /// A size at which the subject cannot be built.
    #[error("{subject} cannot be built for --seq {seq} --batch {batch}: {error}")]
    Size {
        /// Model or protocol.
        subject: String,
        /// Tokens, or elements of a row.
        seq: usize,
        /// Sequences, or rows.
        batch: usize,
        /// Why.
        error: Box<BuildError>,
    },
    /// A file of a protocol that cannot be read at all.
    #[error("{}: {reason}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// A file of a protocol that says something wrong: where, and what to write.
    #[error(transparent)]
    Protocol(#[from] FileError),
    /// The cache of models.
    #[error(transparent)]
    Cache(#[from] FetchError),
    /// The model directory.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The suite.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// The compilation.
    #[error(transparent)]
    Compile(#[from] CompileError),
}

/// A model or a protocol, found by its name.
#[derive(Debug, Clone)]
pub struct Subject {
    /// As the user named it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The text of the protocol file that it was read from, if it was.
    pub text: Option<String>,
    /// Where it was found: what suites name for it is looked up there, too.
    pub registry: Registry,
}

/// What a subject is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A model's sizes, without its weights.
    Model(TransformerConfig),
    /// An autoencoder of images.
    Autoencoder(Autoencoder),
    /// A protocol of the registry.
    Protocol(Arc<Protocol>),
}

/// An autoencoder of images, and what it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Autoencoder {
    /// Its sizes.
    pub config: DcVaeConfig,
    /// What is computed; from image to image where nothing else is said.
    pub task: dcvae::Task,
    /// Whether its layers are computed in the cheaper of two orders.
    pub rewrite: bool,
}

impl Autoencoder {
    /// From image to image, in the cheaper order.
    #[must_use]
    pub fn reconstructing(config: DcVaeConfig) -> Self {
        Self { config, task: dcvae::Task::Reconstruct, rewrite: true }
    }
}

/// The directory that a name means by itself; [`Subject::find`] and every front end go on from here to names that can be fetched.
#[must_use]
pub fn local_directory(name: &str) -> Option<PathBuf> {
    Some(PathBuf::from(name)).filter(|path| path.is_dir())
}

impl Subject {
    /// Finds a known model, a protocol of the registry, a file of a protocol (`*.protocol`), a model directory, or a fetched model, in this
    /// order.
    ///
    /// # Errors
    /// There is none, or its directory cannot be used.
    pub fn find(name: &str, registry: &Registry) -> Result<Self, SubjectError> {
        if let Some(config) = model::known(name) {
            Ok(Self::of_model(name, config, registry))
        } else if let Some(config) = DcVaeConfig::known(name) {
            Ok(Self::of_autoencoder(name, Autoencoder::reconstructing(config), registry))
        } else if let Some(protocol) = registry.get(name) {
            Ok(Self::of_protocol(Arc::clone(protocol), registry))
        } else if registry.is_of_member(name) && !Path::new(name).exists() {
            Ok(Self::of_protocol(registry.find(name)?, registry))
        } else if is_protocol_file(name) {
            Self::of_text(name, text_of_file(Path::new(name))?, registry)
        } else {
            let directory = directory(name, registry)?;
            if is_autoencoder(&directory) {
                let config = viewless_models::dcvae::read_config(&directory)?;
                return Ok(Self::of_autoencoder(name, Autoencoder::reconstructing(config), registry));
            }
            Ok(Self::of_model(name, read_config(&directory)?, registry))
        }
    }

    /// A model by its sizes.
    #[must_use]
    pub fn of_model(name: &str, config: TransformerConfig, registry: &Registry) -> Self {
        Self { name: name.to_owned(), kind: Kind::Model(config), text: None, registry: registry.clone() }
    }

    /// An autoencoder by its sizes.
    #[must_use]
    pub fn of_autoencoder(name: &str, autoencoder: Autoencoder, registry: &Registry) -> Self {
        let kind = Kind::Autoencoder(autoencoder);
        Self { name: name.to_owned(), kind, text: None, registry: registry.clone() }
    }

    /// The protocol that the text of a protocol file describes; `name` names the file.
    ///
    /// # Errors
    /// A text that says something wrong: where, and what to write.
    pub fn of_text(name: &str, text: String, registry: &Registry) -> Result<Self, SubjectError> {
        let protocol = Arc::new(read_protocol(name, &text, registry)?);
        Ok(Self { name: name.to_owned(), text: Some(text), ..Self::of_protocol(protocol, registry) })
    }

    /// Finds a model.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn find_model(name: &str, registry: &Registry) -> Result<Self, SubjectError> {
        let subject = Self::find(name, registry)?;
        match subject.kind {
            Kind::Model(_) => Ok(subject),
            Kind::Autoencoder(_) => Err(SubjectError::NotForAutoencoders { name: subject.name }),
            Kind::Protocol(_) => Err(SubjectError::NotAModel { name: subject.name }),
        }
    }

    /// Finds a protocol.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn find_protocol(name: &str, registry: &Registry) -> Result<Self, SubjectError> {
        let subject = Self::find(name, registry)?;
        subject.protocol()?;
        Ok(subject)
    }

    /// The protocol that it is.
    ///
    /// # Errors
    /// It is a model.
    pub fn protocol(&self) -> Result<&Arc<Protocol>, SubjectError> {
        match &self.kind {
            Kind::Protocol(protocol) => Ok(protocol),
            Kind::Model(_) | Kind::Autoencoder(_) => Err(SubjectError::NotAProtocol { name: self.name.clone() }),
        }
    }

    /// A protocol as a subject.
    #[must_use]
    pub fn of_protocol(protocol: Arc<Protocol>, registry: &Registry) -> Self {
        Self {
            name: protocol.card.name.clone(),
            kind: Kind::Protocol(protocol),
            text: None,
            registry: registry.clone(),
        }
    }

    /// The sizes at which it is built: the number of tokens of an image is the model's, whatever is asked for.
    #[must_use]
    pub fn sizes(&self, asked: Sizes) -> Sizes {
        match &self.kind {
            Kind::Model(config) => {
                config.image_tokens().and_then(|tokens| Sizes::new(tokens, asked.batch()).ok()).unwrap_or(asked)
            }
            Kind::Autoencoder(_) => Sizes::new(1, asked.batch()).unwrap_or(asked),
            Kind::Protocol(_) => asked,
        }
    }

    /// What it is built for, in words: tokens of a text, images, or elements.
    #[must_use]
    pub fn length(&self, asked: Sizes) -> String {
        let sizes = self.sizes(asked);
        let (seq, batch) = (sizes.seq(), sizes.batch());
        let many = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        match &self.kind {
            Kind::Autoencoder(_) => many(batch, "image"),
            Kind::Model(config) if config.image_tokens().is_some() => {
                format!("{} of {}", many(batch, "image"), many(seq, "token"))
            }
            Kind::Model(_) => format!("{}, batch {batch}", many(seq, "token")),
            Kind::Protocol(_) => format!("{batch} x {}", many(seq, "element")),
        }
    }

    /// The circuit.
    ///
    /// # Errors
    /// Sizes that the model cannot take.
    pub fn circuit(&self, suite: &Suite, sizes: Sizes) -> Result<CheckedCircuit, SubjectError> {
        let built = match &self.kind {
            Kind::Model(config) => model::circuit(config, &suite.model(&self.registry)?, self.sizes(sizes).query()),
            Kind::Autoencoder(autoencoder) => {
                self.autoencoder(autoencoder, suite, sizes.batch())?.map_err(BuildError::from)
            }
            Kind::Protocol(protocol) => {
                // It needs none of them; a report that names the suite would speak of what is not there.
                suite.resolvable(&self.registry)?;
                protocol_circuit(protocol, sizes).map_err(BuildError::from)
            }
        };
        let (seq, batch) = (sizes.seq(), sizes.batch());
        built.map_err(|error| SubjectError::Size { subject: self.name.clone(), seq, batch, error: Box::new(error) })
    }

    /// The witness of the Program, where its rings are narrowed; see [`scheme::compile_witness`]. Of a model for a pair of texts, the second
    /// begins at a token.
    ///
    /// # Errors
    /// Those of [`Subject::program`] and [`Subject::program_of_pair`].
    pub fn witness(&self, suite: &Suite, sizes: Sizes, second: Option<usize>) -> Result<Option<Program>, SubjectError> {
        let circuit = self.circuit_of(suite, sizes, second)?;
        Ok(scheme::compile_witness(&circuit, &suite.scheme, suite.fixed())?)
    }

    /// The circuit of a model for one text, or for a pair of texts of which the second begins at a token.
    ///
    /// # Errors
    /// Those of [`Subject::circuit`] and [`Subject::program_of_pair`].
    pub(crate) fn circuit_of(
        &self,
        suite: &Suite,
        sizes: Sizes,
        second: Option<usize>,
    ) -> Result<CheckedCircuit, SubjectError> {
        let Some(second) = second else { return self.circuit(suite, sizes) };
        let Kind::Model(config) = &self.kind else { return Err(SubjectError::NotAModel { name: self.name.clone() }) };
        let built = model::circuit_of_pair(config, &suite.model(&self.registry)?, sizes.query(), second);
        let (seq, batch) = (sizes.seq(), sizes.batch());
        built.map_err(|error| SubjectError::Size { subject: self.name.clone(), seq, batch, error: Box::new(error) })
    }

    /// An autoencoder with the ReLU that the suite names, or the exact one where it names none.
    fn autoencoder(
        &self,
        autoencoder: &Autoencoder,
        suite: &Suite,
        images: usize,
    ) -> Result<Result<CheckedCircuit, CircuitError>, SubjectError> {
        let relu = relu_of(suite, &self.registry)?;
        let Autoencoder { config, task, rewrite } = autoencoder;
        let choices = dcvae::Choices { relu: &relu, tanh: None, exp: None, rewrite: *rewrite };
        Ok(dcvae::circuit(config, *task, images, &choices))
    }

    /// The Program of a model for a pair of texts, of which the second begins at a token; see [`model::circuit_of_pair`].
    ///
    /// # Errors
    /// Those of [`Subject::program`]; a protocol, or a model without a second token type.
    pub fn program_of_pair(&self, suite: &Suite, sizes: Sizes, second: usize) -> Result<Program, SubjectError> {
        Ok(scheme::compile(&self.circuit_of(suite, sizes, Some(second))?, &suite.scheme, suite.fixed())?)
    }

    /// The Program.
    ///
    /// # Errors
    /// Sizes that the model cannot take, numbers that do not fit the suite's fixed point.
    pub fn program(&self, suite: &Suite, sizes: Sizes) -> Result<Program, SubjectError> {
        Ok(scheme::compile(&self.circuit(suite, sizes)?, &suite.scheme, suite.fixed())?)
    }

    /// The most fraction bits below those of the suite with which there is a Program; each that is tried takes a compilation.
    #[must_use]
    pub fn fewer_fraction_bits(&self, suite: &Suite, sizes: Sizes) -> Option<u8> {
        let circuit = self.circuit(suite, sizes).ok()?;
        let fewer = (1..suite.fixed().fraction_bits()).rev().filter_map(|bits| FixedPoint::new(bits).ok());
        let fits = |fixed: &FixedPoint| scheme::compile(&circuit, &suite.scheme, *fixed).is_ok();
        fewer.into_iter().find(fits).map(|fixed| fixed.fraction_bits())
    }
}

/// The ReLU that a suite names, or the exact one where it names none.
pub(crate) fn relu_of(suite: &Suite, registry: &Registry) -> Result<Arc<Protocol>, SuiteError> {
    if let Some(site) = suite.sites.keys().next() {
        return Err(SuiteError::SiteOfAutoencoder { suite: suite.name.clone(), site: site.clone() });
    }
    let protocols = suite.resolve(registry)?;
    let named = protocols.iter().find(|protocol| protocol.card.function == Function::RELU);
    Ok(named.map_or_else(|| Arc::new(relu::compare::PROTOCOL.clone()), Arc::clone))
}

/// A model directory, or the place of a fetched model.
fn directory(name: &str, registry: &Registry) -> Result<PathBuf, SubjectError> {
    if let Some(path) = local_directory(name) {
        return Ok(path);
    }
    if !known_models().any(|known| known == name) {
        if let Some(error) = in_place_of_directory(Path::new(name)) {
            return Err(error.into());
        }
        return Err(SubjectError::Unknown { name: name.to_owned(), is: what_is(name, registry) });
    }
    let cache = default_cache_dir()?;
    if name == shipped::NAME {
        return Ok(viewless_models::fetch(name, &cache, &mut |_| ())?);
    }
    let fetched = cache.join(name);
    if fetched.is_dir() { Ok(fetched) } else { Err(SubjectError::NotFetched { name: name.to_owned(), cache }) }
}

/// Reads the text of a protocol file.
///
/// # Errors
/// A file that is none, or is larger than [`MOST_BYTES`].
pub fn text_of_file(path: &Path) -> Result<String, SubjectError> {
    let failed = |error: std::io::Error| SubjectError::File { file: path.to_owned(), reason: error.to_string() };
    text_file::read(path, MOST_BYTES as u64).map_err(failed)
}

/// A protocol alone, on `batch` rows of `seq` elements: what a model would make of it, without the model.
fn protocol_circuit(protocol: &Protocol, sizes: Sizes) -> Result<CheckedCircuit, CircuitError> {
    let (seq, batch) = (sizes.seq(), sizes.batch());
    let mut c = Circuit::new();
    let y = match &protocol.build {
        Build::Map(_) | Build::Softmax(_) => {
            let x = c.region("input", |c| c.input(Owner::Client, "x", [batch, seq]));
            protocol.build(&mut c, x)
        }
        // Not `build_alone`: the weights are inputs, too, and stand in the region of inputs.
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

    #[test]
    fn every_protocol_is_a_subject_that_compiles() {
        let suite = Suite::built_in("faithful").unwrap();
        for protocol in Registry::built_in() {
            let subject = Subject::find(&protocol.card.name, Registry::built_in()).unwrap();
            assert!(subject.program(&suite, Sizes::new(5, 2).unwrap()).is_ok(), "{}", protocol.card.name);
        }
    }

    #[test]
    fn a_file_of_a_protocol_is_a_subject_with_the_digest_of_its_twin() {
        let suite = Suite::built_in("faithful").unwrap();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocols/examples");
        let file = examples.join("bolt.protocol").display().to_string();
        let digest = |subject: Subject| subject.program(&suite, Sizes::new(5, 2).unwrap()).unwrap().digest();
        assert_eq!(
            digest(Subject::find(&file, Registry::built_in()).unwrap()),
            digest(Subject::find("gelu/bolt", Registry::built_in()).unwrap())
        );
    }

    #[test]
    fn a_file_that_is_no_protocol_is_refused_with_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        assert!(matches!(Subject::find(&path("none.protocol"), Registry::built_in()), Err(SubjectError::File { .. })));
        std::fs::create_dir(path("folder.protocol")).unwrap();
        assert!(matches!(
            Subject::find(&path("folder.protocol"), Registry::built_in()),
            Err(SubjectError::File { .. })
        ));
        std::fs::write(path("wrong.protocol"), "protocol gelu/mine\nsumary \"x\"\n").unwrap();
        let refused = Subject::find(&path("wrong.protocol"), Registry::built_in()).unwrap_err();
        assert!(matches!(refused, SubjectError::Protocol(_)) && refused.to_string().contains(":2:"), "{refused}");
    }

    #[test]
    fn a_length_is_said_in_what_the_subject_takes() {
        let said = |name: &str, seq, batch| {
            Subject::find(name, Registry::built_in()).unwrap().length(Sizes::new(seq, batch).unwrap())
        };
        assert_eq!(said("dc-vae-8", 128, 1), "1 image");
        assert_eq!(said("dc-vae-8", 128, 3), "3 images");
        assert_eq!(said("bert-base", 128, 2), "128 tokens, batch 2");
        assert_eq!(said("gelu/cosine", 1, 2), "2 x 1 element");
    }

    #[test]
    fn what_is_no_subject_is_refused_with_what_it_is() {
        assert!(
            Subject::find("faithful", Registry::built_in()).unwrap_err().to_string().contains("`faithful` is a suite")
        );
        assert!(Subject::find("lan", Registry::built_in()).unwrap_err().to_string().contains("`lan` is a network"));
        assert!(matches!(
            Subject::find("/no/such/directory", Registry::built_in()),
            Err(SubjectError::Unknown { is: None, .. })
        ));
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.json");
        std::fs::write(&config, "{}").unwrap();
        let file = Subject::find(&config.display().to_string(), Registry::built_in()).unwrap_err().to_string();
        assert!(file.contains("is the configuration of one, and a model is a folder; give `"), "{file}");
        assert!(matches!(
            Subject::find_model("gelu/cosine", Registry::built_in()),
            Err(SubjectError::NotAModel { .. })
        ));
        assert!(matches!(
            Subject::find_protocol("bert-base", Registry::built_in()),
            Err(SubjectError::NotAProtocol { .. })
        ));
    }
}
