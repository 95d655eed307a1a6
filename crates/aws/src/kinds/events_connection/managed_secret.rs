//! The secret that EventBridge keeps for a connection in the caller's own account: the only place where credentials can
//! be read back and compared.
//!
//! Its name is `events!connection/<connection>/<id>`. Its payload is JSON, whose form differs between the service,
//! versions and emulators (snake case or CloudFormation's, flat or nested), so it is read leniently; what is missing is
//! "not verifiable" and never "empty".

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value as Json, json};
use trueup_engine::cloud::{Confirm, Extent, Present, Unconfirmed};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::memory::VERIFIED;
use trueup_engine::secret::Secret;
use trueup_engine::value::Value;

use super::live::LISTS;
use crate::fault::of_unreadable;
use crate::kinds::values::{self, Asked, SWITCHED_OFF, why_unread};
use crate::operation::{DESCRIBE_CONNECTION, DESCRIBE_SECRET, LIST_SECRETS};
use crate::reach::Reach;

/// What they are, in words.
const MANAGED: &str = "the managed secret";
/// How many of these calls are under way at once.
const AT_ONCE: usize = 8;
/// Up to this many suspects are asked for one by one at once.
const A_FEW: usize = 20;
/// What the names begin with. `!` is reserved for secrets that services manage.
const PREFIX: &str = "events!connection/";

/// Reads the managed secrets of connections and puts what they hold into their properties.
pub(super) async fn resolve(reach: &Reach, mut connections: Vec<&mut Present>) {
    if !reach.secret_reads() {
        for present in connections {
            fill(present, Err(SWITCHED_OFF));
        }
        return;
    }
    let keyed = |present: &Present| present.properties.contains_key("KmsKeyIdentifier");
    let asked =
        connections.iter().filter_map(|present| Some(Asked { arn: secret_arn(present)?, keyed: keyed(present) }));
    let read = read(reach, asked.collect()).await;
    for present in &mut connections {
        let Some(arn) = secret_arn(present) else {
            fill(present, Err("the connection has no managed secret"));
            continue;
        };
        match read.get(&arn) {
            Some(Ok(payload)) => {
                present.secret_version.clone_from(&payload.version);
                fill(present, Ok(&payload.content));
            }
            Some(Err(why)) => fill(present, Err(why)),
            None => fill(present, Err("the managed secret was not answered")),
        }
    }
}

/// Leaves the managed secret of a connection unread, which has not moved since it was verified.
pub(super) fn leave_out(present: &mut Present) {
    present.seen.extent = Extent::WithoutValues;
    fill(present, Err(VERIFIED));
}

fn secret_arn(present: &Present) -> Option<String> {
    present.attributes.get("SecretArn")?.as_str().map(str::to_owned)
}

struct Payload {
    version: Option<String>,
    content: Json,
}

async fn read(reach: &Reach, asked: Vec<Asked>) -> HashMap<String, Result<Payload, String>> {
    let read = values::read(reach, asked, MANAGED).await;
    let parsed = |payload: values::Payload| {
        let content = payload.text.and_then(|text| serde_json::from_str::<Json>(&text).ok()).filter(Json::is_object);
        content
            .map(|content| Payload { version: payload.version, content })
            .ok_or_else(|| "the managed secret is not in a form that is known".to_owned())
    };
    read.into_iter().map(|(arn, payload)| (arn, payload.and_then(parsed))).collect()
}

/// Puts the payload's values, or the reason why there is none, where the properties hold secrets.
fn fill(present: &mut Present, payload: Result<&Json, &str>) {
    let Some(Value::Map(auth)) = present.properties.get_mut("AuthParameters") else { return };
    for (block, member) in [
        ("ApiKeyAuthParameters", "ApiKeyValue"),
        ("BasicAuthParameters", "Password"),
        ("OAuthParameters", "ClientSecret"),
    ] {
        let Some(Value::Map(block)) = auth.get_mut(block) else { continue };
        let holder = match block.get_mut("ClientParameters") {
            Some(Value::Map(client)) => client,
            Some(_) => continue,
            None => block,
        };
        if let Some(Value::Secret(secret)) = holder.get_mut(member) {
            settle(secret, payload.map(|payload| credential(payload, &fold(member))));
        }
    }
    if let Some(parameters) = auth.get_mut("OAuthParameters").and_then(|oauth| match oauth {
        Value::Map(oauth) => oauth.get_mut("OAuthHttpParameters"),
        _ => None,
    }) {
        fill_parameters(parameters, payload.map(|payload| find(payload, "oauthhttpparameters", 3)));
    }
    if let Some(parameters) = auth.get_mut("InvocationHttpParameters") {
        fill_parameters(parameters, payload.map(|payload| find(payload, "invocationhttpparameters", 3)));
    }
}

