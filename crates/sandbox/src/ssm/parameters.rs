//! The operations on parameters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex_lite::Regex;
use serde_json::{Value, json};
use uuid::Uuid;

use super::arn;
use super::parameter::Parameter;
use crate::kms::{self, Use};
use crate::operation::{Context, Resource, part, required, text};
use crate::page;
use crate::tagged::{self, Tags};
use crate::wire::Refusal;

pub(super) fn put(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let name = required(input, "Name");
    let overwrite = input.get("Overwrite").and_then(Value::as_bool).unwrap_or(false);
    let present = context.home.parameters.current(name, now).map(|found| Parameter::clone(found));
    if present.is_some() && !overwrite {
        // [I] the text
        let text = "The parameter already exists. To overwrite this value, set the overwrite option in the request to \
                    true.";
        return Err(Refusal::new("ParameterAlreadyExists", text));
    }
    let tags: Tags = tagged::from_list(input, "Tags");
    if overwrite && !tags.is_empty() {
        // [I] the text
        let text = "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, \
                    please remove overwrite flag. To update tags for an existing parameter, please use \
                    AddTagsToResource or RemoveTagsFromResource.";
        return Err(Refusal::invalid(text));
    }
    tagged::check(&tags).map_err(Refusal::invalid)?;
    if !tags.is_empty() {
        // [D] tags at creation need the permission to tag
        context.authorize("ssm:AddTagsToResource", &Resource::one(arn(context, name)), &[])?;
    }
    let owned = |member: &str| text(input, member).filter(|it| !it.is_empty()).map(str::to_owned);
    let kind = text(input, "Type").or(present.as_ref().map(|it| it.kind.as_str()));
    let Some(kind) = kind.map(str::to_owned) else {
        // [I] the text
        return Err(Refusal::invalid("A parameter type is required when you create a parameter."));
    };
    if present.as_ref().is_some_and(|it| (it.kind == "SecureString") != (kind == "SecureString")) {
        // [D] a secure string stays one; [?] the code and the text
        return Err(Refusal::new("HierarchyTypeMismatchException", "The type of a parameter cannot change."));
    }
    let value = required(input, "Value");
    allowed(text(input, "AllowedPattern"), value)?;
    let secure = kind == "SecureString";
    let tier = text(input, "Tier").filter(|tier| *tier != "Intelligent-Tiering");
    let tier = tier.or(present.as_ref().map(|it| it.tier.as_str())).unwrap_or("Standard").to_owned();
    if value.len() > 4096 && tier == "Standard" {
        // [I] the text
        let text = "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger \
                    parameter value, upgrade the parameter to use the advanced-parameter tier.";
        return Err(Refusal::invalid(text));
    }
    let parameter = Parameter {
        name: name.to_owned(),
        arn: arn(context, name),
        kind,
        value: value.to_owned(),
        cipher: secure.then(|| STANDARD.encode(format!("sandbox:{}", Uuid::new_v4()))),
        key: secure.then(|| owned("KeyId").unwrap_or_else(|| "alias/aws/ssm".to_owned())),
        // [?] what an overwrite leaves out is gone: it is a new version
        description: owned("Description"),
        allowed_pattern: owned("AllowedPattern"),
        policies: owned("Policies"),
        tier,
        data_type: owned("DataType").unwrap_or_else(|| "text".to_owned()),
        version: present.as_ref().map_or(1, |it| it.version + 1),
        modified: now,
        tags: present.as_ref().map_or(tags, |it| it.tags.clone()),
        former: present.map(Parameter::overwritten).unwrap_or_default(),
        gone_at: None,
    };
    let answer = json!({"Version": parameter.version, "Tier": parameter.tier});
    context.home.parameters.put(name, now, parameter);
    Ok(answer)
}

/// [D] the value has to fit the pattern that comes with it; the value may be secret and is not repeated.
fn allowed(pattern: Option<&str>, value: &str) -> Result<(), Refusal> {
    let Some(pattern) = pattern.filter(|pattern| !pattern.is_empty()) else {
        return Ok(());
    };
    let Ok(regex) = Regex::new(pattern) else {
        return Err(Refusal::new("InvalidAllowedPatternException", "The allowed pattern is no regular expression."));
    };
    if regex.is_match(value) {
        return Ok(());
    }
    let text = format!("Parameter value, cannot be validated against allowedPattern: {pattern}");
    Err(Refusal::new("ParameterPatternMismatchException", text))
}

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let found = seen(context, required(input, "Name"), input).ok_or_else(missing)??;
    Ok(json!({ "Parameter": found }))
}

