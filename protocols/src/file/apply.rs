//! The functions that a protocol file may write without calling another protocol.

use super::build::{Body, Built, Value};
use super::syntax::{At, Expr};
use crate::circuit::{Circuit, Levels, Opening, Secret, Sectors, Series, Table};
use crate::shape::Shape;
use crate::windows::Windows;

type Options = [(At<String>, Expr)];

/// Names and arguments of the functions, for those who look for one.
const FUNCTIONS: &str = "abs, select, sum, mean, product, square, scale, guard, real, shift, fourier, table, polynomial, slice, windows, concat, reshape, \
                         transpose, broadcast, matmul, constant, fill, keep, length, sqrt, exp, log2, ln, floor, ceil, min, max";

/// Calls a function with its arguments and options.
pub(super) fn apply(
    body: &mut Body<'_>,
    c: &mut Circuit,
    at: usize,
    function: &str,
    arguments: &[Expr],
    options: &Options,
) -> Built<Value> {
    let allowed: &[&str] = match function {
        "product" | "square" | "scale" | "real" => &["guard"],
        "sum" | "mean" | "slice" | "windows" | "concat" => &["axis"],
        "fourier" => &["period", "constant", "cosines", "sines", "remainder", "waves"],
        "table" => &["steps", "entries", "guard"],
        "power" => &["modulus", "sector", "guard"],
        "level" => &["step", "levels"],
        "constant" => &["shape", "guard"],
        _ => &[],
    };
    for (i, (name, _)) in options.iter().enumerate() {
        if !allowed.contains(&name.node.as_str()) {
            let write = if allowed.is_empty() { "no options".to_owned() } else { allowed.join(", ") };
            return body.fail(name.at, format!("`{function}` has no option `{}`; write {write}", name.node));
        }
        if options[..i].iter().any(|(before, _)| before.node == name.node) {
            return body.fail(name.at, format!("the option `{}` stands twice; write it once", name.node));
        }
    }
    Call { body, c, at, function, arguments, options }.value()
}

struct Call<'a, 'b> {
    body: &'a mut Body<'b>,
    c: &'a mut Circuit,
    at: usize,
    function: &'a str,
    arguments: &'a [Expr],
    options: &'a Options,
}

impl Call<'_, '_> {
    fn fail<T>(&self, message: impl Into<String>) -> Built<T> {
        self.body.fail(self.at, message)
    }

    /// As many arguments as the example has.
    fn exactly<const N: usize>(&self, example: &str) -> Built<[Expr; N]> {
        match <[Expr; N]>::try_from(self.arguments.to_vec()) {
            Ok(arguments) => Ok(arguments),
            Err(given) => {
                self.fail(format!("`{}` has {} arguments here; write `{example}`", self.function, given.len()))
            }
        }
    }

    fn option(&self, name: &str) -> Option<Expr> {
        self.options.iter().find(|(found, _)| found.node == name).map(|(_, value)| value.clone())
    }

    fn needed(&self, name: &str, example: &str) -> Built<Expr> {
        match self.option(name) {
            Some(value) => Ok(value),
            None => self.fail(format!("`{}` needs `{name}`; write `{example}`", self.function)),
        }
    }

    fn secret(&mut self, value: &Expr) -> Built<Secret> {
        self.body.secret(self.c, value)
    }

    /// Guard bits that are asked for, or the usual ones.
    fn guard(&mut self, usual: i8) -> Built<i8> {
        match self.option("guard") {
            Some(value) => Ok(self.body.count(self.c, &value, -60, 60, "a number of guard bits")? as i8),
            None => Ok(usual),
        }
    }

    /// The axis that is asked for, or the last one.
    fn axis(&mut self, x: Secret) -> Built<usize> {
        match self.option("axis") {
            Some(value) => Ok(self.body.count(self.c, &value, 0, 15, "an axis")? as usize),
            None => Ok(self.c.last_axis(x)),
        }
    }

    fn sizes(&mut self, value: &Expr) -> Built<Shape> {
        let list = self.body.list(self.c, value)?;
        if list.iter().any(|size| size.fract() != 0.0 || !(1.0..=1e12).contains(size)) {
            return self.body.fail(value.at, "a shape is a list of whole numbers from 1 on, as in `[2, 8]`");
        }
        Ok(list.iter().map(|&size| size as usize).collect())
    }

    fn whole(&mut self, value: &Expr) -> Built<i64> {
        self.body.count(self.c, value, -(1 << 40), 1 << 40, "an element of an axis")
    }

