//! Runs a compiled group, stretch by stretch.

use super::compile::{Code, Instruction, Source};
use crate::buffers::Buffer;
use crate::kernels::CodePath;
use crate::kernels::blocks::{self, Stretch};
use crate::kernels::waves;
use crate::local::Store;
use crate::work::KINDS;
use rayon::prelude::*;
use std::time::Instant;
use viewless_protocols::program::WordFunction;

/// Words of all scratch places of a stretch together: 256 KiB, so that they stay in a level-two cache.
const SCRATCH_WORDS: usize = 1 << 15;
/// Words of a stretch: fewer are not worth an instruction's overhead, more are not needed to amortise it.
const STRETCH_WORDS: std::ops::RangeInclusive<usize> = 256..=4096;
/// One stretch of so many is timed, by kinds of work.
const TIMED: usize = 16;

/// Seconds spent on each kind of work.
pub(in crate::execute) type Seconds = [f64; KINDS];

impl Code {
    /// Stores what a run would store, without words.
    pub(in crate::execute) fn reckon(self, store: &mut Store) {
        // All outputs are there at the same time.
        let outputs: Vec<Buffer> = self.outputs.iter().map(|output| store.take(output.lanes * self.lane)).collect();
        self.outputs.iter().zip(outputs).for_each(|(output, words)| store.put(output.id, words));
        self.name_the_rest(store);
    }

    /// Stores the values that are other values, or one word.
    fn name_the_rest(&self, store: &mut Store) {
        self.aliases.iter().for_each(|&(id, same)| store.alias(id, same));
        self.words.iter().for_each(|&(id, word)| store.put_splat(id, word));
    }

    /// Computes everything and stores what is needed after the group. What each kind of work took is estimated from a part of the stretches.
    pub(in crate::execute) fn run(self, path: CodePath, store: &mut Store) -> Seconds {
        let started = Instant::now();
        let mut outputs: Vec<Buffer> = self.outputs.iter().map(|output| store.take(output.lanes * self.lane)).collect();
        let words = (SCRATCH_WORDS / self.scratch_places.max(1)).clamp(*STRETCH_WORDS.start(), *STRETCH_WORDS.end());
        // A multiple of a cache line's words, and of a cipher's blocks.
        let words = words & !15;
        let stretches = self.lane.div_ceil(words);
        let mut places: Vec<Vec<&mut [u64]>> = Vec::new();
        places.resize_with(stretches, || Vec::with_capacity(self.outputs.iter().map(|output| output.lanes).sum()));
        for output in &mut outputs {
            for lane in output.chunks_mut(self.lane) {
                places.iter_mut().zip(lane.chunks_mut(words)).for_each(|(places, stretch)| places.push(stretch));
            }
        }
        let stretch = |scratch: &mut Vec<u64>, (index, outputs): (usize, Vec<&mut [u64]>)| {
            let start = index * words;
            let length = words.min(self.lane - start);
            let scratch = scratch.chunks_mut(words).map(|place| &mut place[..length]);
            let mut places: Vec<&mut [u64]> = scratch.chain(outputs).collect();
            // Not the first one, which finds nothing in the caches.
            let timed = stretches <= 1 || index % TIMED == 1;
            let mut seconds = [0.0; KINDS];
            for (kind, instruction) in &self.instructions {
                let before = timed.then(Instant::now);
                self.step(path, instruction, start, length, &mut places);
                if let Some(before) = before {
                    seconds[*kind as usize] += before.elapsed().as_secs_f64();
                }
            }
            seconds
        };
        let scratch = || vec![0; self.scratch_places * words];
        let sum = |a: Seconds, b: Seconds| std::array::from_fn(|kind| a[kind] + b[kind]);
        let seconds: Seconds = if stretches * self.instructions.len() < 64 {
            let mut scratch = scratch();
            places.into_iter().enumerate().map(|numbered| stretch(&mut scratch, numbered)).fold([0.0; KINDS], sum)
        } else {
            places.into_par_iter().enumerate().map_init(scratch, stretch).reduce(|| [0.0; KINDS], sum)
        };
        for (output, words) in self.outputs.iter().zip(outputs) {
            store.put(output.id, words);
        }
        self.name_the_rest(store);
        let scale = started.elapsed().as_secs_f64() / seconds.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        seconds.map(|seconds| seconds * scale)
    }

    fn step(&self, path: CodePath, instruction: &Instruction, start: usize, length: usize, places: &mut [&mut [u64]]) {
        // The result's place is taken out, so that the others can be read while it is written.
        let (Instruction::Sample { out, .. }
        | Instruction::Binary { out, .. }
        | Instruction::Unary { out, .. }
        | Instruction::Copy { out, .. }
        | Instruction::Repeat { out, .. }
        | Instruction::Sum { out, .. }
        | Instruction::Wave { out, .. }
        | Instruction::LookUp { out, .. }) = *instruction;
        let result = std::mem::take(&mut places[out]);
        let read = |source: Source| match source {
            Source::Word(word) => Stretch::Word(word),
            Source::Stored(number, first) => Stretch::Words(&self.stored[number][first + start..][..length]),
            Source::Made(place) => Stretch::Words(&*places[place]),
        };
        match instruction {
            Instruction::Sample { key, position, mask, .. } => {
                self.keys[*key].fill(position + start as u64, result);
                if *mask != u64::MAX {
                    blocks::reduce(path, *mask, result);
                }
            }
            Instruction::Binary { op, mask, operands: [left, right], .. } => {
                blocks::binary(path, *op, *mask, read(*left), read(*right), result);
            }
            Instruction::Unary { op, mask, operand, .. } => blocks::unary(path, *op, *mask, read(*operand), result),
            Instruction::Copy { operand, .. } => match read(*operand) {
                Stretch::Words(words) => result.copy_from_slice(words),
                Stretch::Word(word) => result.fill(word),
            },
            Instruction::Repeat { broadcast, stored, first, .. } => {
                broadcast.read(&self.stored[*stored], first + start, result);
            }
            Instruction::Sum { mask, operands, .. } => {
                result.fill(0);
                operands.iter().for_each(|operand| blocks::add_to(path, read(*operand), result));
                if *mask != u64::MAX {
                    blocks::reduce(path, *mask, result);
                }
            }
            Instruction::Wave { function, wave, bits, operand, .. } => {
                let WordFunction::Waves { waves, fraction_bits } = &**function else {
                    unreachable!("a wave is of waves")
                };
                waves::evaluate(path, &waves[*wave], *fraction_bits, *bits, read(*operand), result);
            }
            Instruction::LookUp { function, operand, .. } => {
                let word = |word: u64| match &**function {
                    WordFunction::Table { entries, .. } => entries[word as usize],
                    WordFunction::Remainder { modulus, .. } => word % modulus,
                    WordFunction::Waves { .. } => unreachable!("waves are not looked up"),
                };
                match read(*operand) {
                    Stretch::Words(words) => result.iter_mut().zip(words).for_each(|(out, &a)| *out = word(a)),
                    Stretch::Word(a) => result.fill(word(a)),
                }
            }
        }
        places[out] = result;
    }
}
