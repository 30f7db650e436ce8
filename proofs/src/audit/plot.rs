//! The error over the domain as a picture (SVG): certified bound, errors of runs, the card's claim, breakpoints.
//!
//! The vertical axis is logarithmic; errors far below a unit in the last place are drawn at the bottom. The horizontal axis is
//! logarithmic where the domain is positive and its ends differ a hundredfold.

use super::number::circuit_of;
use super::{Audit, AuditError, Certifier};
use crate::bound::{Cell, Tape};
use crate::ticks;
use std::fmt::Write;
use viewless_protocols::decimal;
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::nonlinear::Protocol;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 540.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 82.0;
const BOTTOM: f64 = 52.0;
/// Columns of the picture.
const COLUMNS: usize = 432;
/// Runs drawn in each column, the worst apart.
const DOTS: usize = 6;

const CERTIFIED: &str = "#c0392b";
const AREA: &str = "#f6d5d0";
const OBSERVED: &str = "#1f5fa8";
const CLAIM: &str = "#1e8449";
const INK: &str = "#222222";
const GRID: &str = "#dddddd";

/// A point of a column: input, error of the run, certified bound.
#[derive(Debug, Clone, Copy)]
struct Dot {
    x: f64,
    error: f64,
    bound: f64,
    claim: f64,
}

struct Axes {
    low: f64,
    high: f64,
    logarithmic: bool,
    bottom: f64,
    top: f64,
}

impl Axes {
    fn x(&self, x: f64) -> f64 {
        let t = if self.logarithmic {
            (x / self.low).ln() / (self.high / self.low).ln()
        } else {
            (x - self.low) / (self.high - self.low).max(f64::MIN_POSITIVE)
        };
        LEFT + t * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, error: f64) -> f64 {
        let t = (error.max(self.bottom).log10() - self.bottom.log10()) / (self.top.log10() - self.bottom.log10());
        HEIGHT - BOTTOM - t.min(1.0) * (HEIGHT - BOTTOM - TOP)
    }

    fn column(&self, x: f64) -> usize {
        let t = (self.x(x) - LEFT) / (WIDTH - LEFT - RIGHT);
        ((t * COLUMNS as f64) as usize).min(COLUMNS - 1)
    }

    /// Round numbers along the horizontal axis.
    fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            return ticks::decades(self.low, self.high).collect();
        }
        let step = ticks::step(self.high - self.low);
        let first = (self.low / step).ceil() as i64;
        (first..).map(|i| i as f64 * step).take_while(|x| *x <= self.high * (1.0 + 1e-12)).take(20).collect()
    }
}

/// The picture of an audit.
///
/// # Errors
/// [`AuditError::Bound`] for circuits that have no tape.
pub fn svg(protocol: &Protocol, audit: &Audit) -> Result<String, AuditError> {
    let report = &audit.report;
    let fixed = audit.fixed;
    let unit = power_of_two(-i32::from(fixed.fraction_bits()));
    let circuit = circuit_of(protocol, 1)?;
    let certifier = Certifier::new(&circuit, &audit.truth, audit.domain, fixed, &report.scheme)?;
    let (low, high) = (audit.domain.low as f64 * unit, audit.domain.high as f64 * unit);
    let logarithmic = low > 0.0 && high / low >= 100.0;
    let bottom = 10f64.powf((unit / 64.0).log10().floor());
    let mut axes = Axes { low, high, logarithmic, bottom, top: 1.0 };
    let columns = columns(audit, &certifier, &axes, unit)?;
    let largest = columns.iter().flatten().map(|dot| dot.bound.max(dot.error)).filter(|y| y.is_finite());
    let claimed = columns.iter().flatten().map(|dot| dot.claim);
    let smallest =
        columns.iter().flatten().map(|dot| dot.bound).filter(|bound| *bound > 0.0).fold(f64::INFINITY, f64::min);
    // A decade below the smallest bound, for the runs; and no further than where a unit in the last place means nothing.
    axes.bottom = 10f64.powf((smallest / 10.0).max(unit * power_of_two(-12)).log10().floor()).min(unit.max(smallest));
    axes.top = 10f64.powf((largest.chain(claimed).fold(bottom * 10.0, f64::max) * 1.2).log10().ceil());

    let mut out = String::new();
    frame(&mut out, &axes, unit);
    curves(&mut out, &axes, &columns);
    marks(&mut out, &axes, certifier.tape(), report.claim.domain);
    notes(&mut out, &axes, unit);
    legend(&mut out, audit);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n{out}</svg>\n"
    ))
}

