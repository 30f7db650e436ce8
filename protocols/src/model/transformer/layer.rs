//! The middle of a model: attention and feed-forward blocks.

use super::normal::{Fold, Rows};
use super::{Attended, Query, Transformer};
use crate::circuit::{Circuit, Owner, Secret};
use crate::model::architecture::{DISTANCES, Placement, Projections, Sum, row_of_distance};
use crate::model::config::Activation;
use crate::nonlinear::SoftmaxInputs;

/// Guard bits of what is divided last: with those of the inverse no more than the ring of the quotient has room for.
const SUM_GUARD_BITS: i8 = 2;
/// Guard bits of folded weights of queries and keys: the ring of the rows has room for them, because values need as wide a one.
const SCORE_GUARD_BITS: i8 = 4;
/// Guard bits of folded weights before an activation, which needs the bits of its period only.
const WIDE_GUARD_BITS: i8 = 8;

impl Transformer<'_> {
    pub(super) fn layer(&self, c: &mut Circuit, layer: usize, x: Rows, scores: Attended) -> Rows {
        let attended = Sum::Attention { layer };
        match self.layout.norms.placement {
            Placement::After => {
                let centred = self.centres(x, attended);
                let context = self.attention(c, layer, x, scores, centred);
                let x = self.normalize_sum(c, context, x, attended);
                let fed = Sum::FeedForward { layer };
                let centred = self.centres(x, fed);
                let context = self.feed_forward(c, layer, x, centred);
                self.normalize_sum(c, context, x, fed)
            }
            Placement::Before => {
                // The sum that comes in is that of the layer before, or of the embeddings.
                let before = layer.checked_sub(1).map_or(Sum::Embedding, |layer| Sum::FeedForward { layer });
                let (x, centred) = (x.whole(c), self.centred_stream);
                let normal = self.normalize(c, x, before, centred);
                let context = self.attention(c, layer, normal, scores, centred);
                let x = c.add(context, x);
                let normal = self.normalize(c, x, attended, centred);
                let fed = self.feed_forward(c, layer, normal, centred);
                c.add(fed, x).into()
            }
        }
    }

    /// Whether the mean of what is added to these rows is taken out before the sum is normalised.
    fn centres(&self, x: Rows, sum: Sum) -> bool {
        x.can_be_centred() && self.protocols.layernorm(Some(sum)).rows_in_parts().is_some()
    }

    /// The normalised sum of rows and what a block made of them, which comes without its mean where [`Self::centres`] says so.
    fn normalize_sum(&self, c: &mut Circuit, made: Secret, x: Rows, sum: Sum) -> Rows {
        if !x.can_be_centred() {
            let x = x.whole(c);
            let x = c.add(made, x);
            return self.normalize(c, x, sum, false);
        }
        let centred = self.centres(x, sum);
        c.region("layernorm", |c| {
            let x = if centred { x.centred(c) } else { x.whole(c) };
            let x = c.add(made, x);
            self.normalize_here(c, x, sum, centred)
        })
    }

    fn feed_forward(&self, c: &mut Circuit, layer: usize, x: Rows, centred: bool) -> Secret {
        let (hidden, intermediate) = (self.config.hidden_size, self.config.intermediate_size);
        let fold = Fold { guard_bits: WIDE_GUARD_BITS, ..Fold::NONE };
        let wide = self.linear(c, x, &self.layout.part(layer, self.layout.wide), [hidden, intermediate], fold);
        let active = self.activate(c, wide, self.config.activation, Some(layer));
        let fold = Fold { centred, ..Fold::NONE };
        self.linear(c, active.into(), &self.layout.part(layer, self.layout.narrow), [intermediate, hidden], fold)
    }

    /// The activation of a layer, or of a head.
    pub(super) fn activate(&self, c: &mut Circuit, x: Secret, activation: Activation, layer: Option<usize>) -> Secret {
        match activation {
            Activation::Gelu | Activation::GeluTanh | Activation::Quad => {
                c.region("gelu", |c| self.protocols.gelu(c, x, layer))
            }
            Activation::Relu => c.region("relu", |c| relu(c, x)),
            Activation::Silu | Activation::QuickGelu => {
                unreachable!("a configuration with an activation that is not private is refused")
            }
        }
    }

    /// The output layer of softmax(Q K^T / sqrt(d)) V for every head, d the width of a head.
    fn attention(&self, c: &mut Circuit, layer: usize, x: Rows, attended: Attended, centred: bool) -> Secret {
        let hidden = self.config.hidden_size;
        let softmax = self.protocols.softmax(layer);
        let parts = softmax.softmax_in_parts();
        let factor = parts.map_or(1.0, |(factor, _)| factor);
        let scale = factor / (self.config.head_size() as f64).sqrt();
        let [queries, keys, values] = self.project(c, layer, x, parts.map_or(1.0, |_| scale));
        let scores = c.region("attention", |c| {
            let queries = if parts.is_some() { queries } else { self.scale_queries(c, queries) };
            let queries = self.split_heads(c, queries, &[0, 2, 1, 3]);
            let keys = self.split_heads(c, keys, &[0, 2, 3, 1]);
            let scores = c.matmul(queries, keys);
            let Some(distances) = attended.distances else { return scores };
            let distances = if parts.is_some() { c.scale(distances, factor) } else { distances };
            c.add(scores, distances)
        });
        let inputs = SoftmaxInputs { x: scores, mask: attended.mask };
        let (weights, inverse) = c.region("softmax", |c| match parts {
            None => (softmax.build(c, inputs), None),
            Some((_, build)) => {
                let [weights, inverse] = c.region(&softmax.region_in_parts(), |c| build(c, inputs));
                (weights, Some(inverse))
            }
        });
        let context = c.region("attention", |c| {
            let values = self.split_heads(c, values, &[0, 2, 1, 3]);
            let context = match inverse {
                None => c.matmul(weights, values),
                Some(inverse) => {
                    let guard_bits = c.guard_bits(values);
                    let sum = c.matmul_to(weights, values, guard_bits + SUM_GUARD_BITS);
                    c.mul_to(sum, inverse, guard_bits)
                }
            };
            let by_token = c.transpose(context, &[0, 2, 1, 3]);
            c.reshape(by_token, [self.rows(), hidden])
        });
        let fold = Fold { centred, ..Fold::NONE };
        self.linear(c, context.into(), &self.layout.part(layer, self.layout.attention_output), [hidden, hidden], fold)
    }

    /// What is added to scores by the distance of two tokens, `[heads, tokens, tokens]`: the table's numbers, repeated along diagonals.
    pub(super) fn distances(&self, c: &mut Circuit) -> Option<Secret> {
        let (heads, tokens) = (self.config.heads, self.query.tokens);
        let name = self.layout.distances?;
        Some(c.region("attention", |c| {
            let table = c.input(Owner::Model, name, [DISTANCES, heads]);
            let table = c.transpose(table, &[1, 0]);
            // From the last token back to the first, to the last: every distance in order, as runs of one row of the table.
            let row = |diagonal: usize| {
                row_of_distance((tokens - 1).saturating_sub(diagonal), diagonal.saturating_sub(tokens - 1))
            };
            let all: Vec<usize> = (0..2 * tokens - 1).map(row).collect();
            let runs: Vec<Secret> = all
                .chunk_by(|a, b| a == b)
                .map(|run| {
                    let one = c.slice(table, 1, run[0], 1);
                    c.broadcast(one, [heads, run.len()])
                })
                .collect();
            let diagonals = c.concat(&runs, 1);
            let rows: Vec<Secret> = (0..tokens)
                .map(|from| {
                    let row = c.slice(diagonals, 1, tokens - 1 - from, tokens);
                    c.reshape(row, [heads, 1, tokens])
                })
                .collect();
            c.concat(&rows, 1)
        }))
    }

    /// Queries, which are multiplied with a number, keys and values, each `[batch * tokens, hidden]`.
    fn project(&self, c: &mut Circuit, layer: usize, x: Rows, factor: f64) -> [Secret; 3] {
        let hidden = self.config.hidden_size;
        match self.layout.projections {
            Projections::Separate(names) => [0, 1, 2].map(|i| {
                let factor = if i == 0 { factor } else { 1.0 };
                let guard_bits = if i == 2 { 0 } else { SCORE_GUARD_BITS };
                let fold = Fold { first: (hidden, factor), guard_bits, ..Fold::NONE };
                self.linear(c, x, &self.layout.part(layer, names[i]), [hidden, hidden], fold)
            }),
            Projections::Fused(name) => {
                let fold = Fold { first: (hidden, factor), guard_bits: 0, ..Fold::NONE };
                let fused = self.linear(c, x, &self.layout.part(layer, name), [hidden, 3 * hidden], fold);
                [0, 1, 2].map(|part| c.slice(fused, 1, part * hidden, hidden))
            }
        }
    }

    /// Divides by the square root of the head's width, which is free where that is a power of two.
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
}

/// max(x, 0).
pub(super) fn relu(c: &mut Circuit, x: Secret) -> Secret {
    let negative = c.less_than(x, 0.0);
    let positive = c.not(negative);
    c.select(positive, x)
}
