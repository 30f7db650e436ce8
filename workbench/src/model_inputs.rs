//! What the parties of a private inference put in.

use std::borrow::Cow;
use viewless_models::{Model, Prompt};
use viewless_protocols::model::architecture::EmbeddingLayout;
use viewless_protocols::model::transformer::{EMBEDDED, ONE_HOT, PATCHES};
use viewless_protocols::party::Party;
use viewless_protocols::shape::Shape;
use viewless_simulator::execute::{Inputs, Reals};

/// What the parties of an inference put in.
pub struct ModelInputs<'m, 'p> {
    /// The model with its weights.
    pub model: &'m Model,
    /// What the client shares.
    pub prompt: Prompt<'p>,
}

impl ModelInputs<'_, '_> {
    fn tokens(&self) -> Option<&[u32]> {
        match self.prompt {
            Prompt::Tokens(tokens) | Prompt::Pair { tokens, .. } => Some(tokens),
            Prompt::Image(_) => None,
        }
    }

    /// Ones at the tokens, `[tokens, vocabulary]`.
    fn one_hot(&self) -> Option<Vec<f32>> {
        let (tokens, vocabulary) = (self.tokens()?, self.model.config.vocab_size()?);
        let mut rows = vec![0.0f32; tokens.len() * vocabulary];
        for (row, &token) in tokens.iter().enumerate() {
            *rows.get_mut(row * vocabulary + token as usize)? = 1.0;
        }
        Some(rows)
    }

    /// Rows of the word table, `[tokens, hidden]`.
    fn embedded(&self) -> Option<Vec<f32>> {
        let EmbeddingLayout::Words { words, .. } = self.model.config.architecture.layout().embedding else {
            return None;
        };
        let tokens = self.tokens()?;
        let table = self.model.weights.get(words)?;
        let rows = tokens.iter().map(|&token| table.index_axis(ndarray::Axis(0), token as usize));
        Some(rows.flat_map(|row| row.iter().copied().collect::<Vec<_>>()).collect())
    }
}

impl ModelInputs<'_, '_> {
    /// The numbers of an input, whoever puts it in.
    pub(crate) fn numbers(&self, name: &str) -> Option<Vec<f64>> {
        let numbers = match self.named(name)? {
            Reals::F32(numbers) => numbers.iter().map(|&x| f64::from(x)).collect(),
            Reals::F64(numbers) => numbers.into_owned(),
        };
        Some(numbers)
    }

    fn named(&self, name: &str) -> Option<Reals<'_>> {
        let owned = |values: Vec<f32>| Reals::F32(Cow::Owned(values));
        match name {
            ONE_HOT => self.one_hot().map(owned),
            EMBEDDED => self.embedded().map(owned),
            PATCHES => self.prompt.patches(&self.model.config).ok().map(|patches| owned(patches.into_iter().collect())),
            _ => {
                let tensor = self.model.weights.get(name)?;
                Some(Reals::F32(match tensor.to_slice() {
                    Some(slice) => Cow::Borrowed(slice),
                    None => Cow::Owned(tensor.iter().copied().collect()),
                }))
            }
        }
    }
}

impl Inputs for ModelInputs<'_, '_> {
    fn input(&self, _: Party, name: &str, _: &Shape) -> Option<Reals<'_>> {
        self.named(name)
    }
}
