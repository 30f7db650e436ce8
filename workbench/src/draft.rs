//! A first protocol file: a polynomial by pieces for a function of one number, with the best coefficients and a claim that was checked.
//!
//! What is written is meant to be read and changed: the argument is held within an interval by comparisons, moved to u between -1 and 1 (so
//! that powers stay small and rounding errors with them), and a polynomial in u has the coefficients of least largest error. With several
//! pieces the bits that tell them apart choose the coefficients, so there is one polynomial all the same.

use crate::error_audit::question;
use crate::subject::{Subject, SubjectError};
use serde::Serialize;
use std::fmt::Write;
use thiserror::Error;
use viewless_proofs::audit::{self, AuditError, ClaimVerdict, Question};
use viewless_protocols::decimal;
use viewless_protocols::nonlinear::minimax::{self, Polynomial};
use viewless_protocols::nonlinear::{Function, Registry};
use viewless_protocols::suite::Suite;

/// What a first file is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The protocol's name: the function, a slash, the variant.
    pub name: String,
    /// Degree of the polynomial.
    pub degree: usize,
    /// Pieces of equal length, each with coefficients of its own.
    pub pieces: usize,
    /// Where the polynomial is taken; the usual one of the function when `None`.
    pub interval: Option<(f64, f64)>,
}

impl Request {
    /// Degrees that are drafted.
    pub const DEGREES: std::ops::RangeInclusive<usize> = 1..=12;
    /// Numbers of pieces that are drafted.
    pub const PIECES: std::ops::RangeInclusive<usize> = 1..=16;
}

/// A file that was drafted, with what is known of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Draft {
    /// The protocol's name.
    pub protocol: String,
    /// The text of the file.
    pub text: String,
    /// The card's claim, over the reals: certified, rounded up.
    pub error: f64,
    /// Largest error of any run that does not wrap, on any input of the card's interval, at the suite's fixed point.
    pub certified_max_error: f64,
    /// The card's interval.
    pub interval: (f64, f64),
}

/// A file that cannot be drafted.
#[derive(Debug, Error)]
pub enum DraftError {
    /// Not a function and a variant.
    #[error(
        "`{name}` is no name of a protocol; write a function, a slash and a variant in lower-case letters, digits and hyphens: gelu/mine"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// The registry has a protocol of that name.
    #[error("there is a protocol `{name}` already; write another variant behind the slash")]
    Taken {
        /// The name.
        name: String,
    },
    /// A function for which there is no draft.
    #[error("no polynomial is drafted for {function}, but for {}; begin with a copy of another protocol: `viewless dump {example} --form file`", DRAFTED.join(", "))]
    Function {
        /// The function.
        function: String,
        /// A protocol of that function, or any.
        example: String,
    },
    /// An interval that does not go with the function.
    #[error("{function} is drafted on {needed}, at most {MOST_LENGTH} long, and not on [{low}, {high}]")]
    Interval {
        /// The function.
        function: String,
        /// What the interval must be.
        needed: &'static str,
        /// Its lower end.
        low: f64,
        /// Its upper end.
        high: f64,
    },
    /// A degree or number of pieces out of bounds.
    #[error("{what} is a whole number from {least} to {most}, and not {found}")]
    Count {
        /// What is counted.
        what: &'static str,
        /// The least.
        least: usize,
        /// The most.
        most: usize,
        /// The number asked for.
        found: usize,
    },
    /// A polynomial whose values leave the fixed point, or that is far from the function.
    #[error(
        "the polynomial of degree {degree} on {pieces} piece(s) does not pass its audit under suite {suite}: {why}; take a lower degree, more pieces or a shorter interval"
    )]
    Unusable {
        /// The degree.
        degree: usize,
        /// The pieces.
        pieces: usize,
        /// The suite.
        suite: String,
        /// What the audit says.
        why: String,
    },
    /// The audit.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The file that was drafted cannot be read: a defect.
    #[error("{0}; this is a defect of viewless, please report it")]
    Defect(SubjectError),
}

/// Functions for which there are drafts.
pub const DRAFTED: [&str; 5] = ["gelu", "tanh", "exp", "reciprocal", "rsqrt"];

/// The longest interval of a draft: beyond it the powers of a polynomial leave the word.
const MOST_LENGTH: f64 = 256.0;

/// How a function is held within the polynomial's interval.
struct Shape {
    /// What the polynomial is fitted to.
    fitted: fn(f64) -> f64,
    /// Where, unless another interval is asked for.
    usual: (f64, f64),
    /// What such an interval must be.
    needed: &'static str,
    is_fitting: fn(f64, f64) -> bool,
    /// The card's interval, where the function has an end beyond the polynomial's that is known.
    card: Option<(f64, f64)>,
}

