//! The functions of one number that protocols approximate, with all their derivatives.
//!
//! The k-th Taylor coefficient f_k = f^(k)(x) / k! follows from the lower ones by the function's differential equation. Over
//! an interval of x the same recurrences enclose the coefficient at every point of it, which is what a remainder needs.
//!
//! | f | recurrence |
//! |---|---|
//! | e^x | f_(k+1) = f_k / (k + 1) |
//! | 1/x | f_(k+1) = -f_k / x |
//! | x^(-1/2) | f_(k+1) = -(k + 1/2) f_k / ((k + 1) x) |
//! | erf x | f_(k+1) = g_k / (k + 1), g = 2/sqrt(pi) e^(-x^2), g' = -2 x g: (k + 1) g_(k+1) = -2 (x g_k + g_(k-1)) |
//! | P(x) = (1 + erf(x / sqrt 2)) / 2 | P' = n, n' = -x n: (k + 1) n_(k+1) = -(x n_k + n_(k-1)) |
//! | x P(x) | f_k = x P_k + P_(k-1) |
//! | T = tanh z(x) | T' = (1 - T^2) z' |

use super::Enclosure;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A function of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RealFunction {
    /// e^x.
    Exp,
    /// 1 / x.
    Reciprocal,
    /// 1 / sqrt(x).
    Rsqrt,
    /// tanh x.
    Tanh,
    /// The error function.
    Erf,
    /// max(x, 0).
    Relu,
    /// x, and a fifth of it below zero.
    LeakyRelu,
    /// x/2 (1 + erf(x / sqrt 2)).
    GeluErf,
    /// x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): another function, up to 4.7e-4 away.
    GeluTanh,
}

/// What a function makes of -x, stated without any other function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Symmetry {
    /// f(-x) = -f(x).
    Odd,
    /// f(x) - f(-x) = x.
    Complement,
}

impl Symmetry {
    /// How far `right` = f(x) and `left` = f(-x) are from it.
    #[must_use]
    pub fn defect(self, x: f64, right: f64, left: f64) -> f64 {
        match self {
            Self::Odd => right + left,
            Self::Complement => right - left - x,
        }
    }
}

impl fmt::Display for Symmetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Odd => "f(-x) = -f(x)",
            Self::Complement => "f(x) - f(-x) = x",
        })
    }
}

impl RealFunction {
    /// The symmetry that ties the function's two halves together, where it has one and is defined on both.
    #[must_use]
    pub fn symmetry(self) -> Option<Symmetry> {
        match self {
            Self::Reciprocal | Self::Tanh | Self::Erf => Some(Symmetry::Odd),
            Self::GeluErf | Self::GeluTanh | Self::Relu => Some(Symmetry::Complement),
            Self::Exp | Self::Rsqrt | Self::LeakyRelu => None,
        }
    }

    /// Every function.
    pub const ALL: [Self; 9] = [
        Self::Exp,
        Self::Reciprocal,
        Self::Rsqrt,
        Self::Tanh,
        Self::Erf,
        Self::Relu,
        Self::LeakyRelu,
        Self::GeluErf,
        Self::GeluTanh,
    ];

    /// Where it has no derivative, though it is continuous there: its pieces end at that number.
    #[must_use]
    pub fn kink(self) -> Option<f64> {
        match self {
            Self::Relu | Self::LeakyRelu => Some(0.0),
            Self::Exp | Self::Reciprocal | Self::Rsqrt | Self::Tanh | Self::Erf | Self::GeluErf | Self::GeluTanh => {
                None
            }
        }
    }

