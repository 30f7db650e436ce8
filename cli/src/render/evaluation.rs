//! Many labelled rows under suites, in words and tables.

use super::table::{TextTable, hanging};
use super::{units, words};
use viewless_workbench::evaluation::{EvaluationReport, Measure, Rated, SuiteEvaluation};

/// Rows that differ, and lengths, that are shown; JSON has all.
const SHOWN: usize = 12;

/// What the figures mean.
const CONVENTIONS: &str = "[a, b]      interval of 95 % for all rows that these are a sample of: Wilson's for shares, Tango's for the difference of two\n\
                           \x20           accuracies on the same rows, Fisher's for correlations, of a bootstrap for F1 and Matthews\n\
                           agreement   rows whose class is plaintext's\n\
                           broken      rows in whose runs a truncation wrapped, or a number left the headroom or the domain of a protocol\n\
                           online      over all links, mean of a row\n\
                           time        of a private run on one thread, without a network, mean of a row\n\
                           margin      how much larger the logit of plaintext's class is than that of the private class\n";

fn number(measure: &Measure, signed: bool) -> String {
    let one = |x: f64| match (measure.metric.as_str(), signed) {
        ("accuracy" | "agreement", _) => format!("{:.2} %", 100.0 * x),
        (_, true) => format!("{:+.2}", 100.0 * x),
        _ => format!("{x:.4}"),
    };
    match (measure.estimate, &measure.undefined) {
        (Some(value), _) => one(value),
        (None, why) => format!("none: {}", why.as_deref().unwrap_or("undefined")),
    }
}

fn with_interval(measure: &Measure, signed: bool) -> String {
    let end = |x: f64| number(&Measure { estimate: Some(x), ..measure.clone() }, signed).replace(" %", "");
    match measure.interval {
        Some((low, high)) => format!("{} [{}, {}]", number(measure, signed), end(low), end(high)),
        None => number(measure, signed),
    }
}

/// What came out, in a sentence.
#[must_use]
pub fn sentence(report: &EvaluationReport) -> String {
    let Some(first) = report.plaintext.first() else { return "Nothing was evaluated.".to_owned() };
    let of_suite = |suite: &SuiteEvaluation| {
        let private = suite.private.first().map(|measure| number(measure, false)).unwrap_or_default();
        match &suite.agreement {
            Some(agreement) => {
                format!("{private} under {} ({} of {} rows as in plaintext)", suite.suite, agreement.rows, report.rows)
            }
            None => format!("{private} under {}", suite.suite),
        }
    };
    let suites: Vec<String> = report.suites.iter().map(of_suite).collect();
    let lengths = match (report.rows_cut, report.rows_skipped) {
        (0, 0) => String::new(),
        (cut, 0) => format!(" ({cut} of them cut, because the model takes no more tokens)"),
        (_, skipped) => format!(" ({skipped} more skipped, because the model does not take as many tokens)"),
    };
    let mut sentence = format!(
        "On {}{lengths}, {} is {} in plaintext, and privately {}.",
        words::count(report.rows, "row"),
        first.metric,
        number(first, false),
        words::list(&suites)
    );
    if report.is_spoiled() {
        sentence += " Broken claims made answers others.";
    }
    if report.computes_other_functions() {
        sentence += " A suite computes other functions than the model has.";
    }
    sentence
}

fn rated(rated: Rated) -> &'static str {
    match rated {
        Rated::Class => "the class of the largest logit",
        Rated::Number => "the model's number",
        Rated::Cosine => "the cosine between the vectors of two texts",
    }
}

fn table(report: &EvaluationReport) -> TextTable {
    let metrics: Vec<&str> = report.plaintext.iter().map(|measure| measure.metric.as_str()).collect();
    let mut header = vec!["suite"];
    header.extend(&metrics);
    let of_classes = report.rated == Rated::Class;
    header.extend(if of_classes { &["agreement", "difference, points"][..] } else { &["largest error"] });
    header.extend(["broken", "rounds", "online", "time"]);
    let mut table = TextTable::of_numbers(&header);
    let values =
        |measures: &[Measure]| measures.iter().map(|measure| with_interval(measure, false)).collect::<Vec<_>>();
    let mut row = vec!["plaintext".to_owned()];
    row.extend(values(&report.plaintext));
    row.resize(header.len(), String::new());
    table.row(row);
    for suite in &report.suites {
        let mut row = vec![suite.suite.clone()];
        row.extend(values(&suite.private));
        match &suite.agreement {
            Some(agreement) => {
                row.push(with_interval(&agreement.share, false));
                row.push(with_interval(&agreement.accuracy_difference, true));
            }
            None => row.push(units::at_most(suite.max_abs_error, 1)),
        }
        row.push(suite.rows_breaking_claims.to_string());
        row.push(format!("{:.0}", suite.mean_rounds_online));
        row.push(units::bytes(suite.mean_bytes_online.round() as u64));
        row.push(units::seconds(suite.seconds_per_row));
        table.row(row);
    }
    table
}

