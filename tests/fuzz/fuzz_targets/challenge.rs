#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wasket_fuzz_bodies::challenge(data));
