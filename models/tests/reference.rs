//! The plaintext pass against Hugging Face's own numbers, pinned in `reference/` with the script that printed them.
//!
//! **Tolerance.** The pinned numbers are float32 results; `float32_error` says how far they are from the same pass in float64: one unit.
//! Ours are of float32 between operations and of float64 within them, but for matrix products, so they round no more often, and err by
//! about one unit as well: the two differ by at most two. Seen are up to 1.5. [`MULTIPLE`] is twice the two, because a product of matrices
//! may be summed in another order on another processor. Any mistake in a formula (erf for tanh, h - 1 for h, a missing bias) is larger by
//! orders of magnitude.

use std::path::Path;
use std::sync::OnceLock;

use ndarray::{Array1, Array2, Array3, ArrayView, Dimension};
use serde::Deserialize;
use viewless_models::synthetic::{reference_configs, write_synthetic};
use viewless_models::{Model, Precision, default_cache_dir, fetch};
use viewless_protocols::model::{Head, Input};

/// Largest difference accepted, in units of Hugging Face's own error.
const MULTIPLE: f32 = 4.0;

#[derive(Deserialize)]
struct Reference {
    models: Vec<ReferenceModel>,
}

#[derive(Deserialize)]
struct ReferenceModel {
    name: String,
    float32_error: f32,
    sentences: Vec<Sentence>,
}

#[derive(Deserialize)]
struct Sentence {
    text: String,
    ids: Vec<u32>,
    mean: Vec<f32>,
    pooler: Option<Vec<f32>>,
    logits: Option<Vec<f32>>,
    hidden_states: Option<Vec<Vec<f32>>>,
}

impl ReferenceModel {
    fn tolerance(&self) -> f32 {
        MULTIPLE * self.float32_error
    }
}

impl Sentence {
    /// The numbers that a head should give.
    fn output(&self, head: &Head) -> &[f32] {
        match head {
            Head::HiddenStates
            | Head::Pooling(_)
            | Head::Sentence(_)
            | Head::TokenClassifier { .. }
            | Head::AnswerSpan
            | Head::MaskedWord => {
                panic!("the script prints no such head")
            }
            Head::MeanPooling => &self.mean,
            Head::Pooler => self.pooler.as_ref().expect("the script prints it"),
            Head::Classifier { .. } | Head::NextToken | Head::NextTokenByOwnTable => {
                self.logits.as_ref().expect("the script prints them")
            }
        }
    }
}

fn reference(text: &str) -> Vec<ReferenceModel> {
    serde_json::from_str::<Reference>(text).unwrap().models
}

fn synthetic_references() -> Vec<ReferenceModel> {
    reference(include_str!("../reference/synthetic.json"))
}

fn minilm_reference() -> ReferenceModel {
    reference(include_str!("../reference/minilm.json")).remove(0)
}

/// The real model, downloaded once if the cache lacks it.
fn minilm() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| {
        let cache = default_cache_dir().unwrap();
        let directory = fetch("all-MiniLM-L6-v2", &cache, &mut |step| eprintln!("{step}")).unwrap();
        Model::load(&directory).unwrap()
    })
}

