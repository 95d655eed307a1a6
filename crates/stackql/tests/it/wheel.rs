//! The schemas of the wheel. `cargo xtask test` installs it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

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

/// The names of the registry's types, and the files of their schemas.
pub fn types() -> Option<BTreeMap<String, PathBuf>> {
    let folder = folder()?;
    let names = json(&folder.join("providers/us-east-1.json"));
    let file = |file: &Json| folder.join(format!("resources/{}.json", file.as_str().unwrap()));
    let names = names.as_object().unwrap().iter();
    // The wheel has models of its own beside those of the registry.
    Some(names.filter(|(name, _)| name.split("::").count() == 3).map(|(name, it)| (name.clone(), file(it))).collect())
}

/// Every schema, by the name of its type.
pub fn schemas() -> Option<BTreeMap<String, Json>> {
    Some(types()?.into_iter().map(|(name, file)| (name, json(&file))).collect())
}
