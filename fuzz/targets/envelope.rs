//! Frames of a client against the engine; see `wireloom_equivalence::targets::envelope`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wireloom_equivalence::targets::envelope(data));
