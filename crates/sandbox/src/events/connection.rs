//! A connection: what was given, what it shows, and the payload of its managed secret.
//!
//! The same values leave in two forms which must never be confused: `describe` shows what EventBridge
//! shows, and that is never a secret; `payload` is what Secrets Manager hands out.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clock::{Millis, seconds};
use crate::store::{Mortal, View};

/// How a connection authorizes.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AuthorizationType {
    #[serde(rename = "BASIC")]
    Basic,
    #[serde(rename = "API_KEY")]
    ApiKey,
    #[serde(rename = "OAUTH_CLIENT_CREDENTIALS")]
    OAuth,
}

impl AuthorizationType {
    pub(super) fn parse(text: &str) -> Self {
        match text {
            "BASIC" => Self::Basic,
            "API_KEY" => Self::ApiKey,
            _ => Self::OAuth,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Basic => "BASIC",
            Self::ApiKey => "API_KEY",
            Self::OAuth => "OAUTH_CLIENT_CREDENTIALS",
        }
    }

    /// Returns the member of `AuthParameters` that belongs to the type.
    pub(super) fn member(self) -> &'static str {
        match self {
            Self::Basic => "BasicAuthParameters",
            Self::ApiKey => "ApiKeyAuthParameters",
            Self::OAuth => "OAuthParameters",
        }
    }
}

/// Credentials of one type. Deliberately without `Debug`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Credentials {
    Basic { username: String, password: String },
    ApiKey { name: String, value: String },
    OAuth { client_id: String, client_secret: String, endpoint: String, method: String, http: Option<HttpParameters> },
}

/// An http parameter. Deliberately without `Debug`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parameter {
    pub(super) key: Option<String>,
    pub(super) value: Option<String>,
    pub(super) secret: bool,
}

/// The three lists of http parameters; an empty one is absent.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct HttpParameters {
    pub(super) header: Vec<Parameter>,
    pub(super) query: Vec<Parameter>,
    pub(super) body: Vec<Parameter>,
}

/// A private endpoint, by its VPC Lattice resource configuration.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Connectivity {
    pub(super) configuration: String,
    pub(super) association: String,
}

/// The secret that a connection manages.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ManagedSecret {
    pub(super) name: String,
    pub(super) arn: String,
    /// From when the connection does not have it any more.
    pub(super) until: Option<Millis>,
}

/// A state and the time from which a connection is in it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Phase {
    from: Millis,
    state: String,
}

/// A connection.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Connection {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(super) description: Option<String>,
    pub(super) authorization: AuthorizationType,
    /// Absent once deauthorized.
    pub(super) credentials: Option<Credentials>,
    pub(super) invocation_http: Option<HttpParameters>,
    pub(super) auth_connectivity: Option<Connectivity>,
    pub(super) invocation_connectivity: Option<Connectivity>,
    pub(super) kms_key: Option<String>,
    pub(super) secret: Option<ManagedSecret>,
    pub(super) phases: Vec<Phase>,
    pub(super) created: Millis,
    pub(super) modified: Millis,
    pub(super) authorized: Option<Millis>,
    pub(super) gone_at: Option<Millis>,
}

impl Mortal for Connection {
    fn gone_at(&self) -> Option<Millis> {
        self.gone_at
    }
}

impl Connection {
    /// Returns the state at a time.
    pub(crate) fn state(&self, at: Millis) -> &str {
        let reached = self.phases.iter().rev().find(|phase| phase.from <= at);
        reached.or(self.phases.first()).map_or("CREATING", |phase| &phase.state)
    }

    /// Tells whether API destinations can use the connection at a time.
    pub(crate) fn is_usable(&self, at: Millis) -> bool {
        matches!(self.state(at), "AUTHORIZED" | "ACTIVE")
    }

    /// Tells whether a change is under way at a time.
    pub(super) fn is_transient(&self, at: Millis) -> bool {
        self.state(at).ends_with("ING")
    }

    /// Puts the connection into a state from `now` on, and into another after it settled.
    pub(super) fn enter(&mut self, now: Millis, state: &str, then: Option<(Millis, &str)>) {
        let phase = |from, state: &str| Phase { from, state: state.to_owned() };
        self.phases = vec![phase(now, state)];
        self.phases.extend(then.map(|(after, state)| phase(now + after, state)));
    }

    /// Notes a change; every change has a later time than the one before.
    pub(super) fn touch(&mut self, now: Millis) {
        self.modified = now.max(self.modified + 1);
    }

    /// Returns what `DescribeConnection` answers.
    pub(crate) fn describe(&self, view: View) -> Value {
        let at = view.at();
        let mut out = self.listed(view);
        let more = [
            ("Description", self.description.as_deref().map(Value::from)),
            ("InvocationConnectivityParameters", self.invocation_connectivity.as_ref().map(Connectivity::show)),
            ("SecretArn", self.secret_at(at).map(|secret| secret.arn.as_str().into())),
            ("KmsKeyIdentifier", self.kms_key.as_deref().map(Value::from)),
            ("AuthParameters", self.show_auth()),
        ];
        insert(&mut out, more);
        out
    }

    /// Returns the connection's entry in a list, which carries less than a description does [L].
    pub(super) fn listed(&self, view: View) -> Value {
        let mut out = self.receipt(view);
        insert(
            &mut out,
            [
                ("Name", Some(self.name.as_str().into())),
                ("AuthorizationType", Some(self.authorization.name().into())),
                ("LastAuthorizedTime", self.authorized.map(seconds)),
            ],
        );
        out
    }

