//! Why a protocol does not keep the claim of its card: where it does, which operation fails beyond, and what others do there.

use crate::error_audit::is_of_rows;
use crate::subject::Subject;
use serde::Serialize;
use viewless_proofs::audit::{AuditError, Diagnosis, Question, diagnose};
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Op, Owner};
use viewless_protocols::file::line_of_node;
use viewless_protocols::nonlinear::{Protocol, Quality, Registry};

/// Others that are named at most.
const MOST_OTHERS: usize = 3;

/// Why a claim does not hold.
#[derive(Debug, Serialize)]
pub struct WhyNot {
    /// Where the claim holds, and what fails beyond.
    #[serde(flatten)]
    pub diagnosis: Diagnosis,
    /// The line of the protocol's file that makes the operation which fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<Line>,
    /// Protocols for the same function that are right where this one fails.
    pub others: Vec<Other>,
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
    /// The interval of its card.
    pub interval: (f64, f64),
    /// What it is made of, read off its circuit.
    pub how: String,
}

impl WhyNot {
    /// Looks for the reason; nothing for a claim that holds, and for protocols of rows, whose audit shows a row instead.
    ///
    /// # Errors
    /// A subject that is no protocol or cannot be audited.
    pub fn of(subject: &Subject, question: &Question<'_>) -> Result<Option<Self>, AuditError> {
        if is_of_rows(question.protocol) {
            return Ok(None);
        }
        let Some(diagnosis) = diagnose(question)? else { return Ok(None) };
        // The audit's circuit is that of one number.
        let line = subject.text.as_deref().zip(diagnosis.operation.as_ref()).and_then(|(text, operation)| {
            let line = line_of_node(&subject.name, text, &subject.registry, &[1], operation.node);
            line.ok().flatten().map(|line| Line { number: line.number, text: line.text })
        });
        let others = others(question.protocol, &subject.registry, diagnosis.fails_at)?;
        Ok(Some(Self { diagnosis, line, others }))
    }
}

/// Protocols with the same exact function that claim the most where another fails, the most exact first.
fn others(protocol: &Protocol, registry: &Registry, fails_at: f64) -> Result<Vec<Other>, AuditError> {
    let card = &protocol.card;
    let mut others: Vec<&Protocol> = registry
        .iter()
        .map(AsRef::as_ref)
        .filter(|other| {
            let interval = other.card.interval.at(1);
            let is_right = !other.card.fails.iter().any(|failing| failing.quality == Quality::Right);
            let covers = (interval.low..=interval.high).contains(&fails_at);
            is_right && covers && other.card.error.truth == card.error.truth && other.card.name != card.name
        })
        .collect();
    others.sort_by(|a, b| a.card.error.absolute.total_cmp(&b.card.error.absolute));
    let other = |other: &Protocol| {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [1]);
        let y = other.build(&mut c, x);
        c.reveal(y, "y");
        let interval = other.card.interval.at(1);
        Ok(Other {
            name: other.card.name.to_string(),
            interval: (interval.low, interval.high),
            how: made_of(&c.finish()?),
        })
    };
    others.into_iter().take(MOST_OTHERS).map(other).collect()
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

    #[test]
    fn a_file_that_leaves_the_headroom_is_told_the_line_and_what_others_do() {
        let text = "protocol gelu/mine\nsummary \"a\"\nsource \"b\"\ninterval [-64, 64]\nerror 1e9\nbuild x\n  a = x ^ 2\n  b = a ^ 2\n  \
                    c = b * a\n  return x + select(x < 0, x) + select(c < -1, x)\n";
        let subject = Subject::of_text("mine.protocol", text.to_owned(), Registry::built_in()).unwrap();
        let protocol = subject.protocol().unwrap();
        let suite = Suite::built_in("faithful").unwrap();
        let found = WhyNot::of(&subject, &question(protocol, &suite)).unwrap().unwrap();
        let line = found.line.unwrap();
        assert_eq!((line.number, line.text.as_str()), (9, "c = b * a"));
        assert!(found.others.iter().any(|other| other.interval.1 >= 64.0) && found.others.len() == MOST_OTHERS);
        let kept = text.replace("[-64, 64]", "[-31, 31]");
        let subject = Subject::of_text("mine.protocol", kept, Registry::built_in()).unwrap();
        let protocol = subject.protocol().unwrap();
        assert!(WhyNot::of(&subject, &question(protocol, &suite)).unwrap().is_none());
    }
}
