//! The operations on connections.
//!
//! States that settle are decided when an operation begins, as times: nothing runs in the background,
//! so an answer depends on the state and the clock alone.

use serde_json::{Value, json};
use uuid::Uuid;

use super::connection::{AuthorizationType, Connection, Connectivity, ManagedSecret};
use super::{OVER_QUOTA, QUOTA, merge};
use crate::clock::Millis;
use crate::kms::{self, Use};
use crate::operation::{Context, Resource, part, required, text};
use crate::page;
use crate::secrets::secret::{Payload, Secret};
use crate::store::View;
use crate::wire::Refusal;

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let name = required(input, "Name");
    if context.home.connections.current(name, now).is_some() {
        // [M] the code; [?] the text. A connection that is DELETING still has its name.
        return Err(Refusal::new("ResourceAlreadyExistsException", format!("Connection {name} already exists.")));
    }
    let authorization = AuthorizationType::parse(required(input, "AuthorizationType"));
    let auth = part(input, "AuthParameters").unwrap_or(&Value::Null);
    one_type_only(authorization, auth)?;
    let given =
        part(auth, authorization.member()).ok_or_else(|| merge::missing(authorization, authorization.member()))?;
    let credentials = merge::credentials(authorization, None, given, false)?;
    if context.home.connections.reaches(QUOTA, now) {
        return Err(Refusal::new("LimitExceededException", OVER_QUOTA));
    }
    service_linked_role(context)?;
    let kms_key = text(input, "KmsKeyIdentifier").filter(|key| !key.is_empty());
    let key_arn = usable_key(context, kms_key)?;
    let private = Target::read(context, part(input, "InvocationConnectivityParameters"));
    let auth_private = Target::read(context, part(auth, "ConnectivityParameters"));
    let mut connection = Connection {
        name: name.to_owned(),
        arn: context.arn("events", &format!("connection/{name}/{}", Uuid::new_v4())),
        description: text(input, "Description").filter(|it| !it.is_empty()).map(str::to_owned),
        authorization,
        credentials: Some(credentials),
        invocation_http: merge::http(None, part(auth, "InvocationHttpParameters"), false),
        auth_connectivity: auth_private.merge(None, false),
        invocation_connectivity: private.merge(None, false),
        kms_key: kms_key.map(str::to_owned),
        secret: None,
        phases: Vec::new(),
        created: now,
        modified: now,
        authorized: None,
        gone_at: None,
    };
    authorize(&mut connection, now, context.settle);
    write_secret(context, &mut connection, key_arn.as_deref(), true)?;
    let answer = connection.receipt(context.view);
    context.home.connections.put(name, now, connection);
    Ok(answer)
}

