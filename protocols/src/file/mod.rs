//! Protocols from files: a text that reads like a paper's algorithm becomes an ordinary [`Protocol`].
//!
//! ```
//! use viewless_protocols::file::read_protocol;
//! use viewless_protocols::nonlinear::Registry;
//!
//! let text = r#"
//! protocol gelu/mine
//! summary  "the quadratic of MPCFormer"
//! source   "MPCFormer (arXiv 2211.01452) section 3"
//! interval [-10, 10]
//! error    10.501
//!
//! build x
//!   return ((x >> 3) + 0.25) * x + 0.5
//! "#;
//! let protocol = read_protocol("mine.protocol", text, Registry::built_in()).expect("it is well-formed");
//! let mut registry = Registry::default();
//! registry.insert(protocol).expect("the name is new");
//! assert!(registry.get("gelu/mine").is_some());
//! ```
//!
//! A file has a card (`protocol`, `summary`, `source`, `reading`, `interval`, `error`, `truth`, `known`, `fails`, `shape`) and a body of
//! assignments behind `build`. The body is carried out whenever the protocol is built, for whatever shape it is given: public numbers (the row
//! length `n` among them) are computed at once, operations on secrets become nodes of the circuit. A file is checked when it is read, by
//! building it once. `docs/protocol-files.md` is the manual.

mod apply;
mod build;
mod export;
mod header;
mod syntax;
mod tokens;

#[cfg(test)]
mod tests;

pub use export::{ExportError, export};

use crate::circuit::{Circuit, Owner, Secret};
use crate::nonlinear::{
    Build, Card, Failing, Function, Interval, Kind, LayerNormInputs, Mask, PerRow, Protocol, Registry, SoftmaxInputs,
    Truth,
};
use crate::plain::is_plain;
use crate::shape::Shape;
use build::{Body, Called, Value};
use std::collections::HashMap;
use std::sync::Arc;
use syntax::{Expr, Expression, File, Reader, Statement};
use thiserror::Error;

/// Largest file that is read, in bytes.
pub const MOST_BYTES: usize = 1 << 26;

/// A protocol file that cannot be used: where, and what to write.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{origin}:{line}:{column}: {message}")]
pub struct FileError {
    /// The file.
    pub origin: String,
    /// Line, from 1.
    pub line: usize,
    /// Character of the line, from 1.
    pub column: usize,
    /// What is wrong there, and what to write.
    pub message: String,
}

impl FileError {
    fn new(origin: &str, text: &str, at: usize, message: impl Into<String>) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Self { origin: origin.to_owned(), line, column, message: message.into() }
    }
}

/// A file that was read.
struct Source {
    origin: String,
    text: String,
    file: File,
    called: Called,
}

/// Reads a protocol from the text of a file; `origin` names the file in errors, and `registry` has the protocols that it may call.
///
/// # Errors
/// [`FileError`] names the place and says what to write.
pub fn read_protocol(origin: &str, text: &str, registry: &Registry) -> Result<Protocol, FileError> {
    let (source, function, truth) = read_source(origin, text, registry)?;
    let kind = Kind::of(&function);
    source.check(kind, truth == Truth::Max)?;
    let file = &source.file;
    let card = Card {
        name: file.name.node.clone(),
        function,
        summary: file.summary.clone(),
        source: file.source.clone(),
        reading: file.reading,
        interval: {
            let source = Arc::clone(&source);
            PerRow::of(move |row_length| {
                // A file's interval was computed once when it was read; where it cannot be for a row length, nothing is claimed.
                let (low, high) = source.interval(row_length).unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
                Interval { low, high, of: source.file.of.clone().into() }
            })
        },
        error: crate::nonlinear::ErrorClaim { absolute: file.absolute, relative: file.relative, truth },
        claims: Vec::new(),
        fails: file.fails.iter().map(|(quality, why)| Failing { quality: *quality, why: why.clone() }).collect(),
        known: file.known.clone(),
    };
    let file = registry.get(&card.name).is_some().then(|| origin.to_owned());
    Ok(Protocol { card, build: source.build(kind), parts: None, file, family: None })
}

