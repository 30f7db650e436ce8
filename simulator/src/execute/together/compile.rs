//! A group as instructions on stretches of its lanes.

use super::Group;
use crate::execute::ExecuteError;
use crate::kernels::blocks::Broadcast;
use crate::kernels::elementwise::{Binary, Unary};
use crate::keys::Keyring;
use crate::local::{Store, Stored};
use crate::stream::StreamKey;
use crate::work::Kind;
use std::collections::HashMap;
use std::sync::Arc;
use viewless_protocols::program::{Arguments, Local, Op, Program, Value, ValueId, WordFunction};
use viewless_protocols::shape::{Move, Shape};

/// Where an instruction reads a stretch of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Everywhere the same word.
    Word(u64),
    /// A stored tensor, by its number among those read, from this element on.
    Stored(usize, usize),
    /// What another instruction made: a register, and later its place.
    Made(usize),
}

/// What is done for every stretch. `out` is a register, and later a place, which no operand is.
#[derive(Debug)]
pub(super) enum Instruction {
    /// Words of a stream, from this position on.
    Sample { key: usize, position: u64, mask: u64, out: usize },
    /// Two operands.
    Binary { op: Binary, mask: u64, operands: [Source; 2], out: usize },
    /// One operand.
    Unary { op: Unary, mask: u64, operand: Source, out: usize },
    /// The same words.
    Copy { operand: Source, out: usize },
    /// Elements of a stored tensor of fewer elements, from this element of the larger shape on.
    Repeat { broadcast: Arc<Broadcast>, stored: usize, first: usize, out: usize },
    /// A sum of lanes.
    Sum { mask: u64, operands: Vec<Source>, out: usize },
    /// A wave of an angle of so many bits.
    Wave { function: Arc<WordFunction>, wave: usize, bits: u8, operand: Source, out: usize },
    /// An entry of a table, or a remainder.
    LookUp { function: Arc<WordFunction>, operand: Source, out: usize },
}

impl Instruction {
    fn out(&mut self) -> &mut usize {
        match self {
            Self::Sample { out, .. } | Self::Binary { out, .. } | Self::Unary { out, .. } | Self::Copy { out, .. } => {
                out
            }
            Self::Repeat { out, .. } | Self::Sum { out, .. } | Self::Wave { out, .. } | Self::LookUp { out, .. } => out,
        }
    }

    fn operands(&mut self) -> &mut [Source] {
        match self {
            Self::Sample { .. } | Self::Repeat { .. } => &mut [],
            Self::Binary { operands, .. } => operands,
            Self::Sum { operands, .. } => operands,
            Self::Unary { operand, .. }
            | Self::Copy { operand, .. }
            | Self::Wave { operand, .. }
            | Self::LookUp { operand, .. } => std::slice::from_mut(operand),
        }
    }
}

/// A tensor that is written to memory.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) id: ValueId,
    pub(super) lanes: usize,
}

/// A compiled group.
pub(in crate::execute) struct Code {
    pub(super) lane: usize,
    pub(super) instructions: Vec<(Kind, Instruction)>,
    pub(super) keys: Vec<StreamKey>,
    pub(super) stored: Vec<Stored>,
    pub(super) outputs: Vec<Output>,
    /// Values that are the words of another value.
    pub(super) aliases: Vec<(ValueId, ValueId)>,
    /// Values of which all elements are one word.
    pub(super) words: Vec<(ValueId, u64)>,
    /// Places of a stretch that are not in an output.
    pub(super) scratch_places: usize,
}

