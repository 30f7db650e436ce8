//! Any stored circuit: refused, or it can be printed and compiled; never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use viewless_protocols::circuit::Circuit;
use viewless_protocols::scheme;
use viewless_tests::{FIXED, PUBLISHED};

fuzz_target!(|data: &[u8]| {
    let Ok(circuit) = serde_json::from_slice::<Circuit>(data) else { return };
    let Ok(circuit) = circuit.finish() else { return };
    let _text = circuit.to_string();
    if circuit.nodes().iter().all(|node| node.shape.elements() < 1 << 16) {
        let _program = scheme::compile(&circuit, &PUBLISHED, FIXED);
    }
});
