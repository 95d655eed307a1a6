//! Systems Manager's parameters with their versions; labels are not known here.

pub(crate) mod parameter;
mod parameters;
pub(crate) mod tags;

use serde_json::Value;

use crate::operation::{Context, Operation, Resource, part, required};
use crate::shape::{Pattern, Shape, Text, may, must};
use crate::wire::Refusal;

/// The operations on parameters.
pub(crate) static OPERATIONS: &[Operation] = &[
    operation("PutParameter", &PUT, &["Name"], by_name, parameters::put),
    operation("GetParameter", &GET, &["Name"], by_name, parameters::get),
    operation("GetParameters", &GET_MANY, &[], by_names, |context, input| parameters::get_many(context, input)),
    operation("DescribeParameters", &DESCRIBE, &[], Resource::any, parameters::describe),
    operation("DeleteParameter", &BY_NAME, &["Name"], by_name, parameters::delete),
    operation("AddTagsToResource", &TAG, &["ResourceId"], by_id, tags::tag),
    operation("RemoveTagsFromResource", &UNTAG, &["ResourceId"], by_id, tags::untag),
    operation("ListTagsForResource", &BY_ID, &["ResourceId"], by_id, tags::list),
];

const fn operation(
    name: &'static str,
    input: &'static Shape,
    subject: &'static [&'static str],
    resources: fn(&Context<'_>, &Value) -> Vec<Resource>,
    run: fn(&mut Context<'_>, &Value) -> Result<Value, Refusal>,
) -> Operation {
    Operation { name, input, subject, resources, run }
}

// [M], and [D] for the pattern of names
static NAME_PATTERN: Pattern = Pattern {
    text: "[a-zA-Z0-9_.\\-/]+",
    matches: |text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-/".contains(&b)),
};
static NAME: Shape = Shape::Str(Text::new(1, 2048).pattern(&NAME_PATTERN));
// [D] with a version behind a name, or ARNs
static NAMES: Shape = Shape::List { of: &ID, min: 1, max: 10 };
static VALUE: Shape = Shape::Str(Text::new(1, 8192).sensitive());
static DESCRIPTION: Shape = Shape::Str(Text::new(0, 1024));
static TYPE: Shape = Shape::Str(Text::one_of(&["String", "StringList", "SecureString"]));
static KEY: Shape = Shape::Str(Text::new(1, 256));
static ALLOWED: Shape = Shape::Str(Text::new(0, 1024));
static TIER: Shape = Shape::Str(Text::one_of(&["Standard", "Advanced", "Intelligent-Tiering"]));
static POLICIES: Shape = Shape::Str(Text::new(1, 4096));
static DATA_TYPE: Shape = Shape::Str(Text::new(0, 128));
static BOOLEAN: Shape = Shape::Bool;
static TAG_KEY: Shape = Shape::Str(Text::new(1, 128));
static TAG_VALUE: Shape = Shape::Str(Text::new(0, 256));
static ONE_TAG: Shape = Shape::Struct(&[must("Key", &TAG_KEY), must("Value", &TAG_VALUE)]);
static TAGS: Shape = Shape::List { of: &ONE_TAG, min: 0, max: 1000 };
static TAG_KEYS: Shape = Shape::List { of: &TAG_KEY, min: 0, max: usize::MAX };
static RESOURCE_TYPE: Shape = Shape::Str(Text::one_of(&[
    "Document",
    "ManagedInstance",
    "MaintenanceWindow",
    "Parameter",
    "PatchBaseline",
    "OpsItem",
    "OpsMetadata",
    "Automation",
    "Association",
]));
static ID: Shape = Shape::Str(Text::new(1, 2048));
static TOKEN: Shape = Shape::Str(Text::new(1, 4096));
static PAGE: Shape = Shape::Int { min: 1, max: 50 };
static FILTER_KEY: Shape = Shape::Str(Text::new(1, 132));
static FILTER_OPTION: Shape = Shape::Str(Text::new(1, 10));
static FILTER_VALUE: Shape = Shape::Str(Text::new(1, 1024));
static FILTER_VALUES: Shape = Shape::List { of: &FILTER_VALUE, min: 1, max: 50 };
static FILTER: Shape =
    Shape::Struct(&[must("Key", &FILTER_KEY), may("Option", &FILTER_OPTION), may("Values", &FILTER_VALUES)]);
static FILTERS: Shape = Shape::List { of: &FILTER, min: 0, max: usize::MAX };

static PUT: Shape = Shape::Struct(&[
    must("Name", &NAME),
    may("Description", &DESCRIPTION),
    must("Value", &VALUE),
    may("Type", &TYPE),
    may("KeyId", &KEY),
    may("Overwrite", &BOOLEAN),
    may("AllowedPattern", &ALLOWED),
    may("Tags", &TAGS),
    may("Tier", &TIER),
    may("Policies", &POLICIES),
    may("DataType", &DATA_TYPE),
]);
static GET: Shape = Shape::Struct(&[must("Name", &ID), may("WithDecryption", &BOOLEAN)]);
static GET_MANY: Shape = Shape::Struct(&[must("Names", &NAMES), may("WithDecryption", &BOOLEAN)]);
static DESCRIBE: Shape =
    Shape::Struct(&[may("ParameterFilters", &FILTERS), may("MaxResults", &PAGE), may("NextToken", &TOKEN)]);
static BY_NAME: Shape = Shape::Struct(&[must("Name", &NAME)]);
static BY_ID: Shape = Shape::Struct(&[must("ResourceType", &RESOURCE_TYPE), must("ResourceId", &ID)]);
static TAG: Shape =
    Shape::Struct(&[must("ResourceType", &RESOURCE_TYPE), must("ResourceId", &ID), must("Tags", &TAGS)]);
static UNTAG: Shape =
    Shape::Struct(&[must("ResourceType", &RESOURCE_TYPE), must("ResourceId", &ID), must("TagKeys", &TAG_KEYS)]);

/// [D] a name that begins with a slash brings the one of the ARN.
fn arn(context: &Context<'_>, name: &str) -> String {
    let name = name.strip_prefix('/').unwrap_or(name);
    context.arn("ssm", &format!("parameter/{name}"))
}

fn by_name(context: &Context<'_>, input: &Value) -> Vec<Resource> {
    let name = parameters::without_selector(required(input, "Name"));
    let arn = if name.starts_with("arn:") { name.to_owned() } else { arn(context, name) };
    vec![Resource::one(arn)]
}

fn by_names(context: &Context<'_>, input: &Value) -> Vec<Resource> {
    let arn = |name: &str| if name.starts_with("arn:") { name.to_owned() } else { arn(context, name) };
    let names = part(input, "Names").and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).map(|name| Resource::one(arn(parameters::without_selector(name)))).collect()
}

fn by_id(context: &Context<'_>, input: &Value) -> Vec<Resource> {
    vec![Resource::one(arn(context, required(input, "ResourceId")))]
}
