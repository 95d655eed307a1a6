//! See [`trueup_fuzz::difference`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trueup_fuzz::difference(data));
