//! The text form of a circuit, for reading, for goldens and for keeping: one node a line, and nothing left out, so that
//! [`Circuit::read`](super::Circuit::read) makes the same circuit of it.
//!
//! ```text
//! %0: real[2] = input client "x"
//! # 1 "halved" in 0
//! %1: real[2] = scale 0.5 %0
//! # 0 ""
//! %2: real[2] = reveal "y" %1
//! claim %0 in [-8.0, 8.0] by 1
//! ```
//!
//! - `%N: KIND SHAPE = OPERATION ARGUMENTS` is node N; behind the shape stands `guard G` where it has guard bits.
//! - `# N "NAME" in M` makes region N inside region M, and the nodes below belong to it. `# N "PATH"` goes back to region N. Region 0 is the
//!   whole, to which nodes belong before the first such line.
//! - `claim %N in [LOW, HIGH] by R`: the protocol of region R is claimed to work for such a value, and, where `and [AT, MOST]` follows the interval,
//!   for the number AT, of which rounding makes MOST at most. Claims stand last, in the order in which
//!   they were made.
//! - Names are quoted as in Rust, numbers are the shortest that are read back as the same number.

use super::{Apart, Circuit, Kind, Op, Opening, Owner};
use crate::region::{RegionId, Regions};
use std::fmt;

impl fmt::Display for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut regions = RegionLines { regions: &self.regions, made: 1, current: Regions::ROOT };
        for (i, node) in self.nodes.iter().enumerate() {
            regions.enter(f, node.region)?;
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
            writeln!(f)?;
        }
        regions.make(f, self.regions.len())?;
        for claim in &self.domains {
            let region = Regions::index(claim.region);
            write!(f, "claim %{} in [{:?}, {:?}]", claim.value.index(), claim.low, claim.high)?;
            if let Some(Apart { at, most }) = claim.also {
                write!(f, " and [{at:?}, {most:?}]")?;
            }
            writeln!(f, " by {region}")?;
        }
        Ok(())
    }
}

/// Writes the lines that make regions and go back to them.
struct RegionLines<'a> {
    regions: &'a Regions,
    /// How many regions were made, the root among them.
    made: usize,
    current: RegionId,
}

impl RegionLines<'_> {
    /// Makes regions in their order, up to `until` of them.
    fn make(&mut self, f: &mut fmt::Formatter<'_>, until: usize) -> fmt::Result {
        for id in self.regions.ids().take(until).skip(self.made) {
            let parent = Regions::index(self.regions.parent(id));
            writeln!(f, "# {} {:?} in {parent}", Regions::index(id), self.regions.name(id))?;
            self.current = id;
        }
        self.made = self.made.max(until);
        Ok(())
    }

    fn enter(&mut self, f: &mut fmt::Formatter<'_>, region: RegionId) -> fmt::Result {
        self.make(f, Regions::index(region) + 1)?;
        if self.current != region {
            writeln!(f, "# {} {:?}", Regions::index(region), self.regions.path(region))?;
            self.current = region;
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
            return write!(f, "input {owner} {name:?}");
        }
        Op::Constant(values) => return write!(f, "constant {values:?}"),
        Op::Add(..) => "add",
        Op::Sub(..) => "sub",
        Op::Neg(_) => "neg",
        Op::Scale(_, factor) => &format!("scale {factor:?}"),
        Op::Offset(_, summand) => &format!("offset {summand:?}"),
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
        Op::LessThan(_, bound) => &format!("less-than {bound:?}"),
        Op::And(..) => "and",
        Op::Xor(..) => "xor",
        Op::Not(_) => "not",
        Op::Select(..) => "select",
        Op::Real(_) => "real",
        Op::Fourier(_, series) => {
            let opening = match series.opening {
                Opening::Period => String::new(),
                Opening::Remainder { modulus } => format!(" remainder {modulus:?}"),
            };
            let most = series.most_guard_bits.map_or_else(String::new, |bits| format!(" waves {bits}"));
            &format!(
                "fourier period {:?} constant {:?} cosines {:?} sines {:?}{opening}{most}",
                series.period, series.constant, series.cosines, series.sines
            )
        }
        Op::Lookup(_, table) => {
            &format!("lookup index-fraction {} entries {:?}", table.index_fraction_bits, table.entries)
        }
        Op::Power(_, sectors) => &format!("power modulus {} sector {}", sectors.modulus_bits, sectors.sector_bits),
        Op::Level(_, levels) => &format!("level index {} step {}", levels.index_bits, levels.step_exponent),
        Op::Reveal(_, name) => &format!("reveal {name:?}"),
    };
    f.write_str(name)?;
    for argument in op.arguments() {
        write!(f, " %{}", argument.0)?;
    }
    Ok(())
}
