//! Fourier extensions: a smooth function on an interval as a short trigonometric sum of a longer period.
//!
//! The Fourier coefficients of a function on its own interval converge slowly, because its periodic continuation jumps.
//! A sum whose period is longer than the interval is free in between, and the fitted one converges geometrically ("Fourier
//! extension"; Huybrechs, SIAM J. Numer. Anal. 47, 2010; Adcock, Huybrechs, Martin-Vaquero, Found. Comput. Math. 14, 2014).
//! The frame is redundant, so the coefficients are determined by ridge least squares: small coefficients are what fixed
//! point needs.
//!
//! 1. Take samples x_i, denser towards the ends of the interval (Chebyshev points), and the matrix A of all cosines and sines there.
//! 2. Minimise |A a - f|^2 / samples + ridge |a|^2 by Householder's QR of A stacked on sqrt(ridge samples) I.
//! 3. Measure the largest error on a fine grid.
//!
//! Everything is f64 addition, multiplication, division and square root, and libm's sine and cosine: the coefficients are the
//! same bits on every platform.

use crate::circuit::{Opening, Series};

/// Which waves the sum may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waves {
    /// Constant and cosines: the function is even, and only its right half is fitted.
    Cosines,
    /// Sines, without a constant: the function is odd, and only its right half is fitted.
    Sines,
    /// Constant, cosines and sines.
    Both,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request {
    /// Lower end of the interval; 0 for even and odd functions.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Length after which the sum repeats.
    pub period: f64,
    /// Number of frequencies, the constant apart.
    pub terms: usize,
    /// Waves allowed.
    pub waves: Waves,
    /// Price of large coefficients; 1e-12 to 1e-10 suits 16 to 24 fraction bits.
    pub ridge: f64,
}

/// A fitted sum.
#[derive(Debug, Clone, PartialEq)]
pub struct Extension {
    /// The sum.
    pub series: Series,
    /// Its largest error on a fine grid of the interval, ends included.
    pub max_error: f64,
}

/// Samples for each unknown.
const OVERSAMPLING: usize = 8;
/// Points of the grid on which the error is measured, for each unknown.
const GRID: usize = 40;

/// Fits `function`, which must be computed alike on every platform (libm).
///
/// # Panics
/// When the request is no interval, has no terms, or a ridge that is not positive: requests are constants of protocols.
#[must_use]
pub fn fit(function: impl Fn(f64) -> f64, request: &Request) -> Extension {
    fit_weighted(function, |_| 1.0, request)
}

/// As [`fit`], for a positive function whose relative error is to be small: samples weigh by the inverse of the function, and so does the error.
///
/// # Panics
/// As [`fit`].
#[must_use]
pub fn fit_relative(function: impl Fn(f64) -> f64, request: &Request) -> Extension {
    fit_weighted(&function, |x| 1.0 / function(x), request)
}

