//! A Transformer as a circuit: embeddings, layers, head, as the architecture's layout says.
//!
//! Model inputs carry the names and shapes of the tensors in a Hugging Face file. The client's input is [`ONE_HOT`],
//! [`EMBEDDED`] or [`PATCHES`]. What of the published models is left out: [`super::left_out`].
//!
//! Regions: `input`, `embedding`, `layer.i/{linear, attention, softmax, gelu or relu, layernorm}`, `layernorm` (the last one, where
//! normalisation stands before the blocks), `pooler`, `head`.

mod embedding;
mod head;
mod layer;
mod normal;

use super::architecture::{Attention, Layout, Placement, Sum};
use super::config::{Activation, Head, Input, TransformerConfig};
use super::sentence::Pooling;
use super::site::Site;
use crate::circuit::{CheckedCircuit, Circuit, CircuitError, Owner, Secret};
use crate::nonlinear::{Function, LayerNormInputs, Mask, Protocol, RowInputs};
use crate::nonlinear::{MissingProtocol, Protocols};
use normal::{Fold, Rows};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use thiserror::Error;

/// Name of the client's input under [`Embedding::OneHot`]: `[batch * tokens, vocabulary]`, a single 1 in each row.
pub const ONE_HOT: &str = "tokens.one-hot";
/// Name of the client's input under [`Embedding::Client`]: `[batch * tokens, hidden]`, rows of the public word embedding.
pub const EMBEDDED: &str = "tokens.embedded";
/// Name of the client's input for an image model: `[batch * patches, channels * patch * patch]`. Patches go along rows of the
/// image, the numbers of a patch by channel, row, column.
pub const PATCHES: &str = "image.patches";
/// Name of the output.
pub const OUTPUT: &str = "output";

/// Sequences that one circuit infers together, at most: sizes are products of it and must fit a word.
pub const MOST_SEQUENCES: usize = 1 << 20;

/// Tokens of a sequence of which each is hidden from those before it, at most: the mask is a public table of every pair.
pub const MOST_MASKED_TOKENS: usize = 4096;

/// How tokens become vectors. An image's patches are always shared by the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Embedding {
    /// The client shares one-hot rows; a private matrix product looks them up in the secret table.
    OneHot,
    /// The table is public; the client looks its tokens up and shares the rows. (Logits of the next token are computed with
    /// the table in shares all the same.)
    Client,
}

/// The protocols that a model is built with, and how tokens are embedded.
#[derive(Debug, Clone)]
pub struct ModelProtocols {
    /// Protocols by function.
    pub protocols: Protocols,
    /// Look-up of tokens.
    pub embedding: Embedding,
}

/// The protocols that a model needs.
struct Chosen<'a> {
    /// Attention weights.
    softmax: &'a Protocol,
    /// Normalisation.
    layernorm: &'a Protocol,
    /// In the place of these, at sites.
    at_sites: HashMap<Site, &'a Protocol>,
    /// Activation, where it is one that a protocol computes.
    gelu: Option<&'a Protocol>,
    /// Of the pooler, or in a classifier, where there is one.
    tanh: Option<&'a Protocol>,
    /// Look-up of tokens.
    embedding: Embedding,
}

impl<'a> Chosen<'a> {
    fn new(config: &TransformerConfig, chosen: &'a ModelProtocols) -> Result<Self, BuildError> {
        let needed = config.functions();
        let get = |function| chosen.protocols.get(&function).map(Arc::as_ref);
        let get_if_needed = |function| {
            if needed.contains(&function) { get(function).map(Some) } else { Ok::<_, MissingProtocol>(None) }
        };
        Ok(Self {
            softmax: get(Function::SOFTMAX)?,
            layernorm: get(Function::LAYERNORM)?,
            at_sites: at_sites(config, &chosen.protocols)?,
            gelu: get_if_needed(Function::GELU)?,
            tanh: get_if_needed(Function::TANH)?,
            embedding: chosen.embedding,
        })
    }

