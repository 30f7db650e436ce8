//! all-MiniLM-L6-v2 on odd texts, beside sentence-transformers: `reference/minilm_texts.json`, by the script beside it.

use serde::Deserialize;
use viewless_models::{Model, default_cache_dir, fetch};

#[derive(Deserialize)]
struct Reference {
    text: String,
    tokens: Vec<u32>,
    /// The first numbers of the vector, which is of length 1.
    output: Vec<f64>,
}

/// Both are float32; numbers of a vector of length 1 have seven digits in the file.
const TOLERANCE: f64 = 2e-6;

#[test]
#[ignore = "40 texts of up to 256 tokens take a minute without optimisation, and the model is fetched once"]
fn every_text_has_the_tokens_and_the_vector_of_sentence_transformers() {
    let directory = fetch("all-MiniLM-L6-v2", &default_cache_dir().unwrap(), &mut |step| eprintln!("{step}")).unwrap();
    let model = Model::load(&directory).unwrap();
    let references: Vec<Reference> = serde_json::from_str(include_str!("../reference/minilm_texts.json")).unwrap();
    assert!(references.len() >= 30 && references.iter().any(|reference| reference.tokens.len() == 256));
    let mut largest: f64 = 0.0;
    for Reference { text, tokens, output } in references {
        let found = model.encode(&text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(found, tokens, "{text:?}");
        let vector: Vec<f64> = model.forward(&found).unwrap().output.iter().map(|&x| f64::from(x)).collect();
        let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        let error = vector.iter().zip(&output).map(|(x, theirs)| (x / length - theirs).abs()).fold(0.0, f64::max);
        assert!(error <= TOLERANCE, "{text:?}: {error:e}");
        largest = largest.max(error);
    }
    println!("largest difference {largest:e}");
}
