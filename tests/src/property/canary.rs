//! Planted bugs, one for each engine to find: an engine that misses its own has stopped looking.
//!
//! Each is the wrong average of two bytes, `(a + b) mod 256 / 2`, where otherwise the right one, `(a AND b) + (a XOR b) / 2`, is taken:
//! for one pair in 256 (sampling meets it, and shrinks to the smallest), for a single pair (only trying all is sure to meet it), and behind
//! four letters (chance would need 2^32 inputs; coverage finds one letter after the other). [`PLANTED`] takes them all out, for the tests that
//! show that the engines' checks fail then.

use super::{Property, Source};
use std::hint::black_box;

/// Whether the bugs are there.
pub const PLANTED: bool = true;

/// One for each engine.
pub const ALL: &[Property] = &[
    Property {
        name: "canary_sampled",
        claims: "a planted bug that one input in 256 shows",
        head: 2,
        item: 1,
        items: 14,
        samples: 5000,
        exhausted: &[],
        holds: sampled,
    },
    Property {
        name: "canary_exhausted",
        claims: "a planted bug that one input of 65536 shows",
        head: 2,
        item: 1,
        items: 0,
        samples: 0,
        exhausted: &[(0, 255), (0, 255)],
        holds: exhausted,
    },
    Property {
        name: "canary_guided",
        claims: "a planted bug behind four letters",
        head: 6,
        item: 1,
        items: 26,
        samples: 0,
        exhausted: &[],
        holds: guided,
    },
];

fn average(a: u8, b: u8, right: bool) -> Result<(), String> {
    let average = if right { (a & b) + ((a ^ b) >> 1) } else { a.wrapping_add(b) >> 1 };
    let truth = u16::midpoint(a.into(), b.into());
    if u16::from(average) == truth { Ok(()) } else { Err(format!("{average} is not the average of {a} and {b}")) }
}

fn sampled(bytes: &[u8]) -> Result<(), String> {
    let [a, b] = Source::new(bytes).bytes();
    average(a, b, !(PLANTED && a >= 0xf0 && b >= 0xf0))
}

fn exhausted(bytes: &[u8]) -> Result<(), String> {
    let [a, b] = Source::new(bytes).bytes();
    average(a, b, !(PLANTED && (a, b) == (0xa7, 0x9c)))
}

fn guided(bytes: &[u8]) -> Result<(), String> {
    let mut source = Source::new(bytes);
    // One branch for each letter, which is what coverage sees: four comparisons next to each other would be compiled to one.
    for letter in *b"view" {
        if black_box(source.byte()) != black_box(letter) || !PLANTED {
            let [a, b] = source.bytes();
            return average(a, b, true);
        }
    }
    let [a, b] = source.bytes();
    average(a | 0x80, b | 0x80, false)
}