fn shape_of(function: &str) -> Option<Shape> {
    let symmetric: fn(f64, f64) -> bool = |low, high| low == -high && high >= 0.5;
    let positive: fn(f64, f64) -> bool = |low, _| low > 0.0;
    let any: fn(f64, f64) -> bool = |_, _| true;
    let (fitted, usual, needed, is_fitting, card): (fn(f64) -> f64, _, _, _, _) = match function {
        "gelu" => {
            let even = |a: f64| a / 2.0 * libm::erf(a / std::f64::consts::SQRT_2);
            (even, (-4.0, 4.0), "[-L, L] with L at least 0.5", symmetric, Some((-128.0, 128.0)))
        }
        "tanh" => (libm::tanh, (-4.0, 4.0), "[-L, L] with L at least 0.5", symmetric, Some((-128.0, 128.0))),
        "exp" => (libm::exp, (-8.0, 0.0), "an interval", any, None),
        "reciprocal" => (|x| 1.0 / x, (1.0, 8.0), "an interval of positive numbers", positive, None),
        "rsqrt" => (|x| 1.0 / x.sqrt(), (1.0, 8.0), "an interval of positive numbers", positive, None),
        _ => return None,
    };
    Some(Shape { fitted, usual, needed, is_fitting, card })
}

impl Draft {
    /// Writes a first file under a name that the registry does not have, and certifies what it claims under a suite's scheme and fixed point.
    ///
    /// # Errors
    /// [`DraftError`] says what to ask for instead.
    pub fn new(request: &Request, suite: &Suite, registry: &Registry) -> Result<Self, DraftError> {
        let (function, shape) = checked(request, registry)?;
        let (low, high) = request.interval.unwrap_or(shape.usual);
        if !(low.is_finite()
            && high.is_finite()
            && low < high
            && high - low <= MOST_LENGTH
            && (shape.is_fitting)(low, high))
        {
            return Err(DraftError::Interval { function, needed: shape.needed, low, high });
        }
        let interval = shape.card.unwrap_or((low, high));
        // gelu is fitted by its even part, of |x|.
        let (first, last) = if function == "gelu" { (0.0, high) } else { (low, high) };
        let length = (last - first) / request.pieces as f64;
        let piece = |i: usize| first + length * i as f64;
        let pieces: Vec<Polynomial> =
            (0..request.pieces).map(|i| minimax::fit(shape.fitted, piece(i), piece(i + 1), request.degree)).collect();
        let body = body(&function, (low, high), &pieces);
        let text = |error: f64| card(request, interval, error) + &body;
        // First with any claim, to learn what the error is; then with that, and with a little more until the audit agrees.
        let seen = audited(&request.name, text(1.0), suite, registry)?;
        let unusable = |why: String| {
            let (degree, pieces, suite) = (request.degree, request.pieces, suite.name.clone());
            DraftError::Unusable { degree, pieces, suite, why }
        };
        let Some(certified_max_error) = seen.certified_max_error else {
            let at = seen.certified_at;
            return Err(unusable(format!("its numbers leave the headroom of the fixed point near x = {at}")));
        };
        for margin in [1.0, 1.01, 1.03, 1.1] {
            let error = rounded_up(seen.approximation_max_error * margin);
            let report = audited(&request.name, text(error), suite, registry)?;
            if report.verdict == ClaimVerdict::Holds {
                let protocol = request.name.clone();
                return Ok(Self { protocol, text: text(error), error, certified_max_error, interval });
            }
        }
        Err(unusable(format!("an error of {} is not confirmed", decimal::at_most(seen.approximation_max_error, 2))))
    }
}

/// The function and how it is drafted, of a request that can be met.
fn checked(request: &Request, registry: &Registry) -> Result<(String, Shape), DraftError> {
    let name = || DraftError::Name { name: request.name.clone() };
    let (function, variant) = request.name.split_once('/').ok_or_else(name)?;
    let known = Function::of(function).map_err(|_| name())?;
    Function::of(variant).map_err(|_| name())?;
    if registry.get(&request.name).is_some() {
        return Err(DraftError::Taken { name: request.name.clone() });
    }
    let count = |what, range: std::ops::RangeInclusive<usize>, found| {
        let (least, most) = (*range.start(), *range.end());
        if range.contains(&found) { Ok(()) } else { Err(DraftError::Count { what, least, most, found }) }
    };
    count("the degree", Request::DEGREES, request.degree)?;
    count("the number of pieces", Request::PIECES, request.pieces)?;
    let shape = shape_of(function).ok_or_else(|| {
        let example = registry.of(&known).next().map_or("softmax/fourier", |protocol| &protocol.card.name);
        DraftError::Function { function: function.to_owned(), example: example.to_owned() }
    })?;
    Ok((function.to_owned(), shape))
}

