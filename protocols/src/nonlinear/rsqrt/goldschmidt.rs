//! `rsqrt/goldschmidt`: SecFormer's inverse square root, Goldschmidt's iteration after deflation.
//!
//! 1. q = x / eta, p = 1.
//! 2. t times: m = (3 - q) / 2; q = q m^2; p = p m. Then q tends to 1 and p to sqrt(eta / x). The first p is m itself, and
//!    the last q is not needed.
//! 3. Return p / sqrt(eta).
//!
//! **Cost.** t - 1 squares and 2 (t - 1) products: 640 (t - 1) bit; as written 3 (t - 1) rounds, scheduled by dependencies
//! 2 (t - 1) + 1.
//! **Error.** For eta = 2000, t = 11 at most 1e-3 of the truth on the domain; 8.8e-4 at its lower end.
//! **Domain.** [0.001 eta, 2.945 eta]. The paper claims 2.99 eta, where the relative error is 53 percent; at 3 eta m is
//! zero and it stops converging.
//! **Privacy.** Products and squares only: every message is uniform.
//! **Source.** SecFormer (arXiv 2401.00793), section 3.2, Algorithm 2, steps 3 to 8.
//!
//! | here | paper |
//! |---|---|
//! | `p`, `q`, `m` | p, q, m |
//! | [`ETA`] | eta |
//! | [`ITERATIONS`] | t |

use crate::circuit::{Circuit, Secret};
use crate::nonlinear::reciprocal::goldschmidt::{GUARD_BITS, scale_down};
use crate::nonlinear::{
    Bits, Build, Card, CostClaim, ErrorClaim, Function, Interval, PerRow, Protocol, Reading, Rounds, Setting, Truth,
    texts,
};
use std::borrow::Cow;
use std::sync::LazyLock;

/// The argument is deflated by it.
pub const ETA: f64 = 2000.0;
/// Number of iterations.
pub const ITERATIONS: usize = 11;

/// Where the relative error is below 1e-3, for a quantity in words.
#[must_use]
pub const fn domain(of: &'static str) -> Interval {
    Interval { low: 0.001 * ETA, high: 2.945 * ETA, of: Cow::Borrowed(of) }
}

/// The card.
pub static CARD: LazyLock<Card> = LazyLock::new(|| {
    Card {
    name: "rsqrt/goldschmidt".into(),
    function: Function::RSQRT,
    summary: "11 Goldschmidt iterations after division by eta = 2000".into(),
    source: "SecFormer (arXiv 2401.00793) section 3.2, Algorithm 2, steps 3 to 8".into(),
    reading: Reading::AsPrinted,
    interval: PerRow::of(|_| domain("the argument")),
    error: ErrorClaim { absolute: 0.0, relative: 1e-3, truth: Truth::Rsqrt },
    claims: vec![
        CostClaim {
            by: "SecFormer, cost of the inverse root".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(22)),
            bits: Some(Bits::per_element(7040)),
            holds: false,
            remark: "2 rounds and 640 bit for each of 11 iterations; the first p = 1 m is no product and the last q is not needed".into(),
        },
        CostClaim {
            by: "viewless".into(),
            setting: Setting::PUBLISHED,
            rounds: Some(Rounds::fixed(30)),
            bits: Some(Bits::per_element(6400)),
            holds: true,
            remark: "ten squares and twenty products, one after the other".into(),
        },
    ],
    fails: vec![],
    known: texts(&["the paper claims q0 up to 2.99, where 11 iterations leave an error of 53 percent; 2.945 is right"]),
}
});

/// The protocol.
pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| Protocol::built_in(&CARD, Build::map(build)));

/// 1/sqrt(x) elementwise; 5 guard bits.
pub fn build(c: &mut Circuit, x: Secret) -> Secret {
    let domain = domain("");
    c.claim_domain(x, domain.low, domain.high);
    let q = c.scale_to(x, 1.0 / ETA, GUARD_BITS);
    let p = iterate(c, q, ITERATIONS);
    scale_down(c, p, 1.0 / ETA.sqrt())
}

/// Step 2 from a deflated q in (0, 3): 1 / sqrt(q), with the guard bits of q.
pub fn iterate(c: &mut Circuit, deflated: Secret, iterations: usize) -> Secret {
    let guard_bits = c.guard_bits(deflated);
    let mut q = deflated;
    let mut p = None;
    for last in (0..iterations).rev() {
        let twice = c.subtract_from(3.0, q);
        let m = c.shift(twice, -1);
        p = Some(p.map_or(m, |p| c.mul_to(p, m, guard_bits)));
        if last > 0 {
            let square = c.square_to(m, guard_bits);
            q = c.mul_to(q, square, guard_bits);
        }
    }
    p.expect("at least one iteration")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::testing;

    /// Traces (p, q) of the iteration from p = 1, to the digits given.
    #[test]
    fn the_iteration_follows_its_traces() {
        for (q0, iterations, p, q) in [
            (0.1, 1, 1.45, 0.21025),
            (0.1, 2, 2.022569, 0.409078),
            (0.1, 3, 2.620158, 0.686523),
            (0.1, 7, 3.162278, 1.0),
            (2.5, 1, 0.25, 0.15625),
            (2.5, 2, 0.355469, 0.315895),
            (2.5, 3, 0.477058, 0.56896),
            (2.5, 7, 0.632456, 1.0),
            (0.001, 11, 31.594980, 0.998243),
        ] {
            let found = testing::map_with(&[q0], |c, q| iterate(c, q, iterations))[0];
            assert!((found - p).abs() <= 0.51e-6, "{q0} {iterations}: {found}");
            assert!((found * found * q0 - q).abs() <= 0.51e-6, "{q0} {iterations}");
        }
    }

    /// Relative errors at the ends of the printed and of the true interval.
    #[test]
    fn the_printed_interval_is_too_long() {
        let error = |q0: f64| testing::map_with(&[q0], |c, q| iterate(c, q, ITERATIONS))[0] * q0.sqrt() - 1.0;
        assert!((error(0.001) + 8.8e-4).abs() < 1e-5);
        assert!((error(2.99) + 0.533).abs() < 1e-3);
        assert!(error(2.945).abs() < 1e-3 && error(2.95).abs() > 1e-3);
    }
}