fn largest_difference<D: Dimension>(ours: ArrayView<'_, f32, D>, theirs: ArrayView<'_, f32, D>) -> f32 {
    assert_eq!(ours.shape(), theirs.shape());
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The image of a number that the script makes, too.
fn image(model: &Model, number: usize) -> Array3<f32> {
    let Input::Image { image_size, channels, .. } = model.config.input else { panic!("a model of texts") };
    Array3::from_shape_fn((channels, image_size, image_size), |(c, y, x)| {
        (((7 * c + 3 * y + 5 * x + number) % 16) as f32 - 8.0) / 8.0
    })
}

/// Checks one sentence or image and returns the largest difference of its output.
fn check(model: &Model, sentence: &Sentence) -> f32 {
    let ours = match sentence.text.strip_prefix("image ") {
        Some(number) => model.forward(image(model, number.parse().unwrap()).view()).unwrap(),
        None => {
            assert_eq!(model.encode(&sentence.text).unwrap(), sentence.ids, "{}", sentence.text);
            model.forward(&sentence.ids).unwrap()
        }
    };
    let mut difference = 0.0;
    if model.config.head != Head::HiddenStates {
        let theirs = Array1::from(sentence.output(&model.config.head).to_vec());
        difference = largest_difference(ours.output.view(), theirs.view());
    }
    if let Some(rows) = &sentence.hidden_states {
        let theirs = Array2::from_shape_fn(ours.hidden_states.dim(), |(row, column)| rows[row][column]);
        assert_eq!((rows.len(), rows[0].len()), ours.hidden_states.dim());
        difference = difference.max(largest_difference(ours.hidden_states.view(), theirs.view()));
    }
    difference
}

fn check_all(model: &Model, reference: &ReferenceModel) {
    assert!(reference.float32_error < 1e-5, "no error of float32");
    for sentence in &reference.sentences {
        let difference = check(model, sentence);
        println!("{}: {} tokens, largest difference {difference:.1e}", reference.name, sentence.ids.len());
        assert!(difference <= reference.tolerance(), "{}: {difference}", sentence.text);
    }
}

fn synthetic_model(directory: &Path, name: &str) -> Model {
    let (_, config, seed) = reference_configs().into_iter().find(|(folder, ..)| *folder == name).unwrap();
    write_synthetic(directory, &config, seed, Precision::F32).unwrap();
    let model = Model::load(directory).unwrap();
    assert_eq!(model.config, config);
    model
}

#[test]
fn synthetic_models_with_every_head_agree_with_hugging_face() {
    let references = synthetic_references();
    assert!(references.iter().map(|reference| &reference.name[..]).eq({
        let mut names: Vec<&str> = reference_configs().into_iter().map(|(name, ..)| name).collect();
        names.sort_unstable();
        names
    }));
    for reference in references {
        let directory = tempfile::tempdir().unwrap();
        check_all(&synthetic_model(directory.path(), &reference.name), &reference);
    }
}

#[test]
fn the_two_activations_are_told_apart_by_the_tolerance() {
    // A canary: the test above must be able to fail.
    use viewless_protocols::model::{Activation, TransformerDraft};
    for reference in synthetic_references() {
        let directory = tempfile::tempdir().unwrap();
        let mut model = synthetic_model(directory.path(), &reference.name);
        let activation = match model.config.activation {
            Activation::GeluTanh => Activation::Gelu,
            _ => Activation::GeluTanh,
        };
        model.config = TransformerDraft { activation, ..model.config.draft() }.check().unwrap();
        let difference = reference.sentences.iter().map(|sentence| check(&model, sentence)).fold(0.0, f32::max);
        assert!(difference > reference.tolerance(), "{}: {difference}", reference.name);
    }
}

#[test]
fn minilm_agrees_with_hugging_face_on_every_reference_sentence() {
    let reference = minilm_reference();
    assert_eq!(reference.sentences.iter().map(|sentence| sentence.ids.len()).min(), Some(3));
    check_all(minilm(), &reference);
}

#[test]
fn minilm_puts_a_paraphrase_nearer_than_another_subject() {
    let embed = |text: &str| minilm().forward(&minilm().encode(text).unwrap()).unwrap().output;
    let cosine = |a: &Array1<f32>, b: &Array1<f32>| a.dot(b) / (a.dot(a) * b.dot(b)).sqrt();
    let [question, paraphrase, other] =
        ["How do I reset my password?", "I forgot my password and need a new one.", "The cat sleeps on the sofa."]
            .map(embed);
    assert!(cosine(&question, &paraphrase) > cosine(&question, &other) + 0.3);
}

#[test]
fn minilm_is_not_padded_or_cut_at_128_tokens_as_its_tokenizer_file_asks() {
    assert_eq!(minilm().encode("Hello").unwrap().len(), 3);
    assert_eq!(minilm().encode(&"hello ".repeat(200)).unwrap().len(), 202);
}
