//! Reads the text form of a circuit back.

use super::{
    Apart, CheckedCircuit, Circuit, CircuitError, DomainClaim, Kind, Levels, Node, NodeId, Op, Opening, Owner, Sectors,
    Series, Table,
};
use crate::region::{RegionId, Regions};
use crate::shape::{Move, Shape};
use crate::windows::Windows;
use smallvec::SmallVec;
use std::str::FromStr;
use std::sync::Arc;
use thiserror::Error;

/// A text that is no circuit: where, and what belongs there.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ReadError {
    /// A line that is not of the form.
    #[error("line {line}, column {column}: {expected} belongs here")]
    Line {
        /// From 1.
        line: usize,
        /// Character, from 1.
        column: usize,
        /// What to write.
        expected: String,
    },
    /// Lines that are of the form, of a circuit that breaks a rule.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
}

impl Circuit {
    /// Reads what `Display` writes; the circuit is the same, and so is its text.
    ///
    /// ```
    /// use viewless_protocols::circuit::{Circuit, Owner};
    ///
    /// let mut c = Circuit::new();
    /// let x = c.input(Owner::Client, "x", [2]);
    /// let y = c.region("halved", |c| c.scale(x, 0.5));
    /// c.reveal(y, "y");
    /// let circuit = c.finish().expect("it keeps all rules");
    /// assert_eq!(Circuit::read(&circuit.to_string()), Ok(circuit));
    /// ```
    ///
    /// # Errors
    /// [`ReadError`] names the line and what belongs there, or the rule that the circuit breaks.
    pub fn read(text: &str) -> Result<CheckedCircuit, ReadError> {
        let mut circuit = Self::new();
        let mut region = Regions::ROOT;
        for (number, line) in text.lines().enumerate() {
            let mut cursor = Cursor { line, number, at: 0 };
            if cursor.takes("# ") {
                region = read_region(&mut cursor, &mut circuit.regions)?;
            } else if cursor.takes("claim ") {
                let claim = read_claim(&mut cursor, &circuit.regions)?;
                circuit.domains.push(claim);
            } else if cursor.takes("%") && circuit.domains.is_empty() {
                let node = read_node(&mut cursor, circuit.nodes.len(), region)?;
                circuit.nodes.push(node);
            } else if circuit.domains.is_empty() {
                return cursor.expected("a node `%...`, a region `# ...` or a claim `claim ...`");
            } else {
                return cursor.expected("another claim, because claims stand last,");
            }
            cursor.end()?;
        }
        Ok(circuit.finish()?)
    }
}

/// What follows `# `: a new region, or one to go back to.
fn read_region(cursor: &mut Cursor<'_>, regions: &mut Regions) -> Result<RegionId, ReadError> {
    let start = cursor.at;
    let id: usize = cursor.number("the number of a region")?;
    cursor.space()?;
    let name = cursor.quoted()?;
    if !cursor.takes(" in ") {
        let known = regions.at(id).filter(|&known| regions.path(known) == name);
        return known.ok_or_else(|| cursor.error_at(start, "a region that was made above, with its path"));
    }
    let parent_at = cursor.at;
    let parent: usize = cursor.number("the number of a region")?;
    let parent = regions.at(parent);
    let parent = parent.ok_or_else(|| cursor.error_at(parent_at, "a region that was made above"))?;
    if id == regions.len() {
        Ok(regions.add(parent, &name))
    } else {
        Err(cursor.error_at(start, &format!("{}, the number of the next region,", regions.len())))
    }
}

