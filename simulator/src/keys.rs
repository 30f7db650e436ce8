//! Keys by holder set: what a party cannot know, it cannot derive.
//!
//! A sample of a Program names its holders and a stream. Its words come from a key that exactly these holders share:
//!
//! ```text
//! group(seed, holders)          = first 32 bytes of the ChaCha20 keystream with key `seed`, block counter 0 and nonce
//!                                 2^32 (1 + bits of `holders`)
//! stream(group, stream, query)  = first 16 bytes of the ChaCha20 keystream with key `group`, block counter 0 and nonce
//!                                 2^32 `query` + `stream`
//! ```
//!
//! and then as in [`crate::stream`]. A simulation has one seed and so all group keys. In a deployment there is no seed: each
//! set of holders agrees on its own [`GroupKey`], and a party's [`Keyring`] has the keys of its sets and no others.
//! [`Keyring::of_party`] is that ring, cut from a simulation's, so that one party's part of a Program makes the very words of
//! the lockstep run.
//!
//! The number of the query makes what is fresh for each query fresh: a setup that many queries share draws under query 0, as
//! the first query does, from streams of its own (the checker gives every sample its own stream); query q draws under q.

use crate::stream::{Seed, StreamKey};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::collections::BTreeMap;
use std::fmt;
use thiserror::Error;
use viewless_protocols::party::{Party, PartySet};

/// A sample whose key the ring does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no key of {holders}; a party makes only the samples that it holds, give it the keys of all its holder sets")]
pub struct KeyMissing {
    /// The set whose key is missing.
    pub holders: PartySet,
}

/// The secret that the members of one set of parties share, from which all their common samples are made.
///
/// `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct GroupKey([u8; 32]);

impl fmt::Debug for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupKey(secret)")
    }
}

impl GroupKey {
    /// A key that the members agreed on: 32 uniform bytes which nobody else knows.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key of a set of parties in a simulation.
    #[must_use]
    pub fn derive(seed: &Seed, holders: PartySet) -> Self {
        let mut chacha = ChaCha20Rng::from_seed(seed.bytes());
        chacha.set_stream((1 + u64::from(u8::from(holders))) << 32);
        let mut bytes = [0; 32];
        chacha.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The key of one stream, for one query.
    #[must_use]
    pub fn stream(&self, stream: u32, query: u32) -> StreamKey {
        let mut chacha = ChaCha20Rng::from_seed(self.0);
        chacha.set_stream(u64::from(query) << 32 | u64::from(stream));
        let mut bytes = [0; 16];
        chacha.fill_bytes(&mut bytes);
        StreamKey::from_bytes(bytes)
    }
}

/// The group keys that somebody holds.
#[derive(Debug, Clone)]
pub struct Keyring {
    keys: BTreeMap<u8, GroupKey>,
}

impl Keyring {
    /// All keys of a simulation: those of every set of `parties` that is not empty.
    #[must_use]
    pub fn simulated(seed: &Seed, parties: PartySet) -> Self {
        let sets = (1..=u8::MAX).filter_map(|bits| PartySet::try_from(bits).ok());
        let inside = sets.filter(|set| set.is_subset(parties));
        Self { keys: inside.map(|set| (set.into(), GroupKey::derive(seed, set))).collect() }
    }

    /// A ring of keys that were agreed on.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = (PartySet, GroupKey)>) -> Self {
        Self { keys: keys.into_iter().map(|(set, key)| (set.into(), key)).collect() }
    }

    /// The keys of the sets that `party` is in, and no others.
    #[must_use]
    pub fn of_party(&self, party: Party) -> Self {
        let with_party = |bits: u8| PartySet::try_from(bits).is_ok_and(|set| set.contains(party));
        Self { keys: self.keys.iter().filter(|(bits, _)| with_party(**bits)).map(|(k, v)| (*k, v.clone())).collect() }
    }

    /// The key of one stream of a set of holders, for one query.
    ///
    /// # Errors
    /// [`KeyMissing`] when the ring has no key of these holders.
    pub fn stream(&self, holders: PartySet, stream: u32, query: u32) -> Result<StreamKey, KeyMissing> {
        let key = self.keys.get(&u8::from(holders)).ok_or(KeyMissing { holders })?;
        Ok(key.stream(stream, query))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hexadecimal::hexadecimal;

    const PARTIES: PartySet = PartySet::of(&[Party::P0, Party::P1, Party::Dealer, Party::Client]);

    #[test]
    fn a_party_has_the_keys_of_its_own_sets_and_no_others() {
        let all = Keyring::simulated(&Seed::from_u64(3), PARTIES);
        assert_eq!(all.keys.len(), 15);
        for party in PARTIES.iter() {
            let own = all.of_party(party);
            for bits in 1..=u8::MAX {
                let Ok(set) = PartySet::try_from(bits) else { continue };
                match own.stream(set, 7, 0) {
                    Ok(key) => {
                        assert!(set.contains(party) && set.is_subset(PARTIES));
                        assert_eq!(key.word(5), all.stream(set, 7, 0).unwrap().word(5));
                    }
                    Err(KeyMissing { holders }) => {
                        assert_eq!(holders, set);
                        assert!(!set.contains(party) || !set.is_subset(PARTIES));
                    }
                }
            }
        }
    }

    #[test]
    fn holders_streams_and_queries_give_different_words() {
        let all = Keyring::simulated(&Seed::from_u64(3), PARTIES);
        let mut firsts = std::collections::BTreeSet::new();
        for set in [PartySet::of(&[Party::P0]), PartySet::of(&[Party::P0, Party::Dealer]), PARTIES] {
            for stream in [0, 1, u32::MAX] {
                for query in [0, 1, u32::MAX] {
                    firsts.insert(all.stream(set, stream, query).unwrap().word(0));
                }
            }
        }
        assert_eq!(firsts.len(), 27);
    }

    /// Expected bytes from Python's `cryptography` (OpenSSL): the words of
    /// `Cipher(ChaCha20(seed, pack('<QQ', 0, (1 + bits) << 32)), None)` and so on.
    #[test]
    fn the_construction_is_the_documented_one() {
        let key = GroupKey::derive(&Seed::from_u64(7), PartySet::of(&[Party::P0, Party::Dealer]));
        assert_eq!(hexadecimal(&key.0), EXPECTED_GROUP);
        assert_eq!(key.stream(5, 2).word(3), EXPECTED_WORD);
    }

    const EXPECTED_GROUP: &str = "a85eb1059e2b45c92cd75688c32ae939808c7036605be1c5ff02c88c3b3431e2";
    const EXPECTED_WORD: u64 = 0x2398_2fec_5f42_1b89;

    #[test]
    fn debug_shows_no_secret() {
        let all = Keyring::simulated(&Seed::from_u64(1), PARTIES);
        let printed = format!("{all:?}");
        let secret = hexadecimal(&GroupKey::derive(&Seed::from_u64(1), PARTIES).0);
        assert!(printed.contains("GroupKey(secret)") && !printed.contains(&secret[..8]));
    }
}
