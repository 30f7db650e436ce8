//! Local operations on stored values: which kernel does what, and the buffers they work in.

#![deny(clippy::wildcard_enum_match_arm, reason = "a catch-all hides a new operation from the pass that must learn it")]

use crate::buffers::{Buffer, Pool};
use crate::kernels::blocks::Stretch;
use crate::kernels::elementwise::{self, Binary, Unary};
use crate::kernels::matmul::{self, Product};
use crate::kernels::{CodePath, moves, waves};
use rayon::prelude::*;
use std::borrow::Cow;
use std::sync::Arc;
use viewless_protocols::program::{Local, Program, ValueId, WordFunction};
use viewless_protocols::shape::{Move, Shape};

/// The words of a value: one for each element, or a single one that all elements share.
pub(crate) type Stored = Arc<Buffer>;

/// Elements handled by one thread at a time.
const BLOCK: usize = 1 << 12;

/// The values that are alive.
#[derive(Debug)]
pub(crate) struct Store {
    values: Vec<Option<Stored>>,
    pool: Pool,
}

impl Store {
    pub(crate) fn new(values: usize) -> Self {
        Self { values: vec![None; values], pool: Pool::default() }
    }

    /// A store that reckons and keeps no words.
    pub(crate) fn imagined(values: usize) -> Self {
        Self { values: vec![None; values], pool: Pool::imagined() }
    }

    /// Most bytes of memory at once, what is dead and not given back included.
    pub(crate) fn most_held_bytes(&self) -> u64 {
        self.pool.most_held_bytes()
    }

    /// Most bytes that were alive at once.
    pub(crate) fn peak_bytes(&self) -> u64 {
        self.pool.peak_bytes()
    }

    /// A buffer of `length` words with arbitrary contents.
    pub(crate) fn take(&mut self, length: usize) -> Buffer {
        self.pool.take(length)
    }

    pub(crate) fn put(&mut self, id: ValueId, words: Buffer) {
        self.values[id.index()] = Some(Arc::new(words));
    }

    /// Puts words that somebody else keeps, too.
    pub(crate) fn put_shared(&mut self, id: ValueId, words: Stored) {
        self.values[id.index()] = Some(words);
    }

    pub(crate) fn put_splat(&mut self, id: ValueId, word: u64) {
        let mut words = self.take(1);
        words[0] = word;
        self.put(id, words);
    }

    /// Makes `id` the same words as `other`.
    pub(crate) fn alias(&mut self, id: ValueId, other: ValueId) {
        self.values[id.index()] = self.values[other.index()].clone();
    }

    pub(crate) fn free(&mut self, id: ValueId) {
        if let Some(words) = self.values[id.index()].take().and_then(Arc::into_inner) {
            self.pool.give_back(words);
        }
    }

    pub(crate) fn has(&self, id: ValueId) -> bool {
        self.values[id.index()].is_some()
    }

    pub(crate) fn stored(&self, id: ValueId) -> Stored {
        self.values[id.index()].clone().expect("a value lives until its last use")
    }

    /// The words of a value, one for each of its `elements`.
    pub(crate) fn words(&self, id: ValueId, elements: usize) -> Cow<'_, [u64]> {
        let words: &[u64] = self.values[id.index()].as_ref().expect("a value lives until its last use");
        if words.len() == elements { Cow::Borrowed(words) } else { Cow::Owned(vec![words[0]; elements]) }
    }
}

/// Shape under which an elementwise kernel reads a stored value: a single element where all share one word.
fn kernel_shape<'a>(stored: &Stored, shape: &'a Shape) -> &'a [usize] {
    if stored.len() == shape.elements() { shape.axes() } else { &[] }
}

/// Elements before, along and after an axis.
fn around(shape: &Shape, axis: usize) -> (usize, usize, usize) {
    let axes = shape.axes();
    (axes[..axis].iter().product(), axes[axis], axes[axis + 1..].iter().product())
}

/// How stored values are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    /// Whose values they are.
    pub(crate) program: &'a Program,
    /// The kernels to be used.
    pub(crate) path: CodePath,
    /// Whether the right operand of a product of matrices is stored with its last two axes exchanged.
    pub(crate) right_is_transposed: bool,
}

