//! What is known of one number in each of 64 independent cases ("lanes"): an interval, and an affine form that remembers which
//! uncertainties it shares with other numbers.
//!
//! The number is `low <= v <= high`, and at once v = `centre` + sum over k of `terms[k]` e_k + r with |e_k| <= 1, |r| <= `error`. An
//! e_k is the same unknown in every form in which it occurs: so y + (y - x y^2) loses what it should lose, where intervals
//! would add it up. (Affine arithmetic: Comba and Stolfi 1993; de Figueiredo and Stolfi, Numer. Algorithms 37, 2004.)
//!
//! **Units and rounding.** A number with F fraction bits is counted in units of 2^-F. In the ring these are integers, and
//! products of f64 are exact below 2^53; beyond, and over the reals always, each interval end moves outwards by
//! |v| 2^-52, which is more than the half unit in the last place that f64 may be off. Of a sum it is known whether it was rounded. Of an affine form every rounding is
//! covered by `error`: each operation adds 2^-46 times the product (for sums, the sum) of the magnitudes of its operands, for
//! at most [`SYMBOLS`] + 2 roundings of 2^-53 each.

/// Cases treated at once.
pub(super) const LANES: usize = 64;
/// Uncertainties remembered one by one; more are lumped together.
pub(super) const SYMBOLS: usize = 96;
/// See the module's text.
const SLACK: f64 = 1.0 / (1u64 << 46) as f64;
/// Integers up to here are exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// One number for each lane.
pub(super) type Lane = [f64; LANES];

/// What numbers are: integers modulo 2^64 under the laws of fixed point, or real numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Integers.
    Ring,
    /// Real numbers.
    Reals,
}

/// The terms of a form, sorted by symbol: half a kilobyte each, so they are moved as seldom as can be.
#[derive(Debug)]
pub(super) struct Terms {
    slots: Vec<(u32, Lane)>,
    /// Slots before this one are given up.
    start: usize,
}

impl Terms {
    /// None yet, with room for `terms`, one more, and that one's rival for the room.
    fn with_room_for(terms: usize) -> Self {
        Self { slots: Vec::with_capacity(terms + 1), start: 0 }
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, (u32, Lane)> {
        self.slots[self.start..].iter()
    }

    pub(super) fn iter_mut(&mut self) -> std::slice::IterMut<'_, (u32, Lane)> {
        self.slots[self.start..].iter_mut()
    }

    fn len(&self) -> usize {
        self.slots.len() - self.start
    }

    /// Puts a term at the end, whose symbol is the latest.
    fn push(&mut self, symbol: u32, term: Lane) {
        self.slots.push((symbol, term));
    }

    /// Gives up the second term: the first takes its place.
    fn give_up_second(&mut self) -> Lane {
        let (first, second) = (self.slots[self.start], self.slots[self.start + 1]);
        self.slots[self.start + 1] = first;
        self.start += 1;
        second.1
    }
}

impl Clone for Terms {
    fn clone(&self) -> Self {
        let mut terms = Self::with_room_for(self.len());
        terms.slots.extend_from_slice(&self.slots[self.start..]);
        terms
    }
}

/// See the module's text.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub(super) low: Lane,
    pub(super) high: Lane,
    pub(super) centre: Lane,
    pub(super) error: Lane,
    /// Bound of |v - `centre`| from terms and error.
    pub(super) radius: Lane,
    pub(super) terms: Terms,
}

/// Moves an end outwards where f64 may have rounded it inwards.
pub(super) fn down(x: f64, kind: Kind) -> f64 {
    if kind == Kind::Ring && x.abs() < EXACT { x } else { x - x.abs() * f64::EPSILON - f64::MIN_POSITIVE }
}

/// As [`down`], upwards.
pub(super) fn up(x: f64, kind: Kind) -> f64 {
    -down(-x, kind)
}

/// Bounds of a + b: the sum itself where it is exact, which 2Sum tells (Knuth, TAOCP 2, section 4.2.2). So a real number that is its own
/// threshold compares as equal.
fn sum_bounds(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    let lost = (a - (sum - b_part)) + (b - b_part);
    if lost == 0.0 { (sum, sum) } else { (down(sum, Kind::Reals), up(sum, Kind::Reals)) }
}

/// Each lane made from its number.
pub(super) fn lanes(f: impl Fn(usize) -> f64) -> Lane {
    let mut lane = [0.0; LANES];
    lane.iter_mut().enumerate().for_each(|(i, x)| *x = f(i));
    lane
}

