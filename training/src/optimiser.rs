//! AdamW: Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019, algorithm 2), and what goes with it.
//!
//! For a variable w with gradient g, at step t from 1, with learning rate r and decay d:
//!
//! ```text
//! m = b1 m + (1 - b1) g          b1 = 0.9
//! v = b2 v + (1 - b2) g^2        b2 = 0.999
//! w = w - r d w - r (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + 1e-8)
//! ```
//!
//! Biases and normalisations do not decay. (BERT's own optimiser leaves the two corrections out; the warm-up makes little of that.) The numbers
//! of a variable are changed where they lie; each depends on its own gradient alone, so that threads change nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, InplaceOp2, Layout, Tensor};
use rayon::prelude::*;

use crate::error::TrainError;
use crate::recipe::{Schedule, StageRecipe};
use crate::variables::Variables;

const BETA: [f64; 2] = [0.9, 0.999];
const EPSILON: f64 = 1e-8;
/// Numbers that one task changes.
const TASK: usize = 1 << 16;

/// The two averages of a variable's gradients.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Of the gradients.
    pub first: Vec<f32>,
    /// Of their squares.
    pub second: Vec<f32>,
}

/// What the optimiser remembers.
#[derive(Debug, Default, PartialEq)]
pub struct AdamW {
    /// Steps that were made.
    pub step: u64,
    /// By the names of the variables.
    pub moments: BTreeMap<String, Moments>,
}

/// The learning rate of step `step` of `steps`, from 0: half a step in, so that the first one learns.
#[must_use]
pub fn learning_rate(stage: &StageRecipe, step: usize, steps: usize) -> f64 {
    let (step, steps) = (step as f64 + 0.5, steps as f64);
    let warm_up = stage.warm_up * steps;
    let part = if step < warm_up {
        step / warm_up
    } else {
        match stage.schedule {
            Schedule::Constant => 1.0,
            Schedule::Linear => (steps - step) / (steps - warm_up),
        }
    };
    stage.learning_rate * part
}

/// The norm of all gradients together. Sums are made in a fixed order.
///
/// # Errors
/// The library of tensors.
pub fn norm(variables: &Variables, gradients: &GradStore) -> Result<f64, TrainError> {
    let mut sum = 0.0;
    for gradient in variables.iter().filter_map(|(_, var)| gradients.get(var.as_tensor())) {
        let values = gradient.flatten_all()?.to_dtype(candle_core::DType::F32)?.to_vec1::<f32>()?;
        let squares = |part: &[f32]| part.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
        sum += values.par_chunks(TASK).map(squares).collect::<Vec<_>>().iter().sum::<f64>();
    }
    Ok(sum.sqrt())
}

impl AdamW {
    /// One step. Gradients are first multiplied by `scale`.
    ///
    /// # Errors
    /// The library of tensors.
    pub fn step(
        &mut self,
        variables: &Variables,
        gradients: &GradStore,
        rate: f64,
        decay: f64,
        scale: f64,
    ) -> Result<(), TrainError> {
        self.step += 1;
        let corrections = BETA.map(|beta| 1.0 - beta.powf(self.step as f64));
        for (name, var) in variables.iter() {
            let Some(gradient) = gradients.get(var.as_tensor()) else { continue };
            let zeros = || vec![0.0; var.elem_count()];
            let moments =
                self.moments.entry(name.to_owned()).or_insert_with(|| Moments { first: zeros(), second: zeros() });
            let decays = !(name.ends_with(".bias") || name.contains("LayerNorm"));
            let change = Change {
                moments: RefCell::new(moments),
                rate,
                decay: if decays { decay } else { 0.0 },
                scale,
                corrections,
            };
            let gradient: Tensor = gradient.contiguous()?;
            var.as_tensor().inplace_op2(&gradient, &change)?;
        }
        Ok(())
    }
}

/// The change of one variable.
struct Change<'a> {
    moments: RefCell<&'a mut Moments>,
    rate: f64,
    decay: f64,
    scale: f64,
    corrections: [f64; 2],
}

