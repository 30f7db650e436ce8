//! A message on the wire: ring elements of a few bits each, packed without gaps.
//!
//! Element `i` of `bits` bits occupies bits `i * bits .. (i + 1) * bits` of the message, where bit `j` of a message is bit
//! `j % 8` (from the least significant) of byte `j / 8`. The message has exactly `ceil(bits * elements / 8)` bytes, and the
//! unused high bits of the last byte are zero. What is counted is therefore what is sent, and a tensor has one encoding only.

use rayon::prelude::*;

/// Elements packed by one thread at a time. A multiple of 8, so that every chunk but the last fills whole bytes.
const PARALLEL_ELEMENTS: usize = 1 << 15;

/// Why a received message is not the encoding of a tensor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// The message has the wrong length.
    #[error(
        "a message of {elements} elements of {bits} bits has {bytes_expected} bytes, but {bytes_found} arrived; the sender runs another program, or the message was cut"
    )]
    Length {
        /// Bits of an element.
        bits: u32,
        /// Elements expected.
        elements: usize,
        /// Bytes that they take.
        bytes_expected: usize,
        /// Bytes that arrived.
        bytes_found: usize,
    },
    /// An unused bit of the last byte is set.
    #[error(
        "the unused bits of a message's last byte are zero, but this last byte is {last_byte:#04x}; the message was damaged or not made by this program"
    )]
    Padding {
        /// The last byte.
        last_byte: u8,
    },
}

/// Bytes of a message of `elements` elements of `bits` bits: `ceil(bits * elements / 8)`.
///
/// # Panics
/// If `bits` is not in 1..=64.
pub fn packed_bytes(bits: u32, elements: usize) -> usize {
    assert!((1..=64).contains(&bits), "an element has 1 to 64 bits, not {bits}");
    // Split so that the product cannot overflow before the quotient fits.
    elements / 8 * bits as usize + (elements % 8 * bits as usize).div_ceil(8)
}

/// Packs `elements` of `bits` bits each into `out`.
///
/// # Panics
/// If `bits` is not in 1..=64, `out` does not have exactly [`packed_bytes`] bytes, or an element has more than `bits` bits.
pub fn pack(bits: u32, elements: &[u64], out: &mut [u8]) {
    assert_eq!(out.len(), packed_bytes(bits, elements.len()), "the message buffer has the length of the message");
    if elements.len() <= PARALLEL_ELEMENTS {
        return pack_chunk(bits, elements, out);
    }
    elements
        .par_chunks(PARALLEL_ELEMENTS)
        .zip(out.par_chunks_mut(PARALLEL_ELEMENTS / 8 * bits as usize))
        .for_each(|(elements, out)| pack_chunk(bits, elements, out));
}

/// What [`pack`] makes of `elements` where memory holds just that: words of 64 bits on a little-endian processor.
///
/// # Panics
/// If `bits` is not in 1..=64.
pub fn packed_as_stored(bits: u32, elements: &[u64]) -> Option<&[u8]> {
    assert!((1..=64).contains(&bits), "an element has 1 to 64 bits, not {bits}");
    (bits == 64 && cfg!(target_endian = "little")).then(|| bytemuck::cast_slice(elements))
}

/// The inverse of [`pack`]; refuses every message that `pack` cannot have made.
///
/// # Panics
/// If `bits` is not in 1..=64.
pub fn unpack(bits: u32, message: &[u8], out: &mut [u64]) -> Result<(), UnpackError> {
    let bytes_expected = packed_bytes(bits, out.len());
    if message.len() != bytes_expected {
        return Err(UnpackError::Length { bits, elements: out.len(), bytes_expected, bytes_found: message.len() });
    }
    let used_bits = out.len() % 8 * bits as usize % 8;
    if let Some(&last_byte) = message.last()
        && used_bits != 0
        && last_byte >> used_bits != 0
    {
        return Err(UnpackError::Padding { last_byte });
    }
    if out.len() <= PARALLEL_ELEMENTS {
        unpack_chunk(bits, message, out);
    } else {
        out.par_chunks_mut(PARALLEL_ELEMENTS)
            .zip(message.par_chunks(PARALLEL_ELEMENTS / 8 * bits as usize))
            .for_each(|(out, message)| unpack_chunk(bits, message, out));
    }
    Ok(())
}

