//! Texts that move with every change of a resource, so that a later run can tell that nothing has moved.
//!
//! They are made of the times that an answer shows, of the state and of what tells this resource from another one of the
//! same name. Services tell times by the second, so a resource may change twice at one time: as long as its times are
//! young it has no version.

use std::time::Duration;

use serde_json::Value as Json;

use crate::clock;

/// Times within this one of now may still come to stand for another change; clocks may differ by the rest of it.
const YOUNG: Duration = Duration::from_secs(3);

/// The version that an answer shows: of these texts, where they are there, and of these times, of which the first one has
/// to be there.
pub(crate) fn of_answer(answer: &Json, texts: &[&str], times: &[&str]) -> Option<String> {
    of_answer_at(answer, texts, times, clock::since_epoch())
}

fn of_answer_at(answer: &Json, texts: &[&str], times: &[&str], now: Duration) -> Option<String> {
    answer[*times.first()?].as_f64()?;
    let ripe = (now.saturating_sub(YOUNG)).as_secs_f64();
    if times.iter().filter_map(|name| answer[*name].as_f64()).any(|time| time > ripe) {
        return None;
    }
    let texts = texts.iter().map(|name| answer[*name].as_str().unwrap_or("-").to_owned());
    let times = times.iter().map(|name| answer[*name].as_f64().map_or_else(|| "-".to_owned(), |time| time.to_string()));
    Some(texts.chain(times).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn version(answer: &Json) -> Option<String> {
        of_answer_at(answer, &["Arn", "State"], &["Modified", "Authorized"], Duration::from_secs(1000))
    }

    #[test]
    fn a_version_moves_with_each_part_of_it() {
        let whole = json!({"Arn": "a", "State": "ACTIVE", "Modified": 10, "Authorized": 11.5, "Other": 1});
        assert_eq!(version(&whole).as_deref(), Some("a ACTIVE 10 11.5"));
        for (name, value) in [
            ("Arn", json!("b")),
            ("State", json!("DEAUTHORIZED")),
            ("Modified", json!(11)),
            ("Authorized", json!(12)),
            ("Authorized", Json::Null),
        ] {
            let mut other = whole.clone();
            other[name] = value;
            assert!(version(&other).is_some_and(|it| Some(it) != version(&whole)), "{name}");
        }
    }

    #[test]
    fn what_changed_a_moment_ago_or_tells_no_time_has_no_version() {
        assert_eq!(version(&json!({"Arn": "a"})), None);
        assert_eq!(version(&json!({"Modified": 998})), None);
        assert_eq!(version(&json!({"Modified": 10, "Authorized": 2000})), None);
        assert!(version(&json!({"Modified": 997})).is_some());
    }
}
