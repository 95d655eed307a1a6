//! Stacks from manifests.

use std::sync::Arc;

use serde_json::Value as Json;
use trueup_engine::address::Address;
use trueup_engine::credential::SecretSource;
use trueup_engine::render::{Deferred, Reference};
use trueup_engine::source::{SourceId, Span, Spanned};
use trueup_engine::stack::{Export, Ignore, Instance, Spans, Stack, Timeouts};
use trueup_engine::value::{Map, Value};

pub const HERE: Span = Span { source: SourceId(0), start: 0, end: 0 };

fn spanned(text: &str) -> Spanned<String> {
    Spanned { value: text.to_owned(), span: HERE }
}

fn texts(json: &Json) -> Vec<Spanned<String>> {
    match json {
        Json::String(text) => vec![spanned(text)],
        Json::Array(items) => items.iter().filter_map(Json::as_str).map(spanned).collect(),
        _ => Vec::new(),
    }
}

fn value(json: &Json) -> Value {
    match json {
        Json::String(text) => match text.strip_prefix("{{ ").and_then(|rest| rest.strip_suffix(" }}")) {
            Some(code) => {
                if let Some(source) = code.strip_prefix("secret('").and_then(|rest| rest.strip_suffix("')")) {
                    return Value::Deferred(Arc::new(Deferred::from_secret(SecretSource::parse(source).unwrap())));
                }
                let (name, property) = code.split_once('.').unwrap();
                let reference = Reference {
                    address: Address::new(name),
                    property: property.split('.').map(str::to_owned).collect(),
                    span: HERE,
                };
                Value::Deferred(Arc::new(Deferred::reference(reference)))
            }
            None => Value::from(text.as_str()),
        },
        Json::Array(items) => Value::List(items.iter().map(value).collect()),
        Json::Object(map) => Value::Map(map.iter().map(|(name, member)| (name.clone(), value(member))).collect()),
        other => Value::from(other.clone()),
    }
}

fn instance(json: &Json) -> Instance {
    let properties: Map =
        json["props"].as_object().unwrap().iter().map(|(name, member)| (name.clone(), value(member))).collect();
    let seconds = |name: &str| json["timeouts"][name].as_u64().map(std::time::Duration::from_secs);
    Instance {
        address: Address::new(json["name"].as_str().unwrap()),
        name_span: HERE,
        type_name: json["type"].as_str().map(spanned),
        properties,
        spans: Arc::new(Spans::new(HERE)),
        depends_on: texts(&json["depends_on"]),
        renamed_from: texts(&json["renamed_from"]),
        identifier: None,
        protect: json["protect"].as_bool().unwrap_or_default(),
        ignore: json["ignore"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|ignore| Ignore {
                path: spanned(ignore["path"].as_str().unwrap()),
                reason: ignore["reason"].as_str().map(str::to_owned),
                until: ignore["until"].as_str().map(spanned),
                expired: ignore["until"].as_str().is_some_and(|until| until < "2026-01-01"),
            })
            .collect(),
        exports: json["exports"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .map(|name| Export { property: name.to_owned(), name: name.to_owned(), span: HERE })
            .collect(),
        region: None,
        role_arn: None,
        timeouts: Timeouts { create: seconds("create"), update: seconds("update"), delete: seconds("delete") },
        skip_on_delete: json["skip_on_delete"].as_bool().unwrap_or_default(),
    }
}

/// Renders a manifest, which is written as JSON.
pub fn render(manifest: &Json) -> Stack {
    let resources = manifest["resources"].as_array().unwrap();
    Stack {
        name: spanned(manifest["name"].as_str().unwrap_or("stack")),
        env: "dev".to_owned(),
        description: None,
        account: None,
        region: None,
        variables: Vec::new(),
        instances: resources.iter().map(instance).collect(),
        exports: manifest["exports"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .map(|name| Export { property: name.to_owned(), name: name.to_owned(), span: HERE })
            .collect(),
        manifest_digest: manifest.to_string(),
        variables_digest: String::new(),
        left_out: Vec::new(),
    }
}
