//! Single operations on elements, for tables of unit costs.

use serde::{Deserialize, Serialize};
use viewless_protocols::circuit::{Circuit, Opening, Secret, Series};
use viewless_protocols::nonlinear::reciprocal::division;

/// An operation that papers list a unit cost for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Sum of two secrets.
    Add,
    /// Product of two secrets.
    Mul,
    /// Square of a secret.
    Square,
    /// Product of two square matrices.
    MatMul,
    /// Comparison of a secret with a public number, as a number 0 or 1.
    LessThan,
    /// Sine of period 20.
    Sine,
    /// Quotient of two secrets by 7 Goldschmidt iterations.
    #[serde(rename = "divide-7")]
    Divide7,
    /// Quotient of two secrets by 13 Goldschmidt iterations.
    #[serde(rename = "divide-13")]
    Divide13,
}

impl Operation {
    /// Builds the operation on two tensors of one shape, square for [`Operation::MatMul`].
    pub(crate) fn build(self, c: &mut Circuit, x: Secret, y: Secret) -> Secret {
        match self {
            Self::Add => c.add(x, y),
            Self::Mul => c.mul(x, y),
            Self::Square => c.square(x),
            Self::MatMul => c.matmul(x, y),
            Self::LessThan => {
                let less = c.less_than(x, 1.0);
                c.real(less, 0)
            }
            Self::Divide7 => division::goldschmidt(c, x, y, 7),
            Self::Divide13 => division::goldschmidt(c, x, y, 13),
            Self::Sine => {
                let (cosines, sines) = (Vec::new(), vec![1.0]);
                c.fourier(
                    x,
                    Series {
                        period: 20.0,
                        constant: 0.0,
                        cosines,
                        sines,
                        opening: Opening::Period,
                        most_guard_bits: None,
                    },
                )
            }
        }
    }
}
