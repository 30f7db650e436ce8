//! Private runs of every architecture, small and with made-up weights, beside the plaintext pass.
//!
//! **How near they must be.** Two certified intervals, both theorems and no tolerance of ours:
//!
//! 1. [`Arithmetic::Ring`] over the model's circuit, with the inputs of the run: it contains every run that does not wrap,
//!    whatever the randomness. The private answer must lie in it.
//! 2. [`Arithmetic::Reals`] over the same circuit with a number of unknown value added to each element that a protocol
//!    gives, as large as the error that the protocol's card claims ([`claimed`]; for softmax, whose card speaks of rows of 512,
//!    [`worst_softmax`]): it contains the answer that the exact functions give, because each of them is the protocol's result
//!    plus such a number. The plaintext answer must lie in it.
//!
//! The distance between the two is at most the width of both together. The answer to another question must lie in neither:
//! otherwise the intervals would say nothing.

use ndarray::Array3;
use std::path::PathBuf;
use std::sync::Arc;
use viewless_models::{Model, Prompt, Weights};
use viewless_proofs::bound::{Arithmetic, Interpreter, Interval, Tape};
use viewless_protocols::circuit::{Circuit, Owner, Secret};
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::model::transformer::{ONE_HOT, PATCHES};
use viewless_protocols::model::{self, Activation, Architecture, Head, Input, ModelProtocols, Query, TransformerDraft};
use viewless_protocols::nonlinear::{Build, LayerNormInputs, Protocol, Registry, SoftmaxInputs, Truth};
use viewless_protocols::program::Schedule;
use viewless_protocols::suite::Suite;
use viewless_simulator::network::Network;
use viewless_simulator::stream::Seed;
use viewless_tests::small_models::{HIDDEN, every_model, small};
use viewless_workbench::inference::{Asking, ExecutionMode, InferenceError, InferenceReport, Question, infer};

fn suite() -> Suite {
    Suite::built_in("faithful").unwrap()
}

fn private(model: &Model, prompt: Prompt<'_>) -> InferenceReport {
    private_under(&suite(), model, prompt)
}

fn private_under(suite: &Suite, model: &Model, prompt: Prompt<'_>) -> InferenceReport {
    let network = Network::lan();
    let image = match prompt {
        Prompt::Tokens(_) | Prompt::Pair { .. } => Array3::zeros((0, 0, 0)),
        Prompt::Image(pixels) => pixels.to_owned(),
    };
    let question = Question {
        model,
        suite,
        registry: Registry::built_in(),
        asking: match prompt {
            Prompt::Tokens(tokens) | Prompt::Pair { tokens, .. } => Asking::Tokens(tokens),
            Prompt::Image(_) => Asking::Image { name: "a test", pixels: &image },
        },
        seed: Seed::from_u64(0),
        network: &network,
        schedule: Schedule::Asap,
        certify: false,
        execution: ExecutionMode::Explicit,
        most_bytes: None,
    };
    infer(&question, None, None).unwrap()
}

fn pixels() -> Array3<f32> {
    Array3::from_shape_fn((3, 4, 4), |(c, y, x)| (((7 * c + 3 * y + 5 * x) % 16) as f32 - 8.0) / 8.0)
}

/// The largest error of a protocol by its card, on numbers that are `largest` at most, against the function that the model has.
fn claimed(protocol: &Protocol, largest: f64, activation: Activation) -> f64 {
    // The largest difference of the two forms of GeLU is 4.73e-4.
    let form = match (protocol.card.error.truth, activation) {
        (Truth::Gelu, Activation::GeluTanh) | (Truth::GeluTanh, Activation::Gelu) => 4.8e-4,
        _ => 0.0,
    };
    protocol.card.error.absolute + protocol.card.error.relative * largest + form
}

