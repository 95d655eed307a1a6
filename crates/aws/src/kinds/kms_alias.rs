//! `AWS::KMS::Alias`: a name for a key, which can be given to another key in place.
//!
//! There is no call that describes an alias. A list page tells of a hundred which key is behind each; a single one is
//! found by describing the key through it. An alias goes with its key, so that one whose key is gone is absent.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::json;
use trueup_engine::cloud::{Create, Live, Present, Readiness, Seen, Task, Update, Want, Written};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::{Attribute, Change, Cost, Finding, Implied, Kind, Patience, Verb};
use trueup_engine::permission::{Permission, Subject};
use trueup_engine::schema::{Domain, Property, Schema, Text, Type};
use trueup_engine::value::{Map, Value};

use crate::fault::of_unreadable;
use crate::kinds::fields::{done, named, text, touches};
use crate::kinds::{AwsKind, grants};
use crate::names::{list_aliases, partition};
use crate::operation::{CREATE_ALIAS, DELETE_ALIAS, DESCRIBE_KEY, Operation, UPDATE_ALIAS};
use crate::reach::Reach;
use crate::wire::{secrets_of, wire_member};

/// Up to this many are looked up one by one.
const FEW: usize = 3;
/// What the names of AWS's own begin with.
const RESERVED: &str = "alias/aws/";
/// How many calls are under way at once.
const AT_ONCE: usize = 32;

const NAME: Text = Text::length(1, 256)
    .matching("^alias/[A-Za-z0-9/_\\-]+$", "`alias/` and a name of letters, digits, `/`, `_` and `-`");

const KEY: Text = Text::length(1, 256)
    .matching("^(arn:[a-z0-9\\-]+:kms:[a-z0-9\\-]+:[0-9]{12}:key/)?[A-Za-z0-9\\-]+$", "a key id or a key ARN");

static SCHEMA: Schema = Schema {
    properties: &[
        Property::new("AliasName", Type::Text(NAME), "The alias, with `alias/` before it.").required().immutable(),
        Property::new("TargetKeyId", Type::Text(KEY), "The key that it names.").required().names(Domain::KmsKey),
        Property::new("Arn", Type::Text(Text::ANY), "The alias's ARN.").read_only(),
    ],
    one_of: &[],
};

/// The kind.
#[derive(Debug, Clone, Copy)]
pub struct KmsAlias;

impl Kind for KmsAlias {
    fn name(&self) -> &'static str {
        "AWS::KMS::Alias"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["awscc.kms.aliases", "aws.kms.aliases"]
    }

    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn attributes(&self) -> &'static [Attribute] {
        &[Attribute { name: "Arn", stable: true, on_create: true }]
    }

    fn identity_property(&self) -> &'static str {
        "AliasName"
    }

    fn managed_by(&self, live: &Present) -> Option<String> {
        live.identity.starts_with(RESERVED).then(|| "AWS".to_owned())
    }

    fn check(&self, properties: &Map) -> Vec<Finding> {
        let name = properties.get("AliasName").and_then(Value::as_str).unwrap_or_default();
        let reserved = name.starts_with(RESERVED).then(|| Finding {
            code: "M356",
            pointer: "/AliasName".to_owned(),
            on_key: false,
            summary: format!("`{name}` is a name of AWS's own"),
            help: Some("a name that begins with `alias/aws/` cannot be given".to_owned()),
            warning: false,
        });
        reserved.into_iter().collect()
    }

    fn implies(&self, _: &Change<'_>) -> Vec<Implied> {
        Vec::new()
    }

    fn patience(&self, _: &Map) -> Patience {
        let minute = Duration::from_mins(1);
        Patience { create: minute, update: minute, delete: minute }
    }

    fn costs(&self, verb: Verb, _: &Map) -> Vec<Cost> {
        match verb {
            // A list shows all of them.
            Verb::Read => Vec::new(),
            Verb::Create => vec![CREATE_ALIAS.cost()],
            Verb::Update => vec![UPDATE_ALIAS.cost()],
            Verb::Delete => vec![DELETE_ALIAS.cost()],
        }
    }

    fn permissions(&self, verb: Verb, subject: &Subject<'_>) -> Vec<Permission> {
        // KMS asks about the alias and about every key that it names, before and after.
        let on = |action: &'static str, why| {
            let both = [subject.arn("kms", subject.identity.unwrap_or("alias/*")), grants::any_key(subject)];
            Permission::on("Aliases", &[action], both, why)
        };
        match verb {
            Verb::Read => {
                let listed = (subject.together > FEW).then(|| grants::list("kms:ListAliases"));
                let why = "see which key is behind an alias";
                let read = Permission::on("Keys", &["kms:DescribeKey"], [grants::any_key(subject)], why);
                listed.into_iter().chain([read]).collect()
            }
            Verb::Create => vec![on("kms:CreateAlias", "create them")],
            Verb::Update => vec![on("kms:UpdateAlias", "give them to other keys")],
            Verb::Delete => vec![on("kms:DeleteAlias", "delete them")],
        }
    }
}

