//! Losses, of operations that have derivatives.

use candle_core::{D, Tensor};

use crate::bert::{Batch, Pass};
use crate::error::TrainError;

/// Logarithms of the shares of softmax.
fn log_shares(logits: &Tensor) -> Result<Tensor, TrainError> {
    let moved = logits.broadcast_sub(&logits.detach().max_keepdim(D::Minus1)?)?;
    Ok(moved.broadcast_sub(&moved.exp()?.sum_keepdim(D::Minus1)?.log()?)?)
}

/// Shares of softmax.
///
/// # Errors
/// The library of tensors.
pub fn shares(logits: &Tensor) -> Result<Tensor, TrainError> {
    Ok(log_shares(logits)?.exp()?)
}

/// Cross-entropy of labels `[rows, classes]`, 1 in the place of the right one: the mean over rows.
///
/// # Errors
/// The library of tensors.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Result<Tensor, TrainError> {
    let rows = logits.dim(0)? as f64;
    Ok(((log_shares(logits)? * labels)?.sum_all()? * (-1.0 / rows))?)
}

/// Cross-entropy of the teacher's shares: the mean over rows and classes, as MPCFormer's code has it.
///
/// # Errors
/// The library of tensors.
pub fn soft_cross_entropy(logits: &Tensor, teacher: &Tensor) -> Result<Tensor, TrainError> {
    Ok((log_shares(logits)? * shares(teacher)?)?.mean_all()?.neg()?)
}

/// The mean of squares of the differences.
///
/// # Errors
/// The library of tensors.
pub fn mean_square(found: &Tensor, wanted: &Tensor) -> Result<Tensor, TrainError> {
    Ok((found - wanted)?.sqr()?.mean_all()?)
}

/// Which layers of a teacher those of a student learn from: the last from the last, the others evenly, as TinyBERT has it. From 0.
#[must_use]
pub fn taught_by(student_layers: usize, teacher_layers: usize) -> Vec<usize> {
    (1..=student_layers).map(|layer| (layer * teacher_layers).div_ceil(student_layers) - 1).collect()
}

/// Stage one: the sum over layers of the mean squares of the attention scores, and over embeddings and layers of those of the hidden states.
/// Padding does not count. `project` makes hidden states of the teacher's width of the student's. Where the two have different numbers of
/// heads, the means over heads are compared.
///
/// # Errors
/// The library of tensors.
pub fn layers(
    student: &Pass,
    teacher: &Pass,
    batch: &Batch,
    project: &dyn Fn(&Tensor) -> Result<Tensor, TrainError>,
) -> Result<Tensor, TrainError> {
    let taught_by = taught_by(student.scores.len(), teacher.scores.len());
    let tokens = batch.mask.unsqueeze(2)?;
    let pairs = batch.mask.unsqueeze(1)?.broadcast_mul(&tokens)?.unsqueeze(1)?;
    let masked = |found: &Tensor, wanted: &Tensor, mask: &Tensor, each: usize| -> Result<Tensor, TrainError> {
        let squares = (found - wanted.detach())?.sqr()?.broadcast_mul(mask)?.sum_all()?;
        Ok(squares.div(&(mask.sum_all()? * each as f64)?)?)
    };
    let width = teacher.hidden[0].dim(2)?;
    let hidden = |student: &Tensor, teacher: &Tensor| masked(&project(student)?, teacher, &tokens, width);
    let mut sum = hidden(&student.hidden[0], &teacher.hidden[0])?;
    for (layer, &teacher_layer) in taught_by.iter().enumerate() {
        let (mut scores, mut wanted) = (student.scores[layer].clone(), teacher.scores[teacher_layer].clone());
        if scores.dim(1)? != wanted.dim(1)? {
            (scores, wanted) = (scores.mean_keepdim(1)?, wanted.mean_keepdim(1)?);
        }
        sum = (sum + masked(&scores, &wanted, &pairs, scores.dim(1)?)?)?;
        sum = (sum + hidden(&student.hidden[layer + 1], &teacher.hidden[teacher_layer + 1])?)?;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn tensor(rows: &[&[f64]]) -> Tensor {
        Tensor::from_vec(rows.concat(), (rows.len(), rows[0].len()), &Device::Cpu).unwrap()
    }

    fn value(tensor: Tensor) -> f64 {
        tensor.to_scalar().unwrap()
    }

    #[test]
    fn cross_entropies_are_those_of_the_formulas_and_large_logits_are_no_overflow() {
        let logits = tensor(&[&[1.0, 3.0], &[2000.0, 0.0]]);
        let labels = tensor(&[&[1.0, 0.0], &[1.0, 0.0]]);
        // -log(e^1 / (e^1 + e^3)) is log(1 + e^2); the second row has 0.
        let first = 2.0f64.exp().ln_1p();
        assert!((value(cross_entropy(&logits, &labels).unwrap()) - first / 2.0).abs() < 1e-12);
        let teacher = tensor(&[&[0.0, 0.0], &[0.0, 0.0]]);
        let even = (first + (-2.0f64).exp().ln_1p() + 2000.0) / 2.0 / 4.0;
        let soft = value(soft_cross_entropy(&logits, &teacher).unwrap());
        assert!((soft - even).abs() < 1e-9, "{soft} {even}");
    }

    #[test]
    fn a_student_that_is_the_teacher_has_no_loss_of_layers_and_padding_does_not_count() {
        let state = |numbers: &[f64]| Tensor::from_vec(numbers.to_vec(), (1, 2, 1), &Device::Cpu).unwrap();
        let pass = |numbers: &[f64], scores: &[f64]| Pass {
            hidden: vec![state(numbers), state(numbers)],
            scores: vec![Tensor::from_vec(scores.to_vec(), (1, 1, 2, 2), &Device::Cpu).unwrap()],
            pooled: None,
            logits: None,
        };
        let mask = tensor(&[&[1.0, 0.0]]);
        let batch = Batch { tokens: mask.clone(), types: mask.clone(), mask };
        let loss =
            |student: &Pass, teacher: &Pass| value(layers(student, teacher, &batch, &|x| Ok(x.clone())).unwrap());
        let teacher = pass(&[1.0, 2.0], &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(loss(&teacher, &teacher), 0.0);
        assert_eq!(loss(&pass(&[1.0, 9.0], &[1.0, 9.0, 9.0, 9.0]), &teacher), 0.0);
        assert_eq!(loss(&pass(&[4.0, 2.0], &[3.0, 2.0, 3.0, 4.0]), &teacher), 9.0 + 9.0 + 4.0);
    }

    #[test]
    fn layers_learn_from_layers_evenly_and_the_last_from_the_last() {
        assert_eq!(taught_by(3, 6), [1, 3, 5]);
        assert_eq!(taught_by(6, 6), [0, 1, 2, 3, 4, 5]);
        assert_eq!(taught_by(2, 5), [2, 4]);
        assert_eq!(taught_by(4, 2), [0, 0, 1, 1]);
    }
}