impl Form {
    /// The same known number in every lane.
    pub(super) fn splat(number: f64) -> Self {
        Self::known([number; LANES])
    }

    /// Known numbers.
    pub(super) fn known(numbers: Lane) -> Self {
        let zero = [0.0; LANES];
        Self { low: numbers, high: numbers, centre: numbers, error: zero, radius: zero, terms: Terms::with_room_for(0) }
    }

    /// Any number between two ends, with its own symbol.
    pub(super) fn between(low: Lane, high: Lane, symbol: u32, kind: Kind) -> Self {
        let mut form = Self::known(low);
        form.high = high;
        form.radius = [f64::INFINITY; LANES];
        form.settle(Some(symbol), kind);
        form
    }

    /// wa a + wb b, affine part only; the interval is left to the caller. `error` must still get what is not linear.
    fn combined(a: &Self, wa: &Lane, b: &Self, wb: &Lane, centre: Lane) -> Self {
        let mut terms = Terms::with_room_for(a.terms.len() + b.terms.len());
        let (mut left, mut right) = (a.terms.iter().peekable(), b.terms.iter().peekable());
        loop {
            let symbol = match (left.peek(), right.peek()) {
                (Some((s, _)), Some((t, _))) => *s.min(t),
                (Some((s, _)), None) | (None, Some((s, _))) => *s,
                (None, None) => break,
            };
            terms.push(symbol, [0.0; LANES]);
            let (_, term) = terms.slots.last_mut().expect("a term was put at the end");
            if let Some((_, x)) = left.next_if(|(s, _)| *s == symbol) {
                (0..LANES).for_each(|i| term[i] = wa[i] * x[i]);
            }
            if let Some((_, y)) = right.next_if(|(s, _)| *s == symbol) {
                (0..LANES).for_each(|i| term[i] += wb[i] * y[i]);
            }
        }
        let error = lanes(|i| wa[i].abs() * a.error[i] + wb[i].abs() * b.error[i]);
        Self { low: centre, high: centre, centre, error, radius: [0.0; LANES], terms }
    }

    /// a + sign b.
    pub(super) fn sum(a: &Self, b: &Self, sign: f64, kind: Kind) -> Self {
        let centre = lanes(|i| a.centre[i] + sign * b.centre[i]);
        let mut form = Self::combined(a, &[1.0; LANES], b, &[sign; LANES], centre);
        for i in 0..LANES {
            form.error[i] += SLACK * (a.magnitude(i) + b.magnitude(i));
            let (b_low, b_high) = if sign > 0.0 { (b.low[i], b.high[i]) } else { (-b.high[i], -b.low[i]) };
            form.low[i] = sum_bounds(a.low[i], b_low).0;
            form.high[i] = sum_bounds(a.high[i], b_high).1;
        }
        form.settle(None, kind);
        form
    }

    /// a b.
    pub(super) fn product(a: &Self, b: &Self, kind: Kind) -> Self {
        let centre = lanes(|i| a.centre[i] * b.centre[i]);
        let mut form = Self::combined(a, &b.centre, b, &a.centre, centre);
        for i in 0..LANES {
            form.error[i] += a.radius[i] * b.radius[i] + SLACK * a.magnitude(i) * b.magnitude(i);
            let corners = [a.low[i] * b.low[i], a.low[i] * b.high[i], a.high[i] * b.low[i], a.high[i] * b.high[i]];
            form.low[i] = down(corners[0].min(corners[1]).min(corners[2]).min(corners[3]), kind);
            form.high[i] = up(corners[0].max(corners[1]).max(corners[2]).max(corners[3]), kind);
        }
        form.settle(None, kind);
        form
    }

    /// a squared: a^2 = c^2 + 2 c A + A^2 with 0 <= A^2 <= radius^2.
    pub(super) fn square(a: &Self, kind: Kind) -> Self {
        let half = |i: usize| a.radius[i] * a.radius[i] / 2.0;
        let centre = lanes(|i| a.centre[i] * a.centre[i] + half(i));
        let mut form = Self::combined(a, &a.centre, a, &a.centre, centre);
        for i in 0..LANES {
            form.error[i] += half(i) + SLACK * a.magnitude(i) * a.magnitude(i);
            let (p, q) = (a.low[i] * a.low[i], a.high[i] * a.high[i]);
            let around_zero = a.low[i] <= 0.0 && a.high[i] >= 0.0;
            form.low[i] = if around_zero { 0.0 } else { down(p.min(q), kind) };
            form.high[i] = up(p.max(q), kind);
        }
        form.settle(None, kind);
        form
    }

