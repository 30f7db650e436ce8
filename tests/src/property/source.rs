//! Bytes as a source of choices, and inputs made smaller.

/// Reads choices from bytes; behind the end there are zeros.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    /// From the first byte on.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.bytes::<1>()[0]
    }

    /// The next bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut taken = [0; N];
        let (first, rest) = self.0.split_at(N.min(self.0.len()));
        taken[..first.len()].copy_from_slice(first);
        self.0 = rest;
        taken
    }

    /// One of a list, by the next byte.
    ///
    /// # Panics
    /// When there is nothing to choose from.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[usize::from(self.byte()) % list.len()]
    }

    /// Everything that was not read.
    #[must_use]
    pub const fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// Words that readers of texts and files may stumble over.
const WORDS: [&[u8]; 24] = [
    b"18446744073709551615",
    b"18446744073709551616",
    b"9223372036854775808",
    b"4294967296",
    b"-1",
    b"0",
    b"1e308",
    b"-1e999",
    b"1e-400",
    b"nan",
    b"inf",
    b"null",
    b"true",
    b"\"",
    b"[[[[[[[[",
    b"{\"a\":",
    b"]",
    b"}",
    b"\n",
    b"\xff\xfe",
    b"\x1b[31m",
    b"\0",
    b"\\u0000",
    b"\xf0\x9f\x92\xa9",
];

/// A file: all the bytes that are left, or one of the templates with an edit for each four bytes.
pub(super) fn file(source: &mut Source<'_>, templates: &[&[u8]]) -> Vec<u8> {
    let choice = usize::from(source.byte()) % (templates.len() + 1);
    let Some(template) = choice.checked_sub(1).map(|i| templates[i]) else { return source.rest().to_vec() };
    let mut file = template.to_vec();
    let (edits, _) = source.rest().as_chunks::<4>();
    for &[what, low, high, value] in edits {
        // A position as a part of the length, so that any file is reached everywhere.
        let at = (usize::from(u16::from_le_bytes([low, high])) * (file.len() + 1)) >> 16;
        match what % 6 {
            0 => file.iter_mut().skip(at).take(1).for_each(|byte| *byte = value),
            1 => file.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (value % 8)),
            2 => drop(file.drain(at..(at + 1 + usize::from(value)).min(file.len()))),
            3 => drop(file.splice(at..at, WORDS[usize::from(value) % WORDS.len()].iter().copied())),
            4 => {
                let copied = file[at..(at + 1 + usize::from(value)).min(file.len())].to_vec();
                file.splice(at..at, copied);
            }
            _ => {
                // A number becomes another word.
                let start = file.iter().skip(at).position(u8::is_ascii_digit).map_or(file.len(), |i| at + i);
                let length = file[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                file.splice(start..start + length, WORDS[usize::from(value) % WORDS.len()].iter().copied());
            }
        }
    }
    file
}

/// A smaller input that fails, too. Items are left out, many at a time and then fewer; bytes become zero, or half. No more than `most_tries` inputs are tried.
#[must_use]
pub fn shrink(bytes: &[u8], head: usize, item: usize, most_tries: usize, fails: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut best = bytes.to_vec();
    let mut tries = 0;
    let mut attempt = |best: &mut Vec<u8>, smaller: Vec<u8>| {
        tries += 1;
        let better = tries <= most_tries && smaller != *best && fails(&smaller);
        if better {
            *best = smaller;
        }
        better
    };
    loop {
        let before = best.clone();
        let mut length = (best.len().saturating_sub(head) / item).next_power_of_two() * item;
        while length >= item {
            let mut at = head;
            while at < best.len() {
                let end = (at + length).min(best.len());
                let smaller = [&best[..at], &best[end..]].concat();
                if !attempt(&mut best, smaller) {
                    at += length;
                }
            }
            length /= 2;
        }
        while !best.is_empty() {
            let shorter = best[..best.len() - 1].to_vec();
            if !attempt(&mut best, shorter) {
                break;
            }
        }
        for i in 0..best.len() {
            for value in [0, best[i] / 2, best[i].saturating_sub(1)] {
                let mut smaller = best.clone();
                smaller[i] = value;
                if value < best[i] && attempt(&mut best, smaller) {
                    break;
                }
            }
        }
        if best == before {
            return best;
        }
    }
}