/// Computes one local operation and stores its result.
#[expect(clippy::too_many_lines, reason = "one arm for each operation")]
pub(crate) fn apply(store: &mut Store, reading: Reading<'_>, id: ValueId, local: &Local, arguments: &[ValueId]) {
    let Reading { program, path, .. } = reading;
    let value = program.value(id);
    let argument = |i: usize| program.value(arguments[i]);
    let mask = value.domain.mask();
    let elements = value.shape.elements();
    let one = |store: &mut Store, op: Unary| {
        let a = store.stored(arguments[0]);
        let mut out = store.take(a.len());
        elementwise::unary(path, op, mask, &a, &mut out);
        store.put(id, out);
    };
    let two = |store: &mut Store, op: Binary| {
        let (a, b) = (store.stored(arguments[0]), store.stored(arguments[1]));
        let (a_shape, b_shape) = (kernel_shape(&a, &argument(0).shape), kernel_shape(&b, &argument(1).shape));
        let both_single = a.len() == 1 && b.len() == 1;
        let mut out = store.take(if both_single { 1 } else { elements });
        let out_shape = if both_single { &[][..] } else { value.shape.axes() };
        let (a_shape, b_shape) = if both_single { (&[][..], &[][..]) } else { (a_shape, b_shape) };
        elementwise::binary(path, op, mask, &a, a_shape, &b, b_shape, &mut out, out_shape);
        store.put(id, out);
    };
    match local {
        Local::Add => two(store, Binary::Add),
        Local::Sub => two(store, Binary::Sub),
        Local::Mul => two(store, Binary::Mul),
        Local::And => two(store, Binary::And),
        Local::Xor => two(store, Binary::Xor),
        Local::Neg => one(store, Unary::Neg),
        Local::Not => one(store, Unary::Not),
        Local::ShiftLeft(shift) => one(store, Unary::ShiftLeft(u32::from(*shift))),
        Local::ShiftRight(shift) => one(store, Unary::ShiftRight(u32::from(*shift))),
        Local::ShiftRightArithmetic(shift) => one(store, Unary::ShiftRightArithmetic(u32::from(*shift))),
        Local::BitReversal => one(store, Unary::BitReversal),
        Local::Convert(_) if argument(0).domain.bits() <= value.domain.bits() => store.alias(id, arguments[0]),
        Local::Convert(_) => one(store, Unary::Reduce),
        Local::Move(Move::Reshape(_)) => store.alias(id, arguments[0]),
        Local::MatMul => {
            matrix_product(store, reading, id, [arguments[0], arguments[1]]);
        }
        Local::Sum(axis) => {
            let (outer, length, inner) = around(&argument(0).shape, *axis);
            let mut out = store.take(elements);
            let a = store.words(arguments[0], argument(0).shape.elements());
            elementwise::sum_axis(path, &a, outer, length, inner, mask, &mut out);
            store.put(id, out);
        }
        Local::Move(rearrangement) => {
            let mut out = store.take(elements);
            let shape = &argument(0).shape;
            let a = store.words(arguments[0], shape.elements());
            match rearrangement {
                Move::Reshape(_) => out.copy_from_slice(&a),
                Move::Transpose(order) => {
                    let order: Vec<usize> = order.iter().map(|&axis| usize::from(axis)).collect();
                    moves::transpose(&a, shape.axes(), &order, &mut out);
                }
                Move::Broadcast(_) => moves::broadcast_to(&a, shape.axes(), &mut out, value.shape.axes()),
                Move::Slice { axis, start, length } => {
                    let (outer, extent, inner) = around(shape, *axis);
                    moves::slice_axis(&a, outer, extent, inner, *start..*start + *length, &mut out);
                }
                Move::Windows(windows) => {
                    let (_, extent, inner) = around(shape, windows.axis);
                    moves::windows(&a, extent, inner, *windows, &mut out);
                }
            }
            store.put(id, out);
        }
        Local::Concat(axis) => {
            let mut out = store.take(elements);
            let (outer, _, inner) = around(&value.shape, *axis);
            let parts: Vec<(Cow<'_, [u64]>, usize)> = arguments
                .iter()
                .map(|&part| {
                    let shape = &program.value(part).shape;
                    (store.words(part, shape.elements()), shape.axes()[*axis])
                })
                .collect();
            let parts: Vec<(&[u64], usize)> = parts.iter().map(|(words, length)| (&words[..], *length)).collect();
            moves::concat(&parts, outer, inner, &mut out);
            store.put(id, out);
        }
        Local::Function(function) => {
            let mut out = store.take(elements);
            let a = store.words(arguments[0], argument(0).shape.elements());
            match &**function {
                WordFunction::Waves { waves, fraction_bits } => {
                    let bits = argument(0).domain.bits();
                    for (wave, out) in waves.iter().zip(out.chunks_mut(a.len())) {
                        let make = |(out, angles): (&mut [u64], &[u64])| {
                            waves::evaluate(path, wave, *fraction_bits, bits, Stretch::Words(angles), out);
                        };
                        if a.len() <= BLOCK {
                            make((out, &a));
                        } else {
                            out.par_chunks_mut(BLOCK).zip(a.par_chunks(BLOCK)).for_each(make);
                        }
                    }
                }
                WordFunction::Table { entries, .. } => {
                    a.iter().zip(&mut out[..]).for_each(|(&word, out)| *out = entries[word as usize]);
                }
                WordFunction::Remainder { modulus, .. } => {
                    a.iter().zip(&mut out[..]).for_each(|(&word, out)| *out = word % modulus);
                }
            }
            store.put(id, out);
        }
    }
}

fn matrix_product(store: &mut Store, reading: Reading<'_>, id: ValueId, arguments: [ValueId; 2]) {
    let value = reading.program.value(id);
    let operands = arguments.map(|argument| reading.program.value(argument));
    let (&[.., rows, inner], &[.., columns]) = (operands[0].shape.axes(), operands[1].shape.axes()) else {
        unreachable!("the checker admits matrices only");
    };
    let mut out = store.take(value.shape.elements());
    let left = store.words(arguments[0], operands[0].shape.elements());
    let right = store.words(arguments[1], operands[1].shape.elements());
    let batch = left.len() / (rows * inner);
    let product = if operands[1].shape.rank() == 2 {
        // One right operand for the whole batch: the rows of all left operands are one tall matrix.
        Product::new(batch * rows, inner, columns)
    } else {
        Product::new(rows, inner, columns).batched(batch)
    };
    let product = if reading.right_is_transposed { product.transposed_right() } else { product };
    matmul::matmul(reading.path, &product.masked(value.domain.mask()), &left, &right, &mut out);
    store.put(id, out);
}