fn audited(name: &str, text: String, suite: &Suite, registry: &Registry) -> Result<audit::Report, DraftError> {
    let subject = Subject::of_text(&format!("{name}.protocol"), text, registry).map_err(DraftError::Defect)?;
    let protocol = subject.protocol().map_err(DraftError::Defect)?;
    // The certified part covers all inputs; some thousand runs are for the checks of runs.
    let question = Question { samples: 1 << 14, ..question(protocol, suite) };
    Ok(audit::audit(&question)?)
}

/// To two digits, upwards.
fn rounded_up(error: f64) -> f64 {
    // A function that is its own polynomial is missed by rounding alone.
    let error = error.max(1e-12);
    let digit = 10.0_f64.powi(error.log10().floor() as i32 - 1);
    let rounded = (error / digit).ceil() * digit;
    // The shortest decimal number of two digits, not that number and some dust.
    decimal::scientific(rounded, 1).parse().unwrap_or(rounded)
}

fn card(request: &Request, (low, high): (f64, f64), error: f64) -> String {
    let Request { name, degree, pieces, .. } = request;
    let of = if *pieces == 1 { "a polynomial".to_owned() } else { format!("{pieces} polynomials") };
    format!(
        "# A first draft by `viewless new`: change what you like, and ask `viewless assay` again.\n\
         protocol {name}\n\
         summary  \"{of} of degree {degree}, with the least largest error\"\n\
         source   \"drafted by viewless new, by Remez' exchange\"\n\
         interval [{low}, {high}]\n\
         error    {}\n\n",
        decimal::at_most(error, 1)
    )
}

