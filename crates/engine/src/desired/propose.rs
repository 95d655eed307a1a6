//! The type whose properties fit, for a resource that does not say its type.

use crate::kind::{Kind, Registry};
use crate::value::Map;

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
