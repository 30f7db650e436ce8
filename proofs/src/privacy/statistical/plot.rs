//! What a person would look at, as a picture (SVG): a row for each coalition, of four panels.
//!
//! Words and low bits of the message with the smallest p-value as histograms beside the uniform law; all p-values against the line on
//! which they lie if each is uniform; words of a message against the secret with which they are most correlated.

use super::{BatteryVerdict, Picture, Report};
use std::fmt::Write;
use viewless_protocols::decimal;
use viewless_protocols::program::Program;

const PANEL_WIDTH: f64 = 300.0;
const PANEL_HEIGHT: f64 = 190.0;
const LEFT: f64 = 56.0;
const GAP: f64 = 66.0;
const HEAD: f64 = 64.0;
/// A row: its heading, its panels, their axes.
const ROW_HEIGHT: f64 = PANEL_HEIGHT + 110.0;
/// A row of whom nothing is drawn.
const EMPTY_ROW_HEIGHT: f64 = 64.0;
/// Bars of a histogram, and words that each should stand for: with fewer, chance hides everything else.
const BARS: usize = 64;
const WORDS_OF_A_BAR: u64 = 32;
/// p-values drawn: the smallest ones, and of the others some.
const MOST_DOTS: usize = 400;

const INK: &str = "#222222";
const GREY: &str = "#777777";
const BAR: &str = "#9db7d5";
const UNIFORM: &str = "#c0392b";
const DOT: &str = "#1f5fa8";
const LIMIT: &str = "#1e8449";

/// The place of a panel.
#[derive(Clone, Copy)]
struct Panel {
    x: f64,
    y: f64,
}

/// A row for each report about `program`, under a title.
#[must_use]
pub fn svg(title: &str, program: &Program, reports: &[&Report]) -> String {
    let width = LEFT + 4.0 * PANEL_WIDTH + 3.0 * GAP + 24.0;
    let height_of = |report: &Report| if report.picture.message.is_some() { ROW_HEIGHT } else { EMPTY_ROW_HEIGHT };
    let height = HEAD + reports.iter().map(|report| height_of(report)).sum::<f64>();
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"26\" font-size=\"16\" font-weight=\"bold\" fill=\"{INK}\">{}</text>\n",
        escaped(title)
    );
    let legend = "Statistics of real runs. Where a coalition learns nothing, bars stay near the red line, p-values on or below it, and the \
                  cloud has no slope. That they do is no proof.";
    text(&mut out, (LEFT, 46.0), "start", GREY, legend);
    let mut top = HEAD;
    for report in reports {
        row(&mut out, top, program, report);
        top += height_of(report);
    }
    out.push_str("</svg>\n");
    out
}

fn row(out: &mut String, top: f64, program: &Program, report: &Report) {
    let verdict = match &report.verdict {
        BatteryVerdict::NoEvidence { .. } => "no evidence of leakage".to_owned(),
        BatteryVerdict::Evidence { findings, .. } => format!("EVIDENCE OF LEAKAGE by {} tests", findings.len()),
    };
    let power = report.power();
    let (tests, rate) = (power.tests, power.false_alarm_rate);
    let heading = format!(
        "{}: {verdict}; messages tested: {}, tests: {tests}, false alarms below {}",
        report.coalition,
        report.messages,
        decimal::at_most(rate, 0)
    );
    let (x, y) = (LEFT, top + 18.0);
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y:.1}\" font-size=\"13\" font-weight=\"bold\" fill=\"{INK}\">{}</text>",
        escaped(&heading)
    );
    let picture = &report.picture;
    let Some((message, less_known)) = picture.message else {
        return text(out, (LEFT, top + 40.0), "start", GREY, "It is sent nothing that can be tested.");
    };
    let region = program.regions.path(program.value(message).region);
    let less = if less_known { ", less what is known" } else { "" };
    let of = if region.is_empty() { String::new() } else { format!(" of `{region}`") };
    let of = format!("message %{}{of}{less}", message.0);
    let runs = report
        .smallest
        .as_ref()
        .map_or_else(String::new, |smallest| format!(", in the runs with secrets {}", smallest.secrets.name()));
    let shown = format!("left two panels: the {of}, which has the smallest p-value{runs}");
    text(out, (LEFT, top + 36.0), "start", GREY, &shown);
    let panel = |i: f64| Panel { x: LEFT + i * (PANEL_WIDTH + GAP), y: top + 60.0 };
    let words: Vec<u64> = picture.words.iter().map(|&count| u64::from(count)).collect();
    let top_of_range = format!("2^{}", picture.bits);
    histogram(out, panel(0.0), "words", &folded(&words, true), ("0", &top_of_range));
    let low = folded(&picture.low_bits, false);
    let (bits, largest) = (low.len().ilog2(), (low.len() - 1).to_string());
    histogram(out, panel(1.0), &format!("lowest {bits} bits of a word"), &low, ("0", &largest));
    p_values(out, panel(2.0), &picture.ln_p_values, rate.ln() - (tests.max(1) as f64).ln());
    scatter(out, panel(3.0), picture);
}

