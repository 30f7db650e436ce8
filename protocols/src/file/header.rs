//! The card of a protocol file: everything above its `build` line.

use super::FileError;
use super::syntax::{At, Expr, File, Reader};
use super::tokens::Token;
use crate::nonlinear::{ARGUMENT, Function, Quality, Reading, Truth};

type Read<T> = Result<T, FileError>;

const LINES: &str = "summary, source, reading, interval, error, truth, known, fails, shape or build";

/// The whole file.
pub(super) fn file(reader: &mut Reader<'_>) -> Read<File> {
    reader.lines();
    if !reader.take_name("protocol") {
        return reader.expected("`protocol` and a name in the first line, as in `protocol gelu/mine`");
    }
    let at = reader.at();
    let Token::Path(name) = reader.next() else {
        return reader.fail(at, "write the protocol's name behind `protocol`, as in `protocol gelu/mine`");
    };
    let name = At { node: name, at };
    reader.end_of_line("`protocol`")?;
    let (mut summary, mut source, mut reading) = (None, None, Reading::Ours);
    let (mut interval, mut error, mut truth, mut shape) = (None::<((Expr, Expr), String)>, None, None, None);
    let (mut known, mut fails) = (Vec::new(), Vec::new());
    let parameters = loop {
        reader.lines();
        let line = reader.name(&format!("a line of the card: {LINES}"))?;
        match line.node.as_str() {
            "summary" => summary = Some(text(reader, "summary")?),
            "source" => source = Some(text(reader, "source")?),
            "known" => known.push(text(reader, "known")?),
            "reading" => reading = read_reading(reader)?,
            "interval" => {
                let ends = reader.interval()?;
                let of = if reader.take_name("of") { text(reader, "of")? } else { ARGUMENT.to_owned() };
                interval = Some((ends, of));
            }
            "error" => error = Some(read_error(reader)?),
            "truth" => {
                let name = reader.name("the exact function: exp, reciprocal, rsqrt, max, relu, leaky_relu, gelu, gelu_tanh, tanh, softmax, two_quad, two_relu or layernorm")?;
                let shift =
                    if matches!(reader.peek(), Token::Number(_)) { Some(number(reader, "truth")?) } else { None };
                truth = Some((name, shift));
            }
            "fails" => {
                let quality = read_quality(reader)?;
                fails.push((quality, text(reader, "the quality that it lacks")?));
            }
            "shape" => shape = Some(read_shape(reader)?),
            "build" => break parameters(reader)?,
            _ => return reader.fail(line.at, format!("`{}` is no line of a card; write {LINES}", line.node)),
        }
        reader.end_of_line(&format!("`{}`", line.node))?;
    };
    reader.end_of_line("`build`")?;
    let missing = |what: &str, example: &str| {
        FileError::new(
            reader.origin,
            reader.text,
            name.at,
            format!("the card has no {what}; add a line `{example}` above `build`"),
        )
    };
    let summary = summary.ok_or_else(|| missing("summary", "summary \"a quartic between 0 and x\""))?;
    let source = source.ok_or_else(|| missing("source", "source \"the paper, section 3\""))?;
    let (interval, of) = interval.ok_or_else(|| missing("interval", "interval [-8, 8]"))?;
    let (absolute, relative) = error.ok_or_else(|| missing("error claim", "error 0.01"))?;
    let body = reader.block(false)?;
    let end = reader.at();
    Ok(File {
        name,
        summary,
        source,
        reading,
        interval,
        of,
        absolute,
        relative,
        truth,
        known,
        fails,
        shape,
        parameters,
        body,
        end,
    })
}

fn text(reader: &mut Reader<'_>, after: &str) -> Read<String> {
    match reader.peek().clone() {
        Token::Text(text) => {
            reader.next();
            Ok(text)
        }
        _ => reader.expected(&format!("a text between quotation marks after `{after}`")),
    }
}

fn number(reader: &mut Reader<'_>, after: &str) -> Read<f64> {
    let negative = reader.take_sign("-");
    match *reader.peek() {
        Token::Number(number) => {
            reader.next();
            Ok(if negative { -number } else { number })
        }
        _ => reader.expected(&format!("a number after `{after}`")),
    }
}

