//! Which values of a Program a run computes: all, those that many queries share, those of one query, those of one party.

use serde::Serialize;
use viewless_protocols::party::Party;
use viewless_protocols::program::{Phase, Program, ValueId};
use viewless_protocols::scheme::Triples;

/// How often the setup phase is paid: a consequence of how weights are masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetupPer {
    /// Once: a weight keeps its mask, or needs none.
    Model,
    /// Again for each: a weight is masked afresh.
    Inference,
}

impl From<Triples> for SetupPer {
    fn from(triples: Triples) -> Self {
        match triples {
            Triples::FixedWeight | Triples::None => Self::Model,
            Triples::Fresh => Self::Inference,
        }
    }
}

/// The values that a run computes, and those that somebody needs after it.
pub(super) struct Part {
    computed: Vec<bool>,
    kept: Vec<bool>,
}

impl Part {
    /// Everything.
    pub(super) fn whole(program: &Program) -> Self {
        Self { computed: vec![true; program.values.len()], kept: vec![false; program.values.len()] }
    }

    /// What all queries of a model share; kept is what a query reads of it.
    pub(super) fn setup(program: &Program, per: SetupPer) -> Self {
        let shared = shared(program, per);
        let mut kept = vec![false; shared.len()];
        for (_, value) in program.iter().filter(|(id, _)| !shared[id.index()]) {
            let read = value.op.arguments().iter().filter(|argument| shared[argument.index()]);
            read.for_each(|argument| kept[argument.index()] = true);
        }
        for claim in &program.claims {
            if claim.shares.iter().any(|share| !shared[share.index()]) {
                let read = claim.shares.iter().filter(|share| shared[share.index()]);
                read.for_each(|share| kept[share.index()] = true);
            }
        }
        Self { computed: shared, kept }
    }

    /// What each query does anew.
    pub(super) fn query(program: &Program, per: SetupPer) -> Self {
        let computed = shared(program, per).into_iter().map(|shared| !shared).collect();
        Self { computed, kept: vec![false; program.values.len()] }
    }

    /// The same for one party alone: what it does not hold, it does not compute.
    pub(super) fn of_party(mut self, program: &Program, party: Party) -> Self {
        for (id, value) in program.iter() {
            let held = value.holders.contains(party);
            self.computed[id.index()] &= held;
            self.kept[id.index()] &= held;
        }
        self
    }

    pub(super) fn computes(&self, id: ValueId) -> bool {
        self.computed[id.index()]
    }

    pub(super) fn keeps(&self, id: ValueId) -> bool {
        self.kept[id.index()]
    }
}

/// For each value, whether all queries of a model share it: where a setup serves the model, the values of the setup phase and
/// whatever they are made of, such as the mask of a weight. Samples that no setup value is made of are fresh for each query.
fn shared(program: &Program, per: SetupPer) -> Vec<bool> {
    let mut shared = vec![false; program.values.len()];
    if per == SetupPer::Inference {
        return shared;
    }
    for (id, value) in program.iter().rev() {
        shared[id.index()] |= program.phase(id) == Phase::Setup;
        if shared[id.index()] {
            value.op.arguments().iter().for_each(|argument| shared[argument.index()] = true);
        }
    }
    shared
}