    /// a times a number; `exact` when it is a power of two, so that nothing is rounded.
    pub(super) fn scaled(a: &Self, factor: f64, exact: bool, kind: Kind) -> Self {
        let mut form = a.clone();
        form.scale(factor, exact, kind);
        form
    }

    /// [`Form::scaled`] in place.
    pub(super) fn scale(&mut self, factor: f64, exact: bool, kind: Kind) {
        let slack = if exact { 0.0 } else { SLACK * factor.abs() };
        let ends = |x: f64, y: f64| if factor < 0.0 { (y * factor, x * factor) } else { (x * factor, y * factor) };
        for i in 0..LANES {
            let (low, high) = ends(self.low[i], self.high[i]);
            let magnitude = self.magnitude(i);
            (self.low[i], self.high[i]) = if exact { (low, high) } else { (down(low, kind), up(high, kind)) };
            self.centre[i] *= factor;
            self.error[i] = self.error[i] * factor.abs() + slack * magnitude;
        }
        self.terms.iter_mut().for_each(|(_, term)| term.iter_mut().for_each(|x| *x *= factor));
        self.measure();
    }

    /// a + number.
    pub(super) fn offset(a: &Self, number: f64) -> Self {
        let mut form = a.clone();
        for i in 0..LANES {
            form.low[i] = sum_bounds(a.low[i], number).0;
            form.high[i] = sum_bounds(a.high[i], number).1;
            form.centre[i] += number;
            form.error[i] += SLACK * (a.magnitude(i) + number.abs());
        }
        form.measure();
        form
    }

    /// floor or ceiling of a / 2^shift, whichever a run gives: a new symbol.
    pub(super) fn truncated(mut self, shift: u8, symbol: u32) -> Self {
        let factor = viewless_protocols::fixed::power_of_two(-i32::from(shift));
        self.scale(factor, true, Kind::Ring);
        for i in 0..LANES {
            self.low[i] = self.low[i].floor();
            self.high[i] = self.high[i].ceil();
            // The result and the quotient differ by less than 1.
            self.error[i] += 1.0;
        }
        self.settle(Some(symbol), Kind::Ring);
        self
    }

    /// Largest absolute value that the affine part allows.
    fn magnitude(&self, i: usize) -> f64 {
        self.centre[i].abs() + self.radius[i]
    }

    fn measure(&mut self) {
        let mut radius = self.error;
        for (_, term) in self.terms.iter() {
            (0..LANES).for_each(|i| radius[i] += term[i].abs());
        }
        self.radius = radius.map(|radius| radius * (1.0 + SLACK));
    }

    /// Lets interval and affine part learn from each other; what is not shared yet becomes a term of `symbol`.
    pub(super) fn settle(&mut self, symbol: Option<u32>, kind: Kind) {
        if self.radius[0].is_finite() {
            self.measure();
        }
        let mut fresh = [0.0; LANES];
        for i in 0..LANES {
            let radius = self.radius[i];
            let (mut low, mut high) = (self.centre[i] - radius, self.centre[i] + radius);
            if low > f64::NEG_INFINITY && high < f64::INFINITY {
                let slack = SLACK * self.centre[i].abs();
                (low, high) = (low - slack, high + slack);
                if kind == Kind::Ring {
                    (low, high) = (low.ceil(), high.floor());
                }
                self.low[i] = self.low[i].max(low);
                self.high[i] = self.high[i].min(high);
            }
            let half = (self.high[i] - self.low[i]) / 2.0;
            // The affine part is kept where it says more; not where its radius is no number.
            let keeps = half > 0.5 * radius;
            if !keeps {
                self.centre[i] = self.low[i] + half;
                // The centre is rounded where the ends are far apart or large.
                let half = half + self.centre[i].abs().max(half) * if half == 0.0 { 0.0 } else { f64::EPSILON };
                self.terms.iter_mut().for_each(|(_, term)| term[i] = 0.0);
                self.error[i] = half;
                self.radius[i] = half;
            }
            if symbol.is_some() {
                fresh[i] = self.error[i];
                self.error[i] = 0.0;
            }
        }
        if let Some(symbol) = symbol {
            self.terms.push(symbol, fresh);
            while self.terms.len() > SYMBOLS {
                // The first symbols are those of inputs; the oldest after them is given up.
                let term = self.terms.give_up_second();
                (0..LANES).for_each(|i| self.error[i] += term[i].abs());
            }
        }
    }
}
