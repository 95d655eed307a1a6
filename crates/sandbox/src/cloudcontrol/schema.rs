//! The schema of a type: what its properties may be, and which of them mean more.
//!
//! One document says everything about a type: it is what `DescribeType` hands out, what a model is
//! checked against, and what decides that a property is never shown, never changed or never given. The
//! part of JSON Schema in here is the one that CloudFormation's schemas use for the types at hand.

use std::fmt::Write as _;

use regex_lite::Regex;
use serde_json::{Map, Value};

/// A path into a model, by member; `*` stands for every item of a list.
pub(crate) type Path = Vec<String>;

/// A type's schema.
pub(crate) struct Schema {
    /// The document.
    pub(crate) json: Value,
    identifier: Vec<Path>,
    read_only: Vec<Path>,
    write_only: Vec<Path>,
    create_only: Vec<Path>,
}

impl Schema {
    /// Reads a document; one that is none becomes a schema that permits nothing.
    pub(crate) fn parse(text: &str) -> Self {
        let json: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        let paths = |member: &str| -> Vec<Path> {
            let list = json.get(member).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(|pointer| Some(path(pointer.as_str()?))).collect()
        };
        Self {
            identifier: paths("primaryIdentifier"),
            read_only: paths("readOnlyProperties"),
            write_only: paths("writeOnlyProperties"),
            create_only: paths("createOnlyProperties"),
            json,
        }
    }

    /// Returns the identifier of a model: the values of its members [D], when it has them all.
    pub(crate) fn identify(&self, model: &Value) -> Option<String> {
        let parts: Option<Vec<&str>> = self.identifier.iter().map(|path| get(model, path)?.as_str()).collect();
        parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("|"))
    }

    /// Returns what a handler needs to list resources, beyond nothing [D].
    pub(crate) fn needed_to_list(&self) -> Vec<&str> {
        let required = self.json.pointer("/handlers/list/handlerSchema/required").and_then(Value::as_array);
        required.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Takes away what is never shown.
    pub(crate) fn show(&self, mut model: Value) -> Value {
        for path in &self.write_only {
            remove(&mut model, path);
        }
        without_null(model)
    }

    /// Returns what a model gives that is not to be given.
    pub(crate) fn given_read_only(&self, model: &Value) -> Vec<String> {
        self.read_only.iter().filter(|path| get(model, path).is_some()).map(pointer).collect()
    }

    /// Returns what differs of what is not to be given.
    pub(crate) fn changed_read_only(&self, before: &Value, after: &Value) -> Vec<String> {
        differences(&self.read_only, before, after)
    }

    /// Returns what differs of what stays as it was created.
    pub(crate) fn changed_create_only(&self, before: &Value, after: &Value) -> Vec<String> {
        differences(&self.create_only, before, after)
    }

    /// Checks a model; returns what is wrong with it, in the words of CloudFormation's validator [I].
    pub(crate) fn check(&self, model: &Value) -> Vec<String> {
        let mut found = Check { schema: self, path: Vec::new(), texts: Vec::new() };
        found.visit(&self.json, model);
        // The order in which members happen to come says nothing.
        found.texts.sort_unstable();
        found.texts
    }

    fn hides(&self, at: &[String]) -> bool {
        let within = |path: &Path| {
            let end = path.len().min(at.len());
            path[..end].iter().zip(at).all(|(member, at)| member == "*" || member == at)
        };
        self.write_only.iter().any(within)
    }
}

struct Check<'a> {
    schema: &'a Schema,
    path: Path,
    texts: Vec<String>,
}

