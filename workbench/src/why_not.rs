//! Why a protocol does not keep the claim of its card: where it does, which operation fails beyond, and what others do there.

use crate::error_audit::ErrorAudit;
use crate::subject::Subject;
use serde::Serialize;
use viewless_proofs::audit::rows::{RowDiagnosis, RowReport, diagnose_rows, is_certified};
use viewless_proofs::audit::{AuditError, Diagnosis, Operation, Question, diagnose};
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Op, Owner};
use viewless_protocols::file::line_of_node;
use viewless_protocols::nonlinear::{Protocol, Quality, Registry};

/// Others that are named at most.
const MOST_OTHERS: usize = 3;

/// What BERT adds to a variance.
const EPSILON: f64 = 1e-12;

/// Why a claim does not hold.
#[derive(Debug, Serialize)]
pub struct WhyNot {
    /// Where the claim holds, and what fails beyond.
    #[serde(flatten)]
    pub reason: Reason,
    /// The line of the protocol's file that makes the operation which fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<Line>,
    /// Protocols for the same function that are right where this one fails.
    pub others: Vec<Other>,
}

/// What was found of a claim that does not hold.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Reason {
    /// About a function of one number.
    Number(Diagnosis),
    /// About a function of rows.
    Rows(RowDiagnosis),
}

impl Reason {
    /// The operation that leaves the headroom, if one does.
    fn operation(&self) -> Option<&Operation> {
        match self {
            Self::Number(diagnosis) => diagnosis.operation.as_ref(),
            Self::Rows(diagnosis) => diagnosis.operation.as_ref(),
        }
    }
}

/// A line of a protocol's file.
#[derive(Debug, Serialize)]
pub struct Line {
    /// Its number, from 1.
    pub number: usize,
    /// What stands there.
    pub text: String,
}

/// A protocol that is right where another fails.
#[derive(Debug, Serialize)]
pub struct Other {
    /// Its name.
    pub name: String,
    /// Where it is right: the interval of its card; for rows, the range of elements on which its claim is proved, of rows as long.
    pub interval: (f64, f64),
    /// What it is made of, read off its circuit.
    pub how: String,
}

impl WhyNot {
    /// Looks for the reason why an audit found that a claim does not hold; nothing if it does.
    ///
    /// # Errors
    /// A protocol that cannot be audited.
    pub fn of(subject: &Subject, question: &Question<'_>, audit: &ErrorAudit) -> Result<Option<Self>, AuditError> {
        if audit.holds() {
            return Ok(None);
        }
        let registry = &subject.registry;
        let (reason, shape, others) = match audit {
            ErrorAudit::Number(_) => {
                let Some(diagnosis) = diagnose(question)? else { return Ok(None) };
                let others = others_of_number(question.protocol, registry, diagnosis.fails_at)?;
                (Reason::Number(diagnosis), vec![1], others)
            }
            ErrorAudit::Rows(report) => {
                let reason = Reason::Rows(diagnose_rows(question, report)?);
                (reason, vec![1, report.row_length], others_of_rows(question, registry, report)?)
            }
        };
        // The audit's circuit is that of one number, or of one row.
        let line = subject.text.as_deref().zip(reason.operation()).and_then(|(text, operation)| {
            let line = line_of_node(&subject.name, text, registry, &shape, operation.node);
            line.ok().flatten().map(|line| Line { number: line.number, text: line.text })
        });
        Ok(Some(Self { reason, line, others }))
    }
}

/// Protocols with the same exact function that are not known to lack anything, the most exact first.
fn candidates<'r>(protocol: &Protocol, registry: &'r Registry) -> Vec<&'r Protocol> {
    let card = &protocol.card;
    let is_other = |other: &&Protocol| {
        let is_right = !other.card.fails.iter().any(|failing| failing.quality == Quality::Right);
        is_right && other.card.error.truth == card.error.truth && other.card.name != card.name
    };
    let mut others: Vec<&Protocol> = registry.iter().map(AsRef::as_ref).filter(is_other).collect();
    others.sort_by(|a, b| a.card.error.absolute.total_cmp(&b.card.error.absolute));
    others
}

/// Those that claim the number at which another fails.
fn others_of_number(protocol: &Protocol, registry: &Registry, fails_at: f64) -> Result<Vec<Other>, AuditError> {
    let interval = |other: &Protocol| {
        let interval = other.card.interval.at(1);
        (interval.low, interval.high)
    };
    let covers = |other: &&Protocol| (interval(other).0..=interval(other).1).contains(&fails_at);
    let others = candidates(protocol, registry).into_iter().filter(covers).take(MOST_OTHERS);
    others.map(|other| Other::new(other, interval(other), &[1])).collect()
}