    fn softmax(&self, layer: usize) -> &'a Protocol {
        self.at_sites.get(&Site::Scores { layer }).copied().unwrap_or(self.softmax)
    }

    fn layernorm(&self, sum: Option<Sum>) -> &'a Protocol {
        let at_site = sum.and_then(|sum| self.at_sites.get(&Site::Normalisation(sum)));
        at_site.copied().unwrap_or(self.layernorm)
    }

    /// Whether all normalisations in the blocks can do without the mean, and the embedding, too.
    fn can_centre_all(&self, config: &TransformerConfig) -> bool {
        let blocks = (0..config.layers).flat_map(|layer| [Sum::Attention { layer }, Sum::FeedForward { layer }]);
        let mut sums = blocks.chain([Sum::Embedding]);
        self.centres_embedding() && sums.all(|sum| self.layernorm(Some(sum)).rows_in_parts().is_some())
    }

    /// Whether embeddings can come without their mean: the model's owner takes it out, but not of rows that the client looks up itself.
    fn centres_embedding(&self) -> bool {
        self.embedding == Embedding::OneHot
    }

    fn gelu(&self, c: &mut Circuit, x: Secret, layer: Option<usize>) -> Secret {
        let at_site = layer.and_then(|layer| self.at_sites.get(&Site::Activation { layer }));
        at_site.copied().or(self.gelu).expect("it was looked up, because the configuration has it").build(c, x)
    }

    fn tanh(&self, c: &mut Circuit, x: Secret) -> Secret {
        self.tanh.expect("it was looked up, because the configuration has it").build(c, x)
    }
}

/// What is chosen for sites: for each of a function, or for none of it.
fn at_sites<'a>(config: &TransformerConfig, chosen: &'a Protocols) -> Result<HashMap<Site, &'a Protocol>, BuildError> {
    let all = Site::all(config);
    let sites: HashMap<String, Site> = all.iter().map(|site| (site.name(config), *site)).collect();
    let mut found = HashMap::new();
    for (name, protocol) in chosen.at_sites() {
        let site = sites.get(name).filter(|site| site.function() == protocol.card.function);
        let end = |site: Option<&Site>| site.map_or_else(String::new, |site| site.name(config));
        let site = site.ok_or_else(|| BuildError::Site {
            site: name.clone(),
            layers: config.layers,
            protocol: protocol.card.name.clone(),
            first: end(all.first()),
            last: end(all.last()),
        })?;
        found.insert(*site, protocol.as_ref());
    }
    let functions: HashSet<Function> = found.keys().map(|site| site.function()).collect();
    match all.iter().find(|site| functions.contains(&site.function()) && !found.contains_key(site)) {
        Some(site) => Err(BuildError::NotAtSite { site: site.name(config), function: site.function() }),
        None => Ok(found),
    }
}

/// Sizes of one inference. Counts; no unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// Tokens of each sequence; of an image, patches and the class token.
    pub tokens: usize,
    /// Sequences that are inferred together.
    pub batch: usize,
}

/// A model, or a query of it, that cannot be built.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum BuildError {
    /// No tokens, or more than the model has positions.
    #[error("{tokens} tokens; the model takes 1 to {most}")]
    Tokens {
        /// Tokens asked for.
        tokens: usize,
        /// Positions that a token may have.
        most: usize,
    },
    /// Not the number of tokens that the image has.
    #[error("{tokens} tokens; an image has {needed} for this model, its patches and the class token")]
    ImageTokens {
        /// Tokens asked for.
        tokens: usize,
        /// Tokens of an image.
        needed: usize,
    },
    /// More tokens of a decoder than there is a mask for.
    #[error(
        "{tokens} tokens of a decoder, whose mask has a number for each pair of them; use at most {MOST_MASKED_TOKENS}"
    )]
    Masked {
        /// Tokens asked for.
        tokens: usize,
    },
    /// An empty batch.
    #[error("a batch of 0 sequences; use at least 1")]
    Batch,
    /// More sequences than a shape can hold.
    #[error("a batch of {batch} sequences; use at most {MOST_SEQUENCES}")]
    Sequences {
        /// Sequences asked for.
        batch: usize,
    },
    /// A second text for a model without token types, or one that begins outside the sequence.
    #[error(
        "a second text from token {second} of {tokens} on; the model needs two token types, and each text at least one token"
    )]
    SecondText {
        /// The first token of the second text.
        second: usize,
        /// Tokens of the sequence.
        tokens: usize,
    },
    /// A function of the model that no private circuit computes.
    #[error("the model's {what} is computed in plaintext only: no private circuit is built for it")]
    NotPrivate {
        /// The function.
        what: &'static str,
    },
    /// A protocol for a site that the model does not have: the suite was made for another one.
    #[error(
        "the suite names `{protocol}` for the site `{site}`, and this model of {layers} layers has none where that is computed: its sites are {first} to \
         {last}; a suite with [sites] is for the model that it was fitted to (`viewless calibrate`)"
    )]
    Site {
        /// The site.
        site: String,
        /// Layers of the model.
        layers: usize,
        /// What is named for it.
        protocol: String,
        /// The first site of the model.
        first: String,
        /// The last one.
        last: String,
    },
    /// A site of the model for which the suite names nothing, and others of the function: it was made for another model.
    #[error(
        "the suite names protocols for sites of {function}, and none for the model's site `{site}`; a suite with [sites] is for the model that it was \
         fitted to (`viewless calibrate`), or names one for each site"
    )]
    NotAtSite {
        /// The site.
        site: String,
        /// What is computed there.
        function: Function,
    },
    /// A function of the model has no protocol.
    #[error(transparent)]
    Protocol(#[from] MissingProtocol),
    /// A protocol does not fit the shapes it is given.
    #[error("{0}")]
    Circuit(#[from] CircuitError),
}

struct Transformer<'a> {
    config: &'a TransformerConfig,
    layout: &'static Layout,
    protocols: Chosen<'a>,
    query: Query,
    /// The first token of a second text, if there is one.
    second: Option<usize>,
    /// Whether what is normalised before the blocks comes without its mean: from the first matrices on, where every normalisation can do without its own.
    centred_stream: bool,
}

