//! Compares the plaintext pass with what the published libraries answered, for the directories of `reference/random_directories.py`.
//!
//! `cargo run -p viewless-models --example compare_references -- FOLDER` prints a line for each directory: how far the answers are
//! apart, or the refusal. It ends with 1 if any differ by more than 1e-5 of the largest number (at least 1), or in its tokens.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ndarray::Array3;
use serde::Deserialize;
use viewless_models::{Model, ModelError};
use viewless_protocols::model::Input;

#[derive(Deserialize)]
struct Reference {
    class: String,
    text: Option<String>,
    tokens: Option<Vec<u32>>,
    image: Option<usize>,
    output: Vec<f32>,
}

/// The image of a number that the script makes, too.
fn image(number: usize, channels: usize, size: usize) -> Array3<f32> {
    Array3::from_shape_fn((channels, size, size), |(c, y, x)| {
        (((7 * c + 3 * y + 5 * x + number) % 16) as f32 - 8.0) / 8.0
    })
}

enum Found {
    Agrees(f32),
    Refused(ModelError),
    Differs(String),
}

fn compare(directory: &Path, reference: &Reference) -> Found {
    let model = match Model::load(directory) {
        Ok(model) => model,
        Err(error) => return Found::Refused(error),
    };
    let answered = match (&reference.text, model.config.input) {
        (Some(text), _) => model.encode(text).and_then(|tokens| Ok((tokens.clone(), model.forward(&tokens)?))),
        (None, Input::Image { image_size, channels, .. }) => {
            let pixels = image(reference.image.unwrap_or(0), channels, image_size);
            model.forward(pixels.view()).map(|output| (Vec::new(), output))
        }
        (None, Input::Text { .. }) => return Found::Differs("a text for an image".to_owned()),
    };
    let (tokens, answered) = match answered {
        Ok(answered) => answered,
        Err(error) => return Found::Refused(error),
    };
    if let Some(theirs) = &reference.tokens
        && *theirs != tokens
    {
        return Found::Differs(format!("tokens {tokens:?} and not {theirs:?}"));
    }
    if answered.output.len() != reference.output.len() {
        return Found::Differs(format!("{} numbers and not {}", answered.output.len(), reference.output.len()));
    }
    let largest = reference.output.iter().fold(1.0f32, |most, x| most.max(x.abs()));
    let apart = answered.output.iter().zip(&reference.output).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    if apart <= 1e-5 * largest { Found::Agrees(apart) } else { Found::Differs(format!("by {apart:e} of {largest}")) }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("name the folder of `random_directories.py`")?;
    let mut directories: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    directories.sort();
    let (mut agree, mut refused, mut differ, mut worst) = (0, 0, 0, 0.0f32);
    for directory in directories.iter().filter(|directory| directory.join("reference.json").exists()) {
        let reference: Reference = serde_json::from_slice(&std::fs::read(directory.join("reference.json"))?)?;
        let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let line = match compare(directory, &reference) {
            Found::Agrees(apart) => {
                agree += 1;
                worst = worst.max(apart);
                format!("agrees to {apart:.1e}")
            }
            Found::Refused(error) => {
                refused += 1;
                format!("refused: {error}")
            }
            Found::Differs(how) => {
                differ += 1;
                format!("DIFFERS {how}")
            }
        };
        println!("{name} {}: {line}", reference.class);
    }
    println!("{agree} agree, the worst to {worst:.1e}; {refused} are refused; {differ} differ");
    Ok(ExitCode::from(u8::from(differ > 0)))
}
