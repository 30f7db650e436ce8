//! Any recipe, under any scheme: right within its bound, and costing what was counted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use viewless_tests::random_circuit::{Recipe, property};

fuzz_target!(|data: (u8, u64, &[u8])| {
    let (choice, seed, bytes) = data;
    let schemes = viewless_tests::every_scheme();
    let spec = schemes[usize::from(choice) % schemes.len()];
    property::holds(&Recipe::from_bytes(bytes), &spec, seed).unwrap();
});
