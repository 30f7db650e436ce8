//! Training of DC-VAE (arXiv 2011.10063): encoder and decoder learn images by their pixels, by the code's divergence from the prior and, where the
//! recipe says so, by the opinion of a discriminator of reconstructions and samples (hinge losses, as the authors' code has them). The contrastive term
//! of the paper is not there yet: pixels stand in its place.
//!
//! With images x, samples s = G(z) and reconstructions r = G(E(x)), where E draws its code:
//!
//! ```text
//! discriminator:        mean relu(1 - h(x)) + mean relu(1 + h(s)) / 2 + mean relu(1 + h(r)) / 2
//! encoder and decoder:  pixels mean (r - x)^2 + divergence KL - adversarial (mean h(s) + mean h(r)) / 2
//! ```
//!
//! Everything that a run remembers is a variable and stands in its checkpoint: weights, what optimisers remember (`second.`), the vectors of spectral
//! norms (`vector.`), running numbers. A killed run goes on to the same bytes.

mod adam;
mod baseline;
pub mod nets;
mod recipe;
mod report;
mod run;

pub use recipe::{AutoencoderRecipe, DataRecipe, Sizes, StepRecipe};
pub use report::AutoencoderReport;
pub use run::train;