    /// Two whole numbers from `least` on, in a list.
    fn two_whole(&mut self, value: &Expr, least: f64) -> Built<[i64; 2]> {
        let list = self.body.list(self.c, value)?;
        match *list {
            [a, b] if [a, b].iter().all(|x| x.fract() == 0.0 && (least..=1e12).contains(x)) => Ok([a as i64, b as i64]),
            _ => self.body.fail(value.at, format!("write two whole numbers from {least} on, as in `[8, 3]`")),
        }
    }

    fn value(&mut self) -> Built<Value> {
        Ok(match self.function {
            "sqrt" | "exp" | "log2" | "ln" | "floor" | "ceil" | "min" | "max" => Value::Number(self.of_numbers()?),
            "length" => {
                let [x] = self.exactly("length(x)")?;
                let x = self.secret(&x)?;
                Value::Number(self.c.row_length(x) as f64)
            }
            "real" => {
                let [bit] = self.exactly("real(x < 2)")?;
                let bit = self.body.bit(self.c, &bit)?;
                let guard_bits = self.guard(0)?;
                Value::Real(self.c.real(bit, guard_bits))
            }
            _ => Value::Real(self.of_secrets()?),
        })
    }

    fn of_numbers(&mut self) -> Built<f64> {
        if let "min" | "max" = self.function {
            let [a, b] = self.exactly("max(n, 2)")?;
            let (a, b) = match (self.body.value(self.c, &a)?, self.body.value(self.c, &b)?) {
                (Value::Number(a), Value::Number(b)) => (a, b),
                _ => {
                    return self.fail(
                        "`max` and `min` are of public numbers; write `call max/tree(x)` for the largest of a row, and `select(x > 0, x)` for max(x, 0)",
                    );
                }
            };
            return Ok(if self.function == "min" { a.min(b) } else { a.max(b) });
        }
        let [x] = self.exactly(&format!("{}(2)", self.function))?;
        let x = match self.body.value(self.c, &x)? {
            Value::Number(x) => x,
            other => {
                return self.fail(format!(
                    "`{}` is of public numbers and this is {}; write a series, a polynomial, or a call such as `call exp/limit(x)`",
                    self.function,
                    other.kind()
                ));
            }
        };
        Ok(match self.function {
            "sqrt" => x.sqrt(),
            "exp" => libm::exp(x),
            "log2" => libm::log2(x),
            "ln" => libm::log(x),
            "floor" => x.floor(),
            _ => x.ceil(),
        })
    }

    fn of_secrets(&mut self) -> Built<Secret> {
        Ok(match self.function {
            "abs" => {
                let [x] = self.exactly("abs(x)")?;
                let x = self.secret(&x)?;
                let negative = self.c.less_than(x, 0.0);
                let below = self.c.select(negative, x);
                let twice = self.c.add(below, below);
                self.c.sub(x, twice)
            }
            "select" => self.select()?,
            "sum" | "mean" => {
                let [x] = self.exactly("sum(x)")?;
                let x = self.secret(&x)?;
                let axis = self.axis(x)?;
                if self.function == "sum" { self.c.sum(x, axis) } else { self.c.mean(x, axis) }
            }
            "product" => {
                let [a, b] = self.exactly("product(a, b, guard = 4)")?;
                let (a, b) = (self.secret(&a)?, self.secret(&b)?);
                let guard_bits = self.guard(self.c.guard_bits(a).min(self.c.guard_bits(b)))?;
                self.c.mul_to(a, b, guard_bits)
            }
            "square" => {
                let [x] = self.exactly("square(x, guard = 4)")?;
                let x = self.secret(&x)?;
                let guard_bits = self.guard(self.c.guard_bits(x))?;
                self.c.square_to(x, guard_bits)
            }
            "scale" => {
                let [x, factor] = self.exactly("scale(x, 0.5, guard = 4)")?;
                let (x, factor) = (self.secret(&x)?, self.body.number(self.c, &factor)?);
                let guard_bits = self.guard(self.c.guard_bits(x))?;
                self.c.scale_to(x, factor, guard_bits)
            }
            "guard" => {
                let [x, guard_bits] = self.exactly("guard(x, 4)")?;
                let x = self.secret(&x)?;
                let guard_bits = self.body.count(self.c, &guard_bits, -60, 60, "a number of guard bits")? as i8;
                self.c.precision(x, guard_bits)
            }
            "shift" => {
                let [x, places] = self.exactly("shift(x, -1)")?;
                let x = self.secret(&x)?;
                let places = self.body.count(self.c, &places, -60, 60, "a number of binary places")? as i8;
                self.c.shift(x, places)
            }
            "fourier" => self.fourier()?,
            "table" => self.table()?,
            "power" => self.power()?,
            "level" => self.level()?,
            "polynomial" => self.polynomial()?,
            "matmul" => {
                let [a, b] = self.exactly("matmul(a, b)")?;
                let (a, b) = (self.secret(&a)?, self.secret(&b)?);
                self.c.matmul(a, b)
            }
            "constant" => {
                let [values] = self.exactly("constant([1, 2], shape = [2])")?;
                let values = self.body.list(self.c, &values)?;
                let shape = match self.option("shape") {
                    Some(shape) => self.sizes(&shape)?,
                    None => [values.len()].into(),
                };
                let guard_bits = self.guard(0)?;
                self.c.constant(&values, shape, guard_bits)
            }
            "fill" | "keep" => {
                let [x] = self.exactly("keep(x)")?;
                let x = self.secret(&x)?;
                match (self.body.mask, self.function) {
                    (None, _) => x,
                    (Some(mask), "fill") => mask.fill(self.c, x),
                    (Some(mask), _) => mask.keep(self.c, x),
                }
            }
            _ => self.moved()?,
        })
    }

