//! `AWS::Glue::Connection`: how Glue, Athena and Spark jobs reach a database, a broker or a network.
//!
//! What makes it hard: Cloud Control cannot read it; `UpdateConnection` overwrites everything, so that a read without
//! its password must never be written back; the password comes back in clear, encrypted or not at all, as the reader
//! asks, the catalog is set up and the caller's key permissions allow; and the newer types keep credentials in a secret
//! that no call names before it is made. So passwords are read only where the manifest gives one to compare, and a
//! request is built from desired values alone.

mod check;
mod io;
mod live;
mod permissions;
mod request;
mod schema;

use std::time::Duration;

use trueup_engine::cloud::{Create, Live, Task, Update, Want, Written};
use trueup_engine::fault::Fault;
use trueup_engine::kind::{Attribute, Change, Cost, Finding, Implied, Kind, Patience, Verb};
use trueup_engine::permission::{Permission, Subject};
use trueup_engine::schema::Schema;
use trueup_engine::value::{Map, Value, at};

use crate::kinds::AwsKind;
use crate::kinds::fields::{resource_of, touches};
use crate::operation::{
    GLUE_CREATE_CONNECTION, GLUE_DELETE_CONNECTION, GLUE_GET_CONNECTION, GLUE_GET_TAGS, GLUE_UPDATE_CONNECTION,
};
use crate::reach::Reach;

/// The kind.
#[derive(Debug, Clone, Copy)]
pub struct GlueConnection;

impl Kind for GlueConnection {
    fn name(&self) -> &'static str {
        "AWS::Glue::Connection"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["awscc.glue.connections", "aws.glue.connections"]
    }

    fn schema(&self) -> &'static Schema {
        &schema::SCHEMA
    }

    fn attributes(&self) -> &'static [Attribute] {
        &[Attribute { name: "Arn", stable: true, on_create: true }]
    }

    fn identity_property(&self) -> &'static str {
        "ConnectionInput/Name"
    }

    /// The name, with the catalog before it where one is given: `123456789012:orders`.
    fn identify(&self, properties: &Map) -> Option<String> {
        let name = at(properties, "/ConnectionInput/Name")?.as_str()?;
        match properties.get("CatalogId") {
            None | Some(Value::Null) => Some(name.to_owned()),
            Some(catalog) => Some(format!("{}:{name}", catalog.as_str()?)),
        }
    }

    fn tags(&self) -> Option<&'static str> {
        Some("Tags")
    }

    fn check(&self, properties: &Map) -> Vec<Finding> {
        check::check(properties)
    }

    fn implies(&self, change: &Change<'_>) -> Vec<Implied> {
        match change {
            Change::Create(desired) => uses_secrets(desired),
            Change::Update(_, desired, edits) if touches(edits, "ConnectionInput") => uses_secrets(desired),
            // What Glue does with a secret that it made is not documented.
            Change::Update(..) | Change::Delete(_) => Vec::new(),
        }
    }

    fn patience(&self, desired: &Map) -> Patience {
        let minutes = Duration::from_mins;
        // A write tries the credentials at the source, through a network interface that it makes first.
        let oauth = at(desired, "/ConnectionInput/AuthenticationConfiguration/OAuth2Properties").is_some();
        let change = if oauth { minutes(10) } else { minutes(5) };
        Patience { create: change, update: change, delete: minutes(1) }
    }

    fn costs(&self, verb: Verb, _: &Map) -> Vec<Cost> {
        match verb {
            Verb::Read => vec![GLUE_GET_CONNECTION.cost(), GLUE_GET_TAGS.cost()],
            Verb::Create => vec![GLUE_CREATE_CONNECTION.cost()],
            Verb::Update => vec![GLUE_GET_CONNECTION.cost(), GLUE_UPDATE_CONNECTION.cost()],
            Verb::Delete => vec![GLUE_DELETE_CONNECTION.cost()],
        }
    }

    fn permissions(&self, verb: Verb, subject: &Subject<'_>) -> Vec<Permission> {
        permissions::of(verb, subject)
    }
}

