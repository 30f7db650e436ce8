//! The output as a product: what an element gives, times what the row gives.

use super::sort::{Class, ROW, Reduction, Sorter};
use super::{ClaimUsed, Irreducible, Link, Normalised, Quadratic, Reduced, Shift};
use crate::bound::tape::{Algebra, Register, Scalar, Step, Tape, TapeClaim, TapeInput, TapeOutput};
use std::collections::HashMap;
use viewless_protocols::circuit::Owner;
use viewless_protocols::fixed::{self, RING_BITS, power_of_two};
use viewless_protocols::scheme::additive2::truncation::EXACT_HEADROOM_BITS;
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
        let mut claims_of_shifted = self.claims_of(variable, 0.0);
        if let Shift::Level { .. } = shift {
            // A level is below the largest element, so that a number is taken from all before they are exponents, and claimed about.
            for (template, step) in self.templates.iter().enumerate() {
                if let Scalar::Offset(a, offset) = step.scalar
                    && a == variable
                {
                    claims_of_shifted.extend(self.claims_of(template as u32, offset));
                }
            }
        }
        let claims_of_element = if variable == 0 { Vec::new() } else { self.claims_of(0, 0.0) };
        let mut row_claims = Vec::new();
        let mut row_outputs = factors.clone();
        for (position, claim) in self.tape.claims.iter().enumerate() {
            if let [register] = claim.registers[..]
                && let &Class::Row(id) = self.class(register)
            {
                let mut reached = Vec::new();
                self.reached(id, &mut reached);
                if reached == [sum] {
                    row_outputs.push(id);
                    row_claims.push(ClaimUsed { low: claim.low, high: claim.high, position, offset: 0.0 });
                }
            }
        }
        let row = self.row_tape(sum, &row_outputs);
        if let [output] = &self.tape.outputs[..]
            && let Some(room_bits) = output.room_bits
        {
            links.push(Link::Room { bits: i32::from(output.fraction_bits), room_bits });
        }
        let quadratics = [summand, factor].map(|template| self.quadratic(template, variable));
        // A polynomial says nothing of the rings on its way, and what falls by the maximum is bounded as if that were 0, which says nothing of them either.
        let (mut of_element, mut ends) = (Vec::new(), vec![variable]);
        for (template, polynomial) in [summand, factor].into_iter().zip(&quadratics) {
            if polynomial.is_none() { of_element.push(template) } else { ends.push(template) }
        }
        let none = vec![false; self.classes.len()];
        let held = if falls { none } else { self.held(&ends, (sum, output), &of_element, &row_outputs) };
        let [summand, factor] = quadratics;
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
            held,
        })))
    }

    /// Domains claimed for every element of a template; those about parts of a maximum are claims about less. A claim that is not made use of leaves more
    /// rows to be bounded.
    pub(super) fn claims_of(&self, wanted: u32, offset: f64) -> Vec<ClaimUsed> {
        let is_about = |registers: &[Register]| {
            let first = registers.first().map(|&register| self.class(register));
            registers.len() == self.length
                && matches!(first, Some(Class::Element { template, .. }) if *template == wanted)
        };
        let claims = self.tape.claims.iter().enumerate().filter(|(_, claim)| is_about(&claim.registers));
        let used = |(position, claim): (usize, &TapeClaim)| ClaimUsed {
            low: claim.low - offset,
            high: claim.high - offset,
            position,
            offset,
        };
        claims.map(used).collect()
    }

    /// For each step of the tape whether it is one of the reduced circuit's: of the element's tape between its `ends` and an element, of the row's from
    /// the reduction `sum` on, or a link of the output.
    fn held(&self, ends: &[u32], (sum, output): (usize, u32), of_element: &[u32], of_row: &[u32]) -> Vec<bool> {
        let mut templates = vec![false; self.templates.len()];
        let mut rows = vec![false; self.rows.len()];
        let mut pending: Vec<u32> = of_element.iter().copied().chain(of_row.iter().map(|row| row | ROW)).collect();
        // Links: what lies between the output and a(u).
        pending.push(output);
        while let Some(id) = pending.pop() {
            let (seen, steps) = if id & ROW == 0 { (&mut templates, &self.templates) } else { (&mut rows, &self.rows) };
            let at = (id & !ROW) as usize;
            if std::mem::replace(&mut seen[at], true) || ends.contains(&id) {
                continue;
            }
            steps[at].scalar.for_each_argument(|argument| pending.push(argument | (id & ROW)));
        }
        // What a tape begins with is known to it by its interval alone.
        ends.iter().for_each(|&end| templates[end as usize] = false);
        let is_begun_with =
            |step: &Step, with: Option<usize>| matches!(step.scalar, Scalar::Input(k) if Some(k) != with);
        templates.iter_mut().zip(&self.templates).for_each(|(held, step)| *held &= !is_begun_with(step, None));
        rows.iter_mut().zip(&self.rows).for_each(|(held, step)| *held &= !is_begun_with(step, Some(sum)));
        let holds = |class: &Class| match *class {
            Class::Element { template, .. } => templates[template as usize],
            Class::Row(row) => rows[self.twins.get(&row).copied().unwrap_or(row) as usize],
            Class::Largest { .. } | Class::Mixed | Class::Dead => false,
        };
        self.classes.iter().map(holds).collect()
    }

    /// The template of u, and what u is.
    fn shift(&self) -> Result<(u32, Shift), Irreducible> {
        let over_elements = |&k: &usize| matches!(self.reductions[k], Reduction::Sum(0) | Reduction::Maximum(0));
        let of_elements: Vec<usize> = (0..self.reductions.len()).filter(over_elements).collect();
        for (template, step) in self.templates.iter().enumerate() {
            if let Scalar::Sub(minuend, row) = step.scalar
                && let Some((variable, shift)) =
                    self.level(template, minuend, row)?.or(self.centred(template, minuend, row))
            {
                return Ok((variable, shift));
            }
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
            self.is_no_twin(row, template)?;
            let shift = match (self.reductions[k], &self.rows[row as usize].scalar) {
                (Reduction::Maximum(_), Scalar::Input(_)) => Shift::Maximum,
                (Reduction::Maximum(_), _) => {
                    return Err(Irreducible {
                        step: template,
                        why: "more than the maximum is taken from the elements",
                    });
                }
                (Reduction::Sum(_), _) => Shift::Mean(self.row_tape(k, &[row])),
                // Found above, where it is taken as it is.
                (Reduction::Level(..), _) => continue,
            };
            return Ok((template as u32, shift));
        }
        Ok((0, Shift::None))
    }

    /// The reduction that a row register is, as it is.
    fn reduction_at(&self, row: u32) -> Option<Reduction> {
        let step = (row & ROW != 0).then(|| &self.rows[(row & !ROW) as usize])?;
        if let Scalar::Input(k) = step.scalar { Some(self.reductions[k]) } else { None }
    }

    /// What is leveled less its level, where it is a multiple of the elements.
    fn level(&self, template: usize, minuend: u32, row: u32) -> Result<Option<(u32, Shift)>, Irreducible> {
        let Some(Reduction::Level(of, levels)) = self.reduction_at(row) else { return Ok(None) };
        if of != minuend {
            return Ok(None);
        }
        let scaled = self.element_tape(0, false, &[("scaled", minuend)])?;
        let factor = match scaled.steps[..] {
            [_] => None,
            [_, Step { scalar: Scalar::Scale(0, factor), .. }] if factor > 0.0 => Some(factor),
            _ => {
                let why = "the level is of something that is no positive multiple of the elements";
                return Err(Irreducible { step: template, why });
            }
        };
        Ok(Some((template as u32, Shift::Level { levels, scaled, factor })))
    }

    /// n x less the sum of all x, which is n (x - mean) without an error; with the binary point moved where that is done next.
    fn centred(&self, template: usize, minuend: u32, row: u32) -> Option<(u32, Shift)> {
        let multiple = (minuend & ROW == 0).then(|| &self.templates[minuend as usize])?;
        let (Some(Reduction::Sum(0)), Scalar::Scale(0, factor)) = (self.reduction_at(row), &multiple.scalar) else {
            return None;
        };
        let (bits, sum_bits) = (multiple.fraction_bits, self.rows[(row & !ROW) as usize].fraction_bits);
        let (multiplier, exponent) = laws::multiplier(*factor, bits, self.tape.fixed);
        // Nothing is cut off, and the factor is n itself.
        let is_exact = exponent <= 0 && multiplier as f64 * power_of_two(-exponent) == *factor;
        if *factor != self.length as f64 || !is_exact || [bits, sum_bits] != [self.templates[0].fraction_bits; 2] {
            return None;
        }
        let moves = |step: &Step| matches!(step.scalar, Scalar::Shift(a) if a as usize == template);
        let variable = self.templates.iter().position(moves).unwrap_or(template);
        let by = i32::from(bits) - i32::from(self.templates[variable].fraction_bits);
        Some((variable as u32, Shift::Centred { factor: factor * power_of_two(by) }))
    }

    /// Refuses a row register in whose place positions have others, where it must be the same one for all.
    fn is_no_twin(&self, row: u32, step: usize) -> Result<(), Irreducible> {
        let why = "positions have each a number of their own where they should share one of the row";
        if self.twins.contains_key(&row) { Err(Irreducible { step, why }) } else { Ok(()) }
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
        let found = self.factors(template, early, links, factors)?;
        // What is lifted must be one of its ring.
        let step = &self.templates[template as usize];
        if let Some(room_bits) = step.number_bits {
            links.push(Link::Room { bits: i32::from(step.fraction_bits), room_bits });
        }
        Ok(found)
    }

    /// As [`Sorter::product`], of a step that is not early.
    fn factors(
        &self,
        template: u32,
        early: &[bool],
        links: &mut Vec<Link>,
        factors: &mut Vec<u32>,
    ) -> Result<u32, Irreducible> {
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
        // What is cut off, and the room that it needs in a ring that is narrower than that of whole words.
        let cut = |links: &mut Vec<Link>, bits: i32, is_exact: bool| {
            if bits > to && step.room_bits < EXACT_HEADROOM_BITS {
                links.push(Link::Room { bits, room_bits: step.room_bits });
            }
            if bits > to && !is_exact {
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
                    cut(links, from, i64::from(word.trailing_zeros().min(62)) >= i64::from(from - to));
                } else {
                    links.push(Link::Factor(factors.len(), from));
                    factors.push(outer & !ROW);
                    cut(links, from, false);
                }
                Ok(found)
            }
            Algebra::Add(a, b) | Algebra::Sub(a, b) if constant(b) == Some(0.0) => {
                self.product(a, early, links, factors)
            }
            Algebra::Add(a, b) if constant(a) == Some(0.0) => self.product(b, early, links, factors),
            Algebra::Precision(a) => {
                let found = self.product(a, early, links, factors)?;
                cut(links, bits(a), false);
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
                cut(links, bits(a) + exponent, false);
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
        if id & ROW != 0 {
            self.is_no_twin(id & !ROW, (id & !ROW) as usize)?;
        }
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
        tape.steps.push(Step { scalar, ..*step });
        let register = tape.steps.len() as Register - 1;
        done.insert(id, register);
        Ok(register)
    }

    /// The tape from a reduction to some row registers, which depend on no other.
    fn row_tape(&self, reduction: usize, outputs: &[u32]) -> Tape {
        let input = self.rows.iter().position(|step| step.scalar == Scalar::Input(reduction)).unwrap_or(0) as u32;
        let mut tape = self.empty("sum", self.rows[input as usize].fraction_bits);
        tape.steps[0].number_bits = self.rows[input as usize].number_bits;
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
                tape.steps.push(Step { scalar, ..*step });
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
            return Some(Quadratic { square: 0.0, linear: 1.0, constant: 0.0, error: 0.0, growth: 0.0 });
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

/// The square of a linear function: of one that is off by e, 2 e times it and e^2 are added.
fn square(inner: Quadratic, rounded: f64) -> Option<Quadratic> {
    let Quadratic { linear, constant, error, .. } = inner;
    // Far more than what f64 loses where errors are no powers of two.
    let more = if error == 0.0 { 1.0 } else { 1.0 + 1e-12 };
    (inner.square == 0.0 && inner.growth == 0.0).then_some(Quadratic {
        square: linear * linear,
        linear: 2.0 * linear * constant,
        constant: constant * constant,
        error: (error * error + 2.0 * error * constant.abs()) * more + rounded,
        growth: 2.0 * error * linear.abs() * more,
    })
}