fn fit_weighted(function: impl Fn(f64) -> f64, weight: impl Fn(f64) -> f64, request: &Request) -> Extension {
    let &Request { low, high, period, terms, waves, ridge } = request;
    assert!(low < high && period > 0.0 && terms > 0 && ridge > 0.0, "not a request: {request:?}");
    let (constants, cosines, sines) = match waves {
        Waves::Cosines => (1, terms, 0),
        Waves::Sines => (0, 0, terms),
        Waves::Both => (1, terms, terms),
    };
    let unknowns = constants + cosines + sines;
    let samples = OVERSAMPLING * unknowns;
    let rows = samples + unknowns;
    let mut matrix = vec![0.0; rows * unknowns];
    let mut right = vec![0.0; rows];
    for i in 0..samples {
        let turn = std::f64::consts::PI * (i as f64 + 0.5) / samples as f64;
        let x = low + (high - low) * 0.5 * (1.0 - libm::cos(turn));
        let angle = 2.0 * std::f64::consts::PI * x / period;
        let row = &mut matrix[i * unknowns..][..unknowns];
        row[..constants].fill(1.0);
        let (even, odd) = row[constants..].split_at_mut(cosines);
        (1..).zip(even).for_each(|(k, element)| *element = libm::cos(f64::from(k) * angle));
        (1..).zip(odd).for_each(|(k, element)| *element = libm::sin(f64::from(k) * angle));
        let weight = weight(x);
        row.iter_mut().for_each(|element| *element *= weight);
        right[i] = function(x) * weight;
    }
    let diagonal = (ridge * samples as f64).sqrt();
    for k in 0..unknowns {
        matrix[(samples + k) * unknowns + k] = diagonal;
    }
    let solution = least_squares(matrix, right, unknowns);
    let (constant, waves) = solution.split_at(constants);
    let (cosines, sines) = waves.split_at(cosines);
    let constant = constant.first().copied().unwrap_or(0.0);
    let series = Series {
        period,
        constant,
        cosines: cosines.to_vec(),
        sines: sines.to_vec(),
        opening: Opening::Period,
        most_guard_bits: None,
    };
    let points = GRID * unknowns;
    let error = |i: usize| {
        let x = low + (high - low) * (i as f64 / points as f64);
        (series.at(x) - function(x)).abs() * weight(x)
    };
    let max_error = (0..=points).map(error).fold(0.0, f64::max);
    Extension { series, max_error }
}