    /// The value, by MPFR's own functions; `None` where the function is not defined on all of x.
    #[must_use]
    pub fn at(self, x: &Enclosure) -> Option<Enclosure> {
        let bits = x.bits();
        let one = Enclosure::of(1.0, bits);
        Some(match self {
            Self::Exp => x.exp(),
            Self::Reciprocal => x.recip()?,
            Self::Rsqrt => x.sqrt()?.recip()?,
            Self::Tanh => x.tanh(),
            Self::Erf => x.erf(),
            Self::Relu => below_and_above(x, &|_| Enclosure::of(0.0, bits)),
            Self::LeakyRelu => below_and_above(x, &|x| x.over(5)),
            Self::GeluErf => x.mul(&normal(x)),
            Self::GeluTanh => x.over(2).mul(&one.add(&tanh_argument(x).tanh())),
        })
    }

    /// The Taylor coefficients f_0 to f_`order` at x, enclosed for every x of the interval; `None` where there is a [kink](Self::kink)
    /// inside. At its end they are those of the one side.
    #[must_use]
    pub fn taylor(self, x: &Enclosure, order: usize) -> Option<Vec<Enclosure>> {
        let first = self.at(x)?;
        let next = |mut coefficients: Vec<Enclosure>, step: &dyn Fn(usize, &Enclosure) -> Enclosure| {
            for k in 0..order {
                let coefficient = step(k, &coefficients[k]);
                coefficients.push(coefficient);
            }
            coefficients
        };
        Some(match self {
            Self::Exp => next(vec![first], &|k, f| f.over(index(k + 1))),
            Self::Reciprocal => {
                let ratio = x.recip()?.neg();
                next(vec![first], &|_, f| f.mul(&ratio))
            }
            Self::Rsqrt => {
                let ratio = x.recip()?.neg();
                next(vec![first], &|k, f| f.mul(&ratio).scale(k as f64 + 0.5).over(index(k + 1)))
            }
            Self::Tanh => {
                let slope = [Enclosure::of(1.0, x.bits())];
                tanh_of(first, &slope, order)
            }
            Self::Relu => broken_line(x, first, &Enclosure::of(0.0, x.bits()), order)?,
            Self::LeakyRelu => broken_line(x, first, &Enclosure::of(1.0, x.bits()).over(5), order)?,
            Self::Erf => {
                let scale = Enclosure::of(2.0, x.bits()).mul(&Enclosure::pi(x.bits()).sqrt()?.recip()?);
                let density = density(scale.mul(&x.square().neg().exp()), x, 2.0, order);
                integral(first, &density)
            }
            Self::GeluErf => {
                let scale = Enclosure::pi(x.bits()).scale(2.0).sqrt()?.recip()?;
                let density = density(scale.mul(&x.square().over(2).neg().exp()), x, 1.0, order);
                times_x(x, &integral(normal(x), &density), order)
            }
            Self::GeluTanh => {
                // z' = sqrt(2/pi) (1 + 3 a x^2), with z'' / 1! and z''' / 2! by x.
                let (root, a) = tanh_constants(x.bits());
                let slope = [
                    Enclosure::of(1.0, x.bits()).add(&a.scale(3.0).mul(&x.square())),
                    a.scale(6.0).mul(x),
                    a.scale(3.0),
                ];
                let slope = slope.map(|coefficient| coefficient.mul(&root));
                let mut factor = tanh_of(tanh_argument(x).tanh(), &slope, order);
                factor[0] = factor[0].add(&Enclosure::of(1.0, x.bits()));
                times_x(x, &factor, order).iter().map(|coefficient| coefficient.over(2)).collect()
            }
        })
    }
}

/// x above zero and `below` of it below: both where the interval lies on both sides.
fn below_and_above(x: &Enclosure, below: &dyn Fn(&Enclosure) -> Enclosure) -> Enclosure {
    let part = |low: f64, high: f64| Enclosure::between(low, high, x.bits());
    if x.low() >= 0.0 {
        x.clone()
    } else if x.high() <= 0.0 {
        below(x)
    } else {
        below(&part(x.low(), 0.0)).hull(part(0.0, x.high()))
    }
}