/// Everything of a file that can be known before it is carried out: its parts, its function and what that is compared with.
fn read_source(origin: &str, text: &str, registry: &Registry) -> Result<(Arc<Source>, Function, Truth), FileError> {
    let fail = |at: usize, message: String| FileError::new(origin, text, at, message);
    if text.len() > MOST_BYTES {
        return Err(fail(0, format!("a file of {} bytes; write at most {MOST_BYTES}", text.len())));
    }
    // Lines of the file are quoted in reports.
    let is_space = |c: char| matches!(c, '\n' | '\r' | '\t');
    if let Some((at, c)) = text.char_indices().find(|&(_, c)| !(is_plain(c) || is_space(c))) {
        let message = format!("`{}` does not show as itself; leave it out", c.escape_unicode());
        return Err(fail(at, message));
    }
    let words = tokens::words(origin, text)?;
    let mut reader = Reader { origin, text, words, position: 0, depth: 0 };
    let file = header::file(&mut reader)?;
    let (before, variant) = file.name.node.split_once('/').unwrap_or((&file.name.node, ""));
    let function = Function::of(before).map_err(|error| fail(file.name.at, error.to_string()))?;
    if Function::of(variant).is_err() {
        let message = format!("`{variant}` is no variant; write letters, digits and single hyphens behind the `/`");
        return Err(fail(file.name.at, message));
    }
    let truth = header::truth(&function, file.truth.as_ref())
        .map_err(|(at, message)| fail(at.unwrap_or(file.name.at), message))?;
    if let Some(known) = registry.get(&file.name.node).filter(|known| known.card.error.truth != truth) {
        // Reports find what is known of a region by its name.
        let message = format!(
            "`{}` is a protocol of viewless with another exact function; write another name behind `{function}/`",
            known.card.name
        );
        return Err(fail(file.name.at, message));
    }
    let kind = Kind::of(&function);
    let needed: &[&str] = match kind {
        Kind::Map | Kind::Softmax => &["x"],
        Kind::LayerNorm => &["x", "gamma", "beta", "epsilon"],
    };
    if file.parameters.len() != needed.len() {
        let message = format!("`build` has {} names; write `build {}`", file.parameters.len(), needed.join(", "));
        return Err(fail(file.parameters[0].at, message));
    }
    let called = called(origin, text, &file, registry)?;
    let source = Arc::new(Source { origin: origin.to_owned(), text: text.to_owned(), file, called });
    Ok((source, function, truth))
}

/// A line of a protocol file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub number: usize,
    /// Its text, without the spaces at its ends.
    pub text: String,
}

/// The line of a file that makes a node of the circuit of its protocol, which stands alone as [`Protocol::build_alone`] builds it, with an
/// argument of `shape`. Of nested blocks it is the innermost line. Nothing for a node that no line makes, such as the input.
///
/// # Errors
/// Those of [`read_protocol`]; a body that cannot be carried out for the shape.
pub fn line_of_node(
    origin: &str,
    text: &str,
    registry: &Registry,
    shape: &[usize],
    node: usize,
) -> Result<Option<Line>, FileError> {
    let (source, function, _) = read_source(origin, text, registry)?;
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", shape);
    let given = given_alone(&mut c, x, Kind::of(&function));
    let first = c.nodes().len();
    let made = source.trace(&mut c, given)?.1;
    let Some(&(_, at)) = made.iter().find(|(nodes, _)| node < *nodes).filter(|_| node >= first) else {
        return Ok(None);
    };
    let number = FileError::new(origin, text, at, "").line;
    let line = text.lines().nth(number - 1).unwrap_or_default().trim().to_owned();
    Ok(Some(Line { number, text: line }))
}

/// What a protocol that stands alone is given: of a layer normalisation the weights are inputs, and BERT's epsilon is added.
fn given_alone(c: &mut Circuit, x: Secret, kind: Kind) -> Given {
    let row_length = c.row_length(x);
    match kind {
        Kind::Map | Kind::Softmax => Given { secrets: vec![x], epsilon: None, mask: None },
        Kind::LayerNorm => {
            let weights = ["gamma", "beta"].map(|name| c.input(Owner::Model, name, [row_length]));
            Given { secrets: [x].into_iter().chain(weights).collect(), epsilon: Some(1e-12), mask: None }
        }
    }
}

/// The protocols that a body calls.
fn called(origin: &str, text: &str, file: &File, registry: &Registry) -> Result<Called, FileError> {
    let mut called = HashMap::new();
    let mut names: Vec<(usize, String)> = Vec::new();
    statements(&file.body, &mut names);
    for (at, name) in names {
        let fail = |message: String| FileError::new(origin, text, at, message);
        let protocol = registry.protocol(&name).map_err(|error| fail(error.to_string()))?;
        if protocol.build.kind() == Kind::LayerNorm {
            return Err(fail(format!(
                "`{name}` needs gamma and beta; call a protocol of one argument, such as `rsqrt/normalized`"
            )));
        }
        called.insert(name, Arc::clone(protocol));
    }
    Ok(called)
}