/// Secret parameters are found by list and key; several of one key by their order.
fn fill_parameters(parameters: &mut Value, payload: Result<Option<&Json>, &str>) {
    let Value::Map(parameters) = parameters else { return };
    for list in LISTS {
        let Some(Value::List(items)) = parameters.get_mut(list) else { continue };
        let known = payload.map(|payload| payload.and_then(|payload| member(payload, &fold(list))));
        let mut met: HashMap<String, usize> = HashMap::new();
        for item in items {
            let Value::Map(item) = item else { continue };
            let key = item.get("Key").and_then(Value::as_str).unwrap_or_default().to_owned();
            let nth = met.entry(key.clone()).or_insert(0);
            if let Some(Value::Secret(secret)) = item.get_mut("Value") {
                let value = known.map(|known| {
                    let items = known.and_then(Json::as_array).into_iter().flatten();
                    let mut same = items.filter(|item| member(item, "key").and_then(Json::as_str) == Some(&key));
                    same.nth(*nth).and_then(|item| member(item, "value")).and_then(Json::as_str)
                });
                settle(secret, value);
            }
            *nth += 1;
        }
    }
}

/// The managed secret is trusted over what an emulator leaks, where it can be read.
fn settle(secret: &mut Secret, value: Result<Option<&str>, &str>) {
    match value {
        Ok(Some(text)) => *secret = Secret::new("live", text.to_owned()),
        _ if secret.is_resolved() => {}
        Ok(None) => *secret = Secret::unresolved("not in the managed secret"),
        Err(why) => *secret = Secret::unresolved(why),
    }
}

/// A credential, at the top or in the block or blocks that hold it.
fn credential<'a>(payload: &'a Json, name: &str) -> Option<&'a str> {
    find(payload, name, 3)?.as_str()
}

/// The nearest member of this folded name; parameters are a world of their own.
fn find<'a>(json: &'a Json, name: &str, depth: usize) -> Option<&'a Json> {
    if let Some(found) = member(json, name) {
        return Some(found);
    }
    if depth == 0 {
        return None;
    }
    let inner = json.as_object()?.iter().filter(|(key, _)| !fold(key).ends_with("httpparameters"));
    inner.filter(|(_, value)| value.is_object()).find_map(|(_, value)| find(value, name, depth - 1))
}

fn member<'a>(json: &'a Json, name: &str) -> Option<&'a Json> {
    json.as_object()?.iter().find(|(key, _)| fold(key) == name).map(|(_, value)| value)
}

/// `client_secret`, `ClientSecret` and `clientSecret` are one name.
fn fold(name: &str) -> String {
    name.chars().filter(|character| *character != '_').map(|character| character.to_ascii_lowercase()).collect()
}

/// Whether the managed secrets are there, or gone, as they should be after changes.
///
/// List pages find the suspects. A list may lag behind, so only what the services say of a suspect proves anything.
pub(super) async fn confirm(reach: &Reach, items: &[Confirm]) -> Vec<Unconfirmed> {
    // EventBridge removes a secret after its connection, and a list may lag behind.
    const PAUSES: [u64; 5] = [250, 500, 1000, 2000, 2000];
    let mut pauses = PAUSES.into_iter().map(Duration::from_millis);
    let mut suspects: Vec<&Confirm> = items.iter().collect();
    let mut findings = Vec::new();
    loop {
        let listed = match list(reach, &suspects).await {
            Ok(listed) => listed,
            Err(fault) => {
                findings.extend(suspects.into_iter().map(|item| unverified(item, &why_unread(&fault, MANAGED))));
                return findings;
            }
        };
        suspects.retain(|item| listed.contains_key(&item.identity) != item.present);
        let pause = pauses.next();
        // Many are waited for by pages, which cost less, until there is no time left.
        let mut wrong = Vec::new();
        if suspects.len() <= A_FEW || pause.is_none() {
            let mut asked = Vec::with_capacity(suspects.len());
            for item in &suspects {
                asked.push(ask(reach, item, listed.get(&item.identity).map_or(&[], Vec::as_slice)));
            }
            let verdicts: Vec<Verdict> = futures_util::stream::iter(asked).buffered(AT_ONCE).collect().await;
            for (item, verdict) in std::mem::take(&mut suspects).into_iter().zip(verdicts) {
                match verdict {
                    Verdict::Right => {}
                    Verdict::Wrong(finding) => {
                        suspects.push(item);
                        wrong.push(finding);
                    }
                    Verdict::Unknown(finding) => findings.push(finding),
                }
            }
        }
        match pause {
            Some(pause) if !suspects.is_empty() => tokio::time::sleep(pause).await,
            _ => {
                findings.extend(wrong);
                return findings;
            }
        }
    }
}

