//! `reciprocal/goldschmidt`: SecFormer's division, Goldschmidt's iteration after deflation.
//!
//! 1. q = x / eta, p = 1.
//! 2. t times: m = 2 - q; p = p m; q = q m. Then q tends to 1 and p to eta / x. The first p is m itself.
//! 3. Return p / eta.
//!
//! **Cost.** As written 2t - 1 rounds, 512 t - 256 bit: t products for q, the last one unused as printed, t - 1 for p.
//! Scheduled by dependencies t rounds.
//! **Error.** Relative error exactly -(1 - x/eta)^(2^t): 2.8e-4 at both ends of the domain for t = 13. In fixed point each
//! product adds up to a unit, 2t in all; at the lower end x / eta has only 262 units at 18 fraction bits, 0.4 percent.
//! **Domain.** [0.001 eta, 1.999 eta]; beyond 2 eta it diverges.
//! **Privacy.** Products only: every message is uniform.
//! **Source.** SecFormer (arXiv 2401.00793), Appendix B, Algorithm 3, steps 4 to 8, for the reciprocal alone.
//!
//! | here | paper |
//! |---|---|
//! | `p`, `q`, `m` | p, q, m |
//! | [`Division::eta`] | eta |
//! | [`Division::iterations`] | t |

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    texts,
};
use std::borrow::Cow;
use std::sync::LazyLock;

/// Guard bits at which the iteration runs: a quarter of the rounding without any, while a product near 1 wraps with
/// probability 2^-28 under local truncation.
pub const GUARD_BITS: i8 = 2;

/// Deflation and length of the iteration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Division {
    /// The divisor is deflated by it.
    pub eta: f64,
    /// Number of iterations, at least 1.
    pub iterations: usize,
}

/// The paper's constants.
pub const PAPER: Division = Division { eta: 5000.0, iterations: 13 };

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "reciprocal/goldschmidt".into(),
    function: Function::RECIPROCAL,
    summary: "13 Goldschmidt iterations after division by eta = 5000".into(),
    source: "SecFormer (arXiv 2401.00793) Appendix B, Algorithm 3".into(),
    reading: Reading::AsPrinted,
    interval: PerRow::of(|_| PAPER.domain("the argument")),
    error: ErrorClaim { absolute: 0.0, relative: 2.8e-4, truth: Truth::Reciprocal },
    claims: vec![
        CostClaim {
            by: "SecFormer, cost of the division".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(13)),
            bits: Some(Bits::per_element(6656)),
            holds: false,
            remark: "counts both products of an iteration as one round, and the first p = 1 m as a product: 25 rounds as written, \
                 6400 bit".into(),
        },
        CostClaim {
            by: "viewless".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(25)),
            bits: Some(Bits::per_element(6400)),
            holds: true,
            remark: "2t - 1 rounds, 512 t - 256 bit".into(),
        },
    ],
    fails: vec![],
    known: texts(&[
        "divides by a fixed range of [5, 9995]: the row sums of 2Quad leave it when rows are longer than 390 elements",
    ]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// 1/x elementwise with the paper's constants; 12 guard bits.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    PAPER.reciprocal(c, x)
}

impl Division {
    /// Where the relative error is below 2.8e-4 for 13 iterations.
    #[must_use]
    pub const fn domain(self, of: &'static str) -> Interval {
        Interval { low: 0.001 * self.eta, high: 1.999 * self.eta, of: Cow::Borrowed(of) }
    }

    /// 1/x for x in the domain, which it claims; floor(log2 eta) guard bits.
    pub fn reciprocal(self, c: &mut Circuit, x: Secret) -> Secret {
        let domain = self.domain("");
        c.claim_domain(x, domain.low, domain.high);
        let q = c.scale_to(x, 1.0 / self.eta, GUARD_BITS);
        let p = iterate(c, q, self.iterations);
        scale_down(c, p, 1.0 / self.eta)
    }
}

/// Step 2 from a deflated q in (0, 2): 1 / q, with the guard bits of q.
pub fn iterate(c: &mut Circuit, deflated: Secret, iterations: usize) -> Secret {
    let mut q = deflated;
    let mut p = None;
    for _ in 0..iterations {
        let m = c.subtract_from(2.0, q);
        p = Some(p.map_or(m, |p| c.mul(p, m)));
        q = c.mul(q, m);
    }
    p.expect("at least one iteration")
}

/// x times a public factor below 1 without losing its leading bits: the factor's power of two only moves the binary point,
/// so the result has as many guard bits as the factor has leading zeros.
pub(in crate::nonlinear) fn scale_down(c: &mut Circuit, x: Secret, factor: f64) -> Secret {
    let exponent = -libm::log2(factor).floor() as i32 - 1;
    let mantissa = factor * crate::fixed::power_of_two(exponent);
    let scaled = c.scale_to(x, mantissa, 0);
    c.shift(scaled, -i8::try_from(exponent).expect("a deflation is far from 2^127"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    fn p_and_q(q0: f64, iterations: usize) -> (f64, f64) {
        let p = testing::map_with(&[q0], |c, q| iterate(c, q, iterations))[0];
        (p, p * q0)
    }

    /// Traces (p, q) of the iteration from p = 1, to the digits given.
    #[test]
    fn the_iteration_follows_its_traces() {
        for (q0, iterations, p, q) in [
            (0.1, 1, 1.9, 0.19),
            (0.1, 2, 3.439, 0.3439),
            (0.1, 3, 5.695328, 0.569533),
            (0.1, 7, 9.999986, 0.999999),
            (1.5, 1, 0.5, 0.75),
            (1.5, 2, 0.625, 0.9375),
            (1.5, 3, 0.664062, 0.996094),
            (0.001, 13, 999.724273, 0.999724),
        ] {
            let (p_found, q_found) = p_and_q(q0, iterations);
            assert!((p_found - p).abs() <= 0.51e-6 && (q_found - q).abs() <= 0.51e-6, "{q0} {iterations}");
        }
    }

    #[test]
    fn the_relative_error_is_a_power_of_the_start() {
        for q0 in [0.001, 0.01, 0.3, 1.0, 1.9] {
            let error = p_and_q(q0, 7).1 - 1.0;
            assert!((error + (1.0 - q0).powi(128)).abs() < 1e-12, "{q0}");
        }
    }

    #[test]
    fn it_diverges_beyond_twice_eta() {
        assert!(testing::map(&PROTOCOL, &[10_100.0])[0].abs() > 1.0);
    }
}
