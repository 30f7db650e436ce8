//! The numbers that training changes, by their Hugging Face names.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor, Var};
use ndarray::{ArrayD, IxDyn};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use viewless_models::Weights;
use viewless_protocols::model::tensors::{Role, Tensor as Wanted};
use viewless_protocols::model::{TransformerConfig, tensors};

use crate::error::TrainError;

/// Standard deviation of drawn weights: `initializer_range` of BERT's published configurations.
const DEVIATION: f64 = 0.02;

/// Named trainable tensors.
#[derive(Debug)]
pub struct Variables {
    dtype: DType,
    named: BTreeMap<String, Var>,
}

impl Variables {
    /// None yet.
    #[must_use]
    pub fn new(dtype: DType) -> Self {
        Self { dtype, named: BTreeMap::new() }
    }

    /// Those of a loaded model.
    ///
    /// # Errors
    /// The library of tensors.
    pub fn of_weights(weights: &Weights, dtype: DType) -> Result<Self, TrainError> {
        let mut variables = Self::new(dtype);
        for (name, values) in weights.iter() {
            variables.insert(name, values.shape(), values.iter().copied().collect())?;
        }
        Ok(variables)
    }

    /// Puts a tensor of these numbers, in row-major order, in the place of whatever has its name.
    ///
    /// # Errors
    /// Another number of elements than the shape has.
    pub fn insert(&mut self, name: &str, shape: &[usize], values: Vec<f32>) -> Result<(), TrainError> {
        let tensor = Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(self.dtype)?;
        self.named.insert(name.to_owned(), Var::from_tensor(&tensor)?);
        Ok(())
    }

    /// Draws every tensor of a configuration that is not there: weights and tables normal with a standard deviation of 0.02, biases 0,
    /// scales 1, as BERT's code does. Each depends on its name and the seed alone. Returns the names.
    ///
    /// # Errors
    /// The library of tensors.
    pub fn complete(&mut self, config: &TransformerConfig, seed: u64) -> Result<Vec<String>, TrainError> {
        let mut drawn = Vec::new();
        for Wanted { name, shape, role } in tensors(config) {
            if !self.named.contains_key(&name) {
                self.draw(&name, &shape, role, seed)?;
                drawn.push(name);
            }
        }
        Ok(drawn)
    }

    /// Draws one tensor.
    ///
    /// # Errors
    /// The library of tensors.
    pub fn draw(&mut self, name: &str, shape: &[usize], role: Role, seed: u64) -> Result<(), TrainError> {
        let count = shape.iter().product();
        let values = match role {
            Role::Table | Role::Linear { .. } => {
                normals(name, seed).take(count).map(|x| (DEVIATION * x) as f32).collect()
            }
            Role::Scale => vec![1.0; count],
            Role::Bias => vec![0.0; count],
        };
        self.insert(name, shape, values)
    }

    /// A copy of a tensor of another set, which may have another name there.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn copy(&mut self, name: &str, from: &Self, of: &str) -> Result<(), TrainError> {
        let tensor = from.var(of)?.as_detached_tensor().to_dtype(self.dtype)?.copy()?;
        self.named.insert(name.to_owned(), Var::from_tensor(&tensor)?);
        Ok(())
    }

    /// Some of them: the same variables, not copies.
    #[must_use]
    pub fn only(&self, wanted: impl Fn(&str) -> bool) -> Self {
        let named = self.named.iter().filter(|(name, _)| wanted(name));
        Self { dtype: self.dtype, named: named.map(|(name, var)| (name.clone(), var.clone())).collect() }
    }

    /// A variable by its name.
    ///
    /// # Errors
    /// There is none.
    pub fn var(&self, name: &str) -> Result<&Var, TrainError> {
        self.named.get(name).ok_or_else(|| TrainError::NoVariable { name: name.to_owned() })
    }

    /// Whether there is one of that name and shape.
    #[must_use]
    pub fn has(&self, name: &str, shape: &[usize]) -> bool {
        self.named.get(name).is_some_and(|var| var.dims() == shape)
    }

    /// All of them, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.named.iter().map(|(name, var)| (name.as_str(), var))
    }

    /// How many tensors there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.named.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// The numbers that they hold, all together.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.named.values().map(|var| var.elem_count()).sum()
    }

    /// Their type.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The tensors of a pass that is differentiated with respect to them.
    #[must_use]
    pub fn tracked(&self) -> BTreeMap<String, Tensor> {
        self.named.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect()
    }

    /// The same numbers for a pass that is not differentiated. They follow later changes of the variables.
    #[must_use]
    pub fn frozen(&self) -> BTreeMap<String, Tensor> {
        self.named.iter().map(|(name, var)| (name.clone(), var.as_detached_tensor())).collect()
    }

    /// As 32-bit numbers, in row-major order.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn values(&self, name: &str) -> Result<Vec<f32>, TrainError> {
        Ok(self.var(name)?.as_detached_tensor().to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
    }

    /// The weights of a model of this configuration, checked as if they were read from `source`.
    ///
    /// # Errors
    /// A tensor that is absent, has another shape or holds a number that is not finite.
    pub fn to_weights(&self, config: &TransformerConfig, source: &Path) -> Result<Weights, TrainError> {
        let mut made = BTreeMap::new();
        for (name, var) in self.iter() {
            let values = ArrayD::from_shape_vec(IxDyn(var.dims()), self.values(name)?);
            made.insert(name.to_owned(), values.expect("a tensor has as many numbers as its shape says"));
        }
        Ok(Weights::from_tensors(source, config, made)?)
    }
}