/// y and a number of its own for each element, an input called `unknown.<size>.<node>`.
fn unknown(c: &mut Circuit, y: Secret, size: f64) -> Secret {
    let name = format!("unknown.{size}.{}", c.nodes().len());
    let shape = c.shape(y).clone();
    let number = c.input(Owner::Client, &name, shape);
    let number = c.precision(number, c.guard_bits(y));
    c.add(y, number)
}

const GELU: &str = "gelu/cosine";
const SOFTMAX: &str = "softmax/fourier";
const LAYERNORM: &str = "layernorm/normalized-wide";
const TANH: &str = "tanh/sine";

fn unknown_of(c: &mut Circuit, name: &str, y: Secret, largest: f64) -> Secret {
    // GPT-2's form is the worse of the two.
    unknown(c, y, claimed(Registry::built_in().get(name).unwrap(), largest, Activation::GeluTanh))
}

fn gelu(c: &mut Circuit, x: Secret) -> Secret {
    let y = Registry::built_in().get(GELU).unwrap().build(c, x);
    unknown_of(c, GELU, y, 0.0)
}

fn tanh(c: &mut Circuit, x: Secret) -> Secret {
    let y = Registry::built_in().get(TANH).unwrap().build(c, x);
    unknown_of(c, TANH, y, 1.0)
}

/// The largest error of `softmax/fourier` for rows of so many elements, from the claims of its parts: with exponentials off by e each, a row
/// sum S >= 1 is off by n e, and a share by (n + 1) e / (S - n e); the reciprocal adds its own, in proportion to a share below 1.
fn worst_softmax(elements: usize) -> f64 {
    let exponential = Registry::built_in().get("exp/fourier").unwrap().card.error.absolute;
    let reciprocal = Registry::built_in().get("reciprocal/normalized").unwrap().card.error.relative;
    let n = elements as f64;
    let largest = (n + 1.0) * exponential / (1.0 - n * exponential) + 1.01 * reciprocal;
    assert!(largest < Registry::built_in().get(SOFTMAX).unwrap().card.error.absolute);
    largest
}

/// Weights that take no part are zero in both.
fn softmax(c: &mut Circuit, inputs: SoftmaxInputs) -> Secret {
    let y = Registry::built_in().get(SOFTMAX).unwrap().build(c, inputs);
    let wrong = unknown(c, y, worst_softmax(c.row_length(y)));
    inputs.mask.map_or(wrong, |mask| mask.keep(c, wrong))
}

fn layernorm(c: &mut Circuit, inputs: LayerNormInputs) -> Secret {
    let y = Registry::built_in().get(LAYERNORM).unwrap().build(c, inputs);
    // A normalised number is at most sqrt(h) in size, and a scale of these models below 1.5.
    unknown_of(c, LAYERNORM, y, 1.5 * (HIDDEN as f64).sqrt())
}

/// The suite's protocols, or the same with unknown errors.
fn protocols(with_errors: bool) -> ModelProtocols {
    let mut model = suite().model(Registry::built_in()).unwrap();
    let names: Vec<&str> = model.protocols.iter().map(|protocol| protocol.card.name.as_str()).collect();
    assert_eq!(names, [GELU, LAYERNORM, SOFTMAX, TANH], "this test is about the suite's protocols");
    if !with_errors {
        return model;
    }
    let builds = [
        (GELU, Build::map(gelu)),
        (SOFTMAX, Build::softmax(softmax)),
        (LAYERNORM, Build::layer_norm(layernorm)),
        (TANH, Build::map(tanh)),
    ];
    for (name, build) in builds {
        let card = Registry::built_in().get(name).unwrap().card.clone();
        model.protocols.choose(Arc::new(Protocol { card, build, parts: None, file: None, family: None })).unwrap();
    }
    model
}

