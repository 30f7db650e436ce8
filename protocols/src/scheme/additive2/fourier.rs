//! Trigonometric sums of one secret with one opening.
//!
//! SecFormer (arXiv 2401.00793) Algorithm 4, after Zheng et al. (ACSAC 2023), generalised to any coefficients and made right
//! for every split of the secret. To compute sum over k of a_k cos(k angle) + b_k sin(k angle), angle = 2 pi x / period:
//! 1. Bring the period to a power of two: if period x 2^f is 2^m, keep the shares; otherwise multiply them by
//!    c = round(2^(m + 24) / (period 2^f)) and shift each down by 24.
//! 2. Narrow the shares to Z_2^m. Narrowing is a ring homomorphism, so n0 + n1 is x modulo the period exactly (step 1:
//!    to one unit of 2^-m turns). The shift cannot wrap: its failure is a multiple of 2^40, which is 0 modulo 2^m.
//!    Reducing masked shares of 64 bits modulo a period that is no power of two is wrong instead whenever their sum wraps: one
//!    time in four, for each share less a uniform word.
//! 3. The dealer deals t uniform in Z_2^m and shares of C_k = cos(2 pi k t / 2^m), S_k = sin(2 pi k t / 2^m).
//! 4. The parties open delta = n - t, m bits each way: uniform in Z_2^m, because t is.
//! 5. cos(k(delta + t)) = cos(k delta) C_k - sin(k delta) S_k and sin(k(delta + t)) = sin(k delta) C_k + cos(k delta) S_k, so
//!    the sum is public numbers times shares: A_k C_k + B_k S_k with A_k = a_k cos(k delta) + b_k sin(k delta) and
//!    B_k = b_k cos(k delta) - a_k sin(k delta).
//!
//! A published mistake, [`Opening::Remainder`](crate::circuit::Opening::Remainder), is carried out as it is: in steps 3 and 4 t and delta
//! are whole words of 64 bits, and the parties take the remainder of delta modulo another length than the period, so that the sum is
//! taken at n - j M for a j that t decides. Opened is still a uniform word.

use super::truncation;
use crate::program::{ProgramBuilder, Wave, WordFunction};
use crate::ring::Domain;
use crate::scheme::dealt::{Dealer, open_masked};
use crate::scheme::laws::PERIOD_SHIFT;
use crate::scheme::{RingSeries, Shares};
use crate::shape::{Move, Shape};

/// Shares of the sum at double scale, and by how many bits it must be truncated; x is shared among P0 and P1, and so is the
/// result.
pub(in crate::scheme) fn sum(
    p: &mut ProgramBuilder,
    dealer: Dealer,
    x: &Shares,
    series: &RingSeries<'_>,
) -> (Shares, u8) {
    let shape = p.shape(x[0]);
    let angle = Domain::Ring(series.angle.bits);
    let turned: Shares = match series.angle.multiplier {
        None => x.clone(),
        Some(multiplier) => {
            let multiplier = p.splat(multiplier, p.value(x[0]).domain);
            let scaled = x.iter().map(|&share| p.mul(share, multiplier)).collect();
            truncation::shift_apart(p, &scaled, PERIOD_SHIFT)
        }
    };
    let opened = match series.modulus {
        None => angle,
        Some(_) => Domain::Z64,
    };
    let (t_shares, t) = dealer.random(p, opened, &shape);
    let t = if opened == angle { t } else { p.convert(t, angle) };
    let fraction_bits = series.wave_bits;
    let (dealt_waves, public_waves) = waves(series);
    let sum_ring = Domain::Ring(series.sum_ring);
    let dealt = p.function(WordFunction::Waves { waves: dealt_waves, fraction_bits }, t);
    let dealt = p.convert(dealt, sum_ring);
    let dealt = dealer.deal(p, dealt);

    let delta = open_masked(p, [turned[0], turned[1]], t_shares, None);
    let delta = match series.modulus {
        None => delta,
        Some(modulus) => p.function(WordFunction::Remainder { modulus, domain: angle }, delta),
    };
    let factors = p.function(WordFunction::Waves { waves: public_waves, fraction_bits }, delta);
    let factors = p.convert(factors, sum_ring);
    let shares = dealt.iter().map(|&share| {
        let terms = p.mul(factors, share);
        let sum = p.sum(terms, 0);
        let shape: Shape = shape.clone();
        p.moved(sum, Move::Reshape(shape))
    });
    (shares.collect(), 2 * fraction_bits - series.fraction_bits)
}

/// Cosine and sine of each frequency, as dealt; and the public factor of each.
fn waves(series: &RingSeries<'_>) -> (Vec<Wave>, Vec<Wave>) {
    let (cosines, sines) = (&series.series.cosines, &series.series.sines);
    let (mut dealt, mut public) = (Vec::new(), Vec::new());
    for k in 0..cosines.len().max(sines.len()) {
        let coefficient = |list: &[f64]| list.get(k).copied().unwrap_or(0.0);
        let (a, b) = (coefficient(cosines), coefficient(sines));
        if a == 0.0 && b == 0.0 {
            continue;
        }
        let harmonic = k as u32 + 1;
        dealt.push(Wave { harmonic, cosine: 1.0, sine: 0.0 });
        public.push(Wave { harmonic, cosine: a, sine: b });
        dealt.push(Wave { harmonic, cosine: 0.0, sine: 1.0 });
        public.push(Wave { harmonic, cosine: b, sine: -a });
    }
    (dealt, public)
}
