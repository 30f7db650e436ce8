//! Memory of values: taken, given back, and used again, because a fresh page costs more than the arithmetic on it.

use bytemuck::{cast_slice, cast_slice_mut};
use memmap2::{Advice, MmapMut};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// Buffers of at least so many words are memory of their own from the system, in huge pages where it has them.
const MAPPED_WORDS: usize = 1 << 17;
/// Words of a huge page.
const HUGE_PAGE_WORDS: usize = 1 << 18;
/// A buffer serves what needs at least a quarter of it.
const LARGEST_RATIO: usize = 4;
/// Dead buffers are kept as long as all memory together is at most this much above what was ever alive.
const SLACK_BYTES: u64 = 64 << 20;

enum Memory {
    Heap(Vec<u64>),
    Mapped(MmapMut),
    /// Room for so many words that nobody has: what a run would need is reckoned with these.
    Imagined(usize),
}

impl Memory {
    /// Words that a buffer for so many has room for.
    fn room(words: usize) -> usize {
        if words < MAPPED_WORDS { words } else { words.next_multiple_of(HUGE_PAGE_WORDS) }
    }

    fn new(words: usize) -> Self {
        if words < MAPPED_WORDS {
            return Self::Heap(vec![0; words]);
        }
        match MmapMut::map_anon(8 * Self::room(words)) {
            Ok(map) => {
                // Advice: without it everything is right and slower.
                let _ = map.advise(Advice::HugePage);
                Self::Mapped(map)
            }
            // Let the allocator say that there is no memory.
            Err(_) => Self::Heap(vec![0; words]),
        }
    }

    fn words(&self) -> &[u64] {
        match self {
            Self::Heap(words) => words,
            Self::Mapped(map) => cast_slice(map),
            Self::Imagined(_) => &[],
        }
    }

    fn words_of_room(&self) -> usize {
        match self {
            Self::Heap(_) | Self::Mapped(_) => self.words().len(),
            Self::Imagined(room) => *room,
        }
    }

    fn words_mut(&mut self) -> &mut [u64] {
        match self {
            Self::Heap(words) => words,
            Self::Mapped(map) => cast_slice_mut(map),
            Self::Imagined(_) => &mut [],
        }
    }
}

/// So many words.
pub(crate) struct Buffer {
    memory: Memory,
    length: usize,
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} words)", self.length)
    }
}

impl Buffer {
    /// How many words it is for.
    pub(crate) fn length(&self) -> usize {
        self.length
    }
}

impl Deref for Buffer {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        let words = self.memory.words();
        // What is only reckoned has none.
        &words[..self.length.min(words.len())]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u64] {
        let words = self.memory.words_mut();
        let length = self.length.min(words.len());
        &mut words[..length]
    }
}

/// Buffers that nobody uses, by the words that they have room for.
#[derive(Default)]
pub(crate) struct Pool {
    spare: BTreeMap<usize, Vec<Memory>>,
    spare_bytes: u64,
    alive_bytes: u64,
    peak_bytes: u64,
    most_held_bytes: u64,
    is_imagined: bool,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({} bytes alive, {} spare)", self.alive_bytes, self.spare_bytes)
    }
}

impl Pool {
    /// Buffers without memory, except those of a single word.
    pub(crate) fn imagined() -> Self {
        Self { is_imagined: true, ..Self::default() }
    }

    /// Most bytes of memory at once, dead buffers included.
    pub(crate) fn most_held_bytes(&self) -> u64 {
        self.most_held_bytes
    }

