//! The stable text form of a Program, for reading, goldens and the digest: one value a line.

use super::{ClaimKind, Constant, Lifetime, Local, Op, ProgramDraft, ValueId, WordFunction};
use crate::region::RegionId;
use std::fmt::{self, Write};

impl Local {
    /// The name of the operation, without its parameters.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Neg => "neg",
            Self::Mul => "mul",
            Self::MatMul => "matmul",
            Self::Sum(_) => "sum",
            Self::And => "and",
            Self::Xor => "xor",
            Self::Not => "not",
            Self::ShiftLeft(_) => "shift-left",
            Self::ShiftRight(_) => "shift-right",
            Self::ShiftRightArithmetic(_) => "shift-right-arithmetic",
            Self::BitReversal => "bit-reversal",
            Self::Convert(_) => "convert",
            Self::Move(_) => "move",
            Self::Concat(_) => "concat",
            Self::Function(_) => "function",
        }
    }
}

impl fmt::Display for ProgramDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_text(f)
    }
}

impl ProgramDraft {
    /// Writes the text form to any sink, so that a digest needs no string of it.
    pub(super) fn write_text(&self, out: &mut impl Write) -> fmt::Result {
        writeln!(out, "program among {} with model owner {}", self.parties, self.model_owner)?;
        let mut region: Option<RegionId> = None;
        for (id, value) in self.iter() {
            if region != Some(value.region) {
                region = Some(value.region);
                writeln!(out, "# {:?}", self.regions.path(value.region))?;
            }
            write!(out, "%{}: {}{} {} = ", id.0, value.domain, value.shape, value.holders)?;
            write_op(out, &value.op)?;
            out.write_char('\n')?;
        }
        for claim in &self.claims {
            write!(out, "claim")?;
            write_ids(out, &claim.shares)?;
            match claim.kind {
                ClaimKind::LocalTruncation { shift, fraction_bits } => {
                    write!(out, " is truncated apart by {shift} of {fraction_bits} fraction bits")?;
                }
                ClaimKind::Headroom { bits } => write!(out, " is below 2^{bits}")?,
                ClaimKind::Domain { low, high, also, fraction_bits } => {
                    write!(out, " is in [{low:?}, {high:?}]")?;
                    if let Some((low, high)) = also {
                        write!(out, " or [{low:?}, {high:?}]")?;
                    }
                    write!(out, " with {fraction_bits} fraction bits")?;
                }
            }
            writeln!(out, "  # {:?}", self.regions.path(claim.region))?;
        }
        Ok(())
    }
}

fn write_ids(out: &mut impl Write, ids: &[ValueId]) -> fmt::Result {
    ids.iter().try_for_each(|id| write!(out, " %{}", id.0))
}

fn write_op(out: &mut impl Write, op: &Op) -> fmt::Result {
    match op {
        Op::Input { name, fraction_bits } => write!(out, "input {name:?} fraction {fraction_bits}"),
        Op::Constant(Constant::Splat(word)) => write!(out, "constant {word}"),
        Op::Constant(Constant::Words(words)) => {
            write!(out, "constant")?;
            words.iter().try_for_each(|word| write!(out, " {word}"))
        }
        Op::Sample { stream, lifetime: Lifetime::Query } => write!(out, "sample stream {stream}"),
        Op::Sample { stream, lifetime: Lifetime::Model } => write!(out, "sample stream {stream} for the model"),
        Op::Send(value, to) => write!(out, "send %{} to {to}", value.0),
        Op::Reveal { value, to, name, fraction_bits } => {
            write!(out, "reveal %{} to {to} as {name:?} fraction {fraction_bits}", value.0)
        }
        Op::Local(local, arguments) => {
            write_local(out, local)?;
            write_ids(out, arguments)
        }
    }
}

fn write_local(out: &mut impl Write, local: &Local) -> fmt::Result {
    match local {
        Local::Add
        | Local::Sub
        | Local::Neg
        | Local::Mul
        | Local::MatMul
        | Local::And
        | Local::Xor
        | Local::Not
        | Local::BitReversal => out.write_str(local.name()),
        Local::Sum(axis) | Local::Concat(axis) => write!(out, "{} axis {axis}", local.name()),
        Local::ShiftLeft(shift) | Local::ShiftRight(shift) | Local::ShiftRightArithmetic(shift) => {
            write!(out, "{} {shift}", local.name())
        }
        Local::Convert(domain) => write!(out, "{} {domain}", local.name()),
        Local::Move(rearrangement) => write!(out, "{rearrangement}"),
        Local::Function(function) => write_function(out, function),
    }
}

fn write_function(out: &mut impl Write, function: &WordFunction) -> fmt::Result {
    match function {
        WordFunction::Waves { waves, fraction_bits } => {
            write!(out, "waves fraction {fraction_bits}")?;
            waves.iter().try_for_each(|wave| write!(out, " ({} {:?} {:?})", wave.harmonic, wave.cosine, wave.sine))
        }
        WordFunction::Table { entries, domain } => {
            write!(out, "table {domain}")?;
            entries.iter().try_for_each(|entry| write!(out, " {entry}"))
        }
        WordFunction::Remainder { modulus, domain } => write!(out, "remainder {domain} {modulus}"),
    }
}
