//! The last part of a model: what is computed from the last hidden states.

use super::layer::relu;
use super::normal::{Fold, Rows};
use super::{Query, Stream, Transformer};
use crate::circuit::{Circuit, Owner, Secret};
use crate::model::architecture::{ClassifierInput, EmbeddingLayout, Placement, Sum, WeightOrder};
use crate::model::config::{Activation, Head, Input};
use crate::model::sentence::{Dense, DenseActivation, Pooling, Sentence};
use crate::model::tensors::{ANSWER_SPAN, OWN_TABLE, TOKEN_CLASSIFIER, dense_layer};

impl Transformer<'_> {
    pub(super) fn head(&self, c: &mut Circuit, stream: Stream) -> Secret {
        let x = stream.x;
        match &self.config.head {
            Head::HiddenStates => self.finish(c, x).whole(c),
            Head::MeanPooling => self.pool(c, x, Pooling::Mean),
            Head::Sentence(sentence) => self.sentence(c, x, sentence),
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

    /// One vector of each sequence, `[batch, hidden]`. Where one token is enough, only that one is normalised at the end.
    fn pool(&self, c: &mut Circuit, x: Rows, pooling: Pooling) -> Secret {
        match pooling {
            Pooling::FirstToken => self.token(c, x, 0).whole(c),
            Pooling::LastToken => self.token(c, x, self.query.tokens - 1).whole(c),
            Pooling::Mean | Pooling::MeanSqrtLength | Pooling::WeightedMean | Pooling::Max => {
                let x = self.finish(c, x);
                self.pool_finished(c, x, pooling)
            }
        }
    }

    /// The same of hidden states that are normalised already.
    fn pool_finished(&self, c: &mut Circuit, x: Rows, pooling: Pooling) -> Secret {
        let Query { batch, tokens } = self.query;
        let hidden = self.config.hidden_size;
        let by_sequence = |c: &mut Circuit| {
            let x = x.whole(c);
            c.reshape(x, [batch, tokens, hidden])
        };
        match pooling {
            // Scale and offset of columns are those of the mean, too.
            Pooling::Mean => c.region("pooler", |c| {
                let mean = |x: Secret| {
                    let by_sequence = c.reshape(x, [batch, tokens, hidden]);
                    let mean = c.mean(by_sequence, 1);
                    c.reshape(mean, [batch, hidden])
                };
                let mean = x.map(mean);
                mean.whole(c)
            }),
            Pooling::FirstToken => self.row(c, x, 0).whole(c),
            Pooling::LastToken => self.row(c, x, tokens - 1).whole(c),
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

    /// Poolings side by side, linear layers behind them, and what is kept of the vector.
    fn sentence(&self, c: &mut Circuit, x: Rows, sentence: &Sentence) -> Secret {
        let hidden = self.config.hidden_size;
        let pooled: Vec<Secret> = match sentence.poolings[..] {
            [one] => vec![self.pool(c, x, one)],
            ref several => {
                let x = self.finish(c, x);
                several.iter().map(|pooling| self.pool_finished(c, x, *pooling)).collect()
            }
        };
        c.region("head", |c| {
            let mut x = match pooled[..] {
                [one] => one,
                _ => c.concat(&pooled, 1),
            };
            for (i, (dense, inputs)) in sentence.dense.iter().zip(sentence.inputs(hidden)).enumerate() {
                x = self.dense_step(c, x, &dense_layer(i), dense, inputs);
            }
            let (whole, kept) = (c.row_length(x), sentence.width(hidden));
            if kept < whole { c.slice(x, 1, 0, kept) } else { x }
        })
    }

    fn dense_step(&self, c: &mut Circuit, x: Secret, name: &str, dense: &Dense, inputs: usize) -> Secret {
        let weight = c.input(Owner::Model, &format!("{name}.weight"), [dense.outputs, inputs]);
        let weight = c.transpose(weight, &[1, 0]);
        let mut x = c.matmul(x, weight);
        if dense.has_bias {
            let bias = c.input(Owner::Model, &format!("{name}.bias"), [dense.outputs]);
            x = c.add(x, bias);
        }
        match dense.activation {
            DenseActivation::Identity => x,
            DenseActivation::Tanh => self.protocols.tanh(c, x),
            DenseActivation::Of(activation) => self.activate(c, x, activation, None),
        }
    }

    /// A linear layer of every token, `[batch * tokens, outputs]`.
    fn each_token(&self, c: &mut Circuit, x: Rows, name: &str, outputs: usize) -> Secret {
        let x = self.finish(c, x);
        c.region("head", |c| self.head_layer(c, x, name, outputs))
    }

    /// Logits of the word in the place of each token.
    fn masked_word(&self, c: &mut Circuit, stream: Stream) -> Secret {
        let head = self.layout.masked_word.expect("a valid configuration has such a head only where there is one");
        let x = self.finish(c, stream.x);
        c.region("head", |c| {
            let dense = self.head_layer(c, x, head.dense, self.config.embedding_width());
            let active = self.activate(c, dense, head.activation.unwrap_or(self.config.activation), None);
            let norm = self.protocols.layernorm(None);
            let normal = c.region("layernorm", |c| self.normalize_by(c, active, head.norm, norm, false).whole(c));
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
        let table = words.unwrap_or_else(|| c.input(Owner::Model, name, [vocab_size, self.config.embedding_width()]));
        (c.transpose(table, &[1, 0]), vocab_size)
    }

    /// The last token times a table of its own.
    fn next_token_by_own_table(&self, c: &mut Circuit, x: Rows) -> Secret {
        c.region("head", |c| {
            let last = self.token(c, x, self.query.tokens - 1).whole(c);
            let vocabulary = self.config.vocab_size().unwrap_or(0);
            let table = c.input(Owner::Model, OWN_TABLE, [vocabulary, self.config.hidden_size]);
            let table = c.transpose(table, &[1, 0]);
            c.matmul(last, table)
        })
    }

    /// The last normalisation, where it stands before the blocks.
    fn finish(&self, c: &mut Circuit, x: Rows) -> Rows {
        match self.layout.norms.placement {
            Placement::After => x,
            Placement::Before => {
                let x = x.whole(c);
                self.normalize(c, x, Sum::FeedForward { layer: self.config.layers - 1 }, self.centred_stream)
            }
        }
    }

    /// One token of each sequence, finished: `[batch, hidden]`. Rows are normalised each by itself, so the others need not be.
    fn token(&self, c: &mut Circuit, x: Rows, token: usize) -> Rows {
        let one = self.row(c, x, token);
        self.finish(c, one)
    }

    /// One token of each sequence, `[batch, hidden]`.
    fn row(&self, c: &mut Circuit, x: Rows, token: usize) -> Rows {
        let Query { batch, tokens } = self.query;
        let hidden = self.config.hidden_size;
        x.map(|x| {
            let by_sequence = c.reshape(x, [batch, tokens, hidden]);
            let one = c.slice(by_sequence, 1, token, 1);
            c.reshape(one, [batch, hidden])
        })
    }

    /// A linear layer that belongs to a head.
    fn head_layer(&self, c: &mut Circuit, x: Rows, name: &str, output: usize) -> Secret {
        self.folded(c, x, name, [self.config.hidden_size, output], WeightOrder::OutIn, Fold::NONE)
    }

    /// tanh of a linear layer of each sequence's first token.
    fn pooler(&self, c: &mut Circuit, x: Rows) -> Secret {
        let name = self.layout.pooler.expect("a valid configuration pools only where there is a pooler");
        c.region("pooler", |c| {
            let first = self.token(c, x, 0);
            let dense = self.head_layer(c, first, name, self.config.hidden_size);
            self.protocols.tanh(c, dense)
        })
    }

    fn classifier(&self, c: &mut Circuit, x: Rows, labels: usize) -> Secret {
        let classifier = self.layout.classifier.expect("a valid configuration classifies only where it can");
        let hidden = self.config.hidden_size;
        let dense = |c: &mut Circuit, name| {
            let first = self.token(c, x, 0);
            self.head_layer(c, first, name, hidden)
        };
        let pooled = (classifier.input == ClassifierInput::Pooler).then(|| self.pooler(c, x));
        c.region("head", |c| {
            let input = match (pooled, classifier.input) {
                (Some(pooled), _) => pooled.into(),
                (None, ClassifierInput::Pooler | ClassifierInput::Token) => self.token(c, x, 0),
                (None, ClassifierInput::LastToken) => self.token(c, x, self.query.tokens - 1),
                (None, ClassifierInput::Tanh(name)) => {
                    let dense = dense(c, name);
                    self.protocols.tanh(c, dense).into()
                }
                (None, ClassifierInput::Relu(name)) => {
                    let dense = dense(c, name);
                    relu(c, dense).into()
                }
                (None, ClassifierInput::Gelu(name)) => {
                    let dense = dense(c, name);
                    self.activate(c, dense, Activation::Gelu, None).into()
                }
            };
            if classifier.has_bias {
                return self.head_layer(c, input, classifier.output, labels);
            }
            let weight = c.input(Owner::Model, &format!("{}.weight", classifier.output), [labels, hidden]);
            let weight = c.transpose(weight, &[1, 0]);
            let input = input.whole(c);
            c.matmul(input, weight)
        })
    }

    /// The last token times the word table.
    fn next_token(&self, c: &mut Circuit, Stream { x, words }: Stream) -> Secret {
        c.region("head", |c| {
            let last = self.token(c, x, self.query.tokens - 1).whole(c);
            let (table, _) = self.word_table(c, words);
            c.matmul(last, table)
        })
    }
}
