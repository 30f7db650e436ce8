//! The rules that a circuit must keep: arguments exist and have the right kind, shapes fit, precisions agree.

use super::{Circuit, Kind, MOST_INDEX_BITS, Node, NodeId, Op, Opening};
use crate::shape::{Shape, ShapeError};
use std::collections::HashSet;
use thiserror::Error;

/// Most elements of a secret tensor. A scheme may need several times as many words for it, and a Program's tensors have 2^40 at most.
pub const MOST_ELEMENTS: usize = 1 << 32;

/// A node that breaks a rule, and where it was built.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("circuit node {node} in region `{region}`: {rule}")]
pub struct CircuitError {
    /// Position of the node.
    pub node: usize,
    /// Path of the region that built it.
    pub region: String,
    /// The rule that it breaks.
    pub rule: Box<Rule>,
}

/// What a circuit node must not do.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum Rule {
    /// The shapes of the arguments do not fit the operation.
    #[error("{0}")]
    Shape(#[from] ShapeError),
    /// A tensor that is too large.
    #[error("a tensor of shape {shape} has more than 2^32 elements; use shorter rows or a smaller batch")]
    Elements {
        /// Its shape.
        shape: Shape,
    },
    /// An argument does not stand before its user.
    #[error("argument {0} does not stand before it; a handle of another circuit was used")]
    NoSuchArgument(usize),
    /// A bit where a real number belongs, or the reverse.
    #[error("argument {argument} is {found:?} where {expected:?} is needed")]
    Kind {
        /// Position of the argument.
        argument: usize,
        /// What the operation takes.
        expected: Kind,
        /// What it was given.
        found: Kind,
    },
    /// An output as an argument.
    #[error("argument {0} is an output, which nothing is computed from; use what it reveals")]
    Revealed(usize),
    /// Arguments of a sum with different guard bits.
    #[error("guard bits {left} and {right} differ; bring one side to the other's with `precision`")]
    Precision {
        /// Guard bits of the first argument, or of the result.
        left: i8,
        /// Guard bits of the other argument.
        right: i8,
    },
    /// A shift whose result has other guard bits than follow from it, or more than can be.
    #[error("it has {found} guard bits, where the shift gives {wanted} (-128 to 127 can be)")]
    GuardBits {
        /// Guard bits of the result.
        found: i8,
        /// What follows from the shift.
        wanted: i16,
    },
    /// Two inputs of an owner, or two outputs, of the same name.
    #[error("the name `{0}` is taken; every input of an owner and every output needs a name of its own")]
    NameTaken(String),
    /// A constant with another number of values than its shape has elements.
    #[error("{values} values for the shape {shape}")]
    ConstantSize {
        /// Values given.
        values: usize,
        /// Shape asked for.
        shape: Shape,
    },
    /// Sectors of a power that there are not.
    #[error(
        "a modulus of 2^{modulus_bits} in sectors of 2^{sector_bits}; a modulus is at most 2^10, a sector at most 2^4 and shorter than it"
    )]
    Sectors {
        /// Binary logarithm of the modulus.
        modulus_bits: u8,
        /// Binary logarithm of the length of a sector.
        sector_bits: u8,
    },
    /// Levels that there are not.
    #[error(
        "2^{index_bits} levels in steps of 2^{step_exponent}; there can be 2 to 256 levels, in steps of 2^-20 to 2^20"
    )]
    Levels {
        /// Binary logarithm of their number.
        index_bits: u8,
        /// Binary logarithm of the step.
        step_exponent: i8,
    },
    /// A table that no index of whole bits counts.
    #[error("a table of {entries} entries; a power of two of them can be looked up, from 2 to 65536")]
    Table {
        /// Entries given.
        entries: usize,
    },
    /// A public number that is infinite or not a number, or a series without a period.
    #[error("{0} is not a usable public number")]
    Number(f64),
    /// A stored node that says something else of itself than what follows from its arguments.
    #[error("stored as {stored}, but its arguments give {derived}")]
    Stored {
        /// Kind and shape as stored.
        stored: String,
        /// Kind and shape derived.
        derived: String,
    },
    /// A region, or the subject of a domain claim, that is not there; or a domain claim that is no interval.
    #[error("{0}")]
    Reference(String),
}

