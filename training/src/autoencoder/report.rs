//! What a run made.

use serde::Serialize;

/// What a run made of images.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AutoencoderReport {
    /// The directory of the result.
    pub directory: String,
    /// Numbers of encoder and decoder.
    pub parameters: usize,
    /// Images that it learnt from.
    pub images: usize,
    /// Images that it was judged by, and did not learn from.
    pub held_out_images: usize,
    /// Mean square of the pixels, from -1 to 1, of held-out images less their reconstructions.
    pub held_out_mse: f64,
    /// The same of the mean image of the others.
    pub mean_image_mse: f64,
    /// The same of the nearest linear code of as many numbers as the model's: principal components of the others.
    pub components_mse: f64,
    /// Loss of the last step of encoder and decoder.
    pub last_loss: f64,
    /// Steps of encoder and decoder.
    pub steps: usize,
    /// Steps that an earlier process had made.
    pub steps_before: usize,
    /// Seconds of this process, with judgements and checkpoints.
    pub seconds: f64,
}
