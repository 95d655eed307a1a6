//! See [`trueup_fuzz::answers`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trueup_fuzz::answers(data));
