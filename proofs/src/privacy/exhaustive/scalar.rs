//! A Program taken apart into single words: what the counting works on. An interpreter of its own, which shares nothing with
//! the simulator's kernels.

use super::CountError;
use std::collections::HashSet;
use viewless_protocols::fixed::power_of_two;
use viewless_protocols::program::{Constant, Local, Op, Program, Wave, WordFunction};
use viewless_protocols::ring::{self, Domain};
use viewless_protocols::shape::{Move, Shape};
use viewless_protocols::walk::{self, MatrixProduct, Walk};

/// How a word comes about.
#[derive(Debug, Clone)]
pub(super) enum Word {
    /// An input, of whoever holds the value.
    Input,
    /// A uniform word.
    Sample,
    /// A public word.
    Constant(u64),
    /// A computation from other words.
    Computed(Operation, Vec<usize>),
}

/// A computation on words.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    Add,
    Sub,
    Neg,
    Mul,
    And,
    Xor,
    Not,
    ShiftLeft(u8),
    ShiftRight(u8),
    ShiftRightArithmetic(u8),
    BitReversal,
    /// The same low bits.
    Convert,
    Wave(Wave, u8),
    Table(std::sync::Arc<WordFunction>),
    Remainder(u64),
}

/// One word of a value.
#[derive(Debug, Clone)]
pub(super) struct Scalar {
    pub(super) word: Word,
    pub(super) domain: Domain,
    /// The value that it is an element of, and its position there.
    pub(super) element: (u32, usize),
}

/// A Program as words; each value is a list of them, row-major.
#[derive(Debug)]
pub(super) struct Scalars {
    pub(super) scalars: Vec<Scalar>,
    pub(super) values: Vec<Vec<usize>>,
}

/// Programs with more words are too large to count.
const MOST_SCALARS: usize = 1 << 16;

impl Scalars {
    pub(super) fn new(program: &Program) -> Result<Self, CountError> {
        let mut this = Self { scalars: Vec::new(), values: Vec::with_capacity(program.values.len()) };
        for (id, value) in program.iter() {
            let elements = value.shape.elements();
            if this.scalars.len() + elements > MOST_SCALARS {
                return Err(CountError::Size { what: format!("more than {MOST_SCALARS} words") });
            }
            let leaf = |i: usize| Scalar {
                word: match &value.op {
                    Op::Sample { .. } => Word::Sample,
                    Op::Constant(Constant::Splat(word)) => Word::Constant(*word),
                    Op::Constant(Constant::Words(words)) => Word::Constant(words[i]),
                    Op::Input { .. } | Op::Local(..) | Op::Send(..) | Op::Reveal { .. } => Word::Input,
                },
                domain: value.domain,
                element: (id.0, i),
            };
            let words = match &value.op {
                Op::Input { .. } | Op::Sample { .. } | Op::Constant(_) => {
                    (0..elements).map(|i| this.push(leaf(i))).collect()
                }
                Op::Send(argument, _) | Op::Reveal { value: argument, .. } => this.values[argument.index()].clone(),
                Op::Local(local, arguments) => {
                    let arguments: Vec<(&[usize], &Shape)> = arguments
                        .iter()
                        .map(|&argument| (&this.values[argument.index()][..], &program.value(argument).shape))
                        .collect();
                    // Borrowed from `this`, which grows meanwhile.
                    let arguments: Vec<(Vec<usize>, Shape)> =
                        arguments.into_iter().map(|(words, shape)| (words.to_vec(), shape.clone())).collect();
                    this.local(id.0, local, &arguments, value.domain, &value.shape)
                }
            };
            this.values.push(words);
        }
        Ok(this)
    }

    fn push(&mut self, scalar: Scalar) -> usize {
        self.scalars.push(scalar);
        self.scalars.len() - 1
    }

    fn computed(&mut self, id: u32, i: usize, domain: Domain, operation: Operation, arguments: Vec<usize>) -> usize {
        let constants: Option<Vec<u64>> = arguments.iter().map(|&argument| self.constant(argument)).collect();
        let word = match constants {
            Some(constants) => {
                let bits: Vec<u8> = arguments.iter().map(|&argument| self.scalars[argument].domain.bits()).collect();
                Word::Constant(evaluate(&operation, &constants, &bits, domain))
            }
            None => Word::Computed(operation, arguments),
        };
        self.push(Scalar { word, domain, element: (id, i) })
    }

    fn constant(&self, id: usize) -> Option<u64> {
        match self.scalars[id].word {
            Word::Constant(word) => Some(word),
            Word::Input | Word::Sample | Word::Computed(..) => None,
        }
    }

