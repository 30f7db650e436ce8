//! What a model is asked about: the tokens of a text, or the pixels of an image.

use ndarray::{Array2, ArrayView3};
use viewless_protocols::model::{Architecture, Input, TransformerConfig};

use crate::error::ModelError;

/// What a model is asked about.
#[derive(Debug, Clone, Copy)]
pub enum Prompt<'a> {
    /// Token identifiers, special tokens included.
    Tokens(&'a [u32]),
    /// Token identifiers of a pair of texts, special tokens included.
    Pair {
        /// Of both texts.
        tokens: &'a [u32],
        /// Where the tokens of the second type begin.
        second: usize,
    },
    /// Normalised pixels, `[channels, rows, columns]`.
    Image(ArrayView3<'a, f32>),
}

impl<'a> From<&'a [u32]> for Prompt<'a> {
    fn from(tokens: &'a [u32]) -> Self {
        Self::Tokens(tokens)
    }
}

impl<'a> From<&'a Vec<u32>> for Prompt<'a> {
    fn from(tokens: &'a Vec<u32>) -> Self {
        Self::Tokens(tokens)
    }
}

impl<'a, const N: usize> From<&'a [u32; N]> for Prompt<'a> {
    fn from(tokens: &'a [u32; N]) -> Self {
        Self::Tokens(tokens)
    }
}

impl<'a> From<ArrayView3<'a, f32>> for Prompt<'a> {
    fn from(pixels: ArrayView3<'a, f32>) -> Self {
        Self::Image(pixels)
    }
}

impl Prompt<'_> {
    /// Refuses what a model of this configuration cannot take.
    ///
    /// # Errors
    /// No tokens, too many, or one outside the vocabulary; an image of another shape; a text for a model of images, or the
    /// reverse.
    pub fn check(&self, config: &TransformerConfig) -> Result<(), ModelError> {
        match (self, config.input) {
            (Self::Tokens(tokens), Input::Text { vocab_size, .. }) => {
                check_tokens(tokens, vocab_size, config.most_tokens())?;
                check_padding(tokens, config)
            }
            (Self::Pair { tokens, second }, Input::Text { vocab_size, type_vocab_size, .. }) => {
                check_tokens(tokens, vocab_size, config.most_tokens())?;
                check_padding(tokens, config)?;
                match type_vocab_size >= 2 && (1..tokens.len()).contains(second) {
                    true => Ok(()),
                    false => Err(ModelError::NoPair { types: type_vocab_size }),
                }
            }
            (Self::Image(pixels), Input::Image { image_size, channels, .. }) => {
                let (expected, (a, b, c)) = ([channels, image_size, image_size], pixels.dim());
                if expected == [a, b, c] { Ok(()) } else { Err(ModelError::ImageShape { expected, found: [a, b, c] }) }
            }
            (Self::Tokens(_) | Self::Pair { .. }, Input::Image { .. }) => Err(no_text(config)),
            (Self::Image(_), Input::Text { .. }) => Err(ModelError::NoImage),
        }
    }

    /// The patches of an image as rows, `[patches, channels * patch * patch]`: patches along rows of the image, the numbers of
    /// a patch by channel, row, column. It is what the client of a private inference shares.
    ///
    /// # Errors
    /// Those of [`Prompt::check`]; a text has no patches.
    pub fn patches(&self, config: &TransformerConfig) -> Result<Array2<f32>, ModelError> {
        self.check(config)?;
        let (Self::Image(pixels), Input::Image { image_size, patch_size: patch, channels }) = (self, config.input)
        else {
            return Err(ModelError::NoImage);
        };
        let side = image_size / patch;
        Ok(Array2::from_shape_fn((side * side, channels * patch * patch), |(i, j)| {
            let (row, column) = (i / side * patch + j / patch % patch, i % side * patch + j % patch);
            pixels[[j / (patch * patch), row, column]]
        }))
    }

    /// Tokens that the model sees: of an image, its patches and the class token.
    #[must_use]
    pub fn tokens(&self, config: &TransformerConfig) -> usize {
        match self {
            Self::Tokens(tokens) | Self::Pair { tokens, .. } => tokens.len(),
            Self::Image(_) => config.most_tokens(),
        }
    }
}

