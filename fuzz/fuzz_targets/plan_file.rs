//! See [`trueup_fuzz::plan_file`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trueup_fuzz::plan_file(data));
