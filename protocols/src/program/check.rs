//! The rules that make a draft a Program.

use super::{ClaimKind, Constant, Local, Op, Program, ProgramDraft, Value, ValueId, WordFunction};
use super::{lifetime, phase};
use crate::party::{Party, PartySet};
use crate::ring::{Domain, WidthError};
use crate::shape::{Shape, ShapeError};
use std::collections::HashSet;
use std::sync::OnceLock;
use thiserror::Error;

/// A value that breaks a rule, and where it was built.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("value %{value} in region `{region}`: {rule}")]
pub struct ProgramError {
    /// Position of the value (for a claim: of its first share).
    pub value: usize,
    /// Path of the region that built it.
    pub region: String,
    /// The rule that it breaks.
    pub rule: Box<Rule>,
}

/// What a value of a Program must not do.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum Rule {
    /// A party is said to hold what it cannot compute, because it lacks an argument.
    #[error("{holders} compute it, but argument %{argument} is held by {held_by} only; send it first")]
    NotHeld {
        /// The declared holders.
        holders: PartySet,
        /// Position of the argument that somebody lacks.
        argument: usize,
        /// Who holds the argument.
        held_by: PartySet,
    },
    /// No party holds all arguments.
    #[error("no party holds all its arguments (they are held by {}); send one of them first", arguments.join(" and "))]
    NoCommonHolder {
        /// Holders of each argument.
        arguments: Vec<String>,
    },
    /// A value without holders, or held by somebody who takes no part.
    #[error("its holders {holders} must be one or more of the Program's parties {parties}")]
    Holders {
        /// The declared holders.
        holders: PartySet,
        /// Everyone who takes part.
        parties: PartySet,
    },
    /// The holders do not follow from the kind of operation.
    #[error("its holders are {declared}, where {required} is required ({why})")]
    HoldersNot {
        /// The declared holders.
        declared: PartySet,
        /// What the operation requires.
        required: PartySet,
        /// Why.
        why: &'static str,
    },
    /// A stream of randomness that another sample uses.
    #[error("stream {stream} was already used by %{first}; every sample needs a stream of its own")]
    StreamReused {
        /// Number of the stream.
        stream: u32,
        /// The sample that used it first.
        first: usize,
    },
    /// A message to somebody who holds its contents.
    #[error("it is sent to {to}, who already holds it ({holders})")]
    SendToHolder {
        /// The receiver.
        to: Party,
        /// Who holds it.
        holders: PartySet,
    },
    /// An output of a party that does not hold it.
    #[error("it is revealed to {to}, who does not hold it ({holders}); send it first")]
    RevealToStranger {
        /// Whose output it should be.
        to: Party,
        /// Who holds it.
        holders: PartySet,
    },
    /// Shapes that do not fit.
    #[error("{0}")]
    Shape(#[from] ShapeError),
    /// A word of no or more than 64 bits.
    #[error("{0}")]
    Width(#[from] WidthError),
    /// Arguments of different domains.
    #[error("arguments of domains {left} and {right}; convert one of them first")]
    DomainsDiffer {
        /// Domain of the first argument.
        left: Domain,
        /// Domain of the second argument.
        right: Domain,
    },
    /// An operation that the domain does not have.
    #[error("{operation} is not defined on {domain}")]
    NotInDomain {
        /// The operation.
        operation: &'static str,
        /// The domain.
        domain: Domain,
    },
    /// A shift by the whole width or more.
    #[error("a shift by {shift} of words of {bits} bits")]
    Shift {
        /// Bits shifted.
        shift: u8,
        /// Width of the words.
        bits: u8,
    },
    /// A wrong number of arguments.
    #[error("{found} arguments where {expected} are needed")]
    ArgumentCount {
        /// What the operation takes.
        expected: usize,
        /// What it was given.
        found: usize,
    },
    /// An argument that does not stand before its user.
    #[error("argument %{0} does not stand before it")]
    NoSuchArgument(usize),
    /// A stored domain or shape other than what follows from the arguments.
    #[error("stored as {stored}, but it follows from its arguments that it is {derived}")]
    Stored {
        /// As stored.
        stored: String,
        /// As derived.
        derived: String,
    },
    /// A constant or function that cannot be evaluated.
    #[error("{0}")]
    Contents(String),
    /// A region that is not in the tree.
    #[error("its region is not in the tree, or the tree is broken")]
    Region,
    /// Fraction bits beyond the word.
    #[error("{fraction_bits} fraction bits in a word of {bits} bits")]
    FractionBits {
        /// Fraction bits.
        fraction_bits: u8,
        /// Width of the word.
        bits: u8,
    },
    /// A claim about something that is no sharing.
    #[error("a claim about it is malformed: {0}")]
    Claim(String),
}

impl ProgramDraft {
    /// Checks that
    /// - arguments stand before their users, and domains and shapes follow from them;
    /// - every holder of a local result holds all arguments; an input has one holder, a constant all parties, a send the
    ///   old holders and the receiver, who is new; an output is revealed to a holder;
    /// - every stream of randomness is sampled once;
    /// - regions, constants, functions and claims are well-formed.
    ///
    /// # Errors
    /// The first [`ProgramError`] in the order of the values.
    pub fn check(self) -> Result<Program, ProgramError> {
        if let Err((value, rule)) = check(&self) {
            let region = self.values.get(value).map_or_else(String::new, |value| self.regions.path(value.region));
            return Err(ProgramError { value, region, rule: Box::new(rule) });
        }
        let phases = phase::derive(&self);
        let lifetimes = lifetime::derive(&self);
        Ok(Program { draft: self, phases, lifetimes, digest: OnceLock::new() })
    }
}

fn check(draft: &ProgramDraft) -> Result<(), (usize, Rule)> {
    if !draft.regions.is_well_formed() {
        return Err((0, Rule::Region));
    }
    let mut streams = HashSet::with_capacity(draft.values.len() / 4);
    for (i, value) in draft.values.iter().enumerate() {
        check_value(draft, i, value).map_err(|rule| (i, rule))?;
        if let Op::Sample { stream, .. } = value.op
            && !streams.insert(stream)
        {
            let same = |other: &Value| matches!(other.op, Op::Sample { stream: other, .. } if other == stream);
            let first = draft.values.iter().position(same).unwrap_or(i);
            return Err((i, Rule::StreamReused { stream, first }));
        }
    }
    for claim in &draft.claims {
        let at = claim.shares.first().map_or(0, |share| share.index());
        check_claim(draft, claim.shares.as_slice(), &claim.kind).map_err(|why| (at, Rule::Claim(why)))?;
        if !draft.regions.contains(claim.region) {
            return Err((at, Rule::Region));
        }
    }
    Ok(())
}

fn check_value(draft: &ProgramDraft, i: usize, value: &Value) -> Result<(), Rule> {
    let before = &draft.values[..i];
    value.domain.validate()?;
    value.shape.validate()?;
    let holders = value.holders;
    if holders.is_empty() || !holders.is_subset(draft.parties) {
        return Err(Rule::Holders { holders, parties: draft.parties });
    }
    if !draft.regions.contains(value.region) {
        return Err(Rule::Region);
    }
    let exactly = |required: PartySet, why| {
        if holders == required { Ok(()) } else { Err(Rule::HoldersNot { declared: holders, required, why }) }
    };
    let same_as = |argument: &Value| stored_is(value, argument.domain, &argument.shape);
    match &value.op {
        Op::Input { fraction_bits, .. } => {
            check_fraction_bits(*fraction_bits, value.domain)?;
            if holders.len() != 1 {
                let owner = holders.iter().next().map_or(PartySet::EMPTY, |owner| PartySet::of(&[owner]));
                return exactly(owner, "an input has one owner");
            }
        }
        Op::Constant(constant) => {
            exactly(draft.parties, "a constant is public")?;
            check_constant(constant, value)?;
        }
        Op::Sample { .. } => {}
        Op::Local(local, arguments) => {
            let (domain, shape) = infer(before, local, arguments)?;
            stored_is(value, domain, &shape)?;
            for &argument in arguments {
                let held_by = before[argument.index()].holders;
                if !holders.is_subset(held_by) {
                    return Err(Rule::NotHeld { holders, argument: argument.index(), held_by });
                }
            }
        }
        &Op::Send(argument, to) => {
            let argument = before.get(argument.index()).ok_or(Rule::NoSuchArgument(argument.index()))?;
            if argument.holders.contains(to) {
                return Err(Rule::SendToHolder { to, holders: argument.holders });
            }
            exactly(argument.holders.with(to), "a send adds the receiver to the holders")?;
            same_as(argument)?;
        }
        Op::Reveal { value: output, to, fraction_bits, .. } => {
            let output = before.get(output.index()).ok_or(Rule::NoSuchArgument(output.index()))?;
            if !output.holders.contains(*to) {
                return Err(Rule::RevealToStranger { to: *to, holders: output.holders });
            }
            exactly(PartySet::of(&[*to]), "an output belongs to the party it is revealed to")?;
            check_fraction_bits(*fraction_bits, value.domain)?;
            same_as(output)?;
        }
    }
    Ok(())
}

fn check_fraction_bits(fraction_bits: u8, domain: Domain) -> Result<(), Rule> {
    let bits = domain.bits();
    if fraction_bits < bits { Ok(()) } else { Err(Rule::FractionBits { fraction_bits, bits }) }
}

fn stored_is(value: &Value, domain: Domain, shape: &Shape) -> Result<(), Rule> {
    if (value.domain, &value.shape) == (domain, shape) {
        return Ok(());
    }
    let stored = format!("{}{}", value.domain, value.shape);
    Err(Rule::Stored { stored, derived: format!("{domain}{shape}") })
}

fn check_constant(constant: &Constant, value: &Value) -> Result<(), Rule> {
    let fits = |word: u64| word & value.domain.mask() == word;
    match constant {
        &Constant::Splat(word) if !fits(word) => {
            Err(Rule::Contents(format!("the word {word} does not fit {}", value.domain)))
        }
        Constant::Splat(_) => Ok(()),
        Constant::Words(words) if words.len() != value.shape.elements() => {
            Err(Rule::Contents(format!("{} words for the shape {}", words.len(), value.shape)))
        }
        Constant::Words(words) => match words.iter().find(|&&word| !fits(word)) {
            Some(word) => Err(Rule::Contents(format!("the word {word} does not fit {}", value.domain))),
            None => Ok(()),
        },
    }
}

fn check_claim(draft: &ProgramDraft, shares: &[ValueId], kind: &ClaimKind) -> Result<(), String> {
    let mut domains = HashSet::new();
    for share in shares {
        let value = draft.values.get(share.index()).ok_or_else(|| format!("there is no share %{}", share.0))?;
        domains.insert((value.domain, &value.shape));
    }
    let [(domain, _)] = domains.into_iter().collect::<Vec<_>>()[..] else {
        return Err("its shares differ in domain or shape, or there are none".to_owned());
    };
    let Domain::Ring(bits) = domain else {
        return Err(format!("additive shares of {domain}"));
    };
    let fits = match *kind {
        ClaimKind::LocalTruncation { shift, fraction_bits } => shift < bits && fraction_bits < bits,
        ClaimKind::Headroom { bits: headroom } => headroom < bits,
        ClaimKind::Domain { low, high, also, fraction_bits } => {
            low <= high && also.is_none_or(|(low, high)| low <= high) && fraction_bits < bits
        }
    };
    if fits { Ok(()) } else { Err(format!("{kind:?} of words of {bits} bits")) }
}

/// Domain and shape of a local operation.
pub(super) fn infer(before: &[Value], local: &Local, arguments: &[ValueId]) -> Result<(Domain, Shape), Rule> {
    let (domain, shape) = derive(before, local, arguments)?;
    shape.validate()?;
    Ok((domain, shape))
}

#[expect(clippy::too_many_lines, reason = "one arm for each operation")]
fn derive(before: &[Value], local: &Local, arguments: &[ValueId]) -> Result<(Domain, Shape), Rule> {
    let argument = |i: usize| {
        let id = arguments.get(i).copied().ok_or(Rule::ArgumentCount { expected: i + 1, found: i })?;
        before.get(id.index()).ok_or(Rule::NoSuchArgument(id.index()))
    };
    let count = |expected| {
        let found = arguments.len();
        if found == expected { Ok(()) } else { Err(Rule::ArgumentCount { expected, found }) }
    };
    let one = || {
        count(1)?;
        argument(0)
    };
    let two = || {
        count(2)?;
        let (a, b) = (argument(0)?, argument(1)?);
        if a.domain == b.domain { Ok((a, b)) } else { Err(Rule::DomainsDiffer { left: a.domain, right: b.domain }) }
    };
    let in_ring = |value: &Value, operation| match value.domain {
        Domain::Ring(_) => Ok(()),
        domain @ Domain::Bits(_) => Err(Rule::NotInDomain { operation, domain }),
    };
    let shift_fits = |value: &Value, shift: u8| {
        let bits = value.domain.bits();
        if shift < bits { Ok(()) } else { Err(Rule::Shift { shift, bits }) }
    };
    let name = local.name();
    match local {
        Local::Add | Local::Sub | Local::Mul => {
            let (a, b) = two()?;
            in_ring(a, name)?;
            Ok((a.domain, a.shape.broadcast(&b.shape)?))
        }
        Local::MatMul => {
            let (a, b) = two()?;
            in_ring(a, name)?;
            Ok((a.domain, a.shape.matmul(&b.shape)?))
        }
        Local::And | Local::Xor => {
            let (a, b) = two()?;
            if a.domain.is_ring() {
                return Err(Rule::NotInDomain { operation: name, domain: a.domain });
            }
            Ok((a.domain, a.shape.broadcast(&b.shape)?))
        }
        Local::Neg => {
            let a = one()?;
            in_ring(a, name)?;
            Ok((a.domain, a.shape.clone()))
        }
        Local::Not | Local::BitReversal => {
            let a = one()?;
            let unusable = matches!(local, Local::BitReversal) && !a.domain.bits().is_power_of_two();
            if a.domain.is_ring() || unusable {
                return Err(Rule::NotInDomain { operation: name, domain: a.domain });
            }
            Ok((a.domain, a.shape.clone()))
        }
        Local::Sum(axis) => {
            let a = one()?;
            in_ring(a, name)?;
            Ok((a.domain, a.shape.summed(*axis)?))
        }
        Local::ShiftLeft(shift) | Local::ShiftRight(shift) => {
            let a = one()?;
            shift_fits(a, *shift)?;
            Ok((a.domain, a.shape.clone()))
        }
        Local::ShiftRightArithmetic(shift) => {
            let a = one()?;
            in_ring(a, name)?;
            shift_fits(a, *shift)?;
            Ok((a.domain, a.shape.clone()))
        }
        Local::Convert(domain) => {
            domain.validate()?;
            Ok((*domain, one()?.shape.clone()))
        }
        Local::Move(rearrangement) => {
            let a = one()?;
            Ok((a.domain, a.shape.moved(rearrangement)?))
        }
        Local::Concat(axis) => {
            let parts = (0..arguments.len()).map(argument).collect::<Result<Vec<_>, _>>()?;
            let first = argument(0)?;
            if let Some(other) = parts.iter().find(|part| part.domain != first.domain) {
                return Err(Rule::DomainsDiffer { left: first.domain, right: other.domain });
            }
            Ok((first.domain, Shape::concat(parts.iter().map(|part| &part.shape), *axis)?))
        }
        Local::Function(function) => infer_function(one()?, function),
    }
}

fn infer_function(a: &Value, function: &WordFunction) -> Result<(Domain, Shape), Rule> {
    match function {
        WordFunction::Waves { waves, fraction_bits } => {
            if !a.domain.is_ring() || !(2..=32).contains(&a.domain.bits()) {
                return Err(Rule::NotInDomain { operation: "waves (angles have 2 to 32 bits)", domain: a.domain });
            }
            let limit = crate::fixed::power_of_two(62 - i32::from(*fraction_bits));
            let usable = |wave: &super::Wave| wave.cosine.abs() + wave.sine.abs() < limit;
            if waves.is_empty() || *fraction_bits > 52 || !waves.iter().all(usable) {
                let why = format!(
                    "{} waves with {fraction_bits} fraction bits: none, or amplitudes that do not fit",
                    waves.len()
                );
                return Err(Rule::Contents(why));
            }
            Ok((Domain::Z64, [waves.len()].iter().chain(a.shape.axes()).copied().collect()))
        }
        WordFunction::Table { entries, domain } => {
            domain.validate()?;
            let bits = a.domain.bits();
            if bits > 16 || entries.len() != 1 << bits || entries.iter().any(|entry| entry & domain.mask() != *entry) {
                let why =
                    format!("a table of {} entries of {domain} for words of {bits} bits (at most 16)", entries.len());
                return Err(Rule::Contents(why));
            }
            Ok((*domain, a.shape.clone()))
        }
        WordFunction::Remainder { modulus, domain } => {
            domain.validate()?;
            if *modulus == 0 || modulus - 1 > domain.mask() {
                return Err(Rule::Contents(format!("a remainder modulo {modulus} in {domain}")));
            }
            Ok((*domain, a.shape.clone()))
        }
    }
}
