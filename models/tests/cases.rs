//! Model directories rebuilt from what users reported, each with its right value: `cases/`.
//!
//! `cases.json` holds, for each directory, a text and what transformers 5.24.0 or sentence-transformers 6.2.0 (torch 2.15.0 on the CPU,
//! float32) makes of it, to five decimals; where a configuration is none of Hugging Face's (`quad`, `2quad`), float64 from the
//! formulas. So the tolerance is half a unit of the fifth decimal and the error of float32 at numbers of order 1.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use viewless_models::{Decision, Encoded, Model, ModelError, Prompt, read_config};
use viewless_protocols::model::{Head, Input, TransformerDraft};

/// Half a unit of the fifth decimal, and 5e-6 for float32.
const TOLERANCE: f32 = 1e-5;

#[derive(Deserialize)]
struct Case {
    name: String,
    text: String,
    tokens: Option<Vec<u32>>,
    output: Vec<f32>,
    /// Whether only the direction is told, because the vector is normalised afterwards.
    #[serde(default)]
    direction: bool,
}

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name).join("model")
}

fn load(name: &str) -> Model {
    Model::load(&directory(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn assert_near(name: &str, ours: &[f32], theirs: &[f32], tolerance: f32) {
    assert!(ours.len() >= theirs.len(), "{name}");
    for (i, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        // False for what is no number, too.
        assert!((ours - theirs).abs() <= tolerance, "{name}, number {i}: {ours} and not {theirs}");
    }
}

#[test]
fn every_case_has_its_right_value() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("cases/cases.json")).unwrap();
    for case in &cases {
        let model = load(&case.name);
        let tokens = model.encode(&case.text).unwrap();
        if let Some(theirs) = &case.tokens {
            assert_eq!(&tokens, theirs, "{}", case.name);
        }
        let output = model.forward(&tokens).unwrap().output.to_vec();
        if case.direction {
            let norm = |x: &[f32]| x[..8].iter().map(|x| x * x).sum::<f32>().sqrt();
            let scale = norm(&case.output) / norm(&output);
            let scaled: Vec<f32> = output.iter().take(8).map(|x| x * scale).collect();
            assert_near(&case.name, &scaled, &case.output, 2.0 * TOLERANCE);
        } else {
            assert_near(&case.name, &output, &case.output, TOLERANCE);
        }
    }
    assert!(cases.len() >= 24);
}

#[test]
fn a_pair_of_texts_has_two_token_types() {
    let model = load("pair-of-texts-not-offered");
    let tokenizer = model.tokenizer.as_ref().unwrap();
    let Encoded { tokens, types, .. } = tokenizer.encode_whole("hello world", Some("the view")).unwrap();
    assert_eq!(types, [0, 0, 0, 0, 1, 1, 1]);
    let output = model.forward(Prompt::Pair { tokens: &tokens, second: 4 }).unwrap().output.to_vec();
    assert_near("pair", &output, &[0.36834, -0.65471], TOLERANCE);
}

#[test]
fn a_picture_is_turned_as_its_exif_tag_says() {
    let model = load("exif-orientation");
    let pixels = model.read_image(&directory("exif-orientation").with_file_name("phone.jpg")).unwrap();
    let output = model.forward(pixels.view()).unwrap().output.to_vec();
    // Decoders of JPEG differ.
    assert_near("exif", &output, &[1.12304, -1.30612, 0.84975], 2e-2);
}

#[test]
fn rows_and_columns_that_fill_no_patch_are_not_seen() {
    let model = load("vit-patch-does-not-divide");
    let pixels = model.read_image(&directory("vit-patch-does-not-divide").with_file_name("p.png")).unwrap();
    let output = model.forward(pixels.view()).unwrap().output.to_vec();
    // Resizing by another library may put a pixel off by one of 256 levels.
    assert_near("patch", &output, &[-0.10947, -0.72745, 0.13065], 1e-2);
}

#[test]
fn the_pooler_of_weights_in_parts_is_found() {
    assert_eq!(read_config(&directory("cost-drops-pooler-of-sharded-weights")).unwrap().head, Head::Pooler);
}

#[test]
fn several_labels_may_hold_where_the_file_says_so() {
    assert_eq!(load("multi-label-shown-as-one-label").decision, Decision::ManyLabels);
}

#[test]
fn an_index_that_disagrees_with_its_files_is_refused() {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(directory("weights-sharded")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    assert!(Model::load(copy.path()).is_ok());
    let index = copy.path().join("model.safetensors.index.json");
    let text = std::fs::read_to_string(&index).unwrap();
    for (from, to) in [("00001-of", "00002-of"), ("00001-of", "../../secret"), ("classifier.weight", "classifier.wait")]
    {
        std::fs::write(&index, text.replacen(from, to, 1)).unwrap();
        let error = Model::load(copy.path()).unwrap_err();
        let named = matches!(error, ModelError::IndexDisagrees { .. } | ModelError::OutsideDirectory { .. });
        assert!(named && error.to_string().contains("index.json"), "{error}");
    }
}

#[test]
fn the_canary_a_case_under_another_configuration_is_not_right() {
    let model = load("hidden-act-quad");
    let config = TransformerDraft { attention_weights: Default::default(), ..model.config.draft() }.check().unwrap();
    let tokens = model.encode("hello the view").unwrap();
    let output = viewless_models::forward(&config, &model.weights, &tokens).unwrap().output;
    assert!((output[0] - 1.66264).abs() > 100.0 * TOLERANCE);
}

/// One directory of each class that `reference/random_directories.py` made, with the answer of the library.
#[test]
fn the_sample_of_random_directories_agrees_with_the_libraries() {
    #[derive(Deserialize)]
    struct Reference {
        text: Option<String>,
        tokens: Option<Vec<u32>>,
        image: Option<usize>,
        output: Vec<f32>,
        #[serde(default)]
        normalised: bool,
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/random");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let directory = entry.unwrap().path();
        let name = directory.display().to_string();
        let text = std::fs::read_to_string(directory.join("reference.json")).unwrap();
        let reference: Reference = serde_json::from_str(&text).unwrap();
        let model = Model::load(&directory).unwrap_or_else(|error| panic!("{name}: {error}"));
        let output = match (&reference.text, model.config.input) {
            (None, Input::Image { image_size, channels, .. }) => {
                let number = reference.image.unwrap();
                let pixel = |(c, y, x)| (((7 * c + 3 * y + 5 * x + number) % 16) as f32 - 8.0) / 8.0;
                let pixels = ndarray::Array3::from_shape_fn((channels, image_size, image_size), pixel);
                model.forward(pixels.view()).unwrap().output
            }
            (text, _) => {
                let tokens = model.encode(text.as_deref().unwrap()).unwrap();
                assert_eq!(Some(&tokens), reference.tokens.as_ref(), "{name}");
                model.forward(&tokens).unwrap().output
            }
        };
        // The library divides by the length at the end; here whoever has the vector does.
        let output = if reference.normalised { &output / output.dot(&output).sqrt() } else { output };
        assert_eq!(output.len(), reference.output.len(), "{name}");
        let largest = reference.output.iter().fold(1.0f32, |most, x| most.max(x.abs()));
        assert_near(&name, &output.to_vec(), &reference.output, 1e-5 * largest);
        seen += 1;
    }
    assert!(seen >= 36, "{seen}");
}
