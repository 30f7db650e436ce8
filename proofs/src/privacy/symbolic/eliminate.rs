//! The worklist: follows fresh randomness forward, from samples with one live flow to the message that they cover.

use super::graph::{Graph, Item};
use super::rules::{self, Passes};
use crate::privacy::certificate::Step;
use std::collections::HashMap;
use viewless_protocols::program::{Local, Op, ValueId};
use viewless_protocols::shape::Move;

/// The state of an elimination.
#[derive(Debug)]
pub(super) struct Elimination<'v, 'p> {
    pub(super) graph: Graph<'v, 'p>,
    /// For contents that are uniform whatever else is known: the argument that makes them so. Samples have none.
    uniform_by: Vec<Option<ValueId>>,
    /// Parts of a concatenation that are not yet uniform.
    missing_parts: HashMap<ValueId, usize>,
    /// Contents that may have become uniform with one live flow.
    ready: Vec<ValueId>,
    /// Contents whose one live flow was followed: no part of a concatenation may count twice.
    followed: Vec<bool>,
    /// Slices of samples outside the view.
    slices: Vec<ValueId>,
    /// The send of each message.
    sends: HashMap<ValueId, ValueId>,
    pub(super) steps: Vec<Step>,
    pub(super) distance: f64,
}

impl<'v, 'p> Elimination<'v, 'p> {
    pub(super) fn new(graph: Graph<'v, 'p>) -> Self {
        let count = graph.view.program.values.len();
        let sends = graph.view.messages().iter().map(|&send| (graph.view.contents(send), send)).collect();
        let ready =
            (0..count as u32).map(ValueId).filter(|&id| graph.is_fresh(id) && graph.live_flows(id) == 1).collect();
        let is_slice_of_sample = |id: &ValueId| match &graph.view.program.value(*id).op {
            Op::Local(Local::Move(Move::Slice { .. }), arguments) => graph.is_fresh(graph.view.contents(arguments[0])),
            Op::Input { .. }
            | Op::Constant(_)
            | Op::Sample { .. }
            | Op::Local(..)
            | Op::Send(..)
            | Op::Reveal { .. } => false,
        };
        let slices = (0..count as u32)
            .map(ValueId)
            .filter(|&id| graph.view.contents(id) == id)
            .filter(is_slice_of_sample)
            .collect();
        Self {
            graph,
            uniform_by: vec![None; count],
            missing_parts: HashMap::new(),
            ready,
            followed: vec![false; count],
            slices,
            sends,
            steps: Vec::new(),
            distance: 0.0,
        }
    }

    /// The send that carries a message's contents.
    pub(super) fn send_of(&self, contents: ValueId) -> ValueId {
        self.sends.get(&contents).copied().unwrap_or(contents)
    }

    fn is_uniform(&self, id: ValueId) -> bool {
        self.graph.is_fresh(id) || self.uniform_by[id.index()].is_some() || self.is_part(id)
    }

    /// Whether `id` is a slice of a sample outside the view, and all else that the sample leads to are slices apart from it.
    fn is_part(&self, id: ValueId) -> bool {
        let program = self.graph.view.program;
        let Op::Local(Local::Move(Move::Slice { .. }), arguments) = &program.value(id).op else { return false };
        let sample = self.graph.view.contents(arguments[0]);
        let mut others = self.graph.live_users(sample).filter(|&(other, _)| other != id);
        self.graph.is_fresh(sample) && others.all(|(other, _)| rules::are_apart(program, id, other))
    }

    /// Looks again at the slices of samples: those that are apart from all others now are masks of their own. Whether there are
    /// any that were not followed yet.
    fn parts(&mut self) -> bool {
        let (mut found, slices) = (false, std::mem::take(&mut self.slices));
        for &slice in &slices {
            if self.followed[slice.index()] || !self.is_part(slice) {
                continue;
            }
            if self.graph.items[slice.index()] == Item::Pending {
                found = true;
                self.steps.push(Step::Uniform { message: self.send_of(slice), masks: vec![slice] });
                self.end(slice);
            } else if self.graph.live_flows(slice) == 1 && self.graph.items[slice.index()] == Item::None {
                found = true;
                self.ready.push(slice);
            }
        }
        self.slices = slices;
        found
    }

    /// Eliminates samples that are sent as they are: the simulator draws them.
    pub(super) fn drawn_samples(&mut self) {
        let view = self.graph.view;
        for &send in view.messages() {
            let contents = view.contents(send);
            let is_sample = matches!(view.program.value(contents).op, Op::Sample { .. });
            if is_sample && self.graph.items[contents.index()] == Item::Pending {
                self.steps.push(Step::Uniform { message: send, masks: vec![contents] });
                self.end(contents);
            }
        }
    }

    /// Ends a message without a step, or after its step was written.
    pub(super) fn end(&mut self, message: ValueId) {
        let ready = &mut self.ready;
        self.graph.end(message, |id| ready.push(id));
    }

    /// Eliminates by the rule `uniform` as long as anything can be.
    pub(super) fn run(&mut self) {
        loop {
            while let Some(id) = self.ready.pop() {
                self.follow(id);
            }
            if !self.parts() {
                return;
            }
        }
    }

