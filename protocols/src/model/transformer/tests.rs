//! Claims about the circuits of models.

use super::*;
use crate::circuit::Op;
use crate::model::architecture::{Architecture, EmbeddingLayout};
use crate::model::{Dense, DenseActivation, Sentence, TransformerDraft, tensors};
use crate::nonlinear::Registry;
use crate::suite::Suite;

/// A model of 2 layers with a head.
fn small(architecture: Architecture, head: Head) -> TransformerConfig {
    draft(architecture, head).check().unwrap()
}

fn draft(architecture: Architecture, head: Head) -> TransformerDraft {
    let layout = architecture.layout();
    let input = match layout.embedding {
        EmbeddingLayout::Words { types, .. } => {
            Input::Text { vocab_size: 11, max_positions: 9, type_vocab_size: usize::from(types.is_some()) }
        }
        EmbeddingLayout::Patches { .. } => Input::Image { image_size: 4, patch_size: 2, channels: 3 },
    };
    TransformerDraft {
        architecture,
        input,
        first_position: if matches!(architecture, Architecture::Roberta | Architecture::Mpnet) { 2 } else { 0 },
        hidden_size: 6,
        embedding_size: layout.projection.map(|_| 4),
        layers: 2,
        heads: 2,
        intermediate_size: 8,
        head,
        ..TransformerConfig::bert_base().draft()
    }
}

fn heads(architecture: Architecture) -> Vec<Head> {
    let labels = vec!["no".to_owned(), "yes".to_owned()];
    let tokens = labels.clone();
    let sentence = Sentence {
        poolings: vec![Pooling::FirstToken, Pooling::Mean],
        dense: vec![
            Dense { outputs: 7, has_bias: false, activation: DenseActivation::Tanh },
            Dense { outputs: 5, has_bias: true, activation: DenseActivation::Of(Activation::Relu) },
        ],
        kept: Some(4),
    };
    let poolings = [Pooling::FirstToken, Pooling::LastToken, Pooling::MeanSqrtLength, Pooling::WeightedMean];
    [Head::HiddenStates, Head::MeanPooling, Head::Pooler, Head::Classifier { labels }, Head::NextToken]
        .into_iter()
        .chain([Head::NextTokenByOwnTable, Head::TokenClassifier { labels: tokens }])
        .chain([Head::AnswerSpan, Head::MaskedWord])
        .chain(poolings.map(Head::Pooling))
        .chain([Head::Sentence(sentence)])
        .filter(|head| draft(architecture, head.clone()).check().is_ok())
        .collect()
}

fn query(config: &TransformerConfig, batch: usize) -> Query {
    Query { tokens: config.image_tokens().unwrap_or(5), batch }
}

#[test]
fn the_circuit_of_every_model_takes_exactly_the_tensors_that_are_listed() {
    let mut seen = 0;
    for architecture in Architecture::ALL {
        for head in heads(architecture) {
            let config = small(architecture, head);
            let suite = Suite::built_in("faithful").unwrap().model(Registry::built_in()).unwrap();
            let circuit = circuit(&config, &suite, query(&config, 2)).unwrap();
            let mut taken: Vec<(String, Vec<usize>)> = Vec::new();
            for node in circuit.nodes() {
                if let Op::Input { owner: Owner::Model, name } = &node.op {
                    taken.push((name.clone(), node.shape.axes().to_vec()));
                }
            }
            taken.sort();
            let mut listed: Vec<_> = tensors(&config).into_iter().map(|tensor| (tensor.name, tensor.shape)).collect();
            listed.sort();
            assert_eq!(taken, listed, "{architecture} {:?}", config.head);
            let output = circuit.nodes().iter().rfind(|node| matches!(node.op, Op::Reveal(..))).unwrap();
            assert_eq!(output.shape.axes(), output_shape(&config, query(&config, 2)));
            seen += 1;
        }
    }
    // Hidden states, five poolings, steps behind several of them; poolers; classifiers of sequences, of tokens and of spans; masked words; next tokens.
    assert_eq!(seen, 7 * 7 + 4 + 7 + 6 + 6 + 5 + 2);
}

#[test]
fn a_pair_of_texts_needs_two_token_types_and_a_token_for_each() {
    let suite = Suite::built_in("faithful").unwrap().model(Registry::built_in()).unwrap();
    let bert = small(Architecture::Bert, Head::HiddenStates);
    let refused = |config: &TransformerConfig, second| circuit_of_pair(config, &suite, query(config, 1), second);
    assert_eq!(refused(&bert, 2).unwrap_err(), BuildError::SecondText { second: 2, tokens: 5 });
    let input = Input::Text { vocab_size: 11, max_positions: 9, type_vocab_size: 2 };
    let bert = TransformerDraft { input, ..bert.draft() }.check().unwrap();
    assert!(refused(&bert, 2).is_ok());
    assert!(refused(&bert, 0).is_err() && refused(&bert, 5).is_err());
    assert!(refused(&small(Architecture::Vit, Head::HiddenStates), 2).is_err());
}