/// For each column its worst run and some others, with the bounds of their inputs.
fn columns(audit: &Audit, certifier: &Certifier<'_>, axes: &Axes, unit: f64) -> Result<Vec<Vec<Dot>>, AuditError> {
    let mut chosen: Vec<Vec<(i64, f64)>> = vec![Vec::new(); COLUMNS];
    let error_of = |&(x, y): &(i64, f64)| (y - audit.truth.at(x as f64 * unit)).abs();
    let mut by_column: Vec<Vec<(i64, f64)>> = vec![Vec::new(); COLUMNS];
    for &(x, y) in &audit.observed.points {
        by_column[axes.column(x as f64 * unit)].push((x, y));
    }
    for (chosen, points) in chosen.iter_mut().zip(&by_column) {
        let worst = points.iter().max_by(|a, b| error_of(a).total_cmp(&error_of(b)));
        chosen.extend(worst);
        chosen.extend(points.iter().step_by((points.len() / DOTS).max(1)).take(DOTS));
    }
    let cells: Vec<Cell> = chosen.iter().flatten().map(|&(x, _)| Cell { low: x, high: x }).collect();
    let mut bounds = certifier.envelope(&cells)?.into_iter().map(|(bound, _)| bound);
    let claim = &audit.report.claim;
    let dot = |point: (i64, f64), bound: f64| {
        let x = point.0 as f64 * unit;
        Dot { x, error: error_of(&point), bound, claim: claim.absolute + claim.relative * audit.truth.at(x).abs() }
    };
    let column = |points: Vec<(i64, f64)>| {
        points.into_iter().map(|point| dot(point, bounds.next().unwrap_or(f64::INFINITY))).collect()
    };
    Ok(chosen.into_iter().map(column).collect())
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, fill: &str, content: &str) {
    let content = content.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{fill}\">{content}</text>");
}

/// A text that stays readable over lines and areas.
fn annotation(out: &mut String, x: f64, y: f64, anchor: &str, fill: &str, content: &str) {
    out.push_str("<g paint-order=\"stroke\" stroke=\"#ffffff\" stroke-width=\"3\" stroke-linejoin=\"round\">");
    text(out, x, y, anchor, fill, content);
    out.push_str("</g>\n");
}

fn line(out: &mut String, from: (f64, f64), to: (f64, f64), stroke: &str, more: &str) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ =
        writeln!(out, "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{stroke}\" {more}/>");
}

fn frame(out: &mut String, axes: &Axes, unit: f64) {
    let (floor, ceiling, right) = (HEIGHT - BOTTOM, TOP, WIDTH - RIGHT);
    let decades = axes.bottom.log10().round() as i32..=axes.top.log10().round() as i32;
    let stride = (decades.clone().count() / 9).max(1);
    for decade in decades.step_by(stride) {
        let y = axes.y(10f64.powi(decade));
        line(out, (LEFT, y), (right, y), GRID, "");
        text(out, LEFT - 8.0, y + 4.0, "end", INK, &decimal::scientific(10f64.powi(decade), 0));
    }
    for x in axes.ticks() {
        let at = axes.x(x);
        line(out, (at, floor), (at, floor + 5.0), INK, "");
        text(out, at, floor + 19.0, "middle", INK, &format!("{x}"));
    }
    let ulp = axes.y(unit);
    line(out, (LEFT, ulp), (right, ulp), "#888888", "stroke-dasharray=\"2 3\"");

    line(out, (LEFT, floor), (right, floor), INK, "");
    line(out, (LEFT, ceiling), (LEFT, floor), INK, "");
    let scale = if axes.logarithmic { " (logarithmic)" } else { "" };
    text(out, (LEFT + right) / 2.0, HEIGHT - 12.0, "middle", INK, &format!("input x{scale}"));
    let middle = (floor + ceiling) / 2.0;
    let _ = writeln!(
        out,
        "<text x=\"18\" y=\"{middle:.1}\" text-anchor=\"middle\" fill=\"{INK}\" transform=\"rotate(-90 18 {middle:.1})\">absolute error |y - truth|, logarithmic</text>"
    );
}

