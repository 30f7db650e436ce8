//! The plaintext forward pass of a Transformer in f32 (Hugging Face's models in evaluation mode).
//!
//! One text, pair of texts or image, no padding. With n tokens, width h, heads of width d; `N` is LayerNorm after each sum
//! (BERT, RoBERTa, DistilBERT, MPNet) and nothing elsewhere, `P` is LayerNorm before each block (GPT-2, ViT) and nothing elsewhere:
//!
//! ```text
//! x           = N(word[token] + position + token_type), in ELECTRA through a linear layer,  or  [class; patches W^T + b] + position
//! each layer:   q, k, v = P(x) W^T + b, split over the heads
//!               a = softmax(q k^T / sqrt(d) + D) v, D by the distance of two tokens in MPNet and 0 elsewhere, heads joined; under causal attention token i has weights for tokens 0 to i only
//!               x = N(x + a W^T + b)
//!               x = N(x + activation(P(x) W^T + b) W'^T + b')
//! x           = P(x)
//! LayerNorm(x) = (x - mean) / sqrt(variance + epsilon) * weight + bias, per token, variance over h (not h - 1)
//! ```
//!
//! Matrix products are in f32; means, variances, erf, tanh and exp are evaluated in f64 and rounded once, so that the
//! pass is at least as exact as the f32 implementations it is compared with. The result does not depend on the number
//! of threads: work is split by fixed sizes. It may differ in the last bits between processors, because the matrix
//! kernel does.

use ndarray::linalg::general_mat_mul;
use ndarray::parallel::prelude::*;
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayViewD, ArrayViewMut1, Axis, concatenate, s};
use viewless_protocols::model::architecture::{
    Attention, ClassifierInput, EmbeddingLayout, Layout, Placement, Projections, Sum, WeightOrder, row_of_distance,
};
use viewless_protocols::model::tensors::{ANSWER_SPAN, OWN_TABLE, TOKEN_CLASSIFIER, dense_layer};
use viewless_protocols::model::{
    Activation, AttentionWeights, DenseActivation, Head, Pooling, Sentence, TransformerConfig,
};
use viewless_protocols::nonlinear::exact;

use crate::error::ModelError;
use crate::prompt::{Prompt, no_text};
use crate::weights::Weights;

/// Output columns of a linear layer computed by one task.
const COLUMNS_PER_TASK: usize = 128;

/// The result of a forward pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The last hidden states, `[tokens, hidden]`, after the last normalisation where there is one.
    pub hidden_states: Array2<f32>,
    /// What the head makes of them: the pooled vector `[hidden]`, the logits `[labels]` or `[vocabulary]`, or, for
    /// [`Head::HiddenStates`], the hidden states in row-major order, `[tokens * hidden]`.
    pub output: Array1<f32>,
}

/// A point of the forward pass that an observer sees. The three sums of the residual stream are each the input of one
/// LayerNorm, wherever it stands: [`Stage::normalisation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The sum of the embeddings, `[tokens, hidden]`.
    EmbeddingSum,
    /// The sum of a layer's input and its attention block, `[tokens, hidden]`.
    AttentionSum {
        /// Layer, from 0.
        layer: usize,
    },
    /// The sum of that and the feed-forward block, `[tokens, hidden]`.
    LayerSum {
        /// Layer, from 0.
        layer: usize,
    },
    /// The input of the first layer, `[tokens, hidden]`.
    Embeddings,
    /// The input of softmax: scores after scaling, `[heads, tokens, tokens]`. Under causal attention only those up to the
    /// diagonal take part.
    AttentionScores {
        /// Layer, from 0.
        layer: usize,
    },
    /// The input of the activation, `[tokens, intermediate]`.
    ActivationInput {
        /// Layer, from 0.
        layer: usize,
    },
    /// The output of a layer, `[tokens, hidden]`.
    Layer {
        /// Layer, from 0.
        layer: usize,
    },
}

