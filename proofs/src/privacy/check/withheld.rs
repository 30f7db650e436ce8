//! Messages that are withheld: the rest of the view is simulated without any output, and each of them is an output less what the
//! coalition knows otherwise.

use super::{CheckError, Checker, Refusal, State};
use crate::privacy::certificate::{Certificate, Simulator, Step, Withheld};
use std::collections::{BTreeMap, HashSet};
use viewless_protocols::program::{Local, Op, ValueId};
use viewless_protocols::shape::Move;

impl Checker<'_> {
    /// Verifies what the proof says about outputs: either by their shares (returns an output that is made from messages that are drawn,
    /// if there is one), or by messages withheld.
    pub(super) fn outputs_or_withheld(&self, certificate: &Certificate) -> Result<Option<usize>, CheckError> {
        if certificate.withheld.is_empty() && certificate.simulator != Simulator::GivenOwnRandomness {
            return self.outputs(&certificate.steps);
        }
        if !certificate.handed.is_empty() || certificate.steps.iter().any(|step| matches!(step, Step::Output { .. })) {
            return Err(CheckError::GivenRandomness);
        }
        for withheld in &certificate.withheld {
            self.is_determined(withheld).map_err(|why| CheckError::Withheld { message: withheld.message.0, why })?;
        }
        Ok(None)
    }

    /// Verifies that a withheld message is an odd multiple of an output, up to something known.
    fn is_determined(&self, &Withheld { message, output }: &Withheld) -> Result<(), Refusal> {
        let (message, mut sum) = (self.origin_of(message)?, self.origin_of(output)?);
        if self.state[message] != State::Outside {
            return Err(Refusal::KnownOtherwise(message));
        }
        self.is_output(output)?;
        while sum != message && self.state[sum] == State::Outside {
            let Some(argument) = self.before_bijection(sum) else { break };
            sum = argument;
        }
        // Arguments stand before: from the last to the first, each contents is met once, with all its factors.
        let (mut total, mut open) = (0u64, BTreeMap::from([(sum, 1u64)]));
        while let Some((at, factor)) = open.pop_last() {
            let value = &self.program.values[at];
            if at == message {
                total = factor;
                continue;
            }
            if factor == 0 || self.state[at] != State::Outside {
                continue;
            }
            for position in 0..value.op.arguments().len() {
                let by = self.factor(at, position).ok_or(Refusal::NoSum(at))?;
                let argument = self.origin[value.op.arguments()[position].index()];
                if self.state[argument] == State::Outside && self.program.values[argument].shape != value.shape {
                    return Err(Refusal::ShareBroadcast(at));
                }
                let sum = open.entry(argument).or_default();
                *sum = sum.wrapping_add(factor.wrapping_mul(by));
            }
            if value.op.arguments().is_empty() {
                return Err(Refusal::NoSum(at));
            }
        }
        if total & 1 == 0 { Err(Refusal::EvenFactor(message)) } else { Ok(()) }
    }

    /// Samples that a step names as masks, whole or in parts.
    pub(super) fn masks_of(&self, steps: &[Step]) -> HashSet<usize> {
        let named = steps.iter().flat_map(|step| match step {
            Step::Uniform { masks, .. } | Step::Wide { masks, .. } => masks.clone(),
            Step::Output { shares, .. } => shares.iter().filter_map(|share| share.mask).collect(),
        });
        named.filter_map(|mask: ValueId| self.origin_of(mask).ok()).map(|mask| self.whole(mask)).collect()
    }

    /// What a slice is one of; anything else is itself.
    fn whole(&self, value: usize) -> usize {
        match &self.program.values[value].op {
            Op::Local(Local::Move(Move::Slice { .. }), arguments) => self.origin[arguments[0].index()],
            Op::Input { .. }
            | Op::Constant(_)
            | Op::Sample { .. }
            | Op::Local(..)
            | Op::Send(..)
            | Op::Reveal { .. } => value,
        }
    }
}
