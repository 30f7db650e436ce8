//! The forward pass of BERT, differentiable throughout.
//!
//! The mathematics is that of `viewless_models::forward`, for a batch of texts of several lengths. With widths h and d of hidden states and heads,
//! and m = 1 for a token and 0 for padding:
//!
//! ```text
//! x           = LayerNorm(word + position + token type)
//! each layer:   s = q k^T / sqrt(d)                                   the attention scores
//!               softmax: e^(s - max) m / sum,   2Quad: (s + 5)^2 m / sum,   2ReLU: (max(s, 0) + e/n) m / sum, with m that of the token attended to
//!               x = LayerNorm(x + attention W^T + b)
//!               x = LayerNorm(x + activation(x W^T + b) W'^T + b')
//! pooled      = tanh(first token W^T + b)  or  the mean over tokens
//! logits      = pooled W^T + b
//! ```
//!
//! Every step is one of candle's operations that have a derivative. Its ready-made layer normalisation and softmax have none: a model of them
//! runs, and trains only what comes after the last of them. [`crate::gradients`] refuses such a pass.

use std::collections::BTreeMap;

use candle_core::{D, DType, Tensor};
use viewless_protocols::model::{Activation, Architecture, AttentionWeights, Head, TransformerConfig};

use crate::error::TrainError;

/// The number that is added to a score before 2Quad squares it.
const TWO_QUAD_SHIFT: f64 = 5.0;
/// What 2ReLU shares out equally, so that a row without a positive score has weights.
const TWO_RELU_EPSILON: f64 = 1e-12;
/// What stands in the place of the scores of padding under softmax: e to this is 0 in both precisions.
const MASKED: f64 = -1e9;

/// A batch of texts. Padding stands at the end.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Token identifiers, `[rows, tokens]`.
    pub tokens: Tensor,
    /// Token types, `[rows, tokens]`.
    pub types: Tensor,
    /// 1 for a token and 0 for padding, `[rows, tokens]`, of the type of the pass.
    pub mask: Tensor,
}

/// What a pass computes.
#[derive(Debug)]
pub struct Pass {
    /// The embeddings and the output of each layer, `[rows, tokens, hidden]`.
    pub hidden: Vec<Tensor>,
    /// The attention scores of each layer before they become weights, `[rows, heads, tokens, tokens]`.
    pub scores: Vec<Tensor>,
    /// The vector of each text, `[rows, hidden]`, where the head has one.
    pub pooled: Option<Tensor>,
    /// The logits, `[rows, labels]`, where the head has them.
    pub logits: Option<Tensor>,
}

/// A BERT over tensors, of which a pass may be differentiated or not.
#[derive(Debug)]
pub struct Bert {
    config: TransformerConfig,
    tensors: BTreeMap<String, Tensor>,
}

impl Bert {
    /// A BERT of these tensors: [`crate::variables::Variables::tracked`] or `frozen`.
    ///
    /// # Errors
    /// An activation without a derivative here. (Another architecture is refused where its directory is read.)
    pub fn new(config: &TransformerConfig, tensors: BTreeMap<String, Tensor>) -> Result<Self, TrainError> {
        debug_assert_eq!(config.architecture, Architecture::Bert);
        match config.activation {
            Activation::Gelu | Activation::Quad => Ok(Self { config: config.clone(), tensors }),
            other @ (Activation::GeluTanh | Activation::Relu | Activation::Silu | Activation::QuickGelu) => {
                Err(TrainError::Activation { activation: format!("{other:?}") })
            }
        }
    }

    /// Its sizes and functions.
    #[must_use]
    pub fn config(&self) -> &TransformerConfig {
        &self.config
    }

    /// The pass.
    ///
    /// # Errors
    /// A tensor that is absent; the library of tensors.
    pub fn forward(&self, batch: &Batch) -> Result<Pass, TrainError> {
        let mut x = self.embeddings(batch)?;
        let mut pass = Pass { hidden: vec![x.clone()], scores: Vec::new(), pooled: None, logits: None };
        for layer in 0..self.config.layers {
            let name = |part: &str| format!("encoder.layer.{layer}.{part}");
            let (attended, scores) = self.attention(&name, &x, &batch.mask)?;
            pass.scores.push(scores);
            x = self.layer_norm(&name("attention.output.LayerNorm"), &(attended + x)?)?;
            let wide = self.activate(&self.linear(&name("intermediate.dense"), &x)?)?;
            let narrow = self.linear(&name("output.dense"), &wide)?;
            x = self.layer_norm(&name("output.LayerNorm"), &(narrow + x)?)?;
            pass.hidden.push(x.clone());
        }
        pass.pooled = self.pool(&x, &batch.mask)?;
        if let (Head::Classifier { .. }, Some(pooled)) = (&self.config.head, &pass.pooled) {
            pass.logits = Some(self.linear("classifier", pooled)?);
        }
        Ok(pass)
    }

