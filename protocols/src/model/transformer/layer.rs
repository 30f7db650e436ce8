//! The middle of a model: attention and feed-forward blocks.

use super::{Attended, Query, Transformer};
use crate::circuit::{Circuit, Owner, Secret};
use crate::model::architecture::{DISTANCES, Placement, Projections, Sum, row_of_distance};
use crate::model::config::Activation;
use crate::nonlinear::SoftmaxInputs;

/// Guard bits of what is divided last: with those of the inverse no more than the ring of the quotient has room for.
const SUM_GUARD_BITS: i8 = 2;

impl Transformer<'_> {
    pub(super) fn layer(&self, c: &mut Circuit, layer: usize, x: Secret, scores: Attended) -> Secret {
        let attended = Sum::Attention { layer };
        match self.layout.norms.placement {
            Placement::After => {
                let context = self.attention(c, layer, x, scores);
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
                let context = self.attention(c, layer, normal, scores);
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
        let active = self.activate(c, wide, self.config.activation, Some(layer));
        self.linear(c, active, &self.layout.part(layer, self.layout.narrow), [intermediate, hidden])
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
    fn attention(&self, c: &mut Circuit, layer: usize, x: Secret, attended: Attended) -> Secret {
        let hidden = self.config.hidden_size;
        let [queries, keys, values] = self.project(c, layer, x);
        let softmax = self.protocols.softmax(layer);
        let parts = softmax.parts.as_ref();
        let factor = parts.map_or(1.0, |parts| parts.factor);
        let scores = c.region("attention", |c| {
            let queries = self.scale_queries(c, queries, factor);
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
            Some(parts) => {
                let name = format!("{} in parts", softmax.card.name);
                let [weights, inverse] = c.region(&name, |c| (parts.build)(c, inputs));
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
        self.linear(c, context, &self.layout.part(layer, self.layout.attention_output), [hidden, hidden])
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

    /// Divides by the square root of the head's width, which is free where that is a power of two, and multiplies with `factor`.
    fn scale_queries(&self, c: &mut Circuit, queries: Secret, factor: f64) -> Secret {
        let width = self.config.head_size();
        if factor == 1.0 && width.is_power_of_two() && width.ilog2().is_multiple_of(2) {
            c.shift(queries, -((width.ilog2() / 2) as i8))
        } else {
            c.scale(queries, factor / (width as f64).sqrt())
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
