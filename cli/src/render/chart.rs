//! Two kinds of chart as inline SVG: stacked bars on a linear scale, and lines on two logarithmic ones.
//!
//! Colours are those of Okabe and Ito, which remain distinct to colour-blind readers, and nothing is told by colour alone: parts of bars are
//! hatched, lines carry the numbers of their names, points are filled or hollow. Every mark carries its number as a tooltip, and every bar its
//! total as text, so that no number must be read off a scale.

use maud::{Markup, html};
use viewless_proofs::ticks;

/// Width of a drawing, in its own units.
const WIDTH: f64 = 960.0;
/// Space for names at the left of bars.
const NAMES: f64 = 190.0;
/// Space for totals at the right of bars.
const TOTALS: f64 = 110.0;
/// Height of a bar with the space below it.
const BAR: f64 = 26.0;
/// Space for the scale below.
const SCALE: f64 = 34.0;

/// Colours of what bars are made of and of lines.
pub const COLOURS: [&str; 11] = [
    "#d55e00", "#0072b2", "#009e73", "#56b4e9", "#cc79a7", "#e69f00", "#6b6b6b", "#8c510a", "#b2abd2", "#35978f",
    "#1b1b1b",
];
/// Dashes of lines.
const DASHES: [&str; 3] = ["none", "7 4", "2 3"];

/// Hatches of what bars are made of: the lines of a tile of 8 by 8.
const HATCHES: [&str; 11] = [
    "",
    "M0 8 8 0",
    "M0 0 8 8",
    "M0 4H8",
    "M4 0V8",
    "M1 2h2M5 6h2",
    "M0 4H8M4 0V8",
    "M0 4 4 0M4 8 8 4",
    "M0 4 4 8M4 0 8 4M0 8 8 0",
    "M0 1H8M0 5H8",
    "M0 8 8 0M0 0 8 8",
];

/// The hatches, once for each page whose drawings have bars.
#[must_use]
pub fn hatches() -> Markup {
    html! {
        svg width="0" height="0" style="position:absolute" aria-hidden="true" { defs {
            @for (kind, lines) in HATCHES.iter().enumerate() {
                pattern id=(format!("hatch-{kind}")) width="8" height="8" patternUnits="userSpaceOnUse" {
                    path d=(lines) stroke="#ffffff" stroke-width="1.6" fill="none" {}
                }
            }
        } }
    }
}

/// What fills the hatch of a kind.
fn hatch(kind: usize) -> String {
    format!("url(#hatch-{})", kind % HATCHES.len())
}

/// A part of a bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Position of its name in the legend, and of its colour.
    pub kind: usize,
    /// Its length.
    pub value: f64,
    /// Its number in words.
    pub text: String,
}

/// A bar with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Its name.
    pub name: String,
    /// Its parts, from left to right.
    pub parts: Vec<Part>,
    /// Their sum in words.
    pub total: String,
}

/// A line with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Its points, both coordinates positive.
    pub points: Vec<(f64, f64)>,
}

/// An axis: what it shows, and how its numbers are written.
#[derive(Debug, Clone, Copy)]
pub struct Axis {
    /// What, with the unit.
    pub label: &'static str,
    /// A number of it in words.
    pub text: fn(f64) -> String,
}

/// A name beside its colour and hatch.
#[must_use]
pub fn key(kind: usize, name: &str) -> Markup {
    html! {
        span {
            svg.swatch viewBox="0 0 16 16" {
                rect width="16" height="16" fill=(COLOURS[kind % COLOURS.len()]) {}
                rect width="16" height="16" fill=(hatch(kind)) {}
            }
            (name)
        } " "
    }
}