fn read_claim(cursor: &mut Cursor<'_>, regions: &Regions) -> Result<DomainClaim, ReadError> {
    let value = cursor.node()?;
    cursor.word(" in [")?;
    let low = cursor.number("the smallest number")?;
    cursor.word(", ")?;
    let high = cursor.number("the largest number")?;
    let mut also = None;
    if cursor.takes("] and [") {
        let at = cursor.number("the number apart")?;
        cursor.word(", ")?;
        also = Some(Apart { at, most: cursor.number("the largest number that rounding makes of it")? });
    }
    cursor.word("] by ")?;
    let at = cursor.at;
    let region: usize = cursor.number("the number of a region")?;
    let region = regions.at(region).ok_or_else(|| cursor.error_at(at, "a region that was made above"))?;
    Ok(DomainClaim { value, low, high, also, region })
}

/// What follows `%`: node `position`.
fn read_node(cursor: &mut Cursor<'_>, position: usize, region: RegionId) -> Result<Node, ReadError> {
    let at = cursor.at;
    if cursor.number::<usize>("the number of a node")? != position {
        return Err(cursor.error_at(at, &format!("{position}, the number of the next node,")));
    }
    cursor.word(": ")?;
    let kind = match cursor.name() {
        "real" => Kind::Real,
        "bit" => Kind::Bit,
        _ => return cursor.expected("`real` or `bit`"),
    };
    let shape = cursor.shape()?;
    let guard_bits = if cursor.takes(" guard ") { cursor.number("guard bits from -128 to 127")? } else { 0 };
    cursor.word(" = ")?;
    let op = read_op(cursor)?;
    Ok(Node { op, kind, shape, guard_bits, region })
}

fn read_op(cursor: &mut Cursor<'_>) -> Result<Op, ReadError> {
    let start = cursor.at;
    Ok(match cursor.name() {
        "input" => {
            cursor.space()?;
            let owner = match cursor.name() {
                "client" => Owner::Client,
                "model" => Owner::Model,
                _ => return cursor.expected("`client` or `model`"),
            };
            cursor.space()?;
            Op::Input { owner, name: cursor.quoted()? }
        }
        "constant" => {
            cursor.space()?;
            Op::Constant(cursor.list()?.into())
        }
        "add" => cursor.two(Op::Add)?,
        "sub" => cursor.two(Op::Sub)?,
        "neg" => Op::Neg(cursor.argument()?),
        "scale" => cursor.with_number(|factor, x| Op::Scale(x, factor))?,
        "offset" => cursor.with_number(|summand, x| Op::Offset(x, summand))?,
        "shift" => cursor.with_number(|exponent, x| Op::Shift(x, exponent))?,
        "precision" => Op::Precision(cursor.argument()?),
        "mul" => cursor.two(Op::Mul)?,
        "square" => Op::Square(cursor.argument()?),
        "matmul" => cursor.two(Op::MatMul)?,
        "sum" => {
            cursor.word(" axis")?;
            cursor.with_number(|axis, x| Op::Sum(x, axis))?
        }
        moved @ ("reshape" | "transpose" | "broadcast" | "slice" | "windows") => {
            let rearrangement = read_move(cursor, moved)?;
            Op::Move(cursor.argument()?, rearrangement)
        }
        "concat" => {
            cursor.word(" axis ")?;
            let axis = cursor.number("an axis")?;
            let mut parts = SmallVec::from_slice(&[cursor.argument()?]);
            while !cursor.rest().is_empty() {
                parts.push(cursor.argument()?);
            }
            Op::Concat(parts, axis)
        }
        "less" => cursor.two(Op::Less)?,
        "less-than" => cursor.with_number(|bound, x| Op::LessThan(x, bound))?,
        "equal" => cursor.two(Op::Equal)?,
        "and" => cursor.two(Op::And)?,
        "xor" => cursor.two(Op::Xor)?,
        "not" => Op::Not(cursor.argument()?),
        "select" => cursor.two(Op::Select)?,
        "real" => Op::Real(cursor.argument()?),
        "fourier" => {
            let series = read_series(cursor)?;
            Op::Fourier(cursor.argument()?, Arc::new(series))
        }
        "lookup" => {
            cursor.word(" index-fraction ")?;
            let index_fraction_bits = cursor.number("fraction bits from -128 to 127")?;
            cursor.word(" entries ")?;
            let table = Table { index_fraction_bits, entries: cursor.list()? };
            Op::Lookup(cursor.argument()?, Arc::new(table))
        }
        "power" => read_power(cursor)?,
        "level" => read_level(cursor)?,
        "reveal" => {
            cursor.space()?;
            let name = cursor.quoted()?;
            Op::Reveal(cursor.argument()?, name)
        }
        _ => return Err(cursor.error_at(start, "the name of an operation")),
    })
}