pub(super) fn update(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let name = required(input, "Name");
    let current = settled(context, name)?;
    let mut next = current.clone();
    let no_clear = context.no_clear;
    next.description = merge::clearable(current.description.as_deref(), text(input, "Description"), no_clear);

    let auth = part(input, "AuthParameters").unwrap_or(&Value::Null);
    let chosen = text(input, "AuthorizationType").map(AuthorizationType::parse);
    next.authorization = chosen.unwrap_or(current.authorization);
    let switched = next.authorization != current.authorization;
    let kept = current.credentials.as_ref().filter(|_| !switched);
    // [D] parameters of another type have no effect unless the type is switched as well.
    match part(auth, next.authorization.member()) {
        Some(given) => {
            next.credentials = Some(merge::credentials(next.authorization, kept, given, no_clear)?);
        }
        None if switched => {
            return Err(merge::missing(next.authorization, next.authorization.member()));
        }
        None => {}
    }
    if next.credentials.is_some() {
        let given = part(auth, "InvocationHttpParameters");
        next.invocation_http = merge::http(current.invocation_http.as_ref(), given, no_clear);
        let given = Target::read(context, part(auth, "ConnectivityParameters"));
        next.auth_connectivity = given.merge(current.auth_connectivity.as_ref(), no_clear);
    }
    let given = Target::read(context, part(input, "InvocationConnectivityParameters"));
    next.invocation_connectivity = given.merge(current.invocation_connectivity.as_ref(), no_clear);
    // [?] the pattern permits an empty key, no page says that it clears: it is kept.
    let kms_key = text(input, "KmsKeyIdentifier").filter(|key| !key.is_empty());
    let key_arn = if kms_key.is_some() { usable_key(context, kms_key)? } else { None };
    next.kms_key = kms_key.map(str::to_owned).or(next.kms_key);

    let renewed = switched || next.credentials != current.credentials;
    let rerouted = next.auth_connectivity != current.auth_connectivity
        || next.invocation_connectivity != current.invocation_connectivity;
    next.touch(now);
    // [D] what re-authorizes: another method or other parameters, and another target when private.
    if next.credentials.is_some() && (renewed || rerouted) {
        authorize(&mut next, now, context.settle);
    }
    let rewritten = next.payload() != current.payload();
    if rewritten || key_arn.is_some() || (next.credentials.is_some() && next.secret_at(now).is_none()) {
        write_secret(context, &mut next, key_arn.as_deref(), rewritten)?;
    }
    let answer = next.receipt_authorized(context.view);
    context.home.connections.put(name, now, next);
    Ok(answer)
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let name = required(input, "Name");
    let mut connection = existing(context, name)?;
    if connection.state(now) == "DELETING" {
        return Err(busy(&connection, now));
    }
    // [L] answers DELETING and is gone shortly after. [?] Destinations that refer to it do not keep
    // it; they become INACTIVE.
    let gone = now + context.settle;
    connection.touch(now);
    connection.enter(now, "DELETING", None);
    connection.gone_at = Some(gone);
    end_secret(context, &connection, gone);
    let answer = connection.receipt_authorized(context.view);
    context.home.connections.put(name, now, connection);
    Ok(answer)
}

pub(super) fn deauthorize(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let name = required(input, "Name");
    let mut connection = settled(context, name)?;
    if connection.state(now) != "DEAUTHORIZED" {
        // [D] removes all authorization parameters and the secret; name and ARN survive. [?] when.
        let end = now + context.settle;
        connection.touch(now);
        connection.enter(now, "DEAUTHORIZING", Some((context.settle, "DEAUTHORIZED")));
        end_secret(context, &connection, end);
        if let Some(secret) = &mut connection.secret {
            secret.until = Some(end);
        }
        connection.credentials = None;
        connection.invocation_http = None;
        connection.auth_connectivity = None;
        context.home.connections.put(name, now, connection.clone());
    }
    Ok(connection.receipt_authorized(context.view))
}

pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let name = required(input, "Name");
    let connection = context.home.connections.seen(name, context.view);
    let connection = connection.ok_or_else(|| unknown(name))?;
    Ok(connection.describe(context.view))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let view = context.view;
    let prefix = text(input, "NamePrefix").unwrap_or_default();
    let state = text(input, "ConnectionState");
    let after = start(input)?;
    let all = context.home.connections.list(prefix, after.as_deref(), view);
    let fitting = all.filter(|it| state.is_none_or(|state| it.state(view.at()) == state));
    let (page, last) = page::take(fitting, page::limit(input, "Limit", 100), |it| it.name.clone());
    let mut out = json!({"Connections": page.iter().map(|it| it.listed(view)).collect::<Value>()});
    if let Some(last) = last {
        out["NextToken"] = page::token(&last).into();
    }
    Ok(out)
}

/// Returns where a list goes on.
pub(super) fn start(input: &Value) -> Result<Option<String>, Refusal> {
    let token = text(input, "NextToken");
    // [?] the text
    token.map(|token| page::after(token).ok_or_else(|| Refusal::invalid("Invalid NextToken."))).transpose()
}

/// [L] the text, for describing; assumed for the other operations.
fn unknown(name: &str) -> Refusal {
    Refusal::new(
        "ResourceNotFoundException",
        format!("Failed to describe the connection(s). Connection '{name}' does not exist."),
    )
}

