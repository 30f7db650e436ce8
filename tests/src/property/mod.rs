//! What must hold of any input: each property is a plain function of bytes, and stands once in [`ALL`].
//!
//! Every engine runs the same table: `tests/tests/properties.rs` samples and shrinks, tries all inputs of a few bytes, and replays
//! `fuzz/corpus/`; the targets in `fuzz/fuzz_targets/`, a few lines each, are guided by coverage. An engine that finds nothing may have
//! stopped looking: each has a [`canary`] that it must find.

pub mod canary;
mod circuits;
mod files;
mod metamorphic;
mod programs;
mod shortened;
mod source;
mod texts;

pub use source::{Source, shrink};

use crate::swarm::Case;
use std::panic::catch_unwind;

/// Something that holds of every input.
#[derive(Debug, Clone, Copy)]
pub struct Property {
    /// Its name, and that of its fuzz target.
    pub name: &'static str,
    /// What it says, as a sentence.
    pub claims: &'static str,
    /// Bytes that come first: choices.
    pub head: usize,
    /// Bytes of each item behind them.
    pub item: usize,
    /// Items at most; what is longer is cut off.
    pub items: usize,
    /// Inputs that a test samples: as many as take a second or two.
    pub samples: u32,
    /// A small space of inputs, all of which a test tries: the smallest and the largest byte at each place.
    pub exhausted: &'static [(u8, u8)],
    /// The property: a sentence says how it fails. A panic is a failure, too.
    pub holds: fn(&[u8]) -> Result<(), String>,
}

/// All of them.
pub const ALL: &[Property] = &[
    Property {
        name: "random_circuit",
        claims: "a circuit compiled under any scheme gives what plaintext does within its derived and its certified bound, moves the bytes that are counted, and asap needs no more rounds than as-written",
        head: 7,
        item: 5,
        items: 40,
        samples: 150,
        exhausted: &[(0, 17), (0, 0), (0, 0), (1, 1), (0, 0), (0, 0), (0, 0), (0, 31), (0, 0), (0, 0), (7, 8), (0, 0)],
        holds: circuits::random_circuit,
    },
    Property {
        name: "same_circuit",
        claims: "neutral operations, another order, split and joined tensors and other threads change no answer beyond its bound, no proof, and no bill that they need not",
        head: 9,
        item: 5,
        items: 25,
        samples: 150,
        exhausted: &[
            (0, 17),
            (0, 0),
            (0, 0),
            (0, 9),
            (1, 1),
            (1, 1),
            (0, 0),
            (0, 0),
            (0, 0),
            (10, 10),
            (0, 0),
            (0, 0),
            (7, 7),
            (0, 0),
        ],
        holds: metamorphic::same_circuit,
    },
    Property {
        name: "stored_circuit",
        claims: "a stored circuit is refused, or can be printed, read back and compiled",
        head: 1,
        item: 4,
        items: 500,
        samples: 600,
        exhausted: &[(0, 0), (0, 255), (0, 255)],
        holds: texts::stored_circuit,
    },
    Property {
        name: "circuit_text",
        claims: "the text of a circuit is refused, or is that of the circuit that is read",
        head: 1,
        item: 4,
        items: 500,
        samples: 1500,
        exhausted: &[(0, 0), (0, 255), (0, 255)],
        holds: texts::circuit_text,
    },
    Property {
        name: "stored_program",
        claims: "a stored Program is refused, or can be counted and stored again with the same digest",
        head: 1,
        item: 4,
        items: 500,
        samples: 600,
        exhausted: &[(0, 0), (0, 255), (0, 255)],
        holds: texts::stored_program,
    },
    Property {
        name: "flawed_program",
        claims: "every flaw in a compiled circuit is refused for its rule, with value and region named",
        head: 10,
        item: 5,
        items: 25,
        samples: 500,
        exhausted: &[
            (0, 35),
            (0, 17),
            (0, 0),
            (0, 0),
            (0, 0),
            (0, 0),
            (0, 0),
            (0, 0),
            (0, 0),
            (0, 0),
            (10, 10),
            (0, 0),
            (0, 0),
            (0, 0),
            (0, 0),
        ],
        holds: programs::flawed_program,
    },
    Property {
        name: "random_program",
        claims: "what is proved of any small Program, counting never refutes, and its certificates are accepted",
        head: 1,
        item: 4,
        items: 24,
        samples: 300,
        exhausted: &[(1, 1), (0, 31), (0, 1), (0, 1), (0, 1), (14, 31), (0, 1), (0, 0), (1, 3)],
        holds: programs::random_program,
    },
    Property {
        name: "shortened_program",
        claims: "a Program of any operations on words of any width gives the numbers, and finds of its claims, to the last bit and in the same order, what it does when it is shortened",
        head: 3,
        item: 5,
        items: 30,
        samples: 600,
        exhausted: &[(0, 63), (0, 1), (0, 0), (0, 27), (0, 1), (0, 1), (0, 0), (1, 1)],
        holds: shortened::shortened_program,
    },
    Property {
        name: "altered_certificate",
        claims: "an altered or invented certificate is accepted only if what it says is right",
        head: 10,
        item: 4,
        items: 16,
        samples: 300,
        exhausted: &[
            (0, 1),
            (0, 3),
            (0, 1),
            (0, 0),
            (0, 0),
            (0, 0),
            (0, 7),
            (0, 1),
            (0, 1),
            (6, 9),
            (14, 14),
            (0, 0),
            (0, 0),
            (0, 2),
        ],
        holds: programs::altered_certificate,
    },
    Property {
        name: "message",
        claims: "a message is refused, or is the packing of what it unpacks to",
        head: 2,
        item: 1,
        items: 300,
        samples: 20_000,
        exhausted: &[(0, 8), (0, 2), (0, 255), (0, 3)],
        holds: circuits::message,
    },
    Property {
        name: "protocol_file",
        claims: "the text of a protocol is refused with its place, or can be built, written out and read again",
        head: 1,
        item: 4,
        items: 500,
        samples: 1500,
        exhausted: &[(0, 0), (0, 255), (0, 255)],
        holds: texts::protocol_file,
    },
    Property {
        name: "settings_file",
        claims: "a suite, network, cluster, machine or parties file is refused, or is the same when written and read again",
        head: 2,
        item: 4,
        items: 300,
        samples: 3000,
        exhausted: &[(0, 1), (0, 0), (0, 255), (0, 127)],
        holds: texts::settings_file,
    },
    Property {
        name: "certificate_file",
        claims: "a file of certificates is refused, or is the same when written and read again, and never holds for another Program",
        head: 1,
        item: 4,
        items: 300,
        samples: 400,
        exhausted: &[(0, 0), (0, 255)],
        holds: texts::certificate_file,
    },
    Property {
        name: "model_config",
        claims: "a model's config.json is refused, or describes a model that a circuit can be asked of",
        head: 1,
        item: 4,
        items: 300,
        samples: 1500,
        exhausted: &[(0, 0), (0, 255)],
        holds: files::model_config,
    },
    Property {
        name: "tokenizer",
        claims: "a tokenizer.json is refused, or encodes a text",
        head: 1,
        item: 4,
        items: 300,
        samples: 300,
        exhausted: &[(0, 0), (0, 255)],
        holds: files::tokenizer,
    },
    Property {
        name: "weights",
        claims: "weights, of safetensors or pickled, are refused, or are finite and as many as the model has",
        head: 2,
        item: 4,
        items: 300,
        samples: 600,
        exhausted: &[(0, 1), (0, 0), (0, 255)],
        holds: files::weights,
    },
    Property {
        name: "picture",
        claims: "a picture is refused, or becomes as many finite pixels as the model takes",
        head: 1,
        item: 4,
        items: 300,
        samples: 600,
        exhausted: &[(0, 0), (0, 255)],
        holds: files::picture,
    },
    Property {
        name: "swarm",
        claims: "what a run of `viewless swarm` draws passes its cross-checks",
        head: Case::HEAD,
        item: Case::STEP,
        items: 30,
        samples: 60,
        exhausted: &[(0, 17), (6, 6), (0, 0), (0, 0), (1, 1), (0, 0), (0, 1), (1, 1), (0, 1), (0, 0), (0, 0)],
        holds: crate::swarm::property,
    },
];

