//! From words to the parts of a protocol file.

use super::FileError;
use super::tokens::{Token, Word};
use crate::nonlinear::{Quality, Reading};

/// Most brackets inside each other, and most blocks: a reader cannot follow more, and neither can a stack.
const MOST_NESTING: usize = 64;

/// Something and the byte at which it begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct At<T> {
    pub(super) node: T,
    pub(super) at: usize,
}

pub(super) type Expr = Box<At<Expression>>;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Number(f64),
    Name(String),
    List(Vec<Expr>),
    /// `[item for name in first..last]`, both ends included.
    Each {
        item: Expr,
        name: String,
        first: Expr,
        last: Expr,
    },
    Element(Expr, Expr),
    Negative(Expr),
    Not(Expr),
    Binary(Binary, Expr, Expr),
    Apply {
        function: String,
        arguments: Vec<Expr>,
        options: Vec<(At<String>, Expr)>,
    },
    Protocol {
        path: String,
        arguments: Vec<Expr>,
    },
}

/// An operator between two expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binary {
    Or,
    Xor,
    And,
    Less,
    Greater,
    AtMost,
    AtLeast,
    Equal,
    Left,
    Right,
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

/// A line of the body.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Statement {
    Let(String, Expr),
    /// A claim about a value; the card's interval if none is given. Then perhaps a number apart from it, with the largest that rounding makes of it.
    Claim(Expr, Option<(Expr, Expr)>, Option<(Expr, Expr)>),
    Repeat(Expr, Vec<At<Statement>>),
    Region(String, Vec<At<Statement>>),
    Return(Expr),
}

/// A protocol file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct File {
    pub(super) name: At<String>,
    pub(super) summary: String,
    pub(super) source: String,
    pub(super) reading: Reading,
    pub(super) interval: (Expr, Expr),
    pub(super) of: String,
    pub(super) absolute: f64,
    pub(super) relative: f64,
    pub(super) truth: Option<(At<String>, Option<f64>)>,
    pub(super) known: Vec<String>,
    pub(super) fails: Vec<(Quality, String)>,
    /// The only shape of its argument, where it has one.
    pub(super) shape: Option<Vec<usize>>,
    pub(super) parameters: Vec<At<String>>,
    pub(super) body: Vec<At<Statement>>,
    pub(super) end: usize,
}

/// The words that are left.
pub(super) struct Reader<'a> {
    pub(super) origin: &'a str,
    pub(super) text: &'a str,
    pub(super) words: Vec<Word>,
    pub(super) position: usize,
    pub(super) depth: usize,
}

type Read<T> = Result<T, FileError>;