/// `0.01`, `0.01 relative` or `0.01 + 0.001 relative`.
fn read_error(reader: &mut Reader<'_>) -> Read<(f64, f64)> {
    let at = reader.at();
    let first = number(reader, "error")?;
    let claimed = if reader.take_name("relative") {
        (0.0, first)
    } else if reader.take_sign("+") {
        let second = number(reader, "+")?;
        if !reader.take_name("relative") {
            return reader.expected("`relative` behind the second part of the error");
        }
        (first, second)
    } else {
        (first, 0.0)
    };
    let is_error = |error: f64| error.is_finite() && error >= 0.0;
    if is_error(claimed.0) && is_error(claimed.1) {
        Ok(claimed)
    } else {
        reader.fail(
            at,
            "an error is not negative; write the largest distance from the exact function, as in `error 0.01`",
        )
    }
}

fn read_reading(reader: &mut Reader<'_>) -> Read<Reading> {
    let write = "ours, printed, coded, benchmarked or corrected after `reading`";
    let name = reader.name(write)?;
    Ok(match name.node.as_str() {
        "ours" => Reading::Ours,
        "printed" => Reading::AsPrinted,
        "coded" => Reading::AsCoded,
        "benchmarked" => Reading::AsBenchmarked,
        "corrected" => Reading::Corrected,
        found => return reader.fail(name.at, format!("`{found}` is no reading; write {write}")),
    })
}

fn read_quality(reader: &mut Reader<'_>) -> Read<Quality> {
    let write = "right, private or cheap after `fails`";
    let name = reader.name(write)?;
    Ok(match name.node.as_str() {
        "right" => Quality::Right,
        "private" => Quality::Private,
        "cheap" => Quality::Cheap,
        found => return reader.fail(name.at, format!("`{found}` is no quality; write {write}")),
    })
}

fn read_shape(reader: &mut Reader<'_>) -> Read<Vec<usize>> {
    let at = reader.at();
    reader.sign("[", "the shape of the argument after `shape`, as in `[2, 8]`")?;
    let mut axes = Vec::new();
    loop {
        let axis = number(reader, "shape")?;
        if !(axis.fract() == 0.0 && (1.0..=1_048_576.0).contains(&axis)) {
            return reader.fail(at, "an axis of a shape is a whole number from 1 to 1048576, as in `shape [2, 8]`");
        }
        axes.push(axis as usize);
        if reader.take_sign("]") {
            return Ok(axes);
        }
        reader.sign(",", "`,` and another axis, or `]`")?;
    }
}

fn parameters(reader: &mut Reader<'_>) -> Read<Vec<At<String>>> {
    let mut names = vec![reader.name("the name of the argument after `build`, as in `build x`")?];
    while reader.take_sign(",") {
        names.push(reader.name("another argument behind `,`")?);
    }
    Ok(names)
}

/// The truth that a card names, or the usual one of its function.
pub(super) fn truth(
    function: &Function,
    named: Option<&(At<String>, Option<f64>)>,
) -> Result<Truth, (Option<usize>, String)> {
    let (name, shift, at) = match named {
        Some((name, shift)) => (name.node.as_str(), *shift, Some(name.at)),
        None => (function.name(), None, None),
    };
    Ok(match (name, shift) {
        ("exp", None) => Truth::Exp,
        ("reciprocal", None) => Truth::Reciprocal,
        ("rsqrt", None) => Truth::Rsqrt,
        ("max", None) => Truth::Max,
        ("relu", None) => Truth::Relu,
        ("leaky-relu" | "leaky_relu", None) => Truth::LeakyRelu,
        ("gelu", None) => Truth::Gelu,
        ("gelu_tanh", None) => Truth::GeluTanh,
        ("tanh", None) => Truth::Tanh,
        ("softmax", None) => Truth::Softmax,
        ("two_quad", Some(shift)) => Truth::TwoQuad { shift },
        ("two_relu", None) => Truth::TwoRelu,
        ("layernorm", None) => Truth::LayerNorm,
        ("two_quad", None) => {
            return Err((at, "two_quad needs the number that is added; write `truth two_quad 5`".to_owned()));
        }
        (known, Some(_)) => return Err((at, format!("`{known}` takes no number; write `truth {known}`"))),
        (other, None) => {
            return Err((
                at,
                format!(
                    "no exact function is known for `{other}`; write `truth` and one of exp, reciprocal, rsqrt, max, relu, leaky_relu, gelu, gelu_tanh, tanh, \
                     softmax, two_quad, two_relu, layernorm"
                ),
            ));
        }
    })
}
