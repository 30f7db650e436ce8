//! Why a private class is another than plaintext's.
//!
//! The suite's circuit is evaluated over the reals, without shares and fixed point. If that alone gives the other class, fixed point is not to blame:
//! the protocols compute another function there, outside their domain or inside it. If it gives plaintext's class, fixed point is: a wrap, a number
//! beyond the headroom, a protocol that left its domain and whose fixed point does not follow the reals there, or, where all claims hold, rounding.

use super::run::{RowRun, class};
use serde::{Deserialize, Serialize};
use viewless_protocols::decimal;

/// What made the class another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A local truncation wrapped.
    Wrap,
    /// A number was beyond the headroom of an exact truncation.
    Headroom,
    /// The argument of a protocol left the domain on its card. Where the suite computes other functions than the model's, too, these may be the cause alone:
    /// the two are not told apart, and the sentence says so.
    Domain,
    /// The suite computes other functions than the model's.
    OtherFunction,
    /// Protocols approximate the model's functions, and the margin was smaller than that.
    Approximation,
    /// Numbers are rounded to fixed point, and the margin was smaller than that.
    Rounding,
}

/// Why a class is another, with what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The cause.
    pub cause: Cause,
    /// How much larger the logit of plaintext's class is, in plaintext, than that of the private class.
    pub margin: f64,
    /// The same over the reals, of the suite's circuit: negative where the protocols alone give the other class.
    pub margin_of_circuit: f64,
    /// The same privately: never positive.
    pub margin_private: f64,
    /// The cause in a sentence.
    pub why: String,
}

/// Finds it; `real` are the logits of the suite's circuit over the reals.
pub(super) fn reason(run: &RowRun, real: &[f64], other_functions: bool) -> Reason {
    let (own, other) = (class(&run.plaintext), class(&run.private));
    let margin = |logits: &[f64]| match (logits.get(own), logits.get(other)) {
        (Some(own), Some(other)) => own - other,
        (None, _) | (_, None) => 0.0,
    };
    let by_protocols = class(real) != own;
    let cause = match (by_protocols, run.domains.is_empty()) {
        (true, false) => Cause::Domain,
        (true, true) if other_functions => Cause::OtherFunction,
        (true, true) => Cause::Approximation,
        (false, _) if run.wraps > 0 => Cause::Wrap,
        (false, _) if !run.headroom.is_empty() => Cause::Headroom,
        (false, false) => Cause::Domain,
        (false, true) => Cause::Rounding,
    };
    let (margin, margin_of_circuit, margin_private) = (margin(&run.plaintext), margin(real), margin(&run.private));
    let mut why = sentence(run, cause, margin, margin_of_circuit);
    if (cause, by_protocols, other_functions) == (Cause::Domain, true, true) {
        why += "; the suite's other functions may be the cause alone";
    }
    Reason { cause, margin, margin_of_circuit, margin_private, why }
}

fn sentence(run: &RowRun, cause: Cause, margin: f64, of_circuit: f64) -> String {
    let number = |x: f64| decimal::scientific(x, 1);
    let moved = number((margin - of_circuit).abs());
    match cause {
        Cause::Wrap => format!("{} wrapped in {}", run.wraps, run.wrapped_regions.join(", ")),
        Cause::Headroom => {
            let regions: Vec<&str> = run.headroom.keys().map(String::as_str).collect();
            format!("numbers left the headroom in {}", regions.join(", "))
        }
        Cause::Domain => match run.domains.iter().max_by(|a, b| beyond(a).total_cmp(&beyond(b))) {
            Some(left) => format!(
                "the arguments of {} reach [{}, {}] and leave [{}, {}]",
                left.region,
                number(left.seen.0),
                number(left.seen.1),
                number(left.claimed.0),
                number(left.claimed.1)
            ),
            None => "an argument left its domain".to_owned(),
        },
        Cause::OtherFunction => {
            format!("the suite's other functions move the margin of {} by {moved}", number(margin))
        }
        Cause::Approximation => format!("approximations move the margin of {} by {moved}", number(margin)),
        Cause::Rounding => {
            format!("fixed point moves a margin of {}, that of the circuit over the reals", number(of_circuit))
        }
    }
}

/// How far an argument left its domain, as a part of the domain's width.
fn beyond(left: &super::DomainLeft) -> f64 {
    let ((low, high), (least, most)) = (left.claimed, left.seen);
    ((low - least).max(most - high)) / (high - low).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::{DomainLeft, RowCost};
    use std::collections::BTreeMap;

    fn run() -> RowRun {
        RowRun {
            suite: 0,
            row: 0,
            plaintext: vec![1.0, 0.5],
            private: vec![0.25, 0.5],
            cost: RowCost::default(),
            seconds: 0.0,
            wraps: 0,
            wrapped_regions: Vec::new(),
            headroom: BTreeMap::new(),
            domains: Vec::new(),
            reason: None,
        }
    }

    #[test]
    fn the_circuit_over_the_reals_tells_functions_from_fixed_point() {
        let (same, other) = ([0.75, 0.5], [0.25, 0.75]);
        let cause = |run: &RowRun, real: &[f64], functions| reason(run, real, functions).cause;
        assert_eq!(cause(&run(), &same, false), Cause::Rounding);
        assert_eq!(cause(&run(), &same, true), Cause::Rounding);
        assert_eq!(cause(&run(), &other, false), Cause::Approximation);
        assert_eq!(cause(&run(), &other, true), Cause::OtherFunction);
        let wrapped = RowRun { wraps: 1, wrapped_regions: vec!["layer.0/gelu".into()], ..run() };
        assert_eq!(cause(&wrapped, &same, false), Cause::Wrap);
        assert!(reason(&wrapped, &same, false).why.contains("layer.0/gelu"));
        // A wrap that changed nothing is not blamed for what the protocols do by themselves.
        assert_eq!(cause(&wrapped, &other, false), Cause::Approximation);
        let beyond = RowRun { headroom: BTreeMap::from([("linear".to_owned(), 3)]), ..run() };
        assert_eq!(cause(&beyond, &same, false), Cause::Headroom);
        let left = DomainLeft { region: "softmax".into(), claimed: (0.0, 1.0), seen: (0.5, 4.0), outside: 2 };
        let outside = RowRun { domains: vec![left], ..run() };
        assert_eq!([cause(&outside, &same, false), cause(&outside, &other, true)], [Cause::Domain; 2]);
        // Which of the two it is, is not known.
        let both = |real: &[f64], functions| reason(&outside, real, functions).why.contains("other functions");
        assert_eq!([both(&other, true), both(&other, false), both(&same, true)], [true, false, false]);
        let found = reason(&run(), &same, false);
        assert_eq!((found.margin, found.margin_of_circuit, found.margin_private), (0.5, 0.25, -0.25));
    }
}
