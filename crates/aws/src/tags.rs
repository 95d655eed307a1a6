//! What carries the owner tags of a stack: a search by tags over all services of an account and region.
//!
//! An index stands behind the Resource Groups Tagging API. It may be some seconds old and shows things that are gone, so
//! its answer is a hint that costs few calls; whoever writes reads the resource's own tags first.
//!
//! <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html>

use std::collections::HashSet;

use serde_json::{Value as Json, json};
use trueup_engine::cloud::Owned;
use trueup_engine::fault::Fault;
use trueup_engine::owner;
use trueup_engine::value::Map;

use crate::fault::of_unreadable;
use crate::kinds;
use crate::operation::GET_RESOURCES;
use crate::reach::Reach;

/// A page holds at most this many.
const PAGE: u32 = 100;

/// Everything that carries the tags of a stack and environment.
pub(crate) async fn owned(reach: &Reach, stack: &str, env: &str) -> Result<Vec<Owned>, Fault> {
    search(reach, &[], &[(owner::STACK, stack), (owner::ENV, env)]).await
}

/// Everything of some resource types, or of all, that carries these tags.
pub(crate) async fn search(reach: &Reach, types: &[&str], tags: &[(&str, &str)]) -> Result<Vec<Owned>, Fault> {
    let filters: Vec<Json> = tags.iter().map(|(key, value)| json!({ "Key": key, "Values": [value] })).collect();
    let mut input = json!({ "TagFilters": filters, "ResourcesPerPage": PAGE });
    if !types.is_empty() {
        input["ResourceTypeFilters"] = types.into();
    }
    let mut owned = Vec::new();
    let mut tokens = HashSet::new();
    loop {
        let page = reach.read(&GET_RESOURCES, &input).await?;
        let Some(entries) = page["ResourceTagMappingList"].as_array() else {
            return Err(of_unreadable(&GET_RESOURCES, "it has no `ResourceTagMappingList`", None));
        };
        for entry in entries {
            let Some(arn) = entry["ResourceARN"].as_str() else { continue };
            let (kind, identity) = kinds::of_arn(arn).unzip();
            owned.push(Owned { arn: arn.to_owned(), kind, identity, tags: tags_of(&entry["Tags"]) });
        }
        let Some(token) = page["PaginationToken"].as_str().filter(|token| !token.is_empty()) else { return Ok(owned) };
        // A token that comes again would go round for ever, and what was read is not all.
        if !tokens.insert(token.to_owned()) {
            return Err(of_unreadable(&GET_RESOURCES, "the same page comes again", None));
        }
        input["PaginationToken"] = token.into();
    }
}

/// Tags from a list of keys and values.
fn tags_of(list: &Json) -> Map {
    let tags = list.as_array().into_iter().flatten();
    tags.filter_map(|tag| Some((tag["Key"].as_str()?.to_owned(), tag["Value"].as_str()?.into()))).collect()
}