impl AwsKind for KmsAlias {
    fn observe_many<'a>(&'a self, reach: &'a Reach, wants: &'a [Want]) -> Task<'a, Vec<Live>> {
        Box::pin(observe(reach, wants))
    }

    fn list<'a>(&'a self, reach: &'a Reach) -> Task<'a, Result<Vec<String>, Fault>> {
        Box::pin(async move {
            let mut names: Vec<String> = list_aliases(reach).await?.into_keys().collect();
            names.retain(|name| name.starts_with("alias/"));
            names.sort_unstable();
            Ok(names)
        })
    }

    fn create<'a>(&'a self, reach: &'a Reach, create: &'a Create<'a>) -> Task<'a, Result<Written, Fault>> {
        Box::pin(make(reach, create))
    }

    fn update<'a>(&'a self, reach: &'a Reach, update: &'a Update<'a>) -> Task<'a, Result<Written, Fault>> {
        Box::pin(async move {
            if touches(update.edits, "TargetKeyId") {
                point(reach, &UPDATE_ALIAS, &update.live.identity, update.desired).await?;
            }
            Ok(done(update.live.attributes.clone()))
        })
    }

    fn delete<'a>(
        &'a self,
        reach: &'a Reach,
        identity: &'a str,
        _: Option<&'a Map>,
    ) -> Task<'a, Result<Written, Fault>> {
        Box::pin(async move {
            match reach.read(&DELETE_ALIAS, &json!({ "AliasName": identity })).await {
                Err(fault) if fault.kind != FaultKind::NotFound => Err(fault),
                _ => {
                    reach.gone(identity);
                    Ok(done(Map::new()))
                }
            }
        })
    }
}

async fn observe(reach: &Reach, wants: &[Want]) -> Vec<Live> {
    let mut listed = None;
    if wants.len() > FEW {
        match list_aliases(reach).await {
            Ok(aliases) => listed = Some(aliases),
            // A caller who may not list may still look at each key.
            Err(fault) if fault.kind == FaultKind::Denied => {}
            Err(fault) => return wants.iter().map(|_| Live::Unreadable(fault.clone())).collect(),
        }
    }
    futures_util::stream::iter(0..wants.len())
        .map(|index| {
            let want = &wants[index];
            let listed = listed.as_ref();
            async move {
                let name = &want.identity;
                match listed.map(|aliases| aliases.get(name)) {
                    Some(Some(key)) => present(name, key),
                    // What was made a moment ago may be in no list yet.
                    Some(None) if !reach.is_fresh(name) => Live::Absent,
                    _ => describe(reach, name).await,
                }
            }
        })
        .buffered(AT_ONCE)
        .collect()
        .await
}

/// The key behind an alias, by asking for it.
async fn describe(reach: &Reach, name: &str) -> Live {
    match reach.call_about(name, &DESCRIBE_KEY, &json!({ "KeyId": name }), &[]).await.result {
        Ok(answer) => match text(&answer["KeyMetadata"], "Arn") {
            Some(arn) => present(name, arn),
            None => Live::Unreadable(of_unreadable(&DESCRIBE_KEY, "it has no `KeyMetadata` with an `Arn`", None)),
        },
        Err(fault) if fault.kind == FaultKind::NotFound => Live::Absent,
        Err(fault) => Live::Unreadable(fault),
    }
}