/// Refuses a padding token where the published code would not count it, so that what follows it, or the token that a classifier
/// reads, would be another.
fn check_padding(tokens: &[u32], config: &TransformerConfig) -> Result<(), ModelError> {
    let Some(padding) = config.padding_token else { return Ok(()) };
    let found = tokens.iter().position(|&token| token as usize == padding);
    // Where padding is the first token of every text, positions are counted from it.
    let first = usize::from(config.first_position == padding && tokens.first().is_some_and(|&t| t as usize == padding));
    if config.architecture == Architecture::Roberta && config.first_position == padding && first == 0 {
        return Err(ModelError::FirstIsNotPadding { padding });
    }
    let later = tokens.iter().skip(first).position(|&token| token as usize == padding);
    match later.and(found) {
        None => Ok(()),
        Some(_) => Err(ModelError::Padding { token: padding, position: later.unwrap_or(0) + first }),
    }
}

/// The refusal of a text by a model of images.
pub(crate) fn no_text(config: &TransformerConfig) -> ModelError {
    match config.input {
        Input::Image { image_size, .. } => ModelError::NoText { image_size },
        Input::Text { .. } => ModelError::NoTokens,
    }
}

/// Refuses what a model with these tables cannot take.
pub(crate) fn check_tokens(tokens: &[u32], vocab_size: usize, max_positions: usize) -> Result<(), ModelError> {
    if tokens.is_empty() {
        return Err(ModelError::NoTokens);
    }
    if tokens.len() > max_positions {
        return Err(ModelError::TooManyTokens { tokens: tokens.len(), max_positions });
    }
    match tokens.iter().enumerate().find(|(_, token)| **token as usize >= vocab_size) {
        Some((position, &token)) => Err(ModelError::TokenOutOfVocabulary { token, position, vocab_size }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::small;
    use ndarray::Array3;
    use viewless_protocols::model::Architecture;
    use viewless_protocols::model::TransformerDraft;

    #[test]
    fn where_texts_begin_with_padding_one_that_does_not_is_refused_and_padding_within_is_too() {
        let roberta = |first_position| {
            let draft =
                TransformerDraft { first_position, padding_token: Some(5), ..small(Architecture::Roberta).draft() };
            draft.check().unwrap()
        };
        // Positions are counted from padding's own number: every text must begin with it.
        let from_padding = roberta(5);
        assert!(Prompt::from(&[5, 7, 8]).check(&from_padding).is_ok());
        let error = Prompt::from(&[7, 8]).check(&from_padding).unwrap_err();
        assert!(matches!(error, ModelError::FirstIsNotPadding { padding: 5 }), "{error}");
        assert!(matches!(
            Prompt::from(&[5, 5]).check(&from_padding),
            Err(ModelError::Padding { token: 5, position: 1 })
        ));
        // From the number behind it: none may.
        let behind = roberta(6);
        assert!(Prompt::from(&[7, 8]).check(&behind).is_ok());
        assert!(matches!(Prompt::from(&[5, 7]).check(&behind), Err(ModelError::Padding { token: 5, position: 0 })));
    }

    #[test]
    fn patches_go_along_rows_and_their_numbers_by_channel_row_column() {
        let config = TransformerDraft {
            input: Input::Image { image_size: 4, patch_size: 2, channels: 2 },
            ..small(Architecture::Vit).draft()
        }
        .check()
        .unwrap();
        let pixels = Array3::from_shape_fn((2, 4, 4), |(c, y, x)| (100 * c + 10 * y + x) as f32);
        let patches = Prompt::from(pixels.view()).patches(&config).unwrap();
        assert_eq!(patches.row(1).to_vec(), [2.0, 3.0, 12.0, 13.0, 102.0, 103.0, 112.0, 113.0]);
        assert_eq!(patches.row(2).to_vec(), [20.0, 21.0, 30.0, 31.0, 120.0, 121.0, 130.0, 131.0]);
    }

    #[test]
    fn what_a_model_is_not_asked_about_is_refused() {
        let (vit, bert) = (small(Architecture::Vit), small(Architecture::Bert));
        let pixels = Array3::zeros((3, 5, 5));
        assert!(matches!(Prompt::from(&[2, 3]).check(&vit), Err(ModelError::NoText { .. })));
        assert!(matches!(Prompt::from(pixels.view()).check(&bert), Err(ModelError::NoImage)));
        let error = Prompt::from(pixels.view()).check(&vit).unwrap_err().to_string();
        assert!(error.contains("[3, 5, 5]") && error.contains("scale"), "{error}");
        assert!(Prompt::from(&[2, 3]).patches(&bert).is_err());
    }
}
