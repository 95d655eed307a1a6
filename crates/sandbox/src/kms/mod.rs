//! KMS: keys, their states, aliases, tags and policies.
//!
//! The product needs no cryptography of it, but everything that can be wrong with a key: missing,
//! disabled, pending deletion, of the wrong kind, or hidden behind an alias that was moved.

mod aliases;
mod keys;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::{Millis, seconds};
use crate::operation::{Context, Operation, Resource, required, text};
use crate::shape::{Pattern, Shape, Text, may, must};
use crate::state::{Home, arn};
use crate::store::{Mortal, View};
use crate::wire::Refusal;

/// The operations of KMS.
pub(crate) static OPERATIONS: &[Operation] = &[
    operation("CreateKey", &CREATE_KEY, Resource::any, keys::create),
    operation("DescribeKey", &BY_KEY, key_arn, keys::describe),
    operation("ListKeys", &LIST_KEYS, Resource::any, keys::list),
    operation("CreateAlias", &PUT_ALIAS, alias_arns, aliases::create),
    operation("UpdateAlias", &PUT_ALIAS, alias_arns, aliases::update),
    operation("DeleteAlias", &BY_ALIAS, alias_arns, aliases::delete),
    operation("ListAliases", &LIST_ALIASES, Resource::any, aliases::list),
    operation("EnableKey", &BY_KEY, key_arn, keys::enable),
    operation("DisableKey", &BY_KEY, key_arn, keys::disable),
    operation("ScheduleKeyDeletion", &SCHEDULE, key_arn, keys::schedule_deletion),
    operation("CancelKeyDeletion", &BY_KEY, key_arn, keys::cancel_deletion),
    operation("UpdateKeyDescription", &DESCRIBED, key_arn, keys::update_description),
    operation("TagResource", &TAG, key_arn, keys::tag),
    operation("UntagResource", &UNTAG, key_arn, keys::untag),
    operation("ListResourceTags", &LIST_OF_KEY, key_arn, keys::list_tags),
    operation("GetKeyPolicy", &GET_POLICY, key_arn, keys::get_policy),
    operation("PutKeyPolicy", &PUT_POLICY, key_arn, keys::put_policy),
];

const fn operation(
    name: &'static str,
    input: &'static Shape,
    resources: fn(&Context<'_>, &Value) -> Vec<Resource>,
    run: fn(&mut Context<'_>, &Value) -> Result<Value, Refusal>,
) -> Operation {
    Operation { name, input, subject: &["AliasName", "KeyId"], resources, run }
}

// [M]
static KEY_ID: Shape = Shape::Str(Text::new(1, 2048));
static ALIAS_PATTERN: Pattern = Pattern {
    text: "^[a-zA-Z0-9:/_-]+$",
    matches: |text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b":/_-".contains(&b)),
};
static ALIAS_NAME: Shape = Shape::Str(Text::new(1, 256).pattern(&ALIAS_PATTERN));
static DESCRIPTION: Shape = Shape::Str(Text::new(0, 8192));
static POLICY: Shape = Shape::Str(Text::new(1, 131_072));
static POLICY_NAME: Shape = Shape::Str(Text::new(1, 128));
static USAGE: Shape = Shape::Str(Text::one_of(&[
    "SIGN_VERIFY",
    "ENCRYPT_DECRYPT",
    "GENERATE_VERIFY_MAC",
    "KEY_AGREEMENT",
    "ENCAPSULATE_DECAPSULATE",
]));
static SPEC: Shape = Shape::Str(Text::new(0, 64));
static BOOLEAN: Shape = Shape::Bool;
static TAG_KEY: Shape = Shape::Str(Text::new(1, 128));
static TAG_VALUE: Shape = Shape::Str(Text::new(0, 256));
static ONE_TAG: Shape = Shape::Struct(&[must("TagKey", &TAG_KEY), must("TagValue", &TAG_VALUE)]);
static TAGS: Shape = Shape::List { of: &ONE_TAG, min: 0, max: usize::MAX };
static TAG_KEYS: Shape = Shape::List { of: &TAG_KEY, min: 0, max: usize::MAX };
static MARKER: Shape = Shape::Str(Text::new(1, 1024));
static LIMIT: Shape = Shape::Int { min: 1, max: 1000 };
static WINDOW: Shape = Shape::Int { min: 1, max: 365 };

static BY_KEY: Shape = Shape::Struct(&[must("KeyId", &KEY_ID)]);
static BY_ALIAS: Shape = Shape::Struct(&[must("AliasName", &ALIAS_NAME)]);
static PUT_ALIAS: Shape = Shape::Struct(&[must("AliasName", &ALIAS_NAME), must("TargetKeyId", &KEY_ID)]);
static CREATE_KEY: Shape = Shape::Struct(&[
    may("Policy", &POLICY),
    may("Description", &DESCRIPTION),
    may("KeyUsage", &USAGE),
    may("KeySpec", &SPEC),
    may("CustomerMasterKeySpec", &SPEC),
    may("Origin", &SPEC),
    may("Tags", &TAGS),
    may("MultiRegion", &BOOLEAN),
]);
static LIST_KEYS: Shape = Shape::Struct(&[may("Limit", &LIMIT), may("Marker", &MARKER)]);
static LIST_ALIASES: Shape = Shape::Struct(&[may("KeyId", &KEY_ID), may("Limit", &LIMIT), may("Marker", &MARKER)]);
static LIST_OF_KEY: Shape = Shape::Struct(&[must("KeyId", &KEY_ID), may("Limit", &LIMIT), may("Marker", &MARKER)]);
static SCHEDULE: Shape = Shape::Struct(&[must("KeyId", &KEY_ID), may("PendingWindowInDays", &WINDOW)]);
static DESCRIBED: Shape = Shape::Struct(&[must("KeyId", &KEY_ID), must("Description", &DESCRIPTION)]);
static TAG: Shape = Shape::Struct(&[must("KeyId", &KEY_ID), must("Tags", &TAGS)]);
static UNTAG: Shape = Shape::Struct(&[must("KeyId", &KEY_ID), must("TagKeys", &TAG_KEYS)]);
static GET_POLICY: Shape = Shape::Struct(&[must("KeyId", &KEY_ID), may("PolicyName", &POLICY_NAME)]);
static PUT_POLICY: Shape =
    Shape::Struct(&[must("KeyId", &KEY_ID), may("PolicyName", &POLICY_NAME), must("Policy", &POLICY)]);

/// A key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) id: String,
    arn: String,
    account: String,
    description: String,
    usage: String,
    spec: String,
    origin: String,
    multi_region: bool,
    /// Managed by AWS, not by the customer.
    managed: bool,
    enabled: bool,
    policy: String,
    tags: std::collections::BTreeMap<String, String>,
    created: Millis,
    deletion: Option<Millis>,
}

