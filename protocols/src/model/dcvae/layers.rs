//! Blocks of the encoder and cells of the decoder.

use super::{CELLS, Choices, DcVaeConfig};
use crate::circuit::{Circuit, Owner, Secret};
use crate::model::convolution::{
    Geometry, Upsampling, bias, conv2d, conv2d_then_pool2, nearest2_then_conv2d, sum_pool2, upsample2,
};

pub(super) struct Builder<'a> {
    pub(super) config: &'a DcVaeConfig,
    pub(super) choices: &'a Choices<'a>,
}

/// A sum where one may have more guard bits: the other gets them, exactly.
fn add(c: &mut Circuit, a: Secret, b: Secret) -> Secret {
    let guard_bits = c.guard_bits(a).max(c.guard_bits(b));
    let [a, b] = [a, b].map(|x| c.precision(x, guard_bits));
    c.add(a, b)
}

/// A layer's tensors.
#[derive(Clone, Copy)]
struct Layer {
    weight: Secret,
    bias: Secret,
}

impl Builder<'_> {
    fn relu(&self, c: &mut Circuit, x: Secret) -> Secret {
        c.region("relu", |c| self.choices.relu.build(c, x))
    }

    fn layer(c: &mut Circuit, name: &str, shape: [usize; 4]) -> Layer {
        let weight = c.input(Owner::Model, &format!("{name}.weight"), shape);
        let bias = c.input(Owner::Model, &format!("{name}.bias"), [shape[0]]);
        Layer { weight, bias }
    }

    /// A convolution in a region of its own.
    fn conv(&self, c: &mut Circuit, x: Secret, [path, part]: [&str; 2], outputs: usize, geometry: Geometry) -> Secret {
        c.region(part, |c| {
            let inputs = c.row_length(x);
            let shape = [outputs, inputs, geometry.kernel, geometry.kernel];
            let layer = Self::layer(c, &format!("{path}.{part}"), shape);
            let y = conv2d(c, x, layer.weight, geometry, 0);
            bias(c, y, layer.bias)
        })
    }

    pub(super) fn encoder(&self, c: &mut Circuit, x: Secret) -> Secret {
        let mut x = c.region("encoder.block1", |c| self.down(c, x, "enc.block1", true));
        x = c.region("encoder.block2", |c| self.down(c, x, "enc.block2", false));
        for block in ["block3", "block4"] {
            x = c.region(&format!("encoder.{block}"), |c| self.level(c, x, &format!("enc.{block}")));
        }
        c.region("encoder.l5", |c| {
            let x = self.relu(c, x);
            let sum = c.sum(x, 1);
            let sum = c.sum(sum, 2);
            let (images, width) = (c.shape(sum).axes()[0], c.row_length(sum));
            let sum = c.reshape(sum, [images, width]);
            let weight = c.input(Owner::Model, "enc.l5.weight", [2 * self.config.latent(), width]);
            let weight = c.transpose(weight, &[1, 0]);
            c.matmul(sum, weight)
        })
    }

    /// A block that halves the image: pool2(c2(relu(c1(relu x)))) + pool2(c_sc x). The first block begins without a ReLU, and its shortcut
    /// pools before it multiplies.
    fn down(&self, c: &mut Circuit, x: Secret, path: &str, is_first: bool) -> Secret {
        let width = self.config.encoder_width();
        let activated = if is_first { x } else { self.relu(c, x) };
        let h = self.conv(c, activated, [path, "c1"], width, Geometry::SAME_3);
        let h = self.relu(c, h);
        let main = c.region("c2", |c| {
            let layer = Self::layer(c, &format!("{path}.c2"), [width, width, 3, 3]);
            let pooled = if self.choices.rewrite {
                conv2d_then_pool2(c, h, layer.weight, 0)
            } else {
                // A quarter of each product, so that their sum is a mean.
                let y = conv2d(c, h, layer.weight, Geometry::SAME_3, 2);
                sum_pool2(c, y)
            };
            bias(c, pooled, layer.bias)
        });
        let shortcut = c.region("c_sc", |c| {
            let layer = Self::layer(c, &format!("{path}.c_sc"), [width, c.row_length(x), 1, 1]);
            let y = if is_first || self.choices.rewrite {
                let pooled = sum_pool2(c, x);
                conv2d(c, pooled, layer.weight, Geometry::POINT, 2)
            } else {
                let y = conv2d(c, x, layer.weight, Geometry::POINT, 2);
                sum_pool2(c, y)
            };
            bias(c, y, layer.bias)
        });
        add(c, main, shortcut)
    }

    /// A block that keeps the size: c2(relu(c1(relu x))) + x.
    fn level(&self, c: &mut Circuit, x: Secret, path: &str) -> Secret {
        let width = self.config.encoder_width();
        let h = self.relu(c, x);
        let h = self.conv(c, h, [path, "c1"], width, Geometry::SAME_3);
        let h = self.relu(c, h);
        let h = self.conv(c, h, [path, "c2"], width, Geometry::SAME_3);
        add(c, h, x)
    }

    pub(super) fn decoder(&self, c: &mut Circuit, z: Secret) -> Secret {
        let (width, bottom) = (self.config.decoder_width(), self.config.bottom());
        let images = c.shape(z).axes()[0];
        let mut x = c.region("decoder.l1", |c| {
            let outputs = width * bottom * bottom;
            let weight = c.input(Owner::Model, "dec.l1.weight", [outputs, self.config.latent()]);
            let offset = c.input(Owner::Model, "dec.l1.bias", [outputs]);
            let weight = c.transpose(weight, &[1, 0]);
            let y = c.matmul(z, weight);
            let y = bias(c, y, offset);
            let y = c.reshape(y, [images, width, bottom, bottom]);
            c.transpose(y, &[0, 2, 3, 1])
        });
        let mut features = Vec::new();
        for (cell, upsampling) in CELLS.into_iter().enumerate() {
            let name = format!("cell{}", cell + 1);
            x = c.region(&format!("decoder.{name}"), |c| {
                self.cell(c, x, &format!("dec.{name}"), upsampling, &mut features)
            });
        }
        c.region("decoder.to_rgb", |c| {
            let x = self.relu(c, x);
            let layer = Self::layer(c, "dec.to_rgb.2", [self.config.channels(), width, 3, 3]);
            let y = conv2d(c, x, layer.weight, Geometry::SAME_3, 0);
            let y = bias(c, y, layer.bias);
            let y = self.choices.tanh.map_or(y, |tanh| tanh.build(c, y));
            c.transpose(y, &[0, 3, 1, 2])
        })
    }

    /// a = c1(up(relu x)) + sum of skip(up(feature)), which is a feature of the cells after it; c2(relu a) [+ c_sc(up x)].
    fn cell(&self, c: &mut Circuit, x: Secret, path: &str, by: Upsampling, features: &mut Vec<Secret>) -> Secret {
        let width = self.config.decoder_width();
        let side = 2 * c.shape(x).axes()[1];
        let h = self.relu(c, x);
        let mut a = c.region("c1", |c| {
            let layer = Self::layer(c, &format!("{path}.c1"), [width, width, 3, 3]);
            let y = if self.choices.rewrite && by == Upsampling::Nearest {
                nearest2_then_conv2d(c, h, layer.weight)
            } else {
                let up = upsample2(c, h, by);
                conv2d(c, up, layer.weight, Geometry::SAME_3, 0)
            };
            bias(c, y, layer.bias)
        });
        for (skip, &feature) in features.iter().enumerate() {
            let name = format!("{path}.skip_in_ops.{skip}");
            let added = c.region(&format!("skip{skip}"), |c| self.enlarged_point(c, feature, &name, by, side));
            a = add(c, a, added);
        }
        features.push(a);
        let h = self.relu(c, a);
        let out = self.conv(c, h, [path, "c2"], width, Geometry::SAME_3);
        if features.len() == CELLS.len() {
            return out;
        }
        let shortcut = c.region("c_sc", |c| self.enlarged_point(c, x, &format!("{path}.c_sc"), by, side));
        add(c, out, shortcut)
    }

    /// A layer of single elements of an image that is made larger, before or after: weights of an up-sampling add up to one, so that even
    /// the bias may come first.
    fn enlarged_point(&self, c: &mut Circuit, x: Secret, name: &str, by: Upsampling, side: usize) -> Secret {
        let width = self.config.decoder_width();
        let layer = Self::layer(c, name, [width, width, 1, 1]);
        let point = |c: &mut Circuit, x| {
            let y = conv2d(c, x, layer.weight, Geometry::POINT, 0);
            bias(c, y, layer.bias)
        };
        let enlarged = |c: &mut Circuit, mut x| {
            while c.shape(x).axes()[1] < side {
                x = upsample2(c, x, by);
            }
            x
        };
        if self.choices.rewrite {
            let y = point(c, x);
            enlarged(c, y)
        } else {
            let up = enlarged(c, x);
            point(c, up)
        }
    }
}
