//! How a connection authenticates: what goes in is not what comes out.
//!
//! Credentials are only ever an input: Glue puts them into a secret and shows its ARN [D]. The shape of
//! the answer is made by naming what it has, so that a credential cannot come along by accident.
//!
//! What kind of secret that is, nobody has written down. Here it is a managed one [?]: it belongs to
//! Glue, is written by its updates and ends with the connection, or when it is not referred to any more.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::connection::pick;
use super::{catalog, invalid};
use crate::clock::Millis;
use crate::events::connection::insert;
use crate::operation::{Context, Resource, part, text};
use crate::secrets::name_of;
use crate::secrets::secret::{Payload, Secret};
use crate::wire::Refusal;

/// The secret that Glue made for inline credentials.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Managed {
    name: String,
    arn: String,
}

/// The authentication of a connection. Deliberately without `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Authentication {
    kind: String,
    secret: Option<String>,
    kms_key: Option<String>,
    oauth: Option<Value>,
    managed: Option<Managed>,
    /// [D] a code is good for a single use.
    spent_code: Option<String>,
}

impl Authentication {
    /// Returns what a read shows [M].
    pub(super) fn show(&self) -> Value {
        let mut out = json!({"AuthenticationType": self.kind});
        insert(
            &mut out,
            [
                ("SecretArn", self.secret.as_deref().map(Value::from)),
                ("KmsKeyArn", self.kms_key.as_deref().map(Value::from)),
                ("OAuth2Properties", self.oauth.clone()),
            ],
        );
        out
    }

    /// Returns what may be shown to anybody: a parameter of the token's URL may be a secret.
    pub(super) fn masked(&self) -> Value {
        let mut out = self.show();
        let path = "/OAuth2Properties/TokenUrlParametersMap";
        let parameters = out.pointer_mut(path).and_then(Value::as_object_mut);
        for value in parameters.into_iter().flat_map(Map::values_mut) {
            *value = "(masked)".into();
        }
        let url = out.pointer_mut("/OAuth2Properties/TokenUrl");
        if let Some(url) = url.filter(|it| it.as_str().is_some_and(|it| it.contains(['@', '?']))) {
            *url = "(masked)".into();
        }
        out
    }

    /// Tells whether a token has to be fetched, which takes time when it is fetched from a VPC [D].
    pub(super) fn exchanges_a_token(&self) -> bool {
        let grant = self.oauth.as_ref().and_then(|it| text(it, "OAuth2GrantType"));
        matches!(grant, Some("AUTHORIZATION_CODE" | "CLIENT_CREDENTIALS"))
    }
}

/// Makes the authentication that an input asks for, in place of the current one.
pub(super) fn replace(
    context: &mut Context<'_>,
    connection: &str,
    given: Option<&Value>,
    current: Option<&Authentication>,
    validate: bool,
) -> Result<Option<Authentication>, Refusal> {
    let Some(given) = given else {
        end(context, current);
        return Ok(None);
    };
    let code = part(given, "OAuth2Properties")
        .and_then(|it| part(it, "AuthorizationCodeProperties"))
        .and_then(|it| text(it, "AuthorizationCode"));
    let spent = current.and_then(|it| it.spent_code.as_deref());
    if code.is_some() && code == spent {
        // [D] that it is not valid any more; [?] the code and the text
        return Err(invalid("The authorization code was used before; it is good for a single use."));
    }
    let kms_key = text(given, "KmsKeyArn").filter(|key| !key.is_empty());
    let mut next = Authentication {
        kind: text(given, "AuthenticationType").unwrap_or_default().to_owned(),
        secret: text(given, "SecretArn").map(str::to_owned),
        kms_key: kms_key.map(str::to_owned),
        oauth: part(given, "OAuth2Properties").map(shown_oauth),
        managed: None,
        spent_code: code.or(spent).map(str::to_owned),
    };
    let kept = current.and_then(|it| it.managed.clone());
    if let Some(arn) = &next.secret {
        // What was read and is written back still belongs to Glue.
        next.managed = kept.filter(|it| it.arn == *arn);
        if validate {
            readable(context, arn)?;
        }
    } else if let Some(payload) = payload(given, code) {
        let managed = write(context, connection, kept, payload, kms_key)?;
        next.secret = Some(managed.arn.clone());
        next.managed = Some(managed);
    }
    if current.is_some_and(|it| it.managed != next.managed) {
        end(context, current);
    }
    Ok(Some(next))
}

/// Lets the secret that Glue made end with what refers to it.
pub(super) fn end(context: &mut Context<'_>, authentication: Option<&Authentication>) {
    let now = context.now();
    let managed = authentication.and_then(|it| it.managed.as_ref());
    let found = managed.and_then(|it| context.home.secrets.current(&it.name, now));
    if let Some(found) = found {
        let mut secret = Secret::clone(found);
        secret.gone_at = Some(now);
        let name = secret.name.clone();
        context.home.secrets.put(&name, now, secret);
    }
}