/// Compiles a group whose arguments outside are stored. `is_needed` says which of its values somebody needs after it.
///
/// # Errors
/// [`ExecuteError::Key`] for a sample whose key is not in the ring.
pub(in crate::execute) fn compile(
    program: &Program,
    keys: &Keyring,
    query: u32,
    store: &Store,
    group: &Group,
    is_needed: &dyn Fn(ValueId) -> bool,
) -> Result<Code, ExecuteError> {
    let mut compiler = Compiler {
        program,
        store,
        lane: group.lane,
        lanes: HashMap::new(),
        read: HashMap::new(),
        repeated: HashMap::new(),
        homes: Vec::new(),
        code: Code {
            lane: group.lane,
            instructions: Vec::new(),
            keys: Vec::new(),
            stored: Vec::new(),
            outputs: Vec::new(),
            aliases: Vec::new(),
            words: Vec::new(),
            scratch_places: 0,
        },
    };
    for &id in &group.values {
        let value = program.value(id);
        let lanes = match &value.op {
            Op::Sample { stream, .. } => {
                compiler.code.keys.push(keys.stream(value.holders, *stream, query)?);
                compiler.sample(value)
            }
            Op::Send(argument, _) | Op::Reveal { value: argument, .. } => compiler.lanes_of(*argument, &value.shape),
            Op::Local(local, arguments) => compiler.local(value, local, arguments),
            Op::Input { .. } | Op::Constant(_) => unreachable!("inputs and constants are never in a group"),
        };
        debug_assert_eq!(lanes.len() * group.lane, value.shape.elements());
        if is_needed(id) {
            compiler.keep(id, &lanes);
        }
        compiler.lanes.insert(id, lanes);
    }
    Ok(compiler.finish())
}

struct Compiler<'a> {
    program: &'a Program,
    store: &'a Store,
    lane: usize,
    /// Lanes of the values of the group.
    lanes: HashMap<ValueId, Vec<Source>>,
    /// Number of each stored tensor that is read.
    read: HashMap<ValueId, usize>,
    /// Lanes of stored tensors of fewer elements, by tensor and shape.
    repeated: HashMap<(ValueId, Shape), Vec<Source>>,
    /// For each register the lane of the output that it is, if it is one.
    homes: Vec<Option<(usize, usize)>>,
    code: Code,
}

