//! What differs from run to run, and the comparison of whole outputs.

use std::fs;
use std::path::Path;

use insta::Settings;
use serde_json::Value;

use crate::binary::repository;

/// The settings for snapshots in a folder, with everything replaced that differs from run to run.
pub fn filters(folder: &Path, temporary: &Path) -> Settings {
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let escape = |path: &Path| {
        let text = path.display().to_string();
        text.chars().flat_map(|c| (!c.is_alphanumeric()).then_some('\\').into_iter().chain([c])).collect::<String>()
    };
    settings.add_filter(&escape(temporary), "[TEMP]");
    settings.add_filter(&escape(repository()), "[REPOSITORY]");
    settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]");
    settings.add_filter(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(-[A-Za-z0-9]{6}\b)?", "[UUID]");
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[TIME]");
    // What Secrets Manager puts behind a name, and queues that it is left to AWS to name.
    settings.add_filter(r#"(:secret:[\w/+=.@-]+)-[A-Za-z0-9]{6}(["\s):]|$)"#, "$1-[SUFFIX]$2");
    settings.add_filter(r"\b[0-9a-f]{32}\b", "[NAME]");
    settings.add_filter(r" on 20\d\d-\d\d-\d\d\b", " on [DAY]");
    settings.add_filter(r"\buntil 20\d\d-\d\d-\d\d\b", "until [DAY]");
    settings.add_filter(r"\b[0-9a-f]{64}\b", "[DIGEST]");
    settings.add_filter(r#""seconds": ?[0-9.e-]+"#, r#""seconds": [SECONDS]"#);
    settings.add_filter(r"\b\d+(\.\d+)? ?(ms|s)\b", "[SECONDS]");
    settings.add_filter(r"\b1 min( \d+ s)?\b", "[SECONDS]");
    settings.add_filter(r#""semanticVersion": "[^"]+""#, r#""semanticVersion": "[VERSION]""#);
    // How a page looks is for eyes.
    settings.add_filter(r"(?s)<style>.*?</style>", "<style>[STYLE]</style>");
    settings.add_filter(r"trueup \d+\.\d+\.\d+", "trueup [VERSION]");
    settings
}

/// Removes from a document what differs from run to run and is not compared.
pub fn redact(document: &mut Value) {
    match document {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                if matches!(key.as_str(), "seconds" | "time" | "request_id" | "digest" | "pre_image")
                    && !value.is_null()
                {
                    *value = Value::String(format!("[{}]", key.to_uppercase()));
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        _ => {}
    }
}

/// Checks a document against one of the schemas in `schemas/`.
#[track_caller]
pub fn check_schema(name: &str, document: &Value) {
    let path = repository().join("schemas").join(format!("{name}.schema.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let schema: Value = serde_json::from_str(&text).expect("a schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema is a JSON Schema");
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "not as schemas/{name}.schema.json says:\n{}\n{document:#}", errors.join("\n"));
}
