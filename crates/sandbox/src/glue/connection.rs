//! A Glue connection: what was given, and the three ways in which it shows its passwords.
//!
//! The same connection leaves in clear, encrypted or hidden, and which one is decided by the reader, the
//! catalog and the key. So nothing here has `Debug`, and whoever describes a connection must say how.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::authentication::Authentication;
use super::types;
use crate::clock::{Millis, seconds};
use crate::events::connection::insert;
use crate::store::{Mortal, View};

/// The properties that are secret [D]; each has an `ENCRYPTED_` twin that the service sets.
const PASSWORDS: [&str; 5] = [
    "PASSWORD",
    "KAFKA_CLIENT_KEYSTORE_PASSWORD",
    "KAFKA_CLIENT_KEY_PASSWORD",
    "KAFKA_SASL_PLAIN_PASSWORD",
    "KAFKA_SASL_SCRAM_PASSWORD",
];
const TWIN: &str = "ENCRYPTED_";
/// The compute environments, with the member of each.
const ENVIRONMENTS: [(&str, &str); 3] =
    [("SPARK", "SparkProperties"), ("ATHENA", "AthenaProperties"), ("PYTHON", "PythonProperties")];
/// The properties that a dump shows: everything else might hold a secret.
const HARMLESS: [&str; 22] = [
    "HOST",
    "PORT",
    "USERNAME",
    "JDBC_DRIVER_CLASS_NAME",
    "JDBC_ENGINE",
    "JDBC_ENGINE_VERSION",
    "INSTANCE_ID",
    "JDBC_ENFORCE_SSL",
    "SKIP_CUSTOM_JDBC_CERT_VALIDATION",
    "KAFKA_SSL_ENABLED",
    "KAFKA_SKIP_CUSTOM_CERT_VALIDATION",
    "KAFKA_SASL_MECHANISM",
    "KAFKA_SASL_PLAIN_USERNAME",
    "KAFKA_SASL_SCRAM_USERNAME",
    "KAFKA_SASL_SCRAM_SECRETS_ARN",
    "SECRET_ID",
    "CONNECTOR_TYPE",
    "CONNECTOR_CLASS_NAME",
    "ROLE_ARN",
    "REGION",
    "WORKGROUP_NAME",
    "DATABASE",
];
const MASKED: &str = "(masked)";

/// Named texts. They may be secret.
pub(super) type Properties = BTreeMap<String, String>;

/// How a description shows the passwords.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Passwords {
    /// Not at all.
    Hidden,
    Clear,
    /// As the service encrypted them.
    Encrypted,
}

/// The encryption of a connection's passwords.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Protection {
    /// The key's ARN; without one it is the service's own.
    pub(super) key: Option<String>,
    /// What is shown in place of the passwords; it tells nothing about them.
    texts: Properties,
}

/// A connection. Deliberately without `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Connection {
    pub(crate) name: String,
    pub(super) kind: String,
    pub(super) description: Option<String>,
    pub(super) criteria: Option<Vec<String>>,
    pub(super) properties: Properties,
    /// By compute environment.
    pub(super) by_environment: BTreeMap<String, Properties>,
    pub(super) physical: Option<Value>,
    pub(super) authentication: Option<Authentication>,
    /// The compute environments that it was to be validated for.
    pub(super) validated_for: Option<Vec<String>>,
    pub(super) protection: Option<Protection>,
    pub(super) tags: Properties,
    /// It was given tags at some time.
    #[serde(default)]
    pub(super) was_tagged: bool,
    /// From when it is READY; before that it is `IN_PROGRESS`.
    pub(super) ready: Millis,
    pub(super) created: Millis,
    pub(super) updated: Millis,
    pub(super) updated_by: String,
    /// When its credentials were validated.
    pub(super) validated: Option<Millis>,
    pub(super) gone_at: Option<Millis>,
}

impl Mortal for Connection {
    fn gone_at(&self) -> Option<Millis> {
        self.gone_at
    }
}

