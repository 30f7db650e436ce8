//! Whether a strategy fits into the memory of its GPUs. AMP has no such model; this one is ours, and it is held against the
//! strategies that failed to run.
//!
//! ```text
//! GPU of stage i:  20 bytes * parameters / tensor  (16-bit weights and gradients; 32-bit weights, gradients, two moments of Adam)
//!                + activations of the micro-batches that the stage holds at once, min(B, k - i), as pipelined training does
//!                + the logits of a micro-batch with what the loss keeps of them, 14 bytes each
//! ```
//!
//! The activations of a Transformer layer follow Korthikanti et al. (arXiv 2205.05198): 34 bytes for each position and channel and
//! 5 for each entry of the attention, of which all but 10 for each position and channel are divided by the tensor-parallel degree.
//! The published scripts do not checkpoint activations. Nothing here was fitted to the outcomes.

use serde::Serialize;

use super::Strategy;
use super::experiment::{BOTTOM, Kind, Layer, Model, SEQUENCE, VOCABULARY, WIDTH};

/// Memory of a T4 or a V100 of the experiments that training can use: 16 GB less 1 GB for the runtime.
pub const USABLE_BYTES: u64 = 15_000_000_000;
/// Attention heads of GPT-2 as it is trained.
const GPT2_HEADS: u64 = 16;
/// Attention heads of TransGAN.
const TRANSGAN_HEADS: u64 = 4;
/// Side of a window of TransGAN's narrow layers, over which attention goes.
const TRANSGAN_WINDOW: u64 = (2 * BOTTOM) * (2 * BOTTOM);
/// Windows of a picture in TransGAN's narrow layers.
const TRANSGAN_WINDOWS: u64 = 256;

/// Predicted against observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Confusion {
    /// Thought not to fit, and failed.
    pub refused_and_failed: usize,
    /// Thought not to fit, but ran.
    pub refused_but_ran: usize,
    /// Thought to fit, but failed.
    pub admitted_but_failed: usize,
    /// Thought to fit, and ran.
    pub admitted_and_ran: usize,
}

impl Confusion {
    /// Counts a strategy.
    pub fn add(&mut self, fits: bool, ran: bool) {
        match (fits, ran) {
            (false, false) => self.refused_and_failed += 1,
            (false, true) => self.refused_but_ran += 1,
            (true, false) => self.admitted_but_failed += 1,
            (true, true) => self.admitted_and_ran += 1,
        }
    }
}

/// The most bytes that a GPU of the strategy needs, with stages of these layers.
#[must_use]
pub fn bytes_at_most(model: Model, strategy: Strategy, micro_batches: u64, layers: &[Layer], ends: &[usize]) -> u64 {
    let mut begin = 0;
    let mut most = 0;
    for (stage, &end) in ends.iter().enumerate() {
        let held = micro_batches.min((strategy.pipeline - stage) as u64);
        most = most.max(stage_bytes(model, strategy, held, &layers[begin..end]));
        begin = end;
    }
    most
}

fn stage_bytes(model: Model, strategy: Strategy, held: u64, layers: &[Layer]) -> u64 {
    let tensor = strategy.tensor as u64;
    let (mut parameters, mut kept, mut logits, mut embedded) = (0, 0, 0, false);
    for layer in layers {
        match layer.kind {
            Kind::Embedding { last } => {
                parameters += if embedded { 0 } else { WIDTH * VOCABULARY };
                embedded = true;
                logits += if last { strategy.micro_batch * SEQUENCE * VOCABULARY / tensor } else { 0 };
            }
            Kind::Transformer { width } => {
                parameters += 12 * width * width;
                let (positions, attention) = positions(model, width);
                let numbers = strategy.micro_batch * positions * width;
                kept += 10 * numbers + (24 * numbers + 5 * strategy.micro_batch * attention) / tensor;
            }
            Kind::Other => {}
        }
    }
    20 * parameters / tensor + held * kept + 14 * logits
}

/// Positions of a layer, and entries of its attention over all heads.
fn positions(model: Model, width: u64) -> (u64, u64) {
    match model {
        Model::Gpt2 => (SEQUENCE, GPT2_HEADS * SEQUENCE * SEQUENCE),
        Model::TransGan if width == WIDTH => {
            let positions = BOTTOM * BOTTOM;
            (positions, TRANSGAN_HEADS * positions * positions)
        }
        Model::TransGan => {
            let attention = TRANSGAN_WINDOWS * TRANSGAN_HEADS * TRANSGAN_WINDOW * TRANSGAN_WINDOW;
            (TRANSGAN_WINDOWS * TRANSGAN_WINDOW, attention)
        }
    }
}
