//! The writes of a secret.
//!
//! Each write of a value has a random token, which becomes the id of the version: a repetition of the same call makes no
//! second version, and a reader learns nothing of the value from it. Where the last answer was lost, the token and the
//! value are read back.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::time::Instant;
use trueup_engine::cloud::{Create, Live, Readiness, Update, Want, Written};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::secret::Secret;
use trueup_engine::value::{Map, Value, push_token};
use uuid::Uuid;

use super::schema::SCHEMA;
use super::{live, reading, refused};
use crate::fault::of_unreadable;
use crate::kinds::fields::{day, done, named, text, touches};
use crate::kinds::settle::{lost_create, unread};
use crate::kinds::tag_list;
use crate::kinds::values::{self, Asked};
use crate::operation::{
    CREATE_SECRET, DELETE_SECRET, GET_RANDOM_PASSWORD, LIST_SECRET_VERSIONS, PUT_SECRET_POLICY, REMOVE_REPLICAS,
    REPLICATE_SECRET, RESTORE_SECRET, TAG_SECRET, UNTAG_SECRET, UPDATE_SECRET,
};
use crate::reach::Reach;
use crate::wire::{exposed, secrets_of, wire_member};

/// How long the service may still hold a name, or copies, that are gone.
const LAG: Duration = Duration::from_secs(30);
/// More than one version in this time is more than the service wants, in seconds.
const BETWEEN_VERSIONS: f64 = 600.0;
/// The code of requests that do not fit the state of a secret.
const WRONG_STATE: &str = "InvalidRequestException";

