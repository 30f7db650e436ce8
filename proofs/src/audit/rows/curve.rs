//! What one element adds to the row: the curve u -> (w(u), f(u) - w(u)), covered by boxes.
//!
//! `w` is the truth's summand and f the protocol's, with all that randomness and rounding may make of it. Sums over m elements lie in
//! the Minkowski sum of m copies of the curve, which is in m times its convex hull. So if the truth's summands of m elements add up to
//! tau, the protocol's exceed that by no more than m times the upper envelope of the hull at tau / m, and no less than the lower.

use super::span::{Hulls, Line, Span};
use super::truth::RowTruth;
use crate::bound::reduce::{Normalised, Quadratic};
use crate::bound::search::split_evenly;
use crate::bound::{Arithmetic, BoundError, Cell, Interpreter, Response};
use viewless_protocols::fixed::power_of_two;

/// Leaves at the start, and at most.
const START: u64 = 1 << 12;
const LIMIT: usize = 1 << 16;
/// A leaf is split while the truth varies over it by more, in proportion.
const FINE: f64 = 1.0 / 128.0;
/// Splits in a row that gain nothing before a leaf is left alone, and what is nothing.
const PATIENCE: u8 = 2;
const GAIN: f64 = 0.95;

/// What is known of all u of a cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    pub(super) cell: Cell,
    /// g(u).
    pub(super) numerator: Span,
    /// a(u) - g(u).
    pub(super) slip: Span,
    /// w(u).
    pub(super) weight: Span,
    /// f(u) - w(u).
    pub(super) gap: Span,
    /// Largest |a(u)|.
    factor: f64,
    bounded: bool,
    /// How many more splits without a gain.
    patience: u8,
}

/// A piecewise linear function: the lower or upper end of a convex set of points (w, gap).
#[derive(Debug, Clone)]
struct Envelope {
    points: Vec<(f64, f64, usize)>,
    /// 1 above, -1 below.
    side: f64,
    /// What rounding may have lost.
    slack: f64,
}

/// The leaves with what is asked of them.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    pub(super) leaves: Vec<Leaf>,
    numerator: Hulls,
    slip: Hulls,
    weight: Hulls,
    gap: Hulls,
    upper: Envelope,
    lower: Envelope,
    pub(super) unit: f64,
    /// Whether every number stays within the headroom.
    pub(super) bounded: bool,
}

/// What is known of consecutive leaves together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub(super) numerator: Span,
    pub(super) slip: Span,
    pub(super) weight: Span,
    pub(super) gap: Span,
}

impl Curve {
    /// Covers the cells, which are in order. `dense`: u takes all real numbers in between, not only fixed-point numbers.
    pub(super) fn new(
        normalised: &Normalised,
        truth: &RowTruth,
        arithmetic: Arithmetic,
        domain: &[Cell],
        dense: bool,
    ) -> Result<Self, BoundError> {
        let interpreter = Interpreter::new(normalised.element.clone(), arithmetic)?;
        let unit = power_of_two(-i32::from(normalised.element.steps[0].fraction_bits));
        let exact = Exact::new(normalised, truth, arithmetic);
        let leaves = |cells: &[Cell]| -> Result<Vec<Leaf>, BoundError> {
            let responses = interpreter.respond_by_cases(cells, 1.0)?;
            Ok(cells
                .iter()
                .zip(responses)
                .map(|(&cell, response)| leaf(cell, unit, &response, truth, &exact))
                .collect())
        };
        // The maximum counts as many times as there are elements, so its leaves must be small.
        let count = if normalised.falls { LIMIT as u64 } else { START };
        let start: Vec<Cell> = domain.iter().flat_map(|&cell| split_evenly(cell, count)).collect();
        let start: Vec<Cell> = if dense {
            // Neighbours share an end.
            start.iter().map(|cell| Cell { low: cell.low - i64::from(cell.low > domain[0].low), ..*cell }).collect()
        } else {
            start
        };
        let mut known = leaves(&start)?;
        loop {
            let largest = |of: fn(&Leaf) -> Span| known.iter().map(|leaf| of(leaf).magnitude()).fold(0.0, f64::max);
            let (numerator, gap, slip) =
                (largest(|leaf| leaf.numerator), largest(|leaf| leaf.gap), largest(|leaf| leaf.slip));
            let wants = |leaf: &Leaf| {
                let size = leaf.numerator.magnitude();
                let varies = leaf.numerator.width() > (FINE * size).max(FINE * FINE * numerator);
                let loses = leaf.gap.width() > gap / 32.0 || leaf.slip.width() > slip / 32.0 || !leaf.bounded;
                varies || (loses && leaf.patience > 0)
            };
            let halves = |leaf: &Leaf| {
                let Cell { low, high } = leaf.cell;
                let middle = leaf.cell.middle();
                let shared = (high - low > 1).then_some([Cell { low, high: middle }, Cell { low: middle, high }]);
                if dense { shared } else { leaf.cell.halves() }
            };
            let halves: Vec<Option<[Cell; 2]>> =
                known.iter().map(|leaf| wants(leaf).then(|| halves(leaf)).flatten()).collect();
            let fresh: Vec<Cell> = halves.iter().flatten().flatten().copied().collect();
            if fresh.is_empty() || known.len() + fresh.len() / 2 > LIMIT {
                break;
            }
            let mut fresh = leaves(&fresh)?.into_iter();
            let mut next = Vec::with_capacity(known.len() + fresh.len() / 2);
            for (leaf, halves) in known.into_iter().zip(halves) {
                if halves.is_none() {
                    next.push(leaf);
                    continue;
                }
                let halves: Vec<Leaf> = fresh.by_ref().take(2).collect();
                let wide = |of: fn(&Leaf) -> Span| halves.iter().map(|leaf| of(leaf).width()).fold(0.0, f64::max);
                let gained = wide(|leaf| leaf.gap) < GAIN * leaf.gap.width()
                    || wide(|leaf| leaf.slip) < GAIN * leaf.slip.width();
                let patience = if gained { PATIENCE } else { leaf.patience.saturating_sub(1) };
                next.extend(halves.into_iter().map(|leaf| Leaf { patience, ..leaf }));
            }
            known = next;
        }
        Ok(Self {
            numerator: Hulls::new(known.iter().map(|leaf| leaf.numerator)),
            slip: Hulls::new(known.iter().map(|leaf| leaf.slip)),
            weight: Hulls::new(known.iter().map(|leaf| leaf.weight)),
            gap: Hulls::new(known.iter().map(|leaf| leaf.gap)),
            upper: Envelope::new(&known, 1.0),
            lower: Envelope::new(&known, -1.0),
            bounded: known.iter().all(|leaf| leaf.bounded),
            leaves: known,
            unit,
        })
    }

