//! About the largest of each row with two openings, whatever the length of the row, by counting who is how high (ours).
//!
//! Levels are multiples of a step of 2^s units, 2^k of them; half is 2^(s + k - 1) units.
//! 1. y = x + half is narrowed to Z_2^(k + s). The dealer deals r uniform there, and the parties open c = y - r: uniform.
//! 2. The upper k bits of c and of r add up to q = floor(y / 2^s) modulo 2^k, or to one less: the carry of the lower bits is left out.
//!    The dealer deals shares of the vector that is 1 at the upper bits of r and 0 elsewhere; rotated by the upper bits of c, which are public, these are
//!    shares of the vector that is 1 at q.
//! 3. The sum over a row of n elements counts how many are at each level, in Z_2^t with n < 2^t. Sums from the top down count T_j, how many are at
//!    level j or above.
//! 4. One [look-up](super::lookup) of each T_j, t bits each, gives a step where it is not 0, j = 1 ... 2^k - 1: these add up to the steps of the largest q.
//!
//! The vector of one element is of t-bit words, 2^k of them; a table of step 4 has 2^t words for each level of each row.

use super::lookup::{self, along, one_hot};
use crate::program::{ProgramBuilder, ValueId};
use crate::ring::Domain;
use crate::scheme::dealt::{Dealer, open_masked};
use crate::scheme::{RingLevel, RingTable, Shares};
use crate::shape::{Move, Shape};

/// Shares of the level; x is shared among P0 and P1, and so is the result.
pub(in crate::scheme) fn level(p: &mut ProgramBuilder, dealer: Dealer, x: &Shares, level: &RingLevel) -> Shares {
    let shape = p.shape(x[0]);
    let RingLevel { below, bits, index_bits, count_bits, ring } = *level;
    let (word, index, count) = (Domain::Ring(bits), Domain::Ring(index_bits), Domain::Ring(count_bits));
    let levels = 1_usize << index_bits;
    let (r_shares, r) = dealer.random(p, word, &shape);
    let upper = |p: &mut ProgramBuilder, word: ValueId, by: u8, domain: Domain| {
        let shifted = p.shift_right(word, by);
        p.convert(shifted, domain)
    };

    let r_upper = upper(p, r, below, index);
    let indices = along(p, 0..levels as u64, index, &shape);
    let at = one_hot(p, r_upper, indices, count);
    let mut at = dealer.deal(p, at);

    let c = open_masked(p, [x[0], x[1]], r_shares, Some(1 << (bits - 1)));

    for stage in 0..index_bits {
        let bit = upper(p, c, below + stage, Domain::Ring(1));
        let bit = p.convert(bit, count);
        at = at.map(|share| {
            let rotated = rotated(p, share, 1 << stage);
            let difference = p.sub(rotated, share);
            let taken = p.mul(bit, difference);
            p.add(share, taken)
        });
    }
    let last = shape.rank();
    let counts = at.map(|share| {
        let mut counts = p.sum(share, last);
        for stage in 0..index_bits {
            counts = with_those_above(p, counts, 1 << stage);
        }
        p.moved(counts, Move::Slice { axis: 0, start: 1, length: levels - 1 })
    });
    let domain = Domain::Ring(ring);
    // Steps are counted modulo 2^(ring - below): shifted up they are what they are modulo 2^ring.
    let steps_ring = ring.saturating_sub(below).max(1);
    let mut entries = vec![1; 1 << count_bits];
    entries[0] = 0;
    let table = RingTable { entries, shift: 0, index_bits: count_bits, ring: steps_ring };
    // A step in units, which is nothing in a ring of no more bits than it has.
    let step = p.splat(1_u64.checked_shl(below.into()).unwrap_or(0) & domain.mask(), domain);
    let steps = lookup::entry(p, dealer, &counts.into_iter().collect(), &table);
    let result: Shape = shape.summed(last - 1).expect("the circuit's checker admits rows only");
    let mut sums: Shares = steps
        .iter()
        .map(|&share| {
            let sum = p.sum(share, 0);
            let sum = p.moved(sum, Move::Reshape(result.clone()));
            let sum = p.convert(sum, domain);
            p.mul(sum, step)
        })
        .collect();
    let lowest = p.splat((1_u64 << (bits - 1)) & domain.mask(), domain);
    sums[0] = p.sub(sums[0], lowest);
    sums
}

/// Along the first axis, element j moved to j + `by`, modulo the length.
fn rotated(p: &mut ProgramBuilder, value: ValueId, by: usize) -> ValueId {
    let length = p.shape(value).axes()[0];
    let end = p.moved(value, Move::Slice { axis: 0, start: length - by, length: by });
    let start = p.moved(value, Move::Slice { axis: 0, start: 0, length: length - by });
    p.concat(&[end, start], 0)
}

/// Along the first axis, element j and element j + `by`, where there is one, in sum.
fn with_those_above(p: &mut ProgramBuilder, value: ValueId, by: usize) -> ValueId {
    let length = p.shape(value).axes()[0];
    let above = p.moved(value, Move::Slice { axis: 0, start: by, length: length - by });
    let below = p.moved(value, Move::Slice { axis: 0, start: 0, length: length - by });
    let sum = p.add(below, above);
    let top = p.moved(value, Move::Slice { axis: 0, start: length - by, length: by });
    p.concat(&[sum, top], 0)
}
