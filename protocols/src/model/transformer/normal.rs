//! Normalised rows, and linear layers that are folded into each other by the model's owner.
//!
//! A normalisation that can leave its scale and offset to what follows ([`Parts::LayerNorm`](crate::nonlinear::Parts)) gives rows n with y = gamma n + beta:
//! - A linear layer of y is one of n: y W + b = n (gamma W) + (beta W + b). The owner computes both in clear.
//! - What is normalised next is y + (u W' + b'). Its mean is taken out beforehand: of W' and b' by the owner, of y by a product of n with the one column gamma / d.
//!
//! All of it is exact over the reals. In fixed point weights are held with [`WEIGHT_GUARD_BITS`] until they are shared, so that folding rounds no more than encoding does.

use super::Transformer;
use crate::circuit::{Circuit, Owner, Secret};
use crate::model::architecture::WeightOrder;
use crate::model::tensors::weight_shape;

/// Guard bits of weights as their owner computes with them.
const WEIGHT_GUARD_BITS: i8 = 8;
/// Guard bits of the column that gives the mean of a row: its numbers are a row's length below those of others, and roundings of them add up to
/// less than a unit of the mean with as many as this.
const MEAN_GUARD_BITS: i8 = 4;

/// Rows that a normalisation or a linear layer gives, `[..., hidden]`.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    /// As they are computed.
    rows: Secret,
    /// What is left to do: a scale and an offset of each column.
    columns: Option<Columns>,
}

#[derive(Clone, Copy)]
struct Columns {
    gamma: Secret,
    beta: Secret,
}

impl From<Secret> for Rows {
    fn from(rows: Secret) -> Self {
        Self { rows, columns: None }
    }
}

impl Rows {
    /// Rows that are still to be scaled and offset by the model's tensors `name`.weight and `name`.bias.
    pub(super) fn normal(c: &mut Circuit, rows: Secret, name: &str) -> Self {
        let width = c.row_length(rows);
        let mut tensor = |end: &str| c.input_with(Owner::Model, &format!("{name}.{end}"), [width], WEIGHT_GUARD_BITS);
        Self { rows, columns: Some(Columns { gamma: tensor("weight"), beta: tensor("bias") }) }
    }

    /// Whether the mean of a sum with these rows can be taken out beforehand.
    pub(super) fn can_be_centred(self) -> bool {
        self.columns.is_some()
    }

    /// Other rows made of these, each of one of them.
    pub(super) fn map(self, f: impl FnOnce(Secret) -> Secret) -> Self {
        Self { rows: f(self.rows), ..self }
    }

    /// The rows as they are meant.
    pub(super) fn whole(self, c: &mut Circuit) -> Secret {
        let Some(Columns { gamma, beta }) = self.columns else { return self.rows };
        let (gamma, beta) = (c.precision(gamma, 0), c.precision(beta, 0));
        let scaled = c.mul(self.rows, gamma);
        c.add(scaled, beta)
    }

    /// The rows, less the mean of each.
    pub(super) fn centred(self, c: &mut Circuit) -> Secret {
        let Some(Columns { gamma, beta }) = self.columns else {
            unreachable!("only what can be centred is asked for so")
        };
        let width = c.row_length(gamma);
        let column = c.scale_to(gamma, 1.0 / width as f64, MEAN_GUARD_BITS);
        let column = c.reshape(column, [width, 1]);
        let mean = c.matmul_to(self.rows, column, 0);
        let gamma = c.precision(gamma, 0);
        let scaled = c.mul(self.rows, gamma);
        let scaled = c.sub(scaled, mean);
        let beta = centred(c, beta);
        let beta = c.precision(beta, 0);
        c.add(scaled, beta)
    }
}

/// How a linear layer is folded beside what its argument asks for.
#[derive(Clone, Copy)]
pub(super) struct Fold {
    /// The first of its outputs, so many, are multiplied by a number.
    pub first: (usize, f64),
    /// Whether the mean of each row is taken out.
    pub centred: bool,
    /// Guard bits of the matrix where it is folded: as many as its argument's ring has room for.
    pub guard_bits: i8,
}

impl Fold {
    /// Nothing but what the argument asks for.
    pub(super) const NONE: Self = Self { first: (0, 1.0), centred: false, guard_bits: 0 };
}

/// A tensor less the mean over its last axis.
pub(super) fn centred(c: &mut Circuit, x: Secret) -> Secret {
    let mean = c.mean(x, c.last_axis(x));
    c.sub(x, mean)
}

impl Transformer<'_> {
    /// x W^T + b, or x W + b where weights are stored so, folded.
    pub(super) fn folded(
        &self,
        c: &mut Circuit,
        x: Rows,
        name: &str,
        [input, output]: [usize; 2],
        order: WeightOrder,
        fold: Fold,
    ) -> Secret {
        let is_folded = x.columns.is_some() || fold.centred || fold.first.1 != 1.0;
        let guard_bits = if is_folded { WEIGHT_GUARD_BITS } else { 0 };
        let shape = weight_shape(output, input, order);
        let weight = c.input_with(Owner::Model, &format!("{name}.weight"), shape, guard_bits);
        let mut weight = match order {
            WeightOrder::OutIn => c.transpose(weight, &[1, 0]),
            WeightOrder::InOut => weight,
        };
        if !is_folded {
            let product = c.matmul(x.rows, weight);
            let bias = c.input(Owner::Model, &format!("{name}.bias"), [output]);
            return c.add(product, bias);
        }
        let mut bias = c.input_with(Owner::Model, &format!("{name}.bias"), [output], guard_bits);
        if let Some(Columns { gamma, beta }) = x.columns {
            // With fewer bits: a sum of as many products as there are inputs is one of a word.
            let offset = c.precision(beta, 0);
            let offset = c.reshape(offset, [1, input]);
            let offset = c.matmul_to(offset, weight, WEIGHT_GUARD_BITS);
            let offset = c.reshape(offset, [output]);
            bias = c.add(bias, offset);
            let gamma = c.reshape(gamma, [input, 1]);
            weight = c.mul(weight, gamma);
        }
        (weight, bias) = (first_scaled(c, weight, fold.first), first_scaled(c, bias, fold.first));
        if fold.centred {
            (weight, bias) = (centred(c, weight), centred(c, bias));
        }
        let (weight, bias) = (c.precision(weight, fold.guard_bits), c.precision(bias, 0));
        let product = c.matmul_to(x.rows, weight, 0);
        c.add(product, bias)
    }
}

/// A tensor of which the first elements of the last axis, so many, are multiplied by a number.
fn first_scaled(c: &mut Circuit, x: Secret, (first, factor): (usize, f64)) -> Secret {
    let (axis, all) = (c.last_axis(x), c.row_length(x));
    if factor == 1.0 {
        return x;
    }
    if first == all {
        return c.scale(x, factor);
    }
    let scaled = c.slice(x, axis, 0, first);
    let scaled = c.scale(scaled, factor);
    let rest = c.slice(x, axis, first, all - first);
    c.concat(&[scaled, rest], axis)
}
