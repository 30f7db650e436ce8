//! How far a private answer can be from the model's own, for the given text, as a theorem: intervals through the whole model.
//!
//! 1. Over the ring ([`Arithmetic::Ring`]) the circuit of the model, on what the parties put in, gives an interval of each number of the answer:
//!    it contains every run that does not wrap, whatever the randomness.
//! 2. Over the reals the same circuit, in which a number of unknown value is added to each element that a protocol gives, as large as the error
//!    that the protocol's card claims: its intervals contain the answer of the exact functions, because each of them is the protocol's result plus
//!    such a number. A card claims that on a domain: every argument is held to it, by its interval.
//!
//! No run errs by more than the two intervals of a number are apart at their far ends. Where an interval leaves a domain or the headroom, where a
//! card's claim is relative to something that has no bound, or where there are too many numbers, nothing is certified, and why is said.

use crate::judgement::other_functions;
use crate::model_inputs::ModelInputs;
use std::sync::Arc;
use viewless_models::{Model, Prompt};
use viewless_proofs::bound::{Arithmetic, BoundError, Interpreter, Interval, Tape};
use viewless_protocols::circuit::{Apart, CheckedCircuit, Circuit, DomainClaim, Kind, NodeId, Owner, Secret};
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::model::{self, Activation, ModelProtocols, Query};
use viewless_protocols::nonlinear::{Build, Function, LayerNormInputs, Protocol, SoftmaxInputs, Truth};
use viewless_protocols::party::Party;
use viewless_protocols::scheme::Truncation;
use viewless_protocols::shape::Shape;
use viewless_protocols::suite::Suite;
use viewless_simulator::execute::{Inputs, Reals};

/// Numbers of a circuit that are followed; more take minutes and are not bounded usefully, because intervals grow from layer to layer.
pub const MOST_NUMBERS: usize = 1 << 19;

/// The largest difference of the two forms of GeLU is 4.73e-4.
const FORMS_OF_GELU: f64 = 4.8e-4;

/// How the inputs of unknown value are called: this, the size and a number.
const UNKNOWN: &str = "unknown.";
/// How the arguments of protocols are called.
const ARGUMENT: &str = "argument.";

/// What is certified of the answer to a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Certified {
    /// No run that does not wrap errs by more, in any number of the answer.
    MaxError(f64),
    /// Nothing, and why.
    Nothing(String),
}

/// Bounds the error of every run of a model on a text or picture; `protocols` are those that the suite names.
#[must_use]
pub fn certify<'a>(model: &'a Model, suite: &'a Suite, protocols: &'a ModelProtocols, prompt: Prompt<'a>) -> Certified {
    match other_functions(&model.config, &protocols.protocols) {
        Ok(others) if others.is_empty() => {}
        Ok(others) => return Certified::Nothing(others.join("; ")),
        Err(error) => return Certified::Nothing(error.to_string()),
    }
    if suite.scheme.truncation == Truncation::Narrowing {
        let why = "the suite narrows rings, and bounds of whole models do not follow how wide each value is held; choose truncation = \"exact\" for one";
        return Certified::Nothing(why.to_owned());
    }
    let bounds = |arithmetic| Bounds { model, suite, protocols, prompt, arithmetic }.intervals();
    let ring = Arithmetic::Ring(suite.scheme.truncation);
    let (runs, exact) = rayon::join(|| bounds(ring), || bounds(Arithmetic::Reals));
    match (runs, exact) {
        (Ok(runs), Ok(exact)) => {
            let apart = |(run, exact): (&Interval, &Interval)| (run.high - exact.low).max(exact.high - run.low);
            // What the ends lose in f64.
            let slack = 1.0 + 8.0 * f64::EPSILON;
            Certified::MaxError(runs.iter().zip(&exact).map(apart).fold(0.0, f64::max) * slack)
        }
        (Err(why), _) | (_, Err(why)) => Certified::Nothing(why),
    }
}

/// What is bounded, and in which arithmetic.
struct Bounds<'a> {
    model: &'a Model,
    suite: &'a Suite,
    protocols: &'a ModelProtocols,
    prompt: Prompt<'a>,
    arithmetic: Arithmetic,
}

