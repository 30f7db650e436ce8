//! The functions of models in f64: errors of 1e-12 do not matter beside those of any protocol.

use viewless_protocols::nonlinear::Truth;

/// An exact output, and the part of it that a relative claim is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exact {
    /// The output.
    pub value: f64,
    /// The output, before a layer normalisation's offset.
    pub claimed: f64,
}

/// What a layer normalisation is given besides its rows: scale of each column, offset of each column, and what is added to the variance.
pub type Normalisation<'a> = (&'a [f64], &'a [f64], f64);

/// The function of rows of `columns` numbers; `None` for the maximum, which has one output a row, and for a layer normalisation without its
/// weights.
#[must_use]
pub fn exact(
    truth: Truth,
    values: &[f64],
    columns: usize,
    normalisation: Option<Normalisation<'_>>,
) -> Option<Vec<Exact>> {
    let plain = |value: f64| Exact { value, claimed: value };
    let over_sum = |f: &dyn Fn(&[f64]) -> Vec<f64>| {
        let row = |row: &[f64]| {
            let terms = f(row);
            let sum: f64 = terms.iter().sum();
            terms.into_iter().map(move |term| plain(term / sum)).collect::<Vec<_>>()
        };
        values.chunks_exact(columns).flat_map(row).collect()
    };
    Some(match truth {
        Truth::Exp
        | Truth::Reciprocal
        | Truth::Rsqrt
        | Truth::Relu
        | Truth::LeakyRelu
        | Truth::Gelu
        | Truth::GeluTanh
        | Truth::Tanh => {
            let function = truth.of_number()?;
            values.iter().map(|&x| plain(function(x))).collect()
        }
        Truth::Softmax => over_sum(&|row| {
            let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            row.iter().map(|x| libm::exp(x - most)).collect()
        }),
        Truth::TwoQuad { shift } => over_sum(&|row| row.iter().map(|x| (x + shift) * (x + shift)).collect()),
        Truth::TwoRelu => over_sum(&|row| row.iter().map(|x| x.max(0.0)).collect()),
        Truth::LayerNorm => {
            let (gamma, beta, epsilon) = normalisation?;
            let row = |row: &[f64]| {
                let n = row.len() as f64;
                let mean = row.iter().sum::<f64>() / n;
                let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
                let scale = 1.0 / (variance + epsilon).sqrt();
                let scaled = row.iter().zip(gamma).map(|(x, gamma)| (x - mean) * scale * gamma);
                scaled.zip(beta).map(|(claimed, beta)| Exact { value: claimed + beta, claimed }).collect::<Vec<_>>()
            };
            values.chunks_exact(columns).flat_map(row).collect()
        }
        Truth::Max => return None,
    })
}
