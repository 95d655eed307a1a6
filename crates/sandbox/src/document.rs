//! Policies of resources: what a service checks before it keeps one.
//!
//! A key policy can lock everybody out and a secret's policy can let everybody in, and AWS refuses both
//! when it sees them. It takes little for that: who is allowed what without a condition. Conditions are
//! not weighed: [?] a grant under a condition counts as none.

use serde_json::Value;

use crate::faults::glob;

/// A resource's policy.
pub(crate) struct Document {
    statements: Vec<Value>,
}

impl Document {
    /// Reads a policy; `None` when it is not one. [D] what every statement of a resource's policy has.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let document: Value = serde_json::from_str(text).ok()?;
        let statements = match document.get("Statement")? {
            Value::Array(statements) if !statements.is_empty() => statements.clone(),
            statement @ Value::Object(_) => vec![statement.clone()],
            _ => return None,
        };
        let whole = |statement: &Value| {
            let one_of = |names: [&str; 2]| names.iter().filter(|name| statement.get(**name).is_some()).count() == 1;
            matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny"))
                && one_of(["Principal", "NotPrincipal"])
                && one_of(["Action", "NotAction"])
                && one_of(["Resource", "NotResource"])
        };
        statements.iter().all(whole).then_some(Self { statements })
    }

    /// Tells whether every principal looks like one: whether it exists only IAM knows.
    pub(crate) fn names_principals(&self) -> bool {
        self.statements.iter().flat_map(principals).all(|principal| {
            let account = |id: &str| id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit());
            let mut parts = principal.splitn(6, ':');
            let arn = [parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next()];
            match arn {
                [Some("arn"), Some(_), Some("iam" | "sts"), Some(""), Some(id), Some(who)] => {
                    account(id) && (who == "root" || who.split_once('/').is_some_and(|(_, name)| !name.is_empty()))
                }
                _ => principal == "*" || account(principal),
            }
        })
    }

    /// Tells whether it lets everybody in.
    pub(crate) fn is_public(&self) -> bool {
        self.statements.iter().any(|it| unconditional(it, "Allow") && principals(it).any(|who| who == "*"))
    }

    /// Tells whether it allows an action to one of these principals, and denies it to none of them.
    pub(crate) fn allows(&self, action: &str, who: &[&str]) -> bool {
        let about = |statement: &Value| acts(statement, action) && principals(statement).any(|it| who.contains(&it));
        let some = |effect: &str| self.statements.iter().any(|it| unconditional(it, effect) && about(it));
        some("Allow") && !some("Deny")
    }
}

fn unconditional(statement: &Value, effect: &str) -> bool {
    statement.get("Effect").and_then(Value::as_str) == Some(effect) && statement.get("Condition").is_none()
}

fn acts(statement: &Value, action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let fits = |member: &str| {
        let patterns = statement.get(member).into_iter().flat_map(strings);
        patterns.map(str::to_ascii_lowercase).any(|pattern| glob(&pattern, &action))
    };
    if statement.get("Action").is_some() { fits("Action") } else { !fits("NotAction") }
}

/// Returns the accounts, users and roles that a statement names.
fn principals(statement: &Value) -> impl Iterator<Item = &str> {
    let named = match statement.get("Principal") {
        Some(Value::Object(kinds)) => kinds.get("AWS"),
        other => other,
    };
    named.into_iter().flat_map(strings)
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    let one = value.as_str();
    one.into_iter().chain(value.as_array().into_iter().flatten().filter_map(Value::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ROOT: &str = "arn:aws:iam::123456789012:root";

    fn document(statements: Value) -> Document {
        Document::parse(&json!({"Version": "2012-10-17", "Statement": statements}).to_string()).unwrap()
    }

    #[test]
    fn a_statement_is_whole_or_there_is_no_policy() {
        for text in ["", "{}", r#"{"Statement": []}"#, r#"{"Statement": [{"Effect": "Allow", "Action": "*"}]}"#] {
            assert!(Document::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_denial_and_a_condition_take_a_grant_away() {
        let allow = json!({"Effect": "Allow", "Principal": {"AWS": [ROOT]}, "Action": "kms:*", "Resource": "*"});
        let deny = json!({"Effect": "Deny", "Principal": {"AWS": ROOT}, "Action": "kms:Put*", "Resource": "*"});
        let mut conditional = allow.clone();
        conditional["Condition"] = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
        let can = |statements| document(statements).allows("kms:PutKeyPolicy", &[ROOT]);
        assert!(can(json!(allow)));
        assert!(!can(json!([allow, deny])));
        assert!(!can(json!(conditional)));
    }

    #[test]
    fn principals_have_a_form() {
        let of = |who: &str| {
            let statement = json!({"Effect": "Allow", "Principal": {"AWS": who}, "Action": "*", "Resource": "*"});
            (document(json!(statement)).names_principals(), document(json!([statement])).is_public())
        };
        assert_eq!(of("*"), (true, true));
        assert_eq!(of("123456789012"), (true, false));
        assert_eq!(of("arn:aws:iam::123456789012:role/orders"), (true, false));
        assert_eq!(of("arn:aws:iam::1234:role/orders"), (false, false));
        assert_eq!(of("AROAEXAMPLE"), (false, false));
    }
}
