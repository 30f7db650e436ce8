//! Which values of a Program are computed together, stretch by stretch, so that what one makes is read by the next from a cache and most
//! are never written to memory.
//!
//! A *group* is a run of values that are all made of *lanes*: stretches of the same number of consecutive elements. Element i of a lane
//! of a result depends on elements i of lanes of its arguments alone: so it is for elementwise operations, for samples (any word of
//! a stream can be made by itself), and for slices, joins, sums and repetitions along axes outside the lanes. A group is thus made for a
//! short stretch of its lanes at a time, all values in order, and the next stretch may be another thread's.
//!
//! ```text
//! gates of a comparison, values [2, 128, 3072] and [128, 3072]:   lanes of 393,216 elements, two of them or one
//!
//!                stretch 0      stretch 1      ...
//!   sample       ##########     .                       computed in this order: down, then right;
//!   xor, lane 0  ##########     .                       what nobody needs after the group lives in a
//!   xor, lane 1  ##########     .                       scratch place for the time of one stretch
//! ```
//!
//! Everything else is computed alone, and before the group whose span it stands in: it may, because it needs nothing of the group.
//! What a batch (a group and what stands within its span) tells others, messages, outputs and what claims show, is told after it, in the order
//! of the Program. Neither the messages nor their order depend on the grouping.

mod compile;
mod run;

use crate::execute::part::Part;
use std::ops::Range;
use viewless_protocols::program::{Constant, Local, Op, Program, Value, ValueId, WordFunction};
use viewless_protocols::shape::{Move, Shape};

pub(super) use compile::compile;

/// Elements of the shortest lanes that are computed together: shorter ones are not worth the trouble.
pub const LEAST_LANE: usize = 1 << 9;
/// Lanes of one value, at most: all of them are in a cache at the same time.
const MOST_LANES: usize = 32;
/// A batch ends when this much is to be kept for the messages that it sends.
const MOST_MESSAGE_BYTES: usize = 64 << 20;
/// Values of a group, at most: so often is progress told.
const MOST_VALUES: usize = 1 << 12;

/// Values that are computed before anything is told of them.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Computed first, each by itself, in this order.
    pub(super) alone: Vec<ValueId>,
    /// Computed then, together.
    pub(super) group: Group,
    /// Positions of the Program that this batch covers; batches follow each other.
    pub(super) positions: Range<usize>,
}

/// Values that are computed together, in order.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Elements of a lane.
    pub(super) lane: usize,
    pub(super) values: Vec<ValueId>,
}

/// How a Program is cut into batches.
pub(super) struct Cutting<'a> {
    pub(super) program: &'a Program,
    pub(super) part: &'a Part,
    /// Transposes that are not carried out.
    pub(super) untransposed: &'a [bool],
    /// Values that come from somebody else: what was sent before must be on its way.
    pub(super) is_taken: &'a dyn Fn(ValueId) -> bool,
    /// Whether the words of messages are asked for after the batch.
    pub(super) messages_are_read: bool,
    /// Elements of the shortest lanes.
    pub(super) least_lane: usize,
}

/// What becomes of a value when it is met.
enum Fit {
    /// Alone, before the group.
    Alone,
    /// Into the group, whose lanes become so long.
    Together(usize),
    /// It needs the group and does not fit into it.
    After,
}

/// The batch that grows, and which values are in its group.
struct Open<'a> {
    cutting: &'a Cutting<'a>,
    member: Vec<bool>,
    /// Values whose elements are all the same word, stored once.
    single: Vec<bool>,
    batch: Batch,
    message_bytes: usize,
    most_elements: usize,
    done: Vec<Batch>,
}

impl Cutting<'_> {
    /// The batches, in order. Every value of the part is in one of them.
    pub(super) fn batches(&self) -> Vec<Batch> {
        let values = self.program.values.len();
        let mut open = Open {
            cutting: self,
            member: vec![false; values],
            single: vec![false; values],
            batch: Batch::default(),
            message_bytes: 0,
            most_elements: 0,
            done: Vec::new(),
        };
        for (id, value) in self.program.iter() {
            if self.part.computes(id) {
                open.add(id, value);
            } else {
                open.single[id.index()] = open.is_single(value);
            }
        }
        open.close(values);
        open.done
    }
}