/// What the services say of one managed secret.
enum Verdict {
    /// It is as it should be.
    Right,
    /// It is not, or not yet.
    Wrong(Unconfirmed),
    /// They do not say.
    Unknown(Unconfirmed),
}

/// Asks for one managed secret by name instead of by list. `ids` are the secrets that are listed for the connection.
async fn ask(reach: &Reach, item: &Confirm, ids: &[String]) -> Verdict {
    let unknown = |fault: &Fault| Verdict::Unknown(unverified(item, &why_unread(fault, MANAGED)));
    if !item.present {
        for id in ids {
            match describe(reach, id).await {
                Ok(State::There) => return Verdict::Wrong(wrong(item, "is still there")),
                Ok(State::Doomed | State::Gone) => {}
                Err(fault) => return unknown(&fault),
            }
        }
        return Verdict::Right;
    }
    let connection = match reach.read(&DESCRIBE_CONNECTION, &json!({ "Name": item.identity })).await {
        Ok(connection) => connection,
        Err(fault) if fault.kind == FaultKind::NotFound => return Verdict::Wrong(wrong(item, "is not there")),
        Err(fault) => return unknown(&fault),
    };
    let Some(arn) = connection["SecretArn"].as_str() else {
        return Verdict::Wrong(unverified(item, "EventBridge does not say which it is"));
    };
    match describe(reach, arn).await {
        Ok(State::There) => Verdict::Right,
        Ok(State::Doomed) => Verdict::Wrong(unverified(item, "it is marked for deletion")),
        Ok(State::Gone) => Verdict::Wrong(wrong(item, "is not there")),
        Err(fault) => unknown(&fault),
    }
}

/// How a secret stands with the service itself.
enum State {
    There,
    /// Marked for deletion.
    Doomed,
    Gone,
}

async fn describe(reach: &Reach, id: &str) -> Result<State, Fault> {
    match reach.read(&DESCRIBE_SECRET, &json!({ "SecretId": id })).await {
        Ok(answer) if answer["DeletedDate"].is_null() => Ok(State::There),
        Ok(_) => Ok(State::Doomed),
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(State::Gone),
        Err(fault) => Err(fault),
    }
}

fn wrong(item: &Confirm, how: &str) -> Unconfirmed {
    let message = format!("its managed secret {PREFIX}{}/… {how}", item.identity);
    Unconfirmed { identity: item.identity.clone(), message, proven: true }
}

fn unverified(item: &Confirm, why: &str) -> Unconfirmed {
    let message = format!("its managed secret could not be verified: {why}");
    Unconfirmed { identity: item.identity.clone(), message, proven: false }
}