/// What every run, or the exact functions, can answer.
fn intervals(model: &Model, prompt: Prompt<'_>, arithmetic: Arithmetic) -> Vec<Interval> {
    let fixed = suite().fixed();
    let unit = power_of_two(i32::from(fixed.fraction_bits()));
    let query = Query { tokens: prompt.tokens(&model.config), batch: 1 };
    let circuit = model::circuit(&model.config, &protocols(arithmetic == Arithmetic::Reals), query).unwrap();
    let tape = Tape::new(&circuit, fixed).unwrap();
    let mut inputs = Vec::new();
    for input in &tape.inputs {
        if let Some(size) = input.name.strip_prefix("unknown.").and_then(|name| name.rsplit_once('.')) {
            let size = (size.0.parse::<f64>().unwrap() * unit).ceil();
            inputs.extend(vec![(-size, size); input.elements]);
            continue;
        }
        let values: Vec<f32> = match (&input.name[..], prompt) {
            (ONE_HOT, Prompt::Tokens(tokens)) => {
                tokens.iter().flat_map(|&token| (0..11).map(move |word| f32::from(u8::from(word == token)))).collect()
            }
            (PATCHES, prompt) => prompt.patches(&model.config).unwrap().into_iter().collect(),
            (name, _) => model.weights.get(name).unwrap().iter().copied().collect(),
        };
        // Weights, pixels and ones are multiples of 2^-9 at least: the run encodes them exactly.
        assert!(values.iter().all(|&x| (f64::from(x) * unit).fract() == 0.0), "{}", input.name);
        inputs.extend(values.into_iter().map(|x| (f64::from(x) * unit, f64::from(x) * unit)));
    }
    Interpreter::new(tape, arithmetic).unwrap().intervals(&inputs).expect("no number leaves the headroom")
}

#[test]
fn private_and_plaintext_answers_of_every_model_lie_in_certified_intervals() {
    let pixels = pixels();
    let truncation = suite().scheme.truncation;
    let mut models = 0;
    let mut vague = Vec::new();
    for model in every_model() {
        let prompt = match model.config.input {
            Input::Text { .. } => Prompt::Tokens(&[4, 9, 1]),
            Input::Image { .. } => Prompt::Image(pixels.view()),
        };
        let report = private(&model, prompt);
        let named = format!("{} {:?}", model.config.architecture, model.config.head);
        assert!(report.domain_violations.is_empty() && report.headroom_violations.is_empty(), "{named}: {report:?}");
        assert_eq!((report.wraps, report.wrap_probability), (0, 0.0));
        let runs = intervals(&model, prompt, Arithmetic::Ring(truncation));
        let exact = intervals(&model, prompt, Arithmetic::Reals);
        let width = |all: &[Interval]| all.iter().map(|one| one.high - one.low).fold(0.0, f64::max);
        println!(
            "{named}: error {:.1e}, runs within {:.1e}, exact within {:.1e}",
            report.max_abs_error,
            width(&runs),
            width(&exact)
        );
        assert_eq!(report.output.values().len(), runs.len());
        // The plaintext pass is in float32: sums of a few numbers of order 1 to 10.
        let float32 = 1e-5;
        for (i, (&private, &plain)) in report.output.values().iter().zip(report.plaintext.values()).enumerate() {
            assert!((runs[i].low..=runs[i].high).contains(&private), "{named} {i}: {private} is not in {:?}", runs[i]);
            assert!(
                (exact[i].low - float32..=exact[i].high + float32).contains(&plain),
                "{named} {i}: {plain} is not in {:?}",
                exact[i]
            );
        }
        let elsewhere = Array3::from_shape_fn((3, 4, 4), |(c, y, x)| if (c + y + x) % 2 == 0 { 1.0 } else { -1.0 });
        let another = match prompt {
            Prompt::Tokens(_) | Prompt::Pair { .. } => Prompt::Tokens(&[2, 3, 8]),
            Prompt::Image(_) => Prompt::Image(elsewhere.view()),
        };
        let another = model.forward(another).unwrap();
        let says_nothing = |intervals: &[Interval]| {
            let inside = |(x, one): (&f32, &Interval)| (one.low..=one.high).contains(&f64::from(*x));
            another.output.iter().zip(intervals).all(inside)
        };
        assert!(!says_nothing(&runs), "{named}: the intervals of runs say nothing");
        // ELECTRA normalises embeddings of four elements and then projects them: what is exact behind that is known to within 4 to 24, which
        // a classifier and steps behind a pooling cover whole. Intervals of runs are as narrow as elsewhere.
        if says_nothing(&exact) {
            vague.push(named);
        }
        models += 1;
    }
    assert!(vague.iter().all(|name| name.starts_with("electra ")) && vague.len() <= 2, "{vague:?}");
    assert_eq!(models, 5 + 5 + 4 + 4 + 5 + 5 + 5);
}