/// The table of suites, in Markdown.
#[must_use]
pub fn markdown(report: &EvaluationReport) -> String {
    table(report).markdown()
}

/// The readable page.
#[must_use]
pub fn text(report: &EvaluationReport, explain: bool) -> String {
    let mut text = words::first(&sentence(report)) + "\n";
    let mut field = |label: &str, value: &str| text.push_str(&hanging(&format!("{label:<11}"), value));
    field("model", &report.model);
    let of = if report.of > report.rows { format!(", a sample of {}", report.of) } else { String::new() };
    let task = report.task.as_ref().map(|task| format!(", {task} of GLUE")).unwrap_or_default();
    field("data", &format!("{}{task}: {}{of}, seed {}", report.data, words::count(report.rows, "row"), report.seed));
    field("compared", rated(report.rated));
    text.push('\n');
    text += &table(report).lines();
    text.push('\n');
    for suite in &report.suites {
        text += &of_suite(suite);
    }
    for note in &report.notes {
        text += &hanging("note       ", note);
    }
    text + &words::legend(explain, CONVENTIONS)
}

fn of_suite(suite: &SuiteEvaluation) -> String {
    let mut text = String::new();
    let mut line = |what: String| text.push_str(&hanging(&format!("{}: ", suite.suite), &what));
    for other in &suite.other_functions {
        line(other.clone());
    }
    if suite.rows_breaking_claims > 0 {
        line(format!(
            "{} broke a claim: {} with wraps, {} beyond the headroom, {} outside a domain",
            words::count(suite.rows_breaking_claims, "row"),
            suite.rows_wrapped,
            suite.rows_beyond_headroom,
            suite.rows_outside_domains
        ));
    }
    for (region, rows) in suite.domains_left.iter().take(SHOWN) {
        line(format!("{region} left its domain in {}", words::count(*rows, "row")));
    }
    if suite.domains_left.len() > SHOWN {
        line(format!("and {} more", words::count(suite.domains_left.len() - SHOWN, "region")));
    }
    if !suite.differing.is_empty() {
        let mut table = TextTable::of_text(&["  line", "right", "plaintext", "private", "margin", "why"]);
        for row in suite.differing.iter().take(SHOWN) {
            let (margin, why) = match &row.reason {
                Some(reason) => (units::scientific(reason.margin, 1), reason.why.clone()),
                None => (String::new(), String::new()),
            };
            let line = format!("  {}", row.line);
            table.row([line, row.label.clone(), row.plaintext.clone(), row.private.clone(), margin, why]);
        }
        text += &format!(
            "{}: {} of another class than plaintext's\n",
            suite.suite,
            words::count(suite.differing.len(), "row")
        );
        text += &table.wrapped().lines();
    }
    let mut lengths = TextTable::of_numbers(&["  tokens", "rows", "rounds", "online", "setup", "offline"]);
    // The shortest, the longest, and some between.
    let step = suite.by_length.len().div_ceil(SHOWN).max(1);
    let last = suite.by_length.len().saturating_sub(1);
    for (_, length) in suite.by_length.iter().enumerate().filter(|(index, _)| index % step == 0 || *index == last) {
        let (cost, bytes) = (length.cost, units::bytes);
        let tokens = format!("  {}", length.length);
        let rounds = cost.rounds_online.to_string();
        let [online, setup, offline] = [cost.bytes_online, cost.bytes_setup, cost.bytes_offline].map(bytes);
        lengths.row([tokens, length.rows.to_string(), rounds, online, setup, offline]);
    }
    text += &format!("{}: cost of a row by its length\n{}\n", suite.suite, lengths.lines());
    text
}
