//! Names for what has only an identity: logical names of resources, and of the environment variables of their secrets.
//!
//! A name should be the one that a person would choose, and it must be the same in the next run, also when something was
//! added beside it. So it comes from the identity alone; where two would have the same one, both get their type added,
//! and two of one type a few digits of a digest, in place of numbers that shift.

use std::collections::{HashMap, HashSet};

use sha2::{Digest as _, Sha256};

use super::Found;
use crate::manifest::RESERVED;
use crate::value::Value;

/// The global that an imported manifest has; a resource may not have its name.
const GLOBALS: [&str; 1] = ["region"];

/// One logical name for each of the resources.
pub(super) fn resources(found: &[Found]) -> Vec<String> {
    let own: Vec<String> = found.iter().map(|one| base(one, found)).collect();
    let mut names = own.clone();
    for at in clashes(&own) {
        names[at] = join(&own[at], &type_word(found[at].kind.name()));
    }
    let typed = names.clone();
    for at in clashes(&typed) {
        let digest = crate::plan::document::hex(&Sha256::digest(found[at].live.identity.as_bytes()));
        names[at] = format!("{}_{}", typed[at], &digest[..6]);
    }
    let mut seen = HashSet::new();
    for name in &mut names {
        *name = unique(name, &mut seen);
    }
    names
}

/// A name that is not among those seen, and is from now on.
pub(super) fn unique(name: &str, seen: &mut HashSet<String>) -> String {
    let mut candidate = name.to_owned();
    let mut number = 2;
    while !seen.insert(candidate.clone()) {
        candidate = format!("{name}_{number}");
        number += 1;
    }
    candidate
}

/// The indices of names that are there more than once.
fn clashes(names: &[String]) -> Vec<usize> {
    let mut count: HashMap<&str, usize> = HashMap::new();
    for name in names {
        *count.entry(name).or_default() += 1;
    }
    (0..names.len()).filter(|at| count[names[*at].as_str()] > 1).collect()
}

/// The name that a resource would have if it were alone.
fn base(one: &Found, found: &[Found]) -> String {
    let word = type_word(one.kind.name());
    let identity = &one.live.identity;
    if one.kind.names_itself() && one.kind.identify(&one.live.properties).is_none() {
        // An id says nothing; what points at it may.
        let pointing = found.iter().find(|other| {
            one.kind.found_through().iter().any(|through| {
                through.kind == other.kind.name()
                    && other.live.properties.get(through.property).and_then(Value::as_str) == Some(identity)
            })
        });
        if let Some(other) = pointing {
            return join(&snake(last(&other.live.identity)), &word);
        }
        let given = [format!("{}Name", one.kind.name().rsplit("::").next().unwrap_or_default()), "Name".to_owned()];
        let given = given.iter().find_map(|name| one.live.properties.get(name)?.as_str());
        if let Some(name) = given.or_else(|| end(identity)).map(snake).filter(|name| !name.is_empty()) {
            return spoken(name, &word);
        }
        let id = snake(identity);
        return join(&word, id.get(..8).unwrap_or(&id).trim_end_matches('_'));
    }
    let name = snake(last(identity));
    if name.is_empty() {
        let digest = crate::plan::document::hex(&Sha256::digest(identity.as_bytes()));
        return join(&word, &digest[..6]);
    }
    spoken(name, &word)
}

/// A name that a resource may have.
fn spoken(name: String, word: &str) -> String {
    let begins = name.starts_with(|character: char| character.is_ascii_alphabetic());
    if !begins || RESERVED.contains(&name.as_str()) || GLOBALS.contains(&name.as_str()) {
        return join(word, &name);
    }
    name
}

/// What an identity ends in that is an ARN or an address.
pub(super) fn end(identity: &str) -> Option<&str> {
    let long = identity.starts_with("arn:") || identity.contains("://");
    identity.rsplit(['/', ':']).next().filter(|_| long)
}

/// An identity without what all of its kind begin with.
fn last(identity: &str) -> &str {
    identity.strip_prefix("alias/").unwrap_or(identity)
}

fn join(a: &str, b: &str) -> String {
    format!("{a}_{b}")
}

/// `AWS::Events::ApiDestination` as `api_destination`.
pub(super) fn type_word(name: &str) -> String {
    snake(name.rsplit("::").next().unwrap_or(name))
}

/// Letters, digits and `_` only; a capital behind a small letter begins a word.
pub(super) fn snake(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 4);
    let mut small = false;
    for character in text.chars() {
        if character.is_ascii_alphanumeric() {
            if character.is_ascii_uppercase() && small {
                out.push('_');
            }
            out.push(character.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        small = character.is_ascii_lowercase() || character.is_ascii_digit();
    }
    out.truncate(out.trim_end_matches('_').len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_in_small_letters() {
        for (text, name) in [
            ("orders-prod", "orders_prod"),
            ("OrdersApi", "orders_api"),
            ("ApiKeyValue", "api_key_value"),
            ("orders//db.2", "orders_db_2"),
            ("-é-", ""),
            ("JDBC_CONNECTION_URL", "jdbc_connection_url"),
            ("ClientID", "client_id"),
        ] {
            assert_eq!(snake(text), name);
        }
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let mut seen = HashSet::new();
        assert_eq!(unique("a", &mut seen), "a");
        assert_eq!(unique("a", &mut seen), "a_2");
        assert_eq!(unique("a_2", &mut seen), "a_2_2");
    }
}
