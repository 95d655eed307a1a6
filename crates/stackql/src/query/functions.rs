//! The functions that stackql-deploy's projects use and SQLite has not.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Connection, Error};
use serde_json::Value as Json;
use trueup_engine::delta::canonical_policy;
use trueup_engine::value::Value;

/// Makes the functions known.
pub(super) fn register(connection: &Connection) -> Result<(), Error> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("json_equal", 2, flags, |context| Ok(equal(context, json_equal)))?;
    connection.create_scalar_function("aws_policy_equal", 2, flags, |context| Ok(equal(context, policy_equal)))?;
    connection.create_scalar_function("split_part", 3, flags, |context| {
        let (Some(text), Some(separator)) = (text(context, 0), text(context, 1)) else { return Ok(Sql::Null) };
        let part = match context.get_raw(2) {
            ValueRef::Integer(part) => part,
            ValueRef::Null => return Ok(Sql::Null),
            _ => context
                .get::<String>(2)?
                .trim()
                .parse()
                .map_err(|_| wrong("split_part: the third argument is a whole number"))?,
        };
        split_part(&text, &separator, part).map(Sql::Text)
    })?;
    // What the provider's pages put around a patch: the text itself.
    connection.create_scalar_function("string", 1, flags, |context| context.get::<Sql>(0))
}

fn wrong(message: &str) -> Error {
    Error::UserFunctionError(message.into())
}

/// An argument as a text; `None` where it is NULL.
fn text(context: &Context<'_>, at: usize) -> Option<String> {
    match context.get_raw(at) {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    }
}

/// NULL is equal to nothing, as everywhere in SQL.
fn equal(context: &Context<'_>, same: fn(&str, &str) -> bool) -> Option<bool> {
    Some(same(&text(context, 0)?, &text(context, 1)?))
}

/// Whether two texts are the same JSON: members in any order, items in theirs. What is no JSON is compared as it is.
fn json_equal(a: &str, b: &str) -> bool {
    match (serde_json::from_str::<Json>(a), serde_json::from_str::<Json>(b)) {
        (Ok(a), Ok(b)) => same(&a, &b),
        (Err(_), Err(_)) => a == b,
        _ => false,
    }
}

fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        // 1 and 1.0 are one number.
        (Json::Number(a), Json::Number(b)) => {
            a == b || a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| a.total_cmp(&b).is_eq())
        }
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Whether two texts are policies, or lists of tags, that say the same.
fn policy_equal(a: &str, b: &str) -> bool {
    match (serde_json::from_str::<Json>(a), serde_json::from_str::<Json>(b)) {
        (Ok(a), Ok(b)) => same(&settled(a), &settled(b)),
        _ => a == b,
    }
}

/// A document in which neither the order of lists nor the spelling of what they hold is left.
fn settled(json: Json) -> Json {
    let json = match json {
        Json::Object(_) => canonical_policy(&Value::from(json.clone())).unwrap_or(json),
        other => other,
    };
    unordered(json)
}

fn unordered(json: Json) -> Json {
    match json {
        Json::Array(items) => {
            let mut items: Vec<Json> = items.into_iter().map(unordered).collect();
            items.sort_by_cached_key(Json::to_string);
            Json::Array(items)
        }
        Json::Object(members) => {
            let mut members: Vec<_> = members.into_iter().map(|(name, member)| (name, unordered(member))).collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Json::Object(members.into_iter().collect())
        }
        other => other,
    }
}

/// The part of a text between separators, counted from 1, or from the end where the number is negative; empty where
/// there is none.
fn split_part(text: &str, separator: &str, part: i64) -> Result<String, Error> {
    if part == 0 {
        return Err(wrong("split_part: parts are counted from 1"));
    }
    let parts: Vec<&str> = if separator.is_empty() { vec![text] } else { text.split(separator).collect() };
    let at = usize::try_from(part.unsigned_abs()).unwrap_or(usize::MAX);
    let at = if part > 0 { Some(at - 1) } else { parts.len().checked_sub(at) };
    Ok(at.and_then(|at| parts.get(at)).copied().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_compared_by_what_it_says() {
        assert!(json_equal(r#"{"a":1,"b":[1,2]}"#, r#"{ "b": [1.0, 2], "a": 1 }"#));
        assert!(!json_equal("[1,2]", "[2,1]"));
        assert!(json_equal("plain", "plain") && !json_equal("plain", "\"plain\""));
    }

    #[test]
    fn policies_and_tags_have_no_order() {
        let a = r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"*"},
            {"Effect":"Deny","Action":"s3:DeleteBucket","Resource":"*"}]}"#;
        let b = r#"{"Statement":[
            {"Resource":["*"],"Effect":"Deny","Action":["S3:DeleteBucket"]},
            {"Effect":"Allow","Action":["s3:PutObject","s3:GetObject"],"Resource":"*"}],"Version":"2012-10-17"}"#;
        assert!(policy_equal(a, b));
        assert!(!policy_equal(a, &b.replace("Deny", "Allow")));
        let tags = r#"[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]"#;
        assert!(policy_equal(tags, r#"[{"Value":"2","Key":"b"},{"Key":"a","Value":"1"}]"#));
        assert!(!policy_equal(tags, r#"[{"Key":"a","Value":"1"}]"#));
    }

    #[test]
    fn parts_are_counted_from_both_ends() {
        let arn = "arn:aws:events:eu-west-1:123456789012:connection/orders/0a";
        assert_eq!(split_part(arn, ":", 4).unwrap(), "eu-west-1");
        assert_eq!(split_part(arn, "/", -1).unwrap(), "0a");
        assert_eq!(split_part(arn, "/", 9).unwrap(), "");
        assert_eq!(split_part("", "", 1).unwrap(), "");
        assert!(split_part(arn, "/", 0).is_err());
    }
}
