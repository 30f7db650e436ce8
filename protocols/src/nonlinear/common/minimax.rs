//! Polynomials whose largest error on an interval is least: Remez' exchange.
//!
//! The polynomial of degree d is best where its error takes its largest size, with alternating signs, at d + 2 points (Chebyshev). An exchange
//! makes the error alternate with one size E at d + 2 points, looks for the extrema of the error that results, and goes on with those.

use super::extension::least_squares;

/// A polynomial in u = (x - middle) / half, which goes from -1 to 1 over the interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Polynomial {
    /// The middle of the interval.
    pub middle: f64,
    /// Half its length.
    pub half: f64,
    /// Coefficients of 1, u, u^2, ...
    pub coefficients: Vec<f64>,
    /// Largest distance from the function that was seen on a grid of [`GRID`] steps.
    pub max_error: f64,
}

/// Largest degree that is fitted: above, the powers of u are too much alike for f64.
pub const MOST_DEGREE: usize = 24;

/// Steps of the grid on which extrema are sought; the error between them is larger by less than a part in 10^4 for degrees up to
/// [`MOST_DEGREE`], because an extremum of a polynomial of degree d in cos t is flat over 1/d in t.
pub const GRID: usize = 8192;

/// Exchanges at most; they converge quadratically, five or six are usual.
const EXCHANGES: usize = 40;

impl Polynomial {
    /// The value at x.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        let u = (x - self.middle) / self.half;
        self.coefficients.iter().rev().fold(0.0, |sum, c| sum * u + c)
    }
}

/// The best polynomial of `degree` for a continuous `function` on [low, high].
///
/// # Panics
/// If [low, high] is no interval, or for a degree above [`MOST_DEGREE`]: callers check what users ask for.
#[must_use]
pub fn fit(function: impl Fn(f64) -> f64, low: f64, high: f64, degree: usize) -> Polynomial {
    assert!(low < high && degree <= MOST_DEGREE, "[{low}, {high}] and degree {degree} are not to be fitted");
    let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
    let count = degree + 2;
    // Points lie at the cosines of an angle: close to the ends, where the error turns fastest.
    let place = |t: f64| -libm::cos(std::f64::consts::PI * t);
    let grid: Vec<(f64, f64)> =
        (0..=GRID).map(|i| place(i as f64 / GRID as f64)).map(|u| (u, function(middle + half * u))).collect();
    // Not symmetric: the error of an even function cannot alternate at an even number of symmetric points.
    let mut points: Vec<(f64, f64)> =
        (0..count).map(|i| place((i as f64 + 0.25) / count as f64)).map(|u| (u, function(middle + half * u))).collect();
    let mut best = Polynomial { middle, half, coefficients: Vec::new(), max_error: f64::INFINITY };
    for _ in 0..EXCHANGES {
        let (chebyshev, levelled) = alternating(&points, degree);
        let errors: Vec<f64> = grid.iter().map(|&(u, y)| y - sum(&chebyshev, u)).collect();
        let max_error = errors.iter().fold(0.0_f64, |most, error| most.max(error.abs()));
        if max_error < best.max_error {
            best = Polynomial { coefficients: monomials(&chebyshev), max_error, ..best };
        }
        let extrema = extrema(&errors);
        // No polynomial errs by less than the levelled error.
        if max_error <= levelled * (1.0 + 1e-9) || extrema.len() < count {
            break;
        }
        points = largest_in_a_row(extrema, &errors, count).iter().map(|&i| grid[i]).collect();
    }
    best
}

/// The sum of Chebyshev polynomials whose error alternates with one size at the points, and that size.
fn alternating(points: &[(f64, f64)], degree: usize) -> (Vec<f64>, f64) {
    let columns = degree + 2;
    let mut matrix = Vec::with_capacity(points.len() * columns);
    for (i, (u, _)) in points.iter().enumerate() {
        matrix.extend((0..=degree).map(|k| chebyshev(k, *u)));
        matrix.push(if i % 2 == 0 { 1.0 } else { -1.0 });
    }
    let mut solution = least_squares(matrix, points.iter().map(|(_, y)| *y).collect(), columns);
    let levelled = solution.pop().unwrap_or(0.0).abs();
    (solution, levelled)
}

/// T_k(u) = cos(k arccos u).
fn chebyshev(k: usize, u: f64) -> f64 {
    libm::cos(k as f64 * libm::acos(u.clamp(-1.0, 1.0)))
}

