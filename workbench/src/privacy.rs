//! What every single party's view tells, as one list of verdicts: tables and pages count it in one way.

use serde::Serialize;
use std::fmt;
use viewless_proofs::privacy::certificate::Simulator;
use viewless_proofs::privacy::{Verdict, promised_coalitions, prove_each};
use viewless_protocols::program::Program;

/// Verdicts about every single party's view.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Privacy(Vec<PrivacyEntry>);

/// The verdict about one coalition.
#[derive(Debug, Clone, Serialize)]
pub struct PrivacyEntry {
    /// Its members.
    pub coalition: String,
    /// `proved`, `refuted` or `undecided`.
    pub verdict: &'static str,
    /// What the simulator is given beside inputs and outputs: which claim is proved, from the joint statement to the weakest; null unless
    /// one is.
    pub simulator: Option<Simulator>,
    /// Whether the verdict is that it learns nothing.
    #[serde(skip)]
    pub is_proved: bool,
}

impl Privacy {
    /// Proves what a Program's scheme promises.
    #[must_use]
    pub fn of(program: &Program) -> Self {
        let reports = prove_each(program, &promised_coalitions(program)).into_iter();
        let entry = |(coalition, verdict): (String, Verdict)| {
            let simulator = match &verdict {
                Verdict::Proved { simulator, .. } => Some(*simulator),
                Verdict::Refuted { .. } | Verdict::Undecided { .. } => None,
            };
            PrivacyEntry { coalition, verdict: verdict.name(), simulator, is_proved: simulator.is_some() }
        };
        Self(reports.map(|report| entry((report.coalition.to_string(), report.verdict))).collect())
    }

    /// One entry for each coalition.
    #[must_use]
    pub fn entries(&self) -> &[PrivacyEntry] {
        &self.0
    }

    /// Whether every view is proved.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        self.unproved().next().is_none()
    }

    /// Those that are not proved.
    pub fn unproved(&self) -> impl Iterator<Item = &PrivacyEntry> {
        self.0.iter().filter(|entry| !entry.is_proved)
    }
}

/// In a word or two; with the weakest of the claims, if one is weaker than the standard one.
impl fmt::Display for Privacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = self.0.len();
        match self.unproved().count() {
            0 => f.pad(match self.0.iter().filter_map(|entry| entry.simulator).max() {
                Some(Simulator::GivenOwnRandomness) => "proved given randomness",
                Some(Simulator::GivenOwnSamples) => "proved given samples",
                Some(Simulator::DrawsOwnSamples | Simulator::JointlyWithOutputs) | None => "proved",
            }),
            unproved => f.pad(&format!("{} of {of} proved", of - unproved)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sizes, Subject};
    use viewless_protocols::nonlinear::Registry;
    use viewless_protocols::suite::Suite;

    #[test]
    fn what_is_proved_is_counted_in_one_way() {
        let subject = Subject::find("gelu/quad", Registry::built_in()).unwrap();
        let of = |suite: &str| {
            let program = subject.program(&Suite::built_in(suite).unwrap(), Sizes::new(2, 1).unwrap()).unwrap();
            Privacy::of(&program)
        };
        let mut faithful = of("faithful");
        assert_eq!((faithful.to_string().as_str(), faithful.is_proved()), ("proved", true));
        assert_eq!(of("client-server").to_string(), "proved given randomness");
        // The client's own sharing is compared before anything else is done to it.
        let subject = Subject::find("gelu/puma", Registry::built_in()).unwrap();
        let compared = subject.program(&Suite::built_in("faithful").unwrap(), Sizes::new(2, 1).unwrap()).unwrap();
        assert_eq!(Privacy::of(&compared).to_string(), "proved given samples");
        let all = faithful.entries().len();
        faithful.0[0].is_proved = false;
        assert_eq!(faithful.to_string(), format!("{} of {all} proved", all - 1));
        assert!(!faithful.is_proved() && faithful.unproved().count() == 1);
    }
}