impl Reader<'_> {
    pub(super) fn peek(&self) -> &Token {
        &self.words[self.position].token
    }

    pub(super) fn at(&self) -> usize {
        self.words[self.position].at
    }

    pub(super) fn next(&mut self) -> Token {
        let token = self.words[self.position].token.clone();
        // The last word is the end of the file, and stays.
        self.position = (self.position + 1).min(self.words.len() - 1);
        token
    }

    pub(super) fn fail<T>(&self, at: usize, message: impl Into<String>) -> Read<T> {
        Err(FileError::new(self.origin, self.text, at, message))
    }

    /// Refuses the next word; `write` says what belongs there.
    pub(super) fn expected<T>(&self, write: &str) -> Read<T> {
        self.fail(self.at(), format!("found {}; write {write}", self.peek()))
    }

    pub(super) fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(found) if *found == sign)
    }

    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(self.peek(), Token::Name(found) if found == name)
    }

    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn take_name(&mut self, name: &str) -> bool {
        let found = self.is_name(name);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn sign(&mut self, sign: &str, write: &str) -> Read<()> {
        if self.take_sign(sign) { Ok(()) } else { self.expected(write) }
    }

    pub(super) fn lines(&mut self) {
        while *self.peek() == Token::Line {
            self.next();
        }
    }

    pub(super) fn end_of_line(&mut self, after: &str) -> Read<()> {
        match self.peek() {
            Token::Line => {
                self.lines();
                Ok(())
            }
            Token::End => Ok(()),
            _ => self.expected(&format!("nothing more on the line of {after}, or an operator such as `+` before it")),
        }
    }

    pub(super) fn name(&mut self, write: &str) -> Read<At<String>> {
        let at = self.at();
        match self.peek().clone() {
            Token::Name(node) => {
                self.next();
                Ok(At { node, at })
            }
            _ => self.expected(write),
        }
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth == MOST_NESTING {
            return self.fail(
                self.at(),
                format!("more than {MOST_NESTING} brackets inside each other; give parts names of their own"),
            );
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Statements up to the closing brace, or to the end of the file.
    pub(super) fn block(&mut self, braces: bool) -> Read<Vec<At<Statement>>> {
        let mut statements = Vec::new();
        loop {
            self.lines();
            match self.peek() {
                Token::End if braces => return self.expected("`}` to close the block"),
                Token::End => return Ok(statements),
                Token::Sign("}") if braces => {
                    self.next();
                    return Ok(statements);
                }
                _ => statements.push(self.statement()?),
            }
        }
    }

    fn braces(&mut self, after: &str) -> Read<Vec<At<Statement>>> {
        self.sign("{", &format!("`{{` after {after}, then the lines of the block, then `}}`"))?;
        self.nested(|reader| reader.block(true))
    }

    fn statement(&mut self) -> Read<At<Statement>> {
        let at = self.at();
        let Token::Name(first) = self.peek().clone() else {
            return self.expected("a line such as `y = x * x`, `return y`, `claim y`, `repeat 3 {` or `region name {`");
        };
        self.next();
        let node = match first.as_str() {
            "return" => Statement::Return(self.expression()?),
            "claim" => {
                let value = self.expression()?;
                let interval = if self.take_name("in") { Some(self.interval()?) } else { None };
                let also = if interval.is_some() && self.take_name("and") { Some(self.interval()?) } else { None };
                Statement::Claim(value, interval, also)
            }
            "repeat" => {
                let times = self.expression()?;
                Statement::Repeat(times, self.braces("the number of repetitions")?)
            }
            "region" => match self.next() {
                Token::Text(name) => Statement::Region(name, self.braces("the region's name")?),
                found => {
                    return self
                        .fail(at, format!("a region is followed by {found}; write its name between quotation marks"));
                }
            },
            _ => {
                self.sign("=", &format!("`=` after `{first}`, then what it is, as in `{first} = x * x`"))?;
                Statement::Let(first, self.expression()?)
            }
        };
        self.end_of_line("a statement")?;
        Ok(At { node, at })
    }

    /// `[low, high]`.
    pub(super) fn interval(&mut self) -> Read<(Expr, Expr)> {
        self.sign("[", "an interval such as `[-8, 8]`")?;
        let low = self.expression()?;
        self.sign(",", "`,` between the two ends of the interval")?;
        let high = self.expression()?;
        self.sign("]", "`]` behind the upper end of the interval")?;
        Ok((low, high))
    }

    pub(super) fn expression(&mut self) -> Read<Expr> {
        self.nested(|reader| reader.binary(0))
    }

    /// Operators of at least a strength, from the left; powers from the right.
    fn binary(&mut self, least: u8) -> Read<Expr> {
        let mut left = self.unary()?;
        while let Some((operator, strength)) = self.operator()
            && strength >= least
        {
            let at = self.at();
            self.next();
            let from_right = operator == Binary::Power;
            let right = self.nested(|reader| reader.binary(if from_right { strength } else { strength + 1 }))?;
            left = Box::new(At { node: Expression::Binary(operator, left, right), at });
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(Binary, u8)> {
        Some(match self.peek() {
            Token::Name(name) => match name.as_str() {
                "or" => (Binary::Or, 1),
                "xor" => (Binary::Xor, 2),
                "and" => (Binary::And, 3),
                _ => return None,
            },
            Token::Sign(sign) => match *sign {
                "<" => (Binary::Less, 4),
                ">" => (Binary::Greater, 4),
                "<=" => (Binary::AtMost, 4),
                ">=" => (Binary::AtLeast, 4),
                "==" => (Binary::Equal, 4),
                "<<" => (Binary::Left, 5),
                ">>" => (Binary::Right, 5),
                "+" => (Binary::Add, 6),
                "-" => (Binary::Subtract, 6),
                "*" => (Binary::Multiply, 7),
                "/" => (Binary::Divide, 7),
                "^" => (Binary::Power, 9),
                _ => return None,
            },
            Token::Path(_) | Token::Number(_) | Token::Text(_) | Token::Line | Token::End => return None,
        })
    }

    fn unary(&mut self) -> Read<Expr> {
        let at = self.at();
        if self.take_sign("-") {
            // A power binds stronger than the sign before it.
            let inner = self.nested(|reader| reader.binary(9))?;
            let node = match inner.node {
                Expression::Number(number) => Expression::Number(-number),
                _ => Expression::Negative(inner),
            };
            return Ok(Box::new(At { node, at }));
        }
        if self.take_name("not") {
            let inner = self.nested(|reader| reader.binary(4))?;
            return Ok(Box::new(At { node: Expression::Not(inner), at }));
        }
        self.postfix()
    }

    fn postfix(&mut self) -> Read<Expr> {
        let mut value = self.primary()?;
        while self.is_sign("[") {
            let at = self.at();
            self.next();
            let index = self.expression()?;
            self.sign("]", "`]` behind the position in the list")?;
            value = Box::new(At { node: Expression::Element(value, index), at });
        }
        Ok(value)
    }

    fn primary(&mut self) -> Read<Expr> {
        let at = self.at();
        let node = match self.peek().clone() {
            Token::Number(number) => {
                self.next();
                Expression::Number(number)
            }
            Token::Sign("(") => {
                self.next();
                let inner = self.expression()?;
                self.sign(")", "`)` to close the bracket, or an operator")?;
                return Ok(inner);
            }
            Token::Sign("[") => {
                self.next();
                self.list()?
            }
            Token::Name(name) if name == "call" => {
                self.next();
                let Token::Path(path) = self.next() else { return self.fail(at, "write a protocol after `call`") };
                self.sign("(", "`(` after the protocol's name, then its argument")?;
                let (arguments, options) = self.arguments()?;
                if let Some((name, _)) = options.first() {
                    return self.fail(name.at, "a protocol takes no options; write its arguments alone");
                }
                Expression::Protocol { path, arguments }
            }
            Token::Name(function) => {
                self.next();
                if self.take_sign("(") {
                    let (arguments, options) = self.arguments()?;
                    Expression::Apply { function, arguments, options }
                } else {
                    Expression::Name(function)
                }
            }
            Token::Path(_) | Token::Text(_) | Token::Sign(_) | Token::Line | Token::End => {
                return self.expected("a number, a name, a call such as `sum(x)` or an expression in brackets");
            }
        };
        Ok(Box::new(At { node, at }))
    }

    fn list(&mut self) -> Read<Expression> {
        if self.take_sign("]") {
            return Ok(Expression::List(Vec::new()));
        }
        let first = self.expression()?;
        if self.take_name("for") {
            let name = self.name("a name for the counter, as in `[i * i for i in 1..7]`")?.node;
            if !self.take_name("in") {
                return self.expected("`in` after the counter, as in `for i in 1..7`");
            }
            let begin = self.expression()?;
            self.sign("..", "`..` between the first and the last value of the counter")?;
            let last = self.expression()?;
            self.sign("]", "`]` to close the list")?;
            return Ok(Expression::Each { item: first, name, first: begin, last });
        }
        let mut items = vec![first];
        while self.take_sign(",") {
            items.push(self.expression()?);
        }
        self.sign("]", "`,` and another number, or `]` to close the list")?;
        Ok(Expression::List(items))
    }

    #[allow(clippy::type_complexity, reason = "arguments, then options by name")]
    fn arguments(&mut self) -> Read<(Vec<Expr>, Vec<(At<String>, Expr)>)> {
        let (mut arguments, mut options) = (Vec::new(), Vec::new());
        if self.take_sign(")") {
            return Ok((arguments, options));
        }
        loop {
            let is_option = matches!(
                (self.peek(), self.words.get(self.position + 1).map(|word| &word.token)),
                (Token::Name(_), Some(Token::Sign("=")))
            );
            if is_option {
                let name = self.name("an option")?;
                self.next();
                options.push((name, self.expression()?));
            } else {
                arguments.push(self.expression()?);
            }
            if self.take_sign(")") {
                return Ok((arguments, options));
            }
            self.sign(",", "`,` and another argument, or `)` to close the call")?;
        }
    }
}