impl Bounds<'_> {
    /// An interval of each number of the answer, or why there is none.
    fn intervals(&self) -> Result<Vec<Interval>, String> {
        let circuit = self.circuit()?;
        let numbers: usize = circuit.nodes().iter().map(|node| node.shape.elements()).sum();
        if numbers > MOST_NUMBERS {
            return Err(format!(
                "the circuit has {numbers} numbers, and {MOST_NUMBERS} at most are followed; ask a shorter text or a smaller model"
            ));
        }
        let (circuit, claims) = with_arguments(&circuit)?;
        let tape = Tape::new(&circuit, self.suite.fixed()).map_err(|error| error.to_string())?;
        let inputs = self.inputs(&tape)?;
        let sizes: Vec<(String, usize)> =
            tape.outputs.iter().map(|output| (output.name.clone(), output.registers.len())).collect();
        let interpreter = Interpreter::new(tape, self.arithmetic).map_err(|error: BoundError| error.to_string())?;
        let found = interpreter.intervals(&inputs);
        let found = found.ok_or("a number may leave the headroom of the ring, as far as intervals can tell")?;
        let mut rest = &found[..];
        let mut answer = Vec::new();
        for (name, size) in sizes {
            let (these, others) = rest.split_at(size);
            rest = others;
            let Some(claim) = name.strip_prefix(ARGUMENT).and_then(|i| claims.get(i.parse::<usize>().ok()?)) else {
                answer.extend_from_slice(these);
                continue;
            };
            let region = circuit.regions().path(claim.region);
            let is_of_softmax = region.contains("softmax/");
            let is_left = |interval: &&Interval| !is_claimed(claim, is_of_softmax, interval, self.arithmetic);
            if let Some(leaves) = these.iter().find(is_left) {
                return Err(format!(
                    "at {region} an argument is only known to be in [{:.4}, {:.4}], which leaves the domain [{}, {}]",
                    leaves.low, leaves.high, claim.low, claim.high
                ));
            }
        }
        Ok(answer)
    }

    fn circuit(&self) -> Result<CheckedCircuit, String> {
        let Self { model, prompt, arithmetic, .. } = *self;
        let mut protocols = self.protocols.clone();
        if arithmetic == Arithmetic::Reals {
            with_unknown_errors(model, &mut protocols)?;
        }
        let query = Query { tokens: prompt.tokens(&model.config), batch: 1 };
        let built = match prompt {
            Prompt::Pair { second, .. } => model::circuit_of_pair(&model.config, &protocols, query, second),
            Prompt::Tokens(_) | Prompt::Image(_) => model::circuit(&model.config, &protocols, query),
        };
        built.map_err(|error| error.to_string())
    }

    /// Both ends of each input element, in units.
    fn inputs(&self, tape: &Tape) -> Result<Vec<(f64, f64)>, String> {
        let Self { model, suite, prompt, arithmetic, .. } = *self;
        let unit = power_of_two(i32::from(suite.fixed().fraction_bits()));
        let given = ModelInputs { model, prompt };
        let mut inputs = Vec::new();
        for input in &tape.inputs {
            let size = input.name.strip_prefix(UNKNOWN).and_then(|name| name.rsplit_once('.'));
            if let Some(size) = size.and_then(|(size, _)| size.parse::<f64>().ok()) {
                inputs.extend(vec![(-size * unit, size * unit); input.elements]);
                continue;
            }
            // Whose an input is and its shape were checked when the circuit was built.
            let values = given.input(Party::Client, &input.name, &Shape::from([input.elements]));
            let values: Vec<f64> = match values {
                Some(Reals::F32(values)) => values.iter().map(|&x| f64::from(x)).collect(),
                Some(Reals::F64(values)) => values.to_vec(),
                None => return Err(format!("there is no input `{}`", input.name)),
            };
            let encoded = |x: f64| match arithmetic {
                Arithmetic::Ring(_) => (x * unit).round(),
                Arithmetic::Reals => x * unit,
            };
            inputs.extend(values.into_iter().map(|x| (encoded(x), encoded(x))));
        }
        Ok(inputs)
    }
}

/// The circuit with every claimed argument as an output, and the claims in the order of their names.
fn with_arguments(circuit: &CheckedCircuit) -> Result<(CheckedCircuit, Vec<DomainClaim>), String> {
    let is_real = |claim: &&DomainClaim| circuit.nodes()[claim.value.index()].kind == Kind::Real;
    let claims: Vec<DomainClaim> = circuit.domains().iter().filter(is_real).copied().collect();
    let named = |(i, claim): (usize, &DomainClaim)| (claim.value, format!("{ARGUMENT}{i}"));
    let named: Vec<(NodeId, String)> = claims.iter().enumerate().map(named).collect();
    let circuit = circuit.revealing(&named).map_err(|error| error.to_string())?;
    Ok((circuit, claims))
}

