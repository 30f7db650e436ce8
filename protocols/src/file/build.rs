//! The body of a protocol file, carried out: public numbers are computed, operations on secrets become nodes of a circuit.

use super::FileError;
use super::apply::apply;
use super::syntax::{At, Binary, Expr, Expression, Statement};
use crate::circuit::{Apart, Bit, Circuit, Rule, Secret};
use crate::nonlinear::{Kind, Mask, Protocol, SoftmaxInputs};
use std::collections::HashMap;
use std::sync::Arc;

/// Most lines carried out, repetitions counted: far more than any protocol has, and an end to what has none.
const MOST_LINES: usize = 1 << 18;
/// Most numbers of all lists together.
const MOST_NUMBERS: usize = 1 << 22;
/// Most numbers of a list.
const MOST_ITEMS: usize = 1 << 16;

/// A rule of circuits, with a remedy that a file can have.
fn in_words_of_files(rule: &Rule) -> String {
    if let Rule::Precision { left, right } = rule {
        let (few, many) = (left.min(right), left.max(right));
        format!("guard bits {left} and {right} differ; write `guard(..., {many})` around the side that has {few}")
    } else {
        rule.to_string()
    }
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A public number.
    Number(f64),
    /// Public numbers.
    List(Arc<[f64]>),
    /// A secret real tensor.
    Real(Secret),
    /// A secret tensor of bits.
    Bit(Bit),
}

impl Value {
    /// What it is, in words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Number(_) => "a public number",
            Self::List(_) => "a list of public numbers",
            Self::Real(_) => "a secret",
            Self::Bit(_) => "a secret bit",
        }
    }
}

pub(super) type Built<T> = Result<T, FileError>;

/// Protocols that the file calls, by name.
pub(super) type Called = HashMap<String, Arc<Protocol>>;

/// A body being carried out.
pub(super) struct Body<'a> {
    pub(super) origin: &'a str,
    pub(super) text: &'a str,
    pub(super) called: &'a Called,
    /// The card's interval.
    pub(super) interval: (f64, f64),
    pub(super) names: HashMap<String, Value>,
    pub(super) mask: Option<Mask>,
    pub(super) lines: usize,
    pub(super) numbers: usize,
    /// Of each statement that was carried out: how many nodes the circuit had behind it, and where it stands.
    pub(super) made: Vec<(usize, usize)>,
}