impl Stage {
    /// The name of the LayerNorm whose input this is, in a model of this configuration: its tensors are `.weight` and
    /// `.bias` of it.
    #[must_use]
    pub fn normalisation(self, config: &TransformerConfig) -> Option<String> {
        let sum = match self {
            Self::EmbeddingSum => Sum::Embedding,
            Self::AttentionSum { layer } => Sum::Attention { layer },
            Self::LayerSum { layer } => Sum::FeedForward { layer },
            Self::Embeddings | Self::AttentionScores { .. } | Self::ActivationInput { .. } | Self::Layer { .. } => {
                return None;
            }
        };
        Some(config.architecture.layout().norm_of(sum, config.layers))
    }
}

/// What sees the stages.
type Observer<'a> = &'a mut dyn FnMut(Stage, ArrayViewD<'_, f32>);

/// The forward pass on one text or image.
///
/// # Errors
/// No tokens, more than the model has positions, or one outside its vocabulary; an image of another shape; a text for a model
/// of images, or the reverse; weights of another configuration.
pub fn forward<'a>(
    config: &TransformerConfig,
    weights: &Weights,
    prompt: impl Into<Prompt<'a>>,
) -> Result<Output, ModelError> {
    forward_observed(config, weights, prompt, &mut |_, _| {})
}

/// [`forward`], showing each [`Stage`] to `observe` as it is computed.
///
/// # Errors
/// Those of [`forward`].
pub fn forward_observed<'a>(
    config: &TransformerConfig,
    weights: &Weights,
    prompt: impl Into<Prompt<'a>>,
    observe: &mut dyn FnMut(Stage, ArrayViewD<'_, f32>),
) -> Result<Output, ModelError> {
    weights.check(config)?;
    let prompt = prompt.into();
    prompt.check(config)?;
    let pass = Pass { config, weights, layout: config.architecture.layout() };
    let sum = pass.embeddings(&prompt)?;
    observe(Stage::EmbeddingSum, sum.view().into_dyn());
    let mut x = pass.after(Sum::Embedding, sum)?;
    if let (Some(projection), Some(_)) = (pass.layout.projection, config.embedding_size) {
        x = pass.head_layer(projection, x.view())?;
    }
    observe(Stage::Embeddings, x.view().into_dyn());
    for layer in 0..config.layers {
        let sum = pass.attention(layer, &x, observe)? + &x;
        observe(Stage::AttentionSum { layer }, sum.view().into_dyn());
        x = pass.after(Sum::Attention { layer }, sum)?;
        let sum = pass.feed_forward(layer, &x, observe)? + &x;
        observe(Stage::LayerSum { layer }, sum.view().into_dyn());
        x = pass.after(Sum::FeedForward { layer }, sum)?;
        observe(Stage::Layer { layer }, x.view().into_dyn());
    }
    let x = pass.before(Sum::FeedForward { layer: config.layers - 1 }, &x)?;
    let output = pass.head(&x)?;
    Ok(Output { hidden_states: x, output })
}

/// A configuration with weights that fit it.
struct Pass<'a> {
    config: &'a TransformerConfig,
    weights: &'a Weights,
    layout: &'static Layout,
}

