//! A secret's entry in a public table with one opening, by a dealt table that is rotated by a secret amount.
//!
//! One-time truth tables (Ishai, Kushilevitz, Meldgaard, Orlandi, Paskin-Cherniavsky, TCC 2013), on fixed point. For 2^m entries T, indexed by
//! n = floor(x / 2^s) modulo 2^m, or one more:
//! 1. Each party shifts its share by s bits and narrows it to Z_2^m: n0 + n1 = n. The shift cannot fail, because its wrap is a multiple of
//!    2^(64 - s), which is 0 modulo 2^m; m + s <= 64.
//! 2. The dealer deals r uniform in Z_2^m, and shares of the rotated table R_j = T_(j + r), j = 0..2^m - 1, along a new leading axis.
//! 3. The parties open delta = n - r, m bits each way: uniform, because r is.
//! 4. R_delta = T_n: each party picks its share of it, as the sum over j of [j = delta] R_j.
//!
//! The dealt table serves one element once: 2^m words of 64 bits, of which P0's come from a key, so that 64 2^m bits are sent to P1. For 256
//! entries that is 2 kB for each element, offline, beside 16 bit online.

use super::truncation;
use crate::program::{Constant, ProgramBuilder, ValueId, WordFunction};
use crate::ring::Domain;
use crate::scheme::dealt::{Dealer, open_masked};
use crate::scheme::{RingTable, Shares};
use crate::shape::{Move, Shape};

/// Shares of the entry; x is shared among P0 and P1, and so is the result.
pub(in crate::scheme) fn entry(p: &mut ProgramBuilder, dealer: Dealer, x: &Shares, table: &RingTable) -> Shares {
    let shape = p.shape(x[0]);
    let index = Domain::Ring(table.index_bits);
    let shifted = if table.shift == 0 { x.clone() } else { truncation::shift_apart(p, x, table.shift) };
    let (r_shares, r) = dealer.random(p, index, &shape);
    let positions = along(p, 0..table.entries.len() as u64, index, &shape);
    let rotated = p.add(positions, r);
    let domain = Domain::Ring(table.ring);
    let entries = table.entries.iter().map(|&entry| entry & domain.mask()).collect();
    let rotated = p.function(WordFunction::Table { entries, domain }, rotated);
    let dealt = dealer.deal(p, rotated);

    let delta = open_masked(p, [shifted[0], shifted[1]], r_shares, None);
    let chosen = one_hot(p, delta, positions, domain);
    dealt.iter().map(|&share| picked(p, chosen, share, &shape)).collect()
}

/// Words along an axis before those of `shape`.
pub(super) fn along(
    p: &mut ProgramBuilder,
    words: impl Iterator<Item = u64>,
    domain: Domain,
    shape: &Shape,
) -> ValueId {
    let words: Vec<u64> = words.collect();
    let axes = std::iter::once(words.len()).chain(shape.axes().iter().map(|_| 1));
    let shape: Shape = axes.collect();
    p.constant(Constant::Words(words.into()), domain, shape)
}

/// 1 in `domain` at the one of `positions`, all words of a ring along the first axis, that a word of the ring is; 0 elsewhere.
pub(super) fn one_hot(p: &mut ProgramBuilder, word: ValueId, positions: ValueId, domain: Domain) -> ValueId {
    let distance = p.sub(word, positions);
    let mut is_zero = vec![0; 1 << p.value(word).domain.bits()];
    is_zero[0] = 1;
    p.function(WordFunction::Table { entries: is_zero, domain }, distance)
}

/// What `one_hot` picks along the first axis, in `shape`.
pub(super) fn picked(p: &mut ProgramBuilder, one_hot: ValueId, of: ValueId, shape: &Shape) -> ValueId {
    let picked = p.mul(one_hot, of);
    let sum = p.sum(picked, 0);
    p.moved(sum, Move::Reshape(shape.clone()))
}