    pub(super) fn stretch(&self, first: usize, end: usize) -> Stretch {
        Stretch {
            numerator: self.numerator.over(first, end),
            slip: self.slip.over(first, end),
            weight: self.weight.over(first, end),
            gap: self.gap.over(first, end),
        }
    }

    /// All of it.
    pub(super) fn whole(&self) -> Stretch {
        self.stretch(0, self.leaves.len())
    }

    /// The first leaf that has a number from `low` on; the last where none has.
    pub(super) fn first_from(&self, low: i64) -> usize {
        self.leaves.partition_point(|leaf| leaf.cell.high < low).min(self.leaves.len() - 1)
    }

    /// Largest |a(u)|.
    pub(super) fn factor(&self) -> f64 {
        self.leaves.iter().map(|leaf| leaf.factor).fold(0.0, f64::max)
    }

    /// By how much the protocol's summands of `count` elements may exceed the truth's, which add up to a number of `weights`.
    pub(super) fn gaps(&self, count: usize, weights: Span) -> Span {
        if count == 0 {
            return Span::ZERO;
        }
        let mean = weights.mul(Span::at(1.0 / count as f64)).add(Span::around(weights.magnitude() * f64::EPSILON));
        let times = Span::at(count as f64);
        Span::new(self.lower.extreme(mean), self.upper.extreme(mean)).mul(times)
    }

    /// As if the protocol's summands were the truth's: a wrong reduction, which must be caught.
    #[cfg(test)]
    pub(super) fn forget_gaps(&mut self) {
        let flat = |points: &mut Vec<(f64, f64, usize)>| points.iter_mut().for_each(|point| point.1 = 0.0);
        flat(&mut self.upper.points);
        flat(&mut self.lower.points);
        (self.upper.slack, self.lower.slack) = (0.0, 0.0);
    }

    /// The two leaves whose mixture attains an end of the gap at a mean weight, and the part of the second: for a search.
    pub(super) fn mixture(&self, mean: f64, upper: bool) -> (usize, usize, f64) {
        if upper { self.upper.mixture(mean) } else { self.lower.mixture(mean) }
    }
}

/// Whether the protocol's numbers of an element are the truth's but for truncations, and how far off these are: a number, and one for each unit of |u|.
struct Exact {
    slip: Option<(f64, f64)>,
    gap: Option<(f64, f64)>,
}

impl Exact {
    fn new(normalised: &Normalised, truth: &RowTruth, arithmetic: Arithmetic) -> Self {
        let error = |found: Option<Quadratic>, wanted: Quadratic| {
            let is_wanted = |found: &Quadratic| Quadratic { error: 0.0, growth: 0.0, ..*found } == wanted;
            found.filter(is_wanted).map(|found| match arithmetic {
                Arithmetic::Ring(_) => (found.error, found.growth),
                Arithmetic::Reals => (0.0, 0.0),
            })
        };
        match truth.quadratics() {
            Some((numerator, weight)) => {
                Self { slip: error(normalised.factor, numerator), gap: error(normalised.summand, weight) }
            }
            None => Self { slip: None, gap: None },
        }
    }
}