/// Whether every number of an interval is one for which a claim is made.
fn is_claimed(claim: &DomainClaim, is_of_softmax: bool, interval: &Interval, arithmetic: Arithmetic) -> bool {
    // What a softmax claims up to 0 is an element less the largest of its row: never above 0, which intervals cannot know.
    let high = if is_of_softmax && claim.high == 0.0 { f64::INFINITY } else { claim.high };
    let inside = claim.low <= interval.low && interval.high <= high;
    // Over the reals the protocol is right for this very number, and nothing is known of what is beside it.
    let most = |also: Apart| match arithmetic {
        Arithmetic::Ring(_) => also.most,
        Arithmetic::Reals => also.at,
    };
    let is_apart = |also: Apart| also.at <= interval.low && interval.high <= most(also);
    inside || claim.also.is_some_and(is_apart)
}

/// Adds to what each protocol gives a number of unknown value, as large as its card allows.
fn with_unknown_errors(model: &Model, protocols: &mut ModelProtocols) -> Result<(), String> {
    let needed = model.config.functions();
    protocols.protocols.replace(|protocol| {
        if !needed.contains(&protocol.card.function) {
            return Ok(Arc::clone(protocol));
        }
        let size = largest_error(model, protocol)?;
        let inner = Arc::clone(protocol);
        let build = match &protocol.build {
            Build::Map(_) => Build::map(move |c, x| {
                let y = inner.build(c, x);
                unknown(c, y, size(c.row_length(y)))
            }),
            Build::Softmax(_) => Build::softmax(move |c, inputs: SoftmaxInputs| {
                let y = inner.build(c, inputs);
                let wrong = unknown(c, y, size(c.row_length(y)));
                // Weights that take no part are zero in both.
                inputs.mask.map_or(wrong, |mask| mask.keep(c, wrong))
            }),
            Build::LayerNorm(_) => Build::layer_norm(move |c, inputs: LayerNormInputs| {
                let y = inner.build(c, inputs);
                unknown(c, y, size(c.row_length(y)))
            }),
        };
        Ok(Arc::new(Protocol { build, parts: None, family: None, ..Protocol::clone(protocol) }))
    })
}

/// The largest error of a protocol by its card, for rows of a length, against the function that the model has.
fn largest_error(model: &Model, protocol: &Protocol) -> Result<impl Fn(usize) -> f64 + Send + Sync + use<>, String> {
    let card = &protocol.card;
    let is_other_form = |activation: &Activation| {
        matches!(
            (card.error.truth, activation),
            (Truth::Gelu, Activation::GeluTanh) | (Truth::GeluTanh, Activation::Gelu)
        )
    };
    let activations = model.config.activations();
    let is_gelu = card.function == Function::GELU;
    if is_gelu && activations.contains(&Activation::Quad) && activations.iter().any(|&own| own != Activation::Quad) {
        return Err("the model has two activations, and its suite one protocol for both".to_owned());
    }
    if is_gelu && activations.contains(&Activation::Quad) {
        // The protocol is the model's own function, of which its card does not speak: the suite was held to that before.
        return Ok(errors(0.0, 0.0, card.error.truth, 0.0));
    }
    let form = if is_gelu && activations.iter().any(is_other_form) { FORMS_OF_GELU } else { 0.0 };
    // Largest |gamma|: scales of layer normalisations are the model's only weights with one axis that are no biases.
    let scales = || model.weights.iter().filter(|(name, tensor)| tensor.ndim() == 1 && name.ends_with("weight"));
    let largest = |most: f64, &x: &f32| most.max(f64::from(x).abs());
    let gamma = scales().fold(0.0, |most: f64, (_, tensor)| tensor.iter().fold(most, largest));
    let (absolute, relative, truth) = (card.error.absolute + form, card.error.relative, card.error.truth);
    let is_bounded =
        matches!(truth, Truth::Softmax | Truth::TwoQuad { .. } | Truth::TwoRelu | Truth::Tanh | Truth::LayerNorm);
    if relative > 0.0 && !is_bounded {
        return Err(format!("the card of {} claims an error in proportion to a number without bound", card.name));
    }
    Ok(errors(absolute, relative, truth, gamma))
}

/// By the length of a row.
fn errors(absolute: f64, relative: f64, truth: Truth, gamma: f64) -> impl Fn(usize) -> f64 + Send + Sync + use<> {
    move |length: usize| match truth {
        // A normalised number is at most sqrt(n - 1) in size.
        Truth::LayerNorm => (absolute + relative * (length as f64).sqrt()) * gamma,
        _ => absolute + relative,
    }
}

/// y and a number of its own for each element.
fn unknown(c: &mut Circuit, y: Secret, size: f64) -> Secret {
    let name = format!("{UNKNOWN}{size}.{}", c.nodes().len());
    let shape = c.shape(y).clone();
    let number = c.input(Owner::Client, &name, shape);
    let number = c.precision(number, c.guard_bits(y));
    c.add(y, number)
}