/// A number for a reader: ten decimals say more than the fixed point holds.
fn number(x: f64) -> String {
    let text = format!("{x:.10}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// ` + x` or ` - x`; nothing for zero.
fn plus(x: f64) -> String {
    match number(x.abs()).as_str() {
        "0" => String::new(),
        size if x < 0.0 => format!(" - {size}"),
        size => format!(" + {size}"),
    }
}

fn body(function: &str, (low, high): (f64, f64), pieces: &[Polynomial]) -> String {
    let mut lines = "build x\n".to_owned();
    let mut line = |text: &str| {
        let _ = writeln!(lines, "  {text}");
    };
    match function {
        "gelu" => {
            line("a = abs(x)");
            line(&format!("# What |x| has beyond {high}; t is |x| up to there."));
            line(&format!("beyond = select(a > {high}, a{})", plus(-high)));
            line("t = a - beyond");
        }
        "tanh" => {
            line(&format!("# t is x, held within [{low}, {high}]."));
            line(&format!("t = x - select(x > {high}, x{}) - select(x < {low}, x{})", plus(-high), plus(-low)));
        }
        _ => line("t = x"),
    }
    let half = pieces[0].half;
    if let [only] = pieces {
        line("# u goes from -1 to 1.");
        line(&scaled("t", only.middle, half));
        let coefficients: Vec<String> = only.coefficients.iter().map(|&c| number(c)).collect();
        line(&format!("y = polynomial(u, [{}])", coefficients.join(", ")));
    } else {
        line("# One bit for each end of a piece; u goes from -1 to 1 within each piece.");
        let mut moved = "t".to_owned();
        for (i, piece) in pieces.iter().enumerate().skip(1) {
            line(&format!("b{i} = real(t > {})", number(piece.middle - half)));
            let _ = write!(moved, " - {} * b{i}", number(2.0 * half));
        }
        line(&scaled(&moved, pieces[0].middle, half));
        line("# The bits choose the coefficients of Horner's rule.");
        for k in (0..pieces[0].coefficients.len()).rev() {
            let mut sum = number(pieces[0].coefficients[k]);
            for (i, pair) in pieces.windows(2).enumerate() {
                let step = pair[1].coefficients[k] - pair[0].coefficients[k];
                let term = plus(step);
                if !term.is_empty() {
                    let _ = write!(sum, "{term} * b{}", i + 1);
                }
            }
            let is_first = k + 1 == pieces[0].coefficients.len();
            line(&if is_first { format!("y = {sum}") } else { format!("y = guard(y * u, 0) + ({sum})") });
        }
    }
    match function {
        "gelu" => {
            line("# x/2 and the even part of gelu, which is |x|/2 far out.");
            line("return (x >> 1) + guard(y, 1) + (beyond >> 1)");
        }
        _ => line("return guard(y, 0)"),
    }
    lines
}

/// The line that moves `t` to u: by the binary point alone where the half is a power of two.
fn scaled(t: &str, middle: f64, half: f64) -> String {
    let exponent = half.log2();
    let moved = if middle == 0.0 && !t.contains(' ') { t.to_owned() } else { format!("({t}{})", plus(-middle)) };
    if exponent.fract() == 0.0 && exponent.abs() <= 8.0 {
        let exponent = exponent as i32;
        match exponent {
            0 => format!("u = {}", moved.trim_start_matches('(').trim_end_matches(')')),
            1.. => format!("u = {moved} >> {exponent}"),
            _ => format!("u = {moved} << {}", -exponent),
        }
    } else {
        format!("u = {moved} * {}", number(1.0 / half))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assay::Assay;
    use crate::sizes::Sizes;
    use crate::statistics::Settings;

    fn request(name: &str) -> Request {
        Request { name: name.to_owned(), degree: 6, pieces: 1, interval: None }
    }

    fn draft(request: &Request) -> Result<Draft, DraftError> {
        Draft::new(request, &Suite::built_in("faithful").unwrap(), Registry::built_in())
    }

    /// Each was audited when it was drafted; the other verdicts are asked for once, the command line's tests ask for gelu's.
    #[test]
    fn every_function_has_a_draft_and_one_by_pieces_passes_its_assay_at_once() {
        for function in DRAFTED {
            for (degree, pieces) in [(6, 1), (3, 4)] {
                let request = Request { degree, pieces, ..request(&format!("{function}/mine")) };
                let draft = draft(&request).unwrap_or_else(|error| panic!("{function}: {error}"));
                assert!(draft.text.lines().count() < 40 && draft.error > 0.0, "{}", draft.text);
                assert!(
                    draft.certified_max_error < 2.0 * draft.error + 1e-2,
                    "{function}: {}",
                    draft.certified_max_error
                );
                if (function, pieces) == ("tanh", 4) {
                    let subject = Subject::of_text("mine.protocol", draft.text.clone(), Registry::built_in()).unwrap();
                    let (suite, sizes) = (Suite::built_in("faithful").unwrap(), Sizes::new(2, 1).unwrap());
                    let assay = Assay::new(&subject, &suite, sizes, Settings::with_runs(4), &|_, _| {}).unwrap();
                    assert!(assay.holds(), "{}", draft.text);
                }
            }
        }
    }

    #[test]
    fn a_higher_degree_and_more_pieces_err_less() {
        let error = |degree, pieces| draft(&Request { degree, pieces, ..request("gelu/mine") }).unwrap().error;
        assert!(error(6, 1) < 0.5 * error(3, 1) && error(3, 4) < 0.1 * error(3, 1));
    }

    #[test]
    fn what_cannot_be_drafted_is_refused_with_what_to_ask_for() {
        let refused = |request: &Request| draft(request).unwrap_err().to_string();
        for (name, says) in [
            ("gelu", "gelu/mine"),
            ("gelu/Mine", "lower-case"),
            ("gelu/bolt", "another variant"),
            ("softmax/mine", "dump softmax/"),
            ("swish/mine", "gelu, tanh, exp"),
        ] {
            assert!(refused(&request(name)).contains(says), "{name}: {}", refused(&request(name)));
        }
        let with = |interval| Request { interval: Some(interval), ..request("gelu/mine") };
        for interval in [(-4.0, 3.0), (4.0, -4.0), (f64::NAN, 1.0), (-1e9, 1e9)] {
            assert!(refused(&with(interval)).contains("[-L, L]"), "{interval:?}");
        }
        assert!(refused(&Request { interval: Some((-1.0, 1.0)), ..request("rsqrt/mine") }).contains("positive"));
        // What an error asks for is what was missing.
        let long = refused(&Request { interval: Some((-1000.0, 1000.0)), ..request("gelu/mine") });
        assert!(long.contains("at most 256 long"), "{long}");
        assert!(refused(&Request { degree: 0, ..request("gelu/mine") }).contains("from 1 to 12"));
        assert!(refused(&Request { pieces: 17, ..request("gelu/mine") }).contains("from 1 to 16"));
    }
}
