//! No size of a configuration or of a query panics, wraps or is allocated unchecked: whatever the numbers, there is an answer or an error
//! that says what to change. (Tests are built with overflow checks: a product that wraps panics.)

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use std::cell::Cell;
use std::sync::Arc;
use viewless_protocols::model::architecture::EmbeddingLayout;
use viewless_protocols::model::{
    self, Activation, Architecture, AttentionWeights, BuildError, Head, Input, MOST_MASKED_TOKENS, Query,
    TransformerConfig, TransformerDraft, tensors,
};
use viewless_protocols::nonlinear::{Protocol, Registry};
use viewless_protocols::program::{Grouping, Schedule, bill};
use viewless_protocols::scheme::{self, CompileError, SchemeSpec};
use viewless_protocols::suite::Suite;
use viewless_tests::every_scheme;
use viewless_workbench::{Sizes, Subject, SubjectError};

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(20_251_127),
        failure_persistence: None,
        ..ProptestConfig::default()
    })
}

/// Sizes at which something changes: small ones, ends of what is admitted, and what a product of two does not hold.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        20 => 1usize..20,
        2 => prop::sample::select(vec![512, MOST_MASKED_TOKENS + 1, 1 << 16, (1 << 20) - 1, 1 << 20]),
        1 => prop::sample::select(vec![0, (1 << 20) + 1, 1 << 32, 1 << 33, usize::MAX / 2 + 1, usize::MAX]),
    ]
}

/// As [`size`], more often at an end.
fn end() -> impl Strategy<Value = usize> {
    prop_oneof![2 => size(), 1 => prop::sample::select(vec![1 << 16, (1 << 20) - 1, 1 << 20])]
}

/// Not many that can be built: each is built as often.
fn layers() -> impl Strategy<Value = usize> {
    prop_oneof![30 => 1usize..3, 1 => prop::sample::select(vec![0, model::MOST_LAYERS + 1, usize::MAX])]
}

fn text() -> impl Strategy<Value = Input> {
    (size(), size(), prop_oneof![4 => 1usize..3, 1 => size()]).prop_map(
        |(vocab_size, max_positions, type_vocab_size)| Input::Text { vocab_size, max_positions, type_vocab_size },
    )
}

fn image() -> impl Strategy<Value = Input> {
    (size(), prop_oneof![4 => 1usize..4, 1 => size()], size())
        .prop_map(|(image_size, patch_size, channels)| Input::Image { image_size, patch_size, channels })
}

fn head() -> impl Strategy<Value = Head> {
    let labels = || vec!["no".to_owned(), "yes".to_owned()];
    prop::sample::select(vec![
        Head::HiddenStates,
        Head::MeanPooling,
        Head::Pooler,
        Head::Classifier { labels: labels() },
        Head::NextToken,
        Head::NextTokenByOwnTable,
        Head::Pooling(model::Pooling::WeightedMean),
        Head::Pooling(model::Pooling::LastToken),
        Head::TokenClassifier { labels: labels() },
        Head::AnswerSpan,
        Head::MaskedWord,
    ])
}

/// Drafts of which most are of their architecture, and not all.
fn drafts() -> impl Strategy<Value = TransformerDraft> {
    let sizes = (layers(), size(), 1usize..9, size());
    let architecture = prop::sample::select(Architecture::ALL.to_vec());
    (architecture, (text(), image(), 0u8..10), sizes, 0usize..3, (head(), 0u8..10)).prop_map(
        |(
            architecture,
            (text, image, other),
            (layers, width, heads, intermediate_size),
            first_position,
            (head, bare),
        )| {
            let of_words = architecture.layout().embedding.is_of_words();
            let mut input = if of_words == (other > 0) { text } else { image };
            if let Input::Text { type_vocab_size, .. } = &mut input
                && matches!(architecture.layout().embedding, EmbeddingLayout::Words { types: None, .. })
            {
                *type_vocab_size = 0;
            }
            TransformerDraft {
                architecture,
                input,
                // Mostly a multiple of the number of heads.
                hidden_size: if width % 7 == 0 { width } else { (width / heads).max(1).saturating_mul(heads) },
                layers,
                heads,
                intermediate_size,
                layer_norm_epsilon: 1e-12,
                activation: Activation::Gelu,
                attention_weights: AttentionWeights::Softmax,
                first_position,
                padding_token: None,
                embedding_size: None,
                head: if bare < 5 { Head::HiddenStates } else { head },
            }
        },
    )
}

