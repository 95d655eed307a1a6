//! How the names that are wanted are divided into parts of which each has a prefix of its own, so that their lists can be
//! read at the same time: the pages of one list come one after the other, since each names the next.

use std::ops::Range;

use super::PAGE;

/// The most parts: as many pages are asked for at once.
const MOST: usize = 32;

/// A part of the names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part<'a> {
    /// What all of them begin with, where there is something that the service takes as a prefix.
    pub(super) prefix: Option<&'a str>,
    /// Which of the sorted names.
    pub(super) names: Range<usize>,
}

impl<'a> Part<'a> {
    /// All of the sorted names.
    pub(super) fn whole(names: &[&'a str]) -> Self {
        part(names, 0..names.len())
    }
}

/// Divides sorted names so that this takes hardly more pages than one list of all would, in an account that has no others.
pub(super) fn parts<'a>(names: &[&'a str]) -> Vec<Part<'a>> {
    let whole = Part::whole(names);
    let mut pages = pages_of(&whole);
    let most = pages + pages / 4;
    let mut parts = vec![whole];
    let mut done = Vec::new();
    // The largest first, since it takes longest.
    while let Some(largest) = (0..parts.len()).max_by_key(|index| parts[*index].names.len()) {
        let whole = parts.swap_remove(largest);
        let smaller = divided(names, &whole);
        let then = pages - pages_of(&whole) + smaller.iter().map(pages_of).sum::<usize>();
        if smaller.len() > 1 && then <= most && parts.len() + done.len() + smaller.len() <= MOST {
            pages = then;
            parts.extend(smaller);
        } else {
            done.push(whole);
        }
    }
    done.sort_by_key(|part| part.names.start);
    done
}

fn pages_of(part: &Part<'_>) -> usize {
    part.names.len().div_ceil(PAGE)
}

fn part<'a>(names: &[&'a str], range: Range<usize>) -> Part<'a> {
    let prefix = match names.get(range.clone()) {
        Some([first, .., last]) => common(first, last),
        Some([only]) => only,
        _ => "",
    };
    let is_prefix = !prefix.is_empty() && prefix.len() <= 64 && prefix.bytes().all(is_name);
    Part { prefix: is_prefix.then_some(prefix), names: range }
}

/// The same names by what comes after their common beginning; nothing, where one of them ends there, or goes on with what
/// the service does not take as a prefix.
fn divided<'a>(names: &[&'a str], whole: &Part<'a>) -> Vec<Part<'a>> {
    let length = whole.prefix.map_or(0, str::len);
    let next = |index: usize| names[index].as_bytes().get(length).copied().filter(|byte| is_name(*byte));
    let mut smaller = Vec::new();
    let mut from = whole.names.start;
    for index in whole.names.clone() {
        let Some(byte) = next(index) else { return Vec::new() };
        if next(from) != Some(byte) {
            smaller.push(part(names, from..index));
            from = index;
        }
    }
    smaller.push(part(names, from..whole.names.end));
    smaller
}

/// The common beginning of the first and the last of sorted names, which is that of all between them.
fn common<'a>(first: &'a str, last: &str) -> &'a str {
    let length = first.bytes().zip(last.bytes()).take_while(|(a, b)| a == b).count();
    // It may end within a character.
    first.get(..length).unwrap_or_default()
}

/// [EventBridge] `[\.\-_A-Za-z0-9]+`, of which a prefix has at most 64.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(mut names: Vec<String>) -> Vec<(Option<String>, usize)> {
        names.sort_unstable();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        parts(&names).into_iter().map(|part| (part.prefix.map(str::to_owned), part.names.len())).collect()
    }

    fn numbered(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("orders-{number:05}")).collect()
    }

    #[test]
    fn the_prefix_is_what_all_names_begin_with() {
        let one = |names: &[&str]| of(names.iter().map(|name| (*name).to_owned()).collect()).remove(0);
        assert_eq!(one(&["orders-a", "orders-b", "orders"]), (Some("orders".to_owned()), 3));
        assert_eq!(one(&["orders"]), (Some("orders".to_owned()), 1));
        assert_eq!(one(&["a", "b"]), (None, 2));
        assert_eq!(one(&["é1", "é2"]), (None, 2));
    }

    #[test]
    fn many_names_are_listed_at_the_same_time_with_as_many_pages() {
        let parts = of(numbered(3000));
        assert_eq!(parts.len(), 30);
        assert_eq!(parts[0], (Some("orders-000".to_owned()), 100));
        assert!(parts.iter().all(|(_, names)| *names == 100), "{parts:?}");
        assert_eq!(of(numbered(100)).len(), 1);
        assert_eq!(of(numbered(120)), [(Some("orders-000".to_owned()), 100), (Some("orders-001".to_owned()), 20)]);
    }

    #[test]
    fn what_would_take_many_more_pages_stays_one_list() {
        // A letter each, so that each would be a page.
        let few_of_each: Vec<String> = (b'a'..=b'z')
            .flat_map(|letter| (0..10).map(move |number| format!("{}-{number}", char::from(letter))))
            .collect();
        assert_eq!(of(few_of_each), [(None, 260)]);
        // One of them is the prefix itself, or goes on with what is no prefix.
        for odd in ["orders-0", "orders-0é"] {
            let mut names = numbered(1000);
            names.push(odd.to_owned());
            assert_eq!(of(names), [(Some("orders-0".to_owned()), 1001)], "{odd}");
        }
    }

    #[test]
    fn every_name_is_in_one_part_and_begins_with_its_prefix() {
        for (count, step) in [(1, 1), (399, 7), (5000, 13), (20_000, 3)] {
            let mut names: Vec<String> = (0..count).map(|number| format!("n{}", number * step % 100_003)).collect();
            names.sort_unstable();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let parts = parts(&names);
            assert!(parts.len() <= MOST);
            let (pages, one_list): (usize, _) = (parts.iter().map(pages_of).sum(), names.len().div_ceil(PAGE));
            assert!(pages <= one_list + one_list / 4, "{pages} pages in place of {one_list}");
            let mut next = 0;
            for part in parts {
                assert_eq!(part.names.start, next);
                next = part.names.end;
                let begins = |name: &&str| part.prefix.is_none_or(|prefix| name.starts_with(prefix));
                assert!(names[part.names.clone()].iter().all(begins), "{part:?}");
            }
            assert_eq!(next, names.len());
        }
    }
}
