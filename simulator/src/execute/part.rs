//! Which values of a Program a run computes: all, those that many queries share, those of one query, those of one party.

use viewless_protocols::party::Party;
use viewless_protocols::program::{Lifetime, Program, ValueId};

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
    pub(super) fn setup(program: &Program) -> Self {
        let shared: Vec<bool> = lifetimes(program).map(|lifetime| lifetime == Lifetime::Model).collect();
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
    pub(super) fn query(program: &Program) -> Self {
        let computed = lifetimes(program).map(|lifetime| lifetime == Lifetime::Query).collect();
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

fn lifetimes(program: &Program) -> impl Iterator<Item = Lifetime> + '_ {
    program.iter().map(|(id, _)| program.lifetime(id))
}