fn pack_chunk(bits: u32, elements: &[u64], out: &mut [u8]) {
    let all_bits = elements.iter().fold(0, |all, element| all | element);
    assert!(bits == 64 || all_bits >> bits == 0, "every element to be packed has at most {bits} bits");
    match bits {
        1 => pack_single_bits(elements, out),
        8 => pack_whole_bytes::<1>(elements, out),
        16 => pack_whole_bytes::<2>(elements, out),
        32 => pack_whole_bytes::<4>(elements, out),
        64 => pack_whole_bytes::<8>(elements, out),
        _ => pack_any(bits, elements, out),
    }
}

fn unpack_chunk(bits: u32, message: &[u8], out: &mut [u64]) {
    match bits {
        1 => unpack_single_bits(message, out),
        8 => unpack_whole_bytes::<1>(message, out),
        16 => unpack_whole_bytes::<2>(message, out),
        32 => unpack_whole_bytes::<4>(message, out),
        64 => unpack_whole_bytes::<8>(message, out),
        _ => unpack_any(bits, message, out),
    }
}

fn pack_single_bits(elements: &[u64], out: &mut [u8]) {
    for (byte, bits) in out.iter_mut().zip(elements.chunks(8)) {
        *byte = bits.iter().enumerate().fold(0, |byte, (position, &bit)| byte | (bit as u8) << position);
    }
}

fn unpack_single_bits(message: &[u8], out: &mut [u64]) {
    for (&byte, bits) in message.iter().zip(out.chunks_mut(8)) {
        for (position, bit) in bits.iter_mut().enumerate() {
            *bit = u64::from(byte >> position & 1);
        }
    }
}

fn pack_whole_bytes<const BYTES: usize>(elements: &[u64], out: &mut [u8]) {
    let (chunks, _) = out.as_chunks_mut::<BYTES>();
    for (chunk, element) in chunks.iter_mut().zip(elements) {
        chunk.copy_from_slice(&element.to_le_bytes()[..BYTES]);
    }
}

fn unpack_whole_bytes<const BYTES: usize>(message: &[u8], out: &mut [u64]) {
    let (chunks, _) = message.as_chunks::<BYTES>();
    for (chunk, element) in chunks.iter().zip(out) {
        let mut bytes = [0; 8];
        bytes[..BYTES].copy_from_slice(chunk);
        *element = u64::from_le_bytes(bytes);
    }
}

/// Elements are queued in 128 bits, and leave 64 at a time.
fn pack_any(bits: u32, elements: &[u64], out: &mut [u8]) {
    let mut queue = 0u128;
    let mut queued_bits = 0;
    let mut written = 0;
    for &element in elements {
        queue |= u128::from(element) << queued_bits;
        queued_bits += bits;
        if queued_bits >= 64 {
            out[written..written + 8].copy_from_slice(&(queue as u64).to_le_bytes());
            written += 8;
            queue >>= 64;
            queued_bits -= 64;
        }
    }
    let rest = &mut out[written..];
    let rest_bytes = rest.len();
    rest.copy_from_slice(&(queue as u64).to_le_bytes()[..rest_bytes]);
}

