//! The registers of a tape, sorted into those of the row, of an element, and mixed ones.

use super::{Irreducible, Reduced};
use crate::bound::tape::{Register, Scalar, Step, Tape, TapeInput};
use std::collections::{BTreeMap, HashMap};
use viewless_protocols::circuit::Levels;

/// Marks a row register among the arguments of a template.
pub(super) const ROW: u32 = 1 << 31;

/// What a register is.
#[derive(Debug, Clone)]
pub(super) enum Class {
    /// Made of public numbers and reductions: the n-th row register.
    Row(u32),
    /// Of one position.
    Element { template: u32, position: u32 },
    /// The largest of a set of positions, given by bits.
    Largest { template: u32, of: Vec<u64> },
    /// Made of several positions in another way.
    Mixed,
    /// No output depends on it.
    Dead,
}

/// A reduction over the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reduction {
    Sum(u32),
    Maximum(u32),
    Level(u32, Levels),
}

pub(super) struct Sorter<'a> {
    pub(super) tape: &'a Tape,
    pub(super) length: usize,
    pub(super) classes: Vec<Class>,
    /// Templates of elements; arguments are templates, or row registers with [`ROW`].
    pub(super) templates: Vec<Step>,
    /// Templates seen at each position.
    seen: Vec<usize>,
    /// Row registers; `Scalar::Input(k)` is the k-th reduction.
    pub(super) rows: Vec<Step>,
    pub(super) reductions: Vec<Reduction>,
    constants: HashMap<(u64, u8), u32>,
    /// Row registers in whose place templates have a twin, by themselves; and the twins by themselves.
    pub(super) twins: BTreeMap<u32, u32>,
}

/// The arguments of two steps, in pairs; `None` where these are not the same operation on registers.
fn arguments_of_the_same(a: &Step, b: &Step) -> Option<Vec<(u32, u32)>> {
    let arguments = |step: &Step| {
        let mut arguments = Vec::new();
        step.scalar.for_each_argument(|argument| arguments.push(argument));
        arguments
    };
    let operation = |step: &Step| Step { scalar: step.scalar.with_arguments(|_| 0), ..*step };
    (operation(a) == operation(b)).then(|| arguments(a).into_iter().zip(arguments(b)).collect())
}

fn union(a: &[u64], b: &[u64]) -> Vec<u64> {
    a.iter().zip(b).map(|(a, b)| a | b).collect()
}

impl<'a> Sorter<'a> {
    /// Sorts every register that an output depends on.
    pub(super) fn sort(tape: &'a Tape, row: &TapeInput, others: &[(&str, f64)]) -> Result<Self, Irreducible> {
        let mut alive = vec![false; tape.steps.len()];
        tape.outputs.iter().flat_map(|output| &output.registers).for_each(|&output| alive[output as usize] = true);
        for (register, step) in tape.steps.iter().enumerate().rev() {
            if alive[register] {
                step.scalar.for_each_argument(|argument| alive[argument as usize] = true);
            }
        }
        let mut sorter = Self {
            tape,
            length: row.elements,
            classes: Vec::with_capacity(tape.steps.len()),
            templates: Vec::new(),
            seen: vec![0; row.elements],
            rows: Vec::new(),
            reductions: Vec::new(),
            constants: HashMap::new(),
            twins: BTreeMap::new(),
        };
        for (position, step) in tape.steps.iter().enumerate() {
            let class = if alive[position] { sorter.class_of(position, step, row, others)? } else { Class::Dead };
            sorter.classes.push(class);
        }
        Ok(sorter)
    }

    fn constant(&mut self, number: f64, fraction_bits: u8) -> Class {
        let next = self.rows.len() as u32;
        let id = *self.constants.entry((number.to_bits(), fraction_bits)).or_insert(next);
        if id == next {
            self.rows.push(Step::whole(Scalar::Constant(number), fraction_bits));
        }
        Class::Row(id)
    }

    fn reduction(&mut self, reduction: Reduction, step: &Step) -> Class {
        self.reductions.push(reduction);
        let input = Step::whole(Scalar::Input(self.reductions.len() - 1), step.fraction_bits);
        self.rows.push(Step { number_bits: step.number_bits, ..input });
        Class::Row(self.rows.len() as u32 - 1)
    }

