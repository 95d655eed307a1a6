//! Tags by ARN, whatever service a resource is of.
//!
//! The services spell their tags in many ways, and the Resource Groups Tagging API asks for all of them
//! in one. So each service of generic types says here what it has and how its tags change, and its own
//! operations go the same way.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::operation::{Context, part, text};
use crate::wire::Refusal;
use crate::{iam, logs, s3, sqs, ssm};

/// The tags of a resource.
pub(crate) type Tags = BTreeMap<String, String>;

/// [M] how many tags a resource has at most.
const MOST: usize = 50;

/// A resource with its tags, which may be none.
#[allow(dead_code, reason = "the Resource Groups Tagging API reads it")]
pub(crate) struct Tagged {
    pub(crate) arn: String,
    /// As the Resource Groups Tagging API filters by it: `sqs`, `ssm:parameter`.
    pub(crate) kind: &'static str,
    pub(crate) tags: Tags,
}

/// A change of a resource's tags.
pub(crate) enum Change {
    Add(Tags),
    Remove(Vec<String>),
}

/// What a service says of its tags.
struct Source {
    /// What a read of the caller's account and region sees.
    tagged: fn(&Context<'_>) -> Vec<Tagged>,
    /// Changes the tags of the resource with an ARN; `None` when the ARN is of another service.
    retag: fn(&mut Context<'_>, &str, &Change) -> Option<Result<(), Refusal>>,
}

static SOURCES: &[Source] = &[
    Source { tagged: iam::tags::tagged, retag: iam::tags::retag },
    Source { tagged: logs::tags::tagged, retag: logs::tags::retag },
    Source { tagged: s3::tags::tagged, retag: s3::tags::retag },
    Source { tagged: sqs::tags::tagged, retag: sqs::tags::retag },
    Source { tagged: ssm::tags::tagged, retag: ssm::tags::retag },
];

/// Returns what the services of generic types have.
#[allow(dead_code, reason = "the Resource Groups Tagging API asks for it")]
pub(crate) fn all(context: &Context<'_>) -> Vec<Tagged> {
    SOURCES.iter().flat_map(|source| (source.tagged)(context)).collect()
}

/// Changes the tags of the resource with an ARN; `None` when no service here knows ARNs like it.
#[allow(dead_code, reason = "the Resource Groups Tagging API asks for it")]
pub(crate) fn retag(context: &mut Context<'_>, arn: &str, change: &Change) -> Option<Result<(), Refusal>> {
    SOURCES.iter().find_map(|source| (source.retag)(context, arn, change))
}

impl Change {
    /// Applies it, or says why not.
    pub(crate) fn apply(&self, tags: &mut Tags) -> Result<(), String> {
        match self {
            Self::Add(added) => {
                check(added)?;
                tags.extend(added.clone());
                if tags.len() > MOST {
                    return Err(format!("A resource has at most {MOST} tags."));
                }
            }
            Self::Remove(keys) => tags.retain(|key, _| !keys.contains(key)),
        }
        Ok(())
    }
}

/// Refuses tags that nobody may set; [D] the limit and the prefix, [?] the texts.
pub(crate) fn check(tags: &Tags) -> Result<(), String> {
    if tags.len() > MOST {
        return Err(format!("A resource has at most {MOST} tags."));
    }
    if tags.keys().any(|key| key.starts_with("aws:")) {
        return Err("Tag keys beginning with aws: are reserved for system use.".to_owned());
    }
    Ok(())
}

/// Reads a list of keys and values.
pub(crate) fn from_list(input: &Value, member: &str) -> Tags {
    let list = part(input, member).and_then(Value::as_array);
    let one = |tag: &Value| {
        let value = text(tag, "Value").unwrap_or_default();
        Some((text(tag, "Key")?.to_owned(), value.to_owned()))
    };
    list.into_iter().flatten().filter_map(one).collect()
}

/// Reads a map.
pub(crate) fn from_map(input: &Value, member: &str) -> Tags {
    let map = part(input, member).and_then(Value::as_object);
    let one = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    map.into_iter().flatten().filter_map(one).collect()
}

/// Reads a list of keys.
pub(crate) fn keys(input: &Value, member: &str) -> Vec<String> {
    let list = part(input, member).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|key| key.as_str().map(str::to_owned)).collect()
}

/// Writes a list of keys and values.
pub(crate) fn to_list(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::invoke;
    use crate::state::World;
    use crate::store::View;
    use crate::wire::{Caller, Service};

    /// What each service makes is found with its tags, and its tags change by its ARN.
    #[test]
    fn every_service_is_found_and_changed_by_arn() {
        let mut world = World::default();
        let caller = Caller { account: "1".repeat(12), region: "us-east-1".to_owned(), service: "tagging".to_owned() };
        let (home, service_linked, global) = world.home(&caller.account, &caller.region, 1);
        let mut context = Context {
            caller: &caller,
            home,
            service_linked,
            global,
            view: View::of(1),
            settle: 0,
            policy: None,
            no_clear: false,
            faults: None,
        };
        let list = json!([{"Key": "a", "Value": "b"}]);
        let map = json!({"a": "b"});
        let trust = r#"{"Statement": []}"#;
        let made = [
            (
                Service::Iam,
                "CreateRole",
                json!({"RoleName": "r", "Path": "/p/", "AssumeRolePolicyDocument": trust, "Tags": list}),
            ),
            (Service::Logs, "CreateLogGroup", json!({"logGroupName": "/g", "tags": map})),
            (Service::S3, "CreateBucket", json!({"Bucket": "bucket", "Tags": list})),
            (Service::Sqs, "CreateQueue", json!({"QueueName": "q", "tags": map})),
            (Service::Ssm, "PutParameter", json!({"Name": "/n", "Type": "String", "Value": "v", "Tags": list})),
        ];
        for (service, operation, input) in &made {
            assert!(invoke(&mut context, *service, operation, input).is_ok(), "{operation}");
        }
        let found = |context: &Context<'_>| -> Vec<(&'static str, Tags)> {
            all(context).into_iter().map(|it| (it.kind, it.tags)).collect()
        };
        let tags = |pairs: &[(&str, &str)]| -> Tags {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let kinds = ["iam:role", "logs:log-group", "s3", "sqs", "ssm:parameter"];
        assert_eq!(found(&context), kinds.map(|kind| (kind, tags(&[("a", "b")]))));
        let arns: Vec<String> = all(&context).into_iter().map(|it| it.arn).collect();
        for arn in &arns {
            let add = Change::Add(tags(&[("c", "d")]));
            assert!(retag(&mut context, arn, &add).is_some_and(|done| done.is_ok()), "{arn}");
            let remove = Change::Remove(vec!["a".to_owned()]);
            assert!(retag(&mut context, arn, &remove).is_some_and(|done| done.is_ok()), "{arn}");
            let reserved = Change::Add(tags(&[("aws:x", "y")]));
            assert!(retag(&mut context, arn, &reserved).is_some_and(|done| done.is_err()), "{arn}");
            let missing = retag(&mut context, &format!("{arn}-absent"), &add);
            assert!(missing.is_some_and(|done| done.is_err()), "{arn}-absent");
        }
        assert_eq!(found(&context), kinds.map(|kind| (kind, tags(&[("c", "d")]))));
        let other = "arn:aws:ec2:us-east-1:111111111111:vpc/v";
        assert!(retag(&mut context, other, &Change::Remove(Vec::new())).is_none());
    }
}