impl Compiler<'_> {
    fn emit(&mut self, kind: Kind, instruction: impl FnOnce(usize) -> Instruction) -> Source {
        let out = self.homes.len();
        self.homes.push(None);
        self.code.instructions.push((kind, instruction(out)));
        Source::Made(out)
    }

    fn stored(&mut self, id: ValueId) -> usize {
        let Self { read, code, store, .. } = self;
        *read.entry(id).or_insert_with(|| {
            code.stored.push(store.stored(id));
            code.stored.len() - 1
        })
    }

    /// The lanes of an argument, read as a tensor of `shape`.
    fn lanes_of(&mut self, id: ValueId, shape: &Shape) -> Vec<Source> {
        let count = shape.elements() / self.lane;
        if let Some(lanes) = self.lanes.get(&id) {
            return (0..count).map(|j| lanes[j % lanes.len()]).collect();
        }
        let own = &self.program.value(id).shape;
        let number = self.stored(id);
        let words = self.code.stored[number].clone();
        if words.length() == 1 {
            return vec![Source::Word(words[0]); count];
        }
        if own.elements() == shape.elements() {
            return (0..count).map(|j| Source::Stored(number, j * self.lane)).collect();
        }
        if super::is_repeated_whole(own, shape) && own.elements().is_multiple_of(self.lane) {
            return (0..count).map(|j| Source::Stored(number, j * self.lane % own.elements())).collect();
        }
        if let Some(lanes) = self.repeated.get(&(id, shape.clone())) {
            return lanes.clone();
        }
        let broadcast = Arc::new(Broadcast::new(own.axes(), shape.axes()));
        let lanes: Vec<Source> = (0..count)
            .map(|j| match broadcast.single(j * self.lane, self.lane) {
                // Where memory is only reckoned, there is no word, but one is told from another.
                Some(position) => Source::Word(words.get(position).copied().unwrap_or(position as u64)),
                None => {
                    let (broadcast, first) = (broadcast.clone(), j * self.lane);
                    self.emit(Kind::Move, |out| Instruction::Repeat { broadcast, stored: number, first, out })
                }
            })
            .collect();
        self.repeated.insert((id, shape.clone()), lanes.clone());
        lanes
    }

    /// The lanes of an argument as it is.
    fn own_lanes(&mut self, id: ValueId) -> Vec<Source> {
        let program = self.program;
        self.lanes_of(id, &program.value(id).shape)
    }

    fn sample(&mut self, value: &Value) -> Vec<Source> {
        let (key, lane) = (self.code.keys.len() - 1, self.lane);
        let mask = value.domain.mask();
        let sample = |j: usize| {
            let position = (j * lane) as u64;
            self.emit(Kind::Sample, |out| Instruction::Sample { key, position, mask, out })
        };
        (0..value.shape.elements() / lane).map(sample).collect()
    }

    fn local(&mut self, value: &Value, local: &Local, arguments: &Arguments) -> Vec<Source> {
        match local {
            Local::Add => self.two(value, Binary::Add, arguments),
            Local::Sub => self.two(value, Binary::Sub, arguments),
            Local::Mul => self.two(value, Binary::Mul, arguments),
            Local::And => self.two(value, Binary::And, arguments),
            Local::Xor => self.two(value, Binary::Xor, arguments),
            Local::Neg => self.one(value, Unary::Neg, arguments),
            Local::Not => self.one(value, Unary::Not, arguments),
            Local::ShiftLeft(shift) => self.one(value, Unary::ShiftLeft(u32::from(*shift)), arguments),
            Local::ShiftRight(shift) => self.one(value, Unary::ShiftRight(u32::from(*shift)), arguments),
            Local::ShiftRightArithmetic(shift) => {
                self.one(value, Unary::ShiftRightArithmetic(u32::from(*shift)), arguments)
            }
            Local::BitReversal => self.one(value, Unary::BitReversal, arguments),
            Local::Convert(_) if self.program.value(arguments[0]).domain.bits() <= value.domain.bits() => {
                self.own_lanes(arguments[0])
            }
            Local::Convert(_) => self.one(value, Unary::Reduce, arguments),
            Local::Move(Move::Reshape(_)) => self.own_lanes(arguments[0]),
            Local::Move(Move::Broadcast(shape)) => self.lanes_of(arguments[0], shape),
            Local::Move(Move::Slice { axis, start, length }) => {
                let axes = self.program.value(arguments[0]).shape.axes();
                let inner: usize = axes[axis + 1..].iter().product();
                let first = start * inner / self.lane;
                self.own_lanes(arguments[0])[first..first + length * inner / self.lane].to_vec()
            }
            Local::Concat(_) => arguments.iter().flat_map(|&part| self.own_lanes(part)).collect(),
            Local::Sum(axis) => {
                let length = self.program.value(arguments[0]).shape.axes()[*axis];
                let lanes = self.own_lanes(arguments[0]);
                let count = lanes.len() / length;
                let mask = value.domain.mask();
                let sum = |j: usize| {
                    let operands = (0..length).map(|i| lanes[i * count + j]).collect();
                    self.emit(Kind::Sum, |out| Instruction::Sum { mask, operands, out })
                };
                (0..count).map(sum).collect()
            }
            Local::Function(function) => self.function(function, arguments[0]),
            Local::MatMul | Local::Move(Move::Transpose(_) | Move::Windows(_)) => {
                unreachable!("products, transposes and windows are never in a group")
            }
        }
    }

    fn one(&mut self, value: &Value, op: Unary, arguments: &Arguments) -> Vec<Source> {
        let mask = value.domain.mask();
        let lanes = self.own_lanes(arguments[0]);
        let unary = |operand| {
            let kind = if op == Unary::BitReversal { Kind::BitReversal } else { Kind::Unary };
            self.emit(kind, |out| Instruction::Unary { op, mask, operand, out })
        };
        lanes.into_iter().map(unary).collect()
    }

    fn two(&mut self, value: &Value, op: Binary, arguments: &Arguments) -> Vec<Source> {
        let mask = value.domain.mask();
        let [left, right] = [0, 1].map(|i| self.lanes_of(arguments[i], &value.shape));
        let binary = |operands| self.emit(Kind::Binary, |out| Instruction::Binary { op, mask, operands, out });
        left.into_iter().zip(right).map(|(left, right)| [left, right]).map(binary).collect()
    }

    fn function(&mut self, function: &Arc<WordFunction>, argument: ValueId) -> Vec<Source> {
        let bits = self.program.value(argument).domain.bits();
        let lanes = self.own_lanes(argument);
        let mut made = Vec::new();
        match &**function {
            WordFunction::Waves { waves, .. } => {
                for wave in 0..waves.len() {
                    for &operand in &lanes {
                        let function = function.clone();
                        made.push(self.emit(Kind::Wave, |out| Instruction::Wave {
                            function,
                            wave,
                            bits,
                            operand,
                            out,
                        }));
                    }
                }
            }
            WordFunction::Table { .. } | WordFunction::Remainder { .. } => {
                for operand in lanes {
                    let function = function.clone();
                    made.push(self.emit(Kind::LookUp, |out| Instruction::LookUp { function, operand, out }));
                }
            }
        }
        made
    }

    /// Sees to it that a value is stored after the group.
    fn keep(&mut self, id: ValueId, lanes: &[Source]) {
        if let Some(&Source::Word(word)) = lanes.first()
            && lanes.iter().all(|lane| *lane == Source::Word(word))
        {
            return self.code.words.push((id, word));
        }
        if let Some(same) = self.stored_as(lanes) {
            return self.code.aliases.push((id, same));
        }
        let output = self.code.outputs.len();
        self.code.outputs.push(Output { id, lanes: lanes.len() });
        for (lane, &source) in lanes.iter().enumerate() {
            let register = match source {
                Source::Made(register) if self.homes[register].is_none() => register,
                operand => match self.emit(Kind::Move, |out| Instruction::Copy { operand, out }) {
                    Source::Made(register) => register,
                    Source::Word(_) | Source::Stored(..) => unreachable!("an instruction makes a register"),
                },
            };
            self.homes[register] = Some((output, lane));
        }
    }

    /// A value that is stored, or will be, as exactly these lanes.
    fn stored_as(&self, lanes: &[Source]) -> Option<ValueId> {
        match *lanes.first()? {
            Source::Word(_) => None,
            Source::Stored(number, 0) => {
                let whole = self.code.stored[number].length() == lanes.len() * self.lane;
                let is_lane = |(j, lane): (usize, &Source)| *lane == Source::Stored(number, j * self.lane);
                let id = self.read.iter().find(|(_, other)| **other == number)?.0;
                (whole && lanes.iter().enumerate().all(is_lane)).then_some(*id)
            }
            Source::Stored(..) => None,
            Source::Made(register) => {
                let (output, _) = self.homes[register]?;
                let is_lane = |(j, lane): (usize, &Source)| matches!(*lane, Source::Made(register) if self.homes[register] == Some((output, j)));
                let output = &self.code.outputs[output];
                (output.lanes == lanes.len() && lanes.iter().enumerate().all(is_lane)).then_some(output.id)
            }
        }
    }

    /// Gives every register its place: scratch places are used again when what they hold was read for the last time.
    fn finish(mut self) -> Code {
        let instructions = &mut self.code.instructions;
        let mut last_read = vec![0; self.homes.len()];
        for (at, (_, instruction)) in instructions.iter_mut().enumerate() {
            last_read[*instruction.out()] = at;
            for operand in instruction.operands() {
                if let Source::Made(register) = *operand {
                    last_read[register] = at;
                }
            }
        }
        // First the scratch places of all, then the lanes of the outputs behind them.
        let mut places = vec![usize::MAX; self.homes.len()];
        let mut spare = Vec::new();
        let mut used = 0;
        for (at, (_, instruction)) in instructions.iter_mut().enumerate() {
            let register = *instruction.out();
            if self.homes[register].is_none() {
                places[register] = spare.pop().unwrap_or_else(|| {
                    used += 1;
                    used - 1
                });
            }
            let mut read: Vec<usize> = instruction.operands().iter().filter_map(Source::register).collect();
            read.push(register);
            read.sort_unstable();
            read.dedup();
            let dead = read.into_iter().filter(|&register| last_read[register] == at && self.homes[register].is_none());
            spare.extend(dead.map(|register| places[register]));
        }
        let mut first_of_output = Vec::with_capacity(self.code.outputs.len());
        let mut next = used;
        for output in &self.code.outputs {
            first_of_output.push(next);
            next += output.lanes;
        }
        for (register, home) in self.homes.iter().enumerate() {
            if let Some((output, lane)) = *home {
                places[register] = first_of_output[output] + lane;
            }
        }
        for (_, instruction) in instructions {
            let out = instruction.out();
            *out = places[*out];
            for operand in instruction.operands() {
                if let Source::Made(register) = operand {
                    *register = places[*register];
                }
            }
        }
        self.code.scratch_places = used;
        self.code
    }
}

impl Source {
    fn register(&self) -> Option<usize> {
        match *self {
            Self::Made(register) => Some(register),
            Self::Word(_) | Self::Stored(..) => None,
        }
    }
}
