//! Secrets Manager: secrets of users, and those that other services manage.
//!
//! The product verifies credentials by reading managed secrets and manages secrets of its own, so both
//! live in one store and differ only by their owner: a managed secret is written by its service alone.

mod filter;
mod passwords;
mod policies;
mod reads;
pub(crate) mod replicas;
pub(crate) mod secret;
mod tags;
mod versions;
mod writes;

pub(crate) use tags::TAGGABLE;

use serde_json::Value;

use crate::operation::{Context, Operation, Resource, required, text};
use crate::shape::{Pattern, Shape, Text, may, must};

/// The operations of Secrets Manager.
pub(crate) static OPERATIONS: &[Operation] = &[
    operation("GetSecretValue", &GET, secret_arn, reads::get),
    operation("BatchGetSecretValue", &BATCH, Resource::any, reads::batch_get),
    operation("DescribeSecret", &BY_ID, secret_arn, reads::describe),
    operation("ListSecrets", &LIST, Resource::any, reads::list),
    operation("CreateSecret", &CREATE, new_secret_arn, writes::create),
    operation("PutSecretValue", &PUT, secret_arn, writes::put),
    operation("UpdateSecret", &UPDATE, secret_arn, writes::update),
    operation("DeleteSecret", &DELETE, secret_arn, writes::delete),
    operation("RestoreSecret", &BY_ID, secret_arn, writes::restore),
    operation("TagResource", &TAG, secret_arn, tags::tag),
    operation("UntagResource", &UNTAG, secret_arn, tags::untag),
    operation("ListSecretVersionIds", &LIST_VERSIONS, secret_arn, versions::list),
    operation("UpdateSecretVersionStage", &UPDATE_STAGE, secret_arn, versions::update_stage),
    operation("GetResourcePolicy", &BY_ID, secret_arn, policies::get),
    operation("PutResourcePolicy", &PUT_POLICY, secret_arn, policies::put),
    operation("DeleteResourcePolicy", &BY_ID, secret_arn, policies::delete),
    operation("ReplicateSecretToRegions", &REPLICATE, secret_arn, replicas::replicate),
    operation("RemoveRegionsFromReplication", &REMOVE_REGIONS, secret_arn, replicas::remove),
    operation("GetRandomPassword", &PASSWORD, Resource::any, passwords::get),
];