fn unpack_any(bits: u32, message: &[u8], out: &mut [u64]) {
    let mask = u64::MAX >> (64 - bits);
    let mut queue = 0u128;
    let mut queued_bits = 0;
    let (words, rest) = message.as_chunks::<8>();
    let mut last_word = [0; 8];
    last_word[..rest.len()].copy_from_slice(rest);
    let mut words = words.iter().chain(std::iter::once(&last_word));
    for element in out {
        if queued_bits < bits {
            let word = words.next().expect("the message has as many bits as its elements");
            queue |= u128::from(u64::from_le_bytes(*word)) << queued_bits;
            queued_bits += 64;
        }
        *element = queue as u64 & mask;
        queue >>= bits;
        queued_bits -= bits;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packed(bits: u32, elements: &[u64]) -> Vec<u8> {
        let mut message = vec![0xff; packed_bytes(bits, elements.len())];
        pack(bits, elements, &mut message);
        message
    }

    /// The definition in the module's documentation, bit by bit.
    fn packed_by_definition(bits: u32, elements: &[u64]) -> Vec<u8> {
        let mut message = vec![0u8; (bits as usize * elements.len()).div_ceil(8)];
        for (index, element) in elements.iter().enumerate() {
            for bit in 0..bits as usize {
                let position = index * bits as usize + bit;
                message[position / 8] |= ((element >> bit & 1) as u8) << (position % 8);
            }
        }
        message
    }

    fn tensor() -> impl Strategy<Value = (u32, Vec<u64>)> {
        let bits = prop_oneof![1u32..=64, prop::sample::select(vec![1, 8, 16, 32, 63, 64])];
        (bits, prop::collection::vec(any::<u64>(), 0..200)).prop_map(|(bits, mut elements)| {
            elements.iter_mut().for_each(|element| *element &= u64::MAX >> (64 - bits));
            (bits, elements)
        })
    }

    proptest! {
        #[test]
        fn a_message_follows_its_definition_and_reads_back((bits, elements) in tensor()) {
            let message = packed(bits, &elements);
            prop_assert_eq!(&message, &packed_by_definition(bits, &elements));
            prop_assert!(packed_as_stored(bits, &elements).is_none_or(|stored| stored == message));
            prop_assert_eq!(message.len(), (bits as usize * elements.len()).div_ceil(8));
            let mut back = vec![0; elements.len()];
            prop_assert_eq!(unpack(bits, &message, &mut back), Ok(()));
            prop_assert_eq!(back, elements);
        }

        #[test]
        fn any_accepted_message_is_the_only_encoding(bits in 1u32..=64, message in prop::collection::vec(any::<u8>(), 0..100)) {
            let elements = message.len() * 8 / bits as usize;
            let mut out = vec![0; elements];
            match unpack(bits, &message, &mut out) {
                Ok(()) => prop_assert_eq!(packed(bits, &out), message),
                Err(UnpackError::Length { bytes_expected, bytes_found, .. }) => prop_assert_ne!(bytes_expected, bytes_found),
                Err(UnpackError::Padding { last_byte }) => prop_assert_ne!(last_byte, 0),
            }
        }
    }

    #[test]
    fn long_tensors_pack_the_same_in_parallel() {
        for bits in [1, 7, 16, 21, 33, 64] {
            let elements: Vec<u64> = (0..2 * PARALLEL_ELEMENTS as u64 + 13)
                .map(|index| index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits))
                .collect();
            let message = packed(bits, &elements);
            assert!(message == packed_by_definition(bits, &elements), "{bits} bits");
            let mut back = vec![0; elements.len()];
            assert_eq!(unpack(bits, &message, &mut back), Ok(()));
            assert!(back == elements, "{bits} bits");
        }
    }

    #[test]
    fn a_cut_message_and_dirty_padding_are_refused() {
        let mut out = [0; 3];
        let cut = UnpackError::Length { bits: 5, elements: 3, bytes_expected: 2, bytes_found: 1 };
        assert_eq!(unpack(5, &[0], &mut out), Err(cut));
        assert_eq!(unpack(5, &[0xff, 0x7f], &mut out), Ok(()));
        assert_eq!(unpack(5, &[0xff, 0x80], &mut out), Err(UnpackError::Padding { last_byte: 0x80 }));
    }

    #[test]
    #[should_panic(expected = "at most 5 bits")]
    fn an_element_that_does_not_fit_is_our_bug() {
        packed(5, &[32]);
    }
}
