//! Reading many resources of a service that has list pages and a describe operation, with few calls.
//!
//! A page of a list tells of a hundred resources whether they exist and in which state; only what it does not tell is
//! described, while the next pages are still on their way. Up to three resources are described at once. Where there is
//! much more than a page, and the names can be told apart by prefixes ([`parts`]), their lists are read at the same time.
//! Listing is given up where it costs more than it can save (an account full of other resources and no common prefix), and
//! then the rest is described, too.
//!
//! Absent means: the service said so, or a list that was read to its end does not hold the name. Filters are applied
//! again on this side, because emulators ignore them.

mod parts;

use std::collections::{HashSet, VecDeque};
use std::ops::Range;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value as Json, json};
use trueup_engine::cloud::{Extent, Seen, Want};
use trueup_engine::fault::{Fault, FaultKind};

use self::parts::{Part, parts};
use crate::operation::Operation;
use crate::reach::Reach;

/// Up to this many are described without a list.
pub(crate) const FEW: usize = 3;
/// How many entries a page holds at most.
const PAGE: usize = 100;
/// Where the first page leaves more than so many to be found, their lists are read at the same time.
const MANY: usize = 2 * PAGE;
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

/// A list that is being read, page by page.
struct List<'a> {
    /// Which of the sorted wants it is to tell of.
    part: Range<usize>,
    prefix: Option<&'a str>,
    /// How many pages may still be read.
    pages: usize,
    token: Option<String>,
    tokens: HashSet<String>,
}

impl<'a> List<'a> {
    fn of(part: Part<'a>, wants: &[Want], sorted: &[usize]) -> Self {
        let pages = budget(sorted[part.names.clone()].iter().map(|index| &wants[*index]));
        Self { part: part.names, prefix: part.prefix, pages, token: None, tokens: HashSet::new() }
    }
}

/// What a page holds, and whether it is the last.
struct Page {
    entries: Vec<Json>,
    /// All names begin with the prefix that was asked for: an emulator may not know it.
    filtered: bool,
    next: Next,
}

enum Next {
    /// What was not on this list does not exist.
    Complete,
    GivenUp,
    More,
}

/// What is known of each want, in the order in which they were given.
struct Answers<'a, T, M> {
    wants: &'a [Want],
    made: Vec<Option<T>>,
    make: M,
    /// What is to be described.
    open: VecDeque<usize>,
    /// Whether it is known, or will be described.
    settled: Vec<bool>,
}

impl<T, M: Fn(&Want, Found) -> T> Answers<'_, T, M> {
    fn put(&mut self, index: usize, found: Found) {
        self.settled[index] = true;
        self.made[index] = Some((self.make)(&self.wants[index], found));
    }

    fn describe(&mut self, index: usize) {
        self.settled[index] = true;
        self.open.push_back(index);
    }
}

impl Reads {
    /// Reads what is wanted, and makes of each answer what the caller needs of it, so that no answer is kept for longer; one
    /// for each want, in the same order.
    pub(crate) async fn find<T>(&self, reach: &Reach, wants: &[Want], make: impl Fn(&Want, Found) -> T) -> Vec<T> {
        let made = wants.iter().map(|_| None).collect();
        let mut answers = Answers { wants, made, make, open: VecDeque::new(), settled: vec![false; wants.len()] };
        let mut sorted: Vec<usize> = (0..wants.len()).collect();
        sorted.sort_by_key(|index| &wants[*index].identity);
        let names: Vec<&str> = sorted.iter().map(|index| wants[*index].identity.as_str()).collect();
        let mut lists = FuturesUnordered::new();
        let mut divides = true;
        if wants.len() > FEW {
            lists.push(self.page(reach, List::of(Part::whole(&names), wants, &sorted)));
        } else {
            (0..wants.len()).for_each(|index| answers.describe(index));
        }
        let mut described = FuturesUnordered::new();
        loop {
            while described.len() < AT_ONCE
                && let Some(index) = answers.open.pop_front()
            {
                described.push(async move { (index, self.describe(reach, &wants[index].identity).await) });
            }
            tokio::select! {
                Some((list, page)) = lists.next(), if !lists.is_empty() => {
                    // The first page was of all names.
                    let first = std::mem::take(&mut divides) && page.as_ref().is_ok_and(|page| page.filtered);
                    let Some(list) = self.take(list, page, &sorted, &names, &mut answers) else { continue };
                    let missing = || answers.settled.iter().filter(|settled| !**settled).count();
                    let mut parts = if first && missing() > MANY { parts(&names) } else { Vec::new() };
                    if parts.len() < 2 {
                        lists.push(self.page(reach, list));
                        continue;
                    }
                    parts.retain(|part| sorted[part.names.clone()].iter().any(|index| !answers.settled[*index]));
                    for part in parts {
                        lists.push(self.page(reach, List::of(part, wants, &sorted)));
                    }
                }
                Some((index, found)) = described.next(), if !described.is_empty() => answers.put(index, found),
                else => break,
            }
        }
        let Answers { made, make, .. } = answers;
        let unseen = |(want, made): (&Want, Option<T>)| made.unwrap_or_else(|| make(want, Found::Absent));
        wants.iter().zip(made).map(unseen).collect()
    }

