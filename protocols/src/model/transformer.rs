//! A Transformer as a circuit: embeddings, layers, head, as the architecture's layout says.
//!
//! Model inputs carry the names and shapes of the tensors in a Hugging Face file. The client's input is [`ONE_HOT`],
//! [`EMBEDDED`] or [`PATCHES`]. What of the published models is left out: [`super::left_out`].
//!
//! Regions: `input`, `embedding`, `layer.i/{linear, attention, softmax, gelu or relu, layernorm}`, `layernorm` (the last one, where
//! normalisation stands before the blocks), `pooler`, `head`.

use super::architecture::{
    Attention, ClassifierInput, EmbeddingLayout, Layout, Placement, Projections, Sum, WeightOrder,
};
use super::config::{Activation, Head, Input, Pooling, TransformerConfig};
use super::tensors::{ANSWER_SPAN, OWN_TABLE, TOKEN_CLASSIFIER, weight_shape};
use crate::circuit::{CheckedCircuit, Circuit, CircuitError, Owner, Secret};
use crate::nonlinear::{Function, LayerNormInputs, Mask, Protocol, SoftmaxInputs};
use crate::suite::{MissingProtocol, Protocols};
use serde::{Deserialize, Serialize};
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
    /// Activation, where it is one that a protocol computes.
    gelu: Option<&'a Protocol>,
    /// Of the pooler, or in a classifier, where there is one.
    tanh: Option<&'a Protocol>,
    /// Look-up of tokens.
    embedding: Embedding,
}

impl<'a> Chosen<'a> {
    fn new(config: &TransformerConfig, chosen: &'a ModelProtocols) -> Result<Self, MissingProtocol> {
        let needed = config.functions();
        let get = |function| chosen.protocols.get(&function).map(Arc::as_ref);
        let get_if_needed = |function| if needed.contains(&function) { get(function).map(Some) } else { Ok(None) };
        Ok(Self {
            softmax: get(Function::SOFTMAX)?,
            layernorm: get(Function::LAYERNORM)?,
            gelu: get_if_needed(Function::GELU)?,
            tanh: get_if_needed(Function::TANH)?,
            embedding: chosen.embedding,
        })
    }

    fn gelu(&self, c: &mut Circuit, x: Secret) -> Secret {
        self.gelu.expect("it was looked up, because the configuration has it").build(c, x)
    }

