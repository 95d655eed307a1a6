//! "Did you mean": the nearest of the names that would have been right.

/// The nearest of `known`, where it is near enough to be what was meant.
pub fn nearest<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let typed: Vec<char> = typed.chars().take(80).flat_map(char::to_lowercase).collect();
    let allowed = (typed.len() / 3).clamp(1, 4);
    known
        .into_iter()
        .filter_map(|name| {
            let other: Vec<char> = name.chars().take(80).flat_map(char::to_lowercase).collect();
            if other.len().abs_diff(typed.len()) > allowed {
                return None;
            }
            let distance = distance(&typed, &other);
            (distance <= allowed).then_some((distance, name))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Edits between two words: insertion, deletion, replacement, and the swap of two neighbours.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut row = vec![0; b.len() + 1];
    for i in 1..=a.len() {
        row[0] = i;
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        std::mem::swap(&mut before, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("Pasword", ["Username", "Password"]), Some("Password"));
        assert_eq!(nearest("rpops", ["props", "protect"]), Some("props"));
        assert_eq!(nearest("arn", ["Arn"]), Some("Arn"));
        assert_eq!(nearest("colour", ["region", "type"]), None);
        assert_eq!(nearest("", ["a"]), Some("a"));
    }
}