/// Bars of parts, on a scale from zero.
#[must_use]
pub fn bars(bars: &[Bar], kinds: &[&str], axis: Axis) -> Markup {
    let longest = bars.iter().map(|bar| bar.parts.iter().map(|part| part.value).sum()).fold(0.0, f64::max);
    let step = ticks::step(longest);
    let height = BAR * bars.len() as f64;
    let unit = if longest > 0.0 { (WIDTH - NAMES - TOTALS) / longest } else { 0.0 };
    let ticks = (0..).map(|i| f64::from(i) * step).take_while(|&tick| tick <= longest * 1.0001);
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", height + SCALE)) role="img" {
            @for tick in ticks {
                @let x = NAMES + tick * unit;
                line.grid x1=(x) x2=(x) y1="0" y2=(height) {}
                text.scale x=(x) y=(height + 14.0) text-anchor="middle" { ((axis.text)(tick)) }
            }
            text.scale x=(NAMES + (WIDTH - NAMES - TOTALS) / 2.0) y=(height + 30.0) text-anchor="middle" { (axis.label) }
            @for (i, bar) in bars.iter().enumerate() {
                @let y = i as f64 * BAR;
                text x=(NAMES - 8.0) y=(y + 16.0) text-anchor="end" { (bar.name) }
                @for (part, start) in bar.parts.iter().zip(starts(&bar.parts)) {
                    rect x=(NAMES + start * unit) y=(y + 3.0) width=(part.value * unit) height=(BAR - 8.0)
                        fill=(COLOURS[part.kind % COLOURS.len()]) {
                        title { (bar.name) ", " (kinds[part.kind]) ": " (part.text) }
                    }
                    rect x=(NAMES + start * unit) y=(y + 3.0) width=(part.value * unit) height=(BAR - 8.0) fill=(hatch(part.kind))
                        pointer-events="none" {}
                }
                @let end = bar.parts.iter().map(|part| part.value).sum::<f64>();
                text x=(NAMES + end * unit + 6.0) y=(y + 16.0) { (bar.total) }
            }
        }
    }
}

/// Where each part begins.
fn starts(parts: &[Part]) -> Vec<f64> {
    parts
        .iter()
        .scan(0.0, |sum, part| {
            let start = *sum;
            *sum += part.value;
            Some(start)
        })
        .collect()
}

/// Lines on logarithmic scales, `limits` those of the vertical one.
#[must_use]
pub fn lines(lines: &[Line], x: Axis, y: Axis, limits: [f64; 2], width: f64) -> Markup {
    const HEIGHT: f64 = 300.0;
    const LEFT: f64 = 62.0;
    const BOTTOM: f64 = 44.0;
    let points = || lines.iter().flat_map(|line| &line.points);
    let (low, high) = points().fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), p| (low.min(p.0), high.max(p.0)));
    let at_x = |value: f64| LEFT + (width - LEFT - 12.0) * (value / low).ln() / (high / low).ln();
    let at_y = |value: f64| 10.0 + HEIGHT * (limits[1] / value).ln() / (limits[1] / limits[0]).ln();
    html! {
        svg viewBox=(format!("0 0 {width} {}", HEIGHT + 10.0 + BOTTOM)) role="img" {
            @for tick in ticks::decades(low, high) {
                line.grid x1=(at_x(tick)) x2=(at_x(tick)) y1="10" y2=(HEIGHT + 10.0) {}
                text.scale x=(at_x(tick)) y=(HEIGHT + 26.0) text-anchor="middle" { ((x.text)(tick)) }
            }
            @for tick in ticks::decades(limits[0], limits[1]) {
                line.grid x1=(LEFT) x2=(width - 12.0) y1=(at_y(tick)) y2=(at_y(tick)) {}
                text.scale x=(LEFT - 6.0) y=(at_y(tick) + 4.0) text-anchor="end" { ((y.text)(tick)) }
            }
            text.scale x=(LEFT + (width - LEFT) / 2.0) y=(HEIGHT + 46.0) text-anchor="middle" { (x.label) }
            @for (i, line) in lines.iter().enumerate() {
                polyline fill="none" stroke=(COLOURS[i % COLOURS.len()]) stroke-width="2.2"
                    stroke-dasharray=(DASHES[i / 4 % DASHES.len()])
                    points=(line.points.iter().map(|p| format!("{:.1},{:.1}", at_x(p.0), at_y(p.1))).collect::<Vec<_>>().join(" ")) {
                    title { (line.name) }
                }
            }
            // Each at another place, so that numbers of lines that run together do not cover one another.
            @for (i, line) in lines.iter().enumerate() {
                @if let Some(point) = line.points.get((i + 1) * line.points.len() / (lines.len() + 1)) {
                    text.number x=(at_x(point.0)) y=(at_y(point.1) + 4.0) text-anchor="middle" { (i + 1) }
                }
            }
        }
    }
}

