//! The truth of a row as numbers of one element over a function of their sum.
//!
//! y* = g(u) psi(T), T = sum of w(u_j), psi(T) = factor (T + offset)^-power:
//!
//! | truth | g | w | power | offset | factor | u |
//! |---|---|---|---|---|---|---|
//! | softmax | e^u | e^u | 1 | 0 | 1 | x less anything common to the row |
//! | (x + s)^2 over its sum | (u + s)^2 | (u + s)^2 | 1 | 0 | 1 | x |
//! | max(x, 0) over its sum | max(u, 0) | max(u, 0) | 1 | 0 | 1 | x |
//! | layer normalisation | u | u^2 | 1/2 | n epsilon | sqrt(n) | x less the exact mean |

use super::span::{Line, Span};
use crate::audit::AuditError;
use crate::bound::reduce::{Quadratic, Shift};
use crate::reference::{Piecewise, RealFunction};
use viewless_protocols::nonlinear::Truth;

/// See the module's text.
#[derive(Debug, Clone)]
pub(super) struct RowTruth {
    element: Element,
    /// Whether the power is one half.
    is_root: bool,
    offset: f64,
    factor: Span,
}

/// What an element is of which u is something else: `rate` u + `constant`, up to something common to the row and to within `slack`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct View {
    pub(super) rate: f64,
    pub(super) constant: f64,
    pub(super) slack: f64,
}

#[derive(Debug, Clone)]
enum Element {
    Exp(Piecewise),
    /// The exponential of what u shows.
    Seen(View),
    Square(f64),
    Rectified,
    Centred,
}

impl RowTruth {
    /// For u in an interval; `None` when this truth is not of u.
    pub(super) fn new(
        truth: Truth,
        shift: &Shift,
        length: usize,
        epsilon: f64,
        u: (f64, f64),
    ) -> Result<Option<Self>, AuditError> {
        let ratio = |element| Some(Self { element, is_root: false, offset: 0.0, factor: Span::at(1.0) });
        Ok(match (truth, shift) {
            // Seen otherwise in the ring than over the reals: see `softmax_seen`.
            (Truth::Softmax, Shift::Level { .. } | Shift::Centred { .. }) => None,
            (Truth::Softmax, Shift::None | Shift::Maximum | Shift::Mean(_)) => {
                ratio(Element::Exp(Piecewise::new(RealFunction::Exp, u.0, u.1)?))
            }
            (Truth::TwoQuad { shift }, Shift::None) => ratio(Element::Square(shift)),
            (Truth::TwoRelu, Shift::None) => ratio(Element::Rectified),
            (Truth::LayerNorm, Shift::Mean(_)) => Some(Self::layer_norm(length, epsilon)),
            // A factor of the whole row is one of its deviation, too.
            (Truth::LayerNorm, Shift::Centred { factor }) => Some(Self::layer_norm(length, epsilon * factor * factor)),
            (
                Truth::TwoQuad { .. } | Truth::TwoRelu,
                Shift::Maximum | Shift::Mean(_) | Shift::Level { .. } | Shift::Centred { .. },
            )
            | (Truth::LayerNorm, Shift::None | Shift::Maximum | Shift::Level { .. })
            | (
                Truth::Exp
                | Truth::Reciprocal
                | Truth::Rsqrt
                | Truth::Max
                | Truth::Relu
                | Truth::LeakyRelu
                | Truth::Gelu
                | Truth::GeluTanh
                | Truth::Tanh,
                _,
            ) => None,
        })
    }

    fn layer_norm(length: usize, epsilon: f64) -> Self {
        Self {
            element: Element::Centred,
            is_root: true,
            offset: length as f64 * epsilon,
            factor: Span::at(length as f64).sqrt(),
        }
    }

    /// Softmax of elements that are seen through u.
    pub(super) fn softmax_seen(view: View) -> Self {
        Self { element: Element::Seen(view), is_root: false, offset: 0.0, factor: Span::at(1.0) }
    }

    /// g on |u - centre| <= radius.
    pub(super) fn numerator(&self, centre: f64, radius: f64) -> Line {
        match &self.element {
            Element::Centred => Line { centre, slope: radius, rest: Span::ZERO },
            Element::Exp(_) | Element::Seen(_) | Element::Square(_) | Element::Rectified => self.weight(centre, radius),
        }
    }

