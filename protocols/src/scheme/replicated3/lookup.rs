//! A secret's entry in a public table with one opening among P0 and P1, for whom P2 deals.
//!
//! The steps are those of [`additive2::lookup`] on x0 + x1 and x2. P0 and P1 then have the entry in two shares, and share it anew with P2,
//! behind masks (1 round, 128 bit).

use super::{DEALER, in_two, reshare};
use crate::program::ProgramBuilder;
use crate::scheme::additive2;
use crate::scheme::{RingTable, Shares};

/// The entry.
pub(super) fn entry(p: &mut ProgramBuilder, x: &Shares, table: &RingTable) -> Shares {
    let x = in_two(p, x);
    let entry = additive2::lookup::entry(p, DEALER, &x, table);
    reshare(p, 1, entry[1], entry[0])
}