    /// select(bit, x), or select(bit, x, otherwise).
    fn select(&mut self) -> Built<Secret> {
        let (bit, x, otherwise) = match self.arguments {
            [bit, x] => (bit.clone(), x.clone(), None),
            [bit, x, otherwise] => (bit.clone(), x.clone(), Some(otherwise.clone())),
            _ => {
                return self
                    .fail("write `select(bit, x)` for x where the bit is 1 and 0 elsewhere, or `select(bit, x, y)`");
            }
        };
        let (bit, x) = (self.body.bit(self.c, &bit)?, self.secret(&x)?);
        let Some(otherwise) = otherwise else { return Ok(self.c.select(bit, x)) };
        let otherwise = self.secret(&otherwise)?;
        let difference = self.c.sub(x, otherwise);
        let selected = self.c.select(bit, difference);
        Ok(self.c.add(otherwise, selected))
    }

    fn fourier(&mut self) -> Built<Secret> {
        const EXAMPLE: &str = "fourier(x, period = 16, sines = [1.2, 0.4])";
        let [x] = self.exactly(EXAMPLE)?;
        let x = self.secret(&x)?;
        let period = self.needed("period", EXAMPLE)?;
        let period = self.body.number(self.c, &period)?;
        let mut list = |name: &str| match self.option(name) {
            Some(value) => self.body.list(self.c, &value).map(|list| list.to_vec()),
            None => Ok(Vec::new()),
        };
        let (cosines, sines) = (list("cosines")?, list("sines")?);
        let constant = match self.option("constant") {
            Some(value) => self.body.number(self.c, &value)?,
            None => 0.0,
        };
        let opening = match self.option("remainder") {
            Some(value) => Opening::Remainder { modulus: self.body.number(self.c, &value)? },
            None => Opening::Period,
        };
        let most_guard_bits = match self.option("waves") {
            Some(value) => Some(self.body.count(self.c, &value, 0, 16, "a number of guard bits of waves")? as u8),
            None => None,
        };
        Ok(self.c.fourier(x, Series { period, constant, cosines, sines, opening, most_guard_bits }))
    }

    fn table(&mut self) -> Built<Secret> {
        const EXAMPLE: &str = "table(x, steps = 6, entries = [exp(-i / 64) for i in 0..255])";
        let [x] = self.exactly(EXAMPLE)?;
        let x = self.secret(&x)?;
        let (steps, entries) = (self.needed("steps", EXAMPLE)?, self.needed("entries", EXAMPLE)?);
        let index_fraction_bits =
            self.body.count(self.c, &steps, -60, 60, "the binary logarithm of the steps in a unit")? as i8;
        let entries = self.body.list(self.c, &entries)?.to_vec();
        let guard_bits = self.guard(self.c.guard_bits(x))?;
        Ok(self.c.lookup(x, Table { index_fraction_bits, entries }, guard_bits))
    }

    /// 2^x.
    fn power(&mut self) -> Built<Secret> {
        const EXAMPLE: &str = "power(x, modulus = 128, sector = 4)";
        let [x] = self.exactly(EXAMPLE)?;
        let x = self.secret(&x)?;
        let modulus_bits = self.logarithm("modulus", 10, EXAMPLE)? as u8;
        let sector_bits = self.logarithm("sector", 4, EXAMPLE)? as u8;
        let guard_bits = self.guard(self.c.guard_bits(x))?;
        Ok(self.c.power(x, Sectors { modulus_bits, sector_bits }, guard_bits))
    }

