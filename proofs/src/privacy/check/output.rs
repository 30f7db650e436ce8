//! Declared outputs: their shares tell no more than they do, and they depend on no message in another way.

use super::{CheckError, Checker, State};
use crate::privacy::certificate::{Share, Step};
use std::collections::{HashMap, HashSet};
use viewless_protocols::program::{Local, Op, ValueId};
use viewless_protocols::ring::Domain;

impl Checker<'_> {
    /// Verifies that the shares of an output tell no more than the output.
    pub(super) fn output(&self, output: ValueId, shares: &[Share], time: u64) -> Result<(), String> {
        let origin = self.origin_of(output)?;
        match &self.program.value(output).op {
            Op::Reveal { to, .. } if self.coalition.members().contains(*to) => {}
            Op::Reveal { .. }
            | Op::Input { .. }
            | Op::Constant(_)
            | Op::Sample { .. }
            | Op::Local(..)
            | Op::Send(..) => return Err(format!("%{} is no output of {}", output.0, self.coalition)),
        }
        let Some((last, others)) = shares.split_last() else {
            return Err("an output without shares".to_owned());
        };
        let mut signs = self.summands(origin)?;
        let mut sign_of = |share: &Share| {
            let share = self.origin_of(share.message)?;
            signs.remove(&share).map(|sign| (share, sign)).ok_or_else(|| format!("%{share} is no share of the output"))
        };
        let (last_share, last_sign) = sign_of(last)?;
        if last.mask.is_some() {
            return Err("the last share needs no mask".to_owned());
        }
        for share in others {
            let (target, sign) = sign_of(share)?;
            let mask = share.mask.ok_or_else(|| format!("the share %{target} needs a mask"))?;
            let mask = self.mask(mask)?;
            let mut signs = HashMap::new();
            for (user, position) in self.uses_from(mask, time) {
                let (end, sign) = self.follow_signed(user, position, mask, time)?;
                if signs.insert(end, sign).is_some() {
                    return Err(format!("the mask %{mask} enters %{end} twice"));
                }
            }
            let (Some(here), Some(there), 2) = (signs.get(&target), signs.get(&last_share), signs.len()) else {
                return Err(format!("the mask %{mask} does not flow into %{target} and %{last_share} only"));
            };
            let by_xor = matches!(self.program.values[mask].domain, Domain::Bits(_));
            if !by_xor && sign * here + last_sign * there != 0 {
                return Err(format!("the mask %{mask} does not cancel in the output"));
            }
        }
        if signs.is_empty() { Ok(()) } else { Err("the output has shares that the step does not name".to_owned()) }
    }

    /// The received summands of an output with their signs. Everything else in it must depend on no message.
    fn summands(&self, output: usize) -> Result<HashMap<usize, i32>, String> {
        let mut found = HashMap::new();
        let mut open = vec![(output, 1)];
        while let Some((at, sign)) = open.pop() {
            if self.state[at] == State::Received {
                if found.insert(at, sign).is_some() {
                    return Err(format!("%{at} enters the output twice"));
                }
                continue;
            }
            let mut ends = self.arguments(at).map(|argument| (argument, sign)).collect::<Vec<_>>();
            let value = &self.program.values[at];
            match &value.op {
                Op::Local(Local::Add | Local::Xor, _) => {}
                Op::Local(Local::Sub, _) => ends[1].1 = -sign,
                Op::Local(Local::Neg, _) => ends[0].1 = -sign,
                Op::Local(..) if self.own[at] => ends.clear(),
                Op::Input { .. } | Op::Constant(_) | Op::Sample { .. } => {}
                Op::Local(..) | Op::Send(..) | Op::Reveal { .. } => {
                    return Err(format!("the output is no signed sum of messages, because of %{at}"));
                }
            }
            ends.retain(|&(argument, _)| !self.own[argument]);
            if ends.iter().any(|&(argument, _)| self.program.values[argument].shape != value.shape) {
                return Err(format!("a share is broadcast in %{at}"));
            }
            open.extend(ends);
        }
        Ok(found)
    }

    /// Follows the only uses from one use of a mask to the message at the end; returns it and the mask's sign in it.
    fn follow_signed(&self, user: usize, position: usize, mask: usize, time: u64) -> Result<(usize, i32), String> {
        let (mut user, mut position, mut sign) = (user, position, 1);
        loop {
            let value = &self.program.values[user];
            let Op::Local(local, _) = &value.op else {
                return Err(format!("the mask %{mask} enters %{user}, which is no computation"));
            };
            match local {
                Local::Add | Local::Xor => {}
                Local::Sub if position == 0 => {}
                Local::Sub | Local::Neg => sign = -sign,
                Local::Mul
                | Local::MatMul
                | Local::Sum(_)
                | Local::And
                | Local::Not
                | Local::ShiftLeft(_)
                | Local::ShiftRight(_)
                | Local::ShiftRightArithmetic(_)
                | Local::BitReversal
                | Local::Convert(_)
                | Local::Move(_)
                | Local::Concat(_)
                | Local::Function(_) => return Err(format!("the mask %{mask} does not enter %{user} as a summand")),
            }
            if value.shape != self.program.values[mask].shape {
                return Err(format!("the mask %{mask} is broadcast in %{user}"));
            }
            if self.state[user] == State::Received {
                return Ok((user, sign));
            }
            (user, position) = self.only_use(user, time)?;
        }
    }

    /// No output may depend on messages, except as the sum of its shares; nor may what the shares are made from.
    pub(super) fn outputs(&self, steps: &[Step]) -> Result<(), CheckError> {
        let mut accounted = HashSet::new();
        for (step, contents) in steps.iter().enumerate() {
            if let Step::Output { output, .. } = contents
                && !accounted.insert(self.origin[output.index()])
            {
                return Err(CheckError::Step { step, why: "an earlier step is about this output already".to_owned() });
            }
        }
        let mut drawn = vec![false; self.origin.len()];
        for i in 0..self.origin.len() {
            drawn[i] = match self.origin[i] {
                origin if origin != i => drawn[origin],
                origin if accounted.contains(&origin) => false,
                _ => self.state[i] == State::Received || self.arguments(i).any(|argument| drawn[argument]),
            };
        }
        for (step, contents) in steps.iter().enumerate() {
            let Step::Output { shares, .. } = contents else { continue };
            for share in shares {
                let origin = self.origin[share.message.index()];
                if self.arguments(origin).any(|argument| drawn[argument]) {
                    let why =
                        format!("the share %{origin} depends on messages that the simulator draws without the output");
                    return Err(CheckError::Step { step, why });
                }
            }
        }
        match self.outputs_of_coalition().find(|&output| drawn[output]) {
            None => Ok(()),
            Some(output) => Err(CheckError::Output { output: output as u32 }),
        }
    }
}
