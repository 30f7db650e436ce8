//! The property `shortened_program` of `viewless_tests::property`.
#![no_main]
use viewless_tests::property::must_hold;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| must_hold("shortened_program", bytes));
