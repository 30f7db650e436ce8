//! The functions of one number that models have, in f64: what protocols, plaintext passes and judges compare with. Errors of 1e-15 do not
//! matter beside those of any protocol; where they do, MPFR gives the reference.

use super::card::Truth;
use std::f64::consts::{PI, SQRT_2};

/// Slope of a leaky ReLU below zero.
pub const LEAK: f64 = 0.2;

/// x/2 (1 + erf(x / sqrt 2)). As x/2 erfc(-x / sqrt 2), which does not cancel for negative x.
#[must_use]
pub fn gelu(x: f64) -> f64 {
    0.5 * x * libm::erfc(-x / SQRT_2)
}

/// x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
#[must_use]
pub fn gelu_tanh(x: f64) -> f64 {
    0.5 * x * (1.0 + libm::tanh((2.0 / PI).sqrt() * (x + 0.044_715 * x * x * x)))
}

impl Truth {
    /// The truth as a function of one number; none where it is one of rows.
    #[must_use]
    pub fn of_number(self) -> Option<fn(f64) -> f64> {
        match self {
            Self::Exp => Some(libm::exp),
            Self::Reciprocal => Some(|x| 1.0 / x),
            Self::Rsqrt => Some(|x| 1.0 / x.sqrt()),
            Self::Relu => Some(|x| x.max(0.0)),
            Self::LeakyRelu => Some(|x| if x < 0.0 { LEAK * x } else { x }),
            Self::Gelu => Some(gelu),
            Self::GeluTanh => Some(gelu_tanh),
            Self::Tanh => Some(libm::tanh),
            Self::Max | Self::Softmax | Self::TwoQuad { .. } | Self::TwoRelu | Self::LayerNorm => None,
        }
    }
}