impl Body<'_> {
    pub(super) fn fail<T>(&self, at: usize, message: impl Into<String>) -> Built<T> {
        Err(FileError::new(self.origin, self.text, at, message))
    }

    /// Carries out lines; the value of `return`, once there is one.
    pub(super) fn block(&mut self, c: &mut Circuit, statements: &[At<Statement>]) -> Built<Option<Secret>> {
        for (i, statement) in statements.iter().enumerate() {
            self.lines += 1;
            if self.lines > MOST_LINES {
                return self
                    .fail(statement.at, format!("more than {MOST_LINES} lines are carried out; repeat less often"));
            }
            let returned = match &statement.node {
                Statement::Let(name, value) => {
                    let value = self.value(c, value)?;
                    self.names.insert(name.clone(), value);
                    None
                }
                Statement::Claim(value, interval, also) => {
                    self.claim(c, statement.at, value, [interval.as_ref(), also.as_ref()])?;
                    None
                }
                Statement::Repeat(times, inside) => {
                    for _ in 0..self.count(c, times, 0, 1 << 16, "a number of repetitions")? {
                        if self.block(c, inside)?.is_some() {
                            return self.fail(
                                statement.at,
                                "`return` stands once, in the last line of the file, and not in a repetition",
                            );
                        }
                    }
                    None
                }
                Statement::Region(name, inside) => c.region(name, |c| self.block(c, inside))?,
                Statement::Return(value) => Some(self.secret(c, value)?),
            };
            self.made.push((c.nodes().len(), statement.at));
            if let Some(error) = c.failure() {
                let rule = in_words_of_files(&error.rule);
                return self.fail(statement.at, rule);
            }
            if returned.is_some() {
                return match statements.get(i + 1) {
                    Some(after) => self.fail(after.at, "nothing is computed after `return`; write it in the last line"),
                    None => Ok(returned),
                };
            }
        }
        Ok(None)
    }

    fn claim(
        &mut self,
        c: &mut Circuit,
        at: usize,
        value: &Expr,
        [interval, also]: [Option<&(Expr, Expr)>; 2],
    ) -> Built<()> {
        let secret = self.secret(c, value)?;
        let mut ends = |interval: Option<&(Expr, Expr)>| -> Built<Option<(f64, f64)>> {
            let Some((low, high)) = interval else { return Ok(None) };
            let (low, high) = (self.number(c, low)?, self.number(c, high)?);
            // A claim of NaN would be no interval either.
            if low <= high {
                return Ok(Some((low, high)));
            }
            self.fail(at, format!("[{low}, {high}] is no interval; write the smaller end first"))
        };
        let (interval, also) = (ends(interval)?, ends(also)?);
        let (low, high) = interval.unwrap_or(self.interval);
        match also {
            Some((number, most)) => c.claim_domain_and(secret, low, high, Apart { at: number, most }),
            None => c.claim_domain(secret, low, high),
        }
        Ok(())
    }

    /// A whole number within bounds.
    pub(super) fn count(&mut self, c: &mut Circuit, value: &Expr, least: i64, most: i64, what: &str) -> Built<i64> {
        let number = self.number(c, value)?;
        if number.fract() == 0.0 && (least as f64..=most as f64).contains(&number) {
            Ok(number as i64)
        } else {
            self.fail(value.at, format!("{number} is not {what}; write a whole number from {least} to {most}"))
        }
    }

    pub(super) fn number(&mut self, c: &mut Circuit, value: &Expr) -> Built<f64> {
        match self.value(c, value)? {
            Value::Number(number) => Ok(number),
            other => self.fail(value.at, format!("this is {}; write a public number", other.kind())),
        }
    }

    pub(super) fn list(&mut self, c: &mut Circuit, value: &Expr) -> Built<Arc<[f64]>> {
        match self.value(c, value)? {
            Value::List(list) => Ok(list),
            other => self.fail(value.at, format!("this is {}; write a list such as `[1, 2, 3]`", other.kind())),
        }
    }

    pub(super) fn secret(&mut self, c: &mut Circuit, value: &Expr) -> Built<Secret> {
        match self.value(c, value)? {
            Value::Real(secret) => Ok(secret),
            Value::Bit(_) => {
                self.fail(value.at, "this is a secret bit; write `real(...)` around it to compute with it as 0 or 1")
            }
            other => self.fail(value.at, format!("this is {}; write a secret, such as the argument", other.kind())),
        }
    }

    pub(super) fn bit(&mut self, c: &mut Circuit, value: &Expr) -> Built<Bit> {
        match self.value(c, value)? {
            Value::Bit(bit) => Ok(bit),
            other => self.fail(value.at, format!("this is {}; write a comparison such as `x < 2`", other.kind())),
        }
    }

    pub(super) fn value(&mut self, c: &mut Circuit, value: &Expr) -> Built<Value> {
        let At { node, at } = value.as_ref();
        Ok(match node {
            Expression::Number(number) => Value::Number(*number),
            Expression::Name(name) => match self.names.get(name) {
                Some(value) => value.clone(),
                None => {
                    return self.fail(
                        *at,
                        format!("`{name}` has no value yet; write a line `{name} = ...` above, or correct the name"),
                    );
                }
            },
            Expression::List(items) => {
                self.budget(*at, items.len())?;
                let items = items.iter().map(|item| self.number(c, item)).collect::<Built<Vec<f64>>>()?;
                Value::List(items.into())
            }
            Expression::Each { item, name, first, last } => Value::List(self.each(c, item, name, first, last)?),
            Expression::Element(list, index) => {
                let list = self.list(c, list)?;
                if list.is_empty() {
                    return self.fail(*at, "an empty list has no elements");
                }
                let index = self.count(c, index, 0, list.len() as i64 - 1, "a position in the list")?;
                Value::Number(list[index as usize])
            }
            Expression::Negative(inner) => match self.value(c, inner)? {
                Value::Number(number) => Value::Number(-number),
                Value::Real(secret) => Value::Real(c.neg(secret)),
                other => {
                    return self.fail(*at, format!("`-` stands before {}; write a number or a secret", other.kind()));
                }
            },
            Expression::Not(inner) => {
                let bit = self.bit(c, inner)?;
                Value::Bit(c.not(bit))
            }
            Expression::Binary(operator, left, right) => {
                let (left, right) = (self.value(c, left)?, self.value(c, right)?);
                self.binary(c, *at, *operator, left, right)?
            }
            Expression::Apply { function, arguments, options } => apply(self, c, *at, function, arguments, options)?,
            Expression::Protocol { path, arguments } => {
                let [argument] = arguments.as_slice() else {
                    return self.fail(*at, format!("`{path}` is called with {} arguments; write one", arguments.len()));
                };
                let x = self.secret(c, argument)?;
                let protocol = Arc::clone(&self.called[path]);
                Value::Real(match protocol.build.kind() {
                    Kind::Softmax => protocol.build(c, SoftmaxInputs { x, mask: self.mask }),
                    Kind::Map | Kind::LayerNorm => protocol.build(c, x),
                })
            }
        })
    }

    /// Counts the numbers of lists, so that no file fills the memory with them.
    fn budget(&mut self, at: usize, numbers: usize) -> Built<()> {
        self.numbers += numbers;
        if self.numbers > MOST_NUMBERS {
            return self.fail(at, format!("the lists of this file have more than {MOST_NUMBERS} numbers; write shorter ones, or fewer repetitions"));
        }
        Ok(())
    }

    fn each(&mut self, c: &mut Circuit, item: &Expr, name: &str, first: &Expr, last: &Expr) -> Built<Arc<[f64]>> {
        const MOST: i64 = 1 << 40;
        let (begin, end) =
            (self.count(c, first, -MOST, MOST, "a first value")?, self.count(c, last, -MOST, MOST, "a last value")?);
        if end - begin >= MOST_ITEMS as i64 {
            return self.fail(last.at, format!("a list of more than {MOST_ITEMS} numbers; write a shorter range"));
        }
        self.budget(last.at, (end - begin).max(0) as usize)?;
        let outer = self.names.get(name).cloned();
        let mut items = Vec::new();
        for i in begin..=end {
            self.names.insert(name.to_owned(), Value::Number(i as f64));
            items.push(self.number(c, item)?);
        }
        match outer {
            Some(outer) => self.names.insert(name.to_owned(), outer),
            None => self.names.remove(name),
        };
        Ok(items.into())
    }

    fn binary(&mut self, c: &mut Circuit, at: usize, operator: Binary, left: Value, right: Value) -> Built<Value> {
        use Binary::{
            Add, And, AtLeast, AtMost, Divide, Equal, Greater, Left, Less, Multiply, Or, Power, Right, Subtract, Xor,
        };
        use Value::{Bit, Number, Real};
        Ok(match (operator, left, right) {
            (Add, Number(a), Number(b)) => Number(a + b),
            (Subtract, Number(a), Number(b)) => Number(a - b),
            (Multiply, Number(a), Number(b)) => Number(a * b),
            (Divide, Number(a), Number(b)) => Number(a / b),
            (Power, Number(a), Number(b)) => Number(libm::pow(a, b)),
            (Add, Real(a), Real(b)) => Real(c.add(a, b)),
            (Add, Real(a), Number(b)) | (Add, Number(b), Real(a)) => Real(c.offset(a, b)),
            (Subtract, Real(a), Real(b)) => Real(c.sub(a, b)),
            (Subtract, Real(a), Number(b)) => Real(c.offset(a, -b)),
            (Subtract, Number(a), Real(b)) => Real(c.subtract_from(a, b)),
            (Multiply, Real(a), Real(b)) => Real(c.mul(a, b)),
            (Multiply, Real(a), Number(b)) | (Multiply, Number(b), Real(a)) => Real(c.scale(a, b)),
            (Divide, Real(a), Number(b)) => Real(c.scale(a, 1.0 / b)),
            (Divide, _, Real(_)) => {
                return self.fail(
                    at,
                    "a division by a secret is a protocol of its own; write `a * call reciprocal/normalized(b)`",
                );
            }
            (Power, Real(a), Number(2.0)) => Real(c.square(a)),
            (Power, Real(_), _) => {
                return self.fail(at, "a secret is squared by `^ 2`; write other powers as products, as in `x * x^2`");
            }
            (Left, Real(a), Number(b)) => Real(c.shift(a, self.exponent(at, b)?)),
            (Right, Real(a), Number(b)) => Real(c.shift(a, -self.exponent(at, b)?)),
            (Less, Real(a), Real(b)) | (Greater, Real(b), Real(a)) => Bit(c.less(a, b)),
            (Less, Real(a), Number(b)) | (Greater, Number(b), Real(a)) => Bit(c.less_than(a, b)),
            (Greater, Real(a), Number(b)) | (Less, Number(b), Real(a)) => Bit(above(c, a, b)),
            (AtMost, Real(a), Real(b)) | (AtLeast, Real(b), Real(a)) => {
                let greater = c.less(b, a);
                Bit(c.not(greater))
            }
            (AtLeast, Real(a), Number(b)) | (AtMost, Number(b), Real(a)) => {
                let less = c.less_than(a, b);
                Bit(c.not(less))
            }
            (AtMost, Real(a), Number(b)) | (AtLeast, Number(b), Real(a)) => {
                let greater = above(c, a, b);
                Bit(c.not(greater))
            }
            (Equal, Real(a), Real(b)) => Bit(c.equal(a, b)),
            (And, Bit(a), Bit(b)) => Bit(c.and(a, b)),
            (Xor, Bit(a), Bit(b)) => Bit(c.xor(a, b)),
            (Or, Bit(a), Bit(b)) => {
                let (a, b) = (c.not(a), c.not(b));
                let neither = c.and(a, b);
                Bit(c.not(neither))
            }
            (Multiply, Bit(_), Real(_)) | (Multiply, Real(_), Bit(_)) => {
                return self.fail(at, "a secret bit times a secret is a selection; write `select(bit, x)`");
            }
            (operator, left, right) => {
                return self
                    .fail(at, format!("{} {} {}; {}", left.kind(), operator.words(), right.kind(), operator.takes()));
            }
        })
    }

    fn exponent(&self, at: usize, number: f64) -> Built<i8> {
        if number.fract() == 0.0 && (-60.0..=60.0).contains(&number) {
            Ok(number as i8)
        } else {
            self.fail(
                at,
                format!("a binary point moves by whole places, from -60 to 60; write one of them in place of {number}"),
            )
        }
    }
}