/// The coefficients of a line that breaks at zero.
fn broken_line(x: &Enclosure, first: Enclosure, slope_below: &Enclosure, order: usize) -> Option<Vec<Enclosure>> {
    let slope = match (x.low() >= 0.0, x.high() <= 0.0) {
        (true, _) => Enclosure::of(1.0, x.bits()),
        (false, true) => slope_below.clone(),
        (false, false) => return None,
    };
    let rest = std::iter::repeat_n(Enclosure::of(0.0, x.bits()), order.saturating_sub(1));
    Some([first, slope].into_iter().chain(rest).take(order + 1).collect())
}

fn index(k: usize) -> u32 {
    u32::try_from(k).expect("an order of differentiation is small")
}

/// (1 + erf(x / sqrt 2)) / 2.
fn normal(x: &Enclosure) -> Enclosure {
    let root = Enclosure::of(0.5, x.bits()).sqrt().expect("a half is positive");
    Enclosure::of(1.0, x.bits()).add(&x.mul(&root).erf()).over(2)
}

/// sqrt(2/pi) and 0.044715, which is no dyadic number.
fn tanh_constants(bits: u32) -> (Enclosure, Enclosure) {
    let root = Enclosure::pi(bits).over(2).recip().and_then(|x| x.sqrt()).expect("pi is positive");
    (root, Enclosure::of(44715.0, bits).over(1_000_000))
}

fn tanh_argument(x: &Enclosure) -> Enclosure {
    let (root, a) = tanh_constants(x.bits());
    root.mul(&x.add(&a.mul(&x.square().mul(x))))
}

/// g_0 to g_`order` of g with g' = -`rate` x g.
fn density(first: Enclosure, x: &Enclosure, rate: f64, order: usize) -> Vec<Enclosure> {
    let mut g = vec![first];
    for k in 0..order {
        let before = if k == 0 { x.mul(&g[0]) } else { x.mul(&g[k]).add(&g[k - 1]) };
        g.push(before.scale(-rate).over(index(k + 1)));
    }
    g
}

/// f_0 and f_(k+1) = g_k / (k + 1).
fn integral(first: Enclosure, g: &[Enclosure]) -> Vec<Enclosure> {
    let rest = g.iter().take(g.len() - 1).enumerate().map(|(k, g)| g.over(index(k + 1)));
    std::iter::once(first).chain(rest).collect()
}

/// x f from f.
fn times_x(x: &Enclosure, f: &[Enclosure], order: usize) -> Vec<Enclosure> {
    (0..=order).map(|k| if k == 0 { x.mul(&f[0]) } else { x.mul(&f[k]).add(&f[k - 1]) }).collect()
}

/// T with T' = (1 - T^2) z', from T_0 and the coefficients of z'.
fn tanh_of(first: Enclosure, slope: &[Enclosure], order: usize) -> Vec<Enclosure> {
    let bits = first.bits();
    let mut t = vec![first];
    // u = 1 - T^2.
    let mut u: Vec<Enclosure> = Vec::new();
    for k in 0..order {
        let mut square = Enclosure::of(0.0, bits);
        for i in 0..=k {
            square = square.add(&if 2 * i == k { t[i].square() } else { t[i].mul(&t[k - i]) });
        }
        u.push(Enclosure::of(if k == 0 { 1.0 } else { 0.0 }, bits).sub(&square));
        let mut sum = Enclosure::of(0.0, bits);
        for (i, slope) in slope.iter().enumerate().take(k + 1) {
            sum = sum.add(&slope.mul(&u[k - i]));
        }
        t.push(sum.over(index(k + 1)));
    }
    t
}

impl fmt::Display for RealFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Exp => "exp",
            Self::Reciprocal => "reciprocal",
            Self::Rsqrt => "inverse square root",
            Self::Tanh => "tanh",
            Self::Erf => "erf",
            Self::Relu => "relu",
            Self::LeakyRelu => "leaky relu",
            Self::GeluErf => "gelu (erf)",
            Self::GeluTanh => "gelu (tanh)",
        })
    }
}