impl<'a> Check<'a> {
    fn visit(&mut self, shape: &'a Value, value: &Value) {
        let shape = self.resolve(shape);
        if let Some(wanted) = shape.get("type") {
            let wanted: Vec<&str> = match wanted {
                Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
                one => one.as_str().into_iter().collect(),
            };
            if !wanted.iter().any(|wanted| is(wanted, value)) {
                let text = match wanted[..] {
                    [one] => format!("expected type: {}, found: {}", title(one), kind(value)),
                    _ => format!("expected one of the types {}, found: {}", wanted.join(", "), kind(value)),
                };
                self.add(&text);
                return;
            }
        }
        if let Some(all) = shape.get("enum").and_then(Value::as_array)
            && !all.contains(value)
        {
            let shown = self.shown(value);
            self.add(&format!("{shown}is not a valid enum value"));
        }
        match value {
            Value::String(text) => self.text(shape, text),
            Value::Number(_) => self.number(shape, value),
            Value::Array(items) => self.items(shape, items),
            Value::Object(members) => self.members(shape, members),
            Value::Bool(_) | Value::Null => {}
        }
        let Some(choices) = shape.get("oneOf").and_then(Value::as_array) else {
            return;
        };
        let fits = |choice: &&'a Value| {
            let mut one = Check { schema: self.schema, path: self.path.clone(), texts: Vec::new() };
            one.visit(choice, value);
            one.texts.is_empty()
        };
        let fitting = choices.iter().filter(fits).count();
        if fitting != 1 {
            self.add(&format!("{fitting} subschemas matched instead of one"));
        }
    }

    fn resolve(&self, shape: &'a Value) -> &'a Value {
        let reference = shape.get("$ref").and_then(Value::as_str).and_then(|it| it.strip_prefix('#'));
        reference.and_then(|pointer| self.schema.json.pointer(pointer)).unwrap_or(shape)
    }

    fn text(&mut self, shape: &Value, text: &str) {
        let length = text.chars().count() as u64;
        if let Some(min) = shape.get("minLength").and_then(Value::as_u64).filter(|min| length < *min) {
            self.add(&format!("expected minLength: {min}, actual: {length}"));
        }
        if let Some(max) = shape.get("maxLength").and_then(Value::as_u64).filter(|max| length > *max) {
            self.add(&format!("expected maxLength: {max}, actual: {length}"));
        }
        if let Some(pattern) = shape.get("pattern").and_then(Value::as_str) {
            let fits = Regex::new(pattern).is_ok_and(|regex| regex.is_match(text));
            if !fits {
                let shown = if self.schema.hides(&self.path) { String::new() } else { format!("[{text}] ") };
                self.add(&format!("string {shown}does not match pattern {pattern}"));
            }
        }
    }

    fn number(&mut self, shape: &Value, value: &Value) {
        let number = value.as_f64().unwrap_or_default();
        let limit = |member: &str| shape.get(member).and_then(Value::as_f64);
        if let Some(min) = limit("minimum").filter(|min| number < *min) {
            self.add(&format!("{value} is not greater or equal to {min}"));
        }
        if let Some(max) = limit("maximum").filter(|max| number > *max) {
            self.add(&format!("{value} is not less or equal to {max}"));
        }
    }

    fn items(&mut self, shape: &'a Value, items: &[Value]) {
        let count = items.len() as u64;
        if let Some(min) = shape.get("minItems").and_then(Value::as_u64).filter(|min| count < *min) {
            self.add(&format!("expected minimum item count: {min}, found: {count}"));
        }
        if let Some(max) = shape.get("maxItems").and_then(Value::as_u64).filter(|max| count > *max) {
            self.add(&format!("expected maximum item count: {max}, found: {count}"));
        }
        let unique = shape.get("uniqueItems").and_then(Value::as_bool).unwrap_or(false);
        if unique && items.iter().enumerate().any(|(index, item)| items[..index].contains(item)) {
            self.add("array items are not unique");
        }
        if let Some(of) = shape.get("items") {
            for (index, item) in items.iter().enumerate() {
                self.path.push(index.to_string());
                self.visit(of, item);
                self.path.pop();
            }
        }
    }

    fn members(&mut self, shape: &'a Value, members: &Map<String, Value>) {
        let required = shape.get("required").and_then(Value::as_array).into_iter().flatten();
        for missing in required.filter_map(Value::as_str).filter(|name| !members.contains_key(*name)) {
            self.add(&format!("required key [{missing}] not found"));
        }
        let count = members.len() as u64;
        if let Some(min) = shape.get("minProperties").and_then(Value::as_u64).filter(|min| count < *min) {
            self.add(&format!("minimum size: [{min}], found: [{count}]"));
        }
        if let Some(max) = shape.get("maxProperties").and_then(Value::as_u64).filter(|max| count > *max) {
            self.add(&format!("maximum size: [{max}], found: [{count}]"));
        }
        let known = shape.get("properties").and_then(Value::as_object);
        let patterns = shape.get("patternProperties").and_then(Value::as_object);
        let closed = shape.get("additionalProperties").and_then(Value::as_bool) == Some(false);
        for (name, value) in members {
            let fitting = |(pattern, of)| Regex::new(pattern).is_ok_and(|it| it.is_match(name)).then_some(of);
            let of = known.and_then(|known| known.get(name));
            let of = of.or_else(|| patterns.into_iter().flatten().find_map(|(pattern, of)| fitting((pattern, of))));
            match of {
                Some(of) => {
                    self.path.push(name.clone());
                    self.visit(of, value);
                    self.path.pop();
                }
                None if closed => self.add(&format!("extraneous key [{name}] is not permitted")),
                None => {}
            }
        }
    }

    /// Returns a value with a space, unless it is one that is never shown.
    fn shown(&self, value: &Value) -> String {
        if self.schema.hides(&self.path) {
            return String::new();
        }
        value.as_str().map_or_else(|| format!("{value} "), |text| format!("{text} "))
    }

    fn add(&mut self, text: &str) {
        let mut line = "#".to_owned();
        for member in &self.path {
            let _ = write!(line, "/{member}");
        }
        let _ = write!(line, ": {text}");
        self.texts.push(line);
    }
}

fn is(wanted: &str, value: &Value) -> bool {
    match wanted {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => value.is_null(),
    }
}

fn title(wanted: &str) -> &str {
    match wanted {
        "string" => "String",
        "integer" => "Integer",
        "number" => "Number",
        "boolean" => "Boolean",
        "array" => "JSONArray",
        _ => "JSONObject",
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "Null",
        Value::Bool(_) => "Boolean",
        Value::Number(number) if number.is_f64() => "BigDecimal",
        Value::Number(_) => "Integer",
        Value::String(_) => "String",
        Value::Array(_) => "JSONArray",
        Value::Object(_) => "JSONObject",
    }
}

