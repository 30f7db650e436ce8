//! The largest error over all rows, from above: branch and bound on two numbers.
//!
//! Let u be the element under judgment and T the truth's row sum, S = T + gap the protocol's. With slip = a(u) - g(u) and
//! kappa = W(S) / psi(S), the output is a(u) W(S) + e, |e| <= rounding, so
//!
//! y - y* = psi(T) ( g(u) K + slip (1 + K) ) + e,  K = kappa psi(S) / psi(T) - 1.
//!
//! u runs over the leaves of the curve; T over the sums that n elements can have, given u; gap over what the curve's envelopes
//! allow, given u and T. With the maximum taken out one element is at u = 0: either that under judgment, or another. With the mean
//! taken out, u_i = x_i - c where c = mean + eta, |eta| <= `eta`: then sum u = -n eta, the exact deviations are u_i + eta, and
//! their squares add up to sum u^2 - n eta^2; the other elements have a sum of squares of at least (|u| - n eta)^2 / (n - 1).
//!
//! Where summand and factor fall by the maximum m, gap falls by n m and slip by m, and m is a third number: the element at the maximum
//! is one of a stretch of leaves, and that under judgment is none above it.
//!
//! With a level of the row taken out, u is from 0 on, to less than two steps, for the largest element: it is one of a stretch of leaves. The truth is then of
//! elements seen through u, each to within what brings it there: the boxes of the curve hold all of that.
//!
//! A cell is split where its bound exceeds by more than the tolerance the largest bound of a single (u, T).

use super::curve::{Curve, Stretch};
use super::scale::Scale;
use super::span::Span;
use super::truth::RowTruth;
use std::collections::BinaryHeap;
use viewless_protocols::nonlinear::ErrorClaim;

/// Cells bounded at most.
const EFFORT: u64 = 1 << 19;
/// How much more than the largest bound of a single point is accepted.
const TOLERANCE: f64 = 2e-3;

/// One arithmetic's view of the rows.
pub(super) struct Side {
    pub(super) curve: Curve,
    pub(super) scale: Scale,
    /// Bound of the mean's error; 0 without a mean.
    pub(super) eta: f64,
    /// The truth of what the curve is of.
    pub(super) truth: RowTruth,
    /// The truth's row sums, before they are restricted by the element.
    pub(super) sums: Span,
    /// The first leaf in which the largest element may be.
    pub(super) top: usize,
}

/// What elements are besides the one under judgment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// All others are free.
    Free,
    /// It is the largest; all others are free below it.
    Largest,
    /// One other is the largest.
    Other,
}

/// The rows to be bounded.
pub(super) struct Rows<'a> {
    pub(super) length: usize,
    pub(super) cases: &'a [Case],
    /// Where the maximum is taken from what is summed.
    pub(super) falls: Option<Falls<'a>>,
}

/// What tells which rows keep their claims when the maximum is a number of its own.
#[derive(Clone, Copy)]
pub(super) struct Falls<'a> {
    /// The circuit's sums over the reals on which the claims can hold.
    pub(super) claimed: Span,
    /// The curve over the reals.
    pub(super) reals: &'a Curve,
}

/// What is to be maximised.
#[derive(Clone, Copy)]
pub(super) enum Quantity<'a> {
    /// The error.
    Error,
    /// The error as a part of the claim.
    OfClaim(&'a ErrorClaim),
}

/// Where a bound is attained, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) case: Case,
    /// The leaf of u.
    pub(super) leaf: usize,
    /// That of the largest element, where there is one.
    pub(super) top: usize,
    pub(super) sum: f64,
}

/// What was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// No row has more.
    pub(super) bound: f64,
    /// The largest bound of a single (u, T), where it is.
    pub(super) place: Option<Place>,
    /// Cells bounded.
    pub(super) cells: u64,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    bound: f64,
    case: Case,
    first: usize,
    end: usize,
    /// Leaves of the largest element: the last alone, unless it is not taken out exactly.
    top: (usize, usize),
    sums: Span,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Node {}

impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Node {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bound.total_cmp(&other.bound)
    }
}

