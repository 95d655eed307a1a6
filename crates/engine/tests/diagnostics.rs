//! Broken manifests, and everything that is said about each, as a person sees it.
//!
//! Every `tests/broken/<name>.yaml` has a snapshot beside it; adding a mistake needs no code.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;

use trueup_engine::diagnostic::{self, Severity};
use trueup_engine::render::Inputs;
use trueup_engine::source::Sources;
use trueup_engine::{manifest, render};

fn shown(name: &str, text: &str) -> String {
    let mut sources = Sources::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken"));
    let id = sources.add(name, text);
    let (manifest, mut found) = manifest::parse(&mut sources, id);
    if let Some(manifest) = manifest {
        let inputs = Inputs {
            env: "dev",
            given: vec![("ORDERS_TOKEN".to_owned(), "hunter2-hunter2".to_owned())],
            files: Vec::new(),
            environment: &|name| (name == "SIZE").then(|| "hunter2-hunter2".to_owned()),
            today: (2026, 11, 21),
        };
        found.extend(render::render(&manifest, &inputs, &mut sources).1);
    }
    let found = found.sorted();
    let shown: Vec<String> = found.iter().map(|one| diagnostic::render(one, &sources, false, 100)).collect();
    let (errors, warnings) = (found.count(Severity::Error), found.count(Severity::Warning));
    format!("{}\n\n{errors} errors, {warnings} warnings\n", shown.join("\n\n"))
}

#[test]
fn everything_that_is_wrong_is_said_at_its_place() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "yaml")) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let said = shown(name, &std::fs::read_to_string(file).unwrap());
        assert!(!said.contains("hunter2"), "{name} shows a value from outside:\n{said}");
        insta::with_settings!({ snapshot_path => "broken", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name.trim_end_matches(".yaml"), said);
        });
    }
}