/// What a softmax in parts takes apart - masks, distances, the scale of queries - is put together again: of every model, private and plaintext
/// answers are alike, and every claim holds. A part that is wired wrongly moves an answer by as much as another question does; roundings of so
/// small rows move it by some tens of units of 2^-16: 25 at most were seen.
#[test]
fn every_model_is_answered_without_a_comparison() {
    const UNITS: f64 = 128.0;
    let suite = Suite::built_in("frontier").unwrap();
    let pixels = pixels();
    let mut worst: f64 = 0.0;
    for model in every_model() {
        let prompt = match model.config.input {
            Input::Text { .. } => Prompt::Tokens(&[4, 9, 1]),
            Input::Image { .. } => Prompt::Image(pixels.view()),
        };
        let report = private_under(&suite, &model, prompt);
        let name = format!("{} {:?}", model.config.architecture, model.config.head);
        println!("{name}: {} units", report.max_abs_error * 65536.0);
        assert!(report.max_abs_error <= UNITS / 65536.0, "{name}: {}", report.max_abs_error);
        assert!(report.headroom_violations.is_empty(), "{name}: {:?}", report.headroom_violations);
        assert!(report.domain_violations.is_empty(), "{name}: {:?}", report.domain_violations);
        worst = worst.max(report.max_abs_error);
    }
    assert!(worst > 0.0);
}

/// The masks of a run depend on the seed alone, and rows of a matrix are truncated each by itself: under causal attention not
/// a bit of an earlier token's state can depend on a later one.
#[test]
fn a_later_token_changes_no_bit_of_an_earlier_state_of_a_decoder_and_does_so_in_an_encoder() {
    for (architecture, causal) in [(Architecture::Gpt2, true), (Architecture::Distilbert, false)] {
        let model = small(architecture, Head::HiddenStates);
        let states = |tokens: &[u32]| private(&model, Prompt::Tokens(tokens)).output.values().to_vec();
        let (one, other) = (states(&[4, 9, 1, 7]), states(&[4, 9, 1, 2]));
        assert_eq!(one[..3 * HIDDEN] == other[..3 * HIDDEN], causal, "{architecture}");
        assert_ne!(one[3 * HIDDEN..], other[3 * HIDDEN..]);
    }
}

#[test]
fn a_run_that_does_not_fit_is_refused_before_it_begins_and_its_memory_is_as_reckoned() {
    let model = with_embeddings(Architecture::Bert, 1e-12, |_, _, number| number);
    let (suite, network) = (suite(), Network::lan());
    let ask = |most_bytes| {
        let (seed, schedule, asking) = (Seed::from_u64(1), Schedule::Asap, Asking::Tokens(&[4, 9, 1]));
        let registry = Registry::built_in();
        let (model, suite, network) = (&model, &suite, &network);
        infer(
            &Question {
                model,
                suite,
                registry,
                asking,
                seed,
                network,
                schedule,
                certify: false,
                execution: ExecutionMode::Explicit,
                most_bytes,
            },
            None,
            None,
        )
    };
    let needed = ask(None).unwrap().memory.held_bytes;
    assert!(ask(Some(needed)).is_ok());
    let Err(InferenceError::Memory { needed_bytes, most_bytes }) = ask(Some(needed - 1)) else {
        panic!("it does not fit")
    };
    assert_eq!((needed_bytes, most_bytes), (needed, needed - 1));
}

