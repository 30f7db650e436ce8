//! The error of a protocol, in words and a table.

use super::table::{TextTable, hanging};
use super::{rows, units, words};
use viewless_proofs::audit::{ClaimVerdict, Diagnosis, Operation, PublishedCoefficient, Report};
use viewless_protocols::suite::Suite;
use viewless_workbench::error_audit::ErrorAudit;
use viewless_workbench::why_not::{Other, Reason, WhyNot};

/// Whether the claim of the card is true, and how wrong the protocol can be.
#[must_use]
pub fn sentence(audit: &ErrorAudit) -> String {
    let (name, verdict, certified, of, (low, high)) = match audit {
        ErrorAudit::Number(report) => {
            (&report.protocol, report.verdict, report.certified_max_error, "inputs", report.domain)
        }
        ErrorAudit::Rows(report) => {
            // What is certified is about the rows on which every claim on the way holds.
            let of =
                if audit.covers_all() { "row of elements" } else { "row that keeps the claims below, of elements" };
            (&report.protocol, report.verdict, report.certified_max_error, of, report.range)
        }
    };
    let claim = match verdict {
        ClaimVerdict::Holds => "keeps the claim of its card",
        ClaimVerdict::Exceeds => "does not keep the claim of its card",
        ClaimVerdict::Undecided => "may or may not keep the claim of its card",
        ClaimVerdict::NotCovered => "keeps the claim of its card where it can be shown, which is not everywhere",
    };
    let bound = certified.map_or_else(
        || "and no finite bound of its error is known".to_owned(),
        |error| format!("and no run that does not wrap errs by more than {}", units::at_most(error, 1)),
    );
    format!("{name} {claim}, {bound}, on any {of} in [{low}, {high}].")
}

/// The readable page. Audits have no legend: every line says what it is.
#[must_use]
pub fn text(audit: &ErrorAudit, why_not: Option<&WhyNot>, suite: &Suite) -> String {
    let first = match why_not {
        Some(why_not) => format!("{} {}", sentence(audit), reason(why_not)),
        None => sentence(audit),
    };
    format!("{}\n{}{}", words::first(&first), body(audit, suite), why_not.map_or_else(String::new, lines_of))
}

/// What fails, and from where on, in a sentence.
#[must_use]
pub fn reason(why_not: &WhyNot) -> String {
    let (holds, fails) = match &why_not.reason {
        Reason::Number(diagnosis) => (holds(diagnosis.holds_on, "on"), of_number_fails(diagnosis, why_not)),
        Reason::Rows(diagnosis) => {
            let longest = match diagnosis.longest_row {
                Some(length) => format!("; on the whole range it holds for rows of up to {length} elements"),
                None => String::new(),
            };
            let fails = rows::fails(diagnosis, diagnosis.operation.as_ref().map(|operation| place(operation, why_not)));
            (holds(diagnosis.holds_on, "for rows of elements in") + &longest, fails)
        }
    };
    format!("{holds}; {fails}.")
}

fn holds(on: Option<(f64, f64)>, what: &str) -> String {
    match on {
        Some((low, high)) => format!("The claim holds {what} [{}, {}]", units::real(low), units::real(high)),
        None => "The claim was found to hold nowhere".to_owned(),
    }
}

/// The operation with its line, or the region that it is in.
fn place(operation: &Operation, why_not: &WhyNot) -> String {
    match &why_not.line {
        Some(line) => format!("line {}, `{}`,", line.number, line.text),
        None => format!("`{}` in {}", operation.name, operation.region),
    }
}

/// What an operation does with the headroom, and what its result is.
pub(super) fn leaves(operation: &Operation) -> String {
    let value = units::scientific(operation.value, 3);
    if operation.surely {
        format!("leaves the headroom of the fixed point: its result is {value} there")
    } else {
        format!(
            "may leave the headroom of the fixed point, because the bound of its rounding is too wide to tell: its result is {value} there over the reals"
        )
    }
}

/// What fails beyond, for a function of one number.
fn of_number_fails(diagnosis: &Diagnosis, why_not: &WhyNot) -> String {
    let Diagnosis { fails_at, operation, error, claimed, .. } = diagnosis;
    let x = argument(*fails_at);
    match operation {
        Some(operation) => {
            let place = place(operation, why_not);
            let grows = operation.grows_with_power.map_or_else(String::new, |power| format!(" and grows as x^{power}"));
            format!("at x = {x} {place} {}{grows}", leaves(operation))
        }
        None => {
            let (error, claimed) = told_apart(*error, *claimed);
            format!(
                "at x = {x} it errs by up to {error} over the reals, where {claimed} is claimed, and no operation leaves the headroom"
            )
        }
    }
}

/// An argument at which something is so: what is not zero is not written as zero.
fn argument(x: f64) -> String {
    if x != 0.0 && x.abs() < 1e-4 { units::scientific(x, 3) } else { units::real(x) }
}

/// What an error is certified to be at most, and the smaller one that is claimed, with as many digits as tell them apart.
fn told_apart(more: f64, less: f64) -> (String, String) {
    let written = |digits| (units::at_most(more, digits), units::at_most(less, digits));
    (3..15).map(written).find(|(more, less)| more != less).unwrap_or_else(|| written(15))
}

/// What others do where this protocol fails.
fn lines_of(why_not: &WhyNot) -> String {
    let other = |other: &Other| {
        let (low, high) = other.interval;
        format!("others     {}, right on [{low}, {high}]: {}\n", other.name, other.how)
    };
    why_not.others.iter().map(other).collect()
}