/// Creates a secret.
pub(super) async fn create(reach: &Reach, create: &Create<'_>) -> Result<Written, Fault> {
    let (name, desired) = (named(create)?, create.desired);
    let mut secrets = secrets_of(desired);
    let mut input = json!({ "Name": name, "ClientRequestToken": Uuid::new_v4().to_string() });
    for (member, property) in [
        ("Description", "Description"),
        ("KmsKeyId", "KmsKeyId"),
        ("AddReplicaRegions", "ReplicaRegions"),
        ("Tags", "Tags"),
    ] {
        if let Some(value) = wire_member(desired, property)? {
            input[member] = value;
        }
    }
    if let Some(value) = wire_member(desired, "SecretString")? {
        input["SecretString"] = as_text(value);
    } else if let Some(generate) = wire_member(desired, "GenerateSecretString")? {
        let generated = generated(reach, generate).await?;
        input["SecretString"] = exposed(&generated).into();
        secrets.push(generated);
    }
    let deadline = Instant::now() + LAG;
    let mut pause = Duration::from_millis(200);
    let answer = loop {
        let outcome = reach.call(&CREATE_SECRET, &input, &secrets).await;
        match outcome.result {
            Ok(answer) => break answer,
            Err(fault) if fault.kind == FaultKind::Conflict && outcome.doubtful => {
                let written = settle_create(reach, create, fault).await?;
                put_policy(reach, name, desired, &secrets).await?;
                return Ok(written);
            }
            // Its name may belong to a secret that is to be deleted, or that was deleted a moment ago.
            Err(fault) if fault.code.as_deref() == Some(WRONG_STATE) => match reading::describe(reach, name).await? {
                Some(answer) if !answer["DeletedDate"].is_null() => {
                    let message = "the secret of this name was scheduled for deletion since the plan was made; plan \
                                   again, to restore it"
                        .to_owned();
                    return Err(Fault { kind: FaultKind::Conflict, message, ..fault });
                }
                None if Instant::now() < deadline => {}
                _ => return Err(fault),
            },
            Err(fault) => return Err(fault),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    };
    let Some(arn) = text(&answer, "ARN") else { return Err(of_unreadable(&CREATE_SECRET, "it has no `ARN`", None)) };
    reach.made(name);
    reach.made(arn);
    put_policy(reach, arn, desired, &secrets).await?;
    Ok(Written { readiness: live::readiness(&answer), ..done(live::attributes(arn)) })
}

/// A document as the text that the service takes.
fn as_text(value: Json) -> Json {
    match value {
        text @ Json::String(_) => text,
        structure => structure.to_string().into(),
    }
}

/// A value that the service makes up, in its template where there is one.
async fn generated(reach: &Reach, mut generate: Json) -> Result<Secret, Fault> {
    let mut take = |name: &str| generate.as_object_mut().and_then(|members| members.remove(name));
    let (template, key) = (take("SecretStringTemplate"), take("GenerateStringKey"));
    let mut answer = reach.read(&GET_RANDOM_PASSWORD, &generate).await?;
    let Json::String(password) = answer["RandomPassword"].take() else {
        return Err(of_unreadable(&GET_RANDOM_PASSWORD, "it has no `RandomPassword`", None));
    };
    let template = template.as_ref().and_then(Json::as_str).map(serde_json::from_str::<Json>);
    let text = match (template, key.as_ref().and_then(Json::as_str)) {
        (Some(Ok(Json::Object(mut template))), Some(key)) => {
            template.insert(key.to_owned(), password.into());
            Json::Object(template).to_string()
        }
        (None, None) => password,
        _ => {
            let message = "`SecretStringTemplate` has to be a JSON object, with `GenerateStringKey` beside it";
            return Err(Fault::new(FaultKind::Invalid, GET_RANDOM_PASSWORD.name, message));
        }
    };
    Ok(Secret::new("generated", text))
}

async fn settle_create(reach: &Reach, create: &Create<'_>, fault: Fault) -> Result<Written, Fault> {
    // The policy follows the create.
    let sent: Map = create.desired.iter().filter(|(name, _)| *name != "ResourcePolicy").map(clone).collect();
    let mut given = Vec::new();
    for (name, value) in &sent {
        let mut top = String::new();
        push_token(&mut top, name);
        value.walk(&mut |below, _| given.push(format!("{top}{below}")));
    }
    let want =
        Want { identity: named(create)?.to_owned(), secrets: true, shallow: false, given, tags: None, verified: None };
    match reading::observe(reach, &[want]).await.pop() {
        Some(Live::Present(present)) => lost_create(
            &SCHEMA,
            &Create { identity: create.identity, desired: &sent },
            Arc::unwrap_or_clone(present),
            fault,
        ),
        _ => Err(fault),
    }
}

fn clone((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

async fn put_policy(reach: &Reach, id: &str, desired: &Map, secrets: &[Secret]) -> Result<(), Fault> {
    let Some(policy) = wire_member(desired, "ResourcePolicy")? else { return Ok(()) };
    let input = json!({ "SecretId": id, "ResourcePolicy": as_text(policy) });
    reach.call_with_policy(id, &PUT_SECRET_POLICY, &input, secrets).await.result.map(drop)
}

/// Updates a secret.
pub(super) async fn update(reach: &Reach, update: &Update<'_>) -> Result<Written, Fault> {
    let (before, desired) = (update.live, update.desired);
    if let Some(why) = refused(&before.attributes) {
        return Err(Fault::new(FaultKind::Invalid, UPDATE_SECRET.name, why));
    }
    let id = before.attributes.get("Arn").and_then(Value::as_str).unwrap_or(&before.identity);
    let mut secrets = secrets_of(desired);
    secrets.extend(secrets_of(&before.properties));
    let mut written = done(live::attributes(id));
    written.notes = update_itself(reach, id, update, &secrets).await?;
    if touches(update.edits, "Tags") {
        let (added, gone) = tag_list::changes(&before.properties, desired, "Key", "Value")?;
        if !gone.is_empty() {
            let input = json!({ "SecretId": id, "TagKeys": gone });
            reach.call_about(id, &UNTAG_SECRET, &input, &secrets).await.result?;
        }
        if !added.is_empty() {
            let input = json!({ "SecretId": id, "Tags": added });
            reach.call_about(id, &TAG_SECRET, &input, &secrets).await.result?;
        }
    }
    if touches(update.edits, "ResourcePolicy") {
        put_policy(reach, id, desired, &secrets).await?;
    }
    if touches(update.edits, "ReplicaRegions") {
        written.readiness = replicate(reach, id, &before.properties, desired).await?;
    }
    Ok(written)
}

/// Description, key and value, which one call changes; what a person should know of it.
async fn update_itself(reach: &Reach, id: &str, update: &Update<'_>, secrets: &[Secret]) -> Result<Vec<String>, Fault> {
    let token = Uuid::new_v4().to_string();
    let mut input = json!({ "SecretId": id, "ClientRequestToken": token });
    let mut cleared = Vec::new();
    for name in ["Description", "KmsKeyId"].into_iter().filter(|name| touches(update.edits, name)) {
        // Left out it would stay.
        let value = wire_member(update.desired, name)?.unwrap_or_else(|| "".into());
        if value.as_str() == Some("") {
            cleared.push(name);
        }
        input[name] = value;
    }
    let value = if touches(update.edits, "SecretString") { wire_member(update.desired, "SecretString")? } else { None };
    let value = value.map(as_text);
    if let Some(value) = &value {
        input["SecretString"] = value.clone();
    }
    if input.as_object().is_some_and(|members| members.len() == 2) {
        return Ok(Vec::new());
    }
    let outcome = reach.call_about(id, &UPDATE_SECRET, &input, secrets).await;
    if let Err(fault) = outcome.result {
        let in_doubt = fault.kind.is_ambiguous() || (fault.kind == FaultKind::Conflict && outcome.doubtful);
        let sent = value.as_ref().and_then(Json::as_str);
        if !in_doubt || !arrived(reach, id, &token, sent).await {
            return Err(fault);
        }
    }
    let mut notes = Vec::new();
    if !cleared.is_empty() {
        let after = reading::describe(reach, id).await;
        notes.extend(cleared.iter().filter_map(|name| match &after {
            Ok(Some(after)) if text(after, name).is_none() => None,
            // The service's own key by its name.
            Ok(Some(after)) if after[name].as_str().is_some_and(|key| key.ends_with("alias/aws/secretsmanager")) => {
                None
            }
            Ok(Some(_)) => Some(format!("/{name} was cleared and is still there")),
            _ => Some(unread(&format!("/{name}"))),
        }));
    }
    if value.is_some() {
        notes.extend(too_often(reach, id).await);
    }
    Ok(notes)
}

/// Whether a value whose answer was lost is there, under its token.
async fn arrived(reach: &Reach, id: &str, token: &str, sent: Option<&str>) -> bool {
    let Some(sent) = sent else { return false };
    let mut read = values::read(reach, vec![Asked { arn: id.to_owned(), keyed: false }], "the secret").await;
    match read.remove(id) {
        Some(Ok(payload)) => payload.version.as_deref() == Some(token) && payload.text.as_deref() == Some(sent),
        _ => false,
    }
}

/// A word on versions that follow each other too fast: the service keeps a hundred, and removes none that is younger than
/// a day.
async fn too_often(reach: &Reach, id: &str) -> Option<String> {
    let input = json!({ "SecretId": id, "MaxResults": 100, "IncludeDeprecated": true });
    let answer = reach.read(&LIST_SECRET_VERSIONS, &input).await.ok()?;
    let dates: Vec<f64> =
        answer["Versions"].as_array()?.iter().filter_map(|version| version["CreatedDate"].as_f64()).collect();
    let newest = dates.iter().copied().fold(f64::MIN, f64::max);
    let count = dates.iter().filter(|date| newest - **date < BETWEEN_VERSIONS).count();
    (count > 1).then(|| {
        format!("{count} new versions in ten minutes: Secrets Manager wants no more than one, and may refuse more")
    })
}

/// Makes the copies what they should be.
async fn replicate(reach: &Reach, id: &str, live: &Map, desired: &Map) -> Result<Readiness, Fault> {
    let of = |properties: &Map| -> Result<Vec<Json>, Fault> {
        let copies = wire_member(properties, "ReplicaRegions")?;
        Ok(copies.and_then(|copies| copies.as_array().cloned()).unwrap_or_default())
    };
    let (before, mut wanted) = (of(live)?, of(desired)?);
    // Another key is another copy.
    let gone: Vec<&Json> = before.iter().filter(|copy| !wanted.contains(copy)).map(|copy| &copy["Region"]).collect();
    let mut readiness = Readiness::Ready(None);
    if !gone.is_empty() {
        remove_copies(reach, id, &json!(gone)).await?;
    }
    wanted.retain(|copy| !before.contains(copy));
    if !wanted.is_empty() {
        let input = json!({ "SecretId": id, "AddReplicaRegions": wanted });
        readiness = live::readiness(&reach.call_about(id, &REPLICATE_SECRET, &input, &[]).await.result?);
    }
    Ok(readiness)
}

/// Removes copies, and waits until they are no longer named.
async fn remove_copies(reach: &Reach, id: &str, regions: &Json) -> Result<(), Fault> {
    let input = json!({ "SecretId": id, "RemoveReplicaRegions": regions });
    reach.call_about(id, &REMOVE_REPLICAS, &input, &[]).await.result?;
    let deadline = Instant::now() + LAG;
    let mut pause = Duration::from_millis(100);
    while let Some(answer) = reading::describe(reach, id).await? {
        let copies = answer["ReplicationStatus"].as_array().cloned().unwrap_or_default();
        let gone = |region: &Json| copies.iter().all(|copy| copy["Region"] != *region);
        if regions.as_array().is_none_or(|regions| regions.iter().all(gone)) || Instant::now() >= deadline {
            break;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
    Ok(())
}

/// Deletes a secret: its copies first, and itself after its recovery window.
pub(super) async fn delete(reach: &Reach, identity: &str, desired: Option<&Map>) -> Result<Written, Fault> {
    let Some(answer) = reading::describe(reach, identity).await? else { return Ok(done(Map::new())) };
    let want = Want {
        identity: identity.to_owned(),
        secrets: false,
        shallow: true,
        given: Vec::new(),
        tags: None,
        verified: None,
    };
    let present = live::of_answer(&crate::operation::DESCRIBE_SECRET, &want, reach.region(), &answer)?;
    if let Some(why) = refused(&present.attributes) {
        return Err(Fault::new(FaultKind::Invalid, DELETE_SECRET.name, why));
    }
    if matches!(present.readiness, Readiness::Scheduled { .. }) {
        return Ok(Written { readiness: present.readiness, ..done(present.attributes) });
    }
    let copies: Vec<&Json> =
        answer["ReplicationStatus"].as_array().into_iter().flatten().map(|copy| &copy["Region"]).collect();
    if !copies.is_empty() {
        remove_copies(reach, identity, &json!(copies)).await?;
    }
    let window = desired.and_then(|desired| desired.get("RecoveryWindowInDays")).and_then(Value::as_i64).unwrap_or(30);
    let mut input = json!({ "SecretId": identity });
    if window == 0 {
        input["ForceDeleteWithoutRecovery"] = true.into();
    } else {
        input["RecoveryWindowInDays"] = window.into();
    }
    let answer = match reach.call(&DELETE_SECRET, &input, &[]).await.result {
        Ok(answer) => answer,
        Err(fault) if fault.kind == FaultKind::NotFound => Json::Null,
        // An earlier attempt, or somebody else, was first.
        Err(fault) if fault.code.as_deref() == Some(WRONG_STATE) => match reading::describe(reach, identity).await? {
            None => Json::Null,
            Some(answer) if !answer["DeletedDate"].is_null() => json!({}),
            Some(_) => return Err(fault),
        },
        Err(fault) => return Err(fault),
    };
    reach.gone(identity);
    present.attributes.get("Arn").and_then(Value::as_str).inspect(|arn| reach.gone(arn));
    if answer.is_null() {
        return Ok(done(Map::new()));
    }
    if window == 0 {
        return Ok(Written { readiness: Readiness::Deleting("deleting".to_owned()), ..done(Map::new()) });
    }
    let until = day(&answer["DeletionDate"]);
    let notes = until.iter().map(|day| format!("deleted on {day}; until then it can be restored")).collect();
    let readiness = Readiness::Scheduled { state: live::SCHEDULED.to_owned(), until };
    Ok(Written { readiness, notes, ..done(Map::new()) })
}

/// Takes a secret back from its deletion.
pub(super) async fn restore(reach: &Reach, identity: &str) -> Result<Written, Fault> {
    let answer = reach.read(&RESTORE_SECRET, &json!({ "SecretId": identity })).await?;
    Ok(done(text(&answer, "ARN").map(live::attributes).unwrap_or_default()))
}