/// Finds a parameter by name or ARN, with a version behind it or not, and returns what it answers.
fn seen(context: &Context<'_>, asked: &str, input: &Value) -> Option<Result<Value, Refusal>> {
    let name = without_selector(asked);
    let local = name.strip_prefix(&arn(context, "")).unwrap_or(name);
    // An ARN does not say whether the name begins with a slash.
    let rooted = format!("/{local}");
    let parameters = &context.home.parameters;
    let found = parameters
        .seen(local, context.view)
        .or_else(|| parameters.seen(&rooted, context.view).filter(|_| name.starts_with("arn:")))?;
    let read = match asked[name.len()..].strip_prefix(':') {
        None => found.read(decrypts(input)),
        Some(version) => found.read_version(version.parse().ok()?, decrypts(input))?,
    };
    Some(use_key(context, found, input).map(|()| read))
}

/// The name or ARN without the version or label behind it: [D] names have no colon, and ARNs five.
pub(super) fn without_selector(asked: &str) -> &str {
    let colons = if asked.starts_with("arn:") { 5 } else { 0 };
    asked.match_indices(':').nth(colons).map_or(asked, |(at, _)| &asked[..at])
}

pub(super) fn get_many(context: &Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let names = tagged::keys(input, "Names");
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for name in names {
        match seen(context, &name, input) {
            Some(parameter) => found.push(parameter?),
            None => unknown.push(name),
        }
    }
    Ok(json!({"Parameters": found, "InvalidParameters": unknown}))
}

/// Asks for the key of a parameter that is to be decrypted; [D] the caller needs kms:Decrypt for a key of its own.
fn use_key(context: &Context<'_>, parameter: &Parameter, input: &Value) -> Result<(), Refusal> {
    match parameter.key.as_deref().filter(|_| decrypts(input)).map(|key| kms::usable(context, key)) {
        Some(Use::Usable(arn)) => context.authorize_key("kms:Decrypt", &arn, &["ssm"]),
        _ => Ok(()),
    }
}

fn decrypts(input: &Value) -> bool {
    input.get("WithDecryption").and_then(Value::as_bool).unwrap_or(false)
}

pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let filters = part(input, "ParameterFilters").and_then(Value::as_array);
    let filters: Vec<&Value> = filters.into_iter().flatten().collect();
    if let Some(other) = filters.iter().map(|it| required(it, "Key")).find(|key| !matches!(*key, "Name" | "Type")) {
        return Err(Refusal::new("InvalidFilterKey", format!("The sandbox filters by Name and Type, not by {other}.")));
    }
    let fits = |parameter: &Parameter| {
        filters.iter().all(|filter| {
            let values = tagged::keys(filter, "Values");
            let name = &parameter.name;
            match (required(filter, "Key"), text(filter, "Option")) {
                ("Type", _) => values.contains(&parameter.kind),
                (_, Some("BeginsWith")) => values.iter().any(|value| name.starts_with(value)),
                (_, Some("Contains")) => values.iter().any(|value| name.contains(value.as_str())),
                _ => values.contains(name),
            }
        })
    };
    let read = |token| page::after(token).ok_or_else(|| Refusal::new("InvalidNextToken", "The token is not valid."));
    let after = text(input, "NextToken").map(read).transpose()?;
    let all = context.home.parameters.list("", after.as_deref(), context.view).filter(|it| fits(it));
    let (found, last) = page::take(all, page::limit(input, "MaxResults", 50), |it| it.name.clone());
    let mut out = json!({"Parameters": found.iter().map(|it| it.describe()).collect::<Value>()});
    if let Some(last) = last {
        out["NextToken"] = page::token(&last).into();
    }
    Ok(out)
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let mut parameter = current(context, required(input, "Name")).ok_or_else(missing)?;
    parameter.gone_at = Some(now);
    context.home.parameters.put(&parameter.name.clone(), now, parameter);
    Ok(json!({}))
}

pub(super) fn current(context: &Context<'_>, name: &str) -> Option<Parameter> {
    context.home.parameters.current(name, context.now()).map(|found| Parameter::clone(found))
}

/// [M] the code, which comes without a text.
fn missing() -> Refusal {
    Refusal::new("ParameterNotFound", "")
}
