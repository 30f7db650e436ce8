//! The view of a coalition: which values it knows, and which of them reach it as messages.
//!
//! A send changes who holds a value, not what the value is. So contents are what matters here: a send and a reveal have the
//! contents of their argument, and every contents is named by the value that computed it.

use super::Coalition;
use std::collections::HashMap;
use viewless_protocols::program::{Constant, Local, Op, Program, ValueId};

/// How a coalition comes to know a value's contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knowledge {
    /// It does not.
    Unknown,
    /// It holds the input, constant or sample from the start.
    Base,
    /// It computes it from other contents that it knows.
    Computed,
    /// It is sent it, by somebody outside, and has no other way to know.
    Message,
}

/// What a coalition sees of a Program.
#[derive(Debug)]
pub struct View<'p> {
    /// The Program.
    pub program: &'p Program,
    /// Who looks.
    pub coalition: Coalition,
    /// For each value, the value that computed its contents.
    contents: Vec<u32>,
    /// For each value that computed contents, how these are known.
    knowledge: Vec<Knowledge>,
    /// Sends from outside into the coalition, in order, the first of each contents.
    messages: Vec<ValueId>,
    /// Reveals to members, in order.
    outputs: Vec<ValueId>,
    /// Sends from outside into the coalition, repeated ones included.
    sends: usize,
}

impl<'p> View<'p> {
    /// The view of `coalition`.
    #[must_use]
    pub fn new(program: &'p Program, coalition: Coalition) -> Self {
        Self::reading(program, coalition, &[], &[], &[])
    }

    /// The view of `coalition` if it were sent the contents of `handed`, too, and not those of `withheld`. The second of each two values
    /// that are the `same` computation has the contents of the first.
    #[must_use]
    pub fn reading(
        program: &'p Program,
        coalition: Coalition,
        handed: &[ValueId],
        same: &[(ValueId, ValueId)],
        withheld: &[ValueId],
    ) -> Self {
        let copies: HashMap<ValueId, ValueId> = same.iter().map(|&(first, second)| (second, first)).collect();
        let count = program.values.len();
        let mut contents: Vec<u32> = Vec::with_capacity(count);
        let mut held = vec![false; count];
        let mut received = vec![false; count];
        let (mut messages, mut outputs, mut sends) = (Vec::new(), Vec::new(), 0);
        for (id, value) in program.iter() {
            let same = match &value.op {
                Op::Send(argument, _) | Op::Reveal { value: argument, .. } => contents[argument.index()],
                Op::Input { .. } | Op::Constant(_) | Op::Sample { .. } | Op::Local(..) => {
                    copies.get(&id).map_or(id.0, |first| contents[first.index()])
                }
            };
            contents.push(same);
            match &value.op {
                Op::Send(argument, _)
                    if coalition.meets(value.holders) && !coalition.meets(program.value(*argument).holders) =>
                {
                    sends += 1;
                    held[same as usize] = true;
                    if !received[same as usize] {
                        received[same as usize] = true;
                        messages.push(id);
                    }
                }
                Op::Reveal { to, .. } if coalition.members().contains(*to) => outputs.push(id),
                Op::Input { .. }
                | Op::Constant(_)
                | Op::Sample { .. }
                | Op::Local(..)
                | Op::Send(..)
                | Op::Reveal { .. } => {}
            }
        }
        for id in withheld {
            let same = contents[id.index()];
            held[same as usize] = false;
            messages.retain(|message: &ValueId| contents[message.index()] != same);
        }
        for id in handed {
            let same = contents[id.index()] as usize;
            let base = program.value(ValueId(same as u32));
            let is_base = base.op.arguments().is_empty() && coalition.meets(base.holders);
            if !held[same] && !is_base {
                (held[same], received[same]) = (true, true);
                messages.push(ValueId(same as u32));
            }
        }
        messages.sort_unstable();
        let mut knowledge = vec![Knowledge::Unknown; count];
        for (id, value) in program.iter() {
            if contents[id.index()] != id.0 {
                continue;
            }
            let known = |argument: &ValueId| knowledge[contents[argument.index()] as usize] != Knowledge::Unknown;
            knowledge[id.index()] = match &value.op {
                Op::Send(..) | Op::Reveal { .. } => continue,
                Op::Local(local, arguments) if is_zero(program, &contents, local, arguments) => Knowledge::Computed,
                Op::Input { .. } | Op::Constant(_) | Op::Sample { .. } if coalition.meets(value.holders) => {
                    Knowledge::Base
                }
                Op::Local(_, arguments) if arguments.iter().all(known) => Knowledge::Computed,
                Op::Input { .. } | Op::Constant(_) | Op::Sample { .. } | Op::Local(..) if held[id.index()] => {
                    Knowledge::Message
                }
                Op::Input { .. } | Op::Constant(_) | Op::Sample { .. } | Op::Local(..) => Knowledge::Unknown,
            };
        }
        Self { program, coalition, contents, knowledge, messages, outputs, sends }
    }

    /// The value that computed the contents of `id`.
    #[must_use]
    pub fn contents(&self, id: ValueId) -> ValueId {
        ValueId(self.contents[id.index()])
    }

    /// How the coalition knows the contents of `id`.
    #[must_use]
    pub fn knowledge(&self, id: ValueId) -> Knowledge {
        self.knowledge[self.contents[id.index()] as usize]
    }

    /// Whether the coalition knows the contents of `id`.
    #[must_use]
    pub fn knows(&self, id: ValueId) -> bool {
        self.knowledge(id) != Knowledge::Unknown
    }

    /// The sends that carry contents into the coalition, the first of each contents, in order.
    #[must_use]
    pub fn messages(&self) -> &[ValueId] {
        &self.messages
    }

    /// The reveals to members, in order.
    #[must_use]
    pub fn outputs(&self) -> &[ValueId] {
        &self.outputs
    }

    /// Whether a member has an output.
    #[must_use]
    pub fn has_outputs(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// Number of sends from outside into the coalition, those that repeat known contents included.
    #[must_use]
    pub fn sends(&self) -> usize {
        self.sends
    }
}

/// Whether an operation gives zeros whatever its arguments are.
fn is_zero(program: &Program, contents: &[u32], local: &Local, arguments: &[ValueId]) -> bool {
    match local {
        Local::Sub | Local::Xor => contents[arguments[0].index()] == contents[arguments[1].index()],
        Local::Mul | Local::And => arguments.iter().any(|argument| {
            let factor = &program.values[contents[argument.index()] as usize].op;
            matches!(factor, Op::Constant(Constant::Splat(0)))
        }),
        Local::Add
        | Local::Neg
        | Local::MatMul
        | Local::Sum(_)
        | Local::Not
        | Local::ShiftLeft(_)
        | Local::ShiftRight(_)
        | Local::ShiftRightArithmetic(_)
        | Local::BitReversal
        | Local::Convert(_)
        | Local::Move(_)
        | Local::Concat(_)
        | Local::Function(_) => false,
    }
}
