//! See [`trueup_fuzz::variables`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trueup_fuzz::variables(data));