    /// w on |u - centre| <= radius.
    pub(super) fn weight(&self, centre: f64, radius: f64) -> Line {
        let square = |centre: f64| Line {
            centre: centre * centre,
            slope: 2.0 * centre * radius,
            rest: Span::new(0.0, radius * radius)
                .add(Span::around((centre.abs() + radius).powi(2) * 8.0 * f64::EPSILON)),
        };
        match &self.element {
            &Element::Seen(View { rate, constant, slack }) => {
                let middle = centre * rate + constant;
                // Beside the line: the slack, and what f64 lost of the middle and of its distance.
                let beside = slack + ((centre * rate).abs() + constant.abs() + radius * rate) * 8.0 * f64::EPSILON;
                let reach = (radius * rate + beside) * (1.0 + 4.0 * f64::EPSILON);
                // exp of libm errs by less than a unit in the last place; Taylor's remainder is largest at the upper end.
                let value = libm::exp(middle);
                let rest = value * (libm::exp(reach) * reach * reach / 2.0 + beside) * (1.0 + 1e-12);
                let rounding = value * (1.0 + reach) * 16.0 * f64::EPSILON;
                Line { centre: value, slope: value * rate * radius, rest: Span::around(rest + rounding) }
            }
            Element::Exp(exp) => {
                let (value, slope, error) = exp.linear(centre, radius);
                Line { centre: value, slope: slope * radius, rest: Span::around(error * (1.0 + 4.0 * f64::EPSILON)) }
            }
            // A fixed-point number and a small one add without rounding to speak of; it is in the slack.
            Element::Square(shift) => square(centre + shift),
            Element::Centred => square(centre),
            Element::Rectified if centre >= radius => Line { centre, slope: radius, rest: Span::ZERO },
            Element::Rectified => Line { centre: 0.0, slope: 0.0, rest: Span::new(0.0, (centre + radius).max(0.0)) },
        }
    }

    /// g and w as polynomials of second degree, where they are.
    pub(super) fn quadratics(&self) -> Option<(Quadratic, Quadratic)> {
        let of = |square, linear, constant| Quadratic { square, linear, constant, error: 0.0, growth: 0.0 };
        match self.element {
            Element::Square(shift) => {
                let square = of(1.0, 2.0 * shift, shift * shift);
                Some((square, square))
            }
            Element::Centred => Some((of(0.0, 1.0, 0.0), of(1.0, 0.0, 0.0))),
            Element::Exp(_) | Element::Seen(_) | Element::Rectified => None,
        }
    }

    /// Whether the truth is of deviations from the exact mean.
    pub(super) fn is_centred(&self) -> bool {
        matches!(self.element, Element::Centred)
    }

    /// psi(T).
    pub(super) fn scale(&self, sum: Span) -> Span {
        let sum = sum.add(Span::at(self.offset));
        let inverse = if self.is_root { sum.sqrt().recip() } else { sum.recip() };
        inverse.mul(self.factor)
    }

    /// 1 / psi(S) on |S - centre| <= radius, for positive S.
    pub(super) fn inverse_scale(&self, centre: f64, radius: f64) -> Line {
        let middle = centre + self.offset;
        let line = if self.is_root {
            let root = middle.sqrt();
            // The second derivative of the root is at least -1/4 (lowest)^(-3/2); it is never positive.
            let lowest = (middle - radius).max(f64::MIN_POSITIVE);
            let curve = radius * radius / (8.0 * lowest * lowest.sqrt()) * (1.0 + 1e-12);
            let slack = Span::around((root + radius / root) * 8.0 * f64::EPSILON);
            Line { centre: root, slope: radius / (2.0 * root), rest: Span::new(-curve, 0.0).add(slack) }
        } else {
            let rest = if self.offset == 0.0 { Span::ZERO } else { Span::around(middle.abs() * f64::EPSILON) };
            Line { centre: middle, slope: radius, rest }
        };
        let inverse = self.factor.recip();
        if inverse == Span::at(1.0) || self.factor == Span::at(1.0) {
            return line;
        }
        let factor = (inverse.low + inverse.high) / 2.0;
        line.mul(Line { centre: factor, slope: 0.0, rest: Span::around(inverse.width()) })
    }

    /// psi(S) / psi(T) - 1 for S = T + gap: (1 + r)^-power - 1 with r = gap / (T + offset).
    pub(super) fn ratio(&self, sum: Span, gap: Span) -> Span {
        let r = gap.mul(sum.add(Span::at(self.offset)).recip());
        let one = Span::at(1.0);
        // Monotone in r; without cancellation -r / (1 + r), and -r / (root (1 + root)) with root = sqrt(1 + r).
        let end = |r: f64| {
            let r = Span::at(r);
            let sum = one.add(r);
            if sum.low <= 0.0 {
                return Span::ALL;
            }
            let denominator = if self.is_root { sum.sqrt().mul(sum.sqrt().add(one)) } else { sum };
            r.neg().mul(denominator.recip())
        };
        if r == Span::ZERO {
            return Span::ZERO;
        }
        Span::new(end(r.high).low, end(r.low).high)
    }
}