const fn operation(
    name: &'static str,
    input: &'static Shape,
    resources: fn(&Context<'_>, &Value) -> Vec<Resource>,
    run: fn(&mut Context<'_>, &Value) -> Result<Value, crate::wire::Refusal>,
) -> Operation {
    Operation { name, input, subject: &["SecretId", "Name"], resources, run }
}

// [M]
static ID: Shape = Shape::Str(Text::new(1, 2048));
static NAME: Shape = Shape::Str(Text::new(1, 512));
static VERSION_ID: Shape = Shape::Str(Text::new(32, 64));
static STAGE: Shape = Shape::Str(Text::new(1, 256));
static STAGES: Shape = Shape::List { of: &STAGE, min: 1, max: 20 };
static DESCRIPTION: Shape = Shape::Str(Text::new(0, 2048));
static KMS_KEY: Shape = Shape::Str(Text::new(0, 2048));
static STRING: Shape = Shape::Str(Text::new(1, 65536).sensitive());
/// A blob of 65536 bytes in base64.
static BINARY: Shape = Shape::Str(Text::new(1, 87384).sensitive());
static BOOLEAN: Shape = Shape::Bool;
static WINDOW: Shape = Shape::Int { min: i64::MIN, max: i64::MAX };
static TAG_KEY: Shape = Shape::Str(Text::new(1, 128));
static TAG_VALUE: Shape = Shape::Str(Text::new(0, 256));
static ONE_TAG: Shape = Shape::Struct(&[may("Key", &TAG_KEY), may("Value", &TAG_VALUE)]);
static TAGS: Shape = Shape::List { of: &ONE_TAG, min: 0, max: usize::MAX };
static TAG_KEYS: Shape = Shape::List { of: &TAG_KEY, min: 0, max: usize::MAX };
static IDS: Shape = Shape::List { of: &ID, min: 1, max: 20 };
static TOKEN: Shape = Shape::Str(Text::new(1, 4096));
static PAGE: Shape = Shape::Int { min: 1, max: 100 };
static BATCH_PAGE: Shape = Shape::Int { min: 1, max: 20 };
static FILTER_KEY: Shape = Shape::Str(Text::one_of(&[
    "description",
    "name",
    "tag-key",
    "tag-value",
    "primary-region",
    "owning-service",
    "all",
]));
static FILTER_VALUE_PATTERN: Pattern = Pattern {
    text: r"^\!?[a-zA-Z0-9 :_@\/\+\=\.\-\!]*$",
    matches: |text| text.bytes().all(|b| b.is_ascii_alphanumeric() || b" :_@/+=.-!".contains(&b)),
};
static FILTER_VALUE: Shape = Shape::Str(Text::new(0, 512).pattern(&FILTER_VALUE_PATTERN));
static FILTER_VALUES: Shape = Shape::List { of: &FILTER_VALUE, min: 1, max: 10 };
static FILTER: Shape = Shape::Struct(&[may("Key", &FILTER_KEY), may("Values", &FILTER_VALUES)]);
static FILTERS: Shape = Shape::List { of: &FILTER, min: 0, max: 10 };
static POLICY: Shape = Shape::Str(Text::new(1, 20480));
static REGION_PATTERN: Pattern = Pattern { text: r"^([a-z]+-)+\d+$", matches: is_region };
static REGION: Shape = Shape::Str(Text::new(1, 128).pattern(&REGION_PATTERN));
static REGIONS: Shape = Shape::List { of: &REGION, min: 1, max: usize::MAX };
static REPLICA: Shape = Shape::Struct(&[may("Region", &REGION), may("KmsKeyId", &KMS_KEY)]);
static REPLICAS: Shape = Shape::List { of: &REPLICA, min: 1, max: usize::MAX };
static LENGTH: Shape = Shape::Int { min: 1, max: 4096 };
static EXCLUDED: Shape = Shape::Str(Text::new(0, 4096));
static SORT_ORDER: Shape = Shape::Str(Text::one_of(&["asc", "desc"]));
static SORT_BY: Shape = Shape::Str(Text::one_of(&["created-date", "last-accessed-date", "last-changed-date", "name"]));

static BY_ID: Shape = Shape::Struct(&[must("SecretId", &ID)]);
static GET: Shape = Shape::Struct(&[must("SecretId", &ID), may("VersionId", &VERSION_ID), may("VersionStage", &STAGE)]);
static BATCH: Shape = Shape::Struct(&[
    may("SecretIdList", &IDS),
    may("Filters", &FILTERS),
    may("MaxResults", &BATCH_PAGE),
    may("NextToken", &TOKEN),
]);
static LIST: Shape = Shape::Struct(&[
    may("IncludePlannedDeletion", &BOOLEAN),
    may("MaxResults", &PAGE),
    may("NextToken", &TOKEN),
    may("Filters", &FILTERS),
    may("SortOrder", &SORT_ORDER),
    may("SortBy", &SORT_BY),
]);
static CREATE: Shape = Shape::Struct(&[
    must("Name", &NAME),
    may("ClientRequestToken", &VERSION_ID),
    may("Description", &DESCRIPTION),
    may("KmsKeyId", &KMS_KEY),
    may("SecretBinary", &BINARY),
    may("SecretString", &STRING),
    may("Tags", &TAGS),
    may("AddReplicaRegions", &REPLICAS),
    may("ForceOverwriteReplicaSecret", &BOOLEAN),
]);
static PUT: Shape = Shape::Struct(&[
    must("SecretId", &ID),
    may("ClientRequestToken", &VERSION_ID),
    may("SecretBinary", &BINARY),
    may("SecretString", &STRING),
    may("VersionStages", &STAGES),
]);
static UPDATE: Shape = Shape::Struct(&[
    must("SecretId", &ID),
    may("ClientRequestToken", &VERSION_ID),
    may("Description", &DESCRIPTION),
    may("KmsKeyId", &KMS_KEY),
    may("SecretBinary", &BINARY),
    may("SecretString", &STRING),
]);
static DELETE: Shape = Shape::Struct(&[
    must("SecretId", &ID),
    may("RecoveryWindowInDays", &WINDOW),
    may("ForceDeleteWithoutRecovery", &BOOLEAN),
]);
static LIST_VERSIONS: Shape = Shape::Struct(&[
    must("SecretId", &ID),
    may("MaxResults", &PAGE),
    may("NextToken", &TOKEN),
    may("IncludeDeprecated", &BOOLEAN),
]);
static UPDATE_STAGE: Shape = Shape::Struct(&[
    must("SecretId", &ID),
    must("VersionStage", &STAGE),
    may("RemoveFromVersionId", &VERSION_ID),
    may("MoveToVersionId", &VERSION_ID),
]);
static PUT_POLICY: Shape =
    Shape::Struct(&[must("SecretId", &ID), must("ResourcePolicy", &POLICY), may("BlockPublicPolicy", &BOOLEAN)]);
static REPLICATE: Shape = Shape::Struct(&[
    must("SecretId", &ID),
    must("AddReplicaRegions", &REPLICAS),
    may("ForceOverwriteReplicaSecret", &BOOLEAN),
]);
static REMOVE_REGIONS: Shape = Shape::Struct(&[must("SecretId", &ID), must("RemoveReplicaRegions", &REGIONS)]);
static PASSWORD: Shape = Shape::Struct(&[
    may("PasswordLength", &LENGTH),
    may("ExcludeCharacters", &EXCLUDED),
    may("ExcludeNumbers", &BOOLEAN),
    may("ExcludePunctuation", &BOOLEAN),
    may("ExcludeUppercase", &BOOLEAN),
    may("ExcludeLowercase", &BOOLEAN),
    may("IncludeSpace", &BOOLEAN),
    may("RequireEachIncludedType", &BOOLEAN),
]);
static TAG: Shape = Shape::Struct(&[must("SecretId", &ID), must("Tags", &TAGS)]);
static UNTAG: Shape = Shape::Struct(&[must("SecretId", &ID), must("TagKeys", &TAG_KEYS)]);

/// Words of small letters, each with a hyphen, and a number.
fn is_region(text: &str) -> bool {
    let mut parts = text.rsplit('-');
    let number = parts.next().unwrap_or_default();
    let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    let mut words = parts.peekable();
    !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) && words.peek().is_some() && words.all(word)
}

/// Returns a secret's name, given its name, its ARN, or its ARN without the random end.
pub(crate) fn name_of(id: &str) -> &str {
    let Some((_, rest)) = id.strip_prefix("arn:").and_then(|arn| arn.split_once(":secret:")) else {
        return id;
    };
    match rest.rsplit_once('-') {
        Some((name, random)) if random.len() == secret::RANDOM => name,
        _ => rest,
    }
}

fn secret_arn(context: &Context<'_>, input: &Value) -> Vec<Resource> {
    vec![resource(context, required(input, "SecretId"))]
}

/// Returns what IAM knows a secret by: its ARN when it exists, otherwise its name's.
fn resource(context: &Context<'_>, id: &str) -> Resource {
    let name = name_of(id);
    match context.home.secrets.current(name, context.now()) {
        Some(secret) => Resource::one(secret.arn.clone()),
        None => Resource::one(context.arn("secretsmanager", &format!("secret:{name}"))),
    }
}

/// A secret that is made has no random end yet; policies may name it with or without.
fn new_secret_arn(context: &Context<'_>, input: &Value) -> Vec<Resource> {
    let name = text(input, "Name").unwrap_or_default();
    let arn = context.arn("secretsmanager", &format!("secret:{name}"));
    let with_end = format!("{arn}-??????");
    vec![Resource(vec![arn, with_end])]
}
