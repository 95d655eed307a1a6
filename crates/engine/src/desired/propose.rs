//! Guesses for people: the name that was probably meant, the type whose properties fit.

use crate::kind::{Kind, Registry};
use crate::value::Map;

/// The candidate nearest to what was written, where one is near enough to be meant.
pub fn nearest<'a>(written: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (written.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (distance(&written.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The kind of which most of the given properties are known, where there is exactly one best.
pub fn fitting(properties: &Map, registry: Registry) -> Option<&'static dyn Kind> {
    let mut scores: Vec<(usize, &'static dyn Kind)> = registry
        .iter()
        .map(|kind| {
            let known =
                kind.schema().properties.iter().filter(|property| properties.contains_key(property.name)).count();
            (known, kind)
        })
        .collect();
    scores.sort_by_key(|(known, _)| std::cmp::Reverse(*known));
    match scores.as_slice() {
        [(best, kind), rest @ ..] if *best > 0 && rest.first().is_none_or(|(second, _)| second < best) => Some(*kind),
        _ => None,
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let substitution = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substitution.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_typo_is_near_and_another_word_is_not() {
        let names = ["Name", "Description", "AuthorizationType"];
        assert_eq!(nearest("Descripton", names.into_iter()), Some("Description"));
        assert_eq!(nearest("authorization_type", names.into_iter()), Some("AuthorizationType"));
        assert_eq!(nearest("Tags", names.into_iter()), None);
    }
}
