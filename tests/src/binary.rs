//! Where the program under test is.
//!
//! Cargo builds a package's own binaries before its tests, but not another package's. The runner (`cargo xtask test`)
//! builds `trueup` first; here it is only looked up, beside the test program.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The top of the repository. Cargo says where it is when it runs the tests: a target folder that two clones share may
/// hold tests that the other one built.
pub fn repository() -> &'static Path {
    static TOP: OnceLock<PathBuf> = OnceLock::new();
    TOP.get_or_init(|| {
        let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        Path::new(&here).parent().expect("the package has a folder above it").to_owned()
    })
}

/// The program under test: `TRUEUP_TEST_BIN`, or the one in the folder of the test program's profile.
pub fn trueup() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let path = std::env::var_os("TRUEUP_TEST_BIN").map_or_else(beside_the_test, PathBuf::from);
        assert!(
            path.is_file(),
            "there is no program {}: run `cargo xtask test`, or build it first with `cargo build -p trueup`",
            path.display()
        );
        path
    })
}

fn beside_the_test() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    // target/debug/deps/suite-0123456789abcdef
    let profile = test.parent().and_then(Path::parent).expect("a test stands in a folder `deps`");
    profile.join(format!("trueup{}", std::env::consts::EXE_SUFFIX))
}