    /// Most bytes that were alive at once.
    pub(crate) fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }

    /// A buffer of `length` words with arbitrary contents.
    pub(crate) fn take(&mut self, length: usize) -> Buffer {
        // A single word is never in a larger buffer, so that it is there even where the others are imagined.
        let most_room = if length == 1 { 1 } else { length.saturating_mul(LARGEST_RATIO) };
        let fitting = self.spare.range(length..=most_room).next().map(|(&room, _)| room);
        let memory = match fitting.and_then(|room| self.remove(room)) {
            Some(memory) => memory,
            None => {
                // What is dead makes room for what is new, the largest first.
                let most = self.peak_bytes.max(self.alive_bytes + 8 * length as u64) + SLACK_BYTES;
                while self.alive_bytes + self.spare_bytes + 8 * length as u64 > most {
                    let Some(&room) = self.spare.keys().next_back() else { break };
                    self.remove(room);
                }
                match self.is_imagined && length > 1 {
                    true => Memory::Imagined(Memory::room(length)),
                    false => Memory::new(length),
                }
            }
        };
        self.alive_bytes += 8 * memory.words_of_room() as u64;
        self.peak_bytes = self.peak_bytes.max(self.alive_bytes);
        self.most_held_bytes = self.most_held_bytes.max(self.alive_bytes + self.spare_bytes);
        Buffer { memory, length }
    }

    /// Takes a buffer back.
    pub(crate) fn give_back(&mut self, buffer: Buffer) {
        let room = buffer.memory.words_of_room();
        let bytes = 8 * room as u64;
        self.alive_bytes = self.alive_bytes.saturating_sub(bytes);
        self.spare_bytes += bytes;
        self.spare.entry(room).or_default().push(buffer.memory);
    }

    fn remove(&mut self, room: usize) -> Option<Memory> {
        let memories = self.spare.get_mut(&room)?;
        let memory = memories.pop();
        if memories.is_empty() {
            self.spare.remove(&room);
        }
        self.spare_bytes -= if memory.is_some() { 8 * room as u64 } else { 0 };
        memory
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn buffers_are_as_long_as_asked_apart_and_accounted_for(
            steps in prop::collection::vec((any::<bool>(), prop_oneof![1usize..300, 1usize..600_000]), 1..60),
        ) {
            let mut pool = Pool::default();
            let mut alive: Vec<(u64, Buffer)> = Vec::new();
            let mut most = 0;
            for (number, (gives_back, length)) in steps.into_iter().enumerate() {
                if gives_back && !alive.is_empty() {
                    let (mark, buffer) = alive.swap_remove(length % alive.len());
                    prop_assert!(buffer.iter().all(|&word| word == mark));
                    pool.give_back(buffer);
                } else {
                    let mut buffer = pool.take(length);
                    prop_assert_eq!(buffer.len(), length);
                    buffer.fill(number as u64);
                    alive.push((number as u64, buffer));
                }
                let bytes = alive.iter().map(|(_, buffer)| 8 * buffer.memory.words().len() as u64).sum::<u64>();
                most = most.max(bytes);
                prop_assert_eq!((pool.alive_bytes, pool.peak_bytes()), (bytes, most));
                let spare: u64 = pool.spare.iter().map(|(room, all)| 8 * (room * all.len()) as u64).sum();
                prop_assert_eq!(pool.spare_bytes, spare);
            }
            for (mark, buffer) in &alive {
                prop_assert!(buffer.iter().all(|word| word == mark));
            }
        }
    }

    #[test]
    fn a_dead_buffer_serves_again_and_makes_room_for_larger_ones() {
        let mut pool = Pool::default();
        let buffer = pool.take(1 << 20);
        let place = buffer.as_ptr();
        pool.give_back(buffer);
        let again = pool.take(1 << 19);
        assert_eq!(again.as_ptr(), place);
        pool.give_back(again);
        // Sixteen times as large: the dead ones go before more than the peak and its slack is held.
        for _ in 0..20 {
            let buffer = pool.take(1 << 24);
            pool.give_back(buffer);
            let small = pool.take(1 << 18);
            pool.give_back(small);
            assert!(pool.spare_bytes + pool.alive_bytes <= pool.peak_bytes() + SLACK_BYTES);
        }
    }
}
