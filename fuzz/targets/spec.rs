//! Texts against the checker of protocols; see `wireloom_equivalence::targets::spec`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wireloom_equivalence::targets::spec(data));