/// Reads `/properties/A/B/*/C`; properties within properties may be spelled out [D].
fn path(pointer: &str) -> Path {
    let members = pointer.split('/').skip(1).filter(|member| *member != "properties");
    members.map(|member| if member == "items" { "*".to_owned() } else { member.to_owned() }).collect()
}

fn pointer(path: &Path) -> String {
    format!("/properties/{}", path.join("/"))
}

/// Returns what a model has at a path: of a list, something of any item.
fn get<'a>(model: &'a Value, path: &[String]) -> Option<&'a Value> {
    let Some((member, rest)) = path.split_first() else {
        return Some(model);
    };
    if member == "*" {
        return model.as_array()?.iter().find_map(|item| get(item, rest));
    }
    get(model.get(member)?, rest)
}

/// Collects everything that a model has at a path.
fn all<'a>(model: &'a Value, path: &[String], found: &mut Vec<&'a Value>) {
    match path.split_first() {
        None => found.push(model),
        Some((member, rest)) if member == "*" => {
            model.as_array().into_iter().flatten().for_each(|item| all(item, rest, found));
        }
        Some((member, rest)) => {
            if let Some(value) = model.get(member) {
                all(value, rest, found);
            }
        }
    }
}

fn differences(paths: &[Path], before: &Value, after: &Value) -> Vec<String> {
    let differs = |path: &&Path| {
        let (mut old, mut new) = (Vec::new(), Vec::new());
        all(before, path, &mut old);
        all(after, path, &mut new);
        old != new
    };
    paths.iter().filter(differs).map(pointer).collect()
}

fn remove(model: &mut Value, path: &[String]) {
    let Some((member, rest)) = path.split_first() else {
        return;
    };
    if member == "*" {
        model.as_array_mut().into_iter().flatten().for_each(|item| remove(item, rest));
    } else if rest.is_empty() {
        if let Some(object) = model.as_object_mut() {
            object.remove(member);
        }
    } else if let Some(value) = model.get_mut(member) {
        remove(value, rest);
    }
}

/// Takes away members without a value.
fn without_null(mut model: Value) -> Value {
    if let Some(members) = model.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    model
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Schema {
        let document = json!({
            "properties": {
                "Name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 4},
                "Size": {"type": "integer", "minimum": 1},
                "Word": {"type": "string", "pattern": "^[a-z]+$"},
                "Tags": {"type": "array", "items": {"$ref": "#/definitions/Tag"}, "uniqueItems": true},
                "Arn": {"type": "string"},
            },
            "definitions": {"Tag": {
                "type": "object", "properties": {"Key": {"type": "string"}, "Word": {"type": "string"}},
                "required": ["Key"], "additionalProperties": false,
            }},
            "required": ["Name"],
            "additionalProperties": false,
            "primaryIdentifier": ["/properties/Name", "/properties/Arn"],
            "readOnlyProperties": ["/properties/Arn"],
            "createOnlyProperties": ["/properties/Name"],
            "writeOnlyProperties": ["/properties/Word", "/properties/Tags/*/Word"],
        });
        Schema::parse(&document.to_string())
    }

    #[test]
    fn a_model_is_checked_and_secrets_are_not_repeated() {
        let model =
            json!({"Size": 0, "Word": "HUNTER2", "Tags": [{"Word": 5}, {"Key": "a"}, {"Key": "a"}], "Other": 1});
        let wanted = [
            "#/Size: 0 is not greater or equal to 1",
            "#/Tags/0/Word: expected type: String, found: Integer",
            "#/Tags/0: required key [Key] not found",
            "#/Tags: array items are not unique",
            "#/Word: string does not match pattern ^[a-z]+$",
            "#: extraneous key [Other] is not permitted",
            "#: required key [Name] not found",
        ];
        assert_eq!(schema().check(&model), wanted);
        let text = "#/Name: string [a1] does not match pattern ^[a-z]+$";
        assert_eq!(schema().check(&json!({"Name": "a1"})), [text]);
        assert!(schema().check(&json!({"Name": "abcd", "Size": 1})).is_empty());
    }

    #[test]
    fn properties_with_a_meaning_are_found() {
        let schema = schema();
        let model = json!({"Name": "a", "Arn": "b", "Word": "x", "Tags": [{"Key": "k", "Word": "y"}], "Size": null});
        assert_eq!(schema.identify(&model).as_deref(), Some("a|b"));
        assert_eq!(schema.given_read_only(&model), ["/properties/Arn"]);
        assert_eq!(schema.show(model.clone()), json!({"Name": "a", "Arn": "b", "Tags": [{"Key": "k"}]}));
        assert_eq!(schema.changed_create_only(&model, &json!({"Name": "c"})), ["/properties/Name"]);
        assert!(schema.changed_read_only(&model, &model).is_empty());
    }
}
