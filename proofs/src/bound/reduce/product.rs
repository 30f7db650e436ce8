//! The output as a product: what an element gives, times what the row gives.

use super::sort::{Class, ROW, Reduction, Sorter};
use super::{ClaimUsed, Irreducible, Link, Normalised, Quadratic, Reduced, Shift};
use crate::bound::tape::{Algebra, Register, Scalar, Step, Tape, TapeInput, TapeOutput};
use std::collections::HashMap;
use viewless_protocols::circuit::Owner;
use viewless_protocols::fixed::{self, RING_BITS, power_of_two};
use viewless_protocols::scheme::laws;

impl Sorter<'_> {
    pub(super) fn normalised(&self, output: u32) -> Result<Reduced, Irreducible> {
        let (variable, shift) = self.shift()?;
        let mut links = Vec::new();
        let mut factors = Vec::new();
        let mut early = self.early(variable);
        let fallen = if shift == Shift::None { self.fallen(&early) } else { vec![false; early.len()] };
        early.iter_mut().zip(&fallen).for_each(|(early, fallen)| *early |= fallen);
        let factor = self.product(output, &early, &mut links, &mut factors)?;
        // The sum that the factors depend on.
        let mut sums = Vec::new();
        factors.iter().for_each(|&row| self.reached(row, &mut sums));
        sums.sort_unstable();
        sums.dedup();
        let [sum] = sums[..] else {
            return Err(Irreducible {
                step: output as usize,
                why: "the output depends on several reductions of the row",
            });
        };
        let Reduction::Sum(summand) = self.reductions[sum] else {
            return Err(Irreducible { step: output as usize, why: "the output depends on the maximum itself" });
        };
        let falls = fallen[factor as usize];
        if fallen[summand as usize] != falls {
            let why = "the maximum is taken from one of what is summed and what is given, not from both";
            return Err(Irreducible { step: output as usize, why });
        }
        let element = self.element_tape(variable, falls, &[("summand", summand), ("factor", factor)])?;
        let (mut claims_of_element, mut claims_of_shifted) = (Vec::new(), Vec::new());
        let mut row_claims = Vec::new();
        let mut row_outputs = factors.clone();
        for (position, claim) in self.tape.claims.iter().enumerate() {
            let used = ClaimUsed { low: claim.low, high: claim.high, position };
            match claim.registers.first().map(|&register| self.class(register)) {
                // Claims about every element; those about parts of a maximum are claims about less.
                Some(Class::Element { template, .. }) if claim.registers.len() == self.length => {
                    if *template == variable {
                        claims_of_shifted.push(used);
                    } else if *template == 0 {
                        claims_of_element.push(used);
                    }
                }
                Some(&Class::Row(id)) if claim.registers.len() == 1 => {
                    let mut reached = Vec::new();
                    self.reached(id, &mut reached);
                    if reached == [sum] {
                        row_outputs.push(id);
                        row_claims.push(used);
                    }
                }
                // A claim that is not made use of leaves more rows to be bounded.
                Some(Class::Element { .. } | Class::Row(_) | Class::Largest { .. } | Class::Mixed | Class::Dead)
                | None => {}
            }
        }
        let row = self.row_tape(sum, &row_outputs);
        let (summand, factor) = (self.quadratic(summand, variable), self.quadratic(factor, variable));
        Ok(Reduced::Normalised(Box::new(Normalised {
            shift,
            element,
            falls,
            row,
            factors: factors.len(),
            links,
            row_claims,
            claims_of_element,
            claims_of_shifted,
            summand,
            factor,
        })))
    }

    /// The template of u, and what u is.
    fn shift(&self) -> Result<(u32, Shift), Irreducible> {
        let over_elements = |&k: &usize| matches!(self.reductions[k], Reduction::Sum(0) | Reduction::Maximum(0));
        let of_elements: Vec<usize> = (0..self.reductions.len()).filter(over_elements).collect();
        for (template, step) in self.templates.iter().enumerate() {
            let Scalar::Sub(0, row) = step.scalar else { continue };
            if row & ROW == 0 {
                continue;
            }
            let mut reached = Vec::new();
            self.reached(row & !ROW, &mut reached);
            let [k] = reached[..] else { continue };
            if !of_elements.contains(&k) {
                continue;
            }
            let row = row & !ROW;
            let shift = match (self.reductions[k], &self.rows[row as usize].scalar) {
                (Reduction::Maximum(_), Scalar::Input(_)) => Shift::Maximum,
                (Reduction::Maximum(_), _) => {
                    return Err(Irreducible {
                        step: template,
                        why: "more than the maximum is taken from the elements",
                    });
                }
                (Reduction::Sum(_), _) => Shift::Mean(self.row_tape(k, &[row])),
            };
            return Ok((template as u32, shift));
        }
        Ok((0, Shift::None))
    }

    /// The reductions that a row register depends on.
    fn reached(&self, row: u32, found: &mut Vec<usize>) {
        let mut pending = vec![row];
        let mut visited = vec![false; self.rows.len()];
        while let Some(row) = pending.pop() {
            if std::mem::replace(&mut visited[row as usize], true) {
                continue;
            }
            let scalar = &self.rows[row as usize].scalar;
            if let Scalar::Input(k) = scalar {
                found.push(*k);
            }
            scalar.for_each_argument(|argument| pending.push(argument));
        }
        found.sort_unstable();
        found.dedup();
    }

    /// For each template whether it is made of u and public numbers alone.
    fn early(&self, variable: u32) -> Vec<bool> {
        let mut public = Vec::with_capacity(self.rows.len());
        for step in &self.rows {
            let mut is_public = !matches!(step.scalar, Scalar::Input(_));
            step.scalar.for_each_argument(|argument| is_public &= public[argument as usize]);
            public.push(is_public);
        }
        let mut early = Vec::with_capacity(self.templates.len());
        for (template, step) in self.templates.iter().enumerate() {
            let mut is_early = !matches!(step.scalar, Scalar::Input(_));
            step.scalar.for_each_argument(|argument| {
                is_early &=
                    if argument & ROW == 0 { early[argument as usize] } else { public[(argument & !ROW) as usize] };
            });
            early.push(is_early || template == variable as usize);
        }
        early
    }

    /// For each template whether it is an early one less the largest element, once, but for a public number.
    fn fallen(&self, early: &[bool]) -> Vec<bool> {
        let mut fallen = Vec::with_capacity(self.templates.len());
        for step in &self.templates {
            fallen.push(match step.scalar.algebra() {
                Algebra::Sub(a, row) if a & ROW == 0 && row & ROW != 0 => early[a as usize] && self.is_largest_row(row),
                Algebra::Offset(a, _) if a & ROW == 0 => fallen[a as usize],
                Algebra::Add(..)
                | Algebra::Sub(..)
                | Algebra::Neg(_)
                | Algebra::Scale(..)
                | Algebra::Offset(..)
                | Algebra::Shift(_)
                | Algebra::Precision(_)
                | Algebra::Mul(..)
                | Algebra::Square(_)
                | Algebra::Other => false,
            });
        }
        fallen
    }

    /// Whether a row register is the largest element itself.
    fn is_largest_row(&self, row: u32) -> bool {
        matches!(self.rows[(row & !ROW) as usize].scalar, Scalar::Input(k) if self.reductions[k] == Reduction::Maximum(0))
    }

    /// Takes the output apart into a(u), row factors and public numbers; the template of a(u).
    fn product(
        &self,
        template: u32,
        early: &[bool],
        links: &mut Vec<Link>,
        factors: &mut Vec<u32>,
    ) -> Result<u32, Irreducible> {
        if early[template as usize] {
            return Ok(template);
        }
        let irreducible = |why| Irreducible { step: template as usize, why };
        let step = &self.templates[template as usize];
        let to = i32::from(step.fraction_bits);
        let bits = |argument: u32| {
            let steps = if argument & ROW == 0 { &self.templates } else { &self.rows };
            i32::from(steps[(argument & !ROW) as usize].fraction_bits)
        };
        let constant = |argument: u32| match self.rows.get((argument & !ROW) as usize) {
            Some(Step { scalar: Scalar::Constant(number), .. }) if argument & ROW != 0 => Some(*number),
            Some(_) | None => None,
        };
        let truncates = |links: &mut Vec<Link>, from: i32| {
            if from > to {
                links.push(Link::Truncation(step.fraction_bits));
            }
        };
        match step.scalar.algebra() {
            Algebra::Mul(a, b) => {
                let (inner, outer) = match (a & ROW, b & ROW) {
                    (0, ROW) => (a, b),
                    (ROW, 0) => (b, a),
                    _ => return Err(irreducible("a product of two values of an element that know the row")),
                };
                let found = self.product(inner, early, links, factors)?;
                let from = bits(a) + bits(b);
                if let Some(number) = constant(outer) {
                    let word = fixed::encode(number, bits(outer) as u8, RING_BITS);
                    let word = word.map_err(|_| irreducible("a public number without an encoding"))? as i64;
                    let ring = word as f64 * power_of_two(-bits(outer));
                    links.push(Link::Number { ring, real: number, bits: from });
                    // Exact when the product is a multiple of what is cut off.
                    if i64::from(word.trailing_zeros().min(62)) < i64::from(from - to) {
                        truncates(links, from);
                    }
                } else {
                    links.push(Link::Factor(factors.len(), from));
                    factors.push(outer & !ROW);
                    truncates(links, from);
                }
                Ok(found)
            }
            Algebra::Add(a, b) | Algebra::Sub(a, b) if constant(b) == Some(0.0) => {
                self.product(a, early, links, factors)
            }
            Algebra::Add(a, b) if constant(a) == Some(0.0) => self.product(b, early, links, factors),
            Algebra::Precision(a) => {
                let found = self.product(a, early, links, factors)?;
                truncates(links, bits(a));
                Ok(found)
            }
            Algebra::Neg(a) => {
                let found = self.product(a, early, links, factors)?;
                links.push(Link::Number { ring: -1.0, real: -1.0, bits: to });
                Ok(found)
            }
            Algebra::Shift(a) => {
                let found = self.product(a, early, links, factors)?;
                let factor = power_of_two(bits(a) - to);
                links.push(Link::Number { ring: factor, real: factor, bits: to });
                Ok(found)
            }
            Algebra::Scale(a, factor) => {
                let found = self.product(a, early, links, factors)?;
                let (multiplier, exponent) = laws::multiplier(factor, step.fraction_bits, self.tape.fixed);
                let ring = multiplier as f64 * power_of_two(-exponent);
                links.push(Link::Number { ring, real: factor, bits: bits(a) + exponent });
                truncates(links, bits(a) + exponent);
                Ok(found)
            }
            Algebra::Add(..) | Algebra::Sub(..) | Algebra::Offset(..) | Algebra::Square(_) | Algebra::Other => {
                Err(irreducible("the output is no product of an element's value and the row's"))
            }
        }
    }

    /// The tape from u to some templates; `falls`: as if the largest element were 0.
    fn element_tape(&self, variable: u32, falls: bool, outputs: &[(&str, u32)]) -> Result<Tape, Irreducible> {
        let mut tape = self.empty("u", self.templates[variable as usize].fraction_bits);
        let mut done: HashMap<u32, Register> = HashMap::from([(variable, 0)]);
        for row in (0..self.rows.len() as u32).filter(|&row| falls && self.is_largest_row(row)) {
            let fraction_bits = self.rows[row as usize].fraction_bits;
            tape.steps.push(Step::whole(Scalar::Constant(0.0), fraction_bits));
            done.insert(row | ROW, tape.steps.len() as Register - 1);
        }
        for &(name, template) in outputs {
            let register = self.copy_template(template, &mut tape, &mut done)?;
            let fraction_bits = self.templates[template as usize].fraction_bits;
            tape.outputs.push(TapeOutput {
                name: name.to_owned(),
                registers: vec![register],
                fraction_bits,
                room_bits: None,
            });
        }
        Ok(tape)
    }

    fn copy_template(
        &self,
        id: u32,
        tape: &mut Tape,
        done: &mut HashMap<u32, Register>,
    ) -> Result<Register, Irreducible> {
        if let Some(&register) = done.get(&id) {
            return Ok(register);
        }
        let steps = if id & ROW == 0 { &self.templates } else { &self.rows };
        let step = &steps[(id & !ROW) as usize];
        if matches!(step.scalar, Scalar::Input(_)) {
            return Err(Irreducible {
                step: (id & !ROW) as usize,
                why: "what is summed depends on the row in another way than by a shift",
            });
        }
        let mut arguments = Vec::new();
        step.scalar.for_each_argument(|argument| arguments.push(argument | (id & ROW)));
        for argument in arguments {
            self.copy_template(argument, tape, done)?;
        }
        let scalar = step.scalar.with_arguments(|argument| done[&(argument | (id & ROW))]);
        tape.steps.push(Step { scalar, fraction_bits: step.fraction_bits, room_bits: step.room_bits });
        let register = tape.steps.len() as Register - 1;
        done.insert(id, register);
        Ok(register)
    }

    /// The tape from a reduction to some row registers, which depend on no other.
    fn row_tape(&self, reduction: usize, outputs: &[u32]) -> Tape {
        let input = self.rows.iter().position(|step| step.scalar == Scalar::Input(reduction)).unwrap_or(0) as u32;
        let mut tape = self.empty("sum", self.rows[input as usize].fraction_bits);
        let mut needed = vec![false; self.rows.len()];
        outputs.iter().for_each(|&row| needed[row as usize] = true);
        for row in (0..self.rows.len()).rev().filter(|&row| row != input as usize) {
            if needed[row] {
                self.rows[row].scalar.for_each_argument(|argument| needed[argument as usize] = true);
            }
        }
        let mut registers = vec![0; self.rows.len()];
        for (row, step) in self.rows.iter().enumerate() {
            if needed[row] && row != input as usize {
                let scalar = step.scalar.with_arguments(|argument| registers[argument as usize]);
                tape.steps.push(Step { scalar, fraction_bits: step.fraction_bits, room_bits: step.room_bits });
                registers[row] = tape.steps.len() as Register - 1;
            }
        }
        for &row in outputs {
            tape.outputs.push(TapeOutput {
                name: String::new(),
                registers: vec![registers[row as usize]],
                fraction_bits: self.rows[row as usize].fraction_bits,
                room_bits: None,
            });
        }
        tape
    }

    fn empty(&self, input: &str, fraction_bits: u8) -> Tape {
        Tape {
            steps: vec![Step::whole(Scalar::Input(0), fraction_bits)],
            inputs: vec![TapeInput { owner: Owner::Client, name: input.to_owned(), start: 0, elements: 1 }],
            outputs: Vec::new(),
            claims: Vec::new(),
            fixed: self.tape.fixed,
        }
    }

    /// An element register as a polynomial of second degree in u, if it is one.
    fn quadratic(&self, template: u32, variable: u32) -> Option<Quadratic> {
        if template == variable {
            return Some(Quadratic { square: 0.0, linear: 1.0, constant: 0.0, error: 0.0 });
        }
        let step = &self.templates[template as usize];
        let of = |argument: u32| (argument & ROW == 0).then(|| self.quadratic(argument, variable)).flatten();
        let unit = power_of_two(-i32::from(step.fraction_bits));
        let bits = |argument: u32| i32::from(self.templates[argument as usize].fraction_bits);
        let rounded = |from: i32| if from > i32::from(step.fraction_bits) { unit } else { 0.0 };
        match step.scalar.algebra() {
            Algebra::Offset(a, summand) => {
                let inner = of(a)?;
                // The encoding of the number must be exact.
                let exact = (summand / unit).fract() == 0.0;
                exact.then_some(Quadratic { constant: inner.constant + summand, ..inner })
            }
            Algebra::Precision(a) => {
                let inner = of(a)?;
                Some(Quadratic { error: inner.error + rounded(bits(a)), ..inner })
            }
            Algebra::Mul(a, b) if a == b && a & ROW == 0 => square(of(a)?, rounded(2 * bits(a))),
            Algebra::Square(a) => square(of(a)?, rounded(2 * bits(a))),
            Algebra::Add(..)
            | Algebra::Sub(..)
            | Algebra::Neg(_)
            | Algebra::Scale(..)
            | Algebra::Shift(_)
            | Algebra::Mul(..)
            | Algebra::Other => None,
        }
    }
}

/// The square of a linear function without errors.
fn square(inner: Quadratic, error: f64) -> Option<Quadratic> {
    (inner.square == 0.0 && inner.error == 0.0).then_some(Quadratic {
        square: inner.linear * inner.linear,
        linear: 2.0 * inner.linear * inner.constant,
        constant: inner.constant * inner.constant,
        error,
    })
}
