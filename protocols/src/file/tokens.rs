//! Words of a protocol file, each with its place.

use super::FileError;
use winnow::Parser;
use winnow::ascii::float;
use winnow::combinator::{alt, delimited, peek};
use winnow::error::ContextError;
use winnow::stream::{Location, Stream};
use winnow::token::{any, one_of, take_till, take_while};
use winnow::{LocatingSlice, ModalResult};

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name or a keyword.
    Name(String),
    /// `function/variant`, after `protocol` or `call`.
    Path(String),
    /// A public number.
    Number(f64),
    /// A text between quotation marks.
    Text(String),
    /// An operator or a bracket.
    Sign(&'static str),
    /// The end of a line that is not inside round or square brackets.
    Line,
    /// The end of the file.
    End,
}

/// A token and the byte at which it begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    /// What it is.
    pub(super) token: Token,
    /// Where it begins.
    pub(super) at: usize,
}

type Input<'a> = LocatingSlice<&'a str>;

const SIGNS: [&str; 22] = [
    "<<", ">>", "<=", ">=", "==", "..", "<", ">", "=", "+", "-", "*", "/", "^", "(", ")", "[", "]", "{", "}", ",", ":",
];

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) | Self::Path(name) => write!(f, "`{name}`"),
            Self::Number(number) => write!(f, "the number {number}"),
            Self::Text(text) => write!(f, "the text \"{text}\""),
            Self::Sign(sign) => write!(f, "`{sign}`"),
            Self::Line => f.write_str("the end of the line"),
            Self::End => f.write_str("the end of the file"),
        }
    }
}

/// The words of a file; comments begin with `#`.
pub(super) fn words(origin: &str, text: &str) -> Result<Vec<Word>, FileError> {
    let mut input = LocatingSlice::new(text);
    let mut words: Vec<Word> = Vec::new();
    let mut depth = 0_usize;
    loop {
        let _ = blank(&mut input);
        let at = input.current_token_start();
        if input.is_empty() {
            words.push(Word { token: Token::Line, at });
            words.push(Word { token: Token::End, at });
            return Ok(words);
        }
        let after_path_keyword =
            matches!(words.last(), Some(Word { token: Token::Name(name), .. }) if name == "protocol" || name == "call");
        let found = if after_path_keyword { path.parse_next(&mut input) } else { word.parse_next(&mut input) };
        let token = found.map_err(|_| {
            let next: String = text[at..].chars().take(1).collect();
            let message = match next.as_str() {
                "\"" => "this text does not end; write `\"` behind its last word, on the same line".to_owned(),
                _ if after_path_keyword => "a protocol's name belongs here; write a function, `/` and a variant in lower-case letters, digits \
                                            and hyphens, as in `gelu/mine`"
                    .to_owned(),
                _ => format!(
                    "`{next}` means nothing here; names are letters, digits and `_`, operators are + - * / ^ << >> < > <= >= =="
                ),
            };
            FileError::new(origin, text, at, message)
        })?;
        match token {
            Token::Sign("(" | "[") => depth += 1,
            Token::Sign(")" | "]") => depth = depth.saturating_sub(1),
            _ => {}
        }
        if token != Token::Line || depth == 0 {
            words.push(Word { token, at });
        }
    }
}

/// Spaces, and comments up to the end of their line.
fn blank(input: &mut Input<'_>) -> ModalResult<()> {
    (take_while(0.., [' ', '\t', '\r']), winnow::combinator::opt(('#', take_till(0.., '\n')))).void().parse_next(input)
}

fn word(input: &mut Input<'_>) -> ModalResult<Token> {
    alt(('\n'.value(Token::Line), text, name, number, sign)).parse_next(input)
}

fn text(input: &mut Input<'_>) -> ModalResult<Token> {
    let inside = take_till(0.., ['"', '\n']).map(str::to_owned);
    delimited('"', inside, '"').map(Token::Text).parse_next(input)
}

fn name(input: &mut Input<'_>) -> ModalResult<Token> {
    let first = one_of(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = take_while(0.., |c: char| c.is_ascii_alphanumeric() || c == '_');
    (first, rest).take().map(|name: &str| Token::Name(name.to_owned())).parse_next(input)
}

fn path(input: &mut Input<'_>) -> ModalResult<Token> {
    let part = || take_while(1.., |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    (part(), '/', part()).take().map(|path: &str| Token::Path(path.to_owned())).parse_next(input)
}

fn number(input: &mut Input<'_>) -> ModalResult<Token> {
    peek(one_of(|c: char| c.is_ascii_digit())).parse_next(input)?;
    // A range, `1..7`, begins with an integer and not with `1.`.
    let start = input.checkpoint();
    let integer = (take_while(1.., |c: char| c.is_ascii_digit()), peek(".."))
        .map(|(digits, _): (&str, &str)| digits.to_owned())
        .parse_next(input);
    if let Ok(digits) = integer as ModalResult<String>
        && let Ok(number) = digits.parse()
    {
        return Ok(Token::Number(number));
    }
    input.reset(&start);
    float::<_, f64, winnow::error::ErrMode<ContextError>>.map(Token::Number).parse_next(input)
}

fn sign(input: &mut Input<'_>) -> ModalResult<Token> {
    for sign in SIGNS {
        if input.starts_with(sign) {
            for _ in 0..sign.len() {
                any.parse_next(input)?;
            }
            return Ok(Token::Sign(sign));
        }
    }
    winnow::combinator::fail.parse_next(input)
}
