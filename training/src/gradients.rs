//! Gradients, and the refusal of a run in which some variable has none.

use candle_core::Tensor;
use candle_core::backprop::GradStore;

use crate::error::TrainError;
use crate::variables::Variables;

/// The gradients of a loss.
///
/// # Errors
/// The library of tensors.
pub fn gradients(loss: &Tensor) -> Result<GradStore, TrainError> {
    Ok(loss.backward()?)
}

/// Refuses a loss on which some variable has no influence: the graph from it to the loss is broken, or the pass leaves it out. A run that
/// went on would keep its first value, and call it trained.
///
/// # Errors
/// [`TrainError::NoGradient`] names all of them.
pub fn require_all(variables: &Variables, gradients: &GradStore) -> Result<(), TrainError> {
    let missing = variables.iter().filter(|(_, var)| gradients.get(var.as_tensor()).is_none());
    let names: Vec<String> = missing.map(|(name, _)| name.to_owned()).collect();
    if names.is_empty() { Ok(()) } else { Err(TrainError::NoGradient { names, of: variables.len() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bert::{Batch, Bert};
    use candle_core::DType;
    use viewless_models::synthetic::{small_config, synthetic_weights};
    use viewless_protocols::model::{Activation, AttentionWeights, Head, TransformerConfig, TransformerDraft};

    fn config(activation: Activation, attention_weights: AttentionWeights) -> TransformerConfig {
        let head = Head::Classifier { labels: ["no", "yes"].map(str::to_owned).to_vec() };
        TransformerDraft { activation, attention_weights, head, ..small_config().draft() }.check().unwrap()
    }

    fn batch(dtype: DType) -> Batch {
        let texts: [(&[u32], &[u32]); 2] = [(&[2, 20, 21, 3, 30, 3], &[0, 0, 0, 0, 1, 1]), (&[2, 40, 3], &[0; 3])];
        Batch::of(texts.into_iter(), dtype).unwrap()
    }

    /// A loss that is no symmetric function of the logits.
    fn loss(config: &TransformerConfig, variables: &Variables) -> Tensor {
        let bert = Bert::new(config, variables.tracked()).unwrap();
        let pass = bert.forward(&batch(variables.dtype())).unwrap();
        let logits = pass.logits.unwrap();
        (logits.sqr().unwrap().sum_all().unwrap() + logits.narrow(1, 0, 1).unwrap().sum_all().unwrap()).unwrap()
    }

    const FUNCTIONS: [(Activation, AttentionWeights); 5] = [
        (Activation::Gelu, AttentionWeights::TwoRelu),
        (Activation::Gelu, AttentionWeights::Softmax),
        (Activation::Quad, AttentionWeights::TwoQuad),
        (Activation::Gelu, AttentionWeights::TwoQuad),
        (Activation::Quad, AttentionWeights::Softmax),
    ];

    #[test]
    fn every_variable_of_the_pass_has_a_gradient_and_one_that_is_left_out_is_refused_by_name() {
        for (activation, weights) in FUNCTIONS {
            let config = config(activation, weights);
            let mut variables = Variables::of_weights(&synthetic_weights(&config, 1).unwrap(), DType::F32).unwrap();
            let all = gradients(&loss(&config, &variables)).unwrap();
            require_all(&variables, &all).unwrap();
            variables.insert("left.out", &[1], vec![1.0]).unwrap();
            let error = require_all(&variables, &gradients(&loss(&config, &variables)).unwrap()).unwrap_err();
            let TrainError::NoGradient { names, of } = &error else { panic!("{error}") };
            assert_eq!((&names[..], *of), (&["left.out".to_owned()][..], variables.len()));
        }
    }

    #[test]
    fn a_graph_that_is_cut_is_refused_with_every_variable_before_the_cut() {
        let config = config(Activation::Gelu, AttentionWeights::Softmax);
        let variables = Variables::of_weights(&synthetic_weights(&config, 1).unwrap(), DType::F32).unwrap();
        let mut tensors = variables.tracked();
        let cut = "encoder.layer.1.output.LayerNorm.weight";
        tensors.insert(cut.to_owned(), tensors[cut].detach());
        let bert = Bert::new(&config, tensors).unwrap();
        let logits = bert.forward(&batch(DType::F32)).unwrap().logits.unwrap();
        let error = require_all(&variables, &gradients(&logits.sum_all().unwrap()).unwrap()).unwrap_err();
        assert!(error.to_string().contains(cut) && error.to_string().contains("does not start"), "{error}");
    }

    /// In 64 bits a central difference with step h errs by h^2/6 times the third derivative, and by the rounding of the loss over h. With h = 1e-5
    /// both are below 1e-9 of a loss of order 1; the margin is for third derivatives of up to 1000.
    #[test]
    fn gradients_are_central_differences() {
        const STEP: f64 = 1e-5;
        for (activation, weights) in FUNCTIONS {
            let config = config(activation, weights);
            let variables = Variables::of_weights(&synthetic_weights(&config, 1).unwrap(), DType::F64).unwrap();
            let all = gradients(&loss(&config, &variables)).unwrap();
            for (name, var) in variables.iter() {
                let gradient = all.get(var.as_tensor()).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
                let before = var.flatten_all().unwrap().to_vec1::<f64>().unwrap();
                // The largest element, and one in the middle.
                let largest = (0..gradient.len()).max_by(|&i, &j| gradient[i].abs().total_cmp(&gradient[j].abs()));
                for element in [largest.unwrap(), gradient.len() / 2] {
                    let at = |change: f64| {
                        let mut values = before.clone();
                        values[element] += change;
                        let tensor = Tensor::from_vec(values, var.dims(), var.device()).unwrap();
                        var.set(&tensor).unwrap();
                        loss(&config, &variables).to_scalar::<f64>().unwrap()
                    };
                    let difference = (at(STEP) - at(-STEP)) / (2.0 * STEP);
                    at(0.0);
                    let error = (difference - gradient[element]).abs();
                    assert!(
                        error <= 1e-7 * (1.0 + difference.abs()),
                        "{name}[{element}]: {difference} {}",
                        gradient[element]
                    );
                }
            }
        }
    }
}