/// A point with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Dot {
    /// What stands beside it.
    pub label: String,
    /// All about it, as a tooltip.
    pub title: String,
    /// To the right; positive.
    pub x: f64,
    /// Upwards; positive. Without a number it stands at the top.
    pub y: Option<f64>,
    /// Filled or hollow: told apart without colour.
    pub filled: bool,
}

/// Points on two logarithmic scales.
#[must_use]
pub fn dots(dots: &[Dot], x: Axis, y: Axis) -> Markup {
    const HEIGHT: f64 = 380.0;
    const LEFT: f64 = 70.0;
    const TOP: f64 = 34.0;
    let range = |numbers: &mut dyn Iterator<Item = f64>| {
        let (low, high) = numbers.fold((f64::INFINITY, 0.0f64), |(low, high), x| (low.min(x), high.max(x)));
        if low <= high { (low / 1.4, high * 1.4) } else { (0.1, 10.0) }
    };
    let (left, right) = range(&mut dots.iter().map(|dot| dot.x));
    let (low, high) = range(&mut dots.iter().filter_map(|dot| dot.y));
    let at_x = |value: f64| LEFT + (WIDTH - LEFT - 20.0) * (value / left).ln() / (right / left).ln();
    let at_y = |value: f64| TOP + (HEIGHT - TOP) * (high / value).ln() / (high / low).ln();
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", HEIGHT + 48.0)) role="img" {
            @for tick in ticks::logarithmic(left, right) {
                line.grid x1=(at_x(tick)) x2=(at_x(tick)) y1=(TOP) y2=(HEIGHT) {}
                text.scale x=(at_x(tick)) y=(HEIGHT + 16.0) text-anchor="middle" { ((x.text)(tick)) }
            }
            @for tick in ticks::logarithmic(low, high) {
                line.grid x1=(LEFT) x2=(WIDTH - 20.0) y1=(at_y(tick)) y2=(at_y(tick)) {}
                text.scale x=(LEFT - 6.0) y=(at_y(tick) + 4.0) text-anchor="end" { ((y.text)(tick)) }
            }
            @if dots.iter().any(|dot| dot.y.is_none()) {
                text.scale x=(LEFT - 6.0) y="18" text-anchor="end" { "no bound" }
            }
            text.scale x=(LEFT + (WIDTH - LEFT) / 2.0) y=(HEIGHT + 38.0) text-anchor="middle" { (x.label) }
            text.scale x=(LEFT) y=(TOP - 6.0) { (y.label) }
            @for (dot, (label_x, label_y)) in dots.iter().zip(places(dots, &at_x, &at_y)) {
                @let (x, y) = (at_x(dot.x), dot.y.map_or(NO_BOUND, at_y));
                g {
                    title { (dot.title) }
                    circle cx=(x) cy=(y) r="5" stroke="#1b1b1b" stroke-width="1.6" fill=(if dot.filled { "#1b1b1b" } else { "#ffffff" }) {}
                    text x=(label_x) y=(label_y) font-weight=(if dot.filled { "700" } else { "400" }) { (dot.label) }
                }
            }
        }
    }
}

/// Height of points without a number.
const NO_BOUND: f64 = 14.0;
/// Half the width of a point, and its distance from its label.
const RADIUS: f64 = 6.0;
/// Width of a letter of a label, and its height.
const LETTER: (f64, f64) = (8.0, 11.0);

/// A rectangle: left, top, width and height.
type Box4 = (f64, f64, f64, f64);

fn overlap(a: &Box4, b: &Box4) -> bool {
    a.0 < b.0 + b.2 && b.0 < a.0 + a.2 && a.1 < b.1 + b.3 && b.1 < a.1 + a.3
}

