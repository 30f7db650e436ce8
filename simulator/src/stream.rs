//! Randomness addressed by (key, stream, position).
//!
//! Every `sample` of a Program names its holders and a stream, and element number `p` of the sampled tensor is the word at
//! position `p` of that stream, under the key that exactly its holders share (see [`crate::keys`], where the key takes the place
//! of `seed` below). Nothing is drawn from a shared generator whose state depends on what ran before, so any element can be made
//! anywhere: by one party alone, in any order, by any number of threads, and always with the same bits.
//!
//! # Construction
//!
//! ```text
//! key(seed, stream)            = first 16 bytes of the ChaCha20 keystream with 256-bit key `seed`, 64-bit block counter 0
//!                                and 64-bit nonce `stream` (Bernstein's original layout: counter, then nonce)
//! word(seed, stream, position) = little-endian u64 at byte 8 * position of AES-128-CTR under key(seed, stream), with
//!                                zero initial value and a 128-bit big-endian counter
//! ```
//!
//! # Why the words may be used as if they were uniform and independent
//!
//! 1. ChaCha20 with a secret uniform key is a pseudorandom function of (nonce, counter). Replacing it by a random function
//!    makes the keys of distinct streams independent and uniform: distinct inputs, so no stream's key tells anything about
//!    another's. A party that holds a *stream key* learns that stream and no other; a party that holds the *key* of a set of
//!    holders learns the streams of that set and no others; only the seed of a simulation gives all.
//! 2. AES-128 under an independent uniform key is a pseudorandom permutation; its values at the distinct counters 0, 1, 2, …
//!    are distinct, which distinguishes n blocks of one stream from uniform with advantage at most n^2 / 2^129 (the PRP/PRF
//!    switching lemma). For a tensor of 2^32 words (n = 2^31) that is 2^-67.
//! 3. Among q streams two have the same AES key with probability at most q^2 / 2^129; for all 2^32 streams, 2^-65.
//!
//! What this rests on: the seed is secret and uniform, which holds for [`Seed::from_os`] and does **not** hold for
//! [`Seed::from_u64`]; and each (stream, position) is used for one purpose, which the checker of Programs enforces by giving
//! every `sample` its own stream.
//!
//! The reason for two ciphers is speed: bulk AES-CTR is several times faster than bulk ChaCha20 where the processor has AES
//! instructions, while ChaCha20 takes a 256-bit seed and a stream number without further ado.

use crate::hexadecimal::hexadecimal;
use std::fmt;

use aes::{Aes128, Block};
use ctr::cipher::{InnerIvInit, KeyInit, StreamCipherCore, StreamCipherSeekCore};
use ctr::{CtrCore, flavors::Ctr128BE};
use rand::rngs::OsRng;
use rand::{RngCore, SeedableRng, TryRngCore};
use rand_chacha::ChaCha20Rng;
use rayon::prelude::*;

/// Words of 8 bytes in one 16-byte block of AES.
const WORDS_PER_BLOCK: usize = 2;
/// Words that one thread generates at a time in [`StreamKey::fill_parallel`]: 256 KiB, so that scheduling costs nothing.
const PARALLEL_WORDS: usize = 1 << 15;

/// Why a seed could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The text is not 64 hexadecimal digits.
    #[error(
        "a seed is 64 hexadecimal digits (32 bytes); this text has {characters} characters and {invalid} that are not hexadecimal digits"
    )]
    Hex {
        /// Characters found.
        characters: usize,
        /// How many of them are not hexadecimal digits.
        invalid: usize,
    },
    /// The operating system gave no entropy.
    #[error("the operating system's random source failed, so no secret seed can be made: {reason}")]
    Entropy {
        /// What the operating system said.
        reason: String,
    },
}

