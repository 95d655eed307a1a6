//! When two policy documents of IAM say the same.
//!
//! A policy is written by people and by services, and comes back in other words than it was given in. What counts as
//! equal here is what AWS documents as equal: a single value and a list of it, the order of values in a list, the case
//! of actions, an account by its id or by its root, everybody as `"*"` or `{"AWS": "*"}`. Statements keep their order.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>.

use serde_json::{Map as JsonMap, Value as Json, json};

use crate::value::Value;

/// Whether two documents, as texts or as structures, say the same.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    matches!((canonical(a), canonical(b)), (Some(a), Some(b)) if a == b)
}

/// A document in the form in which all that says the same is the same; `None` for what is no document.
pub(super) fn canonical(value: &Value) -> Option<Json> {
    let document = match value {
        Value::String(text) => serde_json::from_str(text).ok()?,
        Value::Map(_) => value.to_masked_json(),
        _ => return None,
    };
    let Json::Object(mut document) = document else { return None };
    if let Some(statements) = document.remove("Statement") {
        let statements = list(statements).into_iter().map(statement).collect();
        document.insert("Statement".to_owned(), statements);
    }
    Some(Json::Object(document))
}

fn list(value: Json) -> Vec<Json> {
    match value {
        Json::Array(items) => items,
        one => vec![one],
    }
}

/// Values whose order means nothing, each in the form that `form` gives it.
fn set(values: Json, form: impl Fn(Json) -> Json) -> Json {
    let mut values: Vec<Json> = list(values).into_iter().map(form).collect();
    values.sort_by_cached_key(Json::to_string);
    values.dedup();
    values.into()
}

fn statement(statement: Json) -> Json {
    let Json::Object(members) = statement else { return statement };
    let members = members.into_iter().map(|(name, value)| {
        let value = match name.as_str() {
            "Action" | "NotAction" => set(value, |action| match action {
                Json::String(action) => action.to_ascii_lowercase().into(),
                other => other,
            }),
            "Resource" | "NotResource" => set(value, |it| it),
            "Principal" | "NotPrincipal" => principal(value),
            "Condition" => condition(value),
            _ => value,
        };
        (name, value)
    });
    Json::Object(members.collect::<JsonMap<_, _>>())
}

fn principal(value: Json) -> Json {
    match value {
        Json::String(everybody) if everybody == "*" => json!({"AWS": ["*"]}),
        Json::Object(kinds) => {
            let kinds = kinds.into_iter().map(|(kind, who)| {
                let who = if kind == "AWS" { set(who, account) } else { set(who, |it| it) };
                (kind, who)
            });
            Json::Object(kinds.collect::<JsonMap<_, _>>())
        }
        other => other,
    }
}

/// `arn:aws:iam::123456789012:root` is the account `123456789012`.
fn account(who: Json) -> Json {
    let id = who.as_str().and_then(|arn| {
        let mut parts = arn.strip_suffix(":root")?.splitn(5, ':');
        let is_root = parts.next() == Some("arn") && parts.nth(1) == Some("iam") && parts.next() == Some("");
        let id = parts.next().filter(|id| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()));
        id.filter(|_| is_root).map(str::to_owned)
    });
    id.map_or(who, Json::String)
}

/// Operators with keys with values, which may be texts, numbers or booleans.
fn condition(value: Json) -> Json {
    let Json::Object(operators) = value else { return value };
    let operators = operators.into_iter().map(|(operator, keys)| {
        let Json::Object(keys) = keys else { return (operator, keys) };
        let text = |value| match value {
            value @ (Json::Number(_) | Json::Bool(_)) => value.to_string().into(),
            other => other,
        };
        let keys = keys.into_iter().map(|(key, values)| (key, set(values, text)));
        (operator, Json::Object(keys.collect::<JsonMap<_, _>>()))
    });
    Json::Object(operators.collect::<JsonMap<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(statement: &Json) -> Value {
        Value::from(json!({"Version": "2012-10-17", "Statement": statement}))
    }

    #[test]
    fn what_aws_documents_as_equal_is_equal() {
        let root = json!({"AWS": "arn:aws:iam::123456789012:root"});
        for (a, b) in [
            (json!({"Principal": root}), json!({"Principal": {"AWS": "123456789012"}})),
            (json!({"Principal": root}), json!([{"Principal": {"AWS": ["arn:aws:iam::123456789012:root"]}}])),
            (json!({"Principal": "*"}), json!({"Principal": {"AWS": "*"}})),
            (json!({"Action": "kms:*"}), json!({"Action": ["KMS:*"]})),
            (json!({"Action": ["kms:Encrypt", "kms:Decrypt"]}), json!({"Action": ["kms:Decrypt", "kms:Encrypt"]})),
            (json!({"Resource": "*"}), json!({"Resource": ["*"]})),
            (
                json!({"Condition": {"Bool": {"aws:SecureTransport": true}}}),
                json!({"Condition": {"Bool": {"aws:SecureTransport": ["true"]}}}),
            ),
        ] {
            assert!(same(&policy(&a), &policy(&b)), "{a} {b}");
            let as_text = Value::String(policy(&b).to_masked_json().to_string());
            assert!(same(&policy(&a), &as_text), "{a} {b}");
        }
    }

    #[test]
    fn what_may_mean_something_else_is_not() {
        for (a, b) in [
            (json!({"Effect": "Allow"}), json!({"Effect": "Deny"})),
            (json!({"Resource": "arn:aws:s3:::A"}), json!({"Resource": "arn:aws:s3:::a"})),
            (
                json!({"Principal": {"AWS": "arn:aws:iam::123456789012:role/a"}}),
                json!({"Principal": {"AWS": "123456789012"}}),
            ),
            (json!({"Principal": {"Service": "123456789012"}}), json!({"Principal": {"AWS": "123456789012"}})),
            (json!([{"Sid": "a"}, {"Sid": "b"}]), json!([{"Sid": "b"}, {"Sid": "a"}])),
        ] {
            assert!(!same(&policy(&a), &policy(&b)), "{a} {b}");
        }
        assert!(!same(&Value::String("{".to_owned()), &Value::String("{".to_owned())));
        assert!(!same(&policy(&json!({})), &Value::from(json!({"Statement": {}}))));
    }
}
