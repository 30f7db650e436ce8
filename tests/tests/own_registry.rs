//! A registry is a value that a front end gives: the whole workbench runs on protocols of which viewless has never heard, and on them alone.

use std::path::PathBuf;
use viewless_models::synthetic::synthetic_weights;
use viewless_models::{Decision, Model};
use viewless_protocols::model::{BY_FUNCTION, Head, Input, TransformerConfig, TransformerDraft};
use viewless_protocols::nonlinear::{Function, Protocol, Registry};
use viewless_protocols::program::Schedule;
use viewless_protocols::scheme::Truncation;
use viewless_protocols::suite::{Suite, SuiteError};
use viewless_simulator::network::Network;
use viewless_simulator::stream::Seed;
use viewless_workbench::bill::{CostReport, Setting};
use viewless_workbench::card::CardReport;
use viewless_workbench::certificate::CertificateFile;
use viewless_workbench::comparison::SuiteComparison;
use viewless_workbench::draft::{Draft, DraftError, Request};
use viewless_workbench::error_audit::{ErrorAudit, question};
use viewless_workbench::failures::FailuresReport;
use viewless_workbench::inference::{Asking, InferenceError, Question, infer};
use viewless_workbench::named::{Named, what_is};
use viewless_workbench::plan::{Catalogue, PartiesFile, PlanRequest, Space, plan};
use viewless_workbench::proof::{Asked, Proof};
use viewless_workbench::variants::VariantComparison;
use viewless_workbench::{Sizes, Subject};

const FUNCTIONS: [(&str, &str); 3] =
    [("gelu/cosine", "gelu/mine"), ("softmax/exp", "softmax/mine"), ("layernorm/normalized-wide", "layernorm/mine")];

/// Three protocols under names that are nowhere else, and no other: whoever looks in the built-in registry finds none of them. What each
/// of them claims is its own, too: a card of another protocol would be seen.
fn registry() -> Registry {
    let mut registry = Registry::empty();
    for (like, name) in FUNCTIONS {
        let mut protocol = Protocol::clone(Registry::built_in().get(like).unwrap());
        protocol.card.name = name.to_owned();
        protocol.card.summary = format!("my own {name}");
        registry.insert(protocol).unwrap();
    }
    registry
}

fn suite() -> Suite {
    let mut suite = Suite::built_in("faithful").unwrap();
    suite.name = "mine".to_owned();
    let named = |(_, name): (&str, &str)| (Function::of(name.split('/').next().unwrap()).unwrap(), name.to_owned());
    suite.protocols = FUNCTIONS.map(named).into();
    suite
}

fn config() -> TransformerConfig {
    let input = Input::Text { vocab_size: 11, max_positions: 9, type_vocab_size: 2 };
    TransformerDraft {
        input,
        hidden_size: 8,
        layers: 1,
        heads: 2,
        intermediate_size: 12,
        layer_norm_epsilon: 1e-5,
        head: Head::MeanPooling,
        ..TransformerConfig::bert_base().draft()
    }
    .check()
    .unwrap()
}

fn model() -> Subject {
    Subject::of_model("small", config(), &registry())
}

fn sizes() -> Sizes {
    Sizes::new(4, 1).unwrap()
}

fn setting<'a>(suite: &'a Suite, network: &'a Network) -> Setting<'a> {
    Setting { suite, sizes: sizes(), schedule: Schedule::Asap, network, grouping: BY_FUNCTION }
}

#[test]
fn the_cards_are_those_of_the_registry_and_a_name_is_known_where_it_is_registered() {
    let names: Vec<String> = CardReport::all(&registry()).into_iter().map(|card| card.name).collect();
    assert_eq!(names, FUNCTIONS.map(|(_, name)| name));
    assert_eq!(what_is("gelu/mine", &registry()), Some(Named::Protocol));
    assert_eq!((what_is("gelu/mine", Registry::built_in()), what_is("gelu/cosine", &registry())), (None, None));
    assert!(Subject::find("gelu/mine", &registry()).is_ok() && Subject::find("gelu/cosine", &registry()).is_err());
}

#[test]
fn a_suite_means_the_protocols_of_the_registry_in_which_its_subject_was_found() {
    let stranger = Subject::of_model("small", config(), Registry::built_in());
    let error = stranger.program(&suite(), sizes()).unwrap_err().to_string();
    assert!(error.contains("`gelu/mine`") && error.contains("gelu/cosine"), "{error}");
    assert!(model().program(&suite(), sizes()).is_ok());
}

/// The suite of the protocols that the own ones are copies of, under the same name.
fn twin() -> Suite {
    let named = |(like, _): (&str, &str)| (Function::of(like.split('/').next().unwrap()).unwrap(), like.to_owned());
    let mut twin = suite();
    twin.protocols = FUNCTIONS.map(named).into();
    twin
}

#[test]
fn bills_and_failures_are_those_of_their_twins_in_the_built_in_registry() {
    let (own, twin, network) = (suite(), twin(), Network::lan());
    let stranger = Subject::of_model("small", config(), Registry::built_in());
    let cost = |subject: &Subject, suite: &Suite| CostReport::new(subject, &setting(suite, &network)).unwrap();
    assert_eq!(cost(&model(), &own).price(), cost(&stranger, &twin).price());
    // No alternative of ours is in the registry: that is a note, and no error.
    let mut local = own.clone();
    local.scheme.truncation = Truncation::Local;
    assert!(!cost(&model(), &own).alternatives.is_empty());
    // Outputs of softmax/mine are shares of one, as its card says; taken as 1 each they would fail more often.
    let failure = cost(&model(), &local).failure;
    assert!(failure.elements_of_shares > 0);
    let elements = |subject: &Subject, suite: &Suite| {
        FailuresReport::assumed(subject, std::slice::from_ref(suite), sizes(), 1e-6).unwrap().suites[0]
            .local
            .probability
    };
    assert_eq!(elements(&model(), &own), elements(&stranger, &twin));
}

