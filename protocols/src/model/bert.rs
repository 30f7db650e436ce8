//! BERT (Devlin et al., 2018) as a circuit: embeddings, encoder layers, head.
//!
//! Model inputs carry the names and shapes of the tensors in a Hugging Face file (a linear layer's weight is [out, in]).
//! The client's input is [`ONE_HOT`] or [`EMBEDDED`]. No dropout (inference), no attention mask (sequences are not padded).
//! Token types are all 0.
//!
//! Regions: `input`, `embedding`, `layer.i/{linear, attention, softmax, gelu, layernorm}`, `pooler`, `head`.

use super::{BertConfig, Head};
use crate::circuit::{CheckedCircuit, Circuit, CircuitError, Owner, Secret};
use crate::nonlinear::{LayerNormInputs, Protocol};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Name of the client's input under [`Embedding::OneHot`]: `[batch * tokens, vocabulary]`, a single 1 in each row.
pub const ONE_HOT: &str = "tokens.one-hot";
/// Name of the client's input under [`Embedding::Client`]: `[batch * tokens, hidden]`, rows of the public word embedding.
pub const EMBEDDED: &str = "tokens.embedded";
/// Name of the output.
pub const OUTPUT: &str = "output";

/// Sequences that one circuit infers together, at most: sizes are products of it and must fit a word.
pub const MOST_SEQUENCES: usize = 1 << 20;

/// How tokens become vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Embedding {
    /// The client shares one-hot rows; a private matrix product looks them up in the secret table.
    OneHot,
    /// The table is public; the client looks its tokens up and shares the rows.
    Client,
}

/// One protocol for each function of the model, and how tokens are embedded.
#[derive(Debug, Clone, Copy)]
pub struct BertProtocols {
    /// Activation.
    pub gelu: &'static Protocol,
    /// Attention weights.
    pub softmax: &'static Protocol,
    /// Normalisation.
    pub layernorm: &'static Protocol,
    /// The pooler's activation.
    pub tanh: &'static Protocol,
    /// Look-up of tokens.
    pub embedding: Embedding,
}

/// Sizes of one inference. Counts; no unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// Tokens of each sequence.
    pub tokens: usize,
    /// Sequences that are inferred together.
    pub batch: usize,
}

