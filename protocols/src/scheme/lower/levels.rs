//! Powers of two and levels of rows, brought to integers.

use super::super::laws::{self, PowerWords};
use super::super::{CompileError, RingLevel, RingPower, Scheme, widths};
use super::{Held, Lowering};
use crate::circuit::{Levels, Node, NodeId, Sectors};
use crate::shape::Shape;

/// Most bits of a count of elements: a table has so many bits of index.
const MOST_COUNT_BITS: u32 = 16;

impl<S: Scheme> Lowering<'_, S> {
    /// 2^x.
    pub(super) fn power(&mut self, id: NodeId, node: &Node, x: NodeId, sectors: Sectors) -> Result<Held, CompileError> {
        let (from, fraction_bits) = (self.argument_bits(x)?, self.fraction_bits(node)?);
        let words = PowerWords::of(sectors, from, fraction_bits).ok_or_else(|| CompileError::Power {
            region: self.region(node),
            why: format!(
                "a power of two with {fraction_bits} fraction bits, by sectors of {}, of an exponent with {from} modulo {}; an exponent has \
                 up to 32 bits in all, and the power's fraction bits and the sector are up to 30 together: use fewer guard bits or shorter \
                 sectors",
                sectors.length(),
                sectors.modulus()
            ),
        })?;
        let dealt: Shape = std::iter::once(sectors.count()).chain(node.shape.axes().iter().copied()).collect();
        self.is_dealt(node, &dealt)?;
        let ring = self.widths.held(id);
        let sum_ring = self.widths.summed(id, widths::power_size(self.circuit, x, sectors), fraction_bits, words.shift);
        let x = self.shares(x, self.widths.working(id));
        let power = RingPower { sectors, words, argument_bits: from, fraction_bits, sum_ring, ring };
        Ok(Held::Shared(self.scheme.power(&mut self.p, &x, &power)))
    }

    /// About the largest of each row.
    pub(super) fn level(&mut self, id: NodeId, node: &Node, x: NodeId, levels: Levels) -> Result<Held, CompileError> {
        let from = self.argument_bits(x)?;
        let refused = |why: String| CompileError::Power { region: self.region(node), why };
        let (below, bits) = laws::level_words(levels, from).ok_or_else(|| {
            refused(format!(
                "levels in steps of {} of numbers with {from} fraction bits; a step is a unit at least, and all levels are in 48 bits",
                levels.step()
            ))
        })?;
        let row = self.argument(x).shape.axes().last().copied().unwrap_or(1);
        let count_bits = row.max(2).ilog2() + 1;
        if count_bits > MOST_COUNT_BITS {
            return Err(refused(format!("a row of {row} elements; the level of up to 65535 can be found")));
        }
        // One table of a bit for each count, for each level of each row.
        let tables: Shape =
            [1 << count_bits, 1 << levels.index_bits].into_iter().chain(node.shape.axes().iter().copied()).collect();
        self.is_dealt(node, &tables)?;
        let ring = self.widths.held(id);
        let x = self.shares(x, self.widths.working(id));
        let level = RingLevel { below, bits, index_bits: levels.index_bits, count_bits: count_bits as u8, ring };
        Ok(Held::Shared(self.scheme.level(&mut self.p, &x, &level)))
    }

    /// Refuses what is too large to be dealt.
    fn is_dealt(&self, node: &Node, shape: &Shape) -> Result<(), CompileError> {
        let region = self.region(node);
        shape.validate().map_err(|error| CompileError::Size { region, error: Box::new(error) })
    }
}
