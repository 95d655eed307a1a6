//! Tags by ARN, whatever service a resource is of.
//!
//! The services spell their tags in many ways, and the Resource Groups Tagging API asks for all of them
//! in one. So each service of generic types says here what it has and how its tags change, and its own
//! operations go the same way.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::operation::{Context, Resource, part, text};
use crate::tagging::{self, Taggable};
use crate::wire::Refusal;
use crate::{iam, logs, s3, sqs, ssm};

/// The tags of a resource.
pub(crate) type Tags = BTreeMap<String, String>;

/// [M] how many tags a resource has at most.
const MOST: usize = 50;

/// A resource with its tags, which may be none.
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

/// What the Resource Groups Tagging API asks of IAM.
pub(crate) static IAM: Taggable = Taggable {
    service: "iam",
    resources: |context| shown(iam::tags::tagged(context)),
    tag: |context, arn, tags| change(context, "iam:TagRole", arn, iam::tags::retag, &Change::Add(tags.clone())),
    untag: |context, arn, keys| change(context, "iam:UntagRole", arn, iam::tags::retag, &removal(keys)),
};

/// What the Resource Groups Tagging API asks of LOGS.
pub(crate) static LOGS: Taggable = Taggable {
    service: "logs",
    resources: |context| shown(logs::tags::tagged(context)),
    tag: |context, arn, tags| change(context, "logs:TagResource", arn, logs::tags::retag, &Change::Add(tags.clone())),
    untag: |context, arn, keys| change(context, "logs:UntagResource", arn, logs::tags::retag, &removal(keys)),
};

/// What the Resource Groups Tagging API asks of S3.
pub(crate) static S3: Taggable = Taggable {
    service: "s3",
    resources: |context| shown(s3::tags::tagged(context)),
    tag: |context, arn, tags| change(context, "s3:PutBucketTagging", arn, s3::tags::retag, &Change::Add(tags.clone())),
    untag: |context, arn, keys| change(context, "s3:PutBucketTagging", arn, s3::tags::retag, &removal(keys)),
};

/// What the Resource Groups Tagging API asks of SQS.
pub(crate) static SQS: Taggable = Taggable {
    service: "sqs",
    resources: |context| shown(sqs::tags::tagged(context)),
    tag: |context, arn, tags| change(context, "sqs:TagQueue", arn, sqs::tags::retag, &Change::Add(tags.clone())),
    untag: |context, arn, keys| change(context, "sqs:UntagQueue", arn, sqs::tags::retag, &removal(keys)),
};

/// What the Resource Groups Tagging API asks of SSM.
pub(crate) static SSM: Taggable = Taggable {
    service: "ssm",
    resources: |context| shown(ssm::tags::tagged(context)),
    tag: |context, arn, tags| {
        change(context, "ssm:AddTagsToResource", arn, ssm::tags::retag, &Change::Add(tags.clone()))
    },
    untag: |context, arn, keys| change(context, "ssm:RemoveTagsFromResource", arn, ssm::tags::retag, &removal(keys)),
};

/// Changes the tags of the resource with an ARN.
type Retag = fn(&mut Context<'_>, &str, &Change) -> Option<Result<(), Refusal>>;

/// [?] what was tagged and is not any more is left out.
fn shown<'a>(all: Vec<Tagged>) -> Vec<tagging::Tagged<'a>> {
    let tagged = all.into_iter().filter(|it| !it.tags.is_empty());
    tagged.map(|it| tagging::Tagged { arn: it.arn, kind: it.kind, tags: Cow::Owned(it.tags) }).collect()
}

fn change(context: &mut Context<'_>, action: &str, arn: &str, retag: Retag, by: &Change) -> Result<(), Refusal> {
    context.authorize(action, &Resource::one(arn.to_owned()), &[])?;
    // [?] the code and the text for an ARN of another kind, account or region
    let other = || Refusal::new("InvalidParameterException", format!("{arn} cannot be tagged here."));
    retag(context, arn, by).unwrap_or_else(|| Err(other()))
}

fn removal(keys: &[&str]) -> Change {
    Change::Remove(keys.iter().map(|key| (*key).to_owned()).collect())
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
        let caller = Caller {
            account: "1".repeat(12),
            region: "us-east-1".to_owned(),
            service: "tagging".to_owned(),
            key: "key".to_owned(),
            user: "sandbox".to_owned(),
        };
        let trail = crate::cloudtrail::Trail::default();
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
            trail: &trail,
            after: Vec::new(),
        };
        let sources = [&IAM, &LOGS, &S3, &SQS, &SSM];
        let all = |context: &Context<'_>| -> Vec<(String, &'static str, Tags)> {
            let found = sources.iter().flat_map(|source| (source.resources)(context));
            found.map(|it| (it.arn, it.kind, it.tags.into_owned())).collect()
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
            all(context).into_iter().map(|(_, kind, tags)| (kind, tags)).collect()
        };
        let tags = |pairs: &[(&str, &str)]| -> Tags {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let kinds = ["iam:role", "logs:log-group", "s3", "sqs", "ssm:parameter"];
        assert_eq!(found(&context), kinds.map(|kind| (kind, tags(&[("a", "b")]))));
        let arns: Vec<String> = all(&context).into_iter().map(|(arn, _, _)| arn).collect();
        let add = tags(&[("c", "d")]);
        for (arn, source) in arns.iter().zip(sources) {
            assert!((source.tag)(&mut context, arn, &add).is_ok(), "{arn}");
            assert!((source.untag)(&mut context, arn, &["a"]).is_ok(), "{arn}");
            assert!((source.tag)(&mut context, arn, &tags(&[("aws:x", "y")])).is_err(), "{arn}");
            assert!((source.tag)(&mut context, &format!("{arn}-absent"), &add).is_err(), "{arn}-absent");
            assert!((source.tag)(&mut context, "arn:aws:ec2:us-east-1:1:vpc/v", &add).is_err());
        }
        assert_eq!(found(&context), kinds.map(|kind| (kind, tags(&[("c", "d")]))));
    }
}