/// An alias of the key with this ARN.
fn present(name: &str, key: &str) -> Live {
    let (before, id) = key.rsplit_once("key/").unwrap_or(("", key));
    let properties =
        Map::from_iter([("AliasName".to_owned(), name.into()), ("TargetKeyId".to_owned(), Value::from(id))]);
    Live::Present(Arc::new(Present {
        identity: name.to_owned(),
        properties,
        attributes: attributes(format!("{before}{name}")),
        secret_version: None,
        seen: Seen::default(),
        readiness: Readiness::Ready(None),
    }))
}

fn attributes(arn: String) -> Map {
    Map::from_iter([("Arn".to_owned(), arn.into())])
}

async fn make(reach: &Reach, create: &Create<'_>) -> Result<Written, Fault> {
    let name = named(create)?;
    let here = reach.whereabouts().await?;
    let arn = format!("arn:{}:kms:{}:{}:{name}", partition(&here.region), here.region, here.account);
    if let Err((fault, doubtful)) = point_once(reach, &CREATE_ALIAS, name, create.desired).await {
        if fault.kind != FaultKind::Conflict || !doubtful {
            return Err(fault);
        }
        // The answer to an earlier attempt was lost: what is there is compared.
        let wanted = create.desired.get("TargetKeyId").and_then(Value::as_str).map(id_of);
        let there = describe(reach, name).await;
        let same = there.present().and_then(|it| it.properties.get("TargetKeyId")?.as_str());
        if same.is_none() || same != wanted {
            let message = "the answer to an earlier attempt was lost, and what has this name now is another key's: \
                           somebody else may have made it";
            return Err(Fault { message: message.to_owned(), ..fault });
        }
    }
    reach.made(name);
    Ok(done(attributes(arn)))
}

/// The id in an ARN, or the id itself.
fn id_of(key: &str) -> &str {
    key.rsplit_once("key/").map_or(key, |(_, id)| id)
}

async fn point(reach: &Reach, operation: &'static Operation, name: &str, desired: &Map) -> Result<(), Fault> {
    point_once(reach, operation, name, desired).await.map_err(|(fault, _)| fault)
}

/// Points an alias at its key, and says beside a fault whether an earlier attempt may have been carried out. A key that
/// was made a moment ago is waited for.
async fn point_once(
    reach: &Reach,
    operation: &'static Operation,
    name: &str,
    desired: &Map,
) -> Result<(), (Fault, bool)> {
    let key = wire_member(desired, "TargetKeyId").map_err(|fault| (fault, false))?.unwrap_or_default();
    let about = id_of(key.as_str().unwrap_or_default()).to_owned();
    let input = json!({ "AliasName": name, "TargetKeyId": key });
    let outcome = reach.call_about(&about, operation, &input, &secrets_of(desired)).await;
    outcome.result.map(drop).map_err(|fault| (fault, outcome.doubtful))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_names_its_key_by_the_bare_id() {
        let live = present("alias/orders", "arn:aws:kms:eu-central-1:123456789012:key/1234");
        let present = live.present().unwrap();
        assert_eq!(present.properties["TargetKeyId"].as_str(), Some("1234"));
        assert_eq!(present.attributes["Arn"].as_str(), Some("arn:aws:kms:eu-central-1:123456789012:alias/orders"));
        assert_eq!(id_of("arn:aws:kms:eu-central-1:123456789012:key/1234"), "1234");
    }

    #[test]
    fn names_of_aws_are_not_given() {
        let check = |name: &str| KmsAlias.check(&Map::from_iter([("AliasName".to_owned(), name.into())])).len();
        assert_eq!(check("alias/aws/orders"), 1);
        assert_eq!(check("alias/orders"), 0);
    }
}
