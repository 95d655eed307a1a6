//! Reading many resources of a service that has list pages and a describe operation, with few calls.
//!
//! A page of a list tells of a hundred resources whether they exist and in which state; only what it does not tell is
//! described. Up to three resources are described at once. Listing is given up where it costs more than it can save
//! (an account full of other resources and no common prefix), and then the rest is described, too.
//!
//! Absent means: the service said so, or a list that was read to its end does not hold the name. Filters are applied
//! again on this side, because emulators ignore them.

use std::collections::{HashMap, HashSet};

use futures_util::StreamExt as _;
use serde_json::{Value as Json, json};
use trueup_engine::cloud::{Extent, Seen, Want};
use trueup_engine::fault::{Fault, FaultKind};

use crate::operation::Operation;
use crate::reach::Reach;

/// Up to this many are described without a list.
pub(crate) const FEW: usize = 3;
/// How many entries a page holds at most.
const PAGE: usize = 100;
/// How many describe calls are under way at once.
const AT_ONCE: usize = 32;

/// The two operations of a type.
pub(crate) struct Reads {
    pub(crate) list: &'static Operation,
    /// The member of a page that holds the entries.
    pub(crate) entries: &'static str,
    pub(crate) describe: &'static Operation,
    /// The version that an entry of a page or a description shows.
    pub(crate) version: fn(&Json) -> Option<String>,
}

/// What was found of one resource.
pub(crate) enum Found {
    Absent,
    Listed(Json),
    Described(Json),
    Unreadable(Fault),
}

struct Listing {
    entries: HashMap<String, Json>,
    complete: bool,
}

impl Reads {
    /// Reads what is wanted; one answer a want, in the same order.
    pub(crate) async fn find(&self, reach: &Reach, wants: &[Want]) -> Vec<Found> {
        let mut listing = Listing { entries: HashMap::new(), complete: false };
        // A page tells of several at once that they have not moved.
        if wants.len() > FEW || wants.iter().filter(|want| may_be_outlined(want)).count() > 1 {
            match self.list(reach, wants).await {
                Ok(listed) => listing = listed,
                // A caller who may not list may still describe.
                Err(fault) if fault.kind == FaultKind::Denied => {}
                // A few are read without a list where nothing was verified.
                Err(_) if wants.len() <= FEW => {}
                Err(fault) => return wants.iter().map(|_| Found::Unreadable(fault.clone())).collect(),
            }
        }
        let mut found: Vec<Option<Found>> = Vec::with_capacity(wants.len());
        let mut open = Vec::new();
        for (index, want) in wants.iter().enumerate() {
            found.push(match listing.entries.get(&want.identity) {
                Some(entry) if want.shallow || self.is_outlined(want, entry) => Some(Found::Listed(entry.clone())),
                None if listing.complete => Some(Found::Absent),
                _ => {
                    open.push(index);
                    None
                }
            });
        }
        let mut answers = futures_util::stream::iter(open)
            .map(|index| async move { (index, self.describe(reach, &wants[index].identity).await) })
            .buffer_unordered(AT_ONCE);
        while let Some((index, answer)) = answers.next().await {
            found[index] = Some(answer);
        }
        found.into_iter().map(|answer| answer.unwrap_or(Found::Absent)).collect()
    }

    /// Whether a page shows that what was verified has not moved.
    fn is_outlined(&self, want: &Want, entry: &Json) -> bool {
        may_be_outlined(want)
            && want.verified.as_ref().is_some_and(|verified| verified.is((self.version)(entry).as_ref()))
    }

    /// The version of what was found, and how much of it was left out.
    pub(crate) fn seen(&self, want: &Want, found: &Found) -> Seen {
        match found {
            // That it shows the version that was verified is why it is not described.
            Found::Listed(_) if !want.shallow => {
                let version = want.verified.as_ref().map(|verified| verified.version.clone());
                Seen { version, extent: Extent::Outline }
            }
            Found::Described(answer) => Seen { version: (self.version)(answer), extent: Extent::Full },
            _ => Seen::default(),
        }
    }