impl Pass<'_> {
    fn embeddings(&self, prompt: &Prompt<'_>) -> Result<Array2<f32>, ModelError> {
        match (prompt, self.layout.embedding) {
            (
                Prompt::Tokens(tokens) | Prompt::Pair { tokens, .. },
                EmbeddingLayout::Words { words, positions, types },
            ) => {
                let second = match prompt {
                    Prompt::Pair { second, .. } => *second,
                    Prompt::Tokens(_) | Prompt::Image(_) => tokens.len(),
                };
                let first_position = self.config.first_position;
                let positions = self.weights.matrix(positions)?;
                let rows: Vec<usize> = tokens.iter().map(|&token| token as usize).collect();
                let mut x = self.weights.matrix(words)?.select(Axis(0), &rows);
                if let Some(types) = types {
                    let types = self.weights.matrix(types)?;
                    for (token, mut row) in x.rows_mut().into_iter().enumerate() {
                        row += &types.row(usize::from(token >= second));
                    }
                }
                x += &positions.slice(s![first_position..first_position + tokens.len(), ..]);
                Ok(x)
            }
            (Prompt::Image(_), EmbeddingLayout::Patches { projection, class_token, positions }) => {
                let patches = prompt.patches(self.config)?;
                let weight = self.weights.rows(&format!("{projection}.weight"), patches.ncols())?;
                let bias = self.weights.vector(&format!("{projection}.bias"))?;
                let embedded = linear(patches.view(), weight, bias);
                let hidden = self.config.hidden_size;
                let class = self.weights.rows(class_token, hidden)?;
                let x = concatenate(Axis(0), &[class, embedded.view()]).expect("both have the hidden size");
                Ok(x + self.weights.rows(positions, hidden)?)
            }
            (Prompt::Image(_), EmbeddingLayout::Words { .. }) => Err(ModelError::NoImage),
            (Prompt::Tokens(_) | Prompt::Pair { .. }, EmbeddingLayout::Patches { .. }) => Err(no_text(self.config)),
        }
    }

    /// The output layer of the attention block of a layer's input x.
    fn attention(&self, layer: usize, x: &Array2<f32>, observe: Observer<'_>) -> Result<Array2<f32>, ModelError> {
        // The normalisation before the attention block belongs to the sum before it.
        let sum = layer.checked_sub(1).map_or(Sum::Embedding, |layer| Sum::FeedForward { layer });
        let x = self.before(sum, x)?;
        let (tokens, head_size) = (x.nrows(), self.config.head_size());
        let [query, key, value] = self.project(layer, &x)?;

        let distances = self.layout.distances.map(|table| self.weights.matrix(table)).transpose()?;
        let scale = 1.0 / (head_size as f32).sqrt();
        let columns = |head: usize| s![.., head * head_size..(head + 1) * head_size];
        let mut scores = Array3::zeros((self.config.heads, tokens, tokens));
        scores.axis_iter_mut(Axis(0)).into_par_iter().enumerate().for_each(|(head, mut scores)| {
            let (query, key) = (query.slice(columns(head)), key.slice(columns(head)));
            general_mat_mul(scale, &query, &key.t(), 0.0, &mut scores);
            if let Some(distances) = &distances {
                scores.indexed_iter_mut().for_each(|((from, seen), score)| {
                    *score += distances[[row_of_distance(from, seen), head]];
                });
            }
        });
        observe(Stage::AttentionScores { layer }, scores.view().into_dyn());

        let mut context = Array2::zeros(x.dim());
        scores
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .zip(context.axis_chunks_iter_mut(Axis(1), head_size).into_par_iter())
            .enumerate()
            .for_each(|(head, (mut scores, mut context))| {
                for (token, mut row) in scores.rows_mut().into_iter().enumerate() {
                    let seen = match self.layout.attention {
                        Attention::Full => tokens,
                        Attention::Causal => token + 1,
                    };
                    match self.config.attention_weights {
                        AttentionWeights::Softmax => softmax(row.slice_mut(s![..seen])),
                        AttentionWeights::TwoQuad => two_quad(row.slice_mut(s![..seen])),
                        AttentionWeights::TwoRelu => two_relu(row.slice_mut(s![..seen])),
                    }
                    row.slice_mut(s![seen..]).fill(0.0);
                }
                general_mat_mul(1.0, &scores, &value.slice(columns(head)), 0.0, &mut context);
            });
        self.linear(layer, self.layout.attention_output, &context)
    }

    /// Queries, keys and values, each `[tokens, hidden]`.
    fn project(&self, layer: usize, x: &Array2<f32>) -> Result<[Array2<f32>; 3], ModelError> {
        let hidden = self.config.hidden_size;
        match self.layout.projections {
            Projections::Separate([query, key, value]) => {
                Ok([self.linear(layer, query, x)?, self.linear(layer, key, x)?, self.linear(layer, value, x)?])
            }
            Projections::Fused(name) => {
                let fused = self.linear(layer, name, x)?;
                Ok([0, 1, 2].map(|part| fused.slice(s![.., part * hidden..(part + 1) * hidden]).to_owned()))
            }
        }
    }

    /// The second linear layer of the feed-forward block of x.
    fn feed_forward(&self, layer: usize, x: &Array2<f32>, observe: Observer<'_>) -> Result<Array2<f32>, ModelError> {
        let x = self.before(Sum::Attention { layer }, x)?;
        let mut inner = self.linear(layer, self.layout.wide, &x)?;
        observe(Stage::ActivationInput { layer }, inner.view().into_dyn());
        let activation = self.config.activation;
        inner.par_mapv_inplace(|value| activate(activation, value));
        self.linear(layer, self.layout.narrow, &inner)
    }

    fn head(&self, x: &Array2<f32>) -> Result<Array1<f32>, ModelError> {
        let (first, last) = (x.slice(s![..1, ..]), x.slice(s![x.nrows() - 1.., ..]));
        match &self.config.head {
            Head::HiddenStates => Ok(x.iter().copied().collect()),
            Head::MeanPooling => Ok(pool(x, Pooling::Mean)),
            Head::Sentence(sentence) => self.sentence(x, sentence),
            Head::Pooler => Ok(self.pooler(first)?.row(0).to_owned()),
            Head::Classifier { .. } => {
                let classifier = self.layout.classifier.expect("a valid configuration classifies only where it can");
                let input = match classifier.input {
                    ClassifierInput::Token => first.to_owned(),
                    ClassifierInput::LastToken => last.to_owned(),
                    ClassifierInput::Pooler => self.pooler(first)?,
                    ClassifierInput::Tanh(name) => tanh(self.head_layer(name, first)?),
                    ClassifierInput::Gelu(name) => {
                        self.head_layer(name, first)?.mapv(|value| activate(Activation::Gelu, value))
                    }
                    ClassifierInput::Relu(name) => self.head_layer(name, first)?.mapv(|value| value.max(0.0)),
                };
                if classifier.has_bias {
                    return Ok(self.head_layer(classifier.output, input.view())?.row(0).to_owned());
                }
                let weight = self.weights.matrix(&format!("{}.weight", classifier.output))?;
                let none = Array1::zeros(weight.nrows());
                Ok(linear(input.view(), weight, none.view()).row(0).to_owned())
            }
            Head::NextToken => {
                let table = self.word_table()?;
                let none = Array1::zeros(table.nrows());
                Ok(linear(last, table, none.view()).row(0).to_owned())
            }
            Head::NextTokenByOwnTable => {
                let table = self.weights.matrix(OWN_TABLE)?;
                let none = Array1::zeros(table.nrows());
                Ok(linear(last, table, none.view()).row(0).to_owned())
            }
            Head::Pooling(pooling) => Ok(pool(x, *pooling)),
            Head::TokenClassifier { .. } => Ok(self.head_layer(TOKEN_CLASSIFIER, x.view())?.into_iter().collect()),
            Head::AnswerSpan => Ok(self.head_layer(ANSWER_SPAN, x.view())?.into_iter().collect()),
            Head::MaskedWord => {
                let head =
                    self.layout.masked_word.expect("a valid configuration has such a head only where there is one");
                let activation = head.activation.unwrap_or(self.config.activation);
                let dense = self.head_layer(head.dense, x.view())?.mapv(|value| activate(activation, value));
                let normal = self.layer_norm_by(head.norm, dense)?;
                let bias = self.weights.vector(head.bias)?;
                Ok(linear(normal.view(), self.word_table()?, bias).into_iter().collect())
            }
        }
    }

    /// Poolings side by side, linear layers behind them, and what is kept of the vector.
    fn sentence(&self, x: &Array2<f32>, sentence: &Sentence) -> Result<Array1<f32>, ModelError> {
        let pooled = sentence.poolings.iter().flat_map(|&pooling| pool(x, pooling));
        let mut x = Array1::from_iter(pooled).insert_axis(Axis(0));
        for (i, dense) in sentence.dense.iter().enumerate() {
            let name = dense_layer(i);
            let weight = self.weights.matrix(&format!("{name}.weight"))?;
            let none = Array1::zeros(weight.nrows());
            let bias = if dense.has_bias { self.weights.vector(&format!("{name}.bias"))? } else { none.view() };
            x = linear(x.view(), weight, bias);
            match dense.activation {
                DenseActivation::Identity => {}
                DenseActivation::Tanh => x = tanh(x),
                DenseActivation::Of(activation) => x.mapv_inplace(|value| activate(activation, value)),
            }
        }
        Ok(x.row(0).slice(s![..sentence.width(self.config.hidden_size)]).to_owned())
    }

    fn word_table(&self) -> Result<ArrayView2<'_, f32>, ModelError> {
        match self.layout.embedding {
            EmbeddingLayout::Words { words, .. } => self.weights.matrix(words),
            EmbeddingLayout::Patches { .. } => Err(no_text(self.config)),
        }
    }

    /// tanh(dense(first token)), `[1, hidden]`.
    fn pooler(&self, first: ArrayView2<'_, f32>) -> Result<Array2<f32>, ModelError> {
        let name = self.layout.pooler.expect("a valid configuration pools only where there is a pooler");
        Ok(tanh(self.head_layer(name, first)?))
    }

    /// A linear layer of a layer's blocks, `[tokens, out]`.
    fn linear(&self, layer: usize, part: &str, x: &Array2<f32>) -> Result<Array2<f32>, ModelError> {
        let name = self.layout.part(layer, part);
        let weight = self.weights.matrix(&format!("{name}.weight"))?;
        let bias = self.weights.vector(&format!("{name}.bias"))?;
        Ok(match self.layout.weights {
            WeightOrder::OutIn => linear(x.view(), weight, bias),
            WeightOrder::InOut => linear(x.view(), weight.reversed_axes(), bias),
        })
    }

    /// A linear layer of a head.
    fn head_layer(&self, name: &str, x: ArrayView2<'_, f32>) -> Result<Array2<f32>, ModelError> {
        let weight = self.weights.matrix(&format!("{name}.weight"))?;
        Ok(linear(x, weight, self.weights.vector(&format!("{name}.bias"))?))
    }

    /// What goes on from a sum: its normalised value, where normalisation stands after sums.
    fn after(&self, sum: Sum, x: Array2<f32>) -> Result<Array2<f32>, ModelError> {
        match self.layout.norms.placement {
            Placement::After => self.layer_norm(sum, x),
            Placement::Before => Ok(x),
        }
    }

    /// What a block makes of a sum: its normalised value, where normalisation stands before blocks.
    fn before(&self, sum: Sum, x: &Array2<f32>) -> Result<Array2<f32>, ModelError> {
        match self.layout.norms.placement {
            Placement::After => Ok(x.clone()),
            Placement::Before => self.layer_norm(sum, x.clone()),
        }
    }

    fn layer_norm(&self, sum: Sum, x: Array2<f32>) -> Result<Array2<f32>, ModelError> {
        self.layer_norm_by(&self.layout.norm_of(sum, self.config.layers), x)
    }

    fn layer_norm_by(&self, name: &str, mut x: Array2<f32>) -> Result<Array2<f32>, ModelError> {
        let weight = self.weights.vector(&format!("{name}.weight"))?;
        let bias = self.weights.vector(&format!("{name}.bias"))?;
        let epsilon = self.config.layer_norm_epsilon;
        x.axis_iter_mut(Axis(0)).into_par_iter().for_each(|mut row| {
            let mean = mean(row.view());
            let squares = row.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>();
            let scale = 1.0 / (squares / row.len() as f64 + epsilon).sqrt();
            for ((value, &weight), &bias) in row.iter_mut().zip(weight).zip(bias) {
                *value = ((f64::from(*value) - mean) * scale * f64::from(weight) + f64::from(bias)) as f32;
            }
        });
        Ok(x)
    }
}

