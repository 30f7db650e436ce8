//! Writes the synthetic models whose reference numbers are pinned in `reference/synthetic.json`, one folder each:
//!
//! ```text
//! cargo run -p viewless-models --example write_synthetic -- FOLDER
//! python3 models/reference/reference_vectors.py --hidden-states FOLDER/* > models/reference/synthetic.json
//! ```

use std::error::Error;
use std::path::PathBuf;

use viewless_models::Precision;
use viewless_models::synthetic::{reference_configs, write_synthetic};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("give the folder to write to")?;
    for (name, config, seed) in reference_configs() {
        write_synthetic(&PathBuf::from(&folder).join(name), &config, seed, Precision::F32)?;
    }
    Ok(())
}
