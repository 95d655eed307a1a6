//! The patterns of Glue's model [M]: each text with the function that decides it.

use crate::shape::Pattern;

pub(super) static NAME_PATTERN: Pattern = Pattern {
    text: r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*",
    matches: |text| text.chars().all(|c| c == '\t' || is_plain(c)),
};
pub(super) static DESCRIPTION_PATTERN: Pattern = Pattern {
    text: r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*",
    matches: |text| text.chars().all(|c| "\r\n\t".contains(c) || is_plain(c)),
};
pub(super) static NO_SPACE_PATTERN: Pattern = Pattern {
    text: r"\S+",
    matches: |text| !text.is_empty() && !text.contains(|c: char| " \t\n\x0b\x0c\r".contains(c)),
};
pub(super) static ONE_LINE_PATTERN: Pattern =
    Pattern { text: ".*", matches: |text| !text.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) };
pub(super) static PRINTABLE_PATTERN: Pattern =
    Pattern { text: r"^[\x20-\x7E]*$", matches: |text| text.bytes().all(|b| (0x20..=0x7e).contains(&b)) };
pub(super) static JWT_PATTERN: Pattern = Pattern {
    text: r"^([a-zA-Z0-9_=]+)\.([a-zA-Z0-9_=]+)\.([a-zA-Z0-9_\-\+\/=]*)",
    matches: |text| {
        let parts: Vec<&str> = text.split('.').collect();
        let of = |part: &str, more: &[u8]| {
            part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_=".contains(&b) || more.contains(&b))
        };
        matches!(parts[..], [head, body, end]
            if !head.is_empty() && !body.is_empty()
                && of(head, b"") && of(body, b"") && of(end, b"-+/"))
    },
};
pub(super) static URL_PATTERN: Pattern = Pattern {
    text: r"^(https?)://[-a-zA-Z0-9+&@#/%?=~_|!:,.;]*[-a-zA-Z0-9+&@#/%=~_|]",
    matches: |text| {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        rest.is_some_and(|rest| {
            !rest.is_empty()
                && !rest.ends_with(['?', '!', ':', ',', '.', ';'])
                && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-+&@#/%?=~_|!:,.;".contains(&b))
        })
    },
};
pub(super) static REDIRECT_PATTERN: Pattern = Pattern {
    text: r"^(https?):\/\/[^\s/$.?#].[^\s]*$",
    matches: |text| {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        rest.is_some_and(|rest| {
            rest.chars().count() >= 2
                && !rest.starts_with(['/', '$', '.', '?', '#'])
                && !rest.contains(|c: char| " \t\n\x0b\x0c\r".contains(c))
        })
    },
};
pub(super) static SECRET_ARN_PATTERN: Pattern = Pattern {
    text: "^arn:aws(-(cn|us-gov|iso(-[bef])?))?:secretsmanager:.*$",
    matches: |text| is_of_service(text, "secretsmanager:") && (ONE_LINE_PATTERN.matches)(text),
};
pub(super) static KMS_KEY_PATTERN: Pattern = Pattern {
    text: "^$|arn:aws[a-z0-9-]*:kms:.*",
    matches: |text| {
        let partition =
            text.strip_prefix("arn:aws").and_then(|rest| rest.split_once(":kms:")).map(|(partition, _)| partition);
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        text.is_empty() || (partition.is_some_and(|it| it.bytes().all(plain)) && (ONE_LINE_PATTERN.matches)(text))
    },
};
pub(super) static RESOURCE_PATTERN: Pattern = Pattern {
    text: "arn:aws(-(cn|us-gov|iso(-[bef])?))?:glue:.*",
    matches: |text| is_of_service(text, "glue:") && (ONE_LINE_PATTERN.matches)(text),
};
pub(super) static ROLE_PATTERN: Pattern = Pattern {
    text: "^arn:aws(-(cn|us-gov|iso(-[bef])?))?:iam::[0-9]{12}:role/.+",
    matches: |text| {
        let (_, rest) = text.split_once(":iam::").unwrap_or_default();
        let account = rest.get(..12).unwrap_or_default();
        let role = rest.get(12..).and_then(|it| it.strip_prefix(":role/"));
        is_of_service(text, "iam::")
            && account.bytes().all(|b| b.is_ascii_digit())
            && role.is_some_and(|role| !role.is_empty())
            && (ONE_LINE_PATTERN.matches)(text)
    },
};

fn is_plain(c: char) -> bool {
    c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}')
}

fn is_of_service(arn: &str, service: &str) -> bool {
    let partitions = ["", "-cn", "-us-gov", "-iso", "-iso-b", "-iso-e", "-iso-f"];
    let rest = arn.strip_prefix("arn:aws");
    partitions.iter().any(|partition| {
        rest.and_then(|rest| rest.strip_prefix(partition))
            .and_then(|rest| rest.strip_prefix(':'))
            .is_some_and(|rest| rest.starts_with(service))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex_lite::Regex;

    /// Every pattern's function decides as its text does; two texts write characters as UTF-16 pairs,
    /// which only the service's own language understands.
    #[test]
    fn functions_agree_with_their_patterns() {
        let samples = [
            "",
            " ",
            "a b",
            "a\tb",
            "a\nb",
            "~\u{7f}",
            "é",
            "a.b.c",
            "a.b.",
            "a.b",
            "a=_.b.c-+/=",
            "a-.b.c",
            "https://example.com/token?x=1&y",
            "https://example.com?",
            "http://",
            "http://a",
            "http://ab",
            "https://$a",
            "https://ex ample",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:a",
            "arn:aws-cn:secretsmanager:x",
            "arn:aws-iso-g:secretsmanager:x",
            "arn:aws:kms:us-east-1:123456789012:key/a",
            "arn:awsX:kms:a",
            "arn:aws:glue:us-east-1:123456789012:connection/a b",
            "arn:aws-us-gov:glue:x",
            "arn:aws:iam::123456789012:role/glue",
            "arn:aws:iam::12345678901:role/glue",
            "arn:aws:iam::123456789012:role/",
        ];
        let patterns = [
            &NO_SPACE_PATTERN,
            &ONE_LINE_PATTERN,
            &PRINTABLE_PATTERN,
            &JWT_PATTERN,
            &URL_PATTERN,
            &REDIRECT_PATTERN,
            &SECRET_ARN_PATTERN,
            &KMS_KEY_PATTERN,
            &RESOURCE_PATTERN,
            &ROLE_PATTERN,
        ];
        for pattern in patterns {
            // The service matches whole values.
            let regex = Regex::new(&format!("^(?:{})$", pattern.text)).unwrap();
            for sample in samples {
                assert_eq!((pattern.matches)(sample), regex.is_match(sample), "{} on {sample:?}", pattern.text);
            }
        }
        assert!((NAME_PATTERN.matches)("a\té😀") && !(NAME_PATTERN.matches)("a\nb"));
        assert!((DESCRIPTION_PATTERN.matches)("a\r\nb") && !(DESCRIPTION_PATTERN.matches)("\u{1}"));
    }
}