fn tanh(x: Array2<f32>) -> Array2<f32> {
    x.mapv(|value| libm::tanh(value.into()) as f32)
}

/// x W^T + b.
fn linear(x: ArrayView2<'_, f32>, weight: ArrayView2<'_, f32>, bias: ArrayView1<'_, f32>) -> Array2<f32> {
    let mut y = Array2::zeros((x.nrows(), weight.nrows()));
    y.axis_chunks_iter_mut(Axis(1), COLUMNS_PER_TASK)
        .into_par_iter()
        .zip(weight.axis_chunks_iter(Axis(0), COLUMNS_PER_TASK).into_par_iter())
        .for_each(|(mut y, weight)| general_mat_mul(1.0, &x, &weight.t(), 0.0, &mut y));
    y + bias
}

/// exp(x - max) / Σ exp(x - max), in place.
fn softmax(mut row: ArrayViewMut1<'_, f32>) {
    let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let power = |value: f32| libm::exp(f64::from(value) - f64::from(max));
    let sum = row.iter().map(|&value| power(value)).sum::<f64>();
    row.mapv_inplace(|value| (power(value) / sum) as f32);
}

/// (x + 5)^2 / Σ (x + 5)^2, in place.
fn two_quad(mut row: ArrayViewMut1<'_, f32>) {
    let square = |value: f32| (f64::from(value) + 5.0).powi(2);
    let sum = row.iter().map(|&value| square(value)).sum::<f64>();
    row.mapv_inplace(|value| (square(value) / sum) as f32);
}