    fn local(
        &mut self,
        id: u32,
        local: &Local,
        arguments: &[(Vec<usize>, Shape)],
        domain: Domain,
        shape: &Shape,
    ) -> Vec<usize> {
        let elements = shape.elements();
        let (a, a_shape) = (&arguments[0].0, &arguments[0].1);
        let mut one = |operation: Operation| -> Vec<usize> {
            (0..elements).map(|i| self.computed(id, i, domain, operation.clone(), vec![a[i]])).collect()
        };
        match local {
            Local::Neg => one(Operation::Neg),
            Local::Not => one(Operation::Not),
            Local::ShiftLeft(shift) => one(Operation::ShiftLeft(*shift)),
            Local::ShiftRight(shift) => one(Operation::ShiftRight(*shift)),
            Local::ShiftRightArithmetic(shift) => one(Operation::ShiftRightArithmetic(*shift)),
            Local::BitReversal => one(Operation::BitReversal),
            Local::Convert(_) => one(Operation::Convert),
            Local::Add => self.elementwise(id, &Operation::Add, arguments, domain, shape),
            Local::Sub => self.elementwise(id, &Operation::Sub, arguments, domain, shape),
            Local::Mul => self.elementwise(id, &Operation::Mul, arguments, domain, shape),
            Local::And => self.elementwise(id, &Operation::And, arguments, domain, shape),
            Local::Xor => self.elementwise(id, &Operation::Xor, arguments, domain, shape),
            Local::MatMul => self.matmul(id, arguments, domain, shape),
            Local::Sum(axis) => {
                let terms = walk::summed(a_shape, *axis);
                (0..elements)
                    .map(|i| {
                        let terms: Vec<usize> = terms(i).map(|term| a[term]).collect();
                        self.sum(id, i, domain, &terms)
                    })
                    .collect()
            }
            Local::Move(rearrangement) => {
                let zero = match rearrangement {
                    Move::Windows(windows) if windows.pads(a_shape.axes()[windows.axis]) => {
                        self.push(Scalar { word: Word::Constant(0), domain, element: (id, 0) })
                    }
                    Move::Windows(_)
                    | Move::Reshape(_)
                    | Move::Transpose(_)
                    | Move::Broadcast(_)
                    | Move::Slice { .. } => 0,
                };
                Walk::moved(a_shape, rearrangement, shape).gather(a, &zero)
            }
            Local::Concat(axis) => {
                let shapes: Vec<&Shape> = arguments.iter().map(|(_, shape)| shape).collect();
                walk::joined(&shapes, *axis).flat_map(|(part, range)| arguments[part].0[range].to_vec()).collect()
            }
            Local::Function(function) => match &**function {
                WordFunction::Table { .. } => one(Operation::Table(function.clone())),
                WordFunction::Remainder { modulus, .. } => one(Operation::Remainder(*modulus)),
                WordFunction::Waves { waves, fraction_bits } => (0..elements)
                    .map(|i| {
                        let wave = Operation::Wave(waves[i / a.len()], *fraction_bits);
                        self.computed(id, i, domain, wave, vec![a[i % a.len()]])
                    })
                    .collect(),
            },
        }
    }

    fn elementwise(
        &mut self,
        id: u32,
        operation: &Operation,
        arguments: &[(Vec<usize>, Shape)],
        domain: Domain,
        shape: &Shape,
    ) -> Vec<usize> {
        let [(a, a_shape), (b, b_shape)] = arguments else {
            unreachable!("the checker admits two arguments only");
        };
        let (left, right) = (Walk::broadcast(a_shape, shape), Walk::broadcast(b_shape, shape));
        (0..shape.elements())
            .map(|i| self.computed(id, i, domain, operation.clone(), vec![a[left.at(i)], b[right.at(i)]]))
            .collect()
    }

    fn sum(&mut self, id: u32, i: usize, domain: Domain, terms: &[usize]) -> usize {
        let first = terms[0];
        terms[1..].iter().fold(first, |sum, &term| self.computed(id, i, domain, Operation::Add, vec![sum, term]))
    }

    fn matmul(&mut self, id: u32, arguments: &[(Vec<usize>, Shape)], domain: Domain, shape: &Shape) -> Vec<usize> {
        let (a, b) = (&arguments[0].0, &arguments[1].0);
        let product = MatrixProduct::of(&arguments[0].1, &arguments[1].1);
        (0..shape.elements())
            .map(|i| {
                let terms: Vec<usize> = product
                    .terms(i)
                    .map(|(left, right)| self.computed(id, i, domain, Operation::Mul, vec![a[left], b[right]]))
                    .collect();
                self.sum(id, i, domain, &terms)
            })
            .collect()
    }
}

/// The word that an operation gives.
pub(super) fn evaluate(operation: &Operation, words: &[u64], bits: &[u8], domain: Domain) -> u64 {
    let (a, width) = (words[0], bits[0]);
    let b = || words[1];
    let result = match operation {
        Operation::Add => a.wrapping_add(b()),
        Operation::Sub => a.wrapping_sub(b()),
        Operation::Neg => a.wrapping_neg(),
        Operation::Mul => a.wrapping_mul(b()),
        Operation::And => a & b(),
        Operation::Xor => a ^ b(),
        Operation::Not => !a,
        Operation::ShiftLeft(shift) => a << shift,
        Operation::ShiftRight(shift) => a >> shift,
        Operation::ShiftRightArithmetic(shift) => (ring::signed(a, width) >> shift) as u64,
        Operation::BitReversal => reversed(a, width),
        Operation::Convert => a,
        Operation::Wave(wave, fraction_bits) => {
            let angle =
                2.0 * std::f64::consts::PI * a as f64 / power_of_two(i32::from(width)) * f64::from(wave.harmonic);
            let number = wave.cosine * angle.cos() + wave.sine * angle.sin();
            (number * power_of_two(i32::from(*fraction_bits))).round() as i64 as u64
        }
        Operation::Table(function) => match &**function {
            WordFunction::Table { entries, .. } => entries[a as usize],
            WordFunction::Waves { .. } => unreachable!("waves are taken apart"),
            WordFunction::Remainder { .. } => unreachable!("a remainder is an operation of its own"),
        },
        Operation::Remainder(modulus) => a % modulus,
    };
    result & domain.mask()
}

