//! The JSON Schema of the manifest, for editors: made from the same tables that `validate` uses.
//!
//! Looser than `validate` where it has to be: any value may be a template, which an editor cannot evaluate. Never
//! stricter: what `validate` accepts has no red line.

use serde_json::{Map, Value as Json, json};
use trueup_engine::kind::Registry;
use trueup_engine::schema::{Property, Type};

/// A text that is, or holds, a template.
fn template() -> Json {
    json!({"type": "string", "pattern": "\\{\\{"})
}

/// The schema of the whole manifest.
pub fn manifest(registry: Registry) -> Json {
    let types: Vec<Json> = registry
        .iter()
        .map(|kind| {
            let names: Vec<&str> = std::iter::once(kind.name()).chain(kind.aliases().iter().copied()).collect();
            let map = properties(kind.schema().properties);
            json!({
                "if": {"properties": {"type": {"enum": names}}, "required": ["type"]},
                "then": {"properties": {"props": {"anyOf": [map, {"$ref": "#/$defs/property_list"}, {"type": "null"}]}}},
            })
        })
        .collect();
    let names: Vec<&str> =
        registry.iter().flat_map(|kind| std::iter::once(kind.name()).chain(kind.aliases().iter().copied())).collect();
    let expression = || json!({"type": ["string", "boolean"]});
    let exports = json!({
        "type": "array",
        "items": {"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}]},
    });
    let list_of_text = json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]});
    let time = json!({"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"});
    let resource = json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "description": "Logical name, unique in the stack"},
            "type": {"anyOf": [{"enum": names}, {"type": "string"}], "description": "CloudFormation's name of the type"},
            "resource": {"type": "string"},
            "description": {"type": "string"},
            "props": {"type": ["object", "array", "null"], "description": "The properties, as a map or as a list of name and value"},
            "renamed_from": {"description": "The name that the resource had before", "anyOf": list_of_text["anyOf"]},
            "identifier": {"type": "string", "description": "The id in the cloud, where the service makes it"},
            "exports": exports,
            "if": expression(),
            "for_each": {"type": ["string", "array", "object"], "description": "A list or a map; one resource for each entry"},
            "depends_on": list_of_text,
            "protect": {"type": ["string", "boolean"], "description": "Never deleted or replaced"},
            "ignore": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["path"],
                    "properties": {
                        "path": {"type": "string", "description": "A JSON pointer; `*` stands for any one name"},
                        "reason": {"type": "string"},
                        "until": {"type": "string", "description": "The last day on which it holds"},
                    },
                    "additionalProperties": false,
                },
            },
            "severity": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["path", "level"],
                    "properties": {
                        "path": {"type": "string", "description": "A JSON pointer; `*` stands for any one name; what is below it counts too"},
                        "level": {"enum": ["low", "medium", "high"]},
                    },
                    "additionalProperties": false,
                },
                "description": "How bad a difference is to `trueup drift`",
            },
            "region": {"type": "string"},
            "role_arn": {"type": "string"},
            "timeouts": {
                "type": "object",
                "properties": {"create": time, "update": time, "delete": time},
                "additionalProperties": false,
            },
            "skip_on_delete": {"type": ["string", "boolean"], "description": "Kept at teardown"},
            "locals": {"anyOf": [{"type": "object"}, {"type": "array"}], "description": "Values for the templates of this resource, by name"},
            "sql": {"type": "string", "description": "What a `query` asks"},
            "find": {"type": "string", "description": "A query that finds the id of a resource whose id AWS makes"},
        },
        "allOf": types,
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "trueup manifest",
        "type": "object",
        "required": ["name"],
        "properties": {
            "version": {"enum": [1]},
            "name": {"type": "string", "description": "The stack's name"},
            "description": {"type": "string"},
            "providers": {"type": "array", "items": {"type": "string", "pattern": "^(aws|awscc)(::.*)?$"}},
            "vars": {"type": "array", "items": {"$ref": "#/$defs/variable"}},
            "accounts": {
                "type": "object",
                "description": "The account that an environment is bound to",
                "additionalProperties": {"type": "string"},
            },
            "globals": {"type": "array", "items": {"$ref": "#/$defs/global"}},
            "resources": {"type": "array", "items": {"$ref": "#/$defs/resource"}},
            "exports": {"type": "array", "items": {"type": "string"}},
        },
        "additionalProperties": false,
        "$defs": {
            "variable": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "type": {"enum": ["string", "number", "bool"]},
                    "default": {},
                    "secret": {"type": "boolean"},
                    "description": {"type": "string"},
                },
                "additionalProperties": false,
            },
            "global": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "value": {},
                    "description": {"type": "string"},
                    "protected": {"type": "boolean"},
                },
            },
            "property_list": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": {"type": "string"},
                        "value": {},
                        "values": {"type": "object"},
                        "merge": {},
                        "description": {"type": "string"},
                        "protected": {"type": "boolean"},
                    },
                },
            },
            "resource": resource,
        },
    })
}

