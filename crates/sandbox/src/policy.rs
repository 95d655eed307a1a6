//! An IAM policy over everything that the sandbox does.
//!
//! `trueup iam` prints a policy that should be exactly enough; only something that denies the rest can
//! prove it. A subset of IAM is enough for that: Allow and Deny, wildcards in actions and resources,
//! and string conditions. What a policy says beyond the subset is refused rather than ignored.

use std::borrow::Cow;

use serde_json::Value;

use crate::faults::glob;

/// A policy document.
pub(crate) struct Policy {
    statements: Vec<Statement>,
}

struct Statement {
    allow: bool,
    actions: Matcher,
    resources: Matcher,
    conditions: Vec<Condition>,
}

struct Matcher {
    patterns: Vec<String>,
    /// `NotAction`, `NotResource`.
    inverted: bool,
}

struct Condition {
    key: String,
    values: Vec<String>,
    like: bool,
    inverted: bool,
}

/// A decision, with what IAM's text says about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Allowed,
    NotAllowed,
    Denied,
}

/// Condition keys of a request.
pub(crate) type Facts<'a> = &'a [(&'a str, Cow<'a, str>)];

impl Policy {
    /// Reads a policy document.
    pub(crate) fn parse(document: &Value) -> Result<Self, String> {
        let statements = match document.get("Statement") {
            Some(Value::Array(statements)) => statements.iter().map(Statement::parse).collect(),
            Some(statement @ Value::Object(_)) => Statement::parse(statement).map(|one| vec![one]),
            _ => Err("a policy document has a Statement".to_owned()),
        }?;
        Ok(Self { statements })
    }

    /// Tells whether any statement depends on the tags of resources.
    pub(crate) fn asks_for_tags(&self) -> bool {
        let mut keys = self.statements.iter().flat_map(|it| &it.conditions).map(|condition| &condition.key);
        keys.any(|key| key.to_ascii_lowercase().starts_with("aws:resourcetag/"))
    }

    /// Decides an action on a resource.
    pub(crate) fn decide(&self, action: &str, resource: &str, facts: Facts<'_>) -> Verdict {
        let mut verdict = Verdict::NotAllowed;
        for statement in &self.statements {
            if !statement.applies(action, resource, facts) {
                continue;
            }
            if !statement.allow {
                return Verdict::Denied;
            }
            verdict = Verdict::Allowed;
        }
        verdict
    }
}

impl Statement {
    fn parse(statement: &Value) -> Result<Self, String> {
        let object = statement.as_object().ok_or("a Statement is an object")?;
        for key in object.keys() {
            let known = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
            if !known.contains(&key.as_str()) {
                return Err(format!("{key} is not supported"));
            }
        }
        let allow = match object.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err("Effect is Allow or Deny".to_owned()),
        };
        let mut conditions = Vec::new();
        for (operator, keys) in object.get("Condition").and_then(Value::as_object).into_iter().flatten() {
            let (like, inverted) = match operator.as_str() {
                "StringEquals" => (false, false),
                "StringNotEquals" => (false, true),
                "StringLike" | "ArnLike" => (true, false),
                "StringNotLike" | "ArnNotLike" => (true, true),
                _ => {
                    return Err(format!("the condition operator {operator} is not supported"));
                }
            };
            for (key, values) in keys.as_object().into_iter().flatten() {
                let (key, values) = (key.clone(), strings(values)?);
                conditions.push(Condition { key, values, like, inverted });
            }
        }
        Ok(Self {
            allow,
            actions: Matcher::parse(object.get("Action"), object.get("NotAction"), "Action")?,
            resources: Matcher::parse(object.get("Resource"), object.get("NotResource"), "Resource")?,
            conditions,
        })
    }

    fn applies(&self, action: &str, resource: &str, facts: Facts<'_>) -> bool {
        // Actions are compared without regard to case, resources with.
        self.actions.matches(|pattern| glob(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase()))
            && self.resources.matches(|pattern| glob(pattern, resource))
            && self.conditions.iter().all(|condition| condition.holds(facts))
    }
}

impl Matcher {
    fn parse(plain: Option<&Value>, inverted: Option<&Value>, what: &str) -> Result<Self, String> {
        match (plain, inverted) {
            (Some(patterns), None) => Ok(Self { patterns: strings(patterns)?, inverted: false }),
            (None, Some(patterns)) => Ok(Self { patterns: strings(patterns)?, inverted: true }),
            _ => Err(format!("a Statement has {what} or Not{what}")),
        }
    }

    fn matches(&self, fits: impl Fn(&str) -> bool) -> bool {
        self.patterns.iter().any(|pattern| fits(pattern)) != self.inverted
    }
}

impl Condition {
    /// A key that the request does not have fails a positive operator and passes a negative one.
    fn holds(&self, facts: Facts<'_>) -> bool {
        let fact = facts.iter().find(|(key, _)| key.eq_ignore_ascii_case(&self.key));
        let matched = fact.is_some_and(|(_, fact)| {
            let same = |value: &String| {
                if self.like { glob(value, fact) } else { value == fact }
            };
            self.values.iter().any(same)
        });
        matched != self.inverted
    }
}

fn strings(value: &Value) -> Result<Vec<String>, String> {
    let one = |value: &Value| value.as_str().map(str::to_owned);
    match value {
        Value::Array(values) => values.iter().map(one).collect(),
        value => one(value).map(|text| vec![text]),
    }
    .ok_or_else(|| "a string or a list of strings is expected".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn denial_wins_and_silence_denies() {
        let policy = Policy::parse(&json!({"Statement": [
            {"Effect": "Allow", "Action": "events:Describe*", "Resource": "arn:aws:events:*:*:connection/orders-*"},
            {"Effect": "Deny", "Action": "events:*", "Resource": "*/orders-prod"},
        ]}))
        .unwrap();
        let on = |name: &str, action| policy.decide(action, &format!("arn:aws:events:r:a:connection/{name}"), &[]);
        assert_eq!(on("orders-dev", "events:DescribeConnection"), Verdict::Allowed);
        assert_eq!(on("orders-prod", "events:DescribeConnection"), Verdict::Denied);
        assert_eq!(on("orders-dev", "events:DeleteConnection"), Verdict::NotAllowed);
    }

    #[test]
    fn a_condition_needs_its_key() {
        let policy = Policy::parse(&json!({"Statement": {
            "Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": "*",
            "Condition": {"StringLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}},
        }}))
        .unwrap();
        let via = [("kms:ViaService", "secretsmanager.us-east-1.amazonaws.com".into())];
        assert_eq!(policy.decide("kms:Decrypt", "k", &via), Verdict::Allowed);
        assert_eq!(policy.decide("kms:Decrypt", "k", &[]), Verdict::NotAllowed);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let refuse = |document| Policy::parse(&document).err().unwrap();
        assert!(
            refuse(json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": "true"}}}}))
            .contains("Bool")
        );
        assert!(
            refuse(json!({"Statement": {"Effect": "Allow", "Action": "*", "Principal": "*"}})).contains("Principal")
        );
    }
}