fn statements(body: &[syntax::At<Statement>], names: &mut Vec<(usize, String)>) {
    for statement in body {
        match &statement.node {
            Statement::Let(_, value) | Statement::Return(value) => calls(value, names),
            Statement::Claim(value, interval, also) => {
                calls(value, names);
                interval
                    .iter()
                    .chain(also)
                    .for_each(|(low, high)| [low, high].into_iter().for_each(|end| calls(end, names)));
            }
            Statement::Repeat(times, inside) => {
                calls(times, names);
                statements(inside, names);
            }
            Statement::Region(_, inside) => statements(inside, names),
        }
    }
}

fn calls(value: &Expr, names: &mut Vec<(usize, String)>) {
    match &value.node {
        Expression::Number(_) | Expression::Name(_) => {}
        Expression::List(items) => items.iter().for_each(|item| calls(item, names)),
        Expression::Each { item, first, last, .. } => {
            [item, first, last].into_iter().for_each(|part| calls(part, names))
        }
        Expression::Element(a, b) | Expression::Binary(_, a, b) => {
            calls(a, names);
            calls(b, names);
        }
        Expression::Negative(inner) | Expression::Not(inner) => calls(inner, names),
        Expression::Apply { arguments, options, .. } => {
            arguments.iter().chain(options.iter().map(|(_, value)| value)).for_each(|argument| calls(argument, names));
        }
        Expression::Protocol { path, arguments } => {
            names.push((value.at, path.clone()));
            arguments.iter().for_each(|argument| calls(argument, names));
        }
    }
}

/// What a body is given.
struct Given {
    secrets: Vec<Secret>,
    epsilon: Option<f64>,
    mask: Option<Mask>,
}