impl Mortal for Key {
    fn gone_at(&self) -> Option<Millis> {
        self.deletion
    }
}

/// An alias.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Alias {
    pub(crate) name: String,
    arn: String,
    key: String,
    created: Millis,
    updated: Millis,
    gone_at: Option<Millis>,
}

impl Mortal for Alias {
    fn gone_at(&self) -> Option<Millis> {
        self.gone_at
    }
}

impl Key {
    fn state(&self) -> &'static str {
        match (self.deletion, self.enabled) {
            (Some(_), _) => "PendingDeletion",
            (None, true) => "Enabled",
            (None, false) => "Disabled",
        }
    }

    /// Returns the key's metadata.
    pub(crate) fn describe(&self, _view: View) -> Value {
        let state = self.state();
        let mut out = json!({
            "AWSAccountId": self.account,
            "KeyId": self.id,
            "Arn": self.arn,
            "CreationDate": seconds(self.created),
            "Enabled": state == "Enabled",
            "Description": self.description,
            "KeyUsage": self.usage,
            "KeyState": state,
            "Origin": self.origin,
            "KeyManager": if self.managed { "AWS" } else { "CUSTOMER" },
            "CustomerMasterKeySpec": self.spec,
            "KeySpec": self.spec,
            "MultiRegion": self.multi_region,
        });
        if self.spec == "SYMMETRIC_DEFAULT" {
            out["EncryptionAlgorithms"] = json!(["SYMMETRIC_DEFAULT"]);
        }
        if let Some(deletion) = self.deletion {
            out["DeletionDate"] = seconds(deletion);
        }
        out
    }
}

impl Alias {
    /// Returns the alias's entry in a list.
    pub(crate) fn entry(&self) -> Value {
        json!({
            "AliasName": self.name,
            "AliasArn": self.arn,
            "TargetKeyId": self.key,
            "CreationDate": seconds(self.created),
            "LastUpdatedDate": seconds(self.updated),
        })
    }
}

