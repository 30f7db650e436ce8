//! The first part of a model: tokens or patches become vectors.

use super::normal::{Fold, Rows, centred};
use super::{EMBEDDED, Embedding, ONE_HOT, PATCHES, Query, Stream, Transformer};
use crate::circuit::{Circuit, Owner, Secret};
use crate::model::architecture::{EmbeddingLayout, Placement, Sum, WeightOrder};
use crate::model::config::Input;

impl Transformer<'_> {
    pub(super) fn embed(&self, c: &mut Circuit) -> Stream {
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

    /// The first normalisation, where it stands after the sums, and a linear layer to the width of the hidden states, where there is one.
    fn begin(&self, c: &mut Circuit, sum: Secret) -> Rows {
        let x = match self.layout.norms.placement {
            Placement::After => self.normalize(c, sum, Sum::Embedding, self.centres_embedding()),
            Placement::Before => sum.into(),
        };
        match (self.layout.projection, self.config.embedding_size) {
            (Some(name), Some(width)) => {
                let fold = Fold { centred: self.centred_stream, ..Fold::NONE };
                self.folded(c, x, name, [width, self.config.hidden_size], WeightOrder::OutIn, fold).into()
            }
            _ => x,
        }
    }

    /// Whether embeddings come without the mean of each row.
    fn centres_embedding(&self) -> bool {
        match self.layout.norms.placement {
            Placement::After => {
                let norm = self.protocols.layernorm(Some(Sum::Embedding));
                self.protocols.centres_embedding() && norm.rows_in_parts().is_some()
            }
            Placement::Before => self.centred_stream && self.layout.projection.is_none(),
        }
    }

    /// A tensor of the model that is added to embeddings.
    fn summand(&self, c: &mut Circuit, x: Secret) -> Secret {
        if self.centres_embedding() { centred(c, x) } else { x }
    }

    /// The client's tokens.
    fn tokens(&self, c: &mut Circuit, vocabulary: usize) -> Secret {
        let (rows, hidden) = (self.rows(), self.config.embedding_width());
        c.region("input", |c| match self.protocols.embedding {
            Embedding::OneHot => c.input(Owner::Client, ONE_HOT, [rows, vocabulary]),
            Embedding::Client => c.input(Owner::Client, EMBEDDED, [rows, hidden]),
        })
    }

    /// Word vectors, `[batch * tokens, hidden]`, and the table if it is an input.
    fn look_up(&self, c: &mut Circuit, tokens: Secret, words: &str, vocabulary: usize) -> (Secret, Option<Secret>) {
        match self.protocols.embedding {
            Embedding::OneHot => {
                let table = c.input(Owner::Model, words, [vocabulary, self.config.embedding_width()]);
                let rows = c.matmul(tokens, table);
                if !self.centres_embedding() {
                    return (rows, Some(table));
                }
                // Not the table less its means, because a head may need it as it is.
                let means = c.mean(table, 1);
                let means = c.matmul(tokens, means);
                (c.sub(rows, means), Some(table))
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
        let hidden = self.config.embedding_width();
        let positions = c.input(Owner::Model, positions, [max_positions, hidden]);
        let positions = c.slice(positions, 0, self.config.first_position, tokens);
        let positions = self.summand(c, positions);
        let types = types.map(|(types, type_vocab_size)| {
            let types = c.input(Owner::Model, types, [type_vocab_size, hidden]);
            let types = self.summand(c, types);
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
        let weight = self.summand(c, weight);
        let product = c.matmul(image, weight);
        let bias = c.input(Owner::Model, &format!("{projection}.bias"), [hidden]);
        let bias = self.summand(c, bias);
        let embedded = c.add(product, bias);
        let embedded = c.reshape(embedded, [batch, tokens - 1, hidden]);
        let class = c.input(Owner::Model, class, [1, 1, hidden]);
        let class = self.summand(c, class);
        let class = c.broadcast(class, [batch, 1, hidden]);
        let all = c.concat(&[class, embedded], 1);
        let positions = c.input(Owner::Model, positions, [1, tokens, hidden]);
        let positions = self.summand(c, positions);
        let sum = c.add(all, positions);
        c.reshape(sum, [self.rows(), hidden])
    }
}