impl Source {
    fn body(&self, row_length: usize) -> Body<'_> {
        let names = [("n", row_length as f64), ("pi", std::f64::consts::PI)];
        Body {
            origin: &self.origin,
            text: &self.text,
            called: &self.called,
            interval: (0.0, 0.0),
            names: names.map(|(name, number)| (name.to_owned(), Value::Number(number))).into(),
            mask: None,
            lines: 0,
            numbers: 0,
            made: Vec::new(),
        }
    }

    /// The card's interval for a row length.
    fn interval(&self, row_length: usize) -> Result<(f64, f64), FileError> {
        let mut body = self.body(row_length);
        let mut c = Circuit::new();
        let (low, high) = &self.file.interval;
        let ends = (body.number(&mut c, low)?, body.number(&mut c, high)?);
        if ends.0.is_finite() && ends.1.is_finite() && ends.0 < ends.1 {
            Ok(ends)
        } else {
            body.fail(
                low.at,
                format!("[{}, {}] is no interval; write two finite numbers, the smaller first", ends.0, ends.1),
            )
        }
    }

    /// Carries the body out.
    fn carry_out(&self, c: &mut Circuit, given: Given) -> Result<Secret, FileError> {
        self.trace(c, given).map(|(result, _)| result)
    }

    /// Carries the body out, and says of each statement how many nodes the circuit had behind it, and where it stands.
    fn trace(&self, c: &mut Circuit, given: Given) -> Result<(Secret, Vec<(usize, usize)>), FileError> {
        let x = given.secrets[0];
        if let Some(shape) = &self.file.shape
            && c.shape(x).axes() != shape
        {
            let message = format!(
                "this file is for arguments of shape {shape:?} alone, and is given {}; write or export one for that shape",
                c.shape(x)
            );
            return Err(FileError::new(&self.origin, &self.text, self.file.parameters[0].at, message));
        }
        let row_length = c.row_length(x);
        let mut body = self.body(row_length);
        body.interval = self.interval(row_length)?;
        body.mask = given.mask;
        let values = given.secrets.iter().copied().map(Value::Real).chain(given.epsilon.map(Value::Number));
        for (name, value) in self.file.parameters.iter().zip(values) {
            body.names.insert(name.node.clone(), value);
        }
        if given.mask.is_some() && !uses_mask(&self.file.body) {
            return body.fail(
                self.file.parameters[0].at,
                "this model gives a softmax a mask, which this file does not use; write `keep(...)` around the numerators before their sum, \
                 and `fill(x)` where the largest element is sought",
            );
        }
        if !claims(&self.file.body) {
            c.claim_domain(x, body.interval.0, body.interval.1);
        }
        match body.block(c, &self.file.body)? {
            Some(result) => Ok((result, body.made)),
            None => {
                body.fail(self.file.end, "the file ends without a result; write `return` and a secret in its last line")
            }
        }
    }

    /// Builds it once, with and without a mask, so that whoever wrote the file learns of every mistake at once.
    fn check(&self, kind: Kind, is_of_rows: bool) -> Result<(), FileError> {
        let mut c = Circuit::new();
        let shape = self.file.shape.clone().unwrap_or_else(|| vec![2, 8]);
        let x = c.input(Owner::Client, "x", shape.as_slice());
        let given = given_alone(&mut c, x, kind);
        let shape = c.shape(x).clone();
        let mut wanted = shape.axes().to_vec();
        if let (true, Some(row)) = (is_of_rows, wanted.last_mut()) {
            *row = 1;
        }
        let result = self.carry_out(&mut c, given)?;
        if c.shape(result).axes() != wanted {
            let of = if is_of_rows { "one number for each row, so of shape" } else { "the same shape," };
            let message = format!(
                "the result has shape {} for an argument of shape {shape}; write `return` and a secret of {of} {}",
                c.shape(result),
                Shape::from(&wanted[..])
            );
            return Err(FileError::new(&self.origin, &self.text, self.file.end, message));
        }
        c.reveal(result, "y");
        c.finish()
            .map(|_| ())
            .map_err(|error| FileError::new(&self.origin, &self.text, self.file.end, error.rule.to_string()))
    }

    /// The builder; a file that does not fit what it is given makes the circuit's own error.
    fn build(self: &Arc<Self>, kind: Kind) -> Build {
        let source = Arc::clone(self);
        let carry_out = move |c: &mut Circuit, given: Given| {
            let x = given.secrets[0];
            source.carry_out(c, given).unwrap_or_else(|error| {
                c.refuse(error.to_string());
                x
            })
        };
        match kind {
            Kind::Map => Build::map(move |c, x| carry_out(c, Given { secrets: vec![x], epsilon: None, mask: None })),
            Kind::Softmax => Build::softmax(move |c, SoftmaxInputs { x, mask }| {
                carry_out(c, Given { secrets: vec![x], epsilon: None, mask })
            }),
            Kind::LayerNorm => Build::layer_norm(move |c, LayerNormInputs { x, gamma, beta, epsilon }| {
                carry_out(c, Given { secrets: vec![x, gamma, beta], epsilon: Some(epsilon), mask: None })
            }),
        }
    }
}

/// Whether a body claims anything of its values; if not, the card's interval is claimed of the argument.
fn claims(body: &[syntax::At<Statement>]) -> bool {
    body.iter().any(|statement| match &statement.node {
        Statement::Claim(..) => true,
        Statement::Repeat(_, inside) | Statement::Region(_, inside) => claims(inside),
        Statement::Let(..) | Statement::Return(_) => false,
    })
}

/// Whether a body applies the mask of a softmax.
fn uses_mask(body: &[syntax::At<Statement>]) -> bool {
    body.iter().any(|statement| match &statement.node {
        Statement::Let(_, value) | Statement::Return(value) | Statement::Claim(value, ..) => applies_keep(value),
        Statement::Repeat(_, inside) | Statement::Region(_, inside) => uses_mask(inside),
    })
}

fn applies_keep(value: &Expr) -> bool {
    match &value.node {
        Expression::Number(_) | Expression::Name(_) => false,
        Expression::List(items) => items.iter().any(applies_keep),
        Expression::Each { item, .. } => applies_keep(item),
        Expression::Element(a, b) | Expression::Binary(_, a, b) => applies_keep(a) || applies_keep(b),
        Expression::Negative(inner) | Expression::Not(inner) => applies_keep(inner),
        Expression::Apply { function, arguments, options } => {
            function == "keep" || arguments.iter().chain(options.iter().map(|(_, value)| value)).any(applies_keep)
        }
        Expression::Protocol { path, arguments } => path.starts_with("softmax/") || arguments.iter().any(applies_keep),
    }
}
