//! The filters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexSet;
use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, Value as Jinja};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::bounded::spend;
use super::{argument, says};
use crate::render::{convert, objects};
use crate::value::Value;
use crate::variables::hex;

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_filter("from_json", from_json);
    environment.add_filter("to_json", to_json);
    environment.add_filter("tojson", to_json);
    environment.add_filter("json_encode", to_json);
    environment.add_filter("base64_encode", base64_encode);
    environment.add_filter("base64_decode", base64_decode);
    environment.add_filter("sha256", sha256);
    environment.add_filter("merge_lists", merge_lists);
    environment.add_filter("merge_objects", merge_objects);
    environment.add_filter("sql_escape", sql_escape);
    environment.add_filter("sql_list", sql_list);
    environment.add_filter("sql_text", sql_text);
    environment.add_filter("sql_quoted", sql_quoted);
    environment.add_filter("generate_patch_document", generate_patch_document);
    environment.add_filter("to_aws_tag_filters", to_aws_tag_filters);
}

/// The text of a value, or the complaint of a filter that wants one.
fn text<'v>(value: &'v Jinja, filter: &str) -> Result<std::borrow::Cow<'v, str>, Error> {
    if objects::stands_for_text(value) {
        return Ok(value.to_string().into());
    }
    spend(value.as_str().map_or(0, str::len))?;
    value.as_str().map(Into::into).ok_or_else(|| says(format!("`{filter}` takes text, and this is {}", kind(value))))
}

fn kind(value: &Jinja) -> &'static str {
    use minijinja::value::ValueKind;
    match value.kind() {
        ValueKind::Undefined => "not defined",
        ValueKind::None => "none",
        ValueKind::Bool => "a boolean",
        ValueKind::Number => "a number",
        ValueKind::String => "text",
        ValueKind::Map => "a map",
        ValueKind::Seq | ValueKind::Iterable => "a list",
        _ => "something else",
    }
}

fn json(value: &Jinja) -> Result<Json, Error> {
    let json = convert::to_json(value).map_err(|what| says(format!("{what} cannot become JSON")))?;
    spend(json.to_string().len() / 8)?;
    Ok(json)
}

fn jinja(json: Json) -> Jinja {
    objects::plain(&Value::from(json))
}

/// A structure, or the JSON text of one.
fn structure(value: &Jinja, filter: &str) -> Result<Json, Error> {
    match value.as_str() {
        Some(text) => {
            spend(text.len())?;
            parse(text, filter)
        }
        None => json(value),
    }
}

fn parse(text: &str, filter: &str) -> Result<Json, Error> {
    serde_json::from_str(text).map_err(|error| {
        says(format!("`{filter}` takes JSON, and line {}, column {} is not", error.line(), error.column()))
    })
}

fn from_json(value: &Jinja) -> Result<Jinja, Error> {
    Ok(jinja(parse(&text(value, "from_json")?, "from_json")?))
}

fn to_json(value: &Jinja, rest: Rest<Jinja>, keywords: Kwargs) -> Result<String, Error> {
    let document = json(value)?;
    let indent = match argument(&rest, &keywords, &["indent", "pretty"])? {
        None => return Ok(document.to_string()),
        Some(indent) if indent.is_none() => return Ok(document.to_string()),
        Some(indent) if indent.kind() == minijinja::value::ValueKind::Bool => {
            if !indent.is_true() {
                return Ok(document.to_string());
            }
            2
        }
        Some(indent) => indent.as_usize().filter(|n| *n <= 16).ok_or_else(|| says("`indent` is a number up to 16"))?,
    };
    let mut output = Vec::new();
    let spaces = " ".repeat(indent);
    let formatter = serde_json::ser::PrettyFormatter::with_indent(spaces.as_bytes());
    let mut serializer = serde_json::Serializer::with_formatter(&mut output, formatter);
    serde::Serialize::serialize(&document, &mut serializer).map_err(|_| says("this cannot become JSON"))?;
    String::from_utf8(output).map_err(|_| says("this cannot become JSON"))
}

fn base64_encode(value: &Jinja) -> Result<String, Error> {
    match value.as_bytes() {
        Some(bytes) => Ok(STANDARD.encode(bytes)),
        None => Ok(STANDARD.encode(text(value, "base64_encode")?.as_bytes())),
    }
}

fn base64_decode(value: &Jinja) -> Result<String, Error> {
    let text = text(value, "base64_decode")?;
    let bytes = STANDARD.decode(text.trim()).map_err(|_| says("this is not base64"))?;
    String::from_utf8(bytes).map_err(|_| says("what is in the base64 is not text"))
}