fn polyline(points: impl Iterator<Item = (f64, f64)>) -> String {
    points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

fn curves(out: &mut String, axes: &Axes, columns: &[Vec<Dot>]) {
    let floor = HEIGHT - BOTTOM;
    let seen = || columns.iter().filter(|column| !column.is_empty());
    let place = |column: &Vec<Dot>| axes.x(column.iter().map(|dot| dot.x).sum::<f64>() / column.len() as f64);
    let most = |column: &Vec<Dot>, f: fn(&Dot) -> f64| column.iter().map(f).fold(0.0, f64::max);
    let certified: Vec<(f64, f64)> =
        seen().map(|column| (place(column), axes.y(most(column, |dot| dot.bound)))).collect();
    if let (Some(first), Some(last)) = (certified.first(), certified.last()) {
        let closed = std::iter::once((first.0, floor)).chain(certified.iter().copied()).chain([(last.0, floor)]);
        let _ = writeln!(out, "<polygon points=\"{}\" fill=\"{AREA}\"/>", polyline(closed));
    }
    for dot in columns.iter().flatten() {
        let _ = writeln!(
            out,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"1.1\" fill=\"{OBSERVED}\"/>",
            axes.x(dot.x),
            axes.y(dot.error)
        );
    }
    let curve = |out: &mut String, points: String, stroke: &str, more: &str| {
        let _ = writeln!(
            out,
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"1.5\" {more}/>"
        );
    };
    curve(out, polyline(certified.into_iter()), CERTIFIED, "");
    let claim = seen().map(|column| (place(column), axes.y(most(column, |dot| dot.claim))));
    curve(out, polyline(claim), CLAIM, "stroke-dasharray=\"7 4\"");
}

/// Thresholds of comparisons with public numbers, and the ends of the claimed domain, where they are in the picture.
fn marks(out: &mut String, axes: &Axes, tape: &Tape, claimed: (f64, f64)) {
    let (floor, ceiling) = (HEIGHT - BOTTOM, TOP);
    let inside = |x: &f64| axes.low < *x && *x < axes.high;
    let thresholds: Vec<f64> = super::breakpoints(tape).into_iter().filter(inside).collect();
    for (row, &x) in thresholds.iter().enumerate() {
        let at = axes.x(x);
        line(out, (at, ceiling), (at, floor), "#9b8f3a", "stroke-dasharray=\"1 3\"");
        if thresholds.len() <= 6 {
            // Near the right edge there is no room at the right of the line.
            let (at, anchor) = if at > WIDTH - RIGHT - 110.0 { (at - 4.0, "end") } else { (at + 4.0, "start") };
            let place = (x * 1e4).round() / 1e4;
            annotation(out, at, ceiling + 14.0 + 15.0 * row as f64, anchor, "#7d7325", &format!("threshold {place}"));
        }
    }
    for (from, to) in [(axes.low, claimed.0), (claimed.1, axes.high)] {
        let (from, to) = (axes.x(from.max(axes.low)), axes.x(to.min(axes.high)));
        if from >= to {
            continue;
        }
        let _ = writeln!(
            out,
            "<rect x=\"{from:.1}\" y=\"{ceiling}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#000000\" fill-opacity=\"0.12\"/>",
            to - from,
            floor - ceiling
        );
        if to - from > 150.0 {
            annotation(out, (from + to) / 2.0, floor - 24.0, "middle", INK, "outside the claimed domain");
        }
    }
    let ends = [(claimed.0, 4.0, "start", "claimed from"), (claimed.1, -4.0, "end", "claimed up to")];
    for (x, aside, anchor, words) in ends.into_iter().filter(|end| inside(&end.0)) {
        let at = axes.x(x);
        line(out, (at, ceiling), (at, floor), CLAIM, "stroke-width=\"2\"");
        annotation(out, at + aside, floor - 42.0, anchor, CLAIM, &format!("{words} {x}"));
    }
}

/// Over everything else.
fn notes(out: &mut String, axes: &Axes, unit: f64) {
    if unit > axes.bottom {
        annotation(out, WIDTH - RIGHT - 4.0, axes.y(unit) - 4.0, "end", "#666666", "one unit of the fixed point");
    }
    annotation(out, LEFT + 6.0, HEIGHT - BOTTOM - 6.0, "start", "#666666", "smaller errors are drawn on this line");
}

fn legend(out: &mut String, audit: &Audit) {
    let report = &audit.report;
    let _ = writeln!(
        out,
        "<text x=\"{LEFT}\" y=\"24\" fill=\"{INK}\" font-size=\"16\" font-weight=\"bold\">{} against {}</text>",
        report.protocol, report.reference
    );
    let runs =
        if report.exhaustive { "every input run once".to_owned() } else { format!("{} inputs run", report.executed) };
    let about = format!(
        "x in [{}, {}], {} inputs; {runs}; {} fraction bits, {} truncation; the claim (on [{}, {}]) {} here",
        report.domain.0,
        report.domain.1,
        report.inputs,
        report.fraction_bits,
        format!("{:?}", report.scheme.truncation).to_lowercase(),
        report.claim.domain.0,
        report.claim.domain.1,
        match report.verdict {
            super::ClaimVerdict::Holds => "holds",
            super::ClaimVerdict::Exceeds => "does not hold",
            super::ClaimVerdict::Undecided => "is undecided",
            super::ClaimVerdict::NotCovered => "is not covered",
        }
    );
    text(out, LEFT, 44.0, "start", INK, &about);
    let certified = report.certified_max_error.map_or("none".to_owned(), |error| decimal::at_most(error, 3));
    let claim = match (report.claim.absolute, report.claim.relative) {
        (absolute, 0.0) => format!("claim over the reals: {}", decimal::exact(absolute)),
        (0.0, relative) => format!("claim over the reals: {} |truth|", decimal::exact(relative)),
        (absolute, relative) => {
            format!("claim over the reals: {} + {} |truth|", decimal::exact(absolute), decimal::exact(relative))
        }
    };
    let mut x = LEFT;
    let entries = [
        (CERTIFIED, format!("certified: no run errs more, worst {certified}")),
        (
            OBSERVED,
            format!(
                "runs: worst {}, mean {}",
                decimal::at_least(report.observed_max_error, 3),
                decimal::scientific(report.mean_error, 3)
            ),
        ),
        (CLAIM, claim),
    ];
    for (colour, entry) in entries {
        match colour {
            CERTIFIED => {
                let _ = writeln!(out, "<rect x=\"{x:.1}\" y=\"57\" width=\"18\" height=\"12\" fill=\"{AREA}\"/>");
                line(out, (x, 57.0), (x + 18.0, 57.0), colour, "stroke-width=\"2\"");
            }
            OBSERVED => {
                for (dx, y) in [(3.0, 66.0), (9.0, 59.0), (15.0, 63.0)] {
                    let _ = writeln!(out, "<circle cx=\"{:.1}\" cy=\"{y}\" r=\"1.6\" fill=\"{colour}\"/>", x + dx);
                }
            }
            _ => line(out, (x, 62.0), (x + 18.0, 62.0), colour, "stroke-width=\"2\" stroke-dasharray=\"7 4\""),
        }
        text(out, x + 23.0, 66.0, "start", INK, &entry);
        x += 46.0 + 6.4 * entry.len() as f64;
    }
}