/// What another service may do with a key.
pub(crate) enum Use {
    /// The key's ARN.
    Usable(String),
    Missing,
    Unusable(&'static str),
}

/// Tells whether a customer key can encrypt for another service, and which one it is.
pub(crate) fn usable(context: &Context<'_>, identifier: &str) -> Use {
    let now = View::of(context.now());
    let Ok(key) = find(context, identifier, now) else {
        return Use::Missing;
    };
    if key.spec != "SYMMETRIC_DEFAULT" || key.usage != "ENCRYPT_DECRYPT" {
        return Use::Unusable("is not a symmetric encryption key");
    }
    match key.state() {
        "Enabled" => Use::Usable(key.arn.clone()),
        "Disabled" => Use::Unusable("is disabled"),
        _ => Use::Unusable("is pending deletion"),
    }
}

/// Makes the keys that AWS manages [D]. Real ones appear on first use; here they are always there.
pub(crate) fn add_managed_keys(home: &mut Home, account: &str, region: &str, now: Millis) {
    let mut key = Key::new(account, region, now);
    key.managed = true;
    "Default key that protects my Secrets Manager data when no other key is defined".clone_into(&mut key.description);
    let name = "alias/aws/secretsmanager";
    let alias = Alias {
        name: name.to_owned(),
        arn: arn("kms", region, account, name),
        key: key.id.clone(),
        created: now,
        updated: now,
        gone_at: None,
    };
    home.keys.put(&key.id.clone(), now, key);
    home.aliases.put(name, now, alias);
}

impl Key {
    fn new(account: &str, region: &str, now: Millis) -> Self {
        let id = Uuid::new_v4().to_string();
        let root = format!("arn:{}:iam::{account}:root", crate::wire::partition(region));
        // [D] the default policy leaves access to IAM
        let policy = json!({
            "Version": "2012-10-17",
            "Id": "key-default-1",
            "Statement": [{
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": root},
                "Action": "kms:*",
                "Resource": "*",
            }],
        });
        Self {
            arn: arn("kms", region, account, &format!("key/{id}")),
            id,
            account: account.to_owned(),
            description: String::new(),
            usage: "ENCRYPT_DECRYPT".to_owned(),
            spec: "SYMMETRIC_DEFAULT".to_owned(),
            origin: "AWS_KMS".to_owned(),
            multi_region: false,
            managed: false,
            enabled: true,
            policy: policy.to_string(),
            tags: std::collections::BTreeMap::new(),
            created: now,
            deletion: None,
        }
    }
}

/// Finds a key by key id, key ARN, alias or alias ARN.
fn find<'a>(context: &'a Context<'_>, identifier: &str, view: View) -> Result<&'a Key, Refusal> {
    let home = &context.home;
    let own = context.arn("kms", "");
    let local = if identifier.starts_with("arn:") { identifier.strip_prefix(own.as_str()) } else { Some(identifier) };
    // [I] the texts
    let missing = |what: String| Refusal::new("NotFoundException", what);
    let id = match local {
        Some(alias) if alias.starts_with("alias/") => {
            let found = seen_alias(home, alias, view);
            let found = found.ok_or_else(|| missing(format!("Alias {own}{alias} is not found.")))?;
            found.key.as_str()
        }
        Some(key) if identifier.starts_with("arn:") => key.strip_prefix("key/").unwrap_or_default(),
        Some(key) => key,
        None => "",
    };
    let key = home.keys.seen(id, view).map(AsRef::as_ref);
    key.ok_or_else(|| {
        if identifier.starts_with("arn:") {
            missing(format!("Key '{identifier}' does not exist"))
        } else if Uuid::try_parse(id).is_ok() || id.starts_with("mrk-") {
            missing(format!("Key '{own}key/{id}' does not exist"))
        } else {
            missing(format!("Invalid keyId {identifier}"))
        }
    })
}

/// Finds an alias; it ends with its key [D].
fn seen_alias<'a>(home: &'a Home, name: &str, view: View) -> Option<&'a Alias> {
    let alias = home.aliases.seen(name, view)?;
    home.keys.seen(&alias.key, view).map(|_| alias.as_ref())
}

/// Finds a key to change it: by key id or key ARN only, and never one of AWS's [D].
fn own_key(context: &Context<'_>, identifier: &str) -> Result<Key, Refusal> {
    if identifier.contains("alias/") {
        // [?] the text
        return Err(Refusal::new(
            "InvalidArnException",
            format!("Invalid keyId {identifier}: an alias is not accepted here."),
        ));
    }
    let now = View::of(context.now());
    let key = find(context, identifier, now)?.clone();
    if key.managed {
        // [?] the text
        let why = "because it is managed by AWS";
        return Err(crate::operation::denied(context.caller, "kms:*", &key.arn, why));
    }
    Ok(key)
}

fn key_arn(context: &Context<'_>, input: &Value) -> Vec<Resource> {
    vec![key_resource(context, required(input, "KeyId"))]
}

fn key_resource(context: &Context<'_>, identifier: &str) -> Resource {
    let now = View::of(context.now());
    match find(context, identifier, now) {
        Ok(key) => Resource::one(key.arn.clone()),
        Err(_) if identifier.starts_with("arn:") => Resource::one(identifier.to_owned()),
        Err(_) => Resource::one(context.arn("kms", &format!("key/{identifier}"))),
    }
}

/// [D] an alias operation needs permission on the alias and on each key it points to.
fn alias_arns(context: &Context<'_>, input: &Value) -> Vec<Resource> {
    let name = required(input, "AliasName");
    let mut all = vec![Resource::one(context.arn("kms", name))];
    let target = text(input, "TargetKeyId").map(|target| key_resource(context, target));
    let now = View::of(context.now());
    let present = seen_alias(context.home, name, now);
    let present = present.map(|alias| key_resource(context, &alias.key));
    all.extend(target.into_iter().chain(present));
    all
}
