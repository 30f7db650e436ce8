//! Trigonometric sums, and the coefficients of some of them from their definitions.

use super::Enclosure;
use viewless_protocols::circuit::{Opening, Series};

/// The sum at x; its f64 coefficients and period are taken as they are.
#[must_use]
pub fn at(series: &Series, x: &Enclosure) -> Option<Enclosure> {
    let bits = x.bits();
    let remainder = match series.opening {
        Opening::Period => x.clone(),
        Opening::Remainder { modulus } => {
            // Which multiple is taken away must be certain; the quotients are right to 2^-52.
            let [low, high] = [x.low(), x.high()].map(|end| (end / modulus).floor());
            let near =
                |end: f64| (end / modulus - (end / modulus).round()).abs() < 1e-9 * (1.0 + (end / modulus).abs());
            if low != high || near(x.low()) || near(x.high()) {
                return None;
            }
            x.sub(&Enclosure::of(modulus, bits).scale(low))
        }
    };
    let turn = Enclosure::pi(bits).scale(2.0).mul(&remainder).mul(&Enclosure::of(series.period, bits).recip()?);
    let mut sum = Enclosure::of(series.constant, bits);
    for k in 0..series.cosines.len().max(series.sines.len()) {
        let (cosine, sine) = turn.scale((k + 1) as f64).cos_sin();
        let term = |list: &[f64], wave: &Enclosure| wave.scale(list.get(k).copied().unwrap_or(0.0));
        sum = sum.add(&term(&series.cosines, &cosine)).add(&term(&series.sines, &sine));
    }
    Some(sum)
}

/// 1/P integral over [-P, P] of erf(u) sin(i pi u / P) du, the coefficients of SecFormer's Equation 6 for P = 10.
///
/// By parts it is 2/(i pi) ((-1)^(i+1) erf(P) + integral over [0, P] of erf'(u) cos(i pi u / P) du). The integral over
/// [0, infinity) is exp(-(i pi / (2 P))^2), and what lies beyond P is at most 1 - erf(P).
#[must_use]
pub fn erf_coefficient(i: u32, half_period: f64, bits: u32) -> Enclosure {
    let angle = Enclosure::pi(bits).scale(f64::from(i));
    let p = Enclosure::of(half_period, bits);
    let inverse = p.recip().expect("a period is positive");
    let gauss = angle.mul(&inverse).over(2).square().neg().exp();
    let edge = p.erf();
    let tail = Enclosure::of(1.0, bits).sub(&edge);
    let tail = tail.clone().hull(tail.neg());
    let sum = if i.is_multiple_of(2) { gauss.sub(&edge) } else { gauss.add(&edge) };
    sum.add(&tail).scale(2.0).mul(&angle.recip().expect("an angle is positive"))
}