/// The x that minimises |A x - b| for a row-major A of full column rank: Householder's QR, then back substitution.
pub(super) fn least_squares(mut a: Vec<f64>, mut b: Vec<f64>, columns: usize) -> Vec<f64> {
    let rows = b.len();
    for k in 0..columns {
        let norm = (k..rows).map(|i| a[i * columns + k] * a[i * columns + k]).sum::<f64>().sqrt();
        let head = a[k * columns + k];
        // The sign that avoids cancellation.
        let alpha = if head > 0.0 { -norm } else { norm };
        let reflector: Vec<f64> = (k..rows).map(|i| a[i * columns + k] - if i == k { alpha } else { 0.0 }).collect();
        let square = reflector.iter().map(|v| v * v).sum::<f64>();
        for j in k..columns {
            let dot: f64 = reflector.iter().zip(k..).map(|(v, i)| v * a[i * columns + j]).sum();
            let factor = 2.0 * dot / square;
            reflector.iter().zip(k..).for_each(|(v, i)| a[i * columns + j] -= factor * v);
        }
        let dot: f64 = reflector.iter().zip(&b[k..]).map(|(v, y)| v * y).sum();
        let factor = 2.0 * dot / square;
        reflector.iter().zip(&mut b[k..]).for_each(|(v, y)| *y -= factor * v);
    }
    let mut x = vec![0.0; columns];
    for k in (0..columns).rev() {
        let known: f64 = (k + 1..columns).map(|j| a[k * columns + j] * x[j]).sum();
        x[k] = (b[k] - known) / a[k * columns + k];
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    fn h(x: f64) -> f64 {
        x * libm::erf(x / std::f64::consts::SQRT_2) / 2.0
    }

    fn largest(series: &Series) -> f64 {
        [series.constant].iter().chain(&series.cosines).chain(&series.sines).fold(0.0, |m, x| x.abs().max(m))
    }

    /// The published table of errors and largest coefficients.
    #[test]
    fn the_table_of_errors_is_reproduced() {
        let square_root = |q: f64| 1.0 / libm::sqrt(q);
        let reciprocal = |q: f64| 1.0 / q;
        let even = Waves::Cosines;
        type Row<'a> = (&'a dyn Fn(f64) -> f64, f64, f64, f64, usize, Waves, f64, f64, f64);
        let rows: [Row<'_>; 15] = [
            (&h, 0.0, 4.0, 8.0, 8, even, 1e-10, 1.1e-5, 1.3),
            (&h, 0.0, 6.0, 8.0, 16, even, 1e-12, 1.8e-6, 2.0),
            (&h, 0.0, 7.0, 8.0, 24, even, 1e-12, 2.2e-6, 2.0),
            (&h, 0.0, 14.0, 16.0, 24, even, 1e-12, 5.1e-6, 4.0),
            (&h, 0.0, 28.0, 32.0, 48, even, 1e-12, 1.6e-5, 7.4),
            (&libm::exp, -12.0, 0.0, 16.0, 12, Waves::Both, 1e-12, 1.1e-5, 2.1),
            (&libm::exp, -12.0, 0.0, 16.0, 16, Waves::Both, 1e-12, 4.5e-6, 0.9),
            (&libm::exp, -8.0, 0.0, 8.5, 12, Waves::Both, 1e-12, 2.4e-6, 0.9),
            (&reciprocal, 1.0, 2.0, 2.0, 8, Waves::Both, 1e-12, 4.5e-7, 0.7),
            (&reciprocal, 1.0, 8.0, 8.0, 16, Waves::Both, 1e-12, 4.6e-6, 1.1),
            (&reciprocal, 1.0, 8.0, 8.0, 32, Waves::Both, 1e-12, 5.4e-7, 0.3),
            (&reciprocal, 1.0, 128.0, 128.0, 128, Waves::Both, 1e-12, 6.8e-5, 2.0),
            (&square_root, 1.0, 4.0, 4.0, 8, Waves::Both, 1e-12, 1.5e-6, 0.8),
            (&square_root, 0.25, 16.0, 16.0, 64, Waves::Both, 1e-12, 3.9e-5, 2.1),
            (&square_root, 0.25, 16.0, 16.0, 128, Waves::Both, 1e-12, 1.9e-6, 0.4),
        ];
        for (function, low, high, half_period, terms, waves, ridge, error, coefficient) in rows {
            let request = Request { low, high, period: 2.0 * half_period, terms, waves, ridge };
            let extension = fit(function, &request);
            let found = largest(&extension.series);
            assert!(extension.max_error <= 1.5 * error, "[{low}, {high}], {terms} terms: {:e}", extension.max_error);
            assert!(found <= 1.1 * coefficient, "[{low}, {high}], {terms} terms: coefficient {found}");
        }
    }

    /// The published coefficients of h for |x| <= 4 were fitted to equidistant samples: a frame is redundant, so another sampling
    /// moves them in the third digit.
    #[test]
    fn the_coefficients_of_gelu_are_near_the_published_ones() {
        let published = [
            1.30075451,
            -0.42668416,
            -1.06018001,
            0.52907307,
            -0.44566044,
            0.17740209,
            -0.09024357,
            0.02117919,
            -0.0056329,
        ];
        let request = Request { low: 0.0, high: 4.0, period: 16.0, terms: 8, waves: Waves::Cosines, ridge: 1e-10 };
        let series = fit(h, &request).series;
        for (found, published) in std::iter::once(&series.constant).chain(&series.cosines).zip(published) {
            assert!((found - published).abs() < 4e-3, "{found} {published}");
        }
    }

    /// Without a ridge to speak of, a function that is in the span is found again.
    #[test]
    fn a_sum_of_waves_is_its_own_extension() {
        let function = |x: f64| 0.5 - 0.25 * libm::cos(x) + 2.0 * libm::sin(2.0 * x);
        let period = 2.0 * std::f64::consts::PI;
        let request = Request { low: 0.0, high: period, period, terms: 2, waves: Waves::Both, ridge: 1e-28 };
        let Extension { series, max_error } = fit(function, &request);
        assert!(max_error < 1e-13);
        assert!((series.constant - 0.5).abs() < 1e-13 && (series.cosines[0] + 0.25).abs() < 1e-13);
        assert!((series.sines[1] - 2.0).abs() < 1e-13);
    }
}