/// The 32 bytes that decide every random value of a run.
///
/// `Debug` prints a fingerprint, never the bytes: a log must not give away a real run's masks. To print a seed so that a
/// simulation can be replayed, ask for [`Seed::to_hex`] by name.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed from its bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The number in little-endian order, followed by zeros. **For simulation only**: anyone can guess it, so it hides nothing.
    pub fn from_u64(number: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        Self(bytes)
    }

    /// A seed from 64 hexadecimal digits, first byte first.
    pub fn from_hex(text: &str) -> Result<Self, SeedError> {
        let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
        let characters = text.chars().count();
        if characters != 64 || digits.len() != 64 {
            return Err(SeedError::Hex { characters, invalid: characters - digits.len() });
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(Self(bytes))
    }

    /// A fresh secret seed from the operating system, for real runs.
    pub fn from_os() -> Result<Self, SeedError> {
        let mut bytes = [0; 32];
        OsRng.try_fill_bytes(&mut bytes).map_err(|error| SeedError::Entropy { reason: error.to_string() })?;
        Ok(Self(bytes))
    }

    /// The secret itself, for the derivation of keys.
    pub(crate) fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// The secret itself, as 64 hexadecimal digits; [`Seed::from_hex`] reads it back.
    pub fn to_hex(&self) -> String {
        hexadecimal(&self.0)
    }

    /// Eight hexadecimal digits that tell seeds apart and tell nothing about a seed that cannot be guessed: the start of a
    /// BLAKE3 hash in its own domain.
    pub fn fingerprint(&self) -> String {
        let hash = blake3::derive_key("viewless 2025 seed fingerprint", &self.0);
        hexadecimal(&hash[..4])
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seed(fingerprint {})", self.fingerprint())
    }
}

/// The key of one stream: what the parties that share the stream hold, and all they need to make any of its words.
#[derive(Clone)]
pub struct StreamKey {
    cipher: Aes128,
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamKey(secret)")
    }
}

impl StreamKey {
    /// The key of a stream under a seed.
    pub fn derive(seed: &Seed, stream: u32) -> Self {
        Self::from_bytes(stream_key_bytes(seed, stream))
    }

    /// A stream key received from someone who derived it.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self { cipher: Aes128::new(&bytes.into()) }
    }

    /// The word at one position. For many words, [`StreamKey::fill`] is far cheaper.
    pub fn word(&self, position: u64) -> u64 {
        let mut word = [0];
        self.fill(position, &mut word);
        word[0]
    }

    /// Writes the words at `position`, `position + 1`, … to `out`.
    ///
    /// # Panics
    /// If a position would exceed `u64::MAX`.
    pub fn fill(&self, position: u64, out: &mut [u64]) {
        let Some(last) = out.len().checked_sub(1) else { return };
        assert!(position.checked_add(last as u64).is_some(), "a stream ends at position 2^64 - 1");

        let mut core = CtrCore::<&Aes128, Ctr128BE>::inner_iv_init(&self.cipher, &Block::default());
        core.set_block_pos(u128::from(position / WORDS_PER_BLOCK as u64));

        let (head, body) = out.split_at_mut((position % WORDS_PER_BLOCK as u64) as usize);
        if let [second_word] = head {
            let mut block = Block::default();
            core.write_keystream_block(&mut block);
            *second_word = words_of(block)[1];
        }
        let (pairs, tail) = body.as_chunks_mut::<WORDS_PER_BLOCK>();
        let blocks: &mut [[u8; 16]] = bytemuck::cast_slice_mut(pairs.as_flattened_mut());
        core.write_keystream_blocks(Block::cast_slice_from_core_mut(blocks));
        // Bytes are in the order of little-endian words.
        pairs.as_flattened_mut().iter_mut().for_each(|word| *word = u64::from_le(*word));
        if let [first_word] = tail {
            let mut block = Block::default();
            core.write_keystream_block(&mut block);
            *first_word = words_of(block)[0];
        }
    }

    /// [`StreamKey::fill`] by all threads of the current rayon pool; the same bits for any number of them.
    pub fn fill_parallel(&self, position: u64, out: &mut [u64]) {
        if out.len() <= PARALLEL_WORDS {
            return self.fill(position, out);
        }
        assert!(position.checked_add(out.len() as u64 - 1).is_some(), "a stream ends at position 2^64 - 1");
        out.par_chunks_mut(PARALLEL_WORDS).enumerate().for_each(|(index, chunk)| {
            self.fill(position + (index * PARALLEL_WORDS) as u64, chunk);
        });
    }
}

