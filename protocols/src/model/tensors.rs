//! The tensors of a model: names and shapes, from its configuration alone.

use super::architecture::{ClassifierInput, DISTANCES, EmbeddingLayout, Projections, WeightOrder};
use super::config::{Head, Input, TransformerConfig};

/// Name of the linear layer of a classifier of tokens.
pub const TOKEN_CLASSIFIER: &str = "classifier";
/// Name of the linear layer that tells where an answer begins and ends.
pub const ANSWER_SPAN: &str = "qa_outputs";
/// Name of the table that gives logits of the next token, where it is not the word table.
pub const OWN_TABLE: &str = "lm_head.weight";

/// Name of the linear layer of a `Dense` step, from 0. Its tensors lie in a file of the step's own, where they are called `linear.weight` and
/// `linear.bias`.
#[must_use]
pub fn dense_layer(step: usize) -> String {
    format!("dense.{step}.linear")
}

/// What a tensor is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A table of vectors, or a vector of it.
    Table,
    /// The weight of a linear layer with so many inputs.
    Linear {
        /// Numbers that each output is a sum over.
        inputs: usize,
    },
    /// The scale of a normalisation.
    Scale,
    /// What is added by a linear layer or a normalisation.
    Bias,
}

/// A tensor of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its name in a Hugging Face file of the bare model.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// What it is for.
    pub role: Role,
}

/// Every tensor that a model needs, in the order in which it uses them. Tensors that its head does not use are not listed: a
/// model with mean pooling needs no pooler, even if its file has one.
#[must_use]
pub fn tensors(config: &TransformerConfig) -> Vec<Tensor> {
    let layout = config.architecture.layout();
    let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
    let embedded = config.embedding_width();
    let mut list = List(Vec::new());
    match (config.input, layout.embedding) {
        (
            Input::Text { vocab_size, max_positions, type_vocab_size },
            EmbeddingLayout::Words { words, positions, types, .. },
        ) => {
            list.add(words, &[vocab_size, embedded], Role::Table);
            list.add(positions, &[max_positions, embedded], Role::Table);
            if let Some(types) = types {
                list.add(types, &[type_vocab_size, embedded], Role::Table);
            }
        }
        (
            Input::Image { patch_size, channels, .. },
            EmbeddingLayout::Patches { projection, class_token, positions },
        ) => {
            let inputs = channels * patch_size * patch_size;
            let shape = [hidden, channels, patch_size, patch_size];
            list.add(&format!("{projection}.weight"), &shape, Role::Linear { inputs });
            list.add(&format!("{projection}.bias"), &[hidden], Role::Bias);
            list.add(class_token, &[1, 1, hidden], Role::Table);
            list.add(positions, &[1, config.most_tokens(), hidden], Role::Table);
        }
        // A valid configuration is neither.
        (Input::Text { .. }, EmbeddingLayout::Patches { .. })
        | (Input::Image { .. }, EmbeddingLayout::Words { .. }) => {}
    }
    if let Some(distances) = layout.distances {
        list.add(distances, &[DISTANCES, config.heads], Role::Table);
    }
    let after = layout.norms.placement == super::architecture::Placement::After;
    if after {
        list.norm(layout.norms.outer, embedded);
    }
    if let (Some(projection), Some(inputs)) = (layout.projection, config.embedding_size) {
        list.linear(projection, hidden, inputs, WeightOrder::OutIn);
    }
    for layer in 0..config.layers {
        let part = |part: &str| layout.part(layer, part);
        let order = layout.weights;
        if !after {
            list.norm(&part(layout.norms.attention), hidden);
        }
        match layout.projections {
            Projections::Separate(names) => {
                names.iter().for_each(|name| list.linear(&part(name), hidden, hidden, order))
            }
            Projections::Fused(name) => list.linear(&part(name), 3 * hidden, hidden, order),
        }
        list.linear(&part(layout.attention_output), hidden, hidden, order);
        list.norm(&part(if after { layout.norms.attention } else { layout.norms.feed_forward }), hidden);
        list.linear(&part(layout.wide), intermediate, hidden, order);
        list.linear(&part(layout.narrow), hidden, intermediate, order);
        if after {
            list.norm(&part(layout.norms.feed_forward), hidden);
        }
    }
    if !after {
        list.norm(layout.norms.outer, hidden);
    }
    of_head(&mut list, config);
    list.0
}

