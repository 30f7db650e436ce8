//! The stable text form of a circuit, for reading and for goldens: one node a line.

use super::{Apart, Circuit, Kind, Op, Opening, Owner};
use crate::region::RegionId;
use std::fmt;

impl fmt::Display for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut region: Option<RegionId> = None;
        for (i, node) in self.nodes.iter().enumerate() {
            if region != Some(node.region) {
                region = Some(node.region);
                writeln!(f, "# {}", self.regions.path(node.region))?;
            }
            let kind = match node.kind {
                Kind::Real => "real",
                Kind::Bit => "bit",
            };
            write!(f, "%{i}: {kind}{}", node.shape)?;
            if node.guard_bits != 0 {
                write!(f, " guard {}", node.guard_bits)?;
            }
            f.write_str(" = ")?;
            write_op(f, &node.op)?;
            for claim in self.domains.iter().filter(|claim| claim.value.index() == i) {
                write!(f, "  ; {} claims [{}, {}]", self.regions.path(claim.region), claim.low, claim.high)?;
                if let Some(Apart { at, most }) = claim.also {
                    write!(f, " and [{at}, {most}]")?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn write_op(f: &mut fmt::Formatter<'_>, op: &Op) -> fmt::Result {
    let name = match op {
        Op::Input { owner, name } => {
            let owner = match owner {
                Owner::Client => "client",
                Owner::Model => "model",
            };
            return write!(f, "input {owner} `{name}`");
        }
        Op::Constant(values) if values.len() <= 8 => return write!(f, "constant {values:?}"),
        Op::Constant(values) => return write!(f, "constant {:?}... ({} values)", &values[..4], values.len()),
        Op::Add(..) => "add",
        Op::Sub(..) => "sub",
        Op::Neg(_) => "neg",
        Op::Scale(_, factor) => &format!("scale {factor}"),
        Op::Offset(_, summand) => &format!("offset {summand}"),
        Op::Shift(_, exponent) => &format!("shift {exponent}"),
        Op::Precision(_) => "precision",
        Op::Mul(..) => "mul",
        Op::Square(_) => "square",
        Op::MatMul(..) => "matmul",
        Op::Sum(_, axis) => &format!("sum axis {axis}"),
        Op::Move(_, rearrangement) => &rearrangement.to_string(),
        Op::Concat(_, axis) => &format!("concat axis {axis}"),
        Op::Less(..) => "less",
        Op::Equal(..) => "equal",
        Op::LessThan(_, bound) => &format!("less-than {bound}"),
        Op::And(..) => "and",
        Op::Xor(..) => "xor",
        Op::Not(_) => "not",
        Op::Select(..) => "select",
        Op::Real(_) => "real",
        Op::Fourier(_, series) => {
            let opening = match series.opening {
                Opening::Period => String::new(),
                Opening::Remainder { modulus } => format!(" remainder {modulus}"),
            };
            &format!(
                "fourier period {} constant {} cosines {:?} sines {:?}{opening}",
                series.period, series.constant, series.cosines, series.sines
            )
        }
        Op::Lookup(_, table) => {
            &format!("lookup index-fraction {} entries {:?}", table.index_fraction_bits, table.entries)
        }
        Op::Reveal(_, name) => &format!("reveal `{name}`"),
    };
    f.write_str(name)?;
    for argument in op.arguments() {
        write!(f, " %{}", argument.0)?;
    }
    Ok(())
}