/// Fewer counts of the same words: neighbouring cells together (`adjacent`), or those with the same low bits. Both the counts and
/// the bars are powers of two in number.
fn folded(counts: &[u64], adjacent: bool) -> Vec<u64> {
    let wanted = (counts.iter().sum::<u64>() / WORDS_OF_A_BAR).clamp(2, BARS as u64) as usize;
    let bars = counts.len().clamp(1, 1 << wanted.ilog2());
    let mut folded = vec![0; bars];
    for (cell, count) in counts.iter().enumerate() {
        folded[if adjacent { cell * bars / counts.len() } else { cell % bars }] += count;
    }
    folded
}

fn escaped(content: &str) -> String {
    content.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn text(out: &mut String, (x, y): (f64, f64), anchor: &str, fill: &str, content: &str) {
    let content = escaped(content);
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{fill}\">{content}</text>");
}

fn line(out: &mut String, from: (f64, f64), to: (f64, f64), stroke: &str, more: &str) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ =
        writeln!(out, "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{stroke}\" {more}/>");
}

/// Two axes with a title, the names of what is on them, and the ends of both.
fn frame(out: &mut String, at: Panel, title: &str, across: (&str, &str, &str), up: (&str, &str, &str)) {
    let (floor, right) = (at.y + PANEL_HEIGHT, at.x + PANEL_WIDTH);
    line(out, (at.x, floor), (right, floor), INK, "");
    line(out, (at.x, at.y), (at.x, floor), INK, "");
    text(out, (at.x, at.y - 8.0), "start", INK, title);
    text(out, (at.x, floor + 16.0), "middle", INK, across.0);
    text(out, (at.x + PANEL_WIDTH / 2.0, floor + 16.0), "middle", GREY, across.1);
    text(out, (right, floor + 16.0), "middle", INK, across.2);
    text(out, (at.x - 6.0, floor + 2.0), "end", INK, up.0);
    text(out, (at.x - 6.0, at.y + 8.0), "end", INK, up.2);
    let (x, y) = (at.x - 14.0, at.y + PANEL_HEIGHT / 2.0);
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\" fill=\"{GREY}\" transform=\"rotate(-90 {x:.1} {y:.1})\">{}</text>",
        escaped(up.1)
    );
}

