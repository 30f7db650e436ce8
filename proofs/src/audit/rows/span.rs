//! Intervals of f64 whose ends move outwards after every operation, and the extremes of many of them at once.
//!
//! An operation of IEEE 754 errs by at most half a unit in the last place, |x| 2^-53; each end moves by |x| 2^-52.

/// low <= x <= high.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    pub(super) low: f64,
    pub(super) high: f64,
}

fn down(x: f64) -> f64 {
    x - x.abs() * f64::EPSILON - f64::MIN_POSITIVE
}

fn up(x: f64) -> f64 {
    -down(-x)
}

impl Span {
    pub(super) const ZERO: Self = Self { low: 0.0, high: 0.0 };
    /// Holds of every number: the span of what is not bounded.
    pub(super) const ALL: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };

    pub(super) fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    pub(super) fn at(x: f64) -> Self {
        Self::new(x, x)
    }

    pub(super) fn around(radius: f64) -> Self {
        Self::new(-radius, radius)
    }

    pub(super) fn add(self, other: Self) -> Self {
        if other == Self::ZERO {
            return self;
        }
        if self == Self::ZERO {
            return other;
        }
        Self::new(down(self.low + other.low), up(self.high + other.high))
    }

    pub(super) fn neg(self) -> Self {
        Self::new(-self.high, -self.low)
    }

    pub(super) fn sub(self, other: Self) -> Self {
        self.add(other.neg())
    }

    pub(super) fn mul(self, other: Self) -> Self {
        let is_finite = |span: Self| span.magnitude() < f64::INFINITY;
        if (self == Self::ZERO && is_finite(other)) || (other == Self::ZERO && is_finite(self)) {
            return Self::ZERO;
        }
        if other == Self::at(1.0) {
            return self;
        }
        let ends = [self.low * other.low, self.low * other.high, self.high * other.low, self.high * other.high];
        if ends.iter().any(|end| end.is_nan()) {
            return Self::ALL;
        }
        Self::new(
            down(ends.into_iter().fold(f64::INFINITY, f64::min)),
            up(ends.into_iter().fold(f64::NEG_INFINITY, f64::max)),
        )
    }

    /// 1 / x, of a positive span; anything otherwise.
    pub(super) fn recip(self) -> Self {
        if self.low > 0.0 { Self::new(down(1.0 / self.high), up(1.0 / self.low)) } else { Self::ALL }
    }

    /// The root of what is not negative.
    pub(super) fn sqrt(self) -> Self {
        Self::new(down(self.low.max(0.0).sqrt()).max(0.0), up(self.high.max(0.0).sqrt()))
    }

    pub(super) fn hull(self, other: Self) -> Self {
        Self::new(self.low.min(other.low), self.high.max(other.high))
    }

    pub(super) fn meet(self, other: Self) -> Option<Self> {
        let both = Self::new(self.low.max(other.low), self.high.min(other.high));
        (both.low <= both.high).then_some(both)
    }

    pub(super) fn width(self) -> f64 {
        self.high - self.low
    }

    /// Largest absolute value.
    pub(super) fn magnitude(self) -> f64 {
        self.low.abs().max(self.high.abs())
    }

    /// Smallest absolute value.
    pub(super) fn mignitude(self) -> f64 {
        self.low.max(-self.high).max(0.0)
    }
}

/// The hull of any consecutive spans of a list, in logarithmic time.
#[derive(Debug, Clone)]
pub(super) struct Hulls {
    /// A binary tree: the leaves from `leaves` on, each inner node the hull of its two children.
    nodes: Vec<Span>,
    leaves: usize,
}

impl Hulls {
    pub(super) fn new(spans: impl Iterator<Item = Span>) -> Self {
        let spans: Vec<Span> = spans.collect();
        let leaves = spans.len();
        let mut nodes = vec![Span::ZERO; leaves];
        nodes.extend(spans);
        for i in (1..leaves).rev() {
            nodes[i] = nodes[2 * i].hull(nodes[2 * i + 1]);
        }
        Self { nodes, leaves }
    }