/// A query that the model cannot answer.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum BertError {
    /// No tokens, or more than the model has positions.
    #[error("{tokens} tokens; the model takes 1 to {most}")]
    Tokens {
        /// Tokens asked for.
        tokens: usize,
        /// Rows of the position table.
        most: usize,
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
    /// The configuration cannot be a BERT.
    #[error("{0}")]
    Config(#[from] super::ConfigError),
    /// A protocol does not fit the shapes it is given.
    #[error("{0}")]
    Circuit(#[from] CircuitError),
}

struct Bert<'a> {
    config: &'a BertConfig,
    protocols: &'a BertProtocols,
    query: Query,
}

/// The whole model as a circuit, with one output, [`OUTPUT`]: `[batch * tokens, hidden]` hidden states, `[batch, hidden]` for
/// the pooling heads, `[batch, labels]` for a classifier.
///
/// # Errors
/// [`BertError`] for a query or configuration that cannot be.
pub fn circuit(config: &BertConfig, protocols: &BertProtocols, query: Query) -> Result<CheckedCircuit, BertError> {
    config.validate()?;
    if query.batch == 0 {
        return Err(BertError::Batch);
    }
    if query.tokens == 0 || query.tokens > config.max_positions {
        return Err(BertError::Tokens { tokens: query.tokens, most: config.max_positions });
    }
    if query.batch > MOST_SEQUENCES {
        return Err(BertError::Sequences { batch: query.batch });
    }
    let bert = Bert { config, protocols, query };
    let mut c = Circuit::new();
    let mut x = bert.embed(&mut c);
    for layer in 0..config.layers {
        x = c.region(&format!("layer.{layer}"), |c| bert.layer(c, layer, x));
    }
    let output = bert.head(&mut c, x);
    c.region("output", |c| c.reveal(output, OUTPUT));
    Ok(c.finish()?)
}

/// What `config` computes from the last hidden states, as a shape.
#[must_use]
pub fn output_shape(config: &BertConfig, query: Query) -> Vec<usize> {
    match &config.head {
        Head::HiddenStates => vec![query.batch * query.tokens, config.hidden_size],
        Head::MeanPooling | Head::Pooler => vec![query.batch, config.hidden_size],
        Head::Classifier { labels } => vec![query.batch, labels.len()],
    }
}

impl Bert<'_> {
    fn rows(&self) -> usize {
        self.query.batch * self.query.tokens
    }

    /// x W^T + b.
    fn linear(&self, c: &mut Circuit, x: Secret, name: &str, input: usize, output: usize) -> Secret {
        let weight = c.input(Owner::Model, &format!("{name}.weight"), [output, input]);
        let weight = c.transpose(weight, &[1, 0]);
        let product = c.matmul(x, weight);
        let bias = c.input(Owner::Model, &format!("{name}.bias"), [output]);
        c.add(product, bias)
    }

    fn normalize(&self, c: &mut Circuit, x: Secret, name: &str) -> Secret {
        c.region("layernorm", |c| {
            let gamma = c.input(Owner::Model, &format!("{name}.weight"), [self.config.hidden_size]);
            let beta = c.input(Owner::Model, &format!("{name}.bias"), [self.config.hidden_size]);
            let epsilon = self.config.layer_norm_epsilon;
            self.protocols.layernorm.build(c, LayerNormInputs { x, gamma, beta, epsilon })
        })
    }

    fn embed(&self, c: &mut Circuit) -> Secret {
        let (rows, hidden, vocabulary) = (self.rows(), self.config.hidden_size, self.config.vocab_size);
        let tokens = c.region("input", |c| match self.protocols.embedding {
            Embedding::OneHot => c.input(Owner::Client, ONE_HOT, [rows, vocabulary]),
            Embedding::Client => c.input(Owner::Client, EMBEDDED, [rows, hidden]),
        });
        c.region("embedding", |c| {
            let words = match self.protocols.embedding {
                Embedding::OneHot => {
                    let table = c.input(Owner::Model, "embeddings.word_embeddings.weight", [vocabulary, hidden]);
                    c.matmul(tokens, table)
                }
                Embedding::Client => tokens,
            };
            let positions = [self.config.max_positions, hidden];
            let positions = c.input(Owner::Model, "embeddings.position_embeddings.weight", positions);
            let positions = c.slice(positions, 0, 0, self.query.tokens);
            let types = [self.config.type_vocab_size, hidden];
            let types = c.input(Owner::Model, "embeddings.token_type_embeddings.weight", types);
            let first_type = c.slice(types, 0, 0, 1);
            let by_sequence = c.reshape(words, [self.query.batch, self.query.tokens, hidden]);
            let sum = c.add(by_sequence, positions);
            let sum = c.add(sum, first_type);
            let sum = c.reshape(sum, [rows, hidden]);
            self.normalize(c, sum, "embeddings.LayerNorm")
        })
    }

    fn layer(&self, c: &mut Circuit, layer: usize, x: Secret) -> Secret {
        let (hidden, intermediate) = (self.config.hidden_size, self.config.intermediate_size);
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let context = self.attention(c, x, &name);
        let dense = c.region("linear", |c| self.linear(c, context, &name("attention.output.dense"), hidden, hidden));
        let sum = c.add(dense, x);
        let attended = self.normalize(c, sum, &name("attention.output.LayerNorm"));
        let wide = c.region("linear", |c| self.linear(c, attended, &name("intermediate.dense"), hidden, intermediate));
        let active = c.region("gelu", |c| self.protocols.gelu.build(c, wide));
        let narrow = c.region("linear", |c| self.linear(c, active, &name("output.dense"), intermediate, hidden));
        let sum = c.add(narrow, attended);
        self.normalize(c, sum, &name("output.LayerNorm"))
    }

    /// softmax(Q K^T / sqrt(d)) V for every head, d the width of a head.
    fn attention(&self, c: &mut Circuit, x: Secret, name: &impl Fn(&str) -> String) -> Secret {
        let hidden = self.config.hidden_size;
        let mut project = |part: &str| {
            let name = name(&format!("attention.self.{part}"));
            c.region("linear", |c| self.linear(c, x, &name, hidden, hidden))
        };
        let (queries, keys, values) = (project("query"), project("key"), project("value"));
        let scores = c.region("attention", |c| {
            let queries = self.scale_queries(c, queries);
            let queries = self.split_heads(c, queries, &[0, 2, 1, 3]);
            let keys = self.split_heads(c, keys, &[0, 2, 3, 1]);
            c.matmul(queries, keys)
        });
        let weights = c.region("softmax", |c| self.protocols.softmax.build(c, scores));
        c.region("attention", |c| {
            let values = self.split_heads(c, values, &[0, 2, 1, 3]);
            let context = c.matmul(weights, values);
            let by_token = c.transpose(context, &[0, 2, 1, 3]);
            c.reshape(by_token, [self.rows(), hidden])
        })
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

    fn head(&self, c: &mut Circuit, x: Secret) -> Secret {
        let Query { batch, tokens } = self.query;
        let hidden = self.config.hidden_size;
        match &self.config.head {
            Head::HiddenStates => x,
            Head::MeanPooling => c.region("pooler", |c| {
                let by_sequence = c.reshape(x, [batch, tokens, hidden]);
                let mean = c.mean(by_sequence, 1);
                c.reshape(mean, [batch, hidden])
            }),
            Head::Pooler => self.pooler(c, x),
            Head::Classifier { labels } => {
                let pooled = self.pooler(c, x);
                c.region("head", |c| self.linear(c, pooled, "classifier", hidden, labels.len()))
            }
        }
    }

    /// tanh of a linear layer of each sequence's first token.
    fn pooler(&self, c: &mut Circuit, x: Secret) -> Secret {
        let Query { batch, tokens } = self.query;
        let hidden = self.config.hidden_size;
        c.region("pooler", |c| {
            let by_sequence = c.reshape(x, [batch, tokens, hidden]);
            let first = c.slice(by_sequence, 1, 0, 1);
            let first = c.reshape(first, [batch, hidden]);
            let dense = self.linear(c, first, "pooler.dense", hidden, hidden);
            self.protocols.tanh.build(c, dense)
        })
    }
}