/// [M] the code; [?] the text and which states refuse.
fn busy(connection: &Connection, now: Millis) -> Refusal {
    Refusal::new(
        "ConcurrentModificationException",
        format!("Connection {} is being modified: its state is {}.", connection.name, connection.state(now)),
    )
}

fn existing(context: &Context<'_>, name: &str) -> Result<Connection, Refusal> {
    let found = context.home.connections.current(name, context.now());
    found.map(|found| Connection::clone(found)).ok_or_else(|| unknown(name))
}

fn settled(context: &Context<'_>, name: &str) -> Result<Connection, Refusal> {
    let connection = existing(context, name)?;
    if connection.is_transient(context.now()) {
        return Err(busy(&connection, context.now()));
    }
    Ok(connection)
}

/// [D] "You must include only authorization parameters for the AuthorizationType you specify"; [?] the text.
fn one_type_only(authorization: AuthorizationType, auth: &Value) -> Result<(), Refusal> {
    let all = [AuthorizationType::Basic, AuthorizationType::ApiKey, AuthorizationType::OAuth];
    for other in all.into_iter().filter(|other| *other != authorization) {
        if part(auth, other.member()).is_some() {
            return Err(Refusal::invalid(format!(
                "Parameter {} is not valid for the authorization type {}.",
                other.member(),
                authorization.name()
            )));
        }
    }
    Ok(())
}

/// Begins authorization: [L] BASIC and API_KEY are authorized at once and OAUTH later; [D] a private
/// API becomes ACTIVE in place of AUTHORIZED, and not at once.
fn authorize(connection: &mut Connection, now: Millis, settle: Millis) {
    connection.authorized = Some(now.max(connection.authorized.map_or(0, |last| last + 1)));
    if connection.invocation_connectivity.is_some() {
        connection.enter(now, "AUTHORIZING", Some((settle, "ACTIVE")));
    } else if connection.authorization == AuthorizationType::OAuth || connection.auth_connectivity.is_some() {
        connection.enter(now, "AUTHORIZING", Some((settle, "AUTHORIZED")));
    } else {
        connection.enter(now, "AUTHORIZED", None);
    }
}

/// What an input says about a private endpoint.
enum Target {
    Unsaid,
    /// [D] by an empty ARN.
    Cleared,
    Set(Connectivity),
}

impl Target {
    fn read(context: &Context<'_>, given: Option<&Value>) -> Self {
        let resource = given.and_then(|given| part(given, "ResourceParameters"));
        match resource.and_then(|resource| text(resource, "ResourceConfigurationArn")) {
            None => Self::Unsaid,
            Some("") => Self::Cleared,
            Some(arn) => {
                let prefix = context.arn("vpc-lattice", "servicenetworkresourceassociation");
                Self::Set(Connectivity::new(arn, &prefix))
            }
        }
    }

    /// Merges it with what the connection has; the same target keeps its association.
    fn merge(self, current: Option<&Connectivity>, no_clear: bool) -> Option<Connectivity> {
        match self {
            Self::Cleared if !no_clear => None,
            Self::Set(new) if current.is_none_or(|old| old.configuration != new.configuration) => Some(new),
            _ => current.cloned(),
        }
    }
}

/// Resolves a customer key, which must be enabled and symmetric and in this account and region [D].
fn usable_key(context: &Context<'_>, identifier: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(identifier) = identifier else {
        return Ok(None);
    };
    let key = match kms::usable(context, identifier) {
        Use::Usable(key) => key,
        // [M] ResourceNotFoundException is declared for it; [?] the texts
        Use::Missing => {
            return Err(Refusal::new("ResourceNotFoundException", format!("KMS key '{identifier}' does not exist.")));
        }
        Use::Unusable(why) => {
            return Err(Refusal::invalid(format!(
                "Parameter KmsKeyIdentifier is not valid. Reason: the KMS key {why}."
            )));
        }
    };
    context.authorize_key("kms:DescribeKey", &key, &["events", "secretsmanager"])?;
    // [D] what Secrets Manager asks of a key for a write
    context.authorize_key("kms:GenerateDataKey", &key, &["secretsmanager"])?;
    context.authorize_key("kms:Decrypt", &key, &["secretsmanager"])?;
    Ok(Some(key))
}

