//! The same Program over small words, so that it can be counted.
//!
//! Every word of more than k bits becomes one of k bits, of the same kind. Constants keep their low bits (an odd one stays odd);
//! shifts by k or more become shifts by k - 1; trigonometric functions become tables with the low bits of their values. Sends,
//! samples, holders and the way values depend on each other are the same, so a flaw in the use of masks shows. The shrunk
//! Program computes something else, and its truncations and comparisons are no longer such: a verdict about it is one about
//! a Program with the same structure, and *agreement* of the ways to a verdict on it is what it is good for.

use thiserror::Error;
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::program::{
    Arguments, Constant, Local, Op, Program, ProgramDraft, ProgramError, Value, ValueId, Wave, WordFunction,
};
use viewless_protocols::ring::Domain;
use viewless_protocols::shape::{Move, Shape};

/// A Program that cannot be shrunk.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ShrinkError {
    /// A width that makes no sense.
    #[error("words of {bits} bits: choose 1 to 16")]
    Width {
        /// The width asked for.
        bits: u8,
    },
    /// The shrunk draft breaks a rule; for instance, a bit reversal of three bits.
    #[error("shrunk, it is no Program: {0}")]
    Program(#[from] ProgramError),
}

/// `program` over words of at most `bits` bits.
///
/// # Errors
/// [`ShrinkError`] if the width is not 1 to 16, or an operation does not exist at that width.
pub fn shrink(program: &Program, bits: u8) -> Result<Program, ShrinkError> {
    if !(1..=16).contains(&bits) {
        return Err(ShrinkError::Width { bits });
    }
    let draft = ProgramDraft {
        parties: program.parties,
        model_owner: program.model_owner,
        values: Vec::with_capacity(program.values.len()),
        regions: program.regions.clone(),
        claims: Vec::new(),
    };
    let mut shrinking = Shrinking { program, bits, draft, renamed: Vec::with_capacity(program.values.len()) };
    for (id, value) in program.iter() {
        let renamed = shrinking.value(id, value);
        shrinking.renamed.push(renamed);
    }
    Ok(shrinking.draft.check()?)
}

struct Shrinking<'p> {
    program: &'p Program,
    bits: u8,
    draft: ProgramDraft,
    /// For each value of the Program, that of the draft.
    renamed: Vec<ValueId>,
}

impl Shrinking<'_> {
    fn domain(&self, domain: Domain) -> Domain {
        match domain {
            Domain::Ring(bits) => Domain::Ring(bits.min(self.bits)),
            Domain::Bits(bits) => Domain::Bits(bits.min(self.bits)),
        }
    }

    fn push(&mut self, like: &Value, op: Op, domain: Domain, shape: Shape) -> ValueId {
        self.draft.values.push(Value { op, domain, shape, holders: like.holders, region: like.region });
        ValueId(self.draft.values.len() as u32 - 1)
    }

    fn value(&mut self, id: ValueId, value: &Value) -> ValueId {
        let domain = self.domain(value.domain);
        let fraction = |bits: u8| bits.min(domain.bits() - 1);
        let mut op = match &value.op {
            Op::Input { name, fraction_bits } => {
                Op::Input { name: name.clone(), fraction_bits: fraction(*fraction_bits) }
            }
            Op::Constant(Constant::Splat(word)) => Op::Constant(Constant::Splat(word & domain.mask())),
            Op::Constant(Constant::Words(words)) => {
                Op::Constant(Constant::Words(words.iter().map(|word| word & domain.mask()).collect()))
            }
            Op::Reveal { value, to, name, fraction_bits } => {
                Op::Reveal { value: *value, to: *to, name: name.clone(), fraction_bits: fraction(*fraction_bits) }
            }
            Op::Local(Local::Function(function), arguments) => {
                return self.function(id, value, function, self.renamed[arguments[0].index()]);
            }
            Op::Local(local, arguments) => Op::Local(self.local(local, arguments), arguments.clone()),
            Op::Sample { stream, lifetime } => Op::Sample { stream: *stream, lifetime: *lifetime },
            Op::Send(argument, to) => Op::Send(*argument, *to),
        };
        op.arguments_mut().iter_mut().for_each(|argument| *argument = self.renamed[argument.index()]);
        self.push(value, op, domain, value.shape.clone())
    }

    fn local(&self, local: &Local, arguments: &Arguments) -> Local {
        let width = self.domain(self.program.value(arguments[0]).domain).bits();
        let shift = |shift: u8| shift.min(width - 1);
        match local {
            Local::ShiftLeft(by) => Local::ShiftLeft(shift(*by)),
            Local::ShiftRight(by) => Local::ShiftRight(shift(*by)),
            Local::ShiftRightArithmetic(by) => Local::ShiftRightArithmetic(shift(*by)),
            Local::Convert(domain) => Local::Convert(self.domain(*domain)),
            Local::Add
            | Local::Sub
            | Local::Neg
            | Local::Mul
            | Local::MatMul
            | Local::Sum(_)
            | Local::And
            | Local::Xor
            | Local::Not
            | Local::BitReversal
            | Local::Move(_)
            | Local::Concat(_)
            | Local::Function(_) => local.clone(),
        }
    }

    /// A table; for waves, one for each, joined along a leading axis.
    fn function(&mut self, id: ValueId, value: &Value, function: &WordFunction, argument: ValueId) -> ValueId {
        let Value { domain: from, shape, .. } = self.draft.value(argument).clone();
        let to = self.domain(value.domain);
        let table = |entries: Vec<u64>| {
            let function = WordFunction::Table { entries, domain: to };
            Op::Local(Local::Function(function.into()), [argument].into_iter().collect())
        };
        match function {
            WordFunction::Table { entries, .. } => {
                let entries = (0..1usize << from.bits()).map(|i| entries[i] & to.mask()).collect();
                self.push(value, table(entries), to, shape)
            }
            WordFunction::Remainder { modulus, domain } => {
                // The same part of the result's words.
                let part = *modulus as f64 / power_of_two(i32::from(domain.bits()));
                let modulus = (part * power_of_two(i32::from(to.bits()))).round().max(1.0) as u64;
                let function = WordFunction::Remainder { modulus, domain: to };
                self.push(
                    value,
                    Op::Local(Local::Function(function.into()), [argument].into_iter().collect()),
                    to,
                    shape,
                )
            }
            WordFunction::Waves { waves, .. } => {
                let lead: Shape = std::iter::once(1).chain(shape.axes().iter().copied()).collect();
                let parts: Vec<ValueId> = waves
                    .iter()
                    .map(|wave| {
                        let part = self.push(value, table(wave_entries(wave, from.bits(), to)), to, shape.clone());
                        let lift = Local::Move(Move::Reshape(lead.clone()));
                        self.push(value, Op::Local(lift, [part].into_iter().collect()), to, lead.clone())
                    })
                    .collect();
                let joined = Op::Local(Local::Concat(0), parts.into_iter().collect());
                self.push(value, joined, to, self.program.value(id).shape.clone())
            }
        }
    }
}

/// A wave over all angles of `bits` bits, its amplitude of one being a quarter of the range of words.
fn wave_entries(wave: &Wave, bits: u8, domain: Domain) -> Vec<u64> {
    let scale = power_of_two(i32::from(domain.bits()) - 2);
    let entry = |t: u64| {
        let angle = 2.0 * std::f64::consts::PI * t as f64 / power_of_two(i32::from(bits)) * f64::from(wave.harmonic);
        let number = wave.cosine * angle.cos() + wave.sine * angle.sin();
        (number * scale).round() as i64 as u64 & domain.mask()
    };
    (0..1u64 << bits).map(entry).collect()
}