    /// Follows the one live flow of uniform contents by one operation.
    fn follow(&mut self, id: ValueId) {
        if self.graph.live_flows(id) != 1 || self.followed[id.index()] {
            return;
        }
        if !self.is_uniform(id) {
            self.look_behind_shift(id);
            return;
        }
        self.followed[id.index()] = true;
        let Some((user, position)) = self.graph.live_users(id).next() else { return };
        let program = self.graph.view.program;
        let reached = match rules::passes(program, program.value(user), position) {
            Passes::Uniform => Some(user),
            Passes::WithAllParts => self.part_is_uniform(user).then_some(user),
            Passes::LowBits(bits) => self.low_bits(user, bits),
            Passes::Widened | Passes::Not(_) => None,
        };
        let Some(reached) = reached.filter(|reached| self.uniform_by[reached.index()].is_none()) else { return };
        self.uniform_by[reached.index()] = Some(id);
        match self.graph.items[reached.index()] {
            Item::Pending => {
                let mut masks = Vec::new();
                self.masks_of(reached, &mut masks);
                self.steps.push(Step::Uniform { message: self.send_of(reached), masks });
                self.end(reached);
            }
            Item::None if self.graph.live_flows(reached) == 1 => self.ready.push(reached),
            Item::None | Item::Share | Item::Gone => {}
        }
    }

    /// The conversion that takes no more than the uniform low bits of `shifted`, if nothing else is done to it.
    fn low_bits(&self, shifted: ValueId, bits: u8) -> Option<ValueId> {
        let mut users = self.graph.live_users(shifted);
        let (Some((user, _)), None) = (users.next(), users.next()) else { return None };
        match &self.graph.view.program.value(user).op {
            Op::Local(Local::Convert(domain), _) if domain.bits() <= bits => Some(user),
            Op::Input { .. }
            | Op::Constant(_)
            | Op::Sample { .. }
            | Op::Local(..)
            | Op::Send(..)
            | Op::Reveal { .. } => None,
        }
    }

    /// Follows what was shifted to give `id` once more, because `id` has lost other flows.
    fn look_behind_shift(&mut self, id: ValueId) {
        let view = self.graph.view;
        if let Op::Local(Local::ShiftRight(_) | Local::ShiftRightArithmetic(_), arguments) = &view.program.value(id).op
        {
            let behind = view.contents(arguments[0]);
            if !view.knows(behind) && self.graph.live_flows(behind) == 1 && self.is_uniform(behind) {
                self.followed[behind.index()] = false;
                self.ready.push(behind);
            }
        }
    }

    /// Counts a part of a concatenation as uniform; whether all are now. Each part comes here once, because it is followed once.
    fn part_is_uniform(&mut self, concatenation: ValueId) -> bool {
        let program = self.graph.view.program;
        let parts = program.value(concatenation).op.arguments().len();
        let missing = self.missing_parts.entry(concatenation).or_insert(parts);
        *missing = missing.saturating_sub(1);
        *missing == 0
    }

    /// The samples that make contents uniform.
    pub(super) fn masks_of(&self, id: ValueId, masks: &mut Vec<ValueId>) {
        let program = self.graph.view.program;
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            match (&program.value(id).op, self.uniform_by[id.index()]) {
                (Op::Local(Local::Concat(_), parts), Some(_)) => {
                    open.extend(parts.iter().map(|&part| self.graph.view.contents(part)));
                }
                (_, Some(argument)) => open.push(argument),
                (_, None) => masks.push(id),
            }
        }
    }

    /// Tries the rule `wide` on each pending message; whether one was eliminated.
    pub(super) fn wide(&mut self, largest_distance: f64) -> bool {
        let view = self.graph.view;
        let pending: Vec<ValueId> = self.pending().collect();
        for message in pending {
            let value = view.program.value(message);
            let Op::Local(Local::Add | Local::Sub, arguments) = &value.op else { continue };
            for (position, other) in [(0, 1), (1, 0)] {
                let wide = view.contents(arguments[position]);
                let Some((mask, mask_bits)) = self.widened(wide, value.shape.elements()) else { continue };
                let bits = rules::bound_bits(view.program, arguments[other], BOUND_DEPTH);
                let distance = rules::wide_distance(value.shape.elements(), bits, mask_bits);
                if self.distance + distance > largest_distance {
                    continue;
                }
                let mut masks = Vec::new();
                self.masks_of(mask, &mut masks);
                self.distance += distance;
                self.steps.push(Step::Wide { message: self.send_of(message), masks });
                self.end(message);
                return true;
            }
        }
        false
    }

    /// The uniform contents that `id` is, with zeros above, and their width, if each flows nowhere else.
    fn widened(&self, id: ValueId, elements: usize) -> Option<(ValueId, u8)> {
        let program = self.graph.view.program;
        let value = program.value(id);
        let Op::Local(Local::Convert(domain), arguments) = &value.op else { return None };
        let mask = self.graph.view.contents(arguments[0]);
        let bits = program.value(mask).domain.bits();
        let usable = !self.graph.view.knows(id)
            && value.shape.elements() == elements
            && bits < domain.bits()
            && self.is_uniform(mask)
            && self.graph.live_flows(id) == 1
            && self.graph.live_flows(mask) == 1;
        usable.then_some((mask, bits))
    }

    /// Messages that remain, latest first.
    pub(super) fn pending(&self) -> impl Iterator<Item = ValueId> + '_ {
        let view = self.graph.view;
        let contents = view.messages().iter().rev().map(|&send| view.contents(send));
        contents.filter(|contents| self.graph.items[contents.index()] == Item::Pending)
    }
}

/// How far bounds are looked for.
const BOUND_DEPTH: usize = 4;