/// The schema of an object with these properties.
pub fn properties(properties: &'static [Property]) -> Json {
    let mut members = Map::new();
    let mut required = Vec::new();
    for property in properties.iter().filter(|property| !property.read_only) {
        let mut schema = value(&property.ty);
        if let Some(map) = schema.as_object_mut() {
            map.insert("description".to_owned(), json!(property.doc));
            if let Some(default) = property.default {
                map.insert("default".to_owned(), default.to_value().to_masked_json());
            }
        }
        members.insert(property.name.to_owned(), schema);
        if property.required {
            required.push(property.name);
        }
    }
    let mut schema = json!({"type": "object", "properties": members, "additionalProperties": false});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn value(ty: &Type) -> Json {
    let plain = match ty {
        Type::Text(text) => {
            let mut schema = json!({"type": "string"});
            if !text.allowed.is_empty() {
                schema["enum"] = json!(text.allowed);
            }
            if text.min > 0 {
                schema["minLength"] = json!(text.min);
            }
            if text.max < usize::MAX {
                schema["maxLength"] = json!(text.max);
            }
            if let Some(pattern) = text.pattern {
                schema["pattern"] = json!(pattern.regex);
            }
            if schema.as_object().is_some_and(|map| map.len() == 1) {
                return json!({"type": ["string", "null"]});
            }
            schema
        }
        Type::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Type::Number { min, max } => {
            let mut schema = json!({"type": "number"});
            if *min > f64::MIN {
                schema["minimum"] = json!(min);
            }
            if *max < f64::MAX {
                schema["maximum"] = json!(max);
            }
            schema
        }
        Type::Union(members) => json!({"anyOf": members.iter().map(value).collect::<Vec<_>>()}),
        Type::Any => return json!({}),
        Type::Boolean => json!({"type": "boolean"}),
        Type::Object(inner) => properties(inner),
        Type::List(list) => {
            let mut schema = json!({"type": "array", "items": value(&list.item)});
            if list.max < usize::MAX {
                schema["maxItems"] = json!(list.max);
            }
            schema
        }
        Type::Map(inner) => json!({"type": "object", "additionalProperties": value(inner)}),
        Type::Json => return json!({"type": ["object", "array", "string", "null"]}),
    };
    json!({"anyOf": [plain, template(), {"type": "null"}]})
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_the_repository_shows_has_no_red_line() {
        let schema = manifest(trueup_aws::registry());
        let validator = jsonschema::validator_for(&schema).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folders = ["manifests", "examples"].iter().filter_map(|name| std::fs::read_dir(root.join(name)).ok());
        let mut texts: Vec<(String, String)> = folders
            .flatten()
            .filter_map(|entry| {
                let path = entry.unwrap().path().join("trueup.yaml");
                Some((path.display().to_string(), std::fs::read_to_string(&path).ok()?))
            })
            .filter(|(path, _)| !path.contains("stackql"))
            .collect();
        texts.push(("the template".to_owned(), include_str!("../templates/trueup.yaml").to_owned()));
        for kind in trueup_aws::registry().iter() {
            texts.push((kind.name().to_owned(), manifest_of(kind)));
        }
        for (name, text) in texts {
            let json: Json = serde_yaml::from_str(&text).unwrap();
            let found: Vec<String> =
                validator.iter_errors(&json).map(|error| format!("{} {error}", error.instance_path())).collect();
            assert!(found.is_empty(), "{name}: {found:?}");
        }
    }

    /// A skeleton as a person leaves it who has filled in the names.
    fn manifest_of(kind: &'static dyn trueup_engine::kind::Kind) -> String {
        crate::skeleton::manifest(kind).replace(": \"\"", ": \"{{ vars.FILLED_IN }}\"")
    }

    #[test]
    fn mistakes_have_red_lines() {
        let validator = jsonschema::validator_for(&manifest(trueup_aws::registry())).unwrap();
        let text = include_str!("../templates/trueup.yaml");
        for (from, to) in
            [("HttpMethod: POST", "HttpMethod: POTS"), ("Description:", "Descripton:"), ("globals:", "globls:")]
        {
            let json: Json = serde_yaml::from_str(&text.replace(from, to)).unwrap();
            assert!(!validator.is_valid(&json), "{to}");
        }
    }
}
