//! Leaves out of a program that does not unwind what says how to (docs/adr/0017).
//!
//! The standard library comes compiled with tables for unwinding and with debugging information. Once it is part of the same
//! module as all of ours, LLVM writes the tables for every function, whatever the flags say, and they are a tenth of the
//! program. The linker can leave the section out.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=without-unwinding.ld");
    // Cargo tells a build script the panic strategy of the target, not of the profile, so that the profile's name stands for
    // it: `dist/build/trueup-HASH/out`. Tests in this profile would unwind, and cannot. Where the name is not found, the
    // program is larger, and `cargo xtask release` refuses it.
    let out = env::var_os("OUT_DIR").unwrap_or_default();
    let dist = Path::new(&out).ancestors().nth(3).is_some_and(|profile| profile.ends_with("dist"));
    let linux = env::var_os("CARGO_CFG_TARGET_OS").is_some_and(|it| it == "linux");
    if dist && linux {
        // Asked for now: a target folder that two clones share may hold a build script that the other one compiled.
        let folder = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
        let script = Path::new(&folder).join("without-unwinding.ld");
        println!("cargo:rustc-link-arg-bins=-Wl,-T,{}", script.display());
    }
}
