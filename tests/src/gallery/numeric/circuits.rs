//! Flawed circuits. Each is one function of the flaw: without it, the same lines are sound.

use viewless_protocols::circuit::{Circuit, Secret, Series};
use viewless_protocols::nonlinear::gelu::secformer;
use viewless_protocols::nonlinear::reciprocal::goldschmidt::Division;

/// What can be changed in SecFormer's Algorithm 1.
struct Algorithm1 {
    /// On x: the paper's 1.7 is on x / sqrt 2.
    threshold: f64,
    /// The sign with which the left tail enters; -1.
    left: f64,
    /// The coefficients.
    series: Series,
    /// Whether the right tail begins only beyond the threshold, and not at it.
    gap: bool,
}

impl Algorithm1 {
    fn sound() -> Self {
        Self { threshold: secformer::THRESHOLD, left: -1.0, series: secformer::series(), gap: false }
    }

    fn build(self, c: &mut Circuit, x: Secret) -> Secret {
        let (z0, below) = (c.less_than(x, -self.threshold), c.less_than(x, self.threshold));
        let above = if self.gap {
            let threshold = c.constant(&[self.threshold], [1], 0);
            c.less(threshold, x)
        } else {
            c.not(below)
        };
        let [z0, below, z2] = [z0, below, above].map(|bit| c.real(bit, 0));
        let z1 = c.sub(below, z0);
        let f = c.fourier(x, self.series);
        let inside = c.mul(z1, f);
        let left = c.scale(z0, self.left);
        let tails = c.add(z2, left);
        let erf = c.add(inside, tails);
        let factor = c.offset(erf, 1.0);
        let twice = c.mul(x, factor);
        c.shift(twice, -1)
    }
}

pub(super) fn gelu(c: &mut Circuit, x: Secret) -> Secret {
    Algorithm1::sound().build(c, x)
}

pub(super) fn gelu_threshold_of_the_code(c: &mut Circuit, x: Secret) -> Secret {
    Algorithm1 { threshold: 2.5 * std::f64::consts::SQRT_2, ..Algorithm1::sound() }.build(c, x)
}

pub(super) fn gelu_threshold_of_x(c: &mut Circuit, x: Secret) -> Secret {
    Algorithm1 { threshold: 1.7, ..Algorithm1::sound() }.build(c, x)
}

pub(super) fn gelu_left_tail(c: &mut Circuit, x: Secret) -> Secret {
    Algorithm1 { left: 1.0, ..Algorithm1::sound() }.build(c, x)
}

pub(super) fn gelu_digits_exchanged(c: &mut Circuit, x: Secret) -> Secret {
    let mut series = secformer::series();
    series.sines[6] = 0.118029;
    Algorithm1 { series, ..Algorithm1::sound() }.build(c, x)
}

/// A threshold that is a fixed-point number: runs can hit it.
const REPRESENTABLE: f64 = 2.40625;

pub(super) fn gelu_without_gap(c: &mut Circuit, x: Secret) -> Secret {
    Algorithm1 { threshold: REPRESENTABLE, ..Algorithm1::sound() }.build(c, x)
}

/// x < threshold in the middle, threshold < x at the right, and at the threshold nothing.
pub(super) fn gelu_gap(c: &mut Circuit, x: Secret) -> Secret {
    Algorithm1 { threshold: REPRESENTABLE, gap: true, ..Algorithm1::sound() }.build(c, x)
}

/// a x^2 + b x + d with one product.
fn quadratic(c: &mut Circuit, x: Secret, [d, b, a]: [f64; 3]) -> Secret {
    let square = c.square(x);
    let (square, line) = (c.scale(square, a), c.scale(x, b));
    let sum = c.add(square, line);
    c.offset(sum, d)
}

/// MPCFormer's Quad, from the constant term upwards.
pub(super) const QUAD: [f64; 3] = [0.5, 0.25, 0.125];

pub(super) fn quad(c: &mut Circuit, x: Secret) -> Secret {
    quadratic(c, x, QUAD)
}

pub(super) fn quad_exchanged(c: &mut Circuit, x: Secret) -> Secret {
    quadratic(c, x, [0.25, 0.5, 0.125])
}

fn limit(c: &mut Circuit, x: Secret, squarings: u8) -> Secret {
    let quotient = c.shift(x, -(squarings as i8));
    let base = c.offset(quotient, 1.0);
    let power = (0..squarings).fold(base, |power, _| c.square(power));
    c.precision(power, 0)
}

/// (1 + x/32)^32 from -14 on, 0 below.
pub(super) fn exp_with_clip(c: &mut Circuit, x: Secret) -> Secret {
    let (y, below) = (limit(c, x, 5), c.less_than(x, -14.0));
    let inside = c.not(below);
    c.select(inside, y)
}

pub(super) fn exp_without_clip(c: &mut Circuit, x: Secret) -> Secret {
    limit(c, x, 5)
}