/// Standard normal numbers that a name and a seed decide, by Box and Muller from ChaCha20.
pub(crate) fn normals(name: &str, seed: u64) -> impl Iterator<Item = f64> {
    let mut words = keyed(&["draw", name], seed);
    // 53 bits, in (0, 1]: the logarithm is finite.
    let mut uniform = move || ((words.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64;
    std::iter::repeat_with(move || {
        let (radius, angle) = ((-2.0 * libm::log(uniform())).sqrt(), std::f64::consts::TAU * uniform());
        [radius * libm::cos(angle), radius * libm::sin(angle)]
    })
    .flatten()
}

/// The stream of random words for a purpose.
pub(crate) fn keyed(purpose: &[&str], seed: u64) -> ChaCha20Rng {
    let mut digest = blake3::Hasher::new();
    digest.update(&seed.to_le_bytes());
    for word in purpose {
        digest.update(&(word.len() as u64).to_le_bytes()).update(word.as_bytes());
    }
    ChaCha20Rng::from_seed(*digest.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_models::synthetic::{small_config, synthetic_weights};

    #[test]
    fn a_draw_depends_on_name_and_seed_and_nothing_else() {
        let drawn = |names: &[&str], seed| {
            let mut variables = Variables::new(DType::F32);
            for name in names {
                variables.draw(name, &[40, 50], Role::Table, seed).unwrap();
            }
            variables
        };
        let (alone, among) = (drawn(&["b"], 1), drawn(&["a", "b", "c"], 1));
        assert_eq!(alone.values("b").unwrap(), among.values("b").unwrap());
        assert_ne!(among.values("a").unwrap(), among.values("b").unwrap());
        assert_ne!(alone.values("b").unwrap(), drawn(&["b"], 2).values("b").unwrap());
    }

    #[test]
    fn drawn_weights_have_the_mean_and_deviation_that_they_should() {
        let numbers: Vec<f64> = normals("any", 7).take(100_000).collect();
        let mean = numbers.iter().sum::<f64>() / 1e5;
        let variance = numbers.iter().map(|x| x * x).sum::<f64>() / 1e5;
        // Five standard errors: 1/sqrt(n) of the mean, sqrt(2/n) of the variance.
        assert!(mean.abs() < 5.0 / 1e5f64.sqrt(), "{mean}");
        assert!((variance - 1.0).abs() < 5.0 * (2.0 / 1e5f64).sqrt(), "{variance}");
    }

    #[test]
    fn weights_pass_through_variables_unchanged_and_what_is_missing_is_drawn() {
        let config = small_config();
        let weights = synthetic_weights(&config, 3).unwrap();
        let mut variables = Variables::of_weights(&weights, DType::F32).unwrap();
        assert_eq!(variables.complete(&config, 1).unwrap(), Vec::<String>::new());
        let back = variables.to_weights(&config, Path::new("made")).unwrap();
        assert!(weights.iter().eq(back.iter()));
        variables = variables.only(|name| !name.starts_with("encoder.layer.1.output.dense"));
        let drawn = variables.complete(&config, 1).unwrap();
        assert_eq!(drawn, ["encoder.layer.1.output.dense.weight", "encoder.layer.1.output.dense.bias"]);
        assert_eq!(variables.parameters(), weights.parameters());
    }

    #[test]
    fn what_has_become_infinite_is_no_model() {
        let config = small_config();
        let mut variables = Variables::of_weights(&synthetic_weights(&config, 3).unwrap(), DType::F32).unwrap();
        variables.insert("embeddings.LayerNorm.bias", &[32], vec![f32::NAN; 32]).unwrap();
        let error = variables.to_weights(&config, Path::new("made")).unwrap_err().to_string();
        assert!(error.contains("embeddings.LayerNorm.bias"), "{error}");
    }
}
