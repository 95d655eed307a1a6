//! The catalog of an account: whose it is, and how it keeps the passwords of connections.
//!
//! With password protection a read answers `ENCRYPTED_PASSWORD` in place of `PASSWORD` [D], and what
//! compares passwords must notice that it cannot. Passwords are protected when they are written, so the
//! settings of that moment count for the keeping, and those of the read for what it answers.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::connection::pick;
use crate::kms::{self, Use};
use crate::operation::{Context, denied, part, text};
use crate::wire::Refusal;

/// The encryption settings of a catalog.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Settings {
    at_rest: Option<Value>,
    password_key: Option<String>,
    pub(super) return_encrypted: bool,
}

impl Settings {
    /// Returns the settings as the service answers them; [?] what it says of those never set.
    pub(crate) fn show(&self) -> Value {
        let mut of_passwords = json!({"ReturnConnectionPasswordEncrypted": self.return_encrypted});
        if let Some(key) = &self.password_key {
            of_passwords["AwsKmsKeyId"] = key.as_str().into();
        }
        let disabled = || json!({"CatalogEncryptionMode": "DISABLED"});
        json!({
            "EncryptionAtRest": self.at_rest.clone().unwrap_or_else(disabled),
            "ConnectionPasswordEncryption": of_passwords,
        })
    }

    /// Tells whether passwords are encrypted when they are written: [D] when protection is on, [?] that
    /// a key alone is enough.
    fn protects(&self) -> bool {
        self.return_encrypted || self.password_key.is_some()
    }
}

/// Puts the settings; [?] they replace what was there.
pub(super) fn put(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    own(context, input, "PutDataCatalogEncryptionSettings")?;
    let given = part(input, "DataCatalogEncryptionSettings").unwrap_or(&Value::Null);
    let of_passwords = part(given, "ConnectionPasswordEncryption").unwrap_or(&Value::Null);
    let members = ["CatalogEncryptionMode", "SseAwsKmsKeyId", "CatalogEncryptionServiceRole"];
    let flag = of_passwords.get("ReturnConnectionPasswordEncrypted");
    context.home.glue_catalog = Settings {
        at_rest: part(given, "EncryptionAtRest").map(|given| pick(given, &members)),
        password_key: text(of_passwords, "AwsKmsKeyId").map(str::to_owned),
        return_encrypted: flag.and_then(Value::as_bool).unwrap_or(false),
    };
    Ok(json!({}))
}

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    own(context, input, "GetDataCatalogEncryptionSettings")?;
    Ok(json!({"DataCatalogEncryptionSettings": context.home.glue_catalog.show()}))
}

/// [D] the catalog is the account's own unless it is named; [?] the text for that of another account,
/// which nobody here has shared.
pub(super) fn own(context: &Context<'_>, input: &Value, operation: &str) -> Result<(), Refusal> {
    let catalog = text(input, "CatalogId").unwrap_or(&context.caller.account);
    if catalog == context.caller.account {
        return Ok(());
    }
    let partition = context.caller.partition();
    let region = &context.caller.region;
    let resource = format!("arn:{partition}:glue:{region}:{catalog}:catalog");
    let action = format!("glue:{operation}");
    let why = format!("because no resource-based policy allows the {action} action");
    Err(denied(context.caller, &action, &resource, &why))
}

/// What encrypts a password that is written.
pub(super) enum Cipher {
    /// It is kept as it is.
    None,
    /// The key's ARN, or the service's own key.
    Key(Option<String>),
}

/// Returns what encrypts the passwords of a write; [D] the caller needs kms:Encrypt.
pub(super) fn encrypt(context: &Context<'_>) -> Result<Cipher, Refusal> {
    let settings = &context.home.glue_catalog;
    if !settings.protects() {
        return Ok(Cipher::None);
    }
    let key = settings.password_key.as_deref();
    let key = key.map(|key| use_key(context, key, "kms:Encrypt", "glue"));
    Ok(Cipher::Key(key.transpose()?))
}

/// Asks for a key that decrypts a password; [D] the caller needs kms:Decrypt.
pub(super) fn decrypt(context: &Context<'_>, key: &str) -> Result<(), Refusal> {
    use_key(context, key, "kms:Decrypt", "glue").map(drop)
}

/// Asks for the use of a key through a service.
pub(super) fn use_key(context: &Context<'_>, key: &str, action: &str, via: &str) -> Result<String, Refusal> {
    // [M] the code; [?] the texts
    let failed = |why: String| Err(Refusal::new("GlueEncryptionException", why));
    match kms::usable(context, key) {
        Use::Usable(arn) => {
            context.authorize_key(action, &arn, &[via])?;
            Ok(arn)
        }
        Use::Missing => failed(format!("KMS key '{key}' does not exist.")),
        Use::Unusable(why) => failed(format!("The KMS key {why}.")),
    }
}