/// The managed secrets that are listed, by connection.
async fn list(reach: &Reach, items: &[&Confirm]) -> Result<HashMap<String, Vec<String>>, Fault> {
    // The filter takes beginnings of names, so that a few connections are asked for by name.
    let values: Vec<String> = if items.len() <= 3 {
        items.iter().map(|item| format!("{PREFIX}{}/", item.identity)).collect()
    } else {
        vec![PREFIX.to_owned()]
    };
    let mut input = json!({
        "MaxResults": 100,
        "Filters": [{"Key": "owning-service", "Values": ["events"]}, {"Key": "name", "Values": values}],
    });
    let mut listed: HashMap<String, Vec<String>> = HashMap::new();
    let mut tokens = HashSet::new();
    loop {
        let page = reach.read(&LIST_SECRETS, &input).await?;
        let Some(entries) = page["SecretList"].as_array() else {
            return Err(of_unreadable(&LIST_SECRETS, "it has no `SecretList`", None));
        };
        for entry in entries {
            let Some(name) = entry["Name"].as_str() else { continue };
            if let Some((connection, _)) = name.strip_prefix(PREFIX).and_then(|name| name.split_once('/')) {
                let id = entry["ARN"].as_str().unwrap_or(name).to_owned();
                listed.entry(connection.to_owned()).or_default().push(id);
            }
        }
        let Some(token) = page["NextToken"].as_str().filter(|token| !token.is_empty()) else { return Ok(listed) };
        // A list that begins again is not a whole one.
        if !tokens.insert(token.to_owned()) {
            return Err(of_unreadable(&LIST_SECRETS, "its `NextToken` comes again", None));
        }
        input["NextToken"] = token.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::events_connection::live::of_described;

    fn resolved(described: &Json, payload: Result<&Json, &str>) -> Value {
        let mut present = of_described("orders", described);
        fill(&mut present, payload);
        present.properties.into()
    }

    #[track_caller]
    fn assert_secret(value: &Value, pointer: &str, text: &str) {
        let Some(Value::Secret(secret)) = value.at(pointer) else { panic!("no secret at {pointer}") };
        assert_eq!(secret.same_as(&Secret::new("test", text.to_owned())), Some(true), "{pointer}: {secret:?}");
    }

    #[track_caller]
    fn assert_unresolved(value: &Value, pointer: &str, why: &str) {
        let Some(Value::Secret(secret)) = value.at(pointer) else { panic!("no secret at {pointer}") };
        assert_eq!((secret.is_resolved(), secret.source()), (false, why));
    }

    fn oauth() -> Json {
        json!({"AuthParameters": {
            "OAuthParameters": {
                "ClientParameters": {"ClientID": "id"},
                "OAuthHttpParameters": {"BodyParameters": [{"Key": "scope", "IsValueSecret": true}]},
            },
            "InvocationHttpParameters": {"HeaderParameters": [
                {"Key": "a", "IsValueSecret": true}, {"Key": "p", "Value": "x", "IsValueSecret": false},
                {"Key": "a", "IsValueSecret": true},
            ]},
        }})
    }

    const CLIENT_SECRET: &str = "/AuthParameters/OAuthParameters/ClientParameters/ClientSecret";
    const SCOPE: &str = "/AuthParameters/OAuthParameters/OAuthHttpParameters/BodyParameters/0/Value";
    const HEADERS: &str = "/AuthParameters/InvocationHttpParameters/HeaderParameters";

    #[test]
    fn payloads_are_read_in_every_form_that_was_seen() {
        let flat = json!({
            "client_id": "id", "client_secret": "s1", "authorization_endpoint": "https://x", "http_method": "POST",
            "oauth_http_parameters": {"body_parameters": [{"key": "scope", "value": "s2", "is_value_secret": true}]},
            "invocation_http_parameters": {"header_parameters": [
                {"key": "a", "value": "s3"}, {"key": "p", "value": "x"}, {"key": "a", "value": "s4"},
            ]},
        });
        let nested = json!({
            "oauth_parameters": {
                "client_parameters": {"client_id": "id", "client_secret": "s1"},
                "oauth_http_parameters": {"BodyParameters": [{"Key": "scope", "Value": "s2"}]},
            },
            "InvocationHttpParameters": {"HeaderParameters": [
                {"Key": "a", "Value": "s3"}, {"Key": "p", "Value": "x"}, {"Key": "a", "Value": "s4"},
            ]},
        });
        for payload in [flat, nested] {
            let value = resolved(&oauth(), Ok(&payload));
            assert_secret(&value, CLIENT_SECRET, "s1");
            assert_secret(&value, SCOPE, "s2");
            assert_secret(&value, &format!("{HEADERS}/0/Value"), "s3");
            assert_secret(&value, &format!("{HEADERS}/2/Value"), "s4");
            assert_eq!(value.at(&format!("{HEADERS}/1/Value")).and_then(Value::as_str), Some("x"));
        }
    }

    #[test]
    fn what_is_missing_is_not_verifiable() {
        let value = resolved(&oauth(), Ok(&json!({"client_id": "id"})));
        assert_unresolved(&value, CLIENT_SECRET, "not in the managed secret");
        assert_unresolved(&value, SCOPE, "not in the managed secret");
        let value = resolved(&oauth(), Err("secretsmanager:GetSecretValue denied"));
        assert_unresolved(&value, CLIENT_SECRET, "secretsmanager:GetSecretValue denied");
    }

    #[test]
    fn the_managed_secret_goes_before_what_an_emulator_leaks() {
        let leaking = json!({"AuthParameters": {"BasicAuthParameters": {"Username": "u", "Password": "stale"}}});
        let pointer = "/AuthParameters/BasicAuthParameters/Password";
        assert_secret(&resolved(&leaking, Ok(&json!({"username": "u", "password": "fresh"}))), pointer, "fresh");
        assert_secret(&resolved(&leaking, Err("denied")), pointer, "stale");
    }
}