/// Checks every node, region and claim.
pub(super) fn circuit(circuit: &Circuit) -> Result<(), CircuitError> {
    let fail = |node: usize, rule: Rule| {
        let region = circuit.nodes.get(node).map_or_else(String::new, |node| circuit.regions.path(node.region));
        Err(CircuitError { node, region, rule: Box::new(rule) })
    };
    if !circuit.regions.is_well_formed() {
        return fail(0, Rule::Reference("the regions are no tree".to_owned()));
    }
    let mut names = HashSet::new();
    for (i, node) in circuit.nodes.iter().enumerate() {
        let name = match &node.op {
            Op::Input { owner, name } => Some((Some(*owner), name)),
            Op::Reveal(_, name) => Some((None, name)),
            Op::Constant(_)
            | Op::Add(..)
            | Op::Sub(..)
            | Op::Neg(_)
            | Op::Scale(..)
            | Op::Offset(..)
            | Op::Shift(..)
            | Op::Precision(_)
            | Op::Mul(..)
            | Op::Square(_)
            | Op::MatMul(..)
            | Op::Sum(..)
            | Op::Move(..)
            | Op::Concat(..)
            | Op::Less(..)
            | Op::LessThan(..)
            | Op::Equal(..)
            | Op::And(..)
            | Op::Xor(..)
            | Op::Not(_)
            | Op::Select(..)
            | Op::Real(_)
            | Op::Fourier(..)
            | Op::Lookup(..)
            | Op::Power(..)
            | Op::Level(..) => None,
        };
        if let Some((_, name)) = name.filter(|&name| !names.insert(name)) {
            return fail(i, Rule::NameTaken(name.clone()));
        }
        if !circuit.regions.contains(node.region) {
            return fail(i, Rule::Reference("its region is not in the tree".to_owned()));
        }
        match infer(&circuit.nodes[..i], &node.op, node.guard_bits, Some(&node.shape)) {
            Err(rule) => return fail(i, rule),
            Ok((kind, shape)) if (kind, &shape) != (node.kind, &node.shape) => {
                let stored = format!("{:?} {}", node.kind, node.shape);
                return fail(i, Rule::Stored { stored, derived: format!("{kind:?} {shape}") });
            }
            Ok(_) => {}
        }
    }
    for claim in &circuit.domains {
        match circuit.nodes.get(claim.value.index()) {
            Some(node)
                if node.kind == Kind::Real && circuit.regions.contains(claim.region) && claim.low <= claim.high => {}
            Some(_) | None => {
                let rule = Rule::Reference(format!(
                    "its domain claim [{}, {}] is no interval of a real value",
                    claim.low, claim.high
                ));
                return fail(claim.value.index(), rule);
            }
        }
    }
    Ok(())
}

/// Kind and shape of the result of `op` after `before`; `shape` is needed for inputs and constants only.
pub(super) fn infer(before: &[Node], op: &Op, guard_bits: i8, shape: Option<&Shape>) -> Result<(Kind, Shape), Rule> {
    let (kind, shape) = derive(before, op, guard_bits, shape)?;
    shape.validate()?;
    if shape.elements() > MOST_ELEMENTS { Err(Rule::Elements { shape }) } else { Ok((kind, shape)) }
}