    /// Takes a page in; the list, where it has more.
    fn take<'a, T, M: Fn(&Want, Found) -> T>(
        &self,
        list: List<'a>,
        page: Result<Page, Fault>,
        sorted: &[usize],
        names: &[&str],
        answers: &mut Answers<'_, T, M>,
    ) -> Option<List<'a>> {
        let wants = answers.wants;
        let next = match page {
            Ok(page) => {
                for entry in page.entries {
                    let Some(name) = entry["Name"].as_str() else { continue };
                    let from = list.part.start + names[list.part.clone()].partition_point(|other| *other < name);
                    let same = (from..list.part.end).take_while(|at| names[*at] == name).map(|at| sorted[at]);
                    for index in same {
                        if answers.settled[index] {
                            continue;
                        }
                        if wants[index].shallow || self.is_outlined(&wants[index], &entry) {
                            answers.put(index, Found::Listed(entry.clone()));
                        } else {
                            answers.describe(index);
                        }
                    }
                }
                page.next
            }
            // A caller who may not list may still describe.
            Err(fault) if fault.kind == FaultKind::Denied => Next::GivenUp,
            Err(fault) => {
                for &index in &sorted[list.part.clone()] {
                    if !answers.settled[index] {
                        answers.put(index, Found::Unreadable(fault.clone()));
                    }
                }
                return None;
            }
        };
        match next {
            Next::More => return Some(list),
            Next::Complete => {}
            Next::GivenUp => {
                for &index in &sorted[list.part.clone()] {
                    if !answers.settled[index] {
                        answers.describe(index);
                    }
                }
            }
        }
        None
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

    /// Reads the next page of a list.
    async fn page<'a>(&self, reach: &Reach, mut list: List<'a>) -> (List<'a>, Result<Page, Fault>) {
        let mut input = json!({ "Limit": PAGE });
        if let Some(prefix) = list.prefix {
            input["NamePrefix"] = prefix.into();
        }
        if let Some(token) = &list.token {
            input["NextToken"] = token.as_str().into();
        }
        list.pages -= 1;
        let mut page = match reach.read(self.list, &input).await {
            Ok(page) => page,
            Err(fault) => return (list, Err(fault)),
        };
        let Some(Json::Array(entries)) = page.get_mut(self.entries).map(Json::take) else {
            let what = format!("it has no `{}`", self.entries);
            return (list, Err(crate::fault::of_unreadable(self.list, &what, None)));
        };
        let next = match page["NextToken"].as_str().filter(|token| !token.is_empty()) {
            None => Next::Complete,
            // A token that comes again would go round for ever; what was not seen is described.
            Some(token) if list.pages == 0 || !list.tokens.insert(token.to_owned()) => Next::GivenUp,
            Some(token) => {
                list.token = Some(token.to_owned());
                Next::More
            }
        };
        let begins =
            |entry: &Json| entry["Name"].as_str().zip(list.prefix).is_none_or(|(name, own)| name.starts_with(own));
        let filtered = entries.iter().all(begins);
        (list, Ok(Page { entries, filtered, next }))
    }
}

/// Whether a page may be all that has to be read.
fn may_be_outlined(want: &Want) -> bool {
    want.verified.as_ref().is_some_and(|verified| verified.attributes.is_some())
}

/// How many pages may be read before describing the rest is cheaper: a page saves at most one call for each resource that
/// is absent or wanted in outline only, and otherwise is a call too many.
fn budget<'a>(wants: impl Iterator<Item = &'a Want> + Clone) -> usize {
    let outlines = wants.clone().filter(|want| want.shallow || may_be_outlined(want)).count();
    outlines.max(wants.count() / 10 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(budget(wants(10, false).iter()), 2);
        assert_eq!(budget(wants(1000, false).iter()), 101);
        assert_eq!(budget(wants(10, true).iter()), 10);
    }
}
