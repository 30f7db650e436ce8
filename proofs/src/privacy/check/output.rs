//! Declared outputs: their shares tell no more than they do, and they depend on no message in another way.

use super::{CheckError, Checker, Refusal, State};
use crate::privacy::certificate::{Share, Step};
use std::collections::{HashMap, HashSet};
use viewless_protocols::program::{Constant, Local, Op, ValueId};
use viewless_protocols::ring::Domain;

impl Checker<'_> {
    /// Verifies that the shares of an output tell no more than the output.
    pub(super) fn output(&self, output: ValueId, shares: &[Share], time: u64) -> Result<(), Refusal> {
        let origin = self.origin_of(output)?;
        self.is_output(output)?;
        let Some((last, others)) = shares.split_last() else {
            return Err(Refusal::NoShares);
        };
        let sum = self.before_bijections(origin);
        let domain = self.program.values[sum].domain;
        let mut factors = self.summands(sum)?;
        let mut factor_of = |share: &Share| {
            let share = self.origin_of(share.message)?;
            factors.remove(&share).map(|factor| (share, factor)).ok_or(Refusal::NoShare(share))
        };
        let (last_share, last_factor) = factor_of(last)?;
        if last.mask.is_some() {
            return Err(Refusal::LastShareMasked(last_share));
        }
        if last_factor & 1 == 0 {
            return Err(Refusal::EvenFactor(last_share));
        }
        for share in others {
            let (target, factor) = factor_of(share)?;
            let mask = self.mask(share.mask.ok_or(Refusal::ShareUnmasked(target))?)?;
            let mut ends = Vec::new();
            for (user, position) in self.uses_from(mask, time) {
                ends.push(self.follow_factor(user, position, mask, time)?);
            }
            let (here, there) = match ends[..] {
                [(first, here), (second, there)] if (first, second) == (target, last_share) => (here, there),
                [(first, there), (second, here)] if (first, second) == (last_share, target) => (here, there),
                _ => return Err(Refusal::MaskElsewhere { mask, share: target, last: last_share }),
            };
            let left = factor.wrapping_mul(here).wrapping_add(last_factor.wrapping_mul(there));
            if left & modulo(domain) != 0 {
                return Err(Refusal::NotCancelling(mask));
            }
        }
        factors.keys().min().map_or(Ok(()), |&share| Err(Refusal::UnnamedShare(share)))
    }

    pub(super) fn is_output(&self, output: ValueId) -> Result<(), Refusal> {
        match &self.program.value(output).op {
            Op::Reveal { to, .. } if self.coalition.members().contains(*to) => Ok(()),
            Op::Reveal { .. }
            | Op::Input { .. }
            | Op::Constant(_)
            | Op::Sample { .. }
            | Op::Local(..)
            | Op::Send(..) => Err(Refusal::NoOutput(output.index())),
        }
    }

    /// The received summands of an output with their factors. Everything else in it must depend on no message.
    fn summands(&self, output: usize) -> Result<HashMap<usize, u64>, Refusal> {
        let mut found = HashMap::new();
        let mut open = vec![(output, 1u64)];
        while let Some((at, factor)) = open.pop() {
            if self.own[at] {
                continue;
            }
            if self.state[at] == State::Received {
                if found.insert(at, factor).is_some() {
                    return Err(Refusal::ShareTwice(at));
                }
                continue;
            }
            let value = &self.program.values[at];
            for position in 0..value.op.arguments().len() {
                let by = self.factor(at, position).ok_or(Refusal::NoSum(at))?;
                let argument = self.origin[value.op.arguments()[position].index()];
                if !self.own[argument] && self.program.values[argument].shape != value.shape {
                    return Err(Refusal::ShareBroadcast(at));
                }
                open.push((argument, factor.wrapping_mul(by)));
            }
        }
        Ok(found)
    }

    /// What a value is the sum of, with which factor for each argument, and something that this argument does not enter.
    pub(super) fn factor(&self, at: usize, position: usize) -> Option<u64> {
        let Op::Local(local, arguments) = &self.program.values[at].op else { return None };
        match local {
            Local::Add | Local::Xor | Local::Not => Some(1),
            Local::Sub if position == 0 => Some(1),
            Local::Sub | Local::Neg => Some(u64::MAX),
            Local::Mul => match self.constant(arguments[1 - position].index()) {
                Some(Constant::Splat(word)) => Some(*word),
                // The constant itself, which is own, and a product with something else.
                Some(Constant::Words(_)) | None => self.constant(arguments[position].index()).map(|_| 0),
            },
            Local::MatMul
            | Local::Sum(_)
            | Local::And
            | Local::ShiftLeft(_)
            | Local::ShiftRight(_)
            | Local::ShiftRightArithmetic(_)
            | Local::BitReversal
            | Local::Convert(_)
            | Local::Move(_)
            | Local::Concat(_)
            | Local::Function(_) => None,
        }
    }

    /// Follows the only uses from one use of a mask to the message at the end; returns it and the mask's factor in it.
    fn follow_factor(&self, user: usize, position: usize, mask: usize, time: u64) -> Result<(usize, u64), Refusal> {
        let (mut user, mut position, mut factor) = (user, position, 1u64);
        loop {
            let by = self.factor(user, position).filter(|by| by & 1 == 1);
            factor = factor.wrapping_mul(by.ok_or(Refusal::MaskNoSummand { mask, user })?);
            if self.program.values[user].shape != self.program.values[mask].shape {
                return Err(Refusal::MaskBroadcast { mask, user });
            }
            if self.state[user] == State::Received {
                return Ok((user, factor));
            }
            (user, position) = self.only_use(user, time)?;
        }
    }

    /// What the shares of outputs are made from must not depend on messages, except through outputs that have a step. Returns the
    /// first output that does.
    pub(super) fn outputs(&self, steps: &[Step]) -> Result<Option<usize>, CheckError> {
        let mut accounted = HashSet::new();
        for contents in steps {
            let Step::Output { output, shares } = contents else { continue };
            // No sum comes twice: its shares have one step each, and there is one at least.
            accounted.insert(self.before_bijections(self.origin[output.index()]));
            // The only share of an output is a function of it.
            if let [only] = &shares[..] {
                accounted.insert(self.origin[only.message.index()]);
            }
        }
        let mut drawn = vec![false; self.origin.len()];
        for i in 0..self.origin.len() {
            drawn[i] = match self.origin[i] {
                origin if origin != i => drawn[origin],
                origin if accounted.contains(&origin) || self.own[origin] => false,
                _ => self.state[i] == State::Received || self.arguments(i).any(|argument| drawn[argument]),
            };
        }
        for (step, contents) in steps.iter().enumerate() {
            let Step::Output { shares, .. } = contents else { continue };
            for share in shares {
                let origin = self.origin[share.message.index()];
                if self.arguments(origin).any(|argument| drawn[argument]) {
                    return Err(CheckError::Step { step, why: Refusal::ShareDependsOnDrawn(origin) });
                }
            }
        }
        Ok(self.outputs_of_coalition().find(|&output| drawn[output]))
    }
}

/// What factors are compared modulo: 2^k - 1 as a mask of bits; under exclusive or every factor is 1, so 1.
fn modulo(domain: Domain) -> u64 {
    if domain.is_ring() { domain.mask() } else { 1 }
}