    /// Returns what a write answers; creating answers no authorized time [L].
    pub(super) fn receipt(&self, view: View) -> Value {
        json!({
            "ConnectionArn": self.arn,
            "ConnectionState": self.state(view.at()),
            "CreationTime": seconds(self.created),
            "LastModifiedTime": seconds(self.modified),
        })
    }

    /// Returns what every write but the first answers [L].
    pub(super) fn receipt_authorized(&self, view: View) -> Value {
        let mut out = self.receipt(view);
        insert(&mut out, [("LastAuthorizedTime", self.authorized.map(seconds))]);
        out
    }

    /// Returns the managed secret, as long as the connection has it.
    pub(super) fn secret_at(&self, at: Millis) -> Option<&ManagedSecret> {
        self.secret.as_ref().filter(|secret| secret.until.is_none_or(|until| at < until))
    }

    fn show_auth(&self) -> Option<Value> {
        let credentials = self.credentials.as_ref()?;
        let mut out = json!({ self.authorization.member(): credentials.show() });
        insert(
            &mut out,
            [
                // [L] an empty structure is echoed as `{}`
                ("InvocationHttpParameters", self.invocation_http.as_ref().map(HttpParameters::show)),
                ("ConnectivityParameters", self.auth_connectivity.as_ref().map(Connectivity::show)),
            ],
        );
        Some(out)
    }

    /// Returns the managed secret's value: JSON in snake case [L].
    pub(super) fn payload(&self) -> Option<String> {
        let mut out = self.credentials.as_ref()?.payload();
        let http = self.invocation_http.as_ref().map(HttpParameters::payload);
        insert(&mut out, [("invocation_http_parameters", http)]);
        Some(out.to_string())
    }
}

impl Credentials {
    fn show(&self) -> Value {
        match self {
            Self::Basic { username, .. } => json!({"Username": username}),
            Self::ApiKey { name, .. } => json!({"ApiKeyName": name}),
            Self::OAuth { client_id, endpoint, method, http, .. } => {
                let mut out = json!({
                    "ClientParameters": {"ClientID": client_id},
                    "AuthorizationEndpoint": endpoint,
                    "HttpMethod": method,
                });
                insert(&mut out, [("OAuthHttpParameters", http.as_ref().map(HttpParameters::show))]);
                out
            }
        }
    }

    fn payload(&self) -> Value {
        match self {
            Self::Basic { username, password } => {
                json!({"username": username, "password": password})
            }
            Self::ApiKey { name, value } => json!({"api_key_name": name, "api_key_value": value}),
            Self::OAuth { client_id, client_secret, endpoint, method, http } => {
                let mut out = json!({
                    "client_id": client_id,
                    "client_secret": client_secret,
                    "authorization_endpoint": endpoint,
                    "http_method": method,
                });
                insert(&mut out, [("oauth_http_parameters", http.as_ref().map(HttpParameters::payload))]);
                out
            }
        }
    }
}

impl HttpParameters {
    /// The lists with the names of the API and of the payload.
    fn lists(&self) -> [(&'static str, &'static str, &Vec<Parameter>); 3] {
        [
            ("HeaderParameters", "header_parameters", &self.header),
            ("QueryStringParameters", "query_string_parameters", &self.query),
            ("BodyParameters", "body_parameters", &self.body),
        ]
    }

    fn show(&self) -> Value {
        let lists = self.lists().into_iter().filter(|(_, _, list)| !list.is_empty());
        lists.map(|(name, _, list)| (name.to_owned(), list.iter().map(Parameter::show).collect::<Value>())).collect()
    }

    fn payload(&self) -> Value {
        let lists = self.lists().into_iter().filter(|(_, _, list)| !list.is_empty());
        lists.map(|(_, name, list)| (name.to_owned(), list.iter().map(Parameter::payload).collect::<Value>())).collect()
    }
}

impl Parameter {
    /// [M] the value of a secret parameter is never returned.
    fn show(&self) -> Value {
        let mut out = Map::new();
        out.extend(self.key.clone().map(|key| ("Key".to_owned(), key.into())));
        let value = self.value.clone().filter(|_| !self.secret);
        out.extend(value.map(|value| ("Value".to_owned(), value.into())));
        out.insert("IsValueSecret".to_owned(), self.secret.into());
        out.into()
    }

    fn payload(&self) -> Value {
        let mut out = Map::new();
        out.extend(self.key.clone().map(|key| ("key".to_owned(), key.into())));
        out.extend(self.value.clone().map(|value| ("value".to_owned(), value.into())));
        out.insert("is_value_secret".to_owned(), self.secret.into());
        out.into()
    }
}

impl Connectivity {
    /// Makes the association that the service would make.
    pub(super) fn new(configuration: &str, association_prefix: &str) -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string();
        Self {
            configuration: configuration.to_owned(),
            association: format!("{association_prefix}/snra-{}", &id[..17]),
        }
    }

    fn show(&self) -> Value {
        json!({"ResourceParameters": {
            "ResourceConfigurationArn": self.configuration,
            "ResourceAssociationArn": self.association,
        }})
    }
}

/// Adds the members that have a value.
pub(crate) fn insert<const N: usize>(object: &mut Value, members: [(&str, Option<Value>); N]) {
    if let Some(object) = object.as_object_mut() {
        for (name, value) in members {
            if let Some(value) = value {
                object.insert(name.to_owned(), value);
            }
        }
    }
}
