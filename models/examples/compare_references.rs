//! Compares the plaintext pass with what the published libraries answered, for the directories of `reference/random_directories.py`.
//!
//! `cargo run -p viewless-models --example compare_references -- FOLDER` prints a line for each directory: how far the answers are
//! apart, or the refusal; then how many of each class agree and what others are refused for. It ends with 1 if any differ by more than 1e-5 of the
//! largest number (at least 1), or in its tokens; `reference/README.md` says why that much.

use std::collections::BTreeMap;
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
    /// The same by the library in float64.
    #[serde(default)]
    exact: Vec<f64>,
    /// Whether the library divides the vector by its length, which the plaintext pass does not.
    #[serde(default)]
    normalised: bool,
}

/// The image of a number that the script makes, too.
fn image(number: usize, channels: usize, size: usize) -> Array3<f32> {
    Array3::from_shape_fn((channels, size, size), |(c, y, x)| {
        (((7 * c + 3 * y + 5 * x + number) % 16) as f32 - 8.0) / 8.0
    })
}

enum Found {
    Agrees(Apart),
    Refused(ModelError),
    Differs(String),
}

/// Largest differences, as parts of the largest number of the answer, or of 1.
#[derive(Default)]
struct Apart {
    /// Ours and the library's.
    answers: f32,
    /// Ours, and the library's, from the library's in float64.
    from_exact: [f64; 2],
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
    let length = answered.output.dot(&answered.output).sqrt();
    let output = if reference.normalised { answered.output / length } else { answered.output };
    let largest = reference.output.iter().fold(1.0f32, |most, x| most.max(x.abs()));
    // A number that is none is as far away as can be.
    let far = |difference: f64| if difference.is_finite() { difference } else { f64::INFINITY };
    let apart = output.iter().zip(&reference.output).map(|(a, b)| far((f64::from(*a) - f64::from(*b)).abs()));
    let apart = (apart.fold(0.0, f64::max) / f64::from(largest)) as f32;
    let from = |numbers: &[f32]| {
        let apart = numbers.iter().zip(&reference.exact).map(|(a, b)| far((f64::from(*a) - b).abs()));
        apart.fold(0.0, f64::max) / f64::from(largest)
    };
    if apart <= 1e-5 {
        Found::Agrees(Apart { answers: apart, from_exact: [from(&output.to_vec()), from(&reference.output)] })
    } else {
        Found::Differs(format!("by {apart:e} of {largest}"))
    }
}

/// The file and the field or tensor that a refusal names; the beginning of its sentence where it names neither.
fn named(error: &ModelError) -> String {
    let sentence = error.to_string();
    let mut quoted = sentence.split('`').skip(1).step_by(2);
    match (quoted.next(), quoted.next()) {
        (Some(file), Some(field)) if file.starts_with('/') => {
            // Files of steps and layers are told apart by numbers.
            let without_numbers = |name: &str| name.replace(|c: char| c.is_ascii_digit(), "N");
            let file = Path::new(file).iter().rev().take(2).map(|part| part.to_string_lossy().into_owned());
            let file: Vec<String> =
                file.take_while(|part| !part.starts_with(|c: char| c.is_ascii_digit()) || part.contains('_')).collect();
            let file: Vec<String> = file.into_iter().rev().map(|part| without_numbers(&part)).collect();
            format!("`{}`: `{}`", file.join("/"), without_numbers(field))
        }
        _ => sentence.chars().take(60).collect(),
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("name the folder of `random_directories.py`")?;
    let mut directories: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    directories.sort();
    let (mut agree, mut refused, mut differ, mut worst) = (0, 0, 0, Apart::default());
    let (mut classes, mut fields) = (BTreeMap::<String, [usize; 3]>::new(), BTreeMap::<String, usize>::new());
    for directory in directories.iter().filter(|directory| directory.join("reference.json").exists()) {
        let reference: Reference = serde_json::from_slice(&std::fs::read(directory.join("reference.json"))?)?;
        let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let line = match compare(directory, &reference) {
            Found::Agrees(apart) => {
                agree += 1;
                classes.entry(reference.class.clone()).or_default()[0] += 1;
                worst.answers = worst.answers.max(apart.answers);
                let [ours, theirs] = [0, 1].map(|i| worst.from_exact[i].max(apart.from_exact[i]));
                worst.from_exact = [ours, theirs];
                let [ours, theirs] = apart.from_exact;
                format!("agrees to {:.1e}; from float64: {ours:.1e}, the library {theirs:.1e}", apart.answers)
            }
            Found::Refused(error) => {
                refused += 1;
                classes.entry(reference.class.clone()).or_default()[1] += 1;
                *fields.entry(named(&error)).or_default() += 1;
                format!("refused: {error}")
            }
            Found::Differs(how) => {
                differ += 1;
                classes.entry(reference.class.clone()).or_default()[2] += 1;
                format!("DIFFERS {how}")
            }
        };
        println!("{name} {}: {line}", reference.class);
    }
    println!("\n| class | agree | refused | differ |\n|---|---:|---:|---:|");
    classes
        .iter()
        .for_each(|(class, [agree, refused, differ])| println!("| {class} | {agree} | {refused} | {differ} |"));
    println!("\n| refused for | directories |\n|---|---:|");
    fields.iter().for_each(|(field, count)| println!("| {field} | {count} |"));
    println!();
    let (answers, [ours, theirs]) = (worst.answers, worst.from_exact);
    println!("{agree} agree, the worst to {answers:.1e}; {refused} are refused; {differ} differ");
    println!("off from float64 by at most {ours:.1e}, the library by {theirs:.1e}");
    Ok(ExitCode::from(u8::from(differ > 0)))
}