/// [M] an answer has no code, no credentials.
fn shown_oauth(given: &Value) -> Value {
    let members = ["OAuth2GrantType", "TokenUrl", "TokenUrlParametersMap"];
    let mut out = pick(given, &members);
    let application = part(given, "OAuth2ClientApplication").map(|given| {
        let members = ["UserManagedClientApplicationClientId", "AWSManagedClientApplicationReference"];
        pick(given, &members)
    });
    insert(&mut out, [("OAuth2ClientApplication", application)]);
    out
}

/// Returns the value of the secret for inline credentials; [D] the keys for OAuth, [?] those for BASIC.
fn payload(given: &Value, code: Option<&str>) -> Option<String> {
    let mut out = Map::new();
    let mut take = |from: &Value, members: &[(&str, &str)]| {
        for (member, key) in members {
            let value = text(from, member);
            out.extend(value.map(|value| ((*key).to_owned(), value.into())));
        }
    };
    match text(given, "AuthenticationType") {
        Some("BASIC") => {
            let basic = part(given, "BasicAuthenticationCredentials")?;
            take(basic, &[("Username", "USERNAME"), ("Password", "PASSWORD")]);
        }
        Some("CUSTOM") => {
            let custom = part(given, "CustomAuthenticationCredentials")?;
            return Some(custom.to_string());
        }
        Some("OAUTH2") => {
            let credentials = part(part(given, "OAuth2Properties")?, "OAuth2Credentials");
            let secret = "USER_MANAGED_CLIENT_APPLICATION_CLIENT_SECRET";
            if let Some(credentials) = credentials {
                let members = [
                    ("UserManagedClientApplicationClientSecret", secret),
                    ("AccessToken", "ACCESS_TOKEN"),
                    ("RefreshToken", "REFRESH_TOKEN"),
                    ("JwtToken", "JWT_TOKEN"),
                ];
                take(credentials, &members);
            }
            if code.is_some() {
                // What a code is exchanged for.
                for key in ["ACCESS_TOKEN", "REFRESH_TOKEN"] {
                    out.insert(key.to_owned(), Uuid::new_v4().to_string().into());
                }
            }
        }
        _ => return None,
    }
    Some(Value::Object(out).to_string())
}

/// [?] validation reads the secret: one of this account and region has to be there, and the caller has
/// to be allowed to read it.
fn readable(context: &Context<'_>, arn: &str) -> Result<(), Refusal> {
    context.authorize("secretsmanager:GetSecretValue", &Resource::one(arn.to_owned()), &[])?;
    if !arn.starts_with(&context.arn("secretsmanager", "secret:")) {
        return Ok(());
    }
    let now = context.now();
    let found = context.home.secrets.current(name_of(arn), now);
    if found.is_some_and(|secret| secret.arn == arn && secret.has_value()) {
        return Ok(());
    }
    Err(invalid(format!("The AWS Secrets Manager secret is invalid: {arn} cannot be read.")))
}

/// Writes the managed secret: the same one with a new version, or a new one.
fn write(
    context: &mut Context<'_>,
    connection: &str,
    kept: Option<Managed>,
    payload: String,
    kms_key: Option<&str>,
) -> Result<Managed, Refusal> {
    let now = context.now();
    let key = kms_key.map(|key| catalog::use_key(context, key, "kms:GenerateDataKey", "secretsmanager")).transpose()?;
    let present = kept.and_then(|kept| {
        let secret = context.home.secrets.current(&kept.name, now)?;
        Some((Secret::clone(secret), kept))
    });
    let (mut secret, managed) = if let Some((secret, managed)) = present {
        let resource = Resource::one(secret.arn.clone());
        context.authorize("secretsmanager:PutSecretValue", &resource, &[])?;
        (secret, managed)
    } else {
        new_secret(context, connection, now)?
    };
    secret.kms_key = key;
    let id = Uuid::new_v4().to_string();
    secret.add_version(now, id, Payload::Text(payload), &["AWSCURRENT"]);
    secret.touch(now);
    context.home.secrets.put(&managed.name, now, secret);
    Ok(managed)
}

fn new_secret(context: &Context<'_>, connection: &str, now: Millis) -> Result<(Secret, Managed), Refusal> {
    // [?] the name and the owner
    let name = format!("glue!connection/{connection}/{}", Uuid::new_v4());
    let mut secret = Secret::new(&name, context.arn("secretsmanager", "secret"), now);
    let resource = Resource::one(secret.arn.clone());
    context.authorize("secretsmanager:CreateSecret", &resource, &[])?;
    secret.owner = Some("glue".to_owned());
    let tag = "aws:secretsmanager:owningService".to_owned();
    secret.tags.insert(tag, "glue".to_owned());
    let arn = secret.arn.clone();
    Ok((secret, Managed { name, arn }))
}