fn histogram(out: &mut String, at: Panel, title: &str, counts: &[u64], (low, high): (&str, &str)) {
    let n: u64 = counts.iter().sum();
    let expected = n as f64 / counts.len() as f64;
    let highest = counts.iter().map(|&count| count as f64).fold(1.6 * expected, f64::max);
    frame(out, at, title, (low, "", high), ("0", "how often", &format!("{highest:.0}")));
    let (floor, width) = (at.y + PANEL_HEIGHT, PANEL_WIDTH / counts.len() as f64);
    for (i, &count) in counts.iter().enumerate() {
        let height = count as f64 / highest * PANEL_HEIGHT;
        let _ = writeln!(
            out,
            "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{height:.2}\" fill=\"{BAR}\"/>",
            at.x + i as f64 * width,
            floor - height,
            (width - 0.5).max(0.5)
        );
    }
    let y = floor - expected / highest * PANEL_HEIGHT;
    line(out, (at.x, y), (at.x + PANEL_WIDTH, y), UNIFORM, "stroke-width=\"1.5\"");
    let label = format!("uniform: {expected:.0} each");
    text(out, (at.x + PANEL_WIDTH, at.y - 8.0), "end", UNIFORM, &label);
}

/// Ascending p-values: the i-th of m against (i - 1/2) / m, both as -log10.
fn p_values(out: &mut String, at: Panel, ln_p: &[f64], ln_level: f64) {
    let m = ln_p.len().max(1) as f64;
    let expected = |i: usize| -((i as f64 + 0.5) / m).log10();
    let observed = |ln_p: f64| -ln_p / std::f64::consts::LN_10;
    let (right, level) = (expected(0), observed(ln_level));
    let top = (1.15 * level).max(ln_p.first().map_or(0.0, |&ln_p| observed(ln_p).min(10.0 * level)));
    let place =
        |x: f64, y: f64| (at.x + x / right.max(1e-9) * PANEL_WIDTH, at.y + PANEL_HEIGHT * (1.0 - (y / top).min(1.0)));
    let title = format!("p-values of all {} tests", ln_p.len());
    let (from, to) = ("1", format!("1e-{right:.1}"));
    let up = format!("1e-{top:.0}");
    frame(out, at, &title, (from, "p-value if each were uniform", &to), (from, "p-value", &up));
    let corner = right.min(top);
    line(out, place(0.0, 0.0), place(corner, corner), UNIFORM, "stroke-width=\"1.5\"");
    let stride = (ln_p.len() / MOST_DOTS).max(1);
    let drawn = ln_p.iter().enumerate().filter(|(i, _)| *i < MOST_DOTS || i % stride == 0);
    for (i, &ln_p) in drawn {
        let (x, y) = place(expected(i), observed(ln_p));
        let _ = writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"1.8\" fill=\"{DOT}\"/>");
    }
    let (from, to) = (place(0.0, level), place(right, level));
    line(out, from, to, LIMIT, "stroke-dasharray=\"6 4\" stroke-width=\"1.5\"");
    text(out, (to.0, to.1 - 4.0), "end", LIMIT, "evidence above this line");
}

fn scatter(out: &mut String, at: Panel, picture: &Picture) {
    let Some((message, secret)) = picture.points_of else {
        text(out, (at.x, at.y - 8.0), "start", INK, "no secret has the size of a message");
        return;
    };
    let title = format!("words of %{} against secret %{}, unsigned", message.0, secret.0);
    frame(out, at, &title, ("low", "secret", "high"), ("low", "word", "high"));
    for &(x, y) in &picture.points {
        let (x, y) = (f64::from(x), f64::from(y));
        let _ = writeln!(
            out,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"1.5\" fill=\"{DOT}\" fill-opacity=\"0.7\"/>",
            at.x + (x + 1.0) / 2.0 * PANEL_WIDTH,
            at.y + (1.0 - y) / 2.0 * PANEL_HEIGHT
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_keeps_every_count() {
        let counts: Vec<u64> = (0..1024).collect();
        assert_eq!(folded(&[1; 256], false).len(), 8, "few words, few bars");
        for adjacent in [true, false] {
            let folded = folded(&counts, adjacent);
            assert_eq!((folded.len(), folded.iter().sum::<u64>()), (64, counts.iter().sum::<u64>()));
        }
        assert_eq!(folded(&counts, true)[0], (0..16).sum::<u64>());
        assert_eq!(folded(&counts[..128], false)[1], 1 + 65);
        assert_eq!(folded(&[3, 4], true), vec![3, 4]);
    }
}