    fn tensor(&self, name: &str) -> Result<&Tensor, TrainError> {
        self.tensors.get(name).ok_or_else(|| TrainError::NoVariable { name: name.to_owned() })
    }

    fn embeddings(&self, batch: &Batch) -> Result<Tensor, TrainError> {
        let (rows, tokens) = batch.tokens.dims2()?;
        let look_up = |name: &str, indices: &Tensor| -> Result<Tensor, TrainError> {
            let table = self.tensor(&format!("embeddings.{name}.weight"))?;
            Ok(table.index_select(&indices.flatten_all()?, 0)?.reshape((rows, tokens, self.config.hidden_size))?)
        };
        let words = look_up("word_embeddings", &batch.tokens)?;
        let types = look_up("token_type_embeddings", &batch.types)?;
        let positions = self.tensor("embeddings.position_embeddings.weight")?.narrow(0, 0, tokens)?;
        self.layer_norm("embeddings.LayerNorm", &(words + types)?.broadcast_add(&positions)?)
    }

    /// The output of the attention block, and its scores.
    fn attention(
        &self,
        name: &dyn Fn(&str) -> String,
        x: &Tensor,
        mask: &Tensor,
    ) -> Result<(Tensor, Tensor), TrainError> {
        let (rows, tokens, hidden) = x.dims3()?;
        let (heads, width) = (self.config.heads, self.config.head_size());
        let by_head = |part: &str| -> Result<Tensor, TrainError> {
            let all = self.linear(&name(&format!("attention.self.{part}")), x)?;
            Ok(all.reshape((rows, tokens, heads, width))?.transpose(1, 2)?.contiguous()?)
        };
        let (query, key, value) = (by_head("query")?, by_head("key")?, by_head("value")?);
        let query = (query * (1.0 / (width as f64).sqrt()))?;
        let scores = query.matmul(&key.t()?)?;
        let weights = self.weigh(&scores, mask)?;
        let context = weights.matmul(&value)?.transpose(1, 2)?.reshape((rows, tokens, hidden))?;
        Ok((self.linear(&name("attention.output.dense"), &context)?, scores))
    }

    /// Attention weights of scores.
    fn weigh(&self, scores: &Tensor, mask: &Tensor) -> Result<Tensor, TrainError> {
        let mask = mask.unsqueeze(1)?.unsqueeze(1)?;
        let positive = match self.config.attention_weights {
            AttentionWeights::Softmax => {
                let scores = scores.broadcast_add(&mask.affine(-MASKED, MASKED)?)?;
                // Any number taken off a row gives the same weights, so that this one need not be differentiated.
                let largest = scores.detach().max_keepdim(D::Minus1)?;
                scores.broadcast_sub(&largest)?.exp()?
            }
            AttentionWeights::TwoQuad => (scores + TWO_QUAD_SHIFT)?.sqr()?.broadcast_mul(&mask)?,
            AttentionWeights::TwoRelu => {
                let each = mask.broadcast_div(&mask.sum_keepdim(D::Minus1)?)?.affine(TWO_RELU_EPSILON, 0.0)?;
                scores.relu()?.broadcast_mul(&mask)?.broadcast_add(&each)?
            }
        };
        let sum = positive.sum_keepdim(D::Minus1)?;
        Ok(positive.broadcast_div(&sum)?)
    }

    fn activate(&self, x: &Tensor) -> Result<Tensor, TrainError> {
        Ok(match self.config.activation {
            Activation::Quad => ((x.sqr()? * 0.125)? + ((x * 0.25)? + 0.5)?)?,
            // [`Bert::new`] refuses the others.
            Activation::Gelu | Activation::GeluTanh | Activation::Relu | Activation::Silu | Activation::QuickGelu => {
                let normal = (x * std::f64::consts::FRAC_1_SQRT_2)?.erf()?.affine(0.5, 0.5)?;
                (x * normal)?
            }
        })
    }

