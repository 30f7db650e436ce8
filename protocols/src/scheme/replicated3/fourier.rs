//! Trigonometric sums of one secret with one opening among P0 and P1, for whom P2 deals.
//!
//! The steps are those of [`additive2::fourier`] on x0 + x1 and x2. P0 and P1 then have the sum in two shares, truncate it, and
//! share it anew with P2: under local truncation they shift their shares and exchange them behind masks (1 round, 128 bit); what an exact
//! truncation gives is shared among three already.

use super::{DEALER, in_two, reshare, truncation};
use crate::program::ProgramBuilder;
use crate::scheme::additive2;
use crate::scheme::{Cut, RingSeries, Shares, Truncation};

/// The sum, truncated.
pub(super) fn sum(p: &mut ProgramBuilder, x: &Shares, series: &RingSeries<'_>, truncation: Truncation) -> Shares {
    let x = in_two(p, x);
    let (sum, shift) = additive2::fourier::sum(p, DEALER, &x, series);
    let fraction_bits = series.fraction_bits + shift;
    let cut = Cut { shift, fraction_bits, ring: series.ring };
    settle(p, &sum, cut, series.sum_ring, truncation)
}

/// What P0 and P1 have, truncated, in shares of all three.
pub(super) fn settle(p: &mut ProgramBuilder, sum: &Shares, cut: Cut, sum_ring: u8, truncation: Truncation) -> Shares {
    let opens = match truncation {
        Truncation::Exact => true,
        Truncation::Local => false,
        Truncation::Narrowing => cut.ring + cut.shift > sum_ring,
    };
    if opens {
        return truncation::exact(p, sum, cut);
    }
    if truncation == Truncation::Local {
        truncation::claim_local(p, sum, cut);
    }
    let shifted = additive2::truncation::narrowing(p, sum, cut.shift, cut.ring);
    reshare(p, 1, shifted[1], shifted[0])
}
