//! Any message: refused, or the packing of what it unpacks to.
#![no_main]

use libfuzzer_sys::fuzz_target;
use viewless_simulator::packing::{pack, packed_bytes, unpack};

fuzz_target!(|data: (u8, u8, &[u8])| {
    let (bits, elements, message) = data;
    let bits = u32::from(bits % 64) + 1;
    let mut words = vec![0; usize::from(elements)];
    if unpack(bits, message, &mut words).is_ok() {
        let mut packed = vec![0; packed_bytes(bits, words.len())];
        pack(bits, &words, &mut packed);
        assert_eq!(packed, message);
    }
});