    /// Of the spans `first..end`, at least one.
    pub(super) fn over(&self, first: usize, end: usize) -> Span {
        let (mut i, mut j) = (first + self.leaves, end + self.leaves);
        let mut hull = Span::new(f64::INFINITY, f64::NEG_INFINITY);
        while i < j {
            if i % 2 == 1 {
                hull = hull.hull(self.nodes[i]);
                i += 1;
            }
            if j % 2 == 1 {
                j -= 1;
                hull = hull.hull(self.nodes[j]);
            }
            i /= 2;
            j /= 2;
        }
        hull
    }
}

/// A number that depends on t in [-1, 1]: `centre` + `slope` t, and what lies in `rest`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    pub(super) centre: f64,
    pub(super) slope: f64,
    pub(super) rest: Span,
}

impl Line {
    pub(super) fn constant(number: f64) -> Self {
        Self { centre: number, slope: 0.0, rest: Span::ZERO }
    }

    /// All that it may be.
    pub(super) fn span(self) -> Span {
        Span::at(self.centre).add(Span::around(self.slope.abs())).add(self.rest)
    }

    /// What the roundings of some operations on numbers of this size may add.
    fn slack(size: f64) -> Span {
        Span::around(size * 8.0 * f64::EPSILON)
    }

    pub(super) fn sub(self, other: Self) -> Self {
        let size = self.centre.abs() + other.centre.abs() + self.slope.abs() + other.slope.abs();
        Self {
            centre: self.centre - other.centre,
            slope: self.slope - other.slope,
            rest: self.rest.sub(other.rest).add(Self::slack(size)),
        }
    }

    pub(super) fn mul(self, other: Self) -> Self {
        let line = |of: Self| Span::at(of.centre).add(Span::around(of.slope.abs()));
        let curve = self.slope * other.slope;
        let curve = Span::new(curve.min(0.0), curve.max(0.0));
        let size = (self.centre.abs() + self.slope.abs()) * (other.centre.abs() + other.slope.abs());
        let rest = self.rest.mul(other.span()).add(other.rest.mul(line(self))).add(curve).add(Self::slack(size));
        Self { centre: self.centre * other.centre, slope: self.centre * other.slope + self.slope * other.centre, rest }
    }

    pub(super) fn scaled(self, factor: f64) -> Self {
        if factor == 1.0 { self } else { self.mul(Self::constant(factor)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn operations_contain_what_they_are_about(a in -9.0..9.0f64, b in -9.0..9.0f64, c in 0.0..3.0f64, d in 0.0..3.0f64, s in 0.0..1.0f64, t in 0.0..1.0f64) {
            let (x, y) = (Span::new(a, a + c), Span::new(b, b + d));
            let (p, q) = (a + s * c, b + t * d);
            prop_assume!(p <= x.high && q <= y.high);
            let inside = |span: Span, value: f64| span.low <= value && value <= span.high;
            prop_assert!(inside(x.add(y), p + q) && inside(x.sub(y), p - q) && inside(x.mul(y), p * q));
            prop_assert!(q <= 0.0 || y.low <= 0.0 || inside(y.recip(), 1.0 / q));
        }

        #[test]
        fn products_of_lines_contain_the_products(a in -3.0..3.0f64, b in -3.0..3.0f64, c in -3.0..3.0f64, d in -3.0..3.0f64, e in 0.0..0.5f64, t in -1.0..1.0f64) {
            let (x, y) = (Line { centre: a, slope: b, rest: Span::around(e) }, Line { centre: c, slope: d, rest: Span::ZERO });
            for r in [-e, 0.0, e] {
                let (product, truth) = (x.mul(y), (a + b * t + r) * (c + d * t));
                let rest = truth - product.centre - product.slope * t;
                prop_assert!(product.rest.low - 1e-14 <= rest && rest <= product.rest.high + 1e-14);
                prop_assert!(product.span().low <= truth && truth <= product.span().high);
            }
        }

        #[test]
        fn hulls_are_those_of_the_list(numbers in prop::collection::vec(-9.0..9.0f64, 1..40), i in 0usize..40, j in 0usize..40) {
            let hulls = Hulls::new(numbers.iter().map(|&x| Span::at(x)));
            let (first, last) = (i.min(j) % numbers.len(), i.max(j) % numbers.len());
            let (first, last) = (first.min(last), first.max(last));
            let part = &numbers[first..=last];
            let expected = Span::new(part.iter().copied().fold(f64::INFINITY, f64::min), part.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            prop_assert_eq!(hulls.over(first, last + 1), expected);
        }
    }
}
