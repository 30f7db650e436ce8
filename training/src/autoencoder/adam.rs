//! Adam as the authors use it, with betas 0 and 0.9: the first average is the gradient itself, so only the second is remembered, among the variables
//! of a run under `second.` and the name.

use candle_core::backprop::GradStore;

use crate::error::TrainError;
use crate::variables::Variables;

const BETA: f64 = 0.9;
const EPSILON: f64 = 1e-8;

/// Adds what the optimiser remembers of these variables.
pub(super) fn remember(all: &mut Variables, of: &Variables) -> Result<(), TrainError> {
    for (name, var) in of.iter() {
        all.insert(&format!("second.{name}"), var.dims(), vec![0.0; var.elem_count()])?;
    }
    Ok(())
}

/// One step of these variables, the `step`-th of their optimiser, from 1.
pub(super) fn step(
    all: &Variables,
    of: &Variables,
    gradients: &GradStore,
    rate: f64,
    step: usize,
) -> Result<(), TrainError> {
    let correction = 1.0 - BETA.powi(i32::try_from(step).unwrap_or(i32::MAX));
    for (name, var) in of.iter() {
        let Some(gradient) = gradients.get(var.as_tensor()) else { continue };
        // What is differentiated is not to be kept alive by what is remembered of it.
        let gradient = gradient.detach();
        let second = all.var(&format!("second.{name}"))?;
        let squares = ((second.as_detached_tensor() * BETA)? + (gradient.sqr()? * (1.0 - BETA))?)?;
        let change = (gradient / ((&squares / correction)?.sqrt()? + EPSILON)?)?;
        second.set(&squares)?;
        var.set(&(var.as_detached_tensor() - (change * rate)?)?)?;
    }
    Ok(())
}