/// [D] the account's first connection makes EventBridge's service-linked role.
fn service_linked_role(context: &mut Context<'_>) -> Result<(), Refusal> {
    let account = &context.caller.account;
    if context.service_linked.contains(account) {
        return Ok(());
    }
    let service = "apidestinations.events.amazonaws.com";
    let role = format!(
        "arn:{}:iam::{account}:role/aws-service-role/{service}/AWSServiceRoleForAmazonEventBridgeApiDestinations",
        context.caller.partition()
    );
    let facts = [("iam:AWSServiceName", service.into())];
    context.authorize("iam:CreateServiceLinkedRole", &Resource::one(role), &facts)?;
    context.service_linked.insert(account.clone());
    Ok(())
}

/// Writes the managed secret: the same one with a new version, or a new one [L].
fn write_secret(
    context: &mut Context<'_>,
    connection: &mut Connection,
    key: Option<&str>,
    rewritten: bool,
) -> Result<(), Refusal> {
    let now = context.now();
    let Some(payload) = connection.payload() else {
        return Ok(());
    };
    let present = connection
        .secret_at(now)
        .and_then(|managed| context.home.secrets.current(&managed.name, now).map(|secret| Secret::clone(secret)));
    let secret = if let Some(mut secret) = present {
        let resource = Resource::one(secret.arn.clone());
        // [S] what the caller needs
        if rewritten {
            for action in ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"] {
                context.authorize(action, &resource, &[])?;
            }
            if key.is_none() {
                usable_key(context, secret.kms_key.as_deref())?;
            }
            secret.add_version(now, Uuid::new_v4().to_string(), Payload::Text(payload), &["AWSCURRENT"]);
        }
        if let Some(key) = key {
            context.authorize("secretsmanager:UpdateSecret", &resource, &[])?;
            secret.kms_key = Some(key.to_owned());
        }
        secret.touch(now);
        secret
    } else {
        let name = format!("events!connection/{}/{}", connection.name, Uuid::new_v4());
        let mut secret = Secret::new(&name, context.arn("secretsmanager", "secret"), now);
        // [S] what the caller needs
        for action in ["CreateSecret", "GetSecretValue", "PutSecretValue"] {
            context.authorize(&format!("secretsmanager:{action}"), &Resource::one(secret.arn.clone()), &[])?;
        }
        // [D] managed secrets carry their owner, and a tag that says so
        secret.owner = Some("events".to_owned());
        secret.tags.insert("aws:secretsmanager:owningService".to_owned(), "events".to_owned());
        secret.kms_key = match (key, &connection.kms_key) {
            (Some(key), _) => Some(key.to_owned()),
            (None, Some(identifier)) => usable_key(context, Some(identifier))?,
            (None, None) => None,
        };
        secret.add_version(now, Uuid::new_v4().to_string(), Payload::Text(payload), &["AWSCURRENT"]);
        connection.secret = Some(ManagedSecret { name: name.clone(), arn: secret.arn.clone(), until: None });
        secret
    };
    let name = secret.name.clone();
    context.home.secrets.put(&name, now, secret);
    Ok(())
}

/// Lets the managed secret end with its connection, without a recovery window [D].
fn end_secret(context: &mut Context<'_>, connection: &Connection, at: Millis) {
    let now = context.now();
    let Some(managed) = connection.secret_at(now) else {
        return;
    };
    if let Some(secret) = context.home.secrets.current(&managed.name, now) {
        let mut secret = Secret::clone(secret);
        secret.gone_at = Some(at);
        context.home.secrets.put(&managed.name, now, secret);
    }
}

/// Finds a connection by its ARN, as a read sees it.
pub(super) fn by_arn<'a>(home: &'a crate::state::Home, arn: &str, view: View) -> Option<&'a Connection> {
    let name = arn.split_once(":connection/")?.1.split('/').next()?;
    let connection = home.connections.seen(name, view)?;
    (connection.arn == arn).then_some(connection.as_ref())
}
