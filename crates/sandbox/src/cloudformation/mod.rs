//! CloudFormation's registry: what the types are that Cloud Control knows.
//!
//! Nothing else of CloudFormation is here: a tool reads a type's schema once, to learn which properties
//! are required, fixed, secret or made by the service.

use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::cloudcontrol::types::{self, TYPES, Type};
use crate::operation::{Context, Operation, Resource, required, text};
use crate::page;
use crate::shape::{Shape, Text, may};
use crate::wire::Refusal;

/// The operations of the registry.
pub(crate) static OPERATIONS: &[Operation] =
    &[operation("DescribeType", &DESCRIBE, describe), operation("ListTypes", &LIST, list)];

const fn operation(
    name: &'static str,
    input: &'static Shape,
    run: fn(&mut Context<'_>, &Value) -> Result<Value, Refusal>,
) -> Operation {
    // [D] neither knows resources
    Operation { name, input, subject: &["TypeName", "Arn"], resources: Resource::any, run }
}

// [M]
static KIND: Shape = Shape::Str(Text::one_of(&["RESOURCE", "MODULE", "HOOK"]));
static NAME: Shape = Shape::Str(Text::new(10, 204));
static ARN: Shape = Shape::Str(Text::new(0, 1024));
static VERSION: Shape = Shape::Str(Text::new(1, 128));
static PUBLISHER: Shape = Shape::Str(Text::new(1, 40));
static DESCRIBE: Shape = Shape::Struct(&[
    may("Type", &KIND),
    may("TypeName", &NAME),
    may("Arn", &ARN),
    may("VersionId", &VERSION),
    may("PublisherId", &PUBLISHER),
    may("PublicVersionNumber", &VERSION),
]);
static VISIBILITY: Shape = Shape::Str(Text::one_of(&["PUBLIC", "PRIVATE"]));
static PROVISIONING: Shape = Shape::Str(Text::one_of(&["NON_PROVISIONABLE", "IMMUTABLE", "FULLY_MUTABLE"]));
static STATUS: Shape = Shape::Str(Text::one_of(&["LIVE", "DEPRECATED"]));
static CATEGORY: Shape = Shape::Str(Text::one_of(&["REGISTERED", "ACTIVATED", "THIRD_PARTY", "AWS_TYPES"]));
static PREFIX: Shape = Shape::Str(Text::new(1, 204));
static FILTERS: Shape =
    Shape::Struct(&[may("Category", &CATEGORY), may("PublisherId", &PUBLISHER), may("TypeNamePrefix", &PREFIX)]);
static PAGE: Shape = Shape::Int { min: 1, max: 100 };
static TOKEN: Shape = Shape::Str(Text::new(1, 1024));
static LIST: Shape = Shape::Struct(&[
    may("Visibility", &VISIBILITY),
    may("ProvisioningType", &PROVISIONING),
    may("DeprecatedStatus", &STATUS),
    may("Type", &KIND),
    may("Filters", &FILTERS),
    may("MaxResults", &PAGE),
    may("NextToken", &TOKEN),
]);

/// When these schemas were written.
const WRITTEN: u64 = 1_795_219_200_000;

/// AWS's own types have neither an account nor a version in their ARN.
fn arn(context: &Context<'_>, known: &Type) -> String {
    let caller = context.caller;
    let name = known.name.replace("::", "-");
    format!("arn:{}:cloudformation:{}::type/resource/{name}", caller.partition(), caller.region)
}

fn describe(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let known = match (text(input, "Type"), text(input, "TypeName"), text(input, "Arn")) {
        (_, None, Some(wanted)) => TYPES.iter().copied().find(|known| arn(context, known) == wanted),
        (Some("RESOURCE"), Some(name), None) => types::by_name(name),
        (Some(_), Some(_), None) => None,
        // [M] the code; [?] the text
        _ => return Err(Refusal::new("CFNRegistryException", "Either Type and TypeName or Arn is needed.")),
    };
    let Some(known) = known else {
        // [I] the text
        let name = text(input, "TypeName").unwrap_or_else(|| required(input, "Arn"));
        let text = format!("The type '{name}' cannot be found.");
        return Err(Refusal::new("TypeNotFoundException", text).status(404));
    };
    let json = &known.schema.json;
    // [M] AWS's own types have no DefaultVersionId and no LatestPublicVersion.
    Ok(json!({
        "Arn": arn(context, known),
        "Type": "RESOURCE",
        "TypeName": known.name,
        "IsDefaultVersion": true,
        "Description": json.get("description"),
        "Schema": json.to_string(),
        "ProvisioningType": known.provisioning(),
        "DeprecatedStatus": "LIVE",
        "Visibility": "PUBLIC",
        "LastUpdated": rfc3339(WRITTEN),
        "TimeCreated": rfc3339(WRITTEN),
    }))
}

fn list(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let filters = input.get("Filters").unwrap_or(&Value::Null);
    let prefix = text(filters, "TypeNamePrefix").unwrap_or_default();
    // [M] the defaults: private types, those that can be changed. There are only AWS's own here.
    let own = matches!(text(filters, "Category"), None | Some("AWS_TYPES"))
        && text(input, "Visibility") == Some("PUBLIC")
        && text(input, "DeprecatedStatus") != Some("DEPRECATED")
        && matches!(text(input, "Type"), None | Some("RESOURCE"));
    let provisioning = text(input, "ProvisioningType").unwrap_or("FULLY_MUTABLE");
    let read = |token| page::after(token).ok_or_else(|| Refusal::new("CFNRegistryException", "Invalid NextToken."));
    let after = text(input, "NextToken").map(read).transpose()?;
    let mut names: Vec<&&Type> = TYPES.iter().filter(|known| own && known.provisioning() == provisioning).collect();
    names.sort_by_key(|known| known.name);
    let fitting = names
        .into_iter()
        .filter(|known| known.name.starts_with(prefix) && after.as_deref().is_none_or(|after| known.name > after));
    let (page, last) = page::take(fitting, page::limit(input, "MaxResults", 100), |known| known.name.to_owned());
    let entry = |known: &&&Type| {
        json!({
            "Type": "RESOURCE",
            "TypeName": known.name,
            "TypeArn": arn(context, known),
            "Description": known.schema.json.get("description"),
        })
    };
    let mut out = json!({"TypeSummaries": page.iter().map(entry).collect::<Value>()});
    if let Some(last) = last {
        out["NextToken"] = page::token(&last).into();
    }
    Ok(out)
}