    /// About the largest of the row.
    fn level(&mut self) -> Built<Secret> {
        const EXAMPLE: &str = "level(x, step = 2, levels = 64)";
        let [x] = self.exactly(EXAMPLE)?;
        let x = self.secret(&x)?;
        let step_exponent = self.logarithm("step", 20, EXAMPLE)?;
        let index_bits = self.logarithm("levels", 8, EXAMPLE)? as u8;
        Ok(self.c.level(x, Levels { index_bits, step_exponent }))
    }

    /// The binary logarithm of an option that is a power of two, of 2^`most` at most.
    fn logarithm(&mut self, option: &str, most: i32, example: &str) -> Built<i8> {
        let value = self.needed(option, example)?;
        let number = self.body.number(self.c, &value)?;
        let exponent = number.log2();
        if exponent.fract() == 0.0 && (-20.0..=f64::from(most)).contains(&exponent) {
            Ok(exponent as i8)
        } else {
            self.body.fail(value.at, format!("`{option}` is a power of two, 2^{most} at most; write `{example}`"))
        }
    }

    /// By Horner's rule, from the highest power down.
    fn polynomial(&mut self) -> Built<Secret> {
        const EXAMPLE: &str = "polynomial(x, [0.5, 0.25, 0.125])";
        let [x, coefficients] = self.exactly(EXAMPLE)?;
        let x = self.secret(&x)?;
        let list = self.body.list(self.c, &coefficients)?;
        let [rest @ .., last] = &list[..] else {
            return self
                .body
                .fail(coefficients.at, format!("a polynomial needs a coefficient of x at least; write `{EXAMPLE}`"));
        };
        let Some((linear, rest)) = rest.split_last() else {
            return self
                .body
                .fail(coefficients.at, format!("a polynomial needs a coefficient of x at least; write `{EXAMPLE}`"));
        };
        let highest = self.c.scale(x, *last);
        let mut value = self.c.offset(highest, *linear);
        for &coefficient in rest.iter().rev() {
            let product = self.c.mul(value, x);
            value = self.c.offset(product, coefficient);
        }
        Ok(value)
    }

    fn moved(&mut self) -> Built<Secret> {
        Ok(match self.function {
            "slice" => {
                let [x, start, length] = self.exactly("slice(x, 0, 1)")?;
                let x = self.secret(&x)?;
                let start = self.body.count(self.c, &start, 0, 1 << 40, "a first element")? as usize;
                let length = self.body.count(self.c, &length, 1, 1 << 40, "a number of elements")? as usize;
                let axis = self.axis(x)?;
                self.c.slice(x, axis, start, length)
            }
            "windows" => {
                let [x, start, lengths, steps] = self.exactly("windows(x, -1, [8, 3], [1, 1])")?;
                let x = self.secret(&x)?;
                let start = self.whole(&start)?;
                let (lengths, steps) = (self.two_whole(&lengths, 1.0)?, self.two_whole(&steps, -1e12)?);
                let windows =
                    Windows { axis: self.axis(x)?, start, lengths: lengths.map(|length| length as usize), steps };
                self.c.windows(x, windows)
            }
            "concat" => {
                let arguments = self.arguments.to_vec();
                let parts = arguments.iter().map(|part| self.secret(part)).collect::<Built<Vec<Secret>>>()?;
                let Some(&first) = parts.first() else { return self.fail("write `concat(a, b)`") };
                let axis = self.axis(first)?;
                self.c.concat(&parts, axis)
            }
            "reshape" | "broadcast" => {
                let [x, shape] = self.exactly("reshape(x, [2, 8])")?;
                let (x, shape) = (self.secret(&x)?, self.sizes(&shape)?);
                if self.function == "reshape" { self.c.reshape(x, shape) } else { self.c.broadcast(x, shape) }
            }
            "transpose" => {
                let [x, order] = self.exactly("transpose(x, [1, 0])")?;
                let x = self.secret(&x)?;
                let list = self.body.list(self.c, &order)?;
                if list.iter().any(|axis| axis.fract() != 0.0 || !(0.0..=15.0).contains(axis)) {
                    return self.body.fail(order.at, "an order is a list of axes, as in `[1, 0]`");
                }
                let axes: Vec<u8> = list.iter().map(|&axis| axis as u8).collect();
                self.c.transpose(x, &axes)
            }
            unknown => {
                return self.fail(format!(
                    "there is no function `{unknown}`; write one of {FUNCTIONS}, or `call function/variant(x)`"
                ));
            }
        })
    }
}
