//! The Programs of one subject at one size, for reports of several parts: what two parts ask for is compiled once.

use crate::sizes::Sizes;
use crate::subject::{Subject, SubjectError};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use viewless_protocols::program::Program;
use viewless_protocols::scheme::Truncation;
use viewless_protocols::suite::Suite;

/// A subject under a suite and what is like it. The suite's own Program and the one with the other truncation are kept, because bills,
/// verdicts and failures are about both; other alternatives are asked for once.
#[derive(Debug)]
pub(crate) struct Programs<'a> {
    pub(crate) subject: &'a Subject,
    sizes: Sizes,
    suite: &'a Suite,
    kept: Mutex<Vec<(Truncation, Arc<Program>)>>,
    compiled: AtomicUsize,
}

impl<'a> Programs<'a> {
    pub(crate) fn of(subject: &'a Subject, suite: &'a Suite, sizes: Sizes) -> Self {
        Self { subject, sizes, suite, kept: Mutex::default(), compiled: AtomicUsize::new(0) }
    }

    /// The Program under a suite.
    pub(crate) fn under(&self, suite: &Suite) -> Result<Arc<Program>, SubjectError> {
        let truncation = suite.scheme.truncation;
        let is_kept = self.is_like(suite);
        if is_kept && let Some(found) = self.find(truncation) {
            return Ok(found);
        }
        self.compiled.fetch_add(1, Ordering::Relaxed);
        let program = Arc::new(self.subject.program(suite, self.sizes)?);
        if is_kept {
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).push((truncation, Arc::clone(&program)));
        }
        Ok(program)
    }

    /// Compilations so far.
    #[cfg(test)]
    pub(crate) fn compiled(&self) -> usize {
        self.compiled.load(Ordering::Relaxed)
    }

    /// Whether a suite differs at most in its truncation and in what it is called.
    fn is_like(&self, suite: &Suite) -> bool {
        let mut like = self.suite.clone();
        like.scheme.truncation = suite.scheme.truncation;
        like.name.clone_from(&suite.name);
        like.summary.clone_from(&suite.summary);
        like == *suite
    }

    fn find(&self, truncation: Truncation) -> Option<Arc<Program>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(of, _)| *of == truncation).map(|(_, program)| Arc::clone(program))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alternatives::prices_of;
    use crate::bill::{CostReport, Setting};
    use crate::comparison::SuiteEntry;
    use crate::failures::FailuresReport;
    use viewless_protocols::nonlinear::Registry;
    use viewless_protocols::program::Schedule;
    use viewless_simulator::network::Network;

    #[test]
    fn the_parts_of_a_report_compile_each_program_once() {
        let subject = Subject::find("bert-base", Registry::built_in()).unwrap();
        let (network, sizes) = (Network::lan(), Sizes::new(8, 1).unwrap());
        for name in ["secformer", "faithful"] {
            let suite = Suite::built_in(name).unwrap();
            let (schedule, grouping) = (Schedule::Asap, viewless_protocols::model::BY_FUNCTION);
            let setting = Setting { suite: &suite, sizes, schedule, network: &network, grouping };
            let programs = Programs::of(&subject, &suite, sizes);
            let cost = CostReport::of(&programs, &setting).unwrap();
            let after_cost = programs.compiled();
            assert_eq!(after_cost, 1 + crate::alternatives::alternatives(&suite, &subject.kind).len());
            let entry = SuiteEntry::of(&programs, &suite, sizes, schedule, &[]).unwrap();
            let failures = FailuresReport::assumed_of(&programs, &suite, 1e-6).unwrap();
            assert_eq!(programs.compiled(), after_cost, "{name}");
            // They are the same Programs as before.
            assert_eq!(entry.price, cost.price());
            assert_eq!(failures.local.price.failure_probability, failures.local.probability);
            assert_eq!(prices_of(&programs, &setting).notes, cost.notes);
        }
    }
}
