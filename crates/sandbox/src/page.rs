//! Pages of lists: an opaque token that says after which name to go on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Marks our tokens, so that any other text is refused.
const MARK: &str = "after:";

/// Makes a token.
pub(crate) fn token(last: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{MARK}{last}"))
}

/// Reads a token; `None` when it is not one of ours.
pub(crate) fn after(token: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    text.strip_prefix(MARK).map(str::to_owned)
}

/// Returns a page's size.
pub(crate) fn limit(input: &Value, member: &str, default: usize) -> usize {
    let given = input.get(member).and_then(Value::as_u64);
    given.and_then(|given| usize::try_from(given).ok()).unwrap_or(default)
}

/// Takes one page; returns its items and the key of the last one when there are more.
pub(crate) fn take<T>(
    mut items: impl Iterator<Item = T>,
    limit: usize,
    key: impl Fn(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let page: Vec<T> = items.by_ref().take(limit).collect();
    let more = items.next().is_some();
    let last = page.last().filter(|_| more).map(key);
    (page, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_round_and_another_is_refused() {
        assert_eq!(after(&token("orders")).as_deref(), Some("orders"));
        assert_eq!(after("nonsense"), None);
    }

    #[test]
    fn the_last_page_has_no_token() {
        let key = |n: &i32| n.to_string();
        assert_eq!(take([1, 2, 3].into_iter(), 2, key), (vec![1, 2], Some("2".to_owned())));
        assert_eq!(take([1, 2].into_iter(), 2, key), (vec![1, 2], None));
    }
}