#[test]
fn what_no_private_circuit_computes_is_refused_by_name() {
    let suite = Suite::built_in("faithful").unwrap().model(Registry::built_in()).unwrap();
    for (activation, head, what) in [
        (Activation::Silu, Head::HiddenStates, "silu"),
        (Activation::QuickGelu, Head::HiddenStates, "quick_gelu"),
        (Activation::Gelu, Head::Pooling(Pooling::Max), "maximum"),
    ] {
        let config = TransformerDraft { activation, ..draft(Architecture::Bert, head) }.check().unwrap();
        let error = circuit(&config, &suite, query(&config, 1)).unwrap_err();
        assert!(matches!(error, BuildError::NotPrivate { .. }) && error.to_string().contains(what), "{error}");
    }
    let relu = TransformerDraft { activation: Activation::Relu, ..draft(Architecture::Bert, Head::HiddenStates) };
    let relu = relu.check().unwrap();
    assert!(circuit(&relu, &suite, query(&relu, 1)).is_ok());
}

#[test]
fn queries_that_a_model_cannot_take_are_refused() {
    let suite = Suite::built_in("faithful").unwrap().model(Registry::built_in()).unwrap();
    let refused = |architecture, tokens, batch| {
        circuit(&small(architecture, Head::HiddenStates), &suite, Query { tokens, batch }).unwrap_err()
    };
    assert_eq!(refused(Architecture::Bert, 10, 1), BuildError::Tokens { tokens: 10, most: 9 });
    assert_eq!(refused(Architecture::Roberta, 8, 1), BuildError::Tokens { tokens: 8, most: 7 });
    assert_eq!(refused(Architecture::Bert, 0, 1), BuildError::Tokens { tokens: 0, most: 9 });
    assert_eq!(refused(Architecture::Vit, 4, 1), BuildError::ImageTokens { tokens: 4, needed: 5 });
    assert_eq!(refused(Architecture::Bert, 5, 0), BuildError::Batch);
}

/// Numbers of an input, the same whenever it is asked for: of inverse deviation and mean that its name tells.
fn numbers(name: &str, count: usize) -> Vec<f64> {
    let seed = name.bytes().fold(7_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let wave = |i: usize| libm::sin((i as f64 + 0.37) * (1.0 + (seed % 1009) as f64 * 0.013));
    let (mean, size) =
        if name.ends_with("norm.weight") || name.ends_with("LayerNorm.weight") { (1.0, 0.4) } else { (0.1, 0.9) };
    (0..count).map(|i| mean + size * wave(i)).collect()
}

fn evaluated(circuit: &crate::circuit::CheckedCircuit) -> Vec<f64> {
    let count = |name: &str| {
        let named = |node: &&crate::circuit::Node| matches!(&node.op, Op::Input { name: other, .. } if other == name);
        circuit.nodes().iter().find(named).unwrap().shape.elements()
    };
    let input = |_: Owner, name: &str| Some(numbers(name, count(name)));
    circuit.evaluate(input).unwrap().outputs.remove(0).2
}

#[test]
fn a_folded_model_computes_what_it_does_unfolded() {
    let folding = Suite::built_in("frontier").unwrap().model(Registry::built_in()).unwrap();
    let mut whole = folding.clone();
    let without = |protocol: &std::sync::Arc<Protocol>| {
        Ok::<_, ()>(std::sync::Arc::new(Protocol { parts: None, ..Protocol::clone(protocol) }))
    };
    whole.protocols.replace(without).unwrap();
    let (mut models, mut worst) = (0, 0.0_f64);
    for architecture in Architecture::ALL {
        for head in heads(architecture) {
            for embedding in [Embedding::OneHot, Embedding::Client] {
                let config = small(architecture, head.clone());
                let [folded, whole] = [&folding, &whole].map(|protocols| {
                    let protocols = ModelProtocols { embedding, ..protocols.clone() };
                    circuit(&config, &protocols, query(&config, 2)).unwrap()
                });
                let (folded, whole) = (evaluated(&folded), evaluated(&whole));
                let size = whole.iter().fold(1.0, |size: f64, y| size.max(y.abs()));
                let error = folded.iter().zip(&whole).map(|(a, b)| (a - b).abs() / size).fold(0.0, f64::max);
                assert!(error < 1e-10, "{architecture} {:?} {embedding:?}: {error:e}", config.head);
                (models, worst) = (models + 1, worst.max(error));
            }
        }
    }
    println!("{models} models, worst {worst:e}");
    assert!(models > 150, "{models}");
}