impl AwsKind for GlueConnection {
    fn observe_many<'a>(&'a self, reach: &'a Reach, wants: &'a [Want]) -> Task<'a, Vec<Live>> {
        Box::pin(io::observe(reach, wants))
    }

    fn list<'a>(&'a self, reach: &'a Reach) -> Task<'a, Result<Vec<String>, Fault>> {
        Box::pin(io::names(reach))
    }

    fn resource_types(&self) -> &'static [&'static str] {
        &["glue:connection"]
    }

    /// The catalog is left out: an ARN has always one, an identity only where it is not the caller's. What is in another
    /// account's catalog carries that account's tags.
    fn identity_of_arn(&self, arn: &str) -> Option<String> {
        resource_of(arn, "glue")?.strip_prefix("connection/").map(str::to_owned)
    }

    fn create<'a>(&'a self, reach: &'a Reach, create: &'a Create<'a>) -> Task<'a, Result<Written, Fault>> {
        Box::pin(io::create(reach, create))
    }

    fn update<'a>(&'a self, reach: &'a Reach, update: &'a Update<'a>) -> Task<'a, Result<Written, Fault>> {
        Box::pin(io::update(reach, update))
    }

    fn delete<'a>(
        &'a self,
        reach: &'a Reach,
        identity: &'a str,
        _: Option<&'a Map>,
    ) -> Task<'a, Result<Written, Fault>> {
        Box::pin(io::delete(reach, identity))
    }
}

/// Catalog and name of an identity.
fn split(identity: &str) -> (Option<&str>, &str) {
    match identity.split_once(':') {
        Some((catalog, name)) if is_account(catalog) => (Some(catalog), name),
        _ => (None, identity),
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A member of `ConnectionInput`.
fn input<'a>(properties: &'a Map, name: &str) -> Option<&'a Value> {
    properties.get("ConnectionInput")?.get(name).filter(|value| !value.is_null())
}

/// What Glue does with secrets when it carries out a write.
fn uses_secrets(desired: &Map) -> Vec<Implied> {
    let implied = |operation: &str, on: &Value| Implied {
        operation: format!("secretsmanager:{operation}"),
        on: on.as_str().unwrap_or("…").to_owned(),
        by: "glue".to_owned(),
    };
    let mut all = Vec::new();
    let property = |name: &str| input(desired, "ConnectionProperties").and_then(|properties| properties.get(name));
    for name in ["SECRET_ID", "KAFKA_SASL_SCRAM_SECRETS_ARN"] {
        all.extend(property(name).filter(|id| !id.is_null()).map(|id| implied("GetSecretValue", id)));
    }
    let Some(authentication) = input(desired, "AuthenticationConfiguration") else { return all };
    match authentication.get("SecretArn").filter(|arn| !arn.is_null()) {
        Some(arn) => all.push(implied("GetSecretValue", arn)),
        None if request::has_credentials(authentication) => all.push(implied("CreateSecret", &Value::Null)),
        None => {}
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(json: serde_json::Value) -> Map {
        Value::from(json).as_map().cloned().unwrap()
    }

    #[test]
    fn the_identity_is_the_name_and_the_catalog_where_one_is_given() {
        let plain = map(serde_json::json!({"ConnectionInput": {"Name": "a:b"}}));
        assert_eq!(GlueConnection.identify(&plain).as_deref(), Some("a:b"));
        assert_eq!(split("a:b"), (None, "a:b"));
        let other = map(serde_json::json!({"CatalogId": "123456789012", "ConnectionInput": {"Name": "a:b"}}));
        assert_eq!(GlueConnection.identify(&other).as_deref(), Some("123456789012:a:b"));
        assert_eq!(split("123456789012:a:b"), (Some("123456789012"), "a:b"));
        assert_eq!(GlueConnection.identify(&map(serde_json::json!({"Name": "a"}))), None);
    }

    #[test]
    fn a_write_implies_what_glue_does_with_secrets() {
        let operations = |json| -> Vec<(String, String)> {
            let desired = map(json);
            let implied = GlueConnection.implies(&Change::Create(&desired));
            implied.into_iter().map(|implied| (implied.operation, implied.on)).collect()
        };
        let by_id = serde_json::json!({"ConnectionInput": {"ConnectionProperties": {"SECRET_ID": "orders/db"}}});
        assert_eq!(operations(by_id), [("secretsmanager:GetSecretValue".to_owned(), "orders/db".to_owned())]);
        let credentials = serde_json::json!({"ConnectionInput": {"AuthenticationConfiguration": {
            "BasicAuthenticationCredentials": {"Username": "u", "Password": "p"}}}});
        assert_eq!(operations(credentials), [("secretsmanager:CreateSecret".to_owned(), "…".to_owned())]);
        assert_eq!(operations(serde_json::json!({"ConnectionInput": {"Name": "a"}})), []);
    }
}