impl Open<'_> {
    fn add(&mut self, id: ValueId, value: &Value) {
        self.single[id.index()] = self.is_single(value);
        if (self.cutting.is_taken)(id) {
            self.close(id.index());
            self.batch.alone.push(id);
            return self.close(id.index() + 1);
        }
        let fit = match self.fit(id, value) {
            Fit::After => {
                self.close(id.index());
                self.fit(id, value)
            }
            fit => fit,
        };
        match fit {
            Fit::Alone | Fit::After => self.batch.alone.push(id),
            Fit::Together(lane) => {
                self.member[id.index()] = true;
                self.batch.group.lane = lane;
                self.batch.group.values.push(id);
                self.most_elements = self.most_elements.max(value.shape.elements());
            }
        }
        if self.cutting.messages_are_read && matches!(value.op, Op::Send(..)) {
            self.message_bytes += 8 * value.shape.elements();
        }
        if self.message_bytes > MOST_MESSAGE_BYTES || self.batch.group.values.len() >= MOST_VALUES {
            self.close(id.index() + 1);
        }
    }

    /// Ends the batch before position `end`.
    fn close(&mut self, end: usize) {
        let mut batch = std::mem::take(&mut self.batch);
        batch.group.values.iter().for_each(|id| self.member[id.index()] = false);
        if batch.alone.is_empty() && batch.group.values.is_empty() && end < self.cutting.program.values.len() {
            return;
        }
        batch.positions = self.done.last().map_or(0, |last| last.positions.end)..end;
        self.done.push(batch);
        (self.message_bytes, self.most_elements) = (0, 0);
    }

    /// Whether all elements of a value are stored as one word.
    fn is_single(&self, value: &Value) -> bool {
        let all = |arguments: &[ValueId]| arguments.iter().all(|argument| self.single[argument.index()]);
        match &value.op {
            Op::Constant(Constant::Splat(_)) => true,
            Op::Input { .. } | Op::Constant(Constant::Words(_)) | Op::Sample { .. } => false,
            Op::Send(argument, _) | Op::Reveal { value: argument, .. } => self.single[argument.index()],
            Op::Local(local, arguments) => match local {
                Local::Add | Local::Sub | Local::Mul | Local::And | Local::Xor | Local::Neg | Local::Not => {
                    all(arguments)
                }
                Local::ShiftLeft(_) | Local::ShiftRight(_) | Local::ShiftRightArithmetic(_) => all(arguments),
                Local::BitReversal | Local::Convert(_) | Local::Move(Move::Reshape(_)) => all(arguments),
                Local::MatMul | Local::Sum(_) | Local::Concat(_) | Local::Function(_) => false,
                Local::Move(Move::Transpose(_) | Move::Broadcast(_) | Move::Slice { .. } | Move::Windows(_)) => false,
            },
        }
    }

    fn fit(&self, id: ValueId, value: &Value) -> Fit {
        let needs_group = value.op.arguments().iter().any(|argument| self.member[argument.index()]);
        let otherwise = if needs_group { Fit::After } else { Fit::Alone };
        if self.single[id.index()] || self.cutting.untransposed[id.index()] {
            return otherwise;
        }
        // What is only named anew stays where it is.
        let is_named_anew = match &value.op {
            Op::Send(..) | Op::Reveal { .. } | Op::Local(Local::Move(Move::Reshape(_)), _) => true,
            Op::Input { .. } | Op::Constant(_) | Op::Sample { .. } | Op::Local(..) => false,
        };
        let elements = value.shape.elements();
        let fits =
            |lane: usize, elements: usize| lane >= self.cutting.least_lane && elements.div_ceil(lane) <= MOST_LANES;
        let Some(lane) = self.lane(value).filter(|&lane| fits(lane, elements)) else { return otherwise };
        if is_named_anew && !needs_group {
            return Fit::Alone;
        }
        let group = &self.batch.group;
        let lane = if group.values.is_empty() { lane } else { gcd(group.lane, lane) };
        if fits(lane, self.most_elements.max(elements)) { Fit::Together(lane) } else { Fit::After }
    }

    /// The longest lanes that a value can be made of, or `None` if it cannot be made lane by lane.
    fn lane(&self, value: &Value) -> Option<usize> {
        let shape = |argument: ValueId| &self.cutting.program.value(argument).shape;
        let elements = value.shape.elements();
        match &value.op {
            Op::Input { .. } | Op::Constant(_) => None,
            Op::Sample { .. } | Op::Send(..) | Op::Reveal { .. } => Some(elements),
            Op::Local(local, arguments) => match local {
                Local::Add | Local::Sub | Local::Mul | Local::And | Local::Xor | Local::Neg | Local::Not => {
                    self.repeated(arguments, &value.shape)
                }
                Local::ShiftLeft(_) | Local::ShiftRight(_) | Local::ShiftRightArithmetic(_) => Some(elements),
                Local::BitReversal | Local::Convert(_) | Local::Move(Move::Reshape(_)) => Some(elements),
                Local::Move(Move::Broadcast(_)) => self.repeated(arguments, &value.shape),
                Local::MatMul | Local::Move(Move::Transpose(_) | Move::Windows(_)) => None,
                Local::Sum(axis) => {
                    let (outer, inner) = around(shape(arguments[0]), *axis);
                    (outer == 1).then_some(inner)
                }
                Local::Move(Move::Slice { axis, start, length }) => {
                    let (outer, inner) = around(shape(arguments[0]), *axis);
                    (outer == 1).then(|| gcd(gcd(start * inner, length * inner), shape(arguments[0]).elements()))
                }
                Local::Concat(axis) => {
                    let (outer, _) = around(&value.shape, *axis);
                    let parts = arguments.iter().map(|&part| shape(part).elements());
                    (outer == 1).then(|| parts.fold(0, gcd))
                }
                Local::Function(function) => match &**function {
                    WordFunction::Waves { .. } => Some(shape(arguments[0]).elements()),
                    WordFunction::Table { .. } | WordFunction::Remainder { .. } => Some(elements),
                },
            },
        }
    }

    /// The longest lanes of a result of elementwise arguments, of which those in the group must be repeated as a whole, if at all: the group's lanes,
    /// which divide them, divide the result. Others are read from memory, which may be done in any order.
    fn repeated(&self, arguments: &[ValueId], result: &Shape) -> Option<usize> {
        let mut members = arguments.iter().filter(|argument| self.member[argument.index()]);
        let is_whole = |argument: &ValueId| is_repeated_whole(&self.cutting.program.value(*argument).shape, result);
        members.all(is_whole).then(|| result.elements())
    }
}

/// Whether a tensor broadcast to `to` is its elements in order, again and again.
fn is_repeated_whole(from: &Shape, to: &Shape) -> bool {
    let leading = from.axes().iter().take_while(|&&length| length == 1).count();
    to.axes().ends_with(&from.axes()[leading..])
}

/// Elements before an axis, and after it.
fn around(shape: &Shape, axis: usize) -> (usize, usize) {
    let axes = shape.axes();
    (axes[..axis].iter().product(), axes[axis + 1..].iter().product())
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests;
