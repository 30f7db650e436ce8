//! Hugging Face model directories for viewless: configuration, weights, tokenizer and a plaintext forward pass.
//!
//! A directory holds `config.json`, `model.safetensors` and, for texts, `tokenizer.json` (or `vocab.json` and `merges.txt`); a
//! sentence-transformers directory also holds `modules.json` and folders of its steps. [`Model::load`] reads all of it, checks every tensor that a
//! circuit will need against the configuration, and names the file, the field or the tensor when something is wrong.
//!
//! [`forward`] is the plaintext pass in f32 that private runs are compared with. It is itself compared with Hugging
//! Face's own numbers (`models/reference/`). [`fetch()`] puts a known model into a cache directory; [`synthetic`]
//! writes small models so that tests need no download.
//!
//! ```no_run
//! use viewless_models::{Model, default_cache_dir, fetch};
//!
//! let directory = fetch("all-MiniLM-L6-v2", &default_cache_dir()?, &mut |step| eprintln!("{step}"))?;
//! let model = Model::load(&directory)?;
//! let tokens = model.encode("Nobody saw this sentence.")?;
//! println!("{}", model.forward(&tokens)?.output);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cache;
mod closed_list;
mod config;
pub mod data;
pub mod dcvae;
mod directory;
mod error;
mod family;
mod fetch;
mod fields;
mod files;
mod head;
mod image;
pub mod picture;
mod plaintext;
mod prompt;
pub mod shipped;
mod steps;
pub mod synthetic;
mod tokenizer;
mod weights;

pub use cache::default_cache_dir;
pub use closed_list::{Inventory, Use, inventory};
pub use config::read_config;
pub use directory::{Decision, Model, decision};
pub use error::{FetchError, ModelError};
pub use fetch::{Progress, abandon_fetch, fetch, fetch_data, known_data, known_models};
pub use fields::Unambiguous;
pub use files::{
    CONFIG_FILE, PREPROCESSOR_FILE, TOKENIZER_FILE, WEIGHTS_FILE, dangling, in_place_of_directory, require_config,
    without_temporary,
};
pub use image::{check_image, read_image, read_square};
pub use plaintext::{Output, Stage, forward, forward_observed};
pub use prompt::Prompt;
pub use tokenizer::{Encoded, Tokenizer};
pub use weights::{Precision, Weights};
