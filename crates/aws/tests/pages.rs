//! Every code that a kind's rules may give has a page for `trueup explain`.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the sources fails")]

use std::path::Path;

use trueup_engine::diagnostic::codes;

#[test]
fn every_code_of_a_kind_has_a_page() {
    let mut found = 0;
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kinds"), &mut |text| {
        for piece in text.split("code: \"").skip(1) {
            let code = piece.split('"').next().unwrap_or_default();
            assert!(codes::find(code).is_some(), "`{code}` has no page");
            found += 1;
        }
    });
    assert!(found >= 6, "only {found} codes were found: did their form change?");
}

fn visit(folder: &Path, each: &mut dyn FnMut(&str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, each);
        } else {
            each(&std::fs::read_to_string(&path).unwrap());
        }
    }
}