/// Smaller inputs that are tried.
const MOST_TRIES: usize = 3000;

impl Property {
    /// Bytes that are looked at.
    #[must_use]
    pub const fn most_bytes(&self) -> usize {
        self.head + self.item * self.items
    }

    /// What is wrong with this input, if anything.
    ///
    /// # Errors
    /// How the property fails.
    pub fn check(&self, bytes: &[u8]) -> Result<(), String> {
        (self.holds)(&bytes[..bytes.len().min(self.most_bytes())])
    }

    /// Tries a small space of inputs, all of it; how many there are, or the first that fails and why.
    ///
    /// # Errors
    /// The input, and how the property fails.
    pub fn exhaust(&self) -> Result<usize, (Vec<u8>, String)> {
        let mut input: Vec<u8> = self.exhausted.iter().map(|&(low, _)| low).collect();
        for tried in 1.. {
            self.check_caught(&input).map_err(|why| (input.clone(), why))?;
            let Some(place) = (0..input.len()).rev().find(|&i| input[i] < self.exhausted[i].1) else {
                return Ok(tried);
            };
            input[place] += 1;
            (place + 1..input.len()).for_each(|i| input[i] = self.exhausted[i].0);
        }
        unreachable!("a space of bytes is finite")
    }

    /// As [`Property::check`], for engines that go on after a panic.
    ///
    /// # Errors
    /// How the property fails, be it by a panic.
    pub fn check_caught(&self, bytes: &[u8]) -> Result<(), String> {
        catch_unwind(|| self.check(bytes)).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            Err(format!("panic: {}", text.or(panic.downcast_ref().copied()).unwrap_or("of an unknown kind")))
        })
    }

    /// A smaller input that fails, too: items and bytes are left out, then made zero or half, until nothing more can be.
    #[must_use]
    pub fn shrink(&self, bytes: &[u8]) -> Vec<u8> {
        source::shrink(bytes, self.head, self.item, MOST_TRIES, |smaller| self.check_caught(smaller).is_err())
    }
}

/// The property of a name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Property> {
    ALL.iter().chain(canary::ALL).find(|property| property.name == name)
}

/// What a fuzz target does with an input.
///
/// # Panics
/// When the property does not hold of it, or there is none of that name.
pub fn must_hold(name: &str, bytes: &[u8]) {
    let property = named(name).unwrap_or_else(|| panic!("there is no property `{name}`"));
    if let Err(why) = property.check(bytes) {
        panic!("{name}: {why}");
    }
}