/// What all layers do alike to scores.
#[derive(Clone, Copy)]
struct Attended {
    /// Which take part.
    mask: Option<Mask>,
    /// What is added to them, `[heads, tokens, tokens]`.
    distances: Option<Secret>,
}

/// What the layers pass on.
#[derive(Clone, Copy)]
struct Stream {
    /// The residual stream: `[batch * tokens, hidden]`.
    x: Rows,
    /// The word table, if it is among the inputs already.
    words: Option<Secret>,
}

/// The whole model as a circuit, with one output, [`OUTPUT`], of shape [`output_shape`].
///
/// # Errors
/// [`BuildError`] for a query or configuration that cannot be.
pub fn circuit(
    config: &TransformerConfig,
    protocols: &ModelProtocols,
    query: Query,
) -> Result<CheckedCircuit, BuildError> {
    build(config, protocols, query, None)
}

/// The same for a pair of texts in each sequence: tokens from `second` on have the second type. Where the second text begins is
/// public, as the number of tokens is.
///
/// # Errors
/// Those of [`circuit`]; a model without a second token type.
pub fn circuit_of_pair(
    config: &TransformerConfig,
    protocols: &ModelProtocols,
    query: Query,
    second: usize,
) -> Result<CheckedCircuit, BuildError> {
    build(config, protocols, query, Some(second))
}

/// What a model needs that no private circuit computes.
#[must_use]
pub fn not_private(config: &TransformerConfig) -> Option<&'static str> {
    let activation = config.activations().into_iter().find_map(|activation| match activation {
        Activation::Silu => Some("activation silu"),
        Activation::QuickGelu => Some("activation quick_gelu"),
        Activation::Gelu | Activation::GeluTanh | Activation::Relu | Activation::Quad => None,
    });
    let head = match &config.head {
        Head::Pooling(Pooling::Max) => Some("pooling by the maximum"),
        Head::Sentence(sentence) if sentence.poolings.contains(&Pooling::Max) => Some("pooling by the maximum"),
        Head::Pooling(
            Pooling::Mean | Pooling::FirstToken | Pooling::LastToken | Pooling::MeanSqrtLength | Pooling::WeightedMean,
        )
        | Head::Sentence(_)
        | Head::HiddenStates
        | Head::MeanPooling
        | Head::Pooler
        | Head::Classifier { .. }
        | Head::NextToken
        | Head::NextTokenByOwnTable
        | Head::TokenClassifier { .. }
        | Head::AnswerSpan
        | Head::MaskedWord => None,
    };
    activation.or(head)
}

