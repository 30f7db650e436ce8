//! A circuit of one row, reduced to tapes of one number each.
//!
//! In a protocol of rows every element is treated alike, and elements meet only in sums over the row and in its maximum. So the
//! registers of a tape fall into
//! - *row* registers, made of public numbers and of what was reduced over the row;
//! - *element* registers, one for each position, made of that position's element and of row registers. The i-th element register of
//!   every position must be the same operation on corresponding arguments: then all positions share one *template*;
//! - pieces of a maximum, by the lemma below.
//!
//! **Sums.** A sum of one template over every position, each once, is a row register.
//!
//! **Maxima.** Let a and b be the largest elements of two sets of positions. Comparison, difference and selection are exact while
//! differences keep the headroom, so a + [a < b] (b - a) *is* the largest of the union: no randomness enters. Over all positions it
//! is a row register.
//!
//! **What is left** ([`Normalised`]): elements u = x - c, where c is nothing, the maximum, or a mean (a function of the row's sum);
//! one sum S over the row of a function of u; and the output a(u) W(S), a product of an element register that knows only u
//! with row registers that know only S. Everything else is [`Irreducible`], with the reason.
//!
//! Registers are never merged for being equal: each truncation has randomness of its own.

use super::tape::{Register, Scalar, Step, Tape, TapeInput, TapeOutput};
use std::collections::HashMap;
use thiserror::Error;
use viewless_protocols::circuit::Owner;
use viewless_protocols::fixed::{self, RING_BITS, power_of_two};
use viewless_protocols::scheme::laws;

/// Why a circuit is not reduced.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("step {step}: {why}")]
pub struct Irreducible {
    /// Position in the tape, or in the list of what is the same for every element.
    pub step: usize,
    /// What was found.
    pub why: &'static str,
}

/// A reduced circuit.
#[derive(Debug, Clone, PartialEq)]
pub enum Reduced {
    /// The output is the largest element itself.
    Maximum,
    /// The output is an element function over a row function.
    Normalised(Box<Normalised>),
}

/// See the module's text.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalised {
    /// What is taken from every element first.
    pub shift: Shift,
    /// From u to what it adds to the sum, and to a(u): outputs `summand` and `factor`.
    pub element: Tape,
    /// From S to the row factors of the output, in order, then to the claimed row quantities.
    pub row: Tape,
    /// Number of row factors.
    pub factors: usize,
    /// How the output is made of a(u), from the inside out.
    pub links: Vec<Link>,
    /// Domains claimed for the row outputs after the factors.
    pub row_claims: Vec<(f64, f64)>,
    /// Domains claimed for the element itself.
    pub claims_of_element: Vec<(f64, f64)>,
    /// Domains claimed for u.
    pub claims_of_shifted: Vec<(f64, f64)>,
    /// u^2 + `linear` u + `constant`, to within so many units, if the summand is a square; and a(u) likewise.
    pub summand: Option<Quadratic>,
    /// See `summand`.
    pub factor: Option<Quadratic>,
}

/// What is taken from every element first.
#[derive(Debug, Clone, PartialEq)]
pub enum Shift {
    /// Nothing.
    None,
    /// The largest element of the row, exactly.
    Maximum,
    /// What the tape makes of the sum of all elements.
    Mean(Tape),
}

/// One step of the output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Link {
    /// Times a row factor; the product has so many fraction bits before it is brought to another precision.
    Factor(usize, i32),
    /// Times a public number, as it is encoded in the ring, and as it is meant.
    Number {
        /// In the ring.
        ring: f64,
        /// Over the reals.
        real: f64,
        /// Fraction bits of the product.
        bits: i32,
    },
    /// Truncated to so many fraction bits.
    Truncation(u8),
}

/// `square` u^2 + `linear` u + `constant`, exactly over the reals; in the ring to within `error`, in real units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quadratic {
    /// Coefficient of u^2.
    pub square: f64,
    /// Coefficient of u.
    pub linear: f64,
    /// The rest.
    pub constant: f64,
    /// Bound of what truncations add.
    pub error: f64,
}

/// Marks a row register among the arguments of a template.
const ROW: u32 = 1 << 31;

/// What a register is.
#[derive(Debug, Clone)]
enum Class {
    Row(u32),
    Element { template: u32, position: u32 },
    Largest { template: u32, of: Vec<u64> },
    Less(Register, Register),
    Difference { of: Register, less: Register },
    Gain { from: Register, to: Register },
}

/// A reduction over the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reduction {
    Sum(u32),
    Maximum(u32),
}