impl Binary {
    /// The operator between its operands, in words.
    fn words(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::Xor => "xor",
            Self::And => "and",
            Self::Less => "is less than",
            Self::Greater => "is greater than",
            Self::AtMost => "is at most",
            Self::AtLeast => "is at least",
            Self::Equal => "equals",
            Self::Left | Self::Right => "is shifted by",
            Self::Add => "plus",
            Self::Subtract => "minus",
            Self::Multiply => "times",
            Self::Divide => "divided by",
            Self::Power => "to the power of",
        }
    }

    /// What its operands may be.
    fn takes(self) -> &'static str {
        match self {
            Self::Or | Self::Xor | Self::And => "write secret bits, such as comparisons, on both sides",
            Self::Less | Self::Greater | Self::AtMost | Self::AtLeast => {
                "write a secret on one side and a secret or a number on the other"
            }
            Self::Equal => "write secrets on both sides",
            Self::Left | Self::Right => "write a secret and the number of binary places, as in `x >> 1` for half of x",
            Self::Add | Self::Subtract | Self::Multiply => {
                "write secrets or public numbers on both sides, and `real(...)` around bits"
            }
            Self::Divide => "write a secret or a number, and a public number behind `/`",
            Self::Power => "write a number to the power of a number, or `x ^ 2`",
        }
    }
}

/// 1 where x > `bound`.
fn above(c: &mut Circuit, x: Secret, bound: f64) -> Bit {
    let bound = c.constant(&[bound], [1], c.guard_bits(x));
    c.less(bound, x)
}
