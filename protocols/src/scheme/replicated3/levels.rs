//! Powers of two and levels of rows among P0 and P1, for whom P2 deals.
//!
//! The steps are those of [`additive2::power`] and [`additive2::level`] on x0 + x1 and x2. P0 and P1 then have the result in two shares, and share it
//! anew with P2, behind masks.

use super::{DEALER, fourier, in_two, reshare};
use crate::program::ProgramBuilder;
use crate::scheme::additive2;
use crate::scheme::{RingLevel, RingPower, Shares, Truncation};

/// The power, truncated.
pub(super) fn power(p: &mut ProgramBuilder, x: &Shares, power: &RingPower, truncation: Truncation) -> Shares {
    let x = in_two(p, x);
    let product = additive2::power::power(p, DEALER, &x, power);
    fourier::settle(p, &product, power.cut(), power.sum_ring, truncation)
}

/// The level.
pub(super) fn level(p: &mut ProgramBuilder, x: &Shares, level: &RingLevel) -> Shares {
    let x = in_two(p, x);
    let result = additive2::level::level(p, DEALER, &x, level);
    reshare(p, 1, result[1], result[0])
}