    fn tanh(&self, c: &mut Circuit, x: Secret) -> Secret {
        self.tanh.expect("it was looked up, because the configuration has it").build(c, x)
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
}

/// What the layers pass on.
#[derive(Clone, Copy)]
struct Stream {
    /// The residual stream: `[batch * tokens, hidden]`.
    x: Secret,
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
    let activation = match config.activation {
        Activation::Silu => Some("activation silu"),
        Activation::QuickGelu => Some("activation quick_gelu"),
        Activation::Gelu | Activation::GeluTanh | Activation::Relu | Activation::Quad => None,
    };
    let head = match config.head {
        Head::Pooling(Pooling::Max) => Some("pooling by the maximum"),
        Head::Pooling(Pooling::FirstToken | Pooling::LastToken | Pooling::MeanSqrtLength | Pooling::WeightedMean)
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
    let model = Transformer { config, layout, protocols: Chosen::new(config, protocols)?, query, second };
    let mut c = Circuit::new();
    let mask = match model.layout.attention {
        Attention::Full => None,
        Attention::Causal => Some(c.region("mask", |c| Mask::causal(c, query.tokens))),
    };
    let Stream { mut x, words } = model.embed(&mut c);
    for layer in 0..config.layers {
        x = c.region(&format!("layer.{layer}"), |c| model.layer(c, layer, x, mask));
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

    /// x W^T + b, or x W + b where weights are stored so.
    fn dense(&self, c: &mut Circuit, x: Secret, name: &str, sizes: [usize; 2], order: WeightOrder) -> Secret {
        let [input, output] = sizes;
        let weight = c.input(Owner::Model, &format!("{name}.weight"), weight_shape(output, input, order));
        let weight = match order {
            WeightOrder::OutIn => c.transpose(weight, &[1, 0]),
            WeightOrder::InOut => weight,
        };
        let product = c.matmul(x, weight);
        let bias = c.input(Owner::Model, &format!("{name}.bias"), [output]);
        c.add(product, bias)
    }

    /// A linear layer of a layer's blocks.
    fn linear(&self, c: &mut Circuit, x: Secret, name: &str, sizes: [usize; 2]) -> Secret {
        c.region("linear", |c| self.dense(c, x, name, sizes, self.layout.weights))
    }

    /// The normalisation that a sum belongs to.
    fn normalize(&self, c: &mut Circuit, x: Secret, sum: Sum) -> Secret {
        self.normalize_by(c, x, &self.layout.norm_of(sum, self.config.layers))
    }

    fn normalize_by(&self, c: &mut Circuit, x: Secret, name: &str) -> Secret {
        c.region("layernorm", |c| {
            let gamma = c.input(Owner::Model, &format!("{name}.weight"), [self.config.hidden_size]);
            let beta = c.input(Owner::Model, &format!("{name}.bias"), [self.config.hidden_size]);
            let epsilon = self.config.layer_norm_epsilon;
            self.protocols.layernorm.build(c, LayerNormInputs { x, gamma, beta, epsilon })
        })
    }

    fn embed(&self, c: &mut Circuit) -> Stream {
        match (self.config.input, self.layout.embedding) {
            (
                Input::Text { vocab_size, max_positions, type_vocab_size },
                EmbeddingLayout::Words { words, positions, types },
            ) => {
                let tokens = self.tokens(c, vocab_size);
                c.region("embedding", |c| {
                    let (rows, words) = self.look_up(c, tokens, words, vocab_size);
                    let types = types.map(|types| (types, type_vocab_size));
                    let sum = self.place(c, rows, (positions, max_positions), types);
                    Stream { x: self.begin(c, sum), words }
                })
            }
            (
                Input::Image { patch_size, channels, .. },
                EmbeddingLayout::Patches { projection, class_token, positions },
            ) => {
                let (patches, pixels) = (self.query.tokens - 1, channels * patch_size * patch_size);
                let shape = [self.query.batch * patches, pixels];
                let image = c.region("input", |c| c.input(Owner::Client, PATCHES, shape));
                c.region("embedding", |c| {
                    let sum = self.patches(c, image, [channels, patch_size], [projection, class_token, positions]);
                    Stream { x: self.begin(c, sum), words: None }
                })
            }
            (Input::Text { .. }, EmbeddingLayout::Patches { .. })
            | (Input::Image { .. }, EmbeddingLayout::Words { .. }) => {
                unreachable!("a valid configuration has its architecture's input")
            }
        }
    }

    /// The first normalisation, where it stands after the sums.
    fn begin(&self, c: &mut Circuit, sum: Secret) -> Secret {
        match self.layout.norms.placement {
            Placement::After => self.normalize(c, sum, Sum::Embedding),
            Placement::Before => sum,
        }
    }

    /// The client's tokens.
    fn tokens(&self, c: &mut Circuit, vocabulary: usize) -> Secret {
        let (rows, hidden) = (self.rows(), self.config.hidden_size);
        c.region("input", |c| match self.protocols.embedding {
            Embedding::OneHot => c.input(Owner::Client, ONE_HOT, [rows, vocabulary]),
            Embedding::Client => c.input(Owner::Client, EMBEDDED, [rows, hidden]),
        })
    }

    /// Word vectors, `[batch * tokens, hidden]`, and the table if it is an input.
    fn look_up(&self, c: &mut Circuit, tokens: Secret, words: &str, vocabulary: usize) -> (Secret, Option<Secret>) {
        match self.protocols.embedding {
            Embedding::OneHot => {
                let table = c.input(Owner::Model, words, [vocabulary, self.config.hidden_size]);
                (c.matmul(tokens, table), Some(table))
            }
            Embedding::Client => (tokens, None),
        }
    }

    /// Adds positions and token types to word vectors.
    fn place(
        &self,
        c: &mut Circuit,
        words: Secret,
        (positions, max_positions): (&str, usize),
        types: Option<(&str, usize)>,
    ) -> Secret {
        let Query { batch, tokens } = self.query;
        let hidden = self.config.hidden_size;
        let positions = c.input(Owner::Model, positions, [max_positions, hidden]);
        let positions = c.slice(positions, 0, self.config.first_position, tokens);
        let types = types.map(|(types, type_vocab_size)| {
            let types = c.input(Owner::Model, types, [type_vocab_size, hidden]);
            let first = c.slice(types, 0, 0, 1);
            let Some(second) = self.second else { return first };
            let second_type = c.slice(types, 0, 1, 1);
            let first = c.broadcast(first, [second, hidden]);
            let rest = c.broadcast(second_type, [tokens - second, hidden]);
            c.concat(&[first, rest], 0)
        });
        let by_sequence = c.reshape(words, [batch, tokens, hidden]);
        let sum = c.add(by_sequence, positions);
        let sum = types.map_or(sum, |types| c.add(sum, types));
        c.reshape(sum, [self.rows(), hidden])
    }

    /// Patches through their linear layer behind the class token, with positions.
    fn patches(&self, c: &mut Circuit, image: Secret, [channels, patch]: [usize; 2], names: [&str; 3]) -> Secret {
        let [projection, class, positions] = names;
        let Query { batch, tokens } = self.query;
        let hidden = self.config.hidden_size;
        let weight = c.input(Owner::Model, &format!("{projection}.weight"), [hidden, channels, patch, patch]);
        let weight = c.reshape(weight, [hidden, channels * patch * patch]);
        let weight = c.transpose(weight, &[1, 0]);
        let product = c.matmul(image, weight);
        let bias = c.input(Owner::Model, &format!("{projection}.bias"), [hidden]);
        let embedded = c.add(product, bias);
        let embedded = c.reshape(embedded, [batch, tokens - 1, hidden]);
        let class = c.input(Owner::Model, class, [1, 1, hidden]);
        let class = c.broadcast(class, [batch, 1, hidden]);
        let all = c.concat(&[class, embedded], 1);
        let positions = c.input(Owner::Model, positions, [1, tokens, hidden]);
        let sum = c.add(all, positions);
        c.reshape(sum, [self.rows(), hidden])
    }

    fn layer(&self, c: &mut Circuit, layer: usize, x: Secret, mask: Option<Mask>) -> Secret {
        let attended = Sum::Attention { layer };
        match self.layout.norms.placement {
            Placement::After => {
                let context = self.attention(c, layer, x, mask);
                let sum = c.add(context, x);
                let x = self.normalize(c, sum, attended);
                let fed = self.feed_forward(c, layer, x);
                let sum = c.add(fed, x);
                self.normalize(c, sum, Sum::FeedForward { layer })
            }
            Placement::Before => {
                // The sum that comes in is that of the layer before, or of the embeddings.
                let before = layer.checked_sub(1).map_or(Sum::Embedding, |layer| Sum::FeedForward { layer });
                let normal = self.normalize(c, x, before);
                let context = self.attention(c, layer, normal, mask);
                let x = c.add(context, x);
                let normal = self.normalize(c, x, attended);
                let fed = self.feed_forward(c, layer, normal);
                c.add(fed, x)
            }
        }
    }

    fn feed_forward(&self, c: &mut Circuit, layer: usize, x: Secret) -> Secret {
        let (hidden, intermediate) = (self.config.hidden_size, self.config.intermediate_size);
        let wide = self.linear(c, x, &self.layout.part(layer, self.layout.wide), [hidden, intermediate]);
        let active = self.activate(c, wide, self.config.activation);
        self.linear(c, active, &self.layout.part(layer, self.layout.narrow), [intermediate, hidden])
    }

    fn activate(&self, c: &mut Circuit, x: Secret, activation: Activation) -> Secret {
        match activation {
            Activation::Gelu | Activation::GeluTanh | Activation::Quad => {
                c.region("gelu", |c| self.protocols.gelu(c, x))
            }
            Activation::Relu => c.region("relu", |c| relu(c, x)),
            Activation::Silu | Activation::QuickGelu => {
                unreachable!("a configuration with an activation that is not private is refused")
            }
        }
    }

    /// The output layer of softmax(Q K^T / sqrt(d)) V for every head, d the width of a head.
    fn attention(&self, c: &mut Circuit, layer: usize, x: Secret, mask: Option<Mask>) -> Secret {
        let hidden = self.config.hidden_size;
        let [queries, keys, values] = self.project(c, layer, x);
        let scores = c.region("attention", |c| {
            let queries = self.scale_queries(c, queries);
            let queries = self.split_heads(c, queries, &[0, 2, 1, 3]);
            let keys = self.split_heads(c, keys, &[0, 2, 3, 1]);
            c.matmul(queries, keys)
        });
        let weights = c.region("softmax", |c| self.protocols.softmax.build(c, SoftmaxInputs { x: scores, mask }));
        let context = c.region("attention", |c| {
            let values = self.split_heads(c, values, &[0, 2, 1, 3]);
            let context = c.matmul(weights, values);
            let by_token = c.transpose(context, &[0, 2, 1, 3]);
            c.reshape(by_token, [self.rows(), hidden])
        });
        self.linear(c, context, &self.layout.part(layer, self.layout.attention_output), [hidden, hidden])
    }

    /// Queries, keys and values, each `[batch * tokens, hidden]`.
    fn project(&self, c: &mut Circuit, layer: usize, x: Secret) -> [Secret; 3] {
        let hidden = self.config.hidden_size;
        match self.layout.projections {
            Projections::Separate(names) => {
                names.map(|name| self.linear(c, x, &self.layout.part(layer, name), [hidden, hidden]))
            }
            Projections::Fused(name) => {
                let fused = self.linear(c, x, &self.layout.part(layer, name), [hidden, 3 * hidden]);
                [0, 1, 2].map(|part| c.slice(fused, 1, part * hidden, hidden))
            }
        }
    }

    /// Divides by the square root of the head's width: free where that is a power of two.
    fn scale_queries(&self, c: &mut Circuit, queries: Secret) -> Secret {
        let width = self.config.head_size();
        if width.is_power_of_two() && width.ilog2().is_multiple_of(2) {
            c.shift(queries, -((width.ilog2() / 2) as i8))
        } else {
            c.scale(queries, 1.0 / (width as f64).sqrt())
        }
    }

    /// `[batch * tokens, hidden]` to `[batch, tokens, heads, width]`, axes then put in `order`.
    fn split_heads(&self, c: &mut Circuit, x: Secret, order: &[u8]) -> Secret {
        let Query { batch, tokens } = self.query;
        let split = c.reshape(x, [batch, tokens, self.config.heads, self.config.head_size()]);
        c.transpose(split, order)
    }

    fn head(&self, c: &mut Circuit, stream: Stream) -> Secret {
        let Query { batch, tokens } = self.query;
        let (hidden, x) = (self.config.hidden_size, stream.x);
        match &self.config.head {
            Head::HiddenStates => self.finish(c, x),
            Head::MeanPooling => {
                let x = self.finish(c, x);
                c.region("pooler", |c| {
                    let by_sequence = c.reshape(x, [batch, tokens, hidden]);
                    let mean = c.mean(by_sequence, 1);
                    c.reshape(mean, [batch, hidden])
                })
            }
            Head::Pooler => self.pooler(c, x),
            Head::Classifier { labels } => self.classifier(c, x, labels.len()),
            Head::NextToken => self.next_token(c, stream),
            Head::NextTokenByOwnTable => self.next_token_by_own_table(c, x),
            Head::Pooling(pooling) => self.pool(c, x, *pooling),
            Head::TokenClassifier { labels } => self.each_token(c, x, TOKEN_CLASSIFIER, labels.len()),
            Head::AnswerSpan => self.each_token(c, x, ANSWER_SPAN, 2),
            Head::MaskedWord => self.masked_word(c, stream),
        }
    }

    /// One vector of each sequence, `[batch, hidden]`.
    fn pool(&self, c: &mut Circuit, x: Secret, pooling: Pooling) -> Secret {
        let Query { batch, tokens } = self.query;
        let hidden = self.config.hidden_size;
        let by_sequence = |c: &mut Circuit| {
            let x = self.finish(c, x);
            c.reshape(x, [batch, tokens, hidden])
        };
        match pooling {
            Pooling::FirstToken => self.token(c, x, 0),
            Pooling::LastToken => self.token(c, x, tokens - 1),
            Pooling::MeanSqrtLength => {
                let x = by_sequence(c);
                c.region("pooler", |c| {
                    let sum = c.sum(x, 1);
                    let scaled = c.scale(sum, 1.0 / (tokens as f64).sqrt());
                    c.reshape(scaled, [batch, hidden])
                })
            }
            Pooling::WeightedMean => {
                let x = by_sequence(c);
                c.region("pooler", |c| {
                    // Whole numbers have no error; the sum of the weights is divided out at the end.
                    let parts: Vec<Secret> = (0..tokens)
                        .map(|token| {
                            let one = c.slice(x, 1, token, 1);
                            c.scale(one, (token + 1) as f64)
                        })
                        .collect();
                    let all = c.concat(&parts, 1);
                    let sum = c.sum(all, 1);
                    let scaled = c.scale(sum, 2.0 / (tokens as f64 * (tokens + 1) as f64));
                    c.reshape(scaled, [batch, hidden])
                })
            }
            Pooling::Max => unreachable!("a configuration with a pooling that is not private is refused"),
        }
    }

    /// A linear layer of every token, `[batch * tokens, outputs]`.
    fn each_token(&self, c: &mut Circuit, x: Secret, name: &str, outputs: usize) -> Secret {
        let x = self.finish(c, x);
        c.region("head", |c| self.head_layer(c, x, name, outputs))
    }

    /// Logits of the word in the place of each token.
    fn masked_word(&self, c: &mut Circuit, stream: Stream) -> Secret {
        let head = self.layout.masked_word.expect("a valid configuration has such a head only where there is one");
        let hidden = self.config.hidden_size;
        let x = self.finish(c, stream.x);
        c.region("head", |c| {
            let dense = self.head_layer(c, x, head.dense, hidden);
            let active = self.activate(c, dense, head.activation.unwrap_or(self.config.activation));
            let normal = self.normalize_by(c, active, head.norm);
            let (table, vocabulary) = self.word_table(c, stream.words);
            let product = c.matmul(normal, table);
            let bias = c.input(Owner::Model, head.bias, [vocabulary]);
            c.add(product, bias)
        })
    }

    /// The word table, transposed, and the number of its words.
    fn word_table(&self, c: &mut Circuit, words: Option<Secret>) -> (Secret, usize) {
        let (Input::Text { vocab_size, .. }, EmbeddingLayout::Words { words: name, .. }) =
            (self.config.input, self.layout.embedding)
        else {
            unreachable!("a valid configuration has words only for texts")
        };
        let table = words.unwrap_or_else(|| c.input(Owner::Model, name, [vocab_size, self.config.hidden_size]));
        (c.transpose(table, &[1, 0]), vocab_size)
    }

    /// The last token times a table of its own.
    fn next_token_by_own_table(&self, c: &mut Circuit, x: Secret) -> Secret {
        c.region("head", |c| {
            let last = self.token(c, x, self.query.tokens - 1);
            let vocabulary = self.config.vocab_size().unwrap_or(0);
            let table = c.input(Owner::Model, OWN_TABLE, [vocabulary, self.config.hidden_size]);
            let table = c.transpose(table, &[1, 0]);
            c.matmul(last, table)
        })
    }

    /// The last normalisation, where it stands before the blocks.
    fn finish(&self, c: &mut Circuit, x: Secret) -> Secret {
        match self.layout.norms.placement {
            Placement::After => x,
            Placement::Before => self.normalize(c, x, Sum::FeedForward { layer: self.config.layers - 1 }),
        }
    }

    /// One token of each sequence, finished: `[batch, hidden]`. Rows are normalised each by itself, so the others need not be.
    fn token(&self, c: &mut Circuit, x: Secret, token: usize) -> Secret {
        let Query { batch, tokens } = self.query;
        let hidden = self.config.hidden_size;
        let by_sequence = c.reshape(x, [batch, tokens, hidden]);
        let one = c.slice(by_sequence, 1, token, 1);
        let one = c.reshape(one, [batch, hidden]);
        self.finish(c, one)
    }

    /// A linear layer that belongs to a head.
    fn head_layer(&self, c: &mut Circuit, x: Secret, name: &str, output: usize) -> Secret {
        self.dense(c, x, name, [self.config.hidden_size, output], WeightOrder::OutIn)
    }

    /// tanh of a linear layer of each sequence's first token.
    fn pooler(&self, c: &mut Circuit, x: Secret) -> Secret {
        let name = self.layout.pooler.expect("a valid configuration pools only where there is a pooler");
        c.region("pooler", |c| {
            let first = self.token(c, x, 0);
            let dense = self.head_layer(c, first, name, self.config.hidden_size);
            self.protocols.tanh(c, dense)
        })
    }

    fn classifier(&self, c: &mut Circuit, x: Secret, labels: usize) -> Secret {
        let classifier = self.layout.classifier.expect("a valid configuration classifies only where it can");
        let hidden = self.config.hidden_size;
        let dense = |c: &mut Circuit, name| {
            let first = self.token(c, x, 0);
            self.head_layer(c, first, name, hidden)
        };
        let pooled = (classifier.input == ClassifierInput::Pooler).then(|| self.pooler(c, x));
        c.region("head", |c| {
            let input = match (pooled, classifier.input) {
                (Some(pooled), _) => pooled,
                (None, ClassifierInput::Pooler | ClassifierInput::Token) => self.token(c, x, 0),
                (None, ClassifierInput::LastToken) => self.token(c, x, self.query.tokens - 1),
                (None, ClassifierInput::Tanh(name)) => {
                    let dense = dense(c, name);
                    self.protocols.tanh(c, dense)
                }
                (None, ClassifierInput::Relu(name)) => {
                    let dense = dense(c, name);
                    relu(c, dense)
                }
            };
            if classifier.has_bias {
                return self.head_layer(c, input, classifier.output, labels);
            }
            let weight = c.input(Owner::Model, &format!("{}.weight", classifier.output), [labels, hidden]);
            let weight = c.transpose(weight, &[1, 0]);
            c.matmul(input, weight)
        })
    }

    /// The last token times the word table.
    fn next_token(&self, c: &mut Circuit, Stream { x, words }: Stream) -> Secret {
        c.region("head", |c| {
            let last = self.token(c, x, self.query.tokens - 1);
            let (table, _) = self.word_table(c, words);
            c.matmul(last, table)
        })
    }
}

/// max(x, 0).
fn relu(c: &mut Circuit, x: Secret) -> Secret {
    let negative = c.less_than(x, 0.0);
    let positive = c.not(negative);
    c.select(positive, x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::Op;
    use crate::model::architecture::Architecture;
    use crate::model::{TransformerDraft, tensors};
    use crate::nonlinear::Registry;
    use crate::suite::Suite;

    /// A model of 2 layers with a head.
    fn small(architecture: Architecture, head: Head) -> TransformerConfig {
        draft(architecture, head).check().unwrap()
    }

    fn draft(architecture: Architecture, head: Head) -> TransformerDraft {
        let layout = architecture.layout();
        let input = match layout.embedding {
            EmbeddingLayout::Words { types, .. } => {
                Input::Text { vocab_size: 11, max_positions: 9, type_vocab_size: usize::from(types.is_some()) }
            }
            EmbeddingLayout::Patches { .. } => Input::Image { image_size: 4, patch_size: 2, channels: 3 },
        };
        TransformerDraft {
            architecture,
            input,
            first_position: if architecture == Architecture::Roberta { 2 } else { 0 },
            hidden_size: 6,
            layers: 2,
            heads: 2,
            intermediate_size: 8,
            head,
            ..TransformerConfig::bert_base().draft()
        }
    }

    fn heads(architecture: Architecture) -> Vec<Head> {
        let labels = vec!["no".to_owned(), "yes".to_owned()];
        let tokens = labels.clone();
        let poolings = [Pooling::FirstToken, Pooling::LastToken, Pooling::MeanSqrtLength, Pooling::WeightedMean];
        [Head::HiddenStates, Head::MeanPooling, Head::Pooler, Head::Classifier { labels }, Head::NextToken]
            .into_iter()
            .chain([Head::NextTokenByOwnTable, Head::TokenClassifier { labels: tokens }])
            .chain([Head::AnswerSpan, Head::MaskedWord])
            .chain(poolings.map(Head::Pooling))
            .filter(|head| draft(architecture, head.clone()).check().is_ok())
            .collect()
    }

    fn query(config: &TransformerConfig, batch: usize) -> Query {
        Query { tokens: config.image_tokens().unwrap_or(5), batch }
    }

    #[test]
    fn the_circuit_of_every_model_takes_exactly_the_tensors_that_are_listed() {
        let mut seen = 0;
        for architecture in Architecture::ALL {
            for head in heads(architecture) {
                let config = small(architecture, head);
                let suite = Suite::built_in("faithful").unwrap().model(Registry::built_in()).unwrap();
                let circuit = circuit(&config, &suite, query(&config, 2)).unwrap();
                let mut taken: Vec<(String, Vec<usize>)> = Vec::new();
                for node in circuit.nodes() {
                    if let Op::Input { owner: Owner::Model, name } = &node.op {
                        taken.push((name.clone(), node.shape.axes().to_vec()));
                    }
                }
                taken.sort();
                let mut listed: Vec<_> =
                    tensors(&config).into_iter().map(|tensor| (tensor.name, tensor.shape)).collect();
                listed.sort();
                assert_eq!(taken, listed, "{architecture} {:?}", config.head);
                let output = circuit.nodes().iter().rfind(|node| matches!(node.op, Op::Reveal(..))).unwrap();
                assert_eq!(output.shape.axes(), output_shape(&config, query(&config, 2)));
                seen += 1;
            }
        }
        // Hidden states, five poolings; poolers; classifiers of sequences, of tokens and of spans; masked words; next tokens.
        assert_eq!(seen, 5 * 6 + 3 + 5 + 4 + 4 + 3 + 2);
    }

    #[test]
    fn a_pair_of_texts_needs_two_token_types_and_a_token_for_each() {
        let suite = Suite::built_in("faithful").unwrap().model(Registry::built_in()).unwrap();
        let bert = small(Architecture::Bert, Head::HiddenStates);
        let refused = |config: &TransformerConfig, second| circuit_of_pair(config, &suite, query(config, 1), second);
        assert_eq!(refused(&bert, 2).unwrap_err(), BuildError::SecondText { second: 2, tokens: 5 });
        let input = Input::Text { vocab_size: 11, max_positions: 9, type_vocab_size: 2 };
        let bert = TransformerDraft { input, ..bert.draft() }.check().unwrap();
        assert!(refused(&bert, 2).is_ok());
        assert!(refused(&bert, 0).is_err() && refused(&bert, 5).is_err());
        assert!(refused(&small(Architecture::Vit, Head::HiddenStates), 2).is_err());
    }

    #[test]
    fn what_no_private_circuit_computes_is_refused_by_name() {
        let suite = Suite::built_in("faithful").unwrap().model(Registry::built_in()).unwrap();
        for (activation, head, what) in [
            (Activation::Silu, Head::HiddenStates, "silu"),
            (Activation::QuickGelu, Head::HiddenStates, "quick_gelu"),
            (Activation::Gelu, Head::Pooling(Pooling::Max), "maximum"),
        ] {
            let config = TransformerDraft { activation, ..draft(Architecture::Bert, head) }.check().unwrap();
            let error = circuit(&config, &suite, query(&config, 1)).unwrap_err();
            assert!(matches!(error, BuildError::NotPrivate { .. }) && error.to_string().contains(what), "{error}");
        }
        let relu = TransformerDraft { activation: Activation::Relu, ..draft(Architecture::Bert, Head::HiddenStates) };
        let relu = relu.check().unwrap();
        assert!(circuit(&relu, &suite, query(&relu, 1)).is_ok());
    }

    #[test]
    fn queries_that_a_model_cannot_take_are_refused() {
        let suite = Suite::built_in("faithful").unwrap().model(Registry::built_in()).unwrap();
        let refused = |architecture, tokens, batch| {
            circuit(&small(architecture, Head::HiddenStates), &suite, Query { tokens, batch }).unwrap_err()
        };
        assert_eq!(refused(Architecture::Bert, 10, 1), BuildError::Tokens { tokens: 10, most: 9 });
        assert_eq!(refused(Architecture::Roberta, 8, 1), BuildError::Tokens { tokens: 8, most: 7 });
        assert_eq!(refused(Architecture::Bert, 0, 1), BuildError::Tokens { tokens: 0, most: 9 });
        assert_eq!(refused(Architecture::Vit, 4, 1), BuildError::ImageTokens { tokens: 4, needed: 5 });
        assert_eq!(refused(Architecture::Bert, 5, 0), BuildError::Batch);
    }
}