/// (max(x, 0) + e/n) / (Σ max(x, 0) + e) with e = 1e-12, as MPCFormer's training has it, in place.
fn two_relu(mut row: ArrayViewMut1<'_, f32>) {
    const EPSILON: f64 = 1e-12;
    let each = EPSILON / row.len() as f64;
    let sum = EPSILON + row.iter().map(|&value| f64::from(value.max(0.0))).sum::<f64>();
    row.mapv_inplace(|value| ((f64::from(value.max(0.0)) + each) / sum) as f32);
}

/// One vector of all tokens' hidden states.
fn pool(x: &Array2<f32>, pooling: Pooling) -> Array1<f32> {
    let columns = |of: &dyn Fn(ArrayView1<'_, f32>) -> f64| x.columns().into_iter().map(|c| of(c) as f32).collect();
    match pooling {
        Pooling::Mean => columns(&|column| mean(column)),
        Pooling::FirstToken => x.row(0).to_owned(),
        Pooling::LastToken => x.row(x.nrows() - 1).to_owned(),
        Pooling::MeanSqrtLength => columns(&|column| mean(column) * (column.len() as f64).sqrt()),
        Pooling::WeightedMean => columns(&|column| {
            let weighted = column.iter().zip(1..).map(|(&value, weight)| f64::from(value) * f64::from(weight));
            let weights = column.len() as f64 * (column.len() + 1) as f64 / 2.0;
            weighted.sum::<f64>() / weights
        }),
        Pooling::Max => columns(&|column| column.iter().fold(f64::NEG_INFINITY, |most, &x| most.max(x.into()))),
    }
}

fn activate(activation: Activation, x: f32) -> f32 {
    let x = f64::from(x);
    let y = match activation {
        Activation::Gelu => exact::gelu(x),
        Activation::GeluTanh => exact::gelu_tanh(x),
        Activation::Relu => x.max(0.0),
        Activation::Silu => x / (1.0 + libm::exp(-x)),
        Activation::QuickGelu => x / (1.0 + libm::exp(-1.702 * x)),
        Activation::Quad => 0.125 * x * x + 0.25 * x + 0.5,
    };
    y as f32
}

fn mean(values: ArrayView1<'_, f32>) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::{small_config, synthetic_weights};
    use viewless_protocols::model::TransformerDraft;

    #[test]
    fn gelu_has_the_values_of_tables() {
        // x, erf form, tanh form: mpmath with 30 digits, rounded to f32. At -9 the tanh form is -1.3e-28, which 1 +
        // tanh loses in f64; no f32 result of order 1 can tell.
        for (x, erf, tanh) in [
            (0.0, 0.0, 0.0),
            (1.0, 0.841_344_8, 0.841_192),
            (-1.0, -0.158_655_25, -0.158_808_01),
            (-3.0, -0.004_049_694, -0.003_637_392),
            (-9.0, -1.015_729_6e-18, 0.0),
            (10.0, 10.0, 10.0),
        ] {
            assert_eq!(activate(Activation::Gelu, x), erf, "erf form at {x}");
            assert_eq!(activate(Activation::GeluTanh, x), tanh, "tanh form at {x}");
        }
    }

    #[test]
    fn softmax_sums_to_one_and_survives_large_scores() {
        let mut row = Array1::from(vec![1000.0, 1000.0, 999.0, -1000.0]);
        softmax(row.view_mut());
        assert!((row.sum() - 1.0).abs() <= 4.0 * f32::EPSILON);
        assert_eq!(row[0], row[1]);
        assert_eq!(row[3], 0.0);
        assert!((row[0] / row[2] - std::f32::consts::E).abs() <= 4.0 * f32::EPSILON);
    }

    #[test]
    fn the_observer_sees_every_stage_once_in_order_with_its_shape() {
        let config = small_config();
        let weights = synthetic_weights(&config, 1).unwrap();
        let mut seen = Vec::new();
        let mut last = None;
        let output = forward_observed(&config, &weights, &[2, 7, 9, 3], &mut |stage, values| {
            seen.push((stage, values.shape().to_vec()));
            last = Some(values.to_owned());
        })
        .unwrap();
        let mut expected = vec![(Stage::EmbeddingSum, vec![4, 32]), (Stage::Embeddings, vec![4, 32])];
        for layer in 0..2 {
            expected.push((Stage::AttentionScores { layer }, vec![4, 4, 4]));
            expected.push((Stage::AttentionSum { layer }, vec![4, 32]));
            expected.push((Stage::ActivationInput { layer }, vec![4, 64]));
            expected.push((Stage::LayerSum { layer }, vec![4, 32]));
            expected.push((Stage::Layer { layer }, vec![4, 32]));
        }
        assert_eq!(seen, expected);
        assert_eq!(last.unwrap(), output.hidden_states.into_dyn());
    }

    #[test]
    fn one_thread_and_many_compute_the_same_bits() {
        let config =
            TransformerDraft { hidden_size: 96, intermediate_size: 384, ..small_config().draft() }.check().unwrap();
        let weights = synthetic_weights(&config, 2).unwrap();
        let tokens: Vec<u32> = (2..40).collect();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| forward(&config, &weights, &tokens).unwrap())
        };
        assert_eq!(on(1), on(5));
    }

    #[test]
    fn without_a_head_the_output_is_the_hidden_states() {
        let config = TransformerDraft { head: Head::HiddenStates, ..small_config().draft() }.check().unwrap();
        let output = forward(&config, &synthetic_weights(&config, 1).unwrap(), &[2, 5, 3]).unwrap();
        assert!(output.output.iter().eq(output.hidden_states.iter()));
    }

    #[test]
    fn tokens_that_the_model_cannot_take_are_refused() {
        let config = small_config();
        let weights = synthetic_weights(&config, 1).unwrap();
        let refused = |tokens: &[u32]| forward(&config, &weights, tokens).unwrap_err();
        assert!(matches!(refused(&[]), ModelError::NoTokens));
        assert!(matches!(refused(&vec![2; config.most_tokens() + 1]), ModelError::TooManyTokens { .. }));
        let error = refused(&[2, 120]);
        assert!(matches!(error, ModelError::TokenOutOfVocabulary { token: 120, position: 1, vocab_size: 120 }));
    }

    #[test]
    fn weights_of_another_configuration_are_refused_by_tensor() {
        let config = small_config();
        let weights = synthetic_weights(&config, 1).unwrap();
        let refused = |config: &TransformerConfig| forward(config, &weights, &[2, 3]).unwrap_err();
        let deeper = refused(&TransformerDraft { layers: 3, ..config.draft() }.check().unwrap());
        assert!(matches!(deeper, ModelError::MissingTensor { .. }) && deeper.to_string().contains("encoder.layer.2"));
        let wider = refused(&TransformerDraft { intermediate_size: 65, ..config.draft() }.check().unwrap());
        assert!(matches!(wider, ModelError::WrongShape { .. }) && wider.to_string().contains("intermediate"));
    }
}
