//! Generated decoders against schemas; see `wireloom_equivalence::targets::decoder`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wireloom_equivalence::targets::decoder(data));