impl Connection {
    /// Returns the status at a time.
    pub(super) fn status(&self, at: Millis) -> &'static str {
        if at < self.ready { "IN_PROGRESS" } else { "READY" }
    }

    /// [D] version 2 has properties by environment; [?] which connections are of it.
    pub(super) fn schema_version(&self) -> u64 {
        let second = !types::is_first(&self.kind) || self.authentication.is_some() || !self.by_environment.is_empty();
        if second { 2 } else { 1 }
    }

    /// Encrypts the passwords with a key; a connection without any stays as it is.
    pub(super) fn protect(&mut self, key: Option<String>) {
        let has = |name: &&&str| self.properties.contains_key(**name);
        let sealed = PASSWORDS.iter().filter(has);
        let texts: Properties = sealed.map(|name| (format!("{TWIN}{name}"), sealed_text())).collect();
        self.protection = (!texts.is_empty()).then_some(Protection { key, texts });
    }

    /// Returns what a read answers, with the properties as a compute environment sees them.
    pub(super) fn describe(&self, view: View, passwords: Passwords, environment: Option<&str>) -> Value {
        let mut properties = self.properties.clone();
        // [D] that they are overridden; [?] how.
        if let Some(own) = environment.and_then(|it| self.by_environment.get(it)) {
            properties.extend(own.clone());
        }
        if passwords != Passwords::Clear {
            properties.retain(|name, _| !PASSWORDS.contains(&name.as_str()));
        }
        if passwords == Passwords::Hidden {
            // [?] that the encrypted ones are hidden as well
            properties.retain(|name, _| !is_twin(name));
        }
        if let (Passwords::Encrypted, Some(protection)) = (passwords, &self.protection) {
            properties.extend(protection.texts.clone());
        }
        let mut out = self.frame(view);
        out["ConnectionProperties"] = json!(properties);
        for (environment, member) in ENVIRONMENTS {
            if let Some(properties) = self.by_environment.get(environment) {
                out[member] = json!(properties);
            }
        }
        let authentication = self.authentication.as_ref().map(Authentication::show);
        insert(&mut out, [("AuthenticationConfiguration", authentication)]);
        out
    }

    /// Returns what may be shown to anybody: whatever might hold a secret is masked.
    pub(crate) fn masked(&self, view: View) -> Value {
        let masked = |name: &String, value: &String| {
            let harmless =
                HARMLESS.contains(&name.as_str()) || (name.ends_with("_URL") && !value.contains(['@', '=', '?']));
            let shown = if harmless { value } else { MASKED };
            (name.clone(), Value::from(shown))
        };
        let mut out = self.frame(view);
        out["ConnectionProperties"] = self.properties.iter().map(|(name, value)| masked(name, value)).collect();
        for (environment, member) in ENVIRONMENTS {
            if let Some(properties) = self.by_environment.get(environment) {
                let all = properties.keys().map(|name| (name.clone(), Value::from(MASKED)));
                out[member] = all.collect();
            }
        }
        let authentication = self.authentication.as_ref().map(Authentication::masked);
        let tags = (!self.tags.is_empty()).then(|| json!(self.tags));
        insert(&mut out, [("AuthenticationConfiguration", authentication), ("Tags", tags)]);
        out
    }

    /// Everything but the properties and the authentication.
    fn frame(&self, view: View) -> Value {
        let mut out = json!({
            "Name": self.name,
            "ConnectionType": self.kind,
            "CreationTime": seconds(self.created),
            "LastUpdatedTime": seconds(self.updated),
            "LastUpdatedBy": self.updated_by,
            "Status": self.status(view.at()),
            "ConnectionSchemaVersion": self.schema_version(),
        });
        let environments = (self.schema_version() == 2).then(|| self.environments());
        insert(
            &mut out,
            [
                // [I] an empty one is shown
                ("Description", self.description.as_deref().map(Value::from)),
                ("MatchCriteria", self.criteria.clone().map(Value::from)),
                ("PhysicalConnectionRequirements", self.physical.clone()),
                ("CompatibleComputeEnvironments", environments),
                ("LastConnectionValidationTime", self.validated.map(seconds)),
            ],
        );
        out
    }

    /// [?] those it was validated for, otherwise SPARK and those it has properties for.
    fn environments(&self) -> Value {
        let fits = |name: &str| match &self.validated_for {
            Some(given) => given.iter().any(|it| it == name),
            None => name == "SPARK" || self.by_environment.contains_key(name),
        };
        let all = ENVIRONMENTS.iter().map(|(name, _)| *name);
        all.filter(|name| fits(name)).collect()
    }
}

fn is_twin(name: &str) -> bool {
    name.strip_prefix(TWIN).is_some_and(|plain| PASSWORDS.contains(&plain))
}

/// Makes a text that looks like a ciphertext and is made of nothing but chance.
fn sealed_text() -> String {
    use base64::Engine as _;
    let mut bytes = vec![1, 2, 2, 0, 0x78];
    for _ in 0..8 {
        bytes.extend(uuid::Uuid::new_v4().into_bytes());
    }
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Reads the properties by compute environment.
pub(super) fn by_environment(input: &Value) -> BTreeMap<String, Properties> {
    let given = ENVIRONMENTS.iter().filter_map(|(environment, member)| {
        let properties = strings(Some(input.get(*member)?));
        Some(((*environment).to_owned(), properties))
    });
    given.filter(|(_, properties)| !properties.is_empty()).collect()
}

/// Reads a map of texts.
pub(super) fn strings(given: Option<&Value>) -> Properties {
    let entries = given.and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// Takes the named members of a structure, and none else.
pub(super) fn pick(given: &Value, members: &[&str]) -> Value {
    let present = members.iter().filter_map(|member| {
        let value = given.get(*member).filter(|value| !value.is_null())?;
        Some(((*member).to_owned(), value.clone()))
    });
    present.collect()
}
