//! Training for private inference: fine-tuning of BERT, and distillation into functions that are cheap in private.
//!
//! MPCFormer and SecFormer replace softmax by 2Quad (and GeLU by Quad), and repair what that ruins by knowledge distillation. This crate is that
//! half of the two systems. [`train()`] makes a teacher of a pre-trained directory, [`distill()`] a student of the teacher; both write a Hugging Face
//! directory whose `config.json` says which functions the model was trained with, so that it is never run with others without a word.
//!
//! Derivatives are those of candle's operations ([`bert`] says which it leaves alone, and why); a run in which some variable receives no
//! gradient does not start ([`gradients`]). A run is decided by its [`recipe`], its rows and the weights that it begins with, on one kind of
//! processor to the last bit, and may be killed at any moment ([`checkpoint`]).

pub mod autoencoder;
pub mod bert;
pub mod checkpoint;
pub mod directory;
pub mod distill;
pub mod error;
mod files;
pub mod gradients;
pub mod log;
pub mod loss;
pub mod optimiser;
pub mod origin;
mod prepare;
pub mod recipe;
pub mod rows;
pub mod run;
pub mod score;
pub mod source;
pub mod train;
pub mod variables;
mod vocabulary;

pub use distill::distill;
pub use error::TrainError;
pub use recipe::{Overrides, Recipe};
pub use run::{Ending, Told};
pub use train::{TrainReport, train};