struct Sorter<'a> {
    tape: &'a Tape,
    length: usize,
    classes: Vec<Class>,
    /// Templates of elements; arguments are templates, or row registers with [`ROW`].
    templates: Vec<Step>,
    /// Templates seen at each position.
    seen: Vec<usize>,
    /// Row registers; `Scalar::Input(k)` is the k-th reduction.
    rows: Vec<Step>,
    reductions: Vec<Reduction>,
    constants: HashMap<(u64, u8), u32>,
}

/// Reduces the circuit of one row: elements are those of the input called `input`, and other inputs are public numbers, the same in
/// every column.
///
/// # Errors
/// [`Irreducible`] says which step is not of the kind described above.
pub fn reduce(tape: &Tape, input: &str, others: &[(&str, f64)]) -> Result<Reduced, Irreducible> {
    let row = tape.inputs.iter().find(|candidate| candidate.name == input);
    let row = row.ok_or(Irreducible { step: 0, why: "there is no such input" })?;
    let mut sorter = Sorter {
        tape,
        length: row.elements,
        classes: Vec::with_capacity(tape.steps.len()),
        templates: Vec::new(),
        seen: vec![0; row.elements],
        rows: Vec::new(),
        reductions: Vec::new(),
        constants: HashMap::new(),
    };
    for (position, step) in tape.steps.iter().enumerate() {
        let class = sorter.sort(position, step, row, others)?;
        sorter.classes.push(class);
    }
    sorter.finish()
}

fn union(a: &[u64], b: &[u64]) -> Vec<u64> {
    a.iter().zip(b).map(|(a, b)| a | b).collect()
}