/// What the head needs.
fn of_head(list: &mut List, config: &TransformerConfig) {
    let layout = config.architecture.layout();
    let hidden = config.hidden_size;
    let pooler = |list: &mut List| {
        if let Some(pooler) = layout.pooler {
            list.linear(pooler, hidden, hidden, WeightOrder::OutIn);
        }
    };
    match &config.head {
        Head::HiddenStates | Head::MeanPooling | Head::Pooling(_) | Head::NextToken => {}
        Head::Pooler => pooler(list),
        Head::Sentence(sentence) => {
            for (i, (dense, inputs)) in sentence.dense.iter().zip(sentence.inputs(hidden)).enumerate() {
                let name = dense_layer(i);
                list.add(&format!("{name}.weight"), &[dense.outputs, inputs], Role::Linear { inputs });
                if dense.has_bias {
                    list.add(&format!("{name}.bias"), &[dense.outputs], Role::Bias);
                }
            }
        }
        Head::Classifier { labels } => {
            // A valid configuration has no classifier where there is none.
            let Some(classifier) = layout.classifier else { return };
            match classifier.input {
                ClassifierInput::Token | ClassifierInput::LastToken => {}
                ClassifierInput::Pooler => pooler(list),
                ClassifierInput::Tanh(dense) | ClassifierInput::Relu(dense) | ClassifierInput::Gelu(dense) => {
                    list.linear(dense, hidden, hidden, WeightOrder::OutIn);
                }
            }
            if classifier.has_bias {
                list.linear(classifier.output, labels.len(), hidden, WeightOrder::OutIn);
            } else {
                let weight = format!("{}.weight", classifier.output);
                list.add(&weight, &[labels.len(), hidden], Role::Linear { inputs: hidden });
            }
        }
        Head::TokenClassifier { labels } => {
            list.linear(TOKEN_CLASSIFIER, labels.len(), hidden, WeightOrder::OutIn);
        }
        Head::AnswerSpan => list.linear(ANSWER_SPAN, 2, hidden, WeightOrder::OutIn),
        Head::MaskedWord => {
            if let Some(head) = layout.masked_word {
                let embedded = config.embedding_width();
                list.linear(head.dense, embedded, hidden, WeightOrder::OutIn);
                list.norm(head.norm, embedded);
                list.add(head.bias, &[config.vocab_size().unwrap_or(0)], Role::Bias);
            }
        }
        Head::NextTokenByOwnTable => {
            list.add(OWN_TABLE, &[config.vocab_size().unwrap_or(0), hidden], Role::Linear { inputs: hidden });
        }
    }
}

struct List(Vec<Tensor>);

impl List {
    fn add(&mut self, name: &str, shape: &[usize], role: Role) {
        self.0.push(Tensor { name: name.to_owned(), shape: shape.to_vec(), role });
    }

    fn linear(&mut self, name: &str, outputs: usize, inputs: usize, order: WeightOrder) {
        self.add(&format!("{name}.weight"), &weight_shape(outputs, inputs, order), Role::Linear { inputs });
        self.add(&format!("{name}.bias"), &[outputs], Role::Bias);
    }

    fn norm(&mut self, name: &str, width: usize) {
        self.add(&format!("{name}.weight"), &[width], Role::Scale);
        self.add(&format!("{name}.bias"), &[width], Role::Bias);
    }
}

/// Shape of the weight of a linear layer.
#[must_use]
pub fn weight_shape(outputs: usize, inputs: usize, order: WeightOrder) -> [usize; 2] {
    match order {
        WeightOrder::OutIn => [outputs, inputs],
        WeightOrder::InOut => [inputs, outputs],
    }
}