/// Compiles and counts; an error must be about the sizes.
fn count(circuit: &viewless_protocols::circuit::CheckedCircuit, spec: &SchemeSpec) -> Result<bool, TestCaseError> {
    match scheme::compile(circuit, spec, viewless_tests::FIXED) {
        Ok(program) => {
            let bill = bill(&program, Schedule::Asap, Grouping::Layer);
            prop_assert!(bill.phases.values().any(|phase| phase.bytes_total > 0));
            Ok(true)
        }
        // What a scheme emits is well-formed, whatever the sizes.
        Err(CompileError::Program(error)) => Err(TestCaseError::fail(error.to_string())),
        Err(_) => Ok(false),
    }
}

#[test]
fn any_sizes_of_a_model_and_of_a_query_give_a_bill_or_an_error() {
    let suite = Suite::built_in("faithful").unwrap().model(Registry::built_in()).unwrap();
    let (refused, unbuilt, counted) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let one_more = |counter: &Cell<u32>| counter.set(counter.get() + 1);
    let cases = (drafts(), size(), size(), any::<bool>(), prop::sample::select(every_scheme()));
    let result = runner(700).run(&cases, |(draft, tokens, batch, of_image, spec)| {
        let Ok(config) = draft.check() else {
            one_more(&refused);
            return Ok(());
        };
        for tensor in tensors(&config) {
            let elements = tensor.shape.iter().try_fold(1usize, |product, &axis| product.checked_mul(axis));
            prop_assert!(elements.is_some(), "{} of shape {:?}", tensor.name, tensor.shape);
        }
        let tokens = if of_image { config.image_tokens().unwrap_or(tokens) } else { tokens };
        match model::circuit(&config, &suite, Query { tokens, batch }) {
            Ok(circuit) => one_more(if count(&circuit, &spec)? { &counted } else { &unbuilt }),
            Err(error) => {
                prop_assert!(!error.to_string().is_empty());
                one_more(&unbuilt);
            }
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    println!("{} configurations refused, {} queries refused, {} counted", refused.get(), unbuilt.get(), counted.get());
    assert!(refused.get() > 50 && unbuilt.get() > 50 && counted.get() > 30);
}

#[test]
fn any_sizes_of_a_protocol_give_a_bill_or_an_error() {
    let protocols: Vec<Arc<Protocol>> = Registry::built_in().iter().cloned().collect();
    let suites: Vec<Suite> = Suite::names().map(|name| Suite::built_in(name).unwrap()).collect();
    let (refused, counted) = (Cell::new(0), Cell::new(0));
    let cases = (prop::sample::select(protocols), prop::sample::select(suites), end(), end());
    let result = runner(300).run(&cases, |(protocol, suite, seq, batch)| {
        let Ok(sizes) = Sizes::new(seq, batch) else {
            prop_assert!(seq == 0 || batch == 0 || seq.max(batch) > Sizes::LARGEST);
            return Ok(());
        };
        // Pairs of a long row, each on its own, are not a question of size but of patience.
        if protocol.card.name.starts_with("max/crypten") && seq > 1 << 12 {
            return Ok(());
        }
        match Subject::of_protocol(protocol, Registry::built_in()).program(&suite, sizes) {
            Ok(program) => {
                let bill = bill(&program, Schedule::AsWritten, Grouping::Region);
                prop_assert!(bill.phases.values().any(|phase| phase.bytes_total > 0));
                counted.set(counted.get() + 1);
            }
            Err(SubjectError::Compile(CompileError::Program(error))) => {
                return Err(TestCaseError::fail(error.to_string()));
            }
            Err(error) => {
                prop_assert!(!error.to_string().is_empty());
                refused.set(refused.get() + 1);
            }
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    println!("{} refused, {} counted", refused.get(), counted.get());
    assert!(refused.get() > 0 && counted.get() > 50);
}

#[test]
fn a_decoder_of_very_many_tokens_is_refused_before_its_mask_is_made() {
    let input = Input::Text { vocab_size: 9, max_positions: 1 << 20, type_vocab_size: 0 };
    let draft = TransformerDraft { input, layers: 1, ..TransformerConfig::gpt2().draft() };
    let subject = Subject::of_model("decoder", draft.check().unwrap(), Registry::built_in());
    let suite = Suite::built_in("faithful").unwrap();
    for tokens in [MOST_MASKED_TOKENS + 1, 1 << 20] {
        let refused = subject.circuit(&suite, Sizes::new(tokens, 1).unwrap()).unwrap_err();
        let SubjectError::Size { error, .. } = refused else { panic!("{refused}") };
        assert_eq!(*error, BuildError::Masked { tokens });
    }
}