impl Rows<'_> {
    /// The largest of a quantity.
    pub(super) fn maximum(&self, side: &Side, quantity: Quantity<'_>) -> Found {
        let leaves = side.curve.leaves.len();
        let mut found = Found { bound: 0.0, place: None, cells: 0 };
        let mut attained = 0.0;
        let mut heap = BinaryHeap::new();
        let start = |case| {
            let top = (side.top, leaves);
            // What is largest is the element under judgment: its leaves are those of the largest.
            let (first, end) = if case == Case::Largest { (0, 1) } else { (0, leaves) };
            Node { bound: f64::INFINITY, case, first, end, top, sums: side.sums }
        };
        heap.extend(self.cases.iter().filter(|&&case| case != Case::Other || self.length > 1).map(|&case| start(case)));
        if !side.curve.bounded || side.sums.low <= 0.0 {
            return Found { bound: f64::INFINITY, ..found };
        }
        while let Some(node) = heap.pop() {
            let accepted = attained * (1.0 + TOLERANCE);
            if node.bound <= accepted || found.cells > EFFORT {
                found.bound = node.bound.max(attained);
                return found;
            }
            let Some(children) = self.split(side, &node) else {
                found.bound = node.bound;
                return found;
            };
            for child in children {
                found.cells += 2;
                let Some(bound) = self.bound(side, quantity, &child) else { continue };
                if bound > accepted {
                    let leaf = child.first + (child.end - child.first) / 2;
                    let sum = (child.sums.low * child.sums.high).sqrt();
                    let top = child.top.0 + (child.top.1 - child.top.0) / 2;
                    let point = Node { first: leaf, end: leaf + 1, top: (top, top + 1), sums: Span::at(sum), ..child };
                    if let Some(value) = self.bound(side, quantity, &point)
                        && value > attained
                    {
                        attained = value;
                        let leaf = if child.case == Case::Largest { top } else { leaf };
                        found.place = Some(Place { case: child.case, leaf, top, sum });
                    }
                }
                heap.push(Node { bound, ..child });
            }
        }
        found.bound = attained;
        found
    }

    /// Two parts; `None` for a cell as small as they come.
    fn split(&self, side: &Side, node: &Node) -> Option<[Node; 2]> {
        let width = |first: usize, end: usize| {
            let numerator = side.curve.stretch(first, end).numerator;
            numerator.width() / numerator.magnitude().max(f64::MIN_POSITIVE)
        };
        let wide = width(node.first, node.end);
        let tall = node.sums.width() / node.sums.high;
        let (bottom, top) = node.top;
        if top - bottom > 1 && (width(bottom, top) >= wide.max(tall) || (node.end - node.first == 1 && tall <= 1e-6)) {
            let middle = bottom + (top - bottom) / 2;
            return Some([Node { top: (bottom, middle), ..*node }, Node { top: (middle, top), ..*node }]);
        }
        if node.end - node.first > 1 && wide >= tall {
            let middle = node.first + (node.end - node.first) / 2;
            return Some([Node { end: middle, ..*node }, Node { first: middle, ..*node }]);
        }
        if tall > 1e-6 {
            let middle = (node.sums.low * node.sums.high).sqrt().clamp(node.sums.low, node.sums.high);
            let halves = [Span::new(node.sums.low, middle), Span::new(middle, node.sums.high)];
            return Some(halves.map(|sums| Node { sums, ..*node }));
        }
        if node.end - node.first > 1 {
            let middle = node.first + (node.end - node.first) / 2;
            return Some([Node { end: middle, ..*node }, Node { first: middle, ..*node }]);
        }
        None
    }

    /// The element under judgment, the number of others that are free, and the one that is fixed.
    fn elements(&self, side: &Side, node: &Node) -> (Stretch, usize, Option<Stretch>) {
        let stretch = |(first, end): (usize, usize)| side.curve.stretch(first, end);
        let one = stretch((node.first, node.end));
        match node.case {
            Case::Free => (one, self.length - 1, None),
            Case::Largest => (stretch(node.top), self.length - 1, None),
            Case::Other => (one, self.length - 2, Some(stretch(node.top))),
        }
    }

    /// The truth's sums of the free elements, given the element and the sums of all; `None` when there are none.
    fn free_sums(&self, side: &Side, node: &Node) -> Option<Span> {
        let (one, count, fixed) = self.elements(side, node);
        let fixed = fixed.map_or(Span::ZERO, |fixed| fixed.weight);
        let weights = side.curve.whole().weight;
        let count = Span::at(count as f64);
        let mut possible = Span::new(count.mul(weights).low, count.mul(weights).high);
        if side.truth.is_centred() {
            let n = self.length as f64;
            let rest = one.numerator.mignitude() - n * side.eta * (1.0 + 1e-12);
            let rest = Span::at(rest.max(0.0));
            possible.low = possible.low.max(rest.mul(rest).mul(Span::at(n - 1.0).recip()).low);
        }
        node.sums.sub(one.weight).sub(fixed).meet(possible)
    }

    /// The bound of a cell; `None` when no row is in it.
    fn bound(&self, side: &Side, quantity: Quantity<'_>, node: &Node) -> Option<f64> {
        let sums = node.sums;
        let (one, count, fixed) = self.elements(side, node);
        let free = self.free_sums(side, node)?;
        let mut gap = one.gap.add(side.curve.gaps(count, free));
        if let Some(fixed) = fixed {
            gap = gap.add(fixed.gap);
        }
        let (mut truth, mut numerator, mut slip) = (sums, one.numerator, one.slip);
        if let Some(Falls { claimed, reals }) = self.falls {
            let end = |leaf: usize| side.curve.leaves[leaf].cell;
            let largest =
                Span::new(end(node.top.0).low as f64, end(node.top.1 - 1).high as f64).mul(Span::at(side.curve.unit));
            if node.case == Case::Other && end(node.first).low > end(node.top.1 - 1).high {
                return None;
            }
            let fallen = largest.mul(Span::at(self.length as f64));
            sums.add(reals.gaps(self.length, sums)).sub(fallen).meet(claimed)?;
            (gap, slip) = (gap.sub(fallen), slip.sub(largest));
        }
        let summed = sums.add(gap);
        if side.eta > 0.0 {
            let eta = Span::around(side.eta);
            let lost = eta.mul(eta).mul(Span::at(self.length as f64)).high;
            truth.low -= lost;
            gap = gap.add(Span::new(0.0, lost));
            numerator = numerator.add(eta);
            slip = slip.add(eta);
            if truth.low <= 0.0 {
                return Some(f64::INFINITY);
            }
        }
        let (excess, rounding) = side.scale.over(summed);
        let ratio = side.truth.ratio(truth, gap);
        let one = Span::at(1.0);
        let k = excess.mul(one.add(ratio)).add(ratio);
        let scale = side.truth.scale(truth);
        let by_element = if slip == Span::ZERO { Span::ZERO } else { slip.mul(one.add(k)) };
        let error = numerator.mul(k).add(by_element).mul(scale);
        let error = error.magnitude() + rounding;
        if error.is_nan() {
            return Some(f64::INFINITY);
        }
        Some(match quantity {
            Quantity::Error => error,
            Quantity::OfClaim(claim) => {
                let least = claim.absolute + claim.relative * numerator.mignitude() * scale.low;
                let whole = if error == 0.0 { 0.0 } else { error / least };
                // |error| <= |k| p + b with p = |g| psi, against absolute + relative p: monotone in p, so largest at an end.
                let b = by_element.mul(scale).magnitude() + rounding;
                let part = |p: f64| {
                    let (error, claimed) = (k.magnitude() * p + b, claim.absolute + claim.relative * p);
                    if claimed > 0.0 {
                        error / claimed
                    } else if b == 0.0 {
                        // Both vanish together.
                        k.magnitude() / claim.relative
                    } else {
                        f64::INFINITY
                    }
                };
                let ends = [numerator.mignitude() * scale.low, numerator.magnitude() * scale.high];
                let by_ends = ends.into_iter().map(part).fold(0.0, f64::max);
                whole.min(by_ends) * (1.0 + 8.0 * f64::EPSILON)
            }
        })
    }

    /// Rows that are near a place: for a search. Elements u, to which the caller adds what was taken from them.
    pub(super) fn candidates(&self, side: &Side, place: Place) -> Vec<Vec<f64>> {
        let Place { case, leaf, top, sum } = place;
        let unit = side.curve.unit;
        let element = |leaf: usize| {
            let cell = side.curve.leaves[leaf].cell;
            (cell.low as f64 + cell.high as f64) / 2.0 * unit
        };
        let node = Node { bound: 0.0, case, first: leaf, end: leaf + 1, top: (top, top + 1), sums: Span::at(sum) };
        let (_, count, fixed) = self.elements(side, &node);
        let Some(free) = self.free_sums(side, &node) else { return Vec::new() };
        let start: Vec<f64> = std::iter::once(leaf).chain(fixed.map(|_| top)).map(element).collect();
        if count == 0 {
            return vec![start];
        }
        let mean = (free.low + free.high) / 2.0 / count as f64;
        if side.truth.is_centred() {
            // Two levels around what balances the element.
            let level = -start[0] / count as f64;
            let spread = (mean - level * level).max(0.0).sqrt();
            let others = |i: usize| level + if i.is_multiple_of(2) { spread } else { -spread };
            return vec![start.into_iter().chain((0..count).map(others)).collect()];
        }
        let row = |upper: bool| {
            let (a, b, part) = side.curve.mixture(mean, upper);
            let second = (part * count as f64).round() as usize;
            let others = (0..count).map(|i| element(if i < second { b } else { a }));
            start.iter().copied().chain(others).collect()
        };
        vec![row(true), row(false)]
    }
}