fn build(
    config: &TransformerConfig,
    protocols: &ModelProtocols,
    query: Query,
    second: Option<usize>,
) -> Result<CheckedCircuit, BuildError> {
    if let Some(what) = not_private(config) {
        return Err(BuildError::NotPrivate { what });
    }
    if let Some(second) = second {
        let types = match config.input {
            Input::Text { type_vocab_size, .. } => type_vocab_size,
            Input::Image { .. } => 0,
        };
        if types < 2 || second == 0 || second >= query.tokens {
            return Err(BuildError::SecondText { second, tokens: query.tokens });
        }
    }
    if query.batch == 0 {
        return Err(BuildError::Batch);
    }
    if let Some(needed) = config.image_tokens().filter(|needed| query.tokens != *needed) {
        return Err(BuildError::ImageTokens { tokens: query.tokens, needed });
    }
    if query.tokens == 0 || query.tokens > config.most_tokens() {
        return Err(BuildError::Tokens { tokens: query.tokens, most: config.most_tokens() });
    }
    if query.batch > MOST_SEQUENCES {
        return Err(BuildError::Sequences { batch: query.batch });
    }
    let layout = config.architecture.layout();
    if layout.attention == Attention::Causal && query.tokens > MOST_MASKED_TOKENS {
        return Err(BuildError::Masked { tokens: query.tokens });
    }
    let protocols = Chosen::new(config, protocols)?;
    let centred_stream = layout.norms.placement == Placement::Before && protocols.can_centre_all(config);
    let model = Transformer { config, layout, protocols, query, second, centred_stream };
    let mut c = Circuit::new();
    let mask = match model.layout.attention {
        Attention::Full => None,
        Attention::Causal => Some(c.region("mask", |c| Mask::causal(c, query.tokens))),
    };
    let Stream { mut x, words } = model.embed(&mut c);
    let attended = Attended { mask, distances: model.distances(&mut c) };
    for layer in 0..config.layers {
        x = c.region(&format!("layer.{layer}"), |c| model.layer(c, layer, x, attended));
    }
    let output = model.head(&mut c, Stream { x, words });
    c.region("output", |c| c.reveal(output, OUTPUT));
    Ok(c.finish()?)
}

/// What `config` computes from the last hidden states, as a shape: `[batch * tokens, hidden]` hidden states, `[batch, hidden]`
/// for the pooling heads, `[batch, labels]` for a classifier, `[batch, vocabulary]` for the next token, `[batch * tokens, …]` for heads
/// that say something of each token.
#[must_use]
pub fn output_shape(config: &TransformerConfig, query: Query) -> Vec<usize> {
    match &config.head {
        Head::HiddenStates => vec![query.batch * query.tokens, config.hidden_size],
        Head::MeanPooling | Head::Pooler | Head::Pooling(_) => vec![query.batch, config.hidden_size],
        Head::Sentence(sentence) => vec![query.batch, sentence.width(config.hidden_size)],
        Head::Classifier { labels } => vec![query.batch, labels.len()],
        Head::NextToken | Head::NextTokenByOwnTable => vec![query.batch, config.vocab_size().unwrap_or(0)],
        Head::TokenClassifier { labels } => vec![query.batch * query.tokens, labels.len()],
        Head::AnswerSpan => vec![query.batch * query.tokens, 2],
        Head::MaskedWord => vec![query.batch * query.tokens, config.vocab_size().unwrap_or(0)],
    }
}

impl Transformer<'_> {
    fn rows(&self) -> usize {
        self.query.batch * self.query.tokens
    }

    /// A linear layer of a layer's blocks.
    fn linear(&self, c: &mut Circuit, x: Rows, name: &str, sizes: [usize; 2], fold: Fold) -> Secret {
        c.region("linear", |c| self.folded(c, x, name, sizes, self.layout.weights, fold))
    }

    /// The normalisation that a sum belongs to, of rows with their mean or without.
    fn normalize(&self, c: &mut Circuit, x: Secret, sum: Sum, centred: bool) -> Rows {
        c.region("layernorm", |c| self.normalize_here(c, x, sum, centred))
    }

    /// The same in the region that is open.
    fn normalize_here(&self, c: &mut Circuit, x: Secret, sum: Sum, centred: bool) -> Rows {
        let name = self.layout.norm_of(sum, self.config.layers);
        self.normalize_by(c, x, &name, self.protocols.layernorm(Some(sum)), centred)
    }

    fn normalize_by(&self, c: &mut Circuit, x: Secret, name: &str, protocol: &Protocol, centred: bool) -> Rows {
        let epsilon = self.config.layer_norm_epsilon;
        if let Some(build) = protocol.rows_in_parts() {
            let inputs = RowInputs { x, epsilon, centred };
            let rows = c.region(&protocol.region_in_parts(), |c| build(c, inputs));
            return Rows::normal(c, rows, name);
        }
        let width = c.row_length(x);
        let gamma = c.input(Owner::Model, &format!("{name}.weight"), [width]);
        let beta = c.input(Owner::Model, &format!("{name}.bias"), [width]);
        protocol.build(c, LayerNormInputs { x, gamma, beta, epsilon }).into()
    }
}

#[cfg(test)]
mod tests;