fn sha256(value: &Jinja) -> Result<String, Error> {
    Ok(hex(&Sha256::digest(text(value, "sha256")?.as_bytes())))
}

/// Both lists, each item once, in their order; two items are one where their JSON is the same.
fn merge_lists(value: &Jinja, rest: Rest<Jinja>, keywords: Kwargs) -> Result<Jinja, Error> {
    let other = argument(&rest, &keywords, &["other"])?.ok_or_else(|| says("`merge_lists` takes another list"))?;
    let mut seen = IndexSet::new();
    let mut merged = Vec::new();
    for list in [structure(value, "merge_lists")?, structure(&other, "merge_lists")?] {
        let Json::Array(items) = list else { return Err(says("`merge_lists` takes two lists")) };
        merged.extend(items.into_iter().filter(|item| seen.insert(item.to_string())));
    }
    Ok(jinja(Json::Array(merged)))
}

/// Both maps; what both have is the other's.
fn merge_objects(value: &Jinja, rest: Rest<Jinja>, keywords: Kwargs) -> Result<Jinja, Error> {
    let other = argument(&rest, &keywords, &["other"])?.ok_or_else(|| says("`merge_objects` takes another map"))?;
    match (structure(value, "merge_objects")?, structure(&other, "merge_objects")?) {
        (Json::Object(mut map), Json::Object(other)) => {
            map.extend(other);
            Ok(jinja(Json::Object(map)))
        }
        _ => Err(says("`merge_objects` takes two maps")),
    }
}

fn sql_escape(value: &Jinja) -> Result<String, Error> {
    Ok(text(value, "sql_escape")?.replace('\'', "''"))
}

/// A value where SQL stands around it: text as it is, a list or a map as compact JSON with its keys sorted, which is how
/// stackql-deploy carries every value.
fn sql_text(value: &Jinja) -> Result<String, Error> {
    use minijinja::value::ValueKind;
    if value.kind() == ValueKind::String || objects::stands_for_text(value) {
        return Ok(text(value, "sql_text")?.into_owned());
    }
    if value.is_none() {
        return Ok(String::new());
    }
    Ok(sorted(json(value)?).to_string())
}

/// The same between single quotes.
fn sql_quoted(value: &Jinja) -> Result<String, Error> {
    Ok(sql_text(value)?.replace('\'', "''"))
}

fn sorted(value: Json) -> Json {
    match value {
        Json::Object(map) => {
            let mut members: Vec<(String, Json)> = map.into_iter().collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Json::Object(members.into_iter().map(|(name, member)| (name, sorted(member))).collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

fn sql_list(value: &Jinja) -> Result<String, Error> {
    let Json::Array(items) = structure(value, "sql_list")? else { return Err(says("`sql_list` takes a list")) };
    if items.is_empty() {
        return Ok("(NULL)".to_owned());
    }
    let quoted: Vec<String> = items
        .iter()
        .map(|item| {
            let text = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
            format!("'{}'", text.replace('\'', "''"))
        })
        .collect();
    Ok(format!("({})", quoted.join(",")))
}

/// One whole-property `add` for each key, as stackql-deploy writes it.
fn generate_patch_document(value: &Jinja) -> Result<String, Error> {
    let Json::Object(map) = structure(value, "generate_patch_document")? else {
        return Err(says("`generate_patch_document` takes a map"));
    };
    let patch: Vec<Json> = map
        .into_iter()
        .map(|(name, value)| {
            let mut path = String::new();
            crate::value::push_token(&mut path, &name);
            serde_json::json!({ "op": "add", "path": path, "value": value })
        })
        .collect();
    Ok(Json::Array(patch).to_string())
}

/// `[{"Key": …, "Values": […]}]` from a list of `{Key, Value}` or from a map.
fn to_aws_tag_filters(value: &Jinja) -> Result<String, Error> {
    let wrong = || says("`to_aws_tag_filters` takes a list of `Key` and `Value`");
    let mut filters = Vec::new();
    match structure(value, "to_aws_tag_filters")? {
        Json::Array(tags) => {
            for tag in tags {
                let (Some(key), Some(value)) = (tag.get("Key"), tag.get("Value")) else { return Err(wrong()) };
                filters.push(serde_json::json!({ "Key": key, "Values": [value] }));
            }
        }
        Json::Object(tags) => {
            filters.extend(tags.into_iter().map(|(key, value)| serde_json::json!({ "Key": key, "Values": [value] })));
        }
        _ => return Err(wrong()),
    }
    Ok(Json::Array(filters).to_string())
}