/// The 16 bytes that let another party make one stream and no other.
pub fn stream_key_bytes(seed: &Seed, stream: u32) -> [u8; 16] {
    let mut chacha = ChaCha20Rng::from_seed(seed.0);
    chacha.set_stream(u64::from(stream));
    let mut bytes = [0; 16];
    chacha.fill_bytes(&mut bytes);
    bytes
}

fn words_of(block: Block) -> [u64; WORDS_PER_BLOCK] {
    let block = u128::from_le_bytes(block.into());
    [block as u64, (block >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bytes 0, 1, 2, …, 31.
    fn counting_seed() -> Seed {
        Seed::from_bytes(std::array::from_fn(|index| index as u8))
    }

    /// Expected values from Python's `cryptography` 48.0.0 (OpenSSL):
    /// `Cipher(ChaCha20(seed, pack('<QQ', 0, stream)), None).encryptor().update(bytes(16))`.
    #[test]
    fn stream_keys_equal_openssl_chacha20() {
        for (seed, stream, expected) in [
            (Seed::from_u64(0), 0, "76b8e0ada0f13d90405d6ae55386bd28"),
            (Seed::from_u64(0), 1, "ef3fdfd6c61578fbf5cf35bd3dd33b80"),
            (Seed::from_u64(0), u32::MAX, "43a510661e3c1b374e9cabb8bf1f1093"),
            (Seed::from_u64(7), 0, "f19ee3b965429844e496af300ed6cb0d"),
            (Seed::from_u64(7), 1, "29825bf757c264fcaa2fe548337ebb41"),
            (Seed::from_u64(7), u32::MAX, "33ed25e32e727576dd1634318f0234c9"),
            (counting_seed(), 0, "39fd2b7dd9c5196a8dbd0377b8dc4a49"),
            (counting_seed(), 1, "2fa4f10250808e89a25231e50fdf6ee0"),
            (counting_seed(), u32::MAX, "60efde01198f33612adc70a210fbaba5"),
        ] {
            assert_eq!(hexadecimal(&stream_key_bytes(&seed, stream)), expected, "{seed:?}, stream {stream}");
        }
    }

    /// Expected values from Python's `cryptography` 48.0.0 (OpenSSL): `Cipher(AES(key), CTR(pack('>QQ', 0, position // 2)))`.
    #[test]
    fn words_equal_openssl_aes_ctr() {
        let expected: [(Seed, u32, u64, [u64; 3]); 8] = [
            (Seed::from_u64(0), 0, 0, [0x991130610bce0bf2, 0xb0600b90760f5397, 0x839023c449e1f3ae]),
            (Seed::from_u64(0), 0, 1, [0xb0600b90760f5397, 0x839023c449e1f3ae, 0xb504c09028815330]),
            (Seed::from_u64(0), 1, 0, [0x5f8e871df4adf575, 0x4619f9e63e48363e, 0x508f3652da008fce]),
            (Seed::from_u64(7), 0, 1000003, [0xb8fbac8cf4be34a0, 0x250a8e22723c8f3b, 0x870904887ab42825]),
            (Seed::from_u64(7), u32::MAX, (1 << 40) + 5, [0x92ac353714cd0f3b, 0x72e5f5c073ec9f73, 0x5eec84f633509e15]),
            (Seed::from_u64(7), 1, u64::MAX - 2, [0x8d22e9ba23c0b773, 0x10c09e93b60b46d1, 0xa8b9d7c3aaf91a7e]),
            (counting_seed(), 0, 0, [0x4cc82239b8ae7a78, 0x4535e2a479819b4c, 0xa2a590af08db6c53]),
            (counting_seed(), u32::MAX, u64::MAX - 2, [0x95c00da27650a228, 0xb4a3a28e379531d9, 0x183013c1b0c7ed1f]),
        ];
        for (seed, stream, position, words) in expected {
            let key = StreamKey::derive(&seed, stream);
            let mut out = [0; 3];
            key.fill(position, &mut out);
            assert_eq!(out, words, "{seed:?}, stream {stream}, position {position}");
            assert_eq!(key.word(position + 2), words[2]);
        }
    }

    #[test]
    #[should_panic(expected = "a stream ends at position 2^64 - 1")]
    fn a_stream_ends_at_the_last_position() {
        StreamKey::derive(&Seed::from_u64(0), 0).fill(u64::MAX, &mut [0; 2]);
    }

    #[test]
    fn fills_are_the_same_for_any_thread_count() {
        let key = StreamKey::derive(&Seed::from_u64(1), 3);
        let length = 3 * PARALLEL_WORDS + 77;
        for position in [0, 1, 12345] {
            let mut sequential = vec![0; length];
            key.fill(position, &mut sequential);
            for threads in [1, 2, 3, 7] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a small pool starts");
                let mut parallel = vec![0; length];
                pool.install(|| key.fill_parallel(position, &mut parallel));
                assert!(parallel == sequential, "position {position}, {threads} threads");
            }
        }
    }

    #[test]
    fn streams_and_seeds_differ() {
        let mut firsts = std::collections::HashSet::new();
        for number in 0..20 {
            for stream in 0..50 {
                firsts.insert(StreamKey::derive(&Seed::from_u64(number), stream).word(0));
            }
        }
        assert_eq!(firsts.len(), 1000);
    }

    /// The number of ones in n = 2^18 fair draws of one bit is further than 6.2 standard deviations, 6.2 * sqrt(n) / 2, from
    /// n / 2 with probability at most 2 * exp(-6.2^2 / 2) < 9.1e-9 (Hoeffding); for all 64 bits together < 5.8e-7. The seed is
    /// fixed, so the test is deterministic; the figure is the chance that a correct construction would have failed it.
    #[test]
    fn every_bit_is_balanced_with_false_alarm_rate_below_one_in_a_million() {
        let draws = 1usize << 18;
        let mut words = vec![0; draws];
        StreamKey::derive(&Seed::from_u64(42), 9).fill(0, &mut words);
        let allowed = 6.2 * (draws as f64).sqrt() / 2.0;
        for bit in 0..64 {
            let ones = words.iter().filter(|&&word| word >> bit & 1 == 1).count();
            assert!((ones as f64 - draws as f64 / 2.0).abs() <= allowed, "bit {bit}: {ones} ones of {draws}");
        }
    }

    #[test]
    fn debug_shows_no_secret_and_hex_reads_back() {
        let seed = Seed::from_os().expect("this machine has a random source");
        let printed = format!("{seed:?} {:?}", StreamKey::derive(&seed, 0));
        let secret = seed.to_hex();
        assert!((0..=56).all(|start| !printed.contains(&secret[start..start + 8])), "{printed}");
        assert!(Seed::from_hex(&secret).expect("to_hex is read back") == seed);
        assert_ne!(Seed::from_os().expect("as above").to_hex(), secret);
    }

    #[test]
    fn malformed_hex_is_refused() {
        let digits = "0".repeat(63);
        for (text, characters, invalid) in
            [("", 0, 0), (digits.as_str(), 63, 0), (&format!("{digits}g"), 64, 1), (&format!("{digits}é"), 64, 1)]
        {
            match Seed::from_hex(text) {
                Err(SeedError::Hex { characters: c, invalid: i }) => assert_eq!((c, i), (characters, invalid)),
                other => panic!("{text:?} gave {other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn random_access_equals_sequential(start in 0usize..1500, length in 0usize..1500) {
            let key = StreamKey::derive(&Seed::from_u64(5), 1);
            let mut whole = vec![0; 3000];
            key.fill(0, &mut whole);
            let mut part = vec![0; length];
            key.fill(start as u64, &mut part);
            prop_assert_eq!(&part[..], &whole[start..start + length]);
            prop_assert_eq!(key.word(start as u64), whole[start]);
        }
    }
}
