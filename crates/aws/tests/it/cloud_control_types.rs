//! The reader of schemas over every schema of CloudFormation's registry that the pinned `cfn-lint` wheel carries.
//!
//! `cargo xtask test` installs the wheel; `cargo xtask kinds` writes the page and the list anew.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;
use trueup_aws::kinds::cloud_control::survey;

const BEGIN: &str = "<!-- Written by `cargo xtask kinds`. -->\n\n";
const END: &str = "\n<!-- End of what `cargo xtask kinds` writes. -->\n";

/// The folder of the wheel's schemas; `None` only where tests with Python were switched off on purpose.
fn folder() -> Option<PathBuf> {
    let Some(python) = std::env::var_os("TRUEUP_TEST_PYTHON") else {
        if std::env::var_os("TRUEUP_TEST_SKIP_PYTHON").is_some_and(|it| it == "1") {
            return None;
        }
        panic!("this test needs the wheel of cfn-lint: run `cargo xtask test`, or set TRUEUP_TEST_SKIP_PYTHON=1");
    };
    let find = "import importlib.util as u; print(u.find_spec('cfnlint').submodule_search_locations[0])";
    let output = Command::new(python).args(["-I", "-c", find]).output().unwrap();
    let path = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && !path.trim().is_empty(), "cfn-lint is not installed: run `cargo xtask test`");
    Some(Path::new(path.trim()).join("data/schemas"))
}

fn json(path: &Path) -> Json {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn every_schema_of_the_wheel_is_read_or_listed() {
    let Some(folder) = folder() else { return };
    let names = json(&folder.join("providers/us-east-1.json"));
    let schemas: BTreeMap<&String, Json> = names
        .as_object()
        .unwrap()
        .iter()
        // The wheel has models of its own beside those of the registry.
        .filter(|(name, _)| name.split("::").count() == 3)
        .map(|(name, file)| (name, json(&folder.join(format!("resources/{}.json", file.as_str().unwrap())))))
        .collect();
    let mut patterns: HashMap<String, bool> = HashMap::new();
    let compiles =
        |pattern: &str| *patterns.entry(pattern.to_owned()).or_insert_with(|| regex_lite::Regex::new(pattern).is_ok());
    let (table, unusable) = survey(schemas.values(), compiles);

    let mut listed =
        String::from("# Types of the wheel that cannot be managed, and why. Written by `cargo xtask kinds`.\n");
    for (why, names) in &unusable {
        let _ = writeln!(listed, "\n# {why}");
        for name in names {
            let _ = writeln!(listed, "{name}");
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = root.join("tests/it/unmanaged_types.txt");
    let page = root.join("../../docs/kinds.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (there, after) = rest.split_once(END).unwrap();
    if std::env::var_os("TRUEUP_WRITE_KINDS").is_some_and(|it| it == "1") {
        std::fs::write(&list, &listed).unwrap();
        std::fs::write(&page, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert!(schemas.len() > 1800);
    assert!(there == table, "docs/kinds.md is stale: cargo xtask kinds\n{table}");
    let known = std::fs::read_to_string(&list).unwrap_or_default();
    assert!(known == listed, "tests/it/unmanaged_types.txt is stale: cargo xtask kinds\n{listed}");
}
