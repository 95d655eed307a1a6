//! See [`trueup_fuzz::project`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trueup_fuzz::project(data));