    fn linear(&self, name: &str, x: &Tensor) -> Result<Tensor, TrainError> {
        let weight = self.tensor(&format!("{name}.weight"))?;
        let bias = self.tensor(&format!("{name}.bias"))?;
        let mut shape = x.dims().to_vec();
        let inputs = shape.pop().unwrap_or(0);
        // One product of matrices, not one for each row of the batch.
        let y = x.reshape(((), inputs))?.matmul(&weight.t()?)?.broadcast_add(bias)?;
        shape.push(weight.dim(0)?);
        Ok(y.reshape(shape)?)
    }

    fn layer_norm(&self, name: &str, x: &Tensor) -> Result<Tensor, TrainError> {
        let mean = x.mean_keepdim(D::Minus1)?;
        let centred = x.broadcast_sub(&mean)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let normal = centred.broadcast_div(&(variance + self.config.layer_norm_epsilon)?.sqrt()?)?;
        let scaled = normal.broadcast_mul(self.tensor(&format!("{name}.weight"))?)?;
        Ok(scaled.broadcast_add(self.tensor(&format!("{name}.bias"))?)?)
    }

    fn pool(&self, x: &Tensor, mask: &Tensor) -> Result<Option<Tensor>, TrainError> {
        match &self.config.head {
            Head::Classifier { .. } | Head::Pooler => {
                let first = x.narrow(1, 0, 1)?.squeeze(1)?.contiguous()?;
                Ok(Some(self.linear("pooler.dense", &first)?.tanh()?))
            }
            Head::MeanPooling => {
                let sum = x.broadcast_mul(&mask.unsqueeze(2)?)?.sum(1)?;
                Ok(Some(sum.broadcast_div(&mask.sum_keepdim(1)?)?))
            }
            Head::HiddenStates
            | Head::NextToken
            | Head::NextTokenByOwnTable
            | Head::Pooling(_)
            | Head::Sentence(_)
            | Head::TokenClassifier { .. }
            | Head::AnswerSpan
            | Head::MaskedWord => Ok(None),
        }
    }
}