/// Where each label begins, and its base line: beside its point, or above or below, where it covers no point and no other label; if all of
/// these are taken, further down.
fn places(dots: &[Dot], at_x: &dyn Fn(f64) -> f64, at_y: &dyn Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let centre = |dot: &Dot| (at_x(dot.x), dot.y.map_or(NO_BOUND, at_y));
    let points: Vec<Box4> =
        dots.iter().map(centre).map(|(x, y)| (x - RADIUS, y - RADIUS, 2.0 * RADIUS, 2.0 * RADIUS)).collect();
    let mut labels: Vec<Box4> = Vec::with_capacity(dots.len());
    let (width, height) = LETTER;
    for dot in dots {
        let ((x, y), length) = (centre(dot), width * dot.label.chars().count() as f64);
        let beside = [
            (x + RADIUS + 2.0, y - height / 2.0),
            (x - RADIUS - 2.0 - length, y - height / 2.0),
            (x - length / 2.0, y - RADIUS - 1.0 - height),
            (x - length / 2.0, y + RADIUS + 1.0),
            (x + RADIUS, y - RADIUS - height),
            (x + RADIUS, y + RADIUS),
        ];
        let below = (1..200).map(|i| (x + RADIUS + 2.0, y + f64::from(i) * height));
        let free = |&(left, top): &(f64, f64)| {
            let place = (left, top, length, height);
            !points.iter().chain(&labels).any(|taken| overlap(&place, taken))
        };
        let (left, top) = beside.into_iter().chain(below).find(free).unwrap_or(beside[0]);
        labels.push((left, top, length, height));
    }
    labels.into_iter().map(|(left, top, _, height)| (left, top + height - 1.0)).collect()
}

/// Names beside their lines.
#[must_use]
pub fn line_legend(names: &[&str]) -> Markup {
    html! {
        p.legend {
            @for (i, name) in names.iter().enumerate() {
                span {
                    svg.key viewBox="0 0 30 10" {
                        line x1="0" x2="30" y1="5" y2="5" stroke=(COLOURS[i % COLOURS.len()]) stroke-width="3"
                            stroke-dasharray=(DASHES[i / 4 % DASHES.len()]) {}
                    }
                    (i + 1) " " (name)
                } " "
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cover_neither_points_nor_one_another() {
        let dot =
            |i: usize, x: f64, y: f64| Dot { label: i.to_string(), title: String::new(), x, y: Some(y), filled: true };
        let crowded =
            |step: f64| (0..12).map(|i| dot(i, 100.0 + step * i as f64, 100.0 + step * (i % 3) as f64)).collect();
        let crowds: [Vec<Dot>; 3] = [crowded(0.0), crowded(4.0), crowded(11.0)];
        for dots in crowds {
            let places = places(&dots, &|x| x, &|y| y);
            let label = |(i, &(x, y)): (usize, &(f64, f64))| {
                (x, y - LETTER.1 + 1.0, LETTER.0 * dots[i].label.len() as f64, LETTER.1)
            };
            let labels: Vec<Box4> = places.iter().enumerate().map(label).collect();
            for (i, one) in labels.iter().enumerate() {
                assert!(labels[..i].iter().all(|other| !overlap(one, other)), "{i}: {labels:?}");
                let point = |dot: &Dot| (dot.x - RADIUS, dot.y.unwrap() - RADIUS, 2.0 * RADIUS, 2.0 * RADIUS);
                assert!(dots.iter().all(|dot| !overlap(one, &point(dot))), "{i}");
            }
        }
    }

    #[test]
    fn parts_begin_where_the_one_before_ends_and_names_are_escaped() {
        let part = |kind, value| Part { kind, value, text: String::new() };
        assert_eq!(starts(&[part(0, 2.0), part(1, 3.0), part(0, 1.0)]), [0.0, 2.0, 5.0]);
        let bar = Bar { name: "<a & b>".to_owned(), parts: vec![part(0, 2.0)], total: "2".to_owned() };
        let drawn = bars(&[bar], &["one"], Axis { label: "x", text: |x| x.to_string() }).into_string();
        assert!(drawn.contains("&lt;a &amp; b&gt;") && !drawn.contains("<a"));
    }
}