/// The reason and what others do, for a page that has its own first sentence.
#[must_use]
pub fn why_not(why_not: &WhyNot) -> String {
    format!("{}{}", hanging("why        ", &reason(why_not)), lines_of(why_not))
}

/// The page without its first sentence.
#[must_use]
pub fn body(audit: &ErrorAudit, suite: &Suite) -> String {
    match audit {
        ErrorAudit::Number(report) => of_number(report, suite),
        ErrorAudit::Rows(report) => rows::text(report, suite),
    }
}

fn unbounded() -> String {
    "unbounded".to_owned()
}

fn real(x: f64) -> String {
    units::scientific(x, 4)
}

/// What is certified: a bound, also as it is written.
fn at_most(x: f64) -> String {
    units::at_most(x, 4)
}

/// Every error of a report, a line each.
fn errors(report: &Report) -> TextTable {
    let mut table = TextTable::of_numbers(&["", "error", "units", "at"]);
    let ulp = |x: f64| format!("{x:.2}");
    table.row([
        "certified, every run on every input".to_owned(),
        report.certified_max_error.map_or_else(unbounded, at_most),
        report.certified_max_error_ulp.map_or_else(unbounded, |x| units::decimals_at_most(x, 2)),
        units::real(report.certified_at),
    ]);
    table.row([
        format!("observed, {} inputs run{}", report.executed, if report.exhaustive { ", all there are" } else { "" }),
        real(report.observed_max_error),
        ulp(report.observed_max_error_ulp),
        units::real(report.observed_at),
    ]);
    table.row([
        "of the circuit over the reals, certified".to_owned(),
        at_most(report.approximation_max_error),
        "-".to_owned(),
        units::real(report.approximation_at),
    ]);
    table.row([
        "mean of absolute errors".to_owned(),
        real(report.mean_error),
        ulp(report.mean_error_ulp),
        String::new(),
    ]);
    table.row(["bias, mean of signed errors".to_owned(), real(report.bias), ulp(report.bias_ulp), String::new()]);
    table.row([
        "largest jump beyond the truth's".to_owned(),
        real(report.max_jump),
        ulp(report.max_jump_ulp),
        units::real(report.max_jump_at),
    ]);
    table.row([
        "largest fall where the truth rises, or rise where it falls".to_owned(),
        real(report.max_reversal),
        ulp(report.max_reversal_ulp),
        units::real(report.max_reversal_at),
    ]);
    if let (Some(symmetry), Some(defect)) = (&report.symmetry, report.max_asymmetry) {
        table.row([
            format!("largest distance from {symmetry}"),
            real(defect),
            report.max_asymmetry_ulp.map_or_else(String::new, ulp),
            report.max_asymmetry_at.map_or_else(String::new, units::real),
        ]);
    }
    table
}

fn of_number(report: &Report, suite: &Suite) -> String {
    let (low, high) = report.domain;
    let mut text = format!(
        "{}, suite {}, {} fraction bits: {} inputs of [{low}, {high}], against {}\n\n",
        report.protocol, suite.name, report.fraction_bits, report.inputs, report.reference
    );
    text += &errors(report).lines();
    let claim = &report.claim;
    text += &format!(
        "\nclaim      |y - {}| <= {} + {} |truth| on [{}, {}], over the reals: {}\n",
        claim.truth,
        claim.absolute,
        claim.relative,
        claim.domain.0,
        claim.domain.1,
        match report.verdict {
            ClaimVerdict::Holds => "holds",
            ClaimVerdict::Exceeds => "exceeded",
            ClaimVerdict::Undecided => "undecided",
            ClaimVerdict::NotCovered => "not covered",
        }
    );
    let excess = report.certified_excess.map_or_else(unbounded, at_most);
    text +=
        &format!("fixed      {excess} is the most that fixed point adds to the claim, certified; negative: nothing\n");
    let failure = report.failure_probability_per_element;
    text += &format!(
        "wrap       {} per element at the worst input; {} seen in {} runs of it\n",
        failure.map_or_else(|| "unbounded".to_owned(), units::probability),
        report.wraps,
        report.executed
    );
    text += &format!(
        "monotone   {} steps against the truth that randomness does not explain\n",
        report.monotone_violations
    );
    for PublishedCoefficient { name, printed, exact, used, definition, .. } in
        report.coefficients.iter().filter(|coefficient| !coefficient.printed_is_exact)
    {
        text += &format!(
            "printed    {name} = {printed}; its definition, {definition}, gives {exact:.12}; used: {used:.12}\n"
        );
    }
    for finding in &report.findings {
        text += &format!("fails      {}: {}\n", finding.check, finding.why);
    }
    text +=
        &format!("time       {:.2} s certified, {:.2} s observed\n", report.seconds_certified, report.seconds_observed);
    text
}

#[cfg(test)]
mod tests {
    use super::{argument, told_apart};

    #[test]
    fn what_exceeds_is_not_written_as_what_it_exceeds_and_what_is_not_zero_not_as_zero() {
        assert_eq!(told_apart(0.170_008, 0.170_004), ("1.70008e-1".to_owned(), "1.70004e-1".to_owned()));
        assert_eq!(told_apart(2.5, 1.0), ("2.500".to_owned(), "1.000".to_owned()));
        assert_eq!([argument(0.0), argument(2.4e-15), argument(-0.27879)], ["0.00000", "2.400e-15", "-0.27879"]);
    }
}