#[test]
fn a_comparison_certifies_the_protocols_of_the_registry_and_not_their_namesakes() {
    let found = SuiteComparison::new(&model(), vec![suite()], sizes(), Schedule::Asap).unwrap();
    let certified = |report: &SuiteComparison, function: &str| {
        let mut functions = report.suites[0].functions.iter();
        functions.find(|entry| entry.function == function).unwrap().certified_max_error
    };
    assert!(["gelu", "softmax", "layernorm"].iter().all(|function| certified(&found, function).is_some()));
    // Quad under the name of a protocol of ours, whose error is a thousand times smaller.
    let mut impostor = Protocol::clone(Registry::built_in().get("gelu/quad").unwrap());
    impostor.card.name = "gelu/cosine".to_owned();
    let mut registry = registry();
    registry.insert(impostor).unwrap();
    let mut named = suite();
    named.protocols.insert(Function::GELU, "gelu/cosine".to_owned());
    let of = |registry: &Registry, suite: &Suite| {
        let subject = Subject::of_model("small", config(), registry);
        certified(&SuiteComparison::new(&subject, vec![suite.clone()], sizes(), Schedule::Asap).unwrap(), "gelu")
    };
    let (ours, theirs) = (of(Registry::built_in(), &twin()).unwrap(), of(&registry, &named).unwrap());
    assert!(theirs > 100.0 * ours, "{ours} {theirs}");
}

#[test]
fn a_protocol_of_the_registry_is_audited_proved_drafted_beside_and_compared() {
    let registry = registry();
    let subject = Subject::find_protocol("gelu/mine", &registry).unwrap();
    let suite = suite();
    let asked = question(subject.protocol().unwrap(), &suite);
    let audit = ErrorAudit::new(&viewless_proofs::audit::Question { samples: 1 << 8, ..asked }, 4).unwrap();
    assert!(audit.holds());
    let side_by_side: Vec<Subject> = ["gelu/mine"].map(|name| Subject::find_protocol(name, &registry).unwrap()).into();
    let variants = VariantComparison::new(&side_by_side, &suite, sizes(), Schedule::Asap).unwrap();
    assert!(variants.variants[0].certified_max_error.is_some());
    // A stored proof holds against the registry in which its subject stands, and cannot be checked against another.
    let proof = Proof::new(&subject, &suite, sizes(), 1, &Asked::Promised, &|_, _| {}).unwrap().certificates;
    let stored = CertificateFile::parse(&serde_json::to_string(&proof).unwrap()).unwrap();
    assert!(stored.check(None, &registry, 1e-12).unwrap().is_valid());
    assert!(stored.check(None, Registry::built_in(), 1e-12).is_err());
    // A name that is taken here is taken; one that is taken elsewhere is free.
    let draft = |name: &str| {
        let request = Request { name: name.to_owned(), degree: 4, pieces: 1, interval: None };
        Draft::new(&request, &Suite::built_in("faithful").unwrap(), &registry)
    };
    assert!(matches!(draft("gelu/mine"), Err(DraftError::Taken { .. })));
    assert_eq!(draft("gelu/cosine").unwrap().protocol, "gelu/cosine");
}

#[test]
fn a_plan_chooses_among_the_protocols_of_the_registry_alone() {
    let space = Space::of_words(&["exact".to_owned()], &[]).unwrap();
    let catalogue = Catalogue::new(&model(), &space, sizes(), &|_, _| {}).unwrap();
    let all = catalogue.entries.iter().flat_map(|entry| &entry.functions).flat_map(|choice| &choice.variants);
    assert!(all.clone().count() > 0 && all.clone().all(|variant| variant.protocol.ends_with("/mine")));
    let (network, parties) = (Network::lan(), PartiesFile::default());
    let request = PlanRequest { network, error_budget: 1.0, most_wraps: 1e-6, requests: 1, parties, rates: None };
    let found = plan(&model(), &catalogue, &request).unwrap();
    assert!(found.chosen.meets_budget && found.chosen.suite.protocols.values().all(|name| name.ends_with("/mine")));
    assert!(found.built_in.is_empty(), "no suite of ours can be resolved in this registry");
}

#[test]
fn a_private_run_takes_the_protocols_of_the_registry() {
    let config = config();
    let weights = synthetic_weights(&config, 12).unwrap();
    let (directory, decision) = (PathBuf::from("small"), Decision::OneLabel);
    let model = Model { directory, config, weights, tokenizer: None, decision, normalises: false, notes: Vec::new() };
    let run = |suite: &Suite, registry: &Registry| {
        let (network, asking) = (Network::lan(), Asking::Tokens(&[4, 9, 1]));
        let (seed, schedule, model) = (Seed::from_u64(1), Schedule::Asap, &model);
        infer(
            &Question {
                model,
                suite,
                registry,
                asking,
                seed,
                network: &network,
                schedule,
                certify: true,
                most_bytes: None,
            },
            None,
            None,
        )
    };
    let (own, twin) = (run(&suite(), &registry()).unwrap(), run(&twin(), Registry::built_in()).unwrap());
    assert!(own.doubts.is_empty() && own.other_functions.is_empty());
    // The same messages, word for word, and the same theorem.
    assert_eq!(own.transcript_digest, twin.transcript_digest);
    assert_eq!((own.certified_max_error, own.not_certified), (twin.certified_max_error, twin.not_certified));
    let unknown = run(&suite(), Registry::built_in()).unwrap_err();
    assert!(matches!(unknown, InferenceError::Suite(SuiteError::UnknownProtocol { .. })), "{unknown}");
}
