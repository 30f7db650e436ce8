//! Random circuits, compiled and run; and their messages.

use super::Source;
use crate::every_scheme;
use crate::random_circuit::{Recipe, property};
use viewless_simulator::packing::{pack, packed_bytes, unpack};

/// See [`property::holds`].
pub(super) fn random_circuit(bytes: &[u8]) -> Result<(), String> {
    let mut source = Source::new(bytes);
    let spec = source.pick(&every_scheme());
    let seed = u16::from_le_bytes(source.bytes());
    property::holds(&Recipe::from_bytes(source.rest()), &spec, seed.into()).map(drop)
}

/// A width, a number of words and a message.
pub(super) fn message(bytes: &[u8]) -> Result<(), String> {
    let mut source = Source::new(bytes);
    let (bits, elements) = (u32::from(source.byte() % 64) + 1, usize::from(source.byte()));
    let mut words = vec![0; elements];
    if unpack(bits, source.rest(), &mut words).is_err() {
        return Ok(());
    }
    let mut packed = vec![0; packed_bytes(bits, words.len())];
    pack(bits, &words, &mut packed);
    if packed == source.rest() { Ok(()) } else { Err(format!("{elements} words of {bits} bits are packed otherwise")) }
}