    pub(super) fn class(&self, register: Register) -> &Class {
        &self.classes[register as usize]
    }

    /// The template and the positions of a register that is the largest of some.
    pub(super) fn largest_of(&self, register: Register) -> Option<(u32, Vec<u64>)> {
        match self.class(register) {
            &Class::Element { template, position } => {
                let mut of = vec![0; self.length.div_ceil(64)];
                of[position as usize / 64] |= 1 << (position % 64);
                Some((template, of))
            }
            Class::Largest { template, of } => Some((*template, of.clone())),
            Class::Row(_) | Class::Mixed | Class::Dead => None,
        }
    }

    fn class_of(
        &mut self,
        register: usize,
        step: &Step,
        row: &TapeInput,
        others: &[(&str, f64)],
    ) -> Result<Class, Irreducible> {
        let irreducible = |why| Irreducible { step: register, why };
        match step.scalar {
            Scalar::Constant(number) => return Ok(self.constant(number, step.fraction_bits)),
            Scalar::Input(i) if (row.start..row.start + row.elements).contains(&i) => {
                let position = (i - row.start) as u32;
                let template = Step::whole(Scalar::Input(0), step.fraction_bits);
                return self.element(template, position).ok_or(irreducible("elements are treated differently"));
            }
            Scalar::Input(i) => {
                let inputs = &self.tape.inputs;
                let input = inputs.iter().find(|input| (input.start..input.start + input.elements).contains(&i));
                let number = input.and_then(|input| others.iter().find(|(name, _)| *name == input.name));
                let (_, number) = number.ok_or(irreducible("another input takes part"))?;
                return Ok(self.constant(*number, step.fraction_bits));
            }
            // Every operation on registers is sorted by what its arguments are.
            Scalar::Add(..)
            | Scalar::Sub(..)
            | Scalar::Neg(_)
            | Scalar::Scale(..)
            | Scalar::Offset(..)
            | Scalar::Shift(_)
            | Scalar::Precision(_)
            | Scalar::Mul(..)
            | Scalar::Square(_)
            | Scalar::Dot(_)
            | Scalar::Sum(_)
            | Scalar::Less(..)
            | Scalar::LessThan(..)
            | Scalar::Equal(..)
            | Scalar::And(..)
            | Scalar::Xor(..)
            | Scalar::Not(_)
            | Scalar::Select(..)
            | Scalar::Real(_)
            | Scalar::Fourier(..)
            | Scalar::Lookup(..)
            | Scalar::Power(..)
            | Scalar::Level(..) => {}
        }
        if let Scalar::Level(terms, levels) = &step.scalar {
            // Also of a row of one element, which is no row register otherwise.
            return Ok(match self.once_over_row(terms) {
                Some(template) => self.reduction(Reduction::Level(template, *levels), step),
                None => Class::Mixed,
            });
        }
        let mut positions = Vec::new();
        let mut mixed = false;
        step.scalar.for_each_argument(|argument| match self.class(argument) {
            Class::Row(_) => {}
            Class::Element { position, .. } => positions.push(*position),
            Class::Largest { .. } | Class::Mixed | Class::Dead => mixed = true,
        });
        if mixed || positions.windows(2).any(|pair| pair[0] != pair[1]) {
            return Ok(self.meeting(register, step));
        }
        let mapped = step.scalar.with_arguments(|argument| match *self.class(argument) {
            Class::Element { template, .. } => template,
            Class::Row(id) => id | if positions.is_empty() { 0 } else { ROW },
            Class::Largest { .. } | Class::Mixed | Class::Dead => unreachable!("mixed arguments are handled above"),
        });
        let step = Step { scalar: mapped, ..*step };
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
            let twins = self.twins_of(&self.templates[next], &step)?;
            self.twins.extend(twins);
        }
        Some(Class::Element { template: next as u32, position })
    }

    /// The row registers by which two element steps differ, if they are twins: each of both with that of the first.
    fn twins_of(&self, template: &Step, step: &Step) -> Option<Vec<(u32, u32)>> {
        let mut twins = Vec::new();
        for (a, b) in arguments_of_the_same(template, step)?.into_iter().filter(|(a, b)| a != b) {
            if a & b & ROW == 0 || !self.are_twins(a & !ROW, b & !ROW) {
                return None;
            }
            twins.extend([(a & !ROW, a & !ROW), (b & !ROW, a & !ROW)]);
        }
        Some(twins)
    }

    /// Whether two row registers are the same operation on the same arguments, or on twins.
    fn are_twins(&self, a: u32, b: u32) -> bool {
        let same = || arguments_of_the_same(&self.rows[a as usize], &self.rows[b as usize]);
        a == b || same().is_some_and(|pairs| !pairs.is_empty() && pairs.iter().all(|&(a, b)| self.are_twins(a, b)))
    }

    /// A step in which several positions meet.
    fn meeting(&mut self, register: usize, step: &Step) -> Class {
        if let Scalar::Sum(terms) = &step.scalar
            && let Some(template) = self.once_over_row(terms)
        {
            return self.reduction(Reduction::Sum(template), step);
        }
        if !matches!(step.scalar, Scalar::Add(..) | Scalar::Sum(_)) {
            return Class::Mixed;
        }
        let Some(leaves) = self.is_largest(register, step) else { return Class::Mixed };
        let sets: Vec<(u32, Vec<u64>)> = leaves.into_iter().filter_map(|leaf| self.largest_of(leaf)).collect();
        let Some(((template, first), rest)) = sets.split_first() else { return Class::Mixed };
        let of = rest.iter().fold(first.clone(), |all, (_, of)| union(&all, of));
        if of.iter().map(|word| word.count_ones() as usize).sum::<usize>() == self.length {
            return self.reduction(Reduction::Maximum(*template), step);
        }
        Class::Largest { template: *template, of }
    }

    /// The template of which these are the registers at every position, each once.
    fn once_over_row(&self, terms: &[Register]) -> Option<u32> {
        let mut found = vec![false; self.length];
        let mut common = None;
        for &term in terms {
            let &Class::Element { template, position } = self.class(term) else { return None };
            if std::mem::replace(&mut found[position as usize], true) || *common.get_or_insert(template) != template {
                return None;
            }
        }
        common.filter(|_| found.iter().all(|&found| found))
    }

    /// What the sorted registers amount to.
    pub(super) fn finish(self) -> Result<Reduced, Irreducible> {
        let fail = |step, why| Irreducible { step, why };
        let [output] = &self.tape.outputs[..] else { return Err(fail(0, "there is more than one output")) };
        if let [register] = output.registers[..]
            && let &Class::Row(id) = self.class(register)
            && let Scalar::Input(k) = self.rows[id as usize].scalar
        {
            match self.reductions[k] {
                Reduction::Maximum(0) => return Ok(Reduced::Maximum),
                Reduction::Level(0, levels) => return Ok(Reduced::Level(levels, self.claims_of(0, 0.0))),
                Reduction::Sum(_) | Reduction::Maximum(_) | Reduction::Level(..) => {}
            }
        }
        let mut common = None;
        for (i, &register) in output.registers.iter().enumerate() {
            match *self.class(register) {
                Class::Element { template, position }
                    if position as usize == i && *common.get_or_insert(template) == template => {}
                Class::Mixed => {
                    let why = "elements meet in something that is neither a sum over the row nor a maximum";
                    return Err(fail(self.first_mixed(register), why));
                }
                Class::Element { .. } | Class::Row(_) | Class::Largest { .. } | Class::Dead => {
                    return Err(fail(register as usize, "the output is no value of every element"));
                }
            }
        }
        match common {
            Some(template) if output.registers.len() == self.length => self.normalised(template),
            Some(_) | None => Err(fail(0, "the output is no value of every element")),
        }
    }

    /// The first of the mixed registers of which one is made.
    fn first_mixed(&self, register: Register) -> usize {
        let mut first = register;
        let mut pending = vec![register];
        let mut visited = vec![false; self.classes.len()];
        while let Some(register) = pending.pop() {
            if std::mem::replace(&mut visited[register as usize], true) || !matches!(self.class(register), Class::Mixed)
            {
                continue;
            }
            first = first.min(register);
            self.tape.steps[register as usize].scalar.for_each_argument(|argument| pending.push(argument));
        }
        first as usize
    }
}