/// The bit at position i goes to the position with the digits of i in the opposite order.
fn reversed(word: u64, bits: u8) -> u64 {
    let digits = u32::from(bits).trailing_zeros();
    let target = |i: u32| if digits == 0 { 0 } else { i.reverse_bits() >> (32 - digits) };
    (0..u32::from(bits)).fold(0, |result, i| result | (word >> i & 1) << target(i))
}

/// The words that `kept` are computed from, themselves included.
pub(super) fn needed(scalars: &[Scalar], kept: impl Iterator<Item = usize>) -> HashSet<usize> {
    let mut needed = HashSet::new();
    let mut open: Vec<usize> = kept.collect();
    while let Some(id) = open.pop() {
        if needed.insert(id)
            && let Word::Computed(_, arguments) = &scalars[id].word
        {
            open.extend(arguments);
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use viewless_protocols::party::{Party, PartySet};
    use viewless_protocols::program::{ProgramBuilder, ValueId};
    use viewless_simulator::execute::{Options, execute};
    use viewless_simulator::stream::Seed;

    /// A Program of public words that uses every operation.
    fn every_operation(bits: u8) -> Program {
        let mut p = ProgramBuilder::new(PartySet::of(&[Party::Client]), Party::ModelOwner);
        let (ring, word) = (Domain::Ring(bits), Domain::Bits(bits));
        let words = |from: u64, count: u64, domain: Domain| {
            Constant::Words(
                (from..from + count).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 7 & domain.mask()).collect(),
            )
        };
        let a = p.constant(words(1, 12, ring), ring, [2, 2, 3].into());
        let b = p.constant(words(40, 6, ring), ring, [3, 2].into());
        let batch = p.constant(words(90, 12, ring), ring, [2, 3, 2].into());
        let row = p.constant(words(70, 3, ring), ring, [3].into());
        let x = p.constant(words(7, 6, word), word, [2, 3].into());
        let y = p.constant(words(23, 3, word), word, [1, 3].into());
        let mut all: Vec<ValueId> = vec![
            p.add(a, row),
            p.sub(row, a),
            p.mul(a, row),
            p.neg(a),
            p.matmul(a, b),
            p.matmul(a, batch),
            p.shift_right_arithmetic(a, bits - 1),
            p.shift_left(a, 1),
            p.shift_right(a, 1),
            p.and(x, y),
            p.xor(x, y),
            p.not(x),
            p.bit_reversal(x),
            p.convert(a, Domain::Ring(bits - 1)),
            p.convert(x, Domain::Ring(bits + 3)),
            p.moved(a, Move::Transpose([2, 0, 1].into_iter().collect())),
            p.moved(a, Move::Reshape([4, 3].into())),
            p.moved(row, Move::Broadcast([2, 3].into())),
            p.moved(a, Move::Slice { axis: 1, start: 1, length: 1 }),
            p.function(WordFunction::Table { entries: (0..1 << bits).rev().collect(), domain: ring }, a),
        ];
        all.extend([0, 1, 2].map(|axis| p.sum(a, axis)));
        let slice = p.moved(a, Move::Slice { axis: 1, start: 0, length: 1 });
        all.push(p.concat(&[slice, a], 1));
        let waves = vec![Wave { harmonic: 3, cosine: 1.0, sine: 0.5 }, Wave { harmonic: 1, cosine: 0.0, sine: -1.0 }];
        all.push(p.function(WordFunction::Waves { waves, fraction_bits: 9 }, row));
        for (i, value) in all.into_iter().enumerate() {
            p.reveal(value, Party::Client, &i.to_string(), 0);
        }
        p.finish().unwrap()
    }

    #[test]
    fn words_are_those_of_the_simulator() {
        for bits in [2, 4, 8] {
            let program = every_operation(bits);
            let scalars = Scalars::new(&program).unwrap();
            let run = execute(&program, &BTreeMap::new(), Options::new(Seed::from_u64(1))).unwrap();
            for (id, value) in program.iter() {
                let Op::Reveal { name, .. } = &value.op else { continue };
                let expected = &run.output(name).unwrap().values;
                let found: Vec<f64> = scalars.values[id.index()]
                    .iter()
                    .map(|&word| ring::signed(scalars.constant(word).unwrap(), value.domain.bits()) as f64)
                    .collect();
                assert_eq!(&found, expected, "output {name} over {bits} bits");
            }
        }
    }
}