/// Those whose claims are proved of all rows that were asked about.
fn others_of_rows(question: &Question<'_>, registry: &Registry, report: &RowReport) -> Result<Vec<Other>, AuditError> {
    let mut others = Vec::new();
    for other in candidates(question.protocol, registry) {
        // What cannot be audited on these rows is not right on them.
        if is_certified(&Question { protocol: other, ..*question }, report.row_length, report.range).unwrap_or(false) {
            others.push(Other::new(other, report.range, &[1, report.row_length])?);
        }
        if others.len() == MOST_OTHERS {
            break;
        }
    }
    Ok(others)
}

impl Other {
    fn new(protocol: &Protocol, interval: (f64, f64), shape: &[usize]) -> Result<Self, AuditError> {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", shape);
        let y = protocol.build_alone(&mut c, x, EPSILON);
        c.reveal(y, "y");
        Ok(Self { name: protocol.card.name.to_string(), interval, how: made_of(&c.finish()?) })
    }
}

/// What a circuit does, in the order in which it begins to: comparisons, sums of waves, look-ups, products.
fn made_of(circuit: &CheckedCircuit) -> String {
    let (mut compared, mut parts) = (false, Vec::new());
    let mut part = |what: &'static str| {
        if !parts.contains(&what) {
            parts.push(what);
        }
    };
    for node in circuit.nodes() {
        match &node.op {
            Op::Less(..) | Op::LessThan(..) | Op::Equal(..) => compared = true,
            Op::Fourier(..) => part("a trigonometric sum with one opening, in which nothing grows"),
            Op::Lookup(..) => part("a table"),
            Op::Power(..) => part("a power of two with one opening"),
            Op::Level(..) => part("a level of the row by counting"),
            Op::Mul(..) | Op::Square(_) | Op::MatMul(..) => {
                part(if compared { "products behind a comparison" } else { "products of the whole argument" });
            }
            Op::Input { .. }
            | Op::Constant(_)
            | Op::Add(..)
            | Op::Sub(..)
            | Op::Neg(_)
            | Op::Scale(..)
            | Op::Offset(..)
            | Op::Shift(..)
            | Op::Precision(_)
            | Op::Sum(..)
            | Op::Move(..)
            | Op::Concat(..)
            | Op::And(..)
            | Op::Xor(..)
            | Op::Not(_)
            | Op::Select(..)
            | Op::Real(_)
            | Op::Reveal(..) => {}
        }
    }
    if parts.is_empty() { "no products".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_audit::question;
    use viewless_protocols::suite::Suite;

    /// What an audit of a file says, and why.
    fn why_not(text: &str, row: usize) -> Option<WhyNot> {
        let subject = Subject::of_text("mine.protocol", text.to_owned(), Registry::built_in()).unwrap();
        let protocol = subject.protocol().unwrap();
        let suite = Suite::built_in("faithful").unwrap();
        let question = Question { samples: 64, ..question(protocol, &suite) };
        let audit = ErrorAudit::new(&question, row).unwrap();
        WhyNot::of(&subject, &question, &audit).unwrap()
    }

    #[test]
    fn a_file_that_leaves_the_headroom_is_told_the_line_and_what_others_do() {
        let text = "protocol gelu/mine\nsummary \"a\"\nsource \"b\"\ninterval [-64, 64]\nerror 1e9\nbuild x\n  a = x ^ 2\n  b = a ^ 2\n  \
                    c = b * a\n  return x + select(x < 0, x) + select(c < -1, x)\n";
        let found = why_not(text, 1).unwrap();
        let line = found.line.unwrap();
        assert_eq!((line.number, line.text.as_str()), (9, "c = b * a"));
        assert!(found.others.iter().any(|other| other.interval.1 >= 64.0) && found.others.len() == MOST_OTHERS);
        assert!(why_not(&text.replace("[-64, 64]", "[-31, 31]"), 1).is_none());
    }

    /// (1 + x/4)^16 is 2^30 at x = 10.7, and its fraction bits are as many again.
    #[test]
    fn rows_that_leave_the_headroom_are_told_the_line_the_largest_range_and_what_others_do() {
        let text = "protocol softmax/mine\nsummary \"a\"\nsource \"b\"\ninterval [-200, 200]\nerror 1e30\nbuild x\n  \
                    e = (1 + x / 4) ^ 2\n  f = e ^ 2\n  g = f ^ 2\n  h = g ^ 2\n  return h / 4096 + sum(h) / 4096\n";
        let found = why_not(text, 4).unwrap();
        assert_eq!(found.line.map(|line| (line.number, line.text)), Some((10, "h = g ^ 2".to_owned())));
        let Reason::Rows(rows) = found.reason else { panic!("softmax is a function of rows") };
        assert!(rows.holds_on.is_some_and(|(low, high)| low == -16.0 && high < 10.7));
        assert!(rows.failing_row.is_some_and(|row| row.len() == 4));
        assert!(found.others.len() == MOST_OTHERS && found.others.iter().all(|other| other.interval == (-16.0, 16.0)));
    }
}