impl Sorter<'_> {
    fn constant(&mut self, number: f64, fraction_bits: u8) -> Class {
        let next = self.rows.len() as u32;
        let id = *self.constants.entry((number.to_bits(), fraction_bits)).or_insert(next);
        if id == next {
            self.rows.push(Step { scalar: Scalar::Constant(number), fraction_bits });
        }
        Class::Row(id)
    }

    fn reduction(&mut self, reduction: Reduction, fraction_bits: u8) -> Class {
        self.reductions.push(reduction);
        self.rows.push(Step { scalar: Scalar::Input(self.reductions.len() - 1), fraction_bits });
        Class::Row(self.rows.len() as u32 - 1)
    }

    fn class(&self, register: Register) -> &Class {
        &self.classes[register as usize]
    }

    /// The template and the positions of a register that is the largest of some.
    fn largest(&self, register: Register) -> Option<(u32, Vec<u64>)> {
        match self.class(register) {
            &Class::Element { template, position } => {
                let mut of = vec![0; self.length.div_ceil(64)];
                of[position as usize / 64] |= 1 << (position % 64);
                Some((template, of))
            }
            Class::Largest { template, of } => Some((*template, of.clone())),
            Class::Row(_) | Class::Less(..) | Class::Difference { .. } | Class::Gain { .. } => None,
        }
    }

    fn sort(
        &mut self,
        position: usize,
        step: &Step,
        row: &TapeInput,
        others: &[(&str, f64)],
    ) -> Result<Class, Irreducible> {
        let irreducible = |why| Irreducible { step: position, why };
        match step.scalar {
            Scalar::Constant(number) => return Ok(self.constant(number, step.fraction_bits)),
            Scalar::Input(i) if (row.start..row.start + row.elements).contains(&i) => {
                let position = (i - row.start) as u32;
                let template = Step { scalar: Scalar::Input(0), fraction_bits: step.fraction_bits };
                return self.element(template, position).ok_or(irreducible("elements are treated differently"));
            }
            Scalar::Input(i) => {
                let input =
                    self.tape.inputs.iter().find(|input| (input.start..input.start + input.elements).contains(&i));
                let number = input.and_then(|input| others.iter().find(|(name, _)| *name == input.name));
                let (_, number) = number.ok_or(irreducible("another input takes part"))?;
                return Ok(self.constant(*number, step.fraction_bits));
            }
            _ => {}
        }
        let mut arguments = Vec::new();
        step.scalar.for_each_argument(|argument| arguments.push(argument));
        let mut positions = Vec::new();
        let mut pieces = false;
        for &argument in &arguments {
            match self.class(argument) {
                Class::Row(_) => {}
                Class::Element { position, .. } => positions.push(*position),
                Class::Largest { .. } | Class::Less(..) | Class::Difference { .. } | Class::Gain { .. } => {
                    pieces = true
                }
            }
        }
        let alike = positions.windows(2).all(|pair| pair[0] == pair[1]);
        if pieces || !alike {
            return self.meeting(position, step);
        }
        let mapped = step.scalar.with_arguments(|argument| match *self.class(argument) {
            Class::Element { template, .. } => template,
            Class::Row(id) => id | if positions.is_empty() { 0 } else { ROW },
            _ => unreachable!("pieces are handled above"),
        });
        let step = Step { scalar: mapped, fraction_bits: step.fraction_bits };
        match positions.first() {
            None => {
                self.rows.push(step);
                Ok(Class::Row(self.rows.len() as u32 - 1))
            }
            Some(&at) => self.element(step, at).ok_or(irreducible("elements are treated differently")),
        }
    }

    /// The next template of a position, which must be what the others have there.
    fn element(&mut self, step: Step, position: u32) -> Option<Class> {
        let next = self.seen[position as usize];
        self.seen[position as usize] += 1;
        if next == self.templates.len() {
            self.templates.push(step);
        } else if self.templates[next] != step {
            return None;
        }
        Some(Class::Element { template: next as u32, position })
    }

    /// A step in which several positions meet.
    fn meeting(&mut self, position: usize, step: &Step) -> Result<Class, Irreducible> {
        let irreducible = |why| Irreducible { step: position, why };
        let no_maximum = irreducible("elements meet in something that is neither a sum over the row nor a maximum");
        match step.scalar {
            Scalar::Sum(ref terms) => {
                let mut found = vec![false; self.length];
                let mut common = None;
                for &term in terms {
                    let &Class::Element { template, position } = self.class(term) else { return Err(no_maximum) };
                    if std::mem::replace(&mut found[position as usize], true)
                        || *common.get_or_insert(template) != template
                    {
                        return Err(irreducible("a sum that is not over one value of every element"));
                    }
                }
                match common {
                    Some(template) if found.iter().all(|&found| found) => {
                        Ok(self.reduction(Reduction::Sum(template), step.fraction_bits))
                    }
                    _ => Err(irreducible("a sum over a part of the row")),
                }
            }
            Scalar::Less(a, b) => match (self.largest(a), self.largest(b)) {
                (Some((s, _)), Some((t, _))) if s == t => Ok(Class::Less(a, b)),
                _ => Err(no_maximum),
            },
            Scalar::Sub(of, less) => match (self.largest(of), self.largest(less)) {
                (Some((s, _)), Some((t, _))) if s == t => Ok(Class::Difference { of, less }),
                _ => Err(no_maximum),
            },
            Scalar::Select(bit, difference) => match (self.class(bit), self.class(difference)) {
                (&Class::Less(a, b), &Class::Difference { of, less }) if (a, b) == (less, of) => {
                    Ok(Class::Gain { from: a, to: b })
                }
                _ => Err(no_maximum),
            },
            Scalar::Add(a, b) => {
                let (kept, gain) = match (self.class(a), self.class(b)) {
                    (_, &Class::Gain { from, to }) => (a, (from, to)),
                    (&Class::Gain { from, to }, _) => (b, (from, to)),
                    _ => return Err(no_maximum),
                };
                let (Some((template, mut of)), Some((_, others))) = (self.largest(gain.0), self.largest(gain.1)) else {
                    return Err(no_maximum);
                };
                if gain.0 != kept {
                    return Err(no_maximum);
                }
                of = union(&of, &others);
                if of.iter().map(|word| word.count_ones() as usize).sum::<usize>() == self.length {
                    return Ok(self.reduction(Reduction::Maximum(template), step.fraction_bits));
                }
                Ok(Class::Largest { template, of })
            }
            _ => Err(no_maximum),
        }
    }

    fn finish(self) -> Result<Reduced, Irreducible> {
        let fail = |why| Irreducible { step: 0, why };
        let [output] = &self.tape.outputs[..] else { return Err(fail("there is more than one output")) };
        if let [register] = output.registers[..]
            && let &Class::Row(id) = self.class(register)
            && let Scalar::Input(k) = self.rows[id as usize].scalar
            && self.reductions[k] == Reduction::Maximum(0)
        {
            return Ok(Reduced::Maximum);
        }
        let mut common = None;
        for (i, &register) in output.registers.iter().enumerate() {
            match *self.class(register) {
                Class::Element { template, position }
                    if position as usize == i && *common.get_or_insert(template) == template => {}
                _ => return Err(fail("the output is no value of every element")),
            }
        }
        match common {
            Some(template) if output.registers.len() == self.length => self.normalised(template),
            _ => Err(fail("the output is no value of every element")),
        }
    }

    fn normalised(&self, output: u32) -> Result<Reduced, Irreducible> {
        let (variable, shift) = self.shift()?;
        let mut links = Vec::new();
        let mut factors = Vec::new();
        let factor = self.product(output, &self.early(variable), &mut links, &mut factors)?;
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
        let element = self.element_tape(variable, &[("summand", summand), ("factor", factor)])?;
        let (mut claims_of_element, mut claims_of_shifted) = (Vec::new(), Vec::new());
        let mut row_claims = Vec::new();
        let mut row_outputs = factors.clone();
        for claim in &self.tape.claims {
            match claim.registers.first().map(|&register| self.class(register)) {
                // Claims about every element; those about parts of a maximum are claims about less.
                Some(Class::Element { template, .. }) if claim.registers.len() == self.length => {
                    if *template == variable {
                        claims_of_shifted.push((claim.low, claim.high));
                    } else if *template == 0 {
                        claims_of_element.push((claim.low, claim.high));
                    }
                }
                Some(&Class::Row(id)) if claim.registers.len() == 1 => {
                    let mut reached = Vec::new();
                    self.reached(id, &mut reached);
                    if reached == [sum] {
                        row_outputs.push(id);
                        row_claims.push((claim.low, claim.high));
                    }
                }
                // A claim that is not made use of leaves more rows to be bounded.
                _ => {}
            }
        }
        let row = self.row_tape(sum, &row_outputs);
        let (summand, factor) = (self.quadratic(summand, variable), self.quadratic(factor, variable));
        Ok(Reduced::Normalised(Box::new(Normalised {
            shift,
            element,
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
            match &self.rows[row as usize].scalar {
                Scalar::Input(k) => found.push(*k),
                scalar => scalar.for_each_argument(|argument| pending.push(argument)),
            }
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
            _ => None,
        };
        let truncates = |links: &mut Vec<Link>, from: i32| {
            if from > to {
                links.push(Link::Truncation(step.fraction_bits));
            }
        };
        match step.scalar {
            Scalar::Mul(a, b) => {
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
            Scalar::Add(a, b) | Scalar::Sub(a, b) if constant(b) == Some(0.0) => self.product(a, early, links, factors),
            Scalar::Add(a, b) if constant(a) == Some(0.0) => self.product(b, early, links, factors),
            Scalar::Precision(a) => {
                let found = self.product(a, early, links, factors)?;
                truncates(links, bits(a));
                Ok(found)
            }
            Scalar::Neg(a) => {
                let found = self.product(a, early, links, factors)?;
                links.push(Link::Number { ring: -1.0, real: -1.0, bits: to });
                Ok(found)
            }
            Scalar::Shift(a) => {
                let found = self.product(a, early, links, factors)?;
                let factor = power_of_two(bits(a) - to);
                links.push(Link::Number { ring: factor, real: factor, bits: to });
                Ok(found)
            }
            Scalar::Scale(a, factor) => {
                let found = self.product(a, early, links, factors)?;
                let (multiplier, exponent) = laws::multiplier(factor, step.fraction_bits, self.tape.fixed);
                let ring = multiplier as f64 * power_of_two(-exponent);
                links.push(Link::Number { ring, real: factor, bits: bits(a) + exponent });
                truncates(links, bits(a) + exponent);
                Ok(found)
            }
            _ => Err(irreducible("the output is no product of an element's value and the row's")),
        }
    }

    /// The tape from u to some templates.
    fn element_tape(&self, variable: u32, outputs: &[(&str, u32)]) -> Result<Tape, Irreducible> {
        let mut tape = self.empty("u", self.templates[variable as usize].fraction_bits);
        let mut done: HashMap<u32, Register> = HashMap::from([(variable, 0)]);
        for &(name, template) in outputs {
            let register = self.copy_template(template, &mut tape, &mut done)?;
            let fraction_bits = self.templates[template as usize].fraction_bits;
            tape.outputs.push(TapeOutput { name: name.to_owned(), registers: vec![register], fraction_bits });
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
        tape.steps.push(Step { scalar, fraction_bits: step.fraction_bits });
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
                tape.steps.push(Step { scalar, fraction_bits: step.fraction_bits });
                registers[row] = tape.steps.len() as Register - 1;
            }
        }
        for &row in outputs {
            tape.outputs.push(TapeOutput {
                name: String::new(),
                registers: vec![registers[row as usize]],
                fraction_bits: self.rows[row as usize].fraction_bits,
            });
        }
        tape
    }

    fn empty(&self, input: &str, fraction_bits: u8) -> Tape {
        Tape {
            steps: vec![Step { scalar: Scalar::Input(0), fraction_bits }],
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
        match step.scalar {
            Scalar::Offset(a, summand) => {
                let inner = of(a)?;
                // The encoding of the number must be exact.
                let exact = (summand / unit).fract() == 0.0;
                exact.then_some(Quadratic { constant: inner.constant + summand, ..inner })
            }
            Scalar::Precision(a) => {
                let inner = of(a)?;
                Some(Quadratic { error: inner.error + rounded(bits(a)), ..inner })
            }
            Scalar::Mul(a, b) if a == b && a & ROW == 0 => square(of(a)?, rounded(2 * bits(a))),
            Scalar::Square(a) => square(of(a)?, rounded(2 * bits(a))),
            _ => None,
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

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_protocols::circuit::{Circuit, Secret};
    use viewless_protocols::fixed::FixedPoint;

    fn reduced(build: impl Fn(&mut Circuit, Secret) -> Secret) -> Result<Reduced, Irreducible> {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [1, 5]);
        let y = build(&mut c, x);
        c.reveal(y, "y");
        reduce(&Tape::new(&c.finish().unwrap(), FixedPoint { fraction_bits: 16 }).unwrap(), "x", &[])
    }

    fn normalised(build: impl Fn(&mut Circuit, Secret) -> Secret) -> Normalised {
        match reduced(build).unwrap() {
            Reduced::Normalised(normalised) => *normalised,
            Reduced::Maximum => panic!("no maximum"),
        }
    }

    /// The larger of each element and the next one, of a row of two.
    fn larger(c: &mut Circuit, x: Secret, swapped: bool) -> Secret {
        let (a, b) = (c.slice(x, 1, 0, 1), c.slice(x, 1, 1, 1));
        let bit = if swapped { c.less(b, a) } else { c.less(a, b) };
        let difference = c.sub(b, a);
        let gain = c.select(bit, difference);
        c.add(gain, a)
    }

    #[test]
    fn a_maximum_is_recognised_and_a_minimum_is_not() {
        assert_eq!(reduced(viewless_protocols::nonlinear::max::tree::build), Ok(Reduced::Maximum));
        let of_two = |swapped| {
            let mut c = Circuit::new();
            let x = c.input(Owner::Client, "x", [1, 2]);
            let y = larger(&mut c, x, swapped);
            c.reveal(y, "y");
            reduce(&Tape::new(&c.finish().unwrap(), FixedPoint { fraction_bits: 16 }).unwrap(), "x", &[])
        };
        assert_eq!(of_two(false), Ok(Reduced::Maximum));
        assert!(of_two(true).unwrap_err().why.contains("neither a sum over the row nor a maximum"));
    }

    #[test]
    fn a_quotient_of_squares_is_reduced_to_its_square_and_its_reciprocal() {
        let found = normalised(|c, x| {
            let shifted = c.offset(x, 5.0);
            let squares = c.square_to(shifted, -4);
            let sum = c.sum(squares, 1);
            let half = c.scale(sum, 0.5);
            c.mul_to(squares, half, 0)
        });
        assert_eq!(found.shift, Shift::None);
        let square = Quadratic { square: 1.0, linear: 10.0, constant: 25.0, error: power_of_two(-12) };
        assert_eq!((found.summand, found.factor), (Some(square), Some(square)));
        assert_eq!(found.links, [Link::Factor(0, 24), Link::Truncation(16)]);
        assert_eq!((found.row.steps.len(), found.element.steps.len()), (2, 3));
    }

    #[test]
    fn what_treats_elements_differently_is_refused() {
        let uneven = reduced(|c, x| {
            let weights = c.constant(&[1.0, 1.0, 1.0, 1.0, 2.0], [5], 0);
            let y = c.mul(x, weights);
            let sum = c.sum(y, 1);
            c.mul(x, sum)
        });
        assert!(uneven.is_err());
        let part = reduced(|c, x| {
            let y = c.slice(x, 1, 0, 4);
            let sum = c.sum(y, 1);
            c.mul(x, sum)
        });
        assert_eq!(part.unwrap_err().why, "a sum over a part of the row");
        let twice = reduced(|c, x| {
            let sum = c.sum(x, 1);
            let y = c.mul(x, sum);
            let sum = c.sum(y, 1);
            c.mul(y, sum)
        });
        assert!(twice.is_err());
    }
}