fn read_power(cursor: &mut Cursor<'_>) -> Result<Op, ReadError> {
    cursor.word(" modulus ")?;
    let modulus_bits = cursor.number("the binary logarithm of a modulus")?;
    cursor.word(" sector ")?;
    let sector_bits = cursor.number("the binary logarithm of a sector's length")?;
    Ok(Op::Power(cursor.argument()?, Sectors { modulus_bits, sector_bits }))
}

fn read_level(cursor: &mut Cursor<'_>) -> Result<Op, ReadError> {
    cursor.word(" index ")?;
    let index_bits = cursor.number("the binary logarithm of the number of levels")?;
    cursor.word(" step ")?;
    let step_exponent = cursor.number("the binary logarithm of a step")?;
    Ok(Op::Level(cursor.argument()?, Levels { index_bits, step_exponent }))
}

fn read_move(cursor: &mut Cursor<'_>, name: &str) -> Result<Move, ReadError> {
    cursor.space()?;
    Ok(match name {
        "reshape" => Move::Reshape(cursor.shape()?),
        "broadcast" => Move::Broadcast(cursor.shape()?),
        "transpose" => Move::Transpose(cursor.separated("an axis", ", ")?.into()),
        "windows" => {
            cursor.word("axis ")?;
            let axis = cursor.number("an axis")?;
            cursor.word(" from ")?;
            let start = cursor.number("the first element")?;
            cursor.word(" for ")?;
            let lengths = cursor.pair("a number of positions or taps")?;
            cursor.word(" by ")?;
            Move::Windows(Windows { axis, start, lengths, steps: cursor.pair("a step")? })
        }
        _ => {
            cursor.word("axis ")?;
            let axis = cursor.number("an axis")?;
            cursor.word(" from ")?;
            let start = cursor.number("the first element")?;
            cursor.word(" for ")?;
            Move::Slice { axis, start, length: cursor.number("a length")? }
        }
    })
}

fn read_series(cursor: &mut Cursor<'_>) -> Result<Series, ReadError> {
    cursor.word(" period ")?;
    let period = cursor.number("a length")?;
    cursor.word(" constant ")?;
    let constant = cursor.number("a number")?;
    cursor.word(" cosines ")?;
    let cosines = cursor.list()?;
    cursor.word(" sines ")?;
    let sines = cursor.list()?;
    let opening = if cursor.takes(" remainder ") {
        Opening::Remainder { modulus: cursor.number("a length")? }
    } else {
        Opening::Period
    };
    let most_guard_bits = if cursor.takes(" waves ") { Some(cursor.number("guard bits of waves")?) } else { None };
    Ok(Series { period, constant, cosines, sines, opening, most_guard_bits })
}

