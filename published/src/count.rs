//! Counting a configuration.

use crate::table::{Configuration, PublishedError, Subject};
use crate::variant::{Pieces, Variant};
use std::sync::Arc;
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Owner, Secret};
use viewless_protocols::model::Query;
use viewless_protocols::model::{self, TransformerDraft};
use viewless_protocols::nonlinear::{Function, Protocol, Registry};
use viewless_protocols::program::Bill;
use viewless_protocols::program::{Phase, Program, Schedule};
use viewless_protocols::region::Regions;
use viewless_protocols::scheme;
use viewless_protocols::suite::Suite;

/// Region of what is counted, where it is no model.
const SUBJECT: &str = "subject";
/// Added to the variance where a layer normalisation stands alone, as in BERT.
const EPSILON: f64 = 1e-12;

/// What was counted of a configuration.
#[derive(Debug, Clone)]
pub(crate) enum Counted {
    /// Of a model, by function.
    Model(Bill),
    /// Of a protocol or an operation.
    Part {
        /// Bits between the computing parties, in all phases.
        bits: u64,
        /// Online rounds.
        rounds: u32,
        /// Elements of its argument.
        elements: usize,
    },
}

/// Counts a configuration; `name` stands in errors.
pub(crate) fn count(name: &str, configuration: &Configuration) -> Result<Counted, PublishedError> {
    let suite = suite(configuration)?;
    let refuse = |what: String| PublishedError::Configuration { name: name.to_owned(), what };
    match &configuration.subject {
        Subject::Model { name, tokens, intermediate_size } => {
            let config = model::known(name).ok_or_else(|| refuse(format!("there is no model `{name}`")))?;
            let intermediate_size = intermediate_size.unwrap_or(config.intermediate_size);
            let config = TransformerDraft { intermediate_size, ..config.draft() }.check();
            let config = config.map_err(|error| refuse(error.to_string()))?;
            let circuit =
                model::circuit(&config, &suite.model(Registry::built_in())?, Query { tokens: *tokens, batch: 1 })?;
            let program = compile(&circuit, &suite)?;
            Ok(Counted::Model(viewless_protocols::program::bill(
                &program,
                Schedule::AsWritten,
                viewless_protocols::model::BY_FUNCTION,
            )))
        }
        Subject::Protocol { name, rows, row_length } => {
            let built = Built::named(name).map_err(refuse)?;
            let circuit = part(&[*rows, *row_length], |c, x, _| built.on(c, x))?;
            Ok(count_part(&compile(&circuit, &suite)?, rows * row_length))
        }
        Subject::Product { protocol: name, side } => {
            let built = Built::named(name).map_err(refuse)?;
            let circuit = part(&[*side, *side], |c, x, y| {
                let y = built.on(c, y);
                c.mul(x, y)
            })?;
            Ok(count_part(&compile(&circuit, &suite)?, side * side))
        }
        Subject::Operation { name, side } => {
            let circuit = part(&[*side, *side], |c, x, y| name.build(c, x, y))?;
            Ok(count_part(&compile(&circuit, &suite)?, side * side))
        }
    }
}

/// A protocol by its name.
pub(crate) fn protocol(name: &str) -> Result<&'static Protocol, String> {
    Registry::built_in().protocol(name).map(Arc::as_ref).map_err(|error| error.to_string())
}

/// What a subject's name stands for.
enum Built {
    /// A protocol of the registry.
    Registered(&'static Protocol),
    /// One that explains printed numbers, with the registry's protocols that it is made of.
    Variant { variant: Variant, maximum: &'static Protocol, inverse_root: &'static Protocol },
}

impl Built {
    fn named(name: &str) -> Result<Self, String> {
        Ok(match Variant::named(name) {
            Some(variant) => {
                let (maximum, inverse_root) = (protocol("max/crypten")?, protocol("rsqrt/newton-8")?);
                Self::Variant { variant, maximum, inverse_root }
            }
            None => Self::Registered(protocol(name)?),
        })
    }

    fn on(&self, c: &mut Circuit, x: Secret) -> Secret {
        match self {
            Self::Registered(protocol) => protocol.build_alone(c, x, EPSILON),
            Self::Variant { variant, maximum, inverse_root } => variant.build(c, x, &Pieces { maximum, inverse_root }),
        }
    }
}

/// The suite with the protocols that the configuration puts in place of its own.
fn suite(configuration: &Configuration) -> Result<Suite, PublishedError> {
    let mut suite = Suite::built_in(&configuration.suite)?;
    for (function, other) in [
        (Function::GELU, &configuration.gelu),
        (Function::SOFTMAX, &configuration.softmax),
        (Function::LAYERNORM, &configuration.layernorm),
    ] {
        if let Some(other) = other {
            suite.choose(function, other.clone());
        }
    }
    Ok(suite)
}

fn compile(circuit: &CheckedCircuit, suite: &Suite) -> Result<Program, PublishedError> {
    Ok(scheme::compile(circuit, &suite.scheme, suite.fixed())?)
}

/// A circuit that applies `build` to two secrets that were computed, as they are inside a model.
fn part(
    shape: &[usize],
    build: impl FnOnce(&mut Circuit, Secret, Secret) -> Secret,
) -> Result<CheckedCircuit, PublishedError> {
    let mut c = Circuit::new();
    let [x, y] = ["x", "y"].map(|name| c.input(Owner::Client, name, shape));
    let [x, y] = [x, y].map(|x| c.square(x));
    let result = c.region(SUBJECT, |c| build(c, x, y));
    c.reveal(result, "result");
    Ok(c.finish()?)
}

fn count_part(program: &Program, elements: usize) -> Counted {
    let inside: Vec<bool> = program
        .regions
        .ids()
        .map(|region| {
            let path = program.regions.path(region);
            path == SUBJECT || path.starts_with(&format!("{SUBJECT}/"))
        })
        .collect();
    let timetable = viewless_protocols::program::timetable(program, Schedule::AsWritten);
    let messages = timetable.messages.iter();
    let bits = messages
        .filter(|message| inside[Regions::index(message.region)] && message.is_between_computing_parties())
        .map(|message| message.bits)
        .sum();
    let charged = timetable.charged[Phase::Online as usize].iter();
    let rounds = charged.filter(|region| inside[Regions::index(**region)]).count() as u32;
    Counted::Part { bits, rounds, elements }
}