fn leaf(cell: Cell, unit: f64, responses: &[Response], truth: &RowTruth, exact: &Exact) -> Leaf {
    // Fixed-point numbers: sums and halves are exact.
    let (low, high) = (cell.low as f64 * unit, cell.high as f64 * unit);
    let (centre, radius) = ((low + high) / 2.0, (high - low) / 2.0);
    let [summand, factor] = responses else { unreachable!("an element's tape has two outputs") };
    let (numerator, weight) = (truth.numerator(centre, radius), truth.weight(centre, radius));
    let line = |response: &Response| Line {
        centre: response.centre,
        slope: response.slope,
        rest: Span::around(response.rest),
    };
    let range = |response: &Response| Span::new(response.low, response.high);
    // By the lines, and by the ranges: the truth lies in both.
    let difference = |response: &Response, truth: Line, exact: Option<(f64, f64)>| match exact {
        Some((error, 0.0)) => Span::around(error),
        Some((error, growth)) => {
            Span::around((error + growth * low.abs().max(high.abs())) * (1.0 + 4.0 * f64::EPSILON))
        }
        None => {
            let by_lines = line(response).sub(truth).span();
            by_lines.meet(range(response).sub(truth.span())).unwrap_or(by_lines)
        }
    };
    Leaf {
        cell,
        numerator: numerator.span(),
        slip: difference(factor, numerator, exact.slip),
        weight: Span::new(weight.span().low.max(0.0), weight.span().high.max(0.0)),
        gap: difference(summand, weight, exact.gap),
        factor: range(factor).magnitude(),
        bounded: responses.iter().all(|response| response.bounded),
        patience: PATIENCE,
    }
}

impl Envelope {
    /// Andrew's monotone chain over the corners of all boxes; what rounding made it miss is measured and added.
    fn new(leaves: &[Leaf], side: f64) -> Self {
        let height = |leaf: &Leaf| if side > 0.0 { leaf.gap.high } else { -leaf.gap.low };
        let corners =
            |(i, leaf): (usize, &Leaf)| [(leaf.weight.low, height(leaf), i), (leaf.weight.high, height(leaf), i)];
        let mut corners: Vec<(f64, f64, usize)> = leaves.iter().enumerate().flat_map(corners).collect();
        corners.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut points: Vec<(f64, f64, usize)> = Vec::new();
        for &corner in &corners {
            while let [.., a, b] = points[..] {
                // b lies on or below the line from a to the corner.
                if (b.1 - a.1) * (corner.0 - a.0) <= (corner.1 - a.1) * (b.0 - a.0) {
                    points.pop();
                } else {
                    break;
                }
            }
            if let [.., last] = points[..]
                && last.0 == corner.0
            {
                points.pop();
            }
            points.push(corner);
        }
        let mut envelope = Self { points, side, slack: 0.0 };
        let missed = corners.iter().map(|corner| corner.1 - envelope.height(corner.0)).fold(0.0, f64::max);
        let size = corners.iter().map(|corner| corner.1.abs()).fold(0.0, f64::max);
        envelope.slack = missed * (1.0 + 1e-12) + size * 8.0 * f64::EPSILON;
        envelope
    }

    fn segment(&self, weight: f64) -> usize {
        self.points.partition_point(|point| point.0 <= weight).clamp(1, self.points.len().max(2) - 1)
    }

    fn height(&self, weight: f64) -> f64 {
        let [.., last] = self.points[..] else { return f64::INFINITY };
        if self.points.len() == 1 || weight >= last.0 {
            return last.1;
        }
        let first = self.points[0];
        if weight <= first.0 {
            return first.1;
        }
        let (a, b) = (self.points[self.segment(weight) - 1], self.points[self.segment(weight)]);
        a.1 + (b.1 - a.1) * ((weight - a.0) / (b.0 - a.0))
    }

    /// The largest, or for the lower side the smallest, over an interval of weights.
    fn extreme(&self, weights: Span) -> f64 {
        let peak = self
            .points
            .iter()
            .copied()
            .fold((0.0, f64::NEG_INFINITY), |best, point| if point.1 > best.1 { (point.0, point.1) } else { best });
        // Concave: the largest at the peak, or at the nearer end.
        let height = if peak.0 < weights.low {
            self.height(weights.low)
        } else if peak.0 > weights.high {
            self.height(weights.high)
        } else {
            peak.1
        };
        self.side * (height + self.slack)
    }

    fn mixture(&self, weight: f64) -> (usize, usize, f64) {
        if self.points.len() < 2 {
            let only = self.points.first().map_or(0, |point| point.2);
            return (only, only, 0.0);
        }
        let (a, b) = (self.points[self.segment(weight) - 1], self.points[self.segment(weight)]);
        (a.2, b.2, ((weight - a.0) / (b.0 - a.0)).clamp(0.0, 1.0))
    }
}