/// A place in a line.
struct Cursor<'a> {
    line: &'a str,
    /// From 0.
    number: usize,
    /// In bytes.
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.line.get(self.at..).unwrap_or("")
    }

    fn error_at(&self, at: usize, expected: &str) -> ReadError {
        let column = self.line.get(..at).map_or(0, |before| before.chars().count()) + 1;
        ReadError::Line { line: self.number + 1, column, expected: expected.to_owned() }
    }

    fn expected<T>(&self, what: &str) -> Result<T, ReadError> {
        Err(self.error_at(self.at, what))
    }

    fn takes(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn word(&mut self, word: &str) -> Result<(), ReadError> {
        if self.takes(word) { Ok(()) } else { self.expected(&format!("`{word}`")) }
    }

    fn space(&mut self) -> Result<(), ReadError> {
        self.word(" ")
    }

    fn end(&self) -> Result<(), ReadError> {
        if self.rest().is_empty() { Ok(()) } else { self.expected("the end of the line") }
    }

    fn while_(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Lower-case letters and hyphens.
    fn name(&mut self) -> &'a str {
        self.while_(|c| c.is_ascii_lowercase() || c == '-')
    }

    fn number<T: FromStr>(&mut self, what: &str) -> Result<T, ReadError> {
        let start = self.at;
        let digits = self.while_(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'));
        digits.parse().map_err(|_| self.error_at(start, what))
    }

    fn node(&mut self) -> Result<NodeId, ReadError> {
        self.word("%")?;
        Ok(NodeId(self.number("the number of a node")?))
    }

    fn argument(&mut self) -> Result<NodeId, ReadError> {
        self.space()?;
        self.node()
    }

    fn two(&mut self, make: impl Fn(NodeId, NodeId) -> Op) -> Result<Op, ReadError> {
        Ok(make(self.argument()?, self.argument()?))
    }

    fn with_number<T: FromStr>(&mut self, make: impl Fn(T, NodeId) -> Op) -> Result<Op, ReadError> {
        self.space()?;
        let number = self.number("a number")?;
        Ok(make(number, self.argument()?))
    }

    fn separated<T: FromStr>(&mut self, what: &str, separator: &str) -> Result<Vec<T>, ReadError> {
        self.word("[")?;
        let mut found = Vec::new();
        if self.takes("]") {
            return Ok(found);
        }
        loop {
            found.push(self.number(what)?);
            if self.takes("]") {
                return Ok(found);
            }
            self.word(separator)?;
        }
    }

    fn pair<T: FromStr>(&mut self, what: &str) -> Result<[T; 2], ReadError> {
        let first = self.number(what)?;
        self.word(",")?;
        Ok([first, self.number(what)?])
    }

    fn list(&mut self) -> Result<Vec<f64>, ReadError> {
        self.separated("a number", ", ")
    }

    fn shape(&mut self) -> Result<Shape, ReadError> {
        Ok(self.separated::<usize>("the length of an axis", ",")?.into_iter().collect())
    }

    /// A name as `{:?}` writes it.
    fn quoted(&mut self) -> Result<String, ReadError> {
        self.word("\"")?;
        let mut name = String::new();
        loop {
            let rest = self.rest();
            let Some(c) = rest.chars().next() else { return self.expected("`\"` at the end of a name") };
            let start = self.at;
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(name),
                '\\' => name.push(self.escaped().ok_or_else(|| {
                    self.error_at(start, "one of `\\n`, `\\r`, `\\t`, `\\0`, `\\'`, `\\\"`, `\\\\` and `\\u{...}`")
                })?),
                c => name.push(c),
            }
        }
    }

    /// What a backslash stands for with what follows it.
    fn escaped(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(match c {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '0' => '\0',
            '\'' | '"' | '\\' => c,
            'u' => {
                let (digits, _) = self.rest().strip_prefix('{')?.split_once('}')?;
                self.at += digits.len() + 2;
                char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::Registry;
    use quickcheck::TestResult;

    fn alone(name: &str, shape: [usize; 2]) -> CheckedCircuit {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", shape);
        let y = Registry::built_in().get(name).unwrap().build_alone(&mut c, x, 1e-12);
        c.reveal(y, "y");
        c.finish().unwrap()
    }

    #[test]
    fn every_protocol_is_read_back_from_its_text_and_the_text_from_the_circuit() {
        for protocol in Registry::built_in() {
            for shape in [[1, 5], [3, 8]] {
                let circuit = alone(&protocol.card.name, shape);
                let text = circuit.to_string();
                let read = Circuit::read(&text).unwrap_or_else(|error| panic!("{}: {error}", protocol.card.name));
                assert_eq!(read, circuit, "{}", protocol.card.name);
                assert_eq!(read.to_string(), text, "{}", protocol.card.name);
            }
        }
    }

    laws! {
        fn names_numbers_and_regions_of_any_kind_are_read_back(names: Vec<String>, number: f64, deep: Vec<bool>) -> TestResult {
            if !number.is_finite() {
                return TestResult::discard();
            }
            let mut c = Circuit::new();
            let mut at = Regions::ROOT;
            for (i, name) in names.iter().enumerate() {
                c.input(Owner::Model, &format!("{i} {name}"), [2]);
                c.nodes.last_mut().unwrap().region = at;
                // Regions with and without nodes, of equal names, of slashes and line ends.
                let parent = if deep.get(i).copied().unwrap_or_default() { at } else { Regions::ROOT };
                at = c.regions.add(parent, name);
                let also = i.is_multiple_of(2).then_some(Apart { at: number, most: f64::INFINITY });
                let (value, low) = (NodeId(0), number.min(0.0));
                c.domains.push(DomainClaim { value, low, high: f64::INFINITY, also, region: at });
            }
            let x = c.input(Owner::Client, "x", [2]);
            let y = c.offset(x, number);
            c.reveal(y, "y");
            let circuit = c.finish().unwrap();
            let text = circuit.to_string();
            let read = Circuit::read(&text).unwrap();
            TestResult::from_bool(read == circuit && read.to_string() == text)
        }
    }

    /// Whatever is done to a line, the reader ends with an error or with a circuit that is read back from its own text.
    #[test]
    fn broken_texts_are_refused_or_are_other_circuits() {
        let text = ["gelu/quad", "gelu/shaft", "reciprocal/goldschmidt"].map(|name| alone(name, [1, 2]).to_string());
        let (mut refused, mut read) = (0, 0);
        for text in &text {
            assert!(text.is_ascii());
            for position in 0..text.len() {
                for put in ["", "%", "9", "\n", "-", "\"", "]"] {
                    let broken = format!("{}{put}{}", &text[..position], &text[position + 1..]);
                    match Circuit::read(&broken) {
                        Err(ReadError::Line { line, column, expected }) => {
                            assert!(line >= 1 && column >= 1 && !expected.is_empty());
                            refused += 1;
                        }
                        Err(ReadError::Circuit(_)) => refused += 1,
                        Ok(circuit) => {
                            assert_eq!(Circuit::read(&circuit.to_string()), Ok(circuit));
                            read += 1;
                        }
                    }
                }
            }
        }
        assert!(refused > 1000 && read > 100, "{refused} refused, {read} read");
    }

    #[test]
    fn errors_name_the_place_and_what_belongs_there() {
        let text = alone("gelu/quad", [1, 2]).to_string();
        for (from, to, line, expected) in [
            ("%0: real", "%1: real", 1, "0, the number of the next node"),
            ("real[1,2] = input", "reals[1,2] = input", 1, "`real` or `bit`"),
            ("input client", "input server", 1, "`client` or `model`"),
            ("# 1 ", "# 7 ", 2, "1, the number of the next region"),
            ("claim %0", "claims %0", text.lines().count(), "a claim `claim ...`"),
        ] {
            let broken = text.replacen(from, to, 1);
            assert_ne!(broken, text, "{from}");
            let error = Circuit::read(&broken).unwrap_err();
            assert!(
                matches!(&error, ReadError::Line { line: found, expected: what, .. } if *found == line && what.contains(expected)),
                "{from} -> {to}: {error}"
            );
        }
        let wrong_shape = text.replacen("real[1,2] = input", "real[1,3] = input", 1);
        assert!(matches!(Circuit::read(&wrong_shape), Err(ReadError::Circuit(_))));
    }
}
