//! The keys and the values of all tags there are.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{after, all, token};
use crate::operation::{Context, required};
use crate::page;
use crate::wire::Refusal;

/// [?] how many are on one page.
const PAGE: usize = 100;

pub(super) fn keys(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let found = all(context);
    let keys = found.iter().flat_map(|it| it.tags.keys()).map(String::as_str).collect();
    answer(context, input, "TagKeys", keys)
}

pub(super) fn values(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let key = required(input, "Key");
    let found = all(context);
    let values = found.iter().filter_map(|it| it.tags.get(key)).map(String::as_str).collect();
    answer(context, input, "TagValues", values)
}

fn answer(context: &Context<'_>, input: &Value, member: &str, all: BTreeSet<&str>) -> Result<Value, Refusal> {
    let last = after(context, input)?;
    let rest = all.into_iter().filter(|it| last.as_deref().is_none_or(|last| *it > last));
    let (page, last) = page::take(rest, PAGE, |it| (*it).to_owned());
    Ok(json!({member: page, "PaginationToken": token(context, last)}))
}