impl Batch {
    /// Texts side by side, padded to the longest.
    ///
    /// # Errors
    /// The library of tensors.
    pub fn of<'a>(
        texts: impl Iterator<Item = (&'a [u32], &'a [u32])> + Clone,
        dtype: DType,
    ) -> Result<Self, TrainError> {
        let longest = texts.clone().map(|(tokens, _)| tokens.len()).max().unwrap_or(0);
        let (mut tokens, mut types, mut mask) = (Vec::new(), Vec::new(), Vec::new());
        let mut rows = 0;
        for (of_text, of_types) in texts {
            let padding = longest - of_text.len();
            tokens.extend(of_text.iter().copied().chain(std::iter::repeat_n(0, padding)));
            types.extend(of_types.iter().copied().chain(std::iter::repeat_n(0, padding)));
            mask.extend((0..longest).map(|place| if place < of_text.len() { 1.0f32 } else { 0.0 }));
            rows += 1;
        }
        let (shape, cpu) = ((rows, longest), &candle_core::Device::Cpu);
        Ok(Self {
            tokens: Tensor::from_vec(tokens, shape, cpu)?,
            types: Tensor::from_vec(types, shape, cpu)?,
            mask: Tensor::from_vec(mask, shape, cpu)?.to_dtype(dtype)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::Variables;
    use viewless_models::synthetic::{small_config, synthetic_weights};
    use viewless_models::{Prompt, Stage, Weights, forward, forward_observed};
    use viewless_protocols::model::TransformerDraft;

    /// Both passes are made in 32 bits, of numbers of order 1: sums of 64 products, through two layers, differ by some 2^-24 each.
    const TOLERANCE: f32 = 1e-5;

    fn config(activation: Activation, attention_weights: AttentionWeights, head: Head) -> TransformerConfig {
        TransformerDraft { activation, attention_weights, head, ..small_config().draft() }.check().unwrap()
    }

    fn close(ours: &Tensor, theirs: &[f32], what: &str) {
        let ours = ours.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(ours.len(), theirs.len(), "{what}");
        let error = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f32::max);
        assert!(error <= TOLERANCE, "{what}: {error}");
    }

    /// The first row of a tensor of rows, without its padding at `tokens` in these dimensions.
    fn first_row(x: &Tensor, of_tokens: &[usize], tokens: usize) -> Tensor {
        let row = x.get(0).unwrap();
        of_tokens.iter().fold(row, |x, &dimension| x.narrow(dimension, 0, tokens).unwrap()).contiguous().unwrap()
    }

    fn compare(config: &TransformerConfig, weights: &Weights) {
        let variables = Variables::of_weights(weights, DType::F32).unwrap();
        let bert = Bert::new(config, variables.frozen()).unwrap();
        let (tokens, second) = ([2, 20, 21, 44, 3, 30, 3], 5);
        let types: Vec<u32> = (0..tokens.len()).map(|place| u32::from(place >= second)).collect();
        // Beside a longer text, so that there is padding.
        let longer: Vec<u32> = (5..17).collect();
        let texts = [(&tokens[..], &types[..]), (&longer[..], &[0; 12][..])];
        let pass = bert.forward(&Batch::of(texts.into_iter(), DType::F32).unwrap()).unwrap();
        let prompt = Prompt::Pair { tokens: &tokens, second };
        let output = forward_observed(config, weights, prompt, &mut |stage, values| {
            let values: Vec<f32> = values.iter().copied().collect();
            match stage {
                Stage::Embeddings => close(&first_row(&pass.hidden[0], &[0], 7), &values, "embeddings"),
                Stage::Layer { layer } => close(&first_row(&pass.hidden[layer + 1], &[0], 7), &values, "hidden states"),
                Stage::AttentionScores { layer } => {
                    close(&first_row(&pass.scores[layer], &[1, 2], 7), &values, "scores");
                }
                Stage::EmbeddingSum
                | Stage::AttentionSum { .. }
                | Stage::LayerSum { .. }
                | Stage::ActivationInput { .. } => {}
            }
        });
        let output = output.unwrap().output.to_vec();
        close(&pass.logits.as_ref().or(pass.pooled.as_ref()).unwrap().get(0).unwrap(), &output, "output");
        let whole = forward(config, weights, &longer).unwrap().output.to_vec();
        close(&pass.logits.as_ref().or(pass.pooled.as_ref()).unwrap().get(1).unwrap(), &whole, "the longer text");
    }

    #[test]
    fn the_pass_is_the_plaintext_pass_for_every_pair_of_functions_and_every_head() {
        let heads = [
            Head::Classifier { labels: ["no", "perhaps", "yes"].map(str::to_owned).to_vec() },
            Head::Pooler,
            Head::MeanPooling,
        ];
        for activation in [Activation::Gelu, Activation::Quad] {
            for weights in [AttentionWeights::Softmax, AttentionWeights::TwoQuad, AttentionWeights::TwoRelu] {
                for (head, seed) in heads.iter().zip(1..) {
                    let config = config(activation, weights, head.clone());
                    compare(&config, &synthetic_weights(&config, seed).unwrap());
                }
            }
        }
    }

    #[test]
    fn another_function_in_its_place_is_noticed() {
        let logits = |activation, weights| {
            let config = config(activation, weights, Head::Pooler);
            let variables = Variables::of_weights(&synthetic_weights(&config, 1).unwrap(), DType::F32).unwrap();
            let batch = Batch::of([(&[2, 20, 21, 3][..], &[0; 4][..])].into_iter(), DType::F32).unwrap();
            let pass = Bert::new(&config, variables.frozen()).unwrap().forward(&batch).unwrap();
            pass.pooled.unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        let differ = |a: &[f32], b: &[f32]| a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e3 * TOLERANCE);
        let own = logits(Activation::Gelu, AttentionWeights::Softmax);
        assert!(differ(&own, &logits(Activation::Quad, AttentionWeights::Softmax)));
        assert!(differ(&own, &logits(Activation::Gelu, AttentionWeights::TwoQuad)));
        assert!(differ(&own, &logits(Activation::Gelu, AttentionWeights::TwoRelu)));
    }

    #[test]
    fn an_activation_without_a_derivative_here_is_refused_by_name() {
        let config = config(Activation::Silu, AttentionWeights::Softmax, Head::Pooler);
        assert!(Bert::new(&config, BTreeMap::new()).unwrap_err().to_string().contains("Silu"));
    }
}
