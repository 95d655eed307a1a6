//! `GetResources`: what is or was tagged, by its tags and its kind.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{Tagged, after, all, invalid, token};
use crate::operation::{Context, part, text};
use crate::wire::Refusal;

/// [D] how many kinds a request names at most.
const MOST_KINDS: usize = 100;

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let flag = |member: &str| input.get(member).and_then(Value::as_bool).unwrap_or(false);
    let (with_compliance, without_compliant) = (flag("IncludeComplianceDetails"), flag("ExcludeCompliantResources"));
    if without_compliant && !with_compliance {
        // [D] that it is refused; [?] the text
        return Err(invalid("ExcludeCompliantResources needs IncludeComplianceDetails."));
    }
    let wanted = Wanted::of(input)?;
    let last = after(context, input)?;
    let mut found = all(context);
    // Nothing has a tag policy to break here: everything is compliant [D].
    found.retain(|it| !without_compliant && last.as_ref().is_none_or(|last| it.arn > *last) && wanted.has(it));
    found.sort_by(|a, b| a.arn.cmp(&b.arn));
    let count = wanted.fit(&found);
    let last = (count < found.len()).then(|| found[count.max(1) - 1].arn.clone());
    let shown = found.iter().take(count).map(|it| show(it, with_compliance)).collect::<Value>();
    Ok(json!({"PaginationToken": token(context, last), "ResourceTagMappingList": shown}))
}

fn show(resource: &Tagged<'_>, with_compliance: bool) -> Value {
    let tags = resource.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
    let mut out = json!({"ResourceARN": resource.arn, "Tags": tags.collect::<Value>()});
    if with_compliance {
        out["ComplianceDetails"] = json!({"ComplianceStatus": true});
    }
    out
}

/// What a request asks for.
struct Wanted<'a> {
    arns: Option<HashSet<&'a str>>,
    kinds: Vec<&'a str>,
    tags: Vec<(&'a str, Vec<&'a str>)>,
    resources: usize,
    most_tags: usize,
}

impl<'a> Wanted<'a> {
    /// Reads a request; [D] what is refused, [?] the texts but [I] those about the numbers.
    fn of(input: &'a Value) -> Result<Self, Refusal> {
        let list = |member: &str| part(input, member).and_then(Value::as_array);
        let arns = list("ResourceARNList");
        let paged = text(input, "PaginationToken").is_some_and(|token| !token.is_empty());
        let others = ["TagFilters", "ResourceTypeFilters", "ResourcesPerPage", "TagsPerPage"];
        if arns.is_some() && (paged || others.iter().any(|member| part(input, member).is_some())) {
            return Err(invalid("ResourceARNList cannot be combined with filters or with pages."));
        }
        let kinds: Vec<&str> = list("ResourceTypeFilters").into_iter().flatten().filter_map(Value::as_str).collect();
        let formed = |kind: &&str| {
            let mut parts = kind.splitn(2, ':');
            parts.all(|part| !part.is_empty()) && !kind.contains(char::is_whitespace)
        };
        if kinds.len() > MOST_KINDS || !kinds.iter().all(formed) {
            return Err(invalid("ResourceTypeFilters are up to 100 of the form service[:resourceType]."));
        }
        let mut tags = Vec::new();
        for filter in list("TagFilters").into_iter().flatten() {
            let key = text(filter, "Key").ok_or_else(|| invalid("Each TagFilter must contain a key."))?;
            let values = part(filter, "Values").and_then(Value::as_array).into_iter().flatten();
            tags.push((key, values.filter_map(Value::as_str).collect()));
        }
        Ok(Self {
            arns: arns.map(|arns| arns.iter().filter_map(Value::as_str).collect()),
            kinds,
            tags,
            resources: number(input, "ResourcesPerPage", 1, 100)?.unwrap_or(if arns.is_some() { 100 } else { 50 }),
            most_tags: number(input, "TagsPerPage", 100, 500)?.unwrap_or(usize::MAX),
        })
    }

    fn has(&self, resource: &Tagged<'_>) -> bool {
        let service = resource.kind.split(':').next();
        let of_kind = |kind: &&str| *kind == resource.kind || Some(*kind) == service;
        let tagged = |(key, values): &(&str, Vec<&str>)| {
            let value = resource.tags.get(*key);
            value.is_some_and(|value| values.is_empty() || values.contains(&value.as_str()))
        };
        self.arns.as_ref().is_none_or(|arns| arns.contains(resource.arn.as_str()))
            && (self.kinds.is_empty() || self.kinds.iter().any(of_kind))
            && self.tags.iter().all(tagged)
    }

    /// Returns how many of these are on one page; [D] no resource is split, and one without tags counts
    /// as one tag.
    fn fit(&self, found: &[Tagged<'_>]) -> usize {
        let mut tags = 0_usize;
        let fitting = found.iter().take(self.resources).take_while(|it| {
            tags += it.tags.len().max(1);
            tags <= self.most_tags
        });
        fitting.count()
    }
}

fn number(input: &Value, member: &str, least: usize, most: usize) -> Result<Option<usize>, Refusal> {
    let Some(given) = part(input, member) else { return Ok(None) };
    let number = given.as_u64().and_then(|given| usize::try_from(given).ok());
    match number.filter(|number| (least..=most).contains(number)) {
        Some(number) => Ok(Some(number)),
        None => Err(invalid(format!("{member} must be between {least} and {most}"))),
    }
}