    /// The names of all there are.
    pub(crate) async fn names(&self, reach: &Reach) -> Result<Vec<String>, Fault> {
        let mut names = Vec::new();
        let mut input = json!({ "Limit": PAGE });
        let mut tokens = HashSet::new();
        loop {
            let page = reach.read(self.list, &input).await?;
            let Some(entries) = page[self.entries].as_array() else {
                let what = format!("it has no `{}`", self.entries);
                return Err(crate::fault::of_unreadable(self.list, &what, None));
            };
            names.extend(entries.iter().filter_map(|entry| entry["Name"].as_str()).map(str::to_owned));
            let Some(token) = page["NextToken"].as_str().filter(|token| !token.is_empty()) else { return Ok(names) };
            // A token that comes again would go round for ever.
            if !tokens.insert(token.to_owned()) {
                return Err(crate::fault::of_unreadable(self.list, "the same page comes again", None));
            }
            input["NextToken"] = token.into();
        }
    }

    /// Reads one resource.
    pub(crate) async fn describe(&self, reach: &Reach, name: &str) -> Found {
        match reach.read(self.describe, &json!({ "Name": name })).await {
            Ok(answer) => Found::Described(answer),
            Err(fault) if fault.kind == FaultKind::NotFound => Found::Absent,
            Err(fault) => Found::Unreadable(fault),
        }
    }

    async fn list(&self, reach: &Reach, wants: &[Want]) -> Result<Listing, Fault> {
        let wanted: HashSet<&str> = wants.iter().map(|want| want.identity.as_str()).collect();
        let mut pages = budget(wants);
        let mut input = json!({ "Limit": PAGE });
        if let Some(prefix) = common_prefix(&wanted) {
            input["NamePrefix"] = prefix.into();
        }
        let mut listing = Listing { entries: HashMap::with_capacity(wanted.len()), complete: false };
        let mut tokens = HashSet::new();
        while pages > 0 {
            pages -= 1;
            let mut page = reach.read(self.list, &input).await?;
            let Some(Json::Array(entries)) = page.get_mut(self.entries).map(Json::take) else {
                let what = format!("it has no `{}`", self.entries);
                return Err(crate::fault::of_unreadable(self.list, &what, None));
            };
            for entry in entries {
                if let Some(name) = entry["Name"].as_str().filter(|name| wanted.contains(name)) {
                    listing.entries.insert(name.to_owned(), entry);
                }
            }
            let Some(token) = page["NextToken"].as_str().filter(|token| !token.is_empty()) else {
                listing.complete = true;
                break;
            };
            // A token that comes again would go round for ever; what was not seen is described.
            if !tokens.insert(token.to_owned()) {
                break;
            }
            input["NextToken"] = token.into();
        }
        Ok(listing)
    }
}

/// Whether a page may be all that has to be read.
fn may_be_outlined(want: &Want) -> bool {
    want.verified.as_ref().is_some_and(|verified| verified.attributes.is_some())
}

/// How many pages may be read before describing the rest is cheaper: a page saves at most one call for each resource that
/// is absent or wanted in outline only, and otherwise is a call too many.
fn budget(wants: &[Want]) -> usize {
    let outlines = wants.iter().filter(|want| want.shallow || may_be_outlined(want)).count();
    outlines.max(wants.len() / 10 + 1)
}

/// The common beginning of all names, where there is one that the service takes as a prefix.
fn common_prefix<'a>(names: &HashSet<&'a str>) -> Option<&'a str> {
    let mut names = names.iter();
    let mut prefix: &str = names.next()?;
    for name in names {
        let length = prefix.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
        prefix = prefix.get(..length).unwrap_or_default();
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    (!prefix.is_empty() && prefix.len() <= 64 && prefix.bytes().all(is_name)).then_some(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_what_all_names_begin_with() {
        assert_eq!(common_prefix(&HashSet::from(["orders-a", "orders-b", "orders"])), Some("orders"));
        assert_eq!(common_prefix(&HashSet::from(["a", "b"])), None);
        assert_eq!(common_prefix(&HashSet::from(["é1", "é2"])), None);
    }

    #[test]
    fn pages_are_read_only_while_they_can_save_calls() {
        let want = |shallow| Want {
            identity: String::new(),
            secrets: false,
            shallow,
            given: Vec::new(),
            tags: None,
            verified: None,
        };
        let wants = |count: usize, shallow| vec![want(shallow); count];
        assert_eq!(budget(&wants(10, false)), 2);
        assert_eq!(budget(&wants(1000, false)), 101);
        assert_eq!(budget(&wants(10, true)), 10);
    }
}
