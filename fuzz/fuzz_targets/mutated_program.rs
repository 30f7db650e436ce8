//! Any flaw in any compiled circuit is refused for its rule, with value and region named.
#![no_main]

use libfuzzer_sys::fuzz_target;
use viewless_tests::random_circuit::Recipe;
use viewless_tests::random_program::{Flaw, mutate};

fuzz_target!(|data: (u8, u8, u32, &[u8])| {
    let (flaw, choice, place, bytes) = data;
    let schemes = viewless_tests::every_scheme();
    let spec = schemes[usize::from(choice) % schemes.len()];
    let program = viewless_tests::compile(&Recipe::from_bytes(bytes).build(spec.truncation), &spec);
    let flaw = Flaw::ALL[usize::from(flaw) % Flaw::ALL.len()];
    if let Some(mutant) = mutate(&program, flaw, place as usize) {
        mutant.is_refused().unwrap();
    }
});