/// (1 + x/256)^256 from -16 on, 0 below.
pub(super) fn fine_exp_with_clip(c: &mut Circuit, x: Secret) -> Secret {
    // The power is of the clipped number, so that it cannot grow.
    let below = c.less_than(x, -16.0);
    let inside = c.not(below);
    let clipped = c.select(inside, x);
    let y = limit(c, clipped, 8);
    c.select(inside, y)
}

pub(super) fn fine_exp_without_clip(c: &mut Circuit, x: Secret) -> Secret {
    limit(c, x, 8)
}

/// GeLU with the Taylor series of erf at 0, whose n-th power of u = x / sqrt 2 is `power(n)`.
fn taylor(c: &mut Circuit, x: Secret, power: impl Fn(u32) -> u32) -> Secret {
    let guard_bits = 8;
    let u = c.precision(x, guard_bits);
    let u = c.scale(u, std::f64::consts::FRAC_1_SQRT_2);
    let scale = std::f64::consts::FRAC_2_SQRT_PI;
    let mut sum = c.scale(u, scale);
    let mut factorial = 1.0;
    for n in 1..=8u32 {
        factorial *= -f64::from(n);
        let term = power_of(c, u, power(2 * n + 1));
        let term = c.scale(term, scale / (factorial * f64::from(2 * n + 1)));
        sum = c.add(sum, term);
    }
    let factor = c.offset(sum, 1.0);
    let twice = c.mul_to(x, factor, 0);
    c.shift(twice, -1)
}

fn power_of(c: &mut Circuit, u: Secret, exponent: u32) -> Secret {
    match exponent {
        1 => u,
        _ if exponent.is_multiple_of(2) => {
            let half = power_of(c, u, exponent / 2);
            c.square(half)
        }
        _ => {
            let less = power_of(c, u, exponent - 1);
            c.mul(less, u)
        }
    }
}

pub(super) fn gelu_taylor(c: &mut Circuit, x: Secret) -> Secret {
    taylor(c, x, |exponent| exponent)
}

/// CrypTen's powers of odd exponents beyond 3 (`secformer.md` section 4.5): the odd branch squares and cubes x^3.
pub(super) fn gelu_taylor_with_faulty_powers(c: &mut Circuit, x: Secret) -> Secret {
    taylor(c, x, |exponent| match exponent {
        5 => 6,
        7 => 9,
        9 => 12,
        11 | 13 => 18,
        15 => 27,
        17 => 24,
        sound => sound,
    })
}

/// PUMA's GeLU: 0, a cubic from -4, a sextic from -1.95, x from 3.
pub(super) fn gelu_puma(c: &mut Circuit, x: Secret) -> Secret {
    let horner = |c: &mut Circuit, coefficients: &[f64]| {
        let (last, rest) = coefficients.split_last().expect("a polynomial has a coefficient");
        let mut sum = c.scale(x, *last);
        for (i, &coefficient) in rest.iter().enumerate().rev() {
            sum = c.offset(sum, coefficient);
            if i > 0 {
                sum = c.mul(sum, x);
            }
        }
        sum
    };
    let cubic =
        [-0.505_403_119_970_817_4, -0.422_265_811_519_838_66, -0.118_076_129_511_819_53, -0.011_034_134_030_615_728];
    let sextic = [
        0.008_526_321_541_038_084,
        0.5,
        0.360_329_269_278_962_9,
        0.0,
        -0.037_688_200_365_904_236,
        0.0,
        0.001_806_746_260_614_121_7,
    ];
    let pieces = [horner(c, &cubic), horner(c, &sextic), x];
    let ends = [-4.0, -1.95, 3.0].map(|end| c.less_than(x, end));
    let mut sum = None;
    for (i, piece) in pieces.into_iter().enumerate() {
        let reached = c.not(ends[i]);
        let bit = if i < 2 { c.and(reached, ends[i + 1]) } else { reached };
        let part = c.select(bit, piece);
        sum = Some(sum.map_or(part, |sum| c.add(sum, part)));
    }
    sum.expect("there are three pieces")
}

fn two_quad(c: &mut Circuit, x: Secret, eta: f64) -> Secret {
    let shifted = c.offset(x, 5.0);
    let squares = c.square_to(shifted, -4);
    let sum = c.sum(squares, c.last_axis(x));
    let reciprocal = Division { eta, iterations: 13 }.reciprocal(c, sum);
    c.mul_to(squares, reciprocal, 0)
}

/// eta as printed, for rows of 128.
pub(super) fn two_quad_fixed(c: &mut Circuit, x: Secret) -> Secret {
    two_quad(c, x, 5000.0)
}

/// eta follows the row length.
pub(super) fn two_quad_scaled(c: &mut Circuit, x: Secret) -> Secret {
    let eta = 5000.0 * c.row_length(x) as f64 / 128.0;
    two_quad(c, x, eta)
}

/// Seven sines of a period of 20 for tanh.
pub(super) fn sines_of_20(c: &mut Circuit, x: Secret) -> Secret {
    c.fourier(x, super::programs::sines(20.0))
}

/// The same for a period of 16.
pub(super) fn sines_of_16(c: &mut Circuit, x: Secret) -> Secret {
    c.fourier(x, super::programs::sines(16.0))
}