/// The private answer of `faithful` with another protocol of normalisation.
fn under(model: &Model, layernorm: &str, certify: bool) -> InferenceReport {
    let (mut suite, network) = (suite(), Network::lan());
    suite.protocols.insert(viewless_protocols::nonlinear::Function::LAYERNORM, layernorm.to_owned());
    let (seed, schedule, asking) = (Seed::from_u64(1), Schedule::Asap, Asking::Tokens(&[4, 9, 1]));
    infer(
        &Question {
            model,
            suite: &suite,
            registry: Registry::built_in(),
            asking,
            seed,
            network: &network,
            schedule,
            certify,
            execution: ExecutionMode::Explicit,
            most_bytes: None,
        },
        None,
        None,
    )
    .unwrap()
}

/// A small model with an epsilon, the numbers of its embeddings made by `change` of the table's name, the position and the number.
fn with_embeddings(
    architecture: Architecture,
    epsilon: f64,
    change: impl Fn(&str, (usize, usize), f32) -> f32,
) -> Model {
    let mut model = small(architecture, Head::HiddenStates);
    model.config = TransformerDraft { layer_norm_epsilon: epsilon, ..model.config.draft() }.check().unwrap();
    let is_table = |name: &str| name.starts_with("embeddings.") || name.starts_with('w');
    let changed = model.weights.iter().map(|(name, tensor)| {
        let mut tensor = tensor.to_owned();
        if is_table(name) && tensor.ndim() == 2 {
            tensor.indexed_iter_mut().for_each(|(at, x)| *x = change(name, (at[0], at[1]), *x));
        }
        (name.to_owned(), tensor)
    });
    let changed = changed.collect();
    model.weights = Weights::from_tensors(&PathBuf::from("small"), &model.config, changed).unwrap();
    model
}

/// What trained GPT-2 models have at the first position (arXiv 2402.17762): one channel of 3,000, a sum of squares of 9e6. And embeddings whose
/// sum of squares is below 1/64, under BERT's epsilon. The narrower protocol serves neither.
#[test]
fn a_massive_activation_and_embeddings_of_tiny_variance_are_served_within_what_is_certified() {
    let massive = with_embeddings(Architecture::Gpt2, 1e-5, |name, at, x| match (name, at) {
        ("wpe.weight", (0, 3)) => 3000.0,
        _ => x,
    });
    let tiny = with_embeddings(Architecture::Bert, 1e-12, |_, _, x| x / 64.0);
    for model in [massive, tiny] {
        let report = under(&model, LAYERNORM, true);
        println!("{:.1e} of {:?}", report.max_abs_error, report.certified_max_error);
        assert!(report.domain_violations.is_empty() && report.headroom_violations.is_empty(), "{report:?}");
        assert!(report.doubts.is_empty(), "{:?}", report.doubts);
        let certified = report.certified_max_error.unwrap_or_else(|| panic!("{:?}", report.not_certified));
        assert!(report.max_abs_error <= certified, "{} {certified}", report.max_abs_error);
        assert!(!under(&model, "layernorm/normalized", false).domain_violations.is_empty());
    }
}

#[test]
fn rows_of_variance_zero_are_right_and_no_reason_to_complain() {
    let model = with_embeddings(Architecture::Bert, 1e-12, |_, _, _| 0.25);
    let report = under(&model, LAYERNORM, false);
    assert!(report.domain_violations.is_empty() && report.headroom_violations.is_empty(), "{report:?}");
    assert!(report.max_abs_error < 1e-3, "{}", report.max_abs_error);
    assert!(!under(&model, "layernorm/normalized", false).domain_violations.is_empty());
}