#[expect(clippy::too_many_lines, reason = "one arm for each operation")]
fn derive(before: &[Node], op: &Op, guard_bits: i8, shape: Option<&Shape>) -> Result<(Kind, Shape), Rule> {
    let node = |id: NodeId| before.get(id.index()).ok_or(Rule::NoSuchArgument(id.index()));
    let of_kind = |id: NodeId, expected: Kind| {
        let node = node(id)?;
        if node.kind != expected {
            Err(Rule::Kind { argument: id.index(), expected, found: node.kind })
        } else if matches!(node.op, Op::Reveal(..)) {
            Err(Rule::Revealed(id.index()))
        } else {
            Ok(node)
        }
    };
    let real = |id| of_kind(id, Kind::Real);
    let bit = |id| of_kind(id, Kind::Bit);
    let finite = |x: f64| if x.is_finite() { Ok(()) } else { Err(Rule::Number(x)) };
    let same_precision = |argument: &Node| {
        if argument.guard_bits == guard_bits {
            Ok(())
        } else {
            Err(Rule::Precision { left: guard_bits, right: argument.guard_bits })
        }
    };
    let given = || {
        let shape = shape.cloned().unwrap_or_default();
        shape.validate()?;
        Ok::<_, Rule>(shape)
    };
    Ok(match op {
        Op::Input { .. } => (Kind::Real, given()?),
        Op::Constant(values) => {
            let shape = given()?;
            if values.len() != shape.elements() {
                return Err(Rule::ConstantSize { values: values.len(), shape });
            }
            values.iter().try_for_each(|&value| finite(value))?;
            (Kind::Real, shape)
        }
        &Op::Add(a, b) | &Op::Sub(a, b) => {
            let (a, b) = (real(a)?, real(b)?);
            same_precision(a)?;
            same_precision(b)?;
            (Kind::Real, a.shape.broadcast(&b.shape)?)
        }
        &Op::Neg(a) => {
            let a = real(a)?;
            same_precision(a)?;
            (Kind::Real, a.shape.clone())
        }
        &Op::Offset(a, number) => {
            finite(number)?;
            let a = real(a)?;
            same_precision(a)?;
            (Kind::Real, a.shape.clone())
        }
        &Op::Scale(a, number) => {
            finite(number)?;
            (Kind::Real, real(a)?.shape.clone())
        }
        &Op::Shift(a, exponent) => {
            let a = real(a)?;
            let wanted = i16::from(a.guard_bits) - i16::from(exponent);
            if wanted != i16::from(guard_bits) {
                return Err(Rule::GuardBits { found: guard_bits, wanted });
            }
            (Kind::Real, a.shape.clone())
        }
        &Op::Precision(a) | &Op::Square(a) => (Kind::Real, real(a)?.shape.clone()),
        &Op::Mul(a, b) => (Kind::Real, real(a)?.shape.broadcast(&real(b)?.shape)?),
        &Op::MatMul(a, b) => (Kind::Real, real(a)?.shape.matmul(&real(b)?.shape)?),
        &Op::Sum(a, axis) => {
            let a = real(a)?;
            same_precision(a)?;
            (Kind::Real, a.shape.summed(axis)?)
        }
        Op::Move(a, rearrangement) => {
            let a = real(*a)?;
            same_precision(a)?;
            (Kind::Real, a.shape.moved(rearrangement)?)
        }
        Op::Concat(parts, axis) => {
            let parts = parts.iter().map(|&part| real(part)).collect::<Result<Vec<_>, _>>()?;
            parts.iter().try_for_each(|part| same_precision(part))?;
            (Kind::Real, Shape::concat(parts.iter().map(|part| &part.shape), *axis)?)
        }
        &Op::Less(a, b) | &Op::Equal(a, b) => {
            let (a, b) = (real(a)?, real(b)?);
            if a.guard_bits != b.guard_bits {
                return Err(Rule::Precision { left: a.guard_bits, right: b.guard_bits });
            }
            (Kind::Bit, a.shape.broadcast(&b.shape)?)
        }
        &Op::LessThan(a, number) => {
            finite(number)?;
            (Kind::Bit, real(a)?.shape.clone())
        }
        &Op::And(a, b) | &Op::Xor(a, b) => (Kind::Bit, bit(a)?.shape.broadcast(&bit(b)?.shape)?),
        &Op::Not(a) => (Kind::Bit, bit(a)?.shape.clone()),
        &Op::Select(b, x) => {
            let x = real(x)?;
            same_precision(x)?;
            (Kind::Real, bit(b)?.shape.broadcast(&x.shape)?)
        }
        &Op::Real(a) => (Kind::Real, bit(a)?.shape.clone()),
        Op::Fourier(a, series) => {
            let a = real(*a)?;
            if !(series.period.is_finite() && series.period > 0.0) {
                return Err(Rule::Number(series.period));
            }
            match series.opening {
                Opening::Period => {}
                Opening::Remainder { modulus } if modulus > 0.0 && modulus <= series.period => {}
                Opening::Remainder { modulus } => return Err(Rule::Number(modulus)),
            }
            [series.constant]
                .iter()
                .chain(&series.cosines)
                .chain(&series.sines)
                .try_for_each(|&number| finite(number))?;
            same_precision(a)?;
            (Kind::Real, a.shape.clone())
        }
        Op::Lookup(a, table) => {
            let entries = table.entries.len();
            if !entries.is_power_of_two() || !(2..=1 << MOST_INDEX_BITS).contains(&entries) {
                return Err(Rule::Table { entries });
            }
            table.entries.iter().try_for_each(|&entry| finite(entry))?;
            (Kind::Real, real(*a)?.shape.clone())
        }
        &Op::Power(a, sectors) => {
            if !sectors.are_some() {
                return Err(Rule::Sectors { modulus_bits: sectors.modulus_bits, sector_bits: sectors.sector_bits });
            }
            (Kind::Real, real(a)?.shape.clone())
        }
        &Op::Level(a, levels) => {
            if !levels.are_some() {
                return Err(Rule::Levels { index_bits: levels.index_bits, step_exponent: levels.step_exponent });
            }
            let a = real(a)?;
            same_precision(a)?;
            let rank = a.shape.rank();
            // A row has a last axis, as a sum has the axis that it is over.
            (Kind::Real, a.shape.summed(rank.saturating_sub(1))?)
        }
        Op::Reveal(a, _) => {
            let a = real(*a)?;
            same_precision(a)?;
            (Kind::Real, a.shape.clone())
        }
    })
}
