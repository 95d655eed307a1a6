//! Takes secrets out of a service's words.

use trueup_engine::secret::Secret;

use crate::wire::exposed;

const MASK: &str = "(redacted)";

/// Members whose values are public, so that a refusal may quote them; lower case.
const PUBLIC_MEMBERS: &[&str] = &[
    "apikeyname",
    "authenticationtype",
    "authorizationendpoint",
    "authorizationtype",
    "availabilityzone",
    "catalogid",
    "clientid",
    "connectionarn",
    "connectionname",
    "connectionstate",
    "connectiontype",
    "description",
    "httpmethod",
    "invocationendpoint",
    "invocationratelimitpersecond",
    "key",
    "keyid",
    "kmskeyidentifier",
    "limit",
    "marker",
    "maxresults",
    "name",
    "nameprefix",
    "nexttoken",
    "resourcearn",
    "resourceconfigurationarn",
    "secretarn",
    "secretid",
    "secretidlist",
    "subnetid",
    "username",
];

/// Takes out every text of `secrets`, and every value that the service quotes from a member that is not public.
///
/// AWS's form is `Value '…' at 'authParameters.basicAuthParameters.password' failed to satisfy constraint: …`.
pub(crate) fn redact(message: &str, secrets: &[Secret]) -> String {
    let mut texts: Vec<&str> = secrets.iter().filter_map(exposed).filter(|text| !text.is_empty()).collect();
    // The longest first, so that a secret that holds another one goes as a whole.
    texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    let mut clean = message.to_owned();
    for text in texts {
        if text.chars().count() < 3 {
            // So short a text is part of ordinary words; it is taken out where it is quoted.
            for quote in ['\'', '"', '`'] {
                clean = clean.replace(&format!("{quote}{text}{quote}"), &format!("{quote}{MASK}{quote}"));
            }
            continue;
        }
        clean = clean.replace(text, MASK);
        // As it stands inside a JSON text, where that differs.
        let escaped = serde_json::Value::from(text).to_string();
        let escaped = &escaped[1..escaped.len() - 1];
        if escaped != text {
            clean = clean.replace(escaped, MASK);
        }
    }
    mask_quoted_values(&clean)
}

fn mask_quoted_values(message: &str) -> String {
    const OPEN: &str = "Value '";
    const MIDDLE: &str = "' at '";
    let mut clean = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(start) = rest.find(OPEN) {
        let (before, after) = rest.split_at(start + OPEN.len());
        clean.push_str(before);
        let Some(end) = after.find(MIDDLE) else {
            // A quote without its member: nobody knows whose value it is.
            clean.push_str(MASK);
            clean.push('\'');
            return clean;
        };
        let member = after[end + MIDDLE.len()..].split('\'').next().unwrap_or_default();
        clean.push_str(if is_public(member) { &after[..end] } else { MASK });
        rest = &after[end..];
    }
    clean.push_str(rest);
    clean
}

/// Whether the member at this path (`authParameters.invocationHttpParameters.headerParameters.1.member.key`) is public.
fn is_public(path: &str) -> bool {
    let last = path.rsplit(['.', '/']).find(|part| *part != "member" && part.parse::<u32>().is_err());
    last.is_some_and(|last| PUBLIC_MEMBERS.contains(&last.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_values_of_secret_members_are_masked() {
        let message = "2 validation errors detected: Value 'hunter2:' at 'authParameters.basicAuthParameters.password' \
                       failed to satisfy constraint: x; Value 'a b' at 'name' failed to satisfy constraint: y";
        let clean = redact(message, &[]);
        assert!(!clean.contains("hunter2"));
        assert!(clean.contains("Value 'a b' at 'name'"));
    }

    #[test]
    fn a_quote_inside_the_value_does_not_let_it_out() {
        let message =
            "1 validation error detected: Value 'p'w' at 'authParameters.apiKeyAuthParameters.apiKeyValue' failed";
        assert_eq!(
            redact(message, &[]),
            "1 validation error detected: Value '(redacted)' at 'authParameters.apiKeyAuthParameters.apiKeyValue' failed"
        );
        let open = "1 validation error detected: Value 'cut off in the midd";
        assert!(!redact(open, &[]).contains("cut"));
    }

    #[test]
    fn texts_of_the_requests_secrets_are_taken_out_anywhere() {
        let secrets = [Secret::new("literal", "hunter2".to_owned()), Secret::new("literal", "a\"b".to_owned())];
        assert_eq!(redact("bad: hunter2hunter2 and a\\\"b", &secrets), "bad: (redacted)(redacted) and (redacted)");
    }

    #[test]
    fn very_short_secrets_leave_words_alone() {
        let secrets = [Secret::new("literal", "a".to_owned())];
        assert_eq!(redact("a bad 'a' value", &secrets), "a bad '(redacted)' value");
    }
}