/// Clenshaw's sum of a_k T_k(u).
fn sum(coefficients: &[f64], u: f64) -> f64 {
    let (mut next, mut after) = (0.0, 0.0);
    for &a in coefficients.iter().skip(1).rev() {
        (next, after) = (2.0 * u * next - after + a, next);
    }
    u * next - after + coefficients.first().copied().unwrap_or(0.0)
}

/// The same sum by powers of u.
fn monomials(chebyshev: &[f64]) -> Vec<f64> {
    let n = chebyshev.len();
    let mut sum = vec![0.0; n];
    let (mut before, mut current) = (vec![0.0; n], vec![0.0; n]);
    current[0] = 1.0;
    for (k, &a) in chebyshev.iter().enumerate() {
        sum.iter_mut().zip(&current).for_each(|(sum, c)| *sum += a * c);
        // T_1 = u, and T_(k+1) = 2 u T_k - T_(k-1).
        let factor = if k == 0 { 1.0 } else { 2.0 };
        let next: Vec<f64> =
            (0..n).map(|i| if i == 0 { -before[0] } else { factor * current[i - 1] - before[i] }).collect();
        before = std::mem::replace(&mut current, next);
    }
    sum
}

/// Of each stretch of errors of one sign the place of the largest.
fn extrema(errors: &[f64]) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    for (i, error) in errors.iter().enumerate() {
        match found.last_mut() {
            Some(last) if errors[*last].is_sign_positive() == error.is_sign_positive() => {
                if error.abs() > errors[*last].abs() {
                    *last = i;
                }
            }
            Some(_) | None => found.push(i),
        }
    }
    found
}

/// So many neighbours of which the smallest error is largest: from either end the smaller is left out.
fn largest_in_a_row(mut extrema: Vec<usize>, errors: &[f64], count: usize) -> Vec<usize> {
    while extrema.len() > count {
        let (first, last) = (extrema[0], extrema[extrema.len() - 1]);
        if errors[first].abs() < errors[last].abs() {
            extrema.remove(0);
        } else {
            extrema.pop();
        }
    }
    extrema
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chebyshev: of all monic polynomials of degree n, 2^(1-n) T_n is the smallest on [-1, 1].
    #[test]
    fn the_best_approximation_of_a_power_errs_as_chebyshev_says() {
        for n in 1..=12_usize {
            let best = fit(|x| x.powi(n as i32), -1.0, 1.0, n - 1);
            let wanted = 0.5_f64.powi(n as i32 - 1);
            // An extremum lies at most half a step of the grid away, where the error is less by a part in 2 / (n pi / GRID / 2)^2.
            let tolerance = (n as f64 * std::f64::consts::PI / GRID as f64).powi(2);
            assert!((best.max_error / wanted - 1.0).abs() < tolerance, "{n}: {:e} and not {wanted:e}", best.max_error);
        }
    }

    /// de la Vallee Poussin: if the error alternates at d + 2 points with size at least e, no polynomial of the degree has a smaller one.
    #[test]
    fn no_polynomial_of_the_degree_is_better() {
        let gelu = |x: f64| x / 2.0 * (1.0 + libm::erf(x / std::f64::consts::SQRT_2));
        type Case = (fn(f64) -> f64, f64, f64);
        let cases: [Case; 4] =
            [(gelu, -4.0, 4.0), (libm::tanh, -3.0, 2.0), (libm::exp, -8.0, 0.0), (|x| 1.0 / x, 0.5, 4.0)];
        for (function, low, high) in cases {
            for degree in [0, 1, 3, 6, 9] {
                let best = fit(function, low, high, degree);
                let errors: Vec<f64> = (0..=GRID)
                    .map(|i| {
                        low + (high - low) * 0.5 * (1.0 - libm::cos(std::f64::consts::PI * i as f64 / GRID as f64))
                    })
                    .map(|x| function(x) - best.at(x))
                    .collect();
                // An even function's best polynomial of an odd degree is of the degree below, and alternates once more.
                let alternating = largest_in_a_row(extrema(&errors), &errors, degree + 2);
                let least = alternating.iter().map(|&i| errors[i].abs()).fold(f64::INFINITY, f64::min);
                assert!(
                    alternating.len() == degree + 2 && best.max_error <= 1.001 * least,
                    "[{low}, {high}], {degree}: {:e} {least:e}",
                    best.max_error
                );
            }
        }
    }

    #[test]
    fn a_polynomial_is_its_own_approximation() {
        let cubic = |x: f64| 1.0 - 2.0 * x + 0.25 * x * x * x;
        for degree in [3, 4, 7] {
            assert!(fit(cubic, -2.0, 5.0, degree).max_error < 1e-12, "{degree}");
        }
    }
}