impl InplaceOp2 for Change<'_> {
    fn name(&self) -> &'static str {
        "adam-w"
    }

    fn cpu_fwd(
        &self,
        values: &mut CpuStorage,
        of_values: &Layout,
        gradient: &CpuStorage,
        of_gradient: &Layout,
    ) -> candle_core::Result<()> {
        let no = || candle_core::Error::Msg("AdamW changes contiguous numbers of 32 bits".to_owned());
        let ((from, to), (gradient_from, gradient_to)) =
            (of_values.contiguous_offsets().ok_or_else(no)?, of_gradient.contiguous_offsets().ok_or_else(no)?);
        let (CpuStorage::F32(values), CpuStorage::F32(gradient)) = (values, gradient) else { return Err(no()) };
        let mut moments = self.moments.borrow_mut();
        let Moments { first, second } = &mut **moments;
        let Self { rate, decay, scale, corrections, .. } = *self;
        let (keep, root, step) =
            ((1.0 - rate * decay) as f32, (1.0 / corrections[1].sqrt()) as f32, (rate / corrections[0]) as f32);
        let (scale, epsilon) = (scale as f32, EPSILON as f32);
        let [beta1, beta2] = BETA.map(|beta| beta as f32);
        let rest = BETA.map(|beta| (1.0 - beta) as f32);
        values[from..to]
            .par_chunks_mut(TASK)
            .zip(gradient[gradient_from..gradient_to].par_chunks(TASK))
            .zip(first.par_chunks_mut(TASK).zip(second.par_chunks_mut(TASK)))
            .for_each(|((values, gradient), (first, second))| {
                for (((w, &g), m), v) in values.iter_mut().zip(gradient).zip(first).zip(second) {
                    let g = g * scale;
                    *m = beta1 * *m + rest[0] * g;
                    *v = beta2 * *v + rest[1] * g * g;
                    *w = keep * *w - step * *m / (v.sqrt() * root + epsilon);
                }
            });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::DType;

    fn stage() -> StageRecipe {
        StageRecipe::fine_tuning()
    }

    /// Two steps by hand, in 64 bits. The loss is w^2 / 2, whose gradient is w.
    #[test]
    fn two_steps_are_those_of_the_formula_with_decay_apart_from_the_gradient() {
        let (rate, decay) = (0.1, 0.01);
        let mut variables = Variables::new(DType::F32);
        for name in ["a.weight", "a.bias"] {
            variables.insert(name, &[2], vec![1.0, -3.0]).unwrap();
        }
        let mut optimiser = AdamW::default();
        for _ in 0..2 {
            let square = |name| variables.var(name).unwrap().sqr().unwrap().sum_all().unwrap();
            let loss = ((square("a.weight") + square("a.bias")).unwrap() * 0.5).unwrap();
            optimiser.step(&variables, &loss.backward().unwrap(), rate, decay, 1.0).unwrap();
        }
        for (name, decay) in [("a.weight", decay), ("a.bias", 0.0)] {
            for (found, start) in variables.values(name).unwrap().into_iter().zip([1.0f64, -3.0]) {
                let mut w = start;
                let (mut m, mut v) = (0.0, 0.0);
                for step in 1..=2 {
                    let g = w;
                    m = 0.9 * m + 0.1 * g;
                    v = 0.999 * v + 0.001 * g * g;
                    let (m, v) = (m / (1.0 - 0.9f64.powi(step)), v / (1.0 - 0.999f64.powi(step)));
                    w = w - rate * decay * w - rate * m / (v.sqrt() + 1e-8);
                }
                // A dozen operations in 32 bits.
                assert!((f64::from(found) - w).abs() < 12.0 * f64::from(f32::EPSILON) * w.abs(), "{name}: {found} {w}");
            }
        }
    }

    #[test]
    fn the_first_step_is_as_long_as_the_rate_whatever_the_gradient() {
        for gradient in [1e-3f32, 1.0, 1e3] {
            let mut variables = Variables::new(DType::F32);
            variables.insert("a.weight", &[1], vec![0.5]).unwrap();
            let loss = (variables.var("a.weight").unwrap().sum_all().unwrap() * f64::from(gradient)).unwrap();
            let gradients = loss.backward().unwrap();
            assert!((norm(&variables, &gradients).unwrap() - f64::from(gradient)).abs() < 1e-6 * f64::from(gradient));
            AdamW::default().step(&variables, &gradients, 0.01, 0.0, 1.0).unwrap();
            let moved = 0.5 - variables.values("a.weight").unwrap()[0];
            assert!((moved - 0.01).abs() < 1e-6, "{gradient}: {moved}");
        }
    }

    #[test]
    fn the_rate_rises_over_the_warm_up_and_falls_to_zero_or_stays() {
        let linear = StageRecipe { learning_rate: 1.0, ..stage() };
        let rates: Vec<f64> = (0..100).map(|step| learning_rate(&linear, step, 100)).collect();
        assert!(rates[..10].windows(2).all(|pair| pair[0] < pair[1]) && rates[0] > 0.0);
        assert!(rates[10..].windows(2).all(|pair| pair[0] > pair[1]) && rates[99] > 0.0);
        let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(close(rates[4], 0.45) && close(rates[10], 89.5 / 90.0) && close(rates[99], 0.5 / 90.0), "{rates:?}");
        let constant = StageRecipe { schedule: Schedule::Constant, warm_up: 0.0, ..linear };
        assert!((0..100).all(|step| learning_rate(&constant, step, 100) == 1.0));
    }
}
